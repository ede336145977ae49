/*
 * libFuzzer target: the native protocol's machine, and behind it the engine, as a client that says anything.
 *
 * The input is a conversation: {u8 mode, u16 length, bytes}. The bytes are a message's payload, framed with the right
 * checksum, or, by the mode, raw bytes, or the first half of a frame whose rest comes with the next. Some steps free
 * the machine and begin another. Whatever comes, the machine makes progress, and writes nothing but frames of responses
 * and pushes. Statements run under a small timeout; the database is made anew when it has grown.
 */
#include "machine.h"
#include "server/native.h"
#include "wire/extension.h"
#include "wire/frame.h"

#define STEPS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[SCRATCH_SIZE];
static kmb_db *db;
static struct native_service *service;

void connection_wake(struct connection *connection) {
    (void)connection;
}

void connection_note_cancel(struct connection *connection) {
    (void)connection;
}

static void remove_database(void) {
    native_service_free(service);
    must(kmb_close(db, NULL) == KMB_OK);
    (void)scratch_remove(directory);
    service = NULL;
    db = NULL;
}

static void make_database(void) {
    static bool registered;
    db = machine_database(directory);
    must(native_service_new(&(struct native_options){.db = db}, &service, NULL) == KMB_OK);
    if (!registered) {
        registered = true;
        atexit(remove_database);
    }
}

struct talk {
    void *machine;
    struct buffer input;
    bool closed;
};

static void *machine_new(void) {
    struct protocol_peer peer = {.address = "fuzz", .source = slice_text("fuzz"), .local = true};
    void *machine = native_new(service, &peer, NULL);
    must(machine != NULL);
    return machine;
}

static void read_output(struct slice output) {
    while (output.length > 0) {
        struct slice payload;
        struct arena arena;
        struct wire_message message;
        size_t used;
        must(frame_read(output, &payload, &used) == FRAME_WHOLE);
        arena_init(&arena, 0);
        must(wire_message_decode(payload, &arena, &message) == POSTCARD_OK);
        must(message.direction == WIRE_RESPONSE || message.direction == WIRE_PUSH);
        arena_free(&arena);
        output = slice_make(output.bytes + used, output.length - used);
    }
}

static void step(struct talk *talk) {
    for (unsigned steps = 0; !talk->closed; steps++) {
        struct buffer out = {0};
        struct protocol_io io = {.input = buffer_slice(&talk->input), .output = &out};
        enum protocol_next next = native_protocol.step(talk->machine, &io);
        must(io.consumed <= talk->input.length && steps < 1000);
        if (io.consumed > 0) {
            memmove(talk->input.bytes, talk->input.bytes + io.consumed, talk->input.length - io.consumed);
            talk->input.length -= io.consumed;
        }
        read_output(buffer_slice(&out));
        buffer_free(&out);
        if (next == PROTOCOL_COMMIT) {
            must(shard_wait(api_shard(db), io.durable_op, NULL) == KMB_OK);
            native_protocol.synced(talk->machine);
            next = io.then;
        }
        talk->closed = next == PROTOCOL_CLOSE;
        if (next == PROTOCOL_READ) {
            return;
        }
    }
}

static void begin(struct talk *talk) {
    *talk = (struct talk){.machine = machine_new()};
    struct slice timeout = slice_text("SET statement_timeout = 200");
    struct wire_query_request query = {.sql = timeout};
    struct wire_message message = {
        .direction = WIRE_REQUEST, .tenant_id = 1, .variant = WIRE_REQUEST_QUERY, .payload = &query};
    size_t start = frame_begin(&talk->input);
    wire_message_encode(&talk->input, &message);
    must(frame_end(&talk->input, start));
    step(talk);
}

static void end(struct talk *talk) {
    native_protocol.free(talk->machine);
    buffer_free(&talk->input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (db != NULL && machine_database_is_full(db)) {
        remove_database();
    }
    if (db == NULL) {
        make_database();
    }
    struct talk talk;
    begin(&talk);
    for (unsigned steps = 0; size >= 3 && steps < STEPS_MAX; steps++) {
        uint8_t mode = data[0];
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        length = length < size - 3 ? length : size - 3;
        struct slice bytes = slice_make(data + 3, length);
        data += 3 + length;
        size -= 3 + length;
        if (machine_avoids(bytes)) {
            continue;
        }
        if (mode % 8 == 7) {
            buffer_append_slice(&talk.input, bytes);
        } else {
            size_t start = frame_begin(&talk.input);
            buffer_append_slice(&talk.input, bytes);
            must(frame_end(&talk.input, start));
        }
        if (mode % 8 != 6) {
            step(&talk);
        }
        if (talk.closed) {
            end(&talk);
            begin(&talk);
        }
    }
    end(&talk);
    return 0;
}
