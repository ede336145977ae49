/* The digest of a statement: which literals become parameters, what has no digest, and where errors point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/parse/digest.h"
#include "sql/parse/scan.h"

static struct sql_digest digest;

static const char *key_of(const char *text) {
    static char key[SQL_DIGEST_BYTES_MAX + 1];
    if (!sql_digest(slice_text(text), &digest)) {
        return NULL;
    }
    memcpy(key, digest.key, digest.key_length);
    key[digest.key_length] = 0;
    return key;
}

static void literals_become_parameters(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"SELECT a FROM t WHERE id = 42", "SELECT a FROM t WHERE id = $1"},
        {"  select a from t where id=42 ;\n", "select a from t where id=$1"},
        {"SELECT a FROM t WHERE id = 42 AND b = 'it''s' OR (c = 1.50)",
         "SELECT a FROM t WHERE id = $1 AND b = $2 OR (c = $3)"},
        {"INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', -3)", "INSERT INTO t VALUES ($1, $2, NULL), ($3, $4, -3)"},
        {"SELECT a FROM t WHERE id IN (1, 2, 3)", "SELECT a FROM t WHERE id IN ($1, $2, $3)"},
        {"UPDATE t SET a = 'x', b = b + 1 WHERE id = 7", "UPDATE t SET a = $1, b = b + 1 WHERE id = $2"},
        {"DELETE FROM t WHERE \"Id\" = 9000000000", "DELETE FROM t WHERE \"Id\" = $1"},
        /* what stays as it is written */
        {"SELECT 1, 'x', f(2)", "SELECT 1, 'x', f(2)"},
        {"SELECT a FROM t WHERE id < 5 AND a LIKE 'x%'", "SELECT a FROM t WHERE id < 5 AND a LIKE 'x%'"},
        {"SELECT a FROM t WHERE id = 5 + 1", "SELECT a FROM t WHERE id = 5 + 1"},
        {"SELECT a FROM t WHERE d = '2024-01-01'::date", "SELECT a FROM t WHERE d = '2024-01-01'::date"},
        {"SELECT a FROM t WHERE d = DATE '2024-01-01'", "SELECT a FROM t WHERE d = DATE '2024-01-01'"},
        {"SELECT a FROM t WHERE id = 1 ORDER BY 2 LIMIT 3", "SELECT a FROM t WHERE id = $1 ORDER BY 2 LIMIT 3"},
        {"SELECT a, count(*) FROM t GROUP BY 1 HAVING count(*) = 2",
         "SELECT a, count(*) FROM t GROUP BY 1 HAVING count(*) = 2"},
        {"SELECT a FROM t WHERE n = CAST(3 AS numeric(10, 2))", "SELECT a FROM t WHERE n = CAST(3 AS numeric(10, 2))"},
        {"SELECT a[1] FROM t WHERE b <> 4 AND c >= 5", "SELECT a[1] FROM t WHERE b <> 4 AND c >= 5"},
        {"SELECT a FROM t AT OFFSET 5 WHERE id = 6", "SELECT a FROM t AT OFFSET 5 WHERE id = 6"},
        {"UPDATE t SET (a, b) = (1, 2)", "UPDATE t SET (a, b) = (1, 2)"},
        {"SELECT f(x => 5)", "SELECT f(x => 5)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *key = key_of(cases[i][0]);
        if (key == NULL || strcmp(key, cases[i][1]) != 0) {
            fail_msg("%s\nhas the key %s\nnot %s", cases[i][0], key == NULL ? "(none)" : key, cases[i][1]);
        }
    }
}

static void some_have_none(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        ";",
        "   ",
        "CREATE TABLE t (a int)",
        "BEGIN",
        "EXPLAIN SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1 -- a word",
        "SELECT /* a */ 1",
        "SELECT $1",
        "SELECT a FROM t WHERE id = $1",
        "SELECT E'a\\n'",
        "SELECT U&'a'",
        "SELECT U&\"a\"",
        "SELECT B'101'",
        "SELECT $$a$$",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT 'a' 'b'",
        "SELECT 'a'\n'b'",
        "SELECT 1e5",
        "SELECT 0x1F",
        "SELECT 1.",
        "SELECT .5",
        "SELECT 1..2",
        "SELECT 1a",
        "SELECT größe FROM t",
        "SELECT \"größe\" FROM t",
        "SELECT (1",
        "SELECT 1)",
        "SELECT 'a\x80'",
        "SELECT a \\ b",
        "SELECT 12345678901234567890",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (key_of(cases[i]) != NULL) {
            fail_msg("%s has a digest", cases[i]);
        }
    }
}

/* What differs in more than the values of its literals is another statement. */
static void types_count(void **state) {
    (void)state;
    static const char *const cases[] = {
        "SELECT a FROM t WHERE id = 42",        "SELECT a FROM t WHERE id = 4200000000",
        "SELECT a FROM t WHERE id = '42'",      "SELECT a FROM t WHERE id = 42.0",
        "SELECT a FROM t WHERE id  = 42",       "SELECT a FROM t WHERE id IN (42)",
        "SELECT a FROM t WHERE id IN (42, 42)",
    };
    uint64_t hashes[sizeof(cases) / sizeof(cases[0])];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_non_null(key_of(cases[i]));
        hashes[i] = digest.hash;
        for (size_t k = 0; k < i; k++) {
            assert_true(hashes[i] != hashes[k]);
        }
    }
    assert_non_null(key_of("SELECT a FROM t WHERE id = 43"));
    assert_true(digest.hash == hashes[0]);
}

static void values_are_read(void **state) {
    (void)state;
    struct arena arena;
    struct value values[SQL_DIGEST_LITERALS_MAX];
    struct slice text = slice_text("INSERT INTO t VALUES (7, 8000000000, '''ö''', 1.50)");
    arena_init(&arena, 0);
    assert_true(sql_digest(text, &digest));
    assert_true(sql_digest_values(text, &digest, &arena, values));
    assert_int_equal(digest.literal_count, 4);
    assert_int_equal(values[0].type, TYPE_INT4);
    assert_int_equal(values[0].as.integer, 7);
    assert_int_equal(values[1].type, TYPE_INT8);
    assert_true(values[1].as.integer == INT64_C(8000000000));
    assert_int_equal(values[2].type, TYPE_UNKNOWN);
    assert_true(slice_equal(values[2].as.bytes, slice_text("'ö'")));
    assert_int_equal(values[3].type, TYPE_NUMERIC);
    assert_int_equal(values[3].as.decimal.scale, 2);
    arena_free(&arena);
}

/* A place in the key, as an error of the kept plan has it, is the same place in the text. */
static void places_are_the_texts(void **state) {
    (void)state;
    struct slice text = slice_text(" SELECT a FROM t WHERE b = 'größer' AND c = 12345 AND d(a) = 1");
    assert_true(sql_digest(text, &digest));
    /*                      key:  "SELECT a FROM t WHERE b = $1 AND c = $2 AND d(a) = $3" */
    assert_int_equal(sql_digest_position(text, &digest, 0), 0);
    assert_int_equal(sql_digest_position(text, &digest, 1), 1);
    assert_int_equal(sql_digest_position(text, &digest, 27), 27); /* $1 */
    assert_int_equal(sql_digest_position(text, &digest, 28), 27);
    assert_int_equal(sql_digest_position(text, &digest, 30), 36); /* AND */
    assert_int_equal(sql_digest_position(text, &digest, 38), 44); /* $2 */
    assert_int_equal(sql_digest_position(text, &digest, 45), 54); /* d */
    assert_int_equal(sql_digest_position(text, &digest, 52), 61); /* $3 */
}

static void literals_are_tokens(const PgQuery__ScanResult *tokens) {
    for (uint32_t k = 0; k < digest.literal_count; k++) {
        const struct sql_literal *literal = &digest.literals[k];
        PgQuery__Token wanted = literal->type == TYPE_UNKNOWN   ? PG_QUERY__TOKEN__SCONST
                                : literal->type == TYPE_NUMERIC ? PG_QUERY__TOKEN__FCONST
                                                                : PG_QUERY__TOKEN__ICONST;
        bool found = false;
        for (size_t n = 0; n < tokens->n_tokens; n++) {
            const PgQuery__ScanToken *token = tokens->tokens[n];
            found = found || (token->token == wanted && token->start == (int32_t)literal->first &&
                              token->end == (int32_t)literal->end);
        }
        assert_true(found);
    }
}

/* PostgreSQL's own scanner sees the same literals. */
static void as_the_scanner_sees(void **state) {
    (void)state;
    static const char *const texts[] = {
        "SELECT a, b FROM t WHERE id=1 AND b = 'x''y' AND c=2.5 OR d IN (3,'z', 4.25)",
        "INSERT INTO t (a, b) VALUES (1, 'one'), (22, 'two''s'), (333, '') ON CONFLICT DO NOTHING",
        "UPDATE t SET a = 'ö', b=3 WHERE (id = 12)",
        "WITH q AS (SELECT 1) DELETE FROM t USING q WHERE t.id = 5 AND (t.b = 'c')",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sql_context context;
        assert_true(sql_digest(slice_text(texts[i]), &digest));
        assert_true(digest.literal_count > 0);
        sql_context_init(&context, NULL, NULL);
        SQL_GUARD(&context) {
            literals_are_tokens(scan_tokens(&context, texts[i]));
        }
        SQL_CAUGHT {
            fail_msg("%s does not scan", texts[i]);
        }
        sql_context_free(&context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_become_parameters),
        cmocka_unit_test(some_have_none),
        cmocka_unit_test(types_count),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(places_are_the_texts),
        cmocka_unit_test(as_the_scanner_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
