/*
 * The row image: how a row stands in the log, in the store and in history. Frozen format, one version.
 *
 *   header 12 bytes | presence bitmap | fixed part | nanosecond part | variable part
 *
 * Columns are those of one schema version of the table, in the order of its definition; `ordinal` is the place in that
 * list. Every column of fixed width has the same offset in all rows of a schema version (zeros when NULL), so a reader
 * of a batch can jump; text and NUMERIC are in the variable part behind an array of end offsets. To the byte:
 * docs/internals/formats-events.md, "Values and row images".
 *
 * A layout is built once per schema version and is immutable: any thread may use it.
 */
#ifndef KMB_TYPES_ROW_H
#define KMB_TYPES_ROW_H

#include "base/codec.h"
#include "types/ids.h"
#include "types/value.h"

#define ROW_FORMAT      1
#define ROW_HEADER_SIZE 12
#define ROW_COLUMNS_MAX 1600
#define ROW_BYTES_MAX   (UINT32_C(1) << 30) /* of one image; more is KMB_LIMIT */

#define ROW_FLAG_SEALED      0x01 /* a sealed part follows the variable part; not read by this version */
#define ROW_FLAG_NANOSECONDS 0x02 /* the nanosecond part is there */

/* One column of a layout. */
struct row_column {
    struct column_id id;
    struct type type;
    uint32_t fixed_offset; /* from the start of the image; of variable columns: unused */
    uint16_t slot;         /* which variable column, or which timestamp, this is */
    uint8_t fixed_width;   /* 0: variable */
};

struct row_layout {
    struct table_id table;
    struct schema_version version;
    uint32_t column_count;
    uint32_t variable_count;
    uint32_t timestamp_count;
    uint32_t nanosecond_offset; /* of the nanosecond part, from the start of the image */
    const struct row_column *columns;
};

/*
 * Fills `columns` (column_count places with id and type set by the caller, kept alive by the caller) and the layout.
 * Errors: KMB_TOO_MANY_COLUMNS.
 */
enum kmb_status row_layout_build(struct row_layout *layout, struct table_id table, struct schema_version version,
                                 struct row_column *columns, uint32_t column_count, struct kmb_error *error);

/*
 * Appends an image of the values (column_count of them, of the columns' types or NULL) to buffer. Values must already
 * fit their types. KMB_LIMIT when the image would exceed ROW_BYTES_MAX, KMB_NO_MEMORY.
 */
enum kmb_status row_encode(const struct row_layout *layout, const struct value *values, struct buffer *buffer,
                           struct kmb_error *error);

/* Everything row_get() relies on, checked once, and every value in range; for bytes that may be hostile.
 * KMB_CORRUPT, KMB_FORMAT_VERSION. */
enum kmb_status row_validate(const struct row_layout *layout, struct slice image, struct kmb_error *error);

/* The header alone: which table and schema version an image belongs to. False: too short or another format. */
struct row_header {
    uint8_t format;
    uint8_t flags;
    uint16_t column_count;
    struct table_id table;
    struct schema_version version;
};
bool row_header_read(struct slice image, struct row_header *header);
/* The schema version alone, for a loop over many images. */
static inline bool row_version_read(struct slice image, struct schema_version *version) {
    if (image.length < ROW_HEADER_SIZE || image.bytes[0] != ROW_FORMAT) {
        return false;
    }
    memcpy(&version->value, image.bytes + 8, sizeof version->value);
    return true;
}

/* One column of a valid image; bytes borrow from the image. */
void row_get(const struct row_layout *layout, struct slice image, uint32_t ordinal, struct value *out);
/* All of them. */
void row_get_all(const struct row_layout *layout, struct slice image, struct value *values);

static inline bool row_is_null(struct slice image, uint32_t ordinal) {
    return (((uint32_t)image.bytes[ROW_HEADER_SIZE + ordinal / 8] >> (ordinal % 8)) & 1u) == 0;
}

/* For batch readers: where the bytes of variable column `slot` begin and end, and a NUMERIC from such bytes. */
struct slice row_variable(const struct row_layout *layout, struct slice image, uint32_t slot);
#define ROW_DECIMAL_HEADER 3 /* u8 kind, 0 where it is positive; u16 scale; then the magnitude */
struct decimal row_decimal_of_bytes(struct slice bytes); /* of a valid image */
uint16_t row_nanoseconds(const struct row_layout *layout, struct slice image, uint32_t timestamp_slot);

/* A single value with its type, as definitions and results carry it: {u8 type, u8 presence, encoding}. */
void value_encode(const struct value *value, struct buffer *buffer);
enum kmb_status value_decode(struct reader *reader, struct value *out, struct kmb_error *error); /* borrows */

#endif
