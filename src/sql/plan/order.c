/*
 * The order of inner joins.
 *
 * A tree of inner and cross joins is one set of relations and one set of conditions; which relations are joined first
 * is ours to choose. Up to ten relations of some size are tried in every linear order that makes sense, up to
 * twenty-four in one from each of them (enumerate.c). Else the choice is greedy: begin with the relation that promises
 * the fewest rows, go on with the connected one (an equality between it and what is joined already) that keeps the
 * result smallest, and only when none is connected begin another component, joined across at the end. Sixty tables in a
 * comma list with equalities in WHERE so never meet in a cross product.
 *
 * Within what the conditions leave open the order of FROM is kept, so the same query always gets the same plan. The
 * columns come out in another order than the query's; a PROJECT on top puts them back.
 */
#include "base/assert.h"
#include "sql/plan/region.h"

#define IMPLIED_ARMS_MAX 32

static const struct expr *region_shift(struct optimiser *optimiser, const struct expr *condition, uint32_t by,
                                       const struct plan_node *node) {
    if (by == 0) {
        return condition;
    }
    const struct expr **mapping = sql_alloc(optimiser->context, (node->column_count + 1) * sizeof(*mapping));
    for (uint32_t i = 0; i < node->column_count; i++) {
        mapping[i] = optimise_column(optimiser, by + i, node->columns[i].type);
    }
    return expr_substitute(optimiser->context, condition, mapping, node->column_count);
}

/* Takes a tree of inner joins apart, left to right. */
static void region_collect(struct region *region, struct plan_node *node, uint32_t first) {
    struct optimiser *optimiser = region->optimiser;
    bool inner = node->kind == PLAN_JOIN && node->join_strategy != PLAN_JOIN_LATERAL &&
                 (node->join_type == PLAN_JOIN_INNER || node->join_type == PLAN_JOIN_CROSS);
    if (inner || node->kind == PLAN_FILTER) {
        if (node->predicate != NULL) {
            conditions_split(optimiser, &region->conditions, region_shift(optimiser, node->predicate, first, node));
        }
        region_collect(region, node->left, first);
        if (inner) {
            region_collect(region, node->right, first + node->left->column_count);
        }
        return;
    }
    if (region->relation_count == region->relation_capacity) {
        uint32_t capacity = region->relation_capacity == 0 ? 8 : region->relation_capacity * 2;
        struct relation *grown = sql_alloc_zero(optimiser->context, capacity, sizeof(*grown));
        if (region->relation_count > 0) {
            memcpy(grown, region->relations, region->relation_count * sizeof(*grown));
        }
        region->relations = grown;
        region->relation_capacity = capacity;
    }
    region->relations[region->relation_count++] =
        (struct relation){.node = node, .first = first, .count = node->column_count};
}

uint32_t region_relation_of(const struct region *region, uint32_t column) {
    for (uint32_t i = 0; i < region->relation_count; i++) {
        if (column >= region->relations[i].first && column < region->relations[i].first + region->relations[i].count) {
            return i;
        }
    }
    UNREACHABLE("a column of no relation");
}

/* The relations a condition reads; *only: the one, where it is one. */
static uint32_t region_touched(struct region *region, const struct expr *condition, uint64_t *set, uint32_t *only) {
    uint64_t *columns = sql_alloc_zero(region->optimiser->context, region->width / 64 + 1, sizeof(*columns));
    uint32_t count = 0;
    (void)expr_columns(condition, columns, region->width);
    for (uint32_t i = 0; i < region->width; i++) {
        if (!bitset_get(columns, i)) {
            continue;
        }
        uint32_t relation = region_relation_of(region, i);
        if (!bitset_get(set, relation)) {
            bitset_set(set, relation);
            *only = relation;
            count++;
        }
    }
    return count;
}

static const struct expr *to_relation(struct region *region, const struct expr *condition, uint32_t index) {
    struct optimiser *optimiser = region->optimiser;
    const struct relation *relation = &region->relations[index];
    const struct expr **mapping = sql_alloc_zero(optimiser->context, region->width + 1, sizeof(*mapping));
    for (uint32_t i = 0; i < relation->count; i++) {
        mapping[relation->first + i] = optimise_column(optimiser, i, relation->node->columns[i].type);
    }
    return expr_substitute(optimiser->context, condition, mapping, region->width);
}

/* The conjuncts of an arm of an OR that read only this relation; NULL: there are none. */
static const struct expr *arm_of_relation(struct region *region, const struct expr *arm, uint32_t relation) {
    struct optimiser *optimiser = region->optimiser;
    struct conditions all = {0};
    struct conditions own = {0};
    conditions_split(optimiser, &all, arm);
    for (uint32_t i = 0; i < all.count; i++) {
        uint64_t *set = sql_alloc_zero(optimiser->context, region->words, sizeof(*set));
        uint32_t only = 0;
        if (!optimise_is_volatile(all.list[i]) && region_touched(region, all.list[i], set, &only) == 1 &&
            only == relation) {
            conditions_add(optimiser, &own, all.list[i]);
        }
    }
    return conditions_join(optimiser, &own);
}

/*
 * An OR over several relations stays above their join; but what every arm asks of one relation is asked of it already
 * below, so that fewer rows come to the join.
 */
static void region_imply(struct region *region, const struct expr *condition, const uint64_t *touched) {
    struct optimiser *optimiser = region->optimiser;
    for (uint32_t relation = 0; relation < region->relation_count; relation++) {
        if (condition->kind != EXPR_OR || condition->argument_count > IMPLIED_ARMS_MAX ||
            !bitset_get(touched, relation)) {
            continue;
        }
        struct expr *implied = sql_alloc(optimiser->context, sizeof(*implied));
        *implied = *condition;
        implied->arguments = sql_alloc(optimiser->context, condition->argument_count * sizeof(*implied->arguments));
        bool every = true;
        for (uint32_t i = 0; i < condition->argument_count && every; i++) {
            implied->arguments[i] = arm_of_relation(region, condition->arguments[i], relation);
            every = implied->arguments[i] != NULL;
        }
        if (every) {
            conditions_add(optimiser, &region->relations[relation].own, to_relation(region, implied, relation));
        }
    }
}

/* Gives each relation its own conditions and keeps those that span several. */
static void region_divide(struct region *region) {
    struct optimiser *optimiser = region->optimiser;
    struct conditions all = region->conditions;
    region->conditions = (struct conditions){0};
    region->words = region->relation_count / 64 + 1;
    region->touched = sql_alloc_zero(optimiser->context, all.count + 1, sizeof(*region->touched));
    region->used = sql_alloc_zero(optimiser->context, all.count + 1, sizeof(*region->used));
    for (uint32_t i = 0; i < all.count; i++) {
        uint64_t *set = sql_alloc_zero(optimiser->context, region->words, sizeof(*set));
        uint32_t only = 0;
        uint32_t count = region_touched(region, all.list[i], set, &only);
        if (count == 0 || optimise_is_volatile(all.list[i])) {
            conditions_add(optimiser, &region->constant, all.list[i]);
        } else if (count == 1) {
            conditions_add(optimiser, &region->relations[only].own, to_relation(region, all.list[i], only));
        } else {
            region->touched[region->conditions.count] = set;
            conditions_add(optimiser, &region->conditions, all.list[i]);
            region_imply(region, all.list[i], set);
        }
    }
    for (uint32_t i = 0; i < region->relation_count; i++) {
        region->relations[i].spare = lateral_spare(optimiser, region->relations[i].node);
        region->relations[i].node = optimise_push(optimiser, region->relations[i].node, &region->relations[i].own);
    }
}

/* --- choosing --- */

static bool set_has_all(const uint64_t *set, const uint64_t *wanted, uint32_t words, uint32_t plus) {
    for (uint32_t i = 0; i < words; i++) {
        uint64_t with = set[i] | (plus / 64 == i ? UINT64_C(1) << (plus % 64) : 0);
        if ((wanted[i] & ~with) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether an equality connects the relation to the set, and how many rows joining it would give. */
static bool region_connection(const struct region *region, const uint64_t *set, double set_rows, uint32_t relation,
                              double *rows) {
    const struct relation *candidate = &region->relations[relation];
    bool connected = false;
    const struct expr *keys[16];
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < region->conditions.count; i++) {
        const struct expr *condition = region->conditions.list[i];
        if (region->used[i] || !bitset_get(region->touched[i], relation) ||
            !set_has_all(set, region->touched[i], region->words, relation) || !region_is_equality(condition)) {
            continue;
        }
        connected = true;
        for (uint32_t side = 0; side < 2 && key_count < ARRAY_LENGTH(keys); side++) {
            const struct expr *argument = condition->arguments[side];
            if (argument->kind == EXPR_COLUMN && argument->column >= candidate->first &&
                argument->column < candidate->first + candidate->count) {
                keys[key_count++] =
                    optimise_column(region->optimiser, argument->column - candidate->first, argument->type);
            }
        }
    }
    double own = candidate->node->rows_estimate;
    struct index_id index;
    if (!connected) {
        *rows = set_rows * own;
    } else if (candidate->node->kind == PLAN_SCAN && optimise_unique_key(candidate->node, keys, key_count, &index)) {
        *rows = set_rows;
    } else {
        *rows = set_rows > own ? set_rows : own;
    }
    return connected;
}

static uint32_t region_first(const struct region *region) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < region->relation_count; i++) {
        if (!region->relations[i].joined && (best == UINT32_MAX || region->relations[i].node->rows_estimate <
                                                                       region->relations[best].node->rows_estimate)) {
            best = i;
        }
    }
    return best;
}

static uint32_t region_next(const struct region *region, const uint64_t *set, double set_rows) {
    uint32_t best = UINT32_MAX;
    double best_rows = 0;
    for (uint32_t i = 0; i < region->relation_count; i++) {
        double rows = 0;
        if (!region->relations[i].joined && region_connection(region, set, set_rows, i, &rows) &&
            (best == UINT32_MAX || rows < best_rows)) {
            best = i;
            best_rows = rows;
        }
    }
    return best;
}

/* --- building --- */

/* A joined part: its plan, and for each column of the region's row its place in the plan's, or UINT32_MAX. */
struct part {
    struct plan_node *node;
    const struct relation *relation; /* NULL: it is several */
    uint32_t *place;
    uint64_t *set;
};

static struct part part_of(struct region *region, uint32_t relation) {
    struct optimiser *optimiser = region->optimiser;
    struct part part = {.node = region->relations[relation].node, .relation = &region->relations[relation]};
    part.place = sql_alloc(optimiser->context, (region->width + 1) * sizeof(*part.place));
    part.set = sql_alloc_zero(optimiser->context, region->words, sizeof(*part.set));
    for (uint32_t i = 0; i < region->width; i++) {
        uint32_t first = region->relations[relation].first;
        bool own = i >= first && i < first + region->relations[relation].count;
        part.place[i] = own ? i - first : UINT32_MAX;
    }
    bitset_set(part.set, relation);
    region->relations[relation].joined = true;
    return part;
}

static const struct expr *to_part(struct region *region, const struct expr *condition, const struct part *part) {
    struct optimiser *optimiser = region->optimiser;
    const struct expr **mapping = sql_alloc_zero(optimiser->context, region->width + 1, sizeof(*mapping));
    for (uint32_t i = 0; i < region->width; i++) {
        if (part->place[i] != UINT32_MAX) {
            mapping[i] = optimise_column(optimiser, part->place[i], part->node->columns[part->place[i]].type);
        }
    }
    return expr_substitute(optimiser->context, condition, mapping, region->width);
}

static struct plan_node *join_nodes(struct optimiser *optimiser, struct plan_node *left, struct plan_node *right) {
    struct plan_node *join = sql_alloc_zero(optimiser->context, 1, sizeof(*join));
    join->kind = PLAN_JOIN;
    join->join_type = PLAN_JOIN_INNER;
    join->left = left;
    join->right = right;
    join->column_count = left->column_count + right->column_count;
    join->columns = sql_alloc(optimiser->context, (join->column_count + 1) * sizeof(*join->columns));
    if (left->column_count > 0) {
        memcpy(join->columns, left->columns, left->column_count * sizeof(*join->columns));
    }
    if (right->column_count > 0) {
        memcpy(join->columns + left->column_count, right->columns, right->column_count * sizeof(*join->columns));
    }
    return join;
}

/* left JOIN right under these conditions over the region's row; `joined` is the part that comes of it. */
static struct part part_build(struct region *region, const struct part *left, const struct part *right,
                              const struct conditions *conditions) {
    struct optimiser *optimiser = region->optimiser;
    uint32_t split = left->node->column_count;
    struct part joined = {.node = join_nodes(optimiser, left->node, right->node), .set = left->set};
    joined.place = sql_alloc(optimiser->context, (region->width + 1) * sizeof(*joined.place));
    for (uint32_t i = 0; i < region->width; i++) {
        joined.place[i] = right->place[i] != UINT32_MAX ? split + right->place[i] : left->place[i];
    }
    struct conditions spanning = {0};
    for (uint32_t i = 0; i < conditions->count; i++) {
        conditions_add(optimiser, &spanning, to_part(region, conditions->list[i], &joined));
    }
    if (spanning.count == 0) {
        joined.node->join_type = PLAN_JOIN_CROSS;
    }
    optimise_join_strategy(optimiser, joined.node, &spanning);
    return joined;
}

/* Whether an equality of the class is among the conditions: one says it for all its columns on either side. */
static bool class_told(uint32_t *told, uint32_t *count, uint32_t class) {
    if (class == 0) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (told[i] == class) {
            return true;
        }
    }
    told[(*count)++] = class;
    return false;
}

/* left := left JOIN right, with the conditions that both together satisfy. A hash table is made of the right side, so
 * that is the smaller one. */
static void part_join(struct region *region, struct part *left, const struct part *right) {
    struct conditions spanning = {0};
    uint32_t *told = sql_alloc(region->optimiser->context, (region->conditions.count + 1) * sizeof(*told));
    uint32_t told_count = 0;
    for (uint32_t i = 0; i < region->words; i++) {
        left->set[i] |= right->set[i];
    }
    for (uint32_t i = 0; i < region->conditions.count; i++) {
        if (!region->used[i] && set_has_all(left->set, region->touched[i], region->words, UINT32_MAX)) {
            region->used[i] = true;
            if (!class_told(told, &told_count, region->classes[i])) {
                conditions_add(region->optimiser, &spanning, region->conditions.list[i]);
            }
        }
    }
    struct part joined = part_build(region, left, right, &spanning);
    if (right->relation != NULL && right->relation->spare != NULL) {
        (void)lateral_try(region->optimiser, joined.node, right->relation->spare, &right->relation->own);
    }
    if (joined.node->join_strategy == PLAN_JOIN_HASH && left->node->rows_estimate < right->node->rows_estimate) {
        joined = part_build(region, right, left, &spanning);
        joined.set = left->set;
    }
    *left = joined;
}

static struct plan_node *region_restore(struct region *region, const struct part *part,
                                        const struct plan_column *columns) {
    struct optimiser *optimiser = region->optimiser;
    bool same = true;
    for (uint32_t i = 0; i < region->width; i++) {
        same = same && part->place[i] == i;
    }
    if (same) {
        return part->node;
    }
    struct plan_node *project = sql_alloc_zero(optimiser->context, 1, sizeof(*project));
    project->kind = PLAN_PROJECT;
    project->left = part->node;
    project->columns = sql_alloc(optimiser->context, (region->width + 1) * sizeof(*project->columns));
    memcpy(project->columns, columns, region->width * sizeof(*columns));
    project->column_count = region->width;
    project->expressions = sql_alloc(optimiser->context, (region->width + 1) * sizeof(*project->expressions));
    project->expression_count = region->width;
    for (uint32_t i = 0; i < region->width; i++) {
        project->expressions[i] = optimise_column(optimiser, part->place[i], columns[i].type);
    }
    project->rows_estimate = part->node->rows_estimate;
    return project;
}

struct plan_node *optimise_join_region(struct optimiser *optimiser, struct plan_node *join,
                                       struct conditions *conditions) {
    struct region region = {.optimiser = optimiser, .width = join->column_count};
    for (uint32_t i = 0; i < conditions->count; i++) {
        conditions_add(optimiser, &region.conditions, conditions->list[i]);
    }
    region_collect(&region, join, 0);
    region_fix(optimiser, &region.conditions);
    region_divide(&region);
    region_close(&region);
    struct region_order order;
    if (region_enumerate(&region, &order)) {
        struct part all = part_of(&region, order.relations[0]);
        for (uint32_t i = 1; i < region.relation_count; i++) {
            struct part right = part_of(&region, order.relations[i]);
            optimiser->lookup_rows = order.lookups[i];
            part_join(&region, &all, &right);
            optimiser->lookup_rows = 0;
            all.node->rows_estimate = order.rows[i];
        }
        return optimise_filter(optimiser, region_restore(&region, &all, join->columns), &region.constant);
    }
    struct part all = part_of(&region, region_first(&region));
    for (;;) {
        for (uint32_t next; (next = region_next(&region, all.set, all.node->rows_estimate)) != UINT32_MAX;) {
            struct part right = part_of(&region, next);
            part_join(&region, &all, &right);
        }
        uint32_t other = region_first(&region);
        if (other == UINT32_MAX) {
            break;
        }
        struct part component = part_of(&region, other);
        for (uint32_t next;
             (next = region_next(&region, component.set, component.node->rows_estimate)) != UINT32_MAX;) {
            struct part right = part_of(&region, next);
            part_join(&region, &component, &right);
        }
        part_join(&region, &all, &component);
    }
    struct plan_node *node = region_restore(&region, &all, join->columns);
    return optimise_filter(optimiser, node, &region.constant);
}
