/*
 * Objects of the catalogue as values: conversions of oid, regclass and its kin, of name and "char", and what clients
 * ask of an object by its number. All of it is of the session's present.
 */
#include "sql/object.h"

#include <stdio.h>
#include <string.h>

#include "kernel/view.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "sql/func/array.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"
#include "sql/path.h"
#include "sql/type_text.h"

#define ENCODING_UTF8 6 /* PostgreSQL's number */

/* --- conversions --- */

static void fn_object_of_oid(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    enum type_id from = call->argument_types[0].id;
    EACH_ROW(row) {
        int64_t oid = type_is_object(from) ? sql_object_oid(ARGUMENT_BYTES(0, row)) : ARGUMENT_INT(0, row);
        if (from == TYPE_INT8 && (oid < 0 || oid > UINT32_MAX)) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, 0, "OID out of range");
        }
        result->bytes[row] =
            sql_object_of_oid(call->context, view->catalogue, call->result_type.id, oid & UINT32_MAX, call->arena)
                .as.bytes;
    }
    sql_release(call->context, view);
}

/* Casts, and to_regclass() and its kin, to which what is not there is NULL. */
static void object_of_text(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                           const uint16_t *selection, uint32_t count, bool need) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        int64_t oid = 0;
        if (sql_object_of_text(call->context, view->catalogue, call->result_type.id, ARGUMENT_BYTES(0, row), need,
                               call->position, &oid)) {
            result->bytes[row] =
                sql_object_of_oid(call->context, view->catalogue, call->result_type.id, oid, call->arena).as.bytes;
        } else {
            result_null(result, row);
        }
    }
    sql_release(call->context, view);
}

static void fn_object_of_text(SCALAR_PARAMETERS) {
    object_of_text(call, arguments, result, selection, count, true);
}

static void fn_object_or_null(SCALAR_PARAMETERS) {
    object_of_text(call, arguments, result, selection, count, false);
}

static void fn_oid_of_object(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t oid = sql_object_oid(ARGUMENT_BYTES(0, row));
        result->integer[row] = call->result_type.id == TYPE_INT4 ? (int64_t)(int32_t)(uint32_t)oid : oid;
    }
}

/* int2 and int4 keep their bits, a bigint must be one. */
static void fn_oid_of_int(SCALAR_PARAMETERS) {
    bool wide = call->argument_types[0].id == TYPE_INT8;
    EACH_ROW(row) {
        int64_t value = ARGUMENT_INT(0, row);
        if (wide && (value < 0 || value > UINT32_MAX)) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, 0, "OID out of range");
        }
        result->integer[row] = value & UINT32_MAX;
    }
}

static void fn_int_of_oid(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = (int32_t)(uint32_t)ARGUMENT_INT(0, row);
    }
}

static void fn_name_of_text(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        result->bytes[row] = value_name_of(call->argument_types[0].id == TYPE_BPCHAR ? value_trim_blanks(text) : text);
    }
}

static void fn_char_of_text(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        enum kmb_status status = value_char_of(ARGUMENT_BYTES(0, row), &result->bytes[row], call->context->error);
        if (status != KMB_OK) {
            sql_raise_status(call->context, status, call->position);
        }
    }
}

static void fn_char_of_int(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t value = ARGUMENT_INT(0, row);
        if (value < INT8_MIN || value > INT8_MAX) {
            sql_raise(call->context, KMB_NUMERIC_OUT_OF_RANGE, 0, "\"char\" out of range");
        }
        if (value < 0) {
            sql_raise_unsupported(call->context, 0, "a \"char\" beyond ASCII");
        }
        uint8_t *byte = result_bytes(call, 1);
        *byte = (uint8_t)value;
        result->bytes[row] = slice_make(byte, value == 0 ? 0 : 1);
    }
}

static void fn_int_of_char(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice one = ARGUMENT_BYTES(0, row);
        result->integer[row] = one.length == 0 ? 0 : one.bytes[0];
    }
}

/* A byte of a name, which is 64 of them for PostgreSQL, zeros behind the text; one beyond ASCII as it prints it. */
static void fn_char_of_name(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice name = ARGUMENT_BYTES(0, row);
        int64_t at = ARGUMENT_INT(1, row);
        char octal[8] = "";
        if (at < 0 || at > TYPE_NAME_BYTES_MAX) {
            result_null(result, row);
            continue;
        }
        uint8_t byte = (uint64_t)at < name.length ? name.bytes[at] : 0;
        int length = byte == 0     ? 0
                     : byte < 0x80 ? snprintf(octal, sizeof(octal), "%c", byte)
                                   : snprintf(octal, sizeof(octal), "\\%03o", byte);
        uint8_t *made = result_bytes(call, sizeof(octal));
        memcpy(made, octal, sizeof(octal));
        result->bytes[row] = slice_make(made, (size_t)length);
    }
}

const struct sql_function *object_name_subscript(void) {
    static const struct sql_function row = {.class = SQL_FUNCTION_SCALAR,
                                            .name = "[]",
                                            .strict = true,
                                            .scalar = fn_char_of_name,
                                            .result = TYPE_CHAR,
                                            .summary = "byte of a name"};
    return &row;
}

/* --- what clients ask --- */

static void give_text(const struct sql_call *call, struct vector *result, uint32_t row, const char *text) {
    const char *copy = text == NULL ? NULL : arena_text(&call->context->arena, slice_text(text));
    if (text == NULL) {
        result_null(result, row);
    } else if (copy == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    } else {
        result->bytes[row] = slice_text(copy);
    }
}

/* PostgreSQL's modifiers back to ours: a header less for lengths and precisions. */
static struct type type_with_oid_modifier(struct type type, int64_t modifier) {
    enum type_id base = type_element(type.id);
    bool headed = base == TYPE_VARCHAR || base == TYPE_BPCHAR || base == TYPE_NUMERIC;
    int32_t own = (int32_t)(headed ? modifier - 4 : modifier);
    struct type made = type_with(type.id, own);
    return modifier >= 0 && type.domain == 0 && type_object(type.id) == 0 && type_column_valid(made) ? made : type;
}

static void fn_format_type(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        struct type type;
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
            continue;
        }
        int64_t oid = ARGUMENT_INT(0, row);
        bool bare = argument_null(arguments, 1, row);
        bool found = catalogue_type_of_oid(view->catalogue, oid, &type);
        if (found && !bare) {
            type = type_with_oid_modifier(type, ARGUMENT_INT(1, row));
        }
        const char *pseudo = found ? NULL : sql_pseudo_type_text(call->context, oid);
        give_text(call, result, row,
                  oid == 0         ? "-"
                  : pseudo != NULL ? pseudo
                  : !found         ? "???"
                  : bare           ? sql_type_text(call->context, type)
                                   : sql_type_format(call->context, type));
    }
    sql_release(call->context, view);
}

/* The argument types of a function, as pg_proc has them. */
static void fn_types_of_vector(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        struct value vector = vector_get(arguments[0], vector_row(arguments[0], row));
        struct array types;
        const char *text = "";
        array_open(&vector, &types);
        for (uint32_t i = 0; i < types.count; i++) {
            struct type type;
            int64_t oid = array_get(&types, i).as.integer;
            bool found = catalogue_type_of_oid(view->catalogue, oid, &type);
            const char *name = found ? sql_type_text(call->context, type) : sql_pseudo_type_text(call->context, oid);
            text = sql_printf(call->context, "%s%s%s", text, i == 0 ? "" : ", ", name == NULL ? "???" : name);
        }
        give_text(call, result, row, text);
    }
    sql_release(call->context, view);
}

/* Whether the name alone leads to it. */
static void fn_table_is_visible(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    const struct sql_path *path = sql_path_of(call->context);
    EACH_ROW(row) {
        struct sql_relation found;
        struct sql_relation first;
        int64_t oid = ARGUMENT_INT(0, row);
        const struct catalogue_relation *made = catalogue_relation_of_oid(oid);
        if (made != NULL) {
            result->boolean[row] = strcmp(made->schema, SQL_SCHEMA_SYSTEM) == 0;
        } else if (!catalogue_table_of_oid(view->catalogue, oid, &found)) {
            result_null(result, row);
        } else {
            struct slice name = sql_relation_name(&found);
            const char *text = sql_printf(call->context, "%.*s", (int)name.length, (const char *)name.bytes);
            result->boolean[row] = sql_path_find(path, view->catalogue, NULL, text, &first) &&
                                   slice_equal(first.table->schema_name, found.table->schema_name);
        }
    }
    sql_release(call->context, view);
}

static void fn_type_is_visible(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        struct type type;
        if (catalogue_type_of_oid(view->catalogue, ARGUMENT_INT(0, row), &type)) {
            bool own = type.domain != 0 || type_object(type.id) != 0;
            result->boolean[row] = !own || strchr(sql_type_text(call->context, type), '.') == NULL;
        } else {
            result_null(result, row);
        }
    }
    sql_release(call->context, view);
}

static void fn_user_by_id(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        int64_t oid = ARGUMENT_INT(0, row);
        struct slice name;
        result->bytes[row] =
            catalogue_role_of_oid(call->context, view->catalogue, oid, &name)
                ? slice_text(sql_printf(call->context, "%.*s", (int)name.length, (const char *)name.bytes))
                : slice_text(sql_printf(call->context, "unknown (OID=%lld)", (long long)oid));
    }
    sql_release(call->context, view);
}

/* The text without parentheses that stand around all of it. */
static struct slice without_parentheses(struct slice text) {
    size_t depth = 0;
    uint8_t quote = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (quote != 0) {
            quote = byte == quote ? 0 : quote;
            continue;
        }
        quote = byte == '\'' || byte == '"' ? byte : 0;
        depth += byte == '(';
        depth -= byte == ')' && depth > 0;
        if (depth == 0 && i + 1 < text.length) {
            return text;
        }
    }
    bool around = text.length >= 2 && text.bytes[0] == '(' && depth == 0 && quote == 0;
    return around ? slice_make(text.bytes + 1, text.length - 2) : text;
}

/* Expressions are catalogued as their text, with the parentheses that they need anywhere. */
static void fn_get_expr(SCALAR_PARAMETERS) {
    bool may_be_pretty = call->argument_count == 3;
    EACH_ROW(row) {
        bool pretty = may_be_pretty && arguments[2]->boolean[vector_row(arguments[2], row)] != 0;
        struct slice text = ARGUMENT_BYTES(0, row);
        result->bytes[row] = pretty ? without_parentheses(text) : text;
    }
}

/* A column of an index as it is asked for alone: without its order. */
static const char *index_column(const struct sql_call *call, const struct table_definition *table,
                                const struct index_definition *index, uint32_t at) {
    struct key_part part = {.column = at < index->part_count ? index->parts[at].column
                                                             : index->include[at - index->part_count]};
    return bind_index_part_text(call->context, table, &part);
}

static void fn_get_indexdef(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    bool parts = call->argument_count == 3;
    EACH_ROW(row) {
        struct sql_relation found;
        bool there =
            catalogue_table_of_oid(view->catalogue, ARGUMENT_INT(0, row), &found) && sql_relation_is_index(&found);
        if (!there) {
            result_null(result, row);
            continue;
        }
        const struct table_definition *table = found.table;
        struct index_definition primary = {.name = table->primary_key_name,
                                           .parts = table->primary_key,
                                           .part_count = table->primary_key_count,
                                           .unique = true};
        const struct index_definition *index = found.primary ? &primary : found.index;
        const char *name = sql_printf(call->context, "%.*s", (int)index->name.length, (const char *)index->name.bytes);
        bool pretty = parts && arguments[2]->boolean[vector_row(arguments[2], row)] != 0;
        int64_t part = parts ? ARGUMENT_INT(1, row) : 0;
        if (part != 0) {
            give_text(call, result, row,
                      part < 0 || part > index->part_count + index->include_count
                          ? ""
                          : index_column(call, table, index, (uint32_t)part - 1));
            continue;
        }
        give_text(call, result, row,
                  bind_index_text(call->context, table, index, name,
                                  pretty
                                      ? sql_path_text(call->context, view->catalogue, table->schema_name, table->name)
                                      : sql_qualified(call->context, table->schema_name, table->name)));
    }
    sql_release(call->context, view);
}

/* By its number, or by its name. */
static void fn_get_viewdef(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    bool named = call->argument_types[0].id == TYPE_TEXT;
    EACH_ROW(row) {
        struct sql_relation found;
        int64_t oid = 0;
        if (named) {
            (void)sql_object_of_text(call->context, view->catalogue, TYPE_REGCLASS, ARGUMENT_BYTES(0, row), true, 0,
                                     &oid);
        } else {
            oid = ARGUMENT_INT(0, row);
        }
        bool there = catalogue_table_of_oid(view->catalogue, oid, &found) && !sql_relation_is_index(&found) &&
                     definition_is_view(found.table);
        if (there) {
            give_text(call, result, row, catalogue_view_query(call->context, view->catalogue, found.table));
        } else {
            result_null(result, row);
        }
    }
    sql_release(call->context, view);
}

static void fn_get_constraintdef(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    struct catalogue_rows rows = {.context = call->context, .view = view, .catalogue = view->catalogue};
    EACH_ROW(row) {
        const struct table_definition *table = NULL;
        struct catalogue_constraint one;
        if (!catalogue_constraint_of_oid(&rows, ARGUMENT_INT(0, row), &table, &one)) {
            result_null(result, row);
            continue;
        }
        give_text(call, result, row,
                  one.key != NULL     ? bind_reference_text(call->context, view->catalogue, table, one.key)
                  : one.check != NULL ? bind_check_text(call->context, view->catalogue, one.check)
                                      : bind_key_text(call->context, table, one.index));
    }
    sql_release(call->context, view);
}

/* Of what there is none here: triggers, functions of one's own, extended statistics. */
static void fn_none(SCALAR_PARAMETERS) {
    (void)call;
    (void)arguments;
    EACH_ROW(row) {
        result_null(result, row);
    }
}

static void fn_false(SCALAR_PARAMETERS) {
    (void)call;
    (void)arguments;
    EACH_ROW(row) {
        result->boolean[row] = 0;
    }
}

static void fn_encoding_name(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text(ARGUMENT_INT(0, row) == ENCODING_UTF8 ? "UTF8" : "");
    }
}

/* The tables that a partition is in: none. */
static void none_open(const struct sql_call *call, void *state, const struct value *arguments) {
    (void)call;
    (void)state;
    (void)arguments;
}
static bool none_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    (void)state;
    (void)row;
    return false;
}
static const struct sql_set none_set = {1, none_open, none_next, NULL, 0};

#define CAST(from, to, context, scalar_, volatility_)                                                                  \
    {                                                                                                                  \
        .class = SQL_FUNCTION_CAST, .name = "cast", .argument_count = 1, .strict = true, .volatility = (volatility_),  \
        .cast_context = SQL_CAST_##context, .arguments = {from}, .result = (to), .scalar = (scalar_),                  \
        .summary = "conversion"                                                                                        \
    }
#define TO_TEXTS(from, volatility)                                                                                     \
    CAST(from, TYPE_VARCHAR, ASSIGNMENT, cast_to_text, volatility),                                                    \
        CAST(from, TYPE_BPCHAR, ASSIGNMENT, cast_to_text, volatility)
#define OF_TEXTS(to, context, scalar, volatility)                                                                      \
    CAST(TYPE_TEXT, to, context, scalar, volatility), CAST(TYPE_VARCHAR, to, context, scalar, volatility),             \
        CAST(TYPE_BPCHAR, to, EXPLICIT, scalar, volatility)
#define OBJECT_CASTS(type, context)                                                                                    \
    OF_TEXTS(type, context, fn_object_of_text, SQL_STABLE),                                                            \
        CAST(TYPE_NAME, type, EXPLICIT, fn_object_of_text, SQL_STABLE),                                                \
        CAST(type, TYPE_TEXT, ASSIGNMENT, cast_to_text, SQL_STABLE), TO_TEXTS(type, SQL_STABLE),                       \
        CAST(type, TYPE_OID, IMPLICIT, fn_oid_of_object, SQL_IMMUTABLE),                                               \
        CAST(type, TYPE_INT4, ASSIGNMENT, fn_oid_of_object, SQL_IMMUTABLE),                                            \
        CAST(type, TYPE_INT8, ASSIGNMENT, fn_oid_of_object, SQL_IMMUTABLE),                                            \
        CAST(TYPE_OID, type, IMPLICIT, fn_object_of_oid, SQL_STABLE),                                                  \
        CAST(TYPE_INT2, type, IMPLICIT, fn_object_of_oid, SQL_STABLE),                                                 \
        CAST(TYPE_INT4, type, IMPLICIT, fn_object_of_oid, SQL_STABLE),                                                 \
        CAST(TYPE_INT8, type, IMPLICIT, fn_object_of_oid, SQL_STABLE)
#define ASK(name_, scalar_, result_, strict_, summary_, ...)                                                           \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = (strict_), .volatility = SQL_STABLE,                                          \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }

/* clang-format off */
static const struct sql_function object_rows[] = {
    OF_TEXTS(TYPE_NAME, IMPLICIT, fn_name_of_text, SQL_IMMUTABLE),
    CAST(TYPE_UNKNOWN, TYPE_NAME, IMPLICIT, cast_of_text, SQL_IMMUTABLE),
    CAST(TYPE_NAME, TYPE_TEXT, IMPLICIT, NULL, SQL_IMMUTABLE),
    TO_TEXTS(TYPE_NAME, SQL_IMMUTABLE),
    CAST(TYPE_TEXT, TYPE_CHAR, ASSIGNMENT, fn_char_of_text, SQL_IMMUTABLE),
    CAST(TYPE_VARCHAR, TYPE_CHAR, ASSIGNMENT, fn_char_of_text, SQL_IMMUTABLE),
    CAST(TYPE_BPCHAR, TYPE_CHAR, ASSIGNMENT, fn_char_of_text, SQL_IMMUTABLE),
    CAST(TYPE_UNKNOWN, TYPE_CHAR, IMPLICIT, cast_of_text, SQL_IMMUTABLE),
    CAST(TYPE_CHAR, TYPE_TEXT, IMPLICIT, NULL, SQL_IMMUTABLE),
    TO_TEXTS(TYPE_CHAR, SQL_IMMUTABLE),
    CAST(TYPE_INT4, TYPE_CHAR, EXPLICIT, fn_char_of_int, SQL_IMMUTABLE),
    CAST(TYPE_CHAR, TYPE_INT4, EXPLICIT, fn_int_of_char, SQL_IMMUTABLE),
    OF_TEXTS(TYPE_OID, EXPLICIT, cast_of_text, SQL_IMMUTABLE),
    CAST(TYPE_UNKNOWN, TYPE_OID, IMPLICIT, cast_of_text, SQL_IMMUTABLE),
    CAST(TYPE_OID, TYPE_TEXT, ASSIGNMENT, cast_to_text, SQL_IMMUTABLE),
    TO_TEXTS(TYPE_OID, SQL_IMMUTABLE),
    CAST(TYPE_INT2, TYPE_OID, IMPLICIT, fn_oid_of_int, SQL_IMMUTABLE),
    CAST(TYPE_INT4, TYPE_OID, IMPLICIT, fn_oid_of_int, SQL_IMMUTABLE),
    CAST(TYPE_INT8, TYPE_OID, IMPLICIT, fn_oid_of_int, SQL_IMMUTABLE),
    CAST(TYPE_OID, TYPE_INT4, ASSIGNMENT, fn_int_of_oid, SQL_IMMUTABLE),
    CAST(TYPE_OID, TYPE_INT8, ASSIGNMENT, NULL, SQL_IMMUTABLE),
    OBJECT_CASTS(TYPE_REGCLASS, IMPLICIT),
    OBJECT_CASTS(TYPE_REGTYPE, EXPLICIT),
    OBJECT_CASTS(TYPE_REGNAMESPACE, EXPLICIT),
    OBJECT_CASTS(TYPE_REGROLE, EXPLICIT),
    OBJECT_CASTS(TYPE_REGPROC, EXPLICIT),
    OBJECT_CASTS(TYPE_REGPROCEDURE, EXPLICIT),
    OBJECT_CASTS(TYPE_REGOPERATOR, EXPLICIT),
    CAST(TYPE_REGPROC, TYPE_REGPROCEDURE, IMPLICIT, fn_object_of_oid, SQL_STABLE),
    CAST(TYPE_REGPROCEDURE, TYPE_REGPROC, IMPLICIT, fn_object_of_oid, SQL_STABLE),
    ASK("to_regclass", fn_object_or_null, TYPE_REGCLASS, true, "relation of that name; NULL where there is none", TYPE_TEXT),
    ASK("to_regtype", fn_object_or_null, TYPE_REGTYPE, true, "type of that name; NULL where there is none", TYPE_TEXT),
    ASK("to_regnamespace", fn_object_or_null, TYPE_REGNAMESPACE, true, "schema of that name; NULL where there is none", TYPE_TEXT),
    ASK("to_regproc", fn_object_or_null, TYPE_REGPROC, true, "function of that name; NULL where there is none or more than one", TYPE_TEXT),
    ASK("to_regprocedure", fn_object_or_null, TYPE_REGPROCEDURE, true, "function of that name and those arguments' types; NULL where there is none", TYPE_TEXT),
    ASK("to_regrole", fn_object_or_null, TYPE_REGROLE, true, "role of that name; NULL where there is none", TYPE_TEXT),
    ASK("format_type", fn_format_type, TYPE_TEXT, false, "name of a type with its modifier, by their numbers", TYPE_OID, TYPE_INT4),
    ASK("oidvectortypes", fn_types_of_vector, TYPE_TEXT, true, "names of types, by their numbers", (enum type_id)(TYPE_ARRAY | TYPE_OID)),
    ASK("pg_table_is_visible", fn_table_is_visible, TYPE_BOOL, true, "whether its name alone leads to the relation", TYPE_OID),
    ASK("pg_type_is_visible", fn_type_is_visible, TYPE_BOOL, true, "whether its name alone leads to the type", TYPE_OID),
    ASK("pg_get_userbyid", fn_user_by_id, TYPE_NAME, true, "name of a role", TYPE_OID),
    ASK("pg_get_expr", fn_get_expr, TYPE_TEXT, true, "text of a kept expression", TYPE_TEXT, TYPE_OID),
    ASK("pg_get_expr", fn_get_expr, TYPE_TEXT, true, "text of a kept expression", TYPE_TEXT, TYPE_OID, TYPE_BOOL),
    ASK("pg_get_indexdef", fn_get_indexdef, TYPE_TEXT, true, "statement that would make the index", TYPE_OID),
    ASK("pg_get_indexdef", fn_get_indexdef, TYPE_TEXT, true, "the same for a second of 0, else its key of that number", TYPE_OID, TYPE_INT4, TYPE_BOOL),
    ASK("pg_get_constraintdef", fn_get_constraintdef, TYPE_TEXT, true, "constraint as a table's definition has it", TYPE_OID),
    ASK("pg_get_constraintdef", fn_get_constraintdef, TYPE_TEXT, true, "constraint as a table's definition has it", TYPE_OID, TYPE_BOOL),
    ASK("pg_get_triggerdef", fn_none, TYPE_TEXT, true, "NULL: there are no triggers", TYPE_OID, TYPE_BOOL),
    ASK("pg_get_statisticsobjdef_columns", fn_none, TYPE_TEXT, true, "NULL: there are no extended statistics", TYPE_OID),
    ASK("shobj_description", fn_none, TYPE_TEXT, true, "NULL: roles and databases have no comments", TYPE_OID, TYPE_TEXT),
    ASK("pg_relation_is_publishable", fn_false, TYPE_BOOL, true, "false: nothing is published", TYPE_REGCLASS),
    ASK("pg_encoding_to_char", fn_encoding_name, TYPE_NAME, true, "name of a character set", TYPE_INT4),
    {.class = SQL_FUNCTION_SET, .name = "pg_partition_ancestors", .set = &none_set, .strict = true, .volatility = SQL_STABLE, .argument_count = 1,
     .arguments = {TYPE_REGCLASS}, .result = TYPE_REGCLASS, .summary = "no row: there are no partitions"},
    ASK("pg_get_viewdef", fn_get_viewdef, TYPE_TEXT, true, "query of a view", TYPE_OID),
    ASK("pg_get_viewdef", fn_get_viewdef, TYPE_TEXT, true, "query of a view", TYPE_OID, TYPE_BOOL),
    ASK("pg_get_viewdef", fn_get_viewdef, TYPE_TEXT, true, "query of a view", TYPE_TEXT),
    ASK("pg_get_viewdef", fn_get_viewdef, TYPE_TEXT, true, "query of a view", TYPE_TEXT, TYPE_BOOL),
};
/* clang-format on */

struct function_rows function_rows_object(void) {
    return FUNCTION_ROWS(object_rows);
}
