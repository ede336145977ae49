/*
 * Whether two plans do the same but for their constants: the same operators over the same tables and indexes, in the
 * same order.
 */
#include "sql/plan/shape.h"

#define SUBQUERIES_MAX 16

struct subqueries {
    const struct plan_subquery *list[SUBQUERIES_MAX];
    uint32_t count;
};

static void subquery_add(void *context, struct plan_subquery *subquery) {
    struct subqueries *found = context;
    if (found->count < SUBQUERIES_MAX) {
        found->list[found->count] = subquery;
    }
    found->count++;
}

static bool subqueries_alike(const struct plan_node *a, const struct plan_node *b) {
    struct subqueries in_a = {.count = 0};
    struct subqueries in_b = {.count = 0};
    plan_subqueries((struct plan_node *)(uintptr_t)a, subquery_add, &in_a);
    plan_subqueries((struct plan_node *)(uintptr_t)b, subquery_add, &in_b);
    bool alike = in_a.count == in_b.count && in_a.count <= SUBQUERIES_MAX;
    for (uint32_t i = 0; alike && i < in_a.count; i++) {
        alike = plan_same_shape(in_a.list[i]->root, in_b.list[i]->root);
    }
    return alike;
}

static bool node_alike(const struct plan_node *a, const struct plan_node *b) {
    bool tables =
        (a->table == NULL) == (b->table == NULL) && (a->table == NULL || table_id_equal(a->table->id, b->table->id));
    return tables && a->kind == b->kind && a->column_count == b->column_count && index_id_equal(a->index, b->index) &&
           a->low.count == b->low.count && a->high.count == b->high.count && a->reverse == b->reverse &&
           (a->recheck == NULL) == (b->recheck == NULL) && (a->predicate == NULL) == (b->predicate == NULL) &&
           (a->once == NULL) == (b->once == NULL) && a->expression_count == b->expression_count &&
           a->aggregate_count == b->aggregate_count && a->row_count == b->row_count &&
           a->sort_key_count == b->sort_key_count && a->limit_hint == b->limit_hint && a->join_type == b->join_type &&
           a->join_strategy == b->join_strategy && a->key_count == b->key_count &&
           a->set_operation == b->set_operation && a->set_all == b->set_all && a->cte_work == b->cte_work;
}

bool plan_same_shape(const struct plan_node *a, const struct plan_node *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (!node_alike(a, b) || !subqueries_alike(a, b)) {
        return false;
    }
    if (a->kind == PLAN_CTE && !a->cte_work && !plan_same_shape(a->cte->root, b->cte->root)) {
        return false;
    }
    return plan_same_shape(a->left, b->left) && plan_same_shape(a->right, b->right);
}
