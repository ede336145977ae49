/* What the files of the shard share. Nobody else includes this. */
#ifndef KMB_ENGINE_SHARD_INTERNAL_H
#define KMB_ENGINE_SHARD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/io_memory.h"
#include "base/map.h"
#include "engine/shard.h"

#define SHARD_LOG_DIRECTORY "log"
#define SHARD_STORE_FILE    "store.kst"
#define SHARD_LOCK_FILE     "LOCK"

/* A block in the making beyond this makes its writers wait for the one in flight: bounds memory and latency. */
#define SHARD_BLOCK_BYTES_SOFT ((uint64_t)16 << 20)

/* What the superblock keeps for us beside the log's own facts. */
struct shard_root_record {
    struct store_reference reference;
    uint64_t op;                  /* newest op whose events are in the referenced root */
    uint64_t keystore_generation; /* a key store older than this was put back */
};
#define SHARD_ROOT_RECORD_SIZE (STORE_REFERENCE_MAX + 16)

/* One tenant's newest states. Guarded: head by turn, published by commit. */
struct shard_tenant {
    struct tenant_id id;
    struct kernel_state *head;      /* NULL: not loaded; its root may be an older head root (then moved at use) */
    struct kernel_state *published; /* NULL: not loaded */
};

/* A block being filled and what it publishes. */
struct shard_block {
    struct log_block block;
    struct kernel_state **states; /* newest of each tenant in the block, held */
    size_t state_count;
    size_t state_capacity;
    uint64_t events; /* data events, for the estimate of replay */
};

struct shard {
    struct io io;
    struct environment environment;
    struct logger logger;
    char path[SHARD_PATH_MAX];
    char key_path[SHARD_PATH_MAX];
    char log_path[SHARD_PATH_MAX];
    char store_path[SHARD_PATH_MAX];
    bool read_only;
    bool accept_clock;
    struct io_file *lock_file;
    struct log *log;
    struct keystore *keys;
    struct store *store;
    struct io store_io;
    struct io_memory *store_memory; /* of a read-only shard whose store on disk can not serve */
    struct shard_recovery recovery;
    struct kernel_row_ids row_ids;
    struct sql_statistics *statistics; /* of all tenants' tables, for the planner */
    struct sql_usage *usage;
    struct shard_counts counts;
    struct locks *locks; /* advisory ones */
    struct notify *notify;
    atomic_uint_fast64_t transaction_number; /* the last given */

    /* The turn: one writer at a time. Given back by shard_turn_release() alone. */
    pthread_mutex_t turn;
    atomic_bool cut_wanted; /* a leader waits for the open block: whoever has the turn hands it over */
    struct store_root *head;
    struct shard_block blocks[2];
    unsigned open;            /* blocks[open] is being filled */
    uint64_t op_open;         /* its op */
    _Atomic uint64_t commits; /* into it and those before; changed within the turn */
    int64_t time_last_us;     /* newest commit time handed out */
    int64_t time_floor_us;    /* commits must be later than this */
    int64_t clock_wall_us;    /* wall and boot clock when last compared */
    int64_t clock_boot_ns;
    bool clock_refused;
    bool clock_note_due;    /* the operator accepted a clock behind the log: to be logged */
    struct map row_id_next; /* (tenant, table) -> next hidden row id */
    struct map sequences;   /* (tenant, sequence) -> struct kernel_sequence: where its turns are taken */
    pthread_mutex_t row_id_lock;

    /* Tenants by name. Taken before commit. */
    pthread_mutex_t creation; /* taken before all others: of a tenant, so that no two get one name */
    pthread_mutex_t names_lock;
    struct map names; /* the value is the number */
    bool names_loaded;

    /* Commit: who waits, what is published. Taken after turn where both are held. */
    pthread_mutex_t commit;
    pthread_cond_t committed;
    pthread_cond_t handed;  /* the open block was cut */
    struct shard_cut *cut;  /* what the leader waits for; NULL: nothing */
    bool leading;           /* somebody writes to the log or its superblock */
    uint64_t leading_bytes; /* of the block in flight; 0 none */
    struct store_root *published;
    _Atomic uint64_t published_op;      /* written under commit */
    struct shard_tenant *tenant_recent; /* the one asked for last, or NULL */
    struct map tenants; /* tenant id -> struct shard_tenant, made once, never removed; entries under commit */
    atomic_bool fatal;  /* written under commit, for good */
    struct kmb_error fatal_error;
    bool sealed;          /* the newest block is a seal block, or there is none */
    int64_t committed_ns; /* boot clock at the newest commit */

    pthread_mutex_t watch; /* held while they are called */
    struct shard_watcher *watchers;

    /* Checkpoints: one at a time. */
    pthread_mutex_t checkpoint;
    uint64_t checkpoint_op; /* newest op in the last checkpoint */
    int64_t checkpoint_ns;
    uint64_t replay_cost_ns; /* estimate for what is not in it; under commit */

    /* The shard's own thread. */
    bool background;
    bool stopping;    /* under commit */
    bool thread_idle; /* it sleeps until somebody wakes it; under commit */
    pthread_t thread;
    pthread_cond_t wake;
};

enum kmb_status shard_fail(struct shard *shard, enum kmb_status status, struct kmb_error *error);
/* Gives the turn back; a leader who waits for the open block gets it first. */
void shard_turn_release(struct shard *shard);
/* What kernel_row_ids asks. Any thread. */
struct kernel_sequence *shard_hold_sequence(void *context, struct tenant_id tenant, struct table_id sequence);
void shard_release_sequence(void *context);
uint64_t shard_take_row_ids(void *context, struct tenant_id tenant, struct table_id table, uint64_t floor,
                            uint64_t count);
/* The tenant's slot, made when absent; NULL: no memory. Under commit. */
struct shard_tenant *shard_tenant_slot(struct shard *shard, struct tenant_id tenant);
/* Whether a tenant that is made may get the name: shard_tenant_create() says what it answers. Under creation. */
enum kmb_status shard_tenant_may_have(struct shard *shard, uint32_t tenant, struct slice name, struct kmb_error *error);
/* The tenant has come into being: by its name it is found from now on. */
void shard_tenant_named(struct shard *shard, uint32_t tenant);
/* One is gone: its name is another's again, or nobody's. */
void shard_tenant_unnamed(struct shard *shard);
/* KMB_TENANT_NOT_FOUND: it is none, or none any more. */
enum kmb_status shard_tenant_lives(const struct kernel_state *state, struct kmb_error *error);
/* Evolves everything after op from the log; sets head and published. */
enum kmb_status shard_replay(struct shard *shard, struct store_root *root, uint64_t op, struct kmb_error *error);
/* First facts of tenants 0 and 1. */
enum kmb_status shard_genesis(struct shard *shard, struct kmb_error *error);
enum kmb_status shard_check_clock_at_open(struct shard *shard, struct kmb_error *error);
enum kmb_status shard_write_checkpoint(struct shard *shard, struct kmb_error *error);
enum kmb_status shard_thread_start(struct shard *shard, struct kmb_error *error);
void shard_thread_stop(struct shard *shard);
enum kmb_status shard_seal_idle(struct shard *shard, struct kmb_error *error);
/* Takes and gives back the right to write to the log. KMB_FATAL. */
enum kmb_status shard_lead_begin(struct shard *shard, struct kmb_error *error);
void shard_lead_end(struct shard *shard);
struct slice shard_root_record_encode(const struct shard_root_record *record, uint8_t bytes[SHARD_ROOT_RECORD_SIZE]);
bool shard_root_record_decode(struct slice bytes, struct shard_root_record *record);

#endif
