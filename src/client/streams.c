/* Streams and proofs over a connection. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "client/client.h"

/* A request of an append carries so many bytes of events: a frame, with room for what stands around them. */
#define APPEND_BYTES_MAX (((size_t)16 << 20) - 65536)
#define READ_BYTES_MAX   ((uint64_t)1 << 20) /* of one answer */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* On the wire a stream's number has its tenant's above it. */
static uint64_t stream_id(const struct client_session *session, uint32_t stream) {
    return (uint64_t)session->tenant << 32 | stream;
}

enum kmb_status client_stream_create(void *session, struct slice name, enum kmb_data_class data_class, uint32_t *stream,
                                     struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    struct wire_create_stream_request request = {
        .name = name, .data_class = data_class, .placement = {.tag = WIRE_PLACEMENT_GLOBAL}};
    enum kmb_status status = client_ask(session, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_RESPONSE_CREATE_STREAM,
                                        &arena, &response, error);
    if (status == KMB_OK) {
        *stream = (uint32_t)((const struct wire_create_stream_response *)response)->stream_id;
    }
    arena_free(&arena);
    return status;
}

enum kmb_status client_stream_list(void *session,
                                   enum kmb_status (*each)(void *context, const struct kmb_stream *stream),
                                   void *context, struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_LIST_STREAMS, NULL, WIRE_RESPONSE_STREAMS, &arena, &response, error);
    const struct wire_streams_response *streams = response;
    for (uint32_t i = 0; status == KMB_OK && i < streams->streams.count; i++) {
        const struct wire_stream_info *info = &streams->streams.items[i];
        struct kmb_stream out = {.id = (uint32_t)info->stream_id,
                                 .name = arena_text(&arena, info->name),
                                 .data_class = (enum kmb_data_class)info->data_class,
                                 .length = info->length};
        status = out.name == NULL ? no_memory(error) : each(context, &out);
    }
    arena_free(&arena);
    return status;
}

enum kmb_status client_stream_append(void *session, uint32_t stream, const uint64_t *expected,
                                     const struct slice *events, size_t count, uint64_t *first,
                                     struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += events[i].length + 10;
    }
    if (bytes > APPEND_BYTES_MAX || count > UINT32_MAX) {
        error_set(error, KMB_LIMIT, "the events take %zu bytes, more than one request over a connection can hold",
                  bytes);
        error_hint(error, "Append them in several calls of less than 16 MiB.");
        return KMB_LIMIT;
    }
    struct wire_append_request request = {.stream_id = stream_id(session, stream),
                                          .events = {(uint32_t)count, (struct slice *)(uintptr_t)events},
                                          .expected_offset = (uint64_t *)(uintptr_t)expected};
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_APPEND, &request, WIRE_RESPONSE_APPENDED, &arena, &response, error);
    if (status == KMB_OK) {
        *first = ((const struct wire_appended_response *)response)->first_offset;
    }
    arena_free(&arena);
    return status;
}

/* One answer's events. *from and *left go on behind them; *more: there may be others. */
static enum kmb_status
read_some(struct client_session *session, uint32_t stream, uint64_t *from, uint64_t *left, bool *more,
          enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes, size_t length), void *context,
          struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    struct wire_read_events_request request = {.stream_id = stream_id(session, stream),
                                               .from_offset = *from,
                                               .max_bytes = *left < READ_BYTES_MAX ? *left : READ_BYTES_MAX};
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_READ_EVENTS, &request, WIRE_RESPONSE_READ_EVENTS, &arena, &response, error);
    const struct wire_read_events_response *answer = response;
    *more = status == KMB_OK && answer->events.count > 0;
    for (uint32_t i = 0; status == KMB_OK && i < answer->events.count; i++) {
        struct slice event = answer->events.items[i];
        status = each(context, (*from)++, event.bytes == NULL ? (const void *)"" : event.bytes, event.length);
        *left = event.length >= *left ? 0 : *left - event.length;
    }
    arena_free(&arena);
    return status;
}

enum kmb_status client_stream_read(void *session, uint32_t stream, uint64_t from, uint64_t bytes_max,
                                   enum kmb_status (*each)(void *context, uint64_t offset, const void *bytes,
                                                           size_t length),
                                   void *context, struct kmb_error *error) {
    uint64_t left = bytes_max;
    bool more = true;
    enum kmb_status status;
    do {
        status = read_some(session, stream, &from, &left, &more, each, context, error);
    } while (status == KMB_OK && more && left > 0);
    return status == KMB_DONE ? KMB_OK : status;
}

enum kmb_status client_stream_length(void *session, uint32_t stream, uint64_t *length, struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    struct wire_stream_info_request request = {.stream_id = stream_id(session, stream)};
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_STREAM_INFO, &request, WIRE_RESPONSE_STREAM_INFO, &arena, &response, error);
    if (status == KMB_OK) {
        *length = ((const struct wire_stream_info_response *)response)->length;
    }
    arena_free(&arena);
    return status;
}

enum kmb_status client_prove(void *session, enum remote_proof proof, uint64_t number, struct buffer *text,
                             struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    struct wire_prove_request request = {.proof = {.tag = WIRE_PROOF_CHECKPOINT}};
    if (proof == REMOTE_PROOF_INCLUSION) {
        request.proof = (struct wire_proof){.tag = WIRE_PROOF_INCLUSION, .as.sequence = number};
    } else if (proof == REMOTE_PROOF_CONSISTENCY) {
        request.proof = (struct wire_proof){.tag = WIRE_PROOF_CONSISTENCY, .as.old_size = number};
    }
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_PROVE, &request, WIRE_RESPONSE_PROOF, &arena, &response, error);
    if (status == KMB_OK) {
        buffer_append_slice(text, ((const struct wire_proof_response *)response)->text);
        status = buffer_ok(text) ? KMB_OK : no_memory(error);
    }
    arena_free(&arena);
    return status;
}
