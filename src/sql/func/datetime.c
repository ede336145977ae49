/*
 * Dates, times and intervals: thin vectorised faces over types/datetime.h. A TIMESTAMPTZ is UTC; what depends on the
 * calendar (months, days, fields, truncation) is done in the session's zone.
 */
#include "sql/func/loops.h"
#include "sql/func/template_datetime.h"
#include "types/datetime.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static struct time_zone zone_of(const struct sql_call *call) {
    return sql_datetime(call->context).zone;
}

#define ARGUMENT_TIMESTAMP(n, row) (arguments[n]->timestamp[vector_row(arguments[n], row)])
#define ARGUMENT_INTERVAL(n, row)  (arguments[n]->interval[vector_row(arguments[n], row)])
#define ARGUMENT_REAL(n, row)      (arguments[n]->real[vector_row(arguments[n], row)])

/* A function whose body checks one status-returning call. */
#define CHECKED(name, expression)                                                                                      \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        struct kmb_error *error = call->context->error;                                                                \
        EACH_ROW(row) {                                                                                                \
            check(call, expression);                                                                                   \
        }                                                                                                              \
    }
#define PLAIN(name, target, expression)                                                                                \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        EACH_ROW(row) {                                                                                                \
            result->target[row] = (expression);                                                                        \
        }                                                                                                              \
    }

CHECKED(date_plus, date_add_days(ARGUMENT_INT(0, row), ARGUMENT_INT(1, row), &result->integer[row], error))
CHECKED(plus_date, date_add_days(ARGUMENT_INT(1, row), ARGUMENT_INT(0, row), &result->integer[row], error))
CHECKED(date_minus, date_add_days(ARGUMENT_INT(0, row), -ARGUMENT_INT(1, row), &result->integer[row], error))
CHECKED(date_difference, date_subtract(ARGUMENT_INT(0, row), ARGUMENT_INT(1, row), &result->integer[row], error))

static struct timestamp midnight(const struct sql_call *call, int64_t days) {
    struct timestamp at;
    check(call, date_to_timestamp(days, &at, call->context->error));
    return at;
}

CHECKED(date_plus_interval, timestamp_add_interval(midnight(call, ARGUMENT_INT(0, row)), ARGUMENT_INTERVAL(1, row),
                                                   time_zone_fixed(0), &result->timestamp[row], error))
CHECKED(interval_plus_date, timestamp_add_interval(midnight(call, ARGUMENT_INT(1, row)), ARGUMENT_INTERVAL(0, row),
                                                   time_zone_fixed(0), &result->timestamp[row], error))
CHECKED(date_minus_interval,
        timestamp_subtract_interval(midnight(call, ARGUMENT_INT(0, row)), ARGUMENT_INTERVAL(1, row), time_zone_fixed(0),
                                    &result->timestamp[row], error))

static struct interval span_of(int64_t us) {
    return (struct interval){.us = us};
}
CHECKED(date_plus_time, timestamp_add_interval(midnight(call, ARGUMENT_INT(0, row)), span_of(ARGUMENT_INT(1, row)),
                                               time_zone_fixed(0), &result->timestamp[row], error))
CHECKED(time_plus_date, timestamp_add_interval(midnight(call, ARGUMENT_INT(1, row)), span_of(ARGUMENT_INT(0, row)),
                                               time_zone_fixed(0), &result->timestamp[row], error))

/* The zone counts for TIMESTAMPTZ alone. */
static struct time_zone zone_for(const struct sql_call *call) {
    return call->result_type.id == TYPE_TIMESTAMPTZ ? zone_of(call) : time_zone_fixed(0);
}
CHECKED(timestamp_plus, timestamp_add_interval(ARGUMENT_TIMESTAMP(0, row), ARGUMENT_INTERVAL(1, row), zone_for(call),
                                               &result->timestamp[row], error))
CHECKED(plus_timestamp, timestamp_add_interval(ARGUMENT_TIMESTAMP(1, row), ARGUMENT_INTERVAL(0, row), zone_for(call),
                                               &result->timestamp[row], error))
CHECKED(timestamp_minus, timestamp_subtract_interval(ARGUMENT_TIMESTAMP(0, row), ARGUMENT_INTERVAL(1, row),
                                                     zone_for(call), &result->timestamp[row], error))
CHECKED(timestamp_difference,
        timestamp_subtract(ARGUMENT_TIMESTAMP(0, row), ARGUMENT_TIMESTAMP(1, row), &result->interval[row], error))
CHECKED(age_two, timestamp_age(ARGUMENT_TIMESTAMP(0, row), ARGUMENT_TIMESTAMP(1, row), &result->interval[row], error))

/* The statement's time as local wall clock. */
static struct timestamp now_local(const struct sql_call *call) {
    struct timestamp local;
    check(call,
          timestamp_to_local(timestamp_of_us(call->context->now_us), zone_of(call), &local, call->context->error));
    return local;
}

/* age(t): from midnight of the current day. */
static void age_one(SCALAR_PARAMETERS) {
    int64_t today = timestamp_to_date(now_local(call));
    EACH_ROW(row) {
        struct timestamp value = ARGUMENT_TIMESTAMP(0, row);
        if (call->argument_types[0].id == TYPE_TIMESTAMPTZ) {
            check(call, timestamp_to_local(value, zone_of(call), &value, call->context->error));
        }
        check(call, timestamp_age(midnight(call, today), value, &result->interval[row], call->context->error));
    }
}

/* age of two TIMESTAMPTZ counts in local time. */
static void age_two_zoned(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct timestamp a;
        struct timestamp b;
        check(call, timestamp_to_local(ARGUMENT_TIMESTAMP(0, row), zone_of(call), &a, call->context->error));
        check(call, timestamp_to_local(ARGUMENT_TIMESTAMP(1, row), zone_of(call), &b, call->context->error));
        check(call, timestamp_age(a, b, &result->interval[row], call->context->error));
    }
}

PLAIN(time_plus_interval, integer, time_add_interval(ARGUMENT_INT(0, row), ARGUMENT_INTERVAL(1, row)))
PLAIN(interval_plus_time, integer, time_add_interval(ARGUMENT_INT(1, row), ARGUMENT_INTERVAL(0, row)))
PLAIN(time_minus_interval, integer, time_subtract_interval(ARGUMENT_INT(0, row), ARGUMENT_INTERVAL(1, row)))
PLAIN(time_difference, interval, span_of(ARGUMENT_INT(0, row) - ARGUMENT_INT(1, row)))

CHECKED(interval_plus,
        interval_add(ARGUMENT_INTERVAL(0, row), ARGUMENT_INTERVAL(1, row), &result->interval[row], error))
CHECKED(interval_minus,
        interval_subtract(ARGUMENT_INTERVAL(0, row), ARGUMENT_INTERVAL(1, row), &result->interval[row], error))
CHECKED(interval_negative, interval_negate(ARGUMENT_INTERVAL(0, row), &result->interval[row], error))
CHECKED(interval_times,
        interval_multiply(ARGUMENT_INTERVAL(0, row), ARGUMENT_REAL(1, row), &result->interval[row], error))
CHECKED(times_interval,
        interval_multiply(ARGUMENT_INTERVAL(1, row), ARGUMENT_REAL(0, row), &result->interval[row], error))
CHECKED(interval_by, interval_divide(ARGUMENT_INTERVAL(0, row), ARGUMENT_REAL(1, row), &result->interval[row], error))
CHECKED(fn_justify_hours, interval_justify_hours(ARGUMENT_INTERVAL(0, row), &result->interval[row], error))
CHECKED(fn_justify_days, interval_justify_days(ARGUMENT_INTERVAL(0, row), &result->interval[row], error))
CHECKED(fn_justify, interval_justify(ARGUMENT_INTERVAL(0, row), &result->interval[row], error))

/* --- fields --- */

static enum datetime_field field_of(const struct sql_call *call, struct slice name, enum type_id type) {
    enum datetime_field field = DATETIME_EPOCH;
    if (!datetime_field_of_name(name, &field)) {
        char lower[64];
        size_t length = name.length < sizeof lower ? name.length : sizeof lower;
        for (size_t i = 0; i < length; i++) {
            lower[i] = (char)(name.bytes[i] >= 'A' && name.bytes[i] <= 'Z' ? name.bytes[i] + 32 : name.bytes[i]);
        }
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "unit \"%.*s\" not recognized for type %s",
                  (int)length, lower, type_name(type));
    }
    return field;
}

static struct decimal extract(const struct sql_call *call, struct slice name, struct vector *const *arguments,
                              uint32_t row, bool *is_null) {
    enum type_id type = call->argument_types[1].id;
    bool midnight_of = type == TYPE_DATE && call->result_type.id == TYPE_FLOAT8; /* date_part: of its timestamp */
    enum datetime_field field = field_of(call, name, midnight_of ? TYPE_TIMESTAMP : type);
    struct kmb_error *error = call->context->error;
    struct decimal out = {0};
    *is_null = false;
    switch (type) {
    case TYPE_DATE:
        if (midnight_of) {
            check(call, timestamp_extract(field, midnight(call, ARGUMENT_INT(1, row)), &out, is_null, error));
        } else {
            check(call, date_extract(field, ARGUMENT_INT(1, row), &out, is_null, error));
        }
        break;
    case TYPE_TIME:
        check(call, time_extract(field, ARGUMENT_INT(1, row), &out, error));
        break;
    case TYPE_TIMESTAMP:
        check(call, timestamp_extract(field, ARGUMENT_TIMESTAMP(1, row), &out, is_null, error));
        break;
    case TYPE_TIMESTAMPTZ:
        check(call, timestamptz_extract(field, ARGUMENT_TIMESTAMP(1, row), zone_of(call), &out, is_null, error));
        break;
    default:
        check(call, interval_extract(field, ARGUMENT_INTERVAL(1, row), &out, error));
        break;
    }
    return out;
}

static void fn_extract(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        bool is_null = false;
        result->decimal[row] = extract(call, ARGUMENT_BYTES(0, row), arguments, row, &is_null);
        if (is_null) {
            result_null(result, row);
        }
    }
}

static void fn_date_part(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        bool is_null = false;
        result->real[row] = decimal_to_double(extract(call, ARGUMENT_BYTES(0, row), arguments, row, &is_null));
        if (is_null) {
            result_null(result, row);
        }
    }
}

static void fn_date_trunc(SCALAR_PARAMETERS) {
    struct kmb_error *error = call->context->error;
    EACH_ROW(row) {
        enum datetime_field field = field_of(call, ARGUMENT_BYTES(0, row), call->argument_types[1].id);
        check(call, timestamp_truncate(field, ARGUMENT_TIMESTAMP(1, row), &result->timestamp[row], error));
    }
}

/* Of units up to an hour the offset stays; a day begins at the local midnight, whatever the offset is then. */
static void trunc_zoned(const struct sql_call *call, struct slice name, struct timestamp value, struct time_zone zone,
                        struct timestamp *out) {
    struct kmb_error *error = call->context->error;
    enum datetime_field field = field_of(call, name, TYPE_TIMESTAMPTZ);
    bool within_day = field == DATETIME_MICROSECONDS || field == DATETIME_MILLISECONDS || field == DATETIME_SECOND ||
                      field == DATETIME_MINUTE || field == DATETIME_HOUR;
    if (within_day && timestamp_is_finite(value)) {
        zone = time_zone_fixed(time_zone_at(zone, value.us));
    }
    check(call, timestamp_to_local(value, zone, &value, error));
    check(call, timestamp_truncate(field, value, &value, error));
    check(call, timestamp_to_utc(value, zone, out, error));
}

/* A zone named in a query. Bare offsets there are POSIX's, west of Greenwich counting up: '+02' is two hours behind. */
static struct time_zone zone_named(const struct sql_call *call, struct slice name) {
    struct time_zone zone = time_zone_fixed(0);
    struct datetime_context when = sql_datetime(call->context);
    check(call, datetime_zone_parse(name, false, &when, &zone, call->context->error));
    bool bare = name.length > 0 && (name.bytes[0] == '+' || name.bytes[0] == '-');
    return bare ? time_zone_fixed(-zone.offset_s) : zone;
}

static void fn_date_trunc_zoned(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct time_zone zone = zone_of(call);
        if (call->argument_count == 3) {
            zone = zone_named(call, ARGUMENT_BYTES(2, row));
        }
        trunc_zoned(call, ARGUMENT_BYTES(0, row), ARGUMENT_TIMESTAMP(1, row), zone, &result->timestamp[row]);
    }
}

static void fn_date_trunc_interval(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        enum datetime_field field = field_of(call, ARGUMENT_BYTES(0, row), TYPE_INTERVAL);
        check(call, interval_truncate(field, ARGUMENT_INTERVAL(1, row), &result->interval[row], call->context->error));
    }
}

/* --- AT TIME ZONE: timezone(zone, value) --- */

static void fn_zone_to_utc(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct time_zone zone = zone_named(call, ARGUMENT_BYTES(0, row));
        check(call, timestamp_to_utc(ARGUMENT_TIMESTAMP(1, row), zone, &result->timestamp[row], call->context->error));
    }
}

static void fn_zone_to_local(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct time_zone zone = zone_named(call, ARGUMENT_BYTES(0, row));
        check(call,
              timestamp_to_local(ARGUMENT_TIMESTAMP(1, row), zone, &result->timestamp[row], call->context->error));
    }
}

/* A zone as far from UTC as the interval says, to the east. */
static struct time_zone zone_of_interval(const struct sql_call *call, struct interval span) {
    if (span.months != 0 || span.days != 0) {
        char text[INTERVAL_TEXT_SIZE];
        size_t length = interval_format(span, text);
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                  "interval time zone \"%.*s\" must not include months or days", (int)length, text);
    }
    int64_t offset_s = span.us / US_PER_SECOND;
    if (offset_s != (int32_t)offset_s) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "timestamp out of range");
    }
    return time_zone_fixed((int32_t)offset_s);
}

CHECKED(fn_interval_to_utc,
        timestamp_to_utc(ARGUMENT_TIMESTAMP(1, row), zone_of_interval(call, ARGUMENT_INTERVAL(0, row)),
                         &result->timestamp[row], error))
CHECKED(fn_interval_to_local,
        timestamp_to_local(ARGUMENT_TIMESTAMP(1, row), zone_of_interval(call, ARGUMENT_INTERVAL(0, row)),
                           &result->timestamp[row], error))

/* --- making --- */

/* A negative year is BC, and there is no year 0. */
static void fn_make_date(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t year = ARGUMENT_INT(0, row);
        int32_t month = (int32_t)ARGUMENT_INT(1, row);
        int32_t day = (int32_t)ARGUMENT_INT(2, row);
        if (year == 0) {
            sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position,
                      "date field value out of range: 0-%02d-%02d", month, day);
        }
        check(call, date_make(year < 0 ? year + 1 : year, month, day, &result->integer[row], call->context->error));
    }
}

static void fn_to_timestamp(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        double seconds = ARGUMENT_REAL(0, row);
        double us = __builtin_rint(seconds * 1e6);
        if (__builtin_isnan(seconds)) {
            sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "timestamp cannot be NaN");
        }
        if (__builtin_isinf(seconds)) {
            result->timestamp[row] = timestamp_of_us(seconds > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_NEGATIVE_INFINITY);
        } else if (!(us >= (double)TIMESTAMP_MIN_US && us < (double)TIMESTAMP_END_US)) {
            sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "timestamp out of range: \"%g\"", seconds);
        } else {
            result->timestamp[row] = timestamp_of_us((int64_t)us);
        }
    }
}

PLAIN(date_is_not_infinite, boolean, date_is_finite(ARGUMENT_INT(0, row)))
PLAIN(interval_is_not_infinite, boolean, true) /* there are none */
PLAIN(timestamp_is_not_infinite, boolean, timestamp_is_finite(ARGUMENT_TIMESTAMP(0, row)))

/* --- the statement's time --- */

PLAIN(fn_now, timestamp, timestamp_of_us(call->context->now_us))
PLAIN(fn_clock, timestamp, timestamp_of_us(datetime_clock_us(call)))
PLAIN(fn_local_timestamp, timestamp, now_local(call))
PLAIN(fn_current_date, integer, timestamp_to_date(now_local(call)))
PLAIN(fn_local_time, integer, timestamp_to_time(now_local(call)))

/* clang-format off */
#define STABLE(name_, scalar_, result_, summary_)                                                                      \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .strict = true, .volatility = SQL_STABLE, .result = (result_),     \
     .scalar = (scalar_), .summary = (summary_)}
#define STABLE_ROW(class_, name_, scalar_, result_, summary_, ...)                                                     \
    {.class = (class_), .name = (name_), .scalar = (scalar_), .result = (result_), .summary = (summary_),              \
     .strict = true, .volatility = SQL_STABLE,                                                                         \
     .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__}}
#define STABLE_FN(...) STABLE_ROW(SQL_FUNCTION_SCALAR, __VA_ARGS__)
#define STABLE_OP(...) STABLE_ROW(SQL_FUNCTION_OPERATOR, __VA_ARGS__)

static const struct sql_function datetime_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "clock_timestamp", .strict = true, .volatility = SQL_VOLATILE,
     .result = TYPE_TIMESTAMPTZ, .scalar = fn_clock, .summary = "the clock, while the statement runs"},
    OP("+", date_plus, TYPE_DATE, "days later", TYPE_DATE, TYPE_INT4),
    OP("+", plus_date, TYPE_DATE, "days later", TYPE_INT4, TYPE_DATE),
    OP("-", date_minus, TYPE_DATE, "days earlier", TYPE_DATE, TYPE_INT4),
    OP("-", date_difference, TYPE_INT4, "days between", TYPE_DATE, TYPE_DATE),
    OP("+", date_plus_interval, TYPE_TIMESTAMP, "later by an interval", TYPE_DATE, TYPE_INTERVAL),
    OP("+", interval_plus_date, TYPE_TIMESTAMP, "later by an interval", TYPE_INTERVAL, TYPE_DATE),
    OP("-", date_minus_interval, TYPE_TIMESTAMP, "earlier by an interval", TYPE_DATE, TYPE_INTERVAL),
    OP("+", date_plus_time, TYPE_TIMESTAMP, "date at a time of day", TYPE_DATE, TYPE_TIME),
    OP("+", time_plus_date, TYPE_TIMESTAMP, "date at a time of day", TYPE_TIME, TYPE_DATE),
    OP("+", timestamp_plus, TYPE_TIMESTAMP, "later by an interval", TYPE_TIMESTAMP, TYPE_INTERVAL),
    OP("+", plus_timestamp, TYPE_TIMESTAMP, "later by an interval", TYPE_INTERVAL, TYPE_TIMESTAMP),
    OP("-", timestamp_minus, TYPE_TIMESTAMP, "earlier by an interval", TYPE_TIMESTAMP, TYPE_INTERVAL),
    OP("-", timestamp_difference, TYPE_INTERVAL, "time between", TYPE_TIMESTAMP, TYPE_TIMESTAMP),
    STABLE_OP("+", timestamp_plus, TYPE_TIMESTAMPTZ, "later by an interval", TYPE_TIMESTAMPTZ, TYPE_INTERVAL),
    STABLE_OP("+", plus_timestamp, TYPE_TIMESTAMPTZ, "later by an interval", TYPE_INTERVAL, TYPE_TIMESTAMPTZ),
    STABLE_OP("-", timestamp_minus, TYPE_TIMESTAMPTZ, "earlier by an interval", TYPE_TIMESTAMPTZ, TYPE_INTERVAL),
    OP("-", timestamp_difference, TYPE_INTERVAL, "time between", TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ),
    OP("+", time_plus_interval, TYPE_TIME, "later by an interval, wrapping at midnight", TYPE_TIME, TYPE_INTERVAL),
    OP("+", interval_plus_time, TYPE_TIME, "later by an interval, wrapping at midnight", TYPE_INTERVAL, TYPE_TIME),
    OP("-", time_minus_interval, TYPE_TIME, "earlier by an interval, wrapping at midnight", TYPE_TIME, TYPE_INTERVAL),
    OP("-", time_difference, TYPE_INTERVAL, "time between", TYPE_TIME, TYPE_TIME),
    OP("+", interval_plus, TYPE_INTERVAL, "sum", TYPE_INTERVAL, TYPE_INTERVAL),
    OP("-", interval_minus, TYPE_INTERVAL, "difference", TYPE_INTERVAL, TYPE_INTERVAL),
    OP("-", interval_negative, TYPE_INTERVAL, "negated", TYPE_INTERVAL),
    OP("*", interval_times, TYPE_INTERVAL, "multiple", TYPE_INTERVAL, TYPE_FLOAT8),
    OP("*", times_interval, TYPE_INTERVAL, "multiple", TYPE_FLOAT8, TYPE_INTERVAL),
    OP("/", interval_by, TYPE_INTERVAL, "fraction", TYPE_INTERVAL, TYPE_FLOAT8),

    FN("age", age_two, TYPE_INTERVAL, "years, months and days between", TYPE_TIMESTAMP, TYPE_TIMESTAMP),
    STABLE_FN("age", age_two_zoned, TYPE_INTERVAL, "years, months and days between", TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ),
    STABLE_FN("age", age_one, TYPE_INTERVAL, "years, months and days before today", TYPE_TIMESTAMP),
    STABLE_FN("age", age_one, TYPE_INTERVAL, "years, months and days before today", TYPE_TIMESTAMPTZ),
    STABLE("current_date", fn_current_date, TYPE_DATE, "date of the transaction's start, in the session's zone"),
    STABLE("current_timestamp", fn_now, TYPE_TIMESTAMPTZ, "time of the transaction's start"),
    FN("date_part", fn_date_part, TYPE_FLOAT8, "field of a date", TYPE_TEXT, TYPE_DATE),
    FN("date_part", fn_date_part, TYPE_FLOAT8, "field of a time of day", TYPE_TEXT, TYPE_TIME),
    FN("date_part", fn_date_part, TYPE_FLOAT8, "field of a timestamp", TYPE_TEXT, TYPE_TIMESTAMP),
    STABLE_FN("date_part", fn_date_part, TYPE_FLOAT8, "field of a timestamp, in the session's zone", TYPE_TEXT, TYPE_TIMESTAMPTZ),
    FN("date_part", fn_date_part, TYPE_FLOAT8, "field of an interval", TYPE_TEXT, TYPE_INTERVAL),
    FN("date_trunc", fn_date_trunc, TYPE_TIMESTAMP, "cut to a unit", TYPE_TEXT, TYPE_TIMESTAMP),
    STABLE_FN("date_trunc", fn_date_trunc_zoned, TYPE_TIMESTAMPTZ, "cut to a unit, in the session's zone", TYPE_TEXT, TYPE_TIMESTAMPTZ),
    STABLE_FN("date_trunc", fn_date_trunc_zoned, TYPE_TIMESTAMPTZ, "cut to a unit, in a zone", TYPE_TEXT, TYPE_TIMESTAMPTZ, TYPE_TEXT),
    FN("date_trunc", fn_date_trunc_interval, TYPE_INTERVAL, "cut to a unit", TYPE_TEXT, TYPE_INTERVAL),
    FN("extract", fn_extract, TYPE_NUMERIC, "field of a date", TYPE_TEXT, TYPE_DATE),
    FN("extract", fn_extract, TYPE_NUMERIC, "field of a time of day", TYPE_TEXT, TYPE_TIME),
    FN("extract", fn_extract, TYPE_NUMERIC, "field of a timestamp", TYPE_TEXT, TYPE_TIMESTAMP),
    STABLE_FN("extract", fn_extract, TYPE_NUMERIC, "field of a timestamp, in the session's zone", TYPE_TEXT, TYPE_TIMESTAMPTZ),
    FN("extract", fn_extract, TYPE_NUMERIC, "field of an interval", TYPE_TEXT, TYPE_INTERVAL),
    FN("isfinite", date_is_not_infinite, TYPE_BOOL, "not infinity", TYPE_DATE),
    FN("isfinite", timestamp_is_not_infinite, TYPE_BOOL, "not infinity", TYPE_TIMESTAMP),
    FN("isfinite", timestamp_is_not_infinite, TYPE_BOOL, "not infinity", TYPE_TIMESTAMPTZ),
    FN("isfinite", interval_is_not_infinite, TYPE_BOOL, "not infinity: always true", TYPE_INTERVAL),
    FN("justify_days", fn_justify_days, TYPE_INTERVAL, "30 days to a month", TYPE_INTERVAL),
    FN("justify_hours", fn_justify_hours, TYPE_INTERVAL, "24 hours to a day", TYPE_INTERVAL),
    FN("justify_interval", fn_justify, TYPE_INTERVAL, "hours to days and days to months, signs aligned", TYPE_INTERVAL),
    STABLE("localtime", fn_local_time, TYPE_TIME, "time of day of the transaction's start"),
    STABLE("localtimestamp", fn_local_timestamp, TYPE_TIMESTAMP, "transaction's start in the session's zone"),
    FN("make_date", fn_make_date, TYPE_DATE, "date of year, month, day", TYPE_INT4, TYPE_INT4, TYPE_INT4),
    STABLE("now", fn_now, TYPE_TIMESTAMPTZ, "time of the transaction's start"),
    STABLE("statement_timestamp", fn_now, TYPE_TIMESTAMPTZ, "time of the statement's start"),
    FN("timezone", fn_zone_to_utc, TYPE_TIMESTAMPTZ, "AT TIME ZONE: the instant of a local time", TYPE_TEXT, TYPE_TIMESTAMP),
    FN("timezone", fn_zone_to_local, TYPE_TIMESTAMP, "AT TIME ZONE: the local time of an instant", TYPE_TEXT, TYPE_TIMESTAMPTZ),
    FN("timezone", fn_interval_to_utc, TYPE_TIMESTAMPTZ, "AT TIME ZONE: the instant of a local time so far east of UTC", TYPE_INTERVAL, TYPE_TIMESTAMP),
    FN("timezone", fn_interval_to_local, TYPE_TIMESTAMP, "AT TIME ZONE: the local time of an instant so far east of UTC", TYPE_INTERVAL, TYPE_TIMESTAMPTZ),
    FN("to_timestamp", fn_to_timestamp, TYPE_TIMESTAMPTZ, "seconds since 1970 as a timestamp", TYPE_FLOAT8),
    STABLE("transaction_timestamp", fn_now, TYPE_TIMESTAMPTZ, "time of the transaction's start"),
};
/* clang-format on */

struct function_rows function_rows_datetime(void) {
    return FUNCTION_ROWS(datetime_rows);
}
