/*
 * Every I/O call of a life of the log x every kind of fault x every way the machine can die: what was acknowledged is
 * there after reopening, nothing is there in half, the log verifies, and it can be written on.
 *
 * A write that the disk puts at a wrong place without saying so is the one fault that may end in a refusal (the log
 * names the damage); it must never end in silence.
 */
#include "fixture.h"

#include <stdio.h>

#define ACKNOWLEDGED_MAX 64

struct run {
    struct fixture fixture;
    struct hash256 acknowledged[ACKNOWLEDGED_MAX]; /* block hash by op; zero: not a commit of ours */
    uint64_t last;                                 /* newest acknowledged op */
};

static void run_commit(struct run *run, enum kmb_status *status, unsigned entries, size_t size) {
    if (*status == KMB_OK) {
        *status = fixture_commit(&run->fixture, entries, size, NULL);
    }
    if (*status == KMB_OK) {
        run->last = log_synced_op(run->fixture.log);
        assert_true(run->last < ACKNOWLEDGED_MAX);
        run->acknowledged[run->last] = run->fixture.block.hash;
    }
}

/* A life: commits of all sizes, new segments, a checkpoint, a seal, closing and opening again. */
static enum kmb_status run_life(struct run *run) {
    struct fixture *fixture = &run->fixture;
    enum kmb_status status = fixture_open(fixture, NULL, NULL);
    run_commit(run, &status, 2, 100);
    run_commit(run, &status, 1, 9000);
    if (status == KMB_OK) {
        status = log_superblock_write(fixture->log, slice_text("root 1"), false, NULL);
    }
    if (status == KMB_OK) {
        status = log_reserve(fixture->log, 30000, NULL);
    }
    run_commit(run, &status, 3, 6000);
    run_commit(run, &status, 4, 20000); /* larger than a segment */
    if (status == KMB_OK) {
        status = log_seal(fixture->log, 0, NULL);
    }
    run_commit(run, &status, 1, 1);
    if (status == KMB_OK) {
        status = log_close(fixture->log, NULL);
        fixture->log = NULL;
    }
    if (status == KMB_OK) {
        status = fixture_open(fixture, NULL, NULL);
    }
    run_commit(run, &status, 2, 50);
    run_commit(run, &status, 2, 5000);
    return status;
}

/* The log as it is now holds every acknowledged block, verifies, and goes on. */
static void run_check(struct run *run, const char *what, bool may_refuse) {
    struct fixture *fixture = &run->fixture;
    struct kmb_error error = {0};
    struct log_verify_report report;
    const struct log_verify_options options = {.keys = &fixture->keys};
    enum kmb_status status = fixture_open(fixture, NULL, &error);
    if (may_refuse && (status == KMB_CORRUPT || status == KMB_ROLLED_BACK)) {
        assert_true(error.message[0] != 0);
        return;
    }
    if (status != KMB_OK || log_head(fixture->log).op < run->last) {
        print_error("%s: status %d, %s; acknowledged op %llu, found %llu\n", what, (int)status, error.message,
                    (unsigned long long)run->last,
                    (unsigned long long)(status == KMB_OK ? log_head(fixture->log).op : 0));
        fail();
    }
    struct log_reader *reader = NULL;
    const struct log_reader_options reading = {.op_last = log_head(fixture->log).op};
    assert_int_equal(log_reader_open(&fixture->io, FIXTURE_DIR, log_identity_of(fixture->log), &reading, &reader, NULL),
                     KMB_OK);
    struct log_block_header header;
    struct log_place place;
    while (log_reader_block(reader, &header, &place, NULL) == KMB_OK) {
        if (place.op <= run->last && !hash256_is_zero(&run->acknowledged[place.op])) {
            assert_true(hash256_equal(&place.hash, &run->acknowledged[place.op]));
        }
    }
    log_reader_close(reader);
    status = log_verify(&fixture->io, FIXTURE_DIR, &options, &report, &error);
    if (status != KMB_OK || report.tail_torn) {
        print_error("%s: verify %d, %s\n", what, (int)status, error.message);
        fail();
    }
    assert_int_equal(report.last.op, log_head(fixture->log).op);
    assert_int_equal(fixture_commit(fixture, 3, 500, NULL), KMB_OK);
    assert_int_equal(log_close(fixture->log, NULL), KMB_OK);
    fixture->log = NULL;
    status = log_verify(&fixture->io, FIXTURE_DIR, &options, &report, &error);
    if (status != KMB_OK) {
        print_error("%s: verify after closing %d, %s\n", what, (int)status, error.message);
        fail();
    }
    assert_true(report.closed);
}

static void run_start(struct run *run, const struct io_memory *base) {
    *run = (struct run){0};
    fixture_start(&run->fixture, true);
    if (base != NULL) {
        io_memory_free(run->fixture.disk);
        run->fixture.disk = io_memory_clone(base);
        run->fixture.io = io_memory_table(run->fixture.disk);
    }
}

/* One life on a copy of base, with one fault; then the machine dies in one way. */
static bool run_point(const struct io_memory *base, uint64_t call, enum io_fault_kind kind, enum io_crash_mode mode) {
    struct run run;
    char what[96];
    run_start(&run, base);
    struct io plain = run.fixture.io;
    struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
    run.fixture.io = io_fault_table(fault);
    prng_seed(&run.fixture.prng, call * 64 + kind);
    io_fault_plan(fault, call, kind, &run.fixture.prng);
    enum kmb_status status = run_life(&run);
    bool fired = io_fault_applied(fault, kind) > 0;
    bool misdirected = kind == IO_FAULT_MISDIRECTED;
    if (fired && kind == IO_FAULT_READ_FLIP) {
        assert_true(status == KMB_OK || status == KMB_CORRUPT);
    }
    log_abandon(run.fixture.log);
    run.fixture.log = NULL;
    if (fired) {
        struct io_crash_report report;
        io_memory_crash(run.fixture.disk, mode, &run.fixture.prng, &report);
        run.fixture.io = plain;
        snprintf(what, sizeof what, "call %llu, %s, crash mode %d", (unsigned long long)call, io_fault_name(kind),
                 (int)mode);
        run_check(&run, what, misdirected);
    }
    io_fault_free(fault);
    fixture_stop(&run.fixture);
    return fired;
}

static void test_every_call(void **state) {
    (void)state;
    struct run run;
    run_start(&run, NULL);
    assert_int_equal(fixture_create(&run.fixture, NULL), KMB_OK);
    struct io_memory *base = io_memory_clone(run.fixture.disk);
    struct io plain = run.fixture.io;
    struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
    run.fixture.io = io_fault_table(fault);
    assert_int_equal(run_life(&run), KMB_OK);
    uint64_t calls = io_fault_calls(fault);
    run.fixture.io = plain;
    run_check(&run, "without a fault", false);
    uint64_t points = 0;
    uint64_t fired = 0;
    uint64_t kinds[IO_FAULT_KINDS] = {0};
    for (uint64_t call = 1; call <= calls; call++) {
        for (unsigned kind = IO_FAULT_EIO; kind < IO_FAULT_KINDS; kind++) {
            if (!io_fault_applies(fault, call, (enum io_fault_kind)kind)) {
                continue;
            }
            for (unsigned mode = IO_CRASH_LOSE; mode <= IO_CRASH_TEAR; mode++) {
                points++;
                if (run_point(base, call, (enum io_fault_kind)kind, (enum io_crash_mode)mode)) {
                    fired++;
                    kinds[kind]++;
                }
            }
        }
    }
    print_message("%llu calls, %llu points, %llu fired\n", (unsigned long long)calls, (unsigned long long)points,
                  (unsigned long long)fired);
    for (unsigned kind = IO_FAULT_EIO; kind < IO_FAULT_KINDS; kind++) {
        print_message("%s: %llu\n", io_fault_name((enum io_fault_kind)kind), (unsigned long long)kinds[kind]);
        assert_true(kinds[kind] > 0);
    }
    assert_true(fired >= 1000);
    io_fault_free(fault);
    fixture_stop(&run.fixture);
    io_memory_free(base);
}

/* A log is there whole or not at all; and creating it again after a crash works. */
static void test_creation(void **state) {
    (void)state;
    for (unsigned kind = IO_FAULT_EIO; kind < IO_FAULT_KINDS; kind++) {
        for (uint64_t call = 1; call < 60; call++) {
            for (unsigned mode = IO_CRASH_LOSE; mode <= IO_CRASH_TEAR; mode++) {
                struct run run;
                run_start(&run, NULL);
                struct io plain = run.fixture.io;
                struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
                run.fixture.io = io_fault_table(fault);
                io_fault_plan(fault, call, (enum io_fault_kind)kind, &run.fixture.prng);
                bool created = fixture_create(&run.fixture, NULL) == KMB_OK;
                bool fired = io_fault_applied(fault, (enum io_fault_kind)kind) > 0;
                run.fixture.io = plain;
                struct io_crash_report report;
                io_memory_crash(run.fixture.disk, (enum io_crash_mode)mode, &run.fixture.prng, &report);
                enum kmb_status status = fixture_open(&run.fixture, NULL, NULL);
                bool misdirected = fired && kind == IO_FAULT_MISDIRECTED;
                if (created && !misdirected) {
                    assert_int_equal(status, KMB_OK);
                }
                if (!misdirected) {
                    assert_true(status == KMB_OK || status == KMB_NOT_A_DATABASE);
                }
                if (status == KMB_NOT_A_DATABASE) {
                    assert_int_equal(fixture_create(&run.fixture, NULL), KMB_OK);
                }
                if (status == KMB_OK || status == KMB_NOT_A_DATABASE) {
                    run_check(&run, "creation", false);
                }
                io_fault_free(fault);
                fixture_stop(&run.fixture);
                if (!fired) {
                    mode = IO_CRASH_TEAR;
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
        cmocka_unit_test(test_creation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
