/*
 * Callers that take their time between two steps, through the C API.
 *
 * A reader stops inside its own loop over rows while 1,000 commits pass: none of them waits for it, and it finishes
 * with the answer it began with. A writer is told to stop when the first of its RETURNING rows is out: what it wrote is
 * durable by then, so it gets every row and the end, not an answer that says nothing was done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../scratch.h"
#include "kimberlite.h"

enum { ROWS = 4000, COMMITS = 1000 };

static unsigned broken;

static bool good(const char *where, enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        printf("%s: %s: %s\n", where, kmb_status_name(status), error->message);
        broken++;
    }
    return status == KMB_OK;
}

static void expect(bool holds, const char *what) {
    if (!holds) {
        printf("does not hold: %s\n", what);
        broken++;
    }
}

struct desk {
    kmb_db *db;
    kmb_session *reader;
    kmb_session *writer;
    kmb_statement *scan; /* id and v of each row, in order of id; stands on its first row */
    struct kmb_error error;
};

static bool desk_open(struct desk *desk, const char *path) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    const char *query = "SELECT id, v FROM t ORDER BY id";
    struct kmb_error *error = &desk->error;
    if (!good("open", kmb_open(path, &options, &desk->db, error), error) ||
        !good("session", kmb_session_open(desk->db, 1, &desk->reader, error), error) ||
        !good("session", kmb_session_open(desk->db, 1, &desk->writer, error), error)) {
        return false;
    }
    kmb_appender *appender = NULL;
    good("table", kmb_exec(desk->writer, "CREATE TABLE t (id INTEGER PRIMARY KEY, v BIGINT, pad TEXT)", error), error);
    good("appender", kmb_appender_open(desk->writer, "t", &appender, error), error);
    for (int64_t i = 1; i <= ROWS; i++) {
        const char pad[] = "some words that fill a row to a usual width";
        good("id", kmb_append_int64(appender, i, error), error);
        good("v", kmb_append_int64(appender, 0, error), error);
        good("pad", kmb_append_text(appender, pad, sizeof(pad) - 1, error), error);
        good("row", kmb_append_row(appender, error), error);
    }
    good("flush", kmb_appender_flush(appender, NULL, error), error);
    kmb_appender_close(appender);
    good("prepare", kmb_prepare(desk->reader, query, strlen(query), &desk->scan, NULL, error), error);
    expect(kmb_step(desk->scan, error) == KMB_ROW, "a first row");
    return broken == 0;
}

/* Reads the rest of the scan: every row, each with the value of before. */
static void finish_scan(struct desk *desk) {
    int64_t rows = 1;
    int64_t sum = kmb_column_int64(desk->scan, 1);
    enum kmb_status status;
    while ((status = kmb_step(desk->scan, &desk->error)) == KMB_ROW) {
        rows++;
        sum += kmb_column_int64(desk->scan, 1);
    }
    expect(status == KMB_DONE, "the scan ends");
    expect(rows == ROWS, "the scan saw every row");
    expect(sum == 0, "the scan saw the values of its beginning");
    kmb_finalize(desk->scan);
    desk->scan = NULL;
}

static int64_t present_sum(struct desk *desk) {
    const char *query = "SELECT sum(v) FROM t";
    kmb_statement *statement = NULL;
    int64_t sum = -1;
    good("prepare", kmb_prepare(desk->writer, query, strlen(query), &statement, NULL, &desk->error), &desk->error);
    if (kmb_step(statement, &desk->error) == KMB_ROW) {
        sum = kmb_column_int64(statement, 0);
    }
    kmb_finalize(statement);
    return sum;
}

static void desk_close(struct desk *desk) {
    kmb_finalize(desk->scan);
    kmb_session_close(desk->reader);
    kmb_session_close(desk->writer);
    good("close", kmb_close(desk->db, &desk->error), &desk->error);
}

static void test_paused(const char *path) {
    struct desk desk = {0};
    if (!desk_open(&desk, path)) {
        return;
    }
    for (unsigned i = 0; i < COMMITS && broken == 0; i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE t SET v = v + 1 WHERE id = %u", i * 37 % ROWS + 1);
        good("update", kmb_exec(desk.writer, sql, &desk.error), &desk.error);
    }
    expect(present_sum(&desk) == COMMITS, "every commit is seen by who asks now");
    finish_scan(&desk);
    printf("paused: %d commits passed a reader at its first row of %d\n", COMMITS, ROWS);
    desk_close(&desk);
}

static void test_returning(const char *path) {
    struct desk desk = {0};
    const char *update = "UPDATE t SET v = 1 RETURNING id";
    kmb_statement *statement = NULL;
    int64_t rows = 0;
    enum kmb_status status;
    if (!desk_open(&desk, path)) {
        return;
    }
    good("prepare", kmb_prepare(desk.writer, update, strlen(update), &statement, NULL, &desk.error), &desk.error);
    while ((status = kmb_step(statement, &desk.error)) == KMB_ROW) {
        if (rows++ == 0) {
            kmb_cancel(desk.writer);
        }
    }
    expect(status == KMB_DONE, "a write that is durable ends well though it is cancelled");
    expect(rows == ROWS, "every RETURNING row comes");
    kmb_finalize(statement);
    expect(present_sum(&desk) == ROWS, "the write is there");
    printf("returning: %" PRId64 " rows though cancelled at the first\n", rows);
    desk_close(&desk);
}

int main(void) {
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
    scratch_make(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/paused", folder);
    test_paused(path);
    snprintf(path, sizeof(path), "%s/returning", folder);
    test_returning(path);
    scratch_remove(folder);
    return broken != 0;
}
