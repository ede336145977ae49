/*
 * Walking along a tree.
 *
 * A cursor keeps the pages from the root to its leaf pinned; a step inside a leaf touches nothing else. Over a root
 * that is all, since its pages never change. Over a fork the pages may change or go between two steps, so the cursor
 * keeps a copy of its key and, when the fork has been changed since, finds its place again from that.
 */
#include "store/internal.h"

#define AHEAD       2u /* cells a walk asks memory for before it needs them */
#define LINES_AHEAD 2u
#define TAKE_AHEAD  8u /* the same of a loop that does little with each */

enum kmb_status store_cursor_open(struct store_cursor *cursor, struct store_view view, uint32_t tenant,
                                  enum store_tree tree, struct kmb_error *error) {
    ASSERT((view.root != NULL) != (view.fork != NULL));
    *cursor = (struct store_cursor){
        .view = view, .store = view_store(view), .tenant = tenant, .tree = tree, .lines_ahead = LINES_AHEAD};
    if (view.fork != NULL && view.fork->broken != KMB_OK) {
        enum kmb_status status = view.fork->broken;
        cursor->store = NULL;
        return error_set(error, status, "the change failed before: %s", view.fork->why.message);
    }
    if (view.root != NULL) {
        store_root_retain(view.root);
    } else {
        view.fork->cursors++;
    }
    return KMB_OK;
}

static void after_drop(struct store_cursor *cursor) {
    if (cursor->after.entry != NULL) {
        page_unpin(cursor->after.entry);
        cursor->after.entry = NULL;
    }
}

void store_cursor_close(struct store_cursor *cursor) {
    if (cursor->store == NULL) {
        return;
    }
    path_drop(&cursor->path);
    after_drop(cursor);
    buffer_free(&cursor->key_copy);
    buffer_free(&cursor->value_copy);
    if (cursor->view.root != NULL) {
        store_root_release(cursor->view.root);
    } else {
        ASSERT(cursor->view.fork->cursors > 0);
        cursor->view.fork->cursors--;
    }
    memset(cursor, 0, sizeof *cursor);
}

static enum kmb_status cursor_end(struct store_cursor *cursor, enum kmb_status status) {
    path_drop(&cursor->path);
    after_drop(cursor);
    cursor->valid = false;
    return status;
}

/* Shows the cell that the path points at. */
static enum kmb_status cursor_show_slow(struct store_cursor *cursor, const uint8_t *cell, struct kmb_error *error) {
    struct slice key;
    buffer_clear(&cursor->key_copy);
    enum kmb_status status = cell_key_whole(cursor->store, cursor->tenant, cell, &cursor->key_copy, &key, error);
    if (status != KMB_OK) {
        return cursor_end(cursor, status);
    }
    if (!cell_key_big(cell)) {
        buffer_append_slice(&cursor->key_copy, key);
        if (!buffer_ok(&cursor->key_copy)) {
            return cursor_end(cursor, error_set(error, KMB_NO_MEMORY, "no memory for a key of the store"));
        }
    }
    cursor->key = buffer_slice(&cursor->key_copy);
    return KMB_OK;
}

static inline enum kmb_status cursor_show(struct store_cursor *cursor, struct kmb_error *error) {
    const struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    const uint8_t *cell = page_cell(leaf->image, leaf->index);
    cursor->valid = true;
    cursor->value_big = cell_value_big(cell);
    cursor->value = slice_make(cell_value(cell), cell_value_length(cell));
    if (__builtin_expect(cursor->view.fork != NULL || cell_key_big(cell), 0)) {
        cursor->changes = cursor->view.fork != NULL ? cursor->view.fork->changes : 0;
        return cursor_show_slow(cursor, cell, error);
    }
    cursor->key = slice_make(cell_key(cell), cell_key_length(cell));
    return KMB_OK;
}

/* Asks memory for a cell about to be read. Cells lie in the order they came, not in key order. */
static inline void cell_ahead(const struct store_cursor *cursor, const uint8_t *image, unsigned index) {
    if (index < page_head(image)->count) {
        const uint8_t *ahead = page_cell(image, index);
        for (unsigned line = 0; line < cursor->lines_ahead; line++) {
            __builtin_prefetch(ahead + 64 * (size_t)line);
        }
    }
}

enum kmb_status store_cursor_value_big(struct store_cursor *cursor, struct slice *value, struct kmb_error *error) {
    ASSERT(cursor->valid && cursor->value_big);
    buffer_clear(&cursor->value_copy);
    enum kmb_status status = blob_read(cursor->store, cursor->tenant, cursor->value.bytes, &cursor->value_copy, error);
    *value = buffer_slice(&cursor->value_copy);
    return status;
}

static enum kmb_status cursor_tree(struct store_cursor *cursor, struct tree_state *tree, struct kmb_error *error) {
    path_drop(&cursor->path);
    cursor->valid = false;
    struct store_view view = cursor->view;
    if (cursor->tree == STORE_DIRECTORY) {
        *tree = view.root != NULL ? view.root->directory : view.fork->directory;
        return KMB_OK;
    }
    const struct tenant_state *quick = view_tenant_quick(view, cursor->tenant);
    if (quick != NULL) {
        *tree = quick->trees[cursor->tree];
        return KMB_OK;
    }
    struct tenant_state state;
    enum kmb_status status = view_tenant(view, cursor->tenant, &state, error);
    if (status == KMB_OK) {
        *tree = state.trees[cursor->tree];
    }
    return status;
}

/* Goes down from a reference to the first or last cell of the subtree; the path holds what is above. */
static enum kmb_status cursor_dive(struct store_cursor *cursor, const uint8_t *ref, unsigned level, bool last,
                                   struct kmb_error *error) {
    struct store_path *path = &cursor->path;
    for (;;) {
        struct store_step *step = &path->steps[path->depth];
        if (cursor->after.entry != NULL && cursor->after.slot == page_u64(ref)) {
            *step = cursor->after; /* with its pin */
            cursor->after.entry = NULL;
        } else {
            enum kmb_status status = page_pin(cursor->store, cursor->tenant, ref, &step->entry, &step->image, error);
            if (status != KMB_OK) {
                return cursor_end(cursor, status);
            }
            step->slot = page_u64(ref);
        }
        path->depth++;
        const struct page_header *head = page_head(step->image);
        if (head->level != level || head->type != (level == 0 ? PAGE_LEAF : PAGE_INNER)) {
            return cursor_end(cursor, page_damaged(error, step->slot, "is not of the kind its parent says"));
        }
        step->index = last ? head->count - 1u : 0;
        if (level == 0) {
            return cursor_show(cursor, error);
        }
        ref = page_child(step->image, step->index);
        level--;
    }
}

static enum kmb_status cursor_edge(struct store_cursor *cursor, bool last, struct kmb_error *error) {
    struct tree_state tree;
    enum kmb_status status = cursor_tree(cursor, &tree, error);
    if (status != KMB_OK || page_u64(tree.ref) == 0) {
        return status;
    }
    return cursor_dive(cursor, tree.ref, tree.level, last, error);
}

enum kmb_status store_cursor_first(struct store_cursor *cursor, struct kmb_error *error) {
    return cursor_edge(cursor, false, error);
}

enum kmb_status store_cursor_last(struct store_cursor *cursor, struct kmb_error *error) {
    return cursor_edge(cursor, true, error);
}

/* The leaf is used up: to the neighbouring one. */
static enum kmb_status cursor_turn(struct store_cursor *cursor, bool back, struct kmb_error *error) {
    struct store_path *path = &cursor->path;
    while (path->depth > 0) {
        page_unpin(path->steps[path->depth - 1].entry);
        path->depth--;
        if (path->depth == 0) {
            break;
        }
        struct store_step *step = &path->steps[path->depth - 1];
        const struct page_header *head = page_head(step->image);
        if (back ? step->index > 0 : step->index + 1u < head->count) {
            step->index = back ? step->index - 1 : step->index + 1;
            return cursor_dive(cursor, page_child(step->image, step->index), head->level - 1u, back, error);
        }
    }
    cursor->valid = false;
    return KMB_OK;
}

/* Descends to the key's place. *at_cell: the path points at a cell; else one past the leaf's last. */
static enum kmb_status cursor_place(struct store_cursor *cursor, struct slice key, bool *exact, bool *at_cell,
                                    struct kmb_error *error) {
    struct tree_state tree;
    *at_cell = false;
    enum kmb_status status = cursor_tree(cursor, &tree, error);
    if (status == KMB_OK) {
        status = tree_descend(cursor->store, cursor->tenant, &tree, key, &cursor->path, exact, error);
    }
    if (status == KMB_OK && cursor->path.depth > 0) {
        const struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
        *at_cell = leaf->index < page_head(leaf->image)->count;
    }
    return status;
}

/* A key in the leaf the cursor stands in, not before its place: no descent is needed. */
static bool cursor_near(struct store_cursor *cursor, struct slice key) {
    if (!cursor->valid || cursor->view.fork != NULL || key.length == 0) {
        return false;
    }
    struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    unsigned count = page_head(leaf->image)->count;
    const uint8_t *last = page_cell(leaf->image, count - 1);
    if (cell_key_big(last) || slice_compare(key, slice_make(cell_key(last), cell_key_length(last))) > 0 ||
        slice_compare(key, cursor->key) < 0) {
        return false;
    }
    if (leaf->index + 1 < count) {
        const uint8_t *here = page_cell(leaf->image, leaf->index);
        const uint8_t *next = page_cell(leaf->image, leaf->index + 1);
        if (!cell_key_big(here) && !cell_key_big(next) &&
            slice_compare(key, slice_make(cell_key(here), cell_key_length(here))) > 0 &&
            slice_compare(key, slice_make(cell_key(next), cell_key_length(next))) <= 0) {
            leaf->index++;
            cell_ahead(cursor, leaf->image, leaf->index + AHEAD);
            return true;
        }
    }
    bool exact;
    unsigned index;
    if (page_search(cursor->store, leaf->image, key, &index, &exact, NULL) != KMB_OK) {
        return false;
    }
    leaf->index = index;
    cell_ahead(cursor, leaf->image, index);
    return true;
}

enum kmb_status store_cursor_seek(struct store_cursor *cursor, struct slice key, struct kmb_error *error) {
    if (key.length == 0) {
        return store_cursor_first(cursor, error);
    }
    if (cursor_near(cursor, key)) {
        return cursor_show(cursor, error);
    }
    bool exact;
    bool at_cell;
    enum kmb_status status = cursor_place(cursor, key, &exact, &at_cell, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!at_cell) {
        return cursor_turn(cursor, false, error);
    }
    const struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    cell_ahead(cursor, leaf->image, leaf->index);
    return cursor_show(cursor, error);
}

enum kmb_status store_cursor_seek_back(struct store_cursor *cursor, struct slice key, struct kmb_error *error) {
    bool exact;
    bool at_cell;
    if (key.length == 0) {
        return cursor_end(cursor, KMB_OK); /* no key is as low */
    }
    enum kmb_status status = cursor_place(cursor, key, &exact, &at_cell, error);
    if (status != KMB_OK || cursor->path.depth == 0) {
        return status;
    }
    struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    if (exact) {
        return cursor_show(cursor, error);
    }
    if (leaf->index > 0) {
        leaf->index--;
        return cursor_show(cursor, error);
    }
    return cursor_turn(cursor, true, error);
}

/* The fork has changed under the cursor: finds the neighbour of the key it stood at. */
static enum kmb_status cursor_again(struct store_cursor *cursor, bool back, struct kmb_error *error) {
    struct buffer stood = cursor->key_copy;
    cursor->key_copy = (struct buffer){0};
    struct slice key = buffer_slice(&stood);
    bool exact = false;
    bool at_cell = false;
    enum kmb_status status = cursor_place(cursor, key, &exact, &at_cell, error);
    if (status == KMB_OK && cursor->path.depth > 0) {
        struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
        if (back) {
            if (leaf->index > 0) {
                leaf->index--;
                status = cursor_show(cursor, error);
            } else {
                status = cursor_turn(cursor, true, error);
            }
        } else {
            leaf->index += exact ? 1 : 0;
            bool more = leaf->index < page_head(leaf->image)->count;
            status = more ? cursor_show(cursor, error) : cursor_turn(cursor, false, error);
        }
    }
    buffer_free(&stood);
    return status;
}

enum kmb_status store_cursor_next(struct store_cursor *cursor, struct kmb_error *error) {
    ASSERT(cursor->valid);
    if (__builtin_expect(cursor->view.fork != NULL && cursor->view.fork->changes != cursor->changes, 0)) {
        return cursor_again(cursor, false, error);
    }
    struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    if (leaf->index + 1 < page_head(leaf->image)->count) {
        leaf->index++;
        cell_ahead(cursor, leaf->image, leaf->index + AHEAD);
        return cursor_show(cursor, error);
    }
    return cursor_turn(cursor, false, error);
}

enum kmb_status store_cursor_prev(struct store_cursor *cursor, struct kmb_error *error) {
    ASSERT(cursor->valid);
    if (__builtin_expect(cursor->view.fork != NULL && cursor->view.fork->changes != cursor->changes, 0)) {
        return cursor_again(cursor, true, error);
    }
    struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    if (leaf->index > 0) {
        leaf->index--;
        return cursor_show(cursor, error);
    }
    return cursor_turn(cursor, true, error);
}

/* Leaves the levels below `level` of the way, and goes to what follows the page there. */
static enum kmb_status cursor_leave(struct store_cursor *cursor, unsigned level, struct kmb_error *error) {
    struct store_path *path = &cursor->path;
    for (; level > 0; level--) {
        page_unpin(path->steps[path->depth - 1].entry);
        path->depth--;
    }
    return cursor_turn(cursor, false, error);
}

enum kmb_status cursors_skip_shared(struct store_cursor *left, struct store_cursor *right, bool *moved,
                                    struct kmb_error *error) {
    ASSERT(left->valid && right->valid && left->view.root != NULL && right->view.root != NULL);
    unsigned left_depth = left->path.depth;
    unsigned right_depth = right->path.depth;
    unsigned shared = 0; /* levels from the leaf up, at one place each: what follows below them is the same */
    while (shared < left_depth && shared < right_depth) {
        const struct store_step *a = &left->path.steps[left_depth - 1 - shared];
        const struct store_step *b = &right->path.steps[right_depth - 1 - shared];
        if (a->slot != b->slot || a->index != b->index) {
            break;
        }
        shared++;
    }
    *moved = shared > 0;
    if (shared == 0) {
        return KMB_OK;
    }
    enum kmb_status status = cursor_leave(left, shared - 1, error);
    return status == KMB_OK ? cursor_leave(right, shared - 1, error) : status;
}

/*
 * Pins the next leaf, if it is in memory, and asks for its header and offsets: the first cells of a leaf are then read
 * as far ahead as the others are. NULL: there is none below the same parent.
 */
static const uint8_t *after_pin(struct store_cursor *cursor) {
    if (cursor->path.depth < 2) {
        return NULL;
    }
    const struct store_step *parent = &cursor->path.steps[cursor->path.depth - 2];
    if (parent->index + 1u >= page_head(parent->image)->count) {
        return NULL;
    }
    uint64_t slot = page_u64(page_child(parent->image, parent->index + 1u));
    if (cursor->after.entry != NULL && cursor->after.slot == slot) {
        return cursor->after.image;
    }
    after_drop(cursor);
    if (!page_pin_present(cursor->store, slot, &cursor->after.entry, &cursor->after.image)) {
        return NULL;
    }
    cursor->after.slot = slot;
    for (size_t line = 0; line < PAGE_AHEAD_LINES; line++) {
        __builtin_prefetch(cursor->after.image + 64 * line);
    }
    return cursor->after.image;
}

size_t store_cursor_take(struct store_cursor *cursor, struct slice high, struct store_place *places, size_t max) {
    ASSERT(cursor->valid);
    if (cursor->view.fork != NULL) {
        return 0;
    }
    struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    const uint8_t *image = leaf->image;
    unsigned end = page_head(image)->count;
    const uint8_t *last = page_cell(image, end - 1);
    bool whole = !cell_key_big(last) && slice_compare(slice_make(cell_key(last), cell_key_length(last)), high) < 0;
    unsigned count = end;
    bool far = max > TAKE_AHEAD; /* few rows are soon read, and what lies behind them may never be */
    const uint8_t *after = far ? after_pin(cursor) : NULL;
    end = max < end - leaf->index ? leaf->index + (unsigned)max : end;
    size_t taken = 0;
    for (unsigned index = leaf->index; index < end; index++) {
        const uint8_t *cell = page_cell(image, index);
        if (!far) {
            cell_ahead(cursor, image, index + 1 < end ? index + 1 : index);
        } else if (index + TAKE_AHEAD < count) {
            cell_ahead(cursor, image, index + TAKE_AHEAD);
        } else if (after != NULL) {
            cell_ahead(cursor, after, index + TAKE_AHEAD - count);
        }
        if (((page_u16(cell) | page_u16(cell + 2)) & CELL_BIG) != 0) {
            break;
        }
        struct slice key = slice_make(cell_key(cell), cell_key_length(cell));
        if (!whole && slice_compare(key, high) >= 0) {
            break;
        }
        places[taken++] =
            (struct store_place){.key = key, .value = slice_make(cell_value(cell), cell_value_length(cell))};
    }
    if (taken > 0) {
        leaf->index += (unsigned)taken - 1;
        cursor->key = places[taken - 1].key;
        cursor->value = places[taken - 1].value;
        cursor->value_big = false;
    }
    return taken;
}

bool store_cursor_settled(const struct store_cursor *cursor, bool back) {
    ASSERT(cursor->valid);
    if (cursor->view.fork != NULL || cursor->value_big || cursor->key.bytes == cursor->key_copy.bytes) {
        return false;
    }
    const struct store_step *leaf = &cursor->path.steps[cursor->path.depth - 1];
    return back ? leaf->index > 0 : leaf->index + 1 < page_head(leaf->image)->count;
}

static bool tenant_empty(const struct tenant_state *state) {
    for (unsigned i = 0; i < STORE_TREES; i++) {
        if (page_u64(state->trees[i].ref) != 0) {
            return false;
        }
    }
    return true;
}

enum kmb_status store_tenants(struct store_view view, enum kmb_status (*each)(void *context, uint32_t tenant),
                              void *context, struct kmb_error *error) {
    struct store_cursor cursor;
    enum kmb_status status = store_cursor_open(&cursor, view, 0, (enum store_tree)STORE_DIRECTORY, error);
    if (status != KMB_OK) {
        return status;
    }
    status = store_cursor_first(&cursor, error);
    size_t place = 0; /* in the fork's own table, which is ahead of the directory */
    size_t own = view.fork == NULL ? 0 : view.fork->tenant_count;
    while (status == KMB_OK && (cursor.valid || place < own)) {
        uint64_t stored = cursor.valid ? codec_get_u32_big(cursor.key.bytes) : UINT64_MAX;
        uint64_t changed = place < own ? view.fork->tenants[place].tenant : UINT64_MAX;
        bool present = stored < changed || !tenant_empty(&view.fork->tenants[place]);
        if (present) {
            status = each(context, (uint32_t)(stored < changed ? stored : changed));
        }
        place += changed <= stored ? 1 : 0;
        if (status == KMB_OK && stored <= changed && cursor.valid) {
            status = store_cursor_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}
