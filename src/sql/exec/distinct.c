/* DISTINCT [ON]: a row passes when the hash table had not seen its keys. Rows stream; the first of equals stays. */
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"

struct distinct {
    struct exec_operator base;
    struct hash_table table;
    const struct vector **keys;
    uint32_t ids[VECTOR_ROWS];
    uint8_t fresh[VECTOR_ROWS];
    uint16_t selection[VECTOR_ROWS];
};

static const struct batch *distinct_next(struct exec_operator *self) {
    struct distinct *distinct = (struct distinct *)self;
    const struct batch *batch = NULL;
    while ((batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        uint32_t live = batch_live(batch);
        for (uint32_t i = 0; i < distinct->table.keys.column_count; i++) {
            bool all = self->node->expression_count == 0;
            distinct->keys[i] = &batch->columns[all ? i : self->node->expressions[i]->column];
        }
        hash_table_insert(&distinct->table, distinct->keys, batch->selection, live, distinct->ids, distinct->fresh);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < live; i++) {
            distinct->selection[kept] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
            kept += distinct->fresh[i];
        }
        if (kept > 0) {
            self->batch = *batch;
            self->batch.selection = distinct->selection;
            self->batch.selection_count = kept;
            return &self->batch;
        }
    }
    return NULL;
}

struct exec_operator *distinct_make(struct exec *exec, const struct plan_node *node) {
    struct distinct *distinct = operator_new(exec, node, sizeof(*distinct), distinct_next);
    distinct->base.left = operator_make(exec, node->left);
    distinct->base.rows_max = distinct->base.left->rows_max;
    struct type *types = sql_alloc(exec->context, sizeof(*types) * (node->column_count + node->expression_count + 1));
    bool all = node->expression_count == 0;
    uint32_t count = all ? node->column_count : node->expression_count;
    for (uint32_t i = 0; i < count; i++) {
        types[i] = all ? node->columns[i].type : node->expressions[i]->type;
    }
    hash_table_init(&distinct->table, exec->context, types, count);
    distinct->keys = sql_alloc(exec->context, sizeof(*distinct->keys) * (count + 1));
    return &distinct->base;
}
