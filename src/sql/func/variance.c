/*
 * Variances and standard deviations.
 *
 * Of exact numbers: exact sums of x and x*x, then (n * sum(x*x) - sum(x)^2) / (n * n or n * (n-1)), as PostgreSQL does
 * for NUMERIC. Of floats: Youngs and Cramer's update, which loses no digits to cancellation, also PostgreSQL's.
 */
#include <math.h>

#include "sql/func/aggregate.h"
#include "sql/func/loops.h"
#include "types/decimal.h"

#define SPARE_DIGITS 18

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

struct exact_state {
    struct decimal sum;
    struct decimal squares;
    int64_t count;
};

static void exact_take(const struct sql_call *call, struct exact_state *at, struct decimal value) {
    struct kmb_error *error = call->context->error;
    struct decimal square;
    check(call, decimal_multiply(value, value, &square, error));
    check(call, decimal_add(at->sum, value, &at->sum, error));
    check(call, decimal_add(at->squares, square, &at->squares, error));
    at->count++;
}

AGGREGATE_ADDERS(whole, struct exact_state,
                 { exact_take(call, at, decimal_of_int64(arguments[0]->integer[vector_row(arguments[0], row)])); })
AGGREGATE_ADDERS(exact, struct exact_state,
                 { exact_take(call, at, arguments[0]->decimal[vector_row(arguments[0], row)]); })

static void exact_result(AGGREGATE_FINISH_PARAMETERS, bool sample, bool root) {
    const struct exact_state *at = state;
    struct kmb_error *error = call->context->error;
    if (at->count == 0 || (sample && at->count == 1)) {
        result_null(result, row);
        return;
    }
    if (!decimal_is_finite(at->sum)) {
        result->decimal[row] = decimal_special(DECIMAL_NAN);
        return;
    }
    struct decimal n = decimal_of_int64(at->count);
    struct decimal above;
    struct decimal squared;
    struct decimal below;
    check(call, decimal_multiply(n, at->squares, &above, error));
    check(call, decimal_multiply(at->sum, at->sum, &squared, error));
    check(call, decimal_subtract(above, squared, &above, error));
    if (decimal_sign(above) <= 0) {
        result->decimal[row] = decimal_of_int64(0);
        return;
    }
    check(call, decimal_multiply(n, decimal_of_int64(sample ? at->count - 1 : at->count), &below, error));
    check(call, decimal_divide(above, below, &result->decimal[row], error));
    if (root) {
        int32_t scale = result->decimal[row].scale; /* the root keeps the variance's, as PostgreSQL's does */
        struct decimal wide;                        /* more digits under the root, lest the root be rounded twice */
        if (decimal_round(result->decimal[row], scale + SPARE_DIGITS, DECIMAL_HALF_AWAY, &wide, NULL) != KMB_OK) {
            wide = result->decimal[row];
        }
        check(call, decimal_sqrt(wide, &result->decimal[row], error));
        check(call, decimal_round(result->decimal[row], scale, DECIMAL_HALF_AWAY, &result->decimal[row], error));
    }
}

struct real_state {
    double count;
    double sum;
    double deviation; /* sum of squared distances from the mean */
};

static void real_take(const struct sql_call *call, struct real_state *at, double value) {
    bool finite = isfinite(at->sum) && isfinite(value);
    at->count += 1;
    at->sum += value;
    if (at->count > 1) {
        double distance = value * at->count - at->sum;
        at->deviation += distance * distance / (at->count * (at->count - 1));
        if (finite && (isinf(at->sum) || isinf(at->deviation))) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: overflow");
        }
    } else if (!isfinite(value)) {
        at->deviation = NAN;
    }
}

AGGREGATE_ADDERS(real, struct real_state, { real_take(call, at, arguments[0]->real[vector_row(arguments[0], row)]); })

static void real_result(AGGREGATE_FINISH_PARAMETERS, bool sample, bool root) {
    const struct real_state *at = state;
    if (at->count == 0 || (sample && at->count == 1)) {
        result_null(result, row);
        return;
    }
    double variance = at->deviation / (sample ? at->count - 1 : at->count);
    result->real[row] = root ? sqrt(variance) : variance;
}

#define FAMILY(name, sample, root)                                                                                     \
    static void exact_##name(AGGREGATE_FINISH_PARAMETERS) {                                                            \
        exact_result(call, state, result, row, sample, root);                                                          \
    }                                                                                                                  \
    static void real_##name(AGGREGATE_FINISH_PARAMETERS) {                                                             \
        real_result(call, state, result, row, sample, root);                                                           \
    }                                                                                                                  \
    static const struct sql_aggregate name##_of_whole = {sizeof(struct exact_state), whole_add, whole_add_one,         \
                                                         exact_##name, NULL};                                          \
    static const struct sql_aggregate name##_of_exact = {sizeof(struct exact_state), exact_add, exact_add_one,         \
                                                         exact_##name, NULL};                                          \
    static const struct sql_aggregate name##_of_real = {sizeof(struct real_state), real_add, real_add_one,             \
                                                        real_##name, NULL};

FAMILY(var_pop, false, false)
FAMILY(var_samp, true, false)
FAMILY(stddev_pop, false, true)
FAMILY(stddev_samp, true, true)

/* clang-format off */
#define FAMILY_ROWS(name, family, summary)                                                                             \
    AGGREGATE(name, &family##_of_whole, TYPE_NUMERIC, summary, TYPE_TINYINT),                                          \
    AGGREGATE(name, &family##_of_whole, TYPE_NUMERIC, summary, TYPE_INT2),                                             \
    AGGREGATE(name, &family##_of_whole, TYPE_NUMERIC, summary, TYPE_INT4),                                             \
    AGGREGATE(name, &family##_of_whole, TYPE_NUMERIC, summary, TYPE_INT8),                                             \
    AGGREGATE(name, &family##_of_exact, TYPE_NUMERIC, summary, TYPE_NUMERIC),                                          \
    AGGREGATE(name, &family##_of_real, TYPE_FLOAT8, summary, TYPE_FLOAT4),                                             \
    AGGREGATE(name, &family##_of_real, TYPE_FLOAT8, summary, TYPE_FLOAT8)

static const struct sql_function variance_rows[] = {
    FAMILY_ROWS("stddev", stddev_samp, "standard deviation of a sample"),
    FAMILY_ROWS("stddev_pop", stddev_pop, "standard deviation of the whole"),
    FAMILY_ROWS("stddev_samp", stddev_samp, "standard deviation of a sample"),
    FAMILY_ROWS("var_pop", var_pop, "variance of the whole"),
    FAMILY_ROWS("var_samp", var_samp, "variance of a sample"),
    FAMILY_ROWS("variance", var_samp, "variance of a sample"),
};
/* clang-format on */

struct function_rows function_rows_variance(void) {
    return FUNCTION_ROWS(variance_rows);
}
