/*
 * How a scan reads its table, and which ORDER BY it satisfies by itself.
 *
 * A condition "column op value", with a value that reads no column, can bound a range of the primary key or of an
 * index: equalities on its leading columns, then one range. The choice is by rule: ten for an equality, five for a
 * range, more for a unique key found whole; the primary key wins a tie, since its rows need no second lookup. For a
 * table of some size it is by cost instead: rows in order against rows fetched one by one (estimate.c). What the range
 * implies is dropped from the filter; a bound that lets NULLs in keeps its condition.
 *
 * Order: the key order of a scan, through filters, projections of plain columns and the left side of joins (which keep
 * their left order), makes a SORT needless when the sort keys are the next columns of that order, all in its direction
 * or all against it.
 */
#include "base/assert.h"
#include "sql/plan/access.h"

static void sargs_add(struct optimiser *optimiser, struct sargs *sargs, struct sarg sarg) {
    if (sargs->count == sargs->capacity) {
        uint32_t capacity = sargs->capacity == 0 ? 8 : sargs->capacity * 2;
        struct sarg *grown = sql_alloc(optimiser->context, capacity * sizeof(*grown));
        if (sargs->count > 0) {
            memcpy(grown, sargs->list, sargs->count * sizeof(*grown));
        }
        sargs->list = grown;
        sargs->capacity = capacity;
    }
    sargs->list[sargs->count++] = sarg;
}

static const struct column_definition *scan_column(const struct plan_node *scan, uint32_t output) {
    return catalogue_column(scan->catalogue, scan->table, scan->scan_columns[output]);
}

static bool operator_kind(const char *name, enum sarg_kind *kind) {
    static const struct {
        const char *name;
        enum sarg_kind kind;
    } kinds[] = {
        {"=", SARG_EQUAL}, {"<", SARG_LESS}, {"<=", SARG_LESS_EQUAL}, {">", SARG_GREATER}, {">=", SARG_GREATER_EQUAL}};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static enum sarg_kind kind_turned(enum sarg_kind kind) {
    switch (kind) {
    case SARG_LESS:
        return SARG_GREATER;
    case SARG_LESS_EQUAL:
        return SARG_GREATER_EQUAL;
    case SARG_GREATER:
        return SARG_LESS;
    case SARG_GREATER_EQUAL:
        return SARG_LESS_EQUAL;
    case SARG_EQUAL:
        break;
    }
    return kind;
}

/* A column, or one under a cast that keeps value and order: varchar read as text, an integer as a wider one. */
static const struct expr *plain_column(const struct expr *expr) {
    if (expr->kind == EXPR_COLUMN) {
        return expr;
    }
    if (expr->kind == EXPR_CALL && expr->function->class == SQL_FUNCTION_CAST &&
        expr->arguments[0]->kind == EXPR_COLUMN) {
        enum type_id from = expr->arguments[0]->type.id;
        bool text = from == TYPE_VARCHAR && expr->type.id == TYPE_TEXT;
        bool integer = type_is_integer(from) && type_is_integer(expr->type.id) &&
                       type_integer_min(expr->type.id) <= type_integer_min(from);
        return text || integer ? expr->arguments[0] : NULL;
    }
    return NULL;
}

/* What a condition bounds. */
struct sarg_target {
    struct column_id column;
    struct type type;
    bool not_null;
};

/* The expression over the table's columns by their ordinals, as indexes have it. */
static const struct expr *over_ordinals(struct optimiser *optimiser, const struct plan_node *scan,
                                        const struct expr *expr) {
    const struct expr **mapping = sql_alloc_zero(optimiser->context, scan->column_count + 1, sizeof(*mapping));
    for (uint32_t i = 0; i < scan->column_count; i++) {
        mapping[i] = optimise_column(optimiser, scan->scan_columns[i], scan->columns[i].type);
    }
    return expr_substitute(optimiser->context, expr, mapping, scan->column_count);
}

/* The hidden column that has the expression's value; NULL: none. */
static const struct column_definition *hidden_column(struct optimiser *optimiser, const struct plan_node *scan,
                                                     const struct expr *expr) {
    if (scan->kind != PLAN_SCAN || scan->indexed_count == 0 || expr->kind == EXPR_COLUMN || !expr_has_column(expr)) {
        return NULL;
    }
    const struct expr *own = over_ordinals(optimiser, scan, expr);
    for (uint32_t i = 0; i < scan->indexed_count; i++) {
        if (expr_equal(own, optimise_fold(optimiser, scan->indexed[i]))) {
            uint32_t visible = catalogue_column_count(scan->catalogue, scan->table);
            return catalogue_column(scan->catalogue, scan->table, visible + i);
        }
    }
    return NULL;
}

static bool sarg_target(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *expr,
                        struct sarg_target *target) {
    const struct expr *column = plain_column(expr);
    if (column != NULL) {
        const struct column_definition *definition = scan_column(scan, column->column);
        *target = (struct sarg_target){definition->id, column->type, definition->not_null};
        return true;
    }
    const struct column_definition *hidden = hidden_column(optimiser, scan, expr);
    if (hidden != NULL) {
        *target = (struct sarg_target){hidden->id, hidden->type, false};
    }
    return hidden != NULL;
}

const struct expr *access_value(struct optimiser *optimiser, const struct expr *value, enum type_id column) {
    if (value->type.id == column || (value->type.id == TYPE_TEXT && column == TYPE_VARCHAR)) {
        return value;
    }
    if (value->kind == EXPR_CONSTANT && !value->value.is_null && type_is_integer(value->type.id) &&
        type_is_integer(column) && value->value.as.integer >= type_integer_min(column) &&
        value->value.as.integer <= type_integer_max(column)) {
        struct expr *copy = sql_alloc(optimiser->context, sizeof(*copy));
        *copy = *value;
        copy->type = type_make(column);
        copy->value.type = column;
        return copy;
    }
    return NULL;
}

bool access_column(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *expr,
                   struct column_id *column, struct type *type) {
    struct sarg_target target;
    if (!sarg_target(optimiser, scan, expr, &target)) {
        return false;
    }
    *column = target.column;
    *type = target.type;
    return true;
}

static void sargs_of_comparison(struct optimiser *optimiser, const struct plan_node *scan, struct sargs *sargs,
                                const struct expr *condition, uint32_t number) {
    enum sarg_kind kind;
    if (condition->function->class != SQL_FUNCTION_OPERATOR || condition->argument_count != 2 ||
        !operator_kind(condition->function->name, &kind)) {
        return;
    }
    for (int side = 0; side < 2; side++) {
        struct sarg_target target;
        const struct expr *value = condition->arguments[1 - side];
        if (expr_has_column(value) || !sarg_target(optimiser, scan, condition->arguments[side], &target)) {
            continue;
        }
        value = access_value(optimiser, value, target.type.id);
        if (value != NULL) {
            sargs_add(optimiser, sargs,
                      (struct sarg){.kind = side == 0 ? kind : kind_turned(kind),
                                    .column = target.column,
                                    .not_null = target.not_null,
                                    .value = value,
                                    .condition = number,
                                    .exact = true});
        }
        return;
    }
}

/* column IN (constants): from the least to the greatest of them; exact when there is one. */
static void sargs_of_list(struct optimiser *optimiser, const struct plan_node *scan, struct sargs *sargs,
                          const struct expr *condition, uint32_t number) {
    struct sarg_target target;
    if (condition->negated || !sarg_target(optimiser, scan, condition->arguments[0], &target)) {
        return;
    }
    const struct expr *least = NULL;
    const struct expr *greatest = NULL;
    for (uint32_t i = 1; i < condition->argument_count; i++) {
        const struct expr *value = condition->arguments[i];
        value = value->kind == EXPR_CONSTANT && !value->value.is_null ? access_value(optimiser, value, target.type.id)
                                                                      : NULL;
        if (value == NULL) {
            return;
        }
        least = least == NULL || value_compare(&value->value, &least->value) < 0 ? value : least;
        greatest = greatest == NULL || value_compare(&value->value, &greatest->value) > 0 ? value : greatest;
    }
    if (least == NULL) {
        return;
    }
    struct sarg sarg = {.column = target.column, .not_null = target.not_null, .condition = number};
    if (condition->argument_count == 2) {
        sarg.kind = SARG_EQUAL;
        sarg.value = least;
        sarg.exact = true;
        sargs_add(optimiser, sargs, sarg);
        return;
    }
    sarg.kind = SARG_GREATER_EQUAL;
    sarg.value = least;
    sargs_add(optimiser, sargs, sarg);
    sarg.kind = SARG_LESS_EQUAL;
    sarg.value = greatest;
    sargs_add(optimiser, sargs, sarg);
}

/* column LIKE 'abc%': from 'abc' to before 'abd', for text is ordered bytewise. */
static void sargs_of_like(struct optimiser *optimiser, const struct plan_node *scan, struct sargs *sargs,
                          const struct expr *condition, uint32_t number) {
    if (condition->argument_count != 2 || strcmp(condition->function->name, "~~") != 0) {
        return;
    }
    struct sarg_target target;
    const struct expr *pattern = condition->arguments[1];
    if (!sarg_target(optimiser, scan, condition->arguments[0], &target) ||
        (target.type.id != TYPE_TEXT && target.type.id != TYPE_VARCHAR) || pattern->kind != EXPR_CONSTANT ||
        pattern->value.is_null) {
        return;
    }
    struct slice text = pattern->value.as.bytes;
    size_t length = 0;
    while (length < text.length && text.bytes[length] != '%' && text.bytes[length] != '_' &&
           text.bytes[length] != '\\') {
        length++;
    }
    if (length == 0 || (text.bytes[length - 1] & 0x80u) != 0) {
        return; /* the successor of a character of several bytes is not the successor of its last byte */
    }
    uint8_t *high = sql_alloc(optimiser->context, length);
    memcpy(high, text.bytes, length);
    high[length - 1]++; /* an ASCII byte: at most 0x80, which is no text but only a bound */
    struct sarg sarg = {
        .column = target.column, .not_null = target.not_null, .condition = number, .kind = SARG_GREATER_EQUAL};
    struct expr *low_value = sql_alloc_zero(optimiser->context, 1, sizeof(*low_value));
    low_value->kind = EXPR_CONSTANT;
    low_value->type = type_make(target.type.id);
    low_value->value = value_bytes(target.type.id, slice_make(text.bytes, length));
    struct expr *high_value = sql_alloc(optimiser->context, sizeof(*high_value));
    *high_value = *low_value;
    high_value->value = value_bytes(target.type.id, slice_make(high, length));
    sarg.value = low_value;
    sargs_add(optimiser, sargs, sarg);
    if (high[length - 1] < 0x80) {
        sarg.kind = SARG_LESS;
        sarg.value = high_value;
        sargs_add(optimiser, sargs, sarg);
    }
}

void access_sargs(struct optimiser *optimiser, const struct plan_node *scan, struct sargs *sargs,
                  const struct conditions *conditions) {
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        if (condition->kind == EXPR_CALL) {
            sargs_of_comparison(optimiser, scan, sargs, condition, i);
            sargs_of_like(optimiser, scan, sargs, condition, i);
        } else if (condition->kind == EXPR_IN_LIST) {
            sargs_of_list(optimiser, scan, sargs, condition, i);
        }
    }
}

/* --- one candidate: the primary key or an index --- */

/* A tighter bound of two constants; a bound of unknown value counts as it comes. */
static const struct sarg *tighter(const struct sarg *a, const struct sarg *b, bool above) {
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (a->value->kind != EXPR_CONSTANT || b->value->kind != EXPR_CONSTANT || a->value->value.is_null ||
        b->value->value.is_null) {
        return a;
    }
    int order = value_compare(&a->value->value, &b->value->value);
    if (order == 0) {
        bool a_open = a->kind == SARG_GREATER || a->kind == SARG_LESS;
        return a_open ? a : b;
    }
    return (order > 0) == above ? a : b;
}

static void candidate_measure(const struct sargs *sargs, struct candidate *candidate) {
    for (uint32_t part = 0; part < candidate->part_count; part++) {
        const struct sarg *equal = NULL;
        for (uint32_t i = 0; i < sargs->count; i++) {
            const struct sarg *sarg = &sargs->list[i];
            if (!column_id_equal(sarg->column, candidate->parts[part].column)) {
                continue;
            }
            if (sarg->kind == SARG_EQUAL) {
                equal = equal == NULL ? sarg : equal;
            } else if (sarg->kind == SARG_GREATER || sarg->kind == SARG_GREATER_EQUAL) {
                candidate->above = tighter(candidate->above, sarg, true);
            } else {
                candidate->below = tighter(candidate->below, sarg, false);
            }
        }
        if (equal == NULL) {
            break;
        }
        candidate->above = NULL;
        candidate->below = NULL;
        candidate->equal[candidate->equal_count++] = equal;
    }
    candidate->score = candidate->equal_count * 10;
    candidate->score += candidate->above != NULL || candidate->below != NULL ? 5 : 0;
    if (candidate->unique && candidate->equal_count == candidate->part_count) {
        candidate->score += 1000;
    }
}

static void bound_fill(struct optimiser *optimiser, const struct candidate *candidate, const struct sarg *range,
                       struct plan_bound *bound) {
    uint32_t count = candidate->equal_count + (range != NULL ? 1 : 0);
    *bound = (struct plan_bound){.count = count, .inclusive = true};
    bound->values = sql_alloc(optimiser->context, (count + 1) * sizeof(*bound->values));
    for (uint32_t i = 0; i < candidate->equal_count; i++) {
        bound->values[i] = candidate->equal[i]->value;
    }
    if (range != NULL) {
        bound->values[candidate->equal_count] = range->value;
        bound->inclusive = range->kind == SARG_GREATER_EQUAL || range->kind == SARG_LESS_EQUAL;
    }
}

void access_bounds(struct optimiser *optimiser, const struct candidate *candidate, struct plan_bound *low,
                   struct plan_bound *high) {
    bool descending =
        candidate->equal_count < candidate->part_count && candidate->parts[candidate->equal_count].descending;
    bound_fill(optimiser, candidate, descending ? candidate->below : candidate->above, low);
    bound_fill(optimiser, candidate, descending ? candidate->above : candidate->below, high);
}

static void candidate_take(struct optimiser *optimiser, struct plan_node *scan, const struct candidate *candidate,
                           bool *implied) {
    scan->index = candidate->index;
    if (candidate->score == 0) {
        return;
    }
    access_bounds(optimiser, candidate, &scan->low, &scan->high);
    for (uint32_t i = 0; i < candidate->equal_count; i++) {
        implied[candidate->equal[i]->condition] = candidate->equal[i]->exact;
    }
    /* NULL stands above every value in the order, so only an upper bound keeps it out. */
    const struct sarg *range = candidate->above != NULL ? candidate->above : candidate->below;
    if (range != NULL && (candidate->below != NULL || range->not_null)) {
        if (candidate->above != NULL && candidate->above->exact) {
            implied[candidate->above->condition] = true;
        }
        if (candidate->below != NULL && candidate->below->exact) {
            implied[candidate->below->condition] = true;
        }
    }
    double share = candidate->score >= 1000 ? 0 : 1;
    for (uint32_t i = 0; i < candidate->equal_count; i++) {
        share *= 0.05;
    }
    share *= candidate->above != NULL && candidate->below != NULL ? 0.1 : range != NULL ? 0.33 : 1;
    scan->rows_estimate = scan->rows_estimate * share < 1 ? 1 : scan->rows_estimate * share;
}

static double filter_share(const struct expr *condition) {
    bool equal = condition->kind == EXPR_CALL && strcmp(condition->function->name, "=") == 0;
    return equal ? 0.05 : condition->kind == EXPR_IN_LIST ? 0.2 : 0.33;
}

/* --- by cost --- */

#define COST_FORBIDDEN 1e10 /* as PostgreSQL: only where there is no other way */

double access_rows(struct optimiser *optimiser, const struct plan_node *scan, const struct candidate *candidate,
                   double table_rows) {
    if (candidate->score >= 1000) {
        return 1;
    }
    struct plan_bound low;
    struct plan_bound high;
    access_bounds(optimiser, candidate, &low, &high);
    double rows = estimate_range(optimiser, scan, candidate->index, &low, &high);
    if (rows >= 0) {
        return rows < 1 ? 1 : rows;
    }
    rows = candidate->equal_count == 0
               ? table_rows
               : estimate_index_fanout(optimiser, scan, candidate->index, candidate->equal_count);
    if (rows < 0) {
        rows = table_rows * 0.05;
    }
    bool range = candidate->above != NULL || candidate->below != NULL;
    bool both = candidate->above != NULL && candidate->below != NULL;
    return rows * (both ? 0.005 : range ? 0.33 : 1); /* as PostgreSQL guesses of bounds that are not known yet */
}

/* In rows read in order: what a range of the key costs, and what rows fetched one by one through an index do. */
static double candidate_cost(const struct candidate *candidate, double rows) {
    return candidate->index.value == 0 ? rows : PLAN_COST_LOOKUP + rows * PLAN_COST_FETCH;
}

/* The share of rows that pass all conditions: those that can be tried on a sample together, the others by guess. */
static double conditions_share(struct optimiser *optimiser, const struct plan_node *scan,
                               const struct conditions *conditions) {
    struct conditions tried = {0};
    double guessed = 1;
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = estimate_valued(optimiser, conditions->list[i]);
        if (optimise_is_known(condition)) {
            conditions_add(optimiser, &tried, condition);
        } else {
            guessed *= filter_share(conditions->list[i]);
        }
    }
    double share = tried.count == 0 ? 1 : estimate_share(optimiser, scan, conditions_join(optimiser, &tried));
    if (share < 0) { /* no sample */
        share = 1;
        for (uint32_t i = 0; i < tried.count; i++) {
            share *= filter_share(tried.list[i]);
        }
    }
    return share * guessed;
}

/* The cheapest of the table's orders for these conditions, and how many rows its range holds; a scan of the whole table
 * is one of them. False: the table is small, or not known; the rules choose. */
static bool access_by_cost(struct optimiser *optimiser, struct plan_node *scan, const struct conditions *conditions,
                           const struct candidate *candidates, uint32_t count, struct candidate *best, double *rows,
                           struct bitmap_choice *bitmap) {
    const struct sql_settings *settings = optimiser->context->settings;
    bool forbidden = !sql_way_open(settings, SQL_WAY_SEQSCAN);
    double table_rows = scan->rows_estimate;
    if (conditions->count == 0 || (table_rows < ESTIMATE_ROWS_MIN && !forbidden) || optimiser->estimator.view == NULL) {
        return false;
    }
    *best = (struct candidate){.parts = scan->table->primary_key, .part_count = scan->table->primary_key_count};
    double best_cost = forbidden ? COST_FORBIDDEN : table_rows;
    *rows = table_rows;
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].score == 0) {
            continue;
        }
        double met = access_rows(optimiser, scan, &candidates[i], table_rows);
        double cost = candidate_cost(&candidates[i], met);
        if (cost < best_cost) {
            best_cost = cost;
            *best = candidates[i];
            *rows = met;
        }
    }
    if (sql_way_open(settings, SQL_WAY_BITMAPSCAN) && scan->kind == PLAN_SCAN && scan->sample_percent == NULL &&
        scan->current_of == NULL) {
        *bitmap = bitmap_choose(optimiser, scan, conditions, table_rows);
        if (bitmap->bitmap != NULL && bitmap->cost >= best_cost) {
            bitmap->bitmap = NULL;
        }
    }
    return true;
}

/* The scan reads the rows that the bitmap names. Its conditions are asked of them again: where a range says less than
 * its condition, and where there are too many rows to be remembered and the table is read whole. */
static void bitmap_take(struct optimiser *optimiser, struct plan_node *scan, const struct conditions *conditions,
                        const struct bitmap_choice *bitmap, bool *implied) {
    struct conditions recheck = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        implied[i] = bitmap->covered[i];
        if (implied[i]) {
            conditions_add(optimiser, &recheck, conditions->list[i]);
        }
    }
    scan->left = bitmap->bitmap;
    scan->recheck = conditions_join(optimiser, &recheck);
}

/* Whether the conditions say what the index's own one says: each part of that is one of them. With `implied`, those are
 * marked. */
static bool index_implied(struct optimiser *optimiser, const struct plan_node *scan,
                          const struct index_definition *index, const struct conditions *conditions, bool *implied) {
    uint32_t visible = catalogue_column_count(scan->catalogue, scan->table);
    uint16_t ordinal = catalogue_column_ordinal(scan->catalogue, scan->table, index->filter);
    struct conditions parts = {0};
    if (scan->kind != PLAN_SCAN || ordinal < visible || ordinal - visible >= scan->indexed_count) {
        return false;
    }
    conditions_split(optimiser, &parts, optimise_fold(optimiser, scan->indexed[ordinal - visible]));
    for (uint32_t i = 0; i < parts.count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < conditions->count; k++) {
            if (expr_equal(parts.list[i], over_ordinals(optimiser, scan, conditions->list[k]))) {
                found = true;
                if (implied != NULL) {
                    implied[k] = true;
                }
            }
        }
        if (!found) {
            return false;
        }
    }
    return parts.count > 0;
}

bool access_is_partial(const struct plan_node *scan) {
    const struct index_definition *index = definition_index_of_id(scan->table, scan->index);
    return index != NULL && index->filter.value != 0;
}

struct candidate *access_candidates(struct optimiser *optimiser, const struct plan_node *scan,
                                    const struct sargs *sargs, const struct conditions *conditions, uint32_t *count) {
    const struct table_definition *table = scan->table;
    struct candidate *all = sql_alloc(optimiser->context, (table->index_count + 1u) * sizeof(*all));
    *count = 0;
    for (uint32_t i = 0; i <= table->index_count; i++) {
        const struct index_definition *index = i == 0 ? NULL : &table->indexes[i - 1];
        bool partial = index != NULL && index->filter.value != 0;
        if (index != NULL &&
            (index->state != INDEX_READY || (partial && !index_implied(optimiser, scan, index, conditions, NULL)))) {
            continue;
        }
        struct candidate candidate = {.parts = table->primary_key,
                                      .part_count = table->primary_key_count,
                                      .unique = table->primary_key_count > 0};
        if (index != NULL) {
            candidate = (struct candidate){
                .index = index->id, .parts = index->parts, .part_count = index->part_count, .unique = index->unique};
        }
        candidate_measure(sargs, &candidate);
        candidate.score += partial ? 3 : 0; /* it has fewer rows than the table */
        all[(*count)++] = candidate;
    }
    return all;
}

/* By rule: the one that says most; the primary key wins a tie, then the one with fewer columns. */
static struct candidate access_by_rule(const struct candidate *all, uint32_t count) {
    struct candidate best = all[0];
    for (uint32_t i = 1; i < count; i++) {
        bool fewer = all[i].score == best.score && all[i].score > 0 && best.index.value != 0 &&
                     all[i].part_count < best.part_count;
        if (all[i].score > best.score || fewer) {
            best = all[i];
        }
    }
    return best;
}

static bool visit_no_parameter(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_PARAMETER;
}

void optimise_access(struct optimiser *optimiser, struct plan_node *scan, const struct conditions *conditions) {
    struct sargs sargs = {0};
    scan->asked = conditions_join(optimiser, conditions);
    access_sargs(optimiser, scan, &sargs, conditions);
    const struct table_definition *table = scan->table;
    const struct sql_settings *settings = optimiser->context->settings;
    uint32_t count = 0;
    struct candidate *all = access_candidates(optimiser, scan, &sargs, conditions, &count);
    for (uint32_t i = 0; i < count && !sql_way_open(settings, SQL_WAY_INDEXSCAN); i++) {
        all[i].score = 0;
    }
    struct candidate best = access_by_rule(all, count);
    double rows = 0;
    struct bitmap_choice bitmap = {.bitmap = NULL};
    bool costed = access_by_cost(optimiser, scan, conditions, all, count, &best, &rows, &bitmap);
    bool *implied = sql_alloc_zero(optimiser->context, conditions->count + 1, sizeof(*implied));
    if (bitmap.bitmap != NULL) {
        bitmap_take(optimiser, scan, conditions, &bitmap, implied);
        rows = bitmap.rows;
    } else {
        candidate_take(optimiser, scan, &best, implied);
    }
    const struct index_definition *taken = definition_index_of_id(table, scan->index);
    if (taken != NULL && taken->filter.value != 0) {
        (void)index_implied(optimiser, scan, taken, conditions, implied);
    }
    scan->read_estimate = costed ? rows : scan->rows_estimate;
    bool one = best.score >= 1000 && bitmap.bitmap == NULL; /* a unique key, whole */
    scan->by_value = !one && scan->asked != NULL && !expr_walk(scan->asked, visit_no_parameter, NULL);
    struct conditions rest = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        if (!implied[i]) {
            conditions_add(optimiser, &rest, conditions->list[i]);
            scan->rows_estimate *= filter_share(conditions->list[i]);
        }
    }
    scan->rows_estimate = costed ? rows * conditions_share(optimiser, scan, &rest) : scan->rows_estimate;
    scan->rows_estimate = scan->rows_estimate < 1 ? 1 : scan->rows_estimate;
    optimise_rank(optimiser, scan, costed, &rest);
    scan->predicate = conditions_join(optimiser, &rest);
}

struct columns_below {
    uint32_t limit;
};

static bool visit_columns_below(const struct expr *node, void *context) {
    return node->kind != EXPR_COLUMN || node->column < ((const struct columns_below *)context)->limit;
}

void optimise_history_access(struct optimiser *optimiser, struct plan_node *history,
                             const struct conditions *conditions) {
    if (history->table->keys_since.value != 0) {
        return; /* old versions stand under other keys */
    }
    struct columns_below below = {.limit = catalogue_column_count(history->catalogue, history->table)};
    struct conditions plain = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        if (!optimise_is_volatile(conditions->list[i]) && expr_walk(conditions->list[i], visit_columns_below, &below)) {
            conditions_add(optimiser, &plain, conditions->list[i]);
        }
    }
    struct sargs sargs = {0};
    access_sargs(optimiser, history, &sargs, &plain);
    struct candidate key = {.parts = history->table->primary_key, .part_count = history->table->primary_key_count};
    candidate_measure(&sargs, &key);
    bool *implied = sql_alloc_zero(optimiser->context, plain.count + 1, sizeof(*implied));
    candidate_take(optimiser, history, &key, implied); /* the conditions stay in the filter above */
}

/* --- unique keys --- */

static bool parts_covered(const struct plan_node *scan, const struct key_part *parts, uint32_t part_count,
                          const struct expr *const *keys, uint32_t key_count) {
    for (uint32_t i = 0; i < part_count; i++) {
        bool covered = false;
        for (uint32_t k = 0; k < key_count; k++) {
            covered = covered || (keys[k]->kind == EXPR_COLUMN &&
                                  column_id_equal(scan_column(scan, keys[k]->column)->id, parts[i].column));
        }
        if (!covered) {
            return false;
        }
    }
    return part_count > 0;
}

bool optimise_unique_key(const struct plan_node *scan, const struct expr *const *keys, uint32_t key_count,
                         struct index_id *index) {
    *index = (struct index_id){0};
    if (parts_covered(scan, scan->table->primary_key, scan->table->primary_key_count, keys, key_count)) {
        return true;
    }
    for (uint32_t i = 0; i < scan->table->index_count; i++) {
        const struct index_definition *candidate = &scan->table->indexes[i];
        if (candidate->unique && candidate->state == INDEX_READY && candidate->filter.value == 0 &&
            parts_covered(scan, candidate->parts, candidate->part_count, keys, key_count)) {
            *index = candidate->id;
            return true;
        }
    }
    return false;
}

/* --- order --- */

static void scan_order(const struct plan_node *scan, struct index_id id, const struct key_part **parts, uint32_t *count,
                       bool *unique) {
    *parts = scan->table->primary_key;
    *count = scan->table->primary_key_count;
    *unique = *count > 0;
    for (uint32_t i = 0; id.value != 0 && i < scan->table->index_count; i++) {
        if (index_id_equal(scan->table->indexes[i].id, id)) {
            *parts = scan->table->indexes[i].parts;
            *count = scan->table->indexes[i].part_count;
            *unique = scan->table->indexes[i].unique;
        }
    }
}

/* How many leading columns of the order have one value throughout the scan. */
static uint32_t scan_fixed(const struct plan_node *scan) {
    uint32_t fixed = 0;
    while (fixed < scan->low.count && fixed < scan->high.count && scan->low.values[fixed] == scan->high.values[fixed]) {
        fixed++;
    }
    return fixed;
}

static bool parts_not_null(const struct plan_node *scan, const struct key_part *parts, uint32_t part_count) {
    for (uint32_t i = 0; i < part_count; i++) {
        uint16_t ordinal = catalogue_column_ordinal(scan->catalogue, scan->table, parts[i].column);
        if (!catalogue_column(scan->catalogue, scan->table, ordinal)->not_null) {
            return false;
        }
    }
    return part_count > 0;
}

/* Whether the order of `id` gives the sort keys (columns of the scan's output); *reverse: read backwards. */
static bool order_gives(const struct plan_node *scan, struct index_id id, const struct plan_sort_key *keys,
                        const uint32_t *columns, uint32_t key_count, uint32_t fixed, bool *reverse) {
    const struct key_part *parts;
    uint32_t part_count;
    bool unique;
    scan_order(scan, id, &parts, &part_count, &unique);
    uint32_t part = 0;
    bool known = false;
    for (uint32_t k = 0; k < key_count; k++) {
        const struct column_definition *column = scan_column(scan, columns[k]);
        bool skip = false;
        for (uint32_t i = 0; i < part_count && i < fixed; i++) {
            skip = skip || column_id_equal(parts[i].column, column->id); /* one value: any order is its order */
        }
        if (skip) {
            continue;
        }
        part = part < fixed ? fixed : part;
        if (part == part_count) {
            return unique && parts_not_null(scan, parts, part_count); /* a whole key: nothing left to order */
        }
        if (!column_id_equal(parts[part].column, column->id)) {
            return false;
        }
        bool backwards = keys[k].descending != parts[part].descending;
        bool nulls_fit = column->not_null || keys[k].nulls_first == keys[k].descending;
        if ((known && backwards != *reverse) || !nulls_fit) {
            return false;
        }
        *reverse = backwards;
        known = true;
        part++;
    }
    if (!known) {
        *reverse = false;
    }
    return true;
}

/* What drives a plan's order, a scan or a SORT, and for each column of the plan's row its column there. *relied: a
 * merge join lies between, so that the order must stay as it is. */
static struct plan_node *order_source(struct plan_node *node, uint32_t *columns, uint32_t count, bool *relied) {
    *relied = false;
    for (;;) {
        switch (node->kind) {
        case PLAN_SCAN:
        case PLAN_SORT:
            return node;
        case PLAN_FILTER: /* but no LIMIT: which rows it lets through is by the order below it */
            node = node->left;
            break;
        case PLAN_JOIN:
            if (node->join_type == PLAN_JOIN_RIGHT || node->join_type == PLAN_JOIN_FULL) {
                return NULL;
            }
            *relied = *relied || node->join_strategy == PLAN_JOIN_MERGE;
            for (uint32_t i = 0; i < count; i++) {
                if (columns[i] >= node->left->column_count) {
                    return NULL;
                }
            }
            node = node->left;
            break;
        case PLAN_PROJECT:
            for (uint32_t i = 0; i < count; i++) {
                const struct expr *expr = node->expressions[columns[i]];
                if (expr->kind != EXPR_COLUMN) {
                    return NULL;
                }
                columns[i] = expr->column;
            }
            node = node->left;
            break;
        default:
            return NULL;
        }
    }
}

/* Whether the SORT begins with these keys. */
static bool sort_gives(const struct plan_node *sort, const struct plan_sort_key *keys, const uint32_t *columns,
                       uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_sort_key *own = i < sort->sort_key_count ? &sort->sort_keys[i] : NULL;
        if (own == NULL || own->expr->kind != EXPR_COLUMN || own->expr->column != columns[i] ||
            own->descending != keys[i].descending || own->nulls_first != keys[i].nulls_first) {
            return false;
        }
    }
    return true;
}

bool access_in_order(struct optimiser *optimiser, struct plan_node *node, const uint32_t *columns, uint32_t count,
                     bool *descending) {
    uint32_t *own = sql_alloc(optimiser->context, (count + 1) * sizeof(*own));
    struct plan_sort_key *keys = sql_alloc_zero(optimiser->context, count + 1, sizeof(*keys));
    bool relied = false;
    bool reverse = false;
    memcpy(own, columns, count * sizeof(*own));
    *descending = false;
    const struct plan_node *source = order_source(node, own, count, &relied);
    if (source == NULL || source->kind == PLAN_SORT) {
        return source != NULL && sort_gives(source, keys, own, count);
    }
    bool given = order_gives(source, source->index, keys, own, count, scan_fixed(source), &reverse);
    *descending = reverse != source->reverse;
    return given;
}

/* The node without its SORT where the scan below can be read in order. */
static struct plan_node *order_drop(struct optimiser *optimiser, struct plan_node *sort, bool limited) {
    uint32_t *columns = sql_alloc(optimiser->context, (sort->sort_key_count + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < sort->sort_key_count; i++) {
        if (sort->sort_keys[i].expr->kind != EXPR_COLUMN) {
            return sort;
        }
        columns[i] = sort->sort_keys[i].expr->column;
    }
    bool relied = false;
    struct plan_node *scan = order_source(sort->left, columns, sort->sort_key_count, &relied);
    if (scan == NULL || scan->kind == PLAN_SORT) {
        bool given = scan != NULL && sort_gives(scan, sort->sort_keys, columns, sort->sort_key_count);
        return given ? sort->left : sort;
    }
    bool reverse = false;
    uint32_t fixed = scan_fixed(scan);
    if (order_gives(scan, scan->index, sort->sort_keys, columns, sort->sort_key_count, fixed, &reverse) &&
        (!relied || reverse == scan->reverse)) {
        scan->reverse = reverse;
        return sort->left;
    }
    /* Another index reads every row by a second lookup: worth it when few are wanted. */
    bool free_choice = !relied && scan->low.count == 0 && scan->high.count == 0 && scan->left == NULL &&
                       sql_way_open(optimiser->context->settings, SQL_WAY_INDEXSCAN);
    for (uint32_t i = 0; limited && free_choice && i < scan->table->index_count; i++) {
        const struct index_definition *index = &scan->table->indexes[i];
        reverse = false;
        if (index->state == INDEX_READY && index->filter.value == 0 &&
            order_gives(scan, index->id, sort->sort_keys, columns, sort->sort_key_count, 0, &reverse)) {
            scan->predicate = access_is_partial(scan) ? scan->asked : scan->predicate;
            scan->index = index->id;
            scan->reverse = reverse;
            return sort->left;
        }
    }
    return sort;
}

static bool limit_constant(const struct expr *expr, uint64_t *value) {
    *value = 0;
    if (expr == NULL) {
        return true;
    }
    if (expr->kind != EXPR_CONSTANT || expr->value.is_null || expr->value.as.integer < 0) {
        return false;
    }
    *value = (uint64_t)expr->value.as.integer;
    return true;
}

static struct plan_node *order_walk(struct optimiser *optimiser, struct plan_node *node, bool limited,
                                    uint64_t limit_hint) {
    if (node->kind == PLAN_LIMIT) {
        uint64_t limit = 0;
        uint64_t offset = 0;
        bool known =
            node->limit != NULL && limit_constant(node->limit, &limit) && limit_constant(node->offset, &offset);
        known = known && node->sort_key_count == 0; /* WITH TIES: who knows how many */
        uint64_t hint = known && limit <= UINT32_MAX && offset <= UINT32_MAX ? limit + offset : 0;
        node->left = order_walk(optimiser, node->left, node->limit != NULL, hint);
    } else if (node->kind == PLAN_PROJECT) {
        node->left = order_walk(optimiser, node->left, limited, limit_hint);
    } else if (node->kind == PLAN_SORT) {
        node->left = order_walk(optimiser, node->left, false, 0);
        struct plan_node *kept = order_drop(optimiser, node, limited);
        if (kept == node) {
            node->limit_hint = limit_hint;
        }
        return kept;
    } else {
        if (node->left != NULL) {
            node->left = order_walk(optimiser, node->left, false, 0);
        }
        if (node->right != NULL) {
            node->right = order_walk(optimiser, node->right, false, 0);
        }
    }
    return node;
}

struct plan_node *optimise_order(struct optimiser *optimiser, struct plan_node *node) {
    return order_walk(optimiser, node, false, 0);
}
