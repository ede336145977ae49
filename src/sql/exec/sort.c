/*
 * ORDER BY.
 *
 * Input is kept in columns, keys that are not plain columns evaluated beside them, then sorted (rowset_sort.c) and
 * given out by gathering. Where only the first n rows are wanted (LIMIT above), no more than a few times n are held:
 * when the store is full it is sorted and cut to n, and from then on a row not before the n-th best is left out at
 * once, which leaves most rows of a long input uncopied.
 *
 * What is more than work_mem is sorted as it comes, written out as a run, and the runs are merged at the end (spill.h).
 */
#include "sql/exec/operator.h"
#include "sql/exec/rowset.h"
#include "sql/exec/spill.h"

#define TOP_ROWS_MAX   16384 /* a limit above it sorts everything */
#define TOP_STORE_ROWS 4096  /* at least; and four times the limit */

struct sort {
    struct exec_operator base;
    struct rowset rowsets[2]; /* the second takes the best rows when the first is cut */
    struct arena arenas[2];
    uint32_t current;
    const struct vector **columns;
    const struct vector **worst; /* the vectors that hold the worst row wanted */
    struct rowset_key *keys;
    uint32_t key_count;
    struct evaluator **evaluators; /* of keys that are no columns, in order */
    uint32_t evaluator_count;
    uint64_t limit; /* 0: all */
    bool cut;       /* the store has been cut: its row limit - 1 is the worst wanted */
    uint16_t *selection;
    uint32_t *order;
    uint32_t count;
    uint32_t given;
    struct spill_merge *merge; /* NULL: nothing was written out */
    bool sorted;
};

/* Whether a row of the batch comes before the worst row wanted. */
static bool wanted(const struct sort *sort, uint32_t row) {
    const struct rowset *rowset = &sort->rowsets[sort->current];
    uint32_t worst = (uint32_t)sort->limit - 1;
    for (uint32_t i = 0; i < sort->key_count; i++) {
        sort->worst[sort->keys[i].column] = &rowset->chunks[worst / VECTOR_ROWS][sort->keys[i].column];
    }
    /* Of equal ones, those before it in the input win. */
    return vectors_compare(sort->keys, sort->key_count, sort->columns, row, sort->worst, worst % VECTOR_ROWS) < 0;
}

/* Sorts the store and keeps the best `limit` rows of it. */
static void cut(struct sort *sort) {
    struct rowset *from = &sort->rowsets[sort->current];
    struct rowset *to = &sort->rowsets[1 - sort->current];
    uint32_t *order = (uint32_t *)arena_alloc(&sort->base.scratch, sizeof(uint32_t) * from->row_count);
    rowset_sort(from, sort->keys, sort->key_count, order, from->row_count);
    for (uint32_t done = 0; done < sort->limit;) {
        uint32_t step = sort->limit - done < VECTOR_ROWS ? (uint32_t)sort->limit - done : VECTOR_ROWS;
        struct vector *batch = sort->base.batch.columns;
        for (uint32_t i = 0; i < from->column_count; i++) {
            vector_clear(&batch[i], sort->base.rows_max);
            rowset_gather(from, i, order + done, step, &batch[i]);
            sort->columns[i] = &batch[i];
        }
        rowset_append(to, sort->columns, NULL, step);
        done += step;
    }
    arena_free(&sort->arenas[sort->current]);
    rowset_reset(from);
    sort->current = 1 - sort->current;
    sort->cut = true;
}

static void take(struct sort *sort, const struct batch *batch) {
    uint32_t live = batch_live(batch);
    const uint16_t *selection = batch->selection;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        sort->columns[i] = &batch->columns[i];
    }
    for (uint32_t i = 0; i < sort->evaluator_count; i++) {
        sort->columns[batch->column_count + i] = evaluator_run(sort->evaluators[i], batch, selection, live);
    }
    if (sort->cut) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < live; i++) {
            uint32_t row = selection == NULL ? i : selection[i];
            sort->selection[kept] = (uint16_t)row;
            kept += wanted(sort, row);
        }
        selection = sort->selection;
        live = kept;
    }
    rowset_append(&sort->rowsets[sort->current], sort->columns, selection, live);
    uint64_t room = sort->limit * 4 > TOP_STORE_ROWS ? sort->limit * 4 : TOP_STORE_ROWS;
    if (sort->limit > 0 && sort->rowsets[sort->current].row_count > room) {
        cut(sort);
    }
}

static void sort_rows(struct sort *sort) {
    struct arena *arena = &sort->arenas[sort->current];
    const struct rowset *rowset = &sort->rowsets[sort->current];
    sort->order = arena_alloc(arena, sizeof(uint32_t) * ((size_t)rowset->row_count + 1));
    rowset_sort(rowset, sort->keys, sort->key_count, sort->order, rowset->row_count);
    sort->count = rowset->row_count;
}

/* Writes the rows out as a sorted run. */
static void put_aside(struct sort *sort) {
    struct rowset *rowset = &sort->rowsets[sort->current];
    if (sort->merge == NULL) {
        sort->merge = spill_merge_new(&sort->base, sort->keys, sort->key_count, rowset->types, rowset->column_count);
    }
    sort_rows(sort);
    spill_merge_add(sort->merge, rowset, sort->order, sort->count);
    arena_free(&sort->arenas[sort->current]);
    rowset_reset(rowset);
}

static void consume(struct sort *sort) {
    struct exec_operator *self = &sort->base;
    const struct batch *batch = NULL;
    while ((batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        take(sort, batch);
        if (sort->limit == 0 && spill_wanted(self->exec, &sort->arenas[sort->current])) {
            put_aside(sort);
        }
    }
    if (sort->merge != NULL) {
        put_aside(sort);
        return;
    }
    sort_rows(sort);
    sort->count = sort->limit > 0 && sort->limit < sort->count ? (uint32_t)sort->limit : sort->count;
}

static const struct batch *merged_next(struct sort *sort) {
    struct exec_operator *self = &sort->base;
    operator_begin(self);
    const struct batch *batch = spill_merge_next(sort->merge);
    if (batch == NULL) {
        return NULL;
    }
    self->batch.columns = batch->columns; /* and the keys behind them */
    self->batch.count = batch->count;
    return &self->batch;
}

static const struct batch *sort_next(struct exec_operator *self) {
    struct sort *sort = (struct sort *)self;
    if (!sort->sorted) {
        consume(sort);
        sort->sorted = true;
    }
    if (sort->merge != NULL) {
        return merged_next(sort);
    }
    const struct rowset *rowset = &sort->rowsets[sort->current];
    if (sort->given == sort->count) {
        return NULL;
    }
    operator_begin(self);
    operator_clear(self);
    uint32_t count = sort->count - sort->given < self->rows_max ? sort->count - sort->given : self->rows_max;
    for (uint32_t i = 0; i < self->batch.column_count; i++) {
        rowset_gather(rowset, i, sort->order + sort->given, count, &self->batch.columns[i]);
    }
    sort->given += count;
    self->batch.count = count;
    return &self->batch;
}

struct exec_operator *sort_make(struct exec *exec, const struct plan_node *node) {
    struct sql_context *context = exec->context;
    struct sort *sort = operator_new(exec, node, sizeof(*sort), sort_next);
    sort->base.left = operator_make(exec, node->left);
    uint32_t columns = node->column_count + node->sort_key_count;
    struct type *types = sql_alloc(context, sizeof(*types) * (columns + 1));
    for (uint32_t i = 0; i < node->column_count; i++) {
        types[i] = node->columns[i].type;
    }
    columns = node->column_count;
    sort->limit = node->limit_hint <= TOP_ROWS_MAX ? node->limit_hint : 0;
    sort->key_count = node->sort_key_count;
    sort->keys = sql_alloc_zero(context, node->sort_key_count + 1, sizeof(*sort->keys));
    sort->evaluators = sql_alloc(context, sizeof(struct evaluator *) * (node->sort_key_count + 1));
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        const struct plan_sort_key *key = &node->sort_keys[i];
        sort->keys[i] = (struct rowset_key){.descending = key->descending, .nulls_first = key->nulls_first};
        if (key->expr->kind == EXPR_COLUMN) {
            sort->keys[i].column = key->expr->column;
            continue;
        }
        sort->keys[i].column = columns;
        types[columns++] = key->expr->type;
        sort->evaluators[sort->evaluator_count++] =
            operator_evaluator(&sort->base, key->expr, sort->base.left->rows_max);
    }
    sort->columns = sql_alloc(context, sizeof(*sort->columns) * (columns + 1));
    sort->worst = sql_alloc(context, sizeof(*sort->worst) * (columns + 1));
    sort->selection = sql_alloc(context, sizeof(uint16_t) * sort->base.left->rows_max);
    operator_columns(&sort->base, VECTOR_ROWS);
    if (sort->limit > 0) { /* cut() gathers key columns too */
        struct vector *all = sql_alloc_zero(context, columns + 1, sizeof(*all));
        memcpy(all, sort->base.batch.columns, sizeof(*all) * node->column_count);
        for (uint32_t i = node->column_count; i < columns; i++) {
            vector_init(context, &all[i], types[i]);
        }
        sort->base.batch.columns = all;
    }
    for (uint32_t i = 0; i < 2; i++) {
        operator_kept_init(&sort->base, &sort->arenas[i]);
        rowset_init(&sort->rowsets[i], context, &sort->arenas[i], types, columns);
    }
    return &sort->base;
}
