/*
 * Going over what a plan node holds: its expressions, and the subqueries in them.
 */
#include "sql/plan/plan.h"

typedef void (*each_expression)(void *context, const struct expr **place);

static void list(const struct expr **places, uint32_t count, each_expression each, void *context) {
    for (uint32_t i = 0; places != NULL && i < count; i++) {
        if (places[i] != NULL) {
            each(context, &places[i]);
        }
    }
}

void plan_expressions(struct plan_node *node, each_expression each, void *context) {
    list(&node->recheck, 1, each, context);
    list(&node->predicate, 1, each, context);
    list(&node->once, 1, each, context);
    list(node->expressions, node->expression_count, each, context);
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        list(node->aggregates[i].arguments, node->aggregates[i].argument_count, each, context);
        list(node->aggregates[i].direct, node->aggregates[i].direct_count, each, context);
        for (uint32_t k = 0; k < node->aggregates[i].order_count; k++) {
            list(&node->aggregates[i].order[k].expr, 1, each, context);
        }
        list(&node->aggregates[i].filter, 1, each, context);
    }
    for (uint32_t i = 0; i < node->row_count; i++) {
        list(node->rows[i], node->column_count, each, context);
    }
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        list(&node->sort_keys[i].expr, 1, each, context);
    }
    list(&node->frame.start_offset, 1, each, context);
    list(&node->frame.end_offset, 1, each, context);
    list(&node->limit, 1, each, context);
    list(&node->sample_percent, 1, each, context);
    list(&node->sample_seed, 1, each, context);
    list(&node->offset, 1, each, context);
    list(node->low.values, node->low.count, each, context);
    list(node->high.values, node->high.count, each, context);
    list(node->left_keys, node->key_count, each, context);
    list(node->right_keys, node->key_count, each, context);
    list(node->conflict.assignments, node->conflict.assignments == NULL ? 0 : node->left->column_count, each, context);
    list(&node->conflict.where, 1, each, context);
    for (uint32_t i = 0; i < node->action_count; i++) {
        list(&node->actions[i].condition, 1, each, context);
        list(node->actions[i].values, node->actions[i].value_count, each, context);
    }
    list(node->generated, node->generated_count, each, context);
    list(node->hidden, node->hidden_count, each, context);
    list(node->checks, node->check_count, each, context);
    list(node->returning, node->returning_count, each, context);
}

struct subqueries {
    void (*each)(void *context, struct plan_subquery *subquery);
    void *context;
};

static bool visit_subquery(const struct expr *expr, void *object) {
    struct subqueries *subqueries = object;
    if (expr->kind == EXPR_SUBQUERY) {
        subqueries->each(subqueries->context, expr->subquery);
    }
    return true;
}

static void walk_expression(void *object, const struct expr **place) {
    (void)expr_walk(*place, visit_subquery, object);
}

void plan_subqueries(struct plan_node *node, void (*each)(void *context, struct plan_subquery *subquery),
                     void *context) {
    struct subqueries subqueries = {.each = each, .context = context};
    plan_expressions(node, walk_expression, &subqueries);
}
