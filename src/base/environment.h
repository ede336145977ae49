/*
 * Time and randomness as values: the engine is handed an environment and asks it; nothing below the engine does.
 * The real one reads the kernel; the simulator's is virtual time and a seeded generator.
 */
#ifndef KMB_BASE_ENVIRONMENT_H
#define KMB_BASE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct environment {
    int64_t (*time_us)(void *context);                        /* wall clock, microseconds since 1970-01-01 UTC */
    int64_t (*monotonic_ns)(void *context);                   /* boot clock, for durations and clock-jump checks */
    bool (*random)(void *context, void *bytes, size_t count); /* false: no randomness to be had */
    void *context;
};

/* The machine's clocks and OpenSSL-free kernel randomness (getrandom, buffered per thread, dropped on fork). */
struct environment environment_system(void);

/* splitmix64-seeded xoshiro256**: the simulator's and the tests' generator. Not for secrets. */
struct prng {
    uint64_t state[4];
};
void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_u64(struct prng *prng);
uint64_t prng_below(struct prng *prng, uint64_t bound);           /* 0..bound-1, unbiased; bound > 0 */
bool prng_chance(struct prng *prng, uint32_t parts, uint32_t of); /* true in parts of `of` cases */
void prng_bytes(struct prng *prng, void *bytes, size_t count);

#endif
