/*
 * Ed25519 signatures (RFC 8032). Deterministic: the same key and message give the same signature.
 *
 * Verification is strict: S is reduced, and neither the public key nor R is a point of small order, so no signature
 * verifies for two messages.
 */
#ifndef KMB_CRYPTO_SIGN_H
#define KMB_CRYPTO_SIGN_H

#include "base/error.h"
#include "base/slice.h"
#include "crypto/secret.h"

#define SIGN_PUBLIC_SIZE    32
#define SIGN_SIGNATURE_SIZE 64

struct sign_public {
    uint8_t bytes[SIGN_PUBLIC_SIZE];
};
struct sign_signature {
    uint8_t bytes[SIGN_SIGNATURE_SIZE];
};

/* A signing key made ready; any number of threads may sign with it. */
struct sign_key;

/* From the 32-byte seed (copied). KMB_USAGE: a seed of zeros. KMB_NO_MEMORY. */
enum kmb_status sign_key_new(const struct secret_key *seed, struct sign_key **key, struct kmb_error *error);
void sign_key_free(struct sign_key *key); /* NULL is fine */

const struct sign_public *sign_key_public(const struct sign_key *key);

/* KMB_NO_MEMORY. */
enum kmb_status sign_make(const struct sign_key *key, struct slice message, struct sign_signature *signature,
                          struct kmb_error *error);
bool sign_verify(const struct sign_public *key, struct slice message, const struct sign_signature *signature)
    __attribute__((warn_unused_result));

#endif
