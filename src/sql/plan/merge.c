/*
 * Joins whose sides come in the order of their keys already.
 *
 * Two tables by the key they share, an order and its lines, are read side by side: nothing is hashed, nothing kept, and
 * nothing can be more than work_mem holds (exec/join_merge.c). It is looked for when the orders of scans are settled. A
 * hash join is better where it, or one above it, leaves few rows of its left side, for these are dropped where they are
 * read (exec/join_filter.c), and where its right side is small.
 *
 * Where hash joins are forbidden, the sides of every join of columns are sorted instead, before it is known which sorts
 * are needless.
 */
#include "sql/plan/access.h"
#include "sql/plan/explain_tree.h"

#define KEYS_MAX       8
#define COST_HASHED    2.0 /* a right row kept, hashed and chained, in rows read in order */
#define COST_PROBED    1.0 /* a left row looked up */
#define COST_FAR       0.7 /* more, where the table is larger than the caches */
#define FAR_ROWS       50000.0
#define COST_SPILLED   4.0 /* a row written and read again */
#define COST_MERGED    1.0 /* a row of either side */
#define FILTERED_SHARE 0.5 /* of left rows: a hash join that leaves fewer drops the others below */

/* The keys in an order in which both sides come; false: there is none. */
static bool keys_in_order(struct optimiser *optimiser, struct plan_node *join, uint32_t *order, bool *descending) {
    uint32_t left[KEYS_MAX];
    uint32_t right[KEYS_MAX];
    bool used[KEYS_MAX] = {false};
    if (join->key_count == 0 || join->key_count > KEYS_MAX) {
        return false;
    }
    for (uint32_t count = 0; count < join->key_count; count++) {
        bool found = false;
        for (uint32_t i = 0; i < join->key_count && !found; i++) {
            bool down[2] = {false, false};
            if (used[i]) {
                continue;
            }
            left[count] = join->left_keys[i]->column;
            right[count] = join->right_keys[i]->column;
            found = access_in_order(optimiser, join->left, left, count + 1, &down[0]) &&
                    access_in_order(optimiser, join->right, right, count + 1, &down[1]) && down[0] == down[1];
            used[i] = found;
            order[count] = i;
            *descending = down[0];
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool keys_are_columns(const struct plan_node *join) {
    for (uint32_t i = 0; i < join->key_count; i++) {
        if (join->left_keys[i]->kind != EXPR_COLUMN || join->right_keys[i]->kind != EXPR_COLUMN) {
            return false;
        }
    }
    return join->key_count > 0;
}

/* Whether a hash join of these sides leaves so few left rows that it is worth it to have the others dropped below. */
static bool filters(const struct plan_node *join) {
    return (join->join_type == PLAN_JOIN_INNER || join->join_type == PLAN_JOIN_SEMI ||
            join->join_type == PLAN_JOIN_RIGHT) &&
           join->rows_estimate <= join->left->rows_estimate * FILTERED_SHARE;
}

static bool is_cheaper(const struct optimiser *optimiser, const struct plan_node *join) {
    const struct sql_settings *settings = optimiser->context->settings;
    double left = join->left->rows_estimate;
    double right = join->right->rows_estimate;
    double bytes = right * (explain_cost_of(join->right).width + 24.0);
    bool spills = settings != NULL && sql_work_bytes(settings) != 0 && bytes > (double)sql_work_bytes(settings);
    if (left < ESTIMATE_ROWS_MIN || right < ESTIMATE_ROWS_MIN || (filters(join) && !spills)) {
        return false;
    }
    double hashed = right * COST_HASHED + left * (COST_PROBED + (right > FAR_ROWS ? COST_FAR : 0));
    hashed += spills ? (left + right) * COST_SPILLED : 0;
    return (left + right) * COST_MERGED < hashed;
}

static void keys_permute(struct optimiser *optimiser, const struct expr **keys, const uint32_t *order, uint32_t count) {
    const struct expr **permuted = sql_alloc(optimiser->context, count * sizeof(*permuted));
    for (uint32_t i = 0; i < count; i++) {
        permuted[i] = keys[order[i]];
    }
    memcpy(keys, permuted, count * sizeof(*keys));
}

/* filtered: a join above drops rows of either side where they are read, and hash joins in between would hand that on.
 */
static void merge_walk(struct optimiser *optimiser, struct plan_node *node, bool filtered) {
    uint32_t order[KEYS_MAX];
    bool descending = false;
    if (node == NULL) {
        return;
    }
    bool hash = node->kind == PLAN_JOIN && node->join_strategy == PLAN_JOIN_HASH;
    merge_walk(optimiser, node->left, filtered || (hash && filters(node)));
    merge_walk(optimiser, node->right, filtered);
    if (hash && !filtered && keys_are_columns(node) && is_cheaper(optimiser, node) &&
        keys_in_order(optimiser, node, order, &descending)) {
        keys_permute(optimiser, node->left_keys, order, node->key_count);
        keys_permute(optimiser, node->right_keys, order, node->key_count);
        node->join_strategy = PLAN_JOIN_MERGE;
        node->descending = descending;
    }
}

void optimise_merge(struct optimiser *optimiser, struct plan_node *root) {
    if (sql_way_open(optimiser->context->settings, SQL_WAY_MERGEJOIN)) {
        merge_walk(optimiser, root, false);
    }
}

/* --- where hash joins are forbidden --- */

static struct plan_node *sorted(struct optimiser *optimiser, struct plan_node *node, const struct expr *const *keys,
                                uint32_t count) {
    struct plan_node *sort = sql_alloc_zero(optimiser->context, 1, sizeof(*sort));
    sort->kind = PLAN_SORT;
    sort->left = node;
    sort->columns = node->columns;
    sort->column_count = node->column_count;
    sort->rows_estimate = node->rows_estimate;
    sort->sort_keys = sql_alloc_zero(optimiser->context, count, sizeof(*sort->sort_keys));
    sort->sort_key_count = count;
    for (uint32_t i = 0; i < count; i++) {
        sort->sort_keys[i].expr = keys[i];
    }
    return sort;
}

void optimise_merge_all(struct optimiser *optimiser, struct plan_node *node) {
    const struct sql_settings *settings = optimiser->context->settings;
    if (node == NULL || sql_way_open(settings, SQL_WAY_HASHJOIN) || !sql_way_open(settings, SQL_WAY_MERGEJOIN)) {
        return;
    }
    optimise_merge_all(optimiser, node->left);
    optimise_merge_all(optimiser, node->right);
    if (node->kind == PLAN_JOIN && node->join_strategy == PLAN_JOIN_HASH && keys_are_columns(node)) {
        node->left = sorted(optimiser, node->left, node->left_keys, node->key_count);
        node->right = sorted(optimiser, node->right, node->right_keys, node->key_count);
        node->join_strategy = PLAN_JOIN_MERGE;
    }
}
