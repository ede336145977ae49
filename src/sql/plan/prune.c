/*
 * Producing only the columns that somebody reads.
 *
 * From the root down each node is told which of its output columns are needed; it adds what its own expressions read,
 * asks its children for that, and answers a map from old to new ordinals, over which the parent rewrites itself. On the
 * way a PROJECT over a PROJECT becomes one.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/plan/optimise.h"

#define PRUNED UINT32_MAX

static uint64_t *set_new(struct optimiser *optimiser, uint32_t count) {
    return sql_alloc_zero(optimiser->context, count / 64 + 1, sizeof(uint64_t));
}

static void set_all(uint64_t *set, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        bitset_set(set, i);
    }
}

static void set_expr(uint64_t *set, const struct expr *expr, uint32_t count) {
    if (expr != NULL) {
        (void)expr_columns(expr, set, count);
    }
}

/* The expression over the child's new row. */
struct remapping {
    struct optimiser *optimiser;
    const uint32_t *map;
    uint32_t count;
};

static const struct expr *remap_column(const struct expr *expr, void *object) {
    const struct remapping *remapping = object;
    if (expr->kind != EXPR_COLUMN) {
        return NULL;
    }
    ASSERT(expr->column < remapping->count && remapping->map[expr->column] != PRUNED);
    if (remapping->map[expr->column] == expr->column) {
        return expr;
    }
    struct expr *copy = sql_alloc(remapping->optimiser->context, sizeof(*copy));
    *copy = *expr;
    copy->column = remapping->map[expr->column];
    return copy;
}

static const struct expr *remap(struct optimiser *optimiser, const struct expr *expr, const uint32_t *map,
                                uint32_t count) {
    struct remapping remapping = {optimiser, map, count};
    return expr == NULL ? NULL : expr_rewrite(optimiser->context, expr, remap_column, &remapping);
}

static void remap_list(struct optimiser *optimiser, const struct expr **list, uint32_t list_count, const uint32_t *map,
                       uint32_t count) {
    for (uint32_t i = 0; i < list_count; i++) {
        list[i] = remap(optimiser, list[i], map, count);
    }
}

static uint32_t *map_identity(struct optimiser *optimiser, uint32_t count) {
    uint32_t *map = sql_alloc(optimiser->context, (count + 1) * sizeof(*map));
    for (uint32_t i = 0; i < count; i++) {
        map[i] = i;
    }
    return map;
}

/* Keeps the needed columns of node->columns: a new array, for others may share the old one. */
static uint32_t *keep_columns(struct optimiser *optimiser, struct plan_node *node, const uint64_t *needed) {
    uint32_t *map = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*map));
    struct plan_column *columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*columns));
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->column_count; i++) {
        map[i] = PRUNED;
        if (bitset_get(needed, i)) {
            columns[count] = node->columns[i];
            map[i] = count++;
        }
    }
    node->columns = columns;
    node->column_count = count;
    return map;
}

static uint32_t *prune(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed);

/* Nodes whose row is their child's. */
static uint32_t *prune_through(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed) {
    uint32_t width = node->left->column_count;
    set_expr(needed, node->predicate, width);
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        set_expr(needed, node->sort_keys[i].expr, width);
    }
    if (node->kind == PLAN_DISTINCT && node->expression_count == 0) {
        set_all(needed, width);
    }
    for (uint32_t i = 0; i < node->expression_count; i++) {
        set_expr(needed, node->expressions[i], width);
    }
    uint32_t *map = prune(optimiser, node->left, needed);
    remap_list(optimiser, node->expressions, node->expression_count, map, width);
    node->predicate = remap(optimiser, node->predicate, map, width);
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        node->sort_keys[i].expr = remap(optimiser, node->sort_keys[i].expr, map, width);
    }
    node->columns = node->left->columns;
    node->column_count = node->left->column_count;
    return map;
}

/* Columns that somebody reads come first; behind them those that the scan's own conditions read. */
static uint32_t *prune_scan(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed) {
    uint32_t width = node->column_count;
    uint64_t *read = set_new(optimiser, width);
    set_expr(read, node->predicate, width);
    set_expr(read, node->recheck, width);
    uint32_t *own = sql_alloc(optimiser->context, (width + 1) * sizeof(*own)); /* places in the row the scan sees */
    uint32_t *map = sql_alloc(optimiser->context, (width + 1) * sizeof(*map));
    uint32_t *ordinals = sql_alloc(optimiser->context, (width + 1) * sizeof(*ordinals));
    struct plan_column *columns = sql_alloc(optimiser->context, (width + 1) * sizeof(*columns));
    uint32_t count = 0;
    for (int unseen = 0; unseen < 2; unseen++) {
        for (uint32_t i = 0; i < width; i++) {
            bool seen = bitset_get(needed, i);
            if (unseen == 0) {
                map[i] = own[i] = PRUNED;
            }
            if (unseen == 0 ? seen : !seen && bitset_get(read, i)) {
                columns[count] = node->columns[i];
                ordinals[count] = node->scan_columns[i];
                map[i] = unseen == 0 ? count : PRUNED;
                own[i] = count++;
            }
        }
        node->column_count = unseen == 0 ? count : node->column_count;
    }
    node->unseen_count = count - node->column_count;
    node->columns = columns;
    node->scan_columns = ordinals;
    node->predicate = remap(optimiser, node->predicate, own, width);
    node->recheck = remap(optimiser, node->recheck, own, width);
    return map;
}

/* PROJECT over PROJECT: the upper one over the lower one's row, unless that would compute something twice, or not at
 * all. */
static void project_merge(struct optimiser *optimiser, struct plan_node *node) {
    while (node->left->kind == PLAN_PROJECT) {
        struct plan_node *below = node->left;
        bool plain_above = true;
        bool plain_below = true;
        for (uint32_t i = 0; i < node->expression_count; i++) {
            plain_above = plain_above && node->expressions[i]->kind == EXPR_COLUMN;
        }
        for (uint32_t i = 0; i < below->expression_count; i++) {
            plain_below = plain_below && below->expressions[i]->kind == EXPR_COLUMN;
        }
        if (!plain_below && !plain_above) {
            return;
        }
        if (!plain_below) { /* columns picked: each at most once, or it is computed twice */
            uint64_t *seen = set_new(optimiser, below->expression_count);
            for (uint32_t i = 0; i < node->expression_count; i++) {
                if (bitset_get(seen, node->expressions[i]->column)) {
                    return;
                }
                bitset_set(seen, node->expressions[i]->column);
            }
            for (uint32_t i = 0; i < below->expression_count; i++) {
                if (!bitset_get(seen, i) && optimise_is_volatile(below->expressions[i])) {
                    return; /* what it does is wanted, though nobody reads it */
                }
            }
        }
        for (uint32_t i = 0; i < node->expression_count; i++) {
            node->expressions[i] =
                expr_substitute(optimiser->context, node->expressions[i], below->expressions, below->expression_count);
        }
        node->left = below->left;
    }
}

static uint32_t *prune_project(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed) {
    for (uint32_t i = 0; i < node->expression_count; i++) {
        if (optimise_is_volatile(node->expressions[i])) { /* what it does is wanted, whoever reads it */
            bitset_set(needed, i);
        }
    }
    uint32_t *map = keep_columns(optimiser, node, needed);
    const struct expr **kept = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*kept));
    for (uint32_t i = 0; i < node->expression_count; i++) {
        if (map[i] != PRUNED) {
            kept[map[i]] = node->expressions[i];
        }
    }
    node->expressions = kept;
    node->expression_count = node->column_count;
    project_merge(optimiser, node);
    uint32_t width = node->left->column_count;
    uint64_t *below = set_new(optimiser, width);
    for (uint32_t i = 0; i < node->expression_count; i++) {
        set_expr(below, node->expressions[i], width);
    }
    uint32_t *inner = prune(optimiser, node->left, below);
    remap_list(optimiser, node->expressions, node->expression_count, inner, width);
    return map;
}

/* What aggregates and window functions read, and over the child's new row. */
static void set_calls(uint64_t *set, const struct plan_node *node, uint32_t width) {
    for (uint32_t i = 0; i < node->expression_count; i++) {
        set_expr(set, node->expressions[i], width);
    }
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        set_expr(set, node->sort_keys[i].expr, width);
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        for (uint32_t k = 0; k < node->aggregates[i].argument_count; k++) {
            set_expr(set, node->aggregates[i].arguments[k], width);
        }
        for (uint32_t k = 0; k < node->aggregates[i].order_count; k++) {
            set_expr(set, node->aggregates[i].order[k].expr, width);
        }
        set_expr(set, node->aggregates[i].filter, width);
    }
}

static void remap_calls(struct optimiser *optimiser, struct plan_node *node, const uint32_t *map, uint32_t width) {
    remap_list(optimiser, node->expressions, node->expression_count, map, width);
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        node->sort_keys[i].expr = remap(optimiser, node->sort_keys[i].expr, map, width);
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        remap_list(optimiser, node->aggregates[i].arguments, node->aggregates[i].argument_count, map, width);
        for (uint32_t k = 0; k < node->aggregates[i].order_count; k++) {
            struct plan_sort_key *key = &node->aggregates[i].order[k];
            key->expr = remap(optimiser, key->expr, map, width);
        }
        node->aggregates[i].filter = remap(optimiser, node->aggregates[i].filter, map, width);
    }
}

static bool call_is_volatile(const struct plan_aggregate *call) {
    bool is =
        call->function->volatility == SQL_VOLATILE || (call->filter != NULL && optimise_is_volatile(call->filter));
    for (uint32_t i = 0; i < call->argument_count; i++) {
        is = is || optimise_is_volatile(call->arguments[i]);
    }
    return is;
}

/* Calls that nobody reads are not computed, nor do they fail. */
static uint32_t *prune_aggregate(struct optimiser *optimiser, struct plan_node *node, const uint64_t *needed) {
    uint32_t width = node->left->column_count;
    uint32_t groups = node->expression_count;
    uint32_t *map = map_identity(optimiser, node->column_count);
    struct plan_aggregate *calls = sql_alloc(optimiser->context, (node->aggregate_count + 1) * sizeof(*calls));
    struct plan_column *columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*columns));
    memcpy(columns, node->columns, groups * sizeof(*columns));
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        map[groups + i] = PRUNED;
        if (bitset_get(needed, groups + i) || call_is_volatile(&node->aggregates[i])) {
            columns[groups + count] = node->columns[groups + i];
            map[groups + i] = groups + count;
            calls[count++] = node->aggregates[i];
        }
    }
    node->aggregates = calls;
    node->aggregate_count = count;
    node->columns = columns;
    node->column_count = groups + count;
    uint64_t *below = set_new(optimiser, width);
    set_calls(below, node, width);
    uint32_t *inner = prune(optimiser, node->left, below);
    remap_calls(optimiser, node, inner, width);
    return map;
}

/* Functions that nobody reads are not computed. */
static uint32_t *prune_window(struct optimiser *optimiser, struct plan_node *node, const uint64_t *needed) {
    uint32_t width = node->left->column_count;
    uint32_t *map = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*map));
    struct plan_aggregate *calls = sql_alloc(optimiser->context, (node->aggregate_count + 1) * sizeof(*calls));
    struct plan_column *columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*columns));
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        map[width + i] = PRUNED;
        if (bitset_get(needed, width + i) || call_is_volatile(&node->aggregates[i])) {
            columns[count] = node->columns[width + i];
            map[width + i] = count;
            calls[count++] = node->aggregates[i];
        }
    }
    node->aggregates = calls;
    node->aggregate_count = count;
    uint64_t *below = set_new(optimiser, width);
    for (uint32_t i = 0; i < width; i++) {
        if (bitset_get(needed, i)) {
            bitset_set(below, i);
        }
    }
    set_calls(below, node, width);
    uint32_t *inner = prune(optimiser, node->left, below);
    remap_calls(optimiser, node, inner, width);
    uint32_t kept = node->left->column_count;
    uint32_t all = node->column_count;
    memcpy(map, inner, width * sizeof(*map));
    for (uint32_t i = width; i < all; i++) {
        map[i] = map[i] == PRUNED ? PRUNED : kept + map[i];
    }
    node->column_count = kept + count;
    node->columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*node->columns));
    if (kept > 0) {
        memcpy(node->columns, node->left->columns, kept * sizeof(*node->columns));
    }
    if (count > 0) {
        memcpy(node->columns + kept, columns, count * sizeof(*node->columns));
    }
    return map;
}

static uint32_t *prune_join(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed) {
    uint32_t split = node->left->column_count;
    uint32_t width = node->column_count;
    uint32_t right_width = width - split;
    set_expr(needed, node->predicate, width);
    uint64_t *left = set_new(optimiser, split);
    uint64_t *right = set_new(optimiser, right_width);
    for (uint32_t i = 0; i < width; i++) {
        if (bitset_get(needed, i)) {
            bitset_set(i < split ? left : right, i < split ? i : i - split);
        }
    }
    for (uint32_t i = 0; i < node->key_count; i++) {
        set_expr(left, node->left_keys[i], split);
        set_expr(right, node->right_keys == NULL ? NULL : node->right_keys[i], right_width);
    }
    uint32_t *left_map = prune(optimiser, node->left, left);
    uint32_t *right_map = prune(optimiser, node->right, right);
    remap_list(optimiser, node->left_keys, node->key_count, left_map, split);
    if (node->right_keys != NULL) {
        remap_list(optimiser, node->right_keys, node->key_count, right_map, right_width);
    }
    uint32_t *map = sql_alloc(optimiser->context, (width + 1) * sizeof(*map));
    for (uint32_t i = 0; i < width; i++) {
        uint32_t place = i < split ? left_map[i] : right_map[i - split];
        map[i] = place == PRUNED ? PRUNED : i < split ? place : node->left->column_count + place;
    }
    node->predicate = remap(optimiser, node->predicate, map, width);
    node->column_count = node->left->column_count + node->right->column_count;
    node->columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*node->columns));
    if (node->left->column_count > 0) {
        memcpy(node->columns, node->left->columns, node->left->column_count * sizeof(*node->columns));
    }
    if (node->right->column_count > 0) {
        memcpy(node->columns + node->left->column_count, node->right->columns,
               node->right->column_count * sizeof(*node->columns));
    }
    return map;
}

/* The target's rows are needed whole, and the key; of the other tables' columns what RETURNING reads. */
static uint32_t *prune_change(struct optimiser *optimiser, struct plan_node *node) {
    uint32_t width = node->left->column_count;
    uint32_t columns = catalogue_column_count(node->catalogue, node->table);
    uint32_t before = node->kind == PLAN_UPDATE ? columns : 0; /* columns that RETURNING does not see */
    uint64_t *returned = set_new(optimiser, width - before);
    for (uint32_t i = 0; i < node->returning_count; i++) {
        set_expr(returned, node->returning[i], width - before);
    }
    uint64_t *needed = set_new(optimiser, width);
    set_all(needed, before + columns);
    bitset_set(needed, width - 1);
    for (uint32_t i = before; i < width; i++) {
        if (bitset_get(returned, i - before)) {
            bitset_set(needed, i);
        }
    }
    uint32_t *map = prune(optimiser, node->left, needed);
    uint32_t *seen = sql_alloc(optimiser->context, (width + 1) * sizeof(*seen));
    for (uint32_t i = before; i < width; i++) {
        seen[i - before] = map[i] == PRUNED ? PRUNED : map[i] - before;
    }
    remap_list(optimiser, node->returning, node->returning_count, seen, width - before);
    return map_identity(optimiser, node->column_count);
}

static uint32_t *prune_merge(struct optimiser *optimiser, struct plan_node *node) {
    uint32_t width = node->left->column_count;
    uint64_t *needed = set_new(optimiser, width);
    bitset_set(needed, width - 1);
    for (uint32_t i = 0; i < node->action_count; i++) {
        set_expr(needed, node->actions[i].condition, width);
        for (uint32_t k = 0; k < node->actions[i].value_count; k++) {
            set_expr(needed, node->actions[i].values[k], width);
        }
    }
    uint32_t *map = prune(optimiser, node->left, needed);
    for (uint32_t i = 0; i < node->action_count; i++) {
        struct plan_merge_action *action = &node->actions[i];
        action->condition = remap(optimiser, action->condition, map, width);
        remap_list(optimiser, action->values, action->value_count, map, width);
    }
    return map_identity(optimiser, node->column_count);
}

/* Of a common subplan; who else reads it may want other columns. */
static uint32_t *prune_reader(struct optimiser *optimiser, struct plan_node *node, const uint64_t *needed) {
    uint32_t width = node->column_count;
    uint32_t *map = keep_columns(optimiser, node, needed);
    uint32_t *columns = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < width; i++) {
        if (map[i] != PRUNED) {
            columns[map[i]] = node->scan_columns[i];
            bitset_set(node->cte->needed, node->scan_columns[i]);
        }
    }
    node->scan_columns = columns;
    return map;
}

static uint32_t *prune(struct optimiser *optimiser, struct plan_node *node, uint64_t *needed) {
    switch (node->kind) {
    case PLAN_SCAN:
        return prune_scan(optimiser, node, needed);
    case PLAN_HISTORY:
    case PLAN_DIFF:
    case PLAN_VALUES:
    case PLAN_FUNCTION:
    case PLAN_COPY:
    case PLAN_CATALOGUE:
    case PLAN_ONE_ROW:
    case PLAN_BITMAP_INDEX:
    case PLAN_BITMAP_AND:
    case PLAN_BITMAP_OR:
        return map_identity(optimiser, node->column_count);
    case PLAN_CTE:
        return node->cte->readers != NULL ? prune_reader(optimiser, node, needed)
                                          : map_identity(optimiser, node->column_count);
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_LOCK:
        return prune_through(optimiser, node, needed);
    case PLAN_PROJECT:
        return prune_project(optimiser, node, needed);
    case PLAN_AGGREGATE:
        return prune_aggregate(optimiser, node, needed);
    case PLAN_WINDOW:
        return prune_window(optimiser, node, needed);
    case PLAN_JOIN:
        return prune_join(optimiser, node, needed);
    case PLAN_SET: {
        uint64_t *all = set_new(optimiser, node->column_count);
        set_all(all, node->column_count);
        (void)prune(optimiser, node->left, all);
        (void)prune(optimiser, node->right, all);
        return map_identity(optimiser, node->column_count);
    }
    case PLAN_INSERT: {
        uint64_t *all = set_new(optimiser, node->left->column_count);
        set_all(all, node->left->column_count);
        (void)prune(optimiser, node->left, all);
        return map_identity(optimiser, node->column_count);
    }
    case PLAN_UPDATE:
    case PLAN_DELETE:
        return prune_change(optimiser, node);
    case PLAN_MERGE:
        return prune_merge(optimiser, node);
    }
    UNREACHABLE("plan kind");
}

/* A PROJECT that changes nothing. */
static bool project_idle(const struct plan_node *node) {
    if (node->kind != PLAN_PROJECT || node->left->column_count != node->expression_count) {
        return false;
    }
    for (uint32_t i = 0; i < node->expression_count; i++) {
        if (node->expressions[i]->kind != EXPR_COLUMN || node->expressions[i]->column != i) {
            return false;
        }
    }
    return true;
}

static struct plan_node *drop_idle(struct plan_node *node) {
    while (project_idle(node)) {
        node = node->left;
    }
    if (node->left != NULL) {
        node->left = drop_idle(node->left);
    }
    if (node->right != NULL) {
        node->right = drop_idle(node->right);
    }
    return node;
}

struct plan_node *optimise_prune(struct optimiser *optimiser, struct plan_node *root) {
    uint64_t *all = set_new(optimiser, root->column_count);
    set_all(all, root->column_count);
    (void)prune(optimiser, root, all);
    return drop_idle(root);
}

void optimise_prune_common(struct optimiser *optimiser, struct plan_cte *cte) {
    uint32_t *map = prune(optimiser, cte->root, cte->needed);
    cte->root = drop_idle(cte->root);
    for (uint32_t r = 0; r < cte->references; r++) {
        struct plan_node *reader = cte->readers[r];
        uint32_t *columns = sql_alloc(optimiser->context, (reader->column_count + 1) * sizeof(*columns));
        for (uint32_t i = 0; i < reader->column_count; i++) {
            columns[i] = map[reader->scan_columns[i]];
        }
        reader->scan_columns = columns;
    }
}
