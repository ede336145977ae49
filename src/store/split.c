/*
 * The shape of a tree under change: copying the way to a leaf, splitting full pages, merging thin ones.
 *
 * A writer first descends and looks, then owns its path: from the root down, each page that an older version made is
 * copied, and its parent, already owned, is told the copy's slot. From then on the pages of the path are changed in
 * place until the fork is frozen.
 *
 * A full page splits in the middle of its bytes, except when insertions have been arriving one after the other in key
 * order: then it splits where the next one goes, so that loading in order leaves full pages behind. Separators are cut
 * to the shortest key that tells left from right. The first key of an inner page is always empty ("lower than all"), so
 * that a separator's blob, if it has one, has exactly one owner: a split moves the key up, a merge takes it down.
 *
 * Failures in the middle break the fork (store.h); what is required here is only that every page stays well-formed and
 * that no page is given up while something of this fork still names it.
 */
#include "store/internal.h"

#define RUN_ASCENDING 3 /* insertions in a row that count as loading in order */

static enum kmb_status step_own(struct store_fork *fork, uint8_t *parent_ref, struct store_step *step,
                                struct kmb_error *error) {
    struct store *store = fork->store;
    uint64_t generation = fork->version->generation;
    if (step->entry->birth == generation) {
        page_dirty(store, step->entry);
        return KMB_OK;
    }
    uint64_t slot;
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = page_new(store, generation, &slot, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct page_header *head = page_head(step->image);
    unsigned low = PAGE_CELLS + PLACE_SIZE * head->count;
    memcpy(image + PAGE_BODY, step->image + PAGE_BODY, low - PAGE_BODY);
    memcpy(image + head->heap, step->image + head->heap, STORE_PAGE - head->heap);
    page_header(image)->generation = generation;
    status = fork_give_up(fork, step->slot, error);
    if (status != KMB_OK) {
        page_unpin(entry);
        page_free(store, slot);
        return status;
    }
    fork_page_made(fork, slot);
    page_unpin(step->entry);
    step->slot = slot;
    step->entry = entry;
    step->image = image;
    memset(parent_ref, 0, REF_SIZE);
    codec_put_u64(parent_ref, slot);
    return KMB_OK;
}

enum kmb_status path_own(struct store_fork *fork, struct tree_state *tree, struct store_path *path,
                         struct kmb_error *error) {
    uint8_t *ref = tree->ref;
    for (unsigned i = 0; i < path->depth; i++) {
        struct store_step *step = &path->steps[i];
        enum kmb_status status = step_own(fork, ref, step, error);
        if (status != KMB_OK) {
            return status;
        }
        if (i + 1 < path->depth) {
            ref = page_child(step->image, step->index);
        }
    }
    return KMB_OK;
}

/* --- splitting --------------------------------------------------------------------------------------------------- */

struct split {
    const uint8_t *image;
    unsigned index; /* where the new cell goes */
    const struct cell *cell;
    unsigned count; /* cells with the new one */
};

static unsigned split_size(const struct split *split, unsigned i) { /* of the i-th cell with the new one among them */
    if (i == split->index) {
        return cell_bytes(split->cell) + PLACE_SIZE;
    }
    return cell_size(page_cell(split->image, i < split->index ? i : i - 1)) + PLACE_SIZE;
}

/* How many cells, the new one counted, stay on the left. */
static unsigned split_boundary(const struct split *split, bool ascending) {
    unsigned total = 0;
    unsigned tail = 0;
    for (unsigned i = 0; i < split->count; i++) {
        unsigned size = split_size(split, i);
        total += size;
        tail += i >= split->index ? size : 0;
    }
    if (ascending && split->index > 0 && tail <= PAGE_ROOM) {
        return split->index;
    }
    unsigned left = 0;
    for (unsigned i = 0; i + 1 < split->count; i++) {
        left += split_size(split, i);
        if (left >= total / 2) {
            return i + 1;
        }
    }
    return split->count - 1;
}

/* Moves the upper cells of a full page to an empty one, the new cell to where it belongs. */
static void split_move(uint8_t *left, uint8_t *right, unsigned index, const struct cell *cell, bool ascending) {
    struct page_header *head = page_header(left);
    struct split split = {.image = left, .index = index, .cell = cell, .count = head->count + 1u};
    unsigned boundary = split_boundary(&split, ascending);
    unsigned kept = index < boundary ? boundary - 1 : boundary; /* old cells that stay */
    unsigned to = 0;
    for (unsigned i = boundary; i < split.count; i++) {
        if (i == index) {
            page_insert(right, to++, cell);
        } else {
            struct cell moved = cell_parts(page_cell(left, i < index ? i : i - 1));
            page_insert(right, to++, &moved);
        }
    }
    for (unsigned i = kept; i < head->count; i++) {
        const uint8_t *gone = page_cell(left, i);
        head->garbage = (uint16_t)(head->garbage + cell_size(gone));
        head->bigs = (uint16_t)(head->bigs - (cell_key_big(gone) || cell_value_big(gone) ? 1 : 0));
    }
    uint8_t run = head->run;
    head->count = (uint16_t)kept;
    head->run = 0;
    head->last = 0;
    page_hints(left);
    if (index < boundary) {
        page_insert(left, index, cell);
        head->run = 0;
    }
    page_header(right)->run = ascending ? run : 0;
    page_header(right)->last = 0;
}

/* A separator's stored bytes. */
struct separator {
    uint8_t bytes[KEY_INLINE_MAX];
    unsigned length;
    bool big;
};

/* The shortest key above the left page's last and not above the right page's first. */
static enum kmb_status separator_find(struct store_fork *fork, uint32_t tenant, const uint8_t *left,
                                      const uint8_t *right, struct separator *separator, struct kmb_error *error) {
    struct buffer low_copy = {0};
    struct buffer high_copy = {0};
    struct slice low;
    struct slice high = {0};
    const uint8_t *last = page_cell(left, page_head(left)->count - 1u);
    enum kmb_status status = cell_key_whole(fork->store, tenant, last, &low_copy, &low, error);
    if (status == KMB_OK) {
        status = cell_key_whole(fork->store, tenant, page_cell(right, 0), &high_copy, &high, error);
    }
    size_t length = 0;
    if (status == KMB_OK) {
        while (length < low.length && length < high.length && low.bytes[length] == high.bytes[length]) {
            length++;
        }
        length++;
        if (length > high.length) {
            status = error_set(error, KMB_PROJECTION_DAMAGED, "keys of the store are out of order");
        }
    }
    if (status == KMB_OK) {
        separator->big = length > KEY_INLINE_MAX;
        separator->length = separator->big ? KEY_PREFIX + BLOB_REF_SIZE : (unsigned)length;
        memcpy(separator->bytes, high.bytes, separator->big ? KEY_PREFIX : length);
        if (separator->big) {
            status = blob_write(fork->store, fork->version->generation, fork, tenant, slice_make(high.bytes, length),
                                slice_make(NULL, 0), separator->bytes + KEY_PREFIX, error);
        }
    }
    buffer_free(&low_copy);
    buffer_free(&high_copy);
    return status;
}

/* Takes the first key of an inner page out, to be moved up. */
static void separator_take(uint8_t *right, struct separator *separator) {
    struct cell first = cell_parts(page_cell(right, 0));
    separator->big = first.key_big;
    separator->length = (unsigned)first.key.length;
    memcpy(separator->bytes, first.key.bytes, first.key.length);
    uint8_t ref[REF_SIZE];
    memcpy(ref, first.first.bytes, REF_SIZE);
    struct cell plain = {.first = slice_make(ref, REF_SIZE)};
    bool done = page_replace(right, 0, &plain);
    ASSERT(done);
    page_hints(right);
}

static bool path_rightmost(const struct store_path *path, unsigned depth) {
    for (unsigned i = 0; i < depth; i++) {
        if (path->steps[i].index + 1u < page_head(path->steps[i].image)->count) {
            return false;
        }
    }
    return true;
}

static enum kmb_status root_grow(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                                 const struct cell *second, struct kmb_error *error) {
    if (tree->level + 2u > STORE_DEPTH_MAX) {
        return error_set(error, KMB_LIMIT, "a tree of the store has reached its greatest depth");
    }
    uint64_t slot;
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = fork_page_new(fork, &slot, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    page_start(image, PAGE_INNER, tree->level + 1u, tenant, tree_id, fork->version->generation);
    struct cell first = {.first = slice_make(tree->ref, REF_SIZE)};
    page_insert(image, 0, &first);
    page_insert(image, 1, second);
    page_unpin(entry);
    memset(tree->ref, 0, REF_SIZE);
    codec_put_u64(tree->ref, slot);
    tree->level++;
    return KMB_OK;
}

/* Splits the page of one step to take the cell; the separator and the new page's slot are for the level above. */
static enum kmb_status step_split(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct store_path *path,
                                  unsigned at, unsigned index, const struct cell *cell, struct separator *separator,
                                  uint64_t *slot, struct kmb_error *error) {
    struct store_step *step = &path->steps[at];
    const struct page_header *head = page_head(step->image);
    struct store_entry *entry;
    uint8_t *right;
    enum kmb_status status = fork_page_new(fork, slot, &entry, &right, error);
    if (status != KMB_OK) {
        return status;
    }
    page_start(right, (enum page_type)head->type, head->level, tenant, tree_id, fork->version->generation);
    bool ascending =
        (head->run >= RUN_ASCENDING && index == head->last + 1u) || (index == head->count && path_rightmost(path, at));
    split_move(step->image, right, index, cell, ascending);
    if (head->level > 0) {
        separator_take(right, separator);
    } else {
        status = separator_find(fork, tenant, step->image, right, separator, error);
    }
    page_unpin(entry);
    return status;
}

enum kmb_status path_insert(struct store_fork *fork, uint32_t tenant, unsigned tree_id, struct tree_state *tree,
                            struct store_path *path, const struct cell *cell, struct kmb_error *error) {
    unsigned at = path->depth - 1;
    unsigned index = path->steps[at].index;
    if (page_fits(path->steps[at].image, cell_bytes(cell))) {
        page_insert(path->steps[at].image, index, cell);
        return KMB_OK;
    }
    struct cell pending = *cell;
    struct separator separator;
    uint8_t ref[REF_SIZE];
    enum kmb_status status = KMB_OK;
    for (;;) {
        if (page_fits(path->steps[at].image, cell_bytes(&pending))) {
            page_insert(path->steps[at].image, index, &pending);
            break;
        }
        uint64_t slot;
        status = step_split(fork, tenant, tree_id, path, at, index, &pending, &separator, &slot, error);
        if (status != KMB_OK) {
            break;
        }
        memset(ref, 0, sizeof ref);
        codec_put_u64(ref, slot);
        pending = (struct cell){.key = slice_make(separator.bytes, separator.length),
                                .key_big = separator.big,
                                .first = slice_make(ref, sizeof ref)};
        if (at == 0) {
            status = root_grow(fork, tenant, tree_id, tree, &pending, error);
            break;
        }
        at--;
        index = path->steps[at].index + 1;
    }
    path_drop(path);
    return status;
}

/* --- merging ----------------------------------------------------------------------------------------------------- */

/* Removes a child's cell from its owned parent. keep_key: the separator was taken over by somebody. */
static enum kmb_status parent_remove(struct store_fork *fork, uint32_t tenant, struct store_step *parent,
                                     unsigned index, bool keep_key, struct kmb_error *error) {
    uint8_t *image = parent->image;
    uint8_t blobs[2][BLOB_REF_SIZE];
    unsigned count = 0;
    const uint8_t *cell = page_cell(image, index);
    if (cell_key_big(cell) && !keep_key) {
        memcpy(blobs[count++], cell_key(cell) + KEY_PREFIX, BLOB_REF_SIZE);
    }
    page_remove(image, index);
    if (index == 0 && page_head(image)->count > 0) {
        const uint8_t *first = page_cell(image, 0);
        if (cell_key_big(first)) {
            memcpy(blobs[count++], cell_key(first) + KEY_PREFIX, BLOB_REF_SIZE);
        }
        uint8_t ref[REF_SIZE];
        memcpy(ref, cell_value(first), REF_SIZE);
        struct cell plain = {.first = slice_make(ref, REF_SIZE)};
        bool done = page_replace(image, 0, &plain);
        ASSERT(done);
        page_hints(image);
    }
    enum kmb_status status = KMB_OK;
    while (count > 0 && status == KMB_OK) {
        status = blob_give_up(fork, tenant, blobs[--count], error);
    }
    return status;
}

/* Gives up the page of a step that its parent no longer names. */
static enum kmb_status step_give_up(struct store_fork *fork, struct store_step *step, struct kmb_error *error) {
    page_unpin(step->entry);
    return fork_give_up(fork, step->slot, error);
}

/* Moves the cells of right behind those of left. In inner pages the separator becomes the key of right's first. */
static void merge_cells(uint8_t *left, const uint8_t *right, const uint8_t *separator_cell) {
    unsigned count = page_head(right)->count;
    bool inner = page_head(left)->level > 0;
    for (unsigned i = 0; i < count; i++) {
        struct cell moved = cell_parts(page_cell(right, i));
        if (inner && i == 0) {
            struct cell separator = cell_parts(separator_cell);
            moved.key = separator.key;
            moved.key_big = separator.key_big;
        }
        page_insert(left, page_head(left)->count, &moved);
    }
    page_header(left)->run = 0;
}

/*
 * Merges the step's page with a neighbour if both fit one page. *merged: done; then the step is no longer pinned and
 * the parent has one cell less.
 */
static enum kmb_status step_merge(struct store_fork *fork, uint32_t tenant, struct store_step *parent,
                                  struct store_step *step, bool *merged, struct kmb_error *error) {
    *merged = false;
    unsigned index = parent->index;
    unsigned count = page_head(parent->image)->count;
    if (count < 2) {
        return KMB_OK;
    }
    bool with_next = index + 1 < count;
    unsigned other_index = with_next ? index + 1 : index - 1;
    struct store_step other = {.slot = page_u64(page_child(parent->image, other_index))};
    enum kmb_status status =
        page_pin(fork->store, tenant, page_child(parent->image, other_index), &other.entry, &other.image, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct page_header *head = page_head(step->image);
    const uint8_t *separator = page_cell(parent->image, with_next ? other_index : index);
    unsigned together = page_used(step->image) + page_used(other.image) + cell_key_length(separator);
    if (page_head(other.image)->type != head->type || page_head(other.image)->level != head->level) {
        page_unpin(other.entry);
        return page_damaged(error, other.slot, "is not of the kind its parent says");
    }
    if (together > PAGE_MERGED) {
        page_unpin(other.entry);
        return KMB_OK;
    }
    if (!with_next) {
        status = step_own(fork, page_child(parent->image, other_index), &other, error);
        separator = page_cell(parent->image, index);
    }
    if (status != KMB_OK) {
        page_unpin(other.entry);
        return status;
    }
    struct store_step *left = with_next ? step : &other;
    struct store_step *right = with_next ? &other : step;
    merge_cells(left->image, right->image, separator);
    bool inner = page_head(left->image)->level > 0;
    status = parent_remove(fork, tenant, parent, with_next ? other_index : index, inner, error);
    page_unpin(left->entry);
    enum kmb_status given = step_give_up(fork, right, status == KMB_OK ? error : NULL);
    *merged = true;
    return status != KMB_OK ? status : given;
}

static enum kmb_status root_shrink(struct store_fork *fork, struct tree_state *tree, struct store_path *path,
                                   struct kmb_error *error) {
    struct store_step *root = &path->steps[0];
    const struct page_header *head = page_head(root->image);
    if (head->count == 0) {
        *tree = (struct tree_state){.count = tree->count};
    } else if (head->level > 0 && head->count == 1) {
        memcpy(tree->ref, page_child(root->image, 0), REF_SIZE);
        tree->level--;
    } else {
        page_unpin(root->entry);
        return KMB_OK;
    }
    return step_give_up(fork, root, error);
}

enum kmb_status path_shrink(struct store_fork *fork, uint32_t tenant, struct tree_state *tree, struct store_path *path,
                            struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    while (path->depth > 1 && status == KMB_OK) {
        struct store_step *step = &path->steps[path->depth - 1];
        struct store_step *parent = &path->steps[path->depth - 2];
        if (page_head(step->image)->count == 0) {
            path->depth--;
            status = parent_remove(fork, tenant, parent, parent->index, false, error);
            enum kmb_status given = step_give_up(fork, step, status == KMB_OK ? error : NULL);
            status = status != KMB_OK ? status : given;
            continue;
        }
        bool merged = false;
        if (page_used(step->image) < PAGE_MERGE) {
            status = step_merge(fork, tenant, parent, step, &merged, error);
        }
        if (!merged) {
            break;
        }
        path->depth--;
    }
    if (status == KMB_OK && path->depth == 1) {
        path->depth = 0;
        return root_shrink(fork, tree, path, error);
    }
    path_drop(path);
    return status;
}
