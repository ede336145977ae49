/*
 * UNION ALL, INTERSECT and EXCEPT.
 *
 * UNION ALL passes the batches of its left side on, then those of its right. The others count the rows of the right
 * side in a hash table and let each row of the left through or not; without ALL a row passes once. NULLs are equal
 * here, as everywhere in set operations.
 */
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"

struct set {
    struct exec_operator base;
    bool left_done;
    bool built;
    struct hash_table table;
    const struct vector **columns;
    uint32_t *ids;
    uint8_t *fresh;
    uint64_t *counts; /* by key: rows of the right side still to be matched, or SEEN */
    uint32_t capacity;
    uint16_t *selection;
};

static const struct batch *union_next(struct exec_operator *self) {
    struct set *set = (struct set *)self;
    if (!set->left_done) {
        const struct batch *batch = self->left->next(self->left);
        if (batch != NULL) {
            return batch;
        }
        set->left_done = true;
    }
    return self->right->next(self->right);
}

/* Finds or adds the batch's rows; room for the counts of all keys. */
static uint32_t set_lookup(struct set *set, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        set->columns[i] = &batch->columns[i];
    }
    hash_table_insert(&set->table, set->columns, batch->selection, live, set->ids, set->fresh);
    uint32_t keys = set->table.keys.row_count;
    if (keys > set->capacity) {
        struct sql_context *context = set->base.exec->context;
        uint32_t capacity = set->capacity == 0 ? 1024 : set->capacity;
        while (capacity < keys) {
            capacity *= 2;
        }
        uint64_t *grown = sql_alloc_zero(context, capacity, sizeof(*grown));
        if (set->capacity > 0) {
            memcpy(grown, set->counts, set->capacity * sizeof(*grown));
        }
        set->counts = grown;
        set->capacity = capacity;
    }
    return live;
}

static void set_build(struct set *set) {
    const struct batch *batch;
    while ((batch = set->base.right->next(set->base.right)) != NULL) {
        uint32_t live = set_lookup(set, batch);
        for (uint32_t i = 0; i < live; i++) {
            set->counts[set->ids[i]]++;
        }
    }
    set->built = true;
}

#define PASSED UINT64_MAX /* in place of a count: this row went through before */

/* Whether a row of the left side passes; *count is what is known of its key. */
static bool set_passes(const struct plan_node *node, uint64_t *count, bool fresh) {
    bool in_right = *count != 0 && *count != PASSED;
    if (node->set_all) {
        *count -= in_right ? 1 : 0;
        return in_right == (node->set_operation == PLAN_SET_INTERSECT);
    }
    if (node->set_operation == PLAN_SET_INTERSECT) {
        *count = in_right ? PASSED : *count;
        return in_right;
    }
    return fresh; /* EXCEPT: neither in the right side nor met before */
}

static const struct batch *match_next(struct exec_operator *self) {
    struct set *set = (struct set *)self;
    if (!set->built) {
        set_build(set);
    }
    const struct batch *batch;
    while ((batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        uint32_t live = set_lookup(set, batch);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < live; i++) {
            uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
            if (set_passes(self->node, &set->counts[set->ids[i]], set->fresh[i] != 0)) {
                set->selection[kept++] = row;
            }
        }
        if (kept > 0) {
            self->batch = *batch;
            self->batch.selection = set->selection;
            self->batch.selection_count = kept;
            return &self->batch;
        }
    }
    return NULL;
}

struct exec_operator *set_make(struct exec *exec, const struct plan_node *node) {
    struct sql_context *context = exec->context;
    bool all = node->set_operation == PLAN_SET_UNION_ALL;
    struct set *set = operator_new(exec, node, sizeof(*set), all ? union_next : match_next);
    set->base.left = operator_make(exec, node->left);
    set->base.right = operator_make(exec, node->right);
    uint32_t left = set->base.left->rows_max;
    uint32_t right = set->base.right->rows_max;
    set->base.rows_max = all && right > left ? right : left;
    if (all) {
        return &set->base;
    }
    uint32_t rows_max = left > right ? left : right;
    struct type *types = sql_alloc(context, sizeof(*types) * (node->column_count + 1));
    for (uint32_t i = 0; i < node->column_count; i++) {
        types[i] = node->columns[i].type;
    }
    hash_table_init(&set->table, context, NULL, types, node->column_count);
    set->columns = sql_alloc(context, sizeof(*set->columns) * (node->column_count + 1));
    set->ids = sql_alloc(context, sizeof(*set->ids) * rows_max);
    set->fresh = sql_alloc(context, rows_max);
    set->selection = sql_alloc(context, sizeof(*set->selection) * left);
    return &set->base;
}
