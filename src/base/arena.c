/*
 * Bump allocation in chunks that are freed together.
 *
 * A request (a statement, a batch) makes thousands of small objects that all die at once; giving each to malloc and
 * back costs more than the work. An arena takes memory in chunks that double from 1 KiB to 256 KiB, hands out 16-byte
 * aligned pieces by moving a pointer, and gives back everything, or everything after a mark, chunk by chunk.
 *
 * An allocation that does not fit opens a new chunk and abandons the rest of the old one; the chunk of a large
 * allocation carries a normal chunk's room behind it, so the loss is bounded by one normal chunk per large allocation.
 * Under AddressSanitizer, memory that is not handed out is poisoned, so a write past an object's chunk or after a
 * rewind is caught as it would be with malloc.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/account.h"
#include "base/assert.h"
#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define ARENA_ALIGNMENT ((size_t)16)
#define ARENA_CHUNK_MIN ((size_t)1024) /* malloc has a quick way for pieces up to this */
#define ARENA_CHUNK_MAX ((size_t)256 * 1024)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* this header included */
};
static_assert(sizeof(struct arena_chunk) % 16 == 0, "the first piece of a chunk is aligned");

static uint8_t *chunk_start(struct arena_chunk *chunk) {
    return (uint8_t *)(chunk + 1);
}

static uint8_t *chunk_end(struct arena_chunk *chunk) {
    return (uint8_t *)chunk + chunk->size;
}

void arena_init(struct arena *arena, size_t bytes_max) {
    *arena = (struct arena){.bytes_max = bytes_max};
}

static void chunk_drop(struct arena *arena) {
    struct arena_chunk *chunk = arena->chunks;
    arena->chunks = chunk->older;
    ASSERT(arena->bytes_used >= chunk->size);
    arena->bytes_used -= chunk->size;
    if (arena->charge != NULL) {
        charge_give(arena->charge, chunk->size);
    }
    ASAN_UNPOISON_MEMORY_REGION(chunk, chunk->size);
    mem_free(chunk);
}

void arena_free(struct arena *arena) {
    while (arena->chunks != NULL) {
        chunk_drop(arena);
    }
    ASSERT(arena->bytes_used == 0);
    arena->next = NULL;
    arena->end = NULL;
}

static void *arena_fail(struct arena *arena, bool budget) {
    if (arena->on_fail != NULL) {
        arena->on_fail(arena->on_fail_context, budget);
        UNREACHABLE("an arena's on_fail returned");
    }
    return NULL;
}

/* Opens a chunk with room for size bytes. */
static bool chunk_add(struct arena *arena, size_t size, bool *budget) {
    *budget = false;
    size_t least;
    if (__builtin_add_overflow(size, sizeof(struct arena_chunk), &least)) {
        return false;
    }
    size_t normal = arena->bytes_used;
    normal = normal < ARENA_CHUNK_MIN ? ARENA_CHUNK_MIN : normal > ARENA_CHUNK_MAX ? ARENA_CHUNK_MAX : normal;
    size_t total = least;
    if (least <= normal / 2) {
        total = normal;
    } else if (__builtin_add_overflow(least, normal, &total)) {
        total = least;
    }
    if (arena->bytes_max != 0) {
        size_t left = arena->bytes_used < arena->bytes_max ? arena->bytes_max - arena->bytes_used : 0;
        if (least > left) {
            *budget = true;
            if (arena->charge != NULL) {
                arena->charge->refusal = NULL; /* it is the arena's own */
            }
            return false;
        }
        total = total > left ? left & ~(ARENA_ALIGNMENT - 1) : total;
        total = total < least ? least : total;
    }
    if (arena->charge != NULL && !charge_take(arena->charge, total)) {
        *budget = true;
        return false;
    }
    struct arena_chunk *chunk = mem_alloc(total);
    if (chunk == NULL) {
        if (arena->charge != NULL) {
            charge_give(arena->charge, total);
        }
        return false;
    }
    chunk->older = arena->chunks;
    chunk->size = total;
    arena->chunks = chunk;
    arena->bytes_used += total;
    arena->bytes_peak = arena->bytes_used > arena->bytes_peak ? arena->bytes_used : arena->bytes_peak;
    arena->next = chunk_start(chunk);
    arena->end = chunk_end(chunk);
    ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(arena->end - arena->next));
    return true;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > SIZE_MAX - ARENA_ALIGNMENT) {
        return arena_fail(arena, false);
    }
    size_t rounded = size == 0 ? ARENA_ALIGNMENT : (size + ARENA_ALIGNMENT - 1) & ~(ARENA_ALIGNMENT - 1);
    if (__builtin_expect(rounded > (size_t)(arena->end - arena->next), 0)) {
        bool budget;
        if (!chunk_add(arena, rounded, &budget)) {
            return arena_fail(arena, budget);
        }
    }
    void *memory = arena->next;
    arena->next += rounded;
    ASSERT(arena->next <= arena->end);
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void *arena_alloc_zero(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return arena_fail(arena, false);
    }
    void *memory = arena_alloc(arena, total);
    if (memory != NULL && total > 0) {
        memset(memory, 0, total);
    }
    return memory;
}

void *arena_dup(struct arena *arena, const void *bytes, size_t size) {
    void *memory = arena_alloc(arena, size);
    if (memory != NULL && size > 0) {
        memcpy(memory, bytes, size);
    }
    return memory;
}

struct slice arena_dup_slice(struct arena *arena, struct slice slice) {
    void *memory = arena_dup(arena, slice.bytes, slice.length);
    return slice_make(memory, memory == NULL ? 0 : slice.length);
}

char *arena_text(struct arena *arena, struct slice slice) {
    char *text = slice.length == SIZE_MAX ? arena_fail(arena, false) : arena_alloc(arena, slice.length + 1);
    if (text != NULL) {
        if (slice.length > 0) {
            memcpy(text, slice.bytes, slice.length);
        }
        text[slice.length] = 0;
    }
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        va_start(arguments, format);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

struct arena_mark arena_mark(const struct arena *arena) {
    return (struct arena_mark){.chunk = arena->chunks, .next = arena->next};
}

void arena_rewind(struct arena *arena, struct arena_mark mark) {
    while (arena->chunks != mark.chunk) {
        ASSERT(arena->chunks != NULL); /* else the mark is not of this arena, or was already rewound past */
        chunk_drop(arena);
    }
    arena->next = mark.next;
    arena->end = mark.chunk == NULL ? NULL : chunk_end(mark.chunk);
    ASSERT(arena->next <= arena->end);
    if (arena->next != NULL) {
        ASAN_POISON_MEMORY_REGION(arena->next, (size_t)(arena->end - arena->next));
    }
}
