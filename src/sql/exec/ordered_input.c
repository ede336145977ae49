/*
 * Aggregates that care for order: ORDER BY in the call, and ordered-set aggregates.
 *
 * A call's rows are kept in columns (number of the group, arguments, sort keys) and sorted once, by group and keys.
 * Then either each group's rows go into its state one after the other, or, of an ordered-set aggregate, the value is
 * picked from the group's piece of the order as it goes by.
 *
 * What is more than work_mem is sorted as it comes, written out as a run, and the runs are merged at the end (spill.h).
 */
#include "sql/exec/ordered_input.h"

#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sql/exec/spill.h"
#include "types/array.h"

/* A value that outlives the rows it is from. */
struct kept_value {
    struct arena arena;
    struct arena_mark start;
    struct value value;
    uint64_t row; /* of the group; UINT64_MAX: none */
};

struct ordered_input {
    struct exec_operator *self;
    struct sql_context *context;
    struct arena work;  /* of the rows kept and their order */
    struct rowset kept; /* group, arguments, keys */
    const struct vector **columns;
    uint32_t argument_count;
    struct evaluator **evaluators; /* of keys that are no argument */
    uint32_t evaluator_count;
    struct rowset_key *keys; /* group first */
    uint32_t key_count;
    uint32_t *counts; /* ordered sets: rows by number of the group, as far as there are any */
    uint32_t count_capacity;
    uint32_t *order;
    uint32_t given;            /* of the order */
    struct spill_merge *merge; /* NULL: nothing was written out */
    struct batch rows;         /* a piece of the order */

    /* ordered sets: the row that comes next, and what was read lately */
    const struct batch *batch; /* NULL: none yet */
    uint32_t at;
    uint64_t passed;             /* rows of the group */
    struct kept_value values[2]; /* two shares may lie between the same two rows */
    uint32_t last;               /* of the values */
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
    input->self = self;
    input->context = context;
    input->argument_count = plan->argument_count;
    input->columns = sql_alloc(context, sizeof(*input->columns) * most);
    input->evaluators = sql_alloc(context, sizeof(*input->evaluators) * (plan->order_count + 1));
    input->keys = sql_alloc_zero(context, plan->order_count + 1, sizeof(*input->keys));
    input->key_count = plan->order_count + 1;
    types[0] = type_make(TYPE_INT8);
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        types[1 + i] = plan->arguments[i]->type;
    }
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const struct plan_sort_key *key = &plan->order[i];
        input->keys[1 + i] = (struct rowset_key){.column = key_column(input, self, plan, key->expr, rows_max, types),
                                                 .descending = key->descending,
                                                 .nulls_first = key->nulls_first};
    }
    input->rows.column_count = 1 + plan->argument_count;
    input->rows.columns = sql_alloc_zero(context, input->rows.column_count, sizeof(*input->rows.columns));
    for (uint32_t i = 0; i < input->rows.column_count; i++) {
        vector_init(context, &input->rows.columns[i], types[i]);
    }
    operator_kept_init(self, &input->work);
    rowset_init(&input->kept, context, &input->work, types, 1 + plan->argument_count + input->evaluator_count);
    if (plan->function->ordered_set != SQL_ORDERED_SET_NONE) {
        input->count_capacity = 1;
        input->counts = sql_alloc_zero(context, 1, sizeof(*input->counts));
        for (uint32_t i = 0; i < 2; i++) {
            operator_arena_init(self, &input->values[i].arena);
            input->values[i].start = arena_mark(&input->values[i].arena);
        }
    }
    return input;
}

static void count_rows(struct ordered_input *input, const struct vector *groups, const uint16_t *selection,
                       uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t group = (uint32_t)groups->integer[selection == NULL ? i : selection[i]];
        if (group >= input->count_capacity) {
            uint32_t capacity = group < UINT32_MAX / 2 ? (group + 1) * 2 : UINT32_MAX;
            uint32_t *counts = sql_alloc_zero(input->context, capacity, sizeof(*counts));
            memcpy(counts, input->counts, sizeof(*counts) * input->count_capacity);
            input->counts = counts;
            input->count_capacity = capacity;
        }
        input->counts[group]++;
    }
}

static void sort_kept(struct ordered_input *input) {
    uint32_t count = input->kept.row_count;
    input->order = arena_alloc(&input->work, sizeof(uint32_t) * ((size_t)count + 1));
    rowset_sort(&input->kept, input->keys, input->key_count, input->order, count);
}

/* Writes the rows out as a sorted run. */
static void put_aside(struct ordered_input *input) {
    if (input->merge == NULL) {
        input->merge =
            spill_merge_new(input->self, input->keys, input->key_count, input->kept.types, input->kept.column_count);
    }
    sort_kept(input);
    spill_merge_add(input->merge, &input->kept, input->order, input->kept.row_count);
    arena_free(&input->work);
    rowset_reset(&input->kept);
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
    if (input->counts != NULL) {
        count_rows(input, group_numbers, selection, count);
    }
    rowset_append(&input->kept, input->columns, selection, count);
    if (spill_wanted(input->self->exec, &input->work)) {
        put_aside(input);
    }
}

void ordered_input_sort(struct ordered_input *input) {
    if (input->merge == NULL) {
        sort_kept(input);
    } else if (input->kept.row_count > 0) {
        put_aside(input);
    }
    input->given = 0;
    input->batch = NULL;
}

const struct batch *ordered_input_next(struct ordered_input *input) {
    if (input->merge != NULL) {
        return spill_merge_next(input->merge);
    }
    uint32_t left = input->kept.row_count - input->given;
    uint32_t count = left < VECTOR_ROWS ? left : VECTOR_ROWS;
    for (uint32_t i = 0; i < input->rows.column_count && count > 0; i++) {
        vector_clear(&input->rows.columns[i], VECTOR_ROWS);
        rowset_gather(&input->kept, i, input->order + input->given, count, &input->rows.columns[i]);
    }
    input->given += count;
    input->rows.count = count;
    return count == 0 ? NULL : &input->rows;
}

void ordered_input_reset(struct ordered_input *input) {
    arena_free(&input->work);
    rowset_reset(&input->kept);
    input->merge = NULL;
    if (input->counts != NULL) {
        memset(input->counts, 0, sizeof(*input->counts) * input->count_capacity);
    }
}

/* --- ordered sets --- */

/* Passes rows that are there. */
static void pass(struct ordered_input *input, uint64_t rows) {
    input->passed += rows;
    for (;;) {
        uint32_t left = input->batch == NULL ? 0 : input->batch->count - input->at;
        if (rows < left || (rows == 0 && left == 0)) {
            input->at += (uint32_t)rows;
            return;
        }
        rows -= left;
        input->batch = ordered_input_next(input);
        input->at = 0;
        if (input->batch == NULL) {
            ASSERT(rows == 0);
            return;
        }
        sql_check_cancel(input->context);
    }
}

static struct value current(struct ordered_input *input) {
    if (input->batch == NULL || input->at == input->batch->count) {
        input->batch = ordered_input_next(input);
        input->at = 0;
    }
    ASSERT(input->batch != NULL);
    return vector_get(&input->batch->columns[1], input->at);
}

static void copy_value(const struct value *value, struct arena *arena, struct value *copy) {
    bool copied = value_copy(value, arena, copy);
    ASSERT(copied); /* on_fail raises */
}

static void keep(struct kept_value *kept, const struct value *value) {
    arena_rewind(&kept->arena, kept->start);
    copy_value(value, &kept->arena, &kept->value);
}

/* The value of a row of the group, none before the two read last. */
static const struct value *value_at(struct ordered_input *input, uint64_t row) {
    for (uint32_t i = 0; i < 2; i++) {
        if (input->values[i].row == row) {
            return &input->values[i].value;
        }
    }
    ASSERT(row >= input->passed);
    pass(input, row - input->passed);
    struct value value = current(input);
    struct kept_value *kept = &input->values[1 - input->last];
    input->last = 1 - input->last;
    keep(kept, &value);
    kept->row = row;
    pass(input, 1);
    return &kept->value;
}

/* Between two values, `share` of the way. */
static void give_between(struct ordered_input *input, uint64_t row, double share, struct vector *result,
                         uint32_t place) {
    struct value low = *value_at(input, row); /* a number or an interval: nothing of it is elsewhere */
    struct value high = *value_at(input, row + 1);
    if (result->form == VECTOR_REAL) {
        result->real[place] = low.as.real + share * (high.as.real - low.as.real);
        return;
    }
    struct interval span;
    struct kmb_error *error = input->context->error;
    sql_try(input->context, interval_subtract(high.as.interval, low.as.interval, &span, error));
    sql_try(input->context, interval_multiply(span, share, &span, error));
    sql_try(input->context, interval_add(low.as.interval, span, &result->interval[place], error));
}

/* The first of the values that are there most often. */
static void give_mode(struct ordered_input *input, uint32_t count, struct vector *result, uint32_t place) {
    struct kept_value *best = &input->values[0];
    struct kept_value *run = &input->values[1];
    uint32_t best_count = 0;
    uint32_t run_count = 0;
    for (uint32_t row = 0; row <= count; row++) {
        struct value value = {0};
        if (row < count) {
            value = current(input);
            if (row > 0 && value_equal(&value, &run->value)) {
                run_count++;
                pass(input, 1);
                continue;
            }
        }
        if (run_count > best_count) {
            struct kept_value *swap = best;
            best = run;
            best_count = run_count;
            run = swap;
        }
        if (row < count) {
            keep(run, &value);
            run_count = 1;
            pass(input, 1);
        }
    }
    vector_set(result, place, &best->value);
}

static double share_of(const struct ordered_input *input, const struct sql_call *call, const struct value *direct) {
    double share = direct->as.real;
    if (!(share >= 0 && share <= 1)) {
        sql_raise(input->context, KMB_NUMERIC_OUT_OF_RANGE, call->position,
                  "percentile value %g is not between 0 and 1", share);
    }
    return share;
}

/* The value at a share of a group that is not empty. */
static void give_percentile(struct ordered_input *input, enum sql_ordered_set kind, uint32_t count, double share,
                            struct vector *result, uint32_t place) {
    if (kind == SQL_PERCENTILE_DISC) {
        double ordinal = ceil(share * (double)count);
        vector_set(result, place, value_at(input, ordinal <= 1 ? 0 : (uint64_t)ordinal - 1));
        return;
    }
    double row = share * (double)(count - 1);
    uint64_t below = (uint64_t)floor(row);
    if (below == (uint64_t)ceil(row)) {
        vector_set(result, place, value_at(input, below));
    } else {
        give_between(input, below, row - (double)below, result, place);
    }
}

/* A share and where it stands in its array. */
struct share {
    double share;
    uint32_t place;
};

static int share_order(const void *a, const void *b) {
    const struct share *left = a;
    const struct share *right = b;
    return left->share < right->share ? -1 : left->share > right->share;
}

/* Of each share in an array the value, in an array of its shape; NULL for NULL. */
static void give_percentiles(struct ordered_input *input, const struct sql_call *call, enum sql_ordered_set kind,
                             uint32_t count, const struct value *direct, struct vector *result, uint32_t place) {
    struct array shares;
    array_open(direct, &shares);
    struct vector one;
    vector_init_rows(input->context, &one, type_of_elements(call->result_type), 1);
    struct share *sorted = sql_alloc(input->context, ((size_t)shares.count + 1) * sizeof(*sorted));
    struct value *values = sql_alloc(input->context, ((size_t)shares.count + 1) * sizeof(*values));
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < shares.count; i++) { /* all are looked at before any is used */
        struct value share = array_get(&shares, i);
        values[i] = value_null(one.type.id);
        if (!share.is_null) {
            sorted[wanted++] = (struct share){.share = share_of(input, call, &share), .place = i};
        }
    }
    qsort(sorted, wanted, sizeof(*sorted), share_order); /* rows go by once */
    for (uint32_t i = 0; i < wanted; i++) {
        give_percentile(input, kind, count, sorted[i].share, &one, 0);
        struct value value = vector_get(&one, 0);
        copy_value(&value, call->arena, &values[sorted[i].place]);
    }
    struct value made;
    sql_try(input->context, array_make(one.type.id, &shares.shape, values, call->arena, &made, input->context->error));
    vector_set(result, place, &made);
}

void ordered_input_result(struct ordered_input *input, const struct sql_call *call, const struct sql_function *function,
                          uint32_t group, const struct value *direct, struct vector *result, uint32_t row) {
    uint32_t count = group < input->count_capacity ? input->counts[group] : 0;
    bool mode = function->ordered_set == SQL_MODE; /* it has no direct argument */
    bool several = !mode && type_is_array(direct->type);
    bool none = count == 0;
    double share = 0;
    if (!mode) {
        none = none || direct->is_null;
        share = direct->is_null || several ? 0 : share_of(input, call, direct);
    }
    input->passed = 0;
    input->values[0].row = UINT64_MAX;
    input->values[1].row = UINT64_MAX;
    if (none) {
        result->null[row] = 1;
        result->may_have_null = true;
    } else if (mode) {
        give_mode(input, count, result, row);
    } else if (several) {
        give_percentiles(input, call, function->ordered_set, count, direct, result, row);
    } else {
        give_percentile(input, function->ordered_set, count, share, result, row);
    }
    pass(input, count - input->passed);
}
