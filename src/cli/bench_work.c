/*
 * Five workloads on pgbench's tables and one of its own: rows inserted one by one, a row read by its key, TPC-B as
 * pgbench has it, the whole of the largest table read, and a mixture as of a small application: eight reads of a row,
 * one update, and a range of a hundred rows or an insert.
 *
 * They use the C API alone, so that they are the same for a database in this process and one behind a server.
 */
#include "cli/bench_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/interrupt.h"

#define RANGE_ROWS   100
#define DELTA_MAX    5000
#define VALUE_LENGTH 84 /* of a filler, as pgbench's */

static const char value[VALUE_LENGTH + 1] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuv";

/* --- statements --------------------------------------------------------------------------------------------------- */

/* Binds numbers, runs, reads all rows. rows: how many must come; UINT64_MAX: any. */
static enum kmb_status run(kmb_statement *statement, const int64_t *numbers, uint32_t count, uint64_t rows,
                           struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    uint64_t got = 0;
    for (uint32_t i = 0; status == KMB_OK && i < count; i++) {
        status = kmb_bind_int64(statement, i + 1, numbers[i], error);
    }
    if (status != KMB_OK) {
        return status;
    }
    while ((status = kmb_step(statement, error)) == KMB_ROW) {
        (void)kmb_column_text(statement, kmb_column_count(statement) - 1, NULL);
        got++;
    }
    if (status == KMB_DONE && kmb_column_count(statement) == 0) {
        got = kmb_statement_rows(statement);
    }
    kmb_reset(statement);
    if (status != KMB_DONE) {
        return status;
    }
    return rows == UINT64_MAX || got == rows
               ? KMB_OK
               : error_set(error, KMB_INTERNAL, "a statement of the bench met %" PRIu64 " rows, not %" PRIu64, got,
                           rows);
}

static int64_t below(struct bench_client *client, int64_t bound) {
    return (int64_t)prng_below(&client->prng, (uint64_t)bound);
}

static int64_t account(struct bench_client *client) {
    return 1 + below(client, client->scale * BENCH_ACCOUNTS);
}

static enum kmb_status insert_with(struct bench_client *client, kmb_statement *statement, struct kmb_error *error) {
    const int64_t numbers[] = {client->number, (int64_t)client->written};
    enum kmb_status status = kmb_bind_text(statement, 3, value, VALUE_LENGTH, error);
    status = status == KMB_OK ? run(statement, numbers, 2, 1, error) : status;
    client->written += status == KMB_OK;
    return status;
}

/* --- workloads ---------------------------------------------------------------------------------------------------- */

#define INSERT "INSERT INTO " BENCH_SCHEMA ".inserted VALUES ($1, $2, $3)"
#define POINT  "SELECT abalance FROM " BENCH_SCHEMA ".accounts WHERE aid = $1"
#define ADD    "UPDATE " BENCH_SCHEMA ".accounts SET abalance = abalance + $2 WHERE aid = $1"
#define RANGE  "SELECT aid, filler FROM " BENCH_SCHEMA ".accounts WHERE aid BETWEEN $1 AND $2 ORDER BY aid"
#define SCAN   "SELECT count(*), sum(abalance), max(filler) FROM " BENCH_SCHEMA ".accounts"

static enum kmb_status insert_once(struct bench_client *client, struct kmb_error *error) {
    return insert_with(client, client->statements[0], error);
}

static enum kmb_status point_once(struct bench_client *client, struct kmb_error *error) {
    const int64_t numbers[] = {account(client)};
    return run(client->statements[0], numbers, 1, 1, error);
}

static enum kmb_status scan_once(struct bench_client *client, struct kmb_error *error) {
    return run(client->statements[0], NULL, 0, 1, error);
}

static enum kmb_status tpcb_statements(struct bench_client *client, struct kmb_error *error) {
    const int64_t delta = below(client, 2 * DELTA_MAX + 1) - DELTA_MAX;
    const int64_t aid = account(client);
    const int64_t tid = 1 + below(client, client->scale * BENCH_TELLERS);
    const int64_t bid = 1 + below(client, client->scale);
    const int64_t of_account[] = {aid, delta}, of_teller[] = {tid, delta}, of_branch[] = {bid, delta};
    const int64_t of_history[] = {tid, bid, aid, delta};
    enum kmb_status status = run(client->statements[0], of_account, 2, 1, error);
    status = status == KMB_OK ? run(client->statements[1], of_account, 1, 1, error) : status;
    status = status == KMB_OK ? run(client->statements[2], of_teller, 2, 1, error) : status;
    status = status == KMB_OK ? run(client->statements[3], of_branch, 2, 1, error) : status;
    return status == KMB_OK ? run(client->statements[4], of_history, 4, 1, error) : status;
}

static enum kmb_status tpcb_once(struct bench_client *client, struct kmb_error *error) {
    enum kmb_status status = kmb_begin(client->session, error);
    if (status != KMB_OK) {
        return status;
    }
    status = tpcb_statements(client, error);
    if (status == KMB_OK) {
        return kmb_commit(client->session, error);
    }
    (void)kmb_rollback(client->session, NULL);
    return status;
}

static enum kmb_status mixed_once(struct bench_client *client, struct kmb_error *error) {
    int64_t aid = account(client);
    int64_t delta = below(client, 2 * DELTA_MAX + 1) - DELTA_MAX;
    switch (below(client, 20)) {
    case 0:
        return insert_with(client, client->statements[3], error);
    case 1: {
        int64_t last = client->scale * BENCH_ACCOUNTS - RANGE_ROWS + 1;
        const int64_t numbers[] = {aid < last ? aid : last, (aid < last ? aid : last) + RANGE_ROWS - 1};
        return run(client->statements[2], numbers, 2, RANGE_ROWS, error);
    }
    case 2:
    case 3: {
        const int64_t numbers[] = {aid, delta};
        return run(client->statements[1], numbers, 2, 1, error);
    }
    default: {
        const int64_t numbers[] = {aid};
        return run(client->statements[0], numbers, 1, 1, error);
    }
    }
}

static const struct bench_workload workloads[] = {
    {"mixed", {POINT, ADD, RANGE, INSERT, NULL}, mixed_once, true},
    {"insert", {INSERT, NULL, NULL, NULL, NULL}, insert_once, true},
    {"point", {POINT, NULL, NULL, NULL, NULL}, point_once, false},
    {"scan", {SCAN, NULL, NULL, NULL, NULL}, scan_once, false},
    {"tpcb",
     {ADD, POINT, "UPDATE " BENCH_SCHEMA ".tellers SET tbalance = tbalance + $2 WHERE tid = $1",
      "UPDATE " BENCH_SCHEMA ".branches SET bbalance = bbalance + $2 WHERE bid = $1",
      "INSERT INTO " BENCH_SCHEMA ".history VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)"},
     tpcb_once,
     true},
};

const struct bench_workload *bench_workload_find(const char *name) {
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    return NULL;
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

enum kmb_status bench_tables_drop(kmb_session *session, struct kmb_error *error) {
    return kmb_exec(session, "DROP SCHEMA IF EXISTS " BENCH_SCHEMA " CASCADE", error);
}

enum kmb_status bench_tables_make(kmb_session *session, int64_t scale, struct kmb_error *error) {
    char sql[1024];
    enum kmb_status status = bench_tables_drop(session, error);
    if (status == KMB_OK) {
        status = kmb_exec(
            session,
            "CREATE SCHEMA " BENCH_SCHEMA ";"
            "CREATE TABLE " BENCH_SCHEMA ".branches (bid int PRIMARY KEY, bbalance bigint, filler text);"
            "CREATE TABLE " BENCH_SCHEMA ".tellers (tid int PRIMARY KEY, bid int, tbalance bigint, filler text);"
            "CREATE TABLE " BENCH_SCHEMA ".accounts (aid bigint PRIMARY KEY, bid int, abalance bigint, filler text);"
            "CREATE TABLE " BENCH_SCHEMA ".history (tid int, bid int, aid bigint, delta bigint, mtime timestamptz);"
            "CREATE TABLE " BENCH_SCHEMA
            ".inserted (client int, number bigint, value text, PRIMARY KEY (client, number))",
            error);
    }
    if (status == KMB_OK) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO " BENCH_SCHEMA ".branches SELECT g, 0, NULL FROM generate_series(1, %" PRId64 ") AS g;"
                 "INSERT INTO " BENCH_SCHEMA
                 ".tellers SELECT g, (g - 1) / %d + 1, 0, NULL FROM generate_series(1, %" PRId64 ") AS g",
                 scale, BENCH_TELLERS, scale * BENCH_TELLERS);
        status = kmb_exec(session, sql, error);
    }
    for (int64_t i = 0; status == KMB_OK && i < scale; i++) {
        if (interrupt_seen() != 0) {
            return error_set(error, KMB_CANCELLED, "interrupted");
        }
        snprintf(sql, sizeof(sql),
                 "INSERT INTO " BENCH_SCHEMA ".accounts SELECT g, %" PRId64 ", 0, '%s' FROM generate_series(%" PRId64
                 ", %" PRId64 ") AS g",
                 i + 1, value, i * BENCH_ACCOUNTS + 1, (i + 1) * BENCH_ACCOUNTS);
        status = kmb_exec(session, sql, error);
    }
    return status;
}

enum kmb_status bench_tables_check(kmb_session *session, uint64_t rows, struct kmb_error *error) {
    static const char sql[] =
        "SELECT (SELECT count(*) FROM " BENCH_SCHEMA ".inserted),"
        " (SELECT sum(tbalance) FROM " BENCH_SCHEMA ".tellers) = (SELECT sum(bbalance) FROM " BENCH_SCHEMA ".branches)"
        " AND (SELECT sum(tbalance) FROM " BENCH_SCHEMA ".tellers) = (SELECT coalesce(sum(delta), 0) FROM " BENCH_SCHEMA
        ".history)";
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(session, sql, sizeof(sql) - 1, &statement, NULL, error);
    if (status == KMB_OK) {
        status = kmb_step(statement, error);
    }
    if (status == KMB_ROW) {
        uint64_t found = (uint64_t)kmb_column_int64(statement, 0);
        status = found != rows ? error_set(error, KMB_INTERNAL,
                                           "%" PRIu64 " rows were acknowledged, and %" PRIu64 " are there", rows, found)
                 : !kmb_column_bool(statement, 1)
                     ? error_set(error, KMB_INTERNAL, "the balances of tellers, branches and history do not agree")
                     : KMB_OK;
    }
    kmb_finalize(statement);
    return status;
}

enum kmb_status bench_client_prepare(struct bench_client *client, const struct bench_workload *workload,
                                     struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (unsigned i = 0; status == KMB_OK && i < BENCH_STATEMENTS_MAX && workload->statements[i] != NULL; i++) {
        const char *sql = workload->statements[i];
        status = kmb_prepare(client->session, sql, strlen(sql), &client->statements[i], NULL, error);
    }
    return status;
}

void bench_client_finish(struct bench_client *client) {
    for (unsigned i = 0; i < BENCH_STATEMENTS_MAX; i++) {
        kmb_finalize(client->statements[i]);
        client->statements[i] = NULL;
    }
    kmb_session_close(client->session);
    client->session = NULL;
}
