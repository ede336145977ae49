/*
 * Comparisons of a widened value.
 *
 * A date meets a timestamp as a timestamp: l_shipdate < date '1994-01-01' + interval '1 year' widens the column of each
 * row, and no index on it serves. Widening a date keeps the order, so the comparison is one of the date itself with the
 * last midnight that is not after the timestamp:
 *
 *   date < T    date < day of T     or, where T is not midnight,  date <= day of T
 *   date >= T   date >= day of T    or                            date > day of T
 *   date <= T   date <= day of T    date > T   date > day of T
 *   date = T    date = day of T     only where T is midnight; <> likewise
 *
 * Dates too far off for a timestamp are compared so, too, as PostgreSQL does, and do not fail.
 */
#include "base/assert.h"
#include "sql/func/function.h"
#include "sql/plan/optimise.h"
#include "types/datetime.h"

/* The date under a cast to TIMESTAMP; NULL: it is something else. */
static const struct expr *widened_date(const struct expr *expr) {
    bool widened = expr->kind == EXPR_CALL && expr->function->class == SQL_FUNCTION_CAST &&
                   expr->type.id == TYPE_TIMESTAMP && expr->type.modifier < 0 && expr->argument_count == 1 &&
                   expr->arguments[0]->type.id == TYPE_DATE;
    return widened ? expr->arguments[0] : NULL;
}

/* The operator of dates that stands for `name` of timestamps; NULL: none does. */
static const char *date_operator(const char *name, bool midnight) {
    static const char *const beside[][2] = {{"<", "<="}, {">=", ">"}, {"<=", "<="}, {">", ">"}};
    if (midnight) {
        return name;
    }
    for (unsigned i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        if (strcmp(name, beside[i][0]) == 0) {
            return beside[i][1];
        }
    }
    return NULL;
}

/* The day of a moment; true: the moment is its midnight. Infinities are days of their own. */
static bool day_of(struct timestamp at, int64_t *day) {
    if (!timestamp_is_finite(at)) {
        *day = at.us == TIMESTAMP_INFINITY ? DATE_INFINITY : DATE_NEGATIVE_INFINITY;
        return true;
    }
    *day = at.us / US_PER_DAY - (at.us % US_PER_DAY < 0 ? 1 : 0);
    return at.us == *day * US_PER_DAY && at.ns == 0;
}

const struct expr *optimise_narrow(struct optimiser *optimiser, const struct expr *expr) {
    const struct sql_function *function = expr->function;
    if (function->class != SQL_FUNCTION_OPERATOR || expr->argument_count != 2 || function->commutator == NULL ||
        sql_comparison_find(function->name, TYPE_TIMESTAMP) != function) {
        return expr;
    }
    bool turned = expr->arguments[0]->kind == EXPR_CONSTANT;
    const struct expr *date = widened_date(expr->arguments[turned ? 1 : 0]);
    const struct expr *constant = expr->arguments[turned ? 0 : 1];
    if (date == NULL || constant->kind != EXPR_CONSTANT || constant->value.is_null) {
        return expr;
    }
    int64_t day = 0;
    bool midnight = day_of(constant->value.as.timestamp, &day);
    const char *name = date_operator(turned ? function->commutator : function->name, midnight);
    if (name == NULL) {
        return expr;
    }
    struct expr *bound = sql_alloc_zero(optimiser->context, 1, sizeof(*bound));
    bound->kind = EXPR_CONSTANT;
    bound->type = type_make(TYPE_DATE);
    bound->position = constant->position;
    bound->value = (struct value){.type = TYPE_DATE, .as.integer = day};
    struct expr *narrow = sql_alloc(optimiser->context, sizeof(*narrow));
    *narrow = *expr;
    narrow->function = sql_comparison_find(name, TYPE_DATE);
    narrow->arguments = sql_alloc(optimiser->context, 2 * sizeof(*narrow->arguments));
    narrow->arguments[0] = date;
    narrow->arguments[1] = bound;
    return narrow;
}
