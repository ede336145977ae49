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
/* All are there: puts them in order. */
void ordered_input_sort(struct ordered_input *input);
/* Adds them, in order, to the state that state_of() says is their group's. */
void ordered_input_feed(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                        void *(*state_of)(void *context, uint32_t group), void *context);
/* The value of an ordered-set aggregate for a group; direct: its first direct argument, or NULL. */
void ordered_input_result(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                          uint32_t group, const struct value *direct, struct vector *result, uint32_t row);

#endif
