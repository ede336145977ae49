/* The door to the heap: planned failures hit exactly one allocation, products are checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

#include <string.h>

static void planned_failure_hits_once(void **state) {
    (void)state;
    mem_fail_plan(3);
    void *first = mem_alloc(8);
    void *second = mem_alloc_zero(1, 8);
    void *third = mem_alloc(8);
    void *fourth = mem_alloc_aligned(64, 8);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    assert_non_null(fourth);
    assert_int_equal((uintptr_t)fourth % 64, 0);
    assert_int_equal(mem_fail_count(), 4);
    mem_fail_plan(1);
    assert_null(mem_realloc(first, 100)); /* first is still ours */
    assert_int_equal(mem_fail_count(), 1);
    mem_fail_plan(1);
    assert_null(mem_strdup("x"));
    mem_fail_plan(1);
    assert_null(mem_dup("x", 1));
    mem_fail_plan(0);
    mem_free(first);
    mem_free(second);
    mem_free(fourth);
    mem_free(NULL);
}

static void products_and_sizes(void **state) {
    (void)state;
    volatile size_t huge = SIZE_MAX / 2 + 1;
    assert_null(mem_alloc_zero(huge, 2));
    void *a = mem_alloc(0);
    void *b = mem_alloc(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
    uint8_t *zero = mem_alloc_zero(100, 10);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(zero[i], 0);
    }
    memset(zero, 0xAA, 1000);
    mem_wipe(zero, 999);
    assert_int_equal(zero[0], 0);
    assert_int_equal(zero[998], 0);
    assert_int_equal(zero[999], 0xAA);
    mem_free(zero);
    char *text = mem_strdup("kimberlite");
    assert_string_equal(text, "kimberlite");
    mem_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planned_failure_hits_once),
        cmocka_unit_test(products_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
