/* Intervals: limits, order by span, text round trip. Grammar and arithmetic are checked by test_vectors. */
#include "support.h"

static void test_limits(void **state) {
    (void)state;
    struct interval out;
    struct kmb_error error = {0};
    struct interval most = {.months = INT32_MAX, .days = INT32_MAX, .us = INT64_MAX};
    struct interval least = {.months = INT32_MIN, .days = INT32_MIN, .us = INT64_MIN};
    assert_int_equal(interval_add(most, (struct interval){.us = 1}, &out, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "interval out of range");
    assert_int_equal(interval_add(most, (struct interval){.days = 1}, &out, NULL), KMB_DATETIME_OVERFLOW);
    assert_int_equal(interval_add(most, (struct interval){.months = 1}, &out, NULL), KMB_DATETIME_OVERFLOW);
    assert_int_equal(interval_negate(least, &out, NULL), KMB_DATETIME_OVERFLOW);
    assert_int_equal(interval_negate(most, &out, NULL), KMB_OK);
    assert_int_equal(interval_multiply(most, 2, &out, NULL), KMB_DATETIME_OVERFLOW);
    assert_int_equal(interval_multiply(most, (double)NAN, &out, NULL), KMB_DATETIME_OVERFLOW);
    assert_int_equal(interval_divide(most, 0, &out, &error), KMB_DIVISION_BY_ZERO);
    assert_int_equal(interval_justify_days(most, &out, NULL), KMB_DATETIME_OVERFLOW);
    char text[INTERVAL_TEXT_SIZE];
    interval_format(least, text);
    assert_string_equal(text, "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775808");
    assert_int_equal(interval_apply_modifier((struct interval){.us = INT64_MAX}, 0).us % US_PER_SECOND, 0);
    assert_int_equal(interval_apply_modifier((struct interval){.us = INT64_MIN}, 0).us % US_PER_SECOND, 0);
}

static void test_order(void **state) {
    (void)state;
    size_t equal = 0;
    for (int round = 0; round < 50000; round++) {
        struct interval a = test_random_interval();
        struct interval b = test_random_interval();
        int order = test_sign(interval_compare(a, b));
        assert_int_equal(order, -test_sign(interval_compare(b, a)));
        if (order == 0) {
            assert_true(interval_hash(a) == interval_hash(b));
            equal++;
        }
        struct interval canonical;
        if (interval_of_span(interval_span_of(a), &canonical)) {
            assert_int_equal(interval_compare(a, canonical), 0);
        } else {
            fail();
        }
    }
    assert_true(equal > 100);
    struct interval out;
    assert_false(interval_of_span((struct interval_span){.high = INT64_MIN}, &out));
    assert_false(interval_of_span((struct interval_span){.high = INT64_MAX}, &out));
}

static void test_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct interval a = test_random_interval();
        a.us = a.us == INT64_MIN ? 0 : a.us; /* its magnitude is no number of the grammar */
        struct interval b;
        char text[INTERVAL_TEXT_SIZE];
        size_t length = interval_format(a, text);
        struct kmb_error error = {0};
        if (interval_parse(slice_make(text, length), -1, &b, &error) != KMB_OK) {
            fail_msg("%s: %s", text, error.message);
        }
        assert_int_equal(a.months, b.months);
        assert_int_equal(a.days, b.days);
        assert_int_equal(a.us, b.us);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
