/*
 * What is asked of SQL, by requirement, where no other test of this room shows it already. The list of all of them and
 * of the tests that show each is tests/conformance/requirements.tsv.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static uint64_t position(void) {
    return f->kernel->head->position;
}

/* ROWS() of a text with one number in it. */
#define ROWS_AT(format_, number_, expected_)                                                                           \
    do {                                                                                                               \
        char text_at[512];                                                                                             \
        (void)snprintf(text_at, sizeof(text_at), format_, (unsigned long long)(number_));                              \
        ROWS(text_at, expected_);                                                                                      \
    } while (0)

/* Prepares and runs with values: how it ended. */
static enum kmb_status run_with(const char *text, const struct value *values, uint32_t count) {
    struct sql_statement *statement = NULL;
    f->error = (struct kmb_error){0};
    enum kmb_status status = sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &f->error);
    if (status == KMB_OK) {
        status = sql_fixture_run(f, statement, values, count, NULL);
    }
    sql_statement_free(statement);
    return status;
}

/* Rows that a write says it touched, and the events it logged. */
static void assert_touches(const char *text, uint64_t rows, uint64_t events) {
    struct sql_statement *statement = NULL;
    uint64_t before = position();
    assert_int_equal(sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &f->error), KMB_OK);
    f->transaction = fixture_begin(f->kernel);
    struct sql_run *run = NULL;
    assert_int_equal(sql_run_open(statement, &f->host, NULL, 0, &run, &f->error), KMB_OK);
    const struct batch *batch = NULL;
    while (sql_run_next(run, &batch, &f->error) == KMB_ROW) {
    }
    assert_int_equal(sql_run_rows_affected(run), rows);
    sql_run_close(run);
    sql_statement_free(statement);
    struct kernel_transaction *transaction = f->transaction;
    f->transaction = NULL;
    assert_int_equal(fixture_try_commit(f->kernel, transaction), KMB_OK);
    assert_int_equal(position() - before, events);
}

/* --- entry points --- */

/* Whatever gives rows is known as such before it runs; whatever changes data is, too. */
static void kinds_of_statements_are_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t columns;
        bool writes;
    } statements[] = {
        {"SELECT 1", 1, false},
        {"-- first\n/* then */ SELECT 1, 2;", 2, false},
        {"((SELECT 1))", 1, false},
        {"VALUES (1, 2, 3)", 3, false},
        {"TABLE kinds", 2, false},
        {"EXPLAIN SELECT 1", 1, false},
        {"EXPLAIN DELETE FROM kinds", 1, false},
        {"SHOW TABLES", 2, false},
        {"SHOW COLUMNS FROM kinds", 3, false},
        {"SHOW timezone", 1, false},
        {"INSERT INTO kinds VALUES (1, 2) RETURNING *", 2, true},
        {"UPDATE kinds SET a = 1 RETURNING a + b", 1, true},
        {"DELETE FROM kinds RETURNING a", 1, true},
        {"INSERT INTO kinds VALUES (1, 2)", 0, true},
        {"UPDATE kinds SET a = 1", 0, true},
        {"DELETE FROM kinds", 0, true},
        {"CREATE TABLE other (a int)", 0, true},
        {"ALTER TABLE kinds ADD COLUMN c int", 0, true},
        {"CREATE INDEX ON kinds (a)", 0, true},
        {"DROP TABLE kinds", 0, true},
    };
    SQL("CREATE TABLE kinds (a int, b int)");
    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        struct sql_statement *statement = NULL;
        assert_int_equal(sql_prepare(&f->host, slice_text(statements[i].text), NULL, 0, &statement, &f->error), KMB_OK);
        assert_int_equal(sql_statement_column_count(statement), statements[i].columns);
        assert_int_equal(sql_statement_writes(statement), statements[i].writes);
        sql_statement_free(statement);
    }
    SQL("DROP TABLE kinds");
}

/* --- types --- */

static void text_parameters_take_the_type_of_their_place(void **state) {
    (void)state;
    SQL("CREATE TABLE forms (a date, b time, c timestamp, d timestamptz, e uuid, g numeric(10,2), h jsonb, i bytea, "
        "j boolean, k bigint, l double precision)");
    static const char *const texts[] = {"2024-02-29",
                                        "23:59:59.5",
                                        "2024-01-02 03:04:05",
                                        "2024-01-02T03:04:05+01:00",
                                        "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
                                        "-0.05",
                                        "{\"b\":1,\"a\":null}",
                                        "\\x00fF",
                                        "yes",
                                        "9223372036854775807",
                                        "1e-7"};
    struct value values[11];
    for (size_t i = 0; i < 11; i++) {
        values[i] = value_text(slice_text(texts[i]));
    }
    static const char insert[] = "INSERT INTO forms VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    assert_int_equal(run_with(insert, values, 11), KMB_OK);
    ROWS("SELECT * FROM forms",
         "2024-02-29|23:59:59.5|2024-01-02 03:04:05|2024-01-02 02:04:05+00|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|-0.05|"
         "{\"a\": null, \"b\": 1}|\\x00ff|t|9223372036854775807|1e-07\n");
    for (size_t i = 0; i < 11; i++) { /* and each says which one does not read */
        struct value kept = values[i];
        values[i] = value_text(slice_text("@"));
        if (i != 7) { /* "@" is bytes */
            char which[24];
            (void)snprintf(which, sizeof(which), "Parameter $%zu.", i + 1);
            assert_int_not_equal(run_with(insert, values, 11), KMB_OK);
            assert_memory_equal(f->error.message, "invalid input syntax", strlen("invalid input syntax"));
            assert_non_null(strstr(f->error.detail, which));
        }
        values[i] = kept;
    }
    ROWS("SELECT count(*) FROM forms", "1\n");
    SQL("DROP TABLE forms");
}

static void every_type_is_checked_when_written(void **state) {
    (void)state;
    SQL("CREATE TABLE w (a tinyint, b smallint, c int, d bigint, e real, g double precision, h numeric(4,2), "
        "i varchar(3), j char(3), k boolean, l date, m uuid, n json, o bytea, p timestamptz)");
    REFUSED("INSERT INTO w (a) VALUES (128)", "22003", 27, "tinyint out of range");
    REFUSED("INSERT INTO w (b) VALUES (32768)", "22003", 27, "smallint out of range");
    REFUSED("INSERT INTO w (c) VALUES (2147483648)", "22003", 27, "integer out of range");
    REFUSED("INSERT INTO w (d) VALUES (9223372036854775808)", "22003", 27, "bigint out of range");
    REFUSED("INSERT INTO w (e) VALUES ('1e39')", "22003", 27, "\"1e39\" is out of range for type real");
    REFUSED("INSERT INTO w (g) VALUES ('1e309')", "22003", 27, "\"1e309\" is out of range for type double precision");
    REFUSED("INSERT INTO w (h) VALUES (100)", "22003", 27, "numeric field overflow");
    REFUSED("INSERT INTO w (i) VALUES ('abcd')", "22001", 27, "value too long for type character varying(3)");
    REFUSED("INSERT INTO w (j) VALUES ('abcd')", "22001", 27, "value too long for type character(3)");
    REFUSED("INSERT INTO w (k) VALUES ('maybe')", "22P02", 27, "invalid input syntax for type boolean: \"maybe\"");
    REFUSED("INSERT INTO w (k) VALUES (1)", "42804", 27,
            "column \"k\" is of type boolean but expression is of type integer");
    REFUSED("INSERT INTO w (l) VALUES ('2023-02-29')", "22008", 27,
            "date/time field value out of range: \"2023-02-29\"");
    REFUSED("INSERT INTO w (m) VALUES ('x')", "22P02", 27, "invalid input syntax for type uuid: \"x\"");
    REFUSED("INSERT INTO w (n) VALUES ('{')", "22P02", 27, "invalid input syntax for type json");
    REFUSED("INSERT INTO w (o) VALUES ('\\x0')", "22023", 27, "invalid hexadecimal data: odd number of digits");
    REFUSED("INSERT INTO w (p) VALUES ('soon')", "22007", 27,
            "invalid input syntax for type timestamp with time zone: \"soon\"");
    SQL("INSERT INTO w (a) VALUES (1)");
    REFUSED("UPDATE w SET b = 40000", "22003", 18, "smallint out of range");
    REFUSED("UPDATE w SET c = c + 1, d = 'x'", "22P02", 29, "invalid input syntax for type bigint: \"x\"");
    ROWS("SELECT a, b, c, d FROM w", "1|null|null|null\n"); /* nothing of a refused one is there */
    /* what fits, fits: integers anywhere among the numbers, decimals in the inexact types */
    SQL("UPDATE w SET a = -128, b = 7, c = 7, d = 7, e = 7, g = 7, h = 7");
    ROWS("SELECT a, b, c, d, e, g, h FROM w", "-128|7|7|7|7|7|7.00\n");
    SQL("UPDATE w SET e = 1.5, g = 2.25, h = 3.125, c = 2.5, l = '2024-02-29', k = 'on'");
    ROWS("SELECT e, g, h, c, l, k FROM w", "1.5|2.25|3.13|3|2024-02-29|t\n");
    SQL("DROP TABLE w");
}

static void times_are_read_in_their_usual_forms(void **state) {
    (void)state;
    ROWS("SELECT '2024-01-02T03:04:05Z'::timestamptz, '2024-01-02T03:04:05.25+02:30'::timestamptz, "
         "'2024-01-02'::timestamptz, '2024-01-02 03:04'::timestamptz, '2024-01-02 03:04:05.123456'::timestamptz",
         "2024-01-02 03:04:05+00|2024-01-02 00:34:05.25+00|2024-01-02 00:00:00+00|2024-01-02 03:04:00+00|"
         "2024-01-02 03:04:05.123456+00\n");
    ROWS("SELECT date '2024-02-29', time '03:04', time '03:04:05.5', timestamp '2024-01-02 03:04:05.000000001'",
         "2024-02-29|03:04:00|03:04:05.5|2024-01-02 03:04:05.000000001\n");
    ROWS("SELECT '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n");
    REFUSED("SELECT '2024-13-01'::timestamp", "22008", 8, "date/time field value out of range: \"2024-13-01\"");
}

static void intervals_move_a_time(void **state) {
    (void)state;
    ROWS("SELECT timestamp '2024-01-31' + interval '1 month', timestamp '2023-01-31' + interval '1 month', "
         "timestamp '2024-02-29' + interval '1 year', date '2024-03-01' - interval '24 hours'",
         "2024-02-29 00:00:00|2023-02-28 00:00:00|2025-02-28 00:00:00|2024-02-29 00:00:00\n");
    ROWS("SELECT now() - interval '30 days' = now() - interval '29 days' - interval '24 hours', "
         "now() - interval '10 minutes' < now(), now() + interval '7 days' > now(), interval '1 month' = '30 days'",
         "t|t|t|t\n");
    ROWS("SELECT interval '1 year 2 months 3 days 04:05:06.5', -interval '1 month -2 days'",
         "1 year 2 mons 3 days 04:05:06.5|-1 mons +2 days\n");
    REFUSED("SELECT interval '2147483647 months' + interval '1 month'", "22008", 37, "interval out of range");
    /* with fields: they say what a bare number counts, and what is smaller than the last goes */
    ROWS("SELECT date '1998-12-01' - interval '90' day, interval '3' month, interval '1-2' year to month, "
         "interval '1 2:03:04' day to minute, interval '1 2' day to hour, interval '1:30' minute to second",
         "1998-09-02 00:00:00|3 mons|1 year 2 mons|1 day 02:03:00|1 day 02:00:00|00:01:30\n");
    ROWS("SELECT interval '7.25' second(0), '1 day 2 hours'::interval hour, CAST('1 day 1:02:03' AS interval(1)), "
         "interval '1.5' day, '14 months 3 days'::interval year",
         "00:00:07|1 day 02:00:00|1 day 01:02:03|1 day|1 year\n");
    SQL("CREATE TABLE span (id int PRIMARY KEY, a interval year to month, b interval second(1))");
    SQL("INSERT INTO span VALUES (1, '14', '5.55'), (2, interval '1 mon 3 days', 'PT1M2.04S')");
    ROWS("SELECT a, b FROM span ORDER BY id", "1 year 2 mons|00:00:05.6\n1 mon|00:01:02\n");
    ROWS("SHOW COLUMNS FROM span", "id|integer|f\na|interval year to month|t\nb|interval second(1)|t\n");
    REFUSED("SELECT interval '1 2 3' day to hour", "22007", 17, "invalid input syntax for type interval: \"1 2 3\"");
}

/* --- comparison --- */

static void only_true_passes(void **state) {
    (void)state;
    SQL("CREATE TABLE n (id int PRIMARY KEY, v int, CHECK (v > 0))"); /* unknown passes a CHECK */
    SQL("INSERT INTO n VALUES (1, 1), (2, null), (3, 3)");
    ROWS("SELECT id FROM n WHERE v = NULL", "");
    ROWS("SELECT id FROM n WHERE v < 2 ORDER BY id", "1\n");
    ROWS("SELECT id FROM n WHERE NOT v < 2 ORDER BY id", "3\n");
    ROWS("SELECT id FROM n WHERE v IN (1, NULL) ORDER BY id", "1\n");
    ROWS("SELECT id FROM n WHERE v NOT IN (1, NULL)", "");
    ROWS("SELECT id FROM n WHERE v NOT IN (1) ORDER BY id", "3\n");
    ROWS("SELECT 2 IN (1, NULL), 1 IN (1, NULL), 2 NOT IN (1, NULL), 1 NOT IN (1, NULL), NULL IN (1)",
         "null|t|null|f|null\n");
    ROWS("SELECT x.id, y.id FROM n x JOIN n y ON x.v = y.v ORDER BY 1", "1|1\n3|3\n");
    ROWS("SELECT x.id, y.id FROM n x LEFT JOIN n y ON x.v = y.v AND y.id = x.id ORDER BY 1", "1|1\n2|null\n3|3\n");
    ROWS("SELECT v, count(*) FROM n GROUP BY v HAVING v > 1", "3|1\n");
    ROWS("SELECT count(*) FILTER (WHERE v > 1), count(*) FILTER (WHERE NOT v > 1), count(*), count(v) FROM n",
         "1|1|3|2\n");
    ROWS("SELECT null AND false, null AND true, null OR true, null OR false, NOT null::boolean",
         "f|null|t|null|null\n");
    ROWS("SELECT null IS DISTINCT FROM null, 1 IS DISTINCT FROM null, null IS NULL", "f|t|t\n");
    SQL("DROP TABLE n");
}

static void numbers_compare_across_their_types(void **state) {
    (void)state;
    SQL("CREATE TABLE m (a smallint, b int, c bigint, d real, e double precision, g numeric(8,3))");
    SQL("INSERT INTO m VALUES (2, 2, 2, 2, 2, 2)");
    ROWS("SELECT a = b, b = c, c = d, d = e, e = g, g = a, a = 2, d = 2, g = 2, e = 2.0, g = 2.000, g < 2.5, 1.5 < a "
         "FROM m",
         "t|t|t|t|t|t|t|t|t|t|t|t|t\n");
    ROWS("SELECT count(*) FROM m WHERE a = 2 AND b = 2.0 AND c = 2 AND d = 2 AND e = 2 AND g = 2 AND g IN (1, 2) "
         "AND b BETWEEN 1.5 AND 2.5",
         "1\n");
    ROWS("SELECT x.a FROM m x JOIN m y ON x.a = y.g AND x.c = y.a AND x.e = y.b", "2\n");
    SQL("DROP TABLE m");
}

static void values_compare_by_what_they_are(void **state) {
    (void)state;
    ROWS("SELECT 'Z' < 'a', 'z' < 'ä', 'a' < 'aa', false < true, '-0'::float8 = '0'::float8, "
         "'\\x00'::bytea < '\\x0000'::bytea, '\\x7f'::bytea < '\\x80'::bytea, 'NaN'::float8 > 'Infinity'::float8",
         "t|t|t|t|t|t|t|t\n");
    ROWS("SELECT '{\"a\": 1, \"b\": [1, 2]}'::jsonb = '{\"b\":[1,2],\"a\":1.0}'::jsonb, "
         "'{\"a\": 1}'::jsonb = '{\"a\": 2}'::jsonb",
         "t|f\n");
    SQL("CREATE TABLE b (id int, j jsonb)"); /* grouped, joined, listed, ordered by what they are */
    SQL("INSERT INTO b VALUES (1, '{\"n\": 1.0}'), (2, '{\"n\": 1}'), (3, '10'), (4, '9'), (5, '[]'), (6, null)");
    ROWS("SELECT count(*), min(id) FROM b GROUP BY j ORDER BY 2", "2|1\n1|3\n1|4\n1|5\n1|6\n");
    ROWS("SELECT count(DISTINCT j) FROM b", "4\n");
    ROWS("SELECT x.id, y.id FROM b x JOIN b y ON x.j = y.j WHERE x.id < 3 ORDER BY 1, 2", "1|1\n1|2\n2|1\n2|2\n");
    ROWS("SELECT id FROM b WHERE j IN ('{\"n\": 1.00}', '9.0') ORDER BY id", "1\n2\n4\n");
    ROWS("SELECT id FROM b ORDER BY j, id", "5\n4\n3\n1\n2\n6\n");
    SQL("DROP TABLE b");
    ROWS("SELECT date '2024-01-02' > date '2023-12-31', time '01:00' < time '01:00:00.000001', "
         "timestamp '2024-01-01' = date '2024-01-01', '00000000-0000-0000-0000-000000000001'::uuid < "
         "'10000000-0000-0000-0000-000000000000'::uuid",
         "t|t|t|t\n");
}

static void nulls_are_last_and_one_group(void **state) {
    (void)state;
    SQL("CREATE TABLE o (v int)");
    SQL("INSERT INTO o VALUES (2), (null), (1), (null)");
    ROWS("SELECT v FROM o ORDER BY v", "1\n2\nnull\nnull\n");
    ROWS("SELECT v FROM o ORDER BY v DESC", "null\nnull\n2\n1\n");
    ROWS("SELECT v FROM o ORDER BY v NULLS FIRST", "null\nnull\n1\n2\n");
    ROWS("SELECT v FROM o ORDER BY v DESC NULLS LAST", "2\n1\nnull\nnull\n");
    ROWS("SELECT DISTINCT v FROM o ORDER BY v", "1\n2\nnull\n");
    ROWS("SELECT v, count(*) FROM o GROUP BY v ORDER BY v", "1|1\n2|1\nnull|2\n");
    SQL("CREATE INDEX ON o (v)");
    ROWS("SELECT v FROM o ORDER BY v LIMIT 3", "1\n2\nnull\n"); /* and an index agrees */
    SQL("DROP TABLE o");
}

/* --- definitions --- */

static void definitions_that_change_nothing_log_nothing(void **state) {
    (void)state;
    SQL("CREATE TABLE i (a int PRIMARY KEY)");
    uint64_t sequence = f->kernel->head->sequence;
    SQL("CREATE TABLE IF NOT EXISTS i (b text)");
    SQL("DROP TABLE IF EXISTS nosuch");
    SQL("CREATE INDEX IF NOT EXISTS i_pkey ON i (a)");
    SQL("DROP INDEX IF EXISTS nosuch");
    SQL("ALTER TABLE i ADD COLUMN IF NOT EXISTS a text");
    SQL("ALTER TABLE i DROP COLUMN IF EXISTS nosuch");
    SQL("ALTER TABLE IF EXISTS nosuch ADD COLUMN a int");
    assert_int_equal(f->kernel->head->sequence, sequence);
    ROWS("SHOW COLUMNS FROM i", "a|integer|f\n");
    SQL("DROP TABLE i");
}

static void columns_of_a_key_are_not_null(void **state) {
    (void)state;
    SQL("CREATE TABLE k (a int, b text, c int, PRIMARY KEY (b, a))");
    ROWS("SHOW COLUMNS FROM k", "a|integer|f\nb|text|f\nc|integer|t\n");
    REFUSED("INSERT INTO k (a) VALUES (1)", "23502", 0,
            "null value in column \"b\" of relation \"k\" violates not-null constraint");
    SQL("INSERT INTO k VALUES (1, 'x', 1), (1, 'y', 1), (2, 'x', 1)");
    REFUSED("INSERT INTO k VALUES (2, 'x', 9)", "23505", 0,
            "duplicate key value violates unique constraint \"k_pkey\"");
    assert_string_equal(f->error.detail, "Key (b, a)=(x, 2) already exists.");
    REFUSED("ALTER TABLE k ALTER COLUMN a DROP NOT NULL", "42P16", 0, "column \"a\" is in a primary key");
    SQL("DROP TABLE k");
    SQL("CREATE TABLE k (a int)"); /* no key at all: rows have hidden ids, equal ones may stand beside each other */
    SQL("INSERT INTO k VALUES (1), (1)");
    ROWS("SELECT * FROM k", "1\n1\n");
    SQL("DROP TABLE k");
}

static void defaults_are_computed_by_each_insert(void **state) {
    (void)state;
    SQL("CREATE TABLE d (id int PRIMARY KEY, a timestamptz DEFAULT CURRENT_TIMESTAMP, b date DEFAULT CURRENT_DATE, "
        "c text DEFAULT 'PHI', e timestamptz NOT NULL DEFAULT now(), g int DEFAULT (2 - 3) - (4 - 5), "
        "h int DEFAULT -(-5), i boolean DEFAULT (NOT (true AND false)), j text DEFAULT E'a\\\\b''c', "
        "k boolean DEFAULT ((1 IN (1, 2)) = true))");
    SQL("INSERT INTO d (id) VALUES (1)");
    SQL("INSERT INTO d (id, a, c) VALUES (2, DEFAULT, NULL)");
    ROWS("SELECT id, a = now(), b = current_date, c, e = a, g, h, i, j, k FROM d ORDER BY id",
         "1|t|t|PHI|t|0|5|t|a\\b'c|t\n2|t|t|null|t|0|5|t|a\\b'c|t\n");
    SQL("ALTER TABLE d ALTER COLUMN c SET DEFAULT 'PII'");
    SQL("INSERT INTO d (id) VALUES (3)");
    SQL("UPDATE d SET c = DEFAULT WHERE id = 1");
    ROWS("SELECT id, c FROM d ORDER BY id", "1|PII\n2|null\n3|PII\n");
    SQL("DROP TABLE d");
}

static void columns_are_added_only_where_rows_allow(void **state) {
    (void)state;
    SQL("CREATE TABLE a (id int PRIMARY KEY)");
    SQL("ALTER TABLE a ADD COLUMN early int NOT NULL"); /* no row, nothing to violate */
    SQL("INSERT INTO a VALUES (1, 1)");
    REFUSED("ALTER TABLE a ADD COLUMN b int NOT NULL", "23502", 0,
            "column \"b\" of relation \"a\" contains null values");
    SQL("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 7, ADD COLUMN c text");
    ROWS("SELECT * FROM a", "1|1|7|null\n");
    REFUSED("ALTER TABLE a ADD COLUMN b text", "42701", 0, "column \"b\" of relation \"a\" already exists");
    SQL("DROP TABLE a");
}

static void a_dropped_column_is_gone(void **state) {
    (void)state;
    SQL("CREATE TABLE g (id int PRIMARY KEY, v text)");
    SQL("INSERT INTO g VALUES (1, 'old')");
    uint64_t before = position();
    SQL("ALTER TABLE g DROP COLUMN v");
    REFUSED("SELECT v FROM g", "42703", 8, "column \"v\" does not exist");
    REFUSED("INSERT INTO g (id, v) VALUES (2, 'x')", "42703", 20, "column \"v\" of relation \"g\" does not exist");
    SQL("ALTER TABLE g ADD COLUMN v text");
    SQL("INSERT INTO g VALUES (2, 'new')");
    ROWS("SELECT id, v FROM g ORDER BY id", "1|null\n2|new\n"); /* the old value stays where it was */
    ROWS_AT("SELECT id, v FROM g AT OFFSET %llu ORDER BY id", before + 1, "1|null\n2|new\n");
    SQL("DROP TABLE g");
}

/* Reading before an ALTER shows the old shape, before a DROP the table. */
static void the_past_has_its_own_schema(void **state) {
    (void)state;
    SQL("CREATE TABLE s (id int PRIMARY KEY, v text)");
    uint64_t made = position();
    SQL("INSERT INTO s VALUES (1, 'a')");
    SQL("ALTER TABLE s ADD COLUMN w int DEFAULT 5");
    uint64_t added = position();
    SQL("INSERT INTO s VALUES (2, 'b', 6)");
    SQL("ALTER TABLE s RENAME COLUMN v TO u");
    uint64_t renamed = position();
    SQL("INSERT INTO s VALUES (3, 'c', 7)");
    SQL("ALTER TABLE s DROP COLUMN w");
    SQL("INSERT INTO s VALUES (4, 'd')");
    SQL("DROP TABLE s");
    uint64_t dropped = position();
    SQL("CREATE TABLE later (a int)");
    SQL("INSERT INTO later VALUES (1)");
    ROWS_AT("SELECT * FROM s AT OFFSET %llu", made, "");
    ROWS_AT("SELECT id, v, w FROM s AT OFFSET %llu", added, "1|a|5\n"); /* there from its DDL's position on */
    ROWS_AT("SELECT id, u, w FROM s AT OFFSET %llu ORDER BY id", renamed, "1|a|5\n2|b|6\n");
    ROWS_AT("SELECT * FROM s AT OFFSET %llu ORDER BY id", dropped, "1|a\n2|b\n3|c\n4|d\n"); /* up to its drop */
    ROWS_AT("SELECT count(*) FROM s WHERE u > 'a' AT OFFSET %llu", dropped, "3\n");
    char text[128];
    (void)snprintf(text, sizeof(text), "SELECT * FROM s AT OFFSET %llu", (unsigned long long)dropped + 1);
    REFUSED(text, "42P01", 15, "relation \"s\" does not exist");
    (void)snprintf(text, sizeof(text), "SELECT * FROM later AT OFFSET %llu", (unsigned long long)dropped - 1);
    REFUSED(text, "42P01", 15, "relation \"later\" does not exist");
    REFUSED("SELECT * FROM s", "42P01", 15, "relation \"s\" does not exist");
    SQL("DROP TABLE later");
}

static void a_table_made_again_is_empty(void **state) {
    (void)state;
    SQL("CREATE TABLE e (id int PRIMARY KEY, v int)");
    SQL("CREATE UNIQUE INDEX e_v ON e (v)");
    SQL("INSERT INTO e VALUES (1, 10), (2, 20)");
    SQL("DROP TABLE e");
    SQL("CREATE TABLE e (id int PRIMARY KEY, v int)");
    ROWS("SELECT count(*) FROM e", "0\n");
    SQL("INSERT INTO e VALUES (1, 20), (3, 20)"); /* neither key nor index of the first one is left */
    SQL("CREATE INDEX e_v ON e (v)");
    ROWS("SELECT id FROM e WHERE v = 20 ORDER BY id", "1\n3\n");
    ROWS("SELECT count(*) FROM kimberlite_history(e)", "2\n");
    SQL("DROP TABLE e");
}

static void an_index_has_every_row(void **state) {
    (void)state;
    SQL("CREATE TABLE x (id int PRIMARY KEY, v int)");
    SQL("INSERT INTO x VALUES (0, 0)");
    char text[96];
    for (int width = 1; width < 4096; width *= 2) {
        (void)snprintf(text, sizeof(text), "INSERT INTO x SELECT id + %d, (id + %d) %% 512 FROM x", width, width);
        SQL(text);
    }
    REFUSED("CREATE UNIQUE INDEX x_v ON x (v)", "23505", 0, "could not create unique index \"x_v\"");
    SQL("CREATE INDEX x_v ON x (v)");
    ROWS("EXPLAIN (COSTS OFF) SELECT count(*) FROM x WHERE v = 3",
         "Aggregate\n  ->  Index Only Scan using x_v on x\n        Index Cond: (v = 3)\n");
    ROWS("SELECT count(*) FROM x WHERE v = 3", "8\n");
    SQL("CREATE UNIQUE INDEX x_u ON x (v, id)");
    REFUSED("CREATE INDEX x_u ON x (v)", "42P07", 0, "relation \"x_u\" already exists");
    SQL("DROP INDEX x_v");
    ROWS("SELECT count(*) FROM x WHERE v = 3", "8\n");
    SQL("DROP TABLE x");
}

/* --- writes --- */

static void returning_is_checked_before_anything_is_written(void **state) {
    (void)state;
    SQL("CREATE TABLE r (id int PRIMARY KEY, v int)");
    uint64_t before = position();
    REFUSED("INSERT INTO r VALUES (1, 0) RETURNING nosuch", "42703", 39, "column \"nosuch\" does not exist");
    REFUSED("INSERT INTO r VALUES (1, 0) RETURNING 1 / v", "22012", 41, "division by zero");
    assert_int_equal(position(), before);
    ROWS("SELECT count(*) FROM r", "0\n");
    SQL("DROP TABLE r");
}

static void upserts_say_what_they_did(void **state) {
    (void)state;
    SQL("CREATE TABLE c (id int PRIMARY KEY, v int DEFAULT 7, w text)");
    assert_touches("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET v = 9", 1, 1);
    assert_touches("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET v = 9, w = EXCLUDED.w", 1, 1);
    ROWS("SELECT * FROM c", "1|9|null\n");
    assert_touches("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO NOTHING", 0, 0);
    assert_touches("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET v = 1 WHERE c.v > 100", 0, 0);
    ROWS("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING *", "");
    ROWS("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v + c.v RETURNING *",
         "1|16|null\n");
    assert_touches("INSERT INTO c (id) VALUES (1), (2), (3) ON CONFLICT DO NOTHING", 2, 2);
    SQL("DROP TABLE c");
}

static void an_update_reads_the_old_row(void **state) {
    (void)state;
    SQL("CREATE TABLE u (id int PRIMARY KEY, a text, b text, n int NOT NULL)");
    SQL("INSERT INTO u VALUES (1, '(555) 010-0199', 'b', 1)");
    SQL("UPDATE u SET a = replace(replace(replace(a, '(', ''), ') ', '-'), '-', '.'), b = a, n = n + length(b)");
    ROWS("SELECT * FROM u", "1|555.010.0199|(555) 010-0199|2\n");
    SQL("UPDATE u SET (a, b) = (b, a)");
    ROWS("SELECT a, b FROM u", "(555) 010-0199|555.010.0199\n");
    assert_touches("UPDATE u SET id = id + 10", 1, 1); /* a key too, and it is one event */
    ROWS("SELECT id, n FROM u", "11|2\n");
    REFUSED("UPDATE u SET n = NULL", "23502", 0,
            "null value in column \"n\" of relation \"u\" violates not-null constraint");
    REFUSED("UPDATE u SET nosuch = 1", "42703", 14, "column \"nosuch\" of relation \"u\" does not exist");
    REFUSED("UPDATE u SET n = true", "42804", 18, "column \"n\" is of type integer but expression is of type boolean");
    REFUSED("UPDATE u SET a = 'x', a = 'y'", "42601", 23, "multiple assignments to same column \"a\"");
    SQL("DROP TABLE u");
}

static void matched_rows_are_counted(void **state) {
    (void)state;
    SQL("CREATE TABLE q (id int PRIMARY KEY, v int, w text)");
    assert_touches("INSERT INTO q VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, null)", 3, 3);
    assert_touches("UPDATE q SET w = 'x' WHERE id = 1 AND v = 99", 0, 0); /* a whole key does not hide the rest */
    assert_touches("DELETE FROM q WHERE id = 1 AND v <> 1", 0, 0);
    assert_touches("UPDATE q SET w = w WHERE v >= 2", 2, 2);
    assert_touches("UPDATE q SET v = v", 3, 3);
    assert_touches("DELETE FROM q WHERE w IS NULL OR lower(w) LIKE 'A%'", 1, 1);
    assert_touches("DELETE FROM q", 2, 2);
    SQL("DROP TABLE q");
}

/* --- the past --- */

static void positions_count_rows_and_nothing_else(void **state) {
    (void)state;
    uint64_t start = position();
    SQL("CREATE TABLE p (id int PRIMARY KEY, v int)");
    SQL("CREATE INDEX p_v ON p (v)");
    assert_int_equal(position(), start);
    SQL("INSERT INTO p VALUES (1, 1), (2, 2), (3, 3)");
    assert_int_equal(position(), start + 3);
    SQL("UPDATE p SET v = 9 WHERE id < 3");
    assert_int_equal(position(), start + 5);
    SQL("UPDATE p SET v = 9 WHERE id > 100");
    ROWS("SELECT count(*) FROM p", "3\n");
    SQL("ALTER TABLE p ADD COLUMN w int");
    SQL("DROP INDEX p_v");
    assert_int_equal(position(), start + 5);
    SQL("INSERT INTO p VALUES (1, 1) ON CONFLICT DO NOTHING");
    assert_int_equal(position(), start + 5);
    SQL("INSERT INTO p VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = 0");
    assert_int_equal(position(), start + 6);
    SQL("DELETE FROM p");
    assert_int_equal(position(), start + 9);
    SQL("DROP TABLE p");
    assert_int_equal(position(), start + 9);
    ROWS_AT("SELECT id, v FROM p AT OFFSET %llu ORDER BY id", start + 3, "1|1\n2|2\n3|3\n");
    ROWS_AT("SELECT id, v FROM p AT OFFSET %llu ORDER BY id", start + 6, "1|0\n2|9\n3|3\n");
    ROWS_AT("SELECT id, v FROM p AT OFFSET %llu ORDER BY id", start + 8, "3|3\n");
}

/* Each way to write a moment finds the state of that moment. The fixture's clock began at second 1 of 1970. */
static void moments_are_written_in_many_ways(void **state) {
    (void)state;
    SQL("CREATE TABLE t (id int PRIMARY KEY)");
    SQL("INSERT INTO t VALUES (1)");
    f->kernel->time_us = INT64_C(1704164645) * 1000000; /* 2024-01-02 03:04:05 UTC */
    SQL("INSERT INTO t VALUES (2)");
    static const struct {
        const char *clause;
        const char *rows;
    } moments[] = {
        {"AS OF TIMESTAMP '2024-01-02T03:04:05Z'", "1\n"},
        {"AS OF TIMESTAMP '2024-01-02T03:04:06Z'", "2\n"},
        {"AS OF TIMESTAMP '2024-01-02T04:04:06+01:00'", "2\n"},
        {"AS OF TIMESTAMP '2024-01-02T04:04:05+01:00'", "1\n"},
        {"AS OF '2024-01-02'", "1\n"},
        {"AS OF '2024-01-03'", "2\n"},
        {"AS OF '2024-01-02 03:04:05'", "1\n"},
        {"AS OF '2024-01-02 03:04:05.9'", "2\n"},
        {"AS OF '2024-01-02 03:04'", "1\n"},
        {"FOR SYSTEM_TIME AS OF '2024-01-02 03:04:06'", "2\n"},
        {"AS OF SYSTEM TIME '2024-01-02 03:04:05'", "1\n"},
        {"AS OF TIMESTAMP '2024-01-02T03:04:06Z'::timestamptz", "2\n"},
        {"AS OF TIMESTAMP '2024-01-02T03:04:05+00:00'::TIMESTAMP WITH TIME ZONE", "1\n"},
        {"AS OF '2024-01-02 03:04:06'::timestamp", "2\n"},
        {"FOR SYSTEM_TIME AS OF '2024-01-02 03:04:06'::text", "2\n"},
    };
    char text[160];
    for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
        (void)snprintf(text, sizeof(text), "SELECT count(*) FROM t %s", moments[i].clause);
        ROWS(text, moments[i].rows);
        (void)snprintf(text, sizeof(text), "SELECT count(*) FROM t WHERE id > 0 %s", moments[i].clause);
        ROWS(text, moments[i].rows);
    }
    /* UTC it is, whatever the session's zone, in a literal and in a parameter */
    SQL("SET timezone = '-09:00'");
    ROWS("SELECT count(*) FROM t AS OF '2024-01-02 03:04:05'", "1\n");
    struct value moment = value_text(slice_text("2024-01-02 03:04:05"));
    assert_int_equal(run_with("INSERT INTO t SELECT 7 + count(*) FROM t AS OF $1", &moment, 1), KMB_OK);
    ROWS("SELECT max(id) FROM t", "8\n");
    SQL("RESET timezone");
    REFUSED("SELECT * FROM t AS OF '0001-01-01'", "22023", 23, f->error.message); /* before all history: said below */
    assert_non_null(strstr(f->error.message, "precedes the earliest retained event"));
    SQL("DROP TABLE t");
}

/* Whatever a SELECT can do, it can do in the past. */
static void the_past_answers_every_clause(void **state) {
    (void)state;
    SQL("CREATE TABLE a (id int PRIMARY KEY, g text, v numeric(8,2))");
    SQL("CREATE INDEX a_g ON a (g)");
    SQL("CREATE TABLE b (id int PRIMARY KEY, a_id int)");
    SQL("INSERT INTO a VALUES (1, 'x', 1), (2, 'x', 2.5), (3, 'y', 4), (4, null, null)");
    SQL("INSERT INTO b VALUES (10, 1), (11, 3), (12, 99)");
    static const char *const queries[] = {
        "SELECT * FROM a %s ORDER BY v DESC NULLS LAST LIMIT 2 OFFSET 1",
        "SELECT g, sum(v), count(*) FILTER (WHERE v > 1), count(DISTINCT g) FROM a GROUP BY g HAVING count(*) > 0 "
        "ORDER BY g %s",
        "SELECT DISTINCT g FROM a %s ORDER BY 1",
        "SELECT a.id, b.id FROM a JOIN b ON b.a_id = a.id %s ORDER BY 1",
        "SELECT a.id, b.id FROM a LEFT JOIN b ON b.a_id = a.id %s ORDER BY 1, 2",
        "SELECT a.id, b.id FROM a FULL JOIN b ON b.a_id = a.id ORDER BY 1, 2 %s",
        "SELECT a.id, b.id FROM a, b %s WHERE a.id + 9 = b.id ORDER BY 1",
        "SELECT CASE WHEN v > 2 THEN 'many' ELSE coalesce(g, '-') END FROM a WHERE g LIKE 'x%%' OR g IS NULL %s "
        "ORDER BY id",
        "SELECT id FROM a WHERE g = 'x' %s ORDER BY id",
        "SELECT id FROM a WHERE id BETWEEN 2 AND 3 %s",
        "SELECT max(n) FROM (SELECT g, count(*) AS n FROM a GROUP BY g) x %s",
        "SELECT x.id FROM (TABLE a) x %s ORDER BY 1",
    };
    struct buffer wanted[12] = {{0}};
    char text[512];
    for (size_t i = 0; i < 12; i++) {
        (void)snprintf(text, sizeof(text), queries[i], "");
        assert_int_equal(sql_fixture_text(f, text, &wanted[i]), KMB_OK);
    }
    char clause[48];
    (void)snprintf(clause, sizeof(clause), "AT OFFSET %llu", (unsigned long long)position());
    SQL("UPDATE a SET v = v + 100, g = 'z'");
    SQL("DELETE FROM b WHERE id = 10");
    SQL("INSERT INTO a VALUES (5, 'x', 5)");
    SQL("ALTER TABLE a ADD COLUMN late int DEFAULT 1");
    SQL("DROP INDEX a_g");
    for (size_t i = 0; i < 12; i++) {
        (void)snprintf(text, sizeof(text), queries[i], clause);
        ROWS(text, buffer_text(&wanted[i]));
        buffer_free(&wanted[i]);
    }
    SQL("DROP TABLE a");
    SQL("DROP TABLE b");
}

/* --- sizes --- */

static void large_rows_and_keys_and_many_tables(void **state) {
    (void)state;
    SQL("CREATE TABLE l (k text PRIMARY KEY, v text)");
    SQL("INSERT INTO l VALUES (repeat('k', 1024), repeat('v', 1048576 + 7))");
    ROWS("SELECT length(k), length(v), v = repeat('v', 1048583) FROM l WHERE k = repeat('k', 1024)",
         "1024|1048583|t\n");
    for (int i = 0; i < 20; i++) { /* any number of versions */
        SQL("UPDATE l SET v = v || '!'");
    }
    ROWS("SELECT length(v) FROM l", "1048603\n");
    ROWS("SELECT count(*), min(length(v)) FROM kimberlite_history(l)", "21|1048583\n");
    uint64_t before = position();
    assert_int_equal(sql_fixture_text(f, "INSERT INTO l VALUES (repeat('k', 1200000), 'v')", NULL), KMB_LIMIT);
    assert_int_equal(position(), before); /* told before anything is logged */
    SQL("DROP TABLE l");
    char text[64];
    for (int i = 0; i < 210; i++) {
        (void)snprintf(text, sizeof(text), "CREATE TABLE many%d (a int PRIMARY KEY)", i);
        SQL(text);
    }
    ROWS("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'many%'", "210\n");
    for (int i = 0; i < 210; i++) {
        (void)snprintf(text, sizeof(text), "DROP TABLE many%d", i);
        SQL(text);
    }
}

/* No result is cut, and a statement streams: 131,072 rows through a budget that one in two hundred would fill. */
static void nothing_is_cut_and_memory_is_bounded(void **state) {
    (void)state;
    SQL("CREATE TABLE z (id int PRIMARY KEY, v int, w text)");
    SQL("CREATE INDEX z_v ON z (v)");
    SQL("INSERT INTO z VALUES (0, 0, 'w')");
    char text[96];
    for (int width = 1; width < 131072; width *= 2) {
        (void)snprintf(text, sizeof(text), "INSERT INTO z SELECT id + %d, v, w FROM z", width);
        SQL(text);
    }
    f->settings.memory_bytes_max = UINT64_C(1) << 20;
    ROWS("SELECT count(*), min(id), max(id) FROM z", "131072|0|131071\n");
    ROWS("SELECT count(*) FROM z WHERE id >= 0", "131072\n");
    ROWS("SELECT count(*) FROM z WHERE v = 0 AND id >= 0", "131072\n");
    ROWS("SELECT id FROM z ORDER BY id DESC LIMIT 1 OFFSET 131000", "71\n");
    ROWS("SELECT id FROM z WHERE id % 65536 = 1 LIMIT 2", "1\n65537\n");
    struct buffer out = {0};
    assert_int_equal(sql_fixture_text(f, "SELECT id FROM z", &out), KMB_OK);
    size_t lines = 0;
    for (size_t i = 0; i < out.length; i++) {
        lines += out.bytes[i] == '\n';
    }
    assert_int_equal(lines, 131072);
    buffer_free(&out);
    assert_int_equal(sql_fixture_text(f, "SELECT id, count(*) FROM z GROUP BY id", NULL), KMB_NO_MEMORY);
    assert_string_not_equal(f->error.message, "");
    f->settings.memory_bytes_max = UINT64_C(64) << 20;
    SQL("DROP TABLE z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_statements_are_known),
        cmocka_unit_test(text_parameters_take_the_type_of_their_place),
        cmocka_unit_test(every_type_is_checked_when_written),
        cmocka_unit_test(times_are_read_in_their_usual_forms),
        cmocka_unit_test(intervals_move_a_time),
        cmocka_unit_test(only_true_passes),
        cmocka_unit_test(numbers_compare_across_their_types),
        cmocka_unit_test(values_compare_by_what_they_are),
        cmocka_unit_test(nulls_are_last_and_one_group),
        cmocka_unit_test(definitions_that_change_nothing_log_nothing),
        cmocka_unit_test(columns_of_a_key_are_not_null),
        cmocka_unit_test(defaults_are_computed_by_each_insert),
        cmocka_unit_test(columns_are_added_only_where_rows_allow),
        cmocka_unit_test(a_dropped_column_is_gone),
        cmocka_unit_test(the_past_has_its_own_schema),
        cmocka_unit_test(a_table_made_again_is_empty),
        cmocka_unit_test(an_index_has_every_row),
        cmocka_unit_test(returning_is_checked_before_anything_is_written),
        cmocka_unit_test(upserts_say_what_they_did),
        cmocka_unit_test(an_update_reads_the_old_row),
        cmocka_unit_test(matched_rows_are_counted),
        cmocka_unit_test(positions_count_rows_and_nothing_else),
        cmocka_unit_test(moments_are_written_in_many_ways),
        cmocka_unit_test(the_past_answers_every_clause),
        cmocka_unit_test(large_rows_and_keys_and_many_tables),
        cmocka_unit_test(nothing_is_cut_and_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
