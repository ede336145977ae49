/*
 * Making a root durable, and finding it again.
 *
 * A checkpoint writes the pages of a root that are only in memory, children first so that each parent can carry its
 * children's tags; then the map of used slots as a blob; then one checkpoint page that names the directory of tenants,
 * the map and the caller's bytes; then it syncs. The checkpoint page's slot and tag are the reference. Nothing that an
 * earlier checkpoint reaches is written over, so a crash at any point leaves the earlier ones whole.
 *
 * The map has a bit per slot reachable from the root. It is not found by walking the whole tree but from the map
 * before: minus the pages that versions since then have retired, plus the pages met on the walk, which goes only into
 * pages made since then. Beside it stands the map of the confirmed checkpoint before, so that after a restart the slots
 * of both stay untouched until the next checkpoint is confirmed: if the newest reference is lost, the one before still
 * opens. The map's own pages are not in it; a reader learns them while it reads the map.
 */
#include "store/internal.h"

#define REFERENCE_MAGIC 0x3152534bu /* "KSR1" */
#define MAP_HEAD        8u
/* offsets in the checkpoint page */
#define AT_END       PAGE_CELLS
#define AT_DIRECTORY (AT_END + 8)
#define AT_MAP       (AT_DIRECTORY + TREE_RECORD)
#define AT_INFO      (AT_MAP + BLOB_REF_SIZE)

bool store_reference_is_zero(const struct store_reference *reference) {
    static const struct store_reference zero;
    return memcmp(reference, &zero, sizeof zero) == 0;
}

static bool map_get(struct slice map, uint64_t slot) {
    return slot / 8 < map.length && (map.bytes[slot / 8] >> (slot % 8) & 1) != 0;
}

static bool map_set(struct buffer *map, uint64_t slot) {
    while (slot / 8 >= map->length) {
        size_t extra = slot / 8 + 1 - map->length;
        uint8_t *room = buffer_extend(map, extra);
        if (room == NULL) {
            return false;
        }
        memset(room, 0, extra);
    }
    map->bytes[slot / 8] = (uint8_t)(map->bytes[slot / 8] | 1u << (slot % 8));
    return true;
}

static void map_clear(struct buffer *map, uint64_t slot) {
    if (slot / 8 < map->length) {
        map->bytes[slot / 8] = (uint8_t)(map->bytes[slot / 8] & ~(1u << (slot % 8)));
    }
}

static enum kmb_status map_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "no memory for the store's map of pages");
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct writing {
    struct store *store;
    struct page_writer writer;
    uint64_t floor; /* pages made later are new since the checkpoint before */
    struct buffer map;
    struct slot_list own;
    bool owned; /* what is written now are the checkpoint's own pages */
};

/* Writes what is dirty at and below ref, children first. Depth is that of a tree over a tree over a blob. */
static enum kmb_status write_below(struct writing *writing, uint32_t tenant, const uint8_t *ref, unsigned depth,
                                   struct kmb_error *error) {
    struct store *store = writing->store;
    uint64_t slot = page_u64(ref);
    struct store_entry *entry = entry_peek(store, slot);
    if (slot == 0 || entry == NULL || entry->birth <= writing->floor) {
        return KMB_OK;
    }
    ASSERT(depth <= 2 * STORE_DEPTH_MAX + BLOB_LEVELS);
    if (!(writing->owned ? slot_list_push(&writing->own, slot) : map_set(&writing->map, slot))) {
        return map_no_memory(error);
    }
    if ((entry_state(entry) & ENTRY_PLAIN) != 0) {
        return KMB_OK;
    }
    uint8_t *image;
    enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    struct page_refs refs = {.image = image};
    unsigned offset;
    uint32_t child_tenant;
    while (status == KMB_OK && page_refs_next(&refs, &offset, &child_tenant)) {
        status = write_below(writing, child_tenant, image + offset, depth + 1, error);
    }
    if (status == KMB_OK && (entry_state(entry) & ENTRY_DIRTY) != 0) {
        return page_writer_add(&writing->writer, tenant, slot, entry, image, error);
    }
    page_unpin(entry);
    return status;
}

/* Starts the map from the checkpoint before, less what was retired since. */
static enum kmb_status map_start(struct writing *writing, const struct store_root *root, struct kmb_error *error) {
    struct store *store = writing->store;
    enum kmb_status status = KMB_OK;
    pthread_mutex_lock(&store->version_lock);
    const struct checkpoint *base = store->checkpoints;
    if (base != NULL) {
        writing->floor = base->generation;
        buffer_append_slice(&writing->map, buffer_slice(&base->map));
    }
    const struct store_root *version = root;
    while (base != NULL && version != NULL && version != base->root) {
        for (size_t i = 0; i < version->retired.count; i++) {
            map_clear(&writing->map, version->retired.items[i].slot);
        }
        version = version->parent;
    }
    if (base != NULL && version == NULL) {
        status = error_set(error, KMB_USAGE, "the root to be checkpointed does not descend from the last checkpoint");
    }
    pthread_mutex_unlock(&store->version_lock);
    if (status == KMB_OK && !buffer_ok(&writing->map)) {
        status = map_no_memory(error);
    }
    return status;
}

/* The map before, for the reader's sake: reachable from the last confirmed checkpoint or its own pages. */
static bool map_before(struct store *store, struct buffer *map) {
    bool good = true;
    pthread_mutex_lock(&store->version_lock);
    const struct checkpoint *before = store->checkpoints;
    while (before != NULL && !before->confirmed) {
        before = before->older;
    }
    if (before != NULL) {
        buffer_append_slice(map, buffer_slice(&before->map));
        good = buffer_ok(map);
        for (size_t i = 0; i < before->own.count && good; i++) {
            good = map_set(map, before->own.slots[i]);
        }
    }
    pthread_mutex_unlock(&store->version_lock);
    return good;
}

/* Writes both maps as a blob of the checkpoint's own. */
static enum kmb_status write_map(struct writing *writing, uint64_t generation, uint8_t reference[BLOB_REF_SIZE],
                                 struct kmb_error *error) {
    struct store *store = writing->store;
    struct buffer before = {0};
    struct buffer both = {0};
    enum kmb_status status = KMB_OK;
    if (!map_before(store, &before)) {
        status = map_no_memory(error);
    }
    if (status == KMB_OK) {
        buffer_u64(&both, writing->map.length);
        buffer_append_slice(&both, buffer_slice(&writing->map));
        buffer_append_slice(&both, buffer_slice(&before));
        if (!buffer_ok(&both)) {
            status = map_no_memory(error);
        }
    }
    if (status == KMB_OK) {
        status = blob_write(store, generation, NULL, 0, buffer_slice(&both), slice_make(NULL, 0), reference, error);
    }
    if (status == KMB_OK) {
        writing->owned = true;
        uint64_t floor = writing->floor;
        writing->floor = 0;
        status = write_below(writing, 0, reference + 8, 0, error);
        writing->floor = floor;
    }
    if (status == KMB_OK) {
        status = page_writer_flush(&writing->writer, error);
    }
    buffer_free(&before);
    buffer_free(&both);
    return status;
}

static void ref_complete(struct store *store, uint8_t *ref) {
    const struct store_entry *entry = entry_peek(store, page_u64(ref));
    if (page_u64(ref) != 0 && entry != NULL && (entry_state(entry) & ENTRY_TAGGED) != 0) {
        memcpy(ref + 8, entry->tag, TAG_SIZE);
    }
}

static enum kmb_status write_page(struct writing *writing, const struct store_root *root, struct slice info,
                                  const uint8_t map[BLOB_REF_SIZE], struct store_reference *reference,
                                  struct kmb_error *error) {
    struct store *store = writing->store;
    uint64_t slot;
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = page_new(store, root->generation, &slot, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!slot_list_push(&writing->own, slot)) {
        page_unpin(entry);
        page_free(store, slot);
        return map_no_memory(error);
    }
    page_start(image, PAGE_CHECKPOINT, 0, 0, STORE_DIRECTORY, root->generation);
    pthread_mutex_lock(&store->cache_lock);
    codec_put_u64(image + AT_END, store->slots_end);
    pthread_mutex_unlock(&store->cache_lock);
    memcpy(image + AT_DIRECTORY, root->directory.ref, REF_SIZE);
    ref_complete(store, image + AT_DIRECTORY);
    codec_put_u64(image + AT_DIRECTORY + REF_SIZE, root->directory.count);
    image[AT_DIRECTORY + REF_SIZE + 8] = root->directory.level;
    memcpy(image + AT_MAP, map, BLOB_REF_SIZE);
    ref_complete(store, image + AT_MAP + 8);
    codec_put_u32(image + AT_INFO, (uint32_t)info.length);
    if (info.length > 0) {
        memcpy(image + AT_INFO + 4, info.bytes, info.length);
    }
    status = page_writer_add(&writing->writer, 0, slot, entry, image, error);
    if (status == KMB_OK) {
        status = page_writer_flush(&writing->writer, error);
    }
    if (status == KMB_OK) {
        memset(reference, 0, sizeof *reference);
        codec_put_u32(reference->bytes, REFERENCE_MAGIC);
        codec_put_u64(reference->bytes + 4, slot);
        memcpy(reference->bytes + 12, entry->tag, TAG_SIZE);
        codec_put_u64(reference->bytes + 28, root->generation);
    }
    return status;
}

static enum kmb_status write_sync(struct store *store, struct kmb_error *error) {
    enum kmb_status status = io_sync(&store->io, store->file, error);
    if (status == KMB_OK && !store->directory_synced) {
        const char *slash = strrchr(store->path, '/');
        size_t length = slash == NULL ? 0 : (size_t)(slash - store->path);
        char *directory = mem_alloc(length + 2);
        if (directory == NULL) {
            return error_set(error, KMB_NO_MEMORY, "no memory to sync the store's directory");
        }
        memcpy(directory, store->path, length);
        memcpy(directory + length, "\0", 1);
        if (length == 0) {
            memcpy(directory, slash == NULL ? "." : "/", 2);
        }
        status = io_sync_directory(&store->io, directory, error);
        mem_free(directory);
        store->directory_synced = status == KMB_OK;
    }
    return status;
}

enum kmb_status store_checkpoint(struct store *store, struct store_root *root, struct slice info,
                                 struct store_reference *reference, struct kmb_error *error) {
    ASSERT(root->store == store && !root->open);
    if (store->options.read_only) {
        return error_set(error, KMB_READ_ONLY, "the store was opened to be read only");
    }
    if (info.length > STORE_INFO_MAX) {
        return error_set(error, KMB_LIMIT, "%zu bytes left in a checkpoint; it takes %u", info.length, STORE_INFO_MAX);
    }
    struct checkpoint *made = mem_alloc_zero(1, sizeof *made);
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a checkpoint");
    }
    struct writing writing = {.store = store};
    uint8_t map[BLOB_REF_SIZE];
    pthread_mutex_lock(&store->write_lock);
    enum kmb_status status = page_writer_open(&writing.writer, store, error);
    if (status == KMB_OK) {
        status = map_start(&writing, root, error);
    }
    if (status == KMB_OK) {
        status = write_below(&writing, 0, root->directory.ref, 0, error);
    }
    if (status == KMB_OK) {
        status = page_writer_flush(&writing.writer, error);
    }
    if (status == KMB_OK) {
        status = write_map(&writing, root->generation, map, error);
    }
    if (status == KMB_OK) {
        status = write_page(&writing, root, info, map, reference, error);
    }
    if (status == KMB_OK) {
        status = write_sync(store, error);
    }
    page_writer_close(&writing.writer);
    if (status == KMB_OK) {
        store->relief_failed = false;
        *made = (struct checkpoint){
            .root = store_root_retain(root), .own = writing.own, .map = writing.map, .generation = root->generation};
        pthread_mutex_lock(&store->version_lock);
        made->older = store->checkpoints;
        store->checkpoints = made;
        pthread_mutex_unlock(&store->version_lock);
    } else {
        for (size_t i = 0; i < writing.own.count; i++) {
            page_free(store, writing.own.slots[i]);
        }
        slot_list_free(&writing.own);
        buffer_free(&writing.map);
        mem_free(made);
    }
    pthread_mutex_unlock(&store->write_lock);
    return status;
}

void checkpoint_free(struct store *store, struct checkpoint *checkpoint) {
    for (size_t i = 0; i < checkpoint->own.count; i++) {
        page_free(store, checkpoint->own.slots[i]);
    }
    slot_list_free(&checkpoint->own);
    buffer_free(&checkpoint->map);
    store_root_release(checkpoint->root);
    mem_free(checkpoint);
}

void store_checkpoint_confirmed(struct store *store) {
    struct checkpoint *gone = NULL;
    pthread_mutex_lock(&store->version_lock);
    struct checkpoint *newest = store->checkpoints;
    if (newest != NULL && !newest->confirmed) {
        newest->confirmed = true;
        struct checkpoint *before = NULL;
        struct checkpoint *next;
        for (struct checkpoint *old = newest->older; old != NULL; old = next) {
            next = old->older;
            if (before == NULL && old->confirmed) {
                before = old;
                continue;
            }
            old->older = gone;
            gone = old;
        }
        newest->older = before;
        if (before != NULL) {
            before->older = NULL;
        }
    } else {
        newest = NULL;
    }
    struct slot_list earlier = {0};
    if (newest != NULL) {
        earlier = store->pinned_before;
        store->pinned_before = (struct slot_list){0};
    }
    pthread_mutex_unlock(&store->version_lock);
    for (size_t i = 0; i < earlier.count; i++) {
        page_free(store, earlier.slots[i]);
    }
    slot_list_free(&earlier);
    while (gone != NULL) {
        struct checkpoint *next = gone->older;
        checkpoint_free(store, gone);
        gone = next;
    }
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* Slots of the map's pages: the page of ref and, while levels are left, those below. */
static enum kmb_status own_slots(struct store *store, const uint8_t *ref, struct slot_list *own, unsigned depth,
                                 struct kmb_error *error) {
    struct store_entry *entry;
    uint8_t *image;
    if (depth > BLOB_LEVELS) {
        return page_damaged(error, page_u64(ref), "lies deeper than a map can be");
    }
    enum kmb_status status = page_pin(store, 0, ref, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!slot_list_push(own, page_u64(ref))) {
        status = map_no_memory(error);
    }
    for (unsigned i = 0; status == KMB_OK && page_head(image)->type == PAGE_BLOB_INDEX && i < page_head(image)->count;
         i++) {
        status = own_slots(store, image + PAGE_CELLS + (size_t)REF_SIZE * i, own, depth + 1, error);
    }
    page_unpin(entry);
    return status;
}

/* Sorts the slots below the end into free and used only by the checkpoint before. */
static enum kmb_status slots_sort(struct store *store, struct checkpoint *opened, struct slice before,
                                  struct kmb_error *error) {
    struct buffer own = {0};
    bool good = true;
    for (size_t i = 0; i < opened->own.count && good; i++) {
        good = opened->own.slots[i] < store->slots_end && map_set(&own, opened->own.slots[i]);
    }
    for (uint64_t slot = store->slots_end; slot > 1 && good; slot--) {
        if (map_get(buffer_slice(&opened->map), slot - 1) || map_get(buffer_slice(&own), slot - 1)) {
            continue;
        }
        good = slot_list_push(map_get(before, slot - 1) ? &store->pinned_before : &store->free, slot - 1);
    }
    buffer_free(&own);
    return good ? KMB_OK : map_no_memory(error);
}

static enum kmb_status map_load(struct store *store, const uint8_t reference[BLOB_REF_SIZE], struct checkpoint *opened,
                                struct kmb_error *error) {
    struct buffer both = {0};
    enum kmb_status status = blob_read(store, 0, reference, &both, error);
    if (status == KMB_OK) {
        status = own_slots(store, reference + 8, &opened->own, 0, error);
    }
    uint64_t length = status == KMB_OK && both.length >= MAP_HEAD ? codec_get_u64(both.bytes) : UINT64_MAX;
    if (status == KMB_OK && (length > both.length - MAP_HEAD || length > store->slots_end / 8 + 1)) {
        status = page_damaged(error, page_u64(reference + 8), "holds a malformed map of pages");
    }
    if (status == KMB_OK) {
        buffer_append(&opened->map, both.bytes + MAP_HEAD, length);
        struct slice before = slice_make(both.bytes + MAP_HEAD + length, both.length - MAP_HEAD - length);
        status = buffer_ok(&opened->map) ? slots_sort(store, opened, before, error) : map_no_memory(error);
    }
    buffer_free(&both);
    return status;
}

static enum kmb_status page_parse(struct store *store, const uint8_t *image, uint64_t slot, struct store_root *root,
                                  uint8_t map[BLOB_REF_SIZE], struct kmb_error *error) {
    const struct page_header *head = page_head(image);
    uint64_t end = codec_get_u64(image + AT_END);
    uint32_t info = codec_get_u32(image + AT_INFO);
    uint8_t level = image[AT_DIRECTORY + REF_SIZE + 8];
    if (head->type != PAGE_CHECKPOINT || end <= slot || end > SLOTS_MAX || info > STORE_INFO_MAX ||
        level >= STORE_DEPTH_MAX) {
        return page_damaged(error, slot, "is not a checkpoint");
    }
    store->slots_end = end;
    memcpy(root->directory.ref, image + AT_DIRECTORY, REF_SIZE);
    root->directory.count = codec_get_u64(image + AT_DIRECTORY + REF_SIZE);
    root->directory.level = level;
    memcpy(map, image + AT_MAP, BLOB_REF_SIZE);
    buffer_append(&store->info, image + AT_INFO + 4, info);
    return buffer_ok(&store->info) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory to open the store");
}

enum kmb_status checkpoint_load(struct store *store, const struct store_reference *reference, struct store_root *root,
                                struct kmb_error *error) {
    if (codec_get_u32(reference->bytes) != REFERENCE_MAGIC) {
        error_set(error, KMB_PROJECTION_DAMAGED,
                  "the reference to the store's root is malformed or of another release");
        return error_hint(error, "rebuild the projection from the log"), KMB_PROJECTION_DAMAGED;
    }
    struct checkpoint *opened = mem_alloc_zero(1, sizeof *opened);
    if (opened == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a checkpoint");
    }
    const uint8_t *ref = reference->bytes + 4;
    struct store_entry *entry;
    uint8_t *image;
    uint8_t map[BLOB_REF_SIZE];
    enum kmb_status status = page_pin(store, 0, ref, &entry, &image, error);
    if (status == KMB_OK) {
        status = page_parse(store, image, page_u64(ref), root, map, error);
        page_unpin(entry);
    }
    if (status == KMB_OK && !slot_list_push(&opened->own, page_u64(ref))) {
        status = map_no_memory(error);
    }
    if (status == KMB_OK) {
        status = map_load(store, map, opened, error);
    }
    if (status != KMB_OK) {
        slot_list_free(&opened->own);
        buffer_free(&opened->map);
        mem_free(opened);
        return status;
    }
    opened->root = store_root_retain(root);
    opened->generation = root->generation;
    opened->confirmed = true;
    store->checkpoints = opened;
    return KMB_OK;
}
