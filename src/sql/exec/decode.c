/*
 * Decoding rows by columns.
 *
 * Within one schema version every column of fixed width stands at one offset in all images, so a column of a batch is
 * one short loop: load, store, note the presence bit. Runs of rows of one version (nearly always the whole batch) are
 * found first; a row older than the column reads as the column's missing value.
 */
#include "sql/exec/decode.h"

#include "base/assert.h"
#include "kernel/catalogue.h"
#include "sql/plan/plan.h"
#include "types/array.h"
#include "types/row.h"

struct decode {
    const struct kernel_row *rows;
    const struct row_layout *layout;
    const struct row_column *column;
    uint32_t ordinal;
    const uint16_t *selection;
    uint32_t from; /* places of the selection */
    uint32_t to;
    struct vector *vector;
};

static void decode_nulls(const struct decode *decode) {
    uint32_t byte = ROW_HEADER_SIZE + decode->ordinal / 8;
    unsigned shift = decode->ordinal % 8;
    uint8_t *null = decode->vector->null;
    unsigned any = 0;
    for (uint32_t i = decode->from; i < decode->to; i++) {
        uint32_t row = decode->selection == NULL ? i : decode->selection[i];
        unsigned absent = (~(unsigned)decode->rows[row].image.bytes[byte] >> shift) & 1u;
        null[row] = (uint8_t)absent;
        any |= absent;
    }
    decode->vector->may_have_null |= any != 0;
}

#define DECODE_FIXED(target, ctype)                                                                                    \
    do {                                                                                                               \
        uint32_t offset = decode->column->fixed_offset;                                                                \
        for (uint32_t i = decode->from; i < decode->to; i++) {                                                         \
            uint32_t row = decode->selection == NULL ? i : decode->selection[i];                                       \
            ctype element;                                                                                             \
            memcpy(&element, decode->rows[row].image.bytes + offset, sizeof element);                                  \
            (target)[row] = element;                                                                                   \
        }                                                                                                              \
    } while (0)

static void decode_integer(const struct decode *decode) {
    int64_t *target = decode->vector->integer;
    switch (decode->column->fixed_width) {
    case 1:
        DECODE_FIXED(target, int8_t);
        break;
    case 2:
        DECODE_FIXED(target, int16_t);
        break;
    case 4:
        DECODE_FIXED(target, int32_t);
        break;
    default:
        DECODE_FIXED(target, int64_t);
        break;
    }
}

/* Columns without a loop of their own: value by value. */
static void decode_values(const struct decode *decode) {
    for (uint32_t i = decode->from; i < decode->to; i++) {
        uint32_t row = decode->selection == NULL ? i : decode->selection[i];
        struct value value;
        row_get(decode->layout, decode->rows[row].image, decode->ordinal, &value);
        vector_set(decode->vector, row, &value);
    }
}

static inline uint16_t load_u16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}
static inline uint32_t load_u32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}
static inline uint64_t load_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* row_variable() for a loop. */
static inline struct slice variable_of(const struct decode *decode, struct slice image) {
    const struct row_layout *layout = decode->layout;
    uint32_t slot = decode->column->slot;
    if (__builtin_expect((image.bytes[1] & ROW_FLAG_NANOSECONDS) != 0, 0)) {
        return row_variable(layout, image, slot);
    }
    const uint8_t *ends = image.bytes + layout->nanosecond_offset;
    const uint8_t *data = ends + sizeof(uint32_t) * layout->variable_count;
    uint32_t start = slot == 0 ? 0 : load_u32(ends + sizeof(uint32_t) * (slot - 1));
    return slice_make(data + start, load_u32(ends + sizeof(uint32_t) * slot) - start);
}

static void decode_bytes(const struct decode *decode) {
    for (uint32_t i = decode->from; i < decode->to; i++) {
        uint32_t row = decode->selection == NULL ? i : decode->selection[i];
        decode->vector->bytes[row] =
            decode->vector->null[row] ? slice_make(NULL, 0) : variable_of(decode, decode->rows[row].image);
    }
}

/*
 * NUMERICs (row.h: kind, scale, magnitude of as few bytes as it needs). A positive one of up to eight bytes, which most
 * are, is one load where the image goes on so far, and a mask; the rest takes the general way.
 */
static inline struct decimal decimal_of(struct slice bytes, struct slice image) {
    const uint8_t *magnitude = bytes.bytes + ROW_DECIMAL_HEADER;
    size_t size = bytes.length - ROW_DECIMAL_HEADER;
    if (__builtin_expect(bytes.bytes[0] == 0 && size - 1 < 8 && magnitude + 8 <= image.bytes + image.length, 1)) {
        return (struct decimal){.low = load_u64(magnitude) & (UINT64_MAX >> (64 - 8 * size)),
                                .scale = load_u16(bytes.bytes + 1)};
    }
    return row_decimal_of_bytes(bytes);
}

static void decode_decimal(const struct decode *decode) {
    static const struct decimal zero = {0};
    for (uint32_t i = decode->from; i < decode->to; i++) {
        uint32_t row = decode->selection == NULL ? i : decode->selection[i];
        struct slice image = decode->rows[row].image;
        decode->vector->decimal[row] = decode->vector->null[row] ? zero : decimal_of(variable_of(decode, image), image);
    }
}

static void decode_timestamp(const struct decode *decode) {
    uint32_t offset = decode->column->fixed_offset;
    for (uint32_t i = decode->from; i < decode->to; i++) {
        uint32_t row = decode->selection == NULL ? i : decode->selection[i];
        struct timestamp at = {0};
        memcpy(&at.us, decode->rows[row].image.bytes + offset, sizeof at.us);
        if (decode->rows[row].image.bytes[1] & ROW_FLAG_NANOSECONDS) {
            at.ns = row_nanoseconds(decode->layout, decode->rows[row].image, decode->column->slot);
        }
        decode->vector->timestamp[row] = at;
    }
}

/* One run of rows of one schema version. */
static void decode_run(const struct decode *decode) {
    decode_nulls(decode);
    switch (decode->vector->form) {
    case VECTOR_BOOL:
        DECODE_FIXED(decode->vector->boolean, uint8_t);
        break;
    case VECTOR_INT:
        decode_integer(decode);
        break;
    case VECTOR_REAL:
        if (decode->column->fixed_width == 4) {
            double *target = decode->vector->real;
            DECODE_FIXED(target, float);
        } else {
            DECODE_FIXED(decode->vector->real, double);
        }
        break;
    case VECTOR_BYTES:
        decode_bytes(decode);
        break;
    case VECTOR_DECIMAL:
        decode_decimal(decode);
        break;
    case VECTOR_TIMESTAMP:
        decode_timestamp(decode);
        break;
    case VECTOR_INTERVAL:
    case VECTOR_UUID:
        decode_values(decode);
        break;
    }
}

static void decode_keys(const struct kernel_row *rows, const uint16_t *selection, uint32_t count,
                        struct vector *vector) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        vector->bytes[row] = rows[row].key;
        vector->null[row] = 0;
    }
}

/* --- labels of enum types --- */

/* Rows keep the name that a label had when they were written. */
static bool labels_renamed(const struct catalogue *catalogue, enum type_id type) {
    const struct table_definition *definition = catalogue_enum(catalogue, type);
    return definition != NULL && definition->labels_renamed;
}

void decode_labels(struct sql_context *context, const struct catalogue *catalogue, struct value *value,
                   struct arena *arena) {
    if (value->is_null || type_object(value->type) == 0 || !labels_renamed(catalogue, value->type)) {
        return;
    }
    const struct table_definition *definition = catalogue_enum(catalogue, value->type);
    if (!type_is_array(value->type)) {
        const struct slice *label = definition_label_of_place(definition, value->as.bytes);
        value->as.bytes = label == NULL ? value->as.bytes : *label;
        return;
    }
    struct array array;
    array_open(value, &array);
    struct value *elements = array_elements(&array, arena);
    if (elements == NULL) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    for (uint32_t i = 0; i < array.count; i++) {
        decode_labels(context, catalogue, &elements[i], arena);
    }
    sql_try(context, array_make(array.element, &array.shape, elements, arena, value, context->error));
}

static void decode_names(struct sql_context *context, const struct catalogue *catalogue, const uint16_t *selection,
                         uint32_t count, struct vector *vector, struct arena *arena) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        struct value value = vector_get(vector, row);
        decode_labels(context, catalogue, &value, arena);
        vector_set(vector, row, &value);
    }
}

void decode_column(struct sql_context *context, const struct catalogue *catalogue, const struct table_definition *table,
                   const struct kernel_row *rows, uint32_t ordinal, const uint16_t *selection, uint32_t count,
                   struct vector *vector, struct arena *arena) {
    if (ordinal == PLAN_SCAN_KEY) {
        decode_keys(rows, selection, count, vector);
        return;
    }
    for (uint32_t from = 0; from < count;) {
        uint32_t version = rows[selection == NULL ? from : selection[from]].version.value;
        uint32_t to = from + 1;
        while (to < count && rows[selection == NULL ? to : selection[to]].version.value == version) {
            to++;
        }
        uint32_t living = 0;
        struct schema_version of = {version};
        const uint16_t *map = catalogue_column_map(catalogue, table->id, of, &living);
        const struct row_layout *layout = catalogue_layout(catalogue, table->id, of);
        if (map == NULL || layout == NULL || ordinal >= living) {
            sql_raise(context, KMB_CORRUPT, 0, "a row of table \"%.*s\" has the unknown schema version %u",
                      (int)table->name.length, (const char *)table->name.bytes, version);
        }
        if (map[ordinal] == CATALOGUE_COLUMN_MISSING) {
            const struct value *missing = catalogue_missing_value(catalogue, table->id, ordinal);
            for (uint32_t i = from; i < to; i++) {
                vector_set(vector, selection == NULL ? i : selection[i], missing);
            }
        } else {
            struct decode decode = {.rows = rows,
                                    .layout = layout,
                                    .column = &layout->columns[map[ordinal]],
                                    .ordinal = map[ordinal],
                                    .selection = selection,
                                    .from = from,
                                    .to = to,
                                    .vector = vector};
            decode_run(&decode);
        }
        from = to;
    }
    if (type_object(vector->type.id) != 0 && labels_renamed(catalogue, vector->type.id)) {
        decode_names(context, catalogue, selection, count, vector, arena);
    }
}
