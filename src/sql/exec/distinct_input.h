/* The rows of an aggregate call with DISTINCT, each once in its group. For aggregate.c. */
#ifndef KMB_SQL_DISTINCT_INPUT_H
#define KMB_SQL_DISTINCT_INPUT_H

#include "sql/exec/operator.h"

struct distinct_input;

struct distinct_input *distinct_input_make(struct exec_operator *self, const struct plan_aggregate *plan);
/* Fills rows[] with those of the selection whose arguments are new to their group; answers how many. groups has the
 * groups' numbers, row by row. Rows that there was no room to compare wait for distinct_input_rest(). */
uint32_t distinct_input_pass(struct distinct_input *input, const struct vector *groups, struct vector *const *arguments,
                             const uint16_t *selection, uint32_t count, uint16_t *rows);
/* After the last row: those that waited and are new, column 0 the group's number and then the arguments, valid until
 * the next call; NULL: no more, and all is forgotten, since other groups get the numbers. */
const struct batch *distinct_input_rest(struct distinct_input *input);

#endif
