/*
 * Aggregates: count, sum, avg, min, max, bool_and, bool_or, every, string_agg. (Variances: variance.c.)
 *
 * Result types are PostgreSQL's: sums of small integers are BIGINT, of BIGINT and NUMERIC NUMERIC, averages of exact
 * numbers NUMERIC. Integer sums are kept in 128 bits, so only a BIGINT result can overflow. An average is the exact
 * total divided once.
 *
 * Each state exists in two adders written from one body: one group (a plain loop over the batch) and many groups
 * (a state a row).
 */
#include <math.h>

#include "sql/func/aggregate.h"
#include "sql/func/arithmetic.h"
#include "sql/func/loops.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

/* --- count --- */

struct count_state {
    int64_t count;
};

static void count_add(AGGREGATE_ADD_PARAMETERS) {
    for (uint32_t i = 0; i < count; i++) {
        ((struct count_state *)states[i])->count++;
    }
}
static void count_add_one(AGGREGATE_ONE_PARAMETERS) {
    ((struct count_state *)state)->count += count;
}
static void count_finish(AGGREGATE_FINISH_PARAMETERS) {
    result->integer[row] = ((const struct count_state *)state)->count;
}
static void count_remove(AGGREGATE_ONE_PARAMETERS) {
    ((struct count_state *)state)->count -= count;
}
static const struct sql_aggregate count_aggregate = {sizeof(struct count_state), count_add, count_add_one, count_finish,
                                                     count_remove};

/* --- integers: sum and avg --- */

struct int_state {
    __int128 total;
    int64_t count;
};

static void int_add(AGGREGATE_ADD_PARAMETERS) {
    for (uint32_t i = 0; i < count; i++) {
        struct int_state *at = states[i];
        uint32_t row = selection == NULL ? i : selection[i];
        at->total += arguments[0]->integer[vector_row(arguments[0], row)];
        at->count++;
    }
}

/* The same for one group, without a branch or a 128-bit sum in the loop. Each value is split into its signed upper and
 * its unsigned lower half: 2^16 rows of either can not overflow 64 bits. */
static void int_add_fast(AGGREGATE_ONE_PARAMETERS) {
    struct int_state *at = state;
    const int64_t *values = arguments[0]->integer;
    if (arguments[0]->constant) {
        at->total += (__int128)values[0] * count;
    } else {
        int64_t upper = 0;
        uint64_t lower = 0;
        if (selection == NULL) {
            for (uint32_t row = 0; row < count; row++) {
                upper += values[row] >> 32;
                lower += (uint32_t)values[row];
            }
        } else {
            for (uint32_t i = 0; i < count; i++) {
                int64_t value = values[selection[i]];
                upper += value >> 32;
                lower += (uint32_t)value;
            }
        }
        at->total += (__int128)upper * ((__int128)1 << 32) + (__int128)lower;
    }
    at->count += count;
}

static void int_remove(AGGREGATE_ONE_PARAMETERS) {
    struct int_state *at = state;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        at->total -= arguments[0]->integer[vector_row(arguments[0], row)];
    }
    at->count -= count;
}

static void int_sum_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct int_state *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    if (at->total > INT64_MAX || at->total < INT64_MIN) {
        arithmetic_raise_range(call, TYPE_INT8);
    }
    result->integer[row] = (int64_t)at->total;
}

static struct decimal_sum sum_of(const struct int_state *at) {
    return (struct decimal_sum){.total = {.low = (uint64_t)at->total, .high = (int64_t)(at->total >> 64)},
                                .count = (uint64_t)at->count};
}

static void int_sum_numeric_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct int_state *at = state;
    struct decimal_sum sum = sum_of(at);
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    check(call, decimal_sum_total(&sum, &result->decimal[row], call->context->error));
}

static void int_avg_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct int_state *at = state;
    struct decimal_sum sum = sum_of(at);
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    check(call, decimal_sum_average(&sum, &result->decimal[row], call->context->error));
}

#define INT_STATE sizeof(struct int_state), int_add, int_add_fast
static const struct sql_aggregate int_sum = {INT_STATE, int_sum_finish, int_remove};
static const struct sql_aggregate int_sum_numeric = {INT_STATE, int_sum_numeric_finish, int_remove};
static const struct sql_aggregate int_avg = {INT_STATE, int_avg_finish, int_remove};

/* --- NUMERIC: sum and avg --- */

AGGREGATE_ADDERS(numeric, struct decimal_sum, {
    const struct decimal *value = &arguments[0]->decimal[vector_row(arguments[0], row)];
    bool plain = value->kind == DECIMAL_FINITE && value->scale == at->total.scale &&
                 value->high == ((int64_t)value->low >> 63) && at->total.high < INT64_MAX / 4 &&
                 at->total.high > INT64_MIN / 4;
    if (plain) {
        uint64_t low = at->total.low + value->low;
        at->total.high += value->high + (low < value->low);
        at->total.low = low;
        at->count++;
    } else {
        check(call, decimal_sum_add(at, *value, call->context->error));
    }
})

static void numeric_sum_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct decimal_sum *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    check(call, decimal_sum_total(at, &result->decimal[row], call->context->error));
}

static void numeric_avg_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct decimal_sum *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    check(call, decimal_sum_average(at, &result->decimal[row], call->context->error));
}

static const struct sql_aggregate numeric_sum = {sizeof(struct decimal_sum), numeric_add, numeric_add_one,
                                                 numeric_sum_finish, NULL};
static const struct sql_aggregate numeric_avg = {sizeof(struct decimal_sum), numeric_add, numeric_add_one,
                                                 numeric_avg_finish, NULL};

/* --- floats: sum and avg; a float4 sum is rounded at each step, as PostgreSQL's float4pl does --- */

struct real_state {
    double total;
    int64_t count;
};

AGGREGATE_ADDERS(real, struct real_state, {
    double value = arguments[0]->real[vector_row(arguments[0], row)];
    double before = at->total;
    at->total += value;
    if (__builtin_expect(isinf(at->total) && !isinf(before) && !isinf(value), 0)) {
        sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: overflow");
    }
    at->count++;
})

AGGREGATE_ADDERS(single, struct real_state, {
    double value = arguments[0]->real[vector_row(arguments[0], row)];
    double before = at->total;
    at->total = (double)(float)(before + value);
    if (__builtin_expect(isinf(at->total) && !isinf(before) && !isinf(value), 0)) {
        sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: overflow");
    }
    at->count++;
})

static void real_sum_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct real_state *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    result->real[row] = at->total;
}

static void real_avg_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct real_state *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    result->real[row] = at->total / (double)at->count;
}

static const struct sql_aggregate single_sum = {sizeof(struct real_state), single_add, single_add_one, real_sum_finish,
                                                NULL};
static const struct sql_aggregate real_sum = {sizeof(struct real_state), real_add, real_add_one, real_sum_finish, NULL};
static const struct sql_aggregate real_avg = {sizeof(struct real_state), real_add, real_add_one, real_avg_finish, NULL};

struct interval_state {
    struct interval total;
    int64_t count;
};

AGGREGATE_ADDERS(interval_total, struct interval_state, {
    check(call, interval_add(at->total, arguments[0]->interval[vector_row(arguments[0], row)], &at->total,
                             call->context->error));
    at->count++;
})

static void interval_sum_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct interval_state *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    result->interval[row] = at->total;
}

static void interval_avg_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct interval_state *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    check(call, interval_divide(at->total, (double)at->count, &result->interval[row], call->context->error));
}

static const struct sql_aggregate interval_sum = {sizeof(struct interval_state), interval_total_add,
                                                  interval_total_add_one, interval_sum_finish, NULL};
static const struct sql_aggregate interval_avg = {sizeof(struct interval_state), interval_total_add,
                                                  interval_total_add_one, interval_avg_finish, NULL};

/* --- min and max --- */

#define EXTREME(prefix, ctype, member, better)                                                                         \
    struct prefix##_state {                                                                                            \
        ctype best;                                                                                                    \
        bool present;                                                                                                  \
    };                                                                                                                 \
    AGGREGATE_ADDERS(prefix, struct prefix##_state, {                                                                  \
        const ctype x = arguments[0]->member[vector_row(arguments[0], row)];                                           \
        if (!at->present || better(x, at->best)) {                                                                     \
            at->best = x;                                                                                              \
            at->present = true;                                                                                        \
        }                                                                                                              \
    })                                                                                                                 \
    static void prefix##_finish(AGGREGATE_FINISH_PARAMETERS) {                                                         \
        const struct prefix##_state *at = state;                                                                       \
        if (!at->present) {                                                                                            \
            result_null(result, row);                                                                                  \
            return;                                                                                                    \
        }                                                                                                              \
        result->member[row] = at->best;                                                                                \
    }                                                                                                                  \
    static const struct sql_aggregate prefix = {sizeof(struct prefix##_state), prefix##_add, prefix##_add_one,         \
                                                prefix##_finish, NULL};

/* Of equal values that print differently (1.0 and 1.00) the last stays, as in PostgreSQL. */
#define LESS(x, y)            ((x) < (y))
#define GREATER(x, y)         ((x) > (y))
#define REAL_BELOW(x, y)      (value_compare_real((x), (y)) <= 0)
#define REAL_ABOVE(x, y)      (value_compare_real((x), (y)) >= 0)
#define DECIMAL_BELOW(x, y)   (decimal_compare((x), (y)) <= 0)
#define DECIMAL_ABOVE(x, y)   (decimal_compare((x), (y)) >= 0)
#define TIMESTAMP_BELOW(x, y) (timestamp_compare((x), (y)) < 0)
#define TIMESTAMP_ABOVE(x, y) (timestamp_compare((x), (y)) > 0)
#define INTERVAL_BELOW(x, y)  (interval_compare((x), (y)) <= 0)
#define INTERVAL_ABOVE(x, y)  (interval_compare((x), (y)) >= 0)

EXTREME(int_min, int64_t, integer, LESS)
EXTREME(int_max, int64_t, integer, GREATER)
EXTREME(real_min, double, real, REAL_BELOW)
EXTREME(real_max, double, real, REAL_ABOVE)
EXTREME(numeric_min, struct decimal, decimal, DECIMAL_BELOW)
EXTREME(numeric_max, struct decimal, decimal, DECIMAL_ABOVE)
EXTREME(stamp_min, struct timestamp, timestamp, TIMESTAMP_BELOW)
EXTREME(stamp_max, struct timestamp, timestamp, TIMESTAMP_ABOVE)
EXTREME(span_min, struct interval, interval, INTERVAL_BELOW)
EXTREME(span_max, struct interval, interval, INTERVAL_ABOVE)

/* Bytes are copied: the batch they stand in goes. The room of a state is reused and doubles, so a state takes at most
 * four times its longest value. */
struct bytes_state {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    bool present;
};

static void bytes_reserve(const struct sql_call *call, struct bytes_state *at, size_t needed) {
    if (at->capacity >= needed && at->bytes != NULL) {
        return;
    }
    size_t capacity = at->capacity * 2 > needed ? at->capacity * 2 : needed + 16;
    uint8_t *bytes = result_bytes(call, capacity);
    if (at->length > 0) {
        memcpy(bytes, at->bytes, at->length);
    }
    at->bytes = bytes;
    at->capacity = capacity;
}

static void bytes_take(const struct sql_call *call, struct bytes_state *at, struct slice value) {
    at->length = 0;
    bytes_reserve(call, at, value.length);
    if (value.length > 0) {
        memcpy(at->bytes, value.bytes, value.length);
    }
    at->length = value.length;
    at->present = true;
}

static int bytes_order(const struct sql_call *call, struct slice a, const struct bytes_state *at) {
    struct slice b = slice_make(at->bytes, at->length);
    return call->argument_types[0].id == TYPE_BPCHAR ? slice_compare(value_trim_blanks(a), value_trim_blanks(b))
                                                     : slice_compare(a, b);
}

#define BYTES_EXTREME(prefix, relation)                                                                                \
    AGGREGATE_ADDERS(prefix, struct bytes_state, {                                                                     \
        struct slice value = arguments[0]->bytes[vector_row(arguments[0], row)];                                       \
        if (!at->present || bytes_order(call, value, at) relation 0) {                                                 \
            bytes_take(call, at, value);                                                                               \
        }                                                                                                              \
    })                                                                                                                 \
    static const struct sql_aggregate prefix = {sizeof(struct bytes_state), prefix##_add, prefix##_add_one,            \
                                                bytes_finish, NULL};

static void bytes_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct bytes_state *at = state;
    if (!at->present) {
        result_null(result, row);
        return;
    }
    result->bytes[row] = slice_make(at->bytes, at->length);
}
BYTES_EXTREME(bytes_min, <)
BYTES_EXTREME(bytes_max, >)

/* --- string_agg(value, delimiter): not strict, a NULL value is left out, a NULL delimiter is none --- */

static void string_join(const struct sql_call *call, struct bytes_state *at, struct vector *const *arguments,
                        uint32_t row) {
    uint32_t value_row = vector_row(arguments[0], row);
    uint32_t delimiter_row = vector_row(arguments[1], row);
    if (arguments[0]->may_have_null && arguments[0]->null[value_row]) {
        return;
    }
    struct slice value = arguments[0]->bytes[value_row];
    struct slice delimiter = slice_make(NULL, 0);
    if (at->present && !(arguments[1]->may_have_null && arguments[1]->null[delimiter_row])) {
        delimiter = arguments[1]->bytes[delimiter_row];
    }
    bytes_reserve(call, at, at->length + delimiter.length + value.length);
    if (delimiter.length > 0) {
        memcpy(at->bytes + at->length, delimiter.bytes, delimiter.length);
    }
    at->length += delimiter.length;
    if (value.length > 0) {
        memcpy(at->bytes + at->length, value.bytes, value.length);
    }
    at->length += value.length;
    at->present = true;
}
AGGREGATE_ADDERS(string, struct bytes_state, { string_join(call, at, arguments, row); })
static const struct sql_aggregate string_agg = {sizeof(struct bytes_state), string_add, string_add_one, bytes_finish,
                                                NULL};

/* --- bool_and, bool_or --- */

struct bool_state {
    bool any_true;
    bool any_false;
};
AGGREGATE_ADDERS(bool, struct bool_state, {
    bool value = arguments[0]->boolean[vector_row(arguments[0], row)] != 0;
    at->any_true |= value;
    at->any_false |= !value;
})
static void bool_and_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct bool_state *at = state;
    if (!at->any_true && !at->any_false) {
        result_null(result, row);
        return;
    }
    result->boolean[row] = !at->any_false;
}
static void bool_or_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct bool_state *at = state;
    if (!at->any_true && !at->any_false) {
        result_null(result, row);
        return;
    }
    result->boolean[row] = at->any_true;
}
static const struct sql_aggregate bool_and = {sizeof(struct bool_state), bool_add, bool_add_one, bool_and_finish, NULL};
static const struct sql_aggregate bool_or = {sizeof(struct bool_state), bool_add, bool_add_one, bool_or_finish, NULL};

/* clang-format off */
#define EXTREME_ROWS(type, least, greatest)                                                                            \
    AGGREGATE("min", &least, type, "least value", type),                                                               \
    AGGREGATE("max", &greatest, type, "greatest value", type)

static const struct sql_function aggregate_rows[] = {
    {.class = SQL_FUNCTION_AGGREGATE, .name = "count", .strict = true, .result = TYPE_INT8,
     .aggregate = &count_aggregate, .summary = "number of rows"},
    AGGREGATE("count", &count_aggregate, TYPE_INT8, "number of values that are not NULL", TYPE_ANY),
    AGGREGATE("sum", &int_sum, TYPE_INT8, "sum", TYPE_TINYINT),
    AGGREGATE("sum", &int_sum, TYPE_INT8, "sum", TYPE_INT2),
    AGGREGATE("sum", &int_sum, TYPE_INT8, "sum", TYPE_INT4),
    AGGREGATE("sum", &int_sum_numeric, TYPE_NUMERIC, "sum", TYPE_INT8),
    AGGREGATE("sum", &numeric_sum, TYPE_NUMERIC, "sum", TYPE_NUMERIC),
    AGGREGATE("sum", &single_sum, TYPE_FLOAT4, "sum", TYPE_FLOAT4),
    AGGREGATE("sum", &real_sum, TYPE_FLOAT8, "sum", TYPE_FLOAT8),
    AGGREGATE("sum", &interval_sum, TYPE_INTERVAL, "sum", TYPE_INTERVAL),
    AGGREGATE("avg", &int_avg, TYPE_NUMERIC, "mean", TYPE_TINYINT),
    AGGREGATE("avg", &int_avg, TYPE_NUMERIC, "mean", TYPE_INT2),
    AGGREGATE("avg", &int_avg, TYPE_NUMERIC, "mean", TYPE_INT4),
    AGGREGATE("avg", &int_avg, TYPE_NUMERIC, "mean", TYPE_INT8),
    AGGREGATE("avg", &numeric_avg, TYPE_NUMERIC, "mean", TYPE_NUMERIC),
    AGGREGATE("avg", &real_avg, TYPE_FLOAT8, "mean", TYPE_FLOAT4),
    AGGREGATE("avg", &real_avg, TYPE_FLOAT8, "mean", TYPE_FLOAT8),
    AGGREGATE("avg", &interval_avg, TYPE_INTERVAL, "mean", TYPE_INTERVAL),
    EXTREME_ROWS(TYPE_TINYINT, int_min, int_max),
    EXTREME_ROWS(TYPE_INT2, int_min, int_max),
    EXTREME_ROWS(TYPE_INT4, int_min, int_max),
    EXTREME_ROWS(TYPE_INT8, int_min, int_max),
    EXTREME_ROWS(TYPE_FLOAT4, real_min, real_max),
    EXTREME_ROWS(TYPE_FLOAT8, real_min, real_max),
    EXTREME_ROWS(TYPE_NUMERIC, numeric_min, numeric_max),
    EXTREME_ROWS(TYPE_TEXT, bytes_min, bytes_max),
    EXTREME_ROWS(TYPE_BPCHAR, bytes_min, bytes_max),
    EXTREME_ROWS(TYPE_OID, int_min, int_max),
    EXTREME_ROWS(TYPE_DATE, int_min, int_max),
    EXTREME_ROWS(TYPE_TIME, int_min, int_max),
    EXTREME_ROWS(TYPE_TIMESTAMP, stamp_min, stamp_max),
    EXTREME_ROWS(TYPE_TIMESTAMPTZ, stamp_min, stamp_max),
    EXTREME_ROWS(TYPE_INTERVAL, span_min, span_max),
    AGGREGATE("bool_and", &bool_and, TYPE_BOOL, "whether all are true", TYPE_BOOL),
    AGGREGATE("bool_or", &bool_or, TYPE_BOOL, "whether any is true", TYPE_BOOL),
    AGGREGATE("every", &bool_and, TYPE_BOOL, "whether all are true", TYPE_BOOL),
    {.class = SQL_FUNCTION_AGGREGATE, .name = "string_agg", .argument_count = 2, .arguments = {TYPE_TEXT, TYPE_TEXT},
     .result = TYPE_TEXT, .aggregate = &string_agg, .summary = "values joined with a delimiter between"},
    {.class = SQL_FUNCTION_AGGREGATE, .name = "string_agg", .argument_count = 2,
     .arguments = {TYPE_BYTEA, TYPE_BYTEA}, .result = TYPE_BYTEA, .aggregate = &string_agg,
     .summary = "values joined with a delimiter between"},
};
/* clang-format on */

struct function_rows function_rows_aggregate(void) {
    return FUNCTION_ROWS(aggregate_rows);
}
