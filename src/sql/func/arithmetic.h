/* Range checks that several topics of functions share. */
#ifndef KMB_SQL_ARITHMETIC_H
#define KMB_SQL_ARITHMETIC_H

#include "sql/func/function.h"

/* 22003 "integer out of range", by the name of an integer type. */
_Noreturn void arithmetic_raise_range(const struct sql_call *call, enum type_id type);

/* A float result as PostgreSQL checks it: infinite only from infinite input, zero only where it may be; rounded to
 * float when the call's result is a float4. Raises "value out of range: overflow" or "underflow". */
double arithmetic_check_real(const struct sql_call *call, double value, bool infinite_input, bool zero_allowed);

#endif
