/*
 * Samples of tables.
 *
 * A small table is read whole. Of a larger one rows are read from places spread evenly over its keys, some neighbours
 * at each, since a descent costs more than a row; neighbours are often alike, so the places are many.
 */
#include "sql/plan/sample.h"

#include "base/assert.h"
#include "sql/exec/decode.h"
#include "sql/exec/evaluate.h"
#include "sql/exec/scan.h"

#define SAMPLE_SPOTS 64
#define SAMPLE_ROWS  8 /* a spot: neighbours are often alike */
#define SAMPLE_READ  64

static void sample_add(struct sql_context *context, struct plan_sample *sample, const struct kernel_row *rows,
                       uint32_t count) {
    uint32_t width = sample->rows.column_count;
    const struct vector **columns = sql_alloc(context, (width + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < width; i++) {
        struct vector *column = sql_alloc_zero(context, 1, sizeof(*column));
        vector_init_rows(context, column, sample->rows.types[i], SAMPLE_READ);
        decode_column(context, sample->view->catalogue, sample->table, rows, i, NULL, count, column, &context->arena);
        columns[i] = column;
    }
    rowset_append(&sample->rows, columns, NULL, count);
}

static void cursor_close(void *cursor) {
    kernel_scan_close(cursor);
}

static void sample_spot(struct sql_context *context, struct plan_sample *sample, double part, struct buffer *key) {
    struct kernel_row rows[SAMPLE_ROWS];
    struct kernel_scan *cursor = NULL;
    bool found = false;
    size_t count = 0;
    if (kernel_sample_key(sample->view, sample->table, part, key, &found, NULL) != KMB_OK || !found) {
        return;
    }
    struct kernel_range range = {.low = {.key = buffer_slice(key), .inclusive = true}};
    if (kernel_scan_open(sample->view, sample->table, &range, &cursor, NULL) != KMB_OK) {
        return;
    }
    sql_defer(context, cursor_close, cursor);
    if (kernel_scan_next(cursor, rows, SAMPLE_ROWS, &count, NULL) == KMB_OK && count > 0) {
        sample_add(context, sample, rows, (uint32_t)count);
    }
    sql_release(context, cursor);
}

static void sample_whole(struct sql_context *context, struct plan_sample *sample) {
    struct kernel_row rows[SAMPLE_READ];
    struct kernel_scan *cursor = NULL;
    if (kernel_scan_open(sample->view, sample->table, NULL, &cursor, NULL) != KMB_OK) {
        return;
    }
    sql_defer(context, cursor_close, cursor);
    for (size_t count = 1; count > 0 && sample->rows.row_count < 2 * SAMPLE_WHOLE_MAX;) {
        enum kmb_status status = kernel_scan_next(cursor, rows, SAMPLE_READ, &count, NULL);
        sample->whole = status == KMB_OK && count == 0;
        if (status != KMB_OK) {
            break;
        }
        if (count > 0) {
            sample_add(context, sample, rows, (uint32_t)count);
        }
    }
    sql_release(context, cursor);
}

static void buffer_release(void *buffer) {
    buffer_free(buffer);
}

static void sample_fill(struct sql_context *context, struct plan_sample *sample, double table_rows) {
    const struct catalogue *catalogue = sample->view->catalogue;
    uint32_t width = catalogue_column_count(catalogue, sample->table);
    struct type *types = sql_alloc(context, (width + 1) * sizeof(*types));
    for (uint32_t i = 0; i < width; i++) {
        types[i] = catalogue_column(catalogue, sample->table, i)->type;
    }
    rowset_init(&sample->rows, context, NULL, types, width);
    if (table_rows <= SAMPLE_WHOLE_MAX) {
        sample_whole(context, sample);
        return;
    }
    struct buffer *key = sql_alloc_zero(context, 1, sizeof(*key));
    sql_defer(context, buffer_release, key);
    for (unsigned spot = 0; spot < SAMPLE_SPOTS; spot++) {
        sample_spot(context, sample, (spot + 0.5) / SAMPLE_SPOTS, key);
    }
    sql_release(context, key);
}

/* What raises leaves the sample as it is, failed. */
static void sample_try(struct sql_context *context, struct plan_sample *sample, double table_rows) {
    SQL_GUARD(context) {
        sample_fill(context, sample, table_rows);
        sample->failed = false;
    }
    context->guarded = false;
}

const struct plan_sample *sample_of(struct optimiser *optimiser, const struct plan_node *scan) {
    struct kernel_view *view = estimate_view(optimiser, scan);
    if (view == NULL) {
        return NULL;
    }
    struct plan_sample *sample = optimiser->samples;
    while (sample != NULL && (sample->table != scan->table || sample->view != view)) {
        sample = sample->next;
    }
    if (sample == NULL) {
        sample = sql_alloc_zero(optimiser->context, 1, sizeof(*sample));
        *sample = (struct plan_sample){.next = optimiser->samples, .table = scan->table, .view = view, .failed = true};
        optimiser->samples = sample;
        sample_try(optimiser->sampling, sample, estimate_table(optimiser, scan));
    }
    return sample->failed || sample->rows.row_count == 0 ? NULL : sample;
}

uint32_t sample_match(struct optimiser *optimiser, const struct plan_sample *sample, const struct expr *condition,
                      uint64_t *bits) {
    struct sql_context *context = optimiser->sampling;
    if (!optimise_is_known(condition)) {
        return UINT32_MAX;
    }
    struct arena_mark mark = arena_mark(&context->arena);
    const struct sql_deferred *deferred = context->deferred;
    volatile uint32_t matches = 0;
    SQL_GUARD(context) {
        struct evaluator_scope scope = {.context = context, .arena = &context->arena, .rows_max = VECTOR_ROWS};
        struct evaluator *evaluator = evaluator_make(&scope, condition);
        for (uint32_t chunk = 0; chunk < sample->rows.chunk_count; chunk++) {
            uint16_t rows[VECTOR_ROWS];
            struct batch batch = rowset_chunk(&sample->rows, chunk);
            uint32_t count = evaluator_select(evaluator, &batch, NULL, batch.count, rows);
            for (uint32_t i = 0; i < count; i++) {
                bitset_set(bits, chunk * VECTOR_ROWS + rows[i]);
            }
            matches += count;
        }
    }
    SQL_CAUGHT {
        matches = UINT32_MAX;
    }
    context->guarded = false;
    sql_context_rewind(context, mark, deferred);
    sql_check_cancel(optimiser->context); /* it may be what ended the sampling */
    return matches;
}

uint32_t sample_ordinal(const struct plan_sample *sample, const struct key_part *part) {
    for (uint32_t i = 0; i < sample->rows.column_count; i++) {
        if (column_id_equal(catalogue_column(sample->view->catalogue, sample->table, i)->id, part->column)) {
            return i;
        }
    }
    return UINT32_MAX;
}
