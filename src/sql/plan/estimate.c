/*
 * How many rows: of a range, of a filter, of a join.
 *
 * The tree itself knows how many keys lie between two others (two descents); for all else conditions are tried on a
 * sample of the table's rows (sample.c). So conditions that belong together (LIKE, OR, columns that follow each other)
 * count as they are, not as a product of guesses. Where no table is of some size rules give the same plan always: any
 * is fast.
 *
 * What a join key meets, the fan-out, is how many entries of an index are equal to those of the sampled rows; without
 * an index it comes from how many different values the sample has (the estimator of Haas and Stokes, Duj1).
 */
#include "base/assert.h"
#include "sql/exec/hash_table.h"
#include "sql/exec/scan.h"
#include "sql/plan/sample.h"

#define FANOUT_SPOTS  8
#define SHARE_UNKNOWN (-1.0)

struct kernel_view *estimate_view(const struct optimiser *optimiser, const struct plan_node *scan) {
    return optimiser->estimator.view == NULL ? NULL : optimiser->estimator.view(optimiser->estimator.context, scan);
}

double estimate_table(struct optimiser *optimiser, const struct plan_node *scan) {
    struct kernel_view *view = estimate_view(optimiser, scan);
    uint64_t rows = 0;
    if (view == NULL || kernel_table_estimate(view, scan->table, &rows, NULL) != KMB_OK) {
        return -1;
    }
    return (double)rows;
}

/* --- filters --- */

static bool visit_known(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_PARAMETER && expr->kind != EXPR_OUTER && expr->kind != EXPR_SUBQUERY;
}

bool optimise_is_known(const struct expr *expr) {
    return expr_walk(expr, visit_known, NULL) && !optimise_is_volatile(expr);
}

const struct expr *estimate_valued(struct optimiser *optimiser, const struct expr *expr) {
    const struct plan_estimator *estimator = &optimiser->estimator;
    return estimator->value_count == 0 ? expr
                                       : expr_fill(optimiser->context, expr, estimator->values, estimator->value_count);
}

double estimate_share(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *condition) {
    const struct plan_sample *sample = sample_of(optimiser, scan);
    if (sample == NULL || condition == NULL) {
        return SHARE_UNKNOWN;
    }
    uint64_t *bits = sql_alloc_zero(optimiser->context, sample_words(sample), sizeof(*bits));
    uint32_t matches = sample_match(optimiser, sample, condition, bits);
    return matches == UINT32_MAX ? SHARE_UNKNOWN : (matches == 0 ? 0.5 : matches) / sample->rows.row_count;
}

/* --- ranges --- */

static bool bound_key(struct optimiser *optimiser, const struct plan_node *scan, const struct key_part *parts,
                      const struct plan_bound *bound, struct buffer *key) {
    for (uint32_t i = 0; i < bound->count; i++) {
        const struct expr *value = estimate_valued(optimiser, bound->values[i]);
        if (value->kind != EXPR_CONSTANT || !scan_key_append(scan->table, &parts[i], &value->value, key)) {
            return false;
        }
    }
    return buffer_ok(key);
}

double estimate_range(struct optimiser *optimiser, const struct plan_node *scan, struct index_id index,
                      const struct plan_bound *low, const struct plan_bound *high) {
    struct kernel_view *view = estimate_view(optimiser, scan);
    const struct key_part *parts = NULL;
    (void)scan_key_columns(scan->table, index, &parts);
    struct buffer from = {0};
    struct buffer to = {0};
    uint64_t rows = 0;
    bool known =
        view != NULL && bound_key(optimiser, scan, parts, low, &from) && bound_key(optimiser, scan, parts, high, &to);
    if (known) {
        struct kernel_range range = {.index = index,
                                     .low = {.key = buffer_slice(&from), .inclusive = low->inclusive},
                                     .high = {.key = buffer_slice(&to), .inclusive = high->inclusive}};
        known = kernel_range_estimate(view, scan->table, &range, &rows, NULL) == KMB_OK;
    }
    buffer_free(&from);
    buffer_free(&to);
    return known ? (double)rows : -1;
}

/* --- fan-out --- */

/* Entries that share the first parts with a sampled row; -1: not known. */
static double equal_entries(const struct plan_sample *sample, struct index_id index, const struct key_part *parts,
                            uint32_t count, uint32_t row) {
    struct buffer key = {0};
    uint64_t rows = 0;
    bool known = true;
    for (uint32_t i = 0; i < count && known; i++) {
        uint32_t ordinal = sample_ordinal(sample, &parts[i]);
        uint32_t place = 0;
        known = ordinal != UINT32_MAX;
        if (known) {
            const struct vector *column = rowset_at(&sample->rows, ordinal, row, &place);
            struct value value = vector_get(column, place);
            known = scan_key_append(sample->table, &parts[i], &value, &key);
        }
    }
    struct kernel_bound bound = {.key = buffer_slice(&key), .inclusive = true};
    struct kernel_range range = {.index = index, .low = bound, .high = bound};
    known =
        known && buffer_ok(&key) && kernel_range_estimate(sample->view, sample->table, &range, &rows, NULL) == KMB_OK;
    buffer_free(&key);
    return known ? (rows == 0 ? 1 : (double)rows) : -1;
}

double estimate_index_fanout(struct optimiser *optimiser, const struct plan_node *scan, struct index_id index,
                             uint32_t part_count) {
    const struct plan_sample *sample = sample_of(optimiser, scan);
    const struct key_part *parts = NULL;
    if (sample == NULL || part_count == 0 || part_count > scan_key_columns(scan->table, index, &parts)) {
        return -1;
    }
    double sum = 0;
    uint32_t known = 0;
    for (uint32_t spot = 0; spot < FANOUT_SPOTS; spot++) {
        uint32_t row = (uint32_t)((uint64_t)sample->rows.row_count * (2 * spot + 1) / (2 * FANOUT_SPOTS));
        double rows = equal_entries(sample, index, parts, part_count, row);
        sum += rows < 0 ? 0 : rows;
        known += rows >= 0;
    }
    return known == 0 ? -1 : sum / known;
}

/* Different values among the sample's, and those that occur once. */
static void sample_distinct(struct sql_context *context, const struct plan_sample *sample, uint32_t column,
                            double *distinct, double *once) {
    struct hash_table table;
    uint32_t count = sample->rows.row_count;
    uint32_t *ids = sql_alloc(context, (count + 1) * sizeof(*ids));
    hash_table_init(&table, context, NULL, &sample->rows.types[column], 1);
    for (uint32_t chunk = 0; chunk < sample->rows.chunk_count; chunk++) {
        struct batch batch = rowset_chunk(&sample->rows, chunk);
        const struct vector *vector = &batch.columns[column];
        hash_table_insert(&table, &vector, NULL, batch.count, ids + chunk * VECTOR_ROWS, NULL);
    }
    uint32_t *uses = sql_alloc_zero(context, count + 1, sizeof(*uses));
    for (uint32_t i = 0; i < count; i++) {
        uses[ids[i]]++;
    }
    *distinct = table.keys.row_count;
    *once = 0;
    for (uint32_t i = 0; i < table.keys.row_count; i++) {
        *once += uses[i] == 1;
    }
}

double estimate_column_fanout(struct optimiser *optimiser, const struct plan_node *scan, uint32_t column, double rows) {
    const struct plan_sample *sample = sample_of(optimiser, scan);
    struct sql_context *context = optimiser->sampling;
    if (sample == NULL || column >= sample->rows.column_count) {
        return -1;
    }
    double kept = sample->distinct == NULL ? 0 : atomic_load_explicit(&sample->distinct[column], memory_order_relaxed);
    if (kept > 0) {
        return rows < kept ? 1 : rows / kept;
    }
    struct arena_mark mark = arena_mark(&context->arena);
    const struct sql_deferred *deferred = context->deferred;
    volatile double fanout = -1;
    SQL_GUARD(context) {
        double distinct = 0;
        double once = 0;
        double taken = sample->rows.row_count;
        sample_distinct(context, sample, column, &distinct, &once);
        /* Duj1: n d / (n - f1 + f1 n / N) */
        double all = taken * distinct / (taken - once + once * taken / (rows < taken ? taken : rows));
        all = all < 1 ? 1 : all;
        fanout = rows / all;
        if (sample->distinct != NULL) {
            atomic_store_explicit(&sample->distinct[column], all, memory_order_relaxed);
        }
    }
    SQL_CAUGHT {
        fanout = -1;
    }
    context->guarded = false;
    sql_context_rewind(context, mark, deferred);
    return fanout < 0 ? -1 : fanout < 1 ? 1 : fanout;
}
