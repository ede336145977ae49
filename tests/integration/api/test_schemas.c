/*
 * Schemas and search_path: what is told of errors, of the past, of sessions side by side, and of a database opened or
 * rebuilt, through the public header alone.
 */
#include "box.h"

static void errors_are_postgresqls(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SCHEMA s");
    ASK(box->one, "CREATE TABLE s.t (id serial PRIMARY KEY, a int)");
    ASK(box->one, "CREATE VIEW v AS SELECT a FROM s.t");
    REFUSED(box->one, "CREATE SCHEMA s", KMB_DUPLICATE_SCHEMA, "schema \"s\" already exists");
    REFUSED(box->one, "CREATE SCHEMA pg_s", KMB_RESERVED_NAME, "unacceptable schema name \"pg_s\"");
    REFUSED(box->one, "CREATE SCHEMA x CREATE TABLE y.t (i int)", KMB_INVALID_SCHEMA_DEFINITION,
            "CREATE specifies a schema (y) different from the one being created (x)");
    REFUSED(box->one, "ALTER SCHEMA s RENAME TO public", KMB_DUPLICATE_SCHEMA, "schema \"public\" already exists");
    REFUSED(box->one, "ALTER SCHEMA x RENAME TO y", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "DROP SCHEMA x", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "CREATE TABLE x.t (i int)", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "DROP TABLE x.t", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "ALTER TABLE s.t SET SCHEMA x", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "SELECT nextval('x.t')", KMB_UNDEFINED_SCHEMA, "schema \"x\" does not exist");
    REFUSED(box->one, "SELECT * FROM x.t", KMB_UNDEFINED_TABLE, "relation \"x.t\" does not exist");
    REFUSED(box->one, "DROP SCHEMA s", KMB_DEPENDENT_OBJECTS,
            "cannot drop schema s because other objects depend on it");
    REFUSED(box->one, "DROP TABLE s.t", KMB_DEPENDENT_OBJECTS,
            "cannot drop table s.t because other objects depend on it");
    REFUSED(box->one, "ALTER SEQUENCE s.t_id_seq SET SCHEMA public", KMB_UNSUPPORTED,
            "cannot move an owned sequence into another schema");
    REFUSED(box->one, "CREATE TABLE pg_catalog.t (i int)", KMB_PERMISSION,
            "permission denied to create \"pg_catalog.t\"");
    REFUSED(box->one, "SELECT other.s.t.a FROM s.t", KMB_UNSUPPORTED,
            "cross-database references are not implemented: other.s.t.a");
    REFUSED(box->one, "SELECT a.b.c.d.e FROM s.t", KMB_SYNTAX, "improper qualified name (too many dotted names)");
    assert_int_equal(ASK(box->one, "SELECT count(kimberlite.s.t.a) FROM kimberlite.s.t"), 0);
    ASK(box->one, "CREATE TABLE t (id int)");
    REFUSED(box->one, "SELECT t.id FROM s.t, public.t", KMB_AMBIGUOUS_ALIAS, "table reference \"t\" is ambiguous");
    REFUSED(box->one, "ALTER TABLE t SET SCHEMA s", KMB_DUPLICATE_TABLE,
            "relation \"t\" already exists in schema \"s\"");
    ASK(box->one, "SET search_path TO nowhere");
    REFUSED(box->one, "CREATE TABLE n (id int)", KMB_UNDEFINED_SCHEMA, "no schema has been selected to create in");
}

/* The past has the schemas of then; what was moved is found where it was. */
static void schemas_of_their_time(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SCHEMA a");
    ASK(box->one, "CREATE TABLE a.t (id int PRIMARY KEY)");
    ASK(box->one, "CREATE VIEW a.v AS SELECT count(*) AS n FROM a.t");
    ASK(box->one, "INSERT INTO a.t VALUES (1)"); /* position 1 */
    ASK(box->one, "ALTER SCHEMA a RENAME TO b");
    ASK(box->one, "INSERT INTO b.t VALUES (2)"); /* position 2 */
    ASK(box->one, "ALTER TABLE b.t SET SCHEMA public");
    ASK(box->one, "INSERT INTO t VALUES (3)"); /* position 3 */
    ASK(box->one, "DROP SCHEMA b CASCADE");
    ASK(box->one, "INSERT INTO t VALUES (4)"); /* position 4 */
    for (int open = 0; open < 2; open++) {
        assert_int_equal(ASK(box->one, "SELECT count(*) FROM a.t AT OFFSET 0"), 0);
        assert_int_equal(ASK(box->one, "SELECT n FROM b.v AT OFFSET 1"), 1);
        assert_int_equal(ASK(box->one, "SELECT n FROM b.v AT OFFSET 2"), 2);
        assert_int_equal(ASK(box->one, "SELECT count(*) FROM t AT OFFSET 3"), 3);
        REFUSED(box->one, "SELECT * FROM b.t AT OFFSET 3", KMB_UNDEFINED_TABLE, "relation \"b.t\" does not exist");
        REFUSED(box->one, "SELECT * FROM b.v", KMB_UNDEFINED_TABLE, "relation \"b.v\" does not exist");
        const char *schemata = "SELECT count(*) FROM information_schema.schemata AT OFFSET %d WHERE schema_name = '%s'";
        static const struct {
            int offset;
            const char *name;
            int count;
        } then[] = {{0, "a", 1}, {1, "a", 0}, {1, "b", 1}, {2, "b", 1}, {3, "b", 0}, {3, "public", 1}};
        for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
            char text[160];
            (void)snprintf(text, sizeof(text), schemata, then[i].offset, then[i].name);
            assert_int_equal(ASK(box->one, text), then[i].count);
        }
        box_close(box);
        box_open(box);
    }
}

/* A plan that is kept is of the search_path it was made in. */
static void kept_plans_follow_the_path(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SCHEMA a");
    ASK(box->one, "CREATE SCHEMA b");
    ASK(box->one, "CREATE TABLE a.t (id int PRIMARY KEY, v int)");
    ASK(box->one, "CREATE TABLE b.t (id int PRIMARY KEY, v int)");
    ASK(box->one, "INSERT INTO a.t SELECT n, 1 FROM generate_series(1, 9) AS n");
    ASK(box->one, "INSERT INTO b.t SELECT n, 2 FROM generate_series(1, 9) AS n");
    ASK(box->one, "SET search_path TO a");
    for (int i = 1; i < 8; i++) {
        char text[64];
        ASK(box->one, i % 2 == 0 ? "SET search_path TO a" : "SET search_path TO b");
        for (int k = 1; k < 5; k++) {
            (void)snprintf(text, sizeof(text), "SELECT v FROM t WHERE id = %d", k);
            assert_int_equal(ASK(box->one, text), i % 2 == 0 ? 1 : 2);
        }
        ASK(box->one, "BEGIN");
        ASK(box->one, i % 2 == 0 ? "SET LOCAL search_path TO b" : "SET LOCAL search_path TO a");
        assert_int_equal(ASK(box->one, "SELECT v FROM t WHERE id = 7"), i % 2 == 0 ? 2 : 1);
        ASK(box->one, "ROLLBACK");
    }
    kmb_statement *statement = NULL;
    const char *sql = "SELECT max(v) FROM t";
    MUST(kmb_prepare(box->one, sql, strlen(sql), &statement, NULL, &error));
    for (int i = 0; i < 4; i++) {
        ASK(box->one, i % 2 == 0 ? "SET search_path TO a" : "SET search_path TO b");
        struct kmb_error error = {0};
        assert_int_equal(kmb_step(statement, &error), KMB_ROW);
        assert_int_equal(kmb_column_int64(statement, 0), i % 2 == 0 ? 1 : 2);
        kmb_reset(statement);
    }
    kmb_finalize(statement);
}

/* Whoever commits second loses. */
static void dropped_while_another_makes(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SCHEMA s");
    ASK(box->one, "BEGIN");
    ASK(box->one, "CREATE TABLE s.t (id int)");
    ASK(box->two, "DROP SCHEMA s");
    REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");
    ASK(box->one, "BEGIN");
    ASK(box->one, "CREATE SCHEMA s CREATE TABLE t (id int) CREATE VIEW v AS SELECT id FROM t");
    ASK(box->one, "INSERT INTO s.t VALUES (1)");
    REFUSED(box->two, "SELECT * FROM s.t", KMB_UNDEFINED_TABLE, "does not exist");
    ASK(box->one, "ALTER SCHEMA s RENAME TO r");
    assert_int_equal(ASK(box->one, "SELECT id FROM r.v"), 1);
    ASK(box->one, "ROLLBACK");
    REFUSED(box->one, "SELECT * FROM r.v", KMB_UNDEFINED_TABLE, "does not exist");
    ASK(box->one, "CREATE SCHEMA r");
}

static void append_one(struct box *box, const char *table, int64_t id) {
    kmb_appender *appender = NULL;
    MUST(kmb_appender_open(box->one, table, &appender, &error));
    MUST(kmb_append_int64(appender, id, &error));
    MUST(kmb_append_default(appender, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_appender_flush(appender, NULL, &error));
    kmb_appender_close(appender);
}

static void the_appender_names_schemas(void **state) {
    struct box *box = *state;
    kmb_appender *appender = NULL;
    struct kmb_error error = {0};
    ASK(box->one, "CREATE SCHEMA s");
    ASK(box->one, "CREATE TABLE s.t (id int, n serial)");
    ASK(box->one, "CREATE TABLE t (id int, n serial)");
    ASK(box->one, "CREATE TABLE s.\"odd.name\" (id int, n int DEFAULT 4)");
    append_one(box, "s.t", 10);
    append_one(box, "t", 20);
    append_one(box, "s.\"odd.name\"", 30);
    append_one(box, "\"s\".\"t\"", 11);
    ASK(box->one, "SET search_path TO s");
    append_one(box, "t", 12);
    append_one(box, "\"odd.name\"", 31);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM s.t"), 33);
    assert_int_equal(ASK(box->one, "SELECT max(n) FROM s.t"), 3);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM public.t"), 20);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM \"odd.name\""), 61);
    assert_int_equal(kmb_appender_open(box->one, "x.t", &appender, &error), KMB_UNDEFINED_TABLE);
    assert_string_equal(error.message, "relation \"x.t\" does not exist");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_are_postgresqls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schemas_of_their_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kept_plans_follow_the_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropped_while_another_makes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_appender_names_schemas, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
