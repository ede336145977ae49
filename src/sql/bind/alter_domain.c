/*
 * ALTER DOMAIN. A domain is kept as one column with checks, so most of it is what ALTER TABLE does to a column; what
 * adds a constraint looks at the rows of all tables that have a column of the domain.
 */
#include "base/assert.h"
#include "sql/bind/domain.h"

static const struct table_definition *altered_domain(struct bind *bind, PgQuery__Node *const *list, size_t count) {
    struct type_name name = bind_own_name(bind, list, count);
    const struct table_definition *domain = bind_find_type(bind, name);
    enum type_id id;
    if (domain == NULL && name.schema == NULL && type_of_name(slice_text(name.name), &id)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "%s is not a domain", type_name(id));
    }
    if (domain == NULL) {
        bind_no_type(bind, name, 0);
    }
    if (domain->form != DEFINITION_DOMAIN) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "%s is not a domain",
                  bind_type_text(bind, definition_type(domain)));
    }
    return domain;
}

static const struct check_definition *find_check(const struct table_definition *domain, const char *name) {
    for (uint32_t i = 0; i < domain->check_count; i++) {
        if (slice_equal_text(domain->checks[i].name, name)) {
            return &domain->checks[i];
        }
    }
    return NULL;
}

static _Noreturn void raise_no_check(struct bind *bind, const struct table_definition *domain, const char *name) {
    sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" of domain \"%s\" does not exist", name,
              bind_text(bind->context, domain->name));
}

static void change_default(struct bind *bind, const struct table_definition *domain, const PgQuery__Node *value,
                           struct plan_alter *action) {
    action->kind = ALTER_DEFAULT;
    if (value != NULL) {
        action->default_text =
            bind_default_text(bind, value, domain->columns[0].type, bind_text(bind->context, domain->name));
    }
}

static void add_check(struct bind *bind, const struct table_definition *domain, const PgQuery__Constraint *constraint,
                      struct plan_alter *action) {
    struct sql_context *context = bind->context;
    const char *given = constraint->conname != NULL && constraint->conname[0] != 0 ? constraint->conname : NULL;
    if (constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_CHECK) {
        sql_raise_unsupported(context, bind_location(constraint->location), "adding this constraint to a domain");
    }
    action->kind = ALTER_ADD_CHECK;
    action->name = bind_domain_check_name(bind, domain, given);
    action->text = bind_domain_check_text(bind, domain->columns[0].type, constraint->raw_expr);
    action->not_valid = constraint->skip_validation;
}

void bind_alter_domain(struct bind *bind, const PgQuery__AlterDomainStmt *alter, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    const struct table_definition *domain = altered_domain(bind, alter->type_name, alter->n_type_name);
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct plan_alter *action = sql_alloc_zero(context, 1, sizeof(*action));
    action->name = DOMAIN_VALUE;
    ddl->kind = DDL_ALTER_DOMAIN;
    switch (alter->subtype[0]) {
    case 'T':
        change_default(bind, domain, alter->def, action);
        break;
    case 'N':
    case 'O':
        action->kind = ALTER_NOT_NULL;
        action->not_null = alter->subtype[0] == 'O';
        break;
    case 'C':
        ASSERT(alter->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT);
        add_check(bind, domain, alter->def->constraint, action);
        break;
    case 'X':
        action->kind = ALTER_DROP_CONSTRAINT;
        action->name = alter->name;
        if (find_check(domain, alter->name) == NULL && !alter->missing_ok) {
            raise_no_check(bind, domain, alter->name);
        }
        ddl->kind = find_check(domain, alter->name) == NULL ? DDL_NOTHING : DDL_ALTER_DOMAIN;
        if (ddl->kind == DDL_NOTHING) {
            bind_notice(bind, KMB_OK, "constraint \"%s\" of domain \"%s\" does not exist, skipping", alter->name,
                        bind_text(bind->context, domain->name));
        }
        break;
    case 'V':
        action->kind = ALTER_VALIDATE;
        action->name = alter->name;
        if (find_check(domain, alter->name) == NULL) {
            raise_no_check(bind, domain, alter->name);
        }
        break;
    default:
        sql_raise_unsupported(context, bind->tokens->first, "this ALTER DOMAIN");
    }
    ddl->table_id = domain->id;
    ddl->alters = action;
    ddl->alter_count = 1;
    statement->ddl = ddl;
    statement->tag = "ALTER DOMAIN";
}

/* ALTER DOMAIN ... RENAME CONSTRAINT */
void bind_rename_domain_check(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    ASSERT(rename->object->node_case == PG_QUERY__NODE__NODE_LIST);
    const struct table_definition *domain =
        altered_domain(bind, rename->object->list->items, rename->object->list->n_items);
    if (find_check(domain, rename->subname) == NULL) {
        raise_no_check(bind, domain, rename->subname);
    }
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct plan_alter *action = sql_alloc_zero(context, 1, sizeof(*action));
    action->kind = ALTER_RENAME_CONSTRAINT;
    action->name = rename->subname;
    action->new_name = bind_domain_check_name(bind, domain, rename->newname);
    ddl->kind = DDL_ALTER_DOMAIN;
    ddl->table_id = domain->id;
    ddl->alters = action;
    ddl->alter_count = 1;
    statement->ddl = ddl;
    statement->tag = "ALTER DOMAIN";
}

/* ALTER TYPE and ALTER DOMAIN ... RENAME TO and SET SCHEMA: texts that name the type follow it. */
static void type_goes(struct bind *bind, const PgQuery__Node *object, bool domains, enum plan_alter_kind kind,
                      const char *to, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    ASSERT(object->node_case == PG_QUERY__NODE__NODE_LIST);
    struct type_name name = bind_own_name(bind, object->list->items, object->list->n_items);
    const struct table_definition *type = bind_find_type(bind, name);
    const struct catalogue *catalogue = bind_present(bind);
    bool moves = kind == ALTER_SET_SCHEMA;
    if (type == NULL) {
        bind_no_type(bind, name, 0);
    }
    if (domains && type->form != DEFINITION_DOMAIN) {
        sql_raise_with(context, KMB_WRONG_OBJECT_TYPE, 0, NULL, NULL, "%s is not a domain",
                       bind_type_text(bind, definition_type(type)));
    }
    if (moves && sql_schema_is_system(to)) {
        sql_raise(context, KMB_PERMISSION, 0, "permission denied for schema %s", to);
    }
    if (moves) {
        (void)bind_find_schema(bind, to);
    }
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    statement->tag = domains ? "ALTER DOMAIN" : "ALTER TYPE";
    if (moves && slice_equal_text(type->schema_name, to)) {
        ddl->kind = DDL_NOTHING;
        return;
    }
    if (moves && catalogue_type(catalogue, slice_text(to), type->name) != NULL) {
        sql_raise(context, KMB_DUPLICATE_OBJECT, 0, "type \"%s\" already exists in schema \"%s\"",
                  bind_text(context, type->name), to);
    }
    bind_type_free(bind, moves ? to : bind_text(context, type->schema_name),
                   moves ? bind_text(context, type->name) : to);
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *view = catalogue_table_at(catalogue, i);
        if (definition_is_view(view) && bind_view_names_type(bind, view, type)) {
            sql_raise_unsupported(context, bind->tokens->first, "%s a type that a view names",
                                  moves ? "moving" : "renaming");
        }
    }
    struct plan_alter *action = sql_alloc_zero(context, 1, sizeof(*action));
    action->kind = kind;
    action->name = name.name;
    action->text = bind_text(context, type->schema_name);
    action->new_name = to;
    ddl->kind = DDL_ALTER_DOMAIN;
    ddl->table_id = type->id;
    ddl->alters = action;
    ddl->alter_count = 1;
}

void bind_rename_type(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    type_goes(bind, rename->object, rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN, ALTER_RENAME_TABLE,
              rename->newname, statement);
}

void bind_move_type(struct bind *bind, const PgQuery__AlterObjectSchemaStmt *alter, struct plan_statement *statement) {
    type_goes(bind, alter->object, alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN, ALTER_SET_SCHEMA,
              alter->newschema, statement);
}
