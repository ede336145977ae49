/*
 * Joins.
 *
 * All strategies and kinds are one loop: for each row of the left side in its order, the candidate rows of the right
 * side, as pairs of (row of the left batch, kept row of the right); when a thousand pairs are together, both sides are
 * gathered into one batch and the rest of the condition narrows it. What differs is where candidates come from
 * (join_source.c): all right rows (nested loop), those with equal keys (hash, merge), those an index finds, those of a
 * query run for the left row (lateral).
 *
 * SEMI gives a left row with its first partner only, ANTI only the pair without one.
 *
 * An outer join adds, behind a left row's candidates, a pair without a right row. It stands only if no candidate did;
 * since candidates come first, that is known when the batch is narrowed. Right rows that found no partner are given
 * at the end. So the order of an answer is that of the left side, whatever the strategy.
 */
#include "sql/exec/join.h"

#include "base/assert.h"

/* A left row without a partner is given, beside NULLs. */
static bool keeps_left(const struct join *join) {
    enum plan_join_type type = join->base.node->join_type;
    return type == PLAN_JOIN_LEFT || type == PLAN_JOIN_FULL || type == PLAN_JOIN_ANTI;
}

static bool keeps_right(const struct join *join) {
    return join->base.node->join_type == PLAN_JOIN_RIGHT || join->base.node->join_type == PLAN_JOIN_FULL;
}

/* --- pairs --- */

/* Fills the output columns from the pairs collected. */
static void gather(struct join *join) {
    struct exec_operator *self = &join->base;
    operator_clear(self);
    for (uint32_t i = 0; i < join->left_count; i++) {
        if (join->left_batch == NULL) { /* right rows alone, at the end */
            memset(self->batch.columns[i].null, 1, join->pair_count);
            self->batch.columns[i].may_have_null = true;
        } else {
            vector_copy(&self->batch.columns[i], NULL, &join->left_batch->columns[i], join->pair_left,
                        join->pair_count);
        }
    }
    for (uint32_t i = 0; i < join->right_count; i++) {
        rowset_gather(&join->rows, i, join->pair_right, join->pair_count, &self->batch.columns[join->left_count + i]);
    }
    self->batch.count = join->pair_count;
    if (join->spill != NULL) {
        join_spill_places(join);
    }
}

/* Index joins check the key pairs that the index could not; NULLs are equal to nothing. */
static uint32_t narrow_by_keys(struct join *join, const uint16_t *selection, uint32_t count) {
    const struct batch left = {
        .column_count = join->left_count, .columns = join->base.batch.columns, .count = join->pair_count};
    const struct batch right = {.column_count = join->right_count,
                                .columns = join->base.batch.columns + join->left_count,
                                .count = join->pair_count};
    for (uint32_t n = 0; n < join->check_count && count > 0; n++) {
        const struct vector *a = evaluator_run(join->check_left[n], &left, selection, count);
        const struct vector *b = evaluator_run(join->check_right[n], &right, selection, count);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = selection == NULL ? i : selection[i];
            uint32_t at = vector_row(a, row);
            uint32_t bt = vector_row(b, row);
            join->selection[kept] = (uint16_t)row;
            kept += !vector_is_null(a, at) && !vector_is_null(b, bt) && vector_equal(a, at, b, bt);
        }
        selection = join->selection;
        count = kept;
    }
    return count;
}

/* Applies the condition to pairs; those that are given without a right row are not asked. */
static void narrow(void *argument, uint32_t first, uint32_t count) {
    struct join *join = argument;
    uint32_t real = 0;
    for (uint32_t i = first; i < first + count; i++) {
        join->selection[real] = (uint16_t)i;
        real += join->pair_right[i] != ROWSET_NONE;
    }
    bool all = first == 0 && real == join->pair_count;
    join->live = narrow_by_keys(join, all ? NULL : join->selection, real);
    const uint16_t *selection = all && join->check_count == 0 ? NULL : join->selection;
    if (join->predicate != NULL) {
        join->live = evaluator_select(join->predicate, &join->base.batch, selection, join->live, join->selection);
    }
}

/* Applies the condition to the pairs; true when any row came out. */
static bool flush(struct join *join) {
    struct exec_operator *self = &join->base;
    if (join->pair_count == 0) {
        return false;
    }
    gather(join);
    uint32_t live = join->pair_count;
    const uint16_t *selection = NULL;
    bool conditional = join->predicate != NULL || join->check_count > 0;
    if (conditional) {
        join->pair_count = operator_attempt(self, narrow, join, join->pair_count);
        live = join->live;
        selection = join->selection;
    }
    enum plan_join_type type = self->node->join_type;
    if (keeps_left(join) || keeps_right(join) || type == PLAN_JOIN_SEMI) {
        /* Walk all pairs: those that passed mark their sides; a pair without a right row stands if its left row has no
         * mark by then. */
        memset(join->passed, 0, join->pair_count);
        for (uint32_t i = 0; i < live; i++) {
            join->passed[selection == NULL ? i : selection[i]] = 1;
        }
        live = 0;
        for (uint32_t i = 0; i < join->pair_count; i++) {
            bool real = join->pair_right[i] != ROWSET_NONE;
            bool matched = join->left_matched[join->pair_left[i]] != 0;
            bool stands = real ? join->passed[i] != 0 : !matched;
            if (stands && real) {
                join->left_matched[join->pair_left[i]] = 1;
                if (keeps_right(join)) {
                    join->right_matched[join->pair_right[i]] = 1;
                }
                stands = type != PLAN_JOIN_ANTI && (type != PLAN_JOIN_SEMI || !matched);
            }
            join->selection[live] = (uint16_t)i;
            live += stands;
        }
        selection = join->selection;
    }
    self->batch.count = join->pair_count;
    join->pair_count = 0;
    self->batch.selection = live == self->batch.count ? NULL : selection;
    self->batch.selection_count = live;
    uint64_t rows_max = self->exec->context->settings == NULL ? 0 : self->exec->context->settings->join_rows_max;
    self->exec->joined += live;
    if (rows_max != 0 && self->exec->joined > rows_max) {
        sql_raise_with(self->exec->context, KMB_LIMIT, 0, NULL, "Narrow the join, or SET kimberlite.join_rows_max.",
                       "joins of this statement make more than %llu rows", (unsigned long long)rows_max);
    }
    return live > 0;
}

/* --- the loop --- */

static bool next_left(struct join *join) {
    join->left_batch = join_spill_left_next(join);
    if (join->left_batch == NULL) {
        return false;
    }
    join->left_live = batch_live(join->left_batch);
    join->left_at = 0;
    join->candidates_open = false;
    memset(join->left_matched, 0, join->left_batch->count);
    join_spill_matches(join, false);
    join_source_batch(join);
    return true;
}

/* Adds pairs until the buffer is full or the left batch is at its end; true: the buffer is full. */
static bool collect(struct join *join) {
    bool alone = keeps_left(join) && join_spill_last(join);
    while (join->left_at < join->left_live) {
        uint16_t row =
            join->left_batch->selection == NULL ? (uint16_t)join->left_at : join->left_batch->selection[join->left_at];
        if (!join->candidates_open) {
            join_source_row(join, row);
            join->candidates_open = true;
        }
        bool enough = join->left_matched[row] != 0 && join->one_is_enough;
        while (join->pair_count < join->pairs_max && !enough) {
            uint32_t right = join_source_next(join);
            if (right == ROWSET_NONE) {
                break;
            }
            join->pair_left[join->pair_count] = row;
            join->pair_right[join->pair_count++] = right;
            enough = join->one_is_enough && join->predicate == NULL && join->check_count == 0;
        }
        if (join->pair_count == join->pairs_max && !enough) {
            return true;
        }
        if (join->pair_count == join->pairs_max && alone) {
            return true;
        }
        if (alone) {
            join->pair_left[join->pair_count] = row;
            join->pair_right[join->pair_count++] = ROWSET_NONE;
        }
        join->candidates_open = false;
        join->left_at++;
        if (join->pair_count == join->pairs_max) {
            return true;
        }
    }
    return false;
}

static void collect_run(void *argument) {
    struct join *join = argument;
    join->full = collect(join);
}

/*
 * Of a lateral join: each left row has a query of its own to run, so that no more of them are than a LIMIT above asks
 * for, and what one raises waits for the pairs before it.
 */
static bool collect_lateral(struct join *join) {
    struct exec_operator *self = &join->base;
    bool all = join->predicate == NULL && join->check_count == 0;
    join->pairs_max = all && self->wanted < VECTOR_ROWS ? (uint32_t)self->wanted : VECTOR_ROWS;
    if (!operator_catch(self, collect_run, join)) {
        if (join->pair_count == 0) {
            operator_late(self);
        }
        return true;
    }
    return join->full;
}

/* Right rows without a partner, NULLs on the left. */
static const struct batch *rest(struct join *join, uint32_t end) {
    struct exec_operator *self = &join->base;
    operator_begin(self);
    join->left_batch = NULL;
    join->pair_count = 0;
    while (join->rest_at < end && join->pair_count < VECTOR_ROWS) {
        join->pair_right[join->pair_count] = join->rest_at;
        join->pair_count += !join->right_matched[join->rest_at];
        join->rest_at++;
    }
    if (join->pair_count == 0) {
        return NULL;
    }
    gather(join);
    join->pair_count = 0;
    return &self->batch;
}

/* The same of a merge join, while the left side is still being read. */
static const struct batch *merge_rest(struct join *join) {
    const struct batch *left = join->left_batch;
    const struct batch *batch = NULL;
    uint32_t end = 0;
    while (batch == NULL && join_merge_rest(join, &end)) {
        batch = rest(join, end);
    }
    join->left_batch = left;
    return batch;
}

/* The right side is made ready; a part of it, where it does not fit. */
static void begin(struct join *join) {
    join_source_build(join);
    if (keeps_right(join) && join->merge == NULL) {
        size_t count = (size_t)join->rows.row_count + 1;
        join->right_matched = arena_alloc_zero(join->rows.arena, count, 1);
        ASSERT(join->right_matched != NULL); /* on_fail raises */
    }
    bool whole = join->fetch == NULL && join->lateral == NULL && join->merge == NULL; /* the right side is there */
    join->left_done = whole && join->rows.row_count == 0 && !keeps_left(join);
    join->rest_at = 0;
}

/* The next batch of the part that is joined now. */
static const struct batch *part_next(struct join *join) {
    struct exec_operator *self = &join->base;
    while (!join->left_done || self->late != NULL) {
        operator_late(self);
        operator_begin(self);
        const struct batch *alone = join->merge != NULL && keeps_right(join) ? merge_rest(join) : NULL;
        if (alone != NULL) {
            return alone;
        }
        if (join->merge != NULL && !join->candidates_open) {
            join_merge_forget(join);
        }
        if (join->left_batch == NULL && !next_left(join)) {
            join->left_done = true;
            break;
        }
        /* Pairs name rows of the left batch: they are given before the next one is asked for. */
        bool full = join->lateral != NULL ? collect_lateral(join) : collect(join);
        bool any = flush(join);
        join_source_flushed(join);
        if (!full) {
            join_spill_matches(join, true);
            join->left_batch = NULL;
        }
        join->left_done = join->merge != NULL && !full && !keeps_left(join) && join_merge_over(join);
        if (any) {
            return &self->batch;
        }
    }
    if (!keeps_right(join)) {
        return NULL;
    }
    return join->merge != NULL ? merge_rest(join) : rest(join, join->rows.row_count);
}

/* Joins part by part what did not fit. */
static void join_parts(struct join *join) {
    for (bool more = true; more;) {
        const struct batch *batch;
        while ((batch = part_next(join)) != NULL) {
            join_spill_give(join, batch);
        }
        join_spill_given(join);
        more = join_spill_next(join);
        if (more) {
            begin(join);
        }
    }
}

static const struct batch *join_next(struct exec_operator *self) {
    struct join *join = (struct join *)self;
    if (!join->built) {
        begin(join);
        join->built = true;
        if (join->spill != NULL) {
            join_parts(join);
        }
    }
    if (join->spill != NULL) {
        operator_begin(self);
        return join_spill_merged(join);
    }
    return part_next(join);
}

struct exec_operator *join_make(struct exec *exec, const struct plan_node *node) {
    struct join *join = operator_new(exec, node, sizeof(*join), join_next);
    join->base.left = operator_make(exec, node->left);
    operator_kept_init(&join->base, &join->work);
    join->left_count = node->left->column_count;
    join->right_count = node->right->column_count;
    ASSERT(node->column_count == join->left_count + join->right_count);
    ASSERT(join->base.left->rows_max <= VECTOR_ROWS);
    operator_columns(&join->base, VECTOR_ROWS);
    join->pairs_max = VECTOR_ROWS;
    join->one_is_enough = node->join_type == PLAN_JOIN_SEMI || node->join_type == PLAN_JOIN_ANTI;
    if (node->predicate != NULL) {
        join->predicate = operator_evaluator(&join->base, node->predicate, VECTOR_ROWS);
    }
    join_source_make(join);
    return &join->base;
}
