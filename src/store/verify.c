/*
 * Looking at every page of a root.
 *
 * Pages that are on disk are read from there, past the cache, so that damage at rest under a page held in memory is
 * found too; pages that are only in memory are looked at there. Beyond what loading checks, keys must be in order and
 * within the bounds their parents set, values in parts must have the shape their length demands, and trees the number
 * of keys their tenant's record says.
 */
#include "store/internal.h"

struct verify {
    struct store *store;
    void (*each)(void *context, uint64_t slot, const struct kmb_error *error);
    void *context;
    uint64_t pages;
    uint64_t keys;
    enum kmb_status first; /* damage */
    struct kmb_error why;
};

static enum kmb_status verify_note(struct verify *verify, uint64_t slot, enum kmb_status status,
                                   const struct kmb_error *why) {
    if (status != KMB_PROJECTION_DAMAGED) {
        verify->why = *why;
        return status;
    }
    if (verify->first == KMB_OK) {
        verify->first = status;
        verify->why = *why;
    }
    if (verify->each != NULL) {
        verify->each(verify->context, slot, why);
        return KMB_OK;
    }
    return status;
}

/* A private copy of a page, from memory when it is nowhere else. */
static enum kmb_status page_fetch(struct verify *verify, uint32_t tenant, const uint8_t *ref, uint8_t *copy,
                                  struct kmb_error *error) {
    struct store *store = verify->store;
    uint64_t slot = page_u64(ref);
    uint8_t tag[TAG_SIZE];
    memcpy(tag, ref + 8, TAG_SIZE);
    bool dirty = false;
    struct store_entry *entry = entry_peek(store, slot);
    if (slot == 0 || slot >= SLOTS_MAX) {
        return page_damaged(error, slot, "lies outside the file");
    }
    if (entry != NULL) {
        pthread_mutex_lock(&store->load_locks[slot % LOAD_LOCKS]);
        uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
        dirty = (state & ENTRY_DIRTY) != 0;
        if ((state & ENTRY_TAGGED) != 0) {
            memcpy(tag, entry->tag, TAG_SIZE);
        }
        pthread_mutex_unlock(&store->load_locks[slot % LOAD_LOCKS]);
    }
    verify->pages++;
    if (!dirty) {
        return page_read(store, tenant, slot, tag, copy, error);
    }
    uint8_t *image;
    enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
    if (status == KMB_OK) {
        const struct page_header *head = page_head(image);
        memset(copy, 0, STORE_PAGE);
        memcpy(copy + PAGE_BODY, image + PAGE_BODY, PAGE_CELLS - PAGE_BODY);
        if (head->type == PAGE_LEAF || head->type == PAGE_INNER) { /* the gap between may never have been written */
            memcpy(copy + PAGE_CELLS, image + PAGE_CELLS, PLACE_SIZE * (size_t)head->count);
            memcpy(copy + head->heap, image + head->heap, STORE_PAGE - head->heap);
        } else {
            memcpy(copy + PAGE_CELLS, image + PAGE_CELLS, PAGE_ROOM);
        }
        page_unpin(entry);
        if (!page_valid(copy, tenant)) {
            status = page_damaged(error, slot, "is malformed in memory");
        }
    }
    return status;
}

static enum kmb_status verify_blob(struct verify *verify, uint32_t tenant, const uint8_t *ref, unsigned depth) {
    struct kmb_error error = {0};
    uint8_t *copy = mem_alloc_aligned(64, PAGE_IMAGE);
    if (copy == NULL) {
        return error_set(&verify->why, KMB_NO_MEMORY, "no memory to verify the store");
    }
    enum kmb_status status = page_fetch(verify, tenant, ref, copy, &error);
    const struct page_header *head = page_head(copy);
    if (status == KMB_OK && (depth > BLOB_LEVELS || (head->type != PAGE_BLOB_DATA && head->type != PAGE_BLOB_INDEX))) {
        status = page_damaged(&error, page_u64(ref), "is not the part of a value that it should be");
    }
    if (status != KMB_OK) {
        status = verify_note(verify, page_u64(ref), status, &error);
    } else if (head->type == PAGE_BLOB_INDEX) {
        for (unsigned i = 0; i < head->count && status == KMB_OK; i++) {
            status = verify_blob(verify, tenant, copy + PAGE_CELLS + (size_t)REF_SIZE * i, depth + 1);
        }
    }
    mem_free(copy);
    return status;
}

static enum kmb_status verify_tree(struct verify *verify, uint32_t tenant, const uint8_t *ref, unsigned level,
                                   struct slice low, struct slice high);

/* Trees of the tenant that a directory cell records. */
static enum kmb_status verify_tenant(struct verify *verify, const uint8_t *cell, uint64_t slot) {
    struct tenant_state state;
    tenant_decode(&state, codec_get_u32_big(cell_key(cell)), cell_value(cell));
    enum kmb_status status = KMB_OK;
    for (unsigned i = 0; i < STORE_TREES && status == KMB_OK; i++) {
        const struct tree_state *tree = &state.trees[i];
        uint64_t outer = verify->keys;
        enum kmb_status damage = verify->first;
        verify->keys = 0;
        if (page_u64(tree->ref) != 0) {
            status = tree->level < STORE_DEPTH_MAX ? verify_tree(verify, state.tenant, tree->ref, tree->level,
                                                                 slice_make(NULL, 0), slice_make(NULL, 0))
                                                   : KMB_OK;
        }
        if (status == KMB_OK && damage == verify->first && verify->keys != tree->count) {
            struct kmb_error error = {0};
            page_damaged(&error, slot, "records another number of keys than its tree has");
            status = verify_note(verify, slot, KMB_PROJECTION_DAMAGED, &error);
        }
        verify->keys = outer;
    }
    return status;
}

/* Keys in order, above or at low, below high; what the cells refer to. */
static enum kmb_status verify_cells(struct verify *verify, const uint8_t *image, uint64_t slot, struct slice low,
                                    struct slice high) {
    const struct page_header *head = page_head(image);
    struct buffer copies[2] = {{0}};
    struct slice before = low;
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    for (unsigned i = 0; i < head->count && status == KMB_OK; i++) {
        const uint8_t *cell = page_cell(image, i);
        struct slice key;
        status = cell_key_whole(verify->store, head->tenant, cell, &copies[i % 2], &key, &error);
        if (status != KMB_OK) {
            status = verify_note(verify, slot, status, &error);
            break;
        }
        bool lowest = head->level > 0 && i == 0;
        struct slice next = high;
        struct buffer next_copy = {0};
        if (!lowest && ((i == 0 ? slice_compare(key, before) < 0 : slice_compare(key, before) <= 0) ||
                        (high.length > 0 && slice_compare(key, high) >= 0))) {
            page_damaged(&error, slot, "has keys out of order");
            status = verify_note(verify, slot, KMB_PROJECTION_DAMAGED, &error);
            break;
        }
        if (head->level > 0) {
            if (i + 1u < head->count) {
                status =
                    cell_key_whole(verify->store, head->tenant, page_cell(image, i + 1), &next_copy, &next, &error);
            }
            if (status != KMB_OK) {
                status = verify_note(verify, slot, status, &error);
            } else {
                status =
                    verify_tree(verify, head->tenant, cell_value(cell), head->level - 1u, lowest ? low : key, next);
            }
        } else if (head->tree == STORE_DIRECTORY) {
            status = verify_tenant(verify, cell, slot);
        } else if (cell_value_big(cell)) {
            status = verify_blob(verify, head->tenant, cell_value(cell) + 8, 0);
        }
        if (status == KMB_OK && cell_key_big(cell)) {
            status = verify_blob(verify, head->tenant, cell_key(cell) + KEY_PREFIX + 8, 0);
        }
        buffer_free(&next_copy);
        before = lowest ? low : key;
        verify->keys += head->level == 0 ? 1 : 0;
    }
    buffer_free(&copies[0]);
    buffer_free(&copies[1]);
    return status;
}

static enum kmb_status verify_tree(struct verify *verify, uint32_t tenant, const uint8_t *ref, unsigned level,
                                   struct slice low, struct slice high) {
    struct kmb_error error = {0};
    uint8_t *copy = mem_alloc_aligned(64, PAGE_IMAGE);
    if (copy == NULL) {
        return error_set(&verify->why, KMB_NO_MEMORY, "no memory to verify the store");
    }
    uint64_t slot = page_u64(ref);
    enum kmb_status status = page_fetch(verify, tenant, ref, copy, &error);
    const struct page_header *head = page_head(copy);
    if (status == KMB_OK && (head->level != level || head->type != (level == 0 ? PAGE_LEAF : PAGE_INNER))) {
        status = page_damaged(&error, slot, "is not of the kind its parent says");
    }
    status = status != KMB_OK ? verify_note(verify, slot, status, &error) : verify_cells(verify, copy, slot, low, high);
    mem_free(copy);
    return status;
}

enum kmb_status store_verify(struct store *store, struct store_root *root,
                             void (*each)(void *context, uint64_t slot, const struct kmb_error *error), void *context,
                             uint64_t *pages, struct kmb_error *error) {
    struct verify verify = {.store = store, .each = each, .context = context};
    enum kmb_status status = KMB_OK;
    if (page_u64(root->directory.ref) != 0) {
        status = verify_tree(&verify, 0, root->directory.ref, root->directory.level, slice_make(NULL, 0),
                             slice_make(NULL, 0));
    }
    if (pages != NULL) {
        *pages = verify.pages;
    }
    if (status == KMB_OK) {
        status = verify.first;
    }
    if (status != KMB_OK && error != NULL) {
        *error = verify.why;
    }
    return status;
}
