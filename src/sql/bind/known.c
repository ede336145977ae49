/*
 * What PostgreSQL has and this engine has not yet. A call of these is not the user's mistake ("does not exist") but our
 * gap, and is refused as such: 0A000, by name. Anything in the function table takes precedence over this list.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* In order, for the eye. */
static const char *const known_functions[] = {
    "any_value",
    "array_agg",
    "array_append",
    "array_cat",
    "array_length",
    "array_position",
    "array_prepend",
    "array_remove",
    "array_to_json",
    "array_to_string",
    "cardinality",
    "generate_subscripts",
    "is_normalized",
    "json_agg",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object",
    "json_object_agg",
    "json_object_keys",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object",
    "jsonb_object_agg",
    "jsonb_object_keys",
    "jsonb_path_exists",
    "jsonb_path_query",
    "normalize",
    "pg_collation_for",
    "regexp_match",
    "regexp_matches",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "row_to_json",
    "string_to_array",
    "string_to_table",
    "to_tsquery",
    "to_tsvector",
    "unnest",
    "xmlexists",
};

static const char *const known_operators[] = {
    "!!", "#", "&", "&&", "<->", "<<", ">>", "@", "@?", "@@", "^@", "|", "|/", "||/", "~",
};

/* Overloads that PostgreSQL has of names that are in the function table, by the type that decides. Without this an
 * untyped literal beside it would be taken for a text, and another overload answer. */
static const struct known_overload {
    enum sql_function_class class;
    const char *name;
    enum type_id type; /* the other argument is of it too, or untyped, or counts places */
} known_overloads[] = {
    {SQL_FUNCTION_OPERATOR, "~~", TYPE_BYTEA},    {SQL_FUNCTION_OPERATOR, "!~~", TYPE_BYTEA},
    {SQL_FUNCTION_SCALAR, "btrim", TYPE_BYTEA},   {SQL_FUNCTION_SCALAR, "ltrim", TYPE_BYTEA},
    {SQL_FUNCTION_SCALAR, "rtrim", TYPE_BYTEA},   {SQL_FUNCTION_SCALAR, "like_escape", TYPE_BYTEA},
    {SQL_FUNCTION_SCALAR, "overlay", TYPE_BYTEA},
};

static bool listed(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void bind_refuse_overload(struct bind *bind, enum sql_function_class class, const char *name, const enum type_id *types,
                          uint32_t count, uint32_t position) {
    for (size_t k = 0; k < ARRAY_LENGTH(known_overloads); k++) {
        const struct known_overload *known = &known_overloads[k];
        if (known->class != class || strcmp(known->name, name) != 0) {
            continue;
        }
        bool decides = false;
        bool others_fit = true;
        for (uint32_t i = 0; i < count; i++) {
            decides = decides || types[i] == known->type;
            others_fit = others_fit && (types[i] == known->type || types[i] == TYPE_UNKNOWN ||
                                        (types[i] == TYPE_INT4 && class == SQL_FUNCTION_SCALAR));
        }
        if (decides && others_fit) {
            sql_raise_unsupported(bind->context, position, "%s %s of %s",
                                  class == SQL_FUNCTION_OPERATOR ? "operator" : "function", name,
                                  type_name(known->type));
        }
    }
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
