/*
 * Expressions over batches. An expression is compiled once per operator into a tree of evaluators that own their
 * result vectors; after that a batch is evaluated without allocation, but for bytes that functions make.
 *
 * Only selected rows are computed, and a row that CASE, COALESCE, AND or OR has decided is not looked at again: an
 * error of a row (division by zero) is raised only where SQL would compute it.
 */
#ifndef KMB_SQL_EVALUATE_H
#define KMB_SQL_EVALUATE_H

#include "sql/bind/expr.h"
#include "sql/context.h"
#include "sql/exec/vector.h"

struct evaluator;
struct exec;

struct evaluator_scope {
    struct sql_context *context; /* evaluators and their vectors live in its arena */
    struct arena *arena;         /* bytes of results; the operator rewinds it before each batch */
    const struct value *parameters;
    uint32_t parameter_count;
    struct exec *exec; /* for subqueries and outer values; NULL where neither can be */
    uint32_t rows_max; /* no batch has more; 1..VECTOR_ROWS */
};

struct evaluator *evaluator_make(const struct evaluator_scope *scope, const struct expr *expr);

/* The value of an expression that reads no column. */
struct value evaluator_value(const struct evaluator_scope *scope, const struct expr *expr);

/*
 * Evaluates rows selection[0..count) of the batch (NULL: rows 0..count-1). The vector answered is indexed by the same
 * row numbers and says nothing about other rows; it may be a column of the batch itself, or constant. Valid until the
 * next call. batch may be NULL for an expression without columns.
 */
const struct vector *evaluator_run(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                   uint32_t count);

/* A predicate: writes the rows for which it is true to rows_out (count places), ascending, and answers how many.
 * rows_out may be the selection itself. */
uint32_t evaluator_select(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                          uint32_t count, uint16_t *rows_out);

#endif
