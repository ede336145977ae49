/* Values: order and hash over random values, floats back and forth, modifiers, short texts, memory. */
#include "support.h"

static void test_total_order(void **state) {
    (void)state;
    for (size_t t = 0; t < TEST_TYPE_COUNT; t++) {
        for (int round = 0; round < 3000; round++) {
            struct arena arena;
            arena_init(&arena, 0);
            struct value a = test_random_value(TEST_TYPES[t], &arena);
            struct value b = test_random_value(TEST_TYPES[t], &arena);
            struct value c = test_random_value(TEST_TYPES[t], &arena);
            assert_true(value_valid(&a));
            int ab = test_sign(value_compare(&a, &b));
            int bc = test_sign(value_compare(&b, &c));
            int ac = test_sign(value_compare(&a, &c));
            assert_int_equal(ab, -test_sign(value_compare(&b, &a)));
            assert_int_equal(value_compare(&a, &a), 0);
            if (ab == bc || bc == 0) {
                assert_int_equal(ac, ab);
            }
            assert_true(ab != 0 || value_hash(&a, 1) == value_hash(&b, 1));
            assert_int_equal(value_equal(&a, &b), ab == 0);
            struct value copy;
            assert_true(value_copy(&a, &arena, &copy));
            assert_true(value_equal(&a, &copy));
            arena_free(&arena);
        }
    }
}

static void test_nulls(void **state) {
    (void)state;
    struct value null = value_null(TYPE_INT4);
    struct value one = value_integer(TYPE_INT4, 1);
    struct value big = value_int8(1);
    assert_true(value_compare_nulls_last(&one, &null) < 0);
    assert_true(value_compare_nulls_last(&null, &one) > 0);
    assert_int_equal(value_compare_nulls_last(&null, &null), 0);
    assert_true(value_equal(&null, &null));
    assert_false(value_equal(&one, &null));
    assert_false(value_equal(&one, &big));
    assert_true(value_hash(&null, 3) == value_hash(&null, 3));
}

/* Text of a float reads back as the same float, and no shorter text does. */
static void test_real_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 40000; round++) {
        enum type_id type = round % 2 == 0 ? TYPE_FLOAT8 : TYPE_FLOAT4;
        double real = test_random_real(type);
        if (round % 5 == 0) {
            real = (double)((int64_t)test_below(2000000) - 1000000) / 100;
            real = type == TYPE_FLOAT4 ? (double)(float)real : real;
        }
        char text[VALUE_REAL_TEXT_SIZE];
        size_t length = value_format_real(type, real, text);
        double back;
        assert_int_equal(value_parse_real(type, slice_make(text, length), &back, NULL), KMB_OK);
        if (isnan(real)) {
            assert_true(isnan(back));
            continue;
        }
        assert_memory_equal(&real, &back, sizeof(real));
        if (type == TYPE_FLOAT8 && isfinite(real) && real != 0) {
            char libc[64];
            snprintf(libc, sizeof(libc), "%.17g", real);
            assert_int_equal(value_parse_real(type, slice_text(libc), &back, NULL), KMB_OK);
            assert_memory_equal(&real, &back, sizeof(real));
        }
    }
}

static void test_modifiers(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct kmb_error error = {0};
    struct value out;
    struct value text = value_text(slice_text("\xc3\xa4\xc3\xb6\xc3\xbcxyz"));
    struct type varchar = type_with(TYPE_VARCHAR, 3);
    assert_int_equal(value_apply_modifier(varchar, false, &text, &arena, &out, &error), KMB_STRING_TOO_LONG);
    assert_string_equal(error.message, "value too long for type character varying(3)");
    assert_int_equal(value_apply_modifier(varchar, true, &text, &arena, &out, &error), KMB_OK);
    assert_true(slice_equal_text(out.as.bytes, "\xc3\xa4\xc3\xb6\xc3\xbc"));
    assert_int_equal(out.type, TYPE_VARCHAR);
    struct value padded = value_text(slice_text("ab    "));
    assert_int_equal(value_apply_modifier(type_with(TYPE_BPCHAR, 4), false, &padded, &arena, &out, &error), KMB_OK);
    assert_true(slice_equal_text(out.as.bytes, "ab  "));
    struct value tiny = value_integer(TYPE_TINYINT, 128);
    assert_int_equal(value_apply_modifier(type_make(TYPE_TINYINT), false, &tiny, &arena, &out, &error),
                     KMB_NUMERIC_OUT_OF_RANGE);
    assert_string_equal(error.message, "tinyint out of range");
    struct value null = value_null(TYPE_TEXT);
    assert_int_equal(value_apply_modifier(varchar, false, &null, &arena, &out, &error), KMB_OK);
    assert_true(out.is_null && out.type == TYPE_VARCHAR);
    arena_free(&arena);
}

static void test_encoding(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct kmb_error error = {0};
    struct value out;
    assert_int_equal(value_parse(type_make(TYPE_TEXT), slice_text("\xff"), NULL, &arena, &out, &error),
                     KMB_INVALID_ENCODING);
    assert_int_equal(value_parse(type_make(TYPE_INT4), slice_make("1\0", 2), NULL, &arena, &out, &error),
                     KMB_INVALID_ENCODING);
    struct value bad = value_text(slice_text("\xc0\x80"));
    assert_false(value_valid(&bad));
    bad = value_integer(TYPE_INT2, 40000);
    assert_false(value_valid(&bad));
    bad = value_integer(TYPE_TIME, -1);
    assert_false(value_valid(&bad));
    bad = value_bytes(TYPE_JSON, slice_text("{"));
    assert_false(value_valid(&bad));
    arena_free(&arena);
}

static void test_short(void **state) {
    (void)state;
    char text[200];
    memset(text, 'x', sizeof(text));
    struct value value = value_text(slice_make(text, sizeof(text)));
    struct buffer out = {0};
    value_print_short(&value, &out);
    assert_int_equal(out.length, 67);
    buffer_clear(&out);
    value = value_bytes(TYPE_BYTEA, slice_make(text, sizeof(text)));
    value_print_short(&value, &out);
    assert_int_equal(out.length, 2 + 64 + 3);
    buffer_clear(&out);
    value = value_null(TYPE_TEXT);
    value_print_short(&value, &out);
    assert_true(slice_equal_text(buffer_slice(&out), "null"));
    buffer_clear(&out);
    value_print(&value, NULL, &out);
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

static void test_memory(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1);
    struct value out;
    struct kmb_error error = {0};
    assert_int_equal(value_parse(type_make(TYPE_BYTEA), slice_text("abc"), NULL, &arena, &out, &error), KMB_NO_MEMORY);
    assert_int_equal(value_parse(type_make(TYPE_JSONB), slice_text("{}"), NULL, &arena, &out, &error), KMB_NO_MEMORY);
    assert_int_equal(value_parse(type_with(TYPE_BPCHAR, 9), slice_text("a"), NULL, &arena, &out, &error),
                     KMB_NO_MEMORY);
    struct value value = value_text(slice_text("abc"));
    assert_false(value_copy(&value, &arena, &out));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total_order), cmocka_unit_test(test_nulls),    cmocka_unit_test(test_real_round_trip),
        cmocka_unit_test(test_modifiers),   cmocka_unit_test(test_encoding), cmocka_unit_test(test_short),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
