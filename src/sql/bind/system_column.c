/*
 * The columns that PostgreSQL gives every table beside its own.
 *
 * A table's number is known while a statement is bound, so `tableoid` is a constant. The others tell where and by which
 * transactions PostgreSQL stores a version of a row; here versions are entries of the log, which FOR SYSTEM_TIME shows.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"

#define TABLE_NUMBER "tableoid"

static const struct {
    const char *name;
    const char *hint; /* NULL: there is nothing like it */
} system_columns[] = {
    {TABLE_NUMBER, NULL},
    {"xmin", "FOR SYSTEM_TIME ALL gives each version with its _entry and _position_from."},
    {"xmax", "FOR SYSTEM_TIME ALL gives each version with its _position_to."},
    {"ctid", "A row is known by its primary key, and to a cursor by WHERE CURRENT OF."},
    {"cmin", NULL},
    {"cmax", NULL},
};

bool bind_is_system_column(const char *name) {
    bool found = false;
    for (size_t i = 0; i < ARRAY_LENGTH(system_columns); i++) {
        found = found || strcmp(name, system_columns[i].name) == 0;
    }
    return found;
}

static _Noreturn void refuse(const struct bind_scope *scope, const char *name, uint32_t position) {
    const char *hint = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(system_columns); i++) {
        hint = strcmp(name, system_columns[i].name) == 0 ? system_columns[i].hint : hint;
    }
    bool elsewhere = strcmp(name, TABLE_NUMBER) == 0;
    sql_raise_with(scope->bind->context, KMB_UNSUPPORTED, position, NULL, hint, "system column %s is not supported%s%s",
                   name, elsewhere ? " in " : "", elsewhere ? bind_place_name(scope->place) : "");
}

/* The one stored table that a bare name means; NULL: there is none. */
static const struct scope_table *only_table(const struct bind_scope *scope, const char *name, uint32_t position) {
    const struct scope_table *found = NULL;
    for (uint32_t i = 0; scope->scope != NULL && i < scope->scope->table_count; i++) {
        const struct scope_table *table = &scope->scope->tables[i];
        if (table->table != NULL && found != NULL) {
            sql_raise(scope->bind->context, KMB_AMBIGUOUS_COLUMN, position, "column reference \"%s\" is ambiguous",
                      name);
        }
        found = table->table != NULL ? table : found;
    }
    return found;
}

const struct scope_table *bind_system_table(const struct bind_scope *scope, const struct scope_table *named,
                                            const char *name, uint32_t position) {
    if (!bind_is_system_column(name)) {
        return NULL;
    }
    bool kept =
        scope->place >= BIND_CHECK && scope->place <= BIND_PREDICATE; /* as a text, for tables of other numbers */
    if (kept && scope->scope != NULL && scope->scope->table_count > 0) {
        refuse(scope, name, position);
    }
    const struct scope_table *table = named == NULL ? only_table(scope, name, position) : named;
    return table == NULL || table->table == NULL ? NULL : table;
}

const struct expr *bind_system_column(const struct bind_scope *scope, const struct scope_table *table, const char *name,
                                      const struct expr *there, uint32_t position) {
    struct bind *bind = scope->bind;
    if (strcmp(name, TABLE_NUMBER) != 0) {
        refuse(scope, name, position);
    }
    struct expr *number = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_OID), 0, position);
    number->value = value_integer(TYPE_OID, catalogue_oid_table(table->table->id));
    if (there == NULL) {
        return number;
    }
    struct expr *none = bind_expr_new(bind, EXPR_CONSTANT, number->type, 0, position);
    struct expr *choice = bind_expr_new(bind, EXPR_CASE, number->type, 3, position);
    none->value = value_null(TYPE_OID);
    choice->arguments[0] = there;
    choice->arguments[1] = number;
    choice->arguments[2] = none;
    return choice;
}
