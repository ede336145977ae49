/*
 * Values and keys too big for a page.
 *
 * The bytes are cut into data pages; their references fill index pages, theirs the next level, up to one page: a tree
 * whose shape follows from the length alone, so a reader knows at each step what it must find. (A chain of pages would
 * be simpler but would be authenticated only link by link from its far end, and could not be written front to back.)
 * The pages belong to exactly one cell. Changing a big value writes all of it anew.
 */
#include "store/internal.h"

#define RELIEF_EVERY 32u /* pages made between two looks at the cache's budget */

static uint64_t divide_up(uint64_t count, uint64_t by) {
    return (count + by - 1) / by;
}

static unsigned blob_level(uint64_t length) {
    unsigned level = 0;
    for (uint64_t pages = divide_up(length, PAGE_ROOM); pages > 1; pages = divide_up(pages, BLOB_FANOUT)) {
        level++;
    }
    return level;
}

/* Bytes that a full tree of this level holds. */
static uint64_t blob_capacity(unsigned level) {
    uint64_t capacity = PAGE_ROOM;
    while (level-- > 0) {
        capacity *= BLOB_FANOUT;
    }
    return capacity;
}

uint64_t blob_pages(uint64_t length) {
    uint64_t total = 0;
    uint64_t pages = divide_up(length, PAGE_ROOM);
    for (;;) {
        total += pages;
        if (pages <= 1) {
            return total;
        }
        pages = divide_up(pages, BLOB_FANOUT);
    }
}

/* Copies `count` bytes at `offset` of the joined parts. */
static void parts_copy(struct slice first, struct slice second, uint64_t offset, uint8_t *target, size_t count) {
    if (offset < first.length) {
        size_t head = first.length - offset < count ? first.length - (size_t)offset : count;
        memcpy(target, first.bytes + offset, head);
        target += head;
        count -= head;
        offset += head;
    }
    if (count > 0) {
        memcpy(target, second.bytes + (offset - first.length), count);
    }
}

static enum kmb_status blob_data(struct store *store, uint64_t generation, uint32_t tenant, struct slice first,
                                 struct slice second, uint64_t offset, uint64_t *slot, struct kmb_error *error) {
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = page_new(store, generation, slot, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    uint64_t left = first.length + second.length - offset;
    unsigned count = left < PAGE_ROOM ? (unsigned)left : PAGE_ROOM;
    page_start(image, PAGE_BLOB_DATA, 0, tenant, 0, generation);
    page_header(image)->count = (uint16_t)count;
    parts_copy(first, second, offset, image + PAGE_CELLS, count);
    page_unpin(entry);
    return KMB_OK;
}

static enum kmb_status blob_index(struct store *store, uint64_t generation, uint32_t tenant, unsigned level,
                                  const uint64_t *children, unsigned count, uint64_t *slot, struct kmb_error *error) {
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = page_new(store, generation, slot, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    page_start(image, PAGE_BLOB_INDEX, level, tenant, 0, generation);
    page_header(image)->count = (uint16_t)count;
    for (unsigned i = 0; i < count; i++) {
        codec_put_u64(image + PAGE_CELLS + (size_t)REF_SIZE * i, children[i]);
    }
    page_unpin(entry);
    return KMB_OK;
}

enum kmb_status blob_write(struct store *store, uint64_t generation, struct store_fork *fork, uint32_t tenant,
                           struct slice first, struct slice second, uint8_t reference[BLOB_REF_SIZE],
                           struct kmb_error *error) {
    uint64_t length = first.length + second.length;
    ASSERT(length > 0);
    uint64_t total = blob_pages(length);
    uint64_t *made = mem_alloc(total * sizeof *made);
    if (made == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a value of %llu bytes", (unsigned long long)length);
    }
    uint64_t count = 0;
    enum kmb_status status = KMB_OK;
    uint64_t pages = divide_up(length, PAGE_ROOM);
    while (status == KMB_OK && count < pages) {
        status = blob_data(store, generation, tenant, first, second, count * PAGE_ROOM, &made[count], error);
        count += status == KMB_OK ? 1 : 0;
        if (fork != NULL && count % RELIEF_EVERY == 0 && cache_full(store)) {
            cache_relieve(store, fork);
        }
    }
    uint64_t below = 0; /* where the level below begins in `made` */
    for (unsigned level = 1; status == KMB_OK && pages > 1; level++) {
        uint64_t next = count;
        for (uint64_t i = 0; status == KMB_OK && i < pages; i += BLOB_FANOUT) {
            unsigned children = pages - i < BLOB_FANOUT ? (unsigned)(pages - i) : BLOB_FANOUT;
            status = blob_index(store, generation, tenant, level, made + below + i, children, &made[count], error);
            count += status == KMB_OK ? 1 : 0;
        }
        below = next;
        pages = divide_up(pages, BLOB_FANOUT);
    }
    if (status == KMB_OK) {
        ASSERT(count == total);
        for (uint64_t i = 0; fork != NULL && i < count; i++) {
            fork_page_made(fork, made[i]);
        }
        memset(reference, 0, BLOB_REF_SIZE);
        codec_put_u64(reference, length);
        codec_put_u64(reference + 8, made[count - 1]);
    } else {
        while (count > 0) {
            page_free(store, made[--count]);
        }
    }
    mem_free(made);
    return status;
}

static enum kmb_status blob_join(struct store *store, uint32_t tenant, const uint8_t *ref, unsigned level,
                                 uint64_t length, struct buffer *out, struct kmb_error *error) {
    struct store_entry *entry;
    uint8_t *image;
    enum kmb_status status = page_pin(store, tenant, ref, &entry, &image, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct page_header *head = page_head(image);
    uint64_t below = level == 0 ? 1 : blob_capacity(level - 1);
    if (head->type != (level == 0 ? PAGE_BLOB_DATA : PAGE_BLOB_INDEX) || head->level != level ||
        head->count != divide_up(length, below)) {
        status = page_damaged(error, page_u64(ref), "is not the part of a value that it should be");
    } else if (level == 0) {
        buffer_append(out, image + PAGE_CELLS, head->count);
    } else {
        for (unsigned i = 0; i < head->count && status == KMB_OK; i++) {
            uint64_t part = length < below ? length : below;
            status = blob_join(store, tenant, image + PAGE_CELLS + (size_t)REF_SIZE * i, level - 1, part, out, error);
            length -= part;
        }
    }
    page_unpin(entry);
    return status;
}

enum kmb_status blob_read(struct store *store, uint32_t tenant, const uint8_t reference[BLOB_REF_SIZE],
                          struct buffer *out, struct kmb_error *error) {
    uint64_t length = page_u64(reference);
    if (length == 0 || length > STORE_VALUE_MAX) {
        return page_damaged(error, page_u64(reference + 8), "belongs to a value of impossible length");
    }
    if (!buffer_reserve(out, length)) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a value of %llu bytes", (unsigned long long)length);
    }
    return blob_join(store, tenant, reference + 8, blob_level(length), length, out, error);
}

static enum kmb_status blob_give_up_node(struct store_fork *fork, uint32_t tenant, const uint8_t *ref, unsigned level,
                                         struct kmb_error *error) {
    uint64_t slot = page_u64(ref);
    if (level > 0) {
        struct store_entry *entry;
        uint8_t *image;
        enum kmb_status status = page_pin(fork->store, tenant, ref, &entry, &image, error);
        if (status != KMB_OK) {
            return status;
        }
        const struct page_header *head = page_head(image);
        if (head->type != PAGE_BLOB_INDEX || head->level != level) {
            status = page_damaged(error, slot, "is not the part of a value that it should be");
        }
        for (unsigned i = 0; status == KMB_OK && i < head->count; i++) {
            status = blob_give_up_node(fork, tenant, image + PAGE_CELLS + (size_t)REF_SIZE * i, level - 1, error);
        }
        page_unpin(entry);
        if (status != KMB_OK) {
            return status;
        }
    }
    return fork_give_up(fork, slot, error);
}

enum kmb_status blob_give_up(struct store_fork *fork, uint32_t tenant, const uint8_t reference[BLOB_REF_SIZE],
                             struct kmb_error *error) {
    uint64_t length = page_u64(reference);
    if (length == 0 || length > STORE_VALUE_MAX) {
        return page_damaged(error, page_u64(reference + 8), "belongs to a value of impossible length");
    }
    return blob_give_up_node(fork, tenant, reference + 8, blob_level(length), error);
}
