/*
 * SHA-256 through OpenSSL's EVP, BLAKE3 through its official C code.
 *
 * The chain hashes a small header for every entry and the tree two nodes for each, so what EVP does around the hash
 * matters more than the hash. Looking the algorithm up by name costs more than hashing 160 bytes (SHA256(), which does
 * so on each call, takes 380 ns where a context at hand takes 155). So the algorithm is fetched once for the process
 * and each thread keeps one context for as long as it lives. Both are caches of constants: they hold no state between
 * calls, and no answer depends on them.
 *
 * The price is that a thread's first hash may want memory. hash_thread_prepare() lets the owner of a thread face that
 * where it can be answered; everyone else gets functions that cannot fail, which is what keeps the Merkle tree a set of
 * pure functions.
 */
#include "crypto/hash.h"

#include <pthread.h>

#include <blake3.h>
#include <openssl/evp.h>

#include "base/assert.h"
#include "base/memory.h"

static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
static EVP_MD *hash_algorithm;     /* constant once fetched */
static pthread_key_t hash_context; /* each thread's EVP_MD_CTX */
static bool hash_context_made;
static _Thread_local EVP_MD_CTX *hash_context_here; /* the same, without a call */

static void hash_context_drop(void *context) {
    hash_context_here = NULL;
    EVP_MD_CTX_free(context);
}

static void hash_process_prepare(void) {
    hash_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash_context_made = pthread_key_create(&hash_context, hash_context_drop) == 0;
}

/* A library that is unloaded must not leave its destructor behind for threads that end later. */
__attribute__((destructor)) static void hash_process_leave(void) {
    if (hash_context_made) {
        (void)pthread_key_delete(hash_context);
        hash_context_made = false;
    }
}

bool hash256_is_zero(const struct hash256 *hash) {
    uint8_t any = 0;
    for (size_t i = 0; i < HASH256_SIZE; i++) {
        any |= hash->bytes[i];
    }
    return any == 0;
}

enum kmb_status hash_thread_prepare(struct kmb_error *error) {
    if (hash_context_here != NULL) {
        return KMB_OK;
    }
    (void)pthread_once(&hash_once, hash_process_prepare);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (hash_algorithm == NULL || !hash_context_made || context == NULL ||
        EVP_DigestInit_ex2(context, hash_algorithm, NULL) != 1 || pthread_setspecific(hash_context, context) != 0) {
        EVP_MD_CTX_free(context);
        return error_set(error, KMB_NO_MEMORY, "no memory for a SHA-256 context");
    }
    hash_context_here = context;
    return KMB_OK;
}

static EVP_MD_CTX *hash_sha256_start(void) {
    if (hash_context_here == NULL) {
        ASSERT(hash_thread_prepare(NULL) == KMB_OK);
    }
    int started = EVP_DigestInit_ex2(hash_context_here, hash_algorithm, NULL);
    ASSERT(started == 1);
    return hash_context_here;
}

static struct hash256 hash_sha256_finish(EVP_MD_CTX *context) {
    struct hash256 hash;
    unsigned size = 0;
    int done = EVP_DigestFinal_ex(context, hash.bytes, &size);
    ASSERT(done == 1 && size == HASH256_SIZE);
    return hash;
}

static void hash_sha256_feed(EVP_MD_CTX *context, const void *bytes, size_t length) {
    if (length > 0) {
        int fed = EVP_DigestUpdate(context, bytes, length);
        ASSERT(fed == 1);
    }
}

struct hash256 hash_sha256(const void *bytes, size_t length) {
    EVP_MD_CTX *context = hash_sha256_start();
    hash_sha256_feed(context, bytes, length);
    return hash_sha256_finish(context);
}

struct hash256 hash_sha256_parts(const struct slice *parts, size_t count) {
    EVP_MD_CTX *context = hash_sha256_start();
    for (size_t i = 0; i < count; i++) {
        hash_sha256_feed(context, parts[i].bytes, parts[i].length);
    }
    return hash_sha256_finish(context);
}

struct hash_sha256_stream {
    EVP_MD_CTX *context;
};

struct hash_sha256_stream *hash_sha256_stream_new(void) {
    (void)pthread_once(&hash_once, hash_process_prepare);
    struct hash_sha256_stream *stream = mem_alloc(sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->context = EVP_MD_CTX_new();
    if (hash_algorithm == NULL || stream->context == NULL ||
        EVP_DigestInit_ex2(stream->context, hash_algorithm, NULL) != 1) {
        hash_sha256_stream_free(stream);
        return NULL;
    }
    return stream;
}

void hash_sha256_stream_free(struct hash_sha256_stream *stream) {
    if (stream != NULL) {
        EVP_MD_CTX_free(stream->context);
        mem_free(stream);
    }
}

void hash_sha256_stream_update(struct hash_sha256_stream *stream, const void *bytes, size_t length) {
    hash_sha256_feed(stream->context, bytes, length);
}

struct hash256 hash_sha256_stream_final(struct hash_sha256_stream *stream) {
    struct hash256 hash = hash_sha256_finish(stream->context);
    int started = EVP_DigestInit_ex2(stream->context, hash_algorithm, NULL);
    ASSERT(started == 1);
    return hash;
}

_Static_assert(sizeof(struct hash_blake3_stream) >= sizeof(blake3_hasher), "room for BLAKE3's state");
_Static_assert(_Alignof(struct hash_blake3_stream) >= _Alignof(blake3_hasher), "aligned as BLAKE3's state");

static blake3_hasher *hash_blake3_state(struct hash_blake3_stream *stream) {
    return (blake3_hasher *)(void *)stream->state;
}

void hash_blake3_stream_start(struct hash_blake3_stream *stream) {
    blake3_hasher_init(hash_blake3_state(stream));
}

void hash_blake3_stream_update(struct hash_blake3_stream *stream, const void *bytes, size_t length) {
    if (length > 0) {
        blake3_hasher_update(hash_blake3_state(stream), bytes, length);
    }
}

struct hash256 hash_blake3_stream_final(const struct hash_blake3_stream *stream) {
    struct hash256 hash;
    blake3_hasher_finalize((const blake3_hasher *)(const void *)stream->state, hash.bytes, HASH256_SIZE);
    return hash;
}

struct hash256 hash_blake3_parts(const struct slice *parts, size_t count) {
    blake3_hasher hasher;
    struct hash256 hash;
    blake3_hasher_init(&hasher);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0) {
            blake3_hasher_update(&hasher, parts[i].bytes, parts[i].length);
        }
    }
    blake3_hasher_finalize(&hasher, hash.bytes, HASH256_SIZE);
    return hash;
}

struct hash256 hash_blake3(const void *bytes, size_t length) {
    struct slice part = slice_make(bytes, length);
    return hash_blake3_parts(&part, 1);
}

struct hash256 hash_blake3_keyed(const uint8_t key[32], const void *bytes, size_t length) {
    blake3_hasher hasher;
    struct hash256 hash;
    blake3_hasher_init_keyed(&hasher, key);
    if (length > 0) {
        blake3_hasher_update(&hasher, bytes, length);
    }
    blake3_hasher_finalize(&hasher, hash.bytes, HASH256_SIZE);
    mem_wipe(&hasher, sizeof hasher);
    return hash;
}

size_t hash_digest(enum hash_digest digest, const void *bytes, size_t length, uint8_t out[HASH_DIGEST_SIZE_MAX]) {
    static const char *const names[] = {"MD5", "SHA224", "SHA384", "SHA512"};
    ASSERT((size_t)digest < ARRAY_LENGTH(names));
    size_t size = 0;
    int done = EVP_Q_digest(NULL, names[digest], NULL, bytes, length, out, &size);
    ASSERT(done != 1 || (size > 0 && size <= HASH_DIGEST_SIZE_MAX));
    return done == 1 ? size : 0;
}
