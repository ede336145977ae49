/*
 * Rows by their keys, some tens together (store_get_many).
 *
 * At the present the descents go side by side; in the past, where a row may have to be made of its history, each key
 * goes its own way. Images are gathered in the caller's memory behind the keys with their table's prefix, and the rows'
 * slices are set last, for the memory moves as it grows.
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

static enum kmb_status get_present(struct kernel_view *view, const struct slice *keys, size_t count,
                                   struct buffer *memory, struct kernel_row *rows, struct placed *placed, uint16_t *of,
                                   size_t *found, struct kmb_error *error) {
    struct store_view store = store_view_root(view->state->root);
    uint32_t tenant = view->state->tenant.value;
    struct store_held held[KERNEL_MANY];
    struct buffer joined = {0};
    enum kmb_status status = store_get_many(store, tenant, STORE_CURRENT, keys, count, held, error);
    if (status != KMB_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == KMB_OK; i++) {
        struct slice value;
        struct slice image;
        if (held[i].entry == NULL) {
            continue;
        }
        status = store_held_value(store, tenant, &held[i], &joined, &value, error);
        if (status == KMB_OK && !history_value_split(value, &rows[*found].stamp, &image)) {
            status = meta_damaged(error, "a row is shorter than its stamp");
        }
        status = status == KMB_OK ? place(memory, image, &placed[*found], error) : status;
        of[*found] = (uint16_t)i;
        *found += status == KMB_OK ? 1 : 0;
    }
    store_held_drop(held, count);
    buffer_free(&joined);
    return status;
}

static enum kmb_status get_past(struct kernel_view *view, const struct slice *keys, size_t count, struct buffer *memory,
                                struct kernel_row *rows, struct placed *placed, uint16_t *of, size_t *found,
                                struct kmb_error *error) {
    struct buffer image = {0};
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; i < count && status == KMB_OK; i++) {
        bool there = false;
        status = history_get_at(store_view_root(view->state->root), view->state->tenant.value, keys[i], view->position,
                                &rows[*found].stamp, NULL, &image, &there, error);
        if (status == KMB_OK && there) {
            status = place(memory, buffer_slice(&image), &placed[*found], error);
            of[*found] = (uint16_t)i;
            *found += status == KMB_OK ? 1 : 0;
        }
    }
    buffer_free(&image);
    return status;
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
    for (size_t i = 0; i < count; i++) {
        if (view->reads != NULL) {
            kernel_reads_add_key(view->reads, table->id.value, keys[i]);
        }
        key_prefix(&prefixed, table->id.value);
        buffer_append_slice(&prefixed, keys[i]);
    }
    size_t at = 0;
    for (size_t i = 0; i < count && buffer_ok(&prefixed); i++) {
        size_t length = TABLE_PREFIX_SIZE + keys[i].length;
        whole[i] = slice_make(prefixed.bytes + at, length);
        at += length;
    }
    status = !buffer_ok(&prefixed) ? no_memory(error)
             : view->past          ? get_past(view, whole, count, memory, rows, placed, of, found, error)
                                   : get_present(view, whole, count, memory, rows, placed, of, found, error);
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
