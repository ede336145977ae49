/*
 * Traces: what a request took, part by part, sent to an OpenTelemetry collector (OTLP over HTTP, as JSON).
 *
 * Whoever serves a request notes times and copies its text; a thread of the tracer's own makes spans of it and sends
 * them. Between them is a queue with a bound: what finds no room is dropped and counted. So a collector that is slow
 * or away costs the server nothing.
 */
#ifndef KMB_SERVER_TRACE_H
#define KMB_SERVER_TRACE_H

#include "base/buffer.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/logging.h"
#include "kimberlite.h"

/* --- where a request comes from: trace_context.c --- */

/* W3C Trace Context: the span that has asked. */
struct trace_context {
    bool present;
    bool sampled; /* whether it is traced itself; if so, we go on */
    uint8_t trace[16];
    uint8_t parent[8];
};

/* "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". false, and nothing is changed: it is none. */
bool trace_context_parse(struct slice text, struct trace_context *context);
/* traceparent='...' within the comment that a statement ends in, as sqlcommenter writes it. */
bool trace_context_find(struct slice sql, struct trace_context *context);

/* --- a request --- */

#define TRACE_TEXT_MAX 4096

struct trace_record {
    struct trace_record *next;
    struct trace_context context;
    const char *method; /* static text */
    char user[64];
    uint32_t tenant;
    uint64_t session;
    uint64_t request; /* of the session, as in the log */
    bool values;      /* the text may be shown as it is */
    bool parses;      /* it was parsed and planned alone */
    bool failed;
    enum kmb_status status; /* why; KMB_OK: not known */
    uint64_t rows;
    uint64_t log_bytes;
    int64_t ended_us; /* on the wall; the others are of the clock that metrics_now_ns() reads */
    int64_t begun_ns;
    int64_t prepared_ns; /* parsed and planned; 0: that was before */
    int64_t ran_ns;
    int64_t ended_ns;
    size_t text_length;
    char text[];
};

/* Spans of a record. */
unsigned trace_span_count(const struct trace_record *record);

/* --- the tracer --- */

struct tracer;

struct tracer_options {
    const char *endpoint; /* "http://localhost:4318" */
    const char *headers;  /* "name=value,name=value", values as in a URL; "": none */
    const char *service;
    const char *instance; /* who among the servers of that name */
    const struct environment *environment;
    const struct logger *logger;
    uint64_t sample_percent;
};

/* KMB_CONFIG says what is wrong with endpoint or headers. Texts are copied. */
/* KMB_CONFIG where the endpoint is no address or the headers are none: what tracer_new() would say. */
enum kmb_status tracer_check(const struct tracer_options *options, struct kmb_error *error);
enum kmb_status tracer_new(const struct tracer_options *options, struct tracer **tracer, struct kmb_error *error);
/* Sends what is left, within some seconds. NULL is fine. */
void tracer_free(struct tracer *tracer);
void tracer_sample(struct tracer *tracer, uint64_t percent);

/* A record for a request that is to be traced; NULL: it is not, or there is no room. Texts are copied. Any thread. */
struct trace_record *tracer_begin(struct tracer *tracer, const struct trace_context *context, struct slice text,
                                  const char *user);
/* Takes it. */
void tracer_end(struct tracer *tracer, struct trace_record *record);

void tracer_counts(struct tracer *tracer, uint64_t *sent, uint64_t *dropped);

/* --- the text: trace_text.c --- */

/* What all spans have in common. */
struct trace_resource {
    const char *service;
    const char *instance;
};
/* An ExportTraceServiceRequest of the records. false: no memory, or no randomness for numbers of spans. */
bool trace_write(const struct trace_resource *resource, const struct environment *environment,
                 const struct trace_record *records, struct buffer *out);

#endif
