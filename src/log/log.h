/*
 * The log of one shard: a directory of segments and a superblock, written by one writer, never changed behind.
 *
 *     <dir>/superblock               four slots: how far the log was synced, and the store's root
 *     <dir>/<first op, 16 hex>.seg   preallocated segments of blocks
 *     <dir>/spare                    the next segment, allocated ahead
 *
 * Threads: one thread at a time, the writer thread, calls log_write, log_sync, log_seal, log_superblock_write and
 * log_close. log_synced_op, log_identity_of, log_head and log_reserve may be called beside it from one other thread,
 * which may also build the next block. The owner of the directory (the engine's lock file) is the only writer; readers
 * open their own handles (reader.h) beside it.
 *
 * A failed write or sync makes the log fatal for ever: every later call answers KMB_FATAL naming the first cause.
 */
#ifndef KMB_LOG_LOG_H
#define KMB_LOG_LOG_H

#include "base/environment.h"
#include "base/io.h"
#include "base/logging.h"
#include "log/block.h"

#define LOG_SEGMENT_BYTES_DEFAULT ((uint64_t)64 << 20)
#define LOG_SEGMENT_BYTES_MIN     ((uint64_t)16 << 10)
#define LOG_ROOT_SIZE_MAX         512

struct log;

struct log_params {
    struct log_identity identity; /* guard 0: drawn from environment */
    uint64_t segment_bytes;       /* a multiple of 4096; 0: the default. A larger block gets a larger segment */
};

/*
 * Makes dir (its parent exists), superblock and first segment, durably. KMB_FILE_EXISTS where dir holds a superblock.
 * `root` is the store's first root, at most LOG_ROOT_SIZE_MAX bytes, opaque here.
 */
enum kmb_status log_create(const struct io *io, const char *dir, const struct log_params *params, struct slice root,
                           const struct environment *environment, struct kmb_error *error);

/* Where something stands: op and block hash, and its place. Plain data. */
struct log_place {
    uint64_t op; /* 0: before the first block */
    struct hash256 hash;
    uint64_t segment; /* first op of the segment */
    uint64_t offset;  /* of the block header in it */
};

/* One superblock slot, decoded. */
struct log_slot {
    uint64_t generation;
    struct log_place place; /* newest synced block when the slot was written */
    int64_t time_us;
    bool closed; /* nothing was written after it when the log was closed */
    uint32_t root_length;
    uint8_t root[LOG_ROOT_SIZE_MAX];
};
#define LOG_SLOTS 4

struct log_options {
    bool read_only;                        /* nothing is written: a torn tail is only stepped over */
    bool live;                             /* with read_only: another process may be writing now */
    const struct environment *environment; /* time for superblock slots; required unless read_only */
    const struct logger *logger;           /* NULL: silent */
};

/* What opening found. */
struct log_recovery {
    bool closed;             /* the log had been closed */
    uint64_t blocks_checked; /* after the superblock's op */
    uint64_t synced_op;      /* D: every op up to it was acknowledged or could have been */
    bool tail_cut;           /* something that was no whole block stood after the end */
    uint64_t tail_op;        /* the op that would have stood there */
    uint64_t tail_segment;
    uint64_t tail_offset;
    uint64_t tail_bytes; /* from there to the last byte that was not zero */
    char tail_reason[128];
    unsigned slots_damaged; /* superblock slots that did not decode (and were written anew unless read_only) */
    bool segment_header_restored;
};

/*
 * Opens and recovers (DESIGN, "Torn tail"). On KMB_OK the log ends with its last whole block.
 *
 * KMB_NOT_A_DATABASE: no superblock. KMB_CORRUPT: damage at or before the newest op known to be synced; the error names
 * segment, block op and offset, and nothing is changed. KMB_ROLLED_BACK: the log is whole but ends before an op that
 * the superblock knows to be synced. KMB_FORMAT_VERSION. KMB_IO.
 */
enum kmb_status log_open(const struct io *io, const char *dir, const struct log_options *options,
                         struct log_recovery *recovery, struct log **log, struct kmb_error *error);

/*
 * Ends the log's life: a writer that wrote appends a seal block, syncs, and marks the superblock closed. The handle is
 * freed whatever the answer. log_abandon() only frees (after a crash in a test, or a fatal log).
 */
enum kmb_status log_close(struct log *log, struct kmb_error *error);
void log_abandon(struct log *log);

const struct log_identity *log_identity_of(const struct log *log);
const char *log_dir(const struct log *log);
uint64_t log_segment_bytes(const struct log *log);
/* Newest block written (writer thread), and the newest op whose sync has returned (any thread). */
struct log_place log_head(struct log *log);
uint64_t log_synced_op(const struct log *log);

/* The valid superblock slots as of open or the last write, newest first; returns how many. */
unsigned log_slots(const struct log *log, struct log_slot slots[LOG_SLOTS]);

/*
 * Makes sure that blocks of together `bytes` (log_block_size) that are not yet written will find room: allocates the
 * next segment ahead when the current one would not hold them. KMB_DISK_FULL: nothing is lost and the log goes on.
 */
enum kmb_status log_reserve(struct log *log, uint64_t bytes, struct kmb_error *error);

/*
 * Writes a finished block at the end; op and previous hash must continue the log, and the block before it must be
 * synced. Sets block->segment and block->offset. KMB_DISK_FULL before any byte is written where a new segment finds no
 * room (not fatal); else KMB_FATAL.
 */
enum kmb_status log_write(struct log *log, struct log_block *block, struct kmb_error *error);

/* Makes what log_write wrote durable. On KMB_OK the block may be acknowledged. Any failure is fatal. */
enum kmb_status log_sync(struct log *log, struct kmb_error *error);

/* Appends a seal block and syncs it, unless the newest block is one. For an idle log; `view` as in log_block_begin. */
enum kmb_status log_seal(struct log *log, uint64_t view, struct kmb_error *error);

/*
 * Writes the next superblock slot: op and hash of the newest synced block, and the store's root; synced on return.
 * `closed`: the caller will write nothing more before closing.
 */
enum kmb_status log_superblock_write(struct log *log, struct slice root, bool closed, struct kmb_error *error);

#endif
