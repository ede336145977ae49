/*
 * The world around the database in a run: a disk that loses and tears, a clock that goes by itself, randomness that
 * can be repeated; and the database standing in it, opened, killed and opened again.
 *
 * One seed decides everything. A *life* is the time from one open of the database to its end. What a life's faults
 * excuse is answered by world_excuses(): a status that nothing excuses is a violation.
 */
#ifndef KMB_VOPR_WORLD_H
#define KMB_VOPR_WORLD_H

#include "base/environment.h"
#include "base/io_fault.h"
#include "base/io_memory.h"
#include "engine/shard.h"
#include "kimberlite.h"
#include "vopr/model.h"

#define WORLD_DATA     "/data"
#define WORLD_KEY      "/data.key"
#define WORLD_SESSIONS 2 /* of each tenant */

/* What a run adds up to; runs are added to each other. */
struct world_counts {
    uint64_t transactions; /* acknowledged */
    uint64_t refused;      /* answered with an error, and absent */
    uint64_t unknown;      /* outcome found by reading after the next open */
    uint64_t reads;
    uint64_t syncs;
    uint64_t calls;
    uint64_t recoveries;     /* opens after a crash or a fatal error */
    uint64_t rebuilds;       /* of the store, by an open */
    uint64_t lost_recovered; /* acknowledged transactions that only the log had, found again */
    uint64_t damage_rounds;  /* bit flips at rest, tried on a copy of the disk */
    uint64_t damage_found;   /* of them reported by verify, by open, or by a read */
    uint64_t full_rounds;    /* times the disk was full and had room again */
    uint64_t writes_lost;    /* unsynced writes that crashes took */
    uint64_t applied[IO_FAULT_KINDS];
};
void world_counts_add(struct world_counts *sum, const struct world_counts *counts);

struct world {
    uint64_t seed;
    struct prng choice; /* what the workload does */
    struct prng random; /* the database's randomness */
    struct prng fate;   /* faults and crashes */
    int64_t clock_us;   /* since the world began */
    struct environment environment;
    struct io_memory *disk;
    struct io disk_io;
    struct io_fault *fault;
    unsigned fault_window; /* a planned fault hits this many calls from its own on, where it can: 1..32 */
    uint64_t segment_bytes;
    uint64_t cache_bytes;
    struct shard *shard; /* NULL: not open */
    kmb_db *db;
    kmb_session *sessions[MODEL_TENANTS][WORLD_SESSIONS];
    struct log_identity identity; /* of the log, once opened */
    bool created;                 /* the database was opened once: it must be there ever after */
    bool damaged;                 /* the disk was changed behind the database's back */
    bool rebuild;                 /* the next open drops the store */
    bool full;                    /* the disk has little room */
    enum io_crash_mode crash_mode;
    void (*before_crash)(
        void *context); /* sees the disk as it was written, before the crash takes of it; may be NULL */
    void *before_crash_context;
    void (*life_ended)(void *context, const struct io_fault *fault); /* what its calls were; may be NULL */
    void *life_ended_context;
    struct world_counts counts;
};

/* Asserts memory; a run that finds none tells nothing. */
void world_init(struct world *world, uint64_t seed, uint64_t capacity_bytes);
void world_free(struct world *world);

/* Begins a life. fault_call 0: without a planned fault, else the call of this life that it hits. */
enum kmb_status world_open(struct world *world, enum io_fault_kind kind, uint64_t fault_call, struct kmb_error *error);
/* Ends a life well: checkpoint, seal, closed mark. */
enum kmb_status world_close(struct world *world, struct kmb_error *error);
/* The machine dies, unless it is dead already; then everything of the process goes. */
void world_crash(struct world *world, enum io_crash_mode mode);

bool world_crashed(const struct world *world);
bool world_applied(const struct world *world, enum io_fault_kind kind); /* in this life */
bool world_faulted(const struct world *world);                          /* any kind, in this life */
/* May a call of this life answer so, given its faults? */
bool world_excuses(const struct world *world, enum kmb_status status);
enum io_crash_mode world_draw_mode(struct world *world);

/* The session of a tenant (0..2, i.e. ids 1..3), opened when needed. NULL with *status. */
kmb_session *world_session(struct world *world, unsigned tenant, unsigned which, enum kmb_status *status,
                           struct kmb_error *error);
void world_sleep(struct world *world, int64_t us);

#endif
