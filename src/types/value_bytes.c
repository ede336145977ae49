/*
 * The bytes of one value, as row images, arrays and single values have them.
 *
 * A type has a fixed width or none. Encodings are canonical (one NaN, magnitudes without leading zeros), so that values
 * that print alike are equal bytes; value_bytes_canonical() refuses anything else, and after it the bytes are trusted.
 */
#include "types/value_bytes.h"

#include <math.h>

#include "base/assert.h"
#include "types/row.h"

/* First byte of a NUMERIC. */
enum numeric_form {
    NUMERIC_POSITIVE = 0, /* and zero */
    NUMERIC_NEGATIVE = 1,
    NUMERIC_NAN = 2,
    NUMERIC_INFINITY = 3,
    NUMERIC_NEGATIVE_INFINITY = 4,
};

/* --- widths --- */

uint8_t value_bytes_width(enum type_id type) {
    switch (type) {
    case TYPE_BOOL:
    case TYPE_TINYINT:
        return 1;
    case TYPE_INT2:
        return 2;
    case TYPE_INT4:
    case TYPE_FLOAT4:
    case TYPE_DATE:
        return 4;
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_FLOAT8:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return 8;
    case TYPE_INTERVAL:
    case TYPE_UUID:
        return 16;
    default:
        return 0;
    }
}

bool value_bytes_nanoseconds(enum type_id type) {
    return type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
}

/* --- numeric --- */

static uint32_t numeric_magnitude(struct decimal a, uint64_t words[2]) {
    bool negative = a.high < 0;
    words[0] = negative ? 0 - a.low : a.low;
    words[1] = negative ? ~(uint64_t)a.high + (a.low == 0 ? 1 : 0) : (uint64_t)a.high;
    uint32_t bits = words[1] != 0   ? 128 - (uint32_t)__builtin_clzll(words[1])
                    : words[0] != 0 ? 64 - (uint32_t)__builtin_clzll(words[0])
                                    : 0;
    return (bits + 7) / 8;
}

static uint32_t numeric_size(struct decimal a) {
    uint64_t words[2];
    return ROW_DECIMAL_HEADER + (a.kind == DECIMAL_FINITE ? numeric_magnitude(a, words) : 0);
}

static void numeric_store(struct decimal a, uint8_t *bytes) {
    static const uint8_t forms[] = {[DECIMAL_NAN] = NUMERIC_NAN,
                                    [DECIMAL_INFINITY] = NUMERIC_INFINITY,
                                    [DECIMAL_NEGATIVE_INFINITY] = NUMERIC_NEGATIVE_INFINITY};
    if (a.kind != DECIMAL_FINITE) {
        bytes[0] = forms[a.kind];
        bytes_store(bytes + 1, 0, 2);
        return;
    }
    uint64_t words[2];
    uint32_t size = numeric_magnitude(a, words);
    bytes[0] = a.high < 0 ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE;
    bytes_store(bytes + 1, a.scale, 2);
    bytes_store(bytes + ROW_DECIMAL_HEADER, words[0], size < 8 ? size : 8);
    if (size > 8) {
        bytes_store(bytes + ROW_DECIMAL_HEADER + 8, words[1], size - 8);
    }
}

struct decimal row_decimal_of_bytes(struct slice bytes) {
    ASSERT(bytes.length >= ROW_DECIMAL_HEADER && bytes.length <= ROW_DECIMAL_HEADER + 16);
    switch (bytes.bytes[0]) {
    case NUMERIC_NAN:
        return decimal_special(DECIMAL_NAN);
    case NUMERIC_INFINITY:
        return decimal_special(DECIMAL_INFINITY);
    case NUMERIC_NEGATIVE_INFINITY:
        return decimal_special(DECIMAL_NEGATIVE_INFINITY);
    default:
        break;
    }
    uint32_t size = (uint32_t)bytes.length - ROW_DECIMAL_HEADER;
    const uint8_t *magnitude = bytes.bytes + ROW_DECIMAL_HEADER;
    struct decimal out = {.scale = (uint16_t)bytes_load(bytes.bytes + 1, 2)};
    uint64_t high = size > 8 ? bytes_load(magnitude + 8, size - 8) : 0;
    out.low = bytes_load(magnitude, size < 8 ? size : 8);
    if (bytes.bytes[0] == NUMERIC_NEGATIVE) {
        high = ~high + (out.low == 0 ? 1 : 0);
        out.low = 0 - out.low;
    }
    out.high = (int64_t)high;
    return out;
}

static bool numeric_bytes_valid(struct slice bytes) {
    if (bytes.length < ROW_DECIMAL_HEADER || bytes.length > ROW_DECIMAL_HEADER + 16) {
        return false;
    }
    uint8_t form = bytes.bytes[0];
    uint32_t scale = (uint32_t)bytes_load(bytes.bytes + 1, 2);
    if (form >= NUMERIC_NAN) {
        return form <= NUMERIC_NEGATIVE_INFINITY && bytes.length == ROW_DECIMAL_HEADER && scale == 0;
    }
    bool zero = bytes.length == ROW_DECIMAL_HEADER;
    bool minimal = zero ? form == NUMERIC_POSITIVE : bytes.bytes[bytes.length - 1] != 0;
    bool room = bytes.length < ROW_DECIMAL_HEADER + 16 || (bytes.bytes[bytes.length - 1] & 0x80) == 0;
    return minimal && room && decimal_valid(row_decimal_of_bytes(bytes));
}

/* --- fixed widths --- */

static uint64_t real_bits(enum type_id type, double real) {
    if (type == TYPE_FLOAT4) {
        float single = (float)real;
        uint32_t bits;
        memcpy(&bits, &single, sizeof(bits));
        return isnan(real) ? UINT32_C(0x7fc00000) : bits;
    }
    uint64_t bits;
    memcpy(&bits, &real, sizeof(bits));
    return isnan(real) ? UINT64_C(0x7ff8000000000000) : bits;
}

static double real_of_bits(enum type_id type, uint64_t bits) {
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

static int64_t sign_extend(uint64_t value, uint32_t width) {
    uint32_t shift = 64 - 8 * width;
    return (int64_t)(value << shift) >> shift;
}

void value_bytes_store_fixed(const struct value *value, uint8_t *bytes, uint32_t width) {
    switch (value->type) {
    case TYPE_BOOL:
        bytes[0] = value->as.boolean ? 1 : 0;
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        bytes_store(bytes, real_bits(value->type, value->as.real), width);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        bytes_store(bytes, (uint64_t)value->as.timestamp.us, width);
        return;
    case TYPE_INTERVAL:
        bytes_store(bytes, (uint64_t)value->as.interval.us, 8);
        bytes_store(bytes + 8, (uint32_t)value->as.interval.days, 4);
        bytes_store(bytes + 12, (uint32_t)value->as.interval.months, 4);
        return;
    case TYPE_UUID:
        memcpy(bytes, value->as.uuid, 16);
        return;
    default:
        bytes_store(bytes, (uint64_t)value->as.integer, width);
        return;
    }
}

void value_bytes_load_fixed(enum type_id type, const uint8_t *bytes, uint32_t width, struct value *out) {
    switch (type) {
    case TYPE_BOOL:
        out->as.boolean = bytes[0] != 0;
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        out->as.real = real_of_bits(type, bytes_load(bytes, width));
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        out->as.timestamp = timestamp_of_us((int64_t)bytes_load(bytes, 8));
        return;
    case TYPE_INTERVAL:
        out->as.interval = (struct interval){.us = (int64_t)bytes_load(bytes, 8),
                                             .days = (int32_t)bytes_load(bytes + 8, 4),
                                             .months = (int32_t)bytes_load(bytes + 12, 4)};
        return;
    case TYPE_UUID:
        memcpy(out->as.uuid, bytes, 16);
        return;
    default:
        out->as.integer = sign_extend(bytes_load(bytes, width), width);
        return;
    }
}

/* --- of no fixed width --- */

uint32_t value_bytes_size(const struct value *value) {
    if (value->is_null) {
        return 0;
    }
    if (value->type == TYPE_NUMERIC) {
        return numeric_size(value->as.decimal);
    }
    return value->as.bytes.length > ROW_BYTES_MAX ? ROW_BYTES_MAX : (uint32_t)value->as.bytes.length;
}

void value_bytes_store(const struct value *value, uint8_t *bytes) {
    if (value->type == TYPE_NUMERIC) {
        numeric_store(value->as.decimal, bytes);
    } else if (value->as.bytes.length > 0) {
        memcpy(bytes, value->as.bytes.bytes, value->as.bytes.length);
    }
}

void value_bytes_load(enum type_id type, struct slice bytes, struct value *out) {
    if (type == TYPE_NUMERIC) {
        out->as.decimal = row_decimal_of_bytes(bytes);
    } else {
        out->as.bytes = bytes;
    }
}

bool value_bytes_read(enum type_id type, struct slice bytes, uint16_t nanoseconds, struct value *out) {
    *out = (struct value){.type = type};
    uint8_t width = value_bytes_width(type);
    if (width == 0) {
        if (type == TYPE_NUMERIC && !numeric_bytes_valid(bytes)) {
            return false;
        }
        value_bytes_load(type, bytes, out);
        return value_valid(out);
    }
    ASSERT(bytes.length == width);
    value_bytes_load_fixed(type, bytes.bytes, width, out);
    if (value_bytes_nanoseconds(type)) {
        out->as.timestamp.ns = nanoseconds;
    }
    bool canonical = type != TYPE_BOOL || bytes.bytes[0] <= 1;
    if (type == TYPE_FLOAT4 || type == TYPE_FLOAT8) {
        canonical = real_bits(type, out->as.real) == bytes_load(bytes.bytes, width);
    }
    return canonical && value_valid(out);
}

/* --- single values --- */

void value_encode(const struct value *value, struct buffer *buffer) {
    buffer_u8(buffer, (uint8_t)value->type);
    buffer_u8(buffer, value->is_null ? 0 : 1);
    if (value->is_null) {
        return;
    }
    uint8_t width = value_bytes_width(value->type);
    uint8_t *room = NULL;
    if (width == 0) {
        uint32_t size = value_bytes_size(value);
        buffer_u32(buffer, size);
        room = buffer_extend(buffer, size);
        if (room != NULL) {
            value_bytes_store(value, room);
        }
        return;
    }
    room = buffer_extend(buffer, width);
    if (room != NULL) {
        value_bytes_store_fixed(value, room, width);
    }
    if (value_bytes_nanoseconds(value->type)) {
        buffer_u16(buffer, value->as.timestamp.ns);
    }
}

enum kmb_status value_decode(struct reader *reader, struct value *out, struct kmb_error *error) {
    uint8_t type = reader_u8(reader);
    uint8_t present = reader_u8(reader);
    bool known = reader_ok(reader) && (type == TYPE_UNKNOWN || type_is_valid((enum type_id)type)) && present <= 1;
    if (known && present == 0) {
        *out = value_null((enum type_id)type);
        return KMB_OK;
    }
    uint8_t width = value_bytes_width((enum type_id)type);
    struct slice bytes = width == 0 ? reader_bytes(reader) : reader_take(reader, width);
    uint16_t ns = value_bytes_nanoseconds((enum type_id)type) ? reader_u16(reader) : 0;
    struct value value;
    if (!known || !reader_ok(reader)) {
        return error_set(error, KMB_CORRUPT, "encoded value is cut short or of unknown type %u", type);
    }
    if (!value_bytes_read((enum type_id)type, bytes, ns, &value)) {
        return error_set(error, KMB_CORRUPT, "encoded value of type %s is out of range", type_name(value.type));
    }
    *out = value;
    return KMB_OK;
}
