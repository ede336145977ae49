/*
 * Where a join's candidates come from.
 *
 *   nested  the right side is kept whole; every row of it is a candidate. Where it is more than work_mem holds, it is
 *           joined slice by slice (join_spill.c)
 *   hash    the right side is kept whole and its rows chained by key; a left row's candidates are one chain. A key with
 *           a NULL is equal to nothing and in no chain. Where it is more than work_mem holds, both sides are joined
 *           part by part (join_spill.c)
 *   merge   the right side is read along with the left, for both are in the order of the keys (join_merge.c)
 *   index   the right side is a table looked up for each left row (join_index.c)
 *   lateral the right side is a query run for each left row (join_lateral.c)
 */
#include "base/assert.h"
#include "sql/exec/join.h"

static bool has_null(const struct vector *const *keys, uint32_t key_count, uint32_t row) {
    bool null = false;
    for (uint32_t i = 0; i < key_count; i++) {
        null |= vector_is_null(keys[i], vector_row(keys[i], row));
    }
    return null;
}

void join_source_make(struct join *join) {
    struct exec *exec = join->base.exec;
    struct sql_context *context = exec->context;
    const struct plan_node *node = join->base.node;
    struct type *types = sql_alloc(context, sizeof(*types) * (join->right_count + 1));
    for (uint32_t i = 0; i < join->right_count; i++) {
        types[i] = node->right->columns[i].type;
    }
    bool hash = node->join_strategy == PLAN_JOIN_HASH;
    bool whole = hash || node->join_strategy == PLAN_JOIN_NESTED;
    rowset_init(&join->rows, context, whole ? &join->work : NULL, types, join->right_count);
    if (node->join_strategy == PLAN_JOIN_INDEX) {
        join_fetch_make(join);
        return;
    }
    if (node->join_strategy == PLAN_JOIN_LATERAL) {
        join_lateral_make(join);
        return;
    }
    if (node->join_strategy == PLAN_JOIN_MERGE) {
        join_merge_make(join, types);
        return;
    }
    join->base.right = operator_make(exec, node->right);
    if (!hash) {
        return;
    }
    join->key_count = node->key_count;
    join->left_keys = sql_alloc(context, sizeof(struct evaluator *) * node->key_count);
    join->right_keys = sql_alloc(context, sizeof(struct evaluator *) * node->key_count);
    join->keys = sql_alloc(context, sizeof(*join->keys) * node->key_count);
    struct type *key_types = sql_alloc(context, sizeof(*key_types) * node->key_count);
    for (uint32_t i = 0; i < node->key_count; i++) {
        join->left_keys[i] = operator_evaluator(&join->base, node->left_keys[i], join->base.left->rows_max);
        join->right_keys[i] = operator_evaluator(&join->base, node->right_keys[i], join->base.right->rows_max);
        key_types[i] = node->right_keys[i]->type;
        ASSERT(vector_form_of(node->left_keys[i]->type.id) == vector_form_of(key_types[i].id));
    }
    hash_table_init(&join->table, context, &join->work, key_types, node->key_count);
    if (node->join_type == PLAN_JOIN_INNER || node->join_type == PLAN_JOIN_SEMI ||
        node->join_type == PLAN_JOIN_RIGHT) { /* a left row without a partner is lost */
        join->filter = join_filter_place(join->base.left, node->left_keys, node->key_count);
    }
}

/* Keeps a batch of the right side; answers the rows that have a whole key in rows_out, their keys' numbers in ids. */
static void build_batch(struct join *join, const struct batch *batch, const struct vector **columns) {
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < join->rows.column_count; i++) {
        columns[i] = &batch->columns[i];
    }
    rowset_append(&join->rows, columns, batch->selection, live);
}

/* By right row: the number of its key, or ROWSET_NONE. Grown as rows come. */
struct key_numbers {
    uint32_t *numbers;
    uint32_t capacity;
};

static uint32_t *work_numbers(struct join *join, size_t count) {
    uint32_t *numbers = arena_alloc(&join->work, sizeof(*numbers) * count);
    ASSERT(numbers != NULL); /* on_fail raises */
    return numbers;
}

static void numbers_reserve(struct join *join, struct key_numbers *list, uint32_t count, uint32_t used) {
    if (count <= list->capacity) {
        return;
    }
    uint32_t capacity = list->capacity * 2 > count ? list->capacity * 2 : count + VECTOR_ROWS;
    uint32_t *numbers = work_numbers(join, capacity);
    if (used > 0) {
        memcpy(numbers, list->numbers, sizeof(*numbers) * used);
    }
    *list = (struct key_numbers){numbers, capacity};
}

static void number_keys(struct join *join, const struct batch *batch, uint32_t first, struct key_numbers *list) {
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < join->key_count; i++) {
        join->keys[i] = evaluator_run(join->right_keys[i], batch, batch->selection, live);
    }
    uint16_t whole[VECTOR_ROWS];
    uint16_t places[VECTOR_ROWS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < live; i++) {
        uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        whole[count] = row;
        places[count] = (uint16_t)i;
        list->numbers[first + i] = ROWSET_NONE;
        count += !has_null(join->keys, join->key_count, row);
    }
    hash_table_insert(&join->table, join->keys, whole, count, join->ids, NULL);
    for (uint32_t i = 0; i < count; i++) {
        list->numbers[first + places[i]] = join->ids[i];
    }
}

/* Chains the rows of each key. */
static void chain(struct join *join, const struct key_numbers *list) {
    uint32_t keys = join->table.keys.row_count;
    join->heads = work_numbers(join, (size_t)keys + 1);
    join->next = work_numbers(join, (size_t)join->rows.row_count + 1);
    memset(join->heads, 0xFF, sizeof(uint32_t) * ((size_t)keys + 1)); /* ROWSET_NONE */
    for (uint32_t row = join->rows.row_count; row > 0; row--) {       /* backwards: chains run forward */
        uint32_t key = list->numbers[row - 1];
        join->next[row - 1] = ROWSET_NONE;
        if (key != ROWSET_NONE) {
            join->next[row - 1] = join->heads[key];
            join->heads[key] = row - 1;
        }
    }
}

/* Keeps the right side; false: it did not fit and is put aside. */
static bool build(struct join *join) {
    struct sql_context *context = join->base.exec->context;
    bool hash = join->base.node->join_strategy == PLAN_JOIN_HASH;
    bool fits = true;
    struct key_numbers list = {0};
    const struct vector **columns = sql_alloc(context, sizeof(*columns) * (join->right_count + 1)); /* and a number */
    const struct batch *batch = NULL;
    while ((batch = join_spill_right_next(join)) != NULL) {
        operator_begin(&join->base);
        if (!fits) {
            join_spill_right(join, batch);
            continue;
        }
        uint32_t first = join->rows.row_count;
        build_batch(join, batch, columns);
        if (hash) {
            numbers_reserve(join, &list, join->rows.row_count, first);
            number_keys(join, batch, first, &list);
        }
        if (join_spill_possible(join)) {
            join_spill_begin(join);
            fits = false;
        }
    }
    if (hash && fits) {
        chain(join, &list);
        if (join->filter != NULL && join->spill == NULL) {
            join_filter_fill(join->filter, &join->table, &join->work);
        }
    }
    return fits;
}

void join_source_build(struct join *join) {
    if (join->fetch != NULL || join->lateral != NULL || join->merge != NULL) {
        return;
    }
    while (!build(join)) {
        join_spill_left(join);
        if (!join_spill_next(join)) {
            return;
        }
    }
}

void join_source_batch(struct join *join) {
    const struct batch *batch = join->left_batch;
    if (join->fetch != NULL) {
        join_fetch_batch(join);
        return;
    }
    if (join->merge != NULL) {
        join_merge_batch(join);
        return;
    }
    if (join->base.node->join_strategy != PLAN_JOIN_HASH) {
        return;
    }
    for (uint32_t i = 0; i < join->key_count; i++) {
        join->keys[i] = evaluator_run(join->left_keys[i], batch, batch->selection, join->left_live);
    }
    hash_table_find(&join->table, join->keys, batch->selection, join->left_live, join->ids);
    for (uint32_t i = 0; i < join->left_live; i++) {
        uint32_t row = batch->selection == NULL ? i : batch->selection[i];
        join->id_of_row[row] = has_null(join->keys, join->key_count, row) ? ROWSET_NONE : join->ids[i];
    }
}

void join_source_row(struct join *join, uint16_t row) {
    if (join->fetch != NULL) {
        join_fetch_row(join, row);
    } else if (join->lateral != NULL) {
        join_lateral_row(join, row);
    } else if (join->merge != NULL) {
        join_merge_row(join, row);
    } else if (join->base.node->join_strategy == PLAN_JOIN_HASH) {
        uint32_t key = join->id_of_row[row];
        join->candidate = key == ROWSET_NONE ? ROWSET_NONE : join->heads[key];
    } else {
        join->candidate = 0;
        join->candidate_end = join->rows.row_count;
    }
}

uint32_t join_source_next(struct join *join) {
    uint32_t row = join->candidate;
    if (join->base.node->join_strategy == PLAN_JOIN_HASH) {
        if (row != ROWSET_NONE) {
            join->candidate = join->next[row];
        }
        return row;
    }
    if (row >= join->candidate_end && join->lateral != NULL && join_lateral_more(join)) {
        row = join->candidate; /* it forgets what is not needed any more */
    }
    if (row >= join->candidate_end) {
        return ROWSET_NONE;
    }
    join->candidate = row + 1;
    return row;
}

void join_source_flushed(struct join *join) {
    /* Fetched rows are needed only while pairs or the current left row refer to them. */
    if (join->fetch != NULL && !join->candidates_open) {
        join_fetch_flushed(join);
    }
    if (join->lateral != NULL && !join->candidates_open) {
        join_lateral_flushed(join);
    }
}
