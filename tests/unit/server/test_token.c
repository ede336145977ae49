/*
 * Tokens: signed here with OpenSSL as an issuer would, in all three algorithms; and each way in which one can be wrong,
 * first of all a key used with an algorithm that is not its own.
 */
#include "server_test.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buffer.h"
#include "crypto/kdf.h"
#include "server/token.h"

#define NOW INT64_C(1800000000)

static struct test_folder folder;
static EVP_PKEY *rsa;
static EVP_PKEY *rsa_other;
static EVP_PKEY *ed;
static const char secret[] = "a secret of thirty-two bytes and then some";
static char rsa_n[1024]; /* base64url */

static void url_encode(const void *bytes, size_t size, struct buffer *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *at = bytes;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | at[i];
        for (count += 8; count >= 6; count -= 6) {
            buffer_append_byte(out, (uint8_t)digits[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) {
        buffer_append_byte(out, (uint8_t)digits[bits << (6 - count) & 63]);
    }
}

static void number_text(const EVP_PKEY *key, const char *name, char *room, size_t size) {
    BIGNUM *number = NULL;
    uint8_t bytes[1024];
    struct buffer text = {0};
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    url_encode(bytes, (size_t)BN_bn2bin(number, bytes), &text);
    (void)snprintf(room, size, "%s", buffer_text(&text));
    buffer_free(&text);
    BN_free(number);
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(test_path(&folder, name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state) {
    (void)state;
    folder = test_folder_make();
    rsa = EVP_RSA_gen(2048);
    rsa_other = EVP_RSA_gen(2048);
    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char e[64];
    uint8_t raw[32];
    size_t size = sizeof raw;
    assert_int_equal(EVP_PKEY_get_raw_public_key(ed, raw, &size), 1);
    struct buffer x = {0};
    struct buffer k = {0};
    url_encode(raw, size, &x);
    url_encode(secret, strlen(secret), &k);
    number_text(rsa, OSSL_PKEY_PARAM_RSA_N, rsa_n, sizeof rsa_n);
    number_text(rsa, OSSL_PKEY_PARAM_RSA_E, e, sizeof e);
    struct buffer set = {0};
    buffer_printf(
        &set,
        "{\"keys\": [{\"kty\": \"oct\", \"kid\": \"shared\", \"k\": \"%s\"},"
        "{\"kty\": \"RSA\", \"kid\": \"r1\", \"alg\": \"RS256\", \"use\": \"sig\", \"n\": \"%s\", \"e\": \"%s\"},"
        "{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"%s\"},"
        "{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AA\", \"y\": \"AA\"},"
        "{\"kty\": \"RSA\", \"use\": \"enc\", \"n\": \"AA\", \"e\": \"AA\"}]}",
        buffer_text(&k), rsa_n, e, buffer_text(&x));
    write_file("keys.json", buffer_text(&set));
    buffer_free(&set);
    buffer_free(&x);
    buffer_free(&k);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(rsa_other);
    EVP_PKEY_free(ed);
    test_folder_remove(&folder);
    return 0;
}

static void sign(EVP_PKEY *key, struct buffer *token) {
    uint8_t signature[1024];
    size_t size = sizeof signature;
    struct slice message = buffer_slice(token);
    if (key == NULL) {
        struct hash256 code = kdf_hmac_sha256(slice_make(secret, strlen(secret)), message);
        memcpy(signature, code.bytes, size = HASH256_SIZE);
    } else {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const EVP_MD *digest = key == ed ? NULL : EVP_sha256();
        assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &size, message.bytes, message.length), 1);
        EVP_MD_CTX_free(context);
    }
    buffer_append_byte(token, '.');
    url_encode(signature, size, token);
}

#define GOOD                                                                                                           \
    "{\"sub\":\"alice\",\"tenant_id\":7,\"roles\":[\"user\",\"Admin\"],\"iat\":1799999990,\"exp\":1800003600,"         \
    "\"iss\":\"kimberlite\",\"aud\":[\"other\",\"kimberlite\"],\"jti\":\"a-1\"}"

static struct token_verifier *verifier_of(const char *file) {
    struct token_verifier *verifier = NULL;
    struct kmb_error error = {0};
    struct token_settings settings = {.key_file = file == NULL ? NULL : test_path(&folder, file), .leeway_s = 60};
    settings.secret = file == NULL ? slice_make(secret, strlen(secret)) : slice_make(NULL, 0);
    if (token_verifier_new(&settings, &verifier, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    return verifier;
}

static void token_make(const char *header, const char *payload, EVP_PKEY *key, struct buffer *token) {
    buffer_clear(token);
    url_encode(header, strlen(header), token);
    buffer_append_byte(token, '.');
    url_encode(payload, strlen(payload), token);
    sign(key, token);
}

static enum kmb_status verify(struct token_verifier *verifier, const char *header, const char *payload, EVP_PKEY *key,
                              int64_t now, struct token_claims *claims, struct kmb_error *error) {
    struct buffer token = {0};
    token_make(header, payload, key, &token);
    enum kmb_status status = token_verify(verifier, buffer_slice(&token), now, claims, error);
    buffer_free(&token);
    return status;
}

static void good_ones(void **state) {
    (void)state;
    struct token_verifier *set = verifier_of("keys.json");
    struct token_verifier *alone = verifier_of(NULL);
    struct token_claims claims;
    struct kmb_error error = {0};
    const struct {
        const char *header;
        EVP_PKEY *key;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", NULL},
        {"{\"alg\":\"HS256\",\"kid\":\"shared\"}", NULL},
        {"{\"alg\":\"RS256\",\"kid\":\"r1\"}", rsa},
        {"{\"alg\":\"RS256\"}", rsa},
        {"{\"alg\":\"EdDSA\"}", ed},
        {"{\"alg\":\"EdDSA\",\"kid\":\"any\"}", ed},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (verify(set, cases[i].header, GOOD, cases[i].key, NOW, &claims, &error) != KMB_OK) {
            fail_msg("%s: %s", cases[i].header, error.message);
        }
        assert_string_equal(claims.subject, "alice");
        assert_int_equal(claims.tenant, 7);
        assert_int_equal(claims.role_count, 2);
        assert_string_equal(claims.roles[1], "Admin");
        assert_string_equal(claims.id, "a-1");
        assert_int_equal(claims.expires_s, 1800003600);
    }
    assert_int_equal(verify(alone, cases[0].header, GOOD, NULL, NOW, &claims, &error), KMB_OK);
    assert_int_equal(verify(alone, cases[3].header, GOOD, rsa, NOW, &claims, &error), KMB_AUTHENTICATION);
    /* an audience that is one text; times with a leeway of a minute */
    assert_int_equal(verify(set, cases[0].header,
                            "{\"sub\":\"b\",\"tenant_id\":0,\"roles\":[\"x\"],\"iat\":1800000050,\"exp\":1799999950,"
                            "\"nbf\":1800000059.5,\"iss\":\"kimberlite\",\"aud\":\"kimberlite\"}",
                            NULL, NOW, &claims, &error),
                     KMB_OK);
    token_verifier_free(set);
    token_verifier_free(alone);
}

/* Whoever has the public key must not be able to sign with it. */
static void algorithms_are_not_confused(void **state) {
    (void)state;
    struct token_verifier *set = verifier_of("keys.json");
    struct token_claims claims;
    struct kmb_error error = {0};
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",  "{\"alg\":\"None\"}",  "{\"alg\":\"hs256\"}", "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS512\"}", "{\"alg\":\"PS256\"}", "{\"alg\":\"ES256\"}", "{}",
        "{\"alg\":256}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
        assert_int_equal(verify(set, headers[i], GOOD, NULL, NOW, &claims, &error), KMB_AUTHENTICATION);
        assert_string_equal(error.message, "token is signed with an algorithm that is not accepted");
    }
    /* another's key, another algorithm's key, a key by another's name, an extension that is critical */
    assert_int_equal(verify(set, "{\"alg\":\"RS256\"}", GOOD, rsa_other, NOW, &claims, &error), KMB_AUTHENTICATION);
    assert_string_equal(error.message, "token has a signature that is not valid");
    assert_int_equal(verify(set, "{\"alg\":\"RS256\"}", GOOD, NULL, NOW, &claims, &error), KMB_AUTHENTICATION);
    assert_int_equal(verify(set, "{\"alg\":\"HS256\"}", GOOD, rsa, NOW, &claims, &error), KMB_AUTHENTICATION);
    assert_int_equal(verify(set, "{\"alg\":\"EdDSA\"}", GOOD, rsa, NOW, &claims, &error), KMB_AUTHENTICATION);
    assert_int_equal(verify(set, "{\"alg\":\"RS256\",\"kid\":\"shared\"}", GOOD, rsa, NOW, &claims, &error),
                     KMB_AUTHENTICATION);
    assert_int_equal(verify(set, "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", GOOD, rsa, NOW, &claims, &error),
                     KMB_AUTHENTICATION);
    /* HS256 under the bytes of the public key */
    struct buffer token = {0};
    url_encode("{\"alg\":\"HS256\",\"kid\":\"r1\"}", 27, &token);
    buffer_append_byte(&token, '.');
    url_encode(GOOD, strlen(GOOD), &token);
    struct hash256 code = kdf_hmac_sha256(slice_text(rsa_n), buffer_slice(&token));
    buffer_append_byte(&token, '.');
    url_encode(code.bytes, HASH256_SIZE, &token);
    assert_int_equal(token_verify(set, buffer_slice(&token), NOW, &claims, &error), KMB_AUTHENTICATION);
    buffer_free(&token);
    token_verifier_free(set);
}

static void claims_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *change; /* of GOOD: member to replace, or with '-' to take away */
        const char *value;
        const char *why;
    } cases[] = {
        {"exp", "1799999940", "token has expired"},
        {"exp", "\"never\"", "token does not say from when to when it is good (iat, exp)"},
        {"-exp", NULL, "token does not say from when to when it is good (iat, exp)"},
        {"-iat", NULL, "token does not say from when to when it is good (iat, exp)"},
        {"exp", "1e300", "token does not say from when to when it is good (iat, exp)"},
        {"exp", "-5", "token does not say from when to when it is good (iat, exp)"},
        {"iat", "1800000061", "token is not good yet"},
        {"nbf", "1800000061", "token is not good yet"},
        {"nbf", "[]", "token does not say from when to when it is good (iat, exp)"},
        {"iss", "\"somebody\"", "token is of another issuer"},
        {"-iss", NULL, "token is of another issuer"},
        {"aud", "[\"other\"]", "token is for another audience"},
        {"aud", "[]", "token is for another audience"},
        {"-aud", NULL, "token is for another audience"},
        {"sub", "\"\"", "token does not say who it is for (sub)"},
        {"sub", "7", "token does not say who it is for (sub)"},
        {"sub", "\"a\\u0000b\"", "token does not say who it is for (sub)"},
        {"-tenant_id", NULL, "token does not say which tenant it is for (tenant_id)"},
        {"tenant_id", "\"7\"", "token does not say which tenant it is for (tenant_id)"},
        {"tenant_id", "4294967296", "token does not say which tenant it is for (tenant_id)"},
        {"tenant_id", "-1", "token does not say which tenant it is for (tenant_id)"},
        {"roles", "[]", "token does not say what roles it gives (roles)"},
        {"roles", "[1]", "token does not say what roles it gives (roles)"},
        {"roles", "\"admin\"", "token does not say what roles it gives (roles)"},
        {"jti", "{}", "token has a jti that is none"},
    };
    struct token_verifier *set = verifier_of("keys.json");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        json_t *object = json_loads(GOOD, 0, NULL);
        if (cases[i].value == NULL) {
            assert_int_equal(json_object_del(object, cases[i].change + 1), 0);
        } else {
            json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            assert_non_null(value);
            assert_int_equal(json_object_set_new(object, cases[i].change, value), 0);
        }
        char *payload = json_dumps(object, JSON_COMPACT);
        struct token_claims claims;
        struct kmb_error error = {0};
        enum kmb_status status = verify(set, "{\"alg\":\"HS256\"}", payload, NULL, NOW, &claims, &error);
        bool nul = strstr(cases[i].value == NULL ? "" : cases[i].value, "u0000") != NULL;
        if (status != KMB_AUTHENTICATION || (!nul && strcmp(error.message, cases[i].why) != 0)) {
            fail_msg("%s = %s: %s", cases[i].change, cases[i].value, error.message);
        }
        assert_string_equal(claims.subject, ""); /* nothing of it is left */
        free(payload);
        json_decref(object);
    }
    token_verifier_free(set);
}

static void any_change_is_seen(void **state) {
    (void)state;
    struct token_verifier *set = verifier_of("keys.json");
    struct buffer token = {0};
    token_make("{\"alg\":\"HS256\"}", GOOD, NULL, &token);
    struct token_claims claims;
    assert_int_equal(token_verify(set, buffer_slice(&token), NOW, &claims, NULL), KMB_OK);
    for (size_t i = 0; i < token.length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            token.bytes[i] ^= (uint8_t)(1u << bit);
            assert_int_equal(token_verify(set, buffer_slice(&token), NOW, &claims, NULL), KMB_AUTHENTICATION);
            token.bytes[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_equal(token_verify(set, slice_make(token.bytes, i), NOW, &claims, NULL), KMB_AUTHENTICATION);
    }
    buffer_append_byte(&token, '=');
    assert_int_equal(token_verify(set, buffer_slice(&token), NOW, &claims, NULL), KMB_AUTHENTICATION);
    static const char *const shapes[] = {"", ".", "..", "...", "a.b", "a.b.c.d", "a..c", "eyJ9.e30.AA"};
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        assert_int_equal(token_verify(set, slice_text(shapes[i]), NOW, &claims, NULL), KMB_AUTHENTICATION);
    }
    buffer_free(&token);
    token_verifier_free(set);
}

static void key_sets(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "is no JSON"},
        {"[]", "has no list of keys"},
        {"{\"keys\": []}", "has no key for HS256, RS256 or EdDSA"},
        {"{\"keys\": [{\"kty\": \"EC\"}]}", "has no key for HS256, RS256 or EdDSA"},
        {"{\"keys\": [{}]}", "kty and, if any, kid are texts"},
        {"{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2hvcnQ\"}]}", "no secret (k) of 32 bytes or more"},
        {"{\"keys\": [{\"kty\": \"RSA\", \"n\": \"AQAB\", \"e\": \"AQAB\"}]}",
         "no RSA key (n, e) of 2048 to 8192 bits"},
        {"{\"keys\": [{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"AA\"}]}", "no Ed25519 key (crv, x)"},
    };
    struct token_settings settings = {.key_file = test_path(&folder, "bad.json")};
    struct token_verifier *verifier = NULL;
    struct kmb_error error = {0};
    char path[160];
    (void)snprintf(path, sizeof path, "%s", settings.key_file);
    settings.key_file = path;
    assert_int_equal(token_verifier_new(&settings, &verifier, &error), KMB_FILE_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        write_file("bad.json", cases[i].text);
        assert_int_equal(token_verifier_new(&settings, &verifier, &error), KMB_CONFIG);
        if (strstr(error.message, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].text, error.message);
        }
    }
    settings = (struct token_settings){.secret = slice_text("short")};
    assert_int_equal(token_verifier_new(&settings, &verifier, &error), KMB_CONFIG);
    /* new keys, while a token signed with the old one goes around */
    assert_int_equal(test_run("cp %s/keys.json %s/bad.json", folder.path, folder.path), 0);
    verifier = verifier_of("bad.json");
    struct token_claims claims;
    assert_int_equal(verify(verifier, "{\"alg\":\"EdDSA\"}", GOOD, ed, NOW, &claims, &error), KMB_OK);
    write_file("bad.json", "{");
    assert_int_equal(token_verifier_reload(verifier, &error), KMB_CONFIG);
    assert_int_equal(verify(verifier, "{\"alg\":\"EdDSA\"}", GOOD, ed, NOW, &claims, &error), KMB_OK);
    write_file("bad.json", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\"}]}");
    assert_int_equal(token_verifier_reload(verifier, &error), KMB_OK);
    assert_int_equal(verify(verifier, "{\"alg\":\"EdDSA\"}", GOOD, ed, NOW, &claims, &error), KMB_AUTHENTICATION);
    token_verifier_free(verifier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(algorithms_are_not_confused),
        cmocka_unit_test(claims_that_are_refused),
        cmocka_unit_test(any_change_is_seen),
        cmocka_unit_test(key_sets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
