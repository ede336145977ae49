/* The constant list of an IN, as a hash set. */
#ifndef KMB_SQL_EVALUATE_LIST_H
#define KMB_SQL_EVALUATE_LIST_H

#include "sql/context.h"
#include "sql/exec/vector.h"

#define EVALUATE_LIST_MIN 4 /* shorter lists are compared item by item, in dense loops */

struct evaluate_list;

struct evaluate_list *evaluate_list_make(struct sql_context *context, uint32_t count_max);
void evaluate_list_add(struct evaluate_list *list, const struct value *value); /* borrows bytes */

/* For the given rows of value, none NULL: result is true (false when negated) where the list has the value; else NULL
 * when the list has a NULL; else left as it is. */
void evaluate_list_find(const struct evaluate_list *list, const struct vector *value, struct vector *result,
                        const uint16_t *rows, uint32_t count, bool negated);

#endif
