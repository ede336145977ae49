/*
 * WITH queries in place of their references.
 *
 * A query that is kept is made whole, and the conditions of who reads it come too late. Put in place of its only
 * reference it is a derived table like any other. It must compute the same there: nothing volatile in it, and where it
 * takes values from the query around its own, the reference must stand in the same query.
 */
#include "sql/plan/optimise.h"

static void volatile_expression(void *context, const struct expr **place) {
    bool *found = context;
    *found = *found || optimise_is_volatile(*place);
}

static void volatile_subquery(void *context, struct plan_subquery *subquery);

static void volatile_plan(struct plan_node *node, bool *found) {
    if (node != NULL && !*found) {
        plan_expressions(node, volatile_expression, found);
        plan_subqueries(node, volatile_subquery, found);
        volatile_plan(node->left, found);
        volatile_plan(node->right, found);
    }
}

static void volatile_subquery(void *context, struct plan_subquery *subquery) {
    volatile_plan(subquery->root, context);
}

static bool cte_moves(const struct plan_node *node) {
    const struct plan_cte *cte = node->cte;
    if (node->cte_work || cte->recursive != NULL || cte->keep || cte->optimised || cte->references != 1 ||
        (cte->takes_outer && node->cte_depth != cte->depth)) {
        return false;
    }
    bool found = false;
    volatile_plan(cte->root, &found);
    return !found;
}

void optimise_inline(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    while (node->kind == PLAN_CTE && cte_moves(node)) {
        struct plan_column *columns = node->columns;
        *node = *node->cte->root;
        node->columns = columns;
    }
    optimise_inline(optimiser, node->left);
    optimise_inline(optimiser, node->right);
}
