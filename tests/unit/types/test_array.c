/* Arrays: text in and out, bytes to the byte, hostile bytes, order and hash. */
#include "types/array.h"
#include "support.h"

/* What is made is valid, and reads back from its text as the same bytes. */
static void test_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        enum type_id element = TEST_TYPES[test_below(TEST_TYPE_COUNT)];
        struct value value = test_random_array(element, &arena);
        assert_true(value_valid(&value));
        struct buffer text = {0};
        value_print(&value, NULL, &text);
        bool whole = true; /* text of some types holds less than the value: nanoseconds, zero bytes */
        struct array array;
        array_open(&value, &array);
        for (uint32_t i = 0; i < array.count; i++) {
            struct value part = array_get(&array, i);
            bool stamp = part.type == TYPE_TIMESTAMP || part.type == TYPE_TIMESTAMPTZ;
            whole = whole && !(stamp && !part.is_null && part.as.timestamp.ns != 0);
        }
        struct value again;
        struct kmb_error error = {0};
        if (type_is_label(element)) { /* the catalogue reads them */
            assert_int_equal(value_parse(type_make(value.type), buffer_slice(&text), NULL, &arena, &again, NULL),
                             KMB_UNSUPPORTED);
            again = value;
        } else if (value_parse(type_make(value.type), buffer_slice(&text), NULL, &arena, &again, &error) != KMB_OK) {
            fail_msg("%.*s: %s", (int)text.length, (const char *)text.bytes, error.message);
        }
        if (whole) {
            assert_int_equal(value_compare(&value, &again), 0);
            assert_true(value_hash(&value, 7) == value_hash(&again, 7));
            assert_true(slice_equal(value.as.bytes, again.as.bytes));
        }
        buffer_free(&text);
        arena_free(&arena);
    }
}

/* Changed bytes are refused, or they are an array that is made of its elements as those bytes. */
static void test_hostile(void **state) {
    (void)state;
    size_t refused = 0;
    for (int round = 0; round < 40000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        enum type_id element = TEST_TYPES[test_below(TEST_TYPE_COUNT)];
        struct value value = test_random_array(element, &arena);
        size_t length = value.as.bytes.length;
        if (test_below(4) == 0) {
            length = test_below(length + 1);
        }
        uint8_t *bytes = malloc(length + 1);
        assert_non_null(bytes);
        memcpy(bytes + 1, value.as.bytes.bytes, length); /* exact to the end, for the sanitizer */
        for (uint64_t i = test_below(4); i > 0 && length > 0; i--) {
            bytes[1 + test_below(length)] ^= (uint8_t)(1u << test_below(8));
        }
        struct value changed = value_bytes(value.type, slice_make(bytes + 1, length));
        if (array_valid(element, changed.as.bytes)) {
            struct array array;
            struct value again = {.type = TYPE_UNKNOWN};
            array_open(&changed, &array);
            const struct value *elements = array_elements(&array, &arena);
            assert_int_equal(array_make(element, &array.shape, elements, &arena, &again, NULL), KMB_OK);
            assert_true(slice_equal(again.as.bytes, changed.as.bytes)); /* canonical: one array, one encoding */
        } else {
            refused++;
        }
        free(bytes);
        arena_free(&arena);
    }
    assert_true(refused > 8000);
}

/* Any text is refused or an array, which has a text that is read as the same one. */
static void test_texts(void **state) {
    (void)state;
    static const char alphabet[] = "\\\\\\\"\",,a n{}";
    size_t taken = 0;
    for (int round = 0; round < 200000; round++) {
        struct arena arena;
        arena_init(&arena, 0);
        size_t length = 2 + test_below(24);
        uint8_t *bytes = malloc(length); /* exact to the end, for the sanitizer */
        assert_non_null(bytes);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)alphabet[test_below(sizeof(alphabet) - 1)];
        }
        bytes[0] = '{';
        bytes[length - 1] = '}';
        struct type type = type_make(type_array_of(TYPE_TEXT));
        struct value value;
        struct value again;
        struct kmb_error error = {0};
        if (value_parse(type, slice_make(bytes, length), NULL, &arena, &value, &error) == KMB_OK) {
            struct buffer text = {0};
            value_print(&value, NULL, &text);
            assert_int_equal(value_parse(type, buffer_slice(&text), NULL, &arena, &again, &error), KMB_OK);
            assert_true(slice_equal(value.as.bytes, again.as.bytes));
            buffer_free(&text);
            taken++;
        }
        free(bytes);
        arena_free(&arena);
    }
    assert_true(taken > 10000);
}

/* The bytes are in the log for ever. */
static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *type;
        const char *text;
        const char *hex;
    } rows[] = {
        {"integer[]", "{}", "01000000"},
        {"integer[]", "{1,-2}",
         "01010000"
         "0200000001000000"
         "01000000feffffff"},
        {"integer[]", "[0:1]={1,NULL}",
         "01010100"
         "0200000000000000"
         "01"
         "0100000000000000"},
        {"text[]", "{{a,NULL},{\"\",bc}}",
         "01020100"
         "0200000001000000"
         "0200000001000000"
         "0d"
         "01000000010000000100000003000000"
         "616263"},
        {"boolean[]", "{t,f}",
         "01010000"
         "0200000001000000"
         "0100"},
        {"numeric[]", "{1.50,NaN}",
         "01010000"
         "0200000001000000"
         "0400000007000000"
         "00020096"
         "020000"},
        {"timestamp[]", "{\"1970-01-01 00:00:01\"}",
         "01010000"
         "0100000001000000"
         "40420f0000000000"
         "0000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        arena_init(&arena, 0);
        struct value value = test_value(&arena, rows[i].type, rows[i].text);
        char hex[256] = "";
        for (size_t k = 0; k < value.as.bytes.length; k++) {
            (void)snprintf(hex + 2 * k, 3, "%02x", value.as.bytes.bytes[k]);
        }
        assert_string_equal(hex, rows[i].hex);
        char text[128];
        test_print(&value, text, sizeof(text));
        assert_string_equal(text, strcmp(rows[i].text, "{}") == 0 ? "{}" : rows[i].text);
        arena_free(&arena);
    }
}

/* Each of these is refused whatever the elements are. */
static void test_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",                                          /* nothing */
        "02000000",                                  /* format */
        "01070000",                                  /* dimensions */
        "01000200",                                  /* flags */
        "01000001",                                  /* the zero */
        "0100000000",                                /* more bytes */
        "01000100",                                  /* a bitmap of nothing */
        "010100000000000001000000",                  /* an empty dimension */
        "01010000ffffffff01000000",                  /* a negative length */
        "0101000001000000ffffff7f01000000",          /* the last subscript is beyond an int4 */
        "0101010001000000010000000101000000",        /* a bitmap without a NULL */
        "0101010001000000010000000001000000",        /* a NULL that is not zero */
        "0101010001000000010000000200000000",        /* bits beyond the elements */
        "010200000000010001000000000001000100000001" /* too many */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[64];
        size_t length = strlen(rows[i]) / 2;
        for (size_t k = 0; k < length; k++) {
            unsigned byte = 0;
            assert_int_equal(sscanf(rows[i] + 2 * k, "%2x", &byte), 1);
            bytes[k] = (uint8_t)byte;
        }
        if (array_valid(TYPE_INT4, slice_make(bytes, length))) {
            fail_msg("%s is taken for an array", rows[i]);
        }
    }
}

static void test_order(void **state) {
    (void)state;
    /* in ascending order; those of one line are equal */
    static const char *const rows[][2] = {
        {"{}", "{}"},      {"[0:0]={1}", NULL}, {"{1}", "[1:1]={1}"}, {"{1,2}", "{1.0,2.00}"},
        {"{{1,2}}", NULL}, {"{{1},{2}}", NULL}, {"{1,3}", NULL},      {"{1,NULL}", NULL},
        {"{2}", "{2.0}"},  {"{NaN}", NULL},     {"{NULL}", "{NULL}"},
    };
    size_t count = sizeof(rows) / sizeof(rows[0]);
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < count; i++) {
        struct value a = test_value(&arena, "numeric[]", rows[i][0]);
        for (size_t k = 0; k < count; k++) {
            struct value b = test_value(&arena, "numeric[]", rows[k][rows[k][1] == NULL ? 0 : 1]);
            int order = value_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
            assert_true(i != k || value_hash(&a, 3) == value_hash(&b, 3));
        }
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hostile), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_refused), cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
