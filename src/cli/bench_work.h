/* What the clients of `kimberlite bench` do, over and over. */
#ifndef KMB_CLI_BENCH_WORK_H
#define KMB_CLI_BENCH_WORK_H

#include <stdatomic.h>

#include "base/environment.h"
#include "base/quantiles.h"
#include "kimberlite.h"

#define BENCH_STATEMENTS_MAX 5
#define BENCH_SCHEMA         "kimberlite_bench"
#define BENCH_ACCOUNTS       INT64_C(100000) /* for each unit of scale, as pgbench has them */
#define BENCH_TELLERS        10

struct bench_client;

struct bench_workload {
    const char *name;
    const char *statements[BENCH_STATEMENTS_MAX]; /* prepared by each client */
    /* One transaction; an error that ends it leaves the session without one. */
    enum kmb_status (*once)(struct bench_client *client, struct kmb_error *error);
    bool writes;
};

struct bench_client {
    kmb_session *session;
    kmb_statement *statements[BENCH_STATEMENTS_MAX];
    struct prng prng;
    int64_t scale;
    uint32_t number;  /* from 0 */
    uint64_t written; /* rows inserted */
    struct quantiles *durations_ns;
    uint64_t retries;       /* of transactions that lost to another */
    _Atomic uint64_t done;  /* transactions, those of warming up too; read by who shows progress */
    int64_t finished_ns;    /* when the last one ended */
    struct kmb_error error; /* why it gave up; status KMB_OK: it did not */
};

const struct bench_workload *bench_workload_find(const char *name); /* NULL: there is none */

/* The tables, filled, in the schema kimberlite_bench, which is made anew. */
enum kmb_status bench_tables_make(kmb_session *session, int64_t scale, struct kmb_error *error);
enum kmb_status bench_tables_drop(kmb_session *session, struct kmb_error *error);

/* What all transactions have left behind agrees: KMB_INTERNAL: it does not. rows: inserted by all clients. */
enum kmb_status bench_tables_check(kmb_session *session, uint64_t rows, struct kmb_error *error);

/* Prepares the workload's statements for a client whose session is open. */
enum kmb_status bench_client_prepare(struct bench_client *client, const struct bench_workload *workload,
                                     struct kmb_error *error);
void bench_client_finish(struct bench_client *client);

#endif
