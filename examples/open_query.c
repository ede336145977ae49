/*
 * Open a database, make a table, ask it.
 *
 *     open_query DIRECTORY        made when it is not there; its root key lies beside it, in DIRECTORY.key
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s %s: %s\n", kmb_status_sqlstate(status), kmb_status_name(status), error->message);
        if (error->hint[0] != 0) {
            fprintf(stderr, "hint: %s\n", error->hint);
        }
        exit(1);
    }
}

int main(int argc, char **argv) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    struct kmb_error error = {0};
    kmb_db *db;
    kmb_session *session;
    kmb_statement *statement;
    if (argc != 2) {
        fprintf(stderr, "usage: open_query DIRECTORY\n");
        return 2;
    }
    check(kmb_open(argv[1], &options, &db, &error), &error);
    check(kmb_session_open(db, 1, &session, &error), &error); /* tenant 1 is made with the database */
    check(kmb_exec(session,
                   "CREATE TABLE rooms (number INTEGER PRIMARY KEY, ward TEXT NOT NULL, rate NUMERIC(8, 2));"
                   "INSERT INTO rooms VALUES (101, 'surgery', 310.50), (102, 'surgery', NULL), (201, 'maternity', 280)",
                   &error),
          &error);

    const char *sql = "SELECT number, ward, rate FROM rooms ORDER BY number";
    check(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error), &error);
    enum kmb_status status;
    while ((status = kmb_step(statement, &error)) == KMB_ROW) {
        /* texts stay valid until the next step; NULL is SQL's NULL */
        const char *rate = kmb_column_text(statement, 2, NULL);
        printf("%" PRId64 " %-10s %s\n", kmb_column_int64(statement, 0), kmb_column_text(statement, 1, NULL),
               rate == NULL ? "no rate" : rate);
    }
    check(status == KMB_DONE ? KMB_OK : status, &error);
    kmb_finalize(statement);

    /* What cannot be is told with a code, a message, and the place in the text. */
    status = kmb_exec(session, "SELECT nomber FROM rooms", &error);
    printf("%s at character %u: %s\n", kmb_status_sqlstate(status), error.position, error.message);

    kmb_session_close(session);
    check(kmb_close(db, &error), &error);
    return 0;
}
