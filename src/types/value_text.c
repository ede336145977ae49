/*
 * Text in, text out, for every type: PostgreSQL's input and output functions.
 *
 * Each type has its own file where its grammar is more than a few lines; here are the small ones (BOOL, integers,
 * floats, BYTEA) and the dispatch. Input ends with the modifier, so that what comes out fits the column it is meant
 * for.
 */
#include <math.h>

#include "base/assert.h"
#include "types/array.h"
#include "types/digits.h"
#include "types/json.h"
#include "types/real.h"
#include "types/utf8.h"
#include "types/uuid.h"
#include "types/value.h"

#define SHOWN_MAX 200 /* bytes of a bad input in a message */
#define SHORT_MAX 64  /* characters of a value in a message */

static bool text_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct slice text_trim(struct slice text) {
    while (text.length > 0 && text_blank(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && text_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}

static enum kmb_status text_syntax(enum type_id type, struct slice text, struct kmb_error *error) {
    return error_set(error, KMB_INVALID_TEXT, "invalid input syntax for type %s: \"%.*s\"", type_name(type),
                     (int)(text.length < SHOWN_MAX ? text.length : SHOWN_MAX), (const char *)text.bytes);
}

/* --- booleans --- */

/* True when text is a prefix of word, of at least `least` letters, whatever their case. */
static bool text_abbreviates(struct slice text, const char *word, size_t least) {
    if (text.length < least || text.length > strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if ((text.bytes[i] | 0x20) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

enum kmb_status value_parse_bool(struct slice text, bool *out, struct kmb_error *error) {
    struct slice word = text_trim(text);
    if (slice_equal_text(word, "1") || text_abbreviates(word, "true", 1) || text_abbreviates(word, "yes", 1) ||
        text_abbreviates(word, "on", 2)) {
        *out = true;
        return KMB_OK;
    }
    if (slice_equal_text(word, "0") || text_abbreviates(word, "false", 1) || text_abbreviates(word, "no", 1) ||
        text_abbreviates(word, "off", 2)) {
        *out = false;
        return KMB_OK;
    }
    return text_syntax(TYPE_BOOL, text, error);
}

/* --- integers --- */

enum kmb_status value_parse_integer(enum type_id type, struct slice text, int64_t *out, struct kmb_error *error) {
    struct slice number = text_trim(text);
    size_t at = 0;
    bool negative = number.length > 0 && number.bytes[0] == '-';
    at += number.length > 0 && (number.bytes[0] == '-' || number.bytes[0] == '+') ? 1 : 0;
    int64_t value = 0; /* kept negative: the range below zero is the greater one */
    bool overflow = false;
    size_t first = at;
    for (; at < number.length && number.bytes[at] >= '0' && number.bytes[at] <= '9'; at++) {
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_sub_overflow(value, number.bytes[at] - '0', &value) || value < type_integer_min(type);
    }
    if (at == first || (at != number.length && !overflow)) { /* too many digits come first, whatever is behind them */
        return text_syntax(type, text, error);
    }
    overflow = overflow || (!negative && value == INT64_MIN);
    if (!overflow) {
        value = negative ? value : -value;
        overflow = value < type_integer_min(type) || value > type_integer_max(type);
    }
    if (overflow) {
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s",
                         (int)(text.length < SHOWN_MAX ? text.length : SHOWN_MAX), (const char *)text.bytes,
                         type_name(type));
    }
    *out = value;
    return KMB_OK;
}

size_t value_format_integer(int64_t integer, char text[VALUE_INTEGER_TEXT_SIZE]) {
    size_t at = 0;
    if (integer < 0) {
        text[at++] = '-';
    }
    at += digits_put(text + at, integer < 0 ? (uint64_t)0 - (uint64_t)integer : (uint64_t)integer);
    text[at] = 0;
    return at;
}

/* --- floats --- */

enum kmb_status value_parse_real(enum type_id type, struct slice text, double *out, struct kmb_error *error) {
    switch (real_parse(text, type == TYPE_FLOAT4, out)) {
    case REAL_OK:
        return KMB_OK;
    case REAL_RANGE: {
        struct slice number = text_trim(text);
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "\"%.*s\" is out of range for type %s",
                         (int)(number.length < SHOWN_MAX ? number.length : SHOWN_MAX), (const char *)number.bytes,
                         type_name(type));
    }
    case REAL_SYNTAX:
        break;
    }
    return text_syntax(type, text, error);
}

/* 0.d1d2... * 10^exponent without an exponent. */
static size_t real_put_plain(char *text, const char *digits, size_t count, int32_t exponent) {
    size_t at = 0;
    if (exponent <= 0) {
        text[at++] = '0';
        text[at++] = '.';
        for (int32_t i = exponent; i < 0; i++) {
            text[at++] = '0';
        }
        memcpy(text + at, digits, count);
        return at + count;
    }
    for (size_t i = 0; i < count || i < (size_t)exponent; i++) {
        if (i == (size_t)exponent) {
            text[at++] = '.';
        }
        text[at++] = i < count ? digits[i] : '0';
    }
    return at;
}

static size_t real_put_exponent(char *text, const char *digits, size_t count, int32_t exponent) {
    size_t at = 0;
    text[at++] = digits[0];
    if (count > 1) {
        text[at++] = '.';
        memcpy(text + at, digits + 1, count - 1);
        at += count - 1;
    }
    int32_t power = exponent - 1;
    text[at++] = 'e';
    text[at++] = power < 0 ? '-' : '+';
    power = power < 0 ? -power : power;
    if (power >= 100) {
        text[at++] = (char)('0' + power / 100);
    }
    text[at++] = (char)('0' + power / 10 % 10);
    text[at++] = (char)('0' + power % 10);
    return at;
}

size_t value_format_real(enum type_id type, double real, char text[VALUE_REAL_TEXT_SIZE]) {
    const char *word = isnan(real) ? "NaN" : isinf(real) ? (real > 0 ? "Infinity" : "-Infinity") : NULL;
    if (word != NULL) {
        memcpy(text, word, strlen(word) + 1);
        return strlen(word);
    }
    size_t at = 0;
    if (signbit(real)) {
        text[at++] = '-';
    }
    if (real == 0) {
        text[at++] = '0';
        text[at] = 0;
        return at;
    }
    char digits[REAL_DIGITS_SIZE];
    int32_t exponent;
    bool single = type == TYPE_FLOAT4;
    size_t count = real_digits_shortest(real, single, digits, &exponent);
    bool plain = exponent - 1 >= -4 && exponent - 1 < (single ? 6 : 15);
    at += plain ? real_put_plain(text + at, digits, count, exponent)
                : real_put_exponent(text + at, digits, count, exponent);
    ASSERT(at < VALUE_REAL_TEXT_SIZE);
    text[at] = 0;
    return at;
}

/* --- bytea --- */

static int hex_digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static enum kmb_status bytea_parse_hex(struct slice text, uint8_t *bytes, size_t *length, struct kmb_error *error) {
    size_t count = 0;
    for (size_t at = 2; at < text.length;) {
        if (text.bytes[at] == ' ' || text.bytes[at] == '\t' || text.bytes[at] == '\n' || text.bytes[at] == '\r') {
            at++;
            continue;
        }
        int high = hex_digit(text.bytes[at]);
        int low = at + 1 < text.length ? hex_digit(text.bytes[at + 1]) : -1;
        if (high >= 0 && at + 1 == text.length) {
            return error_set(error, KMB_INVALID_PARAMETER, "invalid hexadecimal data: odd number of digits");
        }
        if (high < 0 || low < 0) {
            size_t bad = high < 0 ? at : at + 1;
            struct slice rest = slice_make(text.bytes + bad, text.length - bad);
            struct slice shown = utf8_cut(rest, 1);
            return error_set(error, KMB_INVALID_PARAMETER, "invalid hexadecimal digit: \"%.*s\"", (int)shown.length,
                             (const char *)shown.bytes);
        }
        bytes[count++] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    *length = count;
    return KMB_OK;
}

static bool octal_digit(struct slice text, size_t at, uint8_t most) {
    return at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= most;
}

static bool bytea_parse_escape(struct slice text, uint8_t *bytes, size_t *length) {
    size_t count = 0;
    for (size_t at = 0; at < text.length;) {
        if (text.bytes[at] != '\\') {
            bytes[count++] = text.bytes[at++];
        } else if (at + 1 < text.length && text.bytes[at + 1] == '\\') {
            bytes[count++] = '\\';
            at += 2;
        } else if (octal_digit(text, at + 1, '3') && octal_digit(text, at + 2, '7') && octal_digit(text, at + 3, '7')) {
            bytes[count++] = (uint8_t)((text.bytes[at + 1] - '0') * 64 + (text.bytes[at + 2] - '0') * 8 +
                                       (text.bytes[at + 3] - '0'));
            at += 4;
        } else {
            return false;
        }
    }
    *length = count;
    return true;
}

enum kmb_status value_parse_bytea(struct slice text, struct arena *arena, struct slice *out, struct kmb_error *error) {
    size_t length = 0;
    uint8_t *bytes = arena_alloc(arena, text.length + 1); /* never more than the text */
    if (bytes == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (text.length >= 2 && text.bytes[0] == '\\' && text.bytes[1] == 'x') {
        enum kmb_status status = bytea_parse_hex(text, bytes, &length, error);
        if (status != KMB_OK) {
            return status;
        }
    } else if (!bytea_parse_escape(text, bytes, &length)) {
        return error_set(error, KMB_INVALID_TEXT, "invalid input syntax for type bytea");
    }
    *out = slice_make(bytes, length);
    return KMB_OK;
}

static void bytea_print(struct slice bytes, struct buffer *out) {
    static const char digits[] = "0123456789abcdef";
    buffer_append(out, "\\x", 2);
    uint8_t *room = buffer_extend(out, bytes.length * 2);
    for (size_t i = 0; room != NULL && i < bytes.length; i++) {
        room[2 * i] = (uint8_t)digits[bytes.bytes[i] >> 4];
        room[2 * i + 1] = (uint8_t)digits[bytes.bytes[i] & 15];
    }
}

/* --- PostgreSQL's own: name, "char", oid --- */

struct slice value_name_of(struct slice text) {
    size_t length = text.length < TYPE_NAME_BYTES_MAX ? text.length : TYPE_NAME_BYTES_MAX;
    while (length < text.length && length > 0 && (text.bytes[length] & 0xc0) == 0x80) { /* inside a character */
        length--;
    }
    return slice_make(text.bytes, length);
}

#define FOUR(n)    (n), (n) + 1, (n) + 2, (n) + 3
#define SIXTEEN(n) FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
static const uint8_t ascii[] = {SIXTEEN(0),  SIXTEEN(16), SIXTEEN(32), SIXTEEN(48),
                                SIXTEEN(64), SIXTEEN(80), SIXTEEN(96), SIXTEEN(112)};

/* The byte that \ooo stands for, as PostgreSQL's charin() reads it; -1: it is none. */
static int octal_of(struct slice text) {
    int value = 0;
    if (text.length != 4 || text.bytes[0] != '\\') {
        return -1;
    }
    for (size_t i = 1; i < 4; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '7') {
            return -1;
        }
        value = value * 8 + (text.bytes[i] - '0');
    }
    return value % 256;
}

enum kmb_status value_char_of(struct slice text, struct slice *out, struct kmb_error *error) {
    int octal = octal_of(text);
    if (octal >= 0 && octal < 0x80) {
        *out = slice_make(ascii + octal, octal == 0 ? 0 : 1);
        return KMB_OK;
    }
    if (octal >= 0x80 || (text.length > 0 && text.bytes[0] >= 0x80)) {
        return error_set(error, KMB_UNSUPPORTED, "a \"char\" beyond ASCII is not supported");
    }
    *out = slice_make(text.bytes, text.length > 0 ? 1 : 0);
    return KMB_OK;
}

/* strtoul's way: a sign is taken, and what fits a signed or an unsigned number of 32 bits is kept in those bits. */
static enum kmb_status value_parse_oid(struct slice text, int64_t *out, struct kmb_error *error) {
    int64_t number = 0;
    struct kmb_error unread = {0};
    enum kmb_status status = value_parse_integer(TYPE_INT8, text, &number, &unread);
    int shown = (int)(text.length < 100 ? text.length : 100);
    if (status == KMB_INVALID_TEXT) {
        return error_set(error, status, "invalid input syntax for type oid: \"%.*s\"", shown, (const char *)text.bytes);
    }
    if (status != KMB_OK || number < INT32_MIN || number > UINT32_MAX) {
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "value \"%.*s\" is out of range for type oid", shown,
                         (const char *)text.bytes);
    }
    *out = number & UINT32_MAX;
    return KMB_OK;
}

/* --- all types --- */

static enum kmb_status jsonb_parse(struct slice text, struct arena *arena, struct slice *out, struct kmb_error *error) {
    struct buffer buffer = {0};
    enum kmb_status status = json_normalize(text, arena, &buffer, error);
    if (status == KMB_OK) {
        *out = arena_dup_slice(arena, buffer_slice(&buffer));
        if (out->bytes == NULL) {
            status = error_set(error, KMB_NO_MEMORY, "out of memory");
        }
    }
    buffer_free(&buffer);
    return status;
}

static enum kmb_status value_parse_plain(struct type type, struct slice text, const struct datetime_context *context,
                                         struct arena *arena, struct value *out, struct kmb_error *error) {
    switch (type.id) {
    case TYPE_BOOL:
        return value_parse_bool(text, &out->as.boolean, error);
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        return value_parse_integer(type.id, text, &out->as.integer, error);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return value_parse_real(type.id, text, &out->as.real, error);
    case TYPE_NUMERIC:
        return decimal_parse(text, &out->as.decimal, error);
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_UNKNOWN:
        out->as.bytes = text;
        return KMB_OK;
    case TYPE_NAME:
        out->as.bytes = value_name_of(text);
        return KMB_OK;
    case TYPE_CHAR:
        return value_char_of(text, &out->as.bytes, error);
    case TYPE_OID:
        return value_parse_oid(text, &out->as.integer, error);
    case TYPE_BYTEA:
        return value_parse_bytea(text, arena, &out->as.bytes, error);
    case TYPE_DATE:
        return date_parse(text, context, &out->as.integer, error);
    case TYPE_TIME:
        return time_parse(text, context, &out->as.integer, error);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return timestamp_parse(text, type.id == TYPE_TIMESTAMPTZ, context, &out->as.timestamp, error);
    case TYPE_INTERVAL:
        return interval_read(text,
                             context == NULL ? INTERVAL_STYLE_POSTGRES : (enum interval_style)context->style.intervals,
                             type.modifier, &out->as.interval, error);
    case TYPE_UUID:
        return uuid_parse(text, out->as.uuid, error);
    case TYPE_JSON:
        out->as.bytes = text;
        return json_validate(text, error);
    case TYPE_JSONB:
        return jsonb_parse(text, arena, &out->as.bytes, error);
    default:
        break;
    }
    UNREACHABLE("type of an input");
}

enum kmb_status value_parse(struct type type, struct slice text, const struct datetime_context *context,
                            struct arena *arena, struct value *out, struct kmb_error *error) {
    struct value value = {.type = type.id};
    enum kmb_status status = utf8_check(text, error);
    if (status == KMB_OK && type_is_label(type_element(type.id))) {
        return error_set(error, KMB_UNSUPPORTED, "%s are read where the catalogue is known",
                         type_is_enum(type_element(type.id)) ? "labels of an enum type" : "names of objects");
    }
    if (status == KMB_OK && type_is_array(type.id)) {
        return array_parse(type, text, context, arena, out, error);
    }
    if (status == KMB_OK) {
        status = value_parse_plain(type, text, context, arena, &value, error);
    }
    if (status == KMB_OK && (type.modifier >= 0 || type_is_string(type.id))) {
        status = value_apply_modifier(type, false, &value, arena, &value, error);
    }
    if (status == KMB_OK) {
        *out = value;
    }
    return status;
}

/* Bytes as bytea_output escape has them: what is printed stands, a backslash twice, others in octal. */
void value_print_escaped(struct slice bytes, struct buffer *out) {
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t byte = bytes.bytes[i];
        if (byte == '\\') {
            buffer_append_text(out, "\\\\");
        } else if (byte < 0x20 || byte > 0x7e) {
            buffer_printf(out, "\\%03o", byte);
        } else {
            buffer_append_byte(out, byte);
        }
    }
}

void value_print(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    char text[INTERVAL_TEXT_SIZE > DECIMAL_TEXT_SIZE ? INTERVAL_TEXT_SIZE : DECIMAL_TEXT_SIZE];
    size_t length = 0;
    if (value->is_null) {
        return;
    }
    if (type_is_array(value->type)) {
        array_print(value, context, out);
        return;
    }
    switch (type_kind(value->type)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        buffer_append_slice(out, value_label_name(value->as.bytes));
        return;
    case TYPE_BOOL:
        buffer_append_byte(out, value->as.boolean ? 't' : 'f');
        return;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        length = value_format_integer(value->as.integer, text);
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        length = value_format_real(value->type, value->as.real, text);
        break;
    case TYPE_NUMERIC:
        length = decimal_format(value->as.decimal, text);
        break;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_JSON:
    case TYPE_JSONB:
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_UNKNOWN:
        buffer_append_slice(out, value->as.bytes);
        return;
    case TYPE_BYTEA:
        if (context != NULL && context->style.bytea_escape) {
            value_print_escaped(value->as.bytes, out);
        } else {
            bytea_print(value->as.bytes, out);
        }
        return;
    case TYPE_DATE:
        length = date_print(value->as.integer, context == NULL ? NULL : &context->style, text);
        break;
    case TYPE_TIME:
        length = time_format(value->as.integer, text);
        break;
    case TYPE_TIMESTAMP:
        length = timestamp_print(value->as.timestamp, context, false, text);
        break;
    case TYPE_TIMESTAMPTZ:
        length = timestamp_print(value->as.timestamp, context, true, text);
        break;
    case TYPE_INTERVAL:
        length = interval_print(
            value->as.interval,
            context == NULL ? INTERVAL_STYLE_POSTGRES : (enum interval_style)context->style.intervals, text);
        break;
    case TYPE_UUID:
        uuid_format(value->as.uuid, text);
        length = UUID_TEXT_SIZE - 1;
        break;
    default:
        UNREACHABLE("type of a value");
    }
    buffer_append(out, text, length);
}

void value_print_short(const struct value *value, struct buffer *out) {
    if (value->is_null) {
        buffer_append_text(out, "null");
        return;
    }
    if (!type_is_borrowed(value->type) || type_is_enum(value->type)) {
        value_print(value, NULL, out);
        return;
    }
    if (type_is_array(value->type)) {
        struct buffer text = {0};
        value_print(value, NULL, &text);
        struct value printed = value_text(buffer_slice(&text));
        value_print_short(&printed, out);
        out->failed = out->failed || text.failed;
        buffer_free(&text);
        return;
    }
    bool bytea = value->type == TYPE_BYTEA;
    size_t most = bytea ? SHORT_MAX / 2 : SHORT_MAX;
    struct slice whole = value->as.bytes;
    struct value head = *value;
    head.as.bytes = bytea ? slice_make(whole.bytes, whole.length < most ? whole.length : most) : utf8_cut(whole, most);
    value_print(&head, NULL, out);
    if (head.as.bytes.length < whole.length) {
        buffer_append_text(out, "...");
    }
}
