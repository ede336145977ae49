/*
 * Sockets do not block; waiting is poll() with what is left of the deadline. OpenSSL sees no socket: it reads and
 * writes two buffers of its own (memory BIOs), and what is in them is received and sent here, so that one loop waits
 * for everything and send() can be told to raise no signal.
 */
#include "client/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/memory.h"

#define NS_PER_MS 1000000

/* A server that says nothing is asked whether it is there after 20 s of silence, 4 times in 40 s. */
#define KEEPALIVE_IDLE_S     20
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT      4
#define UNACKNOWLEDGED_MS    60000 /* what is sent and never acknowledged ends the connection */

#define PUMP_BYTES 16384 /* as much as a record of TLS */

struct channel {
    int socket;
    SSL *ssl; /* NULL: none */
    SSL_CTX *context;
    char shown[128];
    size_t binding_length;
    uint8_t binding[EVP_MAX_MD_SIZE];
};

int64_t channel_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static enum kmb_status broken(const struct channel *channel, const char *why, struct kmb_error *error) {
    return error_set(error, KMB_CONNECTION, "the connection to %s is broken: %s", channel->shown, why);
}

static enum kmb_status closed(const struct channel *channel, struct kmb_error *error) {
    error_set(error, KMB_CONNECTION, "the server at %s closed the connection", channel->shown);
    error_hint(error, "Open another session. What was being written may be there, or not: look.");
    return KMB_CONNECTION;
}

/* KMB_OK: the socket is ready. KMB_CANCELLED: `wake` is. */
static enum kmb_status wait_socket(const struct channel *channel, short events, int wake, int64_t deadline_ns,
                                   struct kmb_error *error) {
    for (;;) {
        struct pollfd watched[2] = {{.fd = channel->socket, .events = events}, {.fd = wake, .events = POLLIN}};
        int64_t left = deadline_ns == CHANNEL_NO_DEADLINE ? -1 : (deadline_ns - channel_now_ns()) / NS_PER_MS + 1;
        int ready =
            poll(watched, wake < 0 ? 1 : 2, left < 0 ? (deadline_ns == CHANNEL_NO_DEADLINE ? -1 : 0) : (int)left);
        if (ready > 0 && watched[0].revents != 0) {
            return KMB_OK;
        }
        if (ready > 0 && wake >= 0 && watched[1].revents != 0) {
            return KMB_CANCELLED;
        }
        if (ready == 0 && channel_now_ns() >= deadline_ns) {
            error_set(error, KMB_CONNECTION, "the server at %s did not answer in time", channel->shown);
            error_hint(error, "Open another session. What was being written may be there, or not: look.");
            return KMB_CONNECTION;
        }
        if (ready < 0 && errno != EINTR) {
            return broken(channel, strerror(errno), error);
        }
    }
}

static bool would_block(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static enum kmb_status send_raw(const struct channel *channel, struct slice bytes, int64_t deadline_ns,
                                struct kmb_error *error) {
    while (bytes.length > 0) {
        ssize_t sent = send(channel->socket, bytes.bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes = slice_make(bytes.bytes + sent, bytes.length - (size_t)sent);
        } else if (would_block()) {
            enum kmb_status status = wait_socket(channel, POLLOUT, -1, deadline_ns, error);
            if (status != KMB_OK) {
                return status;
            }
        } else if (errno != EINTR) {
            return errno == EPIPE || errno == ECONNRESET ? closed(channel, error)
                                                         : broken(channel, strerror(errno), error);
        }
    }
    return KMB_OK;
}

static enum kmb_status receive_raw(const struct channel *channel, void *bytes, size_t size, size_t *count, int wake,
                                   int64_t deadline_ns, struct kmb_error *error) {
    for (;;) {
        ssize_t received = recv(channel->socket, bytes, size, MSG_DONTWAIT);
        if (received > 0) {
            *count = (size_t)received;
            return KMB_OK;
        }
        if (received == 0 || errno == ECONNRESET) {
            return closed(channel, error);
        }
        if (would_block()) {
            enum kmb_status status = wait_socket(channel, POLLIN, wake, deadline_ns, error);
            if (status != KMB_OK) {
                return status;
            }
        } else if (errno != EINTR) {
            return broken(channel, strerror(errno), error);
        }
    }
}

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

static enum kmb_status tls_error(const struct channel *channel, const char *what, struct kmb_error *error) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    long verified = channel->ssl == NULL ? X509_V_OK : SSL_get_verify_result(channel->ssl);
    error_set(error, KMB_CONNECTION, "%s %s: %s", what, channel->shown,
              verified != X509_V_OK ? X509_verify_cert_error_string(verified)
              : reason == NULL      ? "unknown reason"
                                    : reason);
    if (verified != X509_V_OK) {
        error_hint(error, "ca=FILE names the authority whose certificates are trusted.");
    }
    ERR_clear_error();
    return KMB_CONNECTION;
}

/* Sends what OpenSSL has written. */
static enum kmb_status pump_out(const struct channel *channel, int64_t deadline_ns, struct kmb_error *error) {
    uint8_t room[PUMP_BYTES];
    int count;
    while ((count = BIO_read(SSL_get_wbio(channel->ssl), room, sizeof(room))) > 0) {
        enum kmb_status status = send_raw(channel, slice_make(room, (size_t)count), deadline_ns, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

/* Receives something for OpenSSL to read. */
static enum kmb_status pump_in(const struct channel *channel, int wake, int64_t deadline_ns, struct kmb_error *error) {
    uint8_t room[PUMP_BYTES];
    size_t count = 0;
    enum kmb_status status = receive_raw(channel, room, sizeof(room), &count, wake, deadline_ns, error);
    if (status == KMB_OK && BIO_write(SSL_get_rbio(channel->ssl), room, (int)count) != (int)count) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status;
}

static enum kmb_status load_files(struct channel *channel, const struct address *address, struct kmb_error *error) {
    const char *bad = NULL;
    if (address->authority_file != NULL) {
        bad = SSL_CTX_load_verify_locations(channel->context, address->authority_file, NULL) == 1
                  ? NULL
                  : address->authority_file;
    } else if (SSL_CTX_set_default_verify_paths(channel->context) != 1) {
        bad = "of trusted authorities";
    }
    if (bad == NULL && address->certificate_file != NULL) {
        bad = SSL_CTX_use_certificate_chain_file(channel->context, address->certificate_file) != 1
                  ? address->certificate_file
              : SSL_CTX_use_PrivateKey_file(channel->context, address->key_file, SSL_FILETYPE_PEM) != 1
                  ? address->key_file
                  : NULL;
    }
    if (bad != NULL) {
        unsigned long code = ERR_peek_last_error();
        const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
        error_set(error, KMB_CONFIG, "cannot read the file %s: %s", bad, reason == NULL ? "unknown reason" : reason);
        ERR_clear_error();
        return KMB_CONFIG;
    }
    return KMB_OK;
}

/* Whom the certificate has to be for. */
static bool expect_name(const struct channel *channel, const char *host) {
    struct in6_addr number;
    bool is_number = inet_pton(AF_INET, host, &number) == 1 || inet_pton(AF_INET6, host, &number) == 1;
    if (is_number) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(channel->ssl), host) == 1;
    }
    return SSL_set_tlsext_host_name(channel->ssl, host) == 1 && SSL_set1_host(channel->ssl, host) == 1;
}

static void read_binding(struct channel *channel) {
    X509 *certificate = SSL_get0_peer_certificate(channel->ssl);
    int digest = NID_undef;
    unsigned size = 0;
    if (certificate == NULL || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 ||
        digest == NID_undef) {
        return;
    }
    const EVP_MD *hash = digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
    if (hash != NULL && X509_digest(certificate, hash, channel->binding, &size) == 1) {
        channel->binding_length = size;
    }
}

static enum kmb_status shake_hands(struct channel *channel, int64_t deadline_ns, struct kmb_error *error) {
    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(channel->ssl);
        int want = SSL_get_error(channel->ssl, result);
        enum kmb_status status = KMB_OK;
        if (result != 1 && want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) {
            status = tls_error(channel, "no TLS with the server at", error);
            (void)pump_out(channel, deadline_ns, NULL); /* the alert that says why */
            return status;
        }
        status = pump_out(channel, deadline_ns, error);
        if (result == 1 || status != KMB_OK) {
            return status;
        }
        status = pump_in(channel, -1, deadline_ns, error);
        if (status != KMB_OK) {
            error_prefix(error, "TLS");
            return status;
        }
    }
}

static enum kmb_status begin_tls(struct channel *channel, const struct address *address, int64_t deadline_ns,
                                 struct kmb_error *error) {
    channel->context = SSL_CTX_new(TLS_client_method());
    if (channel->context == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    SSL_CTX_set_min_proto_version(channel->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(channel->context, address->tls == ADDRESS_TLS_INSECURE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       NULL);
    enum kmb_status status = load_files(channel, address, error);
    if (status != KMB_OK) {
        return status;
    }
    channel->ssl = SSL_new(channel->context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (channel->ssl == NULL || in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    SSL_set_bio(channel->ssl, in, out);
    if (address->host != NULL && !expect_name(channel, address->host)) {
        return tls_error(channel, "no TLS with the server at", error);
    }
    status = shake_hands(channel, deadline_ns, error);
    if (status == KMB_OK) {
        read_binding(channel);
    }
    return status;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void set_options(int descriptor, int family) {
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    for (size_t i = 0; family != AF_UNIX && i < sizeof(options) / sizeof(options[0]); i++) {
        (void)setsockopt(descriptor, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
    }
}

/* Connects one socket. 0, or an errno. */
static int dial(struct channel *channel, int family, const struct sockaddr *place, socklen_t length,
                int64_t deadline_ns) {
    channel->socket = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (channel->socket < 0) {
        return errno;
    }
    set_options(channel->socket, family);
    int failed = connect(channel->socket, place, length) == 0 ? 0 : errno;
    if (failed == EINPROGRESS) {
        socklen_t size = sizeof(failed);
        struct kmb_error ignored;
        if (wait_socket(channel, POLLOUT, -1, deadline_ns, &ignored) != KMB_OK) {
            failed = ETIMEDOUT;
        } else if (getsockopt(channel->socket, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) {
            failed = errno;
        }
    }
    if (failed != 0) {
        close(channel->socket);
        channel->socket = -1;
    }
    return failed;
}

static int dial_unix(struct channel *channel, const char *path, int64_t deadline_ns) {
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(place.sun_path)) {
        return ENAMETOOLONG;
    }
    memcpy(place.sun_path, path, strlen(path) + 1);
    return dial(channel, AF_UNIX, (const struct sockaddr *)&place, sizeof(place), deadline_ns);
}

/* Each address of the name in turn. */
static int dial_host(struct channel *channel, const struct address *address, int64_t deadline_ns, const char **why) {
    struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[8];
    int failed = EHOSTUNREACH;
    snprintf(port, sizeof(port), "%u", address->port);
    int told = getaddrinfo(address->host, port, &wanted, &found);
    if (told != 0) {
        *why = gai_strerror(told);
        return failed;
    }
    for (const struct addrinfo *at = found; at != NULL && failed != 0; at = at->ai_next) {
        failed = dial(channel, at->ai_family, at->ai_addr, at->ai_addrlen, deadline_ns);
    }
    freeaddrinfo(found);
    return failed;
}

enum kmb_status channel_open(const struct address *address, struct channel **out, struct kmb_error *error) {
    struct channel *channel = mem_alloc_zero(1, sizeof(*channel));
    *out = NULL;
    if (channel == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    channel->socket = -1;
    snprintf(channel->shown, sizeof(channel->shown), "%s", address->shown);
    int64_t deadline_ns = channel_now_ns() + (int64_t)address->connect_ms * NS_PER_MS;
    const char *why = NULL;
    int failed = address->host == NULL ? dial_unix(channel, address->socket_path, deadline_ns)
                                       : dial_host(channel, address, deadline_ns, &why);
    enum kmb_status status = KMB_OK;
    if (failed != 0) {
        status = error_set(error, KMB_CONNECTION, "cannot connect to %s: %s", address->shown,
                           why != NULL ? why : strerror(failed));
        error_hint(error, "Is a server running there? \"kimberlite start\" starts one.");
    } else if (address->tls != ADDRESS_TLS_DISABLE) {
        status = begin_tls(channel, address, deadline_ns, error);
    }
    if (status != KMB_OK) {
        channel_close(channel);
        return status;
    }
    *out = channel;
    return KMB_OK;
}

void channel_close(struct channel *channel) {
    if (channel == NULL) {
        return;
    }
    if (channel->ssl != NULL && SSL_is_init_finished(channel->ssl)) {
        (void)SSL_shutdown(channel->ssl);
        (void)pump_out(channel, channel_now_ns(), NULL);
    }
    SSL_free(channel->ssl);
    SSL_CTX_free(channel->context);
    if (channel->socket >= 0) {
        close(channel->socket);
    }
    mem_free(channel);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

enum kmb_status channel_send(struct channel *channel, struct slice bytes, int64_t deadline_ns,
                             struct kmb_error *error) {
    if (channel->ssl == NULL) {
        return send_raw(channel, bytes, deadline_ns, error);
    }
    while (bytes.length > 0) {
        size_t part = bytes.length < PUMP_BYTES ? bytes.length : PUMP_BYTES;
        size_t written = 0;
        ERR_clear_error();
        if (SSL_write_ex(channel->ssl, bytes.bytes, part, &written) != 1) {
            return tls_error(channel, "TLS failed with the server at", error);
        }
        bytes = slice_make(bytes.bytes + written, bytes.length - written);
        enum kmb_status status = pump_out(channel, deadline_ns, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

enum kmb_status channel_receive(struct channel *channel, void *bytes, size_t size, size_t *count, int wake,
                                int64_t deadline_ns, struct kmb_error *error) {
    *count = 0;
    if (channel->ssl == NULL) {
        return receive_raw(channel, bytes, size, count, wake, deadline_ns, error);
    }
    for (;;) {
        ERR_clear_error();
        int result = SSL_read_ex(channel->ssl, bytes, size, count);
        int want = SSL_get_error(channel->ssl, result);
        if (result == 1) {
            return KMB_OK;
        }
        if (want == SSL_ERROR_ZERO_RETURN) {
            return closed(channel, error);
        }
        if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) {
            return tls_error(channel, "TLS failed with the server at", error);
        }
        enum kmb_status status = pump_out(channel, deadline_ns, error);
        if (status == KMB_OK) {
            status = pump_in(channel, wake, deadline_ns, error);
        }
        if (status != KMB_OK) {
            return status;
        }
    }
}

bool channel_ready(struct channel *channel) {
    struct pollfd watched = {.fd = channel->socket, .events = POLLIN};
    bool kept =
        channel->ssl != NULL && (SSL_pending(channel->ssl) > 0 || BIO_ctrl_pending(SSL_get_rbio(channel->ssl)) > 0);
    return kept || poll(&watched, 1, 0) > 0;
}

struct slice channel_binding(const struct channel *channel) {
    return slice_make(channel->binding, channel->binding_length);
}
