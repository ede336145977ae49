/*
 * SHA-256, the hash of record (chain, Merkle tree, proofs), and BLAKE3, for what never leaves a node.
 *
 * Functions that take bytes and return a hash have no failure to report. SHA-256 works on a context that each thread
 * makes once; hash_thread_prepare() makes it early, where running out of memory can still be an answer. Without it the
 * first SHA-256 of a thread makes the context, and a machine that has no memory for it stops the process.
 */
#ifndef KMB_CRYPTO_HASH_H
#define KMB_CRYPTO_HASH_H

#include "base/error.h"
#include "base/slice.h"

#define HASH256_SIZE 32

/* A public 32-byte digest. Plain data: copy and compare freely. */
struct hash256 {
    uint8_t bytes[HASH256_SIZE];
};

static inline bool hash256_equal(const struct hash256 *a, const struct hash256 *b) {
    return memcmp(a->bytes, b->bytes, HASH256_SIZE) == 0;
}

bool hash256_is_zero(const struct hash256 *hash);

/* Makes this thread's SHA-256 context; calling it again is free. KMB_NO_MEMORY. */
enum kmb_status hash_thread_prepare(struct kmb_error *error);

struct hash256 hash_sha256(const void *bytes, size_t length);
/* Of the parts joined. */
struct hash256 hash_sha256_parts(const struct slice *parts, size_t count);

/* Incremental SHA-256, for input that comes in pieces. One thread at a time. */
struct hash_sha256_stream;
struct hash_sha256_stream *hash_sha256_stream_new(void); /* NULL: no memory */
void hash_sha256_stream_free(struct hash_sha256_stream *stream);
void hash_sha256_stream_update(struct hash_sha256_stream *stream, const void *bytes, size_t length);
/* The hash so far; the stream starts anew. */
struct hash256 hash_sha256_stream_final(struct hash_sha256_stream *stream);

/* The other digests that SQL has functions for; nothing of ours rests on them. Answers their length, 0 for no memory.
 */
enum hash_digest { HASH_MD5, HASH_SHA224, HASH_SHA384, HASH_SHA512 };
#define HASH_DIGEST_SIZE_MAX 64
size_t hash_digest(enum hash_digest digest, const void *bytes, size_t length, uint8_t out[HASH_DIGEST_SIZE_MAX]);

struct hash256 hash_blake3(const void *bytes, size_t length);
struct hash256 hash_blake3_parts(const struct slice *parts, size_t count);
struct hash256 hash_blake3_keyed(const uint8_t key[32], const void *bytes, size_t length);

/* Incremental BLAKE3 on the caller's memory: no allocation, copyable. */
struct hash_blake3_stream {
    uint64_t state[240];
};
void hash_blake3_stream_start(struct hash_blake3_stream *stream);
void hash_blake3_stream_update(struct hash_blake3_stream *stream, const void *bytes, size_t length);
struct hash256 hash_blake3_stream_final(const struct hash_blake3_stream *stream); /* may go on after */

#endif
