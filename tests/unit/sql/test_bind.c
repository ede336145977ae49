/*
 * Binding: names, types, grouping, refusals with their SQLSTATE, character and words; parameters; time travel; DDL.
 * Messages are PostgreSQL 15's, taken from a live one.
 */
#include "host.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, a text, b int, c numeric(8,2), e varchar(5), d date, j json)");
    SQL("CREATE TABLE u (id int PRIMARY KEY, t_id int, name text, b int)");
    SQL("INSERT INTO t VALUES (1, 'one', 10, 1.25, 'abc', '2024-01-02', '{}'), (2, 'two', 20, 2.5, 'de', null, null)");
    SQL("INSERT INTO u VALUES (1, 1, 'x', 10), (2, 1, 'y', 11), (3, null, 'z', null)");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

static void test_names(void **state) {
    (void)state;
    REFUSED("SELECT nosuch FROM t", "42703", 8, "column \"nosuch\" does not exist");
    REFUSED("SELECT 'äöü', nosuch FROM t", "42703", 15, "column \"nosuch\" does not exist");
    REFUSED("SELECT t.nosuch FROM t", "42703", 8, "column t.nosuch does not exist");
    REFUSED("SELECT x.id FROM t", "42P01", 8, "missing FROM-clause entry for table \"x\"");
    REFUSED("SELECT x.* FROM t", "42P01", 8, "missing FROM-clause entry for table \"x\"");
    REFUSED("SELECT t.id FROM t AS x", "42P01", 8, "invalid reference to FROM-clause entry for table \"t\"");
    REFUSED("SELECT * FROM nosuch", "42P01", 15, "relation \"nosuch\" does not exist");
    REFUSED("SELECT * FROM other.t", "42P01", 15, "relation \"other.t\" does not exist");
    REFUSED("SELECT id FROM t, u", "42702", 8, "column reference \"id\" is ambiguous");
    REFUSED("SELECT * FROM t a, t a", "42712", 20, "table name \"a\" specified more than once");
    REFUSED("SELECT *", "42601", 8, "SELECT * with no tables specified is not valid");
    REFUSED("SELECT \"ID\" FROM t", "42703", 8, "column \"ID\" does not exist");
    REFUSED("SELECT * FROM t JOIN u USING (name)", "42703", 0,
            "column \"name\" specified in USING clause does not exist in left table");
    REFUSED("SELECT * FROM t x (p, q, r, s, t, u, v, w)", "42P10", 15,
            "table \"x\" has 7 columns available but 8 columns specified");
    ROWS("SELECT ID, t.A, public.t.b FROM T WHERE T.Id = 1", "1|one|10\n");
    ROWS("SELECT p, x.q FROM t AS x (p, q) ORDER BY p", "1|one\n2|two\n");
    ROWS("SELECT x.* FROM u x WHERE x.id = 2", "2|1|y|11\n");
    ROWS("SELECT id, name FROM t JOIN u USING (id) ORDER BY id", "1|x\n2|y\n");
    ROWS("SELECT * FROM (SELECT id, b FROM t) x NATURAL JOIN (SELECT id, b FROM u) y", "1|10\n");
    ROWS("SELECT id, x.b, y.name FROM t x FULL JOIN u y USING (id) ORDER BY id", "1|10|x\n2|20|y\n3|null|z\n");
}

static void test_types(void **state) {
    (void)state;
    REFUSED("SELECT 1 = 'a'::text", "42883", 10, "operator does not exist: integer = text");
    REFUSED("SELECT -'a'::text", "42883", 8, "operator does not exist: - text");
    REFUSED("SELECT 'a' + 'b'", "42725", 12, "operator is not unique: unknown + unknown");
    REFUSED("SELECT 1 = 'a'", "22P02", 12, "invalid input syntax for type integer: \"a\"");
    REFUSED("SELECT 'x'::int", "22P02", 8, "invalid input syntax for type integer: \"x\"");
    REFUSED("SELECT 1::uuid", "42846", 9, "cannot cast type integer to uuid");
    REFUSED("SELECT 1::nosuch", "42704", 11, "type \"nosuch\" does not exist");
    REFUSED("SELECT 1::int8(3)", "42601", 11, "type modifier is not allowed for type \"bigint\"");
    REFUSED("SELECT 1::serial", "0A000", 11, "type serial is not supported");
    REFUSED("SELECT 1::int[]", "42846", 9, "cannot cast type integer to integer[]");
    REFUSED("SELECT nosuch(1)", "42883", 8, "function nosuch(integer) does not exist");
    REFUSED("SELECT lower('a', 'b')", "42883", 8, "function lower(unknown, unknown) does not exist");
    REFUSED("SELECT to_tsvector('x')", "0A000", 8, "function to_tsvector is not supported");
    REFUSED("SELECT '5'::jsonb - 'a'", "22023", 19, "cannot delete from scalar");
    REFUSED("SELECT jsonb_set('[1]', '{a}', '1')", "22P02", 8, "path element at position 1 is not an integer: \"a\"");
    REFUSED("SELECT '{}'::jsonb @> 5", "42883", 20, "operator does not exist: jsonb @> integer");
    REFUSED("SELECT jsonb_path_exists('1', repeat('!(', 9999))", "54001", 8, "stack depth limit exceeded");
    REFUSED("SELECT jsonb_path_exists('1', repeat('-', 9999) || '1')", "54001", 8, "stack depth limit exceeded");
    REFUSED("SELECT jsonb_path_exists('1', '1' || repeat(' + 1', 9999))", "54001", 8, "stack depth limit exceeded");
    REFUSED("SELECT jsonb_path_exists('1', '\"' || repeat('\\ud800', 9999) || '\"')", "22P02", 8,
            "invalid input syntax for type jsonpath");
    REFUSED("SELECT make_interval(dais => 1)", "42883", 8, "function make_interval(dais => integer) does not exist");
    REFUSED("SELECT make_interval(days => 1, 2)", "42601", 33, "positional argument cannot follow named argument");
    REFUSED("SELECT make_interval(days => 1, days => 2)", "42601", 33, "argument name \"days\" used more than once");
    REFUSED("SELECT json_agg('a')", "42804", 8, "could not determine polymorphic type because input has type unknown");
    REFUSED("SELECT 'a' ~ 'a++'", "2201B", 12, "invalid regular expression: quantifier operand invalid");
    REFUSED("SELECT NOT 1", "42804", 12, "argument of NOT must be type boolean, not type integer");
    REFUSED("SELECT 1 WHERE 5", "42804", 16, "argument of WHERE must be type boolean, not type integer");
    REFUSED("SELECT CASE WHEN 1 THEN 2 END", "42804", 18,
            "argument of CASE/WHEN must be type boolean, not type integer");
    REFUSED("SELECT CASE WHEN true THEN b ELSE a END FROM t", "42804", 28,
            "CASE types text and integer cannot be matched");
    REFUSED("SELECT COALESCE(b, a) FROM t", "42804", 20, "COALESCE types integer and text cannot be matched");
    REFUSED("SELECT j = j FROM t", "42883", 10, "operator does not exist: json = json");
    REFUSED("SELECT DISTINCT j FROM t", "42883", 17, "could not identify an equality operator for type json");
    REFUSED("SELECT j FROM t ORDER BY j", "42883", 26, "could not identify an ordering operator for type json");
    ROWS("SELECT '1' + 1, 7 / 2, 1 + 1.5, '2' || 'x', 1 || 'y', COALESCE(null, 2.5)", "2|3|2.5|2x|1y|2.5\n");
    ROWS("SELECT b IN (10, 11), b IN (1.5, 10), e IN ('abc', a), d = '2024-01-02' FROM t WHERE id = 1", "t|t|t|t\n");
    ROWS("SELECT 2147483648, -9223372036854775808, 9223372036854775808", "2147483648|-9223372036854775808|"
                                                                         "9223372036854775808\n");
}

static void assert_names(const char *text, const char *expected) {
    struct sql_statement *statement = NULL;
    assert_int_equal(sql_prepare(&f->host, slice_text(text), NULL, 0, &statement, &f->error), KMB_OK);
    struct buffer names = {0};
    for (uint32_t i = 0; i < sql_statement_column_count(statement); i++) {
        char type[TYPE_NAME_SIZE];
        const struct plan_column *column = sql_statement_column(statement, i);
        buffer_printf(&names, "%s%s %s", i > 0 ? ", " : "", column->name, type_format(column->type, type));
    }
    assert_string_equal(buffer_text(&names), expected);
    buffer_free(&names);
    sql_statement_free(statement);
}

static void test_result_names(void **state) {
    (void)state;
    assert_names("SELECT 1, 'a', null", "?column? integer, ?column? text, ?column? text");
    assert_names("SELECT id, t.a AS x, count(*), sum(b) FROM t GROUP BY id",
                 "id integer, x text, count bigint, sum bigint");
    assert_names("SELECT CASE WHEN true THEN 1 END, COALESCE(1, 2), NULLIF(1, 2), GREATEST(1, 2), 1::text, id::text "
                 "FROM t",
                 "case integer, coalesce integer, nullif integer, greatest integer, text text, id text");
    assert_names("SELECT current_date, now(), EXTRACT(year FROM d), SUBSTRING(a FROM 1), -b, e, c FROM t",
                 "current_date date, now timestamp with time zone, extract numeric, substring text, ?column? integer, "
                 "e character varying(5), c numeric(8,2)");
    assert_names("VALUES (1, 'a')", "column1 integer, column2 text");
}

static void test_grouping(void **state) {
    (void)state;
    REFUSED("SELECT a, count(*) FROM t", "42803", 8,
            "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT x.a FROM t x GROUP BY x.b", "42803", 8,
            "column \"x.a\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT b FROM t GROUP BY b ORDER BY a", "42803", 37,
            "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function");
    REFUSED("SELECT id FROM t WHERE count(*) > 1", "42803", 24, "aggregate functions are not allowed in WHERE");
    REFUSED("SELECT id FROM t GROUP BY count(*)", "42803", 27, "aggregate functions are not allowed in GROUP BY");
    REFUSED("SELECT 1 FROM t JOIN u ON count(*) = 1", "42803", 27,
            "aggregate functions are not allowed in JOIN conditions");
    REFUSED("SELECT count(count(*)) FROM t", "42803", 14, "aggregate function calls cannot be nested");
    REFUSED("SELECT count() FROM t", "42809", 8, "count(*) must be used to call a parameterless aggregate function");
    REFUSED("SELECT sum(a) FROM t", "42883", 8, "function sum(text) does not exist");
    REFUSED("SELECT lower(DISTINCT a) FROM t", "42809", 8,
            "DISTINCT specified, but lower is not an aggregate function");
    REFUSED("SELECT id FROM t ORDER BY 9", "42P10", 27, "ORDER BY position 9 is not in select list");
    REFUSED("SELECT id FROM t ORDER BY 'x'", "42601", 27, "non-integer constant in ORDER BY");
    REFUSED("SELECT DISTINCT b FROM t ORDER BY a", "42P10", 35,
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
    REFUSED("SELECT id a, b a FROM t ORDER BY a", "42702", 34, "ORDER BY \"a\" is ambiguous");
    REFUSED("SELECT id FROM t LIMIT id", "42P10", 24, "argument of LIMIT must not contain variables");
    REFUSED("SELECT id FROM t LIMIT true", "42804", 24, "argument of LIMIT must be type bigint, not type boolean");
    ROWS("SELECT id, a, count(*) FROM t GROUP BY id ORDER BY id", "1|one|1\n2|two|1\n"); /* a depends on the key */
    ROWS("SELECT b / 10 AS k, sum(c) + 1 FROM t GROUP BY k HAVING sum(c) > 1 ORDER BY max(id) DESC",
         "2|3.50\n1|2.25\n");
    ROWS("SELECT count(*) FILTER (WHERE b > 10), count(DISTINCT b), max(a) FROM t", "1|2|two\n");
    ROWS("SELECT t.a, count(u.id) FROM t LEFT JOIN u ON u.t_id = t.id GROUP BY t.id ORDER BY 2 DESC, a",
         "one|2\ntwo|0\n");
}

static void test_unsupported(void **state) {
    (void)state;
    REFUSED("SELECT 1 UNION SELECT 2 ORDER BY 1 + 1", "0A000", 34, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    REFUSED("CREATE TABLE x (a int CHECK (a > (SELECT 1)))", "0A000", 34, "cannot use subquery in check constraint");
    REFUSED("CREATE TABLE x (a int, b int DEFAULT (max(a)))", "0A000", 43,
            "cannot use column reference in DEFAULT expression");
    REFUSED("CREATE TABLE x (a int, b int DEFAULT (x.a))", "0A000", 39,
            "cannot use column reference in DEFAULT expression");
    SQL("CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a + 1) STORED)");
    REFUSED("ALTER TABLE made ALTER COLUMN a TYPE bigint", "0A000", 0,
            "cannot alter type of a column used by a generated column");
    SQL("DROP TABLE made");
    SQL("CREATE VIEW seen AS SELECT id FROM t");
    REFUSED("ALTER TABLE seen ADD COLUMN x int", "42809", 0,
            "ALTER action ADD COLUMN cannot be performed on relation \"seen\"");
    assert_string_equal(f->error.detail, "This operation is not supported for views.");
    REFUSED("ALTER TABLE seen ALTER COLUMN id SET NOT NULL", "42809", 0,
            "ALTER action ALTER COLUMN ... SET NOT NULL cannot be performed on relation \"seen\"");
    SQL("DROP VIEW seen");
    REFUSED("ALTER TABLE t ADD PRIMARY KEY (nope)", "42703", 0, "column \"nope\" of relation \"t\" does not exist");
    REFUSED("DROP INDEX CONCURRENTLY a, b", "0A000", 0,
            "DROP INDEX CONCURRENTLY does not support dropping multiple objects");
    REFUSED("DROP INDEX CONCURRENTLY a CASCADE", "0A000", 0, "DROP INDEX CONCURRENTLY does not support CASCADE");
    REFUSED("CREATE TABLE x (a int DEFAULT (SELECT 1))", "0A000", 31, "cannot use subquery in DEFAULT expression");
    REFUSED("SELECT id FROM t FOR UPDATE OF u", "42P01", 32,
            "relation \"u\" in FOR UPDATE clause not found in FROM clause");
    REFUSED("SELECT * FROM (SELECT id INTO x FROM t) AS s", "42601", 31, "SELECT ... INTO is not allowed here");
    REFUSED("SELECT (b).x FROM t", "42809", 9,
            "column notation .x applied to type integer, which is not a composite type");
    REFUSED("INSERT INTO t (id, b[1]) VALUES (1, DEFAULT)", "0A000", 37, "cannot set an array element to DEFAULT");
    REFUSED("UPDATE t SET (b[1], id) = (DEFAULT, 1)", "0A000", 28, "cannot set an array element to DEFAULT");
    REFUSED("UPDATE t SET b.x = DEFAULT", "0A000", 20, "cannot set a subfield to DEFAULT");
    REFUSED("UPDATE t SET b.x = 1", "42804", 14,
            "cannot assign to field \"x\" of column \"b\" because its type integer is not a composite type");
    REFUSED("SELECT * FROM t TABLESAMPLE nope (1)", "42704", 29, "tablesample method nope does not exist");
    REFUSED("SELECT * FROM t, LATERAL (SELECT count(t.id)) x", "42803", 34,
            "aggregate functions are not allowed in FROM clause of their own query level");
    REFUSED("SELECT * FROM t RIGHT JOIN LATERAL (SELECT t.id) x ON true", "42P10", 44,
            "invalid reference to FROM-clause entry for table \"t\"");
    REFUSED("SELECT * FROM t, ((SELECT t.id) x JOIN LATERAL (SELECT t.id) y ON true)", "42P01", 27,
            "invalid reference to FROM-clause entry for table \"t\"");
    REFUSED("SELECT * FROM nosuch(1)", "42883", 15, "function nosuch(integer) does not exist");
    REFUSED("SELECT id FROM t WHERE generate_series(1, 2) = 1", "0A000", 24,
            "set-returning functions are not allowed in WHERE");
    REFUSED("SELECT CASE WHEN true THEN generate_series(1, 2) END", "0A000", 28,
            "set-returning functions are not allowed in CASE");
    REFUSED("SELECT sum(generate_series(1, 2))", "0A000", 12,
            "aggregate function calls cannot contain set-returning function calls");
    REFUSED("UPDATE t SET b = 1 FROM t", "42712", 25, "table name \"t\" specified more than once");
    REFUSED("DELETE FROM t AS d USING u AS d", "42712", 26, "table name \"d\" specified more than once");
    REFUSED("UPDATE t SET b = id FROM u WHERE t.id = u.id", "42702", 18, "column reference \"id\" is ambiguous");
    REFUSED("DELETE FROM t AS d USING u WHERE t.id = 1", "42P01", 34,
            "invalid reference to FROM-clause entry for table \"t\"");
    assert_string_equal(f->error.hint, "Perhaps you meant to reference the table alias \"d\".");
    REFUSED("UPDATE t SET (a, b) = 1", "0A000", 23,
            "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression");
    REFUSED("UPDATE t SET (a, b) = (SELECT 1)", "42601", 23, "number of columns does not match number of values");
    REFUSED("UPDATE t SET (a, b) = (1, 2, 3)", "42601", 23, "number of columns does not match number of values");
    REFUSED("UPDATE t SET (a, b) = ROW('x', 1), a = 'y'", "42601", 36, "multiple assignments to same column \"a\"");
    REFUSED("WITH RECURSIVE d AS (DELETE FROM t WHERE id IN (SELECT id FROM d) RETURNING id) SELECT * FROM d", "42P19",
            16, "recursive query \"d\" must not contain data-modifying statements");
    REFUSED("WITH RECURSIVE r(n) AS (SELECT 'a'::varchar(5) UNION ALL SELECT n || 'a' FROM r) SELECT * FROM r", "42804",
            16,
            "recursive query \"r\" column 1 has type character varying(5) in non-recursive term but type character "
            "varying overall");
    REFUSED("SELECT 1e39::text", "22003", 8, "value overflows numeric format");
    REFUSED("MERGE INTO t USING t ON true WHEN MATCHED THEN DO NOTHING", "42712", 0,
            "name \"t\" specified more than once");
    assert_string_equal(f->error.detail, "The name is used both as MERGE target table and data source.");
    REFUSED("MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (t.id)", "42P01", 74,
            "invalid reference to FROM-clause entry for table \"t\"");
    assert_string_equal(f->error.hint,
                        "There is an entry for table \"t\", but it cannot be referenced from this part of the query.");
    REFUSED("MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (a)", "42703", 74,
            "column \"a\" does not exist");
    REFUSED("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE WHEN MATCHED THEN DO NOTHING", "42601", 0,
            "unreachable WHEN clause specified after unconditional WHEN clause");
    REFUSED("MERGE INTO t USING u ON true WHEN MATCHED AND count(*) > 1 THEN DELETE", "42803", 47,
            "aggregate functions are not allowed in MERGE WHEN conditions");
    REFUSED("MERGE INTO t USING u ON true WHEN MATCHED AND u.id THEN DELETE", "42804", 47,
            "argument of WHEN must be type boolean, not type integer");
    REFUSED("MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT (id, b) VALUES (1)", "42601", 64,
            "INSERT has more target columns than expressions");
    REFUSED("MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (1, 2)", "42601", 75,
            "INSERT has more expressions than target columns");
    REFUSED("WITH RECURSIVE r AS (SELECT 1) MERGE INTO t USING r ON true WHEN MATCHED THEN DELETE", "42601", 0,
            "WITH RECURSIVE is not supported for MERGE statement");
    REFUSED("CREATE TEMP TABLE x (a int)", "0A000", 19, "a temporary or unlogged table is not supported");
    REFUSED("CREATE INDEX ON t USING hash (b)", "0A000", 17, "index access method \"hash\" is not supported");
    REFUSED("SELECT 1; SELECT 2", "42601", 10, "expected exactly 1 statement, got 2");
}

static void test_reserved_word_hint(void **state) {
    (void)state;
    REFUSED("CREATE TABLE user (a int)", "42601", 14, "syntax error at or near \"user\"");
    assert_string_equal(f->error.hint,
                        "user is a reserved word; to use it as a name, write it in double quotes: \"user\".");
    REFUSED("SELECT offset FROM t", "42601", 15, "syntax error at or near \"FROM\"");
    assert_string_equal(f->error.hint,
                        "offset is a reserved word; to use it as a name, write it in double quotes: \"offset\".");
    REFUSED("SELECT 1 FROM t WHERE", "42601", 22, "syntax error at end of input");
    assert_string_equal(f->error.hint, "");
    REFUSED("SELECT 'äöü' FROM t WHERE )", "42601", 27, "syntax error at or near \")\"");
    REFUSED("SELECT * FROM t AS OF 'äöü' WHERE )", "42601", 35, "syntax error at or near \")\"");
}

/* Of a column that is not there, the one that may have been meant: t (id, a, b, ...) and u (id, t_id, name, b). */
static void test_column_hint(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *hint;
    } cases[] = {
        {"SELECT nme FROM u", "Perhaps you meant to reference the column \"u.name\"."},
        {"SELECT z.nam FROM u z", "Perhaps you meant to reference the column \"z.name\"."},
        {"SELECT idd FROM t, u", "Perhaps you meant to reference the column \"t.id\" or the column \"u.id\"."},
        {"SELECT idd FROM t, u, t v", ""},
        {"SELECT nothing FROM t", ""},
        {"SELECT t.nane FROM t, u", "Perhaps you meant to reference the column \"u.name\"."},
        {"SELECT (SELECT nam FROM t) FROM u", "Perhaps you meant to reference the column \"u.name\"."},
        {"UPDATE u SET b = t_ix", "Perhaps you meant to reference the column \"u.t_id\"."},
        {"SELECT * FROM u, (SELECT 1 FROM t WHERE name = '') s",
         "There is a column named \"name\" in table \"u\", but it cannot be referenced from this part of the query."},
        {"SELECT (SELECT 1 FROM u), name FROM t", ""}, /* a query inside is not in sight */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(sql_fixture_text(f, cases[i].text, NULL), KMB_UNDEFINED_COLUMN);
        assert_string_equal(f->error.hint, cases[i].hint);
    }
}

static void test_writes(void **state) {
    (void)state;
    REFUSED("INSERT INTO t (id, nosuch) VALUES (1, 2)", "42703", 20,
            "column \"nosuch\" of relation \"t\" does not exist");
    REFUSED("UPDATE t x SET x.b = 1", "42703", 16, "column \"x\" of relation \"t\" does not exist");
    REFUSED("INSERT INTO t (id, id) VALUES (1, 2)", "42701", 20, "column \"id\" specified more than once");
    REFUSED("INSERT INTO t (id) VALUES (1, 2)", "42601", 31, "INSERT has more expressions than target columns");
    REFUSED("INSERT INTO t (id, b) VALUES (1)", "42601", 20, "INSERT has more target columns than expressions");
    REFUSED("INSERT INTO t (id, b) VALUES (9, true)", "42804", 34,
            "column \"b\" is of type integer but expression is of type boolean");
    REFUSED("INSERT INTO t (id, e) VALUES (9, 'toolong')", "22001", 34, "value too long for type character varying(5)");
    REFUSED("INSERT INTO t (id) VALUES (1) ON CONFLICT (b) DO NOTHING", "42P10", 43,
            "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    REFUSED("INSERT INTO t (id, b) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET b = b + 1", "42702", 72,
            "column reference \"b\" is ambiguous");
    REFUSED("INSERT INTO t (id) VALUES (1) ON CONFLICT DO UPDATE SET b = 1", "42601", 31,
            "ON CONFLICT DO UPDATE requires inference specification or constraint name");
    REFUSED("UPDATE t SET nosuch = 1", "42703", 14, "column \"nosuch\" of relation \"t\" does not exist");
    REFUSED("UPDATE t SET b = 1, b = 2", "42601", 21, "multiple assignments to same column \"b\"");
    REFUSED("UPDATE t SET b = 'x'", "22P02", 18, "invalid input syntax for type integer: \"x\"");
    REFUSED("UPDATE nosuch SET a = 1", "42P01", 8, "relation \"nosuch\" does not exist");
    REFUSED("DELETE FROM t WHERE a", "42804", 21, "argument of WHERE must be type boolean, not type text");
    REFUSED("UPDATE t SET b = count(*)", "42803", 18, "aggregate functions are not allowed in UPDATE");
    ROWS("INSERT INTO u (id, name) SELECT id + 100, '7' FROM t RETURNING id, name, b", "101|7|null\n102|7|null\n");
    ROWS("UPDATE u SET (name, b) = ('k', id * 2), t_id = DEFAULT WHERE id > 100 RETURNING *",
         "101|null|k|202\n102|null|k|204\n");
    ROWS("INSERT INTO u (id, b) VALUES (101, 1), (103, 2) ON CONFLICT (id) DO UPDATE SET b = excluded.b + u.b "
         "WHERE u.b > 5 RETURNING id, b",
         "101|203\n103|2\n");
    ROWS("DELETE FROM u x WHERE x.id > 100 RETURNING x.id AS gone", "101\n102\n103\n");
}

/* --- parameters --- */

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

static void assert_run_with(const char *text, const struct value *values, uint32_t count, const char *expected) {
    struct buffer out = {0};
    enum kmb_status status = run_with(text, values, count, &out);
    if (status != KMB_OK) {
        print_message("%s: %s\n", text, f->error.message);
    }
    assert_int_equal(status, KMB_OK);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

/* What EXECUTE hands over, and that a name lives as long as it is meant to. */
static void test_prepare(void **state) {
    (void)state;
    SQL("PREPARE get (int) AS SELECT id, a FROM t WHERE id = $1");
    ROWS("EXECUTE get(1)", "1|one\n");
    ROWS("EXECUTE get('2')", "2|two\n");
    REFUSED("PREPARE get AS SELECT 1", "42P05", 0, "prepared statement \"get\" already exists");
    REFUSED("EXECUTE nosuch", "26000", 0, "prepared statement \"nosuch\" does not exist");
    REFUSED("DEALLOCATE nosuch", "26000", 0, "prepared statement \"nosuch\" does not exist");
    REFUSED("EXECUTE get(1, 2)", "42601", 0, "wrong number of parameters for prepared statement \"get\"");
    assert_string_equal(f->error.detail, "Expected 1 parameters but got 2.");
    REFUSED("EXECUTE get('x')", "22P02", 13, "invalid input syntax for type integer: \"x\"");
    REFUSED("EXECUTE get(true)", "42804", 13,
            "parameter $1 of type boolean cannot be coerced to the expected type integer");
    REFUSED("EXECUTE get((SELECT 1))", "0A000", 13, "cannot use subquery in EXECUTE parameter");
    REFUSED("EXECUTE get(count(*))", "42803", 13, "aggregate functions are not allowed in EXECUTE parameters");
    REFUSED("EXECUTE get(id)", "42703", 13, "column \"id\" does not exist");
    REFUSED("PREPARE bad (nosuch) AS SELECT 1", "42704", 14, "type \"nosuch\" does not exist");
    REFUSED("PREPARE bad AS SELECT nosuch", "42703", 23, "column \"nosuch\" does not exist");
    SQL("PREPARE late AS SELECT 1 / $1");
    REFUSED("EXECUTE late(0)", "22012", 0, "division by zero"); /* a place in another text is none */
    struct value one[1] = {value_bytes(TYPE_UNKNOWN, slice_text("2"))};
    assert_run_with("EXECUTE get($1)", one, 1, "2|two\n");
    assert_run_with("EXECUTE get($1 - 1)", one, 1, "1|one\n");
    SQL("DEALLOCATE get");
    REFUSED("EXECUTE get(1)", "26000", 0, "prepared statement \"get\" does not exist");
    SQL("DEALLOCATE ALL");
    REFUSED("EXECUTE late(1)", "26000", 0, "prepared statement \"late\" does not exist");
}

static void test_parameters(void **state) {
    (void)state;
    struct value one[1] = {value_bytes(TYPE_UNKNOWN, slice_text("1"))};
    struct value two[2] = {value_integer(TYPE_INT8, 1), value_text(slice_text("one"))};
    assert_run_with("SELECT a FROM t WHERE id = $1", one, 1, "one\n");
    assert_run_with("SELECT b + $1 FROM t WHERE id = $1", one, 1, "11\n");
    assert_run_with("SELECT $2 || 'x', $1 + 1 FROM t WHERE id = $1 AND a = $2", two, 2, "onex|2\n");
    assert_run_with("SELECT id FROM t ORDER BY id LIMIT $1 OFFSET $1", one, 1, "2\n");
    assert_run_with("SELECT $1::int, $1", one, 1, "1|1\n");
    struct value null[1] = {value_null(TYPE_UNKNOWN)};
    assert_run_with("SELECT count(*) FROM t WHERE id = $1", null, 1, "0\n");
    assert_int_equal(run_with("SELECT $1 + 1", NULL, 0, NULL), KMB_UNDEFINED_PARAMETER);
    assert_string_equal(f->error.message, "parameter $1 not provided");
    assert_int_equal(run_with("SELECT 1", one, 1, NULL), KMB_UNDEFINED_PARAMETER);
    assert_string_equal(f->error.message, "1 parameters provided, but the statement has 0");
    struct value bad[1] = {value_text(slice_text("x"))};
    assert_int_equal(run_with("SELECT a FROM t WHERE id = $1", bad, 1, NULL), KMB_INVALID_TEXT);
    assert_string_equal(f->error.message, "invalid input syntax for type integer: \"x\"");
    assert_string_equal(f->error.detail, "Parameter $1.");
    struct value names[2] = {value_bytes(TYPE_UNKNOWN, slice_text("t")),
                             value_bytes(TYPE_UNKNOWN, slice_text("{23,NULL,text}"))};
    assert_run_with("SELECT $1::regclass, $2::regtype[]", names, 2, "t|{integer,NULL,text}\n");
    assert_int_equal(run_with("SELECT $1::regclass", bad, 1, NULL), KMB_UNDEFINED_TABLE);
    assert_string_equal(f->error.message, "relation \"x\" does not exist");
    struct value large[1] = {value_int8(INT64_C(3000000000))};
    assert_int_equal(run_with("SELECT a FROM t WHERE id = $1", large, 1, NULL), KMB_NUMERIC_OUT_OF_RANGE);
    REFUSED("SELECT $2::int", "42P18", 0, "could not determine data type of parameter $1");
    REFUSED("SELECT $1 = 1 AND $1 = 'a'::text", "42883", 22, "operator does not exist: integer = text");
    REFUSED("CREATE TABLE x (a int DEFAULT $1)", "42P02", 31, "there is no parameter $1");
}

static void test_rebind(void **state) {
    (void)state;
    SQL("CREATE TABLE r (id int PRIMARY KEY, v int)");
    SQL("INSERT INTO r VALUES (1, 2)");
    struct sql_statement *statement = NULL;
    assert_int_equal(sql_prepare(&f->host, slice_text("SELECT * FROM r"), NULL, 0, &statement, &f->error), KMB_OK);
    assert_int_equal(sql_statement_column_count(statement), 2);
    SQL("ALTER TABLE r ADD COLUMN w text DEFAULT 'new'");
    struct buffer out = {0};
    assert_int_equal(sql_fixture_run(f, statement, NULL, 0, &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "1|2|new\n");
    assert_int_equal(sql_statement_column_count(statement), 3);
    buffer_clear(&out);
    SQL("DROP TABLE r");
    assert_int_equal(sql_fixture_run(f, statement, NULL, 0, &out), KMB_UNDEFINED_TABLE);
    SQL("CREATE TABLE r (x text)");
    assert_int_equal(sql_fixture_run(f, statement, NULL, 0, &out), KMB_OK); /* a failed binding is not for ever */
    SQL("DROP TABLE r");
    buffer_free(&out);
    sql_statement_free(statement);
}

/* --- time travel --- */

/* One statement, its point a parameter, over moments with different schemas: each run reads with the schema of then. */
static void test_rebind_to_point(void **state) {
    (void)state;
    SQL("CREATE TABLE p (id int PRIMARY KEY, v int)");
    SQL("INSERT INTO p VALUES (1, 10)");
    int64_t first = (int64_t)f->kernel->head->position;
    SQL("INSERT INTO p VALUES (2, 20)");
    SQL("ALTER TABLE p ADD COLUMN w int DEFAULT 5");
    SQL("UPDATE p SET v = 11");
    int64_t second = (int64_t)f->kernel->head->position;
    struct sql_statement *statement = NULL;
    struct slice text = slice_text("SELECT * FROM p WHERE id = $1 AT OFFSET $2");
    assert_int_equal(sql_prepare(&f->host, text, NULL, 0, &statement, &f->error), KMB_OK);
    static const char *const wanted[] = {"1|11|5\n", "1|10\n", "1|10\n", "1|11|5\n"};
    const int64_t points[] = {second, first, first, second};
    struct buffer out = {0};
    for (unsigned i = 0; i < 4; i++) {
        struct value values[2] = {value_int8(1), value_int8(points[i])};
        buffer_clear(&out);
        assert_int_equal(sql_fixture_run(f, statement, values, 2, &out), KMB_OK);
        assert_string_equal(buffer_text(&out), wanted[i]);
    }
    SQL("DROP TABLE p");
    struct value values[2] = {value_int8(1), value_int8(first)};
    buffer_clear(&out);
    assert_int_equal(sql_fixture_run(f, statement, values, 2, &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "1|10\n");
    values[1] = value_null(TYPE_INT8);
    assert_int_equal(sql_fixture_run(f, statement, values, 2, &out), KMB_INVALID_PARAMETER);
    assert_string_equal(f->error.message, "the point to read at must not be null");
    values[1] = value_int8(first);
    buffer_clear(&out);
    assert_int_equal(sql_fixture_run(f, statement, values, 2, &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "1|10\n");
    buffer_free(&out);
    sql_statement_free(statement);
}

static void test_time_travel(void **state) {
    (void)state;
    SQL("CREATE TABLE h (id int PRIMARY KEY, v int)");
    uint64_t start = f->kernel->head->position;
    SQL("INSERT INTO h VALUES (1, 10), (2, 20)");
    int64_t then_us = f->kernel->head->time_us;
    SQL("UPDATE h SET v = 11 WHERE id = 1");
    SQL("ALTER TABLE h ADD COLUMN w int DEFAULT 5");
    SQL("DELETE FROM h WHERE id = 2");
    char text[256];
    snprintf(text, sizeof(text), "SELECT * FROM h AT OFFSET %llu ORDER BY id", (unsigned long long)start + 2);
    ROWS(text, "1|10\n2|20\n");
    snprintf(text, sizeof(text), "SELECT count(*) FROM h WHERE v > 0 AT OFFSET %llu", (unsigned long long)start);
    ROWS(text, "0\n");
    snprintf(text, sizeof(text), "SELECT x.v, y.v FROM h x JOIN h y ON x.id = y.id AS OF POSITION %llu WHERE x.id = 1",
             (unsigned long long)start + 3);
    ROWS(text, "11|11\n");
    ROWS("SELECT * FROM h", "1|11|5\n");
    struct value position[1] = {value_int8((int64_t)start + 2)};
    assert_run_with("SELECT * FROM h AT OFFSET $1 ORDER BY id", position, 1, "1|10\n2|20\n"); /* the schema of then */
    position[0] = value_int8((int64_t)start + 4);
    assert_run_with("SELECT * FROM h AS OF POSITION $1", position, 1, "1|11|5\n");
    struct value time[1] = {value_timestamp(TYPE_TIMESTAMPTZ, timestamp_of_us(then_us))};
    assert_run_with("SELECT sum(v) FROM h AS OF $1", time, 1, "30\n");
    position[0] = value_int8(-1);
    assert_int_equal(run_with("SELECT * FROM h AT OFFSET $1", position, 1, NULL), KMB_INVALID_PARAMETER);
    char message[128];
    snprintf(message, sizeof(message), "position 99999 is ahead of current log position %llu",
             (unsigned long long)f->kernel->head->position);
    REFUSED("SELECT * FROM h AT OFFSET 99999", "22023", 27, message);
    REFUSED("SELECT * FROM h AS OF 'nonsense'", "22007", 23,
            "invalid input syntax for type timestamp with time zone: \"nonsense\"");
    snprintf(text, sizeof(text), "SELECT * FROM h, (SELECT * FROM h AT OFFSET %llu) x", (unsigned long long)start + 1);
    ROWS(text, "1|11|5|1|10\n");
    snprintf(text, sizeof(text), "SELECT * FROM (SELECT * FROM h AT OFFSET %llu) x, (SELECT * FROM h AT OFFSET %llu) y",
             (unsigned long long)start + 1, (unsigned long long)start + 2);
    ROWS(text, "1|10|1|10\n1|10|2|20\n");
    /* a query without a table has a moment too; TABLE t has the clause of its block, never that of a neighbour */
    REFUSED("SELECT 1 AT OFFSET 99999", "22023", 20, message);
    REFUSED("SELECT * FROM (VALUES (1)) v AT OFFSET 99999", "22023", 40, message);
    ROWS("SELECT 1 AT OFFSET 0", "1\n");
    position[0] = value_int8(99999);
    assert_int_equal(run_with("SELECT 1 AT OFFSET $1", position, 1, NULL), KMB_POSITION_AHEAD);
    snprintf(text, sizeof(text), "TABLE h AT OFFSET %llu", (unsigned long long)start + 1);
    ROWS(text, "1|10\n");
    snprintf(text, sizeof(text), "SELECT * FROM (TABLE h) x AT OFFSET %llu", (unsigned long long)start + 1);
    ROWS(text, "1|10\n");
    snprintf(text, sizeof(text), "SELECT * FROM (SELECT 1) y, (TABLE h AT OFFSET %llu) x",
             (unsigned long long)start + 1);
    ROWS(text, "1|1|10\n");
    snprintf(text, sizeof(text), "SELECT * FROM (SELECT 1 FROM h AT OFFSET %llu) y, (TABLE h) x",
             (unsigned long long)start + 1);
    ROWS(text, "1|1|11|5\n");
    snprintf(text, sizeof(text), "SELECT * FROM (SELECT v FROM h AT OFFSET %llu) x AT OFFSET %llu",
             (unsigned long long)start + 1, (unsigned long long)start + 2);
    ROWS(text, "10\n");
    /* inner queries without a clause of their own read at the outer one's moment, also inside expressions */
    snprintf(text, sizeof(text),
             "SELECT (SELECT count(*) FROM h), id IN (SELECT id FROM h y WHERE y.v = x.v) FROM h x AT OFFSET %llu",
             (unsigned long long)start + 2);
    ROWS(text, "2|t\n2|t\n");
    snprintf(text, sizeof(text), "SELECT (SELECT count(*) FROM h AT OFFSET %llu)", (unsigned long long)start + 2);
    ROWS(text, "2\n");
    snprintf(text, sizeof(text), "SELECT (SELECT count(*) FROM h AT OFFSET %llu) FROM h",
             (unsigned long long)start + 2);
    ROWS(text, "2\n");
    /* a set operation: a clause binds its branch, or behind the whole's ORDER BY all of it; WITH: all of it */
    snprintf(text, sizeof(text), "SELECT v FROM h UNION ALL SELECT v FROM h ORDER BY 1 AT OFFSET %llu",
             (unsigned long long)start + 2);
    ROWS(text, "10\n10\n20\n20\n");
    snprintf(text, sizeof(text), "SELECT v FROM h AT OFFSET %llu UNION ALL SELECT v FROM h AT OFFSET %llu",
             (unsigned long long)start + 2, (unsigned long long)start + 2);
    ROWS(text, "10\n20\n10\n20\n");
    snprintf(text, sizeof(text), "SELECT v FROM h UNION ALL SELECT v FROM h AT OFFSET %llu",
             (unsigned long long)start + 2);
    ROWS(text, "11\n10\n20\n");
    snprintf(text, sizeof(text),
             "WITH x AS (SELECT v FROM h) SELECT count(*), (SELECT max(v) FROM x) FROM x AT OFFSET %llu",
             (unsigned long long)start + 2);
    ROWS(text, "2|20\n");
    snprintf(text, sizeof(text), "WITH x AS (SELECT v FROM h AT OFFSET %llu) SELECT v FROM x",
             (unsigned long long)start + 1);
    ROWS(text, "10\n");
    snprintf(text, sizeof(text),
             "WITH x AS (SELECT v FROM h), y AS (SELECT v FROM x) SELECT v FROM x UNION SELECT 7 FROM y ORDER BY 1 AT "
             "OFFSET %llu",
             (unsigned long long)start + 1);
    ROWS(text, "7\n10\n");
    snprintf(text, sizeof(text), "WITH x AS (SELECT v FROM h AT OFFSET %llu) SELECT x.v FROM x, h",
             (unsigned long long)start + 1);
    ROWS(text, "10\n");
    /* a view of the past is the view of then, over the tables of then */
    SQL("CREATE VIEW hv AS SELECT count(*) AS n, max(v) AS m FROM h");
    ROWS("SELECT * FROM hv", "1|11\n");
    assert_int_equal(sql_fixture_text(f, "SELECT * FROM hv AT OFFSET 1", NULL), KMB_UNDEFINED_TABLE);
    unsigned long long with_view = (unsigned long long)f->kernel->head->position;
    SQL("INSERT INTO h (id, v) VALUES (50, 500)");
    SQL("CREATE OR REPLACE VIEW hv AS SELECT count(*) AS n, min(v) AS m FROM h");
    ROWS("SELECT * FROM hv", "2|11\n");
    SQL("DELETE FROM h WHERE id = 50");
    SQL("DROP VIEW hv");
    SQL("CREATE VIEW hw AS SELECT id, v + 1 AS next FROM h");
    REFUSED("UPDATE hw SET next = 1", "0A000", 15, "cannot update column \"next\" of view \"hw\"");
    REFUSED("INSERT INTO hw VALUES (9, 1)", "0A000", 0, "cannot insert into column \"next\" of view \"hw\"");
    REFUSED("INSERT INTO hw (id) VALUES (9) ON CONFLICT (next) DO NOTHING", "42P10", 44,
            "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    REFUSED("INSERT INTO hw (id) VALUES (9) ON CONFLICT ON CONSTRAINT h_pkey DO NOTHING", "42704", 0,
            "constraint \"h_pkey\" for table \"hw\" does not exist");
    REFUSED("SELECT * FROM kimberlite_history(hw)", "42809", 34, "\"hw\" is not a table");
    SQL("DROP VIEW hw");
    REFUSED("UPDATE h SET v = true, id = nosuch", "42703", 29, "column \"nosuch\" does not exist");
    SQL("CREATE VIEW hw AS SELECT id, v FROM h WHERE v < 100 WITH CHECK OPTION");
    REFUSED("INSERT INTO hw VALUES (9, 100)", "44000", 0, "new row violates check option for view \"hw\"");
    assert_string_equal(f->error.detail, "Failing row contains (9, 100, 5).");
    SQL("DROP VIEW hw");
    snprintf(text, sizeof(text), "SELECT * FROM hv AT OFFSET %llu", with_view);
    ROWS(text, "1|11\n");
    snprintf(text, sizeof(text), "SELECT x.n, hv.m FROM hv JOIN hv x ON true AT OFFSET %llu", with_view + 1);
    ROWS(text, "2|11\n");
    SQL("CREATE TABLE h2 (id int, v int)");
    snprintf(text, sizeof(text), "INSERT INTO h2 TABLE h AT OFFSET %llu", (unsigned long long)start + 1);
    SQL(text);
    ROWS("TABLE h2", "1|10\n");
    REFUSED("CREATE TABLE h3 (a int) AT OFFSET 1", "42601", 25, "time-travel clause outside a SELECT");
    REFUSED("DROP TABLE h2 AT OFFSET 1", "42601", 15, "time-travel clause outside a SELECT");
    REFUSED("UPDATE h AT OFFSET 1 SET v = 1", "25006", 10, "Cannot modify historical data");
    ROWS("SELECT id, v, _operation FROM kimberlite_history(h) WHERE id = 2 ORDER BY _position_from",
         "2|20|INSERT\n2|20|DELETE\n");
    REFUSED("SELECT * FROM kimberlite_history(nosuch)", "42P01", 34, "relation \"nosuch\" does not exist");
    /* a point beside the text */
    f->host.at = (struct sql_point){.kind = PLAN_AT_POSITION, .offset = start + 2};
    ROWS("SELECT sum(v) FROM h", "30\n");
    REFUSED("SELECT * FROM h AT OFFSET 1", "22023", 17,
            "the statement has a time-travel clause although a point to read at was given beside it");
    REFUSED("DELETE FROM h", "25006", 13, "Cannot modify historical data");
    f->host.at = (struct sql_point){.kind = PLAN_AT_NONE};
}

/* --- definitions, transactions, settings --- */

static void test_definitions(void **state) {
    (void)state;
    REFUSED("CREATE TABLE t (id int)", "42P07", 14, "relation \"t\" already exists");
    SQL("CREATE TABLE IF NOT EXISTS t (id int)");
    REFUSED("CREATE TABLE v (a int, a int)", "42701", 24, "column \"a\" specified more than once");
    REFUSED("CREATE TABLE v (a int PRIMARY KEY, b int PRIMARY KEY)", "42P16", 36,
            "multiple primary keys for table \"v\" are not allowed");
    REFUSED("CREATE TABLE v (a int, PRIMARY KEY (b))", "42703", 24, "column \"b\" named in key does not exist");
    REFUSED("CREATE TABLE v (a int, UNIQUE (a, a))", "42701", 24, "column \"a\" appears twice in unique constraint");
    REFUSED("CREATE TABLE v (a json PRIMARY KEY)", "42704", 17,
            "data type json has no default operator class for access method \"btree\"");
    REFUSED("CREATE TABLE v (a int DEFAULT b)", "0A000", 31, "cannot use column reference in DEFAULT expression");
    REFUSED("CREATE TABLE v (a int DEFAULT 'x')", "22P02", 31, "invalid input syntax for type integer: \"x\"");
    REFUSED("CREATE TABLE v (a int CHECK (a))", "42804", 30,
            "argument of CHECK must be type boolean, not type integer");
    REFUSED("CREATE TABLE v (a int NOT NULL NULL)", "42601", 32,
            "conflicting NULL/NOT NULL declarations for column \"a\" of table \"v\"");
    REFUSED("CREATE TABLE v ()", "42P16", 14, "CREATE TABLE v requires at least one column");
    REFUSED("CREATE TABLE other.v (a int)", "3F000", 14, "schema \"other\" does not exist");
    REFUSED("DROP TABLE nosuch", "42P01", 0, "table \"nosuch\" does not exist");
    REFUSED("DROP TABLE t_pkey", "42809", 0, "\"t_pkey\" is not a table");
    REFUSED("DROP INDEX t_pkey", "2BP01", 0,
            "cannot drop index t_pkey because constraint t_pkey on table t requires it");
    REFUSED("DROP INDEX nosuch", "42704", 0, "index \"nosuch\" does not exist");
    SQL("DROP TABLE IF EXISTS nosuch, nosuch2");
    SQL("CREATE TABLE v (a int DEFAULT 1 + 1 CHECK (a > 0), b text NOT NULL DEFAULT 'it''s', \"C d\" varchar(4), "
        "CHECK (a < 100 AND b <> ''), CONSTRAINT named CHECK (a <> 50), UNIQUE (\"C d\"), PRIMARY KEY (a, b))");
    SQL("INSERT INTO v DEFAULT VALUES");
    ROWS("SELECT * FROM v", "2|it's|null\n");
    REFUSED("INSERT INTO v (a) VALUES (0)", "23514", 0,
            "new row for relation \"v\" violates check constraint \"v_a_check\"");
    REFUSED("INSERT INTO v (a) VALUES (100)", "23514", 0,
            "new row for relation \"v\" violates check constraint \"v_check\"");
    REFUSED("INSERT INTO v (a) VALUES (50)", "23514", 0,
            "new row for relation \"v\" violates check constraint \"named\"");
    SQL("ALTER TABLE v RENAME COLUMN a TO n");
    REFUSED("INSERT INTO v (n) VALUES (0)", "23514", 0,
            "new row for relation \"v\" violates check constraint \"v_a_check\"");
    SQL("ALTER TABLE v ADD COLUMN x int DEFAULT 7 UNIQUE, ALTER COLUMN b DROP DEFAULT");
    ROWS("SELECT x FROM v", "7\n");
    REFUSED("INSERT INTO v (n, x) VALUES (3, 7)", "23502", 0,
            "null value in column \"b\" of relation \"v\" violates not-null constraint");
    REFUSED("INSERT INTO v (n, b, x) VALUES (3, 'b', 7)", "23505", 0,
            "duplicate key value violates unique constraint \"v_x_key\"");
    SQL("ALTER TABLE v DROP COLUMN x, DROP CONSTRAINT named");
    SQL("INSERT INTO v (n, b) VALUES (50, 'fifty')");
    REFUSED("ALTER TABLE v ADD COLUMN b int", "42701", 0, "column \"b\" of relation \"v\" already exists");
    SQL("ALTER TABLE v ADD COLUMN IF NOT EXISTS b int");
    REFUSED("ALTER TABLE v DROP COLUMN nosuch", "42703", 0, "column \"nosuch\" of relation \"v\" does not exist");
    SQL("ALTER TABLE v DROP COLUMN IF EXISTS nosuch");
    REFUSED("ALTER TABLE v RENAME COLUMN nosuch TO x", "42703", 0, "column \"nosuch\" does not exist");
    REFUSED("ALTER TABLE v ALTER COLUMN b TYPE int", "42804", 0,
            "column \"b\" cannot be cast automatically to type integer");
    REFUSED("CREATE INDEX ON v (nosuch)", "42703", 17, "column \"nosuch\" does not exist");
    SQL("CREATE INDEX ON v (b)");
    REFUSED("CREATE INDEX v_b_idx ON v (b)", "42P07", 0, "relation \"v_b_idx\" already exists");
    SQL("CREATE INDEX IF NOT EXISTS v_b_idx ON v (b)");
    SQL("DROP INDEX v_b_idx");
    SQL("ALTER TABLE v RENAME TO w");
    ROWS("SELECT count(*) FROM w", "2\n");
    SQL("DROP TABLE w");
    struct buffer text = {0};
    buffer_append_text(&text, "CREATE TABLE wide (c0 int");
    for (int i = 1; i < 1601; i++) {
        buffer_printf(&text, ", c%d int", i);
    }
    buffer_append_text(&text, ")");
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), NULL), KMB_TOO_MANY_COLUMNS);
    assert_string_equal(f->error.message, "tables can have at most 1600 columns");
    buffer_free(&text);
}

static void test_catalogue(void **state) {
    (void)state;
    ROWS("SHOW TABLES", "t|7\nu|4\n");
    ROWS("SHOW COLUMNS FROM u", "id|integer|f\nt_id|integer|t\nname|text|t\nb|integer|t\n");
    REFUSED("SHOW COLUMNS FROM nosuch", "42P01", 19, "relation \"nosuch\" does not exist");
    ROWS("SELECT t.table_name, c.column_name, c.data_type FROM information_schema.tables t JOIN "
         "information_schema.columns c ON t.table_name = c.table_name WHERE t.table_name = 'u' AND "
         "c.ordinal_position > 2 ORDER BY c.ordinal_position",
         "u|name|text\nu|b|integer\n");
    REFUSED("SELECT * FROM information_schema.nosuch", "42P01", 15,
            "relation \"information_schema.nosuch\" does not exist");
}

static void test_control(void **state) {
    (void)state;
    uint32_t before = f->control_count;
    SQL("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    assert_int_equal(f->control.kind, SQL_CONTROL_BEGIN);
    assert_int_equal(f->control.access, SQL_ACCESS_READ_ONLY);
    SQL("START TRANSACTION READ WRITE");
    assert_int_equal(f->control.access, SQL_ACCESS_READ_WRITE);
    SQL("COMMIT WORK");
    assert_int_equal(f->control.kind, SQL_CONTROL_COMMIT);
    SQL("END");
    assert_int_equal(f->control.kind, SQL_CONTROL_COMMIT);
    SQL("ABORT");
    assert_int_equal(f->control.kind, SQL_CONTROL_ROLLBACK);
    SQL("ROLLBACK AND CHAIN");
    assert_true(f->control.chain);
    assert_int_equal(f->control_count, before + 6);
}

static void test_settings(void **state) {
    (void)state;
    ROWS("SHOW timezone", "UTC\n");
    SQL("SET TIME ZONE '+02:00'");
    assert_int_equal(f->settings.time_zone.offset_s, 7200);
    ROWS("SELECT timestamptz '2024-01-01 00:00+00' = timestamptz '2024-01-01 02:00'", "t\n");
    ROWS("SHOW TIME ZONE", "+02:00\n");
    SQL("SET timezone TO DEFAULT");
    assert_int_equal(f->settings.time_zone.offset_s, 0);
    REFUSED("SET TIME ZONE 'Mars/Olympus'", "22023", 0, "invalid value for parameter \"TimeZone\": \"Mars/Olympus\"");
    ROWS("SHOW server_encoding", "UTF8\n");
    SQL("SET client_encoding = 'UTF8'");
    REFUSED("SET client_encoding = 'LATIN1'", "0A000", 1,
            "setting client_encoding to \"LATIN1\" (it is always UTF8) is not supported");
    SQL("SET statement_timeout = '90s'");
    assert_int_equal(f->settings.timeouts_ms[SQL_TIMEOUT_STATEMENT], 90000);
    ROWS("SHOW statement_timeout", "90s\n");
    SQL("SET statement_timeout TO 1500");
    ROWS("SHOW statement_timeout", "1500ms\n");
    SQL("SET statement_timeout = '1.5 min'");
    ROWS("SHOW statement_timeout", "90s\n");
    SQL("SET statement_timeout = '2h'");
    ROWS("SHOW statement_timeout", "2h\n");
    REFUSED("SET statement_timeout = 'soon'", "22023", 0,
            "invalid value for parameter \"statement_timeout\": \"soon\"");
    REFUSED("SET statement_timeout = '5 weeks'", "22023", 0,
            "invalid value for parameter \"statement_timeout\": \"5 weeks\"");
    REFUSED("SET statement_timeout = -1", "22023", 0,
            "-1 ms is outside the valid range for parameter \"statement_timeout\" (0 ms .. 2147483647 ms)");
    SQL("SET kimberlite.join_rows_max = 3");
    ROWS("SHOW kimberlite.join_rows_max", "3\n");
    REFUSED("SET kimberlite.join_rows_max = -1", "22023", 0,
            "invalid value for parameter \"kimberlite.join_rows_max\": \"-1\"");
    ROWS("SELECT t.id FROM t JOIN u ON t.id = u.id ORDER BY 1", "1\n2\n");
    REFUSED("SELECT count(*) FROM t, u", "54000", 0, "joins of this statement make more than 3 rows");
    SQL("RESET kimberlite.join_rows_max");
    ROWS("SELECT count(*) FROM t, u", "6\n");
    SQL("SET timezone = '+01:00'");
    SQL("RESET ALL");
    ROWS("SHOW statement_timeout", "0\n");
    ROWS("SHOW timezone", "UTC\n");
    REFUSED("SHOW nosuch", "42704", 0, "unrecognized configuration parameter \"nosuch\"");
    ROWS("SELECT current_user, current_schema", "tester|public\n");
}

static int64_t clock_ns;

/* A clock that takes 10 ms each time it is asked. */
static int64_t slow_clock(void *context) {
    (void)context;
    return clock_ns += 10000000;
}

static void test_timeout(void **state) {
    (void)state;
    static const char many[] =
        "SELECT count(*) FROM t a, t b, t c, t d, t e, t g, t h, t i, t j, t k, t l, t m, t n, t o";
    f->host.monotonic_ns = slow_clock;
    clock_ns = 0;
    SQL(many);
    assert_int_equal(clock_ns, 0); /* nobody asks where there is no limit */
    SQL("SET statement_timeout = 50");
    REFUSED(many, "57014", 0, "canceling statement due to statement timeout");
    ROWS("SELECT 1", "1\n"); /* the next one has time of its own */
    SQL("SET statement_timeout = 0");
    SQL(many);
    f->host.monotonic_ns = NULL;
}

/* --- depth and hostile text --- */

static void test_depth(void **state) {
    (void)state;
    struct buffer text = {0};
    struct buffer out = {0};
    buffer_append_text(&text, "SELECT 0");
    for (int i = 0; i < 5000; i++) {
        buffer_append_text(&text, "+1");
    }
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "5000\n");
    buffer_clear(&text);
    buffer_clear(&out);
    buffer_append_text(&text, "SELECT id FROM t WHERE id = 1 AND id");
    for (int i = 0; i < 4990; i += 2) {
        buffer_append_text(&text, "-b+b");
    }
    buffer_append_text(&text, " = 1");
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "1\n");
    buffer_clear(&text);
    buffer_clear(&out);
    buffer_append_text(&text, "SELECT count(*) FROM t WHERE id = 0");
    for (int i = 0; i < 2000; i++) {
        buffer_printf(&text, " OR id = %d", i % 2 + 1);
    }
    assert_int_equal(sql_fixture_text(f, buffer_text(&text), &out), KMB_OK);
    assert_string_equal(buffer_text(&out), "2\n");
    buffer_free(&text);
    buffer_free(&out);
}

static void test_hostile_text(void **state) {
    (void)state;
    struct sql_statement *statement = NULL;
    struct kmb_error error = {0};
    assert_int_equal(sql_prepare(&f->host, slice_make("SELECT \0 1", 10), NULL, 0, &statement, &error),
                     KMB_INVALID_ENCODING);
    assert_int_equal(sql_prepare(&f->host, slice_make("SELECT '\xff'", 10), NULL, 0, &statement, &error),
                     KMB_INVALID_ENCODING);
    assert_null(statement);
    assert_int_equal(sql_prepare(&f->host, slice_text(" -- nothing\n ; "), NULL, 0, &statement, &error), KMB_OK);
    assert_int_equal(sql_statement_kind(statement), STATEMENT_EMPTY);
    assert_int_equal(sql_fixture_run(f, statement, NULL, 0, NULL), KMB_OK);
    sql_statement_free(statement);
    f->settings.memory_bytes_max = 64 << 10;
    assert_int_equal(sql_fixture_text(f, "SELECT a.b + b.b, a.a || b.a FROM t a, t b, t c, t d ORDER BY 1, 2", NULL),
                     KMB_NO_MEMORY);
    f->settings.memory_bytes_max = UINT64_C(64) << 20;
}

/* Every allocation of a statement fails once: an error that says so, and the next run is whole. */
static void test_allocation(void **state) {
    (void)state;
    static const char *const texts[] = {
        ("SELECT x.a, count(*), sum(y.b + 1) FROM t x LEFT JOIN u y ON x.id = y.t_id WHERE x.id IN (1, 2) GROUP BY x.a "
         "ORDER BY 2 DESC LIMIT 5"),
        "EXPLAIN SELECT * FROM t, u WHERE t.id = u.t_id AND t.a LIKE 'o%'",
        "INSERT INTO u (id, name) VALUES (500, 'm') ON CONFLICT (id) DO UPDATE SET b = 1 RETURNING *",
        "ALTER TABLE u ADD COLUMN z text DEFAULT 'x', DROP COLUMN z",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        uint64_t number = 1;
        for (;; number++) {
            mem_fail_plan(number);
            struct sql_statement *statement = NULL;
            f->error = (struct kmb_error){0};
            enum kmb_status status = i < 2
                                         ? sql_fixture_text(f, texts[i], NULL) /* reads: run as well */
                                         : sql_prepare(&f->host, slice_text(texts[i]), NULL, 0, &statement, &f->error);
            bool fired = mem_fail_count() >= number;
            mem_fail_plan(0);
            sql_statement_free(statement);
            if (!fired) {
                assert_int_equal(status, KMB_OK);
                break;
            }
            if (status != KMB_OK) { /* some are a cache's, which does without */
                assert_int_equal(status, KMB_NO_MEMORY);
                assert_string_not_equal(f->error.message, "");
            }
        }
        assert_true(number > 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),           cmocka_unit_test(test_types),
        cmocka_unit_test(test_result_names),    cmocka_unit_test(test_grouping),
        cmocka_unit_test(test_unsupported),     cmocka_unit_test(test_reserved_word_hint),
        cmocka_unit_test(test_column_hint),     cmocka_unit_test(test_writes),
        cmocka_unit_test(test_prepare),         cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_catalogue),       cmocka_unit_test(test_rebind),
        cmocka_unit_test(test_rebind_to_point), cmocka_unit_test(test_time_travel),
        cmocka_unit_test(test_definitions),     cmocka_unit_test(test_control),
        cmocka_unit_test(test_settings),        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_depth),           cmocka_unit_test(test_allocation),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
