/*
 * FOR UPDATE, FOR SHARE: rows pass through, and the open transaction is told to rely on them.
 *
 * Nothing waits and nothing is locked: under snapshot isolation the first to commit wins. A transaction that writes is
 * refused at its commit where another has changed one of these rows meanwhile, so what it decided by them stays true.
 * Outside a transaction block there is nothing to protect.
 */
#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

struct lock {
    struct exec_operator base;
    struct kernel_transaction *transaction; /* NULL: a statement alone */
    struct evaluator **keys;
};

static const struct batch *lock_next(struct exec_operator *self) {
    struct lock *lock = (struct lock *)self;
    struct sql_context *context = self->exec->context;
    const struct batch *batch = self->left->next(self->left);
    if (batch == NULL || lock->transaction == NULL) {
        return batch;
    }
    operator_begin(self);
    uint32_t live = batch_live(batch);
    for (uint32_t k = 0; k < self->node->expression_count; k++) {
        const struct vector *keys = evaluator_run(lock->keys[k], batch, batch->selection, live);
        for (uint32_t i = 0; i < live; i++) {
            uint32_t row = vector_row(keys, batch->selection == NULL ? i : batch->selection[i]);
            if (!vector_is_null(keys, row)) {
                sql_try(context,
                        kernel_watch(lock->transaction, self->node->locked[k]->id, keys->bytes[row], context->error));
            }
        }
    }
    return batch;
}

struct exec_operator *lock_make(struct exec *exec, const struct plan_node *node) {
    const struct sql_host *host = exec->host;
    struct lock *lock = operator_new(exec, node, sizeof(*lock), lock_next);
    if (exec->context->settings->read_only) {
        sql_raise(exec->context, KMB_READ_ONLY_TRANSACTION, 0,
                  "cannot execute SELECT FOR UPDATE in a read-only transaction");
    }
    if (host->in_block != NULL && host->in_block(host->context)) {
        sql_try(exec->context, host->transaction(host->context, &lock->transaction, exec->context->error));
    }
    lock->base.left = operator_make(exec, node->left);
    lock->base.rows_max = lock->base.left->rows_max;
    lock->keys = sql_alloc(exec->context, (node->expression_count + 1) * sizeof(*lock->keys));
    for (uint32_t k = 0; k < node->expression_count; k++) {
        lock->keys[k] = operator_evaluator(&lock->base, node->expressions[k], lock->base.rows_max);
    }
    return &lock->base;
}
