/* Values on PostgreSQL's wire: fields against value_print() and value_send(), from values and from vectors; parameters.
 */
#include "../types/support.h"
#include "types/value_send.h"
#include "wire/pg/format.h"

static void assert_bytes(const struct buffer *buffer, const struct buffer *expected, const char *what) {
    assert_true(buffer_ok(buffer) && buffer_ok(expected));
    if (!slice_equal(buffer_slice(buffer), buffer_slice(expected))) {
        fail_msg("%s: \"%.*s\", not \"%.*s\"", what, (int)buffer->length, (const char *)buffer->bytes,
                 (int)expected->length, (const char *)expected->bytes);
    }
}

/* A field the slow way. */
static void expect_field(struct buffer *out, const struct value *value, enum pg_format format,
                         const struct datetime_context *context) {
    struct buffer text = {0};
    if (value->is_null) {
        pg_put_u32(out, UINT32_MAX);
        return;
    }
    if (format == PG_TEXT) {
        value_print(value, context, &text);
    } else {
        value_send(value, &text);
    }
    pg_put_u32(out, (uint32_t)text.length);
    buffer_append_slice(out, buffer_slice(&text));
    buffer_free(&text);
}

static void test_fields(void **state) {
    (void)state;
    struct datetime_context context = {.zone = time_zone_fixed(7200)};
    for (size_t t = 0; t < TEST_TYPE_COUNT; t++) {
        for (int round = 0; round < 500; round++) {
            struct arena arena;
            struct vector vector;
            struct buffer out = {0};
            struct buffer expected = {0};
            arena_init(&arena, 0);
            bool array = round % 10 == 0;
            struct value value =
                array ? test_random_array(TEST_TYPES[t], &arena) : test_random_value(TEST_TYPES[t], &arena);
            value.is_null = test_below(10) == 0;
            vector_init_in(&arena, &vector, type_make(value.type), 4);
            uint32_t row = (uint32_t)test_below(4);
            vector.constant = test_below(4) == 0;
            vector_set(&vector, vector.constant ? 0 : row, &value);
            enum pg_format format = round % 2 == 0 ? PG_TEXT : PG_BINARY;
            expect_field(&expected, &value, format, &context);
            pg_write_field(&out, &value, format, &context);
            assert_bytes(&out, &expected, type_name(TEST_TYPES[t]));
            buffer_clear(&out);
            pg_write_vector_field(&out, &vector, row, format, &context);
            assert_bytes(&out, &expected, type_name(TEST_TYPES[t]));
            buffer_free(&out);
            buffer_free(&expected);
            arena_free(&arena);
        }
    }
}

static void test_row(void **state) {
    (void)state;
    struct arena arena;
    struct vector columns[3];
    struct buffer out = {0};
    arena_init(&arena, 0);
    struct value values[3] = {value_int8(-7), value_text(slice_text("ab")), value_null(TYPE_BOOL)};
    for (uint32_t i = 0; i < 3; i++) {
        vector_init_in(&arena, &columns[i], type_make(values[i].type), 2);
        vector_set(&columns[i], 1, &values[i]);
    }
    struct batch batch = {.column_count = 3, .count = 2, .columns = columns};
    pg_write_row(&out, &batch, 1, &(struct pg_formats){.count = 0}, NULL);
    static const uint8_t text[] = "D\0\0\0\26\0\3\0\0\0\2-7\0\0\0\2ab\377\377\377\377";
    assert_int_equal(out.length, sizeof(text) - 1);
    assert_memory_equal(out.bytes, text, out.length);
    buffer_clear(&out);
    static const uint8_t codes[] = {0, 1, 0, 0, 0, 1};
    pg_write_row(&out, &batch, 1, &(struct pg_formats){.count = 3, .codes = codes}, NULL);
    static const uint8_t mixed[] = "D\0\0\0\34\0\3\0\0\0\10\377\377\377\377\377\377\377\371\0\0\0\2ab\377\377\377\377";
    assert_int_equal(out.length, sizeof(mixed) - 1);
    assert_memory_equal(out.bytes, mixed, out.length);
    buffer_free(&out);
    arena_free(&arena);
}

/* As pg_type and pg_attribute of PostgreSQL 15 have them. */
static void test_columns(void **state) {
    (void)state;
    static const struct {
        const char *type;
        uint32_t oid;
        int length;
        int modifier;
    } rows[] = {
        {"boolean", 16, 1, -1},
        {"bigint", 20, 8, -1},
        {"numeric", 1700, -1, -1},
        {"numeric(10,2)", 1700, -1, 655366},
        {"varchar(10)", 1043, -1, 14},
        {"char(3)", 1042, -1, 7},
        {"timestamp(3)", 1114, 8, 3},
        {"timestamptz", 1184, 8, -1},
        {"time(0)", 1083, 8, 0},
        {"interval(2)", 1186, 16, 2147418114},
        {"uuid", 2950, 16, -1},
        {"jsonb", 3802, -1, -1},
        {"name", 19, 64, -1},
        {"\"char\"", 18, 1, -1},
        {"integer[]", 1007, -1, -1},
        {"numeric(3,1)[]", 1231, -1, 196613},
        {"oid", 26, 4, -1},
        {"regclass", 2205, 4, -1},
        {"float8", 701, 8, -1},
        {"bytea", 17, -1, -1},
        {"tinyint", 21, 2, -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct type type;
        struct pg_column column = {.format = PG_TEXT};
        assert_int_equal(type_parse(slice_text(rows[i].type), &type, NULL), KMB_OK);
        pg_column_set_type(&column, type);
        if (column.type != rows[i].oid || column.type_length != rows[i].length ||
            column.type_modifier != rows[i].modifier) {
            fail_msg("%s: %u %d %d", rows[i].type, column.type, column.type_length, column.type_modifier);
        }
    }
    struct pg_column column = {.format = PG_TEXT};
    pg_column_set_type(&column, type_make(TYPE_UNKNOWN));
    assert_int_equal(column.type, 25);
    pg_column_set_type(&column, type_make(type_of_object(TYPE_ENUM, 7)));
    assert_int_equal(column.type, 16391);
    assert_int_equal(column.type_length, 4);
}

static void test_parameters(void **state) {
    (void)state;
    for (size_t t = 0; t < TEST_TYPE_COUNT; t++) {
        for (int round = 0; round < 200; round++) {
            struct arena arena;
            struct buffer bytes = {0};
            struct value back;
            struct kmb_error error = {0};
            arena_init(&arena, 0);
            struct value value = test_random_value(TEST_TYPES[t], &arena);
            if (type_is_label(value.type)) { /* as UNKNOWN */
                value = value_bytes(TYPE_ENUM, value.as.bytes);
            }
            if (value.type == TYPE_TIMESTAMP || value.type == TYPE_TIMESTAMPTZ) {
                value.as.timestamp.ns = 0;
            }
            enum pg_format format = round % 2 == 0 ? PG_TEXT : PG_BINARY;
            if (format == PG_TEXT) {
                value_print(&value, NULL, &bytes);
            } else {
                value_send(&value, &bytes);
            }
            struct type type = type_make(value.type);
            if (pg_parameter_read(type, format, buffer_slice(&bytes), 1, NULL, &arena, &back, &error) != KMB_OK) {
                fail_msg("%s: %s", type_name(value.type), error.message);
            }
            struct buffer left = {0};
            struct buffer right = {0};
            value_print(&value, NULL, &left);
            value_print(&back, NULL, &right);
            assert_bytes(&right, &left, type_name(value.type));
            assert_int_equal(back.type, type_is_label(value.type) ? TYPE_UNKNOWN : value.type);
            buffer_free(&left);
            buffer_free(&right);
            buffer_free(&bytes);
            arena_free(&arena);
        }
    }
}

static void test_parameters_refused(void **state) {
    (void)state;
    struct arena arena;
    struct value value;
    struct kmb_error error = {0};
    arena_init(&arena, 0);
    struct type integer = type_make(TYPE_INT4);
    assert_int_equal(pg_parameter_read(integer, PG_BINARY, slice_make("\0\0\0\1x", 5), 3, NULL, &arena, &value, &error),
                     KMB_INVALID_BINARY);
    assert_string_equal(error.message, "incorrect binary data format in bind parameter 3");
    assert_int_equal(pg_parameter_read(integer, PG_BINARY, slice_make("\0\0\0", 3), 3, NULL, &arena, &value, &error),
                     KMB_PROTOCOL);
    assert_string_equal(error.message, "insufficient data left in message");
    assert_int_equal(pg_parameter_read(integer, PG_TEXT, slice_text("1x"), 3, NULL, &arena, &value, &error),
                     KMB_INVALID_TEXT);
    assert_string_equal(error.message, "invalid input syntax for type integer: \"1x\"");
    struct type mood = type_make(type_of_object(TYPE_ENUM, 7));
    assert_int_equal(pg_parameter_read(mood, PG_TEXT, slice_text("\377"), 3, NULL, &arena, &value, &error),
                     KMB_INVALID_ENCODING);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_parameters_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
