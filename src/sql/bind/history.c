/*
 * The history of a table in FROM: kimberlite_history(table), kimberlite_diff(table, a, b), FOR SYSTEM_TIME with a
 * range.
 *
 * The first and the last read the versions of the rows with six columns behind the table's own that say when a version
 * held and what made it. The function tells all that happened, deletions too, and shows the six in *. A range gives
 * what was valid in it, and the six only to those who name them.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

enum {
    HISTORY_POSITION_FROM,
    HISTORY_POSITION_TO,
    HISTORY_TIME_FROM,
    HISTORY_TIME_TO,
    HISTORY_OPERATION,
    HISTORY_ENTRY,
    HISTORY_COLUMNS,
};

static const struct plan_column history_columns[HISTORY_COLUMNS] = {
    [HISTORY_POSITION_FROM] = {.name = "_position_from", .type = {.id = TYPE_INT8, .modifier = -1}},
    [HISTORY_POSITION_TO] = {.name = "_position_to", .type = {.id = TYPE_INT8, .modifier = -1}},
    [HISTORY_TIME_FROM] = {.name = "_time_from", .type = {.id = TYPE_TIMESTAMPTZ, .modifier = -1}},
    [HISTORY_TIME_TO] = {.name = "_time_to", .type = {.id = TYPE_TIMESTAMPTZ, .modifier = -1}},
    [HISTORY_OPERATION] = {.name = "_operation", .type = {.id = TYPE_TEXT, .modifier = -1}},
    [HISTORY_ENTRY] = {.name = "_entry", .type = {.id = TYPE_INT8, .modifier = -1}},
};

/* The versions of a table: its columns, and behind them the six. */
static struct plan_node *history_node(struct bind *bind, const struct catalogue *catalogue,
                                      const struct table_definition *table, const char *alias) {
    struct plan_node *node = bind_scan(bind, catalogue, table, alias);
    node->kind = PLAN_HISTORY;
    uint32_t count = node->column_count + HISTORY_COLUMNS;
    struct plan_column *columns = sql_alloc(bind->context, count * sizeof(*columns));
    if (node->column_count > 0) {
        memcpy(columns, node->columns, node->column_count * sizeof(*columns));
    }
    memcpy(columns + node->column_count, history_columns, sizeof(history_columns));
    node->columns = columns;
    node->column_count = count;
    return node;
}

/* --- kimberlite_history(table) --- */

/* The table that the first argument names, as a name or as a string. */
static bool argument_names_table(struct bind *bind, const PgQuery__Node *argument, PgQuery__RangeVar *name) {
    const char *schema = NULL;
    const char *table = NULL;
    *name = (PgQuery__RangeVar)PG_QUERY__RANGE_VAR__INIT;
    if (argument->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
        bind_name_parts(bind, argument->column_ref->fields, argument->column_ref->n_fields, &schema, &table);
        name->location = argument->column_ref->location;
    } else if (argument->node_case == PG_QUERY__NODE__NODE_A_CONST &&
               argument->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL) {
        parse_relation_name(bind->context, slice_text(argument->a_const->sval->sval), &schema, &table);
        name->location = argument->a_const->location;
    } else {
        return false;
    }
    name->relname = (char *)(uintptr_t)table;
    name->schemaname = schema == NULL ? name->schemaname : (char *)(uintptr_t)schema;
    return true;
}

/* In a view the argument becomes a text with the table's schema. */
static void argument_spell(struct bind *bind, const PgQuery__FuncCall *call, const struct table_definition *table) {
    if (bind->spell_names) {
        const char *text = sql_qualified(bind->context, table->schema_name, table->name);
        call->args[0] = parse_expression(bind->context, parse_quote_text(bind->context, text));
    }
}

static const struct table_definition *find_stored(struct bind *bind, const struct catalogue *catalogue,
                                                  const PgQuery__RangeVar *name) {
    const struct table_definition *table = bind_find_table(bind, catalogue, name);
    if (table == NULL) {
        bind_no_relation(bind, name);
    }
    if (!definition_is_table(table)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "\"%s\" is not a table",
                  name->relname);
    }
    return table;
}

struct plan_node *bind_history(struct bind *bind, const PgQuery__FuncCall *call, const PgQuery__Alias *alias,
                               const struct tokens_clause *clause, struct scope *scope) {
    uint32_t position = bind_location(call->location);
    PgQuery__RangeVar name;
    if (call->n_args != 1 || !argument_names_table(bind, call->args[0], &name)) {
        sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, position, NULL, "Write kimberlite_history(table).",
                       "kimberlite_history needs the name of one table");
    }
    struct plan_at at;
    const struct bind_view *view = bind_moment_of(bind, bind_clause_at(bind, position, clause), &at);
    const struct table_definition *table = find_stored(bind, view->catalogue, &name);
    argument_spell(bind, call, table);
    const char *alias_name = alias != NULL ? alias->aliasname : "kimberlite_history";
    struct plan_node *node = history_node(bind, view->catalogue, table, alias_name);
    node->at = at;
    bind_apply_alias(bind, alias, node, position);
    bind_item_scope(bind, node, alias_name, NULL, position, scope);
    return node;
}

/* --- kimberlite_diff('table', a, b) --- */

static bool visit_alone(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_SUBQUERY;
}

static bool visit_known(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_COLUMN && node->kind != EXPR_OUTER &&
           (node->kind != EXPR_CALL || node->function->volatility != SQL_VOLATILE);
}

/* One of the two moments: a number is a position, a time a time. */
static struct plan_at diff_moment(struct bind *bind, const PgQuery__Node *node) {
    struct bind_scope place = {.bind = bind, .place = BIND_FUNCTION};
    uint32_t position = bind_node_position(node);
    const struct expr *value = bind_expression(&place, node);
    if (!expr_walk(value, visit_alone, NULL)) { /* the columns are those of the moment, which has to be known first */
        sql_raise_with(bind->context, KMB_UNSUPPORTED, position, NULL,
                       "Ask for the moment in a statement of its own, and give it as a parameter.",
                       "a query in a moment of kimberlite_diff is not supported");
    }
    if (!expr_walk(value, visit_known, NULL)) {
        sql_raise_unsupported(bind->context, position, "a moment of kimberlite_diff that is not the same for all rows");
    }
    enum type_id id = value->type.id;
    bool time = id == TYPE_DATE || id == TYPE_TIMESTAMP || id == TYPE_TIMESTAMPTZ ||
                (id == TYPE_UNKNOWN && value->kind == EXPR_CONSTANT);
    struct type type = type_make(time ? TYPE_TIMESTAMPTZ : TYPE_INT8);
    const struct expr *typed = bind_coerce(bind, value, type, SQL_CAST_ASSIGNMENT, position);
    if (typed == NULL || (!time && id != TYPE_INT2 && id != TYPE_INT4 && id != TYPE_INT8 && id != TYPE_UNKNOWN)) {
        sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, position, NULL,
                       "Write kimberlite_diff('table', from, to), with positions or times.",
                       "a moment of kimberlite_diff must be a position or a time, not %s",
                       bind_type_text(bind, value->type));
    }
    return (struct plan_at){.kind = time ? PLAN_AT_TIME : PLAN_AT_POSITION, .value = typed, .position = position};
}

static bool is_key_column(const struct table_definition *table, const struct column_definition *column) {
    for (uint32_t i = 0; i < table->primary_key_count; i++) {
        if (column_id_equal(table->primary_key[i].column, column->id)) {
            return true;
        }
    }
    return false;
}

/* Behind the table's columns: those of the old row that are no key, with old_ before their names, and what happened. */
static void diff_columns(struct bind *bind, struct plan_node *node) {
    uint32_t own = node->column_count;
    struct plan_column *columns = sql_alloc_zero(bind->context, 2 * own + 2, sizeof(*columns));
    uint32_t count = 0;
    for (; count < own; count++) {
        columns[count] = node->columns[count];
    }
    for (uint32_t i = 0; i < own; i++) {
        if (!is_key_column(node->table, catalogue_column(node->catalogue, node->table, i))) {
            columns[count] = node->columns[i];
            columns[count++].name = sql_printf(bind->context, "old_%s", node->columns[i].name);
        }
    }
    columns[count++] = (struct plan_column){.name = "_operation", .type = {.id = TYPE_TEXT, .modifier = -1}};
    columns[count++] = (struct plan_column){.name = "_position", .type = {.id = TYPE_INT8, .modifier = -1}};
    node->columns = columns;
    node->column_count = count;
}

struct plan_node *bind_diff(struct bind *bind, const PgQuery__FuncCall *call, const PgQuery__Alias *alias,
                            struct scope *scope) {
    uint32_t position = bind_location(call->location);
    PgQuery__RangeVar name;
    if (call->n_args != 3 || !argument_names_table(bind, call->args[0], &name)) {
        sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, position, NULL,
                       "Write kimberlite_diff('table', from, to), with positions or times.",
                       "kimberlite_diff needs the name of one table and two moments");
    }
    if (bind->host->at.kind != PLAN_AT_NONE) {
        sql_raise(
            bind->context, KMB_USAGE, position,
            "kimberlite_diff names its moments itself, although a point to read at was given beside the statement");
    }
    const struct tokens_clause *clause = bind_clause_behind(bind, position);
    if (clause != NULL) {
        sql_raise(bind->context, KMB_SYNTAX, clause->position, "kimberlite_diff names its moments itself");
    }
    struct plan_at since = diff_moment(bind, call->args[1]);
    struct plan_at at = diff_moment(bind, call->args[2]);
    bind->reads_past = true;
    (void)bind_moment(bind, &since);
    const struct bind_view *view = bind_moment(bind, &at);
    const struct table_definition *table = find_stored(bind, view->catalogue, &name);
    const char *alias_name = alias != NULL ? alias->aliasname : "kimberlite_diff";
    struct plan_node *node = bind_scan(bind, view->catalogue, table, alias_name);
    node->kind = PLAN_DIFF;
    node->at = at;
    node->since = since;
    diff_columns(bind, node);
    bind_apply_alias(bind, alias, node, position);
    bind_item_scope(bind, node, alias_name, NULL, position, scope);
    return node;
}

/* --- FOR SYSTEM_TIME FROM a TO b, BETWEEN a AND b, ALL --- */

void bind_refuse_range(struct bind *bind, uint32_t reference) {
    const struct tokens_range *range = bind_range_at(bind, reference);
    if (range != NULL) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, range->position, NULL,
                       "Only a table has versions of its rows.", "FOR SYSTEM_TIME with a range needs a table");
    }
}

static struct expr *range_expr(struct bind *bind, enum expr_kind kind, const struct expr *a, const struct expr *b) {
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = kind;
    expr->type = type_make(TYPE_BOOL);
    expr->arguments = sql_alloc(bind->context, 2 * sizeof(*expr->arguments));
    expr->arguments[0] = a;
    expr->arguments[1] = b;
    expr->argument_count = b == NULL ? 1 : 2;
    return expr;
}

/* NULL in place of an end: the version still stands. */
static const struct expr *ends_behind(struct bind *bind, const struct expr *end, const struct expr *point) {
    return range_expr(bind, EXPR_OR, range_expr(bind, EXPR_IS_NULL, end, NULL),
                      bind_operator(bind, ">", end, point, 0));
}

/* Which versions the range takes: those that were valid at some time in it. A deletion is no version, and one that was
 * gone before its transaction ended was valid at no time. */
static const struct expr *range_condition(struct bind *bind, const struct tokens_range *range,
                                          const struct plan_node *node) {
    uint32_t first = node->column_count - HISTORY_COLUMNS;
    const struct expr *columns[HISTORY_COLUMNS];
    for (uint32_t i = 0; i < HISTORY_COLUMNS; i++) {
        struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
        column->kind = EXPR_COLUMN;
        column->type = history_columns[i].type;
        column->column = first + i;
        columns[i] = column;
    }
    struct expr *deletion = sql_alloc_zero(bind->context, 1, sizeof(*deletion));
    deletion->kind = EXPR_CONSTANT;
    deletion->type = type_make(TYPE_TEXT);
    deletion->value = value_text(slice_text("DELETE"));
    const struct expr *valid = bind_operator(bind, "<>", columns[HISTORY_OPERATION], deletion, 0);
    if (range->kind == TOKENS_RANGE_ALL) {
        return valid;
    }
    bool by_time = range->low.kind == TOKENS_TIME;
    const struct expr *from = columns[by_time ? HISTORY_TIME_FROM : HISTORY_POSITION_FROM];
    const struct expr *to = columns[by_time ? HISTORY_TIME_TO : HISTORY_POSITION_TO];
    const struct expr *low = bind_point_value(bind, &range->low);
    const struct expr *high = bind_point_value(bind, &range->high);
    const char *before = range->kind == TOKENS_RANGE_BETWEEN ? "<=" : "<";
    valid = range_expr(bind, EXPR_AND, valid, bind_operator(bind, before, low, high, 0));
    valid = range_expr(bind, EXPR_AND, valid, bind_operator(bind, before, from, high, 0));
    valid = range_expr(bind, EXPR_AND, valid, ends_behind(bind, to, low));
    return by_time ? range_expr(bind, EXPR_AND, valid, ends_behind(bind, to, from)) : valid;
}

struct plan_node *bind_range(struct bind *bind, const PgQuery__RangeVar *name, const struct tokens_range *range,
                             const struct tokens_clause *clause, struct scope *scope) {
    const char *alias = name->alias != NULL ? name->alias->aliasname : name->relname;
    uint32_t position = bind_location(name->location);
    struct plan_at at;
    const struct bind_view *view = bind_moment_of(bind, clause, &at);
    const struct table_definition *table = find_stored(bind, view->catalogue, name);
    struct plan_node *node = history_node(bind, view->catalogue, table, alias);
    node->at = at;
    bind->reads_past = true;
    struct plan_node *valid = bind_plan(bind, PLAN_FILTER, node, NULL);
    valid->predicate = range_condition(bind, range, node);
    uint32_t own = node->column_count - HISTORY_COLUMNS;
    valid->column_count = own; /* an alias renames the table's columns alone */
    bind_apply_alias(bind, name->alias, valid, position);
    valid->column_count = node->column_count;
    bind_item_scope(bind, valid, alias, name->alias != NULL ? NULL : bind_text(bind->context, table->schema_name),
                    position, scope);
    for (uint32_t i = own; i < scope->column_count; i++) {
        scope->columns[i].pseudo = true;
        for (uint32_t k = 0; k < own; k++) { /* a column of the table's own goes before */
            scope->columns[i].shadowed =
                scope->columns[i].shadowed || strcmp(scope->columns[i].name, scope->columns[k].name) == 0;
        }
    }
    return valid;
}
