/*
 * COPY over the native protocol: the client's data comes as CopyData requests behind the Execute that runs the
 * statement, and what a COPY writes goes out as CopyOut pushes before the Execute's response.
 *
 * The statement asks for data when it wants it, so its thread waits for the client within the step. When the statement
 * fails before the data is at its end, the rest of it comes behind the response and is passed over (native.c).
 */
#include <string.h>

#include "base/memory.h"
#include "server/limits.h"
#include "server/native_internal.h"

struct source {
    struct native_call *call;
    struct slice rest; /* of the request at io->consumed, not yet given */
    size_t frame;      /* its size; 0: none is begun */
    bool ended;
};

static enum kmb_status lost(struct source *source, enum kmb_status status, const char *what, struct kmb_error *error) {
    source->ended = true;
    source->call->native->closing = true;
    return error_set(error, status, "%s", what);
}

/* The next request, waiting for it. */
static enum kmb_status next_request(struct source *source, struct kmb_error *error) {
    struct native *native = source->call->native;
    struct protocol_io *io = native->io;
    struct wire_message message;
    struct slice payload;
    size_t used = 0;
    for (;;) {
        struct slice input = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
        enum frame_result frame = frame_read(input, &payload, &used);
        if (frame == FRAME_WHOLE) {
            break;
        }
        if (frame != FRAME_INCOMPLETE) {
            return lost(source, KMB_PROTOCOL, "what comes within a COPY is no frame", error);
        }
        if (io->more == NULL || !io->more(io)) {
            return lost(source, KMB_CONNECTION, "unexpected EOF on client connection during COPY from stdin", error);
        }
    }
    if (wire_message_decode(payload, &native->arena, &message) != POSTCARD_OK || message.direction != WIRE_REQUEST ||
        message.tenant_id != source->call->tenant->id) {
        return lost(source, KMB_PROTOCOL, "what comes within a COPY is no request of its tenant", error);
    }
    enum kmb_status paced =
        limits_pace(native->peer.party, source->call->tenant->party, used, source->call->tenant->session, error);
    if (paced != KMB_OK) {
        return paced;
    }
    if (message.variant == WIRE_REQUEST_COPY_DATA) {
        source->rest = ((const struct wire_copy_data_request *)message.payload)->bytes;
        source->frame = used;
        return KMB_OK;
    }
    if (message.variant != WIRE_REQUEST_COPY_END) {
        return lost(source, KMB_PROTOCOL, "a request that has no place within a COPY", error);
    }
    const struct wire_copy_end_request *end = message.payload;
    source->ended = true;
    enum kmb_status status = KMB_OK;
    if (end->failure != NULL) {
        status = error_set(error, KMB_CANCELLED, "COPY from stdin failed: %.*s", (int)end->failure->length,
                           (const char *)end->failure->bytes);
    }
    io->consumed += used;
    return status;
}

static enum kmb_status read_data(void *context, void *bytes, size_t size, size_t *count, struct kmb_error *error) {
    struct source *source = context;
    struct native *native = source->call->native;
    struct arena_mark mark = arena_mark(&native->arena);
    *count = 0;
    while (*count == 0 && !source->ended) {
        if (source->frame == 0) {
            enum kmb_status status = next_request(source, error);
            arena_rewind(&native->arena, mark);
            if (status != KMB_OK) {
                return status;
            }
            continue;
        }
        size_t given = source->rest.length < size ? source->rest.length : size;
        if (given > 0) {
            memcpy(bytes, source->rest.bytes, given);
        }
        source->rest = slice_make(source->rest.bytes + given, source->rest.length - given);
        *count = given;
        if (source->rest.length == 0) {
            native->io->consumed += source->frame;
            source->frame = 0;
        }
    }
    return KMB_OK;
}

static enum kmb_status write_data(void *context, const void *bytes, size_t length, struct kmb_error *error) {
    struct native_call *call = context;
    struct protocol_io *io = call->native->io;
    struct wire_copy_out_push push = {.request_id = call->message->request_id, .bytes = slice_make(bytes, length)};
    if (!native_push(call->out, WIRE_PUSH_COPY_OUT, &push)) {
        return error_set(error, KMB_LIMIT, "a row takes more than a frame holds");
    }
    if (!buffer_ok(call->out)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (call->out->length >= PROTOCOL_OUTPUT_SOFT && io->flush != NULL && !io->flush(io)) {
        call->native->closing = true;
        return error_set(error, KMB_CONNECTION, "the client does not take the rows of COPY TO STDOUT");
    }
    return KMB_OK;
}

static enum kmb_status run(struct native_call *call, kmb_statement *statement) {
    struct native *native = call->native;
    bool in = kmb_statement_copy(statement) == KMB_COPY_IN;
    struct source source = {.call = call};
    struct sql_copy copy = {
        .read = in ? read_data : NULL,
        .write = in ? NULL : write_data,
        .context = in ? (void *)&source : (void *)call,
    };
    native->io->consumed += native->frame_left; /* the Execute: what it borrows is bound by now */
    native->frame_left = 0;
    enum kmb_status status = statement_set_copy(statement, &copy, &call->error);
    if (status == KMB_OK) {
        status = kmb_step(statement, &call->error);
    }
    if (source.frame != 0) { /* a mark of the end, or a failure, within a request: what is behind it has no meaning */
        native->io->consumed += source.frame;
        source.frame = 0;
    }
    statement_clear_copy(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

/* A COPY holds its thread while it waits for its client: so many at a time, that others are served beside them. */
enum kmb_status native_copy(struct native_call *call, kmb_statement *statement) {
    const struct sql_server *face = call->native->service->options.face;
    if (face != NULL && !face->wait(face->context)) {
        session_fail(call->tenant->session);
        native_refuse(call, KMB_TOO_MANY_CONNECTIONS, "too many clients copy at a time");
        error_hint(&call->error, "Try again when others are done; server.threads says how many there may be.");
        return KMB_TOO_MANY_CONNECTIONS;
    }
    enum kmb_status status = run(call, statement);
    if (face != NULL) {
        face->waited(face->context);
    }
    return status;
}
