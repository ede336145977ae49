/*
 * kimberlite_diff(table, a, b): one row for each row of the table that is not the same at two moments.
 *
 * The kernel tells which rows an event has touched in between and both their images; here they are read in the columns
 * the table has at the second moment, and a change that was taken back is left out. The key's columns have their value
 * whatever happened; the others are NULL in the row that is not there, the new one of a deletion, the old one of an
 * insertion.
 */
#include "base/assert.h"
#include "sql/exec/decode_past.h"
#include "sql/exec/operator.h"
#include "sql/exec/scan.h"

struct diff {
    struct exec_operator base;
    struct kernel_view *view;
    const struct table_definition *table;
    uint32_t table_columns;
    bool *key; /* a table column: of the primary key */
    struct kernel_changes *cursor;
    struct decode_past *past;
    struct value *before;
    struct value *after;
    struct buffer low;
    struct buffer high;
    struct buffer texts[2];
    bool done;
};

static void diff_free(void *object) {
    struct diff *diff = object;
    kernel_changes_close(diff->cursor);
    diff->cursor = NULL;
    diff->done = true;
    buffer_free(&diff->low);
    buffer_free(&diff->high);
    buffer_free(&diff->texts[0]);
    buffer_free(&diff->texts[1]);
}

/* Whether both values read the same: 1.0 and 1.00 are equal and not the same. */
static bool value_reads_same(struct diff *diff, const struct value *a, const struct value *b) {
    if (a->is_null || b->is_null) {
        return a->is_null == b->is_null;
    }
    const struct value *values[2] = {a, b};
    for (uint32_t i = 0; i < 2; i++) {
        buffer_clear(&diff->texts[i]);
        value_print(values[i], NULL, &diff->texts[i]);
        if (!buffer_ok(&diff->texts[i])) {
            sql_raise(diff->base.exec->context, KMB_NO_MEMORY, 0, "out of memory");
        }
    }
    return slice_equal(buffer_slice(&diff->texts[0]), buffer_slice(&diff->texts[1]));
}

/* Reads the images; false: the row is as it was. */
static bool diff_read(struct diff *diff, const struct kernel_change *change) {
    if (change->existed && change->exists && !decode_past_lacks(diff->past) &&
        slice_equal(change->before, change->after)) {
        return false;
    }
    if (change->existed) {
        decode_past_row(diff->past, change->before, change->before_to - 1, diff->before);
    }
    if (change->exists) {
        decode_past_row(diff->past, change->after, KERNEL_POSITION_LATEST, diff->after);
    }
    bool same = change->existed && change->exists;
    for (uint32_t i = 0; same && i < diff->table_columns; i++) {
        same = value_reads_same(diff, &diff->before[i], &diff->after[i]);
    }
    return !same;
}

static void diff_set(struct diff *diff, uint32_t column, uint32_t row, const struct value *read, bool there) {
    struct exec_operator *self = &diff->base;
    struct value value = there ? *read : value_null(self->node->columns[column].type.id);
    if (!value.is_null && type_is_borrowed(value.type)) {
        value.as.bytes = arena_dup_slice(&self->scratch, value.as.bytes); /* the images go with the next change */
    }
    vector_set(&self->batch.columns[column], row, &value);
}

static void diff_row(struct diff *diff, const struct kernel_change *change, uint32_t row) {
    struct exec_operator *self = &diff->base;
    uint32_t old = diff->table_columns;
    for (uint32_t i = 0; i < diff->table_columns; i++) {
        const struct value *key = change->exists ? &diff->after[i] : &diff->before[i];
        diff_set(diff, i, row, diff->key[i] ? key : &diff->after[i], diff->key[i] || change->exists);
        if (!diff->key[i]) {
            diff_set(diff, old++, row, &diff->before[i], change->existed);
        }
    }
    enum kernel_operation operation = !change->existed ? KERNEL_INSERT : change->exists ? KERNEL_UPDATE : KERNEL_DELETE;
    struct value name = value_text(slice_text(kernel_operation_name(operation)));
    struct value position = value_int8((int64_t)change->position);
    vector_set(&self->batch.columns[old], row, &name);
    vector_set(&self->batch.columns[old + 1], row, &position);
}

static const struct batch *diff_next(struct exec_operator *self) {
    struct diff *diff = (struct diff *)self;
    if (diff->done) {
        return NULL;
    }
    operator_begin(self);
    operator_clear(self);
    uint32_t count = 0;
    while (count < self->rows_max && !diff->done) {
        struct kernel_change change;
        enum kmb_status status = kernel_changes_next(diff->cursor, &change, self->exec->context->error);
        if (status == KMB_DONE) {
            diff->done = true;
        } else if (status != KMB_ROW) {
            sql_try(self->exec->context, status);
        } else if (diff_read(diff, &change)) {
            diff_row(diff, &change, count++);
        }
    }
    self->batch.count = count;
    return count > 0 ? &self->batch : NULL;
}

/* The first moment, as a position. */
static uint64_t diff_since(struct exec *exec, const struct plan_node *node) {
    struct sql_point point = exec_point_of(exec, &node->since);
    struct kernel_view *view = NULL;
    enum kmb_status status = exec->host->view_open(exec->host->context, &point, &view, exec->context->error);
    if (status != KMB_OK) {
        sql_raise_status(exec->context, status, node->since.position);
    }
    uint64_t position = view->position;
    exec->host->view_close(exec->host->context, view);
    return position;
}

struct exec_operator *diff_make(struct exec *exec, const struct plan_node *node) {
    struct diff *diff = operator_new(exec, node, sizeof(*diff), diff_next);
    struct sql_context *context = exec->context;
    diff->view = exec_view_of(exec, node);
    diff->table = exec_table_of(exec, diff->view, node);
    diff->table_columns = catalogue_column_count(diff->view->catalogue, diff->table);
    diff->key = sql_alloc_zero(context, diff->table_columns + 1, sizeof(*diff->key));
    for (uint32_t i = 0; i < diff->table->primary_key_count; i++) {
        uint16_t ordinal =
            catalogue_column_ordinal(diff->view->catalogue, diff->table, diff->table->primary_key[i].column);
        ASSERT(ordinal < diff->table_columns);
        diff->key[ordinal] = true;
    }
    ASSERT(node->column_count == 2 * diff->table_columns - diff->table->primary_key_count + 2);
    uint32_t stored = catalogue_stored_count(diff->view->catalogue, diff->table);
    diff->before = sql_alloc_zero(context, stored + 1, sizeof(*diff->before));
    diff->after = sql_alloc_zero(context, stored + 1, sizeof(*diff->after));
    operator_columns(&diff->base, VECTOR_ROWS);
    exec_defer(exec, diff_free, diff);
    diff->past = decode_past_make(&diff->base, diff->view, diff->table);
    uint64_t since = diff_since(exec, node);
    if (since > diff->view->position) {
        sql_raise(context, KMB_INVALID_PARAMETER, node->since.position,
                  "the first position of kimberlite_diff, %llu, is behind the second, %llu", (unsigned long long)since,
                  (unsigned long long)diff->view->position);
    }
    if (!scan_bound(exec, diff->table, node, &node->low, &diff->low) ||
        !scan_bound(exec, diff->table, node, &node->high, &diff->high)) {
        diff->done = true;
        return &diff->base;
    }
    struct kernel_range range = {.low = {buffer_slice(&diff->low), node->low.inclusive},
                                 .high = {buffer_slice(&diff->high), node->high.inclusive}};
    sql_try(context, kernel_changes_open(diff->view, diff->table, since, &range, &diff->cursor, context->error));
    return &diff->base;
}
