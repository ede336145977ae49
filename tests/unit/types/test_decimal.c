/* Decimals: limits, specials, algebra that must hold for any operands, conversions. */
#include "support.h"

static void check_text(const char *text, const char *expected) {
    char printed[DECIMAL_TEXT_SIZE];
    size_t length = decimal_format(test_decimal(text), printed);
    assert_string_equal(printed, expected);
    assert_int_equal(length, strlen(expected));
}

static void test_limits(void **state) {
    (void)state;
    struct decimal out;
    struct kmb_error error = {0};
    check_text("99999999999999999999999999999999999999", "99999999999999999999999999999999999999");
    check_text("-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001");
    check_text("0.10000000000000000000000000000000000000000000000000", "0.10000000000000000000000000000000000000");
    check_text("1e37", "10000000000000000000000000000000000000");
    check_text("1e-76", "0.0000000000000000000000000000000000000000000000000000000000000000000000000001");
    static const char *const beyond[] = {"100000000000000000000000000000000000000", "1e38", "1e-77",
                                         "0.123456789012345678901234567890123456789", "1e999999999999"};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        assert_int_equal(decimal_parse(slice_text(beyond[i]), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
        assert_string_equal(error.message, "value overflows numeric format");
        assert_string_equal(error.detail, "A numeric value holds at most 38 digits, at most 76 after the point.");
    }
    struct decimal most = test_decimal("99999999999999999999999999999999999999");
    assert_int_equal(decimal_add(most, decimal_of_int64(1), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_subtract(decimal_negate(most), decimal_of_int64(1), &out, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_multiply(most, decimal_of_int64(2), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_multiply(most, most, &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_add(most, test_decimal("0.1"), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_divide(most, test_decimal("0.1"), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_divide(most, most, &out, &error), KMB_OK);
    assert_int_equal(decimal_compare(out, decimal_of_int64(1)), 0);
    assert_int_equal(decimal_divide(test_decimal("1e37"), test_decimal("0.2"), &out, &error), KMB_OK);
    assert_int_equal(decimal_compare(out, test_decimal("5e37")), 0);
}

static void test_errors(void **state) {
    (void)state;
    struct decimal out;
    struct kmb_error error = {0};
    assert_int_equal(decimal_divide(decimal_of_int64(1), decimal_of_int64(0), &out, &error), KMB_DIVISION_BY_ZERO);
    assert_string_equal(error.message, "division by zero");
    assert_int_equal(decimal_modulo(decimal_of_int64(1), test_decimal("0.00"), &out, NULL), KMB_DIVISION_BY_ZERO);
    assert_int_equal(decimal_divide(decimal_special(DECIMAL_INFINITY), decimal_of_int64(0), &out, NULL),
                     KMB_DIVISION_BY_ZERO);
    int64_t integer;
    assert_int_equal(decimal_to_int64(decimal_special(DECIMAL_NAN), &integer, &error), KMB_UNSUPPORTED);
    assert_string_equal(error.message, "cannot convert NaN to bigint");
    assert_int_equal(decimal_to_int64(test_decimal("9223372036854775807.5"), &integer, &error),
                     KMB_NUMERIC_OUT_OF_RANGE);
    assert_string_equal(error.message, "bigint out of range");
    assert_int_equal(decimal_to_int64(test_decimal("-9223372036854775808.4"), &integer, &error), KMB_OK);
    assert_true(integer == INT64_MIN);
    assert_int_equal(decimal_apply_modifier(test_decimal("123.456"), (5 << 16) | 3, &out, &error),
                     KMB_NUMERIC_OUT_OF_RANGE);
    assert_string_equal(error.message, "numeric field overflow");
    assert_string_equal(error.detail,
                        "A field with precision 5, scale 3 must round to an absolute value less than 10^2.");
    assert_int_equal(decimal_apply_modifier(decimal_special(DECIMAL_INFINITY), (5 << 16) | 3, &out, &error),
                     KMB_NUMERIC_OUT_OF_RANGE);
    assert_string_equal(error.detail, "A field with precision 5, scale 3 cannot hold an infinite value.");
    assert_int_equal(decimal_sqrt(decimal_of_int64(-1), &out, &error), KMB_INVALID_POWER_ARGUMENT);
    assert_int_equal(decimal_power_integer(decimal_of_int64(0), -1, &out, &error), KMB_INVALID_POWER_ARGUMENT);
}

/* Whatever is answered must be exact: checked by going back. */
static void test_algebra(void **state) {
    (void)state;
    size_t sums = 0;
    size_t products = 0;
    size_t remainders = 0;
    for (int round = 0; round < 20000; round++) {
        struct decimal a = test_random_decimal();
        struct decimal b = test_random_decimal();
        struct decimal c;
        struct decimal d;
        assert_true(decimal_valid(a));
        if (!decimal_is_finite(a) || !decimal_is_finite(b)) {
            continue;
        }
        if (decimal_add(a, b, &c, NULL) == KMB_OK) {
            assert_true(decimal_valid(c));
        }
        if (decimal_add(a, b, &c, NULL) == KMB_OK && decimal_subtract(c, b, &d, NULL) == KMB_OK) {
            assert_int_equal(decimal_compare(d, a), 0);
            assert_true(decimal_hash(d) == decimal_hash(a));
            sums++;
        }
        struct decimal whole = a;
        whole.scale = 0;
        if (decimal_multiply(whole, b, &c, NULL) == KMB_OK && !decimal_is_zero(b)) {
            assert_true(decimal_valid(c));
            assert_int_equal(decimal_modulo(c, b, &d, NULL), KMB_OK);
            assert_true(decimal_is_zero(d));
            products++;
        }
        if (!decimal_is_zero(b) && decimal_modulo(a, b, &c, NULL) == KMB_OK) {
            /* |a % b| < |b|, the sign of a, and (a - a % b) is a multiple of b */
            assert_true(decimal_compare(decimal_absolute(c), decimal_absolute(b)) < 0);
            assert_true(decimal_is_zero(c) || decimal_sign(c) == decimal_sign(a));
            if (decimal_subtract(a, c, &d, NULL) == KMB_OK) {
                assert_int_equal(decimal_modulo(d, b, &d, NULL), KMB_OK);
                assert_true(decimal_is_zero(d));
                remainders++;
            }
        }
        if (!decimal_is_zero(b) && decimal_divide(a, b, &c, NULL) == KMB_OK) {
            assert_true(decimal_valid(c));
            assert_true(decimal_is_zero(c) || decimal_sign(c) == decimal_sign(a) * decimal_sign(b));
        }
        struct decimal plain = decimal_normalize(a);
        assert_int_equal(decimal_compare(plain, a), 0);
        assert_true(decimal_hash(plain) == decimal_hash(a));
    }
    assert_true(sums > 5000 && products > 1000 && remainders > 5000);
}

/* Text and back, double and back. */
static void test_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct decimal a = test_random_decimal();
        char text[DECIMAL_TEXT_SIZE];
        size_t length = decimal_format(a, text);
        struct decimal b;
        assert_int_equal(decimal_parse(slice_make(text, length), &b, NULL), KMB_OK);
        assert_memory_equal(&a, &b, sizeof(a));
        double real = decimal_to_double(a);
        double parsed;
        assert_int_equal(value_parse_real(TYPE_FLOAT8, slice_make(text, length), &parsed, NULL), KMB_OK);
        assert_true(value_compare_real(real, parsed) == 0); /* both rounded correctly, by different ways */
    }
}

static void test_order(void **state) {
    (void)state;
    static const char *const rising[] = {"-Infinity", "-1e37", "-2",  "-1.10", "-1",   "-0.0000001", "0",  "1e-38",
                                         "0.000001",  "1.1",   "1.2", "10",    "1e37", "Infinity",   "NaN"};
    size_t count = sizeof(rising) / sizeof(rising[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = decimal_compare(test_decimal(rising[i]), test_decimal(rising[j]));
            assert_int_equal(test_sign(order), i < j ? -1 : i > j ? 1 : 0);
        }
    }
}

static void test_sum(void **state) {
    (void)state;
    struct decimal_sum sum = {0};
    struct decimal_sum half = {0};
    struct decimal expected = decimal_of_int64(0);
    struct decimal out;
    for (int i = 0; i < 10000; i++) {
        struct decimal value = decimal_of_int64((int64_t)test_below(1000000) - 400000);
        value.scale = (uint16_t)test_below(5);
        assert_int_equal(decimal_sum_add(i % 2 == 0 ? &sum : &half, value, NULL), KMB_OK);
        assert_int_equal(decimal_add(expected, value, &expected, NULL), KMB_OK);
    }
    assert_int_equal(decimal_sum_merge(&sum, &half, NULL), KMB_OK);
    assert_int_equal(sum.count, 10000);
    assert_int_equal(decimal_sum_total(&sum, &out, NULL), KMB_OK);
    assert_memory_equal(&out, &expected, sizeof(out));
    struct decimal average;
    assert_int_equal(decimal_sum_average(&sum, &average, NULL), KMB_OK);
    assert_int_equal(decimal_divide(expected, decimal_of_int64(10000), &out, NULL), KMB_OK);
    assert_memory_equal(&out, &average, sizeof(out));

    /* A total beyond 38 digits is found at the end, and may come back before. */
    struct decimal most = test_decimal("99999999999999999999999999999999999999");
    struct decimal_sum wide = {0};
    assert_int_equal(decimal_sum_add(&wide, most, NULL), KMB_OK);
    assert_int_equal(decimal_sum_add(&wide, decimal_of_int64(1), NULL), KMB_OK);
    assert_int_equal(decimal_sum_total(&wide, &out, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_sum_add(&wide, decimal_of_int64(-2), NULL), KMB_OK);
    assert_int_equal(decimal_sum_total(&wide, &out, NULL), KMB_OK);

    assert_int_equal(decimal_sum_add(&wide, decimal_special(DECIMAL_INFINITY), NULL), KMB_OK);
    assert_int_equal(decimal_sum_total(&wide, &out, NULL), KMB_OK);
    assert_int_equal(out.kind, DECIMAL_INFINITY);
    assert_int_equal(decimal_sum_add(&wide, decimal_special(DECIMAL_NEGATIVE_INFINITY), NULL), KMB_OK);
    assert_int_equal(decimal_sum_total(&wide, &out, NULL), KMB_OK);
    assert_int_equal(out.kind, DECIMAL_NAN);
}

/* To the last digit, against values computed with 80 digits elsewhere. */
static void test_series(void **state) {
    (void)state;
    static const struct {
        enum kmb_status (*one)(struct decimal a, struct decimal *out, struct kmb_error *error);
        enum kmb_status (*two)(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
        const char *a;
        const char *b;
        const char *value;
    } cases[] = {
        {decimal_ln, NULL, "2", "0", "0.6931471805599453"},
        {decimal_ln, NULL, "1.0000001", "0", "0.00000009999999500000033"},
        {decimal_ln, NULL, "99999999999999999999999999999999999999", "0", "87.498233533773736"},
        {decimal_ln, NULL, "1e-38", "0", "-87.498233533773735992683675278005839889"},
        {decimal_exp, NULL, "1", "0", "2.7182818284590452"},
        {decimal_exp, NULL, "80.1", "0", "61233347272706593014002622317448428.8"},
        {decimal_exp, NULL, "-80", "0", "0.00000000000000000000000000000000001804851387845415"},
        {NULL, decimal_log, "10", "1000", "3.0000000000000000"},
        {NULL, decimal_log, "2", "10", "3.3219280948873623"},
        {NULL, decimal_power, "2", "0.5", "1.4142135623730950"},
        {NULL, decimal_power, "1.0000000000001", "100000.5", "1.0000000100000501"},
        {NULL, decimal_power, "0.5", "150.5", "0.0000000000000000000000000000000000000000000004954338232951867"},
    };
    struct decimal out;
    char text[DECIMAL_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decimal a = test_decimal(cases[i].a);
        struct decimal b = test_decimal(cases[i].b);
        enum kmb_status status = cases[i].one != NULL ? cases[i].one(a, &out, NULL) : cases[i].two(a, b, &out, NULL);
        assert_int_equal(status, KMB_OK);
        decimal_format(out, text);
        assert_string_equal(text, cases[i].value);
    }
    /* and back, where nothing is lost on the way */
    for (int round = 0; round < 500; round++) {
        struct decimal a = decimal_of_int64(1 + (int64_t)test_below(1000000));
        a.scale = (uint16_t)test_below(9);
        struct decimal ln;
        assert_int_equal(decimal_ln(a, &ln, NULL), KMB_OK);
        assert_int_equal(decimal_exp(ln, &out, NULL), KMB_OK);
        assert_int_equal(decimal_round(out, 9, DECIMAL_HALF_AWAY, &out, NULL), KMB_OK);
        assert_int_equal(decimal_compare(out, a), 0);
    }
    struct kmb_error error = {0};
    assert_int_equal(decimal_exp(decimal_of_int64(88), &out, &error), KMB_NUMERIC_OUT_OF_RANGE);
    assert_string_equal(error.message, "value overflows numeric format");
    assert_int_equal(decimal_exp(test_decimal("-1e37"), &out, NULL), KMB_OK);
    assert_true(decimal_is_zero(out));
    assert_int_equal(decimal_log(decimal_of_int64(1), decimal_of_int64(2), &out, NULL), KMB_DIVISION_BY_ZERO);
    assert_int_equal(decimal_power(test_decimal("1e37"), test_decimal("1e37"), &out, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_power(test_decimal("1e-37"), test_decimal("1e37"), &out, NULL), KMB_OK);
    assert_true(decimal_is_zero(out));
}

static void test_roots_and_powers(void **state) {
    (void)state;
    struct decimal out;
    for (int round = 0; round < 3000; round++) {
        /* The root of a square is exact. */
        struct decimal a = decimal_of_int64((int64_t)test_below(1000000000));
        a.scale = (uint16_t)test_below(6);
        struct decimal square;
        assert_int_equal(decimal_multiply(a, a, &square, NULL), KMB_OK);
        assert_int_equal(decimal_sqrt(square, &out, NULL), KMB_OK);
        assert_int_equal(decimal_compare(out, a), 0);
        assert_int_equal(decimal_power_integer(a, 2, &out, NULL), KMB_OK);
        assert_int_equal(decimal_compare(out, square), 0);
    }
    assert_int_equal(decimal_sqrt(test_decimal("99999999999999999999999999999999999999"), &out, NULL), KMB_OK);
    assert_int_equal(decimal_sqrt(test_decimal("1e-76"), &out, NULL), KMB_OK);
    assert_int_equal(decimal_compare(out, test_decimal("1e-38")), 0);
    assert_int_equal(decimal_power_integer(decimal_of_int64(10), 37, &out, NULL), KMB_OK);
    assert_int_equal(decimal_compare(out, test_decimal("1e37")), 0);
    assert_int_equal(decimal_power_integer(decimal_of_int64(10), 38, &out, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_power_integer(decimal_of_int64(2), INT64_MAX, &out, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_power_integer(decimal_of_int64(2), INT64_MIN, &out, NULL), KMB_OK);
    assert_true(decimal_is_zero(out));
    assert_int_equal(decimal_power_integer(decimal_of_int64(-1), INT64_MAX, &out, NULL), KMB_OK);
    assert_int_equal(decimal_compare(out, decimal_of_int64(-1)), 0);
}

static void test_rounding_extremes(void **state) {
    (void)state;
    struct decimal out;
    char text[DECIMAL_TEXT_SIZE];
    assert_int_equal(decimal_round(test_decimal("-0.5"), 0, DECIMAL_HALF_AWAY, &out, NULL), KMB_OK);
    decimal_format(out, text);
    assert_string_equal(text, "-1");
    assert_int_equal(
        decimal_round(test_decimal("99999999999999999999999999999999999999"), -1, DECIMAL_HALF_AWAY, &out, NULL),
        KMB_NUMERIC_OUT_OF_RANGE);
    assert_int_equal(decimal_round(test_decimal("123"), INT32_MIN, DECIMAL_HALF_AWAY, &out, NULL), KMB_OK);
    assert_true(decimal_is_zero(out));
    assert_int_equal(decimal_round(test_decimal("123"), INT32_MAX, DECIMAL_HALF_AWAY, &out, NULL), KMB_OK);
    assert_int_equal(decimal_compare(out, test_decimal("123")), 0);
    assert_true(decimal_valid(out));
    assert_int_equal(decimal_round(test_decimal("1e-76"), 0, DECIMAL_CEILING, &out, NULL), KMB_OK);
    assert_int_equal(decimal_compare(out, decimal_of_int64(1)), 0);
}

static void test_valid(void **state) {
    (void)state;
    struct decimal a = decimal_of_int64(1);
    assert_true(decimal_valid(a));
    a.scale = DECIMAL_SCALE_MAX + 1;
    assert_false(decimal_valid(a));
    a = decimal_of_int64(1);
    a.kind = 9;
    assert_false(decimal_valid(a));
    a = decimal_special(DECIMAL_NAN);
    a.low = 1;
    assert_false(decimal_valid(a));
    a = decimal_of_int64(1);
    a.reserved[4] = 1;
    assert_false(decimal_valid(a));
    a = (struct decimal){.high = INT64_MAX};
    assert_false(decimal_valid(a));
    assert_false(decimal_make(INT64_MIN, 0, 0, &a));
}

/* Short numbers are read in one word: a blank before them makes the long way read them, to the same. */
static void test_short_form(void **state) {
    (void)state;
    static const char alphabet[] = "0123456789.-+e0.";
    size_t good = 0;
    for (int round = 0; round < 40000; round++) {
        char text[32] = " ";
        size_t length = test_below(20);
        for (size_t i = 0; i < length; i++) {
            text[1 + i] = alphabet[test_below(test_below(3) == 0 ? sizeof(alphabet) - 1 : 11)];
        }
        struct decimal a = {.low = 0};
        struct decimal b = {.low = 0};
        enum kmb_status status = decimal_parse(slice_make(text + 1, length), &a, NULL);
        assert_int_equal(status, decimal_parse(slice_make(text, length + 1), &b, NULL));
        if (memcmp(&a, &b, sizeof(a)) != 0) {
            fail_msg("'%s'", text + 1);
        }
        good += status == KMB_OK;
    }
    assert_true(good > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_errors),
        cmocka_unit_test(test_algebra),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_short_form), cmocka_unit_test(test_order),
        cmocka_unit_test(test_sum),        cmocka_unit_test(test_roots_and_powers),
        cmocka_unit_test(test_series),     cmocka_unit_test(test_rounding_extremes),
        cmocka_unit_test(test_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
