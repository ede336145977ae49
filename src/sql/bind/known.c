/*
 * What PostgreSQL has and this engine has not yet. A call of these is not the user's mistake ("does not exist") but our
 * gap, and is refused as such: 0A000, by name. Anything in the function table takes precedence over this list.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* In order, for the eye. */
static const char *const known_functions[] = {
    "any_value", "pg_collation_for", "to_tsquery", "to_tsvector", "xmlexists",
};

static const char *const known_operators[] = {
    "!!", "#", "&", "<->", "<<", ">>", "@", "^@", "|", "|/", "||/", "~",
};

static bool listed(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void bind_refuse_known(struct bind *bind, enum sql_function_class class, const char *name, uint32_t position) {
    if (class == SQL_FUNCTION_OPERATOR) {
        if (listed(known_operators, ARRAY_LENGTH(known_operators), name)) {
            sql_raise_unsupported(bind->context, position, "operator %s for these types", name);
        }
    } else if (listed(known_functions, ARRAY_LENGTH(known_functions), name)) {
        sql_raise_unsupported(bind->context, position, "function %s", name);
    }
}
