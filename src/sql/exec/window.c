/*
 * Window functions.
 *
 * All input is kept and sorted by partition and order; rows are then known by their position in that order. Partition
 * by partition each function gets its column: ranks are counted, values of other rows are remembered as the row they
 * come from, and aggregates are fed from frames (window_frame.c). A frame that begins where the last one began is the
 * last one's state with rows added; one that has lost rows is computed anew, or by taking the lost rows out of the
 * state where the aggregate can.
 *
 * Arguments of aggregates are laid out in sorted order once, so that a piece of a frame is a piece of a vector.
 *
 * Input that is more than work_mem is written out in sorted runs (spill.h), which are merged and come back some whole
 * partitions at a time.
 */
#include "sql/exec/window.h"

#include "base/assert.h"
#include "sql/exec/spill.h"

struct window_call {
    const struct plan_aggregate *plan;
    const struct sql_function *function;
    uint32_t *columns; /* of its arguments in the rowset */
    uint32_t filter;   /* column; ROWSET_NONE: none */
    /* aggregates and ranks: a vector for each VECTOR_ROWS positions */
    struct vector *results;
    /* functions that give another row's value */
    uint32_t *sources; /* by position: the row; ROWSET_NONE: none */
    uint8_t *outside;  /* lag, lead with a default: no such row */
    /* aggregates */
    struct vector **arguments; /* by argument: a vector for each VECTOR_ROWS positions */
    struct vector **piece;     /* the arguments' vectors of one piece */
    uint8_t *valid;            /* by position: FILTER takes it and a strict function meets no NULL */
    bool all_valid;
    void *state;
    struct arena arena; /* the state's own memory */
    struct arena_mark arena_start;
    struct sql_call call;
};

struct window {
    struct exec_operator base;
    struct arena work; /* of the rows kept and all that is computed of them */
    struct rowset rowset;
    struct type *types;
    struct evaluator **evaluators; /* for the columns behind the child's */
    const struct vector **columns;
    uint32_t width;
    uint32_t column_count;
    struct rowset_key *keys; /* partition, then order */
    uint32_t partition_count;
    uint32_t key_count;
    uint32_t *order;
    uint32_t count;
    uint32_t *group_of;
    uint32_t *groups;
    struct window_frames frames;
    struct window_call *calls;
    uint32_t call_count;
    void *states[VECTOR_ROWS]; /* one state over and over, for adders of many groups */
    uint16_t rows[VECTOR_ROWS];
    uint32_t given;
    bool consumed;
    struct spill_merge *merge; /* all rows, where they did not fit; NULL: they did */
    const struct batch *merged;
    uint32_t merged_at; /* next row of it */
    const struct vector **last;
};

static void *work_alloc(struct window *window, size_t count, size_t size) {
    void *memory = arena_alloc(&window->work, count * size);
    ASSERT(memory != NULL); /* on_fail raises */
    return memory;
}

/* --- results by position --- */

static uint32_t chunks_of(uint32_t count) {
    return (count + VECTOR_ROWS - 1) / VECTOR_ROWS;
}

static struct vector *vectors_new(struct window *window, struct type type) {
    uint32_t chunks = chunks_of(window->count);
    struct vector *vectors = work_alloc(window, (size_t)chunks + 1, sizeof(*vectors));
    for (uint32_t i = 0; i < chunks; i++) {
        vector_init_in(&window->work, &vectors[i], type, VECTOR_ROWS);
    }
    return vectors;
}

static struct vector *result_at(struct window_call *call, uint32_t position, uint32_t *row) {
    *row = position % VECTOR_ROWS;
    return &call->results[position / VECTOR_ROWS];
}

static void set_integer(struct window_call *call, uint32_t position, int64_t value) {
    uint32_t row = 0;
    result_at(call, position, &row)->integer[row] = value;
}

static void set_real(struct window_call *call, uint32_t position, double value) {
    uint32_t row = 0;
    result_at(call, position, &row)->real[row] = value;
}

static void set_null(struct window_call *call, uint32_t position) {
    uint32_t row = 0;
    struct vector *result = result_at(call, position, &row);
    result->null[row] = 1;
    result->may_have_null = true;
}

/* --- ranks --- */

static void run_ranks(struct window *window, struct window_call *call) {
    const struct window_frames *at = &window->frames;
    uint32_t total = at->to - at->from;
    for (uint32_t position = at->from; position < at->to; position++) {
        uint32_t group = at->group_of[position];
        uint32_t before = at->groups[group] - at->from;
        switch ((int)call->function->window) {
        case SQL_WINDOW_ROW_NUMBER:
            set_integer(call, position, position - at->from + 1);
            break;
        case SQL_WINDOW_RANK:
            set_integer(call, position, before + 1);
            break;
        case SQL_WINDOW_DENSE_RANK:
            set_integer(call, position, group + 1);
            break;
        case SQL_WINDOW_PERCENT_RANK:
            set_real(call, position, total > 1 ? (double)before / (double)(total - 1) : 0);
            break;
        default:
            ASSERT(call->function->window == SQL_WINDOW_CUME_DIST);
            set_real(call, position, (double)(at->groups[group + 1] - at->from) / (double)total);
            break;
        }
    }
}

/* The argument of a call at a position. */
static struct value argument_of(const struct window *window, const struct window_call *call, uint32_t argument,
                                uint32_t position) {
    uint32_t place = 0;
    const struct vector *vector = rowset_at(&window->rowset, call->columns[argument], window->order[position], &place);
    return vector_get(vector, place);
}

/* Parts of equal size, the first ones larger by one where it does not come out even. The number of parts is that of the
 * first row that has one. */
static void run_ntile(struct window *window, struct window_call *call) {
    const struct window_frames *at = &window->frames;
    int64_t total = at->to - at->from;
    int64_t parts = 0;
    int64_t done = 0;
    for (uint32_t position = at->from; position < at->to; position++) {
        if (parts == 0) {
            struct value value = argument_of(window, call, 0, position);
            if (value.is_null) {
                set_null(call, position);
                continue;
            }
            if (value.as.integer <= 0) {
                sql_raise(window->base.exec->context, KMB_INVALID_NTILE, call->plan->position,
                          "argument of ntile must be greater than zero");
            }
            parts = value.as.integer;
        }
        int64_t size = total / parts;
        int64_t larger = total % parts;
        int64_t in_larger = larger * (size + 1);
        set_integer(call, position, done < in_larger ? done / (size + 1) + 1 : larger + (done - in_larger) / size + 1);
        done++;
    }
}

/* --- values of other rows --- */

static void run_shift(struct window *window, struct window_call *call) {
    const struct window_frames *at = &window->frames;
    bool back = call->function->window == SQL_WINDOW_LAG;
    for (uint32_t position = at->from; position < at->to; position++) {
        int64_t by = 1;
        if (call->plan->argument_count > 1) {
            struct value offset = argument_of(window, call, 1, position);
            if (offset.is_null) {
                continue; /* NULL */
            }
            by = offset.as.integer;
        }
        int64_t from = back ? (int64_t)position - by : (int64_t)position + by;
        if (from >= at->from && from < at->to) {
            call->sources[position] = window->order[from];
        } else if (call->outside != NULL) {
            call->outside[position] = 1;
        }
    }
}

static void run_frame_value(struct window *window, struct window_call *call) {
    const struct window_frames *at = &window->frames;
    for (uint32_t position = at->from; position < at->to; position++) {
        struct window_range ranges[WINDOW_RANGES_MAX];
        int64_t nth = 1;
        if (call->function->window == SQL_WINDOW_NTH_VALUE) {
            struct value value = argument_of(window, call, 1, position);
            if (value.is_null) {
                continue;
            }
            nth = value.as.integer;
            if (nth <= 0) {
                sql_raise(window->base.exec->context, KMB_INVALID_NTH_VALUE, call->plan->position,
                          "argument of nth_value must be greater than zero");
            }
        }
        uint32_t count = window_frame_of(at, position, ranges);
        if (count > 0 && call->function->window == SQL_WINDOW_LAST_VALUE) {
            call->sources[position] = window->order[ranges[count - 1].to - 1];
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            int64_t size = ranges[i].to - ranges[i].from;
            if (nth <= size) {
                call->sources[position] = window->order[ranges[i].from + (uint32_t)nth - 1];
                break;
            }
            nth -= size;
        }
    }
}

/* --- aggregates --- */

/* Lays the arguments out in sorted order and finds the rows that count. */
static void aggregate_lay_out(struct window *window, struct window_call *call) {
    call->valid = work_alloc(window, (size_t)window->count + 1, 1);
    memset(call->valid, 1, window->count);
    call->all_valid = true;
    for (uint32_t n = 0; n < call->plan->argument_count; n++) {
        call->arguments[n] = vectors_new(window, call->plan->arguments[n]->type);
        for (uint32_t i = 0; i < chunks_of(window->count); i++) {
            uint32_t first = i * VECTOR_ROWS;
            uint32_t count = window->count - first < VECTOR_ROWS ? window->count - first : VECTOR_ROWS;
            struct vector *vector = &call->arguments[n][i];
            rowset_gather(&window->rowset, call->columns[n], window->order + first, count, vector);
            for (uint32_t row = 0; row < count && call->function->strict && vector->may_have_null; row++) {
                call->valid[first + row] &= !vector->null[row];
                call->all_valid &= !vector->null[row];
            }
        }
    }
    for (uint32_t position = 0; position < window->count && call->filter != ROWSET_NONE; position++) {
        uint32_t place = 0;
        const struct vector *vector = rowset_at(&window->rowset, call->filter, window->order[position], &place);
        bool taken = !vector_is_null(vector, place) && vector->boolean[place];
        call->valid[position] &= taken;
        call->all_valid &= taken;
    }
}

/* Gives add or remove the positions of a range, a piece of a vector at a time. */
static void aggregate_feed(struct window *window, struct window_call *call, struct window_range range, bool remove) {
    const struct sql_aggregate *functions = call->function->aggregate;
    for (uint32_t at = range.from; at < range.to;) {
        uint32_t place = at % VECTOR_ROWS;
        uint32_t step = VECTOR_ROWS - place < range.to - at ? VECTOR_ROWS - place : range.to - at;
        uint32_t count = 0;
        for (uint32_t i = 0; i < step; i++) {
            window->rows[count] = (uint16_t)(place + i);
            count += call->all_valid || call->valid[at + i];
        }
        for (uint32_t n = 0; n < call->plan->argument_count; n++) {
            call->piece[n] = &call->arguments[n][at / VECTOR_ROWS];
        }
        if (count > 0 && remove) {
            functions->remove(&call->call, call->state, call->piece, window->rows, count);
        } else if (count > 0 && functions->add_one_group != NULL) {
            functions->add_one_group(&call->call, call->state, call->piece, window->rows, count);
        } else if (count > 0) {
            for (uint32_t i = 0; i < count; i++) {
                window->states[i] = call->state;
            }
            functions->add(&call->call, window->states, call->piece, window->rows, count);
        }
        at += step;
    }
}

static void aggregate_reset(struct window_call *call) {
    memset(call->state, 0, call->function->aggregate->state_size);
    if (call->arena.chunks != NULL) {
        arena_rewind(&call->arena, call->arena_start);
    }
}

static void aggregate_result(struct window *window, struct window_call *call, uint32_t position) {
    uint32_t row = 0;
    struct vector *result = result_at(call, position, &row);
    call->function->aggregate->finish(&call->call, call->state, result, row);
    if (result->form == VECTOR_BYTES && !vector_is_null(result, row)) { /* the state goes on to change */
        result->bytes[row] = arena_dup_slice(&window->work, result->bytes[row]);
    }
}

static void aggregate_repeat(struct window_call *call, uint32_t position) {
    uint32_t row = 0;
    uint32_t row_before = 0;
    struct vector *result = result_at(call, position, &row);
    const struct vector *before = result_at(call, position - 1, &row_before);
    struct value value = vector_get(before, row_before);
    vector_set(result, row, &value);
}

/* Brings the state from the last frame to the next. */
static void aggregate_move(struct window *window, struct window_call *call, const struct window_range *last,
                           uint32_t last_count, const struct window_range *next, uint32_t next_count) {
    bool grown =
        last_count == 1 && next_count == 1 && next->from >= last->from && next->from < last->to && next->to >= last->to;
    uint32_t lost = grown ? next->from - last->from : 0;
    bool removes = call->function->aggregate->remove != NULL && lost < (next->to - next->from);
    if (grown && (lost == 0 || removes)) {
        if (lost > 0) {
            aggregate_feed(window, call, (struct window_range){last->from, next->from}, true);
        }
        aggregate_feed(window, call, (struct window_range){last->to, next->to}, false);
        return;
    }
    aggregate_reset(call);
    for (uint32_t i = 0; i < next_count; i++) {
        aggregate_feed(window, call, next[i], false);
    }
}

static void run_aggregate(struct window *window, struct window_call *call) {
    const struct window_frames *at = &window->frames;
    struct window_range last[WINDOW_RANGES_MAX];
    uint32_t last_count = 0;
    aggregate_reset(call);
    for (uint32_t position = at->from; position < at->to; position++) {
        struct window_range next[WINDOW_RANGES_MAX];
        uint32_t count = window_frame_of(at, position, next);
        bool same = position > at->from && count == last_count;
        for (uint32_t i = 0; i < count && same; i++) {
            same = next[i].from == last[i].from && next[i].to == last[i].to;
        }
        if (same) {
            aggregate_repeat(call, position);
            continue;
        }
        sql_check_cancel(window->base.exec->context);
        aggregate_move(window, call, last, last_count, next, count);
        aggregate_result(window, call, position);
        memcpy(last, next, sizeof last);
        last_count = count;
    }
}

/* --- partitions --- */

static void run_call(struct window *window, struct window_call *call) {
    sql_check_cancel(window->base.exec->context);
    if (call->function->class == SQL_FUNCTION_AGGREGATE) {
        run_aggregate(window, call);
        return;
    }
    switch (call->function->window) {
    case SQL_WINDOW_ROW_NUMBER:
    case SQL_WINDOW_RANK:
    case SQL_WINDOW_DENSE_RANK:
    case SQL_WINDOW_PERCENT_RANK:
    case SQL_WINDOW_CUME_DIST:
        run_ranks(window, call);
        break;
    case SQL_WINDOW_NTILE:
        run_ntile(window, call);
        break;
    case SQL_WINDOW_LAG:
    case SQL_WINDOW_LEAD:
        run_shift(window, call);
        break;
    case SQL_WINDOW_FIRST_VALUE:
    case SQL_WINDOW_LAST_VALUE:
    case SQL_WINDOW_NTH_VALUE:
        run_frame_value(window, call);
        break;
    case SQL_WINDOW_NONE:
        UNREACHABLE("a window function of no kind");
    }
}

/* Whether the rows at two positions agree in keys [first, first + count). */
static bool same_keys(const struct window *window, uint32_t first, uint32_t count, uint32_t a, uint32_t b) {
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t place_a = 0;
        uint32_t place_b = 0;
        const struct vector *x = rowset_at(&window->rowset, window->keys[i].column, window->order[a], &place_a);
        const struct vector *y = rowset_at(&window->rowset, window->keys[i].column, window->order[b], &place_b);
        if (!vector_equal(x, place_a, y, place_b)) {
            return false;
        }
    }
    return true;
}

static void run_partition(struct window *window, uint32_t from, uint32_t to) {
    uint32_t group = 0;
    window->groups[0] = from;
    for (uint32_t position = from; position < to; position++) {
        if (position > from && !same_keys(window, window->partition_count, window->key_count - window->partition_count,
                                          position - 1, position)) {
            window->groups[++group] = position;
        }
        window->group_of[position] = group;
    }
    window->groups[group + 1] = to;
    window->frames.from = from;
    window->frames.to = to;
    window->frames.group_count = group + 1;
    for (uint32_t i = 0; i < window->call_count; i++) {
        run_call(window, &window->calls[i]);
    }
}

static void call_prepare(struct window *window, struct window_call *call) {
    bool of_row = call->function->class == SQL_FUNCTION_WINDOW && call->function->window >= SQL_WINDOW_LAG;
    if (!of_row) {
        call->results = vectors_new(window, call->plan->type);
    } else {
        call->sources = work_alloc(window, (size_t)window->count + 1, sizeof(uint32_t));
        memset(call->sources, 0xff, sizeof(uint32_t) * window->count); /* ROWSET_NONE */
    }
    if (of_row && call->function->window <= SQL_WINDOW_LEAD && call->plan->argument_count == 3) {
        call->outside = work_alloc(window, (size_t)window->count + 1, 1);
        memset(call->outside, 0, window->count);
    }
    if (call->function->class == SQL_FUNCTION_AGGREGATE) {
        aggregate_lay_out(window, call);
    }
}

/* Computes all calls of the rows kept, which are in `order`: whole partitions. */
static void run_section(struct window *window) {
    size_t count = window->count;
    window->given = 0;
    window->group_of = work_alloc(window, count, sizeof(uint32_t));
    window->groups = work_alloc(window, count + 1, sizeof(uint32_t));
    window->frames.order = window->order;
    window->frames.group_of = window->group_of;
    window->frames.groups = window->groups;
    for (uint32_t i = 0; i < window->call_count; i++) {
        call_prepare(window, &window->calls[i]);
    }
    uint32_t from = 0;
    for (uint32_t position = 1; position <= window->count; position++) {
        if (position == window->count || !same_keys(window, 0, window->partition_count, position - 1, position)) {
            run_partition(window, from, position);
            from = position;
        }
    }
}

static void sort_rows(struct window *window) {
    window->count = window->rowset.row_count;
    window->order = work_alloc(window, (size_t)window->count + 1, sizeof(uint32_t));
    rowset_sort(&window->rowset, window->keys, window->key_count, window->order, window->count);
}

static void forget_rows(struct window *window) {
    arena_free(&window->work);
    rowset_reset(&window->rowset);
}

/* Writes the rows out as a sorted run. */
static void put_aside(struct window *window) {
    if (window->merge == NULL) {
        window->merge =
            spill_merge_new(&window->base, window->keys, window->key_count, window->types, window->column_count);
    }
    sort_rows(window);
    spill_merge_add(window->merge, &window->rowset, window->order, window->count);
    forget_rows(window);
}

static void consume(struct window *window) {
    struct exec_operator *self = &window->base;
    const struct batch *batch = NULL;
    while ((batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        uint32_t live = batch_live(batch);
        for (uint32_t i = 0; i < window->column_count; i++) {
            window->columns[i] =
                i < window->width ? &batch->columns[i]
                                  : evaluator_run(window->evaluators[i - window->width], batch, batch->selection, live);
        }
        rowset_append(&window->rowset, window->columns, batch->selection, live);
        if (spill_wanted(self->exec, &window->work)) {
            put_aside(window);
        }
    }
    if (window->merge == NULL && window->rowset.row_count == 0) {
        return;
    }
    window_frames_open(&window->frames, self->exec);
    if (window->merge != NULL) {
        put_aside(window);
        window->count = 0; /* nothing is given yet */
        return;
    }
    sort_rows(window);
    run_section(window);
}

/* --- rows that were put aside come back some partitions at a time --- */

/* Whether a row is in the partition of another, of other vectors perhaps. */
static bool in_partition(const struct window *window, const struct vector *const *columns, uint32_t row,
                         const struct vector *const *others, uint32_t other) {
    for (uint32_t i = 0; i < window->partition_count; i++) {
        uint32_t column = window->keys[i].column;
        if (!vector_equal(columns[column], row, others[column], other)) {
            return false;
        }
    }
    return true;
}

/* Whether the next row of the merged batch is in the partition of the last row kept. */
static bool continues(const struct window *window) {
    uint32_t place = 0;
    for (uint32_t i = 0; i < window->partition_count; i++) {
        uint32_t column = window->keys[i].column;
        window->last[column] = rowset_at(&window->rowset, column, window->rowset.row_count - 1, &place);
    }
    return in_partition(window, window->columns, window->merged_at, window->last, place);
}

/* Keeps rows of the merged batch: `most` of them at least, and those of the last one's partition. */
static void take_merged(struct window *window, uint32_t most) {
    uint32_t count = 0;
    while (window->merged_at < window->merged->count) {
        uint32_t row = window->merged_at;
        if (count >= most && count > 0 && !in_partition(window, window->columns, row, window->columns, row - 1)) {
            break;
        }
        window->rows[count++] = (uint16_t)row;
        window->merged_at++;
    }
    rowset_append(&window->rowset, window->columns, window->rows, count);
}

/* Keeps the next whole partitions; false: there are none. */
static bool next_section(struct window *window) {
    forget_rows(window);
    for (;;) {
        if (window->merged == NULL || window->merged_at == window->merged->count) {
            operator_begin(&window->base);
            window->merged = spill_merge_next(window->merge);
            window->merged_at = 0;
            if (window->merged == NULL) {
                break;
            }
            for (uint32_t i = 0; i < window->column_count; i++) {
                window->columns[i] = &window->merged->columns[i];
            }
        }
        uint32_t kept = window->rowset.row_count;
        if (kept >= VECTOR_ROWS && !continues(window)) {
            break;
        }
        take_merged(window, kept < VECTOR_ROWS ? VECTOR_ROWS - kept : 0);
    }
    window->count = window->rowset.row_count;
    window->order = work_alloc(window, (size_t)window->count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < window->count; i++) {
        window->order[i] = i;
    }
    if (window->count > 0) {
        run_section(window);
    }
    return window->count > 0;
}

/* --- output --- */

static void give_call(struct window *window, struct window_call *call, uint32_t count, struct vector *out) {
    if (call->sources == NULL) {
        *out = call->results[window->given / VECTOR_ROWS];
        return;
    }
    rowset_gather(&window->rowset, call->columns[0], call->sources + window->given, count, out);
    for (uint32_t i = 0; call->outside != NULL && i < count; i++) {
        if (call->outside[window->given + i]) {
            struct value value = argument_of(window, call, 2, window->given + i);
            vector_set(out, i, &value);
        }
    }
}

static const struct batch *window_next(struct exec_operator *self) {
    struct window *window = (struct window *)self;
    if (!window->consumed) {
        consume(window);
        window->consumed = true;
    }
    if (window->given == window->count && (window->merge == NULL || !next_section(window))) {
        return NULL;
    }
    operator_begin(self);
    operator_clear(self);
    uint32_t count = window->count - window->given < VECTOR_ROWS ? window->count - window->given : VECTOR_ROWS;
    for (uint32_t i = 0; i < window->width; i++) {
        rowset_gather(&window->rowset, i, window->order + window->given, count, &self->batch.columns[i]);
    }
    for (uint32_t i = 0; i < window->call_count; i++) {
        give_call(window, &window->calls[i], count, &self->batch.columns[window->width + i]);
    }
    window->given += count;
    self->batch.count = count;
    return &self->batch;
}

/* --- making --- */

/* The rowset's column with the expression's values. */
static uint32_t column_for(struct window *window, const struct expr *expr) {
    if (expr->kind == EXPR_COLUMN) {
        return expr->column;
    }
    window->types[window->column_count] = expr->type;
    window->evaluators[window->column_count - window->width] =
        operator_evaluator(&window->base, expr, window->base.left->rows_max);
    return window->column_count++;
}

static void call_make(struct window *window, struct window_call *call, const struct plan_aggregate *plan) {
    struct exec *exec = window->base.exec;
    struct sql_context *context = exec->context;
    call->plan = plan;
    call->function = plan->function;
    call->columns = sql_alloc(context, sizeof(*call->columns) * (plan->argument_count + 1));
    call->arguments = sql_alloc_zero(context, plan->argument_count + 1, sizeof(*call->arguments));
    call->piece = sql_alloc_zero(context, plan->argument_count + 1, sizeof(*call->piece));
    struct type *types = sql_alloc_zero(context, plan->argument_count + 1, sizeof(*types));
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        call->columns[i] = column_for(window, plan->arguments[i]);
        types[i] = plan->arguments[i]->type;
    }
    call->filter = plan->filter == NULL ? ROWSET_NONE : column_for(window, plan->filter);
    if (plan->function->class != SQL_FUNCTION_AGGREGATE) {
        return;
    }
    operator_arena_init(&window->base, &call->arena);
    call->arena_start = arena_mark(&call->arena);
    call->state = sql_alloc_zero(context, 1, plan->function->aggregate->state_size + 1);
    call->call = (struct sql_call){.context = context,
                                   .arena = &call->arena,
                                   .result_type = plan->type,
                                   .argument_types = types,
                                   .argument_count = plan->argument_count,
                                   .position = plan->position};
}

struct exec_operator *window_make(struct exec *exec, const struct plan_node *node) {
    struct sql_context *context = exec->context;
    struct window *window = operator_new(exec, node, sizeof(*window), window_next);
    window->base.left = operator_make(exec, node->left);
    window->width = node->left->column_count;
    window->column_count = window->width;
    ASSERT(node->column_count == window->width + node->aggregate_count);
    uint32_t more = node->expression_count + node->sort_key_count;
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        more += node->aggregates[i].argument_count + 1;
    }
    window->types = sql_alloc_zero(context, window->width + more + 1, sizeof(*window->types));
    window->evaluators = sql_alloc_zero(context, more + 1, sizeof(struct evaluator *));
    window->columns = sql_alloc(context, sizeof(*window->columns) * (window->width + more + 1));
    window->last = sql_alloc(context, sizeof(*window->last) * (window->width + more + 1));
    for (uint32_t i = 0; i < window->width; i++) {
        window->types[i] = node->left->columns[i].type;
    }
    window->partition_count = node->expression_count;
    window->key_count = node->expression_count + node->sort_key_count;
    window->keys = sql_alloc_zero(context, window->key_count + 1, sizeof(*window->keys));
    for (uint32_t i = 0; i < node->expression_count; i++) {
        window->keys[i].column = column_for(window, node->expressions[i]);
    }
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        const struct plan_sort_key *key = &node->sort_keys[i];
        window->keys[node->expression_count + i] = (struct rowset_key){
            .column = column_for(window, key->expr), .descending = key->descending, .nulls_first = key->nulls_first};
    }
    window->call_count = node->aggregate_count;
    window->calls = sql_alloc_zero(context, node->aggregate_count + 1, sizeof(*window->calls));
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        call_make(window, &window->calls[i], &node->aggregates[i]);
    }
    operator_kept_init(&window->base, &window->work);
    rowset_init(&window->rowset, context, &window->work, window->types, window->column_count);
    window->frames = (struct window_frames){.context = context,
                                            .plan = &node->frame,
                                            .rowset = &window->rowset,
                                            .key = window->keys[node->expression_count]};
    operator_columns(&window->base, VECTOR_ROWS);
    return &window->base;
}
