/*
 * The executor: a bound plan and its parameters in, batches out.
 *
 * exec_open() builds one operator per plan node in the statement's arena and opens what it reads: scans that share an
 * at_block share one pinned view, present or past. exec_next() pulls. A statement with writes (at the root or in WITH)
 * is finished by exec_open(): all of it reads the moment when it began, so it never sees its own rows; exec_next() then
 * gives the rows that it answers.
 *
 * Everything raises (sql/context.h); all memory is the statement's arena and counts against its budget (53200), all
 * other things held are registered with sql_defer(), so leaving in the middle leaks nothing. A batch is valid until
 * the next call; its selection must be honoured.
 */
#ifndef KMB_SQL_EXEC_H
#define KMB_SQL_EXEC_H

#include "sql/context.h"
#include "sql/exec/vector.h"
#include "sql/plan/plan.h"
#include "sql/sql.h"

struct exec;

struct plan_measures;

/*
 * parameters: one value each for $1..$n, already of the plan's parameter types; they must outlive the exec. measures
 * (NULL: none): gets what each node does, in the context's memory (EXPLAIN ANALYZE).
 */
struct exec *exec_open(struct sql_context *context, const struct sql_host *host, const struct plan_node *root,
                       const struct value *parameters, uint32_t parameter_count, struct plan_measures *measures);

/* The next batch with at least one live row; NULL at the end. Columns are those of the root (RETURNING's of a write).
 */
const struct batch *exec_next(struct exec *exec);

/* Of a write: rows inserted, updated or deleted by the root; of a query with writes in WITH: rows it gives. ON CONFLICT
 * rows that did nothing do not count. */
uint64_t exec_rows_affected(const struct exec *exec);

/* Closes views and transactions' cursors early; NULL is fine. sql_context_free() does the same. */
void exec_close(struct exec *exec);

/* The value of an expression that reads no column (constants, parameters, calls of them): for bounds, LIMIT, DEFAULTs
 * and constant folding. Bytes live in the arena. Raises what the expression raises. */
struct value exec_evaluate(struct sql_context *context, const struct expr *expr, const struct value *parameters,
                           uint32_t parameter_count);

#endif
