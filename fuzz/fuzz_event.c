/* The event decoder and all it reaches: definitions, rows, batches. */
#include "types/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena arena;
    struct event event;
    struct kmb_error error = {0};
    uint64_t positions = 0;
    struct slice body = slice_make(bytes, size);
    arena_init(&arena, 16 << 20);
    struct event_reader reader = event_reader_make(body, &arena);
    while (event_next(&reader, &event, &error) == KMB_ROW) {
        struct event_row row;
        struct slice payload;
        positions += event_positions(&event);
        if (event.kind == EVENT_ROWS_INSERTED || event.kind == EVENT_ROWS_UPDATED || event.kind == EVENT_ROWS_DELETED) {
            struct reader rows = event_row_start(&event);
            while (event_row_next(&event, &rows, &row)) {
                struct row_header header;
                row_header_read(row.image, &header);
            }
        } else if (event.kind == EVENT_STREAM_APPENDED) {
            struct reader items = event_append_start(&event);
            while (event_append_next(&event, &items, &payload)) {
            }
        } else if (event.kind == EVENT_TABLE_CREATED || event.kind == EVENT_VIEW_CREATED ||
                   event.kind == EVENT_SEQUENCE_CREATED) {
            struct row_layout layout;
            definition_row_layout(&event.as.table_created.table, event.as.table_created.table.version, &arena, &layout,
                                  &error);
        }
    }
    event_count_positions(body, &positions, &error);
    arena_free(&arena);
    return 0;
}
