/*
 * Domains: a type of another one, with a default, NOT NULL and checks over VALUE.
 *
 * A value of a domain is one of the type below it: functions and operators see nothing else. What becomes one, by a
 * cast or by being written to a column, passes its constraints there, those of the domain it stands on first.
 */
#include "sql/bind/domain.h"

#include "base/assert.h"
#include "kernel/transaction.h"

#define DOMAIN_DEPTH_MAX 64 /* of domains on domains */

const struct table_definition *bind_domain(struct bind *bind, uint32_t object) {
    struct table_id id = {object};
    const struct table_definition *found = catalogue_table_of_id(bind_present(bind), id);
    for (uint32_t i = 0; found == NULL && i < bind->view_count; i++) {
        found = catalogue_table_of_id(bind->views[i]->catalogue, id);
    }
    if (found == NULL || found->form != DEFINITION_DOMAIN) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "type with id %u does not exist", object);
    }
    return found;
}

void bind_domain_scope(struct bind *bind, struct type type, struct scope *scope) {
    struct expr *value = bind_expr_new(bind, EXPR_COLUMN, type, 0, 0);
    *scope = (struct scope){.column_count = 1, .row_width = 1};
    scope->columns = sql_alloc_zero(bind->context, 1, sizeof(*scope->columns));
    scope->columns[0] = (struct scope_column){.name = DOMAIN_VALUE, .type = type, .expr = value, .table = SCOPE_MERGED};
}

/* The checks in the order of their names, as PostgreSQL asks them. */
static void checks_by_name(struct expr_domain *domain) {
    for (uint32_t i = 1; i < domain->check_count; i++) {
        const struct expr *check = domain->checks[i];
        const char *name = domain->check_names[i];
        uint32_t at = i;
        for (; at > 0 && strcmp(domain->check_names[at - 1], name) > 0; at--) {
            domain->checks[at] = domain->checks[at - 1];
            domain->check_names[at] = domain->check_names[at - 1];
        }
        domain->checks[at] = check;
        domain->check_names[at] = name;
    }
}

/* The checks of one domain go behind those there are. */
static void take_checks(struct bind *bind, const struct table_definition *definition, struct expr_domain *rules) {
    struct sql_context *context = bind->context;
    struct expr_domain own = {.check_count = definition->check_count};
    struct scope scope;
    bind_domain_scope(bind, definition->columns[0].type, &scope);
    uint32_t count = rules->check_count + own.check_count;
    const struct expr **checks = sql_alloc(context, (count + 1) * sizeof(*checks));
    const char **names = sql_alloc(context, (count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < rules->check_count; i++) {
        checks[i] = rules->checks[i];
        names[i] = rules->check_names[i];
    }
    own.checks = checks + rules->check_count;
    own.check_names = names + rules->check_count;
    for (uint32_t i = 0; i < own.check_count; i++) {
        const struct check_definition *check = &definition->checks[i];
        const struct expr *condition = bind_stored(bind, bind_text(context, check->text), &scope, BIND_CHECK);
        own.checks[i] = bind_coerce(bind, condition, type_make(TYPE_BOOL), SQL_CAST_ASSIGNMENT, 0);
        own.check_names[i] = bind_text(context, check->name);
        if (own.checks[i] == NULL) {
            sql_raise(context, KMB_CORRUPT, 0, "stored check constraint is not boolean");
        }
    }
    checks_by_name(&own);
    rules->checks = checks;
    rules->check_names = names;
    rules->check_count = count;
}

/* What a domain asks, and before it those that it stands on; NULL: nothing. */
static const struct expr_domain *domain_rules(struct bind *bind, struct type type) {
    struct expr_domain *rules = sql_alloc_zero(bind->context, 1, sizeof(*rules));
    const struct table_definition *chain[DOMAIN_DEPTH_MAX];
    uint32_t depth = 0;
    rules->name = bind_type_text(bind, type);
    for (; type.domain != 0; type = chain[depth++]->columns[0].type) {
        if (depth == DOMAIN_DEPTH_MAX) {
            sql_raise(bind->context, KMB_TOO_COMPLEX, 0, "more than %d domains stand on each other", DOMAIN_DEPTH_MAX);
        }
        chain[depth] = bind_domain(bind, type.domain);
    }
    if (depth > 0) {
        rules->schema_name = slice_text(bind_text(bind->context, chain[0]->schema_name));
        rules->own_name = slice_text(bind_text(bind->context, chain[0]->name));
    }
    while (depth > 0) {
        const struct table_definition *definition = chain[--depth];
        rules->not_null = rules->not_null || definition->columns[0].not_null;
        take_checks(bind, definition, rules);
    }
    return rules->not_null || rules->check_count > 0 ? rules : NULL;
}

const struct expr *bind_relabel(struct bind *bind, const struct expr *expr, struct type type) {
    struct expr *copy = sql_alloc(bind->context, sizeof(*copy));
    *copy = *expr;
    copy->type = type;
    return copy;
}

const struct expr *bind_to_domain(struct bind *bind, const struct expr *expr, struct type type,
                                  enum sql_cast_context cast_context, uint32_t position) {
    expr = bind_coerce(bind, expr, type_with(type.id, type.modifier), cast_context, position);
    if (expr == NULL) {
        return NULL;
    }
    const struct expr_domain *rules = domain_rules(bind, type);
    if (rules == NULL) {
        return bind_relabel(bind, expr, type);
    }
    struct expr *checked = bind_expr_new(bind, EXPR_DOMAIN, type, 1, position == 0 ? expr->position : position);
    checked->arguments[0] = expr;
    checked->domain = rules;
    return checked;
}

const char *bind_domain_default(struct bind *bind, struct type type) {
    while (type.domain != 0) {
        const struct column_definition *base = &bind_domain(bind, type.domain)->columns[0];
        if (base->default_kind == DEFAULT_EXPRESSION) {
            return bind_text(bind->context, base->default_text);
        }
        type = base->type;
    }
    return NULL;
}

/* --- CREATE DOMAIN --- */

static void constraint_refuse(struct bind *bind, const PgQuery__Constraint *constraint) {
    struct sql_context *context = bind->context;
    static const struct {
        PgQuery__ConstrType type;
        const char *name;
    } refused[] = {{PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, "unique"},
                   {PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, "primary key"},
                   {PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION, "exclusion"},
                   {PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN, "foreign key"}};
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        if (constraint->contype == refused[i].type) {
            sql_raise(context, KMB_SYNTAX, 0, "%s constraints not possible for domains", refused[i].name);
        }
    }
    if (constraint->is_no_inherit) {
        sql_raise(context, KMB_INVALID_OBJECT_DEFINITION, 0,
                  "check constraints for domains cannot be marked NO INHERIT");
    }
}

static struct slice arena_slice(struct bind *bind, const char *text) {
    return arena_dup_slice(&bind->context->arena, slice_text(text));
}

const char *bind_domain_check_text(struct bind *bind, struct type type, const PgQuery__Node *node) {
    struct scope scope;
    bind_domain_scope(bind, type, &scope);
    struct bind_scope place = {.bind = bind, .scope = &scope, .place = BIND_CHECK};
    bool spell_names = bind->spell_names;
    bind->spell_names = true;
    (void)bind_condition(&place, node, "CHECK");
    bind->spell_names = spell_names;
    bind->time_dependent = false;
    return parse_deparse(bind->context, node);
}

const char *bind_domain_check_name(struct bind *bind, const struct table_definition *domain, const char *given) {
    struct sql_context *context = bind->context;
    bool taken = false;
    for (uint32_t i = 0; i < domain->check_count && given != NULL; i++) {
        taken = taken || slice_equal_text(domain->checks[i].name, given);
    }
    if (taken) {
        sql_raise(context, KMB_DUPLICATE_OBJECT, 0, "constraint \"%s\" for domain \"%s\" already exists", given,
                  bind_text(context, domain->name));
    }
    if (given != NULL) {
        return given;
    }
    char *name = sql_alloc(context, DEFINITION_NAME_BYTES_MAX + 1);
    unsigned number = 0;
    do {
        kernel_name_make(domain->name, slice_make(NULL, 0), "check", number++, name);
        taken = false;
        for (uint32_t i = 0; i < domain->check_count; i++) {
            taken = taken || slice_equal_text(domain->checks[i].name, name);
        }
    } while (taken);
    return name;
}

/* NOT NULL, NULL, DEFAULT and CHECK of a domain that is made. */
static void domain_constraint(struct bind *bind, const PgQuery__Constraint *constraint, struct table_definition *domain,
                              struct column_definition *column, struct check_definition *checks, bool *null_said) {
    struct sql_context *context = bind->context;
    const char *name = constraint->conname != NULL && constraint->conname[0] != 0 ? constraint->conname : NULL;
    constraint_refuse(bind, constraint);
    switch ((int)constraint->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL: {
        bool not_null = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL;
        if (*null_said && column->not_null != not_null) {
            sql_raise(context, KMB_SYNTAX, 0, "conflicting NULL/NOT NULL constraints");
        }
        *null_said = true;
        column->not_null = not_null;
        break;
    }
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        if (column->default_kind != DEFAULT_NONE) {
            sql_raise(context, KMB_SYNTAX, 0, "multiple default expressions");
        }
        column->default_kind = DEFAULT_EXPRESSION;
        column->default_text =
            bind_default_text(bind, constraint->raw_expr, column->type, bind_text(context, domain->name));
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        checks[domain->check_count] = (struct check_definition){
            .text = arena_slice(bind, bind_domain_check_text(bind, column->type, constraint->raw_expr)),
            .name = arena_slice(bind, bind_domain_check_name(bind, domain, name)),
        };
        domain->check_count++;
        break;
    default:
        sql_raise(context, KMB_UNSUPPORTED, 0, "specifying constraint deferrability not supported for domains");
    }
}

void bind_create_domain(struct bind *bind, const PgQuery__CreateDomainStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    struct type_name name = bind_own_name(bind, create->domainname, create->n_domainname);
    const char *schema = bind_type_schema(bind, name);
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct table_definition *domain = sql_alloc_zero(context, 1, sizeof(*domain));
    struct column_definition *column = sql_alloc_zero(context, 1, sizeof(*column));
    struct check_definition *checks = sql_alloc_zero(context, create->n_constraints + 1, sizeof(*checks));
    bool null_said = false;
    bind_type_free(bind, schema, name.name);
    column->name = slice_text(DOMAIN_VALUE);
    column->type = bind_column_type(bind, create->type_name);
    if (create->coll_clause != NULL) {
        bind_check_collation(bind, create->coll_clause, column->type);
    }
    *domain = (struct table_definition){.schema_name = slice_text(schema),
                                        .name = slice_text(name.name),
                                        .form = DEFINITION_DOMAIN,
                                        .columns = column,
                                        .column_count = 1,
                                        .checks = checks};
    if (create->n_constraints > DEFINITION_CHECKS_MAX) {
        sql_raise(context, KMB_LIMIT, 0, "a domain can have at most %d check constraints", DEFINITION_CHECKS_MAX);
    }
    for (size_t i = 0; i < create->n_constraints; i++) {
        ASSERT(create->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT);
        domain_constraint(bind, create->constraints[i]->constraint, domain, column, checks, &null_said);
    }
    ddl->kind = DDL_CREATE_TABLE;
    ddl->table = domain;
    statement->ddl = ddl;
    statement->tag = "CREATE DOMAIN";
}
