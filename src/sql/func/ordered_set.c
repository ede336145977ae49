/* Ordered-set aggregates: their names and types. exec/ordered_input.c computes them from sorted values, by their kind.
 * Arguments in the table: the direct ones, then what is WITHIN GROUP (ORDER BY ...). */
#include "sql/func/loops.h"

#define ORDERED_SET(name_, kind_, result_, summary_, ...)                                                              \
    {                                                                                                                  \
        .class = SQL_FUNCTION_AGGREGATE, .name = (name_), .ordered_set = (kind_), .result = (result_),                 \
        .summary = (summary_), .strict = true,                                                                         \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }

/* clang-format off */
static const struct sql_function ordered_set_rows[] = {
    ORDERED_SET("percentile_cont", SQL_PERCENTILE_CONT, TYPE_FLOAT8, "value at a share of the order, between two if need be",
                TYPE_FLOAT8, TYPE_FLOAT8),
    ORDERED_SET("percentile_cont", SQL_PERCENTILE_CONT, TYPE_INTERVAL,
                "value at a share of the order, between two if need be", TYPE_FLOAT8, TYPE_INTERVAL),
    ORDERED_SET("percentile_disc", SQL_PERCENTILE_DISC, TYPE_ANY, "first value at or behind a share of the order",
                TYPE_FLOAT8, TYPE_ANY),
    ORDERED_SET("percentile_cont", SQL_PERCENTILE_CONT, TYPE_ARRAY_FLOAT8, "values at shares of the order, in an array of their shape",
                TYPE_ARRAY_FLOAT8, TYPE_FLOAT8),
    ORDERED_SET("percentile_cont", SQL_PERCENTILE_CONT, TYPE_ARRAY_INTERVAL,
                "values at shares of the order, in an array of their shape", TYPE_ARRAY_FLOAT8, TYPE_INTERVAL),
    ORDERED_SET("percentile_disc", SQL_PERCENTILE_DISC, TYPE_ANYARRAY,
                "first values at or behind shares of the order, in an array of their shape", TYPE_ARRAY_FLOAT8, TYPE_ANYELEMENT),
    ORDERED_SET("mode", SQL_MODE, TYPE_ANY, "most frequent value", TYPE_ANY),
};
/* clang-format on */

struct function_rows function_rows_ordered_set(void) {
    return FUNCTION_ROWS(ordered_set_rows);
}
