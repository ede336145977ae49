/*
 * Dates, times and intervals made of their fields, put into bins, and tested for overlap.
 */
#include <math.h>

#include "base/assert.h"
#include "sql/func/loops.h"
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

/* --- from fields --- */

static _Noreturn void raise_interval(const struct sql_call *call) {
    sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "interval out of range");
}

/* make_interval(years, months, weeks, days, hours, mins, secs), as many as are given. */
static void fn_make_interval(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t field[6] = {0};
        for (uint32_t n = 0; n < call->argument_count && n < ARRAY_LENGTH(field); n++) {
            field[n] = ARGUMENT_INT(n, row);
        }
        double seconds = call->argument_count == 7 ? ARGUMENT_REAL(6, row) : 0;
        int64_t months = field[0] * 12 + field[1];
        int64_t days = field[2] * 7 + field[3];
        double us = rint(seconds * 1e6);
        if (!(fabs(us) < 0x1p62) || months != (int32_t)months || days != (int32_t)days) { /* NaN too */
            raise_interval(call);
        }
        int64_t hours_us = field[4] * US_PER_HOUR + field[5] * US_PER_MINUTE; /* of 32-bit fields: it fits */
        struct interval span = {.months = (int32_t)months, .days = (int32_t)days};
        if (__builtin_add_overflow(hours_us, (int64_t)us, &span.us)) {
            raise_interval(call);
        }
        result->interval[row] = span;
    }
}

/* Microseconds of a time of day; 24:00:00 and second 60 are taken, as in PostgreSQL. */
static int64_t time_of_fields(const struct sql_call *call, int64_t hour, int64_t minute, double second) {
    double us = rint(second * 1e6);
    bool good = hour >= 0 && hour <= 24 && minute >= 0 && minute <= 59 && us >= 0 && us <= 60e6; /* not NaN */
    int64_t total = good ? hour * US_PER_HOUR + minute * US_PER_MINUTE + (int64_t)us : 0;
    if (!good || total > TIME_MAX_US) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "time field value out of range: %d:%02d:%02g",
                  (int)hour, (int)minute, second);
    }
    return total;
}

static void fn_make_time(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = time_of_fields(call, ARGUMENT_INT(0, row), ARGUMENT_INT(1, row), ARGUMENT_REAL(2, row));
    }
}

/* A negative year is BC, and there is no year 0. */
static struct timestamp timestamp_of_fields(const struct sql_call *call, struct vector *const *arguments,
                                            uint32_t row) {
    int64_t year = ARGUMENT_INT(0, row);
    int32_t month = (int32_t)ARGUMENT_INT(1, row);
    int32_t day = (int32_t)ARGUMENT_INT(2, row);
    int64_t days = 0;
    struct timestamp at;
    if (year == 0) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "date field value out of range: 0-%02d-%02d",
                  month, day);
    }
    check(call, date_make(year < 0 ? year + 1 : year, month, day, &days, call->context->error));
    struct interval clock = {
        .us = time_of_fields(call, ARGUMENT_INT(3, row), ARGUMENT_INT(4, row), ARGUMENT_REAL(5, row))};
    check(call, date_to_timestamp(days, &at, call->context->error));
    check(call, timestamp_add_interval(at, clock, time_zone_fixed(0), &at, call->context->error));
    return at;
}

static void fn_make_timestamp(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->timestamp[row] = timestamp_of_fields(call, arguments, row);
    }
}

static void fn_make_timestamptz(SCALAR_PARAMETERS) {
    struct kmb_error *error = call->context->error;
    EACH_ROW(row) {
        struct timestamp local = timestamp_of_fields(call, arguments, row);
        struct time_zone zone = zone_of(call);
        struct datetime_context when = sql_datetime(call->context);
        if (call->argument_count == 7) { /* a bare offset counts up to the east here */
            check(call, datetime_zone_parse(ARGUMENT_BYTES(6, row), false, &when, &zone, error));
        }
        check(call, timestamp_to_utc(local, zone, &result->timestamp[row], error));
    }
}

/* --- date_bin --- */

static struct timestamp bin(const struct sql_call *call, struct interval stride, struct timestamp value,
                            struct timestamp origin) {
    struct sql_context *context = call->context;
    if (!timestamp_is_finite(value)) {
        return value;
    }
    if (!timestamp_is_finite(origin)) {
        sql_raise(context, KMB_DATETIME_OVERFLOW, call->position, "origin out of range");
    }
    if (stride.months != 0) {
        sql_raise(context, KMB_UNSUPPORTED, call->position,
                  "timestamps cannot be binned into intervals containing months or years");
    }
    int64_t width;
    int64_t distance;
    if (__builtin_mul_overflow((int64_t)stride.days, US_PER_DAY, &width) ||
        __builtin_add_overflow(width, stride.us, &width) || __builtin_sub_overflow(value.us, origin.us, &distance)) {
        raise_interval(call);
    }
    if (width <= 0) {
        sql_raise(context, KMB_DATETIME_OVERFLOW, call->position, "stride must be greater than zero");
    }
    bool before =
        timestamp_compare((struct timestamp){.us = 0, .ns = value.ns}, (struct timestamp){.ns = origin.ns}) < 0;
    int64_t rest = distance % width;
    int64_t start = value.us - rest; /* at the origin's own nanoseconds */
    bool earlier = rest < 0 || (rest == 0 && before);
    struct timestamp at = {.us = start, .ns = origin.ns};
    if ((earlier && __builtin_sub_overflow(start, width, &at.us)) || !timestamp_valid(at)) {
        sql_raise(context, KMB_DATETIME_OVERFLOW, call->position, "timestamp out of range");
    }
    return at;
}

static void fn_date_bin(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->timestamp[row] =
            bin(call, ARGUMENT_INTERVAL(0, row), ARGUMENT_TIMESTAMP(1, row), ARGUMENT_TIMESTAMP(2, row));
    }
}

/* --- OVERLAPS --- */

/* One end of a period: a moment, or none. */
struct bound {
    struct timestamp at;
    bool is_null;
};

static struct bound bound_of(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row) {
    uint32_t at = vector_row(arguments[n], row);
    if (arguments[n]->may_have_null && arguments[n]->null[at]) {
        return (struct bound){.is_null = true};
    }
    bool clock = call->argument_types[n].id == TYPE_TIME;
    return (struct bound){.at = clock ? timestamp_of_us(arguments[n]->integer[at]) : arguments[n]->timestamp[at]};
}

/* The end of a period: given, or a span after its start. */
static struct bound bound_end(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                              struct bound start) {
    if (call->argument_types[n].id != TYPE_INTERVAL) {
        return bound_of(call, arguments, n, row);
    }
    uint32_t at = vector_row(arguments[n], row);
    if (start.is_null || (arguments[n]->may_have_null && arguments[n]->null[at])) {
        return (struct bound){.is_null = true};
    }
    enum type_id type = call->argument_types[n - 1].id;
    struct interval span = arguments[n]->interval[at];
    struct bound end = {0};
    if (type == TYPE_TIME) {
        end.at = timestamp_of_us(time_add_interval(start.at.us, span));
    } else {
        check(call,
              timestamp_add_interval(start.at, span, type == TYPE_TIMESTAMPTZ ? zone_of(call) : time_zone_fixed(0),
                                     &end.at, call->context->error));
    }
    return end;
}

/* The earlier end first; one that is not known second. */
static void period_order(struct bound *start, struct bound *end) {
    bool swap = start->is_null || (!end->is_null && timestamp_compare(start->at, end->at) > 0);
    if (swap) {
        struct bound other = *start;
        *start = *end;
        *end = other;
    }
}

enum overlap { OVERLAP_NO, OVERLAP_YES, OVERLAP_UNKNOWN };

/* The standard's rule: they share a moment, an end not counting as one unless the period has no length. */
static enum overlap periods_overlap(struct bound a, struct bound a_end, struct bound b, struct bound b_end) {
    period_order(&a, &a_end);
    period_order(&b, &b_end);
    if (a.is_null || b.is_null) {
        return OVERLAP_UNKNOWN;
    }
    int order = timestamp_compare(a.at, b.at);
    if (order == 0) {
        return a_end.is_null || b_end.is_null ? OVERLAP_UNKNOWN : OVERLAP_YES;
    }
    struct timestamp later = order > 0 ? a.at : b.at;
    struct bound first_end = order > 0 ? b_end : a_end;
    struct bound last_end = order > 0 ? a_end : b_end;
    if (first_end.is_null) {
        return OVERLAP_UNKNOWN;
    }
    if (timestamp_compare(later, first_end.at) < 0) {
        return OVERLAP_YES;
    }
    return last_end.is_null ? OVERLAP_UNKNOWN : OVERLAP_NO;
}

static void fn_overlaps(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct bound a = bound_of(call, arguments, 0, row);
        struct bound a_end = bound_end(call, arguments, 1, row, a);
        struct bound b = bound_of(call, arguments, 2, row);
        struct bound b_end = bound_end(call, arguments, 3, row, b);
        enum overlap overlap = periods_overlap(a, a_end, b, b_end);
        result->boolean[row] = overlap == OVERLAP_YES;
        if (overlap == OVERLAP_UNKNOWN) {
            result_null(result, row);
        }
    }
}

/* clang-format off */
#define INTERVAL_OF(...) FN("make_interval", fn_make_interval, TYPE_INTERVAL,                                          \
    "interval of years, months, weeks, days, hours, minutes, seconds", __VA_ARGS__)
#define INT TYPE_INT4
#define STABLE_FN(name_, scalar_, result_, summary_, ...)                                                              \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_), .summary = (summary_),   \
     .strict = true, .volatility = SQL_STABLE,                                                                         \
     .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__}}
#define OVERLAPS(volatility_, ...)                                                                                     \
    {.class = SQL_FUNCTION_SCALAR, .name = "overlaps", .scalar = fn_overlaps, .result = TYPE_BOOL,                     \
     .summary = "(a, b) OVERLAPS (c, d): whether two periods share a moment", .volatility = (volatility_),             \
     .argument_count = 4, .arguments = {__VA_ARGS__}}
#define OVERLAPS_OF(type, volatility)                                                                                  \
    OVERLAPS(SQL_IMMUTABLE, type, type, type, type),                                                                   \
    OVERLAPS(volatility, type, TYPE_INTERVAL, type, TYPE_INTERVAL),                                                    \
    OVERLAPS(volatility, type, type, type, TYPE_INTERVAL),                                                             \
    OVERLAPS(volatility, type, TYPE_INTERVAL, type, type)

static const struct sql_function datetime_make_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "make_interval", .scalar = fn_make_interval, .result = TYPE_INTERVAL,
     .summary = "interval of no length", .strict = true},
    INTERVAL_OF(INT),
    INTERVAL_OF(INT, INT),
    INTERVAL_OF(INT, INT, INT),
    INTERVAL_OF(INT, INT, INT, INT),
    INTERVAL_OF(INT, INT, INT, INT, INT),
    INTERVAL_OF(INT, INT, INT, INT, INT, INT),
    INTERVAL_OF(INT, INT, INT, INT, INT, INT, TYPE_FLOAT8),
    FN("make_time", fn_make_time, TYPE_TIME, "time of hour, minute, second", INT, INT, TYPE_FLOAT8),
    FN("make_timestamp", fn_make_timestamp, TYPE_TIMESTAMP, "timestamp of year, month, day, hour, minute, second",
       INT, INT, INT, INT, INT, TYPE_FLOAT8),
    STABLE_FN("make_timestamptz", fn_make_timestamptz, TYPE_TIMESTAMPTZ,
              "instant of year, month, day, hour, minute, second in the session's zone", INT, INT, INT, INT, INT,
              TYPE_FLOAT8),
    STABLE_FN("make_timestamptz", fn_make_timestamptz, TYPE_TIMESTAMPTZ,
              "instant of year, month, day, hour, minute, second in a zone", INT, INT, INT, INT, INT, TYPE_FLOAT8,
              TYPE_TEXT),
    FN("date_bin", fn_date_bin, TYPE_TIMESTAMP, "start of the bin of that width, counted from an origin",
       TYPE_INTERVAL, TYPE_TIMESTAMP, TYPE_TIMESTAMP),
    FN("date_bin", fn_date_bin, TYPE_TIMESTAMPTZ, "start of the bin of that width, counted from an origin",
       TYPE_INTERVAL, TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ),
    OVERLAPS_OF(TYPE_TIME, SQL_IMMUTABLE),
    OVERLAPS_OF(TYPE_TIMESTAMP, SQL_IMMUTABLE),
    OVERLAPS_OF(TYPE_TIMESTAMPTZ, SQL_STABLE),
};
/* clang-format on */

struct function_rows function_rows_datetime_make(void) {
    return FUNCTION_ROWS(datetime_make_rows);
}
