/*
 * A disk in memory, with the semantics that matter for crashes: writes are visible at once and durable only after a
 * sync; names are durable only after the directory's sync. io_memory_crash() throws away (or half keeps, as the
 * generator decides) what was not durable. Any thread may call.
 *
 * A new disk holds the root directory "/" alone; a path without a leading '/' starts there too. ".." is no special
 * name. A write that does not fit the capacity writes what fits and answers KMB_DISK_FULL.
 */
#ifndef KMB_BASE_IO_MEMORY_H
#define KMB_BASE_IO_MEMORY_H

#include "base/environment.h"
#include "base/io.h"

struct io_memory;

struct io_memory *io_memory_new(uint64_t capacity_bytes); /* capacity 0: unlimited; NULL: no memory */
void io_memory_free(struct io_memory *disk);              /* every file closed before */
struct io io_memory_table(struct io_memory *disk);

/*
 * The disk as it is now, unsynced writes included, without its handles and locks; NULL: no memory. Cheap: content is
 * shared until one side writes. For exhaustive crash enumeration.
 */
struct io_memory *io_memory_clone(const struct io_memory *disk);

/* How the machine dies. What was synced always survives whole. */
enum io_crash_mode {
    IO_CRASH_LOSE,    /* every unsynced write and name is lost */
    IO_CRASH_KEEP,    /* every unsynced write survives (process crash only) */
    IO_CRASH_REORDER, /* a random subset of unsynced writes survives, in any order */
    IO_CRASH_TEAR,    /* as REORDER, and one surviving write is cut inside a 512-byte sector: a mix of old and new */
};
/* Changes of names count as writes; a write of several pages of which some survive counts as torn. */
struct io_crash_report {
    uint64_t writes_lost;
    uint64_t writes_kept;
    uint64_t writes_torn;
};
/* All open handles become invalid except for io_close(). report may be NULL, prng too with LOSE and KEEP. */
void io_memory_crash(struct io_memory *disk, enum io_crash_mode mode, struct prng *prng,
                     struct io_crash_report *report);

/* Flips one bit of a file at rest. false: no such file or byte. */
bool io_memory_flip(struct io_memory *disk, const char *path, uint64_t offset, unsigned bit);

uint64_t io_memory_bytes(const struct io_memory *disk); /* of all files */
/* A disk that shrinks below what it holds only refuses to grow. 0: unlimited. */
void io_memory_set_capacity(struct io_memory *disk, uint64_t capacity_bytes);

#endif
