/*
 * The one door to the heap. Every allocation of ours passes here, so that a test can make each of them fail once.
 *
 * All functions return NULL when memory is out (or a planned failure is due); callers answer KMB_NO_MEMORY.
 * Any thread may call them.
 */
#ifndef KMB_BASE_MEMORY_H
#define KMB_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);                    /* size 0 gives a unique pointer */
void *mem_alloc_zero(size_t count, size_t size); /* checked product */
void *mem_realloc(void *memory, size_t size);
void *mem_alloc_aligned(size_t alignment, size_t size);
void mem_free(void *memory); /* NULL is fine; also for aligned memory */
char *mem_strdup(const char *text);
void *mem_dup(const void *bytes, size_t size);

/* Overwrites with zeros in a way the compiler cannot remove; for secrets. */
void mem_wipe(void *memory, size_t size);

/*
 * Failure injection, for tests: the allocation with this 1-based number from now on fails once; 0 plans nothing.
 * mem_fail_count() is the number of allocations since the plan was set. Process-wide.
 */
void mem_fail_plan(uint64_t number);
uint64_t mem_fail_count(void);

#endif
