/*
 * The page table and the memory of pages.
 *
 * A parent names its child by slot, never by address, so a page can leave memory without anybody looking for those who
 * point at it. The price is one look into a two-level table per page visited; the gain is that eviction needs no
 * knowledge of the tree, and that one page serves all versions that share it.
 *
 * Safety of eviction against readers rests on one atomic word per entry, which is never freed while the store is open.
 * A reader first adds its pin, then looks at the flag EVICTING and at the image. The evictor changes the word from "no
 * pins" to EVICTING in one exchange, takes the image away, clears the flag. So either the reader's pin is there before
 * the exchange, which then fails, or the reader sees the flag or the missing image, and goes the slow way under the
 * slot's load lock.
 *
 * Safety of *freeing* a slot rests on versions (version.c): a slot is given up when no state has the page any more, so
 * no reader can come to it. Only the relief of the cache may still hold it for a moment, or a cursor of the fork that
 * gave it up; such a slot waits in limbo until its pins are gone.
 *
 * Dirty pages are never evicted. When memory is over its budget and clean pages do not suffice, cache_relieve() writes
 * out dirty ones that nobody can change any more (or that are the caller's own): to their own slots, which no durable
 * state uses. The tag is kept in the entry, so the parent need not be touched.
 */
#include <sched.h>
#include <stdlib.h>

#include "store/internal.h"

#define EVICT_STEPS  64u  /* resident pages looked at for one image when most are dirty */
#define RELIEF_STEPS 512u /* resident pages looked at for one relief */
#define RELIEF_PAGES 48u  /* written in one relief; below WRITER_PAGES */
#define SLAB_IMAGES  16u
#define IMAGES_MIN   16u /* a path, a split and a cursor always fit */

_Thread_local struct store_touched store_thread_touched;

struct store_touched store_touched(void) {
    return store_thread_touched;
}

bool slot_list_push(struct slot_list *list, uint64_t slot) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint64_t *slots = mem_realloc(list->slots, capacity * sizeof *slots);
        if (slots == NULL) {
            return false;
        }
        list->slots = slots;
        list->capacity = capacity;
    }
    list->slots[list->count++] = slot;
    return true;
}

void slot_list_free(struct slot_list *list) {
    mem_free(list->slots);
    *list = (struct slot_list){0};
}

enum kmb_status cache_open(struct store *store, struct kmb_error *error) {
    store->chunks = mem_alloc_zero(CHUNKS_MAX, sizeof *store->chunks);
    if (store->chunks == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for the store's page table");
    }
    uint64_t bytes = store->options.cache_bytes_max == 0 ? STORE_CACHE_DEFAULT : store->options.cache_bytes_max;
    store->images_max = bytes / STORE_PAGE < IMAGES_MIN ? IMAGES_MIN : bytes / STORE_PAGE;
    pthread_mutex_init(&store->cache_lock, NULL);
    pthread_mutex_init(&store->write_lock, NULL);
    pthread_mutex_init(&store->version_lock, NULL);
    for (unsigned i = 0; i < LOAD_LOCKS; i++) {
        pthread_mutex_init(&store->load_locks[i], NULL);
    }
    return KMB_OK;
}

void cache_close(struct store *store) {
    if (store->chunks == NULL) {
        return;
    }
    for (size_t i = 0; i < store->resident.count; i++) {
        struct store_entry *entry = entry_peek(store, store->resident.slots[i]);
        ASSERT((entry_state(entry) & ENTRY_PINS) == 0);
    }
    for (size_t i = 0; i < store->slabs.count; i++) {
        mem_free((void *)(uintptr_t)store->slabs.slots[i]);
    }
    slot_list_free(&store->slabs);
    for (unsigned i = 0; i < CHUNKS_MAX; i++) {
        struct store_entry *chunk = atomic_load_explicit(&store->chunks[i], memory_order_relaxed);
        if (chunk != NULL) {
            mem_free(chunk);
        }
    }
    mem_free(store->chunks);
    slot_list_free(&store->resident);
    slot_list_free(&store->free);
    slot_list_free(&store->far);
    slot_list_free(&store->limbo);
    pthread_mutex_destroy(&store->cache_lock);
    pthread_mutex_destroy(&store->write_lock);
    pthread_mutex_destroy(&store->version_lock);
    for (unsigned i = 0; i < LOAD_LOCKS; i++) {
        pthread_mutex_destroy(&store->load_locks[i]);
    }
}

static struct store_entry *entry_make_locked(struct store *store, uint64_t slot) {
    struct store_entry *entry = entry_peek(store, slot);
    if (entry != NULL || slot >= SLOTS_MAX) {
        return entry;
    }
    struct store_entry *chunk = mem_alloc_zero(CHUNK_ENTRIES, sizeof *chunk);
    if (chunk == NULL) {
        return NULL;
    }
    atomic_store_explicit(&store->chunks[slot / CHUNK_ENTRIES], chunk, memory_order_release);
    return &chunk[slot % CHUNK_ENTRIES];
}

struct store_entry *entry_make(struct store *store, uint64_t slot) {
    struct store_entry *entry = entry_peek(store, slot);
    if (entry != NULL) {
        return entry;
    }
    pthread_mutex_lock(&store->cache_lock);
    entry = entry_make_locked(store, slot);
    pthread_mutex_unlock(&store->cache_lock);
    return entry;
}

/* --- images; under cache_lock ---------------------------------------------------------------------------------- */

static void resident_remove(struct store *store, struct store_entry *entry) {
    uint64_t last = store->resident.slots[--store->resident.count];
    store->resident.slots[entry->resident] = last;
    entry_peek(store, last)->resident = entry->resident;
}

static bool resident_add(struct store *store, uint64_t slot, struct store_entry *entry) {
    if (!slot_list_push(&store->resident, slot)) {
        return false;
    }
    ASSERT(store->resident.count <= UINT32_MAX);
    entry->resident = (uint32_t)(store->resident.count - 1);
    return true;
}

/* Takes the image of this page if it is clean and nobody holds it; else NULL. */
static uint8_t *entry_evict(struct store *store, struct store_entry *entry) {
    uint32_t state = entry_state(entry);
    if ((state & (ENTRY_PINS | ENTRY_DIRTY | ENTRY_EVICTING)) != 0 ||
        atomic_load_explicit(&entry->image, memory_order_relaxed) == NULL ||
        !atomic_compare_exchange_strong_explicit(&entry->state, &state, state | ENTRY_EVICTING, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        return NULL;
    }
    uint8_t *image = atomic_exchange_explicit(&entry->image, NULL, memory_order_acq_rel);
    resident_remove(store, entry);
    atomic_fetch_and_explicit(&entry->state, ~ENTRY_EVICTING, memory_order_release);
    atomic_fetch_add_explicit(&store->evictions, 1, memory_order_relaxed);
    return image;
}

/*
 * The image of a page that was not used lately. The hand goes twice around if need be (the first time it forgives), but
 * looks only briefly when most pages are dirty. NULL: none found.
 */
static uint8_t *image_evict(struct store *store) {
    size_t dirty = atomic_load_explicit(&store->dirty, memory_order_relaxed);
    size_t steps = dirty * 4 > store->resident.count * 3 ? EVICT_STEPS : store->resident.count * 2 + 1;
    for (size_t step = 0; step < steps && store->resident.count > 0; step++) {
        store->hand = store->hand + 1 < store->resident.count ? store->hand + 1 : 0;
        struct store_entry *entry = entry_peek(store, store->resident.slots[store->hand]);
        uint32_t state = entry_state(entry);
        if ((state & (ENTRY_PINS | ENTRY_DIRTY)) != 0) {
            continue;
        }
        if ((state & ENTRY_REFERENCED) != 0) {
            atomic_fetch_and_explicit(&entry->state, ~ENTRY_REFERENCED, memory_order_relaxed);
            continue;
        }
        uint8_t *image = entry_evict(store, entry);
        if (image != NULL) {
            return image;
        }
    }
    return NULL;
}

/* A block of images. (Huge pages were tried: reads gain a tenth, loads lose more to the clearing of them.) */
static bool slab_add(struct store *store) {
    uint8_t *bytes = mem_alloc_aligned(64, (size_t)SLAB_IMAGES * PAGE_IMAGE);
    if (bytes == NULL) {
        return false;
    }
    if (!slot_list_push(&store->slabs, (uint64_t)(uintptr_t)bytes)) {
        mem_free(bytes);
        return false;
    }
    for (size_t i = SLAB_IMAGES; i > 0; i--) {
        uint8_t *image = bytes + (i - 1) * PAGE_IMAGE;
        memcpy(image, &store->images_spare, sizeof(uint8_t *));
        store->images_spare = image;
    }
    return true;
}

static uint8_t *image_take(struct store *store) {
    uint64_t images = atomic_load_explicit(&store->images, memory_order_relaxed);
    uint8_t *image = images >= store->images_max ? image_evict(store) : NULL;
    if (image != NULL) {
        return image;
    }
    if (store->images_spare == NULL && !slab_add(store)) {
        return image_evict(store);
    }
    image = store->images_spare;
    memcpy(&store->images_spare, image, sizeof(uint8_t *));
    atomic_store_explicit(&store->images, images + 1, memory_order_relaxed);
    return image;
}

static void image_give(struct store *store, uint8_t *image) {
    uint64_t images = atomic_load_explicit(&store->images, memory_order_relaxed);
    memcpy(image, &store->images_spare, sizeof(uint8_t *));
    store->images_spare = image;
    atomic_store_explicit(&store->images, images - 1, memory_order_relaxed);
}

/* --- slots ----------------------------------------------------------------------------------------------------- */

static void slot_free_locked(struct store *store, uint64_t slot, struct store_entry *entry) {
    if (entry != NULL) {
        if ((entry_state(entry) & ENTRY_DIRTY) != 0) {
            atomic_fetch_sub_explicit(&store->dirty, 1, memory_order_relaxed);
        }
        uint8_t *image = atomic_exchange_explicit(&entry->image, NULL, memory_order_relaxed);
        if (image != NULL) {
            resident_remove(store, entry);
            image_give(store, image);
        }
        entry->birth = 0;
        atomic_store_explicit(&entry->state, 0, memory_order_release);
    }
    if (!slot_list_push(slot < store->slots_backed ? &store->free : &store->far, slot)) {
        store->slots_lost++;
    }
}

static void page_free_locked(struct store *store, uint64_t slot) {
    struct store_entry *entry = entry_peek(store, slot);
    if (entry != NULL && (atomic_load_explicit(&entry->state, memory_order_acquire) & ENTRY_PINS) != 0) {
        if (!slot_list_push(&store->limbo, slot)) {
            store->slots_lost++;
        }
        return;
    }
    slot_free_locked(store, slot, entry);
}

void page_free(struct store *store, uint64_t slot) {
    pthread_mutex_lock(&store->cache_lock);
    page_free_locked(store, slot);
    pthread_mutex_unlock(&store->cache_lock);
}

static void limbo_try(struct store *store) {
    for (size_t i = store->limbo.count; i > 0; i--) {
        uint64_t slot = store->limbo.slots[i - 1];
        struct store_entry *entry = entry_peek(store, slot);
        if ((atomic_load_explicit(&entry->state, memory_order_acquire) & ENTRY_PINS) == 0) {
            store->limbo.slots[i - 1] = store->limbo.slots[--store->limbo.count];
            slot_free_locked(store, slot, entry);
        }
    }
}

enum kmb_status page_new(struct store *store, uint64_t generation, uint64_t *slot, struct store_entry **entry,
                         uint8_t **image, struct kmb_error *error) {
    pthread_mutex_lock(&store->cache_lock);
    if (store->limbo.count > 0) {
        limbo_try(store);
    }
    /* Places that the file already has come first: a full disk then hurts as late as possible. */
    struct slot_list *from = store->free.count > 0 ? &store->free : store->far.count > 0 ? &store->far : NULL;
    uint64_t place = from != NULL ? from->slots[from->count - 1] : store->slots_end;
    if (place >= SLOTS_MAX) {
        pthread_mutex_unlock(&store->cache_lock);
        return error_set(error, KMB_DISK_FULL, "the store has reached its greatest size of 2 TiB");
    }
    struct store_entry *made = entry_make_locked(store, place);
    uint8_t *bytes = made == NULL ? NULL : image_take(store);
    if (bytes != NULL && !resident_add(store, place, made)) {
        image_give(store, bytes);
        bytes = NULL;
    }
    if (bytes == NULL) {
        pthread_mutex_unlock(&store->cache_lock);
        return error_set(error, KMB_NO_MEMORY, "no memory for a page of the store");
    }
    if (from != NULL) {
        from->count--;
    } else {
        store->slots_end++;
    }
    made->birth = generation;
    atomic_store_explicit(&made->image, bytes, memory_order_relaxed);
    /* Added, not set: a reader that lost its way here by hostile bytes may hold a pin for a moment. */
    atomic_fetch_and_explicit(&made->state, ENTRY_PINS, memory_order_relaxed);
    atomic_fetch_add_explicit(&made->state, ENTRY_DIRTY | ENTRY_REFERENCED | 1u, memory_order_release);
    atomic_fetch_add_explicit(&store->dirty, 1, memory_order_relaxed);
    pthread_mutex_unlock(&store->cache_lock);
    store_thread_touched.dirtied++;
    *slot = place;
    *entry = made;
    *image = bytes;
    return KMB_OK;
}

void page_dirty(struct store *store, struct store_entry *entry) {
    if ((entry_state(entry) & ENTRY_DIRTY) == 0) {
        store_thread_touched.dirtied++;
        atomic_fetch_add_explicit(&store->dirty, 1, memory_order_relaxed);
        atomic_fetch_and_explicit(&entry->state, ~(ENTRY_TAGGED | ENTRY_PLAIN), memory_order_relaxed);
        atomic_fetch_or_explicit(&entry->state, ENTRY_DIRTY, memory_order_relaxed);
    }
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static enum kmb_status page_load(struct store *store, uint32_t tenant, const uint8_t *ref, struct store_entry *entry,
                                 uint8_t **image, struct kmb_error *error) {
    uint64_t slot = page_u64(ref);
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
    while ((state & ENTRY_EVICTING) != 0) {
        sched_yield();
        state = atomic_load_explicit(&entry->state, memory_order_acquire);
    }
    *image = atomic_load_explicit(&entry->image, memory_order_acquire);
    if (*image != NULL) {
        return KMB_OK;
    }
    if ((state & ENTRY_DIRTY) != 0) {
        return page_damaged(error, slot, "is named by a page that cannot know it");
    }
    pthread_mutex_lock(&store->cache_lock);
    uint8_t *bytes = image_take(store);
    pthread_mutex_unlock(&store->cache_lock);
    if (bytes == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a page of the store");
    }
    const uint8_t *tag = (state & ENTRY_TAGGED) != 0 ? entry->tag : ref + 8;
    enum kmb_status status = page_read(store, tenant, slot, tag, bytes, error);
    store_thread_touched.reads++;
    pthread_mutex_lock(&store->cache_lock);
    if (status == KMB_OK && !resident_add(store, slot, entry)) {
        status = error_set(error, KMB_NO_MEMORY, "no memory for a page of the store");
    }
    if (status == KMB_OK) {
        atomic_store_explicit(&entry->image, bytes, memory_order_release);
        *image = bytes;
    } else {
        image_give(store, bytes);
    }
    pthread_mutex_unlock(&store->cache_lock);
    return status;
}

enum kmb_status page_pin_slow(struct store *store, uint32_t tenant, const uint8_t *ref, struct store_entry **entry,
                              uint8_t **image, struct kmb_error *error) {
    uint64_t slot = page_u64(ref);
    if (slot == 0 || slot >= SLOTS_MAX) {
        return page_damaged(error, slot, "lies outside the file");
    }
    struct store_entry *found = entry_make(store, slot);
    if (found == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for the store's page table");
    }
    pthread_mutex_t *lock = &store->load_locks[slot % LOAD_LOCKS];
    pthread_mutex_lock(lock);
    atomic_fetch_add_explicit(&found->state, 1, memory_order_acquire);
    enum kmb_status status = page_load(store, tenant, ref, found, image, error);
    if (status != KMB_OK) {
        page_unpin(found);
    }
    pthread_mutex_unlock(lock);
    *entry = found;
    return status;
}

/* --- relief ---------------------------------------------------------------------------------------------------- */

struct relief_page {
    uint64_t slot;
    struct store_entry *entry;
    uint8_t *image;
};

static bool generation_changing(const struct store *store, uint64_t generation, const struct store_fork *own) {
    for (const struct store_root *version = store->versions; version != NULL; version = version->all_next) {
        if (version->open && version->generation == generation) {
            return own == NULL || own->version != version;
        }
    }
    return false;
}

/* Pins up to RELIEF_PAGES dirty pages that stand still. */
static unsigned relief_choose(struct store *store, struct store_fork *own, struct relief_page *pages) {
    unsigned count = 0;
    pthread_mutex_lock(&store->version_lock);
    pthread_mutex_lock(&store->cache_lock);
    for (unsigned step = 0; step < RELIEF_STEPS && step < store->resident.count && count < RELIEF_PAGES; step++) {
        store->hand = store->hand + 1 < store->resident.count ? store->hand + 1 : 0;
        uint64_t slot = store->resident.slots[store->hand];
        struct store_entry *entry = entry_peek(store, slot);
        uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
        if ((state & ENTRY_PINS) != 0 || (state & ENTRY_DIRTY) == 0) {
            continue;
        }
        if ((state & ENTRY_REFERENCED) != 0) {
            atomic_fetch_and_explicit(&entry->state, ~ENTRY_REFERENCED, memory_order_relaxed);
            continue;
        }
        if (generation_changing(store, entry->birth, own)) {
            continue;
        }
        atomic_fetch_add_explicit(&entry->state, 1, memory_order_acquire);
        pages[count++] = (struct relief_page){
            .slot = slot, .entry = entry, .image = atomic_load_explicit(&entry->image, memory_order_acquire)};
    }
    pthread_mutex_unlock(&store->cache_lock);
    pthread_mutex_unlock(&store->version_lock);
    return count;
}

static bool children_written(struct store *store, const uint8_t *image) {
    struct page_refs refs = {.image = image};
    unsigned offset;
    uint32_t tenant;
    while (page_refs_next(&refs, &offset, &tenant)) {
        struct store_entry *child = entry_peek(store, page_u64(image + offset));
        if (child != NULL && (entry_state(child) & ENTRY_DIRTY) != 0) {
            return false;
        }
    }
    return true;
}

static int relief_order(const void *a, const void *b) {
    const struct relief_page *left = a;
    const struct relief_page *right = b;
    return left->slot < right->slot ? -1 : left->slot > right->slot;
}

void cache_relieve(struct store *store, struct store_fork *fork) {
    if (store->options.read_only || !cache_full(store) || pthread_mutex_trylock(&store->write_lock) != 0) {
        return;
    }
    struct relief_page pages[RELIEF_PAGES];
    struct page_writer writer;
    unsigned count = 0;
    if (!store->relief_failed && page_writer_open(&writer, store, NULL) == KMB_OK) {
        count = relief_choose(store, fork, pages);
        qsort(pages, count, sizeof pages[0], relief_order);
        enum kmb_status status = KMB_OK;
        for (unsigned i = 0; i < count; i++) {
            if (status != KMB_OK || !children_written(store, pages[i].image)) {
                page_unpin(pages[i].entry);
                continue;
            }
            status = page_writer_add(&writer, page_head(pages[i].image)->tenant, pages[i].slot, pages[i].entry,
                                     pages[i].image, NULL);
        }
        if (status == KMB_OK) {
            status = page_writer_flush(&writer, NULL);
        }
        store->relief_failed = status != KMB_OK;
        page_writer_close(&writer);
    }
    pthread_mutex_unlock(&store->write_lock);
    pthread_mutex_lock(&store->cache_lock);
    for (unsigned i = 0; i < count && cache_full(store); i++) {
        uint8_t *image = entry_evict(store, pages[i].entry);
        if (image != NULL) {
            image_give(store, image);
        }
    }
    for (unsigned i = 0; i < RELIEF_PAGES && cache_full(store); i++) {
        uint8_t *image = image_evict(store);
        if (image == NULL) {
            break;
        }
        image_give(store, image);
    }
    pthread_mutex_unlock(&store->cache_lock);
}
