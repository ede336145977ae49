/*
 * Arrays in expressions: ARRAY[...], and operators over all elements (= ANY). Subscripts: subscript.c.
 *
 * A constructor in brackets within another is a dimension more of it. Its type is written behind it (ARRAY[]::int[]) or
 * is the common type of what stands in it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/func/array.h"

struct expr *bind_unnamed_call(struct bind *bind, const struct sql_function *function, struct type type,
                               const struct expr **arguments, uint32_t count, uint32_t position) {
    struct expr *call = sql_alloc_zero(bind->context, 1, sizeof(*call));
    call->kind = EXPR_CALL;
    call->function = function;
    call->type = type;
    call->position = position;
    call->arguments = arguments;
    call->argument_count = count;
    return call;
}

/* --- ARRAY[...] --- */

/* The type of an array of these: of arrays, that of each. */
static struct type array_common(struct bind *bind, const struct expr *const *list, uint32_t count, uint32_t position) {
    if (count == 0) {
        sql_raise_with(bind->context, KMB_INDETERMINATE_TYPE, position, NULL,
                       "Explicitly cast to the desired type, for example ARRAY[]::integer[].",
                       "cannot determine type of empty array");
    }
    struct type common = bind_common_type(bind, list, count, "ARRAY");
    return type_is_array(common.id) ? common : type_with(type_array_of(common.id), common.modifier);
}

const struct expr *bind_array(const struct bind_scope *scope, const PgQuery__AArrayExpr *node,
                              const struct type *written) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    uint32_t count = (uint32_t)node->n_elements;
    const struct expr **elements = sql_alloc(bind->context, (count + 1) * sizeof(*elements));
    bool nested = false;
    enum bind_rows rows = bind->rows;
    for (uint32_t i = 0; i < count; i++) {
        const PgQuery__Node *element = node->elements[i];
        bool inner = element->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR;
        bind->rows = inner ? rows : BIND_ROWS_TEXT;
        elements[i] = inner ? bind_array(scope, element->a_array_expr, written) : bind_expression(scope, element);
        bind->rows = rows;
        elements[i] = bind_row_element(bind, elements[i], rows);
        nested = nested || type_is_array(elements[i]->type.id);
    }
    struct type type = written != NULL ? *written : array_common(bind, elements, count, position);
    struct type wanted = nested ? type : type_of_elements(type);
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = written != NULL ? bind_cast(bind, elements[i], wanted, elements[i]->position)
                                      : bind_to_common(bind, elements[i], wanted, "ARRAY");
    }
    return bind_unnamed_call(bind, array_operation(ARRAY_MAKE), type, elements, count, position);
}

/* --- x = ANY (array), x <> ALL (array) --- */

const struct expr *bind_any_array(const struct bind_scope *scope, const PgQuery__AExpr *node, bool all) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(node->location);
    const struct expr *left = bind_expression(scope, node->lexpr);
    const struct expr *array = bind_expression(scope, node->rexpr);
    bool untyped = array->type.id == TYPE_UNKNOWN;
    if (!untyped && !type_is_array(array->type.id)) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "op ANY/ALL (array) requires array on right side");
    }
    /* the operator is that of the value and an element, which a column stands for */
    struct expr *element = sql_alloc_zero(context, 1, sizeof(*element));
    element->kind = untyped ? EXPR_CONSTANT : EXPR_COLUMN;
    element->type = untyped ? type_make(TYPE_UNKNOWN) : type_make(type_element(array->type.id));
    element->value = value_null(TYPE_UNKNOWN);
    const struct expr *call = bind_operator(bind, bind_string(node->name[node->n_name - 1]), left, element, position);
    if (call->type.id != TYPE_BOOL) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "op ANY/ALL (array) requires operator to yield boolean");
    }
    ASSERT(call->kind == EXPR_CALL && call->argument_count == 2 && call->function->strict);
    enum type_id wanted = call->arguments[1]->type.id;
    if (type_is_array(wanted)) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, position, "could not find array type for data type %s",
                  bind_type_text(bind, type_make(wanted)));
    }
    struct expr *expr = sql_alloc_zero(context, 1, sizeof(*expr));
    expr->kind = EXPR_ANY_ARRAY;
    expr->type = type_make(TYPE_BOOL);
    expr->position = position;
    expr->negated = all;
    expr->function = call->function;
    expr->argument_count = 2;
    expr->arguments = sql_alloc(context, 2 * sizeof(*expr->arguments));
    expr->arguments[0] = call->arguments[0];
    expr->arguments[1] = bind_coerce(bind, array, type_make(type_array_of(wanted)), SQL_CAST_IMPLICIT, 0);
    ASSERT(expr->arguments[1] != NULL);
    return expr;
}
