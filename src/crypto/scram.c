/*
 * SCRAM over fixed memory.
 *
 * A message is a list of attributes, "x=value" joined by commas, in an order that the RFC fixes; so reading one is
 * taking attributes from its front, and nothing has to be stored but the three texts that are signed at the end. The
 * words of refusals are PostgreSQL's, since its clients show them.
 *
 * What must not leak is whether the user exists. So all that depends on it is one flag, looked at when the proof has
 * been computed and compared; until then a made-up verifier takes every step a real one takes. The salt of a made-up
 * one comes from the name and a secret of the server's: it looks random and is the same at every try.
 */
#include "crypto/scram.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/base64.h"
#include "crypto/kdf.h"
#include "crypto/saslprep.h"

#define SCRAM_HASH_TEXT  BASE64_LENGTH(HASH256_SIZE)
#define SCRAM_NONCE_TEXT BASE64_LENGTH(SCRAM_NONCE_SIZE)
#define SCRAM_HEADER     "p=tls-server-end-point,,"

static struct slice hash_slice(const struct hash256 *hash) {
    return slice_make(hash->bytes, HASH256_SIZE);
}

/* --- verifiers --- */

/* SaltedPassword (RFC 5802 section 3). False: no memory. */
static bool salted_password(struct slice password, struct slice salt, uint32_t iterations, struct hash256 *salted) {
    return PKCS5_PBKDF2_HMAC((const char *)password.bytes, (int)password.length, salt.bytes, (int)salt.length,
                             (int)iterations, EVP_sha256(), HASH256_SIZE, salted->bytes) == 1;
}

/* The three keys of a password; client_key may be NULL. */
static enum kmb_status scram_keys(struct slice password, struct slice salt, uint32_t iterations,
                                  struct hash256 *client_key, struct hash256 *stored_key, struct hash256 *server_key,
                                  struct kmb_error *error) {
    ASSERT(salt.length > 0 && salt.length <= SCRAM_SALT_MAX);
    ASSERT(iterations > 0 && iterations <= SCRAM_ITERATIONS_MAX);
    struct buffer prepared = {0};
    struct hash256 salted;
    enum kmb_status status = saslprep_password(password, &prepared, error);
    if (status == KMB_OK) {
        buffer_append_byte(&prepared, 0); /* so that an empty one has bytes, too */
        prepared.length -= buffer_ok(&prepared) ? 1 : 0;
        if (!buffer_ok(&prepared) || prepared.length > INT32_MAX ||
            !salted_password(buffer_slice(&prepared), salt, iterations, &salted)) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory");
        }
    }
    if (status == KMB_OK) {
        struct hash256 client = kdf_hmac_sha256(hash_slice(&salted), slice_text("Client Key"));
        *stored_key = hash_sha256(client.bytes, HASH256_SIZE);
        *server_key = kdf_hmac_sha256(hash_slice(&salted), slice_text("Server Key"));
        if (client_key != NULL) {
            *client_key = client;
        }
        mem_wipe(&client, sizeof client);
        mem_wipe(&salted, sizeof salted);
    }
    if (prepared.bytes != NULL) {
        mem_wipe(prepared.bytes, prepared.capacity);
    }
    buffer_free(&prepared);
    return status;
}

enum kmb_status scram_verifier_make(struct slice password, struct slice salt, uint32_t iterations,
                                    struct scram_verifier *verifier, struct kmb_error *error) {
    ASSERT(salt.length <= SCRAM_SALT_MAX);
    *verifier = (struct scram_verifier){.iterations = iterations, .salt_size = (uint32_t)salt.length};
    memcpy(verifier->salt, salt.bytes, salt.length);
    return scram_keys(password, salt, iterations, NULL, &verifier->stored_key, &verifier->server_key, error);
}

/* Takes the front of *rest up to `end`, and `end` itself. */
static bool take_until(struct slice *rest, char end, struct slice *part) {
    const uint8_t *at = rest->length == 0 ? NULL : memchr(rest->bytes, end, rest->length);
    if (at == NULL) {
        return false;
    }
    size_t length = (size_t)(at - rest->bytes);
    *part = slice_make(rest->bytes, length);
    *rest = slice_make(at + 1, rest->length - length - 1);
    return true;
}

static bool parse_count(struct slice text, uint32_t *count) {
    uint32_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t digit = text.bytes[i];
        if (digit < '0' || digit > '9' || value > SCRAM_ITERATIONS_MAX / 10) {
            return false;
        }
        value = value * 10 + (uint32_t)(digit - '0');
    }
    *count = value;
    return text.length > 0 && value > 0 && value <= SCRAM_ITERATIONS_MAX;
}

bool scram_verifier_parse(struct slice text, struct scram_verifier *verifier) {
    struct slice scheme;
    struct slice iterations;
    struct slice salt;
    struct slice stored;
    *verifier = (struct scram_verifier){.iterations = 0};
    size_t salt_size = 0;
    bool good = text.length < SCRAM_VERIFIER_TEXT_MAX && take_until(&text, '$', &scheme) &&
                slice_equal_text(scheme, SCRAM_MECHANISM) && take_until(&text, ':', &iterations) &&
                take_until(&text, '$', &salt) && take_until(&text, ':', &stored) &&
                parse_count(iterations, &verifier->iterations) &&
                base64_decode(salt, verifier->salt, SCRAM_SALT_MAX, &salt_size) && salt_size > 0 &&
                base64_decode_exact(stored, verifier->stored_key.bytes, HASH256_SIZE) &&
                base64_decode_exact(text, verifier->server_key.bytes, HASH256_SIZE);
    verifier->salt_size = (uint32_t)salt_size;
    return good;
}

size_t scram_verifier_text(const struct scram_verifier *verifier, char text[SCRAM_VERIFIER_TEXT_MAX]) {
    char salt[BASE64_LENGTH(SCRAM_SALT_MAX) + 1];
    char stored[SCRAM_HASH_TEXT + 1];
    char server[SCRAM_HASH_TEXT + 1];
    base64_encode(salt, verifier->salt, verifier->salt_size);
    base64_encode(stored, verifier->stored_key.bytes, HASH256_SIZE);
    base64_encode(server, verifier->server_key.bytes, HASH256_SIZE);
    int length = snprintf(text, SCRAM_VERIFIER_TEXT_MAX, SCRAM_MECHANISM "$%u:%s$%s:%s", verifier->iterations, salt,
                          stored, server);
    ASSERT(length > 0 && length < SCRAM_VERIFIER_TEXT_MAX);
    return (size_t)length;
}

void scram_verifier_mock(const struct hash256 *secret, struct slice user, struct scram_verifier *verifier) {
    *verifier = (struct scram_verifier){.iterations = SCRAM_ITERATIONS_DEFAULT, .salt_size = SCRAM_SALT_SIZE};
    struct hash256 salt = kdf_hmac_sha256(hash_slice(secret), user);
    memcpy(verifier->salt, salt.bytes, SCRAM_SALT_SIZE);
}

enum kmb_status scram_verifier_check(const struct scram_verifier *verifier, struct slice password, bool *matches,
                                     struct kmb_error *error) {
    struct hash256 stored;
    struct hash256 server;
    *matches = false;
    enum kmb_status status = scram_keys(password, slice_make(verifier->salt, verifier->salt_size), verifier->iterations,
                                        NULL, &stored, &server, error);
    if (status == KMB_OK) {
        bool equal = secret_equal(stored.bytes, verifier->stored_key.bytes, HASH256_SIZE);
        *matches = secret_equal(server.bytes, verifier->server_key.bytes, HASH256_SIZE) && equal;
        mem_wipe(&stored, sizeof stored);
        mem_wipe(&server, sizeof server);
    }
    return status;
}

/* --- messages --- */

static enum kmb_status malformed(struct kmb_error *error, const char *detail) {
    error_set(error, KMB_PROTOCOL, "malformed SCRAM message");
    if (error != NULL) {
        error_detail(error, "%s", detail);
    }
    return KMB_PROTOCOL;
}

/* How PostgreSQL shows a byte that should not be there. */
static enum kmb_status unexpected(struct kmb_error *error, const char *what, struct slice rest) {
    char shown[8];
    char detail[80];
    uint8_t byte = rest.length > 0 ? rest.bytes[0] : 0;
    if (byte >= 0x21 && byte <= 0x7e) {
        snprintf(shown, sizeof shown, "'%c'", byte);
    } else {
        snprintf(shown, sizeof shown, "0x%02x", byte);
    }
    snprintf(detail, sizeof detail, "%s \"%s\".", what, shown);
    return malformed(error, detail);
}

/* Takes "<name>=<value>" and the comma behind it, if there is one. */
static enum kmb_status take_attribute(struct slice *rest, char name, struct slice *value, struct kmb_error *error) {
    if (rest->length == 0 || rest->bytes[0] != (uint8_t)name) {
        char what[64];
        snprintf(what, sizeof what, "Expected attribute \"%c\" but found", name);
        return unexpected(error, what, *rest);
    }
    if (rest->length < 2 || rest->bytes[1] != '=') {
        char what[64];
        snprintf(what, sizeof what, "Expected character \"=\" for attribute \"%c\", but found", name);
        return unexpected(error, what, slice_make(rest->bytes + 1, rest->length - 1));
    }
    struct slice behind = slice_make(rest->bytes + 2, rest->length - 2);
    if (take_until(&behind, ',', value)) {
        *rest = behind;
    } else {
        *value = behind;
        *rest = slice_make(NULL, 0);
    }
    return KMB_OK;
}

static bool nonce_printable(struct slice nonce) {
    for (size_t i = 0; i < nonce.length; i++) {
        if (nonce.bytes[i] < 0x21 || nonce.bytes[i] > 0x7e || nonce.bytes[i] == ',') {
            return false;
        }
    }
    return true;
}

/* HMAC over what both sides have said: client-first-bare, server-first, client-final without its proof. */
static struct hash256 signature_of(const struct hash256 *key, struct slice bare, struct slice first,
                                   struct slice final) {
    uint8_t bytes[SCRAM_MESSAGE_MAX * 3 + 512];
    size_t length = 0;
    const struct slice parts[] = {bare, slice_text(","), first, slice_text(","), final};
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        ASSERT(length + parts[i].length <= sizeof bytes);
        memcpy(bytes + length, parts[i].bytes, parts[i].length);
        length += parts[i].length;
    }
    return kdf_hmac_sha256(hash_slice(key), slice_make(bytes, length));
}

/* --- the server's side --- */

enum kmb_status scram_server_begin(struct scram_server *server, struct slice mechanism, struct slice binding,
                                   const struct scram_verifier *verifier, const struct scram_verifier *mock,
                                   struct kmb_error *error) {
    ASSERT(binding.length <= SCRAM_BINDING_MAX);
    bool plus = binding.length > 0 && slice_equal_text(mechanism, SCRAM_MECHANISM_PLUS);
    if (!plus && !slice_equal_text(mechanism, SCRAM_MECHANISM)) {
        return error_set(error, KMB_PROTOCOL, "client selected an invalid SASL authentication mechanism");
    }
    memset(server, 0, sizeof *server);
    server->plus = plus;
    server->doomed = verifier == NULL;
    server->verifier = verifier != NULL ? *verifier : *mock;
    server->binding_size = (uint32_t)binding.length;
    if (binding.length > 0) {
        memcpy(server->binding, binding.bytes, binding.length);
    }
    return KMB_OK;
}

/* The channel-binding flag and what it has to be; *rest behind its comma. */
static enum kmb_status server_flag(struct scram_server *server, struct slice *rest, struct kmb_error *error) {
    server->flag = rest->length == 0 ? '\0' : (char)rest->bytes[0];
    switch (server->flag) {
    case 'n':
    case 'y':
        if (server->plus) {
            return malformed(error, "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include "
                                    "channel binding data.");
        }
        if (server->flag == 'y' && server->binding_size > 0) {
            error_set(error, KMB_AUTHENTICATION, "SCRAM channel binding negotiation error");
            if (error != NULL) {
                error_detail(error, "The client supports SCRAM channel binding but thinks the server does not.  "
                                    "However, this server does support channel binding.");
            }
            return KMB_AUTHENTICATION;
        }
        *rest = slice_make(rest->bytes + 1, rest->length - 1);
        if (rest->length == 0 || rest->bytes[0] != ',') {
            return unexpected(error, "Comma expected, but found character", *rest);
        }
        *rest = slice_make(rest->bytes + 1, rest->length - 1);
        return KMB_OK;
    case 'p': {
        if (!server->plus) {
            return malformed(error, "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message "
                                    "includes channel binding data.");
        }
        struct slice kind;
        enum kmb_status status = take_attribute(rest, 'p', &kind, error);
        if (status == KMB_OK && !slice_equal_text(kind, "tls-server-end-point")) {
            int shown = kind.length > 64 ? 64 : (int)kind.length;
            return error_set(error, KMB_PROTOCOL, "unsupported SCRAM channel-binding type \"%.*s\"", shown,
                             nonce_printable(kind) ? (const char *)kind.bytes : "");
        }
        return status;
    }
    default:
        return unexpected(error, "Unexpected channel-binding flag", *rest);
    }
}

static enum kmb_status server_first(struct scram_server *server, struct slice message,
                                    const uint8_t random[SCRAM_NONCE_SIZE], struct buffer *reply,
                                    struct kmb_error *error) {
    struct slice rest = message;
    enum kmb_status status = server_flag(server, &rest, error);
    if (status != KMB_OK) {
        return status;
    }
    if (rest.length > 0 && rest.bytes[0] == 'a') {
        return error_set(error, KMB_UNSUPPORTED, "client uses authorization identity, but it is not supported");
    }
    if (rest.length == 0 || rest.bytes[0] != ',') {
        return unexpected(error, "Unexpected attribute", rest);
    }
    rest = slice_make(rest.bytes + 1, rest.length - 1);
    if (rest.length > 0 && rest.bytes[0] == 'm') {
        return error_set(error, KMB_UNSUPPORTED, "client requires an unsupported SCRAM extension");
    }
    memcpy(server->first_bare, rest.bytes, rest.length);
    server->first_bare_length = (uint32_t)rest.length;
    struct slice name;
    struct slice nonce;
    status = take_attribute(&rest, 'n', &name, error);
    if (status == KMB_OK) {
        status = take_attribute(&rest, 'r', &nonce, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (!nonce_printable(nonce)) {
        return error_set(error, KMB_PROTOCOL, "non-printable characters in SCRAM nonce");
    }
    memcpy(server->nonce, nonce.bytes, nonce.length); /* extensions behind it are optional ones, and signed */
    base64_encode(server->nonce + nonce.length, random, SCRAM_NONCE_SIZE);
    server->nonce_length = (uint32_t)(nonce.length + SCRAM_NONCE_TEXT);
    char salt[BASE64_LENGTH(SCRAM_SALT_MAX) + 1];
    base64_encode(salt, server->verifier.salt, server->verifier.salt_size);
    int length = snprintf(server->first, sizeof server->first, "r=%.*s,s=%s,i=%u", (int)server->nonce_length,
                          server->nonce, salt, server->verifier.iterations);
    ASSERT(length > 0 && (size_t)length < sizeof server->first);
    server->first_length = (uint32_t)length;
    buffer_append(reply, server->first, server->first_length);
    return KMB_ROW;
}

/* What the client has to repeat of the header and the connection, in base64. */
static size_t binding_text(bool plus, char flag, const uint8_t *binding, size_t size, char text[256]) {
    uint8_t bytes[sizeof(SCRAM_HEADER) + SCRAM_BINDING_MAX];
    size_t length = 0;
    if (plus) {
        memcpy(bytes, SCRAM_HEADER, strlen(SCRAM_HEADER));
        length = strlen(SCRAM_HEADER);
        memcpy(bytes + length, binding, size);
        length += size;
    } else {
        bytes[length++] = (uint8_t)flag;
        bytes[length++] = ',';
        bytes[length++] = ',';
    }
    ASSERT(BASE64_LENGTH(length) < 256);
    base64_encode(text, bytes, length);
    return BASE64_LENGTH(length);
}

static enum kmb_status server_binding(const struct scram_server *server, struct slice value, struct kmb_error *error) {
    char expected[256];
    size_t length = binding_text(server->plus, server->flag, server->binding, server->binding_size, expected);
    if (slice_equal(value, slice_make(expected, length))) {
        return KMB_OK;
    }
    return server->plus
               ? error_set(error, KMB_AUTHENTICATION, "SCRAM channel binding check failed")
               : error_set(error, KMB_PROTOCOL, "unexpected SCRAM channel-binding attribute in client-final-message");
}

/* Reads the final message: *signed_part is what the proof covers. */
static enum kmb_status server_read_final(const struct scram_server *server, struct slice message,
                                         struct slice *signed_part, struct hash256 *proof, struct kmb_error *error) {
    struct slice rest = message;
    struct slice binding;
    struct slice nonce;
    enum kmb_status status = take_attribute(&rest, 'c', &binding, error);
    if (status == KMB_OK) {
        status = server_binding(server, binding, error);
    }
    if (status == KMB_OK) {
        status = take_attribute(&rest, 'r', &nonce, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct slice value = {0};
    struct slice front = rest;
    for (;;) { /* optional extensions come before the proof; each round takes at least two bytes of the message */
        front = rest;
        if (rest.length < 2 || rest.bytes[1] != '=' ||
            !((rest.bytes[0] >= 'a' && rest.bytes[0] <= 'z') || (rest.bytes[0] >= 'A' && rest.bytes[0] <= 'Z'))) {
            return unexpected(error, "Attribute expected, but found invalid character", rest);
        }
        status = take_attribute(&rest, (char)rest.bytes[0], &value, error);
        ASSERT(status == KMB_OK);
        if (front.bytes[0] == 'p') {
            break;
        }
    }
    if (!base64_decode_exact(value, proof->bytes, HASH256_SIZE)) {
        return malformed(error, "Malformed proof in client-final-message.");
    }
    if (rest.length > 0 || front.bytes + 2 + value.length != message.bytes + message.length) {
        return malformed(error, "Garbage found at the end of client-final-message.");
    }
    *signed_part = slice_make(message.bytes, (size_t)(front.bytes - message.bytes) - 1);
    if (!slice_equal(nonce, slice_make(server->nonce, server->nonce_length))) {
        error_set(error, KMB_PROTOCOL, "invalid SCRAM response");
        if (error != NULL) {
            error_detail(error, "Nonce does not match.");
        }
        return KMB_PROTOCOL;
    }
    return KMB_OK;
}

static enum kmb_status server_final(struct scram_server *server, struct slice message, struct buffer *reply,
                                    struct kmb_error *error) {
    struct slice signed_part;
    struct hash256 proof;
    enum kmb_status status = server_read_final(server, message, &signed_part, &proof, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice bare = slice_make(server->first_bare, server->first_bare_length);
    struct slice first = slice_make(server->first, server->first_length);
    struct hash256 client = signature_of(&server->verifier.stored_key, bare, first, signed_part);
    struct hash256 signature = signature_of(&server->verifier.server_key, bare, first, signed_part);
    for (size_t i = 0; i < HASH256_SIZE; i++) {
        client.bytes[i] ^= proof.bytes[i]; /* the client's key, if it has it */
    }
    struct hash256 stored = hash_sha256(client.bytes, HASH256_SIZE);
    bool known = secret_equal(stored.bytes, server->verifier.stored_key.bytes, HASH256_SIZE);
    mem_wipe(&client, sizeof client);
    if (!known || server->doomed) {
        return error_set(error, KMB_INVALID_PASSWORD, "password authentication failed");
    }
    char text[SCRAM_HASH_TEXT + 1];
    base64_encode(text, signature.bytes, HASH256_SIZE);
    buffer_append_text(reply, "v=");
    buffer_append_text(reply, text);
    return KMB_DONE;
}

enum kmb_status scram_server_step(struct scram_server *server, struct slice message,
                                  const uint8_t random[SCRAM_NONCE_SIZE], struct buffer *reply,
                                  struct kmb_error *error) {
    ASSERT(server->state == SCRAM_SERVER_FIRST || server->state == SCRAM_SERVER_FINAL);
    bool first = server->state == SCRAM_SERVER_FIRST;
    server->state = SCRAM_SERVER_FAILED;
    if (message.length == 0) {
        return malformed(error, "The message is empty.");
    }
    if (message.length > SCRAM_MESSAGE_MAX || memchr(message.bytes, 0, message.length) != NULL) {
        return malformed(error, "Message length does not match input length.");
    }
    enum kmb_status status =
        first ? server_first(server, message, random, reply, error) : server_final(server, message, reply, error);
    if ((status == KMB_ROW || status == KMB_DONE) && !buffer_ok(reply)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_ROW) {
        server->state = SCRAM_SERVER_FINAL;
    } else if (status == KMB_DONE) {
        server->state = SCRAM_SERVER_DONE;
    }
    return status;
}

void scram_server_wipe(struct scram_server *server) {
    mem_wipe(server, sizeof *server);
}

/* --- the client's side --- */

void scram_client_begin(struct scram_client *client, struct slice binding, bool plus,
                        const uint8_t random[SCRAM_NONCE_SIZE], struct buffer *message) {
    ASSERT(binding.length <= SCRAM_BINDING_MAX);
    memset(client, 0, sizeof *client);
    client->plus = plus && binding.length > 0;
    client->offered = !plus && binding.length > 0;
    client->binding_size = (uint32_t)binding.length;
    if (binding.length > 0) {
        memcpy(client->binding, binding.bytes, binding.length);
    }
    base64_encode(client->nonce, random, SCRAM_NONCE_SIZE);
    client->nonce_length = SCRAM_NONCE_TEXT;
    int length = snprintf(client->first_bare, sizeof client->first_bare, "n=,r=%s", client->nonce);
    ASSERT(length > 0 && (size_t)length < sizeof client->first_bare);
    client->first_bare_length = (uint32_t)length;
    buffer_append_text(message, client->plus ? SCRAM_HEADER : client->offered ? "y,," : "n,,");
    buffer_append(message, client->first_bare, client->first_bare_length);
}

enum kmb_status scram_client_answer(struct scram_client *client, struct slice server_first_message,
                                    struct slice password, struct buffer *message, struct kmb_error *error) {
    struct slice rest = server_first_message;
    struct slice nonce;
    struct slice salt_text;
    struct slice count;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_size = 0;
    uint32_t iterations = 0;
    if (rest.length == 0 || rest.length > SCRAM_MESSAGE_MAX) {
        return malformed(error, "The server's first message is empty or too long.");
    }
    enum kmb_status status = take_attribute(&rest, 'r', &nonce, error);
    if (status == KMB_OK) {
        status = take_attribute(&rest, 's', &salt_text, error);
    }
    if (status == KMB_OK) {
        status = take_attribute(&rest, 'i', &count, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (nonce.length <= client->nonce_length || !nonce_printable(nonce) ||
        memcmp(nonce.bytes, client->nonce, client->nonce_length) != 0) {
        return error_set(error, KMB_PROTOCOL, "invalid SCRAM response (nonce mismatch)");
    }
    if (!base64_decode(salt_text, salt, sizeof salt, &salt_size) || salt_size == 0 ||
        !parse_count(count, &iterations)) {
        return malformed(error, "Invalid salt or iteration count in the server's first message.");
    }
    char final[SCRAM_MESSAGE_MAX + 512];
    char binding[256];
    binding_text(client->plus, client->offered ? 'y' : 'n', client->binding, client->binding_size, binding);
    int length = snprintf(final, sizeof final, "c=%s,r=%.*s", binding, (int)nonce.length, (const char *)nonce.bytes);
    ASSERT(length > 0 && (size_t)length < sizeof final);
    struct hash256 client_key;
    struct hash256 stored_key;
    struct hash256 server_key;
    status =
        scram_keys(password, slice_make(salt, salt_size), iterations, &client_key, &stored_key, &server_key, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice bare = slice_make(client->first_bare, client->first_bare_length);
    struct hash256 proof = signature_of(&stored_key, bare, server_first_message, slice_make(final, (size_t)length));
    client->server_signature = signature_of(&server_key, bare, server_first_message, slice_make(final, (size_t)length));
    for (size_t i = 0; i < HASH256_SIZE; i++) {
        proof.bytes[i] ^= client_key.bytes[i];
    }
    mem_wipe(&client_key, sizeof client_key);
    mem_wipe(&server_key, sizeof server_key);
    char text[SCRAM_HASH_TEXT + 1];
    base64_encode(text, proof.bytes, HASH256_SIZE);
    buffer_append(message, final, (size_t)length);
    buffer_append_text(message, ",p=");
    buffer_append_text(message, text);
    return buffer_ok(message) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

enum kmb_status scram_client_finish(struct scram_client *client, struct slice message, struct kmb_error *error) {
    struct slice rest = message;
    struct slice value;
    if (rest.length > 0 && rest.bytes[0] == 'e') {
        enum kmb_status refused = take_attribute(&rest, 'e', &value, error);
        return refused != KMB_OK
                   ? refused
                   : error_set(error, KMB_AUTHENTICATION, "error received from server in SCRAM exchange: %.*s",
                               value.length > 64 ? 64 : (int)value.length, (const char *)value.bytes);
    }
    enum kmb_status status = take_attribute(&rest, 'v', &value, error);
    if (status != KMB_OK) {
        return status;
    }
    struct hash256 signature;
    if (!base64_decode_exact(value, signature.bytes, HASH256_SIZE)) {
        return malformed(error, "Invalid server signature.");
    }
    return secret_equal(signature.bytes, client->server_signature.bytes, HASH256_SIZE)
               ? KMB_OK
               : error_set(error, KMB_AUTHENTICATION, "incorrect server signature");
}

void scram_client_wipe(struct scram_client *client) {
    mem_wipe(client, sizeof *client);
}
