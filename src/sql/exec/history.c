/*
 * kimberlite_history(table): every version of every row, one after the other from the kernel, in the table's columns of
 * today with six behind them that say when a version held and what made it.
 */
#include "base/assert.h"
#include "sql/exec/decode_past.h"
#include "sql/exec/operator.h"
#include "sql/exec/scan.h"

enum history_extra {
    HISTORY_POSITION_FROM,
    HISTORY_POSITION_TO,
    HISTORY_TIME_FROM,
    HISTORY_TIME_TO,
    HISTORY_OPERATION,
    HISTORY_ENTRY,
    HISTORY_EXTRA_COUNT,
};

struct history {
    struct exec_operator base;
    struct kernel_view *view;
    const struct table_definition *table;
    uint32_t table_columns;
    struct kernel_history *cursor;
    struct decode_past *past;
    struct value *values;
    struct evaluator *filter;
    uint16_t *selection;
    struct buffer low;
    struct buffer high;
    bool done;
};

static void history_free(void *object) {
    struct history *history = object;
    kernel_history_close(history->cursor);
    history->cursor = NULL;
    history->done = true;
    buffer_free(&history->low);
    buffer_free(&history->high);
}

static struct value extra_value(const struct kernel_version *version, enum history_extra extra) {
    bool open = version->position_to == KERNEL_POSITION_LATEST;
    switch (extra) {
    case HISTORY_POSITION_FROM:
        return value_int8((int64_t)version->position_from);
    case HISTORY_POSITION_TO:
        return open ? value_null(TYPE_INT8) : value_int8((int64_t)version->position_to);
    case HISTORY_TIME_FROM:
        return version->time_from_us == KERNEL_TIME_OPEN
                   ? value_null(TYPE_TIMESTAMPTZ) /* the transaction's own, not committed yet */
                   : value_timestamp(TYPE_TIMESTAMPTZ, timestamp_of_us(version->time_from_us));
    case HISTORY_TIME_TO:
        return open || version->time_to_us == KERNEL_TIME_OPEN
                   ? value_null(TYPE_TIMESTAMPTZ)
                   : value_timestamp(TYPE_TIMESTAMPTZ, timestamp_of_us(version->time_to_us));
    case HISTORY_OPERATION:
        return value_text(slice_text(kernel_operation_name(version->operation)));
    case HISTORY_ENTRY:
        return value_int8((int64_t)version->entry);
    case HISTORY_EXTRA_COUNT:
        break;
    }
    UNREACHABLE("history column");
}

/* The ordinal of an output column: of the table, or behind it of the extra ones. */
static uint32_t ordinal_of(const struct history *history, uint32_t column) {
    const struct plan_node *node = history->base.node;
    uint32_t first_extra = node->column_count - HISTORY_EXTRA_COUNT;
    return column < first_extra ? node->scan_columns[column] : history->table_columns + (column - first_extra);
}

static void history_row(struct history *history, const struct kernel_version *version, uint32_t row) {
    struct exec_operator *self = &history->base;
    bool open = version->position_to == KERNEL_POSITION_LATEST;
    decode_past_row(history->past, version->image, open ? KERNEL_POSITION_LATEST : version->position_to - 1,
                    history->values);
    for (uint32_t i = 0; i < self->batch.column_count; i++) {
        uint32_t ordinal = ordinal_of(history, i);
        struct value value = ordinal < history->table_columns
                                 ? history->values[ordinal]
                                 : extra_value(version, (enum history_extra)(ordinal - history->table_columns));
        if (!value.is_null && type_is_borrowed(value.type) && ordinal < history->table_columns) {
            value.as.bytes = arena_dup_slice(&self->scratch, value.as.bytes); /* the version goes with the next one */
        }
        vector_set(&self->batch.columns[i], row, &value);
    }
}

static const struct batch *history_next(struct exec_operator *self) {
    struct history *history = (struct history *)self;
    while (!history->done) {
        operator_begin(self);
        operator_clear(self);
        uint32_t count = 0;
        while (count < self->rows_max) {
            struct kernel_version version;
            enum kmb_status status = kernel_history_next(history->cursor, &version, self->exec->context->error);
            if (status == KMB_DONE) {
                history->done = true;
                break;
            }
            if (status != KMB_ROW) {
                sql_try(self->exec->context, status);
            }
            history_row(history, &version, count++);
        }
        self->batch.count = count;
        if (history->filter != NULL && count > 0) {
            uint32_t met = count;
            count = evaluator_select(history->filter, &self->batch, NULL, count, history->selection);
            self->batch.selection = history->selection;
            self->batch.selection_count = count;
            if (self->measure != NULL) {
                self->measure->removed += met - count;
            }
        }
        if (count > 0) {
            return &self->batch;
        }
    }
    return NULL;
}

struct exec_operator *history_make(struct exec *exec, const struct plan_node *node) {
    struct history *history = operator_new(exec, node, sizeof(*history), history_next);
    ASSERT(node->column_count >= HISTORY_EXTRA_COUNT);
    history->view = exec_view_of(exec, node);
    history->table = exec_table_of(exec, history->view, node);
    history->table_columns = catalogue_column_count(history->view->catalogue, history->table);
    history->values = sql_alloc(exec->context, (catalogue_stored_count(history->view->catalogue, history->table) + 1) *
                                                   sizeof(struct value));
    history->past = decode_past_make(&history->base, history->view, history->table);
    operator_columns(&history->base, VECTOR_ROWS);
    exec_defer(exec, history_free, history);
    if (node->predicate != NULL) {
        history->filter = operator_evaluator(&history->base, node->predicate, VECTOR_ROWS);
        history->selection = sql_alloc(exec->context, sizeof(uint16_t) * VECTOR_ROWS);
    }
    struct kernel_range range = {0};
    if (!scan_bound(exec, history->table, node, &node->low, &history->low) ||
        !scan_bound(exec, history->table, node, &node->high, &history->high)) {
        history->done = true;
        return &history->base;
    }
    range.low = (struct kernel_bound){buffer_slice(&history->low), node->low.inclusive};
    range.high = (struct kernel_bound){buffer_slice(&history->high), node->high.inclusive};
    sql_try(exec->context,
            kernel_history_open(history->view, history->table, &range, &history->cursor, exec->context->error));
    return &history->base;
}
