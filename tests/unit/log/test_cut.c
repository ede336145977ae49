/* Copies of a log cut anywhere are logs: whole, ending with the block asked for, and written on. */
#include "fixture.h"

#include "log/cut.h"

#include <string.h>

#define BLOCKS 30

/* Three segments and more of blocks of several sizes. */
static void fill(struct fixture *fixture) {
    struct kmb_error error = {0};
    fixture_start(fixture, true);
    assert_int_equal(fixture_create(fixture, &error), KMB_OK);
    assert_int_equal(fixture_open(fixture, NULL, &error), KMB_OK);
    fixture->identity = *log_identity_of(fixture->log); /* with the guard that was drawn */
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_int_equal(fixture_commit(fixture, 1 + i % 5, 200 + 900 * (i % 7), &error), KMB_OK);
    }
}

static void identity_is_in_the_first_segment(void **state) {
    struct fixture fixture;
    struct log_identity identity;
    struct kmb_error error = {0};
    uint64_t bytes = 0;
    (void)state;
    fill(&fixture);
    assert_int_equal(log_cut_identity(&fixture.io, FIXTURE_DIR, &identity, &bytes, &error), KMB_OK);
    assert_memory_equal(&identity.uuid, &fixture.identity.uuid, LOG_UUID_SIZE);
    assert_true(identity.guard == fixture.identity.guard);
    assert_true(bytes == FIXTURE_SEGMENT);
    assert_int_equal(log_cut_identity(&fixture.io, "/db", &identity, &bytes, &error), KMB_NOT_A_DATABASE);
    fixture_stop(&fixture);
}

static void every_cut_is_a_log(void **state) {
    (void)state;
    for (uint64_t op = 1; op <= BLOCKS; op++) {
        struct fixture fixture;
        struct log_extent extent;
        struct log_recovery recovery;
        struct log_verify_report report;
        struct kmb_error error = {0};
        fill(&fixture);
        assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, op, NULL, &extent, &error), KMB_OK);
        assert_true(extent.place.op == op);
        log_abandon(fixture.log);
        fixture.log = NULL;
        if (log_cut_at(&fixture.io, FIXTURE_DIR, &fixture.identity, FIXTURE_SEGMENT, &extent, &error) != KMB_OK) {
            fail_msg("op %d: %s", (int)op, error.message);
        }
        fixture_verify_good(&fixture, &report);
        assert_true(report.last.op == op);
        assert_int_equal(fixture_open(&fixture, &recovery, &error), KMB_OK);
        assert_true(log_head(fixture.log).op == op);
        assert_false(recovery.tail_cut);
        assert_int_equal(recovery.slots_damaged, 0);
        assert_int_equal(fixture_commit(&fixture, 2, 500, &error), KMB_OK); /* and it goes on */
        fixture_verify_good(&fixture, &report);
        assert_true(report.last.op == op + 1);
        fixture_stop(&fixture);
    }
}

/* The newest block within bounds is the one before the first that is beyond them. */
static void bounds_are_kept(void **state) {
    struct fixture fixture;
    struct log_extent all[BLOCKS + 1];
    struct kmb_error error = {0};
    (void)state;
    fill(&fixture);
    for (uint64_t op = 1; op <= BLOCKS; op++) {
        assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, op, NULL, &all[op], &error), KMB_OK);
    }
    uint64_t before = 0;
    for (uint64_t op = 1; op <= BLOCKS; op++) {
        struct log_bounds bounds = {.time_us_max = all[op].time_us, .position_max = UINT64_MAX};
        struct log_extent extent;
        assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, BLOCKS, &bounds, &extent, &error),
                         KMB_OK);
        assert_true(extent.place.op == op && extent.end == all[op].end);
        bounds.time_us_max--;
        assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, BLOCKS, &bounds, &extent, &error),
                         KMB_OK);
        assert_true(extent.place.op == op - 1);
        bounds = (struct log_bounds){.time_us_max = INT64_MAX, .tenant = 1, .position_max = before};
        assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, BLOCKS, &bounds, &extent, &error),
                         KMB_OK);
        assert_true(extent.position <= before);
        before = op;
    }
    struct log_extent none;
    struct log_bounds early = {.time_us_max = 0, .position_max = UINT64_MAX};
    assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, BLOCKS, &early, &none, &error), KMB_OK);
    assert_true(none.place.op == 0);
    assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, 0, NULL, &none, &error), KMB_OK);
    assert_true(none.place.op == 0);
    fixture_stop(&fixture);
}

/* A damaged block on the way is damage, not an end. */
static void damage_is_told(void **state) {
    struct fixture fixture;
    struct log_extent extent;
    struct kmb_error error = {0};
    struct io_file *file = NULL;
    uint8_t byte = 0xff;
    struct log_bounds bounds = {.time_us_max = INT64_MAX, .position_max = UINT64_MAX};
    (void)state;
    fill(&fixture);
    assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, 5, NULL, &extent, &error), KMB_OK);
    assert_int_equal(io_open(&fixture.io, fixture_path("0000000000000001.seg"), IO_WRITE, &file, &error), KMB_OK);
    assert_int_equal(io_write(&fixture.io, file, extent.place.offset + 40, &byte, 1, &error), KMB_OK);
    io_close(&fixture.io, file);
    assert_int_equal(log_cut_find(&fixture.io, FIXTURE_DIR, &fixture.identity, BLOCKS, &bounds, &extent, &error),
                     KMB_CORRUPT);
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_in_the_first_segment),
        cmocka_unit_test(every_cut_is_a_log),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
