/*
 * The database beside what a user would pick instead, in one run: bench_db [--rows N] [--runs N] [--only NAME] [--dir
 * DIR]
 *
 * Every figure is a median of `runs` runs; every claim is a ratio of two figures of this run, printed with its bar. The
 * peers are SQLite in the same process (WAL, synchronous=FULL, read back and printed) and the raw disk: a preallocated
 * file written and synced. Both write below the same directory.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/environment.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "figures.h"
#include "kimberlite.h"

#define RUNS_MAX     15
#define BATCH        10000
#define VALUE_BYTES  100
#define RECORD_BYTES 1024
#define RECORD_BATCH 1000

static struct {
    uint64_t rows;
    unsigned runs;
    const char *only;
    const char *base;
    char dir[512];
} bench = {.rows = 1000000, .runs = 5, .base = "."};

static unsigned bars_missed;

/* --- small tools -------------------------------------------------------------------------------------------------- */

static void sqlite_must(int code, sqlite3 *db, const char *what) {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
        die(what, sqlite3_errmsg(db));
    }
}

static void figure(const char *name, double value, const char *unit) {
    printf("  %-46s %14.1f %s\n", name, value, unit);
    fflush(stdout);
}

/* at_least: ratio must reach the bar; else it must not pass it. */
static void ratio(const char *name, double value, double bar, bool at_least) {
    bool met = at_least ? value >= bar : value <= bar;
    bars_missed += !met;
    printf("  = %-44s %14.2f x  (bar: %s %.2f)%s\n", name, value, at_least ? "at least" : "at most", bar,
           met ? "" : "  MISSED");
    fflush(stdout);
}

static bool wanted(const char *name) {
    bool run = bench.only == NULL || strcmp(bench.only, name) == 0;
    if (run) {
        printf("%s\n", name);
        fflush(stdout);
    }
    return run;
}

static void remove_all(const char *path) {
    char command[2000];
    snprintf(command, sizeof(command), "rm -rf '%s' '%s.key'", path, path);
    if (system(command) != 0) {
        die("remove", path);
    }
}

static uint64_t directory_bytes(const char *path) {
    char command[2000];
    unsigned long long bytes = 0;
    snprintf(command, sizeof(command), "du -sB1 '%s'* | awk '{n += $1} END {print n}'", path);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL || fscanf(pipe, "%llu", &bytes) != 1) {
        die("du", path);
    }
    pclose(pipe);
    return bytes;
}

static const char *path_of(const char *name) {
    static char path[4][600];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof(path[0]), "%s/%s", bench.dir, name);
    return out;
}

static uint64_t seed = 1;
static uint64_t next_random(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 33;
}

static void fill_text(char *text, uint64_t number) {
    for (unsigned i = 0; i < VALUE_BYTES; i++) {
        text[i] = (char)('a' + (number * 31 + i * 7) % 26);
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct ours {
    kmb_db *db;
    kmb_session *session;
};

static struct ours open_ours(const char *path, bool fresh) {
    struct ours ours = {0};
    struct kmb_error error = {0};
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    if (fresh) {
        remove_all(path);
    }
    must(kmb_open(path, &options, &ours.db, &error), &error, "open");
    must(kmb_session_open(ours.db, 1, &ours.session, &error), &error, "session");
    return ours;
}

static void close_ours(struct ours *ours) {
    struct kmb_error error = {0};
    kmb_session_close(ours->session);
    must(kmb_close(ours->db, &error), &error, "close");
}

static void run_sql(kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    must(kmb_exec(session, sql, &error), &error, sql);
}

static int64_t query_int(kmb_session *session, const char *sql) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    must(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error), &error, sql);
    must(kmb_step(statement, &error), &error, sql);
    int64_t value = kmb_column_int64(statement, 0);
    kmb_finalize(statement);
    return value;
}

static sqlite3 *open_sqlite(const char *path, bool fresh) {
    sqlite3 *db = NULL;
    if (fresh) {
        char wal[700], shm[700];
        snprintf(wal, sizeof(wal), "%s-wal", path);
        snprintf(shm, sizeof(shm), "%s-shm", path);
        remove_all(path);
        remove_all(wal);
        remove_all(shm);
    }
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        die("sqlite open", path);
    }
    sqlite3_busy_timeout(db, 60000);
    sqlite_must(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL), db, "pragma");
    return db;
}

static void sqlite_sql(sqlite3 *db, const char *sql) {
    sqlite_must(sqlite3_exec(db, sql, NULL, NULL, NULL), db, sql);
}

static int print_pragma(void *context, int count, char **values, char **names) {
    (void)context;
    (void)count;
    (void)names;
    printf(" %s", values[0]);
    return 0;
}

static void print_pragmas(void) {
    sqlite3 *db = open_sqlite(path_of("pragma.sqlite"), true);
    printf("sqlite %s: journal_mode, synchronous:", sqlite3_libversion());
    sqlite3_exec(db, "PRAGMA journal_mode; PRAGMA synchronous", print_pragma, NULL, NULL);
    printf("\n");
    sqlite3_close(db);
    remove_all(path_of("pragma.sqlite"));
}

/* --- bulk append -------------------------------------------------------------------------------------------------- */

static double append_ours(uint64_t records, const uint8_t *payload) {
    struct ours ours = open_ours(path_of("append"), true);
    struct kmb_error error = {0};
    uint32_t stream = 0;
    static struct kmb_bytes events[RECORD_BATCH];
    for (unsigned i = 0; i < RECORD_BATCH; i++) {
        events[i] = (struct kmb_bytes){.bytes = payload + i * RECORD_BYTES, .length = RECORD_BYTES};
    }
    must(kmb_stream_create(ours.session, "bulk", KMB_CLASS_PUBLIC, &stream, &error), &error, "stream");
    double begun = now();
    for (uint64_t at = 0; at < records; at += RECORD_BATCH) {
        must(kmb_stream_append(ours.session, stream, at, events, RECORD_BATCH, NULL, &error), &error, "append");
    }
    double seconds = now() - begun;
    close_ours(&ours);
    return seconds;
}

static double append_sqlite(uint64_t records, const uint8_t *payload) {
    sqlite3 *db = open_sqlite(path_of("append.sqlite"), true);
    sqlite3_stmt *insert = NULL;
    sqlite_sql(db, "CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB)");
    sqlite_must(sqlite3_prepare_v2(db, "INSERT INTO event (body) VALUES (?)", -1, &insert, NULL), db, "prepare");
    double begun = now();
    for (uint64_t at = 0; at < records; at += RECORD_BATCH) {
        sqlite_sql(db, "BEGIN");
        for (unsigned i = 0; i < RECORD_BATCH; i++) {
            sqlite3_bind_blob(insert, 1, payload + i * RECORD_BYTES, RECORD_BYTES, SQLITE_STATIC);
            sqlite_must(sqlite3_step(insert), db, "insert");
            sqlite3_reset(insert);
        }
        sqlite_sql(db, "COMMIT");
    }
    double seconds = now() - begun;
    sqlite3_finalize(insert);
    sqlite3_close(db);
    remove_all(path_of("append.sqlite"));
    return seconds;
}

static double append_raw(uint64_t records, const uint8_t *payload) {
    const char *path = path_of("raw");
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint64_t bytes = records * RECORD_BYTES;
    if (file < 0 || fallocate(file, 0, 0, (off_t)bytes) != 0) {
        die("raw", path);
    }
    double begun = now();
    for (uint64_t at = 0; at < bytes; at += RECORD_BATCH * RECORD_BYTES) {
        if (pwrite(file, payload, RECORD_BATCH * RECORD_BYTES, (off_t)at) != RECORD_BATCH * RECORD_BYTES ||
            fdatasync(file) != 0) {
            die("raw write", path);
        }
    }
    double seconds = now() - begun;
    close(file);
    unlink(path);
    return seconds;
}

static double seal_and_hash(uint64_t records, const uint8_t *payload) {
    size_t size = RECORD_BATCH * RECORD_BYTES;
    struct secret_key secret = {{1}};
    struct aead_nonce nonce = {{2}};
    uint8_t *out = malloc(size + AEAD_TAG_SIZE);
    struct aead_key *key = NULL;
    struct kmb_error error = {0};
    if (out == NULL || aead_key_new(&secret, &key, &error) != KMB_OK) {
        die("seal", error.message);
    }
    struct hash256 hash = {{0}};
    double begun = now();
    for (uint64_t at = 0; at < records; at += RECORD_BATCH) {
        nonce.bytes[0]++;
        aead_seal(key, &nonce, slice_make(&at, sizeof(at)), slice_make(payload, size), out);
        hash = hash_sha256(out, size + AEAD_TAG_SIZE);
    }
    double seconds = now() - begun;
    seed ^= hash.bytes[0];
    aead_key_free(key);
    free(out);
    return seconds;
}

static double hash_file_bytes(uint64_t bytes, const uint8_t *payload) {
    size_t size = RECORD_BATCH * RECORD_BYTES;
    double begun = now();
    for (uint64_t at = 0; at < bytes; at += size) {
        struct hash256 hash = hash_sha256(payload, size);
        seed ^= hash.bytes[0];
    }
    return now() - begun;
}

static void bench_append(void) {
    if (!wanted("append")) {
        return;
    }
    uint64_t records = bench.rows / 5 / RECORD_BATCH * RECORD_BATCH;
    size_t size = RECORD_BATCH * RECORD_BYTES;
    uint8_t *payload = malloc(size);
    double ours[RUNS_MAX], raw[RUNS_MAX], seal[RUNS_MAX], sqlite[RUNS_MAX], verify[RUNS_MAX], hash[RUNS_MAX];
    struct kmb_error error = {0};
    if (payload == NULL) {
        die("append", "no memory");
    }
    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)next_random();
    }
    for (unsigned run = 0; run < bench.runs; run++) {
        ours[run] = append_ours(records, payload);
        raw[run] = append_raw(records, payload);
        seal[run] = seal_and_hash(records, payload);
        sqlite[run] = append_sqlite(records, payload);
        struct kmb_verify_options options = {.size = sizeof(options), .log_only = true};
        struct kmb_verify_report report = {.size = sizeof(report)};
        double begun = now();
        must(kmb_verify(path_of("append"), &options, &report, &error), &error, "verify");
        verify[run] = now() - begun;
        hash[run] = hash_file_bytes(report.bytes, payload);
        remove_all(path_of("append"));
    }
    double bytes = (double)records * RECORD_BYTES / 1e6;
    double our_rate = bytes / median(ours, bench.runs);
    double raw_rate = bytes / median(raw, bench.runs);
    double seal_rate = bytes / median(seal, bench.runs);
    double sqlite_rate = bytes / median(sqlite, bench.runs);
    figure("kimberlite, 1 KiB x 1000 a commit", our_rate, "MB/s");
    figure("preallocated write + fdatasync", raw_rate, "MB/s");
    figure("seal + SHA-256, one core", seal_rate, "MB/s");
    figure("sqlite, the same", sqlite_rate, "MB/s");
    ratio("append / smaller of raw and seal", our_rate / (raw_rate < seal_rate ? raw_rate : seal_rate), 0.6, true);
    ratio("append / sqlite", our_rate / sqlite_rate, 3, true);
    ratio("verify --log-only / SHA-256 of its bytes", median(hash, bench.runs) / median(verify, bench.runs), 0.8, true);
    free(payload);
}

/* --- durable single-row inserts ----------------------------------------------------------------------------------- */

struct inserter {
    kmb_db *db;
    const char *sqlite_path;
    uint64_t first;
    double until;
    uint64_t done;
};

static void *insert_ours(void *context) {
    struct inserter *inserter = context;
    kmb_session *session = NULL;
    kmb_statement *statement = NULL;
    struct kmb_error error = {0};
    const char *sql = "INSERT INTO kv VALUES ($1, $2)";
    must(kmb_session_open(inserter->db, 1, &session, &error), &error, "session");
    must(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error), &error, "prepare");
    while (now() < inserter->until) {
        char text[VALUE_BYTES];
        fill_text(text, inserter->done);
        kmb_bind_int64(statement, 1, (int64_t)(inserter->first + inserter->done), &error);
        kmb_bind_text(statement, 2, text, sizeof(text), &error);
        must(kmb_step(statement, &error), &error, "insert");
        inserter->done++;
    }
    kmb_finalize(statement);
    kmb_session_close(session);
    return NULL;
}

static void *insert_sqlite(void *context) {
    struct inserter *inserter = context;
    sqlite3 *db = open_sqlite(inserter->sqlite_path, false);
    sqlite3_stmt *insert = NULL;
    sqlite_must(sqlite3_prepare_v2(db, "INSERT INTO kv VALUES (?, ?)", -1, &insert, NULL), db, "prepare");
    while (now() < inserter->until) {
        char text[VALUE_BYTES];
        fill_text(text, inserter->done);
        sqlite3_bind_int64(insert, 1, (sqlite3_int64)(inserter->first + inserter->done));
        sqlite3_bind_text(insert, 2, text, VALUE_BYTES, SQLITE_STATIC);
        sqlite_must(sqlite3_step(insert), db, "insert");
        sqlite3_reset(insert);
        inserter->done++;
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return NULL;
}

static double insert_rate(unsigned threads, bool ours_not_sqlite, double seconds) {
    pthread_t thread[16];
    struct inserter inserter[16] = {0};
    struct ours ours = {0};
    double begun;
    uint64_t done = 0;
    const char *path = path_of("kv.sqlite");
    if (ours_not_sqlite) {
        ours = open_ours(path_of("kv"), true);
        run_sql(ours.session, "CREATE TABLE kv (id BIGINT PRIMARY KEY, value TEXT)");
    } else {
        sqlite3 *db = open_sqlite(path, true);
        sqlite_sql(db, "CREATE TABLE kv (id INTEGER PRIMARY KEY, value TEXT)");
        sqlite3_close(db);
    }
    begun = now();
    for (unsigned i = 0; i < threads; i++) {
        inserter[i] =
            (struct inserter){.db = ours.db, .sqlite_path = path, .first = (uint64_t)i << 32, .until = begun + seconds};
        pthread_create(&thread[i], NULL, ours_not_sqlite ? insert_ours : insert_sqlite, &inserter[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        done += inserter[i].done;
    }
    double rate = (double)done / (now() - begun);
    if (ours_not_sqlite) {
        close_ours(&ours);
        remove_all(path_of("kv"));
    }
    return rate;
}

static double raw_sync_rate(double seconds) {
    const char *path = path_of("sync");
    char block[4096] = {1};
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint64_t done = 0;
    if (file < 0 || fallocate(file, 0, 0, 64 << 20) != 0) {
        die("sync", path);
    }
    double begun = now();
    while (now() < begun + seconds) {
        if (pwrite(file, block, sizeof(block), (off_t)(done % 16384 * 4096)) != sizeof(block) || fdatasync(file) != 0) {
            die("sync", path);
        }
        done++;
    }
    double rate = (double)done / (now() - begun);
    close(file);
    unlink(path);
    return rate;
}

static void bench_insert(void) {
    if (!wanted("insert")) {
        return;
    }
    double one[RUNS_MAX], many[RUNS_MAX], sqlite_one[RUNS_MAX], sqlite_many[RUNS_MAX], raw[RUNS_MAX];
    for (unsigned run = 0; run < bench.runs; run++) {
        raw[run] = raw_sync_rate(1);
        one[run] = insert_rate(1, true, 1);
        sqlite_one[run] = insert_rate(1, false, 1);
        many[run] = insert_rate(16, true, 1);
        sqlite_many[run] = insert_rate(16, false, 1);
    }
    double raw_rate = median(raw, bench.runs);
    double one_rate = median(one, bench.runs);
    figure("raw write + fdatasync, preallocated", raw_rate, "/s");
    figure("kimberlite, 1 thread", one_rate, "/s");
    figure("sqlite, 1 thread", median(sqlite_one, bench.runs), "/s");
    figure("kimberlite, 16 threads", median(many, bench.runs), "/s");
    figure("sqlite, 16 threads", median(sqlite_many, bench.runs), "/s");
    ratio("1 thread / sqlite", one_rate / median(sqlite_one, bench.runs), 1, true);
    ratio("16 threads / sqlite", median(many, bench.runs) / median(sqlite_many, bench.runs), 5, true);
    ratio("latency of one commit / raw sync", raw_rate / one_rate, 1.5, false);
}

/* --- load, point reads, scans ------------------------------------------------------------------------------------- */

static double load_ours(struct ours *ours) {
    struct kmb_error error = {0};
    kmb_appender *appender = NULL;
    char text[VALUE_BYTES];
    run_sql(ours->session, "CREATE TABLE item (id BIGINT PRIMARY KEY, value TEXT, quantity BIGINT)");
    double begun = now();
    must(kmb_appender_open(ours->session, "item", &appender, &error), &error, "appender");
    for (uint64_t id = 0; id < bench.rows; id++) {
        fill_text(text, id);
        kmb_append_int64(appender, (int64_t)id, &error);
        kmb_append_text(appender, text, sizeof(text), &error);
        kmb_append_int64(appender, (int64_t)(id * 7919 % 1000), &error);
        must(kmb_append_row(appender, &error), &error, "row");
        if ((id + 1) % BATCH == 0) {
            must(kmb_appender_flush(appender, NULL, &error), &error, "flush");
        }
    }
    must(kmb_appender_flush(appender, NULL, &error), &error, "flush");
    double seconds = now() - begun;
    kmb_appender_close(appender);
    return seconds;
}

static double load_sqlite(sqlite3 *db) {
    sqlite3_stmt *insert = NULL;
    char text[VALUE_BYTES];
    sqlite_sql(db, "CREATE TABLE item (id INTEGER PRIMARY KEY, value TEXT, quantity INTEGER)");
    sqlite_must(sqlite3_prepare_v2(db, "INSERT INTO item VALUES (?, ?, ?)", -1, &insert, NULL), db, "prepare");
    double begun = now();
    for (uint64_t id = 0; id < bench.rows; id++) {
        if (id % BATCH == 0) {
            sqlite_sql(db, "BEGIN");
        }
        fill_text(text, id);
        sqlite3_bind_int64(insert, 1, (sqlite3_int64)id);
        sqlite3_bind_text(insert, 2, text, VALUE_BYTES, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 3, (sqlite3_int64)(id * 7919 % 1000));
        sqlite_must(sqlite3_step(insert), db, "insert");
        sqlite3_reset(insert);
        if ((id + 1) % BATCH == 0 || id + 1 == bench.rows) {
            sqlite_sql(db, "COMMIT");
        }
    }
    double seconds = now() - begun;
    sqlite3_finalize(insert);
    return seconds;
}

static double point_ours(kmb_session *session, const char *sql, uint64_t reads, int64_t second) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    must(kmb_prepare(session, sql, strlen(sql), &statement, NULL, &error), &error, sql);
    double begun = now();
    for (uint64_t i = 0; i < reads; i++) {
        size_t length = 0;
        kmb_bind_int64(statement, 1, (int64_t)(next_random() % bench.rows), &error);
        if (second >= 0) {
            kmb_bind_int64(statement, 2, second, &error);
        }
        if (kmb_step(statement, &error) != KMB_ROW || kmb_column_bytes(statement, 0, &length) == NULL ||
            length != VALUE_BYTES) {
            die("point read", error.message);
        }
        kmb_reset(statement);
    }
    double seconds = now() - begun;
    kmb_finalize(statement);
    return seconds / (double)reads;
}

/* The same with the number in the text: prepared, stepped and given up each time. */
static double point_literal(kmb_session *session, uint64_t reads) {
    struct kmb_error error = {0};
    double begun = now();
    for (uint64_t i = 0; i < reads; i++) {
        char sql[96];
        size_t length = 0;
        kmb_statement *statement = NULL;
        int written =
            snprintf(sql, sizeof(sql), "SELECT value FROM item WHERE id = %" PRIu64, next_random() % bench.rows);
        must(kmb_prepare(session, sql, (size_t)written, &statement, NULL, &error), &error, sql);
        if (kmb_step(statement, &error) != KMB_ROW || kmb_column_bytes(statement, 0, &length) == NULL) {
            die("point read by literal", error.message);
        }
        kmb_finalize(statement);
    }
    return (now() - begun) / (double)reads;
}

static double point_sqlite(sqlite3 *db, uint64_t reads) {
    sqlite3_stmt *select = NULL;
    sqlite_must(sqlite3_prepare_v2(db, "SELECT value FROM item WHERE id = ?", -1, &select, NULL), db, "prepare");
    double begun = now();
    for (uint64_t i = 0; i < reads; i++) {
        sqlite3_bind_int64(select, 1, (sqlite3_int64)(next_random() % bench.rows));
        if (sqlite3_step(select) != SQLITE_ROW || sqlite3_column_bytes(select, 0) != VALUE_BYTES) {
            die("point read", sqlite3_errmsg(db));
        }
        sqlite3_reset(select);
    }
    double seconds = now() - begun;
    sqlite3_finalize(select);
    return seconds / (double)reads;
}

#define SCAN "SELECT sum(quantity) FROM item WHERE quantity < 500"

static double scan_ours(kmb_session *session, const char *sql) {
    double begun = now();
    query_int(session, sql);
    return now() - begun;
}

static int ignore_row(void *context, int count, char **values, char **names) {
    (void)context;
    (void)count;
    (void)values;
    (void)names;
    return 0;
}

static double scan_sqlite(sqlite3 *db) {
    double begun = now();
    sqlite_must(sqlite3_exec(db, SCAN, ignore_row, NULL, NULL), db, SCAN);
    return now() - begun;
}

/* What a process of its own takes to open and answer once: prints seconds and resident megabytes. */
static int open_once(const char *path) {
    double begun = now();
    double megabytes = 0;
    char line[256];
    struct ours ours = open_ours(path, false);
    query_int(ours.session, "SELECT quantity FROM item WHERE id = 77");
    double seconds = now() - begun;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        unsigned long kib = 0;
        if (sscanf(line, "RssAnon: %lu", &kib) == 1 || sscanf(line, "RssFile: %lu", &kib) == 1) {
            megabytes += (double)kib / 1024;
        }
    }
    printf("%.6f %.3f\n", seconds, megabytes);
    fflush(stdout);
    _exit(0);
}

/* Commits N single-row inserts, one thread, for a tracer to count what each costs: --commits N DIR. */
static int commit_some(const char *count, const char *path) {
    uint64_t commits = strtoull(count, NULL, 10);
    struct ours ours = open_ours(path, true);
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    const char *sql = "INSERT INTO kv VALUES ($1, 'some value')";
    run_sql(ours.session, "CREATE TABLE kv (id BIGINT PRIMARY KEY, value TEXT)");
    must(kmb_prepare(ours.session, sql, strlen(sql), &statement, NULL, &error), &error, sql);
    for (uint64_t i = 0; i < commits; i++) {
        kmb_bind_int64(statement, 1, (int64_t)i, &error);
        must(kmb_step(statement, &error), &error, sql);
    }
    kmb_finalize(statement);
    close_ours(&ours);
    remove_all(path);
    return 0;
}

static void measure_open(const char *path, double *seconds, double *megabytes) {
    char command[1500];
    snprintf(command, sizeof(command), "/proc/%ld/exe --open '%s'", (long)getpid(), path);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL || fscanf(pipe, "%lf %lf", seconds, megabytes) != 2) {
        die("opening once", path);
    }
    pclose(pipe);
}

static void bench_load(void) {
    if (!wanted("load")) {
        return;
    }
    double ours_load[RUNS_MAX], sqlite_load[RUNS_MAX], ours_point[RUNS_MAX], sqlite_point[RUNS_MAX], literal[RUNS_MAX],
        ours_scan[RUNS_MAX], sqlite_scan[RUNS_MAX], reopen[RUNS_MAX], memory[RUNS_MAX];
    uint64_t our_bytes = 0, sqlite_bytes = 0;
    for (unsigned run = 0; run < bench.runs; run++) {
        struct ours ours = open_ours(path_of("load"), true);
        sqlite3 *sqlite = open_sqlite(path_of("load.sqlite"), true);
        ours_load[run] = load_ours(&ours);
        sqlite_load[run] = load_sqlite(sqlite);
        ours_point[run] = point_ours(ours.session, "SELECT value FROM item WHERE id = $1", 100000, -1) * 1e6;
        sqlite_point[run] = point_sqlite(sqlite, 100000) * 1e6;
        literal[run] = point_literal(ours.session, 100000) * 1e6;
        scan_ours(ours.session, SCAN);
        scan_sqlite(sqlite);
        ours_scan[run] = scan_ours(ours.session, SCAN) * 1e3;
        sqlite_scan[run] = scan_sqlite(sqlite) * 1e3;
        close_ours(&ours);
        sqlite3_close(sqlite);
        our_bytes = directory_bytes(path_of("load"));
        sqlite_bytes = directory_bytes(path_of("load.sqlite"));
        measure_open(path_of("load"), &reopen[run], &memory[run]);
    }
    double load = (double)bench.rows / median(ours_load, bench.runs);
    figure("load, kimberlite appender", load, "rows/s");
    figure("load, sqlite prepared INSERT", (double)bench.rows / median(sqlite_load, bench.runs), "rows/s");
    figure("point SELECT, kimberlite", median(ours_point, bench.runs), "us");
    figure("point SELECT, sqlite", median(sqlite_point, bench.runs), "us");
    figure("point SELECT by literals in its text, kimberlite", median(literal, bench.runs), "us");
    figure("scan, filter, sum: kimberlite", median(ours_scan, bench.runs), "ms");
    figure("scan, filter, sum: sqlite", median(sqlite_scan, bench.runs), "ms");
    figure("reopen after a load, and one query", median(reopen, bench.runs) * 1e3, "ms");
    figure("resident after that", median(memory, bench.runs), "MB");
    figure("bytes on disk, kimberlite (log and store)", (double)our_bytes / 1e6, "MB");
    figure("bytes on disk, sqlite", (double)sqlite_bytes / 1e6, "MB");
    ratio("load / sqlite", median(sqlite_load, bench.runs) / median(ours_load, bench.runs), 2, true);
    ratio("point read: sqlite / kimberlite", median(sqlite_point, bench.runs) / median(ours_point, bench.runs), 2,
          true);
    ratio("literals above a prepared statement, of 5 us",
          (median(literal, bench.runs) - median(ours_point, bench.runs)) / 5, 1, false);
    ratio("scan: sqlite / kimberlite", median(sqlite_scan, bench.runs) / median(ours_scan, bench.runs), 4, true);
    ratio("reopen, of 300 ms", median(reopen, bench.runs) / 0.3, 1, false);
    ratio("resident, of 20 MB", median(memory, bench.runs) / 20, 1, false);
    remove_all(path_of("load"));
    remove_all(path_of("load.sqlite"));
}

/* --- history ------------------------------------------------------------------------------------------------------ */

static void bench_history(void) {
    if (!wanted("history")) {
        return;
    }
    double now_point[RUNS_MAX], past_point[RUNS_MAX], now_scan[RUNS_MAX], half_scan[RUNS_MAX], near_scan[RUNS_MAX],
        bare_scan[RUNS_MAX];
    uint64_t saved = bench.rows;
    bench.rows /= 10;
    struct ours bare = open_ours(path_of("bare"), true);
    struct ours ours = open_ours(path_of("history"), true);
    load_ours(&bare);
    load_ours(&ours);
    for (int version = 1; version < 10; version++) {
        run_sql(ours.session, "UPDATE item SET quantity = quantity + 1");
    }
    int64_t position = (int64_t)kmb_session_position(ours.session);
    char half[160], near[160];
    snprintf(half, sizeof(half), "%s AT OFFSET %lld", SCAN, (long long)(position / 2));
    snprintf(near, sizeof(near), "%s AT OFFSET %lld", SCAN, (long long)(position - position / 1000));
    for (unsigned run = 0; run < bench.runs; run++) {
        now_point[run] = point_ours(ours.session, "SELECT value FROM item WHERE id = $1", 20000, -1) * 1e6;
        past_point[run] =
            point_ours(ours.session, "SELECT value FROM item WHERE id = $1 AT OFFSET $2", 20000, position / 2) * 1e6;
        now_scan[run] = scan_ours(ours.session, SCAN) * 1e3;
        bare_scan[run] = scan_ours(bare.session, SCAN) * 1e3;
        half_scan[run] = scan_ours(ours.session, half) * 1e3;
        near_scan[run] = scan_ours(ours.session, near) * 1e3;
    }
    double present = median(now_scan, bench.runs);
    figure("point read, present", median(now_point, bench.runs), "us");
    figure("point read, AT OFFSET", median(past_point, bench.runs), "us");
    figure("scan, present, ten versions a row", present, "ms");
    figure("scan, present, one version a row", median(bare_scan, bench.runs), "ms");
    figure("scan AT OFFSET half-way", median(half_scan, bench.runs), "ms");
    figure("scan AT OFFSET, last 0.1 % of changes", median(near_scan, bench.runs), "ms");
    ratio("AT OFFSET point read / present", median(past_point, bench.runs) / median(now_point, bench.runs), 2, false);
    ratio("AT OFFSET half-way scan / present", median(half_scan, bench.runs) / present, 8, false);
    ratio("AT OFFSET near scan / present", median(near_scan, bench.runs) / present, 2, false);
    ratio("present scan with history / without", present / median(bare_scan, bench.runs), 1.1, false);
    close_ours(&ours);
    close_ours(&bare);
    remove_all(path_of("history"));
    remove_all(path_of("bare"));
    bench.rows = saved;
}

/* --- replay ------------------------------------------------------------------------------------------------------- */

static void bench_replay(void) {
    if (!wanted("replay")) {
        return;
    }
    double inserts[RUNS_MAX], updates[RUNS_MAX];
    struct kmb_error error = {0};
    uint64_t saved = bench.rows;
    bench.rows /= 4;
    struct ours ours = open_ours(path_of("replay"), true);
    load_ours(&ours);
    close_ours(&ours);
    for (unsigned run = 0; run < bench.runs; run++) {
        double begun = now();
        must(kmb_rebuild(path_of("replay"), NULL, NULL, &error), &error, "rebuild");
        inserts[run] = now() - begun;
    }
    ours = open_ours(path_of("replay"), false);
    for (unsigned round = 0; round < 4; round++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE item SET quantity = quantity + 1 WHERE id %% 4 = %u", round);
        run_sql(ours.session, sql);
    }
    close_ours(&ours);
    for (unsigned run = 0; run < bench.runs; run++) {
        double begun = now();
        must(kmb_rebuild(path_of("replay"), NULL, NULL, &error), &error, "rebuild");
        updates[run] = now() - begun - median(inserts, bench.runs);
    }
    double insert_rate_value = (double)bench.rows / median(inserts, bench.runs);
    double update_rate = (double)bench.rows / median(updates, bench.runs);
    figure("replay of inserts (rebuild, checkpoint written)", insert_rate_value, "rows/s");
    figure("replay of updates with history", update_rate, "rows/s");
    ratio("inserts, of 500,000 rows/s", insert_rate_value / 500000, 1, true);
    ratio("updates, of 100,000 rows/s", update_rate / 100000, 1, true);
    remove_all(path_of("replay"));
    bench.rows = saved;
}

/* Sustained random updates, kill -9 in the middle, time until the first answer. */
static void bench_kill(void) {
    if (!wanted("kill")) {
        return;
    }
    double reopen[RUNS_MAX], memory[RUNS_MAX];
    struct ours ours = open_ours(path_of("kill"), true);
    load_ours(&ours);
    close_ours(&ours);
    unsigned runs = bench.runs < 3 ? bench.runs : 3;
    for (unsigned run = 0; run < runs; run++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            struct ours writer = open_ours(path_of("kill"), false);
            struct kmb_error error = {0};
            kmb_statement *statement = NULL;
            const char *sql = "UPDATE item SET quantity = quantity + 1 WHERE id = $1";
            must(kmb_prepare(writer.session, sql, strlen(sql), &statement, NULL, &error), &error, sql);
            for (;;) {
                run_sql(writer.session, "BEGIN");
                for (unsigned i = 0; i < 1000; i++) {
                    kmb_bind_int64(statement, 1, (int64_t)(next_random() % bench.rows), &error);
                    must(kmb_step(statement, &error), &error, "update");
                }
                run_sql(writer.session, "COMMIT");
            }
        }
        sleep(4);
        kill(child, 9);
        waitpid(child, NULL, 0);
        measure_open(path_of("kill"), &reopen[run], &memory[run]);
    }
    figure("reopen after kill -9 under updates, one query", median(reopen, runs) * 1e3, "ms");
    ratio("reopen, of 1,500 ms", median(reopen, runs) / 1.5, 1, false);
    remove_all(path_of("kill"));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--open") == 0) {
        return open_once(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "--commits") == 0) {
        return commit_some(argv[2], argv[3]);
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rows") == 0) {
            bench.rows = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0) {
            bench.runs = (unsigned)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--only") == 0) {
            bench.only = argv[i + 1];
        } else if (strcmp(argv[i], "--dir") == 0) {
            bench.base = argv[i + 1];
        } else {
            argc = 0;
        }
    }
    if (argc == 0 || argc % 2 == 0 || bench.rows < 20000 || bench.runs == 0 || bench.runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_db [--rows N (20000 or more)] [--runs N (1..15)] [--dir DIR] "
                        "[--only append|insert|load|history|replay|kill]\n");
        return 2;
    }
    snprintf(bench.dir, sizeof(bench.dir), "%s/kimberlite-bench-XXXXXX", bench.base);
    if (mkdtemp(bench.dir) == NULL) {
        die("cannot make a directory below", bench.base);
    }
    printf("%" PRIu64 " rows, median of %u runs\n", bench.rows, bench.runs);
    print_pragmas();
    bench_append();
    bench_insert();
    bench_load();
    bench_history();
    bench_replay();
    bench_kill();
    remove_all(bench.dir);
    printf("%u bars missed\n", bars_missed);
    return 0;
}
