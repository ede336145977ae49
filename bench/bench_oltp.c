/*
 * Short statements beside SQLite, through each one's own C API, in one run: bench_oltp [--rows N] [--runs N] [--dir
 * DIR]
 *
 * A table of N rows (200,000) with a key and an index on a shuffled number. Prepared statements, bound anew each time:
 * a row by its key, ten rows by a range of the index, an update by key inside a transaction and durable by itself
 * (SQLite: WAL, synchronous=FULL). And what it costs to plan a join of ten tables. Each figure is the median of the
 * runs (5); what is compared takes turns, so that a machine that slows down slows both.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"
#include "kimberlite.h"

#define RUNS_MAX    99
#define READS       100000
#define RANGES      20000
#define UPDATES     20000 /* in a transaction */
#define COMMITS     500   /* durable, each alone */
#define PLANS       200
#define TABLES      10
#define RANGE_ROWS  10
#define VALUE_BYTES 100

static struct {
    uint64_t rows;
    unsigned runs;
    char dir[512];
} bench = {.rows = 200000, .runs = 5};
static uint64_t seed = 1;
static unsigned bars_missed;

static void sqlite_must(int code, sqlite3 *db, const char *what) {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
        die(what, sqlite3_errmsg(db));
    }
}

static uint64_t next_random(void) { /* xorshift64 (Marsaglia, 2003) */
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void run_ours(kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    must(kmb_exec(session, sql, &error), &error, sql);
}

static void run_sqlite(sqlite3 *db, const char *sql) {
    sqlite_must(sqlite3_exec(db, sql, NULL, NULL, NULL), db, sql);
}

/* --- one kind of statement, on either side -------------------------------------------------------------------------
 */

struct work {
    const char *name;
    const char *ours;
    const char *sqlite;
    unsigned count;
    unsigned rows; /* a statement gives */
    bool together; /* in one transaction */
    double bar;
};

static const struct work works[] = {
    {"a row by its key", "SELECT value FROM item WHERE id = $1", "SELECT value FROM item WHERE id = ?", READS, 1, false,
     2},
    {"ten rows by a range of an index", "SELECT id, value FROM item WHERE tag BETWEEN $1 AND $1 + 9",
     "SELECT id, value FROM item WHERE tag BETWEEN ?1 AND ?1 + 9", RANGES, RANGE_ROWS, false, 1},
    {"an update by key, in a transaction", "UPDATE item SET quantity = quantity + 1 WHERE id = $1",
     "UPDATE item SET quantity = quantity + 1 WHERE id = ?", UPDATES, 0, true, 1},
    {"an update by key, durable by itself", "UPDATE item SET quantity = quantity + 1 WHERE id = $1",
     "UPDATE item SET quantity = quantity + 1 WHERE id = ?", COMMITS, 0, false, 1},
};

/* Seconds a statement. */
static double time_ours(kmb_session *session, const struct work *work) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    must(kmb_prepare(session, work->ours, strlen(work->ours), &statement, NULL, &error), &error, work->ours);
    double begun = now();
    if (work->together) {
        run_ours(session, "BEGIN");
    }
    for (unsigned i = 0; i < work->count; i++) {
        unsigned rows = 0;
        enum kmb_status status;
        size_t length = 0;
        kmb_bind_int64(statement, 1, (int64_t)(next_random() % (bench.rows - RANGE_ROWS)), &error);
        while ((status = kmb_step(statement, &error)) == KMB_ROW) {
            rows += kmb_column_bytes(statement, kmb_column_count(statement) - 1, &length) != NULL;
        }
        must(status, &error, work->ours);
        if (rows != work->rows) {
            die(work->ours, "other rows than expected");
        }
        kmb_reset(statement);
    }
    if (work->together) {
        run_ours(session, "COMMIT");
    }
    double seconds = now() - begun;
    kmb_finalize(statement);
    return seconds / work->count;
}

static double time_sqlite(sqlite3 *db, const struct work *work) {
    sqlite3_stmt *statement = NULL;
    sqlite_must(sqlite3_prepare_v2(db, work->sqlite, -1, &statement, NULL), db, work->sqlite);
    double begun = now();
    if (work->together) {
        run_sqlite(db, "BEGIN");
    }
    for (unsigned i = 0; i < work->count; i++) {
        unsigned rows = 0;
        int code;
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)(next_random() % (bench.rows - RANGE_ROWS)));
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            rows += sqlite3_column_text(statement, sqlite3_column_count(statement) - 1) != NULL;
        }
        sqlite_must(code, db, work->sqlite);
        if (rows != work->rows) {
            die(work->sqlite, "other rows than expected");
        }
        sqlite3_reset(statement);
    }
    if (work->together) {
        run_sqlite(db, "COMMIT");
    }
    double seconds = now() - begun;
    sqlite3_finalize(statement);
    return seconds / work->count;
}

/* --- planning ------------------------------------------------------------------------------------------------------
 */

/* Milliseconds to bind and plan a chain of ten tables; the text is another each time, so that no plan is kept. */
static double time_plan(kmb_session *session) {
    double begun = now();
    for (unsigned i = 0; i < PLANS; i++) {
        char sql[2048];
        int length = snprintf(sql, sizeof(sql), "SELECT count(*) FROM link0");
        for (unsigned t = 1; t < TABLES; t++) {
            length += snprintf(sql + length, sizeof(sql) - (size_t)length, " JOIN link%u ON link%u.next = link%u.id", t,
                               t - 1, t);
        }
        length += snprintf(sql + length, sizeof(sql) - (size_t)length, " WHERE link0.id < %u AND link%u.next > %u",
                           100 + i, TABLES - 1, i);
        struct kmb_error error = {0};
        kmb_statement *statement = NULL;
        must(kmb_prepare(session, sql, (size_t)length, &statement, NULL, &error), &error, sql);
        kmb_finalize(statement);
    }
    return (now() - begun) / PLANS * 1e3;
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static void fill(kmb_session *session, sqlite3 *db) {
    char sql[512];
    run_ours(session, "CREATE TABLE item (id bigint PRIMARY KEY, tag bigint, quantity bigint, value text)");
    snprintf(sql, sizeof(sql),
             "INSERT INTO item SELECT g, g * 7919 %% %" PRIu64 ", g, rpad(md5(g::text), %d, 'x') "
             "FROM generate_series(0, %" PRIu64 ") AS g",
             bench.rows, VALUE_BYTES, bench.rows - 1);
    run_ours(session, sql);
    run_ours(session, "CREATE INDEX item_tag ON item (tag)");
    for (unsigned t = 0; t < TABLES; t++) {
        snprintf(sql, sizeof(sql), "CREATE TABLE link%u (id int PRIMARY KEY, next int, note text)", t);
        run_ours(session, sql);
        snprintf(sql, sizeof(sql),
                 "INSERT INTO link%u SELECT g, g * 31 %% 5000, 'note' FROM generate_series(0, 4999) AS g", t);
        run_ours(session, sql);
    }
    run_sqlite(db, "PRAGMA journal_mode=WAL");
    run_sqlite(db, "PRAGMA synchronous=FULL");
    run_sqlite(db, "CREATE TABLE item (id INTEGER PRIMARY KEY, tag INTEGER, quantity INTEGER, value TEXT)");
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE s (g) AS (SELECT 0 UNION ALL SELECT g + 1 FROM s WHERE g < %" PRIu64 ") "
             "INSERT INTO item SELECT g, g * 7919 %% %" PRIu64 ", g, substr(hex(randomblob(50)), 1, %d) FROM s",
             bench.rows - 1, bench.rows, VALUE_BYTES);
    run_sqlite(db, sql);
    run_sqlite(db, "CREATE INDEX item_tag ON item (tag)");
    run_sqlite(db, "ANALYZE");
}

static void measure(kmb_session *session, sqlite3 *db) {
    for (size_t w = 0; w < sizeof(works) / sizeof(*works); w++) {
        double ours[RUNS_MAX];
        double theirs[RUNS_MAX];
        (void)time_ours(session, &works[w]);
        (void)time_sqlite(db, &works[w]);
        for (unsigned run = 0; run < bench.runs; run++) {
            ours[run] = time_ours(session, &works[w]);
            theirs[run] = time_sqlite(db, &works[w]);
        }
        double mine = median(ours, bench.runs) * 1e6;
        double other = median(theirs, bench.runs) * 1e6;
        bool missed = other / mine < works[w].bar;
        bars_missed += missed;
        printf("  %-38s %9.2f us   sqlite %9.2f us   ratio %5.2f   bar at least %.0f%s\n", works[w].name, mine, other,
               other / mine, works[w].bar, missed ? "   MISSED" : "");
    }
    double plans[RUNS_MAX];
    for (unsigned run = 0; run < bench.runs; run++) {
        plans[run] = time_plan(session);
    }
    double ms = median(plans, bench.runs);
    bars_missed += ms > 20;
    printf("  %-38s %9.2f ms                                     bar at most 20%s\n", "planning a join of ten tables",
           ms, ms > 20 ? "   MISSED" : "");
}

int main(int argc, char **argv) {
    const char *base = "/tmp";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rows") == 0) {
            bench.rows = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0) {
            bench.runs = (unsigned)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--dir") == 0) {
            base = argv[i + 1];
        } else {
            argc = 0;
        }
    }
    if (argc % 2 == 0 || bench.runs == 0 || bench.runs > RUNS_MAX || bench.rows < 1000) {
        fprintf(stderr, "usage: bench_oltp [--rows N] [--runs 1..%d] [--dir DIR]\n", RUNS_MAX);
        return 2;
    }
    snprintf(bench.dir, sizeof(bench.dir), "%s/kimberlite-bench-oltp-XXXXXX", base);
    if (mkdtemp(bench.dir) == NULL) {
        die(bench.dir, "cannot be made");
    }
    char path[600];
    struct kmb_error error = {0};
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    sqlite3 *peer = NULL;
    snprintf(path, sizeof(path), "%s/db", bench.dir);
    must(kmb_open(path, &options, &db, &error), &error, "open");
    must(kmb_session_open(db, 1, &session, &error), &error, "session");
    snprintf(path, sizeof(path), "%s/sqlite", bench.dir);
    if (sqlite3_open(path, &peer) != SQLITE_OK) {
        die("sqlite open", path);
    }
    fill(session, peer);
    measure(session, peer);
    kmb_session_close(session);
    must(kmb_close(db, &error), &error, "close");
    sqlite3_close(peer);
    snprintf(path, sizeof(path), "rm -rf '%s'", bench.dir);
    if (system(path) != 0) {
        die(bench.dir, "cannot be removed");
    }
    return 0;
}
