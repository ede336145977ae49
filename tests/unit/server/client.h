/*
 * A client of the native protocol without a socket: what it sends goes into the machine's input, what the machine
 * answers is read as messages. Commits are waited for where the machine says so, as the listener does.
 */
#ifndef TESTS_SERVER_CLIENT_H
#define TESTS_SERVER_CLIENT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "engine/statement.h"
#include "server/native.h"
#include "wire/extension.h"
#include "wire/frame.h"

/* The listener's, for tests: counts its wakes. */
struct connection {
    atomic_uint wakes;
    _Atomic uint64_t sent; /* bytes, by the client */
    _Atomic uint64_t mark; /* of them, when it was cancelled last */
};

struct client {
    struct shard *shard;
    void *machine;
    struct connection connection;
    struct buffer input; /* sent, and not consumed */
    struct buffer output;
    size_t read;        /* of output */
    struct arena arena; /* of what was read */
    uint64_t next_id;
    uint64_t tenant;
    unsigned commits; /* waited for */
    bool ended;
    bool draining;
    bool closed;
};

void client_open(struct client *client, kmb_db *db, struct native_service *service, uint64_t tenant);
void client_close(struct client *client);
/* Bytes as they are; the machine is not stepped. */
void client_put(struct client *client, struct slice bytes);
/* A request; answers its id. */
uint64_t client_send(struct client *client, uint32_t variant, const void *payload);
/* Steps the machine until it wants more input. */
void client_step(struct client *client);
/* The next message of the output; false: there is none. */
bool client_next(struct client *client, struct wire_message *message);
/* Sends, steps and reads the one answer, whose variant must be as given. Its payload. */
const void *client_ask(struct client *client, uint32_t variant, const void *payload, uint32_t response);
/* The same, for a request that must be refused with this code; answers the text. */
const char *client_refused(struct client *client, uint32_t variant, const void *payload, uint32_t code);

/* --- shorthand --- */
const struct wire_result *client_query(struct client *client, const char *sql);
/* One cell as text: "NULL", "42", "true", "@123" for a timestamp. */
const char *client_cell(struct client *client, const struct wire_result *result, uint32_t row, uint32_t column);
uint64_t client_stream(struct client *client, const char *name);
/* Appends texts at an offset; the answer's first offset. */
uint64_t client_append(struct client *client, uint64_t stream, uint64_t offset, uint32_t count, ...);

#endif
