/* What is kept of tables for the planner: when it is taken, when it is taken anew, what pg_stats shows of it. */
#include "box.h"

static void rows(struct box *box) {
    ASK(box->one, "CREATE TABLE t (id integer PRIMARY KEY, part integer, word text, none integer)");
    ASK(box->one, "INSERT INTO t SELECT i, CASE WHEN i % 10 = 0 THEN i ELSE 7 END, 'w' || i % 4 FROM "
                  "generate_series(1, 6000) i");
}

#define SHARE_OF_7                                                                                                     \
    "SELECT (most_common_freqs[1] * 100)::integer FROM pg_stats WHERE tablename = 't' AND attname = 'part'"

static void taken_when_asked_for(void **state) {
    struct box *box = *state;
    rows(box);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM pg_stats"), 0);
    ASK(box->one, "SELECT count(*) FROM t WHERE part = 3");
    assert_int_equal(ASK(box->two, "SELECT count(*) FROM pg_stats WHERE tablename = 't'"), 4);
    assert_int_equal(ASK(box->two, "SELECT count(*) FROM pg_stats AT OFFSET 3"), 0);
    int64_t share = ASK(box->one, SHARE_OF_7);
    assert_in_range(share, 85, 95);
    assert_int_equal(ASK(box->one, "SELECT n_distinct FROM pg_stats WHERE attname = 'word'"), 4);
    assert_int_equal(ASK(box->one, "SELECT n_distinct FROM pg_stats WHERE attname = 'id'"), -1);
    assert_int_equal(ASK(box->one, "SELECT null_frac FROM pg_stats WHERE attname = 'none'"), 1);
    assert_int_equal(ASK(box->one, "SELECT avg_width FROM pg_stats WHERE attname = 'id'"), 4);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM pg_stats WHERE most_common_vals = '{w0,w1,w2,w3}' OR "
                                   "length(most_common_vals) = 13"),
                     1);
    assert_int_equal(ASK(box->one,
                         "SELECT count(*) FROM pg_stats WHERE attname = 'id' AND most_common_vals IS NULL AND "
                         "correlation = 1 AND array_length(histogram_bounds::integer[], 1) = 101"),
                     1);
}

/* Rows written count, not what else the log grows by. */
static void taken_anew_when_a_tenth_has_changed(void **state) {
    struct box *box = *state;
    rows(box);
    ASK(box->one, "SELECT count(*) FROM t WHERE part = 3");
    int64_t before = ASK(box->one, SHARE_OF_7);
    ASK(box->one, "UPDATE t SET part = 8 WHERE id % 33 = 0");
    ASK(box->one, "CREATE TABLE other (i integer)");
    ASK(box->one, "INSERT INTO other SELECT i FROM generate_series(1, 3000) i");
    ASK(box->one, "SELECT count(*) FROM t WHERE part = 4");
    assert_int_equal(ASK(box->one, SHARE_OF_7), before);
    ASK(box->one, "UPDATE t SET part = 8 WHERE id % 2 = 0");
    assert_int_equal(ASK(box->one, SHARE_OF_7), before); /* nobody has asked since */
    ASK(box->one, "SELECT count(*) FROM t WHERE part = 5 AND id > 0");
    assert_in_range(ASK(box->one, SHARE_OF_7), 40, 60);
    ASK(box->one, "DELETE FROM t WHERE id % 2 = 0");
    ASK(box->one, "SELECT count(*) FROM t WHERE part = 6 AND id < 0");
    assert_in_range(ASK(box->one, SHARE_OF_7), 70, 100);
    /* another shape of the table has nothing kept yet */
    ASK(box->one, "ALTER TABLE t ADD COLUMN more integer");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM pg_stats WHERE tablename = 't'"), 0);
}

static void taken_by_analyze(void **state) {
    struct box *box = *state;
    struct kmb_error told = {0};
    int64_t value = 0;
    rows(box);
    ASK(box->one, "ANALYZE t (part, id)");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM pg_stats WHERE tablename = 't'"), 4);
    ASK(box->one, "UPDATE t SET part = 8 WHERE id % 33 = 0");
    ASK(box->one, "CREATE TABLE small (i integer)");
    ASK(box->one, "CREATE VIEW v AS SELECT 1 AS one");
    ASK(box->one, "INSERT INTO small VALUES (1), (1), (NULL)");
    ASK(box->one, "ANALYZE (VERBOSE off)");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM pg_stats WHERE tablename = 'small'"), 1);
    assert_int_equal(ASK(box->one, "SELECT (n_distinct * -3)::integer FROM pg_stats WHERE tablename = 'small'"), 1);
    assert_in_range(ASK(box->one, "SELECT (most_common_freqs[2] * 1000)::integer FROM pg_stats WHERE attname = 'part'"),
                    20, 40);
    ASK(box->one, "ANALYZE v");
    assert_int_equal(ASK(box->one, "SELECT relpages FROM pg_class WHERE relname = 'v'"), 0);
    assert_in_range(ASK(box->one, "SELECT relpages FROM pg_class WHERE relname = 't'"), 10, 60);
    assert_int_equal(run(box->one, "ANALYZE nothing", &value, &told), KMB_UNDEFINED_TABLE);
    assert_int_equal(run(box->one, "ANALYZE t (id, id)", &value, &told), KMB_DUPLICATE_COLUMN);
    assert_string_equal(told.message, "column \"id\" of relation \"t\" appears more than once");
    assert_int_equal(run(box->one, "ANALYZE t (x)", &value, &told), KMB_UNDEFINED_COLUMN);
    assert_int_equal(run(box->one, "ANALYZE (full) t", &value, &told), KMB_SYNTAX);
    /* what is not committed is nobody else's to see */
    ASK(box->one, "BEGIN");
    ASK(box->one, "UPDATE t SET word = 'secret'");
    ASK(box->one, "ANALYZE t");
    ASK(box->one, "SELECT count(*) FROM t WHERE word = 'w1'");
    assert_int_equal(ASK(box->two, "SELECT count(*) FROM pg_stats WHERE most_common_vals LIKE '%secret%'"), 0);
    ASK(box->one, "COMMIT");
    ASK(box->two, "ANALYZE t");
    assert_int_equal(ASK(box->two, "SELECT count(*) FROM pg_stats WHERE most_common_vals LIKE '%secret%'"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taken_when_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_anew_when_a_tenth_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_by_analyze, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
