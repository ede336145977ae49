/*
 * The HTTP port: a daemon of libmicrohttpd on a socket of ours, and what stands at which path.
 *
 * A thread serves one client at a time and may wait, for a statement or for the socket, so nothing here ever holds up
 * the event loop. How many clients there are, how large a body is and how long a client may be silent have limits. A
 * request is refused at its head where that can be told: no body is kept of a client that nobody knows.
 */
#include "server/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/status.h"
#include "server/http_internal.h"
#include "types/json_tree.h"

#define HTTP_SILENCE_SECONDS 30
#define HTTP_FILE_MAX        ((size_t)1 << 20)
#define STOP_WAIT_US         10000
#define STOP_CANCELS         100 /* so often, before sockets are closed */

/* --- answers ------------------------------------------------------------------------------------------------------ */

enum MHD_Result http_answer(struct http_request *request, unsigned status, const char *type, struct buffer *text) {
    if (!buffer_ok(text)) {
        return MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(text->length, text->bytes, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type == NULL ? "application/json" : type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_UNAUTHORIZED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    }
    if (status == MHD_HTTP_TOO_MANY_REQUESTS || (status == MHD_HTTP_SERVICE_UNAVAILABLE && request->retry_ms > 0)) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%lld",
                 (long long)(request->retry_ms + 999) / 1000 + (request->retry_ms == 0));
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

void http_write_string(struct slice text, struct buffer *out) {
    json_print_string(text, out);
}

static void write_member(struct buffer *out, const char *name, const char *text) {
    if (text[0] != 0) {
        buffer_printf(out, ",\"%s\":", name);
        json_print_string(slice_text(text), out);
    }
}

void http_write_error(struct buffer *out, const struct kmb_error *error) {
    const struct status_row *row = status_row_of(error->status);
    buffer_printf(out, "{\"code\":\"%s\",\"sqlstate\":\"%s\"", row->name, row->sqlstate);
    write_member(out, "message", error->message);
    write_member(out, "detail", error->detail);
    write_member(out, "hint", error->hint);
    write_member(out, "context", error->context);
    if (error->position > 0) {
        buffer_printf(out, ",\"position\":%u", error->position);
    }
    buffer_append_byte(out, '}');
}

enum MHD_Result http_tell_error(struct http_request *request, unsigned status, const struct kmb_error *error) {
    struct buffer text = {0};
    buffer_append_text(&text, "{\"error\":");
    http_write_error(&text, error);
    buffer_append_text(&text, "}\n");
    enum MHD_Result result = http_answer(request, status, NULL, &text);
    buffer_free(&text);
    return result;
}

enum MHD_Result http_refuse(struct http_request *request, unsigned status, const struct kmb_error *error) {
    metrics_error(&request->http->server->metrics, error->status);
    return http_tell_error(request, status, error);
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

static enum MHD_Result get_health(struct http_request *request, struct buffer *text) {
    http_write_health(request->http->server, text);
    return http_answer(request, MHD_HTTP_OK, NULL, text);
}

static enum MHD_Result get_ready(struct http_request *request, struct buffer *text) {
    bool ready = http_write_ready(request->http->server, text);
    return http_answer(request, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, NULL, text);
}

static enum MHD_Result get_metrics(struct http_request *request, struct buffer *text) {
    metrics_write_server(request->http->server, text);
    return http_answer(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

static enum MHD_Result get_version(struct http_request *request, struct buffer *text) {
    buffer_printf(text, "{\"name\":\"kimberlite\",\"version\":\"%s\"}\n", kmb_version());
    return http_answer(request, MHD_HTTP_OK, NULL, text);
}

static const struct {
    const char *path;
    enum MHD_Result (*get)(struct http_request *request, struct buffer *text);
} paths[] = {
    {"/health", get_health}, {"/healthz", get_health},     {"/health/live", get_health}, {"/ready", get_ready},
    {"/readyz", get_ready},  {"/health/ready", get_ready}, {"/metrics", get_metrics},    {"/version", get_version},
};

static enum MHD_Result serve(struct http_request *request, const char *path, const char *method) {
    struct kmb_error error = {0};
    if (request->query != NULL) {
        return http_query(request);
    }
    if (strcmp(path, "/query") == 0) {
        error_set(&error, KMB_USAGE, "/query takes POST, not %s", method);
        return http_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
    }
    bool reads = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        if (strcmp(paths[i].path, path) != 0) {
            continue;
        }
        if (!reads) {
            error_set(&error, KMB_USAGE, "%s takes GET and HEAD, not %s", paths[i].path, method);
            return http_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
        }
        struct buffer text = {0};
        enum MHD_Result result = paths[i].get(request, &text);
        buffer_free(&text);
        return result;
    }
    error_set(&error, KMB_USAGE, "there is nothing at this path");
    error_hint(&error, "There are /health, /ready, /metrics, /version and /query.");
    return http_refuse(request, MHD_HTTP_NOT_FOUND, &error);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* Its head has come: what is answered now ends the connection, and nothing of the body is kept. */
static enum MHD_Result begin(struct http_request *request, const char *path, const char *method) {
    struct kmb_error error = {0};
    if (http_head_check(request->connection, request->version, &request->length, &error) != KMB_OK) {
        return http_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
    }
    bool query = strcmp(path, "/query") == 0 && strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    return query ? http_query_begin(request) : MHD_YES;
}

/* Called when a request's head has come, then for each part of its body, then when it is whole. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *part, size_t *part_size,
                                  void **kept) {
    struct http_request *request = *kept;
    if (request == NULL) {
        request = mem_alloc_zero(1, sizeof(*request));
        *kept = request;
        if (request == NULL) {
            return MHD_NO;
        }
        request->http = context;
        request->connection = connection;
        request->version = version;
        return begin(request, path, method);
    }
    if (*part_size > 0) {
        if (request->query != NULL) {
            http_query_part(request, part, *part_size);
        }
        *part_size = 0;
        return MHD_YES;
    }
    return serve(request, path, method);
}

static void on_end(void *context, struct MHD_Connection *connection, void **kept, enum MHD_RequestTerminationCode why) {
    struct http_request *request = *kept;
    (void)context;
    (void)connection;
    (void)why;
    if (request != NULL) {
        http_query_drop(request);
        mem_free(request);
    }
    *kept = NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* A file as a text. */
static enum kmb_status read_file(const char *path, struct buffer *out, struct kmb_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(error, KMB_FILE_NOT_FOUND, "cannot open \"%s\": %s", path, strerror(errno));
    }
    char part[4096];
    ssize_t count;
    while ((count = read(fd, part, sizeof(part))) > 0 && out->length < HTTP_FILE_MAX) {
        buffer_append(out, part, (size_t)count);
    }
    memset(part, 0, sizeof(part));
    close(fd);
    return count == 0 && buffer_text(out) != NULL ? KMB_OK : error_set(error, KMB_IO, "cannot read \"%s\"", path);
}

/*
 * A daemon with its certificate. A reload starts another one on the same socket; the older then takes nobody new, and
 * ends, on a thread of its own, when its clients are gone or have had the time of a drain.
 */
struct http_daemon {
    struct http_daemon *older;
    struct http *http;
    struct MHD_Daemon *daemon;
    int fd;
    struct buffer certificate; /* with NULs; the daemon reads them */
    struct buffer key;
    bool leaving; /* the thread runs */
    pthread_t thread;
    int64_t leave_until_ns;
    atomic_bool left;
};

static void daemon_free(struct http_daemon *daemon) {
    if (daemon->daemon != NULL) {
        MHD_stop_daemon(daemon->daemon); /* and closes its socket, if it has one */
    } else if (daemon->fd >= 0) {
        close(daemon->fd);
    }
    if (daemon->key.bytes != NULL) {
        explicit_bzero(daemon->key.bytes, daemon->key.capacity);
    }
    buffer_free(&daemon->certificate);
    buffer_free(&daemon->key);
    mem_free(daemon);
}

static enum kmb_status daemon_start(struct http_daemon *daemon, const struct settings *settings,
                                    struct kmb_error *error) {
    struct http *http = daemon->http;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[10] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)http_head_refused, http},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_head_begins, http},
        {MHD_OPTION_LISTEN_SOCKET, daemon->fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, HTTP_CLIENTS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, HTTP_SILENCE_SECONDS, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_end, http},
        {MHD_OPTION_END, 0, NULL},
    };
    if (settings->tls.cert[0] != 0) {
        enum kmb_status status = read_file(settings->tls.cert, &daemon->certificate, error);
        status = status == KMB_OK ? read_file(settings->tls.key, &daemon->key, error) : status;
        if (status != KMB_OK) {
            return status;
        }
        if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
            return error_set(error, KMB_UNSUPPORTED, "this libmicrohttpd has no TLS: set http.listen to \"\"");
        }
        flags |= MHD_USE_TLS;
        options[6] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, daemon->certificate.bytes};
        options[7] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, daemon->key.bytes};
        options[8] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    daemon->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    return daemon->daemon != NULL ? KMB_OK : error_set(error, KMB_CONNECTION, "cannot start the HTTP port");
}

/* Takes the socket. */
static enum kmb_status daemon_new(struct http *http, int fd, const struct settings *settings, struct http_daemon **out,
                                  struct kmb_error *error) {
    struct http_daemon *daemon = mem_alloc_zero(1, sizeof(*daemon));
    if (daemon == NULL) {
        close(fd);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    daemon->http = http;
    daemon->fd = fd;
    enum kmb_status status = daemon_start(daemon, settings, error);
    if (status != KMB_OK) {
        daemon_free(daemon);
        return status;
    }
    *out = daemon;
    return KMB_OK;
}

enum kmb_status http_daemon_new(struct http *http, const struct settings *settings, struct http_daemon **daemon,
                                struct kmb_error *error) {
    *daemon = NULL;
    if (!http->tls) {
        return KMB_OK; /* nothing of it is read from files */
    }
    int fd = fcntl(http->daemons->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? error_set(error, KMB_IO, "cannot listen at the HTTP port twice: %s", strerror(errno))
                  : daemon_new(http, fd, settings, daemon, error);
}

void http_daemon_drop(struct http_daemon *daemon) {
    if (daemon != NULL) {
        daemon_free(daemon);
    }
}

static void *leave(void *context) {
    struct http_daemon *daemon = context;
    struct http *http = daemon->http;
    for (;;) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        bool alone = info == NULL || info->num_connections == 0;
        if (alone || atomic_load(&http->stopping) || server_now_ns(http->server) > daemon->leave_until_ns) {
            break;
        }
        (void)usleep(STOP_WAIT_US);
    }
    MHD_stop_daemon(daemon->daemon);
    daemon->daemon = NULL;
    atomic_store(&daemon->left, true);
    return NULL;
}

/* Gives back those that have ended; all: waits for the others. */
static void collect(struct http *http, bool all) {
    for (struct http_daemon **at = &http->daemons; *at != NULL;) {
        struct http_daemon *daemon = *at;
        if (!daemon->leaving || (!all && !atomic_load(&daemon->left))) {
            at = &daemon->older;
            continue;
        }
        *at = daemon->older;
        pthread_join(daemon->thread, NULL);
        daemon_free(daemon);
    }
}

void http_daemon_change(struct http *http, struct http_daemon *fresh) {
    if (fresh == NULL) {
        return;
    }
    struct http_daemon *old = http->daemons;
    collect(http, false);
    fresh->older = http->daemons;
    http->daemons = fresh;
    MHD_socket fd = MHD_quiesce_daemon(old->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    old->fd = -1;
    old->leave_until_ns =
        server_now_ns(http->server) + (int64_t)http->server->settings->timeouts.drain_ms * INT64_C(1000000);
    old->leaving = pthread_create(&old->thread, NULL, leave, old) == 0;
}

/* Whether somebody has set http.listen: the default's port may be taken without harm. */
static bool is_wanted(const struct settings *settings) {
    const struct settings_row *row = settings_find(slice_text("http.listen"));
    return settings_place_of(settings, row)->source != SETTING_DEFAULT;
}

enum kmb_status http_open(struct server *server, struct http **out, struct kmb_error *error) {
    const char *listen = server->settings->http.listen;
    int fd = -1;
    *out = NULL;
    if (listen[0] == 0) {
        return KMB_OK;
    }
    struct http *http = mem_alloc_zero(1, sizeof(*http));
    if (http == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    http->server = server;
    pthread_mutex_init(&http->lock, NULL);
    enum kmb_status status = listener_socket(server, listen, &fd, &http->port, error);
    if (status == KMB_CONNECTION && !is_wanted(server->settings)) {
        logger_write(&server->logger, LOG_WARNING, "http.none", "why", error->message, NULL);
        *error = (struct kmb_error){0};
        http_close(http);
        return KMB_OK;
    }
    if (status == KMB_OK) {
        http->tls = server->settings->tls.cert[0] != 0;
        status = daemon_new(http, fd, server->settings, &http->daemons, error);
    }
    if (status != KMB_OK) {
        http_close(http);
        return status;
    }
    char port[16];
    snprintf(port, sizeof(port), "%u", http->port);
    logger_write(&server->logger, LOG_INFO, "http.listen", "port", port, "tls", http->tls ? "yes" : "no", NULL);
    *out = http;
    return KMB_OK;
}

void http_close(struct http *http) {
    if (http == NULL) {
        return;
    }
    if (http->daemons != NULL) {
        while (http_queries_any(http) && server_now_ns(http->server) < atomic_load(&http->server->drain_until_ns)) {
            (void)usleep(STOP_WAIT_US);
        }
        atomic_store(&http->stopping, true);
        /* A client that takes nothing keeps its statement: the daemon's end closes its socket. */
        for (unsigned i = 0; i < STOP_CANCELS && http_queries_cancel(http); i++) {
            (void)usleep(STOP_WAIT_US);
        }
        collect(http, true);
        while (http->daemons != NULL) {
            struct http_daemon *daemon = http->daemons;
            http->daemons = daemon->older;
            daemon_free(daemon);
        }
    }
    pthread_mutex_destroy(&http->lock);
    mem_free(http);
}

void http_watch(struct http *http) {
    if (http != NULL) {
        http_queries_watch(http);
    }
}

unsigned http_port(const struct http *http) {
    return http == NULL ? 0 : http->port;
}
