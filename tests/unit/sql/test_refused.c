/*
 * What PostgreSQL's grammar reads and this engine does not build: each is refused with 0A000, by name, at its place,
 * and nothing of it is ignored. The table goes through the fields of the parse tree, message by message. Behind it
 * stands what changes nothing here and is therefore taken as it is meant.
 */
#include "host.h"

#include "sql/bind/bind.h"

static struct sql_fixture *f;

static int setup(void **state) {
    (void)state;
    f = sql_fixture_new();
    SQL("CREATE TABLE t (id int PRIMARY KEY, a text, b int, c numeric(8,2), j json, v varchar(9))");
    SQL("CREATE TABLE u (id int PRIMARY KEY, t_id int)");
    SQL("CREATE INDEX t_b ON t (b)");
    SQL("CREATE VIEW shown AS SELECT id FROM t");
    SQL("CREATE VIEW joined AS SELECT t.a FROM t JOIN u USING (id)");
    SQL("INSERT INTO t VALUES (1, 'one', 10, 1.25, '{}', 'x'), (2, 'two', 20, 2.5, null, 'y')");
    SQL("INSERT INTO u VALUES (1, 1), (2, 1)");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sql_fixture_free(f);
    return 0;
}

struct refusal {
    const char *text;
    uint32_t position;
    const char *what; /* without "is not supported" */
};

static const struct refusal refusals[] = {
    /* --- SelectStmt */
    {"SELECT (WITH x AS (DELETE FROM t RETURNING id) SELECT count(*) FROM x)", 14,
     "WITH clause containing a data-modifying statement must be at the top level"},
    {"INSERT INTO u WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x", 20,
     "WITH clause containing a data-modifying statement must be at the top level"},
    {"WITH x AS (DELETE FROM t) SELECT * FROM x", 41, "WITH query \"x\" does not have a RETURNING clause"},
    {"WITH x AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE) SELECT 1", 6,
     "MERGE not supported in WITH query"},
    {"CREATE VIEW x AS WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x", 0,
     "views must not contain data-modifying statements in WITH"},
    {"WITH RECURSIVE x AS ((SELECT 1 UNION SELECT 2) UNION SELECT * FROM x) CYCLE a SET c USING p SELECT 1", 0,
     "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT"},
    {"WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT * FROM x) SELECT 1", 16,
     "mutual recursion between WITH items is not implemented"},
    {"SELECT id INTO TEMP x FROM t", 21, "a temporary or unlogged table"},
    {"SELECT xmin FROM t", 8, "system column xmin"},
    {"SELECT t.xmax FROM t", 8, "system column xmax"},
    {"UPDATE t SET a = 'y' WHERE ctid = '(0,1)'", 28, "system column ctid"},
    {"SELECT id FROM t ORDER BY cmin", 27, "system column cmin"},
    {"INSERT INTO t (id) VALUES (4) RETURNING cmax", 41, "system column cmax"},
    {"UPDATE t SET xmin = 3", 14, "cannot assign to system column \"xmin\""},
    {"CREATE INDEX ON t (xmin)", 17, "index creation on system columns"},
    {"CREATE INDEX ON t ((tableoid::text))", 21, "system column tableoid is not supported in index expressions"},
    {"CREATE TABLE x (a int, CHECK (tableoid > 0))", 31,
     "system column tableoid is not supported in check constraints"},
    {"ALTER TABLE t ADD CHECK (xmin IS NULL)", 26, "system column xmin"},
    {"VALUES (1) FOR UPDATE", 0, "FOR UPDATE cannot be applied to VALUES"},
    {"SELECT b FROM t UNION SELECT 1 FOR UPDATE", 0, "FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT"},
    {"SELECT DISTINCT b FROM t FOR SHARE", 0, "FOR SHARE is not allowed with DISTINCT clause"},
    {"SELECT b FROM t GROUP BY b FOR KEY SHARE", 0, "FOR KEY SHARE is not allowed with GROUP BY clause"},
    {"SELECT 1 FROM t HAVING true FOR UPDATE", 0, "FOR UPDATE is not allowed with HAVING clause"},
    {"SELECT count(*) FROM t FOR UPDATE", 0, "FOR UPDATE is not allowed with aggregate functions"},
    {"SELECT rank() OVER (ORDER BY b) FROM t FOR UPDATE", 0, "FOR UPDATE is not allowed with window functions"},
    {"SELECT generate_series(1, b) FROM t FOR UPDATE", 0,
     "FOR UPDATE is not allowed with set-returning functions in the target list"},
    {"SELECT t.b FROM t LEFT JOIN u ON t.id = u.id FOR NO KEY UPDATE", 0,
     "FOR NO KEY UPDATE cannot be applied to the nullable side of an outer join"},
    {"SELECT * FROM shown FOR UPDATE", 15, "FOR UPDATE of what is no table"},
    {"SELECT * FROM (SELECT 1) AS s FOR UPDATE OF s", 45, "FOR UPDATE of what is no table"},
    {"SELECT b FROM t AT OFFSET 1 FOR UPDATE", 15, "FOR UPDATE of a past moment"},
    {"CREATE VIEW x AS SELECT b FROM t FOR UPDATE", 13, "FOR UPDATE in a view"},
    {"DECLARE c CURSOR WITH HOLD FOR SELECT b FROM t FOR UPDATE", 0,
     "DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported"},
    {"DECLARE c SCROLL CURSOR FOR SELECT b FROM t FOR UPDATE", 0,
     "DECLARE SCROLL CURSOR ... FOR UPDATE is not supported"},
    {"SELECT FROM (SELECT 1) x AT OFFSET 0", 26, "time travel in a query without a select list over queries alone"},
    /* --- FROM items */
    {"SELECT * FROM other.public.t", 15, "cross-database references are not implemented: \"other.public.t\""},
    {"SELECT * FROM kimberlite_history(t) WITH ORDINALITY", 15, "this form of kimberlite_history"},
    {"SELECT * FROM ROWS FROM (kimberlite_history(t), generate_series(1, 2))", 26, "this form of kimberlite_history"},
    {"SELECT * FROM json_to_record('{}') AS h (a int[])", 15, "json_to_record with a column of an array"},
    {"SELECT * FROM ROWS FROM (json_to_record('{}'), generate_series(1, 2))", 26,
     "json_to_record in ROWS FROM or WITH ORDINALITY"},
    {"SELECT * FROM json_populate_record(ROW(1), '{}')", 36, "json_populate_record of anything but NULL::table"},
    {"SELECT * FROM ROWS FROM (generate_series(1, 2), abs(1))", 49, "a function of one value in ROWS FROM"},
    {"SELECT generate_series(1, 2) AS g GROUP BY g", 8, "a set-returning function in GROUP BY"},
    {"SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b text)", 15, "XMLTABLE"},
    {"SELECT * FROM t FOR SYSTEM_TIME CONTAINED IN ('1', '2')", 17, "FOR SYSTEM_TIME CONTAINED IN"},
    {"SELECT * FROM t FOR SYSTEM_TIME BETWEEN SYMMETRIC '1' AND '2'", 17, "FOR SYSTEM_TIME BETWEEN SYMMETRIC"},
    /* --- expressions */
    {"SELECT DISTINCT t FROM t", 17, "DISTINCT or PARTITION BY of a row"},
    {"SELECT rank() OVER (PARTITION BY t ORDER BY b) FROM t", 34, "DISTINCT or PARTITION BY of a row"},
    {"SELECT rank() OVER (ORDER BY t) FROM t", 30, "this place of an order by a row"},
    {"SELECT t FROM t UNION SELECT t FROM t", 8, "a row as a column of UNION"},
    {"SELECT b FROM t WHERE t IN (SELECT t FROM t)", 36, "a row as a column of a subquery that is compared with"},
    {"SELECT ((SELECT t FROM t)).a", 8, "a part of a row that a subquery gives"},
    {"SELECT NULLIF(t, t) FROM t", 8, "NULLIF of rows"},
    {"SELECT GREATEST(t, t) FROM t", 8, "GREATEST of rows"},
    {"SELECT pg_typeof(t) FROM t", 8, "pg_typeof of a row"},
    {"CREATE VIEW x AS SELECT t FROM t", 25, "a row as a column of a view"},
    {"CREATE TABLE x AS SELECT t FROM t", 26, "a row as a column of a table"},
    {"WITH RECURSIVE x AS (SELECT t FROM t UNION ALL SELECT t FROM x) SELECT 1", 29,
     "a row as a column of a recursive query"},
    {"SELECT (random(), 2) < (1, 2)", 22, "the order of rows with a volatile or queried field"},
    {"SELECT B'101'", 8, "a bit string literal"},
    {"SELECT X'1F'", 8, "a bit string literal"},
    {"SELECT a COLLATE \"de_DE\" FROM t", 10, "collation \"de_DE\""},
    {"SELECT a COLLATE other.\"C\" FROM t", 10, "collation \"other.C\""},
    {"SELECT CURRENT_TIME", 8, "CURRENT_TIME (type time with time zone)"},
    {"SELECT '$.a'::jsonpath", 15, "type jsonpath"},
    {"SELECT COLLATION FOR (a) FROM t", 8, "function pg_collation_for"},
    {"SELECT XMLELEMENT(NAME x)", 8, "XML"},
    {"SELECT XMLSERIALIZE(CONTENT a AS text) FROM t", 8, "XML"},
    {"SELECT a IS DOCUMENT FROM t", 10, "XML"},
    /* --- FuncCall, WindowDef */
    {"SELECT rank(1) WITHIN GROUP (ORDER BY b) OVER () FROM t", 8,
     "OVER is not supported for ordered-set aggregate rank"},
    {"SELECT dense_rank(1, 2) WITHIN GROUP (ORDER BY b, id) FROM t", 8, "dense_rank of several ordering columns"},
    /* --- TypeName */
    {"SELECT 1::bit(3)", 11, "type bit"},
    {"SELECT '1'::xml", 13, "type xml"},
    {"SELECT '1'::money", 13, "type money"},
    {"CREATE TABLE n (a regclass)", 19, "a column of type regclass"},
    {"SELECT '12:00'::time with time zone", 17, "type timetz"},
    {"SELECT rank(b) WITHIN GROUP (ORDER BY id) FROM t GROUP BY ROLLUP (b)", 0,
     "rank of a column's value with GROUPING SETS"},
    /* --- InsertStmt, OnConflictClause */
    /* --- UpdateStmt, DeleteStmt */
    /* --- CreateStmt */
    {"CREATE TEMP TABLE x (a int)", 19, "a temporary or unlogged table"},
    {"CREATE UNLOGGED TABLE x (a int)", 23, "a temporary or unlogged table"},
    {"CREATE TEMP TABLE x (a int) ON COMMIT DROP", 19, "a temporary or unlogged table"},
    {"CREATE TABLE x () INHERITS (t)", 14, "INHERITS"},
    {"CREATE TABLE x (a int) PARTITION BY RANGE (a)", 14, "PARTITION BY"},
    {"CREATE TABLE x PARTITION OF t DEFAULT", 14, "PARTITION OF"},
    {"CREATE TABLE x OF t", 14, "a table of a composite type"},
    {"CREATE TABLE x (a int) WITH (toast_tuple_target = 70)", 30, "storage parameter \"toast_tuple_target\""},
    {"CREATE TABLE x (a int) ON COMMIT DROP", 14, "ON COMMIT"},
    {"CREATE TABLE x (a int) TABLESPACE s", 14, "TABLESPACE"},
    {"CREATE TABLE x (a int) USING heap", 14, "USING (table access method)"},
    {"CREATE TEMP TABLE x AS SELECT 1", 19, "a temporary or unlogged table"},
    {"CREATE TABLE x USING heap AS SELECT 1", 14, "USING (table access method)"},
    {"CREATE TABLE x WITH (autovacuum_enabled = off) AS SELECT 1", 22, "storage parameter \"autovacuum_enabled\""},
    {"CREATE TABLE x ON COMMIT DROP AS SELECT 1", 14, "ON COMMIT"},
    {"CREATE TABLE x TABLESPACE s AS SELECT 1", 14, "TABLESPACE"},
    {"CREATE VIEW x AS SELECT id INTO y FROM t", 0, "views must not contain SELECT INTO"},
    {"CREATE TABLE other.public.x (a int)", 14, "cross-database references are not implemented: \"other.public.x\""},
    /* --- ColumnDef, Constraint */
    {"CREATE TABLE x (a text COMPRESSION pglz)", 17, "COMPRESSION"},
    {"CREATE TABLE x (a text COLLATE \"de_DE\")", 24, "collation \"de_DE\""},
    {"CREATE TABLE x (a int, EXCLUDE (a WITH =))", 24, "an exclusion constraint"},
    {"CREATE TABLE x (a int UNIQUE DEFERRABLE)", 30, "DEFERRABLE"},
    {"CREATE TABLE x (a int UNIQUE INITIALLY DEFERRED)", 30, "DEFERRABLE"},
    {"CREATE TABLE x (a int, UNIQUE (a) DEFERRABLE)", 24, "a deferrable constraint"},
    {"CREATE TABLE x (a int, PRIMARY KEY (a) INITIALLY DEFERRED)", 24, "a deferrable constraint"},
    {"CREATE TABLE x (a int, b int, PRIMARY KEY (a) INCLUDE (b))", 31, "INCLUDE"},
    {"CREATE TABLE x (a int UNIQUE WITH (fillfactor = 70))", 23, "an option of a constraint's index"},
    {"CREATE TABLE x (a int, UNIQUE (a) USING INDEX TABLESPACE s)", 24, "an option of a constraint's index"},
    {"CREATE TABLE x (a int CHECK (a > 0) NO INHERIT)", 23, "NO INHERIT"},
    /* --- IndexStmt, IndexElem */
    {"CREATE INDEX ON t USING hash (b)", 17, "index access method \"hash\""},
    {"CREATE INDEX ON t (b) INCLUDE ((b + 1))", 0, "expressions are not supported in included columns"},
    {"CREATE INDEX ON t (b) INCLUDE (a DESC)", 0, "including column does not support ASC/DESC options"},
    {"CREATE INDEX ON t (((SELECT 1)))", 21, "cannot use subquery in index expression"},
    {"CREATE INDEX ON t (b) WHERE EXISTS (SELECT 1)", 29, "cannot use subquery in index predicate"},
    {"CREATE INDEX ON ONLY t (b)", 22, "ONLY"},
    {"CREATE INDEX ON t (b) WITH (deduplicate_items = off)", 29, "storage parameter \"deduplicate_items\""},
    {"CREATE INDEX ON t (b) TABLESPACE s", 17, "TABLESPACE"},
    {"CREATE INDEX ON t (b COLLATE \"de_DE\")", 17, "collation \"de_DE\""},
    /* --- AlterTableStmt, RenameStmt, DropStmt */
    {"ALTER TABLE shown ALTER COLUMN id SET DEFAULT 5", 13, "a default of a view's column"},
    {"ALTER TABLE t RENAME COLUMN id TO x", 0, "renaming a column that view joined joins by name"},
    {"ALTER TABLE t ADD UNIQUE (b) DEFERRABLE", 19, "this form of ADD CONSTRAINT"},
    {"ALTER TABLE t ADD CHECK (b > 0) NO INHERIT", 19, "NO INHERIT"},
    {"ALTER TABLE t ALTER COLUMN b TYPE int USING (SELECT 1)", 45, "cannot use subquery in transform expression"},
    {"ALTER TABLE t ALTER COLUMN b SET STATISTICS 5", 13, "ALTER TABLE action SetStatistics"},
    {"ALTER TABLE t ALTER COLUMN b SET STORAGE PLAIN", 13, "ALTER TABLE action SetStorage"},
    {"ALTER TABLE t OWNER TO x, SET LOGGED", 13, "ALTER TABLE action ChangeOwner"},
    {"ALTER DATABASE d OWNER TO x", 1, "OWNER TO of anything but a schema, a relation or a type"},
    {"ALTER TABLE t INHERIT u", 13, "ALTER TABLE action AddInherit"},
    {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", 13, "ALTER TABLE action EnableRowSecurity"},
    {"ALTER TABLE t SET (fillfactor = 70)", 13, "ALTER TABLE action SetRelOptions"},
    {"ALTER TABLE t CLUSTER ON t_b", 13, "ALTER TABLE action ClusterOn"},
    {"ALTER INDEX t_b SET (fillfactor = 70)", 13, "ALTER of anything but a table"},
    {"ALTER FUNCTION f() SET SCHEMA x", 1, "SET SCHEMA of anything but a table, a view, a sequence or a type"},
    {"DROP TABLE other.public.t", 0, "cross-database references are not implemented: \"other.public.t\""},
    {"DROP FUNCTION x", 1, "DROP FUNCTION"},
    {"DROP POLICY p ON t", 1, "DROP POLICY"},
    /* --- TransactionStmt, VariableSetStmt, VariableShowStmt */
    {"PREPARE TRANSACTION 'a'", 1, "two-phase commit"},
    {"COMMIT PREPARED 'a'", 1, "two-phase commit"},
    {"ROLLBACK PREPARED 'a'", 1, "two-phase commit"},
    {"SET TRANSACTION SNAPSHOT 'x'", 1, "SET TRANSACTION SNAPSHOT"},
    {"SET timezone FROM CURRENT", 1, "SET ... FROM CURRENT"},
    {"SET search_path TO 1", 1, "this value of search_path"},
    {"SET ROLE x", 1, "setting role to \"x\" (it is always none)"},
    {"SET SESSION AUTHORIZATION x", 1, "setting session_authorization to \"x\""},
    {"ALTER ROLE r SET work_mem = 1", 1, "ALTER ROLE ... SET"},
    {"CREATE ROLE r IN ROLE s", 15, "membership in a role"},
    {"CREATE ROLE r ADMIN s", 15, "membership in a role"},
    /* --- ExplainStmt */
    {"EXPLAIN (ANALYZE, WAL) SELECT 1", 0, "EXPLAIN WAL"},
    {"EXPLAIN CREATE MATERIALIZED VIEW x AS SELECT 1", 1, "CREATE MATERIALIZED VIEW"},
    /* --- whole statements */
    {"MERGE INTO shown USING u ON true WHEN MATCHED THEN DO NOTHING", 0, "cannot execute MERGE on relation \"shown\""},
    {"CREATE TEMP VIEW v AS SELECT 1", 18, "a temporary view"},
    {"CREATE VIEW v WITH (security_barrier) AS SELECT 1", 13, "security_barrier of a view"},
    {"CREATE VIEW v AS SELECT 1 AS a WITH CHECK OPTION", 0,
     "WITH CHECK OPTION is supported only on automatically updatable views"},
    {"CREATE VIEW v AS SELECT count(*) FROM t WITH CHECK OPTION", 0,
     "WITH CHECK OPTION is supported only on automatically updatable views"},
    {"CREATE VIEW v AS SELECT id + 1 AS a FROM t WITH CHECK OPTION", 0,
     "WITH CHECK OPTION is supported only on automatically updatable views"},
    {"CREATE VIEW v AS SELECT id FROM t AT OFFSET 1", 35, "time travel in a view"},
    {"CREATE MATERIALIZED VIEW v AS SELECT 1", 1, "CREATE MATERIALIZED VIEW"},
    {"REFRESH MATERIALIZED VIEW v", 1, "REFRESH MATERIALIZED VIEW"},
    {"CREATE TEMP SEQUENCE s", 22, "a temporary or unlogged sequence"},
    {"CREATE SCHEMA AUTHORIZATION x", 1, "CREATE SCHEMA AUTHORIZATION"},
    {"CREATE SCHEMA s GRANT SELECT ON t TO x", 1, "GRANT or REVOKE in CREATE SCHEMA"},
    {"CREATE DATABASE d", 1, "CREATE DATABASE"},
    {"DROP DATABASE d", 1, "DROP DATABASE"},
    {"CREATE TYPE x AS (a int)", 1, "CREATE TYPE"},
    {"CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'", 1, "CREATE FUNCTION or PROCEDURE"},
    {"CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION h()", 1, "CREATE TRIGGER"},
    {"CREATE RULE r AS ON INSERT TO t DO NOTHING", 1, "CREATE RULE"},
    {"CREATE POLICY p ON t", 1, "CREATE POLICY"},
    {"GRANT SELECT ON t TO r", 1, "GRANT or REVOKE"},
    {"REVOKE SELECT ON t FROM r", 1, "GRANT or REVOKE"},
    {"GRANT a TO b", 1, "GRANT or REVOKE"},
    {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO r", 1, "ALTER DEFAULT PRIVILEGES"},
    {"CREATE EXTENSION e", 1, "extension \"e\" is not available"},
    {"CREATE TABLE x (a int REFERENCES t MATCH PARTIAL)", 36, "MATCH PARTIAL not yet implemented"},
    {"CREATE FOREIGN TABLE x (a int) SERVER s", 1, "CREATE FOREIGN TABLE"},
    {"CREATE PUBLICATION p FOR ALL TABLES", 1, "CREATE PUBLICATION"},
    {"CREATE STATISTICS s ON a, b FROM t", 1, "CREATE STATISTICS"},
    {"COPY t FROM '/tmp/x'", 1, "COPY from a file on the server"},
    {"COPY (SELECT 1) TO '/tmp/x'", 1, "COPY to a file on the server"},
    {"COPY t FROM PROGRAM 'cat'", 1, "COPY ... PROGRAM"},
    {"COPY t FROM STDIN (ENCODING 'latin1')", 20, "encoding \"latin1\""},
    {"COPY (SELECT 1 INTO x) TO STDOUT", 0, "COPY (SELECT INTO)"},
    {"COPY (DELETE FROM t) TO STDOUT", 0, "COPY query must have a RETURNING clause"},
    {"COPY t FROM STDIN WHERE EXISTS (SELECT 1)", 25, "cannot use subquery in COPY FROM WHERE condition"},
    {"REINDEX TABLE t", 1, "REINDEX"},
    {"CLUSTER t USING t_b", 1, "CLUSTER"},
    {"CHECKPOINT", 1, "CHECKPOINT"},
    {"COMMENT ON FUNCTION f() IS 'x'", 1, "COMMENT ON FUNCTION"},
    {"COMMENT ON DATABASE d IS 'x'", 1, "COMMENT ON DATABASE"},
    {"SECURITY LABEL ON TABLE t IS 'x'", 1, "SECURITY LABEL"},
    {"DECLARE c BINARY CURSOR FOR SELECT 1", 1, "a binary cursor"},
    {"DECLARE c CURSOR FOR WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x", 0,
     "DECLARE CURSOR must not contain data-modifying statements in WITH"},
    {"UPDATE shown SET id = 1 WHERE CURRENT OF c", 0, "WHERE CURRENT OF on a view is not implemented"},
    {"DELETE FROM shown WHERE CURRENT OF c", 0, "WHERE CURRENT OF on a view is not implemented"},
    {"DO $$BEGIN FOR i IN 1..2 LOOP NULL; END LOOP; END$$", 12, "FOR in the code of DO"},
    {"DO $$BEGIN IF found THEN NULL; END IF; END$$", 15, "FOUND in the code of DO"},
    {"DO $$DECLARE x int; BEGIN x := 1; END$$", 6, "DECLARE in the code of DO"},
    {"DO $$BEGIN COMMIT; END$$", 12, "COMMIT in the code of DO"},
    {"DO $$BEGIN EXECUTE 'SELECT 1' INTO x; END$$", 31, "EXECUTE ... INTO and USING in the code of DO"},
    {"CALL g()", 1, "CALL"},
    {"LOAD 'x'", 1, "LOAD"},
};

static void what_is_not_built_is_refused(void **state) {
    (void)state;
    char message[160];
    unsigned wrong = 0;
    uint64_t sequence = f->kernel->head->sequence;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct refusal *refusal = &refusals[i];
        (void)snprintf(message, sizeof(message), "%s is not supported", refusal->what);
        enum kmb_status status = sql_fixture_text(f, refusal->text, NULL);
        if (status != KMB_UNSUPPORTED || f->error.position != refusal->position ||
            (strcmp(f->error.message, message) != 0 && strcmp(f->error.message, refusal->what) != 0)) {
            print_message("{\"%s\", %u, \"%s\"}, %s\n", refusal->text, f->error.position, f->error.message,
                          status_row_of(status)->sqlstate);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(f->kernel->head->sequence, sequence);
}

/* Every statement of the grammar that nothing here builds has a name of SQL's own, not the parse tree's. */
static void refused_statements_have_names(void **state) {
    (void)state;
    static const char *const built_or_inner[] = {"view_stmt",          "truncate_stmt",         "select_stmt",
                                                 "insert_stmt",        "update_stmt",           "delete_stmt",
                                                 "explain_stmt",       "create_stmt",           "index_stmt",
                                                 "drop_stmt",          "alter_table_stmt",      "create_seq_stmt",
                                                 "alter_seq_stmt",     "rename_stmt",           "transaction_stmt",
                                                 "raw_stmt",           "return_stmt",           "merge_stmt",
                                                 "prepare_stmt",       "execute_stmt",          "deallocate_stmt",
                                                 "set_operation_stmt", "replica_identity_stmt", "variable_show_stmt",
                                                 "variable_set_stmt",  "plassign_stmt",         "constraints_set_stmt",
                                                 "comment_stmt",       "create_table_as_stmt",  "declare_cursor_stmt",
                                                 "fetch_stmt",         "close_portal_stmt",     "discard_stmt",
                                                 "copy_stmt",          "create_enum_stmt",      "alter_enum_stmt",
                                                 "create_domain_stmt", "alter_domain_stmt",     "vacuum_stmt",
                                                 "create_role_stmt",   "alter_role_stmt",       "drop_role_stmt"};
    unsigned named = 0;
    for (unsigned i = 0; i < pg_query__node__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &pg_query__node__descriptor.fields[i];
        size_t length = strlen(field->name);
        bool statement = length > 5 && strcmp(field->name + length - 5, "_stmt") == 0;
        for (size_t k = 0; k < sizeof(built_or_inner) / sizeof(*built_or_inner); k++) {
            statement = statement && strcmp(field->name, built_or_inner[k]) != 0;
        }
        if (!statement) {
            continue;
        }
        PgQuery__Node node = PG_QUERY__NODE__INIT;
        node.node_case = (PgQuery__Node__NodeCase)field->id;
        const char *name = bind_statement_name(&node);
        if (strstr(name, "_stmt") != NULL) {
            print_message("%s has no name\n", field->name);
        }
        assert_null(strstr(name, "_stmt"));
        named++;
    }
    assert_true(named > 50);
}

/* Taken, because it asks for what is so anyway. */
static void what_changes_nothing_is_taken(void **state) {
    (void)state;
    ROWS("SELECT id FROM ONLY t ORDER BY id", "1\n2\n"); /* no table has children */
    ROWS("SELECT id FROM t * ORDER BY id LIMIT ALL", "1\n2\n");
    ROWS("SELECT id FROM t ORDER BY id FETCH FIRST ROW ONLY", "1\n");
    ROWS("SELECT ALL id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", "2\n");
    ROWS("SELECT id FROM t ORDER BY id LIMIT NULL OFFSET NULL", "1\n2\n");
    ROWS("SELECT id FROM t WHERE id = 1 FOR READ ONLY", "1\n");
    ROWS("SELECT pg_catalog.lower('A'), 1 OPERATOR(pg_catalog.+) 2, 1::pg_catalog.int8", "a|3|1\n");
    ROWS("SELECT 'b' COLLATE \"C\" < 'a' COLLATE pg_catalog.\"POSIX\"", "f\n");
    SQL("UPDATE ONLY u SET (t_id, id) = ROW(7, id) WHERE id = 2");
    SQL("DELETE FROM ONLY u WHERE id = 2");
    SQL("CREATE TABLE x (a text COLLATE \"C\" NULL, b int CONSTRAINT named NOT NULL) WITHOUT OIDS");
    SQL("ALTER TABLE ONLY x ADD COLUMN c int, DROP COLUMN a CASCADE");
    ROWS("SHOW COLUMNS FROM x", "b|integer|f\nc|integer|t\n");
    SQL("CREATE INDEX x_b ON x USING btree (b ASC NULLS LAST, c DESC NULLS FIRST)");
    SQL("DROP INDEX x_b RESTRICT");
    SQL("DROP TABLE x CASCADE");
    SQL("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE");
    SQL("ROLLBACK AND NO CHAIN");
    SQL("SET SESSION datestyle = 'ISO'");
    REFUSED("CREATE TABLE x (a int COLLATE \"C\")", "42804", 23, "collations are not supported by type integer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_built_is_refused),
        cmocka_unit_test(refused_statements_have_names),
        cmocka_unit_test(what_changes_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
