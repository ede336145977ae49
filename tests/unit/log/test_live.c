/*
 * Readers beside a running writer, on real files: opening, verifying and replaying read-only always finds a whole log
 * that never gets shorter, whatever the writer is doing at that moment.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIVE_COMMITS 3000u

struct live {
    struct io io;
    char dir[64];
    struct environment environment;
    struct log *log;
    struct log_identity identity;
    _Atomic uint64_t acknowledged;
    _Atomic bool done;
};

static void *live_write(void *context) {
    struct live *live = context;
    struct log_block block;
    struct kmb_error error = {0};
    struct hash256 previous = log_tenant_genesis(live->identity.uuid, 1);
    uint8_t body[9000] = {1};
    enum kmb_status status = log_block_init(&block, &live->identity, &error);
    for (uint64_t at = 0; at < LIVE_COMMITS && status == KMB_OK; at++) {
        struct log_place head = log_head(live->log);
        struct log_entry entry = {.kind = LOG_ENTRY_EVENTS,
                                  .flags = LOG_ENTRY_LAST_PART,
                                  .tenant = 1,
                                  .sequence = at + 1,
                                  .position_before = at,
                                  .position_after = at + 1,
                                  .commit_time_us = (int64_t)at,
                                  .previous = previous};
        log_block_begin(&block, head.op + 1, 0);
        status = log_block_append(&block, &entry, slice_make(body, at * 37 % sizeof body), NULL, &live->environment,
                                  &previous, &error);
        if (status == KMB_OK) {
            log_block_finish(&block, &head.hash, log_synced_op(live->log), (int64_t)at);
            status = log_write(live->log, &block, &error);
        }
        if (status == KMB_OK) {
            status = log_sync(live->log, &error);
        }
        if (status == KMB_OK && at % 100 == 99) {
            status = log_superblock_write(live->log, slice_text("root"), false, &error);
        }
        atomic_store(&live->acknowledged, log_synced_op(live->log));
    }
    if (status != KMB_OK) {
        print_error("writer: %s\n", error.message);
    }
    log_block_free(&block);
    atomic_store(&live->done, true);
    return NULL;
}

static enum kmb_status live_count(void *context, const struct log_reader_entry *entry, struct slice plain,
                                  struct kmb_error *error) {
    uint64_t *count = context;
    (void)error;
    (void)plain;
    assert_int_equal(entry->entry.sequence, *count + 1);
    ++*count;
    return KMB_OK;
}

static void live_look(struct live *live) {
    const struct log_options options = {.read_only = true, .live = true};
    struct log_recovery recovery;
    struct log *log = NULL;
    struct kmb_error error = {0};
    struct log_verify_report report;
    const struct log_verify_options verification = {.live = true};
    uint64_t before = atomic_load(&live->acknowledged);
    enum kmb_status status = log_open(&live->io, live->dir, &options, &recovery, &log, &error);
    if (status != KMB_OK) {
        print_error("open: %s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_true(log_head(log).op >= before);
    uint64_t count = 0;
    const struct log_replay replay = {.op_last = log_head(log).op, .each = live_count, .context = &count};
    status = log_replay_run(&live->io, live->dir, log_identity_of(log), &replay, &error);
    if (status != KMB_OK) {
        print_error("replay: %s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_true(count + 1 >= log_head(log).op); /* a seal block has no entry */
    log_abandon(log);
    before = atomic_load(&live->acknowledged);
    status = log_verify(&live->io, live->dir, &verification, &report, &error);
    if (status != KMB_OK) {
        print_error("verify: %s\n", error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_true(report.last.op >= before);
}

static enum kmb_status live_remove(void *context, const char *name, bool directory) {
    struct live *live = context;
    char path[128];
    (void)directory;
    (void)snprintf(path, sizeof path, "%s/%s", live->dir, name);
    return io_unlink(&live->io, path, NULL);
}

static void test_readers_beside_a_writer(void **state) {
    struct live live = {.io = io_posix(), .environment = environment_system()};
    char parent[] = "/tmp/kmb-live-XXXXXX";
    struct kmb_error error = {0};
    pthread_t thread;
    (void)state;
    assert_non_null(mkdtemp(parent));
    (void)snprintf(live.dir, sizeof live.dir, "%s/log", parent);
    const struct log_params params = {.identity.uuid = "live", .segment_bytes = (uint64_t)256 << 10};
    assert_int_equal(log_create(&live.io, live.dir, &params, slice_text(""), &live.environment, &error), KMB_OK);
    const struct log_options options = {.environment = &live.environment};
    assert_int_equal(log_open(&live.io, live.dir, &options, NULL, &live.log, &error), KMB_OK);
    live.identity = *log_identity_of(live.log);
    assert_int_equal(pthread_create(&thread, NULL, live_write, &live), 0);
    unsigned looks = 0;
    while (!atomic_load(&live.done)) {
        live_look(&live);
        looks++;
    }
    (void)pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&live.acknowledged), LIVE_COMMITS);
    assert_true(looks > 3);
    live_look(&live);
    assert_int_equal(log_close(live.log, &error), KMB_OK);
    live_look(&live);
    print_message("%u looks\n", looks);
    assert_int_equal(io_list(&live.io, live.dir, live_remove, &live, NULL), KMB_OK);
    assert_int_equal(rmdir(live.dir), 0);
    assert_int_equal(rmdir(parent), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_beside_a_writer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
