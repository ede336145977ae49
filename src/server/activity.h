/*
 * Sessions, as they are shown to others: who is there and does what, and how to end it. Whatever protocol a session is
 * of, it notes what it does as it goes, under the server's lock; so whoever asks stops nobody.
 *
 * A struct activity belongs to whoever begins it, and is changed by the thread that runs the session alone.
 */
#ifndef KMB_SERVER_ACTIVITY_H
#define KMB_SERVER_ACTIVITY_H

#include "base/error.h"
#include "base/slice.h"

struct connection;
struct server;

struct activity {
    struct activity *newer; /* of the server's; all is under its lock */
    struct activity *older;
    uint64_t session; /* 0: none stands */
    uint32_t tenant;
    const char *protocol;          /* static text */
    struct connection *connection; /* NULL: of the HTTP port */
    void (*cancel)(void *context); /* ends what runs; under the lock, from any thread */
    void *context;
    char user[64];
    char database[64];
    char application[64];
    char address[80]; /* "127.0.0.1:50312"; "unix" */
    int64_t begun_us;
    int64_t transaction_us;
    int64_t query_us;
    int64_t state_us;
    const char *state; /* static text */
    char *query;
    size_t query_length;
    size_t query_room;
};

struct identity;
/*
 * A session stands: session, tenant, protocol, connection, cancel and context are filled in; texts are copied.
 * KMB_TOO_MANY_CONNECTIONS: the user has as many sessions as it may. It must end.
 */
enum kmb_status activity_begin(struct server *server, struct activity *activity, const struct identity *identity,
                               const char *database, const char *address, struct kmb_error *error);
/* Another user speaks. */
void activity_name(struct server *server, struct activity *activity, const char *user);
/* Nobody sees or cancels it any more. One that has not begun is fine. */
void activity_end(struct server *server, struct activity *activity);
/* A statement begins. */
void activity_query(struct server *server, struct activity *activity, struct slice text);
/* What it does now (static text). */
void activity_state(struct server *server, struct activity *activity, const char *state, const char *application,
                    bool in_transaction);

#endif
