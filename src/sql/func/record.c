/* Rows put together of their fields, as text and as JSON. */
#include "sql/func/record.h"

#include "sql/func/cast.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "types/key.h"

static bool row_is_there(struct vector *const *arguments, uint32_t row) {
    return !argument_null(arguments, 0, row) && arguments[0]->boolean[vector_row(arguments[0], row)] != 0;
}

/* As the type's output function gives it. */
static struct slice field_text(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row) {
    struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
    return value.type == TYPE_BOOL ? slice_text(value.as.boolean ? "t" : "f") : cast_text_of(call, &value);
}

/* In quotes where a reader could not tell it from its surroundings. */
static void append_field(struct slice text, struct buffer *out) {
    bool quoted = text.length == 0;
    for (size_t i = 0; i < text.length && !quoted; i++) {
        quoted = strchr("\"\\(), \t\n\r\v\f", text.bytes[i]) != NULL;
    }
    if (!quoted) {
        buffer_append_slice(out, text);
        return;
    }
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"' || text.bytes[i] == '\\') {
            buffer_append_byte(out, text.bytes[i]);
        }
        buffer_append_byte(out, text.bytes[i]);
    }
    buffer_append_byte(out, '"');
}

static void fn_text(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        if (!row_is_there(arguments, row)) {
            result_null(result, row);
            continue;
        }
        buffer_append_byte(out, '(');
        for (uint32_t n = 1; n + 1 < call->argument_count; n += 2) {
            buffer_append_text(out, n > 1 ? "," : "");
            if (!argument_null(arguments, n + 1, row)) {
                append_field(field_text(call, arguments, n + 1, row), out);
            }
        }
        buffer_append_byte(out, ')');
        result->bytes[row] = json_buffer_keep(call, out);
    }
    json_buffer_free(call, out);
}

static void put_object(const struct sql_call *call, struct vector *const *arguments, uint32_t row,
                       const char *separator, struct buffer *out) {
    buffer_append_byte(out, '{');
    for (uint32_t n = 1; n + 1 < call->argument_count; n += 2) {
        buffer_append_text(out, n > 1 ? separator : "");
        json_print_string(arguments[n]->bytes[vector_row(arguments[n], row)], out);
        buffer_append_byte(out, ':');
        json_append_value(call, arguments, n + 1, row, out);
    }
    buffer_append_byte(out, '}');
}

#define OBJECT_OF_ROW(name, separator)                                                                                 \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        struct buffer *out = json_buffer(call);                                                                        \
        EACH_ROW(row) {                                                                                                \
            if (!row_is_there(arguments, row)) {                                                                       \
                result_null(result, row);                                                                              \
                continue;                                                                                              \
            }                                                                                                          \
            put_object(call, arguments, row, separator, out);                                                          \
            result->bytes[row] = json_finish_text(call, out);                                                          \
        }                                                                                                              \
        json_buffer_free(call, out);                                                                                   \
    }
OBJECT_OF_ROW(fn_object, ",")
OBJECT_OF_ROW(fn_object_lines, ",\n ")

static void fn_key(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        for (uint32_t n = 0; n < call->argument_count; n++) {
            struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
            key_append(out, (struct key_column){.type = call->argument_types[n]}, &value);
        }
        result->bytes[row] = json_buffer_keep(call, out);
    }
    json_buffer_free(call, out);
}

static struct json_node *tree_of(const struct sql_call *call, struct slice text) {
    struct json_node *root = NULL;
    sql_try(call->context, json_tree_parse(text, false, call->arena, &root, call->context->error));
    return root;
}

static void fn_object_only(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        const struct json_node *root = tree_of(call, text);
        if (root->kind != JSON_OBJECT_OPEN) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "cannot call populate_composite on %s",
                      root->kind == JSON_ARRAY_OPEN ? "an array" : "a scalar");
        }
        result->bytes[row] = text;
    }
}

static void fn_objects_only(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        struct slice name = ARGUMENT_BYTES(1, row);
        const struct json_node *root = tree_of(call, text);
        if (root->kind != JSON_ARRAY_OPEN) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "cannot call %.*s on %s", (int)name.length,
                      (const char *)name.bytes, root->kind == JSON_OBJECT_OPEN ? "an object" : "a scalar");
        }
        for (const struct json_node *node = root->first; node != NULL; node = node->next) {
            if (node->kind != JSON_OBJECT_OPEN) {
                sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                          "argument of %.*s must be an array of objects", (int)name.length, (const char *)name.bytes);
            }
        }
        result->bytes[row] = text;
    }
}

static void fn_first(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            result_null(result, row);
        } else {
            result->bytes[row] = arguments[0]->bytes[vector_row(arguments[0], row)];
        }
    }
}

#define ROW_FUNCTION(name_, scalar_, result_)                                                                          \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .variadic = true, .volatility = SQL_STABLE,                     \
        .scalar = (scalar_), .result = (result_), .summary = "a row of its fields"                                     \
    }

const struct sql_function *record_value(void) {
    static const struct sql_function row = ROW_FUNCTION("row", fn_text, TYPE_TEXT);
    return &row;
}

const struct sql_function *record_text(void) {
    static const struct sql_function row = ROW_FUNCTION("row", fn_text, TYPE_TEXT);
    return &row;
}

const struct sql_function *record_key(void) {
    static const struct sql_function row = ROW_FUNCTION("row_key", fn_key, TYPE_BYTEA);
    return &row;
}

const struct sql_function *record_sequence(void) {
    static const struct sql_function row = ROW_FUNCTION("rows", fn_first, TYPE_ARRAY_TEXT);
    return &row;
}

/* clang-format off */
#define CHECKED_FUNCTION(scalar_, result_)                                                                             \
    {.class = SQL_FUNCTION_SCALAR,                                                                                     \
     .name = "objects",                                                                                                \
     .argument_count = 2,                                                                                              \
     .strict = true,                                                                                                   \
     .scalar = (scalar_),                                                                                              \
     .arguments = {(result_), TYPE_TEXT},                                                                              \
     .result = (result_),                                                                                              \
     .summary = "JSON of the form that is asked for"}
/* clang-format on */

const struct sql_function *record_object(bool binary) {
    static const struct sql_function json = CHECKED_FUNCTION(fn_object_only, TYPE_JSON);
    static const struct sql_function jsonb = CHECKED_FUNCTION(fn_object_only, TYPE_JSONB);
    return binary ? &jsonb : &json;
}

const struct sql_function *record_list(bool binary) {
    static const struct sql_function json = CHECKED_FUNCTION(fn_objects_only, TYPE_JSON);
    static const struct sql_function jsonb = CHECKED_FUNCTION(fn_objects_only, TYPE_JSONB);
    return binary ? &jsonb : &json;
}

const struct sql_function *record_json(bool binary, bool lines) {
    static const struct sql_function json = ROW_FUNCTION("row_to_json", fn_object, TYPE_JSON);
    static const struct sql_function jsonb = ROW_FUNCTION("to_jsonb", fn_object, TYPE_JSONB);
    static const struct sql_function pretty = ROW_FUNCTION("row_to_json", fn_object_lines, TYPE_JSON);
    return binary ? &jsonb : lines ? &pretty : &json;
}
