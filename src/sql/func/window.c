/* Window functions that are not aggregates: their names and types. exec/window.c computes them, by their kind. */
#include "sql/func/loops.h"

#define WINDOW(name_, kind_, result_, summary_, ...)                                                                   \
    {                                                                                                                  \
        .class = SQL_FUNCTION_WINDOW, .name = (name_), .window = (kind_), .result = (result_), .summary = (summary_),  \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define WINDOW_PLAIN(name_, kind_, result_, summary_)                                                                  \
    { .class = SQL_FUNCTION_WINDOW, .name = (name_), .window = (kind_), .result = (result_), .summary = (summary_) }

/* clang-format off */
static const struct sql_function window_rows[] = {
    WINDOW_PLAIN("row_number", SQL_WINDOW_ROW_NUMBER, TYPE_INT8, "number of the row in its partition, from 1"),
    WINDOW_PLAIN("rank", SQL_WINDOW_RANK, TYPE_INT8, "row_number of the first of the row's peers"),
    WINDOW_PLAIN("dense_rank", SQL_WINDOW_DENSE_RANK, TYPE_INT8, "number of the row's peer group, from 1"),
    WINDOW_PLAIN("percent_rank", SQL_WINDOW_PERCENT_RANK, TYPE_FLOAT8, "(rank - 1) / (rows of the partition - 1)"),
    WINDOW_PLAIN("cume_dist", SQL_WINDOW_CUME_DIST, TYPE_FLOAT8, "share of the partition up to the row's last peer"),
    WINDOW("ntile", SQL_WINDOW_NTILE, TYPE_INT4, "number of the row's part, of so many equal parts", TYPE_INT4),
    WINDOW("lag", SQL_WINDOW_LAG, TYPE_ANY, "value of the row before", TYPE_ANY),
    WINDOW("lag", SQL_WINDOW_LAG, TYPE_ANY, "value so many rows before", TYPE_ANY, TYPE_INT4),
    WINDOW("lag", SQL_WINDOW_LAG, TYPE_ANY, "value so many rows before, or a default", TYPE_ANY, TYPE_INT4, TYPE_ANY),
    WINDOW("lead", SQL_WINDOW_LEAD, TYPE_ANY, "value of the row behind", TYPE_ANY),
    WINDOW("lead", SQL_WINDOW_LEAD, TYPE_ANY, "value so many rows behind", TYPE_ANY, TYPE_INT4),
    WINDOW("lead", SQL_WINDOW_LEAD, TYPE_ANY, "value so many rows behind, or a default", TYPE_ANY, TYPE_INT4, TYPE_ANY),
    WINDOW("first_value", SQL_WINDOW_FIRST_VALUE, TYPE_ANY, "value of the frame's first row", TYPE_ANY),
    WINDOW("last_value", SQL_WINDOW_LAST_VALUE, TYPE_ANY, "value of the frame's last row", TYPE_ANY),
    WINDOW("nth_value", SQL_WINDOW_NTH_VALUE, TYPE_ANY, "value of the frame's n-th row, from 1", TYPE_ANY, TYPE_INT4),
};
/* clang-format on */

struct function_rows function_rows_window(void) {
    return FUNCTION_ROWS(window_rows);
}
