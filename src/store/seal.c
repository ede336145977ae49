/*
 * Pages on their way to and from the file.
 *
 * A place of the file holds a nonce (24 bytes) and the sealed body of the page; the tag is not there but with whoever
 * names the page. So a page is accepted only by the parent that was written for it: an older page in the same place, or
 * a valid page in another place, does not open. The associated data bind log, slot and tenant. Without encryption the
 * tag is a BLAKE3 hash of the same things, and is checked the same way: it finds damage, not malice against the root.
 *
 * References inside a page being written are completed in the copy that is sealed, from the entries of the children;
 * the image in memory, which others may be reading, is left alone. Room in the page that holds no cell is cleared in
 * the copy: memory of an earlier page never reaches the disk.
 */
#include "store/internal.h"

#define AAD_LABEL "kimberlite-store-page-1"
#define AAD_SIZE  (sizeof AAD_LABEL - 1 + STORE_UUID_SIZE + 8 + 4)

static void page_aad(const struct store *store, uint64_t slot, uint32_t tenant, uint8_t aad[AAD_SIZE]) {
    memcpy(aad, AAD_LABEL, sizeof AAD_LABEL - 1);
    aad += sizeof AAD_LABEL - 1;
    memcpy(aad, store->options.uuid, STORE_UUID_SIZE);
    codec_put_u64(aad + STORE_UUID_SIZE, slot);
    codec_put_u32(aad + STORE_UUID_SIZE + 8, tenant);
}

static enum kmb_status page_key(struct store *store, uint32_t tenant, struct aead_key **key, struct kmb_error *error) {
    *key = NULL;
    if (store->options.page_key == NULL) {
        return KMB_OK;
    }
    return store->options.page_key(store->options.page_key_context, tenant, key, error);
}

static void page_digest(const struct store *store, uint64_t slot, uint32_t tenant, const uint8_t *body,
                        uint8_t tag[TAG_SIZE]) {
    uint8_t aad[AAD_SIZE];
    page_aad(store, slot, tenant, aad);
    struct hash256 aad_hash = hash_blake3(aad, sizeof aad);
    struct hash256 hash = hash_blake3_keyed(aad_hash.bytes, body, PAGE_BODY_SIZE);
    memcpy(tag, hash.bytes, TAG_SIZE);
}

enum kmb_status page_damaged(struct kmb_error *error, uint64_t slot, const char *why) {
    error_set(error, KMB_PROJECTION_DAMAGED, "store page %llu %s", (unsigned long long)slot, why);
    error_hint(error, "the log is whole; rebuild the projection from it");
    return KMB_PROJECTION_DAMAGED;
}

enum kmb_status page_read(struct store *store, uint32_t tenant, uint64_t slot, const uint8_t tag[TAG_SIZE],
                          uint8_t *image, struct kmb_error *error) {
    struct aead_key *key;
    enum kmb_status status = page_key(store, tenant, &key, error);
    if (status != KMB_OK) {
        return status;
    }
    size_t count = 0;
    status = io_read(&store->io, store->file, slot * STORE_PAGE, image, STORE_PAGE, &count, error);
    if (status != KMB_OK) {
        return status;
    }
    atomic_fetch_add_explicit(&store->reads, 1, memory_order_relaxed);
    if (count != STORE_PAGE) {
        return page_damaged(error, slot, "lies beyond the end of the file");
    }
    if (key != NULL) {
        uint8_t aad[AAD_SIZE];
        page_aad(store, slot, tenant, aad);
        struct aead_nonce nonce;
        memcpy(nonce.bytes, image, AEAD_NONCE_SIZE);
        memcpy(image + STORE_PAGE, tag, TAG_SIZE);
        if (!aead_open(key, &nonce, slice_make(aad, sizeof aad),
                       slice_make(image + PAGE_BODY, PAGE_BODY_SIZE + TAG_SIZE), image + PAGE_BODY)) {
            return page_damaged(error, slot, "does not open: it was changed, or is not the page its parent names");
        }
    } else {
        uint8_t digest[TAG_SIZE];
        page_digest(store, slot, tenant, image + PAGE_BODY, digest);
        if (memcmp(digest, tag, TAG_SIZE) != 0) {
            return page_damaged(error, slot, "does not match its checksum");
        }
    }
    if (!page_valid(image, tenant)) {
        return page_damaged(error, slot, "is malformed");
    }
    return KMB_OK;
}

enum kmb_status page_writer_open(struct page_writer *writer, struct store *store, struct kmb_error *error) {
    *writer = (struct page_writer){.store = store};
    writer->scratch = mem_alloc_aligned(64, (size_t)WRITER_PAGES * STORE_PAGE + TAG_SIZE);
    if (writer->scratch == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory to write pages of the store");
    }
    return KMB_OK;
}

/* Copies the page, completes the references of its children, clears what is not in use. */
static void page_copy_out(struct store *store, const uint8_t *image, uint8_t *copy) {
    memcpy(copy, image, STORE_PAGE);
    memset(copy, 0, PAGE_BODY);
    const struct page_header *head = page_head(copy);
    unsigned low = PAGE_CELLS + PLACE_SIZE * head->count;
    unsigned high = head->heap;
    if (head->type == PAGE_BLOB_DATA) {
        low = PAGE_CELLS + head->count;
        high = STORE_PAGE;
    } else if (head->type == PAGE_BLOB_INDEX) {
        low = PAGE_CELLS + REF_SIZE * head->count;
        high = STORE_PAGE;
    }
    if (low < high && head->type != PAGE_CHECKPOINT) {
        memset(copy + low, 0, high - low);
    }
    struct page_refs refs = {.image = copy};
    unsigned offset;
    uint32_t tenant;
    while (page_refs_next(&refs, &offset, &tenant)) {
        const struct store_entry *child = entry_peek(store, page_u64(copy + offset));
        if (child != NULL && (entry_state(child) & ENTRY_TAGGED) != 0) {
            memcpy(copy + offset + 8, child->tag, TAG_SIZE);
        }
    }
}

enum kmb_status page_writer_add(struct page_writer *writer, uint32_t tenant, uint64_t slot, struct store_entry *entry,
                                const uint8_t *image, struct kmb_error *error) {
    struct store *store = writer->store;
    struct aead_key *key;
    enum kmb_status status = page_key(store, tenant, &key, error);
    if (status == KMB_OK &&
        (writer->count == WRITER_PAGES || (writer->count > 0 && slot != writer->slot_first + writer->count))) {
        status = page_writer_flush(writer, error);
    }
    struct aead_nonce nonce = {0};
    if (status == KMB_OK && key != NULL &&
        !store->options.environment.random(store->options.environment.context, nonce.bytes, sizeof nonce.bytes)) {
        status = error_set(error, KMB_IO, "no randomness to seal a page of the store");
    }
    if (status != KMB_OK) {
        page_unpin(entry);
        return status;
    }
    uint8_t *copy = writer->scratch + (size_t)writer->count * STORE_PAGE;
    page_copy_out(store, image, copy);
    uint8_t tag[TAG_SIZE];
    if (key != NULL) {
        uint8_t aad[AAD_SIZE];
        page_aad(store, slot, tenant, aad);
        memcpy(copy, nonce.bytes, AEAD_NONCE_SIZE);
        /* The tag falls where the next page's nonce will be, or behind the last page. */
        aead_seal(key, &nonce, slice_make(aad, sizeof aad), slice_make(copy + PAGE_BODY, PAGE_BODY_SIZE),
                  copy + PAGE_BODY);
        memcpy(tag, copy + STORE_PAGE, TAG_SIZE);
    } else {
        page_digest(store, slot, tenant, copy + PAGE_BODY, tag);
    }
    pthread_mutex_t *lock = &store->load_locks[slot % LOAD_LOCKS];
    pthread_mutex_lock(lock);
    memcpy(entry->tag, tag, TAG_SIZE);
    atomic_fetch_or_explicit(&entry->state, ENTRY_TAGGED, memory_order_release);
    pthread_mutex_unlock(lock);
    if (writer->count == 0) {
        writer->slot_first = slot;
    }
    writer->plain[writer->count] = page_plain(image);
    writer->entries[writer->count++] = entry;
    return KMB_OK;
}

enum kmb_status page_writer_flush(struct page_writer *writer, struct kmb_error *error) {
    if (writer->count == 0) {
        return KMB_OK;
    }
    struct store *store = writer->store;
    enum kmb_status status = io_write(&store->io, store->file, writer->slot_first * STORE_PAGE, writer->scratch,
                                      (size_t)writer->count * STORE_PAGE, error);
    for (unsigned i = 0; i < writer->count; i++) {
        struct store_entry *entry = writer->entries[i];
        if (status == KMB_OK) {
            ASSERT((entry_state(entry) & ENTRY_DIRTY) != 0);
            if (writer->plain[i]) {
                atomic_fetch_or_explicit(&entry->state, ENTRY_PLAIN, memory_order_relaxed);
            }
            atomic_fetch_and_explicit(&entry->state, ~ENTRY_DIRTY, memory_order_release);
            atomic_fetch_sub_explicit(&store->dirty, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&store->writes, 1, memory_order_relaxed);
        }
        page_unpin(entry);
    }
    writer->count = 0;
    return status;
}

void page_writer_close(struct page_writer *writer) {
    for (unsigned i = 0; i < writer->count; i++) {
        page_unpin(writer->entries[i]);
    }
    mem_free(writer->scratch);
    writer->scratch = NULL;
    writer->count = 0;
}
