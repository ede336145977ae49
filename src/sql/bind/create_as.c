/*
 * CREATE TABLE AS and SELECT INTO.
 *
 * Both are a write: an INSERT of the query's rows into a table that the write makes first. The query reads what was
 * before the table; its columns' names and types become the table's, without any constraint.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "types/data_class.h"

const PgQuery__IntoClause *bind_into(const PgQuery__SelectStmt *select) {
    while (select->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        select = select->larg;
    }
    return select->into_clause;
}

static void refuse(struct bind *bind, const PgQuery__IntoClause *into) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(into->rel->location);
    if (strcmp(into->rel->relpersistence, "p") != 0) {
        sql_raise_unsupported(context, position, "a temporary or unlogged table");
    }
    if (into->access_method != NULL && into->access_method[0] != 0) {
        sql_raise_unsupported(context, position, "USING (table access method)");
    }
    bind_storage_parameters(bind, into->options, into->n_options);
    if (into->on_commit != PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP) {
        sql_raise_unsupported(context, position, "ON COMMIT");
    }
    if (into->table_space_name != NULL && into->table_space_name[0] != 0) {
        sql_raise_unsupported(context, position, "TABLESPACE");
    }
}

/* The table that takes these rows. */
static struct table_definition *definition_of(struct bind *bind, const PgQuery__IntoClause *into,
                                              const struct plan_node *query) {
    struct sql_context *context = bind->context;
    struct table_definition *table = sql_alloc_zero(context, 1, sizeof(*table));
    struct column_definition *columns = sql_alloc_zero(context, query->column_count + 1, sizeof(*columns));
    if (query->column_count == 0) {
        sql_raise(context, KMB_INVALID_TABLE_DEFINITION, bind_location(into->rel->location),
                  "CREATE TABLE %s requires at least one column", into->rel->relname);
    }
    if (into->n_col_names > query->column_count) {
        sql_raise(context, KMB_SYNTAX, 0, "too many column names were specified");
    }
    for (uint32_t i = 0; i < query->column_count; i++) {
        const char *name = i < into->n_col_names ? bind_string(into->col_names[i]) : query->columns[i].name;
        struct type type = catalogue_plain(query->columns[i].type);
        if (!type_is_valid(type.id)) {
            sql_raise(context, KMB_INVALID_TABLE_DEFINITION, 0, "column \"%s\" has pseudo-type %s", name,
                      bind_type_text(bind, type));
        }
        for (uint32_t k = 0; k < i; k++) {
            if (slice_equal_text(columns[k].name, name)) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" specified more than once", name);
            }
        }
        bind_refuse_objects(bind, type, 0);
        bind_check_column_name(bind, name, 0);
        columns[i] = (struct column_definition){.name = slice_text(name), .type = type};
    }
    table->schema_name = bind_creation_schema(bind, into->rel);
    table->name = slice_text(into->rel->relname);
    table->data_class = DATA_CLASS_PHI;
    table->columns = columns;
    table->column_count = query->column_count;
    return table;
}

/* statement is the query, bound; it becomes the write. */
static void create_from(struct bind *bind, const PgQuery__IntoClause *into, struct plan_statement *statement) {
    struct plan_node *query = statement->root;
    bind_refuse_records(bind, query, "a table");
    struct plan_node *insert = bind_plan(bind, PLAN_INSERT, query, NULL);
    insert->creates = definition_of(bind, into, query);
    insert->table = insert->creates;
    insert->catalogue = bind_present(bind);
    insert->no_data = into->skip_data;
    insert->columns = NULL;
    insert->column_count = 0;
    bind_statement_query(statement, insert);
    statement->kind = STATEMENT_WRITE;
    statement->tag = into->skip_data ? "CREATE TABLE AS" : "SELECT";
}

/* Whether there is nothing to do, for a relation of the name is there; raises where that is not asked for. */
static bool exists(struct bind *bind, const PgQuery__IntoClause *into, bool fine, struct plan_statement *statement) {
    refuse(bind, into);
    struct slice schema = bind_creation_schema(bind, into->rel);
    if (bind->host->at.kind != PLAN_AT_NONE) {
        sql_raise(bind->context, KMB_HISTORY_READ_ONLY, bind_location(into->rel->location),
                  "Cannot modify historical data");
    }
    if (!catalogue_relation_exists(bind_present(bind), schema, slice_text(into->rel->relname))) {
        return false;
    }
    if (!fine) {
        sql_raise(bind->context, KMB_DUPLICATE_TABLE, 0, "relation \"%s\" already exists", into->rel->relname);
    }
    bind_notice(bind, KMB_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", into->rel->relname);
    struct plan_ddl *nothing = sql_alloc_zero(bind->context, 1, sizeof(*nothing));
    nothing->kind = DDL_NOTHING;
    statement->kind = STATEMENT_DDL;
    statement->tag = "CREATE TABLE AS";
    statement->ddl = nothing;
    return true;
}

void bind_create_as(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement) {
    const PgQuery__CreateTableAsStmt *create = node->create_table_as_stmt;
    if (create->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "%s", bind_statement_name(node));
    }
    if (exists(bind, create->into, create->if_not_exists, statement)) {
        return;
    }
    bind_dispatch(bind, create->query, statement);
    if (statement->kind != STATEMENT_QUERY) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "prepared statement is not a SELECT");
    }
    create_from(bind, create->into, statement);
}

void bind_select_into(struct bind *bind, const PgQuery__SelectStmt *select, struct plan_statement *statement) {
    const PgQuery__IntoClause *into = bind_into(select);
    (void)exists(bind, into, false, statement);
    bind->into = into;
    bind_statement_query(statement, bind_select(bind, select));
    create_from(bind, into, statement);
}
