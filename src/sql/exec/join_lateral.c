/*
 * Lateral joins: the right side is a query of its own, run for each left row in a context of its own, with values of
 * that row in its hands. One that takes no value is run for the first left row and serves them all; one that gives the
 * same rows for the same values is not run again for a left row that has those of the row before it.
 */
#include "sql/exec/join.h"

struct join_lateral {
    struct sql_context context; /* of the execution for the current left row */
    struct arena bytes;         /* of the rows kept */
    struct value *outers;
    const struct vector **columns;
    bool known; /* without values: the rows are there */
    bool last;  /* the rows of these outers are there, from last_first to last_end */
    uint32_t last_first;
    uint32_t last_end;
    struct arena last_bytes; /* of the outers */
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
    operator_arena_init(&join->base, &lateral->last_bytes);
    exec_defer(exec, lateral_free, lateral);
    join->rows.bytes = &lateral->bytes;
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

/* The row's values, which outlive its batch where they are to be compared with the next row's. */
static void outers_take(struct join *join, uint16_t row) {
    struct join_lateral *lateral = join->lateral;
    bool kept = join->base.node->repeats;
    arena_free(&lateral->last_bytes);
    for (uint32_t i = 0; i < join->key_count; i++) {
        struct value value = vector_get(join->keys[i], vector_row(join->keys[i], row));
        if (!kept) {
            lateral->outers[i] = value;
        } else if (!value_copy(&value, &lateral->last_bytes, &lateral->outers[i])) {
            sql_raise(join->base.exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
    }
}

void join_lateral_row(struct join *join, uint16_t row) {
    struct join_lateral *lateral = join->lateral;
    if (lateral->known) {
        join->candidate = 0;
        join->candidate_end = join->rows.row_count;
        return;
    }
    if (is_repeated(join, row)) {
        join->candidate = lateral->last_first;
        join->candidate_end = lateral->last_end;
        return;
    }
    if (join->rows.row_count == 0) {
        arena_free(&lateral->bytes);
    }
    outers_take(join, row);
    lateral->last_first = join->rows.row_count;
    sql_context_inner(&lateral->context, join->base.exec->context);
    struct exec *exec =
        exec_open_inner(join->base.exec, &lateral->context, join->base.node->right, lateral->outers, join->key_count);
    const struct batch *batch;
    while ((batch = exec_next(exec)) != NULL) {
        rows_take(join, batch);
    }
    sql_context_free(&lateral->context);
    lateral->known = join->key_count == 0;
    lateral->last = join->base.node->repeats;
    lateral->last_end = join->rows.row_count;
    join->candidate = lateral->last_first;
    join->candidate_end = lateral->last_end;
}

void join_lateral_flushed(struct join *join) {
    if (!join->lateral->known) {
        rowset_clear(&join->rows);
        join->lateral->last = false;
    }
}
