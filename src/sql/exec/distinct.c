/*
 * DISTINCT [ON]: a row passes when the hash table had not seen its keys. Rows stream; the first of equals stays.
 *
 * When the keys are more than work_mem holds, no more are added: rows of other keys are put aside with their number,
 * spread over runs by hash (spill.h), and after the input each run is made distinct in turn. What stays of them is
 * merged by its number, so the order of the answer is that of the input here too.
 */
#include "base/assert.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/spill.h"

struct distinct {
    struct exec_operator base;
    struct arena work; /* of the table */
    struct hash_table table;
    const struct vector **keys;
    uint32_t ids[VECTOR_ROWS];
    uint8_t fresh[VECTOR_ROWS];
    uint16_t selection[VECTOR_ROWS];

    bool full; /* no key is added to the table any more */
    uint32_t level;
    struct spill_parts parts; /* rows whose keys are not in the table */
    struct spill_waiting *waiting;
    struct type *types; /* of the columns and the row's number */
    const struct vector **columns;
    struct vector number;
    int64_t next_number;
    struct rowset_key by_number;
    struct spill_merge *merge; /* what stays of rows put aside; NULL: none were */
};

static void find_keys(struct distinct *distinct, const struct batch *batch) {
    const struct plan_node *node = distinct->base.node;
    bool all = node->expression_count == 0;
    for (uint32_t i = 0; i < distinct->table.keys.column_count; i++) {
        distinct->keys[i] = &batch->columns[all ? i : node->expressions[i]->column];
    }
}

/* --- what does not fit --- */

static void check_room(struct distinct *distinct) {
    struct exec_operator *self = &distinct->base;
    struct exec *exec = self->exec;
    uint32_t columns = self->node->column_count;
    if (distinct->full || distinct->level == SPILL_LEVELS_MAX ||
        !spill_wanted_of(exec, &distinct->work, &distinct->table, NULL)) {
        return;
    }
    if (distinct->types == NULL) {
        distinct->types = sql_alloc(exec->context, sizeof(*distinct->types) * (columns + 1));
        for (uint32_t i = 0; i < columns; i++) {
            distinct->types[i] = self->node->columns[i].type;
        }
        distinct->types[columns] = type_make(TYPE_INT8);
        distinct->columns = sql_alloc(exec->context, sizeof(*distinct->columns) * (columns + 1));
        vector_init(exec->context, &distinct->number, type_make(TYPE_INT8));
    }
    distinct->full = true;
    spill_parts_init(&distinct->parts, self, distinct->types, columns + 1, distinct->level, SPILL_PARTS);
}

/* Puts the rows aside whose keys are not in the table; their number is behind the batch's columns or counted here. */
static void put_aside(struct distinct *distinct, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    uint32_t columns = distinct->base.node->column_count;
    uint64_t hashes[VECTOR_ROWS];
    uint32_t unknown = 0;
    hash_table_find(&distinct->table, distinct->keys, batch->selection, live, distinct->ids);
    for (uint32_t i = 0; i < live; i++) {
        uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        distinct->selection[unknown] = row;
        unknown += distinct->ids[i] == ROWSET_NONE;
    }
    if (unknown == 0) {
        return;
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        distinct->columns[i] = &batch->columns[i];
    }
    if (batch->column_count == columns) {
        for (uint32_t i = 0; i < unknown; i++) {
            distinct->number.integer[distinct->selection[i]] = distinct->next_number++;
        }
        distinct->columns[columns] = &distinct->number;
    }
    hash_table_hash(&distinct->table, distinct->keys, distinct->selection, unknown, hashes);
    spill_parts_add(&distinct->parts, distinct->columns, distinct->selection, unknown, hashes);
}

static void end_part(struct distinct *distinct) {
    if (distinct->full) {
        distinct->waiting = spill_parts_wait(&distinct->parts, 0, distinct->waiting);
    }
    distinct->full = false;
    arena_free(&distinct->work);
    hash_table_reset(&distinct->table);
}

/* Keys new to the table: answers how many, `selection` which rows. */
static uint32_t pass(struct distinct *distinct, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    hash_table_insert(&distinct->table, distinct->keys, batch->selection, live, distinct->ids, distinct->fresh);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live; i++) {
        distinct->selection[kept] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        kept += distinct->fresh[i];
    }
    return kept;
}

/* Makes all runs distinct. */
static void finish(struct distinct *distinct) {
    struct exec *exec = distinct->base.exec;
    uint32_t columns = distinct->base.node->column_count + 1;
    struct spill_reader *reader = spill_reader_new(exec, distinct->types, columns, VECTOR_ROWS);
    distinct->by_number.column = columns - 1;
    distinct->merge = spill_merge_new(&distinct->base, &distinct->by_number, 1, distinct->types, columns);
    end_part(distinct);
    for (const struct spill_waiting *part; (part = distinct->waiting) != NULL;) {
        distinct->waiting = part->next;
        distinct->level = part->level;
        spill_reader_open(reader, part->run);
        struct spill_run *stays = spill_run_new(&distinct->base, distinct->types, columns);
        const struct batch *batch;
        while ((batch = spill_reader_next(reader)) != NULL) {
            operator_begin(&distinct->base);
            find_keys(distinct, batch);
            if (distinct->full) {
                put_aside(distinct, batch);
                continue;
            }
            uint32_t kept = pass(distinct, batch);
            for (uint32_t i = 0; i < columns; i++) {
                distinct->columns[i] = &batch->columns[i];
            }
            spill_run_append(stays, distinct->columns, distinct->selection, kept);
            check_room(distinct);
        }
        spill_run_end(stays);
        spill_merge_add_run(distinct->merge, stays);
        end_part(distinct);
    }
}

static const struct batch *merged_next(struct distinct *distinct) {
    struct exec_operator *self = &distinct->base;
    operator_begin(self);
    const struct batch *batch = spill_merge_next(distinct->merge);
    if (batch == NULL) {
        return NULL;
    }
    self->batch = *batch;
    self->batch.column_count = self->node->column_count;
    return &self->batch;
}

static const struct batch *distinct_next(struct exec_operator *self) {
    struct distinct *distinct = (struct distinct *)self;
    const struct batch *batch = NULL;
    while (distinct->merge == NULL && (batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        find_keys(distinct, batch);
        if (distinct->full) {
            put_aside(distinct, batch);
            continue;
        }
        uint32_t kept = pass(distinct, batch);
        check_room(distinct);
        if (kept > 0) {
            self->batch = *batch;
            self->batch.selection = distinct->selection;
            self->batch.selection_count = kept;
            return &self->batch;
        }
    }
    if (distinct->merge == NULL && distinct->full) {
        finish(distinct);
    }
    return distinct->merge == NULL ? NULL : merged_next(distinct);
}

struct exec_operator *distinct_make(struct exec *exec, const struct plan_node *node) {
    struct distinct *distinct = operator_new(exec, node, sizeof(*distinct), distinct_next);
    distinct->base.left = operator_make(exec, node->left);
    struct type *types = sql_alloc(exec->context, sizeof(*types) * (node->column_count + node->expression_count + 1));
    bool all = node->expression_count == 0;
    uint32_t count = all ? node->column_count : node->expression_count;
    for (uint32_t i = 0; i < count; i++) {
        types[i] = all ? node->columns[i].type : node->expressions[i]->type;
    }
    operator_kept_init(&distinct->base, &distinct->work);
    hash_table_init(&distinct->table, exec->context, &distinct->work, types, count);
    distinct->keys = sql_alloc(exec->context, sizeof(*distinct->keys) * (count + 1));
    return &distinct->base;
}
