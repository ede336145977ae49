/*
 * COPY over a connection: what the caller's function gives goes out piece by piece behind the request that runs the
 * statement, and what the server sends before its response goes to the caller's function.
 *
 * A function that fails ends the statement: nothing of it is done, and the function's own error is the answer. A server
 * that refuses the data answers before it has read all of it: the rest is not sent.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "client/client.h"

#define PIECE_BYTES ((size_t)64 << 10)

/* In the place of functions that were not given: the statement fails as it does within the process. */
static enum kmb_status nothing_to_read(void *context, void *bytes, size_t size, size_t *count,
                                       struct kmb_error *error) {
    (void)context;
    (void)bytes;
    (void)size;
    (void)count;
    return error_set(error, KMB_OBJECT_NOT_IN_STATE, "COPY FROM STDIN has nothing to read from");
}

static enum kmb_status nowhere_to_write(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    (void)context;
    (void)bytes;
    (void)length;
    return error_set(error, KMB_OBJECT_NOT_IN_STATE, "COPY TO STDOUT has nowhere to write to");
}

/* What the caller's function takes. */
struct sink {
    const struct sql_copy *copy;
    enum kmb_status status;
    struct kmb_error error;
};

static bool take(void *context, struct slice bytes) {
    struct sink *sink = context;
    if (sink->status == KMB_OK) {
        sink->status = sink->copy->write(sink->copy->context, bytes.bytes, bytes.length, &sink->error);
    }
    return sink->status == KMB_OK;
}

/* KMB_OK: the data is at its end. Else the function's error, or one of the connection. */
static enum kmb_status send_data(struct client_session *session, const struct sql_copy *copy, uint8_t *piece,
                                 struct kmb_error *failure, struct kmb_error *error) {
    for (;;) {
        size_t count = 0;
        struct wire_copy_end_request end = {0};
        if (exchange_answered(session->exchange)) {
            return KMB_OK; /* refused: nobody reads any more */
        }
        enum kmb_status status = copy->read(copy->context, piece, PIECE_BYTES, &count, failure);
        if (status != KMB_OK || count == 0) {
            struct slice why = slice_text(failure->message);
            end.failure = status == KMB_OK ? NULL : &why;
            enum kmb_status sent =
                exchange_tell(session->exchange, session->tenant, WIRE_REQUEST_COPY_END, &end, error);
            return sent != KMB_OK ? sent : KMB_OK;
        }
        struct wire_copy_data_request data = {.bytes = slice_make(piece, count)};
        status = exchange_tell(session->exchange, session->tenant, WIRE_REQUEST_COPY_DATA, &data, error);
        if (status != KMB_OK) {
            return status;
        }
    }
}

static enum kmb_status copy_in(struct client_session *session, const struct wire_execute_request *request,
                               const struct sql_copy *copy, struct slice *fields, struct kmb_error *error) {
    struct kmb_error failure = {0};
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    if (piece == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = exchange_send(session->exchange, session->tenant, WIRE_REQUEST_EXECUTE, request, error);
    if (status == KMB_OK) {
        status = send_data(session, copy, piece, &failure, error);
    }
    mem_free(piece);
    struct kmb_error told = {0};
    if (status == KMB_OK) {
        status = exchange_wait(session->exchange, WIRE_RESPONSE_ROWS, fields, &told);
    }
    if (status != KMB_OK && failure.status != KMB_OK) { /* the caller's own words, and where it was */
        if (failure.context[0] == 0 && copy->read != nothing_to_read) {
            memcpy(failure.context, told.context, sizeof(failure.context));
        }
        told = failure;
        status = failure.status;
    }
    if (told.status != KMB_OK && error != NULL) {
        *error = told;
    }
    return status;
}

static enum kmb_status copy_out(struct client_session *session, const struct wire_execute_request *request,
                                const struct sql_copy *copy, struct slice *fields, struct kmb_error *error) {
    struct sink sink = {.copy = copy};
    exchange_copy_out(session->exchange, take, &sink);
    enum kmb_status status = exchange_ask_raw(session->exchange, session->tenant, WIRE_REQUEST_EXECUTE, request,
                                              WIRE_RESPONSE_ROWS, fields, error);
    exchange_copy_out(session->exchange, NULL, NULL);
    if (sink.status != KMB_OK) {
        status = sink.status;
        if (error != NULL) {
            *error = sink.error;
        }
    }
    return status;
}

enum kmb_status client_copy(struct client_session *session, const struct wire_execute_request *request,
                            enum kmb_copy direction, const struct sql_copy *copy, struct slice *fields,
                            struct kmb_error *error) {
    struct sql_copy absent = {.read = nothing_to_read, .write = nowhere_to_write};
    bool given = direction == KMB_COPY_IN ? copy->read != NULL : copy->write != NULL;
    return direction == KMB_COPY_IN ? copy_in(session, request, given ? copy : &absent, fields, error)
                                    : copy_out(session, request, given ? copy : &absent, fields, error);
}
