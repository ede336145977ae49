/* Keys: byte order is value order, equal values have equal keys, decoding gives the value back. */
#include "types/key.h"
#include "support.h"

static const char *golden_folder;

static struct slice encode(struct buffer *buffer, struct key_column column, const struct value *value) {
    buffer_clear(buffer);
    key_append(buffer, column, value);
    assert_true(buffer_ok(buffer));
    return buffer_slice(buffer);
}

static void test_order(void **state) {
    (void)state;
    struct buffer x = {0};
    struct buffer y = {0};
    size_t equal = 0;
    for (size_t t = 0; t < TEST_TYPE_COUNT; t++) {
        for (int round = 0; round < 4000; round++) {
            struct arena arena;
            arena_init(&arena, 0);
            struct value a = test_random_value(TEST_TYPES[t], &arena);
            struct value b = test_random_value(TEST_TYPES[t], &arena);
            a.is_null = test_below(20) == 0;
            b.is_null = test_below(20) == 0;
            struct key_column column = {.type = type_make(TEST_TYPES[t]), .descending = round % 2 == 1};
            int order = test_sign(value_compare_nulls_last(&a, &b));
            int keys = test_sign(slice_compare(encode(&x, column, &a), encode(&y, column, &b)));
            assert_int_equal(keys, column.descending ? -order : order);
            if (order == 0) {
                assert_true(value_hash(&a, 7) == value_hash(&b, 7));
                equal++;
            }
            /* Back, and on behind it. */
            key_append_row_id(&x, 42);
            struct value back;
            size_t offset = 0;
            size_t skipped = 0;
            struct kmb_error error = {0};
            assert_int_equal(key_is_null(buffer_slice(&x), 0, column.descending), a.is_null);
            assert_int_equal(key_decode(buffer_slice(&x), &offset, column, &arena, &back, &error), KMB_OK);
            assert_int_equal(key_skip(buffer_slice(&x), &skipped, column, &error), KMB_OK);
            assert_int_equal(offset, x.length - 8);
            assert_int_equal(skipped, offset);
            assert_int_equal(value_compare_nulls_last(&a, &back), 0);
            arena_free(&arena);
        }
    }
    assert_true(equal > 1000);
    buffer_free(&x);
    buffer_free(&y);
}

/* Arrays: half of the pairs have elements in common, so that what is behind them decides. */
static void test_order_of_arrays(void **state) {
    (void)state;
    struct buffer x = {0};
    struct buffer y = {0};
    for (int round = 0; round < 20000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        enum type_id element = round % 2 == 0 ? TYPE_BOOL : TEST_TYPES[test_below(TEST_TYPE_COUNT)];
        struct value a = test_random_array(element, &arena);
        struct value b = test_random_array(element, &arena);
        struct key_column column = {.type = type_make(a.type), .descending = round % 4 > 1};
        int order = test_sign(value_compare(&a, &b));
        int keys = test_sign(slice_compare(encode(&x, column, &a), encode(&y, column, &b)));
        assert_int_equal(keys, column.descending ? -order : order);
        key_append_row_id(&x, 42);
        struct value back;
        size_t offset = 0;
        size_t skipped = 0;
        assert_int_equal(key_decode(buffer_slice(&x), &offset, column, &arena, &back, NULL), KMB_OK);
        assert_int_equal(key_skip(buffer_slice(&x), &skipped, column, NULL), KMB_OK);
        assert_int_equal(offset, x.length - 8);
        assert_int_equal(skipped, offset);
        assert_int_equal(value_compare(&a, &back), 0);
        for (size_t cut = 0; cut < offset; cut++) { /* no key ends within another */
            size_t at = 0;
            assert_int_equal(key_skip(slice_make(x.bytes, cut), &at, column, NULL), KMB_CORRUPT);
        }
        arena_free(&arena);
    }
    buffer_free(&x);
    buffer_free(&y);
}

static void test_composite(void **state) {
    (void)state;
    struct buffer x = {0};
    struct buffer y = {0};
    for (int round = 0; round < 20000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        struct key_column columns[3];
        int order = 0;
        buffer_clear(&x);
        buffer_clear(&y);
        for (size_t i = 0; i < 3; i++) {
            columns[i].type = type_make(TEST_TYPES[test_below(TEST_TYPE_COUNT)]);
            columns[i].descending = test_below(2) == 0;
            struct value a = test_random_value(columns[i].type.id, &arena);
            struct value b = test_below(2) == 0 ? a : test_random_value(columns[i].type.id, &arena);
            int part = test_sign(value_compare_nulls_last(&a, &b));
            order = order != 0 ? order : columns[i].descending ? -part : part;
            key_append(&x, columns[i], &a);
            key_append(&y, columns[i], &b);
        }
        assert_int_equal(test_sign(slice_compare(buffer_slice(&x), buffer_slice(&y))), order);
        arena_free(&arena);
    }
    buffer_free(&x);
    buffer_free(&y);
}

static void test_equal_forms(void **state) {
    (void)state;
    static const char *const pairs[][3] = {
        {"numeric", "1.0", "1.00"},        {"numeric", "0", "-0.000"},         {"numeric", "100", "1e2"},
        {"double precision", "0", "-0"},   {"double precision", "NaN", "NaN"}, {"interval", "1 month", "30 days"},
        {"interval", "1 day", "24 hours"}, {"char(5)", "ab", "ab  "},
    };
    struct arena arena;
    arena_init(&arena, 0);
    struct buffer x = {0};
    struct buffer y = {0};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct value a = test_value(&arena, pairs[i][0], pairs[i][1]);
        struct value b = test_value(&arena, pairs[i][0], pairs[i][2]);
        struct key_column column = {.type = type_make(a.type)};
        assert_int_equal(slice_compare(encode(&x, column, &a), encode(&y, column, &b)), 0);
        assert_true(value_equal(&a, &b));
        assert_true(value_hash(&a, 1) == value_hash(&b, 1));
    }
    /* What a modifier says of the look comes back. */
    struct value number = test_value(&arena, "numeric(10,2)", "1.5");
    struct key_column column = {.type = type_with(TYPE_NUMERIC, type_modifier_numeric(10, 2))};
    struct value back;
    size_t offset = 0;
    assert_int_equal(key_decode(encode(&x, column, &number), &offset, column, &arena, &back, NULL), KMB_OK);
    char text[64];
    test_print(&back, text, sizeof(text));
    assert_string_equal(text, "1.50");
    struct value padded = test_value(&arena, "char(5)", "ab");
    column.type = type_with(TYPE_BPCHAR, 5);
    offset = 0;
    assert_int_equal(key_decode(encode(&x, column, &padded), &offset, column, &arena, &back, NULL), KMB_OK);
    test_print(&back, text, sizeof(text));
    assert_string_equal(text, "ab   ");
    buffer_free(&x);
    buffer_free(&y);
    arena_free(&arena);
}

static void test_refused(void **state) {
    (void)state;
    struct kmb_error error = {0};
    assert_int_equal(key_type_check(type_make(TYPE_JSON), &error), KMB_UNDEFINED_OBJECT);
    assert_string_equal(error.message, "data type json has no default operator class for access method \"btree\"");
    assert_int_equal(key_type_check(type_make(TYPE_JSONB), &error), KMB_UNDEFINED_OBJECT);
    assert_int_equal(key_type_check(type_make(TYPE_TEXT), &error), KMB_OK);
    assert_int_equal(key_type_check(type_make(TYPE_ARRAY_TEXT), &error), KMB_OK);
    assert_int_equal(key_type_check(type_make(type_array_of(TYPE_JSONB)), &error), KMB_UNDEFINED_OBJECT);
}

static void test_successor(void **state) {
    (void)state;
    struct buffer key = {0};
    buffer_append(&key, "\x01\x02\xff\xff", 4);
    assert_true(key_prefix_successor(&key));
    assert_true(slice_equal(buffer_slice(&key), slice_make("\x01\x03", 2)));
    buffer_clear(&key);
    buffer_append(&key, "\xff\xff", 2);
    assert_false(key_prefix_successor(&key));
    buffer_free(&key);
    uint64_t row_id;
    assert_false(key_read_row_id(slice_make("1234567", 7), &row_id));
    assert_true(key_read_row_id(slice_make("\0\0\0\0\0\0\1\2", 8), &row_id));
    assert_int_equal(row_id, 258);
}

/* Random bytes are refused or are a key: then encoding what was read sorts equal. */
static void test_hostile(void **state) {
    (void)state;
    size_t accepted = 0;
    for (int round = 0; round < 100000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        uint8_t bytes[32];
        size_t length = test_below(sizeof(bytes) + 1);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(test_below(3) == 0 ? test_below(4) : test_random());
        }
        enum type_id type = TEST_TYPES[test_below(TEST_TYPE_COUNT)];
        struct key_column column = {.type = type_make(test_below(3) == 0 ? type_array_of(type) : type),
                                    .descending = test_below(2) == 0};
        if (length > 0 && test_below(2) == 0) {
            bytes[0] = column.descending ? 0xfe : 0x01;
        }
        uint8_t *exact = malloc(length + 1); /* so that a sanitizer sees a byte too far */
        assert_non_null(exact);
        uint8_t *end = exact + 1;
        memcpy(end, bytes, length);
        struct value value;
        size_t offset = 0;
        if (key_decode(slice_make(end, length), &offset, column, &arena, &value, NULL) == KMB_OK) {
            assert_true(offset <= length);
            assert_true(value_valid(&value));
            accepted++;
        } else {
            assert_int_equal(offset, 0);
        }
        offset = 0;
        (void)key_skip(slice_make(end, length), &offset, column, NULL);
        free(exact);
        arena_free(&arena);
    }
    assert_true(accepted > 100);
}

static void test_golden_keys(void **state) {
    (void)state;
    static const char *const samples[][3] = {
        {"bool", "boolean", "true"},
        {"tinyint", "tinyint", "-5"},
        {"int2", "smallint", "258"},
        {"int4", "integer", "-1"},
        {"int8", "bigint", "1"},
        {"float4", "real", "1.5"},
        {"float8", "double precision", "-1.5"},
        {"float8_nan", "double precision", "NaN"},
        {"numeric", "numeric", "123.4500"},
        {"numeric_negative", "numeric", "-0.001"},
        {"numeric_zero", "numeric", "0.00"},
        {"numeric_infinity", "numeric", "Infinity"},
        {"numeric_nan", "numeric", "NaN"},
        {"text", "text", "ab"},
        {"bpchar", "char(4)", "ab"},
        {"bytea", "bytea", "\\x6100ff"},
        {"date", "date", "2024-02-29"},
        {"time", "time", "12:34:56.789"},
        {"timestamp", "timestamp", "2024-02-29 12:34:56.123456789"},
        {"timestamptz", "timestamptz", "1969-12-31 23:59:59Z"},
        {"interval", "interval", "1 mon 2 days 03:04:05"},
        {"uuid", "uuid", "00112233-4455-6677-8899-aabbccddeeff"},
    };
    struct arena arena;
    arena_init(&arena, 0);
    struct buffer key = {0};
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct value value = test_value(&arena, samples[i][1], samples[i][2]);
        test_golden(golden_folder, "key.hex", samples[i][0],
                    encode(&key, (struct key_column){.type = type_make(value.type)}, &value));
    }
    static const struct {
        const char *name;
        enum type_id type;
        const char *text;
    } arrays[] = {{"array_int4", TYPE_ARRAY_INT4, "[0:2]={1,NULL,-1}"},
                  {"array_text", TYPE_ARRAY_TEXT, "{{a},{\"\"}}"},
                  {"array_empty", TYPE_ARRAY_TEXT, "{}"}};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        struct value value;
        struct key_column column = {.type = type_make(arrays[i].type)};
        assert_int_equal(array_parse(column.type, slice_text(arrays[i].text), NULL, &arena, &value, NULL), KMB_OK);
        test_golden(golden_folder, "key.hex", arrays[i].name, encode(&key, column, &value));
    }
    struct value null = value_null(TYPE_INT4);
    test_golden(golden_folder, "key.hex", "null",
                encode(&key, (struct key_column){.type = type_make(TYPE_INT4)}, &null));
    struct value text = test_value(&arena, "text", "ab");
    test_golden(golden_folder, "key.hex", "text_descending",
                encode(&key, (struct key_column){.type = type_make(TYPE_TEXT), .descending = true}, &text));
    buffer_clear(&key);
    key_append_row_id(&key, 258);
    test_golden(golden_folder, "key.hex", "row_id", buffer_slice(&key));
    buffer_free(&key);
    arena_free(&arena);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/types";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),       cmocka_unit_test(test_order_of_arrays), cmocka_unit_test(test_composite),
        cmocka_unit_test(test_equal_forms), cmocka_unit_test(test_refused),         cmocka_unit_test(test_successor),
        cmocka_unit_test(test_hostile),     cmocka_unit_test(test_golden_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
