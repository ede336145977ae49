/* A statement whose plan is kept between texts that differ in literals answers as one that is planned each time. */
#include "box.h"

#define TIMES 6 /* the plan is kept from the third on */

/* One statement by its text: the first value, or the error. */
static enum kmb_status once(kmb_session *session, const char *format, int number, int64_t *value,
                            struct kmb_error *error) {
    char sql[512];
    snprintf(sql, sizeof(sql), format, number);
    *error = (struct kmb_error){0};
    return run(session, sql, value, error);
}

static void rows(struct box *box) {
    ASK(box->one, "CREATE TABLE t (id integer PRIMARY KEY, name text, d date, n numeric(6,2))");
    ASK(box->one,
        "INSERT INTO t SELECT i, 'name ' || i, DATE '2024-01-01' + i, i / 4.0 FROM generate_series(1, 500) i");
}

static void the_same_answers(void **state) {
    struct box *box = *state;
    int64_t value = 0;
    rows(box);
    for (int i = 1; i <= 100; i++) {
        char text[100];
        MUST(once(box->one, "SELECT id * 2 FROM t WHERE id = %d", i, &value, &error));
        assert_int_equal(value, i * 2);
        MUST(once(box->one, "SELECT id FROM t WHERE name = 'name %d'", i, &value, &error));
        assert_int_equal(value, i);
        MUST(once(box->one, "SELECT count(*) FROM t WHERE id IN (%d, 7, 8)", i, &value, &error));
        assert_int_equal(value, i == 7 || i == 8 ? 2 : 3);
        MUST(once(box->one, "SELECT count(*) FROM t WHERE id < %d", i, &value, &error));
        assert_int_equal(value, i - 1);
        MUST(once(box->one, "INSERT INTO t VALUES (%d000, 'it''s', '2025-05-05', 1.25) RETURNING id", i, &value,
                  &error));
        assert_int_equal(value, i * 1000);
        MUST(once(box->one, "UPDATE t SET n = 2.345, name = 'new' WHERE id = %d000 RETURNING (n * 100)::integer", i,
                  &value, &error));
        assert_int_equal(value, 235);
        snprintf(text, sizeof(text), "SELECT id FROM t WHERE id = %d000 AND d = '2025-05-05'", i);
        assert_int_equal(ASK(box->one, text), i * 1000);
        MUST(once(box->one, "DELETE FROM t WHERE id = %d000", i, &value, &error));
    }
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t"), 500);
}

static void the_same_errors(void **state) {
    struct box *box = *state;
    struct kmb_error first;
    struct kmb_error told;
    int64_t value = 0;
    rows(box);
    static const struct {
        const char *format;
        const char *last; /* one that fails */
    } cases[] = {
        {"SELECT id FROM t WHERE d = '2024-01-%02d'", "SELECT id FROM t WHERE d = '2024-01-99'"},
        {"INSERT INTO t VALUES (%d600, 'x', NULL, 1)", "INSERT INTO t VALUES (1, 'x', NULL, 1)"},
        {"INSERT INTO t VALUES (%d700, 'x', NULL, 1)", "INSERT INTO t VALUES (90, 'x', NULL, 99999)"},
        {"SELECT 1 / (id - 3) FROM t WHERE id = 1%d", "SELECT 1 / (id - 3) FROM t WHERE id = 3"},
        {"UPDATE t SET n = n * 10 WHERE id = 1%d", "UPDATE t SET n = n * 1000000 WHERE id = 400"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum kmb_status wanted = once(box->two, cases[i].last, 0, &value, &first);
        assert_int_not_equal(wanted, KMB_OK);
        for (int k = 1; k <= TIMES; k++) {
            MUST(once(box->one, cases[i].format, k, &value, &error));
        }
        assert_int_equal(once(box->one, cases[i].last, 0, &value, &told), wanted);
        assert_string_equal(told.message, first.message);
        assert_int_equal(told.position, first.position);
    }
}

static void what_changes_meanwhile(void **state) {
    struct box *box = *state;
    struct kmb_error told;
    int64_t value = 0;
    rows(box);
    static const char format[] = "SELECT id FROM t WHERE id = %d";
    for (int i = 1; i <= TIMES; i++) {
        MUST(once(box->one, format, i, &value, &error));
    }
    /* another type, in another session */
    ASK(box->two, "ALTER TABLE t RENAME COLUMN id TO key");
    assert_int_equal(once(box->one, format, 7, &value, &told), KMB_UNDEFINED_COLUMN);
    ASK(box->two, "ALTER TABLE t RENAME COLUMN key TO id");
    MUST(once(box->one, format, 8, &value, &error));
    assert_int_equal(value, 8);
    ASK(box->two, "DROP TABLE t");
    assert_int_equal(once(box->one, format, 9, &value, &told), KMB_UNDEFINED_TABLE);
    ASK(box->two, "CREATE TABLE t (id text PRIMARY KEY)");
    ASK(box->two, "INSERT INTO t VALUES ('10')");
    assert_int_equal(once(box->one, format, 10, &value, &told), KMB_UNDEFINED_FUNCTION);
    /* the session's zone */
    static const char zoned[] = "SELECT count(*) FROM z WHERE at = '2024-01-0%d 00:00:00'";
    ASK(box->one, "CREATE TABLE z (at timestamptz)");
    ASK(box->one, "INSERT INTO z VALUES ('2024-01-01 00:00:00+00')");
    for (int i = 1; i <= TIMES; i++) {
        MUST(once(box->one, zoned, 1, &value, &error));
        assert_int_equal(value, 1);
    }
    ASK(box->one, "SET TimeZone = '+05'");
    MUST(once(box->one, zoned, 1, &value, &error));
    assert_int_equal(value, 0);
}

static void two_at_once(void **state) {
    struct box *box = *state;
    kmb_statement *statements[3] = {NULL};
    int64_t value = 0;
    rows(box);
    for (int i = 1; i <= TIMES; i++) {
        MUST(once(box->one, "SELECT id FROM t WHERE id = %d", i, &value, &error));
    }
    for (int i = 0; i < 3; i++) {
        char sql[64];
        const char *tail = NULL;
        int length = snprintf(sql, sizeof(sql), "SELECT id FROM t WHERE id = %d ; ", 20 + i);
        MUST(kmb_prepare(box->one, sql, (size_t)length, &statements[i], &tail, &error));
        assert_ptr_equal(tail, sql + strlen("SELECT id FROM t WHERE id = 20"));
        assert_int_equal(kmb_parameter_count(statements[i]), 0);
        assert_int_equal(kmb_bind_int64(statements[i], 1, 5, NULL), KMB_UNDEFINED_PARAMETER);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(kmb_step(statements[i], NULL), KMB_ROW);
            assert_int_equal(kmb_column_int64(statements[i], 0), 20 + i);
            assert_string_equal(kmb_column_name(statements[i], 0), "id");
            kmb_reset(statements[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        kmb_finalize(statements[i]);
    }
}

/* More statements than are kept: the oldest go. */
static void more_than_are_kept(void **state) {
    struct box *box = *state;
    int64_t value = 0;
    rows(box);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 200; i++) {
            char sql[128];
            snprintf(sql, sizeof(sql), "SELECT id + %d FROM t WHERE id = %d", i, i % 9 + 1);
            MUST(run(box->one, sql, &value, &error));
            assert_int_equal(value, i + i % 9 + 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_changes_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_are_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
