/*
 * Segments: the header codec, file names, and the list of a directory.
 *
 * The name of a segment says its first op, so the list alone tells where an op stands, without an index file that could
 * disagree with what it indexes. The header repeats the name, the identity of the log and the link of the chain, so a
 * file that was copied, renamed or taken from another log gives itself away.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"
#include "log/private.h"

#define SEGMENT_MAGIC  0x47424d4bu /* "KMBG" */
#define SEGMENT_CRC_AT 4092
#define SEGMENT_USED   104

bool log_bytes_zero(const uint8_t *bytes, size_t count) {
    if (count == 0) {
        return true;
    }
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

void log_segment_encode(const struct log_segment_header *header, uint8_t bytes[LOG_SEGMENT_HEADER_SIZE]) {
    ASSERT(header->op_first > 0 && header->bytes % LOG_BLOCK_ALIGN == 0);
    memset(bytes, 0, LOG_SEGMENT_HEADER_SIZE);
    codec_put_u32(bytes, SEGMENT_MAGIC);
    codec_put_u16(bytes + 4, LOG_SEGMENT_VERSION);
    memcpy(bytes + 8, header->identity.uuid, LOG_UUID_SIZE);
    memcpy(bytes + 24, header->identity.cluster, 16);
    codec_put_u32(bytes + 40, header->identity.shard);
    codec_put_u64(bytes + 48, header->op_first);
    codec_put_u64(bytes + 56, header->bytes);
    codec_put_u64(bytes + 64, header->identity.guard);
    memcpy(bytes + 72, header->previous.bytes, HASH256_SIZE);
    codec_put_u32(bytes + SEGMENT_CRC_AT, codec_crc32c(0, bytes, SEGMENT_CRC_AT));
}

enum kmb_status log_segment_decode(const uint8_t bytes[LOG_SEGMENT_HEADER_SIZE], struct log_segment_header *header,
                                   struct kmb_error *error) {
    if (codec_get_u32(bytes) != SEGMENT_MAGIC) {
        return error_set(error, KMB_FORMAT, "no segment header here");
    }
    if (codec_crc32c(0, bytes, SEGMENT_CRC_AT) != codec_get_u32(bytes + SEGMENT_CRC_AT)) {
        return error_set(error, KMB_CORRUPT, "the CRC of the segment header does not match");
    }
    uint16_t version = codec_get_u16(bytes + 4);
    if (version != LOG_SEGMENT_VERSION) {
        return error_set(error, KMB_FORMAT_VERSION, "segment format version %u, this program knows version %u", version,
                         LOG_SEGMENT_VERSION);
    }
    *header = (struct log_segment_header){
        .op_first = codec_get_u64(bytes + 48),
        .bytes = codec_get_u64(bytes + 56),
    };
    memcpy(header->identity.uuid, bytes + 8, LOG_UUID_SIZE);
    memcpy(header->identity.cluster, bytes + 24, 16);
    header->identity.shard = codec_get_u32(bytes + 40);
    header->identity.guard = codec_get_u64(bytes + 64);
    memcpy(header->previous.bytes, bytes + 72, HASH256_SIZE);
    bool clean = codec_get_u16(bytes + 6) == 0 && codec_get_u32(bytes + 44) == 0 &&
                 log_bytes_zero(bytes + SEGMENT_USED, SEGMENT_CRC_AT - SEGMENT_USED);
    if (!clean || header->op_first == 0 || header->bytes % LOG_BLOCK_ALIGN != 0 ||
        header->bytes < 2 * LOG_BLOCK_ALIGN || header->bytes > LOG_SEGMENT_BYTES_MAX) {
        return error_set(error, KMB_CORRUPT, "fields of the segment header are out of bounds");
    }
    return KMB_OK;
}

const char *log_segment_fault(const struct log_segment_header *header, const struct log_identity *identity,
                              uint64_t op_first, const struct hash256 *previous) {
    if (memcmp(header->identity.uuid, identity->uuid, LOG_UUID_SIZE) != 0 ||
        memcmp(header->identity.cluster, identity->cluster, 16) != 0 || header->identity.shard != identity->shard ||
        header->identity.guard != identity->guard) {
        return "the segment is of another log";
    }
    if (header->op_first != op_first) {
        return "the segment begins with another op than its name says";
    }
    if (previous != NULL && !hash256_equal(&header->previous, previous)) {
        return "the previous block hash does not match the segment before";
    }
    return NULL;
}

void log_segment_name(char name[LOG_SEGMENT_NAME_SIZE], uint64_t op_first) {
    snprintf(name, LOG_SEGMENT_NAME_SIZE, "%016llx.seg", (unsigned long long)op_first);
}

char *log_path(const char *dir, const char *name) {
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", dir, name);
    }
    return path;
}

char *log_segment_path(const char *dir, uint64_t op_first) {
    char name[LOG_SEGMENT_NAME_SIZE];
    log_segment_name(name, op_first);
    return log_path(dir, name);
}

/* 16 lower-case hexadecimal digits and ".seg"; the op is not zero. */
static bool segment_name_parse(const char *name, uint64_t *op_first) {
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t at = 0; at < 16; at++) {
        char digit = name[at];
        if (digit >= '0' && digit <= '9') {
            value = value * 16 + (uint64_t)(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            value = value * 16 + (uint64_t)(digit - 'a') + 10;
        } else {
            return false;
        }
    }
    *op_first = value;
    return value != 0;
}

static enum kmb_status segments_add(void *context, const char *name, bool directory) {
    struct log_segments *segments = context;
    uint64_t op_first = 0;
    if (directory || !segment_name_parse(name, &op_first)) {
        if (!directory && strcmp(name, LOG_SPARE_NAME) == 0) {
            segments->spare = true;
        } else if (!directory && strcmp(name, LOG_SUPERBLOCK_NAME) == 0) {
            segments->superblock = true;
        } else if (segments->stranger[0] == 0) {
            snprintf(segments->stranger, sizeof segments->stranger, "%.31s", name);
        }
        return KMB_OK;
    }
    if (segments->count == segments->capacity) {
        size_t capacity = segments->capacity == 0 ? 16 : segments->capacity * 2;
        uint64_t *grown = mem_realloc(segments->op_first, capacity * sizeof *grown);
        if (grown == NULL) {
            return KMB_NO_MEMORY;
        }
        segments->op_first = grown;
        segments->capacity = capacity;
    }
    segments->op_first[segments->count++] = op_first;
    return KMB_OK;
}

static int segments_order(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

enum kmb_status log_segments_list(const struct io *io, const char *dir, struct log_segments *segments,
                                  struct kmb_error *error) {
    *segments = (struct log_segments){0};
    enum kmb_status status = io_list(io, dir, segments_add, segments, error);
    if (status != KMB_OK) {
        log_segments_free(segments);
        return status == KMB_NO_MEMORY ? error_set(error, status, "no memory for the list of segments") : status;
    }
    if (segments->count > 1) {
        qsort(segments->op_first, segments->count, sizeof *segments->op_first, segments_order);
    }
    return KMB_OK;
}

void log_segments_free(struct log_segments *segments) {
    mem_free(segments->op_first);
    segments->op_first = NULL;
    segments->count = segments->capacity = 0;
}

size_t log_segments_find(const struct log_segments *segments, uint64_t op) {
    size_t low = 0;
    size_t high = segments->count;
    while (low < high) { /* first segment that begins after op */
        size_t middle = low + (high - low) / 2;
        if (segments->op_first[middle] <= op) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? SIZE_MAX : low - 1;
}
