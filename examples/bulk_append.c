/*
 * The fast way in: the bulk appender, ten thousand rows to a transaction.
 *
 *     bulk_append DIRECTORY [ROWS]
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 10000 };

static struct kmb_error error;

static void check(enum kmb_status status) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s: %s\n", kmb_status_name(status), error.message);
        exit(1);
    }
}

int main(int argc, char **argv) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    kmb_db *db;
    kmb_session *session;
    kmb_appender *appender;
    kmb_statement *statement;
    int64_t rows = argc > 2 ? atoll(argv[2]) : 100000;
    if (argc < 2 || rows <= 0) {
        fprintf(stderr, "usage: bulk_append DIRECTORY [ROWS]\n");
        return 2;
    }
    check(kmb_open(argv[1], &options, &db, &error));
    check(kmb_session_open(db, 1, &session, &error));
    check(kmb_exec(session, "CREATE TABLE pulses (id BIGINT PRIMARY KEY, at TIMESTAMP, beats SMALLINT NOT NULL)",
                   &error));

    check(kmb_appender_open(session, "pulses", &appender, &error));
    for (int64_t id = 1; id <= rows; id++) {
        /* values in the order of the table's columns, then the end of the row */
        check(kmb_append_int64(appender, id, &error));
        check(kmb_append_text(appender, "2026-01-31 12:00:00", 19, &error));
        check(kmb_append_int64(appender, 60 + id % 40, &error));
        check(kmb_append_row(appender, &error));
        if (id % BATCH == 0 || id == rows) {
            check(kmb_appender_flush(appender, NULL, &error)); /* durable on return */
        }
    }

    /* A row that cannot be is refused at once and drops alone; the appender goes on. */
    check(kmb_append_int64(appender, rows + 1, &error));
    check(kmb_append_null(appender, &error));
    check(kmb_append_null(appender, &error));
    enum kmb_status refused = kmb_append_row(appender, &error);
    printf("%s: %s\n", kmb_status_name(refused), error.message);
    kmb_appender_close(appender);

    const char *sql = "SELECT count(*), sum(beats), max(at) FROM pulses";
    check(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error));
    if (kmb_step(statement, &error) != KMB_ROW) {
        check(error.status);
    }
    printf("%" PRId64 " rows, %" PRId64 " beats, last at %s\n", kmb_column_int64(statement, 0),
           kmb_column_int64(statement, 1), kmb_column_text(statement, 2, NULL));
    kmb_finalize(statement);
    kmb_session_close(session);
    check(kmb_close(db, &error));
    return 0;
}
