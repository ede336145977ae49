/*
 * Moving conditions down.
 *
 * A condition goes to the lowest node whose row has its columns, rewritten over that row on the way. What stops it: a
 * LIMIT, whose rows it would change; an aggregate, unless it reads grouping columns only; a window, unless it reads
 * partitioning columns only; the nullable side of an outer join; and volatility. A condition that no all-NULL row can
 * satisfy turns the outer join below it into an inner one.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/plan/region.h"

void conditions_add(struct optimiser *optimiser, struct conditions *conditions, const struct expr *condition) {
    if (conditions->count == conditions->capacity) {
        uint32_t capacity = conditions->capacity == 0 ? 8 : conditions->capacity * 2;
        const struct expr **grown = sql_alloc(optimiser->context, capacity * sizeof(*grown));
        if (conditions->count > 0) {
            memcpy(grown, conditions->list, conditions->count * sizeof(*grown));
        }
        conditions->list = grown;
        conditions->capacity = capacity;
    }
    conditions->list[conditions->count++] = condition;
}

void conditions_split(struct optimiser *optimiser, struct conditions *conditions, const struct expr *condition) {
    if (condition == NULL) {
        return;
    }
    if (condition->kind == EXPR_AND) {
        for (uint32_t i = 0; i < condition->argument_count; i++) {
            conditions_split(optimiser, conditions, condition->arguments[i]);
        }
        return;
    }
    bool always = condition->kind == EXPR_CONSTANT && !condition->value.is_null && condition->value.as.boolean;
    if (!always) {
        conditions_add(optimiser, conditions, condition);
    }
}

const struct expr *conditions_join(struct optimiser *optimiser, const struct conditions *conditions) {
    if (conditions->count == 0) {
        return NULL;
    }
    if (conditions->count == 1) {
        return conditions->list[0];
    }
    struct expr *all = sql_alloc_zero(optimiser->context, 1, sizeof(*all));
    all->kind = EXPR_AND;
    all->type = type_make(TYPE_BOOL);
    all->arguments = sql_alloc(optimiser->context, conditions->count * sizeof(*all->arguments));
    memcpy(all->arguments, conditions->list, conditions->count * sizeof(*all->arguments));
    all->argument_count = conditions->count;
    return all;
}

const struct expr *optimise_column(struct optimiser *optimiser, uint32_t ordinal, struct type type) {
    struct expr *column = sql_alloc_zero(optimiser->context, 1, sizeof(*column));
    column->kind = EXPR_COLUMN;
    column->column = ordinal;
    column->type = type;
    return column;
}

struct plan_node *optimise_filter(struct optimiser *optimiser, struct plan_node *node,
                                  const struct conditions *conditions) {
    if (conditions->count == 0) {
        return node;
    }
    struct plan_node *filter = sql_alloc_zero(optimiser->context, 1, sizeof(*filter));
    filter->kind = PLAN_FILTER;
    filter->left = node;
    filter->columns = node->columns;
    filter->column_count = node->column_count;
    filter->predicate = conditions_join(optimiser, conditions);
    filter->rows_estimate = node->rows_estimate * 0.33;
    return filter;
}

/* The lowest and the highest column a condition reads; false when it reads none. */
static bool column_range(struct optimiser *optimiser, const struct expr *condition, uint32_t width, uint32_t *lowest,
                         uint32_t *highest) {
    uint64_t *words = sql_alloc_zero(optimiser->context, width / 64 + 1, sizeof(*words));
    if (!expr_columns(condition, words, width)) {
        return false;
    }
    *lowest = UINT32_MAX;
    for (uint32_t i = 0; i < width; i++) {
        if (bitset_get(words, i)) {
            *lowest = *lowest == UINT32_MAX ? i : *lowest;
            *highest = i;
        }
    }
    return true;
}

/* The condition over a row that begins `by` columns later. */
static const struct expr *shifted_down(struct optimiser *optimiser, const struct expr *condition, uint32_t by,
                                       const struct plan_node *right) {
    const struct expr **mapping = sql_alloc_zero(optimiser->context, by + right->column_count + 1, sizeof(*mapping));
    for (uint32_t i = 0; i < right->column_count; i++) {
        mapping[by + i] = optimise_column(optimiser, i, right->columns[i].type);
    }
    return expr_substitute(optimiser->context, condition, mapping, by + right->column_count);
}

/* --- outer joins --- */

/* NULL whenever all the columns from `from` to `to` are NULL. */
static bool null_when_null(const struct expr *expr, uint32_t from, uint32_t to) {
    if (expr->kind == EXPR_COLUMN) {
        return expr->column >= from && expr->column < to;
    }
    if (expr->kind == EXPR_CALL && expr->function->strict) {
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            if (null_when_null(expr->arguments[i], from, to)) {
                return true;
            }
        }
    }
    return false;
}

/* Never true when all these columns are NULL. */
static bool rejects_null(const struct expr *condition, uint32_t from, uint32_t to) {
    switch (condition->kind) {
    case EXPR_AND:
        for (uint32_t i = 0; i < condition->argument_count; i++) {
            if (rejects_null(condition->arguments[i], from, to)) {
                return true;
            }
        }
        return false;
    case EXPR_OR:
        for (uint32_t i = 0; i < condition->argument_count; i++) {
            if (!rejects_null(condition->arguments[i], from, to)) {
                return false;
            }
        }
        return true;
    case EXPR_IS_NULL:
        return condition->negated && null_when_null(condition->arguments[0], from, to);
    case EXPR_IN_LIST:
    case EXPR_NOT:
        return null_when_null(condition->arguments[0], from, to);
    default:
        return null_when_null(condition, from, to);
    }
}

static void simplify_outer(struct plan_node *join, const struct conditions *conditions) {
    uint32_t split = join->left->column_count;
    uint32_t width = join->column_count;
    bool left_needed = false;
    bool right_needed = false;
    for (uint32_t i = 0; i < conditions->count; i++) {
        left_needed = left_needed || rejects_null(conditions->list[i], 0, split);
        right_needed = right_needed || rejects_null(conditions->list[i], split, width);
    }
    bool keeps_left = join->join_type == PLAN_JOIN_LEFT || join->join_type == PLAN_JOIN_FULL;
    bool keeps_right = join->join_type == PLAN_JOIN_RIGHT || join->join_type == PLAN_JOIN_FULL;
    /* rows kept from the left have a NULL right side, which a condition on the right throws away */
    keeps_left = keeps_left && !right_needed;
    keeps_right = keeps_right && !left_needed;
    join->join_type = keeps_left    ? (keeps_right ? PLAN_JOIN_FULL : PLAN_JOIN_LEFT)
                      : keeps_right ? PLAN_JOIN_RIGHT
                                    : PLAN_JOIN_INNER;
}

static struct plan_node *push_outer(struct optimiser *optimiser, struct plan_node *join,
                                    struct conditions *conditions) {
    bool half = join->join_type == PLAN_JOIN_SEMI || join->join_type == PLAN_JOIN_ANTI;
    if (!half) {
        simplify_outer(join, conditions);
    }
    if (join->join_type == PLAN_JOIN_INNER) {
        return optimise_join_region(optimiser, join, conditions);
    }
    uint32_t split = join->left->column_count;
    bool keeps_left = join->join_type == PLAN_JOIN_LEFT || join->join_type == PLAN_JOIN_FULL;
    bool keeps_right = join->join_type == PLAN_JOIN_RIGHT || join->join_type == PLAN_JOIN_FULL;
    struct conditions left = {0};
    struct conditions right = {0};
    struct conditions above = {0};
    struct conditions on = {0};
    struct conditions written = {0};
    conditions_split(optimiser, &written, join->predicate);
    for (uint32_t i = 0; i < conditions->count; i++) { /* WHERE: into a side that is never filled with NULLs */
        const struct expr *condition = conditions->list[i];
        uint32_t low = 0;
        uint32_t high = 0;
        bool any = column_range(optimiser, condition, join->column_count, &low, &high);
        if (!any || optimise_is_volatile(condition)) {
            conditions_add(optimiser, &above, condition);
        } else if (high < split && !keeps_right) {
            conditions_add(optimiser, &left, condition);
        } else if (low >= split && !keeps_left) {
            conditions_add(optimiser, &right, shifted_down(optimiser, condition, split, join->right));
        } else {
            conditions_add(optimiser, &above, condition);
        }
    }
    for (uint32_t i = 0; i < written.count; i++) { /* ON: into the side whose rows may be lost */
        const struct expr *condition = written.list[i];
        uint32_t low = 0;
        uint32_t high = 0;
        bool any = column_range(optimiser, condition, join->column_count, &low, &high);
        if (any && high < split && join->join_type == PLAN_JOIN_ANTI) {
            conditions_add(optimiser, &on, condition); /* a left row it refuses has no partner, and stays */
        } else if (any && low >= split && !keeps_right && !optimise_is_volatile(condition)) {
            conditions_add(optimiser, &right, shifted_down(optimiser, condition, split, join->right));
        } else if (any && high < split && !keeps_left && !optimise_is_volatile(condition)) {
            conditions_add(optimiser, &left, condition);
        } else {
            conditions_add(optimiser, &on, condition);
        }
    }
    join->left = optimise_push(optimiser, join->left, &left);
    struct plan_node *spare = lateral_spare(optimiser, join->right);
    join->right = optimise_push(optimiser, join->right, &right);
    optimise_join_strategy(optimiser, join, &on);
    (void)lateral_try(optimiser, join, spare, &right);
    return optimise_filter(optimiser, join, &above);
}

/* What the right side is comes of the left row, and it is another execution: conditions go to the left side alone. */
static struct plan_node *push_lateral(struct optimiser *optimiser, struct plan_node *join,
                                      struct conditions *conditions) {
    struct conditions none = {0};
    struct conditions left = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        uint32_t low = 0;
        uint32_t high = 0;
        bool any = column_range(optimiser, conditions->list[i], join->column_count, &low, &high);
        bool below = any && high < join->left->column_count && !optimise_is_volatile(conditions->list[i]);
        conditions_add(optimiser, below ? &left : &above, conditions->list[i]);
    }
    join->left = optimise_push(optimiser, join->left, &left);
    join->right = optimise_push(optimiser, join->right, &none);
    join->rows_estimate = join->left->rows_estimate * join->right->rows_estimate;
    return optimise_filter(optimiser, join, &above);
}

/* --- the other nodes --- */

static struct plan_node *push_project(struct optimiser *optimiser, struct plan_node *node,
                                      struct conditions *conditions) {
    struct conditions below = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *moved =
            expr_substitute(optimiser->context, conditions->list[i], node->expressions, node->expression_count);
        bool stays = optimise_is_volatile(moved);
        conditions_add(optimiser, stays ? &above : &below, stays ? conditions->list[i] : moved);
    }
    node->left = optimise_push(optimiser, node->left, &below);
    node->rows_estimate = node->left->rows_estimate;
    return optimise_filter(optimiser, node, &above);
}

static struct plan_node *push_aggregate(struct optimiser *optimiser, struct plan_node *node,
                                        struct conditions *conditions) {
    struct conditions below = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        uint32_t low = 0;
        uint32_t high = 0;
        bool groups_only = column_range(optimiser, condition, node->column_count, &low, &high) &&
                           node->grouping_set_count == 0 && high < node->expression_count &&
                           !optimise_is_volatile(condition);
        if (groups_only) {
            conditions_add(optimiser, &below,
                           expr_substitute(optimiser->context, condition, node->expressions, node->expression_count));
        } else {
            conditions_add(optimiser, &above, condition);
        }
    }
    node->left = optimise_push(optimiser, node->left, &below);
    node->rows_estimate = node->expression_count == 0 ? 1 : node->left->rows_estimate * 0.1;
    return optimise_filter(optimiser, node, &above);
}

/* Windows and DISTINCT ON. A condition on what the partitions are made by takes or leaves whole partitions; any other
 * would change them. */
static bool of_partitions(struct optimiser *optimiser, const struct plan_node *node, const struct expr *condition) {
    uint64_t *read = sql_alloc_zero(optimiser->context, node->column_count / 64 + 1, sizeof(*read));
    if (!expr_columns(condition, read, node->column_count) || optimise_is_volatile(condition)) {
        return false;
    }
    for (uint32_t i = 0; i < node->expression_count; i++) {
        if (node->expressions[i]->kind == EXPR_COLUMN) {
            bitset_clear(read, node->expressions[i]->column);
        }
    }
    for (uint32_t i = 0; i < node->column_count; i++) {
        if (bitset_get(read, i)) {
            return false;
        }
    }
    return true;
}

static struct plan_node *push_window(struct optimiser *optimiser, struct plan_node *node,
                                     struct conditions *conditions) {
    struct conditions below = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        conditions_add(optimiser, of_partitions(optimiser, node, condition) ? &below : &above, condition);
    }
    node->left = optimise_push(optimiser, node->left, &below);
    node->rows_estimate = node->left->rows_estimate;
    return optimise_filter(optimiser, node, &above);
}

static struct plan_node *push_below(struct optimiser *optimiser, struct plan_node *node,
                                    struct conditions *conditions) {
    node->left = optimise_push(optimiser, node->left, conditions);
    node->rows_estimate = node->left->rows_estimate;
    return node;
}

static struct plan_node *push_scan(struct optimiser *optimiser, struct plan_node *node, struct conditions *conditions) {
    struct conditions moved = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        bool stays = optimise_is_volatile(conditions->list[i]) || optimise_is_fixed(conditions->list[i]);
        conditions_add(optimiser, stays ? &above : &moved, conditions->list[i]);
    }
    double rows = estimate_table(optimiser, node);
    node->rows_estimate = rows < 0 ? 1000 : rows;
    node->large = rows >= ESTIMATE_ROWS_MIN;
    optimise_access(optimiser, node, &moved);
    return optimise_filter(optimiser, node, &above);
}

/* A condition holds for a row of the result just when it holds for the equal rows of either side. */
static struct plan_node *push_set(struct optimiser *optimiser, struct plan_node *node, struct conditions *conditions) {
    struct conditions left = {0};
    struct conditions right = {0};
    struct conditions above = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        if (optimise_is_volatile(condition)) {
            conditions_add(optimiser, &above, condition);
        } else {
            conditions_add(optimiser, &left, condition);
            conditions_add(optimiser, &right, condition);
        }
    }
    node->left = optimise_push(optimiser, node->left, &left);
    node->right = optimise_push(optimiser, node->right, &right);
    node->rows_estimate = node->set_operation == PLAN_SET_UNION_ALL
                              ? node->left->rows_estimate + node->right->rows_estimate
                              : node->left->rows_estimate;
    return optimise_filter(optimiser, node, &above);
}

struct plan_node *optimise_push(struct optimiser *optimiser, struct plan_node *node, struct conditions *conditions) {
    switch (node->kind) {
    case PLAN_FILTER:
        conditions_split(optimiser, conditions, node->predicate);
        return optimise_push(optimiser, node->left, conditions);
    case PLAN_PROJECT:
        return push_project(optimiser, node, conditions);
    case PLAN_AGGREGATE:
        return push_aggregate(optimiser, node, conditions);
    case PLAN_WINDOW:
        return push_window(optimiser, node, conditions);
    case PLAN_DISTINCT:
        return node->expression_count == 0 ? push_below(optimiser, node, conditions)
                                           : push_window(optimiser, node, conditions);
    case PLAN_SORT:
        return push_below(optimiser, node, conditions);
    case PLAN_LOCK:
    case PLAN_LIMIT: {
        struct conditions none = {0};
        return optimise_filter(optimiser, push_below(optimiser, node, &none), conditions);
    }
    case PLAN_JOIN:
        if (node->join_strategy == PLAN_JOIN_LATERAL) {
            return push_lateral(optimiser, node, conditions);
        }
        return node->join_type == PLAN_JOIN_INNER || node->join_type == PLAN_JOIN_CROSS
                   ? optimise_join_region(optimiser, node, conditions)
                   : push_outer(optimiser, node, conditions);
    case PLAN_SET:
        return push_set(optimiser, node, conditions);
    case PLAN_SCAN:
        return push_scan(optimiser, node, conditions);
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
    case PLAN_MERGE: {
        ASSERT(conditions->count == 0);
        struct conditions none = {0};
        node->left = optimise_push(optimiser, node->left, &none);
        return node;
    }
    case PLAN_HISTORY:
    case PLAN_DIFF:
        node->rows_estimate = 1000;
        optimise_history_access(optimiser, node, conditions);
        return optimise_filter(optimiser, node, conditions);
    case PLAN_CTE:
        node->rows_estimate = node->cte_work ? 100 : node->cte->root->rows_estimate;
        return optimise_filter(optimiser, node, conditions);
    case PLAN_BITMAP_INDEX:
    case PLAN_BITMAP_AND:
    case PLAN_BITMAP_OR:
        break; /* made by this pass, below scans */
    case PLAN_VALUES:
    case PLAN_FUNCTION:
    case PLAN_COPY:
    case PLAN_CATALOGUE:
    case PLAN_ONE_ROW:
        node->rows_estimate = node->kind == PLAN_VALUES ? node->row_count : node->kind == PLAN_ONE_ROW ? 1 : 1000;
        return optimise_filter(optimiser, node, conditions);
    }
    UNREACHABLE("plan kind");
}
