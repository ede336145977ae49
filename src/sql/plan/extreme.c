/*
 * min() and max() by an index.
 *
 * Of a whole table, or of the rows with certain values in the first columns of an index, the least value of the next
 * column is in the first entry and the greatest in the last. So
 *
 *   SELECT min(b), max(b) FROM t WHERE a = 1         with an index that begins with a, b
 *
 * is an aggregate over one row for each of the two, joined: min(b) over (... ORDER BY b LIMIT 1). The sort goes, later,
 * since the index gives its order (access.c). NULLs are not counted, and are passed where they come first.
 */
#include "base/assert.h"
#include "sql/plan/optimise.h"

#define EXTREMES_MAX 4

/* The scan below filters. */
static struct plan_node *scan_below(struct plan_node *node, struct optimiser *optimiser, struct conditions *all) {
    for (; node->kind == PLAN_FILTER; node = node->left) {
        conditions_split(optimiser, all, node->predicate);
    }
    bool plain = node->kind == PLAN_SCAN && node->sample_percent == NULL && node->current_of == NULL;
    return plain ? node : NULL;
}

static bool is_extreme(const struct plan_aggregate *aggregate, bool *greatest) {
    *greatest = strcmp(aggregate->function->name, "max") == 0;
    return (*greatest || strcmp(aggregate->function->name, "min") == 0) && aggregate->argument_count == 1 &&
           aggregate->filter == NULL && aggregate->order_count == 0 && aggregate->arguments[0]->kind == EXPR_COLUMN;
}

/* The column that the condition compares with a value of its own, and whether it says that they are equal. */
static bool compared_column(const struct expr *condition, uint32_t *column, bool *equal) {
    static const char *const names[] = {"=", "<", "<=", ">", ">="};
    if (condition->kind != EXPR_CALL || condition->function->class != SQL_FUNCTION_OPERATOR ||
        condition->argument_count != 2) {
        return false;
    }
    *equal = strcmp(condition->function->name, "=") == 0;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        for (uint32_t side = 0; strcmp(condition->function->name, names[i]) == 0 && side < 2; side++) {
            if (condition->arguments[side]->kind == EXPR_COLUMN && optimise_is_fixed(condition->arguments[1 - side])) {
                *column = condition->arguments[side]->column;
                return true;
            }
        }
    }
    return false;
}

static const struct column_definition *column_of(const struct plan_node *scan, uint32_t output) {
    return catalogue_column(scan->catalogue, scan->table, scan->scan_columns[output]);
}

/* Whether each condition is an equality of one of the parts before `part`, all of which have one, or compares the part.
 */
static bool conditions_fit(const struct plan_node *scan, const struct conditions *conditions,
                           const struct key_part *parts, uint32_t part) {
    uint32_t equalities = 0;
    for (uint32_t i = 0; i < conditions->count; i++) {
        uint32_t column = 0;
        bool equal = false;
        bool fits = false;
        if (!compared_column(conditions->list[i], &column, &equal)) {
            return false;
        }
        for (uint32_t k = 0; k <= part; k++) {
            bool this = column_id_equal(parts[k].column, column_of(scan, column)->id);
            fits = fits || (this && (equal || k == part));
            equalities += this && equal && k < part;
        }
        if (!fits) {
            return false;
        }
    }
    return equalities == part;
}

static bool order_serves(const struct plan_node *scan, const struct conditions *conditions,
                         const struct key_part *parts, uint32_t part_count, uint32_t column) {
    if (scan->scan_columns[column] == PLAN_SCAN_KEY) {
        return false;
    }
    for (uint32_t part = 0; part < part_count; part++) {
        if (column_id_equal(parts[part].column, column_of(scan, column)->id)) {
            return conditions_fit(scan, conditions, parts, part);
        }
    }
    return false;
}

static bool index_serves(const struct plan_node *scan, const struct conditions *conditions, uint32_t column) {
    const struct table_definition *table = scan->table;
    bool serves = order_serves(scan, conditions, table->primary_key, table->primary_key_count, column);
    for (uint32_t i = 0; i < table->index_count && !serves; i++) {
        const struct index_definition *index = &table->indexes[i];
        serves = index->state == INDEX_READY && index->filter.value == 0 &&
                 order_serves(scan, conditions, index->parts, index->part_count, column);
    }
    return serves;
}

static struct plan_node *above(struct optimiser *optimiser, enum plan_kind kind, struct plan_node *left) {
    struct plan_node *node = sql_alloc_zero(optimiser->context, 1, sizeof(*node));
    node->kind = kind;
    node->left = left;
    node->columns = left->columns;
    node->column_count = left->column_count;
    return node;
}

/* The rows of the scan with the extreme value first. */
static struct plan_node *first_row(struct optimiser *optimiser, const struct plan_node *scan,
                                   const struct conditions *conditions, const struct expr *column, bool greatest) {
    struct plan_node *copy = sql_alloc(optimiser->context, sizeof(*copy));
    struct conditions all = {0};
    *copy = *scan;
    for (uint32_t i = 0; i < conditions->count; i++) {
        conditions_add(optimiser, &all, conditions->list[i]);
    }
    if (greatest && !column_of(scan, column->column)->not_null) {
        struct expr *there = sql_alloc_zero(optimiser->context, 1, sizeof(*there));
        there->kind = EXPR_IS_NULL;
        there->negated = true;
        there->type = type_make(TYPE_BOOL);
        there->argument_count = 1;
        there->arguments = sql_alloc(optimiser->context, sizeof(*there->arguments));
        there->arguments[0] = column;
        conditions_add(optimiser, &all, there);
    }
    struct plan_node *sort = above(optimiser, PLAN_SORT, optimise_filter(optimiser, copy, &all));
    sort->sort_keys = sql_alloc_zero(optimiser->context, 1, sizeof(*sort->sort_keys));
    sort->sort_keys[0] = (struct plan_sort_key){.expr = column, .descending = greatest, .nulls_first = greatest};
    sort->sort_key_count = 1;
    struct plan_node *limit = above(optimiser, PLAN_LIMIT, sort);
    struct expr *one = sql_alloc_zero(optimiser->context, 1, sizeof(*one));
    one->kind = EXPR_CONSTANT;
    one->type = type_make(TYPE_INT8);
    one->value = value_int8(1);
    limit->limit = one;
    return limit;
}

/* The node's place holds what gives its one row by the index, if one serves for all its aggregates. */
static void extreme_replace(struct optimiser *optimiser, struct plan_node *node) {
    struct conditions conditions = {0};
    struct plan_node *scan = scan_below(node->left, optimiser, &conditions);
    bool greatest = false;
    bool serves = scan != NULL && node->expression_count == 0 && node->grouping_set_count == 0 &&
                  node->aggregate_count > 0 && node->aggregate_count <= EXTREMES_MAX;
    for (uint32_t i = 0; serves && i < node->aggregate_count; i++) {
        serves = is_extreme(&node->aggregates[i], &greatest) &&
                 index_serves(scan, &conditions, node->aggregates[i].arguments[0]->column);
    }
    struct plan_node *joined = NULL;
    for (uint32_t i = 0; serves && i < node->aggregate_count; i++) {
        struct plan_node *one = sql_alloc(optimiser->context, sizeof(*one));
        *one = *node;
        one->aggregates = &node->aggregates[i];
        one->aggregate_count = 1;
        one->columns = &node->columns[i];
        one->column_count = 1;
        (void)is_extreme(one->aggregates, &greatest);
        one->left = first_row(optimiser, scan, &conditions, one->aggregates[0].arguments[0], greatest);
        if (joined != NULL) {
            struct plan_node *join = above(optimiser, PLAN_JOIN, joined);
            join->join_type = PLAN_JOIN_CROSS;
            join->right = one;
            join->columns = node->columns;
            join->column_count = i + 1;
            one = join;
        }
        joined = one;
    }
    if (joined != NULL) {
        *node = *joined;
    }
}

void optimise_extremes(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    if (node->kind == PLAN_AGGREGATE) {
        extreme_replace(optimiser, node);
    }
    optimise_extremes(optimiser, node->left);
    optimise_extremes(optimiser, node->right);
}
