/*
 * Scenarios: which lives a run is made of. Every one runs the same workload; they differ in what the world does to it.
 */
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "vopr/run.h"

#define FAULT_WINDOW 8   /* calls: few of them are writes, and most faults are of writes */
#define LIVES_MAX    400 /* a run that needs more makes no way */

struct plan {
    const char *name;
    const char *text;
    bool (*life)(struct run *run, unsigned number);
    unsigned lives_min;
    uint16_t kinds; /* bit set of enum io_fault_kind that its runs apply */
};

#define KIND(kind) ((uint16_t)(1u << (kind)))
#define CRASH_KINDS                                                                                                    \
    (KIND(IO_FAULT_EIO) | KIND(IO_FAULT_SHORT_WRITE) | KIND(IO_FAULT_TORN_SECTOR) | KIND(IO_FAULT_LOST_WRITE) |        \
     KIND(IO_FAULT_REORDER) | KIND(IO_FAULT_SYNC) | KIND(IO_FAULT_CRASH_BEFORE) | KIND(IO_FAULT_CRASH_AFTER))
#define CORRUPTION_KINDS (KIND(IO_FAULT_READ_FLIP) | KIND(IO_FAULT_MISDIRECTED))
#define FULL_KINDS       KIND(IO_FAULT_ENOSPC)

/* The kinds of the crash scenario, around and around; those that need a write, or two, come more often. */
static enum io_fault_kind crash_kind(uint64_t number) {
    static const enum io_fault_kind kinds[] = {
        IO_FAULT_REORDER,     IO_FAULT_TORN_SECTOR,  IO_FAULT_LOST_WRITE,  IO_FAULT_EIO,         IO_FAULT_REORDER,
        IO_FAULT_SHORT_WRITE, IO_FAULT_SYNC,         IO_FAULT_CRASH_AFTER, IO_FAULT_TORN_SECTOR, IO_FAULT_REORDER,
        IO_FAULT_LOST_WRITE,  IO_FAULT_CRASH_BEFORE, IO_FAULT_SYNC,        IO_FAULT_SHORT_WRITE,
    };
    return kinds[number % ARRAY_LENGTH(kinds)];
}

/* Steps until the life is over or `steps` are done. */
static bool use(struct run *run, uint64_t steps) {
    for (uint64_t i = 0; i < steps; i++) {
        if (!workload_step(run)) {
            return false;
        }
        if (run->fatal || world_crashed(&run->world)) {
            break;
        }
    }
    if (run->fatal && !world_crashed(&run->world)) {
        return workload_after_fatal(run);
    }
    return true;
}

static bool enough(const struct run *run) {
    return run->world.counts.transactions >= run->transactions_wanted;
}

/* Dies, or closes when nothing is wrong. */
static bool end_life(struct run *run, uint32_t crash_parts, uint32_t of) {
    struct prng *fate = &run->world.fate;
    bool dead = world_crashed(&run->world);
    bool broken = run->fatal;
    if (dead || broken || prng_chance(fate, crash_parts, of)) {
        return life_crash(run, world_draw_mode(&run->world));
    }
    return life_close(run);
}

static bool first_steps(struct run *run, unsigned number) {
    return number != 0 || run->fatal || world_crashed(&run->world) || workload_begin(run);
}

static bool life_baseline(struct run *run, unsigned number) {
    if (!life_begin(run, IO_FAULT_NONE, 0) || !first_steps(run, number) || !use(run, 60)) {
        return false;
    }
    if (prng_chance(&run->world.fate, 1, 2)) {
        return life_close(run) && disk_verify(run);
    }
    /* Without faults of the disk, what is unsynced is lost whole, or the process alone died. */
    return life_crash(run, prng_chance(&run->world.fate, 1, 2) ? IO_CRASH_LOSE : IO_CRASH_KEEP);
}

static bool life_of_crash(struct run *run, unsigned number) {
    struct world *world = &run->world;
    enum io_fault_kind kind = crash_kind(world->seed * 5 + number);
    uint64_t call = 1 + prng_below(&world->fate, 160);
    world->crash_mode = kind == IO_FAULT_TORN_SECTOR ? IO_CRASH_KEEP : world_draw_mode(world);
    if (number == 0 && prng_chance(&world->fate, 3, 4)) {
        call += 60; /* mostly beyond the making of the database */
    }
    return life_begin(run, kind, call) && first_steps(run, number) && use(run, 30) && end_life(run, 2, 3);
}

/* A write landed elsewhere: the disk is as it was before the life, once the damage has been faced. */
static bool life_misdirected(struct run *run, uint64_t call) {
    struct world *world = &run->world;
    struct io_memory *before = io_memory_clone(world->disk);
    size_t transactions[MODEL_TENANTS];
    size_t checkpoint[MODEL_TENANTS];
    bool checkpointed = run->checkpointed;
    bool recovering = run->recovering;
    uint64_t applied = world->counts.applied[IO_FAULT_MISDIRECTED];
    ASSERT(before != NULL && run->pending_count == 0);
    for (unsigned i = 0; i < MODEL_TENANTS; i++) {
        transactions[i] = run->model.tenants[i].transaction_count;
        checkpoint[i] = run->checkpoint_transactions[i];
    }
    bool good = life_begin(run, IO_FAULT_MISDIRECTED, call);
    if (good && world->shard != NULL) {
        good = use(run, 30) && end_life(run, 1, 2);
    }
    if (!good || applied == world->counts.applied[IO_FAULT_MISDIRECTED]) {
        io_memory_free(before);
        return good;
    }
    good = disk_face_damage(run);
    io_memory_free(world->disk);
    world->disk = before;
    world->disk_io = io_memory_table(before);
    for (unsigned i = 0; i < MODEL_TENANTS; i++) {
        model_truncate(&run->model.tenants[i], transactions[i]);
        run->checkpoint_transactions[i] = checkpoint[i];
        run->tree_size[i] = 0;
    }
    run->checkpointed = checkpointed;
    run->recovering = recovering;
    run->pending_count = 0;
    return good;
}

static bool life_of_corruption(struct run *run, unsigned number) {
    struct world *world = &run->world;
    uint64_t call = 1 + prng_below(&world->fate, 90);
    if (number == 0) {
        return life_begin(run, IO_FAULT_NONE, 0) && workload_begin(run) && use(run, 40) && life_close(run);
    }
    if (number % 2 == 0 && run->pending_count == 0) {
        return life_misdirected(run, call);
    }
    if (!life_begin(run, IO_FAULT_READ_FLIP, call) || !use(run, 30) || !end_life(run, 1, 3)) {
        return false;
    }
    bool closed = !run->recovering;
    for (unsigned i = 0; i < 2 && run->pending_count == 0; i++) {
        if (!disk_damage_round(run, closed)) {
            return false;
        }
    }
    return true;
}

/* Room runs out under the workload and comes back. */
static bool run_full(struct run *run) {
    struct world *world = &run->world;
    uint64_t room = prng_below(&world->fate, 150000);
    io_memory_set_capacity(world->disk, io_memory_bytes(world->disk) + room);
    world->full = true;
    bool good = use(run, 40);
    if (good && run->fatal && !world_crashed(world)) {
        return run_violate(run, "full-disk-is-survived", "a full disk was fatal");
    }
    if (good && prng_chance(&world->fate, 1, 3)) {
        /* It dies while the disk is full, and may or may not open before there is room. */
        struct kmb_error error = {0};
        good = life_crash(run, IO_CRASH_LOSE);
        enum kmb_status status = good ? world_open(world, IO_FAULT_NONE, 0, &error) : KMB_OK;
        if (status != KMB_OK && status != KMB_DISK_FULL) {
            good = run_violate(run, "full-disk-is-survived", "open on a full disk says %s (%s)",
                               kmb_status_name(status), error.message);
        }
        world_crash(world, IO_CRASH_LOSE);
        io_memory_set_capacity(world->disk, 0);
        world->full = false;
        good = good && life_begin(run, IO_FAULT_NONE, 0);
    }
    io_memory_set_capacity(world->disk, 0);
    world->full = false;
    world->counts.full_rounds++;
    uint64_t before = world->counts.transactions;
    good = good && check_all(run, false) && use(run, 12);
    return good && (run->fatal || world->counts.transactions > before ||
                    run_violate(run, "full-disk-is-survived", "with room again, nothing is written"));
}

static bool life_of_full_disk(struct run *run, unsigned number) {
    struct world *world = &run->world;
    bool planned = number % 2 == 1;
    uint64_t call = planned ? 1 + prng_below(&world->fate, 100) : 0;
    if (!life_begin(run, IO_FAULT_ENOSPC, call) || !first_steps(run, number)) {
        return false;
    }
    if (planned || run->fatal || world_crashed(world)) {
        return use(run, 30) && end_life(run, 1, 3);
    }
    return use(run, 15) && run_full(run) && end_life(run, 1, 3);
}

static const struct plan plans[SCENARIOS] = {
    [SCENARIO_BASELINE] = {"baseline", "a disk that works; processes that close, die and come back", life_baseline, 4,
                           0},
    [SCENARIO_CRASH] = {"crash", "crashes inside any call; torn, lost, reordered, short and failing writes and syncs",
                        life_of_crash, 10, CRASH_KINDS},
    [SCENARIO_CORRUPTION] = {"corruption", "flipped bits at rest and on the way, writes that land elsewhere",
                             life_of_corruption, 8, CORRUPTION_KINDS},
    [SCENARIO_FULL_DISK] = {"full-disk", "room that runs out in any call, and comes back", life_of_full_disk, 8,
                            FULL_KINDS},
};

const char *scenario_name(enum scenario scenario) {
    return plans[scenario].name;
}

const char *scenario_text(enum scenario scenario) {
    return plans[scenario].text;
}

bool scenario_find(const char *name, enum scenario *scenario) {
    for (unsigned i = 0; i < SCENARIOS; i++) {
        if (strcmp(plans[i].name, name) == 0) {
            *scenario = (enum scenario)i;
            return true;
        }
    }
    return false;
}

bool scenario_applies(enum scenario scenario, enum io_fault_kind kind) {
    return (plans[scenario].kinds & KIND(kind)) != 0;
}

void run_init(struct run *run, enum scenario scenario, uint64_t seed, uint64_t transactions) {
    memset(run, 0, sizeof(*run));
    run->scenario = scenario;
    run->transactions_wanted = transactions;
    world_init(&run->world, seed, 0);
    run->world.fault_window = FAULT_WINDOW;
    disk_watch_nonces(run);
}

bool run_whole(struct run *run) {
    const struct plan *plan = &plans[run->scenario];
    bool good = true;
    for (unsigned number = 0; good && (number < plan->lives_min || !enough(run)); number++) {
        if (number == LIVES_MAX) {
            return run_violate(run, "run-makes-way", "%u lives and %llu transactions", number,
                               (unsigned long long)run->world.counts.transactions);
        }
        good = plan->life(run, number) && !run->violated;
    }
    good = good && life_end(run) && !run->violated;
    if (good && run->scenario == SCENARIO_CRASH && run->world.counts.lost_recovered == 0) {
        return run_violate(run, "run-makes-way", "no acknowledged write was lost from the cache and recovered");
    }
    return good;
}

void run_free(struct run *run) {
    run->world.before_crash = NULL;
    world_free(&run->world);
    model_free(&run->model);
    map_free(&run->nonces);
}
