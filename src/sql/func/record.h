/*
 * Rows as values. There is no type of them: a row is a call of one of these functions, which have no name to be called
 * by, over its parts (bind/record.c): whether the row is there, then a name and a value for each field.
 */
#ifndef KMB_SQL_RECORD_H
#define KMB_SQL_RECORD_H

#include "sql/func/function.h"

/* The row, in the text form of its fields: (1,"a b",). */
const struct sql_function *record_value(void);
/* The same as a text that is no row any more. */
const struct sql_function *record_text(void);
/* The bytes by which rows of fields of these types are ordered, NULL last (types/key.h). */
const struct sql_function *record_key(void);
/* Its first argument, what is shown of a list of rows; the second is what orders it. */
const struct sql_function *record_sequence(void);
/* Their first argument, JSON that must be an object, or an array of objects; the second names the function. */
const struct sql_function *record_object(bool binary);
const struct sql_function *record_list(bool binary);
/* The row as a JSON object; lines: a field a line. */
const struct sql_function *record_json(bool binary, bool lines);
/* json_agg and jsonb_agg of rows: each begins a line. */
const struct sql_function *record_json_aggregate(bool binary);

#endif
