/*
 * Typed cells: what has a member of its own goes exactly, as a number or as bytes; everything else as PostgreSQL's
 * text.
 */
#include "wire/typed.h"

#include <string.h>

#include "types/uuid.h"
#include "types/utf8.h"

#define NS_PER_US 1000

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum kmb_status out_of_range(const char *what, struct kmb_error *error) {
    return error_set(error, KMB_DATETIME_OVERFLOW, "%s out of range", what);
}

static enum kmb_status read_timestamp(const struct wire_typed *typed, struct value *value, struct kmb_error *error) {
    struct wire_timestamp wire = typed->as.timestamp;
    struct timestamp timestamp = {.us = wire.micros, .ns = wire.nanos < NS_PER_US ? (uint16_t)wire.nanos : 0};
    if (wire.nanos >= NS_PER_US || !timestamp_valid(timestamp)) {
        return out_of_range("timestamp", error);
    }
    *value = value_timestamp(typed->tag == WIRE_TYPED_TIMESTAMP ? TYPE_TIMESTAMP : TYPE_TIMESTAMPTZ, timestamp);
    return KMB_OK;
}

static enum kmb_status read_interval(const struct wire_interval *wire, struct value *value, struct kmb_error *error) {
    if (wire->months != (int32_t)wire->months || wire->days != (int32_t)wire->days) {
        return error_set(error, KMB_INTERVAL_OVERFLOW, "interval out of range");
    }
    *value = value_interval(
        (struct interval){.us = wire->micros, .days = (int32_t)wire->days, .months = (int32_t)wire->months});
    return KMB_OK;
}

enum kmb_status wire_typed_read(const struct wire_typed *typed, struct arena *arena, struct value *value,
                                struct kmb_error *error) {
    switch (typed->tag) {
    case WIRE_TYPED_BOOLEAN:
        *value = value_bool(typed->as.boolean);
        return KMB_OK;
    case WIRE_TYPED_INTEGER:
        *value = value_int8(typed->as.integer);
        return KMB_OK;
    case WIRE_TYPED_REAL:
        *value = value_real(TYPE_FLOAT8, typed->as.real);
        return KMB_OK;
    case WIRE_TYPED_DECIMAL:
        return value_parse(type_make(TYPE_NUMERIC), typed->as.text, NULL, arena, value, error);
    case WIRE_TYPED_BYTES:
        *value = value_bytes(TYPE_BYTEA, typed->as.text);
        return KMB_OK;
    case WIRE_TYPED_DATE:
        *value = value_integer(TYPE_DATE, typed->as.integer);
        return date_valid(typed->as.integer) ? KMB_OK : out_of_range("date", error);
    case WIRE_TYPED_TIME:
        *value = value_integer(TYPE_TIME, typed->as.integer);
        return time_valid(typed->as.integer) ? KMB_OK : out_of_range("time", error);
    case WIRE_TYPED_TIMESTAMP:
    case WIRE_TYPED_TIMESTAMP_UTC:
        return read_timestamp(typed, value, error);
    case WIRE_TYPED_INTERVAL:
        return read_interval(&typed->as.interval, value, error);
    case WIRE_TYPED_UUID:
        *value = (struct value){.type = TYPE_UUID};
        if (typed->as.text.length != sizeof(value->as.uuid)) {
            return error_set(error, KMB_INVALID_BINARY, "a uuid has 16 bytes, not %zu", typed->as.text.length);
        }
        memcpy(value->as.uuid, typed->as.text.bytes, sizeof(value->as.uuid));
        return KMB_OK;
    case WIRE_TYPED_TEXT:
    case WIRE_TYPED_JSON:
    case WIRE_TYPED_OTHER:
        *value = value_bytes(TYPE_UNKNOWN, typed->as.text);
        return utf8_check(typed->as.text, error);
    default:
        *value = value_null(TYPE_UNKNOWN);
        return KMB_OK;
    }
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

void wire_printed_write(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    struct buffer text = {0};
    value_print(value, context, &text);
    postcard_write_bytes(out, buffer_slice(&text));
    out->failed = out->failed || text.failed;
    buffer_free(&text);
}

static void write_bytes(struct buffer *out, enum wire_typed_tag tag, struct slice bytes) {
    postcard_write_unsigned(out, tag);
    postcard_write_bytes(out, bytes);
}

static void write_integer(struct buffer *out, enum wire_typed_tag tag, int64_t integer) {
    postcard_write_unsigned(out, tag);
    postcard_write_signed(out, integer);
}

void wire_typed_write(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    if (value->is_null) {
        postcard_write_unsigned(out, WIRE_TYPED_NULL);
        return;
    }
    switch (value->type) {
    case TYPE_BOOL:
        postcard_write_unsigned(out, WIRE_TYPED_BOOLEAN);
        buffer_append_byte(out, value->as.boolean);
        break;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        write_integer(out, WIRE_TYPED_INTEGER, value->as.integer);
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        postcard_write_unsigned(out, WIRE_TYPED_REAL);
        postcard_write_real(out, value->as.real);
        break;
    case TYPE_NUMERIC:
        postcard_write_unsigned(out, WIRE_TYPED_DECIMAL);
        wire_printed_write(value, context, out);
        break;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NAME:
    case TYPE_UNKNOWN:
        write_bytes(out, WIRE_TYPED_TEXT, value->as.bytes);
        break;
    case TYPE_BYTEA:
        write_bytes(out, WIRE_TYPED_BYTES, value->as.bytes);
        break;
    case TYPE_DATE:
        write_integer(out, WIRE_TYPED_DATE, value->as.integer);
        break;
    case TYPE_TIME:
        write_integer(out, WIRE_TYPED_TIME, value->as.integer);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        write_integer(out, value->type == TYPE_TIMESTAMP ? WIRE_TYPED_TIMESTAMP : WIRE_TYPED_TIMESTAMP_UTC,
                      value->as.timestamp.us);
        postcard_write_unsigned(out, value->as.timestamp.ns);
        break;
    case TYPE_INTERVAL:
        write_integer(out, WIRE_TYPED_INTERVAL, value->as.interval.months);
        postcard_write_signed(out, value->as.interval.days);
        postcard_write_signed(out, value->as.interval.us);
        break;
    case TYPE_UUID:
        write_bytes(out, WIRE_TYPED_UUID, slice_make(value->as.uuid, sizeof(value->as.uuid)));
        break;
    case TYPE_JSON:
    case TYPE_JSONB:
        write_bytes(out, WIRE_TYPED_JSON, value->as.bytes);
        break;
    default:
        postcard_write_unsigned(out, WIRE_TYPED_OTHER);
        wire_printed_write(value, context, out);
        break;
    }
}
