/*
 * The one door to the heap.
 *
 * A database must survive malloc answering NULL at any call. The only way to know is to make each call fail once, and
 * that needs one place where every allocation of ours passes. The door costs one relaxed load of a flag that is false
 * in every process that is not a test; only when a plan was ever set do allocations count themselves.
 *
 * The plan is process-wide state, the one deliberate global of the room: a per-handle plan could not reach the
 * allocations that make the handle.
 */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define SMALL_BYTES 1024u

static atomic_bool fail_counting;    /* a plan has been set in this process */
static atomic_uint_fast64_t fail_at; /* 1-based number of the allocation that fails, 0: none */
static atomic_uint_fast64_t fail_seen;

static bool fail_due(void) {
    if (__builtin_expect(!atomic_load_explicit(&fail_counting, memory_order_relaxed), 1)) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&fail_seen, 1) + 1;
    return number == atomic_load(&fail_at);
}

void mem_fail_plan(uint64_t number) {
    atomic_store(&fail_seen, 0);
    atomic_store(&fail_at, number);
    atomic_store(&fail_counting, true);
}

uint64_t mem_fail_count(void) {
    return atomic_load(&fail_seen);
}

void *mem_alloc(size_t size) {
    if (fail_due()) {
        return NULL;
    }
    return malloc(size == 0 ? 1 : size);
}

void *mem_alloc_zero(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || fail_due()) {
        return NULL;
    }
    if (total > SMALL_BYTES) {
        return calloc(1, total);
    }
    void *memory = malloc(total == 0 ? 1 : total); /* malloc has a quick way for small pieces, calloc has not */
    return memory == NULL ? NULL : memset(memory, 0, total);
}

void *mem_realloc(void *memory, size_t size) {
    if (fail_due()) {
        return NULL;
    }
    return realloc(memory, size == 0 ? 1 : size);
}

void *mem_alloc_aligned(size_t alignment, size_t size) {
    ASSERT(alignment != 0 && (alignment & (alignment - 1)) == 0);
    if (fail_due()) {
        return NULL;
    }
    void *memory = NULL;
    size_t least = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    return posix_memalign(&memory, least, size == 0 ? 1 : size) == 0 ? memory : NULL;
}

void mem_free(void *memory) {
    free(memory);
}

char *mem_strdup(const char *text) {
    return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *bytes, size_t size) {
    void *copy = mem_alloc(size);
    if (copy != NULL && size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

void mem_wipe(void *memory, size_t size) {
    if (size > 0) {
        explicit_bzero(memory, size);
    }
}
