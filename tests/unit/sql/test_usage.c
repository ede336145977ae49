/* Counters of tables and indexes: each has its own, threads add to the same ones, and their number has a bound. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/memory.h"
#include "sql/usage.h"

static const struct tenant_id one = {1};
static const struct tenant_id two = {2};
static const struct table_id table = {7};

static void each_has_its_own(void **state) {
    (void)state;
    struct sql_usage *usage = sql_usage_new(99);
    assert_non_null(usage);
    usage_add_table(usage, one, table, &(struct usage_table){1, 2, 3, 4, 5, 6});
    usage_add_table(usage, one, table, &(struct usage_table){.deleted = 1});
    usage_add_index(usage, one, table, (struct index_id){0}, &(struct usage_index){10, 20});
    usage_add_index(usage, one, table, (struct index_id){3}, &(struct usage_index){1, 0});
    struct usage_table found = usage_of_table(usage, one, table);
    assert_true(found.scans == 1 && found.scan_rows == 2 && found.fetched == 3);
    assert_true(found.inserted == 4 && found.updated == 5 && found.deleted == 7);
    assert_int_equal(usage_of_index(usage, one, table, (struct index_id){0}).rows, 20);
    assert_int_equal(usage_of_index(usage, one, table, (struct index_id){3}).scans, 1);
    assert_int_equal(usage_of_table(usage, two, table).scans, 0);
    assert_int_equal(usage_of_table(usage, one, (struct table_id){8}).scans, 0);
    assert_int_equal(sql_usage_since(usage), 99);
    sql_usage_free(usage);
}

static void tallies_tell_once(void **state) {
    (void)state;
    struct sql_usage *usage = sql_usage_new(0);
    struct usage_tally whole = {.usage = usage, .tenant = one, .table = table, .whole = true, .scans = 1, .rows = 5};
    struct usage_tally keys = {
        .usage = usage, .tenant = one, .table = table, .index = {4}, .scans = 3, .rows = 9, .fetched = 8};
    usage_tally_end(&whole);
    usage_tally_end(&whole);
    usage_tally_end(&keys);
    usage_tally_end(&keys);
    struct usage_table found = usage_of_table(usage, one, table);
    assert_true(found.scans == 1 && found.scan_rows == 5 && found.fetched == 8);
    struct usage_index index = usage_of_index(usage, one, table, (struct index_id){4});
    assert_true(index.scans == 3 && index.rows == 9);
    sql_usage_free(usage);
}

static void without_a_place_nothing_is_counted(void **state) {
    (void)state;
    struct sql_usage *usage = sql_usage_new(0);
    usage_add_table(NULL, one, table, &(struct usage_table){.scans = 1});
    assert_int_equal(usage_of_table(NULL, one, table).scans, 0);
    assert_int_equal(sql_usage_since(NULL), 0);
    mem_fail_plan(1);
    usage_add_table(usage, one, table, &(struct usage_table){.scans = 1});
    mem_fail_plan(0);
    assert_int_equal(usage_of_table(usage, one, table).scans, 0);
    for (uint32_t i = 0; i < 2 * USAGE_PLACES_MAX; i++) {
        usage_add_table(usage, one, (struct table_id){i}, &(struct usage_table){.scans = 1});
    }
    uint64_t counted = 0;
    for (uint32_t i = 0; i < 2 * USAGE_PLACES_MAX; i++) {
        counted += usage_of_table(usage, one, (struct table_id){i}).scans;
    }
    assert_int_equal(counted, USAGE_PLACES_MAX);
    sql_usage_free(usage);
}

static void *many(void *usage) {
    for (uint32_t i = 0; i < 10000; i++) {
        usage_add_table(usage, one, (struct table_id){i % 50}, &(struct usage_table){.inserted = 1});
    }
    return NULL;
}

static void threads_share_them(void **state) {
    (void)state;
    struct sql_usage *usage = sql_usage_new(0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many, usage), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(usage_of_table(usage, one, (struct table_id){i}).inserted, 800);
    }
    sql_usage_free(usage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(tallies_tell_once),
        cmocka_unit_test(without_a_place_nothing_is_counted),
        cmocka_unit_test(threads_share_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
