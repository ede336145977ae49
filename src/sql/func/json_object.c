/* json_object and jsonb_object: an object of the keys and values in arrays of text, all values strings or null. */
#include "sql/func/array.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "types/json.h"

static _Noreturn void raise_shape(const struct sql_call *call, const char *message) {
    sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "%s", message);
}

static void append_member(const struct sql_call *call, bool first, const struct value *key, const struct value *value,
                          struct buffer *out) {
    if (key->is_null) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "null value not allowed for object key");
    }
    buffer_append_text(out, first ? "" : ", ");
    json_print_string(key->as.bytes, out);
    buffer_append_text(out, " : ");
    if (value->is_null) {
        buffer_append_text(out, "null");
    } else {
        json_print_string(value->as.bytes, out);
    }
}

/* '{a,1,b,2}' or '{{a,1},{b,2}}' */
static void append_pairs(const struct sql_call *call, const struct array *pairs, struct buffer *out) {
    const struct array_shape *shape = &pairs->shape;
    if (shape->dimensions > 2) {
        raise_shape(call, "wrong number of array subscripts");
    }
    if (shape->dimensions == 2 && shape->lengths[1] != 2) {
        raise_shape(call, "array must have two columns");
    }
    if (pairs->count % 2 != 0) {
        raise_shape(call, "array must have even number of elements");
    }
    for (uint32_t i = 0; i < pairs->count; i += 2) {
        struct value key = array_get(pairs, i);
        struct value value = array_get(pairs, i + 1);
        append_member(call, i == 0, &key, &value, out);
    }
}

static void append_columns(const struct sql_call *call, const struct array *keys, const struct array *values,
                           struct buffer *out) {
    if (keys->shape.dimensions > 1 || keys->shape.dimensions != values->shape.dimensions) {
        raise_shape(call, "wrong number of array subscripts");
    }
    if (keys->count != values->count) {
        raise_shape(call, "mismatched array dimensions");
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        struct value key = array_get(keys, i);
        struct value value = array_get(values, i);
        append_member(call, i == 0, &key, &value, out);
    }
}

static void fn_object(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct array first = array_argument(call, arguments, 0, row);
        buffer_append_byte(out, '{');
        if (call->argument_count == 1) {
            append_pairs(call, &first, out);
        } else {
            struct array second = array_argument(call, arguments, 1, row);
            append_columns(call, &first, &second, out);
        }
        buffer_append_byte(out, '}');
        result->bytes[row] = json_finish_text(call, out);
    }
    json_buffer_free(call, out);
}

/* clang-format off */
#define OBJECT(name, type)                                                                                             \
    FN(name, fn_object, type, "object of keys and values in turn, or in pairs", TYPE_ARRAY_TEXT),                      \
    FN(name, fn_object, type, "object of keys and their values", TYPE_ARRAY_TEXT, TYPE_ARRAY_TEXT)

static const struct sql_function json_object_rows[] = {
    OBJECT("json_object", TYPE_JSON),
    OBJECT("jsonb_object", TYPE_JSONB),
};
/* clang-format on */

struct function_rows function_rows_json_object(void) {
    return FUNCTION_ROWS(json_object_rows);
}
