/*
 * kimberlite bench: so many clients, a workload, a while; then how many transactions a second, and how long they took.
 *
 * Each client is a thread with a session. As fast as it goes, a transaction is counted from its start. With --rate each
 * is due at a moment of a fixed schedule and is counted from that moment, whether its client was free or not: what
 * waits behind a slow one is late, and shows (an open loop; a closed one hides its own queue). Transactions that begin
 * while warming up are not counted. One that loses to another (40001, 40P01) is run again, and takes as long as all its
 * tries.
 *
 * Nothing makes commits less durable here than elsewhere; what the other side says of it is asked and told.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/bench_work.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/project.h"

#define CLIENTS_MAX 1000

struct bench {
    const struct cli_options *options;
    const struct bench_workload *workload;
    struct bench_client *clients;
    uint32_t client_count;
    int64_t begun_ns;   /* all clients start here */
    int64_t counted_ns; /* what begins from here on is counted */
    int64_t end_ns;
    int64_t interval_ns; /* between two transactions of a client; 0: as they come */
    atomic_bool stop;
    char scratch[CLI_PATH_MAX]; /* a directory of our own; "": none */
    char durability[64];
};

static void sleep_until(int64_t moment_ns) {
    struct timespec at = {.tv_sec = moment_ns / 1000000000, .tv_nsec = moment_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* --- one client --------------------------------------------------------------------------------------------------- */

struct worker {
    struct bench *bench;
    struct bench_client *client;
};

/* A transaction, and those that it takes where it loses to others. */
static enum kmb_status run_once(struct bench *bench, struct bench_client *client, struct kmb_error *error) {
    for (;;) {
        enum kmb_status status = bench->workload->once(client, error);
        if ((status != KMB_SERIALIZATION && status != KMB_DEADLOCK) || atomic_load(&bench->stop)) {
            return status;
        }
        client->retries++;
    }
}

static void *work(void *context) {
    struct worker *worker = context;
    struct bench *bench = worker->bench;
    struct bench_client *client = worker->client;
    int64_t due = bench->begun_ns + bench->interval_ns * client->number / bench->client_count;
    sleep_until(bench->begun_ns);
    while (!atomic_load(&bench->stop)) {
        if (bench->interval_ns != 0) {
            if (due >= bench->end_ns) {
                break;
            }
            sleep_until(due);
        }
        int64_t begun = bench->interval_ns != 0 ? due : cli_now_ns();
        if (begun >= bench->end_ns || atomic_load(&bench->stop)) {
            break;
        }
        struct kmb_error error = {0};
        enum kmb_status status = run_once(bench, client, &error);
        int64_t now = cli_now_ns();
        if (status != KMB_OK) {
            if (!atomic_exchange(&bench->stop, true)) { /* what ends after that is cut off, and no error */
                client->error = error;
            }
            break;
        }
        if (begun >= bench->counted_ns) {
            quantiles_add(client->durations_ns, (uint64_t)(now - begun));
            client->finished_ns = now;
        }
        atomic_fetch_add_explicit(&client->done, 1, memory_order_relaxed);
        due += bench->interval_ns;
    }
    return NULL;
}

/* Waits for the end, or Ctrl-C, and shows how it goes. */
static void watch(struct bench *bench) {
    struct cli_progress progress;
    cli_progress_start(&progress, "bench");
    progress.terminal = progress.terminal && !bench->options->quiet;
    while (cli_now_ns() < bench->end_ns && interrupt_seen() == 0 && !atomic_load(&bench->stop)) {
        uint64_t done = 0;
        for (uint32_t i = 0; i < bench->client_count; i++) {
            done += atomic_load_explicit(&bench->clients[i].done, memory_order_relaxed);
        }
        int64_t now = cli_now_ns();
        cli_progress_show(&progress, (uint64_t)(now > bench->begun_ns ? now - bench->begun_ns : 0),
                          (uint64_t)(bench->end_ns - bench->begun_ns), done, "transactions");
        sleep_until(now + 50000000 < bench->end_ns ? now + 50000000 : bench->end_ns);
    }
    if (interrupt_seen() != 0) {
        atomic_store(&bench->stop, true);
    }
    cli_progress_end(&progress);
}

/* Runs all clients to the end. */
static int run_clients(struct bench *bench) {
    const struct cli_options *options = bench->options;
    pthread_t *threads = calloc(bench->client_count, sizeof(*threads));
    struct worker *workers = calloc(bench->client_count, sizeof(*workers));
    uint32_t started = 0;
    int code = threads == NULL || workers == NULL ? cli_error(1, "out of memory") : 0;
    bench->begun_ns = cli_now_ns() + 10000000;
    bench->counted_ns = bench->begun_ns + (int64_t)options->warm_up * 1000000000;
    bench->end_ns = bench->counted_ns + (int64_t)options->duration * 1000000000;
    bench->interval_ns = options->rate == 0 ? 0 : (int64_t)(UINT64_C(1000000000) * bench->client_count / options->rate);
    for (; code == 0 && started < bench->client_count; started++) {
        workers[started] = (struct worker){bench, &bench->clients[started]};
        int failed = pthread_create(&threads[started], NULL, work, &workers[started]);
        if (failed != 0) {
            code = cli_error(1, "cannot start client %" PRIu32 ": %s", started + 1, strerror(failed));
            break;
        }
    }
    if (code == 0) {
        watch(bench);
    } else {
        atomic_store(&bench->stop, true);
    }
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    for (uint32_t i = 0; code == 0 && i < bench->client_count; i++) {
        if (bench->clients[i].error.status != KMB_OK) {
            code = cli_fail(&bench->clients[i].error, NULL, 0, bench->workload->name);
        }
    }
    free(threads);
    free(workers);
    return code;
}

/* --- the report --------------------------------------------------------------------------------------------------- */

/* What all clients counted, together. */
struct outcome {
    struct quantiles *durations_ns;
    uint64_t retries;
    double seconds;
};

static bool gather(const struct bench *bench, struct outcome *outcome) {
    int64_t finished = bench->counted_ns;
    *outcome = (struct outcome){.durations_ns = calloc(1, sizeof(*outcome->durations_ns))};
    for (uint32_t i = 0; outcome->durations_ns != NULL && i < bench->client_count; i++) {
        const struct bench_client *client = &bench->clients[i];
        quantiles_merge(outcome->durations_ns, client->durations_ns);
        outcome->retries += client->retries;
        finished = client->finished_ns > finished ? client->finished_ns : finished;
    }
    outcome->seconds = (double)(finished - bench->counted_ns) / 1e9;
    return outcome->durations_ns != NULL;
}

/* Nanoseconds for programs, the unit that fits for people. */
static void print_duration(const struct output *output, uint64_t duration_ns, char out[32]) {
    if (output->format == CLI_TABLE && duration_ns < 1000000) {
        snprintf(out, 32, "%.1f us", (double)duration_ns / 1e3);
    } else if (output->format == CLI_TABLE) {
        snprintf(out, 32, "%.3f ms", (double)duration_ns / 1e6);
    } else {
        snprintf(out, 32, "%" PRIu64, duration_ns);
    }
}

static int report(struct bench *bench) {
    static const char *const names[] = {"workload", "target", "durability", "clients", "scale",  "rate",
                                        "seconds",  "count",  "per_second", "retries", "min_ns", "p50_ns",
                                        "p95_ns",   "p99_ns", "p999_ns",    "max_ns",  "mean_ns"};
    static const char *const names_short[] = {"min", "p50", "p95", "p99", "p999", "max", "mean"};
    enum { DURATIONS = 10, FACTS = sizeof(names) / sizeof(names[0]) };
    const struct cli_options *options = bench->options;
    struct outcome outcome;
    char numbers[FACTS][32] = {""};
    const char *shown[FACTS];
    const char *values[FACTS];
    struct output output;
    if (!gather(bench, &outcome)) {
        return cli_error(1, "out of memory");
    }
    const struct quantiles *all = outcome.durations_ns;
    const uint64_t durations[] = {all->least,
                                  quantiles_at(all, 1, 2),
                                  quantiles_at(all, 95, 100),
                                  quantiles_at(all, 99, 100),
                                  quantiles_at(all, 999, 1000),
                                  all->most,
                                  all->count == 0 ? 0 : all->sum / all->count};
    output_init(&output, options, CLI_TABLE);
    snprintf(numbers[3], sizeof(numbers[0]), "%" PRIu32, bench->client_count);
    snprintf(numbers[4], sizeof(numbers[0]), "%" PRIu64, options->scale);
    snprintf(numbers[5], sizeof(numbers[0]), "%" PRIu64, options->rate);
    snprintf(numbers[6], sizeof(numbers[0]), "%.3f", outcome.seconds);
    snprintf(numbers[7], sizeof(numbers[0]), "%" PRIu64, all->count);
    snprintf(numbers[8], sizeof(numbers[0]), "%.1f", outcome.seconds > 0 ? (double)all->count / outcome.seconds : 0);
    snprintf(numbers[9], sizeof(numbers[0]), "%" PRIu64, outcome.retries);
    for (unsigned i = DURATIONS; i < FACTS; i++) {
        print_duration(&output, durations[i - DURATIONS], numbers[i]);
    }
    for (unsigned i = 0; i < FACTS; i++) {
        values[i] = numbers[i];
        shown[i] = i >= DURATIONS && output.format == CLI_TABLE ? names_short[i - DURATIONS] : names[i];
    }
    values[0] = bench->workload->name;
    values[1] = options->server != NULL ? "a server"
                : options->data == NULL ? "embedded, a database of its own"
                                        : "embedded";
    values[2] = bench->durability;
    output_facts(&output, shown, values, "tttnnnnnnnnnnnnnn");
    free(outcome.durations_ns);
    if (interrupt_seen() != 0) {
        cli_note(options, "Interrupted: this is what was counted until then.");
    }
    return 0;
}

/* --- where it runs ------------------------------------------------------------------------------------------------ */

/* What goes into a log stays there, so a database of one's own is asked about. */
static bool may_write(const struct cli_options *options) {
    char answer[16] = "";
    const char *place = options->server != NULL ? "the server" : options->data;
    if (place == NULL || options->yes) {
        return true;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return false;
    }
    fprintf(stderr,
            "The bench fills tables in the schema " BENCH_SCHEMA " of the tenant, at %s.\n"
            "What it writes stays in the log for good. Go on? [y/N] ",
            place);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Without --data and --server: a database in a directory beside, which goes away with the run. */
static int open_scratch(struct bench *bench, kmb_db **db) {
    struct kmb_error error = {0};
    char data[CLI_PATH_MAX];
    char keys[CLI_PATH_MAX];
    snprintf(bench->scratch, sizeof(bench->scratch), "kimberlite-bench-XXXXXX");
    if (mkdtemp(bench->scratch) == NULL) {
        bench->scratch[0] = 0;
        return cli_error(1, "cannot make a directory here for the bench: %s", strerror(errno));
    }
    struct kmb_options open = {.size = sizeof(open), .flags = KMB_OPEN_CREATE, .key_directory = keys};
    if (!project_join(data, bench->scratch, "data") || !project_join(keys, bench->scratch, "keys")) {
        return project_too_long(bench->scratch);
    }
    return kmb_open(data, &open, db, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

/* A setting, as the database shows it. */
static void show(kmb_session *session, const char *name, char out[32]) {
    char sql[64];
    kmb_statement *statement = NULL;
    snprintf(sql, sizeof(sql), "SHOW %s", name);
    snprintf(out, 32, "unknown");
    if (kmb_prepare(session, sql, strlen(sql), &statement, NULL, NULL) == KMB_OK &&
        kmb_step(statement, NULL) == KMB_ROW) {
        const char *text = kmb_column_text(statement, 0, NULL);
        snprintf(out, 32, "%s", text == NULL ? "unknown" : text);
    }
    kmb_finalize(statement);
}

static void ask_durability(struct bench *bench, kmb_session *session) {
    char sync[32];
    char commit[32];
    show(session, "fsync", sync);
    show(session, "synchronous_commit", commit);
    if (strcmp(sync, "on") == 0 && strcmp(commit, "on") == 0) {
        snprintf(bench->durability, sizeof(bench->durability), "synced before the answer");
        return;
    }
    snprintf(bench->durability, sizeof(bench->durability), "WEAKER: fsync %.8s, commit %.8s", sync, commit);
    cli_note(bench->options,
             "Warning: commits are not synced before they are answered (fsync %s, synchronous_commit %s).", sync,
             commit);
}

static int open_clients(struct bench *bench, kmb_db *db) {
    struct kmb_error error = {0};
    enum kmb_status status = KMB_OK;
    bench->clients = calloc(bench->client_count, sizeof(*bench->clients));
    if (bench->clients == NULL) {
        return cli_error(1, "out of memory");
    }
    for (uint32_t i = 0; status == KMB_OK && i < bench->client_count; i++) {
        struct bench_client *client = &bench->clients[i];
        client->number = i;
        client->scale = (int64_t)bench->options->scale;
        client->durations_ns = calloc(1, sizeof(*client->durations_ns));
        prng_seed(&client->prng, bench->options->seed * CLIENTS_MAX + i);
        status = client->durations_ns == NULL ? error_set(&error, KMB_NO_MEMORY, "out of memory")
                                              : kmb_session_open(db, bench->options->tenant, &client->session, &error);
        status = status == KMB_OK ? bench_client_prepare(client, bench->workload, &error) : status;
    }
    return status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, "bench");
}

static void close_clients(struct bench *bench) {
    for (uint32_t i = 0; bench->clients != NULL && i < bench->client_count; i++) {
        bench_client_finish(&bench->clients[i]);
        free(bench->clients[i].durations_ns);
    }
    free(bench->clients);
}

/* Tables, clients, the run, what it left behind, the report. */
static int run_in(struct bench *bench, kmb_db *db, kmb_session *session) {
    struct kmb_error error = {0};
    uint64_t rows = 0;
    ask_durability(bench, session);
    cli_note(bench->options, "filling %" PRIu64 " accounts", bench->options->scale * (uint64_t)BENCH_ACCOUNTS);
    int code = bench_tables_make(session, (int64_t)bench->options->scale, &error) == KMB_OK
                   ? 0
                   : cli_fail(&error, NULL, 0, "bench");
    code = code == 0 ? open_clients(bench, db) : code;
    code = code == 0 ? run_clients(bench) : code;
    for (uint32_t i = 0; bench->clients != NULL && i < bench->client_count; i++) {
        rows += bench->clients[i].written;
    }
    if (code == 0 && bench->workload->writes && bench_tables_check(session, rows, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "bench");
    }
    code = code == 0 ? report(bench) : code;
    close_clients(bench);
    if (!bench->options->keep && bench->scratch[0] == 0 && bench_tables_drop(session, &error) != KMB_OK && code == 0) {
        code = cli_fail(&error, NULL, 0, "bench");
    }
    return code;
}

int cli_bench(const struct cli_options *options) {
    struct bench bench = {.options = options, .client_count = (uint32_t)options->clients};
    struct cli_place place = {0};
    struct io io = io_posix();
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    const char *name = options->argument_count == 0 ? "mixed" : options->arguments[0];
    bench.workload = bench_workload_find(name);
    if (bench.workload == NULL) {
        return cli_error(2, "unrecognized workload \"%s\": mixed, insert, point, scan or tpcb", name);
    }
    if (!may_write(options)) {
        if (isatty(STDIN_FILENO) != 1) {
            return cli_error(2, "--yes is required: what the bench writes stays in the log");
        }
        fputs("Cancelled\n", stderr);
        return 0;
    }
    interrupt_catch();
    bool own = options->data == NULL && options->server == NULL;
    int code = own ? open_scratch(&bench, &db) : cli_open(options, 0, &place, &db, NULL);
    if (code == 0 && kmb_session_open(db, options->tenant, &session, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "bench");
    }
    code = code == 0 ? run_in(&bench, db, session) : code;
    code = cli_close(db, session, code);
    if (bench.scratch[0] != 0) {
        project_remove_tree(&io, bench.scratch);
    }
    if (interrupt_seen() != SIGINT) { /* which ends a run early; its report is a result */
        interrupt_end();
    }
    return code;
}
