/*
 * The real clocks and the real randomness, and the generator that stands in for it in tests.
 *
 * A nonce per page and per entry is hundreds of thousands of small random requests a second; a system call for each
 * would cost more than the sealing. So each thread draws 1 KiB from the kernel at a time and hands it out in small
 * pieces, wiping what it handed out. Two dangers come with that and are met here:
 *
 * - After fork() parent and child would hand out the same bytes. A fork handler raises a generation number in the
 *   child; a buffer of an older generation is dropped before use.
 * - A buffer that still holds the bytes of a key is a copy of the key. Requests of 32 bytes or more (keys, seeds) pass
 *   the buffer by and go straight to the kernel.
 *
 * The generator for tests is xoshiro256** (Blackman and Vigna), seeded by splitmix64 so that close seeds give unrelated
 * streams.
 */
#include "base/environment.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"

#define RANDOM_BUFFER_SIZE   1024
#define RANDOM_DIRECT_LENGTH 32 /* from here on a request is taken for a key */

struct random_buffer {
    uint32_t generation; /* 0: never filled */
    size_t next;
    uint8_t bytes[RANDOM_BUFFER_SIZE];
};

static _Thread_local struct random_buffer random_buffer;
static atomic_uint_fast32_t random_generation = 1; /* raised in the child of a fork */
static pthread_once_t random_once = PTHREAD_ONCE_INIT;
static bool random_fork_watched;

static void random_forked(void) {
    atomic_fetch_add(&random_generation, 1);
}

static void random_watch_forks(void) {
    random_fork_watched = pthread_atfork(NULL, NULL, random_forked) == 0;
}

static bool random_kernel(void *bytes, size_t count) {
    uint8_t *at = bytes;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        at += got;
        count -= (size_t)got;
    }
    return true;
}

static bool system_random(void *context, void *bytes, size_t count) {
    (void)context;
    pthread_once(&random_once, random_watch_forks);
    if (count >= RANDOM_DIRECT_LENGTH || !random_fork_watched) {
        return random_kernel(bytes, count);
    }
    struct random_buffer *buffer = &random_buffer;
    uint32_t generation = (uint32_t)atomic_load(&random_generation);
    if (buffer->generation != generation || RANDOM_BUFFER_SIZE - buffer->next < count) {
        if (!random_kernel(buffer->bytes, sizeof(buffer->bytes))) {
            buffer->generation = 0;
            return false;
        }
        buffer->generation = generation;
        buffer->next = 0;
    }
    ASSERT(buffer->next + count <= RANDOM_BUFFER_SIZE);
    if (count > 0) {
        memcpy(bytes, buffer->bytes + buffer->next, count);
        mem_wipe(buffer->bytes + buffer->next, count);
        buffer->next += count;
    }
    return true;
}

static int64_t system_time_us(void *context) {
    (void)context;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_monotonic_ns(void *context) {
    (void)context;
    struct timespec now;
    int failed = clock_gettime(CLOCK_BOOTTIME, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct environment environment_system(void) {
    return (struct environment){
        .time_us = system_time_us, .monotonic_ns = system_monotonic_ns, .random = system_random};
}

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void prng_seed(struct prng *prng, uint64_t seed) {
    for (size_t i = 0; i < ARRAY_LENGTH(prng->state); i++) {
        prng->state[i] = splitmix64(&seed);
    }
}

static uint64_t rotate_left(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

uint64_t prng_u64(struct prng *prng) {
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound) {
    ASSERT(bound > 0);
    /* Values under 2^64 mod bound would be too frequent; at most half of all draws are thrown away. */
    uint64_t least = (0 - bound) % bound;
    uint64_t value = prng_u64(prng);
    while (value < least) {
        value = prng_u64(prng);
    }
    return value % bound;
}

bool prng_chance(struct prng *prng, uint32_t parts, uint32_t of) {
    ASSERT(of > 0);
    return prng_below(prng, of) < parts;
}

void prng_bytes(struct prng *prng, void *bytes, size_t count) {
    uint8_t *at = bytes;
    while (count > 0) {
        uint8_t word[8];
        codec_put_u64(word, prng_u64(prng));
        size_t piece = count < sizeof(word) ? count : sizeof(word);
        memcpy(at, word, piece);
        at += piece;
        count -= piece;
    }
}
