/* Dates and times: the calendar over its whole range, nanoseconds, infinities, zones; random text never crashes. */
#include "support.h"

/* Day by day through 800 years and at both ends, against the rules of the calendar said naively. */
static void test_calendar(void **state) {
    (void)state;
    static const struct {
        int64_t first;
        int64_t count;
    } spans[] = {{-400 * INT64_C(366), 300000}, {DATE_MIN, 3000}, {DATE_MAX - 3000, 3001}};
    for (size_t s = 0; s < 3; s++) {
        struct civil_date civil = date_to_civil(spans[s].first);
        int32_t weekday = date_day_of_week(spans[s].first);
        for (int64_t i = 0; i < spans[s].count; i++) {
            int64_t days = spans[s].first + i;
            struct civil_date got = date_to_civil(days);
            assert_memory_equal(&got, &civil, sizeof(got));
            assert_int_equal(date_of_civil(civil.year, civil.month, civil.day), days);
            assert_int_equal(date_day_of_week(days), weekday);
            weekday = (weekday + 1) % 7;
            if (++civil.day > date_month_length(civil.year, civil.month)) {
                civil.day = 1;
                if (++civil.month > 12) {
                    civil.month = 1;
                    civil.year++;
                }
            }
        }
    }
    struct civil_date epoch = date_to_civil(0);
    assert_int_equal(epoch.year, 1970);
    assert_int_equal(date_day_of_week(0), 4);
    assert_true(date_year_is_leap(2000) && !date_year_is_leap(1900) && date_year_is_leap(0) && date_year_is_leap(-4));
}

static void test_iso_week(void **state) {
    (void)state;
    static const struct {
        int32_t year;
        int32_t month;
        int32_t day;
        int32_t week;
        int32_t iso_year;
    } cases[] = {{2005, 1, 1, 53, 2004},  {2005, 1, 2, 53, 2004}, {2005, 12, 31, 52, 2005}, {2007, 1, 1, 1, 2007},
                 {2008, 12, 29, 1, 2009}, {2010, 1, 3, 53, 2009}, {2020, 12, 31, 53, 2020}, {2021, 1, 4, 1, 2021}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t year;
        assert_int_equal(date_iso_week(date_of_civil(cases[i].year, cases[i].month, cases[i].day), &year),
                         cases[i].week);
        assert_int_equal(year, cases[i].iso_year);
    }
}

static void check_timestamp(const char *input, const char *expected) {
    struct timestamp timestamp;
    struct kmb_error error = {0};
    char text[DATETIME_TEXT_SIZE];
    if (timestamp_parse(slice_text(input), true, NULL, &timestamp, &error) != KMB_OK) {
        fail_msg("%s: %s", input, error.message);
    }
    assert_true(timestamp_valid(timestamp));
    timestamptz_format(timestamp, time_zone_fixed(0), text);
    assert_string_equal(text, expected);
}

static void test_nanoseconds(void **state) {
    (void)state;
    check_timestamp("2024-01-01T00:00:00.123456789Z", "2024-01-01 00:00:00.123456789+00");
    check_timestamp("2024-01-01T00:00:00.1234567895Z", "2024-01-01 00:00:00.123456790+00");
    check_timestamp("2024-01-01T00:00:00.000000001Z", "2024-01-01 00:00:00.000000001+00");
    check_timestamp("2024-12-31T23:59:59.9999999999Z", "2025-01-01 00:00:00+00");
    check_timestamp("1969-12-31T23:59:59.999999999Z", "1969-12-31 23:59:59.999999999+00");
    check_timestamp("2024-01-01T00:00:00.120000000Z", "2024-01-01 00:00:00.12+00");
    struct timestamp a;
    struct timestamp b;
    assert_int_equal(timestamp_parse(slice_text("2024-01-01 00:00:00.0000015"), false, NULL, &a, NULL), KMB_OK);
    assert_int_equal(a.us % 10, 1);
    assert_int_equal(a.ns, 500);
    assert_int_equal(timestamp_apply_modifier(a, 6, &b, NULL), KMB_OK);
    assert_int_equal(b.us - a.us, 1);
    assert_int_equal(b.ns, 0);
    assert_true(timestamp_compare(a, b) < 0 && timestamp_compare(b, a) > 0 && timestamp_compare(a, a) == 0);
    struct decimal out;
    bool is_null;
    char text[DECIMAL_TEXT_SIZE];
    assert_int_equal(timestamp_extract(DATETIME_SECOND, a, &out, &is_null, NULL), KMB_OK);
    decimal_format(out, text);
    assert_string_equal(text, "0.000001500");
    assert_int_equal(timestamp_extract(DATETIME_EPOCH, a, &out, &is_null, NULL), KMB_OK);
    decimal_format(out, text);
    assert_string_equal(text, "1704067200.000001500");
}

static void test_ends(void **state) {
    (void)state;
    struct timestamp out;
    struct kmb_error error = {0};
    check_timestamp("294246-12-31 23:59:59.999999999", "294246-12-31 23:59:59.999999999+00");
    check_timestamp("4714-11-24 00:00:00 BC", "4714-11-24 00:00:00+00 BC");
    assert_int_equal(timestamp_parse(slice_text("294247-01-01"), false, NULL, &out, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "timestamp out of range: \"294247-01-01\"");
    assert_int_equal(timestamp_parse(slice_text("4714-11-23 BC"), false, NULL, &out, &error), KMB_DATETIME_OVERFLOW);
    struct timestamp last = timestamp_of_us(TIMESTAMP_END_US - 1);
    struct interval spans[] = {{.us = 1},         {.days = 1},         {.months = 1},
                               {.us = INT64_MAX}, {.days = INT32_MAX}, {.months = INT32_MAX}};
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        assert_int_equal(timestamp_add_interval(last, spans[i], time_zone_fixed(0), &out, &error),
                         KMB_DATETIME_OVERFLOW);
        assert_string_equal(error.message, "timestamp out of range");
        assert_int_equal(
            timestamp_subtract_interval(timestamp_of_us(TIMESTAMP_MIN_US), spans[i], time_zone_fixed(0), &out, &error),
            KMB_DATETIME_OVERFLOW);
    }
    struct timestamp forever = timestamp_of_us(TIMESTAMP_INFINITY);
    assert_int_equal(timestamp_add_interval(forever, spans[0], time_zone_fixed(0), &out, &error), KMB_OK);
    assert_true(out.us == TIMESTAMP_INFINITY);
    struct interval span;
    assert_int_equal(timestamp_subtract(forever, last, &span, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "cannot subtract infinite timestamps");
    int64_t days;
    assert_int_equal(date_add_days(DATE_MAX, 1, &days, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "date out of range");
    assert_int_equal(date_to_timestamp(DATE_MAX, &out, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "date out of range for timestamp");
    assert_int_equal(date_make(2023, 2, 29, &days, &error), KMB_DATETIME_OVERFLOW);
    assert_string_equal(error.message, "date field value out of range: 2023-02-29");
    assert_int_equal(date_make(2024, 2, 29, &days, &error), KMB_OK);
    assert_false(time_valid(-1) || time_valid(TIME_MAX_US + 1));
}

static void test_zones(void **state) {
    (void)state;
    struct time_zone zone;
    struct kmb_error error = {0};
    static const struct {
        const char *name;
        int32_t offset;
    } zones[] = {{"UTC", 0},    {"utc", 0},       {"Etc/UTC", 0},        {"Z", 0},
                 {"+02", 7200}, {"+02:30", 9000}, {"-03:30:15", -12615}, {"EST", -18000},
                 {"CEST", 7200}};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        assert_int_equal(datetime_zone_parse(slice_text(zones[i].name), false, NULL, &zone, &error), KMB_OK);
        assert_int_equal(zone.offset_s, zones[i].offset);
    }
    assert_int_equal(datetime_zone_parse(slice_text("Europe/Berlin"), false, NULL, &zone, &error),
                     KMB_INVALID_PARAMETER);
    assert_string_equal(error.message, "time zone \"Europe/Berlin\" not recognized");
    assert_int_equal(datetime_zone_parse(slice_text("+25"), false, NULL, &zone, &error), KMB_INVALID_ZONE_OFFSET);
    assert_int_equal(datetime_zone_parse(slice_text(""), false, NULL, &zone, &error), KMB_INVALID_PARAMETER);
    /* A session's zone is the one of text without. */
    struct datetime_context context = {.zone = {.offset_s = 7200}};
    struct timestamp out;
    char text[DATETIME_TEXT_SIZE];
    assert_int_equal(timestamp_parse(slice_text("2024-01-01 12:00"), true, &context, &out, &error), KMB_OK);
    timestamptz_format(out, time_zone_fixed(7200), text);
    assert_string_equal(text, "2024-01-01 12:00:00+02");
    timestamptz_format(out, time_zone_fixed(-12615), text);
    assert_string_equal(text, "2024-01-01 06:29:45-03:30:15");
    struct decimal field;
    bool is_null;
    assert_int_equal(timestamptz_extract(DATETIME_HOUR, out, time_zone_fixed(7200), &field, &is_null, &error), KMB_OK);
    assert_int_equal(decimal_compare(field, decimal_of_int64(12)), 0);
    assert_int_equal(timestamptz_extract(DATETIME_TIMEZONE, out, time_zone_fixed(7200), &field, &is_null, &error),
                     KMB_OK);
    assert_int_equal(decimal_compare(field, decimal_of_int64(7200)), 0);
}

static void test_clock_words(void **state) {
    (void)state;
    struct timestamp out;
    int64_t days;
    int64_t us;
    struct kmb_error error = {0};
    assert_int_equal(timestamp_parse(slice_text("now"), false, NULL, &out, &error), KMB_UNSUPPORTED);
    assert_int_equal(date_parse(slice_text("today"), NULL, &days, &error), KMB_UNSUPPORTED);
    struct datetime_context context = {
        .now_us = INT64_C(1704153600000000) - 1, .has_now = true, .zone = {.offset_s = 3600}};
    assert_int_equal(date_parse(slice_text("today"), &context, &days, &error), KMB_OK);
    assert_int_equal(days, 19724); /* 2024-01-02 in the session's zone */
    assert_int_equal(date_parse(slice_text("yesterday"), &context, &days, &error), KMB_OK);
    assert_int_equal(days, 19723);
    assert_int_equal(timestamp_parse(slice_text("now"), true, &context, &out, &error), KMB_OK);
    assert_true(out.us == context.now_us);
    assert_int_equal(timestamp_parse(slice_text("tomorrow 10:00"), false, &context, &out, &error), KMB_OK);
    assert_true(out.us == INT64_C(19725) * US_PER_DAY + 10 * US_PER_HOUR);
    assert_int_equal(time_parse(slice_text("now"), &context, &us, &error), KMB_OK);
    assert_true(us == US_PER_HOUR - 1);
}

static void test_round_trip(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct timestamp a = test_random_timestamp();
        struct timestamp b;
        struct civil_time civil;
        char text[DATETIME_TEXT_SIZE];
        size_t length = timestamp_format(a, text);
        assert_int_equal(timestamp_parse(slice_make(text, length), false, NULL, &b, NULL), KMB_OK);
        assert_int_equal(timestamp_compare(a, b), 0);
        int32_t offset = (int32_t)test_below(57600) - 28800;
        if (timestamp_is_finite(a) && a.us < TIMESTAMP_END_US - US_PER_DAY && a.us > TIMESTAMP_MIN_US + US_PER_DAY) {
            length = timestamptz_format(a, time_zone_fixed(offset), text);
            assert_int_equal(timestamp_parse(slice_make(text, length), true, NULL, &b, NULL), KMB_OK);
            assert_int_equal(timestamp_compare(a, b), 0);
            civil = timestamp_to_civil(a);
            b = timestamp_of_civil(&civil);
            assert_int_equal(timestamp_compare(a, b), 0);
        }
        int64_t days = test_range(DATE_MIN, DATE_MAX);
        int64_t back;
        length = date_format(days, text);
        assert_int_equal(date_parse(slice_make(text, length), NULL, &back, NULL), KMB_OK);
        assert_int_equal(days, back);
        int64_t us = test_range(0, TIME_MAX_US);
        length = time_format(us, text);
        assert_int_equal(time_parse(slice_make(text, length), NULL, &back, NULL), KMB_OK);
        assert_int_equal(us, back);
    }
}

/* Strings over what dates are made of: an answer in range, or an error. */
static void test_hostile(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "1",   "12",  "2024", "-",      "/",        ":",        ".",  " ",        "T",
        "Z",   "+",   "jan",  "BC",     "PM",       "J",        "99", "day",      "year",
        "P",   "ago", "00",   "999999", "inf",      "infinity", ",",  "\xc3\xa4", "99999999999999999999",
        "mon", "24",  "60",   "epoch",  "-infinity"};
    size_t accepted = 0;
    for (int round = 0; round < 60000; round++) {
        char text[256];
        size_t length = 0;
        for (uint64_t i = test_below(9); i > 0; i--) {
            const char *piece = pieces[test_below(sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        struct datetime_context context = {.now_us = 0, .has_now = true};
        char *exact = malloc(length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, text, length);
        struct slice slice = slice_make(exact + 1, length);
        int64_t number;
        struct timestamp timestamp;
        struct interval span;
        struct decimal decimal;
        double real;
        if (date_parse(slice, &context, &number, NULL) == KMB_OK) {
            assert_true(date_valid(number));
            accepted++;
        }
        if (time_parse(slice, &context, &number, NULL) == KMB_OK) {
            assert_true(time_valid(number));
            accepted++;
        }
        if (timestamp_parse(slice, true, &context, &timestamp, NULL) == KMB_OK) {
            assert_true(timestamp_valid(timestamp));
            accepted++;
        }
        char shown[INTERVAL_TEXT_SIZE];
        if (interval_parse(slice, -1, &span, NULL) == KMB_OK) {
            interval_format(span, shown);
            accepted++;
        }
        if (decimal_parse(slice, &decimal, NULL) == KMB_OK) {
            assert_true(decimal_valid(decimal));
        }
        (void)value_parse_real(TYPE_FLOAT8, slice, &real, NULL);
        free(exact);
    }
    assert_true(accepted > 1000);
}

static void test_age(void **state) {
    (void)state;
    /* a + age(b, a) = b when a is earlier and the first of a month, so that no day is borrowed. */
    for (int round = 0; round < 5000; round++) {
        struct timestamp a = timestamp_of_us((int64_t)test_below(4000000000) * 1000000 / 3);
        struct timestamp b = timestamp_of_us(a.us + (int64_t)test_below(2000000000) * 1000000);
        struct civil_time civil = timestamp_to_civil(a);
        civil = (struct civil_time){.date = {civil.date.year, civil.date.month, 1}};
        a = timestamp_of_civil(&civil);
        struct interval age;
        struct timestamp back;
        assert_int_equal(timestamp_age(b, a, &age, NULL), KMB_OK);
        assert_int_equal(timestamp_add_interval(a, age, time_zone_fixed(0), &back, NULL), KMB_OK);
        assert_int_equal(timestamp_compare(back, b), 0);
    }
    assert_int_equal(time_add_interval(US_PER_HOUR, (struct interval){.us = -2 * US_PER_HOUR}), 23 * US_PER_HOUR);
    assert_int_equal(time_subtract_interval(US_PER_HOUR, (struct interval){.us = 2 * US_PER_HOUR}), 23 * US_PER_HOUR);
}

/* The usual form is read without tokens: a blank before it makes them read it, to the same moment or refusal. */
static void test_usual_form(void **state) {
    (void)state;
    static const char alphabet[] = "0123456789-: .+T9";
    struct datetime_context context = {.zone = time_zone_fixed(-12600)};
    size_t good = 0;
    for (int round = 0; round < 60000; round++) {
        char text[64] = " ";
        int length = snprintf(text + 1, sizeof(text) - 1, "%04d-%02d-%02d %02d:%02d:%02d", (int)test_below(2200),
                              (int)test_below(14), (int)test_below(33), (int)test_below(26), (int)test_below(62),
                              (int)test_below(62));
        if (test_below(2) == 0) {
            length += snprintf(text + 1 + length, 20, ".%0*d", (int)(1 + test_below(9)), (int)test_below(1000));
        }
        if (test_below(3) == 0) {
            length += snprintf(text + 1 + length, 20, "%c%02d%s", test_below(2) == 0 ? '+' : '-', (int)test_below(17),
                               test_below(2) == 0 ? ":30" : "");
        }
        if (test_below(4) == 0) {
            text[1 + test_below((uint64_t)length)] = alphabet[test_below(sizeof(alphabet) - 1)];
        }
        if (test_below(4) == 0) {
            length = (int)test_below((uint64_t)length + 1);
        }
        struct slice spaced = slice_make(text, (size_t)length + 1);
        struct slice plain = slice_make(text + 1, (size_t)length);
        bool with_zone = test_below(2) == 0;
        struct timestamp a = {.us = 0};
        struct timestamp b = {.us = 0};
        enum kmb_status status = timestamp_parse(plain, with_zone, &context, &a, NULL);
        if (status != timestamp_parse(spaced, with_zone, &context, &b, NULL) || timestamp_compare(a, b) != 0) {
            fail_msg("'%.*s': %lld, %lld", length, text + 1, (long long)a.us, (long long)b.us);
        }
        int64_t days = 0;
        int64_t other = 0;
        assert_int_equal(date_parse(plain, &context, &days, NULL), date_parse(spaced, &context, &other, NULL));
        assert_int_equal(days, other);
        good += status == KMB_OK;
    }
    assert_true(good > 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),   cmocka_unit_test(test_iso_week), cmocka_unit_test(test_nanoseconds),
        cmocka_unit_test(test_ends),       cmocka_unit_test(test_zones),    cmocka_unit_test(test_clock_words),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hostile),  cmocka_unit_test(test_usual_form),
        cmocka_unit_test(test_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
