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

const struct sql_function *record_json(bool binary, bool lines) {
    static const struct sql_function json = ROW_FUNCTION("row_to_json", fn_object, TYPE_JSON);
    static const struct sql_function jsonb = ROW_FUNCTION("to_jsonb", fn_object, TYPE_JSONB);
    static const struct sql_function pretty = ROW_FUNCTION("row_to_json", fn_object_lines, TYPE_JSON);
    return binary ? &jsonb : lines ? &pretty : &json;
}
