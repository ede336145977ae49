/*
 * Keys and records of the META tree.
 *
 * One tree holds all that a tenant has beside its rows: catalogue, counters, streams' places, the entry index. The
 * first byte of a key says what a record is; the numbers behind it are big-endian, so that neighbours in meaning are
 * neighbours in the tree: the entry index grows at one end, a stream's runs stand in order.
 *
 * The Merkle tree needs no keys of its own: the complete subtrees that a leaf completes are kept in the record of that
 * leaf's entry. Subtree (level, index) is then in the record of entry (index + 1) << level: one read, and appending
 * touches the newest page alone.
 *
 * Values are little-endian as all our formats. The projection's format is not frozen: a rebuild is the migration.
 */
#include "kernel/internal.h"

struct meta_key meta_key_make(enum meta_kind kind) {
    struct meta_key key = {.length = 1};
    key.bytes[0] = (uint8_t)kind;
    return key;
}

void meta_key_u8(struct meta_key *key, uint8_t value) {
    ASSERT(key->length < META_KEY_MAX);
    key->bytes[key->length++] = value;
}

void meta_key_u32(struct meta_key *key, uint32_t value) {
    ASSERT(key->length + 4 <= META_KEY_MAX);
    codec_put_u32_big(key->bytes + key->length, value);
    key->length = (uint8_t)(key->length + 4);
}

void meta_key_u64(struct meta_key *key, uint64_t value) {
    ASSERT(key->length + 8 <= META_KEY_MAX);
    codec_put_u64_big(key->bytes + key->length, value);
    key->length = (uint8_t)(key->length + 8);
}

void meta_run_encode(const struct stream_run *run, uint8_t bytes[STREAM_RUN_SIZE]) {
    codec_put_u32(bytes, run->count);
    codec_put_u64(bytes + 4, run->sequence);
    codec_put_u64(bytes + 12, run->position);
    codec_put_u32(bytes + 20, run->frame_offset);
    codec_put_u32(bytes + 24, run->reserved);
}

bool meta_run_decode(struct slice value, struct stream_run *run) {
    if (value.length != STREAM_RUN_SIZE) {
        return false;
    }
    run->count = codec_get_u32(value.bytes);
    run->sequence = codec_get_u64(value.bytes + 4);
    run->position = codec_get_u64(value.bytes + 12);
    run->frame_offset = codec_get_u32(value.bytes + 20);
    run->reserved = codec_get_u32(value.bytes + 24);
    return run->count > 0;
}

void meta_entry_encode(const struct kernel_entry *entry, const struct hash256 *nodes, unsigned node_count,
                       struct buffer *out) {
    buffer_clear(out);
    buffer_u64(out, entry->position_before);
    buffer_u64(out, entry->position_after);
    buffer_i64(out, entry->time_us);
    buffer_u64(out, entry->op);
    buffer_u8(out, entry->last_part ? 1 : 0);
    buffer_append(out, entry->hash.bytes, HASH256_SIZE);
    buffer_u8(out, (uint8_t)node_count);
    for (unsigned i = 0; i < node_count; i++) {
        buffer_append(out, nodes[i].bytes, HASH256_SIZE);
    }
}

bool meta_entry_decode(struct slice value, uint64_t sequence, struct kernel_entry *entry, const uint8_t **nodes,
                       unsigned *node_count) {
    struct reader reader = reader_make(value);
    entry->sequence = sequence;
    entry->position_before = reader_u64(&reader);
    entry->position_after = reader_u64(&reader);
    entry->time_us = reader_i64(&reader);
    entry->op = reader_u64(&reader);
    entry->last_part = reader_u8(&reader) == 1;
    reader_copy(&reader, entry->hash.bytes, HASH256_SIZE);
    unsigned count = reader_u8(&reader);
    struct slice rest = reader_take(&reader, (size_t)count * HASH256_SIZE);
    if (!reader_done(&reader) || count > MERKLE_LEVELS || entry->position_after < entry->position_before) {
        return false;
    }
    if (nodes != NULL) {
        *nodes = rest.bytes;
        *node_count = count;
    }
    return true;
}

enum kmb_status meta_damaged(struct kmb_error *error, const char *what) {
    error_set(error, KMB_PROJECTION_DAMAGED, "projection is damaged: %s", what);
    error_hint(error, "rebuild the projection from the log: kimberlite rebuild");
    return KMB_PROJECTION_DAMAGED;
}
