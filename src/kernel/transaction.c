/*
 * The life of a transaction: its fork, its body, its marks and its views.
 *
 * The fork is made when the first change comes and frozen when somebody wants to look: a view and a mark are both
 * frozen roots. So a transaction alternates between a root (everything so far, readable by anyone, a place to come back
 * to) and a fork on top of it. Freezing is O(1); what it costs is that pages touched before are copied again after.
 *
 * The body grows in parts, each to become one log entry. A part is closed when the next piece does not fit; pieces are
 * single rows at the smallest, so a part never exceeds its bound. The evolver's sequence goes on with each part: stamps
 * in the fork are those that the log will have, unless others commit first; then prepare (commit.c) evolves the parts
 * again.
 *
 * A change that fails half-way (memory, a damaged page) leaves the fork unusable. The transaction then answers the same
 * status until it is rolled back to a mark or discarded.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

static enum kmb_status transaction_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

enum kmb_status kernel_transaction_begin(struct kernel_state *state, const struct kernel_row_ids *row_ids,
                                         struct kernel_transaction **out, struct kmb_error *error) {
    ASSERT(state->own == NULL);
    struct kernel_transaction *transaction = mem_alloc_zero(1, sizeof(*transaction));
    if (transaction == NULL) {
        return transaction_no_memory(error);
    }
    transaction->base = kernel_state_retain(state);
    store_root_read_begin(state->root);
    transaction->root = store_root_retain(state->root);
    transaction->row_ids = row_ids != NULL ? *row_ids : (struct kernel_row_ids){.take = NULL};
    enum kmb_status status = evolver_init(&transaction->evolver, state, error);
    if (status != KMB_OK) {
        kernel_transaction_discard(transaction);
        return status;
    }
    transaction->evolver.check_unique = true;
    *out = transaction;
    return KMB_OK;
}

void kernel_transaction_discard(struct kernel_transaction *transaction) {
    if (transaction == NULL) {
        return;
    }
    evolver_free(&transaction->evolver);
    store_root_release(transaction->root);
    for (uint32_t i = 0; i < transaction->part_capacity; i++) {
        buffer_free(&transaction->parts[i].body);
    }
    mem_free(transaction->parts);
    mem_free(transaction->sequences);
    mem_free(transaction->deferrals);
    kernel_reads_release(transaction->reads);
    kernel_reads_release(transaction->relied);
    buffer_free(&transaction->key);
    buffer_free(&transaction->watched);
    buffer_free(&transaction->image);
    buffer_free(&transaction->ordered);
    buffer_free(&transaction->frame);
    store_root_read_end(transaction->base->root);
    kernel_state_release(transaction->base);
    mem_free(transaction);
}

void kernel_transaction_interrupt(struct kernel_transaction *transaction, struct kernel_interrupt interrupt) {
    transaction->evolver.interrupt = interrupt;
}

bool kernel_transaction_empty(const struct kernel_transaction *transaction) {
    for (uint32_t i = 0; i < transaction->part_count; i++) {
        if (transaction->parts[i].body.length > 0) {
            return false;
        }
    }
    return transaction->sequence_count == 0;
}

uint64_t kernel_transaction_position(const struct kernel_transaction *transaction) {
    return transaction->evolver.position;
}

const struct kernel_state *kernel_transaction_base(const struct kernel_transaction *transaction) {
    return transaction->base;
}

const struct catalogue *kernel_transaction_catalogue(const struct kernel_transaction *transaction) {
    return transaction->evolver.catalogue;
}

enum kmb_status transaction_check(struct kernel_transaction *transaction, struct kmb_error *error) {
    ASSERT(!transaction->prepared);
    if (transaction->broken != KMB_OK) {
        return error_set(error, transaction->broken, "an earlier failure has left the transaction unusable");
    }
    return KMB_OK;
}

enum kmb_status transaction_break(struct kernel_transaction *transaction, enum kmb_status status) {
    ASSERT(status != KMB_OK);
    transaction->broken = status;
    return status;
}

enum kmb_status transaction_fork(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (transaction->evolver.fork != NULL) {
        return KMB_OK;
    }
    return store_fork(transaction->root, &transaction->evolver.fork, error);
}

enum kmb_status transaction_writer_end(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (!transaction->writing) {
        return KMB_OK;
    }
    transaction->writing = false;
    enum kmb_status status = event_writer_end(&transaction->writer, error);
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

enum kmb_status transaction_freeze(struct kernel_transaction *transaction, struct kmb_error *error) {
    enum kmb_status status = transaction_writer_end(transaction, error);
    if (status != KMB_OK || transaction->evolver.fork == NULL) {
        return status;
    }
    status = evolver_flush(&transaction->evolver, error);
    struct store_root *root = NULL;
    if (status == KMB_OK) {
        status = store_fork_freeze(transaction->evolver.fork, &root, error);
    }
    if (status != KMB_OK) {
        return transaction_break(transaction, status);
    }
    transaction->evolver.fork = NULL;
    store_root_release(transaction->root);
    transaction->root = root;
    return KMB_OK;
}

static enum kmb_status part_add(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (transaction->part_count == KERNEL_PARTS_MAX) {
        error_set(error, KMB_LIMIT, "transaction is larger than %u parts of %zu bytes", KERNEL_PARTS_MAX,
                  (size_t)KERNEL_PART_MAX);
        error_hint(error, "commit more often");
        return KMB_LIMIT;
    }
    if (transaction->part_count == transaction->part_capacity) {
        uint32_t capacity = transaction->part_capacity == 0 ? 1 : transaction->part_capacity * 2;
        struct transaction_part *parts = mem_realloc(transaction->parts, capacity * sizeof(*parts));
        if (parts == NULL) {
            return transaction_no_memory(error);
        }
        memset(parts + transaction->part_capacity, 0, (capacity - transaction->part_capacity) * sizeof(*parts));
        transaction->parts = parts;
        transaction->part_capacity = capacity;
    }
    struct transaction_part *part = &transaction->parts[transaction->part_count++];
    buffer_clear(&part->body);
    part->position_before = transaction->evolver.position;
    transaction->evolver.sequence = transaction->base->sequence + transaction->part_count;
    return KMB_OK;
}

enum kmb_status transaction_room(struct kernel_transaction *transaction, size_t bytes, struct kmb_error *error) {
    ASSERT(bytes <= KERNEL_PART_MAX);
    if (transaction->part_count > 0 && transaction_tail(transaction)->length + bytes <= KERNEL_PART_MAX) {
        return KMB_OK;
    }
    enum kmb_status status = transaction_writer_end(transaction, error);
    return status == KMB_OK ? part_add(transaction, error) : status;
}

enum kmb_status transaction_table(struct kernel_transaction *transaction, const struct table_definition *bound,
                                  const struct catalogue_table **out, struct kmb_error *error) {
    const struct table_definition *own = catalogue_table_of_id(transaction->evolver.catalogue, bound->id);
    const struct catalogue_table *table = own == NULL ? NULL : catalogue_table_of(own);
    const struct catalogue_table *other = catalogue_table_of(bound);
    if (table == NULL || (table != other && (table->from.position != other->from.position ||
                                             table->from.sequence != other->from.sequence ||
                                             own->version.value != bound->version.value))) {
        error_set(error, KMB_SERIALIZATION, "definition of table \"%.*s\" has changed since the statement was planned",
                  (int)bound->name.length, (const char *)bound->name.bytes);
        error_hint(error, "run the statement again");
        return KMB_SERIALIZATION;
    }
    *out = table;
    return KMB_OK;
}

/* --- marks -------------------------------------------------------------------------------------------------------- */

enum kmb_status kernel_transaction_mark(struct kernel_transaction *transaction, struct kernel_mark **out,
                                        struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_freeze(transaction, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct kernel_mark *mark = mem_alloc_zero(1, sizeof(*mark));
    if (mark == NULL) {
        return transaction_no_memory(error);
    }
    buffer_append_slice(&mark->facts_text, transaction->evolver.facts.name);
    if (!buffer_ok(&mark->facts_text)) {
        mem_free(mark);
        return transaction_no_memory(error);
    }
    mark->root = store_root_retain(transaction->root);
    catalogue_retain(transaction->evolver.catalogue);
    mark->catalogue = transaction->evolver.catalogue;
    mark->facts = transaction->evolver.facts;
    mark->position = transaction->evolver.position;
    mark->part_count = transaction->part_count;
    mark->deferral_count = transaction->deferral_count;
    mark->watched_length = transaction->watched.length;
    mark->tail_length = transaction->part_count > 0 ? transaction_tail(transaction)->length : 0;
    *out = mark;
    return KMB_OK;
}

enum kmb_status kernel_transaction_rollback_to(struct kernel_transaction *transaction, const struct kernel_mark *mark,
                                               struct kmb_error *error) {
    ASSERT(!transaction->prepared && transaction->part_count >= mark->part_count);
    if (transaction->reads != NULL) {
        transaction_note_undone(transaction, mark->part_count, mark->tail_length);
    }
    struct evolver *evolver = &transaction->evolver;
    buffer_clear(&evolver->facts_text);
    buffer_append_slice(&evolver->facts_text, buffer_slice(&mark->facts_text));
    if (!buffer_ok(&evolver->facts_text)) {
        return transaction_break(transaction, transaction_no_memory(error));
    }
    transaction->writing = false;
    store_fork_discard(evolver->fork);
    evolver->fork = NULL;
    evolver_forget(evolver);
    store_root_release(transaction->root);
    transaction->root = store_root_retain(mark->root);
    catalogue_retain(mark->catalogue);
    catalogue_release(evolver->catalogue);
    evolver->catalogue = mark->catalogue;
    evolver->facts = mark->facts;
    evolver->facts.name = buffer_slice(&evolver->facts_text);
    evolver->position = mark->position;
    transaction->part_count = mark->part_count;
    transaction->deferral_count = mark->deferral_count;
    evolver->sequence = transaction->base->sequence + (mark->part_count == 0 ? 1 : mark->part_count);
    if (mark->part_count > 0) {
        struct buffer *tail = transaction_tail(transaction);
        ASSERT(tail->length >= mark->tail_length);
        tail->length = mark->tail_length;
        tail->failed = false;
    }
    ASSERT(transaction->watched.length >= mark->watched_length);
    transaction->watched.length = mark->watched_length;
    transaction->broken = KMB_OK;
    transaction_sequences_rewind(transaction);
    return KMB_OK;
}

enum kmb_status kernel_watch(struct kernel_transaction *transaction, struct table_id table, struct slice row_key,
                             struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        buffer_u32(&transaction->watched, table.value);
        buffer_bytes(&transaction->watched, row_key);
        status =
            buffer_ok(&transaction->watched) ? KMB_OK : transaction_break(transaction, transaction_no_memory(error));
    }
    return status;
}

void transaction_mark_clear(struct kernel_mark *mark) {
    store_root_release(mark->root);
    catalogue_release(mark->catalogue);
    buffer_free(&mark->facts_text);
}

void kernel_mark_free(struct kernel_mark *mark) {
    if (mark != NULL) {
        transaction_mark_clear(mark);
        mem_free(mark);
    }
}

/* --- views -------------------------------------------------------------------------------------------------------- */

enum kmb_status transaction_view_unnoted(struct kernel_transaction *transaction, struct kernel_view **view,
                                         struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_freeze(transaction, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (transaction->root == transaction->base->root) {
        return kernel_view_open(transaction->base, view, error);
    }
    const struct kernel_state *base = transaction->base;
    struct kernel_entry newest = {.sequence = base->sequence, .time_us = base->time_us, .hash = base->entry_hash};
    struct state_parts parts = {
        .tenant = base->tenant,
        .root = transaction->root,
        .catalogue = transaction->evolver.catalogue,
        .facts = transaction->evolver.facts,
        .position = transaction->evolver.position,
        .entry = &newest,
        .frontier = &base->frontier,
        .own = transaction,
    };
    struct kernel_state *state;
    status = state_make(&parts, &state, error);
    if (status == KMB_OK) {
        status = kernel_view_open(state, view, error);
        kernel_state_release(state);
    }
    return status;
}

enum kmb_status kernel_transaction_view(struct kernel_transaction *transaction, struct kernel_view **view,
                                        struct kmb_error *error) {
    enum kmb_status status = transaction_view_unnoted(transaction, view, error);
    if (status == KMB_OK) {
        kernel_transaction_note(transaction, *view);
    }
    return status;
}

enum kmb_status kernel_rely_on(struct kernel_transaction *transaction, struct table_id table, struct kmb_error *error) {
    transaction->relied = transaction->relied == NULL ? kernel_reads_new() : transaction->relied;
    if (transaction->relied == NULL) {
        return transaction_no_memory(error);
    }
    kernel_reads_add(transaction->relied, KERNEL_READ_ROWS, table.value, 0, slice_make(NULL, 0), slice_make(NULL, 0));
    return KMB_OK;
}

void kernel_transaction_rely_as(struct kernel_transaction *transaction, const struct kernel_transaction *other) {
    ASSERT(transaction->relied == NULL);
    transaction->relied = other->relied == NULL ? NULL : kernel_reads_retain(other->relied);
}

void kernel_transaction_note(struct kernel_transaction *transaction, struct kernel_view *view) {
    ASSERT(view->reads == NULL);
    view->reads = kernel_reads_retain(transaction->reads);
}

enum kmb_status kernel_transaction_serializable(struct kernel_transaction *transaction, bool serializable,
                                                struct kmb_error *error) {
    if (serializable && transaction->reads == NULL) {
        transaction->reads = kernel_reads_new();
        return transaction->reads == NULL ? transaction_no_memory(error) : KMB_OK;
    }
    if (!serializable) {
        kernel_reads_release(transaction->reads);
        transaction->reads = NULL;
    }
    return KMB_OK;
}

struct slice transaction_body(const struct kernel_transaction *transaction, uint64_t ordinal) {
    return ordinal < transaction->part_count ? buffer_slice(&transaction->parts[ordinal].body)
                                             : (struct slice){.length = 0};
}

/* --- events that are no batch ------------------------------------------------------------------------------------- */

enum kmb_status transaction_emit(struct kernel_transaction *transaction, const struct event *event,
                                 struct kmb_error *error) {
    struct kernel_mark *mark = NULL;
    enum kmb_status status = kernel_transaction_mark(transaction, &mark, error);
    if (status != KMB_OK) {
        return status;
    }
    buffer_clear(&transaction->frame);
    status = event_encode(event, &transaction->frame, error);
    if (status == KMB_OK && transaction->frame.length > KERNEL_PART_MAX) {
        status = error_set(error, KMB_LIMIT, "definition of %zu bytes is larger than %zu", transaction->frame.length,
                           (size_t)KERNEL_PART_MAX);
    }
    if (status == KMB_OK) {
        status = transaction_room(transaction, transaction->frame.length, error);
    }
    if (status == KMB_OK) {
        buffer_append_slice(transaction_tail(transaction), buffer_slice(&transaction->frame));
        status = buffer_ok(transaction_tail(transaction)) ? transaction_fork(transaction, error)
                                                          : transaction_no_memory(error);
    }
    if (status == KMB_OK) {
        struct arena_mark arena = arena_mark(&transaction->evolver.arena);
        transaction->evolver.gap_known = false;
        status = evolve_definition(&transaction->evolver, event, error);
        arena_rewind(&transaction->evolver.arena, arena);
    }
    if (status != KMB_OK) {
        enum kmb_status back = kernel_transaction_rollback_to(transaction, mark, NULL);
        status = back == KMB_OK ? status : back;
    }
    kernel_mark_free(mark);
    return status;
}

enum kmb_status transaction_defined(struct kernel_transaction *transaction, struct kmb_error *error) {
    enum kmb_status status = transaction_freeze(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct catalogue *numbered;
    uint64_t number = CATALOGUE_VERSION_OWN | store_root_generation(transaction->root);
    status = catalogue_renumber(transaction->evolver.catalogue, number, &numbered, error);
    if (status == KMB_OK) {
        catalogue_release(transaction->evolver.catalogue);
        transaction->evolver.catalogue = numbered;
    }
    return status;
}
