/*
 * COMMENT ON: what it is on, found in the catalogue.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* The last name of a list, or the one before it. */
static const char *comment_name(struct bind *bind, const PgQuery__Node *object, size_t from_end) {
    ASSERT(object->node_case == PG_QUERY__NODE__NODE_LIST);
    const PgQuery__List *list = object->list;
    if (list->n_items <= from_end) {
        sql_raise(bind->context, KMB_SYNTAX, 0, "column name must be qualified");
    }
    return bind_string(list->items[list->n_items - 1 - from_end]);
}

/* The relation that a list names but for its last `behind` names; schema and name as they are written. */
static bool comment_find(struct bind *bind, const PgQuery__Node *object, size_t behind, const char **name,
                         struct sql_relation *found) {
    const PgQuery__List *list = object->list;
    const char *schema = NULL;
    bind_name_parts(bind, list->items, list->n_items - behind, &schema, name);
    if (sql_path_find(bind_path(bind), bind_present(bind), schema, *name, found)) {
        return true;
    }
    if (schema != NULL && !sql_schema_exists(bind_present(bind), schema)) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, 0, "schema \"%s\" does not exist", schema);
    }
    *name = schema == NULL ? *name : sql_printf(bind->context, "%s.%s", schema, *name);
    return false;
}

static _Noreturn void comment_missing(struct bind *bind, const char *name) {
    sql_raise(bind->context, KMB_UNDEFINED_TABLE, 0, "relation \"%s\" does not exist", name);
}

static void comment_on_relation(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_ddl *ddl) {
    const char *name = NULL;
    struct sql_relation found;
    if (!comment_find(bind, comment->object, 0, &name, &found)) {
        comment_missing(bind, name);
    }
    const struct table_definition *table = sql_relation_is_index(&found) ? NULL : found.table;
    bool wanted =
        table != NULL && (comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? definition_is_view(table)
                          : comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? definition_is_sequence(table)
                                                                                       : definition_is_table(table));
    if (!wanted) {
        const char *kind = comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "view"
                           : comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "sequence"
                                                                                        : "table";
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "\"%s\" is not a %s", name, kind);
    }
    ddl->table_id = table->id;
    ddl->part = DEFINITION_TABLE;
}

static void comment_on_index(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_ddl *ddl) {
    const char *name = NULL;
    struct sql_relation found;
    if (!comment_find(bind, comment->object, 0, &name, &found)) {
        comment_missing(bind, name);
    }
    if (!sql_relation_is_index(&found)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "\"%s\" is not an index", name);
    }
    ddl->table_id = found.table->id;
    ddl->part = found.primary ? DEFINITION_PRIMARY_KEY : DEFINITION_INDEX;
    ddl->part_id = found.primary ? 0 : found.index->id.value;
}

static const struct table_definition *comment_table(struct bind *bind, const PgQuery__CommentStmt *comment) {
    const char *name = comment_name(bind, comment->object, 1);
    struct sql_relation found;
    if (!comment_find(bind, comment->object, 1, &name, &found) || sql_relation_is_index(&found)) {
        comment_missing(bind, name);
    }
    return found.table;
}

static void comment_on_column(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_ddl *ddl) {
    const char *name = comment_name(bind, comment->object, 0);
    const struct table_definition *table = comment_table(bind, comment);
    const char *table_name = bind_text(bind->context, table->name);
    if (definition_is_sequence(table)) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "This operation is not supported for sequences.", NULL,
                       "cannot set comment on relation \"%s\"", table_name);
    }
    const struct column_definition *column = definition_column_of_name(table, slice_text(name));
    if (column == NULL || column->hidden) {
        sql_raise(bind->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", name,
                  table_name);
    }
    ddl->table_id = table->id;
    ddl->part = DEFINITION_COLUMN;
    ddl->part_id = column->id.value;
}

static void comment_on_constraint(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_ddl *ddl) {
    const char *name = comment_name(bind, comment->object, 0);
    const struct table_definition *table = comment_table(bind, comment);
    bool found = table->primary_key_count > 0 && slice_equal_text(table->primary_key_name, name);
    ddl->table_id = table->id;
    ddl->part = DEFINITION_PRIMARY_KEY;
    for (uint32_t i = 0; i < table->check_count && !found; i++) {
        ddl->part = DEFINITION_CONSTRAINT;
        ddl->part_id = table->checks[i].id.value;
        found = slice_equal_text(table->checks[i].name, name);
    }
    for (uint32_t i = 0; i < table->foreign_key_count && !found; i++) {
        ddl->part = DEFINITION_CONSTRAINT;
        ddl->part_id = table->foreign_keys[i].id.value;
        found = slice_equal_text(table->foreign_keys[i].name, name);
    }
    for (uint32_t i = 0; i < table->index_count && !found; i++) {
        ddl->part = DEFINITION_INDEX;
        ddl->part_id = table->indexes[i].id.value;
        found = table->indexes[i].constraint && slice_equal_text(table->indexes[i].name, name);
    }
    if (!found) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" for table \"%s\" does not exist", name,
                  bind_text(bind->context, table->name));
    }
}

/* A type's or a domain's, or one of a domain's checks. */
static void comment_on_type(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_ddl *ddl) {
    bool check = comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT;
    bool domain = check || comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
    const PgQuery__Node *object = comment->object;
    if (check) {
        ASSERT(object->node_case == PG_QUERY__NODE__NODE_LIST && object->list->n_items == 2);
        object = object->list->items[0];
    }
    ASSERT(object->node_case == PG_QUERY__NODE__NODE_TYPE_NAME);
    struct type_name name = bind_own_name(bind, object->type_name->names, object->type_name->n_names);
    const struct table_definition *type = bind_find_type(bind, name);
    enum type_id id;
    if (type == NULL && type_of_name(slice_text(name.name), &id)) {
        sql_raise(bind->context, KMB_PERMISSION, 0, "must be owner of type %s", type_name(id));
    }
    if (type == NULL) {
        bind_no_type(bind, name, 0);
    }
    if (domain && type->form != DEFINITION_DOMAIN) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "\"%s\" is not a domain", name.name);
    }
    ddl->table_id = type->id;
    ddl->part = DEFINITION_TABLE;
    if (check) {
        const char *wanted = comment_name(bind, comment->object, 0);
        const struct check_definition *found = NULL;
        for (uint32_t i = 0; i < type->check_count && found == NULL; i++) {
            found = slice_equal_text(type->checks[i].name, wanted) ? &type->checks[i] : NULL;
        }
        if (found == NULL) {
            sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" for domain %s does not exist", wanted,
                      bind_type_text(bind, definition_type(type)));
        }
        ddl->part = DEFINITION_CONSTRAINT;
        ddl->part_id = found->id.value;
    }
}

void bind_comment(struct bind *bind, const PgQuery__CommentStmt *comment, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    ddl->kind = DDL_COMMENT;
    ddl->value = comment->comment == NULL ? "" : comment->comment;
    switch ((int)comment->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        comment_on_relation(bind, comment, ddl);
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        ddl->kind = DDL_COMMENT_SCHEMA;
        ddl->schema = bind_find_schema(bind, bind_string(comment->object))->id;
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        comment_on_index(bind, comment, ddl);
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        comment_on_column(bind, comment, ddl);
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        comment_on_constraint(bind, comment, ddl);
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT:
        comment_on_type(bind, comment, ddl);
        break;
    default: {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pg_query__object_type__descriptor, (int)comment->objtype);
        const char *kind = value == NULL ? "OBJECT" : value->name;
        sql_raise_unsupported(bind->context, bind->tokens->first, "COMMENT ON %s",
                              strncmp(kind, "OBJECT_", 7) == 0 ? kind + 7 : kind);
    }
    }
}
