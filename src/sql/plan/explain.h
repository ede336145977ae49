/*
 * EXPLAIN: a plan as PostgreSQL prints one (COSTS OFF), the same text for the same plan; with ANALYZE what each node
 * gave and how long it took.
 */
#ifndef KMB_SQL_EXPLAIN_H
#define KMB_SQL_EXPLAIN_H

#include "sql/context.h"
#include "sql/plan/plan.h"

/* What a node did while the plan ran, in all its loops together. */
struct plan_measure {
    struct plan_measure *next;
    const struct plan_node *node;
    uint64_t loops;   /* 0: never executed */
    uint64_t rows;    /* given */
    uint64_t removed; /* by the node's own filter */
    uint64_t spilled; /* bytes written to temporary files */
    int64_t first_ns; /* until the first rows came */
    int64_t total_ns;
};

struct plan_measures {
    struct plan_measure *list;
    bool timing;  /* tell times of nodes */
    bool summary; /* tell times of the whole */
    int64_t planning_ns;
    int64_t execution_ns;
};

/* Lines in arena memory; the number of them. measures NULL: the plan did not run (EXPLAIN without ANALYZE). */
uint32_t plan_explain(struct sql_context *context, const struct plan_node *root, const struct plan_measures *measures,
                      struct slice **lines);

#endif
