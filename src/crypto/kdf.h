/* Keyed hashing and key derivation: HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869), scrypt (RFC 7914). Any thread. */
#ifndef KMB_CRYPTO_KDF_H
#define KMB_CRYPTO_KDF_H

#include "crypto/hash.h"
#include "crypto/secret.h"

#define KDF_OUTPUT_MAX ((size_t)255 * 32)

/* HMAC-SHA-256 of message under key (any length). */
struct hash256 kdf_hmac_sha256(struct slice key, struct slice message);

/* HKDF extract and expand. size 1..KDF_OUTPUT_MAX. salt and info may be empty. */
void kdf_hkdf_sha256(struct slice secret, struct slice salt, struct slice info, void *out, size_t size);

/*
 * scrypt (RFC 7914): a key out of a passphrase, at the price of n * r * 128 bytes and the time to fill them. n is a
 * power of two. false: no memory, or no such cost.
 */
struct kdf_scrypt_cost {
    uint64_t n;
    uint32_t r;
    uint32_t p;
};
bool kdf_scrypt(struct slice passphrase, struct slice salt, struct kdf_scrypt_cost cost, void *out, size_t size)
    __attribute__((warn_unused_result));

#endif
