/*
 * Groups for a few rows.
 *
 * A correlated aggregate has become a join with all its groups (decorrelate.c), which reads the whole table once. Where
 * few rows ask, and an index finds a group's rows, it is cheaper to make the group of each row when it is asked for:
 * the aggregate with key = value of the left row below it, as a lateral join. The same goes for a GROUP BY in FROM.
 *
 * The choice needs to know how many rows ask, when the conditions are already pushed into the aggregate. So a spare of
 * it is kept, as it was before, into which they are pushed again together with the keys. Only chains of PROJECT, FILTER
 * and AGGREGATE over a scan are taken: pushing changes nodes, never what they point at, so that such a spare is a copy
 * of a few nodes.
 */
#include "base/assert.h"
#include "sql/plan/region.h"

#define SPARE_NODES_MAX 8
#define COST_EXECUTION  150.0 /* of making and closing the operators of the right side once, in rows read in order */

static bool visit_plain(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_OUTER && expr->kind != EXPR_SUBQUERY;
}

static void note_other(void *context, const struct expr **place) {
    bool *plain = context;
    *plain = *plain && expr_walk(*place, visit_plain, NULL) && !optimise_is_volatile(*place);
}

struct plan_node *lateral_spare(struct optimiser *optimiser, struct plan_node *node) {
    struct plan_node *first = NULL;
    struct plan_node **place = &first;
    bool grouped = false;
    for (unsigned i = 0; i < SPARE_NODES_MAX && node != NULL; i++) {
        bool plain = true;
        bool aggregate = node->kind == PLAN_AGGREGATE && node->grouping_set_count == 0 && node->expression_count > 0;
        plan_expressions(node, note_other, &plain);
        if (!plain ||
            (node->kind != PLAN_PROJECT && node->kind != PLAN_FILTER && node->kind != PLAN_SCAN && !aggregate)) {
            return NULL;
        }
        struct plan_node *copy = sql_alloc(optimiser->context, sizeof(*copy));
        *copy = *node;
        *place = copy;
        place = &copy->left;
        grouped = grouped || aggregate;
        if (node->kind == PLAN_SCAN) {
            return grouped && node->sample_percent == NULL ? first : NULL;
        }
        node = node->left;
    }
    return NULL;
}

static const struct plan_node *scan_of(const struct plan_node *node) {
    while (node->kind != PLAN_SCAN) {
        ASSERT(node->left != NULL);
        node = node->left;
    }
    return node;
}

/* Whether this column of the node's row is one that an aggregate below groups by. */
static bool is_group(const struct plan_node *node, const struct expr *column) {
    while (column->kind == EXPR_COLUMN && node->kind != PLAN_AGGREGATE) {
        column = node->kind == PLAN_PROJECT ? node->expressions[column->column] : column;
        node = node->left;
    }
    return column->kind == EXPR_COLUMN && column->column < node->expression_count;
}

/* right key = value of the left row, for each pair. */
static bool key_conditions(struct optimiser *optimiser, const struct plan_node *join, const struct plan_node *spare,
                           struct conditions *conditions) {
    for (uint32_t i = 0; i < join->key_count; i++) {
        const struct expr *key = join->right_keys[i];
        const struct sql_function *equal = sql_comparison_find("=", key->type.id);
        if (equal == NULL || !is_group(spare, key)) {
            return false;
        }
        struct expr *outer = sql_alloc_zero(optimiser->context, 1, sizeof(*outer));
        outer->kind = EXPR_OUTER;
        outer->column = i;
        outer->type = key->type;
        struct expr *condition = sql_alloc_zero(optimiser->context, 1, sizeof(*condition));
        condition->kind = EXPR_CALL;
        condition->function = equal;
        condition->type = type_make(TYPE_BOOL);
        condition->argument_count = 2;
        condition->arguments = sql_alloc(optimiser->context, 2 * sizeof(*condition->arguments));
        condition->arguments[0] = key;
        condition->arguments[1] = outer;
        conditions_add(optimiser, conditions, condition);
    }
    return true;
}

/* Of reading and grouping all of it. */
static double cost_whole(struct optimiser *optimiser, const struct plan_node *scan) {
    bool ranged = scan->low.count > 0 || scan->high.count > 0;
    double read = scan->left != NULL       ? scan->read_estimate * PLAN_COST_FETCH
                  : !ranged                ? estimate_table(optimiser, scan)
                  : scan->index.value == 0 ? scan->rows_estimate
                                           : scan->rows_estimate * PLAN_COST_FETCH;
    return read + 2 * scan->rows_estimate;
}

bool lateral_try(struct optimiser *optimiser, struct plan_node *join, struct plan_node *spare,
                 const struct conditions *own) {
    struct conditions conditions = {0};
    bool fits = spare != NULL && join->join_strategy == PLAN_JOIN_HASH &&
                (join->join_type == PLAN_JOIN_INNER || join->join_type == PLAN_JOIN_LEFT);
    fits = fits && sql_way_open(optimiser->context->settings, SQL_WAY_NESTLOOP);
    if (!fits || estimate_table(optimiser, scan_of(spare)) < ESTIMATE_ROWS_MIN ||
        join->left->rows_estimate * COST_EXECUTION > cost_whole(optimiser, scan_of(join->right)) ||
        !key_conditions(optimiser, join, spare, &conditions)) {
        return false;
    }
    for (uint32_t i = 0; i < own->count;
         i++) { /* one that takes values of a query around would take the keys instead */
        if (!expr_walk(own->list[i], visit_plain, NULL) || optimise_is_volatile(own->list[i])) {
            return false;
        }
        conditions_add(optimiser, &conditions, own->list[i]);
    }
    struct plan_node *right = optimise_push(optimiser, spare, &conditions);
    const struct plan_node *scan = scan_of(right);
    uint32_t found = scan->low.count < scan->high.count ? scan->low.count : scan->high.count;
    double fanout = found == 0 ? -1 : estimate_index_fanout(optimiser, scan, scan->index, found);
    double fetch = fanout * (scan->index.value == 0 ? 1 : PLAN_COST_FETCH) + PLAN_COST_LOOKUP;
    if (fanout < 0 ||
        join->left->rows_estimate * (COST_EXECUTION + fetch) > cost_whole(optimiser, scan_of(join->right))) {
        return false;
    }
    join->right = right;
    join->right_keys = NULL;
    join->join_strategy = PLAN_JOIN_LATERAL;
    join->repeats = true;
    return true;
}
