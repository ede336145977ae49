/*
 * Requests as they are counted, timed and logged. Two clocks are read for each, and two locks taken for a statement
 * that writes, neither of them for long; the text is not copied.
 */
#include "server/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "engine/session.h"
#include "server/internal.h"
#include "sql/parse/normalise.h"
#include "sql/secret.h"
#include "sql/setting.h"

/* Of a statement's text in the log. */
#define LOG_TEXT_MAX 1000

/* What a line of the log says of a request: "7-12" is the twelfth of session 7. */
struct request_words {
    char id[48];
    char tenant[16];
};

static struct request_words words_of(const struct request_source *source) {
    struct request_words words = {0};
    unsigned long long number = source->session == NULL ? 0 : session_number(source->session);
    snprintf(words.id, sizeof(words.id), "%llu-%llu", number, (unsigned long long)source->count);
    snprintf(words.tenant, sizeof(words.tenant), "%u", source->tenant);
    return words;
}

/* A statement as the log may show it, with its values only where that is asked for. */
static void write_text(const struct request_source *source, struct slice text, bool succeeded, struct buffer *out) {
    if (source->server->settings->log.values) {
        buffer_append_slice(out, sql_text_shown(text));
    } else if (!sql_normalise(text, succeeded, out)) {
        buffer_append_text(out, "(not shown)");
    }
    out->length = out->length > LOG_TEXT_MAX ? LOG_TEXT_MAX : out->length;
}

static void log_slow(const struct request_source *source, const struct request *request, uint64_t row_count,
                     bool succeeded) {
    struct server *server = source->server;
    struct request_words words = words_of(source);
    struct buffer text = {0};
    char duration[32];
    char rows[32];
    atomic_fetch_add_explicit(&server->metrics.slow, 1, memory_order_relaxed);
    write_text(source, request->text, succeeded, &text);
    snprintf(duration, sizeof(duration), "%.3f", (double)(request->ran_ns - request->begun_ns) / 1e6);
    snprintf(rows, sizeof(rows), "%llu", (unsigned long long)row_count);
    const char *shown = buffer_text(&text);
    logger_write(&server->logger, LOG_WARNING, "statement.slow", "request", words.id, "tenant", words.tenant,
                 "query_duration_ms", duration, "rows", rows, "query", shown == NULL ? "" : shown, NULL);
    buffer_free(&text);
}

void request_begin(struct request_source *source, struct request *request, const char *method, struct slice text) {
    ASSERT(request->method == NULL && method != NULL);
    *request = (struct request){
        .method = method,
        .text = text,
        .tenant = source->tenant,
        .begun_ns = metrics_begin(&source->server->metrics),
        .log_bytes = source->session == NULL ? 0 : session_log_bytes(source->session),
    };
    source->count++;
    if (source->connection != NULL) {
        atomic_fetch_add_explicit(&source->connection->requests, 1, memory_order_relaxed);
    }
    source->secret = source->server->settings->log.values && sql_text_secret(text);
}

void request_aim(struct request_source *source, struct request *request, struct session *session, uint32_t tenant,
                 struct slice text) {
    source->session = session;
    source->tenant = tenant;
    source->secret = source->server->settings->log.values && sql_text_secret(text);
    request->text = text;
    request->tenant = tenant;
    request->log_bytes = session_log_bytes(session);
}

/* --- traces --- */

/* Beside the statement, within it, or by SET otel.traceparent. */
static struct trace_context context_of(const struct request_source *source, struct slice text) {
    struct trace_context context = source->trace;
    if (!context.present && !trace_context_find(text, &context) && source->session != NULL) {
        const char *set = sql_custom_find(session_settings(source->session), "otel.traceparent");
        (void)(set != NULL && trace_context_parse(slice_text(set), &context));
    }
    return context;
}

static struct trace_record *trace_new(const struct request_source *source, const char *method, struct slice text) {
    struct server *server = source->server;
    struct trace_context context = context_of(source, text);
    struct trace_record *record = tracer_begin(server->tracer, &context, text, source->user);
    if (record != NULL) {
        record->method = method;
        record->tenant = source->tenant;
        record->session = source->session == NULL ? 0 : session_number(source->session);
        record->request = source->count;
        record->values = server->settings->telemetry.values;
    }
    return record;
}

void request_prepared(const struct request_source *source, struct request *request) {
    request->prepared_ns = source->server->tracer == NULL ? 0 : metrics_now_ns();
}

int64_t request_parse_begin(const struct request_source *source) {
    return source->server->tracer == NULL ? 0 : metrics_now_ns();
}

void request_parse_end(const struct request_source *source, struct slice text, int64_t begun_ns,
                       enum kmb_status status) {
    struct trace_record *record = begun_ns == 0 ? NULL : trace_new(source, "parse", text);
    if (record == NULL) {
        return;
    }
    record->parses = true;
    record->begun_ns = begun_ns;
    record->prepared_ns = metrics_now_ns();
    record->ran_ns = record->prepared_ns;
    record->ended_ns = record->prepared_ns;
    record->failed = status != KMB_OK;
    record->status = status;
    tracer_end(source->server->tracer, record);
}

/* What is known of it when it has run. */
static void trace_ran(const struct request_source *source, struct request *request, uint64_t rows, bool succeeded) {
    struct trace_record *record = trace_new(source, request->method, request->text);
    if (record == NULL) {
        return;
    }
    record->begun_ns = request->begun_ns;
    record->prepared_ns = request->prepared_ns;
    record->ran_ns = request->ran_ns;
    record->ended_ns = request->ran_ns;
    record->failed = !succeeded;
    record->status = succeeded ? KMB_OK : request->status;
    record->rows = rows;
    record->log_bytes = source->session == NULL ? 0 : session_log_bytes(source->session) - request->log_bytes;
    request->trace = record;
}

/* --- the end --- */

/* Its answer is made. */
static void note(const struct request_source *source, struct request *request, uint64_t rows, bool succeeded) {
    struct server *server = source->server;
    request->ran_ns = metrics_now_ns();
    int64_t duration_ns = request->ran_ns - request->begun_ns;
    uint64_t slow_ms = server->settings->log.slow_query_ms;
    if (server->tracer != NULL) {
        trace_ran(source, request, rows, succeeded);
    }
    if (request->text.length == 0) {
        return;
    }
    if (slow_ms > 0 && duration_ns >= (int64_t)slow_ms * 1000000) {
        log_slow(source, request, rows, succeeded);
    }
    const struct statements_run run = {
        .tenant = source->tenant,
        .user = source->user,
        .text = request->text,
        .duration_ns = duration_ns,
        .rows = rows,
        .log_bytes = source->session == NULL ? 0 : session_log_bytes(source->session) - request->log_bytes,
        .succeeded = succeeded,
    };
    struct statements_place place = statements_add(server->statements, &run);
    request->place = run.log_bytes == 0 ? (struct statements_place){0} : place;
}

static void end(const struct request_source *source, struct request *request, bool succeeded) {
    struct server *server = source->server;
    if (request->place.version != 0) {
        statements_synced(server->statements, request->place, metrics_now_ns() - request->ran_ns);
    }
    if (request->trace != NULL) {
        bool wrote = request->trace->log_bytes > 0; /* else it has waited for what others wrote, in its place in line */
        request->trace->ended_ns = wrote ? metrics_now_ns() : request->trace->ended_ns;
        tracer_end(server->tracer, request->trace);
        request->trace = NULL;
    }
    metrics_end(&server->metrics, request->method, request->tenant, request->begun_ns, succeeded);
    request->method = NULL;
}

void request_done(struct request_source *source, struct request *request, uint64_t rows, bool succeeded) {
    if (request->method == NULL) {
        return;
    }
    note(source, request, succeeded ? rows : 0, succeeded);
    bool waits = succeeded && source->session != NULL && session_pending(source->session) != 0;
    if (waits && source->waiting_count < REQUESTS_WAITING_MAX) {
        source->waiting[source->waiting_count++] = *request;
        request->method = NULL;
    } else {
        end(source, request, succeeded);
    }
}

void requests_synced(struct request_source *source) {
    for (unsigned i = 0; i < source->waiting_count; i++) {
        end(source, &source->waiting[i], true);
    }
    source->waiting_count = 0;
}

void request_drop(const struct request_source *source, struct request *request) {
    ASSERT(request->method != NULL);
    metrics_drop(&source->server->metrics);
    request->method = NULL;
}

/* Clients' own faults are for who looks for them, ours for everybody. A message may hold values. */
static void log_error(const struct request_source *source, bool fatal, const struct kmb_error *error) {
    struct server *server = source->server;
    const char *sqlstate = kmb_status_sqlstate(error->status);
    bool ours = strncmp(sqlstate, "XX", 2) == 0 || strncmp(sqlstate, "58", 2) == 0;
    enum log_level level = ours ? LOG_ERROR : fatal ? LOG_INFO : LOG_DEBUG;
    if (level < server->logger.level) {
        return;
    }
    bool shows = ours || (server->settings->log.values && !source->secret);
    struct request_words words = words_of(source);
    logger_write(&server->logger, level, "request.error", "request", words.id, "tenant", words.tenant, "peer",
                 source->peer, "sqlstate", sqlstate, "code", kmb_status_name(error->status), "why",
                 shows ? error->message : "(not shown)", NULL);
}

void request_error(const struct request_source *source, bool fatal, const struct kmb_error *error) {
    metrics_error(&source->server->metrics, error->status);
    if (source->connection != NULL) {
        atomic_fetch_add_explicit(&source->connection->errors, 1, memory_order_relaxed);
    }
    log_error(source, fatal, error);
}
