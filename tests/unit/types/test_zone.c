/*
 * Time zones: POSIX rules by example, local times that are skipped or come twice, and hostile files.
 */
#include "types/zone.h"

#include "support.h"

#define AT(year, month, day, hour, minute)                                                                             \
    ((date_of_civil(year, month, day) * 24 + (hour)) * 60 + (minute)) * INT64_C(60)
#define US(seconds) ((seconds)*INT64_C(1000000))

static struct time_zone rule(struct arena *arena, const char *text) {
    struct zone *zone = NULL;
    assert_true(zone_read_rule(slice_text(text), arena, &zone));
    assert_string_equal(zone->name, text);
    return time_zone_of(zone);
}

static void test_rules(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct time_zone berlin = rule(&arena, "CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(time_zone_at(berlin, US(AT(2024, 3, 31, 0, 59))), 3600);
    assert_int_equal(time_zone_at(berlin, US(AT(2024, 3, 31, 1, 0))), 7200);
    assert_int_equal(time_zone_at(berlin, US(AT(2024, 10, 27, 1, 0)) - 1), 7200);
    assert_int_equal(time_zone_at(berlin, US(AT(2024, 10, 27, 1, 0))), 3600);
    assert_string_equal(zone_at(berlin.zone, AT(2024, 7, 1, 0, 0))->abbreviation, "CEST");
    assert_int_equal(time_zone_of_local(berlin, US(AT(2024, 3, 31, 2, 30))), 3600);  /* skipped: that of before */
    assert_int_equal(time_zone_of_local(berlin, US(AT(2024, 10, 27, 2, 30))), 3600); /* twice: that of after */
    assert_int_equal(time_zone_of_local(berlin, US(AT(2024, 10, 27, 1, 59))), 7200);
    assert_int_equal(time_zone_of_local(berlin, US(AT(2024, 3, 31, 3, 0))), 7200);
    struct time_zone sydney = rule(&arena, "AEST-10AEDT,M10.1.0,M4.1.0/3"); /* daylight over the new year */
    assert_int_equal(time_zone_at(sydney, US(AT(2024, 1, 1, 0, 0))), 39600);
    assert_int_equal(time_zone_at(sydney, US(AT(2024, 7, 1, 0, 0))), 36000);
    struct time_zone fixed = rule(&arena, "<-03>3:30");
    assert_int_equal(time_zone_at(fixed, 0), -12600);
    assert_int_equal(time_zone_of_local(fixed, 0), -12600);
    struct time_zone julian = rule(&arena, "AAA0BBB,J60,J61/0"); /* March 1st, also of leap years */
    assert_int_equal(time_zone_at(julian, US(AT(2024, 3, 1, 3, 0))), 3600);
    assert_int_equal(time_zone_at(julian, US(AT(2023, 3, 1, 3, 0))), 3600);
    struct time_zone ordinal = rule(&arena, "AAA0BBB,59,60/0"); /* February 29th of leap years, else March 1st */
    assert_int_equal(time_zone_at(ordinal, US(AT(2024, 2, 29, 3, 0))), 3600);
    assert_int_equal(time_zone_at(ordinal, US(AT(2023, 3, 1, 3, 0))), 3600);
    struct time_zone american = rule(&arena, "EST5EDT"); /* without days: those of the United States */
    assert_int_equal(time_zone_at(american, US(AT(2024, 3, 10, 7, 0))), -14400);
    assert_int_equal(time_zone_at(american, US(AT(2024, 3, 10, 6, 59))), -18000);
    assert_true(time_zone_equal(berlin, berlin) && !time_zone_equal(berlin, sydney));
    assert_true(time_zone_equal(time_zone_fixed(60), time_zone_fixed(60)));
    arena_free(&arena);
}

static void test_no_rules(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "A",
                                        "AB1",
                                        "ABC",
                                        "ABC1DEF,",
                                        "ABC1DEF,M3.2.0",
                                        "ABC1DEF,M13.2.0,M1.1.0",
                                        "ABC1DEF,M3.6.0,M1.1.0",
                                        "ABC1DEF,M3.2.7,M1.1.0",
                                        "ABC1DEF,J0,J1",
                                        "ABC1DEF,J366,J1",
                                        "ABC1DEF,M3.2.0,M11.1.0x",
                                        "ABC1:",
                                        "ABC1:60",
                                        "ABC168",
                                        "ABC25",
                                        "<ABC1",
                                        "ABC1 ",
                                        "ABC+-1",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ1"};
    struct arena arena;
    struct zone *zone;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (zone_read_rule(slice_text(texts[i]), &arena, &zone)) {
            fail_msg("taken: %s", texts[i]);
        }
    }
    arena_free(&arena);
}

/* A file of one transition, at 0: from +1 h to +2 h; then the rule. */
static size_t file_make(uint8_t *bytes, const char *footer) {
    size_t at = 0;
    for (int block = 0; block < 2; block++) {
        size_t width = block == 0 ? 4 : 8;
        memset(bytes + at, 0, 44 + width + 1 + 12 + 8);
        memcpy(bytes + at, "TZif2", 5);
        bytes[at + 35] = 1; /* transitions */
        bytes[at + 39] = 2; /* types */
        bytes[at + 43] = 8; /* characters */
        at += 44 + width;
        bytes[at++] = 1;
        bytes[at + 2] = 0x0e; /* 3600 */
        bytes[at + 3] = 0x10;
        bytes[at + 8] = 0x1c; /* 7200 */
        bytes[at + 9] = 0x20;
        bytes[at + 10] = 1;
        bytes[at + 11] = 4;
        memcpy(bytes + at + 12, "ONE\0TWO", 8);
        at += 20;
    }
    at += (size_t)sprintf((char *)bytes + at, "\n%s\n", footer);
    return at;
}

static void test_files(void **state) {
    (void)state;
    struct arena arena;
    uint8_t bytes[512];
    struct zone *zone = NULL;
    arena_init(&arena, 0);
    size_t length = file_make(bytes, "TRI-3");
    assert_int_equal(zone_read(slice_text("One/Two"), slice_make(bytes, length), &arena, &zone, NULL), KMB_OK);
    assert_string_equal(zone->name, "One/Two");
    assert_string_equal(zone_at(zone, -1)->abbreviation, "ONE");
    assert_string_equal(zone_at(zone, 0)->abbreviation, "TRI"); /* after the last transition the rule holds */
    length = file_make(bytes, "");
    assert_int_equal(zone_read(slice_text("One/Two"), slice_make(bytes, length), &arena, &zone, NULL), KMB_OK);
    assert_string_equal(zone_at(zone, 0)->abbreviation, "TWO");
    assert_int_equal(time_zone_of_local(time_zone_of(zone), US(INT64_C(3600))), 3600); /* 01:00 to 02:00 are skipped */
    assert_int_equal(time_zone_of_local(time_zone_of(zone), US(INT64_C(7200))), 7200);
    assert_int_equal(zone_read(slice_text("x"), slice_make(bytes, 43), &arena, &zone, NULL), KMB_CORRUPT);
    length = file_make(bytes, "no rule");
    assert_int_equal(zone_read(slice_text("x"), slice_make(bytes, length), &arena, &zone, NULL), KMB_CORRUPT);
    for (int round = 0; round < 20000; round++) { /* any damage: an error, or a zone that can be asked */
        length = file_make(bytes, "AAA0BBB,J60,J61/0");
        for (uint32_t i = 0; i <= test_below(4); i++) {
            bytes[test_below((uint32_t)length)] = (uint8_t)test_random();
        }
        length = test_below(3) == 0 ? test_below((uint32_t)length) : length;
        if (zone_read(slice_text("x"), slice_make(bytes, length), &arena, &zone, NULL) == KMB_OK) {
            int64_t us = test_range(INT64_MIN / 4, INT64_MAX / 4);
            int32_t offset = time_zone_at(time_zone_of(zone), us);
            int32_t local = time_zone_of_local(time_zone_of(zone), us);
            assert_true(abs(offset) < 86400 && abs(local) < 86400);
        }
        arena_free(&arena);
    }
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_no_rules),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
