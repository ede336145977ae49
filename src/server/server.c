/*
 * The server's life: what it is made of, when it stops, and the second that ticks.
 *
 * Stopping is a drain: nobody new comes in, who is idle is told and leaves, what runs ends, and who holds a transaction
 * open has drain_ms to end it. Then the crew ends and the caller closes the database, which writes a checkpoint.
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "server/authenticate.h"
#include "server/internal.h"
#include "server/native.h"

/* Threads are made when they are needed. */
#define THREADS_DEFAULT 128
/* Beside them each session has one while it waits within a statement, which costs some 100 KB; beyond this it may not.
 */
#define THREADS_WAITING_MAX 4096u
#define TICK_MS             1000
#define DRAIN_TICK_MS       20
/* A client that is turned away has so long to shake hands and hear why. */
#define REFUSED_PATIENCE_NS ((int64_t)5000000000)

/* --- the tick ----------------------------------------------------------------------------------------------------- */

/* Whom the machine's patience is over with. Under the lock, when it stands WAITING. */
static bool is_expired(const struct server *server, const struct connection *connection, int64_t now) {
    if (connection->refusal != NULL) {
        return now - connection->opened_ns > REFUSED_PATIENCE_NS;
    }
    if (connection->protocol == NULL || !connection->protocol->welcome(connection->machine)) {
        int64_t login_ms = (int64_t)server->settings->timeouts.connection_ms; /* however much it sends meanwhile */
        return login_ms > 0 && now - connection->opened_ns > login_ms * 1000000;
    }
    if (connection->events == UV_WRITABLE && connection->output.length > connection->output_at) {
        int64_t write_ms = (int64_t)server->settings->timeouts.write_ms;
        return write_ms > 0 && now - connection->active_ns > write_ms * 1000000;
    }
    int64_t patience_ms = connection->protocol->patience_ms(connection->machine);
    return patience_ms > 0 && now - connection->active_ns > patience_ms * 1000000;
}

void server_cancel_running(struct server *server) {
    for (struct connection *at = server->newest; at != NULL; at = at->older) {
        if (at->state == CONNECTION_RUNNING && at->machine != NULL) {
            at->protocol->cancel(at->machine);
        }
    }
}

static void tick_connections(struct server *server) {
    int64_t now = server_now_ns(server);
    bool draining = atomic_load(&server->draining);
    bool impatient = draining && now > atomic_load(&server->drain_until_ns);
    pthread_mutex_lock(&server->lock);
    for (struct connection *at = server->newest; at != NULL; at = at->older) {
        if (at->state == CONNECTION_RUNNING || at->state == CONNECTION_BLOCKED) {
            connection_watch(at, now);
        }
        if (at->state != CONNECTION_WAITING) {
            continue;
        }
        bool busy = at->protocol != NULL && at->protocol->busy(at->machine);
        bool leave = draining && (!busy || impatient);
        if (impatient || is_expired(server, at, now)) {
            atomic_store(&at->expired, true);
            leave = true;
        }
        if (leave) {
            crew_ready(at);
        }
    }
    if (impatient || server->fatal) {
        server_cancel_running(server);
    }
    if (server->fatal || (draining && server->connection_count == 0)) {
        server->stopping = true;
        pthread_cond_broadcast(&server->work);
        pthread_cond_broadcast(&server->standby);
        pthread_cond_broadcast(&server->flush);
    }
    pthread_mutex_unlock(&server->lock);
}

/* A log that has failed ends the process, whoever met it. */
static void check_log(struct server *server) {
    struct kmb_error error = {0};
    if (shard_health(server->shard, &error) == KMB_OK) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    if (!server->fatal) {
        server->fatal = true;
        server->fatal_error = error;
    }
    pthread_mutex_unlock(&server->lock);
}

static void on_tick(uv_timer_t *timer) {
    struct server *server = timer->data;
    check_log(server);
    tick_connections(server);
    http_watch(server->http);
    limits_sweep(server->limits);
}

static void begin_drain(struct server *server) {
    if (!atomic_load(&server->stop_asked) || atomic_load(&server->draining)) {
        return;
    }
    atomic_store(&server->drain_until_ns,
                 server_now_ns(server) + (int64_t)server->settings->timeouts.drain_ms * 1000000);
    atomic_store(&server->draining, true);
    logger_write(&server->logger, LOG_INFO, "server.drain", NULL);
    listener_stop(server);
    uv_timer_start(&server->tick, on_tick, 0, DRAIN_TICK_MS);
}

static void on_nudge(uv_async_t *nudge) {
    struct server *server = nudge->data;
    begin_drain(server);
    if (atomic_exchange(&server->reload_asked, false) && !atomic_load(&server->draining)) {
        server_reload(server);
    }
}

static void on_signal(uv_signal_t *handle, int number) {
    struct server *server = handle->data;
    if (number == SIGHUP) {
        server_reload(server);
    } else {
        server_stop(server);
        begin_drain(server);
    }
}

void server_stop(struct server *server) {
    atomic_store(&server->stop_asked, true);
    uv_async_send(&server->nudge);
}

/* --- making ------------------------------------------------------------------------------------------------------- */

/* As many descriptors as the system lets us have: each client is one. */
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void init_locks(struct server *server) {
    pthread_condattr_t monotonic;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->work, &monotonic);
    pthread_cond_init(&server->standby, &monotonic);
    pthread_cond_init(&server->flush, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static enum kmb_status start_loop(struct server *server, struct kmb_error *error) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    server->nudge.data = server;
    server->tick.data = server;
    bool made = uv_async_init(&server->loop, &server->nudge, on_nudge) == 0 &&
                uv_timer_init(&server->loop, &server->tick) == 0 && crew_init_timers(server) &&
                uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS) == 0;
    for (unsigned i = 0; made && server->options.handle_signals && i < 3; i++) {
        server->signals[i].data = server;
        made = uv_signal_init(&server->loop, &server->signals[i]) == 0 &&
               uv_signal_start(&server->signals[i], on_signal, numbers[i]) == 0;
        server->signal_count += made;
    }
    return made ? listener_start(server, error) : error_set(error, KMB_NO_MEMORY, "cannot start the event loop");
}

static enum kmb_status open_tls(struct server *server, struct kmb_error *error) {
    const struct settings *settings = server->settings;
    if (settings->tls.cert[0] == 0) {
        return KMB_OK;
    }
    const struct tls_settings files = reload_tls_settings(settings);
    struct tls_context *tls = NULL;
    enum kmb_status status = tls_context_new(&files, &tls, error);
    server->tls = tls;
    return status;
}

static enum kmb_status open_native(struct server *server, struct kmb_error *error) {
    const struct settings *settings = server->settings;
    struct native_options options = {
        .db = server->db,
        .authenticator = settings->auth.mode == SETTINGS_AUTH_NONE ? NULL : server->authenticator,
        .settings = settings,
        .server = server,
        .face = &server->face,
        .limits = server->limits,
    };
    return native_service_new(&options, &server->native, error);
}

static enum kmb_status open_tracer(struct server *server, struct kmb_error *error) {
    const struct settings *settings = server->settings;
    char instance[64];
    if (settings->telemetry.otlp[0] == 0) {
        return KMB_OK;
    }
    codec_hex(instance, shard_identity(server->shard)->uuid, 16);
    const struct tracer_options options = {
        .endpoint = settings->telemetry.otlp,
        .headers = settings->telemetry.headers,
        .service = settings->telemetry.service,
        .instance = instance,
        .environment = shard_environment(server->shard),
        .logger = &server->logger,
        .sample_percent = settings->telemetry.sample_percent,
    };
    return tracer_new(&options, &server->tracer, error);
}

enum kmb_status server_open(const struct server_options *options, struct server **out, struct kmb_error *error) {
    *out = NULL;
    if (settings_check(options->settings, error) != KMB_OK) {
        return KMB_CONFIG;
    }
    struct server *server = mem_alloc_zero(1, sizeof(*server));
    if (server == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    server->options = *options;
    server->db = options->db;
    server->shard = api_shard(options->db);
    server->logger = options->logger;
    server->spare_fd = -1;
    server->settings = options->settings;
    server->face = face_make(server);
    server->loaded_us = server->face.started_us;
    server->limits = limits_new(server->settings, shard_environment(server->shard));
    server->threads_max = THREADS_DEFAULT;
    if (server->settings->server.threads > 0) {
        server->threads_max = server->settings->server.threads < 2 ? 2 : (unsigned)server->settings->server.threads;
    }
    init_locks(server);
    raise_descriptors();
    uint64_t waiting = server->settings->limits.connections;
    server->lent_max = waiting < THREADS_WAITING_MAX ? (unsigned)waiting : THREADS_WAITING_MAX;
    server->worker_count = 2 * (server->threads_max + server->lent_max); /* and as many who stand by */
    server->workers = mem_alloc_zero(server->worker_count, sizeof(struct worker));
    if (server->workers == NULL || server->limits == NULL || uv_loop_init(&server->loop) != 0) {
        limits_free(server->limits);
        mem_free(server->workers);
        mem_free(server);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    server->statements =
        statements_new(shard_environment(server->shard), (size_t)server->settings->statistics.statements);
    enum kmb_status status =
        server->statements == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : reload_open_log(server, error);
    if (status == KMB_OK) {
        status = open_tls(server, error);
    }
    if (status == KMB_OK) {
        status = authenticator_new(server->settings, server->shard, &server->authenticator, error);
    }
    if (status == KMB_OK) {
        status = open_tracer(server, error);
    }
    if (status == KMB_OK) {
        status = open_native(server, error);
    }
    if (status == KMB_OK) {
        status = listener_open(server, error);
    }
    if (status == KMB_OK) {
        status = start_loop(server, error);
    }
    if (status == KMB_OK) {
        status = http_open(server, &server->http, error);
    }
    if (status != KMB_OK) {
        server_close(server);
        return status;
    }
    *out = server;
    return KMB_OK;
}

unsigned server_port(const struct server *server) {
    return server->port;
}

enum kmb_status server_run(struct server *server, struct kmb_error *error) {
    enum kmb_status status = crew_run(server, error);
    if (status == KMB_OK && server->fatal) {
        if (error != NULL) {
            *error = server->fatal_error;
        }
        status = KMB_FATAL;
    }
    return status;
}

static void close_handle(uv_handle_t *handle, void *context) {
    struct server *server = context;
    if (uv_is_closing(handle)) {
        return;
    }
    if (handle->type == UV_POLL && handle->data != NULL) {
        for (struct connection *at = server->newest; at != NULL; at = at->older) {
            if (handle == (uv_handle_t *)&at->poll) {
                crew_close(at);
                return;
            }
        }
    }
    uv_close(handle, NULL);
}

void server_close(struct server *server) {
    if (server == NULL) {
        return;
    }
    http_close(server->http);
    listener_stop(server);
    uv_walk(&server->loop, close_handle, server);
    while (uv_run(&server->loop, UV_RUN_DEFAULT) != 0) {
    }
    int closed = uv_loop_close(&server->loop);
    ASSERT(closed == 0);
    native_service_free(server->native);
    if (server->spare_fd >= 0) {
        close(server->spare_fd);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->work);
    pthread_cond_destroy(&server->standby);
    pthread_cond_destroy(&server->flush);
    tracer_free(server->tracer);
    if (server->logger.fd != 0) {
        close(server->logger.fd);
    }
    statements_free(server->statements);
    authenticator_free(server->authenticator);
    limits_free(server->limits);
    tls_context_free(server->tls);
    reload_free(server);
    mem_free(server->workers);
    mem_free(server);
}
