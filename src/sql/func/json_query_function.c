/*
 * The functions of SQL/JSON paths: jsonb_path_exists, jsonb_path_match, jsonb_path_query and the operators @? and .
 * Each has the path followed through a value (json_query.c) and makes its answer of what was found.
 */
#include "sql/func/json_query.h"

#include "sql/func/json_path.h"
#include "sql/func/loops.h"

/* What a call of one row asks, its arguments: target, path [, variables [, silent]]. */
struct question {
    bool zones; /* the function is one in _tz */
    struct json_query query;
    struct slice target;
    struct slice variables;
    const struct slice *variables_given;
    bool silent;
};

static void question_row(const struct sql_call *call, struct vector *const *arguments, uint32_t row, bool first,
                         struct question *question) {
    if (first || !arguments[1]->constant) {
        question->query = json_query_parse(call, ARGUMENT_BYTES(1, row));
        question->query.zones = question->zones;
    }
    question->target = ARGUMENT_BYTES(0, row);
    if (call->argument_count > 2) {
        question->variables = ARGUMENT_BYTES(2, row);
        question->variables_given = &question->variables;
    }
    if (call->argument_count > 3) {
        question->silent = arguments[3]->boolean[vector_row(arguments[3], row)];
    }
}

static enum json_query_found question_ask(const struct sql_call *call, const struct question *question,
                                          struct json_query_list *list) {
    return json_query_run(call, &question->query, question->target, question->variables_given, question->silent, list);
}

/* A value as JSON text: its own part of the text it comes from, or that of a value that was made. */
static struct slice node_text(const struct sql_call *call, const struct json_node *node) {
    if (node->source.length > 0) {
        return node->source;
    }
    if (node->kind != JSON_STRING && node->kind != JSON_MOMENT) {
        return node->text;
    }
    struct buffer *out = json_buffer(call);
    json_print_string(node->text, out);
    struct slice text = json_buffer_keep(call, out);
    json_buffer_free(call, out);
    return text;
}

static void exists_rows(SCALAR_PARAMETERS, struct question question) {
    EACH_ROW(row) {
        question_row(call, arguments, row, row_n == 0, &question);
        enum json_query_found found = question_ask(call, &question, NULL);
        result->boolean[row] = found == JSON_QUERY_FOUND_SOME;
        if (found == JSON_QUERY_FOUND_ERROR) {
            result_null(result, row);
        }
    }
}

static void match_rows(SCALAR_PARAMETERS, struct question question) {
    EACH_ROW(row) {
        struct json_query_list list = json_query_list_make();
        question_row(call, arguments, row, row_n == 0, &question);
        (void)question_ask(call, &question, &list);
        const struct json_node *node = json_query_single(&list);
        bool truth = node != NULL && (node->kind == JSON_TRUE || node->kind == JSON_FALSE);
        if (!truth && !question.silent && (node == NULL || node->kind != JSON_NULL)) {
            sql_raise(call->context, KMB_JSON_SINGLE_ITEM, call->position, "single boolean result is expected");
        }
        result->boolean[row] = truth && node->kind == JSON_TRUE;
        if (!truth) {
            result_null(result, row);
        }
    }
}

static void first_rows(SCALAR_PARAMETERS, struct question question) {
    EACH_ROW(row) {
        struct json_query_list list = json_query_list_make();
        question_row(call, arguments, row, row_n == 0, &question);
        (void)question_ask(call, &question, &list);
        if (list.first == NULL) {
            result_null(result, row);
        } else {
            result->bytes[row] = node_text(call, list.first->node);
        }
    }
}

static void array_rows(SCALAR_PARAMETERS, struct question question) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_query_list list = json_query_list_make();
        question_row(call, arguments, row, row_n == 0, &question);
        (void)question_ask(call, &question, &list);
        buffer_append_byte(out, '[');
        for (const struct json_query_item *item = list.first; item != NULL; item = item->next) {
            buffer_append_text(out, item == list.first ? "" : ", ");
            buffer_append_slice(out, node_text(call, item->node));
        }
        buffer_append_byte(out, ']');
        result->bytes[row] = json_buffer_keep(call, out);
    }
    json_buffer_free(call, out);
}

#define ROWS(name, of, ...)                                                                                            \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        of(call, arguments, result, selection, count, (struct question){__VA_ARGS__});                                 \
    }

ROWS(fn_exists, exists_rows, .zones = false)
ROWS(fn_exists_tz, exists_rows, .zones = true)
ROWS(op_exists, exists_rows, .silent = true)
ROWS(fn_match, match_rows, .zones = false)
ROWS(fn_match_tz, match_rows, .zones = true)
ROWS(op_match, match_rows, .silent = true)
ROWS(fn_first, first_rows, .zones = false)
ROWS(fn_first_tz, first_rows, .zones = true)
ROWS(fn_array, array_rows, .zones = false)
ROWS(fn_array_tz, array_rows, .zones = true)

/* --- jsonb_path_query: a row for each value --- */

struct values {
    const struct json_query_item *at;
};

static void values_find(const struct sql_call *call, struct values *values, const struct value *arguments, bool zones) {
    struct json_query_list list = json_query_list_make();
    struct json_query query = json_query_parse(call, arguments[1].as.bytes);
    query.zones = zones;
    bool silent = call->argument_count > 3 && arguments[3].as.boolean;
    (void)json_query_run(call, &query, arguments[0].as.bytes, call->argument_count > 2 ? &arguments[2].as.bytes : NULL,
                         silent, &list);
    values->at = list.first;
}

static void values_open(const struct sql_call *call, void *state, const struct value *arguments) {
    values_find(call, state, arguments, false);
}

static void values_open_tz(const struct sql_call *call, void *state, const struct value *arguments) {
    values_find(call, state, arguments, true);
}

static bool values_next(const struct sql_call *call, void *state, struct value *row) {
    struct values *values = state;
    if (values->at == NULL) {
        return false;
    }
    *row = value_bytes(TYPE_JSONB, node_text(call, values->at->node));
    values->at = values->at->next;
    return true;
}

static const struct sql_set values_set = {sizeof(struct values), values_open, values_next, NULL, 0};
static const struct sql_set values_set_tz = {sizeof(struct values), values_open_tz, values_next, NULL, 0};

/* clang-format off */
#define QUERY_ROW(name_, scalar_, volatility_, result_, summary_, count_)                                               \
    {.class = SQL_FUNCTION_SCALAR, .name = name_, .scalar = scalar_, .strict = true, .volatility = volatility_,        \
     .result = result_, .summary = summary_, .argument_count = (count_),                                               \
     .arguments = {TYPE_JSONB, TYPE_TEXT, TYPE_JSONB, TYPE_BOOL}}
#define QUERY_ROWS(name_, scalar_, volatility_, result_, summary_)                                                     \
    QUERY_ROW(name_, scalar_, volatility_, result_, summary_, 2),                                                      \
    QUERY_ROW(name_, scalar_, volatility_, result_, summary_ ", with variables", 3),                                   \
    QUERY_ROW(name_, scalar_, volatility_, result_, summary_ ", with variables and without errors", 4)
#define QUERY(name_, scalar_, result_, summary_)                                                                       \
    QUERY_ROWS(name_, scalar_, SQL_IMMUTABLE, result_, summary_),                                                      \
    QUERY_ROWS(name_ "_tz", scalar_##_tz, SQL_STABLE, result_, summary_ ", in the session's time zone")
#define QUERY_SET(name_, set_, volatility_, count_)                                                                    \
    {.class = SQL_FUNCTION_SET, .name = name_, .set = &set_, .strict = true, .volatility = volatility_,                \
     .result = TYPE_JSONB, .summary = "what a jsonpath leads to: target, path, variables, silent",                     \
     .argument_count = (count_), .arguments = {TYPE_JSONB, TYPE_TEXT, TYPE_JSONB, TYPE_BOOL}}
#define QUERY_SETS(count_)                                                                                             \
    QUERY_SET("jsonb_path_query", values_set, SQL_IMMUTABLE, count_),                                                  \
    QUERY_SET("jsonb_path_query_tz", values_set_tz, SQL_STABLE, count_)

static const struct sql_function json_query_rows[] = {
    QUERY("jsonb_path_exists", fn_exists, TYPE_BOOL, "whether a jsonpath leads to anything"),
    QUERY("jsonb_path_match", fn_match, TYPE_BOOL, "truth of a jsonpath predicate"),
    QUERY("jsonb_path_query_first", fn_first, TYPE_JSONB, "the first that a jsonpath leads to"),
    QUERY("jsonb_path_query_array", fn_array, TYPE_JSONB, "array of what a jsonpath leads to"),
    OP("@?", op_exists, TYPE_BOOL, "whether a jsonpath leads to anything, without errors", TYPE_JSONB, TYPE_TEXT),
    OP("@@", op_match, TYPE_BOOL, "truth of a jsonpath predicate, without errors", TYPE_JSONB, TYPE_TEXT),
    QUERY_SETS(2), QUERY_SETS(3), QUERY_SETS(4),
};
/* clang-format on */

struct function_rows function_rows_json_query(void) {
    return FUNCTION_ROWS(json_query_rows);
}
