/*
 * A prepared INSERT, and reading what was: by position, by time, and every version of a row.
 *
 *     time_travel DIRECTORY
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kmb_error error;
static kmb_session *session;

static void check(enum kmb_status status) {
    if (status != KMB_OK && status != KMB_DONE && status != KMB_ROW) {
        fprintf(stderr, "%s: %s\n", kmb_status_name(status), error.message);
        exit(1);
    }
}

static kmb_statement *prepare(const char *sql) {
    kmb_statement *statement;
    check(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error));
    return statement;
}

/* Prints the rows of a statement with one parameter, which is bound where it is not -1. */
static void show(const char *title, const char *sql, int64_t parameter) {
    kmb_statement *statement = prepare(sql);
    if (parameter >= 0) {
        check(kmb_bind_int64(statement, 1, parameter, &error));
    }
    printf("%s:", title);
    enum kmb_status status;
    while ((status = kmb_step(statement, &error)) == KMB_ROW) {
        for (uint32_t i = 0; i < kmb_column_count(statement); i++) {
            printf("%c%s", i == 0 ? ' ' : '=', kmb_column_text(statement, i, NULL));
        }
    }
    check(status);
    putchar('\n');
    kmb_finalize(statement);
}

int main(int argc, char **argv) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    kmb_db *db;
    if (argc != 2) {
        fprintf(stderr, "usage: time_travel DIRECTORY\n");
        return 2;
    }
    check(kmb_open(argv[1], &options, &db, &error));
    check(kmb_session_open(db, 1, &session, &error));
    check(kmb_exec(session, "CREATE TABLE doses (drug TEXT PRIMARY KEY, mg NUMERIC)", &error));

    /* One statement, many runs: bind, step to KMB_DONE, reset. Each run is durable when step answers KMB_DONE. */
    static const char *const drugs[] = {"atropine", "heparin", "morphine"};
    kmb_statement *insert = prepare("INSERT INTO doses VALUES ($1, $2)");
    for (int i = 0; i < 3; i++) {
        check(kmb_bind_text(insert, 1, drugs[i], strlen(drugs[i]), &error));
        check(kmb_bind_text(insert, 2, i == 2 ? "2.5" : "0.5", 3, &error)); /* exact: numeric never passes a float */
        check(kmb_step(insert, &error));
        kmb_reset(insert);
    }
    uint64_t before = kmb_session_position(session);
    kmb_finalize(insert);
    check(kmb_exec(
        session, "UPDATE doses SET mg = 25 WHERE drug = 'morphine'; DELETE FROM doses WHERE drug = 'heparin'", &error));

    printf("position before the changes: %" PRIu64 "\n", before);
    show("now", "SELECT drug, mg FROM doses ORDER BY drug", -1);
    show("then", "SELECT drug, mg FROM doses AT OFFSET $1 ORDER BY drug", (int64_t)before);
    show("after the first row", "SELECT drug, mg FROM doses AT OFFSET 1", -1);
    show("versions of morphine",
         "SELECT _position_from, mg FROM kimberlite_history(doses) WHERE drug = 'morphine' ORDER BY _position_from",
         -1);

    /* All reads of a session can stand at one moment. */
    check(kmb_session_at(session, KMB_AT_POSITION, (int64_t)before, &error));
    show("the session at that position", "SELECT count(*) FROM doses", -1);
    check(kmb_session_at(session, KMB_AT_PRESENT, 0, &error));

    kmb_session_close(session);
    check(kmb_close(db, &error));
    return 0;
}
