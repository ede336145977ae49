/*
 * Casts: every pair PostgreSQL 15 has among our types, each in the weakest context it may be used in, as pg_cast says.
 *
 * Three kinds. Numbers and times convert by code of their own. A pair that differs in name only (varchar -> text,
 * int4 -> int8: one vector form) has no function at all: relabel. Everything else goes through text, as PostgreSQL's
 * I/O conversions do: to a text type on assignment, from a text type when written out.
 *
 * A cast to a type with a modifier applies it; a type's cast to itself does nothing but that (PostgreSQL's length
 * coercion).
 */
#include <math.h>

#include "base/assert.h"
#include "sql/func/arithmetic.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"
#include "types/json.h"
#include "types/uuid.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static struct datetime_context datetime_of(const struct sql_call *call) {
    return sql_datetime(call->context);
}

static struct slice keep(const struct sql_call *call, const char *text, size_t length) {
    uint8_t *bytes = result_bytes(call, length);
    memcpy(bytes, text, length);
    return slice_make(bytes, length);
}

static struct slice bytea_text(const struct sql_call *call, struct slice bytes) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *text = result_bytes(call, 2 + bytes.length * 2);
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < bytes.length; i++) {
        text[2 + 2 * i] = (uint8_t)digits[bytes.bytes[i] >> 4];
        text[3 + 2 * i] = (uint8_t)digits[bytes.bytes[i] & 15];
    }
    return slice_make(text, 2 + bytes.length * 2);
}

/* Printed on the heap: an array's text is of any length. */
static struct slice array_text(const struct sql_call *call, const struct value *value) {
    struct datetime_context zone = datetime_of(call);
    struct buffer buffer = {0};
    value_print(value, &zone, &buffer);
    void (*on_fail)(void *context, bool budget) = call->arena->on_fail;
    call->arena->on_fail = NULL; /* the buffer goes first */
    struct slice text = buffer_ok(&buffer) ? arena_dup_slice(call->arena, buffer_slice(&buffer)) : slice_make(NULL, 0);
    call->arena->on_fail = on_fail;
    buffer_free(&buffer);
    if (text.bytes == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return text;
}

static struct slice bytea_escaped(const struct sql_call *call, const struct value *value) {
    return array_text(call, value); /* on the heap likewise: each byte may take four */
}

struct slice cast_text_iso(const struct sql_call *call, const struct value *value) {
    char text[DATETIME_TEXT_SIZE];
    switch (value->type) {
    case TYPE_DATE:
        return keep(call, text, date_format(value->as.integer, text));
    case TYPE_TIMESTAMP:
        return keep(call, text, timestamp_format(value->as.timestamp, text));
    case TYPE_TIMESTAMPTZ:
        return keep(call, text, timestamptz_format(value->as.timestamp, datetime_of(call).zone, text));
    default:
        return cast_text_of(call, value);
    }
}

struct slice cast_text_of(const struct sql_call *call, const struct value *value) {
    char text[INTERVAL_TEXT_SIZE > DECIMAL_TEXT_SIZE ? INTERVAL_TEXT_SIZE : DECIMAL_TEXT_SIZE];
    struct datetime_context zone = datetime_of(call);
    switch (type_kind(value->type)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return value_label_name(value->as.bytes);
    case TYPE_BOOL:
        return slice_text(value->as.boolean ? "true" : "false");
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        return keep(call, text, value_format_integer(value->as.integer, text));
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return keep(call, text, value_format_real(value->type, value->as.real, text));
    case TYPE_NUMERIC:
        return keep(call, text, decimal_format(value->as.decimal, text));
    case TYPE_DATE:
        return keep(call, text, date_print(value->as.integer, &zone.style, text));
    case TYPE_TIME:
        return keep(call, text, time_format(value->as.integer, text));
    case TYPE_TIMESTAMP:
        return keep(call, text, timestamp_print(value->as.timestamp, &zone, false, text));
    case TYPE_TIMESTAMPTZ:
        return keep(call, text, timestamp_print(value->as.timestamp, &zone, true, text));
    case TYPE_INTERVAL:
        return keep(call, text, interval_print(value->as.interval, (enum interval_style)zone.style.intervals, text));
    case TYPE_UUID:
        uuid_format(value->as.uuid, text);
        return keep(call, text, UUID_TEXT_SIZE - 1);
    case TYPE_BYTEA:
        return zone.style.bytea_escape ? bytea_escaped(call, value) : bytea_text(call, value->as.bytes);
    default:
        return type_is_array(value->type) ? array_text(call, value) : value->as.bytes;
    }
}

/* Sets a row, the modifier of the call's result type applied. */
static void set_modified(const struct sql_call *call, struct vector *result, uint32_t row, struct value *value) {
    value->type = call->result_type.id;
    if (call->result_type.modifier >= 0) {
        check(call, value_apply_modifier(call->result_type, call->explicit_cast, value, call->arena, value,
                                         call->context->error));
    }
    vector_set(result, row, value);
}

/* --- through text --- */

void cast_to_text(SCALAR_PARAMETERS) {
    bool pad = call->result_type.modifier >= 0;
    EACH_ROW(row) {
        struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
        struct slice text = cast_text_of(call, &value);
        if (pad) {
            struct value out = value_bytes(call->result_type.id, text);
            set_modified(call, result, row, &out);
        } else {
            result->bytes[row] = text;
        }
    }
}

void cast_of_text(SCALAR_PARAMETERS) {
    struct datetime_context zone = datetime_of(call);
    bool interval = call->result_type.id == TYPE_INTERVAL; /* its fields say how to read */
    struct type plain = interval ? call->result_type : type_make(call->result_type.id);
    EACH_ROW(row) {
        struct value value;
        check(call, value_parse(plain, ARGUMENT_BYTES(0, row), &zone, call->arena, &value, call->context->error));
        set_modified(call, result, row, &value);
    }
}

/* bpchar -> text, varchar: trailing blanks do not count. */
static void of_blank_padded(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct value value = value_bytes(TYPE_TEXT, value_trim_blanks(ARGUMENT_BYTES(0, row)));
        set_modified(call, result, row, &value);
    }
}

/* A type to itself: the modifier. */
static void to_itself(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
        set_modified(call, result, row, &value);
    }
}

/* --- numbers --- */

static void int_narrow(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    int64_t *out = result->integer;
    int64_t least = type_integer_min(call->result_type.id);
    int64_t greatest = type_integer_max(call->result_type.id);
    bool bad = false;
    UNARY_LOOP(int64_t, a, {
        bad |= x < least || x > greatest;
        out[row] = x;
    });
    if (bad) {
        arithmetic_raise_range(call, call->result_type.id);
    }
}

static void int_to_real(SCALAR_PARAMETERS) {
    const int64_t *a = arguments[0]->integer;
    double *out = result->real;
    if (call->result_type.id == TYPE_FLOAT4) {
        UNARY_LOOP(int64_t, a, { out[row] = (double)(float)x; });
    } else {
        UNARY_LOOP(int64_t, a, { out[row] = (double)x; });
    }
}

static void int_to_numeric(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct decimal value = decimal_of_int64(ARGUMENT_INT(0, row));
        check(call,
              decimal_apply_modifier(value, call->result_type.modifier, &result->decimal[row], call->context->error));
    }
}

static void real_to_int(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    /* The least value is a power of two and exact as a double; the greatest is its negation less one. */
    double least = (double)type_integer_min(call->result_type.id);
    EACH_ROW(row) {
        double value = rint(a[vector_row(arguments[0], row)]);
        if (!(value >= least && value < -least)) {
            arithmetic_raise_range(call, call->result_type.id);
        }
        result->integer[row] = (int64_t)value;
    }
}

static void real_to_single(SCALAR_PARAMETERS) {
    const double *a = arguments[0]->real;
    double *out = result->real;
    UNARY_LOOP(double, a, { out[row] = arithmetic_check_real(call, x, isinf(x), x == 0); });
}

static void real_to_numeric(SCALAR_PARAMETERS) {
    struct kmb_error *error = call->context->error;
    EACH_ROW(row) {
        double value = arguments[0]->real[vector_row(arguments[0], row)];
        struct decimal out;
        check(call, call->argument_types[0].id == TYPE_FLOAT4 ? decimal_of_float((float)value, &out, error)
                                                              : decimal_of_double(value, &out, error));
        check(call, decimal_apply_modifier(out, call->result_type.modifier, &result->decimal[row], error));
    }
}

static int64_t int_of_numeric(const struct sql_call *call, struct decimal value) {
    enum type_id type = call->result_type.id;
    int64_t out = 0;
    if (!decimal_is_finite(value)) {
        sql_raise(call->context, KMB_UNSUPPORTED, call->position, "cannot convert %s to %s",
                  value.kind == DECIMAL_NAN ? "NaN" : "infinity", type_name(type));
    }
    if (decimal_to_int64(value, &out, NULL) != KMB_OK || out < type_integer_min(type) || out > type_integer_max(type)) {
        arithmetic_raise_range(call, type);
    }
    return out;
}

static void numeric_to_int(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = int_of_numeric(call, arguments[0]->decimal[vector_row(arguments[0], row)]);
    }
}

static double real_of_numeric(const struct sql_call *call, struct decimal value) {
    double out = decimal_to_double(value);
    return arithmetic_check_real(call, out, !decimal_is_finite(value), out == 0);
}

static void numeric_to_real(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->real[row] = real_of_numeric(call, arguments[0]->decimal[vector_row(arguments[0], row)]);
    }
}

/* --- jsonb: a number or a truth value, of whose normal text the first byte tells the kind --- */

static _Noreturn void raise_jsonb(const struct sql_call *call, struct slice text) {
    uint8_t first = text.bytes[0];
    const char *kind = first == 'n'                   ? "null"
                       : first == '"'                 ? "string"
                       : first == 't' || first == 'f' ? "boolean"
                       : first == '['                 ? "array"
                       : first == '{'                 ? "object"
                                                      : "numeric";
    sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "cannot cast jsonb %s to type %s", kind,
              type_name(call->result_type.id));
}

static void jsonb_to_number(SCALAR_PARAMETERS) {
    enum type_id type = call->result_type.id;
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct decimal value;
        ASSERT(text.length > 0);
        if (text.bytes[0] != '-' && (text.bytes[0] < '0' || text.bytes[0] > '9')) {
            raise_jsonb(call, text);
        }
        check(call, decimal_parse(text, &value, call->context->error));
        if (type == TYPE_NUMERIC) {
            check(call, decimal_apply_modifier(value, call->result_type.modifier, &result->decimal[row],
                                               call->context->error));
        } else if (type == TYPE_FLOAT4 || type == TYPE_FLOAT8) {
            result->real[row] = real_of_numeric(call, value);
        } else {
            result->integer[row] = int_of_numeric(call, value);
        }
    }
}

static void jsonb_to_bool(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        ASSERT(text.length > 0);
        if (text.bytes[0] != 't' && text.bytes[0] != 'f') {
            raise_jsonb(call, text);
        }
        result->boolean[row] = text.bytes[0] == 't';
    }
}

static void int_to_bool(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] = ARGUMENT_INT(0, row) != 0;
    }
}

static void bool_to_int(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = arguments[0]->boolean[vector_row(arguments[0], row)];
    }
}

/* --- times --- */

static struct timestamp modified(const struct sql_call *call, struct timestamp value) {
    check(call, timestamp_apply_modifier(value, call->result_type.modifier, &value, call->context->error));
    return value;
}

static void date_to_stamp(SCALAR_PARAMETERS) {
    struct time_zone zone = call->result_type.id == TYPE_TIMESTAMPTZ ? datetime_of(call).zone : time_zone_fixed(0);
    EACH_ROW(row) {
        struct timestamp value;
        check(call, date_to_timestamp(ARGUMENT_INT(0, row), &value, call->context->error));
        check(call, timestamp_to_utc(value, zone, &value, call->context->error));
        result->timestamp[row] = modified(call, value);
    }
}

/* The local wall clock of a timestamp argument of either kind. */
static struct timestamp local_of(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    struct timestamp value = arguments[0]->timestamp[vector_row(arguments[0], row)];
    if (call->argument_types[0].id == TYPE_TIMESTAMPTZ) {
        check(call, timestamp_to_local(value, datetime_of(call).zone, &value, call->context->error));
    }
    return value;
}

static void stamp_to_date(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = timestamp_to_date(local_of(call, arguments, row));
    }
}

static void stamp_to_time(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct timestamp value = local_of(call, arguments, row);
        if (!timestamp_is_finite(value)) {
            result_null(result, row);
        } else {
            result->integer[row] = time_apply_modifier(timestamp_to_time(value), call->result_type.modifier);
        }
    }
}

static void stamp_to_zoned(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct timestamp value = arguments[0]->timestamp[vector_row(arguments[0], row)];
        check(call, timestamp_to_utc(value, datetime_of(call).zone, &value, call->context->error));
        result->timestamp[row] = modified(call, value);
    }
}

static void zoned_to_stamp(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->timestamp[row] = modified(call, local_of(call, arguments, row));
    }
}

static void time_to_interval(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->interval[row] =
            interval_apply_modifier((struct interval){.us = ARGUMENT_INT(0, row)}, call->result_type.modifier);
    }
}

static void interval_to_time(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct interval span = arguments[0]->interval[vector_row(arguments[0], row)];
        result->integer[row] =
            time_apply_modifier(time_add_interval(0, (struct interval){.us = span.us}), call->result_type.modifier);
    }
}

/* --- the table --- */

#define CAST(from_, to_, context_, scalar_, volatility_)                                                               \
    {                                                                                                                  \
        .class = SQL_FUNCTION_CAST, .name = "cast", .argument_count = 1, .strict = true, .volatility = (volatility_),  \
        .cast_context = (context_), .arguments = {from_}, .result = (to_), .scalar = (scalar_),                        \
        .summary = "conversion"                                                                                        \
    }
#define IMPLICIT(from, to, scalar)   CAST(from, to, SQL_CAST_IMPLICIT, scalar, SQL_IMMUTABLE)
#define ASSIGNMENT(from, to, scalar) CAST(from, to, SQL_CAST_ASSIGNMENT, scalar, SQL_IMMUTABLE)
#define EXPLICIT(from, to, scalar)   CAST(from, to, SQL_CAST_EXPLICIT, scalar, SQL_IMMUTABLE)
/* To and from text. */
#define THROUGH_TEXT(type, volatility)                                                                                 \
    CAST(type, TYPE_TEXT, SQL_CAST_ASSIGNMENT, cast_to_text, volatility),                                              \
        CAST(type, TYPE_VARCHAR, SQL_CAST_ASSIGNMENT, cast_to_text, volatility),                                       \
        CAST(type, TYPE_BPCHAR, SQL_CAST_ASSIGNMENT, cast_to_text, volatility),                                        \
        CAST(TYPE_TEXT, type, SQL_CAST_EXPLICIT, cast_of_text, volatility),                                            \
        CAST(TYPE_VARCHAR, type, SQL_CAST_EXPLICIT, cast_of_text, volatility),                                         \
        CAST(TYPE_BPCHAR, type, SQL_CAST_EXPLICIT, cast_of_text, volatility),                                          \
        CAST(TYPE_UNKNOWN, type, SQL_CAST_IMPLICIT, cast_of_text, volatility)
#define INTEGER_CASTS(type)                                                                                            \
    IMPLICIT(type, TYPE_FLOAT4, int_to_real), IMPLICIT(type, TYPE_FLOAT8, int_to_real),                                \
        IMPLICIT(type, TYPE_NUMERIC, int_to_numeric), ASSIGNMENT(TYPE_FLOAT4, type, real_to_int),                      \
        ASSIGNMENT(TYPE_FLOAT8, type, real_to_int), ASSIGNMENT(TYPE_NUMERIC, type, numeric_to_int),                    \
        THROUGH_TEXT(type, SQL_IMMUTABLE)

/* clang-format off */
static const struct sql_function cast_rows[] = {
    IMPLICIT(TYPE_TINYINT, TYPE_INT2, NULL),
    IMPLICIT(TYPE_TINYINT, TYPE_INT4, NULL),
    IMPLICIT(TYPE_TINYINT, TYPE_INT8, NULL),
    IMPLICIT(TYPE_INT2, TYPE_INT4, NULL),
    IMPLICIT(TYPE_INT2, TYPE_INT8, NULL),
    IMPLICIT(TYPE_INT4, TYPE_INT8, NULL),
    ASSIGNMENT(TYPE_INT2, TYPE_TINYINT, int_narrow),
    ASSIGNMENT(TYPE_INT4, TYPE_TINYINT, int_narrow),
    ASSIGNMENT(TYPE_INT8, TYPE_TINYINT, int_narrow),
    ASSIGNMENT(TYPE_INT4, TYPE_INT2, int_narrow),
    ASSIGNMENT(TYPE_INT8, TYPE_INT2, int_narrow),
    ASSIGNMENT(TYPE_INT8, TYPE_INT4, int_narrow),
    INTEGER_CASTS(TYPE_TINYINT),
    INTEGER_CASTS(TYPE_INT2),
    INTEGER_CASTS(TYPE_INT4),
    INTEGER_CASTS(TYPE_INT8),
    IMPLICIT(TYPE_FLOAT4, TYPE_FLOAT8, NULL),
    ASSIGNMENT(TYPE_FLOAT8, TYPE_FLOAT4, real_to_single),
    ASSIGNMENT(TYPE_FLOAT4, TYPE_NUMERIC, real_to_numeric),
    ASSIGNMENT(TYPE_FLOAT8, TYPE_NUMERIC, real_to_numeric),
    IMPLICIT(TYPE_NUMERIC, TYPE_FLOAT4, numeric_to_real),
    IMPLICIT(TYPE_NUMERIC, TYPE_FLOAT8, numeric_to_real),
    IMPLICIT(TYPE_NUMERIC, TYPE_NUMERIC, to_itself),
    THROUGH_TEXT(TYPE_FLOAT4, SQL_IMMUTABLE),
    THROUGH_TEXT(TYPE_FLOAT8, SQL_IMMUTABLE),
    THROUGH_TEXT(TYPE_NUMERIC, SQL_IMMUTABLE),
    EXPLICIT(TYPE_INT4, TYPE_BOOL, int_to_bool),
    EXPLICIT(TYPE_BOOL, TYPE_INT4, bool_to_int),
    THROUGH_TEXT(TYPE_BOOL, SQL_IMMUTABLE),
    IMPLICIT(TYPE_TEXT, TYPE_VARCHAR, NULL),
    IMPLICIT(TYPE_TEXT, TYPE_BPCHAR, NULL),
    IMPLICIT(TYPE_VARCHAR, TYPE_TEXT, NULL),
    IMPLICIT(TYPE_VARCHAR, TYPE_BPCHAR, NULL),
    IMPLICIT(TYPE_BPCHAR, TYPE_TEXT, of_blank_padded),
    IMPLICIT(TYPE_BPCHAR, TYPE_VARCHAR, of_blank_padded),
    IMPLICIT(TYPE_VARCHAR, TYPE_VARCHAR, to_itself),
    IMPLICIT(TYPE_BPCHAR, TYPE_BPCHAR, to_itself),
    IMPLICIT(TYPE_UNKNOWN, TYPE_TEXT, NULL),
    IMPLICIT(TYPE_UNKNOWN, TYPE_VARCHAR, NULL),
    IMPLICIT(TYPE_UNKNOWN, TYPE_BPCHAR, NULL),
    THROUGH_TEXT(TYPE_BYTEA, SQL_STABLE),
    IMPLICIT(TYPE_DATE, TYPE_TIMESTAMP, date_to_stamp),
    CAST(TYPE_DATE, TYPE_TIMESTAMPTZ, SQL_CAST_IMPLICIT, date_to_stamp, SQL_STABLE),
    ASSIGNMENT(TYPE_TIMESTAMP, TYPE_DATE, stamp_to_date),
    ASSIGNMENT(TYPE_TIMESTAMP, TYPE_TIME, stamp_to_time),
    CAST(TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ, SQL_CAST_IMPLICIT, stamp_to_zoned, SQL_STABLE),
    CAST(TYPE_TIMESTAMPTZ, TYPE_DATE, SQL_CAST_ASSIGNMENT, stamp_to_date, SQL_STABLE),
    CAST(TYPE_TIMESTAMPTZ, TYPE_TIME, SQL_CAST_ASSIGNMENT, stamp_to_time, SQL_STABLE),
    CAST(TYPE_TIMESTAMPTZ, TYPE_TIMESTAMP, SQL_CAST_ASSIGNMENT, zoned_to_stamp, SQL_STABLE),
    IMPLICIT(TYPE_TIME, TYPE_INTERVAL, time_to_interval),
    ASSIGNMENT(TYPE_INTERVAL, TYPE_TIME, interval_to_time),
    IMPLICIT(TYPE_TIME, TYPE_TIME, to_itself),
    IMPLICIT(TYPE_TIMESTAMP, TYPE_TIMESTAMP, to_itself),
    IMPLICIT(TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ, to_itself),
    IMPLICIT(TYPE_INTERVAL, TYPE_INTERVAL, to_itself),
    THROUGH_TEXT(TYPE_DATE, SQL_STABLE),
    THROUGH_TEXT(TYPE_TIME, SQL_STABLE),
    THROUGH_TEXT(TYPE_TIMESTAMP, SQL_STABLE),
    THROUGH_TEXT(TYPE_TIMESTAMPTZ, SQL_STABLE),
    THROUGH_TEXT(TYPE_INTERVAL, SQL_STABLE),
    THROUGH_TEXT(TYPE_UUID, SQL_IMMUTABLE),
    EXPLICIT(TYPE_JSONB, TYPE_BOOL, jsonb_to_bool),
    EXPLICIT(TYPE_JSONB, TYPE_INT2, jsonb_to_number),
    EXPLICIT(TYPE_JSONB, TYPE_INT4, jsonb_to_number),
    EXPLICIT(TYPE_JSONB, TYPE_INT8, jsonb_to_number),
    EXPLICIT(TYPE_JSONB, TYPE_FLOAT4, jsonb_to_number),
    EXPLICIT(TYPE_JSONB, TYPE_FLOAT8, jsonb_to_number),
    EXPLICIT(TYPE_JSONB, TYPE_NUMERIC, jsonb_to_number),
    ASSIGNMENT(TYPE_JSONB, TYPE_JSON, NULL),
    ASSIGNMENT(TYPE_JSON, TYPE_JSONB, cast_of_text),
    THROUGH_TEXT(TYPE_JSON, SQL_IMMUTABLE),
    THROUGH_TEXT(TYPE_JSONB, SQL_IMMUTABLE),
};
/* clang-format on */

struct function_rows function_rows_cast(void) {
    return FUNCTION_ROWS(cast_rows);
}
