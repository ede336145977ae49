/*
 * The rows' arrays differ in length, so the function is called row by row: the vectors before the array as they stand,
 * then a constant for each element.
 */
#include "sql/exec/evaluate_spread.h"

#include "base/assert.h"
#include "types/array.h"

struct evaluate_spread {
    struct sql_call call; /* its argument types and count grow with the longest array */
    sql_scalar_fn *scalar;
    struct type array_type;
    uint32_t before; /* arguments before the array */
    uint32_t room;   /* elements that there are vectors for */
    bool strict;
    bool none_for_null; /* a NULL array is taken for an empty one */
    struct type *types;
    struct vector **arguments;
};

/* Vectors for at least that many elements. */
static void grow(struct evaluate_spread *spread, uint32_t elements) {
    struct sql_context *context = spread->call.context;
    if (elements <= spread->room) {
        return;
    }
    uint32_t room = elements < 8 ? 8 : elements + elements / 2;
    size_t all = (size_t)spread->before + room;
    struct type *types = sql_alloc(context, all * sizeof(*types));
    struct vector **arguments = sql_alloc(context, all * sizeof(*arguments));
    struct vector *added = sql_alloc(context, (size_t)(room - spread->room) * sizeof(*added));
    size_t had = (size_t)spread->before + spread->room;
    memcpy(types, spread->types, had * sizeof(*types));
    memcpy(arguments, spread->arguments, had * sizeof(*arguments));
    for (size_t i = had; i < all; i++) {
        types[i] = type_of_elements(spread->array_type);
        arguments[i] = &added[i - had];
        vector_init_rows(context, arguments[i], types[i], 1);
        arguments[i]->constant = true;
    }
    spread->types = types;
    spread->arguments = arguments;
    spread->call.argument_types = types;
    spread->room = room;
}

struct evaluate_spread *evaluate_spread_make(const struct sql_call *call, const struct sql_function *function) {
    struct sql_context *context = call->context;
    ASSERT(call->argument_count > 0 && type_is_array(call->argument_types[call->argument_count - 1].id));
    struct evaluate_spread *spread = sql_alloc_zero(context, 1, sizeof(*spread));
    spread->call = *call;
    spread->scalar = function->scalar;
    spread->before = call->argument_count - 1;
    spread->array_type = call->argument_types[spread->before];
    spread->strict = function->strict;
    spread->none_for_null = strcmp(function->name, "format") == 0;
    spread->types = sql_alloc(context, (spread->before + 1) * sizeof(*spread->types));
    memcpy(spread->types, call->argument_types, spread->before * sizeof(*spread->types));
    spread->arguments = sql_alloc_zero(context, spread->before + 1, sizeof(struct vector *));
    grow(spread, 1);
    return spread;
}

/* The elements as constants; false: one is NULL, and the function has no answer for it. */
static bool place_elements(struct evaluate_spread *spread, const struct array *array) {
    grow(spread, array->count);
    for (uint32_t i = 0; i < array->count; i++) {
        struct vector *place = spread->arguments[spread->before + i];
        struct value element = array_get(array, i);
        place->may_have_null = false;
        vector_set(place, 0, &element);
        if (element.is_null && spread->strict) {
            return false;
        }
    }
    return true;
}

void evaluate_spread_run(struct evaluate_spread *spread, struct vector *const *vectors, struct vector *result,
                         const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < spread->before; i++) {
        spread->arguments[i] = vectors[i];
    }
    const struct vector *arrays = vectors[spread->before];
    for (uint32_t i = 0; i < count; i++) {
        uint16_t row = selection == NULL ? (uint16_t)i : selection[i];
        struct value value = vector_get(arrays, vector_row(arrays, row));
        struct array array = {0};
        if (!value.is_null) {
            array_open(&value, &array);
        }
        if ((value.is_null && !spread->none_for_null) || !place_elements(spread, &array)) {
            result->null[row] = 1;
            result->may_have_null = true;
            continue;
        }
        spread->call.argument_count = spread->before + array.count;
        spread->scalar(&spread->call, spread->arguments, result, &row, 1);
    }
}
