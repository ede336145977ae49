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

#include "base/assert.h"
#include "types/value_bytes.h"

/* --- layout --- */

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
        column->fixed_width = value_bytes_width(column->type.id);
        column->fixed_offset = offset;
        column->slot = 0;
        if (column->fixed_width == 0) {
            column->slot = variables++;
        } else if (value_bytes_nanoseconds(column->type.id)) {
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

/* --- writing --- */

/* Size of the whole image, and its flags; beyond ROW_BYTES_MAX when it is too great. */
static uint64_t row_measure(const struct row_layout *layout, const struct value *values, uint8_t *flags) {
    uint64_t variable = 0;
    *flags = 0;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const struct row_column *column = &layout->columns[i];
        ASSERT(values[i].is_null || values[i].type == column->type.id);
        if (column->fixed_width == 0) {
            variable += value_bytes_size(&values[i]);
        } else if (value_bytes_nanoseconds(column->type.id) && !values[i].is_null && values[i].as.timestamp.ns != 0) {
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
    bytes_store(image + 2, layout->column_count, 2);
    bytes_store(image + 4, layout->table.value, 4);
    bytes_store(image + 8, layout->version.value, 4);
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
                value_bytes_store(value, data + end);
                end += value_bytes_size(value);
            }
            bytes_store(image + ends + (size_t)4 * column->slot, end, 4);
        } else if (!value->is_null) {
            value_bytes_store_fixed(value, image + column->fixed_offset, column->fixed_width);
            if ((flags & ROW_FLAG_NANOSECONDS) != 0 && value_bytes_nanoseconds(column->type.id)) {
                bytes_store(image + layout->nanosecond_offset + (size_t)2 * column->slot, value->as.timestamp.ns, 2);
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
                                  .column_count = (uint16_t)bytes_load(image.bytes + 2, 2),
                                  .table = {bytes_load_u32(image.bytes + 4)},
                                  .version = {bytes_load_u32(image.bytes + 8)}};
    return true;
}

struct slice row_variable(const struct row_layout *layout, struct slice image, uint32_t slot) {
    const uint8_t *ends = image.bytes + row_ends_offset(layout, image.bytes[1]);
    const uint8_t *data = ends + (size_t)4 * layout->variable_count;
    uint32_t start = slot == 0 ? 0 : bytes_load_u32(ends + (size_t)4 * (slot - 1));
    uint32_t end = bytes_load_u32(ends + (size_t)4 * slot);
    return slice_make(data + start, end - start);
}

uint16_t row_nanoseconds(const struct row_layout *layout, struct slice image, uint32_t timestamp_slot) {
    if ((image.bytes[1] & ROW_FLAG_NANOSECONDS) == 0) {
        return 0;
    }
    return (uint16_t)bytes_load(image.bytes + layout->nanosecond_offset + (size_t)2 * timestamp_slot, 2);
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
        value_bytes_load_fixed(column->type.id, image.bytes + column->fixed_offset, column->fixed_width, out);
        if (value_bytes_nanoseconds(column->type.id)) {
            out->as.timestamp.ns = row_nanoseconds(layout, image, column->slot);
        }
        return;
    }
    value_bytes_load(column->type.id, row_variable(layout, image, column->slot), out);
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
        uint32_t end = bytes_load_u32(image.bytes + ends + (size_t)4 * i);
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
                                                    !(value_bytes_nanoseconds(column->type.id) &&
                                                      row_nanoseconds(layout, image, column->slot) != 0);
        return blank ? KMB_OK : row_corrupt(layout, error, "bytes where a NULL stands");
    }
    uint16_t nanoseconds = value_bytes_nanoseconds(column->type.id) ? row_nanoseconds(layout, image, column->slot) : 0;
    struct value value;
    return value_bytes_read(column->type.id, bytes, nanoseconds, &value)
               ? KMB_OK
               : row_corrupt(layout, error, "a value out of range");
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
