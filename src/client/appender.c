/*
 * The bulk appender over a connection. The C API gathers rows and checks them as far as it can by itself
 * (engine/api_appender.c); here they go to the server's appender, many in a request, and are written by the last one.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "client/client.h"
#include "wire/typed.h"

#define REQUEST_BYTES_MAX ((size_t)512 << 10) /* of cells, in one request */
#define REQUEST_CELLS_MAX 65536u

struct client_appender {
    struct client_session *session;
    uint32_t number;
};

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* The column's type as this library reads it; text where it can not. */
static struct type type_of(const struct wire_column *column) {
    enum type_id id = column->type_oid == 0 ? TYPE_UNKNOWN : type_of_oid(column->type_oid);
    if (id == TYPE_INT2 && slice_equal_text(column->type_name, type_name(TYPE_TINYINT))) {
        id = TYPE_TINYINT;
    }
    struct type type = {.id = id, .modifier = type_modifier_of_oid(id, (int32_t)column->modifier)};
    return type_is_valid(id) && type_column_valid(type) ? type : type_make(TYPE_TEXT);
}

static enum kmb_status take_columns(const struct wire_appender_response *answer, struct remote_append_column **out,
                                    struct kmb_error *error) {
    uint32_t count = answer->columns.count;
    struct remote_append_column *columns = mem_alloc_zero(count + 1u, sizeof(*columns));
    bool failed = columns == NULL;
    for (uint32_t i = 0; !failed && i < count; i++) {
        const struct wire_append_column *told = &answer->columns.items[i];
        columns[i] = (struct remote_append_column){.name = mem_alloc(told->column.name.length + 1),
                                                   .type = type_of(&told->column),
                                                   .not_null = told->not_null};
        failed = columns[i].name == NULL;
        if (!failed) {
            memcpy(columns[i].name, told->column.name.bytes, told->column.name.length);
            columns[i].name[told->column.name.length] = 0;
        }
    }
    for (uint32_t i = 0; failed && columns != NULL && i < count; i++) {
        mem_free(columns[i].name);
    }
    if (failed) {
        mem_free(columns);
        return no_memory(error);
    }
    *out = columns;
    return KMB_OK;
}

enum kmb_status client_appender_open(void *session, const char *table, void **out,
                                     struct remote_append_column **columns, uint32_t *count, struct kmb_error *error) {
    struct client_session *self = session;
    struct client_appender *appender = mem_alloc_zero(1, sizeof(*appender));
    struct arena arena;
    const void *response = NULL;
    if (appender == NULL) {
        return no_memory(error);
    }
    *appender = (struct client_appender){.session = self, .number = ++self->appenders};
    struct wire_open_appender_request request = {.appender = appender->number, .table = slice_text(table)};
    enum kmb_status status =
        client_ask(self, WIRE_REQUEST_OPEN_APPENDER, &request, WIRE_RESPONSE_APPENDER, &arena, &response, error);
    bool open = status == KMB_OK;
    if (open) {
        *count = ((const struct wire_appender_response *)response)->columns.count;
        status = take_columns(response, columns, error);
    }
    arena_free(&arena);
    if (status != KMB_OK) {
        if (open) {
            client_appender_close(appender);
        } else {
            mem_free(appender);
        }
        return status;
    }
    *out = appender;
    return KMB_OK;
}

void client_appender_close(void *appender) {
    struct client_appender *self = appender;
    struct wire_close_appender_request request = {.appender = self->number};
    exchange_leave(self->session->exchange, self->session->tenant, WIRE_REQUEST_CLOSE_APPENDER, &request, true);
    mem_free(self);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* One request's rows, in the making. */
struct portion {
    struct arena arena;
    struct wire_typed_row *rows;
    struct wire_typed *cells;
    uint64_t *defaults;
    uint32_t row_count;
    uint32_t default_count;
    size_t bytes;
};

/* Values of types with a member of their own; others as their text. */
static bool put_cell(struct portion *portion, const struct value *value, const struct datetime_context *datetime,
                     struct wire_typed *cell) {
    struct buffer bytes = {0};
    wire_typed_write(value, datetime, &bytes);
    struct slice kept = arena_dup_slice(&portion->arena, buffer_slice(&bytes));
    bool made = buffer_ok(&bytes) && kept.bytes != NULL;
    buffer_free(&bytes);
    if (made) {
        struct postcard_reader reader = postcard_reader_make(kept);
        wire_decode(&reader, wire_typed_type(), &portion->arena, cell);
        made = reader.error == POSTCARD_OK;
        portion->bytes += kept.length;
    }
    return made;
}

/* Fills a portion with rows from `first` on. Answers how many, 0: no memory. */
static size_t fill(struct portion *portion, const struct value *values, const bool *defaults, size_t rows,
                   uint32_t columns, const struct datetime_context *datetime) {
    size_t most = columns == 0 ? rows : REQUEST_CELLS_MAX / columns;
    most = most == 0 ? 1 : most < rows ? most : rows;
    portion->rows = arena_alloc_zero(&portion->arena, most, sizeof(*portion->rows));
    portion->cells = arena_alloc_zero(&portion->arena, most * columns + 1, sizeof(*portion->cells));
    portion->defaults = arena_alloc_zero(&portion->arena, most * columns + 1, sizeof(*portion->defaults));
    if (portion->rows == NULL || portion->cells == NULL || portion->defaults == NULL) {
        return 0;
    }
    size_t row = 0;
    for (; row < most && (row == 0 || portion->bytes < REQUEST_BYTES_MAX); row++) {
        portion->rows[row].cells.count = columns;
        portion->rows[row].cells.items = portion->cells + row * columns;
        for (uint32_t i = 0; i < columns; i++) {
            size_t at = row * columns + i;
            if (defaults[at]) {
                portion->defaults[portion->default_count++] = at;
            } else if (!put_cell(portion, &values[at], datetime, &portion->cells[at])) {
                return 0;
            }
        }
    }
    portion->row_count = (uint32_t)row;
    return row;
}

enum kmb_status client_append(void *appender, const struct value *values, const bool *defaults, size_t rows,
                              uint32_t columns, struct kmb_error *error) {
    struct client_appender *self = appender;
    struct client_session *session = self->session;
    struct datetime_context datetime = client_datetime(session);
    enum kmb_status status = KMB_OK;
    for (size_t row = 0; status == KMB_OK && row < rows;) {
        struct portion portion = {0};
        struct arena answer;
        arena_init(&portion.arena, 0);
        size_t taken = fill(&portion, values + row * columns, defaults + row * columns, rows - row, columns, &datetime);
        if (taken == 0) { /* what went before must not be written by the next flush */
            struct wire_close_appender_request close = {.appender = self->number};
            exchange_leave(session->exchange, session->tenant, WIRE_REQUEST_CLOSE_APPENDER, &close, true);
            status = no_memory(error);
        } else {
            row += taken;
            struct wire_append_rows_request request = {.appender = self->number,
                                                       .rows = {portion.row_count, portion.rows},
                                                       .defaults = {portion.default_count, portion.defaults},
                                                       .flush = row == rows};
            status = client_ask(session, WIRE_REQUEST_APPEND_ROWS, &request, WIRE_RESPONSE_DONE, &answer, NULL, error);
            arena_free(&answer);
        }
        arena_free(&portion.arena);
    }
    return status;
}
