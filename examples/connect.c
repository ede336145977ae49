/*
 * The same program on a directory and over a connection: only the way to the handle differs.
 *
 *     connect DIRECTORY
 *     connect kimberlite://USER:PASSWORD@HOST:PORT/TENANT
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s %s: %s\n", kmb_status_sqlstate(status), kmb_status_name(status), error->message);
        exit(1);
    }
}

static enum kmb_status open_place(const char *place, kmb_db **db, struct kmb_error *error) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    struct kmb_connect_options connect = {.size = sizeof(connect), .answer_timeout_ms = 30000};
    return strstr(place, "://") != NULL ? kmb_connect(place, &connect, db, error)
                                        : kmb_open(place, &options, db, error);
}

/* A transaction that lost to another is run again; a connection that broke is not: is the visit there, or not? */
static enum kmb_status admit(kmb_session *session, int64_t id, const char *name, struct kmb_error *error) {
    const char *sql = "INSERT INTO visits VALUES ($1, $2) ON CONFLICT (id) DO NOTHING"; /* so it may be sent twice */
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    if (status == KMB_OK) {
        status = kmb_bind_int64(statement, 1, id, error);
    }
    if (status == KMB_OK) {
        status = kmb_bind_text(statement, 2, name, strlen(name), error);
    }
    if (status == KMB_OK) {
        status = kmb_step(statement, error);
    }
    if (status == KMB_DONE) {
        printf("%s: %s @ %" PRIu64 "\n", name, kmb_statement_tag(statement), kmb_statement_position(statement));
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

int main(int argc, char **argv) {
    struct kmb_error error = {0};
    kmb_db *db;
    kmb_session *session;
    if (argc != 2) {
        fprintf(stderr, "usage: connect DIRECTORY|URL\n");
        return 2;
    }
    check(open_place(argv[1], &db, &error), &error);
    check(kmb_session_open(db, 1, &session, &error), &error);
    check(kmb_exec(session, "CREATE TABLE IF NOT EXISTS visits (id BIGINT PRIMARY KEY, name TEXT NOT NULL)", &error),
          &error);
    for (int64_t id = 1; id <= 2; id++) {
        enum kmb_status status = admit(session, id, id == 1 ? "Rosa" : "Wei", &error);
        if (status == KMB_CONNECTION) { /* another session is another connection */
            kmb_session_close(session);
            check(kmb_session_open(db, 1, &session, &error), &error);
            status = admit(session, id, id == 1 ? "Rosa" : "Wei", &error);
        }
        check(status, &error);
    }
    enum kmb_status status = kmb_exec(session, "INSERT INTO visits VALUES (3, NULL)", &error);
    printf("%s %s.%s: %s\n", kmb_status_sqlstate(status), error.table, error.column, error.message);
    kmb_session_close(session);
    check(kmb_close(db, &error), &error);
    return 0;
}
