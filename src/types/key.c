/*
 * Keys whose bytes sort as their values do.
 *
 * Each column is a tag byte (value or NULL, NULL the greater) and a body that compares bytewise like the value:
 * integers big-endian with the sign bit flipped; floats with all bits flipped when negative; text with 00 written 00 FF
 * and 00 01 at its end, so that a prefix sorts before what extends it; decimals as sign, exponent and digits without
 * the zeros that only the scale makes; arrays as their elements, each like a column, and behind these their shape. A
 * descending column is the same with every byte complemented. No encoding of a column is a prefix of another, so
 * columns follow each other without lengths, and a key of the first columns bounds a range.
 */
#include "types/key.h"

#include <math.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/codec.h"
#include "types/array.h"

enum key_tag { KEY_VALUE = 0x01, KEY_NULL = 0x02 };

/* First byte of a decimal; digits follow for the two in the middle. */
enum key_decimal {
    KEY_NEGATIVE_INFINITY = 0x08,
    KEY_NEGATIVE = 0x10,
    KEY_ZERO = 0x18,
    KEY_POSITIVE = 0x20,
    KEY_INFINITY = 0x28,
    KEY_NAN = 0x30,
};

#define EXPONENT_BIAS   0x8000
#define DECIMAL_PAIRS   ((DECIMAL_DIGITS_MAX + 1) / 2)
#define KEY_TEXT_END    0x01
#define KEY_TEXT_ESCAPE 0xff
#define KEY_ARRAY_END   0x00 /* where an element's tag would be: less than any */

enum kmb_status key_type_check(struct type type, struct kmb_error *error) {
    enum type_id base = type_element(type.id);
    if (base != TYPE_JSON && base != TYPE_JSONB) {
        return KMB_OK;
    }
    error_set(error, KMB_UNDEFINED_OBJECT, "data type %s has no default operator class for access method \"btree\"",
              type_name(type.id));
    error_hint(error, "A column of this type can not be part of a key or an index.");
    return KMB_UNDEFINED_OBJECT;
}

/* --- writing --- */

static void key_put_big(struct buffer *key, uint64_t value, uint32_t width) {
    uint8_t bytes[8];
    for (uint32_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
    buffer_append(key, bytes, width);
}

/* A signed integer of `width` bytes, sign flipped. */
static void key_put_signed(struct buffer *key, int64_t value, uint32_t width) {
    key_put_big(key, (uint64_t)value ^ (UINT64_C(1) << (8 * width - 1)), width);
}

static uint32_t key_integer_width(enum type_id type) {
    switch (type) {
    case TYPE_TINYINT:
        return 1;
    case TYPE_INT2:
        return 2;
    case TYPE_INT4:
    case TYPE_DATE:
        return 4;
    default:
        return 8;
    }
}

static void key_put_real(struct buffer *key, enum type_id type, double real) {
    uint32_t width = type == TYPE_FLOAT4 ? 4 : 8;
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    uint64_t bits;
    real = isnan(real) ? fabs((double)NAN) : real == 0 ? 0 : real;
    if (type == TYPE_FLOAT4) {
        float single = (float)real;
        uint32_t word;
        memcpy(&word, &single, sizeof(word));
        bits = word;
    } else {
        memcpy(&bits, &real, sizeof(bits));
    }
    key_put_big(key, (bits & sign) != 0 ? ~bits : bits | sign, width);
}

static void key_put_text(struct buffer *key, struct slice text) {
    size_t start = 0;
    for (size_t at = 0; at < text.length; at++) {
        if (text.bytes[at] == 0) {
            buffer_append(key, text.bytes + start, at + 1 - start);
            buffer_append_byte(key, KEY_TEXT_ESCAPE);
            start = at + 1;
        }
    }
    if (text.length > start) {
        buffer_append(key, text.bytes + start, text.length - start);
    }
    buffer_append_byte(key, 0);
    buffer_append_byte(key, KEY_TEXT_END);
}

/* |value| = 0.d1d2... * 10^exponent: bytes are the exponent, then pairs of digits + 1, then 00. */
static void key_put_decimal(struct buffer *key, struct decimal value) {
    static const uint8_t specials[] = {[DECIMAL_NAN] = KEY_NAN,
                                       [DECIMAL_INFINITY] = KEY_INFINITY,
                                       [DECIMAL_NEGATIVE_INFINITY] = KEY_NEGATIVE_INFINITY};
    if (value.kind != DECIMAL_FINITE || decimal_is_zero(value)) {
        buffer_append_byte(key, value.kind != DECIMAL_FINITE ? specials[value.kind] : KEY_ZERO);
        return;
    }
    bool negative = decimal_is_negative(value);
    struct decimal whole = decimal_absolute(value);
    whole.scale = 0;
    char digits[DECIMAL_TEXT_SIZE];
    size_t count = decimal_format(whole, digits);
    int32_t exponent = (int32_t)count - value.scale;
    while (digits[count - 1] == '0') {
        count--;
    }
    uint8_t bytes[3 + DECIMAL_PAIRS + 1];
    size_t length = 0;
    bytes[length++] = KEY_POSITIVE;
    bytes[length++] = (uint8_t)((exponent + EXPONENT_BIAS) >> 8);
    bytes[length++] = (uint8_t)(exponent + EXPONENT_BIAS);
    for (size_t i = 0; i < count; i += 2) {
        int pair = (digits[i] - '0') * 10 + (i + 1 < count ? digits[i + 1] - '0' : 0);
        bytes[length++] = (uint8_t)(pair + 1);
    }
    bytes[length++] = 0;
    if (negative) {
        for (size_t i = 1; i < length; i++) {
            bytes[i] = (uint8_t)~bytes[i];
        }
        bytes[0] = KEY_NEGATIVE;
    }
    buffer_append(key, bytes, length);
}

static void key_put_interval(struct buffer *key, struct interval interval) {
    struct interval_span span = interval_span_of(interval);
    key_put_signed(key, span.high, 8);
    key_put_big(key, span.low, 8);
}

static void key_put_body(struct buffer *key, enum type_id type, const struct value *value);

static void key_put_array(struct buffer *key, const struct value *value) {
    struct array array;
    array_open(value, &array);
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        buffer_append_byte(key, element.is_null ? KEY_NULL : KEY_VALUE);
        if (!element.is_null) {
            key_put_body(key, array.element, &element);
        }
    }
    buffer_append_byte(key, KEY_ARRAY_END);
    buffer_append_byte(key, (uint8_t)array.shape.dimensions);
    for (uint32_t i = 0; i < array.shape.dimensions; i++) {
        key_put_big(key, (uint32_t)array.shape.lengths[i], 4);
    }
    for (uint32_t i = 0; i < array.shape.dimensions; i++) {
        key_put_signed(key, array.shape.lowers[i], 4);
    }
}

static void key_put_body(struct buffer *key, enum type_id type, const struct value *value) {
    if (type_is_array(type)) {
        key_put_array(key, value);
        return;
    }
    switch (type_kind(type)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        buffer_append_slice(key, value_label_place(value->as.bytes));
        return;
    case TYPE_BOOL:
        buffer_append_byte(key, value->as.boolean ? 1 : 0);
        return;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_DATE:
    case TYPE_TIME:
        key_put_signed(key, value->as.integer, key_integer_width(type));
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        key_put_real(key, type, value->as.real);
        return;
    case TYPE_NUMERIC:
        key_put_decimal(key, value->as.decimal);
        return;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BYTEA:
    case TYPE_NAME:
    case TYPE_CHAR:
        key_put_text(key, value->as.bytes);
        return;
    case TYPE_BPCHAR:
        key_put_text(key, value_trim_blanks(value->as.bytes));
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        key_put_signed(key, value->as.timestamp.us, 8);
        key_put_big(key, value->as.timestamp.ns, 2);
        return;
    case TYPE_INTERVAL:
        key_put_interval(key, value->as.interval);
        return;
    case TYPE_UUID:
        buffer_append(key, value->as.uuid, 16);
        return;
    case TYPE_UNKNOWN:
    case TYPE_JSON:
    case TYPE_JSONB:
    default:
        break;
    }
    UNREACHABLE("type of a key column");
}

void key_append(struct buffer *key, struct key_column column, const struct value *value) {
    ASSERT(value->is_null || value->type == column.type.id ||
           (type_is_string(column.type.id) && (type_is_string(value->type) || value->type == TYPE_UNKNOWN)));
    ASSERT(value->is_null || type_is_array(value->type) == type_is_array(column.type.id));
    size_t start = key->length;
    buffer_append_byte(key, value->is_null ? KEY_NULL : KEY_VALUE);
    if (!value->is_null) {
        key_put_body(key, column.type.id, value);
    }
    if (column.descending && buffer_ok(key)) {
        for (size_t i = start; i < key->length; i++) {
            key->bytes[i] = (uint8_t)~key->bytes[i];
        }
    }
}

void key_append_row_id(struct buffer *key, uint64_t row_id) {
    key_put_big(key, row_id, 8);
}

bool key_read_row_id(struct slice key, uint64_t *row_id) {
    if (key.length != 8) {
        return false;
    }
    *row_id = codec_get_u64_big(key.bytes);
    return true;
}

bool key_prefix_successor(struct buffer *key) {
    while (key->length > 0 && key->bytes[key->length - 1] == 0xff) {
        key->length--;
    }
    if (key->length == 0) {
        return false;
    }
    key->bytes[key->length - 1]++;
    return true;
}

bool key_is_null(struct slice key, size_t offset, bool descending) {
    ASSERT(offset < key.length);
    return (uint8_t)(key.bytes[offset] ^ (descending ? 0xff : 0)) == KEY_NULL;
}

/* --- reading --- */

struct key_reader {
    struct slice key;
    size_t at;
    uint8_t flip; /* ff: the column is descending */
    bool failed;
};

static uint8_t key_get(struct key_reader *r) {
    if (r->at >= r->key.length) {
        r->failed = true;
        return 0;
    }
    return (uint8_t)(r->key.bytes[r->at++] ^ r->flip);
}

static uint64_t key_get_big(struct key_reader *r, uint32_t width) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < width; i++) {
        value = value << 8 | key_get(r);
    }
    return value;
}

static int64_t key_get_signed(struct key_reader *r, uint32_t width) {
    uint64_t value = key_get_big(r, width) ^ (UINT64_C(1) << (8 * width - 1));
    uint32_t shift = 64 - 8 * width;
    return (int64_t)(value << shift) >> shift;
}

static double key_get_real(struct key_reader *r, enum type_id type) {
    uint32_t width = type == TYPE_FLOAT4 ? 4 : 8;
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    uint64_t bits = key_get_big(r, width);
    bits = (bits & sign) != 0 ? bits ^ sign : ~bits;
    if (type == TYPE_FLOAT4) {
        uint32_t word = (uint32_t)bits;
        float single;
        memcpy(&single, &word, sizeof(single));
        return (double)single;
    }
    double real;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* Length of the text once its escapes are resolved; the reader ends behind it. */
static size_t key_skip_text(struct key_reader *r) {
    size_t length = 0;
    while (!r->failed) {
        if (key_get(r) == 0) {
            uint8_t next = key_get(r);
            if (next == KEY_TEXT_END) {
                return length;
            }
            r->failed = r->failed || next != KEY_TEXT_ESCAPE;
        }
        length++;
    }
    return 0;
}

/* NULL arena memory ends in *no_memory. */
static struct slice key_get_text(struct key_reader *r, struct arena *arena, bool *no_memory) {
    size_t start = r->at;
    size_t length = key_skip_text(r);
    if (r->failed) {
        return slice_make(NULL, 0);
    }
    uint8_t *bytes = arena_alloc(arena, length + 1);
    if (bytes == NULL) {
        *no_memory = true;
        return slice_make(NULL, 0);
    }
    size_t at = start;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(r->key.bytes[at] ^ r->flip);
        at += bytes[i] == 0 ? 2 : 1;
    }
    return slice_make(bytes, length);
}

static struct decimal key_get_decimal(struct key_reader *r) {
    uint8_t class = key_get(r);
    switch (class) {
    case KEY_NEGATIVE_INFINITY:
        return decimal_special(DECIMAL_NEGATIVE_INFINITY);
    case KEY_INFINITY:
        return decimal_special(DECIMAL_INFINITY);
    case KEY_NAN:
        return decimal_special(DECIMAL_NAN);
    case KEY_ZERO:
        return decimal_of_int64(0);
    case KEY_NEGATIVE:
    case KEY_POSITIVE:
        break;
    default:
        r->failed = true;
        return decimal_of_int64(0);
    }
    uint8_t flip = class == KEY_NEGATIVE ? 0xff : 0;
    r->flip ^= flip;
    int32_t exponent = (int32_t)key_get_big(r, 2) - EXPONENT_BIAS;
    char text[DECIMAL_TEXT_SIZE];
    size_t length = 0;
    text[length++] = class == KEY_NEGATIVE ? '-' : '+';
    for (;;) {
        uint8_t pair = key_get(r);
        if (pair == 0 || pair > 100 || r->failed || length > 2 * DECIMAL_PAIRS) {
            r->failed = r->failed || pair != 0;
            break;
        }
        text[length++] = (char)('0' + (pair - 1) / 10);
        text[length++] = (char)('0' + (pair - 1) % 10);
    }
    r->flip ^= flip;
    int32_t power = exponent - (int32_t)(length - 1);
    length += (size_t)snprintf(text + length, sizeof(text) - length, "e%d", power);
    struct decimal value;
    if (r->failed || decimal_parse(slice_make(text, length), &value, NULL) != KMB_OK) {
        r->failed = true;
        return decimal_of_int64(0);
    }
    return decimal_normalize(value);
}

/* The scale that numeric(p, s) shows. */
static struct decimal key_rescale(struct decimal value, int32_t modifier) {
    struct decimal scaled;
    if (modifier >= 0 && decimal_apply_modifier(value, modifier, &scaled, NULL) == KMB_OK &&
        decimal_compare(scaled, value) == 0) {
        return scaled;
    }
    return value;
}

static void key_get_interval(struct key_reader *r, struct interval *out) {
    struct interval_span span = {.high = key_get_signed(r, 8), .low = key_get_big(r, 8)};
    r->failed = r->failed || !interval_of_span(span, out);
}

/* A label without its name, which no key has. */
static struct slice key_get_place(struct key_reader *r, struct arena *arena, bool *no_memory) {
    uint8_t *bytes = arena_alloc(arena, VALUE_LABEL_PLACE);
    if (bytes == NULL) {
        *no_memory = true;
        return slice_make(NULL, 0);
    }
    for (size_t i = 0; i < VALUE_LABEL_PLACE; i++) {
        bytes[i] = key_get(r);
    }
    return slice_make(bytes, VALUE_LABEL_PLACE);
}

static void key_get_body(struct key_reader *r, struct type type, struct arena *arena, struct value *out,
                         bool *no_memory);

static void key_skip_body(struct key_reader *r, struct type type) {
    if (type_is_string(type.id) || type.id == TYPE_BYTEA || type.id == TYPE_NAME || type.id == TYPE_CHAR) {
        (void)key_skip_text(r);
        return;
    }
    if (type_is_label(type.id)) {
        (void)key_get_big(r, VALUE_LABEL_PLACE);
        return;
    }
    struct value value;
    bool no_memory = false;
    key_get_body(r, type, NULL, &value, &no_memory); /* takes no memory for these types */
}

/* Whether an element stands here, and of which tag; at the end of them none. */
static bool key_get_element(struct key_reader *r, uint8_t *tag) {
    *tag = key_get(r);
    r->failed = r->failed || *tag > KEY_NULL;
    return !r->failed && *tag != KEY_ARRAY_END;
}

/* How many elements there are; the reader ends behind them. */
static uint32_t key_skip_elements(struct key_reader *r, struct type element) {
    uint32_t count = 0;
    uint8_t tag;
    for (; key_get_element(r, &tag); count++) {
        if (tag == KEY_VALUE) {
            key_skip_body(r, element);
        }
    }
    return count;
}

static void key_get_shape(struct key_reader *r, uint32_t count, struct array_shape *shape) {
    *shape = (struct array_shape){.dimensions = key_get(r)};
    r->failed = r->failed || shape->dimensions > ARRAY_DIMENSIONS_MAX || (shape->dimensions == 0) != (count == 0);
    for (uint32_t i = 0; i < shape->dimensions && !r->failed; i++) {
        uint64_t length = key_get_big(r, 4);
        r->failed = r->failed || length == 0 || length > ARRAY_ELEMENTS_MAX;
        shape->lengths[i] = (int32_t)length;
    }
    for (uint32_t i = 0; i < shape->dimensions && !r->failed; i++) {
        shape->lowers[i] = (int32_t)key_get_signed(r, 4);
    }
    uint32_t held = 0;
    r->failed = r->failed || array_shape_count(shape, &held, NULL) != KMB_OK || held != count;
}

static void key_skip_array(struct key_reader *r, struct type type) {
    struct array_shape shape;
    uint32_t count = key_skip_elements(r, type_of_elements(type));
    if (!r->failed) {
        key_get_shape(r, count, &shape);
    }
}

static void key_get_array(struct key_reader *r, struct type type, struct arena *arena, struct value *out,
                          bool *no_memory) {
    struct type element = type_of_elements(type);
    struct key_reader ahead = *r;
    struct array_shape shape;
    uint32_t count = key_skip_elements(&ahead, element);
    if (!ahead.failed) {
        key_get_shape(&ahead, count, &shape);
    }
    struct value *elements = ahead.failed ? NULL : arena_alloc(arena, ((size_t)count + 1) * sizeof(*elements));
    if (elements == NULL) {
        *no_memory = !ahead.failed;
        r->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count && !*no_memory; i++) {
        uint8_t tag;
        bool there = key_get_element(r, &tag);
        ASSERT(there);
        elements[i] = value_null(element.id);
        if (tag == KEY_VALUE) {
            elements[i].is_null = false;
            key_get_body(r, element, arena, &elements[i], no_memory);
            r->failed = r->failed || (!*no_memory && !value_valid(&elements[i]));
        }
    }
    *no_memory = *no_memory || (!r->failed && array_make(element.id, &shape, elements, arena, out, NULL) != KMB_OK);
    r->at = ahead.at;
}

static void key_get_body(struct key_reader *r, struct type type, struct arena *arena, struct value *out,
                         bool *no_memory) {
    if (type_is_array(type.id)) {
        key_get_array(r, type, arena, out, no_memory);
        return;
    }
    switch (type_kind(type.id)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        out->as.bytes = key_get_place(r, arena, no_memory);
        return;
    case TYPE_BOOL: {
        uint8_t byte = key_get(r);
        r->failed = r->failed || byte > 1;
        out->as.boolean = byte == 1;
        return;
    }
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_DATE:
    case TYPE_TIME:
        out->as.integer = key_get_signed(r, key_integer_width(type.id));
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        out->as.real = key_get_real(r, type.id);
        return;
    case TYPE_NUMERIC:
        out->as.decimal = key_rescale(key_get_decimal(r), type.modifier);
        return;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BYTEA:
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_BPCHAR: {
        size_t pad = type.id == TYPE_BPCHAR && type.modifier > 0 ? (size_t)type.modifier : 0;
        out->as.bytes = key_get_text(r, arena, no_memory);
        struct value padded;
        if (pad > 0 && !r->failed && !*no_memory &&
            value_apply_modifier(type, true, out, arena, &padded, NULL) == KMB_OK) {
            *out = padded;
        }
        return;
    }
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        out->as.timestamp = timestamp_of_us(key_get_signed(r, 8));
        out->as.timestamp.ns = (uint16_t)key_get_big(r, 2);
        return;
    case TYPE_INTERVAL:
        key_get_interval(r, &out->as.interval);
        return;
    case TYPE_UUID:
        for (size_t i = 0; i < 16; i++) {
            out->as.uuid[i] = key_get(r);
        }
        return;
    default:
        r->failed = true;
        return;
    }
}

static enum kmb_status key_corrupt(struct slice key, size_t offset, struct key_column column, struct kmb_error *error) {
    return error_set(error, KMB_CORRUPT, "key of %zu bytes holds no %s at byte %zu", key.length,
                     type_name(column.type.id), offset);
}

enum kmb_status key_decode(struct slice key, size_t *offset, struct key_column column, struct arena *arena,
                           struct value *out, struct kmb_error *error) {
    struct key_reader reader = {.key = key, .at = *offset, .flip = column.descending ? 0xff : 0};
    struct value value = {.type = column.type.id};
    bool no_memory = false;
    uint8_t tag = key_get(&reader);
    if (tag == KEY_NULL && !reader.failed) {
        value.is_null = true;
    } else if (tag == KEY_VALUE) {
        key_get_body(&reader, column.type, arena, &value, &no_memory);
    } else {
        reader.failed = true;
    }
    if (no_memory) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (reader.failed || !value_valid(&value)) {
        return key_corrupt(key, *offset, column, error);
    }
    *offset = reader.at;
    *out = value;
    return KMB_OK;
}

enum kmb_status key_skip(struct slice key, size_t *offset, struct key_column column, struct kmb_error *error) {
    struct key_reader reader = {.key = key, .at = *offset, .flip = column.descending ? 0xff : 0};
    uint8_t tag = key_get(&reader);
    if (tag == KEY_VALUE && type_is_array(column.type.id)) {
        key_skip_array(&reader, column.type);
    } else if (tag == KEY_VALUE) {
        key_skip_body(&reader, column.type);
    } else if (tag != KEY_NULL) {
        reader.failed = true;
    }
    if (reader.failed) {
        return key_corrupt(key, *offset, column, error);
    }
    *offset = reader.at;
    return KMB_OK;
}
