/*
 * Time travel form by form: what a clause binds (a table reference, a query block, a branch), at several moments in one
 * statement; ranges of FOR SYSTEM_TIME and their bounds.
 *
 * One history for all, its positions in the comments of setup().
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, v int)");
    SQL("CREATE TABLE u (id int PRIMARY KEY, w text)");
    f->kernel->time_us = INT64_C(1704067200) * 1000000; /* 2024-01-01; each commit comes 1 ms after the one before */
    SQL("INSERT INTO t VALUES (1, 10), (2, 20)");       /* 2, 00:00:00.001 */
    SQL("UPDATE t SET v = 11 WHERE id = 1");            /* 3, .002 */
    SQL("INSERT INTO u VALUES (1, 'a')");               /* 4, .003 */
    SQL("DELETE FROM t WHERE id = 2");                  /* 5, .004 */
    SQL("UPDATE u SET w = 'b'");                        /* 6, .005 */
    SQL("INSERT INTO t VALUES (3, 30)");                /* 7, .006 */
    SQL("CREATE VIEW tv AS SELECT count(*) AS n, sum(v) AS s FROM t");
    SQL("UPDATE t SET v = 12 WHERE id = 1"); /* 8, .008 */
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static enum kmb_status run_with(const char *text, const struct value *values, uint32_t count, struct buffer *out) {
    struct sql_statement *statement = NULL;
    f->error = (struct kmb_error){0};
    enum kmb_status status = sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &f->error);
    if (status == KMB_OK) {
        status = sql_fixture_run(f, statement, values, count, out);
    }
    sql_statement_free(statement);
    return status;
}

static void rows_with(const char *text, const struct value *values, uint32_t count, const char *expected) {
    struct buffer out = {0};
    enum kmb_status status = run_with(text, values, count, &out);
    if (status != KMB_OK) {
        print_message("%s: %s\n", text, f->error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

/* Each reference at its own moment, by every form. */
static void each_reference_has_its_own_moment(void **state) {
    (void)state;
    ROWS("SELECT a.id, a.v, b.v FROM t AT OFFSET 2 AS a JOIN t AT OFFSET 7 AS b ON a.id = b.id", "1|10|11\n");
    ROWS("SELECT a.id, a.v, b.v FROM t a AT OFFSET 2 LEFT JOIN t b AT OFFSET 7 ON a.id = b.id ORDER BY 1",
         "1|10|11\n2|20|null\n");
    ROWS("SELECT a.v, b.v, c.v FROM t AT OFFSET 2 a, t AS OF POSITION 3 b, t c WHERE a.id = b.id AND b.id = c.id",
         "10|11|12\n");
    ROWS("SELECT a.v, b.v FROM t AS OF TIMESTAMP '2024-01-01 00:00:00.001' AS a JOIN t AS OF '2024-01-01 "
         "00:00:00.002' AS b USING (id) ORDER BY 1",
         "10|11\n20|20\n");
    ROWS("SELECT a.v, b.v FROM t FOR SYSTEM_TIME AS OF '2024-01-01 00:00:00.001' AS a JOIN t FOR SYSTEM_TIME AS OF "
         "POSITION 8 AS b USING (id)",
         "10|12\n");
    ROWS("SELECT a.v, u.w FROM t AS OF SYSTEM TIME '2024-01-01 00:00:00.002' a NATURAL JOIN u AT OFFSET 4", "11|a\n");
    /* one of several: the others have none */
    ROWS("SELECT a.v, b.v FROM t AT OFFSET 2 AS a JOIN t AS b ON a.id = b.id", "10|12\n");
    ROWS("SELECT a.v, b.v FROM t a AT OFFSET 2 JOIN t b ON a.id = b.id", "10|12\n");
    ROWS("SELECT a.v, b.v FROM t a JOIN t AT OFFSET 2 AS b ON a.id = b.id", "12|10\n");
    ROWS("SELECT a.v, b.v FROM (t a AT OFFSET 2 JOIN t b AT OFFSET 3 ON a.id = b.id) ORDER BY 1", "10|11\n20|20\n");
    ROWS("SELECT a.v, b.v, u.w FROM (t a AT OFFSET 2 JOIN t b ON a.id = b.id) JOIN u ON u.id = a.id", "10|12|b\n");
    /* the same moment twice is one snapshot, a table twice in one moment too */
    ROWS("SELECT count(*) FROM t AT OFFSET 2 a, t AT OFFSET 2 b, t c", "8\n");
    ROWS("SELECT public.t.v, b.v FROM public.t AT OFFSET 2 JOIN public.t AS b AT OFFSET 3 ON b.id = t.id ORDER BY 1",
         "10|11\n20|20\n");
}

/* A single clause that no other reference follows binds the block, with the queries in it. */
static void a_clause_binds_its_block(void **state) {
    (void)state;
    ROWS("SELECT a.v, b.v FROM t a JOIN t b ON a.id = b.id AT OFFSET 2 ORDER BY 1", "10|10\n20|20\n");
    ROWS("SELECT a.v, b.v FROM t a JOIN t b AT OFFSET 2 ON a.id = b.id ORDER BY 1", "10|10\n20|20\n");
    ROWS("SELECT a.v, b.v FROM t a, t b AT OFFSET 2 WHERE a.id = b.id ORDER BY 1", "10|10\n20|20\n");
    ROWS("SELECT v, (SELECT w FROM u WHERE u.id = t.id) FROM t AT OFFSET 4 ORDER BY 1", "11|a\n20|null\n");
    ROWS("SELECT v, (SELECT w FROM u WHERE u.id = t.id AT OFFSET 6) FROM t AT OFFSET 4 ORDER BY 1", "11|b\n20|null\n");
    ROWS("SELECT v FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND w = 'a') AT OFFSET 4", "11\n");
    /* beside clauses of references it binds the rest */
    ROWS("SELECT a.v, b.v, (SELECT sum(v) FROM t) FROM t AT OFFSET 2 AS a JOIN t b ON a.id = b.id WHERE a.v > 0 AT "
         "OFFSET 7",
         "10|11|41\n");
    /* alone behind its reference it does not reach an inner query */
    ROWS("SELECT v, (SELECT sum(v) FROM t) FROM t AT OFFSET 2 AS a ORDER BY 1", "10|42\n20|42\n");
    REFUSED("SELECT * FROM t WHERE v > 0 AT OFFSET 2 ORDER BY v AT OFFSET 3", "0A000", 52,
            "Cross-temporal joins not supported");
    REFUSED("SELECT * FROM t AT OFFSET 2 AS a AT OFFSET 3", "0A000", 34, "Cross-temporal joins not supported");
    REFUSED("SELECT * FROM (t JOIN u ON true) AT OFFSET 2, t AS x", "0A000", 34,
            "a time-travel clause for a join in parentheses alone is not supported");
    ROWS("SELECT v FROM t WHERE v > 15 AT OFFSET 2 ORDER BY v AT OFFSET 2", "20\n");
}

static void queries_in_from(void **state) {
    (void)state;
    ROWS("SELECT x.n, y.n FROM (SELECT count(*) AS n FROM t) AT OFFSET 2 AS x, (SELECT count(*) AS n FROM t) AS y",
         "2|2\n");
    ROWS("SELECT x.s, y.s FROM (SELECT sum(v) AS s FROM t) x AT OFFSET 2, (SELECT sum(v) AS s FROM t) y AT OFFSET 3",
         "30|31\n");
    ROWS("SELECT x.s, y.s FROM (SELECT sum(v) AS s FROM t AT OFFSET 2) x, (SELECT sum(v) AS s FROM t AT OFFSET 3) y",
         "30|31\n");
    ROWS("SELECT x.s FROM (SELECT sum(v) AS s FROM t AT OFFSET 2) AT OFFSET 3 AS x, u",
         "30\n"); /* its own goes first */
    ROWS("SELECT * FROM (SELECT v FROM t UNION SELECT id FROM u) AT OFFSET 4 AS x, (SELECT 1) y ORDER BY 1",
         "1|1\n11|1\n20|1\n");
    ROWS("SELECT * FROM ((SELECT v FROM t) UNION (SELECT id FROM u)) AT OFFSET 4 AS x, (SELECT 1) y ORDER BY 1",
         "1|1\n11|1\n20|1\n");
    ROWS("SELECT a.v, l.v FROM t AT OFFSET 2 AS a, LATERAL (SELECT v FROM t b WHERE b.id = a.id AT OFFSET 3) l ORDER "
         "BY 1",
         "10|11\n20|20\n");
    ROWS("SELECT a.v, l.v FROM t AT OFFSET 2 AS a CROSS JOIN LATERAL (SELECT v FROM t b WHERE b.id = a.id) AT OFFSET "
         "3 AS l ORDER BY 1",
         "10|11\n20|20\n");
    ROWS("SELECT a.v, l.v FROM t a, LATERAL (SELECT v FROM t b WHERE b.id = a.id) l AT OFFSET 2 ORDER BY 1",
         "10|10\n20|20\n");
    ROWS("SELECT v FROM ((SELECT v FROM t) x JOIN u AT OFFSET 4 ON true) ORDER BY 1", "11\n20\n");
    ROWS("SELECT a.v FROM (TABLE t) AT OFFSET 2 AS a, (TABLE t) b WHERE a.id = b.id", "10\n");
}

static void with_queries(void **state) {
    (void)state;
    ROWS("WITH a AS (SELECT * FROM t AT OFFSET 2), b AS (SELECT * FROM t AT OFFSET 3) SELECT a.v, b.v, t.v FROM a JOIN "
         "b USING (id) JOIN t USING (id)",
         "10|11|12\n");
    ROWS("WITH a AS (SELECT * FROM t) SELECT sum(a.v), count(DISTINCT w) FROM a, u AT OFFSET 4", "31|1\n");
    ROWS("WITH a AS (SELECT * FROM t) SELECT sum(v) FROM a AT OFFSET 2", "30\n");
    ROWS("WITH a AS (TABLE t) SELECT sum(v) FROM a AT OFFSET 2", "30\n");
    /* a set operation after WITH: each branch has its own, the WITH query none of them */
    ROWS("WITH a AS (SELECT sum(v) AS s FROM t) SELECT s FROM a UNION ALL SELECT v FROM t AT OFFSET 2 ORDER BY 1",
         "10\n20\n42\n");
    ROWS("WITH a AS (SELECT 5) SELECT v FROM t AT OFFSET 2 UNION ALL SELECT v FROM t ORDER BY 1", "10\n12\n20\n30\n");
    ROWS("WITH a AS (SELECT sum(v) AS s FROM t) SELECT s FROM a UNION ALL SELECT v FROM t ORDER BY 1 AT OFFSET 2",
         "10\n20\n30\n");
    REFUSED("WITH a AS (SELECT * FROM t) SELECT x.v FROM a AT OFFSET 2 AS x JOIN a AT OFFSET 3 AS y USING (id)",
            "0A000", 47, "a time-travel clause for one reference to a WITH query is not supported");
    REFUSED("WITH a AS (SELECT v FROM t) SELECT v FROM a AT OFFSET 2 UNION SELECT v FROM t", "0A000", 45,
            "a time-travel clause for one reference to a WITH query is not supported");
    ROWS("WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT t.id + 1 FROM r JOIN t AT OFFSET 2 ON t.id = r.id) "
         "SELECT max(id) FROM r",
         "3\n");
}

static void branches_and_views(void **state) {
    (void)state;
    ROWS("SELECT v FROM t AT OFFSET 2 UNION ALL SELECT v FROM t AT OFFSET 3 ORDER BY 1", "10\n11\n20\n20\n");
    ROWS("SELECT v FROM t AT OFFSET 2 EXCEPT SELECT v FROM t", "10\n20\n");
    ROWS("SELECT v FROM t EXCEPT SELECT v FROM t AT OFFSET 7", "12\n");
    ROWS("SELECT v FROM t UNION ALL SELECT v FROM t ORDER BY 1 AT OFFSET 2", "10\n10\n20\n20\n");
    /* branches in parentheses */
    ROWS("SELECT v FROM t AT OFFSET 2 EXCEPT (SELECT v FROM t)", "10\n20\n");
    ROWS("(SELECT v FROM t) EXCEPT SELECT v FROM t AT OFFSET 7", "12\n");
    ROWS("(SELECT v FROM t AT OFFSET 2) EXCEPT (SELECT v FROM t) ORDER BY 1", "10\n20\n");
    ROWS("(SELECT v FROM t) AT OFFSET 2 EXCEPT (SELECT v FROM t) ORDER BY 1", "10\n20\n");
    ROWS("SELECT v FROM t EXCEPT (SELECT v FROM t) AT OFFSET 7", "12\n");
    ROWS("(SELECT v FROM t) UNION (SELECT v + 1 FROM t) ORDER BY 1 AT OFFSET 2", "10\n11\n20\n21\n");
    ROWS("((SELECT v FROM t) UNION ALL (SELECT v FROM t)) ORDER BY 1 AT OFFSET 2", "10\n10\n20\n20\n");
    ROWS("SELECT v FROM t UNION (SELECT v FROM t INTERSECT SELECT v FROM t AT OFFSET 3) ORDER BY 1", "12\n30\n");
    SQL("CREATE TABLE w (id int, w text)");
    ROWS("INSERT INTO w (SELECT v, 'x' FROM t) UNION SELECT v, 'y' FROM t ORDER BY 1 AT OFFSET 2 RETURNING id",
         "10\n10\n20\n20\n");
    REFUSED("WITH d AS (DELETE FROM w RETURNING id) SELECT t.v FROM d, t AT OFFSET 2", "25006", 61,
            "Cannot modify historical data");
    REFUSED("WITH d AS (DELETE FROM w AT OFFSET 2 RETURNING id) SELECT id FROM d", "25006", 26,
            "Cannot modify historical data");
    ROWS("WITH d AS (DELETE FROM w WHERE w = 'x' RETURNING id) SELECT d.id, a.v FROM d JOIN t AT OFFSET 3 AS a ON a.id "
         "= "
         "d.id / 10 ORDER BY 1",
         "10|11\n20|20\n");
    SQL("DROP TABLE w");
}

static void views(void **state) {
    (void)state;
    ROWS("SELECT a.n, a.s, b.n, b.s FROM tv AT OFFSET 7 AS a, tv AS b", "2|41|2|42\n");
    ROWS("SELECT a.s, b.s FROM tv a AT OFFSET 7 JOIN tv b AT OFFSET 8 ON true", "41|42\n");
    ROWS("SELECT s, (SELECT sum(v) FROM t) FROM tv AT OFFSET 7", "41|41\n");
    REFUSED("SELECT * FROM tv AT OFFSET 6 AS a, tv AS b", "42P01", 15, "relation \"tv\" does not exist");
    REFUSED("CREATE VIEW tw AS SELECT * FROM t FOR SYSTEM_TIME ALL", "0A000", 35,
            "time travel in a view is not supported");
}

static void points_are_checked(void **state) {
    (void)state;
    char message[80];
    (void)snprintf(message, sizeof message, "position 99 is ahead of current log position %llu",
                   (unsigned long long)f->kernel->head->position);
    REFUSED("SELECT * FROM t AT OFFSET 2 AS a JOIN t AT OFFSET 99 AS b USING (id)", "22023", 51, message);
    REFUSED("SELECT * FROM (SELECT * FROM t AT OFFSET 2) AT OFFSET 99 AS x, u", "22023", 55, message);
    REFUSED("SELECT * FROM generate_series(1, 3) AT OFFSET 99 AS g, u", "22023", 47, message);
    REFUSED("SELECT * FROM t AT OFFSET 2 AS a JOIN nosuch AT OFFSET 3 AS b ON true", "42P01", 39,
            "relation \"nosuch\" does not exist");
    REFUSED("UPDATE t AT OFFSET 2 AS a SET v = 1", "25006", 10, "Cannot modify historical data");
    ROWS("SELECT a.id FROM kimberlite_history(t) AT OFFSET 2 AS a, kimberlite_history(t) AS b WHERE a.id = b.id AND "
         "b._operation = 'DELETE'",
         "2\n");
    f->host.at = (struct sql_point){.kind = PLAN_AT_POSITION, .offset = 2};
    ROWS("SELECT sum(v) FROM t", "30\n");
    REFUSED("SELECT * FROM t AT OFFSET 2 AS a, u", "22023", 17,
            "the statement has a time-travel clause although a point to read at was given beside it");
    ROWS("SELECT id, v FROM t FOR SYSTEM_TIME ALL", "1|10\n2|20\n"); /* what had happened by then */
    f->host.at = (struct sql_point){.kind = PLAN_AT_NONE};
    /* as many moments as one likes, up to a bound */
    struct buffer text = {0};
    buffer_append_text(&text, "SELECT count(*) FROM (SELECT 1 FROM t AT OFFSET 0");
    for (uint32_t i = 0; i < 100; i++) {
        char branch[64];
        (void)snprintf(branch, sizeof branch, " UNION ALL SELECT 1 FROM t AT OFFSET %u", i % 7);
        buffer_append_text(&text, branch);
    }
    buffer_append_text(&text, ") x");
    ROWS(buffer_text(&text), "127\n");
    buffer_free(&text);
}

static void parameters(void **state) {
    (void)state;
    struct value two[2] = {value_int8(2), value_int8(7)};
    rows_with("SELECT a.v, b.v FROM t AT OFFSET $1 AS a JOIN t AT OFFSET $2 AS b USING (id)", two, 2, "10|11\n");
    rows_with("SELECT a.v, b.v FROM t AS OF POSITION $1 AS a JOIN t AS b USING (id) WHERE a.id < $2", two, 2,
              "10|12\n");
    struct value times[2] = {value_text(slice_text("2024-01-01 00:00:00.001")),
                             value_text(slice_text("2024-01-01 00:00:00.002"))};
    rows_with("SELECT a.v, b.v FROM t AS OF $1 AS a JOIN t FOR SYSTEM_TIME AS OF $2 AS b USING (id) ORDER BY 1", times,
              2, "10|11\n20|20\n");
    SQL("SET timezone = '+05:00'"); /* moments are in UTC all the same */
    rows_with("SELECT id, v FROM t FOR SYSTEM_TIME BETWEEN $1 AND $2 ORDER BY 1, 2", times, 2, "1|10\n1|11\n2|20\n");
    rows_with("SELECT id, v FROM t FOR SYSTEM_TIME FROM TIMESTAMP $1 TO $2 ORDER BY 1, 2", times, 2, "1|10\n2|20\n");
    SQL("RESET timezone");
    rows_with("SELECT id, v FROM t FOR SYSTEM_TIME FROM POSITION $1 TO POSITION $2 ORDER BY 1, 2", two, 2,
              "1|10\n1|11\n2|20\n");
    struct value ahead[2] = {value_int8(2), value_int8(999)};
    assert_int_equal(run_with("SELECT * FROM t AT OFFSET $1 AS a JOIN t AT OFFSET $2 AS b USING (id)", ahead, 2, NULL),
                     KMB_POSITION_AHEAD);
    struct value null[2] = {value_int8(2), value_null(TYPE_INT8)};
    assert_int_equal(run_with("SELECT * FROM t AT OFFSET $1 AS a JOIN t AT OFFSET $2 AS b USING (id)", null, 2, NULL),
                     KMB_INVALID_PARAMETER);
    /* a kept statement reads anew each time */
    struct sql_statement *statement = NULL;
    assert_int_equal(sql_prepare(&f->host,
                                 slice_text("SELECT a.v, b.v FROM t AT OFFSET $1 AS a, t b WHERE a.id = b.id"), NULL, 0,
                                 &statement, &f->error),
                     KMB_OK);
    for (int64_t at = 2; at <= 3; at++) {
        struct value one[1] = {value_int8(at)};
        struct buffer out = {0};
        assert_int_equal(sql_fixture_run(f, statement, one, 1, &out), KMB_OK);
        assert_string_equal(buffer_text(&out), at == 2 ? "10|12\n" : "11|12\n");
        buffer_free(&out);
    }
    sql_statement_free(statement);
}

/* t's versions: 1: 10 [2-1=1, 3), 11 [3, 8), 12 [8, ..); 2: 20 [2, 5); 3: 30 [7, ..) */
static void ranges_by_position(void **state) {
    (void)state;
    static const struct {
        const char *range;
        const char *rows;
    } ranges[] = {
        {"ALL", "1|10\n1|11\n1|12\n2|20\n3|30\n"},
        {"FROM 0 TO 1", ""},
        {"FROM 0 TO 2", "1|10\n"},
        {"BETWEEN 0 AND 1", "1|10\n"},
        {"BETWEEN 0 AND 2", "1|10\n2|20\n"},
        {"FROM 3 TO 5", "1|11\n2|20\n"},
        {"BETWEEN 3 AND 3", "1|11\n2|20\n"},
        {"FROM 3 TO 3", ""}, /* no time at all */
        {"FROM 5 TO 3", ""},
        {"BETWEEN 5 AND 3", ""},
        {"FROM 5 TO 7", "1|11\n"},
        {"BETWEEN ASYMMETRIC 5 AND 7", "1|11\n3|30\n"},
        {"FROM 8 TO 1000", "1|12\n3|30\n"}, /* what lies ahead adds nothing */
        {"FROM POSITION 8 TO POSITION 9", "1|12\n3|30\n"},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        char text[160];
        (void)snprintf(text, sizeof text, "SELECT * FROM t FOR SYSTEM_TIME %s ORDER BY 1, 2", ranges[i].range);
        ROWS(text, ranges[i].rows);
        (void)snprintf(text, sizeof text, "SELECT x.* FROM t FOR SYSTEM_TIME %s AS x WHERE x.v > 0 ORDER BY 1, 2",
                       ranges[i].range);
        ROWS(text, ranges[i].rows);
    }
}

static void ranges_by_time(void **state) {
    (void)state;
    static const struct {
        const char *range;
        const char *rows;
    } ranges[] = {
        {"FROM '-infinity' TO 'infinity'", "1|10\n1|11\n1|12\n2|20\n3|30\n"},
        {"FROM '2024-01-01' TO '2024-01-01 00:00:00.001'", ""},
        {"BETWEEN '2024-01-01' AND '2024-01-01 00:00:00.001'", "1|10\n2|20\n"},
        {"FROM '2024-01-01 00:00:00.002' TO '2024-01-01 00:00:00.003'", "1|11\n2|20\n"},
        {"BETWEEN TIMESTAMP '2024-01-01 00:00:00.004' AND TIMESTAMP '2024-01-01 00:00:00.005'", "1|11\n"},
        {"FROM '2024-01-01 00:00:00.008' TO '2999-01-01'", "1|12\n3|30\n"},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "SELECT * FROM t FOR SYSTEM_TIME %s ORDER BY 1, 2", ranges[i].range);
        ROWS(text, ranges[i].rows);
    }
}

static void pseudo_columns(void **state) {
    (void)state;
    ROWS("SELECT v, _position_from, _position_to, _operation FROM t FOR SYSTEM_TIME ALL WHERE id = 1 ORDER BY 2",
         "10|1|3|INSERT\n11|3|8|UPDATE\n12|8|null|UPDATE\n");
    ROWS("SELECT x.v, x._time_from, x._time_to, x._entry - min(x._entry) OVER () FROM t FOR SYSTEM_TIME ALL x WHERE "
         "x._position_to = 5",
         "20|2024-01-01 00:00:00.001+00|2024-01-01 00:00:00.004+00|0\n");
    ROWS("SELECT * FROM t FOR SYSTEM_TIME ALL AS x (a, b) WHERE _position_to IS NULL ORDER BY a", "1|12\n3|30\n");
    ROWS("SELECT count(*) FROM t FOR SYSTEM_TIME ALL a NATURAL JOIN t FOR SYSTEM_TIME ALL b", "5\n");
    ROWS("SELECT a.v, b.v FROM t FOR SYSTEM_TIME ALL a JOIN t FOR SYSTEM_TIME ALL b ON a.id = b.id AND "
         "a._position_to = b._position_from ORDER BY 1",
         "10|11\n11|12\n");
    ROWS("SELECT a.v, b.v FROM t FOR SYSTEM_TIME FROM 3 TO 4 a JOIN t AT OFFSET 2 AS b USING (id) ORDER BY 1",
         "11|10\n20|20\n");
    ROWS("SELECT id, v FROM t FOR SYSTEM_TIME ALL AT OFFSET 3 ORDER BY 1, 2", "1|10\n1|11\n2|20\n");
    ROWS("SELECT count(*), (SELECT count(*) FROM t FOR SYSTEM_TIME ALL WHERE t.id = u.id) FROM u WHERE id = 1 GROUP BY "
         "id",
         "1|3\n");
    REFUSED("SELECT _entry FROM t", "42703", 8, "column \"_entry\" does not exist");
    REFUSED("SELECT _entry FROM t FOR SYSTEM_TIME ALL a, t FOR SYSTEM_TIME ALL b", "42702", 8,
            "column reference \"_entry\" is ambiguous");
    SQL("CREATE TABLE p (_entry text)");
    SQL("INSERT INTO p VALUES ('own')");
    ROWS("SELECT _entry, p._entry, _operation FROM p FOR SYSTEM_TIME ALL", "own|own|INSERT\n");
    SQL("DROP TABLE p");
}

static void ranges_that_are_refused(void **state) {
    (void)state;
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME CONTAINED IN ('2024-01-01', '2024-01-02')", "0A000", 17,
            "FOR SYSTEM_TIME CONTAINED IN is not supported");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME BETWEEN SYMMETRIC 3 AND 1", "0A000", 17,
            "FOR SYSTEM_TIME BETWEEN SYMMETRIC is not supported");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME FROM 1 TO '2024-01-01'", "42601", 43,
            "both ends of a range must be times, or both positions");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME FROM 1 AND 2", "42601", 40, "syntax error in FOR SYSTEM_TIME");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME FROM 1.5 TO 2", "42601", 38,
            "a position must be a non-negative integer or a parameter");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME SINCE 1", "42601", 17,
            "FOR SYSTEM_TIME must be followed by AS OF, FROM, BETWEEN or ALL");
    REFUSED("SELECT * FROM t WHERE v > 0 FOR SYSTEM_TIME ALL", "42601", 29,
            "a range of FOR SYSTEM_TIME must stand right behind a table");
    REFUSED("SELECT * FROM (SELECT 1) FOR SYSTEM_TIME ALL x", "42601", 26,
            "a range of FOR SYSTEM_TIME must stand right behind a table");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME ALL FOR SYSTEM_TIME ALL", "42601", 37,
            "a table can have one range of FOR SYSTEM_TIME only");
    REFUSED("SELECT * FROM tv FOR SYSTEM_TIME ALL", "42809", 15, "\"tv\" is not a table");
    REFUSED("SELECT * FROM generate_series(1, 2) FOR SYSTEM_TIME ALL g", "42809", 37,
            "FOR SYSTEM_TIME with a range needs a table");
    REFUSED("WITH x AS (SELECT 1) SELECT * FROM x FOR SYSTEM_TIME ALL", "42809", 38,
            "FOR SYSTEM_TIME with a range needs a table");
    REFUSED("SELECT * FROM information_schema.tables FOR SYSTEM_TIME ALL", "42P01", 15,
            "relation \"information_schema.tables\" does not exist");
    REFUSED("SELECT * FROM nosuch FOR SYSTEM_TIME ALL", "42P01", 15, "relation \"nosuch\" does not exist");
    REFUSED("DELETE FROM t FOR SYSTEM_TIME ALL", "25006", 15, "Cannot modify historical data");
    REFUSED("SELECT * FROM t FOR SYSTEM_TIME FROM '1' TO '2'", "22007", 38,
            "invalid input syntax for type timestamp with time zone: \"1\"");
}

static void differences(void **state) {
    (void)state;
    ROWS("SELECT * FROM kimberlite_diff('t', 0, 2)", "1|10|null|INSERT|1\n2|20|null|INSERT|2\n");
    ROWS("SELECT * FROM kimberlite_diff('t', 2, 8)", "1|12|10|UPDATE|8\n2|null|20|DELETE|5\n3|30|null|INSERT|7\n");
    ROWS("SELECT * FROM kimberlite_diff('t', 2, 3)", "1|11|10|UPDATE|3\n");
    ROWS("SELECT * FROM kimberlite_diff('t', 3, 4)", ""); /* the event was another table's */
    ROWS("SELECT * FROM kimberlite_diff('t', 5, 5)", "");
    ROWS("SELECT d.id, d.old_v FROM kimberlite_diff(t, 2, 8) AS d WHERE d.id BETWEEN 2 AND 3 AND _operation = 'DELETE'",
         "2|20\n");
    ROWS("SELECT * FROM kimberlite_diff('t', 2, 8) AS d (a, b) WHERE a = 1", "1|12|10|UPDATE|8\n");
    ROWS("SELECT * FROM kimberlite_diff('t', '2024-01-01 00:00:00.002', TIMESTAMP '2024-01-01 00:00:00.004')",
         "2|null|20|DELETE|5\n");
    ROWS("SELECT count(*) FROM u AT OFFSET 4 AS u, kimberlite_diff('t', 1 + 1, 8) d WHERE d.id = u.id", "1\n");
    struct value two[2] = {value_int8(2), value_int8(3)};
    rows_with("SELECT * FROM kimberlite_diff('t', $1, $2)", two, 2, "1|11|10|UPDATE|3\n");
    ROWS("EXPLAIN (COSTS OFF) SELECT * FROM kimberlite_diff('t', 2, 3) d WHERE id = 1",
         "Diff Scan on t d\n  Index Cond: (id = 1)\n  Since: position (2)::bigint\n  As Of: position (3)::bigint\n"
         "  Filter: (id = 1)\n");
    /* what came back is no difference, nor what came and went; a column's default is not a change of the rows before */
    SQL("CREATE TABLE x (a text, b numeric, PRIMARY KEY (b, a))");
    unsigned long long at = (unsigned long long)f->kernel->head->position;
    SQL("INSERT INTO x VALUES ('p', 1), ('q', 2)");
    SQL("UPDATE x SET a = 'r' WHERE b = 2"); /* another key: one row goes, one comes */
    SQL("UPDATE x SET a = 'q' WHERE b = 2");
    SQL("ALTER TABLE x ADD COLUMN c int DEFAULT 7");
    SQL("INSERT INTO x VALUES ('s', 3), ('t', 4)");
    SQL("DELETE FROM x WHERE b = 3");
    SQL("UPDATE x SET c = 8 WHERE b = 1");
    char text[160];
    (void)snprintf(text, sizeof text, "SELECT * FROM kimberlite_diff('x', %llu, %llu)", at + 2, at + 4);
    ROWS(text, "");
    (void)snprintf(text, sizeof text, "SELECT a, _operation, _position - %llu FROM kimberlite_diff('x', %llu, %llu)",
                   at, at + 2, at + 3);
    ROWS(text, "q|DELETE|3\nr|INSERT|3\n");
    (void)snprintf(text, sizeof text,
                   "SELECT a, c, old_c, _operation, _position - %llu FROM kimberlite_diff('x', %llu, %llu)", at, at + 2,
                   at + 8);
    ROWS(text, "p|8|7|UPDATE|8\nt|7|null|INSERT|6\n");
    (void)snprintf(text, sizeof text, "SELECT b FROM kimberlite_diff('x', %llu, %llu) WHERE b >= 4", at + 2, at + 8);
    ROWS(text, "4\n");
    SQL("DROP TABLE x");
    (void)snprintf(text, sizeof text, "SELECT a FROM kimberlite_diff('x', %llu, %llu)", at + 2,
                   at + 8); /* still there then */
    ROWS(text, "p\nt\n");
    SQL("CREATE TABLE y (a int)"); /* no key: each row is its own */
    SQL("INSERT INTO y VALUES (1), (1)");
    at = (unsigned long long)f->kernel->head->position;
    SQL("UPDATE y SET a = 2");
    SQL("UPDATE y SET a = 1");
    SQL("DELETE FROM y");
    (void)snprintf(text, sizeof text, "SELECT a, old_a, _operation FROM kimberlite_diff('y', %llu, %llu)", at, at + 1);
    ROWS(text, "2|1|UPDATE\n");
    (void)snprintf(text, sizeof text, "SELECT a, old_a, _operation FROM kimberlite_diff('y', %llu, %llu)", at, at + 6);
    ROWS(text, "null|1|DELETE\nnull|1|DELETE\n");
    SQL("DROP TABLE y");
}

static void differences_that_are_refused(void **state) {
    (void)state;
    REFUSED("SELECT * FROM kimberlite_diff('t', 3, 2)", "22023", 36,
            "the first position of kimberlite_diff, 3, is behind the second, 2");
    REFUSED("SELECT * FROM kimberlite_diff('t', 3)", "42883", 15,
            "kimberlite_diff needs the name of one table and two moments");
    REFUSED("SELECT * FROM kimberlite_diff('nosuch', 1, 2)", "42P01", 31, "relation \"nosuch\" does not exist");
    REFUSED("SELECT * FROM kimberlite_diff('tv', 7, 8)", "42809", 31, "\"tv\" is not a table");
    REFUSED("SELECT * FROM kimberlite_diff('t', true, 2)", "42804", 36,
            "a moment of kimberlite_diff must be a position or a time, not boolean");
    REFUSED("SELECT * FROM kimberlite_diff('t', -1, 2)", "22023", 36,
            "a position must be a non-negative integer, got -1");
    REFUSED("SELECT * FROM kimberlite_diff('t', NULL::int, 2)", "22023", 36, "the point to read at must not be null");
    REFUSED("SELECT * FROM kimberlite_diff('t', (SELECT 1), 2)", "0A000", 36,
            "a query in a moment of kimberlite_diff is not supported");
    REFUSED("SELECT (SELECT count(*) FROM kimberlite_diff('t', u.id, 2)) FROM u", "0A000", 51,
            "a moment of kimberlite_diff that is not the same for all rows is not supported");
    REFUSED("SELECT * FROM kimberlite_diff('t', 1, 2) AT OFFSET 3", "42601", 42,
            "kimberlite_diff names its moments itself");
    REFUSED("SELECT * FROM kimberlite_diff('t', 1, 2) FOR SYSTEM_TIME ALL", "42809", 42,
            "FOR SYSTEM_TIME with a range needs a table");
    REFUSED("SELECT * FROM kimberlite_diff('t', 1, 2) WITH ORDINALITY", "0A000", 15,
            "this form of kimberlite_diff is not supported");
    f->host.at = (struct sql_point){.kind = PLAN_AT_POSITION, .offset = 2};
    REFUSED("SELECT * FROM kimberlite_diff('t', 1, 2)", "22023", 15,
            "kimberlite_diff names its moments itself, although a point to read at was given beside the statement");
    f->host.at = (struct sql_point){.kind = PLAN_AT_NONE};
}

/* The columns of now have what a version had in those of then, as far as there is something. */
static void columns_of_now(void **state) {
    (void)state;
    SQL("CREATE TABLE retyped (id int PRIMARY KEY, v numeric(6,2), t varchar(10))");
    SQL("INSERT INTO retyped VALUES (1, 5, 'abcdef'), (2, 7.61, 'ab')");
    SQL("ALTER TABLE retyped ALTER v TYPE int, ALTER t TYPE varchar(4) USING left(t, 4)");
    ROWS("SELECT id, v, t FROM kimberlite_history(retyped) ORDER BY id, _position_from",
         "1|5|null\n1|5|abcd\n2|8|ab\n2|8|ab\n"); /* six characters are none of varchar(4) */
    SQL("ALTER TABLE retyped ALTER v TYPE smallint");
    SQL("ALTER TABLE retyped ALTER t TYPE int USING 3");
    ROWS("SELECT id, v, t FROM kimberlite_history(retyped) ORDER BY id, _position_from",
         "1|5|null\n1|5|null\n1|5|null\n1|5|3\n2|8|null\n2|8|null\n2|8|null\n2|8|3\n");
    SQL("ALTER TABLE retyped ALTER v TYPE text");
    ROWS("SELECT id, v FROM kimberlite_history(retyped) WHERE id = 2 ORDER BY _position_from",
         "2|7.61\n2|8\n2|8\n2|8\n2|8\n");
    /* what ADD COLUMN gave to a row is the row's, and stays it in another type */
    SQL("CREATE TABLE given (id int PRIMARY KEY)");
    SQL("INSERT INTO given VALUES (1)");
    SQL("ALTER TABLE given ADD c int DEFAULT 9");
    ROWS("SELECT c FROM kimberlite_history(given)", "9\n");
    SQL("ALTER TABLE given ALTER c TYPE bigint");
    ROWS("SELECT c FROM kimberlite_history(given)", "9\n9\n");
    /* but not under a name that was another column's when the row went */
    SQL("CREATE TABLE again (id int PRIMARY KEY, v text)");
    SQL("INSERT INTO again VALUES (1, 'real'), (2, 'real')");
    unsigned long long first = f->kernel->head->position;
    SQL("ALTER TABLE again DROP COLUMN v");
    SQL("UPDATE again SET id = id WHERE id = 1");
    SQL("DELETE FROM again WHERE id = 2");
    SQL("ALTER TABLE again ADD v text DEFAULT 'again'");
    SQL("UPDATE again SET v = 'new'");
    ROWS("SELECT id, v, _operation FROM kimberlite_history(again) ORDER BY id, _position_from",
         "1|null|INSERT\n1|again|UPDATE\n1|new|UPDATE\n2|null|INSERT\n2|null|DELETE\n");
    char text[160];
    (void)snprintf(text, sizeof text, "SELECT id, v, old_v FROM kimberlite_diff('again', %llu, %llu)", first,
                   first + 3);
    ROWS(text, "1|new|null\n2|null|null\n");
    (void)snprintf(text, sizeof text, "SELECT id, v, old_v FROM kimberlite_diff('again', %llu, %llu)", first + 2,
                   first + 3);
    ROWS(text, "1|new|again\n");
}

/* A column with another value in each row comes when all rows have it. */
static void filled_columns(void **state) {
    (void)state;
    char text[160];
    SQL("CREATE TABLE filled (id int PRIMARY KEY, v int)");
    SQL("INSERT INTO filled VALUES (1, 5), (2, 6)");
    unsigned long long at = f->kernel->head->position;
    SQL("ALTER TABLE filled ADD w int NOT NULL GENERATED ALWAYS AS (v * 2) STORED");
    SQL("ALTER TABLE filled ADD s serial");
    SQL("ALTER TABLE filled ADD i int GENERATED ALWAYS AS IDENTITY, ADD u int UNIQUE GENERATED ALWAYS AS (id) STORED "
        "CHECK (u > 0)");
    SQL("ALTER TABLE filled DROP COLUMN s"); /* its sequence is no more */
    for (unsigned long long behind = 0; behind < 2; behind++) {
        (void)snprintf(text, sizeof text, "SELECT * FROM filled AT OFFSET %llu", at + behind);
        ROWS(text, "1|5\n2|6\n");
    }
    (void)snprintf(text, sizeof text, "SELECT * FROM filled AT OFFSET %llu", at + 2);
    ROWS(text, "1|5|10\n2|6|12\n");
    (void)snprintf(text, sizeof text, "SELECT * FROM filled AT OFFSET %llu", at + 4);
    ROWS(text, "1|5|10|1\n2|6|12|2\n");
    SQL("INSERT INTO filled VALUES (3, 7)");
    ROWS("SELECT * FROM filled ORDER BY id", "1|5|10|1|1\n2|6|12|2|2\n3|7|14|3|3\n");
    REFUSED("ALTER TABLE filled ADD bad int NOT NULL GENERATED ALWAYS AS (nullif(id, 1)) STORED", "23502", 0,
            "column \"bad\" of relation \"filled\" contains null values");
    REFUSED("UPDATE filled SET w = 3", "428C9", 0, "column \"w\" can only be updated to DEFAULT");
    /* nothing but what the table computes itself */
    SQL("CREATE TABLE computed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)");
    SQL("INSERT INTO computed DEFAULT VALUES");
    SQL("ALTER TABLE computed ADD w int GENERATED ALWAYS AS (id * 2) STORED");
    SQL("CREATE INDEX ON computed ((id + 1))");
    ROWS("SELECT * FROM computed", "1|2\n");
    SQL("CREATE TABLE emptied (a int)");
    SQL("INSERT INTO emptied VALUES (1)");
    SQL("ALTER TABLE emptied DROP COLUMN a");
    SQL("ALTER TABLE emptied ADD id serial");
    ROWS("SELECT * FROM emptied", "1\n");
    SQL("CREATE DOMAIN drawn AS int DEFAULT 4 + (random() * 0)::int CHECK (VALUE > 3)");
    SQL("ALTER TABLE computed ADD d drawn");
    ROWS("SELECT d FROM computed", "4\n");
}

/* Without a select list a query is found by what stands in FROM. */
static void bare_queries(void **state) {
    (void)state;
    ROWS("SELECT count(*) FROM (SELECT FROM t AT OFFSET 1) x", "1\n");
    ROWS("SELECT EXISTS (SELECT FROM t AT OFFSET 0), EXISTS (SELECT FROM t AT OFFSET 1 WHERE id = 1)", "f|t\n");
    ROWS("SELECT count(*) FROM (SELECT FROM t AT OFFSET 1 UNION ALL SELECT FROM t AT OFFSET 2) x", "3\n");
    ROWS("SELECT count(*) FROM (SELECT FROM (SELECT 1) y JOIN t ON true WHERE v > 0 AT OFFSET 1) x", "1\n");
    ROWS("SELECT count(*) FROM (SELECT FROM generate_series(1, 2) AT OFFSET 1) x", "2\n");
    ROWS("SELECT EXISTS (SELECT WHERE EXISTS (SELECT FROM t AT OFFSET 0))", "f\n");
}

static void write_anew(const char *sql) {
    SQL("DELETE FROM wt");
    SQL("INSERT INTO wt VALUES (1, 0), (2, 0), (3, 0)");
    SQL(sql);
}

/* What a write reads beside its target has moments of its own. */
static void sources_of_writes(void **state) {
    (void)state;
    SQL("CREATE TABLE wt (id int PRIMARY KEY, v int)");
    write_anew("UPDATE wt SET v = a.v FROM t AT OFFSET 2 AS a WHERE a.id = wt.id");
    ROWS("SELECT * FROM wt ORDER BY id", "1|10\n2|20\n3|0\n");
    write_anew(
        "UPDATE wt SET v = b.v - a.v FROM t a AT OFFSET 2 JOIN t b AT OFFSET 8 ON a.id = b.id WHERE a.id = wt.id");
    ROWS("SELECT * FROM wt ORDER BY id", "1|2\n2|0\n3|0\n");
    write_anew("UPDATE wt SET v = a.v FROM (t AT OFFSET 2 AS a CROSS JOIN (SELECT 1 FROM t) AT OFFSET 0 AS none)");
    ROWS("SELECT * FROM wt ORDER BY id", "1|0\n2|0\n3|0\n");
    write_anew("DELETE FROM wt USING t AT OFFSET 2 WHERE t.id = wt.id AND t.v IS DISTINCT FROM wt.v");
    ROWS("SELECT id FROM wt", "3\n");
    write_anew(
        "WITH one AS (DELETE FROM wt USING t AT OFFSET 2 WHERE t.id = wt.id AND t.id = 1), x AS (SELECT 2 AS id) "
        "DELETE FROM wt USING t AT OFFSET 2, x WHERE t.id = wt.id AND x.id = t.id");
    ROWS("SELECT id FROM wt", "3\n");
    write_anew("MERGE INTO wt USING t AT OFFSET 2 AS s ON s.id = wt.id AND CASE WHEN s.v > 10 THEN true ELSE false END "
               "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id + 10, s.v)");
    ROWS("SELECT * FROM wt ORDER BY id", "1|0\n2|20\n3|0\n11|10\n");
    write_anew("MERGE INTO wt USING (TABLE t AT OFFSET 2) AS s ON s.id = wt.id WHEN MATCHED THEN DELETE");
    ROWS("SELECT id FROM wt", "3\n");
    static const char *const targets[] = {
        "MERGE INTO wt AT OFFSET 2 USING t ON t.id = wt.id WHEN MATCHED THEN DELETE",
        "MERGE INTO wt USING t ON t.id = wt.id WHEN MATCHED THEN DELETE AT OFFSET 2",
        "UPDATE wt SET v = 1 AT OFFSET 2",
        "UPDATE wt SET v = 1 FROM t WHERE t.id = wt.id AT OFFSET 2",
        "DELETE FROM wt AT OFFSET 2 USING t",
        "WITH w AS (UPDATE wt AT OFFSET 2 SET v = 1 RETURNING id) SELECT * FROM w",
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        uint32_t position = (uint32_t)(strstr(targets[i], "AT OFFSET") - targets[i]) + 1;
        REFUSED(targets[i], "25006", position, "Cannot modify historical data");
    }
    SQL("CREATE TABLE wcopy AS TABLE t AT OFFSET 2");
    ROWS("SELECT * FROM wcopy ORDER BY id", "1|10\n2|20\n");
    SQL("CREATE TABLE wcopies AS (TABLE t AT OFFSET 2) UNION ALL TABLE t AT OFFSET 1");
    ROWS("SELECT count(*) FROM wcopies", "3\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reference_has_its_own_moment),
        cmocka_unit_test(a_clause_binds_its_block),
        cmocka_unit_test(queries_in_from),
        cmocka_unit_test(with_queries),
        cmocka_unit_test(views),
        cmocka_unit_test(points_are_checked),
        cmocka_unit_test(parameters),
        cmocka_unit_test(ranges_by_position),
        cmocka_unit_test(ranges_by_time),
        cmocka_unit_test(pseudo_columns),
        cmocka_unit_test(ranges_that_are_refused),
        cmocka_unit_test(branches_and_views), /* writes, as those behind it do */
        cmocka_unit_test(differences_that_are_refused),
        cmocka_unit_test(differences),
        cmocka_unit_test(columns_of_now),
        cmocka_unit_test(filled_columns),
        cmocka_unit_test(bare_queries),
        cmocka_unit_test(sources_of_writes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
