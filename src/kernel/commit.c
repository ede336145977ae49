/*
 * Committing: what a transaction found is still so, then its events become the next state.
 *
 * Where nothing was committed since the transaction began, its fork is the answer. Otherwise validation goes over the
 * transaction's own events: for each row that one of them names, the row at the head must be the row of the base (the
 * same stamp, or absent in both). Rows the transaction made itself are absent in both. Tables that it wrote must be of
 * the same version in both, streams of the same length; a transaction with definitions of its own needs the whole
 * catalogue unchanged. Then the bodies are evolved on a fork of the head, with unique keys looked up again; stamps are
 * thereby the real positions. Everything refused is 40001: run it again.
 *
 * A serializable transaction is refused where what it read has changed as well (reads.c); that is asked last, for a row
 * that two have written is the plainer reason.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

static enum kmb_status conflict(struct kmb_error *error, const char *what) {
    error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
    error_hint(error, "%s changed since the transaction began; run it again", what);
    return KMB_SERIALIZATION;
}

/* --- validation --------------------------------------------------------------------------------------------------- */

struct validation {
    struct kernel_transaction *transaction;
    struct kernel_state *head;
    struct arena arena;
    struct buffer key;
    struct buffer at_base;
    struct buffer at_head;
};

static enum kmb_status row_same(struct validation *validation, uint32_t table, struct slice key, const char *what,
                                struct kmb_error *error) {
    uint32_t tenant = validation->head->tenant.value;
    buffer_clear(&validation->key);
    key_prefix(&validation->key, table);
    buffer_append_slice(&validation->key, key);
    if (!buffer_ok(&validation->key)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    struct slice full = buffer_slice(&validation->key);
    bool base_found = false;
    bool head_found = false;
    enum kmb_status status = store_get(store_view_root(validation->transaction->base->root), tenant, STORE_CURRENT,
                                       full, &validation->at_base, &base_found, error);
    if (status == KMB_OK) {
        status = store_get(store_view_root(validation->head->root), tenant, STORE_CURRENT, full, &validation->at_head,
                           &head_found, error);
    }
    if (status != KMB_OK || (!base_found && !head_found)) {
        return status;
    }
    struct history_stamp base;
    struct history_stamp head;
    struct slice image;
    if (base_found != head_found || !history_value_split(buffer_slice(&validation->at_base), &base, &image) ||
        !history_value_split(buffer_slice(&validation->at_head), &head, &image) || base.position != head.position) {
        return conflict(error, what);
    }
    return KMB_OK;
}

/* The rows it relies on without having written them. */
static enum kmb_status watched_same(struct validation *validation, struct kmb_error *error) {
    struct reader reader = reader_make(buffer_slice(&validation->transaction->watched));
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && reader_left(&reader) > 0) {
        uint32_t table = reader_u32(&reader);
        struct slice key = reader_bytes(&reader);
        ASSERT(reader_ok(&reader));
        status = row_same(validation, table, key, "a row it locked", error);
    }
    return status;
}

static bool same_version(const struct table_definition *a, const struct table_definition *b) {
    const struct catalogue_table *left = catalogue_table_of(a);
    const struct catalogue_table *right = catalogue_table_of(b);
    return left == right ||
           (left->from.position == right->from.position && left->from.sequence == right->from.sequence);
}

/* Whether the domains of the columns, and the domains these stand on, allow what they allowed. */
static bool domains_same(const struct validation *validation, const struct table_definition *table) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        uint32_t domain = table->columns[i].dropped ? 0 : table->columns[i].type.domain;
        while (domain != 0) {
            struct table_id id = {domain};
            const struct table_definition *base = catalogue_table_of_id(validation->transaction->base->catalogue, id);
            const struct table_definition *head = catalogue_table_of_id(validation->head->catalogue, id);
            if (base == NULL || head == NULL || !same_version(base, head)) {
                return false;
            }
            domain = base->columns[0].type.domain; /* each is older than those that stand on it */
        }
    }
    return true;
}

static enum kmb_status rows_same(struct validation *validation, const struct event *event, struct kmb_error *error) {
    struct table_id id = event->as.rows.table;
    const struct table_definition *base = catalogue_table_of_id(validation->transaction->base->catalogue, id);
    if (base == NULL) {
        return KMB_OK; /* made by the transaction itself: the catalogue is known to be unchanged */
    }
    const struct table_definition *head = catalogue_table_of_id(validation->head->catalogue, id);
    if (head == NULL || !same_version(base, head) || !domains_same(validation, base)) {
        return conflict(error, "the definition of a table it wrote");
    }
    const struct catalogue_table *table =
        catalogue_table_of(catalogue_table_of_id(validation->transaction->base->catalogue, id));
    struct reader reader = event_row_start(event);
    struct event_row row;
    struct buffer key = {.bytes = NULL};
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && event_row_next(event, &reader, &row)) {
        if (event->kind != EVENT_ROWS_INSERTED) {
            status = row_same(validation, id.value, row.old_key, "a row it wrote", error);
        }
        if (status != KMB_OK || event->kind == EVENT_ROWS_DELETED) {
            continue;
        }
        buffer_clear(&key);
        if (!definition_has_row_id(&table->definition)) {
            /* The image may be of a version the transaction made; its key columns can not have changed. */
            const struct table_definition *own = catalogue_table_of_id(validation->transaction->evolver.catalogue, id);
            const struct table_layout *layout = own == NULL ? NULL : row_layout_of(catalogue_table_of(own), row.image);
            if (layout == NULL) {
                continue; /* the transaction dropped the table again */
            }
            key_of_image(catalogue_table_of(own), &catalogue_table_of(own)->primary, layout, row.image, &key, NULL);
        } else if (event->kind == EVENT_ROWS_INSERTED) {
            key_append_row_id(&key, row.row_id.value);
        } else {
            continue;
        }
        status = buffer_ok(&key) ? row_same(validation, id.value, buffer_slice(&key), "a row it wrote", error)
                                 : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    buffer_free(&key);
    return status;
}

/* A change of a definition that is good for the rows there were, or gave each of them a value. */
static bool looked_at_rows(const struct event *event) {
    switch (event->kind) {
    case EVENT_COLUMN_ADDED: {
        const struct column_definition *column = &event->as.column_added.column;
        bool alike = column->default_kind == DEFAULT_NONE || column->missing_value.length > 0;
        return column->not_null || !alike;
    }
    case EVENT_COLUMN_NOT_NULL_CHANGED:
        return event->as.column_not_null_changed.not_null;
    case EVENT_CONSTRAINT_VALID_CHANGED:
        return event->as.constraint_valid_changed.valid;
    case EVENT_CHECK_ADDED:
    case EVENT_COLUMN_REPLACED:
    case EVENT_COLUMN_SHOWN:
    case EVENT_PRIMARY_KEY_CHANGED:
        return true;
    default:
        return false;
    }
}

static enum kmb_status event_same(struct validation *validation, const struct event *event, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_ROWS_INSERTED:
    case EVENT_ROWS_UPDATED:
    case EVENT_ROWS_DELETED:
        return rows_same(validation, event, error);
    case EVENT_STREAM_APPENDED: {
        struct stream_id stream = event->as.stream_appended.stream;
        uint32_t tenant = validation->head->tenant.value;
        uint64_t base = 0;
        uint64_t head = 0;
        enum kmb_status status =
            evolve_stream_length(store_view_root(validation->transaction->base->root), tenant, stream, &base, error);
        if (status == KMB_OK) {
            status = evolve_stream_length(store_view_root(validation->head->root), tenant, stream, &head, error);
        }
        return status == KMB_OK && base != head ? conflict(error, "a stream it appended to") : status;
    }
    case EVENT_TENANT_CREATED:
        return validation->head->facts.exists
                   ? error_set(error, KMB_TENANT_EXISTS, "tenant %u already exists", validation->head->tenant.value)
                   : KMB_OK;
    case EVENT_CHECKPOINT_KEY_SET:
    case EVENT_CHECKPOINT_KEY_ROTATED:
    case EVENT_CLOCK_ACCEPTED:
    case EVENT_TENANT_DELETED:
        return KMB_OK;
    case EVENT_REQUEST_ANSWERED: {
        bool found = false;
        struct kernel_answer answer;
        enum kmb_status status =
            kernel_answer_find(validation->head, event->as.answered.key, &validation->arena, &answer, &found, error);
        return status == KMB_OK && found ? conflict(error, "the answer to a key it used") : status;
    }
    case EVENT_SEQUENCE_ADVANCED: {
        struct table_id id = event->as.sequence_advanced.sequence;
        const struct table_definition *base = catalogue_table_of_id(validation->transaction->base->catalogue, id);
        const struct table_definition *head = catalogue_table_of_id(validation->head->catalogue, id);
        bool same = base == NULL || (head != NULL && same_version(base, head));
        return same ? KMB_OK : conflict(error, "the definition of a sequence it used");
    }
    default:
        if (validation->transaction->base->catalogue->header.change_count !=
            validation->head->catalogue->header.change_count) {
            return conflict(error, "the catalogue");
        }
        if (looked_at_rows(event) && validation->transaction->base->position != validation->head->position) {
            return conflict(error, "rows");
        }
        return KMB_OK;
    }
}

enum kmb_status transaction_validate(struct kernel_transaction *transaction, struct kernel_state *head,
                                     struct kmb_error *error) {
    struct validation validation = {.transaction = transaction, .head = head};
    arena_init(&validation.arena, 0);
    enum kmb_status status = watched_same(&validation, error);
    for (uint32_t i = 0; status == KMB_OK && i < transaction->part_count; i++) {
        struct event_reader reader = event_reader_make(buffer_slice(&transaction->parts[i].body), &validation.arena);
        struct event event;
        for (;;) {
            struct arena_mark mark = arena_mark(&validation.arena);
            status = event_next(&reader, &event, error);
            if (status != KMB_ROW) {
                status = status == KMB_DONE ? KMB_OK : status;
                break;
            }
            status = event_same(&validation, &event, error);
            if (status != KMB_OK) {
                break;
            }
            arena_rewind(&validation.arena, mark);
        }
    }
    arena_free(&validation.arena);
    buffer_free(&validation.key);
    buffer_free(&validation.at_base);
    buffer_free(&validation.at_head);
    return status;
}

/* --- evolving again ----------------------------------------------------------------------------------------------- */

static enum kmb_status rebase(struct kernel_transaction *transaction, struct kernel_state *head, bool validated,
                              struct kmb_error *error) {
    evolver_free(&transaction->evolver);
    enum kmb_status status = evolver_init(&transaction->evolver, head, error);
    if (status == KMB_OK) {
        status = store_fork(head->root, &transaction->evolver.fork, error);
    }
    transaction->evolver.check_unique = validated;
    for (uint32_t i = 0; status == KMB_OK && i < transaction->part_count; i++) {
        struct transaction_part *part = &transaction->parts[i];
        part->position_before = transaction->evolver.position;
        transaction->evolver.sequence = head->sequence + 1 + i;
        status = evolve_body(&transaction->evolver, buffer_slice(&part->body), error);
    }
    if (status == KMB_UNIQUE_VIOLATION) {
        status = conflict(error, "a unique key it wrote");
    }
    return status;
}

enum kmb_status kernel_transaction_prepare(struct kernel_transaction *transaction, struct kernel_state *head,
                                           struct kmb_error *error) {
    ASSERT(head->tenant.value == transaction->base->tenant.value && head->own == NULL);
    transaction->guard.claim = NULL; /* nobody is waited for any more */
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_writer_end(transaction, error);
    }
    bool wrote = false; /* more than values of sequences, which are nobody's to read */
    for (uint32_t i = 0; i < transaction->part_count; i++) {
        wrote = wrote || transaction->parts[i].body.length > 0;
    }
    if (status == KMB_OK) {
        status = transaction_sequences_emit(transaction, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    while (transaction->part_count > 0 && transaction_tail(transaction)->length == 0) {
        transaction->part_count--;
    }
    status = transaction_check_deferred(transaction, error);
    if (status != KMB_OK) {
        return transaction_break(transaction, status);
    }
    bool unchanged = head->sequence == transaction->base->sequence;
    if (!unchanged) {
        status = transaction_validate(transaction, head, error);
    }
    if (status == KMB_OK && wrote && transaction->reads != NULL) {
        status = transaction_check_reads(transaction, transaction->reads, head, error);
    }
    if (status == KMB_OK && wrote && transaction->relied != NULL) {
        status = transaction_check_reads(transaction, transaction->relied, head, error);
    }
    if (status == KMB_OK && head->root != transaction->base->root) {
        status = rebase(transaction, head, !unchanged, error);
    } else if (status == KMB_OK) {
        status = transaction_fork(transaction, error);
    }
    if (status == KMB_OK && (!unchanged || transaction->moved)) {
        status = transaction_check_rebased(transaction, error);
        status = status == KMB_FOREIGN_KEY_VIOLATION ? conflict(error, "a foreign key's other side") : status;
    }
    if (status != KMB_OK) {
        return transaction_break(transaction, status);
    }
    store_root_read_begin(head->root);
    store_root_read_end(transaction->base->root);
    kernel_state_release(transaction->base);
    transaction->base = kernel_state_retain(head);
    transaction->frontier = head->frontier;
    transaction->prepared = true;
    return KMB_OK;
}

uint32_t kernel_transaction_part_count(const struct kernel_transaction *transaction) {
    return transaction->part_count;
}

void kernel_transaction_part(const struct kernel_transaction *transaction, uint32_t ordinal, struct kernel_part *part) {
    ASSERT(transaction->prepared && ordinal < transaction->part_count);
    bool last = ordinal + 1 == transaction->part_count;
    part->body = buffer_slice(&transaction->parts[ordinal].body);
    part->sequence = transaction->base->sequence + 1 + ordinal;
    part->position_before = transaction->parts[ordinal].position_before;
    part->position_after = last ? transaction->evolver.position : transaction->parts[ordinal + 1].position_before;
    part->last = last;
}

enum kmb_status kernel_transaction_entry(struct kernel_transaction *transaction, uint32_t ordinal,
                                         const struct log_entry *entry, uint64_t op, const struct hash256 *hash,
                                         struct kmb_error *error) {
    ASSERT(transaction->prepared && ordinal == transaction->entries_done);
    struct kernel_part part;
    kernel_transaction_part(transaction, ordinal, &part);
    ASSERT(entry->tenant == transaction->base->tenant.value && entry->sequence == part.sequence &&
           entry->position_before == part.position_before && entry->position_after == part.position_after);
    ASSERT(((entry->flags & LOG_ENTRY_LAST_PART) != 0) == part.last);
    transaction->newest = (struct kernel_entry){.sequence = part.sequence,
                                                .position_before = part.position_before,
                                                .position_after = part.position_after,
                                                .time_us = entry->commit_time_us,
                                                .op = op,
                                                .last_part = part.last,
                                                .hash = *hash};
    enum kmb_status status = evolve_entry(&transaction->evolver, &transaction->frontier, &transaction->newest, error);
    transaction->entries_done++;
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

/* --- the new state ------------------------------------------------------------------------------------------------ */

/* Freezes the evolver's fork and makes the state after `newest`. */
static enum kmb_status evolver_state(struct evolver *evolver, struct tenant_id tenant,
                                     const struct kernel_entry *newest, const struct merkle_frontier *frontier,
                                     struct kernel_state **state, struct kmb_error *error) {
    struct store_root *root = NULL;
    const struct catalogue *numbered = NULL;
    enum kmb_status status = evolver_flush(evolver, error);
    if (status == KMB_OK && evolver->catalogue->version != evolver->catalogue->header.change_count) {
        status = catalogue_renumber(evolver->catalogue, evolver->catalogue->header.change_count, &numbered, error);
    }
    if (status == KMB_OK) {
        status = store_fork_freeze(evolver->fork, &root, error);
    }
    if (status == KMB_OK) {
        evolver->fork = NULL;
        struct state_parts parts = {
            .tenant = tenant,
            .root = root,
            .catalogue = numbered != NULL ? numbered : evolver->catalogue,
            .facts = evolver->facts,
            .position = evolver->position,
            .entry = newest,
            .frontier = frontier,
        };
        status = state_make(&parts, state, error);
    }
    store_root_release(root);
    catalogue_release(numbered);
    return status;
}

enum kmb_status kernel_transaction_finish(struct kernel_transaction *transaction, struct kernel_state **state,
                                          struct kmb_error *error) {
    ASSERT(transaction->prepared && transaction->entries_done == transaction->part_count);
    enum kmb_status status = transaction->broken;
    if (status != KMB_OK) {
        error_set(error, status, "an earlier failure has left the transaction unusable");
    } else if (transaction->part_count == 0) {
        *state = kernel_state_retain(transaction->base);
    } else {
        status = evolver_state(&transaction->evolver, transaction->base->tenant, &transaction->newest,
                               &transaction->frontier, state, error);
    }
    kernel_transaction_discard(transaction);
    return status;
}

/* --- folding the log ---------------------------------------------------------------------------------------------- */

struct kernel_fold {
    struct kernel_state *base;
    struct evolver evolver;
    struct merkle_frontier frontier;
    struct kernel_entry newest;
    bool broken;
};

enum kmb_status kernel_fold_begin(struct kernel_state *state, struct kernel_fold **out, struct kmb_error *error) {
    ASSERT(state->own == NULL);
    struct kernel_fold *fold = mem_alloc_zero(1, sizeof(*fold));
    if (fold == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    fold->base = kernel_state_retain(state);
    fold->frontier = state->frontier;
    fold->newest =
        (struct kernel_entry){.sequence = state->sequence, .time_us = state->time_us, .hash = state->entry_hash};
    enum kmb_status status = evolver_init(&fold->evolver, state, error);
    if (status == KMB_OK) {
        status = store_fork(state->root, &fold->evolver.fork, error);
    }
    if (status == KMB_OK && state->sequence != 0) { /* the state may stand between the parts of a transaction */
        status = kernel_entry_at(state, state->sequence, &fold->newest, error);
    }
    if (status != KMB_OK) {
        kernel_fold_discard(fold);
        return status;
    }
    *out = fold;
    return KMB_OK;
}

static enum kmb_status entry_follows(const struct kernel_fold *fold, const struct log_entry *entry,
                                     struct kmb_error *error) {
    if (entry->kind != LOG_ENTRY_EVENTS) {
        return error_set(error, KMB_FORMAT_VERSION,
                         "entry %" PRIu64 " of tenant %u is of kind %u, made by a newer version", entry->sequence,
                         entry->tenant, entry->kind);
    }
    /* Parts of one transaction share its time; transactions have later and later ones. */
    bool same = fold->newest.sequence > 0 && !fold->newest.last_part;
    bool in_time = fold->newest.sequence == 0 || (same ? entry->commit_time_us == fold->newest.time_us
                                                       : entry->commit_time_us > fold->newest.time_us);
    if (entry->tenant != fold->base->tenant.value || entry->sequence != fold->newest.sequence + 1 ||
        entry->position_before != fold->evolver.position || !in_time) {
        return error_set(error, KMB_CORRUPT,
                         "entry %" PRIu64 " of tenant %u at position %" PRIu64 " does not follow entry %" PRIu64
                         " at position %" PRIu64,
                         entry->sequence, entry->tenant, entry->position_before, fold->newest.sequence,
                         fold->evolver.position);
    }
    return KMB_OK;
}

enum kmb_status kernel_fold_entry(struct kernel_fold *fold, const struct log_entry *entry, uint64_t op,
                                  const struct hash256 *hash, struct slice body, struct kmb_error *error) {
    ASSERT(!fold->broken);
    enum kmb_status status = entry_follows(fold, entry, error);
    if (status != KMB_OK) {
        return status;
    }
    fold->evolver.sequence = entry->sequence;
    status = evolve_body(&fold->evolver, body, error);
    if (status == KMB_UNIQUE_VIOLATION) {
        status = evolve_damaged(error, "two rows have one key");
    }
    if (status == KMB_OK && fold->evolver.position != entry->position_after) {
        status = error_set(error, KMB_CORRUPT,
                           "entry %" PRIu64 " of tenant %u says position %" PRIu64 ", its events end at %" PRIu64,
                           entry->sequence, entry->tenant, entry->position_after, fold->evolver.position);
    }
    if (status == KMB_OK) {
        fold->newest = (struct kernel_entry){.sequence = entry->sequence,
                                             .position_before = entry->position_before,
                                             .position_after = entry->position_after,
                                             .time_us = entry->commit_time_us,
                                             .op = op,
                                             .last_part = (entry->flags & LOG_ENTRY_LAST_PART) != 0,
                                             .hash = *hash};
        status = evolve_entry(&fold->evolver, &fold->frontier, &fold->newest, error);
    }
    fold->broken = status != KMB_OK;
    return status;
}

enum kmb_status kernel_fold_end(struct kernel_fold *fold, struct kernel_state **state, struct kmb_error *error) {
    ASSERT(!fold->broken);
    enum kmb_status status = KMB_OK;
    if (fold->newest.sequence == fold->base->sequence) {
        *state = kernel_state_retain(fold->base);
    } else {
        status = evolver_state(&fold->evolver, fold->base->tenant, &fold->newest, &fold->frontier, state, error);
    }
    kernel_fold_discard(fold);
    return status;
}

void kernel_fold_discard(struct kernel_fold *fold) {
    if (fold != NULL) {
        evolver_free(&fold->evolver);
        kernel_state_release(fold->base);
        mem_free(fold);
    }
}
