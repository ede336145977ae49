/*
 * File content that can be crashed.
 *
 * The visible bytes are what a reader sees: every write at once. What a crash may take away is kept as a journal of
 * undo records: for each write since the last sync, the bytes it covered; for each change of size, the size and, when
 * the file shrank, the chunks cut off. A sync forgets the journal, so the usual path (write, write, sync) costs one
 * copy of the overwritten bytes and no more; writes to fresh space save nothing at all.
 *
 * A crash walks the journal backwards. Each record's new bytes are taken out, its old bytes put back; at the end the
 * content is what was durable. Then the changes that the crash lets survive are done again in their old order. A page
 * cache writes back the newest bytes of a page, so of two writes to one place the older never wins over the newer; any
 * *subset* can survive, and that is what reordering means here. A write of several 4 KiB pages may survive in part,
 * page by page; a torn one ends inside a 512-byte sector.
 *
 * Content lives in 64 KiB chunks with reference counts. Exhaustive crash enumeration clones the disk at each step; a
 * clone copies pointers, and a chunk is copied when one of its owners writes to it.
 *
 * Invariant: bytes of a chunk behind the end of the file are zero.
 */
#include "base/io_content.h"

#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

#define CHUNK_SIZE  ((size_t)64 * 1024)
#define PAGE_SIZE   ((uint64_t)4096)
#define SECTOR_SIZE ((uint64_t)512)

struct content_chunk {
    atomic_size_t owners;
    uint8_t bytes[CHUNK_SIZE];
};

/* Bytes that a write covered; shared by clones. */
struct saved_bytes {
    atomic_size_t owners;
    size_t length;
    uint8_t bytes[];
};

struct content_change {
    bool resize;
    enum content_fate fate;
    uint64_t offset; /* of a write */
    uint64_t length;
    uint64_t size_before;
    uint64_t size_after;
    struct saved_bytes *old;       /* of a write: what stood there; NULL: zeros */
    struct content_chunk **chunks; /* of a shrinking: those from chunk_first on */
    size_t chunk_first;
    size_t chunk_count;
};

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static size_t chunks_for(uint64_t size) {
    return (size_t)(size / CHUNK_SIZE + (size % CHUNK_SIZE != 0));
}

static void chunk_release(struct content_chunk *chunk) {
    if (chunk != NULL && atomic_fetch_sub(&chunk->owners, 1) == 1) {
        mem_free(chunk);
    }
}

static struct content_chunk *chunk_share(struct content_chunk *chunk) {
    if (chunk != NULL) {
        atomic_fetch_add(&chunk->owners, 1);
    }
    return chunk;
}

static void change_free(struct content_change *change) {
    if (change->old != NULL && atomic_fetch_sub(&change->old->owners, 1) == 1) {
        mem_free(change->old);
    }
    for (size_t i = 0; i < change->chunk_count; i++) {
        chunk_release(change->chunks[i]);
    }
    mem_free(change->chunks);
    *change = (struct content_change){0};
}

void content_sync(struct content *content) {
    for (size_t i = 0; i < content->change_count; i++) {
        change_free(&content->changes[i]);
    }
    content->change_count = 0;
}

void content_free(struct content *content) {
    content_sync(content);
    for (size_t i = 0; i < content->chunk_count; i++) {
        chunk_release(content->chunks[i]);
    }
    mem_free(content->chunks);
    mem_free(content->changes);
    *content = (struct content){0};
}

bool content_clone(struct content *target, const struct content *source) {
    *target = (struct content){.size = source->size};
    target->chunks = mem_alloc_zero(source->chunk_count, sizeof(*target->chunks));
    target->changes = mem_alloc_zero(source->change_count, sizeof(*target->changes));
    if (target->chunks == NULL || target->changes == NULL) {
        content_free(target);
        return false;
    }
    target->chunk_count = source->chunk_count;
    for (size_t i = 0; i < source->chunk_count; i++) {
        target->chunks[i] = chunk_share(source->chunks[i]);
    }
    target->change_capacity = source->change_count;
    for (size_t i = 0; i < source->change_count; i++) {
        const struct content_change *change = &source->changes[i];
        struct content_chunk **chunks = NULL;
        if (change->chunks != NULL) {
            chunks = mem_alloc_zero(change->chunk_count, sizeof(struct content_chunk *));
            if (chunks == NULL) {
                content_free(target);
                return false;
            }
            for (size_t j = 0; j < change->chunk_count; j++) {
                chunks[j] = chunk_share(change->chunks[j]);
            }
        }
        if (change->old != NULL) {
            atomic_fetch_add(&change->old->owners, 1);
        }
        target->changes[i] = *change;
        target->changes[i].chunks = chunks;
        target->change_count++;
    }
    return true;
}

size_t content_read(const struct content *content, uint64_t offset, void *bytes, size_t size) {
    if (offset >= content->size) {
        return 0;
    }
    size_t count = (size_t)least(size, content->size - offset);
    size_t done = 0;
    while (done < count) {
        size_t index = (size_t)((offset + done) / CHUNK_SIZE);
        size_t at = (size_t)((offset + done) % CHUNK_SIZE);
        size_t piece = (size_t)least(count - done, CHUNK_SIZE - at);
        const struct content_chunk *chunk = index < content->chunk_count ? content->chunks[index] : NULL;
        if (chunk == NULL) {
            memset((uint8_t *)bytes + done, 0, piece);
        } else {
            memcpy((uint8_t *)bytes + done, chunk->bytes + at, piece);
        }
        done += piece;
    }
    return count;
}

static bool chunks_reserve(struct content *content, uint64_t size) {
    size_t needed = chunks_for(size);
    if (needed <= content->chunk_count) {
        return true;
    }
    size_t count = content->chunk_count * 2 > needed ? content->chunk_count * 2 : needed;
    if (count > SIZE_MAX / sizeof(struct content_chunk *)) {
        return false;
    }
    struct content_chunk **chunks = mem_realloc(content->chunks, count * sizeof(struct content_chunk *));
    if (chunks == NULL) {
        return false;
    }
    for (size_t i = content->chunk_count; i < count; i++) {
        chunks[i] = NULL;
    }
    content->chunks = chunks;
    content->chunk_count = count;
    return true;
}

/* The chunk, owned by this content alone; NULL when memory is out. */
static struct content_chunk *chunk_own(struct content *content, size_t index) {
    struct content_chunk *chunk = content->chunks[index];
    if (chunk != NULL && atomic_load(&chunk->owners) == 1) {
        return chunk;
    }
    struct content_chunk *own =
        chunk == NULL ? mem_alloc_zero(1, sizeof(*own)) : (struct content_chunk *)mem_alloc(sizeof(*own));
    if (own == NULL) {
        return NULL;
    }
    if (chunk != NULL) {
        memcpy(own->bytes, chunk->bytes, CHUNK_SIZE);
    }
    atomic_init(&own->owners, 1);
    chunk_release(chunk);
    content->chunks[index] = own;
    return own;
}

/* Puts bytes (NULL: zeros) in place without journal or change of size; the chunk table reaches that far. */
static bool bytes_put(struct content *content, uint64_t offset, const void *bytes, uint64_t size) {
    uint64_t done = 0;
    while (done < size) {
        size_t index = (size_t)((offset + done) / CHUNK_SIZE);
        size_t at = (size_t)((offset + done) % CHUNK_SIZE);
        size_t piece = (size_t)least(size - done, CHUNK_SIZE - at);
        if (bytes != NULL || content->chunks[index] != NULL) {
            struct content_chunk *chunk = chunk_own(content, index);
            if (chunk == NULL) {
                return false;
            }
            if (bytes == NULL) {
                memset(chunk->bytes + at, 0, piece);
            } else {
                memcpy(chunk->bytes + at, (const uint8_t *)bytes + done, piece);
            }
        }
        done += piece;
    }
    return true;
}

/* Room for one more record at the end of the journal. */
static struct content_change *change_next(struct content *content) {
    if (content->change_count == content->change_capacity) {
        size_t capacity = content->change_capacity == 0 ? 8 : content->change_capacity * 2;
        struct content_change *changes = mem_realloc(content->changes, capacity * sizeof(*changes));
        if (changes == NULL) {
            return NULL;
        }
        content->changes = changes;
        content->change_capacity = capacity;
    }
    struct content_change *change = &content->changes[content->change_count];
    *change = (struct content_change){0};
    return change;
}

static bool range_has_chunks(const struct content *content, uint64_t offset, uint64_t end) {
    for (size_t i = (size_t)(offset / CHUNK_SIZE); i < chunks_for(end) && i < content->chunk_count; i++) {
        if (content->chunks[i] != NULL) {
            return true;
        }
    }
    return false;
}

bool content_write(struct content *content, uint64_t offset, const void *bytes, size_t size) {
    if (size == 0) {
        return true;
    }
    uint64_t end = offset + size;
    struct content_change *change = change_next(content);
    if (change == NULL || !chunks_reserve(content, end)) {
        return false;
    }
    change->offset = offset;
    change->length = size;
    change->size_before = content->size;
    change->size_after = end > content->size ? end : content->size;
    uint64_t covered_end = least(end, content->size);
    if (offset < covered_end && range_has_chunks(content, offset, covered_end)) {
        size_t covered = (size_t)(covered_end - offset);
        change->old = mem_alloc(sizeof(*change->old) + covered);
        if (change->old == NULL) {
            return false;
        }
        atomic_init(&change->old->owners, 1);
        change->old->length = covered;
        content_read(content, offset, change->old->bytes, covered);
    }
    content->change_count++;
    content->size = change->size_after;
    return bytes_put(content, offset, bytes, size);
}

/* Sets the size without a journal. Chunks behind the new end go to `cut` (then owned by it) or are released. */
static bool size_put(struct content *content, uint64_t size, struct content_chunk **cut) {
    if (size > content->size) {
        if (!chunks_reserve(content, size)) {
            return false;
        }
        content->size = size;
        return true;
    }
    size_t first = (size_t)(size / CHUNK_SIZE);
    size_t count = chunks_for(content->size);
    size_t kept = (size_t)(size % CHUNK_SIZE);
    struct content_chunk *edge = NULL;
    if (kept != 0 && content->chunks[first] != NULL) {
        edge = mem_alloc_zero(1, sizeof(*edge));
        if (edge == NULL) {
            return false;
        }
        atomic_init(&edge->owners, 1);
        memcpy(edge->bytes, content->chunks[first]->bytes, kept);
    }
    for (size_t i = first; i < count; i++) {
        if (cut != NULL) {
            cut[i - first] = content->chunks[i];
        } else {
            chunk_release(content->chunks[i]);
        }
        content->chunks[i] = NULL;
    }
    if (edge != NULL) {
        content->chunks[first] = edge;
    }
    content->size = size;
    return true;
}

bool content_resize(struct content *content, uint64_t size) {
    if (size == content->size) {
        return true;
    }
    struct content_change *change = change_next(content);
    if (change == NULL) {
        return false;
    }
    change->resize = true;
    change->size_before = content->size;
    change->size_after = size;
    if (size < content->size) {
        change->chunk_first = (size_t)(size / CHUNK_SIZE);
        size_t count = chunks_for(content->size) - change->chunk_first;
        change->chunks = mem_alloc_zero(count, sizeof(struct content_chunk *));
        if (change->chunks == NULL || !size_put(content, size, change->chunks)) {
            mem_free(change->chunks);
            return false;
        }
        change->chunk_count = count;
    } else if (!size_put(content, size, NULL)) {
        return false;
    }
    content->change_count++;
    return true;
}

bool content_flip(struct content *content, uint64_t offset, unsigned bit) {
    ASSERT(offset < content->size && bit < 8);
    struct content_chunk *chunk = chunk_own(content, (size_t)(offset / CHUNK_SIZE));
    if (chunk == NULL) {
        return false;
    }
    chunk->bytes[offset % CHUNK_SIZE] ^= (uint8_t)(1u << bit);
    return true;
}

void content_decide(struct content *content, enum io_crash_mode mode, struct prng *prng) {
    for (size_t i = 0; i < content->change_count; i++) {
        struct content_change *change = &content->changes[i];
        if (mode == IO_CRASH_LOSE || mode == IO_CRASH_KEEP) {
            change->fate = mode == IO_CRASH_LOSE ? CONTENT_LOST : CONTENT_KEPT;
            continue;
        }
        static const enum content_fate fates[3] = {CONTENT_LOST, CONTENT_KEPT, CONTENT_MIXED};
        bool many_pages =
            !change->resize && change->offset / PAGE_SIZE != (change->offset + change->length - 1) / PAGE_SIZE;
        change->fate = fates[prng_below(prng, many_pages ? 3 : 2)];
    }
}

enum content_fate content_fate(const struct content *content, size_t change) {
    ASSERT(change < content->change_count);
    return content->changes[change].fate;
}

bool content_can_tear(const struct content *content, size_t change) {
    ASSERT(change < content->change_count);
    const struct content_change *record = &content->changes[change];
    return !record->resize && (record->length > 2 || (record->length == 2 && record->offset % SECTOR_SIZE != 511));
}

void content_tear(struct content *content, size_t change) {
    ASSERT(content_can_tear(content, change));
    content->changes[change].fate = CONTENT_TORN;
}

/* Takes back the newest change. */
static void change_undo(struct content *content, struct content_change *change) {
    ASSERT(content->size == change->size_after);
    bool done = true;
    if (change->resize) {
        for (size_t i = 0; i < change->chunk_count; i++) {
            chunk_release(content->chunks[change->chunk_first + i]);
            content->chunks[change->chunk_first + i] = change->chunks[i];
        }
        change->chunk_count = 0; /* their ownership went back */
    } else {
        uint64_t saved = change->old == NULL ? 0 : change->old->length;
        done = saved == 0 || bytes_put(content, change->offset, change->old->bytes, saved);
        done = done && bytes_put(content, change->offset + saved, NULL, change->length - saved);
    }
    ASSERT(done);
    content->size = change->size_before;
}

/* Does a surviving write again, in part or whole, on whatever the content is by now. */
static void write_redo(struct content *content, const struct content_change *change, const uint8_t *bytes,
                       struct prng *prng) {
    uint64_t end = change->offset + change->length;
    uint64_t cut = end;
    bool after = true; /* does anything behind a tear survive? */
    if (change->fate == CONTENT_TORN) {
        do {
            cut = change->offset + 1 + prng_below(prng, change->length - 1);
        } while (cut % SECTOR_SIZE == 0);
        after = prng_chance(prng, 1, 2);
    }
    uint64_t at = change->offset;
    while (at < end) {
        uint64_t next = least(end, (at / PAGE_SIZE + 1) * PAGE_SIZE);
        bool survives = true;
        if (change->fate == CONTENT_MIXED || (change->fate == CONTENT_TORN && at > cut)) {
            survives = after && prng_chance(prng, 1, 2);
        } else if (change->fate == CONTENT_TORN && next > cut) {
            next = cut;
        }
        if (survives) {
            bool done =
                chunks_reserve(content, next) && bytes_put(content, at, bytes + (at - change->offset), next - at);
            ASSERT(done);
            content->size = next > content->size ? next : content->size;
        }
        /* Behind the cut, the rest of its sector keeps the old bytes. */
        at = next == cut && cut < end ? least(end, (cut / SECTOR_SIZE + 1) * SECTOR_SIZE) : next;
    }
}

void content_settle(struct content *content, struct prng *prng, struct io_crash_report *report) {
    size_t count = content->change_count;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        enum content_fate fate = content->changes[i].fate;
        whole = whole && fate == CONTENT_KEPT;
        report->writes_lost += fate == CONTENT_LOST;
        report->writes_kept += fate == CONTENT_KEPT;
        report->writes_torn += fate == CONTENT_MIXED || fate == CONTENT_TORN;
    }
    if (whole) {
        content_sync(content);
        return;
    }
    uint8_t **new_bytes = mem_alloc_zero(count, sizeof(*new_bytes));
    ASSERT(new_bytes != NULL);
    for (size_t i = count; i-- > 0;) {
        struct content_change *change = &content->changes[i];
        if (!change->resize && change->fate != CONTENT_LOST) {
            new_bytes[i] = mem_alloc(change->length);
            ASSERT(new_bytes[i] != NULL);
            content_read(content, change->offset, new_bytes[i], change->length);
        }
        change_undo(content, change);
    }
    for (size_t i = 0; i < count; i++) {
        struct content_change *change = &content->changes[i];
        if (change->fate == CONTENT_LOST) {
            continue;
        }
        if (change->resize) {
            bool done = size_put(content, change->size_after, NULL);
            ASSERT(done);
        } else {
            write_redo(content, change, new_bytes[i], prng);
            mem_free(new_bytes[i]);
        }
    }
    mem_free(new_bytes);
    content_sync(content);
}
