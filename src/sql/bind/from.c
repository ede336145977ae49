/*
 * FROM: tables and joins.
 *
 * A FROM item becomes a plan node and a scope (scope.c). USING and NATURAL hide the pair they merge and put one merged
 * column in front, as PostgreSQL orders it. Which moment a table is read at comes from its query block's time-travel
 * clause; a table of the past is resolved in the catalogue of that moment.
 */
#include <stdio.h>

#include "base/assert.h"
#include "kernel/view.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "sql/exec/exec.h"

const char *bind_text(struct sql_context *context, struct slice slice) {
    char *text = arena_text(&context->arena, slice);
    ASSERT(text != NULL);
    return text;
}

/* --- tables --- */

const struct catalogue *bind_present(struct bind *bind) {
    return bind_view_at(bind, &(struct sql_point){.kind = PLAN_AT_NONE})->catalogue;
}

const struct sql_path *bind_path(struct bind *bind) {
    return bind->stored > 0 ? sql_path_stored() : sql_path_of(bind->context);
}

void bind_check_catalog(struct bind *bind, const char *catalog, const char *what, uint32_t position) {
    if (strcmp(catalog, sql_database(bind->context)) != 0) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position, "cross-database references are not implemented: %s", what);
    }
}

static const char *range_schema(const PgQuery__RangeVar *name) {
    return name->schemaname == NULL || name->schemaname[0] == 0 ? NULL : name->schemaname;
}

void bind_refuse_name(struct bind *bind, const PgQuery__RangeVar *name) {
    if (name->catalogname != NULL && name->catalogname[0] != 0) {
        const char *what =
            sql_printf(bind->context, "\"%s.%s.%s\"", name->catalogname, name->schemaname, name->relname);
        bind_check_catalog(bind, name->catalogname, what, bind_location(name->location));
    }
}

void bind_name_parts(struct bind *bind, PgQuery__Node *const *list, size_t count, const char **schema,
                     const char **name) {
    struct sql_context *context = bind->context;
    const char *whole = "";
    for (size_t i = 0; i < count; i++) {
        whole = sql_printf(context, "%s%s%s", whole, i == 0 ? "" : ".", bind_string(list[i]));
    }
    if (count == 0 || count > 3) {
        sql_raise(context, KMB_SYNTAX, 0, "improper relation name (too many dotted names): %s", whole);
    }
    if (count == 3) {
        bind_check_catalog(bind, bind_string(list[0]), sql_printf(context, "\"%s\"", whole), 0);
    }
    *schema = count > 1 ? bind_string(list[count - 2]) : NULL;
    *name = bind_string(list[count - 1]);
}

void bind_spell_name(struct bind *bind, const PgQuery__RangeVar *name, const char *schema) {
    if (bind->spell_names && range_schema(name) == NULL) {
        PgQuery__RangeVar *mutable = (PgQuery__RangeVar *)(uintptr_t)name; /* the tree is the statement's own */
        mutable->schemaname = sql_printf(bind->context, "%s", schema);
    }
}

_Noreturn void bind_no_relation(struct bind *bind, const PgQuery__RangeVar *name) {
    const char *schema = range_schema(name);
    sql_raise(bind->context, KMB_UNDEFINED_TABLE, bind_location(name->location), "relation \"%s%s%s\" does not exist",
              schema == NULL ? "" : schema, schema == NULL ? "" : ".", name->relname);
}

bool bind_find_relation(struct bind *bind, const struct catalogue *catalogue, const PgQuery__RangeVar *name,
                        struct sql_relation *relation) {
    bind_refuse_name(bind, name);
    return sql_path_find(bind_path(bind), catalogue, range_schema(name), name->relname, relation);
}

const char *bind_relation_text(struct bind *bind, const struct catalogue *catalogue,
                               const struct table_definition *table) {
    return sql_path_text(bind->context, catalogue, table->schema_name, table->name);
}

const struct table_definition *bind_find_table(struct bind *bind, const struct catalogue *catalogue,
                                               const PgQuery__RangeVar *name) {
    struct sql_relation found;
    bool there = bind_find_relation(bind, catalogue, name, &found);
    return there && !sql_relation_is_index(&found) ? found.table : NULL;
}

const struct table_definition *bind_table(struct bind *bind, const PgQuery__RangeVar *name,
                                          const struct catalogue **catalogue, bool missing_ok) {
    *catalogue = bind_present(bind);
    const struct table_definition *table = bind_find_table(bind, *catalogue, name);
    if (table != NULL && !definition_is_table(table)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "\"%s\" is not a table",
                  name->relname);
    }
    if (table == NULL && !missing_ok) {
        struct sql_relation other;
        if (bind_find_relation(bind, *catalogue, name, &other)) {
            sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "\"%s\" is not a table",
                      name->relname);
        }
        bind_no_relation(bind, name);
    }
    return table;
}

/* A hidden column that no index is of waits for the values it will show, in the middle of a change of the table. */
static bool is_indexed(const struct table_definition *table, struct column_id column) {
    bool is = false;
    for (uint32_t i = 0; i < table->index_count; i++) {
        const struct index_definition *index = &table->indexes[i];
        is = is || column_id_equal(index->filter, column);
        for (uint32_t k = 0; k < index->part_count; k++) {
            is = is || column_id_equal(index->parts[k].column, column);
        }
    }
    return is;
}

const struct expr **bind_indexed(struct bind *bind, const struct catalogue *catalogue,
                                 const struct table_definition *table, uint32_t *count) {
    uint32_t visible = catalogue_column_count(catalogue, table);
    *count = catalogue_stored_count(catalogue, table) - visible;
    if (*count == 0) {
        return NULL;
    }
    const struct expr **list = sql_alloc(bind->context, *count * sizeof(*list));
    struct scope scope;
    bind_table_scope(bind, catalogue, table, "", 0, &scope);
    for (uint32_t i = 0; i < *count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, visible + i);
        const char *text = is_indexed(table, column->id) ? bind_text(bind->context, column->default_text) : "NULL";
        list[i] = bind_assign(bind, bind_stored(bind, text, &scope, BIND_INDEX), column->type, "");
    }
    return list;
}

struct plan_node *bind_scan(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *table,
                            const char *alias) {
    struct plan_node *scan = bind_plan(bind, PLAN_SCAN, NULL, NULL);
    uint32_t count = catalogue_column_count(catalogue, table);
    uint32_t *ordinals = sql_alloc(bind->context, (count + 1) * sizeof(*ordinals));
    scan->columns = sql_alloc_zero(bind->context, count + 1, sizeof(*scan->columns));
    scan->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        ordinals[i] = i;
        scan->columns[i] = (struct plan_column){
            .name = bind_text(bind->context, column->name), .type = column->type, .table_name = alias};
    }
    scan->catalogue = catalogue;
    scan->table = table;
    scan->scan_columns = ordinals;
    scan->indexed = bind_indexed(bind, catalogue, table, &scan->indexed_count);
    return scan;
}

/* --- relations made from the catalogue --- */

struct plan_node *bind_catalogue_node(struct bind *bind, const char *schema, const char *name, struct table_id of) {
    const struct catalogue_relation *relation = catalogue_relation_find(schema, name);
    if (relation == NULL) {
        return NULL;
    }
    struct plan_node *node = bind_plan(bind, PLAN_CATALOGUE, NULL, NULL);
    node->relation = relation;
    node->relation_of = of;
    node->columns = sql_alloc(bind->context, (relation->column_count + 1) * sizeof(*node->columns));
    memcpy(node->columns, relation->columns, relation->column_count * sizeof(*node->columns));
    node->column_count = relation->column_count;
    if (schema != NULL && strcmp(schema, SQL_SCHEMA_SYSTEM) == 0) { /* catalogue_rows_make() gives it */
        node->columns[node->column_count++] = (struct plan_column){.name = "tableoid", .type = type_make(TYPE_OID)};
    }
    return node;
}

/* --- FROM items --- */

/* alias (a, b, ...): renames the first columns. */
void bind_apply_alias(struct bind *bind, const PgQuery__Alias *alias, struct plan_node *node, uint32_t position) {
    if (alias == NULL || alias->n_colnames == 0) {
        return;
    }
    if (alias->n_colnames > node->column_count) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, position,
                  "table \"%s\" has %u columns available but %zu columns specified", alias->aliasname,
                  node->column_count, alias->n_colnames);
    }
    for (size_t i = 0; i < alias->n_colnames; i++) {
        node->columns[i].name = bind_string(alias->colnames[i]);
    }
}

/* What a name means, where it is none of WITH: a relation that is there, or *node, one made from the catalogue. */
static const struct table_definition *range_relation(struct bind *bind, const struct catalogue *catalogue,
                                                     const PgQuery__RangeVar *name, struct plan_node **node,
                                                     const char **schema) {
    const struct sql_path *path = bind_path(bind);
    const char *own = range_schema(name);
    const struct table_id none = {0};
    bind_refuse_name(bind, name);
    for (uint32_t i = 0; i < (own == NULL ? path->count : 1); i++) {
        struct sql_relation found;
        *schema = own == NULL ? path->names[i] : own;
        *node = sql_schema_is_system(*schema) ? bind_catalogue_node(bind, *schema, name->relname, none) : NULL;
        if (*node == NULL && sql_path_find(path, catalogue, *schema, name->relname, &found)) {
            if (sql_relation_is_index(&found)) {
                sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "\"%s\" is an index",
                          name->relname);
            }
            bind_spell_name(bind, name, *schema);
            return found.table;
        }
        if (*node != NULL) {
            bind_spell_name(bind, name, *schema);
            return NULL;
        }
    }
    return NULL;
}

static struct plan_node *bind_range_var(struct bind *bind, const PgQuery__RangeVar *name,
                                        const struct tokens_clause *clause, struct scope *scope) {
    const char *alias = name->alias != NULL ? name->alias->aliasname : name->relname;
    uint32_t position = bind_location(name->location);
    struct plan_node *node = range_schema(name) == NULL ? bind_cte_scan(bind, name) : NULL;
    if (node != NULL) {
        bind_refuse_range(bind, position);
        bind_apply_alias(bind, name->alias, node, position);
        bind_item_scope(bind, node, alias, NULL, position, scope);
        const struct plan_node *read = node->kind == PLAN_FILTER ? node->left : node;
        for (uint32_t i = read->cte->own_columns; read->cte_work && i > 0 && i < scope->column_count; i++) {
            scope->columns[i].pseudo = true; /* of SEARCH and CYCLE */
        }
        return node;
    }
    struct plan_at at;
    clause = bind_clause_at(bind, position, clause);
    const struct tokens_range *range = bind_range_at(bind, position);
    if (range != NULL) {
        return bind_range(bind, name, range, clause, scope);
    }
    const struct bind_view *view = bind_moment_of(bind, clause, &at);
    const char *schema = NULL;
    const struct table_definition *table = range_relation(bind, view->catalogue, name, &node, &schema);
    if (table != NULL && definition_is_view(table)) {
        node = bind_view_rows(bind, view->catalogue, table, clause);
        bind_apply_alias(bind, name->alias, node, position);
        bind_item_scope(bind, node, alias, name->alias != NULL ? NULL : schema, position, scope);
        scope->tables[0].relation = table;
        scope->tables[0].renamed = name->alias != NULL ? (uint32_t)name->alias->n_colnames : 0;
        return node;
    }
    if (table != NULL && definition_is_sequence(table)) {
        node = bind_catalogue_node(bind, NULL, "sequence", table->id);
    } else if (table != NULL) {
        node = bind_scan(bind, view->catalogue, table, alias);
    }
    if (node == NULL) {
        bind_no_relation(bind, name);
    }
    node->catalogue = view->catalogue;
    node->at = at;
    bind_apply_alias(bind, name->alias, node, position);
    bool locked = node->kind == PLAN_SCAN && bind_locks_item(bind, alias);
    if (locked && at.kind != PLAN_AT_NONE) {
        sql_raise_unsupported(bind->context, position, "%s of a past moment", bind_locking_name(bind->locks->query));
    }
    if (locked) {
        bind_append_key(bind, node);
    }
    bind_item_scope(bind, node, alias, name->alias != NULL ? NULL : schema, position, scope);
    scope->tables[0].relation = table;
    scope->tables[0].renamed = name->alias != NULL ? (uint32_t)name->alias->n_colnames : 0;
    if (locked || (node->kind == PLAN_CATALOGUE && node->column_count > node->relation->column_count)) {
        scope->columns[scope->column_count - 1].pseudo = true;
    }
    return node;
}

static struct plan_node *bind_item(struct bind *bind, const PgQuery__Node *node, const struct tokens_clause *at,
                                   struct scope *scope);

/* --- LATERAL --- */

/* The left side of a join while an item of the right side is bound that may take values of its row. */
struct lateral {
    struct bind_level level;
    struct bind_scope place;
    bool open; /* the right side is an execution of its own, one level further in */
};

/* An argument that may name something: all but constants and parameters. */
static bool argument_reaches(const PgQuery__Node *node) {
    if (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) {
        return argument_reaches(node->type_cast->arg);
    }
    return node->node_case != PG_QUERY__NODE__NODE_A_CONST && node->node_case != PG_QUERY__NODE__NODE_PARAM_REF;
}

/* Whether an item may take values of what stands to its left: LATERAL, and functions, which need not say it. */
static bool item_reaches(const PgQuery__Node *node) {
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        return item_reaches(node->join_expr->larg) || item_reaches(node->join_expr->rarg);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        return node->range_subselect->lateral;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        return bind_function_arguments(node->range_function, argument_reaches);
    default:
        return false;
    }
}

void bind_levels_hide(struct bind *bind, bool hidden) {
    for (struct bind_level *level = bind->level; level != bind->from_level; level = level->outer) {
        level->hidden = hidden;
    }
}

/* The right side of a join whose left side has this scope; barred: the join may have rows without a left one. */
static struct plan_node *bind_right(struct bind *bind, const PgQuery__Node *node, const struct tokens_clause *at,
                                    const struct scope *left, bool barred, struct scope *scope,
                                    struct lateral *lateral) {
    *lateral = (struct lateral){.open = item_reaches(node) && !barred};
    if (!item_reaches(node)) {
        return bind_item(bind, node, at, scope);
    }
    lateral->place = (struct bind_scope){.bind = bind, .scope = left, .place = BIND_FROM};
    lateral->level =
        (struct bind_level){.outer = bind->level, .place = &lateral->place, .hidden = true, .barred = barred};
    bind->level = &lateral->level;
    bind->depth += lateral->open;
    struct plan_node *right = bind_item(bind, node, at, scope);
    bind->depth -= lateral->open;
    bind->level = lateral->level.outer;
    return right;
}

static struct plan_node *lateral_join(struct bind *bind, enum plan_join_type type, struct plan_node *left,
                                      struct plan_node *right, const struct lateral *lateral) {
    struct plan_node *join = bind_join_node(bind, type, left, right);
    if (lateral->open) {
        join->join_strategy = PLAN_JOIN_LATERAL;
        join->left_keys = lateral->level.values;
        join->key_count = lateral->level.value_count;
    }
    return join;
}

static struct plan_node *bind_range_subselect(struct bind *bind, const PgQuery__RangeSubselect *item,
                                              struct scope *scope) {
    const PgQuery__SelectStmt *select = item->subquery->select_stmt;
    uint32_t position = select->n_target_list > 0    ? bind_node_position(select->target_list[0])
                        : select->n_values_lists > 0 ? bind_node_position(select->values_lists[0])
                                                     : 0;
    if (item->alias == NULL) {
        sql_raise_with(bind->context, KMB_SYNTAX, position, NULL, "For example, FROM (SELECT ...) [AS] foo.",
                       select->n_values_lists > 0 ? "VALUES in FROM must have an alias"
                                                  : "subquery in FROM must have an alias");
    }
    if (item->lateral) {
        bind_levels_hide(bind, false);
    }
    struct plan_node *node = bind_select(bind, select);
    bind_levels_hide(bind, true);
    bind_record_unfold(bind, node);
    /* names belong to the item, not to the plan shared with nothing */
    bind_apply_alias(bind, item->alias, node, position);
    bind_item_scope(bind, node, item->alias->aliasname, NULL, position, scope);
    return node;
}

/* --- joins --- */

static uint32_t scope_find_visible(struct bind *bind, const struct scope *scope, const char *name, const char *side,
                                   bool missing_ok) {
    uint32_t found = SCOPE_MERGED;
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (scope_shows(&scope->columns[i]) && strcmp(scope->columns[i].name, name) == 0) {
            if (found != SCOPE_MERGED) {
                sql_raise(bind->context, KMB_AMBIGUOUS_COLUMN, 0,
                          "common column name \"%s\" appears more than once in %s table", name, side);
            }
            found = i;
        }
    }
    if (found == SCOPE_MERGED && !missing_ok) {
        sql_raise(bind->context, KMB_UNDEFINED_COLUMN, 0,
                  "column \"%s\" specified in USING clause does not exist in %s table", name, side);
    }
    return found;
}

/* The names NATURAL joins on: visible in both, in the left's order. */
static uint32_t natural_names(struct bind *bind, const struct scope *left, const struct scope *right,
                              const char ***names) {
    *names = sql_alloc(bind->context, (left->column_count + 1) * sizeof(**names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < left->column_count; i++) {
        if (scope_shows(&left->columns[i]) &&
            scope_find_visible(bind, right, left->columns[i].name, "right", true) != SCOPE_MERGED) {
            (*names)[count++] = left->columns[i].name;
        }
    }
    return count;
}

static const struct expr *merged_expr(struct bind *bind, enum plan_join_type type, const struct expr *left,
                                      const struct expr *right) {
    const struct expr *list[2] = {left, right};
    struct type common = bind_common_type(bind, list, 2, "JOIN/USING");
    const struct expr *a = bind_to_common(bind, left, common, "JOIN/USING");
    const struct expr *b = bind_to_common(bind, right, common, "JOIN/USING");
    if (type == PLAN_JOIN_RIGHT) {
        return b;
    }
    if (type != PLAN_JOIN_FULL) {
        return a;
    }
    struct expr *coalesce = sql_alloc_zero(bind->context, 1, sizeof(*coalesce));
    coalesce->kind = EXPR_COALESCE;
    coalesce->type = common;
    coalesce->argument_count = 2;
    coalesce->arguments = sql_alloc(bind->context, 2 * sizeof(*coalesce->arguments));
    coalesce->arguments[0] = a;
    coalesce->arguments[1] = b;
    return coalesce;
}

/* Merges the pairs in `scope` (already joined; the right side's columns start at `split`): the condition. */
static const struct expr *bind_using(struct bind *bind, enum plan_join_type type, const char *const *names,
                                     uint32_t count, const struct scope *left, const struct scope *right,
                                     struct scope *scope) {
    if (count == 0) {
        return NULL;
    }
    uint32_t split = left->column_count;
    struct scope_column *columns = sql_alloc(bind->context, (scope->column_count + count) * sizeof(*columns));
    struct expr *all = sql_alloc_zero(bind->context, 1, sizeof(*all));
    all->kind = EXPR_AND;
    all->type = type_make(TYPE_BOOL);
    all->arguments = sql_alloc(bind->context, count * sizeof(*all->arguments));
    for (uint32_t i = 0; i < count; i++) {
        struct scope_column *a = &scope->columns[scope_find_visible(bind, left, names[i], "left", false)];
        struct scope_column *b = &scope->columns[split + scope_find_visible(bind, right, names[i], "right", false)];
        bind_note_column(bind, scope, a);
        bind_note_column(bind, scope, b);
        all->arguments[all->argument_count++] = bind_operator(bind, "=", a->expr, b->expr, 0);
        const struct expr *merged = merged_expr(bind, type, a->expr, b->expr);
        columns[i] =
            (struct scope_column){.name = names[i], .type = merged->type, .expr = merged, .table = SCOPE_MERGED};
        a->hidden = true;
        b->hidden = true;
    }
    memcpy(columns + count, scope->columns, scope->column_count * sizeof(*columns));
    scope->columns = columns;
    scope->column_count += count;
    return count == 1 ? all->arguments[0] : all;
}

struct plan_node *bind_join_node(struct bind *bind, enum plan_join_type type, struct plan_node *left,
                                 struct plan_node *right) {
    struct plan_node *join = bind_plan(bind, PLAN_JOIN, left, right);
    join->join_type = type;
    join->column_count = left->column_count + right->column_count;
    join->columns = sql_alloc(bind->context, (join->column_count + 1) * sizeof(*join->columns));
    if (left->column_count > 0) {
        memcpy(join->columns, left->columns, left->column_count * sizeof(*join->columns));
    }
    if (right->column_count > 0) {
        memcpy(join->columns + left->column_count, right->columns, right->column_count * sizeof(*join->columns));
    }
    return join;
}

/* JOIN ... USING (a, b) AS j: the merged columns, the first of the scope, can be reached through j as well. */
static void using_alias(struct bind *bind, const char *alias, uint32_t count, struct scope *scope) {
    struct scope other = {.columns = sql_alloc(bind->context, (count + 1) * sizeof(*other.columns)),
                          .column_count = count};
    struct scope_table *table = sql_alloc_zero(bind->context, 1, sizeof(*table));
    *table = (struct scope_table){.alias = alias};
    for (uint32_t i = 0; i < count; i++) {
        other.columns[i] = scope->columns[i];
        other.columns[i].table = scope->table_count;
        other.columns[i].hidden = true;
    }
    struct scope named = {.tables = table, .table_count = 1};
    bind_scope_check_aliases(bind, scope, &named);
    struct scope_column *columns = sql_alloc(bind->context, (scope->column_count + count + 1) * sizeof(*columns));
    struct scope_table *tables = sql_alloc(bind->context, (scope->table_count + 1) * sizeof(*tables));
    memcpy(columns, scope->columns, scope->column_count * sizeof(*columns));
    memcpy(columns + scope->column_count, other.columns, count * sizeof(*columns));
    memcpy(tables, scope->tables, scope->table_count * sizeof(*tables));
    tables[scope->table_count++] = *table;
    scope->columns = columns;
    scope->column_count += count;
    scope->tables = tables;
}

/* (a JOIN b) AS j (x, y): one item, whose columns are those that * would show; a and b are hidden by it. */
static struct plan_node *join_alias(struct bind *bind, const PgQuery__Alias *alias, struct plan_node *join,
                                    struct scope *scope) {
    const struct expr **shown = sql_alloc(bind->context, (scope->column_count + 1) * sizeof(*shown));
    const char **names = sql_alloc(bind->context, (scope->column_count + 1) * sizeof(*names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (scope_shows(&scope->columns[i])) {
            names[count] = scope->columns[i].name;
            shown[count++] = scope->columns[i].expr;
        }
    }
    if (alias->n_colnames > count) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, 0,
                  "join expression \"%s\" has %u columns available but %zu columns specified", alias->aliasname, count,
                  alias->n_colnames);
    }
    for (size_t i = 0; i < alias->n_colnames; i++) {
        names[i] = bind_string(alias->colnames[i]);
    }
    uint32_t position = scope->table_count > 0 ? scope->tables[0].position : 0;
    struct plan_node *project = bind_project(bind, join, shown, names, count);
    bind_item_scope(bind, project, alias->aliasname, NULL, position, scope);
    return project;
}

static struct plan_node *bind_join(struct bind *bind, const PgQuery__JoinExpr *item, const struct tokens_clause *at,
                                   struct scope *scope) {
    struct scope left_scope = {0};
    struct scope right_scope = {0};
    struct lateral lateral;
    const char *no_recursion = bind->no_recursion;
    bool left_may_lack =
        item->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT || item->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL;
    bool right_may_lack =
        item->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT || item->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL;
    bind->no_recursion = left_may_lack ? "within an outer join" : no_recursion;
    struct plan_node *left = bind_item(bind, item->larg, at, &left_scope);
    bind->no_recursion = right_may_lack ? "within an outer join" : no_recursion;
    struct plan_node *right = bind_right(bind, item->rarg, at, &left_scope, left_may_lack, &right_scope, &lateral);
    bind->no_recursion = no_recursion;
    bind_scope_check_aliases(bind, &left_scope, &right_scope);
    static const enum plan_join_type types[] = {
        [PG_QUERY__JOIN_TYPE__JOIN_INNER] = PLAN_JOIN_INNER,
        [PG_QUERY__JOIN_TYPE__JOIN_LEFT] = PLAN_JOIN_LEFT,
        [PG_QUERY__JOIN_TYPE__JOIN_FULL] = PLAN_JOIN_FULL,
        [PG_QUERY__JOIN_TYPE__JOIN_RIGHT] = PLAN_JOIN_RIGHT,
    };
    ASSERT(item->jointype >= PG_QUERY__JOIN_TYPE__JOIN_INNER && item->jointype <= PG_QUERY__JOIN_TYPE__JOIN_RIGHT);
    enum plan_join_type type = types[item->jointype];
    *scope = left_scope;
    bind_scope_join(bind->context, scope, &right_scope);
    for (uint32_t i = 0; i < scope->table_count; i++) {
        bool right_side = i >= left_scope.table_count;
        scope->tables[i].nullable = scope->tables[i].nullable || type == PLAN_JOIN_FULL ||
                                    type == (right_side ? PLAN_JOIN_LEFT : PLAN_JOIN_RIGHT);
    }
    struct plan_node *join = lateral_join(bind, type, left, right, &lateral);
    const char **names = NULL;
    uint32_t name_count = 0;
    if (item->is_natural) {
        name_count = natural_names(bind, &left_scope, &right_scope, &names);
    } else {
        names = sql_alloc(bind->context, (item->n_using_clause + 1) * sizeof(*names));
        for (size_t i = 0; i < item->n_using_clause; i++) {
            names[name_count++] = bind_string(item->using_clause[i]);
        }
    }
    join->predicate = bind_using(bind, type, names, name_count, &left_scope, &right_scope, scope);
    if (item->quals != NULL) {
        struct bind_scope place = {.bind = bind, .scope = scope, .place = BIND_ON};
        join->predicate = bind_condition(&place, item->quals, "JOIN/ON");
    }
    if (type == PLAN_JOIN_INNER && join->predicate == NULL) {
        join->join_type = PLAN_JOIN_CROSS;
    }
    if (item->join_using_alias != NULL) {
        using_alias(bind, item->join_using_alias->aliasname, name_count, scope);
    }
    return item->alias == NULL ? join : join_alias(bind, item->alias, join, scope);
}

/* An argument of TABLESAMPLE: read once. */
static const struct expr *sample_argument(struct bind *bind, const PgQuery__Node *node, enum type_id type) {
    struct bind_scope place = {.bind = bind, .place = BIND_LIMIT};
    const struct expr *value = bind_expression(&place, node);
    const struct expr *number = bind_coerce(bind, value, type_make(type), SQL_CAST_ASSIGNMENT, 0);
    if (number == NULL) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, value->position, "argument of %s must be type %s, not type %s",
                  type == TYPE_FLOAT4 ? "TABLESAMPLE" : "REPEATABLE", type_name(type),
                  bind_type_text(bind, value->type));
    }
    return number;
}

static struct plan_node *bind_sample(struct bind *bind, const PgQuery__RangeTableSample *sample,
                                     const struct tokens_clause *at, struct scope *scope) {
    struct sql_context *context = bind->context;
    const char *method = bind_string(sample->method[sample->n_method - 1]);
    struct plan_node *node = bind_item(bind, sample->relation, at, scope);
    if (node->kind != PLAN_SCAN) {
        sql_raise(context, KMB_UNSUPPORTED, bind_node_position(sample->relation),
                  "TABLESAMPLE clause can only be applied to tables and materialized views");
    }
    if (strcmp(method, "system") != 0 && strcmp(method, "bernoulli") != 0) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, bind_location(sample->location),
                  "tablesample method %s does not exist", method);
    }
    if (sample->n_args != 1) {
        sql_raise(context, KMB_INVALID_SAMPLE_ARGUMENT, bind_location(sample->location),
                  "tablesample method %s requires 1 argument, not %zu", method, sample->n_args);
    }
    node->sample_method = method;
    node->sample_percent = sample_argument(bind, sample->args[0], TYPE_FLOAT4);
    node->sample_seed = sample->repeatable == NULL ? NULL : sample_argument(bind, sample->repeatable, TYPE_FLOAT8);
    return node;
}

static struct plan_node *bind_item(struct bind *bind, const PgQuery__Node *node, const struct tokens_clause *at,
                                   struct scope *scope) {
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        return bind_range_var(bind, node->range_var, at, scope);
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        return bind_join(bind, node->join_expr, at, scope);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        return bind_functions(bind, node->range_function, at, scope);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        return bind_range_subselect(bind, node->range_subselect, scope);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        return bind_sample(bind, node->range_table_sample, at, scope);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
        sql_raise_unsupported(bind->context, bind_node_position(node), "XMLTABLE");
    default:
        sql_raise_unsupported(bind->context, bind_node_position(node), "%s in FROM", parse_node_name(node));
    }
}

struct plan_node *bind_from(struct bind *bind, PgQuery__Node *const *items, size_t count,
                            const struct tokens_clause *at, struct scope *scope) {
    *scope = (struct scope){0};
    if (count == 0) {
        return bind_plan(bind, PLAN_ONE_ROW, NULL, NULL);
    }
    struct bind_level *around = bind->from_level;
    bind->from_level = bind->level;
    struct plan_node *plan = bind_item(bind, items[0], at, scope);
    for (size_t i = 1; i < count; i++) {
        struct scope right_scope = {0};
        struct scope left_scope = *scope;
        struct lateral lateral;
        struct plan_node *right = bind_right(bind, items[i], at, &left_scope, false, &right_scope, &lateral);
        bind_scope_check_aliases(bind, scope, &right_scope);
        bind_scope_join(bind->context, scope, &right_scope);
        plan = lateral_join(bind, PLAN_JOIN_CROSS, plan, right, &lateral);
    }
    bind->from_level = around;
    return plan;
}
