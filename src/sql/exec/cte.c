/*
 * WITH queries: rows made once, as they are asked for, and read by any number of scans.
 *
 * The rows belong to the execution of the query that defines the name, wherever below it they are read. A recursive
 * query goes in rounds: the non-recursive term's rows are the first working table; each round runs the recursive term
 * over it, in a context of its own, and what is new is the next one. A scan asks for more only when it has read
 * everything there is, so a LIMIT above ends a recursion that has no end.
 *
 * Rows of a query that is not recursive stay in memory up to work_mem; then the rest is made at once and put aside in a
 * file, which each scan reads for itself when it is through with those in memory. Nothing moves that a scan has given.
 */
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/spill.h"

struct cte_rows {
    struct cte_rows *next;
    const struct plan_cte *cte;
    struct exec *owner;
    struct exec_operator *source; /* of the query, or of the non-recursive term; NULL: at its end */
    bool done;
    struct arena kept; /* the rows and what they point at */
    struct rowset rows;
    struct spill_run *rest; /* rows behind those kept; NULL: none */
    struct hash_table seen; /* UNION: rows met */
    uint32_t *ids;
    uint8_t *fresh;
    uint16_t *selection;
    const struct type *types;
    const struct vector **columns;
    struct sql_context round; /* a recursive term's execution */
    uint32_t work_first;      /* the working table: rows first .. end - 1 */
    uint32_t work_end;
};

static void rows_free(void *object) {
    struct cte_rows *rows = object;
    sql_context_free(&rows->round);
}

static struct cte_rows *rows_make(struct exec *owner, const struct plan_cte *cte) {
    struct sql_context *context = owner->context;
    struct cte_rows *rows = sql_alloc_zero(context, 1, sizeof(*rows));
    uint32_t count = cte->root->column_count;
    struct type *types = sql_alloc(context, sizeof(*types) * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        types[i] = cte->root->columns[i].type;
    }
    rows->cte = cte;
    rows->owner = owner;
    exec_arena_init(owner, &rows->kept);
    rowset_init(&rows->rows, context, &rows->kept, types, count);
    rows->types = types;
    rows->columns = sql_alloc(context, sizeof(*rows->columns) * (count + 1));
    if (cte->distinct) {
        hash_table_init(&rows->seen, context, NULL, types, count);
        rows->ids = sql_alloc(context, sizeof(*rows->ids) * VECTOR_ROWS);
        rows->fresh = sql_alloc(context, VECTOR_ROWS);
        rows->selection = sql_alloc(context, sizeof(*rows->selection) * VECTOR_ROWS);
    }
    sql_context_inner(&rows->round, context);
    exec_defer(owner, rows_free, rows);
    rows->next = owner->ctes;
    owner->ctes = rows;
    rows->source = operator_make(owner, cte->root);
    return rows;
}

/* In the execution that defines it: the outermost one of its depth, for rounds of a recursion have the depth of their
 * query. */
static struct cte_rows *rows_of(struct exec *exec, const struct plan_cte *cte) {
    while (exec->depth > cte->depth || (exec->parent != NULL && exec->parent->depth == cte->depth)) {
        exec = exec->parent;
    }
    for (struct cte_rows *rows = exec->ctes; rows != NULL; rows = rows->next) {
        if (rows->cte == cte) {
            return rows;
        }
    }
    return rows_make(exec, cte);
}

static void rows_take(struct cte_rows *rows, const struct batch *batch) {
    const uint16_t *selection = batch->selection;
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        rows->columns[i] = &batch->columns[i];
    }
    if (rows->cte->distinct) {
        hash_table_insert(&rows->seen, rows->columns, selection, live, rows->ids, rows->fresh);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < live; i++) {
            rows->selection[kept] = selection == NULL ? (uint16_t)i : selection[i];
            kept += rows->fresh[i];
        }
        selection = rows->selection;
        live = kept;
    }
    if (live > 0) {
        rowset_append(&rows->rows, rows->columns, selection, live);
    }
}

/* Puts what is still to come aside. */
static void rows_put_aside(struct cte_rows *rows) {
    const struct batch *batch;
    uint32_t count = rows->cte->root->column_count;
    rows->rest = spill_run_new(rows->source, rows->types, count);
    while ((batch = rows->source->next(rows->source)) != NULL) {
        sql_check_cancel(rows->owner->context);
        for (uint32_t i = 0; i < count; i++) {
            rows->columns[i] = &batch->columns[i];
        }
        spill_run_append(rows->rest, rows->columns, batch->selection, batch_live(batch));
    }
    spill_run_end(rows->rest);
    rows->source = NULL;
    rows->done = true;
}

static void rows_round(struct cte_rows *rows) {
    struct exec *owner = rows->owner;
    sql_context_inner(&rows->round, owner->context);
    struct exec *exec = exec_open_inner(owner, &rows->round, rows->cte->recursive, owner->outers, owner->outer_count);
    exec->depth = owner->depth;
    const struct batch *batch;
    while ((batch = exec_next(exec)) != NULL) {
        rows_take(rows, batch);
    }
    sql_context_free(&rows->round);
}

/* Makes more rows; false when there are no more to come. */
static bool rows_more(struct cte_rows *rows) {
    uint32_t before = rows->rows.row_count;
    while (!rows->done && rows->rows.row_count == before) {
        sql_check_cancel(rows->owner->context);
        if (rows->source != NULL) {
            const struct batch *batch = rows->source->next(rows->source);
            if (batch != NULL) {
                rows_take(rows, batch);
                if (rows->cte->recursive == NULL && rows->rows.column_count > 0 &&
                    spill_wanted(rows->owner, &rows->kept)) {
                    rows_put_aside(rows);
                }
                continue;
            }
            rows->source = NULL;
            rows->done = rows->cte->recursive == NULL;
            rows->work_end = rows->rows.row_count;
            continue;
        }
        rows->done = rows->work_first == rows->work_end;
        if (!rows->done) {
            rows_round(rows);
            rows->work_first = rows->work_end;
            rows->work_end = rows->rows.row_count;
        }
    }
    return rows->rows.row_count > before;
}

void cte_open(struct exec *exec, const struct plan_cte *cte) {
    (void)rows_of(exec, cte);
}

void cte_finish(struct exec *exec, const struct plan_cte *cte) {
    struct cte_rows *rows = rows_of(exec, cte);
    while (rows_more(rows)) {
    }
}

/* --- scans --- */

struct cte_scan {
    struct exec_operator base;
    struct cte_rows *rows;
    uint32_t at;  /* next row */
    uint32_t end; /* of a working table */
    uint16_t *selection;
    struct spill_reader *reader; /* of the rows behind those in memory */
    struct vector *chosen;       /* of a common subplan: the columns that this one reads */
};

/* Gives rows of the query, in the columns that the reader wants. */
static void give(struct cte_scan *scan, struct vector *columns) {
    const struct plan_node *node = scan->base.node;
    for (uint32_t i = 0; scan->chosen != NULL && i < node->column_count; i++) {
        scan->chosen[i] = columns[node->scan_columns[i]];
    }
    scan->base.batch.columns = scan->chosen != NULL ? scan->chosen : columns;
}

static const struct batch *rest_next(struct cte_scan *scan) {
    struct exec_operator *self = &scan->base;
    if (scan->reader == NULL) {
        scan->reader = spill_reader_new(self->exec, scan->rows->types, scan->rows->rows.column_count, VECTOR_ROWS);
        spill_reader_open(scan->reader, scan->rows->rest);
    }
    const struct batch *batch = spill_reader_next(scan->reader);
    if (batch == NULL) {
        return NULL;
    }
    give(scan, batch->columns);
    self->batch.count = batch->count;
    self->batch.selection = NULL;
    return &self->batch;
}

static const struct batch *scan_next(struct exec_operator *self) {
    struct cte_scan *scan = (struct cte_scan *)self;
    struct cte_rows *rows = scan->rows;
    operator_begin(self);
    uint32_t end = self->node->cte_work ? scan->end : rows->rows.row_count;
    if (scan->at == end) {
        if (self->node->cte_work) {
            return NULL;
        }
        if (!rows_more(rows)) {
            return rows->rest == NULL ? NULL : rest_next(scan);
        }
        end = rows->rows.row_count;
    }
    uint32_t first = scan->at % VECTOR_ROWS;
    uint32_t chunk = scan->at / VECTOR_ROWS;
    uint32_t last = end - chunk * VECTOR_ROWS < VECTOR_ROWS ? end - chunk * VECTOR_ROWS : VECTOR_ROWS;
    if (rows->rows.column_count > 0) {
        give(scan, rows->rows.chunks[chunk]);
    }
    self->batch.count = last;
    self->batch.selection = NULL;
    if (first > 0) {
        for (uint32_t i = first; i < last; i++) {
            scan->selection[i - first] = (uint16_t)i;
        }
        self->batch.selection = scan->selection;
        self->batch.selection_count = last - first;
    }
    scan->at = chunk * VECTOR_ROWS + last;
    return &self->batch;
}

struct exec_operator *cte_make(struct exec *exec, const struct plan_node *node) {
    struct cte_scan *scan = operator_new(exec, node, sizeof(*scan), scan_next);
    scan->rows = rows_of(exec, node->cte);
    scan->selection = sql_alloc(exec->context, sizeof(*scan->selection) * VECTOR_ROWS);
    if (node->cte->readers != NULL) {
        scan->chosen = sql_alloc(exec->context, sizeof(*scan->chosen) * (node->column_count + 1));
    }
    if (node->cte_work) {
        scan->at = scan->rows->work_first;
        scan->end = scan->rows->work_end;
    }
    return &scan->base;
}
