/*
 * The optimiser: a bound plan in, a better plan with the same answer out. Rules, and between what they leave open
 * costs: rows read in order, rows fetched one by one.
 *
 *   inline    a WITH query that is read once stands where it is read
 *   fold      constants are computed, at most once; an error in one stays where it was, for the rows that meet it
 *   decorrelate  EXISTS, IN and aggregates over what belongs to a row become joins
 *   push      conditions move to where their columns come from; inner joins are put in order
 *   access    a scan gets a range of its key or of an index; an ORDER BY that it satisfies goes
 *   merge     sides that come in order are joined by it
 *   common    what stands several times is done once
 *   prune     columns that nobody reads are not produced
 */
#ifndef KMB_SQL_OPTIMISE_H
#define KMB_SQL_OPTIMISE_H

#include "sql/context.h"
#include "sql/plan/plan.h"

struct kernel_view;
struct sql_statistics;

/* The state that a scan will read, to be asked how many rows there are; NULL where it is not known yet. */
struct plan_estimator {
    struct kernel_view *(*view)(void *context, const struct plan_node *scan);
    void *context;
    struct sql_statistics *statistics; /* what is kept of tables; NULL: nothing is */
    /* What parameters will be, for estimates alone: the plan holds for all values. NULL: not known. */
    const struct expr **values;
    uint32_t value_count;
};

struct plan_node *plan_optimise(struct sql_context *context, struct plan_estimator estimator, struct plan_node *root);

/* --- between the optimiser's files --- */

/* A context whose errors stop in it; released with the other, or by sql_release(). */
struct sql_context *optimise_scratch(struct sql_context *context);

struct optimiser {
    struct sql_context *context;
    struct sql_context *scratch; /* where constants are evaluated: its errors stop there */
    struct plan_estimator estimator;
    struct sql_context *sampling; /* where samples live and are tried on */
    struct plan_sample *samples;
    struct plan_cte *commons; /* common subplans, none read by an earlier one */
    struct plan_cte **common_end;
    double lookup_rows; /* of the join that is made: what a left row meets by an index; 0: not known */
};

/* A list of conditions that must all hold. */
struct conditions {
    const struct expr **list;
    uint32_t count;
    uint32_t capacity;
};
void conditions_add(struct optimiser *optimiser, struct conditions *conditions, const struct expr *condition);
/* Splits ANDs. */
void conditions_split(struct optimiser *optimiser, struct conditions *conditions, const struct expr *condition);
const struct expr *conditions_join(struct optimiser *optimiser, const struct conditions *conditions); /* NULL: none */

/* common.c: subplans that stand several times, in the statement and its writes, become optimiser->commons. */
void optimise_common(struct optimiser *optimiser, struct plan_node **root, struct plan_cte *const *writes,
                     uint32_t write_count);

/* inline.c: puts WITH queries that are read once in place of their reference. */
void optimise_inline(struct optimiser *optimiser, struct plan_node *node);

/* decorrelate.c: subqueries become joins, where they can. */
struct plan_node *optimise_decorrelate(struct optimiser *optimiser, struct plan_node *node);

/* fold.c */
const struct expr *optimise_fold(struct optimiser *optimiser, const struct expr *expr);
void optimise_fold_plan(struct optimiser *optimiser, struct plan_node *node);
bool optimise_is_volatile(const struct expr *expr);
/* narrow.c: a call; where it compares a widened date with a constant, the same comparison of the date itself. */
const struct expr *optimise_narrow(struct optimiser *optimiser, const struct expr *expr);
/* Reads no column of the row and is not volatile: one value for the whole of an execution. */
bool optimise_is_fixed(const struct expr *expr);
/* What of the filters is fixed becomes a condition that is asked once, before any row. */
void optimise_once(struct optimiser *optimiser, struct plan_node *node);
bool optimise_visit_no_subquery(const struct expr *expr, void *context); /* for expr_walk() */

/* extreme.c: min() and max() that an index answers. */
void optimise_extremes(struct optimiser *optimiser, struct plan_node *node);

/* push.c: node with the conditions applied as low as they go; the output row stays the same. */
struct plan_node *optimise_push(struct optimiser *optimiser, struct plan_node *node, struct conditions *conditions);
struct plan_node *optimise_filter(struct optimiser *optimiser, struct plan_node *node,
                                  const struct conditions *conditions);
const struct expr *optimise_column(struct optimiser *optimiser, uint32_t ordinal, struct type type);

/* order.c: a region of inner and cross joins, put in order. */
struct plan_node *optimise_join_region(struct optimiser *optimiser, struct plan_node *join,
                                       struct conditions *conditions);
/* Fills strategy and keys of a join from the conditions that span it. */
void optimise_join_strategy(struct optimiser *optimiser, struct plan_node *join, const struct conditions *conditions);

/* access.c */
void optimise_access(struct optimiser *optimiser, struct plan_node *scan, const struct conditions *conditions);
/* kimberlite_history: a range of the primary key; every condition stays to be checked above. */
void optimise_history_access(struct optimiser *optimiser, struct plan_node *history,
                             const struct conditions *conditions);
struct plan_node *optimise_order(struct optimiser *optimiser, struct plan_node *node);
/* A key or unique index of the scan whose leading columns are all among these output columns; 0 parts: none. */
bool optimise_unique_key(const struct plan_node *scan, const struct expr *const *keys, uint32_t key_count,
                         struct index_id *index);

/* estimate.c: numbers of rows; negative: not known */
#define ESTIMATE_ROWS_MIN 2000.0                 /* smaller tables are planned by rule */
#define PLAN_COST_LOOKUP  20.0                   /* a descent to a key, in rows read in order */
#define PLAN_COST_FETCH   12.0                   /* a row that an index names: some tens are looked up together */
#define PLAN_COST_ENTRY   1.5                    /* a key of a row read of an index, sorted and merged with others */
bool optimise_is_known(const struct expr *expr); /* can be tried on rows while planning */
/* What a scan reads; NULL: not known. */
struct kernel_view *estimate_view(const struct optimiser *optimiser, const struct plan_node *scan);
double estimate_table(struct optimiser *optimiser, const struct plan_node *scan);
/* The expression with what is known of its parameters in place of them. */
const struct expr *estimate_valued(struct optimiser *optimiser, const struct expr *expr);
/* The share of the table's rows for which a condition over the scan's row is true, 0 to 1. */
double estimate_share(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *condition);
/* Rows between two bounds of constants in the order of an index or (value 0) the primary key. */
double estimate_range(struct optimiser *optimiser, const struct plan_node *scan, struct index_id index,
                      const struct plan_bound *low, const struct plan_bound *high);
/* Rows that are equal to a row in the first parts of an index or the primary key. */
double estimate_index_fanout(struct optimiser *optimiser, const struct plan_node *scan, struct index_id index,
                             uint32_t part_count);
/* Rows that are equal to a row in one column, of a table of so many rows. */
double estimate_column_fanout(struct optimiser *optimiser, const struct plan_node *scan, uint32_t column, double rows);

/* access.c: the scan reads an index of some rows only, and what that says of them is not asked again. */
bool access_is_partial(const struct plan_node *scan);

/* rank.c: puts the conditions of a scan in the order in which it should ask them; sampled: its table is large enough
 * for a sample to tell. */
void optimise_rank(struct optimiser *optimiser, const struct plan_node *scan, bool sampled,
                   struct conditions *conditions);

/* merge.c: hash joins that become merge joins, when orders are settled; all of them, where hash joins are forbidden. */
void optimise_merge(struct optimiser *optimiser, struct plan_node *root);
void optimise_merge_all(struct optimiser *optimiser, struct plan_node *node);

/* prune.c */
struct plan_node *optimise_prune(struct optimiser *optimiser, struct plan_node *root);
/* A common subplan, when all that read it are done. */
void optimise_prune_common(struct optimiser *optimiser, struct plan_cte *cte);

/* index_only.c: marks scans of an index that need no row; columns that nobody reads are gone by then. */
void optimise_index_only(const struct optimiser *optimiser, struct plan_node *node);

#endif
