/*
 * Roles made, changed and dropped: who may, with PostgreSQL's rules and words, and what a password comes to.
 *
 * A superuser may do everything; a role with CREATEROLE everything with roles that are no superusers; everybody may
 * change a password of their own. enum sql_user says what a user may who is no role.
 *
 * The password becomes a verifier here, with a salt of the host's randomness, and goes no further. Each change carries
 * an access record in the same transaction.
 */
#include "crypto/scram.h"
#include "sql/define_internal.h"

#define MD5_VERIFIER_LENGTH 35 /* "md5" and 32 digits */

/* What the session may do with roles. */
struct role_powers {
    bool superuser;
    bool creates; /* CREATEROLE */
};

static struct role_powers powers_of(const struct define *define) {
    enum sql_user kind = define->context->user_kind;
    const struct role_definition *own = catalogue_role(define_catalogue(define), define->context->session_user);
    if (own == NULL || kind == SQL_USER_ADMIN || kind == SQL_USER_GUEST) {
        bool all = kind == SQL_USER_TRUSTED || kind == SQL_USER_ADMIN;
        return (struct role_powers){.superuser = all, .creates = all};
    }
    bool superuser = (own->flags & ROLE_SUPERUSER) != 0;
    return (struct role_powers){.superuser = superuser, .creates = superuser || (own->flags & ROLE_CREATE_ROLE) != 0};
}

static void denied(struct define *define, const char *what) {
    sql_raise(define->context, KMB_PERMISSION, 0, "%s", what);
}

static void record(struct define *define, const char *action, struct slice object) {
    struct access_record access = {.outcome = ACCESS_ALLOWED,
                                   .action = slice_text(action),
                                   .actor = define->context->session_user,
                                   .object = object};
    define_try(define, kernel_record_access(define->transaction, &access, define->context->error));
}

static bool md5_verifier(const char *text) {
    return strlen(text) == MD5_VERIFIER_LENGTH && strncmp(text, "md5", 3) == 0 &&
           strspn(text + 3, "0123456789abcdef") == MD5_VERIFIER_LENGTH - 3;
}

/* The text that is kept: empty for none. A verifier that is brought along is kept as it is. */
static struct slice verifier_text(struct define *define, const char *password) {
    struct sql_context *context = define->context;
    struct scram_verifier verifier;
    if (password == NULL || password[0] == '\0') {
        return slice_make(NULL, 0);
    }
    if (md5_verifier(password)) {
        sql_raise_unsupported(context, 0, "a password of MD5");
    }
    if (!scram_verifier_parse(slice_text(password), &verifier)) {
        uint8_t salt[SCRAM_SALT_SIZE];
        if (context->random == NULL || !context->random(context->random_context, salt, sizeof(salt))) {
            sql_raise(context, KMB_INTERNAL, 0, "no randomness to be had");
        }
        sql_try(context, scram_verifier_make(slice_text(password), slice_make(salt, sizeof(salt)),
                                             SCRAM_ITERATIONS_DEFAULT, &verifier, context->error));
    }
    char *text = sql_alloc(context, SCRAM_VERIFIER_TEXT_MAX);
    return slice_make(text, scram_verifier_text(&verifier, text));
}

static void role_fill(struct define *define, const struct plan_role *plan, struct role_definition *role) {
    struct sql_context *context = define->context;
    role->flags = (role->flags | plan->flags_set) & ~plan->flags_cleared;
    if (plan->has_limit) {
        role->connection_limit = plan->limit;
    }
    if (plan->valid_until != NULL) {
        struct datetime_context zone = sql_datetime(context);
        struct value value;
        sql_try(context, value_parse(type_make(TYPE_TIMESTAMPTZ), slice_text(plan->valid_until), &zone, &context->arena,
                                     &value, context->error));
        role->valid_until_us = value.as.timestamp.us;
        role->flags |= ROLE_HAS_VALID_UNTIL;
    }
    if (plan->has_password) {
        role->verifier = verifier_text(define, plan->password);
    }
}

static void create_role(struct define *define, const struct plan_role *plan) {
    struct role_powers powers = powers_of(define);
    if ((plan->flags_set & ROLE_SUPERUSER) != 0 && !powers.superuser) {
        denied(define, "must be superuser to create superusers");
    }
    if ((plan->flags_set & ROLE_REPLICATION) != 0 && !powers.superuser) {
        denied(define, "must be superuser to create replication users");
    }
    if ((plan->flags_set & ROLE_BYPASS_POLICIES) != 0 && !powers.superuser) {
        denied(define, "must be superuser to create bypassrls users");
    }
    if (!powers.creates) {
        denied(define, "permission denied to create role");
    }
    struct role_definition role = {.name = slice_text(plan->name), .connection_limit = ROLE_CONNECTIONS_ANY};
    role_fill(define, plan, &role);
    define_try(define, kernel_create_role(define->transaction, &role, NULL, define->context->error));
    record(define, "create_role", role.name);
}

/* NULL where it may be missing and is. */
static const struct role_definition *find_role(struct define *define, const char *name, bool missing_ok) {
    const struct role_definition *role = catalogue_role(define_catalogue(define), slice_text(name));
    if (role == NULL && !missing_ok) {
        sql_raise(define->context, KMB_UNDEFINED_OBJECT, 0, "role \"%s\" does not exist", name);
    }
    if (role == NULL) {
        sql_notice(define->context, KMB_OK, NULL, "role \"%s\" does not exist, skipping", name);
    }
    return role;
}

static bool is_session_user(const struct define *define, const struct role_definition *role) {
    bool by_name = define->context->user_kind == SQL_USER_TRUSTED || define->context->user_kind == SQL_USER_ROLE;
    return by_name && slice_equal(role->name, define->context->session_user);
}

static void change_role(struct define *define, const struct plan_role *plan) {
    const struct role_definition *old = find_role(define, plan->name, false);
    struct role_powers powers = powers_of(define);
    const uint32_t high = ROLE_SUPERUSER | ROLE_REPLICATION;
    uint32_t touched = plan->flags_set | plan->flags_cleared;
    if (!powers.superuser && ((old->flags | touched) & ROLE_SUPERUSER) != 0) {
        denied(define, "must be superuser to alter superuser roles or change superuser attribute");
    }
    if (!powers.superuser && ((old->flags | touched) & high) != 0) {
        denied(define, "must be superuser to alter replication roles or change replication attribute");
    }
    if (!powers.superuser && (touched & ROLE_BYPASS_POLICIES) != 0) {
        denied(define, "must be superuser to change bypassrls attribute");
    }
    bool password_alone = touched == 0 && !plan->has_limit && plan->valid_until == NULL;
    if (!powers.creates && !(password_alone && is_session_user(define, old))) {
        denied(define, "permission denied");
    }
    struct role_definition role = *old;
    role.name = slice_text(plan->name);
    role.verifier = slice_text(define_text(define, old->verifier));
    role_fill(define, plan, &role);
    define_try(define, kernel_change_role(define->transaction, &role, define->context->error));
    record(define, plan->has_password ? "change_password" : "alter_role", role.name);
}

static void rename_role(struct define *define, const struct plan_role *plan) {
    const struct role_definition *old = find_role(define, plan->name, false);
    struct role_powers powers = powers_of(define);
    if (is_session_user(define, old)) {
        sql_raise(define->context, KMB_UNSUPPORTED, 0, "session user cannot be renamed");
    }
    if ((old->flags & ROLE_SUPERUSER) != 0 && !powers.superuser) {
        denied(define, "must be superuser to rename superusers");
    }
    if (!powers.creates) {
        denied(define, "permission denied to rename role");
    }
    struct role_definition role = *old;
    role.name = slice_text(plan->new_name);
    role.verifier = slice_text(define_text(define, old->verifier));
    define_try(define, kernel_change_role(define->transaction, &role, define->context->error));
    record(define, "rename_role", role.name);
}

static void drop_role(struct define *define, const struct plan_role *plan) {
    struct role_powers powers = powers_of(define);
    if (!powers.creates) {
        denied(define, "permission denied to drop role");
    }
    const struct role_definition *role = find_role(define, plan->name, plan->missing_ok);
    if (role == NULL) {
        return;
    }
    if (is_session_user(define, role)) {
        sql_raise(define->context, KMB_BUSY, 0, "current user cannot be dropped");
    }
    if ((role->flags & ROLE_SUPERUSER) != 0 && !powers.superuser) {
        denied(define, "must be superuser to drop superusers");
    }
    define_try(define, kernel_drop_role(define->transaction, role->id, define->context->error));
    record(define, "drop_role", slice_text(plan->name));
}

void define_roles(struct define *define, const struct plan_ddl *ddl) {
    for (uint32_t i = 0; i < ddl->role_count; i++) {
        const struct plan_role *plan = &ddl->roles[i];
        switch (plan->kind) {
        case PLAN_ROLE_CREATE:
            create_role(define, plan);
            break;
        case PLAN_ROLE_CHANGE:
            change_role(define, plan);
            break;
        case PLAN_ROLE_RENAME:
            rename_role(define, plan);
            break;
        case PLAN_ROLE_DROP:
            drop_role(define, plan);
            break;
        }
    }
}
