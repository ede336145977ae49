/*
 * The elements of a row's array are the vector that the operator runs over, a run at a time, with the row's value as a
 * constant on its other side; the first run that decides is the last.
 */
#include "sql/exec/evaluate_array.h"

#include "types/array.h"

#define RUN 128

struct evaluate_array {
    struct sql_call call; /* of the operator on an element */
    sql_scalar_fn *scalar;
    bool all;
    enum type_id array_type;
    struct vector value;    /* constant */
    struct vector elements; /* RUN rows */
    struct vector holds;
};

struct evaluate_array *evaluate_array_make(const struct sql_call *call, const struct sql_function *function, bool all) {
    struct sql_context *context = call->context;
    struct evaluate_array *compare = sql_alloc_zero(context, 1, sizeof(*compare));
    struct type *types = sql_alloc(context, 2 * sizeof(*types));
    types[0] = call->argument_types[0];
    types[1] = type_of_elements(call->argument_types[1]);
    compare->call = *call;
    compare->call.argument_types = types;
    compare->scalar = function->scalar;
    compare->all = all;
    compare->array_type = call->argument_types[1].id;
    vector_init_rows(context, &compare->value, types[0], 1);
    compare->value.constant = true;
    vector_init_rows(context, &compare->elements, types[1], RUN);
    vector_init_rows(context, &compare->holds, type_make(TYPE_BOOL), RUN);
    return compare;
}

/* Elements [first, first + run): true when they decide; *unknown grows. */
static bool run_decides(struct evaluate_array *compare, const struct array *array, uint32_t first, uint32_t run,
                        bool *unknown) {
    uint16_t rows[RUN];
    uint32_t present = 0;
    for (uint32_t i = 0; i < run; i++) {
        struct value element = array_get(array, first + i);
        vector_set(&compare->elements, i, &element);
        rows[present] = (uint16_t)i;
        present += !element.is_null;
    }
    *unknown = *unknown || present < run;
    if (present == 0) {
        return false;
    }
    memset(compare->holds.null, 0, RUN);
    compare->holds.may_have_null = false;
    struct vector *arguments[2] = {&compare->value, &compare->elements};
    compare->scalar(&compare->call, arguments, &compare->holds, rows, present);
    for (uint32_t i = 0; i < present; i++) {
        if (compare->holds.may_have_null && compare->holds.null[rows[i]]) {
            *unknown = true;
        } else if ((compare->holds.boolean[rows[i]] != 0) != compare->all) {
            return true;
        }
    }
    return false;
}

static struct value compare_row(struct evaluate_array *compare, const struct value *value, const struct value *bytes) {
    if (bytes->is_null) {
        return value_null(TYPE_BOOL);
    }
    struct array array;
    array_open(bytes, &array);
    if (array.count == 0) {
        return value_bool(compare->all);
    }
    if (value->is_null) {
        return value_null(TYPE_BOOL);
    }
    vector_set(&compare->value, 0, value);
    bool unknown = false;
    for (uint32_t first = 0; first < array.count; first += RUN) {
        uint32_t run = array.count - first < RUN ? array.count - first : RUN;
        if (run_decides(compare, &array, first, run, &unknown)) {
            return value_bool(!compare->all);
        }
    }
    return unknown ? value_null(TYPE_BOOL) : value_bool(compare->all);
}

void evaluate_array_run(struct evaluate_array *compare, const struct vector *value, const struct vector *arrays,
                        struct vector *result, const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        struct value left = vector_get(value, vector_row(value, row));
        struct value bytes = vector_get(arrays, vector_row(arrays, row));
        struct value holds = compare_row(compare, &left, &bytes);
        vector_set(result, row, &holds);
    }
}
