/* PostgreSQL's binary format: its own bytes for the same values, round trips, and bytes that are none. */
#include "types/value_send.h"
#include "support.h"

static const char *golden_folder;

static void assert_same_text(const struct value *a, const struct value *b) {
    char left[4096];
    char right[4096];
    test_print(a, left, sizeof(left));
    test_print(b, right, sizeof(right));
    assert_string_equal(left, right);
}

/* One line: type, input, hexadecimal. Both ways; false: something differs, which is printed. */
static bool check_line(const char *type_text, const char *input, const char *hex) {
    struct arena arena;
    struct buffer sent = {0};
    struct type type;
    struct value value;
    struct value back;
    struct kmb_error error = {0};
    arena_init(&arena, 0);
    assert_int_equal(type_parse(slice_text(type_text), &type, &error), KMB_OK);
    enum kmb_status status = value_parse(type, slice_text(input), NULL, &arena, &value, &error);
    if (status == KMB_NUMERIC_OUT_OF_RANGE && type.id == TYPE_NUMERIC) { /* more than our digits hold */
        arena_free(&arena);
        return true;
    }
    if (status != KMB_OK) {
        fail_msg("%s '%s': %s", type_text, input, error.message);
    }
    value_send(&value, &sent);
    char *found = malloc(2 * sent.length + 1);
    assert_non_null(found);
    codec_hex(found, sent.bytes, sent.length);
    bool same = strcmp(found, hex) == 0;
    if (!same) {
        print_message("%s '%s': sent %s, PostgreSQL sends %s\n", type_text, input, found, hex);
    }
    struct reader reader = reader_make(buffer_slice(&sent));
    if (value_receive(type, &reader, &arena, &back, &error) != KMB_OK || !reader_done(&reader)) {
        print_message("%s '%s': not received: %s\n", type_text, input, error.message);
        same = false;
    } else {
        assert_true(value_valid(&back));
        assert_same_text(&value, &back);
    }
    free(found);
    buffer_free(&sent);
    arena_free(&arena);
    return same;
}

static void test_recorded(void **state) {
    (void)state;
    char *text = test_read_file(golden_folder, "binary.tsv");
    size_t checked = 0;
    size_t wrong = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == '#' || line[0] == 0) {
            continue;
        }
        const char *type = strsep(&line, "\t");
        const char *input = strsep(&line, "\t");
        wrong += check_line(type, input, line) ? 0 : 1;
        checked++;
    }
    free(text);
    assert_int_equal(wrong, 0);
    assert_true(checked > 1200);
}

/* What PostgreSQL has no room for is gone, the rest comes back. */
static void test_round_trip(void **state) {
    (void)state;
    for (size_t t = 0; t < TEST_TYPE_COUNT; t++) {
        for (int round = 0; round < 2000; round++) {
            struct arena arena;
            arena_init(&arena, 0);
            enum type_id id = TEST_TYPES[t];
            bool array = round % 4 == 0 && !type_is_label(id);
            struct value value = array ? test_random_array(id, &arena) : test_random_value(id, &arena);
            if (id == TYPE_TIMESTAMP || id == TYPE_TIMESTAMPTZ) {
                if (array) {
                    arena_free(&arena);
                    continue;
                }
                value.as.timestamp.ns = 0;
            }
            struct buffer sent = {0};
            struct kmb_error error = {0};
            struct value back;
            value_send(&value, &sent);
            struct reader reader = reader_make(buffer_slice(&sent));
            struct type type = type_make(array ? type_array_of(id) : id);
            if (value_receive(type, &reader, &arena, &back, &error) != KMB_OK) {
                fail_msg("%s: %s", type_name(id), error.message);
            }
            assert_true(reader_done(&reader));
            if (type_is_object(id)) {
                assert_int_equal(back.type, TYPE_UNKNOWN);
            } else {
                assert_same_text(&value, &back);
            }
            /* Cut short, it is refused or is another value; it never breaks anything. */
            if (sent.length > 0) {
                reader = reader_make(slice_make(sent.bytes, test_below(sent.length)));
                (void)value_receive(type, &reader, &arena, &back, &error);
            }
            buffer_free(&sent);
            arena_free(&arena);
        }
    }
}

static enum kmb_status receive(const char *type_text, const char *bytes, size_t size, struct arena *arena,
                               struct value *out, struct kmb_error *error) {
    struct type type;
    assert_int_equal(type_parse(slice_text(type_text), &type, NULL), KMB_OK);
    struct reader reader = reader_make(slice_make(bytes, size));
    return value_receive(type, &reader, arena, out, error);
}

/* Encodings that PostgreSQL takes and never writes. */
static void test_odd(void **state) {
    (void)state;
    static const struct {
        const char *type;
        const char *bytes;
        size_t size;
        const char *text;
    } rows[] = {
        {"boolean", "\2", 1, "t"},
        {"numeric", "\0\0\0\0\0\0\0\3", 8, "0.000"},
        {"numeric", "\0\1\0\0\100\0\0\0\0\0", 10, "0"},            /* -0 */
        {"numeric", "\0\3\0\1\0\0\0\1\0\0\0\1\23\210", 14, "1.5"}, /* zeros before */
        {"numeric", "\0\2\0\0\0\0\0\2\0\1\14\344", 12, "1.33"},    /* 3300 */
        {"numeric", "\0\2\0\0\0\0\0\1\0\1\17\17", 12, "1.3"},      /* 3855: the scale hides digits */
        {"numeric", "\0\2\0\0\0\0\0\0\0\1\46\0", 12, "1"},         /* and cuts, it does not round */
        {"numeric", "\0\1\377\366\0\0\0\2\0\1", 10, "0.00"},       /* all of it */
        {"numeric", "\0\1\0\7\0\0\0\0\0\1", 10, "10000000000000000000000000000"},
        {"numeric", "\0\1\0\0\0\0\0\144\0\1", 10, "1.0000000000000000000000000000000000000"},
        {"numeric", "\0\1\377\377\0\0\47\20\23\210", 10, "0.50000000000000000000000000000000000000"},
        {"numeric", "\0\0\0\0\300\0\0\7", 8, "NaN"},
        {"numeric(3,1)", "\0\2\0\0\0\0\0\2\0\1\11\304", 12, "1.3"}, /* 1.25 */
        {"char(4)", "ab", 2, "ab  "},
        {"\"char\"", "\0", 1, ""},
        {"jsonb", "\1{\"b\":1,\"a\":[]}", 15, "{\"a\": [], \"b\": 1}"},
        {"integer[]", "\0\0\0\0\0\0\0\1\0\0\0\27", 12, "{}"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\0\0\0\0\1", 20, "{}"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\7\377\377\377\377", 32, "{7,NULL}"},
    };
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct value value;
        struct kmb_error error = {0};
        char text[256];
        if (receive(rows[i].type, rows[i].bytes, rows[i].size, &arena, &value, &error) != KMB_OK) {
            fail_msg("%s, row %zu: %s", rows[i].type, i, error.message);
        }
        test_print(&value, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
    arena_free(&arena);
}

static void test_refused(void **state) {
    (void)state;
    static const char cut[] = "insufficient data left in message";
    static const struct {
        const char *type;
        const char *bytes;
        size_t size;
        enum kmb_status status;
        const char *message;
    } rows[] = {
        {"integer", "\0\0\0", 3, KMB_PROTOCOL, cut},
        {"bigint", "", 0, KMB_PROTOCOL, cut},
        {"boolean", "", 0, KMB_PROTOCOL, "no data left in message"},
        {"\"char\"", "", 0, KMB_PROTOCOL, "no data left in message"},
        {"uuid", "0123456789abcde", 15, KMB_PROTOCOL, cut},
        {"interval", "0123456789abcde", 15, KMB_PROTOCOL, cut},
        {"tinyint", "\0\200", 2, KMB_NUMERIC_OUT_OF_RANGE, "tinyint out of range"},
        {"numeric", "\0\1\0\0\0\0\0\0", 8, KMB_PROTOCOL, cut},
        {"numeric", "\0\0\0\0\1\0\0\0", 8, KMB_INVALID_BINARY, "invalid sign in external \"numeric\" value"},
        {"numeric", "\0\0\0\0\0\0\100\0", 8, KMB_INVALID_BINARY, "invalid scale in external \"numeric\" value"},
        {"numeric", "\0\1\0\0\0\0\0\0\47\20", 10, KMB_INVALID_BINARY, "invalid digit in external \"numeric\" value"},
        {"numeric", "\0\1\0\12\0\0\0\0\0\1", 10, KMB_NUMERIC_OUT_OF_RANGE, "value overflows numeric format"},
        {"numeric", "\0\1\177\377\0\0\0\0\0\1", 10, KMB_NUMERIC_OUT_OF_RANGE, "value overflows numeric format"},
        {"numeric(3,1)", "\0\1\0\0\0\0\0\0\0\144", 10, KMB_NUMERIC_OUT_OF_RANGE, "numeric field overflow"},
        {"text", "\303\50", 2, KMB_INVALID_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28"},
        {"text", "a\0b", 3, KMB_INVALID_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0x00"},
        {"varchar(1)", "ab", 2, KMB_STRING_TOO_LONG, "value too long for type character varying(1)"},
        {"name", "0123456789012345678901234567890123456789012345678901234567890123", 64, KMB_NAME_TOO_LONG,
         "identifier too long"},
        {"date", "\200\0\0\1", 4, KMB_DATETIME_OVERFLOW, "date out of range"},
        {"time", "\377\377\377\377\377\377\377\377", 8, KMB_DATETIME_OVERFLOW, "time out of range"},
        {"time", "\0\0\0\24\35\327\140\1", 8, KMB_DATETIME_OVERFLOW, "time out of range"},
        {"timestamp", "\177\377\377\377\377\377\377\376", 8, KMB_DATETIME_OVERFLOW, "timestamp out of range"},
        {"timestamptz", "\200\0\0\0\0\0\0\1", 8, KMB_DATETIME_OVERFLOW, "timestamp out of range"},
        {"json", "{", 1, KMB_INVALID_JSON, "invalid input syntax for type json"},
        {"jsonb", "\2{}", 3, KMB_INVALID_BINARY, "unsupported jsonb version number 2"},
        {"jsonb", "", 0, KMB_PROTOCOL, cut},
        {"integer[]", "\377\377\377\377\0\0\0\0\0\0\0\27", 12, KMB_INVALID_BINARY, "invalid number of dimensions: -1"},
        {"integer[]", "\0\0\0\7\0\0\0\0\0\0\0\27", 12, KMB_LIMIT,
         "number of array dimensions (7) exceeds the maximum allowed (6)"},
        {"integer[]", "\0\0\0\0\0\0\0\2\0\0\0\27", 12, KMB_INVALID_BINARY, "invalid array flags"},
        {"integer[]", "\0\0\0\0\0\0\0\0\0\0\0\31", 12, KMB_DATATYPE_MISMATCH,
         "binary data has array element type 25 (text) instead of expected 23 (integer)"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\377\377\377\377\0\0\0\1", 20, KMB_LIMIT,
         "array size exceeds the maximum allowed (134217727)"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\177\377\377\377\0\0\0\1", 20, KMB_LIMIT,
         "array size exceeds the maximum allowed (134217727)"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\177\377\377\377\0\0\0\4\0\0\0\1", 28, KMB_LIMIT,
         "array lower bound is too large: 2147483647"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\7\377\377\377\0\0\0\1", 20, KMB_PROTOCOL, cut},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\5\0\0\0\7", 28, KMB_INVALID_BINARY, cut},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\5\0\0\0\7\0", 29, KMB_INVALID_BINARY,
         "improper binary format in array element 1"},
        {"integer[]", "\0\0\0\1\0\0\0\0\0\0\0\27\0\0\0\1\0\0\0\1\377\377\377\376", 24, KMB_INVALID_BINARY, cut},
    };
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct value value;
        struct kmb_error error = {0};
        enum kmb_status status = receive(rows[i].type, rows[i].bytes, rows[i].size, &arena, &value, &error);
        if (status != rows[i].status || strcmp(error.message, rows[i].message) != 0) {
            fail_msg("%s, row %zu: %d %s", rows[i].type, i, (int)status, error.message);
        }
    }
    arena_free(&arena);
}

/* Labels and objects come as the text that the catalogue reads. */
static void test_labels(void **state) {
    (void)state;
    struct arena arena;
    struct buffer sent = {0};
    struct value value;
    arena_init(&arena, 0);
    enum type_id mood = type_of_object(TYPE_ENUM, 5);
    uint8_t label[] = {0, 0, 0, 0, 0, 0, 0, 9, 'o', ' ', 'k'};
    struct value elements[2] = {value_bytes(mood, slice_make(label, sizeof(label))), value_null(mood)};
    struct array_shape shape = array_shape_of(2);
    value_send(&elements[0], &sent);
    assert_true(slice_equal_text(buffer_slice(&sent), "o k"));
    struct reader reader = reader_make(buffer_slice(&sent));
    assert_int_equal(value_receive(type_make(mood), &reader, &arena, &value, NULL), KMB_OK);
    assert_int_equal(value.type, TYPE_UNKNOWN);
    assert_true(slice_equal_text(value.as.bytes, "o k"));
    buffer_clear(&sent);
    assert_int_equal(array_make(mood, &shape, elements, &arena, &value, NULL), KMB_OK);
    value_send(&value, &sent);
    static const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 1, 0,   0,   0x40, 5,    0,    0,    0,   2,
                                       0, 0, 0, 1, 0, 0, 0, 3, 'o', ' ', 'k',  0xff, 0xff, 0xff, 0xff};
    assert_int_equal(sent.length, sizeof(expected));
    assert_memory_equal(sent.bytes, expected, sizeof(expected));
    reader = reader_make(buffer_slice(&sent));
    assert_int_equal(value_receive(type_make(type_array_of(mood)), &reader, &arena, &value, NULL), KMB_OK);
    assert_int_equal(value.type, TYPE_UNKNOWN);
    assert_true(slice_equal_text(value.as.bytes, "{\"o k\",NULL}"));
    buffer_clear(&sent);
    value = value_bytes(TYPE_REGCLASS, slice_make(label, sizeof(label)));
    value_send(&value, &sent);
    assert_int_equal(sent.length, 4);
    assert_memory_equal(sent.bytes, "\0\0\0\11", 4);
    reader = reader_make(buffer_slice(&sent));
    assert_int_equal(value_receive(type_make(TYPE_REGCLASS), &reader, &arena, &value, NULL), KMB_OK);
    assert_true(slice_equal_text(value.as.bytes, "9"));
    buffer_free(&sent);
    arena_free(&arena);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/types";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_odd),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
