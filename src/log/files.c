/*
 * A log's life as files: making it, opening it, repairing what a crash left, closing it.
 *
 * Opening reads first and writes only when all has been judged: recovery (recover.c) either refuses, and then nothing
 * on disk was touched, or says where the log ends. Then what stands after the end is taken away durably, before
 * anything new is written, so that no remains of an abandoned block can ever be read as a later one. Every step can be
 * cut short by a crash and is simply done again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "log/private.h"

#define OPEN_LIVE_ATTEMPTS 8u /* a walk beside a writer that sees files of two moments starts again */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "no memory for opening the log");
}

/* The directory's own name must be durable too. */
static enum kmb_status sync_parent(const struct io *io, const char *dir, struct kmb_error *error) {
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/') {
        length--;
    }
    while (length > 0 && dir[length - 1] != '/') {
        length--;
    }
    while (length > 1 && dir[length - 1] == '/') {
        length--;
    }
    if (length == 0) {
        return io_sync_directory(io, ".", error);
    }
    char *parent = mem_alloc(length + 1);
    if (parent == NULL) {
        return no_memory(error);
    }
    memcpy(parent, dir, length);
    parent[length] = 0;
    enum kmb_status status = io_sync_directory(io, parent, error);
    mem_free(parent);
    return status;
}

static enum kmb_status segment_header_write(const struct io *io, struct io_file *file,
                                            const struct log_segment_header *header, struct kmb_error *error) {
    uint8_t bytes[LOG_SEGMENT_HEADER_SIZE];
    log_segment_encode(header, bytes);
    return io_write(io, file, 0, bytes, sizeof bytes, error);
}

static enum kmb_status create_segment(const struct io *io, const char *dir, const struct log_superblock *superblock,
                                      struct kmb_error *error) {
    struct io_file *file = NULL;
    char *path = log_segment_path(dir, 1);
    if (path == NULL) {
        return no_memory(error);
    }
    const struct log_segment_header header = {
        .identity = superblock->identity,
        .op_first = 1,
        .bytes = superblock->segment_bytes,
        .previous = log_block_genesis(&superblock->identity),
    };
    enum kmb_status status = io_open(io, path, IO_WRITE | IO_CREATE, &file, error);
    if (status == KMB_OK) {
        status = io_truncate(io, file, 0, error); /* what an earlier attempt may have left */
    }
    if (status == KMB_OK) {
        status = io_allocate(io, file, header.bytes, error);
    }
    if (status == KMB_OK) {
        status = segment_header_write(io, file, &header, error);
    }
    if (status == KMB_OK) {
        status = io_sync(io, file, error);
    }
    io_close(io, file);
    mem_free(path);
    return status;
}

static enum kmb_status create_superblock(const struct io *io, const char *dir, struct log_superblock *superblock,
                                         const struct log_slot *slot, struct kmb_error *error) {
    uint8_t *bytes = mem_alloc((size_t)LOG_SLOTS * LOG_SLOT_SIZE);
    char *path = log_path(dir, LOG_SUPERBLOCK_NAME);
    enum kmb_status status = KMB_OK;
    if (bytes == NULL || path == NULL) {
        status = no_memory(error);
    } else {
        for (unsigned round = 0; round < LOG_SLOTS; round++) {
            log_superblock_advance(superblock, slot);
        }
        for (unsigned place = 0; place < LOG_SLOTS; place++) {
            log_slot_encode(superblock, place, bytes + place * LOG_SLOT_SIZE);
        }
        status = io_replace_file(io, path, 0, slice_make(bytes, (size_t)LOG_SLOTS * LOG_SLOT_SIZE), error);
    }
    mem_free(path);
    mem_free(bytes);
    return status;
}

/* Segments with blocks and no superblock: a log that lost a file, not an attempt at making one. It is not overwritten.
 */
static enum kmb_status create_check_segments(const struct io *io, const char *dir, struct kmb_error *error) {
    struct log_segments segments;
    enum kmb_status status = log_segments_list(io, dir, &segments, error);
    bool found = status == KMB_OK && (segments.count > 1 || (segments.count == 1 && segments.op_first[0] != 1));
    if (status == KMB_OK && segments.count == 1 && !found) {
        uint8_t block[LOG_BLOCK_ALIGN] = {0};
        struct io_file *file = NULL;
        size_t count = 0;
        char *path = log_segment_path(dir, 1);
        status = path == NULL ? no_memory(error) : io_open(io, path, IO_READ, &file, error);
        if (status == KMB_OK) {
            status = io_read(io, file, LOG_SEGMENT_HEADER_SIZE, block, sizeof block, &count, error);
        }
        found = status == KMB_OK && !log_bytes_zero(block, count);
        io_close(io, file);
        mem_free(path);
    }
    log_segments_free(&segments);
    if (found) {
        error_set(error, KMB_FILE_EXISTS, "%s holds segments of a log, but no superblock", dir);
        error_hint(error, "restore the superblock from a backup, or choose an empty directory");
        return KMB_FILE_EXISTS;
    }
    return status;
}

static enum kmb_status create_check(const struct io *io, const char *dir, const struct log_params *params,
                                    struct slice root, struct kmb_error *error) {
    uint64_t bytes = params->segment_bytes;
    if (bytes != 0 &&
        (bytes < LOG_SEGMENT_BYTES_MIN || bytes > LOG_SEGMENT_BYTES_MAX || bytes % LOG_BLOCK_ALIGN != 0)) {
        return error_set(error, KMB_USAGE, "a segment of %" PRIu64 " bytes: give a multiple of %u from %" PRIu64 " on",
                         bytes, LOG_BLOCK_ALIGN, LOG_SEGMENT_BYTES_MIN);
    }
    if (root.length > LOG_ROOT_SIZE_MAX) {
        return error_set(error, KMB_USAGE, "a store root of %zu bytes, at most %d", root.length, LOG_ROOT_SIZE_MAX);
    }
    enum kmb_status status = io_make_directory(io, dir, error);
    char *path = log_path(dir, LOG_SUPERBLOCK_NAME);
    bool exists = false;
    if (path == NULL) {
        return no_memory(error);
    }
    if (status == KMB_OK) {
        status = io_exists(io, path, &exists, error);
    }
    mem_free(path);
    if (status == KMB_OK && exists) {
        return error_set(error, KMB_FILE_EXISTS, "%s already holds a log", dir);
    }
    return status == KMB_OK ? create_check_segments(io, dir, error) : status;
}

enum kmb_status log_create(const struct io *io, const char *dir, const struct log_params *params, struct slice root,
                           const struct environment *environment, struct kmb_error *error) {
    enum kmb_status status = create_check(io, dir, params, root, error);
    if (status != KMB_OK) {
        return status;
    }
    struct log_superblock superblock = {
        .identity = params->identity,
        .segment_bytes = params->segment_bytes == 0 ? LOG_SEGMENT_BYTES_DEFAULT : params->segment_bytes,
    };
    while (superblock.identity.guard == 0) {
        if (!environment->random(environment->context, &superblock.identity.guard, sizeof superblock.identity.guard)) {
            return error_set(error, KMB_IO, "the system gives no randomness for a new log");
        }
    }
    struct log_slot slot = {
        .place = {.hash = log_block_genesis(&superblock.identity), .segment = 1, .offset = LOG_SEGMENT_HEADER_SIZE},
        .time_us = environment->time_us(environment->context),
        .closed = true,
        .root_length = (uint32_t)root.length,
    };
    if (root.length > 0) {
        memcpy(slot.root, root.bytes, root.length);
    }
    status = create_segment(io, dir, &superblock, error);
    if (status == KMB_OK) {
        status = io_sync_directory(io, dir, error);
    }
    if (status == KMB_OK) {
        status = create_superblock(io, dir, &superblock, &slot, error);
    }
    if (status == KMB_OK) {
        status = sync_parent(io, dir, error);
    }
    return status;
}

enum kmb_status log_slot_write(struct log *log, unsigned place, struct kmb_error *error) {
    uint8_t bytes[LOG_SLOT_SIZE];
    log_slot_encode(&log->superblock, place, bytes);
    enum kmb_status status =
        io_write(&log->io, log->superblock_file, (uint64_t)place * LOG_SLOT_SIZE, bytes, sizeof bytes, error);
    return status == KMB_OK ? io_sync(&log->io, log->superblock_file, error) : status;
}

enum kmb_status log_spare_make(struct log *log, uint64_t bytes, struct kmb_error *error) {
    if (log->spare != NULL && log->spare_bytes >= bytes) {
        return KMB_OK;
    }
    if (log->spare_path == NULL) {
        log->spare_path = log_path(log->dir, LOG_SPARE_NAME);
    }
    if (log->segment_path == NULL) {
        log->segment_path_size = strlen(log->dir) + LOG_SEGMENT_NAME_SIZE + 2;
        log->segment_path = mem_alloc(log->segment_path_size);
    }
    if (log->spare_path == NULL || log->segment_path == NULL) {
        return no_memory(error);
    }
    enum kmb_status status = KMB_OK;
    if (log->spare == NULL) {
        status = io_open(&log->io, log->spare_path, IO_WRITE | IO_CREATE, &log->spare, error);
    }
    if (status == KMB_OK) {
        uint64_t size = log_align(bytes > log->superblock.segment_bytes ? bytes : log->superblock.segment_bytes);
        status = io_allocate(&log->io, log->spare, size, error);
        log->spare_bytes = size;
    }
    if (status != KMB_OK) {
        io_close(&log->io, log->spare);
        log->spare = NULL;
        log->spare_bytes = 0;
        io_unlink(&log->io, log->spare_path,
                  NULL); /* gives back what was allocated; a leftover goes at the next open */
    }
    return status;
}

/* Deletes what is not part of the recovered log: later segments and a spare. */
static enum kmb_status repair_names(struct log *log, const struct log_segments *segments,
                                    const struct log_recovered *recovered, struct kmb_error *error) {
    bool changed = false;
    for (size_t at = segments->count; at-- > 0 && segments->op_first[at] > recovered->segment;) {
        char *path = log_segment_path(log->dir, segments->op_first[at]);
        enum kmb_status status = path == NULL ? no_memory(error) : io_unlink(&log->io, path, error);
        mem_free(path);
        if (status != KMB_OK) {
            return status;
        }
        changed = true;
    }
    if (segments->spare) {
        char *path = log_path(log->dir, LOG_SPARE_NAME);
        enum kmb_status status = path == NULL ? no_memory(error) : io_unlink(&log->io, path, error);
        mem_free(path);
        if (status != KMB_OK) {
            return status;
        }
        changed = true;
    }
    return changed ? io_sync_directory(&log->io, log->dir, error) : KMB_OK;
}

static enum kmb_status repair_tail(struct log *log, const struct log_recovered *recovered,
                                   const struct log_recovery *recovery, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    if (recovered->dirty) {
        status = io_truncate(&log->io, log->file, recovered->end, error);
        if (status == KMB_OK) {
            status = io_allocate(&log->io, log->file, recovered->segment_size, error);
        }
    }
    if (status == KMB_OK && recovered->header_absent) {
        const struct log_segment_header header = {
            .identity = log->superblock.identity,
            .op_first = recovered->segment,
            .bytes = recovered->segment_size,
            .previous = recovered->segment_previous,
        };
        status = segment_header_write(&log->io, log->file, &header, error);
    }
    bool process_crash = !recovery->closed; /* whole blocks may stand in the system's cache only */
    if (status == KMB_OK && (recovered->dirty || recovered->header_absent || process_crash)) {
        status = io_sync(&log->io, log->file, error);
        if (status == KMB_OK) {
            status = io_sync_directory(&log->io, log->dir, error);
        }
    }
    return status;
}

static enum kmb_status repair_superblock(struct log *log, struct kmb_error *error) {
    if (log->superblock.file_size != (uint64_t)LOG_SLOTS * LOG_SLOT_SIZE) {
        enum kmb_status status =
            io_truncate(&log->io, log->superblock_file, (uint64_t)LOG_SLOTS * LOG_SLOT_SIZE, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    const struct log_slot newest = log->superblock.slots[log->superblock.newest];
    for (unsigned round = 0; round < LOG_SLOTS; round++) {
        for (unsigned place = 0; place < LOG_SLOTS; place++) {
            if (!log->superblock.valid[place] || log->superblock.misplaced[place]) {
                unsigned written = log_superblock_advance(&log->superblock, &newest);
                enum kmb_status status = log_slot_write(log, written, error);
                if (status != KMB_OK) {
                    return status;
                }
                break;
            }
        }
    }
    return KMB_OK;
}

static void open_report(const struct log *log, const struct log_recovery *recovery) {
    char op[24];
    char segment[24];
    char offset[24];
    char bytes[24];
    if (log->logger == NULL) {
        return;
    }
    if (recovery->tail_cut) {
        snprintf(op, sizeof op, "%" PRIu64, recovery->tail_op);
        snprintf(segment, sizeof segment, "%016" PRIx64, recovery->tail_segment);
        snprintf(offset, sizeof offset, "%" PRIu64, recovery->tail_offset);
        snprintf(bytes, sizeof bytes, "%" PRIu64, recovery->tail_bytes);
        logger_write(log->logger, LOG_WARNING, "log.tail.cut", "op", op, "segment", segment, "offset", offset, "bytes",
                     bytes, "reason", recovery->tail_reason, NULL);
    }
    if (recovery->slots_damaged > 0) {
        snprintf(bytes, sizeof bytes, "%u", recovery->slots_damaged);
        logger_write(log->logger, LOG_WARNING, "log.superblock.slots_damaged", "count", bytes, NULL);
    }
}

/* Opens the files for writing, and makes the disk say what recovery found. */
static enum kmb_status open_for_writing(struct log *log, const struct log_segments *segments,
                                        const struct log_recovered *recovered, const struct log_recovery *recovery,
                                        struct kmb_error *error) {
    char *path = log_segment_path(log->dir, recovered->segment);
    char *superblock = log_path(log->dir, LOG_SUPERBLOCK_NAME);
    enum kmb_status status = path == NULL || superblock == NULL ? no_memory(error) : KMB_OK;
    if (status == KMB_OK) {
        status = io_open(&log->io, path, IO_WRITE, &log->file, error);
    }
    if (status == KMB_OK) {
        status = io_open(&log->io, superblock, IO_WRITE, &log->superblock_file, error);
    }
    mem_free(path);
    mem_free(superblock);
    if (status == KMB_OK) {
        status = repair_names(log, segments, recovered, error);
    }
    if (status == KMB_OK) {
        status = repair_tail(log, recovered, recovery, error);
    }
    if (status == KMB_OK) {
        status = repair_superblock(log, error);
    }
    return status;
}

static enum kmb_status open_once(struct log *log, const struct log_options *options, struct log_recovery *recovery,
                                 struct kmb_error *error) {
    struct log_segments segments = {0};
    struct log_recovered recovered = {0};
    enum kmb_status status = log_superblock_read(&log->io, log->dir, &log->superblock, error);
    if (status == KMB_OK) {
        status = log_segments_list(&log->io, log->dir, &segments, error);
    }
    if (status == KMB_OK) {
        status = log_recover_run(&log->io, log->dir, &log->superblock, &segments, options, recovery, &recovered, NULL,
                                 error);
    }
    if (status == KMB_OK && !options->read_only) {
        status = open_for_writing(log, &segments, &recovered, recovery, error);
    }
    log_segments_free(&segments);
    if (status != KMB_OK) {
        return status;
    }
    log->head = recovered.head;
    log->head_view = recovered.head_view;
    log->head_seal = recovered.head_seal;
    log->segment = recovered.segment;
    log->segment_size = recovered.segment_size;
    log->end = recovered.end;
    log->synced = recovered.head;
    atomic_store_explicit(&log->synced_op, options->read_only ? recovery->synced_op : recovered.head.op,
                          memory_order_release);
    return KMB_OK;
}

enum kmb_status log_open(const struct io *io, const char *dir, const struct log_options *options,
                         struct log_recovery *recovery, struct log **out, struct kmb_error *error) {
    ASSERT(options->read_only || options->environment != NULL);
    ASSERT(options->read_only || !options->live);
    struct log_recovery ignored;
    *out = NULL;
    struct log *log = mem_alloc_zero(1, sizeof *log);
    char *copy = mem_strdup(dir);
    if (log == NULL || copy == NULL) {
        mem_free(log);
        mem_free(copy);
        return no_memory(error);
    }
    log->io = *io;
    log->dir = copy;
    log->read_only = options->read_only;
    log->logger = options->logger;
    if (options->environment != NULL) {
        log->environment = *options->environment;
    }
    pthread_mutex_init(&log->lock, NULL);
    recovery = recovery != NULL ? recovery : &ignored;
    enum kmb_status status = KMB_INTERNAL;
    unsigned attempts = options->live ? OPEN_LIVE_ATTEMPTS : 1;
    for (unsigned attempt = 0; attempt < attempts; attempt++) {
        status = open_once(log, options, recovery, error);
        if (status != KMB_CORRUPT && status != KMB_ROLLED_BACK && status != KMB_FILE_NOT_FOUND) {
            break;
        }
    }
    if (status != KMB_OK) {
        log_abandon(log);
        return status;
    }
    open_report(log, recovery);
    *out = log;
    return KMB_OK;
}

void log_abandon(struct log *log) {
    if (log == NULL) {
        return;
    }
    io_close(&log->io, log->file);
    io_close(&log->io, log->spare);
    io_close(&log->io, log->superblock_file);
    log_block_free(&log->seal);
    mem_free(log->zeros);
    pthread_mutex_destroy(&log->lock);
    mem_free(log->spare_path);
    mem_free(log->segment_path);
    mem_free(log->dir);
    mem_free(log);
}
