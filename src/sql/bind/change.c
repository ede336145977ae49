/*
 * UPDATE and DELETE.
 *
 * The rows to change are found by a query over the target and whatever stands in FROM or USING. Its scan of the target
 * gives, behind the columns, each row's key; so the query may join, filter and order as any other, and the write finds
 * the row again by what comes out. A target row that meets several rows of the other tables comes out several times and
 * is changed by the first.
 */
#include "base/assert.h"
#include "sql/bind/write.h"

struct search {
    struct plan_node *plan;    /* the target's row, its key, the other tables' row */
    struct scope scope;        /* over that */
    struct scope returning;    /* over the target's row and, right behind it, the other tables' */
    struct plan_node *sources; /* the other tables; NULL: none */
};

static void write_search(struct write *write, PgQuery__Node *const *items, size_t item_count,
                         const PgQuery__Node *where, struct search *search) {
    struct bind *bind = write->bind;
    *search = (struct search){.plan = write_scan(write), .scope = write->scope, .returning = write->scope};
    bool current = where != NULL && where->node_case == PG_QUERY__NODE__NODE_CURRENT_OF_EXPR;
    if (current && write->view) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "WHERE CURRENT OF on a view is not implemented");
    } else if (current) {
        search->plan->current_of = where->current_of_expr->cursor_name;
    }
    search->scope.row_width = write->column_count + 1;
    search->returning.row_width = write->column_count;
    if (item_count > 0) {
        struct scope sources;
        search->sources = bind_from(bind, items, item_count, NULL, &sources);
        bind_scope_check_aliases(bind, &write->scope, &sources);
        bind_scope_join(bind->context, &search->scope, &sources);
        bind_scope_join(bind->context, &search->returning, &sources);
        search->plan = bind_join_node(bind, PLAN_JOIN_CROSS, search->plan, search->sources);
    }
    if (where != NULL && !current) {
        struct bind_scope place = {.bind = bind, .scope = &search->scope, .place = BIND_WHERE};
        search->plan = bind_plan(bind, PLAN_FILTER, search->plan, NULL);
        search->plan->predicate = bind_condition(&place, where, "WHERE");
    }
}

/* The node over what the search gives: the target's old row, its new one (UPDATE), the other tables' row, the key. */
static void write_rows(struct write *write, const struct search *search, const struct expr *const *values) {
    struct bind *bind = write->bind;
    uint32_t count = write->column_count;
    uint32_t sources = search->sources == NULL ? 0 : search->sources->column_count;
    const struct plan_column *columns = search->plan->columns;
    const struct expr **list = sql_alloc(bind->context, (2 * count + sources + 1) * sizeof(*list));
    const char **names = sql_alloc(bind->context, (2 * count + sources + 1) * sizeof(*names));
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        names[total] = write->row.columns[i].name;
        list[total++] = write->row.columns[i].expr;
    }
    for (uint32_t i = 0; values != NULL && i < count; i++) {
        names[total] = names[i];
        list[total++] = values[i] == NULL ? list[i] : values[i];
    }
    for (uint32_t i = 0; i <= sources; i++) {
        uint32_t ordinal = i == sources ? count : count + 1 + i; /* the key last */
        struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
        column->kind = EXPR_COLUMN;
        column->column = ordinal;
        column->type = columns[ordinal].type;
        names[total] = columns[ordinal].name;
        list[total++] = column;
    }
    write->node->left = bind_project(bind, search->plan, list, names, total);
    write->node->claims = search->sources != NULL;
}

struct plan_node *bind_update(struct bind *bind, const PgQuery__UpdateStmt *update) {
    struct write write;
    struct search search;
    write_open(&write, bind, update->relation, PLAN_UPDATE);
    struct bind_cte *in_sight = bind->ctes;
    if (update->with_clause != NULL) {
        bind_with(bind, update->with_clause);
    }
    write_search(&write, update->from_clause, update->n_from_clause, update->where_clause, &search);
    write_rows(&write, &search,
               write_set_list(&write, update->target_list, update->n_target_list, &search.scope, &write.row));
    write_checks(&write);
    write_returning(&write, update->returning_list, update->n_returning_list, &search.returning);
    bind->ctes = in_sight;
    return write.node;
}

struct plan_node *bind_delete(struct bind *bind, const PgQuery__DeleteStmt *statement) {
    struct write write;
    struct search search;
    write_open(&write, bind, statement->relation, PLAN_DELETE);
    struct bind_cte *in_sight = bind->ctes;
    if (statement->with_clause != NULL) {
        bind_with(bind, statement->with_clause);
    }
    write_search(&write, statement->using_clause, statement->n_using_clause, statement->where_clause, &search);
    write_rows(&write, &search, NULL);
    write_returning(&write, statement->returning_list, statement->n_returning_list, &search.returning);
    bind->ctes = in_sight;
    return write.node;
}
