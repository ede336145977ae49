/* LIKE against the definition written as recursion, and its time against a pattern that recursion can not survive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/environment.h"
#include "sql/func/like.h"

/* -1: the pattern ends in a backslash that was read. */
static int naive(const char *pattern, const char *text) {
    if (*pattern == 0) {
        return *text == 0;
    }
    if (*pattern == '%') {
        for (const char *at = text;; at++) {
            int result = naive(pattern + 1, at);
            if (result != 0 || *at == 0) {
                return result;
            }
        }
    }
    if (*text == 0) {
        return 0;
    }
    if (*pattern == '_') {
        return naive(pattern + 1, text + 1);
    }
    if (*pattern == '\\') {
        pattern++;
        if (*pattern == 0) {
            return -1;
        }
    }
    return *pattern == *text ? naive(pattern + 1, text + 1) : 0;
}

static void random_patterns_agree_with_recursion(void **state) {
    (void)state;
    struct prng prng;
    unsigned matched = 0;
    prng_seed(&prng, 9);
    for (unsigned i = 0; i < 200000; i++) {
        char pattern[12];
        char text[12];
        size_t pattern_length = (size_t)prng_below(&prng, 9);
        size_t text_length = (size_t)prng_below(&prng, 9);
        for (size_t n = 0; n < pattern_length; n++) {
            pattern[n] = "ab%%_\\"[prng_below(&prng, 6)];
        }
        for (size_t n = 0; n < text_length; n++) {
            text[n] = "ab%_\\"[prng_below(&prng, 5)];
        }
        pattern[pattern_length] = 0;
        text[text_length] = 0;
        int want = naive(pattern, text);
        bool bad_escape = false;
        struct like_pattern prepared = like_prepare(slice_text(pattern));
        bool got = like_match(&prepared, slice_text(text), &bad_escape);
        if (want >= 0 && !bad_escape) { /* where the error is met depends on the way through the pattern */
            assert_int_equal(got, want);
            matched += got;
        }
    }
    assert_true(matched > 10000);
}

static void characters_are_counted_not_bytes(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"_", "ä", true},     {"__", "ä", false},        {"_b", "öb", true},
        {"%ö_", "xöy", true}, {"日_語", "日本語", true}, {"日__語", "日本語", false},
        {"\\%", "%", true},   {"a\\_c", "abc", false},   {"", "", true},
        {"", "a", false},     {"%", "", true},           {"%%", "anything", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool bad_escape = false;
        struct like_pattern prepared = like_prepare(slice_text(cases[i].pattern));
        assert_int_equal(like_match(&prepared, slice_text(cases[i].text), &bad_escape), cases[i].matches);
        assert_false(bad_escape);
    }
}

static void a_hostile_pattern_takes_no_time(void **state) {
    (void)state;
    static char text[20001];
    static char pattern[401];
    bool bad_escape = false;
    memset(text, 'a', 20000);
    for (unsigned i = 0; i < 400; i += 2) { /* "%a%a...%b": exponential for whoever tries every split */
        pattern[i] = '%';
        pattern[i + 1] = i == 398 ? 'b' : 'a';
    }
    struct like_pattern prepared = like_prepare(slice_text(pattern));
    assert_false(like_match(&prepared, slice_text(text), &bad_escape));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_agree_with_recursion),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(a_hostile_pattern_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
