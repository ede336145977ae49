/* Arenas: pieces are aligned and apart, marks give back, budgets hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/environment.h"
#include "base/memory.h"

#include <string.h>

static void pieces_stay_apart(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct prng prng;
    prng_seed(&prng, 1);
    for (int round = 0; round < 20; round++) {
        enum { PIECES = 400 };
        uint8_t *pieces[PIECES];
        size_t sizes[PIECES];
        for (size_t i = 0; i < PIECES; i++) {
            sizes[i] = (size_t)prng_below(&prng, prng_chance(&prng, 1, 20) ? 50000 : 200);
            pieces[i] = arena_alloc(&arena, sizes[i]);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], (int)(i & 0xFF), sizes[i]);
        }
        for (size_t i = 0; i < PIECES; i++) {
            for (size_t j = 0; j < sizes[i]; j++) {
                assert_int_equal(pieces[i][j], i & 0xFF);
            }
        }
        if (round % 5 == 4) {
            arena_free(&arena);
            assert_int_equal(arena.bytes_used, 0);
        }
    }
    arena_free(&arena);
}

static void marks_give_back(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct arena_mark empty = arena_mark(&arena);
    char *kept = arena_text(&arena, slice_text("kept"));
    struct arena_mark mark = arena_mark(&arena);
    size_t used = arena.bytes_used;
    void *next = arena_alloc(&arena, 32);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(arena_alloc(&arena, 5000));
    }
    arena_rewind(&arena, mark);
    assert_int_equal(arena.bytes_used, used);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(arena_alloc(&arena, 32), next);
    arena_rewind(&arena, empty);
    assert_int_equal(arena.bytes_used, 0);
    assert_non_null(arena_alloc(&arena, 1));
    arena_free(&arena);
}

struct failure {
    jmp_buf place;
    bool budget;
};

static void leave(void *context, bool budget) {
    struct failure *failure = context;
    failure->budget = budget;
    longjmp(failure->place, 1);
}

static void budgets_hold(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 20000);
    size_t got = 0;
    while (arena_alloc(&arena, 100) != NULL) {
        got += 100;
        assert_true(arena.bytes_used <= 20000);
    }
    assert_true(got > 15000);
    assert_null(arena_alloc(&arena, 30000));
    static struct failure failure;
    arena.on_fail = leave;
    arena.on_fail_context = &failure;
    if (setjmp(failure.place) == 0) {
        arena_alloc(&arena, 30000);
        fail();
    }
    assert_true(failure.budget);
    arena_free(&arena);
    arena.bytes_max = 0;
    if (setjmp(failure.place) == 0) {
        mem_fail_plan(1);
        arena_alloc(&arena, 100);
        fail();
    }
    mem_fail_plan(0);
    assert_false(failure.budget);
    arena.on_fail = NULL;
    volatile size_t huge = SIZE_MAX;
    assert_null(arena_alloc(&arena, huge));
    assert_null(arena_alloc(&arena, huge - 15));
    assert_null(arena_alloc_zero(&arena, huge / 2, 3));
    arena_free(&arena);
}

static void copies(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    assert_string_equal(arena_printf(&arena, "%d:%s", 5, "abc"), "5:abc");
    struct slice copy = arena_dup_slice(&arena, slice_text("slice"));
    assert_true(slice_equal_text(copy, "slice"));
    assert_memory_equal(arena_dup(&arena, "xyz", 3), "xyz", 3);
    uint8_t *zero = arena_alloc_zero(&arena, 10, 10);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(zero[i], 0);
    }
    assert_string_equal(arena_text(&arena, slice_make(NULL, 0)), "");
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_stay_apart),
        cmocka_unit_test(marks_give_back),
        cmocka_unit_test(budgets_hold),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
