/*
 * Queries inside expressions: (SELECT ...), EXISTS, IN, ANY, ALL.
 *
 * A subquery is bound as a query of its own, one level further in. A name that it does not know is looked up in the
 * query around it; what it stands for there becomes a value that the subquery is given before it runs (EXPR_OUTER), and
 * an argument of the EXPR_SUBQUERY, over the row of the query around it. So everything that rewrites expressions
 * rewrites what a subquery takes from outside, without looking into it. A name found two levels out is handed in twice.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "types/array.h"

const struct expr *bind_outer_value(struct bind *bind, struct bind_level *level, const struct expr *value,
                                    uint32_t position) {
    uint32_t number = 0;
    while (number < level->value_count && !expr_equal(level->values[number], value)) {
        number++;
    }
    if (number == level->value_count) {
        if (level->value_count == level->value_capacity) {
            uint32_t capacity = level->value_capacity == 0 ? 4 : level->value_capacity * 2;
            const struct expr **grown = sql_alloc(bind->context, capacity * sizeof(*grown));
            if (level->value_count > 0) {
                memcpy(grown, level->values, level->value_count * sizeof(*grown));
            }
            level->values = grown;
            level->value_capacity = capacity;
        }
        level->values[level->value_count++] = value;
    }
    bind->taken++;
    struct expr *outer = sql_alloc_zero(bind->context, 1, sizeof(*outer));
    outer->kind = EXPR_OUTER;
    outer->type = value->type;
    outer->column = number;
    outer->position = position;
    return outer;
}

const uint32_t *bind_level_mark(struct bind *bind) {
    uint32_t depth = 0;
    for (const struct bind_level *level = bind->level; level != NULL; level = level->outer) {
        depth++;
    }
    uint32_t *mark = sql_alloc(bind->context, (depth + 1) * sizeof(*mark));
    depth = 0;
    for (const struct bind_level *level = bind->level; level != NULL; level = level->outer) {
        mark[depth++] = level->value_count;
    }
    return mark;
}

void bind_level_forget(struct bind_level *level, const uint32_t *mark) {
    for (; level != NULL; level = level->outer) {
        level->value_count = *mark++;
    }
}

static void check_place(const struct bind_scope *scope, uint32_t position) {
    const char *place = scope->place == BIND_CHECK        ? "check constraint"
                        : scope->place == BIND_DEFAULT    ? "DEFAULT expression"
                        : scope->place == BIND_GENERATED  ? "column generation expression"
                        : scope->place == BIND_TRANSFORM  ? "transform expression"
                        : scope->place == BIND_INDEX      ? "index expression"
                        : scope->place == BIND_PREDICATE  ? "index predicate"
                        : scope->place == BIND_EXECUTE    ? "EXECUTE parameter"
                        : scope->place == BIND_COPY_WHERE ? "COPY FROM WHERE condition"
                                                          : NULL;
    if (place != NULL) {
        sql_raise(scope->bind->context, KMB_UNSUPPORTED, position, "cannot use subquery in %s", place);
    }
}

/* The left operands of IN, ANY and ALL. */
static uint32_t bind_operands(const struct bind_scope *scope, const PgQuery__Node *node,
                              const struct expr ***operands) {
    bool row = node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
    uint32_t count = row ? (uint32_t)node->row_expr->n_args : 1;
    *operands = sql_alloc(scope->bind->context, (count + 1) * sizeof(**operands));
    for (uint32_t i = 0; i < count; i++) {
        (*operands)[i] = bind_expression(scope, row ? node->row_expr->args[i] : node);
    }
    return count;
}

/* (a, b) = (x, y) is a = x AND b = y; <> is the opposite. */
static const struct expr *join_pairs(struct bind *bind, const struct expr **pairs, uint32_t count, bool unequal,
                                     uint32_t position) {
    if (count == 1) {
        return pairs[0];
    }
    struct expr *all = sql_alloc_zero(bind->context, 1, sizeof(*all));
    all->kind = unequal ? EXPR_OR : EXPR_AND;
    all->type = type_make(TYPE_BOOL);
    all->position = position;
    all->arguments = pairs;
    all->argument_count = count;
    return all;
}

/* The operands, as outer values, against the columns of the subquery's row. */
static const struct expr *compared_rows(struct bind *bind, const char *name, struct bind_level *level,
                                        const struct plan_node *root, const struct expr *const *operands,
                                        uint32_t count, uint32_t position) {
    const struct expr **left = sql_alloc(bind->context, (count + 1) * sizeof(*left));
    const struct expr **right = sql_alloc(bind->context, (count + 1) * sizeof(*right));
    for (uint32_t i = 0; i < count; i++) {
        bool constant = operands[i]->kind == EXPR_CONSTANT;
        left[i] = constant ? operands[i] : bind_outer_value(bind, level, operands[i], position);
        struct expr *column = bind_expr_new(bind, EXPR_COLUMN, root->columns[i].type, 0, position);
        column->column = i;
        right[i] = column;
    }
    return bind_row_pairs(bind, name, left, right, count, position);
}

static void bind_comparison(const struct bind_scope *scope, const PgQuery__SubLink *node, struct bind_level *level,
                            struct plan_subquery *subquery, const struct expr *const *operands, uint32_t count) {
    struct bind *bind = scope->bind;
    uint32_t position = subquery->position;
    const char *name = node->n_oper_name == 0 ? "=" : bind_string(node->oper_name[node->n_oper_name - 1]);
    if (count != subquery->root->column_count) {
        sql_raise(bind->context, KMB_SYNTAX, position, "subquery has too %s columns",
                  subquery->root->column_count > count ? "many" : "few");
    }
    bool unequal = strcmp(name, "<>") == 0;
    if (count > 1 && !unequal && strcmp(name, "=") != 0) {
        subquery->comparison = compared_rows(bind, name, level, subquery->root, operands, count, position);
        return;
    }
    const struct expr **pairs = sql_alloc(bind->context, (count + 1) * sizeof(*pairs));
    for (uint32_t i = 0; i < count; i++) {
        struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
        column->kind = EXPR_COLUMN;
        column->column = i;
        column->type = subquery->root->columns[i].type;
        const struct expr *bound = bind_operator(bind, name, operands[i], column, position);
        if (bound->type.id != TYPE_BOOL) {
            sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position, "operator ANY/ALL must yield boolean");
        }
        ASSERT(bound->kind == EXPR_CALL && bound->argument_count == 2);
        struct expr *pair = sql_alloc(bind->context, sizeof(*pair));
        *pair = *bound;
        pair->arguments = sql_alloc(bind->context, 2 * sizeof(*pair->arguments));
        pair->arguments[0] = bind_outer_value(bind, level, bound->arguments[0], position);
        pair->arguments[1] = bound->arguments[1];
        pairs[i] = pair;
    }
    subquery->comparison = join_pairs(bind, pairs, count, unequal, position);
}

static struct plan_subquery *subquery_new(struct bind *bind, const PgQuery__SubLink *node) {
    struct plan_subquery *subquery = sql_alloc_zero(bind->context, 1, sizeof(*subquery));
    subquery->position = bind_location(node->location);
    switch ((int)node->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        subquery->kind = PLAN_SUBQUERY_EXISTS;
        break;
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
        subquery->kind = PLAN_SUBQUERY_ANY;
        break;
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
        subquery->kind = PLAN_SUBQUERY_ALL;
        break;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        subquery->kind = PLAN_SUBQUERY_SCALAR;
        break;
    default:
        sql_raise_unsupported(bind->context, subquery->position, "comparison of rows with a subquery");
    }
    subquery->number = ++bind->subquery_count;
    return subquery;
}

/* ARRAY (SELECT x ...) is what array_agg(x) makes of the rows in their order. */
static struct plan_node *collect_rows(struct bind *bind, struct plan_node *rows, uint32_t position) {
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(bind->context, SQL_FUNCTION_AGGREGATE, "array_agg", &candidate_count);
    struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
    column->kind = EXPR_COLUMN;
    column->type = rows->columns[0].type;
    column->position = position;
    const struct expr *arguments[1] = {column};
    const struct expr *call = bind_chosen_call(bind, candidates, candidate_count, "array_agg", arguments, 1, position);
    struct plan_node *aggregate = bind_plan(bind, PLAN_AGGREGATE, rows, NULL);
    aggregate->aggregates = sql_alloc_zero(bind->context, 1, sizeof(*aggregate->aggregates));
    aggregate->aggregates[0] = (struct plan_aggregate){.function = call->function,
                                                       .arguments = call->arguments,
                                                       .argument_count = 1,
                                                       .type = call->type,
                                                       .position = position};
    aggregate->aggregate_count = 1;
    aggregate->column_count = 1;
    aggregate->columns = sql_alloc_zero(bind->context, 1, sizeof(*aggregate->columns));
    aggregate->columns[0] = (struct plan_column){.name = "array", .type = call->type};
    return aggregate;
}

/* Without rows it is the empty array. */
static const struct expr *array_or_empty(struct bind *bind, const struct expr *array) {
    struct expr *empty = sql_alloc_zero(bind->context, 1, sizeof(*empty));
    empty->kind = EXPR_CONSTANT;
    empty->type = array->type;
    struct array_shape none = {0};
    sql_try(bind->context, array_make(type_element(array->type.id), &none, NULL, &bind->context->arena, &empty->value,
                                      bind->context->error));
    struct expr *choice = sql_alloc_zero(bind->context, 1, sizeof(*choice));
    choice->kind = EXPR_COALESCE;
    choice->type = array->type;
    choice->position = array->position;
    choice->argument_count = 2;
    choice->arguments = sql_alloc(bind->context, 2 * sizeof(*choice->arguments));
    choice->arguments[0] = array;
    choice->arguments[1] = empty;
    return choice;
}

/* A scalar subquery's one row as a value: its parts are the columns, each an expression of its own. */
static const struct expr *row_of_subquery(struct bind *bind, const struct expr *expr) {
    struct plan_subquery *subquery = expr->subquery;
    bind_record_unfold(bind, subquery->root);
    const struct plan_record *parts = subquery->root->columns[0].record;
    const struct expr **columns = sql_alloc(bind->context, parts->count * sizeof(*columns));
    struct bind_record record = {.count = parts->count - 1, .names = parts->names + 1};
    record.fields = sql_alloc(bind->context, parts->count * sizeof(*record.fields));
    for (uint32_t i = 0; i < parts->count; i++) {
        struct type type = subquery->root->columns[parts->first + i].type;
        struct expr *column = bind_expr_new(bind, EXPR_COLUMN, type, 0, 0);
        column->column = parts->first + i;
        columns[i] = column;
        struct expr *part = sql_alloc(bind->context, sizeof(*part));
        *part = *expr;
        part->column = i;
        part->type = type;
        if (i == 0) {
            record.there = part;
        } else {
            record.fields[i - 1] = part;
        }
    }
    subquery->root = bind_project(bind, subquery->root, columns, parts->names, parts->count);
    subquery->shares = parts->count;
    return bind_record(bind, &record, expr->position);
}

/* columns: that a scalar one must give; 0: it is one value. */
static const struct expr *sub_link(const struct bind_scope *scope, const PgQuery__SubLink *node, uint32_t columns) {
    struct bind *bind = scope->bind;
    struct plan_subquery *subquery = subquery_new(bind, node);
    uint32_t position = subquery->position;
    check_place(scope, position);
    const struct expr **operands = NULL;
    uint32_t operand_count = 0;
    bool compares = subquery->kind == PLAN_SUBQUERY_ANY || subquery->kind == PLAN_SUBQUERY_ALL;
    if (compares) {
        operand_count = bind_operands(scope, node->testexpr, &operands);
    }
    struct bind_level level = {.outer = bind->level, .place = scope};
    bind->level = &level;
    bind->depth++;
    subquery->root = bind_select(bind, node->subselect->select_stmt);
    while (subquery->kind == PLAN_SUBQUERY_EXISTS && subquery->root->kind == PLAN_PROJECT) {
        subquery->root = subquery->root->left; /* what would be selected is not computed */
    }
    bind->depth--;
    bind->level = level.outer;
    subquery->outer_count = level.value_count;
    bool array = node->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK;
    if (array && subquery->root->column_count == 1) {
        subquery->root = collect_rows(bind, subquery->root, position);
    }
    if (compares) {
        bind_refuse_records(bind, subquery->root, "a subquery that is compared with");
        bind_comparison(scope, node, &level, subquery, operands, operand_count);
    }
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_SUBQUERY;
    expr->type = type_make(TYPE_BOOL);
    expr->position = position;
    expr->subquery = subquery;
    expr->arguments = level.values;
    expr->argument_count = level.value_count;
    if (subquery->kind == PLAN_SUBQUERY_SCALAR) {
        if (subquery->root->column_count != (columns == 0 ? 1 : columns)) {
            sql_raise(bind->context, KMB_SYNTAX, position,
                      columns == 0 ? "subquery must return only one column"
                                   : "number of columns does not match number of values");
        }
        expr->type = subquery->root->columns[0].type;
    }
    subquery->shares = columns;
    if (subquery->kind == PLAN_SUBQUERY_SCALAR && !array && subquery->root->columns[0].record != NULL) {
        return row_of_subquery(bind, expr);
    }
    return array ? array_or_empty(bind, expr) : expr;
}

const struct expr *bind_sub_link(const struct bind_scope *scope, const PgQuery__SubLink *node) {
    return sub_link(scope, node, 0);
}

const struct expr *bind_sub_link_row(const struct bind_scope *scope, const PgQuery__SubLink *node, uint32_t columns) {
    ASSERT(node->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK && columns > 0);
    return sub_link(scope, node, columns);
}

const struct expr *bind_sub_link_compared(const struct bind_scope *scope, const char *name, const PgQuery__RowExpr *row,
                                          const PgQuery__SubLink *node) {
    struct bind *bind = scope->bind;
    struct plan_subquery *subquery = subquery_new(bind, node);
    check_place(scope, subquery->position);
    const struct expr **operands = NULL;
    uint32_t count = bind_row_fields(scope, row, &operands);
    struct bind_level level = {.outer = bind->level, .place = scope};
    bind->level = &level;
    bind->depth++;
    struct plan_node *rows = bind_select(bind, node->subselect->select_stmt);
    bind->depth--;
    bind->level = level.outer;
    bind_refuse_records(bind, rows, "a subquery that is compared with");
    if (rows->column_count != count) {
        sql_raise(bind->context, KMB_SYNTAX, subquery->position, "subquery has too %s columns",
                  rows->column_count > count ? "many" : "few");
    }
    const struct expr **compared = sql_alloc(bind->context, sizeof(*compared));
    const char **names = sql_alloc(bind->context, sizeof(*names));
    compared[0] = compared_rows(bind, name, &level, rows, operands, count, subquery->position);
    names[0] = "?column?";
    subquery->root = bind_project(bind, rows, compared, names, 1);
    subquery->outer_count = level.value_count;
    struct expr *expr = bind_expr_new(bind, EXPR_SUBQUERY, type_make(TYPE_BOOL), 0, subquery->position);
    expr->subquery = subquery;
    expr->arguments = level.values;
    expr->argument_count = level.value_count;
    return expr;
}
