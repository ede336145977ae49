/*
 * Arrays: constructor, subscripts and slices, and the functions that ask for the shape or change it.
 *
 * An element is of any type, so these loops work on single values (array_get(), array_make()), not on vectors: an array
 * is read once to the end in nearly all of them.
 */
#include "sql/func/array.h"

#include <stdio.h>

#include "sql/func/cast.h"
#include "sql/func/loops.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

struct array array_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row) {
    struct array array;
    struct value value = value_bytes(call->argument_types[n].id, ARGUMENT_BYTES(n, row));
    array_open(&value, &array);
    return array;
}

struct value *array_values(const struct sql_call *call, const struct array *array) {
    struct value *elements = array_elements(array, call->arena);
    if (elements == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return elements;
}

void array_result(const struct sql_call *call, struct vector *result, uint32_t row, const struct array_shape *shape,
                  const struct value *elements) {
    struct value made;
    check(call,
          array_make(type_element(call->result_type.id), shape, elements, call->arena, &made, call->context->error));
    result->bytes[row] = made.as.bytes;
}

static struct value *room_for(const struct sql_call *call, size_t count) {
    return (struct value *)(void *)result_bytes(call, sizeof(struct value) * (count + 1));
}

static _Noreturn void raise_dimensions(const struct sql_call *call, uint32_t dimensions) {
    sql_raise(call->context, KMB_LIMIT, call->position,
              "number of array dimensions (%u) exceeds the maximum allowed (%d)", dimensions, ARRAY_DIMENSIONS_MAX);
}

/* --- ARRAY[...] --- */

static void make_of_values(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                           uint32_t row) {
    struct value *elements = room_for(call, call->argument_count);
    for (uint32_t i = 0; i < call->argument_count; i++) {
        elements[i] = argument_value(arguments, i, row);
    }
    struct array_shape shape = array_shape_of(call->argument_count);
    array_result(call, result, row, &shape, elements);
}

static _Noreturn void raise_uneven(const struct sql_call *call) {
    sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position,
              "multidimensional arrays must have array expressions with matching dimensions");
}

static bool shape_equal(const struct array_shape *a, const struct array_shape *b) {
    bool equal = a->dimensions == b->dimensions;
    for (uint32_t i = 0; i < a->dimensions && equal; i++) {
        equal = a->lengths[i] == b->lengths[i] && a->lowers[i] == b->lowers[i];
    }
    return equal;
}

/* All of them have one shape, or none has elements. */
static void make_of_arrays(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                           uint32_t row) {
    struct array first = {0};
    uint32_t filled = 0;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        struct array array = {0};
        if (!argument_null(arguments, i, row)) {
            array = array_argument(call, arguments, i, row);
        }
        if (array.count == 0) {
            continue;
        }
        if (filled == 0) {
            first = array;
        } else if (!shape_equal(&first.shape, &array.shape)) {
            raise_uneven(call);
        }
        filled++;
    }
    if (filled > 0 && filled < call->argument_count) {
        raise_uneven(call);
    }
    struct array_shape shape = {.dimensions = filled == 0 ? 0 : first.shape.dimensions + 1};
    if (shape.dimensions > ARRAY_DIMENSIONS_MAX) {
        raise_dimensions(call, shape.dimensions);
    }
    shape.lengths[0] = (int32_t)call->argument_count;
    shape.lowers[0] = 1;
    for (uint32_t i = 1; i < shape.dimensions; i++) {
        shape.lengths[i] = first.shape.lengths[i - 1];
        shape.lowers[i] = first.shape.lowers[i - 1];
    }
    uint32_t count = 0;
    check(call, array_shape_count(&shape, &count, call->context->error));
    struct value *elements = room_for(call, count);
    for (uint32_t i = 0; i < filled; i++) {
        struct array array = array_argument(call, arguments, i, row);
        for (uint32_t k = 0; k < array.count; k++) {
            elements[(size_t)i * array.count + k] = array_get(&array, k);
        }
    }
    array_result(call, result, row, &shape, elements);
}

static void fn_make(SCALAR_PARAMETERS) {
    bool arrays = call->argument_count > 0 && type_is_array(call->argument_types[0].id);
    EACH_ROW(row) {
        if (arrays) {
            make_of_arrays(call, arguments, result, row);
        } else {
            make_of_values(call, arguments, result, row);
        }
    }
}

/* --- subscripts and slices --- */

static void fn_subscript(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        uint32_t given = call->argument_count - 1;
        bool inside = array.shape.dimensions == given;
        uint64_t index = 0;
        for (uint32_t i = 0; i < given && inside; i++) {
            int64_t at = ARGUMENT_INT(i + 1, row) - array.shape.lowers[i];
            inside = at >= 0 && at < array.shape.lengths[i];
            index = index * (uint64_t)array.shape.lengths[i] + (uint64_t)at;
        }
        struct value value = inside ? array_get(&array, (uint32_t)index) : value_null(array.element);
        vector_set(result, row, &value);
    }
}

/* The elements between two places of every dimension; subscripts begin at 1 again. */
static void slice_result(const struct sql_call *call, struct vector *result, uint32_t row, const struct array *array,
                         const int64_t *from, const int64_t *to) {
    struct array_shape shape = {.dimensions = array->shape.dimensions};
    for (uint32_t i = 0; i < shape.dimensions; i++) {
        shape.lengths[i] = (int32_t)(to[i] - from[i] + 1);
        shape.lowers[i] = 1;
    }
    uint32_t count = 0;
    check(call, array_shape_count(&shape, &count, call->context->error));
    struct value *elements = room_for(call, count);
    for (uint32_t n = 0; n < count; n++) {
        uint64_t index = 0;
        uint64_t step = 1;
        uint32_t rest = n;
        for (uint32_t i = shape.dimensions; i-- > 0;) {
            uint32_t at = rest % (uint32_t)shape.lengths[i];
            rest /= (uint32_t)shape.lengths[i];
            index += step * ((uint64_t)(from[i] - array->shape.lowers[i]) + at);
            step *= (uint32_t)array->shape.lengths[i];
        }
        elements[n] = array_get(array, (uint32_t)index);
    }
    array_result(call, result, row, &shape, elements);
}

static void slice_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                      uint32_t row) {
    uint32_t given = (call->argument_count - 1) / 2;
    bool null = argument_null(arguments, 0, row);
    for (uint32_t i = 1; i < call->argument_count && !null; i++) {
        null = call->argument_types[i].id != TYPE_UNKNOWN && argument_null(arguments, i, row);
    }
    if (null) {
        result_null(result, row);
        return;
    }
    struct array array = array_argument(call, arguments, 0, row);
    int64_t from[ARRAY_DIMENSIONS_MAX];
    int64_t to[ARRAY_DIMENSIONS_MAX];
    bool empty = array.count == 0 || given > array.shape.dimensions;
    for (uint32_t i = 0; i < array.shape.dimensions && !empty; i++) {
        int64_t lower = array.shape.lowers[i];
        int64_t upper = lower + array.shape.lengths[i] - 1;
        bool from_given = i < given && call->argument_types[2 * i + 1].id != TYPE_UNKNOWN;
        bool to_given = i < given && call->argument_types[2 * i + 2].id != TYPE_UNKNOWN;
        from[i] = from_given && ARGUMENT_INT(2 * i + 1, row) > lower ? ARGUMENT_INT(2 * i + 1, row) : lower;
        to[i] = to_given && ARGUMENT_INT(2 * i + 2, row) < upper ? ARGUMENT_INT(2 * i + 2, row) : upper;
        empty = from[i] > to[i];
    }
    if (empty) {
        struct array_shape none = {0};
        array_result(call, result, row, &none, NULL);
        return;
    }
    slice_result(call, result, row, &array, from, to);
}

static void fn_slice(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        slice_row(call, arguments, result, row);
    }
}

static void fn_trim(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        int64_t length = array.shape.dimensions > 0 ? array.shape.lengths[0] : 0;
        int64_t trimmed = ARGUMENT_INT(1, row);
        if (trimmed < 0 || trimmed > length) {
            sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position,
                      "number of elements to trim must be between 0 and %d", (int)length);
        }
        struct array_shape none = {0};
        if (trimmed == length) {
            array_result(call, result, row, &none, NULL);
            continue;
        }
        int64_t from[ARRAY_DIMENSIONS_MAX];
        int64_t to[ARRAY_DIMENSIONS_MAX];
        for (uint32_t i = 0; i < array.shape.dimensions; i++) {
            from[i] = array.shape.lowers[i];
            to[i] = from[i] + array.shape.lengths[i] - 1 - (i == 0 ? trimmed : 0);
        }
        slice_result(call, result, row, &array, from, to);
    }
}

/* --- the shape --- */

static void fn_dimensions(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        result->integer[row] = array.shape.dimensions;
        if (array.shape.dimensions == 0) {
            result_null(result, row);
        }
    }
}

static void fn_bounds(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        if (array.shape.dimensions == 0) {
            result_null(result, row);
            continue;
        }
        char *text = (char *)result_bytes(call, 32 * ARRAY_DIMENSIONS_MAX);
        size_t length = 0;
        for (uint32_t i = 0; i < array.shape.dimensions; i++) {
            int32_t lower = array.shape.lowers[i];
            length += (size_t)sprintf(text + length, "[%d:%d]", lower, lower + array.shape.lengths[i] - 1);
        }
        result->bytes[row] = slice_make(text, length);
    }
}

enum measure { MEASURE_LOWER, MEASURE_UPPER, MEASURE_LENGTH };

static void measure_rows(SCALAR_PARAMETERS, enum measure measure) {
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        int64_t dimension = ARGUMENT_INT(1, row);
        if (dimension < 1 || dimension > array.shape.dimensions) {
            result_null(result, row);
            continue;
        }
        int32_t lower = array.shape.lowers[dimension - 1];
        int32_t length = array.shape.lengths[dimension - 1];
        result->integer[row] = measure == MEASURE_LOWER   ? lower
                               : measure == MEASURE_UPPER ? lower + length - 1
                                                          : length;
    }
}

static void fn_lower(SCALAR_PARAMETERS) {
    measure_rows(call, arguments, result, selection, count, MEASURE_LOWER);
}
static void fn_upper(SCALAR_PARAMETERS) {
    measure_rows(call, arguments, result, selection, count, MEASURE_UPPER);
}
static void fn_length(SCALAR_PARAMETERS) {
    measure_rows(call, arguments, result, selection, count, MEASURE_LENGTH);
}

static void fn_cardinality(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = array_argument(call, arguments, 0, row).count;
    }
}

/* --- joining --- */

/* The array of an argument; a NULL is an empty one. */
static struct array array_or_empty(const struct sql_call *call, struct vector *const *arguments, uint32_t n,
                                   uint32_t row) {
    struct array none = {.element = type_element(call->argument_types[n].id)};
    return argument_null(arguments, n, row) ? none : array_argument(call, arguments, n, row);
}

/* One element before or behind those of an array that has one dimension at most. */
static void extend_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                       uint32_t row, bool before) {
    struct array array = array_or_empty(call, arguments, before ? 1 : 0, row);
    if (array.shape.dimensions > 1) {
        sql_raise(call->context, KMB_DATA_EXCEPTION, call->position, "argument must be empty or one-dimensional array");
    }
    struct array_shape shape = array_shape_of(array.count + 1);
    shape.lowers[0] = array.shape.dimensions == 1 ? array.shape.lowers[0] : 1;
    struct value *elements = room_for(call, array.count + 1);
    for (uint32_t i = 0; i < array.count; i++) {
        elements[i + (before ? 1 : 0)] = array_get(&array, i);
    }
    elements[before ? 0 : array.count] = argument_value(arguments, before ? 0 : 1, row);
    array_result(call, result, row, &shape, elements);
}

static void fn_append(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        extend_row(call, arguments, result, row, false);
    }
}

static void fn_prepend(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        extend_row(call, arguments, result, row, true);
    }
}

static _Noreturn void raise_incompatible(const struct sql_call *call, const char *detail) {
    sql_raise_with(call->context, KMB_ARRAY_SUBSCRIPT, call->position, detail, NULL,
                   "cannot concatenate incompatible arrays");
}

/* Whether dimensions of `outer` behind its first are those of `inner` from `from` on. */
static bool inner_equal(const struct array_shape *outer, const struct array_shape *inner, uint32_t from) {
    for (uint32_t i = 1; i < outer->dimensions; i++) {
        if (outer->lengths[i] != inner->lengths[i - 1 + from] || outer->lowers[i] != inner->lowers[i - 1 + from]) {
            return false;
        }
    }
    return true;
}

/* Two arrays of one number of dimensions side by side, or one as a new element of the other's outermost dimension. */
static struct array_shape shape_joined(const struct sql_call *call, const struct array_shape *a,
                                       const struct array_shape *b) {
    struct array_shape shape = a->dimensions >= b->dimensions ? *a : *b;
    if (a->dimensions == b->dimensions) {
        if (!inner_equal(a, b, 1)) {
            raise_incompatible(call, "Arrays with differing element dimensions are not compatible for concatenation.");
        }
        shape.lengths[0] += b->lengths[0];
        return shape;
    }
    const struct array_shape *small = a->dimensions < b->dimensions ? a : b;
    if (small->dimensions + 1 != shape.dimensions) {
        raise_incompatible(call, sql_printf(call->context,
                                            "Arrays of %u and %u dimensions are not compatible for concatenation.",
                                            a->dimensions, b->dimensions));
    }
    if (!inner_equal(&shape, small, 0)) {
        raise_incompatible(call, "Arrays with differing dimensions are not compatible for concatenation.");
    }
    shape.lengths[0]++;
    return shape;
}

static void join_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                     uint32_t row) {
    bool null[2] = {argument_null(arguments, 0, row), argument_null(arguments, 1, row)};
    if (null[0] && null[1]) {
        result_null(result, row);
        return;
    }
    struct array a = array_or_empty(call, arguments, 0, row);
    struct array b = array_or_empty(call, arguments, 1, row);
    if (null[1] || (b.count == 0 && !null[0])) {
        result->bytes[row] = ARGUMENT_BYTES(0, row);
        return;
    }
    if (null[0] || a.count == 0) {
        result->bytes[row] = ARGUMENT_BYTES(1, row);
        return;
    }
    struct array_shape shape = shape_joined(call, &a.shape, &b.shape);
    uint32_t count = 0;
    check(call, array_shape_count(&shape, &count, call->context->error));
    struct value *elements = room_for(call, count);
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = i < a.count ? array_get(&a, i) : array_get(&b, i - a.count);
    }
    array_result(call, result, row, &shape, elements);
}

static void fn_join(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        join_row(call, arguments, result, row);
    }
}

/* --- array_fill --- */

/* The integers of a one-dimensional array without NULLs. */
static uint32_t fill_numbers(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row,
                             int32_t numbers[ARRAY_DIMENSIONS_MAX]) {
    struct array array = array_argument(call, arguments, n, row);
    if (array.shape.dimensions > 1) {
        sql_raise_with(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "Dimension array must be one dimensional.",
                       NULL, "wrong number of array subscripts");
    }
    if (array_has_null(&array)) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "dimension values cannot be null");
    }
    if (array.count > ARRAY_DIMENSIONS_MAX) {
        raise_dimensions(call, array.count);
    }
    for (uint32_t i = 0; i < array.count; i++) {
        numbers[i] = (int32_t)array_get(&array, i).as.integer;
    }
    return array.count;
}

static void fill_row(const struct sql_call *call, struct vector *const *arguments, struct vector *result,
                     uint32_t row) {
    bool bounds = call->argument_count > 2;
    if (argument_null(arguments, 1, row) || (bounds && argument_null(arguments, 2, row))) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position,
                  "dimension array or low bound array cannot be null");
    }
    struct array_shape shape = {0};
    shape.dimensions = fill_numbers(call, arguments, 1, row, shape.lengths);
    for (uint32_t i = 0; i < shape.dimensions; i++) {
        shape.lowers[i] = 1;
        if (shape.lengths[i] < 0) {
            sql_raise(call->context, KMB_LIMIT, call->position, "array size exceeds the maximum allowed (%d)",
                      ARRAY_ELEMENTS_MAX);
        }
    }
    if (bounds && fill_numbers(call, arguments, 2, row, shape.lowers) != shape.dimensions) {
        sql_raise_with(call->context, KMB_ARRAY_SUBSCRIPT, call->position,
                       "Low bound array has different size than dimensions array.", NULL,
                       "wrong number of array subscripts");
    }
    uint32_t count = 0;
    check(call, array_shape_count(&shape, &count, call->context->error));
    struct value value = argument_value(arguments, 0, row);
    struct value *elements = room_for(call, count);
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = value;
    }
    array_result(call, result, row, &shape, elements);
}

static void fn_fill(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        fill_row(call, arguments, result, row);
    }
}

/* --- the tables --- */

#define LOOSE(class_, name_, scalar_, result_, summary_, ...)                                                          \
    {                                                                                                                  \
        .class = (class_), .name = (name_), .scalar = (scalar_), .result = (result_), .summary = (summary_),           \
        .volatility = SQL_IMMUTABLE, .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id),   \
        .arguments = {__VA_ARGS__},                                                                                    \
    }
#define LOOSE_FN(...) LOOSE(SQL_FUNCTION_SCALAR, __VA_ARGS__)
#define LOOSE_OP(...) LOOSE(SQL_FUNCTION_OPERATOR, __VA_ARGS__)

/* clang-format off */
static const struct sql_function array_rows[] = {
    FN("array_ndims", fn_dimensions, TYPE_INT4, "number of dimensions; NULL for an empty array", TYPE_ANYARRAY),
    FN("array_dims", fn_bounds, TYPE_TEXT, "bounds of the dimensions, as text", TYPE_ANYARRAY),
    FN("array_lower", fn_lower, TYPE_INT4, "least subscript of a dimension", TYPE_ANYARRAY, TYPE_INT4),
    FN("array_upper", fn_upper, TYPE_INT4, "greatest subscript of a dimension", TYPE_ANYARRAY, TYPE_INT4),
    FN("array_length", fn_length, TYPE_INT4, "length of a dimension", TYPE_ANYARRAY, TYPE_INT4),
    FN("cardinality", fn_cardinality, TYPE_INT4, "number of elements", TYPE_ANYARRAY),
    FN("trim_array", fn_trim, TYPE_ANYARRAY, "without so many elements at the end", TYPE_ANYARRAY, TYPE_INT4),
    LOOSE_FN("array_append", fn_append, TYPE_ANYCOMPATIBLEARRAY, "with an element behind", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE),
    LOOSE_FN("array_prepend", fn_prepend, TYPE_ANYCOMPATIBLEARRAY, "with an element before", TYPE_ANYCOMPATIBLE, TYPE_ANYCOMPATIBLEARRAY),
    LOOSE_FN("array_cat", fn_join, TYPE_ANYCOMPATIBLEARRAY, "joined", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLEARRAY),
    LOOSE_FN("array_fill", fn_fill, TYPE_ANYARRAY, "array of one value, with these lengths", TYPE_ANYELEMENT, TYPE_ARRAY_INT4),
    LOOSE_FN("array_fill", fn_fill, TYPE_ANYARRAY, "the same, with these lower bounds", TYPE_ANYELEMENT, TYPE_ARRAY_INT4, TYPE_ARRAY_INT4),
    LOOSE_OP("||", fn_join, TYPE_ANYCOMPATIBLEARRAY, "joined", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLEARRAY),
    LOOSE_OP("||", fn_append, TYPE_ANYCOMPATIBLEARRAY, "with an element behind", TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE),
    LOOSE_OP("||", fn_prepend, TYPE_ANYCOMPATIBLEARRAY, "with an element before", TYPE_ANYCOMPATIBLE, TYPE_ANYCOMPATIBLEARRAY),
};

static const struct sql_function operation_rows[] = {
    [ARRAY_MAKE] = {.class = SQL_FUNCTION_SCALAR, .name = "ARRAY", .variadic = true, .scalar = fn_make,
                    .result = TYPE_ANYARRAY, .summary = "array of the values"},
    [ARRAY_SUBSCRIPT] = {.class = SQL_FUNCTION_SCALAR, .name = "[]", .variadic = true, .strict = true,
                         .scalar = fn_subscript, .result = TYPE_ANYELEMENT, .summary = "element"},
    [ARRAY_SLICE] = {.class = SQL_FUNCTION_SCALAR, .name = "[:]", .variadic = true, .scalar = fn_slice,
                     .result = TYPE_ANYARRAY, .summary = "part of the array"},
    [ARRAY_SET] = {.class = SQL_FUNCTION_SCALAR, .name = "[]=", .variadic = true, .scalar = array_set,
                   .result = TYPE_ANYARRAY, .summary = "array with another element"},
    [ARRAY_SET_SLICE] = {.class = SQL_FUNCTION_SCALAR, .name = "[:]=", .variadic = true, .scalar = array_set_slice,
                         .result = TYPE_ANYARRAY, .summary = "array with other elements"},
};
/* clang-format on */

const struct sql_function *array_operation(enum array_operation operation) {
    return &operation_rows[operation];
}

struct function_rows function_rows_array(void) {
    return FUNCTION_ROWS(array_rows);
}
