/*
 * What only a server knows of its sessions, as the catalogue's views and functions ask for it.
 *
 * What is told is a list in one piece of memory, texts included, which whoever asked gives back with mem_free(): so
 * nothing of the server's is held while rows are made of it. tenant: of the session that asks. `all`: of every
 * tenant, for an operator.
 */
#ifndef KMB_SQL_SERVER_H
#define KMB_SQL_SERVER_H

#include "base/buffer.h"

/* The tenant whose superusers are operators: they see the whole server. */
#define TENANT_OPERATOR 1

struct sql_address {
    const char *client; /* numeric; NULL: a Unix socket */
    int32_t client_port;
    const char *server;
    int32_t server_port;
};

/* A session, for pg_stat_activity. Times 0: none. */
struct sql_activity {
    uint64_t session;
    uint32_t tenant;
    const char *protocol; /* static text: "postgresql", "native", "http" */
    struct slice user;
    struct slice database;
    struct slice application;
    struct slice client; /* numeric address; empty: a Unix socket */
    int32_t client_port;
    int64_t begun_us;
    int64_t transaction_us;
    int64_t query_us;
    int64_t state_us;
    const char *state; /* static text: "active", "idle", "idle in transaction", "idle in transaction (aborted)" */
    bool committing;   /* waits for a sync */
    bool query_hidden; /* it is of another tenant */
    struct slice query;
};

/* A connection, and a session on it: of the native protocol there may be several. */
struct sql_connection {
    uint32_t number;      /* of this server, from 1 */
    uint64_t session;     /* 0: none yet */
    uint32_t tenant;      /* 0: none yet */
    const char *protocol; /* static text, as all that follow; NULL: not known yet */
    struct slice user;
    struct slice client; /* numeric address; empty: a Unix socket */
    int32_t client_port;
    const char *state;       /* "handshaking", "authenticated", "closing" */
    const char *tls_version; /* NULL: in clear */
    const char *tls_cipher;
    int64_t begun_us;
    uint64_t received; /* bytes, as the network has them but for TLS's own */
    uint64_t sent;
    uint64_t requests;
    uint64_t errors; /* that it was told of */
};

/* Statements that are one without their literals, of one user; all times in ms. */
struct sql_statement_figures {
    uint32_t tenant;
    struct slice user;
    struct slice text; /* with $1, $2 for its literals */
    int64_t id;        /* of the text: the same after a restart */
    uint64_t calls;
    uint64_t errors;
    uint64_t rows; /* given or changed */
    double total;
    double least;
    double most;
    double mean;
    double deviation;
    double median;
    double p95;
    double p99;
    uint64_t log_bytes;
    uint64_t syncs; /* that calls have waited for */
    double sync_total;
    int64_t first_us;
    int64_t last_us;
};

/*
 * NULL in struct sql_host: no server. context: its own. A session is known by the number that pg_backend_pid() gives,
 * host->session. Called on the session's thread, while it runs.
 */
struct sql_server {
    void *context;
    /* Of the same tenant; false: there is none of that number. */
    bool (*cancel)(void *context, uint32_t tenant, uint64_t session);
    bool (*terminate)(void *context, uint32_t tenant, uint64_t session);
    /* Ends the sessions of a tenant that is no more; what runs in those that speak for others, too, is cancelled. */
    void (*evict)(void *context, uint32_t tenant);
    void (*address)(void *context, uint32_t tenant, uint64_t session, struct sql_address *address);
    /* NULL: no memory. */
    struct sql_activity *(*activity)(void *context, uint32_t tenant, bool all, size_t *count);
    struct sql_connection *(*connections)(void *context, uint32_t tenant, bool all, size_t *count);
    struct sql_statement_figures *(*statements)(void *context, uint32_t tenant, bool all, size_t *count);
    void (*statements_reset)(void *context, uint32_t tenant);
    /* Appends the server's numbers, as Prometheus reads them. */
    void (*metrics)(void *context, struct buffer *out);
    /* As SIGHUP does. */
    void (*reload)(void *context);
    int64_t (*loaded_us)(void *context); /* when that was done last */
    /* The calling thread is going to wait for others, and has waited. false: so many do already that nobody would be
     * left to serve those they wait for. */
    bool (*wait)(void *context);
    void (*waited)(void *context);
    int64_t started_us;
};

#endif
