/*
 * Sessions side by side on one database, through the C API alone: writers that commit transactions of their own and run
 * them again when told to, an appender, readers of the present and of the past, checkpoints, state hashes and a stream,
 * all at once. Every thread checks what it sees: a sum that no transaction changes, positions that never go back. Its
 * second use is under ThreadSanitizer.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../scratch.h"
#include "kimberlite.h"

enum { ROUNDS = 25, ACCOUNTS = 8, RETRIES_MAX = 10000, APPENDED = 20, VISITED = 3 };

static kmb_db *database;
static atomic_uint broken;

static void complain(const char *where, enum kmb_status status, const struct kmb_error *error) {
    fprintf(stderr, "%s: %s: %s\n", where, kmb_status_name(status), error->message);
    atomic_fetch_add(&broken, 1);
}

static bool good(const char *where, enum kmb_status status, const struct kmb_error *error) {
    if (status != KMB_OK) {
        complain(where, status, error);
    }
    return status == KMB_OK;
}

/* The first column of the first row. */
static enum kmb_status ask(kmb_session *session, const char *sql, int64_t *value, struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(session, sql, strlen(sql), &statement, NULL, error);
    if (status == KMB_OK) {
        status = kmb_step(statement, error);
    }
    if (status == KMB_ROW) {
        *value = kmb_column_int64(statement, 0);
        status = kmb_step(statement, error);
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

static enum kmb_status transfer(kmb_session *session, unsigned round, struct kmb_error *error) {
    char sql[256];
    snprintf(
        sql, sizeof(sql),
        "UPDATE accounts SET amount = amount - 1 WHERE id = %u; UPDATE accounts SET amount = amount + 1 WHERE id = %u",
        round % ACCOUNTS, (round + 3) % ACCOUNTS);
    enum kmb_status status = kmb_begin(session, error);
    if (status == KMB_OK) {
        status = kmb_exec(session, sql, error);
    }
    if (status == KMB_OK) {
        return kmb_commit(session, error);
    }
    kmb_rollback(session, NULL);
    return status;
}

static void write_all(kmb_session *session, unsigned self) {
    struct kmb_error error = {0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum kmb_status status = KMB_SERIALIZATION;
        for (int attempt = 0; status == KMB_SERIALIZATION && attempt < RETRIES_MAX; attempt++) {
            status = transfer(session, round + self, &error);
        }
        if (!good("transfer", status, &error)) {
            return;
        }
    }
}

static void read_all(kmb_session *session, unsigned self) {
    struct kmb_error error = {0};
    uint64_t seen = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char sql[128];
        int64_t sum = 0;
        uint64_t position = kmb_session_position(session);
        if (position < seen) {
            complain("position went back", KMB_INTERNAL, &error);
        }
        seen = position;
        snprintf(sql, sizeof(sql),
                 self % 2 == 0 ? "SELECT sum(amount) FROM accounts" : "SELECT sum(amount) FROM accounts AT OFFSET %d",
                 ACCOUNTS);
        if (!good("sum", ask(session, sql, &sum, &error), &error)) {
            return;
        }
        if (sum != ACCOUNTS * 100) {
            fprintf(stderr, "the sum is %" PRId64 "\n", sum);
            atomic_fetch_add(&broken, 1);
        }
    }
}

/* Two of these count the same visits, the first of which inserts: neither may insert beside the other or lose a one. */
static void visit_all(kmb_session *session) {
    struct kmb_error error = {0};
    for (unsigned round = 0; round < ROUNDS * VISITED; round++) {
        char sql[160];
        snprintf(sql, sizeof(sql),
                 "INSERT INTO visits VALUES (%u, 1) ON CONFLICT (id) DO UPDATE SET n = visits.n + EXCLUDED.n",
                 round % VISITED);
        enum kmb_status status = KMB_SERIALIZATION;
        for (int attempt = 0; status == KMB_SERIALIZATION && attempt < RETRIES_MAX; attempt++) {
            status = kmb_exec(session, sql, &error);
        }
        if (!good("visit", status, &error)) {
            return;
        }
    }
}

static void count_visits(void) {
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    int64_t counted = 0;
    if (good("session", kmb_session_open(database, 1, &session, &error), &error) &&
        good("visits", ask(session, "SELECT count(*) * 1000 + min(n) + max(n) FROM visits", &counted, &error),
             &error) &&
        counted != VISITED * 1000 + 2 * 2 * ROUNDS) {
        fprintf(stderr, "the visits are %" PRId64 "\n", counted);
        atomic_fetch_add(&broken, 1);
    }
    kmb_session_close(session);
}

static void append_all(kmb_session *session) {
    struct kmb_error error = {0};
    kmb_appender *appender = NULL;
    const struct kmb_bytes event = {.bytes = "event", .length = 5};
    uint32_t stream = 0;
    enum kmb_status status = kmb_stream_create(session, "notes", KMB_CLASS_PUBLIC, &stream, &error);
    if (status == KMB_OK) {
        status = kmb_appender_open(session, "lines", &appender, &error);
    }
    for (int64_t i = 0; i < APPENDED && status == KMB_OK; i++) {
        status = kmb_append_int64(appender, i, &error);
        status = status == KMB_OK ? kmb_append_row(appender, &error) : status;
        status = status == KMB_OK && i % 4 == 3 ? kmb_appender_flush(appender, NULL, &error) : status;
        status = status == KMB_OK ? kmb_stream_append(session, stream, UINT64_MAX, &event, 1, NULL, &error) : status;
    }
    kmb_appender_close(appender);
    good("append", status, &error);
}

static void watch_all(void) {
    struct kmb_error error = {0};
    for (int i = 0; i < 5; i++) {
        struct kmb_info info = {.size = sizeof(info)};
        char hash[65];
        good("info", kmb_info(database, &info, &error), &error);
        good("checkpoint", kmb_checkpoint(database, &error), &error);
        good("hash", kmb_state_hash(database, hash, &error), &error);
    }
}

static void *work(void *argument) {
    unsigned self = *(const unsigned *)argument;
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    if (!good("session", kmb_session_open(database, 1, &session, &error), &error)) {
        return NULL;
    }
    if (self < 2) {
        write_all(session, self);
    } else if (self < 4) {
        read_all(session, self);
    } else if (self == 4) {
        append_all(session);
    } else if (self < 7) {
        visit_all(session);
    } else {
        watch_all();
    }
    kmb_session_close(session);
    return NULL;
}

static bool prepare(const char *path) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    struct kmb_error error = {0};
    kmb_session *session = NULL;
    char sql[1024] = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount BIGINT CHECK (amount >= 0)); CREATE TABLE "
                     "lines (id INTEGER PRIMARY KEY); CREATE TABLE visits (id INTEGER PRIMARY KEY, n BIGINT); INSERT "
                     "INTO accounts VALUES (0, 100)";
    for (unsigned i = 1; i < ACCOUNTS; i++) {
        size_t length = strlen(sql);
        snprintf(sql + length, sizeof(sql) - length, ", (%u, 100)", i);
    }
    if (!good("open", kmb_open(path, &options, &database, &error), &error)) {
        return false;
    }
    bool done = good("session", kmb_session_open(database, 1, &session, &error), &error) &&
                good("tables", kmb_exec(session, sql, &error), &error);
    kmb_session_close(session);
    return done;
}

int main(void) {
    char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 8];
    scratch_make(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/db", folder);
    if (prepare(path)) {
        enum { THREADS = 8 };
        pthread_t threads[THREADS];
        unsigned selves[THREADS];
        unsigned started = 0;
        for (; started < THREADS; started++) {
            selves[started] = started;
            if (pthread_create(&threads[started], NULL, work, &selves[started]) != 0) {
                atomic_fetch_add(&broken, 1);
                break;
            }
        }
        for (unsigned i = 0; i < started; i++) {
            pthread_join(threads[i], NULL);
        }
        count_visits();
        struct kmb_verify_options options = {.size = sizeof(options)};
        struct kmb_error error = {0};
        good("verify beside the owner", kmb_verify(path, &options, NULL, &error), &error);
        good("close", kmb_close(database, &error), &error);
        good("verify", kmb_verify(path, &options, NULL, &error), &error);
    }
    scratch_remove(folder);
    printf("%u complaints\n", atomic_load(&broken));
    return atomic_load(&broken) != 0;
}
