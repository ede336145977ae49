/*
 * Blocks: their header's codec, and the builder that the engine fills.
 *
 * The cost that matters is bulk append, where every byte of user data is sealed once and hashed once. So a body is
 * sealed straight into its place in the block (that is the one copy), hashed there, and the block is written from the
 * same memory with one call. The memory is aligned to 4096 and grows by doubling; two builders taking turns therefore
 * settle at the size of a group commit and allocate no more.
 */
#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "log/private.h"

#define BLOCK_MAGIC         0x42424d4bu /* "KMBB" */
#define BLOCK_CRC_AT        156
#define BLOCK_GENESIS_LABEL "kimberlite block genesis v1"
#define BLOCK_CAPACITY_MIN  ((size_t)64 << 10)
#define BLOCK_CAPACITY_KEEP ((size_t)8 << 20)
#define BLOCK_HASHES_MIN    64u

struct hash256 log_block_genesis(const struct log_identity *identity) {
    uint8_t shard[4];
    codec_put_u32(shard, identity->shard);
    const struct slice parts[] = {slice_text(BLOCK_GENESIS_LABEL), slice_make(identity->uuid, LOG_UUID_SIZE),
                                  slice_make(identity->cluster, sizeof identity->cluster),
                                  slice_make(shard, sizeof shard)};
    return hash_sha256_parts(parts, ARRAY_LENGTH(parts));
}

bool log_block_crc_good(const uint8_t bytes[LOG_BLOCK_HEADER_SIZE]) {
    return codec_get_u32(bytes) == BLOCK_MAGIC &&
           codec_crc32c(0, bytes, BLOCK_CRC_AT) == codec_get_u32(bytes + BLOCK_CRC_AT);
}

void log_block_encode(const struct log_block_header *header, uint8_t bytes[LOG_BLOCK_HEADER_SIZE]) {
    ASSERT(header->op > 0 && header->synced_op < header->op);
    ASSERT(((header->flags & LOG_BLOCK_SEAL) != 0) == (header->count == 0));
    codec_put_u32(bytes, BLOCK_MAGIC);
    codec_put_u16(bytes + 4, LOG_BLOCK_VERSION);
    codec_put_u16(bytes + 6, header->flags);
    memcpy(bytes + 8, header->cluster, sizeof header->cluster);
    codec_put_u32(bytes + 24, header->shard);
    codec_put_u32(bytes + 28, header->count);
    codec_put_u64(bytes + 32, header->op);
    codec_put_u64(bytes + 40, header->view);
    codec_put_u64(bytes + 48, header->synced_op);
    codec_put_u64(bytes + 56, (uint64_t)header->time_us);
    codec_put_u64(bytes + 64, header->length);
    codec_put_u64(bytes + 72, header->guard);
    memcpy(bytes + 80, header->previous.bytes, HASH256_SIZE);
    memcpy(bytes + 112, header->entries.bytes, HASH256_SIZE);
    memset(bytes + 144, 0, 12);
    codec_put_u32(bytes + BLOCK_CRC_AT, codec_crc32c(0, bytes, BLOCK_CRC_AT));
}

enum kmb_status log_block_decode(const uint8_t bytes[LOG_BLOCK_HEADER_SIZE], struct log_block_header *header,
                                 struct kmb_error *error) {
    if (codec_get_u32(bytes) != BLOCK_MAGIC) {
        return error_set(error, KMB_FORMAT, "no block header here");
    }
    if (!log_block_crc_good(bytes)) {
        return error_set(error, KMB_CORRUPT, "the CRC of the block header does not match");
    }
    uint16_t version = codec_get_u16(bytes + 4);
    if (version != LOG_BLOCK_VERSION) {
        return error_set(error, KMB_FORMAT_VERSION, "block format version %u, this program knows version %u", version,
                         LOG_BLOCK_VERSION);
    }
    *header = (struct log_block_header){
        .flags = codec_get_u16(bytes + 6),
        .shard = codec_get_u32(bytes + 24),
        .count = codec_get_u32(bytes + 28),
        .op = codec_get_u64(bytes + 32),
        .view = codec_get_u64(bytes + 40),
        .synced_op = codec_get_u64(bytes + 48),
        .time_us = (int64_t)codec_get_u64(bytes + 56),
        .length = codec_get_u64(bytes + 64),
        .guard = codec_get_u64(bytes + 72),
    };
    memcpy(header->cluster, bytes + 8, sizeof header->cluster);
    memcpy(header->previous.bytes, bytes + 80, HASH256_SIZE);
    memcpy(header->entries.bytes, bytes + 112, HASH256_SIZE);
    static const uint8_t zeros[12];
    if ((header->flags & ~LOG_BLOCK_SEAL) != 0 || memcmp(bytes + 144, zeros, sizeof zeros) != 0) {
        return error_set(error, KMB_CORRUPT, "reserved bits of the block header are set");
    }
    bool empty = header->count == 0;
    if (header->op == 0 || header->synced_op >= header->op || header->count > LOG_BLOCK_ENTRIES_MAX ||
        header->length > LOG_BLOCK_BYTES_MAX - LOG_BLOCK_HEADER_SIZE || empty != (header->length == 0) ||
        empty != ((header->flags & LOG_BLOCK_SEAL) != 0)) {
        return error_set(error, KMB_CORRUPT, "fields of the block header are out of bounds");
    }
    return KMB_OK;
}

struct hash256 log_block_hash(const uint8_t header[LOG_BLOCK_HEADER_SIZE]) {
    return hash_sha256(header, LOG_BLOCK_HEADER_SIZE);
}

uint64_t log_block_size(uint64_t entry_bytes) {
    return log_align(LOG_BLOCK_HEADER_SIZE + entry_bytes);
}

static bool block_grow(struct log_block *block, size_t capacity_min) {
    size_t capacity = block->capacity == 0 ? BLOCK_CAPACITY_MIN : block->capacity;
    while (capacity < capacity_min) {
        capacity *= 2;
    }
    uint8_t *bytes = mem_alloc_aligned(LOG_BLOCK_ALIGN, capacity);
    if (bytes == NULL) {
        return false;
    }
    if (block->bytes != NULL) {
        memcpy(bytes, block->bytes, block->length);
        mem_free(block->bytes);
    }
    block->bytes = bytes;
    block->capacity = capacity;
    return true;
}

static bool block_hashes_grow(struct log_block *block) {
    uint32_t capacity = block->hashes_capacity == 0 ? BLOCK_HASHES_MIN : block->hashes_capacity * 2;
    struct hash256 *hashes = mem_realloc(block->hashes, capacity * sizeof *hashes);
    if (hashes == NULL) {
        return false;
    }
    block->hashes = hashes;
    block->hashes_capacity = capacity;
    return true;
}

enum kmb_status log_block_init(struct log_block *block, const struct log_identity *identity, struct kmb_error *error) {
    *block = (struct log_block){.identity = *identity};
    if (!block_grow(block, BLOCK_CAPACITY_MIN) || !block_hashes_grow(block)) {
        log_block_free(block);
        return error_set(error, KMB_NO_MEMORY, "no memory for a block of the log");
    }
    return KMB_OK;
}

void log_block_free(struct log_block *block) {
    mem_free(block->bytes);
    mem_free(block->hashes);
    buffer_free(&block->packed);
    *block = (struct log_block){0};
}

void log_block_begin(struct log_block *block, uint64_t op, uint64_t view) {
    ASSERT(op > 0 && block->bytes != NULL);
    if (block->capacity > BLOCK_CAPACITY_KEEP) {
        uint8_t *bytes = mem_alloc_aligned(LOG_BLOCK_ALIGN, BLOCK_CAPACITY_KEEP);
        if (bytes != NULL) {
            mem_free(block->bytes);
            block->bytes = bytes;
            block->capacity = BLOCK_CAPACITY_KEEP;
        }
    }
    block->length = LOG_BLOCK_HEADER_SIZE;
    block->header = (struct log_block_header){
        .op = op, .view = view, .shard = block->identity.shard, .guard = block->identity.guard};
    memcpy(block->header.cluster, block->identity.cluster, sizeof block->header.cluster);
    block->open = true;
    block->finished = false;
}

/* Room for one more entry of this many stored bytes, block padding included. */
static enum kmb_status block_room(struct log_block *block, size_t stored, struct kmb_error *error) {
    uint64_t need = log_align((uint64_t)block->length + LOG_ENTRY_HEADER_SIZE + stored);
    if (need > LOG_BLOCK_BYTES_MAX || block->header.count >= LOG_BLOCK_ENTRIES_MAX) {
        error_set(error, KMB_LIMIT, "the transaction does not fit into one block of the log (%llu bytes, %u entries)",
                  (unsigned long long)LOG_BLOCK_BYTES_MAX, LOG_BLOCK_ENTRIES_MAX);
        error_hint(error, "split it into smaller transactions");
        return KMB_LIMIT;
    }
    if ((need > block->capacity && !block_grow(block, (size_t)need)) ||
        (block->header.count == block->hashes_capacity && !block_hashes_grow(block))) {
        return error_set(error, KMB_NO_MEMORY, "no memory for a block of %llu bytes", (unsigned long long)need);
    }
    return KMB_OK;
}

static enum kmb_status block_append_check(const struct log_block *block, const struct log_entry *entry,
                                          struct slice body, struct kmb_error *error) {
    ASSERT(block->open && !block->finished);
    if (body.length > LOG_ENTRY_PLAIN_MAX) {
        return error_set(error, KMB_LIMIT, "an entry of %zu bytes, at most %zu fit into one part", body.length,
                         LOG_ENTRY_PLAIN_MAX);
    }
    if (entry->kind != LOG_ENTRY_EVENTS || (entry->flags & ~LOG_ENTRY_LAST_PART & ~LOG_ENTRY_SEALED) != 0 ||
        entry->codec > LOG_CODEC_ZSTD || entry->sequence == 0 || entry->position_after < entry->position_before) {
        return error_set(error, KMB_USAGE, "the fields of an entry are out of bounds");
    }
    return KMB_OK;
}

enum kmb_status log_block_append(struct log_block *block, struct log_entry *entry, struct slice body,
                                 struct aead_key *key, const struct environment *environment, struct hash256 *hash,
                                 struct kmb_error *error) {
    enum kmb_status status = block_append_check(block, entry, body, error);
    if (status != KMB_OK) {
        return status;
    }
    struct slice packed = body;
    struct log_entry made = *entry;
    if (log_entry_pack((enum log_codec)entry->codec, body, &block->packed)) {
        packed = buffer_slice(&block->packed);
    } else {
        made.codec = LOG_CODEC_NONE;
    }
    size_t stored_length = packed.length + (key != NULL ? AEAD_NONCE_SIZE + AEAD_TAG_SIZE : 0);
    status = block_room(block, stored_length, error);
    if (status != KMB_OK) {
        return status;
    }
    memcpy(made.uuid, block->identity.uuid, LOG_UUID_SIZE);
    made.body_length = (uint32_t)stored_length;
    uint8_t *header = block->bytes + block->length;
    uint8_t *stored = header + LOG_ENTRY_HEADER_SIZE;
    if (key != NULL) {
        struct aead_nonce nonce;
        if (!environment->random(environment->context, nonce.bytes, sizeof nonce.bytes)) {
            return error_set(error, KMB_IO, "the system gives no randomness for a nonce");
        }
        made.flags |= LOG_ENTRY_SEALED;
        log_entry_encode(&made, header); /* the associated data: everything but the body's hash is final */
        log_entry_seal(header, packed, key, &nonce, stored);
    } else {
        made.flags &= (uint8_t)~LOG_ENTRY_SEALED;
        made.key_id = 0;
        made.key_version = 0;
        if (packed.length > 0) {
            memcpy(stored, packed.bytes, packed.length);
        }
    }
    made.body_hash = hash_sha256(stored, stored_length);
    log_entry_encode(&made, header);
    *hash = log_entry_hash(header);
    block->hashes[block->header.count] = *hash;
    block->header.count++;
    block->length += LOG_ENTRY_HEADER_SIZE + stored_length;
    *entry = made;
    return KMB_OK;
}

struct log_block_mark log_block_mark(const struct log_block *block) {
    return (struct log_block_mark){.length = block->length, .count = block->header.count};
}

void log_block_rewind(struct log_block *block, struct log_block_mark mark) {
    ASSERT(block->open && mark.length <= block->length && mark.count <= block->header.count);
    block->length = mark.length;
    block->header.count = mark.count;
}

void log_block_finish(struct log_block *block, const struct hash256 *previous, uint64_t synced_op, int64_t time_us) {
    ASSERT(block->open && !block->finished);
    struct log_block_header *header = &block->header;
    header->flags = header->count == 0 ? LOG_BLOCK_SEAL : 0;
    header->synced_op = synced_op;
    header->time_us = time_us;
    header->length = block->length - LOG_BLOCK_HEADER_SIZE;
    header->previous = *previous;
    header->entries = hash_sha256(block->hashes, header->count * sizeof *block->hashes);
    log_block_encode(header, block->bytes);
    block->hash = log_block_hash(block->bytes);
    size_t whole = (size_t)log_align(block->length);
    ASSERT(whole <= block->capacity);
    memset(block->bytes + block->length, 0, whole - block->length);
    block->open = false;
    block->finished = true;
}

struct slice log_block_bytes(const struct log_block *block) {
    ASSERT(block->finished);
    return slice_make(block->bytes, (size_t)log_align(block->length));
}
