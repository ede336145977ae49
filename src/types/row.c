/*
 * Row images.
 *
 * A row is written once and read many times, mostly a few columns of very many rows. So what has a fixed width stands
 * at a constant offset for a schema version, NULL or not, and a scan of a BIGINT column is one load per row; what
 * varies is found by two loads from an array of end offsets. Nanoseconds of timestamps are rare: they have a part of
 * their own that is there only when a flag says so, so nobody pays for them.
 *
 * Encodings are canonical (one NaN, NULLs zero-filled, magnitudes without leading zeros), so equal rows are equal
 * bytes, and row_validate() refuses anything else: after it row_get() trusts the bytes.
 */
#include "types/row.h"

#include <math.h>

#include "base/assert.h"
#include "types/json.h"
#include "types/utf8.h"

#define NUMERIC_HEADER 3 /* u8 kind, u16 scale */

/* First byte of a NUMERIC. */
enum numeric_form {
    NUMERIC_POSITIVE = 0, /* and zero */
    NUMERIC_NEGATIVE = 1,
    NUMERIC_NAN = 2,
    NUMERIC_INFINITY = 3,
    NUMERIC_NEGATIVE_INFINITY = 4,
};

/* --- bytes --- */

static inline uint64_t row_load(const uint8_t *bytes, uint32_t width) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < width; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline void row_store(uint8_t *bytes, uint64_t value, uint32_t width) {
    for (uint32_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static inline uint32_t row_load_u32(const uint8_t *bytes) {
    return (uint32_t)row_load(bytes, 4);
}

/* --- layout --- */

static uint8_t row_fixed_width(enum type_id type) {
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

static bool row_is_timestamp(enum type_id type) {
    return type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
}

enum kmb_status row_layout_build(struct row_layout *layout, struct table_id table, struct schema_version version,
                                 struct row_column *columns, uint32_t column_count, struct kmb_error *error) {
    if (column_count > ROW_COLUMNS_MAX) {
        return error_set(error, KMB_TOO_MANY_COLUMNS, "tables can have at most %d columns", ROW_COLUMNS_MAX);
    }
    uint32_t offset = ROW_HEADER_SIZE + (column_count + 7) / 8;
    uint16_t variables = 0;
    uint16_t timestamps = 0;
    for (uint32_t i = 0; i < column_count; i++) {
        struct row_column *column = &columns[i];
        ASSERT(type_is_valid(column->type.id));
        column->fixed_width = row_fixed_width(column->type.id);
        column->fixed_offset = offset;
        column->slot = 0;
        if (column->fixed_width == 0) {
            column->slot = variables++;
        } else if (row_is_timestamp(column->type.id)) {
            column->slot = timestamps++;
        }
        offset += column->fixed_width;
    }
    *layout = (struct row_layout){.table = table,
                                  .version = version,
                                  .column_count = column_count,
                                  .variable_count = variables,
                                  .timestamp_count = timestamps,
                                  .nanosecond_offset = offset,
                                  .columns = columns};
    return KMB_OK;
}

/* Where the array of end offsets begins. */
static inline uint32_t row_ends_offset(const struct row_layout *layout, uint8_t flags) {
    return layout->nanosecond_offset + ((flags & ROW_FLAG_NANOSECONDS) != 0 ? 2 * layout->timestamp_count : 0);
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
    return NUMERIC_HEADER + (a.kind == DECIMAL_FINITE ? numeric_magnitude(a, words) : 0);
}

static void numeric_store(struct decimal a, uint8_t *bytes) {
    static const uint8_t forms[] = {[DECIMAL_NAN] = NUMERIC_NAN,
                                    [DECIMAL_INFINITY] = NUMERIC_INFINITY,
                                    [DECIMAL_NEGATIVE_INFINITY] = NUMERIC_NEGATIVE_INFINITY};
    if (a.kind != DECIMAL_FINITE) {
        bytes[0] = forms[a.kind];
        row_store(bytes + 1, 0, 2);
        return;
    }
    uint64_t words[2];
    uint32_t size = numeric_magnitude(a, words);
    bytes[0] = a.high < 0 ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE;
    row_store(bytes + 1, a.scale, 2);
    row_store(bytes + NUMERIC_HEADER, words[0], size < 8 ? size : 8);
    if (size > 8) {
        row_store(bytes + NUMERIC_HEADER + 8, words[1], size - 8);
    }
}

struct decimal row_decimal_of_bytes(struct slice bytes) {
    ASSERT(bytes.length >= NUMERIC_HEADER && bytes.length <= NUMERIC_HEADER + 16);
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
    uint32_t size = (uint32_t)bytes.length - NUMERIC_HEADER;
    const uint8_t *magnitude = bytes.bytes + NUMERIC_HEADER;
    struct decimal out = {.scale = (uint16_t)row_load(bytes.bytes + 1, 2)};
    uint64_t high = size > 8 ? row_load(magnitude + 8, size - 8) : 0;
    out.low = row_load(magnitude, size < 8 ? size : 8);
    if (bytes.bytes[0] == NUMERIC_NEGATIVE) {
        high = ~high + (out.low == 0 ? 1 : 0);
        out.low = 0 - out.low;
    }
    out.high = (int64_t)high;
    return out;
}

static bool numeric_bytes_valid(struct slice bytes) {
    if (bytes.length < NUMERIC_HEADER || bytes.length > NUMERIC_HEADER + 16) {
        return false;
    }
    uint8_t form = bytes.bytes[0];
    uint32_t scale = (uint32_t)row_load(bytes.bytes + 1, 2);
    if (form >= NUMERIC_NAN) {
        return form <= NUMERIC_NEGATIVE_INFINITY && bytes.length == NUMERIC_HEADER && scale == 0;
    }
    bool zero = bytes.length == NUMERIC_HEADER;
    bool minimal = zero ? form == NUMERIC_POSITIVE : bytes.bytes[bytes.length - 1] != 0;
    bool room = bytes.length < NUMERIC_HEADER + 16 || (bytes.bytes[bytes.length - 1] & 0x80) == 0;
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

static void fixed_store(const struct value *value, uint8_t *bytes, uint32_t width) {
    switch (value->type) {
    case TYPE_BOOL:
        bytes[0] = value->as.boolean ? 1 : 0;
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        row_store(bytes, real_bits(value->type, value->as.real), width);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        row_store(bytes, (uint64_t)value->as.timestamp.us, width);
        return;
    case TYPE_INTERVAL:
        row_store(bytes, (uint64_t)value->as.interval.us, 8);
        row_store(bytes + 8, (uint32_t)value->as.interval.days, 4);
        row_store(bytes + 12, (uint32_t)value->as.interval.months, 4);
        return;
    case TYPE_UUID:
        memcpy(bytes, value->as.uuid, 16);
        return;
    default:
        row_store(bytes, (uint64_t)value->as.integer, width);
        return;
    }
}

static void fixed_load(enum type_id type, const uint8_t *bytes, uint32_t width, struct value *out) {
    switch (type) {
    case TYPE_BOOL:
        out->as.boolean = bytes[0] != 0;
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        out->as.real = real_of_bits(type, row_load(bytes, width));
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        out->as.timestamp = timestamp_of_us((int64_t)row_load(bytes, 8));
        return;
    case TYPE_INTERVAL:
        out->as.interval = (struct interval){.us = (int64_t)row_load(bytes, 8),
                                             .days = (int32_t)row_load(bytes + 8, 4),
                                             .months = (int32_t)row_load(bytes + 12, 4)};
        return;
    case TYPE_UUID:
        memcpy(out->as.uuid, bytes, 16);
        return;
    default:
        out->as.integer = sign_extend(row_load(bytes, width), width);
        return;
    }
}

/* --- writing --- */

static uint32_t variable_size(const struct value *value) {
    if (value->is_null) {
        return 0;
    }
    if (value->type == TYPE_NUMERIC) {
        return numeric_size(value->as.decimal);
    }
    return value->as.bytes.length > ROW_BYTES_MAX ? ROW_BYTES_MAX : (uint32_t)value->as.bytes.length;
}

static void variable_store(const struct value *value, uint8_t *bytes) {
    if (value->type == TYPE_NUMERIC) {
        numeric_store(value->as.decimal, bytes);
    } else if (value->as.bytes.length > 0) {
        memcpy(bytes, value->as.bytes.bytes, value->as.bytes.length);
    }
}

/* Size of the whole image, and its flags; beyond ROW_BYTES_MAX when it is too great. */
static uint64_t row_measure(const struct row_layout *layout, const struct value *values, uint8_t *flags) {
    uint64_t variable = 0;
    *flags = 0;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct row_column *column = &layout->columns[i];
        ASSERT(values[i].is_null || values[i].type == column->type.id);
        if (column->fixed_width == 0) {
            variable += variable_size(&values[i]);
        } else if (row_is_timestamp(column->type.id) && !values[i].is_null && values[i].as.timestamp.ns != 0) {
            *flags |= ROW_FLAG_NANOSECONDS;
        }
    }
    return row_ends_offset(layout, *flags) + UINT64_C(4) * layout->variable_count + variable;
}

enum kmb_status row_encode(const struct row_layout *layout, const struct value *values, struct buffer *buffer,
                           struct kmb_error *error) {
    uint8_t flags;
    uint64_t size = row_measure(layout, values, &flags);
    if (size > ROW_BYTES_MAX) {
        return error_set(error, KMB_LIMIT, "row is too big: size %llu, maximum size %u", (unsigned long long)size,
                         ROW_BYTES_MAX);
    }
    uint8_t *image = buffer_extend(buffer, (size_t)size);
    if (image == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    uint32_t ends = row_ends_offset(layout, flags);
    memset(image, 0, ends);
    image[0] = ROW_FORMAT;
    image[1] = flags;
    row_store(image + 2, layout->column_count, 2);
    row_store(image + 4, layout->table.value, 4);
    row_store(image + 8, layout->version.value, 4);
    uint8_t *data = image + ends + (size_t)4 * layout->variable_count;
    uint32_t end = 0;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct row_column *column = &layout->columns[i];
        const struct value *value = &values[i];
        if (!value->is_null) {
            image[ROW_HEADER_SIZE + i / 8] |= (uint8_t)(1u << (i % 8));
        }
        if (column->fixed_width == 0) {
            if (!value->is_null) {
                variable_store(value, data + end);
                end += variable_size(value);
            }
            row_store(image + ends + (size_t)4 * column->slot, end, 4);
        } else if (!value->is_null) {
            fixed_store(value, image + column->fixed_offset, column->fixed_width);
            if ((flags & ROW_FLAG_NANOSECONDS) != 0 && row_is_timestamp(column->type.id)) {
                row_store(image + layout->nanosecond_offset + (size_t)2 * column->slot, value->as.timestamp.ns, 2);
            }
        }
    }
    ASSERT(data + end == image + size);
    return KMB_OK;
}

/* --- reading --- */

bool row_header_read(struct slice image, struct row_header *header) {
    if (image.length < ROW_HEADER_SIZE || image.bytes[0] != ROW_FORMAT) {
        return false;
    }
    *header = (struct row_header){.format = image.bytes[0],
                                  .flags = image.bytes[1],
                                  .column_count = (uint16_t)row_load(image.bytes + 2, 2),
                                  .table = {row_load_u32(image.bytes + 4)},
                                  .version = {row_load_u32(image.bytes + 8)}};
    return true;
}

struct slice row_variable(const struct row_layout *layout, struct slice image, uint32_t slot) {
    const uint8_t *ends = image.bytes + row_ends_offset(layout, image.bytes[1]);
    const uint8_t *data = ends + (size_t)4 * layout->variable_count;
    uint32_t start = slot == 0 ? 0 : row_load_u32(ends + (size_t)4 * (slot - 1));
    uint32_t end = row_load_u32(ends + (size_t)4 * slot);
    return slice_make(data + start, end - start);
}

uint16_t row_nanoseconds(const struct row_layout *layout, struct slice image, uint32_t timestamp_slot) {
    if ((image.bytes[1] & ROW_FLAG_NANOSECONDS) == 0) {
        return 0;
    }
    return (uint16_t)row_load(image.bytes + layout->nanosecond_offset + (size_t)2 * timestamp_slot, 2);
}

void row_get(const struct row_layout *layout, struct slice image, uint32_t ordinal, struct value *out) {
    ASSERT(ordinal < layout->column_count);
    const struct row_column *column = &layout->columns[ordinal];
    out->type = column->type.id;
    out->is_null = row_is_null(image, ordinal);
    if (out->is_null) {
        return;
    }
    if (column->fixed_width != 0) {
        fixed_load(column->type.id, image.bytes + column->fixed_offset, column->fixed_width, out);
        if (row_is_timestamp(column->type.id)) {
            out->as.timestamp.ns = row_nanoseconds(layout, image, column->slot);
        }
        return;
    }
    struct slice bytes = row_variable(layout, image, column->slot);
    if (column->type.id == TYPE_NUMERIC) {
        out->as.decimal = row_decimal_of_bytes(bytes);
    } else {
        out->as.bytes = bytes;
    }
}

void row_get_all(const struct row_layout *layout, struct slice image, struct value *values) {
    for (uint32_t i = 0; i < layout->column_count; i++) {
        row_get(layout, image, i, &values[i]);
    }
}

/* --- hostile bytes --- */

static enum kmb_status row_corrupt(const struct row_layout *layout, struct kmb_error *error, const char *what) {
    return error_set(error, KMB_CORRUPT, "row image of table %u, schema version %u: %s", layout->table.value,
                     layout->version.value, what);
}

static bool bytes_are_zero(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Lengths and offsets: after it every access of row_get() is inside the image. */
static enum kmb_status row_validate_shape(const struct row_layout *layout, struct slice image,
                                          struct kmb_error *error) {
    struct row_header header;
    if (!row_header_read(image, &header)) {
        return image.length >= 1 && image.bytes[0] != ROW_FORMAT
                   ? error_set(error, KMB_FORMAT_VERSION, "row image has format %u; this version reads format %u",
                               image.bytes[0], ROW_FORMAT)
                   : row_corrupt(layout, error, "too short");
    }
    if ((header.flags & ~ROW_FLAG_NANOSECONDS) != 0) {
        return error_set(error, KMB_FORMAT_VERSION, "row image has flags 0x%02x that this version does not read",
                         header.flags);
    }
    if (header.table.value != layout->table.value || header.version.value != layout->version.value ||
        header.column_count != layout->column_count) {
        return row_corrupt(layout, error, "of another table or schema version");
    }
    uint32_t ends = row_ends_offset(layout, header.flags);
    uint64_t data = ends + UINT64_C(4) * layout->variable_count;
    if (image.length < data || image.length > ROW_BYTES_MAX) {
        return row_corrupt(layout, error, "too short");
    }
    uint32_t last = 0;
    for (uint32_t i = 0; i < layout->variable_count; i++) {
        uint32_t end = row_load_u32(image.bytes + ends + (size_t)4 * i);
        if (end < last) {
            return row_corrupt(layout, error, "end offsets fall");
        }
        last = end;
    }
    if (data + last != image.length) {
        return row_corrupt(layout, error, "length is not that of its parts");
    }
    if (layout->column_count % 8 != 0 &&
        image.bytes[ROW_HEADER_SIZE + layout->column_count / 8] >> (layout->column_count % 8) != 0) {
        return row_corrupt(layout, error, "presence bits beyond the columns");
    }
    return KMB_OK;
}

static enum kmb_status row_validate_column(const struct row_layout *layout, struct slice image, uint32_t ordinal,
                                           struct kmb_error *error) {
    const struct row_column *column = &layout->columns[ordinal];
    bool null = row_is_null(image, ordinal);
    struct slice bytes = column->fixed_width == 0 ? row_variable(layout, image, column->slot)
                                                  : slice_make(image.bytes + column->fixed_offset, column->fixed_width);
    if (null) {
        bool blank = column->fixed_width == 0 ? bytes.length == 0
                                              : bytes_are_zero(bytes.bytes, bytes.length) &&
                                                    !(row_is_timestamp(column->type.id) &&
                                                      row_nanoseconds(layout, image, column->slot) != 0);
        return blank ? KMB_OK : row_corrupt(layout, error, "bytes where a NULL stands");
    }
    if (column->type.id == TYPE_NUMERIC && !numeric_bytes_valid(bytes)) {
        return row_corrupt(layout, error, "a numeric out of range");
    }
    struct value value;
    row_get(layout, image, ordinal, &value);
    bool canonical = column->type.id != TYPE_BOOL || bytes.bytes[0] <= 1;
    if (column->type.id == TYPE_FLOAT4 || column->type.id == TYPE_FLOAT8) {
        canonical = real_bits(column->type.id, value.as.real) == row_load(bytes.bytes, column->fixed_width);
    }
    return canonical && value_valid(&value) ? KMB_OK : row_corrupt(layout, error, "a value out of range");
}

enum kmb_status row_validate(const struct row_layout *layout, struct slice image, struct kmb_error *error) {
    enum kmb_status status = row_validate_shape(layout, image, error);
    for (uint32_t i = 0; status == KMB_OK && i < layout->column_count; i++) {
        status = row_validate_column(layout, image, i, error);
    }
    bool nanoseconds = status == KMB_OK && (image.bytes[1] & ROW_FLAG_NANOSECONDS) != 0;
    if (nanoseconds && bytes_are_zero(image.bytes + layout->nanosecond_offset, (size_t)2 * layout->timestamp_count)) {
        return row_corrupt(layout, error, "a nanosecond part without nanoseconds");
    }
    return status;
}

/* --- single values --- */

void value_encode(const struct value *value, struct buffer *buffer) {
    buffer_u8(buffer, (uint8_t)value->type);
    buffer_u8(buffer, value->is_null ? 0 : 1);
    if (value->is_null) {
        return;
    }
    uint8_t width = row_fixed_width(value->type);
    uint8_t *room = NULL;
    if (width == 0) {
        uint32_t size = variable_size(value);
        buffer_u32(buffer, size);
        room = buffer_extend(buffer, size);
        if (room != NULL) {
            variable_store(value, room);
        }
        return;
    }
    room = buffer_extend(buffer, width);
    if (room != NULL) {
        fixed_store(value, room, width);
    }
    if (row_is_timestamp(value->type)) {
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
    struct value value = {.type = (enum type_id)type};
    uint8_t width = row_fixed_width(value.type);
    struct slice bytes = width == 0 ? reader_bytes(reader) : reader_take(reader, width);
    uint16_t ns = row_is_timestamp(value.type) ? reader_u16(reader) : 0;
    if (!known || !reader_ok(reader)) {
        return error_set(error, KMB_CORRUPT, "encoded value is cut short or of unknown type %u", type);
    }
    bool good = true;
    if (width > 0) {
        fixed_load(value.type, bytes.bytes, width, &value);
        if (row_is_timestamp(value.type)) {
            value.as.timestamp.ns = ns;
        }
        good = value.type != TYPE_BOOL || bytes.bytes[0] <= 1;
    } else if (value.type == TYPE_NUMERIC) {
        good = numeric_bytes_valid(bytes);
        value.as.decimal = good ? row_decimal_of_bytes(bytes) : decimal_of_int64(0);
    } else {
        value.as.bytes = bytes;
    }
    if (!good || !value_valid(&value)) {
        return error_set(error, KMB_CORRUPT, "encoded value of type %s is out of range", type_name(value.type));
    }
    *out = value;
    return KMB_OK;
}
