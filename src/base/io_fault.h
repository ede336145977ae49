/*
 * A table that wraps another and makes chosen calls fail. Each call gets a number from 1; a plan names a number and a
 * fault, or rates per kind with a generator. Counts what was applied: a fault that did not fire does not count.
 */
#ifndef KMB_BASE_IO_FAULT_H
#define KMB_BASE_IO_FAULT_H

#include "base/environment.h"
#include "base/io.h"

enum io_fault_kind {
    IO_FAULT_NONE,
    IO_FAULT_EIO,          /* any call: KMB_IO, nothing done */
    IO_FAULT_ENOSPC,       /* write, allocate, open(create): KMB_DISK_FULL */
    IO_FAULT_SHORT_WRITE,  /* write: a prefix is written, then KMB_IO */
    IO_FAULT_TORN_SECTOR,  /* write: cut inside a 512-byte sector, reported as success, then the crash hook fires */
    IO_FAULT_LOST_WRITE,   /* write: reported as success, not done, then the crash hook fires before any sync returns */
    IO_FAULT_REORDER,      /* write: delayed past the next one; the crash hook fires between them */
    IO_FAULT_READ_FLIP,    /* read: one bit of the answer is flipped; the file is whole */
    IO_FAULT_MISDIRECTED,  /* write: lands 4096 bytes away (inside the file), reported as success */
    IO_FAULT_SYNC,         /* sync: KMB_IO, and the unsynced writes of that file are dropped as Linux may */
    IO_FAULT_CRASH_BEFORE, /* the crash hook fires instead of the call */
    IO_FAULT_CRASH_AFTER,  /* the crash hook fires after the call */
    IO_FAULT_KINDS
};

const char *io_fault_name(enum io_fault_kind kind); /* "torn-sector" */

struct io_fault;

/* inner must outlive it. on_crash is called where a plan says crash; after it every call answers KMB_IO ("crashed"). */
struct io_fault *io_fault_new(const struct io *inner, void (*on_crash)(void *context), void *context);
void io_fault_free(struct io_fault *fault);
struct io io_fault_table(struct io_fault *fault);

/* At most 32 plans at a time. prng: where the details are drawn from, advanced once; NULL: from the call's number. A
 * plan whose call cannot have that fault does nothing. io_close() is not a call that counts. */
void io_fault_plan(struct io_fault *fault, uint64_t call_number, enum io_fault_kind kind, struct prng *prng);
/* Independent of a plan: each suitable call fails with probability parts/of. The generator is copied. */
void io_fault_rate(struct io_fault *fault, enum io_fault_kind kind, uint32_t parts, uint32_t of,
                   const struct prng *prng);
void io_fault_clear(struct io_fault *fault); /* no plans, no rates; counts stay */
/* The machine crashes now, between two calls; nothing where it has crashed already. */
void io_fault_crash(struct io_fault *fault);
uint64_t io_fault_calls(const struct io_fault *fault); /* calls seen so far */
uint64_t io_fault_applied(const struct io_fault *fault, enum io_fault_kind kind);
bool io_fault_crashed(const struct io_fault *fault);
/* Is the kind applicable to the call with that number in the run recorded so far (write faults to writes...)? The first
 * 16 million calls are remembered. */
bool io_fault_applies(const struct io_fault *fault, uint64_t call_number, enum io_fault_kind kind);

#endif
