/*
 * Verifying tokens over OpenSSL and jansson.
 *
 * The order is: shape, header, signature, claims; nothing of the payload is parsed before somebody we trust has signed
 * it. The signature is checked with the algorithm that belongs to the key; a header that names another one is refused
 * without looking. Where the header names a key (kid) only that one is tried; else those of the algorithm, of which
 * there are few.
 *
 * Base64 here is the one of URLs, without padding, and only in its canonical form: a token has one spelling.
 */
#include "server/token.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "crypto/kdf.h"

#define TOKEN_FILE_MAX   ((size_t)1 << 20)
#define TOKEN_SIZE_RSA   1024 /* bytes of a signature, of 8192 bits */
#define TOKEN_KEY_ID_MAX 127
#define TOKEN_JSON_FLAGS (JSON_REJECT_DUPLICATES)

enum token_algorithm { TOKEN_NONE, TOKEN_HS256, TOKEN_RS256, TOKEN_EDDSA };

struct token_key {
    enum token_algorithm algorithm;
    char id[TOKEN_KEY_ID_MAX + 1]; /* kid; empty: none */
    EVP_PKEY *public;              /* RS256, EdDSA */
    uint8_t *secret;               /* HS256, in secret memory */
    size_t secret_size;
};

struct token_keys {
    uint32_t count;
    struct token_key keys[TOKEN_KEYS_MAX];
};

struct token_verifier {
    pthread_rwlock_t lock; /* of `keys` */
    struct token_keys *keys;
    char *key_file;
    char *issuer;
    char **audiences;
    size_t audience_count;
    int64_t leeway_s;
};

/* --- base64url --- */

static int digit_of(uint8_t c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

/* Appends the bytes; false: not base64url in its one form, or no memory. */
static bool url_decode(struct slice text, struct buffer *out) {
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.length; i++) {
        int digit = digit_of(text.bytes[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer_append_byte(out, (uint8_t)(bits >> count));
            bits &= (1u << count) - 1;
        }
    }
    return count < 6 && bits == 0 && buffer_ok(out);
}

/* --- keys --- */

static void keys_free(struct token_keys *keys) {
    for (uint32_t i = 0; keys != NULL && i < keys->count; i++) {
        EVP_PKEY_free(keys->keys[i].public);
        secret_free(keys->keys[i].secret);
    }
    mem_free(keys);
}

static enum kmb_status key_bad(struct kmb_error *error, size_t number, const char *what) {
    ERR_clear_error();
    return error_set(error, KMB_CONFIG, "key %zu of the key set %s", number + 1, what);
}

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static bool member_bytes(const json_t *object, const char *name, struct buffer *out) {
    const json_t *member = json_object_get(object, name);
    return json_is_string(member) &&
           url_decode(slice_make(json_string_value(member), json_string_length(member)), out) && out->length > 0;
}

static bool secret_keep(struct token_key *key, struct slice secret) {
    key->secret = secret_alloc(secret.length);
    if (key->secret == NULL) {
        return false;
    }
    memcpy(key->secret, secret.bytes, secret.length);
    key->secret_size = secret.length;
    key->algorithm = TOKEN_HS256;
    return true;
}

static EVP_PKEY *rsa_key(const struct buffer *modulus, const struct buffer *exponent) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus->bytes, (int)modulus->length, NULL);
    BIGNUM *e = BN_bin2bn(exponent->bytes, (int)exponent->length, NULL);
    OSSL_PARAM *parameters = NULL;
    if (context != NULL && builder != NULL && n != NULL && e != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        parameters = OSSL_PARAM_BLD_to_param(builder);
    }
    if (parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(parameters);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return key;
}

static enum kmb_status key_material(const json_t *object, const char *kind, size_t number, struct token_key *key,
                                    struct kmb_error *error) {
    struct buffer first = {0};
    struct buffer second = {0};
    enum kmb_status status = KMB_OK;
    if (strcmp(kind, "oct") == 0) {
        if (!member_bytes(object, "k", &first) || first.length < TOKEN_SECRET_MIN) {
            status = key_bad(error, number, "has no secret (k) of 32 bytes or more");
        } else if (!secret_keep(key, buffer_slice(&first))) {
            status = no_memory(error);
        }
        if (first.bytes != NULL) {
            mem_wipe(first.bytes, first.capacity);
        }
    } else if (strcmp(kind, "RSA") == 0) {
        bool good = member_bytes(object, "n", &first) && member_bytes(object, "e", &second) &&
                    first.length <= TOKEN_SIZE_RSA && second.length <= 8;
        key->public = good ? rsa_key(&first, &second) : NULL;
        key->algorithm = TOKEN_RS256;
        if (key->public == NULL || EVP_PKEY_get_bits(key->public) < TOKEN_RSA_BITS_MIN) {
            status = key_bad(error, number, "is no RSA key (n, e) of 2048 to 8192 bits");
        }
    } else if (strcmp(kind, "OKP") == 0) {
        const char *curve = json_string_value(json_object_get(object, "crv"));
        bool good = curve != NULL && strcmp(curve, "Ed25519") == 0 && member_bytes(object, "x", &first);
        key->public = good ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, first.bytes, first.length) : NULL;
        key->algorithm = TOKEN_EDDSA;
        if (key->public == NULL) {
            status = key_bad(error, number, "is no Ed25519 key (crv, x)");
        }
    } else {
        key->algorithm = TOKEN_NONE; /* a set may hold keys for others */
    }
    buffer_free(&first);
    buffer_free(&second);
    return status;
}

static const char *algorithm_name(enum token_algorithm algorithm) {
    static const char *const names[] = {"none", "HS256", "RS256", "EdDSA"};
    return names[algorithm];
}

static enum kmb_status key_read(const json_t *object, size_t number, struct token_keys *keys, struct kmb_error *error) {
    const char *kind = json_string_value(json_object_get(object, "kty"));
    const json_t *id = json_object_get(object, "kid");
    const char *algorithm = json_string_value(json_object_get(object, "alg"));
    const char *use = json_string_value(json_object_get(object, "use"));
    if (kind == NULL || (id != NULL && (!json_is_string(id) || json_string_length(id) > TOKEN_KEY_ID_MAX))) {
        return key_bad(error, number, "is none: kty and, if any, kid are texts");
    }
    if (use != NULL && strcmp(use, "sig") != 0) {
        return KMB_OK;
    }
    if (keys->count == TOKEN_KEYS_MAX) {
        return error_set(error, KMB_CONFIG, "the key set has more than %d keys", TOKEN_KEYS_MAX);
    }
    struct token_key *key = &keys->keys[keys->count];
    enum kmb_status status = key_material(object, kind, number, key, error);
    if (status == KMB_OK && key->algorithm != TOKEN_NONE &&
        (algorithm == NULL || strcmp(algorithm, algorithm_name(key->algorithm)) == 0)) {
        snprintf(key->id, sizeof key->id, "%s", id == NULL ? "" : json_string_value(id));
        keys->count++;
    } else { /* another algorithm of the same kind of key is not spoken here */
        EVP_PKEY_free(key->public);
        secret_free(key->secret);
        *key = (struct token_key){.algorithm = TOKEN_NONE};
    }
    return status;
}

static enum kmb_status file_read(const char *path, struct buffer *text, struct kmb_error *error) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        int number = errno;
        return error_set(error, number == ENOENT ? KMB_FILE_NOT_FOUND : KMB_IO, "cannot open key set \"%s\": %s", path,
                         strerror(number));
    }
    uint8_t *room = buffer_extend(text, TOKEN_FILE_MAX + 1);
    size_t size = room == NULL ? 0 : fread(room, 1, TOKEN_FILE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (room == NULL) {
        return no_memory(error);
    }
    text->length = size;
    if (failed || size > TOKEN_FILE_MAX) {
        return failed ? error_set(error, KMB_IO, "cannot read key set \"%s\"", path)
                      : error_set(error, KMB_CONFIG, "key set \"%s\" is larger than %zu bytes", path, TOKEN_FILE_MAX);
    }
    return KMB_OK;
}

static enum kmb_status keys_read(const char *path, struct token_keys **out, struct kmb_error *error) {
    struct buffer text = {0};
    json_t *root = NULL;
    struct token_keys *keys = mem_alloc_zero(1, sizeof *keys);
    enum kmb_status status = keys == NULL ? no_memory(error) : file_read(path, &text, error);
    if (status == KMB_OK) {
        json_error_t place;
        root = json_loadb((const char *)text.bytes, text.length, TOKEN_JSON_FLAGS, &place);
        const json_t *list = json_object_get(root, "keys");
        if (root == NULL) {
            status =
                error_set(error, KMB_CONFIG, "key set \"%s\" is no JSON: line %d: %s", path, place.line, place.text);
        } else if (!json_is_array(list)) {
            status = error_set(error, KMB_CONFIG, "key set \"%s\" has no list of keys", path);
        }
        for (size_t i = 0; status == KMB_OK && i < json_array_size(list); i++) {
            status = key_read(json_array_get(list, i), i, keys, error);
        }
        if (status == KMB_OK && keys->count == 0) {
            status = error_set(error, KMB_CONFIG, "key set \"%s\" has no key for HS256, RS256 or EdDSA", path);
        }
    }
    json_decref(root);
    if (text.bytes != NULL) {
        mem_wipe(text.bytes, text.capacity);
    }
    buffer_free(&text);
    if (status != KMB_OK) {
        keys_free(keys);
        return status;
    }
    *out = keys;
    return KMB_OK;
}

/* --- verifiers --- */

static enum kmb_status keys_make(const struct token_settings *settings, struct token_keys **keys,
                                 struct kmb_error *error) {
    if (settings->key_file != NULL) {
        return keys_read(settings->key_file, keys, error);
    }
    if (settings->secret.length < TOKEN_SECRET_MIN) {
        return error_set(error, KMB_CONFIG, "a secret for tokens has %d bytes or more, not %zu", TOKEN_SECRET_MIN,
                         settings->secret.length);
    }
    *keys = mem_alloc_zero(1, sizeof **keys);
    if (*keys == NULL || !secret_keep(&(*keys)->keys[0], settings->secret)) {
        return no_memory(error);
    }
    (*keys)->count = 1;
    return KMB_OK;
}

enum kmb_status token_verifier_new(const struct token_settings *settings, struct token_verifier **out,
                                   struct kmb_error *error) {
    ASSERT((settings->key_file == NULL) != (settings->secret.length == 0));
    static const char *const standard[] = {TOKEN_ISSUER};
    const char *const *audiences = settings->audience_count == 0 ? standard : settings->audiences;
    size_t count = settings->audience_count == 0 ? 1 : settings->audience_count;
    struct token_verifier *verifier = mem_alloc_zero(1, sizeof *verifier);
    if (verifier == NULL) {
        return no_memory(error);
    }
    (void)pthread_rwlock_init(&verifier->lock, NULL);
    verifier->leeway_s = settings->leeway_s;
    verifier->issuer = mem_strdup(settings->issuer == NULL ? TOKEN_ISSUER : settings->issuer);
    verifier->audiences = mem_alloc_zero(count, sizeof *verifier->audiences);
    verifier->key_file = settings->key_file == NULL ? NULL : mem_strdup(settings->key_file);
    bool good = verifier->issuer != NULL && verifier->audiences != NULL &&
                (settings->key_file == NULL || verifier->key_file != NULL);
    for (size_t i = 0; good && i < count; i++) {
        verifier->audiences[i] = mem_strdup(audiences[i]);
        good = verifier->audiences[i] != NULL;
        verifier->audience_count++;
    }
    enum kmb_status status = good ? keys_make(settings, &verifier->keys, error) : no_memory(error);
    if (status != KMB_OK) {
        token_verifier_free(verifier);
        return status;
    }
    *out = verifier;
    return KMB_OK;
}

void token_verifier_free(struct token_verifier *verifier) {
    if (verifier == NULL) {
        return;
    }
    keys_free(verifier->keys);
    for (size_t i = 0; i < verifier->audience_count; i++) {
        mem_free(verifier->audiences[i]);
    }
    mem_free(verifier->audiences);
    mem_free(verifier->issuer);
    mem_free(verifier->key_file);
    (void)pthread_rwlock_destroy(&verifier->lock);
    mem_free(verifier);
}

enum kmb_status token_verifier_reload(struct token_verifier *verifier, struct kmb_error *error) {
    if (verifier->key_file == NULL) {
        return KMB_OK;
    }
    struct token_keys *keys = NULL;
    enum kmb_status status = keys_read(verifier->key_file, &keys, error);
    if (status == KMB_OK) {
        (void)pthread_rwlock_wrlock(&verifier->lock);
        struct token_keys *old = verifier->keys;
        verifier->keys = keys;
        (void)pthread_rwlock_unlock(&verifier->lock);
        keys_free(old);
    }
    return status;
}

/* --- tokens --- */

static enum kmb_status refuse(struct kmb_error *error, const char *why) {
    return error_set(error, KMB_AUTHENTICATION, "token %s", why);
}

/* The three parts, still encoded. */
struct token_parts {
    struct slice header, payload, signature;
    struct slice signed_part; /* header.payload */
};

static bool token_split(struct slice token, struct token_parts *parts) {
    const uint8_t *first = token.length == 0 ? NULL : memchr(token.bytes, '.', token.length);
    size_t before = first == NULL ? 0 : (size_t)(first - token.bytes);
    const uint8_t *second = first == NULL ? NULL : memchr(first + 1, '.', token.length - before - 1);
    if (second == NULL) {
        return false;
    }
    size_t both = (size_t)(second - token.bytes);
    parts->header = slice_make(token.bytes, before);
    parts->payload = slice_make(first + 1, both - before - 1);
    parts->signature = slice_make(second + 1, token.length - both - 1);
    parts->signed_part = slice_make(token.bytes, both);
    return before > 0 && parts->payload.length > 0 && parts->signature.length > 0 &&
           memchr(parts->signature.bytes, '.', parts->signature.length) == NULL;
}

/* NULL: no JSON object. */
static json_t *part_object(struct slice part) {
    struct buffer text = {0};
    json_t *object = NULL;
    if (url_decode(part, &text)) {
        object = json_loadb((const char *)text.bytes, text.length, TOKEN_JSON_FLAGS, NULL);
    }
    buffer_free(&text);
    if (object != NULL && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static bool signature_good(const struct token_key *key, struct slice message, struct slice signature) {
    if (key->algorithm == TOKEN_HS256) {
        struct hash256 code = kdf_hmac_sha256(slice_make(key->secret, key->secret_size), message);
        return signature.length == HASH256_SIZE && secret_equal(code.bytes, signature.bytes, HASH256_SIZE);
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = key->algorithm == TOKEN_RS256 ? EVP_sha256() : NULL;
    bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key->public) == 1 &&
                EVP_DigestVerify(context, signature.bytes, signature.length, message.bytes, message.length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

static enum token_algorithm algorithm_of(const char *name) {
    for (enum token_algorithm algorithm = TOKEN_HS256; name != NULL && algorithm <= TOKEN_EDDSA; algorithm++) {
        if (strcmp(name, algorithm_name(algorithm)) == 0) {
            return algorithm;
        }
    }
    return TOKEN_NONE;
}

static bool signed_by_us(struct token_verifier *verifier, enum token_algorithm algorithm, const char *id,
                         struct slice message, struct slice signature) {
    bool good = false;
    (void)pthread_rwlock_rdlock(&verifier->lock);
    for (uint32_t i = 0; !good && i < verifier->keys->count; i++) {
        const struct token_key *key = &verifier->keys->keys[i];
        bool named = id == NULL || key->id[0] == '\0' || strcmp(key->id, id) == 0;
        good = key->algorithm == algorithm && named && signature_good(key, message, signature);
    }
    (void)pthread_rwlock_unlock(&verifier->lock);
    return good;
}

static enum kmb_status check_signature(struct token_verifier *verifier, const struct token_parts *parts,
                                       struct kmb_error *error) {
    json_t *header = part_object(parts->header);
    struct buffer signature = {0};
    enum token_algorithm algorithm = algorithm_of(json_string_value(json_object_get(header, "alg")));
    const json_t *id = json_object_get(header, "kid");
    enum kmb_status status = KMB_OK;
    if (header == NULL || json_object_get(header, "crit") != NULL || (id != NULL && !json_is_string(id))) {
        status = refuse(error, "has no header that is understood");
    } else if (algorithm == TOKEN_NONE) {
        status = refuse(error, "is signed with an algorithm that is not accepted");
    } else if (!url_decode(parts->signature, &signature) ||
               !signed_by_us(verifier, algorithm, json_string_value(id), parts->signed_part,
                             buffer_slice(&signature))) {
        status = refuse(error, "has a signature that is not valid");
    }
    buffer_free(&signature);
    json_decref(header);
    return status;
}

/* --- claims --- */

/* Copies a text claim; false: no text, too long, or with a zero in it. */
static bool claim_text(const json_t *claim, char *room, size_t size) {
    if (!json_is_string(claim) || json_string_length(claim) == 0 || json_string_length(claim) >= size ||
        strlen(json_string_value(claim)) != json_string_length(claim)) {
        return false;
    }
    memcpy(room, json_string_value(claim), json_string_length(claim) + 1);
    return true;
}

/* Whole seconds; a fraction is cut off, as RFC 7519 lets there be one. */
static bool claim_time(const json_t *claim, int64_t *seconds) {
    if (json_is_integer(claim)) {
        *seconds = json_integer_value(claim);
    } else if (json_is_real(claim) && json_real_value(claim) >= 0 && json_real_value(claim) < 1e15) {
        *seconds = (int64_t)json_real_value(claim);
    } else {
        return false;
    }
    return *seconds >= 0 && *seconds < INT64_MAX / 2;
}

static bool audience_good(const struct token_verifier *verifier, const json_t *claim) {
    size_t count = json_is_array(claim) ? json_array_size(claim) : 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_is_array(claim) ? json_array_get(claim, i) : claim);
        for (size_t k = 0; name != NULL && k < verifier->audience_count; k++) {
            if (strcmp(name, verifier->audiences[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum kmb_status check_times(const json_t *payload, int64_t now_s, int64_t leeway_s, struct token_claims *claims,
                                   struct kmb_error *error) {
    int64_t issued = 0;
    int64_t not_before = 0;
    const json_t *begin = json_object_get(payload, "nbf");
    if (!claim_time(json_object_get(payload, "exp"), &claims->expires_s) ||
        !claim_time(json_object_get(payload, "iat"), &issued) || (begin != NULL && !claim_time(begin, &not_before))) {
        return refuse(error, "does not say from when to when it is good (iat, exp)");
    }
    if (now_s >= claims->expires_s + leeway_s) {
        return refuse(error, "has expired");
    }
    if (now_s + leeway_s < not_before || now_s + leeway_s < issued) {
        return refuse(error, "is not good yet");
    }
    return KMB_OK;
}

static enum kmb_status check_claims(const struct token_verifier *verifier, const json_t *payload, int64_t now_s,
                                    struct token_claims *claims, struct kmb_error *error) {
    enum kmb_status status = check_times(payload, now_s, verifier->leeway_s, claims, error);
    if (status != KMB_OK) {
        return status;
    }
    const char *issuer = json_string_value(json_object_get(payload, "iss"));
    if (issuer == NULL || strcmp(issuer, verifier->issuer) != 0) {
        return refuse(error, "is of another issuer");
    }
    if (!audience_good(verifier, json_object_get(payload, "aud"))) {
        return refuse(error, "is for another audience");
    }
    if (!claim_text(json_object_get(payload, "sub"), claims->subject, sizeof claims->subject)) {
        return refuse(error, "does not say who it is for (sub)");
    }
    const json_t *tenant = json_object_get(payload, "tenant_id");
    if (!json_is_integer(tenant) || json_integer_value(tenant) < 0 || json_integer_value(tenant) > UINT32_MAX) {
        return refuse(error, "does not say which tenant it is for (tenant_id)");
    }
    claims->tenant = (uint32_t)json_integer_value(tenant);
    const json_t *roles = json_object_get(payload, "roles");
    if (!json_is_array(roles) || json_array_size(roles) == 0 || json_array_size(roles) > TOKEN_ROLES_MAX) {
        return refuse(error, "does not say what roles it gives (roles)");
    }
    for (size_t i = 0; i < json_array_size(roles); i++) {
        if (!claim_text(json_array_get(roles, i), claims->roles[i], sizeof claims->roles[i])) {
            return refuse(error, "does not say what roles it gives (roles)");
        }
        claims->role_count++;
    }
    const json_t *id = json_object_get(payload, "jti");
    return id == NULL || claim_text(id, claims->id, sizeof claims->id) ? KMB_OK
                                                                       : refuse(error, "has a jti that is none");
}

enum kmb_status token_verify(struct token_verifier *verifier, struct slice token, int64_t now_s,
                             struct token_claims *claims, struct kmb_error *error) {
    struct token_parts parts;
    memset(claims, 0, sizeof *claims);
    if (token.length > TOKEN_BYTES_MAX || !token_split(token, &parts)) {
        return refuse(error, "is no JSON Web Token");
    }
    enum kmb_status status = check_signature(verifier, &parts, error);
    if (status == KMB_OK) {
        json_t *payload = part_object(parts.payload);
        status = payload == NULL ? refuse(error, "has claims that are not understood")
                                 : check_claims(verifier, payload, now_s, claims, error);
        json_decref(payload);
    }
    if (status != KMB_OK) {
        memset(claims, 0, sizeof *claims);
    }
    return status;
}
