/*
 * SELECT: from the parse tree to a naive plan, in the order in which SQL is defined.
 *
 *   FROM -> WHERE -> GROUP BY/aggregates -> HAVING -> windows -> select list -> DISTINCT -> ORDER BY -> OFFSET, LIMIT
 *
 * Select list, HAVING and ORDER BY are first bound over the FROM row, aggregates standing as placeholders. When the
 * query groups, these expressions are rewritten over the row of the AGGREGATE node: a subtree that equals a grouping
 * expression becomes its column, a placeholder becomes its aggregate's column, and a column that is left over is
 * PostgreSQL's error, unless the primary key of its table is grouped by, which determines it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* One SELECT being bound. */
struct select {
    struct bind *bind;
    const PgQuery__SelectStmt *node;
    struct plan_node *plan;
    struct scope scope;
    struct bind_aggregates aggregates;
    struct bind_windows windows;
    const struct expr **targets; /* visible first, then what ORDER BY adds */
    const char **names;
    uint32_t visible;
    uint32_t target_count;
    uint32_t target_capacity;
    const struct expr **groups;
    uint32_t group_count;
    uint32_t group_capacity;
    const struct expr *having;
    bool regrouping_subquery;        /* the expression being rewritten is what a subquery takes from this row */
    struct plan_sort_key *sort_keys; /* expr: EXPR_COLUMN of a target */
    uint32_t sort_key_count;
};

struct plan_node *bind_plan(struct bind *bind, enum plan_kind kind, struct plan_node *left, struct plan_node *right) {
    struct plan_node *node = sql_alloc_zero(bind->context, 1, sizeof(*node));
    node->kind = kind;
    node->left = left;
    node->right = right;
    if (left != NULL && right == NULL) {
        node->columns = left->columns;
        node->column_count = left->column_count;
    }
    return node;
}

static const struct expr *column_of(struct bind *bind, uint32_t ordinal, const struct expr *like) {
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_COLUMN;
    expr->column = ordinal;
    expr->type = like->type;
    expr->position = like->position;
    return expr;
}

struct plan_node *bind_project(struct bind *bind, struct plan_node *child, const struct expr **expressions,
                               const char **names, uint32_t count) {
    struct plan_node *project = bind_plan(bind, PLAN_PROJECT, child, NULL);
    project->expressions = expressions;
    project->expression_count = count;
    project->column_count = count;
    project->columns = sql_alloc_zero(bind->context, count + 1, sizeof(*project->columns));
    for (uint32_t i = 0; i < count; i++) {
        project->columns[i] = (struct plan_column){.name = names[i], .type = expressions[i]->type};
    }
    return project;
}

/* --- select list --- */

static bool target_is_star(const PgQuery__Node *value) {
    return value != NULL && value->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
           value->column_ref->fields[value->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

static void targets_reserve(struct bind *bind, const struct expr ***expressions, const char ***names, uint32_t count,
                            uint32_t *capacity, uint32_t extra, uint32_t position) {
    if (count + extra > BIND_COLUMNS_MAX) {
        sql_raise(bind->context, KMB_TOO_MANY_COLUMNS, position, "target lists can have at most %d entries",
                  BIND_COLUMNS_MAX);
    }
    if (count + extra <= *capacity) {
        return;
    }
    *capacity = (count + extra) * 2;
    const struct expr **grown = sql_alloc(bind->context, *capacity * sizeof(*grown));
    const char **grown_names = sql_alloc(bind->context, *capacity * sizeof(*grown_names));
    if (count > 0) {
        memcpy(grown, *expressions, count * sizeof(*grown));
        memcpy(grown_names, *names, count * sizeof(*grown_names));
    }
    *expressions = grown;
    *names = grown_names;
}

uint32_t bind_targets(const struct bind_scope *scope, PgQuery__Node *const *list, size_t list_count,
                      const struct expr ***expressions, const char ***names) {
    struct bind *bind = scope->bind;
    uint32_t count = 0;
    uint32_t capacity = 0;
    *expressions = NULL;
    *names = NULL;
    targets_reserve(bind, expressions, names, 0, &capacity, 4, 0);
    for (size_t i = 0; i < list_count; i++) {
        ASSERT(list[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET);
        const PgQuery__ResTarget *target = list[i]->res_target;
        uint32_t position = bind_location(target->location);
        if (target_is_star(target->val)) {
            const struct expr **star = NULL;
            const char **star_names = NULL;
            uint32_t star_count = bind_star(bind, scope->scope, target->val->column_ref, &star, &star_names);
            targets_reserve(bind, expressions, names, count, &capacity, star_count, position);
            memcpy(*expressions + count, star, star_count * sizeof(*star));
            memcpy(*names + count, star_names, star_count * sizeof(*star_names));
            count += star_count;
            continue;
        }
        targets_reserve(bind, expressions, names, count, &capacity, 1, position);
        const struct expr *expr = bind_expression(scope, target->val);
        if (expr->type.id == TYPE_UNKNOWN && count < scope->wanted_count) {
            expr = bind_coerce(bind, expr, scope->wanted[count], SQL_CAST_ASSIGNMENT, 0);
        }
        (*expressions)[count] = scope->keep_unknown ? expr : bind_resolve_unknown(bind, expr);
        (*names)[count++] =
            target->name != NULL && target->name[0] != 0 ? target->name : bind_column_name(bind->context, target->val);
    }
    return count;
}

static uint32_t select_add_target(struct select *select, const struct expr *expr, const char *name) {
    targets_reserve(select->bind, &select->targets, &select->names, select->target_count, &select->target_capacity, 1,
                    expr->position);
    select->targets[select->target_count] = expr;
    select->names[select->target_count] = name;
    return select->target_count++;
}

/* --- what is not built --- */

static void select_refuse(struct bind *bind, const PgQuery__SelectStmt *node) {
    struct sql_context *context = bind->context;
    if (node->into_clause != NULL) {
        sql_raise_unsupported(context,
                              node->into_clause->rel == NULL ? 0 : bind_location(node->into_clause->rel->location),
                              "SELECT INTO");
    }
    if (node->n_locking_clause > 0) {
        sql_raise_unsupported(context, bind->tokens->locking, "FOR UPDATE or FOR SHARE");
    }
    if (node->group_distinct) {
        sql_raise_unsupported(context, bind_node_position(node->group_clause[0]), "GROUP BY DISTINCT");
    }
    if (node->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) {
        sql_raise_unsupported(context, bind->tokens->fetch, "FETCH FIRST WITH TIES");
    }
    if (node->n_distinct_clause > 0 && node->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
        sql_raise_unsupported(context, bind_node_position(node->distinct_clause[0]), "SELECT DISTINCT ON");
    }
}

/* --- GROUP BY --- */

/* An ordinal of the select list, when the node is an integer constant. */
static bool select_ordinal(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target) {
    if (node->node_case != PG_QUERY__NODE__NODE_A_CONST) {
        return false;
    }
    const PgQuery__AConst *constant = node->a_const;
    uint32_t position = bind_location(constant->location);
    if (constant->isnull || constant->val_case != PG_QUERY__A__CONST__VAL_IVAL) {
        sql_raise(select->bind->context, KMB_SYNTAX, position, "non-integer constant in %s", clause);
    }
    int32_t ordinal = constant->ival->ival;
    if (ordinal < 1 || (uint32_t)ordinal > select->visible) {
        sql_raise(select->bind->context, KMB_INVALID_COLUMN_REFERENCE, position, "%s position %d is not in select list",
                  clause, ordinal);
    }
    *target = (uint32_t)ordinal - 1;
    return true;
}

static const char *bare_name(const PgQuery__Node *node) {
    if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node->column_ref->n_fields == 1 &&
        node->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING) {
        return bind_string(node->column_ref->fields[0]);
    }
    return NULL;
}

/* An output name; two different expressions of one name are ambiguous. */
static bool select_alias(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target) {
    const char *name = bare_name(node);
    bool found = false;
    for (uint32_t i = 0; name != NULL && i < select->visible; i++) {
        if (strcmp(select->names[i], name) != 0) {
            continue;
        }
        if (found && !expr_equal(select->targets[i], select->targets[*target])) {
            sql_raise(select->bind->context, KMB_AMBIGUOUS_COLUMN, bind_node_position(node), "%s \"%s\" is ambiguous",
                      clause, name);
        }
        if (!found) {
            *target = i;
            found = true;
        }
    }
    return found;
}

static bool scope_has_column(const struct scope *scope, const char *name) {
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (!scope->columns[i].hidden && strcmp(scope->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool visit_group(const struct expr *node, void *context) {
    struct select *select = context;
    bool placeholder = node->kind == EXPR_COLUMN && node->column >= BIND_AGGREGATE_BASE;
    if (placeholder && node->column >= BIND_WINDOW_BASE) {
        sql_raise(select->bind->context, KMB_WINDOWING, node->position, "window functions are not allowed in GROUP BY");
    }
    if (placeholder) {
        sql_raise(select->bind->context, KMB_GROUPING, node->position,
                  "aggregate functions are not allowed in GROUP BY");
    }
    return true;
}

static bool type_has_equality(enum type_id type) {
    return type == TYPE_VARCHAR || sql_comparison_find("=", type) != NULL;
}

static bool type_has_order(enum type_id type) {
    return type == TYPE_VARCHAR || sql_comparison_find("<", type) != NULL;
}

void bind_check_equality(struct bind *bind, const struct expr *expr) {
    if (!type_has_equality(expr->type.id)) {
        sql_raise(bind->context, KMB_UNDEFINED_FUNCTION, expr->position,
                  "could not identify an equality operator for type %s", bind_type_text(bind, expr->type));
    }
}

static void select_add_group(struct select *select, const struct expr *expr) {
    for (uint32_t i = 0; i < select->group_count; i++) {
        if (expr_equal(select->groups[i], expr)) {
            return;
        }
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
    select->groups[select->group_count++] = expr;
}

static void select_bind_groups(struct select *select) {
    struct bind *bind = select->bind;
    struct bind_scope place = {.bind = bind, .scope = &select->scope, .place = BIND_GROUP};
    for (size_t i = 0; i < select->node->n_group_clause; i++) {
        const PgQuery__Node *node = select->node->group_clause[i];
        if (node->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
            sql_raise_unsupported(bind->context, bind_node_position(node), "GROUPING SETS, ROLLUP or CUBE");
        }
        uint32_t target = 0;
        const struct expr *expr;
        const char *name = bare_name(node);
        if (select_ordinal(select, node, "GROUP BY", &target) ||
            (name != NULL && !scope_has_column(&select->scope, name) &&
             select_alias(select, node, "GROUP BY", &target))) {
            expr = select->targets[target];
            (void)expr_walk(expr, visit_group, select);
        } else {
            expr = bind_resolve_unknown(bind, bind_expression(&place, node));
        }
        bind_check_equality(bind, expr);
        select_add_group(select, expr);
    }
}

/* --- rewriting over the row of the AGGREGATE node --- */

static const struct scope_table *scope_table_of(const struct scope *scope, uint32_t ordinal) {
    for (uint32_t i = 0; i < scope->table_count; i++) {
        const struct scope_table *table = &scope->tables[i];
        if (ordinal >= table->first && ordinal < table->first + table->count) {
            return table;
        }
    }
    return NULL;
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
            grouped = grouped ||
                      (select->groups[k]->kind == EXPR_COLUMN && select->groups[k]->column == table->first + ordinal);
        }
        if (!grouped) {
            return false;
        }
    }
    return true;
}

static const struct expr *select_regroup(struct select *select, const struct expr *expr) {
    struct bind *bind = select->bind;
    for (uint32_t i = 0; i < select->group_count; i++) {
        if (expr_equal(select->groups[i], expr)) {
            return column_of(bind, i, expr);
        }
    }
    if (expr->kind == EXPR_COLUMN && expr->column >= BIND_WINDOW_BASE) {
        return expr;
    }
    if (expr->kind == EXPR_COLUMN && expr->column >= BIND_AGGREGATE_BASE) {
        return column_of(bind, select->group_count + (expr->column - BIND_AGGREGATE_BASE), expr);
    }
    if (expr->kind == EXPR_COLUMN) {
        const struct scope_table *table = scope_table_of(&select->scope, expr->column);
        if (select_determined(select, table)) {
            select_add_group(select, expr);
            return column_of(bind, select->group_count - 1, expr);
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

static void select_aggregate(struct select *select) {
    struct bind *bind = select->bind;
    /* The first round finds the columns that grouped keys determine and adds them to the groups; the second one then
     * knows every place. */
    const struct expr **rewritten = sql_alloc(bind->context, (select->target_count + 1) * sizeof(*rewritten));
    const struct expr *having = NULL;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < select->target_count; i++) {
            rewritten[i] = select_regroup(select, select->targets[i]);
        }
        having = select->having == NULL ? NULL : select_regroup(select, select->having);
        bind_windows_expressions(&select->windows, round == 0 ? regroup_try : regroup_place, select);
    }
    struct plan_node *aggregate = bind_plan(bind, PLAN_AGGREGATE, select->plan, NULL);
    aggregate->expressions = select->groups;
    aggregate->expression_count = select->group_count;
    aggregate->aggregates = select->aggregates.list;
    aggregate->aggregate_count = select->aggregates.count;
    aggregate->column_count = select->group_count + select->aggregates.count;
    aggregate->columns = sql_alloc_zero(bind->context, aggregate->column_count + 1, sizeof(*aggregate->columns));
    for (uint32_t i = 0; i < select->group_count; i++) {
        const struct expr *group = select->groups[i];
        aggregate->columns[i] = group->kind == EXPR_COLUMN
                                    ? select->plan->columns[group->column]
                                    : (struct plan_column){.name = "?column?", .type = group->type};
        aggregate->columns[i].type = group->type;
    }
    for (uint32_t i = 0; i < select->aggregates.count; i++) {
        aggregate->columns[select->group_count + i] = (struct plan_column){
            .name = select->aggregates.list[i].function->name, .type = select->aggregates.list[i].type};
    }
    select->targets = rewritten;
    select->target_capacity = select->target_count;
    select->plan = aggregate;
    if (having != NULL) {
        select->plan = bind_plan(bind, PLAN_FILTER, select->plan, NULL);
        select->plan->predicate = having;
    }
}

/* --- ORDER BY, DISTINCT, LIMIT --- */

static uint32_t select_order_target(struct select *select, const PgQuery__Node *node) {
    struct bind *bind = select->bind;
    uint32_t target = 0;
    if (select_alias(select, node, "ORDER BY", &target) || select_ordinal(select, node, "ORDER BY", &target)) {
        return target;
    }
    struct bind_scope place = {.bind = bind,
                               .scope = &select->scope,
                               .place = BIND_ORDER,
                               .aggregates = &select->aggregates,
                               .windows = &select->windows};
    const struct expr *expr = bind_resolve_unknown(bind, bind_expression(&place, node));
    for (uint32_t i = 0; i < select->target_count; i++) {
        if (expr_equal(select->targets[i], expr)) {
            return i;
        }
    }
    if (select->node->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, bind_node_position(node),
                       "Only result column names can be used, not expressions or functions.",
                       "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                       "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    }
    if (select->node->n_distinct_clause > 0) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, bind_node_position(node),
                  "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
    }
    return select_add_target(select, expr, "?column?");
}

struct plan_sort_key bind_sort_key(struct bind *bind, const PgQuery__SortBy *sort, const struct expr *expr) {
    if (sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING || sort->n_use_op > 0) {
        sql_raise_unsupported(bind->context, bind_node_position(sort->node), "ORDER BY ... USING");
    }
    if (!type_has_order(expr->type.id)) {
        sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, bind_node_position(sort->node), NULL,
                       "Use an explicit ordering operator or modify the query.",
                       "could not identify an ordering operator for type %s", bind_type_text(bind, expr->type));
    }
    bool descending = sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    return (struct plan_sort_key){
        .expr = expr,
        .descending = descending,
        .nulls_first = sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                       (sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT && descending)};
}

static void select_bind_order(struct select *select) {
    struct bind *bind = select->bind;
    size_t count = select->node->n_sort_clause;
    select->sort_keys = sql_alloc_zero(bind->context, count + 1, sizeof(*select->sort_keys));
    for (size_t i = 0; i < count; i++) {
        ASSERT(select->node->sort_clause[i]->node_case == PG_QUERY__NODE__NODE_SORT_BY);
        const PgQuery__SortBy *sort = select->node->sort_clause[i]->sort_by;
        uint32_t target = select_order_target(select, sort->node);
        const struct expr *expr = select->targets[target];
        struct plan_sort_key key = bind_sort_key(bind, sort, expr);
        bool repeated = false;
        for (uint32_t k = 0; k < select->sort_key_count; k++) {
            repeated = repeated || select->sort_keys[k].expr->column == target;
        }
        if (!repeated) {
            key.expr = column_of(bind, target, expr);
            select->sort_keys[select->sort_key_count++] = key;
        }
    }
}

static bool visit_no_column(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_COLUMN;
}

static const struct expr *bind_limit(struct select *select, const PgQuery__Node *node, const char *clause,
                                     enum bind_place what) {
    struct bind *bind = select->bind;
    if (node == NULL || (node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->isnull)) {
        return NULL;
    }
    struct bind_scope place = {.bind = bind, .scope = &select->scope, .place = what};
    const struct expr *expr = bind_expression(&place, node);
    const struct expr *limit = bind_coerce(bind, expr, type_make(TYPE_INT8), SQL_CAST_ASSIGNMENT, 0);
    if (limit == NULL) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, expr->position,
                  "argument of %s must be type bigint, not type %s", clause, bind_type_text(bind, expr->type));
    }
    if (!expr_walk(expr, visit_no_column, NULL)) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, expr->position,
                  "argument of %s must not contain variables", clause);
    }
    return limit;
}

static void select_finish(struct select *select) {
    struct bind *bind = select->bind;
    bool aggregated = select->aggregates.count > 0 || select->node->n_group_clause > 0 || select->having != NULL;
    if (aggregated) {
        select_aggregate(select);
    }
    select->plan = bind_windows_plan(bind, &select->windows, select->plan, select->targets, select->target_count);
    select->plan = bind_project(bind, select->plan, select->targets, select->names, select->target_count);
    if (select->node->n_distinct_clause > 0) {
        for (uint32_t i = 0; i < select->visible; i++) {
            bind_check_equality(bind, select->targets[i]);
        }
        select->plan = bind_plan(bind, PLAN_DISTINCT, select->plan, NULL);
    }
    if (select->sort_key_count > 0) {
        select->plan = bind_plan(bind, PLAN_SORT, select->plan, NULL);
        select->plan->sort_keys = select->sort_keys;
        select->plan->sort_key_count = select->sort_key_count;
    }
    const struct expr *limit = bind_limit(select, select->node->limit_count, "LIMIT", BIND_LIMIT);
    const struct expr *offset = bind_limit(select, select->node->limit_offset, "OFFSET", BIND_OFFSET);
    if (limit != NULL || offset != NULL) {
        select->plan = bind_plan(bind, PLAN_LIMIT, select->plan, NULL);
        select->plan->limit = limit;
        select->plan->offset = offset;
    }
    if (select->target_count > select->visible) { /* drop what ORDER BY added */
        const struct expr **kept = sql_alloc(bind->context, (select->visible + 1) * sizeof(*kept));
        for (uint32_t i = 0; i < select->visible; i++) {
            kept[i] = column_of(bind, i, select->targets[i]);
        }
        select->plan = bind_project(bind, select->plan, kept, select->names, select->visible);
    }
}

/* --- VALUES --- */

struct plan_node *bind_values(struct bind *bind, const PgQuery__SelectStmt *node) {
    struct bind_scope place = {.bind = bind, .place = BIND_VALUES};
    uint32_t rows = (uint32_t)node->n_values_lists;
    struct plan_node *values = bind_plan(bind, PLAN_VALUES, NULL, NULL);
    values->rows = sql_alloc(bind->context, rows * sizeof(*values->rows));
    values->row_count = rows;
    for (uint32_t r = 0; r < rows; r++) {
        const PgQuery__List *list = node->values_lists[r]->list;
        if (r == 0) {
            values->column_count = (uint32_t)list->n_items;
        } else if (list->n_items != values->column_count) {
            sql_raise(bind->context, KMB_SYNTAX, bind_node_position(node->values_lists[r]),
                      "VALUES lists must all be the same length");
        }
        values->rows[r] = sql_alloc(bind->context, (list->n_items + 1) * sizeof(**values->rows));
        for (size_t i = 0; i < list->n_items; i++) {
            values->rows[r][i] = bind_expression(&place, list->items[i]);
        }
    }
    values->columns = sql_alloc_zero(bind->context, values->column_count + 1, sizeof(*values->columns));
    const struct expr **column = sql_alloc(bind->context, (rows + 1) * sizeof(*column));
    for (uint32_t i = 0; i < values->column_count; i++) {
        for (uint32_t r = 0; r < rows; r++) {
            column[r] = values->rows[r][i];
        }
        struct type type = bind_common_type(bind, column, rows, "VALUES");
        for (uint32_t r = 0; r < rows; r++) {
            values->rows[r][i] = bind_to_common(bind, column[r], type, "VALUES");
        }
        values->columns[i] = (struct plan_column){.name = sql_printf(bind->context, "column%u", i + 1), .type = type};
    }
    return values;
}

/* --- all of it --- */

static const struct tokens_clause *select_clause(struct bind *bind, const PgQuery__SelectStmt *node) {
    if (bind->tokens == NULL || bind->tokens->clause_count == 0) {
        return NULL;
    }
    if (node->n_target_list == 0) {
        sql_raise_unsupported(bind->context, bind->tokens->clauses[0].position,
                              "time travel in a query without a select list");
    }
    uint32_t position = bind_location(node->target_list[0]->res_target->location);
    if (position == 0 && node->n_from_clause > 0) { /* TABLE t: its list is the grammar's, its place the table's */
        position = bind_node_position(node->from_clause[0]);
    }
    ASSERT(position != 0);
    return tokens_clause_of(bind->tokens, position);
}

/* A query whose rows the plan gives already: VALUES, a set operation. */
static void select_take(struct select *select, struct plan_node *plan, const char *alias) {
    select->plan = plan;
    bind_item_scope(select->bind, plan, alias, NULL, 0, &select->scope);
    for (uint32_t i = 0; i < plan->column_count; i++) {
        (void)select_add_target(select, select->scope.columns[i].expr, plan->columns[i].name);
    }
}

struct plan_node *bind_select(struct bind *bind, const PgQuery__SelectStmt *node) {
    return bind_select_for(bind, node, NULL, 0);
}

static void select_bind_from(struct select *select, struct bind_scope targets) {
    struct bind *bind = select->bind;
    const PgQuery__SelectStmt *node = select->node;
    const struct tokens_clause *clause = select_clause(bind, node);
    bind_check_moment(bind, clause);
    select->plan = bind_from(bind, node->from_clause, node->n_from_clause, clause, &select->scope);
    struct bind_scope place = {.bind = bind, .scope = &select->scope, .place = BIND_WHERE};
    if (node->where_clause != NULL) {
        const struct expr *where = bind_condition(&place, node->where_clause, "WHERE");
        select->plan = bind_plan(bind, PLAN_FILTER, select->plan, NULL);
        select->plan->predicate = where;
    }
    targets.bind = bind;
    targets.scope = &select->scope;
    targets.place = BIND_SELECT;
    targets.aggregates = &select->aggregates;
    targets.windows = &select->windows;
    bind_window_clause(&targets, node->window_clause, node->n_window_clause);
    select->target_count =
        bind_targets(&targets, node->target_list, node->n_target_list, &select->targets, &select->names);
    select->target_capacity = select->target_count;
}

/* targets: how untyped items of the select list are taken. */
static struct plan_node *bind_query(struct bind *bind, const PgQuery__SelectStmt *node, struct bind_scope targets) {
    struct select *select = sql_alloc_zero(bind->context, 1, sizeof(*select));
    select->bind = bind;
    select->node = node;
    select_refuse(bind, node);
    struct bind_cte *in_sight = bind->ctes;
    if (node->with_clause != NULL) {
        bind_with(bind, node->with_clause);
    }
    if (node->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        select_take(select, bind_set_operation(bind, node), "*SELECT*");
    } else if (node->n_values_lists > 0) {
        select_take(select, bind_values(bind, node), "*VALUES*");
    } else {
        select_bind_from(select, targets);
    }
    select->visible = select->target_count;
    select_bind_groups(select);
    if (node->having_clause != NULL) {
        struct bind_scope place = {
            .bind = bind, .scope = &select->scope, .place = BIND_HAVING, .aggregates = &select->aggregates};
        select->having = bind_condition(&place, node->having_clause, "HAVING");
    }
    select_bind_order(select);
    select_finish(select);
    bind->ctes = in_sight;
    return select->plan;
}

struct plan_node *bind_select_for(struct bind *bind, const PgQuery__SelectStmt *node, const struct type *wanted,
                                  uint32_t wanted_count) {
    return bind_query(bind, node, (struct bind_scope){.wanted = wanted, .wanted_count = wanted_count});
}

struct plan_node *bind_select_branch(struct bind *bind, const PgQuery__SelectStmt *node) {
    bool plain = node->n_distinct_clause == 0 && node->n_sort_clause == 0 && node->n_group_clause == 0;
    return bind_query(bind, node, (struct bind_scope){.keep_unknown = plain});
}
