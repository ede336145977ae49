/*
 * The lives of a database: opened, perhaps with a fault waiting in it, used, killed or closed, and opened again; and
 * the end of a run, where everything is asked once more.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "vopr/run.h"

#define OPENS_MAX 3 /* the first may meet the planned fault; the next must do */

bool run_violate(struct run *run, const char *invariant, const char *format, ...) {
    if (!run->violated) {
        va_list arguments;
        run->violated = true;
        snprintf(run->violation.invariant, sizeof(run->violation.invariant), "%s", invariant);
        va_start(arguments, format);
        vsnprintf(run->violation.message, sizeof(run->violation.message), format, arguments);
        va_end(arguments);
    }
    return false;
}

static size_t acknowledged(const struct run *run) {
    size_t count = 0;
    for (unsigned i = 0; i < MODEL_TENANTS; i++) {
        count += run->model.tenants[i].transaction_count;
    }
    return count;
}

/* What the newest checkpoint does not have and the model knows to be acknowledged. */
static uint64_t beyond_checkpoint(const struct run *run) {
    uint64_t count = 0;
    for (unsigned i = 0; i < MODEL_TENANTS; i++) {
        uint64_t all = run->model.tenants[i].transaction_count;
        count += all > run->checkpoint_transactions[i] ? all - run->checkpoint_transactions[i] : 0;
    }
    return count;
}

/* After the open: the store came from its checkpoint unless a rebuild was asked for; the log has what was acknowledged.
 */
static bool look_around(struct run *run, bool asked) {
    const struct shard_recovery *recovery = shard_recovery_of(run->world.shard);
    bool excused = world_faulted(&run->world) || run->lenient || asked;
    if (recovery->store_rebuilt && run->checkpointed && !excused) {
        return run_violate(run, "checkpoint-opens", "the store was rebuilt after a crash: %s", recovery->store_message);
    }
    run->checkpointed = run->checkpointed && !recovery->store_rebuilt;
    uint64_t beyond = beyond_checkpoint(run);
    if (!check_recovered(run)) {
        return false;
    }
    if (run->recovering && !world_crashed(&run->world)) {
        uint64_t replayed = recovery->replayed_entries;
        run->world.counts.recoveries++;
        run->world.counts.lost_recovered += beyond < replayed ? beyond : replayed;
        run->recovering = false;
    }
    return check_all(run, false);
}

/* The first open makes tenant 1; until it has answered, that is a transaction without an answer. */
static void expect_genesis(struct run *run) {
    if (!run->model.tenants[0].exists && run->pending_count == 0) {
        struct pending *pending = &run->pending[run->pending_count++];
        *pending = (struct pending){.tenant = 0, .count = 1, .in_order = true};
        pending->operations[0] = (struct model_operation){.kind = MODEL_FACT};
    }
}

bool life_begin(struct run *run, enum io_fault_kind kind, uint64_t fault_call) {
    struct world *world = &run->world;
    bool asked = world->rebuild;
    run->fatal = false;
    expect_genesis(run);
    for (unsigned i = 0; i < OPENS_MAX; i++) {
        struct kmb_error error = {0};
        enum kmb_status status = world_open(world, kind, i == 0 ? fault_call : 0, &error);
        if (status == KMB_OK && !world_crashed(world)) {
            bool good = look_around(run, asked);
            if (good && !run->model.tenants[0].exists && !world_crashed(world)) {
                return world_faulted(world) ||
                       run_violate(run, "acknowledged-is-there", "the database has no tenant 1 after its creation");
            }
            return good;
        }
        bool excused = status == KMB_OK || world_excuses(world, status);
        bool misplaced = world_applied(world, IO_FAULT_MISDIRECTED);
        run->recovering = run->recovering || world_crashed(world);
        /* A page that was misread looks damaged: the store may be half rebuilt. */
        run->checkpointed = run->checkpointed && !world_applied(world, IO_FAULT_READ_FLIP);
        world_crash(world, IO_CRASH_KEEP);
        if (!excused) {
            return run_violate(run, "opens-after-anything", "open says %s (%s)", kmb_status_name(status),
                               error.message);
        }
        if (misplaced) {
            return true; /* the disk is damaged: it need not open at all */
        }
    }
    return run_violate(run, "opens-after-anything", "the database does not open");
}

bool life_crash(struct run *run, enum io_crash_mode mode) {
    run->recovering = true;
    world_crash(&run->world, mode);
    return !run->violated;
}

bool life_close(struct run *run) {
    struct kmb_error error = {0};
    struct world *world = &run->world;
    enum kmb_status status = world_close(world, &error);
    if (status == KMB_OK && world->fault == NULL) {
        for (unsigned i = 0; i < MODEL_TENANTS; i++) {
            run->checkpoint_transactions[i] = run->model.tenants[i].transaction_count;
        }
        run->checkpointed = true;
        return true;
    }
    bool excused = world_excuses(world, status) || run->fatal;
    life_crash(run, IO_CRASH_KEEP);
    return excused ||
           run_violate(run, "answers-are-expected", "close says %s (%s)", kmb_status_name(status), error.message);
}

static bool state_hash(struct run *run, char hash[65]) {
    struct kmb_error error = {0};
    enum kmb_status status = kmb_state_hash(run->world.db, hash, &error);
    return status == KMB_OK || run_violate(run, "answers-are-expected", "the state hash: %s", error.message);
}

bool life_end(struct run *run) {
    char live[65];
    if (run->world.shard == NULL && !life_begin(run, IO_FAULT_NONE, 0)) {
        return false;
    }
    if (!check_all(run, true) || !state_hash(run, live)) {
        return false;
    }
    ASSERT(acknowledged(run) > 0);
    if (!life_close(run) || !disk_verify(run) || !disk_look(run)) {
        return false;
    }
    run->world.rebuild = true;
    if (!life_begin(run, IO_FAULT_NONE, 0) || !state_hash(run, run->state_hash)) {
        return false;
    }
    if (strcmp(live, run->state_hash) != 0) {
        return run_violate(run, "rebuilt-is-live", "state hash %s live, %s rebuilt from the log", live,
                           run->state_hash);
    }
    return check_all(run, false) && life_close(run) && disk_verify(run);
}
