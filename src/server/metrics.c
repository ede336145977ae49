/*
 * Counters and their text, as Prometheus reads it (text format 0.0.4).
 *
 * Methods and tenants find their counters by looking through a short array: a place is taken once, with a
 * compare-and-swap, and kept. So there is no lock, nothing is ever freed, and the size of the text has a bound.
 */
#include "server/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/shard.h"
#include "server/internal.h"
#include "server/native.h"

static void add(_Atomic uint64_t *counter, uint64_t count) {
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static unsigned long long get(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

int64_t metrics_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct metrics_method *method_of(struct metrics *metrics, const char *name) {
    for (size_t i = 0; i < METRICS_METHODS_MAX; i++) {
        struct metrics_method *at = &metrics->methods[i];
        const char *is = atomic_load_explicit(&at->name, memory_order_relaxed);
        if (is == NULL && atomic_compare_exchange_strong(&at->name, &is, name)) {
            return at;
        }
        if (is == name || strcmp(is, name) == 0) {
            return at;
        }
    }
    UNREACHABLE("more kinds of requests than METRICS_METHODS_MAX");
}

static struct metrics_tenant *tenant_of(struct metrics *metrics, uint32_t id) {
    for (size_t i = 0; id != 0 && i < METRICS_TENANTS_MAX; i++) {
        struct metrics_tenant *at = &metrics->tenants[i];
        uint32_t is = atomic_load_explicit(&at->id, memory_order_relaxed);
        if (is == id || (is == 0 && (atomic_compare_exchange_strong(&at->id, &is, id) || is == id))) {
            return at;
        }
    }
    return &metrics->tenants_other;
}

int64_t metrics_begin(struct metrics *metrics) {
    add(&metrics->in_flight, 1);
    return metrics_now_ns();
}

void metrics_end(struct metrics *metrics, const char *method, uint32_t tenant, int64_t begun_ns, bool succeeded) {
    int64_t duration = metrics_now_ns() - begun_ns;
    struct metrics_method *counters = method_of(metrics, method);
    struct metrics_tenant *share = tenant_of(metrics, tenant);
    ASSERT(duration >= 0);
    atomic_fetch_sub_explicit(&metrics->in_flight, 1, memory_order_relaxed);
    add(succeeded ? &counters->succeeded : &counters->failed, 1);
    histogram_add(&counters->durations, (uint64_t)duration);
    add(succeeded ? &share->succeeded : &share->failed, 1);
    add(&share->duration_ns, (uint64_t)duration);
}

void metrics_drop(struct metrics *metrics) {
    atomic_fetch_sub_explicit(&metrics->in_flight, 1, memory_order_relaxed);
}

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static size_t class_of(const char *sqlstate) {
    const char *first = strchr(digits, sqlstate[0]);
    const char *second = strchr(digits, sqlstate[1]);
    ASSERT(first != NULL && second != NULL);
    return (size_t)(first - digits) * 36 + (size_t)(second - digits);
}

void metrics_error(struct metrics *metrics, enum kmb_status status) {
    add(&metrics->errors[class_of(kmb_status_sqlstate(status))], 1);
    if (status == KMB_TOO_MANY_CONNECTIONS || status == KMB_TOO_MANY_ATTEMPTS || status == KMB_RATE_LIMITED) {
        add(&metrics->rate_limited, 1);
    }
}

/* --- the text ----------------------------------------------------------------------------------------------------- */

void metrics_family(struct buffer *out, const char *name, const char *type, const char *help) {
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buffer *out, const char *name, const char *type, const char *help, unsigned long long value) {
    metrics_family(out, name, type, help);
    buffer_printf(out, "%s %llu\n", name, value);
}

/* label: "" or "method=\"query\",": in front of le. */
static void write_histogram(struct buffer *out, const char *name, const char *label,
                            const struct histogram *histogram) {
    unsigned long long sum = 0;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        sum += get(&histogram->counts[i]);
        buffer_printf(out, "%s_bucket{%sle=\"%g\"} %llu\n", name, label, (double)histogram_bounds_ns[i] / 1e9, sum);
    }
    sum += get(&histogram->counts[HISTOGRAM_BOUNDS]);
    buffer_printf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, label, sum);
    size_t length = strlen(label);
    const char *open = length == 0 ? "" : "{";
    const char *close = length == 0 ? "" : "}";
    int shown = length == 0 ? 0 : (int)length - 1; /* without its comma */
    buffer_printf(out, "%s_sum%s%.*s%s %.9f\n", name, open, shown, label, close, (double)get(&histogram->sum_ns) / 1e9);
    buffer_printf(out, "%s_count%s%.*s%s %llu\n", name, open, shown, label, close, sum);
}

static void write_methods(const struct metrics *metrics, struct buffer *out) {
    metrics_family(out, "kimberlite_requests_total", "counter", "Requests that have ended.");
    for (size_t i = 0; i < METRICS_METHODS_MAX; i++) {
        const struct metrics_method *at = &metrics->methods[i];
        const char *name = atomic_load(&at->name);
        if (name == NULL) {
            break;
        }
        buffer_printf(out, "kimberlite_requests_total{method=\"%s\",status=\"success\"} %llu\n", name,
                      get(&at->succeeded));
        buffer_printf(out, "kimberlite_requests_total{method=\"%s\",status=\"error\"} %llu\n", name, get(&at->failed));
    }
    metrics_family(out, "kimberlite_request_duration_seconds", "histogram",
                   "From a request's beginning to its end; of SQL that writes, to its sync.");
    for (size_t i = 0; i < METRICS_METHODS_MAX; i++) {
        char label[80];
        const char *name = atomic_load(&metrics->methods[i].name);
        if (name == NULL) {
            break;
        }
        snprintf(label, sizeof(label), "method=\"%s\",", name);
        write_histogram(out, "kimberlite_request_duration_seconds", label, &metrics->methods[i].durations);
    }
}

static void write_share(struct buffer *out, unsigned family, const char *name, const struct metrics_tenant *share) {
    if (family == 0) {
        buffer_printf(out, "kimberlite_tenant_requests_total{tenant=\"%s\",status=\"success\"} %llu\n", name,
                      get(&share->succeeded));
        buffer_printf(out, "kimberlite_tenant_requests_total{tenant=\"%s\",status=\"error\"} %llu\n", name,
                      get(&share->failed));
    } else {
        buffer_printf(out, "kimberlite_tenant_request_seconds_total{tenant=\"%s\"} %.9f\n", name,
                      (double)get(&share->duration_ns) / 1e9);
    }
}

static void write_tenants(const struct metrics *metrics, struct buffer *out) {
    for (unsigned family = 0; family < 2; family++) {
        if (family == 0) {
            metrics_family(out, "kimberlite_tenant_requests_total", "counter", "Requests that have ended, by tenant.");
        } else {
            metrics_family(out, "kimberlite_tenant_request_seconds_total", "counter", "Time they took, by tenant.");
        }
        for (size_t i = 0; i < METRICS_TENANTS_MAX; i++) {
            char name[16];
            uint32_t id = atomic_load(&metrics->tenants[i].id);
            if (id == 0) {
                break;
            }
            snprintf(name, sizeof(name), "%u", id);
            write_share(out, family, name, &metrics->tenants[i]);
        }
        write_share(out, family, "other", &metrics->tenants_other);
    }
}

static void write_errors(const struct metrics *metrics, struct buffer *out) {
    metrics_family(out, "kimberlite_errors_total", "counter", "Errors that clients were told, by class of SQLSTATE.");
    for (size_t i = 0; i < METRICS_CLASSES; i++) {
        unsigned long long count = get(&metrics->errors[i]);
        if (count > 0) {
            buffer_printf(out, "kimberlite_errors_total{type=\"%c%c\"} %llu\n", digits[i / 36], digits[i % 36], count);
        }
    }
}

void metrics_write(const struct metrics *metrics, struct buffer *out) {
    write_methods(metrics, out);
    single(out, "kimberlite_requests_in_flight", "gauge", "Requests that have begun and not ended.",
           get(&metrics->in_flight));
    write_errors(metrics, out);
    single(out, "kimberlite_connections_total", "counter", "Connections that were accepted.",
           get(&metrics->connections));
    single(out, "kimberlite_rate_limited_total", "counter", "Clients that were turned away by a limit.",
           get(&metrics->rate_limited));
    single(out, "kimberlite_slow_statements_total", "counter", "Statements that took longer than log.slow_query.",
           get(&metrics->slow));
    write_tenants(metrics, out);
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

static void write_connections(struct server *server, struct buffer *out) {
    unsigned handshaking = 0;
    unsigned authenticated = 0;
    unsigned closing = 0;
    unsigned in_transaction = 0;
    unsigned parked = 0;
    pthread_mutex_lock(&server->lock);
    for (const struct connection *at = server->newest; at != NULL; at = at->older) {
        bool session = at->sessions != 0 || at->protocol == &native_protocol;
        closing += at->state == CONNECTION_CLOSED;
        handshaking += at->state != CONNECTION_CLOSED && !session;
        authenticated += at->state != CONNECTION_CLOSED && session;
        parked += at->state == CONNECTION_PARKED;
    }
    for (const struct activity *at = server->activities; at != NULL; at = at->older) {
        in_transaction += at->transaction_us != 0;
    }
    unsigned threads = server->thread_count;
    pthread_mutex_unlock(&server->lock);
    single(out, "kimberlite_connections_active", "gauge", "Connections that are open.",
           handshaking + authenticated + closing);
    metrics_family(out, "kimberlite_connections_by_state", "gauge", "Connections, by how far they are.");
    buffer_printf(out,
                  "kimberlite_connections_by_state{state=\"handshaking\"} %u\n"
                  "kimberlite_connections_by_state{state=\"authenticated\"} %u\n"
                  "kimberlite_connections_by_state{state=\"closing\"} %u\n",
                  handshaking, authenticated, closing);
    single(out, "kimberlite_connections_in_transaction", "gauge", "Connections that wait within a transaction.",
           in_transaction);
    single(out, "kimberlite_connections_committing", "gauge", "Connections whose answer waits for a sync.", parked);
    single(out, "kimberlite_threads", "gauge", "Threads that run statements.", threads);
}

static void write_statements(struct server *server, struct buffer *out) {
    size_t kept = 0;
    uint64_t evicted = 0;
    statements_counts(server->statements, &kept, &evicted);
    single(out, "kimberlite_statements_tracked", "gauge", "Statements that kimberlite_stat_statements keeps.", kept);
    single(out, "kimberlite_statements_evicted_total", "counter", "Statements that had to give way there.", evicted);
}

static void write_traces(struct server *server, struct buffer *out) {
    uint64_t sent = 0;
    uint64_t dropped = 0;
    if (server->tracer == NULL) {
        return;
    }
    tracer_counts(server->tracer, &sent, &dropped);
    metrics_family(out, "kimberlite_trace_spans_total", "counter", "Spans, by what became of them.");
    buffer_printf(out,
                  "kimberlite_trace_spans_total{result=\"sent\"} %llu\n"
                  "kimberlite_trace_spans_total{result=\"dropped\"} %llu\n",
                  (unsigned long long)sent, (unsigned long long)dropped);
}

static void write_logins(struct server *server, struct buffer *out) {
    struct authenticate_counts counts = {0};
    authenticator_counts(server->authenticator, &counts);
    metrics_family(out, "kimberlite_auth_attempts_total", "counter",
                   "Logins, by what was shown and what became of it.");
    for (unsigned i = 0; i <= IDENTITY_TOKEN; i++) {
        const char *name = identity_method_name((enum identity_method)i);
        buffer_printf(out,
                      "kimberlite_auth_attempts_total{method=\"%s\",result=\"success\"} %llu\n"
                      "kimberlite_auth_attempts_total{method=\"%s\",result=\"failure\"} %llu\n",
                      name, (unsigned long long)counts.succeeded[i], name, (unsigned long long)counts.failed[i]);
    }
    single(out, "kimberlite_auth_limited_total", "counter", "Logins that were refused after too many failures.",
           counts.limited);
}

/* As df counts it: what is kept for root is neither used nor free. */
static void write_disk(struct server *server, struct buffer *out) {
    struct statvfs disk;
    if (statvfs(shard_path(server->shard), &disk) != 0 || disk.f_blocks - disk.f_bfree + disk.f_bavail == 0) {
        return;
    }
    double used = (double)(disk.f_blocks - disk.f_bfree);
    metrics_family(out, "kimberlite_storage_disk_usage_percent", "gauge",
                   "Of the disk that holds the data, by whomever.");
    buffer_printf(out, "kimberlite_storage_disk_usage_percent %.2f\n", 100 * used / (used + (double)disk.f_bavail));
}

static void write_storage(struct server *server, struct buffer *out) {
    const struct shard_counts *counts = shard_counts_of(server->shard);
    struct kmb_info info = {.size = sizeof(info)};
    single(out, "kimberlite_storage_bytes_written_total", "counter", "Bytes of blocks written to the log.",
           get(&counts->log_bytes));
    single(out, "kimberlite_storage_records_total", "counter", "Entries written to the log.", get(&counts->entries));
    single(out, "kimberlite_storage_blocks_total", "counter", "Blocks written to the log and synced.",
           get(&counts->blocks));
    single(out, "kimberlite_storage_checkpoints_total", "counter", "Checkpoints of the store.",
           get(&counts->checkpoints));
    metrics_family(out, "kimberlite_storage_fsync_latency_seconds", "histogram", "Write and sync of a block.");
    write_histogram(out, "kimberlite_storage_fsync_latency_seconds", "", &counts->syncs);
    if (kmb_info(server->db, &info, NULL) != KMB_OK) {
        return; /* what can not be told is left out */
    }
    single(out, "kimberlite_log_position", "gauge", "Newest durable block.", info.op);
    single(out, "kimberlite_storage_log_size_bytes", "gauge", "Segments of the log.", info.log_bytes);
    single(out, "kimberlite_storage_store_size_bytes", "gauge", "Pages of the store.", info.store_bytes);
    single(out, "kimberlite_storage_cache_bytes", "gauge", "Pages of the store in memory.", info.cache_bytes);
    single(out, "kimberlite_storage_pinned_bytes", "gauge", "Pages kept for open statements alone.", info.pinned_bytes);
    single(out, "kimberlite_tenants", "gauge", "Tenants of this database.", info.tenants);
}

/* Where the system tells it (Linux); else it is left out. */
static void write_process(struct server *server, struct buffer *out) {
    unsigned long long total = 0;
    unsigned long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%llu %llu", &total, &resident) == 2) {
            single(out, "process_resident_memory_bytes", "gauge", "Memory of the process.",
                   resident * (unsigned long long)sysconf(_SC_PAGESIZE));
        }
        (void)fclose(file);
    }
    metrics_family(out, "kimberlite_uptime_seconds", "gauge", "Since the server was opened.");
    buffer_printf(out, "kimberlite_uptime_seconds %.3f\n",
                  (double)(shard_now_us(server->shard) - server->face.started_us) / 1e6);
    metrics_family(out, "kimberlite_build_info", "gauge", "The version that runs.");
    buffer_printf(out, "kimberlite_build_info{version=\"%s\"} 1\n", kmb_version());
}

void metrics_write_server(struct server *server, struct buffer *out) {
    metrics_write(&server->metrics, out);
    write_connections(server, out);
    write_statements(server, out);
    write_traces(server, out);
    limits_write(server->limits, out);
    write_logins(server, out);
    write_disk(server, out);
    write_storage(server, out);
    write_process(server, out);
}
