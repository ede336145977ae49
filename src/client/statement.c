/*
 * Statements over a connection. Preparing compiles on the server under a number; a run asks for the first page of rows,
 * and each page that is used up for the next. A page is kept as it came, and its rows become column vectors up to
 * VECTOR_ROWS at a time, so that the readers of rows (engine/api_statement.c, api_batch.c) see what they see of the
 * embedded executor, and a result takes the memory of one page however long it is.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/memory.h"
#include "client/client.h"
#include "wire/typed.h"

#define PARAMETERS_MAX 65535

/* Columns as the server told them. Who has asked for their names may hold them until the statement is gone. */
struct column_list {
    struct column_list *older;
    uint32_t count;
    struct remote_column columns[];
};

struct client_statement {
    struct remote_statement head;
    struct client_session *session;
    uint32_t number;
    bool compiled; /* the server knows it */
    enum kmb_type *parameters;
    struct column_list *columns; /* the newest */
    struct vector *vectors;      /* one a column, room for VECTOR_ROWS */
    uint32_t vector_count;

    /* A run. */
    struct buffer page;            /* the fields of the response */
    struct postcard_reader reader; /* within it */
    uint64_t rows_left;            /* of the page */
    uint64_t cursor;               /* of the pages to come; 0: none */
    bool more;                     /* there are some */
    bool trailer;                  /* what stands behind the rows was read */
    struct arena values;           /* of the batch */
    struct batch batch;
};

static struct client_statement *of(struct remote_statement *statement) {
    return (struct client_statement *)statement; /* its head is its first member */
}

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status nonsense(struct kmb_error *error) {
    return error_set(error, KMB_PROTOCOL, "the server sends rows that can not be read");
}

/* --- what is known of it ------------------------------------------------------------------------------------------ */

static char *copy_text(struct slice text) {
    char *copy = mem_alloc(text.length + 1);
    if (copy != NULL) {
        if (text.length > 0) {
            memcpy(copy, text.bytes, text.length);
        }
        copy[text.length] = 0;
    }
    return copy;
}

static bool ends_with(struct slice text, const char *end) {
    size_t length = strlen(end);
    return text.length >= length && memcmp(text.bytes + text.length - length, end, length) == 0;
}

/* The type of a column or parameter; what has no OID is the user's own. */
static enum kmb_type type_of(const struct wire_column *column) {
    if (column->type_oid == 0) {
        return ends_with(column->type_name, "[]") ? KMB_TYPE_ARRAY
               : column->type_name.length > 0     ? KMB_TYPE_ENUM
                                                  : KMB_TYPE_UNKNOWN;
    }
    enum type_id id = type_of_oid(column->type_oid);
    if (id == TYPE_INT2 && slice_equal_text(column->type_name, type_name(TYPE_TINYINT))) {
        id = TYPE_TINYINT;
    }
    return api_type(id);
}

/* What its vector holds: values that have a member of their own in the protocol, else their text. */
static enum type_id vector_type_of(const struct wire_column *column) {
    enum type_id id = column->type_oid == 0 ? TYPE_TEXT : type_of_oid(column->type_oid);
    switch (id) {
    case TYPE_BOOL:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
    case TYPE_NUMERIC:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_BYTEA:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_INTERVAL:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_JSONB:
    case TYPE_OID:
        return id;
    default:
        return TYPE_TEXT;
    }
}

static void free_vectors(struct client_statement *statement) {
    for (uint32_t i = 0; i < statement->vector_count; i++) {
        mem_free(statement->vectors[i].data);
        mem_free(statement->vectors[i].null);
    }
    mem_free(statement->vectors);
    statement->vectors = NULL;
    statement->vector_count = 0;
}

static void free_columns(struct client_statement *statement) {
    while (statement->columns != NULL) {
        struct column_list *list = statement->columns;
        statement->columns = list->older;
        for (uint32_t i = 0; i < list->count; i++) {
            mem_free(list->columns[i].name);
            mem_free(list->columns[i].type_name);
        }
        mem_free(list);
    }
}

static bool same_columns(const struct column_list *list, const struct wire_column *columns, uint32_t count) {
    bool same = list != NULL && list->count == count;
    for (uint32_t i = 0; same && i < count; i++) {
        same = slice_equal_text(columns[i].name, list->columns[i].name) &&
               slice_equal_text(columns[i].type_name, list->columns[i].type_name) &&
               type_of(&columns[i]) == list->columns[i].type;
    }
    return same;
}

/* Takes the columns, and makes room for the types of vectors: their memory comes with the first rows. */
static enum kmb_status set_columns(struct client_statement *statement, const struct wire_column *columns,
                                   uint32_t count, struct kmb_error *error) {
    if (same_columns(statement->columns, columns, count)) {
        return KMB_OK;
    }
    free_vectors(statement);
    struct column_list *list = mem_alloc_zero(1, sizeof(*list) + count * sizeof(list->columns[0]));
    statement->vectors = mem_alloc_zero(count + 1u, sizeof(*statement->vectors));
    if (list == NULL || statement->vectors == NULL) {
        mem_free(list);
        return no_memory(error);
    }
    list->older = statement->columns;
    list->count = count;
    statement->columns = list;
    statement->vector_count = count;
    bool failed = false;
    for (uint32_t i = 0; i < count; i++) {
        struct remote_column *column = &list->columns[i];
        *column = (struct remote_column){.name = copy_text(columns[i].name),
                                         .type_name = copy_text(columns[i].type_name),
                                         .type = type_of(&columns[i])};
        failed = failed || column->name == NULL || column->type_name == NULL;
        statement->vectors[i].type = type_make(vector_type_of(&columns[i]));
    }
    statement->head.columns = list->columns;
    statement->head.column_count = failed ? 0 : count;
    return failed ? no_memory(error) : KMB_OK;
}

static bool make_vectors(struct client_statement *statement) {
    for (uint32_t i = 0; i < statement->vector_count; i++) {
        struct vector *vector = &statement->vectors[i];
        if (vector->data == NULL) {
            vector->form = vector_form_of(vector->type.id);
            vector->data = mem_alloc_zero(VECTOR_ROWS, vector_form_size(vector->form));
            vector->null = mem_alloc_zero(VECTOR_ROWS, 1);
        }
        if (vector->data == NULL || vector->null == NULL) {
            return false;
        }
    }
    return true;
}

static struct wire_moment moment_of(const struct sql_point *at) {
    switch (at->kind) {
    case PLAN_AT_POSITION:
        return (struct wire_moment){.tag = WIRE_MOMENT_POSITION, .as.position = at->offset};
    case PLAN_AT_TIME:
        return (struct wire_moment){.tag = WIRE_MOMENT_TIME, .as.time_micros = at->time_us};
    default:
        return (struct wire_moment){.tag = WIRE_MOMENT_PRESENT};
    }
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static enum kmb_status take_compiled(struct client_statement *statement, const struct wire_compiled_response *compiled,
                                     struct kmb_error *error) {
    uint32_t count = compiled->parameters.count;
    statement->parameters = mem_alloc_zero(count + 1u, sizeof(*statement->parameters));
    if (statement->parameters == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        statement->parameters[i] = type_of(&compiled->parameters.items[i]);
    }
    statement->head.parameters = statement->parameters;
    statement->head.parameter_count = count;
    statement->head.writes = compiled->writes;
    statement->head.copy = (enum kmb_copy)compiled->copy;
    return set_columns(statement, compiled->columns.items, compiled->columns.count, error);
}

enum kmb_status client_prepare(void *session, struct slice text, const struct sql_point *at,
                               struct remote_statement **out, struct kmb_error *error) {
    struct client_session *self = session;
    struct client_statement *statement = mem_alloc_zero(1, sizeof(*statement));
    struct arena arena;
    const void *response = NULL;
    if (statement == NULL) {
        return no_memory(error);
    }
    statement->session = self;
    statement->number = ++self->statements;
    arena_init(&statement->values, 0);
    struct wire_compile_request request = {.statement = statement->number, .sql = text, .at = moment_of(at)};
    enum kmb_status status =
        client_ask(self, WIRE_REQUEST_COMPILE, &request, WIRE_RESPONSE_COMPILED, &arena, &response, error);
    statement->compiled = status == KMB_OK;
    if (status == KMB_OK) {
        status = take_compiled(statement, response, error);
    }
    arena_free(&arena);
    if (status != KMB_OK) {
        client_finalize(&statement->head);
        return status;
    }
    *out = &statement->head;
    return KMB_OK;
}

static void release(struct client_statement *statement) {
    free_columns(statement);
    free_vectors(statement);
    mem_free(statement->parameters);
    buffer_free(&statement->page);
    arena_free(&statement->values);
}

void client_finalize(struct remote_statement *self) {
    struct client_statement *statement = of(self);
    client_reset(self);
    if (statement->compiled) {
        struct wire_close_statement_request request = {.statement = statement->number};
        exchange_leave(statement->session->exchange, statement->session->tenant, WIRE_REQUEST_CLOSE_STATEMENT, &request,
                       false);
    }
    release(statement);
    mem_free(statement);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

static enum kmb_status read_columns(struct client_statement *statement, struct kmb_error *error) {
    struct arena arena;
    enum kmb_status status = KMB_OK;
    uint32_t count = postcard_read_count(&statement->reader);
    if (count == 0) { /* of a further page, or of what has none */
        return KMB_OK;
    }
    arena_init(&arena, 0);
    struct wire_column *columns = arena_alloc_zero(&arena, count, sizeof(*columns));
    if (columns == NULL) {
        arena_free(&arena);
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        wire_decode(&statement->reader, wire_column_type(), &arena, &columns[i]);
    }
    if (statement->reader.error == POSTCARD_OK) {
        status = set_columns(statement, columns, count, error);
    }
    arena_free(&arena);
    return status;
}

/* What stands behind the rows: read when they are used up. */
static enum kmb_status read_trailer(struct client_statement *statement, struct kmb_error *error) {
    struct postcard_reader *reader = &statement->reader;
    statement->more = postcard_read_option(reader);
    statement->cursor = statement->more ? postcard_read_unsigned(reader, 64) : 0;
    if (postcard_read_option(reader)) {
        struct slice tag = postcard_read_text(reader);
        snprintf(statement->head.tag, sizeof(statement->head.tag), "%.*s", (int)tag.length, (const char *)tag.bytes);
    }
    statement->head.rows = postcard_read_unsigned(reader, 64);
    statement->head.position = postcard_read_unsigned(reader, 64);
    statement->trailer = true;
    return reader->error == POSTCARD_OK ? KMB_OK : nonsense(error);
}

static enum kmb_status take_page(struct client_statement *statement, struct slice fields, struct kmb_error *error) {
    buffer_clear(&statement->page);
    buffer_append_slice(&statement->page, fields);
    if (!buffer_ok(&statement->page)) {
        return no_memory(error);
    }
    statement->reader = postcard_reader_make(buffer_slice(&statement->page));
    statement->trailer = false;
    statement->more = false;
    enum kmb_status status = read_columns(statement, error);
    statement->rows_left = postcard_read_count(&statement->reader);
    if (status == KMB_OK && statement->reader.error != POSTCARD_OK) {
        status = nonsense(error);
    }
    if (status == KMB_OK && statement->rows_left == 0) {
        status = read_trailer(statement, error);
    }
    return status;
}

static enum kmb_status ask_page(struct client_statement *statement, uint32_t variant, const void *request,
                                struct kmb_error *error) {
    struct client_session *session = statement->session;
    struct slice fields;
    exchange_cancellable(session->exchange, true);
    enum kmb_status status =
        exchange_ask_raw(session->exchange, session->tenant, variant, request, WIRE_RESPONSE_ROWS, &fields, error);
    exchange_cancellable(session->exchange, false);
    return status == KMB_OK ? take_page(statement, fields, error) : status;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

/* What was bound is one of a few types. */
static struct wire_typed typed_of(const struct value *value) {
    if (value->is_null) {
        return (struct wire_typed){.tag = WIRE_TYPED_NULL};
    }
    switch (value->type) {
    case TYPE_BOOL:
        return (struct wire_typed){.tag = WIRE_TYPED_BOOLEAN, .as.boolean = value->as.boolean};
    case TYPE_INT8:
        return (struct wire_typed){.tag = WIRE_TYPED_INTEGER, .as.integer = value->as.integer};
    case TYPE_FLOAT8:
        return (struct wire_typed){.tag = WIRE_TYPED_REAL, .as.real = value->as.real};
    case TYPE_BYTEA:
        return (struct wire_typed){.tag = WIRE_TYPED_BYTES, .as.text = value->as.bytes};
    default:
        ASSERT(value->type == TYPE_UNKNOWN);
        return (struct wire_typed){.tag = WIRE_TYPED_TEXT, .as.text = value->as.bytes};
    }
}

static enum kmb_status run_copy(struct client_statement *statement, const struct wire_execute_request *request,
                                const struct sql_copy *copy, struct kmb_error *error) {
    struct client_session *session = statement->session;
    struct slice fields;
    exchange_cancellable(session->exchange, true);
    enum kmb_status status = client_copy(session, request, statement->head.copy, copy, &fields, error);
    exchange_cancellable(session->exchange, false);
    return status == KMB_OK ? take_page(statement, fields, error) : status;
}

enum kmb_status client_run(struct remote_statement *self, const struct remote_run *run, struct kmb_error *error) {
    struct client_statement *statement = of(self);
    struct wire_typed *values = mem_alloc_zero(run->parameter_count + 1u, sizeof(*values));
    if (values == NULL) {
        return no_memory(error);
    }
    ASSERT(run->parameter_count <= PARAMETERS_MAX);
    for (uint32_t i = 0; i < run->parameter_count; i++) {
        values[i] = typed_of(&run->parameters[i]);
    }
    struct wire_execute_request request = {
        .statement = statement->number, .parameters = {run->parameter_count, values}, .at = moment_of(&run->at)};
    statement->head.tag[0] = 0;
    enum kmb_status status = statement->head.copy == KMB_COPY_NONE
                                 ? ask_page(statement, WIRE_REQUEST_EXECUTE, &request, error)
                                 : run_copy(statement, &request, run->copy, error);
    mem_free(values);
    if (status != KMB_OK) {
        client_reset(self);
    }
    return status;
}

/* The cell as a value of the column's vector. */
static enum kmb_status take_cell(struct client_statement *statement, struct vector *vector, uint32_t row,
                                 struct kmb_error *error) {
    struct wire_typed typed = {0};
    struct value value;
    wire_decode(&statement->reader, wire_typed_type(), &statement->values, &typed);
    if (statement->reader.error != POSTCARD_OK) {
        return nonsense(error);
    }
    enum kmb_status status = wire_typed_read(&typed, &statement->values, &value, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!value.is_null && vector_form_of(value.type) != vector->form) {
        return nonsense(error);
    }
    value.type = vector->type.id;
    vector_set(vector, row, &value);
    return KMB_OK;
}

static enum kmb_status fill_batch(struct client_statement *statement, struct kmb_error *error) {
    uint32_t rows = statement->rows_left < VECTOR_ROWS ? (uint32_t)statement->rows_left : VECTOR_ROWS;
    arena_free(&statement->values);
    arena_init(&statement->values, 0);
    if (!make_vectors(statement)) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < statement->vector_count; i++) {
        vector_clear(&statement->vectors[i], VECTOR_ROWS);
    }
    for (uint32_t row = 0; row < rows; row++) {
        if (postcard_read_count(&statement->reader) != statement->vector_count) {
            return nonsense(error);
        }
        for (uint32_t i = 0; i < statement->vector_count; i++) {
            enum kmb_status status = take_cell(statement, &statement->vectors[i], row, error);
            if (status != KMB_OK) {
                return status;
            }
        }
    }
    statement->rows_left -= rows;
    statement->batch =
        (struct batch){.column_count = statement->vector_count, .count = rows, .columns = statement->vectors};
    return statement->rows_left == 0 ? read_trailer(statement, error) : KMB_OK;
}

enum kmb_status client_next(struct remote_statement *self, const struct batch **batch, struct kmb_error *error) {
    struct client_statement *statement = of(self);
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && statement->rows_left == 0 && statement->more) {
        struct wire_fetch_request request = {.cursor = statement->cursor};
        status = ask_page(statement, WIRE_REQUEST_FETCH, &request, error);
        statement->more = statement->more && status == KMB_OK; /* a failed one has ended the cursor */
    }
    if (status == KMB_OK && statement->rows_left == 0) {
        return KMB_DONE;
    }
    if (status == KMB_OK) {
        status = fill_batch(statement, error);
    }
    *batch = &statement->batch;
    return status == KMB_OK ? KMB_ROW : status;
}

void client_reset(struct remote_statement *self) {
    struct client_statement *statement = of(self);
    /* The number of the cursor stands behind the rows: read over those that nobody wants. */
    while (!statement->trailer && statement->rows_left > 0 && fill_batch(statement, NULL) == KMB_OK) {
    }
    if (statement->more) {
        struct wire_close_cursor_request request = {.cursor = statement->cursor};
        exchange_leave(statement->session->exchange, statement->session->tenant, WIRE_REQUEST_CLOSE_CURSOR, &request,
                       true); /* it holds what it reads */
    }
    statement->more = false;
    statement->rows_left = 0;
    buffer_clear(&statement->page);
}

/* --- scripts ------------------------------------------------------------------------------------------------------ */

/* Whether one request does: what it answers is what preparing and running would. */
static bool runs_at_once(struct slice text, const struct sql_point *at) {
    bool copies = text.length >= 4 && strncasecmp((const char *)text.bytes, "copy", 4) == 0;
    return at->kind == PLAN_AT_NONE && !copies && memchr(text.bytes, '$', text.length) == NULL;
}

static enum kmb_status run_at_once(struct client_session *session, struct slice text, struct kmb_error *error) {
    struct client_statement statement = {.session = session};
    struct wire_run_request request = {.sql = text};
    const struct batch *batch = NULL;
    arena_init(&statement.values, 0);
    enum kmb_status status = ask_page(&statement, WIRE_REQUEST_RUN, &request, error);
    while (status == KMB_OK || status == KMB_ROW) {
        status = client_next(&statement.head, &batch, error);
    }
    client_reset(&statement.head);
    release(&statement);
    return status == KMB_DONE ? KMB_OK : status;
}

enum kmb_status client_exec(void *session, struct slice text, const struct sql_point *at, struct kmb_error *error) {
    struct remote_statement *statement = NULL;
    struct sql_copy none = {0};
    struct remote_run run = {.at = *at, .copy = &none};
    const struct batch *batch = NULL;
    if (runs_at_once(text, at)) {
        return run_at_once(session, text, error);
    }
    enum kmb_status status = client_prepare(session, text, at, &statement, error);
    if (status != KMB_OK) {
        return status;
    }
    if (statement->parameter_count > 0) {
        status = error_set(error, KMB_UNDEFINED_PARAMETER, "parameter $1 not provided");
        error_hint(error, "Bind a value, or NULL, to each parameter.");
    } else {
        status = client_run(statement, &run, error);
    }
    while (status == KMB_OK || status == KMB_ROW) {
        status = client_next(statement, &batch, error);
    }
    client_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}
