/*
 * Sequences: values that no two transactions get, and a state that comes from the log.
 *
 * A value must be unique among transactions that are open together, so it is taken from a place that all of them share
 * (kernel_row_ids, in the engine) and that no rollback turns back. The log must say where the sequence stood, so that a
 * restart and a replay go on behind every value that a committed transaction took. Between the two stands the turn:
 * each call of nextval and setval gets the next number of its sequence, whoever makes it. A transaction remembers the
 * highest turn it had of each sequence and writes it as the last event of its body, also when the statement that took
 * it was rolled back to a savepoint. Transactions commit in another order than they took their turns: the fold keeps
 * the highest. What was taken and never committed leaves a gap, or after a restart is given again: nobody has seen it
 * in a row.
 *
 * ALTER SEQUENCE is a change of definition like any other: part of its transaction, refused at commit where another
 * came first. Turns are counted under one version of the definition, so that those taken under an older one lose.
 * Within the transaction that altered it a sequence is nobody else's, and the shared place is left alone.
 *
 * META has one record for each entry that moved a sequence: the past reads where it stood then.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

#define SEQUENCE_RECORD_SIZE 29

static enum kmb_status sequence_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static bool sequence_decode(struct slice value, uint64_t *position, struct kernel_sequence *sequence) {
    if (value.length != SEQUENCE_RECORD_SIZE) {
        return false;
    }
    *position = codec_get_u64(value.bytes);
    sequence->version.value = codec_get_u32(value.bytes + 8);
    sequence->turn = codec_get_u64(value.bytes + 12);
    sequence->last = (int64_t)codec_get_u64(value.bytes + 20);
    sequence->called = value.bytes[28] == 1;
    return value.bytes[28] <= 1;
}

enum kmb_status sequence_read(struct store_view view, uint32_t tenant, const struct table_definition *definition,
                              uint64_t entry, uint64_t position, struct kernel_sequence *sequence,
                              struct kmb_error *error) {
    *sequence = (struct kernel_sequence){.version = definition->version, .last = definition->sequence.start};
    struct meta_key key = meta_key_make(META_SEQUENCE);
    meta_key_u32(&key, definition->id.value);
    size_t prefix = key.length;
    meta_key_u64(&key, entry);
    struct store_cursor cursor = {.valid = false};
    enum kmb_status status = store_cursor_open(&cursor, view, tenant, STORE_META, error);
    if (status == KMB_OK) {
        status = store_cursor_seek_back(&cursor, meta_slice(&key), error);
    }
    while (status == KMB_OK && cursor.valid && cursor.key.length == prefix + 8 &&
           memcmp(cursor.key.bytes, key.bytes, prefix) == 0) {
        struct slice value;
        uint64_t at = 0;
        struct kernel_sequence found;
        status = store_cursor_value(&cursor, &value, error);
        if (status == KMB_OK && !sequence_decode(value, &at, &found)) {
            status = meta_damaged(error, "the record of a sequence");
        }
        if (status == KMB_OK && at <= position) {
            *sequence = found;
            break;
        }
        if (status == KMB_OK) {
            status = store_cursor_prev(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return status;
}

enum kmb_status evolve_sequence(struct evolver *evolver, const struct event_sequence_advanced *event,
                                struct kmb_error *error) {
    const struct table_definition *definition = catalogue_table_of_id(evolver->catalogue, event->sequence);
    if (definition == NULL || !definition_is_sequence(definition) ||
        definition->version.value != event->version.value) {
        return evolve_damaged(error, "sequence %u of version %u is not there", event->sequence.value,
                              event->version.value);
    }
    if (event->last < definition->sequence.minimum || event->last > definition->sequence.maximum) {
        return evolve_damaged(error, "value %" PRId64 " of sequence %u is out of its bounds", event->last,
                              event->sequence.value);
    }
    struct kernel_sequence now;
    enum kmb_status status = sequence_read(store_view_fork(evolver->fork), evolver->tenant, definition,
                                           evolver->sequence, UINT64_MAX, &now, error);
    if (status != KMB_OK) {
        return status;
    }
    if (now.version.value == event->version.value && now.turn >= event->turn) {
        return KMB_OK; /* a later turn was committed before */
    }
    struct meta_key key = meta_key_make(META_SEQUENCE);
    meta_key_u32(&key, event->sequence.value);
    meta_key_u64(&key, evolver->sequence);
    uint8_t bytes[SEQUENCE_RECORD_SIZE];
    codec_put_u64(bytes, evolver->position);
    codec_put_u32(bytes + 8, event->version.value);
    codec_put_u64(bytes + 12, event->turn);
    codec_put_u64(bytes + 20, (uint64_t)event->last);
    bytes[28] = event->called ? 1 : 0;
    return store_fork_put(evolver->fork, evolver->tenant, STORE_META, meta_slice(&key),
                          slice_make(bytes, sizeof(bytes)), error);
}

/* --- what a transaction took -------------------------------------------------------------------------------------- */

static struct transaction_sequence *taken_find(const struct kernel_transaction *transaction, struct table_id id,
                                               struct schema_version version) {
    for (uint32_t i = 0; i < transaction->sequence_count; i++) {
        struct transaction_sequence *taken = &transaction->sequences[i];
        if (taken->id.value == id.value && taken->state.version.value == version.value) {
            return taken;
        }
    }
    return NULL;
}

/* Room for one more is made before a value is taken, so that none is lost. */
static enum kmb_status taken_room(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (transaction->sequence_count < transaction->sequence_capacity) {
        return KMB_OK;
    }
    uint32_t capacity = transaction->sequence_capacity == 0 ? 4 : transaction->sequence_capacity * 2;
    struct transaction_sequence *grown = mem_realloc(transaction->sequences, capacity * sizeof(*grown));
    if (grown == NULL) {
        return sequence_no_memory(error);
    }
    transaction->sequences = grown;
    transaction->sequence_capacity = capacity;
    return KMB_OK;
}

static void taken_put(struct kernel_transaction *transaction, struct table_id id, const struct kernel_sequence *state) {
    struct transaction_sequence *taken = taken_find(transaction, id, state->version);
    if (taken == NULL) {
        ASSERT(transaction->sequence_count < transaction->sequence_capacity);
        taken = &transaction->sequences[transaction->sequence_count++];
        taken->id = id;
    }
    taken->state = *state;
}

void transaction_sequences_rewind(struct kernel_transaction *transaction) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < transaction->sequence_count; i++) {
        const struct transaction_sequence *taken = &transaction->sequences[i];
        const struct table_definition *own = catalogue_table_of_id(transaction->evolver.catalogue, taken->id);
        if (own != NULL && own->version.value >= taken->state.version.value) {
            transaction->sequences[kept++] = *taken;
        }
    }
    transaction->sequence_count = kept;
}

enum kmb_status transaction_sequences_emit(struct kernel_transaction *transaction, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; status == KMB_OK && i < transaction->sequence_count; i++) {
        const struct transaction_sequence *taken = &transaction->sequences[i];
        const struct table_definition *own = catalogue_table_of_id(transaction->evolver.catalogue, taken->id);
        if (own == NULL || own->version.value != taken->state.version.value) {
            continue;
        }
        struct event event = {.kind = EVENT_SEQUENCE_ADVANCED,
                              .as.sequence_advanced = {.sequence = taken->id,
                                                       .version = taken->state.version,
                                                       .turn = taken->state.turn,
                                                       .last = taken->state.last,
                                                       .called = taken->state.called}};
        buffer_clear(&transaction->frame);
        status = event_encode(&event, &transaction->frame, error);
        if (status == KMB_OK) {
            status = transaction_room(transaction, transaction->frame.length, error);
        }
        if (status == KMB_OK) {
            buffer_append_slice(transaction_tail(transaction), buffer_slice(&transaction->frame));
            status = buffer_ok(transaction_tail(transaction)) ? transaction_fork(transaction, error)
                                                              : sequence_no_memory(error);
        }
        if (status == KMB_OK) {
            status = evolve_sequence(&transaction->evolver, &event.as.sequence_advanced, error);
        }
    }
    transaction->sequence_count = 0;
    return status == KMB_OK ? KMB_OK : transaction_break(transaction, status);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

static enum kmb_status sequence_of_id(const struct kernel_transaction *transaction, struct table_id id,
                                      const struct table_definition **definition, struct kmb_error *error) {
    *definition = catalogue_table_of_id(transaction->evolver.catalogue, id);
    if (*definition == NULL || !definition_is_sequence(*definition)) {
        return error_set(error, KMB_UNDEFINED_TABLE, "sequence with id %u not found", id.value);
    }
    return KMB_OK;
}

static struct store_view own_view(const struct kernel_transaction *transaction) {
    return transaction->evolver.fork != NULL ? store_view_fork(transaction->evolver.fork)
                                             : store_view_root(transaction->root);
}

/* As the transaction alone knows it. */
static enum kmb_status sequence_own(struct kernel_transaction *transaction, const struct table_definition *definition,
                                    struct kernel_sequence *state, struct kmb_error *error) {
    const struct transaction_sequence *taken = taken_find(transaction, definition->id, definition->version);
    if (taken != NULL) {
        *state = taken->state;
        return KMB_OK;
    }
    enum kmb_status status = sequence_read(own_view(transaction), transaction->base->tenant.value, definition,
                                           UINT64_MAX, UINT64_MAX, state, error);
    state->version = definition->version;
    return status;
}

enum kmb_status kernel_sequence_read(struct kernel_view *view, const struct table_definition *definition,
                                     struct kernel_sequence *sequence, struct kmb_error *error) {
    ASSERT(definition_is_sequence(definition));
    const struct kernel_state *state = view->state;
    if (state->own != NULL && !view->past) {
        const struct transaction_sequence *taken = taken_find(state->own, definition->id, definition->version);
        if (taken != NULL) {
            *sequence = taken->state;
            return KMB_OK;
        }
    }
    return sequence_read(store_view_root(state->root), state->tenant.value, definition, view->entry, view->position,
                         sequence, error);
}

static enum kmb_status sequence_exhausted(const struct table_definition *definition, const char *which, int64_t bound,
                                          struct kmb_error *error) {
    return error_set(error, KMB_SEQUENCE_LIMIT, "nextval: reached %s value of sequence \"%.*s\" (%" PRId64 ")", which,
                     (int)definition->name.length, (const char *)definition->name.bytes, bound);
}

static enum kmb_status state_next(const struct table_definition *definition, struct kernel_sequence *state,
                                  struct kmb_error *error) {
    const struct sequence_definition *rule = &definition->sequence;
    int64_t next = state->last;
    bool over = state->called && __builtin_add_overflow(state->last, rule->increment, &next);
    if (rule->increment > 0 && (over || next > rule->maximum)) {
        if (!rule->cycle) {
            return sequence_exhausted(definition, "maximum", rule->maximum, error);
        }
        next = rule->minimum;
    } else if (rule->increment < 0 && (over || next < rule->minimum)) {
        if (!rule->cycle) {
            return sequence_exhausted(definition, "minimum", rule->minimum, error);
        }
        next = rule->maximum;
    }
    state->last = next;
    state->called = true;
    state->turn++;
    return KMB_OK;
}

/* One turn: the next value, or (set not NULL) this one. */
static enum kmb_status sequence_turn(struct kernel_transaction *transaction, const struct table_definition *definition,
                                     const struct kernel_sequence *set, struct kernel_sequence *after,
                                     struct kmb_error *error) {
    const struct kernel_row_ids *shared = &transaction->row_ids;
    const struct table_definition *base = catalogue_table_of_id(transaction->base->catalogue, definition->id);
    bool altered = base == NULL || base->version.value != definition->version.value;
    struct kernel_sequence state;
    enum kmb_status status = sequence_own(transaction, definition, &state, error);
    if (status == KMB_OK) {
        status = taken_room(transaction, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct kernel_sequence *place = NULL;
    if (!altered && shared->sequence_hold != NULL) {
        place = shared->sequence_hold(shared->context, transaction->base->tenant, definition->id);
        if (place == NULL) {
            return sequence_no_memory(error);
        }
        if (place->version.value == definition->version.value) {
            state = *place;
        }
    }
    if (set == NULL) {
        status = state_next(definition, &state, error);
    } else {
        state.last = set->last;
        state.called = set->called;
        state.turn++;
    }
    if (place != NULL) {
        /* A transaction that began before the sequence was altered is refused when it commits: it has no place. */
        if (status == KMB_OK && place->version.value <= definition->version.value) {
            *place = state;
        }
        shared->sequence_release(shared->context);
    }
    if (status == KMB_OK) {
        taken_put(transaction, definition->id, &state);
        *after = state;
    }
    return status;
}

enum kmb_status kernel_sequence_next(struct kernel_transaction *transaction, struct table_id sequence, int64_t *value,
                                     struct kmb_error *error) {
    const struct table_definition *definition = NULL;
    struct kernel_sequence state;
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = sequence_of_id(transaction, sequence, &definition, error);
    }
    if (status == KMB_OK) {
        status = sequence_turn(transaction, definition, NULL, &state, error);
    }
    if (status == KMB_OK) {
        *value = state.last;
    }
    return status;
}

enum kmb_status kernel_sequence_set(struct kernel_transaction *transaction, struct table_id sequence, int64_t value,
                                    bool called, struct kmb_error *error) {
    const struct table_definition *definition = NULL;
    struct kernel_sequence after;
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = sequence_of_id(transaction, sequence, &definition, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    const struct sequence_definition *rule = &definition->sequence;
    if (value < rule->minimum || value > rule->maximum) {
        return error_set(error, KMB_DATATYPE_RANGE,
                         "setval: value %" PRId64 " is out of bounds for sequence \"%.*s\" (%" PRId64 "..%" PRId64 ")",
                         value, (int)definition->name.length, (const char *)definition->name.bytes, rule->minimum,
                         rule->maximum);
    }
    struct kernel_sequence set = {.last = value, .called = called};
    return sequence_turn(transaction, definition, &set, &after, error);
}

enum kmb_status kernel_change_sequence(struct kernel_transaction *transaction, struct table_id sequence,
                                       const struct sequence_definition *rule, const int64_t *restart,
                                       struct kmb_error *error) {
    const struct table_definition *definition = NULL;
    struct kernel_sequence state;
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = sequence_of_id(transaction, sequence, &definition, error);
    }
    if (status == KMB_OK) {
        status = sequence_own(transaction, definition, &state, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (definition->version.value >= 65535) {
        return error_set(error, KMB_LIMIT, "sequence \"%.*s\" has been changed %u times, which is the most",
                         (int)definition->name.length, (const char *)definition->name.bytes, definition->version.value);
    }
    int64_t last = restart != NULL ? *restart : state.last;
    if (last < rule->minimum || last > rule->maximum) {
        bool low = last < rule->minimum;
        return error_set(error, KMB_INVALID_PARAMETER, "RESTART value (%" PRId64 ") cannot be %s than %s (%" PRId64 ")",
                         last, low ? "less" : "greater", low ? "MINVALUE" : "MAXVALUE",
                         low ? rule->minimum : rule->maximum);
    }
    struct schema_version version = {definition->version.value + 1};
    struct event changed = {.kind = EVENT_SEQUENCE_CHANGED,
                            .as.sequence_changed = {.sequence = sequence, .version = version, .definition = *rule}};
    struct event advanced = {.kind = EVENT_SEQUENCE_ADVANCED,
                             .as.sequence_advanced = {.sequence = sequence,
                                                      .version = version,
                                                      .turn = state.turn + 1,
                                                      .last = last,
                                                      .called = restart == NULL && state.called}};
    status = transaction_emit(transaction, &changed, error);
    if (status == KMB_OK) {
        status = transaction_emit(transaction, &advanced, error);
    }
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}
