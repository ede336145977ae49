/* Writing and reading back: commits, rolls, seals, the superblock, random access, and a log that failed. */
#include "fixture.h"

#include <stdio.h>

static void good(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        print_error("%d: %s\n", (int)status, error->message);
    }
    assert_int_equal(status, KMB_OK);
}

static void test_round_trip(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        struct fixture fixture;
        struct kmb_error error = {0};
        struct log_recovery recovery;
        struct log_verify_report report;
        fixture_start(&fixture, sealed != 0);
        good(fixture_create(&fixture, &error), &error);
        assert_int_equal(fixture_create(&fixture, &error), KMB_FILE_EXISTS);
        good(fixture_open(&fixture, &recovery, &error), &error);
        assert_true(recovery.closed);
        fixture_verify_good(&fixture, &report);
        assert_true(report.closed);
        for (unsigned at = 0; at < 40; at++) {
            good(fixture_commit(&fixture, at % 7 + 1, 100 + at * 37, &error), &error);
        }
        fixture_verify_good(&fixture, &report);
        assert_false(report.closed);
        assert_int_equal(report.blocks, 40);
        assert_true(report.segments > 1);
        uint64_t entries = report.entries;
        good(log_close(fixture.log, &error), &error);
        fixture.log = NULL;
        fixture_verify_good(&fixture, &report);
        assert_true(report.closed);
        assert_int_equal(report.blocks, 41);
        assert_int_equal(report.entries, entries);
        assert_int_equal(report.entries_opened, entries);
        assert_int_equal(report.tenants, FIXTURE_TENANTS);
        good(fixture_open(&fixture, &recovery, &error), &error);
        assert_true(recovery.closed);
        assert_false(recovery.tail_cut);
        good(fixture_commit(&fixture, 3, 10, &error), &error);
        fixture_verify_good(&fixture, &report);
        assert_int_equal(report.entries, entries + 3);
        good(fixture_open(&fixture, &recovery, &error), &error); /* without closing: a process that ended */
        assert_false(recovery.closed);
        assert_int_equal(log_head(fixture.log).op, 42);
        fixture_stop(&fixture);
    }
}

static void test_large_block_gets_large_segment(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_verify_report report;
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    good(fixture_commit(&fixture, 1, 10, &error), &error);
    good(fixture_commit(&fixture, 10, 60000, &error), &error);
    assert_true(fixture.block.offset == 4096 && fixture.block.segment == 2);
    good(fixture_commit(&fixture, 1, 10, &error), &error);
    assert_int_equal(fixture.block.segment, 3);
    fixture_verify_good(&fixture, &report);
    assert_int_equal(report.segments, 3);
    good(log_close(fixture.log, &error), &error);
    fixture.log = NULL;
    good(fixture_open(&fixture, NULL, &error), &error);
    fixture_stop(&fixture);
}

static void test_reader_seek(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    for (unsigned at = 0; at < 60; at++) {
        good(fixture_commit(&fixture, 5, 500, &error), &error);
    }
    struct log_reader *reader = NULL;
    const struct log_reader_options options = {.op_first = 7, .op_last = 60, .keys = &fixture.keys};
    good(log_reader_open(&fixture.io, FIXTURE_DIR, log_identity_of(fixture.log), &options, &reader, &error), &error);
    struct log_block_header header;
    struct log_place place;
    struct log_reader_entry entry;
    struct slice plain;
    good(log_reader_block(reader, &header, &place, &error), &error);
    assert_int_equal(header.op, 7);
    good(log_reader_block(reader, &header, &place, &error), &error);
    assert_int_equal(header.op, 8);
    uint8_t body[500];
    for (unsigned at = 0; at < 300; at++) {
        uint64_t op = 1 + prng_below(&fixture.prng, 60);
        uint32_t index = (uint32_t)prng_below(&fixture.prng, 5);
        good(log_reader_seek(reader, op, index, &entry, &error), &error);
        assert_int_equal(entry.place.op, op);
        assert_int_equal(entry.place.index, index);
        assert_int_equal(entry.entry.tenant, index % FIXTURE_TENANTS);
        good(log_reader_plain(reader, &plain, &error), &error);
        fixture_body(body, sizeof body, entry.entry.tenant, entry.entry.sequence);
        assert_int_equal(plain.length, sizeof body);
        assert_memory_equal(plain.bytes, body, sizeof body);
        if (op < 60) {
            good(log_reader_block(reader, &header, &place, &error), &error);
            assert_int_equal(header.op, op + 1);
        } else {
            assert_int_equal(log_reader_block(reader, &header, &place, &error), KMB_DONE);
        }
    }
    assert_int_equal(log_reader_seek(reader, 61, 0, &entry, &error), KMB_USAGE);
    assert_int_equal(log_reader_seek(reader, 60, 5, &entry, &error), KMB_USAGE);
    log_reader_close(reader);
    fixture_stop(&fixture);
}

static void test_superblock(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_slot slots[LOG_SLOTS];
    struct log_recovery recovery;
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    for (unsigned at = 0; at < 9; at++) {
        char root[16];
        snprintf(root, sizeof root, "root %u", at + 1);
        good(fixture_commit(&fixture, 1, 10, &error), &error);
        good(log_superblock_write(fixture.log, slice_text(root), false, &error), &error);
    }
    good(log_close(fixture.log, &error), &error);
    fixture.log = NULL;
    for (unsigned damaged = 0; damaged < LOG_SLOTS; damaged++) {
        assert_true(io_memory_flip(fixture.disk, fixture_path("superblock"), damaged * 4096 + 200, 3));
        good(fixture_open(&fixture, &recovery, &error), &error);
        assert_int_equal(recovery.slots_damaged, 1);
        assert_int_equal(log_slots(fixture.log, slots), LOG_SLOTS);
        assert_int_equal(slots[0].root_length, 6);
        assert_memory_equal(slots[0].root, "root 9", 6);
        assert_true(slots[0].generation > slots[1].generation);
        good(log_close(fixture.log, &error), &error);
        fixture.log = NULL;
        struct log_verify_report report;
        fixture_verify_good(&fixture, &report);
    }
    for (unsigned damaged = 0; damaged < LOG_SLOTS; damaged++) {
        assert_true(io_memory_flip(fixture.disk, fixture_path("superblock"), damaged * 4096 + 200, 3));
    }
    assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_CORRUPT);
    assert_non_null(strstr(error.message, "superblock"));
    assert_int_equal(io_unlink(&fixture.io, fixture_path("superblock"), NULL), KMB_OK);
    assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_NOT_A_DATABASE);
    fixture_stop(&fixture);
}

/* A log whose superblock was deleted is not taken for an empty directory. */
static void test_creating_overwrites_nothing(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(io_unlink(&fixture.io, fixture_path("superblock"), &error), &error);
    good(fixture_create(&fixture, &error), &error); /* nothing was written yet */
    good(fixture_open(&fixture, NULL, &error), &error);
    good(fixture_commit(&fixture, 1, 10, &error), &error);
    log_abandon(fixture.log);
    fixture.log = NULL;
    good(io_unlink(&fixture.io, fixture_path("superblock"), &error), &error);
    assert_int_equal(fixture_create(&fixture, &error), KMB_FILE_EXISTS);
    assert_non_null(strstr(error.message, "no superblock"));
    fixture_stop(&fixture);
}

static void test_disk_full_before_writing(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_verify_report report;
    (void)state;
    fixture_start(&fixture, true);
    io_memory_free(fixture.disk);
    fixture.disk = io_memory_new(150 << 10);
    fixture.io = io_memory_table(fixture.disk);
    assert_int_equal(io_make_directory(&fixture.io, "/db", NULL), KMB_OK);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    unsigned commits = 0;
    while (log_reserve(fixture.log, log_block_size(9000), &error) == KMB_OK) {
        good(fixture_commit(&fixture, 1, 8000, &error), &error);
        commits++;
        assert_true(commits < 100);
    }
    assert_int_equal(error.status, KMB_DISK_FULL);
    assert_true(commits > 4);
    assert_int_equal(fixture_commit(&fixture, 4, 15000, &error), KMB_DISK_FULL);
    assert_int_equal(commits, 10);                /* two segments of five blocks, to the last byte */
    good(log_close(fixture.log, &error), &error); /* no room for a seal block: the superblock alone says closed */
    fixture.log = NULL;
    fixture_verify_good(&fixture, &report);
    assert_int_equal(report.blocks, commits);
    assert_true(report.closed);
    fixture_stop(&fixture);
}

static void test_failed_sync_is_final(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    struct io plain = fixture.io;
    struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
    fixture.io = io_fault_table(fault);
    good(fixture_open(&fixture, NULL, &error), &error);
    good(fixture_commit(&fixture, 1, 10, &error), &error);
    io_fault_plan(fault, io_fault_calls(fault) + 2, IO_FAULT_SYNC, &fixture.prng);
    assert_int_equal(fixture_commit(&fixture, 1, 10, &error), KMB_FATAL);
    assert_int_equal(io_fault_applied(fault, IO_FAULT_SYNC), 1);
    assert_non_null(strstr(error.message, "syncing a segment"));
    struct kmb_error later = {0};
    assert_int_equal(log_sync(fixture.log, &later), KMB_FATAL);
    assert_string_equal(later.message, error.message);
    assert_int_equal(log_reserve(fixture.log, 1, &later), KMB_FATAL);
    assert_int_equal(log_superblock_write(fixture.log, slice_text(""), false, &later), KMB_FATAL);
    assert_int_equal(log_synced_op(fixture.log), 1);
    assert_int_equal(log_close(fixture.log, &later), KMB_FATAL);
    fixture.log = NULL;
    fixture.io = plain;
    good(fixture_open(&fixture, NULL, &error), &error);
    assert_true(log_head(fixture.log).op >= 1);
    io_fault_free(fault);
    fixture_stop(&fixture);
}

static void test_read_only(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_recovery recovery;
    struct log *reader = NULL;
    (void)state;
    fixture_start(&fixture, true);
    good(fixture_create(&fixture, &error), &error);
    good(fixture_open(&fixture, NULL, &error), &error);
    good(fixture_commit(&fixture, 2, 10, &error), &error);
    const struct log_options options = {.read_only = true, .live = true};
    good(log_open(&fixture.io, FIXTURE_DIR, &options, &recovery, &reader, &error), &error);
    assert_int_equal(log_head(reader).op, 1);
    assert_int_equal(log_superblock_write(reader, slice_text("x"), false, &error), KMB_READ_ONLY);
    good(log_close(reader, &error), &error);
    good(fixture_commit(&fixture, 2, 10, &error), &error);
    fixture_stop(&fixture);
}

static void test_block_limits(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&fixture, true);
    good(log_block_init(&fixture.block, &fixture.identity, &error), &error);
    log_block_begin(&fixture.block, 1, 0);
    struct log_entry entry = {.kind = LOG_ENTRY_EVENTS, .sequence = 1};
    struct hash256 hash;
    uint8_t *large = mem_alloc_zero(1, LOG_ENTRY_PLAIN_MAX + 1);
    assert_int_equal(log_block_append(&fixture.block, &entry, slice_make(large, LOG_ENTRY_PLAIN_MAX + 1), fixture.key,
                                      &fixture.environment, &hash, &error),
                     KMB_LIMIT);
    struct log_block_mark mark = log_block_mark(&fixture.block);
    good(log_block_append(&fixture.block, &entry, slice_make(large, LOG_ENTRY_PLAIN_MAX), fixture.key,
                          &fixture.environment, &hash, &error),
         &error);
    mem_fail_plan(1);
    size_t length = fixture.block.length;
    assert_int_equal(log_block_append(&fixture.block, &entry, slice_make(large, LOG_ENTRY_PLAIN_MAX), fixture.key,
                                      &fixture.environment, &hash, &error),
                     KMB_NO_MEMORY);
    mem_fail_plan(0);
    assert_int_equal(fixture.block.length, length);
    log_block_rewind(&fixture.block, mark);
    assert_int_equal(fixture.block.header.count, 0);
    entry.position_before = 1;
    entry.position_after = 0;
    assert_int_equal(
        log_block_append(&fixture.block, &entry, slice_text(""), fixture.key, &fixture.environment, &hash, &error),
        KMB_USAGE);
    mem_free(large);
    fixture_stop(&fixture);
}

/* Every allocation of a life fails once: an answer, no leak, and nothing acknowledged is lost. */
static void test_no_memory(void **state) {
    struct fixture base;
    struct kmb_error error = {0};
    (void)state;
    fixture_start(&base, true);
    good(fixture_create(&base, &error), &error);
    bool failed = true;
    uint64_t number = 0;
    while (failed) {
        struct fixture fixture;
        struct log_verify_report report;
        fixture_start(&fixture, true);
        io_memory_free(fixture.disk);
        fixture.disk = io_memory_clone(base.disk);
        fixture.io = io_memory_table(fixture.disk);
        uint64_t acknowledged = 0;
        mem_fail_plan(++number);
        enum kmb_status status = fixture_open(&fixture, NULL, &error);
        for (unsigned at = 0; at < 4 && status == KMB_OK; at++) {
            status = log_reserve(fixture.log, 20000, &error);
            if (status == KMB_OK) {
                status = fixture_commit(&fixture, 3, at * 7000, &error);
            }
            acknowledged = status == KMB_OK ? log_synced_op(fixture.log) : acknowledged;
        }
        if (status == KMB_OK) {
            status = log_close(fixture.log, &error);
            fixture.log = NULL;
        }
        if (status == KMB_OK) {
            const struct log_verify_options options = {.keys = &fixture.keys};
            status = log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error);
        }
        failed = mem_fail_count() >= number;
        mem_fail_plan(0);
        assert_true(status == KMB_OK || status == KMB_NO_MEMORY || status == KMB_FATAL);
        good(fixture_open(&fixture, NULL, &error), &error);
        assert_true(log_head(fixture.log).op >= acknowledged);
        fixture_verify_good(&fixture, &report);
        fixture_stop(&fixture);
    }
    assert_true(number > 50);
    fixture_stop(&base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_large_block_gets_large_segment),
        cmocka_unit_test(test_reader_seek),
        cmocka_unit_test(test_superblock),
        cmocka_unit_test(test_disk_full_before_writing),
        cmocka_unit_test(test_failed_sync_is_final),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_block_limits),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_creating_overwrites_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
