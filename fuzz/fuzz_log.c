/*
 * libFuzzer target: a log whose bytes were changed.
 *
 * A small closed log is made once, in memory. The input is a list of changes {place u24, mode u8, value u8}: bytes of
 * the segment or the superblock are replaced, and the CRC or hash around them is made right again where the mode says
 * so, so that the checks behind the checksums are reached. Then the log is verified, opened for reading, replayed,
 * opened for writing. Every answer is fine; a crash, a hang or a leak is not.
 */
#include <stdlib.h>

#include "base/codec.h"
#include "base/io_memory.h"
#include "log/verify.h"

#define SEGMENT_BYTES ((size_t)32 << 10)
#define CHANGES_MAX   16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct io_memory *base;

static int64_t fuzz_time(void *context) {
    (void)context;
    return 1;
}

static bool fuzz_random(void *context, void *bytes, size_t count) {
    (void)context;
    memset(bytes, 7, count);
    return true;
}

static const struct environment fuzz_environment = {
    .time_us = fuzz_time, .monotonic_ns = fuzz_time, .random = fuzz_random};

static void must(bool good) {
    if (!good) {
        abort();
    }
}

static void base_make(void) {
    base = io_memory_new(0);
    must(base != NULL);
    struct io io = io_memory_table(base);
    const struct log_params params = {.segment_bytes = SEGMENT_BYTES};
    const struct log_options options = {.environment = &fuzz_environment};
    struct log *log = NULL;
    struct log_block block;
    must(log_create(&io, "/log", &params, slice_text("root"), &fuzz_environment, NULL) == KMB_OK);
    must(log_open(&io, "/log", &options, NULL, &log, NULL) == KMB_OK);
    must(log_block_init(&block, log_identity_of(log), NULL) == KMB_OK);
    struct hash256 previous = log_tenant_genesis(log_identity_of(log)->uuid, 1);
    uint8_t body[600] = {0};
    for (uint64_t sequence = 1; sequence <= 12; sequence += 3) {
        struct log_place head = log_head(log);
        log_block_begin(&block, head.op + 1, 0);
        for (uint64_t part = 0; part < 3; part++) {
            struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                      .flags = LOG_ENTRY_LAST_PART,
                                      .codec = (uint8_t)part,
                                      .tenant = 1,
                                      .sequence = sequence + part,
                                      .commit_time_us = (int64_t)(sequence + part),
                                      .previous = previous};
            must(log_block_append(&block, &entry, slice_make(body, sizeof body), NULL, &fuzz_environment, &previous,
                                  NULL) == KMB_OK);
        }
        log_block_finish(&block, &head.hash, log_synced_op(log), 1);
        must(log_write(log, &block, NULL) == KMB_OK && log_sync(log, NULL) == KMB_OK);
    }
    must(log_close(log, NULL) == KMB_OK);
    log_block_free(&block);
}

static void repair(uint8_t *bytes, size_t length, size_t place, unsigned mode) {
    size_t page = place / 4096 * 4096;
    if (mode == 1 && page + 160 <= length) {
        codec_put_u32(bytes + page + 156, codec_crc32c(0, bytes + page, 156));
    } else if (mode == 2) { /* the entry header that begins at the nearest magic before */
        for (size_t at = place + 1; at-- > 0;) {
            if (at + 160 <= length && memcmp(bytes + at, "KMBE", 4) == 0) {
                uint32_t crc = codec_crc32c(codec_crc32c(0, bytes + at, 92), bytes + at + 96, 64);
                codec_put_u32(bytes + at + 92, crc);
                break;
            }
        }
    } else if (mode == 3 && page + 4096 <= length) {
        codec_put_u32(bytes + page + 4092, codec_crc32c(0, bytes + page, 4092));
    } else if (mode == 4 && page + 4096 <= length) {
        struct hash256 hash = hash_sha256(bytes + page, 4064);
        memcpy(bytes + page + 4064, hash.bytes, sizeof hash.bytes);
    }
}

static void change(const struct io *io, const char *path, const uint8_t *data, size_t count, unsigned which) {
    struct io_file *file = NULL;
    uint8_t bytes[SEGMENT_BYTES];
    size_t length = 0;
    must(io_open(io, path, IO_WRITE, &file, NULL) == KMB_OK);
    must(io_read(io, file, 0, bytes, sizeof bytes, &length, NULL) == KMB_OK);
    for (size_t at = 0; at < count; at++) {
        const uint8_t *item = data + at * 5;
        size_t place = ((size_t)item[0] | (size_t)item[1] << 8 | (size_t)item[2] << 16) % length;
        if (item[3] / 64 % 2 == which) {
            bytes[place] = item[4];
            repair(bytes, length, place, item[3] % 8);
        }
    }
    must(io_write(io, file, 0, bytes, length, NULL) == KMB_OK);
    io_close(io, file);
}

static enum kmb_status each(void *context, const struct log_reader_entry *entry, struct slice plain,
                            struct kmb_error *error) {
    (void)context;
    (void)entry;
    (void)error;
    must(plain.length <= LOG_ENTRY_PLAIN_MAX);
    return KMB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (base == NULL) {
        base_make();
    }
    struct io_memory *disk = io_memory_clone(base);
    must(disk != NULL);
    struct io io = io_memory_table(disk);
    size_t count = size / 5 < CHANGES_MAX ? size / 5 : CHANGES_MAX;
    change(&io, "/log/0000000000000001.seg", data, count, 0);
    change(&io, "/log/superblock", data, count, 1);
    struct kmb_error error = {0};
    struct log_verify_report report;
    const struct log_verify_options verification = {.entry = NULL};
    enum kmb_status status = log_verify(&io, "/log", &verification, &report, &error);
    must(status == KMB_OK || error.message[0] != 0);
    struct log *log = NULL;
    const struct log_options reading = {.read_only = true};
    if (log_open(&io, "/log", &reading, NULL, &log, &error) == KMB_OK) {
        const struct log_replay replay = {.op_last = log_head(log).op, .each = each};
        (void)log_replay_run(&io, "/log", log_identity_of(log), &replay, &error);
        log_abandon(log);
    }
    const struct log_options writing = {.environment = &fuzz_environment};
    if (log_open(&io, "/log", &writing, NULL, &log, &error) == KMB_OK) {
        (void)log_close(log, &error);
    }
    io_memory_free(disk);
    return 0;
}
