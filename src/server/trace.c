/*
 * The tracer: a queue of records, and the thread that sends them.
 *
 * A batch is sent when a second has passed or enough has come. What fails is tried again a few times, with pauses that
 * grow, then dropped; meanwhile the queue fills, and what finds no room is dropped at once. The log is told once a
 * minute.
 */
#include "server/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"
#include "server/http_fetch.h"

#define QUEUE_MAX     2048 /* records: some MB of texts at most */
#define BATCH_MAX     256
#define BATCH_WAIT_NS INT64_C(1000000000)
#define ATTEMPTS      4
#define PAUSE_NS      INT64_C(500000000) /* before the second attempt; then twice as long each time */
#define ANSWER_WAIT_S 5
#define LAST_WAIT_S   1 /* when the server stops */
#define COMPLAIN_NS   INT64_C(60000000000)
#define HEADERS_MAX   2048

struct tracer {
    struct http_place place;
    char path[256];
    char headers[HEADERS_MAX];
    struct trace_resource resource;
    char *service;
    char *instance;
    const struct environment *environment;
    const struct logger *logger;
    _Atomic uint64_t sample_percent;
    _Atomic uint64_t asked; /* of the sampling */
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped;
    int64_t complained_ns; /* the thread's */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct trace_record *first;
    struct trace_record **last;
    size_t count;
    bool stopping;
    bool running;
    pthread_t thread;
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

/* Every so manieth, but not in step with what clients do. */
static bool is_sampled(struct tracer *tracer, const struct trace_context *context) {
    if (context->present) {
        return context->sampled;
    }
    uint64_t number = atomic_fetch_add_explicit(&tracer->asked, 1, memory_order_relaxed);
    return map_hash(&number, sizeof(number), 1) % 100 < tracer->sample_percent;
}

struct trace_record *tracer_begin(struct tracer *tracer, const struct trace_context *context, struct slice text,
                                  const char *user) {
    size_t length = text.length < TRACE_TEXT_MAX ? text.length : 0; /* a part of a text is no SQL */
    if (!is_sampled(tracer, context)) {
        return NULL;
    }
    struct trace_record *record = mem_alloc(sizeof(*record) + length);
    if (record == NULL) {
        return NULL;
    }
    *record = (struct trace_record){.context = *context, .text_length = length};
    snprintf(record->user, sizeof(record->user), "%.*s", (int)sizeof(record->user) - 1, user);
    if (length > 0) {
        memcpy(record->text, text.bytes, length);
    }
    return record;
}

void tracer_end(struct tracer *tracer, struct trace_record *record) {
    record->ended_us = tracer->environment->time_us(tracer->environment->context);
    record->next = NULL;
    pthread_mutex_lock(&tracer->lock);
    bool room = tracer->count < QUEUE_MAX;
    if (room) {
        *tracer->last = record;
        tracer->last = &record->next;
        tracer->count++;
        if (tracer->count == 1 || tracer->count == BATCH_MAX) {
            pthread_cond_signal(&tracer->work);
        }
    }
    pthread_mutex_unlock(&tracer->lock);
    if (!room) {
        atomic_fetch_add_explicit(&tracer->dropped, trace_span_count(record), memory_order_relaxed);
        mem_free(record);
    }
}

void tracer_sample(struct tracer *tracer, uint64_t percent) {
    tracer->sample_percent = percent;
}

void tracer_counts(struct tracer *tracer, uint64_t *sent, uint64_t *dropped) {
    *sent = tracer->sent;
    *dropped = tracer->dropped;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* Sleeps, unless the tracer stops. Under the lock. */
static void sleep_until(struct tracer *tracer, int64_t end_ns) {
    struct timespec end = {.tv_sec = end_ns / 1000000000, .tv_nsec = end_ns % 1000000000};
    (void)pthread_cond_timedwait(&tracer->work, &tracer->lock, &end);
}

/* The next records; NULL: there are none and will be none. */
static struct trace_record *take_batch(struct tracer *tracer) {
    pthread_mutex_lock(&tracer->lock);
    while (tracer->count == 0 && !tracer->stopping) {
        pthread_cond_wait(&tracer->work, &tracer->lock);
    }
    int64_t end_ns = now_ns() + BATCH_WAIT_NS;
    while (tracer->count < BATCH_MAX && !tracer->stopping && now_ns() < end_ns) {
        sleep_until(tracer, end_ns);
    }
    struct trace_record *batch = tracer->first;
    struct trace_record **end = &tracer->first;
    for (size_t i = 0; i < BATCH_MAX && *end != NULL; i++) {
        end = &(*end)->next;
        tracer->count--;
    }
    struct trace_record *rest = *end;
    *end = NULL;
    tracer->first = rest;
    tracer->last = rest == NULL ? &tracer->first : tracer->last;
    pthread_mutex_unlock(&tracer->lock);
    return batch;
}

static void complain(struct tracer *tracer, const struct kmb_error *error) {
    int64_t now = now_ns();
    char dropped[24];
    if (tracer->complained_ns != 0 && now - tracer->complained_ns < COMPLAIN_NS) {
        return;
    }
    tracer->complained_ns = now;
    snprintf(dropped, sizeof(dropped), "%llu", (unsigned long long)tracer->dropped);
    logger_write(tracer->logger, LOG_WARNING, "trace.failed", "why", error->message, "dropped", dropped, NULL);
}

/* *again: it may be worth another attempt. */
static enum kmb_status send_once(struct tracer *tracer, const char *body, bool *again, struct kmb_error *error) {
    struct buffer answer = {0};
    unsigned code = 0;
    pthread_mutex_lock(&tracer->lock);
    tracer->place.wait_s = tracer->stopping ? LAST_WAIT_S : ANSWER_WAIT_S;
    pthread_mutex_unlock(&tracer->lock);
    enum kmb_status status = http_fetch(&tracer->place, tracer->path, body, &code, &answer, error);
    buffer_free(&answer);
    *again = status == KMB_CONNECTION || code == 429 || code == 502 || code == 503 || code == 504;
    if (status == KMB_OK && (code < 200 || code > 299)) {
        status = error_set(error, KMB_CONNECTION, "the collector answers %u", code);
    }
    return status;
}

static bool pause_sending(struct tracer *tracer, int64_t pause_ns) {
    pthread_mutex_lock(&tracer->lock);
    int64_t end_ns = now_ns() + pause_ns;
    while (!tracer->stopping && now_ns() < end_ns) {
        sleep_until(tracer, end_ns);
    }
    bool stopping = tracer->stopping;
    pthread_mutex_unlock(&tracer->lock);
    return !stopping;
}

static enum kmb_status send_batch(struct tracer *tracer, const struct trace_record *batch, struct kmb_error *error) {
    struct buffer text = {0};
    bool made = trace_write(&tracer->resource, tracer->environment, batch, &text);
    const char *body = made ? buffer_text(&text) : NULL;
    enum kmb_status status = body == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_CONNECTION;
    bool again = body != NULL;
    for (unsigned i = 0; again && i < ATTEMPTS; i++) {
        again = i == 0 || pause_sending(tracer, PAUSE_NS << (i - 1));
        if (again) {
            error_clear(error);
            status = send_once(tracer, body, &again, error);
            again = again && status != KMB_OK;
        }
    }
    buffer_free(&text);
    return status;
}

static void *run(void *context) {
    struct tracer *tracer = context;
    struct trace_record *batch = NULL;
    bool failed = false;
    while ((batch = take_batch(tracer)) != NULL) {
        struct kmb_error error = {0};
        uint64_t spans = 0;
        for (const struct trace_record *at = batch; at != NULL; at = at->next) {
            spans += trace_span_count(at);
        }
        pthread_mutex_lock(&tracer->lock);
        bool hopeless = tracer->stopping && failed; /* nobody is there, and nobody waits for him */
        pthread_mutex_unlock(&tracer->lock);
        failed = hopeless || send_batch(tracer, batch, &error) != KMB_OK;
        atomic_fetch_add_explicit(failed ? &tracer->dropped : &tracer->sent, spans, memory_order_relaxed);
        if (failed && !hopeless) {
            complain(tracer, &error);
        }
        while (batch != NULL) {
            struct trace_record *next = batch->next;
            mem_free(batch);
            batch = next;
        }
    }
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static bool is_header_byte(char c, bool name) {
    return name ? c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?={}", c) == NULL : c >= ' ' && c < 127;
}

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* "a=b,c=d%20e" as lines of HTTP. */
static bool write_headers(const char *text, char *out, size_t size) {
    size_t length = 0;
    while (*text != 0) {
        bool name = true;
        size_t names = 0;
        for (; *text != 0 && *text != ',' && length + 8 < size; text++) {
            char c = *text;
            if (name && c == '=') {
                name = false;
                memcpy(out + length, ": ", 2);
                length += 2;
                continue;
            }
            if (!name && c == '%' && hex_of(text[1]) >= 0 && hex_of(text[2]) >= 0) {
                c = (char)(hex_of(text[1]) * 16 + hex_of(text[2]));
                text += 2;
            }
            if (name && c == ' ') {
                continue;
            }
            if (!is_header_byte(c, name)) {
                return false;
            }
            names += name;
            out[length++] = c;
        }
        if (name || names == 0 || (*text != 0 && *text != ',')) {
            return false;
        }
        memcpy(out + length, "\r\n", 2);
        length += 2;
        text += *text == ',';
    }
    out[length] = 0;
    return true;
}

static enum kmb_status read_address(const struct tracer_options *options, struct tracer *tracer,
                                    struct kmb_error *error) {
    size_t room = sizeof(tracer->path) - sizeof("/v1/traces");
    bool scheme = strncmp(options->endpoint, "http://", 7) == 0 || strncmp(options->endpoint, "https://", 8) == 0;
    if (!scheme || !http_url_parse(options->endpoint, "4318", &tracer->place, tracer->path, room)) {
        return error_set(error, KMB_CONFIG, "telemetry.otlp is no address: \"%s\"; http://HOST:PORT is one",
                         options->endpoint);
    }
    memcpy(tracer->path + strlen(tracer->path), "/v1/traces", sizeof("/v1/traces"));
    if (!write_headers(options->headers, tracer->headers, sizeof(tracer->headers))) {
        return error_set(error, KMB_CONFIG, "telemetry.headers are not name=value,name=value");
    }
    return KMB_OK;
}

enum kmb_status tracer_check(const struct tracer_options *options, struct kmb_error *error) {
    struct tracer *tracer = mem_alloc_zero(1, sizeof(*tracer));
    enum kmb_status status =
        tracer == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : read_address(options, tracer, error);
    mem_free(tracer);
    return status;
}

static enum kmb_status configure(struct tracer *tracer, const struct tracer_options *options, struct kmb_error *error) {
    enum kmb_status status = read_address(options, tracer, error);
    if (status != KMB_OK) {
        return status;
    }
    tracer->place.headers = tracer->headers;
    tracer->service = mem_strdup(options->service);
    tracer->instance = mem_strdup(options->instance);
    if (tracer->service == NULL || tracer->instance == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    tracer->resource = (struct trace_resource){.service = tracer->service, .instance = tracer->instance};
    tracer->running = pthread_create(&tracer->thread, NULL, run, tracer) == 0;
    return tracer->running ? KMB_OK : error_set(error, KMB_NO_MEMORY, "cannot start the thread that sends traces");
}

enum kmb_status tracer_new(const struct tracer_options *options, struct tracer **out, struct kmb_error *error) {
    struct tracer *tracer = mem_alloc_zero(1, sizeof(*tracer));
    pthread_condattr_t monotonic;
    if (tracer == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    tracer->environment = options->environment;
    tracer->logger = options->logger;
    tracer->sample_percent = options->sample_percent;
    tracer->last = &tracer->first;
    pthread_mutex_init(&tracer->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&tracer->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum kmb_status status = configure(tracer, options, error);
    if (status != KMB_OK) {
        tracer_free(tracer);
        return status;
    }
    *out = tracer;
    return KMB_OK;
}

void tracer_free(struct tracer *tracer) {
    if (tracer == NULL) {
        return;
    }
    pthread_mutex_lock(&tracer->lock);
    tracer->stopping = true;
    pthread_cond_signal(&tracer->work);
    pthread_mutex_unlock(&tracer->lock);
    if (tracer->running) {
        pthread_join(tracer->thread, NULL);
    }
    ASSERT(tracer->first == NULL);
    pthread_mutex_destroy(&tracer->lock);
    pthread_cond_destroy(&tracer->work);
    mem_wipe(tracer->headers, sizeof(tracer->headers));
    mem_free(tracer->service);
    mem_free(tracer->instance);
    mem_free(tracer);
}
