/*
 * ALTER ... OWNER TO: all that a tenant has belongs to its first role, so that one may be named, as dumps do, and
 * nothing changes. Another owner is refused.
 */
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"

static void check_owner(struct bind *bind, const PgQuery__RoleSpec *spec) {
    struct sql_context *context = bind->context;
    const struct catalogue *catalogue = bind_present(bind);
    const char *name = bind_role_name(bind, spec);
    int64_t oid = 0;
    if (slice_equal_text(catalogue_owner(context, catalogue), name)) {
        return;
    }
    if (!catalogue_role_find(context, catalogue, slice_text(name), &oid)) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "role \"%s\" does not exist", name);
    }
    sql_raise_unsupported(context, bind_location(spec->location), "an owner other than %s",
                          bind_text(context, catalogue_owner(context, catalogue)));
}

static void owner_ddl(struct bind *bind, const PgQuery__RoleSpec *spec, const char *tag,
                      struct plan_statement *statement) {
    check_owner(bind, spec);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    ddl->kind = DDL_NOTHING;
    statement->ddl = ddl;
    statement->tag = tag;
}

bool bind_relation_owner(struct bind *bind, const PgQuery__AlterTableStmt *alter, struct plan_statement *statement) {
    const PgQuery__AlterTableCmd *command = alter->cmds[0]->alter_table_cmd;
    struct sql_relation found;
    if (alter->n_cmds != 1 || command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner) {
        return false;
    }
    const char *tag = bind_alter_tag(alter->objtype);
    (void)bind_alter_relation(bind, alter->relation, alter->objtype, alter->missing_ok, &found);
    owner_ddl(bind, command->newowner, tag, statement);
    return true;
}

void bind_owner(struct bind *bind, const PgQuery__AlterOwnerStmt *alter, struct plan_statement *statement) {
    const PgQuery__Node *object = alter->object;
    switch ((int)alter->object_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        (void)bind_find_schema(bind, bind_string(object));
        owner_ddl(bind, alter->newowner, "ALTER SCHEMA", statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        (void)bind_own_type(bind, bind_own_name(bind, object->list->items, object->list->n_items));
        owner_ddl(bind, alter->newowner,
                  alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE ? "ALTER TYPE" : "ALTER DOMAIN", statement);
        return;
    default:
        sql_raise_unsupported(bind->context, bind->tokens->first,
                              "OWNER TO of anything but a schema, a relation or a type");
    }
}
