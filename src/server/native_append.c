/*
 * Rows without SQL in between: the C API's appender, under a number that the client chooses. Rows come in as many
 * requests as the client likes and are written by the one that says so, all of them or none: an error drops what was
 * gathered since the last time.
 */
#include "base/memory.h"
#include "server/native_internal.h"
#include "wire/typed.h"

static struct native_appender **find(struct native *native, uint64_t tenant, uint32_t number) {
    struct native_appender **place = &native->appenders;
    while (*place != NULL && ((*place)->number != number || (*place)->tenant->id != tenant)) {
        place = &(*place)->next;
    }
    return place;
}

static void forget(struct native_appender *appender) {
    appender_forget(appender->appender);
    charge_give(&appender->tenant->charge, appender->bytes);
    appender->bytes = 0;
}

static void end(struct native *native, struct native_appender **place) {
    struct native_appender *appender = *place;
    forget(appender);
    *place = appender->next;
    native->appender_count--;
    appender->tenant->holds--;
    kmb_appender_close(appender->appender);
    mem_free(appender);
}

void native_appenders_close(struct native *native) {
    while (native->appenders != NULL) {
        end(native, &native->appenders);
    }
}

static enum kmb_status respond_columns(struct native_call *call, const kmb_appender *appender) {
    uint32_t count = appender_column_count(appender);
    struct wire_append_column *columns = native_alloc(call, count, sizeof(*columns));
    if (columns == NULL) {
        return native_no_memory(call);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct appender_column column = appender_column(appender, i);
        bool own = type_object(column.type.id) != 0;
        char name[TYPE_NAME_SIZE];
        struct slice text = slice_text(own ? "" : type_format(type_with(column.type.id, column.type.modifier), name));
        columns[i] = (struct wire_append_column){
            .column = {.name = slice_text(column.name),
                       .type_oid = own ? 0 : type_oid(column.type.id),
                       .modifier = type_oid_modifier(column.type),
                       .type_name = arena_dup_slice(&call->native->arena, text)},
            .not_null = column.not_null,
        };
    }
    struct wire_appender_response response = {.columns = {count, columns}};
    return native_respond(call, WIRE_RESPONSE_APPENDER, &response);
}

enum kmb_status native_open_appender(struct native_call *call) {
    const struct wire_open_appender_request *request = call->message->payload;
    struct native *native = call->native;
    const char *table = arena_text(&native->arena, request->table);
    if (table == NULL) {
        return native_no_memory(call);
    }
    if (*find(native, call->tenant->id, request->appender) != NULL) {
        return native_refuse(call, KMB_DUPLICATE_OBJECT, "appender %u is open already", request->appender);
    }
    if (native->appender_count == NATIVE_APPENDERS_MAX) {
        return native_refuse(call, KMB_LIMIT, "a connection has at most %d open appenders", NATIVE_APPENDERS_MAX);
    }
    struct native_appender *appender = mem_alloc_zero(1, sizeof(*appender));
    if (appender == NULL) {
        return native_no_memory(call);
    }
    enum kmb_status status = kmb_appender_open(call->tenant->handle, table, &appender->appender, &call->error);
    if (status != KMB_OK) {
        mem_free(appender);
        return status;
    }
    appender->number = request->appender;
    appender->tenant = call->tenant;
    appender->next = native->appenders;
    native->appenders = appender;
    native->appender_count++;
    call->tenant->holds++;
    status = respond_columns(call, appender->appender);
    if (status != KMB_OK) {
        end(native, &native->appenders);
    }
    return status;
}

static enum kmb_status append_cell(struct native_call *call, kmb_appender *appender, const struct wire_typed *cell) {
    struct value value;
    enum kmb_status status = wire_typed_read(cell, &call->native->arena, &value, &call->error);
    return status == KMB_OK ? appender_append(appender, &value, &call->error) : status;
}

static enum kmb_status append_rows(struct native_call *call, kmb_appender *appender,
                                   const struct wire_append_rows_request *request) {
    uint64_t cell = 0;
    uint32_t next = 0; /* of the defaults, which come in order */
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; status == KMB_OK && i < request->rows.count; i++) {
        const struct wire_typed_row *row = &request->rows.items[i];
        for (uint32_t j = 0; status == KMB_OK && j < row->cells.count; j++, cell++) {
            bool is_default = next < request->defaults.count && request->defaults.items[next] == cell;
            next += is_default;
            status = is_default ? kmb_append_default(appender, &call->error)
                                : append_cell(call, appender, &row->cells.items[j]);
        }
        if (status == KMB_OK) {
            status = kmb_append_row(appender, &call->error);
        }
    }
    if (status == KMB_OK && next != request->defaults.count) {
        status = native_refuse(call, KMB_USAGE, "the cells of AppendRows.defaults are not in order, or there are none");
    }
    return status;
}

/* Counts what the request's rows will take until they are written. */
static enum kmb_status take_memory(struct native_call *call, struct native_appender *appender,
                                   const struct wire_append_rows_request *request) {
    size_t gathered = 0;
    size_t bytes = call->native->frame_left;
    for (uint32_t i = 0; i < request->rows.count; i++) {
        bytes += request->rows.items[i].cells.count * sizeof(struct value);
    }
    for (const struct native_appender *at = call->native->appenders; at != NULL; at = at->next) {
        gathered += at->bytes;
    }
    if (gathered + bytes > NATIVE_APPEND_BYTES_MAX) {
        native_refuse(call, KMB_LIMIT, "a connection's appenders gather at most %zu bytes of memory",
                      NATIVE_APPEND_BYTES_MAX);
        error_hint(&call->error, "Flush them earlier.");
        return KMB_LIMIT;
    }
    if (!charge_take(&appender->tenant->charge, bytes)) {
        return charge_error(&appender->tenant->charge, &call->error);
    }
    appender->bytes += bytes;
    return KMB_OK;
}

enum kmb_status native_append_rows(struct native_call *call) {
    const struct wire_append_rows_request *request = call->message->payload;
    struct native_appender *appender = *find(call->native, call->tenant->id, request->appender);
    if (appender == NULL) {
        return native_refuse(call, KMB_UNDEFINED_OBJECT, "appender %u is not open", request->appender);
    }
    enum kmb_status status = take_memory(call, appender, request);
    if (status == KMB_OK) {
        status = append_rows(call, appender->appender, request);
    }
    if (status == KMB_OK && request->flush) {
        native_run_begin(call->native, call->tenant->handle);
        status = kmb_appender_flush(appender->appender, NULL, &call->error);
        native_run_end(call->native);
    }
    if (status != KMB_OK || request->flush) {
        forget(appender);
    }
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_DONE, NULL) : status;
}

enum kmb_status native_close_appender(struct native_call *call) {
    const struct wire_close_appender_request *request = call->message->payload;
    struct native_appender **place = find(call->native, call->message->tenant_id, request->appender);
    if (*place == NULL) {
        return native_refuse(call, KMB_UNDEFINED_OBJECT, "appender %u is not open", request->appender);
    }
    end(call->native, place);
    return native_respond(call, WIRE_RESPONSE_CLOSED, NULL);
}
