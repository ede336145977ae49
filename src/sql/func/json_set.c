/*
 * Set-returning functions of JSON: the elements of an array, the keys or the members of an object.
 *
 * The value is parsed once, when the call is opened, into a tree that lives as long as the state; a row is one step
 * along its first level.
 */
#include "base/assert.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"

struct children {
    const struct json_node *at;
};

/* What a value of another kind is answered. */
struct child_messages {
    enum json_token kind;
    const char *of_scalar;
    const char *of_other; /* of the other container */
};

static void children_open(const struct sql_call *call, struct children *children, const struct value *arguments,
                          const struct child_messages *messages) {
    struct json_node *root = NULL;
    bool sorted = call->argument_types[0].id == TYPE_JSONB;
    enum kmb_status status = json_tree_parse(arguments[0].as.bytes, sorted, call->arena, &root, call->context->error);
    if (status != KMB_OK) {
        sql_raise_status(call->context, status, call->position);
    }
    if (root->kind != messages->kind) {
        bool container = root->kind == JSON_OBJECT_OPEN || root->kind == JSON_ARRAY_OPEN;
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "%s",
                  container ? messages->of_other : messages->of_scalar);
    }
    children->at = root->first;
}

#define CHILDREN_OPEN(name, kind, of_scalar, of_other)                                                                 \
    static void name##_open(const struct sql_call *call, void *state, const struct value *arguments) {                 \
        static const struct child_messages messages = {kind, of_scalar, of_other};                                     \
        children_open(call, state, arguments, &messages);                                                              \
    }
CHILDREN_OPEN(json_array_elements, JSON_ARRAY_OPEN, "cannot call json_array_elements on a scalar",
              "cannot call json_array_elements on a non-array")
CHILDREN_OPEN(json_array_elements_text, JSON_ARRAY_OPEN, "cannot call json_array_elements_text on a scalar",
              "cannot call json_array_elements_text on a non-array")
CHILDREN_OPEN(jsonb_array_elements, JSON_ARRAY_OPEN, "cannot extract elements from a scalar",
              "cannot extract elements from an object")
CHILDREN_OPEN(json_object_keys, JSON_OBJECT_OPEN, "cannot call json_object_keys on a scalar",
              "cannot call json_object_keys on an array")
CHILDREN_OPEN(jsonb_object_keys, JSON_OBJECT_OPEN, "cannot call jsonb_object_keys on a scalar",
              "cannot call jsonb_object_keys on an array")
CHILDREN_OPEN(json_each, JSON_OBJECT_OPEN, "cannot deconstruct a scalar", "cannot deconstruct an array as an object")
CHILDREN_OPEN(jsonb_each, JSON_OBJECT_OPEN, "cannot call jsonb_each on a non-object",
              "cannot call jsonb_each on a non-object")
CHILDREN_OPEN(jsonb_each_text, JSON_OBJECT_OPEN, "cannot call jsonb_each_text on a non-object",
              "cannot call jsonb_each_text on a non-object")

static struct value child_value(const struct json_node *node, enum type_id type) {
    if (type != TYPE_TEXT) {
        return value_bytes(type, node->source);
    }
    return node->kind == JSON_NULL ? value_null(TYPE_TEXT)
                                   : value_text(node->kind == JSON_STRING ? node->text : node->source);
}

static bool element_next(const struct sql_call *call, void *state, struct value *row) {
    struct children *children = state;
    if (children->at == NULL) {
        return false;
    }
    *row = child_value(children->at, call->result_type.id);
    children->at = children->at->next;
    return true;
}

static bool key_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    struct children *children = state;
    if (children->at == NULL) {
        return false;
    }
    *row = value_text(children->at->key);
    children->at = children->at->next;
    return true;
}

static bool member_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    struct children *children = state;
    if (children->at == NULL) {
        return false;
    }
    row[0] = value_text(children->at->key);
    row[1] = child_value(children->at, row[1].type);
    children->at = children->at->next;
    return true;
}

static const struct sql_set_column value_json[] = {{"value", TYPE_JSON}};
static const struct sql_set_column value_jsonb[] = {{"value", TYPE_JSONB}};
static const struct sql_set_column value_text_only[] = {{"value", TYPE_TEXT}};
static const struct sql_set_column each_json[] = {{"key", TYPE_TEXT}, {"value", TYPE_JSON}};
static const struct sql_set_column each_jsonb[] = {{"key", TYPE_TEXT}, {"value", TYPE_JSONB}};
static const struct sql_set_column each_text[] = {{"key", TYPE_TEXT}, {"value", TYPE_TEXT}};

#define CHILDREN(name_, open_, next_, columns_, count_)                                                                \
    static const struct sql_set name_ = {sizeof(struct children), open_, next_, columns_, count_};
CHILDREN(json_elements, json_array_elements_open, element_next, value_json, 1)
CHILDREN(json_elements_text, json_array_elements_text_open, element_next, value_text_only, 1)
CHILDREN(jsonb_elements, jsonb_array_elements_open, element_next, value_jsonb, 1)
CHILDREN(jsonb_elements_text, jsonb_array_elements_open, element_next, value_text_only, 1)
CHILDREN(json_keys, json_object_keys_open, key_next, NULL, 0)
CHILDREN(jsonb_keys, jsonb_object_keys_open, key_next, NULL, 0)
CHILDREN(json_members, json_each_open, member_next, each_json, 2)
CHILDREN(json_members_text, json_each_open, member_next, each_text, 2)
CHILDREN(jsonb_members, jsonb_each_open, member_next, each_jsonb, 2)
CHILDREN(jsonb_members_text, jsonb_each_text_open, member_next, each_text, 2)

/* clang-format off */
#define JSON_SET(name_, set_, argument_, result_, summary_)                                                            \
    {.class = SQL_FUNCTION_SET, .name = (name_), .set = &(set_), .strict = true, .volatility = SQL_IMMUTABLE,          \
     .result = (result_), .summary = (summary_), .argument_count = 1, .arguments = {argument_}}

static const struct sql_function json_set_rows[] = {
    JSON_SET("json_array_elements", json_elements, TYPE_JSON, TYPE_JSON, "the elements of an array"),
    JSON_SET("json_array_elements_text", json_elements_text, TYPE_JSON, TYPE_TEXT, "the elements of an array, as text"),
    JSON_SET("jsonb_array_elements", jsonb_elements, TYPE_JSONB, TYPE_JSONB, "the elements of an array"),
    JSON_SET("jsonb_array_elements_text", jsonb_elements_text, TYPE_JSONB, TYPE_TEXT,
             "the elements of an array, as text"),
    JSON_SET("json_object_keys", json_keys, TYPE_JSON, TYPE_TEXT, "the keys of an object"),
    JSON_SET("jsonb_object_keys", jsonb_keys, TYPE_JSONB, TYPE_TEXT, "the keys of an object"),
    JSON_SET("json_each", json_members, TYPE_JSON, TYPE_TEXT, "the members of an object: key, value"),
    JSON_SET("json_each_text", json_members_text, TYPE_JSON, TYPE_TEXT, "the members of an object: key, value as text"),
    JSON_SET("jsonb_each", jsonb_members, TYPE_JSONB, TYPE_TEXT, "the members of an object: key, value"),
    JSON_SET("jsonb_each_text", jsonb_members_text, TYPE_JSONB, TYPE_TEXT,
             "the members of an object: key, value as text"),
};
/* clang-format on */

struct function_rows function_rows_json_set(void) {
    return FUNCTION_ROWS(json_set_rows);
}
