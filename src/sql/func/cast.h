/* Text of values, as casts and concat() need it. */
#ifndef KMB_SQL_CAST_H
#define KMB_SQL_CAST_H

#include "sql/func/function.h"

/* The text of a type's output function, in the session's zone; borrowed where the value is text, else in call->arena.
 * The value must not be NULL. */
/* The same, dates and times in ISO form whatever DateStyle is: in JSON. */
struct slice cast_text_iso(const struct sql_call *call, const struct value *value);
struct slice cast_text_of(const struct sql_call *call, const struct value *value);

/* To a text type from any other, and from one, as the call says: the scalar functions of those casts. */
sql_scalar_fn cast_to_text;
sql_scalar_fn cast_of_text;

#endif
