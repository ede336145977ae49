/* Errors: texts are kept, cut at character boundaries, prefixed; a NULL error is no burden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

#include <string.h>

static void set_clears_the_rest(void **state) {
    (void)state;
    struct kmb_error error = {0};
    assert_int_equal(error_set(&error, KMB_IO, "cannot %s '%s'", "read", "x"), KMB_IO);
    assert_int_equal(error_detail(&error, "byte %d", 7), KMB_IO);
    assert_int_equal(error_hint(&error, "try %s", "again"), KMB_IO);
    error_position(&error, 12);
    assert_string_equal(error.message, "cannot read 'x'");
    assert_string_equal(error.detail, "byte 7");
    assert_string_equal(error.hint, "try again");
    assert_int_equal(error.position, 12);
    error_set(&error, KMB_SYNTAX, "row 3: %s", error.message);
    assert_string_equal(error.message, "row 3: cannot read 'x'");
    assert_int_equal(error.status, KMB_SYNTAX);
    assert_int_equal(error.position, 0);
    assert_string_equal(error.detail, "");
    assert_string_equal(error.hint, "");
    error_clear(&error);
    assert_int_equal(error.status, KMB_OK);
    assert_string_equal(error.message, "");
}

static void null_error_is_fine(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, KMB_IO, "x"), KMB_IO);
    assert_int_equal(error_detail(NULL, "x"), KMB_INTERNAL);
    assert_int_equal(error_hint(NULL, "x"), KMB_INTERNAL);
    error_position(NULL, 1);
    error_prefix(NULL, "x");
    error_clear(NULL);
}

/* A text of n bytes made of two-byte characters after `shift` one-byte ones. */
static void fill(char *text, size_t n, size_t shift) {
    memset(text, 'x', shift);
    for (size_t i = shift; i + 1 < n; i += 2) {
        memcpy(text + i, "\xC3\xA4", 2);
    }
    text[n & ~(size_t)1] = 0;
}

static bool is_utf8_of_two_byte_characters(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
        if (*at == 0xC3) {
            if (*++at != 0xA4) {
                return false;
            }
        } else if (*at >= 0x80) {
            return false;
        }
    }
    return true;
}

static void long_texts_are_cut_between_characters(void **state) {
    (void)state;
    char text[2000];
    for (size_t shift = 0; shift < 4; shift++) {
        struct kmb_error error = {0};
        fill(text, sizeof(text) - 2, shift);
        error_set(&error, KMB_IO, "%s", text);
        size_t length = strlen(error.message);
        assert_true(length < KMB_ERROR_MESSAGE_SIZE && length >= KMB_ERROR_MESSAGE_SIZE - 3);
        assert_string_equal(error.message + length - 3, "...");
        assert_true(is_utf8_of_two_byte_characters(error.message));
        error_detail(&error, "%s", text);
        assert_true(strlen(error.detail) < KMB_ERROR_DETAIL_SIZE && is_utf8_of_two_byte_characters(error.detail));
        error_hint(&error, "%s", text);
        assert_true(strlen(error.hint) < KMB_ERROR_HINT_SIZE && is_utf8_of_two_byte_characters(error.hint));
        error_prefix(&error, "%s", shift % 2 == 0 ? "p" : "pp");
        length = strlen(error.message);
        assert_true(length < KMB_ERROR_MESSAGE_SIZE);
        assert_string_equal(error.message + length - 3, "...");
        assert_true(is_utf8_of_two_byte_characters(error.message));
        error_prefix(&error, "%s", text);
        assert_true(strlen(error.message) < KMB_ERROR_MESSAGE_SIZE && is_utf8_of_two_byte_characters(error.message));
    }
    /* The longest text that fits is kept whole. */
    struct kmb_error error = {0};
    memset(text, 'x', sizeof(text));
    text[KMB_ERROR_MESSAGE_SIZE - 1] = 0;
    error_set(&error, KMB_IO, "%s", text);
    assert_string_equal(error.message, text);
}

static void prefix_keeps_the_rest(void **state) {
    (void)state;
    struct kmb_error error = {0};
    error_set(&error, KMB_CORRUPT, "bad byte");
    error_detail(&error, "d");
    error_hint(&error, "h");
    error_prefix(&error, "segment %d", 4);
    assert_string_equal(error.message, "segment 4: bad byte");
    assert_string_equal(error.detail, "d");
    assert_string_equal(error.hint, "h");
    assert_int_equal(error.status, KMB_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_clears_the_rest),
        cmocka_unit_test(null_error_is_fine),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(prefix_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
