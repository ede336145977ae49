/*
 * Format version 1, frozen: with fixed time and randomness the same calls give the same bytes as the files in
 * tests/golden/log-v1, and those files, and the packed bodies in tests/golden/log-v1-packed, read back as they were
 * meant. (What a compressor makes of a body may differ from one version of its library to the next; what it makes of a
 * packed body may not.) With KMB_GOLDEN_WRITE set the files are made instead.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define GOLDEN_TENANTS 3

struct golden {
    struct fixture fixture;
    uint64_t sequence[GOLDEN_TENANTS];
    struct hash256 previous[GOLDEN_TENANTS];
};

struct golden_entry {
    uint32_t tenant; /* 0..2: tenants 0, 1 and 70000 */
    bool part;       /* not the last of its transaction */
    uint8_t codec;
    bool clear; /* not sealed */
    size_t size;
};

static const uint32_t golden_tenant[GOLDEN_TENANTS] = {0, 1, 70000};

static void good(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        print_error("%d: %s\n", (int)status, error->message);
    }
    assert_int_equal(status, KMB_OK);
}

static void golden_block(struct golden *golden, const struct golden_entry *entries, size_t count) {
    struct fixture *fixture = &golden->fixture;
    struct kmb_error error = {0};
    struct log_place head = log_head(fixture->log);
    static uint8_t body[40000];
    int64_t time = 1700000000000000 + (int64_t)head.op * 1000;
    log_block_begin(&fixture->block, head.op + 1, 2);
    for (size_t at = 0; at < count; at++) {
        const struct golden_entry *wanted = &entries[at];
        uint32_t place = wanted->tenant;
        uint64_t sequence = ++golden->sequence[place];
        struct log_entry entry = {
            .kind = LOG_ENTRY_EVENTS,
            .flags = wanted->part ? 0 : LOG_ENTRY_LAST_PART,
            .codec = wanted->codec,
            .tenant = golden_tenant[place],
            .sequence = sequence,
            .position_before = (sequence - 1) * 3,
            .position_after = sequence * 3,
            .commit_time_us = time,
            .session = 0x1122334455667788,
            .request = sequence,
            .key_id = wanted->clear ? 0 : 1,
            .key_version = wanted->clear ? 0 : 1,
            .previous = golden->previous[place],
        };
        fixture_body(body, wanted->size, entry.tenant, sequence);
        good(log_block_append(&fixture->block, &entry, slice_make(body, wanted->size),
                              wanted->clear ? NULL : fixture->key, &fixture->environment, &golden->previous[place],
                              &error),
             &error);
        assert_int_equal(entry.codec, wanted->codec);
        time += wanted->part ? 0 : 1;
    }
    log_block_finish(&fixture->block, &head.hash, log_synced_op(fixture->log), time);
    good(log_write(fixture->log, &fixture->block, &error), &error);
    good(log_sync(fixture->log, &error), &error);
}

static void golden_start(struct golden *golden) {
    struct kmb_error error = {0};
    struct fixture *fixture = &golden->fixture;
    *golden = (struct golden){0};
    fixture_start(fixture, true);
    memset(fixture->identity.cluster, 0xc1, sizeof fixture->identity.cluster);
    fixture->identity.guard = 0x0123456789abcdef;
    const struct log_params params = {.identity = fixture->identity, .segment_bytes = LOG_SEGMENT_BYTES_MIN};
    good(log_create(&fixture->io, FIXTURE_DIR, &params, slice_text("root of the store"), &fixture->environment, &error),
         &error);
    good(fixture_open(fixture, NULL, &error), &error);
    for (uint32_t at = 0; at < GOLDEN_TENANTS; at++) {
        golden->previous[at] = log_tenant_genesis(fixture->identity.uuid, golden_tenant[at]);
    }
}

#define BLOCK(golden, ...)                                                                                             \
    golden_block(golden, (const struct golden_entry[]){__VA_ARGS__},                                                   \
                 sizeof((const struct golden_entry[]){__VA_ARGS__}) / sizeof(struct golden_entry))

static void golden_plain(struct golden *golden) {
    struct kmb_error error = {0};
    golden_start(golden);
    BLOCK(golden, {.tenant = 0, .size = 40}, {.tenant = 1, .size = 0}, {.tenant = 2, .size = 333});
    BLOCK(golden, {.tenant = 1, .size = 700, .part = true}, {.tenant = 1, .size = 2100});
    good(log_superblock_write(golden->fixture.log, slice_text("second root"), false, &error), &error);
    BLOCK(golden, {.tenant = 2, .size = 5000, .clear = true}, {.tenant = 0, .size = 1});
    BLOCK(golden, {.tenant = 1, .size = 20000}, {.tenant = 2, .size = 17});
    BLOCK(golden, {.tenant = 0, .size = 128}, {.tenant = 0, .size = 129});
    good(log_close(golden->fixture.log, &error), &error);
    golden->fixture.log = NULL;
}

static void golden_packed(struct golden *golden) {
    struct kmb_error error = {0};
    golden_start(golden);
    BLOCK(golden, {.tenant = 1, .size = 3000, .codec = LOG_CODEC_LZ4},
          {.tenant = 1, .size = 3000, .codec = LOG_CODEC_ZSTD},
          {.tenant = 2, .size = 30000, .codec = LOG_CODEC_LZ4, .clear = true},
          {.tenant = 2, .size = 30000, .codec = LOG_CODEC_ZSTD, .clear = true});
    good(log_close(golden->fixture.log, &error), &error);
    golden->fixture.log = NULL;
}

struct golden_copy {
    const struct io *from;
    const char *from_dir;
    const struct io *to;
    const char *to_dir;
};

/* Copies one file between the disk in memory and the golden folder. */
static enum kmb_status golden_copy_file(void *context, const char *name, bool directory) {
    const struct golden_copy *copy = context;
    char from[512];
    char to[512];
    struct buffer bytes = {0};
    assert_false(directory);
    snprintf(from, sizeof from, "%s/%s", copy->from_dir, name);
    snprintf(to, sizeof to, "%s/%s", copy->to_dir, name);
    assert_int_equal(io_read_file(copy->from, from, 1 << 20, &bytes, NULL), KMB_OK);
    assert_int_equal(io_replace_file(copy->to, to, 0, buffer_slice(&bytes), NULL), KMB_OK);
    buffer_free(&bytes);
    return KMB_OK;
}

struct golden_compare {
    struct fixture *fixture;
    const struct io *disk;
    const char *folder;
    unsigned files;
};

static enum kmb_status golden_compare_file(void *context, const char *name, bool directory) {
    struct golden_compare *compare = context;
    char path[512];
    struct buffer made = {0};
    struct buffer frozen = {0};
    assert_false(directory);
    snprintf(path, sizeof path, "%s/%s", compare->folder, name);
    assert_int_equal(io_read_file(&compare->fixture->io, fixture_path(name), 1 << 20, &made, NULL), KMB_OK);
    assert_int_equal(io_read_file(compare->disk, path, 1 << 20, &frozen, NULL), KMB_OK);
    assert_int_equal(made.length, frozen.length);
    assert_memory_equal(made.bytes, frozen.bytes, made.length);
    buffer_free(&made);
    buffer_free(&frozen);
    compare->files++;
    return KMB_OK;
}

static void golden_make_folder(struct fixture *fixture, const char *folder) {
    struct io disk = io_posix();
    struct golden_copy copy = {.from = &fixture->io, .from_dir = FIXTURE_DIR, .to = &disk, .to_dir = folder};
    assert_int_equal(io_make_directory(&disk, folder, NULL), KMB_OK);
    assert_int_equal(io_list(&fixture->io, FIXTURE_DIR, golden_copy_file, &copy, NULL), KMB_OK);
}

static enum kmb_status golden_count(void *context, const char *name, bool directory) {
    (void)name;
    (void)directory;
    ++*(unsigned *)context;
    return KMB_OK;
}

static void test_same_bytes(void **state) {
    struct golden golden;
    struct io disk = io_posix();
    (void)state;
    golden_plain(&golden);
    if (getenv("KMB_GOLDEN_WRITE") != NULL) {
        golden_make_folder(&golden.fixture, GOLDEN_FOLDER);
    }
    struct golden_compare compare = {.fixture = &golden.fixture, .disk = &disk, .folder = GOLDEN_FOLDER};
    unsigned files = 0;
    assert_int_equal(io_list(&golden.fixture.io, FIXTURE_DIR, golden_compare_file, &compare, NULL), KMB_OK);
    assert_int_equal(io_list(&disk, GOLDEN_FOLDER, golden_count, &files, NULL), KMB_OK);
    assert_int_equal(files, compare.files);
    assert_true(files >= 4);
    fixture_stop(&golden.fixture);
}

static enum kmb_status golden_entry_expect(void *context, const struct log_reader_entry *entry, struct slice plain,
                                           struct kmb_error *error) {
    uint8_t body[40000];
    uint64_t *lengths = context;
    (void)error;
    assert_true(plain.length <= sizeof body);
    fixture_body(body, plain.length, entry->entry.tenant, entry->entry.sequence);
    if (plain.length > 0) {
        assert_memory_equal(plain.bytes, body, plain.length);
    }
    assert_int_equal(entry->entry.position_before, (entry->entry.sequence - 1) * 3);
    lengths[0]++;
    lengths[1] += plain.length;
    return KMB_OK;
}

/* Reads a golden folder from a copy in memory. */
static void golden_read(const char *folder, uint64_t entries, uint64_t bytes) {
    struct fixture fixture;
    struct io disk = io_posix();
    struct log_verify_report report;
    struct log_slot slots[LOG_SLOTS];
    struct kmb_error error = {0};
    uint64_t lengths[2] = {0};
    fixture_start(&fixture, true);
    struct golden_copy copy = {.from = &disk, .from_dir = folder, .to = &fixture.io, .to_dir = FIXTURE_DIR};
    assert_int_equal(io_make_directory(&fixture.io, FIXTURE_DIR, NULL), KMB_OK);
    assert_int_equal(io_list(&disk, folder, golden_copy_file, &copy, NULL), KMB_OK);
    fixture_verify_good(&fixture, &report);
    assert_true(report.closed);
    assert_int_equal(report.entries, entries);
    assert_int_equal(report.entries_opened, entries);
    assert_int_equal(report.identity.shard, 3);
    assert_memory_equal(report.identity.uuid, "0123456789abcdef", 16);
    const struct log_options options = {.environment = &fixture.environment};
    good(log_open(&fixture.io, FIXTURE_DIR, &options, NULL, &fixture.log, &error), &error);
    assert_int_equal(log_slots(fixture.log, slots), LOG_SLOTS);
    assert_int_equal(slots[0].place.op, report.last.op);
    const struct log_replay replay = {
        .op_last = report.last.op, .keys = &fixture.keys, .each = golden_entry_expect, .context = lengths};
    good(log_replay_run(&fixture.io, FIXTURE_DIR, log_identity_of(fixture.log), &replay, &error), &error);
    assert_int_equal(lengths[0], entries);
    assert_int_equal(lengths[1], bytes);
    fixture_stop(&fixture);
}

static void test_read(void **state) {
    (void)state;
    golden_read(GOLDEN_FOLDER, 11, 40 + 333 + 700 + 2100 + 5000 + 1 + 20000 + 17 + 128 + 129);
}

static void test_read_packed(void **state) {
    (void)state;
    if (getenv("KMB_GOLDEN_WRITE") != NULL) {
        struct golden golden;
        golden_packed(&golden);
        golden_make_folder(&golden.fixture, GOLDEN_FOLDER "-packed");
        fixture_stop(&golden.fixture);
    }
    golden_read(GOLDEN_FOLDER "-packed", 4, 66000);
}

/* A newer format is named, not guessed at. */
static void test_newer_versions(void **state) {
    struct golden golden;
    struct kmb_error error = {0};
    struct log_verify_report report;
    const struct log_verify_options options = {0};
    uint8_t header[LOG_ENTRY_HEADER_SIZE];
    (void)state;
    golden_plain(&golden);
    struct log_entry entry = {.kind = LOG_ENTRY_EVENTS, .sequence = 1};
    log_entry_encode(&entry, header);
    header[4] = 2;
    assert_int_equal(log_entry_decode(header, &entry, &error), KMB_CORRUPT); /* the CRC covers the version */
    struct io_file *file = NULL;
    uint8_t slot[4096];
    assert_int_equal(io_open(&golden.fixture.io, fixture_path("superblock"), IO_WRITE, &file, NULL), KMB_OK);
    for (unsigned at = 0; at < LOG_SLOTS; at++) {
        assert_int_equal(io_read_exact(&golden.fixture.io, file, at * 4096u, slot, sizeof slot, NULL), KMB_OK);
        slot[4] = 9;
        struct hash256 hash = hash_sha256(slot, 4064);
        memcpy(slot + 4064, hash.bytes, 32);
        assert_int_equal(io_write(&golden.fixture.io, file, at * 4096u, slot, sizeof slot, NULL), KMB_OK);
    }
    io_close(&golden.fixture.io, file);
    assert_int_equal(fixture_open(&golden.fixture, NULL, &error), KMB_FORMAT_VERSION);
    assert_non_null(strstr(error.message, "version 9"));
    assert_int_equal(log_verify(&golden.fixture.io, FIXTURE_DIR, &options, &report, &error), KMB_FORMAT_VERSION);
    fixture_stop(&golden.fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_packed),
        cmocka_unit_test(test_newer_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
