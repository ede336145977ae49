/*
 * Every call of a workload times every fault that the call can have.
 *
 * A clean run of a fixed workload counts its I/O calls and notes which faults each could have. Then the workload is run
 * again for each pair, on a fresh disk, until the fault has done its work; the machine dies, the database is opened
 * again and every invariant is asked. All pairs are listed first; where fewer are wanted, they are drawn from the list.
 */
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "vopr/run.h"

#define LIVES      3
#define LIFE_STEPS 100

struct point {
    uint32_t call;
    uint32_t kind;
};

struct points {
    struct point *points;
    size_t count;
    size_t capacity;
    uint64_t base; /* calls of the lives before */
};

static void note_life(void *context, const struct io_fault *fault) {
    struct points *list = context;
    uint64_t calls = io_fault_calls(fault);
    for (uint64_t call = 1; call <= calls; call++) {
        for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
            if (!io_fault_applies(fault, call, (enum io_fault_kind)kind)) {
                continue;
            }
            if (list->count == list->capacity) {
                list->capacity = list->capacity == 0 ? 1024 : list->capacity * 2;
                list->points = mem_realloc(list->points, list->capacity * sizeof(*list->points));
                ASSERT(list->points != NULL);
            }
            list->points[list->count++] = (struct point){(uint32_t)(list->base + call), kind};
        }
    }
    list->base += calls;
}

static bool broken(const struct run *run) {
    return run->fatal || world_crashed(&run->world) || run->world.shard == NULL;
}

/* The workload: lives that are opened, used and closed. */
static bool script(struct run *run, enum io_fault_kind kind, uint64_t call) {
    struct world *world = &run->world;
    for (unsigned life = 0; life < LIVES; life++) {
        uint64_t before = world->counts.calls;
        uint64_t planned = call > before ? call - before : 0;
        if (!life_begin(run, kind, planned)) {
            return false;
        }
        if (!broken(run) && life == 0 && !workload_begin(run)) {
            return false;
        }
        for (unsigned step = 0; !broken(run) && step < LIFE_STEPS; step++) {
            if (!workload_step(run)) {
                return false;
            }
        }
        if (world->shard == NULL) {
            return true;
        }
        if (broken(run)) {
            return workload_after_fatal(run);
        }
        if (!life_close(run)) {
            return false;
        }
        if (run->recovering || world->counts.applied[IO_FAULT_MISDIRECTED] != 0) {
            return true; /* it did not close, or what is on the disk is damaged */
        }
    }
    return true;
}

static void begin(struct run *run, const struct exhaustive *exhaustive) {
    run_init(run, SCENARIO_CRASH, exhaustive->seed, 0);
    run->trace = exhaustive->trace;
    run->world.fault_window = 1;
    run->world.segment_bytes = 65536;
    run->world.cache_bytes = (uint64_t)4 << 20;
}

/* After the fault: the machine dies, and everything is asked. */
static bool aftermath(struct run *run, enum io_fault_kind kind) {
    life_crash(run, world_draw_mode(&run->world));
    if (run->world.counts.applied[kind] != 0 && kind == IO_FAULT_MISDIRECTED) {
        return disk_face_damage(run);
    }
    return life_begin(run, IO_FAULT_NONE, 0) && workload_one_write(run, 0) && life_end(run);
}

bool exhaustive_point(struct exhaustive *exhaustive, uint64_t call, enum io_fault_kind kind) {
    struct run *run = mem_alloc(sizeof(*run));
    ASSERT(run != NULL);
    begin(run, exhaustive);
    prng_seed(&run->world.fate, exhaustive->seed * UINT64_C(1000003) + call * IO_FAULT_KINDS + kind);
    run->world.crash_mode = kind == IO_FAULT_TORN_SECTOR ? IO_CRASH_KEEP : world_draw_mode(&run->world);
    bool good = script(run, kind, call) && aftermath(run, kind) && !run->violated;
    world_crash(&run->world, IO_CRASH_KEEP);
    exhaustive->points++;
    exhaustive->fired += run->world.counts.applied[kind] != 0 ? 1 : 0;
    world_counts_add(&exhaustive->counts, &run->world.counts);
    if (!good) {
        exhaustive->violation = run->violation;
        exhaustive->violation_call = call;
        exhaustive->violation_kind = kind;
    }
    run_free(run);
    mem_free(run);
    return good;
}

static bool clean_run(struct exhaustive *exhaustive, struct points *list, uint64_t *first_call) {
    struct run *run = mem_alloc(sizeof(*run));
    ASSERT(run != NULL);
    begin(run, exhaustive);
    run->world.life_ended = note_life;
    run->world.life_ended_context = list;
    bool good = script(run, IO_FAULT_NONE, 0);
    *first_call = run->acknowledged_call;
    exhaustive->calls = list->base;
    exhaustive->applicable = list->count;
    exhaustive->violation = run->violation;
    run->world.life_ended = NULL;
    run_free(run);
    mem_free(run);
    return good;
}

bool exhaustive_run(struct exhaustive *exhaustive) {
    struct points list = {0};
    struct prng prng;
    uint64_t first_call = 0;
    bool good = clean_run(exhaustive, &list, &first_call);
    prng_seed(&prng, exhaustive->seed);
    size_t count = list.count;
    if (good && exhaustive->points_max != 0 && exhaustive->points_max < count) {
        count = (size_t)exhaustive->points_max;
        for (size_t i = 0; i < count; i++) {
            size_t other = i + (size_t)prng_below(&prng, list.count - i);
            struct point point = list.points[i];
            list.points[i] = list.points[other];
            list.points[other] = point;
        }
    }
    for (size_t i = 0; good && i < count; i++) {
        uint64_t fired = exhaustive->fired;
        good = exhaustive_point(exhaustive, list.points[i].call, (enum io_fault_kind)list.points[i].kind);
        if (exhaustive->fired > fired && list.points[i].call > first_call) {
            exhaustive->with_acknowledged++;
        }
    }
    mem_free(list.points);
    return good;
}
