/* An operator over all elements of an array: x = ANY (array), x < ALL (array). */
#ifndef KMB_SQL_EVALUATE_ARRAY_H
#define KMB_SQL_EVALUATE_ARRAY_H

#include "sql/func/function.h"

struct evaluate_array;

/* call: of the operator, its argument types those of the value and the array. */
struct evaluate_array *evaluate_array_make(const struct sql_call *call, const struct sql_function *function, bool all);

/* For the given rows: ANY is true when it holds for one element, ALL when for each; else NULL when that hangs on a
 * NULL. NULL for a NULL array; for an empty one what holds of nothing, whatever the value. */
void evaluate_array_run(struct evaluate_array *compare, const struct vector *value, const struct vector *arrays,
                        struct vector *result, const uint16_t *selection, uint32_t count);

#endif
