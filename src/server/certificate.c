/*
 * X.509 as small as it gets: a key, a name, a span of time, the extensions that say what it may be used for.
 *
 * What the authority may sign is bounded by the extensions themselves (no authority below it; a server's certificate
 * is no client's), so a stolen client key cannot play the server. Numbers are 128 random bits: two authorities' worth
 * of certificates never clash in a browser's cache.
 */
#include "server/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/buffer.h"

#define CERTIFICATE_NAME_MAX      64  /* RFC 5280: ub-common-name */
#define CERTIFICATE_HOST_MAX      253 /* of a host name */
#define CERTIFICATE_SERIAL_BITS   127
#define CERTIFICATE_BACKDATE_S    (-300) /* for clocks that are a little behind */
#define CERTIFICATE_SECONDS_A_DAY (24L * 60 * 60)

static enum kmb_status certificate_failed(const char *doing, struct kmb_error *error) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    return error_set(error, KMB_INTERNAL, "could not %s: %s", doing, reason == NULL ? "unknown reason" : reason);
}

/* --- names --- */

static bool host_valid(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_' || (c == '*' && i == 0 && name[1] == '.');
        bool dot = c == '.' && i > 0 && name[i - 1] != '.';
        if (!letter && !dot) {
            return false;
        }
    }
    return length > 0 && length <= CERTIFICATE_HOST_MAX;
}

static bool address_valid(const char *name) {
    uint8_t bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static enum kmb_status names_text(const struct certificate_request *request, struct buffer *text,
                                  struct kmb_error *error) {
    if (request->use == CERTIFICATE_SERVER &&
        (request->name_count == 0 || request->name_count > CERTIFICATE_NAMES_MAX)) {
        return error_set(error, KMB_USAGE, "a server's certificate needs 1 to %d names, not %zu", CERTIFICATE_NAMES_MAX,
                         request->name_count);
    }
    for (size_t i = 0; i < request->name_count; i++) {
        bool address = address_valid(request->names[i]);
        if (!address && !host_valid(request->names[i])) {
            return error_set(error, KMB_USAGE, "\"%s\" is neither a host name nor an address", request->names[i]);
        }
        buffer_printf(text, "%s%s:%s", i == 0 ? "" : ",", address ? "IP" : "DNS", request->names[i]);
    }
    return buffer_text(text) == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
}

static enum kmb_status request_check(const struct certificate_request *request, struct kmb_error *error) {
    ASSERT((request->use == CERTIFICATE_AUTHORITY) == (request->authority_file == NULL));
    size_t length = strlen(request->common_name);
    if (length == 0 || length > CERTIFICATE_NAME_MAX) {
        return error_set(error, KMB_USAGE, "the name in a certificate has 1 to %d bytes, not %zu", CERTIFICATE_NAME_MAX,
                         length);
    }
    if (request->days == 0 || request->days > CERTIFICATE_DAYS_MAX) {
        return error_set(error, KMB_USAGE, "a certificate is good for 1 to %d days, not %u", CERTIFICATE_DAYS_MAX,
                         request->days);
    }
    return KMB_OK;
}

/* --- the authority --- */

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static enum kmb_status authority_open(const char *file, FILE **stream, struct kmb_error *error) {
    *stream = fopen(file, "re");
    if (*stream != NULL) {
        return KMB_OK;
    }
    return error_set(error, errno == ENOENT ? KMB_FILE_NOT_FOUND : KMB_IO, "cannot open \"%s\": %s", file,
                     strerror(errno));
}

static int no_passphrase(char *room, int size, int writing, void *context) {
    (void)room;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static enum kmb_status authority_load(const struct certificate_request *request, struct authority *authority,
                                      struct kmb_error *error) {
    FILE *stream;
    enum kmb_status status = authority_open(request->authority_file, &stream, error);
    if (status != KMB_OK) {
        return status;
    }
    authority->certificate = PEM_read_X509(stream, NULL, no_passphrase, NULL);
    (void)fclose(stream);
    if (authority->certificate == NULL || X509_check_ca(authority->certificate) != 1) {
        ERR_clear_error();
        return error_set(error, KMB_CONFIG, "\"%s\" holds no certificate of an authority", request->authority_file);
    }
    status = authority_open(request->authority_key_file, &stream, error);
    if (status != KMB_OK) {
        return status;
    }
    authority->key = PEM_read_PrivateKey(stream, NULL, no_passphrase, NULL);
    (void)fclose(stream);
    if (authority->key == NULL || X509_check_private_key(authority->certificate, authority->key) != 1) {
        ERR_clear_error();
        return error_set(error, KMB_CONFIG, "\"%s\" holds no key of the authority in \"%s\"",
                         request->authority_key_file, request->authority_file);
    }
    return KMB_OK;
}

static void authority_release(struct authority *authority) {
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

/* --- the certificate --- */

static bool add_extension(X509 *certificate, X509V3_CTX *context, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, kind, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_extensions(X509 *certificate, X509 *issuer, enum certificate_use use, const char *names) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    bool authority = use == CERTIFICATE_AUTHORITY;
    bool good = add_extension(certificate, &context, NID_basic_constraints,
                              authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
                add_extension(certificate, &context, NID_key_usage,
                              authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
                add_extension(certificate, &context, NID_subject_key_identifier, "hash");
    if (good && !authority) {
        good = add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always") &&
               add_extension(certificate, &context, NID_ext_key_usage,
                             use == CERTIFICATE_SERVER ? "serverAuth" : "clientAuth");
    }
    return good && (names[0] == '\0' || add_extension(certificate, &context, NID_subject_alt_name, names));
}

static bool set_serial(X509 *certificate) {
    BIGNUM *number = BN_new();
    bool good = number != NULL && BN_rand(number, CERTIFICATE_SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good;
}

static X509 *certificate_build(const struct certificate_request *request, const struct authority *authority,
                               EVP_PKEY *key, const char *names) {
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate == NULL ? NULL : X509_get_subject_name(certificate);
    X509 *issuer = authority->certificate == NULL ? certificate : authority->certificate;
    bool good =
        certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), CERTIFICATE_BACKDATE_S) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long)request->days * CERTIFICATE_SECONDS_A_DAY) != NULL &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)request->common_name, -1, -1,
                                   0) == 1 &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, issuer, request->use, names) &&
        X509_sign(certificate, authority->key == NULL ? key : authority->key, EVP_sha256()) > 0;
    if (!good) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* --- files --- */

static enum kmb_status create_file(const char *path, mode_t mode, FILE **stream, struct kmb_error *error) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0) {
        int number = errno;
        enum kmb_status status = error_set(error, number == EEXIST ? KMB_FILE_EXISTS : KMB_IO,
                                           "cannot create \"%s\": %s", path, strerror(number));
        if (number == EEXIST && error != NULL) {
            error_hint(error, "Keys and certificates are never written over; remove the file first.");
        }
        return status;
    }
    *stream = fdopen(file, "w");
    if (*stream == NULL) {
        (void)close(file);
        (void)unlink(path);
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return KMB_OK;
}

static enum kmb_status close_file(FILE *stream, const char *path, bool written, struct kmb_error *error) {
    bool good = written && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
    int number = errno;
    good = fclose(stream) == 0 && good;
    return good ? KMB_OK : error_set(error, KMB_IO, "cannot write \"%s\": %s", path, strerror(number));
}

static enum kmb_status certificate_write(const struct certificate_request *request, X509 *certificate, EVP_PKEY *key,
                                         struct kmb_error *error) {
    FILE *stream;
    enum kmb_status status = create_file(request->key_file, 0600, &stream, error);
    if (status != KMB_OK) {
        return status;
    }
    bool written = PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1;
    status = close_file(stream, request->key_file, written, error);
    if (status == KMB_OK) {
        status = create_file(request->certificate_file, 0644, &stream, error);
        if (status == KMB_OK) {
            written = PEM_write_X509(stream, certificate) == 1;
            status = close_file(stream, request->certificate_file, written, error);
            if (status != KMB_OK) {
                (void)unlink(request->certificate_file);
            }
        }
    }
    if (status != KMB_OK) {
        (void)unlink(request->key_file);
    }
    return status;
}

enum kmb_status certificate_make(const struct certificate_request *request, struct kmb_error *error) {
    struct authority authority = {0};
    struct buffer names = {0};
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    ERR_clear_error();
    enum kmb_status status = request_check(request, error);
    if (status == KMB_OK) {
        status = names_text(request, &names, error);
    }
    if (status == KMB_OK && request->authority_file != NULL) {
        status = authority_load(request, &authority, error);
    }
    if (status == KMB_OK) {
        key = EVP_EC_gen("P-256");
        certificate = key == NULL ? NULL : certificate_build(request, &authority, key, buffer_text(&names));
        if (certificate == NULL) {
            status = certificate_failed("make a certificate", error);
        }
    }
    if (status == KMB_OK) {
        status = certificate_write(request, certificate, key, error);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    authority_release(&authority);
    buffer_free(&names);
    return status;
}
