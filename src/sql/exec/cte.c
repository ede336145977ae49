/*
 * WITH queries: rows made once, as they are asked for, and read by any number of scans.
 *
 * The rows belong to the execution of the query that defines the name, wherever below it they are read. A recursive
 * query goes in rounds: the non-recursive term's rows are the first working table; each round runs the recursive term
 * over it, in a context of its own, and what is new is the next one. A scan asks for more only when it has read
 * everything there is, and gets it as the round goes on, so a LIMIT above ends a recursion, or a round, that has no
 * end.
 *
 * Rows stay in memory up to work_mem; those behind are put aside in runs, which each scan reads for itself when it is
 * through with those in memory. Nothing moves that a scan has given. Of a query that is not recursive all the rest is
 * made at once; of a recursive one some rounds at a time, and the working table, when its rows are no longer among
 * those in memory, is kept once more, in memory as far as it fits. What UNION has met stays in memory.
 */
#include "sql/exec/hash_table.h"
#include "sql/exec/operator.h"
#include "sql/exec/spill.h"

#define PIECE_ROWS 16384 /* of a recursive query that are put aside before scans see them */

/* Rows behind those in memory. */
struct piece {
    struct piece *next;
    const struct spill_run *run;
};

/* A working table: rows first .. end - 1 of those in memory, then others. */
struct work {
    uint32_t first;
    uint32_t end;
    struct arena arena;
    struct rowset others;
    struct spill_run *rest; /* that do not fit; NULL: none */
};

struct cte_rows {
    struct cte_rows *next;
    const struct plan_cte *cte;
    struct exec *owner;
    struct exec_operator *source; /* of the query, or of the non-recursive term */
    bool source_done;
    bool done;
    struct arena kept; /* the rows and what they point at */
    struct rowset rows;
    struct spill_run *written; /* rows go here; NULL: they are kept */
    struct piece *pieces;
    struct piece **pieces_end;
    struct hash_table seen; /* UNION: rows met */
    uint32_t *ids;
    uint8_t *fresh;
    uint16_t *selection;
    const struct type *types;
    const struct vector **columns;
    struct sql_context round; /* a recursive term's execution */
    struct exec *running;     /* the round at work; NULL: none */
    struct work works[2];     /* of this round, and of the next */
    uint32_t work;
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
    for (uint32_t i = 0; i < 2 && cte->recursive != NULL; i++) {
        exec_arena_init(owner, &rows->works[i].arena);
        rowset_init(&rows->works[i].others, context, &rows->works[i].arena, types, count);
    }
    rows->pieces_end = &rows->pieces;
    sql_context_inner(&rows->round, context);
    exec_defer(owner, rows_free, rows);
    rows->next = owner->ctes;
    owner->ctes = rows;
    rows->source = operator_make(owner, cte->root);
    return rows;
}

/* In the execution that defines it: the outermost one of its depth, but for a query within a recursive term, which each
 * round of the recursion has for itself. */
static struct cte_rows *rows_of(struct exec *exec, const struct plan_cte *cte) {
    while (exec->depth > cte->depth || exec->rounds > cte->rounds) {
        exec = exec->parent;
    }
    for (struct cte_rows *rows = exec->ctes; rows != NULL; rows = rows->next) {
        if (rows->cte == cte) {
            return rows;
        }
    }
    return rows_make(exec, cte);
}

/* --- what does not fit --- */

static void piece_begin(struct cte_rows *rows) {
    rows->written = spill_run_new(rows->source, rows->types, rows->rows.column_count);
}

static void piece_end(struct cte_rows *rows) {
    struct piece *piece = sql_alloc(rows->owner->context, sizeof(*piece));
    spill_run_end(rows->written);
    *piece = (struct piece){.run = rows->written};
    *rows->pieces_end = piece;
    rows->pieces_end = &piece->next;
    rows->written = NULL;
}

/* Rows that are written out are needed once more, by the next round. */
static void work_take(struct cte_rows *rows, struct work *work, const uint16_t *selection, uint32_t count) {
    if (work->rest == NULL && spill_wanted(rows->owner, &work->arena)) {
        work->rest = spill_run_new(rows->source, rows->types, rows->rows.column_count);
    }
    if (work->rest == NULL) {
        rowset_append(&work->others, rows->columns, selection, count);
    } else {
        spill_run_append(work->rest, rows->columns, selection, count);
    }
}

/* --- making rows --- */

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
    if (live == 0) {
        return;
    }
    if (rows->written == NULL && rows->rows.column_count > 0 && spill_wanted(rows->owner, &rows->kept)) {
        piece_begin(rows);
    }
    if (rows->written == NULL) {
        rowset_append(&rows->rows, rows->columns, selection, live);
        return;
    }
    spill_run_append(rows->written, rows->columns, selection, live);
    if (rows->cte->recursive != NULL) {
        work_take(rows, &rows->works[1 - rows->work], selection, live);
    }
}

/* What the round gave is the working table of the next; false: it gave nothing. */
static bool round_next(struct cte_rows *rows) {
    struct work *last = &rows->works[rows->work];
    struct work *next = &rows->works[1 - rows->work];
    next->first = last->end;
    next->end = rows->rows.row_count;
    if (next->rest != NULL) {
        spill_run_end(next->rest);
    }
    arena_free(&last->arena);
    rowset_reset(&last->others);
    last->rest = NULL;
    rows->work = 1 - rows->work;
    return next->first < next->end || next->others.row_count > 0;
}

/* The next rows of the round at work, or of a new one; true: it is at its end. */
static bool rows_round(struct cte_rows *rows) {
    if (rows->running == NULL) {
        sql_context_inner(&rows->round, rows->owner->context);
        rows->running = exec_open_round(rows->owner, &rows->round, rows->cte->recursive);
    }
    rows->round.error = rows->owner->context->error;
    const struct batch *batch = exec_next(rows->running);
    if (batch != NULL) {
        rows_take(rows, batch);
        return false;
    }
    rows->running = NULL;
    sql_context_free(&rows->round);
    return true;
}

/* Makes more rows; false when there are no more to come. */
static bool rows_more(struct cte_rows *rows) {
    uint32_t before = rows->rows.row_count;
    struct piece *const *pieces_before = rows->pieces_end;
    bool recursive = rows->cte->recursive != NULL;
    exec_outermost(rows->owner)->making++; /* and stays so when an error leaves it half made */
    while (!rows->done && rows->rows.row_count == before && rows->pieces_end == pieces_before) {
        sql_check_cancel(rows->owner->context);
        if (!rows->source_done) {
            const struct batch *batch = rows->source->next(rows->source);
            if (batch != NULL) {
                rows_take(rows, batch);
                continue;
            }
            rows->source_done = true;
        } else if (!rows_round(rows)) {
            if (rows->written != NULL && spill_run_rows(rows->written) >= PIECE_ROWS) {
                piece_end(rows);
                piece_begin(rows);
            }
            continue;
        }
        rows->done = !recursive || !round_next(rows);
        if (rows->written != NULL && (rows->done || spill_run_rows(rows->written) >= PIECE_ROWS)) {
            piece_end(rows);
        }
        if (rows->written == NULL && !rows->done && rows->pieces != NULL) {
            piece_begin(rows);
        }
    }
    exec_outermost(rows->owner)->making--;
    return rows->rows.row_count > before || rows->pieces_end != pieces_before;
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
    uint32_t at; /* next row of those in memory */
    uint16_t *selection;
    struct spill_reader *reader; /* of the rows behind those in memory */
    struct piece *const *piece;  /* not yet opened */
    struct work *work;           /* a working table's rows are read; NULL: all */
    uint32_t others_at;
    bool opened;           /* the reader is at the work's rest */
    struct vector *chosen; /* of a common subplan: the columns that this one reads */
};

/* Gives rows of the query, in the columns that the reader wants. */
static const struct batch *give(struct cte_scan *scan, struct vector *columns, uint32_t count) {
    struct exec_operator *self = &scan->base;
    for (uint32_t i = 0; scan->chosen != NULL && i < self->node->column_count; i++) {
        scan->chosen[i] = columns[self->node->scan_columns[i]];
    }
    self->batch.columns = scan->chosen != NULL ? scan->chosen : columns;
    self->batch.count = count;
    self->batch.selection = NULL;
    return &self->batch;
}

/* Rows at .. end - 1 as far as they stand in one chunk. */
static const struct batch *chunk_next(struct cte_scan *scan, const struct rowset *rows, uint32_t *at, uint32_t end) {
    struct exec_operator *self = &scan->base;
    uint32_t first = *at % VECTOR_ROWS;
    uint32_t chunk = *at / VECTOR_ROWS;
    uint32_t last = end - chunk * VECTOR_ROWS < VECTOR_ROWS ? end - chunk * VECTOR_ROWS : VECTOR_ROWS;
    (void)give(scan, rows->column_count == 0 ? self->batch.columns : rows->chunks[chunk], last);
    if (first > 0) {
        for (uint32_t i = first; i < last; i++) {
            scan->selection[i - first] = (uint16_t)i;
        }
        self->batch.selection = scan->selection;
        self->batch.selection_count = last - first;
    }
    *at = chunk * VECTOR_ROWS + last;
    return &self->batch;
}

static void run_open(struct cte_scan *scan, const struct spill_run *run) {
    const struct cte_rows *rows = scan->rows;
    if (scan->reader == NULL) {
        scan->reader = spill_reader_new(scan->base.exec, rows->types, rows->rows.column_count, VECTOR_ROWS);
    }
    spill_reader_open(scan->reader, run);
    scan->opened = true;
}

static const struct batch *run_next(struct cte_scan *scan) {
    const struct batch *batch = scan->opened ? spill_reader_next(scan->reader) : NULL;
    return batch == NULL ? NULL : give(scan, batch->columns, batch->count);
}

static const struct batch *work_next(struct cte_scan *scan) {
    const struct work *work = scan->work;
    if (scan->at < work->end) {
        return chunk_next(scan, &scan->rows->rows, &scan->at, work->end);
    }
    if (scan->others_at < work->others.row_count) {
        return chunk_next(scan, &work->others, &scan->others_at, work->others.row_count);
    }
    if (work->rest != NULL && !scan->opened) {
        run_open(scan, work->rest);
    }
    return run_next(scan);
}

static const struct batch *scan_next(struct exec_operator *self) {
    struct cte_scan *scan = (struct cte_scan *)self;
    struct cte_rows *rows = scan->rows;
    operator_begin(self);
    if (scan->work != NULL) {
        return work_next(scan);
    }
    const struct batch *batch = run_next(scan);
    while (batch == NULL) {
        if (scan->at < rows->rows.row_count) {
            return chunk_next(scan, &rows->rows, &scan->at, rows->rows.row_count);
        }
        if (*scan->piece != NULL) {
            run_open(scan, (*scan->piece)->run);
            scan->piece = &(*scan->piece)->next;
            batch = run_next(scan);
        } else if (!rows_more(rows)) {
            return NULL;
        }
    }
    return batch;
}

struct exec_operator *cte_make(struct exec *exec, const struct plan_node *node) {
    struct cte_scan *scan = operator_new(exec, node, sizeof(*scan), scan_next);
    scan->rows = rows_of(exec, node->cte);
    scan->selection = sql_alloc(exec->context, sizeof(*scan->selection) * VECTOR_ROWS);
    if (node->cte->readers != NULL) {
        scan->chosen = sql_alloc(exec->context, sizeof(*scan->chosen) * (node->column_count + 1));
    }
    scan->piece = &scan->rows->pieces;
    if (node->cte_work) {
        scan->work = &scan->rows->works[scan->rows->work];
        scan->at = scan->work->first;
    }
    return &scan->base;
}
