/*
 * Where clients come in: TCP addresses, a Unix socket, sockets that systemd hands over. Accepting is the loop's; a new
 * connection is a poll handle and a small struct, and becomes anything more when its first bytes are there.
 *
 * When there are no descriptors left, a spare one is given up to accept the next client and turn it away: else the
 * kernel's queue fills with clients that nobody answers, and the loop spins on it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "server/internal.h"
#include "wire/pg/message.h"

/* Accepted in one go, so that a flood of clients does not keep those that are in. */
#define ACCEPT_MAX 64
/* Clients that are told at their leisure that there is no room: beyond, each costs a few bytes and is gone. */
#define REFUSED_MAX 64
/* Of a Unix socket where no port is listened at: what clients look for. */
#define SOCKET_NUMBER_ALONE 5432

void listener_describe(const struct sockaddr_storage *address, struct connection *connection) {
    char host[INET6_ADDRSTRLEN] = "";
    connection->peer.address = connection->address;
    if (address->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        snprintf(connection->address, sizeof(connection->address), "%s:%u", host, ntohs(in.sin_port));
        connection->peer.local = (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    } else if (address->ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof(in));
        inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof(host));
        snprintf(connection->address, sizeof(connection->address), "[%s]:%u", host, ntohs(in.sin6_port));
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        connection->peer.local = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) || (mapped && in.sin6_addr.s6_addr[12] == 127);
    } else {
        memcpy(connection->address, "unix", sizeof("unix"));
        memcpy(host, "unix", sizeof("unix"));
        connection->peer.local = true;
    }
    snprintf(connection->source, sizeof(connection->source), "%s", host);
    connection->peer.source = slice_text(connection->source);
}

/* At which of ours it came in. */
static void own_address(int fd, struct connection *connection) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    struct connection scratch = {0};
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        listener_describe(&address, &scratch);
        memcpy(connection->own_address, scratch.source, sizeof(scratch.source));
    }
}

/* Puts a new connection among the others and polls it. */
static void admit(struct server *server, struct connection *connection) {
    pthread_mutex_lock(&server->lock);
    connection->number = ++server->connection_next;
    connection->older = server->newest;
    if (server->newest != NULL) {
        server->newest->newer = connection;
    }
    server->newest = connection;
    server->connection_count++;
    server->refused_count += connection->refusal != NULL;
    if (connection->refusal == NULL) {
        atomic_fetch_add_explicit(&server->metrics.connections, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&server->lock);
    connection->poll.data = connection;
    connection_log(connection, "connection.opened");
    crew_poll(connection, UV_READABLE);
}

/*
 * Clients show an error that answers what they said last, and many say first that they want TLS: what is sent them
 * before they have said who they are they can not trust, and newer ones do not show it. So a client that there is no
 * room for comes as far as its startup message, and is told then. Of such clients there are at most REFUSED_MAX at a
 * time. false: it is to be turned away at once.
 */
static bool keep_refused(struct server *server, struct connection *connection, const struct kmb_error *error) {
    pthread_mutex_lock(&server->lock);
    bool room = server->refused_count < REFUSED_MAX;
    pthread_mutex_unlock(&server->lock);
    connection->refusal = room ? mem_alloc(sizeof(*error)) : NULL;
    if (connection->refusal == NULL) {
        return false;
    }
    *connection->refusal = *error;
    connection->peer.refusal = connection->refusal;
    connection->peer.charge = &connection->charge;
    limits_charge(server->limits, NULL, NULL, &connection->charge);
    return true;
}

/* Turns a client away in words that every PostgreSQL client shows. */
static void turn_away(struct server *server, int fd, const struct kmb_error *error) {
    struct buffer bytes = {0};
    metrics_error(&server->metrics, error->status);
    pg_write_error(&bytes, PG_SEVERITY_FATAL, error);
    (void)send(fd, bytes.bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    buffer_free(&bytes);
    close(fd);
}

static enum kmb_status too_many(struct server *server, struct kmb_error *error) {
    limits_full(server->limits);
    return error_set(error, KMB_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
}

/* Whether there is room for one more, and for one more of its source. */
static enum kmb_status let_in(struct server *server, struct connection *connection, struct kmb_error *error) {
    pthread_mutex_lock(&server->lock);
    bool full = server->connection_count - server->refused_count >= server->settings->limits.connections;
    pthread_mutex_unlock(&server->lock);
    if (full) {
        return too_many(server, error);
    }
    if (atomic_load(&server->draining)) {
        return error_set(error, KMB_SHUTDOWN, "the database system is shutting down");
    }
    enum kmb_status status =
        limits_enter(server->limits, LIMITS_SOURCE, connection->peer.source, 0, &connection->peer.party, error);
    if (status == KMB_OK) {
        connection->peer.charge = &connection->charge;
        limits_charge(server->limits, connection->peer.party, NULL, &connection->charge);
    }
    return status;
}

/* Silence after which the system asks whether the client is there. */
static void keep_alive(const struct server *server, int fd) {
    int on = 1;
    int seconds = (int)(server->settings->timeouts.keepalive_ms / 1000);
    if (seconds > 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
    }
}

static void take(struct server *server, int fd, const struct sockaddr_storage *address) {
    int on = 1;
    struct kmb_error error = {0};
    struct connection *connection = connection_new(server, fd);
    if (connection == NULL) {
        return;
    }
    listener_describe(address, connection);
    if (let_in(server, connection, &error) != KMB_OK && !keep_refused(server, connection, &error)) {
        connection->fd = -1;
        connection_free(connection);
        turn_away(server, fd, &error);
        return;
    }
    own_address(fd, connection);
    if (address->ss_family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        keep_alive(server, fd);
    }
    if (uv_poll_init(&server->loop, &connection->poll, fd) != 0) {
        connection_free(connection);
        return;
    }
    admit(server, connection);
}

/* There are no descriptors: takes one client by the spare one and turns it away. */
static void turn_away_spare(struct server *server, int listening) {
    if (server->spare_fd >= 0) {
        close(server->spare_fd);
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            struct kmb_error error = {0};
            (void)too_many(server, &error);
            turn_away(server, fd, &error);
        }
        server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void on_client(uv_poll_t *poll, int status, int events) {
    struct listener *listener = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPT_MAX; i++) {
        struct sockaddr_storage address = {.ss_family = AF_UNIX};
        socklen_t length = sizeof(address);
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(listener->server, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE) {
            turn_away_spare(listener->server, listener->fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static enum kmb_status add(struct server *server, int fd, const char *path, struct kmb_error *error) {
    if (server->listener_count == sizeof(server->listeners) / sizeof(server->listeners[0])) {
        close(fd);
        return error_set(error, KMB_LIMIT, "more than %d addresses to listen at", SERVER_LISTENERS_MAX);
    }
    struct listener *listener = &server->listeners[server->listener_count++];
    *listener = (struct listener){.server = server, .fd = fd, .unix_socket = path != NULL};
    if (path != NULL) {
        snprintf(listener->path, sizeof(listener->path), "%s", path);
    }
    return KMB_OK;
}

static unsigned port_of(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return 0;
    }
    memcpy(&in, &address, sizeof(in));
    memcpy(&in6, &address, sizeof(in6));
    return ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

static bool is_loopback(const struct addrinfo *info) {
    struct connection scratch = {0};
    struct sockaddr_storage address = {0};
    memcpy(&address, info->ai_addr, info->ai_addrlen);
    listener_describe(&address, &scratch);
    return scratch.peer.local;
}

/* A socket that listens there. */
static enum kmb_status open_socket(struct server *server, const struct addrinfo *info, const char *text, int *out,
                                   struct kmb_error *error) {
    int on = 1;
    if (!is_loopback(info) && server->settings->auth.mode == SETTINGS_AUTH_NONE &&
        !server->settings->auth.allow_unauthenticated) {
        error_set(error, KMB_CONFIG, "refusing to listen at %s without authentication", text);
        error_hint(error, "Listen at 127.0.0.1, turn authentication on, or say --allow-unauthenticated.");
        return KMB_CONFIG;
    }
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set(error, KMB_CONNECTION, "cannot make a socket for %s: %s", text, strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, (int)server->settings->server.backlog) != 0) {
        error_set(error, KMB_CONNECTION, "cannot listen at %s: %s", text, strerror(errno));
        if (errno == EADDRINUSE) {
            error_hint(error, "Another server has this address; choose another port.");
        }
        close(fd);
        return KMB_CONNECTION;
    }
    *out = fd;
    return KMB_OK;
}

/* The addresses of a text, as a list to be freed. */
static enum kmb_status resolve(const char *text, struct addrinfo **list, struct kmb_error *error) {
    struct setting_address address;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char port[8];
    if (!settings_address_parse(text, &address)) {
        return error_set(error, KMB_CONFIG, "\"%s\" is no address to listen at: expected HOST:PORT", text);
    }
    snprintf(port, sizeof(port), "%u", address.port);
    int code = getaddrinfo(address.host[0] == 0 ? NULL : address.host, port, &hints, list);
    if (code != 0) {
        return error_set(error, KMB_CONNECTION, "cannot resolve \"%s\": %s", text, gai_strerror(code));
    }
    return KMB_OK;
}

static enum kmb_status listen_text(struct server *server, const char *text, struct kmb_error *error) {
    struct addrinfo *list = NULL;
    enum kmb_status status = resolve(text, &list, error);
    for (const struct addrinfo *info = list; status == KMB_OK && info != NULL; info = info->ai_next) {
        int fd = -1;
        status = open_socket(server, info, text, &fd, error);
        if (status == KMB_OK) {
            server->port = server->port == 0 ? port_of(fd) : server->port;
            status = add(server, fd, NULL, error);
        }
    }
    if (list != NULL) {
        freeaddrinfo(list);
    }
    return status;
}

enum kmb_status listener_socket(struct server *server, const char *text, int *fd, unsigned *port,
                                struct kmb_error *error) {
    struct addrinfo *list = NULL;
    enum kmb_status status = resolve(text, &list, error);
    if (status == KMB_OK) {
        status = open_socket(server, list, text, fd, error);
        freeaddrinfo(list);
    }
    *port = status == KMB_OK ? port_of(*fd) : 0;
    return status;
}

/* A socket file that nobody listens at is left of a server that died. */
static bool is_stale(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static enum kmb_status listen_unix(struct server *server, const char *directory, struct kmb_error *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsigned number = server->port != 0 ? server->port : SOCKET_NUMBER_ALONE;
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%u", directory, number);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
        return error_set(error, KMB_CONFIG, "the name of the socket in \"%s\" is longer than %zu bytes", directory,
                         sizeof(address.sun_path) - 1);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set(error, KMB_CONNECTION, "cannot make a Unix socket: %s", strerror(errno));
    }
    if (is_stale(&address)) {
        (void)unlink(address.sun_path);
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, (int)server->settings->server.backlog) != 0) {
        error_set(error, KMB_CONNECTION, "cannot listen at \"%s\": %s", address.sun_path, strerror(errno));
        close(fd);
        return KMB_CONNECTION;
    }
    return add(server, fd, address.sun_path, error);
}

/* Sockets that systemd has opened for us, from descriptor 3 on (sd_listen_fds(3)); 0: none. */
static enum kmb_status adopt(struct server *server, bool *adopted, struct kmb_error *error) {
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    long fds = count == NULL ? 0 : strtol(count, NULL, 10);
    *adopted = false;
    if (pid == NULL || strtol(pid, NULL, 10) != (long)getpid() || fds <= 0) {
        return KMB_OK;
    }
    enum kmb_status status = KMB_OK;
    for (int fd = 3; status == KMB_OK && fd < 3 + fds; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        server->port = server->port == 0 ? port_of(fd) : server->port;
        status = add(server, fd, NULL, error);
    }
    *adopted = true;
    return status;
}

enum kmb_status listener_open(struct server *server, struct kmb_error *error) {
    const struct settings *settings = server->settings;
    bool adopted = false;
    enum kmb_status status = adopt(server, &adopted, error);
    for (size_t i = 0; status == KMB_OK && !adopted && i < settings->server.listen.count; i++) {
        status = listen_text(server, settings->server.listen.texts[i], error);
    }
    if (status == KMB_OK && !adopted && settings->server.unix_socket[0] != 0) {
        status = listen_unix(server, settings->server.unix_socket, error);
    }
    if (status == KMB_OK && server->listener_count == 0) {
        status = error_set(error, KMB_CONFIG, "nothing to listen at: server.listen and server.unix_socket are empty");
    }
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return status;
}

enum kmb_status listener_start(struct server *server, struct kmb_error *error) {
    for (unsigned i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        listener->poll.data = listener;
        if (uv_poll_init(&server->loop, &listener->poll, listener->fd) != 0 ||
            uv_poll_start(&listener->poll, UV_READABLE, on_client) != 0) {
            return error_set(error, KMB_CONNECTION, "cannot wait for clients");
        }
        listener->polled = true;
    }
    return KMB_OK;
}

void listener_stop(struct server *server) {
    for (unsigned i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->polled) {
            uv_poll_stop(&listener->poll);
            uv_close((uv_handle_t *)&listener->poll, NULL);
            listener->polled = false;
        }
        if (listener->fd >= 0) {
            close(listener->fd);
            listener->fd = -1;
        }
        if (listener->path[0] != 0) {
            (void)unlink(listener->path);
        }
    }
}
