/* EXPLAIN: a plan as PostgreSQL prints one (COSTS OFF), the same text for the same plan. */
#ifndef KMB_SQL_EXPLAIN_H
#define KMB_SQL_EXPLAIN_H

#include "sql/context.h"
#include "sql/plan/plan.h"

/* Lines in arena memory; the number of them. */
uint32_t plan_explain(struct sql_context *context, const struct plan_node *root, struct slice **lines);

#endif
