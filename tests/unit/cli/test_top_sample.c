/* What top makes of a server's numbers: sums over labels, quantiles of what came between two readings, a new start. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cli/top_sample.h"

#define D "kimberlite_request_duration_seconds"

static void read_numbers(const char *text, struct top_numbers *numbers) {
    char room[4096];
    assert_true(snprintf(room, sizeof(room), "%s", text) < (int)sizeof(room));
    top_numbers_read(room, numbers);
}

static void labels_are_summed_up(void **state) {
    (void)state;
    struct top_numbers numbers;
    read_numbers("# HELP kimberlite_requests_total x\n"
                 "kimberlite_requests_total{method=\"query\",status=\"success\"} 3\n"
                 "kimberlite_requests_total{method=\"execute\",status=\"error\"} 4\n"
                 "kimberlite_requests_total_other 99\n"
                 "kimberlite_uptime_seconds 12.5\n"
                 "kimberlite_build_info{version=\"9.8.7\"} 1\n"
                 "no value\n\nkimberlite_threads\n",
                 &numbers);
    assert_true(numbers.requests == 7);
    assert_true(numbers.uptime_s == 12.5);
    assert_true(numbers.threads == 0);
    assert_string_equal(numbers.version, "9.8.7");
}

/* Two methods whose classes come in turn: counts up to each bound are those of both. */
static void histograms_of_methods_are_one(void **state) {
    (void)state;
    struct top_numbers numbers;
    read_numbers(D "_bucket{method=\"a\",le=\"0.1\"} 1\n" D "_bucket{method=\"a\",le=\"+Inf\"} 2\n" D
                   "_sum{method=\"a\"} 0.5\n" D "_count{method=\"a\"} 2\n" D "_bucket{method=\"b\",le=\"0.1\"} 10\n" D
                   "_bucket{method=\"b\",le=\"1\"} 15\n" D "_bucket{method=\"b\",le=\"+Inf\"} 15\n" D
                   "_sum{method=\"b\"} 1.5\n" D "_count{method=\"b\"} 15\n",
                 &numbers);
    assert_int_equal(numbers.durations.bound_count, 3);
    assert_true(numbers.durations.counts[0] == 11 && numbers.durations.counts[2] == 17);
    assert_true(numbers.durations.count == 17 && numbers.durations.sum == 2.0);
}

static void quantiles_are_of_the_time_between(void **state) {
    (void)state;
    static const struct top_histogram none = {0};
    const struct top_histogram before = {
        .bounds = {0.1, 1, INFINITY}, .counts = {100, 100, 100}, .bound_count = 3, .count = 100};
    const struct top_histogram now = {
        .bounds = {0.1, 1, INFINITY}, .counts = {150, 190, 200}, .bound_count = 3, .count = 200};
    assert_true(top_quantile(&before, &before, 0.5) == 0);
    assert_true(top_quantile(&before, &now, 0.5) == 0.1); /* the fiftieth of a hundred, at the end of its class */
    assert_true(top_quantile(&before, &now, 0.25) == 0.05);
    double middle = top_quantile(&before, &now, 0.7);
    assert_true(middle > 0.54 && middle < 0.56);         /* half-way through the second class */
    assert_true(top_quantile(&before, &now, 0.99) == 1); /* beyond the last bound: as far as is known */
    assert_true(top_quantile(&none, &before, 0.99) > 0.09);
}

static void a_new_start_counts_from_nothing(void **state) {
    (void)state;
    struct top_rates rates;
    struct top_sample before = {.taken_ns = 0, .numbers = {.uptime_s = 100, .requests = 1000}};
    struct top_sample now = {.taken_ns = 2000000000, .numbers = {.uptime_s = 102, .requests = 1010}};
    top_rates_between(&before, &now, &rates);
    assert_true(rates.requests == 5 && rates.seconds == 2);
    now.numbers.uptime_s = 1;
    now.numbers.requests = 8;
    top_rates_between(&before, &now, &rates);
    assert_true(rates.requests == 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_summed_up),
        cmocka_unit_test(histograms_of_methods_are_one),
        cmocka_unit_test(quantiles_are_of_the_time_between),
        cmocka_unit_test(a_new_start_counts_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
