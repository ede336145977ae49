/*
 * The bytes of keys.kks (docs/internals/formats-keys.md): encoding, decoding and authentication of a whole key store.
 * Pure over its arguments; no I/O, no keys made ready. Private to the key store.
 */
#ifndef KMB_LOG_KEYSTORE_FORMAT_H
#define KMB_LOG_KEYSTORE_FORMAT_H

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/sign.h"

#define KEYSTORE_VERSION      1
#define KEYSTORE_HEADER_SIZE  48
#define KEYSTORE_RECORD_SIZE  128
#define KEYSTORE_TRAILER_SIZE 64 /* HMAC-SHA-256, then SHA-256 */
#define KEYSTORE_WRAPPED_SIZE (AEAD_NONCE_SIZE + SECRET_KEY_SIZE + AEAD_TAG_SIZE)
/* Whole-file replacement is meant for what fits in memory many times over: three records a tenant, 100,000 tenants. */
#define KEYSTORE_RECORDS_MAX ((uint32_t)1 << 20)
#define KEYSTORE_BYTES_MAX                                                                                             \
    (KEYSTORE_HEADER_SIZE + (size_t)KEYSTORE_RECORDS_MAX * KEYSTORE_RECORD_SIZE + KEYSTORE_TRAILER_SIZE)

/* One key. Plain data; ordered by tenant, purpose, key id, version. */
struct keystore_record {
    uint8_t purpose; /* enum keystore_purpose */
    uint32_t tenant;
    uint32_t key_id;
    uint32_t version;
    int64_t created_us;
    struct sign_public public_key;          /* of a checkpoint key; else zeros */
    uint8_t wrapped[KEYSTORE_WRAPPED_SIZE]; /* nonce, ciphertext, tag; without encryption the raw key and zeros */
};

struct keystore_image {
    uint8_t log_uuid[16];
    bool encrypted;
    uint64_t generation;
    struct keystore_record *records; /* owned */
    uint32_t count;
    uint32_t capacity;
};

void keystore_image_free(struct keystore_image *image);

/* <0, 0, >0 by tenant, purpose, key id, version. */
int keystore_record_compare(const struct keystore_record *a, const struct keystore_record *b);

/* The place of the first record that is not before `wanted`. */
uint32_t keystore_image_find(const struct keystore_image *image, const struct keystore_record *wanted);

/* Puts a record in its place; there must be none with its identity. KMB_LIMIT, KMB_NO_MEMORY. */
enum kmb_status keystore_image_insert(struct keystore_image *image, const struct keystore_record *record,
                                      struct kmb_error *error);

/* A deep copy. KMB_NO_MEMORY. */
enum kmb_status keystore_image_copy(const struct keystore_image *image, struct keystore_image *copy,
                                    struct kmb_error *error);

/* Appends the whole file. mac_key: NULL exactly where the image is not encrypted. KMB_NO_MEMORY. */
enum kmb_status keystore_image_encode(const struct keystore_image *image, const struct secret_key *mac_key,
                                      struct buffer *bytes, struct kmb_error *error);

/*
 * KMB_CORRUPT: not whole, with what is wrong. KMB_FORMAT_VERSION: of a later version. On KMB_OK the caller frees the
 * image. Says nothing about authenticity.
 */
enum kmb_status keystore_image_decode(struct slice bytes, struct keystore_image *image, struct kmb_error *error);

/* Is a decoded, encrypted file authentic under this key? */
bool keystore_image_authentic(struct slice bytes, const struct secret_key *mac_key);

/* The associated data of a wrap: label, log uuid, tenant, purpose, key id, version. */
#define KEYSTORE_WRAP_AAD_SIZE 53
void keystore_wrap_aad(const uint8_t log_uuid[16], const struct keystore_record *record,
                       uint8_t aad[KEYSTORE_WRAP_AAD_SIZE]);

#endif
