/*
 * The write path: turns, group commit, publication.
 *
 * Problem: many threads change one state, in one order, and each must be told only when its change is on disk; yet a
 * disk syncs a few hundred or thousand times a second. Idea: execution and durability are two locks. `turn` orders
 * execution: it guards the head and the block in the making. `commit` guards what is published. A thread whose entries
 * are in the open block waits at `commit`; the first to find nobody leading has the block cut, writes and syncs it
 * without any lock held, publishes, and wakes the rest. Everybody who arrived meanwhile is in the next block, already
 * executed and sealed when its leader comes. With one thread there is no hand-over: it leads its own block at once.
 *
 * Lock order: turn before commit before row_id_lock. Neither is held across a write or a sync.
 */
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/notify.h"
#include "engine/shard_internal.h"

/* A clock that runs apart from the boot clock by more than this was set by somebody. */
#define CLOCK_JUMP_MAX_US INT64_C(1000000)
/* Shorter bodies are not worth packing. Longer ones are: rows repeat themselves, and the disk is slower than LZ4. */
#define PACK_BYTES_MIN ((size_t)1024)
/* Estimate of what replay costs; see bench/README.md for the figures behind it. */
#define REPLAY_EVENT_NS UINT64_C(4000)
#define REPLAY_BYTE_NS  UINT64_C(2)

int64_t shard_now_us(const struct shard *shard) {
    return shard->environment.time_us(shard->environment.context);
}

static int64_t boot_ns(const struct shard *shard) {
    return shard->environment.monotonic_ns(shard->environment.context);
}

/* Remembers the first cause; every later call answers it. */
enum kmb_status shard_fail(struct shard *shard, enum kmb_status status, struct kmb_error *error) {
    pthread_mutex_lock(&shard->commit);
    if (!shard->fatal) {
        struct kmb_error cause = {0};
        if (error != NULL) {
            cause = *error;
        }
        error_set(&shard->fatal_error, KMB_FATAL, "the database stopped after a failed write: %s",
                  cause.message[0] != 0 ? cause.message : status_row_of(status)->name);
        error_hint(&shard->fatal_error, "Close and open it again: what was acknowledged is there.");
        atomic_store(&shard->fatal, true);
        logger_write(&shard->logger, LOG_ERROR, "shard.fatal", "cause", shard->fatal_error.message, NULL);
    }
    if (error != NULL) {
        *error = shard->fatal_error;
    }
    pthread_cond_broadcast(&shard->committed);
    pthread_mutex_unlock(&shard->commit);
    return KMB_FATAL;
}

enum kmb_status shard_health(struct shard *shard, struct kmb_error *error) {
    if (!atomic_load(&shard->fatal)) {
        return KMB_OK;
    }
    pthread_mutex_lock(&shard->commit);
    if (error != NULL) {
        *error = shard->fatal_error;
    }
    pthread_mutex_unlock(&shard->commit);
    return KMB_FATAL;
}

/* --- tenants' states -------------------------------------------------------------------------------------------- */

/* NULL: it was not asked for yet. Under commit. */
static struct shard_tenant *slot_known(const struct shard *shard, struct tenant_id tenant) {
    if (shard->tenant_recent != NULL && shard->tenant_recent->id.value == tenant.value) {
        return shard->tenant_recent;
    }
    return map_get(&shard->tenants, slice_make(&tenant.value, sizeof(tenant.value)));
}

struct shard_tenant *shard_tenant_slot(struct shard *shard, struct tenant_id tenant) {
    struct slice key = slice_make(&tenant.value, sizeof(tenant.value));
    struct shard_tenant *slot = slot_known(shard, tenant);
    if (slot == NULL) {
        slot = mem_alloc_zero(1, sizeof(*slot));
        if (slot == NULL || !map_put(&shard->tenants, key, slot)) {
            mem_free(slot);
            return NULL;
        }
        slot->id = tenant;
    }
    shard->tenant_recent = slot;
    return slot;
}

/* Brings a state to a root that differs only in other tenants. */
static enum kmb_status move_to_root(struct kernel_state **state, struct store_root *root, struct kmb_error *error) {
    if ((*state)->root == root) {
        return KMB_OK;
    }
    struct kernel_state *moved = kernel_state_move(*state, root);
    if (moved == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    kernel_state_release(*state);
    *state = moved;
    return KMB_OK;
}

enum kmb_status shard_tenant_lives(const struct kernel_state *state, struct kmb_error *error) {
    if (state->facts.exists && !state->facts.deleted) {
        return KMB_OK;
    }
    error_set(error, KMB_TENANT_NOT_FOUND, "tenant not found: %u", state->tenant.value);
    error_hint(error, "\"kimberlite tenant list\" shows the tenants there are.");
    return KMB_TENANT_NOT_FOUND;
}

/* The first look at a tenant. One that is none leaves nothing behind: numbers of tenants come from anybody. */
static enum kmb_status open_published(struct shard *shard, struct tenant_id tenant, struct kernel_state **state,
                                      struct kmb_error *error) {
    enum kmb_status status = kernel_state_open(shard->published, tenant, NULL, state, error);
    if (status == KMB_OK) {
        status = shard_tenant_lives(*state, error);
    }
    struct shard_tenant *slot = status == KMB_OK ? shard_tenant_slot(shard, tenant) : NULL;
    if (status == KMB_OK && slot == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status != KMB_OK) {
        kernel_state_release(*state);
        *state = NULL;
    } else {
        slot->published = kernel_state_retain(*state);
    }
    return status;
}

enum kmb_status shard_state(struct shard *shard, struct tenant_id tenant, struct kernel_state **state,
                            struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    *state = NULL;
    pthread_mutex_lock(&shard->commit);
    struct shard_tenant *slot = slot_known(shard, tenant);
    if (slot != NULL && slot->published != NULL) {
        status = shard_tenant_lives(slot->published, error);
        status = status == KMB_OK ? move_to_root(&slot->published, shard->published, error) : status;
        *state = status == KMB_OK ? kernel_state_retain(slot->published) : NULL;
    } else {
        status = open_published(shard, tenant, state, error);
    }
    pthread_mutex_unlock(&shard->commit);
    return status;
}

struct store_root *shard_published(struct shard *shard) {
    pthread_mutex_lock(&shard->commit);
    struct store_root *root = store_root_retain(shard->published);
    pthread_mutex_unlock(&shard->commit);
    return root;
}

uint64_t shard_published_op(struct shard *shard) {
    return atomic_load(&shard->published_op);
}

/* --- turns ------------------------------------------------------------------------------------------------------ */

/* Wall and boot clock must advance alike; called under turn. */
static enum kmb_status check_clock(struct shard *shard, struct kmb_error *error) {
    int64_t wall = shard_now_us(shard);
    int64_t boot = boot_ns(shard);
    int64_t drift = (wall - shard->clock_wall_us) - (boot - shard->clock_boot_ns) / 1000;
    shard->clock_wall_us = wall;
    shard->clock_boot_ns = boot;
    if ((drift > CLOCK_JUMP_MAX_US || drift < -CLOCK_JUMP_MAX_US) && !shard->accept_clock) {
        shard->clock_refused = true;
        logger_write(&shard->logger, LOG_ERROR, "clock.jump", NULL);
    }
    if (shard->clock_refused) {
        error_set(error, KMB_CLOCK, "the clock jumped or stands behind the log; writes are refused");
        error_hint(error, "Set the clock right, or open with --accept-clock, which is recorded.");
        return KMB_CLOCK;
    }
    return KMB_OK;
}

enum kmb_status shard_turn_begin(struct shard *shard, struct shard_turn *turn, struct kmb_error *error) {
    *turn = (struct shard_turn){.shard = shard};
    if (shard->read_only) {
        return error_set(error, KMB_READ_ONLY, "the database was opened read-only");
    }
    for (;;) {
        pthread_mutex_lock(&shard->turn);
        enum kmb_status status = shard_health(shard, error);
        if (status == KMB_OK) {
            status = check_clock(shard, error);
        }
        if (status != KMB_OK) {
            shard_turn_release(shard);
            return status;
        }
        if (shard->blocks[shard->open].block.length <= SHARD_BLOCK_BYTES_SOFT) {
            turn->held = true;
            return KMB_OK;
        }
        uint64_t op = shard->op_open;
        shard_turn_release(shard);
        status = shard_wait(shard, op, error);
        if (status != KMB_OK) {
            return status;
        }
    }
}

uint64_t shard_turn_newest(const struct shard_turn *turn) {
    const struct shard *shard = turn->shard;
    ASSERT(turn->held);
    return shard->blocks[shard->open].block.header.count == 0 ? shard->op_open - 1 : shard->op_open;
}

void shard_turn_end(struct shard_turn *turn) {
    if (turn->held) {
        turn->held = false;
        shard_turn_release(turn->shard);
    }
}

enum kmb_status shard_turn_state(struct shard_turn *turn, struct tenant_id tenant, struct kernel_state **state,
                                 struct kmb_error *error) {
    struct shard *shard = turn->shard;
    ASSERT(turn->held);
    *state = NULL;
    pthread_mutex_lock(&shard->commit);
    struct shard_tenant *slot = shard_tenant_slot(shard, tenant);
    pthread_mutex_unlock(&shard->commit);
    if (slot == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = slot->head == NULL ? kernel_state_open(shard->head, tenant, NULL, &slot->head, error)
                                                : move_to_root(&slot->head, shard->head, error);
    if (status == KMB_OK) {
        *state = kernel_state_retain(slot->head);
    }
    return status;
}

uint64_t shard_commits(const struct shard *shard) {
    return atomic_load(&shard->commits);
}

enum kmb_status shard_head_state(struct shard *shard, struct tenant_id tenant, struct kernel_state **state,
                                 uint64_t *op, struct kmb_error *error) {
    struct shard_turn turn;
    *state = NULL;
    enum kmb_status status = shard_turn_begin(shard, &turn, error);
    if (status == KMB_OK) {
        status = shard_turn_state(&turn, tenant, state, error);
        *op = shard_turn_newest(&turn);
        shard_turn_end(&turn);
    }
    return status;
}

uint64_t shard_take_row_ids(void *context, struct tenant_id tenant, struct table_id table, uint64_t floor,
                            uint64_t count) {
    struct shard *shard = context;
    uint32_t words[2] = {tenant.value, table.value};
    struct slice key = slice_make(words, sizeof(words));
    pthread_mutex_lock(&shard->row_id_lock);
    uint64_t *next = map_get(&shard->row_id_next, key);
    if (next == NULL) {
        next = mem_alloc_zero(1, sizeof(*next));
        if (next != NULL && !map_put(&shard->row_id_next, key, next)) {
            mem_free(next);
            next = NULL;
        }
    }
    uint64_t first = floor; /* without memory: the state's counter; a clash is then found when committing */
    if (next != NULL) {
        first = *next > floor ? *next : floor;
        *next = first + count;
    }
    pthread_mutex_unlock(&shard->row_id_lock);
    return first;
}

struct kernel_sequence *shard_hold_sequence(void *context, struct tenant_id tenant, struct table_id sequence) {
    struct shard *shard = context;
    uint32_t words[2] = {tenant.value, sequence.value};
    struct slice key = slice_make(words, sizeof(words));
    pthread_mutex_lock(&shard->row_id_lock);
    struct kernel_sequence *place = map_get(&shard->sequences, key);
    if (place == NULL) {
        place = mem_alloc_zero(1, sizeof(*place));
        if (place != NULL && !map_put(&shard->sequences, key, place)) {
            mem_free(place);
            place = NULL;
        }
    }
    if (place == NULL) {
        pthread_mutex_unlock(&shard->row_id_lock);
    }
    return place;
}

void shard_release_sequence(void *context) {
    struct shard *shard = context;
    pthread_mutex_unlock(&shard->row_id_lock);
}

const struct kernel_row_ids *shard_row_ids(struct shard *shard) {
    return &shard->row_ids; /* filled by shard_open(): any thread may be here */
}

struct sql_statistics *shard_statistics(const struct shard *shard) {
    return shard->statistics;
}

struct sql_usage *shard_usage(const struct shard *shard) {
    return shard->usage;
}

struct locks *shard_locks(const struct shard *shard) {
    return shard->locks;
}

uint64_t shard_transaction_number(struct shard *shard) {
    uint64_t now = (uint64_t)shard_now_us(shard);
    uint64_t last = atomic_load(&shard->transaction_number);
    uint64_t next = now;
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&shard->transaction_number, &last, next));
    return next;
}

struct notify *shard_notify(const struct shard *shard) {
    return shard->notify;
}

/* --- committing into the open block ------------------------------------------------------------------------------ */

static void block_forget(struct shard_block *block) {
    for (size_t i = 0; i < block->state_count; i++) {
        kernel_state_release(block->states[i]);
    }
    block->state_count = 0;
    block->events = 0;
}

/* Room for one more state, so that noting it later cannot fail. */
static enum kmb_status block_reserve_state(struct shard_block *block, struct kmb_error *error) {
    if (block->state_count < block->state_capacity) {
        return KMB_OK;
    }
    size_t capacity = block->state_capacity == 0 ? 16 : block->state_capacity * 2;
    struct kernel_state **states = mem_realloc(block->states, capacity * sizeof(struct kernel_state *));
    if (states == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    block->states = states;
    block->state_capacity = capacity;
    return KMB_OK;
}

static void block_note_state(struct shard_block *block, struct kernel_state *state) {
    for (size_t i = 0; i < block->state_count; i++) {
        if (block->states[i]->tenant.value == state->tenant.value) {
            kernel_state_release(block->states[i]);
            block->states[i] = kernel_state_retain(state);
            return;
        }
    }
    ASSERT(block->state_count < block->state_capacity);
    block->states[block->state_count++] = kernel_state_retain(state);
}

/* Seals every part into the open block and records its entry. */
static enum kmb_status append_parts(struct shard *shard, struct kernel_transaction *transaction,
                                    const struct kernel_state *head, const struct shard_request *request,
                                    struct shard_ticket *ticket, struct kmb_error *error) {
    struct shard_block *open = &shard->blocks[shard->open];
    struct tenant_id tenant = head->tenant;
    uint32_t key_version = keystore_version(shard->keys, tenant.value, KEYSTORE_DATA);
    struct aead_key *key = NULL;
    enum kmb_status status = keystore_key(shard->keys, tenant.value, KEYSTORE_DATA, key_version, &key, error);
    struct hash256 previous =
        head->sequence == 0 ? log_tenant_genesis(shard_identity(shard)->uuid, tenant.value) : head->entry_hash;
    uint32_t parts = kernel_transaction_part_count(transaction);
    for (uint32_t i = 0; status == KMB_OK && i < parts; i++) {
        struct kernel_part part;
        kernel_transaction_part(transaction, i, &part);
        struct log_entry entry = {
            .kind = LOG_ENTRY_EVENTS,
            .flags = part.last ? LOG_ENTRY_LAST_PART : 0,
            .codec = part.body.length >= PACK_BYTES_MIN ? LOG_CODEC_LZ4 : LOG_CODEC_NONE,
            .tenant = tenant.value,
            .sequence = part.sequence,
            .position_before = part.position_before,
            .position_after = part.position_after,
            .commit_time_us = ticket->time_us,
            .session = request == NULL ? 0 : request->session,
            .request = request == NULL ? 0 : request->request,
            .key_id = key == NULL ? 0 : KEYSTORE_KEY_ID,
            .key_version = key == NULL ? 0 : key_version,
            .previous = previous,
        };
        struct hash256 hash;
        status = log_block_append(&open->block, &entry, part.body, key, &shard->environment, &hash, error);
        if (status == KMB_OK) {
            status = kernel_transaction_entry(transaction, i, &entry, shard->op_open, &hash, error);
            previous = hash;
            ticket->sequence = part.sequence;
            ticket->position = part.position_after;
        }
    }
    return status;
}

static enum kmb_status reserve_space(struct shard *shard, const struct kernel_transaction *transaction,
                                     struct kmb_error *error) {
    uint64_t bytes = 0;
    uint32_t parts = kernel_transaction_part_count(transaction);
    for (uint32_t i = 0; i < parts; i++) {
        struct kernel_part part;
        kernel_transaction_part(transaction, i, &part);
        bytes += part.body.length + LOG_ENTRY_HEADER_SIZE + AEAD_NONCE_SIZE + AEAD_TAG_SIZE;
    }
    struct log_block *open = &shard->blocks[shard->open].block;
    pthread_mutex_lock(&shard->commit);
    uint64_t in_flight = shard->leading_bytes;
    pthread_mutex_unlock(&shard->commit);
    enum kmb_status status = log_reserve(shard->log, in_flight + log_block_size(open->length + bytes), error);
    if (status == KMB_OK) {
        status = store_reserve(shard->store, 2 * bytes, error);
    }
    return status;
}

enum kmb_status shard_turn_commit(struct shard_turn *turn, struct kernel_transaction *transaction,
                                  const struct shard_request *request, struct shard_ticket *ticket,
                                  struct kmb_error *error) {
    struct shard *shard = turn->shard;
    struct shard_block *open = &shard->blocks[shard->open];
    struct tenant_id tenant = kernel_transaction_base(transaction)->tenant;
    struct kernel_state *head = NULL;
    struct kernel_state *state = NULL;
    *ticket = (struct shard_ticket){0};
    enum kmb_status status = shard_turn_state(turn, tenant, &head, error);
    if (status != KMB_OK) {
        kernel_transaction_discard(transaction);
        return status;
    }
    if (kernel_transaction_empty(transaction)) {
        *ticket = (struct shard_ticket){.op = shard_turn_newest(turn),
                                        .sequence = head->sequence,
                                        .position = head->position,
                                        .time_us = head->time_us};
        kernel_transaction_discard(transaction);
        kernel_state_release(head);
        return KMB_OK;
    }
    if (head->facts.deleted) {
        kernel_transaction_discard(transaction);
        status = shard_tenant_lives(head, error);
        kernel_state_release(head);
        return status;
    }
    struct log_block_mark mark = log_block_mark(&open->block);
    uint64_t position = head->position;
    uint64_t length = open->block.length;
    int64_t now = shard_now_us(shard);
    int64_t least = (shard->time_last_us > shard->time_floor_us ? shard->time_last_us : shard->time_floor_us) + 1;
    ticket->time_us = now > least ? now : least;
    ticket->op = shard->op_open;
    status = kernel_transaction_prepare(transaction, head, error);
    if (status == KMB_OK) {
        status = block_reserve_state(open, error);
    }
    if (status == KMB_OK) {
        status = reserve_space(shard, transaction, error);
    }
    if (status == KMB_OK) {
        status = append_parts(shard, transaction, head, request, ticket, error);
    }
    kernel_state_release(head);
    if (status == KMB_OK) {
        status = kernel_transaction_finish(transaction, &state, error);
    } else {
        kernel_transaction_discard(transaction);
    }
    if (status != KMB_OK) {
        log_block_rewind(&open->block, mark);
        *ticket = (struct shard_ticket){0};
        return status;
    }
    pthread_mutex_lock(&shard->commit);
    struct shard_tenant *slot = shard_tenant_slot(shard, tenant);
    pthread_mutex_unlock(&shard->commit);
    ASSERT(slot != NULL); /* made by shard_turn_state */
    block_note_state(open, state);
    open->events += ticket->position - position;
    ticket->bytes = open->block.length - length;
    kernel_state_release(slot->head);
    slot->head = state;
    store_root_release(shard->head);
    shard->head = store_root_retain(state->root);
    store_root_mark(shard->head, ticket->op);
    shard->time_last_us = ticket->time_us;
    atomic_fetch_add(&shard->commits, 1);
    return KMB_OK;
}

/* --- group commit ------------------------------------------------------------------------------------------------ */

enum kmb_status shard_lead_begin(struct shard *shard, struct kmb_error *error) {
    pthread_mutex_lock(&shard->commit);
    while (shard->leading && !shard->fatal) {
        pthread_cond_wait(&shard->committed, &shard->commit);
    }
    bool fatal = shard->fatal;
    if (fatal && error != NULL) {
        *error = shard->fatal_error;
    }
    if (!fatal) {
        shard->leading = true;
    }
    pthread_mutex_unlock(&shard->commit);
    return fatal ? KMB_FATAL : KMB_OK;
}

void shard_lead_end(struct shard *shard) {
    pthread_mutex_lock(&shard->commit);
    shard->leading = false;
    shard->leading_bytes = 0;
    pthread_cond_broadcast(&shard->committed);
    pthread_mutex_unlock(&shard->commit);
}

/* The open block taken away from the writers. An empty one only as a seal: else NULL. */
struct shard_cut {
    bool seal;
    bool done;
    struct shard_block *block;
    struct store_root *root; /* the state after it, held */
};

/* Under turn and commit. */
static void cut_block(struct shard *shard, struct shard_cut *cut) {
    struct shard_block *open = &shard->blocks[shard->open];
    cut->done = true;
    if ((open->block.header.count == 0) == cut->seal) {
        cut->block = open;
        cut->root = store_root_retain(shard->head);
        shard->open ^= 1u;
        shard->op_open++;
        log_block_begin(&shard->blocks[shard->open].block, shard->op_open, 0);
        shard->leading_bytes = log_block_size(open->block.length);
    }
}

/* Under turn. */
static void hand_over(struct shard *shard) {
    pthread_mutex_lock(&shard->commit);
    if (shard->cut != NULL) {
        cut_block(shard, shard->cut);
        shard->cut = NULL;
        atomic_store(&shard->cut_wanted, false);
        pthread_cond_signal(&shard->handed);
    }
    pthread_mutex_unlock(&shard->commit);
}

void shard_turn_release(struct shard *shard) {
    do {
        if (atomic_load(&shard->cut_wanted)) {
            hand_over(shard);
        }
        pthread_mutex_unlock(&shard->turn);
        /* Who asked behind our look and found the turn taken relies on this one. */
    } while (atomic_load(&shard->cut_wanted) && pthread_mutex_trylock(&shard->turn) == 0);
}

/* A leader does not queue for the turn: it would be woken for nothing whenever a writer is quicker. It asks, and
 * whoever has the turn cuts the block at its end. */
static struct shard_block *take_block(struct shard *shard, bool seal, struct store_root **root) {
    struct shard_cut cut = {.seal = seal};
    pthread_mutex_lock(&shard->commit);
    ASSERT(shard->cut == NULL); /* there is one leader */
    shard->cut = &cut;
    atomic_store(&shard->cut_wanted, true);
    pthread_mutex_unlock(&shard->commit);
    if (pthread_mutex_trylock(&shard->turn) == 0) {
        shard_turn_release(shard);
    }
    pthread_mutex_lock(&shard->commit);
    while (!cut.done) {
        pthread_cond_wait(&shard->handed, &shard->commit);
    }
    pthread_mutex_unlock(&shard->commit);
    *root = cut.root;
    return cut.block;
}

void shard_watch(struct shard *shard, struct shard_watcher *watcher) {
    pthread_mutex_lock(&shard->watch);
    watcher->next = shard->watchers;
    shard->watchers = watcher;
    pthread_mutex_unlock(&shard->watch);
}

void shard_unwatch(struct shard *shard, struct shard_watcher *watcher) {
    pthread_mutex_lock(&shard->watch);
    struct shard_watcher **place = &shard->watchers;
    while (*place != watcher) {
        ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    *place = watcher->next;
    pthread_mutex_unlock(&shard->watch);
}

static void tell_watchers(struct shard *shard, const struct shard_block *block) {
    pthread_mutex_lock(&shard->watch);
    for (struct shard_watcher *watcher = shard->watchers; watcher != NULL && block->state_count > 0;
         watcher = watcher->next) {
        watcher->published(watcher->context, block->states, block->state_count);
    }
    pthread_mutex_unlock(&shard->watch);
}

static void publish(struct shard *shard, struct shard_block *block, struct store_root *root) {
    pthread_mutex_lock(&shard->commit);
    for (size_t i = 0; i < block->state_count; i++) {
        struct shard_tenant *slot = shard_tenant_slot(shard, block->states[i]->tenant);
        ASSERT(slot != NULL); /* made when its transaction began */
        kernel_state_release(slot->published);
        slot->published = kernel_state_retain(block->states[i]);
    }
    store_root_release(shard->published);
    shard->published = root;
    shard->published_op = block->block.header.op;
    shard->replay_cost_ns += block->events * REPLAY_EVENT_NS + block->block.length * REPLAY_BYTE_NS;
    shard->sealed = block->block.header.count == 0;
    if (!shard->sealed) {
        shard->committed_ns = boot_ns(shard);
        if (shard->thread_idle) {
            pthread_cond_signal(&shard->wake);
        }
    }
    uint64_t op = shard->published_op;
    pthread_mutex_unlock(&shard->commit);
    if (shard->notify != NULL) {
        notify_publish(shard->notify, op);
    }
    tell_watchers(shard, block);
    block_forget(block);
}

/* Writes, syncs and publishes the open block; with seal an empty one, and nothing when it has entries. The caller
 * leads. */
static enum kmb_status lead_block(struct shard *shard, bool seal, struct kmb_error *error) {
    struct store_root *root = NULL;
    struct shard_block *block = take_block(shard, seal, &root);
    if (block == NULL) {
        return KMB_OK;
    }
    struct log_place head = log_head(shard->log);
    log_block_finish(&block->block, &head.hash, log_synced_op(shard->log), shard_now_us(shard));
    int64_t begun_ns = boot_ns(shard);
    enum kmb_status status = log_write(shard->log, &block->block, error);
    if (status == KMB_OK) {
        status = log_sync(shard->log, error);
    }
    histogram_add(&shard->counts.syncs, (uint64_t)(boot_ns(shard) - begun_ns));
    if (status != KMB_OK) {
        block_forget(block);
        store_root_release(root);
        return shard_fail(shard, status, error);
    }
    atomic_fetch_add_explicit(&shard->counts.blocks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->counts.entries, block->block.header.count, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->counts.log_bytes, log_block_size(block->block.header.length),
                              memory_order_relaxed);
    publish(shard, block, root);
    return KMB_OK;
}

struct shard_counts *shard_counts_of(struct shard *shard) {
    return &shard->counts;
}

enum kmb_status shard_wait(struct shard *shard, uint64_t op, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    pthread_mutex_lock(&shard->commit);
    while (status == KMB_OK && shard->published_op < op) {
        if (shard->fatal) {
            if (error != NULL) {
                *error = shard->fatal_error;
            }
            status = KMB_FATAL;
        } else if (shard->leading) {
            pthread_cond_wait(&shard->committed, &shard->commit);
        } else {
            shard->leading = true;
            pthread_mutex_unlock(&shard->commit);
            status = lead_block(shard, false, error);
            shard_lead_end(shard);
            pthread_mutex_lock(&shard->commit);
        }
    }
    pthread_mutex_unlock(&shard->commit);
    return status;
}

/* A block without entries says that the newest one is synced: a crash can then cut nothing that was acknowledged. */
enum kmb_status shard_seal_idle(struct shard *shard, struct kmb_error *error) {
    struct kmb_error full = {0};
    enum kmb_status status = shard_lead_begin(shard, error);
    if (status == KMB_OK) {
        /* Without room for it the log stays unsealed: nothing was promised, and the next commit says that it is full.
         */
        status = log_reserve(shard->log, log_block_size(0), &full);
        if (status == KMB_OK) {
            status = lead_block(shard, true, error);
        } else if (status == KMB_DISK_FULL) {
            status = KMB_OK;
        } else if (error != NULL) {
            *error = full;
        }
        shard_lead_end(shard);
    }
    return status;
}

enum kmb_status shard_time_settle(struct shard *shard, struct tenant_id tenant, int64_t time_us,
                                  struct kmb_error *error) {
    if (time_us > shard_now_us(shard)) {
        error_set(error, KMB_TIME_IN_FUTURE, "cannot read as of a time in the future");
        error_hint(error, "Leave the clause out to read the present.");
        return KMB_TIME_IN_FUTURE;
    }
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(shard, tenant, &state, error);
    if (status != KMB_OK) {
        return status;
    }
    bool settled = time_us <= state->time_us || shard->read_only; /* later commits of the tenant are later in time */
    kernel_state_release(state);
    if (settled) {
        return KMB_OK;
    }
    pthread_mutex_lock(&shard->turn);
    if (shard->time_floor_us < time_us) {
        shard->time_floor_us = time_us;
    }
    uint64_t op = shard->blocks[shard->open].block.header.count == 0 ? shard->op_open - 1 : shard->op_open;
    shard_turn_release(shard);
    return shard_wait(shard, op, error);
}
