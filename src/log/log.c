/*
 * Writing: one block, one write, one sync.
 *
 * The order of things on disk is the whole safety argument. A block is written only when the block before it is
 * durable, so at most one block is ever in doubt. A new segment is allocated beforehand under the name `spare`, and
 * gets its name and header in the same step as its first block; both are durable when that block's sync has returned,
 * and not before does anybody hear of it. The mark "closed" in the superblock is taken back durably before the first
 * block after it.
 *
 * After a failed write or sync nobody knows what the disk holds: the kernel may have dropped the pages and will report
 * success next time. So the first failure is final.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "log/private.h"

#define ZEROS_BLOCK_MAX ((uint64_t)32 << 10)
#define ZEROS_BYTES     ((size_t)256 << 10)

/* Remembers the first cause and answers KMB_FATAL with it. */
static enum kmb_status log_fail(struct log *log, const char *what, const struct kmb_error *cause,
                                struct kmb_error *error) {
    pthread_mutex_lock(&log->lock);
    if (!log->fatal) {
        log->fatal = true;
        error_set(&log->fatal_cause, KMB_FATAL, "the log stopped after a failure: %s: %s", what, cause->message);
        error_hint(&log->fatal_cause, "open the database again: what was acknowledged is there");
        if (log->logger != NULL) {
            logger_write(log->logger, LOG_ERROR, "log.fatal", "cause", log->fatal_cause.message, NULL);
        }
    }
    if (error != NULL) {
        *error = log->fatal_cause;
    }
    pthread_mutex_unlock(&log->lock);
    return KMB_FATAL;
}

static enum kmb_status log_usable(struct log *log, struct kmb_error *error) {
    pthread_mutex_lock(&log->lock);
    bool fatal = log->fatal;
    if (fatal && error != NULL) {
        *error = log->fatal_cause;
    }
    pthread_mutex_unlock(&log->lock);
    if (fatal) {
        return KMB_FATAL;
    }
    if (log->read_only) {
        return error_set(error, KMB_READ_ONLY, "the log %s is open for reading only", log->dir);
    }
    return KMB_OK;
}

const struct log_identity *log_identity_of(const struct log *log) {
    return &log->superblock.identity;
}

const char *log_dir(const struct log *log) {
    return log->dir;
}

uint64_t log_segment_bytes(const struct log *log) {
    return log->superblock.segment_bytes;
}

struct log_place log_head(struct log *log) {
    pthread_mutex_lock(&log->lock);
    struct log_place head = log->head;
    pthread_mutex_unlock(&log->lock);
    return head;
}

uint64_t log_synced_op(const struct log *log) {
    return atomic_load_explicit(&log->synced_op, memory_order_acquire);
}

unsigned log_slots(const struct log *log, struct log_slot slots[LOG_SLOTS]) {
    unsigned count = 0;
    for (unsigned place = 0; place < LOG_SLOTS; place++) {
        if (!log->superblock.valid[place]) {
            continue;
        }
        unsigned at = count++;
        for (; at > 0 && slots[at - 1].generation < log->superblock.slots[place].generation; at--) {
            slots[at] = slots[at - 1];
        }
        slots[at] = log->superblock.slots[place];
    }
    return count;
}

enum kmb_status log_reserve(struct log *log, uint64_t bytes, struct kmb_error *error) {
    enum kmb_status status = log_usable(log, error);
    if (status != KMB_OK) {
        return status;
    }
    pthread_mutex_lock(&log->lock);
    if (bytes > log->segment_size - log->end) {
        uint64_t need = bytes + LOG_SEGMENT_HEADER_SIZE;
        status = log_spare_make(log, need < LOG_SEGMENT_BYTES_MAX ? need : LOG_SEGMENT_BYTES_MAX, error);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* Names the spare after the block that will begin it, and writes its header. The lock is held. */
static enum kmb_status segment_begin(struct log *log, const struct log_block *block, const char **what,
                                     struct kmb_error *error) {
    uint8_t bytes[LOG_SEGMENT_HEADER_SIZE];
    const struct log_segment_header header = {
        .identity = log->superblock.identity,
        .op_first = block->header.op,
        .bytes = log->spare_bytes,
        .previous = block->header.previous,
    };
    char name[LOG_SEGMENT_NAME_SIZE];
    log_segment_name(name, block->header.op);
    snprintf(log->segment_path, log->segment_path_size, "%s/%s", log->dir, name);
    *what = "naming a new segment";
    enum kmb_status status = io_rename(&log->io, log->spare_path, log->segment_path, error);
    if (status != KMB_OK) {
        return status;
    }
    *what = "writing a segment header";
    log_segment_encode(&header, bytes);
    status = io_write(&log->io, log->spare, 0, bytes, sizeof bytes, error);
    io_close(&log->io, log->file);
    log->file = log->spare;
    log->segment = block->header.op;
    log->segment_size = log->spare_bytes;
    log->end = LOG_SEGMENT_HEADER_SIZE;
    log->zeros_end = 0;
    log->spare = NULL;
    log->spare_bytes = 0;
    log->directory_dirty = true;
    return status;
}

/* Makes the current segment one that has room for `size` bytes. Nothing has been written where it fails with
 * KMB_DISK_FULL or KMB_NO_MEMORY. */
static enum kmb_status segment_roll(struct log *log, const struct log_block *block, uint64_t size,
                                    struct kmb_error *error) {
    const char *what = NULL;
    struct kmb_error cause = {0};
    pthread_mutex_lock(&log->lock);
    enum kmb_status status = log_spare_make(log, size + LOG_SEGMENT_HEADER_SIZE, &cause);
    if (status != KMB_OK) {
        what = status == KMB_DISK_FULL || status == KMB_NO_MEMORY ? NULL : "allocating a segment";
    } else {
        status = segment_begin(log, block, &what, &cause);
    }
    pthread_mutex_unlock(&log->lock);
    if (status == KMB_OK) {
        return KMB_OK;
    }
    if (what != NULL) {
        return log_fail(log, what, &cause, error);
    }
    if (error != NULL) {
        *error = cause;
    }
    return status;
}

/* The next slot, durable. */
static enum kmb_status slot_write(struct log *log, const struct log_slot *content, struct kmb_error *error) {
    struct kmb_error cause = {0};
    unsigned place = log_superblock_advance(&log->superblock, content);
    if (log_slot_write(log, place, &cause) != KMB_OK) {
        return log_fail(log, "writing the superblock", &cause, error);
    }
    return KMB_OK;
}

static const struct log_slot *slot_newest(const struct log *log) {
    return &log->superblock.slots[log->superblock.newest];
}

/* Before the first block after "closed", the superblock must stop saying so. */
static enum kmb_status slot_reopen(struct log *log, struct kmb_error *error) {
    if (!slot_newest(log)->closed) {
        return KMB_OK;
    }
    struct log_slot content = *slot_newest(log);
    content.closed = false;
    content.time_us = log->environment.time_us(log->environment.context);
    return slot_write(log, &content, error);
}

/*
 * The first write to a place that is allocated and was never written makes the file system change its own records, and
 * the sync must carry that too. So small blocks find zeros already written before them: one sync in many pays, the
 * others are a third faster. Zeros there are what a reader expects in any case. `size`: of the block to be written.
 */
static enum kmb_status zeros_ahead(struct log *log, uint64_t size, struct kmb_error *error) {
    uint64_t from = log->end + size;
    uint64_t left = log->segment_size - from;
    if (size > ZEROS_BLOCK_MAX || from <= log->zeros_end || left == 0) {
        return KMB_OK;
    }
    if (log->zeros == NULL) {
        log->zeros = mem_alloc_zero(1, ZEROS_BYTES);
        if (log->zeros == NULL) {
            return KMB_OK; /* slower, not wrong */
        }
    }
    uint64_t count = left < ZEROS_BYTES ? left : ZEROS_BYTES;
    log->zeros_end = from + count;
    return io_write(&log->io, log->file, from, log->zeros, (size_t)count, error);
}

enum kmb_status log_write(struct log *log, struct log_block *block, struct kmb_error *error) {
    enum kmb_status status = log_usable(log, error);
    if (status != KMB_OK) {
        return status;
    }
    ASSERT(block->finished && !log->unsynced);
    ASSERT(block->header.op == log->head.op + 1);
    ASSERT(hash256_equal(&block->header.previous, &log->head.hash));
    struct slice bytes = log_block_bytes(block);
    status = slot_reopen(log, error);
    if (status == KMB_OK && bytes.length > log->segment_size - log->end) {
        status = segment_roll(log, block, bytes.length, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct kmb_error cause = {0};
    status = zeros_ahead(log, bytes.length, &cause);
    if (status == KMB_OK) {
        status = io_write(&log->io, log->file, log->end, bytes.bytes, bytes.length, &cause);
    }
    if (status != KMB_OK) {
        return log_fail(log, "writing a block", &cause, error);
    }
    block->segment = log->segment;
    block->offset = log->end;
    pthread_mutex_lock(&log->lock);
    log->head =
        (struct log_place){.op = block->header.op, .hash = block->hash, .segment = log->segment, .offset = log->end};
    log->end += bytes.length;
    pthread_mutex_unlock(&log->lock);
    log->head_view = block->header.view;
    log->head_seal = block->header.count == 0;
    log->unsynced = true;
    return KMB_OK;
}

enum kmb_status log_sync(struct log *log, struct kmb_error *error) {
    enum kmb_status status = log_usable(log, error);
    if (status != KMB_OK || !log->unsynced) {
        return status;
    }
    struct kmb_error cause = {0};
    if (io_sync(&log->io, log->file, &cause) != KMB_OK) {
        return log_fail(log, "syncing a segment", &cause, error);
    }
    if (log->directory_dirty) {
        if (io_sync_directory(&log->io, log->dir, &cause) != KMB_OK) {
            return log_fail(log, "syncing the log's directory", &cause, error);
        }
        log->directory_dirty = false;
    }
    log->unsynced = false;
    log->synced = log->head;
    atomic_store_explicit(&log->synced_op, log->head.op, memory_order_release);
    return KMB_OK;
}

enum kmb_status log_seal(struct log *log, uint64_t view, struct kmb_error *error) {
    enum kmb_status status = log_usable(log, error);
    if (status != KMB_OK || (log->head_seal && !log->unsynced)) {
        return status;
    }
    ASSERT(!log->unsynced);
    if (log->seal.bytes == NULL) {
        status = log_block_init(&log->seal, &log->superblock.identity, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    log_block_begin(&log->seal, log->head.op + 1, view);
    log_block_finish(&log->seal, &log->head.hash, log->synced.op, log->environment.time_us(log->environment.context));
    status = log_write(log, &log->seal, error);
    return status == KMB_OK ? log_sync(log, error) : status;
}

enum kmb_status log_superblock_write(struct log *log, struct slice root, bool closed, struct kmb_error *error) {
    enum kmb_status status = log_usable(log, error);
    if (status != KMB_OK) {
        return status;
    }
    ASSERT(root.length <= LOG_ROOT_SIZE_MAX);
    struct log_slot content = {
        .place = log->synced,
        .time_us = log->environment.time_us(log->environment.context),
        .closed = closed && !log->unsynced,
        .root_length = (uint32_t)root.length,
    };
    if (root.length > 0) {
        memcpy(content.root, root.bytes, root.length);
    }
    return slot_write(log, &content, error);
}

/* Removes an unused spare, so that a closed log takes no more room than it needs. */
static void close_spare(struct log *log) {
    if (log->spare != NULL) {
        char *path = log_path(log->dir, LOG_SPARE_NAME);
        io_close(&log->io, log->spare);
        log->spare = NULL;
        if (path != NULL) {
            io_unlink(&log->io, path, NULL);
            mem_free(path);
        }
    }
}

enum kmb_status log_close(struct log *log, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    const struct log_slot *newest = slot_newest(log);
    if (!log->read_only && !(newest->closed && newest->place.op == log->head.op)) {
        status = log_sync(log, error);
        if (status == KMB_OK) {
            status = log_seal(log, log->head_view, error);
        }
        if (status == KMB_OK || status == KMB_DISK_FULL) { /* without a seal the superblock alone says what is synced */
            const struct log_slot kept = *slot_newest(log);
            status = log_superblock_write(log, slice_make(kept.root, kept.root_length), true, error);
        }
    }
    if (!log->read_only) {
        close_spare(log);
    }
    log_abandon(log);
    return status;
}
