/*
 * What is asked of the disk itself: that the log on it proves whole, that no nonce was ever used for two messages, and
 * that damage done to it behind the database's back is reported or repaired and never believed.
 *
 * Nonces are looked for in everything that was ever written, so also in what a crash takes away again: the world calls
 * before each crash. A message seen again unchanged is no reuse.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "log/verify.h"
#include "vopr/run.h"

#define LOG_DIRECTORY WORLD_DATA "/log"
#define STORE_PATH    WORLD_DATA "/store.kst"
#define PAGE          ((size_t)8192)

/* --- nonces ---------------------------------------------------------------------------------------------------------
 */

/* A nonce and a sum of what follows it. */
static void see_nonce(struct run *run, const uint8_t *nonce, uint64_t sum, const char *where) {
    static const uint8_t zeros[AEAD_NONCE_SIZE];
    struct slice key = slice_make(nonce, AEAD_NONCE_SIZE);
    if (memcmp(nonce, zeros, sizeof(zeros)) == 0) {
        return;
    }
    void *value = (void *)(uintptr_t)(sum | 1);
    void *known = map_get(&run->nonces, key);
    if (known != NULL && known != value) {
        char hex[2 * AEAD_NONCE_SIZE + 1];
        codec_hex(hex, nonce, AEAD_NONCE_SIZE);
        run_violate(run, "nonces-are-unique", "%s: nonce %s seals two messages", where, hex);
        return;
    }
    bool put = known != NULL || map_put(&run->nonces, key, value);
    ASSERT(put);
}

static enum kmb_status see_entry(void *context, const struct log_reader_entry *entry, struct slice plain,
                                 struct kmb_error *error) {
    struct run *run = context;
    (void)plain;
    (void)error;
    if ((entry->entry.flags & LOG_ENTRY_SEALED) != 0 && entry->stored.length > AEAD_NONCE_SIZE) {
        uint64_t sum;
        memcpy(&sum, entry->entry.body_hash.bytes, sizeof(sum));
        see_nonce(run, entry->stored.bytes, sum, "an entry of the log");
    }
    return KMB_OK;
}

/* Pages whole as the store wrote them: where writes were torn, a page is a mix and proves nothing. */
static void see_pages(struct run *run) {
    const struct io *io = &run->world.disk_io;
    struct io_file *file = NULL;
    static _Thread_local uint8_t page[PAGE];
    size_t count = 0;
    if (run->scenario != SCENARIO_BASELINE || io_open(io, STORE_PATH, IO_READ, &file, NULL) != KMB_OK) {
        return;
    }
    for (uint64_t at = 0; io_read(io, file, at, page, PAGE, &count, NULL) == KMB_OK && count == PAGE; at += PAGE) {
        see_nonce(run, page, map_hash(page + AEAD_NONCE_SIZE, PAGE - AEAD_NONCE_SIZE, 0), "a page of the store");
    }
    io_close(io, file);
}

static void look(void *context) {
    struct run *run = context;
    struct log_verify_options options = {.live = true, .entry = see_entry, .context = run};
    struct log_verify_report report;
    if (!run->lenient) {
        log_verify(&run->world.disk_io, LOG_DIRECTORY, &options, &report, NULL);
        see_pages(run);
    }
}

void disk_watch_nonces(struct run *run) {
    run->world.before_crash = look;
    run->world.before_crash_context = run;
}

bool disk_look(struct run *run) {
    look(run);
    return !run->violated;
}

/* --- the log as a whole ----------------------------------------------------------------------------------------------
 */

bool disk_verify(struct run *run) {
    struct kmb_error error = {0};
    struct log_verify_report report = {0};
    struct log_verify_options options = {0};
    enum kmb_status status = log_verify(&run->world.disk_io, LOG_DIRECTORY, &options, &report, &error);
    if (status != KMB_OK) {
        return run_violate(run, "log-verifies", "%s", error.message);
    }
    if (!report.closed || report.tail_torn) {
        return run_violate(run, "log-verifies", "a log that was closed is not marked so");
    }
    return true;
}

/* --- damage at rest --------------------------------------------------------------------------------------------------
 */

enum victim { VICTIM_LOG, VICTIM_SUPERBLOCK, VICTIM_STORE, VICTIM_KEYS, VICTIM_KEYS_BOTH, VICTIM_ROOT_KEY, VICTIMS };

static const char *const victim_names[VICTIMS] = {"a segment",     "the superblock",  "the store",
                                                  "the key store", "both key stores", "the root key"};

static enum victim draw_victim(struct prng *prng) {
    static const enum victim table[] = {VICTIM_LOG,        VICTIM_LOG,   VICTIM_LOG,       VICTIM_LOG,
                                        VICTIM_SUPERBLOCK, VICTIM_STORE, VICTIM_STORE,     VICTIM_STORE,
                                        VICTIM_STORE,      VICTIM_KEYS,  VICTIM_KEYS_BOTH, VICTIM_ROOT_KEY};
    return table[prng_below(prng, ARRAY_LENGTH(table))];
}

struct segments {
    struct prng *prng;
    unsigned count;
    char chosen[64];
};

static enum kmb_status note_segment(void *context, const char *name, bool directory) {
    struct segments *segments = context;
    size_t length = strlen(name);
    if (!directory && length == 20 && strcmp(name + 16, ".seg") == 0) {
        segments->count++;
        if (prng_below(segments->prng, segments->count) == 0) {
            snprintf(segments->chosen, sizeof(segments->chosen), "%.60s", name);
        }
    }
    return KMB_OK;
}

/* Flips a bit of the file below `limit` (0: anywhere). */
static void flip(struct run *run, const char *path, uint64_t limit) {
    struct io_file *file = NULL;
    struct prng *prng = &run->world.fate;
    uint64_t size = 0;
    if (io_open(&run->world.disk_io, path, IO_READ, &file, NULL) != KMB_OK) {
        return;
    }
    if (io_size(&run->world.disk_io, file, &size, NULL) == KMB_OK && size > 0) {
        size = limit != 0 && limit < size ? limit : size;
        uint64_t offset = prng_below(prng, size);
        unsigned bit = (unsigned)prng_below(prng, 8); /* drawn apart: the order of arguments is nobody's promise */
        io_memory_flip(run->world.disk, path, offset, bit);
    }
    io_close(&run->world.disk_io, file);
}

static void damage(struct run *run, enum victim victim) {
    struct prng *prng = &run->world.fate;
    struct segments segments = {.prng = prng};
    char path[128];
    uint64_t times = 1;
    switch (victim) {
    case VICTIM_LOG:
        io_list(&run->world.disk_io, LOG_DIRECTORY, note_segment, &segments, NULL);
        snprintf(path, sizeof(path), LOG_DIRECTORY "/%s", segments.chosen);
        flip(run, path, prng_chance(prng, 3, 4) ? 16384 : 0);
        break;
    case VICTIM_SUPERBLOCK:
        flip(run, LOG_DIRECTORY "/superblock", 0);
        break;
    case VICTIM_STORE:
        for (times = 1 + prng_below(prng, 30); times > 0; times--) {
            flip(run, STORE_PATH, 0);
        }
        if (prng_chance(prng, 1, 6)) {
            io_unlink(&run->world.disk_io, STORE_PATH, NULL);
        }
        break;
    case VICTIM_KEYS_BOTH:
        flip(run, WORLD_DATA "/keys.kks.copy", 0);
        flip(run, WORLD_DATA "/keys.kks", 0);
        break;
    case VICTIM_KEYS:
        flip(run, prng_chance(prng, 1, 2) ? WORLD_DATA "/keys.kks" : WORLD_DATA "/keys.kks.copy", 0);
        break;
    default:
        flip(run, WORLD_KEY, 0);
        break;
    }
}

/* How many acknowledged entries an open database does not have; -1: it cannot be asked. */
static int64_t missing(struct run *run) {
    int64_t lost = 0;
    for (unsigned tenant = 0; tenant < MODEL_TENANTS; tenant++) {
        struct kernel_state *state = NULL;
        uint64_t wanted = model_sequence(&run->model.tenants[tenant]);
        enum kmb_status status = shard_state(run->world.shard, (struct tenant_id){tenant + 1}, &state, NULL);
        if (status == KMB_OK) {
            lost += wanted > state->sequence ? (int64_t)(wanted - state->sequence) : 0;
        } else if (status == KMB_TENANT_NOT_FOUND) {
            lost += (int64_t)wanted;
        } else {
            return -1;
        }
        kernel_state_release(state);
    }
    return lost;
}

/* The damaged copy, opened: it is refused, or it answers rightly, or it says what it does not know. */
static bool face(struct run *run, const char *what, bool closed, bool *found) {
    struct kmb_error error = {0};
    struct world *world = &run->world;
    enum kmb_status status = world_open(world, IO_FAULT_NONE, 0, &error);
    if (status != KMB_OK) {
        *found = true;
        bool excused = world_excuses(world, status);
        world_crash(world, IO_CRASH_KEEP);
        return excused || run_violate(run, "damage-is-named", "%s damaged: open says %s (%s)", what,
                                      kmb_status_name(status), error.message);
    }
    const struct shard_recovery *recovery = shard_recovery_of(world->shard);
    *found = *found || recovery->store_rebuilt || recovery->keys.copy_damaged || recovery->log.slots_damaged != 0 ||
             recovery->log.tail_cut || recovery->log.segment_header_restored;
    int64_t lost = missing(run);
    bool good = true;
    if (lost > 0 && (closed || !recovery->log.tail_cut)) {
        good = run_violate(run, "acknowledged-is-there", "%s damaged: %lld acknowledged entries are silently gone",
                           what, (long long)lost);
    } else if (lost == 0) {
        good = check_recovered(run) && check_all(run, false);
    }
    world_crash(world, IO_CRASH_KEEP);
    return good;
}

/* With the log whole, a rebuild makes good whatever happened to the store. */
static bool face_rebuild(struct run *run) {
    struct kmb_error error = {0};
    struct world *world = &run->world;
    world->rebuild = true;
    world->damaged = false;
    enum kmb_status status = world_open(world, IO_FAULT_NONE, 0, &error);
    bool good = status == KMB_OK ? check_all(run, false)
                                 : run_violate(run, "rebuilt-is-live", "the store damaged, rebuild says %s (%s)",
                                               kmb_status_name(status), error.message);
    world->rebuild = false;
    world_crash(world, IO_CRASH_KEEP);
    return good;
}

bool disk_damage_round(struct run *run, bool closed) {
    struct world *world = &run->world;
    struct io_memory *whole = world->disk;
    enum victim victim = draw_victim(&world->fate);
    bool found = false;
    bool good = true;
    ASSERT(world->shard == NULL && world->fault == NULL);
    world->disk = io_memory_clone(whole);
    ASSERT(world->disk != NULL);
    world->disk_io = io_memory_table(world->disk);
    world->damaged = true;
    run->lenient = true;
    damage(run, victim);
    if (victim == VICTIM_LOG || victim == VICTIM_SUPERBLOCK) {
        struct log_verify_options options = {0};
        struct log_verify_report report;
        found = log_verify(&world->disk_io, LOG_DIRECTORY, &options, &report, NULL) != KMB_OK || report.tail_torn;
        if (!found && closed) {
            good = run_violate(run, "damage-is-named", "verify does not see a flipped bit in %s", victim_names[victim]);
        }
    }
    good = good && face(run, victim_names[victim], closed, &found);
    good = good && (victim != VICTIM_STORE || face_rebuild(run));
    world->counts.damage_rounds++;
    world->counts.damage_found += found ? 1 : 0;
    io_memory_free(world->disk);
    world->disk = whole;
    world->disk_io = io_memory_table(whole);
    world->damaged = false;
    run->lenient = false;
    return good;
}

bool disk_face_damage(struct run *run) {
    bool found = false;
    run->world.damaged = true;
    run->lenient = true;
    bool good = face(run, "a misdirected write", false, &found);
    run->world.damaged = false;
    run->lenient = false;
    run->world.counts.damage_rounds++;
    run->world.counts.damage_found += found ? 1 : 0;
    return good;
}
