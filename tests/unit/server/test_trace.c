/* Traces: contexts that are taken and that are not, and spans as OTLP's JSON has them. */
#include "server_test.h"

#include <jansson.h>
#include <string.h>

#include "server/metrics.h"
#include "server/trace.h"

#define CONTEXT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void contexts_are_read(void **state) {
    (void)state;
    struct trace_context context = {.present = false};
    assert_true(trace_context_parse(slice_text(CONTEXT), &context));
    assert_true(context.present && context.sampled);
    assert_int_equal(context.trace[0], 0x0a);
    assert_int_equal(context.trace[15], 0x9c);
    assert_int_equal(context.parent[0], 0xb7);
    assert_int_equal(context.parent[7], 0x31);
    assert_true(trace_context_parse(slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"), &context));
    assert_false(context.sampled);
    assert_true(
        trace_context_parse(slice_text("7f-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"), &context));
}

static void others_are_none(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",   /* short */
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", /* version 0 is no longer than this */
        "7f-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", /* not behind a dash */
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",  /* no such version */
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",  /* upper case */
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",  /* no trace */
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",  /* no span */
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct trace_context context = {.present = false};
        assert_false(trace_context_parse(slice_text(wrong[i]), &context));
        assert_false(context.present);
    }
}

static void contexts_are_found_in_comments(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool found;
    } cases[] = {
        {"SELECT 1 /*traceparent='" CONTEXT "'*/", true},
        {"SELECT 1 /* a='b',traceparent='" CONTEXT "',c='d' */ ;\n", true},
        {"/*traceparent='" CONTEXT "'*/", true},
        {"/* one */ SELECT 1 /*traceparent='" CONTEXT "'*/", true},
        {"SELECT 1", false},
        {"SELECT 1 /**/", false},
        {"*/", false},
        {"/*/", false},
        {"SELECT 1 /*traceparent=" CONTEXT "*/", false},
        {"SELECT 1 /*traceparent='" CONTEXT "*/", false}, /* no quote behind it */
        {"SELECT 1 /*traceparent='00-nonsense'*/", false},
        {"SELECT 'traceparent=''" CONTEXT "''' /* none */", false},
        {"SELECT 1 -- traceparent='" CONTEXT "'", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct trace_context context = {.present = false};
        if (trace_context_find(slice_text(cases[i].text), &context) != cases[i].found) {
            fail_msg("%s", cases[i].text);
        }
        for (size_t cut = 0; cut < strlen(cases[i].text); cut++) { /* nothing is read beyond the end */
            char *copy = mem_dup(cases[i].text, cut);
            (void)trace_context_find(slice_make(copy, cut), &context);
            mem_free(copy);
        }
    }
}

static struct trace_record *record_make(const char *text) {
    struct trace_record *record = mem_alloc_zero(1, sizeof(*record) + strlen(text));
    assert_non_null(record);
    record->method = "query";
    snprintf(record->user, sizeof(record->user), "o\"neill");
    record->tenant = 7;
    record->session = 3;
    record->request = 9;
    record->ended_us = INT64_C(1700000000000000);
    record->begun_ns = 1000;
    record->prepared_ns = 2000;
    record->ran_ns = 5000;
    record->ended_ns = 9000;
    record->text_length = strlen(text);
    memcpy(record->text, text, record->text_length);
    return record;
}

static json_t *spans_of(const struct trace_record *records, json_t **root) {
    struct environment environment = environment_system();
    struct buffer text = {0};
    json_error_t fault;
    const struct trace_resource resource = {.service = "s", .instance = "i"};
    assert_true(trace_write(&resource, &environment, records, &text));
    *root = json_loadb((const char *)text.bytes, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (*root == NULL) {
        fail_msg("%s in %s", fault.text, buffer_text(&text));
    }
    buffer_free(&text);
    json_t *resource_spans = json_array_get(json_object_get(*root, "resourceSpans"), 0);
    json_t *scope_spans = json_array_get(json_object_get(resource_spans, "scopeSpans"), 0);
    return json_object_get(scope_spans, "spans");
}

static const char *text_of(json_t *span, const char *key) {
    const char *text = json_string_value(json_object_get(span, key));
    return text == NULL ? "" : text;
}

static void spans_are_written(void **state) {
    (void)state;
    json_t *root = NULL;
    struct trace_record *first = record_make("select * from t where w = 'secret\n'");
    struct trace_record *second = record_make("SELEC 'secret'");
    first->next = second;
    second->failed = true;
    second->status = KMB_SYNTAX;
    second->prepared_ns = 0;
    second->ended_ns = second->ran_ns;
    assert_true(trace_context_parse(slice_text(CONTEXT), &second->context));
    assert_int_equal(trace_span_count(first), 4);
    assert_int_equal(trace_span_count(second), 2);
    json_t *spans = spans_of(first, &root);
    assert_int_equal(json_array_size(spans), 6);
    json_t *request = json_array_get(spans, 0);
    assert_string_equal(text_of(request, "name"), "SELECT");
    assert_string_equal(text_of(request, "startTimeUnixNano"), "1699999999999992000");
    assert_string_equal(text_of(request, "endTimeUnixNano"), "1700000000000000000");
    assert_string_equal(text_of(request, "parentSpanId"), "");
    static const char *const names[] = {"SELECT", "parse", "execute", "commit"};
    for (size_t i = 1; i < 4; i++) {
        json_t *part = json_array_get(spans, i);
        assert_string_equal(text_of(part, "name"), names[i]);
        assert_string_equal(text_of(part, "traceId"), text_of(request, "traceId"));
        assert_string_equal(text_of(part, "parentSpanId"), text_of(request, "spanId"));
    }
    request = json_array_get(spans, 4);
    assert_string_equal(text_of(request, "name"), "query"); /* its text is not shown */
    assert_string_equal(text_of(request, "traceId"), "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(text_of(request, "parentSpanId"), "b7ad6b7169203331");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(request, "status"), "code")), 2);
    char *all = json_dumps(root, 0);
    assert_null(strstr(all, "secret"));
    assert_non_null(strstr(all, "42601"));
    assert_non_null(strstr(all, "o\\\"neill"));
    free(all);
    json_decref(root);
    mem_free(first);
    mem_free(second);
}

static void a_parse_alone_has_no_run(void **state) {
    (void)state;
    json_t *root = NULL;
    struct trace_record *record = record_make("SELECT 1");
    record->parses = true;
    record->values = true;
    record->ran_ns = record->prepared_ns;
    record->ended_ns = record->prepared_ns;
    assert_int_equal(trace_span_count(record), 2);
    json_t *spans = spans_of(record, &root);
    assert_int_equal(json_array_size(spans), 2);
    char *all = json_dumps(root, 0);
    assert_non_null(strstr(all, "\"SELECT 1\""));
    free(all);
    json_decref(root);
    mem_free(record);
}

static void options_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *endpoint, *headers;
        enum kmb_status wanted;
    } cases[] = {
        {"http://127.0.0.1:9", "", KMB_OK},
        {"https://collector/base/", "a=b,c=d%20e", KMB_OK},
        {"nothing at all", "", KMB_CONFIG},
        {"http://h/p?q", "", KMB_CONFIG},
        {"http://h", "a", KMB_CONFIG},
        {"http://h", "=b", KMB_CONFIG},
        {"http://h", "a b=c\r\nd=e", KMB_CONFIG},
        {"http://h", "a=%0d%0aInjected: yes", KMB_CONFIG},
        {"http://h", "a=b,", KMB_OK},
    };
    struct environment environment = environment_system();
    struct logger logger = {.level = LOG_OFF};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct tracer *tracer = NULL;
        struct tracer_options options = {.endpoint = cases[i].endpoint,
                                         .headers = cases[i].headers,
                                         .service = "s",
                                         .instance = "i",
                                         .environment = &environment,
                                         .logger = &logger,
                                         .sample_percent = 100};
        struct kmb_error error = {0};
        if (tracer_new(&options, &tracer, &error) != cases[i].wanted) {
            fail_msg("%s %s: %s", cases[i].endpoint, cases[i].headers, error.message);
        }
        tracer_free(tracer);
    }
}

static void the_queue_has_a_bound(void **state) {
    (void)state;
    struct environment environment = environment_system();
    struct logger logger = {.level = LOG_OFF};
    struct tracer *tracer = NULL;
    const struct tracer_options options = {.endpoint = "http://127.0.0.1:9",
                                           .headers = "",
                                           .service = "s",
                                           .instance = "i",
                                           .environment = &environment,
                                           .logger = &logger,
                                           .sample_percent = 100};
    assert_int_equal(tracer_new(&options, &tracer, NULL), KMB_OK);
    uint64_t spans = 0;
    for (int i = 0; i < 10000; i++) {
        struct trace_context none = {.present = false};
        struct trace_record *record = tracer_begin(tracer, &none, slice_text("SELECT 1"), "u");
        assert_non_null(record);
        record->method = "query";
        record->begun_ns = 1;
        record->ran_ns = 2;
        record->ended_ns = 2;
        spans += trace_span_count(record);
        tracer_end(tracer, record);
    }
    uint64_t sent = 0;
    uint64_t dropped = 0;
    tracer_counts(tracer, &sent, &dropped);
    assert_int_equal(sent, 0);
    assert_true(dropped > spans / 2);
    struct trace_context unsampled = {.present = true};
    assert_null(tracer_begin(tracer, &unsampled, slice_text("SELECT 1"), "u"));
    tracer_sample(tracer, 0);
    assert_null(tracer_begin(tracer, &(struct trace_context){.present = false}, slice_text("SELECT 1"), "u"));
    tracer_free(tracer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_are_read),
        cmocka_unit_test(others_are_none),
        cmocka_unit_test(contexts_are_found_in_comments),
        cmocka_unit_test(spans_are_written),
        cmocka_unit_test(a_parse_alone_has_no_run),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(the_queue_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
