/*
 * Verification: every byte of the log directory, in order, each accounted for by the part that holds it.
 *
 * Three steps. The files: names, sizes, segment headers, superblock slots. The end: recovery's own judgement, without
 * writing, says which block is the last and whether what follows may be excused. The walk: from op 1 to that
 * block everything must be whole; every block by the same check that recovery uses, every entry also against the
 * chain of its tenant. A body is hashed once and nothing else touches it unless keys were given, so the walk runs at
 * the speed of SHA-256.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"
#include "log/private.h"

#define VERIFY_CHUNK          ((size_t)512 << 10)
#define VERIFY_PROGRESS_BYTES ((uint64_t)8 << 20)
#define VERIFY_LIVE_ATTEMPTS  8u

/* Where a tenant's chain stands. */
struct verify_tenant {
    uint8_t uuid[LOG_UUID_SIZE];
    uint64_t sequence;
    uint64_t position;
    int64_t time_us;
    struct hash256 hash;
    bool open; /* its last entry was not the last part of its transaction */
};

struct verify {
    const struct io *io;
    const char *dir;
    const struct log_verify_options *options;
    struct log_verify_report *report;
    struct log_superblock superblock;
    struct log_segments segments;
    struct log_recovered end;
    struct log_window window;
    struct log_check check;
    size_t at;
    uint64_t segment;
    uint64_t segment_bytes;
    uint64_t offset;
    struct map tenants;
    struct verify_tenant *tenant; /* of the entry before */
    uint32_t tenant_id;
    struct log_reader_entry last; /* the entry before, for naming */
    struct buffer plain;
    struct log_verify_progress progress;
    uint64_t progress_next;
    uint64_t bytes_before; /* of the segments that are done */
    struct kmb_error *error;
};

static enum kmb_status verify_file(struct verify *verify, const char *name, const char *reason) {
    struct log_verify_failure *failure = &verify->check.failure;
    *failure = (struct log_verify_failure){.part = LOG_PART_FILE};
    snprintf(failure->file, sizeof failure->file, "%s", name);
    snprintf(failure->reason, sizeof failure->reason, "%.*s", (int)sizeof failure->reason - 1, reason);
    log_failure_describe(failure, KMB_CORRUPT, verify->error);
    return KMB_CORRUPT;
}

static enum kmb_status verify_segment_file(struct verify *verify, uint64_t op_first, const char *reason) {
    char name[LOG_SEGMENT_NAME_SIZE];
    log_segment_name(name, op_first);
    return verify_file(verify, name, reason);
}

static enum kmb_status verify_entry_fail(struct verify *verify, const struct log_reader_entry *entry,
                                         const char *reason) {
    log_failure_entry(&verify->check.failure, entry, reason);
    log_failure_describe(&verify->check.failure, KMB_CORRUPT, verify->error);
    return KMB_CORRUPT;
}

static enum kmb_status verify_slot(struct verify *verify, unsigned place, const char *reason) {
    struct log_verify_failure *failure = &verify->check.failure;
    *failure = (struct log_verify_failure){
        .part = LOG_PART_SUPERBLOCK, .slot = place, .offset = (uint64_t)place * LOG_SLOT_SIZE};
    snprintf(failure->file, sizeof failure->file, "%s", LOG_SUPERBLOCK_NAME);
    snprintf(failure->reason, sizeof failure->reason, "%.*s", (int)sizeof failure->reason - 1, reason);
    log_failure_describe(failure, KMB_CORRUPT, verify->error);
    return KMB_CORRUPT;
}

static enum kmb_status verify_superblock(struct verify *verify) {
    enum kmb_status status = log_superblock_read(verify->io, verify->dir, &verify->superblock, verify->error);
    verify->report->identity = verify->superblock.identity;
    verify->check.identity = &verify->superblock.identity;
    if (status == KMB_CORRUPT) {
        return verify_slot(verify, 0, verify->error != NULL ? verify->error->message : "no slot is valid");
    }
    if (status != KMB_OK) {
        return status;
    }
    for (unsigned place = 0; place < LOG_SLOTS; place++) {
        if (!verify->superblock.valid[place] || verify->superblock.misplaced[place]) {
            return verify_slot(verify, place, verify->superblock.reason[place]);
        }
    }
    if (verify->superblock.file_size != (uint64_t)LOG_SLOTS * LOG_SLOT_SIZE) {
        return verify_file(verify, LOG_SUPERBLOCK_NAME, "the file has not the size of four slots");
    }
    return KMB_OK;
}

/* Opens the segment at a place of the list and checks header and size. previous NULL: not compared. */
static enum kmb_status verify_segment_open(struct verify *verify, size_t at, const struct hash256 *previous) {
    uint64_t op_first = verify->segments.op_first[at];
    char *path = log_segment_path(verify->dir, op_first);
    if (path == NULL) {
        return error_set(verify->error, KMB_NO_MEMORY, "no memory for verifying the log");
    }
    enum kmb_status status = log_window_open(&verify->window, path, verify->error);
    mem_free(path);
    const uint8_t *bytes = NULL;
    if (status == KMB_OK) {
        status = log_window_get(&verify->window, 0, LOG_SEGMENT_HEADER_SIZE, &bytes, verify->error);
    }
    if (status != KMB_OK) {
        return status;
    }
    verify->at = at;
    verify->segment = op_first;
    verify->offset = LOG_SEGMENT_HEADER_SIZE;
    if (bytes == NULL) {
        return verify_segment_file(verify, op_first, "the file is shorter than a segment header");
    }
    struct log_segment_header header;
    struct kmb_error detail = {0};
    status = log_segment_decode(bytes, &header, &detail);
    if (status == KMB_FORMAT_VERSION) {
        return error_set(verify->error, status, "%s", detail.message);
    }
    const char *reason = status != KMB_OK
                             ? detail.message
                             : log_segment_fault(&header, &verify->superblock.identity, op_first, previous);
    if (reason != NULL) {
        return log_failure_set(&verify->check.failure, LOG_PART_SEGMENT_HEADER, op_first, 0, op_first, reason,
                               verify->error);
    }
    if (verify->window.size != header.bytes) {
        char text[96];
        snprintf(text, sizeof text, "the file has %" PRIu64 " bytes, its header says %" PRIu64, verify->window.size,
                 header.bytes);
        return verify_segment_file(verify, op_first, text);
    }
    verify->segment_bytes = header.bytes;
    return KMB_OK;
}

/* Names, headers and sizes of all files. The last segment of a log that was not closed is left to recovery. */
static enum kmb_status verify_files(struct verify *verify) {
    enum kmb_status status = log_segments_list(verify->io, verify->dir, &verify->segments, verify->error);
    if (status != KMB_OK) {
        return status;
    }
    const struct log_slot *newest = &verify->superblock.slots[verify->superblock.newest];
    if (verify->segments.stranger[0] != 0) {
        return verify_file(verify, verify->segments.stranger, "the file does not belong to the log");
    }
    if (verify->segments.count == 0 || verify->segments.op_first[0] != 1) {
        return verify_segment_file(verify, 1, "the first segment is missing");
    }
    for (size_t at = 0; at < verify->segments.count; at++) {
        uint64_t op_first = verify->segments.op_first[at];
        if (op_first > newest->place.segment && at + 1 == verify->segments.count && !newest->closed) {
            break;
        }
        status = verify_segment_open(verify, at, NULL);
        if (status != KMB_OK) {
            return status;
        }
        verify->progress.bytes_total += verify->segment_bytes;
        if (newest->closed && op_first > newest->place.segment) {
            return verify_segment_file(verify, op_first, "the log was closed before this segment begins");
        }
    }
    return KMB_OK;
}

static enum kmb_status verify_progress(struct verify *verify, bool now) {
    verify->progress.bytes_done = verify->bytes_before + verify->offset;
    if (verify->options->progress == NULL || (!now && verify->progress.bytes_done < verify->progress_next)) {
        return KMB_OK;
    }
    verify->progress_next = verify->progress.bytes_done + VERIFY_PROGRESS_BYTES;
    verify->progress.op = verify->check.op - 1;
    if (!verify->options->progress(verify->options->context, &verify->progress)) {
        return error_set(verify->error, KMB_CANCELLED, "the verification was stopped");
    }
    return KMB_OK;
}

static enum kmb_status verify_tenant_find(struct verify *verify, uint32_t id) {
    if (verify->tenant != NULL && verify->tenant_id == id) {
        return KMB_OK;
    }
    verify->tenant_id = id;
    verify->tenant = map_get(&verify->tenants, slice_make(&id, sizeof id));
    if (verify->tenant != NULL) {
        return KMB_OK;
    }
    struct verify_tenant *tenant = mem_alloc_zero(1, sizeof *tenant);
    if (tenant == NULL || !map_put(&verify->tenants, slice_make(&id, sizeof id), tenant)) {
        mem_free(tenant);
        return error_set(verify->error, KMB_NO_MEMORY, "no memory for verifying the log");
    }
    verify->tenant = tenant;
    verify->report->tenants++;
    return KMB_OK;
}

/* What does not continue the tenant's chain; NULL: it does. */
static const char *verify_chain(const struct verify_tenant *tenant, const struct log_entry *entry) {
    if (tenant->sequence == 0) {
        struct hash256 genesis = log_tenant_genesis(entry->uuid, entry->tenant);
        if (entry->sequence != 1) {
            return "the tenant's first entry has not sequence 1";
        }
        if (!hash256_equal(&entry->previous, &genesis)) {
            return "the tenant's first entry does not begin its chain";
        }
        return entry->position_before == 0 ? NULL : "the tenant's first entry does not begin at position 0";
    }
    if (entry->sequence != tenant->sequence + 1) {
        return "the tenant's sequence does not go on here";
    }
    if (!hash256_equal(&entry->previous, &tenant->hash)) {
        return "the previous entry hash does not match the tenant's entry before";
    }
    if (entry->position_before != tenant->position) {
        return "the tenant's positions do not go on here";
    }
    if (memcmp(entry->uuid, tenant->uuid, LOG_UUID_SIZE) != 0) {
        return "the entry is of another log";
    }
    if (tenant->open ? entry->commit_time_us != tenant->time_us : entry->commit_time_us <= tenant->time_us) {
        return "the commit time does not follow that of the entry before";
    }
    return NULL;
}

static enum kmb_status verify_open(struct verify *verify, const struct log_reader_entry *read, struct slice *plain) {
    struct aead_key *key = NULL;
    bool sealed = (read->entry.flags & LOG_ENTRY_SEALED) != 0;
    *plain = slice_make(NULL, 0);
    if (sealed) {
        enum kmb_status status = KMB_NO_KEY;
        if (verify->options->keys != NULL && !verify->check.stream_bodies) {
            status = verify->options->keys->key(verify->options->keys->context, read->entry.tenant, read->entry.key_id,
                                                read->entry.key_version, &key, verify->error);
        }
        if (status == KMB_NO_KEY) {
            verify->report->entries_without_key++;
            return KMB_OK;
        }
        if (status != KMB_OK) {
            return status;
        }
    }
    if (verify->check.stream_bodies) {
        return KMB_OK; /* stored in clear, and nobody asked for it */
    }
    struct kmb_error detail = {0};
    buffer_clear(&verify->plain);
    enum kmb_status status = log_entry_open(read->header, read->stored, key, &verify->plain, &detail);
    if (status == KMB_CORRUPT) {
        return verify_entry_fail(verify, read, detail.message);
    }
    if (status != KMB_OK) {
        return error_set(verify->error, status, "%s", detail.message);
    }
    verify->report->entries_opened++;
    *plain = buffer_slice(&verify->plain);
    return KMB_OK;
}

static enum kmb_status verify_entry(void *context, const struct log_reader_entry *read, struct kmb_error *error) {
    struct verify *verify = context;
    const struct log_entry *entry = &read->entry;
    (void)error;
    if (verify->tenant != NULL && verify->tenant->open &&
        (verify->tenant_id != entry->tenant || read->place.index == 0)) {
        return verify_entry_fail(verify, &verify->last, "the transaction goes on in no later part");
    }
    enum kmb_status status = verify_tenant_find(verify, entry->tenant);
    if (status != KMB_OK) {
        return status;
    }
    struct verify_tenant *tenant = verify->tenant;
    const char *reason = verify_chain(tenant, entry);
    if (reason != NULL) {
        return verify_entry_fail(verify, read, reason);
    }
    memcpy(tenant->uuid, entry->uuid, LOG_UUID_SIZE);
    tenant->sequence = entry->sequence;
    tenant->position = entry->position_after;
    tenant->time_us = entry->commit_time_us;
    tenant->hash = read->hash;
    tenant->open = (entry->flags & LOG_ENTRY_LAST_PART) == 0;
    verify->last = *read;
    verify->report->entries++;
    struct slice plain;
    status = verify_open(verify, read, &plain);
    if (status == KMB_OK && verify->options->entry != NULL) {
        status = verify->options->entry(verify->options->context, read, plain, verify->error);
    }
    return status;
}

/* Everything from here to the end of the segment is zero. */
static enum kmb_status verify_zeros(struct verify *verify) {
    uint64_t tail = verify->offset;
    while (verify->offset < verify->segment_bytes) {
        uint64_t left = verify->segment_bytes - verify->offset;
        size_t count = 0;
        const uint8_t *bytes = NULL;
        enum kmb_status status =
            log_window_some(&verify->window, verify->offset, (size_t)left, &bytes, &count, verify->error);
        if (status != KMB_OK) {
            return status;
        }
        if (bytes == NULL || !log_bytes_zero(bytes, count)) {
            return log_failure_set(&verify->check.failure, LOG_PART_TAIL, verify->segment, tail, 0,
                                   bytes == NULL ? "the file ends inside it" : "it is not all zero", verify->error);
        }
        verify->offset += count;
        status = verify_progress(verify, false);
        if (status != KMB_OK) {
            return status;
        }
    }
    return KMB_OK;
}

/* The block expected is not where the walk stands, and no segment begins with it. */
static enum kmb_status verify_absent(struct verify *verify) {
    uint64_t offset = verify->offset;
    enum kmb_status status = verify_zeros(verify);
    if (status == KMB_OK) {
        return verify_segment_file(verify, verify->check.op, "the segment is missing");
    }
    if (status != KMB_CORRUPT) {
        return status;
    }
    return log_failure_set(&verify->check.failure, LOG_PART_BLOCK_HEADER, verify->segment, offset, verify->check.op,
                           "zeros stand where the block should", verify->error);
}

static enum kmb_status verify_roll(struct verify *verify) {
    struct log_block_header header;
    struct hash256 hash;
    struct log_check quiet = verify->check;
    quiet.entry = NULL;
    enum kmb_status status = log_check_block(&quiet, &verify->window, verify->segment, verify->segment_bytes,
                                             verify->offset, &header, &hash, NULL);
    verify->check.stream = quiet.stream;
    verify->check.body = quiet.body;
    if (status == KMB_OK) {
        return verify_segment_file(verify, verify->check.op,
                                   "the op stands whole in the segment before: a surplus file");
    }
    status = verify_zeros(verify);
    if (status != KMB_OK) {
        return status;
    }
    verify->bytes_before += verify->segment_bytes;
    verify->report->segments++;
    return verify_segment_open(verify, verify->at + 1, &verify->check.previous);
}

/* From op 1 to the last block, all must be whole. */
static enum kmb_status verify_walk(struct verify *verify) {
    struct hash256 genesis = log_block_genesis(&verify->superblock.identity);
    verify->check.op = 1;
    verify->check.previous = genesis;
    enum kmb_status status = verify_segment_open(verify, 0, &genesis);
    while (status == KMB_OK && verify->check.op <= verify->end.head.op) {
        struct log_block_header header;
        struct hash256 hash;
        bool next =
            verify->at + 1 < verify->segments.count && verify->segments.op_first[verify->at + 1] == verify->check.op;
        if (next) {
            status = verify_roll(verify);
            continue;
        }
        status = log_check_block(&verify->check, &verify->window, verify->segment, verify->segment_bytes,
                                 verify->offset, &header, &hash, verify->error);
        if (status == KMB_DONE) {
            status = verify_absent(verify);
        }
        if (status != KMB_OK) {
            break;
        }
        if (verify->tenant != NULL && verify->tenant->open) {
            status = verify_entry_fail(verify, &verify->last, "the transaction goes on in no later part");
            break;
        }
        verify->report->last =
            (struct log_place){.op = header.op, .hash = hash, .segment = verify->segment, .offset = verify->offset};
        verify->report->blocks++;
        verify->offset += log_block_size(header.length);
        verify->check.op++;
        verify->check.previous = hash;
        status = verify_progress(verify, false);
    }
    return status;
}

/* Beside a writer: did it take back "closed" since the walk began? */
static bool verify_reopened(struct verify *verify) {
    struct log_superblock now;
    uint64_t generation = verify->superblock.slots[verify->superblock.newest].generation;
    return verify->options->live && log_superblock_read(verify->io, verify->dir, &now, NULL) == KMB_OK &&
           now.slots[now.newest].generation != generation;
}

/* What follows the last block. In a closed log that is zeros and no more files; else it may be the torn tail. */
static enum kmb_status verify_end(struct verify *verify, const struct log_recovery *recovery) {
    if (recovery->closed) {
        enum kmb_status status = verify_zeros(verify);
        if (status == KMB_OK && verify->at + 1 < verify->segments.count) {
            status = verify_segment_file(verify, verify->segments.op_first[verify->at + 1],
                                         "the log was closed before this segment begins");
        }
        if (status == KMB_CORRUPT && verify_reopened(verify)) {
            status = KMB_OK;
        }
        if (status != KMB_OK) {
            return status;
        }
    }
    verify->report->closed = recovery->closed;
    verify->report->tail_torn = recovery->tail_cut && !verify->options->live;
    verify->report->segments++;
    verify->report->bytes = verify->bytes_before + verify->offset;
    for (unsigned place = 0; place < LOG_SLOTS; place++) {
        if (verify->superblock.slots[place].place.op > verify->report->last.op) {
            return verify_slot(verify, place, "it names an op after the end of the log");
        }
    }
    return verify_progress(verify, true);
}

static enum kmb_status verify_prepare(struct verify *verify, struct log_recovery *recovery) {
    const struct log_options options = {.read_only = true, .live = verify->options->live};
    enum kmb_status status = verify_superblock(verify);
    if (status == KMB_OK) {
        status = verify_files(verify);
    }
    if (status == KMB_OK) {
        status = log_recover_run(verify->io, verify->dir, &verify->superblock, &verify->segments, &options, recovery,
                                 &verify->end, &verify->check.failure, verify->error);
    }
    return status;
}

enum kmb_status log_verify(const struct io *io, const char *dir, const struct log_verify_options *options,
                           struct log_verify_report *report, struct kmb_error *error) {
    struct kmb_error own = {0};
    struct verify verify = {.io = io, .dir = dir, .options = options, .report = report, .error = &own};
    struct log_recovery recovery = {0};
    *report = (struct log_verify_report){0};
    verify.check.entry = verify_entry;
    verify.check.context = &verify;
    verify.check.stream_bodies = options->hash_only || (options->keys == NULL && options->entry == NULL);
    log_window_init(&verify.window, io, VERIFY_CHUNK);
    enum kmb_status status = KMB_INTERNAL;
    unsigned attempts = options->live ? VERIFY_LIVE_ATTEMPTS : 1;
    for (unsigned attempt = 0; attempt < attempts; attempt++) {
        log_segments_free(&verify.segments);
        verify.progress = (struct log_verify_progress){0};
        status = verify_prepare(&verify, &recovery);
        if (status != KMB_CORRUPT && status != KMB_ROLLED_BACK && status != KMB_FILE_NOT_FOUND) {
            break;
        }
    }
    verify.check.failure = status == KMB_OK ? (struct log_verify_failure){0} : verify.check.failure;
    if (status == KMB_OK) {
        status = verify_walk(&verify);
    }
    if (status == KMB_OK) {
        status = verify_end(&verify, &recovery);
    }
    if (status == KMB_CORRUPT || status == KMB_ROLLED_BACK) {
        report->failure = verify.check.failure;
    }
    if (status != KMB_OK && error != NULL) {
        *error = own;
    }
    const struct map_entry *tenant = NULL;
    for (size_t at = 0; (tenant = map_next(&verify.tenants, &at)) != NULL;) {
        mem_free(tenant->value);
    }
    map_free(&verify.tenants);
    log_window_free(&verify.window);
    log_check_free(&verify.check);
    log_segments_free(&verify.segments);
    buffer_free(&verify.plain);
    return status;
}
