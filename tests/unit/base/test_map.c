/* Maps against a plain array under random operations; order of insertion; a hash that is the same everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/environment.h"
#include "base/map.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = 500 };

static struct slice key_of(char *text, uint64_t number) {
    /* Lengths from 0 to 40, zero bytes among them. */
    int length = snprintf(text, 64, "%llu", (unsigned long long)number);
    memset(text + length, 0, 40);
    return slice_make(text, number == 0 ? 0 : (size_t)length + number % 30);
}

static void random_operations(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 1);
    struct map map = {0};
    void *expected[KEYS] = {0};
    bool present[KEYS] = {false};
    size_t live = 0;
    static char values[1000];
    for (int step = 0; step < 200000; step++) {
        char text[64];
        uint64_t number = prng_below(&prng, KEYS);
        struct slice key = key_of(text, number);
        switch (prng_below(&prng, 3)) {
        case 0:
            expected[number] = prng_chance(&prng, 1, 10) ? NULL : &values[prng_below(&prng, sizeof(values))];
            live += !present[number];
            present[number] = true;
            assert_true(map_put(&map, key, expected[number]));
            break;
        case 1:
            assert_ptr_equal(map_remove(&map, key), expected[number]);
            live -= present[number];
            present[number] = false;
            expected[number] = NULL;
            break;
        default:
            assert_ptr_equal(map_get(&map, key), expected[number]);
            assert_int_equal(map_has(&map, key), present[number]);
            break;
        }
        assert_int_equal(map.live_count, live);
    }
    size_t seen = 0;
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&map, &at)) != NULL;) {
        seen++;
        assert_true(map_has(&map, entry->key));
    }
    assert_int_equal(seen, live);
    assert_true(map.slot_count <= 4 * KEYS); /* holes are closed, not grown around */
    map_free(&map);
    assert_int_equal(map.live_count, 0);
    assert_null(map_get(&map, slice_text("x")));
}

static void order_is_that_of_insertion(void **state) {
    (void)state;
    struct map map = {0};
    char text[64];
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(map_put(&map, key_of(text, (i * 7919) % 1009), NULL));
    }
    for (uint64_t i = 0; i < 1000; i += 3) {
        map_remove(&map, key_of(text, (i * 7919) % 1009));
    }
    map_put(&map, key_of(text, 7919 % 1009), text); /* a replacement keeps its place */
    size_t at = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        if (i % 3 != 0) {
            const struct map_entry *entry = map_next(&map, &at);
            assert_true(slice_equal(entry->key, key_of(text, (i * 7919) % 1009)));
        }
    }
    assert_null(map_next(&map, &at));
    map_free(&map);
}

static void memory_runs_out(void **state) {
    (void)state;
    for (uint64_t number = 1; number < 40; number++) {
        struct map map = {0};
        char text[64];
        mem_fail_plan(number);
        size_t kept = 0;
        for (uint64_t i = 1; i <= 30; i++) {
            kept += map_put(&map, key_of(text, i), &map);
        }
        bool fired = mem_fail_count() >= number;
        mem_fail_plan(0);
        assert_int_equal(kept, fired ? 29 : 30);
        assert_int_equal(map.live_count, kept);
        map_free(&map);
    }
}

static void hash_is_stable_and_spreads(void **state) {
    (void)state;
    uint64_t empty = map_hash(NULL, 0, 0);
    assert_true(empty == map_hash("", 0, 0));
    assert_true(map_hash("a", 1, 0) != map_hash("a", 1, 1));
    assert_true(map_hash("a\0", 2, 0) != map_hash("a", 1, 0));
    size_t buckets[256] = {0};
    for (uint64_t i = 0; i < 65536; i++) {
        buckets[map_hash(&i, sizeof(i), 0) & 255]++;
    }
    for (size_t i = 0; i < 256; i++) {
        assert_true(buckets[i] > 150 && buckets[i] < 370); /* 256 expected, deviation 16 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(order_is_that_of_insertion),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(hash_is_stable_and_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
