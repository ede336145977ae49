/*
 * has_..._privilege() and pg_has_role(): there is one user, who may do everything with what is there. So what is asked
 * is checked as PostgreSQL checks it - the user, the object where it is named, the words of the privilege - and the
 * answer is true; of an object that a number does not lead to it is NULL.
 */
#include <strings.h>

#include "base/assert.h"
#include "kernel/view.h"
#include "sql/exec/catalogue.h"
#include "sql/func/loops.h"
#include "sql/object.h"
#include "sql/path.h"

static void check_user(const struct sql_call *call, const struct catalogue *catalogue, struct slice name) {
    int64_t oid;
    if (!catalogue_role_find(call->context, catalogue, name, &oid) && !slice_equal_text(name, "public")) {
        sql_raise(call->context, KMB_UNDEFINED_OBJECT, call->position, "role \"%.*s\" does not exist", (int)name.length,
                  (const char *)name.bytes);
    }
}

/* Words with commas between, each perhaps WITH GRANT OPTION. */
static void check_words(const struct sql_call *call, struct slice text) {
    static const char *const words[] = {"select",  "insert", "update",       "delete",  "truncate", "references",
                                        "trigger", "usage",  "create",       "connect", "temp",     "temporary",
                                        "execute", "set",    "alter system", "member"};
    const char *at = sql_printf(call->context, "%.*s", (int)text.length, (const char *)text.bytes);
    while (*at != 0) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ",");
        size_t end = length;
        while (end > 0 && at[end - 1] == ' ') {
            end--;
        }
        char *word = sql_printf(call->context, "%.*s", (int)end, at);
        size_t grant = end > 18 && strcasecmp(word + end - 18, " with grant option") == 0   ? 18
                       : end > 18 && strcasecmp(word + end - 18, " with admin option") == 0 ? 18
                                                                                            : 0;
        word[end - grant] = 0;
        bool known = false;
        for (size_t i = 0; i < ARRAY_LENGTH(words) && !known; i++) {
            known = strcasecmp(word, words[i]) == 0;
        }
        if (!known) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "unrecognized privilege type: \"%.*s\"",
                      (int)end, at);
        }
        at += length;
        at += *at == ',';
    }
}

enum asked { ASKED_ANY, ASKED_RELATION, ASKED_SCHEMA, ASKED_TYPE };

/* Whether the object is there; by its name it must be. */
static bool object_there(const struct sql_call *call, const struct catalogue *catalogue, struct value object,
                         enum asked what) {
    static const enum type_id types[] = {
        [ASKED_RELATION] = TYPE_REGCLASS, [ASKED_SCHEMA] = TYPE_REGNAMESPACE, [ASKED_TYPE] = TYPE_REGTYPE};
    int64_t oid = 0;
    struct sql_relation found;
    struct type type;
    if (what == ASKED_ANY) {
        return true;
    }
    if (!type_is_integer(object.type) && object.type != TYPE_OID) {
        return sql_object_of_text(call->context, catalogue, types[what], object.as.bytes, true, call->position, &oid);
    }
    oid = object.as.integer;
    return what == ASKED_RELATION
               ? catalogue_relation_of_oid(oid) != NULL || catalogue_table_of_oid(catalogue, oid, &found)
           : what == ASKED_SCHEMA ? catalogue_schema_of_oid(call->context, catalogue, oid) != NULL
                                  : catalogue_type_of_oid(catalogue, oid, &type);
}

/* [user,] object, [column,] privilege. */
static void has_rows(SCALAR_PARAMETERS, enum asked what, uint32_t least) {
    struct kernel_view *view = function_present_view(call);
    uint32_t first = call->argument_count > least ? 1 : 0;
    EACH_ROW(row) {
        if (first == 1 && call->argument_types[0].id != TYPE_OID) {
            check_user(call, view->catalogue, ARGUMENT_BYTES(0, row));
        }
        check_words(call, ARGUMENT_BYTES(call->argument_count - 1, row));
        bool there = object_there(call, view->catalogue, argument_value(arguments, first, row), what);
        result->boolean[row] = true;
        if (!there) {
            result_null(result, row);
        }
    }
    sql_release(call->context, view);
}

static void fn_has_any(SCALAR_PARAMETERS) {
    has_rows(call, arguments, result, selection, count, ASKED_ANY, 2);
}

static void fn_has_relation(SCALAR_PARAMETERS) {
    has_rows(call, arguments, result, selection, count, ASKED_RELATION, 2);
}

static void fn_has_column(SCALAR_PARAMETERS) {
    has_rows(call, arguments, result, selection, count, ASKED_RELATION, 3);
}

static void fn_has_schema(SCALAR_PARAMETERS) {
    has_rows(call, arguments, result, selection, count, ASKED_SCHEMA, 2);
}

static void fn_has_type(SCALAR_PARAMETERS) {
    has_rows(call, arguments, result, selection, count, ASKED_TYPE, 2);
}

#define HAS_ROW(name_, scalar_, summary_, ...)                                                                         \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = TYPE_BOOL,                       \
        .summary = (summary_), .strict = true, .volatility = SQL_STABLE,                                               \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define HAS(name_, scalar_, what_)                                                                                     \
    HAS_ROW(name_, scalar_, "whether the user has a privilege on a " what_, TYPE_TEXT, TYPE_TEXT),                     \
        HAS_ROW(name_, scalar_, "whether the user has a privilege on a " what_, TYPE_OID, TYPE_TEXT),                  \
        HAS_ROW(name_, scalar_, "whether a user has a privilege on a " what_, TYPE_NAME, TYPE_TEXT, TYPE_TEXT),        \
        HAS_ROW(name_, scalar_, "whether a user has a privilege on a " what_, TYPE_NAME, TYPE_OID, TYPE_TEXT),         \
        HAS_ROW(name_, scalar_, "whether a user has a privilege on a " what_, TYPE_OID, TYPE_TEXT, TYPE_TEXT),         \
        HAS_ROW(name_, scalar_, "whether a user has a privilege on a " what_, TYPE_OID, TYPE_OID, TYPE_TEXT)
#define HAS_COLUMN(object_, column_)                                                                                   \
    HAS_ROW("has_column_privilege", fn_has_column, "whether the user has a privilege on a column", object_, column_,   \
            TYPE_TEXT),                                                                                                \
        HAS_ROW("has_column_privilege", fn_has_column, "whether a user has a privilege on a column", TYPE_NAME,        \
                object_, column_, TYPE_TEXT)

/* clang-format off */
static const struct sql_function privilege_rows[] = {
    HAS("has_table_privilege", fn_has_relation, "relation"),
    HAS("has_any_column_privilege", fn_has_relation, "relation's columns"),
    HAS("has_sequence_privilege", fn_has_relation, "sequence"),
    HAS("has_schema_privilege", fn_has_schema, "schema"),
    HAS("has_type_privilege", fn_has_type, "type"),
    HAS("has_database_privilege", fn_has_any, "database"),
    HAS("has_function_privilege", fn_has_any, "function"),
    HAS("has_language_privilege", fn_has_any, "language"),
    HAS("has_tablespace_privilege", fn_has_any, "tablespace"),
    HAS("has_server_privilege", fn_has_any, "foreign server"),
    HAS("has_foreign_data_wrapper_privilege", fn_has_any, "foreign-data wrapper"),
    HAS("pg_has_role", fn_has_any, "role"),
    HAS_COLUMN(TYPE_TEXT, TYPE_TEXT),
    HAS_COLUMN(TYPE_TEXT, TYPE_INT2),
    HAS_COLUMN(TYPE_OID, TYPE_TEXT),
    HAS_COLUMN(TYPE_OID, TYPE_INT2),
};
/* clang-format on */

struct function_rows function_rows_privilege(void) {
    return FUNCTION_ROWS(privilege_rows);
}
