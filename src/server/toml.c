/*
 * The TOML reader.
 *
 * One pass over the bytes. The difficulty of TOML is not its values but who may add to a table: a table that a header
 * defined is not defined again, one that dotted keys made grows only within the section that made it, an inline table
 * never grows. Each table therefore remembers how it was made, and dotted ones in which section.
 *
 * Members are searched one by one: a document holds at most TOML_VALUES_MAX values. Arrays and inline tables nest to
 * TOML_DEPTH_MAX, which bounds the recursion.
 */
#include "server/toml.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "types/utf8.h"

#define NUMBER_MAX 400 /* characters of a number: more than the longest double has, and all that is read */

enum made {
    MADE_ON_THE_WAY, /* by a header that names something within it */
    MADE_BY_HEADER,
    MADE_BY_DOTS,
    MADE_INLINE,
    MADE_OF_TABLES, /* the array of [[headers]] */
};

struct parser {
    struct arena *arena;
    const char *text;
    size_t length;
    size_t at;
    uint32_t line;
    uint32_t values;
    unsigned depth;
    struct toml_value *root;
    struct toml_value *section; /* that keys go into */
    struct kmb_error *error;
};

const char *toml_kind_name(enum toml_kind kind) {
    static const char *const names[] = {"a table",
                                        "an array",
                                        "a text",
                                        "an integer",
                                        "a float",
                                        "a boolean",
                                        "a date with a time",
                                        "a date with a time",
                                        "a date",
                                        "a time"};
    return names[kind];
}

const struct toml_value *toml_member(const struct toml_value *table, struct slice key) {
    for (const struct toml_value *member = table->first; member != NULL; member = member->next) {
        if (slice_equal(member->key, key)) {
            return member;
        }
    }
    return NULL;
}

static enum kmb_status fault(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));

static enum kmb_status fault(struct parser *parser, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_set_v(parser->error, KMB_CONFIG, format, arguments);
    va_end(arguments);
    error_prefix(parser->error, "line %u", parser->line);
    return KMB_CONFIG;
}

static enum kmb_status no_memory(struct parser *parser) {
    return error_set(parser->error, KMB_NO_MEMORY, "out of memory");
}

/* --- characters --------------------------------------------------------------------------------------------------- */

/* The byte `ahead` of the place, 0 behind the end: a zero byte is no part of any TOML document. */
static char peek(const struct parser *parser, size_t ahead) {
    return ahead < parser->length - parser->at ? parser->text[parser->at + ahead] : 0;
}

static bool at_end(const struct parser *parser) {
    return parser->at == parser->length;
}

static bool at_newline(const struct parser *parser) {
    return peek(parser, 0) == '\n' || (peek(parser, 0) == '\r' && peek(parser, 1) == '\n');
}

static void take_newline(struct parser *parser) {
    parser->at += peek(parser, 0) == '\r' ? 2 : 1;
    parser->line++;
}

static void skip_blanks(struct parser *parser) {
    while (peek(parser, 0) == ' ' || peek(parser, 0) == '\t') {
        parser->at++;
    }
}

static bool is_control(char character) {
    return ((unsigned char)character < ' ' && character != '\t') || character == 0x7f;
}

static bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

static bool is_bare(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_' || character == '-';
}

static enum kmb_status skip_comment(struct parser *parser) {
    if (peek(parser, 0) != '#') {
        return KMB_OK;
    }
    while (!at_end(parser) && !at_newline(parser)) {
        if (is_control(parser->text[parser->at])) {
            return fault(parser, "a comment holds a control character");
        }
        parser->at++;
    }
    return KMB_OK;
}

/* Blanks, a comment, the end of the line. */
static enum kmb_status end_line(struct parser *parser, const char *after) {
    skip_blanks(parser);
    enum kmb_status status = skip_comment(parser);
    if (status != KMB_OK || at_end(parser)) {
        return status;
    }
    if (!at_newline(parser)) {
        return fault(parser, "nothing may follow %s on its line", after);
    }
    take_newline(parser);
    return KMB_OK;
}

/* Between the members of an array: blanks, comments, lines. */
static enum kmb_status skip_lines(struct parser *parser) {
    enum kmb_status status = KMB_OK;
    for (;;) {
        skip_blanks(parser);
        status = skip_comment(parser);
        if (status != KMB_OK || !at_newline(parser)) {
            return status;
        }
        take_newline(parser);
    }
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static enum kmb_status take_code_point(struct parser *parser, struct buffer *out, unsigned digits) {
    uint32_t code = 0;
    uint8_t bytes[4];
    for (unsigned i = 0; i < digits; i++) {
        char digit = peek(parser, 0);
        if (!is_digit(digit) && !(digit >= 'a' && digit <= 'f') && !(digit >= 'A' && digit <= 'F')) {
            return fault(parser, "a character by number takes %u hexadecimal digits", digits);
        }
        code = code * 16 + (uint32_t)(is_digit(digit) ? digit - '0' : (digit & 7) + 9);
        parser->at++;
    }
    size_t count = utf8_encode(code, bytes);
    if (count == 0) {
        return fault(parser, "U+%04X is no character", (unsigned)code);
    }
    buffer_append(out, bytes, count);
    return KMB_OK;
}

/* Behind a backslash. */
static enum kmb_status take_escape(struct parser *parser, struct buffer *out) {
    static const char letters[] = "btnfr\"\\";
    static const char meanings[] = "\b\t\n\f\r\"\\";
    char letter = peek(parser, 0);
    const char *found = letter == 0 ? NULL : strchr(letters, letter);
    if (found != NULL) {
        parser->at++;
        buffer_append_byte(out, (uint8_t)meanings[found - letters]);
        return KMB_OK;
    }
    if (letter == 'u' || letter == 'U') {
        parser->at++;
        return take_code_point(parser, out, letter == 'u' ? 4 : 8);
    }
    return fault(parser, "a text holds a backslash before what is no escape; write \\\\, or the text in single quotes");
}

/* A backslash at the end of a line: takes blanks and lines up to the next character. false: it is none. */
static bool take_continuation(struct parser *parser) {
    size_t at = parser->at;
    while (peek(parser, 0) == ' ' || peek(parser, 0) == '\t') {
        parser->at++;
    }
    if (!at_newline(parser)) {
        parser->at = at;
        return false;
    }
    while (at_newline(parser) || peek(parser, 0) == ' ' || peek(parser, 0) == '\t') {
        if (at_newline(parser)) {
            take_newline(parser);
        } else {
            parser->at++;
        }
    }
    return true;
}

/* At quotes within a text of several lines: three end it, and up to two more before them belong to it. true: it ends.
 */
static bool take_closing(struct parser *parser, char quote, struct buffer *out) {
    size_t count = 0;
    while (count < 5 && peek(parser, count) == quote) {
        count++;
    }
    for (size_t i = count < 3 ? 0 : 3; i < count; i++) {
        buffer_append_byte(out, (uint8_t)quote);
    }
    parser->at += count;
    return count >= 3;
}

static enum kmb_status take_long_text(struct parser *parser, char quote, struct buffer *out) {
    parser->at += 3;
    if (at_newline(parser)) {
        take_newline(parser);
    }
    for (;;) {
        char character = peek(parser, 0);
        if (at_end(parser)) {
            return fault(parser, "a text does not end");
        }
        if (character == quote) {
            if (take_closing(parser, quote, out)) {
                return KMB_OK;
            }
        } else if (character == '\\' && quote == '"') {
            parser->at++;
            if (!take_continuation(parser)) {
                enum kmb_status status = take_escape(parser, out);
                if (status != KMB_OK) {
                    return status;
                }
            }
        } else if (at_newline(parser)) {
            buffer_append_byte(out, '\n');
            take_newline(parser);
        } else if (is_control(character)) {
            return fault(parser, "a text holds a control character");
        } else {
            buffer_append_byte(out, (uint8_t)character);
            parser->at++;
        }
    }
}

static enum kmb_status take_short_text(struct parser *parser, char quote, struct buffer *out) {
    parser->at++;
    while (peek(parser, 0) != quote) {
        char character = peek(parser, 0);
        if (at_end(parser) || at_newline(parser)) {
            return fault(parser, "a text does not end on its line");
        }
        if (is_control(character)) {
            return fault(parser, "a text holds a control character");
        }
        parser->at++;
        if (character == '\\' && quote == '"') {
            enum kmb_status status = take_escape(parser, out);
            if (status != KMB_OK) {
                return status;
            }
        } else {
            buffer_append_byte(out, (uint8_t)character);
        }
    }
    parser->at++;
    return KMB_OK;
}

static enum kmb_status take_text(struct parser *parser, bool lines, struct slice *text) {
    struct buffer out = {0};
    char quote = peek(parser, 0);
    bool many = lines && peek(parser, 1) == quote && peek(parser, 2) == quote;
    enum kmb_status status = many ? take_long_text(parser, quote, &out) : take_short_text(parser, quote, &out);
    if (status == KMB_OK) {
        const char *kept = buffer_ok(&out) ? arena_text(parser->arena, buffer_slice(&out)) : NULL;
        *text = slice_make(kept, out.length);
        status = kept == NULL ? no_memory(parser) : KMB_OK;
    }
    buffer_free(&out);
    return status;
}

/* --- numbers, dates, times ---------------------------------------------------------------------------------------- */

/* Exactly `count` digits as a number, -1: they are not there. */
static int digits_at(struct slice text, size_t at, size_t count) {
    int number = 0;
    if (at + count > text.length) {
        return -1;
    }
    for (size_t i = at; i < at + count; i++) {
        if (!is_digit((char)text.bytes[i])) {
            return -1;
        }
        number = number * 10 + (text.bytes[i] - '0');
    }
    return number;
}

static bool is_char(struct slice text, size_t at, char wanted) {
    return at < text.length && (char)text.bytes[at] == wanted;
}

/* "2026-01-31" at the start. */
static bool is_date(struct slice text) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits_at(text, 0, 4);
    int month = digits_at(text, 5, 2);
    int day = digits_at(text, 8, 2);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return year >= 0 && is_char(text, 4, '-') && month >= 1 && month <= 12 && is_char(text, 7, '-') && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "12:34:56", or with a fraction: its length, 0 for none. */
static size_t time_length(struct slice text, size_t at) {
    int hour = digits_at(text, at, 2);
    int minute = digits_at(text, at + 3, 2);
    int second = digits_at(text, at + 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
        !is_char(text, at + 2, ':') || !is_char(text, at + 5, ':')) {
        return 0;
    }
    size_t length = 8;
    if (is_char(text, at + 8, '.')) {
        for (length = 9; at + length < text.length && is_digit((char)text.bytes[at + length]);) {
            length++;
        }
        if (length == 9) {
            return 0;
        }
    }
    return length;
}

/* "Z" or "+01:00" to the end of the text. */
static bool is_offset(struct slice text, size_t at) {
    if (at + 1 == text.length && (text.bytes[at] == 'Z' || text.bytes[at] == 'z')) {
        return true;
    }
    int hour = digits_at(text, at + 1, 2);
    int minute = digits_at(text, at + 4, 2);
    return at + 6 == text.length && (is_char(text, at, '+') || is_char(text, at, '-')) && hour >= 0 && hour <= 23 &&
           is_char(text, at + 3, ':') && minute >= 0 && minute <= 59;
}

static bool read_moment(struct slice text, struct toml_value *value) {
    size_t length = time_length(text, 0);
    value->text = text;
    if (length != 0 && length == text.length) {
        value->kind = TOML_TIME;
        return true;
    }
    if (!is_date(text)) {
        return false;
    }
    if (text.length == 10) {
        value->kind = TOML_DATE;
        return true;
    }
    length = text.bytes[10] == 'T' || text.bytes[10] == 't' || text.bytes[10] == ' ' ? time_length(text, 11) : 0;
    if (length == 0) {
        return false;
    }
    value->kind = 11 + length == text.length ? TOML_LOCAL_MOMENT : TOML_MOMENT;
    return value->kind == TOML_LOCAL_MOMENT || is_offset(text, 11 + length);
}

/* Copies digits of a base without their underscores, each of which stands between two digits. How many bytes of text
 * they take; 0: no digit, or an underscore at an end. */
static size_t copy_digits(struct slice text, size_t at, const char *allowed, struct buffer *out) {
    size_t start = at;
    bool digit_before = false;
    for (; at < text.length; at++) {
        char character = (char)text.bytes[at];
        if (character == '_') {
            if (!digit_before) {
                return 0;
            }
            digit_before = false;
        } else if (strchr(allowed, character) != NULL) {
            digit_before = true;
            buffer_append_byte(out, (uint8_t)character);
        } else {
            break;
        }
    }
    return digit_before ? at - start : 0;
}

static const char decimal_digits[] = "0123456789";

/* 0x, 0o, 0b: no sign. */
static bool read_based(struct slice text, struct buffer *digits, int64_t *integer) {
    static const struct {
        char letter;
        int base;
        const char *allowed;
    } bases[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
    for (size_t i = 0; i < 3; i++) {
        if (is_char(text, 1, bases[i].letter)) {
            size_t taken = copy_digits(text, 2, bases[i].allowed, digits);
            const char *copy = buffer_text(digits);
            errno = 0;
            *integer = copy == NULL ? 0 : strtoll(copy, NULL, bases[i].base);
            return taken != 0 && taken + 2 == text.length && copy != NULL && errno == 0;
        }
    }
    return false;
}

/* Whole number, fraction, exponent; into digits for strtod. *real: it has one of the latter. */
static bool read_decimal(struct slice text, struct buffer *digits, bool *real) {
    size_t at = 0;
    if (is_char(text, 0, '+') || is_char(text, 0, '-')) {
        buffer_append_byte(digits, text.bytes[at++]);
    }
    size_t taken = copy_digits(text, at, decimal_digits, digits);
    if (taken == 0 || (taken > 1 && text.bytes[at] == '0')) {
        return false;
    }
    at += taken;
    *real = at < text.length;
    if (is_char(text, at, '.')) {
        buffer_append_byte(digits, '.');
        taken = copy_digits(text, at + 1, decimal_digits, digits);
        if (taken == 0) {
            return false;
        }
        at += taken + 1;
    }
    if (is_char(text, at, 'e') || is_char(text, at, 'E')) {
        buffer_append_byte(digits, 'e');
        at++;
        if (is_char(text, at, '+') || is_char(text, at, '-')) {
            buffer_append_byte(digits, text.bytes[at++]);
        }
        taken = copy_digits(text, at, decimal_digits, digits);
        if (taken == 0) {
            return false;
        }
        at += taken;
    }
    return at == text.length;
}

static bool read_special(struct slice text, double *real) {
    size_t at = is_char(text, 0, '+') || is_char(text, 0, '-') ? 1 : 0;
    struct slice name = slice_make(text.bytes + at, text.length - at);
    if (!slice_equal_text(name, "inf") && !slice_equal_text(name, "nan")) {
        return false;
    }
    *real = name.bytes[0] == 'i' ? (double)INFINITY : (double)NAN;
    *real = is_char(text, 0, '-') ? -*real : *real;
    return true;
}

static enum kmb_status read_number(struct parser *parser, struct slice text, struct toml_value *value) {
    struct buffer digits = {0};
    bool real = false;
    enum kmb_status status = KMB_OK;
    value->kind = TOML_INTEGER;
    if (read_special(text, &value->real)) {
        value->kind = TOML_FLOAT;
        return KMB_OK;
    }
    if (read_based(text, &digits, &value->integer)) {
        buffer_free(&digits);
        return KMB_OK;
    }
    buffer_clear(&digits);
    bool number = read_decimal(text, &digits, &real);
    const char *copy = buffer_text(&digits);
    if (copy == NULL) {
        status = no_memory(parser);
    } else if (!number) {
        status = fault(parser, "\"%.*s\" is no value; a text stands in quotes",
                       (int)(text.length > 40 ? 40 : text.length), (const char *)text.bytes);
    } else if (real) {
        value->kind = TOML_FLOAT;
        value->real = strtod(copy, NULL);
    } else {
        errno = 0;
        value->integer = strtoll(copy, NULL, 10);
        status = errno == 0 ? KMB_OK : fault(parser, "the number %.40s does not fit 64 bits", copy);
    }
    buffer_free(&digits);
    return status;
}

static void skip_plain(struct parser *parser) {
    while (is_bare(peek(parser, 0)) || (peek(parser, 0) != 0 && strchr("+.:", peek(parser, 0)) != NULL)) {
        parser->at++;
    }
}

/* What stands without quotes: numbers, booleans, dates. A date's blank before its time belongs to it. */
static enum kmb_status take_plain(struct parser *parser, struct toml_value *value) {
    size_t start = parser->at;
    skip_plain(parser);
    struct slice text = slice_make(parser->text + start, parser->at - start);
    if (text.length == 10 && is_date(text) && peek(parser, 0) == ' ' && is_digit(peek(parser, 1))) {
        parser->at++;
        skip_plain(parser);
        text.length = parser->at - start;
    }
    if (text.length == 0 || text.length > NUMBER_MAX) {
        return fault(parser, text.length == 0 ? "a value is missing" : "a value without quotes is too long");
    }
    if (slice_equal_text(text, "true") || slice_equal_text(text, "false")) {
        value->kind = TOML_BOOLEAN;
        value->boolean = text.bytes[0] == 't';
        return KMB_OK;
    }
    return read_moment(text, value) ? KMB_OK : read_number(parser, text, value);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static struct toml_value *add(struct parser *parser, struct toml_value *parent, struct slice key) {
    struct toml_value *value =
        parser->values == TOML_VALUES_MAX ? NULL : arena_alloc_zero(parser->arena, 1, sizeof(*value));
    if (value == NULL) {
        if (parser->values == TOML_VALUES_MAX) {
            fault(parser, "more than %d values", TOML_VALUES_MAX);
        } else {
            no_memory(parser);
        }
        return NULL;
    }
    parser->values++;
    value->key = key;
    value->line = parser->line;
    if (parent->last == NULL) {
        parent->first = value;
    } else {
        parent->last->next = value;
    }
    parent->last = value;
    return value;
}

static enum kmb_status out_of_room(const struct parser *parser) {
    return parser->values == TOML_VALUES_MAX ? KMB_CONFIG : KMB_NO_MEMORY;
}

static struct toml_value *member_of(const struct toml_value *table, struct slice key) {
    return (struct toml_value *)(uintptr_t)toml_member(table, key);
}

static enum kmb_status take_key_part(struct parser *parser, struct slice *key) {
    char first = peek(parser, 0);
    if (first == '"' || first == '\'') {
        return take_text(parser, false, key);
    }
    size_t start = parser->at;
    while (is_bare(peek(parser, 0))) {
        parser->at++;
    }
    *key = slice_make(parser->text + start, parser->at - start);
    return key->length == 0 ? fault(parser, "a key is missing: letters, digits, _ and -, or a text in quotes") : KMB_OK;
}

/* After a part of a key: true at a dot, which is taken with the blanks about it. */
static bool take_dot(struct parser *parser) {
    skip_blanks(parser);
    if (peek(parser, 0) != '.') {
        return false;
    }
    parser->at++;
    skip_blanks(parser);
    return true;
}

static enum kmb_status taken_twice(struct parser *parser, const struct toml_value *before) {
    return fault(parser, "%.*s stands in the file twice, first on line %u",
                 (int)(before->key.length > 60 ? 60 : before->key.length), (const char *)before->key.bytes,
                 before->line);
}

/* The table that a part of a dotted key names, in the body of a section or of an inline table. */
static enum kmb_status enter_dotted(struct parser *parser, struct toml_value **table, struct slice key) {
    struct toml_value *member = member_of(*table, key);
    if (member == NULL) {
        member = add(parser, *table, key);
        if (member == NULL) {
            return out_of_room(parser);
        }
        member->kind = TOML_TABLE;
        member->made = MADE_BY_DOTS;
        member->section = parser->section;
    } else if (member->kind != TOML_TABLE || member->made == MADE_BY_HEADER || member->made == MADE_INLINE ||
               (member->made == MADE_BY_DOTS && member->section != parser->section)) {
        return taken_twice(parser, member);
    } else if (member->made == MADE_ON_THE_WAY) {
        member->made = MADE_BY_DOTS;
        member->section = parser->section;
    }
    *table = member;
    return KMB_OK;
}

static enum kmb_status take_value(struct parser *parser, struct toml_value *value);

/* key = value, into a table. */
static enum kmb_status take_pair(struct parser *parser, struct toml_value *table) {
    struct slice key;
    enum kmb_status status = take_key_part(parser, &key);
    while (status == KMB_OK && take_dot(parser)) {
        status = enter_dotted(parser, &table, key);
        if (status == KMB_OK) {
            status = take_key_part(parser, &key);
        }
    }
    if (status != KMB_OK) {
        return status;
    }
    if (peek(parser, 0) != '=') {
        return fault(parser, "\"=\" and a value are missing behind %.*s", (int)(key.length > 60 ? 60 : key.length),
                     (const char *)key.bytes);
    }
    parser->at++;
    skip_blanks(parser);
    const struct toml_value *before = toml_member(table, key);
    if (before != NULL) {
        return taken_twice(parser, before);
    }
    struct toml_value *value = add(parser, table, key);
    return value == NULL ? out_of_room(parser) : take_value(parser, value);
}

static enum kmb_status take_array(struct parser *parser, struct toml_value *array) {
    enum kmb_status status = KMB_OK;
    array->kind = TOML_ARRAY;
    parser->at++;
    for (;;) {
        status = skip_lines(parser);
        if (status != KMB_OK || peek(parser, 0) == ']') {
            break;
        }
        struct toml_value *value = add(parser, array, (struct slice){0});
        status = value == NULL ? out_of_room(parser) : take_value(parser, value);
        if (status == KMB_OK) {
            status = skip_lines(parser);
        }
        if (status != KMB_OK || peek(parser, 0) == ']') {
            break;
        }
        if (peek(parser, 0) != ',') {
            return fault(parser, "an array's members are separated by commas and end with \"]\"");
        }
        parser->at++;
    }
    if (status == KMB_OK) {
        parser->at++;
    }
    return status;
}

static enum kmb_status take_inline(struct parser *parser, struct toml_value *table) {
    const struct toml_value *outer = parser->section;
    enum kmb_status status = KMB_OK;
    table->kind = TOML_TABLE;
    table->made = MADE_BY_DOTS; /* grows until its brace closes */
    parser->section = table;
    parser->at++;
    skip_blanks(parser);
    if (peek(parser, 0) != '}') {
        for (;;) {
            status = take_pair(parser, table);
            skip_blanks(parser);
            if (status != KMB_OK || peek(parser, 0) == '}') {
                break;
            }
            if (peek(parser, 0) != ',') {
                return fault(parser,
                             "an inline table's members are separated by commas and end with \"}\", on one line");
            }
            parser->at++;
            skip_blanks(parser);
        }
    }
    if (status == KMB_OK) {
        parser->at++;
    }
    table->made = MADE_INLINE;
    parser->section = (struct toml_value *)(uintptr_t)outer;
    return status;
}

static enum kmb_status take_value(struct parser *parser, struct toml_value *value) {
    char first = peek(parser, 0);
    enum kmb_status status = KMB_OK;
    value->begin = parser->at;
    value->line = parser->line;
    if (first == '"' || first == '\'') {
        value->kind = TOML_TEXT;
        status = take_text(parser, true, &value->text);
    } else if (first == '[' || first == '{') {
        if (parser->depth == TOML_DEPTH_MAX) {
            return fault(parser, "arrays and inline tables nest deeper than %d", TOML_DEPTH_MAX);
        }
        parser->depth++;
        status = first == '[' ? take_array(parser, value) : take_inline(parser, value);
        parser->depth--;
    } else {
        status = take_plain(parser, value);
    }
    value->end = parser->at;
    return status;
}

/* The table that a part of a header names on the way to its last part. */
static enum kmb_status enter_header(struct parser *parser, struct toml_value **table, struct slice key) {
    struct toml_value *member = member_of(*table, key);
    if (member == NULL) {
        member = add(parser, *table, key);
        if (member == NULL) {
            return out_of_room(parser);
        }
        member->kind = TOML_TABLE;
        member->made = MADE_ON_THE_WAY;
    } else if (member->kind == TOML_ARRAY && member->made == MADE_OF_TABLES) {
        member = member->last; /* the table begun last */
    } else if (member->kind != TOML_TABLE || member->made == MADE_INLINE) {
        return taken_twice(parser, member);
    }
    *table = member;
    return KMB_OK;
}

static enum kmb_status begin_table(struct parser *parser, struct toml_value *parent, struct slice key) {
    struct toml_value *table = member_of(parent, key);
    if (table == NULL) {
        table = add(parser, parent, key);
        if (table == NULL) {
            return out_of_room(parser);
        }
    } else if (table->kind != TOML_TABLE || table->made != MADE_ON_THE_WAY) {
        return taken_twice(parser, table);
    }
    table->kind = TOML_TABLE;
    table->made = MADE_BY_HEADER;
    table->line = parser->line;
    parser->section = table;
    return KMB_OK;
}

static enum kmb_status begin_member(struct parser *parser, struct toml_value *parent, struct slice key) {
    struct toml_value *array = member_of(parent, key);
    if (array == NULL) {
        array = add(parser, parent, key);
        if (array == NULL) {
            return out_of_room(parser);
        }
        array->kind = TOML_ARRAY;
        array->made = MADE_OF_TABLES;
    } else if (array->kind != TOML_ARRAY || array->made != MADE_OF_TABLES) {
        return taken_twice(parser, array);
    }
    struct toml_value *table = add(parser, array, (struct slice){0});
    if (table == NULL) {
        return out_of_room(parser);
    }
    table->kind = TOML_TABLE;
    table->made = MADE_BY_HEADER;
    parser->section = table;
    return KMB_OK;
}

static enum kmb_status take_header(struct parser *parser) {
    size_t begin = parser->at;
    bool many = peek(parser, 1) == '[';
    struct toml_value *table = parser->root;
    struct slice key;
    parser->at += many ? 2 : 1;
    skip_blanks(parser);
    enum kmb_status status = take_key_part(parser, &key);
    while (status == KMB_OK && take_dot(parser)) {
        status = enter_header(parser, &table, key);
        if (status == KMB_OK) {
            status = take_key_part(parser, &key);
        }
    }
    if (status != KMB_OK) {
        return status;
    }
    if (peek(parser, 0) != ']' || (many && peek(parser, 1) != ']')) {
        return fault(parser, "a header ends with \"%s\"", many ? "]]" : "]");
    }
    parser->at += many ? 2 : 1;
    status = many ? begin_member(parser, table, key) : begin_table(parser, table, key);
    if (status == KMB_OK) {
        parser->section->begin = begin;
        parser->section->end = parser->at;
    }
    return status;
}

enum kmb_status toml_parse(struct slice document, struct arena *arena, struct toml_value **root,
                           struct kmb_error *error) {
    struct parser parser = {
        .arena = arena, .text = (const char *)document.bytes, .length = document.length, .line = 1, .error = error};
    enum kmb_status status = KMB_OK;
    ASSERT(arena->on_fail == NULL);
    *root = NULL;
    if (document.length > TOML_BYTES_MAX) {
        return error_set(error, KMB_CONFIG, "larger than %zu bytes", TOML_BYTES_MAX);
    }
    size_t bad = utf8_valid(document) ? document.length : utf8_invalid_at(document);
    if (bad < document.length) {
        for (size_t i = 0; i < bad; i++) {
            parser.line += document.bytes[i] == '\n';
        }
        return fault(&parser, "byte 0x%02x is no UTF-8", document.bytes[bad]);
    }
    parser.root = arena_alloc_zero(arena, 1, sizeof(*parser.root));
    if (parser.root == NULL) {
        return no_memory(&parser);
    }
    parser.root->kind = TOML_TABLE;
    parser.root->made = MADE_BY_HEADER;
    parser.section = parser.root;
    if (document.length >= 3 && memcmp(document.bytes, "\xef\xbb\xbf", 3) == 0) {
        parser.at = 3;
    }
    while (status == KMB_OK && !at_end(&parser)) {
        const char *what = "a header";
        skip_blanks(&parser);
        if (peek(&parser, 0) == '[') {
            status = take_header(&parser);
        } else if (!at_end(&parser) && !at_newline(&parser) && peek(&parser, 0) != '#') {
            what = "a value";
            status = take_pair(&parser, parser.section);
        }
        if (status == KMB_OK) {
            status = end_line(&parser, what);
        }
    }
    *root = status == KMB_OK ? parser.root : NULL;
    return status;
}
