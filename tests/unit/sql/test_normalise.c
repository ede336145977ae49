/* Statements without their constants: none is left, whichever way they were taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sql/parse/normalise.h"

struct example {
    const char *text;
    const char *shown;
};

/* Whether the statement ran or failed: it is shown the same. */
static void check(const struct example *examples, size_t count) {
    for (size_t i = 0; i < count * 2; i++) {
        const struct example *example = &examples[i / 2];
        struct buffer out = {0};
        bool made = sql_normalise(slice_text(example->text), i % 2 == 0, &out);
        const char *shown = made ? buffer_text(&out) : "(not shown)";
        if (strcmp(shown, example->shown) != 0) {
            fail_msg("%s\n is shown as %s\n      not as %s", example->text, shown, example->shown);
        }
        buffer_free(&out);
    }
}
#define CHECK(examples) check(examples, sizeof(examples) / sizeof((examples)[0]))

static void constants_go(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"SELECT * FROM t WHERE id = 42", "SELECT * FROM t WHERE id = $1"},
        {"INSERT INTO t1 VALUES (1, 'secret')", "INSERT INTO t1 VALUES ($1, $2)"},
        {"INSERT INTO t1 VALUES (1, TRUE)", "INSERT INTO t1 VALUES ($1, $2)"},
        {"SELECT 'secret' FROM t WHERE id = 42", "SELECT $1 FROM t WHERE id = $2"},
        {"SELECT x FROM t WHERE y > 42 LIMIT 7", "SELECT x FROM t WHERE y > $1 LIMIT $2"},
        {"SELECT x FROM t WHERE y = 1 ORDER BY 2 LIMIT 3", "SELECT x FROM t WHERE y = $1 ORDER BY $2 LIMIT $3"},
        {"SELECT E'se\\x63ret\\'', $$secret$$, $a$ 'b' $$ $a$, U&'s\\0065cret', B'101', x'beef', N'secret', 'a''b'",
         "SELECT $1, $2, $3, $4, $5, $6, N $7, $8"},
        {"SELECT U&'s!0065' UESCAPE '!'", "SELECT $1 UESCAPE $2"},
        {"SELECT 'se'  \n  'cret', 1.5e10, .5, -17, 4.", "SELECT $1, $2, $3, -$4, $5"},
        {"SELECT'x'AS\"42\",'x'a, t1.c2 FROM t1", "SELECT $1 AS\"42\",$2 a, t1.c2 FROM t1"},
        {"SELECT $2, 'secret', $1", "SELECT $2, $3, $1"},
        {"SELECT DATE '2026-01-02', INTERVAL '3' DAY, TRUE, false, NULL",
         "SELECT DATE $1, INTERVAL $2 DAY, $3, $4, NULL"},
    };
    CHECK(examples);
}

static void in_every_kind_of_statement(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"execute w('secret', 42)", "execute w($1, $2)"},
        {"PREPARE p (text) AS SELECT $1, 'secret'", "PREPARE p (text) AS SELECT $1, $2"},
        {"CREATE VIEW v AS SELECT 'secret' AS x", "CREATE VIEW v AS SELECT $1 AS x"},
        {"CREATE TABLE t AS SELECT 'secret' AS x", "CREATE TABLE t AS SELECT $1 AS x"},
        {"CREATE TABLE t (a text DEFAULT 'secret' CHECK (a <> 'none'))",
         "CREATE TABLE t (a text DEFAULT $1 CHECK (a <> $2))"},
        {"ALTER TABLE t ALTER a SET DEFAULT 'secret'", "ALTER TABLE t ALTER a SET DEFAULT $1"},
        {"CREATE INDEX i ON t (a) WHERE b = 'secret'", "CREATE INDEX i ON t (a) WHERE b = $1"},
        {"CREATE POLICY p ON t USING (a = 'secret')", "CREATE POLICY p ON t USING (a = $1)"},
        {"CREATE TYPE t AS ENUM ('secret')", "CREATE TYPE t AS ENUM ($1)"},
        {"CALL f('secret')", "CALL f($1)"},
        {"DO $body$ BEGIN PERFORM 'secret'; END $body$", "DO $1"},
        {"COPY t FROM PROGRAM 'secret'", "COPY t FROM PROGRAM $1"},
        {"COPY (SELECT 'secret') TO STDOUT (DELIMITER ';')", "COPY (SELECT $1) TO STDOUT (DELIMITER $2)"},
        {"CREATE USER u PASSWORD 'secret'", "CREATE USER u PASSWORD $1"},
        {"ALTER USER u PASSWORD 'secret'", "ALTER USER u PASSWORD $1"},
        {"COMMENT ON TABLE t IS 'secret'", "COMMENT ON TABLE t IS $1"},
        {"DECLARE c CURSOR FOR SELECT 'secret'", "DECLARE c CURSOR FOR SELECT $1"},
        {"FETCH 42 FROM c", "FETCH $1 FROM c"},
        {"EXPLAIN (ANALYZE TRUE) SELECT 'secret'", "EXPLAIN (ANALYZE $1) SELECT $2"},
        {"NOTIFY c, 'secret'", "NOTIFY c, $1"},
        {"SAVEPOINT s", "SAVEPOINT s"},
        {"SELECT * FROM t AS OF POSITION 42", "SELECT * FROM t AS OF POSITION $1"},
        {"SHOW COLUMNS FROM t", "SHOW COLUMNS FROM t"},
        {"SET app.patient = 'secret'", "SET app.patient = $1"},
        {"SET LOCAL app.patient TO secret, \"Secret\", 7", "SET LOCAL app.patient TO $1, $2, $3"},
        {"ALTER ROLE r SET app.patient = secret", "ALTER ROLE r SET app.patient = $1"},
        {"SET search_path = a, b", "SET search_path = a, b"},
        {"UPDATE t SET a.b = c WHERE d = 'secret'", "UPDATE t SET a.b = c WHERE d = $1"},
    };
    CHECK(examples);
}

static void comments_go(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"/* secret */ SELECT 1 /* 'secret' /* nested */ */;", "SELECT $1"},
        {"SELECT/* secret */1, -- secret\n 2\n-- secret", "SELECT $1, $2"},
        {"SELECT id FROM t WHERE id = 1 /*traceparent='00-1-2-01'*/", "SELECT id FROM t WHERE id = $1"},
        {"SELECT a/**/b FROM t --", "SELECT a b FROM t"},
        {"SELECT '/* secret' -- */", "SELECT $1"},
    };
    CHECK(examples);
}

static void what_is_no_sql_is_not_shown(void **state) {
    (void)state;
    static char deep[20000];
    static char name[SQL_NORMALISE_BYTES_MAX + 8];
    struct buffer out = {0};
    assert_false(sql_normalise(slice_text("SELEC 'secret'"), false, &out));
    assert_false(sql_normalise(slice_text("SELECT * FROM t WHERE name = 'O'Brien secret' OR name = ''"), false, &out));
    assert_false(sql_normalise(slice_text("SELECT 'secret"), true, &out));
    assert_false(sql_normalise(slice_text("SELECT 1 /* secret"), true, &out));
    assert_false(sql_normalise(slice_text("-- secret"), true, &out));
    assert_false(sql_normalise(slice_make("SELECT 1\0, 'secret'", 19), true, &out));
    memset(deep, '(', sizeof(deep) - 1);
    memcpy(deep, "SELECT ", 7);
    assert_false(sql_normalise(slice_text(deep), false, &out));
    memset(name, ' ', sizeof(name) - 1);
    memcpy(name, "SELECT 1", 8);
    assert_false(sql_normalise(slice_make(name, SQL_NORMALISE_BYTES_MAX + 1), true, &out));
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_go),
        cmocka_unit_test(in_every_kind_of_statement),
        cmocka_unit_test(comments_go),
        cmocka_unit_test(what_is_no_sql_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
