/*
 * FOR UPDATE, FOR SHARE: rows pass through, claimed by the open transaction, which is told to rely on them.
 *
 * Under READ COMMITTED a claim waits for others that have the row, fails (NOWAIT) or leaves the row out (SKIP LOCKED);
 * no more rows are claimed than are wanted. Under the stricter levels nothing waits, for the first to commit wins: a
 * transaction that writes is refused at its commit where another has changed one of these rows meanwhile, so what it
 * decided by them stays true. A query that is a transaction by itself has nothing to protect there.
 */
#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"

struct lock {
    struct exec_operator base;
    struct kernel_transaction *transaction; /* NULL: a query alone, of a stricter level */
    struct evaluator **keys;
    bool skips;        /* SKIP LOCKED */
    uint64_t wanted;   /* rows, where it skips */
    uint16_t *granted; /* their selection */
};

/* false: it is locked, and to be left out. */
static bool claim(struct lock *lock, uint32_t number, struct slice key) {
    struct sql_context *context = lock->base.exec->context;
    const struct table_definition *table = lock->base.node->locked[number];
    const struct plan_locking *locking = &lock->base.node->lockings[number];
    const struct kernel_claim claim = {
        .table = table->id, .key = key, .mode = locking->mode, .attempt = locking->wait != PLAN_LOCK_WAITS};
    enum kmb_status status = kernel_claim_row(lock->transaction, &claim, context->error);
    if (status == KMB_LOCK_NOT_AVAILABLE && locking->wait == PLAN_LOCK_SKIPS) {
        error_clear(context->error);
        return false;
    }
    if (status == KMB_LOCK_NOT_AVAILABLE && locking->wait == PLAN_LOCK_FAILS) {
        sql_raise(context, KMB_LOCK_NOT_AVAILABLE, 0, "could not obtain lock on row in relation \"%.*s\"",
                  (int)table->name.length, (const char *)table->name.bytes);
    }
    sql_try(context, status);
    sql_try(context, kernel_watch(lock->transaction, table->id, key, context->error));
    return true;
}

static bool lock_row(struct lock *lock, const struct vector *const *keys, uint32_t row) {
    bool granted = true;
    for (uint32_t k = 0; granted && k < lock->base.node->expression_count; k++) {
        uint32_t place = vector_row(keys[k], row);
        granted = vector_is_null(keys[k], place) || claim(lock, k, keys[k]->bytes[place]);
    }
    return granted;
}

static const struct batch *lock_next(struct exec_operator *self) {
    struct lock *lock = (struct lock *)self;
    const struct batch *batch = lock->wanted == 0 ? NULL : self->left->next(self->left);
    if (batch == NULL || lock->transaction == NULL) {
        return batch;
    }
    operator_begin(self);
    uint32_t live = batch_live(batch);
    uint16_t granted = 0;
    const struct vector **keys = arena_alloc(&self->scratch, (self->node->expression_count + 1) * sizeof(*keys));
    if (keys == NULL) {
        sql_raise(self->exec->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    for (uint32_t k = 0; k < self->node->expression_count; k++) {
        keys[k] = evaluator_run(lock->keys[k], batch, batch->selection, live);
    }
    for (uint32_t i = 0; i < live && granted < lock->wanted; i++) {
        uint32_t row = batch->selection == NULL ? i : batch->selection[i];
        if (lock_row(lock, keys, row)) {
            lock->granted[granted++] = (uint16_t)row;
        }
    }
    lock->wanted -= lock->wanted == UINT64_MAX ? 0 : granted;
    self->batch = *batch;
    self->batch.selection = lock->granted;
    self->batch.selection_count = granted;
    return &self->batch;
}

/* Rows that OFFSET leaves out are claimed, too. */
static uint64_t rows_wanted(struct exec *exec, const struct plan_node *node) {
    uint64_t limit = limit_value(exec, node->limit, UINT64_MAX, KMB_INVALID_LIMIT, "LIMIT");
    uint64_t offset = limit_value(exec, node->offset, 0, KMB_INVALID_OFFSET_CLAUSE, "OFFSET");
    return limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
}

struct exec_operator *lock_make(struct exec *exec, const struct plan_node *node) {
    const struct sql_host *host = exec->host;
    struct lock *lock = operator_new(exec, node, sizeof(*lock), lock_next);
    if (exec->context->settings->read_only) {
        sql_raise(exec->context, KMB_READ_ONLY_TRANSACTION, 0,
                  "cannot execute SELECT FOR UPDATE in a read-only transaction");
    }
    bool alone = host->in_block == NULL || !host->in_block(host->context);
    if (!alone || exec->context->settings->isolation == SQL_ISOLATION_READ_COMMITTED) {
        sql_try(exec->context, host->transaction(host->context, &lock->transaction, exec->context->error));
    }
    lock->base.left = operator_make(exec, node->left);
    lock->base.rows_max = lock->base.left->rows_max;
    lock->wanted = rows_wanted(exec, node);
    lock->granted = sql_alloc(exec->context, sizeof(uint16_t) * lock->base.rows_max);
    lock->keys = sql_alloc(exec->context, (node->expression_count + 1) * sizeof(*lock->keys));
    for (uint32_t k = 0; k < node->expression_count; k++) {
        lock->keys[k] = operator_evaluator(&lock->base, node->expressions[k], lock->base.rows_max);
    }
    return &lock->base;
}
