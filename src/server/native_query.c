/*
 * Query and QueryAt: a statement's text and its parameters in, all rows out.
 *
 * A statement that gives no rows answers one row of two numbers, how many rows it changed and the position after it;
 * QueryAt of that position shows exactly what it left. Rows are encoded as they come, so that a result that no frame
 * holds is found out at its size and not at the database's.
 */
#include "server/native_internal.h"

#include <string.h>

struct query {
    struct slice sql;
    const struct wire_value *parameters;
    uint32_t parameter_count;
    const uint64_t *position; /* NULL: the present */
    uint32_t response;
};

static enum kmb_status bind_parameters(struct native_call *call, const struct query *query, kmb_statement *statement) {
    uint32_t count = kmb_parameter_count(statement);
    if (query->parameter_count != count) {
        return native_refuse(call, KMB_UNDEFINED_PARAMETER, "%u parameters were given, but the statement has %u",
                             query->parameter_count, count);
    }
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; i < count && status == KMB_OK; i++) {
        struct value value;
        status = native_value_of(call, &query->parameters[i], &value);
        if (status == KMB_OK) {
            status = statement_bind_value(statement, i + 1, value, &call->error);
        }
    }
    return status;
}

static bool gives_rows(const kmb_statement *statement) {
    return statement_column_count(statement) != 0 || sql_statement_kind(statement_sql(statement)) == STATEMENT_QUERY;
}

static enum kmb_status too_large(struct native_call *call, const kmb_statement *statement) {
    native_refuse(call, KMB_LIMIT, "the result takes more than the 16777216 bytes of a frame");
    if (kmb_statement_writes(statement)) {
        error_detail(&call->error, "The statement was carried out.");
    }
    error_hint(&call->error, "Read it in parts, with LIMIT or by key.");
    return KMB_LIMIT;
}

/* Steps to the end. Rows go to the connection's scratch, and their number to *rows. */
static enum kmb_status collect(struct native_call *call, kmb_statement *statement, uint64_t *rows) {
    struct buffer *out = &call->native->scratch;
    struct datetime_context context = session_datetime(call->tenant->session);
    enum kmb_status status;
    buffer_clear(out);
    *rows = 0;
    while ((status = kmb_step(statement, &call->error)) == KMB_ROW) {
        uint32_t columns = statement_column_count(statement); /* the first step may have bound it to others */
        postcard_write_unsigned(out, columns);
        for (uint32_t i = 0; i < columns; i++) {
            struct value value = statement_value(statement, i);
            native_value_write(&value, &context, out);
        }
        ++*rows;
        if (!buffer_ok(out)) {
            return native_no_memory(call);
        }
        if (out->length > WIRE_PAYLOAD_MAX) {
            return too_large(call, statement);
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

/* EXPLAIN: clients look for one column, "plan", and one row with all of it. */
static bool explains(const kmb_statement *statement) {
    return strcmp(sql_statement_tag(statement_sql(statement)), "EXPLAIN") == 0 &&
           statement_column_count(statement) == 1;
}

static enum kmb_status respond_plan(struct native_call *call, const struct query *query, kmb_statement *statement) {
    struct datetime_context context = session_datetime(call->tenant->session);
    struct buffer *text = &call->native->scratch;
    enum kmb_status status;
    buffer_clear(text);
    while ((status = kmb_step(statement, &call->error)) == KMB_ROW) {
        struct value value = statement_value(statement, 0);
        if (text->length > 0) {
            buffer_append_byte(text, '\n');
        }
        value_print(&value, &context, text);
    }
    if (status != KMB_DONE || !buffer_ok(text)) {
        return status == KMB_DONE ? native_no_memory(call) : status;
    }
    struct slice name = slice_text("plan");
    struct wire_value cell = {.tag = WIRE_VALUE_TEXT, .as.text = buffer_slice(text)};
    struct wire_row row = {.cells = {1, &cell}};
    struct wire_result result = {.columns = {1, &name}, .rows = {1, &row}};
    return native_respond(call, query->response, &result);
}

static enum kmb_status respond_rows(struct native_call *call, const struct query *query, kmb_statement *statement,
                                    uint64_t rows) {
    struct buffer *out = call->out;
    uint32_t columns = statement_column_count(statement);
    size_t start = native_respond_begin(call, query->response);
    postcard_write_unsigned(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        postcard_write_bytes(out, slice_text(statement_column(statement, i)->name));
    }
    postcard_write_unsigned(out, rows);
    buffer_append_slice(out, buffer_slice(&call->native->scratch));
    enum kmb_status status = native_respond_end(call, start);
    return status == KMB_OK ? KMB_OK : too_large(call, statement);
}

static enum kmb_status respond_done(struct native_call *call, const struct query *query, kmb_statement *statement) {
    struct slice names[2] = {slice_text("rows_affected"), slice_text("log_offset")};
    struct wire_value cells[2] = {
        {.tag = WIRE_VALUE_BIG_INT, .as.big_int = (int64_t)kmb_statement_rows(statement)},
        {.tag = WIRE_VALUE_BIG_INT, .as.big_int = (int64_t)kmb_statement_position(statement)},
    };
    struct wire_row row = {.cells = {2, cells}};
    struct wire_result result = {.columns = {2, names}, .rows = {1, &row}};
    call->form = ANSWER_POSITION_SIGNED;
    return native_respond(call, query->response, &result);
}

static enum kmb_status run(struct native_call *call, const struct query *query, kmb_statement *statement) {
    struct native_tenant *tenant = call->tenant;
    enum kmb_status status = KMB_OK;
    uint64_t rows = 0;
    if (kmb_statement_writes(statement)) {
        status = native_may_write(call);
    }
    if (status == KMB_OK) {
        status = bind_parameters(call, query, statement);
    }
    if (status == KMB_OK && kmb_statement_writes(statement)) {
        status = native_once_begin(call);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct sql_point point = {.kind = PLAN_AT_NONE};
    if (query->position != NULL) {
        point = (struct sql_point){.kind = PLAN_AT_POSITION, .offset = *query->position};
    }
    session_set_at(tenant->session, &point);
    native_run_begin(call->native, tenant->handle);
    bool plan = explains(statement);
    status = plan ? respond_plan(call, query, statement) : collect(call, statement, &rows);
    native_run_end(call->native);
    call->rows = rows > 0 || status != KMB_OK ? rows : kmb_statement_rows(statement);
    session_set_at(tenant->session, &(struct sql_point){.kind = PLAN_AT_NONE});
    if (status != KMB_OK || plan) {
        return status;
    }
    return gives_rows(statement) ? respond_rows(call, query, statement, rows) : respond_done(call, query, statement);
}

static enum kmb_status serve(struct native_call *call, const struct query *query, const struct slice *reason) {
    if (reason != NULL) {
        return native_refuse(call, KMB_UNSUPPORTED,
                             "break_glass_reason is not implemented by this server: it could not be recorded");
    }
    kmb_statement *statement = NULL;
    struct native_kept *kept = NULL;
    enum kmb_status status = native_statement_take(call, query->sql, &statement, &kept);
    native_prepared(call);
    if (status == KMB_OK) {
        status = run(call, query, statement);
        native_statement_give(kept, statement);
    }
    return status;
}

enum kmb_status native_query(struct native_call *call) {
    const struct wire_query_request *request = call->message->payload;
    struct query query = {.sql = request->sql,
                          .parameters = request->params.items,
                          .parameter_count = request->params.count,
                          .response = WIRE_RESPONSE_QUERY};
    return serve(call, &query, request->break_glass_reason);
}

enum kmb_status native_query_at(struct native_call *call) {
    const struct wire_query_at_request *request = call->message->payload;
    struct query query = {.sql = request->sql,
                          .parameters = request->params.items,
                          .parameter_count = request->params.count,
                          .position = &request->position,
                          .response = WIRE_RESPONSE_QUERY_AT};
    return serve(call, &query, request->break_glass_reason);
}

/* All that was answered before is durable when this is: the machine sends nothing earlier. */
enum kmb_status native_sync(struct native_call *call) {
    struct wire_sync_response response = {.success = true};
    return native_respond(call, WIRE_RESPONSE_SYNC, &response);
}
