/*
 * EXPLAIN: a plan as PostgreSQL prints one, as text, JSON, XML or YAML, the same output for the same plan; with ANALYZE
 * what each node gave, how long it took and what it used.
 */
#ifndef KMB_SQL_EXPLAIN_H
#define KMB_SQL_EXPLAIN_H

#include "sql/context.h"
#include "sql/plan/plan.h"
#include "store/store.h"

/* What a node did while the plan ran, in all its loops together. */
struct plan_measure {
    struct plan_measure *next;
    const struct plan_node *node;
    uint64_t loops;             /* 0: never executed */
    uint64_t rows;              /* given */
    uint64_t removed;           /* by the node's own filter */
    uint64_t dropped;           /* for a join above in which they have no partner (join_filter.h) */
    uint64_t spilled;           /* bytes written to temporary files */
    uint64_t spilled_read;      /* and read back */
    uint64_t memory;            /* bytes that it kept at most, in one loop */
    struct store_touched pages; /* with those of the nodes below it */
    int64_t first_ns;           /* until the first rows came */
    int64_t total_ns;
};

struct plan_measures {
    struct plan_measure *list;
    bool timing; /* measure times of nodes */
    struct store_touched planning_pages;
    int64_t execution_ns;
};

/* The rows of the answer in arena memory, one a line or (JSON, XML, YAML) one for all; the number of them. measures
 * NULL: the plan did not run (EXPLAIN without ANALYZE). planning_ns negative: it is not told. */
uint32_t plan_explain(struct sql_context *context, const struct plan_statement *statement,
                      const struct plan_measures *measures, int64_t planning_ns, struct slice **lines);

#endif
