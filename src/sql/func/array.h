/* Arrays as functions take and make them, and the functions of arrays that the binder names itself. */
#ifndef KMB_SQL_ARRAY_H
#define KMB_SQL_ARRAY_H

#include "sql/func/function.h"
#include "types/array.h"

/* The array of an argument of array type at a row; it is not NULL. */
struct array array_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row);
/* Its elements in the call's arena. */
struct value *array_values(const struct sql_call *call, const struct array *array);
/* Sets a row to an array of the result's element type. */
void array_result(const struct sql_call *call, struct vector *result, uint32_t row, const struct array_shape *shape,
                  const struct value *elements);

/* Functions that have no name to be called by. */
enum array_operation {
    ARRAY_MAKE,      /* ARRAY[a, b, ...]: of values, or of arrays of one shape */
    ARRAY_SUBSCRIPT, /* a[i][j]: the array, then a subscript each dimension */
    ARRAY_SLICE,     /* a[i:j][k:l]: the array, then two bounds each dimension; one left out is of type UNKNOWN */
    ARRAY_SET,       /* the array with another element: the array, the element, then as ARRAY_SUBSCRIPT */
    ARRAY_SET_SLICE, /* the array with other elements: the array, those in an array, then as ARRAY_SLICE */
};
/* A name is one of 64 "char", counted from 0. */
const struct sql_function *object_name_subscript(void);
const struct sql_function *array_operation(enum array_operation operation);
sql_scalar_fn array_set, array_set_slice; /* array_set.c */

/* The cast between two types of which one is an array's; as sql_cast_find(). */
const struct sql_function *array_cast_find(enum type_id from, enum type_id to, enum sql_cast_context context);

#endif
