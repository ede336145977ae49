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
    "bit_count",
    "bit_length",
    "cardinality",
    "convert_from",
    "convert_to",
    "currval",
    "factorial",
    "format",
    "generate_series",
    "generate_subscripts",
    "is_normalized",
    "json_agg",
    "json_array_elements",
    "json_array_elements_text",
    "json_array_length",
    "json_build_array",
    "json_build_object",
    "json_each",
    "json_each_text",
    "json_extract_path",
    "json_extract_path_text",
    "json_object",
    "json_object_agg",
    "json_object_keys",
    "json_typeof",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_object_agg",
    "jsonb_object_keys",
    "jsonb_path_exists",
    "jsonb_path_query",
    "jsonb_pretty",
    "jsonb_set",
    "jsonb_strip_nulls",
    "jsonb_typeof",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "lastval",
    "make_interval",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "md5",
    "nextval",
    "normalize",
    "num_nonnulls",
    "num_nulls",
    "overlaps",
    "pg_collation_for",
    "quote_ident",
    "quote_literal",
    "quote_nullable",
    "regexp_count",
    "regexp_like",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "regexp_substr",
    "row_to_json",
    "scale",
    "setval",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "string_to_array",
    "string_to_table",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "translate",
    "trim_scale",
    "unnest",
    "width_bucket",
    "xmlexists",
};

static const char *const known_operators[] = {
    "!!", "!~", "!~*", "#", "#-", "#>", "#>>", "&",  "&&", "->", "->>", "<->", "<<", "<@",
    ">>", "?&", "?|",  "@", "@>", "@?", "@@",  "^@", "|",  "|/", "||/", "~",   "~*",
};

/* Overloads that PostgreSQL has of names that are in the function table, by the type that decides. Without this an
 * untyped literal beside it would be taken for a text, and another overload answer. */
static const struct known_overload {
    enum sql_function_class class;
    const char *name;
    enum type_id type;
    bool beside_text; /* also where the other argument is a text or a number; else it is of this type too, or untyped */
} known_overloads[] = {
    {SQL_FUNCTION_OPERATOR, "||", TYPE_JSONB, false},    {SQL_FUNCTION_OPERATOR, "-", TYPE_JSONB, true},
    {SQL_FUNCTION_OPERATOR, "~~", TYPE_BYTEA, false},    {SQL_FUNCTION_OPERATOR, "!~~", TYPE_BYTEA, false},
    {SQL_FUNCTION_SCALAR, "btrim", TYPE_BYTEA, false},   {SQL_FUNCTION_SCALAR, "ltrim", TYPE_BYTEA, false},
    {SQL_FUNCTION_SCALAR, "rtrim", TYPE_BYTEA, false},   {SQL_FUNCTION_SCALAR, "like_escape", TYPE_BYTEA, false},
    {SQL_FUNCTION_SCALAR, "overlay", TYPE_BYTEA, false},
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
            others_fit =
                others_fit && (types[i] == known->type || types[i] == TYPE_UNKNOWN ||
                               (types[i] == TYPE_INT4 && (class == SQL_FUNCTION_SCALAR || known->beside_text)) ||
                               (type_is_string(types[i]) && known->beside_text));
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
