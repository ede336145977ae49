/* Types: names as PostgreSQL prints them, aliases, modifiers and their limits, OIDs. */
#include "support.h"

static void check_name(const char *text, const char *expected) {
    struct type type;
    struct kmb_error error = {0};
    char name[TYPE_NAME_SIZE];
    if (type_parse(slice_text(text), &type, &error) != KMB_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    assert_string_equal(type_format(type, name), expected);
    assert_true(type_column_valid(type));
}

static void test_names(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"int", "integer"},
        {"INT8", "bigint"},
        {"  Double   Precision ", "double precision"},
        {"float", "double precision"},
        {"real", "real"},
        {"decimal(10, 2)", "numeric(10,2)"},
        {"numeric(5)", "numeric(5,0)"},
        {"numeric(3,-2)", "numeric(3,-2)"},
        {"numeric", "numeric"},
        {"varchar(10)", "character varying(10)"},
        {"character varying", "character varying"},
        {"char(3)", "character(3)"},
        {"char", "character(1)"},
        {"bpchar", "bpchar"},
        {"STRING", "text"},
        {"BYTES", "bytea"},
        {"BLOB", "bytea"},
        {"BINARY", "bytea"},
        {"varbinary", "bytea"},
        {"DATETIME", "timestamp without time zone"},
        {"timestamp(3)", "timestamp(3) without time zone"},
        {"timestamp(3) with time zone", "timestamp(3) with time zone"},
        {"timestamp with time zone", "timestamp with time zone"},
        {"timestamptz(0)", "timestamp(0) with time zone"},
        {"time(2)", "time(2) without time zone"},
        {"interval(3)", "interval(3)"},
        {"tinyint", "tinyint"},
        {"jsonb", "jsonb"},
        {"timestamp(9)", "timestamp(6) without time zone"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        check_name(names[i][0], names[i][1]);
    }
}

static void check_error(const char *text, enum kmb_status status, const char *message) {
    struct type type;
    struct kmb_error error = {0};
    assert_int_equal(type_parse(slice_text(text), &type, &error), status);
    assert_string_equal(error.message, message);
}

static void test_errors(void **state) {
    (void)state;
    check_error("foo", KMB_UNDEFINED_OBJECT, "type \"foo\" does not exist");
    check_error("", KMB_UNDEFINED_OBJECT, "type \"\" does not exist");
    check_error("unknown", KMB_UNDEFINED_OBJECT, "type \"unknown\" does not exist");
    check_error("numeric(", KMB_UNDEFINED_OBJECT, "type \"numeric(\" does not exist");
    check_error("numeric(0)", KMB_INVALID_PARAMETER, "NUMERIC precision 0 must be between 1 and 38");
    check_error("numeric(39)", KMB_INVALID_PARAMETER, "NUMERIC precision 39 must be between 1 and 38");
    check_error("numeric(5,77)", KMB_INVALID_PARAMETER, "NUMERIC scale 77 must be between -76 and 76");
    check_error("varchar(0)", KMB_INVALID_PARAMETER, "length for type varchar must be at least 1");
    check_error("char(10485761)", KMB_INVALID_PARAMETER, "length for type char cannot exceed 10485760");
    check_error("integer(4)", KMB_SYNTAX, "type modifier is not allowed for type \"integer\"");
    check_error("time(-1)", KMB_INVALID_PARAMETER, "TIME(-1) precision must not be negative");
}

static void test_numbers(void **state) {
    (void)state;
    /* These numbers are in logs. */
    assert_int_equal(TYPE_BOOL, 1);
    assert_int_equal(TYPE_INT8, 4);
    assert_int_equal(TYPE_NUMERIC, 7);
    assert_int_equal(TYPE_TIMESTAMPTZ, 15);
    assert_int_equal(TYPE_JSONB, 19);
    assert_int_equal(TYPE_TINYINT, 20);
    for (int id = TYPE_BOOL; id < TYPE_TINYINT; id++) {
        assert_int_equal(type_of_oid(type_oid((enum type_id)id)), id);
        enum type_id found;
        assert_true(type_of_name(slice_text(type_name((enum type_id)id)), &found));
        assert_int_equal(found, id);
        assert_true(type_of_name(slice_text(type_internal_name((enum type_id)id)), &found));
        assert_int_equal(found, id);
    }
    assert_int_equal(type_of_oid(1), TYPE_UNKNOWN);
    for (int32_t precision = 1; precision <= 38; precision++) {
        for (int32_t scale = -76; scale <= 76; scale++) {
            int32_t modifier = type_modifier_numeric(precision, scale);
            assert_int_equal(type_numeric_precision(modifier), precision);
            assert_int_equal(type_numeric_scale(modifier), scale);
        }
    }
    assert_int_equal(type_oid_modifier(type_with(TYPE_VARCHAR, 10)), 14);
    assert_int_equal(type_oid_modifier(type_with(TYPE_NUMERIC, type_modifier_numeric(10, 2))), 655366);
    assert_int_equal(type_oid_modifier(type_make(TYPE_TEXT)), -1);
    const struct type there_and_back[] = {
        type_with(TYPE_VARCHAR, 10),
        type_with(TYPE_BPCHAR, 1),
        type_with(TYPE_NUMERIC, type_modifier_numeric(10, -2)),
        type_with(TYPE_TIMESTAMP, 3),
        type_with(TYPE_INTERVAL, 2),
        type_with(TYPE_INTERVAL, type_modifier_interval(TYPE_INTERVAL_DAY | TYPE_INTERVAL_HOUR, -1)),
        type_with(type_array_of(TYPE_VARCHAR), 7),
        type_make(TYPE_INTERVAL),
    };
    for (size_t i = 0; i < sizeof(there_and_back) / sizeof(there_and_back[0]); i++) {
        int32_t modifier = type_oid_modifier(there_and_back[i]);
        assert_int_equal(type_modifier_of_oid(there_and_back[i].id, modifier), there_and_back[i].modifier);
    }
    assert_int_equal(type_modifier_of_oid(TYPE_VARCHAR, 3), -1);
    assert_false(type_column_valid(type_make(TYPE_UNKNOWN)));
    assert_false(type_column_valid(type_with(TYPE_INT4, 1)));
    assert_false(type_column_valid(type_with(TYPE_NUMERIC, 5)));
    assert_false(type_column_valid(type_make((enum type_id)200)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
