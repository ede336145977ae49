/*
 * The oracle of the store's tests: for each tree an array, in key order, that says which value stands at which key.
 * A value is known by its seed; its bytes follow from it. Seed 0: no value.
 */
#ifndef KMB_TEST_STORE_MODEL_H
#define KMB_TEST_STORE_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/io_memory.h"
#include "base/memory.h"
#include "store/store.h"

#define MODEL_KEYS    400u
#define MODEL_TENANTS 2u
#define MODEL_TREES   2u

struct model {
    uint64_t seeds[MODEL_TENANTS][MODEL_TREES][MODEL_KEYS];
};

static const enum store_tree model_tree[MODEL_TREES] = {STORE_CURRENT, STORE_INDEX};
static const uint32_t model_tenant[MODEL_TENANTS] = {1, 70000};

/* The keys, in byte order. */
struct model_keys {
    struct slice keys[MODEL_KEYS];
};

static inline int model_key_order(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static inline void model_keys_make(struct model_keys *keys, uint64_t seed) {
    struct prng prng;
    prng_seed(&prng, seed);
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        uint64_t kind = prng_below(&prng, 100);
        size_t length = kind < 70   ? 6 + prng_below(&prng, 20)
                        : kind < 90 ? 20 + prng_below(&prng, 400)
                        : kind < 97 ? 1000 + prng_below(&prng, 1049)
                                    : 2049 + prng_below(&prng, 20000);
        uint8_t *bytes = malloc(length);
        assert_non_null(bytes);
        memset(bytes, kind % 3 == 0 ? 0 : 'k', length);
        codec_put_u32_big(bytes + (length > 3000 ? 2500 : 0), i * 2654435761u % 97);
        codec_put_u16(bytes + length - 2, (uint16_t)i); /* distinct */
        keys->keys[i] = slice_make(bytes, length);
    }
    qsort(keys->keys, MODEL_KEYS, sizeof keys->keys[0], model_key_order);
}

static inline void model_keys_free(struct model_keys *keys) {
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        free((void *)(uintptr_t)keys->keys[i].bytes);
    }
}

static inline struct slice model_value(uint64_t seed, struct buffer *buffer) {
    uint64_t kind = seed % 101;
    uint64_t spread = seed / 101;
    size_t length = kind < 70   ? spread % 150
                    : kind < 90 ? spread % 900
                    : kind < 99 ? 2000 + spread % 1500
                                : 8000 + spread % 30000;
    buffer_clear(buffer);
    uint8_t *bytes = buffer_extend(buffer, length + 8);
    assert_non_null(bytes);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < length; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(bytes + i, &state, 8);
    }
    buffer->length = length;
    return buffer_slice(buffer);
}

/* Every tree of the view is exactly what the model says: forward, backward, count. */
static inline void model_check(const struct model *model, const struct model_keys *keys, struct store_view view) {
    struct buffer expected = {0};
    for (unsigned t = 0; t < MODEL_TENANTS; t++) {
        for (unsigned tree = 0; tree < MODEL_TREES; tree++) {
            const uint64_t *seeds = model->seeds[t][tree];
            struct store_cursor cursor;
            struct kmb_error error = {0};
            assert_int_equal(store_cursor_open(&cursor, view, model_tenant[t], model_tree[tree], &error), KMB_OK);
            assert_int_equal(store_cursor_first(&cursor, &error), KMB_OK);
            uint64_t count = 0;
            for (unsigned i = 0; i < MODEL_KEYS; i++) {
                if (seeds[i] == 0) {
                    continue;
                }
                count++;
                assert_true(cursor.valid);
                assert_true(slice_equal(cursor.key, keys->keys[i]));
                struct slice value;
                assert_int_equal(store_cursor_value(&cursor, &value, &error), KMB_OK);
                assert_true(slice_equal(value, model_value(seeds[i], &expected)));
                assert_int_equal(store_cursor_next(&cursor, &error), KMB_OK);
            }
            assert_false(cursor.valid);
            assert_int_equal(store_cursor_last(&cursor, &error), KMB_OK);
            for (unsigned i = MODEL_KEYS; i > 0; i--) {
                if (seeds[i - 1] == 0) {
                    continue;
                }
                assert_true(cursor.valid);
                assert_true(slice_equal(cursor.key, keys->keys[i - 1]));
                assert_int_equal(store_cursor_prev(&cursor, &error), KMB_OK);
            }
            assert_false(cursor.valid);
            store_cursor_close(&cursor);
            uint64_t stored;
            assert_int_equal(store_count(view, model_tenant[t], model_tree[tree], &stored, &error), KMB_OK);
            assert_int_equal(stored, count);
        }
    }
    buffer_free(&expected);
}

/* An environment whose randomness is a generator's. */
struct test_random {
    struct prng prng;
};
static inline bool test_random_bytes(void *context, void *bytes, size_t count) {
    struct test_random *random = context;
    prng_bytes(&random->prng, bytes, count);
    return true;
}
static inline int64_t test_no_time(void *context) {
    (void)context;
    return 0;
}

/* Keys of two tenants and the shard; tenant 70000 stays in clear, to have both in one file. */
struct test_keys {
    struct aead_key *keys[2];
};
static inline enum kmb_status test_page_key(void *context, uint32_t tenant, struct aead_key **key,
                                            struct kmb_error *error) {
    (void)error;
    struct test_keys *keys = context;
    *key = tenant < 2 ? keys->keys[tenant] : NULL;
    return KMB_OK;
}
static inline void test_keys_make(struct test_keys *keys) {
    for (unsigned i = 0; i < 2; i++) {
        struct secret_key raw;
        memset(&raw, (int)(i + 7), sizeof raw);
        assert_int_equal(aead_key_new(&raw, &keys->keys[i], NULL), KMB_OK);
    }
}
static inline void test_keys_free(struct test_keys *keys) {
    aead_key_free(keys->keys[0]);
    aead_key_free(keys->keys[1]);
}

static inline struct store_options test_options(struct test_random *random, struct test_keys *keys,
                                                uint64_t cache_bytes) {
    prng_seed(&random->prng, 99);
    struct store_options options = {
        .cache_bytes_max = cache_bytes,
        .page_key = keys == NULL ? NULL : test_page_key,
        .page_key_context = keys,
        .environment = {
            .time_us = test_no_time, .monotonic_ns = test_no_time, .random = test_random_bytes, .context = random}};
    memset(options.uuid, 0x5a, sizeof options.uuid);
    return options;
}

#endif
