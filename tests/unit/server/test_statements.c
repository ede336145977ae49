/* Statistics of statements: what is one statement, what the numbers come to, and that their room has a bound. */
#include "server_test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "server/statements.h"

static struct environment environment;

static struct statements *make(size_t entries_max) {
    environment = environment_system();
    struct statements *statements = statements_new(&environment, entries_max);
    assert_non_null(statements);
    return statements;
}

static struct statements_place add(struct statements *statements, uint32_t tenant, const char *user, const char *text,
                                   int64_t duration_ns) {
    const struct statements_run run = {.tenant = tenant,
                                       .user = user,
                                       .text = slice_text(text),
                                       .duration_ns = duration_ns,
                                       .rows = 2,
                                       .log_bytes = 100,
                                       .succeeded = strstr(text, "fails") == NULL};
    return statements_add(statements, &run);
}

/* The one that has this text; its strings are not kept. */
static struct sql_statement_figures find(struct statements *statements, uint32_t tenant, const char *text) {
    size_t count = 0;
    struct sql_statement_figures found = {0};
    struct sql_statement_figures *list = statements_list(statements, tenant, &count);
    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_text(list[i].text, text)) {
            assert_int_equal(found.calls, 0); /* one alone */
            found = list[i];
        }
    }
    mem_free(list);
    return found;
}

static size_t kept(struct statements *statements) {
    size_t count = 0;
    uint64_t evicted = 0;
    statements_counts(statements, &count, &evicted);
    return count;
}

static void literals_make_no_difference(void **state) {
    (void)state;
    struct statements *statements = make(100);
    add(statements, 1, "a", "SELECT * FROM t WHERE id = 1", 1000000);
    add(statements, 1, "a", "SELECT * FROM t WHERE id = 77", 3000000);
    add(statements, 1, "a", "SELECT * FROM t WHERE id = 77", 3000000);
    add(statements, 1, "a", "SELECT * FROM t WHERE id = 5 /*traceparent='00-1-2-01'*/", 3000000);
    add(statements, 1, "a", "/* of a tool */ SELECT * FROM t WHERE id = 6 /* and * another */ ;", 3000000);
    struct sql_statement_figures one = find(statements, 1, "SELECT * FROM t WHERE id = $1");
    assert_int_equal(one.calls, 5);
    assert_int_equal(one.rows, 10);
    assert_int_equal(one.log_bytes, 500);
    assert_int_equal(one.errors, 0);
    assert_int_equal(kept(statements), 1);
    add(statements, 1, "a", "SELECT '/* no comment */'", 1);
    assert_int_equal(find(statements, 1, "SELECT $1").calls, 1);
    statements_free(statements);
}

static void what_is_no_sql_shows_nothing(void **state) {
    (void)state;
    struct statements *statements = make(100);
    add(statements, 1, "a", "SELEC 'secret' fails", 1);
    add(statements, 1, "a", "SELECT 'another secret fails", 1);
    struct sql_statement_figures one = find(statements, 1, "(not shown)");
    assert_int_equal(one.calls, 2);
    assert_int_equal(one.errors, 2);
    assert_int_equal(kept(statements), 1);
    statements_free(statements);
}

static void tenants_and_users_are_apart(void **state) {
    (void)state;
    struct statements *statements = make(100);
    size_t count = 0;
    add(statements, 1, "a", "SELECT 1", 1);
    add(statements, 2, "a", "SELECT 2", 1); /* the same when plain */
    add(statements, 2, "b", "SELECT 1", 1); /* the same as written */
    mem_free(statements_list(statements, 1, &count));
    assert_int_equal(count, 1);
    mem_free(statements_list(statements, 2, &count));
    assert_int_equal(count, 2);
    mem_free(statements_list(statements, 0, &count));
    assert_int_equal(count, 3);
    statements_reset(statements, 2);
    assert_int_equal(find(statements, 2, "SELECT $1").calls, 0);
    assert_int_equal(find(statements, 1, "SELECT $1").calls, 1);
    add(statements, 2, "b", "SELECT 1", 1);
    assert_int_equal(find(statements, 2, "SELECT $1").calls, 1);
    statements_free(statements);
}

static void assert_near(double is, double wanted, double part) {
    if (fabs(is - wanted) > wanted * part) {
        fail_msg("%g is not about %g", is, wanted);
    }
}

static void times_are_told(void **state) {
    (void)state;
    struct statements *statements = make(100);
    struct statements_place place = {0};
    for (int i = 1; i <= 1000; i++) {
        place = add(statements, 1, "a", "SELECT 1", i * 10000); /* 10 us to 10 ms, evenly */
    }
    statements_synced(statements, place, 2500000);
    struct sql_statement_figures one = find(statements, 1, "SELECT $1");
    assert_near(one.total, 5005, 1e-9);
    assert_near(one.least, 0.01, 1e-9);
    assert_near(one.most, 10, 1e-9);
    assert_near(one.mean, 5.005, 1e-9);
    assert_near(one.deviation, 2.88674990,
                1e-6); /* of the population, as PostgreSQL's: sqrt((1000^2 - 1) / 12) / 100 */
    assert_near(one.median, 5, 0.1);
    assert_near(one.p95, 9.5, 0.1);
    assert_near(one.p99, 9.9, 0.1);
    assert_int_equal(one.syncs, 1);
    assert_near(one.sync_total, 2.5, 1e-9);
    assert_true(one.first_us > 0 && one.last_us >= one.first_us);
    add(statements, 1, "a", "VALUES (1)", INT64_MAX); /* beyond the last class */
    assert_near(find(statements, 1, "VALUES ($1)").p99, (double)INT64_MAX / 1e6, 1e-9);
    statements_free(statements);
}

/* A name of its own for each number: literals would make one of them. */
static void add_numbered(struct statements *statements, int number) {
    char text[64];
    (void)snprintf(text, sizeof text, "SELECT * FROM t%d", number);
    add(statements, 1, "a", text, 1000);
}

static void the_least_used_give_way(void **state) {
    (void)state;
    struct statements *statements = make(100);
    uint64_t evicted = 0;
    size_t count = 0;
    struct statements_place gone = add(statements, 1, "a", "SELECT * FROM once", 1000);
    for (int i = 0; i < 1000; i++) {
        add(statements, 1, "a", "SELECT * FROM often", 1000);
        add_numbered(statements, i);
    }
    assert_true(kept(statements) <= 100 && kept(statements) > 80);
    statements_counts(statements, &count, &evicted);
    assert_int_equal(count + evicted, 1002);
    assert_int_equal(find(statements, 1, "SELECT * FROM often").calls, 1000);
    assert_int_equal(find(statements, 1, "SELECT * FROM once").calls, 0);
    statements_synced(statements, gone, 1000); /* of nobody else's */
    struct sql_statement_figures *list = statements_list(statements, 0, &count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].syncs, 0);
    }
    mem_free(list);
    statements_free(statements);
}

static void none_are_kept_where_none_may_be(void **state) {
    (void)state;
    struct statements *statements = make(0);
    assert_int_equal(add(statements, 1, "a", "SELECT 1", 1).version, 0);
    assert_int_equal(kept(statements), 0);
    statements_free(statements);
}

static void no_memory_is_no_harm(void **state) {
    (void)state;
    struct statements *statements = make(100);
    for (uint64_t at = 1; at <= 12; at++) {
        mem_fail_plan(at);
        add_numbered(statements, (int)at);
        mem_fail_plan(0);
        add_numbered(statements, 100 + (int)at);
    }
    assert_true(kept(statements) >= 12);
    size_t count = 0;
    mem_fail_plan(1);
    assert_null(statements_list(statements, 0, &count));
    mem_fail_plan(0);
    statements_free(statements);
}

static void *many(void *context) {
    for (int i = 0; i < 2000; i++) {
        add(context, 1, "a", "SELECT * FROM shared", 1000);
        add_numbered(context, i % 300);
    }
    return NULL;
}

static void threads_share_them(void **state) {
    (void)state;
    struct statements *statements = make(100);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many, statements), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(find(statements, 1, "SELECT * FROM shared").calls, 8000);
    statements_free(statements);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_make_no_difference), cmocka_unit_test(what_is_no_sql_shows_nothing),
        cmocka_unit_test(tenants_and_users_are_apart), cmocka_unit_test(times_are_told),
        cmocka_unit_test(the_least_used_give_way),     cmocka_unit_test(none_are_kept_where_none_may_be),
        cmocka_unit_test(no_memory_is_no_harm),        cmocka_unit_test(threads_share_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
