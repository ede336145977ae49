/*
 * Samples of tables.
 *
 * A small table is read whole. Of a larger one rows are read from places spread evenly over its keys, some neighbours
 * at each, since a descent costs more than a row; neighbours are often alike, so the places are many. The present's are
 * kept (sql/statistics.h); those of the past, and of what is not committed, live as long as the planning.
 */
#include "sql/plan/sample.h"

#include "base/assert.h"
#include "sql/exec/decode.h"
#include "sql/exec/evaluate.h"
#include "sql/exec/scan.h"

#define SAMPLE_SPOTS      64  /* of a sample for one planning */
#define SAMPLE_SPOTS_KEPT 128 /* of one that is kept */
#define SAMPLE_ROWS       16  /* a spot */
#define SAMPLE_READ       64
#define SAMPLE_BYTES_MAX  ((size_t)4 << 20) /* wide rows: fewer spots */
#define SPOTS_CHECKED     32                /* rows looked at to see how much of a table has changed */
#define CHANGED_PART      10                /* a tenth */

static void sample_add(struct sql_context *context, struct plan_sample *sample, const struct kernel_row *rows,
                       uint32_t count) {
    uint32_t width = sample->rows.column_count;
    struct arena_mark mark = arena_mark(&context->arena);
    const struct vector **columns = sql_alloc(context, (width + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < width; i++) {
        struct vector *column = sql_alloc_zero(context, 1, sizeof(*column));
        vector_init_rows(context, column, sample->rows.types[i], SAMPLE_READ);
        decode_column(context, sample->view->catalogue, sample->table, rows, i, NULL, count, column, &context->arena);
        columns[i] = column;
    }
    rowset_append(&sample->rows, columns, NULL, count);
    if (sample->rows.context != context) {
        arena_rewind(&context->arena, mark);
    }
}

static void cursor_close(void *cursor) {
    kernel_scan_close(cursor);
}

/* The keys of places ascend: `last`, of the row taken last, is not passed twice. */
static void sample_spot(struct sql_context *context, struct plan_sample *sample, double part, struct buffer *key,
                        struct buffer *last) {
    struct kernel_row rows[SAMPLE_ROWS];
    struct kernel_scan *cursor = NULL;
    bool found = false;
    size_t count = 0;
    if (kernel_sample_key(sample->view, sample->table, part, key, &found, NULL) != KMB_OK || !found) {
        return;
    }
    bool behind = last->length > 0 && slice_compare(buffer_slice(key), buffer_slice(last)) <= 0;
    struct kernel_range range = {.low = {.key = behind ? buffer_slice(last) : buffer_slice(key), .inclusive = !behind}};
    if (kernel_scan_open(sample->view, sample->table, &range, &cursor, NULL) != KMB_OK) {
        return;
    }
    sql_defer(context, cursor_close, cursor);
    if (kernel_scan_next(cursor, rows, SAMPLE_ROWS, &count, NULL) == KMB_OK && count > 0) {
        sample_add(context, sample, rows, (uint32_t)count);
        buffer_clear(last);
        buffer_append_slice(last, rows[count - 1].key);
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

/* Reads rows with `context`; they are kept in `memory`, which may be the same. */
static void sample_fill(struct sql_context *context, struct sql_context *memory, struct plan_sample *sample,
                        uint64_t table_rows, unsigned spots) {
    const struct catalogue *catalogue = sample->view->catalogue;
    uint32_t width = catalogue_column_count(catalogue, sample->table);
    struct type *types = sql_alloc(memory, (width + 1) * sizeof(*types));
    for (uint32_t i = 0; i < width; i++) {
        types[i] = catalogue_column(catalogue, sample->table, i)->type;
    }
    rowset_init(&sample->rows, memory, NULL, types, width);
    if (table_rows <= SAMPLE_WHOLE_MAX) {
        sample_whole(context, sample);
        return;
    }
    struct buffer *key = sql_alloc_zero(context, 1, sizeof(*key));
    sql_defer(context, buffer_release, key);
    struct buffer *last = sql_alloc_zero(context, 1, sizeof(*last));
    sql_defer(context, buffer_release, last);
    for (unsigned spot = 0; spot < spots && memory->arena.bytes_used < SAMPLE_BYTES_MAX; spot++) {
        sample_spot(context, sample, (spot + 0.5) / spots, key, last);
    }
    sql_release(context, last);
    sql_release(context, key);
}

/* What raises leaves the sample as it is, failed. What is read is no part of what the transaction has seen. */
static bool sample_try(struct sql_context *context, struct sql_context *memory, struct plan_sample *sample,
                       uint64_t table_rows, unsigned spots) {
    struct kernel_reads *reads = sample->view->reads;
    volatile bool done = false;
    sample->view->reads = NULL;
    SQL_GUARD(context) {
        sample_fill(context, memory, sample, table_rows, spots);
        done = true;
    }
    context->guarded = false;
    sample->view->reads = reads;
    return done;
}

static void kept_release(void *kept) {
    statistics_release(kept);
}

struct statistics_table *sample_take(struct sql_context *context, struct sql_statistics *statistics,
                                     struct kernel_view *view, const struct table_definition *table, unsigned spots) {
    uint64_t rows = 0;
    struct statistics_table *made =
        kernel_table_estimate(view, table, &rows, NULL) == KMB_OK ? statistics_table_new(context, view, table) : NULL;
    if (made == NULL) {
        return NULL;
    }
    struct plan_sample sample = {.table = table, .view = view};
    bool done = sample_try(context, &made->memory, &sample, rows, spots == 0 ? SAMPLE_SPOTS_KEPT : spots);
    if (done) {
        made->rows = sample.rows;
        made->table_rows = rows;
        made->whole = sample.whole;
        done = sample.rows.row_count > 0;
        made->distinct = arena_alloc_zero(&made->memory.arena, sample.rows.column_count + 1, sizeof(*made->distinct));
        done = done && made->distinct != NULL;
    }
    if (!done) {
        statistics_release(made);
        return NULL;
    }
    statistics_keep(statistics, made);
    return made;
}

/* Whether a tenth of some rows, taken from all over the table, was written after the sample was taken. */
static bool rows_changed(struct kernel_view *view, const struct table_definition *table, uint64_t position) {
    struct buffer key = {0};
    struct buffer memory = {0};
    struct kernel_reads *reads = view->reads;
    unsigned newer = 0;
    view->reads = NULL;
    for (unsigned spot = 0; spot < SPOTS_CHECKED; spot++) {
        struct kernel_row row;
        bool found = false;
        if (kernel_sample_key(view, table, (spot + 0.5) / SPOTS_CHECKED, &key, &found, NULL) == KMB_OK && found &&
            kernel_get(view, table, buffer_slice(&key), &memory, &row, &found, NULL) == KMB_OK && found) {
            newer += row.stamp.position > position;
        }
    }
    view->reads = reads;
    buffer_free(&key);
    buffer_free(&memory);
    return newer * CHANGED_PART > SPOTS_CHECKED;
}

/* Whether what is kept still tells of the table. Nothing can have changed more than the log has grown. */
static bool kept_is_good(struct statistics_table *kept, struct kernel_view *view,
                         const struct table_definition *table) {
    uint64_t rows = 0;
    uint64_t position = view->state->position;
    uint64_t checked = atomic_load_explicit(&kept->checked, memory_order_relaxed);
    if (kept->whole || kernel_table_estimate(view, table, &rows, NULL) != KMB_OK) {
        return position == kept->position;
    }
    uint64_t more = rows > kept->table_rows ? rows - kept->table_rows : kept->table_rows - rows;
    if (more > kept->table_rows / CHANGED_PART) {
        return false;
    }
    if (position <= checked || position - checked <= kept->table_rows / CHANGED_PART) {
        return true;
    }
    if (rows_changed(view, table, kept->position)) {
        return false;
    }
    atomic_store_explicit(&kept->checked, position, memory_order_relaxed);
    return true;
}

/* The sample that all share; false: none is, or can be. */
static bool sample_kept(struct optimiser *optimiser, struct plan_sample *sample) {
    struct sql_statistics *statistics = optimiser->estimator.statistics;
    struct kernel_view *view = sample->view;
    if (statistics == NULL || view->past || view->state->own != NULL) {
        return false;
    }
    struct statistics_table *kept = statistics_find(statistics, view->state->tenant, sample->table);
    if (kept != NULL && !kept_is_good(kept, view, sample->table)) {
        statistics_release(kept);
        kept = NULL;
    }
    if (kept == NULL) {
        kept = sample_take(optimiser->sampling, statistics, view, sample->table, 0);
    }
    if (kept == NULL) {
        return false;
    }
    sample->rows = kept->rows;
    sample->whole = kept->whole;
    sample->distinct = kept->distinct;
    sample->kept = kept;
    sql_defer(optimiser->context, kept_release, kept);
    return true;
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
        *sample = (struct plan_sample){.next = optimiser->samples, .table = scan->table, .view = view};
        optimiser->samples = sample;
        double rows = estimate_table(optimiser, scan);
        sample->failed =
            !sample_kept(optimiser, sample) &&
            (rows < 0 || !sample_try(optimiser->sampling, optimiser->sampling, sample, (uint64_t)rows, SAMPLE_SPOTS));
    }
    return sample->failed || sample->rows.row_count == 0 ? NULL : sample;
}

void samples_release(struct optimiser *optimiser) {
    for (struct plan_sample *sample = optimiser->samples; sample != NULL; sample = sample->next) {
        if (sample->kept != NULL) {
            sql_release(optimiser->context, sample->kept);
        }
    }
    optimiser->samples = NULL;
}

uint32_t sample_match(struct optimiser *optimiser, const struct plan_sample *sample, const struct expr *condition,
                      uint64_t *bits) {
    struct sql_context *context = optimiser->sampling;
    condition = estimate_valued(optimiser, condition);
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
