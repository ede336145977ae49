/* Counters and their text: what was counted stands there, tenants and methods keep to themselves, and all is bounded.
 */
#include "server_test.h"

#include <pthread.h>
#include <string.h>

#include "server/metrics.h"

static const char *text_of(struct metrics *metrics, struct buffer *text) {
    buffer_clear(text);
    metrics_write(metrics, text);
    return buffer_text(text);
}

static void assert_line(struct metrics *metrics, const char *line) {
    struct buffer text = {0};
    char wanted[200];
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text_of(metrics, &text), wanted) == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, buffer_text(&text));
    }
    buffer_free(&text);
}

static struct metrics *metrics_make(void) {
    struct metrics *metrics = mem_alloc_zero(1, sizeof(*metrics));
    assert_non_null(metrics);
    return metrics;
}

static void requests_are_counted(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    int64_t first = metrics_begin(metrics);
    int64_t second = metrics_begin(metrics);
    assert_line(metrics, "kimberlite_requests_in_flight 2");
    metrics_end(metrics, "query", 7, first, true);
    metrics_end(metrics, "append", 7, second, false);
    char copy[] = "query"; /* the same name at another address is the same method */
    metrics_end(metrics, copy, 8, metrics_begin(metrics), true);
    assert_line(metrics, "kimberlite_requests_in_flight 0");
    assert_line(metrics, "kimberlite_requests_total{method=\"query\",status=\"success\"} 2");
    assert_line(metrics, "kimberlite_requests_total{method=\"query\",status=\"error\"} 0");
    assert_line(metrics, "kimberlite_requests_total{method=\"append\",status=\"error\"} 1");
    assert_line(metrics, "kimberlite_request_duration_seconds_count{method=\"query\"} 2");
    assert_line(metrics, "kimberlite_tenant_requests_total{tenant=\"7\",status=\"success\"} 1");
    assert_line(metrics, "kimberlite_tenant_requests_total{tenant=\"7\",status=\"error\"} 1");
    assert_line(metrics, "kimberlite_tenant_requests_total{tenant=\"8\",status=\"success\"} 1");
    mem_free(metrics);
}

static void durations_go_to_their_class(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    metrics_end(metrics, "query", 1, metrics_begin(metrics) - 20000000, true);    /* 20 ms */
    metrics_end(metrics, "query", 1, metrics_begin(metrics) - 60000000000, true); /* a minute */
    assert_line(metrics, "kimberlite_request_duration_seconds_bucket{method=\"query\",le=\"0.01\"} 0");
    assert_line(metrics, "kimberlite_request_duration_seconds_bucket{method=\"query\",le=\"0.025\"} 1");
    assert_line(metrics, "kimberlite_request_duration_seconds_bucket{method=\"query\",le=\"10\"} 1");
    assert_line(metrics, "kimberlite_request_duration_seconds_bucket{method=\"query\",le=\"+Inf\"} 2");
    mem_free(metrics);
}

static void bounds_belong_below(void **state) {
    (void)state;
    struct histogram histogram = {0};
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        histogram_add(&histogram, histogram_bounds_ns[i]);
        histogram_add(&histogram, histogram_bounds_ns[i] + 1);
    }
    assert_int_equal(histogram.counts[0], 1);
    for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++) {
        assert_int_equal(histogram.counts[i], 2);
    }
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
}

static void errors_are_told_by_class(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    metrics_error(metrics, KMB_UNIQUE_VIOLATION);
    metrics_error(metrics, KMB_UNIQUE_VIOLATION);
    metrics_error(metrics, KMB_TOO_MANY_CONNECTIONS);
    assert_line(metrics, "kimberlite_errors_total{type=\"23\"} 2");
    assert_line(metrics, "kimberlite_errors_total{type=\"53\"} 1");
    assert_line(metrics, "kimberlite_rate_limited_total 1");
    mem_free(metrics);
}

static void tenants_beyond_the_bound_are_one(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    for (uint32_t tenant = 1; tenant <= METRICS_TENANTS_MAX + 5; tenant++) {
        metrics_end(metrics, "query", tenant, metrics_begin(metrics), true);
    }
    metrics_end(metrics, "query", METRICS_TENANTS_MAX, metrics_begin(metrics), true);
    metrics_end(metrics, "query", 0, metrics_begin(metrics), true); /* of no tenant */
    assert_line(metrics, "kimberlite_tenant_requests_total{tenant=\"100\",status=\"success\"} 2");
    assert_line(metrics, "kimberlite_tenant_requests_total{tenant=\"other\",status=\"success\"} 6");
    mem_free(metrics);
}

/* Each family has its type once, before its values: what readers of the format insist on. */
static void each_family_has_one_type(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    struct buffer text = {0};
    metrics_end(metrics, "query", 1, metrics_begin(metrics), true);
    metrics_end(metrics, "execute", 2, metrics_begin(metrics), true);
    metrics_error(metrics, KMB_INTERNAL);
    const char *at = text_of(metrics, &text);
    unsigned types = 0;
    while ((at = strstr(at, "# TYPE ")) != NULL) {
        char name[100];
        char again[120];
        assert_int_equal(sscanf(at, "# TYPE %99s", name), 1);
        (void)snprintf(again, sizeof again, "# TYPE %s ", name);
        assert_ptr_equal(strstr(buffer_text(&text), again), at);
        at++;
        types++;
    }
    assert_int_equal(types, 9);
    buffer_free(&text);
    mem_free(metrics);
}

#define THREADS  4
#define REQUESTS 5000

static void *count_many(void *context) {
    struct metrics *metrics = context;
    static const char *const names[] = {"query", "execute", "copy", "append"};
    for (uint32_t i = 0; i < REQUESTS; i++) {
        metrics_end(metrics, names[i % 4], i % 150 + 1, metrics_begin(metrics), true);
    }
    return NULL;
}

static void threads_lose_nothing(void **state) {
    (void)state;
    struct metrics *metrics = metrics_make();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, metrics), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    uint64_t sum = metrics->tenants_other.succeeded;
    for (size_t i = 0; i < METRICS_TENANTS_MAX; i++) {
        assert_int_not_equal(metrics->tenants[i].id, 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(metrics->tenants[i].id, metrics->tenants[j].id);
        }
        sum += metrics->tenants[i].succeeded;
    }
    assert_int_equal(sum, THREADS * REQUESTS);
    assert_line(metrics, "kimberlite_requests_total{method=\"append\",status=\"success\"} 5000");
    assert_line(metrics, "kimberlite_requests_in_flight 0");
    assert_null(metrics->methods[4].name);
    mem_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(durations_go_to_their_class),
        cmocka_unit_test(bounds_belong_below),
        cmocka_unit_test(errors_are_told_by_class),
        cmocka_unit_test(tenants_beyond_the_bound_are_one),
        cmocka_unit_test(each_family_has_one_type),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
