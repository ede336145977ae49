/*
 * What a shard does between requests: replay at open, first facts, checkpoints, idle seals, its own thread.
 *
 * A checkpoint costs the write of all pages changed since the last; no checkpoint costs a longer replay. One is written
 * when the estimated replay passes 200 ms, at most one a second. A block whose sync has returned is known to be
 * synced only by what is written after it, so a log that falls idle gets a seal block: damage to the last commit is
 * then told from a torn tail.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "engine/folder.h"
#include "engine/shard_internal.h"

#define CHECKPOINT_REPLAY_NS   UINT64_C(200000000)
#define CHECKPOINT_INTERVAL_NS INT64_C(1000000000)
#define SEAL_IDLE_NS           INT64_C(200000000)
#define THREAD_INTERVAL_NS     250000000L
/* A clock this far behind the newest commit is refused. */
#define CLOCK_BEHIND_MAX_US INT64_C(1000000)

/* --- replay ------------------------------------------------------------------------------------------------------- */

static enum kmb_status replay_entry(void *context, const struct log_reader_entry *entry, struct slice plain,
                                    struct kmb_error *error) {
    return folder_entry(context, entry, plain, error);
}

struct log_keys shard_log_keys(struct shard *shard) {
    return keystore_log_keys(shard->keys);
}

struct tenant_times {
    struct shard *shard;
    struct kmb_error *error;
};

/* The newest commit time of all tenants at a root, for what replay does not pass over. */
static enum kmb_status note_tenant_time(void *context, uint32_t tenant) {
    struct tenant_times *times = context;
    struct shard *shard = times->shard;
    struct shard_turn turn = {.shard = shard, .held = true};
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_turn_state(&turn, (struct tenant_id){tenant}, &state, times->error);
    if (status == KMB_OK && state->sequence != 0 && state->time_us > shard->time_last_us) {
        shard->time_last_us = state->time_us;
    }
    kernel_state_release(state);
    return status;
}

static void drop_heads(struct shard *shard) {
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&shard->tenants, &at)) != NULL;) {
        struct shard_tenant *slot = entry->value;
        kernel_state_release(slot->head);
        kernel_state_release(slot->published);
        slot->head = NULL;
        slot->published = NULL;
    }
    store_root_release(shard->head);
    store_root_release(shard->published);
    shard->head = NULL;
    shard->published = NULL;
}

/* Takes over what was folded: the root becomes the head, the states those of their tenants. */
static enum kmb_status adopt(struct shard *shard, struct folder *folder, struct kmb_error *error) {
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&folder->states, &at)) != NULL;) {
        struct kernel_state *state = entry->value;
        struct shard_tenant *slot = shard_tenant_slot(shard, state->tenant);
        if (slot == NULL) {
            return error_set(error, KMB_NO_MEMORY, "out of memory");
        }
        kernel_state_release(slot->head);
        slot->head = kernel_state_retain(state);
    }
    store_root_release(shard->head);
    store_root_mark(folder->root, log_head(shard->log).op);
    shard->head = store_root_retain(folder->root);
    shard->published = store_root_retain(folder->root);
    shard->recovery.replayed_entries = folder->entries;
    if (shard->time_last_us < folder->time_last_us) {
        shard->time_last_us = folder->time_last_us;
    }
    return KMB_OK;
}

enum kmb_status shard_replay(struct shard *shard, struct store_root *root, uint64_t op, struct kmb_error *error) {
    struct folder folder;
    struct log_keys keys = shard_log_keys(shard);
    struct log_replay run = {
        .op_first = op + 1,
        .op_last = log_head(shard->log).op,
        .keys = &keys,
        .each = replay_entry,
        .context = &folder,
    };
    struct tenant_times times = {.shard = shard, .error = error};
    drop_heads(shard);
    shard->head = root;
    enum kmb_status status = store_tenants(store_view_root(root), note_tenant_time, &times, error);
    folder_init(&folder, store_root_retain(root));
    if (status == KMB_OK && run.op_first <= run.op_last) {
        status = log_replay_run(&shard->io, shard->log_path, log_identity_of(shard->log), &run, error);
    }
    if (status == KMB_OK) {
        status = folder_flush(&folder, error);
    }
    if (status == KMB_OK) {
        status = adopt(shard, &folder, error);
    }
    folder_free(&folder);
    if (status != KMB_OK) {
        drop_heads(shard);
    }
    return status;
}

/* --- first facts -------------------------------------------------------------------------------------------------- */

enum kmb_status shard_check_clock_at_open(struct shard *shard, struct kmb_error *error) {
    (void)error;
    if (shard_now_us(shard) + CLOCK_BEHIND_MAX_US >= shard->time_last_us) {
        return KMB_OK;
    }
    if (!shard->accept_clock) {
        shard->clock_refused = true;
        shard->recovery.clock_refused = true;
        logger_write(&shard->logger, LOG_ERROR, "clock.behind", NULL);
        return KMB_OK; /* reading goes on */
    }
    shard->clock_note_due = true;
    return KMB_OK;
}

/* Runs one change of a tenant in a turn of its own and waits for it. */
static enum kmb_status change(struct shard *shard, struct tenant_id tenant,
                              enum kmb_status (*decide)(struct shard *shard, struct kernel_transaction *transaction,
                                                        const void *argument, struct kmb_error *error),
                              const void *argument, struct kmb_error *error) {
    struct shard_turn turn;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    struct shard_ticket ticket = {0};
    enum kmb_status status = shard_turn_begin(shard, &turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = shard_turn_state(&turn, tenant, &state, error);
    if (status == KMB_OK) {
        status = kernel_transaction_begin(state, shard_row_ids(shard), &transaction, error);
    }
    if (status == KMB_OK) {
        status = decide(shard, transaction, argument, error);
        if (status == KMB_OK) {
            status = shard_turn_commit(&turn, transaction, NULL, &ticket, error);
        } else {
            kernel_transaction_discard(transaction);
        }
    }
    kernel_state_release(state);
    shard_turn_end(&turn);
    return status == KMB_OK ? shard_wait(shard, ticket.op, error) : status;
}

static enum kmb_status decide_tenant(struct shard *shard, struct kernel_transaction *transaction, const void *argument,
                                     struct kmb_error *error) {
    const struct slice *name = argument;
    const struct kernel_state *state = kernel_transaction_base(transaction);
    if (state->facts.deleted) {
        return error_set(error, KMB_TENANT_EXISTS, "tenant %u was deleted, and its number is not used again",
                         state->tenant.value);
    }
    if (state->facts.exists) {
        if (slice_equal(state->facts.name, *name) || name->length == 0) {
            return KMB_OK;
        }
        return error_set(error, KMB_TENANT_EXISTS, "tenant %u already exists under the name \"%.*s\"",
                         state->tenant.value, (int)state->facts.name.length, (const char *)state->facts.name.bytes);
    }
    enum kmb_status status = kernel_create_tenant(transaction, *name, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct sign_key *key = NULL;
    struct event_checkpoint_key event = {.version = {keystore_version(shard->keys, 0, KEYSTORE_CHECKPOINT)}};
    status = keystore_checkpoint_key(shard->keys, event.version.value, &key, error);
    if (status != KMB_OK) {
        return status;
    }
    memcpy(event.verifier, sign_key_public(key)->bytes, sizeof(event.verifier));
    return kernel_set_checkpoint_key(transaction, EVENT_CHECKPOINT_KEY_SET, &event, error);
}

static enum kmb_status create_keys(struct shard *shard, uint32_t tenant, struct kmb_error *error) {
    struct shard_turn turn;
    enum kmb_status status = shard_turn_begin(shard, &turn, error);
    if (status == KMB_OK) {
        status = keystore_tenant_create(shard->keys, tenant, error);
        shard_turn_end(&turn);
    }
    return status;
}

/* Who is there already keeps its name, whichever that is. */
static enum kmb_status check_name(struct shard *shard, uint32_t tenant, struct slice name, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = keystore_tenant_exists(shard->keys, tenant)
                                 ? shard_state(shard, (struct tenant_id){tenant}, &state, error)
                                 : KMB_TENANT_NOT_FOUND;
    if (status == KMB_TENANT_NOT_FOUND) {
        error_clear(error);
        status = shard_tenant_may_have(shard, tenant, name, error);
    }
    kernel_state_release(state);
    return status;
}

static enum kmb_status create_tenant(struct shard *shard, uint32_t tenant, struct slice name, bool shared,
                                     struct kmb_error *error) {
    if (shard->read_only) {
        return error_set(error, KMB_READ_ONLY, "the database was opened read-only");
    }
    pthread_mutex_lock(&shard->creation);
    enum kmb_status status = shared ? KMB_OK : check_name(shard, tenant, name, error);
    if (status == KMB_OK && !keystore_tenant_exists(shard->keys, tenant)) {
        status = create_keys(shard, tenant, error);
    }
    if (status == KMB_OK) {
        status = change(shard, (struct tenant_id){tenant}, decide_tenant, &name, error);
    }
    if (status == KMB_OK) {
        shard_tenant_named(shard, tenant);
    }
    pthread_mutex_unlock(&shard->creation);
    return status;
}

enum kmb_status shard_tenant_create(struct shard *shard, uint32_t tenant, struct slice name, struct kmb_error *error) {
    return create_tenant(shard, tenant, name, false, error);
}

enum kmb_status shard_tenant_create_shared(struct shard *shard, uint32_t tenant, struct slice name,
                                           struct kmb_error *error) {
    return create_tenant(shard, tenant, name, true, error);
}

static enum kmb_status decide_deletion(struct shard *shard, struct kernel_transaction *transaction,
                                       const void *argument, struct kmb_error *error) {
    uint32_t *const *tables = argument;
    (void)shard;
    enum kmb_status status = shard_tenant_lives(kernel_transaction_base(transaction), error);
    return status == KMB_OK ? kernel_delete_tenant(transaction, *tables, error) : status;
}

enum kmb_status shard_tenant_delete(struct shard *shard, uint32_t tenant, uint32_t *tables, struct kmb_error *error) {
    if (tenant <= 1) {
        return error_set(error, KMB_USAGE, "tenant %u comes with the database and is not deleted", tenant);
    }
    if (shard->read_only) {
        return error_set(error, KMB_READ_ONLY, "the database was opened read-only");
    }
    enum kmb_status status = change(shard, (struct tenant_id){tenant}, decide_deletion, &tables, error);
    if (status == KMB_OK) {
        shard_tenant_unnamed(shard);
    }
    return status;
}

static enum kmb_status decide_clock(struct shard *shard, struct kernel_transaction *transaction, const void *argument,
                                    struct kmb_error *error) {
    (void)argument;
    return kernel_accept_clock(transaction, shard->time_last_us, shard_now_us(shard), error);
}

enum kmb_status shard_genesis(struct shard *shard, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (uint32_t tenant = 0; status == KMB_OK && tenant <= 1; tenant++) {
        struct shard_turn turn = {.shard = shard, .held = true};
        struct kernel_state *state = NULL;
        status = shard_turn_state(&turn, (struct tenant_id){tenant}, &state, error);
        bool missing = status == KMB_OK && !state->facts.exists;
        kernel_state_release(state);
        if (missing) {
            status = shard_tenant_create(shard, tenant, slice_text(""), error);
        }
    }
    if (status == KMB_OK && shard->clock_note_due) {
        shard->clock_note_due = false;
        status = change(shard, (struct tenant_id){0}, decide_clock, NULL, error);
    }
    return status;
}

/* --- checkpoints and seals ---------------------------------------------------------------------------------------- */

/* The published root, the op it stands for, and all slots moved to it, so that no tenant at rest pins an old one. */
static enum kmb_status published_for_checkpoint(struct shard *shard, struct store_root **root, uint64_t *op,
                                                uint64_t *cost, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    const struct map_entry *entry;
    pthread_mutex_lock(&shard->turn);
    for (size_t at = 0; status == KMB_OK && (entry = map_next(&shard->tenants, &at)) != NULL;) {
        struct shard_tenant *slot = entry->value;
        if (slot->head != NULL && slot->head->root != shard->head) {
            struct shard_turn turn = {.shard = shard, .held = true};
            struct kernel_state *moved = NULL;
            status = shard_turn_state(&turn, slot->id, &moved, error);
            kernel_state_release(moved);
        }
    }
    pthread_mutex_lock(&shard->commit);
    for (size_t at = 0; status == KMB_OK && (entry = map_next(&shard->tenants, &at)) != NULL;) {
        struct shard_tenant *slot = entry->value;
        if (slot->published != NULL && slot->published->root != shard->published) {
            struct kernel_state *moved = kernel_state_move(slot->published, shard->published);
            if (moved == NULL) {
                status = error_set(error, KMB_NO_MEMORY, "out of memory");
            } else {
                kernel_state_release(slot->published);
                slot->published = moved;
            }
        }
    }
    *root = store_root_retain(shard->published);
    *op = shard->published_op;
    *cost = shard->replay_cost_ns;
    pthread_mutex_unlock(&shard->commit);
    shard_turn_release(shard);
    return status;
}

enum kmb_status shard_write_checkpoint(struct shard *shard, struct kmb_error *error) {
    struct shard_root_record record = {0};
    uint8_t bytes[SHARD_ROOT_RECORD_SIZE];
    struct store_root *root = NULL;
    uint64_t cost = 0;
    pthread_mutex_lock(&shard->checkpoint);
    enum kmb_status status = published_for_checkpoint(shard, &root, &record.op, &cost, error);
    if (status == KMB_OK) {
        record.keystore_generation = keystore_generation(shard->keys);
        status =
            store_checkpoint(shard->store, root, slice_make(&record.op, sizeof(record.op)), &record.reference, error);
        if (status == KMB_IO) {
            /* After a failed sync the system may have dropped pages that we take for written. */
            status = shard_fail(shard, status, error);
        }
    }
    if (status == KMB_OK) {
        status = shard_lead_begin(shard, error);
    }
    if (status == KMB_OK) {
        status = log_superblock_write(shard->log, shard_root_record_encode(&record, bytes), false, error);
        shard_lead_end(shard);
        if (status != KMB_OK) {
            status = shard_fail(shard, status, error);
        }
    }
    if (status == KMB_OK) {
        store_checkpoint_confirmed(shard->store);
        atomic_fetch_add_explicit(&shard->counts.checkpoints, 1, memory_order_relaxed);
        pthread_mutex_lock(&shard->commit);
        shard->checkpoint_op = record.op;
        shard->replay_cost_ns -= cost;
        shard->checkpoint_ns = shard->environment.monotonic_ns(shard->environment.context);
        pthread_mutex_unlock(&shard->commit);
    }
    store_root_release(root);
    pthread_mutex_unlock(&shard->checkpoint);
    return status;
}

enum kmb_status shard_checkpoint(struct shard *shard, struct kmb_error *error) {
    if (shard->read_only) {
        return error_set(error, KMB_READ_ONLY, "the database was opened read-only");
    }
    return shard_write_checkpoint(shard, error);
}

enum kmb_status shard_tick(struct shard *shard, struct kmb_error *error) {
    if (shard->read_only) {
        return KMB_OK;
    }
    int64_t now = shard->environment.monotonic_ns(shard->environment.context);
    pthread_mutex_lock(&shard->commit);
    bool seal = !shard->sealed && !shard->leading && !shard->fatal && now - shard->committed_ns >= SEAL_IDLE_NS;
    bool checkpoint = !shard->fatal && shard->replay_cost_ns >= CHECKPOINT_REPLAY_NS &&
                      now - shard->checkpoint_ns >= CHECKPOINT_INTERVAL_NS;
    pthread_mutex_unlock(&shard->commit);
    enum kmb_status status = KMB_OK;
    if (seal) {
        status = shard_seal_idle(shard, error);
    }
    if (status == KMB_OK && checkpoint) {
        status = shard_write_checkpoint(shard, error);
    }
    return status;
}

struct hash_walk {
    struct store_root *root;
    struct buffer bytes;
};

static enum kmb_status hash_tenant(void *context, uint32_t tenant) {
    struct hash_walk *walk = context;
    struct hash256 hash;
    enum kmb_status status = store_state_hash(store_view_root(walk->root), tenant, &hash, NULL);
    if (status == KMB_OK) {
        buffer_u32(&walk->bytes, tenant);
        buffer_append(&walk->bytes, hash.bytes, sizeof(hash.bytes));
    }
    return status;
}

enum kmb_status shard_state_hash(struct shard *shard, struct hash256 *hash, struct kmb_error *error) {
    struct hash_walk walk = {.root = shard_published(shard)};
    enum kmb_status status = store_tenants(store_view_root(walk.root), hash_tenant, &walk, error);
    if (status == KMB_OK && !buffer_ok(&walk.bytes)) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_OK) {
        *hash = hash_sha256(walk.bytes.bytes, walk.bytes.length);
    }
    buffer_free(&walk.bytes);
    store_root_release(walk.root);
    return status;
}

/* --- the shard's thread ------------------------------------------------------------------------------------------- */

static void *upkeep(void *context) {
    struct shard *shard = context;
    pthread_mutex_lock(&shard->commit);
    while (!shard->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += THREAD_INTERVAL_NS;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        bool idle = shard->sealed && shard->replay_cost_ns < CHECKPOINT_REPLAY_NS;
        if (idle || shard->fatal) {
            shard->thread_idle = true;
            pthread_cond_wait(&shard->wake, &shard->commit);
            shard->thread_idle = false;
        } else {
            while (!shard->stopping && pthread_cond_timedwait(&shard->wake, &shard->commit, &until) == 0) {
                /* woken for nothing: the pause still ends at `until` */
            }
        }
        if (shard->stopping) {
            break;
        }
        pthread_mutex_unlock(&shard->commit);
        struct kmb_error error = {0};
        if (shard_tick(shard, &error) != KMB_OK) {
            logger_write(&shard->logger, LOG_ERROR, "upkeep.failed", "message", error.message, NULL);
        }
        pthread_mutex_lock(&shard->commit);
    }
    pthread_mutex_unlock(&shard->commit);
    return NULL;
}

enum kmb_status shard_thread_start(struct shard *shard, struct kmb_error *error) {
    sigset_t all, before; /* the host's signals are for the host's threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&shard->thread, NULL, upkeep, shard);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return error_set(error, KMB_INTERNAL, "cannot start a thread: %s", strerror(code));
    }
    shard->background = true;
    return KMB_OK;
}

void shard_thread_stop(struct shard *shard) {
    if (shard->background) {
        pthread_mutex_lock(&shard->commit);
        shard->stopping = true;
        pthread_cond_signal(&shard->wake);
        pthread_mutex_unlock(&shard->commit);
        pthread_join(shard->thread, NULL);
        shard->background = false;
    }
}
