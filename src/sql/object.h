/*
 * Objects of the catalogue by number and by name: the values of regclass, regtype, regnamespace and regrole.
 */
#ifndef KMB_SQL_OBJECT_H
#define KMB_SQL_OBJECT_H

#include "kernel/catalogue.h"
#include "sql/context.h"
#include "types/value.h"

/* The value of a number, with the name that the session's path gives the object: digits where there is none. Arena
 * memory of `arena`. */
struct value sql_object_of_oid(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                               int64_t oid, struct arena *arena);
/*
 * What a text means, a name as SQL spells it or a number. Where there is no such object: 42P01, 42704, 3F000, or, where
 * `need` is false, false. Texts that are no name at all raise in either case.
 */
bool sql_object_of_text(struct sql_context *context, const struct catalogue *catalogue, enum type_id type,
                        struct slice text, bool need, uint32_t position, int64_t *oid);
/* The name of one of PostgreSQL's types without values; NULL: it is none. */
const char *sql_pseudo_type_text(struct sql_context *context, int64_t oid);
/* The number of an object's value. */
int64_t sql_object_oid(struct slice label);

#endif
