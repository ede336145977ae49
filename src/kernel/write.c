/*
 * Deciding rows: insert, update, delete.
 *
 * The order is the same for all: check what can be refused (NOT NULL, sizes, unique keys) against the fork; only then
 * write the event and evolve it. So a refused row has left no trace, and rows of one statement that follow each other
 * into the same table share one batch event: its frame stays open until something else is written.
 *
 * The fast path of a bulk load is this path: nothing is allocated per row, key and image are built in buffers that
 * stay, the image is copied once into the body, and the look for a duplicate is answered by the evolver's known gap.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

#define ROW_FRAME_ROOM 64 /* of a batch frame's header and a row's lengths, generously */

static enum kmb_status write_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

void write_describe_key(const struct catalogue_table *table, const struct key_plan *plan, const struct value *values,
                        struct buffer *text) {
    buffer_append_text(text, "(");
    for (uint16_t i = 0; i < plan->count; i++) {
        const struct column_definition *column = table->living[plan->ordinals[i]];
        bool wrapped = column->hidden && !definition_text_is_call(column->default_text);
        buffer_append_text(text, i == 0 ? "" : ", ");
        buffer_append_text(text, wrapped ? "(" : "");
        buffer_append_slice(text, column->hidden ? column->default_text : column->name);
        buffer_append_text(text, wrapped ? ")" : "");
    }
    buffer_append_text(text, ")=(");
    for (uint16_t i = 0; i < plan->count; i++) {
        const struct value *value = &values[plan->ordinals[i]];
        buffer_append_text(text, i == 0 ? "" : ", ");
        if (value->is_null) {
            buffer_append_text(text, "null");
        } else {
            value_print(value, NULL, text);
        }
    }
    buffer_append_text(text, ")");
}

enum kmb_status write_duplicate(const struct catalogue_table *table, struct index_id index, const struct value *values,
                                struct kmb_error *error) {
    const struct index_definition *definition = NULL;
    const struct key_plan *plan = &table->primary;
    struct slice name = table->definition.primary_key_name;
    if (index.value != 0) {
        plan = key_plan_of_index(table, index, &definition);
        ASSERT(plan != NULL);
        name = definition->name;
    }
    error_set(error, KMB_UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"%.*s\"", (int)name.length,
              (const char *)name.bytes);
    error_about(error, &(struct error_about){.schema = table->definition.schema_name,
                                             .table = table->definition.name,
                                             .constraint = name});
    struct buffer text = {.bytes = NULL};
    write_describe_key(table, plan, values, &text);
    const char *described = buffer_text(&text);
    if (described != NULL) {
        error_detail(error, "Key %s already exists.", described);
    }
    buffer_free(&text);
    return KMB_UNIQUE_VIOLATION;
}

static enum kmb_status null_refused(const struct catalogue_table *table, uint32_t ordinal, const struct value *values,
                                    struct kmb_error *error) {
    struct slice column = table->living[ordinal]->name;
    struct slice name = table->definition.name;
    error_set(error, KMB_NOT_NULL_VIOLATION,
              "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint", (int)column.length,
              (const char *)column.bytes, (int)name.length, (const char *)name.bytes);
    error_about(error, &(struct error_about){.schema = table->definition.schema_name, .table = name, .column = column});
    struct buffer text = {.bytes = NULL};
    for (uint32_t i = 0; i < table->visible_count; i++) {
        buffer_append_text(&text, i == 0 ? "" : ", ");
        value_print_short(&values[i], &text);
    }
    const char *row = buffer_text(&text);
    if (row != NULL) {
        error_detail(error, "Failing row contains (%s).", row);
    }
    buffer_free(&text);
    return KMB_NOT_NULL_VIOLATION;
}

static enum kmb_status key_too_big(struct slice name, size_t size, struct kmb_error *error) {
    error_set(error, KMB_LIMIT, "index row size %zu exceeds maximum %zu for index \"%.*s\"", size,
              (size_t)KERNEL_KEY_MAX, (int)name.length, (const char *)name.bytes);
    error_hint(error, "values of key columns must be shorter; index a hash of the value instead");
    return KMB_LIMIT;
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

static enum kmb_status nulls_check(const struct catalogue_table *table, const struct value *values,
                                   struct kmb_error *error) {
    for (uint32_t i = 0; i < table->living_count; i++) {
        if (values[i].is_null && table->living[i]->not_null) {
            return null_refused(table, i, values, error);
        }
    }
    for (uint16_t i = 0; i < table->primary.count; i++) {
        if (values[table->primary.ordinals[i]].is_null) {
            return null_refused(table, table->primary.ordinals[i], values, error);
        }
    }
    return KMB_OK;
}

/* The values in the order of the layout. NULL: no memory. */
static const struct value *row_in_order(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                        const struct value *values) {
    const uint16_t *map = table->versions[table->definition.version.value - 1].map;
    buffer_clear(&transaction->ordered);
    for (uint32_t i = 0; i < table->living_count; i++) {
        buffer_append(&transaction->ordered, &values[i], sizeof(*values));
    }
    struct value *ordered = (struct value *)(void *)transaction->ordered.bytes;
    if (!buffer_ok(&transaction->ordered)) {
        return NULL;
    }
    for (uint32_t i = 0; i < table->living_count; i++) {
        ordered[map[i]] = values[i];
    }
    return ordered;
}

/* Builds key (unless the table has row ids) and image of a new row, and refuses what is too big. */
static enum kmb_status row_build(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                 const struct value *values, struct kmb_error *error) {
    if (!definition_has_row_id(&table->definition)) {
        buffer_clear(&transaction->key);
        key_of_values(&table->primary, values, &transaction->key, NULL);
        if (!buffer_ok(&transaction->key)) {
            return write_no_memory(error);
        }
        if (transaction->key.length > KERNEL_KEY_MAX) {
            return key_too_big(table->definition.primary_key_name, transaction->key.length, error);
        }
    }
    buffer_clear(&transaction->image);
    const struct row_layout *layout = &table->versions[table->definition.version.value - 1].layout;
    const struct value *ordered = table->permuted ? row_in_order(transaction, table, values) : values;
    if (ordered == NULL) {
        return write_no_memory(error);
    }
    enum kmb_status status = row_encode(layout, ordered, &transaction->image, error);
    if (status != KMB_OK) {
        return status;
    }
    if (transaction->image.length > KERNEL_ROW_MAX) {
        return error_set(error, KMB_LIMIT, "row is too big: size %zu, maximum size %zu", transaction->image.length,
                         (size_t)KERNEL_ROW_MAX);
    }
    if (transaction->image.length <= KERNEL_KEY_MAX / 4) {
        return KMB_OK; /* no index key of it can be too long */
    }
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        buffer_clear(&transaction->frame);
        key_of_values(&table->indexes[i], values, &transaction->frame, NULL);
        if (!buffer_ok(&transaction->frame)) {
            return write_no_memory(error);
        }
        if (transaction->frame.length > KERNEL_KEY_MAX) {
            return key_too_big(table->definition.indexes[i].name, transaction->frame.length, error);
        }
    }
    return KMB_OK;
}

/* The batch event that the next row goes into. */
static enum kmb_status batch_open(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                  enum event_kind kind, size_t row_bytes, struct kmb_error *error) {
    enum kmb_status status = transaction_room(transaction, row_bytes + ROW_FRAME_ROOM, error);
    if (status != KMB_OK) {
        return status;
    }
    if (transaction->writing) {
        if (transaction->writer.kind == kind && transaction->writing_table.value == table->definition.id.value) {
            return KMB_OK;
        }
        status = transaction_writer_end(transaction, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    bool row_ids = kind == EVENT_ROWS_INSERTED && definition_has_row_id(&table->definition);
    transaction->writer =
        event_rows_begin(transaction_tail(transaction), kind, table->definition.id, table->definition.version, row_ids);
    transaction->writing = true;
    transaction->writing_table = table->definition.id;
    return KMB_OK;
}

static enum kmb_status batch_wrote(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (buffer_ok(transaction_tail(transaction))) {
        return KMB_OK;
    }
    return transaction_break(transaction, write_no_memory(error));
}

static enum kmb_status conflict_fill(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                     struct kernel_conflict *conflict, struct kmb_error *error) {
    struct evolver *evolver = &transaction->evolver;
    bool found = false;
    struct slice key = buffer_slice(&evolver->clash.key);
    enum kmb_status status = evolve_read(evolver, table, key, &found, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice image;
    if (!found || !history_value_split(buffer_slice(&evolver->old_value), &conflict->stamp, &image)) {
        return meta_damaged(error, "an index names a row that is not there");
    }
    conflict->index = evolver->clash.index;
    buffer_clear(&conflict->key);
    buffer_append_slice(&conflict->key, key);
    buffer_clear(&conflict->image);
    buffer_append_slice(&conflict->image, image);
    return buffer_ok(&conflict->key) && buffer_ok(&conflict->image) ? KMB_OK : write_no_memory(error);
}

static enum kmb_status clashed(struct kernel_transaction *transaction, const struct catalogue_table *table,
                               const struct value *values, struct kernel_conflict *conflict, struct kmb_error *error) {
    ASSERT(transaction->evolver.clash.set);
    transaction->evolver.clash.set = false;
    /* That the row is there was read; that none was is looked at again by the commit. */
    kernel_reads_add_key(transaction->reads, table->definition.id.value, buffer_slice(&transaction->evolver.clash.key));
    if (conflict != NULL) {
        enum kmb_status status = conflict_fill(transaction, table, conflict, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    return write_duplicate(table, transaction->evolver.clash.index, values, error);
}

/* --- insert ------------------------------------------------------------------------------------------------------- */

static enum kmb_status row_id_take(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                   uint64_t *row_id, struct kmb_error *error) {
    uint32_t id = table->definition.id.value;
    enum kmb_status status = evolve_row_id_next(&transaction->evolver, id, row_id, error);
    if (status == KMB_OK && transaction->row_ids.take != NULL) {
        *row_id = transaction->row_ids.take(transaction->row_ids.context, transaction->base->tenant,
                                            table->definition.id, *row_id, 1);
    }
    if (status == KMB_OK && (*row_id == 0 || *row_id == UINT64_MAX)) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" has used up its row ids", (int)table->definition.name.length,
                         (const char *)table->definition.name.bytes);
    }
    if (status == KMB_OK) {
        buffer_clear(&transaction->key);
        key_append_row_id(&transaction->key, *row_id);
        status = buffer_ok(&transaction->key) ? KMB_OK : write_no_memory(error);
    }
    return status;
}

static enum kmb_status insert_one(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                  const struct value *values, struct kernel_conflict *conflict,
                                  struct kmb_error *error) {
    struct evolver *evolver = &transaction->evolver;
    enum kmb_status status = nulls_check(table, values, error);
    if (status == KMB_OK) {
        status = row_build(transaction, table, values, error);
    }
    uint64_t row_id = 0;
    bool has_row_id = definition_has_row_id(&table->definition);
    if (status == KMB_OK && has_row_id) {
        status = row_id_take(transaction, table, &row_id, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (transaction->guard.claim != NULL) {
        status = has_row_id ? KMB_OK
                            : transaction_claim_row(transaction, table->definition.id, buffer_slice(&transaction->key),
                                                    KERNEL_CLAIM_UPDATE, error);
        status = status == KMB_OK ? transaction_claim_keys(transaction, table, values, error) : status;
        status = status == KMB_OK ? transaction_fork(transaction, error) : status; /* the guard may have gone over */
        if (status != KMB_OK) {
            return status;
        }
    }
    struct slice key = buffer_slice(&transaction->key);
    struct slice image = buffer_slice(&transaction->image);
    status = evolve_check_insert(evolver, table, key, values, error);
    if (status == KMB_UNIQUE_VIOLATION) {
        return clashed(transaction, table, values, conflict, error);
    }
    if (status == KMB_OK) {
        status = batch_open(transaction, table, EVENT_ROWS_INSERTED, image.length, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    event_rows_insert(&transaction->writer, (struct row_id){row_id}, image);
    status = batch_wrote(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    if (has_row_id) {
        evolve_note_row_id(evolver, table->definition.id.value, row_id);
    }
    status = evolve_insert(evolver, table, key, image, values, error);
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

static enum kmb_status write_begin(struct kernel_transaction *transaction, const struct table_definition *definition,
                                   const struct catalogue_table **table, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_table(transaction, definition, table, error);
    }
    if (status == KMB_OK) {
        status = transaction_fork(transaction, error);
    }
    return status;
}

static enum kmb_status key_out(const struct kernel_transaction *transaction, struct buffer *row_key,
                               struct kmb_error *error) {
    if (row_key == NULL) {
        return KMB_OK;
    }
    buffer_clear(row_key);
    buffer_append_slice(row_key, buffer_slice(&transaction->key));
    return buffer_ok(row_key) ? KMB_OK : write_no_memory(error);
}

enum kmb_status kernel_insert(struct kernel_transaction *transaction, const struct table_definition *definition,
                              const struct value *values, struct kernel_conflict *conflict, struct buffer *row_key,
                              struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = write_begin(transaction, definition, &table, error);
    if (status == KMB_OK) {
        status = insert_one(transaction, table, values, conflict, error);
    }
    return status == KMB_OK ? key_out(transaction, row_key, error) : status;
}

enum kmb_status kernel_insert_rows(struct kernel_transaction *transaction, const struct table_definition *definition,
                                   const struct value *values, size_t row_count, size_t *inserted,
                                   struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    size_t done = 0;
    enum kmb_status status = write_begin(transaction, definition, &table, error);
    while (status == KMB_OK && done < row_count) {
        status = insert_one(transaction, table, values + done * table->living_count, NULL, error);
        done += status == KMB_OK ? 1 : 0;
    }
    if (inserted != NULL) {
        *inserted = done;
    }
    return status;
}

/* --- update and delete -------------------------------------------------------------------------------------------- */

static enum kmb_status row_gone(struct kmb_error *error) {
    error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
    error_hint(error, "the row was deleted or its key changed; run the transaction again");
    return KMB_SERIALIZATION;
}

/* A row, the key that it gets, and the unique ones it will have. found: it was read. */
static enum kmb_status claim_change(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                    struct slice old_key, const struct value *values, bool found,
                                    struct kmb_error *error) {
    struct table_id id = table->definition.id;
    struct slice key = buffer_slice(&transaction->key);
    enum kernel_claim_mode mode = KERNEL_CLAIM_UPDATE;
    enum kmb_status status = KMB_OK;
    bool stays = slice_equal(key, old_key);
    if (found && stays) {
        status = transaction_update_mode(transaction, table, values, &mode, error);
    }
    if (status == KMB_OK) {
        status = transaction_claim_row(transaction, id, old_key, mode, error);
    }
    if (status == KMB_OK && !stays) {
        status = transaction_claim_row(transaction, id, key, KERNEL_CLAIM_UPDATE, error);
    }
    return status == KMB_OK ? transaction_claim_keys(transaction, table, values, error) : status;
}

static enum kmb_status update_one(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                  struct slice old_key, const struct value *values, struct kmb_error *error) {
    struct evolver *evolver = &transaction->evolver;
    bool found = false;
    enum kmb_status status = nulls_check(table, values, error);
    if (status == KMB_OK) {
        status = row_build(transaction, table, values, error);
    }
    if (status == KMB_OK && definition_has_row_id(&table->definition)) {
        buffer_clear(&transaction->key);
        buffer_append_slice(&transaction->key, old_key);
        status = buffer_ok(&transaction->key) ? KMB_OK : write_no_memory(error);
    }
    if (status == KMB_OK) {
        status = evolve_read(evolver, table, old_key, &found, error);
    }
    if (status == KMB_OK && transaction->guard.claim != NULL) {
        status = claim_change(transaction, table, old_key, values, found, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (!found) {
        return row_gone(error);
    }
    status = transaction_claim_left(transaction, table, values, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice key = buffer_slice(&transaction->key);
    struct slice image = buffer_slice(&transaction->image);
    status = evolve_check_update(evolver, table, old_key, key, values, error);
    if (status == KMB_UNIQUE_VIOLATION) {
        return clashed(transaction, table, values, NULL, error);
    }
    if (status == KMB_OK) {
        status = batch_open(transaction, table, EVENT_ROWS_UPDATED, old_key.length + image.length, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    event_rows_update(&transaction->writer, old_key, image);
    status = batch_wrote(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    status = evolve_update(evolver, table, old_key, key, image, error);
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

enum kmb_status kernel_update(struct kernel_transaction *transaction, const struct table_definition *definition,
                              struct slice key, const struct value *values, struct buffer *row_key,
                              struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = write_begin(transaction, definition, &table, error);
    if (status == KMB_OK) {
        status = update_one(transaction, table, key, values, error);
    }
    return status == KMB_OK ? key_out(transaction, row_key, error) : status;
}

enum kmb_status kernel_delete(struct kernel_transaction *transaction, const struct table_definition *definition,
                              struct slice key, bool *deleted, struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    bool found = false;
    if (deleted != NULL) {
        *deleted = false;
    }
    enum kmb_status status = write_begin(transaction, definition, &table, error);
    if (status == KMB_OK) {
        status = transaction_claim_row(transaction, definition->id, key, KERNEL_CLAIM_UPDATE, error);
    }
    if (status == KMB_OK) {
        status = evolve_read(&transaction->evolver, table, key, &found, error);
    }
    if (status == KMB_OK && found) {
        status = transaction_claim_left(transaction, table, NULL, error);
    }
    if (status == KMB_OK && !found) {
        kernel_reads_add_key(transaction->reads, definition->id.value, key);
    }
    if (status != KMB_OK || !found) {
        return status;
    }
    status = batch_open(transaction, table, EVENT_ROWS_DELETED, key.length, error);
    if (status != KMB_OK) {
        return status;
    }
    event_rows_delete(&transaction->writer, key);
    status = batch_wrote(transaction, error);
    if (status == KMB_OK) {
        status = evolve_delete(&transaction->evolver, table, key, error);
        if (status != KMB_OK) {
            transaction_break(transaction, status);
        }
    }
    if (status == KMB_OK && deleted != NULL) {
        *deleted = true;
    }
    return status;
}

enum kmb_status kernel_transaction_get(struct kernel_transaction *transaction,
                                       const struct table_definition *definition, struct slice key,
                                       struct buffer *memory, struct kernel_row *row, bool *found,
                                       struct kmb_error *error) {
    const struct catalogue_table *table = NULL;
    enum kmb_status status = write_begin(transaction, definition, &table, error);
    if (status == KMB_OK) {
        status = evolve_read(&transaction->evolver, table, key, found, error);
        kernel_reads_add_key(transaction->reads, definition->id.value, key);
    }
    if (status != KMB_OK || !*found) {
        return status;
    }
    buffer_clear(memory);
    buffer_append_slice(memory, key);
    buffer_append_slice(memory, buffer_slice(&transaction->evolver.old_value));
    if (!buffer_ok(memory)) {
        return write_no_memory(error);
    }
    row->key = slice_make(memory->bytes, key.length);
    struct row_header header;
    if (!history_value_split(slice_make(memory->bytes + key.length, memory->length - key.length), &row->stamp,
                             &row->image) ||
        !row_header_read(row->image, &header)) {
        return meta_damaged(error, "a row is shorter than its stamp");
    }
    row->version = header.version;
    return KMB_OK;
}
