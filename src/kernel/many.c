/*
 * Rows by their keys, some tens together (store_get_many).
 *
 * The descents go side by side; in the past, a row that has changed since is then made of its history. Images are
 * gathered in the caller's memory, and the rows' slices are set last, for the memory moves as it grows.
 */
#include "kernel/internal.h"

/* An image in `memory`, until that stands still. */
struct placed {
    size_t offset;
    size_t length;
};

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status place(struct buffer *memory, struct slice image, struct placed *placed,
                             struct kmb_error *error) {
    *placed = (struct placed){.offset = memory->length, .length = image.length};
    buffer_append_slice(memory, image);
    return buffer_ok(memory) ? KMB_OK : no_memory(error);
}

/* The row of a key, by the row of now that is held; in the past from its history, if it has changed since. */
static enum kmb_status get_one(struct kernel_view *view, struct slice key, const struct store_held *held,
                               struct buffer *work, struct history_stamp *stamp, struct slice *image, bool *there,
                               struct kmb_error *error) {
    struct store_view store = store_view_root(view->state->root);
    uint32_t tenant = view->state->tenant.value;
    struct slice value;
    *there = held->entry != NULL;
    if (*there) {
        enum kmb_status status = store_held_value(store, tenant, held, work, &value, error);
        if (status != KMB_OK) {
            return status;
        }
        if (!history_value_split(value, stamp, image)) {
            return meta_damaged(error, "a row is shorter than its stamp");
        }
    }
    if (!view->past || (*there && stamp->position <= view->position)) {
        return KMB_OK;
    }
    enum kmb_status status = history_get_at(store, tenant, key, view->position, stamp, NULL, work, there, error);
    *image = buffer_slice(work);
    return status;
}

static enum kmb_status get_all(struct kernel_view *view, const struct slice *keys, size_t count, struct buffer *memory,
                               struct kernel_row *rows, struct placed *placed, uint16_t *of, size_t *found,
                               struct kmb_error *error) {
    struct store_held held[KERNEL_MANY];
    struct buffer work = {0};
    enum kmb_status status = store_get_many(store_view_root(view->state->root), view->state->tenant.value,
                                            STORE_CURRENT, keys, count, held, error);
    if (status != KMB_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == KMB_OK; i++) {
        struct slice image = {.length = 0};
        bool there = false;
        status = get_one(view, keys[i], &held[i], &work, &rows[*found].stamp, &image, &there, error);
        if (status == KMB_OK && there) {
            status = place(memory, image, &placed[*found], error);
            of[*found] = (uint16_t)i;
            *found += status == KMB_OK ? 1 : 0;
        }
    }
    store_held_drop(held, count);
    buffer_free(&work);
    return status;
}

/* The keys behind a prefix, their bytes in the buffer. */
static bool prefix_all(struct buffer *prefixed, uint32_t prefix, const struct slice *keys, size_t count,
                       struct slice *whole) {
    for (size_t i = 0; i < count; i++) {
        key_prefix(prefixed, prefix);
        buffer_append_slice(prefixed, keys[i]);
    }
    size_t at = 0;
    for (size_t i = 0; i < count && buffer_ok(prefixed); i++) {
        size_t length = TABLE_PREFIX_SIZE + keys[i].length;
        whole[i] = slice_make(prefixed->bytes + at, length);
        at += length;
    }
    return buffer_ok(prefixed);
}

enum kmb_status kernel_get_many(struct kernel_view *view, const struct table_definition *table,
                                const struct slice *keys, size_t count, struct buffer *memory, struct kernel_row *rows,
                                uint16_t *of, size_t *found, struct kmb_error *error) {
    ASSERT(count <= KERNEL_MANY);
    enum kmb_status status = kernel_reads_check(view->reads, error);
    *found = 0;
    if (status != KMB_OK) {
        return status;
    }
    struct slice whole[KERNEL_MANY];
    struct placed placed[KERNEL_MANY];
    struct buffer prefixed = {0};
    buffer_clear(memory);
    for (size_t i = 0; i < count && view->reads != NULL; i++) {
        kernel_reads_add_key(view->reads, table->id.value, keys[i]);
    }
    status = prefix_all(&prefixed, table->id.value, keys, count, whole)
                 ? get_all(view, whole, count, memory, rows, placed, of, found, error)
                 : no_memory(error);
    buffer_free(&prefixed);
    for (size_t i = 0; i < *found && status == KMB_OK; i++) {
        rows[i].key = keys[of[i]];
        rows[i].image = slice_make(memory->bytes + placed[i].offset, placed[i].length);
        status = row_version_read(rows[i].image, &rows[i].version) ? KMB_OK
                                                                   : meta_damaged(error, "a row image has no header");
    }
    *found = status == KMB_OK ? *found : 0;
    return status;
}

void kernel_ahead(struct kernel_view *view, const struct table_definition *table, struct index_id index,
                  const struct slice *keys, size_t count) {
    ASSERT(count <= KERNEL_MANY);
    struct slice whole[KERNEL_MANY];
    struct buffer prefixed = {0};
    if (prefix_all(&prefixed, index.value == 0 ? table->id.value : index.value, keys, count, whole)) {
        store_ahead(store_view_root(view->state->root), view->state->tenant.value,
                    index.value == 0 ? STORE_CURRENT : STORE_INDEX, whole, count);
    }
    buffer_free(&prefixed);
}
