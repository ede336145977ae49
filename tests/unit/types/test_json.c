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

/* Rising, as PostgreSQL 15 orders them; those on one line are equal. */
static const char *const rising[][3] = {
    {"[]"},
    {"null"},
    {"\"\""},
    {"\"\\b\"", "\"\\u0008\""},
    {"\"\\n\""},
    {"\"\\u001f\"", "\"\\u001F\""},
    {"\" \""},
    {"\"\\\"\""},
    {"\"/\"", "\"\\/\""},
    {"\"B\""},
    {"\"\\\\\""},
    {"\"a\"", "\"\\u0061\""},
    {"\"ab\""},
    {"\"b\""},
    {"\"\\u00e4\"", "\"ä\""},
    {"-100"},
    {"-10.5", "-10.500", "-1.05e1"},
    {"-10"},
    {"-1"},
    {"-0.5"},
    {"0", "-0", "0.00"},
    {"0.05"},
    {"0.5"},
    {"1", "1.0", "100e-2"},
    {"1.5"},
    {"9"},
    {"10"},
    {"10.25"},
    {"12345678901234567890123456789012345678901234567890"},
    {"false"},
    {"true"},
    {"[null]"},
    {"[\"a\"]"},
    {"[1]", "[1.00]", "[ 1 ]"},
    {"[true]"},
    {"[[]]"},
    {"[[5]]"},
    {"[{}]"},
    {"[1, 1]"},
    {"[1, 2]", "[1.0,2.0]"},
    {"[{}, 0]"},
    {"{}"},
    {"{\"a\": 1}"},
    {"{\"aa\": 1}"}, /* keys in the order of their bytes, though kept by length */
    {"{\"b\": null}"},
    {"{\"b\": \"}\"}"},
    {"{\"b\": 1}", "{\"b\": 1.0}", "{\"b\":5,\"b\":1}"},
    {"{\"b\": 2}"},
    {"{\"b\": []}"},
    {"{\"b\": {}}"},
    {"{\"a\": 1, \"b\": 1}", "{\"b\": 1.0, \"a\": 1}"},
    {"{\"a\": 1, \"b\": [1, {\"x\": [\"]\", 1]}]}"},
    {"{\"a\": 1, \"b\": [1, {\"x\": [\"]\", 2]}]}"},
};

static void normal(struct arena *arena, const char *text, struct buffer *out) {
    struct kmb_error error = {0};
    buffer_clear(out);
    assert_int_equal(json_normalize(slice_text(text), arena, out, &error), KMB_OK);
}

static void test_order(void **state) {
    (void)state;
    struct arena arena;
    struct buffer a = {0};
    struct buffer b = {0};
    arena_init(&arena, 0);
    size_t count = sizeof(rising) / sizeof(rising[0]);
    for (size_t i = 0; i < count * 3; i++) {
        for (size_t k = 0; k < count * 3 && rising[i / 3][i % 3] != NULL; k++) {
            if (rising[k / 3][k % 3] == NULL) {
                continue;
            }
            normal(&arena, rising[i / 3][i % 3], &a);
            normal(&arena, rising[k / 3][k % 3], &b);
            int wanted = (i / 3 > k / 3) - (i / 3 < k / 3);
            int got = test_sign(json_compare(buffer_slice(&a), buffer_slice(&b)));
            if (got != wanted) {
                print_message("%s and %s: %d\n", rising[i / 3][i % 3], rising[k / 3][k % 3], got);
            }
            assert_int_equal(got, wanted);
            bool same = json_hash(buffer_slice(&a), 7) == json_hash(buffer_slice(&b), 7);
            assert_int_equal(same, wanted == 0);
        }
    }
    buffer_free(&a);
    buffer_free(&b);
    arena_free(&arena);
}

static void test_walk(void **state) {
    (void)state;
    static const char text[] = " { \"a\" : [1 , -2.50e3,\"]}\\\"\",{\"x\":[ ]},true ] , \"\\u00e9\":null}";
    static const char *const elements[] = {"1", "-2.50e3", "\"]}\\\"\"", "{\"x\":[ ]}", "true"};
    struct arena arena;
    struct slice key;
    struct slice value;
    struct slice name;
    arena_init(&arena, 0);
    assert_int_equal(json_validate(slice_text(text), NULL), KMB_OK);
    struct json_walk walk = json_walk(slice_text(text));
    assert_true(json_walk_next(&walk, &key, &value));
    assert_int_equal(json_string_read(key, &arena, &name, NULL), KMB_OK);
    assert_true(slice_equal_text(name, "a"));
    struct json_walk inner = json_walk(value);
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        assert_true(json_walk_next(&inner, &key, &value));
        assert_int_equal(key.length, 0);
        assert_true(slice_equal_text(value, elements[i]));
    }
    assert_false(json_walk_next(&inner, &key, &value));
    assert_true(json_walk_next(&walk, &key, &value));
    assert_int_equal(json_string_read(key, &arena, &name, NULL), KMB_OK);
    assert_true(slice_equal_text(name, "\xc3\xa9"));
    assert_true(slice_equal_text(value, "null"));
    assert_false(json_walk_next(&walk, &key, &value));
    walk = json_walk(slice_text("[ ]"));
    assert_false(json_walk_next(&walk, &key, &value));
    assert_int_equal(json_string_read(slice_text("\"\\u0000\""), &arena, &name, NULL), KMB_UNTRANSLATABLE_CHARACTER);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details),     cmocka_unit_test(test_depth), cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_random_text), cmocka_unit_test(test_order), cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
