/*
 * TLS around any protocol: 1.3, or 1.2 where the operator allows it; server certificates, client certificates, and the
 * binding that SCRAM-SHA-256-PLUS ties a password to. One context serves all connections and can be given new files
 * while they go on; a connection keeps what it began with.
 *
 * A connection stands on a non-blocking socket that the caller owns and polls. Nothing here blocks, renegotiates,
 * resumes sessions or raises SIGPIPE. One thread at a time per connection; a context may be used by any thread.
 */
#ifndef KMB_SERVER_TLS_H
#define KMB_SERVER_TLS_H

#include "base/error.h"
#include "base/slice.h"

enum tls_client_certificate {
    TLS_CLIENT_NONE,     /* not asked for */
    TLS_CLIENT_OPTIONAL, /* asked for; one that is shown must be good */
    TLS_CLIENT_REQUIRED,
};

struct tls_settings {
    const char *certificate_file; /* PEM: the server's, then those between it and the authority */
    const char *key_file;         /* PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase; for nobody else to read */
    const char *authority_file;   /* PEM: who signs client certificates; NULL only with TLS_CLIENT_NONE */
    enum tls_client_certificate client;
    bool allow_1_2;
};

struct tls_context;

/* Reads the files. KMB_CONFIG with the file and what is wrong with it, KMB_FILE_NOT_FOUND, KMB_NO_MEMORY. */
enum kmb_status tls_context_new(const struct tls_settings *settings, struct tls_context **context,
                                struct kmb_error *error);
void tls_context_free(struct tls_context *context); /* NULL is fine; connections that live keep what they need */
/* Reads the same files again, for connections from now on. With an error, all stays as it was. */
enum kmb_status tls_context_reload(struct tls_context *context, struct kmb_error *error);

/* The same in two parts, with other files: what is made fails or not, and what is changed can not fail. */
struct tls_generation;
enum kmb_status tls_generation_new(const struct tls_settings *settings, struct tls_generation **generation,
                                   struct kmb_error *error);
void tls_generation_drop(struct tls_generation *generation);                             /* NULL is fine */
void tls_context_change(struct tls_context *context, struct tls_generation *generation); /* takes it */

/* One connection. */
struct tls;

enum tls_result {
    TLS_DONE,       /* handshake: it stands; read, write: *count > 0 bytes */
    TLS_WANT_READ,  /* poll the socket for input, then call again */
    TLS_WANT_WRITE, /* poll it for room, then call again */
    TLS_CLOSED,     /* the client has closed its side */
    TLS_FAILED,     /* broken: close the socket; the error says why */
};

/* early: what was read of the socket already (to tell TLS from other protocols); copied. KMB_NO_MEMORY. */
enum kmb_status tls_accept(struct tls_context *context, int socket, struct slice early, struct tls **tls,
                           struct kmb_error *error);
void tls_free(struct tls *tls); /* NULL is fine; the socket stays open */

/* Until it is TLS_DONE, nothing else may be called but tls_free(). */
enum tls_result tls_handshake(struct tls *tls, struct kmb_error *error);
/* As recv() and send(); room and length must not be 0. A write that wants to be called again is called with the same
 * bytes, wherever they stand by then. */
enum tls_result tls_read(struct tls *tls, void *room, size_t size, size_t *count, struct kmb_error *error);
enum tls_result tls_write(struct tls *tls, const void *bytes, size_t length, size_t *count, struct kmb_error *error);
/* Is there input that polling the socket would not tell of? Read until TLS_WANT_READ, or ask this. */
bool tls_has_input(const struct tls *tls);
/* Says goodbye: TLS_DONE, TLS_WANT_WRITE, TLS_FAILED. Does not wait for the client's. */
enum tls_result tls_goodbye(struct tls *tls);

/* The common name of the client's certificate, which has been verified; NULL: it showed none, or it has no usable one.
 * Lives as long as the connection. */
const char *tls_peer_name(const struct tls *tls);
/* tls-server-end-point (RFC 5929): empty where the server's certificate has none. Lives as long as the connection. */
struct slice tls_channel_binding(const struct tls *tls);
const char *tls_version(const struct tls *tls); /* "TLSv1.3" */
const char *tls_cipher(const struct tls *tls);  /* "TLS_AES_256_GCM_SHA384" */

#endif
