/*
 * Aggregates over pairs (y, x): covariance, correlation, linear regression by least squares.
 *
 * Sums of squares are kept by Youngs and Cramer's update, as in variance.c and in PostgreSQL.
 */
#include <math.h>

#include "sql/func/aggregate.h"
#include "sql/func/loops.h"

struct pair_state {
    double count;
    double sum_x;
    double squares_x; /* of distances from the mean */
    double sum_y;
    double squares_y;
    double products;
};

static void pair_check(const struct sql_call *call, struct pair_state *at, const struct pair_state *before, double y,
                       double x) {
    bool finite_x = !isinf(before->sum_x) && !isinf(x);
    bool finite_y = !isinf(before->sum_y) && !isinf(y);
    bool over_x = isinf(at->sum_x) || isinf(at->squares_x);
    bool over_y = isinf(at->sum_y) || isinf(at->squares_y);
    if ((over_x && finite_x) || (over_y && finite_y) || (isinf(at->products) && finite_x && finite_y)) {
        sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, call->position, "value out of range: overflow");
    }
    at->squares_x = isinf(at->squares_x) ? NAN : at->squares_x;
    at->squares_y = isinf(at->squares_y) ? NAN : at->squares_y;
    at->products = isinf(at->products) ? NAN : at->products;
}

static void pair_take(const struct sql_call *call, struct pair_state *at, double y, double x) {
    struct pair_state before = *at;
    at->count += 1;
    at->sum_x += x;
    at->sum_y += y;
    if (before.count > 0) {
        double distance_x = x * at->count - at->sum_x;
        double distance_y = y * at->count - at->sum_y;
        double scale = 1.0 / (at->count * before.count);
        at->squares_x += distance_x * distance_x * scale;
        at->squares_y += distance_y * distance_y * scale;
        at->products += distance_x * distance_y * scale;
        pair_check(call, at, &before, y, x);
        return;
    }
    if (!isfinite(x)) {
        at->squares_x = NAN;
        at->products = NAN;
    }
    if (!isfinite(y)) {
        at->squares_y = NAN;
        at->products = NAN;
    }
}

AGGREGATE_ADDERS(pair, struct pair_state, {
    pair_take(call, at, arguments[0]->real[vector_row(arguments[0], row)],
              arguments[1]->real[vector_row(arguments[1], row)]);
})

static void regr_count_finish(AGGREGATE_FINISH_PARAMETERS) {
    (void)call;
    result->integer[row] = (int64_t)((const struct pair_state *)state)->count;
}
static const struct sql_aggregate regr_count = {sizeof(struct pair_state), pair_add, pair_add_one, regr_count_finish,
                                                NULL};

/* An aggregate that is NULL for fewer pairs than `least`, and where `undefined` says so. */
#define PAIR(name, least, undefined, value)                                                                            \
    static void name##_finish(AGGREGATE_FINISH_PARAMETERS) {                                                           \
        const struct pair_state *at = state;                                                                           \
        (void)call;                                                                                                    \
        if (at->count < (least) || (undefined)) {                                                                      \
            result_null(result, row);                                                                                  \
            return;                                                                                                    \
        }                                                                                                              \
        result->real[row] = (value);                                                                                   \
    }                                                                                                                  \
    static const struct sql_aggregate name = {sizeof(struct pair_state), pair_add, pair_add_one, name##_finish, NULL};

PAIR(covar_pop, 1, false, at->products / at->count)
PAIR(covar_samp, 2, false, at->products / (at->count - 1))
PAIR(corr, 1, at->squares_x == 0 || at->squares_y == 0, at->products / sqrt(at->squares_x * at->squares_y))
PAIR(regr_sxx, 1, false, at->squares_x)
PAIR(regr_syy, 1, false, at->squares_y)
PAIR(regr_sxy, 1, false, at->products)
PAIR(regr_avgx, 1, false, at->sum_x / at->count)
PAIR(regr_avgy, 1, false, at->sum_y / at->count)
PAIR(regr_r2, 1, at->squares_x == 0,
     at->squares_y == 0 ? 1 : (at->products * at->products) / (at->squares_x * at->squares_y))
PAIR(regr_slope, 1, at->squares_x == 0, at->products / at->squares_x)
PAIR(regr_intercept, 1, at->squares_x == 0, (at->sum_y - at->sum_x * at->products / at->squares_x) / at->count)

/* clang-format off */
#define PAIR_ROW(name, summary) AGGREGATE(#name, &name, TYPE_FLOAT8, summary, TYPE_FLOAT8, TYPE_FLOAT8)

static const struct sql_function regression_rows[] = {
    PAIR_ROW(corr, "correlation of y and x"),
    PAIR_ROW(covar_pop, "covariance of the whole"),
    PAIR_ROW(covar_samp, "covariance of a sample"),
    PAIR_ROW(regr_avgx, "mean of x, of (y, x)"),
    PAIR_ROW(regr_avgy, "mean of y, of (y, x)"),
    AGGREGATE("regr_count", &regr_count, TYPE_INT8, "pairs (y, x) without a NULL", TYPE_FLOAT8, TYPE_FLOAT8),
    PAIR_ROW(regr_intercept, "where the line through (y, x) meets x = 0"),
    PAIR_ROW(regr_r2, "square of the correlation"),
    PAIR_ROW(regr_slope, "slope of the line through (y, x)"),
    PAIR_ROW(regr_sxx, "sum of squares of x about its mean"),
    PAIR_ROW(regr_sxy, "sum of products about the means"),
    PAIR_ROW(regr_syy, "sum of squares of y about its mean"),
};
/* clang-format on */

struct function_rows function_rows_regression(void) {
    return FUNCTION_ROWS(regression_rows);
}
