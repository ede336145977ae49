/*
 * Many keys at once.
 *
 * Looking a key up waits for memory at each step: the page table's entry, the page's offsets, the cell; each wait is
 * long beside the work between. The descents of some tens of keys go side by side here, a step of all before the next
 * step of any, with what the next step reads asked for ahead: the waits of all keys pass together.
 */
#include "store/internal.h"

#define TOGETHER   32u
#define CELL_LINES 3u

struct descent {
    const uint8_t *ref; /* in the page that entry holds */
    struct store_entry *entry;
    uint8_t *image;
    unsigned index;
    bool exact;
};

static void descents_drop(struct descent *descents, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (descents[i].entry != NULL) {
            page_unpin(descents[i].entry);
            descents[i].entry = NULL;
        }
    }
}

static enum kmb_status descents_pin(struct store *store, uint32_t tenant, struct descent *descents, size_t count,
                                    unsigned level, struct kmb_error *error) {
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(entry_peek(store, page_u64(descents[i].ref)));
    }
    for (size_t i = 0; i < count; i++) {
        struct descent *descent = &descents[i];
        struct store_entry *parent = descent->entry;
        struct store_entry *entry = NULL;
        enum kmb_status status = page_pin(store, tenant, descent->ref, &entry, &descent->image, error);
        if (status != KMB_OK) {
            return status;
        }
        if (parent != NULL) {
            page_unpin(parent);
        }
        descent->entry = entry;
        for (unsigned line = 0; level == 0 && line < PAGE_AHEAD_LINES; line++) {
            __builtin_prefetch(descent->image + 64 * (size_t)line);
        }
    }
    return KMB_OK;
}

static enum kmb_status descents_search(struct store *store, const struct slice *keys, struct descent *descents,
                                       size_t count, unsigned level, struct kmb_error *error) {
    for (size_t i = 0; i < count; i++) {
        struct descent *descent = &descents[i];
        const struct page_header *head = page_head(descent->image);
        if (head->level != level || head->type != (level == 0 ? PAGE_LEAF : PAGE_INNER)) {
            return page_damaged(error, page_u64(descent->ref), "is not of the kind its parent says");
        }
        enum kmb_status status = page_search(store, descent->image, keys[i], &descent->index, &descent->exact, error);
        if (status != KMB_OK) {
            return status;
        }
        if (level > 0) {
            descent->ref = page_child(descent->image, descent->index);
        } else if (descent->index < head->count) {
            const uint8_t *cell = page_cell(descent->image, descent->index);
            for (unsigned line = 0; line < CELL_LINES; line++) {
                __builtin_prefetch(cell + 64 * (size_t)line);
            }
        }
    }
    return KMB_OK;
}

/* To the leaves, up to TOGETHER keys; their pages stay pinned, on an error too. */
static enum kmb_status descend_together(struct store *store, uint32_t tenant, const struct tree_state *tree,
                                        const struct slice *keys, size_t count, struct descent *descents,
                                        struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; i < count; i++) {
        descents[i] = (struct descent){.ref = tree->ref};
    }
    for (unsigned step = 0; step <= tree->level && status == KMB_OK; step++) {
        unsigned level = tree->level - step;
        status = descents_pin(store, tenant, descents, count, level, error);
        if (status == KMB_OK) {
            status = descents_search(store, keys, descents, count, level, error);
        }
    }
    return status;
}

static enum kmb_status get_together(struct store *store, uint32_t tenant, const struct tree_state *tree,
                                    const struct slice *keys, size_t count, struct store_held *held,
                                    struct kmb_error *error) {
    struct descent descents[TOGETHER];
    enum kmb_status status = descend_together(store, tenant, tree, keys, count, descents, error);
    for (size_t i = 0; i < count && status == KMB_OK; i++) {
        struct descent *descent = &descents[i];
        if (descent->exact) {
            const uint8_t *cell = page_cell(descent->image, descent->index);
            held[i] = (struct store_held){.entry = descent->entry,
                                          .big = cell_value_big(cell),
                                          .value = slice_make(cell_value(cell), cell_value_length(cell))};
            descent->entry = NULL;
        }
    }
    descents_drop(descents, count);
    return status;
}

enum kmb_status store_get_many(struct store_view view, uint32_t tenant, enum store_tree tree, const struct slice *keys,
                               size_t count, struct store_held *held, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES && view.root != NULL);
    struct tenant_state state;
    memset(held, 0, count * sizeof(*held));
    enum kmb_status status = view_tenant(view, tenant, &state, error);
    if (status != KMB_OK || page_u64(state.trees[tree].ref) == 0) {
        return status;
    }
    for (size_t first = 0; first < count && status == KMB_OK; first += TOGETHER) {
        size_t rest = count - first < TOGETHER ? count - first : TOGETHER;
        status = get_together(view_store(view), tenant, &state.trees[tree], keys + first, rest, held + first, error);
    }
    if (status != KMB_OK) {
        store_held_drop(held, count);
    }
    return status;
}

void store_ahead(struct store_view view, uint32_t tenant, enum store_tree tree, const struct slice *keys,
                 size_t count) {
    ASSERT(tree < STORE_TREES && view.root != NULL);
    struct tenant_state state;
    struct descent descents[TOGETHER];
    if (view_tenant(view, tenant, &state, NULL) != KMB_OK || page_u64(state.trees[tree].ref) == 0) {
        return;
    }
    enum kmb_status status = KMB_OK;
    for (size_t first = 0; first < count && status == KMB_OK; first += TOGETHER) {
        size_t rest = count - first < TOGETHER ? count - first : TOGETHER;
        status = descend_together(view_store(view), tenant, &state.trees[tree], keys + first, rest, descents, NULL);
        descents_drop(descents, rest);
    }
}

enum kmb_status store_held_value(struct store_view view, uint32_t tenant, const struct store_held *held,
                                 struct buffer *joined, struct slice *value, struct kmb_error *error) {
    ASSERT(held->entry != NULL);
    *value = held->value;
    if (!held->big) {
        return KMB_OK;
    }
    buffer_clear(joined);
    enum kmb_status status = blob_read(view_store(view), tenant, held->value.bytes, joined, error);
    *value = buffer_slice(joined);
    return status;
}

void store_held_drop(struct store_held *held, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (held[i].entry != NULL) {
            page_unpin(held[i].entry);
            held[i].entry = NULL;
        }
    }
}
