/*
 * Reading streams: from the places the store knows to the bytes the log holds.
 *
 * A run record names the entry and the frame within its plain body; the caller's table of functions gives the body. One
 * body is loaded per entry however many events it has. Events of a transaction that is still open are read from its
 * own body.
 */
#include "kernel/internal.h"

#include <inttypes.h>

static enum kmb_status stream_known(struct kernel_view *view, struct stream_id stream, struct kmb_error *error) {
    if (catalogue_stream_of_id(view->catalogue, stream) == NULL) {
        return error_set(error, KMB_STREAM_NOT_FOUND, "stream with id %u not found", stream.value);
    }
    return KMB_OK;
}

static struct meta_key run_key(struct stream_id stream, uint64_t offset) {
    struct meta_key key = meta_key_make(META_STREAM_RUN);
    meta_key_u32(&key, stream.value);
    meta_key_u64(&key, offset);
    return key;
}

#define RUN_KEY_SIZE 13

static bool run_at(const struct store_cursor *cursor, struct stream_id stream, struct slice value, uint64_t *base,
                   struct stream_run *run) {
    if (cursor->key.length != RUN_KEY_SIZE || cursor->key.bytes[0] != META_STREAM_RUN ||
        codec_get_u32_big(cursor->key.bytes + 1) != stream.value) {
        return false;
    }
    *base = codec_get_u64_big(cursor->key.bytes + 5);
    return meta_run_decode(value, run);
}

/* The run that holds `offset`, or the last one before it. *found false: the stream begins later or is empty. */
static enum kmb_status run_seek(struct kernel_view *view, struct stream_id stream, uint64_t offset,
                                struct store_cursor *cursor, uint64_t *base, struct stream_run *run, bool *found,
                                struct kmb_error *error) {
    struct meta_key key = run_key(stream, offset);
    *found = false;
    enum kmb_status status =
        store_cursor_open(cursor, store_view_root(view->state->root), view->state->tenant.value, STORE_META, error);
    if (status == KMB_OK) {
        status = store_cursor_seek_back(cursor, meta_slice(&key), error);
    }
    if (status == KMB_OK && cursor->valid) {
        struct slice value;
        status = store_cursor_value(cursor, &value, error);
        *found = status == KMB_OK && run_at(cursor, stream, value, base, run);
    }
    return status;
}

enum kmb_status kernel_stream_length(struct kernel_view *view, struct stream_id stream, uint64_t *length,
                                     struct kmb_error *error) {
    enum kmb_status status = stream_known(view, stream, error);
    if (status != KMB_OK) {
        return status;
    }
    kernel_reads_add(view->reads, KERNEL_READ_STREAM, stream.value, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    status = evolve_stream_length(store_view_root(view->state->root), view->state->tenant.value, stream, length, error);
    if (status != KMB_OK || !view->past || *length == 0) {
        return status;
    }
    /* Positions grow with offsets: the events up to the view's position are those of the runs begun by then. */
    uint64_t low = 0;
    uint64_t high = *length;
    while (status == KMB_OK && low < high) { /* the number of events at or before the position */
        uint64_t middle = low + (high - low) / 2;
        struct store_cursor cursor = {.valid = false};
        struct stream_run run;
        uint64_t base = 0;
        bool found = false;
        status = run_seek(view, stream, middle, &cursor, &base, &run, &found, error);
        store_cursor_close(&cursor);
        if (status == KMB_OK && (!found || middle - base >= run.count)) {
            status = meta_damaged(error, "the runs of a stream have a hole");
        }
        if (status == KMB_OK && run.position + (middle - base) <= view->position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *length = low;
    return status;
}

struct stream_reading {
    struct kernel_view *view;
    const struct kernel_bodies *bodies;
    struct stream_id stream;
    uint64_t next; /* offset to give next */
    uint64_t end;
    enum kmb_status (*each)(void *context, const struct kernel_stream_event *event);
    void *context;
    uint64_t sequence; /* of the body at hand; 0: none */
    int64_t time_us;
    struct slice body;
    struct arena arena;
};

static enum kmb_status body_of(struct stream_reading *reading, uint64_t sequence, struct kmb_error *error) {
    const struct kernel_state *state = reading->view->state;
    if (reading->sequence == sequence) {
        return KMB_OK;
    }
    reading->sequence = 0;
    if (sequence > state->sequence) {
        /* The transaction may have gone over to a newer state since: its parts are counted from the view's. */
        reading->body = state->own != NULL ? transaction_body(state->own, sequence - state->sequence - 1)
                                           : (struct slice){.length = 0};
        reading->time_us = KERNEL_TIME_OPEN;
    } else {
        struct kernel_entry entry;
        enum kmb_status status = kernel_entry_at(state, sequence, &entry, error);
        if (status == KMB_OK) {
            status = reading->bodies->load(reading->bodies->context, state->tenant, &entry, &reading->body, error);
        }
        if (status != KMB_OK) {
            return status;
        }
        reading->time_us = entry.time_us;
    }
    reading->sequence = sequence;
    return KMB_OK;
}

static enum kmb_status run_damaged(const struct stream_reading *reading, uint64_t sequence, struct kmb_error *error) {
    return error_set(error, KMB_CORRUPT, "entry %" PRIu64 " does not hold the events of stream %u that it should",
                     sequence, reading->stream.value);
}

static enum kmb_status run_read(struct stream_reading *reading, uint64_t base, const struct stream_run *run,
                                struct kmb_error *error) {
    enum kmb_status status = body_of(reading, run->sequence, error);
    if (status != KMB_OK) {
        return status;
    }
    if (run->frame_offset >= reading->body.length) {
        return run_damaged(reading, run->sequence, error);
    }
    struct event event;
    struct event_reader events = event_reader_make(
        slice_make(reading->body.bytes + run->frame_offset, reading->body.length - run->frame_offset), &reading->arena);
    status = event_next(&events, &event, error);
    if (status != KMB_ROW) {
        return status == KMB_DONE ? run_damaged(reading, run->sequence, error) : status;
    }
    const struct event_stream_appended *appended = &event.as.stream_appended;
    if (event.kind != EVENT_STREAM_APPENDED || appended->stream.value != reading->stream.value ||
        appended->base.value != base || appended->count != run->count) {
        return run_damaged(reading, run->sequence, error);
    }
    struct reader reader = event_append_start(&event);
    struct slice payload;
    uint64_t offset = base;
    status = KMB_OK;
    for (; status == KMB_OK && offset < reading->end && event_append_next(&event, &reader, &payload); offset++) {
        if (offset >= reading->next) {
            struct kernel_stream_event item = {.offset = offset,
                                               .position = run->position + (offset - base),
                                               .entry = run->sequence,
                                               .time_us = reading->time_us,
                                               .payload = payload};
            status = reading->each(reading->context, &item);
            reading->next = offset + 1;
        }
    }
    return status;
}

enum kmb_status kernel_stream_read(struct kernel_view *view, const struct kernel_bodies *bodies,
                                   struct stream_id stream, uint64_t from,
                                   enum kmb_status (*each)(void *context, const struct kernel_stream_event *event),
                                   void *context, struct kmb_error *error) {
    struct stream_reading reading = {
        .view = view, .bodies = bodies, .stream = stream, .next = from, .each = each, .context = context};
    enum kmb_status status = kernel_stream_length(view, stream, &reading.end, error);
    if (status != KMB_OK) {
        return status;
    }
    if (from > reading.end) {
        return error_set(error, KMB_INVALID_OFFSET, "offset %" PRIu64 " is beyond the length %" PRIu64 " of stream %u",
                         from, reading.end, stream.value);
    }
    if (from == reading.end) {
        return KMB_OK;
    }
    arena_init(&reading.arena, 0);
    struct store_cursor cursor = {.valid = false};
    struct stream_run run;
    uint64_t base = 0;
    bool found = false;
    status = run_seek(view, stream, from, &cursor, &base, &run, &found, error);
    while (status == KMB_OK && reading.next < reading.end) {
        if (!found || base > reading.next || reading.next - base >= run.count) {
            status = meta_damaged(error, "the runs of a stream have a hole");
            break;
        }
        status = run_read(&reading, base, &run, error);
        if (status == KMB_OK) {
            status = store_cursor_next(&cursor, error);
        }
        found = false;
        if (status == KMB_OK && cursor.valid) {
            struct slice value;
            status = store_cursor_value(&cursor, &value, error);
            found = status == KMB_OK && run_at(&cursor, stream, value, &base, &run);
        }
    }
    store_cursor_close(&cursor);
    arena_free(&reading.arena);
    return status == KMB_DONE ? KMB_OK : status;
}
