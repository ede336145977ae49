/*
 * Lateral joins: the right side is a query of its own, run for each left row in a context of its own, with values of
 * that row in its hands. One that takes no value is run once and serves all left rows; one that gives the same rows for
 * the same values is not run again for a left row that has those of the row before it.
 *
 * Its rows are taken a batch at a time, as they are asked for: there may be no end of them (generate_series), and a
 * LIMIT above. What has been given is forgotten when no other left row can want it.
 */
#include "sql/exec/join.h"

struct join_lateral {
    struct sql_context context; /* of the execution for the current left row */
    struct arena bytes;         /* of the rows kept */
    struct value *outers;
    struct arena outer_bytes;
    const struct vector **columns;
    struct exec *running; /* the execution that has more rows to give; NULL: none */
    bool once;            /* without values: one execution, whose rows stay */
    bool begun;           /* that one */
    bool last;            /* all rows of these outers are there, from last_first to last_end */
    uint32_t last_first;
    uint32_t last_end;
};

static void lateral_free(void *object) {
    struct join_lateral *lateral = object;
    sql_context_free(&lateral->context);
}

void join_lateral_make(struct join *join) {
    struct exec *exec = join->base.exec;
    const struct plan_node *node = join->base.node;
    struct join_lateral *lateral = sql_alloc_zero(exec->context, 1, sizeof(*lateral));
    join->lateral = lateral;
    sql_context_inner(&lateral->context, exec->context);
    operator_arena_init(&join->base, &lateral->bytes);
    operator_arena_init(&join->base, &lateral->outer_bytes);
    exec_defer(exec, lateral_free, lateral);
    join->rows.bytes = &lateral->bytes;
    lateral->once = node->key_count == 0;
    join->key_count = node->key_count;
    join->keys = sql_alloc(exec->context, sizeof(*join->keys) * (node->key_count + 1));
    join->left_keys = sql_alloc(exec->context, sizeof(struct evaluator *) * (node->key_count + 1));
    lateral->outers = sql_alloc(exec->context, sizeof(*lateral->outers) * (node->key_count + 1));
    lateral->columns = sql_alloc(exec->context, sizeof(*lateral->columns) * (join->right_count + 1));
    for (uint32_t i = 0; i < node->key_count; i++) {
        join->left_keys[i] = operator_evaluator(&join->base, node->left_keys[i], join->base.left->rows_max);
    }
}

static void rows_take(struct join *join, const struct batch *batch) {
    for (uint32_t i = 0; i < join->right_count; i++) {
        join->lateral->columns[i] = &batch->columns[i];
    }
    rowset_append(&join->rows, join->lateral->columns, batch->selection, batch_live(batch));
}

/* Whether the left row has the values that the rows kept last were made of. */
static bool is_repeated(const struct join *join, uint16_t row) {
    const struct join_lateral *lateral = join->lateral;
    if (!lateral->last) {
        return false;
    }
    for (uint32_t i = 0; i < join->key_count; i++) {
        struct value value = vector_get(join->keys[i], vector_row(join->keys[i], row));
        if (value_compare_nulls_last(&value, &lateral->outers[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The row's values, which outlive its batch's scratch memory. */
static void outers_take(struct join *join, uint16_t row) {
    struct join_lateral *lateral = join->lateral;
    arena_free(&lateral->outer_bytes);
    for (uint32_t i = 0; i < join->key_count; i++) {
        struct value value = vector_get(join->keys[i], vector_row(join->keys[i], row));
        if (!value_copy(&value, &lateral->outer_bytes, &lateral->outers[i])) {
            sql_raise(join->base.exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
    }
}

/* Whether the rows are kept for left rows to come, so that none of them may be forgotten. */
static bool keeps_rows(const struct join *join) {
    return join->lateral->once || join->base.node->repeats;
}

static void run(struct join *join) {
    struct join_lateral *lateral = join->lateral;
    if (lateral->running != NULL) { /* a left row that has had enough leaves its execution open */
        sql_context_free(&lateral->context);
    }
    sql_context_inner(&lateral->context, join->base.exec->context);
    lateral->running =
        exec_open_inner(join->base.exec, &lateral->context, join->base.node->right, lateral->outers, join->key_count);
}

void join_lateral_row(struct join *join, uint16_t row) {
    struct join_lateral *lateral = join->lateral;
    if (lateral->once) {
        join->candidate = 0;
        join->candidate_end = join->rows.row_count;
        if (!lateral->begun) {
            lateral->begun = true;
            run(join);
        }
        return;
    }
    for (uint32_t i = 0; i < join->key_count; i++) {
        join->keys[i] = evaluator_run(join->left_keys[i], join->left_batch, &row, 1);
    }
    if (is_repeated(join, row)) {
        join->candidate = lateral->last_first;
        join->candidate_end = lateral->last_end;
        return;
    }
    if (join->rows.row_count == 0) {
        arena_free(&lateral->bytes);
    }
    lateral->last = false;
    outers_take(join, row);
    lateral->last_first = join->rows.row_count;
    join->candidate = lateral->last_first;
    join->candidate_end = lateral->last_first;
    run(join);
}

/* The execution is at its end. */
static void finish(struct join *join) {
    struct join_lateral *lateral = join->lateral;
    lateral->running = NULL;
    sql_context_free(&lateral->context);
    lateral->last = join->base.node->repeats;
    lateral->last_end = join->rows.row_count;
}

bool join_lateral_more(struct join *join) {
    struct join_lateral *lateral = join->lateral;
    if (lateral->running == NULL) {
        return false;
    }
    bool unused = join->pair_count == 0 && join->candidate == join->rows.row_count;
    if (unused && !keeps_rows(join) && join->rows.row_count > 0) { /* no pair refers to what was given */
        rowset_clear(&join->rows);
        arena_free(&lateral->bytes);
        join->candidate = 0;
    }
    lateral->context.error = join->base.exec->context->error;
    const struct batch *batch = exec_next(lateral->running);
    if (batch == NULL) {
        finish(join);
        return false;
    }
    rows_take(join, batch);
    join->candidate_end = join->rows.row_count;
    return true;
}

void join_lateral_flushed(struct join *join) {
    if (!join->lateral->once) {
        rowset_clear(&join->rows);
        join->lateral->last = false;
    }
}
