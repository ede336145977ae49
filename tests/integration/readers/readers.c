/*
 * Callers that take their time between two steps, through the C API.
 *
 * A reader stops inside its own loop over rows while 1,000 commits pass: none of them waits for it, and it finishes
 * with the answer it began with. A reader stays while so many updates pass that every page is replaced many times over
 * (as many as the argument says; 20,000 without one): what it keeps alive is no more than the pages it began with, and
 * kmb_info() names it. A writer is told to stop when the first of its RETURNING rows is out: what it wrote is
 * durable by then, so it gets every row and the end, not an answer that says nothing was done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../scratch.h"
#include "kimberlite.h"

enum { ROWS = 4000, COMMITS = 1000, ROW_BYTES = 160 /* of a row in pages that may be half empty */ };

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

static struct kmb_info look(struct desk *desk) {
    struct kmb_info info = {.size = sizeof(info)};
    good("info", kmb_info(desk->db, &info, &desk->error), &desk->error);
    return info;
}

static void test_held(const char *path, long updates) {
    struct desk desk = {0};
    const char *update = "UPDATE t SET v = v + 1 WHERE id = $1";
    kmb_statement *statement = NULL;
    long done = 0;
    if (!desk_open(&desk, path)) {
        return;
    }
    struct kmb_info before = look(&desk);
    expect(before.pinned_roots == 1 && before.pinned_oldest_op == before.op && before.pinned_bytes == 0,
           "a reader of the newest state is named and costs nothing");
    good("prepare", kmb_prepare(desk.writer, update, strlen(update), &statement, NULL, &desk.error), &desk.error);
    while (done < updates && broken == 0) { /* in transactions of 500: the pages count here, not the commits */
        good("begin", kmb_begin(desk.writer, &desk.error), &desk.error);
        for (unsigned i = 0; i < 500 && broken == 0; i++, done++) {
            good("bind", kmb_bind_int64(statement, 1, done * 37 % ROWS + 1, &desk.error), &desk.error);
            expect(kmb_step(statement, &desk.error) == KMB_DONE, "an update");
            kmb_reset(statement);
        }
        good("commit", kmb_commit(desk.writer, &desk.error), &desk.error);
    }
    struct kmb_info held = look(&desk);
    good("checkpoint", kmb_checkpoint(desk.db, &desk.error), &desk.error);
    struct kmb_info kept = look(&desk);
    expect(held.pinned_roots == 1 && held.pinned_oldest_op == before.op, "the reader is named by what it sees");
    expect(kept.pinned_roots == 1 && kept.pinned_oldest_op == before.op, "the reader is named after a checkpoint too");
    expect(kept.pinned_bytes > 0, "the pages it keeps are counted");
    expect(held.pinned_bytes <= ROWS * ROW_BYTES && kept.pinned_bytes <= ROWS * ROW_BYTES,
           "a reader keeps no more than the pages it began with");
    expect(present_sum(&desk) == done, "every update is seen by who asks now");
    finish_scan(&desk);
    kmb_finalize(statement);
    struct kmb_info after = look(&desk);
    expect(after.pinned_roots == 0 && after.pinned_oldest_op == 0 && after.pinned_bytes == 0,
           "nothing is kept when it has ended");
    printf("held: %ld updates passed a reader that kept %" PRIu64 " KiB of %d rows\n", done, kept.pinned_bytes / 1024,
           ROWS);
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

int main(int count, char **arguments) {
    long updates = count > 1 ? strtol(arguments[1], NULL, 10) : 20000;
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
    scratch_make(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/paused", folder);
    test_paused(path);
    snprintf(path, sizeof(path), "%s/held", folder);
    test_held(path, updates);
    snprintf(path, sizeof(path), "%s/returning", folder);
    test_returning(path);
    scratch_remove(folder);
    return broken != 0;
}
