/*
 * Reading block by block and entry by entry.
 *
 * A reader walks forward through a window on one segment at a time. To begin in the middle it needs the place of an op:
 * block headers say their own length, so a hop from header to header finds it, one small read each; what a
 * hop has passed is kept for the segment, so that random access in one region of the log hops once.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "log/private.h"

#define READER_CHUNK ((size_t)256 << 10)

struct log_reader {
    const struct io *io;
    char *dir;
    struct log_identity identity;
    struct log_keys keys;
    bool has_keys;
    bool trust_hashes;
    uint64_t op_last;
    struct log_segments segments;
    size_t at; /* segment in the list; SIZE_MAX: none open */
    uint64_t segment;
    uint64_t segment_bytes;
    struct log_window window;
    struct log_check check; /* op and previous of the next block */
    bool previous_known;    /* false after a jump: the next block's own word is taken */
    uint64_t offset;        /* of the next block */
    uint64_t *places;       /* offsets of the blocks of this segment that were passed, from its first op */
    size_t place_count;
    size_t place_capacity;
    struct log_block_header header; /* of the block being read */
    uint64_t block;                 /* its offset */
    uint32_t index;                 /* of the next entry */
    uint64_t entry_offset;
    struct log_reader_entry current;
    bool has_current;
    struct buffer plain;
};

static enum kmb_status reader_fail(struct log_reader *reader, enum log_part part, uint64_t offset, const char *reason,
                                   struct kmb_error *error) {
    return log_failure_set(&reader->check.failure, part, reader->segment, offset, reader->check.op, reason, error);
}

static enum kmb_status reader_segment(struct log_reader *reader, size_t at, struct kmb_error *error) {
    uint64_t op_first = reader->segments.op_first[at];
    char *path = log_segment_path(reader->dir, op_first);
    if (path == NULL) {
        return error_set(error, KMB_NO_MEMORY, "no memory for reading the log");
    }
    reader->at = SIZE_MAX;
    enum kmb_status status = log_window_open(&reader->window, path, error);
    mem_free(path);
    const uint8_t *bytes = NULL;
    if (status == KMB_OK) {
        status = log_window_get(&reader->window, 0, LOG_SEGMENT_HEADER_SIZE, &bytes, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    reader->segment = op_first;
    reader->check.op = op_first;
    struct log_segment_header header;
    struct kmb_error detail = {0};
    const char *reason = "the file is shorter than a segment header";
    if (bytes != NULL) {
        status = log_segment_decode(bytes, &header, &detail);
        reason = status != KMB_OK ? detail.message : log_segment_fault(&header, &reader->identity, op_first, NULL);
    }
    if (reason != NULL) {
        return reader_fail(reader, LOG_PART_SEGMENT_HEADER, 0, reason, error);
    }
    if (reader->previous_known && !hash256_equal(&reader->check.previous, &header.previous)) {
        return reader_fail(reader, LOG_PART_SEGMENT_HEADER, 0,
                           "the previous block hash does not match the segment before", error);
    }
    reader->check.previous = header.previous;
    reader->previous_known = true;
    reader->at = at;
    reader->segment_bytes = header.bytes;
    reader->offset = LOG_SEGMENT_HEADER_SIZE;
    reader->place_count = 0;
    return KMB_OK;
}

static enum kmb_status reader_relist(struct log_reader *reader, struct kmb_error *error) {
    log_segments_free(&reader->segments);
    return log_segments_list(reader->io, reader->dir, &reader->segments, error);
}

static enum kmb_status reader_note_place(struct log_reader *reader, struct kmb_error *error) {
    uint64_t index = reader->check.op - reader->segment;
    if (index != reader->place_count) {
        return KMB_OK;
    }
    if (reader->place_count == reader->place_capacity) {
        size_t capacity = reader->place_capacity == 0 ? 256 : reader->place_capacity * 2;
        uint64_t *grown = mem_realloc(reader->places, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_set(error, KMB_NO_MEMORY, "no memory for reading the log");
        }
        reader->places = grown;
        reader->place_capacity = capacity;
    }
    reader->places[reader->place_count++] = reader->offset;
    return KMB_OK;
}

/* The header at reader->offset, decoded and checked. KMB_DONE: the segment ends here. */
static enum kmb_status reader_header(struct log_reader *reader, struct log_block_header *header, struct hash256 *hash,
                                     struct kmb_error *error) {
    const uint8_t *bytes = NULL;
    if (reader->offset + LOG_BLOCK_ALIGN > reader->segment_bytes) {
        return KMB_DONE;
    }
    enum kmb_status status = log_window_get(&reader->window, reader->offset, LOG_BLOCK_HEADER_SIZE, &bytes, error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes == NULL) {
        return reader_fail(reader, LOG_PART_BLOCK_HEADER, reader->offset, "the file ends before it", error);
    }
    if (log_bytes_zero(bytes, LOG_BLOCK_HEADER_SIZE)) {
        return KMB_DONE;
    }
    struct kmb_error detail = {0};
    status = log_block_decode(bytes, header, &detail);
    if (status == KMB_FORMAT_VERSION) {
        return error_set(error, status, "%s", detail.message);
    }
    const char *reason = status != KMB_OK
                             ? detail.message
                             : log_check_header(&reader->check, header, reader->segment_bytes - reader->offset);
    if (reason != NULL) {
        return reader_fail(reader, LOG_PART_BLOCK_HEADER, reader->offset, reason, error);
    }
    *hash = log_block_hash(bytes);
    return reader_note_place(reader, error);
}

/* As reader_header, going on to the next segment where this one has no more. */
static enum kmb_status reader_header_anywhere(struct log_reader *reader, struct log_block_header *header,
                                              struct hash256 *hash, struct kmb_error *error) {
    enum kmb_status status = reader_header(reader, header, hash, error);
    if (status == KMB_CORRUPT || status == KMB_DONE) {
        log_window_drop(&reader->window); /* what was read ahead may be older than the block */
        status = reader_header(reader, header, hash, error);
    }
    if (status != KMB_DONE) {
        return status;
    }
    uint64_t op = reader->check.op;
    if (reader->at + 1 >= reader->segments.count) {
        uint64_t segment = reader->segment;
        status = reader_relist(reader, error);
        if (status != KMB_OK) {
            return status;
        }
        reader->at = log_segments_find(&reader->segments, segment);
    }
    if (reader->at == SIZE_MAX || reader->at + 1 >= reader->segments.count ||
        reader->segments.op_first[reader->at + 1] != op) {
        return reader_fail(reader, LOG_PART_BLOCK_HEADER, reader->offset, "zeros stand where the block should", error);
    }
    status = reader_segment(reader, reader->at + 1, error);
    if (status == KMB_OK) {
        status = reader_header(reader, header, hash, error);
    }
    return status == KMB_DONE
               ? reader_fail(reader, LOG_PART_BLOCK_HEADER, reader->offset, "zeros stand where the block should", error)
               : status;
}

static void reader_enter(struct log_reader *reader, const struct log_block_header *header, const struct hash256 *hash) {
    reader->header = *header;
    reader->block = reader->offset;
    reader->index = 0;
    reader->entry_offset = reader->offset + LOG_BLOCK_HEADER_SIZE;
    reader->has_current = false;
    reader->offset += log_block_size(header->length);
    reader->check.op++;
    reader->check.previous = *hash;
    reader->previous_known = true;
}

/* After a jump the next block's own word on the block before it is taken: its hash is checked by the one after it. */
static enum kmb_status reader_take_previous(struct log_reader *reader, struct kmb_error *error) {
    const uint8_t *bytes = NULL;
    struct log_block_header header;
    enum kmb_status status = log_window_get(&reader->window, reader->offset, LOG_BLOCK_HEADER_SIZE, &bytes, error);
    if (status == KMB_OK && bytes != NULL && log_block_decode(bytes, &header, NULL) == KMB_OK) {
        reader->check.previous = header.previous;
    }
    reader->previous_known = true;
    return status;
}

/* Stands before op, so that the next header is its. */
static enum kmb_status reader_goto(struct log_reader *reader, uint64_t op, struct kmb_error *error) {
    size_t at = log_segments_find(&reader->segments, op);
    bool last = at == SIZE_MAX || at + 1 == reader->segments.count;
    if (last) {
        enum kmb_status status = reader_relist(reader, error);
        if (status != KMB_OK) {
            return status;
        }
        at = log_segments_find(&reader->segments, op);
        reader->at = reader->at == SIZE_MAX ? SIZE_MAX : log_segments_find(&reader->segments, reader->segment);
    }
    if (at == SIZE_MAX) {
        return error_set(error, KMB_CORRUPT, "%s: no segment holds op %" PRIu64, reader->dir, op);
    }
    if (reader->at != at) {
        reader->previous_known = false;
        enum kmb_status status = reader_segment(reader, at, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    uint64_t index = op - reader->segment;
    if (index < reader->place_count) {
        reader->offset = reader->places[index];
        reader->check.op = op;
        reader->previous_known = false;
    } else if (reader->place_count > 0 && reader->check.op > op) {
        reader->offset = reader->places[reader->place_count - 1];
        reader->check.op = reader->segment + reader->place_count - 1;
        reader->previous_known = false;
    }
    size_t chunk = reader->window.chunk;
    reader->window.chunk = LOG_BLOCK_ALIGN; /* hops touch headers only */
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && reader->check.op < op) {
        struct log_block_header header;
        struct hash256 hash;
        if (!reader->previous_known) {
            status = reader_take_previous(reader, error);
        }
        if (status == KMB_OK) {
            status = reader_header_anywhere(reader, &header, &hash, error);
        }
        if (status == KMB_OK) {
            reader_enter(reader, &header, &hash);
        }
    }
    reader->window.chunk = chunk;
    if (status == KMB_OK && !reader->previous_known) {
        status = reader_take_previous(reader, error);
    }
    return status;
}

enum kmb_status log_reader_open(const struct io *io, const char *dir, const struct log_identity *identity,
                                const struct log_reader_options *options, struct log_reader **out,
                                struct kmb_error *error) {
    *out = NULL;
    struct log_reader *reader = mem_alloc_zero(1, sizeof *reader);
    char *copy = mem_strdup(dir);
    if (reader == NULL || copy == NULL) {
        mem_free(reader);
        mem_free(copy);
        return error_set(error, KMB_NO_MEMORY, "no memory for reading the log");
    }
    reader->io = io;
    reader->dir = copy;
    reader->identity = *identity;
    reader->check.identity = &reader->identity;
    reader->check.skip_bodies = options->trust_hashes;
    reader->has_keys = options->keys != NULL;
    if (reader->has_keys) {
        reader->keys = *options->keys;
    }
    reader->op_last = options->op_last;
    reader->at = SIZE_MAX;
    log_window_init(&reader->window, io, READER_CHUNK);
    uint64_t op_first = options->op_first == 0 ? 1 : options->op_first;
    reader->check.op = op_first;
    enum kmb_status status = log_check_prepare(&reader->check, error);
    if (status == KMB_OK && op_first <= options->op_last) {
        status = reader_goto(reader, op_first, error);
    }
    if (status != KMB_OK) {
        log_reader_close(reader);
        return status;
    }
    *out = reader;
    return KMB_OK;
}

void log_reader_close(struct log_reader *reader) {
    if (reader == NULL) {
        return;
    }
    log_window_free(&reader->window);
    log_check_free(&reader->check);
    log_segments_free(&reader->segments);
    buffer_free(&reader->plain);
    mem_free(reader->places);
    mem_free(reader->dir);
    mem_free(reader);
}

enum kmb_status log_reader_block(struct log_reader *reader, struct log_block_header *header, struct log_place *place,
                                 struct kmb_error *error) {
    reader->has_current = false;
    if (reader->check.op > reader->op_last) {
        return KMB_DONE;
    }
    struct hash256 hash;
    enum kmb_status status = reader_header_anywhere(reader, &reader->header, &hash, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct log_block_header found = reader->header;
    reader_enter(reader, &found, &hash);
    hash_sha256_stream_final(reader->check.stream); /* of a block that was left half-way */
    *header = found;
    *place = (struct log_place){.op = found.op, .hash = hash, .segment = reader->segment, .offset = reader->block};
    return KMB_OK;
}

enum kmb_status log_reader_entry(struct log_reader *reader, struct log_reader_entry *entry, struct kmb_error *error) {
    reader->has_current = false;
    struct log_check_walk walk = {
        .check = &reader->check,
        .window = &reader->window,
        .segment = reader->segment,
        .block = reader->block,
        .offset = reader->entry_offset,
        .end = reader->block + LOG_BLOCK_HEADER_SIZE + reader->header.length,
        .header = &reader->header,
        .error = error,
    };
    if (reader->index >= reader->header.count) {
        return KMB_DONE;
    }
    enum kmb_status status = log_check_entry(&walk, reader->index, entry);
    if (status == KMB_OK && reader->index + 1 == reader->header.count) {
        status = log_check_entries_end(&walk);
    }
    if (status != KMB_OK) {
        return status;
    }
    reader->index++;
    reader->entry_offset = walk.offset;
    reader->current = *entry;
    reader->has_current = true;
    return KMB_OK;
}

enum kmb_status log_reader_plain(struct log_reader *reader, struct slice *plain, struct kmb_error *error) {
    ASSERT(reader->has_current);
    const struct log_entry *entry = &reader->current.entry;
    struct aead_key *key = NULL;
    *plain = slice_make(NULL, 0);
    if ((entry->flags & LOG_ENTRY_SEALED) == 0 && entry->codec == LOG_CODEC_NONE) {
        *plain = reader->current.stored;
        return KMB_OK;
    }
    if ((entry->flags & LOG_ENTRY_SEALED) != 0) {
        if (!reader->has_keys) {
            return error_set(error, KMB_NO_KEY, "the body is sealed and no key was given");
        }
        enum kmb_status status =
            reader->keys.key(reader->keys.context, entry->tenant, entry->key_id, entry->key_version, &key, error);
        if (status != KMB_OK) {
            return status;
        }
    }
    buffer_clear(&reader->plain);
    struct kmb_error detail = {0};
    enum kmb_status status =
        log_entry_open(reader->current.header, reader->current.stored, key, &reader->plain, &detail);
    if (status == KMB_CORRUPT) {
        struct log_verify_failure *failure = &reader->check.failure;
        log_failure_entry(failure, &reader->current, detail.message);
        log_failure_describe(failure, status, error);
        return status;
    }
    if (status != KMB_OK) {
        return error_set(error, status, "%s", detail.message);
    }
    *plain = buffer_slice(&reader->plain);
    return KMB_OK;
}

enum kmb_status log_reader_seek(struct log_reader *reader, uint64_t op, uint32_t index, struct log_reader_entry *entry,
                                struct kmb_error *error) {
    struct log_block_header header;
    struct log_place place;
    if (op == 0 || op > reader->op_last) {
        return error_set(error, KMB_USAGE, "op %" PRIu64 " is not in the log, which is read up to op %" PRIu64, op,
                         reader->op_last);
    }
    enum kmb_status status = reader_goto(reader, op, error);
    if (status == KMB_OK) {
        status = log_reader_block(reader, &header, &place, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (index >= header.count) {
        return error_set(error, KMB_USAGE, "the block with op %" PRIu64 " has %u entries, none with index %u", op,
                         header.count, index);
    }
    bool skip = reader->check.skip_bodies;
    reader->check.skip_bodies = true; /* of the entries on the way only the headers count */
    for (uint32_t before = 0; before < index && status == KMB_OK; before++) {
        status = log_reader_entry(reader, entry, error);
    }
    reader->check.skip_bodies = skip;
    return status == KMB_OK ? log_reader_entry(reader, entry, error) : status;
}
