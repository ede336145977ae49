/*
 * Streams: create, append, read, length, list.
 *
 * A stream's id on the wire is its tenant's in the upper half and its own in the lower; one of another tenant is not
 * found, whoever asks. Reading an unknown stream of the tenant gives nothing, as the published protocol has it.
 */
#include "server/native_internal.h"

enum kmb_status native_stream_of(struct native_call *call, uint64_t stream_id, uint32_t *stream) {
    *stream = (uint32_t)stream_id;
    if (stream_id >> 32 != call->message->tenant_id || *stream == 0) {
        return native_refuse(call, KMB_STREAM_NOT_FOUND, "stream with id %llu not found in tenant %llu",
                             (unsigned long long)stream_id, (unsigned long long)call->message->tenant_id);
    }
    return KMB_OK;
}

static uint64_t wire_id(const struct native_tenant *tenant, uint32_t stream) {
    return (uint64_t)tenant->id << 32 | stream;
}

enum kmb_status native_create_stream(struct native_call *call) {
    const struct wire_create_stream_request *request = call->message->payload;
    if (request->placement.tag != WIRE_PLACEMENT_GLOBAL) {
        return native_refuse(call, KMB_UNSUPPORTED,
                             "CreateStream in a region is not implemented by this server: placement must be Global");
    }
    const char *name = arena_text(&call->native->arena, request->name);
    uint32_t stream;
    if (name == NULL) {
        return native_no_memory(call);
    }
    if (memchr(name, 0, request->name.length) != NULL) {
        return native_refuse(call, KMB_INVALID_NAME, "a stream's name has no zero byte");
    }
    enum kmb_status status = native_once_begin(call);
    if (status != KMB_OK) {
        return status;
    }
    status =
        kmb_stream_create(call->tenant->handle, name, (enum kmb_data_class)request->data_class, &stream, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    struct wire_create_stream_response response = {.stream_id = wire_id(call->tenant, stream)};
    return native_respond(call, WIRE_RESPONSE_CREATE_STREAM, &response);
}

struct append {
    struct stream_id stream;
    uint64_t expected;
    const struct slice *events;
    uint32_t count;
    uint64_t first; /* the offset that the first event got */
};

static enum kmb_status append_events(void *context, struct kernel_transaction *transaction, struct kmb_error *error) {
    struct append *append = context;
    return kernel_append(transaction, append->stream, append->expected, append->events, append->count, &append->first,
                         error);
}

/* expected NULL: wherever the end is. *position: of the tenant after it. */
static enum kmb_status append_to(struct native_call *call, uint64_t stream_id, const uint64_t *expected,
                                 struct append *append, uint64_t *position) {
    struct session *session = call->tenant->session;
    struct shard_ticket ticket = {0};
    enum kmb_status status = native_stream_of(call, stream_id, &append->stream.value);
    if (status != KMB_OK) {
        return status;
    }
    if (append->count == 0) {
        return native_refuse(call, KMB_USAGE, "no events were given to append");
    }
    append->expected = expected == NULL ? KERNEL_OFFSET_ANY : *expected;
    if (expected != NULL && *expected == KERNEL_OFFSET_ANY) {
        return native_refuse(call, KMB_OFFSET_MISMATCH, "no stream is as long as %llu events",
                             (unsigned long long)*expected);
    }
    status = native_once_begin(call);
    status = status == KMB_OK ? session_write(session, append_events, append, &ticket, &call->error) : status;
    *position = session_in_transaction(session) ? session_position(session) : ticket.position;
    return status;
}

enum kmb_status native_append_events(struct native_call *call) {
    const struct wire_append_events_request *request = call->message->payload;
    struct append append = {.events = request->events.items, .count = request->events.count};
    uint64_t position;
    enum kmb_status status = append_to(call, request->stream_id, &request->expected_offset, &append, &position);
    struct wire_append_events_response response = {.first_offset = append.first, .count = append.count};
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_APPEND_EVENTS, &response) : status;
}

enum kmb_status native_append(struct native_call *call) {
    const struct wire_append_request *request = call->message->payload;
    struct append append = {.events = request->events.items, .count = request->events.count};
    struct wire_appended_response response = {.count = append.count};
    enum kmb_status status = append_to(call, request->stream_id, request->expected_offset, &append, &response.position);
    response.first_offset = append.first;
    call->form = ANSWER_POSITION;
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_APPENDED, &response) : status;
}

struct reading {
    struct buffer *out;
    uint64_t count;
    size_t bytes_max;
    bool no_memory;
};

static enum kmb_status take_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    struct reading *reading = context;
    (void)offset;
    if (reading->count > 0 && reading->out->length + length > reading->bytes_max) {
        return KMB_DONE; /* no frame holds it together with the others: next_offset says where to go on */
    }
    postcard_write_bytes(reading->out, slice_make(bytes, length));
    reading->count++;
    reading->no_memory = !buffer_ok(reading->out);
    return reading->no_memory ? KMB_DONE : KMB_OK;
}

#define READ_BYTES_SPARE 64 /* of a frame, for what stands around the events */

enum kmb_status native_read_events(struct native_call *call) {
    const struct wire_read_events_request *request = call->message->payload;
    struct reading reading = {.out = &call->native->scratch, .bytes_max = WIRE_PAYLOAD_MAX - READ_BYTES_SPARE};
    uint32_t stream;
    enum kmb_status status = native_stream_of(call, request->stream_id, &stream);
    if (status != KMB_OK) {
        return status;
    }
    buffer_clear(reading.out);
    status = kmb_stream_read(call->tenant->handle, stream, request->from_offset, request->max_bytes, take_event,
                             &reading, &call->error);
    if (reading.no_memory) {
        return native_no_memory(call);
    }
    bool published = (status == KMB_STREAM_NOT_FOUND || status == KMB_INVALID_OFFSET) && !call->native->wants_errors;
    if (status != KMB_OK && !published) {
        return status;
    }
    size_t start = native_respond_begin(call, WIRE_RESPONSE_READ_EVENTS);
    postcard_write_unsigned(call->out, reading.count);
    buffer_append_slice(call->out, buffer_slice(reading.out));
    buffer_append_byte(call->out, reading.count > 0);
    if (reading.count > 0) {
        postcard_write_unsigned(call->out, request->from_offset + reading.count);
    }
    return native_respond_end(call, start);
}

enum kmb_status native_stream_info(struct native_call *call) {
    const struct wire_stream_info_request *request = call->message->payload;
    struct wire_stream_info_response response;
    uint32_t stream;
    enum kmb_status status = native_stream_of(call, request->stream_id, &stream);
    if (status == KMB_OK) {
        status = kmb_stream_length(call->tenant->handle, stream, &response.length, &call->error);
    }
    return status == KMB_OK ? native_respond(call, WIRE_RESPONSE_STREAM_INFO, &response) : status;
}

static enum kmb_status list_streams(struct native_call *call, struct kernel_view *view) {
    uint32_t count = catalogue_stream_count(view->catalogue);
    struct wire_stream_info *streams = native_alloc(call, count, sizeof(*streams));
    if (streams == NULL) {
        return native_no_memory(call);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct stream_definition *stream = catalogue_stream_at(view->catalogue, i);
        streams[i] = (struct wire_stream_info){.stream_id = wire_id(call->tenant, stream->id.value),
                                               .name = stream->name,
                                               .data_class = (uint32_t)stream->data_class};
        enum kmb_status status = kernel_stream_length(view, stream->id, &streams[i].length, &call->error);
        if (status != KMB_OK) {
            return status;
        }
    }
    struct wire_streams_response response = {.streams = {count, streams}};
    return native_respond(call, WIRE_RESPONSE_STREAMS, &response);
}

enum kmb_status native_list_streams(struct native_call *call) {
    struct kernel_view *view = NULL;
    enum kmb_status status = session_view(call->tenant->session, &view, &call->error);
    if (status == KMB_OK) {
        status = list_streams(call, view);
    }
    kernel_view_close(view);
    return status;
}
