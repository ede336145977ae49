/*
 * GROUP BY, and what a query's expressions mean over grouped rows.
 *
 * Expressions are rewritten over the row of the AGGREGATE node: a subtree that equals a grouping expression becomes its
 * column, a placeholder becomes its aggregate's column, and a column that is left over is PostgreSQL's error, unless
 * the primary key of its table is grouped by, which determines it.
 *
 * GROUPING SETS, ROLLUP and CUBE are multiplied out into plain sets of grouping expressions. The node then groups each
 * row once for each set, with NULL for what the set leaves out; the set's number is its last grouping expression, which
 * keeps the sets apart and tells GROUPING().
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/bind/select.h"

static bool visit_group(const struct expr *node, void *context) {
    struct select *select = context;
    bool placeholder = node->kind == EXPR_COLUMN && node->column >= BIND_AGGREGATE_BASE;
    if (placeholder && node->column >= BIND_SET_BASE) {
        sql_raise_unsupported(select->bind->context, node->position, "a set-returning function in GROUP BY");
    }
    if (placeholder && node->column >= BIND_WINDOW_BASE) {
        sql_raise(select->bind->context, KMB_WINDOWING, node->position, "window functions are not allowed in GROUP BY");
    }
    if (placeholder) {
        sql_raise(select->bind->context, KMB_GROUPING, node->position,
                  "aggregate functions are not allowed in GROUP BY");
    }
    return true;
}

static bool scope_has_column(const struct scope *scope, const char *name) {
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (!scope->columns[i].hidden && strcmp(scope->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The number of the expression among those that are grouped by. */
static uint32_t select_add_group(struct select *select, const struct expr *expr) {
    for (uint32_t i = 0; i < select->group_count; i++) {
        if (expr_equal(select->groups[i], expr)) {
            return i;
        }
    }
    if (select->group_count == BIND_COLUMNS_MAX) {
        sql_raise(select->bind->context, KMB_TOO_MANY_COLUMNS, expr->position,
                  "more than %d expressions are grouped by", BIND_COLUMNS_MAX);
    }
    if (select->group_count == select->group_capacity) {
        uint32_t capacity = select->group_capacity == 0 ? 8 : select->group_capacity * 2;
        const struct expr **grown = sql_alloc(select->bind->context, capacity * sizeof(*grown));
        if (select->group_count > 0) {
            memcpy(grown, select->groups, select->group_count * sizeof(*grown));
        }
        select->groups = grown;
        select->group_capacity = capacity;
    }
    select->groups[select->group_count] = expr;
    return select->group_count++;
}

/* An expression, or the fields of a row. */
static void bind_group(struct select *select, const PgQuery__Node *node, uint64_t *set) {
    struct bind *bind = select->bind;
    struct bind_scope place = {.bind = bind, .scope = &select->scope, .place = BIND_GROUP};
    uint32_t target = 0;
    const struct expr *expr;
    const char *name = select_bare_name(node);
    if (select_ordinal(select, node, "GROUP BY", &target) ||
        (name != NULL && !scope_has_column(&select->scope, name) && select_alias(select, node, "GROUP BY", &target))) {
        expr = select->targets[target];
        (void)expr_walk(expr, visit_group, select);
    } else {
        expr = bind_resolve_unknown(bind, bind_expression(&place, node));
    }
    struct bind_record row = {0};
    if (bind_is_record(expr)) {
        row = bind_record_parts(bind, expr);
    }
    for (uint32_t i = 0; i < row.count; i++) {
        bind_check_equality(bind, row.fields[i]);
        bitset_set(set, select_add_group(select, row.fields[i]));
    }
    if (row.count == 0) {
        bind_check_equality(bind, expr);
        bitset_set(set, select_add_group(select, expr));
    }
}

/* --- grouping sets --- */

#define SET_WORDS     (BIND_COLUMNS_MAX / 64 + 1)
#define SETS_MAX      4096 /* PostgreSQL's */
#define CUBE_ELEMENTS 12   /* 2^12 sets are SETS_MAX */

struct sets {
    uint64_t **list;
    uint32_t count;
    uint32_t capacity;
};

static uint64_t *sets_add(struct bind *bind, struct sets *sets, uint32_t position) {
    if (sets->count == SETS_MAX) {
        sql_raise(bind->context, KMB_TOO_COMPLEX, position, "too many grouping sets present (maximum %d)", SETS_MAX);
    }
    if (sets->count == sets->capacity) {
        uint32_t capacity = sets->capacity == 0 ? 8 : sets->capacity * 2;
        uint64_t **grown = sql_alloc(bind->context, capacity * sizeof(*grown));
        if (sets->count > 0) {
            memcpy(grown, sets->list, sets->count * sizeof(*grown));
        }
        sets->list = grown;
        sets->capacity = capacity;
    }
    uint64_t *set = sql_alloc_zero(bind->context, SET_WORDS, sizeof(*set));
    sets->list[sets->count++] = set;
    return set;
}

static void set_join(uint64_t *set, const uint64_t *with) {
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        set[i] |= with[i];
    }
}

static bool is_list(const PgQuery__Node *node) {
    return node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR &&
           node->row_expr->row_format == PG_QUERY__COERCION_FORM__COERCE_IMPLICIT_CAST;
}

/* An expression, or (a, b): all of them together. Depth is bounded by the parser's limits. */
static void bind_element(struct select *select, const PgQuery__Node *node, uint64_t *set) {
    if (!is_list(node)) {
        bind_group(select, node, set);
        return;
    }
    for (size_t i = 0; i < node->row_expr->n_args; i++) {
        bind_element(select, node->row_expr->args[i], set);
    }
}

static void expand(struct select *select, const PgQuery__Node *node, struct sets *sets);

/* The elements of ROLLUP and CUBE, a set each. */
static void bind_elements(struct select *select, const PgQuery__GroupingSet *node, struct sets *elements) {
    uint32_t position = bind_location(node->location);
    for (size_t i = 0; i < node->n_content; i++) {
        bind_element(select, node->content[i], sets_add(select->bind, elements, position));
    }
}

static void expand_rollup(struct select *select, const PgQuery__GroupingSet *node, struct sets *sets) {
    struct sets elements = {0};
    bind_elements(select, node, &elements);
    for (uint32_t length = elements.count + 1; length-- > 0;) {
        uint64_t *set = sets_add(select->bind, sets, bind_location(node->location));
        for (uint32_t i = 0; i < length; i++) {
            set_join(set, elements.list[i]);
        }
    }
}

static void expand_cube(struct select *select, const PgQuery__GroupingSet *node, struct sets *sets) {
    struct sets elements = {0};
    if (node->n_content > CUBE_ELEMENTS) {
        sql_raise(select->bind->context, KMB_TOO_MANY_COLUMNS, bind_location(node->location),
                  "CUBE is limited to %d elements", CUBE_ELEMENTS);
    }
    bind_elements(select, node, &elements);
    for (uint32_t left_out = 0; left_out < 1u << elements.count; left_out++) {
        uint64_t *set = sets_add(select->bind, sets, bind_location(node->location));
        for (uint32_t i = 0; i < elements.count; i++) {
            if ((left_out >> i & 1) == 0) {
                set_join(set, elements.list[i]);
            }
        }
    }
}

/* Adds the sets that an item of GROUP BY or GROUPING SETS stands for. */
static void expand(struct select *select, const PgQuery__Node *node, struct sets *sets) {
    if (node->node_case != PG_QUERY__NODE__NODE_GROUPING_SET) {
        bind_element(select, node, sets_add(select->bind, sets, bind_node_position(node)));
        return;
    }
    const PgQuery__GroupingSet *grouping = node->grouping_set;
    switch ((int)grouping->kind) {
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY:
        (void)sets_add(select->bind, sets, bind_location(grouping->location));
        break;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP:
        expand_rollup(select, grouping, sets);
        break;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE:
        expand_cube(select, grouping, sets);
        break;
    default:
        for (size_t i = 0; i < grouping->n_content; i++) {
            expand(select, grouping->content[i], sets);
        }
        break;
    }
}

/* Every set of one list joined with every set of the other. */
static struct sets sets_product(struct bind *bind, const struct sets *a, const struct sets *b, uint32_t position) {
    struct sets product = {0};
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t k = 0; k < b->count; k++) {
            uint64_t *set = sets_add(bind, &product, position);
            set_join(set, a->list[i]);
            set_join(set, b->list[k]);
        }
    }
    return product;
}

static void sets_distinct(struct sets *sets) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < sets->count; i++) {
        bool repeated = false;
        for (uint32_t k = 0; k < kept && !repeated; k++) {
            repeated = memcmp(sets->list[k], sets->list[i], SET_WORDS * sizeof(uint64_t)) == 0;
        }
        if (!repeated) {
            sets->list[kept++] = sets->list[i];
        }
    }
    sets->count = kept;
}

void select_bind_groups(struct select *select) {
    struct bind *bind = select->bind;
    const PgQuery__SelectStmt *node = select->node;
    struct sets all = {0};
    (void)sets_add(bind, &all, 0);
    for (size_t i = 0; i < node->n_group_clause; i++) {
        struct sets sets = {0};
        expand(select, node->group_clause[i], &sets);
        all = sets_product(bind, &all, &sets, bind_node_position(node->group_clause[i]));
    }
    if (node->group_distinct) {
        sets_distinct(&all);
    }
    if (all.count > 1) { /* one set is all groups: plain grouping */
        select->sets = all.list;
        select->set_count = all.count;
    }
}

/* --- GROUPING() --- */

const struct expr *bind_grouping(const struct bind_scope *scope, const PgQuery__GroupingFunc *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    struct bind_aggregates *list = scope->aggregates;
    const struct expr **arguments = sql_alloc(bind->context, (node->n_args + 1) * sizeof(*arguments));
    const uint32_t *taken = bind_level_mark(bind);
    for (size_t i = 0; i < node->n_args && node->n_args < 32; i++) {
        arguments[i] = bind_expression(scope, node->args[i]);
    }
    struct bind_level *level = bind->level;
    if (level != NULL && node->n_args < 32 && bind_outside_only(arguments, (uint32_t)node->n_args)) {
        bind_level_forget(level, taken); /* of the query around, whose columns they are */
        bind->level = level->outer;
        const struct expr *value = bind_grouping(level->place, node);
        bind->level = level;
        return bind_outer_value(bind, level, value, position);
    }
    if (scope->place == BIND_AGGREGATE) {
        sql_raise(bind->context, KMB_GROUPING, position, "aggregate function calls cannot be nested");
    }
    if (list == NULL) {
        sql_raise(bind->context, KMB_GROUPING, position, "grouping operations are not allowed in %s",
                  bind_place_name(scope->place));
    }
    if (node->n_args > 31) {
        sql_raise(bind->context, KMB_LIMIT, position, "GROUPING must have fewer than 32 arguments");
    }
    struct bind_grouping grouping = {.arguments = arguments, .count = (uint32_t)node->n_args, .position = position};
    struct bind_grouping *grown = sql_alloc(bind->context, (list->grouping_count + 1) * sizeof(*grown));
    if (list->grouping_count > 0) {
        memcpy(grown, list->groupings, list->grouping_count * sizeof(*grown));
    }
    grown[list->grouping_count] = grouping;
    list->groupings = grown;
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_COLUMN;
    expr->type = type_make(TYPE_INT4);
    expr->position = position;
    expr->column = BIND_GROUPING_BASE + list->grouping_count++;
    return expr;
}

static const struct expr *integer_constant(struct bind *bind, int64_t value) {
    struct expr *constant = sql_alloc_zero(bind->context, 1, sizeof(*constant));
    constant->kind = EXPR_CONSTANT;
    constant->type = type_make(TYPE_INT4);
    constant->value = value_integer(TYPE_INT4, value);
    return constant;
}

static uint32_t grouping_index(struct select *select, const struct bind_grouping *grouping, uint32_t argument) {
    for (uint32_t i = 0; i < select->group_count; i++) {
        if (expr_equal(select->groups[i], grouping->arguments[argument])) {
            return i;
        }
    }
    sql_raise(select->bind->context, KMB_GROUPING, grouping->arguments[argument]->position,
              "arguments to GROUPING must be grouping expressions of the associated query level");
}

/* A bit for each argument that the row's set leaves out, the last argument's the lowest: by the set's number. */
static const struct expr *grouping_value(struct select *select, const struct bind_grouping *grouping) {
    struct bind *bind = select->bind;
    uint32_t sets = select->set_count == 0 ? 1 : select->set_count;
    int32_t *masks = sql_alloc_zero(bind->context, sets, sizeof(*masks));
    for (uint32_t i = 0; i < grouping->count; i++) {
        uint32_t group = grouping_index(select, grouping, i);
        for (uint32_t k = 0; k < sets; k++) {
            bool left_out = select->set_count > 0 && !bitset_get(select->sets[k], group);
            masks[k] = masks[k] * 2 + left_out;
        }
    }
    if (select->set_count == 0) {
        return integer_constant(bind, masks[0]);
    }
    struct expr *value = sql_alloc_zero(bind->context, 1, sizeof(*value));
    value->kind = EXPR_CASE;
    value->type = type_make(TYPE_INT4);
    value->position = grouping->position;
    value->argument_count = 2 * sets - 1;
    value->arguments = sql_alloc(bind->context, value->argument_count * sizeof(*value->arguments));
    const struct expr *zero = integer_constant(bind, 0);
    const struct expr *number = select_column(bind, select->group_count, zero);
    for (uint32_t k = 0; k + 1 < sets; k++) {
        value->arguments[2 * k] = bind_operator(bind, "=", number, integer_constant(bind, k), 0);
        value->arguments[2 * k + 1] = integer_constant(bind, masks[k]);
    }
    value->arguments[2 * sets - 2] = integer_constant(bind, masks[sets - 1]);
    return value;
}

/* --- rewriting over the row of the AGGREGATE node --- */

static bool in_every_set(const struct select *select, uint32_t group) {
    for (uint32_t i = 0; i < select->set_count; i++) {
        if (!bitset_get(select->sets[i], group)) {
            return false;
        }
    }
    return true;
}

/* Whether the primary key of the table is among the grouping expressions. */
static bool select_determined(const struct select *select, const struct scope_table *table) {
    if (table == NULL || table->table == NULL || table->table->primary_key_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < table->table->primary_key_count; i++) {
        uint16_t ordinal =
            catalogue_column_ordinal(table->catalogue, table->table, table->table->primary_key[i].column);
        bool grouped = false;
        for (uint32_t k = 0; k < select->group_count; k++) {
            grouped = grouped || (select->groups[k]->kind == EXPR_COLUMN &&
                                  select->groups[k]->column == table->first + ordinal && in_every_set(select, k));
        }
        if (!grouped) {
            return false;
        }
    }
    return true;
}

/* Also where a cast has taken the expression, one of a domain, for one of the type below it. */
static bool is_group(const struct expr *group, const struct expr *expr) {
    struct expr within = *expr;
    if (group->type.domain != 0 && expr->type.domain == 0 && group->type.id == expr->type.id) {
        within.type = group->type;
    }
    return expr_equal(group, &within);
}

static const struct expr *select_regroup(struct select *select, const struct expr *expr) {
    struct bind *bind = select->bind;
    for (uint32_t i = 0; i < select->group_count; i++) {
        if (is_group(select->groups[i], expr)) {
            return select_column(bind, i, expr);
        }
    }
    if (expr->kind == EXPR_COLUMN && expr->column >= BIND_WINDOW_BASE) {
        return expr;
    }
    if (expr->kind == EXPR_COLUMN && expr->column >= BIND_GROUPING_BASE) {
        return grouping_value(select, &select->aggregates.groupings[expr->column - BIND_GROUPING_BASE]);
    }
    if (expr->kind == EXPR_COLUMN && expr->column >= BIND_AGGREGATE_BASE) {
        uint32_t first = select->group_count + (select->set_count > 0);
        return select_column(bind, first + (expr->column - BIND_AGGREGATE_BASE), expr);
    }
    if (expr->kind == EXPR_COLUMN) {
        const struct scope_table *table = bind_table_at(&select->scope, expr->column);
        if (select_determined(select, table)) {
            uint32_t group = select_add_group(select, expr);
            for (uint32_t i = 0; i < select->set_count; i++) {
                bitset_set(select->sets[i], group);
            }
            return select_column(bind, group, expr);
        }
        sql_raise(bind->context, KMB_GROUPING, expr->position,
                  select->regrouping_subquery
                      ? "subquery uses ungrouped column \"%s%s%s\" from outer query"
                      : "column \"%s%s%s\" must appear in the GROUP BY clause or be used in an aggregate function",
                  table == NULL ? "" : table->alias, table == NULL ? "" : ".",
                  select->plan->columns[expr->column].name);
    }
    if (expr->argument_count == 0) {
        return expr;
    }
    struct expr *copy = sql_alloc(bind->context, sizeof(*copy));
    *copy = *expr;
    copy->arguments = sql_alloc(bind->context, expr->argument_count * sizeof(*copy->arguments));
    bool before = select->regrouping_subquery;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        select->regrouping_subquery = before || (expr->kind == EXPR_SUBQUERY && i < expr->subquery->outer_count);
        copy->arguments[i] = select_regroup(select, expr->arguments[i]);
    }
    select->regrouping_subquery = before;
    return copy;
}

static void regroup_place(void *context, const struct expr **place) {
    *place = select_regroup(context, *place);
}

static void regroup_try(void *context, const struct expr **place) {
    (void)select_regroup(context, *place);
}

/* Arguments of an ordered-set aggregate that are computed once a group: over the grouped row. */
static void regroup_direct(struct select *select, struct plan_aggregate *aggregate, bool keep) {
    for (uint32_t i = 0; i < aggregate->direct_count; i++) {
        const struct expr *direct = select_regroup(select, aggregate->direct[i]);
        aggregate->direct[i] = keep ? direct : aggregate->direct[i];
    }
}

static struct plan_node *aggregate_plan(struct select *select) {
    struct bind *bind = select->bind;
    uint32_t columns = select->group_count;
    if (select->set_count > 0) { /* the set's number, as the last of the grouping expressions */
        const struct expr **groups = sql_alloc(bind->context, (columns + 1) * sizeof(*groups));
        memcpy(groups, select->groups, columns * sizeof(*groups));
        groups[columns++] = integer_constant(bind, 0);
        select->groups = groups;
    }
    struct plan_node *aggregate = bind_plan(bind, PLAN_AGGREGATE, select->plan, NULL);
    aggregate->expressions = select->groups;
    aggregate->expression_count = columns;
    aggregate->grouping_sets = select->sets;
    aggregate->grouping_set_count = select->set_count;
    aggregate->aggregates = select->aggregates.list;
    aggregate->aggregate_count = select->aggregates.count;
    aggregate->column_count = columns + select->aggregates.count;
    aggregate->columns = sql_alloc_zero(bind->context, aggregate->column_count + 1, sizeof(*aggregate->columns));
    for (uint32_t i = 0; i < columns; i++) {
        const struct expr *group = select->groups[i];
        aggregate->columns[i] = group->kind == EXPR_COLUMN
                                    ? select->plan->columns[group->column]
                                    : (struct plan_column){.name = "?column?", .type = group->type};
        aggregate->columns[i].type = group->type;
    }
    for (uint32_t i = 0; i < select->aggregates.count; i++) {
        aggregate->columns[columns + i] = (struct plan_column){.name = select->aggregates.list[i].function->name,
                                                               .type = select->aggregates.list[i].type};
    }
    return aggregate;
}

void select_aggregate(struct select *select) {
    struct bind *bind = select->bind;
    if (select->set_count > 0 && select->aggregates.ranked != NULL) {
        sql_raise_unsupported(bind->context, 0, "%s of a column's value with GROUPING SETS", select->aggregates.ranked);
    }
    /* The first round finds the columns that grouped keys determine and adds them to the groups; the second one then
     * knows every place. */
    const struct expr **rewritten = sql_alloc(bind->context, (select->target_count + 1) * sizeof(*rewritten));
    const struct expr *having = NULL;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < select->target_count; i++) {
            rewritten[i] = select_regroup(select, select->targets[i]);
        }
        having = select->having == NULL ? NULL : select_regroup(select, select->having);
        for (uint32_t i = 0; i < select->aggregates.count; i++) {
            regroup_direct(select, &select->aggregates.list[i], round == 1);
        }
        bind_windows_expressions(&select->windows, round == 0 ? regroup_try : regroup_place, select);
        bind_sets_expressions(&select->sets_called, round == 0 ? regroup_try : regroup_place, select);
    }
    select->targets = rewritten;
    select->target_capacity = select->target_count;
    /* Neither groups nor aggregates, HAVING alone: one row whatever there is below, which is not asked. */
    bool bare = select->group_count == 0 && select->set_count == 0 && select->aggregates.count == 0;
    select->plan = bare ? bind_plan(bind, PLAN_ONE_ROW, NULL, NULL) : aggregate_plan(select);
    if (having != NULL) {
        select->plan = bind_plan(bind, PLAN_FILTER, select->plan, NULL);
        select->plan->predicate = having;
    }
}
