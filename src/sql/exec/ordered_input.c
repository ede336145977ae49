/*
 * Aggregates that care for order: ORDER BY in the call, and ordered-set aggregates.
 *
 * A call's rows are kept in columns (number of the group, arguments, sort keys) and sorted once, by group and keys.
 * Then either each group's rows go into its state one after the other, or, of an ordered-set aggregate, the value is
 * picked from the group's piece of the order.
 */
#include "sql/exec/ordered_input.h"

#include <math.h>

#include "base/assert.h"
#include "types/array.h"

struct ordered_input {
    struct sql_context *context;
    struct rowset kept; /* group, arguments, keys */
    const struct vector **columns;
    uint32_t argument_count;
    struct evaluator **evaluators; /* of keys that are no argument */
    uint32_t evaluator_count;
    struct rowset_key *keys; /* group first */
    uint32_t key_count;
    uint32_t *order;
    struct vector *vectors; /* arguments of a piece of the order */
    struct vector **places;
    void *states[VECTOR_ROWS];
};

/* The column of a key: that of an argument it equals, or one of its own. */
static uint32_t key_column(struct ordered_input *input, struct exec_operator *self, const struct plan_aggregate *plan,
                           const struct expr *expr, uint32_t rows_max, struct type *types) {
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        if (expr_equal(plan->arguments[i], expr)) {
            return 1 + i;
        }
    }
    uint32_t column = 1 + input->argument_count + input->evaluator_count;
    types[column] = expr->type;
    input->evaluators[input->evaluator_count++] = operator_evaluator(self, expr, rows_max);
    return column;
}

struct ordered_input *ordered_input_make(struct exec_operator *self, const struct plan_aggregate *plan,
                                         uint32_t rows_max) {
    struct sql_context *context = self->exec->context;
    struct ordered_input *input = sql_alloc_zero(context, 1, sizeof(*input));
    uint32_t most = 1 + plan->argument_count + plan->order_count;
    struct type *types = sql_alloc_zero(context, most, sizeof(*types));
    input->context = context;
    input->argument_count = plan->argument_count;
    input->columns = sql_alloc(context, sizeof(*input->columns) * most);
    input->evaluators = sql_alloc(context, sizeof(*input->evaluators) * (plan->order_count + 1));
    input->keys = sql_alloc_zero(context, plan->order_count + 1, sizeof(*input->keys));
    input->key_count = plan->order_count + 1;
    input->vectors = sql_alloc_zero(context, plan->argument_count + 1, sizeof(*input->vectors));
    input->places = sql_alloc(context, sizeof(*input->places) * (plan->argument_count + 1));
    types[0] = type_make(TYPE_INT8);
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        types[1 + i] = plan->arguments[i]->type;
        vector_init(context, &input->vectors[i], types[1 + i]);
        input->places[i] = &input->vectors[i];
    }
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const struct plan_sort_key *key = &plan->order[i];
        input->keys[1 + i] = (struct rowset_key){.column = key_column(input, self, plan, key->expr, rows_max, types),
                                                 .descending = key->descending,
                                                 .nulls_first = key->nulls_first};
    }
    rowset_init(&input->kept, context, NULL, types, 1 + plan->argument_count + input->evaluator_count);
    return input;
}

void ordered_input_add(struct ordered_input *input, const struct batch *batch, const struct vector *group_numbers,
                       struct vector *const *arguments, const uint16_t *selection, uint32_t count) {
    input->columns[0] = group_numbers;
    for (uint32_t i = 0; i < input->argument_count; i++) {
        input->columns[1 + i] = arguments[i];
    }
    for (uint32_t i = 0; i < input->evaluator_count; i++) {
        input->columns[1 + input->argument_count + i] = evaluator_run(input->evaluators[i], batch, selection, count);
    }
    rowset_append(&input->kept, input->columns, selection, count);
}

void ordered_input_sort(struct ordered_input *input) {
    uint32_t count = input->kept.row_count;
    input->order = sql_alloc(input->context, sizeof(uint32_t) * ((size_t)count + 1));
    rowset_sort(&input->kept, input->keys, input->key_count, input->order, count);
}

static uint32_t group_at(const struct ordered_input *input, uint32_t position) {
    uint32_t place = 0;
    const struct vector *groups = rowset_at(&input->kept, 0, input->order[position], &place);
    return (uint32_t)groups->integer[place];
}

void ordered_input_feed(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                        void *(*state_of)(void *context, uint32_t group), void *context) {
    for (uint32_t from = 0; from < input->kept.row_count; from += VECTOR_ROWS) {
        uint32_t left = input->kept.row_count - from;
        uint32_t count = left < VECTOR_ROWS ? left : VECTOR_ROWS;
        sql_check_cancel(input->context);
        for (uint32_t i = 0; i < input->argument_count; i++) {
            input->vectors[i].may_have_null = false;
            rowset_gather(&input->kept, 1 + i, input->order + from, count, &input->vectors[i]);
        }
        for (uint32_t i = 0; i < count; i++) {
            input->states[i] = state_of(context, group_at(input, from + i));
        }
        function->aggregate->add(call, input->states, input->places, NULL, count);
    }
}

/* --- ordered sets --- */

/* The first position whose group is at least this one. */
static uint32_t first_of(const struct ordered_input *input, uint32_t group) {
    uint32_t low = 0;
    uint32_t high = input->kept.row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (group_at(input, middle) < group) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct vector *value_at(const struct ordered_input *input, uint32_t position, uint32_t *place) {
    return rowset_at(&input->kept, 1, input->order[position], place);
}

static void give(const struct ordered_input *input, uint32_t position, struct vector *result, uint32_t row) {
    uint32_t place = 0;
    const struct vector *vector = value_at(input, position, &place);
    struct value value = vector_get(vector, place);
    vector_set(result, row, &value);
}

/* Between two values, `share` of the way. */
static void give_between(const struct ordered_input *input, uint32_t position, double share, struct vector *result,
                         uint32_t row) {
    uint32_t low_place = 0;
    uint32_t high_place = 0;
    const struct vector *low = value_at(input, position, &low_place);
    const struct vector *high = value_at(input, position + 1, &high_place);
    if (result->form == VECTOR_REAL) {
        double from = low->real[low_place];
        result->real[row] = from + share * (high->real[high_place] - from);
        return;
    }
    struct interval span;
    struct kmb_error *error = input->context->error;
    sql_try(input->context, interval_subtract(high->interval[high_place], low->interval[low_place], &span, error));
    sql_try(input->context, interval_multiply(span, share, &span, error));
    sql_try(input->context, interval_add(low->interval[low_place], span, &result->interval[row], error));
}

static void give_mode(const struct ordered_input *input, uint32_t from, uint32_t to, struct vector *result,
                      uint32_t row) {
    uint32_t best = from;
    uint32_t best_count = 0;
    uint32_t run = from;
    for (uint32_t position = from + 1; position <= to; position++) {
        if (position < to) {
            uint32_t place = 0;
            uint32_t run_place = 0;
            const struct vector *value = value_at(input, position, &place);
            const struct vector *run_value = value_at(input, run, &run_place);
            if (vector_equal(value, place, run_value, run_place)) {
                continue;
            }
        }
        if (position - run > best_count) {
            best = run;
            best_count = position - run;
        }
        run = position;
    }
    give(input, best, result, row);
}

/* A piece of the order. */
struct piece {
    uint32_t from;
    uint32_t count;
};

static double share_of(const struct ordered_input *input, const struct sql_call *call, const struct value *direct) {
    double share = direct->as.real;
    if (!(share >= 0 && share <= 1)) {
        sql_raise(input->context, KMB_NUMERIC_OUT_OF_RANGE, call->position,
                  "percentile value %g is not between 0 and 1", share);
    }
    return share;
}

/* The value at a share of a piece that is not empty. */
static void give_percentile(const struct ordered_input *input, enum sql_ordered_set kind, struct piece piece,
                            double share, struct vector *result, uint32_t row) {
    if (kind == SQL_PERCENTILE_DISC) {
        double ordinal = ceil(share * (double)piece.count);
        give(input, ordinal <= 1 ? piece.from : piece.from + (uint32_t)ordinal - 1, result, row);
        return;
    }
    double place = share * (double)(piece.count - 1);
    uint32_t below = (uint32_t)floor(place);
    if (below == (uint32_t)ceil(place)) {
        give(input, piece.from + below, result, row);
    } else {
        give_between(input, piece.from + below, place - below, result, row);
    }
}

/* Of each share in an array the value, in an array of its shape; NULL for NULL. */
static void give_percentiles(const struct ordered_input *input, const struct sql_call *call, enum sql_ordered_set kind,
                             struct piece piece, const struct value *direct, struct vector *result, uint32_t row) {
    struct array shares;
    array_open(direct, &shares);
    struct vector one;
    vector_init_rows(input->context, &one, type_of_elements(call->result_type), 1);
    for (uint32_t i = 0; i < shares.count; i++) { /* all are looked at before any is used */
        struct value share = array_get(&shares, i);
        (void)(share.is_null ? 0 : share_of(input, call, &share));
    }
    struct value *values = sql_alloc(input->context, ((size_t)shares.count + 1) * sizeof(*values));
    for (uint32_t i = 0; i < shares.count; i++) {
        struct value share = array_get(&shares, i);
        values[i] = value_null(one.type.id);
        if (!share.is_null) {
            give_percentile(input, kind, piece, share.as.real, &one, 0);
            values[i] = vector_get(&one, 0);
        }
    }
    struct value made;
    sql_try(input->context, array_make(one.type.id, &shares.shape, values, call->arena, &made, input->context->error));
    vector_set(result, row, &made);
}

void ordered_input_result(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                          uint32_t group, const struct value *direct, struct vector *result, uint32_t row) {
    struct piece piece = {.from = first_of(input, group)};
    piece.count = first_of(input, group + 1) - piece.from;
    bool mode = function->ordered_set == SQL_MODE; /* it has no direct argument */
    bool several = !mode && type_is_array(direct->type);
    bool none = piece.count == 0;
    double share = 0;
    if (!mode) {
        none = none || direct->is_null;
        share = direct->is_null || several ? 0 : share_of(input, call, direct);
    }
    if (none) {
        result->null[row] = 1;
        result->may_have_null = true;
    } else if (mode) {
        give_mode(input, piece.from, piece.from + piece.count, result, row);
    } else if (several) {
        give_percentiles(input, call, function->ordered_set, piece, direct, result, row);
    } else {
        give_percentile(input, function->ordered_set, piece, share, result, row);
    }
}
