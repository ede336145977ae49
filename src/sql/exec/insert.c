/*
 * INSERT and ON CONFLICT.
 *
 * Without ON CONFLICT a batch goes to the kernel as one array of values. With it, row by row: the kernel says which row
 * is in the way. Keys that the statement wrote are remembered, since DO UPDATE must not touch a row twice: what it
 * would come to would depend on the order of the input.
 */
#include "base/assert.h"
#include "sql/exec/decode.h"
#include "sql/exec/scan.h"
#include "sql/exec/write.h"
#include "types/key.h"

#define VALUES_MAX 65536 /* handed to the kernel at once: 2.5 MiB */

struct insert {
    struct write write;
    struct value *values;
    uint32_t rows_at_once;
    /* ON CONFLICT */
    struct kernel_conflict conflict;
    struct buffer key;
    struct batch both; /* one row: the existing, then the excluded */
    struct batch merged;
    struct evaluator *where;
    struct evaluator **assignments; /* NULL: the column stays */
    struct value *existing;
};

static void insert_plain(struct insert *insert, const struct batch *batch) {
    struct write *write = &insert->write;
    struct exec *exec = write->base.exec;
    uint32_t live = batch_live(batch);
    write_hide(write, batch);
    for (uint32_t done = 0; done < live;) {
        uint32_t step = live - done < insert->rows_at_once ? live - done : insert->rows_at_once;
        for (uint32_t i = 0; i < step; i++) {
            uint32_t row = batch->selection == NULL ? done + i : batch->selection[done + i];
            write_values(write, batch, row, insert->values + (size_t)i * write->stored_count);
        }
        size_t inserted = 0;
        enum kmb_status status =
            kernel_insert_rows(exec->transaction, write->table, insert->values, step, &inserted, exec->context->error);
        if (status != KMB_OK) {
            uint32_t at = done + (uint32_t)inserted;
            exec->row_refused = at >= live ? 0 : 1 + (batch->selection == NULL ? at : batch->selection[at]);
            sql_raise_status(exec->context, status, 0);
        }
        done += step;
    }
    write->affected += live;
    write->written.inserted += live;
    write_return(write, batch);
}

/*
 * The kernel met another unique key than the one named. The named one decides: is its key taken as well? Looked up in
 * the transaction as it is now; rare, so a view made for it will do.
 */
static bool named_key_taken(struct insert *insert, const struct value *values) {
    struct write *write = &insert->write;
    struct exec *exec = write->base.exec;
    struct sql_context *context = exec->context;
    struct index_id index = write->base.node->conflict.index;
    const struct key_part *parts = NULL;
    uint32_t part_count = scan_key_columns(write->table, index, &parts);
    const struct index_definition *definition = definition_index_of_id(write->table, index);
    if (definition != NULL && definition->filter.value != 0) {
        uint16_t filter = catalogue_column_ordinal(write->catalogue, write->table, definition->filter);
        if (values[filter].is_null || !values[filter].as.boolean) {
            return false; /* the row is not in the index */
        }
    }
    buffer_clear(&insert->key);
    for (uint32_t i = 0; i < part_count; i++) {
        uint16_t ordinal = catalogue_column_ordinal(write->catalogue, write->table, parts[i].column);
        if (!scan_key_append(write->table, &parts[i], &values[ordinal], &insert->key)) {
            if (definition == NULL || !definition->nulls_same) {
                return false; /* a NULL conflicts with nothing */
            }
            const struct column_definition *column = catalogue_column(write->catalogue, write->table, ordinal);
            key_append(&insert->key, (struct key_column){column->type, parts[i].descending}, &values[ordinal]);
        }
    }
    struct kernel_view *view = NULL;
    struct kernel_scan *scan = NULL;
    struct kernel_row row;
    size_t count = 0;
    struct kernel_bound bound = {.key = buffer_slice(&insert->key), .inclusive = true};
    struct kernel_range range = {.index = index, .low = bound, .high = bound};
    enum kmb_status status = kernel_transaction_view(exec->transaction, &view, context->error);
    if (status == KMB_OK) {
        status = kernel_scan_open(view, write->table, &range, &scan, context->error);
    }
    if (status == KMB_OK) {
        status = kernel_scan_next(scan, &row, 1, &count, context->error);
    }
    if (status == KMB_OK && count == 1) {
        buffer_clear(&insert->conflict.key);
        buffer_clear(&insert->conflict.image);
        buffer_append_slice(&insert->conflict.key, row.key);
        buffer_append_slice(&insert->conflict.image, row.image);
        if (!buffer_ok(&insert->conflict.key) || !buffer_ok(&insert->conflict.image)) {
            status = error_set(context->error, KMB_NO_MEMORY, "out of memory");
        }
    }
    kernel_scan_close(scan);
    kernel_view_close(view);
    sql_try(context, status);
    return count == 1;
}

/* ON CONFLICT DO UPDATE of the row in insert->conflict; false when its WHERE leaves it as it is. */
static bool update_existing(struct insert *insert, const struct value *values) {
    struct write *write = &insert->write;
    struct exec *exec = write->base.exec;
    struct sql_context *context = exec->context;
    uint32_t columns = write->column_count;
    uint16_t row = 0;
    if (write_has_claimed(write, buffer_slice(&insert->conflict.key))) {
        sql_raise_with(context, KMB_CARDINALITY_VIOLATION, 0, NULL,
                       "Ensure that no rows proposed for insertion within the same command have duplicate constrained "
                       "values.",
                       "ON CONFLICT DO UPDATE command cannot affect row a second time");
    }
    sql_try(context, catalogue_row_read(write->catalogue, write->table, buffer_slice(&insert->conflict.image),
                                        insert->existing, context->error));
    for (uint32_t i = 0; i < columns; i++) {
        decode_labels(context, write->catalogue, &insert->existing[i], &write->base.scratch);
        insert->both.columns[i].may_have_null = false;
        insert->both.columns[columns + i].may_have_null = false;
        insert->merged.columns[i].may_have_null = false;
        vector_set(&insert->both.columns[i], 0, &insert->existing[i]);
        vector_set(&insert->both.columns[columns + i], 0, &values[i]);
    }
    if (insert->where != NULL && evaluator_select(insert->where, &insert->both, NULL, 1, &row) == 0) {
        return false;
    }
    for (uint32_t i = 0; i < columns; i++) {
        if (insert->assignments[i] != NULL) {
            const struct vector *value = evaluator_run(insert->assignments[i], &insert->both, NULL, 1);
            insert->existing[i] = vector_get(value, 0);
        }
        vector_set(&insert->merged.columns[i], 0, &insert->existing[i]);
    }
    struct batch made = write_generate(write, &insert->merged);
    for (uint32_t i = 0; i < write->base.node->generated_count; i++) {
        uint32_t column = write->base.node->generated_columns[i];
        insert->existing[column] = vector_get(&made.columns[column], vector_row(&made.columns[column], 0));
        vector_set(&insert->merged.columns[column], 0, &insert->existing[column]);
    }
    struct write_fault fault = write_check(write, &insert->merged);
    if (fault.present) {
        write_raise(write, &insert->merged, &fault);
    }
    write_hide(write, &insert->merged);
    write_values(write, &insert->merged, 0, insert->existing);
    sql_try(context, kernel_update(exec->transaction, write->table, buffer_slice(&insert->conflict.key),
                                   insert->existing, &insert->key, context->error));
    fault = write_check_view(write, &insert->merged);
    if (fault.present) {
        write_raise(write, &insert->merged, &fault);
    }
    (void)write_claim(write, buffer_slice(&insert->conflict.key));
    (void)write_claim(write, buffer_slice(&insert->key));
    return true;
}

static void insert_conflicting(struct insert *insert, const struct batch *batch) {
    struct write *write = &insert->write;
    struct exec *exec = write->base.exec;
    struct sql_context *context = exec->context;
    const struct plan_conflict *plan = &write->base.node->conflict;
    uint32_t live = batch_live(batch);
    for (uint32_t i = 0; i < live; i++) {
        uint16_t row = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        struct batch one = *batch;
        one.selection = &row;
        one.selection_count = 1;
        write_hide(write, &one);
        write_values(write, batch, row, insert->values);
        buffer_clear(&insert->key);
        enum kmb_status status = kernel_insert(exec->transaction, write->table, insert->values, &insert->conflict,
                                               &insert->key, context->error);
        if (status == KMB_OK) {
            struct write_fault view = write_check_view(write, &one);
            if (view.present) {
                write_raise(write, &one, &view);
            }
            (void)write_claim(write, buffer_slice(&insert->key));
            write_return(write, &one);
            write->affected++;
            write->written.inserted++;
            continue;
        }
        bool named = plan->any || insert->conflict.index.value == plan->index.value;
        if (status != KMB_UNIQUE_VIOLATION || (!named && !named_key_taken(insert, insert->values))) {
            sql_raise_status(context, status, 0);
        }
        error_clear(context->error);
        if (!plan->do_nothing && update_existing(insert, insert->values)) {
            write_return(write, &insert->merged);
            write->affected++;
            write->written.updated++;
        }
    }
}

static void insert_take(struct write *write, const struct batch *given) {
    struct insert *insert = (struct insert *)write;
    struct batch made = write_generate(write, given);
    const struct batch *batch = &made;
    struct write_fault fault = write_check(write, batch);
    struct batch good = fault.present ? write_first(write, batch, fault.place) : *batch;
    if (write->base.node->conflict.present) {
        insert_conflicting(insert, &good);
    } else {
        struct write_fault view = write_cut_view(write, &good);
        insert_plain(insert, &good);
        if (view.present) {
            write_raise(write, &good, &view);
        }
    }
    if (fault.present) {
        write_raise(write, batch, &fault);
    }
}

static void insert_free(void *object) {
    struct insert *insert = object;
    buffer_free(&insert->conflict.key);
    buffer_free(&insert->conflict.image);
    buffer_free(&insert->key);
}

static void conflict_make(struct insert *insert) {
    struct write *write = &insert->write;
    struct sql_context *context = write->base.exec->context;
    const struct plan_conflict *plan = &write->base.node->conflict;
    uint32_t columns = write->column_count;
    if (plan->do_nothing) {
        return;
    }
    insert->existing = sql_alloc(context, sizeof(struct value) * (write->stored_count + 1));
    insert->both = (struct batch){.column_count = columns * 2, .count = 1};
    insert->merged = (struct batch){.column_count = columns, .count = 1};
    insert->both.columns = sql_alloc(context, sizeof(struct vector) * (columns * 2 + 1));
    insert->merged.columns = sql_alloc(context, sizeof(struct vector) * (columns + 1));
    insert->assignments = sql_alloc_zero(context, columns + 1, sizeof(struct evaluator *));
    for (uint32_t i = 0; i < columns; i++) {
        struct type type = catalogue_column(write->catalogue, write->table, i)->type;
        vector_init_rows(context, &insert->both.columns[i], type, 1);
        vector_init_rows(context, &insert->both.columns[columns + i], type, 1);
        vector_init_rows(context, &insert->merged.columns[i], type, 1);
        if (plan->assignments[i] != NULL) {
            insert->assignments[i] = operator_evaluator(&write->base, plan->assignments[i], 1);
        }
    }
    if (plan->where != NULL) {
        insert->where = operator_evaluator(&write->base, plan->where, 1);
    }
}

struct exec_operator *insert_make(struct exec *exec, const struct plan_node *node) {
    struct insert *insert = write_make(exec, node, sizeof(*insert), insert_take);
    struct write *write = &insert->write;
    ASSERT(node->left->column_count == write->column_count);
    uint32_t rows = write->base.left->rows_max;
    uint32_t fit = write->stored_count == 0 ? VALUES_MAX : VALUES_MAX / write->stored_count;
    insert->rows_at_once = node->conflict.present ? 1 : rows < fit ? rows : fit;
    insert->values =
        sql_alloc(exec->context, sizeof(struct value) * ((size_t)insert->rows_at_once * write->stored_count + 1));
    exec_defer(exec, insert_free, insert);
    if (node->conflict.present) {
        conflict_make(insert);
    }
    return &write->base;
}
