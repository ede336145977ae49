/* The token pass: bounds, time-travel clauses and what only looks like one, names, positions, splitting. */
#include "host.h"

#include "sql/parse/tokens.h"

struct scan {
    struct sql_context context;
    struct kmb_error error;
    struct tokens tokens;
    enum kmb_status status;
};

static const struct sql_settings settings = {.time_zone_name = "UTC", .memory_bytes_max = UINT64_C(64) << 20};

static void scan_text(struct scan *scan, const char *text) {
    memset(scan, 0, sizeof(*scan));
    sql_context_init(&scan->context, &settings, &scan->error);
    scan->context.text = text;
    scan->context.text_length = strlen(text);
    SQL_GUARD(&scan->context) {
        tokens_scan(&scan->context, &scan->tokens);
        scan->status = KMB_OK;
    }
    SQL_CAUGHT {
        scan->status = scan->context.status;
    }
    scan->context.guarded = false;
}

static void scan_end(struct scan *scan) {
    sql_context_free(&scan->context);
}

/* One clause expected: its value and the text that is left. */
struct travel {
    const char *text;
    const char *value; /* "@5", "$2@" for a position parameter, "'...'" for a time, "$1'" for a time parameter */
    const char *blanked;
};

static const struct travel travels[] = {
    {"SELECT * FROM t AT OFFSET 5", "@5", "SELECT * FROM t            "},
    {"SELECT * FROM t at offset 0;", "@0", "SELECT * FROM t            ;"},
    {"SELECT * FROM t AT OFFSET 9223372036854775807", "@9223372036854775807", NULL},
    {"SELECT * FROM t AT OFFSET $2", "$2@", NULL},
    {"SELECT * FROM t AT OFFSET 5 WHERE a = 1", "@5", "SELECT * FROM t             WHERE a = 1"},
    {"SELECT * FROM t x AT OFFSET 5", "@5", "SELECT * FROM t x            "},
    {"SELECT * FROM t AS x AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM t WHERE a = 1 AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM t WHERE (a = 1) AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM t ORDER BY a AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM t ORDER BY a LIMIT 3 AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM t GROUP BY a AT OFFSET 5 HAVING a > 1", "@5", NULL},
    {"SELECT * FROM t JOIN u AT OFFSET 5 ON t.a = u.a", "@5", NULL},
    {"SELECT * FROM (t JOIN u ON t.a = u.a AT OFFSET 5)", "@5", NULL},
    {"SELECT * FROM t AT/**/OFFSET -- now\n 5", "@5", NULL},
    {"SELECT 'AT OFFSET 7' FROM t AT OFFSET 5", "@5", "SELECT 'AT OFFSET 7' FROM t            "},
    {"SELECT * FROM t AS OF POSITION 12", "@12", NULL},
    {"SELECT * FROM t AS OF POSITION $1", "$1@", NULL},
    {"SELECT * FROM t AS OF TIMESTAMP '2024-01-01'", "'2024-01-01'", NULL},
    {"SELECT * FROM t AS OF TIMESTAMP $1", "$1'", NULL},
    {"SELECT * FROM t AS OF '2024-01-01' WHERE a = 1", "'2024-01-01'",
     "SELECT * FROM t                    WHERE a = 1"},
    {"SELECT * FROM t AS OF $3", "$3'", NULL},
    {"SELECT * FROM t AS OF SYSTEM TIME '2024-01-01'", "'2024-01-01'", NULL},
    {"SELECT * FROM t FOR SYSTEM_TIME AS OF '2024-01-01'", "'2024-01-01'", NULL},
    {"SELECT * FROM t FOR system_time AS OF TIMESTAMP '2024-01-01' x", "'2024-01-01'", NULL},
    {"SELECT * FROM t FOR SYSTEM_TIME AS OF POSITION 3", "@3", NULL},
    {"SELECT * FROM t AS OF 'it''s'", "'it's'", NULL},
    {"SELECT * FROM t AS OF $$2024$$", "'2024'", NULL},
    {"SELECT * FROM t AS OF E'2024''x'", "'2024'x'", NULL},
    {"TABLE t AT OFFSET 5", "@5", "TABLE t            "},
    {"SELECT * FROM (TABLE t) x AT OFFSET 5", "@5", NULL},
    {"INSERT INTO u TABLE t AT OFFSET 5", "@5", NULL},
    {"INSERT INTO t SELECT * FROM u AT OFFSET 5", "@5", NULL},
    {"INSERT INTO t (a) SELECT a FROM u AT OFFSET 5 ON CONFLICT DO NOTHING", "@5", NULL},
    {"EXPLAIN SELECT * FROM t AT OFFSET 5", "@5", NULL},
    {"SELECT * FROM (SELECT * FROM t AT OFFSET 5) x", "@5", NULL},
};

static void assert_clause(const struct tokens_clause *clause, const char *value) {
    char text[64];
    if (clause->point.parameter != 0) {
        snprintf(text, sizeof(text), "$%u%s", clause->point.parameter,
                 clause->point.kind == TOKENS_POSITION ? "@" : "'");
    } else if (clause->point.kind == TOKENS_POSITION) {
        snprintf(text, sizeof(text), "@%llu", (unsigned long long)clause->point.offset);
    } else {
        snprintf(text, sizeof(text), "'%.*s'", (int)clause->point.literal.length,
                 (const char *)clause->point.literal.bytes);
    }
    assert_string_equal(text, value);
}

static void test_clauses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(travels) / sizeof(*travels); i++) {
        struct scan scan;
        scan_text(&scan, travels[i].text);
        if (scan.status != KMB_OK || scan.tokens.clause_count != 1) {
            print_message("%s: %s, %u clauses\n", travels[i].text, scan.error.message, scan.tokens.clause_count);
        }
        assert_int_equal(scan.status, KMB_OK);
        assert_int_equal(scan.tokens.clause_count, 1);
        assert_clause(&scan.tokens.clauses[0], travels[i].value);
        assert_int_equal(strlen(scan.tokens.text), strlen(travels[i].text));
        if (travels[i].blanked != NULL) {
            assert_string_equal(scan.tokens.text, travels[i].blanked);
        }
        scan_end(&scan);
    }
}

static const char *const lookalikes[] = {
    "SELECT at OFFSET 5",
    "SELECT a AS at OFFSET 5",
    "SELECT * FROM t AS at OFFSET 5",
    "SELECT a, at OFFSET 5",
    "SELECT t.at OFFSET 5",
    "SELECT * FROM t ORDER BY at OFFSET 5",
    "SELECT * FROM t WHERE at OFFSET 5",
    "SELECT * FROM t WHERE a AND at OFFSET 5",
    "SELECT * FROM t WHERE a OR at OFFSET 5",
    "SELECT * FROM t WHERE NOT at OFFSET 5",
    "SELECT * FROM t WHERE a = at OFFSET 5",
    "SELECT * FROM t WHERE 1 + at OFFSET 5",
    "SELECT * FROM t JOIN u ON at OFFSET 5",
    "SELECT * FROM t \"at\" OFFSET 5",
    "SELECT * FROM t WHERE (at OFFSET 5)",
    "SELECT ts AT TIME ZONE 'UTC' FROM t OFFSET 5",
    "SELECT 1 AS of",
    "SELECT 1 AS of FROM t",
    "SELECT 1 AS of, 2 AS position",
    "SELECT SUBSTRING(a FROM 2 FOR system_time) FROM t",
    "SELECT OVERLAY(a PLACING 'x' FROM 2 FOR system_time) FROM t",
    "SELECT * FROM t -- AT OFFSET 5",
    "SELECT * FROM t /* AS OF POSITION 5 */",
    "SELECT $$AT OFFSET 5$$ FROM t",
    "SELECT 'it''s AT OFFSET 5' FROM t",
    "SELECT U&\"\\0061\\+01F600\\D83D\\DE00\\\\\"\"34567890123456789012345678901234567890123456789012\" FROM t",
};

static void test_lookalikes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(lookalikes) / sizeof(*lookalikes); i++) {
        struct scan scan;
        scan_text(&scan, lookalikes[i]);
        if (scan.status != KMB_OK || scan.tokens.clause_count != 0) {
            print_message("%s: %s, %u clauses\n", lookalikes[i], scan.error.message, scan.tokens.clause_count);
        }
        assert_int_equal(scan.status, KMB_OK);
        assert_int_equal(scan.tokens.clause_count, 0);
        assert_string_equal(scan.tokens.text, lookalikes[i]);
        scan_end(&scan);
    }
}

struct refusal {
    const char *text;
    const char *sqlstate;
    uint32_t position;
    const char *message;
};

static const struct refusal refusals[] = {
    {"SELECT * FROM t WHERE a AT OFFSET 5 ORDER BY b AT OFFSET 6", "0A000", 48, "Cross-temporal joins not supported"},
    {"SELECT * FROM t AT OFFSET 5 AS x AT OFFSET 6", "0A000", 34, "Cross-temporal joins not supported"},
    {"SELECT * FROM (t JOIN u ON true) AT OFFSET 5 JOIN v ON true", "0A000", 34,
     "a time-travel clause for a join in parentheses alone is not supported"},
    {"SELECT * FROM t AT OFFSET -5", "42601", 27, "a position must be a non-negative integer or a parameter"},
    {"SELECT * FROM t AT OFFSET 1.5", "42601", 27, "a position must be a non-negative integer or a parameter"},
    {"SELECT * FROM t AT OFFSET '5'", "42601", 27, "a position must be a non-negative integer or a parameter"},
    {"SELECT * FROM t AT OFFSET 99999999999999999999", "42601", 27,
     "a position must be a non-negative integer or a parameter"},
    {"SELECT * FROM t AT OFFSET", "42601", 26, "a position must be a non-negative integer or a parameter"},
    {"SELECT * FROM t AS OF TIMESTAMP 5", "42601", 33, "a time to read at must be a string or a parameter"},
    {"SELECT * FROM t FOR SYSTEM_TIME AS OF 5", "42601", 39, "a time to read at must be a string or a parameter"},
    {"SELECT * FROM t AS OF E'2024-01-01 1\\061:00'", "0A000", 23,
     "an escape or a continued string here is not supported"},
    {"SELECT * FROM t AS OF '2024-01-01'\n' 11:00'", "0A000", 23,
     "an escape or a continued string here is not supported"},
    {"CREATE TABLE t (a int) AT OFFSET 5", "42601", 24, "time-travel clause outside a SELECT"},
    {"LOCK TABLE t AT OFFSET 5", "42601", 14, "time-travel clause outside a SELECT"},
    {"UPDATE t AT OFFSET 5 SET a = 1", "25006", 10, "Cannot modify historical data"},
    {"UPDATE t SET a = 1 WHERE b = 2 AT OFFSET 5", "25006", 32, "Cannot modify historical data"},
    {"UPDATE t AS OF '2024-01-01' SET a = 1", "25006", 10, "Cannot modify historical data"},
    {"DELETE FROM t AT OFFSET 5", "25006", 15, "Cannot modify historical data"},
    {"DELETE FROM t FOR SYSTEM_TIME AS OF '2024' WHERE a = 1", "25006", 15, "Cannot modify historical data"},
    {"INSERT INTO t AT OFFSET 5 VALUES (1)", "25006", 15, "Cannot modify historical data"},
    {"INSERT INTO t SELECT * FROM u ON CONFLICT DO NOTHING AT OFFSET 5", "25006", 54, "Cannot modify historical data"},
    {"INSERT INTO t SELECT * FROM u RETURNING a AT OFFSET 5", "25006", 43, "Cannot modify historical data"},
    {"EXPLAIN DELETE FROM t AT OFFSET 5", "25006", 23, "Cannot modify historical data"},
    {"VALUES (1) AT OFFSET 5", "42601", 12, "time-travel clause outside a SELECT"},
    {"SELECT a FROM t WHERE a = ?", "42601", 27, "unsupported placeholder format: ?"},
    {"SELECT a FROM t LIMIT ?", "42601", 23, "unsupported placeholder format: ?"},
    {"INSERT INTO t VALUES (1, ?)", "42601", 26, "unsupported placeholder format: ?"},
    {"SELECT a FROM t WHERE a LIKE ?", "42601", 30, "unsupported placeholder format: ?"},
    {"SELECT $0", "42P02", 8, "parameter indices start at $1, not $0"},
    {"SELECT $65536", "42P02", 8, "there is no parameter $65536"},
    {"SELECT 'abc", "42601", 8, "unterminated quoted string at or near \"'abc\""},
    {"SELECT 12日本", "42601", 8, "trailing junk after numeric literal at or near \"12日\""},
    {"SELECT 'é', $1é", "42601", 13, "trailing junk after parameter at or near \"$1é\""},
    {"SELECT /* abc", "42601", 8, "unterminated /* comment at or near \"/* abc\""},
    {"SELECT a234567890123456789012345678901234567890123456789012345678901234 FROM t", "42622", 8,
     "name \"a2345678901234567890123456789012...\" is longer than 63 bytes"},
    {"SELECT U&\"a234567890123456789012345678901234567890123456789012345678901234\" FROM t", "42622", 8,
     "name U&\"a2345678901234567890123456789...\" is longer than 63 bytes"},
    {"SELECT U&\"!00e4234567890123456789012345678901234567890123456789012345678901234\" UESCAPE '!' FROM t", "42622", 8,
     "name U&\"!00e4234567890123456789012345...\" is longer than 63 bytes"},
    {"SHOW COLUMNS", "42601", 13, "syntax error in SHOW COLUMNS"},
    {"SHOW COLUMNS FROM", "42601", 14, "syntax error in SHOW COLUMNS"},
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct scan scan;
        scan_text(&scan, refusals[i].text);
        if (scan.status == KMB_OK || strcmp(scan.error.message, refusals[i].message) != 0 ||
            scan.error.position != refusals[i].position) {
            print_message("%s: %u %s\n", refusals[i].text, scan.error.position, scan.error.message);
        }
        assert_string_equal(status_row_of(scan.status)->sqlstate, refusals[i].sqlstate);
        assert_string_equal(scan.error.message, refusals[i].message);
        assert_int_equal(scan.error.position, refusals[i].position);
        scan_end(&scan);
    }
}

/* Which clause a block has: own, of the enclosing block, of a set operation's branch or whole. */
static void test_blocks(void **state) {
    (void)state;
    struct scan scan;
    scan_text(&scan, "SELECT a FROM (SELECT b FROM t) x AT OFFSET 5");
    assert_int_equal(scan.tokens.block_count, 2);
    assert_clause(tokens_clause_of(&scan.tokens, 8), "@5");
    assert_clause(tokens_clause_of(&scan.tokens, 23), "@5");
    scan_end(&scan);
    scan_text(&scan, "SELECT a FROM (SELECT b FROM t AT OFFSET 5) x");
    assert_null(tokens_clause_of(&scan.tokens, 8));
    assert_clause(tokens_clause_of(&scan.tokens, 23), "@5");
    scan_end(&scan);
    scan_text(&scan, "SELECT a FROM t AT OFFSET 1 UNION SELECT b FROM t AT OFFSET 2 UNION SELECT c FROM t");
    assert_clause(tokens_clause_of(&scan.tokens, 8), "@1");
    assert_clause(tokens_clause_of(&scan.tokens, 42), "@2");
    assert_null(tokens_clause_of(&scan.tokens, 76));
    assert_int_equal(scan.tokens.set_operation, 29);
    scan_end(&scan);
    scan_text(&scan, "SELECT a FROM (SELECT 1 AT OFFSET 1) x, (TABLE t) y"); /* TABLE is a block of its own */
    assert_clause(tokens_clause_of(&scan.tokens, 23), "@1");
    assert_null(tokens_clause_of(&scan.tokens, 48));
    scan_end(&scan);
    scan_text(&scan, "SELECT a FROM t UNION SELECT b FROM t ORDER BY 1 AT OFFSET 3");
    assert_clause(tokens_clause_of(&scan.tokens, 8), "@3");
    assert_clause(tokens_clause_of(&scan.tokens, 30), "@3");
    scan_end(&scan);
}

/* What a clause stands behind, and whether it binds that alone. */
static void test_references(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t behind;
        uint32_t reference;
    } cases[] = {
        {"SELECT * FROM t AT OFFSET 5", 15, 0},
        {"TABLE t AT OFFSET 5", 7, 0},
        {"SELECT * FROM s.t x AT OFFSET 5", 15, 0},
        {"SELECT * FROM t AT OFFSET 5 x", 15, 15},
        {"SELECT * FROM t AT OFFSET 5 AS x", 15, 15},
        {"SELECT * FROM t AT OFFSET 5 position", 15, 15}, /* a word that may be an alias */
        {"SELECT * FROM t AT OFFSET 5 LEFT JOIN u ON true", 15, 15},
        {"SELECT * FROM t x AT OFFSET 5, u", 15, 15},
        {"SELECT * FROM t AS x (a, b) AT OFFSET 5, u", 15, 15},
        {"SELECT * FROM u, t AT OFFSET 5", 18, 0},
        {"SELECT * FROM u JOIN t AT OFFSET 5 ON u.a = t.a WHERE t.a > 1", 22, 0},
        {"SELECT * FROM u JOIN t AT OFFSET 5 USING (a, b), v", 22, 22},
        {"SELECT * FROM ONLY t AT OFFSET 5, v", 20, 20},
        {"SELECT * FROM f(1, 2) AT OFFSET 5, v", 15, 15},
        {"SELECT * FROM ROWS FROM (f(1), g(2)) AT OFFSET 5, v", 26, 26},
        {"SELECT * FROM u, LATERAL f(u.a) AT OFFSET 5 AS x", 26, 26},
        {"SELECT * FROM (t AT OFFSET 5 JOIN u ON true)", 16, 16},
        {"SELECT * FROM (u JOIN t AT OFFSET 5 ON true)", 23, 0},
        {"SELECT * FROM t JOIN u ON ARRAY[t.a, 1] = ARRAY[u.a, 2] AT OFFSET 5", 0, 0},
        {"SELECT * FROM t WHERE a IS DISTINCT FROM b AT OFFSET 5", 0, 0},
        {"SELECT a IS NOT DISTINCT FROM b AT OFFSET 5", 0, 0},
        {"SELECT DISTINCT FROM t AT OFFSET 5", 22, 0},
        {"SELECT a, b FROM t ORDER BY a, b AT OFFSET 5", 0, 0},
        {"SELECT extract(year FROM a), b FROM t AT OFFSET 5", 37, 0},
        {"INSERT INTO v SELECT * FROM t AT OFFSET 5 ON CONFLICT (a) DO UPDATE SET a = 1, b = 2 RETURNING a, b", 29, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scan scan;
        scan_text(&scan, cases[i].text);
        assert_int_equal(scan.status, KMB_OK);
        assert_int_equal(scan.tokens.clause_count, 1);
        const struct tokens_clause *clause = &scan.tokens.clauses[0];
        if (clause->behind != cases[i].behind || clause->reference != cases[i].reference) {
            print_message("%s: behind %u, binds %u\n", cases[i].text, clause->behind, clause->reference);
        }
        assert_int_equal(clause->behind, cases[i].behind);
        assert_int_equal(clause->reference, cases[i].reference);
        assert_ptr_equal(tokens_clause_at(&scan.tokens, cases[i].behind),
                         cases[i].reference == 0 ? NULL : (const void *)clause);
        scan_end(&scan);
    }
    struct scan scan;
    scan_text(&scan, "SELECT * FROM t FOR SYSTEM_TIME FROM POSITION 3 TO POSITION $2 AS x, u FOR SYSTEM_TIME ALL");
    assert_string_equal(scan.tokens.text,
                        "SELECT * FROM t                                                AS x, u                    ");
    const struct tokens_range *range = tokens_range_at(&scan.tokens, 15);
    assert_int_equal(range->kind, TOKENS_RANGE_FROM);
    assert_int_equal(range->low.offset, 3);
    assert_int_equal(range->high.parameter, 2);
    assert_int_equal(tokens_range_at(&scan.tokens, 70)->kind, TOKENS_RANGE_ALL);
    assert_null(tokens_range_at(&scan.tokens, 16));
    scan_end(&scan);
}

static void repeat(struct buffer *buffer, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++) {
        buffer_append_text(buffer, text);
    }
}

static void test_bounds(void **state) {
    (void)state;
    struct scan scan;
    struct buffer text = {0};
    buffer_append_text(&text, "SELECT ");
    repeat(&text, "(", 50);
    buffer_append_text(&text, "1");
    repeat(&text, ")", 50);
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_OK);
    scan_end(&scan);
    buffer_clear(&text);
    buffer_append_text(&text, "SELECT ");
    repeat(&text, "(", 51);
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_TOO_COMPLEX);
    assert_string_equal(scan.error.message, "sql too complex: paren_depth = 51 exceeds limit 50");
    assert_int_equal(scan.error.position, 58);
    scan_end(&scan);
    buffer_clear(&text);
    buffer_append_text(&text, "SELECT 'NOT NOT' WHERE ");
    repeat(&text, "NOT ", 100);
    buffer_append_text(&text, "true");
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_OK);
    scan_end(&scan);
    repeat(&text, " AND NOT true", 1);
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_TOO_COMPLEX);
    assert_string_equal(scan.error.message, "sql too complex: not_tokens = 101 exceeds limit 100");
    scan_end(&scan);
    buffer_clear(&text);
    buffer_append_text(&text, "SELECT 1");
    repeat(&text, "+1", 5000);
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_OK);
    assert_int_equal(scan.tokens.chain, 5000);
    scan_end(&scan);
    buffer_append_text(&text, "+1");
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_TOO_COMPLEX);
    assert_string_equal(scan.error.message, "sql too complex: operators = 5001 exceeds limit 5000");
    scan_end(&scan);
    /* items of a list do not nest in each other */
    buffer_clear(&text);
    buffer_append_text(&text, "INSERT INTO t VALUES (-1, 2+3)");
    repeat(&text, ", (-1, 2+3)", 10000);
    scan_text(&scan, buffer_text(&text));
    assert_int_equal(scan.status, KMB_OK);
    assert_true(scan.tokens.chain <= TOKENS_CHAIN_SHALLOW);
    scan_end(&scan);
    buffer_free(&text);
}

static void test_positions(void **state) {
    (void)state;
    struct slice text = slice_text("'äöü' x");
    assert_int_equal(sql_position_character(text, 0), 0);
    assert_int_equal(sql_position_character(text, 1), 1);
    assert_int_equal(sql_position_character(text, 2), 2);
    assert_int_equal(sql_position_character(text, 4), 3);
    assert_int_equal(sql_position_character(text, 10), 7); /* the x: byte 9 */
    assert_int_equal(sql_position_byte(text, 7), 10);
    assert_int_equal(sql_position_byte(text, 2), 2);
    assert_int_equal(sql_position_byte(text, 3), 4);
    assert_int_equal(sql_position_byte(text, 0), 0);
    assert_int_equal(sql_position_byte(text, 99), text.length + 1);
    assert_int_equal(sql_position_character(text, 99), 8);
}

static void test_custom(void **state) {
    (void)state;
    struct scan scan;
    scan_text(&scan, "show TABLES;");
    assert_int_equal(scan.tokens.custom, TOKENS_CUSTOM_SHOW_TABLES);
    scan_end(&scan);
    scan_text(&scan, "SHOW COLUMNS FROM Public.\"My\"\"T\"");
    assert_int_equal(scan.tokens.custom, TOKENS_CUSTOM_SHOW_COLUMNS);
    assert_string_equal(scan.tokens.custom_name, "My\"T");
    scan_end(&scan);
    scan_text(&scan, "SHOW COLUMNS FROM Patients");
    assert_string_equal(scan.tokens.custom_name, "patients");
    assert_int_equal(scan.tokens.custom_position, 19);
    scan_end(&scan);
}

/* --- splitting --- */

struct parts {
    struct buffer text;
    size_t count;
};

static bool take_part(void *context, struct slice statement, size_t offset) {
    struct parts *parts = context;
    buffer_printf(&parts->text, "[%zu:%.*s]", offset, (int)statement.length, (const char *)statement.bytes);
    parts->count++;
    return true;
}

static void assert_split(const char *script, const char *expected) {
    struct parts parts = {0};
    assert_int_equal(sql_split(slice_text(script), take_part, &parts, NULL), KMB_OK);
    assert_string_equal(parts.text.bytes == NULL ? "" : buffer_text(&parts.text), expected);
    buffer_free(&parts.text);
}

static void test_split(void **state) {
    (void)state;
    assert_split("", "");
    assert_split(" ; ;; -- nothing\n", "");
    assert_split("SELECT 1", "[0:SELECT 1]");
    assert_split("SELECT 1; SELECT 2 ;", "[0:SELECT 1][10:SELECT 2]");
    assert_split("SELECT ';' ; SELECT \";\"", "[0:SELECT ';'][13:SELECT \";\"]");
    assert_split("SELECT $a$;$a$; SELECT 2", "[0:SELECT $a$;$a$][16:SELECT 2]");
    assert_split("/* ; */ SELECT 1 -- ;\n; SELECT 2", "[8:SELECT 1 -- ;][24:SELECT 2]");
    assert_split("SELECT (1;2)", "[0:SELECT (1;2)]");
    assert_split("SELECT 1; SELECT 'open", "[0:SELECT 1; SELECT 'open]");
}

static void test_incomplete(void **state) {
    (void)state;
    assert_false(sql_incomplete(slice_text("")));
    assert_false(sql_incomplete(slice_text("-- comment")));
    assert_false(sql_incomplete(slice_text("SELECT 1;")));
    assert_false(sql_incomplete(slice_text("SELECT 1; -- done")));
    assert_true(sql_incomplete(slice_text("SELECT 1")));
    assert_true(sql_incomplete(slice_text("SELECT 'a;")));
    assert_true(sql_incomplete(slice_text("SELECT /* ;")));
    assert_true(sql_incomplete(slice_text("SELECT (1;")));
    assert_true(sql_incomplete(slice_text("SELECT $x$;")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clauses),    cmocka_unit_test(test_lookalikes), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_references), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_positions),  cmocka_unit_test(test_custom),     cmocka_unit_test(test_split),
        cmocka_unit_test(test_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
