/*
 * kimberlite top: what a running server does at the moment. On a terminal a live view (top_screen.c); with --once, or
 * where there is no terminal, two looks at it and what happened between them.
 */
#include "cli/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"

enum kmb_status top_look(struct top *top, struct kmb_error *error) {
    struct top_sample taken;
    enum kmb_status status = top_sample_take(&top->source, top->statements, &taken, error);
    if (status == KMB_OK) {
        top_sample_free(&top->before);
        top->before = top->now;
        top->now = taken;
        if (top->before.taken_ns != 0) {
            top_rates_between(&top->before, &top->now, &top->rates);
        }
        top_order(top);
    }
    return status;
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static int compare_numbers(double a, double b) {
    return a < b ? -1 : a > b;
}

static bool is_active(const struct top_session *session) {
    return strcmp(session->state, "active") == 0;
}

/* Sessions that run something first, the oldest of them on top; equals by their process. */
static int compare_sessions(const void *a, const void *b, void *context) {
    const struct top *top = context;
    const struct top_session *one = a, *two = b;
    int order = 0;
    switch (top->sort) {
    case TOP_BY_AGE:
        order = is_active(one) != is_active(two) ? (is_active(one) ? -1 : 1) : -compare_numbers(one->age_s, two->age_s);
        break;
    case TOP_BY_TENANT:
        order = compare_numbers((double)one->tenant, (double)two->tenant);
        break;
    case TOP_BY_USER:
        order = strcmp(one->user, two->user);
        break;
    case TOP_BY_STATE:
        order = strcmp(one->state, two->state);
        break;
    case TOP_BY_PROCESS:
    case TOP_SORTS:
        break;
    }
    order = order != 0 ? order : compare_numbers((double)one->process, (double)two->process);
    return top->reverse ? -order : order;
}

void top_order(struct top *top) {
    if (top->now.session_count > 1) {
        qsort_r(top->now.sessions, top->now.session_count, sizeof(*top->now.sessions), compare_sessions, top);
    }
}

/* --- numbers for people ------------------------------------------------------------------------------------------- */

void top_duration_print(double seconds, char out[24]) {
    uint64_t whole = seconds > 0 && seconds < 1e15 ? (uint64_t)seconds : 0;
    if (seconds < 0.0995) {
        snprintf(out, 24, "%.2f ms", seconds * 1e3);
    } else if (seconds < 60) {
        snprintf(out, 24, "%.1f s", seconds);
    } else if (whole < 86400) {
        snprintf(out, 24, "%02u:%02u:%02u", (unsigned)(whole / 3600), (unsigned)(whole / 60 % 60),
                 (unsigned)(whole % 60));
    } else {
        snprintf(out, 24, "%ud %02u:%02u:%02u", (unsigned)(whole / 86400 % 100000), (unsigned)(whole / 3600 % 24),
                 (unsigned)(whole / 60 % 60), (unsigned)(whole % 60));
    }
}

void top_bytes_print(double bytes, char out[24]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 24, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* --- once --------------------------------------------------------------------------------------------------------- */

#define STATEMENTS_TOLD 20 /* those that took the most time */

struct figure {
    const char *name;
    double value;
    const char *form;
};

static void print_json(const struct top *top, const struct figure *figures, size_t count) {
    printf("{\"version\":");
    output_json_string(stdout, top->now.numbers.version, strlen(top->now.numbers.version));
    for (size_t i = 0; i < count; i++) {
        printf(",\"%s\":", figures[i].name);
        printf(figures[i].form, figures[i].value); // NOLINT: the forms are our own
    }
    fputs(",\"sessions\":[", stdout);
    for (size_t i = 0; i < top->now.session_count; i++) {
        const struct top_session *at = &top->now.sessions[i];
        const struct {
            const char *name;
            const char *text;
        } texts[] = {{"user", at->user},         {"database", at->database}, {"application", at->application},
                     {"protocol", at->protocol}, {"client", at->client},     {"state", at->state},
                     {"wait", at->wait},         {"query", at->query}};
        printf("%s{\"process\":%" PRId64 ",\"tenant\":%" PRId64 ",\"age_seconds\":%.6f,\"transaction_seconds\":",
               i == 0 ? "" : ",\n", at->process, at->tenant, at->age_s);
        printf(at->transaction_s < 0 ? "null" : "%.6f", at->transaction_s); // NOLINT: likewise
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            printf(",\"%s\":", texts[j].name);
            output_json_string(stdout, texts[j].text, strlen(texts[j].text));
        }
        putchar('}');
    }
    fputs("],\"statements\":[", stdout);
    for (size_t i = 0; i < top->now.statement_count && i < STATEMENTS_TOLD; i++) {
        const struct top_statement *at = &top->now.statements[i];
        printf(
            "%s{\"tenant\":%" PRId64 ",\"calls\":%.0f,\"rows\":%.0f,\"total_ms\":%.3f,\"mean_ms\":%.3f,\"p95_ms\":%.3f,"
            "\"log_bytes\":%.0f,\"user\":",
            i == 0 ? "" : ",\n", at->tenant, at->calls, at->rows, at->total_ms, at->mean_ms, at->p95_ms, at->log_bytes);
        output_json_string(stdout, at->user, strlen(at->user));
        fputs(",\"query\":", stdout);
        output_json_string(stdout, at->text, strlen(at->text));
        putchar('}');
    }
    puts("]}");
}

static int print_tables(const struct top *top, const struct figure *figures, size_t count) {
    static const char *const titles[] = {"process", "tenant", "user", "client", "state", "age_seconds", "query"};
    enum { COLUMNS = sizeof(titles) / sizeof(titles[0]), NUMBERS = 3 };
    const struct top_sample *now = &top->now;
    char(*numbers)[32] = calloc(count + now->session_count * NUMBERS + 1, sizeof(*numbers));
    const char **cells = calloc(2 * count + now->session_count * COLUMNS + 1, sizeof(*cells));
    struct output output;
    if (numbers == NULL || cells == NULL) {
        free(numbers);
        free(cells);
        return cli_error(1, "out of memory");
    }
    const char **names = cells, **values = cells + count, **rows = cells + 2 * count;
    char kinds[64] = "";
    for (size_t i = 0; i < count; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), figures[i].form, figures[i].value); // NOLINT: the forms are our own
        names[i] = figures[i].name;
        values[i] = numbers[i];
        kinds[i] = 'n';
    }
    output_init(&output, top->options, CLI_TABLE);
    output_facts(&output, names, values, kinds);
    for (size_t i = 0; i < now->session_count; i++) {
        const struct top_session *at = &now->sessions[i];
        char(*own)[32] = &numbers[count + i * NUMBERS];
        snprintf(own[0], sizeof(own[0]), "%" PRId64, at->process);
        snprintf(own[1], sizeof(own[1]), "%" PRId64, at->tenant);
        snprintf(own[2], sizeof(own[2]), "%.3f", at->age_s);
        const char *row[COLUMNS] = {own[0], own[1], at->user, at->client, at->state, own[2], at->query};
        memcpy(rows + i * COLUMNS, row, sizeof(row));
    }
    if (output.format == CLI_CSV || output.format == CLI_TSV) {
        putchar('\n');
    }
    output_table(&output, titles, rows, "nntttnt", now->session_count);
    free(numbers);
    free(cells);
    return 0;
}

static int print_once(struct top *top) {
    const struct top_numbers *now = &top->now.numbers;
    const struct top_rates *rates = &top->rates;
    const struct figure figures[] = {
        {"uptime_seconds", now->uptime_s, "%.3f"},
        {"seconds", rates->seconds, "%.3f"},
        {"requests_per_second", rates->requests, "%.1f"},
        {"errors_per_second", rates->errors, "%.1f"},
        {"p50_seconds", rates->p50_s, "%.6f"},
        {"p99_seconds", rates->p99_s, "%.6f"},
        {"requests_in_flight", now->in_flight, "%.0f"},
        {"connections", now->connections, "%.0f"},
        {"in_transaction", now->in_transaction, "%.0f"},
        {"committing", now->committing, "%.0f"},
        {"turned_away", now->turned_away, "%.0f"},
        {"slow_statements", now->slow, "%.0f"},
        {"log_bytes_per_second", rates->log_bytes, "%.1f"},
        {"log_entries_per_second", rates->log_entries, "%.1f"},
        {"syncs_per_second", rates->syncs, "%.1f"},
        {"sync_mean_seconds", rates->sync_mean_s, "%.6f"},
        {"sync_p99_seconds", rates->sync_p99_s, "%.6f"},
        {"log_position", now->log_position, "%.0f"},
        {"log_bytes", now->log_size, "%.0f"},
        {"store_bytes", now->store_size, "%.0f"},
        {"cache_bytes", now->cache, "%.0f"},
        {"pinned_bytes", now->pinned, "%.0f"},
        {"resident_bytes", now->resident, "%.0f"},
        {"threads", now->threads, "%.0f"},
    };
    const size_t count = sizeof(figures) / sizeof(figures[0]);
    bool json = top->options->format_given && (top->options->format == CLI_JSON || top->options->format == CLI_NDJSON);
    if (json) {
        print_json(top, figures, count);
        return 0;
    }
    return print_tables(top, figures, count);
}

static int run_once(struct top *top, int64_t interval_ms) {
    struct kmb_error error = {0};
    const struct timespec wait = {.tv_sec = interval_ms / 1000, .tv_nsec = interval_ms % 1000 * 1000000};
    enum kmb_status status = top_look(top, &error);
    if (status == KMB_OK) {
        nanosleep(&wait, NULL);
        top->statements = TOP_BY_TOTAL;
        status = top_look(top, &error);
    }
    return status == KMB_OK ? print_once(top) : cli_fail(&error, NULL, 0, "top");
}

/* The server's HTTP port, or with --server the server itself. */
static int choose_source(const struct cli_options *options, struct top_source *source) {
    const char *address = options->argument_count > 0 ? options->arguments[0] : "http://127.0.0.1:9090";
    if (options->server != NULL && options->argument_count == 0) {
        return top_source_server(options, source);
    }
    return top_source_http(address, source)
               ? 0
               : cli_error(
                     2, "invalid address \"%s\": http://HOST:PORT, https://HOST:PORT or PORT, of a server's HTTP port",
                     address);
}

int cli_top(const struct cli_options *options) {
    struct top top = {.options = options};
    const char *kind = getenv("TERM");
    int64_t interval_ms = (int64_t)options->interval_ms;
    bool terminal =
        isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && kind != NULL && strcmp(kind, "dumb") != 0;
    int code = choose_source(options, &top.source);
    if (code == 0) {
        code = options->once || options->format_given || !terminal ? run_once(&top, interval_ms)
                                                                   : top_screen_run(&top, interval_ms);
    }
    top_source_close(&top.source);
    top_sample_free(&top.before);
    top_sample_free(&top.now);
    return code;
}
