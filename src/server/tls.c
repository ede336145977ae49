/*
 * TLS over OpenSSL, bent to an event loop's needs.
 *
 * OpenSSL's own socket BIO writes with write(), which raises SIGPIPE on a socket whose client is gone, and cannot be
 * given the bytes that the listener has read already. So the BIO is ours: recv and send on the socket, and a small run
 * of early bytes in front.
 *
 * Ten thousand connections sit idle most of the time. What OpenSSL keeps for one is made small: buffers go back when
 * they are empty (SSL_MODE_RELEASE_BUFFERS), no session cache, no tickets. Resumption would save a client that
 * reconnects a millisecond, and cost every connection memory and the operator a ticket key to think of.
 *
 * New files make a new version of the context. A connection holds the version it was accepted with, so a reload never
 * reaches into one that lives.
 */
#include "server/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/memory.h"

#define TLS_CIPHERS_1_3     "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define TLS_CIPHERS_1_2     "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define TLS_CHAIN_BYTES_MAX (64L << 10) /* of a client's certificates */
#define TLS_EARLY_BYTES_MAX ((size_t)64 << 10)
#define TLS_PEER_NAME_MAX   256
#define TLS_REASON_MAX      160

/* A context as one reading of the files made it. */
struct tls_generation {
    atomic_uint references;
    SSL_CTX *ssl;
    uint32_t binding_size;
    uint8_t binding[EVP_MAX_MD_SIZE];
};

struct tls_context {
    pthread_mutex_t lock; /* of `now` */
    struct tls_generation *now;
    struct tls_settings settings; /* texts are in `paths` */
    char *paths[3];
};

struct tls {
    SSL *ssl;
    struct tls_generation *generation;
    int socket;
    bool ended; /* the socket has no more input */
    char *peer_name;
    uint8_t *early; /* bytes not yet taken; NULL: none */
    uint32_t early_offset;
    uint32_t early_length;
};

/* --- errors --- */

/* The newest reason in OpenSSL's queue, which is then empty. */
static const char *tls_reason(char reason[TLS_REASON_MAX]) {
    unsigned long code = ERR_peek_last_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(reason, TLS_REASON_MAX, "%s", text == NULL ? "unknown reason" : text);
    ERR_clear_error();
    return reason;
}

static enum kmb_status tls_file_error(const char *what, const char *file, struct kmb_error *error) {
    char reason[TLS_REASON_MAX];
    return error_set(error, KMB_CONFIG, "could not load %s file \"%s\": %s", what, file, tls_reason(reason));
}

/* --- the BIO --- */

static int bio_read(BIO *bio, char *room, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) {
        return 0;
    }
    if (tls->early != NULL) {
        uint32_t left = tls->early_length - tls->early_offset;
        uint32_t take = left < (uint32_t)size ? left : (uint32_t)size;
        memcpy(room, tls->early + tls->early_offset, take);
        tls->early_offset += take;
        if (tls->early_offset == tls->early_length) {
            mem_free(tls->early);
            tls->early = NULL;
        }
        return (int)take;
    }
    ssize_t count = recv(tls->socket, room, (size_t)size, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    tls->ended = tls->ended || count == 0;
    return (int)count;
}

static int bio_write(BIO *bio, const char *bytes, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = send(tls->socket, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return (int)count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    const struct tls *tls = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1; /* nothing is held back */
    case BIO_CTRL_EOF:
        return tls->ended ? 1 : 0;
    default:
        return 0;
    }
}

static pthread_once_t bio_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *bio_method; /* constant once made */

static void bio_prepare(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kimberlite socket");
    if (method != NULL && BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_control) == 1) {
        bio_method = method;
    }
}

/* --- contexts --- */

static void generation_release(struct tls_generation *generation) {
    if (generation != NULL && atomic_fetch_sub_explicit(&generation->references, 1, memory_order_acq_rel) == 1) {
        SSL_CTX_free(generation->ssl);
        mem_free(generation);
    }
}

/* No passphrases: a server that asks for one on a terminal never starts. */
static int no_passphrase(char *room, int size, int writing, void *context) {
    (void)room;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

/* Clients that begin with TLS name the protocol (ALPN); to those that name others nothing is said. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                           const unsigned char *offered, unsigned offered_length, void *context) {
    (void)ssl;
    (void)context;
    static const unsigned char known[] = "\x0apostgresql\x0akimberlite";
    unsigned char *choice;
    if (SSL_select_next_proto(&choice, chosen_length, known, sizeof known - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *chosen = choice;
    return SSL_TLSEXT_ERR_OK;
}

static enum kmb_status file_check(const char *what, const char *file, bool secret, struct kmb_error *error) {
    struct stat facts;
    if (stat(file, &facts) != 0) {
        int number = errno;
        return error_set(error, number == ENOENT ? KMB_FILE_NOT_FOUND : KMB_IO, "could not access %s file \"%s\": %s",
                         what, file, strerror(number));
    }
    if (!S_ISREG(facts.st_mode)) {
        return error_set(error, KMB_CONFIG, "%s file \"%s\" is not a regular file", what, file);
    }
    mode_t open = facts.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if (secret && (facts.st_mode & open) != 0) {
        error_set(error, KMB_CONFIG, "private key file \"%s\" has group or world access", file);
        if (error != NULL) {
            error_hint(error, "Its permissions should be u=rw (0600) or less: chmod 600 %s", file);
        }
        return KMB_CONFIG;
    }
    return KMB_OK;
}

static enum kmb_status load_files(SSL_CTX *ssl, const struct tls_settings *settings, struct kmb_error *error) {
    enum kmb_status status = file_check("certificate", settings->certificate_file, false, error);
    if (status == KMB_OK) {
        status = file_check("private key", settings->key_file, true, error);
    }
    if (status == KMB_OK && settings->client != TLS_CLIENT_NONE) {
        status = file_check("certificate authority", settings->authority_file, false, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->certificate_file) != 1) {
        return tls_file_error("certificate", settings->certificate_file, error);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, settings->key_file, SSL_FILETYPE_PEM) != 1) {
        return tls_file_error("private key", settings->key_file, error);
    }
    if (SSL_CTX_check_private_key(ssl) != 1) {
        ERR_clear_error();
        return error_set(error, KMB_CONFIG, "private key \"%s\" is not that of certificate \"%s\"", settings->key_file,
                         settings->certificate_file);
    }
    if (settings->client == TLS_CLIENT_NONE) {
        return KMB_OK;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(settings->authority_file);
    if (names == NULL || SSL_CTX_load_verify_file(ssl, settings->authority_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_file_error("certificate authority", settings->authority_file, error);
    }
    SSL_CTX_set_client_CA_list(ssl, names); /* which takes them over */
    SSL_CTX_set_verify(ssl,
                       settings->client == TLS_CLIENT_REQUIRED ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                                               : SSL_VERIFY_PEER,
                       NULL);
    return KMB_OK;
}

/* RFC 5929 section 4: the certificate under the hash of its signature, MD5 and SHA-1 replaced. */
static void generation_bind(struct tls_generation *generation) {
    X509 *certificate = SSL_CTX_get0_certificate(generation->ssl);
    int digest = NID_undef;
    unsigned size = 0;
    if (certificate == NULL || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 ||
        digest == NID_undef) {
        ERR_clear_error();
        return; /* Ed25519 names no hash: there is no such binding */
    }
    const EVP_MD *hash = digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
    if (hash != NULL && X509_digest(certificate, hash, generation->binding, &size) == 1) {
        generation->binding_size = size;
    }
}

enum kmb_status tls_generation_new(const struct tls_settings *settings, struct tls_generation **made,
                                   struct kmb_error *error) {
    (void)pthread_once(&bio_once, bio_prepare);
    struct tls_generation *generation = mem_alloc_zero(1, sizeof *generation);
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (generation == NULL || ssl == NULL || bio_method == NULL) {
        mem_free(generation);
        SSL_CTX_free(ssl);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    generation->ssl = ssl;
    atomic_init(&generation->references, 1);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ssl, TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    static const unsigned char name[] = "kimberlite";
    bool good = SSL_CTX_set_min_proto_version(ssl, settings->allow_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_ciphersuites(ssl, TLS_CIPHERS_1_3) == 1 &&
                SSL_CTX_set_cipher_list(ssl, TLS_CIPHERS_1_2) == 1 &&
                SSL_CTX_set_session_id_context(ssl, name, sizeof name - 1) == 1;
    enum kmb_status status = KMB_OK;
    if (!good) {
        char reason[TLS_REASON_MAX];
        status = error_set(error, KMB_CONFIG, "could not prepare TLS: %s", tls_reason(reason));
    }
    if (status == KMB_OK) {
        status = load_files(ssl, settings, error);
    }
    if (status != KMB_OK) {
        generation_release(generation);
        return status;
    }
    generation_bind(generation);
    *made = generation;
    return KMB_OK;
}

enum kmb_status tls_context_new(const struct tls_settings *settings, struct tls_context **out,
                                struct kmb_error *error) {
    ASSERT(settings->certificate_file != NULL && settings->key_file != NULL);
    ASSERT(settings->client == TLS_CLIENT_NONE || settings->authority_file != NULL);
    struct tls_context *context = mem_alloc_zero(1, sizeof *context);
    if (context == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    (void)pthread_mutex_init(&context->lock, NULL);
    const char *paths[3] = {settings->certificate_file, settings->key_file, settings->authority_file};
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(paths) && status == KMB_OK; i++) {
        context->paths[i] = paths[i] == NULL ? NULL : mem_strdup(paths[i]);
        if (paths[i] != NULL && context->paths[i] == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory");
        }
    }
    context->settings = (struct tls_settings){.certificate_file = context->paths[0],
                                              .key_file = context->paths[1],
                                              .authority_file = context->paths[2],
                                              .client = settings->client,
                                              .allow_1_2 = settings->allow_1_2};
    if (status == KMB_OK) {
        status = tls_generation_new(&context->settings, &context->now, error);
    }
    if (status != KMB_OK) {
        tls_context_free(context);
        return status;
    }
    *out = context;
    return KMB_OK;
}

void tls_context_free(struct tls_context *context) {
    if (context == NULL) {
        return;
    }
    generation_release(context->now);
    for (size_t i = 0; i < ARRAY_LENGTH(context->paths); i++) {
        mem_free(context->paths[i]);
    }
    (void)pthread_mutex_destroy(&context->lock);
    mem_free(context);
}

enum kmb_status tls_context_reload(struct tls_context *context, struct kmb_error *error) {
    struct tls_generation *made = NULL;
    enum kmb_status status = tls_generation_new(&context->settings, &made, error);
    if (status != KMB_OK) {
        return status;
    }
    tls_context_change(context, made);
    return KMB_OK;
}

void tls_generation_drop(struct tls_generation *generation) {
    generation_release(generation);
}

void tls_context_change(struct tls_context *context, struct tls_generation *generation) {
    (void)pthread_mutex_lock(&context->lock);
    struct tls_generation *old = context->now;
    context->now = generation;
    (void)pthread_mutex_unlock(&context->lock);
    generation_release(old);
}

/* --- connections --- */

enum kmb_status tls_accept(struct tls_context *context, int socket, struct slice early, struct tls **out,
                           struct kmb_error *error) {
    ASSERT(socket >= 0 && early.length <= TLS_EARLY_BYTES_MAX);
    struct tls *tls = mem_alloc_zero(1, sizeof *tls);
    if (tls == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    (void)pthread_mutex_lock(&context->lock);
    tls->generation = context->now;
    (void)atomic_fetch_add_explicit(&tls->generation->references, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&context->lock);
    tls->socket = socket;
    tls->early_length = (uint32_t)early.length;
    if (early.length > 0) {
        tls->early = mem_dup(early.bytes, early.length);
    }
    tls->ssl = SSL_new(tls->generation->ssl);
    BIO *bio = BIO_new(bio_method);
    if (tls->ssl == NULL || bio == NULL || (early.length > 0 && tls->early == NULL)) {
        BIO_free(bio);
        tls_free(tls);
        ERR_clear_error();
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* which takes it over */
    SSL_set_accept_state(tls->ssl);
    *out = tls;
    return KMB_OK;
}

void tls_free(struct tls *tls) {
    if (tls == NULL) {
        return;
    }
    SSL_free(tls->ssl);
    generation_release(tls->generation);
    mem_free(tls->early);
    mem_free(tls->peer_name);
    mem_free(tls);
}

/* What a call that did not do it means. */
static enum tls_result tls_outcome(struct tls *tls, int answer, const char *doing, struct kmb_error *error) {
    int number = errno;
    switch (SSL_get_error(tls->ssl, answer)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        if (tls->ended || number == ECONNRESET || number == EPIPE) {
            return TLS_CLOSED;
        }
        error_set(error, KMB_CONNECTION, "could not %s TLS connection: %s", doing, strerror(number));
        return TLS_FAILED;
    default: {
        if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            ERR_clear_error();
            return TLS_CLOSED; /* without a goodbye: our protocols have their own ends */
        }
        char reason[TLS_REASON_MAX];
        error_set(error, KMB_CONNECTION, "could not %s TLS connection: %s", doing, tls_reason(reason));
        return TLS_FAILED;
    }
    }
}

/* Keeps the common name of a certificate that was verified; names with a zero in them are nobody's. */
static bool tls_keep_peer(struct tls *tls) {
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    if (certificate == NULL || SSL_get_verify_result(tls->ssl) != X509_V_OK) {
        return true;
    }
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return true; /* none, or two */
    }
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool good = true;
    if (length > 0 && length < TLS_PEER_NAME_MAX && memchr(text, 0, (size_t)length) == NULL) {
        tls->peer_name = mem_alloc((size_t)length + 1);
        good = tls->peer_name != NULL;
        if (good) {
            memcpy(tls->peer_name, text, (size_t)length);
            tls->peer_name[length] = '\0';
        }
    }
    if (length >= 0) {
        OPENSSL_free(text);
    }
    return good;
}

enum tls_result tls_handshake(struct tls *tls, struct kmb_error *error) {
    ERR_clear_error();
    errno = 0;
    int answer = SSL_do_handshake(tls->ssl);
    if (answer != 1) {
        return tls_outcome(tls, answer, "accept", error);
    }
    if (!tls_keep_peer(tls)) {
        error_set(error, KMB_NO_MEMORY, "out of memory");
        return TLS_FAILED;
    }
    return TLS_DONE;
}

enum tls_result tls_read(struct tls *tls, void *room, size_t size, size_t *count, struct kmb_error *error) {
    ASSERT(size > 0);
    *count = 0;
    ERR_clear_error();
    errno = 0;
    int answer = SSL_read_ex(tls->ssl, room, size, count);
    return answer == 1 ? TLS_DONE : tls_outcome(tls, answer, "read from", error);
}

enum tls_result tls_write(struct tls *tls, const void *bytes, size_t length, size_t *count, struct kmb_error *error) {
    ASSERT(length > 0);
    *count = 0;
    ERR_clear_error();
    errno = 0;
    int answer = SSL_write_ex(tls->ssl, bytes, length, count);
    return answer == 1 ? TLS_DONE : tls_outcome(tls, answer, "write to", error);
}

bool tls_has_input(const struct tls *tls) {
    return SSL_has_pending(tls->ssl) == 1 || tls->early != NULL;
}

enum tls_result tls_goodbye(struct tls *tls) {
    ERR_clear_error();
    errno = 0;
    int answer = SSL_shutdown(tls->ssl);
    enum tls_result result = answer >= 0 ? TLS_DONE : tls_outcome(tls, answer, "close", NULL);
    return result == TLS_WANT_READ || result == TLS_CLOSED ? TLS_DONE : result;
}

const char *tls_peer_name(const struct tls *tls) {
    return tls->peer_name;
}

struct slice tls_channel_binding(const struct tls *tls) {
    return slice_make(tls->generation->binding, tls->generation->binding_size);
}

const char *tls_version(const struct tls *tls) {
    return SSL_get_version(tls->ssl);
}

const char *tls_cipher(const struct tls *tls) {
    return SSL_get_cipher_name(tls->ssl);
}
