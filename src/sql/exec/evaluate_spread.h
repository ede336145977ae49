/* A call with VARIADIC: the elements of its last argument, an array, are the arguments from there on. */
#ifndef KMB_SQL_EVALUATE_SPREAD_H
#define KMB_SQL_EVALUATE_SPREAD_H

#include "sql/func/function.h"

struct evaluate_spread;

/* call: of the function, its argument types as they are written, the array last. */
struct evaluate_spread *evaluate_spread_make(const struct sql_call *call, const struct sql_function *function);

/* For the given rows; vectors: of the arguments as they are written. NULL for a NULL array (format(): no arguments),
 * and, where the function is strict, for an array that has a NULL. */
void evaluate_spread_run(struct evaluate_spread *spread, struct vector *const *vectors, struct vector *result,
                         const uint16_t *selection, uint32_t count);

#endif
