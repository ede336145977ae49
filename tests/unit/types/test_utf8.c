/* UTF-8: every code point round trips, everything ill-formed is found at its place. */
#include "types/utf8.h"
#include "support.h"

static void test_every_code_point(void **state) {
    (void)state;
    for (uint32_t code = 0; code <= 0x110000; code++) {
        uint8_t bytes[12] = "abcdefgh";
        size_t width = utf8_encode(code, bytes + 4);
        bool scalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(width > 0, scalar);
        if (!scalar) {
            continue;
        }
        struct slice text = slice_make(bytes, 4 + width);
        size_t offset = 4;
        assert_true(utf8_valid(text));
        assert_int_equal(utf8_decode(text, &offset), code);
        assert_int_equal(offset, 4 + width);
        assert_int_equal(utf8_length(text), 5);
        assert_int_equal(utf8_offset_of(text, 5), 4 + width);
        assert_int_equal(utf8_character_of(text, 4), 4);
        if (width > 1) {
            assert_int_equal(utf8_invalid_at(slice_make(bytes, 3 + width)), 4); /* cut short */
        }
    }
}

static void test_ill_formed(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t at;
        const char *named;
    } cases[] = {
        {"\x80", 0, "0x80"},
        {"ab\xc0\x80", 2, "0xc0"},
        {"\xc3\x28", 0, "0xc3 0x28"},
        {"\xe0\x80\x80", 0, "0xe0 0x80 0x80"},
        {"\xed\xa0\x80", 0, "0xed 0xa0 0x80"},
        {"\xf0\x80\x80\x80", 0, "0xf0 0x80 0x80 0x80"},
        {"\xf4\x90\x80\x80", 0, "0xf4 0x90 0x80 0x80"},
        {"\xf5\x80\x80\x80", 0, "0xf5"},
        {"12345678\xff", 8, "0xff"},
        {"\xe2\x82", 0, "0xe2 0x82"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kmb_error error = {0};
        char message[128];
        struct slice text = slice_text(cases[i].bytes);
        assert_int_equal(utf8_invalid_at(text), cases[i].at);
        assert_false(utf8_valid(text));
        assert_int_equal(utf8_check(text, &error), KMB_INVALID_ENCODING);
        snprintf(message, sizeof(message), "invalid byte sequence for encoding \"UTF8\": %s", cases[i].named);
        assert_string_equal(error.message, message);
    }
    struct kmb_error error = {0};
    assert_int_equal(utf8_check(slice_make("a\0b", 3), &error), KMB_INVALID_ENCODING);
    assert_string_equal(error.message, "invalid byte sequence for encoding \"UTF8\": 0x00");
    assert_int_equal(utf8_check(slice_make(NULL, 0), &error), KMB_OK);
}

static void test_counting(void **state) {
    (void)state;
    const char *text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80zzzzzzzzzzzzzzzzzzzz";
    struct slice slice = slice_text(text);
    assert_int_equal(utf8_length(slice), 24);
    static const size_t offsets[] = {0, 1, 3, 6, 10, 11};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(utf8_offset_of(slice, i), offsets[i]);
        assert_int_equal(utf8_character_of(slice, offsets[i]), i);
    }
    assert_int_equal(utf8_offset_of(slice, 1000), slice.length);
    assert_int_equal(utf8_cut(slice, 3).length, 6);
    assert_int_equal(utf8_cut(slice, 22).length, slice.length - 2);
}

static void test_any_bytes(void **state) {
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[24];
        size_t length = test_below(sizeof(bytes));
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(test_below(2) == 0 ? 'a' : test_random());
        }
        struct slice text = slice_make(bytes, length);
        size_t bad = utf8_invalid_at(text);
        assert_true(bad <= length);
        size_t at = 0;
        struct slice good = slice_make(bytes, bad);
        size_t characters = 0;
        while (at < bad) {
            (void)utf8_decode(good, &at);
            characters++;
        }
        assert_int_equal(at, bad);
        assert_int_equal(utf8_length(good), characters);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_ill_formed),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
