/*
 * What a program sees of a database behind a server where things do not go well.
 *
 *     far cancel URL          another thread cancels what runs: 57014, and the session goes on
 *     far pages URL MIB       reads MIB of rows, prints how much memory the process took at most, in KiB
 *     far killed URL          says "running", waits for a statement that the server's end cuts off, prints the error
 *     far timeout URL         a statement of four seconds with an answer_timeout of one
 *     far many URL            sessions, statements and appenders side by side, of several threads
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kimberlite.h"

#define THREADS 4

static void fail(const char *what, const struct kmb_error *error) {
    fprintf(stderr, "%s: %s %s\n", what, kmb_status_name(error->status), error->message);
    exit(1);
}

static void check(enum kmb_status status, const char *what, const struct kmb_error *error) {
    if (status != KMB_OK) {
        fail(what, error);
    }
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs a statement to its end; how many rows. */
static enum kmb_status run(kmb_session *session, const char *sql, uint64_t *rows, struct kmb_error *error) {
    kmb_statement *statement = NULL;
    *rows = 0;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    while (status == KMB_OK && (status = kmb_step(statement, error)) == KMB_ROW) {
        ++*rows;
        status = KMB_OK;
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

static const char endless[] = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";

static void *cancel_soon(void *session) {
    for (int i = 0; i < 3; i++) {
        usleep(300000);
        kmb_cancel(session);
    }
    return NULL;
}

static void cancel(kmb_db *db) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    pthread_t thread;
    uint64_t rows;
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    kmb_cancel(session); /* nothing runs: nothing happens */
    check(run(session, "SELECT 1", &rows, &error), "before", &error);
    double begun = seconds();
    pthread_create(&thread, NULL, cancel_soon, session);
    enum kmb_status status = run(session, endless, &rows, &error);
    double took = seconds() - begun;
    pthread_join(thread, NULL);
    if (status != KMB_CANCELLED || strcmp(error.message, "canceling statement due to user request") != 0) {
        fail("cancelled", &error);
    }
    if (took > 5) {
        fprintf(stderr, "cancelled after %.1f s\n", took);
        exit(1);
    }
    check(run(session, "SELECT g FROM generate_series(1, 10000) g", &rows, &error), "after", &error);
    printf("cancelled, then %llu rows\n", (unsigned long long)rows);
    kmb_session_close(session);
}

static void pages(kmb_db *db, unsigned long mib) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    struct rusage usage;
    char sql[128];
    uint64_t rows;
    snprintf(sql, sizeof(sql), "SELECT g, repeat('x', 1000) FROM generate_series(1, %lu) g", mib * 1048);
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    check(run(session, sql, &rows, &error), "pages", &error);
    getrusage(RUSAGE_SELF, &usage);
    printf("%llu rows %ld KiB\n", (unsigned long long)rows, usage.ru_maxrss);
    kmb_session_close(session);
}

static void killed(kmb_db *db) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    uint64_t rows;
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    printf("running\n");
    fflush(stdout);
    enum kmb_status status = run(session, endless, &rows, &error);
    printf("%s %s: %s\n", kmb_status_name(status), kmb_status_sqlstate(status), error.message);
    double begun = seconds();
    status = run(session, "SELECT 1", &rows, &error); /* at once, and the same */
    printf("%s, %s\n", kmb_status_name(status), seconds() - begun < 0.1 ? "at once" : "late");
    kmb_session_close(session);
    session = NULL;
    status = kmb_session_open(db, 0, &session, &error);
    printf("another: %s\n", kmb_status_name(status));
    kmb_session_close(session);
}

static void timeout(kmb_db *db) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    uint64_t rows;
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    double begun = seconds();
    enum kmb_status status = run(session, "SELECT pg_sleep(4)", &rows, &error);
    printf("%s: %s, %s\n", kmb_status_name(status), error.message, seconds() - begun < 3 ? "soon" : "late");
    kmb_session_close(session);
}

/* Two statements stepped in turn, an appender filled meanwhile, and a cursor left before its end. */
static void *work(void *context) {
    kmb_db *db = context;
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    kmb_statement *one = NULL;
    kmb_statement *other = NULL;
    kmb_appender *appender = NULL;
    static const char numbers[] = "SELECT g, repeat('y', 200) FROM generate_series(1, 30000) g";
    uint64_t rows = 0;
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    check(kmb_prepare(session, numbers, strlen(numbers), &one, NULL, &error), "prepare", &error);
    check(kmb_prepare(session, numbers, strlen(numbers), &other, NULL, &error), "prepare", &error);
    check(kmb_appender_open(session, "many", &appender, &error), "appender", &error);
    for (int64_t i = 1; i <= 30000; i++) {
        if (kmb_step(one, &error) != KMB_ROW || (i <= 100 && kmb_step(other, &error) != KMB_ROW)) {
            fail("step", &error);
        }
        if (kmb_column_int64(one, 0) != i || (i <= 100 && kmb_column_int64(other, 0) != i)) {
            fprintf(stderr, "row %lld is another\n", (long long)i);
            exit(1);
        }
        check(kmb_append_int64(appender, i, &error), "append", &error);
        check(kmb_append_row(appender, &error), "row", &error);
    }
    kmb_reset(other); /* long before its end */
    check(kmb_appender_flush(appender, &rows, &error), "flush", &error);
    if (kmb_step(one, &error) != KMB_DONE || rows != 30000 || kmb_step(other, &error) != KMB_ROW) {
        fail("end", &error);
    }
    kmb_appender_close(appender);
    kmb_finalize(one);
    kmb_finalize(other);
    kmb_session_close(session);
    return NULL;
}

/* A result that is being read outlives the transaction it was begun in. */
static void read_across(kmb_session *session, bool commits) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    static const char numbers[] = "SELECT g FROM generate_series(1, 300000) g";
    uint64_t rows = 1;
    enum kmb_status status;
    check(kmb_begin(session, &error), "begin", &error);
    check(kmb_prepare(session, numbers, strlen(numbers), &statement, NULL, &error), "prepare", &error);
    if (kmb_step(statement, &error) != KMB_ROW) {
        fail("step", &error);
    }
    check(commits ? kmb_commit(session, &error) : kmb_rollback(session, &error), "end", &error);
    while ((status = kmb_step(statement, &error)) == KMB_ROW) {
        rows++;
    }
    if (status != KMB_DONE || rows != 300000) {
        fail("across", &error);
    }
    kmb_finalize(statement);
}

static void many(kmb_db *db) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    pthread_t threads[THREADS];
    uint64_t rows;
    check(kmb_session_open(db, 0, &session, &error), "session", &error);
    check(kmb_exec(session, "CREATE TABLE many (a BIGINT)", &error), "table", &error);
    read_across(session, true);
    read_across(session, false);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, db);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    check(run(session, "SELECT a FROM many", &rows, &error), "count", &error);
    printf("%llu rows\n", (unsigned long long)rows);
    kmb_session_close(session);
}

int main(int argc, char **argv) {
    struct kmb_error error = {0};
    struct kmb_connect_options options = {.size = sizeof(options)};
    kmb_db *db = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: far cancel|pages|killed|timeout|many URL [MIB]\n");
        return 2;
    }
    options.answer_timeout_ms = strcmp(argv[1], "timeout") == 0 ? 1000 : 0;
    check(kmb_connect(argv[2], &options, &db, &error), "connect", &error);
    if (strcmp(argv[1], "cancel") == 0) {
        cancel(db);
    } else if (strcmp(argv[1], "pages") == 0) {
        pages(db, argc > 3 ? strtoul(argv[3], NULL, 10) : 1);
    } else if (strcmp(argv[1], "killed") == 0) {
        killed(db);
    } else if (strcmp(argv[1], "timeout") == 0) {
        timeout(db);
    } else {
        many(db);
    }
    check(kmb_close(db, &error), "close", &error);
    return 0;
}
