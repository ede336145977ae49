/*
 * Requests that bring a key along, and what was answered to them: so that a client that does not know whether its
 * request was carried out sends it again and gets the first answer.
 *
 * The answer is an event of the same entry as what the request did: both are there, or neither. A tenant keeps the
 * newest KERNEL_ANSWERS_KEPT of them, numbered in their order, so which are forgotten follows from the log alone.
 */
#include "kernel/transaction_internal.h"

#define HASH_SIZE     16 /* of the key's SHA-256 */
#define RECORD_FIXED  (8 + 8 + 32 + 4 + 1)
#define RANGE_SIZE    16
#define FORM_IN_BYTES (RECORD_FIXED - 1)

static struct meta_key answer_key(struct slice key) {
    struct meta_key made = meta_key_make(META_ANSWER);
    struct hash256 hash = hash_sha256(key.bytes, key.length);
    for (size_t i = 0; i < HASH_SIZE; i++) {
        meta_key_u8(&made, hash.bytes[i]);
    }
    return made;
}

static struct meta_key order_key(uint64_t ordinal) {
    struct meta_key made = meta_key_make(META_ANSWER_ORDER);
    meta_key_u64(&made, ordinal);
    return made;
}

static enum kmb_status put(struct evolver *evolver, const struct meta_key *key, struct slice value,
                           struct kmb_error *error) {
    return store_fork_put(evolver->fork, evolver->tenant, STORE_META, meta_slice(key), value, error);
}

static enum kmb_status get(struct evolver *evolver, const struct meta_key *key, bool *found, struct kmb_error *error) {
    return store_get(store_view_fork(evolver->fork), evolver->tenant, STORE_META, meta_slice(key), &evolver->record,
                     found, error);
}

/* Forgets the oldest. */
static enum kmb_status forget(struct evolver *evolver, uint64_t ordinal, struct kmb_error *error) {
    bool found = false;
    struct meta_key order = order_key(ordinal);
    enum kmb_status status = get(evolver, &order, &found, error);
    if (status != KMB_OK) {
        return status;
    }
    if (!found || evolver->record.length != HASH_SIZE) {
        return meta_damaged(error, "the order of answered requests");
    }
    struct meta_key answer = meta_key_make(META_ANSWER);
    for (size_t i = 0; i < HASH_SIZE; i++) {
        meta_key_u8(&answer, evolver->record.bytes[i]);
    }
    status = store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&answer), NULL, error);
    return status == KMB_OK
               ? store_fork_delete(evolver->fork, evolver->tenant, STORE_META, meta_slice(&order), NULL, error)
               : status;
}

static enum kmb_status keep(struct evolver *evolver, const struct event_request_answered *event,
                            const struct meta_key *key, uint64_t ordinal, struct kmb_error *error) {
    uint8_t fixed[RECORD_FIXED];
    struct meta_key order = order_key(ordinal);
    codec_put_u64(fixed, ordinal);
    codec_put_u64(fixed + 8, evolver->position);
    memcpy(fixed + 16, event->digest, 32);
    codec_put_u32(fixed + 48, event->answer);
    fixed[FORM_IN_BYTES] = (uint8_t)event->form;
    enum kmb_status status = store_fork_put_parts(evolver->fork, evolver->tenant, STORE_META, meta_slice(key),
                                                  slice_make(fixed, sizeof(fixed)), event->bytes, error);
    return status == KMB_OK ? put(evolver, &order, slice_make(key->bytes + 1, HASH_SIZE), error) : status;
}

enum kmb_status evolve_answer(struct evolver *evolver, const struct event_request_answered *event,
                              struct kmb_error *error) {
    struct meta_key range = meta_key_make(META_ANSWER_RANGE);
    struct meta_key key = answer_key(event->key);
    uint8_t bytes[RANGE_SIZE];
    bool found = false;
    enum kmb_status status = get(evolver, &key, &found, error);
    if (status == KMB_OK && found) {
        return evolve_damaged(error, "a request is answered a second time");
    }
    if (status == KMB_OK) {
        status = get(evolver, &range, &found, error);
    }
    if (status == KMB_OK && found && evolver->record.length != RANGE_SIZE) {
        status = meta_damaged(error, "the range of answered requests");
    }
    if (status != KMB_OK) {
        return status;
    }
    uint64_t first = found ? codec_get_u64(evolver->record.bytes) : 0;
    uint64_t next = found ? codec_get_u64(evolver->record.bytes + 8) : 0;
    if (next - first >= KERNEL_ANSWERS_KEPT) {
        status = forget(evolver, first++, error);
    }
    if (status == KMB_OK) {
        status = keep(evolver, event, &key, next++, error);
    }
    codec_put_u64(bytes, first);
    codec_put_u64(bytes + 8, next);
    return status == KMB_OK ? put(evolver, &range, slice_make(bytes, sizeof(bytes)), error) : status;
}

enum kmb_status kernel_answer_find(const struct kernel_state *state, struct slice key, struct arena *arena,
                                   struct kernel_answer *answer, bool *found, struct kmb_error *error) {
    struct buffer record = {.bytes = NULL};
    struct meta_key place = answer_key(key);
    enum kmb_status status = store_get(store_view_root(state->root), state->tenant.value, STORE_META,
                                       meta_slice(&place), &record, found, error);
    if (status == KMB_OK && *found) {
        *answer = (struct kernel_answer){.position = 0};
        if (record.length < RECORD_FIXED || record.bytes[FORM_IN_BYTES] > ANSWER_NOT_KEPT) {
            status = meta_damaged(error, "an answered request");
        } else {
            struct slice rest = slice_make(record.bytes + RECORD_FIXED, record.length - RECORD_FIXED);
            answer->position = codec_get_u64(record.bytes + 8);
            memcpy(answer->stored.digest, record.bytes + 16, 32);
            answer->stored.answer = codec_get_u32(record.bytes + 48);
            answer->stored.form = (enum answer_form)record.bytes[FORM_IN_BYTES];
            answer->stored.bytes = arena_dup_slice(arena, rest);
            if (rest.length > 0 && answer->stored.bytes.bytes == NULL) {
                status = error_set(error, KMB_NO_MEMORY, "out of memory");
            }
        }
    }
    buffer_free(&record);
    return status;
}

enum kmb_status kernel_note_answer(struct kernel_transaction *transaction, const struct event_request_answered *answer,
                                   struct kmb_error *error) {
    ASSERT(answer->key.length > 0 && answer->key.length <= ANSWER_KEY_MAX && answer->bytes.length <= ANSWER_KEPT_MAX);
    bool found = false;
    struct meta_key key = answer_key(answer->key);
    enum kmb_status status = transaction_fork(transaction, error);
    if (status == KMB_OK) {
        status = get(&transaction->evolver, &key, &found, error);
    }
    if (status == KMB_OK && found) {
        return error_set(error, KMB_SERIALIZATION, "the request of this key was answered meanwhile");
    }
    struct event event = {.kind = EVENT_REQUEST_ANSWERED, .as.answered = *answer};
    return status == KMB_OK ? transaction_emit(transaction, &event, error) : status;
}
