/*
 * Index joins: the right side is one table, looked up for each left row by its primary key or an index.
 *
 * The plan gives pairs of equal expressions. The longest run of leading columns of the order that are the right side of
 * a pair becomes the search key; pairs beyond it are checked on what was found. A left value that is NULL finds
 * nothing. By the whole primary key it is a get, of some tens of left rows together; else a scan of the range.
 */
#include "base/assert.h"
#include "sql/exec/decode.h"
#include "sql/exec/decode_entry.h"
#include "sql/exec/join.h"
#include "sql/exec/scan.h"
#include "sql/usage.h"
#include "types/key.h"

#define FETCH_ROWS 128

struct join_fetch {
    struct kernel_view *view;
    const struct table_definition *table;
    const struct plan_node *node; /* the right side: PLAN_SCAN */
    struct kernel_scan *cursor;
    struct kernel_row *rows;
    struct buffer key;
    struct buffer memory;
    struct batch batch;            /* decoded right rows */
    struct entry_decoder *entries; /* rows are entries of the index; NULL: images */
    struct usage_tally tally;
    const struct vector **columns;
    struct evaluator *filter;     /* the scan's own */
    struct plan_measure *measure; /* EXPLAIN ANALYZE: of the scan; else NULL */
    uint16_t selection[FETCH_ROWS];
    const struct key_part *parts;
    uint32_t part_count;         /* of the order */
    uint32_t search_count;       /* leading ones searched by */
    struct evaluator **search;   /* over the left row */
    const struct vector **found; /* their values of this left batch */
    struct arena bytes;          /* of fetched rows */
    struct arena left_bytes;     /* of the left batch's search values */
    bool point;                  /* by the whole primary key */
    uint32_t *candidates;        /* then, by left row: its row in join->rows, or ROWSET_NONE */
    uint32_t taken;              /* live rows of the left batch that have theirs, or were seen ahead */
    uint32_t together;           /* rows to be looked up next: few at first, for whoever wants but one */
};

static void fetch_free(void *object) {
    struct join_fetch *fetch = object;
    kernel_scan_close(fetch->cursor);
    fetch->cursor = NULL;
    usage_tally_end(&fetch->tally);
    buffer_free(&fetch->key);
    buffer_free(&fetch->memory);
}

/* The pair whose right side is column `id` of the table, or key_count. */
static uint32_t pair_of(const struct plan_node *join, const struct catalogue *catalogue,
                        const struct table_definition *table, struct column_id id) {
    const struct plan_node *scan = join->right;
    for (uint32_t i = 0; i < join->key_count; i++) {
        const struct expr *right = join->right_keys[i];
        if (right->kind != EXPR_COLUMN) {
            continue;
        }
        const struct column_definition *column = catalogue_column(catalogue, table, scan->scan_columns[right->column]);
        bool same = column->type.id == join->left_keys[i]->type.id ||
                    (type_is_string(column->type.id) && type_is_string(join->left_keys[i]->type.id));
        if (column_id_equal(column->id, id) && same) {
            return i;
        }
    }
    return join->key_count;
}

static void choose_keys(struct join *join, struct join_fetch *fetch) {
    struct sql_context *context = join->base.exec->context;
    const struct plan_node *node = join->base.node;
    bool *used = sql_alloc_zero(context, node->key_count + 1, sizeof(bool));
    fetch->part_count = scan_key_columns(fetch->table, fetch->node->index, &fetch->parts);
    fetch->search = sql_alloc(context, sizeof(struct evaluator *) * (fetch->part_count + 1));
    fetch->found = sql_alloc(context, sizeof(*fetch->found) * (fetch->part_count + 1));
    for (uint32_t i = 0; i < fetch->part_count; i++) {
        uint32_t pair = pair_of(node, fetch->view->catalogue, fetch->table, fetch->parts[i].column);
        if (pair == node->key_count) {
            break;
        }
        used[pair] = true;
        struct evaluator_scope scope = {.context = context,
                                        .arena = &fetch->left_bytes,
                                        .parameters = join->base.exec->parameters,
                                        .parameter_count = join->base.exec->parameter_count,
                                        .rows_max = join->base.left->rows_max};
        fetch->search[fetch->search_count++] = evaluator_make(&scope, node->left_keys[pair]);
    }
    join->check_left = sql_alloc(context, sizeof(struct evaluator *) * (node->key_count + 1));
    join->check_right = sql_alloc(context, sizeof(struct evaluator *) * (node->key_count + 1));
    for (uint32_t i = 0; i < node->key_count; i++) {
        if (!used[i]) {
            join->check_left[join->check_count] = operator_evaluator(&join->base, node->left_keys[i], VECTOR_ROWS);
            join->check_right[join->check_count++] = operator_evaluator(&join->base, node->right_keys[i], VECTOR_ROWS);
        }
    }
}

void join_fetch_make(struct join *join) {
    struct exec *exec = join->base.exec;
    const struct plan_node *node = join->base.node;
    ASSERT(node->right->kind == PLAN_SCAN);
    ASSERT(node->join_type != PLAN_JOIN_RIGHT && node->join_type != PLAN_JOIN_FULL);
    struct join_fetch *fetch = sql_alloc_zero(exec->context, 1, sizeof(*fetch));
    join->fetch = fetch;
    fetch->node = node->right;
    fetch->measure = exec_measure(exec, node->right);
    fetch->view = exec_view_of(exec, node->right);
    fetch->table = exec_table_of(exec, fetch->view, node->right);
    operator_arena_init(&join->base, &fetch->bytes);
    operator_arena_init(&join->base, &fetch->left_bytes);
    fetch->tally = (struct usage_tally){.usage = exec->usage,
                                        .tenant = fetch->view->state->tenant,
                                        .table = fetch->table->id,
                                        .index = node->right->index};
    exec_defer(exec, fetch_free, fetch);
    join->rows.bytes = &fetch->bytes;
    choose_keys(join, fetch);
    fetch->point = node->right->index.value == 0 && fetch->search_count == fetch->part_count && fetch->part_count > 0;
    fetch->together = 1;
    fetch->candidates = fetch->point ? sql_alloc(exec->context, sizeof(uint32_t) * VECTOR_ROWS) : NULL;
    fetch->rows = sql_alloc(exec->context, sizeof(*fetch->rows) * FETCH_ROWS);
    uint32_t width = plan_scan_width(node->right);
    fetch->batch.column_count = width;
    fetch->batch.columns = sql_alloc(exec->context, sizeof(struct vector) * (width + 1));
    fetch->columns = sql_alloc(exec->context, sizeof(*fetch->columns) * (join->right_count + 1));
    for (uint32_t i = 0; i < width; i++) {
        vector_init_rows(exec->context, &fetch->batch.columns[i], node->right->columns[i].type, FETCH_ROWS);
    }
    for (uint32_t i = 0; i < join->right_count; i++) {
        fetch->columns[i] = &fetch->batch.columns[i];
    }
    if (node->right->index_only && !fetch->view->past) {
        fetch->entries = entry_decoder_make(exec->context, node->right, fetch->table);
    }
    if (node->right->predicate != NULL) {
        fetch->filter = operator_evaluator(&join->base, node->right->predicate, FETCH_ROWS);
    }
}

/* Decodes and filters what the kernel gave, and keeps it; answers how many were kept, which fetch->selection names
 * where there is a filter. */
static uint32_t keep(struct join *join, uint32_t count) {
    struct join_fetch *fetch = join->fetch;
    struct sql_context *context = join->base.exec->context;
    for (uint32_t i = 0; i < fetch->batch.column_count; i++) {
        struct vector *column = &fetch->batch.columns[i];
        if (column->may_have_null) {
            memset(column->null, 0, FETCH_ROWS);
            column->may_have_null = false;
        }
        if (fetch->entries == NULL) {
            decode_column(context, fetch->view->catalogue, fetch->table, fetch->rows, fetch->node->scan_columns[i],
                          NULL, count, column, &join->base.scratch);
        }
    }
    if (fetch->entries != NULL) {
        entry_decode(fetch->entries, fetch->rows, count, fetch->batch.columns, &fetch->bytes);
    }
    fetch->batch.count = count;
    const uint16_t *selection = NULL;
    uint32_t met = count;
    if (fetch->filter != NULL) {
        count = evaluator_select(fetch->filter, &fetch->batch, NULL, count, fetch->selection);
        selection = fetch->selection;
    }
    if (fetch->measure != NULL) {
        fetch->measure->rows += count;
        fetch->measure->removed += met - count;
    }
    rowset_append(&join->rows, fetch->columns, selection, count);
    return count;
}

/* Appends the key that a left row asks for; false: a part of it is NULL. */
static bool search_append(const struct join_fetch *fetch, uint16_t row, struct buffer *key) {
    for (uint32_t i = 0; i < fetch->search_count; i++) {
        struct value value = vector_get(fetch->found[i], vector_row(fetch->found[i], row));
        if (!scan_key_append(fetch->table, &fetch->parts[i], &value, key)) {
            return false;
        }
    }
    return true;
}

/* The keys that some rows of the left batch ask for, in fetch->key; how many, for a part of a key may be NULL. */
static uint32_t keys_of(struct join *join, const uint16_t *rows, uint32_t count, struct slice *keys, uint16_t *asking) {
    struct join_fetch *fetch = join->fetch;
    size_t ends[KERNEL_MANY];
    uint32_t asked = 0;
    ASSERT(count <= KERNEL_MANY);
    buffer_clear(&fetch->key);
    for (uint32_t i = 0; i < count; i++) {
        size_t before = fetch->key.length;
        if (search_append(fetch, rows[i], &fetch->key)) {
            asking[asked] = rows[i];
            ends[asked++] = fetch->key.length;
        } else {
            fetch->key.length = before;
        }
    }
    if (!buffer_ok(&fetch->key)) {
        sql_raise(join->base.exec->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    for (uint32_t i = 0; i < asked; i++) {
        size_t from = i == 0 ? 0 : ends[i - 1];
        keys[i] = slice_make(fetch->key.bytes + from, ends[i] - from);
    }
    return asked;
}

/* Looks up what these rows of the left batch ask for. */
static void points_take(struct join *join, const uint16_t *rows, uint32_t count) {
    struct join_fetch *fetch = join->fetch;
    struct sql_context *context = join->base.exec->context;
    struct slice keys[KERNEL_MANY];
    uint16_t asking[KERNEL_MANY];
    uint16_t of[KERNEL_MANY];
    for (uint32_t i = 0; i < count; i++) {
        fetch->candidates[rows[i]] = ROWSET_NONE;
    }
    uint32_t asked = keys_of(join, rows, count, keys, asking);
    size_t found = 0;
    sql_try(context, kernel_get_many(fetch->view, fetch->table, keys, asked, &fetch->memory, fetch->rows, of, &found,
                                     context->error));
    fetch->tally.scans += asked;
    fetch->tally.rows += found;
    fetch->tally.fetched += found;
    uint32_t first = join->rows.row_count;
    uint32_t kept = found == 0 ? 0 : keep(join, (uint32_t)found);
    for (uint32_t i = 0; i < kept; i++) {
        fetch->candidates[asking[of[fetch->filter == NULL ? i : fetch->selection[i]]]] = first + i;
    }
}

/* Looks up what the next rows of the left batch ask for; of ranges, asks memory for where they begin. */
static void take_next(struct join *join) {
    struct join_fetch *fetch = join->fetch;
    const struct batch *left = join->left_batch;
    uint16_t rows[KERNEL_MANY];
    uint32_t count = 0;
    sql_check_cancel(join->base.exec->context);
    for (; fetch->taken < join->left_live && count < fetch->together; fetch->taken++) {
        rows[count++] = left->selection == NULL ? (uint16_t)fetch->taken : left->selection[fetch->taken];
    }
    if (fetch->point) {
        points_take(join, rows, count);
    } else {
        struct slice keys[KERNEL_MANY];
        uint16_t asking[KERNEL_MANY];
        uint32_t asked = keys_of(join, rows, count, keys, asking);
        kernel_ahead(fetch->view, fetch->table, fetch->node->index, keys, asked);
    }
    fetch->together = fetch->together * 4 < KERNEL_MANY ? fetch->together * 4 : KERNEL_MANY;
}

void join_fetch_batch(struct join *join) {
    struct join_fetch *fetch = join->fetch;
    arena_free(&fetch->left_bytes);
    for (uint32_t i = 0; i < fetch->search_count; i++) {
        fetch->found[i] =
            evaluator_run(fetch->search[i], join->left_batch, join->left_batch->selection, join->left_live);
    }
    fetch->taken = 0;
    if (fetch->point) {
        rowset_clear(&join->rows);
        arena_free(&fetch->bytes);
    }
}

void join_fetch_flushed(struct join *join) {
    if (!join->fetch->point) { /* else other rows of the left batch have theirs there */
        rowset_clear(&join->rows);
    }
}

/* The rows of a range, or the first of them that passes. */
static void range_take(struct join *join, struct slice key) {
    struct join_fetch *fetch = join->fetch;
    struct sql_context *context = join->base.exec->context;
    if (join->rows.row_count == 0) {
        arena_free(&fetch->bytes);
    }
    struct kernel_bound bound = {.key = key, .inclusive = true};
    struct kernel_range range = {
        .index = fetch->node->index, .entries = fetch->entries != NULL, .low = bound, .high = bound};
    sql_try(context, kernel_scan_open(fetch->view, fetch->table, &range, &fetch->cursor, context->error));
    fetch->tally.scans++;
    size_t count = 0;
    bool first = join->one_is_enough && join->predicate == NULL && join->check_count == 0;
    uint32_t kept = join->rows.row_count;
    size_t wanted = first ? 1 : FETCH_ROWS;
    do {
        sql_check_cancel(context);
        sql_try(context, kernel_scan_next(fetch->cursor, fetch->rows, wanted, &count, context->error));
        fetch->tally.rows += count;
        fetch->tally.fetched += fetch->entries != NULL ? 0 : count;
        if (count > 0) {
            keep(join, (uint32_t)count);
        }
        wanted = wanted * 4 < FETCH_ROWS ? wanted * 4 : FETCH_ROWS;
    } while (count > 0 && !(first && join->rows.row_count > kept));
    kernel_scan_close(fetch->cursor);
    fetch->cursor = NULL;
}

void join_fetch_row(struct join *join, uint16_t row) {
    struct join_fetch *fetch = join->fetch;
    if (fetch->measure != NULL) {
        fetch->measure->loops++;
    }
    if (join->left_at >= fetch->taken) {
        take_next(join);
    }
    if (fetch->point) {
        uint32_t candidate = fetch->candidates[row];
        join->candidate = candidate == ROWSET_NONE ? 0 : candidate;
        join->candidate_end = candidate == ROWSET_NONE ? 0 : candidate + 1;
        return;
    }
    join->candidate = join->rows.row_count;
    buffer_clear(&fetch->key);
    if (search_append(fetch, row, &fetch->key)) {
        if (!buffer_ok(&fetch->key)) {
            sql_raise(join->base.exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
        range_take(join, buffer_slice(&fetch->key));
    }
    join->candidate_end = join->rows.row_count;
}
