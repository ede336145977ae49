/*
 * Views: queries with a name.
 *
 * A view keeps the SQL of its query, every * spelled out as the columns it stood for, and its columns' names and types.
 * Who reads it binds that text anew, in the catalogue of the moment that is read: so a view read AT OFFSET n is the
 * view of n over the tables of n. Nothing of the statement around it can be seen from inside: no names, no WITH
 * queries, no positions in the text.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "sql/type_text.h"

#define VIEW_DEPTH_MAX 100

static const char *text_of(struct bind *bind, struct slice slice) {
    return bind_text(bind->context, slice);
}

/* What stands in a kept text names its schemas, or means the default one; sequences named by plain literals, too. */
PgQuery__SelectStmt *bind_view_query(struct bind *bind, const struct table_definition *view) {
    PgQuery__SelectStmt *query = parse_query(bind->context, text_of(bind, view->view_query));
    parse_spell_sequences(bind->context, &query->base);
    return query;
}

/* --- reading --- */

struct plan_node *bind_view_rows_of(struct bind *bind, const struct catalogue *catalogue,
                                    const struct table_definition *view, const PgQuery__SelectStmt *query,
                                    const struct tokens_clause *clause) {
    struct sql_context *context = bind->context;
    const char *name = text_of(bind, view->name);
    if (bind->view_depth == VIEW_DEPTH_MAX) {
        sql_raise(context, KMB_TOO_COMPLEX, 0, "view \"%s\" stands on more than %d views, or on itself", name,
                  VIEW_DEPTH_MAX);
    }
    struct bind_level *level = bind->level;
    struct bind_cte *ctes = bind->ctes;
    const struct tokens_clause *outer_clause = bind->view_clause;
    bool spell_stars = bind->spell_stars;
    bool spell_names = bind->spell_names;
    bind->level = NULL;
    bind->ctes = NULL;
    bind->view_clause = clause;
    bind->spell_stars = false;
    bind->spell_names = false;
    bind->view_depth++;
    bind->stored++;
    struct plan_node *node = bind_select(bind, query);
    bind->stored--;
    bind->view_depth--;
    bind->spell_stars = spell_stars;
    bind->spell_names = spell_names;
    bind->view_clause = outer_clause;
    bind->ctes = ctes;
    bind->level = level;
    uint32_t count = catalogue_column_count(catalogue, view);
    bool fits = count == node->column_count;
    for (uint32_t i = 0; fits && i < count; i++) {
        fits = catalogue_column(catalogue, view, i)->type.id == node->columns[i].type.id;
    }
    if (!fits) {
        sql_raise_with(context, KMB_INVALID_TABLE_DEFINITION, 0, NULL, "Drop the view and create it anew.",
                       "the query of view \"%s\" no longer gives the view's columns", name);
    }
    struct plan_column *columns = sql_alloc(context, (count + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = node->columns[i];
        columns[i].name = text_of(bind, catalogue_column(catalogue, view, i)->name);
    }
    node->columns = columns;
    return node;
}

struct plan_node *bind_view_rows(struct bind *bind, const struct catalogue *catalogue,
                                 const struct table_definition *view, const struct tokens_clause *clause) {
    return bind_view_rows_of(bind, catalogue, view, bind_view_query(bind, view), clause);
}

/* --- writing --- */

static const char *not_simple(const PgQuery__SelectStmt *query) {
    bool one = query->n_from_clause == 1 && query->from_clause[0]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR;
    return query->n_distinct_clause > 0                                ? "Views containing DISTINCT"
           : query->n_group_clause > 0                                 ? "Views containing GROUP BY"
           : query->having_clause != NULL                              ? "Views containing HAVING"
           : query->op != PG_QUERY__SET_OPERATION__SETOP_NONE          ? "Views containing UNION, INTERSECT, or EXCEPT"
           : query->with_clause != NULL                                ? "Views containing WITH"
           : query->limit_count != NULL || query->limit_offset != NULL ? "Views containing LIMIT or OFFSET"
           : query->n_window_clause > 0                                ? "Views that return window functions"
           : one                                                       ? NULL
                 : "Views that do not select from a single table or view";
}

static _Noreturn void raise_not_updatable(struct bind *bind, const char *verb, const char *name, const char *why) {
    sql_raise_with(bind->context, KMB_OBJECT_NOT_IN_STATE, 0,
                   sql_printf(bind->context, "%s are not automatically updatable.", why),
                   "Write to the tables below the view.", "cannot %s view \"%s\"", verb, name);
}

static const struct expr *both_hold(struct bind *bind, const struct expr *a, const struct expr *b) {
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    struct expr *all = sql_alloc_zero(bind->context, 1, sizeof(*all));
    all->kind = EXPR_AND;
    all->type = type_make(TYPE_BOOL);
    all->argument_count = 2;
    all->arguments = sql_alloc(bind->context, 2 * sizeof(*all->arguments));
    all->arguments[0] = a;
    all->arguments[1] = b;
    return all;
}

/* The scope of what the view reads: a table's, or that of the view below. */
static void target_below(struct bind *bind, const struct catalogue *catalogue, const PgQuery__RangeVar *name,
                         const char *verb, const char *view_name, struct bind_view_target *target) {
    const char *alias = name->alias != NULL ? name->alias->aliasname : name->relname;
    const struct table_definition *below = bind_find_table(bind, catalogue, name);
    if (below == NULL || (name->alias != NULL && name->alias->n_colnames > 0)) {
        raise_not_updatable(bind, verb, view_name, "Views that do not select from a single table or view");
    }
    if (definition_is_view(below)) {
        bind->view_depth++;
        bind_view_target(bind, catalogue, below, verb, target);
        bind->view_depth--;
        target->scope.tables[0].alias = alias;
        return;
    }
    if (definition_is_sequence(below)) {
        raise_not_updatable(bind, verb, view_name, "Views that do not select from a single table or view");
    }
    target->table = below;
    bind_table_scope(bind, catalogue, below, alias, 0, &target->scope);
}

/* The view's own condition for new rows, where a CHECK OPTION asks for it. Bound apart from the one that finds rows:
 * the optimiser changes subqueries in their place. */
static void target_check(struct bind *bind, const struct bind_scope *place, const PgQuery__SelectStmt *query,
                         const char *name, struct bind_view_target *target) {
    struct bind_view_check *checks = sql_alloc(bind->context, (target->check_count + 1) * sizeof(*checks));
    if (target->check_count > 0) {
        memcpy(checks, target->checks, target->check_count * sizeof(*checks));
    }
    struct expr *holds = bind_expr_new(bind, EXPR_IS_TRUTH, type_make(TYPE_BOOL), 1, 0);
    holds->truth = EXPR_TRUTH_TRUE;
    holds->arguments[0] = bind_condition(place, query->where_clause, "WHERE");
    checks[target->check_count++] = (struct bind_view_check){.view = name, .holds = holds};
    target->checks = checks;
}

void bind_view_target(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *view,
                      const char *verb, struct bind_view_target *target) {
    struct sql_context *context = bind->context;
    const char *name = text_of(bind, view->name);
    const PgQuery__SelectStmt *query = bind_view_query(bind, view);
    const char *why = bind->view_depth == VIEW_DEPTH_MAX ? "Views on themselves" : not_simple(query);
    if (why != NULL) {
        raise_not_updatable(bind, verb, name, why);
    }
    bool checked = target->cascaded || view->view_check != VIEW_CHECK_NONE;
    target->cascaded = target->cascaded || view->view_check == VIEW_CHECK_CASCADED;
    bind->stored++;
    target_below(bind, catalogue, query->from_clause[0]->range_var, verb, name, target);
    struct bind_aggregates aggregates = {0};
    struct bind_scope place = {.bind = bind, .scope = &target->scope, .place = BIND_WHERE};
    if (query->where_clause != NULL) {
        target->where = both_hold(bind, target->where, bind_condition(&place, query->where_clause, "WHERE"));
    }
    if (query->where_clause != NULL && checked) {
        target_check(bind, &place, query, name, target);
    }
    struct bind_windows windows = {0};
    struct bind_sets sets = {0};
    place.place = BIND_SELECT;
    place.aggregates = &aggregates;
    place.windows = &windows;
    place.sets = &sets;
    const struct expr **columns = NULL;
    const char **names = NULL;
    uint32_t count = bind_targets(&place, query->target_list, query->n_target_list, &columns, &names);
    bind->stored--;
    const char *returned = aggregates.count > 0     ? "Views that return aggregate functions"
                           : windows.call_count > 0 ? "Views that return window functions"
                           : sets.count > 0         ? "Views that return set-returning functions"
                                                    : NULL;
    if (returned != NULL) {
        raise_not_updatable(bind, verb, name, returned);
    }
    struct scope scope = {.column_count = count, .table_count = 1, .row_width = target->scope.row_width};
    scope.columns = sql_alloc_zero(context, count + 1, sizeof(*scope.columns));
    scope.tables = sql_alloc_zero(context, 1, sizeof(*scope.tables));
    scope.tables[0] = (struct scope_table){.alias = name, .count = count};
    for (uint32_t i = 0; i < count && i < catalogue_column_count(catalogue, view); i++) {
        scope.columns[i] = (struct scope_column){.name = text_of(bind, catalogue_column(catalogue, view, i)->name),
                                                 .type = columns[i]->type,
                                                 .expr = columns[i]};
    }
    target->scope = scope;
}

static bool visit_row_function(ProtobufCMessage *message, void *object) {
    struct sql_context *context = object;
    if (message->descriptor != &pg_query__func_call__descriptor) {
        return true;
    }
    const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)message;
    const char *name = bind_string(call->funcname[call->n_funcname - 1]);
    uint32_t aggregates = 0;
    uint32_t sets = 0;
    (void)sql_function_candidates(context, SQL_FUNCTION_AGGREGATE, name, &aggregates);
    (void)sql_function_candidates(context, SQL_FUNCTION_SET, name, &sets);
    return call->over == NULL && aggregates == 0 && sets == 0;
}

/* The table or view whose rows are written through a view, and the view's query; NULL: none are. */
static const struct table_definition *written_below(struct sql_context *context, const struct catalogue *catalogue,
                                                    const struct table_definition *view,
                                                    const PgQuery__SelectStmt **out) {
    PgQuery__SelectStmt *query = parse_query(context, bind_text(context, view->view_query));
    struct sql_relation below;
    bool column = false;
    bool plain = not_simple(query) == NULL;
    for (size_t i = 0; plain && i < query->n_target_list; i++) {
        PgQuery__Node *value = query->target_list[i]->res_target->val;
        column = column || value->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
        plain = parse_walk(&value->base, visit_row_function, context);
    }
    const PgQuery__RangeVar *name = plain && column ? query->from_clause[0]->range_var : NULL;
    *out = query;
    return name == NULL || (name->alias != NULL && name->alias->n_colnames > 0) ||
                   !sql_path_find(sql_path_stored(), catalogue, name->schemaname, name->relname, &below) ||
                   definition_is_sequence(below.table)
               ? NULL
               : below.table;
}

bool bind_view_writable(struct sql_context *context, const struct catalogue *catalogue,
                        const struct table_definition *view) {
    const PgQuery__SelectStmt *query = NULL;
    for (uint32_t depth = 0; view != NULL && definition_is_view(view) && depth < VIEW_DEPTH_MAX; depth++) {
        view = written_below(context, catalogue, view, &query);
    }
    return view != NULL && !definition_is_view(view);
}

bool bind_view_column_writable(struct sql_context *context, const struct catalogue *catalogue,
                               const struct table_definition *view, uint32_t ordinal) {
    bool found = true;
    for (uint32_t depth = 0; found && definition_is_view(view) && depth < VIEW_DEPTH_MAX; depth++) {
        const PgQuery__SelectStmt *query = NULL;
        view = written_below(context, catalogue, view, &query);
        const PgQuery__Node *value =
            view != NULL && ordinal < query->n_target_list ? query->target_list[ordinal]->res_target->val : NULL;
        if (value == NULL || value->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) {
            return false;
        }
        const PgQuery__Node *name = value->column_ref->fields[value->column_ref->n_fields - 1];
        found = false;
        for (uint32_t i = 0;
             name->node_case == PG_QUERY__NODE__NODE_STRING && !found && i < catalogue_column_count(catalogue, view);
             i++) {
            found = slice_equal_text(catalogue_column(catalogue, view, i)->name, bind_string(name));
            ordinal = found ? i : ordinal;
        }
    }
    return found && !definition_is_view(view);
}

/* --- who reads what --- */

bool bind_view_reads(struct bind *bind, const struct table_definition *view, const struct table_definition *table) {
    PgQuery__SelectStmt *query = parse_query(bind->context, text_of(bind, view->view_query));
    return parse_names_relation(bind->context, &query->base, text_of(bind, table->schema_name),
                                text_of(bind, table->name));
}

bool bind_view_names_type(struct bind *bind, const struct table_definition *view, const struct table_definition *type) {
    return parse_query_names_type(parse_query(bind->context, text_of(bind, view->view_query)),
                                  text_of(bind, type->schema_name), text_of(bind, type->name));
}

/* --- making --- */

PgQuery__Node *bind_string_node(struct sql_context *context, const char *text) {
    PgQuery__String *string = sql_alloc(context, sizeof(*string));
    *string = (PgQuery__String)PG_QUERY__STRING__INIT;
    string->sval = sql_printf(context, "%s", text);
    PgQuery__Node *node = sql_alloc(context, sizeof(*node));
    *node = (PgQuery__Node)PG_QUERY__NODE__INIT;
    node->node_case = PG_QUERY__NODE__NODE_STRING;
    node->string = string;
    return node;
}

/* alias.name, or the bare name of a column that USING merged. */
PgQuery__Node *bind_column_target(struct sql_context *context, const char *alias, const char *name, int32_t location) {
    PgQuery__ColumnRef *reference = sql_alloc(context, sizeof(*reference));
    *reference = (PgQuery__ColumnRef)PG_QUERY__COLUMN_REF__INIT;
    reference->location = location;
    reference->fields = sql_alloc(context, 2 * sizeof(*reference->fields));
    if (alias != NULL) {
        reference->fields[reference->n_fields++] = bind_string_node(context, alias);
    }
    reference->fields[reference->n_fields++] = bind_string_node(context, name);
    PgQuery__Node *value = sql_alloc(context, sizeof(*value));
    *value = (PgQuery__Node)PG_QUERY__NODE__INIT;
    value->node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
    value->column_ref = reference;
    PgQuery__ResTarget *target = sql_alloc(context, sizeof(*target));
    *target = (PgQuery__ResTarget)PG_QUERY__RES_TARGET__INIT;
    target->location = location;
    target->name = (char *)(uintptr_t) "";
    target->val = value;
    PgQuery__Node *node = sql_alloc(context, sizeof(*node));
    *node = (PgQuery__Node)PG_QUERY__NODE__INIT;
    node->node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    node->res_target = target;
    return node;
}

static const PgQuery__ColumnRef *star_of(const PgQuery__Node *item) {
    const PgQuery__Node *value = item->res_target->val;
    if (value == NULL || value->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) {
        return NULL;
    }
    const PgQuery__ColumnRef *reference = value->column_ref;
    return reference->fields[reference->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR ? reference : NULL;
}

void bind_spell_stars(struct bind *bind, const PgQuery__SelectStmt *select, const struct scope *scope) {
    PgQuery__SelectStmt *mutable = (PgQuery__SelectStmt *)(uintptr_t)select; /* the tree is the statement's own */
    size_t room = select->n_target_list * ((size_t)scope->column_count + 1) + 1;
    PgQuery__Node **list = sql_alloc(bind->context, room * sizeof(*list));
    size_t count = 0;
    for (size_t i = 0; i < select->n_target_list; i++) {
        const PgQuery__ColumnRef *star = star_of(select->target_list[i]);
        if (star == NULL) {
            list[count++] = select->target_list[i];
            continue;
        }
        const char *only = star->n_fields > 1 ? bind_string(star->fields[star->n_fields - 2]) : NULL;
        size_t before = count;
        for (uint32_t k = 0; k < scope->column_count; k++) {
            const struct scope_column *column = &scope->columns[k];
            const char *alias = column->table == SCOPE_MERGED ? NULL : scope->tables[column->table].alias;
            bool stands =
                only == NULL ? scope_shows(column) : alias != NULL && strcmp(alias, only) == 0 && !column->pseudo;
            if (stands) {
                list[count++] = bind_column_target(bind->context, alias, column->name, star->location);
            }
        }
        if (only != NULL && count == before) {
            list[count++] = select->target_list[i]; /* of a query around this one; or binding it raises what is wrong */
        }
    }
    mutable->target_list = list;
    mutable->n_target_list = count;
}

static void view_refuse(struct bind *bind, const PgQuery__ViewStmt *create) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(create->view->location);
    if (create->view->relpersistence != NULL && create->view->relpersistence[0] != 'p') {
        sql_raise_unsupported(context, position, "a temporary view");
    }
    const PgQuery__SelectStmt *query =
        create->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? create->query->select_stmt : NULL;
    for (size_t i = 0; query != NULL && query->with_clause != NULL && i < query->with_clause->n_ctes; i++) {
        const PgQuery__Node *cte = query->with_clause->ctes[i]->common_table_expr->ctequery;
        if (cte->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
            sql_raise(context, KMB_UNSUPPORTED, 0, "views must not contain data-modifying statements in WITH");
        }
    }
    if (bind->tokens->clause_count > 0 || bind->tokens->range_count > 0) {
        sql_raise_unsupported(context,
                              bind->tokens->clause_count > 0 ? bind->tokens->clauses[0].position
                                                             : bind->tokens->ranges[0].position,
                              "time travel in a view");
    }
}

/* WITH CHECK OPTION, or the option check_option. */
static enum view_check view_check_of(struct bind *bind, const PgQuery__ViewStmt *create) {
    struct sql_context *context = bind->context;
    enum view_check check =
        create->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__LOCAL_CHECK_OPTION      ? VIEW_CHECK_LOCAL
        : create->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__CASCADED_CHECK_OPTION ? VIEW_CHECK_CASCADED
                                                                                          : VIEW_CHECK_NONE;
    for (size_t i = 0; i < create->n_options; i++) {
        const PgQuery__DefElem *option = create->options[i]->def_elem;
        const PgQuery__Node *value = option->arg;
        bool string = value != NULL && value->node_case == PG_QUERY__NODE__NODE_STRING;
        bool type = value != NULL && value->node_case == PG_QUERY__NODE__NODE_TYPE_NAME;
        const char *text = string ? value->string->sval
                           : type ? bind_string(value->type_name->names[value->type_name->n_names - 1])
                                  : "true";
        if (strcmp(option->defname, "check_option") != 0) {
            bool known =
                strcmp(option->defname, "security_barrier") == 0 || strcmp(option->defname, "security_invoker") == 0;
            if (known) {
                sql_raise_unsupported(context, bind_location(create->view->location), "%s of a view", option->defname);
            }
            sql_raise(context, KMB_INVALID_PARAMETER, 0, "unrecognized parameter \"%s\"", option->defname);
        }
        if (create->with_check_option != PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION || i > 0) {
            sql_raise(context, KMB_INVALID_PARAMETER, 0, "parameter \"check_option\" specified more than once");
        }
        if (strcasecmp(text, "local") != 0 && strcasecmp(text, "cascaded") != 0) {
            sql_raise_with(context, KMB_INVALID_PARAMETER, 0, "Valid values are \"local\" and \"cascaded\".", NULL,
                           "invalid value for enum option \"check_option\": %s", text);
        }
        check = strcasecmp(text, "local") == 0 ? VIEW_CHECK_LOCAL : VIEW_CHECK_CASCADED;
    }
    return check;
}

/* Whether the nodes over the query's FROM are those of a plain select list. */
static const char *not_plain_list(const struct plan_node *root) {
    for (const struct plan_node *node = root; node != NULL; node = node->left) {
        if (node->kind == PLAN_AGGREGATE) {
            return "Views that return aggregate functions";
        }
        if (node->kind == PLAN_WINDOW) {
            return "Views that return window functions";
        }
        if (node->kind == PLAN_JOIN && node->right->kind == PLAN_FUNCTION) {
            return "Views that return set-returning functions";
        }
    }
    return NULL;
}

/* What there is to check rows of is one table or view below it, some of whose columns it shows. */
static void check_updatable(struct bind *bind, const PgQuery__SelectStmt *query, const struct plan_node *root) {
    const char *one = "Views that do not select from a single table or view";
    const char *why = not_simple(query);
    const char *list = not_plain_list(root);
    if (list != NULL && (why == NULL || strcmp(why, one) == 0)) {
        why = list;
    }
    bool column = false;
    for (size_t i = 0; i < query->n_target_list; i++) {
        const PgQuery__Node *value = query->target_list[i]->res_target->val;
        column = column || (value != NULL && value->node_case == PG_QUERY__NODE__NODE_COLUMN_REF);
    }
    if (why == NULL) {
        const struct table_definition *below =
            bind_find_table(bind, bind_present(bind), query->from_clause[0]->range_var);
        why = below == NULL || definition_is_sequence(below) ? one
              : !column                                      ? "Views that have no updatable columns"
                                                             : NULL;
    }
    if (why != NULL) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, 0, NULL,
                       sql_printf(bind->context, "%s are not automatically updatable.", why),
                       "WITH CHECK OPTION is supported only on automatically updatable views");
    }
}

/* CREATE OR REPLACE: the columns there are stay, new ones come behind them. */
static void check_replacement(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *old,
                              const struct column_definition *columns, uint32_t count) {
    struct sql_context *context = bind->context;
    uint32_t old_count = catalogue_column_count(catalogue, old);
    if (count < old_count) {
        sql_raise(context, KMB_INVALID_TABLE_DEFINITION, 0, "cannot drop columns from view");
    }
    for (uint32_t i = 0; i < old_count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, old, i);
        if (!slice_equal(column->name, columns[i].name)) {
            sql_raise_with(context, KMB_INVALID_TABLE_DEFINITION, 0, NULL,
                           "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
                           "cannot change name of view column \"%s\" to \"%s\"", text_of(bind, column->name),
                           text_of(bind, columns[i].name));
        }
        if (!type_equal(column->type, columns[i].type)) {
            sql_raise(context, KMB_INVALID_TABLE_DEFINITION, 0,
                      "cannot change data type of view column \"%s\" from %s to %s", text_of(bind, column->name),
                      sql_type_format(context, column->type), sql_type_format(context, columns[i].type));
        }
    }
}

static struct column_definition *view_columns(struct bind *bind, const PgQuery__ViewStmt *create,
                                              const struct plan_node *root) {
    struct sql_context *context = bind->context;
    struct column_definition *columns = sql_alloc_zero(context, root->column_count + 1, sizeof(*columns));
    if (create->n_aliases > root->column_count) {
        sql_raise(context, KMB_SYNTAX, 0, "CREATE VIEW specifies more column names than columns");
    }
    for (uint32_t i = 0; i < root->column_count; i++) {
        const char *name = i < create->n_aliases ? bind_string(create->aliases[i]) : root->columns[i].name;
        columns[i].id.value = i + 1;
        columns[i].name = slice_text(sql_printf(context, "%s", name));
        columns[i].type = catalogue_plain(root->columns[i].type);
        columns[i].added_in.value = 1;
        for (uint32_t k = 0; k < i; k++) {
            if (slice_equal(columns[k].name, columns[i].name)) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" specified more than once", name);
            }
        }
    }
    return columns;
}

void bind_create_view(struct bind *bind, const PgQuery__ViewStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    const char *name = create->view->relname;
    uint32_t position = bind_location(create->view->location);
    struct slice schema = bind_creation_schema(bind, create->view);
    view_refuse(bind, create);
    if (create->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
        sql_raise_unsupported(context, position, "a view that is no SELECT");
    }
    if (bind_into(create->query->select_stmt) != NULL) {
        sql_raise(context, KMB_UNSUPPORTED, 0, "views must not contain SELECT INTO");
    }
    if (create->query->select_stmt->n_locking_clause > 0) {
        sql_raise_unsupported(context, position, "%s in a view", bind_locking_name(create->query->select_stmt));
    }
    bind->spell_stars = true;
    bind->spell_names = true;
    parse_spell_sequences(context, &create->query->select_stmt->base);
    const struct plan_node *root = bind_select(bind, create->query->select_stmt);
    bind->spell_stars = false;
    bind->spell_names = false;
    bind_refuse_records(bind, root, "a view");
    bind->time_dependent = false; /* the text is kept, not the values */
    if (bind->parameter_count > 0) {
        sql_raise(context, KMB_UNDEFINED_PARAMETER, position, "a view has no parameters");
    }
    struct table_definition *view = sql_alloc_zero(context, 1, sizeof(*view));
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    view->schema_name = schema;
    view->name = slice_text(name);
    view->columns = view_columns(bind, create, root);
    view->column_count = root->column_count;
    view->view_check = view_check_of(bind, create);
    if (view->view_check != VIEW_CHECK_NONE) {
        check_updatable(bind, create->query->select_stmt, root);
    }
    view->view_query = slice_text(parse_deparse_query(context, create->query->select_stmt));
    ddl->kind = DDL_CREATE_TABLE;
    ddl->table = view;
    statement->ddl = ddl;
    const struct catalogue *catalogue = bind_present(bind);
    const struct table_definition *old = catalogue_table(catalogue, schema, slice_text(name));
    if (old != NULL && create->replace) {
        if (!definition_is_view(old)) {
            sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "\"%s\" is not a view", name);
        }
        check_replacement(bind, catalogue, old, view->columns, view->column_count);
        struct plan_drop *drop = sql_alloc_zero(context, 1, sizeof(*drop));
        drop->table = old->id;
        ddl->drops = drop;
        ddl->drop_count = 1;
    } else if (catalogue_relation_exists(catalogue, schema, slice_text(name))) {
        sql_raise(context, KMB_DUPLICATE_TABLE, position, "relation \"%s\" already exists", name);
    }
}
