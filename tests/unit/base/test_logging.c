/* Log lines: one event, one line; values cannot forge fields; long lines are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/logging.h"

#include <stdio.h>
#include <string.h>

static char last[4096];
static int lines;

static void keep(void *context, const char *line) {
    (void)context;
    snprintf(last, sizeof(last), "%s", line);
    lines++;
}

static int64_t now_us;

static int64_t fixed_time(void *context) {
    (void)context;
    return now_us;
}

static const struct environment fixed = {.time_us = fixed_time};

static void lines_are_logfmt(void **state) {
    (void)state;
    struct logger logger = {.level = LOG_INFO, .write = keep, .environment = &fixed};
    now_us = INT64_C(1767323045678901);
    logger_write(&logger, LOG_WARNING, "log.tail.cut", "segment", "3f", "bytes", "812", NULL);
    assert_string_equal(last, "time=2026-01-02T03:04:05.678901Z level=warning event=log.tail.cut segment=3f bytes=812");
    logger_write(&logger, LOG_ERROR, "x", "a", "two words", "b", "q\"\\\n", "c", "", "d", "e=f", NULL);
    assert_non_null(strstr(last, " a=\"two words\" b=\"q\\\"\\\\\\x0a\" c=\"\" d=\"e=f\""));
    int before = lines;
    logger_write(&logger, LOG_DEBUG, "quiet", NULL);
    logger_write(NULL, LOG_ERROR, "nobody", NULL);
    logger.level = LOG_OFF;
    logger_write(&logger, LOG_ERROR, "quiet", NULL);
    assert_int_equal(lines, before);
}

static void lines_are_json(void **state) {
    (void)state;
    struct logger logger = {.level = LOG_INFO, .write = keep, .environment = &fixed, .json = true};
    char long_value[1990];
    now_us = INT64_C(1767323045678901);
    logger_write(&logger, LOG_WARNING, "log.tail.cut", "segment", "3f", "why", "q\"\\\n\x7f \xc3\xa4", NULL);
    assert_string_equal(last, "{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warning\",\"target\":\"log\","
                              "\"message\":\"log.tail.cut\",\"fields\":{\"segment\":\"3f\",\"why\":\"q\\\"\\\\\\u000a"
                              "\\u007f \xc3\xa4\"}}");
    logger_write(&logger, LOG_ERROR, "plain", NULL);
    assert_non_null(strstr(last, "\"target\":\"plain\",\"message\":\"plain\",\"fields\":{}}"));
    memset(long_value, 'x', sizeof(long_value) - 1);
    long_value[sizeof(long_value) - 1] = 0;
    logger_write(&logger, LOG_ERROR, "x", "long", long_value, "short", "s", NULL);
    assert_non_null(strstr(last, "\"fields\":{\"short\":\"s\"},\"cut\":true}"));
}

static void times_of_the_calendar(void **state) {
    (void)state;
    struct logger logger = {.level = LOG_DEBUG, .write = keep, .environment = &fixed};
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        {0, "time=1970-01-01T00:00:00.000000Z"},
        {-1, "time=1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782400000000), "time=2000-02-29T00:00:00.000000Z"},
        {INT64_C(1709251199999999), "time=2024-02-29T23:59:59.999999Z"},
        {INT64_C(4107542400000000), "time=2100-03-01T00:00:00.000000Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        now_us = cases[i].time_us;
        logger_write(&logger, LOG_DEBUG, "x", NULL);
        assert_int_equal(strncmp(last, cases[i].text, strlen(cases[i].text)), 0);
    }
}

static void long_lines_are_cut(void **state) {
    (void)state;
    struct logger logger = {.level = LOG_DEBUG, .write = keep, .environment = &fixed};
    char value[3000];
    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = 0;
    logger_write(&logger, LOG_INFO, "long", "value", value, "next", "y", NULL);
    assert_true(strlen(last) <= 2003);
    assert_string_equal(last + strlen(last) - 3, "...");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_logfmt),
        cmocka_unit_test(lines_are_json),
        cmocka_unit_test(times_of_the_calendar),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
