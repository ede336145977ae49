/* Aggregates over arrays and into them: array_agg, and the least and the greatest array. */
#include "sql/func/aggregate.h"
#include "sql/func/array.h"
#include "sql/func/loops.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static struct value kept_copy(const struct sql_call *call, const struct value *value) {
    struct value copy;
    if (!value_copy(value, call->arena, &copy)) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return copy;
}

/* --- array_agg --- */

/* The values so far; of arrays, the elements of all, which have one shape. */
struct collection {
    struct value *elements;
    uint32_t count;
    uint32_t capacity;
    uint32_t arrays;
    struct array_shape shape;
};

static void collect(const struct sql_call *call, struct collection *at, const struct value *value) {
    if (at->count == at->capacity) {
        uint32_t capacity = at->capacity == 0 ? 8 : at->capacity * 2;
        struct value *grown = (struct value *)(void *)result_bytes(call, sizeof(*grown) * (size_t)capacity);
        if (at->count > 0) {
            memcpy(grown, at->elements, sizeof(*grown) * at->count);
        }
        at->elements = grown;
        at->capacity = capacity;
    }
    if (at->count == ARRAY_ELEMENTS_MAX) {
        sql_raise(call->context, KMB_LIMIT, call->position, "array size exceeds the maximum allowed (%d)",
                  ARRAY_ELEMENTS_MAX);
    }
    at->elements[at->count++] = kept_copy(call, value);
}

static void collect_array(const struct sql_call *call, struct collection *at, const struct value *value) {
    if (value->is_null) {
        sql_raise(call->context, KMB_NULL_NOT_ALLOWED, call->position, "cannot accumulate null arrays");
    }
    struct array array;
    array_open(value, &array);
    if (array.count == 0) {
        sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position, "cannot accumulate empty arrays");
    }
    if (array.shape.dimensions == ARRAY_DIMENSIONS_MAX) {
        sql_raise(call->context, KMB_LIMIT, call->position,
                  "number of array dimensions (%d) exceeds the maximum allowed (%d)", ARRAY_DIMENSIONS_MAX + 1,
                  ARRAY_DIMENSIONS_MAX);
    }
    bool same = at->arrays == 0 || at->shape.dimensions == array.shape.dimensions;
    for (uint32_t i = 0; i < array.shape.dimensions && same && at->arrays > 0; i++) {
        same = at->shape.lengths[i] == array.shape.lengths[i];
    }
    if (!same) {
        sql_raise(call->context, KMB_ARRAY_SUBSCRIPT, call->position,
                  "cannot accumulate arrays of different dimensionality");
    }
    at->shape = at->arrays == 0 ? array.shape : at->shape;
    at->arrays++;
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        collect(call, at, &element);
    }
}

AGGREGATE_ADDERS(collect_rows, struct collection, {
    struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
    collect(call, at, &value);
})

AGGREGATE_ADDERS(collect_array_rows, struct collection, {
    struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
    collect_array(call, at, &value);
})

static void finish_array(const struct sql_call *call, struct vector *result, uint32_t row,
                         const struct array_shape *shape, const struct value *elements) {
    struct value made;
    check(call,
          array_make(type_element(call->result_type.id), shape, elements, call->arena, &made, call->context->error));
    result->bytes[row] = made.as.bytes;
}

static void collect_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct collection *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    struct array_shape shape = array_shape_of(at->count);
    finish_array(call, result, row, &shape, at->elements);
}

static void collect_array_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct collection *at = state;
    if (at->count == 0) {
        result_null(result, row);
        return;
    }
    struct array_shape shape = {.dimensions = at->shape.dimensions + 1};
    shape.lengths[0] = (int32_t)at->arrays;
    shape.lowers[0] = 1;
    for (uint32_t i = 1; i < shape.dimensions; i++) {
        shape.lengths[i] = at->shape.lengths[i - 1];
        shape.lowers[i] = at->shape.lowers[i - 1];
    }
    finish_array(call, result, row, &shape, at->elements);
}

static const struct sql_aggregate collect_values = {sizeof(struct collection), collect_rows_add, collect_rows_add_one,
                                                    collect_finish, NULL};
static const struct sql_aggregate collect_arrays = {sizeof(struct collection), collect_array_rows_add,
                                                    collect_array_rows_add_one, collect_array_finish, NULL};

/* --- min and max --- */

struct extreme {
    struct value best;
    bool present;
};

static void extreme_take(const struct sql_call *call, struct extreme *at, struct vector *const *arguments, uint32_t row,
                         int direction) {
    struct value value = vector_get(arguments[0], vector_row(arguments[0], row));
    if (!at->present || value_compare(&value, &at->best) * direction > 0) {
        at->best = kept_copy(call, &value);
        at->present = true;
    }
}

AGGREGATE_ADDERS(least, struct extreme, { extreme_take(call, at, arguments, row, -1); })
AGGREGATE_ADDERS(greatest, struct extreme, { extreme_take(call, at, arguments, row, 1); })

static void extreme_finish(AGGREGATE_FINISH_PARAMETERS) {
    const struct extreme *at = state;
    if (!at->present) {
        result_null(result, row);
        return;
    }
    result->bytes[row] = at->best.as.bytes;
}

static const struct sql_aggregate array_min = {sizeof(struct extreme), least_add, least_add_one, extreme_finish, NULL};
static const struct sql_aggregate array_max = {sizeof(struct extreme), greatest_add, greatest_add_one, extreme_finish,
                                               NULL};

/* clang-format off */
static const struct sql_function array_aggregate_rows[] = {
    {.class = SQL_FUNCTION_AGGREGATE, .name = "array_agg", .argument_count = 1, .arguments = {TYPE_ANYNONARRAY},
     .result = TYPE_ANYARRAY, .aggregate = &collect_values, .summary = "array of the values, NULLs too"},
    {.class = SQL_FUNCTION_AGGREGATE, .name = "array_agg", .argument_count = 1, .arguments = {TYPE_ANYARRAY},
     .result = TYPE_ANYARRAY, .aggregate = &collect_arrays, .summary = "the arrays as one of a dimension more"},
    AGGREGATE("min", &array_min, TYPE_ANYARRAY, "least array", TYPE_ANYARRAY),
    AGGREGATE("max", &array_max, TYPE_ANYARRAY, "greatest array", TYPE_ANYARRAY),
    AGGREGATE("min", &array_min, TYPE_ANYENUM, "first of the labels", TYPE_ANYENUM),
    AGGREGATE("max", &array_max, TYPE_ANYENUM, "last of the labels", TYPE_ANYENUM),
};
/* clang-format on */

struct function_rows function_rows_array_aggregate(void) {
    return FUNCTION_ROWS(array_aggregate_rows);
}
