/* The shard alone, without SQL: creation, commits, group commit of threads, reopening, rebuild, refusal. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/io_fault.h"
#include "base/io_memory.h"
#include "engine/shard.h"

struct fixture {
    struct io_memory *disk;
    struct io io;
    struct environment environment;
    int64_t time_us;
    int64_t wall_shift_us; /* of the wall clock from the boot clock's */
    bool accept_clock;
    struct prng prng;
    pthread_mutex_t lock;
    struct shard *shard;
};

static int64_t fake_tick(struct fixture *fixture) {
    pthread_mutex_lock(&fixture->lock);
    int64_t now = fixture->time_us += 10;
    pthread_mutex_unlock(&fixture->lock);
    return now;
}

static int64_t fake_time(void *context) {
    struct fixture *fixture = context;
    return fake_tick(fixture) + fixture->wall_shift_us;
}

static int64_t fake_boot(void *context) {
    return fake_tick(context) * 1000;
}

static bool fake_random(void *context, void *bytes, size_t count) {
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    prng_bytes(&fixture->prng, bytes, count);
    pthread_mutex_unlock(&fixture->lock);
    return true;
}

static void init(struct fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->disk = io_memory_new(0);
    fixture->io = io_memory_table(fixture->disk);
    fixture->time_us = INT64_C(1700000000000000);
    pthread_mutex_init(&fixture->lock, NULL);
    prng_seed(&fixture->prng, 7);
    fixture->environment = (struct environment){
        .time_us = fake_time, .monotonic_ns = fake_boot, .random = fake_random, .context = fixture};
}

static enum kmb_status try_open(struct fixture *fixture, bool create, bool rebuild, struct kmb_error *error) {
    struct shard_options options = {
        .io = fixture->io,
        .environment = fixture->environment,
        .logger = {.level = LOG_OFF},
        .path = "/data",
        .segment_bytes = 256 << 10,
        .create = create,
        .rebuild = rebuild,
        .accept_clock = fixture->accept_clock,
    };
    return shard_open(&options, &fixture->shard, error);
}

static void open_shard(struct fixture *fixture, bool create, bool rebuild) {
    struct kmb_error error = {0};
    if (try_open(fixture, create, rebuild, &error) != KMB_OK) {
        fail_msg("open: %s (%s)", error.message, error.detail);
    }
}

static void must(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fail_msg("%s: %s", status_row_of(status)->name, error->message);
    }
}

/* Runs one change of tenant 1 and waits for it. */
static struct shard_ticket change(struct shard *shard,
                                  enum kmb_status (*work)(struct kernel_transaction *transaction, int64_t argument,
                                                          struct kmb_error *error),
                                  int64_t argument) {
    struct kmb_error error = {0};
    struct shard_turn turn;
    struct shard_ticket ticket;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    must(shard_turn_begin(shard, &turn, &error), &error);
    must(shard_turn_state(&turn, (struct tenant_id){1}, &state, &error), &error);
    must(kernel_transaction_begin(state, shard_row_ids(shard), &transaction, &error), &error);
    kernel_state_release(state);
    must(work(transaction, argument, &error), &error);
    must(shard_turn_commit(&turn, transaction, NULL, &ticket, &error), &error);
    shard_turn_end(&turn);
    must(shard_wait(shard, ticket.op, &error), &error);
    return ticket;
}

static enum kmb_status create_table(struct kernel_transaction *transaction, int64_t argument, struct kmb_error *error) {
    (void)argument;
    struct column_definition columns[2] = {
        {.name = slice_text("id"), .type = {.id = TYPE_INT8, .modifier = -1}, .not_null = true},
        {.name = slice_text("name"), .type = {.id = TYPE_TEXT, .modifier = -1}},
    };
    struct key_part key = {.column = {1}};
    struct table_definition table = {.name = slice_text("t"),
                                     .schema_name = slice_text("public"),
                                     .columns = columns,
                                     .column_count = 2,
                                     .primary_key = &key,
                                     .primary_key_count = 1};
    struct table_id id;
    return kernel_create_table(transaction, &table, &id, error);
}

static enum kmb_status insert_row(struct kernel_transaction *transaction, int64_t id, struct kmb_error *error) {
    const struct catalogue *catalogue = kernel_transaction_catalogue(transaction);
    const struct table_definition *table = catalogue_table(catalogue, slice_text(""), slice_text("t"));
    char text[32];
    snprintf(text, sizeof(text), "row %lld", (long long)id);
    struct value values[2] = {value_int8(id), value_text(slice_text(text))};
    assert_non_null(table);
    return kernel_insert(transaction, table, values, NULL, NULL, error);
}

static uint64_t count_rows(struct shard *shard) {
    struct kmb_error error = {0};
    struct kernel_state *state = NULL;
    struct kernel_view *view = NULL;
    struct kernel_scan *scan = NULL;
    struct kernel_row rows[64];
    size_t count = 0;
    uint64_t total = 0;
    must(shard_state(shard, (struct tenant_id){1}, &state, &error), &error);
    must(kernel_view_open(state, &view, &error), &error);
    const struct table_definition *table = catalogue_table(view->catalogue, slice_text(""), slice_text("t"));
    assert_non_null(table);
    must(kernel_scan_open(view, table, NULL, &scan, &error), &error);
    do {
        must(kernel_scan_next(scan, rows, 64, &count, &error), &error);
        total += count;
    } while (count != 0);
    kernel_scan_close(scan);
    kernel_view_close(view);
    kernel_state_release(state);
    return total;
}

static struct hash256 state_hash(struct shard *shard) {
    struct kmb_error error = {0};
    struct hash256 hash;
    must(shard_state_hash(shard, &hash, &error), &error);
    return hash;
}

static void test_open_commit_reopen(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    init(&fixture);
    open_shard(&fixture, true, false);
    change(fixture.shard, create_table, 0);
    for (int64_t i = 1; i <= 500; i++) {
        struct shard_ticket ticket = change(fixture.shard, insert_row, i);
        assert_int_equal(ticket.position, (uint64_t)i);
    }
    assert_int_equal(count_rows(fixture.shard), 500);
    struct hash256 before = state_hash(fixture.shard);
    must(shard_close(fixture.shard, &error), &error);

    open_shard(&fixture, false, false); /* from the checkpoint: nothing to replay */
    assert_int_equal(shard_recovery_of(fixture.shard)->replayed_entries, 0);
    assert_int_equal(count_rows(fixture.shard), 500);
    change(fixture.shard, insert_row, 501);
    shard_abandon(fixture.shard); /* the process dies: the log has it, the store does not */

    open_shard(&fixture, false, false);
    assert_int_equal(shard_recovery_of(fixture.shard)->replayed_entries, 1);
    assert_int_equal(count_rows(fixture.shard), 501);
    struct hash256 after = state_hash(fixture.shard);
    assert_false(hash256_equal(&before, &after));
    must(shard_close(fixture.shard, &error), &error);

    open_shard(&fixture, false, true); /* all of it from the log */
    assert_true(shard_recovery_of(fixture.shard)->store_rebuilt);
    assert_int_equal(count_rows(fixture.shard), 501);
    struct hash256 rebuilt = state_hash(fixture.shard);
    assert_true(hash256_equal(&after, &rebuilt));
    must(shard_close(fixture.shard, &error), &error);
    io_memory_free(fixture.disk);
}

#define THREADS         8
#define ROWS_PER_THREAD 50

struct writer {
    struct shard *shard;
    int64_t first;
};

static void *write_rows(void *context) {
    struct writer *writer = context;
    for (int64_t i = 0; i < ROWS_PER_THREAD; i++) {
        change(writer->shard, insert_row, writer->first + i);
    }
    return NULL;
}

static void test_threads_share_commits(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    init(&fixture);
    open_shard(&fixture, true, false);
    change(fixture.shard, create_table, 0);
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.shard = fixture.shard, .first = 1000 * (i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, write_rows, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(count_rows(fixture.shard), THREADS * ROWS_PER_THREAD);
    must(shard_checkpoint(fixture.shard, &error), &error);
    shard_abandon(fixture.shard);
    open_shard(&fixture, false, false);
    assert_int_equal(count_rows(fixture.shard), THREADS * ROWS_PER_THREAD);
    must(shard_close(fixture.shard, &error), &error);
    io_memory_free(fixture.disk);
}

static void test_second_open_is_locked(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    init(&fixture);
    open_shard(&fixture, true, false);
    struct shard *first = fixture.shard;
    assert_int_equal(try_open(&fixture, false, false, &error), KMB_LOCKED);
    assert_null(fixture.shard);
    assert_non_null(strstr(error.detail, "pid"));
    must(shard_close(first, &error), &error);
    open_shard(&fixture, false, false);
    must(shard_close(fixture.shard, &error), &error);
    io_memory_free(fixture.disk);
}

static void test_not_a_database(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    init(&fixture);
    assert_int_equal(try_open(&fixture, false, false, &error), KMB_NOT_A_DATABASE);
    must(io_make_directory(&fixture.io, "/data", &error), &error);
    must(io_replace_file(&fixture.io, "/data/letter.txt", 0, slice_text("dear"), &error), &error);
    assert_int_equal(try_open(&fixture, true, false, &error), KMB_NOT_A_DATABASE);
    assert_non_null(strstr(error.message, "letter.txt"));
    io_memory_free(fixture.disk);
}

static void test_failed_sync_is_fatal(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    init(&fixture);
    struct io plain = fixture.io;
    struct io_fault *fault = io_fault_new(&plain, NULL, NULL);
    fixture.io = io_fault_table(fault);
    open_shard(&fixture, true, false);
    change(fixture.shard, create_table, 0);
    change(fixture.shard, insert_row, 1);
    io_fault_rate(fault, IO_FAULT_SYNC, 1, 1, &fixture.prng);
    struct shard_turn turn;
    struct shard_ticket ticket;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    must(shard_turn_begin(fixture.shard, &turn, &error), &error);
    must(shard_turn_state(&turn, (struct tenant_id){1}, &state, &error), &error);
    must(kernel_transaction_begin(state, NULL, &transaction, &error), &error);
    kernel_state_release(state);
    must(insert_row(transaction, 2, &error), &error);
    must(shard_turn_commit(&turn, transaction, NULL, &ticket, &error), &error);
    shard_turn_end(&turn);
    assert_int_equal(shard_wait(fixture.shard, ticket.op, &error), KMB_FATAL);
    io_fault_clear(fault);
    assert_int_equal(shard_turn_begin(fixture.shard, &turn, &error), KMB_FATAL); /* for ever */
    assert_int_equal(count_rows(fixture.shard), 1);                              /* reading goes on */
    shard_abandon(fixture.shard);
    fixture.io = plain;
    open_shard(&fixture, false, false);
    assert_true(count_rows(fixture.shard) >= 1);
    must(shard_close(fixture.shard, &error), &error);
    io_fault_free(fault);
    io_memory_free(fixture.disk);
}

static uint64_t position_at(struct shard *shard, int64_t time_us) {
    struct kmb_error error = {0};
    struct kernel_state *state = NULL;
    struct kernel_entry entry;
    must(shard_state(shard, (struct tenant_id){1}, &state, &error), &error);
    must(kernel_entry_at_time(state, time_us, &entry, &error), &error);
    kernel_state_release(state);
    return entry.position_after;
}

static void assert_clock_refused(struct shard *shard) {
    struct kmb_error error = {0};
    struct shard_turn turn;
    assert_int_equal(shard_turn_begin(shard, &turn, &error), KMB_CLOCK);
    assert_string_equal(error.message, "the clock jumped or stands behind the log; writes are refused");
}

/* Commit times only grow, whatever the wall clock does; each is found again, also after opening anew. A clock that is
 * far behind is not believed until somebody says so. */
static void test_clock_set_back(void **unused) {
    (void)unused;
    struct fixture fixture;
    struct kmb_error error = {0};
    struct shard_ticket tickets[6];
    init(&fixture);
    open_shard(&fixture, true, false);
    int64_t last = change(fixture.shard, create_table, 0).time_us;
    for (int i = 0; i < 5; i++) {
        fixture.wall_shift_us -= 400000;
        tickets[i] = change(fixture.shard, insert_row, i);
        assert_true(tickets[i].time_us > last);
        last = tickets[i].time_us;
    }
    fixture.wall_shift_us -= 5000000;
    assert_clock_refused(fixture.shard);
    assert_int_equal(count_rows(fixture.shard), 5); /* reading goes on */
    shard_abandon(fixture.shard);
    open_shard(&fixture, false, false);
    assert_clock_refused(fixture.shard);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(position_at(fixture.shard, tickets[i].time_us), i + 1);
        assert_int_equal(position_at(fixture.shard, tickets[i].time_us - 1), i);
    }
    shard_abandon(fixture.shard);
    fixture.accept_clock = true;
    open_shard(&fixture, false, false);
    tickets[5] = change(fixture.shard, insert_row, 5);
    assert_true(tickets[5].time_us > last);
    assert_int_equal(position_at(fixture.shard, tickets[5].time_us), 6);
    must(shard_close(fixture.shard, &error), &error);
    io_memory_free(fixture.disk);
}

static uint32_t find(struct shard *shard, const char *name) {
    struct kmb_error error = {0};
    struct tenant_id tenant = {9};
    must(shard_tenant_find(shard, slice_text(name), &tenant, &error), &error);
    return tenant.value;
}

static void make_tenant(struct shard *shard, uint32_t tenant, const char *name) {
    struct kmb_error error = {0};
    must(shard_tenant_create(shard, tenant, slice_text(name), &error), &error);
}

/* Those that were there before anybody asked, those that come after, names that others have, and after a restart. */
static void test_tenants_by_name(void **test) {
    (void)test;
    struct fixture fixture;
    struct kmb_error error = {0};
    init(&fixture);
    open_shard(&fixture, true, false);
    make_tenant(fixture.shard, 70, "clinic");
    make_tenant(fixture.shard, 71, "");
    assert_int_equal(find(fixture.shard, "clinic"), 70);
    assert_int_equal(find(fixture.shard, "lab"), 0);
    assert_int_equal(find(fixture.shard, ""), 0);
    make_tenant(fixture.shard, 80, "lab");
    assert_int_equal(shard_tenant_create(fixture.shard, 60, slice_text("clinic"), &error), KMB_TENANT_EXISTS);
    assert_int_equal(shard_tenant_create(fixture.shard, 60, slice_text("80"), &error), KMB_INVALID_NAME);
    assert_int_equal(find(fixture.shard, "lab"), 80);
    assert_int_equal(find(fixture.shard, "clinic"), 70);
    make_tenant(fixture.shard, 70, "clinic");
    make_tenant(fixture.shard, 60, "60");
    assert_int_equal(shard_tenant_create(fixture.shard, 80, slice_text("else"), &error), KMB_TENANT_EXISTS);
    assert_int_equal(find(fixture.shard, "else"), 0);
    must(shard_close(fixture.shard, &error), &error);
    open_shard(&fixture, false, false);
    assert_int_equal(shard_tenant_create(fixture.shard, 61, slice_text("lab"), &error), KMB_TENANT_EXISTS);
    assert_int_equal(find(fixture.shard, "clinic"), 70);
    assert_int_equal(find(fixture.shard, "lab"), 80);
    uint32_t tables = 0;
    must(shard_tenant_delete(fixture.shard, 80, &tables, &error), &error);
    make_tenant(fixture.shard, 62, "lab"); /* a name is free again when who had it is gone */
    assert_int_equal(find(fixture.shard, "lab"), 62);
    must(shard_tenant_create_shared(fixture.shard, 63, slice_text("lab"), &error), &error);
    assert_int_equal(find(fixture.shard, "lab"), 62);
    must(shard_tenant_create_shared(fixture.shard, 61, slice_text("lab"), &error), &error);
    assert_int_equal(find(fixture.shard, "lab"), 61);
    must(shard_close(fixture.shard, &error), &error);
    io_memory_free(fixture.disk);
}

static enum kmb_status create_stream(struct kernel_transaction *transaction, const char *name,
                                     struct kmb_error *error) {
    struct stream_id id;
    return kernel_create_stream(transaction, slice_text(name), DATA_CLASS_PUBLIC, &id, error);
}

static enum kmb_status commit_stream(struct shard *shard, uint32_t tenant, const char *name) {
    struct kmb_error error = {0};
    struct shard_turn turn;
    struct shard_ticket ticket;
    struct kernel_state *state = NULL;
    struct kernel_transaction *transaction = NULL;
    must(shard_turn_begin(shard, &turn, &error), &error);
    must(shard_turn_state(&turn, (struct tenant_id){tenant}, &state, &error), &error);
    must(kernel_transaction_begin(state, shard_row_ids(shard), &transaction, &error), &error);
    kernel_state_release(state);
    must(create_stream(transaction, name, &error), &error);
    enum kmb_status status = shard_turn_commit(&turn, transaction, NULL, &ticket, &error);
    shard_turn_end(&turn);
    if (status == KMB_OK) {
        must(shard_wait(shard, ticket.op, &error), &error);
    }
    return status;
}

static enum kmb_status look(struct shard *shard, uint32_t tenant) {
    struct kmb_error error = {0};
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(shard, (struct tenant_id){tenant}, &state, &error);
    kernel_state_release(state);
    return status;
}

/* A deleted tenant is neither read nor written, its number is not used again, its name is; after a restart, too. */
static void test_tenant_deleted(void **test) {
    (void)test;
    struct fixture fixture;
    struct kmb_error error = {0};
    uint32_t tables = 9;
    init(&fixture);
    open_shard(&fixture, true, false);
    make_tenant(fixture.shard, 70, "clinic");
    make_tenant(fixture.shard, 71, "lab");
    assert_int_equal(commit_stream(fixture.shard, 70, "first"), KMB_OK);
    assert_int_equal(find(fixture.shard, "clinic"), 70);
    assert_int_equal(shard_tenant_delete(fixture.shard, 1, &tables, &error), KMB_USAGE);
    assert_int_equal(shard_tenant_delete(fixture.shard, 99, &tables, &error), KMB_TENANT_NOT_FOUND);
    must(shard_tenant_delete(fixture.shard, 70, &tables, &error), &error);
    assert_int_equal(tables, 0);
    assert_int_equal(shard_tenant_delete(fixture.shard, 70, &tables, &error), KMB_TENANT_NOT_FOUND);
    assert_int_equal(look(fixture.shard, 70), KMB_TENANT_NOT_FOUND);
    assert_int_equal(look(fixture.shard, 71), KMB_OK);
    assert_int_equal(commit_stream(fixture.shard, 70, "second"), KMB_TENANT_NOT_FOUND);
    assert_int_equal(find(fixture.shard, "clinic"), 0);
    assert_int_equal(shard_tenant_create(fixture.shard, 70, slice_text("clinic"), &error), KMB_TENANT_EXISTS);
    make_tenant(fixture.shard, 72, "clinic");
    assert_int_equal(find(fixture.shard, "clinic"), 72);
    struct hash256 hash = state_hash(fixture.shard);
    must(shard_close(fixture.shard, &error), &error);
    for (unsigned rebuild = 0; rebuild < 2; rebuild++) {
        open_shard(&fixture, false, rebuild != 0);
        struct hash256 again = state_hash(fixture.shard);
        assert_memory_equal(&again, &hash, sizeof(hash));
        assert_int_equal(look(fixture.shard, 70), KMB_TENANT_NOT_FOUND);
        assert_int_equal(find(fixture.shard, "clinic"), 72);
        assert_int_equal(shard_tenant_create(fixture.shard, 70, slice_text(""), &error), KMB_TENANT_EXISTS);
        must(shard_close(fixture.shard, &error), &error);
    }
    io_memory_free(fixture.disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_commit_reopen),    cmocka_unit_test(test_threads_share_commits),
        cmocka_unit_test(test_second_open_is_locked), cmocka_unit_test(test_not_a_database),
        cmocka_unit_test(test_failed_sync_is_fatal),  cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_tenants_by_name),       cmocka_unit_test(test_tenant_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
