/*
 * What the files of this room share: the bytes of a page, the page table, versions, forks. Not for other rooms.
 *
 * A page is known by its slot, the number of its 8 KiB place in the file, from the moment it is made. The page table
 * maps a slot to struct store_entry; an entry tells whether the page is in memory, who pins it, and its tag once it was
 * written. A *reference* is 24 bytes inside a parent page: slot (8) and tag (16). The tag there counts only while the
 * entry has none of its own (a page written by this process has it in the entry).
 *
 * Locks, in the order they may nest:
 *   write_lock    one writer of pages to the file at a time (checkpoint, relief of the cache)
 *   version_lock  the tree of versions, open forks, checkpoints
 *   load_locks[]  one reader of a slot from the file at a time; also guards entry.tag
 *   cache_lock    slots, images, the list of resident pages
 */
#ifndef KMB_STORE_INTERNAL_H
#define KMB_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "store/store.h"

/* --- page bytes ----------------------------------------------------------------------------------------------- */

#define STORE_PAGE     8192u
#define PAGE_BODY      ((unsigned)AEAD_NONCE_SIZE) /* what is sealed begins here; the nonce stands before it */
#define PAGE_BODY_SIZE (STORE_PAGE - PAGE_BODY)
#define PAGE_CELLS     (PAGE_BODY + 48u) /* the array of cell places */
#define PAGE_ROOM      (STORE_PAGE - PAGE_CELLS)
#define PAGE_IMAGE     (STORE_PAGE + 64u)          /* memory of an image: room for a tag behind it */
#define PAGE_MERGE     (PAGE_ROOM / 3)             /* fuller pages are left alone by deletes */
#define PAGE_MERGED    (PAGE_ROOM - PAGE_ROOM / 8) /* two pages are merged when they fit into this */

#define REF_SIZE       24u /* slot, tag */
#define TAG_SIZE       16u
#define BLOB_REF_SIZE  32u /* length, slot, tag */
#define CELL_HEAD      4u  /* key length, value length; the top bit of each says "big" */
#define CELL_BIG       0x8000u
#define CELL_MAX       2690u /* three cells and their offsets always fit a page: a split always succeeds */
#define KEY_INLINE_MAX 2048u
#define PLACE_SIZE     6u /* u16 offset of the cell, u32 hint of its key */
#define HINT_BYTES     4u
#define PREFIX_KEPT    16u  /* bytes of the common prefix that stand in the header */
#define KEY_PREFIX     512u /* of a big key kept in the cell, before its blob reference */
#define BLOB_FANOUT    (PAGE_ROOM / REF_SIZE)
#define BLOB_LEVELS    5u

#define STORE_DIRECTORY STORE_TREES /* the tree of tenants: tenant id (big-endian) -> record */
#define TREE_RECORD     33u         /* reference, count, level */
#define TENANT_RECORD   (STORE_TREES * TREE_RECORD + HASH256_SIZE)

enum page_type { PAGE_LEAF = 1, PAGE_INNER, PAGE_BLOB_DATA, PAGE_BLOB_INDEX, PAGE_CHECKPOINT };

struct page_header {
    uint8_t type;
    uint8_t level;    /* 0: leaf, blob data */
    uint16_t count;   /* cells; references of a blob index; bytes of blob data */
    uint16_t heap;    /* offset of the lowest cell */
    uint16_t garbage; /* bytes of dead cells above heap */
    uint32_t tenant;
    uint8_t tree;
    uint8_t run;         /* insertions in a row, each just after the one before */
    uint16_t bigs;       /* cells with a big key or value */
    uint64_t generation; /* that made the page */
    uint16_t last;       /* where the last insertion went */
    uint16_t prefix;     /* bytes that all keys have in common; at most KEY_PREFIX - HINT_BYTES */
    uint8_t spare[4];
    uint8_t common[PREFIX_KEPT]; /* the first of them */
};
_Static_assert(sizeof(struct page_header) == 48, "the header is 48 bytes on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pages are little-endian and used in place");

static inline struct page_header *page_header(uint8_t *image) {
    return (struct page_header *)(void *)(image + PAGE_BODY);
}
static inline const struct page_header *page_head(const uint8_t *image) {
    return (const struct page_header *)(const void *)(image + PAGE_BODY);
}
static inline uint16_t page_u16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, 2);
    return value;
}
static inline uint64_t page_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return value;
}
static inline unsigned page_offset(const uint8_t *image, unsigned index) {
    return page_u16(image + PAGE_CELLS + PLACE_SIZE * (size_t)index);
}
static inline uint32_t page_hint(const uint8_t *image, unsigned index) {
    uint32_t hint;
    memcpy(&hint, image + PAGE_CELLS + PLACE_SIZE * (size_t)index + 2, sizeof hint);
    return hint;
}
/* Four bytes of a key behind the page's common prefix, as a number that orders like them. */
static inline uint32_t key_hint(const uint8_t *key, size_t length, size_t prefix) {
    if (__builtin_expect(length >= prefix + HINT_BYTES, 1)) {
        uint32_t hint;
        memcpy(&hint, key + prefix, sizeof hint);
        return __builtin_bswap32(hint);
    }
    uint32_t hint = 0;
    for (size_t i = prefix; i < length; i++) {
        hint |= (uint32_t)key[i] << (24 - 8 * (i - prefix));
    }
    return hint;
}
static inline const uint8_t *page_cell(const uint8_t *image, unsigned index) {
    return image + page_offset(image, index);
}
static inline unsigned cell_key_length(const uint8_t *cell) { /* stored bytes: prefix and reference when big */
    return page_u16(cell) & 0x7fffu;
}
static inline unsigned cell_key_known(const uint8_t *cell) { /* bytes of the key itself that stand in the cell */
    unsigned stored = page_u16(cell);
    return (stored & CELL_BIG) != 0 ? KEY_PREFIX : stored;
}
static inline unsigned cell_value_length(const uint8_t *cell) {
    return page_u16(cell + 2) & 0x7fffu;
}
static inline bool cell_key_big(const uint8_t *cell) {
    return (page_u16(cell) & CELL_BIG) != 0;
}
static inline bool cell_value_big(const uint8_t *cell) {
    return (page_u16(cell + 2) & CELL_BIG) != 0;
}
static inline unsigned cell_size(const uint8_t *cell) {
    return CELL_HEAD + cell_key_length(cell) + cell_value_length(cell);
}
static inline const uint8_t *cell_key(const uint8_t *cell) {
    return cell + CELL_HEAD;
}
static inline const uint8_t *cell_value(const uint8_t *cell) {
    return cell + CELL_HEAD + cell_key_length(cell);
}
#define PAGE_AHEAD_LINES 6u /* header and some fifty offsets: what a usual leaf has */
static inline uint8_t *page_child(uint8_t *image, unsigned index) { /* reference in an inner page */
    uint8_t *cell = image + page_offset(image, index);
    return cell + CELL_HEAD + cell_key_length(cell);
}

/* A cell as its parts, to be inserted. */
struct cell {
    struct slice key; /* stored bytes */
    bool key_big;
    bool value_big;
    struct slice first; /* value, in two parts */
    struct slice second;
};
static inline unsigned cell_bytes(const struct cell *cell) {
    return (unsigned)(CELL_HEAD + cell->key.length + cell->first.length + cell->second.length);
}
static inline struct cell cell_parts(const uint8_t *cell) {
    return (struct cell){.key = slice_make(cell_key(cell), cell_key_length(cell)),
                         .key_big = cell_key_big(cell),
                         .value_big = cell_value_big(cell),
                         .first = slice_make(cell_value(cell), cell_value_length(cell))};
}

/* page.c */
void page_start(uint8_t *image, enum page_type type, unsigned level, uint32_t tenant, unsigned tree,
                uint64_t generation);
unsigned page_used(const uint8_t *image); /* bytes of cells and offsets */
bool page_fits(const uint8_t *image, unsigned cell_bytes_more);
void page_insert(uint8_t *image, unsigned index, const struct cell *cell); /* it must fit */
void page_remove(uint8_t *image, unsigned index);
/* Replaces a cell; false, and nothing done, when it does not fit. The cell may not point into the page. */
void page_hints(uint8_t *image); /* common prefix and hints anew, after cells were cut off */
bool page_replace(uint8_t *image, unsigned index, const struct cell *cell);
/* Is it safe to use? Everything a later access relies on is checked here, once, when a page comes from disk. */
bool page_valid(const uint8_t *image, uint32_t tenant);

/* Goes over the references inside a page, of whatever kind. */
struct page_refs {
    const uint8_t *image;
    unsigned index;
    unsigned part;
};
bool page_refs_next(struct page_refs *refs, unsigned *offset, uint32_t *tenant);
bool page_plain(const uint8_t *image); /* holds no reference */

/* --- page table ----------------------------------------------------------------------------------------------- */

#define ENTRY_EVICTING   0x80000000u
#define ENTRY_DIRTY      0x40000000u /* in memory only */
#define ENTRY_TAGGED     0x20000000u /* entry.tag counts, not the parent's */
#define ENTRY_REFERENCED 0x10000000u /* used since the clock's hand passed */
#define ENTRY_PLAIN      0x08000000u /* written, and known to hold no reference */
#define ENTRY_PINS       0x00ffffffu

struct store_entry {
    _Atomic(uint8_t *) image; /* NULL: not in memory */
    _Atomic uint32_t state;
    uint32_t resident; /* index in store.resident, under cache_lock */
    uint64_t birth;    /* generation that made it; 0: made before the store was opened */
    uint8_t tag[TAG_SIZE];
};

#define CHUNK_ENTRIES 4096u
#define CHUNKS_MAX    65536u
#define SLOTS_MAX     ((uint64_t)CHUNK_ENTRIES * CHUNKS_MAX) /* 2 TiB of file */
#define LOAD_LOCKS    64u

struct slot_list {
    uint64_t *slots;
    size_t count;
    size_t capacity;
};
bool slot_list_push(struct slot_list *list, uint64_t slot);
void slot_list_free(struct slot_list *list);

struct checkpoint {
    struct checkpoint *older;
    struct store_root *root; /* held; NULL for what an opened file's last but one checkpoint alone uses */
    struct slot_list own;    /* slots of the checkpoint page and its map */
    struct buffer map;       /* a bit per slot that the root reaches */
    uint64_t generation;
    bool confirmed;
};

struct store {
    struct io io;
    struct io_file *file;
    char *path;
    struct store_options options;
    struct buffer info;

    _Atomic(struct store_entry *) *chunks;
    pthread_mutex_t load_locks[LOAD_LOCKS];

    pthread_mutex_t cache_lock;
    struct slot_list resident;
    size_t hand;
    struct slot_list slabs;  /* addresses of the blocks that images lie in */
    uint8_t *images_spare;   /* linked through their first bytes */
    _Atomic uint64_t images; /* in use */
    uint64_t images_max;
    struct slot_list free;  /* slots to be used again */
    struct slot_list far;   /* the same, beyond slots_backed when they were given up */
    struct slot_list limbo; /* given up while pinned */
    uint64_t slots_end;     /* first slot never used */
    uint64_t slots_backed;  /* of the file, reserved on disk */
    uint64_t slots_lost;    /* could not be remembered as free for want of memory; back after the next open */

    pthread_mutex_t write_lock;
    bool directory_synced; /* the file's name is durable; under write_lock */
    bool relief_failed;    /* writing under pressure failed; not tried again before a checkpoint works */

    pthread_mutex_t version_lock;
    bool closing;
    uint64_t generation;
    struct store_root *versions;    /* all nodes */
    struct checkpoint *checkpoints; /* newest first */
    struct slot_list pinned_before; /* slots that only the last but one checkpoint of an opened file uses */

    _Atomic uint64_t dirty;
    _Atomic uint64_t reads;
    _Atomic uint64_t writes;
    _Atomic uint64_t evictions;
};

static inline struct store_entry *entry_peek(const struct store *store, uint64_t slot) {
    if (slot >= SLOTS_MAX) {
        return NULL;
    }
    struct store_entry *chunk = atomic_load_explicit(&store->chunks[slot / CHUNK_ENTRIES], memory_order_acquire);
    return chunk == NULL ? NULL : &chunk[slot % CHUNK_ENTRIES];
}
static inline uint32_t entry_state(const struct store_entry *entry) {
    return atomic_load_explicit(&entry->state, memory_order_relaxed);
}

/* cache.c */
enum kmb_status cache_open(struct store *store, struct kmb_error *error);
void cache_close(struct store *store);
struct store_entry *entry_make(struct store *store, uint64_t slot); /* NULL: no memory, or beyond SLOTS_MAX */
enum kmb_status page_pin_slow(struct store *store, uint32_t tenant, const uint8_t *ref, struct store_entry **entry,
                              uint8_t **image, struct kmb_error *error);
/* A fresh page: pinned, dirty, its bytes not yet set. */
enum kmb_status page_new(struct store *store, uint64_t generation, uint64_t *slot, struct store_entry **entry,
                         uint8_t **image, struct kmb_error *error);
void page_free(struct store *store, uint64_t slot);
void page_dirty(struct store *store,
                struct store_entry *entry); /* before changing a page in place; it must be pinned */
/* Brings the cache towards its budget by writing out what may be written; fork (may be NULL): the caller's own. */
void cache_relieve(struct store *store, struct store_fork *fork);
static inline bool cache_full(const struct store *store) {
    return atomic_load_explicit(&store->images, memory_order_relaxed) > store->images_max;
}

static inline void page_unpin(struct store_entry *entry) {
    atomic_fetch_sub_explicit(&entry->state, 1, memory_order_release);
}
extern _Thread_local struct store_touched store_thread_touched; /* a word a thread: no line shared by readers */
/* Holds the page if it is in memory. */
static inline bool page_pin_present(struct store *store, uint64_t slot, struct store_entry **entry, uint8_t **image) {
    struct store_entry *found = entry_peek(store, slot);
    if (__builtin_expect(found == NULL, 0)) {
        return false;
    }
    uint32_t before = atomic_fetch_add_explicit(&found->state, 1, memory_order_acquire);
    uint8_t *present = atomic_load_explicit(&found->image, memory_order_acquire);
    if (__builtin_expect((before & ENTRY_EVICTING) != 0 || present == NULL, 0)) {
        page_unpin(found);
        return false;
    }
    if ((before & ENTRY_REFERENCED) == 0) {
        atomic_fetch_or_explicit(&found->state, ENTRY_REFERENCED, memory_order_relaxed);
    }
    store_thread_touched.hits++;
    *entry = found;
    *image = present;
    return true;
}
/* Holds the page in memory, reading it when needed. ref: 24 bytes, in the parent. */
static inline enum kmb_status page_pin(struct store *store, uint32_t tenant, const uint8_t *ref,
                                       struct store_entry **entry, uint8_t **image, struct kmb_error *error) {
    if (__builtin_expect(page_pin_present(store, page_u64(ref), entry, image), 1)) {
        return KMB_OK;
    }
    return page_pin_slow(store, tenant, ref, entry, image, error);
}

/* seal.c */
enum kmb_status page_damaged(struct kmb_error *error, uint64_t slot, const char *why);
/* Reads, opens and checks a page into an image. */
enum kmb_status page_read(struct store *store, uint32_t tenant, uint64_t slot, const uint8_t tag[TAG_SIZE],
                          uint8_t *image, struct kmb_error *error);

#define WRITER_PAGES 64u
/* Collects sealed pages that lie side by side into one write. Only under write_lock. */
struct page_writer {
    struct store *store;
    uint8_t *scratch;
    uint64_t slot_first;
    unsigned count;
    struct store_entry *entries[WRITER_PAGES];
    bool plain[WRITER_PAGES];
};
enum kmb_status page_writer_open(struct page_writer *writer, struct store *store, struct kmb_error *error);
/* Takes over one pin of the entry, which must hold every child written before. The page is clean after the flush. */
enum kmb_status page_writer_add(struct page_writer *writer, uint32_t tenant, uint64_t slot, struct store_entry *entry,
                                const uint8_t *image, struct kmb_error *error);
enum kmb_status page_writer_flush(struct page_writer *writer, struct kmb_error *error);
void page_writer_close(struct page_writer *writer); /* drops what was not flushed: those pages stay dirty */

/* --- versions ------------------------------------------------------------------------------------------------- */

struct tree_state {
    uint8_t ref[REF_SIZE]; /* slot 0: empty */
    uint64_t count;
    uint8_t level;
};
struct tenant_state {
    uint32_t tenant;
    bool changed;
    struct tree_state trees[STORE_TREES];
    uint64_t hash[4];
};
struct retired {
    uint64_t slot;
    uint64_t birth;
};
struct retired_list {
    struct retired *items;
    size_t count;
    size_t capacity;
};

#define TENANTS_KEPT 4u

/* A version: a root, or the state below an open fork. */
#define MADE_MAX 56 /* pages that a version remembers to have made */

struct store_root {
    struct store *store;
    struct store_root *parent; /* version_lock: all links, open, retired of frozen versions */
    struct store_root *all_next, *all_previous;
    unsigned children;
    bool open;
    uint64_t generation;
    _Atomic uint64_t holds;
    _Atomic uint64_t readers;    /* store_root_read_begin() */
    uint64_t mark;               /* store_root_mark() */
    struct retired_list retired; /* pages of older versions that this one no longer has */
    unsigned made_count;         /* MADE_MAX + 1: it made others too */
    uint64_t made[MADE_MAX];     /* slots of the pages that go with it */
    struct tree_state directory;
    unsigned kept_count; /* tenants lately changed, so that they need no look into the directory */
    struct tenant_state kept[TENANTS_KEPT];
};

/* A path (store.h): from a tree's root to a leaf; each page pinned. steps[0] is the root's page. */
void path_drop(struct store_path *path);

struct finger { /* where the last put went: the next is often beside it */
    bool valid;
    uint32_t tenant;
    struct store_path path;
};

struct store_fork {
    struct store *store;
    struct store_root *version;
    struct tree_state directory;
    struct tenant_state *tenants; /* sorted */
    size_t tenant_count;
    size_t tenant_capacity;
    struct finger fingers[STORE_TREES];
    uint64_t changes;
    unsigned cursors;
    enum kmb_status broken;
    struct kmb_error why;
};

/* version.c */
/* A page of the fork's own, and the fork notes it. */
enum kmb_status fork_page_new(struct store_fork *fork, uint64_t *slot, struct store_entry **entry, uint8_t **image,
                              struct kmb_error *error);
/* Notes one that was made for it. */
void fork_page_made(struct store_fork *fork, uint64_t slot);
struct store_root *version_new(struct store *store, struct store_root *parent, bool open);
enum kmb_status fork_tenant(struct store_fork *fork, uint32_t tenant, struct tenant_state **state,
                            struct kmb_error *error);
enum kmb_status view_tenant(struct store_view view, uint32_t tenant, struct tenant_state *state,
                            struct kmb_error *error);
/* The same when no look into the directory is needed, else NULL. Lives until the view changes. */
const struct tenant_state *view_tenant_quick(struct store_view view, uint32_t tenant);
static inline struct store *view_store(struct store_view view) {
    return view.root != NULL ? view.root->store : view.fork->store;
}
/* The fork no longer uses the page: free at once if it made it, else when no older version is left. */
enum kmb_status fork_give_up(struct store_fork *fork, uint64_t slot, struct kmb_error *error);
/* The same for all pages below and including ref. */
enum kmb_status fork_give_up_all(struct store_fork *fork, uint32_t tenant, const uint8_t *ref, unsigned depth,
                                 struct kmb_error *error);
void tenant_encode(const struct tenant_state *state, uint8_t record[TENANT_RECORD]);
void tenant_decode(struct tenant_state *state, uint32_t tenant, const uint8_t record[TENANT_RECORD]);

/* tree.c */
/* Where the key is or would be: the first cell not below it. An inner page: the child to follow. */
enum kmb_status page_search(struct store *store, const uint8_t *image, struct slice key, unsigned *index, bool *exact,
                            struct kmb_error *error);
enum kmb_status tree_descend(struct store *store, uint32_t tenant, const struct tree_state *tree, struct slice key,
                             struct store_path *path, bool *exact, struct kmb_error *error);
/* entry NULL: there is no such key. */
enum kmb_status tree_hold(struct store *store, uint32_t tenant, const struct tree_state *tree, struct slice key,
                          struct store_held *held, struct kmb_error *error);
enum kmb_status view_hold(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice key,
                          struct store_held *held, struct kmb_error *error);
/* Copies or joins the value into the buffer, replacing what is there. */
enum kmb_status held_read(struct store *store, uint32_t tenant, const struct store_held *held, struct buffer *value,
                          struct kmb_error *error);
void held_drop(struct store_held *held); /* one that holds nothing is fine */
enum kmb_status cell_key_whole(struct store *store, uint32_t tenant, const uint8_t *cell, struct buffer *scratch,
                               struct slice *key, struct kmb_error *error);
enum kmb_status cell_value_whole(struct store *store, uint32_t tenant, const uint8_t *cell, struct buffer *scratch,
                                 struct slice *value, struct kmb_error *error);

/* cursor.c */
/* Two cursors on roots that stand at one place of one page: moves both behind what they share from there on. *moved
 * false: they do not, and stay. */
enum kmb_status cursors_skip_shared(struct store_cursor *left, struct store_cursor *right, bool *moved,
                                    struct kmb_error *error);

/* change.c */
enum kmb_status tree_put(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                         struct finger *finger, uint64_t *hash, struct slice key, struct slice first,
                         struct slice second, struct kmb_error *error);
enum kmb_status tree_delete(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                            uint64_t *hash, struct slice key, bool *found, struct kmb_error *error);
/* split.c */
enum kmb_status path_own(struct store_fork *fork, struct tree_state *tree, struct store_path *path,
                         struct kmb_error *error);
enum kmb_status path_insert(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                            struct store_path *path, const struct cell *cell, struct kmb_error *error);
enum kmb_status path_shrink(struct store_fork *fork, uint32_t tenant, struct tree_state *tree, struct store_path *path,
                            struct kmb_error *error);

/* blob.c */
/* Writes the joined parts into pages of their own; reference (32 bytes) out. */
enum kmb_status blob_write(struct store *store, uint64_t generation, struct store_fork *fork, uint32_t tenant,
                           struct slice first, struct slice second, uint8_t reference[BLOB_REF_SIZE],
                           struct kmb_error *error);
enum kmb_status blob_read(struct store *store, uint32_t tenant, const uint8_t reference[BLOB_REF_SIZE],
                          struct buffer *out, struct kmb_error *error);
enum kmb_status blob_give_up(struct store_fork *fork, uint32_t tenant, const uint8_t reference[BLOB_REF_SIZE],
                             struct kmb_error *error);
uint64_t blob_pages(uint64_t length); /* places it takes */

/* checkpoint.c */
enum kmb_status checkpoint_load(struct store *store, const struct store_reference *reference, struct store_root *root,
                                struct kmb_error *error);
void checkpoint_free(struct store *store, struct checkpoint *checkpoint);

#endif
