/*
 * JSON looked into: members and elements, paths, containment, existence, kinds, and JSON made of other values.
 *
 * A value is parsed into a tree of arena nodes (types/json_tree.h) where it is looked into; what is taken out of it is
 * the part of its own text, so that json keeps its spelling and jsonb, whose text is the normal one, needs no printing.
 * A path is written as an array's text, '{a,0,b}'.
 */
#include "base/assert.h"
#include "sql/func/cast.h"
#include "sql/func/array.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static bool is_container(const struct json_node *node) {
    return node->kind == JSON_OBJECT_OPEN || node->kind == JSON_ARRAY_OPEN;
}

struct json_node *json_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                uint32_t row) {
    struct json_node *root = NULL;
    bool sorted = call->argument_types[n].id == TYPE_JSONB;
    check(call, json_tree_parse(ARGUMENT_BYTES(n, row), sorted, call->arena, &root, call->context->error));
    ASSERT(root != NULL);
    return root;
}

/* --- members and elements --- */

/* The last of equal keys counts, as in PostgreSQL. */
const struct json_node *json_member(const struct json_node *node, struct slice key) {
    const struct json_node *found = NULL;
    for (const struct json_node *at = node->kind == JSON_OBJECT_OPEN ? node->first : NULL; at != NULL; at = at->next) {
        found = slice_equal(at->key, key) ? at : found;
    }
    return found;
}

int64_t json_count(const struct json_node *node) {
    int64_t count = 0;
    for (const struct json_node *at = is_container(node) ? node->first : NULL; at != NULL; at = at->next) {
        count++;
    }
    return count;
}

/* Counted from 0, a negative index from the end. */
static const struct json_node *element(const struct json_node *node, int64_t index) {
    if (node->kind != JSON_ARRAY_OPEN) {
        return NULL;
    }
    index = index < 0 ? json_count(node) + index : index;
    const struct json_node *at = index < 0 ? NULL : node->first;
    for (; at != NULL && index > 0; index--) {
        at = at->next;
    }
    return at;
}

/* As JSON, or as text: a string without quotes, null as NULL. */
static void set_found(struct vector *result, uint32_t row, const struct json_node *node, bool text) {
    if (node == NULL || (text && node->kind == JSON_NULL)) {
        result_null(result, row);
    } else {
        result->bytes[row] = text && node->kind == JSON_STRING ? node->text : node->source;
    }
}

static void fn_member(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        set_found(result, row, json_member(root, ARGUMENT_BYTES(1, row)), call->result_type.id == TYPE_TEXT);
    }
}

static void fn_element(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        int64_t index = ARGUMENT_INT(1, row);
        /* a scalar of jsonb is kept as an array of one in PostgreSQL, and this shows it */
        bool itself = call->argument_types[0].id == TYPE_JSONB && !is_container(root) && (index == 0 || index == -1);
        set_found(result, row, itself ? root : element(root, index), call->result_type.id == TYPE_TEXT);
    }
}

/* --- paths --- */

struct json_path json_path_read(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                uint32_t row) {
    struct array array = array_argument(call, arguments, n, row);
    struct json_path path = {.count = array.count, .dimensions = array.shape.dimensions};
    path.steps = (struct json_step *)(void *)result_bytes(call, ((size_t)array.count + 1) * sizeof(*path.steps));
    for (uint32_t i = 0; i < array.count; i++) {
        struct value step = array_get(&array, i);
        path.steps[i] =
            (struct json_step){.name = step.is_null ? slice_make(NULL, 0) : step.as.bytes, .is_null = step.is_null};
    }
    return path;
}

bool json_step_index(const struct json_step *step, int64_t *index) {
    return value_parse_integer(TYPE_INT4, step->name, index, NULL) == KMB_OK;
}

static const struct json_node *path_follow(const struct json_node *node, const struct json_path *path) {
    for (uint32_t i = 0; i < path->count && node != NULL; i++) {
        const struct json_step *step = &path->steps[i];
        int64_t index = 0;
        if (step->is_null) {
            return NULL;
        }
        node = node->kind == JSON_OBJECT_OPEN  ? json_member(node, step->name)
               : json_step_index(step, &index) ? element(node, index)
                                               : NULL;
    }
    return node;
}

static void fn_path(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        struct json_path path = json_path_read(call, arguments, 1, row);
        set_found(result, row, path_follow(root, &path), call->result_type.id == TYPE_TEXT);
    }
}

struct json_path json_path_of_arguments(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                        uint32_t row) {
    struct json_path path = {.count = call->argument_count - n, .dimensions = 1};
    path.steps = (struct json_step *)(void *)result_bytes(call, path.count * sizeof(*path.steps));
    for (uint32_t i = 0; i < path.count; i++) {
        struct value step = vector_get(arguments[n + i], vector_row(arguments[n + i], row));
        path.steps[i] = (struct json_step){.name = cast_text_of(call, &step)};
    }
    return path;
}

/* json_extract_path(value, step, ...), and value[step]... */
static void fn_extract_path(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        struct json_path path = json_path_of_arguments(call, arguments, 1, row);
        set_found(result, row, path_follow(root, &path), call->result_type.id == TYPE_TEXT);
    }
}

/* --- containment and existence, of jsonb --- */

static bool scalars_equal(const struct json_node *a, const struct json_node *b) {
    return a->kind == b->kind && json_compare(a->source, b->source) == 0;
}

static bool contains(const struct json_node *whole, const struct json_node *part, uint32_t depth);

/* Whether the array has an element that is this scalar, or holds this container. */
static bool array_has(const struct json_node *array, const struct json_node *part, uint32_t depth) {
    for (const struct json_node *at = array->first; at != NULL; at = at->next) {
        if (is_container(part) ? at->kind == part->kind && contains(at, part, depth + 1) : scalars_equal(at, part)) {
            return true;
        }
    }
    return false;
}

/* Both containers of one kind. Depth is that of the text, bounded when it was parsed. */
static bool contains(const struct json_node *whole, const struct json_node *part, uint32_t depth) {
    ASSERT(depth <= JSON_DEPTH_MAX && whole->kind == part->kind);
    for (const struct json_node *at = part->first; at != NULL; at = at->next) {
        if (part->kind == JSON_ARRAY_OPEN) {
            if (!array_has(whole, at, depth)) {
                return false;
            }
            continue;
        }
        const struct json_node *own = json_member(whole, at->key);
        bool good = own != NULL && own->kind == at->kind &&
                    (is_container(at) ? contains(own, at, depth + 1) : scalars_equal(own, at));
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool value_contains(const struct json_node *whole, const struct json_node *part) {
    if (!is_container(part)) {
        return whole->kind == JSON_ARRAY_OPEN ? array_has(whole, part, 0) : scalars_equal(whole, part);
    }
    return whole->kind == part->kind && contains(whole, part, 0);
}

static void fn_contains(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] =
            value_contains(json_argument(call, arguments, 0, row), json_argument(call, arguments, 1, row));
    }
}

static void fn_contained(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] =
            value_contains(json_argument(call, arguments, 1, row), json_argument(call, arguments, 0, row));
    }
}

/* A key of the object, a string of the array, or the string itself. */
static bool has_key(const struct json_node *root, struct slice key) {
    if (!is_container(root)) {
        return root->kind == JSON_STRING && slice_equal(root->text, key);
    }
    for (const struct json_node *at = root->first; at != NULL; at = at->next) {
        bool named = root->kind == JSON_OBJECT_OPEN;
        if ((named || at->kind == JSON_STRING) && slice_equal(named ? at->key : at->text, key)) {
            return true;
        }
    }
    return false;
}

static void fn_exists(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] = has_key(json_argument(call, arguments, 0, row), ARGUMENT_BYTES(1, row));
    }
}

static void exists_rows(SCALAR_PARAMETERS, bool all) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        struct json_path keys = json_path_read(call, arguments, 1, row);
        bool answer = all;
        for (uint32_t i = 0; i < keys.count; i++) {
            bool found = !keys.steps[i].is_null && has_key(root, keys.steps[i].name);
            answer = keys.steps[i].is_null ? answer : all ? answer && found : answer || found;
        }
        result->boolean[row] = answer;
    }
}

static void fn_exists_any(SCALAR_PARAMETERS) {
    exists_rows(call, arguments, result, selection, count, false);
}

static void fn_exists_all(SCALAR_PARAMETERS) {
    exists_rows(call, arguments, result, selection, count, true);
}

/* --- kinds --- */

static void fn_typeof(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const char *name = NULL;
        switch (json_argument(call, arguments, 0, row)->kind) {
        case JSON_OBJECT_OPEN:
            name = "object";
            break;
        case JSON_ARRAY_OPEN:
            name = "array";
            break;
        case JSON_STRING:
            name = "string";
            break;
        case JSON_NUMBER:
            name = "number";
            break;
        case JSON_NULL:
            name = "null";
            break;
        default:
            name = "boolean";
            break;
        }
        result->bytes[row] = slice_text(name);
    }
}

static void fn_array_length(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const struct json_node *root = json_argument(call, arguments, 0, row);
        if (root->kind != JSON_ARRAY_OPEN) {
            sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "cannot get array length of a %s",
                      root->kind == JSON_OBJECT_OPEN ? "non-array" : "scalar");
        }
        result->integer[row] = json_count(root);
    }
}

/* --- JSON of other values --- */

static void buffer_release(void *buffer) {
    buffer_free(buffer);
}

struct buffer *json_buffer(const struct sql_call *call) {
    struct buffer *buffer = sql_alloc_zero(call->context, 1, sizeof(*buffer));
    sql_defer(call->context, buffer_release, buffer);
    return buffer;
}

struct slice json_buffer_keep(const struct sql_call *call, struct buffer *buffer) {
    if (!buffer_ok(buffer)) {
        sql_raise(call->context, KMB_NO_MEMORY, call->position, "out of memory");
    }
    uint8_t *bytes = result_bytes(call, buffer->length);
    size_t length = buffer->length;
    if (length > 0) {
        memcpy(bytes, buffer->bytes, length);
    }
    buffer_clear(buffer);
    return slice_make(bytes, length);
}

void json_buffer_free(const struct sql_call *call, struct buffer *buffer) {
    sql_release(call->context, buffer);
}

/* Numbers and truth values as they are, JSON taken over, timestamps as ISO 8601, all else a string. */
static void append_scalar(const struct sql_call *call, const struct value *of, struct buffer *out) {
    struct value value = *of;
    if (value.is_null) {
        buffer_append_text(out, "null");
        return;
    }
    struct slice text = cast_text_iso(call, &value);
    bool letter = text.length > 0 && (text.bytes[0] == 'N' || text.bytes[0] == 'I' ||
                                      (text.length > 1 && text.bytes[0] == '-' && text.bytes[1] == 'I'));
    bool number =
        type_category_of(value.type) == TYPE_CATEGORY_NUMERIC && value.type != TYPE_OID && !type_is_object(value.type);
    bool plain = value.type == TYPE_BOOL || value.type == TYPE_JSON || value.type == TYPE_JSONB ||
                 (number && !letter); /* not NaN, not Infinity */
    if (plain) {
        buffer_append_slice(out, text);
        return;
    }
    bool stamp = value.type == TYPE_TIMESTAMP || value.type == TYPE_TIMESTAMPTZ;
    uint8_t *gap = stamp ? memchr(text.bytes, ' ', text.length) : NULL;
    if (gap != NULL) {
        uint8_t *copy = result_bytes(call, text.length + 3);
        memcpy(copy, text.bytes, text.length);
        copy[gap - text.bytes] = 'T';
        const uint8_t *sign = value.type == TYPE_TIMESTAMP ? NULL : memrchr(copy, '+', text.length);
        sign = sign == NULL && value.type == TYPE_TIMESTAMPTZ ? memrchr(copy, '-', text.length) : sign;
        bool short_zone = sign != NULL && copy + text.length - sign == 3; /* "+00" */
        if (short_zone) {
            memcpy(copy + text.length, ":00", 3);
        }
        text = slice_make(copy, text.length + (short_zone ? 3 : 0));
    }
    json_print_string(text, out);
}

/* How many dimensions of an array begin at its n-th element, or end before it. */
static uint32_t levels_at(const struct array_shape *shape, uint32_t n) {
    uint32_t levels = 0;
    uint64_t step = 1;
    for (uint32_t i = shape->dimensions; i-- > 0; levels++) {
        step *= (uint32_t)shape->lengths[i];
        if (n % step != 0) {
            break;
        }
    }
    return levels;
}

/* lines: what is of the first dimension stands on a line each. */
static void append_array(const struct sql_call *call, const struct value *value, bool lines, struct buffer *out) {
    struct array array;
    array_open(value, &array);
    buffer_append_text(out, array.count == 0 ? "[]" : "");
    uint32_t line = array.count == 0 ? 1 : array.count / (uint32_t)array.shape.lengths[0];
    for (uint32_t i = 0; i < array.count; i++) {
        buffer_append_text(out, i == 0 ? "" : lines && i % line == 0 ? ",\n " : ",");
        for (uint32_t level = levels_at(&array.shape, i); level > 0; level--) {
            buffer_append_byte(out, '[');
        }
        struct value element = array_get(&array, i);
        append_scalar(call, &element, out);
        for (uint32_t level = levels_at(&array.shape, i + 1); level > 0; level--) {
            buffer_append_byte(out, ']');
        }
    }
}

void json_append_value(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                       struct buffer *out) {
    struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
    if (!value.is_null && type_is_array(value.type)) {
        append_array(call, &value, false, out);
    } else {
        append_scalar(call, &value, out);
    }
}

struct slice json_finish_text(const struct sql_call *call, struct buffer *made) {
    struct slice text = json_buffer_keep(call, made);
    if (call->result_type.id == TYPE_JSONB) {
        check(call, json_normalize(text, call->arena, made, call->context->error));
        text = json_buffer_keep(call, made);
    }
    return text;
}

static void fn_to_json(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        json_append_value(call, arguments, 0, row, out);
        result->bytes[row] = json_finish_text(call, out);
    }
    json_buffer_free(call, out);
}

/* array_to_json(array, lines) */
static void fn_array_lines(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
        append_array(call, &value, arguments[1]->boolean[vector_row(arguments[1], row)] != 0, out);
        result->bytes[row] = json_finish_text(call, out);
    }
    json_buffer_free(call, out);
}

static void fn_build_array(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        buffer_append_byte(out, '[');
        for (uint32_t n = 0; n < call->argument_count; n++) {
            buffer_append_text(out, n == 0 ? "" : ", ");
            json_append_value(call, arguments, n, row, out);
        }
        buffer_append_byte(out, ']');
        result->bytes[row] = json_finish_text(call, out);
    }
    json_buffer_free(call, out);
}

void json_append_key(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                     struct buffer *out) {
    bool binary = call->result_type.id == TYPE_JSONB;
    if (argument_null(arguments, n, row)) {
        sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL,
                       binary ? NULL : "Object keys should be text.",
                       binary ? "argument %u: key must not be null" : "argument %u cannot be null", n + 1);
    }
    struct value value = vector_get(arguments[n], vector_row(arguments[n], row));
    if (value.type == TYPE_JSON || value.type == TYPE_JSONB || type_is_array(value.type)) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                  "key value must be scalar, not array, composite, or json");
    }
    json_print_string(cast_text_iso(call, &value), out);
}

static void fn_build_object(SCALAR_PARAMETERS) {
    bool binary = call->result_type.id == TYPE_JSONB;
    if (call->argument_count % 2 != 0) {
        sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL,
                       binary ? "The arguments of jsonb_build_object() must consist of alternating keys and values."
                              : "The arguments of json_build_object() must consist of alternating keys and values.",
                       "argument list must have even number of elements");
    }
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        buffer_append_byte(out, '{');
        for (uint32_t n = 0; n < call->argument_count; n += 2) {
            buffer_append_text(out, n == 0 ? "" : ", ");
            json_append_key(call, arguments, n, row, out);
            buffer_append_text(out, " : ");
            json_append_value(call, arguments, n + 1, row, out);
        }
        buffer_append_byte(out, '}');
        result->bytes[row] = json_finish_text(call, out);
    }
    json_buffer_free(call, out);
}

/* clang-format off */
#define LOOK(type)                                                                                                     \
    OP("->", fn_member, type, "member of an object", type, TYPE_TEXT),                                                 \
    OP("->", fn_element, type, "element of an array, from 0, a negative index from the end", type, TYPE_INT4),         \
    OP("->>", fn_member, TYPE_TEXT, "member of an object, as text", type, TYPE_TEXT),                                  \
    OP("->>", fn_element, TYPE_TEXT, "element of an array, as text", type, TYPE_INT4),                                 \
    OP("#>", fn_path, type, "what a path, '{a,0}', leads to", type, TYPE_ARRAY_TEXT),                                  \
    OP("#>>", fn_path, TYPE_TEXT, "what a path, '{a,0}', leads to, as text", type, TYPE_ARRAY_TEXT)
#define MADE(name_, scalar_, result_, summary_)                                                                        \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .result = (result_), .scalar = (scalar_), .summary = (summary_),   \
     .volatility = SQL_STABLE},                                                                                        \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .result = (result_), .scalar = (scalar_), .summary = (summary_),   \
     .argument_count = 1, .variadic = true, .volatility = SQL_STABLE, .arguments = {TYPE_ANY}}
#define OF_VALUE(name_, result_)                                                                                       \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .result = (result_), .scalar = fn_to_json, .strict = true,         \
     .summary = "value as JSON", .argument_count = 1, .volatility = SQL_STABLE, .arguments = {TYPE_ANY}}
#define EXTRACT(name_, type, result_)                                                                                  \
    {.class = SQL_FUNCTION_SCALAR, .name = (name_), .result = (result_), .scalar = fn_extract_path, .strict = true,    \
     .summary = "what the steps of a path lead to", .argument_count = 2, .variadic = true,                             \
     .arguments = {type, TYPE_TEXT}}

static const struct sql_function json_rows[] = {
    LOOK(TYPE_JSON),
    LOOK(TYPE_JSONB),
    OP("@>", fn_contains, TYPE_BOOL, "contains", TYPE_JSONB, TYPE_JSONB),
    OP("<@", fn_contained, TYPE_BOOL, "is contained in", TYPE_JSONB, TYPE_JSONB),
    OP("?", fn_exists, TYPE_BOOL, "has the key, or the string as an element", TYPE_JSONB, TYPE_TEXT),
    OP("?|", fn_exists_any, TYPE_BOOL, "has one of the keys, '{a,b}'", TYPE_JSONB, TYPE_ARRAY_TEXT),
    OP("?&", fn_exists_all, TYPE_BOOL, "has all of the keys, '{a,b}'", TYPE_JSONB, TYPE_ARRAY_TEXT),
    FN("json_typeof", fn_typeof, TYPE_TEXT, "object, array, string, number, boolean or null", TYPE_JSON),
    FN("jsonb_typeof", fn_typeof, TYPE_TEXT, "object, array, string, number, boolean or null", TYPE_JSONB),
    FN("json_array_length", fn_array_length, TYPE_INT4, "elements of an array", TYPE_JSON),
    FN("jsonb_array_length", fn_array_length, TYPE_INT4, "elements of an array", TYPE_JSONB),
    {.class = SQL_FUNCTION_SCALAR, .name = "array_to_json", .result = TYPE_JSON, .scalar = fn_to_json, .strict = true,
     .summary = "array as JSON", .argument_count = 1, .volatility = SQL_STABLE, .arguments = {TYPE_ANYARRAY}},
    {.class = SQL_FUNCTION_SCALAR, .name = "array_to_json", .result = TYPE_JSON, .scalar = fn_array_lines, .strict = true,
     .summary = "array as JSON, with lines when the second is true", .argument_count = 2, .volatility = SQL_STABLE,
     .arguments = {TYPE_ANYARRAY, TYPE_BOOL}},
    EXTRACT("json_extract_path", TYPE_JSON, TYPE_JSON),
    EXTRACT("jsonb_extract_path", TYPE_JSONB, TYPE_JSONB),
    EXTRACT("json_extract_path_text", TYPE_JSON, TYPE_TEXT),
    EXTRACT("jsonb_extract_path_text", TYPE_JSONB, TYPE_TEXT),
    OF_VALUE("to_json", TYPE_JSON),
    OF_VALUE("to_jsonb", TYPE_JSONB),
    MADE("json_build_array", fn_build_array, TYPE_JSON, "array of the arguments"),
    MADE("jsonb_build_array", fn_build_array, TYPE_JSONB, "array of the arguments"),
    MADE("json_build_object", fn_build_object, TYPE_JSON, "object of keys and values in turn"),
    MADE("jsonb_build_object", fn_build_object, TYPE_JSONB, "object of keys and values in turn"),
};
/* clang-format on */

const struct sql_function *json_subscript(void) {
    static const struct sql_function row = {.class = SQL_FUNCTION_SCALAR,
                                            .name = "[]",
                                            .variadic = true,
                                            .strict = true,
                                            .scalar = fn_extract_path,
                                            .result = TYPE_JSONB,
                                            .summary = "what the steps of a path lead to"};
    return &row;
}

struct function_rows function_rows_json(void) {
    return FUNCTION_ROWS(json_rows);
}
