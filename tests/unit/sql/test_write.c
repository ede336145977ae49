/*
 * INSERT, UPDATE and DELETE: constraints with PostgreSQL's words, which fault is told first, ON CONFLICT in all its
 * forms, RETURNING, and that a statement does not meet its own changes.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, v int NOT NULL DEFAULT 7, w text, "
        "CONSTRAINT small CHECK (v < 100))");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

/* A refusal with its detail. */
#define REFUSED_DETAIL(text_, sqlstate_, message_, detail_)                                                            \
    do {                                                                                                               \
        REFUSED(text_, sqlstate_, 0, message_);                                                                        \
        assert_string_equal(f->error.detail, detail_);                                                                 \
    } while (0)

static void test_constraints(void **state) {
    (void)state;
    REFUSED_DETAIL("INSERT INTO t VALUES (1, 2, null, 'x')", "23502",
                   "null value in column \"v\" of relation \"t\" violates not-null constraint",
                   "Failing row contains (1, 2, null, x).");
    REFUSED_DETAIL("INSERT INTO t (u) VALUES (2)", "23502",
                   "null value in column \"id\" of relation \"t\" violates not-null constraint",
                   "Failing row contains (null, 2, 7, null).");
    REFUSED_DETAIL("INSERT INTO t VALUES (1, 2, 100, null)", "23514",
                   "new row for relation \"t\" violates check constraint \"small\"",
                   "Failing row contains (1, 2, 100, null).");
    ROWS("SELECT count(*) FROM t", "0\n");
    SQL("INSERT INTO t VALUES (1, 10, DEFAULT, 'a'), (2, null, 20, null), (3, null, 30, 'c')");
    REFUSED_DETAIL("INSERT INTO t VALUES (4, null, 1, null), (2, null, 1, null)", "23505",
                   "duplicate key value violates unique constraint \"t_pkey\"", "Key (id)=(2) already exists.");
    REFUSED_DETAIL("INSERT INTO t VALUES (4, 10, 1, null)", "23505",
                   "duplicate key value violates unique constraint \"t_u_key\"", "Key (u)=(10) already exists.");
    REFUSED_DETAIL("INSERT INTO t VALUES (4, 1, 1, null), (4, 2, 1, null)", "23505",
                   "duplicate key value violates unique constraint \"t_pkey\"", "Key (id)=(4) already exists.");
    REFUSED_DETAIL("UPDATE t SET v = v * 4 WHERE id > 1", "23514",
                   "new row for relation \"t\" violates check constraint \"small\"",
                   "Failing row contains (3, null, 120, c).");
    REFUSED_DETAIL("UPDATE t SET id = 3 WHERE id = 2", "23505",
                   "duplicate key value violates unique constraint \"t_pkey\"", "Key (id)=(3) already exists.");
    REFUSED_DETAIL("UPDATE t SET id = null WHERE id = 2", "23502",
                   "null value in column \"id\" of relation \"t\" violates not-null constraint",
                   "Failing row contains (null, null, 20, null).");
    ROWS("SELECT * FROM t ORDER BY id", "1|10|7|a\n2|null|20|null\n3|null|30|c\n"); /* nothing half done */
    SQL("DELETE FROM t");
}

/* Of several bad rows the first is told, whatever its fault. */
static void test_the_first_bad_row_is_told(void **state) {
    (void)state;
    SQL("INSERT INTO t VALUES (1, 1, 1, null)");
    REFUSED("INSERT INTO t VALUES (2, 2, 100, null), (3, 3, null, null)", "23514", 0,
            "new row for relation \"t\" violates check constraint \"small\"");
    REFUSED("INSERT INTO t VALUES (3, 3, null, null), (2, 2, 100, null)", "23502", 0,
            "null value in column \"v\" of relation \"t\" violates not-null constraint");
    REFUSED("INSERT INTO t VALUES (1, 3, 1, null), (2, 2, 100, null)", "23505", 0,
            "duplicate key value violates unique constraint \"t_pkey\"");
    /* a CHECK that fails to evaluate behind a bad row is not evaluated */
    SQL("CREATE TABLE d (a int NOT NULL, CHECK (10 / a > 0))");
    REFUSED("INSERT INTO d VALUES (null), (0)", "23502", 0,
            "null value in column \"a\" of relation \"d\" violates not-null constraint");
    REFUSED("INSERT INTO d VALUES (1), (0)", "22012", 0, "division by zero");
    SQL("DELETE FROM t");
}

static void test_on_conflict(void **state) {
    (void)state;
    SQL("INSERT INTO t VALUES (1, 10, 1, 'a'), (2, 20, 2, 'b')");
    ROWS("INSERT INTO t VALUES (1, 11, 5, 'x'), (3, 30, 3, 'c') ON CONFLICT DO NOTHING RETURNING id", "3\n");
    ROWS("INSERT INTO t VALUES (9, 10, 5, 'x') ON CONFLICT DO NOTHING RETURNING id", "");
    ROWS("INSERT INTO t VALUES (1, 10, 5, 'x') ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v, w = upper(t.w) "
         "RETURNING *",
         "1|10|6|A\n");
    ROWS("INSERT INTO t VALUES (9, 20, 5, 'x') ON CONFLICT (u) DO UPDATE SET w = excluded.w || excluded.id RETURNING *",
         "2|20|2|x9\n");
    ROWS("INSERT INTO t VALUES (1, 0, 50, 'x') ON CONFLICT (id) DO UPDATE SET v = 99 WHERE t.v > 6 RETURNING *", "");
    ROWS("INSERT INTO t VALUES (2, 0, 50, 'x'), (4, 40, 50, 'y') ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING id",
         "7\n4\n");
    ROWS("SELECT * FROM t ORDER BY id", "1|10|6|A\n3|30|3|c\n4|40|50|y\n7|20|2|x9\n");
    /* the target named decides: a conflict elsewhere is an error, unless the named key is taken too */
    REFUSED("INSERT INTO t VALUES (9, 10, 5, 'x') ON CONFLICT (id) DO NOTHING", "23505", 0,
            "duplicate key value violates unique constraint \"t_u_key\"");
    REFUSED("INSERT INTO t VALUES (1, 99, 5, 'x') ON CONFLICT (u) DO NOTHING", "23505", 0,
            "duplicate key value violates unique constraint \"t_pkey\"");
    ROWS("INSERT INTO t VALUES (1, 30, 5, 'x') ON CONFLICT (u) DO UPDATE SET v = 77 RETURNING *", "3|30|77|c\n");
    ROWS("INSERT INTO t VALUES (1, 30, 5, 'x') ON CONFLICT (id) DO UPDATE SET v = 66 RETURNING *", "1|10|66|A\n");
    /* a row is touched once */
    REFUSED("INSERT INTO t VALUES (1, 0, 5, 'x'), (1, 0, 6, 'y') ON CONFLICT (id) DO UPDATE SET v = excluded.v",
            "21000", 0, "ON CONFLICT DO UPDATE command cannot affect row a second time");
    REFUSED("INSERT INTO t VALUES (8, 80, 5, 'x'), (8, 81, 6, 'y') ON CONFLICT (id) DO UPDATE SET v = excluded.v",
            "21000", 0, "ON CONFLICT DO UPDATE command cannot affect row a second time");
    ROWS("INSERT INTO t VALUES (8, 80, 5, 'x'), (8, 81, 6, 'y') ON CONFLICT DO NOTHING RETURNING w", "x\n");
    REFUSED("INSERT INTO t VALUES (8, 80, 5, 'x') ON CONFLICT (id) DO UPDATE SET v = excluded.v + 95", "23514", 0,
            "new row for relation \"t\" violates check constraint \"small\"");
    /* NULL conflicts with nothing */
    ROWS("INSERT INTO t VALUES (20, null, 1, 'n'), (21, null, 1, 'n') ON CONFLICT (u) DO NOTHING RETURNING id",
         "20\n21\n");
    SQL("DELETE FROM t");
}

/* The rows a statement moves or makes are not met by its own search. */
static void test_a_statement_does_not_see_itself(void **state) {
    (void)state;
    SQL("CREATE TABLE h (k int PRIMARY KEY, n int)");
    SQL("CREATE INDEX h_n ON h (n)");
    SQL("INSERT INTO h VALUES (1, 1), (2, 2), (3, 3)");
    ROWS("UPDATE h SET k = k + 100, n = n + 100 WHERE k >= 1 RETURNING k", "101\n102\n103\n");
    ROWS("UPDATE h SET n = n + 1 WHERE n > 0 RETURNING n", "102\n103\n104\n"); /* through the index it moves in */
    SQL("INSERT INTO h SELECT k + 1000, n FROM h");
    SQL("INSERT INTO h SELECT k + 10000, n FROM h WHERE k > 0");
    ROWS("SELECT count(*), min(k), max(k) FROM h", "12|101|11103\n");
    ROWS("DELETE FROM h WHERE k > 5000 RETURNING n", "102\n103\n104\n102\n103\n104\n");
}

static void test_returning(void **state) {
    (void)state;
    ROWS("INSERT INTO t VALUES (5, 50, 1, 'e'), (6, null, 2, null) RETURNING *, v * 10 AS ten, coalesce(w, '-')",
         "5|50|1|e|10|e\n6|null|2|null|20|-\n");
    ROWS("UPDATE t SET v = v + 1, w = w || '!' WHERE id = 5 RETURNING id, v, w", "5|2|e!\n");
    ROWS("DELETE FROM t WHERE u IS NULL RETURNING id, v", "6|2\n");
    ROWS("DELETE FROM t WHERE id = 99 RETURNING id", "");
    ROWS("SELECT id, v, w FROM t", "5|2|e!\n");
    SQL("DELETE FROM t");
}

/* More rows than a batch, or than the values handed over at once, in one statement; RETURNING gives them all. */
static void test_many_rows(void **state) {
    (void)state;
    SQL("CREATE TABLE m (a int PRIMARY KEY, b text)");
    SQL("INSERT INTO m VALUES (0, 'x')");
    char text[128];
    for (int width = 1; width < 4096; width *= 2) {
        (void)snprintf(text, sizeof text, "INSERT INTO m SELECT a + %d, b || a FROM m", width);
        SQL(text);
    }
    struct buffer out = {0};
    assert_int_equal(sql_fixture_text(f, "UPDATE m SET b = 'new' || a RETURNING a", &out), KMB_OK);
    size_t lines = 0;
    for (size_t i = 0; i < out.length; i++) {
        lines += out.bytes[i] == '\n';
    }
    assert_int_equal(lines, 4096);
    buffer_free(&out);
    ROWS("SELECT count(*), count(DISTINCT b), max(b) FROM m", "4096|4096|new999\n");
    ROWS("SELECT b FROM m WHERE a = 3000", "new3000\n");
    SQL("DELETE FROM m WHERE a % 2 = 0");
    ROWS("SELECT count(*), sum(a) FROM m", "2048|4194304\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constraints), cmocka_unit_test(test_the_first_bad_row_is_told),
        cmocka_unit_test(test_on_conflict), cmocka_unit_test(test_a_statement_does_not_see_itself),
        cmocka_unit_test(test_returning),   cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
