/*
 * Subscripts: a[i][j], a[i:j][k] and j['key'][0], read and assigned to.
 *
 * Of an array, with one slice among them, a single subscript k is 1:k. Of jsonb they are the steps of a path. An
 * assignment to a part of a column is a value of the whole column: what it was before, with another value there.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/func/array.h"
#include "sql/func/json_path.h"

/* What is read or assigned to. */
struct container {
    const struct expr *value; /* of the whole */
    PgQuery__Node *const *indices;
    uint32_t count;
};

/* --- of an array --- */

static const struct expr *bind_bound(const struct bind_scope *scope, const PgQuery__Node *node) {
    struct bind *bind = scope->bind;
    if (node == NULL) { /* left out */
        struct expr *none = sql_alloc_zero(bind->context, 1, sizeof(*none));
        none->kind = EXPR_CONSTANT;
        none->type = type_make(TYPE_UNKNOWN);
        none->value = value_null(TYPE_UNKNOWN);
        return none;
    }
    const struct expr *bound = bind_expression(scope, node);
    const struct expr *integer = bind_coerce(bind, bound, type_make(TYPE_INT4), SQL_CAST_ASSIGNMENT, 0);
    if (integer == NULL) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, bound->position, "array subscript must have type integer");
    }
    return integer;
}

static const struct expr *one(struct bind *bind) {
    struct expr *constant = sql_alloc_zero(bind->context, 1, sizeof(*constant));
    constant->kind = EXPR_CONSTANT;
    constant->type = type_make(TYPE_INT4);
    constant->value = value_integer(TYPE_INT4, 1);
    return constant;
}

static bool any_slice(const struct container *container) {
    bool slice = false;
    for (uint32_t i = 0; i < container->count; i++) {
        slice = slice || container->indices[i]->a_indices->is_slice;
    }
    return slice;
}

/* Subscripts, or, with a slice, pairs of bounds; answers how many. */
static uint32_t array_subscripts(const struct bind_scope *scope, const struct container *container,
                                 const struct expr **out) {
    bool slice = any_slice(container);
    uint32_t given = 0;
    if (container->count > ARRAY_DIMENSIONS_MAX) {
        sql_raise(scope->bind->context, KMB_LIMIT, container->value->position,
                  "number of array dimensions (%u) exceeds the maximum allowed (%d)", container->count,
                  ARRAY_DIMENSIONS_MAX);
    }
    for (uint32_t i = 0; i < container->count; i++) {
        const PgQuery__AIndices *index = container->indices[i]->a_indices;
        if (slice) {
            out[given++] = index->is_slice ? bind_bound(scope, index->lidx) : one(scope->bind);
        }
        out[given++] = bind_bound(scope, index->uidx);
    }
    return given;
}

/* --- of jsonb --- */

static const struct expr *bind_step(const struct bind_scope *scope, const PgQuery__AIndices *index) {
    struct bind *bind = scope->bind;
    if (index->is_slice) {
        const PgQuery__Node *bound = index->uidx != NULL ? index->uidx : index->lidx;
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, bound == NULL ? 0 : bind_node_position(bound),
                  "jsonb subscript does not support slices");
    }
    const struct expr *step = bind_expression(scope, index->uidx);
    bool integer = bind_can_coerce(step->type.id, TYPE_INT4, SQL_CAST_IMPLICIT);
    bool text = bind_can_coerce(step->type.id, TYPE_TEXT, SQL_CAST_IMPLICIT);
    if (step->type.id != TYPE_UNKNOWN && integer == text) {
        sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, step->position, NULL,
                       integer ? "jsonb subscript must be coercible to only one type, integer or text."
                               : "jsonb subscript must be coercible to either integer or text.",
                       "subscript type %s is not supported", bind_type_text(bind, step->type));
    }
    return bind_coerce(bind, step, type_make(text ? TYPE_TEXT : TYPE_INT4), SQL_CAST_IMPLICIT, 0);
}

/* --- of a name --- */

/* One alone; of two dimensions a name has nothing, so there the place is NULL. */
static uint32_t name_subscripts(const struct bind_scope *scope, const struct container *container,
                                const struct expr **out) {
    struct bind *bind = scope->bind;
    if (any_slice(container)) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "slices of fixed-length arrays not implemented");
    }
    for (uint32_t i = 0; i < container->count; i++) {
        out[0] = bind_bound(scope, container->indices[i]->a_indices->uidx);
    }
    if (container->count > 1) {
        out[0] = bind_bound(scope, NULL);
    }
    return 1;
}

/* --- all of them --- */

static uint32_t subscripts(const struct bind_scope *scope, const struct container *container, const struct expr **out) {
    const struct expr *value = container->value;
    if (type_is_array(value->type.id)) {
        return array_subscripts(scope, container, out);
    }
    if (value->type.id == TYPE_NAME) {
        return name_subscripts(scope, container, out);
    }
    if (value->type.id != TYPE_JSONB) {
        sql_raise(scope->bind->context, KMB_DATATYPE_MISMATCH, value->position,
                  "cannot subscript type %s because it does not support subscripting",
                  bind_type_text(scope->bind, value->type));
    }
    for (uint32_t i = 0; i < container->count; i++) {
        out[i] = bind_step(scope, container->indices[i]->a_indices);
    }
    return container->count;
}

/* The type of what is there; of a slice, that of the whole. */
static struct type part_type(const struct container *container) {
    struct type type = container->value->type;
    if (type.id == TYPE_NAME) {
        return type_make(TYPE_CHAR);
    }
    return !type_is_array(type.id) || any_slice(container) ? type : type_of_elements(type);
}

static uint32_t indices_from(PgQuery__Node *const *list, size_t count, size_t at) {
    size_t end = at;
    while (end < count && list[end]->node_case == PG_QUERY__NODE__NODE_A_INDICES) {
        end++;
    }
    return (uint32_t)(end - at);
}

static const struct expr *read_part(const struct bind_scope *scope, const struct container *container) {
    struct bind *bind = scope->bind;
    const struct expr **arguments = sql_alloc(bind->context, (2 * (size_t)container->count + 1) * sizeof(*arguments));
    arguments[0] = container->value;
    uint32_t given = 1 + subscripts(scope, container, arguments + 1);
    enum type_id type = container->value->type.id;
    const struct sql_function *function = type == TYPE_NAME ? object_name_subscript()
                                          : !type_is_array(type)
                                              ? json_subscript()
                                              : array_operation(any_slice(container) ? ARRAY_SLICE : ARRAY_SUBSCRIPT);
    return bind_unnamed_call(bind, function, part_type(container), arguments, given, container->value->position);
}

/* Fields are of rows alone. */
static _Noreturn void refuse_selection(struct bind *bind, const PgQuery__Node *node, const struct expr *value) {
    if (node->node_case != PG_QUERY__NODE__NODE_STRING) {
        sql_raise_unsupported(bind->context, value->position, "a selection of all fields");
    }
    sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, value->position,
              "column notation .%s applied to type %s, which is not a composite type", bind_string(node),
              bind_type_text(bind, value->type));
}

const struct expr *bind_all_fields(const struct bind_scope *scope, const PgQuery__Node *node) {
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_A_INDIRECTION) {
        return NULL;
    }
    const PgQuery__AIndirection *whole = node->a_indirection;
    if (whole->indirection[whole->n_indirection - 1]->node_case != PG_QUERY__NODE__NODE_A_STAR) {
        return NULL;
    }
    PgQuery__AIndirection before = *whole;
    before.n_indirection--;
    const struct expr *row =
        before.n_indirection == 0 ? bind_expression(scope, whole->arg) : bind_indirection(scope, &before);
    if (!bind_is_record(row)) {
        sql_raise(scope->bind->context, KMB_WRONG_OBJECT_TYPE, row->position, "type %s is not composite",
                  bind_type_text(scope->bind, row->type));
    }
    return row;
}

const struct expr *bind_indirection(const struct bind_scope *scope, const PgQuery__AIndirection *node) {
    const struct expr *value = bind_expression(scope, node->arg);
    for (size_t at = 0; at < node->n_indirection;) {
        struct container container = {.value = value,
                                      .indices = node->indirection + at,
                                      .count = indices_from(node->indirection, node->n_indirection, at)};
        if (container.count == 0 && bind_is_record(value) &&
            node->indirection[at]->node_case == PG_QUERY__NODE__NODE_STRING) {
            value = bind_record_field(scope->bind, value, bind_string(node->indirection[at]));
            at++;
            continue;
        }
        if (container.count == 0) {
            refuse_selection(scope->bind, node->indirection[at], value);
        }
        value = read_part(scope, &container);
        at += container.count;
    }
    return value;
}

/* --- assignment --- */

static void refuse_fields(struct bind *bind, const PgQuery__ResTarget *target, struct type type, uint32_t position) {
    uint32_t count = indices_from(target->indirection, target->n_indirection, 0);
    if (count == target->n_indirection) {
        return;
    }
    if (target->indirection[count]->node_case != PG_QUERY__NODE__NODE_STRING) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position, "row expansion via \"*\" is not supported here");
    }
    sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position,
              "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a composite type",
              bind_string(target->indirection[count]), target->name, bind_type_text(bind, type));
}

struct type bind_part_type(struct bind *bind, const PgQuery__ResTarget *target, struct type column) {
    struct expr whole = {.kind = EXPR_CONSTANT, .type = column};
    struct container container = {.value = &whole,
                                  .indices = target->indirection,
                                  .count = indices_from(target->indirection, target->n_indirection, 0)};
    struct type type = container.count == 0 ? column : part_type(&container);
    refuse_fields(bind, target, type, bind_location(target->location));
    return type;
}

const struct expr *bind_assign_part(const struct bind_scope *scope, const PgQuery__ResTarget *target,
                                    const struct expr *whole, const struct expr *value) {
    struct bind *bind = scope->bind;
    struct container container = {
        .value = whole, .indices = target->indirection, .count = (uint32_t)target->n_indirection};
    struct type type = bind_part_type(bind, target, whole->type);
    if (whole->type.id == TYPE_NAME) {
        sql_raise_unsupported(bind->context, bind_location(target->location), "assignment to a part of a name");
    }
    const struct expr **arguments = sql_alloc(bind->context, (2 * (size_t)container.count + 2) * sizeof(*arguments));
    uint32_t position = bind_location(target->location);
    uint32_t given = 2 + subscripts(scope, &container, arguments + 2);
    arguments[0] = whole;
    arguments[1] = bind_coerce(bind, value, type, SQL_CAST_ASSIGNMENT, 0);
    if (arguments[1] == NULL) {
        sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, position, NULL,
                       "You will need to rewrite or cast the expression.",
                       "subscripted assignment to \"%s\" requires type %s but expression is of type %s", target->name,
                       bind_type_text(bind, type), bind_type_text(bind, value->type));
    }
    const struct sql_function *function = !type_is_array(whole->type.id)
                                              ? json_set_subscript()
                                              : array_operation(any_slice(&container) ? ARRAY_SET_SLICE : ARRAY_SET);
    struct type made = type_with(whole->type.id, whole->type.modifier);
    const struct expr *changed = bind_unnamed_call(bind, function, made, arguments, given, position);
    return whole->type.domain == 0 ? changed : bind_coerce(bind, changed, whole->type, SQL_CAST_ASSIGNMENT, position);
}
