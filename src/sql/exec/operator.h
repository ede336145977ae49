/*
 * The executor's inside: what an operator is, and what operators share.
 *
 * An operator is a struct that begins with struct exec_operator and lives in the statement's arena. next() answers
 * batches of at least one live row, NULL for ever after the last. What an operator keeps for long (hash tables, sorted
 * rows) is in the statement's arena and so within its budget; bytes that functions make for one batch are in the
 * operator's scratch arena, rewound before the next.
 */
#ifndef KMB_SQL_OPERATOR_H
#define KMB_SQL_OPERATOR_H

#include "kernel/transaction.h"
#include "kernel/view.h"
#include "sql/exec/evaluate.h"
#include "sql/exec/exec.h"
#include "sql/plan/explain.h"

struct exec_operator;
struct operator_late;

struct operator_arena {
    struct operator_arena *next;
    const struct arena *arena;
};

struct exec_operator {
    const struct batch *(*next)(struct exec_operator *self);
    struct exec *exec;
    const struct plan_node *node;
    struct exec_operator *left;
    struct exec_operator *right;
    struct arena scratch;
    struct arena_mark scratch_start;
    uint32_t rows_max;                                           /* no batch of this operator has more rows */
    uint64_t wanted;                                             /* rows that a LIMIT above still asks for; else all */
    struct operator_late *late;                                  /* an error of the row behind those given; else NULL */
    struct batch batch;                                          /* what next() answers */
    struct plan_measure *measure;                                /* EXPLAIN ANALYZE: what it did; else NULL */
    const struct batch *(*measured)(struct exec_operator *self); /* then next() in its place */
    bool begun;
    struct operator_arena *kept; /* measured: what it keeps its rows in */
};

/* One pinned moment, shared by the scans of one block. */
struct exec_view {
    struct exec_view *next;
    uint32_t block;
    bool present; /* no clause names its moment */
    struct sql_point point;
    struct kernel_view *view;
    struct exec *exec;
    bool of_transaction; /* closed by us, not by the host */
};

struct sql_usage;

struct exec {
    struct sql_context *context;
    struct exec *parent;         /* of a subquery: the query around it, whose views and transaction it shares */
    uint32_t depth;              /* of subqueries; a round of a recursive query has that of its own */
    uint32_t rounds;             /* of recursive queries around it */
    uint32_t making;             /* of the outermost: WITH queries whose rows are being made */
    struct cte_rows *ctes;       /* WITH queries this one defines, as far as they were read */
    struct subquery_run *shared; /* subqueries of several columns */
    const struct value *outers;  /* of a subquery: what EXPR_OUTER 0, 1, ... stand for */
    uint32_t outer_count;
    const struct sql_host *host;
    struct plan_measures *measures; /* EXPLAIN ANALYZE, of all operators; else NULL */
    const struct value *parameters;
    uint32_t parameter_count;
    struct exec_view *views;
    struct kernel_transaction *transaction; /* of a write */
    uint32_t row_refused;                   /* of the batch at work, from 1: the row that an INSERT refuses; 0 none */
    struct exec_operator *root;
    struct sql_spill *spill; /* of the outermost: the statement's temporary file, NULL until it is wanted */
    uint64_t affected;
    bool several;                /* the statement has writes in WITH: no row is changed by two of them */
    struct write_claims *claims; /* rows that the statement has changed (write.h) */
    struct sql_usage *usage;     /* where reads and writes are counted; NULL: nowhere */
    uint64_t joined;             /* rows made by joins, against join_rows_max */
    struct exec_held *held;      /* scans, views, scratch arenas: given back last first by exec_close or the context */
    bool closed;
};

/* --- exec.c --- */
/* Calls release(object) when the exec is closed or its statement ends, last registered first; as sql_defer() where
 * there is no memory. */
void exec_defer(struct exec *exec, void (*release)(void *object), void *object);
struct exec_operator *operator_make(struct exec *exec, const struct plan_node *node);
/* What is measured of a node in this execution; NULL: nothing is. */
struct plan_measure *exec_measure(struct exec *exec, const struct plan_node *node);
/* For the makers: a zeroed operator of `size` bytes with its scratch arena. */
void *operator_new(struct exec *exec, const struct plan_node *node, size_t size,
                   const struct batch *(*next)(struct exec_operator *self));
/* An arena within the statement's budget that raises when it is out, freed with the exec at the latest. */
void operator_arena_init(struct exec_operator *self, struct arena *arena);
/* The same for what the operator keeps over its batches: EXPLAIN ANALYZE tells how much it was. */
void operator_kept_init(struct exec_operator *self, struct arena *arena);
void exec_arena_init(struct exec *exec, struct arena *arena);
/* Called first in every next(): cancellation, scratch memory. */
void operator_begin(struct exec_operator *self);
/* Output columns of the node's types with room for rows_max; for operators that fill rows of their own. */
void operator_columns(struct exec_operator *self, uint32_t rows_max);
/* Forgets the nulls of the output columns before they are filled anew. */
void operator_clear(struct exec_operator *self);
/* The value of an expression that reads no column, in this execution: parameters and outer values are known. */
struct value exec_value(struct exec *exec, const struct expr *expr);
/* An evaluator whose results live as long as this operator's batch. */
struct evaluator *operator_evaluator(struct exec_operator *self, const struct expr *expr, uint32_t rows_max);
struct sql_point exec_point_of(struct exec *exec, const struct plan_at *at);
struct kernel_view *exec_view_of(struct exec *exec, const struct plan_node *node);

/* The node's table as the view's own catalogue has it. */
const struct table_definition *exec_table_of(struct exec *exec, const struct kernel_view *view,
                                             const struct plan_node *node);

/* --- late_error.c: an error of a row waits for the rows before it --- */
typedef void operator_work(void *argument, uint32_t first, uint32_t count); /* computes rows [first, first + count) */
/*
 * Computes the first `count` rows of a batch, as far as they can be: answers how many that are. Where a row raises
 * something, that is raised now if it is the first one, else the answer is the rows before it, which have been computed
 * by themselves last, and operator_late() raises it when the operator is asked again.
 */
uint32_t operator_attempt(struct exec_operator *self, operator_work *work, void *argument, uint32_t count);
/* Runs work, which makes rows one after the other; false: it raised something, which waits likewise for whoever has
 * rows made before. */
bool operator_catch(struct exec_operator *self, void (*work)(void *argument), void *argument);
_Noreturn void operator_late_raise(struct exec_operator *self);
/* Called first in the next() of operators that attempt. */
static inline void operator_late(struct exec_operator *self) {
    if (__builtin_expect(self->late != NULL, 0)) {
        operator_late_raise(self);
    }
}

/* Rows live in a batch: count of them, and the selection in either form. */
static inline uint32_t batch_live(const struct batch *batch) {
    return batch->selection == NULL ? batch->count : batch->selection_count;
}

/* --- subquery.c --- */
struct subquery_run;
struct subquery_run *subquery_make(struct exec *exec, const struct plan_subquery *subquery);
/* Rows of a batch are computed anew: what was asked for half of them is forgotten. */
void subquery_restart(struct exec *exec);
/* The subquery's value for a row that gives it these outer values; bytes live in the arena. column: of its row, where
 * several expressions share it. */
struct value subquery_value(struct subquery_run *run, const struct value *outers, uint32_t outer_count, uint32_t column,
                            struct arena *arena);

/* --- exec.c: a query within a query, one level further in; nothing in it is closed but by exec_close --- */
/* The statement's own execution: the one that no other is around. */
static inline struct exec *exec_outermost(struct exec *exec) {
    while (exec->parent != NULL) {
        exec = exec->parent;
    }
    return exec;
}
/* A round of a recursive query that `parent` has: its recursive term once more. */
struct exec *exec_open_round(struct exec *parent, struct sql_context *context, const struct plan_node *root);
struct exec *exec_open_inner(struct exec *parent, struct sql_context *context, const struct plan_node *root,
                             const struct value *outers, uint32_t outer_count);

/* --- makers, one file each --- */
struct exec_operator *scan_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *diff_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *history_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *catalogue_rows_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *values_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *lock_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *copy_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *functions_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *one_row_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *filter_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *project_make(struct exec *exec, const struct plan_node *node);
/* The number that a LIMIT or OFFSET says; `otherwise` where it says none. Raises `status` for what is negative. */
uint64_t limit_value(struct exec *exec, const struct expr *expr, uint64_t otherwise, enum kmb_status status,
                     const char *name);
struct exec_operator *limit_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *aggregate_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *distinct_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *window_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *sort_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *join_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *cte_make(struct exec *exec, const struct plan_node *node);
/* Makes a WITH query's operators; takes it to its end. */
void cte_open(struct exec *exec, const struct plan_cte *cte);
void cte_finish(struct exec *exec, const struct plan_cte *cte);
struct exec_operator *set_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *insert_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *update_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *delete_make(struct exec *exec, const struct plan_node *node);
struct exec_operator *merge_make(struct exec *exec, const struct plan_node *node);

#endif
