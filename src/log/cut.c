/*
 * Finding where a log is to end and making it end there.
 *
 * The superblock of a cut log says that the last block is synced, and names no root of a store: the store that stood
 * beside the original may be newer than the cut, and is made anew from the log.
 */
#include "log/cut.h"

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "log/private.h"

enum kmb_status log_cut_identity(const struct io *io, const char *dir, struct log_identity *identity,
                                 uint64_t *segment_bytes, struct kmb_error *error) {
    struct log_segments segments = {0};
    struct log_segment_header header;
    struct io_file *file = NULL;
    uint8_t *bytes = mem_alloc(LOG_SEGMENT_HEADER_SIZE);
    char *path = NULL;
    enum kmb_status status = log_segments_list(io, dir, &segments, error);
    if (status == KMB_OK && (segments.count == 0 || segments.op_first[0] != 1)) {
        status = error_set(error, KMB_NOT_A_DATABASE, "%s has no first segment: not a log, or not a whole one", dir);
    }
    if (status == KMB_OK) {
        path = log_segment_path(dir, 1);
        status = path == NULL || bytes == NULL ? error_set(error, KMB_NO_MEMORY, "no memory for reading the log")
                                               : io_open(io, path, IO_READ, &file, error);
    }
    if (status == KMB_OK) {
        status = io_read_exact(io, file, 0, bytes, LOG_SEGMENT_HEADER_SIZE, error);
    }
    if (status == KMB_OK) {
        status = log_segment_decode(bytes, &header, error);
    }
    if (status == KMB_OK) {
        *identity = header.identity;
        *segment_bytes = header.bytes;
    }
    io_close(io, file);
    log_segments_free(&segments);
    mem_free(path);
    mem_free(bytes);
    return status;
}

/* Whether a block's entries keep the tenant within its bound; *position: after the block. */
static enum kmb_status entries_within(struct log_reader *reader, const struct log_bounds *bounds, uint64_t *position,
                                      bool *within, struct kmb_error *error) {
    struct log_reader_entry entry;
    enum kmb_status status;
    while ((status = log_reader_entry(reader, &entry, error)) == KMB_OK) {
        if (entry.entry.tenant == bounds->tenant) {
            *position = entry.entry.position_after;
            *within = *within && *position <= bounds->position_max;
        }
    }
    return status == KMB_DONE ? KMB_OK : status;
}

enum kmb_status log_cut_find(const struct io *io, const char *dir, const struct log_identity *identity,
                             uint64_t op_last, const struct log_bounds *bounds, struct log_extent *extent,
                             struct kmb_error *error) {
    struct log_reader *reader = NULL;
    struct log_block_header header;
    struct log_place place;
    struct log_reader_options options = {
        .op_first = bounds == NULL ? op_last : 1, .op_last = op_last, .trust_hashes = true};
    *extent = (struct log_extent){0};
    if (op_last == 0) {
        return KMB_OK;
    }
    enum kmb_status status = log_reader_open(io, dir, identity, &options, &reader, error);
    bool within = true;
    while (status == KMB_OK && within && (status = log_reader_block(reader, &header, &place, error)) == KMB_OK) {
        uint64_t position = extent->position;
        within = bounds == NULL || header.time_us <= bounds->time_us_max;
        if (within && bounds != NULL && bounds->tenant != 0) {
            status = entries_within(reader, bounds, &position, &within, error);
        }
        if (within && status == KMB_OK) {
            *extent = (struct log_extent){.place = place,
                                          .end = place.offset + log_block_size(header.length),
                                          .time_us = header.time_us,
                                          .position = position};
        }
    }
    log_reader_close(reader);
    return status == KMB_DONE ? KMB_OK : status;
}

/* Removes the segments behind the one of the extent, and the spare. */
static enum kmb_status remove_later(const struct io *io, const char *dir, const struct log_extent *extent,
                                    struct kmb_error *error) {
    struct log_segments segments = {0};
    enum kmb_status status = log_segments_list(io, dir, &segments, error);
    for (size_t i = segments.count; status == KMB_OK && i > 0; i--) { /* the last first: no gap at any moment */
        if (segments.op_first[i - 1] > extent->place.segment) {
            char *path = log_segment_path(dir, segments.op_first[i - 1]);
            status = path == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : io_unlink(io, path, error);
            mem_free(path);
        }
    }
    if (status == KMB_OK && segments.spare) {
        char *path = log_path(dir, LOG_SPARE_NAME);
        status = path == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : io_unlink(io, path, error);
        mem_free(path);
    }
    log_segments_free(&segments);
    return status;
}

/* Zeros from the extent's end to the segment's. */
static enum kmb_status cut_segment(const struct io *io, const char *dir, const struct log_extent *extent,
                                   struct kmb_error *error) {
    struct io_file *file = NULL;
    struct log_segment_header header = {0};
    uint8_t *bytes = mem_alloc(LOG_SEGMENT_HEADER_SIZE);
    char *path = log_segment_path(dir, extent->place.segment);
    enum kmb_status status = path == NULL || bytes == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                                           : io_open(io, path, IO_WRITE, &file, error);
    if (status == KMB_OK) {
        status = io_read_exact(io, file, 0, bytes, LOG_SEGMENT_HEADER_SIZE, error);
    }
    if (status == KMB_OK) {
        status = log_segment_decode(bytes, &header, error);
    }
    if (status == KMB_OK) {
        status = io_truncate(io, file, extent->end, error);
    }
    if (status == KMB_OK) {
        status = io_allocate(io, file, header.bytes, error);
    }
    if (status == KMB_OK) {
        status = io_sync(io, file, error);
    }
    io_close(io, file);
    mem_free(path);
    mem_free(bytes);
    return status;
}

static enum kmb_status write_superblock(const struct io *io, const char *dir, const struct log_identity *identity,
                                        uint64_t segment_bytes, const struct log_extent *extent,
                                        struct kmb_error *error) {
    struct log_superblock *superblock = mem_alloc_zero(1, sizeof(*superblock));
    uint8_t *bytes = mem_alloc_zero(LOG_SLOTS, LOG_SLOT_SIZE);
    char *path = log_path(dir, LOG_SUPERBLOCK_NAME);
    enum kmb_status status = KMB_OK;
    if (superblock == NULL || bytes == NULL || path == NULL) {
        status = error_set(error, KMB_NO_MEMORY, "no memory for the superblock");
    } else {
        const struct log_slot slot = {.place = extent->place, .time_us = extent->time_us};
        superblock->identity = *identity;
        superblock->segment_bytes = segment_bytes;
        for (unsigned i = 0; i < LOG_SLOTS; i++) {
            unsigned place = log_superblock_advance(superblock, &slot);
            log_slot_encode(superblock, place, bytes + (size_t)place * LOG_SLOT_SIZE);
        }
        status = io_replace_file(io, path, 0, slice_make(bytes, (size_t)LOG_SLOTS * LOG_SLOT_SIZE), error);
    }
    mem_free(superblock);
    mem_free(bytes);
    mem_free(path);
    return status;
}

enum kmb_status log_cut_at(const struct io *io, const char *dir, const struct log_identity *identity,
                           uint64_t segment_bytes, const struct log_extent *extent, struct kmb_error *error) {
    ASSERT(extent->place.op != 0 && extent->end % LOG_BLOCK_ALIGN == 0);
    enum kmb_status status = remove_later(io, dir, extent, error);
    if (status == KMB_OK) {
        status = cut_segment(io, dir, extent, error);
    }
    if (status == KMB_OK) {
        status = write_superblock(io, dir, identity, segment_bytes, extent, error);
    }
    return status == KMB_OK ? io_sync_directory(io, dir, error) : status;
}
