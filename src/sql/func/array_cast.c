/*
 * Casts of arrays. Between two array types there is one where there is one between their elements, in the same context;
 * it is made from that, a run of elements at a time. To and from text they go as every type does.
 */
#include "sql/func/array.h"

#include "base/assert.h"
#include "sql/func/cast.h"
#include "sql/func/loops.h"

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

#define RUN 256 /* elements that are converted at once */

static const uint8_t element_sizes[] = {
    [VECTOR_BOOL] = sizeof(uint8_t),
    [VECTOR_INT] = sizeof(int64_t),
    [VECTOR_REAL] = sizeof(double),
    [VECTOR_DECIMAL] = sizeof(struct decimal),
    [VECTOR_BYTES] = sizeof(struct slice),
    [VECTOR_TIMESTAMP] = sizeof(struct timestamp),
    [VECTOR_INTERVAL] = sizeof(struct interval),
    [VECTOR_UUID] = 16,
};

/* A vector whose memory lives no longer than the results. */
static struct vector run_vector(const struct sql_call *call, struct type type) {
    struct vector vector = {.type = type, .form = vector_form_of(type.id)};
    vector.data = result_bytes(call, (size_t)element_sizes[vector.form] * RUN);
    vector.null = result_bytes(call, RUN);
    memset(vector.null, 0, RUN);
    return vector;
}

/* Elements by the cast of one; NULLs stay. */
static void convert(const struct sql_call *call, const struct sql_function *cast, struct value *elements,
                    uint32_t count) {
    struct type from = type_of_elements(call->argument_types[0]);
    struct sql_call inner = *call;
    inner.result_type = type_of_elements(call->result_type);
    inner.argument_types = &from;
    struct vector input = run_vector(call, from);
    struct vector output = run_vector(call, inner.result_type);
    struct vector *inputs[1] = {&input};
    uint16_t rows[RUN];
    for (uint32_t first = 0; first < count; first += RUN) {
        uint32_t run = count - first < RUN ? count - first : RUN;
        uint32_t present = 0;
        for (uint32_t i = 0; i < run; i++) {
            vector_set(&input, i, &elements[first + i]);
            rows[present] = (uint16_t)i;
            present += !elements[first + i].is_null;
        }
        memset(output.null, 0, RUN);
        output.may_have_null = false;
        if (present > 0) {
            cast->scalar(&inner, inputs, &output, rows, present);
        }
        for (uint32_t i = 0; i < run; i++) {
            bool null = elements[first + i].is_null;
            elements[first + i] = null ? value_null(inner.result_type.id) : vector_get(&output, i);
        }
    }
}

static void relabel(const struct sql_call *call, struct value *elements, uint32_t count) {
    struct type type = type_of_elements(call->result_type);
    for (uint32_t i = 0; i < count; i++) {
        elements[i].type = type.id;
        check(call, value_apply_modifier(type, call->explicit_cast, &elements[i], call->arena, &elements[i],
                                         call->context->error));
    }
}

static void fn_convert(SCALAR_PARAMETERS) {
    enum type_id from = type_element(call->argument_types[0].id);
    enum type_id to = type_element(call->result_type.id);
    const struct sql_function *cast = from == to ? NULL : sql_cast_find(from, to, SQL_CAST_EXPLICIT);
    ASSERT(from == to || cast != NULL);
    EACH_ROW(row) {
        struct array array = array_argument(call, arguments, 0, row);
        struct value *elements = array_values(call, &array);
        if (cast == NULL || cast->scalar == NULL) {
            relabel(call, elements, array.count);
        } else {
            convert(call, cast, elements, array.count);
        }
        array_result(call, result, row, &array.shape, elements);
    }
}

#define CAST_ROW(context_, volatility_, scalar_)                                                                       \
    {                                                                                                                  \
        .class = SQL_FUNCTION_CAST, .name = "cast", .argument_count = 1, .strict = true, .volatility = (volatility_),  \
        .cast_context = (context_), .scalar = (scalar_), .summary = "conversion"                                       \
    }
#define CAST_ROWS(context, scalar)                                                                                     \
    { CAST_ROW(context, SQL_IMMUTABLE, scalar), CAST_ROW(context, SQL_STABLE, scalar) }

/* By volatility. */
static const struct sql_function convert_rows[2] = CAST_ROWS(SQL_CAST_IMPLICIT, fn_convert);
static const struct sql_function to_text_rows[2] = CAST_ROWS(SQL_CAST_ASSIGNMENT, cast_to_text);
static const struct sql_function of_text_rows[2] = CAST_ROWS(SQL_CAST_EXPLICIT, cast_of_text);

static bool moves(enum type_id element) {
    const struct sql_function *cast = sql_cast_find(TYPE_TEXT, element, SQL_CAST_EXPLICIT);
    return cast != NULL && cast->volatility != SQL_IMMUTABLE;
}

const struct sql_function *array_cast_find(enum type_id from, enum type_id to, enum sql_cast_context context) {
    enum type_id from_element = type_element(from);
    enum type_id to_element = type_element(to);
    if (type_is_array(from) && type_is_array(to)) {
        const struct sql_function *cast =
            from == to ? &convert_rows[0] : sql_cast_find(from_element, to_element, context);
        return cast == NULL ? NULL : &convert_rows[cast->volatility == SQL_IMMUTABLE ? 0 : 1];
    }
    if (type_is_array(from)) {
        return type_is_string(to) && context >= SQL_CAST_ASSIGNMENT ? &to_text_rows[moves(from_element)] : NULL;
    }
    bool fits = from == TYPE_UNKNOWN || (type_is_string(from) && context == SQL_CAST_EXPLICIT);
    return fits ? &of_text_rows[moves(to_element)] : NULL;
}
