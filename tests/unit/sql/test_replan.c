/* Plans of statements with parameters: another for values that meet other numbers of rows than planned, and no turns.
 */
#include "host.h"

#include "sql/replan.h"

static struct sql_fixture *f;

/* 20,000 rows: of part 1 nearly all, of every other one ten. */
static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE skew (id int PRIMARY KEY, part int, v int, w text)");
    SQL("CREATE INDEX skew_part ON skew (part)");
    SQL("CREATE INDEX skew_v ON skew (v)");
    SQL("CREATE TABLE name (id int PRIMARY KEY, word text)");
    SQL("INSERT INTO name SELECT i, 'part ' || i FROM generate_series(1, 90) i");
    SQL("INSERT INTO skew SELECT i, CASE WHEN i % 25 = 0 THEN 2 + i / 25 % 80 ELSE 1 END, i, 'x' FROM "
        "generate_series(1, 20000) i");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static struct sql_statement *prepared(const char *text) {
    struct sql_statement *statement = NULL;
    assert_int_equal(sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &f->error), KMB_OK);
    return statement;
}

static const struct plan_node *scan_of(const struct plan_node *node, const char *table) {
    if (node == NULL) {
        return NULL;
    }
    if (node->kind == PLAN_SCAN && slice_equal(node->table->name, slice_text(table))) {
        return node;
    }
    const struct plan_node *left = scan_of(node->left, table);
    return left != NULL ? left : scan_of(node->right, table);
}

/* Runs it and checks the count that it gives; whether the large table was read whole. */
static bool reads_all(struct sql_statement *statement, const struct value *values, uint32_t count, int64_t expected) {
    struct sql_run *run = NULL;
    const struct batch *batch = NULL;
    assert_int_equal(sql_run_open(statement, &f->host, values, count, &run, &f->error), KMB_OK);
    const struct plan_node *scan = scan_of(sql_run_plan(run)->root, "skew");
    assert_non_null(scan);
    bool all = scan->low.count == 0 && scan->high.count == 0 && scan->index.value == 0;
    assert_int_equal(sql_run_next(run, &batch, &f->error), KMB_ROW);
    assert_int_equal(vector_get(&batch->columns[0], 0).as.integer, expected);
    assert_int_equal(sql_run_next(run, &batch, &f->error), KMB_DONE);
    sql_run_close(run);
    return all;
}

static bool part_reads_all(struct sql_statement *statement, int part, int64_t expected) {
    struct value value = value_integer(TYPE_INT4, part);
    return reads_all(statement, &value, 1, expected);
}

static void a_plan_for_each(void **state) {
    (void)state;
    struct sql_statement *statement = prepared("SELECT count(w) FROM skew WHERE part = $1");
    bool first = part_reads_all(statement, 1, 19200);
    bool rare = part_reads_all(statement, 3, 10);
    assert_true(first == rare); /* one plan for both, until it is seen to fail one of them */
    for (int i = 0; i < 5; i++) {
        assert_true(part_reads_all(statement, 1, 19200));
        assert_false(part_reads_all(statement, 3, 10));
    }
    /* others of their kind: each may fail once, and soon none does */
    for (int part = 4; part < 12; part++) {
        (void)part_reads_all(statement, part, 10);
        assert_false(part_reads_all(statement, part, 10));
    }
    for (int part = 12; part < 20; part++) {
        assert_false(part_reads_all(statement, part, 10));
    }
    assert_true(part_reads_all(statement, 1, 19200));
    sql_statement_free(statement);
}

/* A range that is thought to be short, and is not. */
static void more_than_thought(void **state) {
    (void)state;
    struct sql_statement *statement = prepared("SELECT count(w) FROM skew WHERE v BETWEEN $1 AND $2");
    struct value wide[2] = {value_integer(TYPE_INT4, 1), value_integer(TYPE_INT4, 19000)};
    struct value narrow[2] = {value_integer(TYPE_INT4, 5), value_integer(TYPE_INT4, 9)};
    assert_false(reads_all(statement, narrow, 2, 5));
    assert_false(reads_all(statement, wide, 2, 19000));
    for (int i = 0; i < 5; i++) {
        assert_true(reads_all(statement, wide, 2, 19000));
        assert_false(reads_all(statement, narrow, 2, 5));
    }
    sql_statement_free(statement);
}

/* The value is of a small table that another is joined to. */
static void through_a_join(void **state) {
    (void)state;
    struct sql_statement *statement =
        prepared("SELECT count(w) FROM name, skew WHERE skew.part = name.id AND name.word = $1");
    struct value common = value_text(slice_text("part 1"));
    struct value rare = value_text(slice_text("part 3"));
    for (int i = 0; i < 3; i++) { /* at first for either the plan may be wrong */
        (void)reads_all(statement, &common, 1, 19200);
        (void)reads_all(statement, &rare, 1, 10);
    }
    struct value as_sent[2] = {value_bytes(TYPE_UNKNOWN, common.as.bytes), value_bytes(TYPE_UNKNOWN, rare.as.bytes)};
    for (int i = 0; i < 3; i++) {
        assert_true(reads_all(statement, &common, 1, 19200));
        assert_false(reads_all(statement, &rare, 1, 10));
        (void)reads_all(statement, &as_sent[0], 1, 19200);
        (void)reads_all(statement, &as_sent[1], 1, 10);
    }
    assert_true(reads_all(statement, &as_sent[0], 1, 19200));
    assert_false(reads_all(statement, &as_sent[1], 1, 10));
    sql_statement_free(statement);
}

static void as_the_setting_says(void **state) {
    (void)state;
    ROWS("SHOW plan_cache_mode", "auto\n");
    SQL("SET plan_cache_mode = force_custom_plan");
    struct sql_statement *statement = prepared("SELECT count(w) FROM skew WHERE part = $1");
    assert_true(part_reads_all(statement, 1, 19200));
    assert_false(part_reads_all(statement, 3, 10));
    assert_false(part_reads_all(statement, 4, 10));
    SQL("SET plan_cache_mode TO FORCE_GENERIC_PLAN");
    ROWS("SHOW plan_cache_mode", "force_generic_plan\n");
    bool first = part_reads_all(statement, 1, 19200);
    for (int i = 0; i < 3; i++) {
        assert_true(part_reads_all(statement, 3, 10) == first);
        assert_true(part_reads_all(statement, 1, 19200) == first);
    }
    sql_statement_free(statement);
    SQL("PREPARE p (int) AS SELECT w FROM skew WHERE part = $1");
    static char generic[2][1024];
    struct buffer out = {0};
    for (int i = 0; i < 2; i++) {
        buffer_clear(&out);
        assert_int_equal(
            sql_fixture_text(f, i == 0 ? "EXPLAIN (COSTS OFF) EXECUTE p (1)" : "EXPLAIN (COSTS OFF) EXECUTE p (3)",
                             &out),
            KMB_OK);
        snprintf(generic[i], sizeof(generic[i]), "%s", buffer_text(&out));
    }
    buffer_free(&out);
    assert_string_equal(generic[0], generic[1]);
    SQL("RESET plan_cache_mode");
    ROWS("EXPLAIN (COSTS OFF) EXECUTE p (1)", "Seq Scan on skew\n  Filter: (part = $1)\n");
    ROWS("EXPLAIN (COSTS OFF) EXECUTE p (3)", "Index Scan using skew_part on skew\n  Index Cond: (part = $1)\n");
    SQL("DEALLOCATE p");
    REFUSED("SET plan_cache_mode = 'maybe'", "22023", 0, "invalid value for parameter \"plan_cache_mode\": \"maybe\"");
}

/* Another shape of the table: the plans for values go with the first. */
static void the_schema_changes(void **state) {
    (void)state;
    struct sql_statement *statement = prepared("SELECT count(w) FROM skew WHERE part = $1");
    for (int i = 0; i < 3; i++) {
        (void)part_reads_all(statement, 1, 19200);
        (void)part_reads_all(statement, 3, 10);
    }
    SQL("DROP INDEX skew_part");
    assert_true(part_reads_all(statement, 3, 10));
    assert_true(part_reads_all(statement, 1, 19200));
    SQL("CREATE INDEX skew_part ON skew (part)");
    for (int i = 0; i < 3; i++) {
        (void)part_reads_all(statement, 1, 19200);
        (void)part_reads_all(statement, 3, 10);
    }
    assert_true(part_reads_all(statement, 1, 19200));
    assert_false(part_reads_all(statement, 3, 10));
    sql_statement_free(statement);
}

/* What is chosen for values stays; and many plans that are nothing new end the planning for all. */
static void the_choice(void **state) {
    (void)state;
    struct replan replan = {.parted = 0};
    assert_int_equal(replan_choose(&replan, 7, SQL_PLAN_AUTO), REPLAN_FIRST);
    assert_int_equal(replan_choose(&replan, 7, SQL_PLAN_CUSTOM), REPLAN_WANTED);
    replan_want(&replan, 7);
    assert_int_equal(replan_choose(&replan, 7, SQL_PLAN_AUTO), REPLAN_WANTED);
    assert_int_equal(replan_choose(&replan, 7, SQL_PLAN_GENERIC), REPLAN_FIRST);
    replan_chosen(&replan, 7, 1, true);
    replan_want(&replan, 7);
    assert_int_equal(replan_choose(&replan, 7, SQL_PLAN_AUTO), 1);
    assert_int_equal(replan_choose(&replan, 8, SQL_PLAN_AUTO), REPLAN_FIRST);
    replan_chosen(&replan, 8, 1, false);
    replan_chosen(&replan, 9, 2, true);
    assert_int_equal(replan_choose(&replan, 10, SQL_PLAN_AUTO), REPLAN_WANTED);
    for (uint64_t i = 0; i < 40; i++) {
        replan_chosen(&replan, 64 * (i + 1) + 20, 0, false);
    }
    assert_int_equal(replan_choose(&replan, 10, SQL_PLAN_AUTO), REPLAN_FIRST);
    assert_int_equal(replan_choose(&replan, 9, SQL_PLAN_AUTO), 2);
    replan_forget(&replan);
    assert_int_equal(replan_choose(&replan, 9, SQL_PLAN_AUTO), REPLAN_FIRST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_for_each),     cmocka_unit_test(more_than_thought),  cmocka_unit_test(through_a_join),
        cmocka_unit_test(as_the_setting_says), cmocka_unit_test(the_schema_changes), cmocka_unit_test(the_choice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
