/*
 * SELECT: from the parse tree to a naive plan, in the order in which SQL is defined.
 *
 *   FROM -> WHERE -> GROUP BY/aggregates -> HAVING -> windows -> select list -> DISTINCT -> ORDER BY -> OFFSET, LIMIT
 *
 * Select list, HAVING and ORDER BY are first bound over the FROM row, aggregates and window functions standing as
 * placeholders; grouping.c and window.c then put the rows in place that give these.
 */
#include "base/assert.h"
#include "sql/bind/select.h"

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

const struct expr *select_column(struct bind *bind, uint32_t ordinal, const struct expr *like) {
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
        bool passed = expressions[i]->kind == EXPR_COLUMN && expressions[i]->column < child->column_count;
        const struct plan_record *below = passed ? child->columns[expressions[i]->column].record : NULL;
        bool sequence = bind_sequence_key(expressions[i]) != NULL;
        if (bind_is_record(expressions[i]) || sequence || below != NULL) {
            struct plan_record *record = sql_alloc_zero(bind->context, 1, sizeof(*record));
            record->sequence = sequence || (below != NULL && below->sequence);
            record->position = expressions[i]->position;
            project->columns[i].record = record;
        }
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
        const struct expr *row = bind_all_fields(scope, target->val);
        if (row != NULL) { /* (t).* */
            struct bind_record record = bind_record_parts(bind, row);
            targets_reserve(bind, expressions, names, count, &capacity, record.count, position);
            memcpy(*expressions + count, record.fields, record.count * sizeof(*record.fields));
            memcpy(*names + count, record.names, record.count * sizeof(*record.names));
            count += record.count;
            continue;
        }
        targets_reserve(bind, expressions, names, count, &capacity, 1, position);
        const struct expr *expr = bind_expression(scope, target->val);
        enum type_id wanted = count < scope->wanted_count ? scope->wanted[count].id : TYPE_ANY;
        bool real = wanted == TYPE_FLOAT4 || wanted == TYPE_FLOAT8;
        if (count < scope->wanted_count && (expr->type.id == TYPE_UNKNOWN || (expr->unheld && real))) {
            expr = bind_coerce(bind, expr, scope->wanted[count], SQL_CAST_ASSIGNMENT, 0);
        }
        (*expressions)[count] = scope->keep_unknown ? expr : bind_resolve_unknown(bind, expr);
        (*names)[count++] =
            target->name != NULL && target->name[0] != 0 ? target->name : bind_column_name(bind->context, target->val);
    }
    return count;
}

uint32_t select_add_target(struct select *select, const struct expr *expr, const char *name) {
    targets_reserve(select->bind, &select->targets, &select->names, select->target_count, &select->target_capacity, 1,
                    expr->position);
    select->targets[select->target_count] = expr;
    select->names[select->target_count] = name;
    return select->target_count++;
}

/* --- what is not built --- */

static void select_refuse(struct bind *bind, const PgQuery__SelectStmt *node) {
    struct sql_context *context = bind->context;
    if (node->into_clause != NULL && node->into_clause != bind->into) {
        sql_raise(context, KMB_SYNTAX, bind_location(node->into_clause->rel->location),
                  "SELECT ... INTO is not allowed here");
    }
    bind_check_locking(bind, node);
}

/* --- items that name an item of the select list --- */

bool select_ordinal(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target) {
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

const char *select_bare_name(const PgQuery__Node *node) {
    if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node->column_ref->n_fields == 1 &&
        node->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING) {
        return bind_string(node->column_ref->fields[0]);
    }
    return NULL;
}

bool select_alias(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target) {
    const char *name = select_bare_name(node);
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

static bool type_has_equality(enum type_id type) {
    return type == TYPE_VARCHAR || sql_comparison_find("=", type) != NULL;
}

static bool type_has_order(enum type_id type) {
    return type == TYPE_VARCHAR || sql_comparison_find("<", type) != NULL;
}

void bind_check_equality(struct bind *bind, const struct expr *expr) {
    if (bind_is_record(expr)) {
        sql_raise_unsupported(bind->context, expr->position, "DISTINCT or PARTITION BY of a row");
    }
    if (!type_has_equality(expr->type.id)) {
        sql_raise(bind->context, KMB_UNDEFINED_FUNCTION, expr->position,
                  "could not identify an equality operator for type %s", bind_type_text(bind, expr->type));
    }
}

/* --- ORDER BY, DISTINCT, LIMIT --- */

static bool distinct_on(const struct select *select) {
    return select->node->n_distinct_clause > 0 &&
           select->node->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET;
}

static bool with_ties(const struct select *select) {
    return select->node->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES;
}

/* The target an item of ORDER BY or DISTINCT ON means: one of the list by name or number, or an expression. */
static uint32_t select_item_target(struct select *select, const PgQuery__Node *node, const char *clause,
                                   const struct expr **added) {
    struct bind *bind = select->bind;
    uint32_t target = 0;
    *added = NULL;
    if (select_alias(select, node, clause, &target) || select_ordinal(select, node, clause, &target)) {
        return target;
    }
    struct bind_scope place = {.bind = bind,
                               .scope = &select->scope,
                               .place = BIND_ORDER,
                               .aggregates = &select->aggregates,
                               .windows = &select->windows,
                               .sets = &select->sets_called};
    const struct expr *expr = bind_resolve_unknown(bind, bind_expression(&place, node));
    for (uint32_t i = 0; i < select->target_count; i++) {
        if (expr_equal(select->targets[i], expr)) {
            return i;
        }
    }
    *added = expr;
    return select->target_count;
}

static uint32_t select_order_target(struct select *select, const PgQuery__Node *node) {
    struct bind *bind = select->bind;
    const struct expr *expr = NULL;
    uint32_t target = select_item_target(select, node, "ORDER BY", &expr);
    if (expr == NULL) {
        return target;
    }
    if (select->node->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, bind_node_position(node),
                       "Only result column names can be used, not expressions or functions.",
                       "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                       "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    }
    if (select->node->n_distinct_clause > 0 && !distinct_on(select)) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, bind_node_position(node),
                  "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
    }
    return select_add_target(select, expr, "?column?");
}

struct plan_sort_key bind_sort_key(struct bind *bind, const PgQuery__SortBy *sort, const struct expr *expr) {
    const char *use = sort->n_use_op > 0 ? bind_string(sort->use_op[sort->n_use_op - 1]) : "<";
    if (strcmp(use, "<") != 0 && strcmp(use, ">") != 0) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, bind_node_position(sort->node), NULL,
                       "Ordering operators must be \"<\" or \">\" members of btree operator families.",
                       "operator %s is not a valid ordering operator", use);
    }
    if (bind_is_record(expr)) {
        sql_raise_unsupported(bind->context, expr->position, "this place of an order by a row");
    }
    if (!type_has_order(expr->type.id)) {
        sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, bind_node_position(sort->node), NULL,
                       "Use an explicit ordering operator or modify the query.",
                       "could not identify an ordering operator for type %s", bind_type_text(bind, expr->type));
    }
    bool descending = sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC || *use == '>';
    return (struct plan_sort_key){
        .expr = expr,
        .descending = descending,
        .nulls_first = sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                       (sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT && descending)};
}

/* A key over a target, unless there is one already. more: keys still to come. */
static void select_add_key(struct select *select, uint32_t target, const struct plan_sort_key *key, size_t more) {
    struct bind *bind = select->bind;
    for (uint32_t k = 0; k < select->sort_key_count; k++) {
        if (select->sort_keys[k].expr->column == target) {
            return;
        }
    }
    struct plan_sort_key *grown = sql_alloc_zero(bind->context, select->sort_key_count + more + 1, sizeof(*grown));
    if (select->sort_key_count > 0) {
        memcpy(grown, select->sort_keys, select->sort_key_count * sizeof(*grown));
    }
    select->sort_keys = grown;
    grown[select->sort_key_count] = *key;
    grown[select->sort_key_count++].expr = select_column(bind, target, select->targets[target]);
}

/* By its fields, one after the other; a NULL is greater than all else, in either direction. */
static void select_order_by_row(struct select *select, const PgQuery__SortBy *sort, const struct expr *row,
                                size_t more) {
    struct bind *bind = select->bind;
    struct bind_record record = bind_record_parts(bind, row);
    if (select->node->n_distinct_clause > 0) {
        sql_raise_unsupported(bind->context, row->position, "DISTINCT in the order of a row");
    }
    for (uint32_t i = 0; i < record.count; i++) {
        struct plan_sort_key key = bind_sort_key(bind, sort, record.fields[i]);
        key.nulls_first = key.descending;
        select_add_key(select, select_add_target(select, record.fields[i], "?column?"), &key, more);
    }
}

static void select_bind_order(struct select *select) {
    struct bind *bind = select->bind;
    size_t count = select->node->n_sort_clause;
    size_t more = select->node->n_distinct_clause + 1;
    select->sort_keys = sql_alloc_zero(bind->context, more, sizeof(*select->sort_keys));
    for (size_t i = 0; i < count; i++) {
        ASSERT(select->node->sort_clause[i]->node_case == PG_QUERY__NODE__NODE_SORT_BY);
        const PgQuery__SortBy *sort = select->node->sort_clause[i]->sort_by;
        uint32_t target = select_order_target(select, sort->node);
        const struct expr *expr = select->targets[target];
        if (bind_is_record(expr)) {
            select_order_by_row(select, sort, expr, more);
            continue;
        }
        struct plan_sort_key key = bind_sort_key(bind, sort, expr);
        const struct expr *by = bind_sequence_key(expr);
        if (by != NULL && select->node->n_distinct_clause == 0) {
            target = select_add_target(select, by, "?column?");
        }
        select_add_key(select, target, &key, more);
    }
}

static uint32_t item_of(const uint32_t *targets, uint32_t count, uint32_t target) {
    uint32_t item = 0;
    while (item < count && targets[item] != target) {
        item++;
    }
    return item;
}

static _Noreturn void raise_not_initial(const struct select *select, uint32_t item) {
    sql_raise(select->bind->context, KMB_INVALID_COLUMN_REFERENCE,
              bind_node_position(select->node->distinct_clause[item]),
              "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
}

/* DISTINCT ON: of rows equal in these targets the first stays; so they must come first in the order. */
static void select_bind_distinct_on(struct select *select) {
    struct bind *bind = select->bind;
    size_t count = select->node->n_distinct_clause;
    uint32_t *targets = sql_alloc(bind->context, count * sizeof(*targets));
    select->distinct_on = sql_alloc(bind->context, count * sizeof(*select->distinct_on));
    for (size_t i = 0; i < count; i++) {
        const struct expr *added = NULL;
        targets[i] = select_item_target(select, select->node->distinct_clause[i], "DISTINCT ON", &added);
        if (added != NULL) {
            targets[i] = select_add_target(select, added, "?column?");
        }
        bind_check_equality(bind, select->targets[targets[i]]);
        select->distinct_on[i] = select_column(bind, targets[i], select->targets[targets[i]]);
    }
    select->distinct_on_count = (uint32_t)count;
    bool skipped = false; /* a key of the order that is not among them */
    for (uint32_t k = 0; k < select->sort_key_count; k++) {
        uint32_t item = item_of(targets, (uint32_t)count, select->sort_keys[k].expr->column);
        if (item < count && skipped) {
            raise_not_initial(select, item);
        }
        skipped = skipped || item == count;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool sorted = false;
        for (uint32_t k = 0; k < select->sort_key_count; k++) {
            sorted = sorted || select->sort_keys[k].expr->column == targets[i];
        }
        if (!sorted && skipped) {
            raise_not_initial(select, i);
        }
        if (!sorted) {
            select->sort_keys[select->sort_key_count++] =
                (struct plan_sort_key){.expr = select_column(bind, targets[i], select->targets[targets[i]])};
        }
    }
}

static const struct expr *bind_limit(struct select *select, const PgQuery__Node *node, const char *clause,
                                     enum bind_place what) {
    struct bind *bind = select->bind;
    if (what == BIND_LIMIT && with_ties(select) && node != NULL && node->node_case == PG_QUERY__NODE__NODE_A_CONST &&
        node->a_const->isnull) {
        sql_raise(bind->context, KMB_INVALID_LIMIT, 0, "row count cannot be null in FETCH FIRST ... WITH TIES clause");
    }
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
    if (expr_has_column(expr)) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, expr->position,
                  "argument of %s must not contain variables", clause);
    }
    return limit;
}

struct gathered {
    const struct expr **list;
    uint32_t count;
};

static void gather_argument(void *context, const struct expr **place) {
    struct gathered *gathered = context;
    gathered->list[gathered->count++] = *place;
}

static void spread_argument(void *context, const struct expr **place) {
    struct gathered *gathered = context;
    *place = gathered->list[gathered->count++];
}

/* Windows, then set-returning functions, whose arguments may hold windows. */
static void select_compute(struct select *select) {
    struct bind *bind = select->bind;
    uint32_t count = select->target_count;
    uint32_t arguments = 0;
    for (uint32_t i = 0; i < select->sets_called.count; i++) {
        arguments += select->sets_called.calls[i].argument_count;
    }
    struct gathered all = {.list = sql_alloc(bind->context, (count + arguments + 1) * sizeof(*all.list))};
    bind_sets_expressions(&select->sets_called, gather_argument, &all);
    arguments = all.count;
    for (uint32_t i = 0; i < count; i++) {
        all.list[arguments + i] = select->targets[i];
    }
    select->plan = bind_windows_plan(bind, &select->windows, select->plan, all.list, arguments + count);
    all.count = 0;
    bind_sets_expressions(&select->sets_called, spread_argument, &all);
    if (!select_sets_late(select)) {
        select->plan = bind_sets_plan(bind, &select->sets_called, select->plan, all.list + arguments, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        select->targets[i] = all.list[arguments + i];
    }
}

/* The keys of the rows to be locked, behind what the list and ORDER BY ask for. */
static void select_add_keys(struct select *select) {
    struct bind *bind = select->bind;
    const char *name = bind_locking_name(select->node);
    const char *what = select->aggregates.count > 0     ? "aggregate functions"
                       : select->windows.call_count > 0 ? "window functions"
                       : select->sets_called.count > 0  ? "set-returning functions in the target list"
                                                        : NULL;
    if (what != NULL) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "%s is not allowed with %s", name, what);
    }
    select->locks = sql_alloc(bind->context, (select->scope.column_count + 1) * sizeof(*select->locks));
    select->locked = sql_alloc(bind->context, (select->scope.column_count + 1) * sizeof(*select->locked));
    select->lockings = sql_alloc(bind->context, (select->scope.column_count + 1) * sizeof(*select->lockings));
    bind->locked_rows = true;
    for (uint32_t i = 0; i < select->scope.column_count; i++) {
        const struct scope_column *column = &select->scope.columns[i];
        if (column->pseudo && column->name[0] == 0) {
            const struct scope_table *item = &select->scope.tables[column->table];
            select->locked[select->lock_count] = item->table;
            select->lockings[select->lock_count] = bind_locking_of(select->node, item->alias);
            select->lock_skips = select->lock_skips || select->lockings[select->lock_count].wait == PLAN_LOCK_SKIPS;
            select->locks[select->lock_count++] = select_add_target(select, column->expr, "");
        }
    }
}

/* Above LIMIT, for what is not given is not locked; but below where rows are skipped, which are given by nobody. */
static void select_lock(struct select *select) {
    struct bind *bind = select->bind;
    const struct expr **keys = sql_alloc(bind->context, select->lock_count * sizeof(*keys));
    for (uint32_t i = 0; i < select->lock_count; i++) {
        keys[i] = select_column(bind, select->locks[i], select->targets[select->locks[i]]);
    }
    select->plan = bind_plan(bind, PLAN_LOCK, select->plan, NULL);
    select->plan->expressions = keys;
    select->plan->expression_count = select->lock_count;
    select->plan->locked = select->locked;
    select->plan->lockings = select->lockings;
}

static void select_finish(struct select *select) {
    struct bind *bind = select->bind;
    bool aggregated = select->aggregates.count > 0 || select->aggregates.grouping_count > 0 ||
                      select->node->n_group_clause > 0 || select->having != NULL;
    if (select->aggregates.count > 0 && bind_reads_round(select->plan)) {
        sql_raise(bind->context, KMB_INVALID_RECURSION, select->aggregates.list[0].position,
                  "aggregate functions are not allowed in a recursive query's recursive term");
    }
    if (aggregated) {
        select_aggregate(select);
    }
    select_compute(select);
    bool late = select_find_late(select);
    select->plan = late ? select_early_project(select)
                        : bind_project(bind, select->plan, select->targets, select->names, select->target_count);
    if (select->node->n_distinct_clause > 0 && !distinct_on(select)) {
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
    if (select->distinct_on_count > 0) {
        select->plan = bind_plan(bind, PLAN_DISTINCT, select->plan, NULL);
        select->plan->expressions = select->distinct_on;
        select->plan->expression_count = select->distinct_on_count;
    }
    const struct expr *limit = bind_limit(select, select->node->limit_count, "LIMIT", BIND_LIMIT);
    const struct expr *offset = bind_limit(select, select->node->limit_offset, "OFFSET", BIND_OFFSET);
    const struct expr *read =
        late && !select_sets_late(select) && !with_ties(select) ? select_rows_read(bind, limit, offset) : NULL;
    if (read != NULL) {
        select->plan = bind_plan(bind, PLAN_LIMIT, select->plan, NULL);
        select->plan->limit = read;
        limit = NULL;
    }
    if (late) {
        select->plan = select_late_project(select);
    }
    if (select->lock_skips) {
        select_lock(select);
        select->plan->limit = with_ties(select) ? NULL : limit;
        select->plan->offset = offset;
    }
    if (limit != NULL || offset != NULL) {
        select->plan = bind_plan(bind, PLAN_LIMIT, select->plan, NULL);
        select->plan->limit = limit;
        select->plan->offset = offset;
        if (with_ties(select)) {
            select->plan->sort_keys = sql_alloc(bind->context, select->sort_key_count * sizeof(struct plan_sort_key));
            memcpy(select->plan->sort_keys, select->sort_keys, select->sort_key_count * sizeof(struct plan_sort_key));
            select->plan->sort_key_count = select->sort_key_count;
        }
    }
    if (select->lock_count > 0 && !select->lock_skips) {
        select_lock(select);
    }
    if (select->target_count > select->visible) { /* drop what ORDER BY added */
        const struct expr **kept = sql_alloc(bind->context, (select->visible + 1) * sizeof(*kept));
        for (uint32_t i = 0; i < select->visible; i++) {
            kept[i] = select_column(bind, i, select->targets[i]);
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

/* The place of a name in FROM that is the query's own, not one of a query within it; 0: there is none. */
static uint32_t from_position(const PgQuery__Node *item) {
    switch ((int)item->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        return bind_location(item->range_var->location);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        return from_position(item->range_table_sample->relation);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        return bind_node_position(item->range_function->functions[0]->list->items[0]);
    case PG_QUERY__NODE__NODE_JOIN_EXPR: { /* as deep as the token pass lets it be */
        uint32_t left = from_position(item->join_expr->larg);
        return left != 0 ? left : from_position(item->join_expr->rarg);
    }
    default:
        return 0;
    }
}

/* SELECT FROM t: a name in FROM says where the query is. */
static const struct tokens_clause *bare_clause(struct bind *bind, const PgQuery__SelectStmt *node) {
    uint32_t position = 0;
    for (size_t i = 0; i < node->n_from_clause && position == 0; i++) {
        position = from_position(node->from_clause[i]);
    }
    if (position == 0 && node->n_from_clause > 0) {
        sql_raise_unsupported(bind->context, bind->tokens->clauses[0].position,
                              "time travel in a query without a select list over queries alone");
    }
    return position == 0 ? NULL : tokens_clause_of(bind->tokens, position);
}

static const struct tokens_clause *select_clause(struct bind *bind, const PgQuery__SelectStmt *node) {
    if (bind->view_depth > 0) {
        return bind->view_clause;
    }
    if (bind->tokens == NULL || bind->tokens->clause_count == 0) {
        return NULL;
    }
    if (node->n_target_list == 0) {
        return bare_clause(bind, node);
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
    struct bind_locks locks = {.query = node};
    struct bind_locks *outer = bind->locks;
    bind->locks = node->n_locking_clause > 0 ? &locks : NULL;
    select->plan = bind_from(bind, node->from_clause, node->n_from_clause, clause, &select->scope);
    bind->locks = outer;
    if (node->n_locking_clause > 0) {
        bind_check_locked(bind, &locks, &select->scope, select->plan);
    }
    struct bind_scope place = {.bind = bind, .scope = &select->scope, .place = BIND_WHERE};
    if (node->where_clause != NULL) {
        const struct expr *where = bind_condition(&place, node->where_clause, "WHERE");
        select->plan = bind_plan(bind, PLAN_FILTER, select->plan, NULL);
        select->plan->predicate = where;
    }
    if (bind->spell_stars) {
        bind_spell_stars(bind, node, &select->scope);
    }
    targets.bind = bind;
    targets.scope = &select->scope;
    targets.place = BIND_SELECT;
    targets.aggregates = &select->aggregates;
    targets.windows = &select->windows;
    targets.sets = &select->sets_called;
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
    const struct bind_seen *seen = bind->seen;
    uint32_t around = bind->query;
    bind->query = ++bind->query_count;
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
    if (distinct_on(select)) {
        select_bind_distinct_on(select);
    }
    if (node->n_locking_clause > 0) {
        select_add_keys(select);
    }
    select_finish(select);
    bind->ctes = in_sight;
    bind->seen = seen;
    bind->query = around;
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
