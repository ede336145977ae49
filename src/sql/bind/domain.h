/*
 * What the binder's files share about domains.
 */
#ifndef KMB_SQL_BIND_DOMAIN_H
#define KMB_SQL_BIND_DOMAIN_H

#include "sql/bind/bind.h"

#define DOMAIN_VALUE "value" /* how a check calls what it checks */

const struct table_definition *bind_domain(struct bind *bind, uint32_t object);
/* The one name that a check may use. */
void bind_domain_scope(struct bind *bind, struct type type, struct scope *scope);
/* As bind_coerce(), type.domain not 0: the value passes the domain's constraints. */
const struct expr *bind_to_domain(struct bind *bind, const struct expr *expr, struct type type,
                                  enum sql_cast_context cast_context, uint32_t position);
/* The same value under another name of its type. */
const struct expr *bind_relabel(struct bind *bind, const struct expr *expr, struct type type);
/* The default of a domain, or of the one it stands on; NULL: none. */
const char *bind_domain_default(struct bind *bind, struct type type);
/* A CHECK of a domain over `type`, bound for its errors. */
const char *bind_domain_check_text(struct bind *bind, struct type type, const PgQuery__Node *node);
/* The name given, if it is free, or one made. */
const char *bind_domain_check_name(struct bind *bind, const struct table_definition *domain, const char *given);

#endif
