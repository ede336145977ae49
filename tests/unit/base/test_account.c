/* Accounts and charges: what is allowed, what is refused and by whom, and that everything comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/account.h"
#include "base/arena.h"
#include "base/environment.h"

#define MIB ((uint64_t)1 << 20)

static void test_limits(void **state) {
    (void)state;
    _Atomic uint64_t refused = 0;
    struct kmb_error error = {0};
    struct account all = {.bytes_max = 3 * MIB, .whose = "all", .setting = "limit.all"};
    struct account one = {.bytes_max = 2 * MIB, .refused = &refused, .whose = "one", .setting = "limit.one"};
    struct charge first = {0};
    struct charge second = {0};
    charge_join(&first, &all);
    charge_join(&first, &one);
    charge_join(&second, &all);
    assert_true(charge_take(&first, 2 * MIB)); /* to the last byte */
    assert_false(charge_take(&first, 1));
    assert_ptr_equal(first.refusal, &one);
    assert_int_equal(refused, 1);
    assert_int_equal(charge_error(&first, &error), KMB_NO_MEMORY);
    assert_string_equal(error.message, "one may hold no more memory than 2097152 bytes");
    assert_non_null(strstr(error.hint, "limit.one"));
    assert_true(charge_take(&second, MIB));
    assert_false(charge_take(&second, 1));
    assert_ptr_equal(second.refusal, &all);
    assert_int_equal(one.bytes, 2 * MIB);
    assert_int_equal(all.bytes, 3 * MIB); /* nothing of what was refused */
    charge_force(&second, MIB);
    assert_int_equal(all.bytes, 4 * MIB);
    charge_give(&first, 2 * MIB);
    charge_give(&second, 2 * MIB);
    assert_true(charge_take(&second, 2 * MIB));
    charge_give(&second, 2 * MIB);
    charge_close(&first);
    charge_close(&second);
    assert_int_equal(all.bytes, 0);
    assert_int_equal(one.bytes, 0);
}

/* An account is never short of what its holders have, nor ahead by more than a few steps each. */
static void test_any_order(void **state) {
    (void)state;
    struct prng prng;
    struct account account = {.bytes_max = 8 * MIB, .whose = "all", .setting = "limit"};
    struct charge charges[3] = {0};
    uint64_t held = 0;
    prng_seed(&prng, 11);
    for (size_t i = 0; i < 3; i++) {
        charge_join(&charges[i], &account);
    }
    for (size_t i = 0; i < 100000; i++) {
        struct charge *charge = &charges[prng_below(&prng, 3)];
        uint64_t bytes = prng_below(&prng, prng_chance(&prng, 1, 10) ? MIB : 4096);
        if (prng_chance(&prng, 1, 2) && bytes <= charge->held) {
            charge_give(charge, bytes);
            held -= bytes;
        } else if (charge_take(charge, bytes)) {
            held += bytes;
        } else {
            assert_true(account.bytes + bytes > 8 * MIB);
        }
        assert_true(account.bytes >= held && account.bytes <= 8 * MIB);
        assert_true(account.bytes - held <= 3 * 4 * CHARGE_STEP);
    }
    for (size_t i = 0; i < 3; i++) {
        charge_give(&charges[i], charges[i].held);
        charge_close(&charges[i]);
    }
    assert_int_equal(account.bytes, 0);
}

static void test_arena(void **state) {
    (void)state;
    struct account account = {.bytes_max = MIB, .whose = "all", .setting = "limit"};
    struct charge charge = {0};
    struct arena arena;
    charge_join(&charge, &account);
    arena_init(&arena, 0);
    arena.charge = &charge;
    assert_non_null(arena_alloc(&arena, 100));
    struct arena_mark mark = arena_mark(&arena);
    assert_non_null(arena_alloc(&arena, MIB / 2));
    assert_int_equal(charge.held, arena.bytes_used);
    assert_null(arena_alloc(&arena, MIB / 2));
    assert_ptr_equal(charge.refusal, &account);
    arena_rewind(&arena, mark);
    assert_int_equal(charge.held, arena.bytes_used);
    assert_non_null(arena_alloc(&arena, MIB / 2));
    arena_free(&arena);
    assert_int_equal(charge.held, 0);
    charge_close(&charge);
    assert_int_equal(account.bytes, 0);
    arena_init(&arena, 1024); /* a budget of its own says so itself */
    arena.charge = &charge;
    assert_null(arena_alloc(&arena, 2048));
    assert_null(charge.refusal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
