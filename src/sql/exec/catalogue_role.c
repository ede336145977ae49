/*
 * Roles in the catalogue: pg_roles, pg_authid, pg_shadow, pg_user, and who owns what.
 *
 * Everything belongs to the role that a tenant has from the start; it has PostgreSQL's number 10. A session whose user
 * is no role (the embedded library, a server without authentication) *is* that role under another name, so that a
 * client that looks up current_user finds it, and may all it may.
 */
#include "sql/exec/catalogue.h"

#define TIMESTAMPTZ(name_) CATALOGUE_COLUMN(name_, TYPE_TIMESTAMPTZ)
#define ROLE_HIDDEN        "********"

static int64_t role_oid(const struct role_definition *role) {
    return role->id.value == 0 ? CATALOGUE_OID_OWNER : catalogue_oid_table((struct table_id){role->id.value});
}

struct slice catalogue_role_name(const struct sql_context *context, const struct catalogue *catalogue,
                                 const struct role_definition *role) {
    bool own = context->user_kind == SQL_USER_TRUSTED || context->user_kind == SQL_USER_ADMIN;
    bool named = role->id.value != 0 || !own || context->session_user.length == 0 ||
                 catalogue_role(catalogue, context->session_user) != NULL;
    return named ? role->name : context->session_user;
}

struct slice catalogue_owner(const struct sql_context *context, const struct catalogue *catalogue) {
    return catalogue_role_name(context, catalogue, catalogue_role_of_id(catalogue, (struct role_id){0}));
}

bool catalogue_role_of_oid(const struct sql_context *context, const struct catalogue *catalogue, int64_t oid,
                           struct slice *name) {
    for (uint32_t i = 0; i < catalogue_role_count(catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(catalogue, i);
        if (role_oid(role) == oid) {
            *name = catalogue_role_name(context, catalogue, role);
            return true;
        }
    }
    return false;
}

bool catalogue_role_find(const struct sql_context *context, const struct catalogue *catalogue, struct slice name,
                         int64_t *oid) {
    for (uint32_t i = 0; i < catalogue_role_count(catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(catalogue, i);
        if (slice_equal(catalogue_role_name(context, catalogue, role), name)) {
            *oid = role_oid(role);
            return true;
        }
    }
    return false;
}

/* --- relations --- */

const struct plan_column catalogue_roles_columns[CATALOGUE_ROLES_COLUMNS] = {NAME("rolname"),
                                                                             BOOL("rolsuper"),
                                                                             BOOL("rolinherit"),
                                                                             BOOL("rolcreaterole"),
                                                                             BOOL("rolcreatedb"),
                                                                             BOOL("rolcanlogin"),
                                                                             BOOL("rolreplication"),
                                                                             INT4("rolconnlimit"),
                                                                             TEXT("rolpassword"),
                                                                             TIMESTAMPTZ("rolvaliduntil"),
                                                                             BOOL("rolbypassrls"),
                                                                             TEXTS("rolconfig"),
                                                                             OID("oid")};

static void flag(struct catalogue_rows *rows, const struct role_definition *role, uint32_t which) {
    catalogue_bool(rows, (role->flags & which) != 0);
}

static void valid_until(struct catalogue_rows *rows, const struct role_definition *role) {
    if ((role->flags & ROLE_HAS_VALID_UNTIL) == 0) {
        catalogue_nulls(rows, 1);
    } else {
        catalogue_value(rows, value_timestamp(TYPE_TIMESTAMPTZ, (struct timestamp){.us = role->valid_until_us}));
    }
}

void catalogue_roles(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_role_count(rows->catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(rows->catalogue, i);
        catalogue_text(rows, catalogue_role_name(rows->context, rows->catalogue, role));
        flag(rows, role, ROLE_SUPERUSER);
        flag(rows, role, ROLE_INHERIT);
        flag(rows, role, ROLE_CREATE_ROLE);
        flag(rows, role, ROLE_CREATE_DATABASE);
        flag(rows, role, ROLE_LOGIN);
        flag(rows, role, ROLE_REPLICATION);
        catalogue_number(rows, role->connection_limit);
        catalogue_word(rows, ROLE_HIDDEN);
        valid_until(rows, role);
        flag(rows, role, ROLE_BYPASS_POLICIES);
        catalogue_nulls(rows, 1);
        catalogue_number(rows, role_oid(role));
    }
}

const struct plan_column catalogue_authid_columns[CATALOGUE_AUTHID_COLUMNS] = {
    OID("oid"),           NAME("rolname"),        BOOL("rolsuper"),
    BOOL("rolinherit"),   BOOL("rolcreaterole"),  BOOL("rolcreatedb"),
    BOOL("rolcanlogin"),  BOOL("rolreplication"), BOOL("rolbypassrls"),
    INT4("rolconnlimit"), TEXT("rolpassword"),    TIMESTAMPTZ("rolvaliduntil")};

/* What a password came to is shown to nobody; whether there is one, is. */
static void hidden_password(struct catalogue_rows *rows, const struct role_definition *role) {
    catalogue_word(rows, role->verifier.length == 0 ? NULL : ROLE_HIDDEN);
}

void catalogue_authid(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_role_count(rows->catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(rows->catalogue, i);
        catalogue_number(rows, role_oid(role));
        catalogue_text(rows, catalogue_role_name(rows->context, rows->catalogue, role));
        flag(rows, role, ROLE_SUPERUSER);
        flag(rows, role, ROLE_INHERIT);
        flag(rows, role, ROLE_CREATE_ROLE);
        flag(rows, role, ROLE_CREATE_DATABASE);
        flag(rows, role, ROLE_LOGIN);
        flag(rows, role, ROLE_REPLICATION);
        flag(rows, role, ROLE_BYPASS_POLICIES);
        catalogue_number(rows, role->connection_limit);
        hidden_password(rows, role);
        valid_until(rows, role);
    }
}

const struct plan_column catalogue_shadow_columns[CATALOGUE_SHADOW_COLUMNS] = {
    NAME("usename"),      OID("usesysid"), BOOL("usecreatedb"),     BOOL("usesuper"),  BOOL("userepl"),
    BOOL("usebypassrls"), TEXT("passwd"),  TIMESTAMPTZ("valuntil"), TEXTS("useconfig")};

void catalogue_shadow(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_role_count(rows->catalogue); i++) {
        const struct role_definition *role = catalogue_role_at(rows->catalogue, i);
        if ((role->flags & ROLE_LOGIN) == 0) {
            continue;
        }
        catalogue_text(rows, catalogue_role_name(rows->context, rows->catalogue, role));
        catalogue_number(rows, role_oid(role));
        flag(rows, role, ROLE_CREATE_DATABASE);
        flag(rows, role, ROLE_SUPERUSER);
        flag(rows, role, ROLE_REPLICATION);
        flag(rows, role, ROLE_BYPASS_POLICIES);
        catalogue_word(rows, ROLE_HIDDEN);
        valid_until(rows, role);
        catalogue_nulls(rows, 1);
    }
}
