/*
 * Assignment to an element or a slice: what the array is then.
 *
 * An array of one dimension grows to hold a place outside of it, with NULLs between; one of more has its bounds. A NULL
 * or empty array gets its shape from the subscripts.
 */
#include "sql/func/array.h"
#include "sql/func/loops.h"

static _Noreturn void raise_subscript(const struct sql_call *call, const char *message) {
    sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "%s", message);
}

static _Noreturn void raise_size(const struct sql_call *call) {
    sql_raise(call->context, KMB_LIMIT, call->position, "array size exceeds the maximum allowed (%d)",
              ARRAY_ELEMENTS_MAX);
}

/* Subscript n of a row, from 0. */
static int64_t subscript(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row) {
    if (argument_null(arguments, n + 2, row)) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position,
                  "array subscript in assignment must not be null");
    }
    return ARGUMENT_INT(n + 2, row);
}

static struct array target(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    struct array none = {.element = type_element(call->argument_types[0].id)};
    return argument_null(arguments, 0, row) ? none : array_argument(call, arguments, 0, row);
}

/* The shape with bounds for [from, to] in its only dimension. */
static void stretch(const struct sql_call *call, struct array_shape *shape, int64_t from, int64_t to) {
    int64_t lower = shape->lowers[0];
    int64_t upper = lower + shape->lengths[0] - 1;
    lower = from < lower ? from : lower;
    upper = to > upper ? to : upper;
    if (upper - lower + 1 > ARRAY_ELEMENTS_MAX) {
        raise_size(call);
    }
    shape->lowers[0] = (int32_t)lower;
    shape->lengths[0] = (int32_t)(upper - lower + 1);
}

/* The array's elements in a shape that has room for them, NULL where it has none. */
static struct value *elements_in(const struct sql_call *call, const struct array *array,
                                 const struct array_shape *shape) {
    uint32_t count = 0;
    if (array_shape_count(shape, &count, call->context->error) != KMB_OK) {
        sql_raise_status(call->context, KMB_LIMIT, call->position);
    }
    struct value *elements = (struct value *)(void *)result_bytes(call, sizeof(*elements) * ((size_t)count + 1));
    uint32_t before = array->count == 0 ? 0 : (uint32_t)(array->shape.lowers[0] - shape->lowers[0]);
    for (uint32_t i = 0; i < count; i++) {
        bool own = i >= before && i - before < array->count;
        elements[i] = own ? array_get(array, i - before) : value_null(array->element);
    }
    return elements;
}

/* --- an element --- */

static void set_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result, uint32_t row) {
    uint32_t given = call->argument_count - 2;
    int64_t at[ARRAY_DIMENSIONS_MAX];
    for (uint32_t i = 0; i < given; i++) {
        at[i] = subscript(call, arguments, i, row);
    }
    struct array array = target(call, arguments, row);
    struct array_shape shape = array.shape;
    if (shape.dimensions == 0) {
        shape.dimensions = given;
        for (uint32_t i = 0; i < given; i++) {
            shape.lengths[i] = 1;
            shape.lowers[i] = (int32_t)at[i];
        }
    } else if (shape.dimensions != given) {
        raise_subscript(call, "wrong number of array subscripts");
    } else if (given == 1) {
        stretch(call, &shape, at[0], at[0]);
    }
    uint64_t index = 0;
    for (uint32_t i = 0; i < given; i++) {
        int64_t place = at[i] - shape.lowers[i];
        if (place < 0 || place >= shape.lengths[i]) {
            raise_subscript(call, "array subscript out of range");
        }
        index = index * (uint64_t)shape.lengths[i] + (uint64_t)place;
    }
    struct value *elements = elements_in(call, &array, &shape);
    elements[index] = vector_get(arguments[1], vector_row(arguments[1], row));
    array_result(call, result, row, &shape, elements);
}

void array_set(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        set_row(call, arguments, result, row);
    }
}

/* --- a slice --- */

struct bounds {
    int64_t from[ARRAY_DIMENSIONS_MAX];
    int64_t to[ARRAY_DIMENSIONS_MAX];
};

/* Of an empty array: the slice is all there will be. */
static void bounds_of_empty(const struct sql_call *call, struct vector *const *arguments, uint32_t row, uint32_t given,
                            struct array_shape *shape, struct bounds *bounds) {
    shape->dimensions = given;
    for (uint32_t i = 0; i < given; i++) {
        if (call->argument_types[2 * i + 2].id == TYPE_UNKNOWN || call->argument_types[2 * i + 3].id == TYPE_UNKNOWN) {
            sql_raise_with(call->context, KMB_ARRAY_SUBSCRIPT, call->position,
                           "When assigning to a slice of an empty array value, slice boundaries must be fully "
                           "specified.",
                           NULL, "array slice subscript must provide both boundaries");
        }
        bounds->from[i] = subscript(call, arguments, 2 * i, row);
        bounds->to[i] = subscript(call, arguments, 2 * i + 1, row);
        int64_t length = bounds->to[i] - bounds->from[i] + 1;
        if (length < 0 || length > ARRAY_ELEMENTS_MAX) {
            raise_size(call);
        }
        shape->lowers[i] = (int32_t)bounds->from[i];
        shape->lengths[i] = (int32_t)length;
    }
}

/* Of the array as it is: a bound left out is its own; dimensions behind those given are whole. */
static void bounds_of(const struct sql_call *call, struct vector *const *arguments, uint32_t row, uint32_t given,
                      struct array_shape *shape, struct bounds *bounds) {
    if (shape->dimensions < given) {
        raise_subscript(call, "wrong number of array subscripts");
    }
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        int64_t lower = shape->lowers[i];
        int64_t upper = lower + shape->lengths[i] - 1;
        bool from_given = i < given && call->argument_types[2 * i + 2].id != TYPE_UNKNOWN;
        bool to_given = i < given && call->argument_types[2 * i + 3].id != TYPE_UNKNOWN;
        bounds->from[i] = from_given ? subscript(call, arguments, 2 * i, row) : lower;
        bounds->to[i] = to_given ? subscript(call, arguments, 2 * i + 1, row) : upper;
        if (bounds->from[i] > bounds->to[i]) {
            raise_subscript(call, "upper bound cannot be less than lower bound");
        }
        if (shape->dimensions > 1 && (bounds->from[i] < lower || bounds->to[i] > upper)) {
            raise_subscript(call, "array subscript out of range");
        }
    }
    if (shape->dimensions == 1) {
        stretch(call, shape, bounds->from[0], bounds->to[0]);
    }
}

/* The slice's places, in their order, take the source's elements; what the source has more is left. */
static void fill(const struct sql_call *call, const struct array_shape *shape, const struct bounds *bounds,
                 const struct array *source, struct value *elements) {
    uint64_t wanted = 1;
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        wanted *= (uint64_t)(bounds->to[i] - bounds->from[i] + 1); /* of a shape that was counted: no overflow */
    }
    if (wanted > source->count) {
        raise_subscript(call, "source array too small");
    }
    for (uint32_t n = 0; n < wanted; n++) {
        uint64_t index = 0;
        uint64_t step = 1;
        uint64_t rest = n;
        for (uint32_t i = shape->dimensions; i-- > 0;) {
            uint64_t length = (uint64_t)(bounds->to[i] - bounds->from[i] + 1);
            index += step * ((uint64_t)(bounds->from[i] - shape->lowers[i]) + rest % length);
            rest /= length;
            step *= (uint64_t)shape->lengths[i];
        }
        elements[index] = array_get(source, n);
    }
}

static void set_slice_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                          uint32_t row) {
    uint32_t given = (call->argument_count - 2) / 2;
    for (uint32_t i = 0; i < 2 * given; i++) {
        if (call->argument_types[i + 2].id != TYPE_UNKNOWN) {
            (void)subscript(call, arguments, i, row); /* NULL fails, whatever the rest is */
        }
    }
    struct array array = target(call, arguments, row);
    struct array_shape shape = array.shape;
    if (argument_null(arguments, 1, row)) { /* changes nothing; but NULL is empty then */
        struct value *own = elements_in(call, &array, &shape);
        array_result(call, result, row, &shape, own);
        return;
    }
    struct array source = array_argument(call, arguments, 1, row);
    struct bounds bounds;
    if (shape.dimensions == 0) {
        bounds_of_empty(call, arguments, row, given, &shape, &bounds);
    } else {
        bounds_of(call, arguments, row, given, &shape, &bounds);
    }
    struct value *elements = elements_in(call, &array, &shape);
    fill(call, &shape, &bounds, &source, elements);
    array_result(call, result, row, &shape, elements);
}

void array_set_slice(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        set_slice_row(call, arguments, result, row);
    }
}
