/* A database in a directory of its own with two sessions, and short words for asking it: for tests of the public API.
 */
#ifndef TESTS_API_BOX_H
#define TESTS_API_BOX_H

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
    uint64_t statement_bytes; /* of the next opening; 0: the default */
};

static inline void quiet(void *context, const char *line) {
    (void)context;
    (void)line;
}

static inline void must(int line, enum kmb_status status, const struct kmb_error *error) {
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

static inline void box_open(struct box *box) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE, .log = quiet, .command = "test"};
    options.statement_bytes = box->statement_bytes;
    options.segment_bytes = 8 << 20;
    MUST(kmb_open(box->path, &options, &box->db, &error));
    MUST(kmb_session_open(box->db, 1, &box->one, &error));
    MUST(kmb_session_open(box->db, 1, &box->two, &error));
}

static inline void box_close(struct box *box) {
    kmb_session_close(box->one);
    kmb_session_close(box->two);
    MUST(kmb_close(box->db, &error));
}

static inline int set_up(void **state) {
    struct box *box = calloc(1, sizeof(*box));
    scratch_make_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", box->folder, sizeof(box->folder));
    snprintf(box->path, sizeof(box->path), "%s/db", box->folder);
    box_open(box);
    *state = box;
    return 0;
}

/* Whatever was done: the log is whole, and makes the same state again. */
static inline int tear_down(void **state) {
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
static inline enum kmb_status run(kmb_session *session, const char *sql, int64_t *value, struct kmb_error *error) {
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

static inline int64_t ask_at(int line, kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    int64_t value = 0;
    must(line, run(session, sql, &value, &error), &error);
    return value;
}
#define ASK(session, sql) ask_at(__LINE__, session, sql)

static inline void refused_at(int line, kmb_session *session, const char *sql, enum kmb_status wanted,
                              const char *words) {
    struct kmb_error error = {0};
    int64_t value = 0;
    enum kmb_status status = run(session, sql, &value, &error);
    if (status != wanted || strstr(error.message, words) == NULL) {
        fail_msg("line %d: %s: \"%s\"; wanted %s: \"%s\"", line, kmb_status_name(status), error.message,
                 kmb_status_name(wanted), words);
    }
}
#define REFUSED(session, sql, wanted, words) refused_at(__LINE__, session, sql, wanted, words)

#endif
