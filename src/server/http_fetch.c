/*
 * As much of HTTP/1.1 (RFC 9112) as one request needs that asks for the connection to be closed: a status line,
 * headers, a body of a known length, in chunks, or up to the end. Over TLS the server's certificate and name are
 * verified against the authorities that the system trusts, or those of SSL_CERT_FILE.
 */
#include "server/http_fetch.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_S     10
#define ANSWER_MAX ((size_t)64 << 20)

/* Up to the port; *end: what stands behind it. */
static bool parse_place(const char *text, const char *port, struct http_place *place, const char **end) {
    const char *rest = text;
    const char *host_end;
    *place = (struct http_place){.tls = false};
    snprintf(place->port, sizeof(place->port), "%s", port);
    if (strncmp(rest, "https://", 8) == 0) {
        place->tls = true;
        rest += 8;
    } else if (strncmp(rest, "http://", 7) == 0) {
        rest += 7;
    }
    if (strspn(rest, "0123456789") == strlen(rest) && strlen(rest) > 0 && strlen(rest) < sizeof(place->port)) {
        snprintf(place->host, sizeof(place->host), "127.0.0.1");
        snprintf(place->port, sizeof(place->port), "%s", rest);
        *end = rest + strlen(rest);
        return true;
    }
    if (*rest == '[') {
        rest++;
        host_end = strchr(rest, ']');
    } else {
        host_end = rest + strcspn(rest, ":/");
    }
    if (host_end == NULL || host_end == rest || (size_t)(host_end - rest) >= sizeof(place->host)) {
        return false;
    }
    snprintf(place->host, sizeof(place->host), "%.*s", (int)(host_end - rest), rest);
    rest = host_end + (*host_end == ']');
    if (*rest == ':') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (digits == 0 || digits >= sizeof(place->port)) {
            return false;
        }
        snprintf(place->port, sizeof(place->port), "%.*s", (int)digits, rest + 1);
        rest += 1 + digits;
    }
    *end = rest;
    return true;
}

bool http_place_parse(const char *text, struct http_place *place) {
    const char *rest = NULL;
    return parse_place(text, "9090", place, &rest) && (*rest == 0 || strcmp(rest, "/") == 0);
}

bool http_url_parse(const char *text, const char *port, struct http_place *place, char *path, size_t path_size) {
    const char *rest = NULL;
    if (!parse_place(text, port, place, &rest)) {
        return false;
    }
    size_t length = strlen(rest);
    while (length > 0 && rest[length - 1] == '/') {
        length--;
    }
    if (length >= path_size || (length > 0 && rest[0] != '/') || strcspn(rest, " \t\r\n?#") != strlen(rest)) {
        return false;
    }
    memcpy(path, rest, length);
    path[length] = 0;
    return true;
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

struct http_connection {
    const struct http_place *place;
    int socket;
    SSL_CTX *context;
    SSL *ssl;
    struct kmb_error *error;
};

static enum kmb_status broken(struct http_connection *connection, const char *what) {
    char why[160] = "";
    unsigned long code = ERR_get_error();
    if (code != 0) {
        ERR_error_string_n(code, why, sizeof(why));
    } else {
        snprintf(why, sizeof(why), "%s",
                 errno == EAGAIN || errno == EINPROGRESS ? "no answer in time"
                 : errno == 0                            ? "closed"
                                                         : strerror(errno));
    }
    return error_set(connection->error, KMB_CONNECTION, "cannot %s %s:%s: %s", what, connection->place->host,
                     connection->place->port, why);
}

static enum kmb_status connect_socket(struct http_connection *connection) {
    const struct http_place *place = connection->place;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    const struct timeval wait = {.tv_sec =
                                     place->wait_s == 0 ? WAIT_S : place->wait_s}; /* on Linux that of connecting too */
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(place->host, place->port, &wanted, &found);
    if (failed != 0) {
        return error_set(connection->error, KMB_CONNECTION, "cannot find %s: %s", place->host, gai_strerror(failed));
    }
    for (const struct addrinfo *at = found; at != NULL && connection->socket < 0; at = at->ai_next) {
        int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        bool connected = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
                         setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
                         connect(fd, at->ai_addr, at->ai_addrlen) == 0;
        if (connected) {
            connection->socket = fd;
        } else if (fd >= 0) {
            int kept = errno;
            close(fd);
            errno = kept;
        }
    }
    freeaddrinfo(found);
    return connection->socket >= 0 ? KMB_OK : broken(connection, "connect to");
}

static enum kmb_status begin_tls(struct http_connection *connection) {
    const char *host = connection->place->host;
    connection->context = SSL_CTX_new(TLS_client_method());
    bool made = connection->context != NULL && SSL_CTX_set_default_verify_paths(connection->context) == 1;
    if (made) {
        SSL_CTX_set_verify(connection->context, SSL_VERIFY_PEER, NULL);
        connection->ssl = SSL_new(connection->context);
    }
    if (connection->ssl == NULL) {
        return broken(connection, "set up TLS for");
    }
    X509_VERIFY_PARAM *names = SSL_get0_param(connection->ssl);
    bool address = X509_VERIFY_PARAM_set1_ip_asc(names, host) == 1;
    if ((!address &&
         (SSL_set1_host(connection->ssl, host) != 1 || SSL_set_tlsext_host_name(connection->ssl, host) != 1)) ||
        SSL_set_fd(connection->ssl, connection->socket) != 1) {
        return broken(connection, "set up TLS for");
    }
    ERR_clear_error();
    return SSL_connect(connection->ssl) == 1 ? KMB_OK : broken(connection, "speak TLS with");
}

static enum kmb_status send_all(struct http_connection *connection, const struct buffer *request) {
    size_t sent = 0;
    while (sent < request->length) {
        size_t left = request->length - sent;
        ssize_t count = connection->ssl != NULL
                            ? SSL_write(connection->ssl, request->bytes + sent, (int)(left < 65536 ? left : 65536))
                            : send(connection->socket, request->bytes + sent, left, MSG_NOSIGNAL);
        if (count <= 0) {
            return broken(connection, "send to");
        }
        sent += (size_t)count;
    }
    return KMB_OK;
}

/* All that comes up to the end. */
static enum kmb_status receive_all(struct http_connection *connection, struct buffer *all) {
    for (;;) {
        uint8_t bytes[16384];
        errno = 0;
        ssize_t count = connection->ssl != NULL ? SSL_read(connection->ssl, bytes, sizeof(bytes))
                                                : recv(connection->socket, bytes, sizeof(bytes), 0);
        if (count == 0 || (connection->ssl != NULL && count < 0 &&
                           SSL_get_error(connection->ssl, (int)count) == SSL_ERROR_ZERO_RETURN)) {
            return KMB_OK;
        }
        if (count < 0) {
            return broken(connection, "receive from");
        }
        if (all->length + (size_t)count > ANSWER_MAX) {
            return error_set(connection->error, KMB_CONNECTION, "the answer is longer than %zu MiB", ANSWER_MAX >> 20);
        }
        buffer_append(all, bytes, (size_t)count);
    }
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

/* A header's value; NULL: there is none. headers: lines up to the empty one, each ended by CRLF, and a zero. */
static const char *header(const char *headers, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(headers, "\r\n"); line != NULL && line[2] != 0; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            return line + 2 + length + 1 + strspn(line + 2 + length + 1, " \t");
        }
    }
    return NULL;
}

static bool take_chunks(struct slice rest, struct buffer *answer) {
    for (;;) {
        char digits[17] = "";
        char *end = NULL;
        size_t length = rest.length < 16 ? rest.length : 16;
        memcpy(digits, rest.bytes, length);
        unsigned long long size = strtoull(digits, &end, 16);
        const uint8_t *line = memchr(rest.bytes, '\n', rest.length);
        if (end == digits || line == NULL || size > ANSWER_MAX) {
            return false;
        }
        size_t head = (size_t)(line - rest.bytes) + 1;
        if (size == 0) {
            return true;
        }
        if (rest.length - head < size + 2) {
            return false;
        }
        buffer_append(answer, rest.bytes + head, size);
        rest = slice_make(rest.bytes + head + size + 2, rest.length - head - size - 2);
    }
}

static bool take_answer(struct buffer *all, unsigned *code, struct buffer *answer) {
    char *text = (char *)(uintptr_t)buffer_text(all);
    char *end = text == NULL ? NULL : strstr(text, "\r\n\r\n");
    if (end == NULL || strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 12) {
        return false;
    }
    size_t head = (size_t)(end - text) + 4;
    struct slice rest = slice_make(all->bytes + head, all->length - head);
    end[2] = 0;
    *code = (unsigned)strtoul(text + 9, NULL, 10);
    const char *coding = header(text, "Transfer-Encoding");
    const char *length = header(text, "Content-Length");
    if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
        return take_chunks(rest, answer);
    }
    if (length != NULL && strtoull(length, NULL, 10) != rest.length) {
        return false;
    }
    buffer_append_slice(answer, rest);
    return true;
}

enum kmb_status http_fetch(const struct http_place *place, const char *path, const char *body, unsigned *code,
                           struct buffer *answer, struct kmb_error *error) {
    struct http_connection connection = {.place = place, .socket = -1, .error = error};
    struct buffer request = {0};
    struct buffer all = {0};
    bool address = strchr(place->host, ':') != NULL;
    buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n", body == NULL ? "GET" : "POST",
                  path, address ? "[" : "", place->host, address ? "]" : "", place->port);
    if (place->token != NULL) {
        buffer_printf(&request, "Authorization: Bearer %s\r\n", place->token);
    }
    buffer_append_text(&request, place->headers == NULL ? "" : place->headers);
    if (body != NULL) {
        buffer_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    }
    buffer_append_text(&request, "\r\n");
    buffer_append_text(&request, body == NULL ? "" : body);
    enum kmb_status status =
        buffer_ok(&request) ? connect_socket(&connection) : error_set(error, KMB_NO_MEMORY, "out of memory");
    if (status == KMB_OK && place->tls) {
        status = begin_tls(&connection);
    }
    status = status == KMB_OK ? send_all(&connection, &request) : status;
    status = status == KMB_OK ? receive_all(&connection, &all) : status;
    if (status == KMB_OK && !take_answer(&all, code, answer)) {
        status =
            error_set(error, KMB_CONNECTION, "what %s:%s answers is no whole answer of HTTP", place->host, place->port);
    }
    if (status == KMB_OK && !buffer_ok(answer)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    SSL_free(connection.ssl);
    SSL_CTX_free(connection.context);
    if (connection.socket >= 0) {
        close(connection.socket);
    }
    if (request.bytes != NULL) {
        explicit_bzero(request.bytes, request.capacity);
    }
    buffer_free(&request);
    buffer_free(&all);
    return status;
}
