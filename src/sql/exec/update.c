/*
 * UPDATE and DELETE: the child finds rows, keeping their row numbers up to here, and the scan below knows the key of
 * each. The search reads the transaction as it was when the statement began, so a row that an UPDATE has moved is not
 * met again.
 */
#include "base/assert.h"
#include "sql/exec/write.h"

struct change {
    struct write write;
    struct exec_operator *scan;
    struct value *values;
};

static void update_take(struct write *write, const struct batch *batch) {
    struct change *change = (struct change *)write;
    struct exec *exec = write->base.exec;
    ASSERT(change->scan != NULL);
    struct batch row = *batch; /* the new row stands behind the old one */
    row.columns = batch->columns + write->column_count;
    row.column_count = write->column_count;
    struct write_fault fault = write_check(write, &row);
    uint32_t live = fault.present ? fault.place : batch_live(batch);
    for (uint32_t i = 0; i < live; i++) {
        uint32_t at = batch->selection == NULL ? i : batch->selection[i];
        write_values(write, &row, at, change->values);
        sql_try(exec->context, kernel_update(exec->transaction, write->table, scan_key(change->scan, at),
                                             change->values, NULL, exec->context->error));
    }
    if (fault.present) {
        write_raise(write, &row, &fault);
    }
    exec->affected += live;
    write_return(write, &row);
}

static void delete_take(struct write *write, const struct batch *batch) {
    struct change *change = (struct change *)write;
    struct exec *exec = write->base.exec;
    ASSERT(change->scan != NULL);
    write_return(write, batch);
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < live; i++) {
        uint32_t at = batch->selection == NULL ? i : batch->selection[i];
        bool deleted = false;
        sql_try(exec->context, kernel_delete(exec->transaction, write->table, scan_key(change->scan, at), &deleted,
                                             exec->context->error));
        exec->affected += deleted;
    }
}

static struct exec_operator *change_make(struct exec *exec, const struct plan_node *node,
                                         void (*take)(struct write *write, const struct batch *batch)) {
    struct change *change = write_make(exec, node, sizeof(*change), take);
    change->scan = scan_below(change->write.base.left);
    change->values = sql_alloc(exec->context, sizeof(struct value) * (change->write.column_count + 1));
    return &change->write.base;
}

struct exec_operator *update_make(struct exec *exec, const struct plan_node *node) {
    return change_make(exec, node, update_take);
}

struct exec_operator *delete_make(struct exec *exec, const struct plan_node *node) {
    return change_make(exec, node, delete_take);
}
