/*
 * Hostile statements: random soups of SQL tokens, and statements of the kinds we know with tokens swapped, dropped and
 * doubled. Each must end in an answer or an error with a message; nothing may crash, hang or leak. The seed is fixed.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    f->settings.join_rows_max = 100000;
    SQL("CREATE TABLE t (id int PRIMARY KEY, a text, b int, c numeric(8,2), d date)");
    SQL("CREATE TABLE u (id int, t_id int, name varchar(5), f double precision, UNIQUE (t_id, id))");
    SQL("INSERT INTO t VALUES (1, 'one', 10, 1.25, '2024-01-02'), (2, null, null, null, null), (3, 'x', 0, 0, null)");
    SQL("INSERT INTO u VALUES (1, 1, 'x', 0.5), (2, 1, 'y', null), (null, null, null, 'nan')");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static const char *const words[] = {
    "GROUPING SETS (",
    "ROLLUP (b, id)",
    "CUBE (a)",
    "GROUPING(b)",
    "DISTINCT ON (b)",
    "FETCH FIRST 1 ROW WITH TIES",
    "string_agg(a, ',' ORDER BY",
    "mode()",
    "percentile_disc(0.5)",
    "WITHIN GROUP (ORDER BY",
    "OVER (",
    "OVER w",
    "PARTITION BY",
    "ROWS 1 PRECEDING",
    "RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "GROUPS CURRENT ROW",
    "EXCLUDE TIES",
    "WINDOW w AS (",
    "row_number()",
    "lag(b)",
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "AT OFFSET",
    "AT",
    "AS OF",
    "AS OF TIMESTAMP",
    "FOR SYSTEM_TIME AS OF",
    "AS OF POSITION",
    "t",
    "u",
    "id",
    "a",
    "b",
    "c",
    "d",
    "name",
    "t_id",
    "t.id",
    "u.id",
    "x",
    "\"q\"",
    "*",
    "t.*",
    ",",
    "(",
    ")",
    "=",
    "<",
    ">",
    "<=",
    ">=",
    "<>",
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "::",
    "::int",
    "::text",
    "::numeric(4,1)",
    "::date",
    "1",
    "0",
    "2.5",
    "1e400",
    "-1",
    "99999999999999999999",
    "'a'",
    "'2024-01-01'",
    "''",
    "null",
    "true",
    "false",
    "$1",
    "$2",
    "AND",
    "OR",
    "NOT",
    "IS NULL",
    "IS NOT NULL",
    "IN",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "COALESCE",
    "NULLIF",
    "GREATEST",
    "count",
    "sum",
    "max",
    "avg",
    "lower",
    "round",
    "substring",
    "extract",
    "now()",
    "JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "NATURAL JOIN",
    "ON",
    "USING",
    "DISTINCT",
    "ALL",
    "ASC",
    "DESC",
    "NULLS FIRST",
    "INSERT INTO",
    "VALUES",
    "DEFAULT",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "RETURNING",
    "ON CONFLICT",
    "DO NOTHING",
    "DO UPDATE",
    "excluded.b",
    "CREATE TABLE",
    "CREATE TYPE",
    "AS ENUM",
    "CREATE DOMAIN",
    "VALUE",
    "CREATE INDEX",
    "DROP TABLE",
    "ALTER TABLE",
    "ADD COLUMN",
    "PRIMARY KEY",
    "UNIQUE",
    "CHECK",
    "int",
    "text",
    "varchar(3)",
    "UNION",
    "WITH",
    "EXISTS",
    "EXPLAIN",
    "SHOW",
    "TABLES",
    "COLUMNS",
    "BEGIN",
    "kimberlite_history",
    ";",
    "--",
    "/*",
    "*/",
    "'",
    "\"",
    "$$",
    "?",
    "[",
    "]",
    ".",
    "AS",
    "information_schema.columns",
    "OVER",
    "FILTER",
};

static const char *const seeds[] = {
    "SELECT t . id , count ( * ) FROM t LEFT JOIN u ON u . t_id = t . id WHERE t . b > 0 GROUP BY t . id ORDER BY 1",
    "SELECT DISTINCT a , CASE WHEN b > 1 THEN c ELSE 2.5 END FROM t WHERE a LIKE 'x%' OR b IN ( 1 , 2 ) LIMIT 3 OFFSET "
    "1",
    "SELECT * FROM t JOIN u USING ( id ) WHERE c BETWEEN 1 AND 2 AND NOT name IS NULL ORDER BY d DESC NULLS LAST",
    "SELECT sum ( b ) FILTER ( WHERE id > 1 ) , COALESCE ( max ( a ) , 'n' ) FROM t AT OFFSET 2 HAVING count ( * ) > 0",
    "INSERT INTO t ( id , a , b ) VALUES ( 7 , 'q' , 1 ) ON CONFLICT ( id ) DO UPDATE SET b = excluded . b + t . b "
    "RETURNING *",
    "UPDATE t SET b = b + 1 , c = NULLIF ( c , 0 ) WHERE id = $1 RETURNING id , b :: text",
    "DELETE FROM u WHERE t_id IN ( 1 , 2 ) AND f IS DISTINCT FROM 0.5",
    "CREATE TYPE mood AS ENUM ( 'sad' , 'ok' ) ",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'x' BEFORE 'ok'",
    "CREATE DOMAIN d AS int DEFAULT 1 NOT NULL CHECK ( VALUE > 0 )",
    "ALTER DOMAIN d ADD CONSTRAINT c CHECK ( VALUE < 9 ) NOT VALID",
    "CREATE TABLE z ( a int PRIMARY KEY , b text DEFAULT 'x' CHECK ( b <> '' ) , UNIQUE ( b , a ) )",
    "SELECT x . id , y . name FROM ( SELECT id , b FROM t ORDER BY b LIMIT 2 ) x , u y WHERE x . id = y . t_id",
    "SELECT extract ( year FROM d ) , substring ( a FROM 2 FOR 1 ) , d + 1 , a || b FROM t WHERE d > '2024-01-01'",
    "EXPLAIN SELECT * FROM kimberlite_history ( t ) FOR SYSTEM_TIME AS OF '2024-01-01' WHERE _operation = 'INSERT'",
    "ALTER TABLE t ADD COLUMN n int DEFAULT 1 , DROP COLUMN IF EXISTS q",
};

/* Prepares, and runs what only reads. */
static void feed(const char *text) {
    struct kmb_error error = {0};
    struct sql_statement *statement = NULL;
    enum kmb_status status = sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &error);
    if (status != KMB_OK) {
        if (error.message[0] == 0 || status == KMB_INTERNAL) {
            print_message("%s: %s: %s\n", text, status_row_of(status)->name, error.message);
        }
        assert_true(error.message[0] != 0);
        assert_int_not_equal(status, KMB_INTERNAL);
        assert_null(statement);
        return;
    }
    enum plan_statement_kind kind = sql_statement_kind(statement);
    if (kind == STATEMENT_QUERY || kind == STATEMENT_EXPLAIN) {
        struct value parameters[4];
        uint32_t count = sql_statement_parameter_count(statement);
        for (uint32_t i = 0; i < 4; i++) {
            parameters[i] = value_bytes(TYPE_UNKNOWN, slice_text("1"));
        }
        (void)sql_fixture_run(f, statement, parameters, count > 4 ? 4 : count, NULL);
    }
    sql_statement_free(statement);
}

static void test_soup(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 42);
    struct buffer text = {0};
    for (int round = 0; round < 4000; round++) {
        buffer_clear(&text);
        uint64_t length = 1 + prng_below(&prng, 25);
        buffer_append_text(&text, prng_chance(&prng, 3, 4) ? "SELECT " : "");
        for (uint64_t i = 0; i < length; i++) {
            buffer_append_text(&text, words[prng_below(&prng, sizeof(words) / sizeof(*words))]);
            buffer_append_text(&text, prng_chance(&prng, 9, 10) ? " " : "");
        }
        feed(buffer_text(&text));
    }
    buffer_free(&text);
}

/* Splits at blanks; the tokens point into `copy`. */
static uint32_t tokens_of(char *copy, char *tokens[], uint32_t max) {
    uint32_t count = 0;
    for (char *save = NULL, *token = strtok_r(copy, " ", &save); token != NULL && count < max;
         token = strtok_r(NULL, " ", &save)) {
        tokens[count++] = token;
    }
    return count;
}

static void test_mutants(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 43);
    struct buffer text = {0};
    for (int round = 0; round < 8000; round++) {
        char copy[512];
        char *tokens[160];
        snprintf(copy, sizeof(copy), "%s", seeds[prng_below(&prng, sizeof(seeds) / sizeof(*seeds))]);
        uint32_t count = tokens_of(copy, tokens, 120);
        uint64_t changes = prng_below(&prng, 4);
        buffer_clear(&text);
        for (uint64_t i = 0; i < changes; i++) {
            uint64_t at = prng_below(&prng, count);
            uint64_t other = prng_below(&prng, count);
            char *word = (char *)words[prng_below(&prng, sizeof(words) / sizeof(*words))];
            switch (prng_below(&prng, 4)) {
            case 0: {
                char *swapped = tokens[at];
                tokens[at] = tokens[other];
                tokens[other] = swapped;
                break;
            }
            case 1:
                tokens[at] = "";
                break;
            case 2:
                tokens[at] = word;
                break;
            default:
                tokens[at] = tokens[other];
                break;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            buffer_append_text(&text, tokens[i]);
            buffer_append_text(&text, " ");
        }
        feed(buffer_text(&text));
    }
    buffer_free(&text);
}

static void test_bytes(void **state) {
    (void)state;
    struct prng prng;
    prng_seed(&prng, 44);
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        uint64_t length = prng_below(&prng, sizeof(bytes));
        prng_bytes(&prng, bytes, length);
        for (uint64_t i = 0; i < length && round % 2 == 0; i++) {
            bytes[i] = (uint8_t)(' ' + bytes[i] % 95);
        }
        struct kmb_error error = {0};
        struct sql_statement *statement = NULL;
        (void)sql_prepare(&f->host, slice_make(bytes, length), NULL, 0, &statement, &error);
        sql_statement_free(statement);
        (void)sql_incomplete(slice_make(bytes, length));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_soup),
        cmocka_unit_test(test_mutants),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
