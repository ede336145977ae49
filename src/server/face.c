/*
 * What a server tells its sessions of the others. Sessions are known by the number that pg_backend_pid() gives; one
 * sees those of its own tenant alone, but for an operator, who is shown that others are there and not what they ask.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/internal.h"
#include "server/pg.h"

/* A session by its number, as another one of the tenant may see it. Under the lock. */
static struct activity *find(struct server *server, uint32_t tenant, uint64_t session) {
    struct activity *at = server->activities;
    while (at != NULL && (at->session != session || at->tenant != tenant)) {
        at = at->older;
    }
    return at;
}

static bool cancel(void *context, uint32_t tenant, uint64_t session) {
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    struct activity *found = find(server, tenant, session);
    if (found != NULL) {
        if (found->connection != NULL) {
            crew_cancel(found->connection);
        }
        found->cancel(found->context);
    }
    pthread_mutex_unlock(&server->lock);
    return found != NULL;
}

static void evict(void *context, uint32_t tenant) {
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    for (struct activity *at = server->activities; at != NULL; at = at->older) {
        if (at->tenant != tenant || at->session == 0) {
            continue;
        }
        if (at->connection != NULL && at->connection->protocol == &pg_protocol) {
            atomic_store(&at->connection->terminated, true);
            crew_wake(at->connection);
        }
        at->cancel(at->context);
    }
    pthread_mutex_unlock(&server->lock);
    statements_reset(server->statements, tenant);
}

static bool terminate(void *context, uint32_t tenant, uint64_t session) {
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    struct activity *found = find(server, tenant, session);
    if (found != NULL && found->connection != NULL) {
        atomic_store(&found->connection->terminated, true);
        crew_wake(found->connection);
    }
    if (found != NULL) {
        found->cancel(found->context);
    }
    pthread_mutex_unlock(&server->lock);
    return found != NULL;
}

/* The port behind an address's last colon; 0: none. */
static int32_t port_of(const char *address) {
    const char *colon = strrchr(address, ':');
    return colon == NULL ? 0 : (int32_t)strtol(colon + 1, NULL, 10);
}

static void tell_address(void *context, uint32_t tenant, uint64_t session, struct sql_address *out) {
    struct server *server = context;
    *out = (struct sql_address){0};
    pthread_mutex_lock(&server->lock);
    struct activity *found = find(server, tenant, session);
    if (found != NULL && found->connection != NULL && port_of(found->address) != 0) {
        out->client = found->connection->source; /* lives as long as the session that asks */
        out->client_port = port_of(found->address);
        out->server = found->connection->own_address;
        out->server_port = (int32_t)server->port;
    }
    pthread_mutex_unlock(&server->lock);
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static struct slice copy_text(uint8_t **to, const void *text, size_t length) {
    struct slice copy = slice_make(*to, length);
    if (length > 0) {
        memcpy(*to, text, length);
    }
    *to += length;
    return copy;
}

/* An address without its port and the brackets of IPv6; empty of a Unix socket. */
static struct slice host_of(const char *address) {
    const char *colon = strrchr(address, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - address);
    bool brackets = length > 2 && address[0] == '[';
    return slice_make(address + brackets, brackets ? length - 2 : length);
}

static size_t texts_of(const struct activity *is) {
    return strlen(is->user) + strlen(is->database) + strlen(is->application) + strlen(is->address) + is->query_length;
}

static struct sql_activity told(const struct activity *is, bool query, uint8_t **texts) {
    struct slice host = host_of(is->address);
    return (struct sql_activity){
        .session = is->session,
        .tenant = is->tenant,
        .protocol = is->protocol,
        .user = copy_text(texts, is->user, strlen(is->user)),
        .database = copy_text(texts, is->database, strlen(is->database)),
        .application = copy_text(texts, is->application, strlen(is->application)),
        .client = copy_text(texts, host.bytes, host.length),
        .client_port = port_of(is->address),
        .begun_us = is->begun_us,
        .transaction_us = is->transaction_us,
        .query_us = is->query_us,
        .state_us = is->state_us,
        .state = is->state,
        .committing = is->connection != NULL && is->connection->state == CONNECTION_PARKED,
        .query = query ? copy_text(texts, is->query, is->query_length) : (struct slice){0},
        .query_hidden = !query,
    };
}

static struct sql_activity *activity(void *context, uint32_t tenant, bool all, size_t *count) {
    struct server *server = context;
    size_t sessions = 0;
    size_t bytes = 0;
    *count = 0;
    pthread_mutex_lock(&server->lock);
    for (const struct activity *at = server->activities; at != NULL; at = at->older) {
        sessions += all || at->tenant == tenant;
        bytes += texts_of(at);
    }
    struct sql_activity *list = mem_alloc(sessions * sizeof(*list) + bytes + 1);
    uint8_t *texts = list == NULL ? NULL : (uint8_t *)(list + sessions);
    for (const struct activity *at = server->activities; at != NULL && list != NULL; at = at->older) {
        if (all || at->tenant == tenant) {
            list[(*count)++] = told(at, at->tenant == tenant, &texts);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return list;
}

static const char *state_of(const struct connection *connection, const struct activity *is) {
    return connection->state == CONNECTION_CLOSED ? "closing" : is == NULL ? "handshaking" : "authenticated";
}

/* is NULL: no session stands on it yet. */
static struct sql_connection told_connection(const struct connection *connection, const struct activity *is,
                                             uint8_t **texts) {
    struct slice host = host_of(connection->address);
    return (struct sql_connection){
        .number = connection->number,
        .session = is == NULL ? 0 : is->session,
        .tenant = is == NULL ? 0 : is->tenant,
        .protocol = is == NULL ? NULL : is->protocol,
        .user = is == NULL ? (struct slice){0} : copy_text(texts, is->user, strlen(is->user)),
        .client = copy_text(texts, host.bytes, host.length),
        .client_port = port_of(connection->address),
        .state = state_of(connection, is),
        .tls_version = atomic_load(&connection->tls_version),
        .tls_cipher = atomic_load(&connection->tls_cipher),
        .begun_us = connection->opened_us,
        .received = atomic_load_explicit(&connection->received, memory_order_relaxed),
        .sent = atomic_load_explicit(&connection->sent, memory_order_relaxed),
        .requests = atomic_load_explicit(&connection->requests, memory_order_relaxed),
        .errors = atomic_load_explicit(&connection->errors, memory_order_relaxed),
    };
}

static struct sql_connection *connections(void *context, uint32_t tenant, bool all, size_t *count) {
    struct server *server = context;
    size_t most = 0;
    *count = 0;
    pthread_mutex_lock(&server->lock);
    for (const struct activity *at = server->activities; at != NULL; at = at->older) {
        most++;
    }
    most += server->connection_count;
    struct sql_connection *list = mem_alloc(
        most * (sizeof(*list) + sizeof(((struct activity *)0)->user) + sizeof(((struct activity *)0)->address)) + 1);
    uint8_t *texts = list == NULL ? NULL : (uint8_t *)(list + most);
    for (const struct activity *at = server->activities; at != NULL && list != NULL; at = at->older) {
        if (at->connection != NULL && (all || at->tenant == tenant)) {
            list[(*count)++] = told_connection(at->connection, at, &texts);
        }
    }
    for (const struct connection *at = server->newest; at != NULL && list != NULL && all; at = at->older) {
        if (at->sessions == 0) {
            list[(*count)++] = told_connection(at, NULL, &texts);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return list;
}

static struct sql_statement_figures *list_statements(void *context, uint32_t tenant, bool all, size_t *count) {
    struct server *server = context;
    return statements_list(server->statements, all ? 0 : tenant, count);
}

static void reset_statements(void *context, uint32_t tenant) {
    struct server *server = context;
    statements_reset(server->statements, tenant);
}

static bool begin_wait(void *context) {
    return crew_lend(context);
}

static void end_wait(void *context) {
    crew_take_back(context);
}

static void write_metrics(void *context, struct buffer *out) {
    metrics_write_server(context, out);
}

static void ask_reload(void *context) {
    struct server *server = context;
    atomic_store(&server->reload_asked, true);
    uv_async_send(&server->nudge);
}

static int64_t loaded_us(void *context) {
    const struct server *server = context;
    return server->loaded_us;
}

struct sql_server face_make(struct server *server) {
    return (struct sql_server){
        .context = server,
        .cancel = cancel,
        .terminate = terminate,
        .evict = evict,
        .address = tell_address,
        .activity = activity,
        .connections = connections,
        .metrics = write_metrics,
        .reload = ask_reload,
        .loaded_us = loaded_us,
        .statements = list_statements,
        .statements_reset = reset_statements,
        .wait = begin_wait,
        .waited = end_wait,
        .started_us = shard_now_us(server->shard),
    };
}
