/*
 * What differs between two roots.
 *
 * Two cursors go forward together, the one that is behind first. A copy-on-write tree makes that cheap: a page that no
 * change has touched stands at the same slot in both, and where both cursors come to one place of one page, everything
 * from there to the end of it is the same, with all that lies below. They then leave that page at once, at the highest
 * level where it holds; so the walk meets only the pages that were copied between the two roots, and the way to them.
 */
#include "store/internal.h"

#define BLOB_NAMED 16u /* length and slot at the head of a blob reference: they name it */

enum kmb_status store_difference_open(struct store_difference *difference, struct store_root *before,
                                      struct store_root *after, uint32_t tenant, enum store_tree tree, struct slice low,
                                      struct slice high, struct kmb_error *error) {
    *difference = (struct store_difference){.high = high};
    enum kmb_status status = store_cursor_open(&difference->before, store_view_root(before), tenant, tree, error);
    if (status == KMB_OK) {
        status = store_cursor_open(&difference->after, store_view_root(after), tenant, tree, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&difference->before, low, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&difference->after, low, error);
    }
    if (status != KMB_OK) {
        store_difference_close(difference);
    }
    return status;
}

void store_difference_close(struct store_difference *difference) {
    store_cursor_close(&difference->before);
    store_cursor_close(&difference->after);
}

static bool values_same(const struct store_cursor *left, const struct store_cursor *right) {
    if (left->value_big != right->value_big) {
        return false;
    }
    if (left->value_big) {
        return memcmp(left->value.bytes, right->value.bytes, BLOB_NAMED) == 0;
    }
    return slice_equal(left->value, right->value);
}

enum kmb_status store_difference_next(struct store_difference *difference, struct kmb_error *error) {
    struct store_cursor *before = &difference->before;
    struct store_cursor *after = &difference->after;
    enum kmb_status status = KMB_OK;
    bool told = difference->in_before || difference->in_after;
    bool step_before = difference->in_before;
    bool step_after = difference->in_after;
    difference->in_before = false;
    difference->in_after = false;
    for (;;) {
        if (told && step_before) {
            status = store_cursor_next(before, error);
        }
        if (told && status == KMB_OK && step_after) {
            status = store_cursor_next(after, error);
        }
        if (status != KMB_OK) {
            return status;
        }
        if (!before->valid && !after->valid) {
            return KMB_DONE;
        }
        int order = !before->valid ? 1 : !after->valid ? -1 : slice_compare(before->key, after->key);
        struct slice key = order <= 0 ? before->key : after->key;
        if (difference->high.length > 0 && slice_compare(key, difference->high) >= 0) {
            return KMB_DONE;
        }
        bool moved = false;
        if (order == 0) {
            status = cursors_skip_shared(before, after, &moved, error);
            if (status != KMB_OK) {
                return status;
            }
        }
        if (!moved && (order != 0 || !values_same(before, after))) {
            difference->in_before = order <= 0;
            difference->in_after = order >= 0;
            return KMB_ROW;
        }
        told = !moved;
        step_before = true;
        step_after = true;
    }
}
