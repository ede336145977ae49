/*
 * A shard: one log, one store, one key store, and the path a change takes through them.
 *
 *     turn begin ── decide + evolve on a fork of the head ── seal into the open block ── turn end ── wait until durable
 *
 * The *head* is the newest state, not yet durable; the *published* root is the newest durable one, and what readers
 * pin. One thread at a time has the turn: it changes the head and adds entries to the open block. There is no writer
 * thread. Of the threads that wait for their block, one becomes the leader: it takes the open block, writes and syncs
 * it, and publishes its root, while others go on filling the next block. So group commit needs no timer, and one client
 * pays for one write, one sync and no hand-over.
 *
 * A failed write or sync makes the shard fatal for ever: nothing later is acknowledged, every call answers KMB_FATAL.
 *
 * Any thread may call; struct shard_turn belongs to the thread that has it. With options.background a thread of the
 * shard's own seals an idle log and writes checkpoints; without it the host calls shard_tick() (the simulator does).
 */
#ifndef KMB_ENGINE_SHARD_H
#define KMB_ENGINE_SHARD_H

#include "base/environment.h"
#include "base/histogram.h"
#include "base/io.h"
#include "base/logging.h"
#include "kernel/transaction.h"
#include "log/keystore.h"
#include "log/log.h"
#include "store/store.h"

#define SHARD_PATH_MAX 4096

struct locks;
struct notify;
struct shard;

struct shard_options {
    struct io io;
    struct environment environment;
    struct logger logger;      /* its context must outlive the shard */
    const char *path;          /* data directory */
    const char *key_path;      /* root key file; NULL: see key_directory, else "<path>.key" */
    const char *key_directory; /* with key_path NULL: "<key_directory>/<log uuid>.key" */
    const char *passphrase;    /* makes the root key: no file has it; NULL: none */
    const char *command;       /* for the lock file; NULL: unknown */
    uint64_t cache_bytes;      /* 0: the store's default */
    uint64_t segment_bytes;    /* when creating; 0: the log's default */
    bool create;               /* make it when it is not there */
    bool read_only;
    bool no_encryption; /* when creating */
    bool accept_clock;
    bool background;     /* run shard_tick() in a thread of its own */
    bool rebuild;        /* drop the store first */
    const uint8_t *uuid; /* when creating: 16 bytes; NULL: drawn from the environment */
};

/* What opening found. */
struct shard_recovery {
    struct log_recovery log;
    struct keystore_report keys;
    bool store_rebuilt;      /* the store was absent or damaged */
    char store_message[256]; /* why */
    uint64_t replayed_entries;
    bool clock_refused; /* the clock stands behind the log: writes are refused */
    bool created;
};

/*
 * Opens (or creates) the shard. KMB_LOCKED names the holder; KMB_NOT_A_DATABASE when nothing is there and create is not
 * set; otherwise as log_open(), keystore_open().
 */
enum kmb_status shard_open(const struct shard_options *options, struct shard **shard, struct kmb_error *error);
/* Waits for the block in flight, writes a checkpoint and a seal block, gives everything back, whatever the answer. */
enum kmb_status shard_close(struct shard *shard, struct kmb_error *error);
/* Gives everything back and writes nothing: the process died. For the simulator and tests. */
void shard_abandon(struct shard *shard);

const struct shard_recovery *shard_recovery_of(const struct shard *shard);
struct keystore *shard_keystore(struct shard *shard);
const struct log_identity *shard_identity(const struct shard *shard);
const struct environment *shard_environment(const struct shard *shard);
const struct io *shard_io(const struct shard *shard);
const char *shard_path(const struct shard *shard);
const char *shard_key_path(const struct shard *shard);
struct store *shard_store(struct shard *shard);
struct log_keys shard_log_keys(struct shard *shard); /* opens bodies with the key store's data keys */
bool shard_is_read_only(const struct shard *shard);
bool shard_is_encrypted(const struct shard *shard);
/* The newest durable root, held for the caller; and the newest durable op. */
struct store_root *shard_published(struct shard *shard);
uint64_t shard_published_op(struct shard *shard);
/* The newest durable state of a tenant, held for the caller. KMB_TENANT_NOT_FOUND. */
enum kmb_status shard_state(struct shard *shard, struct tenant_id tenant, struct kernel_state **state,
                            struct kmb_error *error);
/* The first tenant of that name; 0: there is none. */
enum kmb_status shard_tenant_find(struct shard *shard, struct slice name, struct tenant_id *tenant,
                                  struct kmb_error *error);
enum kmb_status shard_log_bytes(struct shard *shard, uint64_t *bytes, struct kmb_error *error); /* of segment files */
/* What the shard has done since it was opened; counts alone grow, and may be read at any time. */
struct shard_counts {
    _Atomic uint64_t blocks; /* synced */
    _Atomic uint64_t entries;
    _Atomic uint64_t log_bytes;
    _Atomic uint64_t checkpoints;
    struct histogram syncs; /* a block's write and sync */
};
struct shard_counts *shard_counts_of(struct shard *shard);
struct sql_log_figures;
void shard_figures(struct shard *shard, struct sql_log_figures *figures);
/* The first cause of a fatal shard as a status and error; KMB_OK while it lives. */
enum kmb_status shard_health(struct shard *shard, struct kmb_error *error);

/* --- writing -------------------------------------------------------------------------------------------------- */

struct shard_turn {
    struct shard *shard;
    bool held;
};

/* Waits for the turn. KMB_FATAL; KMB_READ_ONLY; KMB_CLOCK when writes are refused. */
enum kmb_status shard_turn_begin(struct shard *shard, struct shard_turn *turn, struct kmb_error *error);

/* The newest state of a tenant, not yet durable: what a transaction of this turn begins at. Held for the caller. */
enum kmb_status shard_turn_state(struct shard_turn *turn, struct tenant_id tenant, struct kernel_state **state,
                                 struct kmb_error *error);
/* The same without a turn: the newest state, which rests on what may not be durable before `op`. Held for the caller.
 */
enum kmb_status shard_head_state(struct shard *shard, struct tenant_id tenant, struct kernel_state **state,
                                 uint64_t *op, struct kmb_error *error);
/* Grows with every commit: what has not changed since is still the head. */
uint64_t shard_commits(const struct shard *shard);

/* Where hidden row ids come from, for kernel_transaction_begin(). */
const struct kernel_row_ids *shard_row_ids(struct shard *shard);
/* What its sessions keep of tables in common. */
struct sql_statistics *shard_statistics(const struct shard *shard);
/* How its tables and indexes are used. NULL: there was no memory for it. */
struct sql_usage *shard_usage(const struct shard *shard);

/* What they have to do with each other. NULL: there was no memory for it. */
struct locks *shard_locks(const struct shard *shard);
struct notify *shard_notify(const struct shard *shard);
/* A number for a transaction, larger than all before: of the clock, so that a restart does not begin again. */
uint64_t shard_transaction_number(struct shard *shard);

/* Who asked, for the entry header. */
struct shard_request {
    uint64_t session;
    uint64_t request;
};

/* What a commit came to. op 0: nothing was written. */
struct shard_ticket {
    uint64_t op;
    uint64_t sequence;
    uint64_t position; /* of the tenant after it */
    int64_t time_us;
    uint64_t bytes; /* of its entries */
};

/*
 * Makes the transaction's events the next entries of its tenant: validates it against the head (KMB_SERIALIZATION),
 * takes a commit time, seals the parts into the open block and makes the state after it the new head. The transaction
 * is gone whatever the answer. One without events answers the newest op handed out, so that its caller waits for what
 * it has read. On failure head and block are as before.
 */
enum kmb_status shard_turn_commit(struct shard_turn *turn, struct kernel_transaction *transaction,
                                  const struct shard_request *request, struct shard_ticket *ticket,
                                  struct kmb_error *error);
/* The newest op handed out so far: what this turn has seen is durable when it is. */
uint64_t shard_turn_newest(const struct shard_turn *turn);
void shard_turn_end(struct shard_turn *turn);

/* Waits until the op is durable and published, leading a group commit when nobody does. KMB_FATAL: its outcome is
 * unknown, and the next open tells. */
enum kmb_status shard_wait(struct shard *shard, uint64_t op, struct kmb_error *error);

/* Makes a tenant: keys first, then the facts. The turn must not be held. KMB_TENANT_EXISTS: it has another name, or
 * another has this one; KMB_INVALID_NAME: the name is the number of another. */
enum kmb_status shard_tenant_create(struct shard *shard, uint32_t tenant, struct slice name, struct kmb_error *error);
/* The same, but the name may be another's: for clients to whom a tenant is its number and the name a label. */
enum kmb_status shard_tenant_create_shared(struct shard *shard, uint32_t tenant, struct slice name,
                                           struct kmb_error *error);

/*
 * Deletes a tenant: the last event of its log. Its sessions are refused from then on (KMB_TENANT_NOT_FOUND) for
 * reading, the past too, and for writing; its number is not used again. Its log, its keys and its proofs stay as they
 * are. *tables: how many it had. KMB_TENANT_NOT_FOUND, also when it was deleted before; KMB_USAGE for the first.
 */
enum kmb_status shard_tenant_delete(struct shard *shard, uint32_t tenant, uint32_t *tables, struct kmb_error *error);

/*
 * Makes the answer of a read as of time_us final: commits from now on are later, and those handed out before are
 * published on return. KMB_TIME_IN_FUTURE: time_us is after the clock.
 */
enum kmb_status shard_time_settle(struct shard *shard, struct tenant_id tenant, int64_t time_us,
                                  struct kmb_error *error);
int64_t shard_now_us(const struct shard *shard);

/*
 * Who wants to know of publications. published() is called after each block with entries, by the thread that wrote it,
 * with the newest state of each tenant in it; it must not wait, nor call the shard.
 */
struct shard_watcher {
    void (*published)(void *context, struct kernel_state *const *states, size_t count);
    void *context;
    struct shard_watcher *next; /* the shard's */
};
void shard_watch(struct shard *shard, struct shard_watcher *watcher);
/* On return it is not being called and will not be. */
void shard_unwatch(struct shard *shard, struct shard_watcher *watcher);

/* --- upkeep --------------------------------------------------------------------------------------------------- */

/* Seals a log that has been idle and writes a checkpoint when replay would take long. Cheap when nothing is due. */
enum kmb_status shard_tick(struct shard *shard, struct kmb_error *error);
/* Writes a checkpoint of the published state now. */
enum kmb_status shard_checkpoint(struct shard *shard, struct kmb_error *error);
/* State hash over all tenants: SHA-256 of (tenant, store_state_hash) pairs in order of tenant, at the published root.
 */
enum kmb_status shard_state_hash(struct shard *shard, struct hash256 *hash, struct kmb_error *error);

#endif
