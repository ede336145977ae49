/*
 * Is there a whole block, the one expected, and if not, what exactly is wrong with it?
 *
 * Recovery, readers and verification ask the same question, so the answer is computed in one place and always names the
 * part that holds the damaged byte. That naming is exact because every layer is checked before the layer that
 * depends on it: the block header's CRC before its fields, each entry header's CRC before its body's length is
 * believed, each body against its own header before the hash over all of them.
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/codec.h"
#include "log/private.h"

enum kmb_status log_check_prepare(struct log_check *check, struct kmb_error *error) {
    if (check->stream == NULL) {
        check->stream = hash_sha256_stream_new();
    }
    if (check->body == NULL) {
        check->body = hash_sha256_stream_new();
    }
    return check->stream != NULL && check->body != NULL
               ? KMB_OK
               : error_set(error, KMB_NO_MEMORY, "no memory for checking the log");
}

void log_check_free(struct log_check *check) {
    hash_sha256_stream_free(check->stream);
    hash_sha256_stream_free(check->body);
    check->stream = NULL;
    check->body = NULL;
}

const char *log_part_name(enum log_part part) {
    static const char *const names[] = {
        [LOG_PART_NONE] = "nothing",
        [LOG_PART_FILE] = "file",
        [LOG_PART_SUPERBLOCK] = "superblock slot",
        [LOG_PART_SEGMENT_HEADER] = "segment header",
        [LOG_PART_BLOCK_HEADER] = "block header",
        [LOG_PART_ENTRY] = "entry",
        [LOG_PART_PADDING] = "padding",
        [LOG_PART_TAIL] = "segment tail",
        [LOG_PART_LOG] = "log",
    };
    return (size_t)part < ARRAY_LENGTH(names) ? names[part] : "unknown";
}

void log_failure_describe(const struct log_verify_failure *failure, enum kmb_status status, struct kmb_error *error) {
    unsigned long long offset = failure->offset;
    unsigned long long op = failure->op;
    const char *part = log_part_name(failure->part);
    switch (failure->part) {
    case LOG_PART_ENTRY:
        if (failure->entry_known) {
            error_set(
                error, status,
                "%s: entry %u of the block with op %llu, at byte %llu (tenant %u, sequence %llu, position %llu): %s",
                failure->file, failure->index, op, offset, failure->tenant, (unsigned long long)failure->sequence,
                (unsigned long long)failure->position, failure->reason);
        } else {
            error_set(error, status, "%s: entry %u of the block with op %llu, at byte %llu: %s", failure->file,
                      failure->index, op, offset, failure->reason);
        }
        break;
    case LOG_PART_BLOCK_HEADER:
    case LOG_PART_PADDING:
        error_set(error, status, "%s: %s of the block with op %llu, at byte %llu: %s", failure->file, part, op, offset,
                  failure->reason);
        break;
    case LOG_PART_SUPERBLOCK:
        error_set(error, status, "superblock: slot %u, at byte %llu: %s", failure->slot, offset, failure->reason);
        break;
    case LOG_PART_SEGMENT_HEADER:
    case LOG_PART_TAIL:
        error_set(error, status, "%s: %s, at byte %llu: %s", failure->file, part, offset, failure->reason);
        break;
    case LOG_PART_LOG:
        error_set(error, status, "%s", failure->reason);
        break;
    default:
        error_set(error, status, "%s: %s", failure->file, failure->reason);
    }
}

enum kmb_status log_failure_set(struct log_verify_failure *failure, enum log_part part, uint64_t segment,
                                uint64_t offset, uint64_t op, const char *reason, struct kmb_error *error) {
    *failure = (struct log_verify_failure){.part = part, .offset = offset, .op = op};
    char name[LOG_SEGMENT_NAME_SIZE];
    log_segment_name(name, segment);
    snprintf(failure->file, sizeof failure->file, "%s", name);
    snprintf(failure->reason, sizeof failure->reason, "%.*s", (int)sizeof failure->reason - 1, reason);
    log_failure_describe(failure, KMB_CORRUPT, error);
    return KMB_CORRUPT;
}

static void failure_entry(struct log_verify_failure *failure, const struct log_entry *entry) {
    failure->entry_known = true;
    failure->tenant = entry->tenant;
    failure->sequence = entry->sequence;
    failure->position = entry->position_before;
}

void log_failure_entry(struct log_verify_failure *failure, const struct log_reader_entry *read, const char *reason) {
    log_failure_set(failure, LOG_PART_ENTRY, read->place.segment, read->place.offset, read->place.op, reason, NULL);
    failure->index = read->place.index;
    failure_entry(failure, &read->entry);
}

bool log_entry_guess(const uint8_t bytes[LOG_ENTRY_HEADER_SIZE], struct log_entry *entry) {
    uint8_t turned[LOG_ENTRY_HEADER_SIZE];
    memcpy(turned, bytes, sizeof turned);
    if (log_entry_decode(turned, entry, NULL) == KMB_OK) {
        return true;
    }
    for (size_t bit = 0; bit < sizeof turned * 8; bit++) {
        turned[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (log_entry_crc_good(turned)) {
            return log_entry_decode(turned, entry, NULL) == KMB_OK;
        }
        turned[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    return false;
}

const char *log_check_header(const struct log_check *check, const struct log_block_header *header, uint64_t room) {
    const struct log_identity *identity = check->identity;
    if (header->guard != identity->guard || header->shard != identity->shard ||
        memcmp(header->cluster, identity->cluster, sizeof header->cluster) != 0) {
        return "the block is of another log";
    }
    if (header->op != check->op) {
        return "another op stands here";
    }
    if (!hash256_equal(&header->previous, &check->previous)) {
        return "the previous block hash does not match the block before";
    }
    if (log_block_size(header->length) > room) {
        return "the block is longer than its segment";
    }
    return NULL;
}

static enum kmb_status check_entry_failure(struct log_check_walk *walk, uint32_t index, const struct log_entry *known,
                                           const char *reason) {
    struct log_verify_failure *failure = &walk->check->failure;
    enum kmb_status status =
        log_failure_set(failure, LOG_PART_ENTRY, walk->segment, walk->offset, walk->header->op, reason, NULL);
    failure->index = index;
    if (known != NULL) {
        failure_entry(failure, known);
    }
    log_failure_describe(failure, status, walk->error);
    return status;
}

static enum kmb_status check_block_failure(struct log_check_walk *walk, enum log_part part, uint64_t offset,
                                           const char *reason) {
    return log_failure_set(&walk->check->failure, part, walk->segment, offset, walk->header->op, reason, walk->error);
}

/* Takes header and body into the window as one, for a caller that wants the stored bytes. */
static enum kmb_status check_body(struct log_check_walk *walk, uint32_t index, struct log_reader_entry *read,
                                  size_t whole) {
    const uint8_t *bytes = NULL;
    enum kmb_status status = log_window_get(walk->window, walk->offset, whole, &bytes, walk->error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes == NULL) {
        return check_entry_failure(walk, index, &read->entry, "the file ends inside the entry");
    }
    read->header = bytes;
    read->stored = slice_make(bytes + LOG_ENTRY_HEADER_SIZE, read->entry.body_length);
    if (!walk->check->skip_bodies && !log_entry_body_matches(&read->entry, read->stored)) {
        return check_entry_failure(walk, index, &read->entry, "the body does not match its SHA-256");
    }
    return KMB_OK;
}

/* Hashes the body in pieces that are still in the processor's cache from being read. */
static enum kmb_status check_body_streamed(struct log_check_walk *walk, uint32_t index, const struct log_entry *entry) {
    uint64_t offset = walk->offset + LOG_ENTRY_HEADER_SIZE;
    uint64_t end = offset + entry->body_length;
    while (offset < end && !walk->check->skip_bodies) {
        const uint8_t *bytes = NULL;
        size_t count = 0;
        enum kmb_status status =
            log_window_some(walk->window, offset, (size_t)(end - offset), &bytes, &count, walk->error);
        if (status == KMB_OK && bytes == NULL) {
            status = check_entry_failure(walk, index, entry, "the file ends inside the entry");
        }
        if (status != KMB_OK) {
            hash_sha256_stream_final(walk->check->body);
            return status;
        }
        hash_sha256_stream_update(walk->check->body, bytes, count);
        offset += count;
    }
    struct hash256 hash = hash_sha256_stream_final(walk->check->body);
    if (!walk->check->skip_bodies && !hash256_equal(&hash, &entry->body_hash)) {
        return check_entry_failure(walk, index, entry, "the body does not match its SHA-256");
    }
    return KMB_OK;
}

enum kmb_status log_check_entry(struct log_check_walk *walk, uint32_t index, struct log_reader_entry *read) {
    const uint8_t *bytes = NULL;
    if (walk->offset + LOG_ENTRY_HEADER_SIZE > walk->end) {
        return check_block_failure(walk, LOG_PART_BLOCK_HEADER, walk->block, "the block is shorter than its entries");
    }
    enum kmb_status status = log_window_get(walk->window, walk->offset, LOG_ENTRY_HEADER_SIZE, &bytes, walk->error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes == NULL) {
        return check_entry_failure(walk, index, NULL, "the file ends inside the entry");
    }
    struct log_entry entry;
    struct kmb_error detail = {0};
    status = log_entry_decode(bytes, &entry, &detail);
    if (status != KMB_OK) {
        bool known = log_entry_guess(bytes, &entry);
        check_entry_failure(walk, index, known ? &entry : NULL, detail.message);
        return status == KMB_FORMAT_VERSION ? error_set(walk->error, status, "%s", detail.message) : KMB_CORRUPT;
    }
    size_t whole = LOG_ENTRY_HEADER_SIZE + (size_t)entry.body_length;
    if (walk->offset + whole > walk->end) {
        return check_block_failure(walk, LOG_PART_BLOCK_HEADER, walk->block, "the block is shorter than its entries");
    }
    *read = (struct log_reader_entry){
        .entry = entry,
        .place = {.op = walk->header->op, .index = index, .segment = walk->segment, .offset = walk->offset},
        .hash = log_entry_hash(bytes),
    };
    status =
        walk->check->stream_bodies ? check_body_streamed(walk, index, &entry) : check_body(walk, index, read, whole);
    if (status != KMB_OK) {
        return status;
    }
    hash_sha256_stream_update(walk->check->stream, read->hash.bytes, HASH256_SIZE);
    walk->offset += whole;
    return KMB_OK;
}

static enum kmb_status check_padding(struct log_check_walk *walk) {
    uint64_t whole = walk->block + log_block_size(walk->header->length);
    size_t count = (size_t)(whole - walk->end);
    const uint8_t *bytes = NULL;
    if (count == 0) {
        return KMB_OK;
    }
    enum kmb_status status = log_window_get(walk->window, walk->end, count, &bytes, walk->error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes == NULL || !log_bytes_zero(bytes, count)) {
        return check_block_failure(walk, LOG_PART_PADDING, walk->end,
                                   bytes == NULL ? "the file ends inside it" : "it is not all zero");
    }
    return KMB_OK;
}

static enum kmb_status check_entries(struct log_check_walk *walk) {
    for (uint32_t index = 0; index < walk->header->count; index++) {
        struct log_reader_entry read;
        enum kmb_status status = log_check_entry(walk, index, &read);
        if (status == KMB_OK && walk->check->entry != NULL) {
            status = walk->check->entry(walk->check->context, &read, walk->error);
        }
        if (status != KMB_OK) {
            hash_sha256_stream_final(walk->check->stream);
            return status;
        }
    }
    enum kmb_status status = log_check_entries_end(walk);
    return status == KMB_OK ? check_padding(walk) : status;
}

enum kmb_status log_check_entries_end(struct log_check_walk *walk) {
    struct hash256 hash = hash_sha256_stream_final(walk->check->stream);
    if (walk->offset != walk->end) {
        return check_block_failure(walk, LOG_PART_BLOCK_HEADER, walk->block, "the block is longer than its entries");
    }
    if (!hash256_equal(&hash, &walk->header->entries)) {
        return check_block_failure(walk, LOG_PART_BLOCK_HEADER, walk->block,
                                   "the hash of the entries does not match: an entry was exchanged");
    }
    return KMB_OK;
}

enum kmb_status log_check_block(struct log_check *check, struct log_window *window, uint64_t segment,
                                uint64_t segment_bytes, uint64_t offset, struct log_block_header *header,
                                struct hash256 *hash, struct kmb_error *error) {
    const uint8_t *bytes = NULL;
    if (offset + LOG_BLOCK_ALIGN > segment_bytes || offset >= window->size) {
        return KMB_DONE;
    }
    enum kmb_status status = log_check_prepare(check, error);
    if (status != KMB_OK) {
        return status;
    }
    status = log_window_get(window, offset, LOG_BLOCK_HEADER_SIZE, &bytes, error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes == NULL) {
        return log_failure_set(&check->failure, LOG_PART_BLOCK_HEADER, segment, offset, check->op,
                               "the file ends inside it", error);
    }
    if (log_bytes_zero(bytes, LOG_BLOCK_HEADER_SIZE)) {
        return KMB_DONE;
    }
    struct kmb_error detail = {0};
    status = log_block_decode(bytes, header, &detail);
    if (status == KMB_FORMAT_VERSION) {
        return error_set(error, status, "%s", detail.message);
    }
    const char *reason = status != KMB_OK ? detail.message : log_check_header(check, header, segment_bytes - offset);
    if (reason != NULL) {
        return log_failure_set(&check->failure, LOG_PART_BLOCK_HEADER, segment, offset, check->op, reason, error);
    }
    *hash = log_block_hash(bytes);
    struct log_check_walk walk = {
        .check = check,
        .window = window,
        .segment = segment,
        .block = offset,
        .offset = offset + LOG_BLOCK_HEADER_SIZE,
        .end = offset + LOG_BLOCK_HEADER_SIZE + header->length,
        .header = header,
        .error = error,
    };
    return check_entries(&walk);
}
