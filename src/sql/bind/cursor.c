/*
 * DECLARE, FETCH, MOVE, CLOSE.
 *
 * DECLARE binds its query to find what is wrong with it; when it runs, its text is prepared once more, as the query
 * alone, and that statement is the cursor. Where the query is one table's rows, picked and arranged but not combined,
 * each row carries its key behind its columns: by it WHERE CURRENT OF finds the row again.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/cursor.h"

/* DeclareCursorStmt's options (PostgreSQL's parsenodes.h). */
enum {
    OPTION_BINARY = 0x01,
    OPTION_SCROLL = 0x02,
    OPTION_NO_SCROLL = 0x04,
    OPTION_INSENSITIVE = 0x08,
    OPTION_ASENSITIVE = 0x10,
    OPTION_HOLD = 0x20,
};

static struct sql_cursor_list *list_of(struct bind *bind) {
    if (bind->host->cursors == NULL) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "a cursor outside a session");
    }
    return bind->host->cursors;
}

static void check_options(struct bind *bind, int32_t options) {
    if ((options & OPTION_SCROLL) != 0 && (options & OPTION_NO_SCROLL) != 0) {
        sql_raise(bind->context, KMB_INVALID_CURSOR_DEFINITION, 0, "cannot specify both SCROLL and NO SCROLL");
    }
    if ((options & OPTION_ASENSITIVE) != 0 && (options & OPTION_INSENSITIVE) != 0) {
        sql_raise(bind->context, KMB_INVALID_CURSOR_DEFINITION, 0, "cannot specify both ASENSITIVE and INSENSITIVE");
    }
    if ((options & OPTION_BINARY) != 0) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "a binary cursor");
    }
}

/* Rows that are to be changed are read forward, in their transaction. */
static void check_locking(struct bind *bind, const PgQuery__DeclareCursorStmt *node) {
    const char *name = bind_locking_name(node->query->select_stmt);
    if ((node->options & OPTION_HOLD) != 0) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, 0, "Holdable cursors must be READ ONLY.", NULL,
                       "DECLARE CURSOR WITH HOLD ... %s is not supported", name);
    }
    if ((node->options & OPTION_SCROLL) != 0) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, 0, "Scrollable cursors must be READ ONLY.", NULL,
                       "DECLARE SCROLL CURSOR ... %s is not supported", name);
    }
    if ((node->options & OPTION_INSENSITIVE) != 0) {
        sql_raise_with(bind->context, KMB_INVALID_CURSOR_DEFINITION, 0, "Insensitive cursors must be READ ONLY.", NULL,
                       "DECLARE INSENSITIVE CURSOR ... %s is not valid", name);
    }
}

static void bind_query(struct bind *bind, const PgQuery__DeclareCursorStmt *node, struct plan_statement *statement) {
    const PgQuery__SelectStmt *select = node->query->select_stmt;
    if (select->n_locking_clause > 0) {
        check_locking(bind, node);
    }
    const PgQuery__IntoClause *into = bind_into(select);
    ASSERT(node->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT); /* the grammar takes no other */
    if (into != NULL) {
        sql_raise(bind->context, KMB_SYNTAX, bind_location(into->rel->location), "SELECT ... INTO is not allowed here");
    }
    bind_dispatch(bind, node->query, statement);
    if (bind->write_count > 0) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0,
                  "DECLARE CURSOR must not contain data-modifying statements in WITH");
    }
}

void bind_declare(struct bind *bind, const PgQuery__DeclareCursorStmt *node, struct plan_statement *statement) {
    struct plan_statement query = {0};
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    (void)list_of(bind);
    check_options(bind, node->options);
    bind_query(bind, node, &query);
    bind->time_dependent = false; /* the text is prepared again */
    bind->at_parameter = false;
    ddl->kind = DDL_DECLARE;
    ddl->value = node->portalname;
    ddl->cursor.scroll = (node->options & OPTION_SCROLL) != 0;
    ddl->cursor.no_scroll = (node->options & OPTION_NO_SCROLL) != 0;
    ddl->cursor.hold = (node->options & OPTION_HOLD) != 0;
    statement->kind = STATEMENT_SETTING;
    statement->tag = "DECLARE CURSOR";
    statement->ddl = ddl;
    statement->writes = bind->advances; /* WITH HOLD may run it at once */
}

/* --- the key behind the row --- */

/* The scan whose rows these are, picked and arranged; NULL: they are more than that. */
static const struct plan_node *scan_below(const struct plan_node *node) {
    while (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER || node->kind == PLAN_LIMIT ||
           node->kind == PLAN_SORT || node->kind == PLAN_LOCK) {
        node = node->left;
    }
    return node->kind == PLAN_SCAN && node->at.kind == PLAN_AT_NONE ? node : NULL;
}

static void append_column(struct sql_context *context, struct plan_node *node, const struct plan_column *column) {
    struct plan_column *columns = sql_alloc(context, (node->column_count + 1) * sizeof(*columns));
    memcpy(columns, node->columns, node->column_count * sizeof(*columns));
    columns[node->column_count] = *column;
    node->columns = columns;
    node->column_count++;
}

static void append_key(struct bind *bind, struct plan_node *node) {
    struct sql_context *context = bind->context;
    const struct plan_column column = {.name = "key", .type = type_make(TYPE_BYTEA)};
    uint32_t count = node->column_count;
    if (node->kind == PLAN_SCAN) {
        bind_append_key(bind, node);
        return;
    }
    if (node->kind == PLAN_PROJECT) {
        const struct expr **expressions = sql_alloc(context, (count + 1) * sizeof(*expressions));
        struct expr *key = bind_expr_new(bind, EXPR_COLUMN, column.type, 0, 0);
        memcpy(expressions, node->expressions, count * sizeof(*expressions));
        key->column = node->left->column_count; /* it is appended there, too */
        expressions[count] = key;
        node->expressions = expressions;
        node->expression_count++;
    }
    append_column(context, node, &column);
}

void bind_cursor_query(struct bind *bind, const PgQuery__DeclareCursorStmt *node, struct plan_statement *statement) {
    bind_query(bind, node, statement);
    const struct plan_node *scan = scan_below(statement->root);
    if (scan == NULL) {
        return;
    }
    struct plan_node *part = statement->root;
    for (; part != scan; part = part->left) {
        append_key(bind, part);
    }
    append_key(bind, part);
    statement->columns = statement->root->columns;
    statement->column_count = statement->root->column_count;
    statement->cursor_table = scan->table->id;
}

/* --- FETCH, MOVE, CLOSE --- */

static enum plan_fetch direction_of(const PgQuery__FetchStmt *node) {
    switch ((int)node->direction) {
    case PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD:
        return PLAN_FETCH_BACKWARD;
    case PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE:
        return PLAN_FETCH_ABSOLUTE;
    case PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE:
        return PLAN_FETCH_RELATIVE;
    default:
        return PLAN_FETCH_FORWARD;
    }
}

void bind_fetch(struct bind *bind, const PgQuery__FetchStmt *node, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    const struct sql_cursor *cursor = sql_cursor_find(list_of(bind), slice_text(node->portalname));
    if (cursor == NULL) {
        sql_cursor_raise_undefined(context, node->portalname);
    }
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    ddl->kind = DDL_FETCH;
    ddl->value = node->portalname;
    ddl->fetch = direction_of(node);
    ddl->number = node->how_many;
    ddl->move = node->ismove;
    statement->kind = STATEMENT_FETCH;
    statement->tag = node->ismove ? "MOVE" : "FETCH";
    statement->ddl = ddl;
    bind->time_dependent = true; /* the name may come to mean another cursor */
    if (node->ismove) {
        return;
    }
    statement->column_count = sql_cursor_column_count(cursor);
    statement->columns = sql_alloc(context, (statement->column_count + 1) * sizeof(*statement->columns));
    for (uint32_t i = 0; i < statement->column_count; i++) {
        const struct plan_column *column = sql_cursor_column(cursor, i);
        statement->columns[i] =
            (struct plan_column){.name = sql_printf(context, "%s", column->name), .type = column->type};
    }
}

void bind_close(struct bind *bind, const PgQuery__ClosePortalStmt *node, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    bool all = node->portalname == NULL || node->portalname[0] == 0;
    (void)list_of(bind);
    ddl->kind = DDL_CLOSE;
    ddl->value = all ? NULL : node->portalname;
    statement->kind = STATEMENT_SETTING;
    statement->tag = all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    statement->ddl = ddl;
}
