/* Keyed hashing and key derivation: HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869). Any thread. */
#ifndef KMB_CRYPTO_KDF_H
#define KMB_CRYPTO_KDF_H

#include "crypto/hash.h"
#include "crypto/secret.h"

#define KDF_OUTPUT_MAX ((size_t)255 * 32)

/* HMAC-SHA-256 of message under key (any length). */
struct hash256 kdf_hmac_sha256(struct slice key, struct slice message);

/* HKDF extract and expand. size 1..KDF_OUTPUT_MAX. salt and info may be empty. */
void kdf_hkdf_sha256(struct slice secret, struct slice salt, struct slice info, void *out, size_t size);

#endif
