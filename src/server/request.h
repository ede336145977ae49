/*
 * Requests of all protocols, as they are counted, timed and logged: a statement of a script, one execution of a portal,
 * one request of the native protocol or of the HTTP port.
 *
 *     request_begin()    when it is taken
 *     request_aim()      when its session and statement are known, where they were not
 *     request_done()     when its answer is made: a slow statement is logged, and what it came to is counted
 *     requests_synced()  when what the session has committed is durable: only then has a request ended that wrote
 *
 * The thread that runs the session calls; nothing waits.
 */
#ifndef KMB_SERVER_REQUEST_H
#define KMB_SERVER_REQUEST_H

#include "base/error.h"
#include "base/logging.h"
#include "server/statements.h"
#include "server/trace.h"

struct connection;
struct server;
struct session;

struct request {
    const char *method; /* static text; NULL: none goes on */
    struct slice text;  /* lives until request_done(); empty: it is no SQL */
    uint32_t tenant;
    int64_t begun_ns;
    int64_t ran_ns;
    uint64_t log_bytes;     /* that the session had written before */
    int64_t prepared_ns;    /* parsed and planned, where that is traced; 0: before it began */
    enum kmb_status status; /* why it failed, where that is known */
    struct statements_place place;
    struct trace_record *trace; /* NULL: it is not traced */
};

/* Requests of one session that wait for a sync; what is beyond is counted when it has run. */
#define REQUESTS_WAITING_MAX 8

/* Whose requests they are. Texts and session live as long as this. */
struct request_source {
    struct server *server;
    struct session *session; /* NULL: none yet */
    uint32_t tenant;         /* 0: none yet */
    const char *user;
    const char *peer;              /* address */
    struct connection *connection; /* NULL: of the HTTP port */
    uint64_t count;                /* of requests begun */
    struct trace_context trace;    /* who asks, where that is said beside the statement */
    bool secret;                   /* the newest one's text may hold a password: the log shows nothing of it */
    struct request waiting[REQUESTS_WAITING_MAX];
    unsigned waiting_count;
};

void request_begin(struct request_source *source, struct request *request, const char *method, struct slice text);
void request_aim(struct request_source *source, struct request *request, struct session *session, uint32_t tenant,
                 struct slice text);
/* Its statement is parsed and planned. */
void request_prepared(const struct request_source *source, struct request *request);
/* Nothing happens when it has ended already, or never begun. */
void request_done(struct request_source *source, struct request *request, uint64_t rows, bool succeeded);
void requests_synced(struct request_source *source);
/* A statement is parsed and planned, and nothing else: no request. Answers when it began, 0 where nothing is traced. */
int64_t request_parse_begin(const struct request_source *source);
void request_parse_end(const struct request_source *source, struct slice text, int64_t begun_ns,
                       enum kmb_status status);
/* It is left for later: nothing is counted. */
void request_drop(const struct request_source *source, struct request *request);
/* A client is told of an error: counts it and, where it is of interest, logs it. fatal: it ends the session. */
void request_error(const struct request_source *source, bool fatal, const struct kmb_error *error);

#endif
