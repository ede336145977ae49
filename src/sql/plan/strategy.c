/*
 * How two sides are joined: by a hash table over the right side, by looking the right side up for each left row, or by
 * comparing everything with everything; and how many rows come of it.
 */
#include "base/assert.h"
#include "sql/plan/region.h"

bool region_is_equality(const struct expr *condition) {
    return condition->kind == EXPR_CALL && condition->function->class == SQL_FUNCTION_OPERATOR &&
           condition->argument_count == 2 && strcmp(condition->function->name, "=") == 0;
}

/* Which side of the join a key expression reads: 0 left, 1 right, 2 both or none. */
static int key_side(struct optimiser *optimiser, const struct expr *key, uint32_t split, uint32_t width) {
    uint64_t *words = sql_alloc_zero(optimiser->context, width / 64 + 1, sizeof(*words));
    if (!expr_columns(key, words, width)) {
        return 2;
    }
    bool left = false;
    bool right = false;
    for (uint32_t i = 0; i < width; i++) {
        left = left || (i < split && bitset_get(words, i));
        right = right || (i >= split && bitset_get(words, i));
    }
    return left && right ? 2 : right ? 1 : 0;
}

static const struct expr *key_of_right(struct optimiser *optimiser, const struct expr *key,
                                       const struct plan_node *join) {
    uint32_t split = join->left->column_count;
    const struct expr **mapping = sql_alloc_zero(optimiser->context, join->column_count + 1, sizeof(*mapping));
    for (uint32_t i = split; i < join->column_count; i++) {
        mapping[i] = optimise_column(optimiser, i - split, join->columns[i].type);
    }
    return expr_substitute(optimiser->context, key, mapping, join->column_count);
}

/* A lookup a row of the left pays when the left is small beside the right. */
#define INDEX_JOIN_ROWS_MAX 1000

bool strategy_index(const struct plan_node *scan, const struct expr *const *keys, uint32_t key_count,
                    struct index_id *index) {
    const struct table_definition *table = scan->table;
    for (uint32_t i = 0; i <= table->index_count; i++) {
        const struct index_definition *definition = i == 0 ? NULL : &table->indexes[i - 1];
        const struct key_part *parts = i == 0 ? table->primary_key : definition->parts;
        uint32_t part_count = i == 0 ? table->primary_key_count : definition->part_count;
        bool ready = i == 0 || (definition->state == INDEX_READY && definition->filter.value == 0);
        for (uint32_t k = 0; k < key_count && ready && part_count > 0; k++) {
            const struct column_definition *column =
                catalogue_column(scan->catalogue, table, scan->scan_columns[keys[k]->column]);
            if (keys[k]->kind == EXPR_COLUMN && column_id_equal(column->id, parts[0].column)) {
                *index = i == 0 ? (struct index_id){0} : definition->id;
                return true;
            }
        }
    }
    return false;
}

/* How many leading parts of an order are keys of the join. */
static uint32_t parts_joined(const struct plan_node *join, const struct key_part *parts, uint32_t part_count) {
    const struct plan_node *scan = join->right;
    uint32_t part = 0;
    for (; part < part_count; part++) {
        bool covered = false;
        for (uint32_t k = 0; k < join->key_count; k++) {
            const struct expr *key = join->right_keys[k];
            covered =
                covered ||
                (key->kind == EXPR_COLUMN &&
                 column_id_equal(catalogue_column(scan->catalogue, scan->table, scan->scan_columns[key->column])->id,
                                 parts[part].column));
        }
        if (!covered) {
            break;
        }
    }
    return part;
}

/* Rows of the table that one left row meets: by the best index on the keys, which it names; else by a sample. The
 * filter of the right side is not counted. -1: not known. */
static double join_fanout(struct optimiser *optimiser, const struct plan_node *join, struct index_id *index,
                          bool *indexed) {
    const struct plan_node *scan = join->right;
    const struct table_definition *table = scan->table;
    double best = -1;
    *indexed = false;
    for (uint32_t i = 0; i <= table->index_count; i++) {
        bool key = i == 0;
        const struct index_definition *definition = key ? NULL : &table->indexes[i - 1];
        if (!key && (definition->state != INDEX_READY || definition->filter.value != 0)) {
            continue;
        }
        uint32_t part_count = key ? table->primary_key_count : definition->part_count;
        uint32_t parts = parts_joined(join, key ? table->primary_key : definition->parts, part_count);
        bool whole = parts == part_count && parts > 0 && (key || definition->unique);
        struct index_id id = key ? (struct index_id){0} : definition->id;
        double rows = whole ? 1 : estimate_index_fanout(optimiser, scan, id, parts);
        if (rows >= 0 && (!*indexed || rows < best)) {
            best = rows;
            *index = id;
            *indexed = true;
        }
    }
    for (uint32_t k = 0; k < join->key_count && !*indexed; k++) {
        if (join->right_keys[k]->kind == EXPR_COLUMN) {
            double rows = estimate_column_fanout(optimiser, scan, scan->scan_columns[join->right_keys[k]->column],
                                                 estimate_table(optimiser, scan));
            best = best < 0 || (rows >= 0 && rows < best) ? rows : best;
        }
    }
    return best;
}

/* Small or unknown tables: a unique key, few left rows. */
static bool join_by_rule(const struct plan_node *join, struct index_id *index) {
    double left = join->left->rows_estimate;
    const struct plan_node *scan = join->right;
    if (scan->low.count > 0 || scan->high.count > 0 || scan->left != NULL || left > INDEX_JOIN_ROWS_MAX ||
        left * 4 > join->right->rows_estimate) {
        return false;
    }
    return optimise_unique_key(join->right, join->right_keys, join->key_count, index);
}

/* Whether looking the right side up for each left row costs less than reading it whole; and how many rows come of the
 * join, where that is known. */
static bool join_by_index(struct optimiser *optimiser, struct plan_node *join, struct index_id *index) {
    const struct plan_node *scan = join->right;
    if (scan->kind != PLAN_SCAN) {
        return false;
    }
    bool ranged = scan->low.count > 0 || scan->high.count > 0 || scan->left != NULL;
    bool fits = sql_way_open(optimiser->context->settings, SQL_WAY_NESTLOOP) &&
                sql_way_open(optimiser->context->settings, SQL_WAY_INDEXSCAN) && join->join_type != PLAN_JOIN_RIGHT &&
                join->join_type != PLAN_JOIN_FULL && (!ranged || scan->asked != NULL) && scan->sample_percent == NULL;
    double table_rows = estimate_table(optimiser, scan);
    if (table_rows < ESTIMATE_ROWS_MIN) {
        return fits && join_by_rule(join, index);
    }
    bool indexed = false;
    double left = join->left->rows_estimate;
    double fanout = join_fanout(optimiser, join, index, &indexed);
    if (fanout < 0) {
        return fits && join_by_rule(join, index);
    }
    fanout = optimiser->lookup_rows > 0 && indexed ? optimiser->lookup_rows : fanout;
    join->rows_estimate = left * fanout * (scan->rows_estimate / table_rows);
    bool half = join->join_type == PLAN_JOIN_SEMI || join->join_type == PLAN_JOIN_ANTI;
    if (half && join->predicate == NULL && scan->predicate == NULL && fanout > 1) {
        fanout = 1; /* the first decides */
    }
    double each = PLAN_COST_LOOKUP + fanout * (index->value == 0 ? 1 : PLAN_COST_FETCH);
    bool fetches = scan->index.value != 0 || scan->left != NULL;
    double reads = !ranged ? table_rows : scan->read_estimate * (fetches ? PLAN_COST_FETCH : 1);
    return fits && indexed && left * each < reads;
}

/* Left rows of a semi join that find a partner: half, or fewer where the right side's own conditions leave fewer. */
static double half_share(struct optimiser *optimiser, const struct plan_node *join) {
    const struct plan_node *below = join->right;
    while (below->kind == PLAN_PROJECT || below->kind == PLAN_FILTER) {
        below = below->left;
    }
    double table_rows = below->kind == PLAN_SCAN ? estimate_table(optimiser, below) : -1;
    double share = table_rows < ESTIMATE_ROWS_MIN ? 1 : join->right->rows_estimate / table_rows;
    return share < 0.5 ? share : 0.5;
}

/* The scan's own way, be it a range, a bitmap or an index of some rows only, gives way to lookups in this index. */
static void own_way_drop(struct plan_node *scan, struct index_id index) {
    bool partial = access_is_partial(scan);
    scan->index = index;
    if (partial || scan->low.count > 0 || scan->high.count > 0 || scan->left != NULL) {
        scan->low = (struct plan_bound){0};
        scan->high = (struct plan_bound){0};
        scan->left = NULL;
        scan->recheck = NULL;
        scan->predicate = scan->asked;
    }
}

void optimise_join_strategy(struct optimiser *optimiser, struct plan_node *join, const struct conditions *conditions) {
    uint32_t split = join->left->column_count;
    struct conditions rest = {0};
    join->left_keys = sql_alloc(optimiser->context, (conditions->count + 1) * sizeof(*join->left_keys));
    join->right_keys = sql_alloc(optimiser->context, (conditions->count + 1) * sizeof(*join->right_keys));
    join->key_count = 0;
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        int sides[2] = {2, 2};
        if (region_is_equality(condition) && !optimise_is_volatile(condition) &&
            condition->arguments[0]->type.id == condition->arguments[1]->type.id) {
            sides[0] = key_side(optimiser, condition->arguments[0], split, join->column_count);
            sides[1] = key_side(optimiser, condition->arguments[1], split, join->column_count);
        }
        if (sides[0] + sides[1] == 1 && sides[0] != 2 && sides[1] != 2) {
            join->left_keys[join->key_count] = condition->arguments[sides[0] == 0 ? 0 : 1];
            join->right_keys[join->key_count] =
                key_of_right(optimiser, condition->arguments[sides[0] == 0 ? 1 : 0], join);
            join->key_count++;
        } else {
            conditions_add(optimiser, &rest, condition);
        }
    }
    join->predicate = conditions_join(optimiser, &rest);
    double left = join->left->rows_estimate;
    double right = join->right->rows_estimate;
    struct index_id index = {0};
    join->join_strategy = join->key_count > 0 ? PLAN_JOIN_HASH : PLAN_JOIN_NESTED;
    join->rows_estimate = join->key_count == 0 ? left * right : left > right ? left : right;
    if (join->key_count > 0 && join->right->kind == PLAN_SCAN &&
        optimise_unique_key(join->right, join->right_keys, join->key_count, &index)) {
        join->rows_estimate = left;
    }
    if (join->key_count > 0 && join_by_index(optimiser, join, &index)) {
        join->join_strategy = PLAN_JOIN_INDEX;
        own_way_drop(join->right, index);
    }
    join->rows_estimate = rest.count > 0 ? join->rows_estimate * 0.33 : join->rows_estimate;
    if (join->join_type == PLAN_JOIN_SEMI || join->join_type == PLAN_JOIN_ANTI) {
        double share = half_share(optimiser, join);
        join->rows_estimate = left * (join->join_type == PLAN_JOIN_SEMI ? share : 1 - share);
    }
}
