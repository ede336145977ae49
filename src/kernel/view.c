/*
 * Views: a state, a catalogue and a moment; and single rows.
 */
#include "kernel/internal.h"

#include <inttypes.h>

static enum kmb_status view_make(struct kernel_state *state, const struct catalogue *catalogue, uint64_t position,
                                 uint64_t entry, bool past, struct kernel_view **out, struct kmb_error *error) {
    struct kernel_view *view = mem_alloc_zero(1, sizeof(*view));
    if (view == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    view->state = kernel_state_retain(state);
    store_root_read_begin(state->root);
    catalogue_retain(catalogue);
    view->catalogue = catalogue;
    view->position = position;
    view->entry = entry;
    view->past = past;
    *out = view;
    return KMB_OK;
}

enum kmb_status kernel_view_open(struct kernel_state *state, struct kernel_view **view, struct kmb_error *error) {
    return view_make(state, state->catalogue, state->position, UINT64_MAX, false, view, error);
}

static enum kmb_status view_of_past(struct kernel_state *state, bool by_sequence, uint64_t point, uint64_t position,
                                    struct kernel_view **view, struct kmb_error *error) {
    const struct catalogue *catalogue;
    enum kmb_status status = catalogue_load_at(store_view_root(state->root), state->tenant.value, state->catalogue,
                                               by_sequence, point, &catalogue, error);
    if (status == KMB_OK) {
        status = view_make(state, catalogue, position, by_sequence ? point : UINT64_MAX, position < state->position,
                           view, error);
        catalogue_release(catalogue);
    }
    return status;
}

enum kmb_status kernel_view_open_at(struct kernel_state *state, uint64_t position, struct kernel_view **view,
                                    struct kmb_error *error) {
    if (position > state->position) {
        return error_set(error, KMB_POSITION_AHEAD, "position %" PRIu64 " is ahead of current log position %" PRIu64,
                         position, state->position);
    }
    return view_of_past(state, false, position, position, view, error);
}

enum kmb_status kernel_view_open_at_time(struct kernel_state *state, int64_t time_us, struct kernel_view **view,
                                         struct kmb_error *error) {
    struct kernel_entry entry;
    enum kmb_status status = kernel_entry_at_time(state, time_us, &entry, error);
    if (status != KMB_OK) {
        return status;
    }
    return view_of_past(state, true, entry.sequence, entry.position_after, view, error);
}

void kernel_view_close(struct kernel_view *view) {
    if (view != NULL) {
        catalogue_release(view->catalogue);
        store_root_read_end(view->state->root);
        kernel_state_release(view->state);
        kernel_reads_release(view->reads);
        mem_free(view);
    }
}

enum kmb_status kernel_get(struct kernel_view *view, const struct table_definition *table, struct slice key,
                           struct buffer *memory, struct kernel_row *row, bool *found, struct kmb_error *error) {
    uint8_t small[256];
    struct buffer large = {.bytes = NULL};
    struct slice full;
    if (key.length + TABLE_PREFIX_SIZE <= sizeof(small)) {
        codec_put_u32_big(small, table->id.value);
        if (key.length > 0) {
            memcpy(small + TABLE_PREFIX_SIZE, key.bytes, key.length);
        }
        full = slice_make(small, key.length + TABLE_PREFIX_SIZE);
    } else {
        key_prefix(&large, table->id.value);
        buffer_append_slice(&large, key);
        full = buffer_slice(&large);
    }
    enum kmb_status status = buffer_ok(&large) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    struct store_view store = store_view_root(view->state->root);
    uint32_t tenant = view->state->tenant.value;
    bool whole = true;
    if (status == KMB_OK && view->reads != NULL) {
        status = kernel_reads_check(view->reads, error);
        kernel_reads_add_key(view->reads, table->id.value, key);
    }
    if (status == KMB_OK && view->past) {
        status = history_get_at(store, tenant, full, view->position, &row->stamp, NULL, memory, found, error);
        row->image = buffer_slice(memory);
    } else if (status == KMB_OK) {
        status = store_get(store, tenant, STORE_CURRENT, full, memory, found, error);
        whole = status != KMB_OK || !*found || history_value_split(buffer_slice(memory), &row->stamp, &row->image);
    }
    buffer_free(&large);
    if (status != KMB_OK || !*found) {
        return status;
    }
    struct row_header header;
    if (!whole || !row_header_read(row->image, &header)) {
        return meta_damaged(error, "a row is shorter than its stamp");
    }
    row->key = key;
    row->version = header.version;
    return KMB_OK;
}

enum kmb_status kernel_table_estimate(struct kernel_view *view, const struct table_definition *table, uint64_t *rows,
                                      struct kmb_error *error) {
    uint8_t low[TABLE_PREFIX_SIZE];
    uint8_t high[TABLE_PREFIX_SIZE];
    codec_put_u32_big(low, table->id.value);
    codec_put_u32_big(high, table->id.value + 1);
    bool last = table->id.value == UINT32_MAX;
    return store_estimate(store_view_root(view->state->root), view->state->tenant.value, STORE_CURRENT,
                          slice_make(low, sizeof(low)), slice_make(high, last ? 0 : sizeof(high)), rows, error);
}

enum kmb_status kernel_range_estimate(struct kernel_view *view, const struct table_definition *table,
                                      const struct kernel_range *range, uint64_t *rows, struct kmb_error *error) {
    struct buffer low = {0};
    struct buffer high = {0};
    bool by_index = range->index.value != 0;
    *rows = 0;
    enum kmb_status status = KMB_OK;
    if (!key_range_bytes(by_index ? range->index.value : table->id.value, range, &low, &high)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    } else if (slice_compare(buffer_slice(&low), buffer_slice(&high)) < 0) {
        status = store_estimate(store_view_root(view->state->root), view->state->tenant.value,
                                by_index ? STORE_INDEX : STORE_CURRENT, buffer_slice(&low), buffer_slice(&high), rows,
                                error);
    }
    buffer_free(&low);
    buffer_free(&high);
    return status;
}

enum kmb_status kernel_sample_key(struct kernel_view *view, const struct table_definition *table, double part,
                                  struct buffer *key, bool *found, struct kmb_error *error) {
    struct buffer low = {0};
    struct buffer high = {0};
    struct buffer full = {0};
    *found = false;
    enum kmb_status status =
        key_range_bytes(table->id.value, NULL, &low, &high) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    if (status == KMB_OK) {
        status = store_key_at(store_view_root(view->state->root), view->state->tenant.value, STORE_CURRENT,
                              buffer_slice(&low), buffer_slice(&high), part, &full, found, error);
    }
    bool own = *found && slice_compare(buffer_slice(&full), buffer_slice(&low)) >= 0 &&
               slice_compare(buffer_slice(&full), buffer_slice(&high)) < 0;
    *found = status == KMB_OK && own;
    if (*found) {
        buffer_clear(key);
        buffer_append(key, full.bytes + TABLE_PREFIX_SIZE, full.length - TABLE_PREFIX_SIZE);
        status = buffer_ok(key) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    buffer_free(&low);
    buffer_free(&high);
    buffer_free(&full);
    return status;
}
