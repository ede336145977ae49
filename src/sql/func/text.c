/*
 * Text functions, on UTF-8: positions and lengths count characters (code points), as in a PostgreSQL database of
 * encoding UTF8. Case mapping is Unicode's simple one (one code point to one). A result borrows its argument's bytes
 * where it is a part of them, and else lives in the call's arena.
 */
#include <utf8proc.h>

#include "sql/func/like.h"
#include "sql/func/loops.h"
#include "types/utf8.h"

#define SHARP_S        0xDF
#define TEXT_BYTES_MAX ((uint64_t)1 << 30) /* PostgreSQL's limit of a value: 1 GiB */

/* Bytes of the character at the start of bytes[0..left). */
static size_t text_character_bytes(const uint8_t *bytes, size_t left) {
    size_t length = 1;
    while (length < left && (bytes[length] & 0xC0) == 0x80) {
        length++;
    }
    return length;
}

static struct slice part(struct slice text, size_t from, size_t to) {
    return slice_make(text.length == 0 ? text.bytes : text.bytes + from, to - from);
}

static int32_t decode(struct slice text, size_t offset, size_t *length) {
    utf8proc_int32_t point = 0;
    utf8proc_ssize_t used = utf8proc_iterate(text.bytes + offset, (utf8proc_ssize_t)(text.length - offset), &point);
    *length = used <= 0 ? 1 : (size_t)used;
    return used <= 0 ? -1 : point;
}

enum mapping { MAPPING_UPPER, MAPPING_LOWER, MAPPING_INITCAP };

static bool word_character(int32_t point) {
    utf8proc_category_t category = utf8proc_category(point);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) || category == UTF8PROC_CATEGORY_ND ||
           category == UTF8PROC_CATEGORY_NL;
}

static struct slice map_case(const struct sql_call *call, struct slice text, enum mapping mapping) {
    /* Simple mappings lengthen a character by at most one byte in two. */
    uint8_t *target = result_bytes(call, text.length * 2);
    size_t length = 0;
    bool in_word = false;
    for (size_t offset = 0; offset < text.length;) {
        uint8_t byte = text.bytes[offset];
        bool upper = mapping == MAPPING_UPPER || (mapping == MAPPING_INITCAP && !in_word);
        if (byte < 0x80) {
            bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
            in_word = letter || (byte >= '0' && byte <= '9');
            target[length++] = !letter ? byte : upper ? (uint8_t)(byte & ~0x20) : (uint8_t)(byte | 0x20);
            offset++;
            continue;
        }
        size_t used = 0;
        int32_t point = decode(text, offset, &used);
        if (point < 0) {
            target[length++] = byte;
        } else {
            in_word = word_character(point);
            /* The sharp s has a capital of one code point, but nobody writes it: it stays, as in the C library. */
            point = upper && point != SHARP_S ? utf8proc_toupper(point) : utf8proc_tolower(point);
            length += (size_t)utf8proc_encode_char(point, target + length);
        }
        offset += used;
    }
    return slice_make(target, length);
}

static struct slice text_lower(const struct sql_call *call, struct slice text) {
    return map_case(call, text, MAPPING_LOWER);
}

static void fn_upper(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = map_case(call, ARGUMENT_BYTES(0, row), MAPPING_UPPER);
    }
}

static void fn_lower(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = map_case(call, ARGUMENT_BYTES(0, row), MAPPING_LOWER);
    }
}

static void fn_initcap(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = map_case(call, ARGUMENT_BYTES(0, row), MAPPING_INITCAP);
    }
}

static void fn_length(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = (int64_t)utf8_length(ARGUMENT_BYTES(0, row));
    }
}

static void fn_octet_length(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = (int64_t)ARGUMENT_BYTES(0, row).length;
    }
}

static void fn_bit_length(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = (int64_t)ARGUMENT_BYTES(0, row).length * 8;
    }
}

/* Whether the character text[offset..offset+length) is one of set's. */
static bool in_set(struct slice set, const uint8_t *character, size_t length) {
    for (size_t offset = 0; offset < set.length;) {
        size_t step = text_character_bytes(set.bytes + offset, set.length - offset);
        if (step == length && memcmp(set.bytes + offset, character, length) == 0) {
            return true;
        }
        offset += step;
    }
    return false;
}

static struct slice trim(struct slice text, struct slice set, bool front, bool back) {
    size_t from = 0;
    size_t to = text.length;
    while (front && from < to) {
        size_t step = text_character_bytes(text.bytes + from, to - from);
        if (!in_set(set, text.bytes + from, step)) {
            break;
        }
        from += step;
    }
    while (back && to > from) {
        size_t start = to - 1;
        while (start > from && (text.bytes[start] & 0xC0) == 0x80) {
            start--;
        }
        if (!in_set(set, text.bytes + start, to - start)) {
            break;
        }
        to = start;
    }
    return part(text, from, to);
}

static void trim_rows(SCALAR_PARAMETERS, bool front, bool back) {
    struct slice blank = slice_make(" ", 1);
    EACH_ROW(row) {
        struct slice set = call->argument_count == 2 ? ARGUMENT_BYTES(1, row) : blank;
        result->bytes[row] = trim(ARGUMENT_BYTES(0, row), set, front, back);
    }
}

static void fn_btrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, true, true);
}

static void fn_ltrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, true, false);
}

static void fn_rtrim(SCALAR_PARAMETERS) {
    trim_rows(call, arguments, result, selection, count, false, true);
}

static void fn_join(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice a = ARGUMENT_BYTES(0, row);
        struct slice b = ARGUMENT_BYTES(1, row);
        uint8_t *target = result_bytes(call, a.length + b.length);
        if (a.length > 0) {
            memcpy(target, a.bytes, a.length);
        }
        if (b.length > 0) {
            memcpy(target + a.length, b.bytes, b.length);
        }
        result->bytes[row] = slice_make(target, a.length + b.length);
    }
}

/*
 * The [from, to) part, counted from 0, of SUBSTRING(... FROM start [FOR length]): a start below 1 eats into the length.
 */
static void substring_range(const struct sql_call *call, int64_t start, const int64_t *length, uint64_t *from,
                            uint64_t *to) {
    if (length != NULL && *length < 0) {
        sql_raise(call->context, KMB_SUBSTRING_ERROR, call->position, "negative substring length not allowed");
    }
    int64_t end = length == NULL ? INT64_MAX : start + *length; /* both are int4: no overflow */
    *from = start < 1 ? 0 : (uint64_t)(start - 1);
    *to = end < 1 ? 0 : (uint64_t)(end - 1);
    if (*to < *from) {
        *to = *from;
    }
}

static void fn_substring(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t length = call->argument_count == 3 ? ARGUMENT_INT(2, row) : 0;
        uint64_t from = 0;
        uint64_t to = 0;
        substring_range(call, ARGUMENT_INT(1, row), call->argument_count == 3 ? &length : NULL, &from, &to);
        size_t first = utf8_offset_of(text, from);
        struct slice rest = part(text, first, text.length);
        result->bytes[row] = part(rest, 0, utf8_offset_of(rest, to - from));
    }
}

static void fn_substring_bytes(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice bytes = ARGUMENT_BYTES(0, row);
        int64_t length = call->argument_count == 3 ? ARGUMENT_INT(2, row) : 0;
        uint64_t from = 0;
        uint64_t to = 0;
        substring_range(call, ARGUMENT_INT(1, row), call->argument_count == 3 ? &length : NULL, &from, &to);
        size_t first = from > bytes.length ? bytes.length : (size_t)from;
        size_t last = to > bytes.length ? bytes.length : (size_t)to;
        result->bytes[row] = part(bytes, first, last);
    }
}

/* Byte offset of the first occurrence at or after `from`, or SIZE_MAX. An empty needle is found at once. */
static size_t find(struct slice text, struct slice needle, size_t from) {
    if (needle.length == 0) {
        return from;
    }
    if (text.length - from < needle.length) {
        return SIZE_MAX;
    }
    const uint8_t *at = memmem(text.bytes + from, text.length - from, needle.bytes, needle.length);
    return at == NULL ? SIZE_MAX : (size_t)(at - text.bytes);
}

static void fn_position(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        size_t at = find(text, ARGUMENT_BYTES(1, row), 0);
        result->integer[row] = at == SIZE_MAX ? 0 : (int64_t)utf8_length(part(text, 0, at)) + 1;
    }
}

static void fn_position_bytes(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        size_t at = find(ARGUMENT_BYTES(0, row), ARGUMENT_BYTES(1, row), 0);
        result->integer[row] = at == SIZE_MAX ? 0 : (int64_t)at + 1;
    }
}

static void fn_starts_with(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice prefix = ARGUMENT_BYTES(1, row);
        result->boolean[row] = text.length >= prefix.length && slice_equal(part(text, 0, prefix.length), prefix);
    }
}

static _Noreturn void raise_too_long(const struct sql_call *call) {
    sql_raise(call->context, KMB_LIMIT, call->position, "requested length too large");
}

static void fn_replace(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice from = ARGUMENT_BYTES(1, row);
        struct slice to = ARGUMENT_BYTES(2, row);
        uint64_t hits = 0;
        for (size_t at = 0; from.length > 0 && (at = find(text, from, at)) != SIZE_MAX; at += from.length) {
            hits++;
        }
        if (hits == 0) {
            result->bytes[row] = text;
            continue;
        }
        uint64_t length = text.length - hits * from.length + hits * to.length;
        if (length > TEXT_BYTES_MAX) {
            raise_too_long(call);
        }
        uint8_t *target = result_bytes(call, length);
        size_t used = 0;
        size_t copied = 0;
        for (size_t at = 0; (at = find(text, from, at)) != SIZE_MAX; at += from.length) {
            memcpy(target + used, text.bytes + copied, at - copied);
            used += at - copied;
            if (to.length > 0) {
                memcpy(target + used, to.bytes, to.length);
            }
            used += to.length;
            copied = at + from.length;
        }
        memcpy(target + used, text.bytes + copied, text.length - copied);
        result->bytes[row] = slice_make(target, length);
    }
}

/* translate(text, from, to): each character of from becomes its partner in to, or goes. */
static void fn_translate(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice from = ARGUMENT_BYTES(1, row);
        struct slice to = ARGUMENT_BYTES(2, row);
        uint8_t *target = result_bytes(call, text.length * 4);
        size_t length = 0;
        for (size_t offset = 0; offset < text.length;) {
            size_t step = text_character_bytes(text.bytes + offset, text.length - offset);
            struct slice replacement = part(text, offset, offset + step);
            uint64_t index = 0;
            for (size_t at = 0; at < from.length; index++) {
                size_t width = text_character_bytes(from.bytes + at, from.length - at);
                if (width == step && memcmp(from.bytes + at, text.bytes + offset, step) == 0) {
                    size_t start = utf8_offset_of(to, index);
                    size_t size = start == to.length ? 0 : text_character_bytes(to.bytes + start, to.length - start);
                    replacement = part(to, start, start + size);
                    break;
                }
                at += width;
            }
            if (replacement.length > 0) {
                memcpy(target + length, replacement.bytes, replacement.length);
            }
            length += replacement.length;
            offset += step;
        }
        result->bytes[row] = slice_make(target, length);
    }
}

/* How many characters left(text, n) or right(text, n) keep: a negative n leaves out |n| at the other end. */
static uint64_t kept(struct slice text, int64_t n) {
    if (n >= 0) {
        return (uint64_t)n;
    }
    uint64_t characters = utf8_length(text);
    uint64_t dropped = (uint64_t)-n;
    return characters > dropped ? characters - dropped : 0;
}

static void fn_left(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        result->bytes[row] = part(text, 0, utf8_offset_of(text, kept(text, ARGUMENT_INT(1, row))));
    }
}

static void fn_right(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        uint64_t keep = kept(text, ARGUMENT_INT(1, row));
        uint64_t characters = utf8_length(text);
        result->bytes[row] = part(text, utf8_offset_of(text, keep >= characters ? 0 : characters - keep), text.length);
    }
}

static void pad_rows(SCALAR_PARAMETERS, bool left) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t wanted = ARGUMENT_INT(1, row);
        struct slice fill = call->argument_count == 3 ? ARGUMENT_BYTES(2, row) : slice_make(" ", 1);
        uint64_t characters = utf8_length(text);
        uint64_t width = wanted < 0 ? 0 : (uint64_t)wanted;
        if (width <= characters || fill.length == 0) {
            result->bytes[row] = part(text, 0, utf8_offset_of(text, width));
            continue;
        }
        uint64_t missing = width - characters;
        if (missing * 4 + text.length > TEXT_BYTES_MAX) {
            raise_too_long(call);
        }
        uint64_t fill_characters = utf8_length(fill);
        size_t rest = utf8_offset_of(fill, missing % fill_characters);
        size_t padding = (size_t)(missing / fill_characters) * fill.length + rest;
        uint8_t *target = result_bytes(call, padding + text.length);
        uint8_t *pad = left ? target : target + text.length;
        for (size_t used = 0; used < padding; used += fill.length) {
            memcpy(pad + used, fill.bytes, padding - used < fill.length ? padding - used : fill.length);
        }
        if (text.length > 0) {
            memcpy(left ? target + padding : target, text.bytes, text.length);
        }
        result->bytes[row] = slice_make(target, padding + text.length);
    }
}

static void fn_lpad(SCALAR_PARAMETERS) {
    pad_rows(call, arguments, result, selection, count, true);
}

static void fn_rpad(SCALAR_PARAMETERS) {
    pad_rows(call, arguments, result, selection, count, false);
}

static void fn_repeat(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        int64_t times = ARGUMENT_INT(1, row);
        uint64_t length = times <= 0 ? 0 : (uint64_t)times * text.length; /* int4 x 1 GiB fits */
        if (length > TEXT_BYTES_MAX) {
            raise_too_long(call);
        }
        uint8_t *target = result_bytes(call, length);
        for (size_t used = 0; used < length; used += text.length) {
            memcpy(target + used, text.bytes, text.length);
        }
        result->bytes[row] = slice_make(target, length);
    }
}

static void fn_reverse(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        uint8_t *target = result_bytes(call, text.length);
        size_t end = text.length;
        for (size_t offset = 0; offset < text.length;) {
            size_t step = text_character_bytes(text.bytes + offset, text.length - offset);
            end -= step;
            memcpy(target + end, text.bytes + offset, step);
            offset += step;
        }
        result->bytes[row] = slice_make(target, text.length);
    }
}

/* Field n (from 1, or from the end when negative) of text cut at every delimiter; empty when there is none. */
static struct slice split_part(struct slice text, struct slice delimiter, int64_t n) {
    if (delimiter.length == 0) {
        return n == 1 || n == -1 ? text : slice_make(NULL, 0);
    }
    int64_t fields = 1;
    for (size_t at = 0; n < 0 && (at = find(text, delimiter, at)) != SIZE_MAX; at += delimiter.length) {
        fields++;
    }
    int64_t wanted = n > 0 ? n : fields + n + 1;
    size_t start = 0;
    for (int64_t field = 1; field <= wanted; field++) {
        size_t end = find(text, delimiter, start);
        if (field == wanted) {
            return part(text, start, end == SIZE_MAX ? text.length : end);
        }
        if (end == SIZE_MAX) {
            break;
        }
        start = end + delimiter.length;
    }
    return slice_make(NULL, 0);
}

static void fn_split_part(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t n = ARGUMENT_INT(2, row);
        if (n == 0) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "field position must not be zero");
        }
        result->bytes[row] = split_part(ARGUMENT_BYTES(0, row), ARGUMENT_BYTES(1, row), n);
    }
}

static void fn_ascii(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        size_t length = 0;
        result->integer[row] = text.length == 0 ? 0 : decode(text, 0, &length);
    }
}

static void fn_chr(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t point = ARGUMENT_INT(0, row);
        if (point == 0) {
            sql_raise(call->context, KMB_LIMIT, call->position, "null character not permitted");
        }
        if (point < 0) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "character number must be positive");
        }
        if (point > 0x10FFFF) {
            sql_raise(call->context, KMB_LIMIT, call->position, "requested character too large for encoding: %lld",
                      (long long)point);
        }
        if (!utf8proc_codepoint_valid((utf8proc_int32_t)point)) {
            sql_raise(call->context, KMB_LIMIT, call->position, "requested character not valid for encoding: %lld",
                      (long long)point);
        }
        uint8_t *target = result_bytes(call, 4);
        result->bytes[row] = slice_make(target, (size_t)utf8proc_encode_char((utf8proc_int32_t)point, target));
    }
}

/* overlay(text placing new from start [for length]) */
static void fn_overlay(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice with = ARGUMENT_BYTES(1, row);
        int64_t start = ARGUMENT_INT(2, row);
        int64_t length = call->argument_count == 4 ? ARGUMENT_INT(3, row) : (int64_t)utf8_length(with);
        if (start <= 0) {
            sql_raise(call->context, KMB_SUBSTRING_ERROR, call->position, "negative substring length not allowed");
        }
        if (start + length > INT32_MAX) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "integer out of range");
        }
        size_t head = utf8_offset_of(text, (uint64_t)start - 1);
        int64_t resume = start + length - 1;
        size_t tail = utf8_offset_of(text, resume < 0 ? 0 : (uint64_t)resume);
        size_t size = head + with.length + (text.length - tail);
        uint8_t *target = result_bytes(call, size);
        if (head > 0) {
            memcpy(target, text.bytes, head);
        }
        if (with.length > 0) {
            memcpy(target + head, with.bytes, with.length);
        }
        if (tail < text.length) {
            memcpy(target + head + with.length, text.bytes + tail, text.length - tail);
        }
        result->bytes[row] = slice_make(target, size);
    }
}

static void like_rows(SCALAR_PARAMETERS, bool fold, bool negated) {
    struct like_pattern pattern = {0};
    bool once = arguments[1]->constant;
    bool bad_escape = false;
    if (once && count > 0) {
        struct slice source = ARGUMENT_BYTES(1, 0);
        pattern = like_prepare(fold ? text_lower(call, source) : source);
    }
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        if (!once) {
            struct slice source = ARGUMENT_BYTES(1, row);
            pattern = like_prepare(fold ? text_lower(call, source) : source);
        }
        result->boolean[row] = like_match(&pattern, fold ? text_lower(call, text) : text, &bad_escape) != negated;
    }
    if (bad_escape) {
        sql_raise(call->context, KMB_INVALID_ESCAPE, call->position, "LIKE pattern must not end with escape character");
    }
}

static void fn_like(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, false, false);
}

static void fn_not_like(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, false, true);
}

static void fn_ilike(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, true, false);
}

static void fn_not_ilike(SCALAR_PARAMETERS) {
    like_rows(call, arguments, result, selection, count, true, true);
}

/* like_escape(pattern, escape): the same pattern with \ as its escape character. */
static void fn_like_escape(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice pattern = ARGUMENT_BYTES(0, row);
        struct slice escape = ARGUMENT_BYTES(1, row);
        if (utf8_length(escape) > 1) {
            sql_raise_with(call->context, KMB_INVALID_ESCAPE, call->position, NULL,
                           "Escape string must be empty or one character.", "invalid escape string");
        }
        uint8_t *target = result_bytes(call, pattern.length * 2);
        size_t length = 0;
        bool after_escape = false;
        for (size_t offset = 0; offset < pattern.length;) {
            size_t step = text_character_bytes(pattern.bytes + offset, pattern.length - offset);
            struct slice character = part(pattern, offset, offset + step);
            offset += step;
            if (escape.length > 0 && slice_equal(character, escape) && !after_escape) {
                target[length++] = '\\';
                after_escape = true;
                continue;
            }
            if (character.bytes[0] == '\\' && !after_escape) {
                target[length++] = '\\';
            }
            memcpy(target + length, character.bytes, step);
            length += step;
            after_escape = false;
        }
        result->bytes[row] = slice_make(target, length);
    }
}

static const struct sql_function text_rows[] = {
    FN("ascii", fn_ascii, TYPE_INT4, "code point of the first character", TYPE_TEXT),
    FN("bit_length", fn_bit_length, TYPE_INT4, "length in bits", TYPE_TEXT),
    FN("bit_length", fn_bit_length, TYPE_INT4, "length in bits", TYPE_BYTEA),
    FN("btrim", fn_btrim, TYPE_TEXT, "without blanks at both ends", TYPE_TEXT),
    FN("btrim", fn_btrim, TYPE_TEXT, "without the given characters at both ends", TYPE_TEXT, TYPE_TEXT),
    FN("char_length", fn_length, TYPE_INT4, "length in characters", TYPE_TEXT),
    FN("character_length", fn_length, TYPE_INT4, "length in characters", TYPE_TEXT),
    FN("chr", fn_chr, TYPE_TEXT, "character of a code point", TYPE_INT4),
    FN("initcap", fn_initcap, TYPE_TEXT, "each word with a capital first letter", TYPE_TEXT),
    FN("left", fn_left, TYPE_TEXT, "first n characters; all but the last |n| when negative", TYPE_TEXT, TYPE_INT4),
    FN("length", fn_length, TYPE_INT4, "length in characters", TYPE_TEXT),
    FN("length", fn_octet_length, TYPE_INT4, "length in bytes", TYPE_BYTEA),
    FN("like_escape", fn_like_escape, TYPE_TEXT, "LIKE pattern with another escape character", TYPE_TEXT, TYPE_TEXT),
    FN("lower", fn_lower, TYPE_TEXT, "in lower case", TYPE_TEXT),
    FN("lpad", fn_lpad, TYPE_TEXT, "filled with blanks on the left, or cut, to a length", TYPE_TEXT, TYPE_INT4),
    FN("lpad", fn_lpad, TYPE_TEXT, "filled on the left, or cut, to a length", TYPE_TEXT, TYPE_INT4, TYPE_TEXT),
    FN("ltrim", fn_ltrim, TYPE_TEXT, "without blanks at the start", TYPE_TEXT),
    FN("ltrim", fn_ltrim, TYPE_TEXT, "without the given characters at the start", TYPE_TEXT, TYPE_TEXT),
    FN("octet_length", fn_octet_length, TYPE_INT4, "length in bytes", TYPE_TEXT),
    FN("octet_length", fn_octet_length, TYPE_INT4, "length in bytes, padding included", TYPE_BPCHAR),
    FN("octet_length", fn_octet_length, TYPE_INT4, "length in bytes", TYPE_BYTEA),
    FN("overlay", fn_overlay, TYPE_TEXT, "with a part replaced, from a place on", TYPE_TEXT, TYPE_TEXT, TYPE_INT4),
    FN("overlay", fn_overlay, TYPE_TEXT, "with a part of a length replaced, from a place on", TYPE_TEXT, TYPE_TEXT,
       TYPE_INT4, TYPE_INT4),
    FN("position", fn_position, TYPE_INT4, "place of the second text in the first, 0 when absent", TYPE_TEXT,
       TYPE_TEXT),
    FN("position", fn_position_bytes, TYPE_INT4, "place of the second in the first, 0 when absent", TYPE_BYTEA,
       TYPE_BYTEA),
    FN("repeat", fn_repeat, TYPE_TEXT, "n times in a row", TYPE_TEXT, TYPE_INT4),
    FN("replace", fn_replace, TYPE_TEXT, "with every occurrence replaced", TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
    FN("reverse", fn_reverse, TYPE_TEXT, "characters in reverse order", TYPE_TEXT),
    FN("right", fn_right, TYPE_TEXT, "last n characters; all but the first |n| when negative", TYPE_TEXT, TYPE_INT4),
    FN("rpad", fn_rpad, TYPE_TEXT, "filled with blanks on the right, or cut, to a length", TYPE_TEXT, TYPE_INT4),
    FN("rpad", fn_rpad, TYPE_TEXT, "filled on the right, or cut, to a length", TYPE_TEXT, TYPE_INT4, TYPE_TEXT),
    FN("rtrim", fn_rtrim, TYPE_TEXT, "without blanks at the end", TYPE_TEXT),
    FN("rtrim", fn_rtrim, TYPE_TEXT, "without the given characters at the end", TYPE_TEXT, TYPE_TEXT),
    FN("split_part", fn_split_part, TYPE_TEXT, "field n between delimiters; from the end when negative", TYPE_TEXT,
       TYPE_TEXT, TYPE_INT4),
    FN("starts_with", fn_starts_with, TYPE_BOOL, "whether the text begins with a prefix", TYPE_TEXT, TYPE_TEXT),
    FN("strpos", fn_position, TYPE_INT4, "place of the second text in the first, 0 when absent", TYPE_TEXT, TYPE_TEXT),
    FN("substr", fn_substring, TYPE_TEXT, "part from a place on", TYPE_TEXT, TYPE_INT4),
    FN("substr", fn_substring, TYPE_TEXT, "part of a length from a place on", TYPE_TEXT, TYPE_INT4, TYPE_INT4),
    FN("substr", fn_substring_bytes, TYPE_BYTEA, "part from a place on", TYPE_BYTEA, TYPE_INT4),
    FN("substr", fn_substring_bytes, TYPE_BYTEA, "part of a length from a place on", TYPE_BYTEA, TYPE_INT4, TYPE_INT4),
    FN("substring", fn_substring, TYPE_TEXT, "part from a place on", TYPE_TEXT, TYPE_INT4),
    FN("substring", fn_substring, TYPE_TEXT, "part of a length from a place on", TYPE_TEXT, TYPE_INT4, TYPE_INT4),
    FN("substring", fn_substring_bytes, TYPE_BYTEA, "part from a place on", TYPE_BYTEA, TYPE_INT4),
    FN("substring", fn_substring_bytes, TYPE_BYTEA, "part of a length from a place on", TYPE_BYTEA, TYPE_INT4,
       TYPE_INT4),
    FN("translate", fn_translate, TYPE_TEXT, "each character of the second text replaced by its partner in the third",
       TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
    FN("upper", fn_upper, TYPE_TEXT, "in upper case", TYPE_TEXT),
    OP("||", fn_join, TYPE_TEXT, "joined", TYPE_TEXT, TYPE_TEXT),
    OP("||", fn_join, TYPE_BYTEA, "joined", TYPE_BYTEA, TYPE_BYTEA),
    OP("~~", fn_like, TYPE_BOOL, "LIKE", TYPE_TEXT, TYPE_TEXT),
    OP("~~", fn_like, TYPE_BOOL, "LIKE", TYPE_BPCHAR, TYPE_TEXT),
    OP("!~~", fn_not_like, TYPE_BOOL, "NOT LIKE", TYPE_TEXT, TYPE_TEXT),
    OP("!~~", fn_not_like, TYPE_BOOL, "NOT LIKE", TYPE_BPCHAR, TYPE_TEXT),
    OP("~~*", fn_ilike, TYPE_BOOL, "ILIKE", TYPE_TEXT, TYPE_TEXT),
    OP("~~*", fn_ilike, TYPE_BOOL, "ILIKE", TYPE_BPCHAR, TYPE_TEXT),
    OP("!~~*", fn_not_ilike, TYPE_BOOL, "NOT ILIKE", TYPE_TEXT, TYPE_TEXT),
    OP("!~~*", fn_not_ilike, TYPE_BOOL, "NOT ILIKE", TYPE_BPCHAR, TYPE_TEXT),
};

struct function_rows function_rows_text(void) {
    return FUNCTION_ROWS(text_rows);
}
