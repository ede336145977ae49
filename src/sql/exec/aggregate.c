/*
 * GROUP BY and aggregates, by hash.
 *
 * All input is read, each batch in three steps: the group expressions are looked up in a hash table, which numbers the
 * groups; each row gets a pointer to its group's states; each aggregate adds its rows, less those its FILTER, NULLs or
 * DISTINCT leave out. With GROUPING SETS this is done once for each set, its number being part of the key. Without
 * GROUP BY there is one group and no table. Groups come out in the order of their keys, so
 * that an answer without ORDER BY is the same each time.
 *
 * States of a group stand together, 16-byte aligned, in blocks that never move.
 *
 * When the groups are more than work_mem holds, no more are added: rows of other groups are put aside, spread over runs
 * by hash (spill.h). The groups held are finished and written out in the order of their keys, then each run is grouped
 * in turn, and in the end the finished groups are merged. So the answer is the same row for row. What calls with
 * DISTINCT or an order of their own keep of the groups held (distinct_input.h, ordered_input.h) spills by itself.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/exec/distinct_input.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/ordered_input.h"
#include "sql/exec/spill.h"

#define BLOCK_GROUPS 256

struct aggregate_call {
    const struct sql_function *function;
    struct evaluator **arguments;
    struct vector **vectors;
    uint32_t argument_count;
    struct evaluator *filter;
    struct distinct_input *distinct;
    struct ordered_input *ordered; /* an order of its own: rows wait here */
    struct evaluator *direct;      /* ordered sets: over the grouped row */
    struct rowset results;         /* ordered sets: by number of the group */
    struct vector result;          /* of one of them */
    uint32_t offset;               /* of its state in a group's */
    struct sql_call call;
};

struct aggregate {
    struct exec_operator base;
    struct arena work;    /* groups and their states */
    uint32_t group_count; /* expressions */
    struct evaluator **groups;
    const struct vector **keys;
    const struct vector **values; /* GROUPING SETS: the group expressions' values; keys are these or NULL */
    struct vector *nulls;
    struct vector set_number;
    struct hash_table table;
    struct rowset_key *order_keys;
    struct aggregate_call *calls;
    uint32_t call_count;
    uint32_t state_size;
    uint8_t **blocks;
    uint32_t block_count;
    uint32_t block_capacity;
    uint32_t states; /* groups that have states */
    uint32_t *ids;   /* of the batch's rows, by place in the selection */
    void **row_states;
    void **call_states;
    uint16_t *rows;
    struct vector group_numbers; /* by row */
    uint32_t *order;
    uint32_t given;
    bool consumed;

    bool spills;                         /* it can */
    bool full;                           /* no group is added to the table any more */
    struct spill_parts *parts;           /* by set: rows of groups that are not in the table */
    struct spill_waiting *waiting;       /* not grouped yet, each by one of the sets */
    const struct spill_waiting *current; /* what is grouped now; NULL: the input */
    struct spill_reader *reader;
    struct spill_merge *results; /* groups finished; NULL: the table has all */
    struct type *input_types;
    const struct vector **input_columns;
    uint16_t *known;
    uint16_t *unknown;
};

static uint8_t *state_of(const struct aggregate *aggregate, uint32_t group) {
    return aggregate->blocks[group / BLOCK_GROUPS] + (size_t)(group % BLOCK_GROUPS) * aggregate->state_size;
}

static void *work_alloc(struct aggregate *aggregate, size_t count, size_t size) {
    void *memory = arena_alloc_zero(&aggregate->work, count, size);
    ASSERT(memory != NULL); /* on_fail raises */
    return memory;
}

static void states_extend(struct aggregate *aggregate, uint32_t groups) {
    while (aggregate->block_count * (uint64_t)BLOCK_GROUPS < groups) {
        if (aggregate->block_count == aggregate->block_capacity) {
            uint32_t capacity = aggregate->block_capacity == 0 ? 16 : aggregate->block_capacity * 2;
            uint8_t **blocks = work_alloc(aggregate, capacity, sizeof(*blocks));
            if (aggregate->block_count > 0) {
                memcpy(blocks, aggregate->blocks, sizeof(*blocks) * aggregate->block_count);
            }
            aggregate->blocks = blocks;
            aggregate->block_capacity = capacity;
        }
        uint32_t in_block = aggregate->group_count == 0 ? 1 : BLOCK_GROUPS;
        aggregate->blocks[aggregate->block_count++] =
            work_alloc(aggregate, in_block, aggregate->state_size == 0 ? 1 : aggregate->state_size);
    }
}

/* --- input --- */

/* Leaves out what the aggregate does not take; answers how many rows are left, *selection which. */
static uint32_t call_rows(struct aggregate *aggregate, struct aggregate_call *call, const struct batch *batch,
                          const uint16_t **selection) {
    uint32_t count = batch_live(batch);
    *selection = batch->selection;
    if (call->filter != NULL) {
        count = evaluator_select(call->filter, batch, *selection, count, aggregate->rows);
        *selection = aggregate->rows;
    }
    bool nulls = false;
    for (uint32_t n = 0; n < call->argument_count; n++) {
        call->vectors[n] = (struct vector *)(uintptr_t)evaluator_run(call->arguments[n], batch, *selection, count);
        nulls |= call->vectors[n]->may_have_null;
    }
    if (!nulls || !call->function->strict) {
        return count;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = *selection == NULL ? i : (*selection)[i];
        bool null = false;
        for (uint32_t n = 0; n < call->argument_count; n++) {
            null |= vector_is_null(call->vectors[n], vector_row(call->vectors[n], row));
        }
        aggregate->rows[kept] = (uint16_t)row;
        kept += !null;
    }
    *selection = aggregate->rows;
    return kept;
}

/* Rows of the call into their groups' states, or to the others that wait for their order. `row_states` has their
 * groups'. */
static void call_take(struct aggregate *aggregate, struct aggregate_call *call, const struct batch *batch,
                      const struct vector *groups, struct vector *const *arguments, const uint16_t *selection,
                      uint32_t count) {
    if (call->ordered != NULL) {
        ordered_input_add(call->ordered, batch, groups, arguments, selection, count);
        return;
    }
    const struct sql_aggregate *functions = call->function->aggregate;
    if (aggregate->group_count == 0 && functions->add_one_group != NULL) {
        functions->add_one_group(&call->call, state_of(aggregate, 0) + call->offset, arguments, selection, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        aggregate->call_states[i] = (uint8_t *)aggregate->row_states[row] + call->offset;
    }
    functions->add(&call->call, aggregate->call_states, arguments, selection, count);
}

static void call_add(struct aggregate *aggregate, struct aggregate_call *call, const struct batch *batch) {
    const uint16_t *selection = NULL;
    uint32_t count = call_rows(aggregate, call, batch, &selection);
    if (count > 0 && call->distinct != NULL) {
        count = distinct_input_pass(call->distinct, &aggregate->group_numbers, call->vectors, selection, count,
                                    aggregate->rows);
        selection = aggregate->rows;
    }
    if (count > 0) {
        call_take(aggregate, call, batch, &aggregate->group_numbers, call->vectors, selection, count);
    }
}

/* --- what does not fit --- */

/* Rows of groups that are not in the table wait for their turn. */
static void put_aside(struct aggregate *aggregate, const struct batch *batch, uint32_t set, uint32_t count) {
    const struct plan_node *node = aggregate->base.node;
    uint64_t hashes[VECTOR_ROWS];
    if (count == 0) {
        return;
    }
    hash_table_hash(&aggregate->table, aggregate->keys, aggregate->unknown, count, hashes);
    for (uint32_t i = 0; i < node->left->column_count; i++) {
        aggregate->input_columns[i] = &batch->columns[i];
    }
    spill_parts_add(&aggregate->parts[set], aggregate->input_columns, aggregate->unknown, count, hashes);
}

static uint32_t set_count(const struct aggregate *aggregate) {
    return aggregate->nulls == NULL ? 1 : aggregate->base.node->grouping_set_count;
}

/* The table takes no more groups from now on, if it is too large. */
static void check_room(struct aggregate *aggregate) {
    struct exec *exec = aggregate->base.exec;
    uint32_t level = aggregate->current == NULL ? 0 : aggregate->current->level;
    if (aggregate->full || !aggregate->spills || level == SPILL_LEVELS_MAX ||
        !spill_wanted_of(exec, &aggregate->work, &aggregate->table, NULL)) {
        return;
    }
    uint32_t sets = set_count(aggregate);
    uint32_t parts = sets == 1 ? SPILL_PARTS : sets <= 4 ? SPILL_PARTS / 4 : SPILL_PARTS / 8;
    aggregate->full = true;
    aggregate->parts = sql_alloc(exec->context, sizeof(*aggregate->parts) * sets);
    for (uint32_t set = 0; set < sets; set++) {
        spill_parts_init(&aggregate->parts[set], &aggregate->base, aggregate->input_types,
                         aggregate->base.node->left->column_count, level, parts);
    }
}

/*
 * Finds the groups of the batch's rows by `keys`, which are those of a set. *found is the batch with the rows whose
 * group is in the table. False: there are none.
 */
static bool find_groups(struct aggregate *aggregate, const struct batch *batch, uint32_t set, struct batch *found) {
    uint32_t live = batch_live(batch);
    *found = *batch;
    if (!aggregate->full) {
        hash_table_insert(&aggregate->table, aggregate->keys, batch->selection, live, aggregate->ids, NULL);
        states_extend(aggregate, aggregate->table.keys.row_count);
    } else {
        hash_table_find(&aggregate->table, aggregate->keys, batch->selection, live, aggregate->ids);
        uint32_t known = 0;
        for (uint32_t i = 0; i < live; i++) {
            uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
            uint32_t id = aggregate->ids[i];
            aggregate->known[known] = row;
            aggregate->unknown[i - known] = row;
            aggregate->ids[known] = id;
            known += id != ROWSET_NONE;
        }
        put_aside(aggregate, batch, set, live - known);
        found->selection = aggregate->known;
        found->selection_count = known;
        live = known;
    }
    for (uint32_t i = 0; i < live; i++) {
        uint32_t row = found->selection == NULL ? i : found->selection[i];
        aggregate->row_states[row] = state_of(aggregate, aggregate->ids[i]);
        aggregate->group_numbers.integer[row] = aggregate->ids[i];
    }
    return live > 0;
}

static void add_calls(struct aggregate *aggregate, const struct batch *batch) {
    for (uint32_t i = 0; i < aggregate->call_count; i++) {
        call_add(aggregate, &aggregate->calls[i], batch);
    }
}

/* The keys of a grouping set: NULL for what is not in it, its number last. */
static void set_keys(struct aggregate *aggregate, uint32_t set) {
    const struct plan_node *node = aggregate->base.node;
    uint32_t last = aggregate->group_count - 1;
    for (uint32_t i = 0; i < last; i++) {
        bool in_set = bitset_get(node->grouping_sets[set], i);
        aggregate->keys[i] = in_set ? aggregate->values[i] : &aggregate->nulls[i];
    }
    aggregate->set_number.integer[0] = set;
    aggregate->keys[last] = &aggregate->set_number;
}

/* Each row is in a group of each set. */
static void consume_sets(struct aggregate *aggregate, const struct batch *batch) {
    const struct plan_node *node = aggregate->base.node;
    for (uint32_t i = 0; i + 1 < aggregate->group_count; i++) {
        aggregate->values[i] = evaluator_run(aggregate->groups[i], batch, batch->selection, batch_live(batch));
    }
    const struct spill_waiting *current = aggregate->current;
    uint32_t first = current == NULL ? 0 : current->of;
    uint32_t end = current == NULL ? node->grouping_set_count : current->of + 1;
    struct batch found;
    for (uint32_t set = first; set < end; set++) {
        set_keys(aggregate, set);
        if (find_groups(aggregate, batch, set, &found)) {
            add_calls(aggregate, &found);
        }
    }
}

/* A set of nothing is one group, also where no row is. */
static void add_empty_sets(struct aggregate *aggregate) {
    const struct plan_node *node = aggregate->base.node;
    for (uint32_t set = 0; set < node->grouping_set_count; set++) {
        bool empty = true;
        for (uint32_t i = 0; i + 1 < aggregate->group_count; i++) {
            empty = empty && !bitset_get(node->grouping_sets[set], i);
        }
        if (empty) {
            set_keys(aggregate, set);
            hash_table_insert(&aggregate->table, aggregate->keys, NULL, 1, aggregate->ids, NULL);
            states_extend(aggregate, aggregate->table.keys.row_count);
        }
    }
}

static void consume_groups(struct aggregate *aggregate, const struct batch *batch) {
    for (uint32_t i = 0; i < aggregate->group_count; i++) {
        aggregate->keys[i] = evaluator_run(aggregate->groups[i], batch, batch->selection, batch_live(batch));
    }
    struct batch found;
    if (find_groups(aggregate, batch, 0, &found)) {
        add_calls(aggregate, &found);
    }
}

static void consume_one_group(struct aggregate *aggregate, const struct batch *batch) {
    for (uint32_t i = 0; i < batch->count; i++) {
        aggregate->row_states[i] = state_of(aggregate, 0);
    }
    add_calls(aggregate, batch);
}

static const struct batch *input_next(struct aggregate *aggregate) {
    struct exec_operator *left = aggregate->base.left;
    return aggregate->current == NULL ? left->next(left) : spill_reader_next(aggregate->reader);
}

static void consume(struct aggregate *aggregate) {
    struct exec_operator *self = &aggregate->base;
    const struct batch *batch = NULL;
    if (aggregate->group_count == 0) {
        states_extend(aggregate, 1);
        memset(aggregate->group_numbers.integer, 0, sizeof(int64_t) * self->left->rows_max);
    }
    while ((batch = input_next(aggregate)) != NULL) {
        operator_begin(self);
        if (aggregate->nulls != NULL) {
            consume_sets(aggregate, batch);
        } else if (aggregate->group_count > 0) {
            consume_groups(aggregate, batch);
        } else {
            consume_one_group(aggregate, batch);
        }
        check_room(aggregate);
    }
    if (aggregate->current == NULL) {
        add_empty_sets(aggregate);
    }
    operator_begin(self);
}

/* --- output --- */

static void order_groups(struct aggregate *aggregate) {
    uint32_t count = aggregate->table.keys.row_count;
    aggregate->order = work_alloc(aggregate, count + 1, sizeof(uint32_t));
    rowset_sort(&aggregate->table.keys, aggregate->order_keys, aggregate->group_count, aggregate->order, count);
}

/* The rows that waited to be told from those before them. */
static void finish_distinct(struct aggregate *aggregate, struct aggregate_call *call) {
    const struct batch *batch = NULL;
    while ((batch = distinct_input_rest(call->distinct)) != NULL) {
        operator_begin(&aggregate->base);
        uint32_t count = batch_live(batch);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = batch->selection == NULL ? i : batch->selection[i];
            aggregate->row_states[row] = state_of(aggregate, (uint32_t)batch->columns[0].integer[row]);
        }
        for (uint32_t i = 0; i < call->argument_count; i++) {
            call->vectors[i] = &batch->columns[1 + i];
        }
        call_take(aggregate, call, batch, &batch->columns[0], call->vectors, batch->selection, count);
    }
}

static void feed_ordered(struct aggregate *aggregate, struct aggregate_call *call) {
    const struct batch *batch = NULL;
    while ((batch = ordered_input_next(call->ordered)) != NULL) {
        operator_begin(&aggregate->base);
        for (uint32_t i = 0; i < batch->count; i++) {
            uint32_t group = (uint32_t)batch->columns[0].integer[i];
            aggregate->call_states[i] = state_of(aggregate, group) + call->offset;
        }
        for (uint32_t i = 0; i < call->argument_count; i++) {
            call->vectors[i] = &batch->columns[1 + i];
        }
        call->function->aggregate->add(&call->call, aggregate->call_states, call->vectors, NULL, batch->count);
    }
}

static uint32_t groups_held(const struct aggregate *aggregate) {
    return aggregate->group_count == 0 ? 1 : aggregate->table.keys.row_count;
}

/* The values of an ordered set, of all groups in the order of their numbers. */
static void finish_ordered_set(struct aggregate *aggregate, struct aggregate_call *call) {
    struct exec_operator *self = &aggregate->base;
    struct sql_context *context = self->exec->context;
    const struct vector *results = &call->result;
    uint32_t groups = groups_held(aggregate);
    uint32_t numbers[VECTOR_ROWS];
    rowset_init(&call->results, context, &aggregate->work, &call->call.result_type, 1);
    for (uint32_t from = 0; from < groups; from += self->rows_max) {
        uint32_t count = groups - from < self->rows_max ? groups - from : self->rows_max;
        operator_begin(self);
        operator_clear(self);
        for (uint32_t i = 0; i < count; i++) {
            numbers[i] = from + i;
        }
        for (uint32_t i = 0; i < aggregate->group_count; i++) {
            rowset_gather(&aggregate->table.keys, i, numbers, count, &self->batch.columns[i]);
        }
        self->batch.count = count;
        const struct vector *direct =
            call->direct == NULL ? NULL : evaluator_run(call->direct, &self->batch, NULL, count);
        for (uint32_t i = 0; i < count; i++) {
            struct value value = {0};
            if (direct != NULL) {
                value = vector_get(direct, vector_row(direct, i));
            }
            vector_clear(&call->result, 1);
            ordered_input_result(call->ordered, &call->call, call->function, from + i, &value, &call->result, 0);
            rowset_append(&call->results, &results, NULL, 1);
        }
    }
}

/* All rows are there: those that waited get their turn. */
static void finish_calls(struct aggregate *aggregate) {
    for (uint32_t i = 0; i < aggregate->call_count; i++) {
        struct aggregate_call *call = &aggregate->calls[i];
        if (call->distinct != NULL) {
            finish_distinct(aggregate, call);
        }
        if (call->ordered == NULL) {
            continue;
        }
        ordered_input_sort(call->ordered);
        if (call->function->ordered_set == SQL_ORDERED_SET_NONE) {
            feed_ordered(aggregate, call);
        } else {
            finish_ordered_set(aggregate, call);
        }
        ordered_input_reset(call->ordered);
    }
}

/* A call's column of the answer. */
static void give_call(struct aggregate *aggregate, struct aggregate_call *call, const uint32_t *order, uint32_t count,
                      struct vector *column) {
    if (call->function->ordered_set != SQL_ORDERED_SET_NONE) {
        uint32_t only = 0;
        rowset_gather(&call->results, 0, order == NULL ? &only : order, count, column);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t group = order == NULL ? 0 : order[i];
        call->function->aggregate->finish(&call->call, state_of(aggregate, group) + call->offset, column, i);
    }
}

/* The next groups of the table, in order; false: there are none. */
static bool give_groups(struct aggregate *aggregate) {
    struct exec_operator *self = &aggregate->base;
    uint32_t groups = groups_held(aggregate);
    if (aggregate->given == groups) {
        return false;
    }
    operator_begin(self);
    operator_clear(self);
    uint32_t count = groups - aggregate->given < self->rows_max ? groups - aggregate->given : self->rows_max;
    const uint32_t *order = aggregate->group_count == 0 ? NULL : aggregate->order + aggregate->given;
    for (uint32_t i = 0; i < aggregate->group_count; i++) {
        rowset_gather(&aggregate->table.keys, i, order, count, &self->batch.columns[i]);
    }
    self->batch.count = count;
    for (uint32_t n = 0; n < aggregate->call_count; n++) {
        give_call(aggregate, &aggregate->calls[n], order, count, &self->batch.columns[aggregate->group_count + n]);
    }
    aggregate->given += count;
    return true;
}

/* Writes the table's groups out and empties it; what was put aside meanwhile waits. */
static void finish_part(struct aggregate *aggregate) {
    struct exec *exec = aggregate->base.exec;
    const struct plan_node *node = aggregate->base.node;
    struct type *types = sql_alloc(exec->context, sizeof(*types) * (node->column_count + 1));
    const struct vector **columns = sql_alloc(exec->context, sizeof(*columns) * (node->column_count + 1));
    for (uint32_t i = 0; i < node->column_count; i++) {
        types[i] = aggregate->base.batch.columns[i].type;
        columns[i] = &aggregate->base.batch.columns[i];
    }
    if (aggregate->results == NULL) {
        aggregate->results =
            spill_merge_new(&aggregate->base, aggregate->order_keys, aggregate->group_count, types, node->column_count);
    }
    struct spill_run *run = spill_run_new(&aggregate->base, types, node->column_count);
    while (give_groups(aggregate)) {
        spill_run_append(run, columns, NULL, aggregate->base.batch.count);
    }
    spill_run_end(run);
    spill_merge_add_run(aggregate->results, run);
    for (uint32_t set = 0; aggregate->full && set < set_count(aggregate); set++) {
        aggregate->waiting = spill_parts_wait(&aggregate->parts[set], set, aggregate->waiting);
    }
    aggregate->full = false;
    aggregate->given = 0;
    aggregate->block_count = 0;
    aggregate->block_capacity = 0;
    arena_free(&aggregate->work);
    hash_table_reset(&aggregate->table);
}

/* Groups all of the input; what was put aside too. */
static void group_all(struct aggregate *aggregate) {
    struct exec_operator *self = &aggregate->base;
    consume(aggregate);
    finish_calls(aggregate);
    if (aggregate->group_count > 0) {
        order_groups(aggregate);
    }
    if (!aggregate->full) {
        return;
    }
    aggregate->reader =
        spill_reader_new(self->exec, aggregate->input_types, self->node->left->column_count, self->left->rows_max);
    finish_part(aggregate);
    while ((aggregate->current = aggregate->waiting) != NULL) {
        aggregate->waiting = aggregate->current->next;
        spill_reader_open(aggregate->reader, aggregate->current->run);
        consume(aggregate);
        finish_calls(aggregate);
        order_groups(aggregate);
        finish_part(aggregate);
    }
}

static const struct batch *aggregate_next(struct exec_operator *self) {
    struct aggregate *aggregate = (struct aggregate *)self;
    if (!aggregate->consumed) {
        group_all(aggregate);
        aggregate->consumed = true;
    }
    if (aggregate->results != NULL) {
        operator_begin(self);
        return spill_merge_next(aggregate->results);
    }
    return give_groups(aggregate) ? &self->batch : NULL;
}

/* --- making --- */

static void sets_make(struct aggregate *aggregate, const struct type *types) {
    struct sql_context *context = aggregate->base.exec->context;
    aggregate->values = sql_alloc_zero(context, aggregate->group_count, sizeof(*aggregate->values));
    aggregate->nulls = sql_alloc_zero(context, aggregate->group_count, sizeof(*aggregate->nulls));
    for (uint32_t i = 0; i + 1 < aggregate->group_count; i++) {
        struct vector *null = &aggregate->nulls[i];
        vector_init_rows(context, null, types[i], 1);
        null->constant = true;
        null->may_have_null = true;
        null->null[0] = 1;
    }
    vector_init_rows(context, &aggregate->set_number, type_make(TYPE_INT4), 1);
    aggregate->set_number.constant = true;
}

static void spills_make(struct aggregate *aggregate) {
    const struct plan_node *input = aggregate->base.node->left;
    struct sql_context *context = aggregate->base.exec->context;
    uint32_t rows_max = aggregate->base.left->rows_max;
    aggregate->spills = true;
    aggregate->input_types = sql_alloc(context, sizeof(*aggregate->input_types) * (input->column_count + 1));
    aggregate->input_columns = sql_alloc(context, sizeof(*aggregate->input_columns) * (input->column_count + 1));
    for (uint32_t i = 0; i < input->column_count; i++) {
        aggregate->input_types[i] = input->columns[i].type;
    }
    aggregate->known = sql_alloc(context, sizeof(uint16_t) * rows_max);
    aggregate->unknown = sql_alloc(context, sizeof(uint16_t) * rows_max);
}

static void call_make(struct aggregate *aggregate, struct aggregate_call *call, const struct plan_aggregate *plan) {
    struct exec *exec = aggregate->base.exec;
    struct sql_context *context = exec->context;
    uint32_t rows_max = aggregate->base.left->rows_max;
    struct type *types = sql_alloc_zero(context, plan->argument_count + 1, sizeof(*types));
    call->function = plan->function;
    call->argument_count = plan->argument_count;
    call->arguments = sql_alloc(context, sizeof(*call->arguments) * (plan->argument_count + 1));
    call->vectors = sql_alloc(context, sizeof(*call->vectors) * (plan->argument_count + 1));
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        call->arguments[i] = operator_evaluator(&aggregate->base, plan->arguments[i], rows_max);
        types[i] = plan->arguments[i]->type;
    }
    if (plan->filter != NULL) {
        call->filter = operator_evaluator(&aggregate->base, plan->filter, rows_max);
    }
    if (plan->distinct) {
        call->distinct = distinct_input_make(&aggregate->base, plan);
    }
    if (plan->order_count > 0) {
        call->ordered = ordered_input_make(&aggregate->base, plan, rows_max);
    }
    if (plan->direct_count > 0) {
        call->direct = operator_evaluator(&aggregate->base, plan->direct[0], aggregate->base.rows_max);
    }
    if (plan->function->ordered_set != SQL_ORDERED_SET_NONE) {
        vector_init_rows(context, &call->result, plan->type, 1);
    }
    call->offset = aggregate->state_size;
    if (plan->function->aggregate != NULL) {
        aggregate->state_size += (plan->function->aggregate->state_size + 15) & ~15u;
    }
    call->call = (struct sql_call){.context = context,
                                   .arena = &aggregate->work,
                                   .result_type = plan->type,
                                   .argument_types = types,
                                   .argument_count = plan->argument_count,
                                   .position = plan->position};
}

struct exec_operator *aggregate_make(struct exec *exec, const struct plan_node *node) {
    struct sql_context *context = exec->context;
    struct aggregate *aggregate = operator_new(exec, node, sizeof(*aggregate), aggregate_next);
    aggregate->base.left = operator_make(exec, node->left);
    uint32_t rows_max = aggregate->base.left->rows_max;
    operator_kept_init(&aggregate->base, &aggregate->work);
    ASSERT(node->column_count == node->expression_count + node->aggregate_count);
    aggregate->group_count = node->expression_count;
    aggregate->call_count = node->aggregate_count;
    operator_columns(&aggregate->base, node->expression_count == 0 ? 1 : VECTOR_ROWS);
    if (node->expression_count > 0) {
        struct type *types = sql_alloc(context, sizeof(*types) * node->expression_count);
        aggregate->groups = sql_alloc(context, sizeof(struct evaluator *) * node->expression_count);
        aggregate->keys = sql_alloc(context, sizeof(*aggregate->keys) * node->expression_count);
        for (uint32_t i = 0; i < node->expression_count; i++) {
            aggregate->groups[i] = operator_evaluator(&aggregate->base, node->expressions[i], rows_max);
            types[i] = node->expressions[i]->type;
        }
        hash_table_init(&aggregate->table, context, &aggregate->work, types, node->expression_count);
        aggregate->order_keys = sql_alloc_zero(context, node->expression_count, sizeof(*aggregate->order_keys));
        for (uint32_t i = 0; i < node->expression_count; i++) {
            aggregate->order_keys[i].column = i;
        }
        spills_make(aggregate);
        if (node->grouping_set_count > 0) {
            sets_make(aggregate, types);
        }
    }
    aggregate->ids = sql_alloc(context, sizeof(uint32_t) * rows_max);
    uint32_t rows_waiting_max = rows_max < VECTOR_ROWS ? VECTOR_ROWS : rows_max; /* in batches of their own */
    aggregate->row_states = sql_alloc(context, sizeof(void *) * rows_waiting_max);
    aggregate->call_states = sql_alloc(context, sizeof(void *) * rows_waiting_max);
    aggregate->rows = sql_alloc(context, sizeof(uint16_t) * rows_max);
    vector_init_rows(context, &aggregate->group_numbers, type_make(TYPE_INT8), rows_max);
    aggregate->calls = sql_alloc_zero(context, node->aggregate_count + 1, sizeof(*aggregate->calls));
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        call_make(aggregate, &aggregate->calls[i], &node->aggregates[i]);
    }
    return &aggregate->base;
}
