/*
 * Lateral joins: the right side is a query of its own, run for each left row in a context of its own, with values of
 * that row in its hands. One that takes no value is run for the first left row and serves them all.
 */
#include "sql/exec/join.h"

struct join_lateral {
    struct sql_context context; /* of the execution for the current left row */
    struct arena bytes;         /* of the rows kept */
    struct value *outers;
    const struct vector **columns;
    bool known; /* without values: the rows are there */
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

void join_lateral_row(struct join *join, uint16_t row) {
    struct join_lateral *lateral = join->lateral;
    if (lateral->known) {
        join->candidate = 0;
        return;
    }
    if (join->rows.row_count == 0) {
        arena_free(&lateral->bytes);
    }
    for (uint32_t i = 0; i < join->key_count; i++) {
        lateral->outers[i] = vector_get(join->keys[i], vector_row(join->keys[i], row));
    }
    sql_context_inner(&lateral->context, join->base.exec->context);
    struct exec *exec =
        exec_open_inner(join->base.exec, &lateral->context, join->base.node->right, lateral->outers, join->key_count);
    const struct batch *batch;
    while ((batch = exec_next(exec)) != NULL) {
        rows_take(join, batch);
    }
    sql_context_free(&lateral->context);
    lateral->known = join->key_count == 0;
}

void join_lateral_flushed(struct join *join) {
    if (!join->lateral->known) {
        rowset_clear(&join->rows);
    }
}
