/* A duration is counted once, in the first class whose bound it does not pass; the classes agree with the sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/histogram.h"

static void bounds_grow(void **state) {
    (void)state;
    assert_int_equal(histogram_bounds_ns[0], 100000);
    for (unsigned at = 1; at < HISTOGRAM_BOUNDS; at++) {
        assert_true(histogram_bounds_ns[at] > histogram_bounds_ns[at - 1]);
    }
    assert_int_equal(histogram_bounds_ns[HISTOGRAM_BOUNDS - 1], 10000000000);
}

/* One duration on each bound and one just past it: the second belongs to the next class. */
static void a_bound_belongs_to_its_own_class(void **state) {
    (void)state;
    for (unsigned at = 0; at < HISTOGRAM_BOUNDS; at++) {
        struct histogram histogram = {0};
        histogram_add(&histogram, histogram_bounds_ns[at]);
        histogram_add(&histogram, histogram_bounds_ns[at] + 1);
        for (unsigned each = 0; each <= HISTOGRAM_BOUNDS; each++) {
            assert_int_equal(histogram.counts[each], each == at || each == at + 1 ? 1 : 0);
        }
        assert_int_equal(histogram.sum_ns, 2 * histogram_bounds_ns[at] + 1);
    }
}

static void the_ends_are_counted(void **state) {
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, 0);
    histogram_add(&histogram, 3600000000000);
    assert_int_equal(histogram.counts[0], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
    assert_int_equal(histogram.sum_ns, 3600000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_grow),
        cmocka_unit_test(a_bound_belongs_to_its_own_class),
        cmocka_unit_test(the_ends_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
