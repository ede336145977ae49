/*
 * Numbers come from /metrics, as any monitor reads them; sessions and cancelling from SQL, asked at the same port. So
 * one address and one token do, and nothing is told here that an operator could not ask without this program.
 */
#include "cli/top_sample.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t at;
} singles[] = {
    {"kimberlite_uptime_seconds", offsetof(struct top_numbers, uptime_s)},
    {"kimberlite_requests_total", offsetof(struct top_numbers, requests)},
    {"kimberlite_errors_total", offsetof(struct top_numbers, errors)},
    {"kimberlite_requests_in_flight", offsetof(struct top_numbers, in_flight)},
    {"kimberlite_connections_active", offsetof(struct top_numbers, connections)},
    {"kimberlite_connections_in_transaction", offsetof(struct top_numbers, in_transaction)},
    {"kimberlite_connections_committing", offsetof(struct top_numbers, committing)},
    {"kimberlite_rate_limited_total", offsetof(struct top_numbers, turned_away)},
    {"kimberlite_slow_statements_total", offsetof(struct top_numbers, slow)},
    {"kimberlite_storage_bytes_written_total", offsetof(struct top_numbers, log_bytes)},
    {"kimberlite_storage_records_total", offsetof(struct top_numbers, log_entries)},
    {"kimberlite_storage_blocks_total", offsetof(struct top_numbers, log_blocks)},
    {"kimberlite_log_position", offsetof(struct top_numbers, log_position)},
    {"kimberlite_storage_log_size_bytes", offsetof(struct top_numbers, log_size)},
    {"kimberlite_storage_store_size_bytes", offsetof(struct top_numbers, store_size)},
    {"kimberlite_storage_cache_bytes", offsetof(struct top_numbers, cache)},
    {"kimberlite_storage_pinned_bytes", offsetof(struct top_numbers, pinned)},
    {"process_resident_memory_bytes", offsetof(struct top_numbers, resident)},
    {"kimberlite_threads", offsetof(struct top_numbers, threads)},
};

static const struct {
    const char *name;
    size_t at;
} histograms[] = {
    {"kimberlite_request_duration_seconds", offsetof(struct top_numbers, durations)},
    {"kimberlite_storage_fsync_latency_seconds", offsetof(struct top_numbers, syncs)},
};

/* The value of a label, as written; the length is 0 where it is not there. */
static struct slice label(const char *labels, const char *name) {
    char wanted[40];
    snprintf(wanted, sizeof(wanted), "%s=\"", name);
    const char *at = strstr(labels, wanted);
    if (at == NULL) {
        return slice_make(labels, 0);
    }
    at += strlen(wanted);
    return slice_make(at, strcspn(at, "\""));
}

static void add_bucket(struct top_histogram *histogram, struct slice bound, double count) {
    double value = slice_equal_text(bound, "+Inf") ? INFINITY : strtod((const char *)bound.bytes, NULL);
    size_t i = 0;
    while (i < histogram->bound_count && histogram->bounds[i] < value) {
        i++;
    }
    if (i == histogram->bound_count || histogram->bounds[i] > value) {
        if (histogram->bound_count == TOP_BOUNDS_MAX) {
            return;
        }
        size_t behind = histogram->bound_count - i;
        memmove(&histogram->bounds[i + 1], &histogram->bounds[i], behind * sizeof(double));
        memmove(&histogram->counts[i + 1], &histogram->counts[i], behind * sizeof(double));
        histogram->bound_count++;
        histogram->bounds[i] = value;
        histogram->counts[i] = 0;
    }
    histogram->counts[i] += count;
}

static bool take_histogram(struct top_numbers *numbers, const char *name, const char *labels, double value) {
    for (size_t i = 0; i < sizeof(histograms) / sizeof(histograms[0]); i++) {
        size_t length = strlen(histograms[i].name);
        struct top_histogram *histogram = (struct top_histogram *)(void *)((char *)numbers + histograms[i].at);
        if (strncmp(name, histograms[i].name, length) != 0) {
            continue;
        }
        if (strcmp(name + length, "_bucket") == 0) {
            add_bucket(histogram, label(labels, "le"), value);
        } else if (strcmp(name + length, "_sum") == 0) {
            histogram->sum += value;
        } else if (strcmp(name + length, "_count") == 0) {
            histogram->count += value;
        }
        return true;
    }
    return false;
}

/* "name{labels} value" */
static void take_line(struct top_numbers *numbers, char *line) {
    char *labels = strchr(line, '{');
    char *value = strrchr(line, ' ');
    if (line[0] == '#' || value == NULL) {
        return;
    }
    if (labels != NULL) {
        *labels++ = 0;
    } else {
        *value = 0;
    }
    double number = strtod(value + 1, NULL);
    if (labels != NULL && strcmp(line, "kimberlite_build_info") == 0) {
        struct slice version = label(labels, "version");
        snprintf(numbers->version, sizeof(numbers->version), "%.*s", (int)version.length, (const char *)version.bytes);
        return;
    }
    if (take_histogram(numbers, line, labels == NULL ? "" : labels, number)) {
        return;
    }
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
        if (strcmp(singles[i].name, line) == 0) { /* of all labels together */
            *(double *)(void *)((char *)numbers + singles[i].at) += number;
        }
    }
}

void top_numbers_read(char *text, struct top_numbers *numbers) {
    char *rest = NULL;
    *numbers = (struct top_numbers){0};
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        take_line(numbers, line);
    }
}

double top_quantile(const struct top_histogram *before, const struct top_histogram *now, double share) {
    double all = now->count - before->count;
    double below = 0;
    double lower = 0;
    if (all <= 0) {
        return 0;
    }
    for (size_t i = 0; i < now->bound_count; i++) {
        double upper = now->bounds[i];
        /* A reading without this class had none of its values: the server writes all classes or none. */
        double earlier = i < before->bound_count ? before->counts[i] : 0;
        double count = now->counts[i] - earlier;
        if (count >= share * all && count > below) {
            return isinf(upper) ? lower : lower + (upper - lower) * (share * all - below) / (count - below);
        }
        below = count;
        lower = isinf(upper) ? lower : upper;
    }
    return lower;
}

void top_rates_between(const struct top_sample *before, const struct top_sample *now, struct top_rates *rates) {
    const struct top_numbers *old = &before->numbers;
    const struct top_numbers *new = &now->numbers;
    static const struct top_numbers nothing = {0};
    if (new->uptime_s < old->uptime_s) { /* it was started anew: all of it has come since */
        old = &nothing;
    }
    double seconds = (double)(now->taken_ns - before->taken_ns) / 1e9;
    double syncs = new->syncs.count - old->syncs.count;
    seconds = seconds > 0 ? seconds : 1;
    *rates = (struct top_rates){
        .seconds = seconds,
        .requests = (new->requests - old->requests) / seconds,
        .errors = (new->errors - old->errors) / seconds,
        .log_bytes = (new->log_bytes - old->log_bytes) / seconds,
        .log_entries = (new->log_entries - old->log_entries) / seconds,
        .syncs = syncs / seconds,
        .p50_s = top_quantile(&old->durations, &new->durations, 0.5),
        .p99_s = top_quantile(&old->durations, &new->durations, 0.99),
        .sync_mean_s = syncs > 0 ? (new->syncs.sum - old->syncs.sum) / syncs : 0,
        .sync_p99_s = top_quantile(&old->syncs, &new->syncs, 0.99),
    };
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static const char sessions_sql[] =
    "SELECT pid, tenant, usename, datname, application_name, protocol, client_addr, state, wait_event,"
    " extract(epoch FROM clock_timestamp() - CASE WHEN state = 'active' THEN query_start ELSE state_change "
    "END)::float8,"
    " extract(epoch FROM clock_timestamp() - xact_start)::float8, left(query, 1000)"
    " FROM kimberlite_stat_activity WHERE pid <> pg_backend_pid() ORDER BY pid LIMIT 10000";

static void copy_text(const char *text, char *out, size_t size) {
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

static double number_of(const char *text, double without) {
    return text == NULL ? without : strtod(text, NULL);
}

static bool take_session(void *context, const char *const *texts) {
    struct top_sample *sample = context;
    size_t count = sample->session_count;
    if ((count & (count + 1)) == 0) { /* grows at 0, 1, 3, 7, ... */
        void *more = realloc(sample->sessions, (2 * count + 1) * sizeof(*sample->sessions));
        if (more == NULL) {
            return false;
        }
        sample->sessions = more;
    }
    struct top_session *session = &sample->sessions[count];
    *session = (struct top_session){
        .process = (int64_t)number_of(texts[0], 0),
        .tenant = (int64_t)number_of(texts[1], 0),
        .age_s = number_of(texts[9], 0),
        .transaction_s = number_of(texts[10], -1),
        .query = strdup(texts[11] == NULL ? "" : texts[11]),
    };
    copy_text(texts[2], session->user, sizeof(session->user));
    copy_text(texts[3], session->database, sizeof(session->database));
    copy_text(texts[4], session->application, sizeof(session->application));
    copy_text(texts[5], session->protocol, sizeof(session->protocol));
    copy_text(texts[6], session->client, sizeof(session->client));
    copy_text(texts[7], session->state, sizeof(session->state));
    copy_text(texts[8], session->wait, sizeof(session->wait));
    sample->session_count += session->query != NULL;
    return session->query != NULL;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

#define STATEMENTS_MAX 500

static bool take_statement(void *context, const char *const *texts) {
    struct top_sample *sample = context;
    if (sample->statements == NULL) {
        sample->statements = calloc(STATEMENTS_MAX, sizeof(*sample->statements));
    }
    if (sample->statements == NULL || sample->statement_count == STATEMENTS_MAX) {
        return sample->statements != NULL;
    }
    struct top_statement *statement = &sample->statements[sample->statement_count];
    *statement = (struct top_statement){
        .tenant = (int64_t)number_of(texts[0], 0),
        .calls = number_of(texts[2], 0),
        .rows = number_of(texts[3], 0),
        .total_ms = number_of(texts[4], 0),
        .mean_ms = number_of(texts[5], 0),
        .p95_ms = number_of(texts[6], 0),
        .log_bytes = number_of(texts[7], 0),
        .text = strdup(texts[8] == NULL ? "" : texts[8]),
    };
    copy_text(texts[1], statement->user, sizeof(statement->user));
    sample->statement_count += statement->text != NULL;
    return statement->text != NULL;
}

static enum kmb_status take_statements(struct top_source *source, enum top_statements order, struct top_sample *sample,
                                       struct kmb_error *error) {
    static const char *const orders[] = {"", "total_exec_time", "calls", "mean_exec_time", "wal_bytes"};
    char sql[320];
    snprintf(sql, sizeof(sql),
             "SELECT tenant, usename, calls, rows, total_exec_time, mean_exec_time, p95_exec_time, wal_bytes, "
             "left(query, 1000)"
             " FROM kimberlite_stat_statements ORDER BY %s DESC, queryid LIMIT %d",
             orders[order], STATEMENTS_MAX);
    return source->query(source, sql, 0, take_statement, sample, error);
}

enum kmb_status top_sample_take(struct top_source *source, enum top_statements statements, struct top_sample *sample,
                                struct kmb_error *error) {
    struct buffer text = {0};
    *sample = (struct top_sample){0};
    enum kmb_status status = source->metrics(source, &text, error);
    sample->taken_ns = cli_now_ns();
    char *whole = status == KMB_OK ? (char *)(uintptr_t)buffer_text(&text) : NULL;
    if (whole != NULL) {
        top_numbers_read(whole, &sample->numbers);
        if (sample->numbers.version[0] == 0) {
            status = error_set(error, KMB_CONNECTION, "what %s answers are no metrics of kimberlite", source->name);
        }
    }
    buffer_free(&text);
    status = status == KMB_OK ? source->query(source, sessions_sql, 0, take_session, sample, error) : status;
    if (status == KMB_OK && statements != TOP_NO_STATEMENTS) {
        status = take_statements(source, statements, sample, error);
    }
    if (status != KMB_OK) {
        top_sample_free(sample);
    }
    return status;
}

void top_sample_free(struct top_sample *sample) {
    for (size_t i = 0; i < sample->session_count; i++) {
        free(sample->sessions[i].query);
    }
    for (size_t i = 0; i < sample->statement_count; i++) {
        free(sample->statements[i].text);
    }
    free(sample->sessions);
    free(sample->statements);
    *sample = (struct top_sample){0};
}

static bool take_answer(void *context, const char *const *texts) {
    *(bool *)context = texts[0] != NULL && texts[0][0] == 't';
    return true;
}

enum kmb_status top_cancel(struct top_source *source, const struct top_session *session, bool *done,
                           struct kmb_error *error) {
    char sql[64];
    *done = false;
    snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%lld)", (long long)session->process);
    return source->query(source, sql, session->tenant, take_answer, done, error);
}
