/* Rows of an aggregate call with an order of its own, kept until all are there. For aggregate.c. */
#ifndef KMB_SQL_ORDERED_INPUT_H
#define KMB_SQL_ORDERED_INPUT_H

#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

struct ordered_input;

struct ordered_input *ordered_input_make(struct exec_operator *self, const struct plan_aggregate *plan,
                                         uint32_t rows_max);
/* Keeps rows of the batch: arguments are the call's, group_numbers says whose they are, row by row. */
void ordered_input_add(struct ordered_input *input, const struct batch *batch, const struct vector *group_numbers,
                       struct vector *const *arguments, const uint16_t *selection, uint32_t count);
/* All are there: puts them in order. Then either all rows are asked for, or the value of each group. */
void ordered_input_sort(struct ordered_input *input);
/* The next rows in order, all live: column 0 the group's number and then the arguments, valid until the next call; NULL
 * at the end. */
const struct batch *ordered_input_next(struct ordered_input *input);
/* The value of an ordered-set aggregate for a group, these asked for from 0 on, none left out; direct: its first direct
 * argument, or NULL. Bytes are valid until the next is asked for. */
void ordered_input_result(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                          uint32_t group, const struct value *direct, struct vector *result, uint32_t row);
/* Forgets all rows. */
void ordered_input_reset(struct ordered_input *input);

#endif
