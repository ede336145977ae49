/*
 * kimberlite_diff(t, a, b): the rows that are not the same at two positions.
 *
 * One pass over the stamps of the table's current rows and over its departed keys finds the rows that any event has
 * touched since the first position; no image is looked at on the way. Only those keys' versions are walked, from the
 * newest back to the one that stood at the first position: so the cost is that of reading the stamps once and of the
 * changes there were, not of two states. What an event changed and a later one changed back is told by whoever compares
 * the two images; a row that came and went in between is in neither state and is left out here.
 */
#include "kernel/internal.h"

struct kernel_changes {
    struct kernel_view *view;
    uint64_t since;
    struct store_cursor current;
    struct store_cursor departed;
    bool standing; /* a key was told: move on before looking */
    bool on_departed;
    struct buffer high;
    struct buffer key;
    struct buffer before;
    struct buffer after;
};

static enum kmb_status changes_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

enum kmb_status kernel_changes_open(struct kernel_view *view, const struct table_definition *table, uint64_t since,
                                    const struct kernel_range *range, struct kernel_changes **out,
                                    struct kmb_error *error) {
    ASSERT(range == NULL || (range->index.value == 0 && !range->reverse));
    ASSERT(since <= view->position);
    struct kernel_changes *changes = mem_alloc_zero(1, sizeof(*changes));
    if (changes == NULL) {
        return changes_no_memory(error);
    }
    changes->view = view;
    changes->since = since;
    kernel_reads_add(view->reads, KERNEL_READ_HISTORY, table->id.value, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    struct store_view store = store_view_root(view->state->root);
    uint32_t tenant = view->state->tenant.value;
    enum kmb_status status =
        key_range_bytes(table->id.value, range, &changes->key, &changes->high) ? KMB_OK : changes_no_memory(error);
    if (status == KMB_OK) {
        status = store_cursor_open(&changes->current, store, tenant, STORE_CURRENT, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_open(&changes->departed, store, tenant, STORE_DEPARTED, error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&changes->current, buffer_slice(&changes->key), error);
    }
    if (status == KMB_OK) {
        status = store_cursor_seek(&changes->departed, buffer_slice(&changes->key), error);
    }
    if (status != KMB_OK) {
        kernel_changes_close(changes);
        return status;
    }
    *out = changes;
    return KMB_OK;
}

void kernel_changes_close(struct kernel_changes *changes) {
    if (changes == NULL) {
        return;
    }
    store_cursor_close(&changes->current);
    store_cursor_close(&changes->departed);
    buffer_free(&changes->high);
    buffer_free(&changes->key);
    buffer_free(&changes->before);
    buffer_free(&changes->after);
    mem_free(changes);
}

/* The next key that an event after `since` may have touched, in changes->key. KMB_DONE: there is none. */
static enum kmb_status next_touched(struct kernel_changes *changes, struct kmb_error *error) {
    for (;;) {
        if (changes->standing) {
            changes->standing = false;
            enum kmb_status status =
                store_cursor_next(changes->on_departed ? &changes->departed : &changes->current, error);
            if (status != KMB_OK) {
                return status;
            }
        }
        const struct store_cursor *current = &changes->current;
        const struct store_cursor *departed = &changes->departed;
        if (!current->valid && !departed->valid) {
            return KMB_DONE;
        }
        changes->on_departed = !current->valid || (departed->valid && slice_compare(departed->key, current->key) < 0);
        struct store_cursor *lower = changes->on_departed ? &changes->departed : &changes->current;
        if (slice_compare(lower->key, buffer_slice(&changes->high)) >= 0) {
            return KMB_DONE;
        }
        changes->standing = true;
        if (!changes->on_departed) {
            struct slice value;
            struct slice image;
            struct history_stamp stamp;
            enum kmb_status status = store_cursor_value(lower, &value, error);
            if (status != KMB_OK) {
                return status;
            }
            if (!history_value_split(value, &stamp, &image)) {
                return meta_damaged(error, "a row is shorter than its stamp");
            }
            if (stamp.position <= changes->since) {
                continue;
            }
        }
        buffer_clear(&changes->key);
        buffer_append_slice(&changes->key, lower->key);
        return buffer_ok(&changes->key) ? KMB_OK : changes_no_memory(error);
    }
}

static enum kmb_status keep_image(struct buffer *buffer, struct slice image, struct kmb_error *error) {
    buffer_clear(buffer);
    buffer_append_slice(buffer, image);
    return buffer_ok(buffer) ? KMB_OK : changes_no_memory(error);
}

/* Walks the key's versions, newest first, to what stood at both positions. *told: the two are not one version. */
static enum kmb_status compare_ends(struct kernel_changes *changes, struct history_walk *walk,
                                    struct kernel_change *change, bool *told, struct kmb_error *error) {
    uint64_t position = changes->view->position;
    *change = (struct kernel_change){.existed = false};
    *told = false;
    enum kmb_status status = KMB_OK;
    bool newest = true; /* of those that stood by `position` */
    for (; status == KMB_OK && walk->valid; status = history_walk_next(walk, error)) {
        if (walk->from.position > position) {
            continue;
        }
        if (newest) {
            newest = false;
            change->exists = walk->to.position > position;
            struct history_stamp last = change->exists ? walk->from : walk->to;
            if (last.position <= changes->since) {
                return KMB_OK; /* nothing happened to it since */
            }
            change->position = last.position;
            change->entry = last.sequence;
            if (change->exists) {
                status = keep_image(&changes->after, walk->image, error);
            }
        }
        if (status == KMB_OK && walk->from.position <= changes->since) {
            change->existed = walk->to.position > changes->since;
            change->before_to = walk->to.position;
            status = change->existed ? keep_image(&changes->before, walk->image, error) : KMB_OK;
            break;
        }
    }
    *told = change->exists || change->existed;
    return status;
}

enum kmb_status kernel_changes_next(struct kernel_changes *changes, struct kernel_change *change,
                                    struct kmb_error *error) {
    for (;;) {
        enum kmb_status status = next_touched(changes, error);
        if (status != KMB_OK) {
            return status;
        }
        struct history_walk walk = {.valid = false};
        bool told = false;
        status = history_walk_open(&walk, store_view_root(changes->view->state->root),
                                   changes->view->state->tenant.value, buffer_slice(&changes->key), error);
        if (status == KMB_OK) {
            status = compare_ends(changes, &walk, change, &told, error);
        }
        history_walk_close(&walk);
        if (status != KMB_OK) {
            return status;
        }
        if (told) {
            change->key = slice_make(changes->key.bytes + TABLE_PREFIX_SIZE, changes->key.length - TABLE_PREFIX_SIZE);
            change->before = buffer_slice(&changes->before);
            change->after = buffer_slice(&changes->after);
            return KMB_ROW;
        }
    }
}
