/*
 * Values on PostgreSQL's wire.
 *
 * A result of a million rows passes through here field by field, so a field is written where it will stand: room for
 * the longest text of its type is made behind the buffer, the text is formatted into it, and its length is put before
 * it. Only what has no longest text (BYTEA, arrays) is appended and measured afterwards.
 */
#include "wire/pg/format.h"

#include "base/assert.h"
#include "sql/exec/catalogue.h"
#include "types/array.h"
#include "types/uuid.h"
#include "types/utf8.h"
#include "types/value_send.h"

#define LENGTH_SIZE 4

#define OID_INT2VECTOR 22
#define OID_OIDVECTOR  30

/* PostgreSQL's int2vector or oidvector, of pg_index and pg_proc. */
static bool is_vector(struct type type) {
    return type.modifier == CATALOGUE_VECTOR && type_is_array(type.id);
}

void pg_column_set_type(struct pg_column *column, struct type type) {
    type.id = type.id == TYPE_UNKNOWN ? TYPE_TEXT : type.id; /* as PostgreSQL decides for a result */
    column->type =
        is_vector(type) ? (type_element(type.id) == TYPE_OID ? OID_OIDVECTOR : OID_INT2VECTOR) : type_oid(type.id);
    column->type_length = (int16_t)type_oid_length(type.id);
    column->type_modifier = type_oid_modifier(type);
}

/* Room for a field of so many bytes; NULL: no memory. end_field() says how many there are. */
static char *begin_field(struct buffer *out, size_t size_max) {
    return buffer_reserve(out, LENGTH_SIZE + size_max) ? (char *)out->bytes + out->length + LENGTH_SIZE : NULL;
}

static void end_field(struct buffer *out, size_t length) {
    pg_store_u32(out->bytes + out->length, (uint32_t)length);
    out->length += LENGTH_SIZE + length;
}

/* A field that is appended by value_print() or value_send(). */
static void write_measured(struct buffer *out, const struct value *value, enum pg_format format,
                           const struct datetime_context *context) {
    size_t start = out->length;
    pg_put_u32(out, 0);
    if (format == PG_BINARY) {
        value_send(value, out);
    } else {
        value_print(value, context, out);
    }
    size_t length = out->length - start;
    if (out->failed || length > INT32_MAX) {
        out->failed = true;
        return;
    }
    pg_store_u32(out->bytes + start, (uint32_t)(length - LENGTH_SIZE));
}

static void write_integer(struct buffer *out, int64_t integer) {
    char *text = begin_field(out, VALUE_INTEGER_TEXT_SIZE);
    if (text != NULL) {
        end_field(out, value_format_integer(integer, text));
    }
}

static void write_decimal(struct buffer *out, struct decimal decimal) {
    char *text = begin_field(out, DECIMAL_TEXT_SIZE);
    if (text != NULL) {
        end_field(out, decimal_format(decimal, text));
    }
}

static void write_real(struct buffer *out, enum type_id type, double real) {
    char *text = begin_field(out, VALUE_REAL_TEXT_SIZE);
    if (text != NULL) {
        end_field(out, value_format_real(type, real, text));
    }
}

static void write_timestamp(struct buffer *out, enum type_id type, struct timestamp timestamp,
                            const struct datetime_context *context) {
    char *text = begin_field(out, DATETIME_TEXT_SIZE);
    if (text == NULL) {
        return;
    }
    end_field(out, timestamp_print(timestamp, context, type == TYPE_TIMESTAMPTZ, text));
}

static void write_text(struct buffer *out, const struct value *value, const struct datetime_context *context) {
    switch (value->type) {
    case TYPE_BOOL:
        pg_write_value(out, slice_make(value->as.boolean ? "t" : "f", 1));
        return;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        write_integer(out, value->as.integer);
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        write_real(out, value->type, value->as.real);
        return;
    case TYPE_NUMERIC:
        write_decimal(out, value->as.decimal);
        return;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_JSON:
    case TYPE_JSONB:
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_UNKNOWN:
        pg_write_value(out, value->as.bytes);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        write_timestamp(out, value->type, value->as.timestamp, context);
        return;
    default:
        write_measured(out, value, PG_TEXT, context);
        return;
    }
}

void pg_write_field(struct buffer *out, const struct value *value, enum pg_format format,
                    const struct datetime_context *context) {
    if (value->is_null) {
        pg_write_null(out);
    } else if (format == PG_TEXT) {
        write_text(out, value, context);
    } else {
        write_measured(out, value, PG_BINARY, context);
    }
}

/* The text of an int2vector or oidvector: numbers with blanks between. */
static void write_numbers(struct buffer *out, const struct value *value) {
    struct array array;
    size_t start = out->length;
    array_open(value, &array);
    pg_put_u32(out, 0);
    for (uint32_t i = 0; i < array.count; i++) {
        char digits[VALUE_INTEGER_TEXT_SIZE];
        size_t length = value_format_integer(array_get(&array, i).as.integer, digits);
        buffer_append(out, i == 0 ? "" : " ", i == 0 ? 0 : 1);
        buffer_append(out, digits, length);
    }
    if (buffer_ok(out)) {
        pg_store_u32(out->bytes + start, (uint32_t)(out->length - start - LENGTH_SIZE));
    }
}

static void write_vector_text(struct buffer *out, const struct vector *vector, uint32_t at,
                              const struct datetime_context *context) {
    enum type_id type = vector->type.id;
    switch (vector->form) {
    case VECTOR_INT:
        if (type_is_integer(type)) {
            write_integer(out, vector->integer[at]);
            return;
        }
        break;
    case VECTOR_BYTES:
        if (type_is_string(type)) {
            pg_write_value(out, vector->bytes[at]);
            return;
        }
        break;
    case VECTOR_DECIMAL:
        write_decimal(out, vector->decimal[at]);
        return;
    case VECTOR_TIMESTAMP:
        write_timestamp(out, type, vector->timestamp[at], context);
        return;
    default:
        break;
    }
    struct value value = vector_get(vector, at);
    if (is_vector(vector->type)) {
        write_numbers(out, &value);
    } else {
        write_text(out, &value, context);
    }
}

/* A fixed number of bytes, with their length. */
static void write_word(struct buffer *out, uint64_t word, uint32_t width) {
    uint8_t *place = pg_extend(out, LENGTH_SIZE + (size_t)width);
    if (place == NULL) {
        return;
    }
    pg_store_u32(place, width);
    if (width == 8) {
        pg_store_u32(place + 4, (uint32_t)(word >> 32));
        pg_store_u32(place + 8, (uint32_t)word);
    } else if (width == 4) {
        pg_store_u32(place + 4, (uint32_t)word);
    } else {
        pg_store_u16(place + 4, (uint16_t)word);
    }
}

/* What is a word or the bytes themselves at once, anything else by value_send(). */
static void write_vector_binary(struct buffer *out, const struct vector *vector, uint32_t at) {
    switch (vector->type.id) {
    case TYPE_INT8:
        write_word(out, (uint64_t)vector->integer[at], 8);
        return;
    case TYPE_INT4:
        write_word(out, (uint64_t)vector->integer[at], 4);
        return;
    case TYPE_INT2:
        write_word(out, (uint64_t)vector->integer[at], 2);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        write_word(out, (uint64_t)value_send_timestamp(vector->timestamp[at]), 8);
        return;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_BYTEA:
    case TYPE_NAME:
        pg_write_value(out, vector->bytes[at]);
        return;
    default: {
        struct value value = vector_get(vector, at);
        write_measured(out, &value, PG_BINARY, NULL);
        return;
    }
    }
}

void pg_write_vector_field(struct buffer *out, const struct vector *vector, uint32_t row, enum pg_format format,
                           const struct datetime_context *context) {
    uint32_t at = vector_row(vector, row);
    if (vector->may_have_null && vector->null[at] != 0) {
        pg_write_null(out);
    } else if (format == PG_TEXT) {
        write_vector_text(out, vector, at, context);
    } else {
        write_vector_binary(out, vector, at);
    }
}

void pg_write_row(struct buffer *out, const struct batch *batch, uint32_t row, const struct pg_formats *formats,
                  const struct datetime_context *context) {
    size_t start = pg_begin_row(out, (uint16_t)batch->column_count);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        bool binary = formats->count > 0 && pg_formats_code(formats, (uint16_t)i) == PG_BINARY;
        pg_write_vector_field(out, &batch->columns[i], row, binary ? PG_BINARY : PG_TEXT, context);
    }
    pg_end(out, start);
}

/* --- parameters --- */

static enum kmb_status read_binary(struct type type, struct slice bytes, uint32_t number, struct arena *arena,
                                   struct value *out, struct kmb_error *error) {
    struct reader reader = reader_make(bytes);
    enum kmb_status status = value_receive(type, &reader, arena, out, error);
    if (status == KMB_OK && !reader_done(&reader)) {
        return error_set(error, KMB_INVALID_BINARY, "incorrect binary data format in bind parameter %u", number);
    }
    return status;
}

enum kmb_status pg_parameter_read(struct type type, enum pg_format format, struct slice bytes, uint32_t number,
                                  const struct datetime_context *context, struct arena *arena, struct value *out,
                                  struct kmb_error *error) {
    if (format == PG_BINARY) {
        return read_binary(type, bytes, number, arena, out, error);
    }
    if (!type_is_label(type_element(type.id))) {
        return value_parse(type, bytes, context, arena, out, error);
    }
    *out = value_bytes(TYPE_UNKNOWN, bytes);
    return utf8_check(bytes, error);
}
