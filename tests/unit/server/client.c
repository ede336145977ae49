#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

void connection_wake(struct connection *connection) {
    atomic_fetch_add(&connection->wakes, 1);
}

void connection_note_cancel(struct connection *connection) {
    atomic_store(&connection->mark, atomic_load(&connection->sent));
}

void client_open(struct client *client, kmb_db *db, struct native_service *service, uint64_t tenant) {
    struct protocol_peer peer = {.address = "127.0.0.1:1", .source = slice_text("127.0.0.1"), .local = true};
    *client = (struct client){.shard = api_shard(db), .tenant = tenant};
    arena_init(&client->arena, 0);
    client->machine = native_new(service, &peer, &client->connection);
    assert_non_null(client->machine);
}

void client_close(struct client *client) {
    native_protocol.free(client->machine);
    buffer_free(&client->input);
    buffer_free(&client->output);
    arena_free(&client->arena);
}

void client_put(struct client *client, struct slice bytes) {
    buffer_append_slice(&client->input, bytes);
    atomic_fetch_add(&client->connection.sent, bytes.length);
}

uint64_t client_send(struct client *client, uint32_t variant, const void *payload) {
    struct wire_message message = {.direction = WIRE_REQUEST,
                                   .request_id = ++client->next_id,
                                   .tenant_id = client->tenant,
                                   .variant = variant,
                                   .payload = (void *)(uintptr_t)payload};
    size_t start = frame_begin(&client->input);
    wire_message_encode(&client->input, &message);
    assert_true(frame_end(&client->input, start));
    atomic_fetch_add(&client->connection.sent, client->input.length - start);
    return client->next_id;
}

static bool was_cancelled(const struct protocol_io *io) {
    const struct connection *connection = &((const struct client *)io->context)->connection;
    return atomic_load(&connection->sent) - (io->input.length - io->consumed) < atomic_load(&connection->mark);
}

void client_step(struct client *client) {
    for (unsigned steps = 0; !client->closed; steps++) {
        struct buffer out = {0};
        struct protocol_io io = {.input = buffer_slice(&client->input),
                                 .output = &out,
                                 .ended = client->ended,
                                 .draining = client->draining,
                                 .cancelled = was_cancelled,
                                 .context = client};
        enum protocol_next next = native_protocol.step(client->machine, &io);
        assert_true(io.consumed <= client->input.length);
        memmove(client->input.bytes, client->input.bytes + io.consumed, client->input.length - io.consumed);
        client->input.length -= io.consumed;
        assert_true(out.length < PROTOCOL_OUTPUT_SOFT + WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX);
        buffer_append_slice(&client->output, buffer_slice(&out));
        buffer_free(&out);
        assert_true(steps < 100000); /* it comes to an end */
        if (next == PROTOCOL_COMMIT) {
            client->commits++;
            assert_int_equal(shard_wait(client->shard, io.durable_op, NULL), KMB_OK);
            native_protocol.synced(client->machine);
            next = io.then;
        }
        client->closed = next == PROTOCOL_CLOSE;
        if (next == PROTOCOL_READ) {
            return;
        }
    }
}

bool client_next(struct client *client, struct wire_message *message) {
    struct slice rest = slice_make(client->output.bytes + client->read, client->output.length - client->read);
    struct slice payload;
    size_t used;
    enum frame_result result = frame_read(rest, &payload, &used);
    if (result == FRAME_INCOMPLETE) {
        assert_int_equal(rest.length, 0);
        return false;
    }
    assert_int_equal(result, FRAME_WHOLE);
    payload = arena_dup_slice(&client->arena, payload);
    assert_int_equal(wire_message_decode(payload, &client->arena, message), POSTCARD_OK);
    assert_int_not_equal(message->direction, WIRE_REQUEST);
    client->read += used;
    if (client->read == client->output.length) {
        buffer_clear(&client->output);
        client->read = 0;
    }
    return true;
}

static struct wire_message answer(struct client *client, uint32_t variant, const void *payload) {
    struct wire_message message;
    uint64_t id = client_send(client, variant, payload);
    client_step(client);
    do {
        assert_true(client_next(client, &message));
    } while (message.direction == WIRE_PUSH);
    assert_true(message.request_id == id);
    return message;
}

static const char *text_of(struct client *client, struct slice text) {
    return arena_text(&client->arena, text);
}

const void *client_ask(struct client *client, uint32_t variant, const void *payload, uint32_t response) {
    struct wire_message message = answer(client, variant, payload);
    if (message.variant != response && message.variant == WIRE_RESPONSE_ERROR) {
        const struct wire_error_response *error = message.payload;
        fail_msg("error %u: %s", error->code, text_of(client, error->message));
    }
    if (message.variant != response && message.variant == WIRE_RESPONSE_ERROR_DETAIL) {
        const struct wire_error_detail_response *error = message.payload;
        fail_msg("error %u: %s", error->code, text_of(client, error->message));
    }
    assert_int_equal(message.variant, response);
    return message.payload;
}

const char *client_refused(struct client *client, uint32_t variant, const void *payload, uint32_t code) {
    struct wire_message message = answer(client, variant, payload);
    if (variant < WIRE_EXTENSION_FIRST) {
        assert_int_equal(message.variant, WIRE_RESPONSE_ERROR);
        const struct wire_error_response *error = message.payload;
        if (error->code != code) {
            fail_msg("error %u instead of %u: %s", error->code, code, text_of(client, error->message));
        }
        return text_of(client, error->message);
    }
    assert_int_equal(message.variant, WIRE_RESPONSE_ERROR_DETAIL);
    const struct wire_error_detail_response *error = message.payload;
    if (error->code != code) {
        fail_msg("error %u instead of %u: %s", error->code, code, text_of(client, error->message));
    }
    return text_of(client, error->message);
}

const struct wire_result *client_query(struct client *client, const char *sql) {
    struct wire_query_request query = {.sql = slice_text(sql)};
    return client_ask(client, WIRE_REQUEST_QUERY, &query, WIRE_RESPONSE_QUERY);
}

const char *client_cell(struct client *client, const struct wire_result *result, uint32_t row, uint32_t column) {
    assert_true(row < result->rows.count && column < result->rows.items[row].cells.count);
    const struct wire_value *value = &result->rows.items[row].cells.items[column];
    switch (value->tag) {
    case WIRE_VALUE_BIG_INT:
        return arena_printf(&client->arena, "%lld", (long long)value->as.big_int);
    case WIRE_VALUE_TEXT:
        return text_of(client, value->as.text);
    case WIRE_VALUE_BOOLEAN:
        return value->as.boolean ? "true" : "false";
    case WIRE_VALUE_TIMESTAMP:
        return arena_printf(&client->arena, "@%lld", (long long)value->as.timestamp);
    default:
        return "NULL";
    }
}

uint64_t client_stream(struct client *client, const char *name) {
    struct wire_create_stream_request request = {
        .name = slice_text(name), .data_class = WIRE_DATA_CLASS_PUBLIC, .placement = {.tag = WIRE_PLACEMENT_GLOBAL}};
    const struct wire_create_stream_response *made =
        client_ask(client, WIRE_REQUEST_CREATE_STREAM, &request, WIRE_RESPONSE_CREATE_STREAM);
    return made->stream_id;
}

uint64_t client_append(struct client *client, uint64_t stream, uint64_t offset, uint32_t count, ...) {
    struct slice events[16];
    va_list texts;
    va_start(texts, count);
    for (uint32_t i = 0; i < count; i++) {
        events[i] = slice_text(va_arg(texts, const char *));
    }
    va_end(texts);
    struct wire_append_events_request request = {
        .stream_id = stream, .events = {count, events}, .expected_offset = offset};
    const struct wire_append_events_response *appended =
        client_ask(client, WIRE_REQUEST_APPEND_EVENTS, &request, WIRE_RESPONSE_APPEND_EVENTS);
    assert_int_equal(appended->count, count);
    return appended->first_offset;
}
