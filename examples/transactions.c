/*
 * Transactions: two threads move money between the same accounts. Who commits second is told so (SQLSTATE 40001) and
 * runs its transaction again; nobody waits for a lock, and no amount is lost.
 *
 *     transactions DIRECTORY
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, TRANSFERS = 100, RETRIES_MAX = 1000 };

static kmb_db *database;

static void check(enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s: %s\n", kmb_status_name(status), error->message);
        exit(1);
    }
}

/* One transfer. KMB_SERIALIZATION: another one changed these rows first. */
static enum kmb_status transfer(kmb_session *session, struct kmb_error *error) {
    enum kmb_status status = kmb_begin(session, error);
    if (status == KMB_OK) {
        status = kmb_exec(session,
                          "UPDATE accounts SET amount = amount - 1 WHERE id = 1;"
                          "UPDATE accounts SET amount = amount + 1 WHERE id = 2",
                          error);
    }
    if (status == KMB_OK) {
        return kmb_commit(session, error); /* durable when it answers KMB_OK */
    }
    kmb_rollback(session, NULL);
    return status;
}

static void *work(void *argument) {
    struct kmb_error error = {0};
    kmb_session *session; /* a session belongs to one thread at a time */
    (void)argument;
    check(kmb_session_open(database, 1, &session, &error), &error);
    for (int i = 0; i < TRANSFERS; i++) {
        enum kmb_status status = KMB_SERIALIZATION;
        for (int attempt = 0; status == KMB_SERIALIZATION && attempt < RETRIES_MAX; attempt++) {
            status = transfer(session, &error);
        }
        check(status, &error);
    }
    kmb_session_close(session);
    return NULL;
}

int main(int argc, char **argv) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    struct kmb_error error = {0};
    kmb_session *session;
    kmb_statement *statement;
    pthread_t threads[THREADS];
    int64_t amounts[2];
    if (argc != 2) {
        fprintf(stderr, "usage: transactions DIRECTORY\n");
        return 2;
    }
    check(kmb_open(argv[1], &options, &database, &error), &error);
    check(kmb_session_open(database, 1, &session, &error), &error);
    check(kmb_exec(session,
                   "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount BIGINT NOT NULL CHECK (amount >= 0));"
                   "INSERT INTO accounts VALUES (1, 1000), (2, 0)",
                   &error),
          &error);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    const char *sql = "SELECT amount FROM accounts ORDER BY id";
    check(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error), &error);
    for (int i = 0; i < 2 && kmb_step(statement, &error) == KMB_ROW; i++) {
        amounts[i] = kmb_column_int64(statement, 0);
    }
    kmb_finalize(statement);
    printf("%d transfers by %d threads: %" PRId64 " and %" PRId64 "\n", THREADS * TRANSFERS, THREADS, amounts[0],
           amounts[1]);
    kmb_session_close(session);
    check(kmb_close(database, &error), &error);
    return 0;
}
