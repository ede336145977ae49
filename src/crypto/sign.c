/*
 * Ed25519 through OpenSSL, made strict.
 *
 * OpenSSL checks that S is reduced and compares R byte for byte (no cofactor), which leaves one gap: a public key or R
 * of small order. With such a key a signature can verify for every message, so a log could show two readers two trees
 * under "one" signature. There are seven encodings of such points up to the sign bit; both fields are checked against
 * them before OpenSSL is asked. All-zero keys are among them.
 */
#include "crypto/sign.h"

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/memory.h"

struct sign_key {
    EVP_PKEY *pair;
    struct sign_public public_key;
};

/* y of every point of order 1, 2, 4 and 8, canonical or not, as little-endian text. */
static const uint8_t sign_small_order[7][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool sign_point_is_small(const uint8_t point[32]) {
    for (size_t i = 0; i < ARRAY_LENGTH(sign_small_order); i++) {
        if (memcmp(point, sign_small_order[i], 31) == 0 && (point[31] & 0x7f) == sign_small_order[i][31]) {
            return true;
        }
    }
    return false;
}

enum kmb_status sign_key_new(const struct secret_key *seed, struct sign_key **key, struct kmb_error *error) {
    if (secret_key_is_zero(seed)) {
        return error_set(error, KMB_USAGE, "a signing seed of zeros is refused");
    }
    struct sign_key *made = mem_alloc_zero(1, sizeof *made);
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a signing key");
    }
    size_t size = SIGN_PUBLIC_SIZE;
    made->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->bytes, SECRET_KEY_SIZE);
    if (made->pair == NULL || EVP_PKEY_get_raw_public_key(made->pair, made->public_key.bytes, &size) != 1) {
        sign_key_free(made);
        return error_set(error, KMB_NO_MEMORY, "no memory for a signing key");
    }
    ASSERT(size == SIGN_PUBLIC_SIZE);
    *key = made;
    return KMB_OK;
}

void sign_key_free(struct sign_key *key) {
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        mem_free(key);
    }
}

const struct sign_public *sign_key_public(const struct sign_key *key) {
    return &key->public_key;
}

enum kmb_status sign_make(const struct sign_key *key, struct slice message, struct sign_signature *signature,
                          struct kmb_error *error) {
    size_t size = SIGN_SIGNATURE_SIZE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) == 1 &&
                EVP_DigestSign(context, signature->bytes, &size, message.bytes, message.length) == 1;
    EVP_MD_CTX_free(context);
    if (!made) {
        return error_set(error, KMB_NO_MEMORY, "no memory to sign");
    }
    ASSERT(size == SIGN_SIGNATURE_SIZE);
    return KMB_OK;
}

bool sign_verify(const struct sign_public *key, struct slice message, const struct sign_signature *signature) {
    if (sign_point_is_small(key->bytes) || sign_point_is_small(signature->bytes)) {
        return false;
    }
    EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, SIGN_PUBLIC_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = public_key != NULL && context != NULL &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
                EVP_DigestVerify(context, signature->bytes, SIGN_SIGNATURE_SIZE, message.bytes, message.length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return good;
}
