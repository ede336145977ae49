/*
 * What sequences and foreign keys promise of sessions side by side, of a database opened again, and of the past:
 * through the public header alone.
 */
#include "box.h"

/* --- sequences ---------------------------------------------------------------------------------------------------- */

static void no_value_twice(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE t (id serial PRIMARY KEY, v text)");
    ASK(box->one, "BEGIN");
    ASK(box->two, "BEGIN");
    assert_int_equal(ASK(box->one, "INSERT INTO t (v) VALUES ('a') RETURNING id"), 1);
    assert_int_equal(ASK(box->two, "INSERT INTO t (v) VALUES ('b') RETURNING id"), 2);
    assert_int_equal(ASK(box->one, "INSERT INTO t (v) VALUES ('c') RETURNING id"), 3);
    REFUSED(box->two, "SELECT currval('s')", KMB_UNDEFINED_TABLE, "relation \"s\" does not exist");
    ASK(box->two, "ROLLBACK");
    ASK(box->two, "BEGIN");
    assert_int_equal(ASK(box->two, "INSERT INTO t (v) VALUES ('d') RETURNING id"), 4);
    /* Who took the later turn commits first; the earlier one does not turn the sequence back. */
    ASK(box->two, "COMMIT");
    ASK(box->one, "COMMIT");
    assert_int_equal(ASK(box->one, "SELECT currval('t_id_seq')"), 3);
    assert_int_equal(ASK(box->two, "SELECT lastval()"), 4);
    box_close(box);
    box_open(box);
    REFUSED(box->one, "SELECT lastval()", KMB_OBJECT_NOT_IN_STATE, "not yet defined");
    assert_int_equal(ASK(box->one, "SELECT last_value FROM t_id_seq"), 4);
    assert_int_equal(ASK(box->one, "SELECT nextval('t_id_seq')"), 5);
}

static void a_savepoint_gives_nothing_back(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SEQUENCE s");
    ASK(box->one, "BEGIN");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 1);
    ASK(box->one, "SAVEPOINT a");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 2);
    ASK(box->one, "ROLLBACK TO a");
    assert_int_equal(ASK(box->two, "SELECT nextval('s')"), 3);
    ASK(box->one, "SAVEPOINT b");
    ASK(box->one, "ALTER SEQUENCE s INCREMENT 10 RESTART 100");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 100);
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 110);
    ASK(box->one, "ROLLBACK TO b");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 4);
    ASK(box->one, "ROLLBACK TO a");
    ASK(box->one, "COMMIT");
    box_close(box);
    box_open(box);
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 5); /* 4 was taken, though its statement was undone */
}

static void altering_loses_to_none(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE SEQUENCE s");
    ASK(box->one, "BEGIN");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 1);
    ASK(box->two, "ALTER SEQUENCE s RESTART WITH 50");
    assert_int_equal(ASK(box->two, "SELECT nextval('s')"), 50);
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 2);
    REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");
    assert_int_equal(ASK(box->one, "SELECT nextval('s')"), 51);
    ASK(box->one, "BEGIN");
    ASK(box->one, "CREATE SEQUENCE n");
    assert_int_equal(ASK(box->one, "SELECT nextval('n')"), 1);
    ASK(box->one, "ROLLBACK");
    ASK(box->two, "CREATE SEQUENCE m START 7"); /* of the same number in the catalogue */
    assert_int_equal(ASK(box->two, "SELECT nextval('m')"), 7);
    ASK(box->one, "BEGIN READ ONLY");
    REFUSED(box->one, "SELECT nextval('m')", KMB_READ_ONLY_TRANSACTION,
            "cannot execute nextval() in a read-only transaction");
    ASK(box->one, "ROLLBACK");
}

static void the_past_knows_where_it_stood(void **state) {
    struct box *box = *state;
    ASK(box->one,
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v int, w int GENERATED ALWAYS AS (v * 2) STORED)");
    ASK(box->one, "INSERT INTO t (v) VALUES (1), (2)"); /* position 2 */
    ASK(box->one, "INSERT INTO t (v) VALUES (3)");      /* position 3 */
    ASK(box->one, "ALTER SEQUENCE t_id_seq RESTART WITH 40");
    ASK(box->one, "INSERT INTO t (v) VALUES (4)"); /* position 4 */
    ASK(box->one, "DROP TABLE t");
    REFUSED(box->one, "SELECT last_value FROM t_id_seq", KMB_UNDEFINED_TABLE, "does not exist");
    assert_int_equal(ASK(box->one, "SELECT last_value FROM t_id_seq AT OFFSET 2"), 2);
    assert_int_equal(ASK(box->one, "SELECT last_value FROM t_id_seq AT OFFSET 1"), 1);
    assert_int_equal(ASK(box->one, "SELECT last_value FROM t_id_seq AT OFFSET 4"), 40);
    assert_int_equal(ASK(box->one, "SELECT sum(w) FROM t AT OFFSET 3"), 12);
    assert_int_equal(ASK(box->one, "SELECT max(id) FROM t AT OFFSET 4"), 40);
}

/* --- foreign keys ------------------------------------------------------------------------------------------------- */

/* Whoever commits second loses, whichever side it is on. */
static void child_and_parent_side_by_side(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE p (id int PRIMARY KEY)");
    ASK(box->one, "CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p)");
    ASK(box->one, "INSERT INTO p VALUES (1), (2), (3), (4)");

    ASK(box->one, "BEGIN");
    ASK(box->two, "BEGIN");
    ASK(box->one, "INSERT INTO c VALUES (1, 1)");
    ASK(box->two, "DELETE FROM p WHERE id = 1");
    ASK(box->two, "COMMIT");
    REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");

    ASK(box->one, "BEGIN");
    ASK(box->two, "BEGIN");
    ASK(box->one, "INSERT INTO c VALUES (2, 2)");
    ASK(box->two, "UPDATE p SET id = 20 WHERE id = 2");
    ASK(box->one, "COMMIT");
    REFUSED(box->two, "COMMIT", KMB_SERIALIZATION, "could not serialize");

    /* Others' rows do not matter. */
    ASK(box->one, "BEGIN");
    ASK(box->two, "BEGIN");
    ASK(box->one, "INSERT INTO c VALUES (3, 3)");
    ASK(box->two, "DELETE FROM p WHERE id = 4");
    ASK(box->two, "COMMIT");
    ASK(box->one, "COMMIT");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c LEFT JOIN p ON p.id = c.p WHERE p.id IS NULL"), 0);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c"), 2);
}

/* A foreign key that comes while rows of both sides are on their way. */
static void a_key_that_others_do_not_know(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE p (id int PRIMARY KEY)");
    ASK(box->one, "CREATE TABLE c (p int)");
    ASK(box->one, "INSERT INTO p VALUES (1), (2)");
    ASK(box->one, "INSERT INTO c VALUES (1)");
    ASK(box->two, "BEGIN");
    ASK(box->two, "DELETE FROM p WHERE id = 1");
    ASK(box->one, "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p");
    REFUSED(box->two, "COMMIT", KMB_SERIALIZATION, "could not serialize");
    ASK(box->one, "ALTER TABLE c DROP CONSTRAINT c_p_fkey");
    ASK(box->two, "BEGIN");
    ASK(box->two, "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p");
    ASK(box->one, "DELETE FROM p WHERE id = 1");
    REFUSED(box->two, "COMMIT", KMB_SERIALIZATION, "could not serialize");
    REFUSED(box->one, "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p", KMB_FOREIGN_KEY_VIOLATION,
            "insert or update on table \"c\" violates foreign key constraint \"c_p_fkey\"");
}

static void deferred_until_commit(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE p (id int PRIMARY KEY)");
    ASK(box->one, "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
    ASK(box->one, "BEGIN");
    ASK(box->one, "INSERT INTO c VALUES (1)");
    REFUSED(box->one, "COMMIT", KMB_FOREIGN_KEY_VIOLATION, "violates foreign key constraint \"c_p_fkey\"");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c"), 0);
    ASK(box->one, "BEGIN");
    ASK(box->one, "INSERT INTO c VALUES (1)");
    ASK(box->two, "INSERT INTO p VALUES (7)"); /* the head moves meanwhile */
    ASK(box->one, "INSERT INTO p VALUES (1)");
    ASK(box->one, "COMMIT");
    REFUSED(box->one, "INSERT INTO c VALUES (2)", KMB_FOREIGN_KEY_VIOLATION, "violates foreign key");
    REFUSED(box->one, "TRUNCATE p", KMB_UNSUPPORTED, "cannot truncate a table referenced in a foreign key constraint");
}

static void the_past_has_its_own_keys(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE p (id int PRIMARY KEY)");
    ASK(box->one, "CREATE TABLE c (id int, p int REFERENCES p ON DELETE CASCADE)");
    ASK(box->one, "INSERT INTO p VALUES (1), (2)");         /* position 2 */
    ASK(box->one, "INSERT INTO c VALUES (10, 1), (20, 2)"); /* position 4 */
    ASK(box->one, "DELETE FROM p WHERE id = 1");            /* position 6, the child too */
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c"), 1);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c AT OFFSET 4"), 2);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c AT OFFSET 6"), 1);
    ASK(box->one, "DROP TABLE p CASCADE");
    ASK(box->one, "INSERT INTO c VALUES (30, 99)");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c JOIN p ON p.id = c.p AT OFFSET 6"), 1);
    box_close(box);
    box_open(box);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c"), 2);
}

/* Rows that come without SQL are checked all the same. */
static void the_appender_checks(void **state) {
    struct box *box = *state;
    kmb_appender *appender = NULL;
    ASK(box->one, "CREATE TABLE p (id bigint PRIMARY KEY)");
    ASK(box->one, "CREATE TABLE c (p bigint REFERENCES p)");
    ASK(box->one, "INSERT INTO p VALUES (1)");
    MUST(kmb_appender_open(box->one, "c", &appender, &error));
    MUST(kmb_append_int64(appender, 1, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_appender_flush(appender, NULL, &error));
    MUST(kmb_append_int64(appender, 2, &error));
    MUST(kmb_append_row(appender, &error));
    assert_int_equal(kmb_appender_flush(appender, NULL, NULL), KMB_FOREIGN_KEY_VIOLATION);
    kmb_appender_close(appender);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM c"), 1);
    ASK(box->one,
        "CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, v int, w int GENERATED ALWAYS AS (v * 2) STORED)");
    MUST(kmb_appender_open(box->one, "g", &appender, &error));
    MUST(kmb_append_default(appender, &error));
    MUST(kmb_append_int64(appender, 21, &error));
    MUST(kmb_append_default(appender, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_appender_flush(appender, NULL, &error));
    kmb_appender_close(appender);
    assert_int_equal(ASK(box->one, "SELECT id * 100 + w FROM g"), 142);
}

/* --- tables with rows --------------------------------------------------------------------------------------------- */

/* Old positions read the old type under the old keys; history shows old values as values of today. */
static void a_type_of_its_time(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE t (a text, id int PRIMARY KEY, b int)");
    ASK(box->one, "INSERT INTO t VALUES ('7', 1, 10), ('8', 2, 20), ('x', 3, 30)"); /* position 3 */
    ASK(box->one, "CREATE INDEX t_a ON t (a)");
    ASK(box->one, "UPDATE t SET a = '9' WHERE id = 3");                                               /* position 4 */
    ASK(box->one, "ALTER TABLE t ALTER COLUMN a TYPE int USING a::int, ALTER COLUMN id TYPE bigint"); /* 3 + 9 */
    ASK(box->one, "INSERT INTO t VALUES (1, 5000000000, 2)");
    assert_int_equal(ASK(box->one, "SELECT sum(a) FROM t"), 7 + 8 + 9 + 1);
    assert_int_equal(ASK(box->one, "SELECT id FROM t WHERE a = 9"), 3);
    assert_int_equal(ASK(box->one, "SELECT a FROM t WHERE id = 2"), 8);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t AT OFFSET 3 WHERE a = 'x'"), 1);
    assert_int_equal(ASK(box->one, "SELECT id FROM t AT OFFSET 4 WHERE a = '9' AND id = 3"), 3);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM t AT OFFSET 3"), 6);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM information_schema.columns AT OFFSET 4"), 3);
    REFUSED(box->one, "SELECT sum(a) FROM t AT OFFSET 3", KMB_UNDEFINED_FUNCTION, "sum(text)");
    assert_int_equal(ASK(box->one, "SELECT a FROM t FOR SYSTEM_TIME ALL WHERE id = 2 AND _position_from = 2"), 8);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t FOR SYSTEM_TIME ALL WHERE id = 3 AND a IS NULL"), 1);
    box_close(box);
    box_open(box);
    assert_int_equal(ASK(box->one, "SELECT id FROM t WHERE a = 1"), 5000000000);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t AT OFFSET 4 WHERE id = 3 AND a = '9'"), 1);
    REFUSED(box->one, "INSERT INTO t VALUES (1, 3, 3)", KMB_UNIQUE_VIOLATION, "t_pkey");
}

static void keys_come_and_go(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE t (a int, b int)");
    ASK(box->one, "INSERT INTO t VALUES (1, 1), (2, 2), (2, 3)"); /* position 3 */
    REFUSED(box->one, "ALTER TABLE t ADD PRIMARY KEY (a)", KMB_UNIQUE_VIOLATION, "could not create unique index");
    ASK(box->one, "DELETE FROM t WHERE b = 3");         /* position 4 */
    ASK(box->one, "ALTER TABLE t ADD PRIMARY KEY (a)"); /* position 8 */
    ASK(box->one, "INSERT INTO t VALUES (3, 3)");
    ASK(box->one, "ALTER TABLE t DROP CONSTRAINT t_pkey");
    ASK(box->one, "INSERT INTO t VALUES (3, 3)");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t"), 4);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t AT OFFSET 3"), 3);
    assert_int_equal(ASK(box->one, "SELECT b FROM t AT OFFSET 8 WHERE a = 2"), 2);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t AT OFFSET 9"), 3);
}

/* What a definition found of the rows must still be so when it commits. */
static void rows_that_came_meanwhile(void **state) {
    static const char *const definitions[] = {
        "ALTER TABLE t ADD CHECK (a > -5)",         "ALTER TABLE t ADD PRIMARY KEY (a)",
        "ALTER TABLE t ALTER COLUMN a TYPE bigint", "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t VALIDATE CONSTRAINT later",  "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a + 1) STORED",
    };
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE t (a int)");
    ASK(box->one, "ALTER TABLE t ADD CONSTRAINT later CHECK (a < 100) NOT VALID");
    ASK(box->one, "INSERT INTO t VALUES (1)");
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
        ASK(box->one, "BEGIN");
        ASK(box->one, definitions[i]);
        ASK(box->two, "INSERT INTO t VALUES (-1)");
        REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");
        ASK(box->two, "DELETE FROM t WHERE a < 0");
        ASK(box->one, definitions[i]);
    }
    assert_int_equal(ASK(box->one, "SELECT g FROM t WHERE a = 1"), 2);
    ASK(box->one, "BEGIN");
    ASK(box->one, "INSERT INTO t VALUES (5)");
    ASK(box->two, "ALTER TABLE t ADD CONSTRAINT four CHECK (a < 5)");
    REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");
}

/* What an index is of lives with the row: then and now, live and made again. */
static void indexes_of_expressions(void **state) {
    struct box *box = *state;
    ASK(box->one, "CREATE TABLE t (id int PRIMARY KEY, a text, n int, s text)");
    ASK(box->one, "INSERT INTO t SELECT i, 'Name' || i, i, CASE WHEN i <= 3 THEN 'open' ELSE 'done' END "
                  "FROM generate_series(1, 6) g(i)");                 /* position 6 */
    ASK(box->one, "CREATE UNIQUE INDEX t_low ON t (lower(a))");       /* position 12 */
    ASK(box->one, "CREATE INDEX t_open ON t (n) WHERE s = 'open'");   /* position 18 */
    ASK(box->one, "UPDATE t SET s = 'done' WHERE id = 1");            /* position 19 */
    ASK(box->one, "UPDATE t SET s = 'open', a = 'NEW' WHERE id = 6"); /* position 20 */
    REFUSED(box->one, "INSERT INTO t VALUES (7, 'NAME2', 1, 'x')", KMB_UNIQUE_VIOLATION, "t_low");
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t WHERE s = 'open' AND n > 0"), 3);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM t WHERE s = 'open' AND n > 0"), 2 + 3 + 6);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM t AT OFFSET 19 WHERE s = 'open' AND n > 0"), 2 + 3);
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM t AT OFFSET 18 WHERE s = 'open' AND n > 0"), 1 + 2 + 3);
    assert_int_equal(ASK(box->one, "SELECT id FROM t AT OFFSET 19 WHERE lower(a) = 'name6'"), 6);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM t WHERE lower(a) = 'name6'"), 0);
    assert_int_equal(ASK(box->one, "SELECT id FROM t AT OFFSET 6 WHERE lower(a) = 'name6'"), 6);
    ASK(box->one, "BEGIN");
    ASK(box->one, "CREATE INDEX t_n ON t ((n * 2))");
    ASK(box->two, "INSERT INTO t VALUES (8, 'b', 8, 'x')");
    REFUSED(box->one, "COMMIT", KMB_SERIALIZATION, "could not serialize");
    box_close(box);
    box_open(box);
    assert_int_equal(ASK(box->one, "SELECT id FROM t WHERE lower(a) = 'new'"), 6);
    ASK(box->one, "DROP INDEX t_open");
    assert_int_equal(ASK(box->one, "SELECT sum(id) FROM t AT OFFSET 20 WHERE s = 'open' AND n > 0"), 2 + 3 + 6);
    ASK(box->one, "ALTER TABLE t ALTER COLUMN a TYPE varchar(20)");
    REFUSED(box->one, "INSERT INTO t VALUES (7, 'NAME2', 1, 'x')", KMB_UNIQUE_VIOLATION, "t_low");
    kmb_appender *appender = NULL;
    MUST(kmb_appender_open(box->one, "t", &appender, &error));
    MUST(kmb_append_int64(appender, 9, &error));
    MUST(kmb_append_text(appender, "Appended", 8, &error));
    MUST(kmb_append_int64(appender, 9, &error));
    MUST(kmb_append_text(appender, "x", 1, &error));
    MUST(kmb_append_row(appender, &error));
    MUST(kmb_appender_flush(appender, NULL, &error));
    kmb_appender_close(appender);
    assert_int_equal(ASK(box->one, "SELECT id FROM t WHERE lower(a) = 'appended'"), 9);
}

/* Comments are of their time, and go with what they are on. */
static void comments_of_their_time(void **state) {
    struct box *box = *state;
    const char *count = "SELECT count(*) FROM information_schema.kimberlite_comments";
    ASK(box->one, "CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE, CONSTRAINT c CHECK (a > 0))");
    ASK(box->one, "COMMENT ON TABLE t IS 'one'");
    ASK(box->one, "INSERT INTO t VALUES (1, 1)"); /* position 1 */
    ASK(box->one, "COMMENT ON TABLE t IS 'two'");
    ASK(box->one, "COMMENT ON COLUMN t.a IS 'a column'");
    ASK(box->one, "COMMENT ON CONSTRAINT c ON t IS 'a check'");
    ASK(box->one, "COMMENT ON CONSTRAINT t_pkey ON t IS 'a key'");
    ASK(box->one, "COMMENT ON INDEX t_a_key IS 'an index'");
    ASK(box->one, "INSERT INTO t VALUES (2, 2)"); /* position 2 */
    assert_int_equal(ASK(box->one, count), 5);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM information_schema.kimberlite_comments AT OFFSET 0 "
                                   "WHERE comment = 'one'"),
                     1);
    ASK(box->one, "ALTER TABLE t ALTER COLUMN a TYPE bigint"); /* positions 3 and 4 */
    assert_int_equal(ASK(box->one, count), 5);
    assert_int_equal(ASK(box->one, "SELECT count(*) WHERE col_description('t'::regclass, 2) = 'a column'"), 1);
    assert_int_equal(ASK(box->one, "SELECT count(*) WHERE obj_description('t_a_key'::regclass) = 'an index'"), 1);
    ASK(box->one, "BEGIN");
    ASK(box->one, "COMMENT ON TABLE t IS NULL");
    assert_int_equal(ASK(box->one, count), 4);
    ASK(box->one, "ROLLBACK");
    box_close(box);
    box_open(box);
    assert_int_equal(ASK(box->one, count), 5);
    ASK(box->one, "ALTER TABLE t DROP COLUMN a"); /* with its index, its check and what is said of them */
    assert_int_equal(ASK(box->one, count), 2);
    assert_int_equal(ASK(box->one, "SELECT count(*) FROM information_schema.kimberlite_comments AT OFFSET 2"), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_value_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_savepoint_gives_nothing_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(altering_loses_to_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_past_knows_where_it_stood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(child_and_parent_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_others_do_not_know, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deferred_until_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_past_has_its_own_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_appender_checks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_type_of_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_that_came_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(indexes_of_expressions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comments_of_their_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
