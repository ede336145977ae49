/*
 * What clients ask of the catalogue beside its tables: functions by their number, what an object is called, what is
 * visible, and much of what there is none.
 */
#include <strings.h>

#include "base/assert.h"
#include "kernel/view.h"
#include "sql/exec/catalogue.h"
#include "sql/func/array.h"
#include "sql/func/loops.h"
#include "sql/object.h"
#include "sql/path.h"
#include "sql/sql.h"
#include "sql/type_text.h"
#include "types/array.h"

#define ENCODING_UTF8 6 /* PostgreSQL's number */
#define OID_PG_CLASS  1259
#define OID_PG_TYPE   1247

static void give_text(const struct sql_call *call, struct vector *result, uint32_t row, const char *text) {
    if (text == NULL) {
        result_null(result, row);
    } else {
        result->bytes[row] = slice_text(sql_printf(call->context, "%s", text));
    }
}

/* --- functions --- */

static const char *arguments_text(const struct sql_call *call, const struct sql_function *function) {
    const char *text = "";
    for (uint32_t i = 0; i < function->argument_count; i++) {
        bool last = i + 1 == function->argument_count;
        text = sql_printf(call->context, "%s%s%s%s", text, i == 0 ? "" : ", ",
                          last && function->variadic ? "VARIADIC " : "",
                          type_name(function->arguments[i] == TYPE_TINYINT ? TYPE_INT2 : function->arguments[i]));
    }
    return text;
}

static void fn_function_arguments(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct sql_function *function = catalogue_function_of(ARGUMENT_INT(0, row));
        give_text(call, result, row, function == NULL ? NULL : arguments_text(call, function));
    }
}

static void fn_function_result(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct sql_function *function = catalogue_function_of(ARGUMENT_INT(0, row));
        bool set = function != NULL && function->class == SQL_FUNCTION_SET;
        give_text(call, result, row,
                  function == NULL
                      ? NULL
                      : sql_printf(call->context, "%s%s", set ? "SETOF " : "", type_name(function->result)));
    }
}

static void fn_function_visible(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] = true;
        if (catalogue_function_of_oid(ARGUMENT_INT(0, row)) == NULL) {
            result_null(result, row);
        }
    }
}

/* --- of what there is none, and of what there is one --- */

static void fn_null(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result_null(result, row);
    }
}

static void fn_collation_visible(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        int64_t oid = ARGUMENT_INT(0, row);
        result->boolean[row] = true;
        if (oid != 100 && oid != 950 && oid != 951) { /* default, C, POSIX */
            result_null(result, row);
        }
    }
}

static void fn_no(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] = false;
    }
}

static void fn_zero(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = 0;
    }
}

static void fn_empty(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text("");
    }
}

static void fn_encoding(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_text("UTF8");
    }
}

static void fn_encoding_number(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice name = ARGUMENT_BYTES(0, row);
        char plain[8] = {0};
        size_t length = 0;
        for (size_t i = 0; i < name.length && length < sizeof(plain) - 1; i++) {
            if (name.bytes[i] != '-' && name.bytes[i] != '_') {
                plain[length++] = (char)name.bytes[i];
            }
        }
        bool utf8 = strcasecmp(plain, "utf8") == 0 || strcasecmp(plain, "unicode") == 0;
        result->integer[row] = utf8 ? ENCODING_UTF8 : -1;
    }
}

static void fn_encoding_length(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = 4;
        if (ARGUMENT_INT(0, row) != ENCODING_UTF8) {
            result_null(result, row);
        }
    }
}

static void fn_current_query(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = slice_make(call->context->text, call->context->text_length);
    }
}

/* --- what an object is called --- */

static const char *describe(const struct sql_call *call, const struct catalogue *catalogue, int64_t class, int64_t oid,
                            int64_t part) {
    struct sql_context *context = call->context;
    struct sql_relation found;
    struct type type;
    if (class == OID_PG_TYPE) {
        return catalogue_type_of_oid(catalogue, oid, &type)
                   ? sql_printf(context, "type %s", sql_type_text(context, type))
                   : NULL;
    }
    if (class != OID_PG_CLASS || !catalogue_table_of_oid(catalogue, oid, &found)) {
        return NULL;
    }
    const char *name = sql_path_text(context, catalogue, found.table->schema_name, sql_relation_name(&found));
    const char *kind = sql_relation_is_index(&found)         ? "index"
                       : definition_is_view(found.table)     ? "view"
                       : definition_is_sequence(found.table) ? "sequence"
                                                             : "table";
    if (part <= 0 || sql_relation_is_index(&found) || part > catalogue_column_count(catalogue, found.table)) {
        return sql_printf(context, "%s %s", kind, name);
    }
    struct slice column = catalogue_column(catalogue, found.table, (uint32_t)part - 1)->name;
    return sql_printf(context, "column %.*s of %s %s", (int)column.length, (const char *)column.bytes, kind, name);
}

static void fn_describe(SCALAR_PARAMETERS) {
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        give_text(call, result, row,
                  describe(call, view->catalogue, ARGUMENT_INT(0, row), ARGUMENT_INT(1, row), ARGUMENT_INT(2, row)));
    }
    sql_release(call->context, view);
}

/* --- the number of the transaction --- */

static void fn_transaction_number(SCALAR_PARAMETERS) {
    const struct sql_host *host = call->context->host;
    if (host == NULL || host->neighbours == NULL) {
        sql_raise_unsupported(call->context, call->position, "txid_current() here");
    }
    EACH_ROW(row) {
        result->integer[row] = (int64_t)host->neighbours->transaction_number(host->context);
    }
}

/* --- sets --- */

/* Each element of an array of one dimension, with its number from 1. */
struct expanding {
    struct array array;
    uint32_t at;
};

static void expand_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct expanding *expanding = state;
    (void)call;
    array_open(&arguments[0], &expanding->array);
}

static bool expand_next(const struct sql_call *call, void *state, struct value *row) {
    struct expanding *expanding = state;
    (void)call;
    if (expanding->at == expanding->array.count) {
        return false;
    }
    row[0] = array_get(&expanding->array, expanding->at++);
    row[1] = value_integer(TYPE_INT4, expanding->at);
    return true;
}

static const struct sql_set_column expand_int2_columns[] = {{"x", TYPE_INT2}, {"n", TYPE_INT4}};
static const struct sql_set_column expand_oid_columns[] = {{"x", TYPE_OID}, {"n", TYPE_INT4}};
static const struct sql_set expand_int2 = {sizeof(struct expanding), expand_open, expand_next, expand_int2_columns, 2};
static const struct sql_set expand_oid = {sizeof(struct expanding), expand_open, expand_next, expand_oid_columns, 2};

/* "name=value", each. */
static bool options_next(const struct sql_call *call, void *state, struct value *row) {
    struct expanding *expanding = state;
    (void)call;
    if (expanding->at == expanding->array.count) {
        return false;
    }
    struct slice text = array_get(&expanding->array, expanding->at++).as.bytes;
    size_t name = 0;
    while (name < text.length && text.bytes[name] != '=') {
        name++;
    }
    row[0] = value_text(slice_make(text.bytes, name));
    row[1] = name == text.length ? value_null(TYPE_TEXT)
                                 : value_text(slice_make(text.bytes + name + 1, text.length - name - 1));
    return true;
}

static const struct sql_set_column options_columns[] = {{"option_name", TYPE_TEXT}, {"option_value", TYPE_TEXT}};
static const struct sql_set options_set = {sizeof(struct expanding), expand_open, options_next, options_columns, 2};

/* No table has partitions. */
static void partitions_open(const struct sql_call *call, void *state, const struct value *arguments) {
    (void)call;
    (void)state;
    (void)arguments;
}

static bool partitions_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    (void)state;
    (void)row;
    return false;
}

static const struct sql_set_column partition_columns[] = {
    {"relid", TYPE_REGCLASS}, {"parentrelid", TYPE_REGCLASS}, {"isleaf", TYPE_BOOL}, {"level", TYPE_INT4}};
static const struct sql_set partition_set = {sizeof(struct expanding), partitions_open, partitions_next,
                                             partition_columns, ARRAY_LENGTH(partition_columns)};

#define ASK(name_, scalar_, result_, summary_, ...)                                                                    \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = true, .volatility = SQL_STABLE,                                               \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define ASK_NONE(name_, scalar_, result_, summary_)                                                                    \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = true, .volatility = SQL_STABLE                                                \
    }
#define SET(name_, set_, argument_, summary_)                                                                          \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SET, .name = (name_), .set = &(set_), .strict = true, .volatility = SQL_STABLE,          \
        .argument_count = 1, .arguments = {(enum type_id)(TYPE_ARRAY | (argument_))}, .result = TYPE_TEXT,             \
        .summary = (summary_)                                                                                          \
    }
#define TEXT_ARRAY ((enum type_id)(TYPE_ARRAY | TYPE_TEXT))

/* clang-format off */
static const struct sql_function client_rows[] = {
    ASK("pg_get_function_arguments", fn_function_arguments, TYPE_TEXT, "types of a function's arguments", TYPE_OID),
    ASK("pg_get_function_identity_arguments", fn_function_arguments, TYPE_TEXT, "types of a function's arguments", TYPE_OID),
    ASK("pg_get_function_result", fn_function_result, TYPE_TEXT, "type of a function's result", TYPE_OID),
    ASK("pg_get_functiondef", fn_null, TYPE_TEXT, "NULL: there are no functions of one's own", TYPE_OID),
    ASK("pg_get_function_sqlbody", fn_null, TYPE_TEXT, "NULL: there are no functions of one's own", TYPE_OID),
    ASK("pg_get_function_arg_default", fn_null, TYPE_TEXT, "NULL: no argument has a default", TYPE_OID, TYPE_INT4),
    ASK("pg_function_is_visible", fn_function_visible, TYPE_BOOL, "whether its name alone leads to the function", TYPE_OID),
    ASK("pg_operator_is_visible", fn_function_visible, TYPE_BOOL, "whether its name alone leads to the operator", TYPE_OID),
    ASK("pg_collation_is_visible", fn_collation_visible, TYPE_BOOL, "whether its name alone leads to the collation", TYPE_OID),
    ASK("pg_conversion_is_visible", fn_null, TYPE_BOOL, "NULL: there are no conversions", TYPE_OID),
    ASK("pg_opclass_is_visible", fn_null, TYPE_BOOL, "NULL: there are no operator classes", TYPE_OID),
    ASK("pg_opfamily_is_visible", fn_null, TYPE_BOOL, "NULL: there are no operator families", TYPE_OID),
    ASK("pg_statistics_obj_is_visible", fn_null, TYPE_BOOL, "NULL: there are no extended statistics", TYPE_OID),
    ASK("pg_ts_config_is_visible", fn_null, TYPE_BOOL, "NULL: there is no text search", TYPE_OID),
    ASK("pg_ts_dict_is_visible", fn_null, TYPE_BOOL, "NULL: there is no text search", TYPE_OID),
    ASK("pg_ts_parser_is_visible", fn_null, TYPE_BOOL, "NULL: there is no text search", TYPE_OID),
    ASK("pg_ts_template_is_visible", fn_null, TYPE_BOOL, "NULL: there is no text search", TYPE_OID),
    ASK("pg_get_ruledef", fn_null, TYPE_TEXT, "NULL: there are no rules", TYPE_OID),
    ASK("pg_get_ruledef", fn_null, TYPE_TEXT, "NULL: there are no rules", TYPE_OID, TYPE_BOOL),
    ASK("pg_get_triggerdef", fn_null, TYPE_TEXT, "NULL: there are no triggers", TYPE_OID),
    ASK("pg_get_partkeydef", fn_null, TYPE_TEXT, "NULL: there are no partitions", TYPE_OID),
    ASK("pg_get_partition_constraintdef", fn_null, TYPE_TEXT, "NULL: there are no partitions", TYPE_OID),
    ASK("pg_get_statisticsobjdef", fn_null, TYPE_TEXT, "NULL: there are no extended statistics", TYPE_OID),
    ASK("acldefault", fn_null, TEXT_ARRAY, "NULL: privileges are those of the one user", TYPE_CHAR, TYPE_OID),
    ASK("pg_tablespace_location", fn_empty, TYPE_TEXT, "empty: there is one place for all", TYPE_OID),
    ASK("pg_describe_object", fn_describe, TYPE_TEXT, "what an object is called: catalogue, number, part", TYPE_OID, TYPE_OID, TYPE_INT4),
    ASK_NONE("getdatabaseencoding", fn_encoding, TYPE_NAME, "UTF8"),
    ASK_NONE("pg_client_encoding", fn_encoding, TYPE_NAME, "UTF8"),
    ASK("pg_char_to_encoding", fn_encoding_number, TYPE_INT4, "number of a character set; -1 for any but UTF8", TYPE_NAME),
    ASK("pg_encoding_max_length", fn_encoding_length, TYPE_INT4, "most bytes of a character", TYPE_INT4),
    ASK_NONE("pg_my_temp_schema", fn_zero, TYPE_OID, "0: there are no temporary tables"),
    ASK("row_security_active", fn_no, TYPE_BOOL, "false: there are no policies of rows", TYPE_OID),
    ASK("row_security_active", fn_no, TYPE_BOOL, "false: there are no policies of rows", TYPE_TEXT),
    ASK_NONE("current_query", fn_current_query, TYPE_TEXT, "text of the statement"),
    ASK_NONE("txid_current", fn_transaction_number, TYPE_INT8, "number of the transaction, larger than those of any that began before"),
    ASK_NONE("pg_current_xact_id", fn_transaction_number, TYPE_INT8, "number of the transaction, larger than those of any that began before"),
    SET("_pg_expandarray", expand_int2, TYPE_INT2, "elements of an array as x, each with its number as n"),
    SET("_pg_expandarray", expand_oid, TYPE_OID, "elements of an array as x, each with its number as n"),
    {.class = SQL_FUNCTION_SET, .name = "pg_partition_tree", .set = &partition_set, .strict = true, .volatility = SQL_STABLE, .argument_count = 1,
     .arguments = {TYPE_REGCLASS}, .result = TYPE_REGCLASS, .summary = "no rows: no table has partitions"},
    SET("pg_options_to_table", options_set, TYPE_TEXT, "options of the form name=value, apart"),
};
/* clang-format on */

struct function_rows function_rows_client(void) {
    return FUNCTION_ROWS(client_rows);
}
