/*
 * SQL text: anything must end in rows or an error. Runs the shipping shard, session and SQL code on a disk in memory;
 * each input runs in a transaction that is rolled back, so that inputs do not depend on each other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/io_memory.h"
#include "engine/session.h"
#include "sql/parse/digest.h"

/* A digest is the text with parameters for literals, and every place in it is one of the text. */
static void check_digest(struct slice text) {
    static struct sql_digest digest;
    static struct value values[SQL_DIGEST_LITERALS_MAX];
    struct arena arena;
    uint32_t in_key = 0;
    uint32_t at = 0;
    if (!sql_digest(text, &digest)) {
        return;
    }
    at = digest.first;
    for (uint32_t i = 0; i < digest.literal_count; i++) {
        const struct sql_literal *literal = &digest.literals[i];
        uint32_t between = literal->in_key - in_key;
        if (literal->first - at != between || memcmp(text.bytes + at, digest.key + in_key, between) != 0) {
            abort();
        }
        in_key = literal->in_key + literal->in_key_length;
        at = literal->end;
    }
    if (digest.end - at != digest.key_length - in_key ||
        memcmp(text.bytes + at, digest.key + in_key, digest.end - at) != 0) {
        abort();
    }
    arena_init(&arena, 0);
    if (!sql_digest_values(text, &digest, &arena, values)) {
        abort();
    }
    arena_free(&arena);
    uint32_t last = 0;
    for (uint32_t position = 1; position <= digest.key_length; position++) {
        uint32_t place = sql_digest_position(text, &digest, position);
        if (place < last || place == 0 || place > digest.end - digest.first + 1) {
            abort();
        }
        last = place;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int64_t clock_us = INT64_C(1700000000000000);
static struct prng generator;

static int64_t fake_time(void *context) {
    (void)context;
    return clock_us += 7;
}
static int64_t fake_boot(void *context) {
    return fake_time(context) * 1000;
}
static bool fake_random(void *context, void *bytes, size_t count) {
    (void)context;
    prng_bytes(&generator, bytes, count);
    return true;
}

struct run {
    struct session *session;
    unsigned statements;
};

static bool run_one(void *context, struct slice text, size_t offset) {
    struct run *run = context;
    struct sql_statement *statement = NULL;
    struct sql_run *rows = NULL;
    struct session_outcome outcome;
    struct kmb_error error = {0};
    const struct batch *batch;
    (void)offset;
    if (sql_prepare(session_host(run->session), text, NULL, 0, &statement, &error) == KMB_OK) {
        if (session_run(run->session, statement, NULL, 0, &rows, &outcome, &error) == KMB_OK) {
            for (unsigned i = 0; i < 64 && sql_run_next(rows, &batch, &error) == KMB_ROW; i++) {
            }
        }
        sql_run_close(rows);
    }
    sql_statement_free(statement);
    return ++run->statements < 8;
}

static struct session *start(void) {
    static const char schema[] =
        "CREATE TABLE t (id BIGINT PRIMARY KEY, a INT, b TEXT, c NUMERIC(10,2), d DATE, e BOOLEAN, f FLOAT8);"
        "CREATE INDEX t_a ON t (a, b);"
        "CREATE TABLE u (x INT, y TIMESTAMP, z TEXT UNIQUE);"
        "INSERT INTO t VALUES (1, 1, 'one', 1.5, '2026-01-31', true, 0.5), (2, NULL, NULL, NULL, NULL, NULL, NULL);"
        "INSERT INTO u VALUES (1, '2026-01-31 12:00:00', 'z'), (NULL, NULL, NULL);";
    struct shard *shard = NULL;
    struct session *session = NULL;
    struct kmb_error error = {0};
    struct io_memory *disk = io_memory_new(UINT64_C(256) << 20);
    prng_seed(&generator, 1);
    struct shard_options options = {
        .io = io_memory_table(disk),
        .environment = {.time_us = fake_time, .monotonic_ns = fake_boot, .random = fake_random},
        .logger = {.level = LOG_OFF},
        .path = "/fuzz",
        .create = true,
        .no_encryption = true,
        .segment_bytes = 1 << 20,
    };
    struct session_options session_options = {.tenant = {1}, .number = 1, .memory_bytes_max = 8 << 20};
    if (shard_open(&options, &shard, &error) != KMB_OK) {
        abort();
    }
    session_options.shard = shard;
    if (session_new(&session_options, &session, &error) != KMB_OK) {
        abort();
    }
    struct run run = {.session = session};
    if (sql_split(slice_text(schema), run_one, &run, &error) != KMB_OK) {
        abort();
    }
    return session;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct session *session;
    struct kmb_error error = {0};
    if (session == NULL) {
        session = start();
    }
    check_digest(slice_make(bytes, size));
    if (size > 4096 || (!session_in_transaction(session) && session_begin(session, false, &error) != KMB_OK)) {
        return 0;
    }
    struct run run = {.session = session};
    sql_split(slice_make(bytes, size), run_one, &run, &error);
    if (session_in_transaction(session)) {
        session_rollback(session, &error);
    }
    return 0;
}
