/*
 * What somebody says who is not in yet: SCRAM messages to either side, passwords, verifiers, tokens with claims of the
 * stranger's choice (signed here, else nothing of them would be read) and tokens as they come; and the records that the
 * log keeps of roles, keys and logins. The first byte chooses.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "crypto/kdf.h"
#include "crypto/saslprep.h"
#include "crypto/scram.h"
#include "server/token.h"
#include "types/principal.h"
#include "types/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char secret[] = "0123456789abcdef0123456789abcdef";

static void must(bool good) {
    if (!good) {
        abort();
    }
}

static void passwords(struct slice text) {
    struct buffer out = {0};
    struct scram_verifier verifier;
    if (saslprep(text, &out)) {
        must(utf8_valid(buffer_slice(&out)) || slice_equal(buffer_slice(&out), text));
    } else {
        must(out.length == 0);
    }
    buffer_free(&out);
    if (scram_verifier_parse(text, &verifier)) {
        char again[SCRAM_VERIFIER_TEXT_MAX];
        struct scram_verifier other;
        must(scram_verifier_parse(slice_make(again, scram_verifier_text(&verifier, again)), &other));
        must(memcmp(&verifier, &other, sizeof verifier) == 0);
    }
}

/* Two messages, a zero between them. Nobody gets in who does not know the password. */
static void exchange(struct slice text, bool plus) {
    static struct scram_verifier verifier;
    static const uint8_t random[SCRAM_NONCE_SIZE] = "server's nonce...";
    struct slice binding = slice_text(plus ? "a binding" : "");
    struct scram_server server;
    struct scram_client client;
    struct buffer reply = {0};
    struct kmb_error error = {0};
    if (verifier.iterations == 0) {
        must(scram_verifier_make(slice_text("pencil"), slice_text("salt"), 1, &verifier, NULL) == KMB_OK);
    }
    const uint8_t *zero = text.length == 0 ? NULL : memchr(text.bytes, 0, text.length);
    size_t first = zero == NULL ? text.length : (size_t)(zero - text.bytes);
    struct slice second = zero == NULL ? text : slice_make(zero + 1, text.length - first - 1);
    must(scram_server_begin(&server, slice_text(plus ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM), binding, &verifier,
                            NULL, &error) == KMB_OK);
    if (scram_server_step(&server, slice_make(text.bytes, first), random, &reply, &error) == KMB_ROW) {
        buffer_clear(&reply);
        must(scram_server_step(&server, second, random, &reply, &error) != KMB_DONE);
    }
    buffer_clear(&reply);
    scram_client_begin(&client, binding, plus, random, &reply);
    if (text.length < 200) { /* as many rounds of hashing as the server asks for: not here */
        must(scram_client_finish(&client, text, &error) != KMB_OK);
    }
    buffer_free(&reply);
}

static void url_encode(struct slice text, struct buffer *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.length; i++) {
        bits = bits << 8 | text.bytes[i];
        for (count += 8; count >= 6; count -= 6) {
            buffer_append_byte(out, (uint8_t)digits[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) {
        buffer_append_byte(out, (uint8_t)digits[bits << (6 - count) & 63]);
    }
}

static void tokens(struct slice text, bool sign) {
    static struct token_verifier *verifier;
    struct token_claims claims;
    struct buffer token = {0};
    if (verifier == NULL) {
        struct token_settings settings = {.secret = slice_text(secret), .leeway_s = 60};
        must(token_verifier_new(&settings, &verifier, NULL) == KMB_OK);
    }
    if (sign) {
        url_encode(slice_text("{\"alg\":\"HS256\"}"), &token);
        buffer_append_byte(&token, '.');
        url_encode(text, &token);
        struct hash256 code = kdf_hmac_sha256(slice_text(secret), buffer_slice(&token));
        buffer_append_byte(&token, '.');
        url_encode(slice_make(code.bytes, HASH256_SIZE), &token);
        text = buffer_slice(&token);
    }
    if (token_verify(verifier, text, 1800000000, &claims, NULL) == KMB_OK) {
        must(sign && claims.subject[0] != 0 && claims.role_count > 0 && claims.roles[claims.role_count - 1][0] != 0);
    } else {
        must(claims.subject[0] == 0 && claims.role_count == 0);
    }
    buffer_free(&token);
}

static void records(struct slice text) {
    struct buffer again = {0};
    struct arena arena = {0};
    struct role_definition role;
    struct api_key_definition key;
    struct access_record access;
    bool no_memory = false;
    if (role_decode(text, &role)) {
        role_encode(&role, &again);
        must(slice_equal(buffer_slice(&again), text));
    }
    buffer_clear(&again);
    if (api_key_decode(text, &arena, &key, &no_memory)) {
        api_key_encode(&key, &again);
        must(slice_equal(buffer_slice(&again), text));
    }
    buffer_clear(&again);
    if (access_decode(text, &access)) {
        access_encode(&access, &again);
        must(slice_equal(buffer_slice(&again), text));
    }
    buffer_free(&again);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct slice rest = slice_make(bytes + 1, size - 1);
    switch (bytes[0] % 6) {
    case 0:
        passwords(rest);
        break;
    case 1:
    case 2:
        exchange(rest, bytes[0] % 6 == 2);
        break;
    case 3:
    case 4:
        tokens(rest, bytes[0] % 6 == 3);
        break;
    default:
        records(rest);
        break;
    }
    return 0;
}
