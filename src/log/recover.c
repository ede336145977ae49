/*
 * Where does the log end, and is anything lost?
 *
 * The walk begins at the block that the newest superblock slot names and goes block by block, each checked whole. At
 * the first one that is not, the question is whether it can have been acknowledged. Every block header says which op
 * had been synced when it was made, so D, the largest such statement found anywhere, separates the two cases exactly:
 * an expected op of at most D was durable once, so its absence is damage and nothing may be cut; a later one was
 * written by the one group commit that was in flight, and the log ends before it.
 *
 * Faults that would fool this rule are met before it decides: a bad block is read again (a flipped bit on the way
 * from the disk), and the rest of the log is searched for the very block expected standing whole at another
 * place (a write that went astray). Nothing here writes.
 */
#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "log/private.h"

#define RECOVER_CHUNK ((size_t)512 << 10)
#define RECOVER_READS 3u /* times that a bad block is read before it is believed to be bad */

struct recover {
    const struct io *io;
    const char *dir;
    const struct log_superblock *superblock;
    const struct log_segments *segments;
    const struct log_options *options;
    struct log_recovery *recovery;
    struct log_recovered *out;
    struct log_check check;
    struct log_window window; /* on the segment walked */
    size_t at;                /* its place in the list */
    uint64_t segment;
    uint64_t segment_bytes;
    uint64_t offset;
    uint64_t synced; /* D as far as known */
    /* what the search after a bad block found */
    uint64_t stray_segment; /* 0: none */
    uint64_t stray_offset;
    uint64_t nonzero_bytes; /* from the bad place to the last byte that is not zero; later segments count whole */
    struct kmb_error *error;
};

static enum kmb_status recover_open_file(struct recover *recover, struct log_window *window, uint64_t op_first) {
    char *path = log_segment_path(recover->dir, op_first);
    if (path == NULL) {
        return error_set(recover->error, KMB_NO_MEMORY, "no memory for opening the log");
    }
    enum kmb_status status = log_window_open(window, path, recover->error);
    mem_free(path);
    return status;
}

/*
 * Opens the segment at place `at` of the list, and checks its header against what is expected. KMB_OK; KMB_CORRUPT with
 * check.failure set: the header is not the one expected (the file stays open, segment_bytes is its aligned size).
 */
static enum kmb_status recover_open_segment(struct recover *recover, size_t at, const struct hash256 *previous) {
    uint64_t op_first = recover->segments->op_first[at];
    enum kmb_status status = recover_open_file(recover, &recover->window, op_first);
    if (status != KMB_OK) {
        return status;
    }
    recover->at = at;
    recover->segment = op_first;
    recover->offset = LOG_SEGMENT_HEADER_SIZE;
    const char *reason = "the file is shorter than a segment header";
    struct kmb_error detail = {0};
    struct log_segment_header header = {0};
    for (unsigned reading = 0; reading < RECOVER_READS && reason != NULL; reading++) {
        const uint8_t *bytes = NULL;
        log_window_drop(&recover->window);
        status = log_window_get(&recover->window, 0, LOG_SEGMENT_HEADER_SIZE, &bytes, recover->error);
        if (status != KMB_OK) {
            return status;
        }
        if (bytes == NULL) {
            continue;
        }
        status = log_segment_decode(bytes, &header, &detail);
        if (status == KMB_FORMAT_VERSION) {
            return error_set(recover->error, status, "%s", detail.message);
        }
        reason = status != KMB_OK ? detail.message
                                  : log_segment_fault(&header, &recover->superblock->identity, op_first, previous);
    }
    if (reason != NULL) {
        uint64_t size = log_align(recover->window.size);
        recover->segment_bytes = size < recover->superblock->segment_bytes ? recover->superblock->segment_bytes : size;
        return log_failure_set(&recover->check.failure, LOG_PART_SEGMENT_HEADER, op_first, 0, op_first, reason,
                               recover->error);
    }
    recover->segment_bytes = header.bytes;
    return KMB_OK;
}

/* The expected block where the walk stands, read again before it is called bad. */
static enum kmb_status recover_block(struct recover *recover, struct log_block_header *header, struct hash256 *hash) {
    enum kmb_status status = KMB_CORRUPT;
    for (unsigned reading = 0; reading < RECOVER_READS; reading++) {
        status = log_check_block(&recover->check, &recover->window, recover->segment, recover->segment_bytes,
                                 recover->offset, header, hash, recover->error);
        if (status != KMB_CORRUPT && status != KMB_DONE) {
            return status;
        }
        log_window_drop(&recover->window);
    }
    return status;
}

/* Looks at every place of one segment where a block could stand: statements of synced ops, the block that went astray.
 */
static enum kmb_status recover_search_segment(struct recover *recover, struct log_window *window, uint64_t segment,
                                              uint64_t from, bool later) {
    for (uint64_t offset = from; offset < window->size; offset += LOG_BLOCK_ALIGN) {
        const uint8_t *bytes = NULL;
        uint64_t left = window->size - offset;
        size_t count = left < LOG_BLOCK_ALIGN ? (size_t)left : LOG_BLOCK_ALIGN;
        enum kmb_status status = log_window_get(window, offset, count, &bytes, recover->error);
        if (status != KMB_OK) {
            return status;
        }
        if (bytes == NULL || log_bytes_zero(bytes, count)) {
            continue;
        }
        if (!later) {
            size_t last = count;
            while (bytes[last - 1] == 0) {
                last--;
            }
            recover->nonzero_bytes = offset + last - from;
        }
        struct log_block_header header;
        if (count < LOG_BLOCK_HEADER_SIZE || log_block_decode(bytes, &header, NULL) != KMB_OK ||
            header.guard != recover->superblock->identity.guard ||
            header.shard != recover->superblock->identity.shard ||
            memcmp(header.cluster, recover->superblock->identity.cluster, sizeof header.cluster) != 0) {
            continue;
        }
        if (header.synced_op > recover->synced) {
            recover->synced = header.synced_op;
        }
        bool in_place = later && offset == LOG_SEGMENT_HEADER_SIZE && segment == recover->check.op;
        if (header.op == recover->check.op && hash256_equal(&header.previous, &recover->check.previous) &&
            (offset != from || later) && !in_place) {
            struct log_check check = recover->check; /* shares the streams, which are between blocks now */
            struct hash256 hash;
            if (log_check_block(&check, window, segment, window->size, offset, &header, &hash, NULL) == KMB_OK) {
                recover->stray_segment = segment;
                recover->stray_offset = offset;
            }
        }
    }
    return KMB_OK;
}

/* Completes D: the rest of this segment and all later ones. */
static enum kmb_status recover_search(struct recover *recover, uint64_t from, bool zeros) {
    const struct log_slot *newest = &recover->superblock->slots[recover->superblock->newest];
    bool more = recover->at + 1 < recover->segments->count;
    if (zeros && newest->closed && newest->place.op + 1 == recover->check.op && !more) {
        return KMB_OK; /* closed in order: nothing was written after */
    }
    log_window_drop(&recover->window);
    enum kmb_status status = recover_search_segment(recover, &recover->window, recover->segment, from, false);
    for (size_t at = recover->at + 1; at < recover->segments->count && status == KMB_OK; at++) {
        struct log_window window;
        log_window_init(&window, recover->io, RECOVER_CHUNK);
        status = recover_open_file(recover, &window, recover->segments->op_first[at]);
        if (status == KMB_OK) {
            recover->nonzero_bytes += window.size;
            status = recover_search_segment(recover, &window, recover->segments->op_first[at], 0, true);
        }
        log_window_free(&window);
    }
    return status;
}

/* The expected op was durable once and is not there. */
static enum kmb_status recover_damage(struct recover *recover, bool zeros) {
    struct log_verify_failure *failure = &recover->check.failure;
    char reason[sizeof failure->reason];
    if (zeros && recover->nonzero_bytes == 0) {
        snprintf(reason, sizeof reason, "the log ends with op %llu, but op %llu is known to have been durable",
                 (unsigned long long)(recover->check.op - 1), (unsigned long long)recover->synced);
        log_failure_set(failure, LOG_PART_LOG, recover->segment, recover->offset, recover->check.op, reason, NULL);
        log_failure_describe(failure, KMB_ROLLED_BACK, recover->error);
        error_hint(recover->error,
                   "files of the log were replaced by older ones or lost: restore all of them together");
        return KMB_ROLLED_BACK;
    }
    if (zeros) {
        log_failure_set(failure, LOG_PART_BLOCK_HEADER, recover->segment, recover->offset, recover->check.op,
                        "zeros stand where the block should", recover->error);
    } else {
        log_failure_describe(failure, KMB_CORRUPT, recover->error);
    }
    if (recover->error != NULL) {
        error_detail(recover->error, "ops up to %llu are known to have been durable; nothing was changed",
                     (unsigned long long)recover->synced);
        error_hint(recover->error, "restore the file from a backup or a replica");
    }
    return KMB_CORRUPT;
}

static enum kmb_status recover_stray(struct recover *recover) {
    char reason[128];
    snprintf(reason, sizeof reason, "it stands whole at byte %llu of segment %016llx: a write went astray",
             (unsigned long long)recover->stray_offset, (unsigned long long)recover->stray_segment);
    return log_failure_set(&recover->check.failure, LOG_PART_BLOCK_HEADER, recover->segment, recover->offset,
                           recover->check.op, reason, recover->error);
}

/* The log ends where the walk stands. */
static void recover_end(struct recover *recover, bool zeros) {
    struct log_recovery *recovery = recover->recovery;
    recover->out->segment = recover->segment;
    recover->out->segment_size = recover->segment_bytes;
    recover->out->end = recover->offset;
    recover->out->dirty = recover->nonzero_bytes > 0 || recover->window.size < recover->segment_bytes;
    recovery->tail_cut = recover->nonzero_bytes > 0;
    recovery->synced_op = recover->synced;
    if (recovery->tail_cut) {
        recovery->tail_op = recover->check.op;
        recovery->tail_segment = recover->segment;
        recovery->tail_offset = recover->offset;
        recovery->tail_bytes = recover->nonzero_bytes;
        snprintf(recovery->tail_reason, sizeof recovery->tail_reason, "%.*s", (int)sizeof recovery->tail_reason - 1,
                 zeros ? "its beginning was not written" : recover->check.failure.reason);
    }
}

/*
 * The segment after this one, whose name is the expected op, has no valid header. Past D its first block decides:
 * whole, and the header is written again; else it is what will be cut.
 */
static enum kmb_status recover_headless(struct recover *recover, size_t previous_at, uint64_t previous_offset,
                                        uint64_t previous_bytes, bool *stay) {
    struct log_verify_failure failure = recover->check.failure;
    enum kmb_status status = recover_search(recover, LOG_SEGMENT_HEADER_SIZE, false);
    if (status != KMB_OK) {
        return status;
    }
    if (recover->synced >= recover->check.op) {
        recover->check.failure = failure;
        return recover_damage(recover, false);
    }
    struct log_block_header header;
    struct hash256 hash;
    status = recover_block(recover, &header, &hash);
    if (status == KMB_OK) {
        recover->out->header_absent = true;
        recover->out->segment_previous = header.previous;
        recover->recovery->segment_header_restored = true;
        *stay = true;
        return KMB_OK;
    }
    if (status != KMB_CORRUPT && status != KMB_DONE) {
        return status;
    }
    recover->check.failure = failure;
    status = recover_open_file(recover, &recover->window, recover->segments->op_first[previous_at]);
    recover->at = previous_at;
    recover->segment = recover->segments->op_first[previous_at];
    recover->segment_bytes = previous_bytes;
    recover->offset = previous_offset;
    *stay = false;
    return status;
}

/* Goes on from the newest superblock slot: sets check.op and check.previous to what must follow it. */
static enum kmb_status recover_start(struct recover *recover) {
    const struct log_slot *slot = &recover->superblock->slots[recover->superblock->newest];
    struct log_verify_failure *failure = &recover->check.failure;
    size_t at = log_segments_find(recover->segments, slot->place.segment);
    if (at == SIZE_MAX || recover->segments->op_first[at] != slot->place.segment) {
        return log_failure_set(failure, LOG_PART_FILE, slot->place.segment, 0, slot->place.op,
                               "the segment that the superblock names is missing", recover->error);
    }
    struct hash256 genesis = log_block_genesis(&recover->superblock->identity);
    enum kmb_status status = recover_open_segment(recover, at, slot->place.segment == 1 ? &genesis : NULL);
    if (status != KMB_OK) {
        return status;
    }
    recover->out->head = slot->place;
    recover->check.op = slot->place.op + 1;
    recover->check.previous = slot->place.hash;
    if (slot->place.op == 0) {
        recover->out->head_seal = true;
        return KMB_OK;
    }
    const uint8_t *bytes = NULL;
    recover->offset = slot->place.offset;
    recover->check.op = slot->place.op;
    for (unsigned reading = 0; reading < RECOVER_READS; reading++) {
        log_window_drop(&recover->window);
        status = log_window_get(&recover->window, recover->offset, LOG_BLOCK_HEADER_SIZE, &bytes, recover->error);
        if (status != KMB_OK) {
            return status;
        }
        struct hash256 hash = {0};
        struct log_block_header header;
        if (bytes != NULL && log_block_decode(bytes, &header, NULL) == KMB_OK) {
            hash = log_block_hash(bytes);
        }
        if (hash256_equal(&hash, &slot->place.hash)) {
            recover->check.previous = header.previous;
            struct hash256 same;
            status = recover_block(recover, &header, &same);
            recover->offset += log_block_size(header.length);
            recover->out->head_view = header.view;
            recover->out->head_seal = header.count == 0;
            recover->check.op = slot->place.op + 1;
            recover->check.previous = slot->place.hash;
            if (status == KMB_OK && header.synced_op > recover->synced) {
                recover->synced = header.synced_op;
            }
            return status == KMB_DONE ? KMB_CORRUPT : status;
        }
    }
    if (bytes == NULL || log_bytes_zero(bytes, LOG_BLOCK_HEADER_SIZE)) {
        return recover_damage(recover, true);
    }
    return log_failure_set(failure, LOG_PART_BLOCK_HEADER, recover->segment, recover->offset, slot->place.op,
                           "it is not the block that the superblock names", recover->error);
}

/* Takes the whole block where the walk stands into the log. */
static void recover_take(struct recover *recover, const struct log_block_header *header, const struct hash256 *hash) {
    recover->out->head =
        (struct log_place){.op = header->op, .hash = *hash, .segment = recover->segment, .offset = recover->offset};
    recover->out->head_view = header->view;
    recover->out->head_seal = header->count == 0;
    recover->offset += log_block_size(header->length);
    recover->check.op++;
    recover->check.previous = *hash;
    recover->recovery->blocks_checked++;
    if (header->synced_op > recover->synced) {
        recover->synced = header->synced_op;
    }
}

/* Moves to the next segment when its name says that it goes on here. *moved: the walk stands at its first block. */
static enum kmb_status recover_next_segment(struct recover *recover, bool *moved) {
    size_t at = recover->at;
    uint64_t offset = recover->offset;
    uint64_t bytes = recover->segment_bytes;
    *moved = false;
    if (at + 1 >= recover->segments->count || recover->segments->op_first[at + 1] != recover->check.op) {
        return KMB_OK;
    }
    enum kmb_status status = recover_open_segment(recover, at + 1, &recover->check.previous);
    *moved = true;
    if (status == KMB_CORRUPT) {
        status = recover_headless(recover, at, offset, bytes, moved);
    }
    return status;
}

static enum kmb_status recover_walk(struct recover *recover) {
    for (;;) {
        struct log_block_header header;
        struct hash256 hash;
        enum kmb_status status = recover_block(recover, &header, &hash);
        if (status == KMB_OK) {
            recover_take(recover, &header, &hash);
            continue;
        }
        if (status != KMB_DONE && status != KMB_CORRUPT) {
            return status;
        }
        bool zeros = status == KMB_DONE;
        bool moved = false;
        struct log_verify_failure failure = recover->check.failure;
        status = recover_next_segment(recover, &moved);
        if (status != KMB_OK) {
            return status;
        }
        if (moved) {
            continue;
        }
        recover->check.failure = failure;
        recover->nonzero_bytes = 0;
        recover->stray_segment = 0;
        status = recover_search(recover, recover->offset, zeros);
        if (status != KMB_OK) {
            return status;
        }
        recover->check.failure = failure;
        if (recover->synced >= recover->check.op) {
            return recover_damage(recover, zeros);
        }
        if (recover->stray_segment != 0 && !recover->options->live) {
            return recover_stray(recover);
        }
        recover_end(recover, zeros);
        return KMB_OK;
    }
}

enum kmb_status log_recover_run(const struct io *io, const char *dir, const struct log_superblock *superblock,
                                const struct log_segments *segments, const struct log_options *options,
                                struct log_recovery *recovery, struct log_recovered *recovered,
                                struct log_verify_failure *failure, struct kmb_error *error) {
    struct recover recover = {
        .io = io,
        .dir = dir,
        .superblock = superblock,
        .segments = segments,
        .options = options,
        .recovery = recovery,
        .out = recovered,
        .check.identity = &superblock->identity,
        .check.stream_bodies = true,
        .error = error,
    };
    *recovery = (struct log_recovery){0};
    *recovered = (struct log_recovered){0};
    log_window_init(&recover.window, io, RECOVER_CHUNK);
    const struct log_slot *newest = &superblock->slots[superblock->newest];
    for (unsigned place = 0; place < LOG_SLOTS; place++) {
        bool damaged = !superblock->valid[place] || superblock->misplaced[place];
        recovery->slots_damaged += damaged;
        if (superblock->valid[place] && superblock->slots[place].place.op > recover.synced) {
            recover.synced = superblock->slots[place].place.op;
        }
    }
    enum kmb_status status = recover_start(&recover);
    if (status == KMB_OK) {
        status = recover_walk(&recover);
    }
    if (failure != NULL) {
        *failure = recover.check.failure;
    }
    recovery->closed = newest->closed && recovered->head.op == newest->place.op;
    log_window_free(&recover.window);
    log_check_free(&recover.check);
    return status;
}
