/* Row images: round trip over random tables, hostile bytes, golden images, single values. */
#include "types/row.h"
#include "support.h"

static const char *golden_folder;

#define COLUMNS 24

static enum type_id random_type(void) {
    return (enum type_id)(1 + test_below(TYPE_COUNT - 1));
}

static void check_same(const struct value *a, const struct value *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(value_compare_nulls_last(a, b), 0);
    if (!a->is_null && a->type == TYPE_NUMERIC) {
        assert_memory_equal(&a->as.decimal, &b->as.decimal, sizeof(a->as.decimal));
    }
    if (!a->is_null && a->type == TYPE_INTERVAL) {
        assert_memory_equal(&a->as.interval, &b->as.interval, sizeof(a->as.interval));
    }
    if (!a->is_null && type_is_borrowed(a->type)) {
        assert_true(slice_equal(a->as.bytes, b->as.bytes));
    }
}

/* A random table and row. */
struct sample {
    struct arena arena;
    struct row_column columns[COLUMNS];
    struct value values[COLUMNS];
    struct row_layout layout;
    struct buffer image;
};

static void sample_make(struct sample *s) {
    arena_init(&s->arena, 0);
    s->image = (struct buffer){0};
    uint32_t count = (uint32_t)test_below(COLUMNS + 1);
    memset(s->columns, 0, sizeof(s->columns));
    for (uint32_t i = 0; i < count; i++) {
        s->columns[i].id.value = i + 1;
        s->columns[i].type = type_make(random_type());
        s->values[i] = test_random_value(s->columns[i].type.id, &s->arena);
        s->values[i].is_null = test_below(4) == 0;
    }
    struct kmb_error error = {0};
    assert_int_equal(
        row_layout_build(&s->layout, (struct table_id){7}, (struct schema_version){3}, s->columns, count, &error),
        KMB_OK);
    assert_int_equal(row_encode(&s->layout, s->values, &s->image, &error), KMB_OK);
}

static void sample_free(struct sample *s) {
    buffer_free(&s->image);
    arena_free(&s->arena);
}

static void test_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 5000; round++) {
        struct sample s;
        sample_make(&s);
        struct slice image = buffer_slice(&s.image);
        struct kmb_error error = {0};
        if (row_validate(&s.layout, image, &error) != KMB_OK) {
            fail_msg("%s", error.message);
        }
        struct value values[COLUMNS];
        row_get_all(&s.layout, image, values);
        for (uint32_t i = 0; i < s.layout.column_count; i++) {
            check_same(&s.values[i], &values[i]);
            assert_int_equal(row_is_null(image, i), s.values[i].is_null);
        }
        struct row_header header;
        assert_true(row_header_read(image, &header));
        assert_int_equal(header.table.value, 7);
        assert_int_equal(header.version.value, 3);
        sample_free(&s);
    }
}

/* A changed image is refused, or every column of it can be read. */
static void test_hostile(void **state) {
    (void)state;
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        struct sample s;
        sample_make(&s);
        size_t length = s.image.length;
        if (test_below(4) == 0) {
            length = test_below(length + 1);
        }
        uint8_t *bytes = malloc(length + 1);
        assert_non_null(bytes);
        memcpy(bytes + 1, s.image.bytes, length); /* exact to the end, for the sanitizer */
        for (uint64_t i = test_below(4); i > 0 && length > 0; i--) {
            bytes[1 + test_below(length)] ^= (uint8_t)(1u << test_below(8));
        }
        struct slice image = slice_make(bytes + 1, length);
        struct kmb_error error = {0};
        enum kmb_status status = row_validate(&s.layout, image, &error);
        if (status == KMB_OK) {
            struct value values[COLUMNS];
            row_get_all(&s.layout, image, values);
            struct buffer again = {0};
            assert_int_equal(row_encode(&s.layout, values, &again, NULL), KMB_OK);
            assert_true(slice_equal(buffer_slice(&again), image)); /* canonical: one row, one image */
            buffer_free(&again);
        } else {
            assert_true(status == KMB_CORRUPT || status == KMB_FORMAT_VERSION);
            refused++;
        }
        free(bytes);
        sample_free(&s);
    }
    assert_true(refused > 3000);
}

static void test_refusals(void **state) {
    (void)state;
    struct row_column columns[2] = {{.id = {1}, .type = type_make(TYPE_INT4)},
                                    {.id = {2}, .type = type_make(TYPE_TEXT)}};
    struct row_layout layout;
    struct kmb_error error = {0};
    struct buffer image = {0};
    assert_int_equal(row_layout_build(&layout, (struct table_id){1}, (struct schema_version){1}, columns, 2, &error),
                     KMB_OK);
    struct value values[2] = {value_integer(TYPE_INT4, 5), value_text(slice_text("x"))};
    assert_int_equal(row_encode(&layout, values, &image, &error), KMB_OK);
    image.bytes[0] = 2;
    assert_int_equal(row_validate(&layout, buffer_slice(&image), &error), KMB_FORMAT_VERSION);
    assert_string_equal(error.message, "row image has format 2; this version reads format 1");
    image.bytes[0] = 1;
    image.bytes[1] = ROW_FLAG_SEALED;
    assert_int_equal(row_validate(&layout, buffer_slice(&image), &error), KMB_FORMAT_VERSION);
    image.bytes[1] = 0;
    image.bytes[4] = 9;
    assert_int_equal(row_validate(&layout, buffer_slice(&image), &error), KMB_CORRUPT);
    assert_string_equal(error.message, "row image of table 1, schema version 1: of another table or schema version");
    buffer_free(&image);
    struct row_column *many = calloc(1601, sizeof(*many));
    assert_non_null(many);
    assert_int_equal(row_layout_build(&layout, (struct table_id){1}, (struct schema_version){1}, many, 1601, &error),
                     KMB_TOO_MANY_COLUMNS);
    assert_string_equal(error.message, "tables can have at most 1600 columns");
    free(many);
    struct value huge = value_bytes(TYPE_BYTEA, slice_make("", (size_t)2 << 30));
    struct row_column one = {.id = {1}, .type = type_make(TYPE_BYTEA)};
    assert_int_equal(row_layout_build(&layout, (struct table_id){1}, (struct schema_version){1}, &one, 1, &error),
                     KMB_OK);
    assert_int_equal(row_encode(&layout, &huge, &image, &error), KMB_LIMIT);
}

static const char *const ALL_TYPES[][2] = {
    {"boolean", "true"},
    {"tinyint", "-5"},
    {"smallint", "258"},
    {"integer", "-1"},
    {"bigint", "1"},
    {"real", "1.5"},
    {"double precision", "-1.5"},
    {"numeric", "-123.4500"},
    {"text", "ab\xc3\xa4"},
    {"varchar(5)", "cd"},
    {"char(4)", "ef"},
    {"bytea", "\\x00ff"},
    {"date", "2024-02-29"},
    {"time", "12:34:56.789"},
    {"timestamp", "2024-02-29 12:34:56.123456789"},
    {"timestamptz", "1969-12-31 23:59:59Z"},
    {"interval", "1 mon 2 days 03:04:05"},
    {"uuid", "00112233-4455-6677-8899-aabbccddeeff"},
    {"json", "{ \"a\": 1 }"},
    {"jsonb", "{ \"b\": 1.0, \"a\": [] }"},
};
/* Those that came later: golden rows of their own. */
static const char *const OID_TYPES[][2] = {
    {"name", "pg_class"},
    {"\"char\"", "r"},
    {"oid", "4294967295"},
};
#define OID_TYPE_COUNT (sizeof(OID_TYPES) / sizeof(OID_TYPES[0]))
#define ALL_TYPE_COUNT (sizeof(ALL_TYPES) / sizeof(ALL_TYPES[0]))

static void test_golden_rows(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct row_column columns[ALL_TYPE_COUNT] = {{.id = {0}}};
    struct value values[ALL_TYPE_COUNT];
    for (uint32_t i = 0; i < ALL_TYPE_COUNT; i++) {
        values[i] = test_value(&arena, ALL_TYPES[i][0], ALL_TYPES[i][1]);
        columns[i].id.value = i + 1;
        columns[i].type = type_make(values[i].type);
    }
    struct row_layout layout;
    assert_int_equal(
        row_layout_build(&layout, (struct table_id){258}, (struct schema_version){3}, columns, ALL_TYPE_COUNT, NULL),
        KMB_OK);
    struct buffer image = {0};
    assert_int_equal(row_encode(&layout, values, &image, NULL), KMB_OK);
    test_golden(golden_folder, "row.hex", "all_types", buffer_slice(&image));
    buffer_clear(&image);
    for (uint32_t i = 0; i < ALL_TYPE_COUNT; i++) {
        values[i].is_null = true;
    }
    assert_int_equal(row_encode(&layout, values, &image, NULL), KMB_OK);
    test_golden(golden_folder, "row.hex", "all_null", buffer_slice(&image));
    buffer_clear(&image);
    for (uint32_t i = 0; i < OID_TYPE_COUNT; i++) {
        values[i] = test_value(&arena, OID_TYPES[i][0], OID_TYPES[i][1]);
        columns[i].type = type_make(values[i].type);
    }
    assert_int_equal(
        row_layout_build(&layout, (struct table_id){258}, (struct schema_version){3}, columns, OID_TYPE_COUNT, NULL),
        KMB_OK);
    assert_int_equal(row_encode(&layout, values, &image, NULL), KMB_OK);
    test_golden(golden_folder, "row.hex", "oid_types", buffer_slice(&image));
    buffer_clear(&image);
    assert_int_equal(row_layout_build(&layout, (struct table_id){1}, (struct schema_version){1}, columns, 0, NULL),
                     KMB_OK);
    assert_int_equal(row_encode(&layout, values, &image, NULL), KMB_OK);
    test_golden(golden_folder, "row.hex", "no_columns", buffer_slice(&image));
    buffer_free(&image);
    arena_free(&arena);
}

static void test_values(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct buffer bytes = {0};
    for (uint32_t i = 0; i < ALL_TYPE_COUNT + OID_TYPE_COUNT; i++) {
        const char *const *sample = i < ALL_TYPE_COUNT ? ALL_TYPES[i] : OID_TYPES[i - ALL_TYPE_COUNT];
        struct value value = test_value(&arena, sample[0], sample[1]);
        buffer_clear(&bytes);
        value_encode(&value, &bytes);
        test_golden(golden_folder, "value.hex", type_internal_name(value.type), buffer_slice(&bytes));
        struct reader reader = reader_make(buffer_slice(&bytes));
        struct value back;
        assert_int_equal(value_decode(&reader, &back, NULL), KMB_OK);
        assert_true(reader_done(&reader));
        check_same(&value, &back);
    }
    for (int round = 0; round < 100000; round++) {
        uint8_t noise[40];
        size_t length = test_below(sizeof(noise) + 1);
        for (size_t i = 0; i < length; i++) {
            noise[i] = (uint8_t)(test_below(2) == 0 ? test_below(24) : test_random());
        }
        uint8_t *exact = malloc(length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, noise, length);
        struct reader reader = reader_make(slice_make(exact + 1, length));
        struct value value;
        if (value_decode(&reader, &value, NULL) == KMB_OK) {
            assert_true(value_valid(&value));
            buffer_clear(&bytes);
            value_print_short(&value, &bytes);
        }
        free(exact);
    }
    buffer_free(&bytes);
    arena_free(&arena);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/types";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_hostile), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_golden_rows), cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
