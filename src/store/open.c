/*
 * Opening and closing a store, reserving room, telling numbers.
 *
 * The file's first page is not part of any tree: it says in plain bytes what the file is and of which log, so that a
 * wrong file is named as such. Everything else is found, and proved, from the reference.
 */
#include "store/internal.h"

#define FILE_MAGIC   "KMBSTORE"
#define FILE_VERSION 1u
#define FILE_HEAD    48u /* magic 8, version 4, page size 4, uuid 16, zeros, CRC-32C at 44 */

#define RESERVE_STEP   256u /* pages: 2 MiB */
#define RESERVE_SPREAD 2u   /* pages changed for each page of changes, and half-full ones */
#define RESERVE_SPARE  128u /* pages: paths, directory, map */

static void header_make(const uint8_t uuid[STORE_UUID_SIZE], uint8_t header[FILE_HEAD]) {
    memset(header, 0, FILE_HEAD);
    memcpy(header, FILE_MAGIC, 8);
    codec_put_u32(header + 8, FILE_VERSION);
    codec_put_u32(header + 12, STORE_PAGE);
    memcpy(header + 16, uuid, STORE_UUID_SIZE);
    codec_put_u32(header + 44, codec_crc32c(0, header, 44));
}

static enum kmb_status damaged(struct kmb_error *error, const char *path, const char *why) {
    error_set(error, KMB_PROJECTION_DAMAGED, "store %s %s", path, why);
    error_hint(error, "the log is whole; rebuild the projection from it");
    return KMB_PROJECTION_DAMAGED;
}

static enum kmb_status header_check(struct store *store, struct kmb_error *error) {
    uint8_t header[FILE_HEAD];
    uint8_t expected[FILE_HEAD];
    size_t count;
    enum kmb_status status = io_read(&store->io, store->file, 0, header, sizeof header, &count, error);
    if (status != KMB_OK) {
        return status;
    }
    header_make(store->options.uuid, expected);
    if (count != sizeof header || memcmp(header, FILE_MAGIC, 8) != 0) {
        return damaged(error, store->path, "does not begin as a store does");
    }
    if (memcmp(header + 16, store->options.uuid, STORE_UUID_SIZE) != 0) {
        return damaged(error, store->path, "belongs to another log");
    }
    if (memcmp(header, expected, sizeof header) != 0) {
        return damaged(error, store->path, "has a damaged header, or is of another version");
    }
    return KMB_OK;
}

static enum kmb_status file_make(struct store *store, struct kmb_error *error) {
    enum kmb_status status = io_open(&store->io, store->path, IO_WRITE | IO_CREATE | IO_PRIVATE, &store->file, error);
    if (status == KMB_OK) {
        status = io_truncate(&store->io, store->file, 0, error);
    }
    if (status == KMB_OK) {
        uint8_t header[FILE_HEAD];
        header_make(store->options.uuid, header);
        status = io_write(&store->io, store->file, 0, header, sizeof header, error);
    }
    store->slots_end = 1;
    return status;
}

static enum kmb_status file_open(struct store *store, struct kmb_error *error) {
    bool exists = false;
    enum kmb_status status = io_exists(&store->io, store->path, &exists, error);
    if (status == KMB_OK && !exists) {
        return damaged(error, store->path, "is not there");
    }
    if (status == KMB_OK) {
        status = io_open(&store->io, store->path, store->options.read_only ? IO_READ : IO_WRITE, &store->file, error);
    }
    if (status == KMB_OK) {
        store->directory_synced = true;
        status = header_check(store, error);
    }
    return status;
}

static void store_free(struct store *store) {
    cache_close(store);
    slot_list_free(&store->pinned_before);
    buffer_free(&store->info);
    if (store->file != NULL) {
        io_close(&store->io, store->file);
    }
    mem_free(store->path);
    mem_free(store);
}

/* The first tenants of an opened root are kept beside it as those lately changed are: most databases have no more. */
static enum kmb_status keep_tenant(void *context, uint32_t tenant) {
    struct store_root *root = context;
    struct tenant_state state;
    enum kmb_status status = view_tenant(store_view_root(root), tenant, &state, NULL);
    if (status == KMB_OK) {
        root->kept[root->kept_count++] = state;
    }
    return status == KMB_OK && root->kept_count < TENANTS_KEPT ? KMB_OK : KMB_DONE;
}

enum kmb_status store_open(const struct io *io, const char *path, const struct store_options *options,
                           const struct store_reference *reference, struct store **store, struct store_root **root,
                           struct kmb_error *error) {
    bool fresh = reference == NULL || store_reference_is_zero(reference);
    if (fresh && options->read_only) {
        return damaged(error, path, "has no root to read");
    }
    struct store *made = mem_alloc_zero(1, sizeof *made);
    if (made == NULL || (made->path = mem_strdup(path)) == NULL) {
        mem_free(made);
        return error_set(error, KMB_NO_MEMORY, "no memory to open the store");
    }
    made->io = *io;
    made->options = *options;
    enum kmb_status status = cache_open(made, error);
    if (status == KMB_OK) {
        status = fresh ? file_make(made, error) : file_open(made, error);
    }
    struct store_root *first = NULL;
    if (status == KMB_OK) {
        uint64_t generation = fresh ? 1 : codec_get_u64(reference->bytes + 28);
        made->generation = generation == 0 ? 0 : generation - 1;
        first = version_new(made, NULL, false);
        if (first == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "no memory to open the store");
        } else {
            atomic_store_explicit(&first->holds, 1, memory_order_relaxed);
        }
    }
    if (status == KMB_OK && !fresh) {
        status = checkpoint_load(made, reference, first, error);
    }
    if (status == KMB_OK && !fresh) {
        (void)store_tenants(store_view_root(first), keep_tenant, first, NULL); /* what fails here is met again later */
    }
    if (status != KMB_OK) {
        store_root_release(first);
        store_free(made);
        return status;
    }
    uint64_t bytes = 0;
    if (io_size(io, made->file, &bytes, NULL) == KMB_OK) {
        made->slots_backed = bytes / STORE_PAGE;
    }
    *store = made;
    *root = first;
    return KMB_OK;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    store->closing = true;
    while (store->checkpoints != NULL) {
        struct checkpoint *checkpoint = store->checkpoints;
        store->checkpoints = checkpoint->older;
        checkpoint_free(store, checkpoint);
    }
    ASSERT(store->versions == NULL);
    store_free(store);
}

struct slice store_info_opened(const struct store *store) {
    return buffer_slice(&store->info);
}

enum kmb_status store_reserve(struct store *store, uint64_t bytes, struct kmb_error *error) {
    if (store->options.read_only) {
        return error_set(error, KMB_READ_ONLY, "the store was opened to be read only");
    }
    uint64_t pages = bytes / STORE_PAGE + 1;
    uint64_t wanted = pages * RESERVE_SPREAD + RESERVE_SPARE;
    enum kmb_status status = KMB_OK;
    pthread_mutex_lock(&store->cache_lock);
    if (pages > SLOTS_MAX || store->slots_end + wanted > SLOTS_MAX) {
        status = error_set(error, KMB_DISK_FULL, "the store has reached its greatest size of 2 TiB");
    } else if (store->free.count < wanted) {
        uint64_t beyond = wanted - store->free.count;
        uint64_t end = store->slots_end + (beyond > store->far.count ? beyond - store->far.count : 0);
        if (end > store->slots_backed) {
            uint64_t step = end / 16 > RESERVE_STEP ? end / 16 : RESERVE_STEP;
            end = (end / step + 1) * step;
            status = io_allocate(&store->io, store->file, end * STORE_PAGE, error);
            store->slots_backed = status == KMB_OK ? end : store->slots_backed;
        }
    }
    pthread_mutex_unlock(&store->cache_lock);
    return status;
}

static uint64_t checkpoint_holds(const struct store *store, const struct store_root *version) {
    uint64_t holds = 0;
    for (const struct checkpoint *checkpoint = store->checkpoints; checkpoint != NULL; checkpoint = checkpoint->older) {
        holds += checkpoint->root == version ? 1 : 0;
    }
    return holds;
}

/*
 * Bytes of the pages a version replaced that only readers still need. A replaced page belongs to all versions above
 * from the generation that made it on, so the nearest version of each kind decides.
 */
static uint64_t bytes_for_readers(const struct store *store, const struct store_root *version) {
    uint64_t read = 0, kept = 0;
    for (const struct store_root *above = version->parent; above != NULL && kept == 0; above = above->parent) {
        if (atomic_load_explicit(&above->readers, memory_order_relaxed) == 0 || checkpoint_holds(store, above) > 0) {
            kept = above->generation;
        } else if (read == 0) {
            read = above->generation;
        }
    }
    uint64_t pages = 0;
    for (size_t i = 0; read != 0 && i < version->retired.count; i++) {
        uint64_t birth = version->retired.items[i].birth;
        pages += birth <= read && birth > kept ? 1 : 0;
    }
    return pages * STORE_PAGE;
}

void store_info(struct store *store, struct store_info *info) {
    uint64_t oldest = UINT64_MAX;
    *info = (struct store_info){0};
    pthread_mutex_lock(&store->version_lock);
    info->generation = store->generation;
    info->generation_checkpoint = store->checkpoints == NULL ? 0 : store->checkpoints->generation;
    for (const struct store_root *version = store->versions; version != NULL; version = version->all_next) {
        info->roots += atomic_load_explicit(&version->holds, memory_order_relaxed) - checkpoint_holds(store, version);
        if (atomic_load_explicit(&version->readers, memory_order_relaxed) > 0) {
            info->roots_read++;
            if (version->generation < oldest) {
                oldest = version->generation;
                info->mark_oldest = version->mark;
            }
        }
        if (!version->open) { /* an open fork's list belongs to its thread */
            info->read_bytes += bytes_for_readers(store, version);
        }
    }
    pthread_mutex_lock(&store->cache_lock);
    info->pages_free = store->free.count + store->far.count;
    info->pages_used = store->slots_end - 1 - info->pages_free;
    info->file_bytes = (store->slots_end > store->slots_backed ? store->slots_end : store->slots_backed) * STORE_PAGE;
    pthread_mutex_unlock(&store->cache_lock);
    pthread_mutex_unlock(&store->version_lock);
    info->pages_dirty = atomic_load_explicit(&store->dirty, memory_order_relaxed);
    info->cache_bytes = atomic_load_explicit(&store->images, memory_order_relaxed) * STORE_PAGE;
    info->cache_bytes_max = store->images_max * STORE_PAGE;
    info->pages_read = atomic_load_explicit(&store->reads, memory_order_relaxed);
    info->pages_written = atomic_load_explicit(&store->writes, memory_order_relaxed);
    info->pages_evicted = atomic_load_explicit(&store->evictions, memory_order_relaxed);
}
