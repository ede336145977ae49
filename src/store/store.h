/*
 * The store: a copy-on-write B+tree of sealed pages that holds the state of every tenant of a shard.
 *
 * A root is a state: immutable, shared by any number of readers, kept as long as somebody holds it. A fork is a private
 * state made from a root in O(1), which one thread changes; freezing it gives the next root, discarding it leaves no
 * trace. So a group commit, a savepoint, an interactive transaction and a reader's snapshot are one mechanism:
 *
 *     root --store_fork--> fork --put, delete--> --store_fork_freeze--> root'        (commit, savepoint)
 *                               \--store_fork_discard--> nothing                     (rollback)
 *
 * Nothing reaches the disk for good before a checkpoint. store_checkpoint() writes a root's changed pages into free
 * places of the file, syncs, and answers a reference; the caller keeps the reference (in the log's superblock) and says
 * store_checkpoint_confirmed() once that is durable. Opening with a reference gives that root again, lazily.
 *
 * Threads: a struct store may be used by any number of threads at once. A root may be read by all of them, also while
 * forks of it are changed. One fork and each cursor belong to one thread at a time. Several forks, of one root or of
 * different ones, may be open together.
 *
 * Failures: a page that does not open (bit flips, another file's page, a stale one) answers KMB_PROJECTION_DAMAGED and
 * names the page; the caller rebuilds from the log. A put or delete that fails leaves its fork *broken*: every later
 * call on it answers the same status, and it can only be discarded. What was frozen before stands.
 */
#ifndef KMB_STORE_STORE_H
#define KMB_STORE_STORE_H

#include "base/buffer.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/io.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define STORE_UUID_SIZE     16
#define STORE_REFERENCE_MAX 64  /* bytes of a root reference */
#define STORE_INFO_MAX      512 /* bytes a caller may leave in a checkpoint */
#define STORE_KEY_MAX       ((size_t)1 << 20)
#define STORE_VALUE_MAX     ((size_t)1 << 30)
#define STORE_DEPTH_MAX     16
#define STORE_CACHE_DEFAULT ((uint64_t)256 << 20)

struct store;
struct store_root; /* immutable state of all tenants, counted */
struct store_fork; /* private changing state */

/* The trees of a tenant. CURRENT and META are covered by the state hash; the others are derived from the same events.
 */
enum store_tree {
    STORE_CURRENT,  /* key -> stamp and newest row image; see history.h */
    STORE_HISTORY,  /* chunks of superseded versions; written through history.h only */
    STORE_DEPARTED, /* keys that have history and no current row; written through history.h only */
    STORE_INDEX,
    STORE_META,
    STORE_TREES
};

struct store_options {
    uint64_t cache_bytes_max; /* of page images in memory; 0: STORE_CACHE_DEFAULT. Pages in use may exceed it */
    bool read_only;           /* forks can be made and read, nothing is written: cache pressure is not relieved so */
    uint8_t uuid[STORE_UUID_SIZE]; /* of the log this is the projection of; bound into every page */
    /*
     * The key that seals a tenant's pages; tenant 0's seals what belongs to the shard. *key NULL: not sealed, only
     * hashed. Called from any thread, possibly at once; the key must live as long as the store. NULL: no sealing at
     * all.
     */
    enum kmb_status (*page_key)(void *context, uint32_t tenant, struct aead_key **key, struct kmb_error *error);
    void *page_key_context;
    struct environment environment; /* randomness for nonces */
};

/* What names a durable root: keep it where it can be trusted (the log's superblock). All zero: none. */
struct store_reference {
    uint8_t bytes[STORE_REFERENCE_MAX];
};
bool store_reference_is_zero(const struct store_reference *reference);

/*
 * Opens the file at path, at the root that `reference` names; NULL or all zero: makes the file anew and empty (what was
 * in it is lost). *root is held for the caller. Pages are read when they are needed.
 * KMB_PROJECTION_DAMAGED: the file is absent, of another log, or its root does not open: rebuild.
 */
enum kmb_status store_open(const struct io *io, const char *path, const struct store_options *options,
                           const struct store_reference *reference, struct store **store, struct store_root **root,
                           struct kmb_error *error);
/* Every root must have been released, every fork ended and every cursor closed. Writes nothing. NULL is fine. */
void store_close(struct store *store);

/* What the caller left in the checkpoint the store was opened from; empty for a new one. Lives as long as the store. */
struct slice store_info_opened(const struct store *store);

/* --- roots and forks ------------------------------------------------------------------------------------------ */

struct store_root *
store_root_retain(struct store_root *root);       /* O(1); the caller holds the root already. Its argument */
void store_root_release(struct store_root *root); /* NULL is fine */
uint64_t store_root_generation(const struct store_root *root); /* grows with every fork made */
/*
 * Says that a held root is being read, once for each who reads; store_info() tells what such roots cost. Any thread.
 */
void store_root_read_begin(struct store_root *root);
void store_root_read_end(struct store_root *root);
/* A number of the caller's by which store_info() names a root (an op); its forks inherit it. Before it is shared. */
void store_root_mark(struct store_root *root, uint64_t mark);

/* KMB_NO_MEMORY. The fork keeps what it needs of the root alive by itself. */
enum kmb_status store_fork(struct store_root *root, struct store_fork **fork, struct kmb_error *error);
/*
 * Ends the fork and gives its state as a root, held for the caller. All cursors on the fork must be closed. On failure
 * (the fork was broken, memory) the fork is still there, to be discarded. A savepoint is freeze and store_fork() again.
 */
enum kmb_status store_fork_freeze(struct store_fork *fork, struct store_root **root, struct kmb_error *error);
void store_fork_discard(struct store_fork *fork);       /* NULL is fine; cursors on it must be closed */
bool store_fork_changed(const struct store_fork *fork); /* anything put or deleted since it was made */

/*
 * Sets the value of a key, whatever was there. The value may be empty and up to STORE_VALUE_MAX; the
 * key 1..STORE_KEY_MAX. Neither may point into a cursor of the same fork. KMB_LIMIT, KMB_NO_MEMORY, KMB_IO,
 * KMB_PROJECTION_DAMAGED, ...
 */
enum kmb_status store_fork_put(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                               struct slice value, struct kmb_error *error);
/* The same for a value in two parts, so that a stamp need not be copied in front of an image. */
enum kmb_status store_fork_put_parts(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                                     struct slice first, struct slice second, struct kmb_error *error);
/* *found (may be NULL): whether the key was there. */
enum kmb_status store_fork_delete(struct store_fork *fork, uint32_t tenant, enum store_tree tree, struct slice key,
                                  bool *found, struct kmb_error *error);
/* Forgets all trees of a tenant, at once. */
enum kmb_status store_fork_drop_tenant(struct store_fork *fork, uint32_t tenant, struct kmb_error *error);

/* --- reading -------------------------------------------------------------------------------------------------- */

/* Where to read: a root, or a fork with its own changes. One of the two is set. */
struct store_view {
    struct store_root *root;
    struct store_fork *fork;
};
static inline struct store_view store_view_root(struct store_root *root) {
    return (struct store_view){.root = root};
}
static inline struct store_view store_view_fork(struct store_fork *fork) {
    return (struct store_view){.fork = fork};
}

/* *found says whether the key is there; then its value replaces the buffer's content (value NULL: only asks). */
enum kmb_status store_get(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice key,
                          struct buffer *value, bool *found, struct kmb_error *error);

/* A value where it lies, of a key that is there, and its page stays: entry is not NULL. */
struct store_held {
    struct store_entry *entry; /* of the page */
    struct slice value;        /* of a big one: where it is */
    bool big;
};

/*
 * Looks keys up together, which costs less than one by one. The view is of a root. What is found stays as it is until
 * store_held_drop(), which must be called after success; on an error nothing is held. Any thread.
 */
enum kmb_status store_get_many(struct store_view view, uint32_t tenant, enum store_tree tree, const struct slice *keys,
                               size_t count, struct store_held *held, struct kmb_error *error);
/* The value; a big one is read into `joined`. */
enum kmb_status store_held_value(struct store_view view, uint32_t tenant, const struct store_held *held,
                                 struct buffer *joined, struct slice *value, struct kmb_error *error);
/* Asks memory for the places of keys that are about to be looked up one by one; what fails is for the lookup to tell.
 */
void store_ahead(struct store_view view, uint32_t tenant, enum store_tree tree, const struct slice *keys, size_t count);
void store_held_drop(struct store_held *held, size_t count);

/* Number of keys in a tree; O(1). */
enum kmb_status store_count(struct store_view view, uint32_t tenant, enum store_tree tree, uint64_t *count,
                            struct kmb_error *error);
/*
 * About how many keys lie in [low, high) (high empty: no bound), in two descents: exact when they share a leaf, else
 * from how far apart the two ways lie in the tree.
 */
enum kmb_status store_estimate(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice low,
                               struct slice high, uint64_t *rows, struct kmb_error *error);
/*
 * A key that stands at about `part` (0 to 1) of [low, high) (high empty: no bound), in one descent more: for samples.
 * Between two parts lie about as many keys as the distance says. *found false: the tree is empty.
 */
enum kmb_status store_key_at(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice low,
                             struct slice high, double part, struct buffer *key, bool *found, struct kmb_error *error);
/* Sum modulo 2^256 of BLAKE3(tree | key length | key | value) over CURRENT and META; O(1). */
enum kmb_status store_state_hash(struct store_view view, uint32_t tenant, struct hash256 *hash,
                                 struct kmb_error *error);
/* Calls each with every tenant that has a tree, in order. An answer other than KMB_OK ends the walk and is returned. */
enum kmb_status store_tenants(struct store_view view, enum kmb_status (*each)(void *context, uint32_t tenant),
                              void *context, struct kmb_error *error);

/* Private: the way from a tree's root to a leaf. */
struct store_entry;
struct store_step {
    uint64_t slot;
    struct store_entry *entry;
    uint8_t *image;
    unsigned index;
};
struct store_path {
    unsigned depth;
    struct store_step steps[STORE_DEPTH_MAX];
};

/*
 * A place in one tree. Zero it or open it; closing a zeroed or closed one is fine. It holds its root.
 *
 * While `valid`, key is that of the place and store_cursor_value() its value. On a root both stay until the cursor
 * moves or is closed. On a fork the key does too, the value until the fork is next changed; the cursor may be moved
 * after changes (also when its own key was deleted): next and prev go on from the key it stood at.
 */
struct store_cursor {
    bool valid;
    struct slice key;
    /* private */
    bool value_big;
    struct slice value;
    struct store *store;
    struct store_view view;
    uint32_t tenant;
    unsigned tree;
    unsigned lines_ahead;
    uint64_t changes;
    struct store_path path;
    struct store_step after; /* the leaf after this one, pinned ahead; entry NULL: none */
    struct buffer key_copy;
    struct buffer value_copy;
};

enum kmb_status store_cursor_open(struct store_cursor *cursor, struct store_view view, uint32_t tenant,
                                  enum store_tree tree, struct kmb_error *error);
void store_cursor_close(struct store_cursor *cursor);

/* Each answers KMB_OK with `valid` false when there is no such place. After an error the cursor is not valid. */
enum kmb_status store_cursor_first(struct store_cursor *cursor, struct kmb_error *error);
enum kmb_status store_cursor_last(struct store_cursor *cursor, struct kmb_error *error);
/* The first key >= the given one; quick when it lies near, ahead. */
enum kmb_status store_cursor_seek(struct store_cursor *cursor, struct slice key, struct kmb_error *error);
/* The last key <= the given one. */
enum kmb_status store_cursor_seek_back(struct store_cursor *cursor, struct slice key, struct kmb_error *error);
/*
 * Whether the slices of this place (key and value) stay as they are over the next move, so that a reader may gather
 * several places before it uses them: on a root, neither kept in the cursor, and the neighbour in the same page.
 */
bool store_cursor_settled(const struct store_cursor *cursor, bool back);
struct store_place {
    struct slice key;
    struct slice value;
};
/*
 * Takes the places from a valid cursor's own to the last one of its page below `high`, at most max, in one loop, and
 * leaves the cursor on the last one taken; the slices stay while it stays in the page. 0 where places must be taken one
 * by one: on a fork, and where the key or the value is kept elsewhere.
 */
size_t store_cursor_take(struct store_cursor *cursor, struct slice high, struct store_place *places, size_t max);
/* Only on a valid cursor. */
enum kmb_status store_cursor_next(struct store_cursor *cursor, struct kmb_error *error);
enum kmb_status store_cursor_prev(struct store_cursor *cursor, struct kmb_error *error);

enum kmb_status store_cursor_value_big(struct store_cursor *cursor, struct slice *value, struct kmb_error *error);
/* The value at a valid cursor; a big one is fetched and joined here, and only here. */
static inline enum kmb_status store_cursor_value(struct store_cursor *cursor, struct slice *value,
                                                 struct kmb_error *error) {
    if (!cursor->value_big) {
        *value = cursor->value;
        return KMB_OK;
    }
    return store_cursor_value_big(cursor, value, error);
}

/*
 * What differs between two roots in [low, high) of one tree, in key order. Pages that both share are passed over
 * unread, so it costs what was changed between them and not what there is. Zero it or open it; closing a zeroed one is
 * fine.
 */
struct store_difference {
    bool in_before; /* the key at hand stands there: with the value of the cursor */
    bool in_after;
    struct store_cursor before;
    struct store_cursor after;
    struct slice high; /* borrowed; empty: no bound */
};
enum kmb_status store_difference_open(struct store_difference *difference, struct store_root *before,
                                      struct store_root *after, uint32_t tenant, enum store_tree tree, struct slice low,
                                      struct slice high, struct kmb_error *error);
/* KMB_ROW: a key that is not in both, or not with one value; good until the next call. KMB_DONE: no other. */
enum kmb_status store_difference_next(struct store_difference *difference, struct kmb_error *error);
void store_difference_close(struct store_difference *difference);

/* --- disk ----------------------------------------------------------------------------------------------------- */

/*
 * Makes sure that changes of about this many bytes can later be written: grows the file ahead. KMB_DISK_FULL when there
 * is no room, and then nothing has happened. Call before logging what will be evolved.
 */
enum kmb_status store_reserve(struct store *store, uint64_t bytes, struct kmb_error *error);

/*
 * Writes what of `root` is not yet on disk, with `info` (at most STORE_INFO_MAX bytes of the caller's: op, positions),
 * syncs, and answers the reference. Never touches a page of the last two confirmed checkpoints, nor of one not yet
 * confirmed. root must be the one opened, the last one checkpointed, or descend from it. One checkpoint at a time;
 * readers and forks of other threads go on meanwhile. A failure leaves the store as it was, and may be tried again.
 */
enum kmb_status store_checkpoint(struct store *store, struct store_root *root, struct slice info,
                                 struct store_reference *reference, struct kmb_error *error);
/* The last reference answered is durable where the caller keeps it: pages of older checkpoints may be used again. */
void store_checkpoint_confirmed(struct store *store);

struct store_info {
    uint64_t file_bytes;
    uint64_t pages_used;  /* places of the file taken by any state alive */
    uint64_t pages_free;  /* places free for use, below the end of the file */
    uint64_t pages_dirty; /* in memory, not on disk */
    uint64_t cache_bytes; /* page images in memory */
    uint64_t cache_bytes_max;
    uint64_t pages_read;            /* since open */
    uint64_t pages_written;         /* since open */
    uint64_t pages_evicted;         /* since open */
    uint64_t generation;            /* of the newest fork */
    uint64_t generation_checkpoint; /* of the last checkpoint, confirmed or not */
    uint64_t roots;                 /* roots held by anyone, checkpoints not counted */
    uint64_t roots_read;            /* roots that somebody reads: store_root_read_begin() */
    uint64_t mark_oldest;           /* of the oldest of them: store_root_mark(); 0: none */
    uint64_t read_bytes;            /* pages replaced since, kept for them and for no checkpoint */
};
void store_info(struct store *store, struct store_info *info);

/* Pages that the calling thread has asked for since it began: found in memory, read from the file, changed for the
 * first time since they were written. For differences: what a piece of work took. */
struct store_touched {
    uint64_t hits;
    uint64_t reads;
    uint64_t dirtied;
};
struct store_touched store_touched(void);

/*
 * Reads every page of a root from the file or memory, opens it and checks the order of its keys. each (may be NULL) is
 * told of every damaged page, once; without it the first damage is the answer. Counts pages looked at.
 */
enum kmb_status store_verify(struct store *store, struct store_root *root,
                             void (*each)(void *context, uint64_t slot, const struct kmb_error *error), void *context,
                             uint64_t *pages, struct kmb_error *error);

#endif
