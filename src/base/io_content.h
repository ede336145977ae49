/*
 * The content of one file of the disk in memory: bytes in chunks, and a journal of what no sync has covered yet.
 *
 * Not thread-safe; the disk's lock covers it. Clones share chunks, which are copied when either side writes; chunk
 * counts are atomic, so that clones may live on different threads.
 */
#ifndef KMB_BASE_IO_CONTENT_H
#define KMB_BASE_IO_CONTENT_H

#include "base/environment.h"
#include "base/io_memory.h"

struct content_chunk;
struct content_change;

struct content {
    uint64_t size;
    struct content_chunk **chunks; /* NULL: a chunk of zeros */
    size_t chunk_count;
    struct content_change *changes; /* oldest first */
    size_t change_count;
    size_t change_capacity;
};

/* What a crash does to one change. */
enum content_fate { CONTENT_LOST, CONTENT_KEPT, CONTENT_MIXED, CONTENT_TORN };

void content_free(struct content *content);
bool content_clone(struct content *target, const struct content *source); /* false: no memory, target is empty */
size_t content_read(const struct content *content, uint64_t offset, void *bytes, size_t size);
bool content_write(struct content *content, uint64_t offset, const void *bytes, size_t size); /* false: no memory */
bool content_resize(struct content *content, uint64_t size);                                  /* false: no memory */
bool content_flip(struct content *content, uint64_t offset, unsigned bit);                    /* false: no memory */

/* All changes are durable. */
void content_sync(struct content *content);

/* Fates are decided first, for all files of a disk, so that the disk can choose the one write that is torn. */
void content_decide(struct content *content, enum io_crash_mode mode, struct prng *prng);
enum content_fate content_fate(const struct content *content, size_t change);
bool content_can_tear(const struct content *content, size_t change);
void content_tear(struct content *content, size_t change);
/* Leaves the content as the decided fates say, with an empty journal. Aborts when memory is out. */
void content_settle(struct content *content, struct prng *prng, struct io_crash_report *report);

#endif
