/* Colours of what is typed, and that nothing else is changed: without the colours the line is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/environment.h"
#include "cli/complete.h"
#include "cli/highlight.h"

/* Completion asks the database for names; here there is none. */

/* The line with <w>, <s>, <n>, <c>, <m> for the colours of words, strings, numbers, comments and commands; > ends one.
 */
static void marked(const char *before, const char *line, char *out, size_t size) {
    static const struct {
        const char *sequence;
        const char *mark;
    } marks[] = {{"\033[0m", ">"},      {"\033[32m", "<s "}, {"\033[33m", "<n "},
                 {"\033[1;34m", "<w "}, {"\033[2m", "<c "},  {"\033[36m", "<m "}};
    struct buffer text = {0};
    size_t length = 0;
    highlight_line(slice_text(before), slice_text(line), &text);
    const char *at = buffer_text(&text);
    assert_non_null(at);
    while (*at != 0) {
        size_t i = 0;
        while (i < 6 && strncmp(at, marks[i].sequence, strlen(marks[i].sequence)) != 0) {
            i++;
        }
        const char *piece = i < 6 ? marks[i].mark : at;
        size_t count = i < 6 ? strlen(piece) : 1;
        assert_true(length + count < size);
        memcpy(out + length, piece, count);
        length += count;
        at += i < 6 ? strlen(marks[i].sequence) : 1;
    }
    out[length] = 0;
    buffer_free(&text);
}

static void words_strings_and_numbers(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"", "select 'a', 4.5e3 from t", "<w select> <s 'a'>, <n 4.5e3> <w from> t"},
        {"", "t.select \"from\" oid4 f1", "t.select \"from\" oid4 f1"},
        {"", "$1 + 2 -- 3", "$1 + <n 2> <c -- 3>"},
        {"", "E'it\\'s' /* x", "E<s 'it\\'s'> <c /* x>"},
        {"", "$q$ select $q$ 1", "<s $q$ select $q$> <n 1>"},
        {"select 'a", " b' FROM", "<s  b'> <w FROM>"},
        {"/* a", "1 */ 2", "<c 1 */> <n 2>"},
        {"", "\\timing on", "<m \\timing> on"},
        {"", ".mode csv", "<m .mode> csv"},
        {"", "'日本' 日本", "<s '日本'> 日本"},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[256];
        marked(cases[i][0], cases[i][1], out, sizeof(out));
        assert_string_equal(out, cases[i][2]);
    }
}

static void nothing_but_colours_is_added(void **state) {
    (void)state;
    static const char letters[] = "sel't\"$q$ -*/e\\1.;\n(";
    struct prng prng;
    prng_seed(&prng, 3);
    for (unsigned round = 0; round < 20000; round++) {
        char line[41];
        struct buffer text = {0};
        struct buffer plain = {0};
        size_t length = 1 + prng_below(&prng, 40);
        for (size_t i = 0; i < length; i++) {
            line[i] = letters[prng_below(&prng, sizeof(letters) - 1)];
        }
        highlight_line(slice_text(""), slice_make(line, length), &text);
        for (size_t i = 0; i < text.length; i++) {
            if (text.bytes[i] == '\033') {
                while (text.bytes[i] != 'm') {
                    i++;
                }
            } else {
                buffer_append_byte(&plain, text.bytes[i]);
            }
        }
        assert_int_equal(plain.length, length);
        assert_memory_equal(plain.bytes, line, length);
        buffer_free(&text);
        buffer_free(&plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_strings_and_numbers),
        cmocka_unit_test(nothing_but_colours_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
