/*
 * JSONB changed: joined, parts taken away, set and inserted, and printed for the eye.
 *
 * A change parses the value into a tree, relinks nodes, and prints the tree anew. The nodes of a second value are moved
 * into the first one's tree; both are the call's own.
 */
#include "base/assert.h"
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

static struct slice printed(const struct sql_call *call, const struct json_node *root, struct buffer *out) {
    check(call, json_tree_print(root, out, call->context->error));
    return json_buffer_keep(call, out);
}

/* The link to the child at a place, or to the end. */
static struct json_node **link_at(struct json_node *node, int64_t index) {
    struct json_node **link = &node->first;
    for (; *link != NULL && index > 0; index--) {
        link = &(*link)->next;
    }
    return link;
}

static void insert_at(struct json_node *parent, struct json_node **link, struct json_node *node) {
    node->parent = parent;
    node->next = *link;
    *link = node;
}

/* A member in its place among the sorted ones, the old one of that key replaced. */
static void put_member(struct json_node *object, struct json_node *node) {
    struct json_node **link = &object->first;
    while (*link != NULL && json_key_compare((*link)->key, node->key) < 0) {
        link = &(*link)->next;
    }
    if (*link != NULL && slice_equal((*link)->key, node->key)) {
        *link = (*link)->next;
    }
    insert_at(object, link, node);
}

/* --- || --- */

static struct json_node *array_of(const struct sql_call *call, struct json_node *node) {
    if (node->kind == JSON_ARRAY_OPEN) {
        return node;
    }
    struct json_node *array = (struct json_node *)(void *)result_bytes(call, sizeof(*array));
    *array = (struct json_node){.kind = JSON_ARRAY_OPEN};
    insert_at(array, &array->first, node);
    return array;
}

static struct json_node *joined(const struct sql_call *call, struct json_node *a, struct json_node *b) {
    if (a->kind == JSON_OBJECT_OPEN && b->kind == JSON_OBJECT_OPEN) {
        for (struct json_node *at = b->first, *next; at != NULL; at = next) {
            next = at->next;
            put_member(a, at);
        }
        return a;
    }
    a = array_of(call, a);
    b = array_of(call, b);
    struct json_node **end = link_at(a, INT64_MAX);
    *end = b->first;
    for (struct json_node *at = b->first; at != NULL; at = at->next) {
        at->parent = a;
    }
    return a;
}

static void fn_join(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        result->bytes[row] = printed(
            call, joined(call, json_argument(call, arguments, 0, row), json_argument(call, arguments, 1, row)), out);
    }
    json_buffer_free(call, out);
}

/* --- taking away --- */

static _Noreturn void raise_change(const struct sql_call *call, const char *message) {
    sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "%s", message);
}

/* A member by its key, all strings of an array that are equal to it. */
static void delete_key(struct json_node *root, struct slice key) {
    bool object = root->kind == JSON_OBJECT_OPEN;
    struct json_node **link = &root->first;
    while (*link != NULL) {
        struct json_node *at = *link;
        if ((object || at->kind == JSON_STRING) && slice_equal(object ? at->key : at->text, key)) {
            *link = at->next;
        } else {
            link = &at->next;
        }
    }
}

static void fn_delete_key(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_node *root = json_argument(call, arguments, 0, row);
        if (!is_container(root)) {
            raise_change(call, "cannot delete from scalar");
        }
        delete_key(root, ARGUMENT_BYTES(1, row));
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

static void check_path(const struct sql_call *call, const struct json_path *path) {
    if (path->dimensions > 1) {
        sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "wrong number of array subscripts");
    }
}

static void fn_delete_keys(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_node *root = json_argument(call, arguments, 0, row);
        struct json_path keys = json_path_read(call, arguments, 1, row);
        check_path(call, &keys);
        if (!is_container(root)) {
            raise_change(call, "cannot delete from scalar");
        }
        for (uint32_t i = 0; i < keys.count; i++) {
            if (!keys.steps[i].is_null) {
                delete_key(root, keys.steps[i].name);
            }
        }
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

/* A place counted from the end made one from the start; -1 before the first. */
static int64_t place_of(const struct json_node *array, int64_t index) {
    index = index < 0 ? json_count(array) + index : index;
    return index < 0 ? -1 : index;
}

static void fn_delete_index(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_node *root = json_argument(call, arguments, 0, row);
        if (!is_container(root)) {
            raise_change(call, "cannot delete from scalar");
        }
        if (root->kind == JSON_OBJECT_OPEN) {
            raise_change(call, "cannot delete from object using integer index");
        }
        int64_t place = place_of(root, ARGUMENT_INT(1, row));
        struct json_node **link = link_at(root, place);
        if (place >= 0 && *link != NULL) {
            *link = (*link)->next;
        }
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

/* --- paths --- */

enum change { CHANGE_DELETE, CHANGE_SET, CHANGE_CREATE, CHANGE_BEFORE, CHANGE_AFTER };

/* The index of an array that a step means. */
static int64_t step_place(const struct sql_call *call, const struct json_path *path, uint32_t level, bool *number) {
    int64_t index = 0;
    *number = json_step_index(&path->steps[level], &index);
    if (!*number) {
        struct slice name = path->steps[level].name;
        sql_raise(call->context, KMB_INVALID_TEXT, call->position,
                  "path element at position %u is not an integer: \"%.*s\"", level + 1,
                  (int)(name.length > 200 ? 200 : name.length), (const char *)name.bytes);
    }
    return index;
}

/* The last step, in an object. */
static void change_member(const struct sql_call *call, struct json_node *object, struct slice key, enum change change,
                          struct json_node *value) {
    struct json_node **link = &object->first;
    while (*link != NULL && !slice_equal((*link)->key, key)) {
        link = &(*link)->next;
    }
    if (*link != NULL && (change == CHANGE_BEFORE || change == CHANGE_AFTER)) {
        sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position, NULL,
                       "Try using the function jsonb_set to replace key value.", "cannot replace existing key");
    }
    if (*link != NULL && change == CHANGE_DELETE) {
        *link = (*link)->next;
    } else if (change != CHANGE_DELETE && (*link != NULL || change != CHANGE_SET)) {
        value->key = key;
        put_member(object, value);
    }
}

/* The last step, in an array. */
static void change_element(struct json_node *array, int64_t index, enum change change, struct json_node *value) {
    int64_t place = place_of(array, index);
    struct json_node **link = link_at(array, place);
    bool there = place >= 0 && *link != NULL;
    if (there && (change == CHANGE_DELETE || change == CHANGE_SET || change == CHANGE_CREATE)) {
        *link = (*link)->next;
    }
    if (change == CHANGE_DELETE || (change == CHANGE_SET && !there)) {
        return;
    }
    if (there && change == CHANGE_AFTER) {
        link = &(*link)->next;
    }
    insert_at(array, place < 0 ? &array->first : link, value);
}

/* Walks to the last step's container; a step that leads nowhere changes nothing. */
static void change_path(const struct sql_call *call, struct json_node *root, const struct json_path *path,
                        enum change change, struct json_node *value) {
    struct json_node *node = root;
    for (uint32_t level = 0; level < path->count && node != NULL && is_container(node); level++) {
        const struct json_step *step = &path->steps[level];
        bool last = level + 1 == path->count;
        if (step->is_null) {
            sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "path element at position %u is null",
                      level + 1);
        }
        if (node->kind == JSON_OBJECT_OPEN && last) {
            change_member(call, node, step->name, change, value);
        } else if (node->kind == JSON_OBJECT_OPEN) {
            node = (struct json_node *)(uintptr_t)json_member(node, step->name);
        } else {
            bool number = false;
            int64_t index = step_place(call, path, level, &number);
            if (last) {
                change_element(node, index, change, value);
            } else {
                int64_t place = place_of(node, index);
                node = place < 0 ? NULL : *link_at(node, place);
            }
        }
        if (last) {
            return;
        }
    }
}

static void path_rows(SCALAR_PARAMETERS, const char *refusal, enum change off, enum change on) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_node *root = json_argument(call, arguments, 0, row);
        struct json_path path = json_path_read(call, arguments, 1, row);
        check_path(call, &path);
        bool flag =
            call->argument_count == 4 ? arguments[3]->boolean[vector_row(arguments[3], row)] != 0 : on == CHANGE_CREATE;
        enum change change = flag ? on : off;
        if (!is_container(root)) {
            raise_change(call, refusal);
        }
        struct json_node *value = change == CHANGE_DELETE ? NULL : json_argument(call, arguments, 2, row);
        bool nothing = root->first == NULL && (change == CHANGE_DELETE || change == CHANGE_SET);
        if (!nothing) {
            change_path(call, root, &path, change, value);
        }
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

static void fn_delete_path(SCALAR_PARAMETERS) {
    path_rows(call, arguments, result, selection, count, "cannot delete path in scalar", CHANGE_DELETE, CHANGE_DELETE);
}

static void fn_set(SCALAR_PARAMETERS) {
    path_rows(call, arguments, result, selection, count, "cannot set path in scalar", CHANGE_SET, CHANGE_CREATE);
}

static void fn_insert(SCALAR_PARAMETERS) {
    path_rows(call, arguments, result, selection, count, "cannot set path in scalar", CHANGE_BEFORE, CHANGE_AFTER);
}

/* --- assignment to a subscript --- */

#define ELEMENTS_MAX 33554431 /* of an array with gaps filled; PostgreSQL's bound of any */

static struct json_node *made(const struct sql_call *call, enum json_token kind) {
    struct json_node *node = (struct json_node *)(void *)result_bytes(call, sizeof(*node));
    *node = (struct json_node){.kind = kind, .text = slice_text(kind == JSON_NULL ? "null" : "")};
    return node;
}

/* A value behind the array's end, with nulls between. */
static void put_beyond(const struct sql_call *call, struct json_node *array, int64_t place, struct json_node *value) {
    if (place >= ELEMENTS_MAX) {
        sql_raise(call->context, KMB_LIMIT, call->position,
                  "number of jsonb array elements exceeds the maximum allowed (%d)", ELEMENTS_MAX);
    }
    int64_t count = json_count(array);
    struct json_node **end = link_at(array, count);
    for (; count < place; count++) {
        insert_at(array, end, made(call, JSON_NULL));
        end = &(*end)->next;
    }
    insert_at(array, end, value);
}

/* What the steps behind a level lead through where nothing is there yet, with the value at its end. */
static struct json_node *chain(const struct sql_call *call, const struct json_path *path, uint32_t level,
                               struct json_node *value) {
    struct json_node *node = value;
    for (uint32_t i = path->count - 1; i > level; i--) {
        int64_t index = 0;
        bool number = json_step_index(&path->steps[i], &index);
        struct json_node *parent = made(call, number ? JSON_ARRAY_OPEN : JSON_OBJECT_OPEN);
        if (number) {
            put_beyond(call, parent, index < 0 ? 0 : index, node);
        } else {
            node->key = path->steps[i].name;
            put_member(parent, node);
        }
        node = parent;
    }
    return node;
}

/* The step's place in the array, which may be behind its end. */
static int64_t place_for(const struct sql_call *call, const struct json_node *array, const struct json_path *path,
                         uint32_t level) {
    bool number = false;
    int64_t index = step_place(call, path, level, &number);
    int64_t count = json_count(array);
    if (index < -count) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position,
                  "path element at position %u is out of range: %d", level + 1, (int)index);
    }
    return index < 0 ? count + index : index;
}

static void put_at(const struct sql_call *call, struct json_node *root, const struct json_path *path,
                   struct json_node *value) {
    struct json_node *node = root;
    for (uint32_t level = 0; level < path->count; level++) {
        if (!is_container(node)) {
            sql_raise_with(call->context, KMB_INVALID_PARAMETER, call->position,
                           "The path assumes key is a composite object, but it is a scalar value.", NULL,
                           "cannot replace existing key");
        }
        bool last = level + 1 == path->count;
        bool object = node->kind == JSON_OBJECT_OPEN;
        int64_t place = object ? 0 : place_for(call, node, path, level);
        struct json_node *found =
            object ? (struct json_node *)(uintptr_t)json_member(node, path->steps[level].name) : *link_at(node, place);
        if (found != NULL && !last) {
            node = found;
            continue;
        }
        struct json_node *put = chain(call, path, level, value);
        if (object) {
            put->key = path->steps[level].name;
            put_member(node, put);
        } else if (found != NULL) {
            struct json_node **link = link_at(node, place);
            *link = found->next;
            insert_at(node, link, put);
        } else {
            put_beyond(call, node, place, put);
        }
        return;
    }
}

/* A NULL is taken for an empty array or object, as the first step needs it, and a NULL value for null. */
static void fn_set_subscript(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        for (uint32_t i = 2; i < call->argument_count; i++) {
            if (argument_null(arguments, i, row)) {
                sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position,
                          "jsonb subscript in assignment must not be null");
            }
        }
        struct json_path path = json_path_of_arguments(call, arguments, 2, row);
        enum json_token empty = call->argument_types[2].id == TYPE_INT4 ? JSON_ARRAY_OPEN : JSON_OBJECT_OPEN;
        struct json_node *root =
            argument_null(arguments, 0, row) ? made(call, empty) : json_argument(call, arguments, 0, row);
        put_at(call, root, &path,
               argument_null(arguments, 1, row) ? made(call, JSON_NULL) : json_argument(call, arguments, 1, row));
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

const struct sql_function *json_set_subscript(void) {
    static const struct sql_function row = {.class = SQL_FUNCTION_SCALAR,
                                            .name = "[]=",
                                            .variadic = true,
                                            .scalar = fn_set_subscript,
                                            .result = TYPE_JSONB,
                                            .summary = "with another value where the steps of a path lead"};
    return &row;
}

/* --- the whole tree --- */

/* The node that comes after this one and all within it, depth first; NULL behind the root. */
static struct json_node *node_after(const struct json_node *root, struct json_node *node) {
    while (node != root && node->next == NULL) {
        node = node->parent;
    }
    return node == root ? NULL : node->next;
}

/* Without the members that are null, at every depth; elements stay. */
static void fn_strip_nulls(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct json_node *root = json_argument(call, arguments, 0, row);
        for (struct json_node *at = root; at != NULL;) {
            struct json_node **link = at->kind == JSON_OBJECT_OPEN ? &at->first : NULL;
            while (link != NULL && *link != NULL) {
                if ((*link)->kind == JSON_NULL) {
                    *link = (*link)->next;
                } else {
                    link = &(*link)->next;
                }
            }
            at = is_container(at) && at->first != NULL ? at->first : node_after(root, at);
        }
        result->bytes[row] = printed(call, root, out);
    }
    json_buffer_free(call, out);
}

static void new_line(struct buffer *out, uint32_t depth) {
    buffer_append_byte(out, '\n');
    for (uint32_t i = 0; i < depth; i++) {
        buffer_append_text(out, "    ");
    }
}

static void print_pretty(const struct json_node *root, struct buffer *out) {
    uint32_t depth = 0;
    for (const struct json_node *at = root; at != NULL;) {
        if (at->parent != NULL) {
            new_line(out, depth);
        }
        if (at->parent != NULL && at->parent->kind == JSON_OBJECT_OPEN) {
            json_print_string(at->key, out);
            buffer_append_text(out, ": ");
        }
        if (is_container(at)) {
            buffer_append_byte(out, at->kind == JSON_OBJECT_OPEN ? '{' : '[');
            if (at->first != NULL) {
                depth++;
                at = at->first;
                continue;
            }
            new_line(out, depth);
            buffer_append_byte(out, at->kind == JSON_OBJECT_OPEN ? '}' : ']');
        } else {
            buffer_append_slice(out, at->source);
        }
        while (at != root && at->next == NULL) {
            at = at->parent;
            ASSERT(depth > 0);
            new_line(out, --depth);
            buffer_append_byte(out, at->kind == JSON_OBJECT_OPEN ? '}' : ']');
        }
        if (at == root) {
            return;
        }
        buffer_append_byte(out, ',');
        at = at->next;
    }
}

static void fn_pretty(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        print_pretty(json_argument(call, arguments, 0, row), out);
        result->bytes[row] = json_buffer_keep(call, out);
    }
    json_buffer_free(call, out);
}

/* clang-format off */
static const struct sql_function json_change_rows[] = {
    OP("||", fn_join, TYPE_JSONB, "objects merged, the right one's members winning; else arrays joined",
       TYPE_JSONB, TYPE_JSONB),
    OP("-", fn_delete_key, TYPE_JSONB, "without a key, or without the elements that are that string",
       TYPE_JSONB, TYPE_TEXT),
    OP("-", fn_delete_keys, TYPE_JSONB, "without these keys", TYPE_JSONB, TYPE_ARRAY_TEXT),
    OP("-", fn_delete_index, TYPE_JSONB, "without an element, a negative index from the end", TYPE_JSONB, TYPE_INT4),
    OP("#-", fn_delete_path, TYPE_JSONB, "without what a path, '{a,0}', leads to", TYPE_JSONB, TYPE_ARRAY_TEXT),
    FN("jsonb_set", fn_set, TYPE_JSONB, "with a new value where a path leads to, created where it is missing",
       TYPE_JSONB, TYPE_ARRAY_TEXT, TYPE_JSONB),
    FN("jsonb_set", fn_set, TYPE_JSONB, "with a new value where a path leads to; the last says whether to create",
       TYPE_JSONB, TYPE_ARRAY_TEXT, TYPE_JSONB, TYPE_BOOL),
    FN("jsonb_insert", fn_insert, TYPE_JSONB, "with a value put in before the place of a path",
       TYPE_JSONB, TYPE_ARRAY_TEXT, TYPE_JSONB),
    FN("jsonb_insert", fn_insert, TYPE_JSONB, "with a value put in before, or, when the last is true, after",
       TYPE_JSONB, TYPE_ARRAY_TEXT, TYPE_JSONB, TYPE_BOOL),
    FN("jsonb_strip_nulls", fn_strip_nulls, TYPE_JSONB, "without members that are null", TYPE_JSONB),
    FN("jsonb_pretty", fn_pretty, TYPE_TEXT, "text with lines and indents", TYPE_JSONB),
};
/* clang-format on */

struct function_rows function_rows_json_change(void) {
    return FUNCTION_ROWS(json_change_rows);
}
