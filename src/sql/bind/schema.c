/*
 * CREATE SCHEMA and ALTER SCHEMA. What CREATE SCHEMA makes in it are statements of their own, run when it is there with
 * it in front of search_path.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

const struct schema_definition *bind_find_schema(struct bind *bind, const char *name) {
    const struct schema_definition *schema = catalogue_schema(bind_present(bind), slice_text(name));
    if (schema == NULL && sql_schema_is_system(name)) {
        sql_raise(bind->context, KMB_PERMISSION, 0, "permission denied for schema %s", name);
    }
    if (schema == NULL) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, 0, "schema \"%s\" does not exist", name);
    }
    return schema;
}

static void check_reserved(struct bind *bind, const char *name) {
    if (strncmp(name, "pg_", 3) == 0) {
        sql_raise_with(bind->context, KMB_RESERVED_NAME, 0, "The prefix \"pg_\" is reserved for system schemas.", NULL,
                       "unacceptable schema name \"%s\"", name);
    }
}

/* The relation that an element makes, or makes something for; NULL: no such element. */
static PgQuery__RangeVar *element_relation(const PgQuery__Node *element) {
    switch ((int)element->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return element->create_stmt->relation;
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        return element->view_stmt->view;
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        return element->create_seq_stmt->sequence;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return element->index_stmt->relation;
    default:
        return NULL;
    }
}

/* PostgreSQL makes sequences first, then tables, views, indexes. */
static int element_pass(const PgQuery__Node *element) {
    return element->node_case == PG_QUERY__NODE__NODE_CREATE_SEQ_STMT ? 0
           : element->node_case == PG_QUERY__NODE__NODE_CREATE_STMT   ? 1
           : element->node_case == PG_QUERY__NODE__NODE_VIEW_STMT     ? 2
                                                                      : 3;
}

static const char *element_text(struct bind *bind, const PgQuery__Node *element, const char *schema) {
    struct sql_context *context = bind->context;
    PgQuery__RangeVar *relation = element_relation(element);
    if (relation == NULL) {
        sql_raise_unsupported(context, bind->tokens->first, "%s in CREATE SCHEMA", bind_statement_name(element));
    }
    if (relation->schemaname != NULL && relation->schemaname[0] != 0 && strcmp(relation->schemaname, schema) != 0) {
        sql_raise(context, KMB_INVALID_SCHEMA_DEFINITION, 0,
                  "CREATE specifies a schema (%s) different from the one being created (%s)", relation->schemaname,
                  schema);
    }
    relation->schemaname = sql_printf(context, "%s", schema);
    return parse_deparse_statement(context, element);
}

void bind_create_schema(struct bind *bind, const PgQuery__CreateSchemaStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    const char *name = create->schemaname;
    statement->ddl = ddl;
    if (create->authrole != NULL) {
        sql_raise_unsupported(context, bind->tokens->first, "CREATE SCHEMA AUTHORIZATION");
    }
    check_reserved(bind, name);
    ddl->kind = DDL_CREATE_SCHEMA;
    ddl->value = name;
    if (sql_schema_exists(bind_present(bind), name)) {
        if (!create->if_not_exists) {
            sql_raise(context, KMB_DUPLICATE_SCHEMA, 0, "schema \"%s\" already exists", name);
        }
        bind_notice(bind, KMB_DUPLICATE_SCHEMA, "schema \"%s\" already exists, skipping", name);
        ddl->kind = DDL_NOTHING;
        return;
    }
    ddl->after = sql_alloc(context, (create->n_schema_elts + 1) * sizeof(*ddl->after));
    for (int pass = 0; pass < 4; pass++) {
        for (size_t i = 0; i < create->n_schema_elts; i++) {
            if (element_pass(create->schema_elts[i]) == pass) {
                ddl->after[ddl->after_count++] = element_text(bind, create->schema_elts[i], name);
            }
        }
    }
}

void bind_rename_schema(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    statement->tag = "ALTER SCHEMA";
    ddl->kind = DDL_RENAME_SCHEMA;
    ddl->schema = bind_find_schema(bind, rename->subname)->id;
    ddl->value = rename->newname;
    if (sql_schema_exists(bind_present(bind), rename->newname)) {
        sql_raise(bind->context, KMB_DUPLICATE_SCHEMA, 0, "schema \"%s\" already exists", rename->newname);
    }
    check_reserved(bind, rename->newname);
}
