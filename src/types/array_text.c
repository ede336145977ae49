/*
 * Arrays as text: '{1,2,NULL}', '{{a},{"b c"}}', '[0:1]={1,2}'.
 *
 * Reading is one pass over tokens: a brace, a comma, an element. What may follow what is a small table of states; the
 * shape grows as braces close: the first array of a level says how long those beside it must be. The details of errors
 * are those of PostgreSQL 15, which names the first character that can not stand where it is.
 */
#include "types/array.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "types/utf8.h"

#define SHOWN_MAX 200 /* bytes of a bad input in a message */

static bool is_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* What was read last. */
enum array_state {
    STATE_START,
    STATE_OPENED,           /* { */
    STATE_ELEMENT,          /* an element */
    STATE_DELIMITED,        /* a comma behind an element */
    STATE_CLOSED,           /* } */
    STATE_CLOSED_DELIMITED, /* a comma behind } */
};

struct array_reader {
    struct slice text;
    size_t at;
    struct type element;
    const struct datetime_context *context;
    struct arena *arena;
    struct kmb_error *error;
    enum kmb_status status;
    enum array_state state;
    uint32_t depth;
    uint32_t deepest;
    int32_t lengths[ARRAY_DIMENSIONS_MAX]; /* -1: not known yet */
    int32_t counts[ARRAY_DIMENSIONS_MAX];  /* in the array that is open at this depth */
    struct value *elements;
    uint32_t count;
    uint32_t capacity;
};

/* --- errors --- */

static bool reader_malformed(struct array_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool reader_malformed(struct array_reader *reader, const char *format, ...) {
    char detail[160];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct slice text = reader->text;
    reader->status = error_set(reader->error, KMB_INVALID_TEXT, "malformed array literal: \"%.*s\"",
                               (int)(text.length < SHOWN_MAX ? text.length : utf8_cut(text, SHOWN_MAX / 4).length),
                               (const char *)text.bytes);
    (void)error_detail(reader->error, "%s", detail);
    return false;
}

static bool reader_character(struct array_reader *reader, char character) {
    return reader_malformed(reader, "Unexpected \"%c\" character.", character);
}

static bool reader_no_memory(struct array_reader *reader) {
    reader->status = error_set(reader->error, KMB_NO_MEMORY, "out of memory");
    return false;
}

static bool reader_too_deep(struct array_reader *reader, uint32_t dimensions) {
    reader->status =
        error_set(reader->error, KMB_LIMIT, "number of array dimensions (%u) exceeds the maximum allowed (%d)",
                  dimensions, ARRAY_DIMENSIONS_MAX);
    return false;
}

/* --- the text --- */

/* 0 at the end, which no text holds. */
static uint8_t reader_peek(const struct array_reader *reader) {
    return reader->at < reader->text.length ? reader->text.bytes[reader->at] : 0;
}

static void reader_skip_blanks(struct array_reader *reader) {
    while (is_blank(reader_peek(reader))) {
        reader->at++;
    }
}

/* Digits and signs, read as far as they make a number, as atoi() does. */
static bool reader_bound(struct array_reader *reader, int32_t *bound) {
    char digits[24];
    size_t length = 0;
    for (;; reader->at++) {
        uint8_t byte = reader_peek(reader);
        if ((byte < '0' || byte > '9') && byte != '-' && byte != '+') {
            break;
        }
        if (length + 1 < sizeof(digits)) {
            digits[length++] = (char)byte;
        }
    }
    digits[length] = 0;
    long number = strtol(digits, NULL, 10);
    *bound = (int32_t)(number > INT32_MAX ? INT32_MAX : number < INT32_MIN ? INT32_MIN : number);
    return length > 0;
}

/* "[2:4][0:1]=": the bounds that are written before the braces. */
static bool reader_dimensions(struct array_reader *reader, struct array_shape *shape) {
    for (reader_skip_blanks(reader); reader_peek(reader) == '['; reader_skip_blanks(reader)) {
        if (shape->dimensions == ARRAY_DIMENSIONS_MAX) {
            return reader_too_deep(reader, shape->dimensions + 1);
        }
        reader->at++;
        int32_t lower = 1;
        int32_t upper;
        if (!reader_bound(reader, &upper)) {
            return reader_malformed(reader, "\"[\" must introduce explicitly-specified array dimensions.");
        }
        if (reader_peek(reader) == ':') {
            reader->at++;
            lower = upper;
            if (!reader_bound(reader, &upper)) {
                return reader_malformed(reader, "Missing array dimension value.");
            }
        }
        if (reader_peek(reader) != ']') {
            return reader_malformed(reader, "Missing \"]\" after array dimensions.");
        }
        reader->at++;
        if (upper < lower) {
            reader->status =
                error_set(reader->error, KMB_ARRAY_SUBSCRIPT, "upper bound cannot be less than lower bound");
            return false;
        }
        int64_t length = (int64_t)upper - lower + 1;
        shape->lowers[shape->dimensions] = lower;
        shape->lengths[shape->dimensions++] = (int32_t)(length > INT32_MAX ? INT32_MAX : length);
    }
    if (shape->dimensions == 0) {
        return reader_peek(reader) == '{' ||
               reader_malformed(reader, "Array value must start with \"{\" or dimension information.");
    }
    if (reader_peek(reader) != '=') {
        return reader_malformed(reader, "Missing \"=\" after array dimensions.");
    }
    reader->at++;
    reader_skip_blanks(reader);
    return reader_peek(reader) == '{' || reader_malformed(reader, "Array contents must start with \"{\".");
}

/* --- elements --- */

static bool reader_append(struct array_reader *reader, const struct value *value) {
    if (reader->count == reader->capacity) {
        uint32_t capacity = reader->capacity == 0 ? 16 : reader->capacity * 2;
        struct value *grown = arena_alloc(reader->arena, sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            return reader_no_memory(reader);
        }
        if (reader->count > 0) {
            memcpy(grown, reader->elements, sizeof(*grown) * reader->count);
        }
        reader->elements = grown;
        reader->capacity = capacity;
    }
    if (reader->count == ARRAY_ELEMENTS_MAX) {
        reader->status =
            error_set(reader->error, KMB_LIMIT, "array size exceeds the maximum allowed (%d)", ARRAY_ELEMENTS_MAX);
        return false;
    }
    reader->elements[reader->count++] = *value;
    return true;
}

/* "..." from behind its first quote: ends behind the last. */
static bool reader_quoted(struct array_reader *reader, uint8_t *bytes, size_t *length) {
    for (reader->at++;; reader->at++) {
        uint8_t byte = reader_peek(reader);
        if (byte == '\\') {
            reader->at++;
            byte = reader_peek(reader);
        } else if (byte == '"') {
            reader->at++;
            return true;
        }
        if (byte == 0) {
            return reader_malformed(reader, "Unexpected end of input.");
        }
        bytes[(*length)++] = byte;
    }
}

/* Without quotes: up to a comma or a brace, blanks at the end dropped unless escaped. */
static bool reader_plain(struct array_reader *reader, uint8_t *bytes, size_t *length, bool *escaped) {
    size_t kept = 0;
    for (;; reader->at++) {
        uint8_t byte = reader_peek(reader);
        if (byte == 0) {
            return reader_malformed(reader, "Unexpected end of input.");
        }
        if (byte == '"') {
            return reader_malformed(reader, "Unexpected array element.");
        }
        if (byte == '{') {
            return reader_character(reader, '{');
        }
        if (byte == ',' || byte == '}') {
            *length = kept;
            return true;
        }
        bool escape = byte == '\\';
        if (escape) {
            *escaped = true;
            reader->at++;
            byte = reader_peek(reader);
            if (byte == 0) {
                return reader_malformed(reader, "Unexpected end of input.");
            }
        }
        bytes[(*length)++] = byte;
        kept = escape || !is_blank(byte) ? *length : kept;
    }
}

static bool is_null_word(const uint8_t *bytes, size_t length) {
    return length == 4 && (bytes[0] | 0x20) == 'n' && (bytes[1] | 0x20) == 'u' && (bytes[2] | 0x20) == 'l' &&
           (bytes[3] | 0x20) == 'l';
}

/* Bytes that one element can take at most: up to the end of its text. */
static size_t reader_element_room(const struct array_reader *reader) {
    bool quoted = reader_peek(reader) == '"';
    size_t at = reader->at + (quoted ? 1 : 0);
    for (; at < reader->text.length; at++) {
        uint8_t byte = reader->text.bytes[at];
        if (byte == '\\') {
            at++;
        } else if (quoted ? byte == '"' : byte == ',' || byte == '}') {
            break;
        }
    }
    return at - reader->at + 1;
}

static bool reader_element(struct array_reader *reader) {
    if (reader->state != STATE_OPENED && reader->state != STATE_DELIMITED) {
        uint8_t byte = reader_peek(reader);
        return byte == '\\' ? reader_character(reader, '\\') : reader_malformed(reader, "Unexpected array element.");
    }
    uint8_t *bytes = arena_alloc(reader->arena, reader_element_room(reader));
    if (bytes == NULL) {
        return reader_no_memory(reader);
    }
    size_t length = 0;
    bool quoted = reader_peek(reader) == '"';
    bool good = quoted ? reader_quoted(reader, bytes, &length) : reader_plain(reader, bytes, &length, &quoted);
    if (!good) {
        return false;
    }
    struct value value = value_null(reader->element.id);
    if (quoted || !is_null_word(bytes, length)) {
        reader->status = value_parse(reader->element, slice_make(bytes, length), reader->context, reader->arena, &value,
                                     reader->error);
    }
    reader->counts[reader->depth - 1]++;
    reader->state = STATE_ELEMENT;
    return reader->status == KMB_OK && reader_append(reader, &value);
}

/* --- structure --- */

static bool reader_open(struct array_reader *reader) {
    if (reader->state != STATE_START && reader->state != STATE_OPENED && reader->state != STATE_CLOSED_DELIMITED) {
        return reader_character(reader, '{');
    }
    if (reader->depth == ARRAY_DIMENSIONS_MAX) {
        return reader_too_deep(reader, reader->depth + 1);
    }
    reader->counts[reader->depth++] = 0;
    reader->deepest = reader->depth > reader->deepest ? reader->depth : reader->deepest;
    reader->state = STATE_OPENED;
    reader->at++;
    return true;
}

static bool reader_close(struct array_reader *reader) {
    bool empty = reader->state == STATE_OPENED && reader->depth == 1;
    if (reader->state != STATE_ELEMENT && reader->state != STATE_CLOSED && !empty) {
        return reader_character(reader, '}');
    }
    uint32_t depth = --reader->depth;
    bool uneven = reader->lengths[depth] >= 0 && reader->lengths[depth] != reader->counts[depth];
    if (uneven || (reader->state == STATE_ELEMENT && depth + 1 < reader->deepest)) {
        return reader_malformed(reader, "Multidimensional arrays must have sub-arrays with matching dimensions.");
    }
    reader->lengths[depth] = reader->counts[depth];
    if (depth > 0) {
        reader->counts[depth - 1]++;
    }
    reader->state = STATE_CLOSED;
    reader->at++;
    return true;
}

static bool reader_comma(struct array_reader *reader) {
    if (reader->state != STATE_ELEMENT && reader->state != STATE_CLOSED) {
        return reader_character(reader, ',');
    }
    reader->state = reader->state == STATE_CLOSED ? STATE_CLOSED_DELIMITED : STATE_DELIMITED;
    reader->at++;
    return true;
}

/* From the first brace to the end of the text. */
static bool reader_contents(struct array_reader *reader) {
    do {
        reader_skip_blanks(reader);
        uint8_t byte = reader_peek(reader);
        bool good = byte == 0     ? reader_malformed(reader, "Unexpected end of input.")
                    : byte == '{' ? reader_open(reader)
                    : byte == '}' ? reader_close(reader)
                    : byte == ',' ? reader_comma(reader)
                                  : reader_element(reader);
        if (!good) {
            return false;
        }
    } while (reader->depth > 0);
    reader_skip_blanks(reader);
    return reader->at == reader->text.length || reader_malformed(reader, "Junk after closing right brace.");
}

/* The shape that the braces make; one that was written must be the same. */
static bool reader_shape(struct array_reader *reader, struct array_shape *shape) {
    uint32_t dimensions = reader->count == 0 ? 0 : reader->deepest;
    bool written = shape->dimensions > 0;
    bool same = shape->dimensions == dimensions;
    for (uint32_t i = 0; i < dimensions; i++) {
        same = same && shape->lengths[i] == reader->lengths[i];
    }
    if (written && !same) {
        return reader_malformed(reader, "Specified array dimensions do not match array contents.");
    }
    for (uint32_t i = 0; i < dimensions && !written; i++) {
        shape->lengths[i] = reader->lengths[i];
        shape->lowers[i] = 1;
    }
    shape->dimensions = dimensions;
    return true;
}

enum kmb_status array_parse(struct type type, struct slice text, const struct datetime_context *context,
                            struct arena *arena, struct value *out, struct kmb_error *error) {
    ASSERT(type_is_array(type.id));
    struct array_reader reader = {.text = text,
                                  .element = type_of_elements(type),
                                  .context = context,
                                  .arena = arena,
                                  .error = error,
                                  .state = STATE_START};
    for (uint32_t i = 0; i < ARRAY_DIMENSIONS_MAX; i++) {
        reader.lengths[i] = -1;
    }
    struct array_shape shape = {0};
    if (!reader_dimensions(&reader, &shape) || !reader_contents(&reader) || !reader_shape(&reader, &shape)) {
        ASSERT(reader.status != KMB_OK);
        return reader.status;
    }
    return array_make(reader.element.id, &shape, reader.elements, arena, out, error);
}

/* --- printing --- */

static bool needs_quotes(struct slice text) {
    if (text.length == 0 || is_null_word(text.bytes, text.length)) {
        return true;
    }
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte == '"' || byte == '\\' || byte == '{' || byte == '}' || byte == ',' || is_blank(byte)) {
            return true;
        }
    }
    return false;
}

static void print_element(struct slice text, struct buffer *out) {
    if (!needs_quotes(text)) {
        buffer_append_slice(out, text);
        return;
    }
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"' || text.bytes[i] == '\\') {
            buffer_append_byte(out, '\\');
        }
        buffer_append_byte(out, text.bytes[i]);
    }
    buffer_append_byte(out, '"');
}

static void print_bounds(const struct array_shape *shape, struct buffer *out) {
    bool usual = true;
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        usual = usual && shape->lowers[i] == 1;
    }
    for (uint32_t i = 0; i < shape->dimensions && !usual; i++) {
        buffer_printf(out, "[%d:%d]", shape->lowers[i], shape->lowers[i] + shape->lengths[i] - 1);
    }
    if (!usual) {
        buffer_append_byte(out, '=');
    }
}

/* How many dimensions begin (or, for index + 1, end) at an element: the innermost ones whose length divides it. */
static uint32_t levels_at(const struct array_shape *shape, uint32_t index) {
    uint32_t levels = 0;
    uint64_t step = 1;
    for (uint32_t i = shape->dimensions; i-- > 0;) {
        step *= (uint32_t)shape->lengths[i];
        if (index % step != 0) {
            break;
        }
        levels++;
    }
    return levels;
}

void array_print(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    struct array array;
    array_open(value, &array);
    if (array.count == 0) {
        buffer_append_text(out, "{}");
        return;
    }
    struct buffer text = {0};
    print_bounds(&array.shape, out);
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        for (uint32_t level = levels_at(&array.shape, i); level > 0; level--) {
            buffer_append_byte(out, '{');
        }
        if (element.is_null) {
            buffer_append_text(out, "NULL");
        } else {
            buffer_clear(&text);
            value_print(&element, context, &text);
            print_element(buffer_slice(&text), out);
            out->failed = out->failed || text.failed; /* before the next element forgets it */
        }
        for (uint32_t level = levels_at(&array.shape, i + 1); level > 0; level--) {
            buffer_append_byte(out, '}');
        }
    }
    buffer_free(&text);
}
