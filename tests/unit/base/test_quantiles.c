/* A quantile is that of the sorted values, or less than a hundredth above it; what is added up is what was added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/environment.h"
#include "base/quantiles.h"

#define VALUES 20000

static const uint64_t parts[][2] = {{0, 1}, {1, 2}, {9, 10}, {95, 100}, {99, 100}, {999, 1000}, {1, 1}};

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void nothing_has_no_quantiles(void **state) {
    (void)state;
    struct quantiles *none = calloc(2, sizeof(*none));
    assert_non_null(none);
    assert_int_equal(quantiles_at(none, 99, 100), 0);
    quantiles_merge(&none[0], &none[1]);
    assert_int_equal(none->count, 0);
    quantiles_add(&none[1], 7);
    quantiles_merge(&none[0], &none[1]);
    assert_int_equal(none->least, 7);
    assert_int_equal(quantiles_at(none, 1, 2), 7);
    free(none);
}

static void small_values_are_exact(void **state) {
    (void)state;
    struct quantiles *quantiles = calloc(1, sizeof(*quantiles));
    assert_non_null(quantiles);
    for (uint64_t i = 1; i <= 200; i++) {
        quantiles_add(quantiles, i);
    }
    assert_int_equal(quantiles_at(quantiles, 1, 2), 100);
    assert_int_equal(quantiles_at(quantiles, 99, 100), 198);
    assert_int_equal(quantiles_at(quantiles, 199, 200), 199);
    assert_int_equal(quantiles_at(quantiles, 1, 1), 200);
    assert_int_equal(quantiles->sum, 20100);
    free(quantiles);
}

/* Random values of every size, counted whole and in three parts. */
static void quantiles_are_those_of_the_sorted_values(void **state) {
    (void)state;
    struct prng prng;
    uint64_t *values = calloc(VALUES, sizeof(*values));
    struct quantiles *all = calloc(4, sizeof(*all));
    assert_non_null(values);
    assert_non_null(all);
    prng_seed(&prng, 7);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = prng_u64(&prng) >> (16 + prng_below(&prng, 48));
        quantiles_add(&all[0], values[i]);
        quantiles_add(&all[1 + i % 3], values[i]);
    }
    quantiles_merge(&all[1], &all[2]);
    quantiles_merge(&all[1], &all[3]);
    assert_memory_equal(&all[0], &all[1], sizeof(all[0]));
    qsort(values, VALUES, sizeof(*values), compare);
    assert_int_equal(all->least, values[0]);
    assert_int_equal(all->most, values[VALUES - 1]);
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t rank = (VALUES * parts[i][0] + parts[i][1] - 1) / parts[i][1];
        uint64_t exact = values[rank == 0 ? 0 : rank - 1];
        uint64_t found = quantiles_at(all, parts[i][0], parts[i][1]);
        assert_true(found >= exact);
        assert_true(found - exact <= exact / 100);
    }
    free(all);
    free(values);
}

static void what_is_too_large_is_the_largest(void **state) {
    (void)state;
    struct quantiles *quantiles = calloc(1, sizeof(*quantiles));
    assert_non_null(quantiles);
    quantiles_add(quantiles, UINT64_MAX);
    assert_int_equal(quantiles_at(quantiles, 1, 1), (UINT64_C(1) << QUANTILES_BITS) - 1);
    quantiles_add(quantiles, 0);
    assert_int_equal(quantiles_at(quantiles, 1, 2), 0);
    free(quantiles);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_quantiles),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(what_is_too_large_is_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
