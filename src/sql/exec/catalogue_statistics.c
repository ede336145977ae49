/*
 * pg_stats: what the samples kept of tables (sql/statistics.h) say of their columns.
 *
 * Nothing here is what plans are made of: they try their conditions on the samples themselves. The numbers are worked
 * out when they are asked for, as PostgreSQL's ANALYZE does: the most common values are those clearly more frequent
 * than the average, bounds of equal parts are made of the others. A table that no plan has sampled yet has no rows
 * here.
 */
#include <math.h>
#include <stdlib.h>

#include "sql/exec/catalogue.h"
#include "sql/statistics.h"
#include "sql/sql.h"
#include "types/array.h"

#define COMMON_MAX   100 /* PostgreSQL's default_statistics_target */
#define BOUNDS_MAX   101
#define REALS(name_) CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_FLOAT4)

const struct plan_column catalogue_stats_columns[CATALOGUE_STATS_COLUMNS] = {NAME("schemaname"),
                                                                             NAME("tablename"),
                                                                             NAME("attname"),
                                                                             BOOL("inherited"),
                                                                             REAL("null_frac"),
                                                                             INT4("avg_width"),
                                                                             REAL("n_distinct"),
                                                                             TEXT("most_common_vals"),
                                                                             REALS("most_common_freqs"),
                                                                             TEXT("histogram_bounds"),
                                                                             REAL("correlation"),
                                                                             TEXT("most_common_elems"),
                                                                             REALS("most_common_elem_freqs"),
                                                                             REALS("elem_count_histogram")};

/* Equal values of a column, next to each other in its order. */
struct run {
    uint32_t first; /* in the order */
    uint32_t count;
};

struct column {
    const struct statistics_table *kept;
    struct rowset present; /* the column's values and their places in the sample */
    uint32_t rows;         /* of the sample */
    uint32_t count;        /* of them that are not NULL */
    double width;
    uint32_t *order;
    struct run *runs;
    uint32_t run_count;
};

static double value_width(const struct value *value) {
    if (vector_form_of(value->type) == VECTOR_BYTES) {
        return (double)value->as.bytes.length;
    }
    switch (value->type) {
    case TYPE_BOOL:
        return 1;
    case TYPE_INT2:
        return 2;
    case TYPE_INT4:
    case TYPE_OID:
    case TYPE_DATE:
    case TYPE_FLOAT4:
        return 4;
    default:
        return (double)vector_form_size(vector_form_of(value->type));
    }
}

/* The value at a place of the column's order. */
static struct value value_at(const struct column *column, uint32_t at) {
    uint32_t place = 0;
    const struct vector *vector = rowset_at(&column->present, 0, column->order[at], &place);
    return vector_get(vector, place);
}

static void column_sort(struct sql_context *context, struct column *column, uint32_t ordinal) {
    const struct rowset *rows = &column->kept->rows;
    struct type type = rows->types[ordinal];
    rowset_init(&column->present, context, NULL, &type, 1);
    column->rows = rows->row_count;
    for (uint32_t chunk = 0; chunk < rows->chunk_count; chunk++) {
        struct batch batch = rowset_chunk(rows, chunk);
        const struct vector *vector = &batch.columns[ordinal];
        uint16_t selection[VECTOR_ROWS];
        uint32_t count = 0;
        for (uint32_t i = 0; i < batch.count; i++) {
            if (!vector_is_null(vector, i)) {
                struct value value = vector_get(vector, i);
                column->width += value_width(&value);
                selection[count++] = (uint16_t)i;
            }
        }
        rowset_append(&column->present, &vector, selection, count);
    }
    column->count = column->present.row_count;
    column->order = sql_alloc(context, (column->count + 1) * sizeof(*column->order));
    struct rowset_key key = {.column = 0};
    rowset_sort(&column->present, &key, 1, column->order, column->count);
    column->runs = sql_alloc(context, (column->count + 1) * sizeof(*column->runs));
    for (uint32_t i = 0; i < column->count; i++) {
        uint32_t places[2] = {0, 0};
        const struct vector *before = rowset_at(&column->present, 0, column->order[i == 0 ? 0 : i - 1], &places[0]);
        const struct vector *vector = rowset_at(&column->present, 0, column->order[i], &places[1]);
        if (i > 0 && vector_compare(before, places[0], vector, places[1]) == 0) {
            column->runs[column->run_count - 1].count++;
        } else {
            column->runs[column->run_count++] = (struct run){.first = i, .count = 1};
        }
    }
}

/* Different values in the table; as PostgreSQL has it, negative: a share of the rows, where that grows with them. */
static double column_distinct(const struct column *column) {
    double once = 0;
    double all = (double)column->kept->table_rows;
    double taken = column->rows;
    for (uint32_t i = 0; i < column->run_count; i++) {
        once += column->runs[i].count == 1;
    }
    if (column->count == 0) {
        return 0;
    }
    if (once == column->run_count) { /* no value twice */
        return -(double)column->count / taken;
    }
    double distinct =
        taken * column->run_count / (taken - once + once * taken / (all < taken ? taken : all)); /* Duj1 */
    distinct = floor(distinct + 0.5);
    return distinct > 0.1 * all ? -distinct / all : distinct;
}

/* The correlation of the order of the values with that of the rows, which are read in the order of their key. */
static double column_correlation(const struct column *column) {
    double n = column->count;
    double sum = 0;
    for (uint32_t i = 0; i < column->count; i++) {
        sum += (double)i * column->order[i];
    }
    double mean = n * (n - 1) / 2;
    double squares = (n - 1) * n * (2 * n - 1) / 6;
    return (n * sum - mean * mean) / (n * squares - mean * mean);
}

static int by_count(const void *a, const void *b) {
    const struct run *x = a;
    const struct run *y = b;
    int order = (x->count < y->count) - (x->count > y->count);
    return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

/* Puts the most common values first; how many they are. */
static uint32_t column_common(struct column *column) {
    double average = (double)column->count / (column->run_count == 0 ? 1 : column->run_count);
    qsort(column->runs, column->run_count, sizeof(*column->runs), by_count);
    bool all =
        column->run_count <= COMMON_MAX && column->run_count > 0 && column->runs[column->run_count - 1].count > 1;
    uint32_t common = 0;
    while (common < column->run_count && common < COMMON_MAX && column->runs[common].count > 1 &&
           (all || column->runs[common].count > 1.25 * average)) {
        common++;
    }
    return common;
}

static void give_array(struct catalogue_rows *rows, enum type_id element, const struct value *values, uint32_t count,
                       bool text) {
    struct array_shape shape = array_shape_of(count);
    struct value made;
    if (count == 0) {
        catalogue_nulls(rows, 1);
        return;
    }
    sql_try(rows->context, array_make(element, &shape, values, &rows->context->arena, &made, rows->context->error));
    if (!text) {
        catalogue_value(rows, made);
        return;
    }
    struct buffer out = {0};
    struct datetime_context when = sql_datetime(rows->context);
    array_print(&made, &when, &out);
    bool whole = buffer_ok(&out);
    struct slice copy = whole ? arena_dup_slice(&rows->context->arena, buffer_slice(&out)) : (struct slice){0};
    buffer_free(&out);
    if (!whole) {
        sql_raise(rows->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    catalogue_text(rows, copy);
}

/* Bounds between which equally many of the values lie that are not among the common ones. */
static void give_bounds(struct catalogue_rows *rows, struct column *column, uint32_t common, enum type_id element) {
    struct value *bounds = sql_alloc(rows->context, BOUNDS_MAX * sizeof(*bounds));
    bool *is_common = sql_alloc_zero(rows->context, column->count + 1, sizeof(*is_common));
    uint32_t *rest = sql_alloc(rows->context, (column->count + 1) * sizeof(*rest));
    uint32_t count = 0;
    for (uint32_t i = 0; i < common; i++) {
        memset(is_common + column->runs[i].first, 1, column->runs[i].count);
    }
    for (uint32_t i = 0; i < column->count; i++) {
        if (!is_common[i]) {
            rest[count++] = i;
        }
    }
    uint32_t different = column->run_count - common;
    uint32_t bound_count = different < 2 ? 0 : different < BOUNDS_MAX ? different : BOUNDS_MAX;
    for (uint32_t i = 0; i < bound_count; i++) {
        bounds[i] = value_at(column, rest[(uint64_t)i * (count - 1) / (bound_count - 1)]);
    }
    give_array(rows, element, bounds, bound_count, true);
}

static void column_row(struct catalogue_rows *rows, const struct table_definition *table,
                       const struct column_definition *definition, const struct statistics_table *kept,
                       uint32_t ordinal) {
    struct column column = {.kept = kept};
    column_sort(rows->context, &column, ordinal);
    double correlation = column.count < 2 || column.run_count < 2 ? 1 : column_correlation(&column);
    double distinct = column_distinct(&column);
    uint32_t common = column_common(&column);
    bool plain = !type_is_array(definition->type.id);
    struct value *values = sql_alloc(rows->context, (common + 1) * sizeof(*values));
    struct value *shares = sql_alloc(rows->context, (common + 1) * sizeof(*shares));
    for (uint32_t i = 0; i < common; i++) {
        values[i] = value_at(&column, column.runs[i].first);
        shares[i] = value_real(TYPE_FLOAT4, (double)(float)((double)column.runs[i].count / column.rows));
    }
    catalogue_text(rows, table->schema_name);
    catalogue_text(rows, table->name);
    catalogue_text(rows, definition->name);
    catalogue_bool(rows, false);
    catalogue_value(rows, value_real(TYPE_FLOAT4, (double)(float)(1 - (double)column.count / column.rows)));
    catalogue_number(rows, column.count == 0 ? 0 : (int64_t)(column.width / column.count + 0.5));
    catalogue_value(rows, value_real(TYPE_FLOAT4, (double)(float)distinct));
    give_array(rows, definition->type.id, values, plain ? common : 0, true);
    give_array(rows, TYPE_FLOAT4, shares, plain ? common : 0, false);
    give_bounds(rows, &column, plain ? common : column.run_count, definition->type.id);
    if (column.count == 0) {
        catalogue_nulls(rows, 1);
    } else {
        catalogue_value(rows, value_real(TYPE_FLOAT4, (double)(float)correlation));
    }
    catalogue_nulls(rows, 3);
}

static void kept_release(void *kept) {
    statistics_release(kept);
}

void catalogue_stats(struct catalogue_rows *rows) {
    struct sql_statistics *statistics = rows->context->host == NULL ? NULL : rows->context->host->statistics;
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue) && statistics != NULL && !rows->view->past; i++) {
        const struct table_definition *table = catalogue_table_at(rows->catalogue, i);
        struct statistics_table *kept = statistics_find(statistics, rows->view->state->tenant, table);
        if (kept == NULL) {
            continue;
        }
        sql_defer(rows->context, kept_release, kept);
        for (uint32_t k = 0; k < catalogue_column_count(rows->catalogue, table); k++) {
            column_row(rows, table, catalogue_column(rows->catalogue, table, k), kept, k);
        }
    }
}
