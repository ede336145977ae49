/*
 * The frame of a write: the child's batches go to the kernel one after the other, RETURNING rows are kept, and given
 * out when all is written.
 *
 * New rows are checked here, with the messages a PostgreSQL user knows, before the kernel sees them; the kernel refuses
 * what only it can know (a key that exists, a row too large).
 */
#include "sql/exec/write.h"

#include "base/assert.h"

#define FAILING_ROW_BYTES 4000

void write_values(const struct write *write, const struct batch *row, uint32_t at, struct value *values) {
    for (uint32_t i = 0; i < write->column_count; i++) {
        values[i] = vector_get(&row->columns[i], vector_row(&row->columns[i], at));
    }
    for (uint32_t i = write->column_count; i < write->stored_count; i++) {
        const struct vector *hidden = write->hidden_values[i - write->column_count];
        values[i] = vector_get(hidden, vector_row(hidden, at));
    }
}

void write_hide(struct write *write, const struct batch *row) {
    uint32_t live = batch_live(row);
    for (uint32_t i = 0; live > 0 && i < write->base.node->hidden_count; i++) {
        write->hidden_values[i] = evaluator_run(write->hidden[i], row, row->selection, live);
    }
}

struct batch write_generate(struct write *write, const struct batch *row) {
    const struct plan_node *node = write->base.node;
    struct batch made = *row;
    uint32_t live = batch_live(row);
    if (node->generated_count == 0 || live == 0) {
        return made;
    }
    memcpy(write->generated_row, row->columns, row->column_count * sizeof(struct vector));
    made.columns = write->generated_row;
    for (uint32_t i = 0; i < node->generated_count; i++) {
        write->generated_row[node->generated_columns[i]] =
            *evaluator_run(write->generated[i], row, row->selection, live);
    }
    return made;
}

/* "Failing row contains (1, null, abc)." The room is taken first: nothing may raise while the buffer is held. */
static const char *failing_row(const struct write *write, const struct batch *row, uint32_t at) {
    char *copy = sql_alloc(write->base.exec->context, FAILING_ROW_BYTES + 1);
    struct buffer text = {0};
    buffer_append_text(&text, "Failing row contains (");
    for (uint32_t i = 0; i < write->column_count && text.length < FAILING_ROW_BYTES; i++) {
        struct value value = vector_get(&row->columns[i], vector_row(&row->columns[i], at));
        buffer_append_text(&text, i == 0 ? "" : ", ");
        value_print_short(&value, &text);
    }
    buffer_append_text(&text, ").");
    size_t length = text.length < FAILING_ROW_BYTES ? text.length : FAILING_ROW_BYTES;
    if (length > 0) {
        memcpy(copy, text.bytes, length);
    }
    copy[length] = 0;
    buffer_free(&text);
    return copy;
}

/* Lowers the fault to the first place at which `bad` holds of a column, if that is before it. */
static void fault_lower(struct write_fault *fault, uint32_t place, enum write_fault_kind kind, uint32_t number) {
    if (!fault->present || place < fault->place) {
        *fault = (struct write_fault){.present = true, .place = place, .kind = kind, .number = number};
    }
}

/* Of CHECKs first..end; NULL passes. */
static void check_fault(struct write *write, const struct batch *row, uint32_t first, uint32_t count,
                        enum write_fault_kind kind, struct write_fault *fault) {
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t end = fault->present ? fault->place : batch_live(row); /* behind a bad row nothing is evaluated */
        const struct vector *holds = evaluator_run(write->checks[i], row, row->selection, end);
        for (uint32_t n = 0; n < end; n++) {
            uint32_t place = vector_row(holds, row->selection == NULL ? n : row->selection[n]);
            if (!vector_is_null(holds, place) && !holds->boolean[place]) {
                fault_lower(fault, n, kind, i);
                break;
            }
        }
    }
}

struct write_fault write_check(struct write *write, const struct batch *row) {
    const struct plan_node *node = write->base.node;
    struct write_fault fault = {0};
    uint32_t live = batch_live(row);
    for (uint32_t i = 0; write->any_not_null && i < write->column_count; i++) {
        const struct vector *column = &row->columns[i];
        if (!write->not_null[i] || !column->may_have_null) {
            continue;
        }
        for (uint32_t n = 0; n < live; n++) {
            if (column->null[vector_row(column, row->selection == NULL ? n : row->selection[n])]) {
                fault_lower(&fault, n, WRITE_NULL, i);
                break;
            }
        }
    }
    check_fault(write, row, 0, node->check_count - node->view_check_count, WRITE_CHECK, &fault);
    return fault;
}

struct write_fault write_check_view(struct write *write, const struct batch *row) {
    const struct plan_node *node = write->base.node;
    struct write_fault fault = {0};
    check_fault(write, row, node->check_count - node->view_check_count, node->view_check_count, WRITE_VIEW, &fault);
    return fault;
}

struct write_fault write_cut_view(struct write *write, struct batch *row) {
    struct write_fault fault = write_check_view(write, row);
    if (fault.present) {
        *row = write_first(write, row, fault.place + 1);
    }
    return fault;
}

_Noreturn void write_raise(struct write *write, const struct batch *row, const struct write_fault *fault) {
    struct sql_context *context = write->base.exec->context;
    uint32_t at = row->selection == NULL ? fault->place : row->selection[fault->place];
    write->base.exec->row_refused = at + 1;
    struct slice table = write->table->name;
    context->about = (struct error_about){.schema = write->table->schema_name, .table = table};
    if (fault->kind == WRITE_VIEW) {
        context->about = (struct error_about){.schema = {0}};
        sql_raise_with(context, KMB_VIEW_CHECK_VIOLATION, 0, failing_row(write, row, at), NULL,
                       "new row violates check option for view \"%s\"", write->base.node->check_names[fault->number]);
    }
    if (fault->kind == WRITE_CHECK) {
        context->about.constraint = slice_text(write->base.node->check_names[fault->number]);
        sql_raise_with(context, KMB_CHECK_VIOLATION, 0, failing_row(write, row, at), NULL,
                       "new row for relation \"%.*s\" violates check constraint \"%s\"", (int)table.length,
                       (const char *)table.bytes, write->base.node->check_names[fault->number]);
    }
    struct slice column = catalogue_column(write->catalogue, write->table, fault->number)->name;
    context->about.column = column;
    sql_raise_with(context, KMB_NOT_NULL_VIOLATION, 0, failing_row(write, row, at), NULL,
                   "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                   (int)column.length, (const char *)column.bytes, (int)table.length, (const char *)table.bytes);
}

struct batch write_first(struct write *write, const struct batch *batch, uint32_t count) {
    struct batch first = *batch;
    for (uint32_t i = 0; i < count; i++) {
        write->first[i] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
    }
    first.selection = write->first;
    first.selection_count = count;
    return first;
}

static struct write_claims *claims_of(struct write *write) {
    struct exec *exec = write->base.exec;
    ASSERT(exec->parent == NULL);
    struct write_claims *claims = exec->claims;
    while (claims != NULL && claims->table.value != write->table->id.value) {
        claims = claims->next;
    }
    if (claims == NULL) {
        claims = sql_alloc_zero(exec->context, 1, sizeof(*claims));
        struct type type = type_make(TYPE_BYTEA);
        claims->table = write->table->id;
        hash_table_init(&claims->keys, exec->context, NULL, &type, 1);
        vector_init_rows(exec->context, &claims->key, type, 1);
        claims->next = exec->claims;
        exec->claims = claims;
    }
    return claims;
}

struct batch write_claimed(struct write *write, const struct batch *batch) {
    struct batch claimed = *batch;
    const struct vector *keys = &batch->columns[batch->column_count - 1];
    uint32_t live = batch_live(batch);
    uint32_t count = 0;
    ASSERT(keys->form == VECTOR_BYTES && live <= VECTOR_ROWS);
    hash_table_insert(&claims_of(write)->keys, &keys, batch->selection, live, write->ids, write->fresh);
    for (uint32_t i = 0; i < live; i++) {
        write->first[count] = batch->selection == NULL ? (uint16_t)i : batch->selection[i];
        count += write->fresh[i];
    }
    claimed.selection = write->first;
    claimed.selection_count = count;
    return claimed;
}

bool write_claim(struct write *write, struct slice key) {
    struct write_claims *claims = claims_of(write);
    const struct vector *keys = &claims->key;
    claims->key.bytes[0] = key;
    hash_table_insert(&claims->keys, &keys, NULL, 1, write->ids, write->fresh);
    return write->fresh[0];
}

bool write_has_claimed(struct write *write, struct slice key) {
    struct write_claims *claims = claims_of(write);
    const struct vector *keys = &claims->key;
    claims->key.bytes[0] = key;
    hash_table_find(&claims->keys, &keys, NULL, 1, write->ids);
    return write->ids[0] != ROWSET_NONE;
}

struct slice write_key(const struct batch *batch, uint32_t at) {
    const struct vector *keys = &batch->columns[batch->column_count - 1];
    return keys->bytes[vector_row(keys, at)];
}

void write_return(struct write *write, const struct batch *row) {
    const struct plan_node *node = write->base.node;
    uint32_t live = batch_live(row);
    if (node->returning == NULL || live == 0) {
        return;
    }
    for (uint32_t i = 0; i < node->returning_count; i++) {
        write->returning_vectors[i] = evaluator_run(write->returning[i], row, row->selection, live);
    }
    rowset_append(&write->returned.rows, write->returning_vectors, row->selection, live);
}

/*
 * Rows kept, when all is written and, outside a transaction, durable. So nothing here may fail, be it for want of
 * memory or by a cancellation: the answer would say that nothing was done.
 */
static const struct batch *kept_next(struct exec_operator *self, struct kept *kept) {
    uint32_t left = kept->rows.row_count - kept->given;
    if (left == 0) {
        return NULL;
    }
    operator_clear(self);
    uint32_t rows[VECTOR_ROWS];
    uint32_t count = left < VECTOR_ROWS ? left : VECTOR_ROWS;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = kept->given + i;
    }
    for (uint32_t i = 0; i < self->batch.column_count; i++) {
        rowset_gather(&kept->rows, i, rows, count, &self->batch.columns[i]);
    }
    kept->given += count;
    self->batch.count = count;
    return &self->batch;
}

/* Room to give them. */
static void kept_end(struct exec_operator *self, const struct kept *kept) {
    uint32_t rows = kept->rows.row_count;
    operator_columns(self, rows == 0 ? 1 : rows < VECTOR_ROWS ? rows : VECTOR_ROWS);
}

static void kept_init(struct exec *exec, const struct plan_node *node, struct kept *kept) {
    struct type *types = sql_alloc(exec->context, sizeof(*types) * (node->column_count + 1));
    for (uint32_t i = 0; i < node->column_count; i++) {
        types[i] = node->columns[i].type;
    }
    rowset_init(&kept->rows, exec->context, NULL, types, node->column_count);
}

struct keeper {
    struct exec_operator base;
    struct kept kept;
};

static const struct batch *keeper_next(struct exec_operator *self) {
    return kept_next(self, &((struct keeper *)self)->kept);
}

struct exec_operator *kept_make(struct exec *exec, const struct plan_node *node, struct exec_operator *query) {
    struct keeper *keeper = operator_new(exec, node, sizeof(*keeper), keeper_next);
    keeper->base.left = query;
    kept_init(exec, node, &keeper->kept);
    return &keeper->base;
}

uint64_t kept_run(struct exec_operator *self) {
    struct keeper *keeper = (struct keeper *)self;
    const struct vector **columns =
        sql_alloc(self->exec->context, sizeof(*columns) * (keeper->kept.rows.column_count + 1));
    const struct batch *batch = NULL;
    while ((batch = self->left->next(self->left)) != NULL) {
        for (uint32_t i = 0; i < keeper->kept.rows.column_count; i++) {
            columns[i] = &batch->columns[i];
        }
        rowset_append(&keeper->kept.rows, columns, batch->selection, batch_live(batch));
    }
    kept_end(self, &keeper->kept);
    return keeper->kept.rows.row_count;
}

/* --- the run --- */

uint64_t write_run(struct exec_operator *self) {
    struct write *write = (struct write *)self;
    const struct batch *batch = NULL;
    write->done = write->done || self->node->no_data;
    while (!write->done && (batch = self->left->next(self->left)) != NULL) {
        operator_begin(self);
        write->take(write, batch);
    }
    write->done = true;
    if (write->written.inserted + write->written.updated + write->written.deleted > 0) {
        usage_add_table(self->exec->usage, (struct tenant_id){self->exec->host->tenant}, write->table->id,
                        &write->written);
    }
    write->written = (struct usage_table){0};
    if (self->node->returning != NULL && self->batch.columns == NULL) {
        kept_end(self, &write->returned);
    }
    return write->affected;
}

/* A write in WITH is run by who reads it first. */
static const struct batch *write_next(struct exec_operator *self) {
    struct write *write = (struct write *)self;
    if (!write->done) {
        (void)write_run(self);
    }
    return self->node->returning == NULL ? NULL : kept_next(self, &write->returned);
}

static void note_subquery(void *context, struct plan_subquery *subquery) {
    (void)subquery;
    *(bool *)context = true;
}

/* The query of CREATE TABLE AS reads what was before the table. */
static struct table_id write_create(struct exec *exec, const struct plan_node *node) {
    struct table_id id;
    (void)exec_view_of(exec, node);
    sql_try(exec->context, kernel_create_table(exec->transaction, node->creates, &id, exec->context->error));
    return id;
}

void *write_make(struct exec *exec, const struct plan_node *node, size_t size,
                 void (*take)(struct write *write, const struct batch *batch)) {
    struct sql_context *context = exec->context;
    struct write *write = operator_new(exec, node, size, write_next);
    write->take = take;
    struct table_id id = node->creates == NULL ? node->table->id : write_create(exec, node);
    write->catalogue = kernel_transaction_catalogue(exec->transaction);
    write->table = catalogue_table_of_id(write->catalogue, id);
    if (write->table == NULL) {
        sql_raise(context, KMB_UNDEFINED_TABLE, 0, "relation \"%.*s\" does not exist", (int)node->table->name.length,
                  (const char *)node->table->name.bytes);
    }
    write->column_count = catalogue_column_count(write->catalogue, write->table);
    write->stored_count = catalogue_stored_count(write->catalogue, write->table);
    write->not_null = sql_alloc_zero(context, write->column_count + 1, sizeof(bool));
    for (uint32_t i = 0; i < write->column_count; i++) {
        write->not_null[i] = catalogue_column(write->catalogue, write->table, i)->not_null;
        write->any_not_null |= write->not_null[i];
    }
    for (uint32_t i = 0; i < write->table->primary_key_count; i++) {
        uint16_t ordinal =
            catalogue_column_ordinal(write->catalogue, write->table, write->table->primary_key[i].column);
        write->not_null[ordinal] = true;
        write->any_not_null = true;
    }
    bool asks = false;
    plan_subqueries((struct plan_node *)(uintptr_t)node, note_subquery, &asks);
    if (asks) { /* RETURNING and the like: queries are opened when rows are written, and read what was before */
        (void)exec_view_of(exec, node);
    }
    write->base.left = operator_make(exec, node->left);
    uint32_t rows_max = write->base.left->rows_max;
    write->generated = sql_alloc(context, sizeof(struct evaluator *) * (node->generated_count + 1));
    write->generated_row = sql_alloc(context, sizeof(struct vector) * (node->left->column_count + 1));
    for (uint32_t i = 0; i < node->generated_count; i++) {
        write->generated[i] = operator_evaluator(&write->base, node->generated[i], rows_max);
    }
    ASSERT(node->hidden_count == write->stored_count - write->column_count || node->kind == PLAN_DELETE);
    write->hidden = sql_alloc(context, sizeof(struct evaluator *) * (node->hidden_count + 1));
    write->hidden_values = sql_alloc(context, sizeof(struct vector *) * (node->hidden_count + 1));
    for (uint32_t i = 0; i < node->hidden_count; i++) {
        write->hidden[i] = operator_evaluator(&write->base, node->hidden[i], rows_max);
    }
    write->checks = sql_alloc(context, sizeof(struct evaluator *) * (node->check_count + 1));
    for (uint32_t i = 0; i < node->check_count; i++) {
        write->checks[i] = operator_evaluator(&write->base, node->checks[i], rows_max);
    }
    if (node->returning != NULL) {
        ASSERT(node->returning_count == node->column_count);
        write->returning = sql_alloc(context, sizeof(struct evaluator *) * (node->returning_count + 1));
        write->returning_vectors = sql_alloc(context, sizeof(struct vector *) * (node->returning_count + 1));
        for (uint32_t i = 0; i < node->returning_count; i++) {
            write->returning[i] = operator_evaluator(&write->base, node->returning[i], rows_max);
        }
        kept_init(exec, node, &write->returned);
    }
    return write;
}
