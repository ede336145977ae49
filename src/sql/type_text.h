/*
 * Names of types as users know them, those that they made themselves included.
 */
#ifndef KMB_SQL_TYPE_TEXT_H
#define KMB_SQL_TYPE_TEXT_H

#include "sql/context.h"
#include "types/type.h"

/* Without a modifier: "character varying", "mood", "mood[]"; of a domain its own name. Arena memory or static. */
const char *sql_type_text(struct sql_context *context, struct type type);
/* With it: "character varying(10)". */
const char *sql_type_format(struct sql_context *context, struct type type);

#endif
