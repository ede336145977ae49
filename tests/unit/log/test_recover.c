/* The torn tail: what may be cut, what must be refused, and that refusing changes nothing. */
#include "fixture.h"

#include <stdio.h>

static void good(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        print_error("%d: %s\n", (int)status, error->message);
    }
    assert_int_equal(status, KMB_OK);
}

/* Five acknowledged blocks of 4096 bytes in the first segment; the log is not closed. */
static void five_blocks(struct fixture *fixture) {
    struct kmb_error error = {0};
    fixture_start(fixture, true);
    good(fixture_create(fixture, &error), &error);
    good(fixture_open(fixture, NULL, &error), &error);
    for (unsigned at = 0; at < 5; at++) {
        good(fixture_commit(fixture, 2, 200, &error), &error);
    }
    assert_int_equal(fixture->block.offset, 4096 * 5);
}

static void drop(struct fixture *fixture) {
    log_abandon(fixture->log);
    fixture->log = NULL;
}

static const char *first = FIXTURE_DIR "/0000000000000001.seg";

static void test_last_block_is_cut(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 600; byte += 37) {
        struct fixture fixture;
        struct kmb_error error = {0};
        struct log_recovery recovery;
        struct log_verify_report report;
        five_blocks(&fixture);
        drop(&fixture);
        assert_true(io_memory_flip(fixture.disk, first, 4096 * 5 + byte, byte % 8));
        const struct log_verify_options options = {0};
        good(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), &error);
        assert_true(report.tail_torn);
        assert_int_equal(report.last.op, 4);
        const struct log_options read_only = {.read_only = true};
        good(log_open(&fixture.io, FIXTURE_DIR, &read_only, &recovery, &fixture.log, &error), &error);
        assert_int_equal(log_head(fixture.log).op, 4);
        drop(&fixture);
        good(fixture_open(&fixture, &recovery, &error), &error);
        assert_true(recovery.tail_cut);
        assert_int_equal(recovery.synced_op, byte < 160 ? 3 : 4); /* its own header says 4 */
        assert_int_equal(recovery.tail_op, 5);
        assert_int_equal(recovery.tail_segment, 1);
        assert_int_equal(recovery.tail_offset, 4096 * 5);
        assert_true(recovery.tail_bytes > 160 && recovery.tail_bytes <= 4096);
        assert_int_equal(log_head(fixture.log).op, 4);
        fixture_verify_good(&fixture, &report);
        assert_false(report.tail_torn);
        good(fixture_commit(&fixture, 1, 20, &error), &error);
        good(log_close(fixture.log, &error), &error);
        fixture.log = NULL;
        fixture_verify_good(&fixture, &report);
        assert_int_equal(report.blocks, 6);
        fixture_stop(&fixture);
    }
}

static void test_durable_block_is_never_cut(void **state) {
    (void)state;
    for (unsigned block = 1; block <= 4; block++) {
        for (unsigned byte = 0; byte < 4096; byte += 409) {
            struct fixture fixture;
            struct kmb_error error = {0};
            struct log_verify_report report;
            five_blocks(&fixture);
            drop(&fixture);
            struct io_memory *copy = io_memory_clone(fixture.disk);
            assert_true(io_memory_flip(fixture.disk, first, 4096 * block + byte, 1));
            assert_true(io_memory_flip(copy, first, 4096 * block + byte, 1));
            assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_CORRUPT);
            assert_non_null(strstr(error.message, "0000000000000001.seg"));
            char op[32];
            snprintf(op, sizeof op, "op %u", block);
            assert_non_null(strstr(error.message, op));
            struct buffer before = {0};
            struct buffer after = {0};
            struct io copied = io_memory_table(copy);
            good(io_read_file(&fixture.io, first, 1 << 20, &after, &error), &error);
            good(io_read_file(&copied, first, 1 << 20, &before, &error), &error);
            assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
            buffer_free(&before);
            buffer_free(&after);
            io_memory_free(copy);
            const struct log_verify_options options = {0};
            assert_int_equal(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), KMB_CORRUPT);
            assert_int_equal(report.failure.op, block);
            fixture_stop(&fixture);
        }
    }
}

static void test_sealed_log_loses_nothing(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    five_blocks(&fixture);
    good(log_seal(fixture.log, 5, &error), &error);
    good(log_seal(fixture.log, 5, &error), &error); /* once is enough */
    assert_int_equal(log_head(fixture.log).op, 6);
    drop(&fixture);
    assert_true(io_memory_flip(fixture.disk, first, 4096 * 5 + 300, 1));
    assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_CORRUPT);
    assert_non_null(strstr(error.message, "entry 0 of the block with op 5"));
    fixture_stop(&fixture);
}

static void zero_from(struct fixture *fixture, uint64_t offset) {
    struct io_file *file = NULL;
    uint64_t size = 0;
    assert_int_equal(io_open(&fixture->io, first, IO_WRITE, &file, NULL), KMB_OK);
    assert_int_equal(io_size(&fixture->io, file, &size, NULL), KMB_OK);
    assert_int_equal(io_truncate(&fixture->io, file, offset, NULL), KMB_OK);
    assert_int_equal(io_allocate(&fixture->io, file, size, NULL), KMB_OK);
    io_close(&fixture->io, file);
}

static void test_rolled_back_log(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_verify_report report;
    (void)state;
    five_blocks(&fixture);
    good(log_superblock_write(fixture.log, slice_text("r"), false, &error), &error);
    drop(&fixture);
    zero_from(&fixture, 4096 * 4);
    assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_ROLLED_BACK);
    assert_non_null(strstr(error.message, "op 5"));
    const struct log_verify_options options = {0};
    assert_int_equal(log_verify(&fixture.io, FIXTURE_DIR, &options, &report, &error), KMB_ROLLED_BACK);
    assert_int_equal(report.failure.part, LOG_PART_LOG);
    fixture_stop(&fixture);
}

static void copy_bytes(struct fixture *fixture, uint64_t from, uint64_t to, size_t size) {
    struct io_file *file = NULL;
    uint8_t *bytes = mem_alloc(size);
    assert_int_equal(io_open(&fixture->io, first, IO_WRITE, &file, NULL), KMB_OK);
    assert_int_equal(io_read_exact(&fixture->io, file, from, bytes, size, NULL), KMB_OK);
    assert_int_equal(io_write(&fixture->io, file, to, bytes, size, NULL), KMB_OK);
    io_close(&fixture->io, file);
    mem_free(bytes);
}

static void test_stray_block_is_refused(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    five_blocks(&fixture);
    drop(&fixture);
    copy_bytes(&fixture, 4096 * 5, 4096 * 6, 4096);
    copy_bytes(&fixture, 4096 * 9, 4096 * 5, 4096); /* zeros */
    assert_int_equal(fixture_open(&fixture, NULL, &error), KMB_CORRUPT);
    assert_non_null(strstr(error.message, "went astray"));
    fixture_stop(&fixture);
}

static void test_tail_leaves_nothing_behind(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_recovery recovery;
    (void)state;
    five_blocks(&fixture);
    good(fixture_commit(&fixture, 3, 9000, &error), &error); /* a block of several sectors */
    uint64_t offset = fixture.block.offset;
    drop(&fixture);
    copy_bytes(&fixture, 4096 * 15, offset, 4096); /* its first sector was not written */
    good(fixture_open(&fixture, &recovery, &error), &error);
    assert_int_equal(log_head(fixture.log).op, 5);
    assert_int_equal(recovery.tail_bytes > 20000, 1);
    struct buffer after = {0};
    good(io_read_file(&fixture.io, first, 1 << 20, &after, &error), &error);
    assert_int_equal(after.length, FIXTURE_SEGMENT);
    for (uint64_t at = offset; at < after.length; at++) {
        assert_int_equal(after.bytes[at], 0);
    }
    buffer_free(&after);
    fixture_stop(&fixture);
}

/* Commits until a block begins a new segment; returns its op. */
static uint64_t fill_segment(struct fixture *fixture) {
    struct kmb_error error = {0};
    uint64_t segment = fixture->block.segment;
    while (fixture->block.segment == segment) {
        good(fixture_commit(fixture, 2, 3000, &error), &error);
    }
    return fixture->block.segment;
}

static void test_segment_header_of_the_block_in_flight(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_recovery recovery;
    struct log_verify_report report;
    char name[32];
    (void)state;
    five_blocks(&fixture);
    uint64_t op = fill_segment(&fixture);
    drop(&fixture);
    snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)op);
    struct io_memory *whole = io_memory_clone(fixture.disk);
    for (unsigned bit = 0; bit < 8; bit++) { /* the header is lost, the block is whole: both are kept */
        io_memory_flip(fixture.disk, fixture_path(name), 50, bit);
    }
    good(fixture_open(&fixture, &recovery, &error), &error);
    assert_true(recovery.segment_header_restored);
    assert_int_equal(log_head(fixture.log).op, op);
    fixture_verify_good(&fixture, &report);
    drop(&fixture);
    struct io table = io_memory_table(whole); /* header and block are lost: cut, and the file is gone */
    fixture.io = table;
    io_memory_flip(whole, fixture_path(name), 50, 1);
    io_memory_flip(whole, fixture_path(name), 4096 + 50, 1);
    good(fixture_open(&fixture, &recovery, &error), &error);
    assert_int_equal(log_head(fixture.log).op, op - 1);
    bool exists = true;
    good(io_exists(&fixture.io, fixture_path(name), &exists, &error), &error);
    assert_false(exists);
    good(fixture_commit(&fixture, 2, 3000, &error), &error);
    assert_int_equal(fixture.block.segment, op);
    good(fixture_commit(&fixture, 1, 10, &error), &error);
    drop(&fixture);
    io_memory_flip(whole, fixture_path(name), 50, 1); /* now it was durable: damage */
    assert_int_equal(fixture_open(&fixture, &recovery, &error), KMB_CORRUPT);
    assert_non_null(strstr(error.message, "segment header"));
    fixture_stop(&fixture);
    io_memory_free(whole);
}

static void test_flipped_read_is_read_again(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    (void)state;
    five_blocks(&fixture);
    drop(&fixture);
    struct io plain = fixture.io;
    struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
    fixture.io = io_fault_table(fault);
    for (unsigned round = 0; round < 400; round++) {
        io_fault_clear(fault);
        io_fault_plan(fault, io_fault_calls(fault) + 1 + round % 20, IO_FAULT_READ_FLIP, &fixture.prng);
        struct log_recovery recovery;
        struct log *log = NULL;
        const struct log_options options = {.read_only = true};
        good(log_open(&fixture.io, FIXTURE_DIR, &options, &recovery, &log, &error), &error);
        assert_int_equal(log_head(log).op, 5);
        log_abandon(log);
    }
    assert_true(io_fault_applied(fault, IO_FAULT_READ_FLIP) >= 60);
    io_fault_free(fault);
    fixture.io = plain;
    fixture_stop(&fixture);
}

/* A process dies after writing a block and before syncing it; the next one finds it whole, in the system's cache only.
 */
static void test_found_block_is_made_durable(void **state) {
    struct fixture fixture;
    struct kmb_error error = {0};
    struct log_recovery recovery;
    (void)state;
    five_blocks(&fixture);
    struct log_place head = log_head(fixture.log);
    log_block_begin(&fixture.block, head.op + 1, 0);
    log_block_finish(&fixture.block, &head.hash, head.op, 1);
    good(log_write(fixture.log, &fixture.block, &error), &error);
    drop(&fixture);
    good(fixture_open(&fixture, &recovery, &error), &error);
    assert_int_equal(log_head(fixture.log).op, 6);
    assert_int_equal(log_synced_op(fixture.log), 6);
    good(log_superblock_write(fixture.log, slice_text("r"), false, &error), &error);
    drop(&fixture);
    struct io_crash_report report;
    io_memory_crash(fixture.disk, IO_CRASH_LOSE, &fixture.prng, &report);
    good(fixture_open(&fixture, &recovery, &error), &error);
    assert_int_equal(log_head(fixture.log).op, 6);
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_block_is_cut),
        cmocka_unit_test(test_durable_block_is_never_cut),
        cmocka_unit_test(test_sealed_log_loses_nothing),
        cmocka_unit_test(test_rolled_back_log),
        cmocka_unit_test(test_stray_block_is_refused),
        cmocka_unit_test(test_tail_leaves_nothing_behind),
        cmocka_unit_test(test_segment_header_of_the_block_in_flight),
        cmocka_unit_test(test_flipped_read_is_read_again),
        cmocka_unit_test(test_found_block_is_made_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
