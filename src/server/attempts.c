/*
 * Buckets of failures in a table of fixed size.
 *
 * A bucket holds what is owed: each failure adds one minute's share of what its kind may do in a minute, and time pays
 * it off. So one number says all: at or above the burst, nothing is allowed; at zero the place is free. A name lives in
 * one of eight places that its keyed hash gives; when all are taken, the one that owes least is forgotten. An attacker
 * with many addresses can thus push out small sinners, never a big one.
 */
#include "server/attempts.h"

#include "base/assert.h"
#include "base/memory.h"
#include "crypto/kdf.h"

#define ATTEMPTS_SETS     1024 /* with eight places each: 320 KiB, and 8192 names that have failed lately */
#define ATTEMPTS_PLACES   8
#define ATTEMPTS_KEY_SIZE 16
#define MINUTE_US         (INT64_C(60) * 1000 * 1000)

struct attempts_bucket {
    uint8_t key[ATTEMPTS_KEY_SIZE];
    int64_t paid_us; /* until when all is paid off: the debt is what lies ahead of now. 0: never used */
};

struct attempts {
    struct attempts_limits limits;
    struct hash256 secret;
    struct attempts_bucket buckets[ATTEMPTS_SETS][ATTEMPTS_PLACES];
};

/* Sources and users are names of different kinds, and never meet. */
enum attempts_kind { ATTEMPTS_SOURCE = 's', ATTEMPTS_USER = 'u' };

static uint32_t burst_of(const struct attempts *attempts, enum attempts_kind kind) {
    return kind == ATTEMPTS_SOURCE ? attempts->limits.source_burst : attempts->limits.user_burst;
}

static int64_t price_of(const struct attempts *attempts, enum attempts_kind kind) {
    uint32_t rate = kind == ATTEMPTS_SOURCE ? attempts->limits.source_per_minute : attempts->limits.user_per_minute;
    return rate == 0 ? MINUTE_US * 60 : MINUTE_US / rate;
}

enum kmb_status attempts_new(const struct attempts_limits *limits, const struct hash256 *secret, struct attempts **out,
                             struct kmb_error *error) {
    struct attempts *attempts = mem_alloc_zero(1, sizeof *attempts);
    if (attempts == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    attempts->limits = *limits;
    attempts->secret = *secret;
    *out = attempts;
    return KMB_OK;
}

void attempts_change(struct attempts *attempts, const struct attempts_limits *limits) {
    attempts->limits = *limits;
}

void attempts_free(struct attempts *attempts) {
    mem_free(attempts);
}

/* The key of a name, and the set it lives in. */
static struct attempts_bucket *set_of(struct attempts *attempts, enum attempts_kind kind, struct slice name,
                                      uint8_t key[ATTEMPTS_KEY_SIZE]) {
    uint8_t first = (uint8_t)kind;
    struct hash256 mixed = kdf_hmac_sha256(slice_make(attempts->secret.bytes, HASH256_SIZE), name);
    uint8_t joined[HASH256_SIZE + 1];
    memcpy(joined, mixed.bytes, HASH256_SIZE);
    joined[HASH256_SIZE] = first;
    struct hash256 hash = hash_sha256(joined, sizeof joined);
    memcpy(key, hash.bytes, ATTEMPTS_KEY_SIZE);
    size_t set = ((size_t)hash.bytes[ATTEMPTS_KEY_SIZE] << 8 | hash.bytes[ATTEMPTS_KEY_SIZE + 1]) % ATTEMPTS_SETS;
    return attempts->buckets[set];
}

static struct attempts_bucket *bucket_find(struct attempts_bucket *set, const uint8_t key[ATTEMPTS_KEY_SIZE]) {
    for (size_t i = 0; i < ATTEMPTS_PLACES; i++) {
        if (set[i].paid_us != 0 && memcmp(set[i].key, key, ATTEMPTS_KEY_SIZE) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* How long until a name may try again, 0: now. */
static int64_t wait_of(struct attempts *attempts, enum attempts_kind kind, struct slice name, int64_t now_us) {
    uint8_t key[ATTEMPTS_KEY_SIZE];
    uint32_t burst = burst_of(attempts, kind);
    if (burst == 0 || name.length == 0) {
        return 0;
    }
    const struct attempts_bucket *bucket = bucket_find(set_of(attempts, kind, name, key), key);
    if (bucket == NULL) {
        return 0;
    }
    int64_t price = price_of(attempts, kind);
    int64_t debt = bucket->paid_us - now_us;
    int64_t most = price * ((int64_t)burst - 1); /* owed, and still one more is allowed */
    return debt > most ? debt - most : 0;
}

enum kmb_status attempts_allow(struct attempts *attempts, struct slice source, struct slice user, int64_t now_us,
                               struct kmb_error *error) {
    int64_t wait = wait_of(attempts, ATTEMPTS_SOURCE, source, now_us);
    int64_t other = wait_of(attempts, ATTEMPTS_USER, user, now_us);
    wait = other > wait ? other : wait;
    if (wait == 0) {
        return KMB_OK;
    }
    long long seconds = (long long)(wait / 1000000 + 1);
    error_set(error, KMB_TOO_MANY_ATTEMPTS, "too many failed attempts to authenticate");
    if (error != NULL) {
        error_hint(error, "Try again in %lld seconds.", seconds);
    }
    return KMB_TOO_MANY_ATTEMPTS;
}

static void fail_once(struct attempts *attempts, enum attempts_kind kind, struct slice name, int64_t now_us) {
    uint8_t key[ATTEMPTS_KEY_SIZE];
    uint32_t burst = burst_of(attempts, kind);
    if (burst == 0 || name.length == 0) {
        return;
    }
    struct attempts_bucket *set = set_of(attempts, kind, name, key);
    struct attempts_bucket *bucket = bucket_find(set, key);
    if (bucket == NULL) {
        bucket = &set[0];
        for (size_t i = 1; i < ATTEMPTS_PLACES; i++) {
            bucket = set[i].paid_us < bucket->paid_us ? &set[i] : bucket;
        }
        *bucket = (struct attempts_bucket){.paid_us = now_us};
        memcpy(bucket->key, key, ATTEMPTS_KEY_SIZE);
    }
    int64_t price = price_of(attempts, kind);
    int64_t start = bucket->paid_us > now_us ? bucket->paid_us : now_us;
    int64_t most = now_us + price * (int64_t)burst; /* attempts that raced past the limit do not lock out for longer */
    bucket->paid_us = start + price < most ? start + price : most;
}

void attempts_failed(struct attempts *attempts, struct slice source, struct slice user, int64_t now_us) {
    ASSERT(now_us > 0);
    fail_once(attempts, ATTEMPTS_SOURCE, source, now_us);
    fail_once(attempts, ATTEMPTS_USER, user, now_us);
}
