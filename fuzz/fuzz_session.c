/*
 * libFuzzer target: PostgreSQL's protocol as a machine, and behind it the engine, as two clients that say anything.
 *
 * The input is a conversation: {u8 which, u8 kind, u16 length, bytes}. which: the first or the second client, and
 * whether its machine is stepped at once or what comes next is sent with it. kind: a message of that type with the
 * right length around the bytes, the bytes as they are, or a new connection whose first packet they are. Whatever
 * comes, the machine makes progress, writes nothing but whole messages of a server, and answers a Sync by
 * ReadyForQuery. Statements run under a small timeout, in a tenant of the input's own; the database is made anew when
 * it has grown.
 */
#include "machine.h"
#include "server/internal.h"
#include "server/pg.h"
#include "wire/pg/message.h"

#define CLIENTS   2
#define STEPS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KIND_RAW, KIND_CONNECTION, KIND_FIRST_MESSAGE };

static const char kinds[] = {'Q', 'P', 'B', 'D', 'E', 'C', 'H', 'S', 'd', 'c', 'f', 'F', 'X', 'p'};

#define KIND_COUNT (KIND_FIRST_MESSAGE + sizeof(kinds))

static char directory[SCRATCH_SIZE];
static kmb_db *db;
static struct server *server;
static struct settings settings;
static uint32_t tenant; /* of this input alone: what others have left is not seen */

static void remove_all(void) {
    server_close(server);
    settings_free(&settings);
    must(kmb_close(db, NULL) == KMB_OK);
    (void)scratch_remove(directory);
    server = NULL;
    db = NULL;
    tenant = 0;
}

static void set(const char *key, const char *text) {
    const struct settings_row *row = settings_find(slice_text(key));
    must(row != NULL && settings_set(&settings, row, text, SETTING_OPTION, key, NULL) == KMB_OK);
}

static void make_all(void) {
    static bool registered;
    db = machine_database(directory);
    must(settings_init(&settings, NULL) == KMB_OK);
    set("server.listen", "127.0.0.1:0"); /* nobody comes */
    set("http.listen", "");
    set("log.file", "/dev/null");
    set("timeouts.statement", "200ms");
    must(server_open(&(struct server_options){.db = db, .settings = &settings}, &server, NULL) == KMB_OK);
    if (!registered) {
        registered = true;
        atexit(remove_all);
    }
}

/* --- a client ----------------------------------------------------------------------------------------------------- */

struct script {
    const uint8_t *data;
    size_t size;
    unsigned steps;
};

struct client {
    struct script *script;
    struct connection *connection;
    struct buffer input;
    struct buffer output;
    bool greeted; /* its answers are messages from now on */
    bool closed;
    unsigned ready; /* ReadyForQuery, so many */
};

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whole messages of types that a server sends; in front of the first one there may be refusals of TLS. */
static void read_output(struct client *client) {
    struct slice output = buffer_slice(&client->output);
    while (!client->greeted && output.length > 0 && output.bytes[0] == 'N' &&
           (output.length < 5 || read_u32(output.bytes + 1) > output.length - 1)) {
        output = slice_make(output.bytes + 1, output.length - 1);
    }
    while (output.length > 0) {
        must(output.length >= 5 && strchr("123ACDEGHIKNRSTVZcdnstvW", output.bytes[0]) != NULL);
        uint32_t length = read_u32(output.bytes + 1);
        must(length >= 4 && length < output.length);
        if (output.bytes[0] == 'Z') {
            must(length == 5 && strchr("ITE", output.bytes[5]) != NULL);
            client->ready++;
        }
        client->greeted = true;
        output = slice_make(output.bytes + length + 1, output.length - length - 1);
    }
    buffer_clear(&client->output);
}

static void consume(struct client *client, size_t count) {
    must(count <= client->input.length);
    if (count > 0) {
        memmove(client->input.bytes, client->input.bytes + count, client->input.length - count);
        client->input.length -= count;
    }
}

static void put(struct client *client, unsigned kind, struct slice bytes) {
    if (kind < KIND_FIRST_MESSAGE) {
        buffer_append_slice(&client->input, bytes);
    } else {
        size_t start = pg_begin(&client->input, kinds[kind - KIND_FIRST_MESSAGE]);
        buffer_append_slice(&client->input, bytes);
        pg_end(&client->input, start);
    }
}

/* The script's next line; false: it is over. */
static bool read_script(struct script *script, uint8_t *which, unsigned *kind, struct slice *bytes) {
    while (script->size >= 4 && script->steps++ < STEPS_MAX) {
        size_t length = (size_t)script->data[2] | (size_t)script->data[3] << 8;
        length = length < script->size - 4 ? length : script->size - 4;
        *which = script->data[0];
        *kind = script->data[1] % KIND_COUNT;
        *bytes = slice_make(script->data + 4, length);
        script->data += 4 + length;
        script->size -= 4 + length;
        if (!machine_avoids(*bytes)) {
            return true;
        }
    }
    return false;
}

/* Within a COPY the next line is its client's, whoever's it would be. */
static bool more(struct protocol_io *io) {
    struct client *client = io->context;
    uint8_t which;
    unsigned kind;
    struct slice bytes;
    read_output(client);
    if (!read_script(client->script, &which, &kind, &bytes)) {
        return false;
    }
    consume(client, io->consumed);
    io->consumed = 0;
    put(client, kind, bytes);
    io->input = buffer_slice(&client->input);
    return true;
}

static bool flush(struct protocol_io *io) {
    read_output(io->context);
    return true;
}

/* Goes as far as it can: until it wants more, waits for the other client, or ends. */
static void step(struct client *client) {
    for (unsigned steps = 0; !client->closed; steps++) {
        struct protocol_io io = {.input = buffer_slice(&client->input),
                                 .output = &client->output,
                                 .more = more,
                                 .flush = flush,
                                 .context = client};
        enum protocol_next next = pg_protocol.step(client->connection->machine, &io);
        must(steps < 1000);
        consume(client, io.consumed);
        read_output(client);
        if (next == PROTOCOL_COMMIT) {
            must(shard_wait(server->shard, io.durable_op, NULL) == KMB_OK);
            pg_protocol.synced(client->connection->machine);
            next = io.then;
        }
        client->closed = next == PROTOCOL_CLOSE;
        if (next == PROTOCOL_READ || next == PROTOCOL_WAIT) {
            return;
        }
        must(next != PROTOCOL_TLS);
    }
}

static void connect_client(struct client *client, struct script *script) {
    *client = (struct client){.script = script, .connection = connection_new(server, -1)};
    must(client->connection != NULL);
    client->connection->peer = (struct protocol_peer){
        .address = "fuzz", .source = slice_text("fuzz"), .local = true, .charge = &client->connection->charge};
    limits_charge(server->limits, NULL, NULL, &client->connection->charge);
    client->connection->state = CONNECTION_RUNNING; /* this thread has it */
    client->connection->protocol = &pg_protocol;
    client->connection->machine = pg_new(server, client->connection, &client->connection->peer);
    must(client->connection->machine != NULL);
}

static void say_hello(struct client *client) {
    uint8_t hello[64] = "\0\0\0\0\0\x03\0\0user\0fuzz\0database";
    size_t length = 27 + (size_t)snprintf((char *)hello + 27, sizeof(hello) - 29, "%u", tenant) + 2;
    hello[3] = (uint8_t)length;
    buffer_append(&client->input, hello, length);
    step(client);
    must(client->ready == 1 && !client->closed);
}

static void leave(struct client *client) {
    connection_end(client->connection);
    connection_free(client->connection);
    buffer_free(&client->input);
    buffer_free(&client->output);
}

/* A client that stands between two messages and waits for nobody is answered when it asks for that. */
static void leave_in_order(struct client *client) {
    step(client);
    if (!client->closed && client->greeted && client->input.length == 0 &&
        !pg_protocol.busy(client->connection->machine) && pg_protocol.welcome(client->connection->machine)) {
        unsigned before = client->ready;
        client->script->size = 0;
        put(client, KIND_FIRST_MESSAGE + 7, (struct slice){0}); /* Sync */
        step(client);
        must(client->ready == before + 1);
    }
    leave(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (db != NULL && machine_database_is_full(db)) {
        remove_all();
    }
    if (db == NULL) {
        make_all();
    }
    tenant = tenant == 0 ? 2 : tenant + 1;
    must(kmb_tenant_create(db, tenant, NULL, NULL) == KMB_OK);
    struct script script = {.data = data, .size = size};
    struct client clients[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        connect_client(&clients[i], &script);
        say_hello(&clients[i]);
    }
    uint8_t which;
    unsigned kind;
    struct slice bytes;
    while (read_script(&script, &which, &kind, &bytes)) {
        struct client *client = &clients[which % CLIENTS];
        if (client->closed || kind == KIND_CONNECTION) {
            leave(client);
            connect_client(client, &script);
            if (kind != KIND_CONNECTION) {
                say_hello(client);
            }
        }
        put(client, kind, bytes);
        if (which % 8 < 6) {
            step(client);
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        leave_in_order(&clients[i]);
    }
    return 0;
}
