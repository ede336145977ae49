/*
 * Memory that lives as long as one request: bump allocation, freed as a whole. One thread at a time.
 *
 * An arena may have a byte budget, and a charge (base/account.h) that its memory is counted to; it is set before the
 * first allocation. When memory, budget or an account is out, arena_alloc() calls on_fail if one is set (it must not
 * return: the SQL room leaves the statement there), else answers NULL.
 */
#ifndef KMB_BASE_ARENA_H
#define KMB_BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;
struct charge;

struct arena {
    struct arena_chunk *chunks;
    uint8_t *next;
    uint8_t *end;
    size_t bytes_used;                           /* taken from the heap */
    size_t bytes_peak;                           /* the most it ever was */
    size_t bytes_max;                            /* 0: no budget */
    struct charge *charge;                       /* NULL: its memory is nobody's */
    void (*on_fail)(void *context, bool budget); /* budget: true when the budget or an account, not memory, is out */
    void *on_fail_context;
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_free(struct arena *arena);                /* gives everything back; the arena is empty and usable again */
void *arena_alloc(struct arena *arena, size_t size); /* 16-byte aligned, not cleared */
void *arena_alloc_zero(struct arena *arena, size_t count, size_t size);
void *arena_dup(struct arena *arena, const void *bytes, size_t size);
struct slice arena_dup_slice(struct arena *arena, struct slice slice);
char *arena_text(struct arena *arena, struct slice slice); /* zero-terminated copy */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A place to come back to: everything allocated after the mark is given back. */
struct arena_mark {
    struct arena_chunk *chunk;
    uint8_t *next;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

#endif
