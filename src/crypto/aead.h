/*
 * The one AEAD of the system: XAES-256-GCM (C2SP), a 256-bit key and a 192-bit nonce drawn at random per message.
 *
 * A message is sealed into as many bytes as it has, then a 16-byte tag. The nonce is the caller's: drawn from struct
 * environment and stored beside the message. The associated data should start with a purpose label and the log uuid.
 * Plain AES-256-GCM with its 96-bit nonce is here for formats of others only.
 */
#ifndef KMB_CRYPTO_AEAD_H
#define KMB_CRYPTO_AEAD_H

#include "base/error.h"
#include "base/slice.h"
#include "crypto/secret.h"

#define AEAD_NONCE_SIZE     24
#define AEAD_TAG_SIZE       16
#define AEAD_MESSAGE_MAX    ((size_t)1 << 30)
#define AEAD_GCM_NONCE_SIZE 12

struct aead_nonce {
    uint8_t bytes[AEAD_NONCE_SIZE];
};

/*
 * A key made ready. Any number of threads may seal and open with one aead_key at the same time; none may use it once
 * aead_key_free() is called, which wipes it.
 */
struct aead_key;

/* The raw key is copied and may be wiped after. KMB_USAGE: a key of zeros. KMB_NO_MEMORY. */
enum kmb_status aead_key_new(const struct secret_key *raw, struct aead_key **key, struct kmb_error *error);
void aead_key_free(struct aead_key *key); /* NULL is fine */

/*
 * Writes plaintext.length + AEAD_TAG_SIZE bytes to out: ciphertext, then tag. out may be plaintext.bytes (in place) but
 * not otherwise overlap it. plaintext and aad at most AEAD_MESSAGE_MAX bytes. Cannot fail.
 */
void aead_seal(struct aead_key *key, const struct aead_nonce *nonce, struct slice aad, struct slice plaintext,
               uint8_t *out);

/*
 * sealed = ciphertext and tag. Writes sealed.length - AEAD_TAG_SIZE bytes to out (in place allowed). false: key, nonce,
 * aad, ciphertext or tag is not what was sealed (which of them cannot be told); out is then wiped.
 */
bool aead_open(struct aead_key *key, const struct aead_nonce *nonce, struct slice aad, struct slice sealed,
               uint8_t *out) __attribute__((warn_unused_result));

/* Plain AES-256-GCM, one shot, slower: sets up and drops its context. false: no memory (seal), not authentic (open). */
bool aead_gcm_seal(const struct secret_key *key, const uint8_t nonce[AEAD_GCM_NONCE_SIZE], struct slice aad,
                   struct slice plaintext, uint8_t *out) __attribute__((warn_unused_result));
bool aead_gcm_open(const struct secret_key *key, const uint8_t nonce[AEAD_GCM_NONCE_SIZE], struct slice aad,
                   struct slice sealed, uint8_t *out) __attribute__((warn_unused_result));

#endif
