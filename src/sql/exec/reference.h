/* Foreign keys at the end of a write. */
#ifndef KMB_SQL_REFERENCE_H
#define KMB_SQL_REFERENCE_H

#include "kernel/transaction.h"
#include "sql/exec/operator.h"

/* start, before: the transaction's place and a view of it when the statement began. Raises 23503. */
void references_run(struct exec *exec, const struct kernel_place *start, struct kernel_view *before);

#endif
