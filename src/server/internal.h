/* What the files of the server share. Nobody else includes this. */
#ifndef KMB_SERVER_INTERNAL_H
#define KMB_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "engine/statement.h"
#include "server/activity.h"
#include "server/authenticate.h"
#include "server/http.h"
#include "server/limits.h"
#include "server/metrics.h"
#include "server/protocol.h"
#include "server/server.h"
#include "server/statements.h"
#include "server/tls.h"
#include "server/trace.h"

#define SERVER_LISTENERS_MAX 64

/* What one recv() takes at most: the size of a thread's own buffer. */
#define CONNECTION_RECEIVE_BYTES ((size_t)64 << 10)

/*
 * Where a connection is. It belongs to whoever the state says; changes are made under server.lock.
 */
enum connection_state {
    CONNECTION_WAITING, /* for its socket: the loop's */
    CONNECTION_READY,   /* in the list of those to be stepped */
    CONNECTION_RUNNING, /* some thread steps it */
    CONNECTION_PARKED,  /* its output waits for durable_op */
    CONNECTION_BLOCKED, /* its machine waits for another session */
    CONNECTION_CLOSED,  /* its poll handle is being closed: the loop's */
};

struct connection {
    struct server *server;
    enum connection_state state;
    struct connection *next;  /* in the list that it stands in */
    struct connection *newer; /* of all connections, by age; under server.lock */
    struct connection *older;

    uv_poll_t poll; /* the loop's */
    int events;     /* that the poll asks for; the loop's */
    int fd;
    atomic_bool woken;   /* connection_wake() came while it was not waiting */
    bool quiet;          /* the loop has stopped polling, since bytes came for nobody; under lock */
    atomic_bool expired; /* its time is over: the machine is to say so and end */

    _Atomic uint64_t received; /* bytes; this and the next three are told to others */
    _Atomic uint64_t sent;
    _Atomic uint64_t requests;
    _Atomic uint64_t errors;
    struct tls *tls;                   /* NULL: in clear */
    _Atomic(const char *) tls_version; /* static text, once the handshake is over; NULL: none */
    _Atomic(const char *) tls_cipher;
    bool handshaking;
    const struct protocol *protocol; /* NULL: not known yet */
    void *machine;
    struct buffer input; /* received and not consumed; from input_at on */
    size_t input_at;
    struct buffer output; /* made and not sent; from output_at on */
    size_t output_at;
    enum protocol_next next_step;
    int next_want; /* of enum connection_want, while it stands in server.done */
    uint64_t durable_op;
    enum protocol_next then; /* once that is durable */
    bool ended;              /* the client sends no more */
    bool broken;             /* the socket failed: nothing can be sent */
    bool wants_write;        /* TLS has to write before it can read */
    uint64_t cost_ns;        /* of a step, as the last ones were */
    unsigned changes;        /* above 0: it has changed something of late */
    int64_t active_ns;       /* when it was last stepped, or opened */
    int64_t opened_ns;
    int64_t opened_us; /* the same of the clock on the wall */

    atomic_bool sending; /* some bytes of a message are on their way: nobody else may send */
    bool sends;          /* that is by the thread that has it RUNNING, or had */
    atomic_bool greeted; /* a client of PostgreSQL's protocol has been told that its session stands */
    bool hastened;       /* hangup_hasten(); this and the next two are of connection_watch() */
    int64_t half_ns;     /* when its client was first seen to send no more; 0: not yet */
    int64_t probed_ns;   /* when it was asked last whether it reads */

    struct charge charge;              /* its buffers, and what its session has */
    uint64_t buffers_bytes;            /* of that, the buffers */
    struct limits_party *tenant_party; /* once it has logged in; NULL: its machine keeps them itself */

    struct kmb_error *refusal; /* NULL: it is let in; else it does not count among limits.connections */
    struct protocol_peer peer;
    char address[80];
    char source[64]; /* the same without port and brackets */
    char own_address[64];
    atomic_bool terminated;       /* pg_terminate_backend() */
    atomic_bool receiving;        /* bytes are between the socket and `received` */
    _Atomic uint64_t cancel_mark; /* bytes that the client had sent when it was cancelled last; set under lock */
    unsigned sessions;            /* that stand on it; under lock */
    struct activity activity;     /* of a PostgreSQL session */
    uint32_t number;              /* from 1, of this server */
    uint8_t cancel_key[32];       /* whoever knows it may cancel what runs here; under lock */
    uint32_t cancel_key_length;
};

struct connection_list {
    struct connection *first;
    struct connection *last;
    size_t count;
};

struct listener {
    uv_poll_t poll;
    struct server *server;
    int fd;
    bool unix_socket;
    bool polled;
    char path[108]; /* of a Unix socket, removed when closed */
};

enum worker_state { WORKER_NONE, WORKER_LIVES, WORKER_ENDED };

#define WORKER_SPARES 64

/* A place for a thread of the crew. */
struct worker {
    struct server *server;
    enum worker_state state; /* under lock */
    pthread_t thread;
    bool gathers;                        /* what it steps is sent later, together */
    struct buffer spares[WORKER_SPARES]; /* output memory to lend to connections that are stepped */
    unsigned spare_count;
    uint8_t *receive; /* CONNECTION_RECEIVE_BYTES */
};

struct server {
    kmb_db *db;
    struct shard *shard;
    struct native_service *native; /* what its native connections share */
    struct logger logger;
    struct server_options options;
    _Atomic(const struct settings *) settings; /* a reload puts others in its place */
    struct reload_settings *reloaded;          /* those that reloads have read, the newest first */
    unsigned threads_max; /* without those that are lent, and whoever stands by when all of them are busy */
    unsigned lent_max;
    unsigned worker_count;             /* of workers */
    _Atomic(struct tls_context *) tls; /* NULL: none is spoken */
    struct authenticator *authenticator;
    struct sql_server face; /* what sessions see of it */
    struct metrics metrics;
    struct statements *statements;
    struct tracer *tracer; /* NULL: nothing is traced */
    struct limits *limits;
    struct http *http; /* NULL: none */

    uv_loop_t loop; /* of the thread that has it: loop_owner */
    uv_async_t nudge;
    uv_timer_t tick;
    uv_timer_t blocked_tick; /* runs while blocked_count is above 0: looks after those who are blocked */
    uv_signal_t signals[3];
    unsigned signal_count;
    struct listener listeners[SERVER_LISTENERS_MAX];
    unsigned listener_count;
    unsigned port;
    int spare_fd; /* given up for a moment to refuse a client when there are no more descriptors */

    pthread_mutex_t lock;
    pthread_cond_t work;               /* idle workers wait here */
    pthread_cond_t standby;            /* but for the one that stands by */
    struct worker *loop_owner;         /* NULL: the loop is free */
    bool loop_sleeps;                  /* its owner waits for events: nudge it */
    _Atomic int64_t stepping_since_ns; /* the owner of the loop steps a connection since then; 0: it does not */
    struct connection_list ready;
    struct connection_list heavy;  /* ready, and likely to take long: for any thread but the loop's */
    struct connection_list done;   /* stepped by threads without the loop: their polls are to be set */
    struct connection_list unsent; /* stepped, and their output is to be sent */
    struct connection_list parked; /* by durable_op */
    unsigned blocked_count;        /* of the connections */
    bool blocked_watched;          /* blocked_tick runs */
    struct connection *newest;
    struct activity *activities; /* of all sessions, the newest first */
    unsigned connection_count;
    unsigned refused_count; /* of the connections, those that are only to be told why */
    uint32_t connection_next;
    unsigned thread_count;
    unsigned starting_count; /* of the threads: they do nothing yet */
    unsigned lent_count;     /* of the threads: each waits within a step, for long perhaps */
    unsigned idle_count;
    bool standing_by;    /* one of the idle watches the owner of the loop */
    bool standby_sleeps; /* but has nothing to watch */
    bool sharing;        /* idle workers may take from the ready ones */
    int64_t worked_ns;   /* when something was ready last */
    atomic_bool stop_asked;
    atomic_bool reload_asked;  /* by SQL */
    _Atomic int64_t loaded_us; /* when the settings were read */
    atomic_bool draining;
    bool stopping; /* the crew is to end */
    _Atomic int64_t drain_until_ns;
    struct worker *workers;

    pthread_t flusher;
    pthread_cond_t flush;
    bool flusher_sleeps;
    int64_t flush_ns; /* of a commit, as the last ones were */
    bool rounding;    /* the loop's owner steps one connection after the other: the flusher waits for their commits */
    bool flush_due;   /* the loop's owner has left the flusher asleep: it leads itself, or wakes it */
    const struct connection *last_run; /* only to be compared */
    unsigned same_count;               /* so many steps in a row were its */
    unsigned change_count;             /* so many steps in a row were of connections that change something */
    bool fatal;
    struct kmb_error fatal_error;
};

/* --- connection.c --- */

/* What is to become of a connection after it was run. */
enum connection_want {
    CONNECTION_WANT_READ,
    CONNECTION_WANT_WRITE,
    CONNECTION_WANT_SEND, /* its output, with that of others: connection_send() */
    CONNECTION_WANT_DURABLE,
    CONNECTION_WANT_WAIT, /* until it is woken, or BLOCKED_TICK_MS are over */
    CONNECTION_WANT_RUN,  /* there is more to do at once: let others go first */
    CONNECTION_WANT_CLOSE,
};
/* Makes one for an accepted socket; NULL: no memory (the socket is closed). */
struct connection *connection_new(struct server *server, int fd);
void connection_free(struct connection *connection); /* closes the socket */
/* A line of the log, at its finest level. */
void connection_log(const struct connection *connection, const char *event);
/* Sends, receives, steps: as far as it goes without waiting. By the thread that has it RUNNING. */
enum connection_want connection_run(struct connection *connection, struct worker *worker);
/* After CONNECTION_WANT_SEND, and after CONNECTION_WANT_DURABLE when it is durable. */
enum connection_want connection_send(struct connection *connection, struct worker *worker);
/* Frees the machine, which may take long (a transaction is rolled back): not within the loop. By the thread that has it
 * RUNNING. */
void connection_end(struct connection *connection);
int64_t server_now_ns(const struct server *server);
/* Cancels what runs for a client that is gone: now and then, under the lock, while it is RUNNING or BLOCKED. */
void connection_watch(struct connection *connection, int64_t now_ns);
/* Draws the key that server_cancel() asks for. */
void connection_make_key(struct connection *connection, uint32_t length);
/* Cancels what runs on the connection of that number, if the key is its own. */
void server_cancel(struct server *server, uint32_t number, struct slice key);

/* --- reload.c --- */

/* SIGHUP: the loop's thread. */
void server_reload(struct server *server);
/* Opens what log.file and log.format say. */
enum kmb_status reload_open_log(struct server *server, struct kmb_error *error);
void reload_free(struct server *server);
struct tls_settings reload_tls_settings(const struct settings *settings);

/* --- face.c --- */

/* What the server's sessions see of it. */
struct sql_server face_make(struct server *server);

/* --- tenant.c --- */

/* The tenant of a database's name: its name, its number, "kimberlite" or "postgres" for the first. 0: none. */
uint32_t server_find_tenant(struct shard *shard, const char *name);

/* --- crew.c --- */

void crew_list_push(struct connection_list *list, struct connection *connection);
struct connection *crew_list_pop(struct connection_list *list);
/* The machine is to be stepped: under the lock, when it stands WAITING. */
void crew_ready(struct connection *connection);
/* connection_wake() by somebody who has the lock. */
void crew_wake(struct connection *connection);
/* Notes, under the lock, how much the client has sent by now: that is what a cancellation is of. Whatever runs is the
 * machine's to cancel. */
void crew_cancel(struct connection *connection);
/* Makes blocked_tick. false: no memory. */
bool crew_init_timers(struct server *server);
/* Cancels what runs, on every connection; under the lock. */
void server_cancel_running(struct server *server);
/* A step is going to wait for long: whoever has the loop gives it to another. */
void crew_leave_loop(struct server *server, struct worker *worker);
/* The calling thread is going to wait within its step, and others are made in its place; false: too many do. */
bool crew_lend(struct server *server);
void crew_take_back(struct server *server);
/* Runs workers, this thread among them, until server.stopping; then all others have ended. */
enum kmb_status crew_run(struct server *server, struct kmb_error *error);
/* Sets what the poll asks for; the loop's owner alone. */
void crew_poll(struct connection *connection, int events);
/* Ends it: the loop's owner alone. */
void crew_close(struct connection *connection);

/* --- listener.c --- */

enum kmb_status listener_open(struct server *server, struct kmb_error *error);
enum kmb_status listener_start(struct server *server, struct kmb_error *error);
void listener_stop(struct server *server);
/* A socket that listens at the first address of a text, which is the caller's, and its port. */
enum kmb_status listener_socket(struct server *server, const char *text, int *fd, unsigned *port,
                                struct kmb_error *error);
/* Writes down where a client is: address, source, and whether it is local. */
void listener_describe(const struct sockaddr_storage *address, struct connection *connection);

#endif
