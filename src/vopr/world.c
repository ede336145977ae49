/*
 * The simulated world: the shipping engine on io_memory behind io_fault, with virtual time and drawn randomness.
 *
 * The crash hook of io_fault kills the disk in the middle of a call; the database above sees errors from then on,
 * stops, and is abandoned when control comes back. So a crash may happen inside any call, and nothing of it is
 * simulated in the database itself.
 */
#include "vopr/world.h"

#include <string.h>

#include "base/assert.h"
#include "base/logging.h"
#include "base/memory.h"
#include "engine/over.h"

#define WORLD_BEGINS_US INT64_C(1767225600000000) /* 2026-01-01 */

void world_counts_add(struct world_counts *sum, const struct world_counts *counts) {
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)counts;
    static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counts are words");
    for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++) {
        to[i] += from[i];
    }
}

static int64_t time_us(void *context) {
    struct world *world = context;
    return WORLD_BEGINS_US + world->clock_us++; /* it never stands still: no two moments are one */
}

static int64_t monotonic_ns(void *context) {
    const struct world *world = context;
    return world->clock_us * 1000;
}

static bool random_bytes(void *context, void *bytes, size_t count) {
    struct world *world = context;
    prng_bytes(&world->random, bytes, count);
    return true;
}

void world_sleep(struct world *world, int64_t us) {
    world->clock_us += us;
}

static void silent(void *context, const char *line) {
    (void)context;
    (void)line;
}

static void die(void *context) {
    struct world *world = context;
    struct io_crash_report report = {0};
    if (world->before_crash != NULL) {
        world->before_crash(world->before_crash_context);
    }
    io_memory_crash(world->disk, world->crash_mode, &world->fate, &report);
    world->counts.writes_lost += report.writes_lost;
}

static uint64_t mix(uint64_t seed, uint64_t purpose) {
    return seed * UINT64_C(0x9e3779b97f4a7c15) + purpose;
}

void world_init(struct world *world, uint64_t seed, uint64_t capacity_bytes) {
    memset(world, 0, sizeof(*world));
    world->seed = seed;
    prng_seed(&world->choice, mix(seed, 1));
    prng_seed(&world->random, mix(seed, 2));
    prng_seed(&world->fate, mix(seed, 3));
    world->environment = (struct environment){
        .time_us = time_us, .monotonic_ns = monotonic_ns, .random = random_bytes, .context = world};
    world->disk = io_memory_new(capacity_bytes);
    ASSERT(world->disk != NULL);
    world->disk_io = io_memory_table(world->disk);
    world->fault_window = 1;
    world->segment_bytes = (uint64_t)65536 << prng_below(&world->choice, 3);
    world->cache_bytes = prng_chance(&world->choice, 1, 4) ? (uint64_t)256 << 10 : (uint64_t)4 << 20;
}

void world_free(struct world *world) {
    world_crash(world, IO_CRASH_KEEP);
    io_memory_free(world->disk);
    world->disk = NULL;
}

enum io_crash_mode world_draw_mode(struct world *world) {
    return (enum io_crash_mode)prng_below(&world->fate, IO_CRASH_TEAR + 1);
}

/* Adds up what this life did, and forgets its injector. */
static void end_faults(struct world *world) {
    if (world->fault == NULL) {
        return;
    }
    uint64_t calls = io_fault_calls(world->fault);
    world->counts.calls += calls;
    for (uint64_t i = 1; i <= calls; i++) {
        world->counts.syncs += io_fault_applies(world->fault, i, IO_FAULT_SYNC) ? 1 : 0;
    }
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        world->counts.applied[kind] += io_fault_applied(world->fault, (enum io_fault_kind)kind);
    }
    if (world->life_ended != NULL) {
        world->life_ended(world->life_ended_context, world->fault);
    }
    io_fault_free(world->fault);
    world->fault = NULL;
}

enum kmb_status world_open(struct world *world, enum io_fault_kind kind, uint64_t fault_call, struct kmb_error *error) {
    ASSERT(world->shard == NULL && world->fault == NULL);
    world->disk_io = io_memory_table(world->disk);
    world->fault = io_fault_new(&world->disk_io, die, world);
    ASSERT(world->fault != NULL);
    /* A read is flipped once: one that is bad whenever it is tried is a flip at rest. */
    unsigned window = kind == IO_FAULT_READ_FLIP                            ? 1
                      : kind == IO_FAULT_REORDER && world->fault_window > 1 ? 32
                                                                            : world->fault_window;
    for (unsigned i = 0; fault_call != 0 && i < window; i++) {
        io_fault_plan(world->fault, fault_call + i, kind, &world->fate);
    }
    struct shard_options options = {
        .io = io_fault_table(world->fault),
        .environment = world->environment,
        .logger = {.level = LOG_OFF, .write = silent, .environment = &world->environment},
        .path = WORLD_DATA,
        .key_path = WORLD_KEY,
        .command = "vopr",
        .cache_bytes = world->cache_bytes,
        .segment_bytes = world->segment_bytes,
        .create = !world->created,
        .rebuild = world->rebuild,
    };
    enum kmb_status status = shard_open(&options, &world->shard, error);
    if (status != KMB_OK) {
        return status;
    }
    world->created = true;
    world->rebuild = false;
    world->identity = *shard_identity(world->shard);
    world->db = database_over(world->shard);
    ASSERT(world->db != NULL);
    if (shard_recovery_of(world->shard)->store_rebuilt) {
        world->counts.rebuilds++;
    }
    return KMB_OK;
}

static void end_sessions(struct world *world) {
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        for (unsigned which = 0; which < WORLD_SESSIONS; which++) {
            kmb_session_close(world->sessions[tenant][which]);
            world->sessions[tenant][which] = NULL;
        }
    }
    database_over_free(world->db);
    world->db = NULL;
}

enum kmb_status world_close(struct world *world, struct kmb_error *error) {
    end_sessions(world);
    enum kmb_status status = shard_close(world->shard, error);
    world->shard = NULL;
    if (status == KMB_OK) {
        end_faults(world);
    }
    return status;
}

void world_crash(struct world *world, enum io_crash_mode mode) {
    if (world->fault == NULL) {
        return;
    }
    if (!world_crashed(world)) {
        world->crash_mode = mode;
        io_fault_crash(world->fault);
    }
    end_sessions(world);
    if (world->shard != NULL) {
        shard_abandon(world->shard);
        world->shard = NULL;
    }
    end_faults(world);
}

bool world_crashed(const struct world *world) {
    return world->fault != NULL && io_fault_crashed(world->fault);
}

bool world_applied(const struct world *world, enum io_fault_kind kind) {
    return world->fault != NULL && io_fault_applied(world->fault, kind) != 0;
}

bool world_faulted(const struct world *world) {
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        if (world_applied(world, (enum io_fault_kind)kind)) {
            return true;
        }
    }
    return false;
}

static bool excuses_damage(enum kmb_status status) {
    switch (status) {
    case KMB_CORRUPT:
    case KMB_ROLLED_BACK:
    case KMB_FORMAT:
    case KMB_FORMAT_VERSION:
    case KMB_PROJECTION_DAMAGED:
    case KMB_WRONG_KEY:
    case KMB_NO_KEY:
    case KMB_NOT_A_DATABASE:
    case KMB_FATAL:
        return true;
    default:
        return false;
    }
}

bool world_excuses(const struct world *world, enum kmb_status status) {
    if (world_crashed(world)) {
        return true; /* the process is as good as dead; its answers reach nobody */
    }
    if ((world->damaged || world_applied(world, IO_FAULT_READ_FLIP) || world_applied(world, IO_FAULT_MISDIRECTED)) &&
        excuses_damage(status)) {
        return true;
    }
    switch (status) {
    case KMB_IO:
        return world_applied(world, IO_FAULT_EIO) || world_applied(world, IO_FAULT_SHORT_WRITE) ||
               world_applied(world, IO_FAULT_SYNC);
    case KMB_PROJECTION_DAMAGED: /* a page written to make room, dropped with the sync that failed */
        return world_applied(world, IO_FAULT_SYNC);
    case KMB_DISK_FULL:
        return world->full || world_applied(world, IO_FAULT_ENOSPC);
    case KMB_FATAL:
        return world_applied(world, IO_FAULT_EIO) || world_applied(world, IO_FAULT_SHORT_WRITE) ||
               world_applied(world, IO_FAULT_SYNC) || world_applied(world, IO_FAULT_ENOSPC);
    default:
        return false;
    }
}

kmb_session *world_session(struct world *world, unsigned tenant, unsigned which, enum kmb_status *status,
                           struct kmb_error *error) {
    kmb_session **session = &world->sessions[tenant][which];
    *status = KMB_OK;
    if (*session == NULL) {
        *status = kmb_session_open(world->db, tenant + 1, session, error);
    }
    return *session;
}
