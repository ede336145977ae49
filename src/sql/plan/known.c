/*
 * Joins whose values are known while planning.
 *
 * Queries name rows of small tables, `form.name = 'feature'`, and join large ones to them, film.form_id = form.id. How
 * many films that leaves cannot be told from the number of forms, for most films may be of one form. But a small table
 * is read whole while planning, so it is known that form.id is 1, and how many films have 1 the index on film.form_id
 * tells, or the sample of films. Several such conditions on one table are tried on its sample together, so that what
 * belongs together (a country and its language) counts as it is.
 */
#include "sql/plan/known.h"

#include "base/assert.h"
#include "sql/exec/scan.h"

struct known_rows known_rows(struct optimiser *optimiser, const struct plan_node *scan) {
    struct known_rows rows = {.sample = sample_of(optimiser, scan)};
    if (rows.sample == NULL || scan->sample_percent != NULL) {
        return (struct known_rows){0};
    }
    uint32_t all = rows.sample->rows.row_count;
    rows.bits = sql_alloc_zero(optimiser->context, sample_words(rows.sample), sizeof(*rows.bits));
    if (scan->asked != NULL) {
        rows.count = sample_match(optimiser, rows.sample, scan->asked, rows.bits);
        return rows.count == UINT32_MAX ? (struct known_rows){0} : rows;
    }
    for (uint32_t i = 0; i < all; i++) {
        bitset_set(rows.bits, i);
    }
    rows.count = all;
    return rows;
}

bool known_values(const struct known_rows *rows, uint32_t column, struct value *values, uint32_t *count) {
    *count = 0;
    if (rows->sample == NULL || !rows->sample->whole || column >= rows->sample->rows.column_count ||
        rows->count > KNOWN_VALUES_MAX) {
        return false;
    }
    for (uint32_t row = 0; row < rows->sample->rows.row_count; row++) {
        uint32_t place = 0;
        const struct vector *vector = rowset_at(&rows->sample->rows, column, row, &place);
        if (!bitset_get(rows->bits, row) || vector_is_null(vector, place)) {
            continue;
        }
        struct value value = vector_get(vector, place);
        bool met = false;
        for (uint32_t i = 0; i < *count && !met; i++) {
            met = value_compare(&values[i], &value) == 0;
        }
        if (!met) {
            ASSERT(*count < KNOWN_VALUES_MAX);
            values[(*count)++] = value;
        }
    }
    return true;
}

void known_match(const struct plan_sample *sample, uint32_t column, const struct value *values, uint32_t count,
                 uint64_t *bits) {
    for (uint32_t row = 0; row < sample->rows.row_count; row++) {
        uint32_t place = 0;
        const struct vector *vector = rowset_at(&sample->rows, column, row, &place);
        if (vector_is_null(vector, place)) {
            continue;
        }
        struct value value = vector_get(vector, place);
        for (uint32_t i = 0; i < count; i++) {
            if (value_compare(&values[i], &value) == 0) {
                bitset_set(bits, row);
                break;
            }
        }
    }
}

double known_entries(const struct plan_sample *sample, struct index_id index, const struct value *values,
                     uint32_t count) {
    const struct key_part *parts = NULL;
    double sum = 0;
    if (scan_key_columns(sample->table, index, &parts) == 0) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct buffer key = {0};
        uint64_t rows = 0;
        bool known = scan_key_append(sample->table, &parts[0], &values[i], &key) && buffer_ok(&key);
        struct kernel_bound bound = {.key = buffer_slice(&key), .inclusive = true};
        struct kernel_range range = {.index = index, .low = bound, .high = bound};
        known = known && kernel_range_estimate(sample->view, sample->table, &range, &rows, NULL) == KMB_OK;
        buffer_free(&key);
        if (!known) {
            return -1;
        }
        sum += (double)rows;
    }
    return sum;
}
