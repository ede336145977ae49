/*
 * A disk that goes wrong on purpose, at a chosen call.
 *
 * Every call through this table has a number. A first run without plans counts them; then a test runs again once per
 * number and kind of fault, and a search over all places where the world may fail becomes a loop. Rates serve the
 * simulator, which draws faults from a generator instead.
 *
 * Most faults are one line: refuse, shorten, flip, move. Three need a crash to mean anything. A torn write crashes at
 * once. A lost or reordered write is done on the inner table all the same, so that the program reads back what it
 * wrote, as from a page cache; what it covered is kept, and put back in the moment of the crash:
 *
 * - lost: the crash comes instead of the next sync (which would have made the write durable), or before anything that
 *   overlaps, resizes or closes the file;
 * - reordered: the crash comes after the next write to another place, which is then there while the earlier one is not.
 *   A sync of the file in between makes the write durable; then the fault has not fired and is not counted.
 *
 * One mutex covers the counters, plans and the one write that waits for its crash. The crash hook is called without it.
 */
#include "base/io_fault.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

#define PLAN_MAX       32                  /* a run that plans more faults than this tests nothing in particular */
#define RECORD_MAX     ((uint64_t)1 << 24) /* calls whose suitable faults are remembered */
#define SECTOR_SIZE    ((uint64_t)512)
#define MISDIRECT_STEP ((uint64_t)4096)

struct io_file {
    struct io_file *inner;
};

struct plan {
    uint64_t call;
    enum io_fault_kind kind;
    struct prng prng;
};

struct rate {
    uint32_t parts;
    uint32_t of; /* 0: no rate */
    struct prng prng;
};

/* A write that was reported as done and is to be missing after the crash. */
struct waiting_write {
    struct io_file *file; /* NULL: none waits */
    enum io_fault_kind kind;
    uint64_t offset;
    uint64_t length;
    uint64_t size_before;
    uint8_t *old; /* what stood at offset, as much as the file had */
    size_t old_length;
};

struct io_fault {
    pthread_mutex_t mutex;
    const struct io *inner;
    void (*on_crash)(void *context);
    void *context;
    struct plan plans[PLAN_MAX];
    size_t plan_count;
    struct rate rates[IO_FAULT_KINDS];
    struct waiting_write waiting;
    uint64_t calls;
    uint16_t *suitable; /* bit set of kinds, by call number - 1 */
    uint64_t suitable_count;
    uint64_t suitable_capacity;
    atomic_uint_fast64_t applied[IO_FAULT_KINDS];
    atomic_bool crashed;
};
static_assert(IO_FAULT_KINDS <= 16, "kinds fit a 16-bit set");

#define BIT(kind) ((uint16_t)(1u << (kind)))
#define ANY_CALL  ((uint16_t)(BIT(IO_FAULT_EIO) | BIT(IO_FAULT_CRASH_BEFORE) | BIT(IO_FAULT_CRASH_AFTER)))

const char *io_fault_name(enum io_fault_kind kind) {
    static const char *const names[IO_FAULT_KINDS] = {
        "none",    "eio",       "enospc",      "short-write",  "torn-sector",  "lost-write",
        "reorder", "read-flip", "misdirected", "sync-failure", "crash-before", "crash-after",
    };
    ASSERT((unsigned)kind < IO_FAULT_KINDS);
    return names[kind];
}

struct io_fault *io_fault_new(const struct io *inner, void (*on_crash)(void *context), void *context) {
    struct io_fault *fault = mem_alloc_zero(1, sizeof(*fault));
    if (fault != NULL) {
        pthread_mutex_init(&fault->mutex, NULL);
        fault->inner = inner;
        fault->on_crash = on_crash;
        fault->context = context;
    }
    return fault;
}

void io_fault_free(struct io_fault *fault) {
    if (fault != NULL) {
        mem_free(fault->waiting.old);
        mem_free(fault->suitable);
        pthread_mutex_destroy(&fault->mutex);
        mem_free(fault);
    }
}

static void fault_lock(const struct io_fault *fault) {
    int failed = pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&fault->mutex);
    ASSERT(failed == 0);
}

static void fault_unlock(const struct io_fault *fault) {
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&fault->mutex);
}

void io_fault_plan(struct io_fault *fault, uint64_t call_number, enum io_fault_kind kind, struct prng *prng) {
    ASSERT(call_number > 0 && kind > IO_FAULT_NONE && kind < IO_FAULT_KINDS);
    fault_lock(fault);
    ASSERT(fault->plan_count < PLAN_MAX);
    struct plan *plan = &fault->plans[fault->plan_count++];
    plan->call = call_number;
    plan->kind = kind;
    if (prng != NULL) {
        prng_seed(&plan->prng, prng_u64(prng));
    } else {
        prng_seed(&plan->prng, call_number);
    }
    fault_unlock(fault);
}

void io_fault_rate(struct io_fault *fault, enum io_fault_kind kind, uint32_t parts, uint32_t of,
                   const struct prng *prng) {
    ASSERT(kind > IO_FAULT_NONE && kind < IO_FAULT_KINDS && parts <= of);
    fault_lock(fault);
    fault->rates[kind] = (struct rate){.parts = parts, .of = of, .prng = *prng};
    fault_unlock(fault);
}

void io_fault_clear(struct io_fault *fault) {
    fault_lock(fault);
    fault->plan_count = 0;
    memset(fault->rates, 0, sizeof(fault->rates));
    fault_unlock(fault);
}

uint64_t io_fault_calls(const struct io_fault *fault) {
    fault_lock(fault);
    uint64_t calls = fault->calls;
    fault_unlock(fault);
    return calls;
}

uint64_t io_fault_applied(const struct io_fault *fault, enum io_fault_kind kind) {
    ASSERT((unsigned)kind < IO_FAULT_KINDS);
    return atomic_load(&fault->applied[kind]);
}

bool io_fault_crashed(const struct io_fault *fault) {
    return atomic_load(&fault->crashed);
}

bool io_fault_applies(const struct io_fault *fault, uint64_t call_number, enum io_fault_kind kind) {
    ASSERT(call_number > 0 && (unsigned)kind < IO_FAULT_KINDS);
    fault_lock(fault);
    bool applies = call_number <= fault->suitable_count && (fault->suitable[call_number - 1] & BIT(kind)) != 0;
    fault_unlock(fault);
    return applies;
}

/* ---- deciding ---- */

static void record(struct io_fault *fault, uint16_t suitable) {
    if (fault->calls > RECORD_MAX || fault->suitable_count != fault->calls - 1) {
        return;
    }
    if (fault->suitable_count == fault->suitable_capacity) {
        uint64_t capacity = fault->suitable_capacity == 0 ? 256 : fault->suitable_capacity * 2;
        uint16_t *grown = mem_realloc(fault->suitable, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return; /* the record ends here; io_fault_applies() is false from here on */
        }
        fault->suitable = grown;
        fault->suitable_capacity = capacity;
    }
    fault->suitable[fault->suitable_count++] = suitable;
}

static enum kmb_status crashed_error(struct kmb_error *error) {
    return error_set(error, KMB_IO, "the simulated machine has crashed");
}

/*
 * Counts the call and chooses its fault among the suitable ones; *prng is then the generator to draw details from.
 * KMB_IO once the machine has crashed.
 */
static enum kmb_status call_enter(struct io_fault *fault, uint16_t suitable, enum io_fault_kind *kind,
                                  struct prng *prng, struct kmb_error *error) {
    *kind = IO_FAULT_NONE;
    if (atomic_load(&fault->crashed)) {
        return crashed_error(error);
    }
    fault_lock(fault);
    fault->calls++;
    record(fault, suitable);
    for (size_t i = 0; i < fault->plan_count && *kind == IO_FAULT_NONE; i++) {
        struct plan *plan = &fault->plans[i];
        if (plan->call == fault->calls && (suitable & BIT(plan->kind)) != 0) {
            *kind = plan->kind;
            *prng = plan->prng;
        }
    }
    for (unsigned i = 1; i < IO_FAULT_KINDS && *kind == IO_FAULT_NONE; i++) {
        struct rate *rate = &fault->rates[i];
        if (rate->of != 0 && (suitable & BIT(i)) != 0 && prng_chance(&rate->prng, rate->parts, rate->of)) {
            *kind = (enum io_fault_kind)i;
            prng_seed(prng, prng_u64(&rate->prng));
        }
    }
    fault_unlock(fault);
    return KMB_OK;
}

static void count(struct io_fault *fault, enum io_fault_kind kind) {
    atomic_fetch_add(&fault->applied[kind], 1);
}

/* Puts back what a lost write covered; a fault that cannot be done is our bug, for the inner table is a healthy one. */
static void waiting_undo(struct io_fault *fault) {
    struct waiting_write *waiting = &fault->waiting;
    uint64_t size = 0;
    struct io_file *inner = waiting->file->inner;
    enum kmb_status status = io_size(fault->inner, inner, &size, NULL);
    uint64_t end = waiting->offset + waiting->length;
    if (status == KMB_OK && waiting->old_length > 0) {
        status = io_write(fault->inner, inner, waiting->offset, waiting->old, waiting->old_length, NULL);
    }
    if (status == KMB_OK && waiting->old_length < waiting->length) {
        if (size == end) {
            status = io_truncate(fault->inner, inner, waiting->size_before, NULL);
        } else {
            /* Later writes went further: the place reads as a hole. */
            static const uint8_t zeros[4096];
            uint64_t at = waiting->offset + waiting->old_length;
            while (status == KMB_OK && at < end) {
                size_t piece = end - at < sizeof(zeros) ? (size_t)(end - at) : sizeof(zeros);
                status = io_write(fault->inner, inner, at, zeros, piece, NULL);
                at += piece;
            }
        }
    }
    ASSERT(status == KMB_OK);
    count(fault, waiting->kind);
}

static void waiting_drop(struct io_fault *fault) {
    mem_free(fault->waiting.old);
    fault->waiting = (struct waiting_write){0};
}

static enum kmb_status crash(struct io_fault *fault, struct kmb_error *error) {
    fault_lock(fault);
    bool first = !atomic_exchange(&fault->crashed, true);
    if (first && fault->waiting.file != NULL) {
        waiting_undo(fault);
    }
    waiting_drop(fault);
    fault_unlock(fault);
    if (first && fault->on_crash != NULL) {
        fault->on_crash(fault->context);
    }
    return crashed_error(error);
}

void io_fault_crash(struct io_fault *fault) {
    crash(fault, NULL);
}

/*
 * A call is about to change the file (or make it durable): a lost write that waits there must crash first, a reordered
 * one has lost its chance.
 */
static bool waiting_must_crash(struct io_fault *fault, const struct io_file *file, bool sync) {
    fault_lock(fault);
    bool must = false;
    if (fault->waiting.file != NULL) {
        if (fault->waiting.kind == IO_FAULT_LOST_WRITE) {
            must = sync || fault->waiting.file == file;
        } else if (fault->waiting.file == file) {
            waiting_drop(fault);
        }
    }
    fault_unlock(fault);
    return must;
}

static struct io_fault *fault_of(const struct io *io) {
    return io->context;
}

/* The faults that any call can have, before it is done; *done is true when the call is over. */
static enum kmb_status before_call(struct io_fault *fault, enum io_fault_kind kind, bool *done,
                                   struct kmb_error *error) {
    *done = true;
    if (kind == IO_FAULT_EIO) {
        count(fault, kind);
        return error_set(error, KMB_IO, "planned fault: input/output error");
    }
    if (kind == IO_FAULT_ENOSPC) {
        count(fault, kind);
        return error_set(error, KMB_DISK_FULL, "planned fault: no space left on device");
    }
    if (kind == IO_FAULT_CRASH_BEFORE) {
        count(fault, kind);
        return crash(fault, error);
    }
    *done = false;
    return KMB_OK;
}

static enum kmb_status after_call(struct io_fault *fault, enum io_fault_kind kind, enum kmb_status status,
                                  struct kmb_error *error) {
    if (kind == IO_FAULT_CRASH_AFTER) {
        count(fault, kind);
        return crash(fault, error);
    }
    return status;
}

/* The frame of a call whose only faults are those of any call (and perhaps ENOSPC): `expression` is the inner call. */
#define SIMPLE_CALL(suitable, expression)                                                                              \
    struct io_fault *fault = fault_of(io);                                                                             \
    enum io_fault_kind kind;                                                                                           \
    struct prng prng;                                                                                                  \
    bool done;                                                                                                         \
    enum kmb_status status = call_enter(fault, suitable, &kind, &prng, error);                                         \
    if (status != KMB_OK) {                                                                                            \
        return status;                                                                                                 \
    }                                                                                                                  \
    status = before_call(fault, kind, &done, error);                                                                   \
    if (done) {                                                                                                        \
        return status;                                                                                                 \
    }                                                                                                                  \
    status = (expression);                                                                                             \
    return after_call(fault, kind, status, error)

/* ---- the table ---- */

static enum kmb_status fault_open(const struct io *io, const char *path, unsigned flags, struct io_file **file,
                                  struct kmb_error *error) {
    struct io_fault *fault = fault_of(io);
    uint16_t suitable = ANY_CALL | ((flags & IO_CREATE) != 0 ? BIT(IO_FAULT_ENOSPC) : 0);
    enum io_fault_kind kind;
    struct prng prng;
    bool done;
    enum kmb_status status = call_enter(fault, suitable, &kind, &prng, error);
    if (status != KMB_OK) {
        return status;
    }
    status = before_call(fault, kind, &done, error);
    if (done) {
        return status;
    }
    struct io_file *opened = mem_alloc_zero(1, sizeof(*opened));
    if (opened == NULL) {
        return error_set(error, KMB_NO_MEMORY, "cannot open '%s': out of memory", path);
    }
    status = io_open(fault->inner, path, flags, &opened->inner, error);
    if (status == KMB_OK) {
        status = after_call(fault, kind, status, error);
        if (status == KMB_OK) {
            *file = opened;
            return KMB_OK;
        }
        io_close(fault->inner, opened->inner);
    }
    mem_free(opened);
    return status;
}

static void fault_close(const struct io *io, struct io_file *file) {
    struct io_fault *fault = fault_of(io);
    if (waiting_must_crash(fault, file, false)) {
        crash(fault, NULL);
    }
    io_close(fault->inner, file->inner);
    mem_free(file);
}

static enum kmb_status fault_read(const struct io *io, struct io_file *file, uint64_t offset, void *bytes, size_t size,
                                  size_t *read, struct kmb_error *error) {
    struct io_fault *fault = fault_of(io);
    uint16_t suitable = ANY_CALL | (size > 0 ? BIT(IO_FAULT_READ_FLIP) : 0);
    enum io_fault_kind kind;
    struct prng prng;
    bool done;
    enum kmb_status status = call_enter(fault, suitable, &kind, &prng, error);
    if (status != KMB_OK) {
        return status;
    }
    status = before_call(fault, kind, &done, error);
    if (done) {
        return status;
    }
    status = io_read(fault->inner, file->inner, offset, bytes, size, read, error);
    if (status == KMB_OK && kind == IO_FAULT_READ_FLIP && *read > 0) {
        uint64_t bit = prng_below(&prng, (uint64_t)*read * 8);
        ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        count(fault, kind);
    }
    return after_call(fault, kind, status, error);
}

/* Where a misdirected write lands; false: nowhere inside the file. */
static bool misdirect(const struct io_fault *fault, const struct io_file *file, uint64_t offset, size_t size,
                      uint64_t *target) {
    if (offset >= MISDIRECT_STEP) {
        *target = offset - MISDIRECT_STEP;
        return true;
    }
    uint64_t file_size;
    *target = offset + MISDIRECT_STEP;
    return io_size(fault->inner, file->inner, &file_size, NULL) == KMB_OK && *target + size <= file_size;
}

static uint16_t write_suitable(const struct io_fault *fault, const struct io_file *file, uint64_t offset, size_t size) {
    uint16_t suitable = ANY_CALL | BIT(IO_FAULT_ENOSPC);
    uint64_t target;
    if (size > 0) {
        suitable |= BIT(IO_FAULT_LOST_WRITE) | BIT(IO_FAULT_REORDER);
        suitable |= misdirect(fault, file, offset, size, &target) ? BIT(IO_FAULT_MISDIRECTED) : 0;
    }
    suitable |= size > 1 ? BIT(IO_FAULT_SHORT_WRITE) : 0;
    suitable |= size > 2 || (size == 2 && offset % SECTOR_SIZE != SECTOR_SIZE - 1) ? BIT(IO_FAULT_TORN_SECTOR) : 0;
    return suitable;
}

/* Does the write and remembers what it covered; another write that waits keeps its place, and this one is whole. */
static enum kmb_status write_waiting(struct io_fault *fault, struct io_file *file, enum io_fault_kind kind,
                                     uint64_t offset, const void *bytes, size_t size, struct kmb_error *error) {
    fault_lock(fault);
    uint64_t size_before;
    enum kmb_status status = io_size(fault->inner, file->inner, &size_before, error);
    if (status == KMB_OK && fault->waiting.file == NULL) {
        uint8_t *old = mem_alloc(size);
        size_t old_length = 0;
        status = old == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory in the fault injector")
                             : io_read(fault->inner, file->inner, offset, old, size, &old_length, error);
        if (status != KMB_OK) {
            mem_free(old);
        } else {
            fault->waiting = (struct waiting_write){.file = file,
                                                    .kind = kind,
                                                    .offset = offset,
                                                    .length = size,
                                                    .size_before = size_before,
                                                    .old = old,
                                                    .old_length = old_length};
        }
    }
    if (status == KMB_OK) {
        status = io_write(fault->inner, file->inner, offset, bytes, size, error);
        if (status != KMB_OK && fault->waiting.file == file && fault->waiting.offset == offset) {
            waiting_drop(fault);
        }
    }
    fault_unlock(fault);
    return status;
}

/* Does a write to this place touch the one that waits? */
static bool waiting_overlaps(struct io_fault *fault, const struct io_file *file, uint64_t offset, size_t size) {
    fault_lock(fault);
    const struct waiting_write *waiting = &fault->waiting;
    bool overlaps =
        waiting->file == file && offset < waiting->offset + waiting->length && waiting->offset < offset + size;
    fault_unlock(fault);
    return overlaps;
}

static bool reordered_waits(struct io_fault *fault) {
    fault_lock(fault);
    bool waits = fault->waiting.file != NULL && fault->waiting.kind == IO_FAULT_REORDER;
    fault_unlock(fault);
    return waits;
}

static enum kmb_status write_faulty(struct io_fault *fault, struct io_file *file, enum io_fault_kind kind,
                                    struct prng *prng, uint64_t offset, const void *bytes, size_t size,
                                    struct kmb_error *error) {
    uint64_t target = offset;
    size_t part;
    enum kmb_status status;
    switch (kind) {
    case IO_FAULT_SHORT_WRITE:
        part = 1 + (size_t)prng_below(prng, size - 1);
        status = io_write(fault->inner, file->inner, offset, bytes, part, error);
        count(fault, kind);
        return status != KMB_OK ? status
                                : error_set(error, KMB_IO, "planned fault: %zu of %zu bytes written", part, size);
    case IO_FAULT_TORN_SECTOR:
        do {
            part = 1 + (size_t)prng_below(prng, size - 1);
        } while ((offset + part) % SECTOR_SIZE == 0);
        status = io_write(fault->inner, file->inner, offset, bytes, part, error);
        if (status == KMB_OK) {
            count(fault, kind);
            crash(fault, NULL);
        }
        return status;
    case IO_FAULT_LOST_WRITE:
    case IO_FAULT_REORDER:
        return write_waiting(fault, file, kind, offset, bytes, size, error);
    case IO_FAULT_MISDIRECTED:
        if (misdirect(fault, file, offset, size, &target)) {
            count(fault, kind);
        }
        return io_write(fault->inner, file->inner, target, bytes, size, error);
    default:
        return io_write(fault->inner, file->inner, offset, bytes, size, error);
    }
}

static enum kmb_status fault_write(const struct io *io, struct io_file *file, uint64_t offset, const void *bytes,
                                   size_t size, struct kmb_error *error) {
    struct io_fault *fault = fault_of(io);
    enum io_fault_kind kind;
    struct prng prng;
    bool done;
    enum kmb_status status = call_enter(fault, write_suitable(fault, file, offset, size), &kind, &prng, error);
    if (status != KMB_OK) {
        return status;
    }
    status = before_call(fault, kind, &done, error);
    if (done) {
        return status;
    }
    if (waiting_overlaps(fault, file, offset, size) && waiting_must_crash(fault, file, false)) {
        return crash(fault, error);
    }
    bool crash_after = reordered_waits(fault);
    status = write_faulty(fault, file, kind, &prng, offset, bytes, size, error);
    if (status == KMB_OK && crash_after) {
        return crash(fault, error);
    }
    return after_call(fault, kind, status, error);
}

static enum kmb_status fault_sync(const struct io *io, struct io_file *file, struct kmb_error *error) {
    struct io_fault *fault = fault_of(io);
    enum io_fault_kind kind;
    struct prng prng;
    bool done;
    enum kmb_status status = call_enter(fault, ANY_CALL | BIT(IO_FAULT_SYNC), &kind, &prng, error);
    if (status != KMB_OK) {
        return status;
    }
    status = before_call(fault, kind, &done, error);
    if (done) {
        return status;
    }
    if (waiting_must_crash(fault, file, true)) {
        return crash(fault, error);
    }
    if (kind == IO_FAULT_SYNC) {
        if (fault->inner->ops->forget_unsynced != NULL) {
            fault->inner->ops->forget_unsynced(fault->inner, file->inner);
        }
        count(fault, kind);
        return error_set(error, KMB_IO, "planned fault: sync failed");
    }
    return after_call(fault, kind, io_sync(fault->inner, file->inner, error), error);
}

static enum kmb_status fault_size(const struct io *io, struct io_file *file, uint64_t *size, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_size(fault->inner, file->inner, size, error));
}

static enum kmb_status fault_truncate(const struct io *io, struct io_file *file, uint64_t size,
                                      struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, waiting_must_crash(fault, file, false) ? crash(fault, error)
                                                                 : io_truncate(fault->inner, file->inner, size, error));
}

static enum kmb_status fault_allocate(const struct io *io, struct io_file *file, uint64_t size,
                                      struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL | BIT(IO_FAULT_ENOSPC), waiting_must_crash(fault, file, false)
                                                     ? crash(fault, error)
                                                     : io_allocate(fault->inner, file->inner, size, error));
}

static enum kmb_status fault_rename(const struct io *io, const char *from, const char *to, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_rename(fault->inner, from, to, error));
}

static enum kmb_status fault_unlink(const struct io *io, const char *path, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_unlink(fault->inner, path, error));
}

static enum kmb_status fault_make_directory(const struct io *io, const char *path, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_make_directory(fault->inner, path, error));
}

static enum kmb_status fault_sync_directory(const struct io *io, const char *path, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_sync_directory(fault->inner, path, error));
}

static enum kmb_status fault_list(const struct io *io, const char *path,
                                  enum kmb_status (*each)(void *context, const char *name, bool directory),
                                  void *context, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_list(fault->inner, path, each, context, error));
}

static enum kmb_status fault_exists(const struct io *io, const char *path, bool *exists, struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_exists(fault->inner, path, exists, error));
}

static enum kmb_status fault_lock_file(const struct io *io, struct io_file *file, const char *note,
                                       struct kmb_error *error) {
    SIMPLE_CALL(ANY_CALL, io_lock(fault->inner, file->inner, note, error));
}

static void fault_forget_unsynced(const struct io *io, struct io_file *file) {
    struct io_fault *fault = fault_of(io);
    if (fault->inner->ops->forget_unsynced != NULL) {
        fault->inner->ops->forget_unsynced(fault->inner, file->inner);
    }
}

struct io io_fault_table(struct io_fault *fault) {
    static const struct io_ops ops = {
        .open = fault_open,
        .close = fault_close,
        .read = fault_read,
        .write = fault_write,
        .sync = fault_sync,
        .size = fault_size,
        .truncate = fault_truncate,
        .allocate = fault_allocate,
        .rename = fault_rename,
        .unlink = fault_unlink,
        .make_directory = fault_make_directory,
        .sync_directory = fault_sync_directory,
        .list = fault_list,
        .exists = fault_exists,
        .lock = fault_lock_file,
        .forget_unsynced = fault_forget_unsynced,
    };
    return (struct io){.ops = &ops, .context = fault};
}
