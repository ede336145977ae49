/*
 * What sequences and foreign keys promise of sessions side by side, of a database opened again, and of the past:
 * through the public header alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../scratch.h"
#include "kimberlite.h"

struct box {
    char folder[SCRATCH_SIZE];
    char path[SCRATCH_SIZE + 8];
    kmb_db *db;
    kmb_session *one;
    kmb_session *two;
};

static void quiet(void *context, const char *line) {
    (void)context;
    (void)line;
}

static void must(int line, enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fail_msg("line %d: %s: %s %s", line, kmb_status_name(status), error->message, error->detail);
    }
}
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        struct kmb_error error = {0};                                                                                  \
        enum kmb_status must_status = (call);                                                                          \
        must(__LINE__, must_status, &error);                                                                           \
    } while (0)

static void box_open(struct box *box) {
    struct kmb_options options = {
        .size = sizeof(options), .flags = KMB_OPEN_CREATE, .log = quiet, .command = "definitions test"};
    options.segment_bytes = 8 << 20;
    MUST(kmb_open(box->path, &options, &box->db, &error));
    MUST(kmb_session_open(box->db, 1, &box->one, &error));
    MUST(kmb_session_open(box->db, 1, &box->two, &error));
}

static void box_close(struct box *box) {
    kmb_session_close(box->one);
    kmb_session_close(box->two);
    MUST(kmb_close(box->db, &error));
}

static int set_up(void **state) {
    struct box *box = calloc(1, sizeof(*box));
    scratch_make_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", box->folder, sizeof(box->folder));
    snprintf(box->path, sizeof(box->path), "%s/db", box->folder);
    box_open(box);
    *state = box;
    return 0;
}

/* Whatever was done: the log is whole, and makes the same state again. */
static int tear_down(void **state) {
    struct box *box = *state;
    char live[65] = "";
    char rebuilt[65] = "";
    struct kmb_verify_options options = {.size = sizeof(options)};
    MUST(kmb_state_hash(box->db, live, &error));
    box_close(box);
    MUST(kmb_verify(box->path, &options, NULL, &error));
    MUST(kmb_rebuild(box->path, NULL, rebuilt, &error));
    assert_string_equal(rebuilt, live);
    assert_int_equal(scratch_remove(box->folder), 0);
    free(box);
    return 0;
}

/* Runs a statement to its end; the first value of its first row, 0 without one. */
static enum kmb_status run(kmb_session *session, const char *sql, int64_t *value, struct kmb_error *error) {
    kmb_statement *statement = NULL;
    *value = 0;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    bool first = true;
    while (status == KMB_OK || status == KMB_ROW) {
        status = kmb_step(statement, error);
        if (status == KMB_ROW && first) {
            *value = kmb_column_int64(statement, 0);
            first = false;
        }
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

static int64_t ask_at(int line, kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    int64_t value = 0;
    must(line, run(session, sql, &value, &error), &error);
    return value;
}
#define ASK(session, sql) ask_at(__LINE__, session, sql)

static void refused_at(int line, kmb_session *session, const char *sql, enum kmb_status wanted, const char *words) {
    struct kmb_error error = {0};
    int64_t value = 0;
    enum kmb_status status = run(session, sql, &value, &error);
    if (status != wanted || strstr(error.message, words) == NULL) {
        fail_msg("line %d: %s: \"%s\"; wanted %s: \"%s\"", line, kmb_status_name(status), error.message,
                 kmb_status_name(wanted), words);
    }
}
#define REFUSED(session, sql, wanted, words) refused_at(__LINE__, session, sql, wanted, words)

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_value_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_savepoint_gives_nothing_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(altering_loses_to_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_past_knows_where_it_stood, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
