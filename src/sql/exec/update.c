/*
 * UPDATE and DELETE: the child finds rows, and the key of each is the last column of what it gives. The search reads
 * the transaction as it was when the statement began, so a row that an UPDATE has moved is not met again.
 */
#include "base/assert.h"
#include "sql/exec/write.h"

struct change {
    struct write write;
    struct value *values;
};

static void update_take(struct write *write, const struct batch *batch) {
    struct change *change = (struct change *)write;
    struct exec *exec = write->base.exec;
    struct batch row = *batch; /* the new row stands behind the old one */
    row.columns = batch->columns + write->column_count;
    row.column_count = batch->column_count - write->column_count;
    row = write_generate(write, &row);
    struct write_fault fault = write_check(write, &row);
    struct batch good = fault.present ? write_first(write, &row, fault.place) : row;
    if (exec->several || write->base.node->claims) {
        good = write_claimed(write, &good);
    }
    struct write_fault view = write_cut_view(write, &good);
    uint32_t live = batch_live(&good);
    write_hide(write, &good);
    for (uint32_t i = 0; i < live; i++) {
        uint32_t at = good.selection == NULL ? i : good.selection[i];
        write_values(write, &good, at, change->values);
        sql_try(exec->context, kernel_update(exec->transaction, write->table, write_key(&good, at), change->values,
                                             NULL, exec->context->error));
    }
    if (view.present) {
        write_raise(write, &good, &view);
    }
    if (fault.present) {
        write_raise(write, &row, &fault);
    }
    write->affected += live;
    write->written.updated += live;
    write_return(write, &good);
}

static void delete_take(struct write *write, const struct batch *batch) {
    struct exec *exec = write->base.exec;
    struct batch good = exec->several || write->base.node->claims ? write_claimed(write, batch) : *batch;
    write_return(write, &good);
    uint32_t live = batch_live(&good);
    for (uint32_t i = 0; i < live; i++) {
        uint32_t at = good.selection == NULL ? i : good.selection[i];
        bool deleted = false;
        sql_try(exec->context,
                kernel_delete(exec->transaction, write->table, write_key(&good, at), &deleted, exec->context->error));
        write->affected += deleted;
        write->written.deleted += deleted;
    }
}

static struct exec_operator *change_make(struct exec *exec, const struct plan_node *node,
                                         void (*take)(struct write *write, const struct batch *batch)) {
    struct change *change = write_make(exec, node, sizeof(*change), take);
    ASSERT(node->left->columns[node->left->column_count - 1].type.id == TYPE_BYTEA);
    change->values = sql_alloc(exec->context, sizeof(struct value) * (change->write.stored_count + 1));
    return &change->write.base;
}

struct exec_operator *update_make(struct exec *exec, const struct plan_node *node) {
    return change_make(exec, node, update_take);
}

struct exec_operator *delete_make(struct exec *exec, const struct plan_node *node) {
    return change_make(exec, node, delete_take);
}
