/*
 * Aggregates with DISTINCT: a hash table of (group, arguments) says which rows are new.
 *
 * When it is more than work_mem holds, it takes no new keys: rows whose keys are not in it are spread over runs by hash
 * (spill.h), and each run is made distinct in turn after the input.
 */
#include "sql/exec/distinct_input.h"

#include "sql/exec/hash_table.h"
#include "sql/exec/spill.h"

struct distinct_input {
    struct exec_operator *self;
    struct arena work; /* of the table */
    struct hash_table seen;
    struct type *types; /* the group's number, the arguments */
    uint32_t column_count;
    const struct vector **columns;
    uint32_t ids[VECTOR_ROWS];
    uint8_t fresh[VECTOR_ROWS];
    uint16_t rows[VECTOR_ROWS];
    bool full; /* no key is added to the table any more */
    uint32_t level;
    struct spill_parts parts; /* rows whose keys are not in the table */
    struct spill_waiting *waiting;
    struct spill_reader *reader; /* NULL: nothing was ever put aside */
    bool reading;
    struct batch batch;
};

struct distinct_input *distinct_input_make(struct exec_operator *self, const struct plan_aggregate *plan) {
    struct sql_context *context = self->exec->context;
    struct distinct_input *input = sql_alloc_zero(context, 1, sizeof(*input));
    input->self = self;
    input->column_count = plan->argument_count + 1;
    input->types = sql_alloc_zero(context, input->column_count, sizeof(*input->types));
    input->columns = sql_alloc(context, sizeof(*input->columns) * input->column_count);
    input->types[0] = type_make(TYPE_INT8);
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        input->types[i + 1] = plan->arguments[i]->type;
    }
    operator_kept_init(self, &input->work);
    hash_table_init(&input->seen, context, &input->work, input->types, input->column_count);
    return input;
}

/* Rows of `columns` that are not in the table wait. */
static void put_aside(struct distinct_input *input, const uint16_t *selection, uint32_t count) {
    uint64_t hashes[VECTOR_ROWS];
    uint32_t unknown = 0;
    hash_table_find(&input->seen, input->columns, selection, count, input->ids);
    for (uint32_t i = 0; i < count; i++) {
        input->rows[unknown] = selection == NULL ? (uint16_t)i : selection[i];
        unknown += input->ids[i] == ROWSET_NONE;
    }
    if (unknown > 0) {
        hash_table_hash(&input->seen, input->columns, input->rows, unknown, hashes);
        spill_parts_add(&input->parts, input->columns, input->rows, unknown, hashes);
    }
}

/* Rows of `columns` that are new: answers how many, rows[] which. */
static uint32_t pass(struct distinct_input *input, const uint16_t *selection, uint32_t count, uint16_t *rows) {
    if (input->full) {
        put_aside(input, selection, count);
        return 0;
    }
    hash_table_insert(&input->seen, input->columns, selection, count, input->ids, input->fresh);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows[kept] = selection == NULL ? (uint16_t)i : selection[i];
        kept += input->fresh[i];
    }
    if (input->level < SPILL_LEVELS_MAX && spill_wanted_of(input->self->exec, &input->work, &input->seen, NULL)) {
        input->full = true;
        spill_parts_init(&input->parts, input->self, input->types, input->column_count, input->level, SPILL_PARTS);
    }
    return kept;
}

uint32_t distinct_input_pass(struct distinct_input *input, const struct vector *groups, struct vector *const *arguments,
                             const uint16_t *selection, uint32_t count, uint16_t *rows) {
    input->columns[0] = groups;
    for (uint32_t i = 1; i < input->column_count; i++) {
        input->columns[i] = arguments[i - 1];
    }
    return pass(input, selection, count, rows);
}

/* The rows at hand are told apart: on to a run that waits. False: none does. */
static bool next_run(struct distinct_input *input) {
    if (input->full) {
        input->waiting = spill_parts_wait(&input->parts, 0, input->waiting);
    }
    input->full = false;
    arena_free(&input->work);
    hash_table_reset(&input->seen);
    const struct spill_waiting *run = input->waiting;
    input->level = run == NULL ? 0 : run->level;
    input->reading = run != NULL;
    if (run == NULL) {
        return false;
    }
    input->waiting = run->next;
    if (input->reader == NULL) {
        input->reader = spill_reader_new(input->self->exec, input->types, input->column_count, VECTOR_ROWS);
    }
    spill_reader_open(input->reader, run->run);
    return true;
}

const struct batch *distinct_input_rest(struct distinct_input *input) {
    do {
        const struct batch *batch = NULL;
        while (input->reading && (batch = spill_reader_next(input->reader)) != NULL) {
            sql_check_cancel(input->self->exec->context);
            for (uint32_t i = 0; i < input->column_count; i++) {
                input->columns[i] = &batch->columns[i];
            }
            uint32_t kept = pass(input, NULL, batch->count, input->rows);
            if (kept > 0) {
                input->batch = *batch;
                input->batch.selection = input->rows;
                input->batch.selection_count = kept;
                return &input->batch;
            }
        }
    } while (next_run(input));
    return NULL;
}
