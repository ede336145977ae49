/*
 * Changes of enum types and domains.
 *
 * A constraint that a domain gets holds for all rows there are: each table with a column of the domain, or of a domain
 * on it, is asked. Stored texts (defaults, checks, what is generated) that name a type follow it when it is renamed,
 * and those with a label of it when that is: the binder has found them, and made the new texts.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/define_internal.h"
#include "sql/parse/parse.h"

/* Whether a type is the domain, or stands on it. */
static bool stands_on(const struct catalogue *catalogue, struct type type, struct table_id domain) {
    while (type.domain != 0) {
        if (type.domain == domain.value) {
            return true;
        }
        const struct table_definition *below = catalogue_table_of_id(catalogue, (struct table_id){type.domain});
        type = below == NULL ? type_make(type.id) : below->columns[0].type;
    }
    return false;
}

/* Looks at every column of the domain; condition NULL: for NULLs. */
static void domain_rows(struct define *define, const char *condition) {
    struct sql_context *context = define->context;
    const struct catalogue *catalogue = define_catalogue(define);
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        for (uint32_t k = 0; definition_is_table(table) && k < catalogue_column_count(catalogue, table); k++) {
            const struct column_definition *column = catalogue_column(catalogue, table, k);
            if (!stands_on(catalogue, column->type, define->table_id)) {
                continue;
            }
            const char *name = define_text(define, column->name);
            const char *owner = define_text(define, table->name);
            const char *from = sql_qualified(context, table->schema_name, table->name);
            const char *quoted = parse_quote_name(context, name);
            const char *rows = sql_printf(context, "SELECT %s AS value FROM %s", quoted, from);
            const char *text =
                condition == NULL ? sql_printf(context, "SELECT 1 FROM (%s) r WHERE value IS NULL LIMIT 1", rows)
                                  : sql_printf(context, "SELECT 1 FROM (%s) r WHERE NOT (%s) LIMIT 1", rows, condition);
            if (define_any(define, text)) {
                context->about = (struct error_about){
                    .schema = table->schema_name, .table = slice_text(owner), .column = slice_text(name)};
                sql_raise(context, condition == NULL ? KMB_NOT_NULL_VIOLATION : KMB_CHECK_VIOLATION, 0,
                          condition == NULL ? "column \"%s\" of table \"%s\" contains null values"
                                            : "column \"%s\" of table \"%s\" contains values that violate the new "
                                              "constraint",
                          name, owner);
            }
        }
    }
}

static const struct check_definition *domain_check(struct define *define, const char *name) {
    const struct table_definition *domain = define_table(define);
    for (uint32_t i = 0; i < domain->check_count; i++) {
        if (slice_equal_text(domain->checks[i].name, name)) {
            return &domain->checks[i];
        }
    }
    sql_raise(define->context, KMB_SERIALIZATION, 0, "the constraint was dropped concurrently");
}

static void domain_add_check(struct define *define, const struct plan_alter *action) {
    struct kmb_error *error = define->context->error;
    struct check_definition check = {.name = slice_text(action->name), .text = slice_text(action->text)};
    if (!action->not_valid) {
        domain_rows(define, action->text);
    }
    define_try(define, kernel_add_check(define->transaction, define->table_id, &check, error));
    if (action->not_valid) {
        define_try(define, kernel_change_valid(define->transaction, define->table_id,
                                               domain_check(define, action->name)->id, false, error));
    }
}

/* --- names in stored texts --- */

static bool text_renamed(struct define *define, struct slice text, const struct plan_alter *action, const char **to) {
    struct sql_context *context = define->context;
    if (text.length == 0) {
        return false;
    }
    PgQuery__Node *tree = parse_expression(context, define_text(define, text));
    if (!parse_names_type(tree, action->text, action->name)) {
        return false;
    }
    bool moves = action->kind == ALTER_SET_SCHEMA;
    parse_rename_type(context, tree, action->text, action->name, moves ? action->name : action->new_name,
                      moves ? action->new_name : NULL);
    *to = parse_deparse(context, tree);
    return true;
}

void define_retext(struct define *define, const struct plan_respell *respell) {
    struct kmb_error *error = define->context->error;
    struct kernel_transaction *transaction = define->transaction;
    struct slice text = slice_text(respell->text);
    define->table_id = respell->table;
    if (respell->column.value == 0 && respell->check.value == 0) {
        define_try(define, kernel_change_view(transaction, respell->table, text, error));
        return;
    }
    const struct table_definition *table = define_table(define);
    if (respell->column.value != 0) {
        enum default_kind kind = definition_column_of_id(table, respell->column)->default_kind;
        define_try(define, kernel_change_default(transaction, respell->table, respell->column, kind, text, error));
        return;
    }
    for (uint32_t i = 0; i < table->check_count; i++) {
        if (table->checks[i].id.value != respell->check.value) {
            continue;
        }
        struct check_definition check = table->checks[i];
        check.name = slice_text(define_text(define, check.name));
        check.text = text;
        define_try(define, kernel_drop_check(transaction, respell->table, respell->check, error));
        define_try(define, kernel_add_check(transaction, respell->table, &check, error));
        if (check.not_valid) {
            table = define_table(define);
            define_try(define, kernel_change_valid(transaction, respell->table,
                                                   table->checks[table->check_count - 1].id, false, error));
        }
        return;
    }
}

/* Of one table or domain. */
static void texts_renamed(struct define *define, struct table_id id, const struct plan_alter *action) {
    const struct table_definition *table = catalogue_table_of_id(define_catalogue(define), id);
    struct plan_respell *list =
        sql_alloc_zero(define->context, (size_t)table->column_count + table->check_count + 1, sizeof(*list));
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *column = &table->columns[i];
        struct plan_respell *one = &list[count];
        if (!column->dropped && text_renamed(define, column->default_text, action, &one->text)) {
            *one = (struct plan_respell){.table = id, .column = column->id, .text = one->text};
            count++;
        }
    }
    for (uint32_t i = 0; i < table->check_count; i++) {
        struct plan_respell *one = &list[count];
        if (text_renamed(define, table->checks[i].text, action, &one->text)) {
            *one = (struct plan_respell){.table = id, .check = table->checks[i].id, .text = one->text};
            count++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        define_retext(define, &list[i]);
    }
}

static void rename_type(struct define *define, const struct plan_alter *action) {
    const struct catalogue *catalogue = define_catalogue(define);
    uint32_t tables = catalogue_table_count(catalogue);
    uint32_t types = catalogue_type_count(catalogue);
    struct table_id *ids = sql_alloc(define->context, ((size_t)tables + types + 1) * sizeof(*ids));
    for (uint32_t i = 0; i < tables; i++) {
        ids[i] = catalogue_table_at(catalogue, i)->id;
    }
    for (uint32_t i = 0; i < types; i++) {
        ids[tables + i] = catalogue_type_at(catalogue, i)->id;
    }
    struct slice to = slice_text(action->new_name);
    define_try(define, action->kind == ALTER_SET_SCHEMA
                           ? kernel_move_table(define->transaction, define->table_id, to, define->context->error)
                           : kernel_rename_table(define->transaction, define->table_id, to, define->context->error));
    for (uint32_t i = 0; i < tables + types; i++) {
        texts_renamed(define, ids[i], action);
    }
}

void define_alter_type(struct define *define, const struct plan_alter *action) {
    struct kmb_error *error = define->context->error;
    const struct table_definition *type = define_table(define);
    switch (action->kind) {
    case ALTER_DEFAULT:
        define_try(define, kernel_change_default(define->transaction, define->table_id, type->columns[0].id,
                                                 action->default_text.length == 0 ? DEFAULT_NONE : DEFAULT_EXPRESSION,
                                                 action->default_text, error));
        break;
    case ALTER_NOT_NULL:
        if (action->not_null && !type->columns[0].not_null) {
            domain_rows(define, NULL);
        }
        if (action->not_null != type->columns[0].not_null) {
            define_try(define, kernel_change_not_null(define->transaction, define->table_id, type->columns[0].id,
                                                      action->not_null, error));
        }
        break;
    case ALTER_ADD_CHECK:
        domain_add_check(define, action);
        break;
    case ALTER_DROP_CONSTRAINT:
        define_try(define, kernel_drop_check(define->transaction, define->table_id,
                                             domain_check(define, action->name)->id, error));
        break;
    case ALTER_VALIDATE:
        if (domain_check(define, action->name)->not_valid) {
            domain_rows(define, define_text(define, domain_check(define, action->name)->text));
            define_try(define, kernel_change_valid(define->transaction, define->table_id,
                                                   domain_check(define, action->name)->id, true, error));
        }
        break;
    case ALTER_RENAME_CONSTRAINT:
        define_try(define, kernel_rename_constraint(define->transaction, define->table_id, DEFINITION_CONSTRAINT,
                                                    domain_check(define, action->name)->id.value,
                                                    slice_text(action->new_name), error));
        break;
    case ALTER_RENAME_TABLE:
    case ALTER_SET_SCHEMA:
        rename_type(define, action);
        break;
    default:
        UNREACHABLE("change of a type");
    }
}
