/*
 * The appended requests: statements with typed values and results in pages, prepared statements, transactions,
 * positions, proofs, cancellation.
 *
 * A result that a page does not hold stays open as a cursor: a statement that has not been stepped to its end. It reads
 * what it read at its first page, however late the next one is fetched, and ends with its session's transaction, with
 * CloseCursor, or with the connection. A prepared statement runs for one cursor at a time.
 */
#include "server/native_internal.h"

#include "base/assert.h"
#include "base/memory.h"
#include "wire/typed.h"

#define PAGE_BYTES_DEFAULT ((size_t)1 << 20)
#define PAGE_BYTES_MAX     ((size_t)8 << 20)
#define PAGE_BYTES_SPARE   ((size_t)1 << 20) /* of a frame: columns and what stands around the rows */

/* --- cursors ------------------------------------------------------------------------------------------------------ */

static struct native_cursor **find_cursor(struct native *native, uint64_t tenant, uint64_t number) {
    struct native_cursor **place = &native->cursors;
    while (*place != NULL && ((*place)->number != number || (*place)->tenant->id != tenant)) {
        place = &(*place)->next;
    }
    return place;
}

/* The statement is done with: it goes back to whom it belongs. */
static void release(kmb_statement *statement, struct native_statement *lender) {
    if (lender == NULL) {
        kmb_finalize(statement);
    } else {
        kmb_reset(statement);
        lender->lent = false;
    }
}

static void close_cursor(struct native *native, struct native_cursor **place) {
    struct native_cursor *cursor = *place;
    *place = cursor->next;
    native->cursor_count--;
    cursor->tenant->holds--;
    release(cursor->statement, cursor->lender);
    mem_free(cursor->fault);
    mem_free(cursor);
}

void native_cursors_close(struct native *native, const struct native_tenant *tenant) {
    for (struct native_cursor **place = &native->cursors; *place != NULL;) {
        if (tenant == NULL || (*place)->tenant == tenant) {
            close_cursor(native, place);
        } else {
            place = &(*place)->next;
        }
    }
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

struct page {
    uint64_t rows_max;
    size_t bytes_max;
    uint64_t rows;
    bool ended;              /* the statement gave its last row */
    bool held;               /* a row stands ready that the page has no room for */
    struct kmb_error *fault; /* what the row behind the last one raised; NULL: nothing */
};

static struct page page_of(const struct wire_page *wire) {
    size_t bytes = wire->bytes_max == 0 ? PAGE_BYTES_DEFAULT : wire->bytes_max;
    return (struct page){.rows_max = wire->rows_max == 0 ? UINT64_MAX : wire->rows_max,
                         .bytes_max = bytes < PAGE_BYTES_MAX ? bytes : PAGE_BYTES_MAX};
}

static void write_row(kmb_statement *statement, const struct datetime_context *context, struct buffer *out) {
    uint32_t columns = statement_column_count(statement);
    postcard_write_unsigned(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        struct value value = statement_value(statement, i);
        wire_typed_write(&value, context, out);
    }
}

/* An error behind rows waits for the next page, as it waits for the next row elsewhere. False: it is told now. */
static bool keep_fault(const struct native_call *call, struct page *page) {
    if (page->rows == 0 || call->once) {
        return false;
    }
    page->fault = mem_alloc(sizeof(*page->fault));
    if (page->fault != NULL) {
        *page->fault = call->error;
    }
    return page->fault != NULL;
}

/* Steps the statement for a page of rows, into the connection's scratch. held: a row stands ready from before. */
static enum kmb_status fill(struct native_call *call, struct session *session, kmb_statement *statement, bool held,
                            struct page *page) {
    struct buffer *out = &call->native->scratch;
    struct datetime_context context = session_datetime(session);
    enum kmb_status status = KMB_ROW;
    buffer_clear(out);
    while (status == KMB_ROW && page->rows < page->rows_max && out->length < page->bytes_max) {
        size_t before = out->length;
        status = held ? KMB_ROW : kmb_step(statement, &call->error);
        held = false;
        if (status != KMB_ROW) {
            break;
        }
        write_row(statement, &context, out);
        if (!buffer_ok(out)) {
            return native_no_memory(call);
        }
        if (out->length > WIRE_PAYLOAD_MAX - PAGE_BYTES_SPARE) {
            if (page->rows == 0) {
                return native_refuse(call, KMB_LIMIT, "a row takes more than a frame holds");
            }
            out->length = before;
            page->held = true;
            return KMB_OK;
        }
        page->rows++;
    }
    page->ended = status == KMB_DONE;
    return status == KMB_ROW || status == KMB_DONE || keep_fault(call, page) ? KMB_OK : status;
}

static void write_column(struct buffer *out, kmb_statement *statement, uint32_t ordinal) {
    const struct plan_column *column = statement_column(statement, ordinal);
    const char *type_name = kmb_column_type_name(statement, ordinal);
    struct wire_column wire = {
        .name = slice_text(column->name),
        .type_oid = type_object(column->type.id) == 0 ? type_oid(column->type.id) : 0,
        .modifier = type_oid_modifier(column->type),
        .type_name = slice_text(type_name == NULL ? "" : type_name),
    };
    wire_encode(out, wire_column_type(), &wire);
}

/* cursor 0: no more rows. */
static enum kmb_status respond_rows(struct native_call *call, kmb_statement *statement, const struct page *page,
                                    bool first, uint64_t cursor) {
    struct buffer *out = call->out;
    uint32_t columns = first ? statement_column_count(statement) : 0;
    size_t start = native_respond_begin(call, WIRE_RESPONSE_ROWS);
    postcard_write_unsigned(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        write_column(out, statement, i);
    }
    postcard_write_unsigned(out, page->rows);
    buffer_append_slice(out, buffer_slice(&call->native->scratch));
    buffer_append_byte(out, cursor != 0);
    if (cursor != 0) {
        postcard_write_unsigned(out, cursor);
    }
    buffer_append_byte(out, page->ended);
    if (page->ended) {
        postcard_write_bytes(out, slice_text(kmb_statement_tag(statement)));
    }
    postcard_write_unsigned(out, page->ended ? kmb_statement_rows(statement) : 0);
    postcard_write_unsigned(out, kmb_statement_position(statement));
    call->form = ANSWER_POSITION;
    return native_respond_end(call, start);
}

/* Keeps the statement for the pages to come. NULL: there is no room, with call->error set. */
static struct native_cursor *keep_cursor(struct native_call *call, kmb_statement *statement,
                                         struct native_statement *lender, struct page *page) {
    struct native *native = call->native;
    if (native->cursor_count == NATIVE_CURSORS_MAX) {
        native_refuse(call, KMB_LIMIT, "a connection has at most %d open cursors", NATIVE_CURSORS_MAX);
        return NULL;
    }
    struct native_cursor *cursor = mem_alloc_zero(1, sizeof(*cursor));
    if (cursor == NULL) {
        native_no_memory(call);
        return NULL;
    }
    *cursor = (struct native_cursor){.next = native->cursors,
                                     .tenant = call->tenant,
                                     .number = native->cursor_next++,
                                     .statement = statement,
                                     .lender = lender,
                                     .row = page->held,
                                     .fault = page->fault};
    page->fault = NULL;
    native->cursors = cursor;
    native->cursor_count++;
    call->tenant->holds++;
    if (lender != NULL) {
        lender->lent = true;
    }
    return cursor;
}

static enum kmb_status bind_typed(struct native_call *call, kmb_statement *statement, const struct wire_typed *values,
                                  uint32_t given) {
    uint32_t count = kmb_parameter_count(statement);
    if (given != count) {
        return native_refuse(call, KMB_UNDEFINED_PARAMETER, "%u parameters were given, but the statement has %u", given,
                             count);
    }
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; i < count && status == KMB_OK; i++) {
        struct value value;
        status = wire_typed_read(&values[i], &call->native->arena, &value, &call->error);
        if (status == KMB_OK) {
            status = statement_bind_value(statement, i + 1, value, &call->error);
        }
    }
    return status;
}

static struct sql_point point_of(const struct wire_moment *at) {
    switch (at->tag) {
    case WIRE_MOMENT_POSITION:
        return (struct sql_point){.kind = PLAN_AT_POSITION, .offset = at->as.position};
    case WIRE_MOMENT_TIME:
        return (struct sql_point){.kind = PLAN_AT_TIME, .time_us = at->as.time_micros};
    default:
        return (struct sql_point){.kind = PLAN_AT_NONE};
    }
}

static struct native_statement **find_statement(struct native *native, uint64_t tenant, uint32_t number) {
    struct native_statement **place = &native->statements;
    while (*place != NULL && ((*place)->number != number || (*place)->tenant->id != tenant)) {
        place = &(*place)->next;
    }
    return place;
}

bool native_executes_copy(const struct native_call *call) {
    const struct wire_execute_request *request = call->message->payload;
    if (call->message->variant != WIRE_REQUEST_EXECUTE || call->tenant == NULL) {
        return false;
    }
    const struct native_statement *statement = *find_statement(call->native, call->tenant->id, request->statement);
    return statement != NULL && kmb_statement_copy(statement->statement) != KMB_COPY_NONE;
}

struct execution {
    const struct wire_typed *parameters;
    uint32_t parameter_count;
    const struct wire_moment *at;
    const struct wire_page *page;
};

/* Runs the statement for its first page, and gives it back, or keeps it in a cursor. */
static enum kmb_status execute(struct native_call *call, const struct execution *execution, kmb_statement *statement,
                               struct native_statement *lender) {
    struct session *session = call->tenant->session;
    struct page page = page_of(execution->page);
    struct native_cursor *cursor = NULL;
    enum kmb_status status = kmb_statement_writes(statement) ? native_may_write(call) : KMB_OK;
    if (status == KMB_OK) {
        status = bind_typed(call, statement, execution->parameters, execution->parameter_count);
    }
    bool once = kmb_statement_writes(statement) && kmb_statement_copy(statement) == KMB_COPY_NONE;
    if (status == KMB_OK && once) {
        status = native_once_begin(call);
    }
    if (status == KMB_OK) {
        struct sql_point point = point_of(execution->at);
        session_set_at(session, &point);
        native_run_begin(call->native, call->tenant->handle);
        if (kmb_statement_copy(statement) != KMB_COPY_NONE) {
            buffer_clear(&call->native->scratch);
            status = native_copy(call, statement);
            page.ended = true;
        } else {
            status = fill(call, session, statement, false, &page);
        }
        native_run_end(call->native);
        call->rows = page.rows > 0 || status != KMB_OK ? page.rows : kmb_statement_rows(statement);
        session_set_at(session, &(struct sql_point){.kind = PLAN_AT_NONE});
    }
    if (status == KMB_OK && !page.ended && call->once) {
        status = native_refuse(call, KMB_LIMIT, "with an idempotency key, all rows of the answer must fit into a page");
    }
    if (status == KMB_OK && !page.ended) {
        cursor = keep_cursor(call, statement, lender, &page);
        status = cursor == NULL ? call->error.status : KMB_OK;
    }
    if (status == KMB_OK) {
        status = respond_rows(call, statement, &page, true, cursor == NULL ? 0 : cursor->number);
    }
    if (cursor != NULL && status != KMB_OK) {
        close_cursor(call->native, find_cursor(call->native, call->tenant->id, cursor->number));
    } else if (cursor == NULL) {
        release(statement, lender);
    }
    mem_free(page.fault);
    return status;
}

enum kmb_status native_run(struct native_call *call) {
    const struct wire_run_request *request = call->message->payload;
    struct execution execution = {.parameters = request->parameters.items,
                                  .parameter_count = request->parameters.count,
                                  .at = &request->at,
                                  .page = &request->page};
    kmb_statement *statement = NULL;
    enum kmb_status status = native_statement_prepare(call, request->sql, NULL, 0, &statement);
    native_prepared(call);
    return status == KMB_OK ? execute(call, &execution, statement, NULL) : status;
}

enum kmb_status native_fetch(struct native_call *call) {
    const struct wire_fetch_request *request = call->message->payload;
    struct native *native = call->native;
    struct native_cursor **place = find_cursor(native, call->message->tenant_id, request->cursor);
    struct native_cursor *cursor = *place;
    struct page page = page_of(&request->page);
    if (cursor == NULL) {
        return native_refuse(call, KMB_UNDEFINED_CURSOR, "cursor %llu does not exist",
                             (unsigned long long)request->cursor);
    }
    if (cursor->fault != NULL) {
        call->error = *cursor->fault;
        close_cursor(native, place);
        return call->error.status;
    }
    native_run_begin(native, cursor->tenant->handle);
    enum kmb_status status = fill(call, cursor->tenant->session, cursor->statement, cursor->row, &page);
    native_run_end(native);
    call->rows = page.rows;
    cursor->row = page.held;
    cursor->fault = page.fault;
    if (status == KMB_OK) {
        status = respond_rows(call, cursor->statement, &page, false, page.ended ? 0 : cursor->number);
    }
    if (status != KMB_OK || page.ended) {
        close_cursor(native, place);
    }
    return status;
}

static enum kmb_status respond_closed(struct native_call *call) {
    return native_respond(call, WIRE_RESPONSE_CLOSED, NULL);
}

enum kmb_status native_close_cursor(struct native_call *call) {
    const struct wire_close_cursor_request *request = call->message->payload;
    struct native_cursor **place = find_cursor(call->native, call->message->tenant_id, request->cursor);
    if (*place != NULL) { /* it may have come to its end meanwhile */
        close_cursor(call->native, place);
    }
    return respond_closed(call);
}

/* --- prepared statements ------------------------------------------------------------------------------------------ */

struct slice native_text_of(struct native *native, const struct wire_message *message) {
    const struct native_statement *prepared = NULL;
    switch (message->variant) {
    case WIRE_REQUEST_QUERY:
        return ((const struct wire_query_request *)message->payload)->sql;
    case WIRE_REQUEST_QUERY_AT:
        return ((const struct wire_query_at_request *)message->payload)->sql;
    case WIRE_REQUEST_RUN:
        return ((const struct wire_run_request *)message->payload)->sql;
    case WIRE_REQUEST_EXECUTE:
        prepared = *find_statement(native, message->tenant_id,
                                   ((const struct wire_execute_request *)message->payload)->statement);
        return prepared == NULL ? (struct slice){0} : prepared->text;
    default:
        return (struct slice){0};
    }
}

static void close_statement(struct native *native, struct native_statement **place) {
    struct native_statement *statement = *place;
    for (struct native_cursor **cursor = &native->cursors; *cursor != NULL;) {
        if ((*cursor)->lender == statement) {
            close_cursor(native, cursor);
        } else {
            cursor = &(*cursor)->next;
        }
    }
    *place = statement->next;
    native->statement_count--;
    statement->tenant->holds--;
    kmb_finalize(statement->statement);
    mem_free((void *)(uintptr_t)statement->text.bytes);
    mem_free(statement);
}

void native_statements_close(struct native *native) {
    while (native->statements != NULL) {
        close_statement(native, &native->statements);
    }
}

static enum kmb_status respond_prepared(struct native_call *call, const struct native_statement *made) {
    struct buffer *out = call->out;
    uint32_t parameters = statement_parameter_count(made->statement);
    uint32_t columns = statement_column_count(made->statement);
    size_t start = native_respond_begin(call, WIRE_RESPONSE_PREPARED);
    postcard_write_unsigned(out, made->number);
    postcard_write_unsigned(out, parameters);
    for (uint32_t i = 0; i < parameters; i++) {
        struct type type = statement_parameter_type(made->statement, i + 1);
        postcard_write_unsigned(out, type_object(type.id) == 0 ? type_oid(type.id) : 0);
    }
    postcard_write_unsigned(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        write_column(out, made->statement, i);
    }
    buffer_append_byte(out, kmb_statement_writes(made->statement));
    return native_respond_end(call, start);
}

/* OIDs to types; 0 is to be inferred. */
static enum kmb_status types_of(struct native_call *call, const uint32_t *oids, uint32_t count, struct type **types) {
    *types = native_alloc(call, count, sizeof(**types));
    if (*types == NULL) {
        return native_no_memory(call);
    }
    for (uint32_t i = 0; i < count; i++) {
        (*types)[i] = type_make(oids[i] == 0 ? TYPE_UNKNOWN : type_of_oid(oids[i]));
        if (oids[i] != 0 && (*types)[i].id == TYPE_UNKNOWN) {
            return native_refuse(call, KMB_UNDEFINED_OBJECT, "type with OID %u does not exist", oids[i]);
        }
    }
    return KMB_OK;
}

struct preparation {
    uint32_t number;
    struct slice sql;
    const uint32_t *types;
    uint32_t type_count;
    bool with_copy;
};

/* Keeps a statement under the client's number. */
static enum kmb_status prepare(struct native_call *call, const struct preparation *wanted,
                               struct native_statement **out) {
    struct native *native = call->native;
    struct type *types = NULL;
    kmb_statement *prepared = NULL;
    if (*find_statement(native, call->tenant->id, wanted->number) != NULL) {
        return native_refuse(call, KMB_DUPLICATE_PREPARED, "prepared statement %u already exists", wanted->number);
    }
    if (native->statement_count == NATIVE_STATEMENTS_MAX) {
        return native_refuse(call, KMB_LIMIT, "a connection has at most %d prepared statements", NATIVE_STATEMENTS_MAX);
    }
    enum kmb_status status = types_of(call, wanted->types, wanted->type_count, &types);
    if (status == KMB_OK) {
        status = (wanted->with_copy ? native_statement_compile : native_statement_prepare)(
            call, wanted->sql, types, wanted->type_count, &prepared);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct native_statement *made = mem_alloc_zero(1, sizeof(*made));
    if (made == NULL) {
        kmb_finalize(prepared);
        return native_no_memory(call);
    }
    const void *text = mem_dup(wanted->sql.bytes, wanted->sql.length);
    *made = (struct native_statement){.next = native->statements,
                                      .tenant = call->tenant,
                                      .number = wanted->number,
                                      .statement = prepared,
                                      .text = slice_make(text, text == NULL ? 0 : wanted->sql.length)};
    native->statements = made;
    native->statement_count++;
    call->tenant->holds++;
    *out = made;
    return KMB_OK;
}

/* Answers that it is there; where that fails, it is not. */
static enum kmb_status tell_prepared(struct native_call *call, struct native_statement *made,
                                     enum kmb_status (*respond)(struct native_call *call,
                                                                const struct native_statement *made)) {
    enum kmb_status status = respond(call, made);
    if (status != KMB_OK) {
        close_statement(call->native, &call->native->statements);
    }
    return status;
}

enum kmb_status native_prepare(struct native_call *call) {
    const struct wire_prepare_request *request = call->message->payload;
    struct preparation wanted = {.number = request->statement,
                                 .sql = request->sql,
                                 .types = request->parameter_types.items,
                                 .type_count = request->parameter_types.count};
    struct native_statement *made = NULL;
    enum kmb_status status = prepare(call, &wanted, &made);
    return status == KMB_OK ? tell_prepared(call, made, respond_prepared) : status;
}

static enum kmb_status respond_compiled(struct native_call *call, const struct native_statement *made) {
    struct buffer *out = call->out;
    kmb_statement *statement = made->statement;
    const struct catalogue *catalogue = sql_statement_catalogue(statement_sql(statement));
    uint32_t parameters = statement_parameter_count(statement);
    uint32_t columns = statement_column_count(statement);
    struct buffer name = {0};
    size_t start = native_respond_begin(call, WIRE_RESPONSE_COMPILED);
    postcard_write_unsigned(out, made->number);
    postcard_write_unsigned(out, parameters);
    for (uint32_t i = 0; i < parameters; i++) {
        struct type type = statement_parameter_type(statement, i + 1);
        buffer_clear(&name);
        catalogue_type_text(catalogue, type, &name);
        struct wire_column wire = {.type_oid = type_object(type.id) == 0 ? type_oid(type.id) : 0,
                                   .modifier = -1,
                                   .type_name = buffer_slice(&name)};
        wire_encode(out, wire_column_type(), &wire);
    }
    out->failed = out->failed || name.failed;
    buffer_free(&name);
    postcard_write_unsigned(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        write_column(out, statement, i);
    }
    buffer_append_byte(out, kmb_statement_writes(statement));
    postcard_write_unsigned(out, kmb_statement_copy(statement));
    return native_respond_end(call, start);
}

enum kmb_status native_compile(struct native_call *call) {
    const struct wire_compile_request *request = call->message->payload;
    struct preparation wanted = {.number = request->statement,
                                 .sql = request->sql,
                                 .types = request->parameter_types.items,
                                 .type_count = request->parameter_types.count,
                                 .with_copy = true};
    struct sql_point point = point_of(&request->at);
    struct native_statement *made = NULL;
    session_set_at(call->tenant->session, &point);
    enum kmb_status status = prepare(call, &wanted, &made);
    session_set_at(call->tenant->session, &(struct sql_point){.kind = PLAN_AT_NONE});
    return status == KMB_OK ? tell_prepared(call, made, respond_compiled) : status;
}

enum kmb_status native_execute(struct native_call *call) {
    const struct wire_execute_request *request = call->message->payload;
    struct execution execution = {.parameters = request->parameters.items,
                                  .parameter_count = request->parameters.count,
                                  .at = &request->at,
                                  .page = &request->page};
    struct native_statement *statement = *find_statement(call->native, call->tenant->id, request->statement);
    if (statement == NULL) {
        return native_refuse(call, KMB_UNDEFINED_PREPARED, "prepared statement %u does not exist", request->statement);
    }
    if (statement->lent) {
        native_refuse(call, KMB_INVALID_CURSOR_STATE, "prepared statement %u has an open cursor", request->statement);
        error_hint(&call->error, "Fetch it to its end or close it first.");
        return KMB_INVALID_CURSOR_STATE;
    }
    return execute(call, &execution, statement->statement, statement);
}

enum kmb_status native_close_statement(struct native_call *call) {
    const struct wire_close_statement_request *request = call->message->payload;
    struct native_statement **place = find_statement(call->native, call->message->tenant_id, request->statement);
    if (*place == NULL) {
        return native_refuse(call, KMB_UNDEFINED_PREPARED, "prepared statement %u does not exist", request->statement);
    }
    close_statement(call->native, place);
    return respond_closed(call);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

static enum kmb_status respond_transaction(struct native_call *call, uint64_t position) {
    const struct session *session = call->tenant->session;
    struct wire_transaction_response response = {
        .state = !session_in_transaction(session) ? WIRE_TRANSACTION_NONE
                 : session_failed(session)        ? WIRE_TRANSACTION_FAILED
                                                  : WIRE_TRANSACTION_OPEN,
        .position = position,
    };
    return native_respond(call, WIRE_RESPONSE_TRANSACTION, &response);
}

enum kmb_status native_begin(struct native_call *call) {
    const struct wire_begin_request *request = call->message->payload;
    struct session *session = call->tenant->session;
    const struct sql_settings *settings = session_settings(session);
    struct session_modes modes = {
        .read_only = request->access == WIRE_ACCESS_DEFAULT ? settings->default_read_only
                                                            : request->access == WIRE_ACCESS_READ_ONLY,
        .isolation = request->isolation == WIRE_ISOLATION_DEFAULT        ? settings->default_isolation
                     : request->isolation == WIRE_ISOLATION_SERIALIZABLE ? SQL_ISOLATION_SERIALIZABLE
                                                                         : SQL_ISOLATION_SNAPSHOT,
        .deferrable = settings->default_deferrable,
    };
    enum kmb_status status = session_begin(session, &modes, &call->error);
    return status == KMB_OK ? respond_transaction(call, session_position(session)) : status;
}

enum kmb_status native_state(struct native_call *call) {
    return respond_transaction(call, session_position(call->tenant->session));
}

/* With the transaction, unless the client has said that they stay. */
static void end_cursors(struct native_call *call) {
    if (!call->native->keeps_cursors) {
        native_cursors_close(call->native, call->tenant);
    }
}

enum kmb_status native_commit(struct native_call *call) {
    struct shard_ticket ticket = {0};
    bool rolled_back = false;
    end_cursors(call);
    enum kmb_status status = session_commit(call->tenant->session, &rolled_back, &ticket, &call->error);
    if (status == KMB_OK && rolled_back) {
        status = native_refuse(call, KMB_TRANSACTION_ABORTED, "the transaction had failed and was rolled back");
    }
    return status == KMB_OK ? respond_transaction(call, ticket.position) : status;
}

enum kmb_status native_rollback(struct native_call *call) {
    end_cursors(call);
    enum kmb_status status = session_rollback(call->tenant->session, &call->error);
    return status == KMB_OK ? respond_transaction(call, session_position(call->tenant->session)) : status;
}

/* --- positions, proofs, cancellation ------------------------------------------------------------------------------ */

enum kmb_status native_position(struct native_call *call) {
    struct kernel_state *state = NULL;
    enum kmb_status status =
        shard_state(call->native->service->shard, session_tenant(call->tenant->session), &state, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    struct wire_position_response response = {
        .position = state->position, .sequence = state->sequence, .time_micros = state->time_us};
    kernel_state_release(state);
    return native_respond(call, WIRE_RESPONSE_POSITION, &response);
}

enum kmb_status native_prove(struct native_call *call) {
    const struct wire_prove_request *request = call->message->payload;
    kmb_session *handle = call->tenant->handle;
    char *text = NULL;
    enum kmb_status status;
    switch (request->proof.tag) {
    case WIRE_PROOF_INCLUSION:
        status = kmb_proof_inclusion(handle, request->proof.as.sequence, &text, &call->error);
        break;
    case WIRE_PROOF_CONSISTENCY:
        status = kmb_proof_consistency(handle, request->proof.as.old_size, &text, &call->error);
        break;
    default:
        status = kmb_proof_checkpoint(handle, &text, &call->error);
        break;
    }
    if (status == KMB_OK) {
        struct wire_proof_response response = {.text = slice_text(text)};
        status = native_respond(call, WIRE_RESPONSE_PROOF, &response);
    }
    kmb_free(text);
    return status;
}

enum kmb_status native_session_key(struct native_call *call) {
    struct native *native = call->native;
    struct wire_session_key_response response = {.connection = native->number,
                                                 .secret = slice_make(native->secret, sizeof(native->secret))};
    return native_respond(call, WIRE_RESPONSE_SESSION_KEY, &response);
}

/* Answers the same whether anything was cancelled: nobody learns whether a key is one. */
enum kmb_status native_cancel(struct native_call *call) {
    const struct wire_cancel_request *request = call->message->payload;
    native_service_cancel(call->native->service, request->connection, request->secret);
    return native_respond(call, WIRE_RESPONSE_CANCELLED, NULL);
}
