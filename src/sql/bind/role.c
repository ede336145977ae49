/*
 * CREATE, ALTER and DROP of roles (users are roles that may log in, groups are roles). Only what is written is decided
 * here; who may do it, and what a password comes to, is seen when it is done (define_role.c).
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

static const struct plan_role_attribute {
    const char *name; /* of the grammar */
    uint32_t flag;
} attributes[] = {
    {"superuser", ROLE_SUPERUSER},       {"inherit", ROLE_INHERIT}, {"createrole", ROLE_CREATE_ROLE},
    {"createdb", ROLE_CREATE_DATABASE},  {"canlogin", ROLE_LOGIN},  {"isreplication", ROLE_REPLICATION},
    {"bypassrls", ROLE_BYPASS_POLICIES},
};

static void conflicting(struct bind *bind, const PgQuery__DefElem *option) {
    sql_raise(bind->context, KMB_SYNTAX, bind_location(option->location), "conflicting or redundant options");
}

static bool option_flag(const PgQuery__DefElem *option) {
    return option->arg != NULL &&
           (option->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN   ? option->arg->boolean->boolval != 0
            : option->arg->node_case == PG_QUERY__NODE__NODE_INTEGER ? option->arg->integer->ival != 0
                                                                     : false);
}

static void bind_role_option(struct bind *bind, const PgQuery__DefElem *option, struct plan_role *role) {
    const char *name = option->defname;
    for (size_t i = 0; i < ARRAY_LENGTH(attributes); i++) {
        if (strcmp(attributes[i].name, name) == 0) {
            if (((role->flags_set | role->flags_cleared) & attributes[i].flag) != 0) {
                conflicting(bind, option);
            }
            *(option_flag(option) ? &role->flags_set : &role->flags_cleared) |= attributes[i].flag;
            return;
        }
    }
    if (strcmp(name, "password") == 0) {
        if (role->has_password) {
            conflicting(bind, option);
        }
        role->has_password = true;
        role->password = option->arg == NULL ? NULL : bind_string(option->arg);
        return;
    }
    if (strcmp(name, "connectionlimit") == 0) {
        if (role->has_limit) {
            conflicting(bind, option);
        }
        role->has_limit = true;
        role->limit = option->arg == NULL || option->arg->node_case != PG_QUERY__NODE__NODE_INTEGER
                          ? 0
                          : option->arg->integer->ival;
        if (role->limit < ROLE_CONNECTIONS_ANY) {
            sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "invalid connection limit: %d", role->limit);
        }
        return;
    }
    if (strcmp(name, "validUntil") == 0) {
        if (role->valid_until != NULL) {
            conflicting(bind, option);
        }
        role->valid_until = bind_string(option->arg);
        return;
    }
    if (strcmp(name, "sysid") == 0) {
        return; /* PostgreSQL says so in a notice and ignores it, too */
    }
    sql_raise_unsupported(bind->context, bind_location(option->location), "membership in a role");
}

static void bind_role_options(struct bind *bind, PgQuery__Node **options, size_t count, struct plan_role *role) {
    for (size_t i = 0; i < count; i++) {
        ASSERT(options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM);
        bind_role_option(bind, options[i]->def_elem, role);
    }
}

const char *bind_role_name(struct bind *bind, const PgQuery__RoleSpec *spec) {
    if (spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING) {
        return spec->rolename;
    }
    if (spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, bind_location(spec->location), "role \"public\" does not exist");
    }
    return bind_text(bind->context, bind->context->session_user);
}

static void check_reserved(struct bind *bind, const char *name) {
    if (strncmp(name, "pg_", 3) == 0) {
        sql_raise_with(bind->context, KMB_RESERVED_NAME, 0, "Role names starting with \"pg_\" are reserved.", NULL,
                       "role name \"%s\" is reserved", name);
    }
}

static struct plan_role *bind_roles(struct bind *bind, struct plan_statement *statement, enum plan_role_kind kind,
                                    uint32_t count) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    struct plan_role *roles = sql_alloc_zero(bind->context, count + 1, sizeof(*roles));
    ddl->kind = DDL_ROLE;
    ddl->roles = roles;
    ddl->role_count = count;
    statement->ddl = ddl;
    statement->secret = kind == PLAN_ROLE_CREATE || kind == PLAN_ROLE_CHANGE;
    for (uint32_t i = 0; i < count; i++) {
        roles[i].kind = kind;
    }
    return roles;
}

void bind_create_role(struct bind *bind, const PgQuery__CreateRoleStmt *create, struct plan_statement *statement) {
    struct plan_role *role = bind_roles(bind, statement, PLAN_ROLE_CREATE, 1);
    role->name = create->role;
    bind_role_options(bind, create->options, create->n_options, role);
    check_reserved(bind, create->role);
    bool user = create->stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER;
    role->flags_set |= (ROLE_INHERIT | (user ? ROLE_LOGIN : 0u)) & ~role->flags_cleared;
}

void bind_alter_role(struct bind *bind, const PgQuery__AlterRoleStmt *alter, struct plan_statement *statement) {
    struct plan_role *role = bind_roles(bind, statement, PLAN_ROLE_CHANGE, 1);
    role->name = bind_role_name(bind, alter->role);
    bind_role_options(bind, alter->options, alter->n_options, role);
}

void bind_drop_role(struct bind *bind, const PgQuery__DropRoleStmt *drop, struct plan_statement *statement) {
    struct plan_role *roles = bind_roles(bind, statement, PLAN_ROLE_DROP, (uint32_t)drop->n_roles);
    for (size_t i = 0; i < drop->n_roles; i++) {
        const PgQuery__RoleSpec *spec = drop->roles[i]->role_spec;
        if (spec->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING) {
            sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "cannot use special role specifier in DROP ROLE");
        }
        roles[i].name = spec->rolename;
        roles[i].missing_ok = drop->missing_ok != 0;
    }
}

void bind_rename_role(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct plan_role *role = bind_roles(bind, statement, PLAN_ROLE_RENAME, 1);
    statement->tag = "ALTER ROLE";
    role->name = rename->subname;
    role->new_name = rename->newname;
    check_reserved(bind, rename->newname);
}
