/*
 * Spans of requests as OTLP's JSON (opentelemetry-proto 1.x, trace/v1): numbers of 64 bits are strings, ids
 * hexadecimal. Names of attributes are OpenTelemetry's for databases; what they have none for begins with
 * "kimberlite.".
 *
 * A request is one span of kind SERVER, and its parts are spans in it: parse, execute, commit.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/status.h"
#include "server/trace.h"
#include "sql/parse/normalise.h"
#include "sql/secret.h"
#include "types/json_tree.h"

#define SPAN_KIND_INTERNAL 1
#define SPAN_KIND_SERVER   2
#define STATUS_ERROR       2
#define OPERATION_MAX      32

struct writer {
    struct buffer *out;
    const struct environment *environment;
    const struct trace_record *record;
    char trace[33];
    char root[17];
    bool no_random;
};

unsigned trace_span_count(const struct trace_record *record) {
    return 1u + (record->prepared_ns != 0) + !record->parses + (record->ended_ns > record->ran_ns);
}

static void draw_id(struct writer *writer, char *hex, size_t bytes) {
    uint8_t id[16] = {0};
    writer->no_random = writer->no_random || !writer->environment->random(writer->environment->context, id, bytes);
    id[0] |= id[0] == 0; /* zero is none */
    codec_hex(hex, id, bytes);
}

static void begin_attribute(struct buffer *out, const char *key) {
    uint8_t last = out->length == 0 ? '[' : out->bytes[out->length - 1];
    buffer_printf(out, "%s{\"key\":\"%s\",\"value\":{", last == '[' ? "" : ",", key);
}

static void attribute_text(struct buffer *out, const char *key, struct slice text) {
    begin_attribute(out, key);
    buffer_append_text(out, "\"stringValue\":");
    json_print_string(text, out);
    buffer_append_text(out, "}}");
}

static void attribute_number(struct buffer *out, const char *key, uint64_t number) {
    begin_attribute(out, key);
    buffer_printf(out, "\"intValue\":\"%llu\"}}", (unsigned long long)number);
}

/* Up to its attributes. Times: of the records' clock. */
static void begin_span(struct writer *writer, const char *id, const char *parent, struct slice name, int kind,
                       int64_t from_ns, int64_t to_ns) {
    const struct trace_record *record = writer->record;
    struct buffer *out = writer->out;
    int64_t epoch_ns = record->ended_us * 1000 - record->ended_ns; /* adds up to the clock on the wall */
    buffer_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", writer->trace, id);
    if (parent != NULL) {
        buffer_printf(out, ",\"parentSpanId\":\"%s\"", parent);
    }
    buffer_append_text(out, ",\"name\":");
    json_print_string(name, out);
    buffer_printf(out, ",\"kind\":%d,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":[",
                  kind, (long long)(epoch_ns + from_ns), (long long)(epoch_ns + to_ns));
}

static void write_part(struct writer *writer, const char *name, int64_t from_ns, int64_t to_ns) {
    char id[17];
    draw_id(writer, id, 8);
    buffer_append_byte(writer->out, ',');
    begin_span(writer, id, writer->root, slice_text(name), SPAN_KIND_INTERNAL, from_ns, to_ns);
    buffer_append_text(writer->out, "]}");
}

/* The text as it may be shown; empty: it may not. */
static struct slice shown(const struct trace_record *record, struct buffer *memory) {
    struct slice text = slice_make(record->text, record->text_length);
    if (record->values) {
        return sql_text_shown(text);
    }
    return sql_normalise(text, !record->failed, memory) ? buffer_slice(memory) : slice_make(NULL, 0);
}

/* The statement's first word, in capitals; the request's name where it has none. */
static struct slice operation(const struct trace_record *record, struct slice text, char word[OPERATION_MAX]) {
    size_t length = 0;
    while (length < text.length && length < OPERATION_MAX && isalpha(text.bytes[length])) {
        word[length] = (char)toupper(text.bytes[length]);
        length++;
    }
    return length == 0 ? slice_text(record->method) : slice_make(word, length);
}

static void write_request(struct writer *writer) {
    const struct trace_record *record = writer->record;
    struct buffer *out = writer->out;
    struct buffer memory = {0};
    char word[OPERATION_MAX];
    char parent[17];
    char number[48];
    struct slice text = shown(record, &memory);
    struct slice name = operation(record, text, word);
    codec_hex(parent, record->context.parent, 8);
    begin_span(writer, writer->root, record->context.present ? parent : NULL, name, SPAN_KIND_SERVER, record->begun_ns,
               record->ended_ns);
    attribute_text(out, "db.system.name", slice_text("kimberlite"));
    snprintf(number, sizeof(number), "%u", record->tenant);
    attribute_text(out, "db.namespace", slice_text(number));
    attribute_text(out, "db.operation.name", name);
    if (text.length > 0) {
        attribute_text(out, "db.query.text", text);
    }
    attribute_text(out, "db.user", slice_text(record->user));
    attribute_text(out, "kimberlite.method", slice_text(record->method));
    snprintf(number, sizeof(number), "%llu-%llu", (unsigned long long)record->session,
             (unsigned long long)record->request);
    attribute_text(out, "kimberlite.request", slice_text(number));
    attribute_number(out, "db.response.returned_rows", record->rows);
    attribute_number(out, "kimberlite.log_bytes", record->log_bytes);
    if (record->failed && record->status != KMB_OK) {
        attribute_text(out, "db.response.status_code", slice_text(kmb_status_sqlstate(record->status)));
        attribute_text(out, "error.type", slice_text(kmb_status_name(record->status)));
    }
    buffer_append_text(out, "]");
    if (record->failed) {
        buffer_printf(out, ",\"status\":{\"code\":%d}", STATUS_ERROR);
    }
    buffer_append_text(out, "}");
    buffer_free(&memory);
}

static void write_record(struct writer *writer) {
    const struct trace_record *record = writer->record;
    if (record->context.present) {
        codec_hex(writer->trace, record->context.trace, 16);
    } else {
        draw_id(writer, writer->trace, 16);
    }
    draw_id(writer, writer->root, 8);
    write_request(writer);
    int64_t run_from = record->begun_ns;
    if (record->prepared_ns != 0) {
        write_part(writer, "parse", record->begun_ns, record->prepared_ns);
        run_from = record->prepared_ns;
    }
    if (!record->parses) {
        write_part(writer, "execute", run_from, record->ran_ns);
    }
    if (record->ended_ns > record->ran_ns) {
        write_part(writer, "commit", record->ran_ns, record->ended_ns);
    }
}

bool trace_write(const struct trace_resource *resource, const struct environment *environment,
                 const struct trace_record *records, struct buffer *out) {
    struct writer writer = {.out = out, .environment = environment};
    buffer_append_text(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    attribute_text(out, "service.name", slice_text(resource->service));
    attribute_text(out, "service.instance.id", slice_text(resource->instance));
    attribute_text(out, "service.version", slice_text(kmb_version()));
    buffer_printf(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"kimberlite\",\"version\":\"%s\"},\"spans\":[",
                  kmb_version());
    for (const struct trace_record *at = records; at != NULL; at = at->next) {
        writer.record = at;
        write_record(&writer);
        buffer_append_text(out, at->next == NULL ? "" : ",");
    }
    buffer_append_text(out, "]}]}]}");
    return buffer_ok(out) && !writer.no_random;
}
