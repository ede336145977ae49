/*
 * READ COMMITTED: a transaction that goes along with what others commit.
 *
 * Problem: the fork of a transaction stands on the state that it began at, while each of its statements is to see what
 * has been committed until then. Idea: the body tells all that the transaction has done, so its changes can be made
 * again on any newer state, as the commit does anyway; between two statements the transaction moves there. What makes
 * this more than an attempt are claims: whoever is about to write a row asks a guard, who lets others that have claimed
 * it end first. So rows that the transaction has written are on the newer state what they were. A statement that meets
 * a row which has changed since its own state (it waited for whoever changed it) is cut off the body, the transaction
 * moves, and the statement runs again, now with that row claimed. PostgreSQL looks again at such a row alone
 * (EvalPlanQual); here the whole statement sees one state.
 *
 * Claims need not be complete to be right: the commit validates as ever, and refuses with 40001 what nobody claimed.
 */
#include "kernel/transaction_internal.h"

/* --- claims ------------------------------------------------------------------------------------------------------- */

void kernel_transaction_guard(struct kernel_transaction *transaction, struct kernel_guard guard) {
    transaction->guard = guard;
}

enum kmb_status kernel_claim_row(struct kernel_transaction *transaction, const struct kernel_claim *claim,
                                 struct kmb_error *error) {
    return transaction->guard.claim == NULL ? KMB_OK
                                            : transaction->guard.claim(transaction->guard.context, claim, error);
}

enum kmb_status transaction_claim_row(struct kernel_transaction *transaction, struct table_id table, struct slice key,
                                      enum kernel_claim_mode mode, struct kmb_error *error) {
    return kernel_claim_row(transaction, &(struct kernel_claim){.table = table, .key = key, .mode = mode}, error);
}

enum kmb_status transaction_claim_keys(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                       const struct value *values, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    if (transaction->guard.claim == NULL) {
        return KMB_OK;
    }
    for (uint32_t i = 0; status == KMB_OK && i < table->definition.index_count; i++) {
        const struct index_definition *index = &table->definition.indexes[i];
        bool has_null = false;
        if (!index->unique || !key_plan_takes(table, &table->indexes[i], NULL, (struct slice){.length = 0}, values)) {
            continue;
        }
        buffer_clear(&transaction->frame);
        key_prefix(&transaction->frame, index->id.value);
        key_of_values(&table->indexes[i], values, &transaction->frame, &has_null);
        if (!buffer_ok(&transaction->frame)) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        if (!has_null) {
            struct kernel_claim claim = {
                .table = table->definition.id, .index = index->id, .key = buffer_slice(&transaction->frame)};
            status = kernel_claim_row(transaction, &claim, error);
        }
    }
    return status;
}

/* The layout of the row that was read last. */
static enum kmb_status old_row(const struct kernel_transaction *transaction, const struct catalogue_table *table,
                               struct slice *image, const struct table_layout **layout, struct kmb_error *error) {
    struct history_stamp stamp;
    bool whole = history_value_split(buffer_slice(&transaction->evolver.old_value), &stamp, image);
    *layout = whole ? row_layout_of(table, *image) : NULL;
    return *layout == NULL ? meta_damaged(error, "a row is of no version of its table") : KMB_OK;
}

/* Whether a foreign key may refer to it. */
static bool is_referable(const struct catalogue_table *table, uint32_t i) {
    const struct index_definition *index = &table->definition.indexes[i];
    bool plain = index->unique && index->filter.value == 0;
    for (uint16_t k = 0; plain && k < table->indexes[i].count; k++) {
        plain = !table->living[table->indexes[i].ordinals[k]]->hidden;
    }
    return plain;
}

enum kmb_status transaction_update_mode(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                        const struct value *values, enum kernel_claim_mode *mode,
                                        struct kmb_error *error) {
    struct slice image;
    const struct table_layout *layout = NULL;
    *mode = KERNEL_CLAIM_NO_KEY_UPDATE;
    enum kmb_status status =
        table->definition.index_count == 0 ? KMB_OK : old_row(transaction, table, &image, &layout, error);
    for (uint32_t i = 0; status == KMB_OK && i < table->definition.index_count; i++) {
        const struct key_plan *plan = &table->indexes[i];
        if (!is_referable(table, i)) {
            continue;
        }
        buffer_clear(&transaction->frame);
        key_of_image(table, plan, layout, image, &transaction->frame, NULL);
        size_t length = transaction->frame.length;
        key_of_values(plan, values, &transaction->frame, NULL);
        if (!buffer_ok(&transaction->frame)) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        const uint8_t *bytes = transaction->frame.bytes;
        if (!slice_equal(slice_make(bytes, length), slice_make(bytes + length, transaction->frame.length - length))) {
            *mode = KERNEL_CLAIM_UPDATE;
        }
    }
    return status;
}

enum kmb_status transaction_claim_left(struct kernel_transaction *transaction, const struct catalogue_table *table,
                                       const struct value *values, struct kmb_error *error) {
    struct slice image;
    const struct table_layout *layout = NULL;
    if (transaction->guard.claim == NULL || table->definition.index_count == 0) {
        return KMB_OK;
    }
    enum kmb_status status = old_row(transaction, table, &image, &layout, error);
    for (uint32_t i = 0; status == KMB_OK && i < table->definition.index_count; i++) {
        const struct index_definition *index = &table->definition.indexes[i];
        const struct key_plan *plan = &table->indexes[i];
        bool has_null = false;
        if (!index->unique || !key_plan_takes(table, plan, layout, image, NULL)) {
            continue;
        }
        buffer_clear(&transaction->frame);
        key_prefix(&transaction->frame, index->id.value);
        key_of_image(table, plan, layout, image, &transaction->frame, &has_null);
        size_t length = transaction->frame.length;
        if (values != NULL && key_plan_takes(table, plan, NULL, (struct slice){.length = 0}, values)) {
            key_prefix(&transaction->frame, index->id.value);
            key_of_values(plan, values, &transaction->frame, NULL);
        }
        if (!buffer_ok(&transaction->frame)) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        struct slice left = slice_make(transaction->frame.bytes, length);
        bool stays =
            slice_equal(left, slice_make(transaction->frame.bytes + length, transaction->frame.length - length));
        if (!has_null && !stays) {
            struct kernel_claim claim = {.table = table->definition.id, .index = index->id, .key = left};
            status = kernel_claim_row(transaction, &claim, error);
        }
    }
    return status;
}

/* The position of the event that wrote a row; 0: there is none. */
static enum kmb_status row_written(const struct kernel_state *state, struct slice key, struct buffer *value,
                                   uint64_t *position, struct kmb_error *error) {
    bool found = false;
    struct history_stamp stamp;
    struct slice image;
    *position = 0;
    enum kmb_status status =
        store_get(store_view_root(state->root), state->tenant.value, STORE_CURRENT, key, value, &found, error);
    if (status == KMB_OK && found) {
        if (!history_value_split(buffer_slice(value), &stamp, &image)) {
            return meta_damaged(error, "a row is shorter than its stamp");
        }
        *position = stamp.position;
    }
    return status;
}

static enum kmb_status row_changed(const struct kernel_transaction *transaction, const struct kernel_state *newer,
                                   const struct kernel_claim *claim, bool *changed, struct kmb_error *error) {
    struct buffer key = {.bytes = NULL};
    struct buffer value = {.bytes = NULL};
    uint64_t before = 0;
    uint64_t now = 0;
    key_prefix(&key, claim->table.value);
    buffer_append_slice(&key, claim->key);
    enum kmb_status status = buffer_ok(&key)
                                 ? row_written(transaction->base, buffer_slice(&key), &value, &before, error)
                                 : error_set(error, KMB_NO_MEMORY, "out of memory");
    if (status == KMB_OK) {
        status = row_written(newer, buffer_slice(&key), &value, &now, error);
    }
    *changed = claim->row.length == 0 ? before != now : (before == 0) != (now == 0);
    buffer_free(&key);
    buffer_free(&value);
    return status;
}

static enum kmb_status key_taken(const struct kernel_state *state, struct slice prefix, bool *taken,
                                 struct kmb_error *error) {
    struct store_cursor cursor = {.valid = false};
    enum kmb_status status =
        store_cursor_open(&cursor, store_view_root(state->root), state->tenant.value, STORE_INDEX, error);
    if (status == KMB_OK) {
        status = store_cursor_seek(&cursor, prefix, error);
    }
    *taken = status == KMB_OK && cursor.valid && cursor.key.length >= prefix.length &&
             memcmp(cursor.key.bytes, prefix.bytes, prefix.length) == 0;
    store_cursor_close(&cursor);
    return status;
}

enum kmb_status kernel_claim_changed(const struct kernel_transaction *transaction, struct kernel_state *newer,
                                     const struct kernel_claim *claim, bool *changed, struct kmb_error *error) {
    *changed = false;
    if (newer->sequence == transaction->base->sequence) {
        return KMB_OK;
    }
    if (claim->children != NULL) {
        return kernel_children_came(claim->children, newer, changed, error);
    }
    if (claim->index.value == 0) {
        return row_changed(transaction, newer, claim, changed, error);
    }
    bool before = false;
    bool now = false;
    enum kmb_status status = key_taken(transaction->base, claim->key, &before, error);
    if (status == KMB_OK) {
        status = key_taken(newer, claim->key, &now, error);
    }
    *changed = before != now;
    return status;
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

enum kmb_status kernel_transaction_rest(struct kernel_transaction *transaction, struct kernel_rest *rest,
                                        struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_writer_end(transaction, error);
    }
    *rest = (struct kernel_rest){.part_count = transaction->part_count,
                                 .tail_length = transaction->part_count > 0 ? transaction_tail(transaction)->length : 0,
                                 .watched_length = transaction->watched.length};
    return status;
}

bool kernel_transaction_movable(const struct kernel_transaction *transaction) {
    return transaction->reads == NULL && transaction->evolver.catalogue == transaction->base->catalogue;
}

bool kernel_transaction_relies(const struct kernel_transaction *transaction) {
    return transaction->relied != NULL;
}

static void cut(struct kernel_transaction *transaction, const struct kernel_rest *rest) {
    ASSERT(transaction->part_count >= rest->part_count);
    transaction->writing = false;
    transaction->part_count = rest->part_count;
    if (rest->part_count > 0) {
        ASSERT(transaction_tail(transaction)->length >= rest->tail_length);
        transaction_tail(transaction)->length = rest->tail_length;
        transaction_tail(transaction)->failed = false;
    }
    transaction->watched.length = rest->watched_length;
    transaction->broken = KMB_OK;
}

/* What a mark will be, when all has gone over. */
static enum kmb_status mark_move(struct kernel_transaction *transaction, const struct kernel_mark *mark,
                                 struct kernel_mark *moved, struct kmb_error *error) {
    enum kmb_status status = transaction_freeze(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    *moved = *mark;
    moved->facts_text = (struct buffer){.bytes = NULL};
    buffer_append_slice(&moved->facts_text, transaction->evolver.facts.name);
    moved->root = store_root_retain(transaction->root);
    catalogue_retain(transaction->evolver.catalogue);
    moved->catalogue = transaction->evolver.catalogue;
    moved->facts = transaction->evolver.facts;
    moved->facts.name = buffer_slice(&moved->facts_text);
    moved->position = transaction->evolver.position;
    return buffer_ok(&moved->facts_text) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status evolve_segment(struct kernel_transaction *transaction, struct slice body, size_t from, size_t to,
                                      struct kmb_error *error) {
    enum kmb_status status = from == to ? KMB_OK : transaction_fork(transaction, error);
    return status != KMB_OK || from == to ? status : evolve_body_range(&transaction->evolver, body, from, to, error);
}

/* All of the body again, on the base; what the marks, oldest first, come to be as they are met. */
static enum kmb_status evolve_again(struct kernel_transaction *transaction, struct kernel_mark **marks,
                                    struct kernel_mark *moved, size_t mark_count, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    size_t next = 0;
    for (; status == KMB_OK && next < mark_count && marks[next]->part_count == 0; next++) {
        status = mark_move(transaction, marks[next], &moved[next], error);
    }
    for (uint32_t i = 0; status == KMB_OK && i < transaction->part_count; i++) {
        struct transaction_part *part = &transaction->parts[i];
        size_t from = 0;
        part->position_before = transaction->evolver.position;
        transaction->evolver.sequence = transaction->base->sequence + 1 + i;
        for (; status == KMB_OK && next < mark_count && marks[next]->part_count == i + 1; next++) {
            status = evolve_segment(transaction, buffer_slice(&part->body), from, marks[next]->tail_length, error);
            from = marks[next]->tail_length;
            status = status == KMB_OK ? mark_move(transaction, marks[next], &moved[next], error) : status;
        }
        if (status == KMB_OK) {
            status = evolve_segment(transaction, buffer_slice(&part->body), from, part->body.length, error);
        }
    }
    return status == KMB_OK ? transaction_freeze(transaction, error) : status;
}

/* Values were taken from a sequence that another has altered since: they may be given again. */
static enum kmb_status sequences_same(const struct kernel_transaction *transaction, const struct kernel_state *state,
                                      struct kmb_error *error) {
    for (uint32_t i = 0; i < transaction->sequence_count; i++) {
        const struct transaction_sequence *taken = &transaction->sequences[i];
        const struct table_definition *now = catalogue_table_of_id(state->catalogue, taken->id);
        if (now == NULL || now->version.value != taken->state.version.value) {
            error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
            error_hint(error, "the definition of a sequence it used changed since; run the transaction again");
            return KMB_SERIALIZATION;
        }
    }
    return KMB_OK;
}

/* On another state, to which it will have gone over or not at all: marks that stand on two states would mix them. */
static enum kmb_status go_over(struct kernel_transaction *transaction, struct kernel_state *state,
                               struct kernel_mark **marks, struct kernel_mark *moved, size_t mark_count,
                               struct kmb_error *error) {
    struct kernel_state *base = transaction->base;
    struct store_root *root = transaction->root;
    struct evolver evolver = transaction->evolver;
    store_root_read_begin(state->root);
    transaction->base = kernel_state_retain(state);
    transaction->root = store_root_retain(state->root);
    enum kmb_status status = evolver_init(&transaction->evolver, state, error);
    transaction->evolver.interrupt = evolver.interrupt;
    transaction->evolver.check_unique = true;
    if (status == KMB_OK) {
        status = evolve_again(transaction, marks, moved, mark_count, error);
    }
    struct kernel_state *left = base;
    if (status != KMB_OK) { /* back to where it was */
        left = transaction->base;
        transaction->base = base;
        store_root_release(transaction->root);
        transaction->root = root;
        evolver_free(&transaction->evolver);
        transaction->evolver = evolver;
    } else {
        store_root_release(root);
        evolver_free(&evolver);
    }
    for (size_t i = 0; i < mark_count; i++) {
        struct kernel_mark gone = status == KMB_OK ? *marks[i] : moved[i];
        *marks[i] = status == KMB_OK ? moved[i] : *marks[i];
        transaction_mark_clear(&gone);
    }
    store_root_read_end(left->root);
    kernel_state_release(left);
    return status;
}

enum kmb_status kernel_transaction_move(struct kernel_transaction *transaction, const struct kernel_rest *rest,
                                        struct kernel_state *state, struct kernel_mark **marks, size_t mark_count,
                                        struct kmb_error *error) {
    ASSERT(kernel_transaction_movable(transaction) && state->tenant.value == transaction->base->tenant.value);
    enum kmb_status status = KMB_OK;
    if (rest != NULL) {
        cut(transaction, rest);
    } else {
        status = transaction_check(transaction, error);
        status = status == KMB_OK ? transaction_writer_end(transaction, error) : status;
    }
    if (status == KMB_OK) {
        status = transaction_validate(transaction, state, error);
    }
    if (status == KMB_OK) {
        status = sequences_same(transaction, state, error);
    }
    if (status == KMB_OK && transaction->relied != NULL) {
        status = transaction_check_reads(transaction, transaction->relied, state, error);
    }
    struct kernel_mark *moved = mark_count == 0 ? NULL : mem_alloc_zero(mark_count, sizeof(*moved));
    if (status == KMB_OK && moved == NULL && mark_count > 0) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_OK) {
        status = go_over(transaction, state, marks, moved, mark_count, error);
        transaction->moved = transaction->moved || (status == KMB_OK && transaction->part_count > 0);
    }
    mem_free(moved);
    if (status == KMB_UNIQUE_VIOLATION) {
        status = error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
        error_hint(error, "a unique key it wrote is taken; run the transaction again");
    }
    /* What was cut off the body is still in the fork. */
    return status == KMB_OK || rest == NULL ? status : transaction_break(transaction, status);
}
