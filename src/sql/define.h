/* Running what is neither query nor DML: definitions, transaction control, settings. */
#ifndef KMB_SQL_DEFINE_H
#define KMB_SQL_DEFINE_H

#include "sql/plan/ddl.h"
#include "sql/sql.h"

/* Raises what the kernel or the host refuse. Part of a failed definition may stand in the transaction: the engine rolls
 * the statement back. */
void define_run(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl);

#endif
