/*
 * The superblock: four slots written in turn, each in 4096 bytes of its own.
 *
 * A slot is small, so it carries a whole SHA-256 of itself: a slot torn in the middle never reads as valid. The write
 * of one slot can damage that slot only, and it is always the one with the oldest content; three others stay. A slot
 * that reads well but stands at another slot's place (a write that went astray) still tells the truth about what was
 * synced, so it counts for that, and is written anew.
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "log/private.h"

#define SLOT_MAGIC   0x53424d4bu /* "KMBS" */
#define SLOT_ROOT_AT 144
#define SLOT_USED    (SLOT_ROOT_AT + LOG_ROOT_SIZE_MAX)
#define SLOT_HASH_AT 4064
#define SLOT_CLOSED  1u

void log_slot_encode(const struct log_superblock *superblock, unsigned place, uint8_t bytes[LOG_SLOT_SIZE]) {
    ASSERT(place < LOG_SLOTS && superblock->slots[place].root_length <= LOG_ROOT_SIZE_MAX);
    const struct log_slot *slot = &superblock->slots[place];
    memset(bytes, 0, LOG_SLOT_SIZE);
    codec_put_u32(bytes, SLOT_MAGIC);
    codec_put_u16(bytes + 4, LOG_SUPERBLOCK_VERSION);
    codec_put_u16(bytes + 6, (uint16_t)place);
    memcpy(bytes + 8, superblock->identity.uuid, LOG_UUID_SIZE);
    memcpy(bytes + 24, superblock->identity.cluster, 16);
    codec_put_u32(bytes + 40, superblock->identity.shard);
    codec_put_u32(bytes + 44, slot->closed ? SLOT_CLOSED : 0);
    codec_put_u64(bytes + 48, superblock->identity.guard);
    codec_put_u64(bytes + 56, superblock->segment_bytes);
    codec_put_u64(bytes + 64, slot->generation);
    codec_put_u64(bytes + 72, slot->place.op);
    memcpy(bytes + 80, slot->place.hash.bytes, HASH256_SIZE);
    codec_put_u64(bytes + 112, slot->place.segment);
    codec_put_u64(bytes + 120, slot->place.offset);
    codec_put_u64(bytes + 128, (uint64_t)slot->time_us);
    codec_put_u32(bytes + 136, slot->root_length);
    memcpy(bytes + SLOT_ROOT_AT, slot->root, slot->root_length);
    struct hash256 hash = hash_sha256(bytes, SLOT_HASH_AT);
    memcpy(bytes + SLOT_HASH_AT, hash.bytes, HASH256_SIZE);
}

/* NULL: the slot is valid and decoded; else what is wrong. */
static const char *slot_decode(const uint8_t *bytes, struct log_identity *identity, uint64_t *segment_bytes,
                               uint16_t *version, uint16_t *place, struct log_slot *slot) {
    if (codec_get_u32(bytes) != SLOT_MAGIC) {
        return "no slot of a superblock";
    }
    struct hash256 hash = hash_sha256(bytes, SLOT_HASH_AT);
    if (memcmp(hash.bytes, bytes + SLOT_HASH_AT, HASH256_SIZE) != 0) {
        return "its SHA-256 does not match";
    }
    *version = codec_get_u16(bytes + 4);
    if (*version != LOG_SUPERBLOCK_VERSION) {
        return "a version that this program does not know";
    }
    *place = codec_get_u16(bytes + 6);
    memcpy(identity->uuid, bytes + 8, LOG_UUID_SIZE);
    memcpy(identity->cluster, bytes + 24, 16);
    identity->shard = codec_get_u32(bytes + 40);
    identity->guard = codec_get_u64(bytes + 48);
    *segment_bytes = codec_get_u64(bytes + 56);
    uint32_t flags = codec_get_u32(bytes + 44);
    *slot = (struct log_slot){
        .generation = codec_get_u64(bytes + 64),
        .place.op = codec_get_u64(bytes + 72),
        .place.segment = codec_get_u64(bytes + 112),
        .place.offset = codec_get_u64(bytes + 120),
        .time_us = (int64_t)codec_get_u64(bytes + 128),
        .closed = (flags & SLOT_CLOSED) != 0,
        .root_length = codec_get_u32(bytes + 136),
    };
    memcpy(slot->place.hash.bytes, bytes + 80, HASH256_SIZE);
    if ((flags & ~SLOT_CLOSED) != 0 || *place >= LOG_SLOTS || slot->generation == 0 || slot->place.segment == 0 ||
        slot->place.offset % LOG_BLOCK_ALIGN != 0 || slot->place.offset < LOG_SEGMENT_HEADER_SIZE ||
        slot->root_length > LOG_ROOT_SIZE_MAX || *segment_bytes < LOG_SEGMENT_BYTES_MIN ||
        *segment_bytes % LOG_BLOCK_ALIGN != 0 || *segment_bytes > LOG_SEGMENT_BYTES_MAX ||
        codec_get_u32(bytes + 140) != 0 ||
        !log_bytes_zero(bytes + SLOT_ROOT_AT + slot->root_length, SLOT_HASH_AT - SLOT_ROOT_AT - slot->root_length)) {
        return "its fields are out of bounds";
    }
    memcpy(slot->root, bytes + SLOT_ROOT_AT, slot->root_length);
    return NULL;
}

static bool identity_equal(const struct log_identity *a, const struct log_identity *b) {
    return memcmp(a->uuid, b->uuid, LOG_UUID_SIZE) == 0 && memcmp(a->cluster, b->cluster, 16) == 0 &&
           a->shard == b->shard && a->guard == b->guard;
}

/* Takes all slots that decode; they must tell of one log. */
static enum kmb_status superblock_take(struct log_superblock *superblock, const uint8_t *bytes,
                                       struct kmb_error *error) {
    unsigned valid = 0;
    uint16_t strange_version = 0;
    for (unsigned place = 0; place < LOG_SLOTS; place++) {
        struct log_identity identity;
        uint64_t segment_bytes = 0;
        uint16_t version = LOG_SUPERBLOCK_VERSION;
        uint16_t stated = 0;
        const char *reason = slot_decode(bytes + place * LOG_SLOT_SIZE, &identity, &segment_bytes, &version, &stated,
                                         &superblock->slots[place]);
        if (reason != NULL) {
            snprintf(superblock->reason[place], sizeof superblock->reason[place], "%s", reason);
            if (version != LOG_SUPERBLOCK_VERSION) {
                strange_version = version;
            }
            continue;
        }
        if (valid > 0 &&
            (!identity_equal(&identity, &superblock->identity) || segment_bytes != superblock->segment_bytes)) {
            return error_set(error, KMB_CORRUPT, "superblock: slots of different logs");
        }
        superblock->identity = identity;
        superblock->segment_bytes = segment_bytes;
        superblock->valid[place] = true;
        superblock->misplaced[place] = stated != place;
        if (superblock->misplaced[place]) {
            snprintf(superblock->reason[place], sizeof superblock->reason[place], "it was written for slot %u", stated);
        }
        if (valid == 0 || superblock->slots[place].generation > superblock->slots[superblock->newest].generation) {
            superblock->newest = place;
        }
        valid++;
    }
    if (strange_version != 0) {
        return error_set(error, KMB_FORMAT_VERSION,
                         "superblock format version %u, this program knows version %u: a newer program wrote it",
                         strange_version, LOG_SUPERBLOCK_VERSION);
    }
    if (valid == 0) {
        return error_set(error, KMB_CORRUPT, "superblock: none of its %u slots is valid (%s)", LOG_SLOTS,
                         superblock->reason[0]);
    }
    return KMB_OK;
}

enum kmb_status log_superblock_read(const struct io *io, const char *dir, struct log_superblock *superblock,
                                    struct kmb_error *error) {
    *superblock = (struct log_superblock){0};
    struct io_file *file = NULL;
    uint8_t *bytes = mem_alloc_zero(LOG_SLOTS, LOG_SLOT_SIZE);
    char *path = log_path(dir, LOG_SUPERBLOCK_NAME);
    size_t count = 0;
    enum kmb_status status = KMB_OK;
    if (bytes == NULL || path == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "no memory for the superblock");
        goto cleanup;
    }
    status = io_open(io, path, IO_READ, &file, error);
    if (status == KMB_FILE_NOT_FOUND) {
        status = error_set(error, KMB_NOT_A_DATABASE, "%s has no superblock: not a log, or not a whole one", dir);
        goto cleanup;
    }
    if (status == KMB_OK) {
        status = io_size(io, file, &superblock->file_size, error);
    }
    if (status == KMB_OK) {
        status = io_read(io, file, 0, bytes, (size_t)LOG_SLOTS * LOG_SLOT_SIZE, &count, error);
    }
    if (status == KMB_OK) {
        status = superblock_take(superblock, bytes, error);
    }
cleanup:
    io_close(io, file);
    mem_free(path);
    mem_free(bytes);
    return status;
}

unsigned log_superblock_advance(struct log_superblock *superblock, const struct log_slot *content) {
    uint64_t generation = superblock->valid[superblock->newest] ? superblock->slots[superblock->newest].generation : 0;
    unsigned place = (unsigned)((generation + 1) % LOG_SLOTS);
    for (unsigned other = 0; other < LOG_SLOTS; other++) { /* a damaged slot has nothing to lose: it goes first */
        if (!superblock->valid[other] || superblock->misplaced[other]) {
            place = other;
            break;
        }
    }
    superblock->slots[place] = *content;
    superblock->slots[place].generation = generation + 1;
    superblock->valid[place] = true;
    superblock->misplaced[place] = false;
    superblock->newest = place;
    return place;
}
