/*
 * Conditions on one table that several indexes answer together.
 *
 * `a = 1 OR b = 2` is in no one index's range, and of `a = 1 AND b = 2` each index alone may name too many rows to
 * fetch. But the keys of rows in a range of an index are cheap to come by: they are sorted and put together, those of
 * both ranges for AND, of either for OR, and only what is left is fetched (exec/bitmap.c). A list of values, `a IN (1,
 * 7, 9)`, is such an OR of one index.
 *
 * An AND takes its cheapest part and then each next one that saves more fetches than it costs, as PostgreSQL's
 * choose_bitmap_and() does. How many rows pass several conditions is seen on the table's sample where that has any,
 * else they are taken as independent.
 */
#include "base/assert.h"
#include "sql/plan/access.h"

#define ARMS_MAX       32
#define VALUES_MAX     256 /* of a list; a longer one costs more to look up than to read by */
#define VALUES_TRIED   8   /* of a list, whose rows are counted */
#define PARTS_MAX      16
#define SAMPLE_MET_MIN (3.0 / 512) /* a smaller share of a sample says nothing */

/* Ranges that name rows, and what it costs to read their keys. */
struct part {
    struct plan_node *node;
    double rows;
    double cost;
    bool *covered; /* conditions that it answers, of those it was made for */
};

static struct plan_node *bitmap_new(struct optimiser *optimiser, enum plan_kind kind, const struct plan_node *scan,
                                    struct plan_node *left, struct plan_node *right) {
    struct plan_node *node = sql_alloc_zero(optimiser->context, 1, sizeof(*node));
    node->kind = kind;
    node->catalogue = scan->catalogue;
    node->table = scan->table;
    node->columns = scan->columns; /* whose names EXPLAIN takes; none is given */
    node->left = left;
    node->right = right;
    return node;
}

/* --- one index --- */

static bool part_of_candidate(struct optimiser *optimiser, const struct plan_node *scan,
                              const struct candidate *candidate, uint32_t condition_count, double table_rows,
                              struct part *part) {
    if (candidate->equal_count == 0 && candidate->above == NULL && candidate->below == NULL) {
        return false;
    }
    struct plan_node *node = bitmap_new(optimiser, PLAN_BITMAP_INDEX, scan, NULL, NULL);
    node->index = candidate->index;
    access_bounds(optimiser, candidate, &node->low, &node->high);
    *part = (struct part){.node = node, .rows = access_rows(optimiser, scan, candidate, table_rows)};
    part->cost = PLAN_COST_LOOKUP + part->rows * PLAN_COST_ENTRY;
    part->covered = sql_alloc_zero(optimiser->context, condition_count + 1, sizeof(*part->covered));
    for (uint32_t i = 0; i < candidate->equal_count; i++) {
        part->covered[candidate->equal[i]->condition] = true;
    }
    const struct sarg *const ranges[] = {candidate->above, candidate->below};
    for (uint32_t i = 0; i < ARRAY_LENGTH(ranges); i++) {
        if (ranges[i] != NULL) {
            part->covered[ranges[i]->condition] = true;
        }
    }
    node->rows_estimate = part->rows;
    return true;
}

/* The list with its values in the column's own type; NULL: one is not. */
static struct expr *list_over_column(struct optimiser *optimiser, const struct expr *list, struct type type) {
    struct expr *made = sql_alloc(optimiser->context, sizeof(*made));
    *made = *list;
    made->arguments = sql_alloc(optimiser->context, list->argument_count * sizeof(*made->arguments));
    made->arguments[0] = optimise_column(optimiser, 0, type);
    for (uint32_t i = 1; i < list->argument_count; i++) {
        const struct expr *value = list->arguments[i];
        made->arguments[i] = expr_has_column(value) ? NULL : access_value(optimiser, value, type.id);
        if (made->arguments[i] == NULL) {
            return NULL;
        }
    }
    return made;
}

/* Rows that are equal to any of the values in the first part of an order: those of some, times as many. */
static double list_rows(struct optimiser *optimiser, const struct plan_node *scan, struct index_id index,
                        const struct expr *const *values, uint32_t count, double table_rows) {
    double sum = 0;
    uint32_t tried = 0;
    for (uint32_t i = 0; i < count && tried < VALUES_TRIED; i++, tried++) {
        const struct expr *value = values[(uint64_t)i * count / (count < VALUES_TRIED ? count : VALUES_TRIED) % count];
        struct plan_bound bound = {.values = &value, .count = 1, .inclusive = true};
        double rows = estimate_range(optimiser, scan, index, &bound, &bound);
        rows = rows >= 0 ? rows : estimate_index_fanout(optimiser, scan, index, 1);
        sum += rows >= 0 ? rows : table_rows * 0.05;
    }
    return tried == 0 ? 0 : sum / tried * count;
}

static bool part_of_list(struct optimiser *optimiser, const struct plan_node *scan, const struct candidate *candidates,
                         uint32_t candidate_count, const struct expr *list, double table_rows, struct part *part) {
    struct column_id column;
    struct type type;
    *part = (struct part){.node = NULL};
    if (list->negated || list->argument_count < 2 || list->argument_count > VALUES_MAX ||
        !access_column(optimiser, scan, list->arguments[0], &column, &type)) {
        return false;
    }
    const struct expr *shown = list_over_column(optimiser, list, type);
    for (uint32_t i = 0; shown != NULL && i < candidate_count; i++) {
        if (candidates[i].part_count == 0 || !column_id_equal(candidates[i].parts[0].column, column)) {
            continue;
        }
        uint32_t count = shown->argument_count - 1;
        double rows = list_rows(optimiser, scan, candidates[i].index, shown->arguments + 1, count, table_rows);
        double cost = count * PLAN_COST_LOOKUP + rows * PLAN_COST_ENTRY;
        if (part->node == NULL || cost < part->cost) {
            part->node = bitmap_new(optimiser, PLAN_BITMAP_INDEX, scan, NULL, NULL);
            part->node->index = candidates[i].index;
            part->node->expressions = shown->arguments + 1;
            part->node->expression_count = count;
            part->node->predicate = shown;
            part->node->rows_estimate = rows;
            part->rows = rows;
            part->cost = cost;
        }
    }
    return part->node != NULL;
}

/* --- several --- */

static bool part_of_all(struct optimiser *optimiser, const struct plan_node *scan, const struct conditions *conditions,
                        double table_rows, struct part *part);

/* Each arm must be answered. */
static bool part_of_or(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *condition,
                       double table_rows, struct part *part) {
    *part = (struct part){.node = NULL};
    if (condition->argument_count > ARMS_MAX) {
        return false;
    }
    for (uint32_t i = condition->argument_count; i > 0; i--) {
        struct conditions arm = {0};
        struct part one;
        conditions_split(optimiser, &arm, condition->arguments[i - 1]);
        if (!part_of_all(optimiser, scan, &arm, table_rows, &one)) {
            return false;
        }
        part->node = part->node == NULL ? one.node : bitmap_new(optimiser, PLAN_BITMAP_OR, scan, one.node, part->node);
        part->rows += one.rows;
        part->cost += one.cost;
        part->rows = part->rows > table_rows ? table_rows : part->rows;
        part->node->rows_estimate = part->rows;
    }
    return true;
}

static bool part_add(struct part *parts, uint32_t *count, const struct part *part) {
    uint32_t place = *count;
    if (*count == PARTS_MAX) {
        return false;
    }
    for (; place > 0 && parts[place - 1].rows > part->rows; place--) {
        parts[place] = parts[place - 1];
    }
    parts[place] = *part;
    ++*count;
    return true;
}

static bool *covers_one(struct optimiser *optimiser, uint32_t count, uint32_t condition) {
    bool *covered = sql_alloc_zero(optimiser->context, count + 1, sizeof(*covered));
    covered[condition] = true;
    return covered;
}

/* Everything that answers one of the conditions or several, few rows first. */
static uint32_t parts_collect(struct optimiser *optimiser, const struct plan_node *scan,
                              const struct conditions *conditions, double table_rows, struct part *parts) {
    struct sargs sargs = {0};
    uint32_t candidate_count = 0;
    uint32_t count = 0;
    struct part part;
    access_sargs(optimiser, scan, &sargs, conditions);
    const struct candidate *candidates = access_candidates(optimiser, scan, &sargs, conditions, &candidate_count);
    for (uint32_t i = 0; i < candidate_count; i++) {
        if (part_of_candidate(optimiser, scan, &candidates[i], conditions->count, table_rows, &part)) {
            (void)part_add(parts, &count, &part);
        }
    }
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        bool answered = condition->kind == EXPR_IN_LIST
                            ? part_of_list(optimiser, scan, candidates, candidate_count, condition, table_rows, &part)
                            : condition->kind == EXPR_OR && part_of_or(optimiser, scan, condition, table_rows, &part);
        if (answered) {
            part.covered = covers_one(optimiser, conditions->count, i);
            (void)part_add(parts, &count, &part);
        }
    }
    return count;
}

static bool overlaps(const bool *a, const bool *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (a[i] && b[i]) {
            return true;
        }
    }
    return false;
}

/* Rows that both name. */
static double rows_of_both(struct optimiser *optimiser, const struct plan_node *scan,
                           const struct conditions *conditions, const struct part *a, const struct part *b,
                           double table_rows) {
    struct conditions all = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        if (a->covered[i] || b->covered[i]) {
            conditions_add(optimiser, &all, conditions->list[i]);
        }
    }
    double share = estimate_share(optimiser, scan, conditions_join(optimiser, &all));
    double rows = share >= SAMPLE_MET_MIN ? share * table_rows : a->rows * (b->rows / table_rows);
    rows = rows < a->rows ? rows : a->rows;
    return rows < b->rows ? rows : b->rows;
}

static double cost_with_rows(const struct part *part) {
    return part->cost + part->rows * PLAN_COST_FETCH;
}

/* The cheapest way to the rows that pass all conditions, as far as indexes tell. */
static bool part_of_all(struct optimiser *optimiser, const struct plan_node *scan, const struct conditions *conditions,
                        double table_rows, struct part *part) {
    struct part parts[PARTS_MAX];
    uint32_t count = parts_collect(optimiser, scan, conditions, table_rows, parts);
    if (count == 0) {
        return false;
    }
    uint32_t first = 0;
    for (uint32_t i = 1; i < count; i++) {
        first = cost_with_rows(&parts[i]) < cost_with_rows(&parts[first]) ? i : first;
    }
    *part = parts[first];
    for (uint32_t i = 0; i < count; i++) {
        if (i == first || overlaps(part->covered, parts[i].covered, conditions->count)) {
            continue;
        }
        struct part both = {.rows = rows_of_both(optimiser, scan, conditions, part, &parts[i], table_rows),
                            .cost = part->cost + parts[i].cost};
        if (cost_with_rows(&both) >= cost_with_rows(part)) {
            continue;
        }
        both.node = bitmap_new(optimiser, PLAN_BITMAP_AND, scan, part->node, parts[i].node);
        both.node->rows_estimate = both.rows;
        both.covered = sql_alloc_zero(optimiser->context, conditions->count + 1, sizeof(*both.covered));
        for (uint32_t k = 0; k < conditions->count; k++) {
            both.covered[k] = part->covered[k] || parts[i].covered[k];
        }
        *part = both;
    }
    return true;
}

struct bitmap_choice bitmap_choose(struct optimiser *optimiser, const struct plan_node *scan,
                                   const struct conditions *conditions, double table_rows) {
    struct part part;
    struct bitmap_choice choice = {.bitmap = NULL};
    bool several = conditions->count > 1;
    for (uint32_t i = 0; i < conditions->count && !several; i++) {
        several = conditions->list[i]->kind == EXPR_OR || conditions->list[i]->kind == EXPR_IN_LIST;
    }
    if (!several || scan->table->index_count + scan->table->primary_key_count == 0 ||
        !part_of_all(optimiser, scan, conditions, table_rows, &part)) {
        return choice;
    }
    if (part.node->kind == PLAN_BITMAP_INDEX && part.node->expression_count == 0) {
        return choice; /* one range: a scan of the index does it */
    }
    choice = (struct bitmap_choice){
        .bitmap = part.node, .cost = cost_with_rows(&part), .rows = part.rows, .covered = part.covered};
    if (scan->at.kind != PLAN_AT_NONE) { /* of the past an entry is believed only when its row has been seen */
        choice.cost += part.cost / PLAN_COST_ENTRY * (PLAN_COST_FETCH - PLAN_COST_ENTRY);
    }
    return choice;
}
