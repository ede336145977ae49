/*
 * The optimiser's passes, in the order in which each helps the next: constants first, so that conditions are plain;
 * then conditions down and joins in order; then the orders that scans give; then what stands several times in all of
 * the statement; unread columns last, because what is read is known only then.
 */
#include "sql/plan/sample.h"

static void scratch_free(void *object) {
    sql_context_free(object);
}

struct sql_context *optimise_scratch(struct sql_context *context) {
    struct sql_context *scratch = sql_alloc_zero(context, 1, sizeof(*scratch));
    sql_context_init(scratch, context->settings, NULL);
    scratch->catalogue = context->catalogue;
    sql_defer(context, scratch_free, scratch);
    scratch->cancel = context->cancel;
    scratch->monotonic_ns = context->monotonic_ns;
    scratch->monotonic_context = context->monotonic_context;
    scratch->deadline_ns = context->deadline_ns;
    scratch->now_us = context->now_us;
    scratch->session_user = context->session_user;
    return scratch;
}

static struct plan_node *optimise_query(struct optimiser *optimiser, struct plan_node *root);

/* A subquery is a plan of its own, with what it takes from outside as values. */
static void optimise_subquery(void *object, struct plan_subquery *subquery) {
    struct optimiser *optimiser = object;
    if (subquery->optimised) {
        return;
    }
    subquery->optimised = true;
    subquery->root = optimise_query(optimiser, subquery->root);
    if (subquery->comparison != NULL) {
        subquery->comparison = optimise_fold(optimiser, subquery->comparison);
    }
}

static void optimise_subqueries(struct optimiser *optimiser, struct plan_node *node) {
    if (node != NULL) {
        plan_subqueries(node, optimise_subquery, optimiser);
        optimise_subqueries(optimiser, node->left);
        optimise_subqueries(optimiser, node->right);
    }
}

/* A WITH query is optimised once, by the first who reads it; those who read it see all its columns. */
static void optimise_cte(struct optimiser *optimiser, struct plan_cte *cte) {
    if (!cte->optimised) {
        cte->optimised = true;
        cte->root = optimise_query(optimiser, cte->root);
        cte->recursive = cte->recursive == NULL ? NULL : optimise_query(optimiser, cte->recursive);
    }
}

static void optimise_ctes(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    if (node->kind == PLAN_CTE && !node->cte_work) {
        optimise_cte(optimiser, node->cte);
    }
    optimise_ctes(optimiser, node->left);
    optimise_ctes(optimiser, node->right);
}

static struct plan_node *optimise_query(struct optimiser *optimiser, struct plan_node *root) {
    struct conditions none = {0};
    optimise_inline(optimiser, root);
    optimise_fold_plan(optimiser, root);
    root = optimise_decorrelate(optimiser, root);
    optimise_extremes(optimiser, root);
    optimise_subqueries(optimiser, root);
    optimise_ctes(optimiser, root);
    root = optimise_push(optimiser, root, &none);
    optimise_merge_all(optimiser, root);
    root = optimise_order(optimiser, root);
    optimise_merge(optimiser, root);
    return root;
}

/* --- what is done when all of the statement is in order --- */

static struct plan_node *finish_query(struct optimiser *optimiser, struct plan_node *root);

static void finish_subquery(void *object, struct plan_subquery *subquery) {
    if (!subquery->finished) {
        subquery->finished = true;
        subquery->root = finish_query(object, subquery->root);
    }
}

static void finish_cte(struct optimiser *optimiser, struct plan_cte *cte) {
    if (!cte->finished && cte->readers == NULL) {
        cte->finished = true;
        cte->root = finish_query(optimiser, cte->root);
        cte->recursive = cte->recursive == NULL ? NULL : finish_query(optimiser, cte->recursive);
    }
}

static void finish_below(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    plan_subqueries(node, finish_subquery, optimiser);
    if (node->kind == PLAN_CTE && !node->cte_work) {
        finish_cte(optimiser, node->cte);
    }
    finish_below(optimiser, node->left);
    finish_below(optimiser, node->right);
}

static void finish_nodes(struct optimiser *optimiser, struct plan_node *root) {
    optimise_index_only(optimiser, root);
    optimise_once(optimiser, root);
    finish_below(optimiser, root);
}

static struct plan_node *finish_query(struct optimiser *optimiser, struct plan_node *root) {
    root = optimise_prune(optimiser, root);
    finish_nodes(optimiser, root);
    return root;
}

struct plan_node *plan_optimise(struct sql_context *context, struct plan_estimator estimator, struct plan_node *root) {
    struct optimiser optimiser = {.context = context,
                                  .scratch = optimise_scratch(context),
                                  .estimator = estimator,
                                  .sampling = optimise_scratch(context)};
    for (uint32_t i = 0; i < estimator.value_count; i++) {
        const struct expr *value = estimator.values[i] == NULL ? NULL : optimise_fold(&optimiser, estimator.values[i]);
        estimator.values[i] = value == NULL || value->kind != EXPR_CONSTANT ? NULL : value;
    }
    struct plan_cte **writes = root->writes;
    uint32_t write_count = root->write_count;
    root = optimise_query(&optimiser, root);
    for (uint32_t i = 0; i < write_count; i++) {
        optimise_cte(&optimiser, writes[i]);
    }
    optimiser.common_end = &optimiser.commons;
    optimise_common(&optimiser, &root, writes, write_count);
    root = finish_query(&optimiser, root);
    root->writes = writes;
    root->write_count = write_count;
    for (uint32_t i = 0; i < write_count; i++) {
        finish_cte(&optimiser, writes[i]);
    }
    for (struct plan_cte *cte = optimiser.commons; cte != NULL; cte = cte->next_common) {
        optimise_prune_common(&optimiser, cte);
        finish_nodes(&optimiser, cte->root);
    }
    samples_release(&optimiser);
    sql_release(context, optimiser.scratch);
    sql_release(context, optimiser.sampling);
    return root;
}
