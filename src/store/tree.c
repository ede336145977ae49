/*
 * Finding a key: binary search in a page, descent from root to leaf.
 *
 * Keys are compared as bytes. A key too big for a cell keeps its first 512 bytes there and the whole in blob pages; the
 * blob is read only when the prefix does not decide. A descent keeps every page of its way pinned, because writers need
 * the way back and cursors walk along it; a plain read holds two pages at most.
 */
#include "store/internal.h"

void path_drop(struct store_path *path) {
    for (unsigned i = 0; i < path->depth; i++) {
        page_unpin(path->steps[i].entry);
    }
    path->depth = 0;
}

enum kmb_status cell_key_whole(struct store *store, uint32_t tenant, const uint8_t *cell, struct buffer *scratch,
                               struct slice *key, struct kmb_error *error) {
    if (!cell_key_big(cell)) {
        *key = slice_make(cell_key(cell), cell_key_length(cell));
        return KMB_OK;
    }
    buffer_clear(scratch);
    enum kmb_status status = blob_read(store, tenant, cell_key(cell) + KEY_PREFIX, scratch, error);
    *key = buffer_slice(scratch);
    return status;
}

enum kmb_status cell_value_whole(struct store *store, uint32_t tenant, const uint8_t *cell, struct buffer *scratch,
                                 struct slice *value, struct kmb_error *error) {
    if (!cell_value_big(cell)) {
        *value = slice_make(cell_value(cell), cell_value_length(cell));
        return KMB_OK;
    }
    buffer_clear(scratch);
    enum kmb_status status = blob_read(store, tenant, cell_value(cell), scratch, error);
    *value = buffer_slice(scratch);
    return status;
}

/* The order of a key against a cell with a big key. */
static enum kmb_status compare_big(struct store *store, uint32_t tenant, struct slice key, const uint8_t *cell,
                                   int *order, struct kmb_error *error) {
    size_t shorter = key.length < KEY_PREFIX ? key.length : KEY_PREFIX;
    *order = memcmp(key.bytes, cell_key(cell), shorter);
    if (*order != 0) {
        return KMB_OK;
    }
    if (key.length <= KEY_PREFIX) {
        *order = -1;
        return KMB_OK;
    }
    struct buffer scratch = {0};
    struct slice whole;
    enum kmb_status status = cell_key_whole(store, tenant, cell, &scratch, &whole, error);
    if (status == KMB_OK) {
        *order = slice_compare(key, whole);
    }
    buffer_free(&scratch);
    return status;
}

static inline int compare_plain(struct slice key, const uint8_t *cell) {
    size_t length = cell_key_length(cell);
    size_t shorter = key.length < length ? key.length : length;
    int order = memcmp(key.bytes, cell_key(cell), shorter);
    if (order != 0) {
        return order;
    }
    return key.length < length ? -1 : key.length > length;
}

/* The order of a key against the prefix that all keys of the page share; 0: it has it too. */
static inline int prefix_order(const uint8_t *image, struct slice key, unsigned prefix) {
    const struct page_header *head = page_head(image);
    unsigned length = key.length < prefix ? (unsigned)key.length : prefix;
    const uint8_t *common = prefix <= PREFIX_KEPT ? head->common : cell_key(page_cell(image, head->count - 1u));
    int order = memcmp(key.bytes, common, length);
    return order != 0 ? order : key.length < prefix ? -1 : 0;
}

enum kmb_status page_search(struct store *store, const uint8_t *image, struct slice key, unsigned *index, bool *exact,
                            struct kmb_error *error) {
    const struct page_header *head = page_head(image);
    bool inner = head->type == PAGE_INNER;
    unsigned low = inner ? 1 : 0;
    unsigned high = head->count;
    bool hit = false;
    unsigned prefix = head->prefix;
    if (low < high && prefix > 0) {
        int order = prefix_order(image, key, prefix);
        low = order > 0 ? high : low;
        high = order < 0 ? low : high;
    }
    uint32_t hint = low < high ? key_hint(key.bytes, key.length, prefix) : 0;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        uint32_t other = page_hint(image, middle);
        int order = hint < other ? -1 : hint > other;
        if (order == 0) {
            const uint8_t *cell = page_cell(image, middle);
            if (__builtin_expect(cell_key_big(cell), 0)) {
                enum kmb_status status = compare_big(store, head->tenant, key, cell, &order, error);
                if (status != KMB_OK) {
                    return status;
                }
            } else {
                order = compare_plain(key, cell);
            }
        }
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
            if (order == 0) {
                hit = true;
                low = middle; /* keys are unique: this is the one */
                break;
            }
        }
    }
    *exact = hit;
    *index = inner && !hit ? low - 1 : low;
    return KMB_OK;
}

/* Is this page what its parent (or the tree's record) must name at this level? */
static inline bool page_expected(const uint8_t *image, unsigned level) {
    const struct page_header *head = page_head(image);
    return head->level == level && head->type == (level == 0 ? PAGE_LEAF : PAGE_INNER);
}

/*
 * Asks memory for a leaf's header and offsets together: a search hops among them, and each hop would wait by itself.
 * Inner pages are few and mostly near.
 */
static inline void page_ahead(const uint8_t *image, unsigned level) {
    for (unsigned line = 0; level == 0 && line < PAGE_AHEAD_LINES; line++) {
        __builtin_prefetch(image + 64 * (size_t)line);
    }
}

enum kmb_status tree_descend(struct store *store, uint32_t tenant, const struct tree_state *tree, struct slice key,
                             struct store_path *path, bool *exact, struct kmb_error *error) {
    path->depth = 0;
    *exact = false;
    const uint8_t *ref = tree->ref;
    if (page_u64(ref) == 0) {
        return KMB_OK;
    }
    unsigned level = tree->level;
    ASSERT(level < STORE_DEPTH_MAX);
    for (;;) {
        struct store_step *step = &path->steps[path->depth];
        enum kmb_status status = page_pin(store, tenant, ref, &step->entry, &step->image, error);
        if (status != KMB_OK) {
            path_drop(path);
            return status;
        }
        page_ahead(step->image, level);
        step->slot = page_u64(ref);
        path->depth++;
        if (!page_expected(step->image, level)) {
            path_drop(path);
            return page_damaged(error, page_u64(ref), "is not of the kind its parent says");
        }
        status = page_search(store, step->image, key, &step->index, exact, error);
        if (status != KMB_OK) {
            path_drop(path);
            return status;
        }
        if (level == 0) {
            return KMB_OK;
        }
        ref = page_child(step->image, step->index);
        level--;
    }
}

void held_drop(struct store_held *held) {
    if (held->entry != NULL) {
        page_unpin(held->entry);
        held->entry = NULL;
    }
}

enum kmb_status tree_hold(struct store *store, uint32_t tenant, const struct tree_state *tree, struct slice key,
                          struct store_held *held, struct kmb_error *error) {
    *held = (struct store_held){0};
    const uint8_t *ref = tree->ref;
    if (page_u64(ref) == 0) {
        return KMB_OK;
    }
    for (unsigned level = tree->level;; level--) {
        struct store_entry *entry;
        uint8_t *image;
        unsigned index;
        bool exact;
        uint64_t slot = page_u64(ref);
        enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
        held_drop(held);
        if (status != KMB_OK) {
            return status;
        }
        held->entry = entry;
        page_ahead(image, level);
        status = page_expected(image, level) ? page_search(store, image, key, &index, &exact, error)
                                             : page_damaged(error, slot, "is not of the kind its parent says");
        if (status != KMB_OK || (level == 0 && !exact)) {
            held_drop(held);
            return status;
        }
        if (level == 0) {
            const uint8_t *cell = page_cell(image, index);
            held->big = cell_value_big(cell);
            held->value = slice_make(cell_value(cell), cell_value_length(cell));
            return KMB_OK;
        }
        ref = page_child(image, index);
    }
}

enum kmb_status view_hold(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice key,
                          struct store_held *held, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES && key.length > 0);
    struct tenant_state scratch;
    const struct tenant_state *state = view_tenant_quick(view, tenant);
    *held = (struct store_held){0};
    if (state == NULL) {
        enum kmb_status status = view_tenant(view, tenant, &scratch, error);
        if (status != KMB_OK) {
            return status;
        }
        state = &scratch;
    }
    return tree_hold(view_store(view), tenant, &state->trees[tree], key, held, error);
}

enum kmb_status held_read(struct store *store, uint32_t tenant, const struct store_held *held, struct buffer *value,
                          struct kmb_error *error) {
    buffer_clear(value);
    if (held->big) {
        return blob_read(store, tenant, held->value.bytes, value, error);
    }
    buffer_append_slice(value, held->value);
    return buffer_ok(value) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory for a value of the store");
}

enum kmb_status store_get(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice key,
                          struct buffer *value, bool *found, struct kmb_error *error) {
    struct store_held held;
    *found = false;
    enum kmb_status status = view_hold(view, tenant, tree, key, &held, error);
    if (status == KMB_OK && held.entry != NULL) {
        *found = true;
        if (value != NULL) {
            status = held_read(view_store(view), tenant, &held, value, error);
        }
        held_drop(&held);
    }
    return status;
}

enum kmb_status store_count(struct store_view view, uint32_t tenant, enum store_tree tree, uint64_t *count,
                            struct kmb_error *error) {
    ASSERT(tree < STORE_TREES);
    struct tenant_state state;
    enum kmb_status status = view_tenant(view, tenant, &state, error);
    if (status == KMB_OK) {
        *count = state.trees[tree].count;
    }
    return status;
}

/* Where a path stands among the cells below its step `from`, 0 to 1; an empty path: past the end. */
static double path_part(const struct store_path *path, unsigned from) {
    double part = 0;
    for (unsigned i = path->depth; i > from; i--) {
        const struct store_step *step = &path->steps[i - 1];
        part = (step->index + part) / page_head(step->image)->count;
    }
    return part;
}

/* Rows below a child of an inner page, by the pages on the way to its middle. */
static enum kmb_status child_rows(struct store *store, uint32_t tenant, uint8_t *image, unsigned index, double *rows,
                                  struct kmb_error *error) {
    struct store_held held = {0};
    unsigned level = page_head(image)->level;
    *rows = 1;
    while (level > 0) {
        struct store_entry *entry;
        const uint8_t *ref = page_child(image, index);
        uint64_t slot = page_u64(ref);
        enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
        held_drop(&held);
        if (status != KMB_OK) {
            return status;
        }
        held.entry = entry;
        level--;
        if (!page_expected(image, level)) {
            held_drop(&held);
            return page_damaged(error, slot, "is not of the kind its parent says");
        }
        *rows *= page_head(image)->count;
        index = page_head(image)->count / 2u;
    }
    held_drop(&held);
    return KMB_OK;
}

#define CHILDREN_SEEN 8u

/* Adds the rows below the children from..to-1 of a page: some of them are looked at. A leaf's are the rows. */
static enum kmb_status children_rows(struct store *store, uint32_t tenant, const struct store_step *step, unsigned from,
                                     unsigned to, double *sum, struct kmb_error *error) {
    unsigned count = to > from ? to - from : 0;
    unsigned seen = count < CHILDREN_SEEN ? count : CHILDREN_SEEN;
    if (page_head(step->image)->level == 0) {
        *sum += count;
        return KMB_OK;
    }
    for (unsigned i = 0; i < seen; i++) {
        double below = 0;
        unsigned index = from + count * (2 * i + 1) / (2 * seen);
        enum kmb_status status = child_rows(store, tenant, step->image, index, &below, error);
        if (status != KMB_OK) {
            return status;
        }
        *sum += below * count / seen;
    }
    return KMB_OK;
}

/* Rows between two paths: what lies between where they part, and on the way down to the right of one and to the left of
 * the other. Rows of one table are alike, those of two are not, so what is looked at lies between. */
static enum kmb_status path_distance(struct store *store, uint32_t tenant, const struct store_path *low,
                                     const struct store_path *high, uint64_t *rows, struct kmb_error *error) {
    unsigned apart = 0;
    while (apart + 1 < low->depth && low->steps[apart].index == high->steps[apart].index) {
        apart++;
    }
    bool leaf = apart + 1 == low->depth;
    double sum = 0;
    enum kmb_status status = children_rows(store, tenant, &low->steps[apart], low->steps[apart].index + (leaf ? 0 : 1),
                                           high->steps[apart].index, &sum, error);
    for (unsigned i = apart + 1; i < low->depth && status == KMB_OK; i++) {
        const struct store_step *step = &low->steps[i];
        unsigned first = step->index + (i + 1 == low->depth ? 0 : 1);
        status = children_rows(store, tenant, step, first, page_head(step->image)->count, &sum, error);
        if (status == KMB_OK) {
            status = children_rows(store, tenant, &high->steps[i], 0, high->steps[i].index, &sum, error);
        }
    }
    *rows = (uint64_t)sum;
    return status;
}

enum kmb_status store_estimate(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice low,
                               struct slice high, uint64_t *rows, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES && low.length > 0);
    struct tenant_state state;
    *rows = 0;
    enum kmb_status status = view_tenant(view, tenant, &state, error);
    if (status != KMB_OK || page_u64(state.trees[tree].ref) == 0) {
        return status;
    }
    struct store_path first = {0};
    struct store_path last = {0};
    bool exact;
    status = tree_descend(view_store(view), tenant, &state.trees[tree], low, &first, &exact, error);
    if (status == KMB_OK && high.length > 0) {
        status = tree_descend(view_store(view), tenant, &state.trees[tree], high, &last, &exact, error);
    }
    if (status == KMB_OK && high.length > 0) {
        status = path_distance(view_store(view), tenant, &first, &last, rows, error);
    } else if (status == KMB_OK) {
        *rows = (uint64_t)((1 - path_part(&first, 0)) * (double)state.trees[tree].count);
    }
    path_drop(&first);
    path_drop(&last);
    return status;
}

/* The key at a place of the whole tree, as path_part() tells places. */
static enum kmb_status tree_key_at(struct store *store, uint32_t tenant, const struct tree_state *tree, double place,
                                   struct buffer *key, bool *found, struct kmb_error *error) {
    const uint8_t *ref = tree->ref;
    struct store_held held = {0};
    for (unsigned level = tree->level;; level--) {
        struct store_entry *entry;
        uint8_t *image;
        uint64_t slot = page_u64(ref);
        enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
        held_drop(&held);
        if (status != KMB_OK) {
            return status;
        }
        held.entry = entry;
        if (!page_expected(image, level)) {
            held_drop(&held);
            return page_damaged(error, slot, "is not of the kind its parent says");
        }
        unsigned count = page_head(image)->count;
        double scaled = place * count;
        unsigned index = scaled < 0 ? 0 : scaled >= count ? count - 1 : (unsigned)scaled;
        place = scaled - index;
        if (level > 0) {
            ref = page_child(image, index);
            continue;
        }
        struct buffer scratch = {0};
        struct slice whole;
        status = cell_key_whole(store, tenant, page_cell(image, index), &scratch, &whole, error);
        if (status == KMB_OK) {
            buffer_clear(key);
            buffer_append_slice(key, whole);
            *found = true;
            status = buffer_ok(key) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "no memory for a key of the store");
        }
        buffer_free(&scratch);
        held_drop(&held);
        return status;
    }
}

enum kmb_status store_key_at(struct store_view view, uint32_t tenant, enum store_tree tree, struct slice low,
                             struct slice high, double part, struct buffer *key, bool *found, struct kmb_error *error) {
    ASSERT(tree < STORE_TREES && low.length > 0);
    struct tenant_state state;
    *found = false;
    enum kmb_status status = view_tenant(view, tenant, &state, error);
    if (status != KMB_OK || page_u64(state.trees[tree].ref) == 0 || state.trees[tree].count == 0) {
        return status;
    }
    struct store_path first = {0};
    struct store_path last = {0};
    bool exact;
    status = tree_descend(view_store(view), tenant, &state.trees[tree], low, &first, &exact, error);
    if (status == KMB_OK && high.length > 0) {
        status = tree_descend(view_store(view), tenant, &state.trees[tree], high, &last, &exact, error);
    }
    double from = path_part(&first, 0);
    double to = high.length > 0 ? path_part(&last, 0) : 1;
    path_drop(&first);
    path_drop(&last);
    if (status != KMB_OK) {
        return status;
    }
    return tree_key_at(view_store(view), tenant, &state.trees[tree], from + (to - from) * part, key, found, error);
}

enum kmb_status store_state_hash(struct store_view view, uint32_t tenant, struct hash256 *hash,
                                 struct kmb_error *error) {
    struct tenant_state state;
    enum kmb_status status = view_tenant(view, tenant, &state, error);
    if (status == KMB_OK) {
        memcpy(hash->bytes, state.hash, HASH256_SIZE);
    }
    return status;
}
