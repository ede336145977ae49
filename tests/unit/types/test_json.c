/* JSON: error details, depth, normal form is a fixed point, random text. */
#include "types/json.h"
#include "support.h"

static void test_details(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "The input string ended unexpectedly."},
        {"{", "The input string ended unexpectedly."},
        {"[1,]", "Expected JSON value, but found \"]\"."},
        {"[1 2]", "Expected \",\" or \"]\", but found \"2\"."},
        {"{\"a\" 1}", "Expected \":\", but found \"1\"."},
        {"{\"a\":1,}", "Expected string, but found \"}\"."},
        {"{1}", "Expected string or \"}\", but found \"1\"."},
        {"{\"a\":1 \"b\"}", "Expected \",\" or \"}\", but found \"\"b\"\"."},
        {"[}", "Expected JSON value, but found \"}\"."},
        {"1 2", "Expected end of input, but found \"2\"."},
        {"nul", "Token \"nul\" is invalid."},
        {"01", "Token \"01\" is invalid."},
        {"-", "Token \"-\" is invalid."},
        {"\"abc", "Token \"\"abc\" is invalid."},
        {"\"\\x\"", "Escape sequence \"\\x\" is invalid."},
        {"\"\t\"", "Character with value 0x09 must be escaped."},
        {"\"\\u12\"", "\"\\u\" must be followed by four hexadecimal digits."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kmb_error error = {0};
        assert_int_equal(json_validate(slice_text(cases[i][0]), &error), KMB_INVALID_JSON);
        assert_string_equal(error.message, "invalid input syntax for type json");
        assert_string_equal(error.detail, cases[i][1]);
        assert_int_equal(json_validate(slice_text(cases[i][0]), NULL), KMB_INVALID_JSON);
    }
}

static void test_depth(void **state) {
    (void)state;
    char *text = malloc(4002);
    assert_non_null(text);
    struct kmb_error error = {0};
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    assert_int_equal(json_validate(slice_make(text, 2000), &error), KMB_OK);
    struct arena arena;
    struct buffer out = {0};
    arena_init(&arena, 0);
    assert_int_equal(json_normalize(slice_make(text, 2000), &arena, &out, &error), KMB_OK);
    assert_int_equal(out.length, 2000);
    memset(text, '[', 2000);
    assert_int_equal(json_validate(slice_make(text, 2000), &error), KMB_TOO_COMPLEX);
    assert_string_equal(error.message, "json nesting exceeds 1000 levels");
    assert_int_equal(json_normalize(slice_make(text, 2000), &arena, &out, &error), KMB_TOO_COMPLEX);
    assert_int_equal(out.length, 2000);
    free(text);
    buffer_free(&out);
    arena_free(&arena);
}

static void test_many_members(void **state) {
    (void)state;
    /* 5000 members in falling order, each key twice: sorted, the later one kept. */
    struct buffer text = {0};
    struct buffer out = {0};
    struct arena arena;
    arena_init(&arena, 0);
    buffer_append_byte(&text, '{');
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 5000; i > 0; i--) {
            buffer_printf(&text, "%s\"k%d\": %d", text.length > 1 ? "," : "", i, pass * 10000 + i);
        }
    }
    buffer_append_byte(&text, '}');
    assert_int_equal(json_normalize(buffer_slice(&text), &arena, &out, NULL), KMB_OK);
    struct buffer expected = {0};
    buffer_append_byte(&expected, '{');
    for (int i = 1; i <= 5000; i++) {
        buffer_printf(&expected, "%s\"k%d\": %d", i > 1 ? ", " : "", i, 10000 + i);
    }
    buffer_append_byte(&expected, '}');
    assert_true(slice_equal(buffer_slice(&out), buffer_slice(&expected)));
    buffer_free(&text);
    buffer_free(&out);
    buffer_free(&expected);
    arena_free(&arena);
}

static void test_random_text(void **state) {
    (void)state;
    static const char *const pieces[] = {"{",       "}",       "[",           "]",  ":",     ",",
                                         "\"a\"",   "\"bb\"",  "\"\\u00e9\"", "1",  "-2",    "1.50",
                                         "1e3",     "true",    "null",        " ",  "\"",    "\\",
                                         "0",       "\"\\n\"", "{}",          "[]", "1e-20", "\"\\ud83d\\ude00\"",
                                         "{\"a\":", "[1,",     "]}",          "}]"};
    size_t good = 0;
    for (int round = 0; round < 200000; round++) {
        char text[256];
        size_t length = 0;
        for (uint64_t i = test_below(7); i > 0; i--) {
            const char *piece = pieces[test_below(sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        struct arena arena;
        struct buffer once = {0};
        struct buffer twice = {0};
        arena_init(&arena, 0);
        char *exact = malloc(length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, text, length);
        struct slice slice = slice_make(exact + 1, length);
        enum kmb_status valid = json_validate(slice, NULL);
        enum kmb_status normal = json_normalize(slice, &arena, &once, NULL);
        assert_int_equal(valid, normal);
        if (normal == KMB_OK) {
            good++;
            assert_int_equal(json_validate(buffer_slice(&once), NULL), KMB_OK);
            assert_int_equal(json_normalize(buffer_slice(&once), &arena, &twice, NULL), KMB_OK);
            assert_true(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
        } else {
            assert_int_equal(once.length, 0);
        }
        free(exact);
        buffer_free(&once);
        buffer_free(&twice);
        arena_free(&arena);
    }
    assert_true(good > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_random_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
