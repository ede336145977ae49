/*
 * Dates, times and spans in the other styles that PostgreSQL prints: DateStyle SQL, German and Postgres, IntervalStyle
 * postgres_verbose, sql_standard and iso_8601. ISO and postgres, which nearly everybody uses, are datetime_format.c's
 * and interval.c's own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "types/datetime.h"
#include "types/interval.h"

/* --- dates and times --- */

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static int shown_year(struct civil_date civil) {
    return civil.year > 0 ? (int)civil.year : (int)(1 - civil.year);
}

static const char *shown_era(struct civil_date civil) {
    return civil.year > 0 ? "" : " BC";
}

/* Day and month in their order, then the year, with this between them. */
static int put_numbers(char *text, struct civil_date civil, bool day_first, char between) {
    return snprintf(text, DATETIME_TEXT_SIZE, "%02d%c%02d%c%04d", (int)(day_first ? civil.day : civil.month), between,
                    (int)(day_first ? civil.month : civil.day), between, shown_year(civil));
}

static int put_style(char *text, struct civil_date civil, const struct datetime_style *style, bool date_alone) {
    bool day_first = style->order == DATE_ORDER_DMY;
    switch (style->dates) {
    case DATE_STYLE_SQL:
        return put_numbers(text, civil, day_first, '/');
    case DATE_STYLE_GERMAN:
        return put_numbers(text, civil, true, '.');
    default:
        ASSERT(style->dates == DATE_STYLE_POSTGRES && date_alone);
        return put_numbers(text, civil, day_first, '-');
    }
}

size_t date_print(int64_t days, const struct datetime_style *style, char text[DATETIME_TEXT_SIZE]) {
    if (style == NULL || style->dates == DATE_STYLE_ISO || !date_is_finite(days)) {
        return date_format(days, text);
    }
    struct civil_date civil = date_to_civil(days);
    int length = put_style(text, civil, style, true);
    length += snprintf(text + length, DATETIME_TEXT_SIZE - (size_t)length, "%s", shown_era(civil));
    return (size_t)length;
}

/* " CET", or where the zone has no letters " +02:30". */
static int put_zone(char *text, struct time_zone zone, const char *name, int64_t us, const char *before) {
    int32_t offset_s = time_zone_at(zone, us);
    int64_t second = us / US_PER_SECOND - (us % US_PER_SECOND < 0 ? 1 : 0);
    if (zone.zone != NULL) {
        return snprintf(text, ZONE_ABBREVIATION_MAX + 2, " %s", zone_at(zone.zone, second)->abbreviation);
    }
    if (name != NULL && name[0] != 0) {
        return snprintf(text, ZONE_ABBREVIATION_MAX + 2, " %s", name);
    }
    int32_t size = abs(offset_s);
    int length = snprintf(text, 16, "%s%c%02d", before, offset_s < 0 ? '-' : '+', (int)(size / 3600));
    if (size % 3600 != 0) {
        length += snprintf(text + length, 8, ":%02d", (int)(size / 60 % 60));
    }
    if (size % 60 != 0) {
        length += snprintf(text + length, 8, ":%02d", (int)(size % 60));
    }
    return length;
}

/* 12:34:56.789, as ISO has it: time_format() knows no nanoseconds, so they are put behind its microseconds. */
static int put_clock(char *text, struct timestamp local) {
    int64_t us = timestamp_to_time(local);
    if (local.ns == 0) {
        return (int)time_format(us, text);
    }
    int64_t seconds = us / US_PER_SECOND;
    return snprintf(text, DATETIME_TEXT_SIZE, "%02d:%02d:%02d.%06d%03u", (int)(seconds / 3600),
                    (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(us % US_PER_SECOND), (unsigned)local.ns);
}

size_t timestamp_print(struct timestamp timestamp, const struct datetime_context *context, bool zoned,
                       char text[DATETIME_TEXT_SIZE]) {
    struct time_zone zone = context == NULL || !zoned ? time_zone_fixed(0) : context->zone;
    if (context == NULL || context->style.dates == DATE_STYLE_ISO || !timestamp_is_finite(timestamp)) {
        return zoned ? timestamptz_format(timestamp, zone, text) : timestamp_format(timestamp, text);
    }
    const struct datetime_style *style = &context->style;
    struct timestamp local = timestamp;
    local.us += time_zone_at(zone, timestamp.us) * US_PER_SECOND;
    int64_t days = timestamp_to_date(local);
    struct civil_date civil = date_to_civil(days);
    char clock[DATETIME_TEXT_SIZE];
    int length = 0;
    (void)put_clock(clock, local);
    if (style->dates == DATE_STYLE_POSTGRES) {
        const char *day = day_names[((days + 4) % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
        const char *month = month_names[civil.month - 1];
        bool day_first = style->order == DATE_ORDER_DMY;
        length = day_first ? snprintf(text, DATETIME_TEXT_SIZE, "%s %02d %s %s %04d", day, (int)civil.day, month, clock,
                                      shown_year(civil))
                           : snprintf(text, DATETIME_TEXT_SIZE, "%s %s %02d %s %04d", day, month, (int)civil.day, clock,
                                      shown_year(civil));
    } else {
        length = put_style(text, civil, style, false);
        length += snprintf(text + length, DATETIME_TEXT_SIZE - (size_t)length, " %s", clock);
    }
    if (zoned) {
        length += put_zone(text + length, zone, context->zone_name, timestamp.us,
                           style->dates == DATE_STYLE_POSTGRES ? " " : "");
    }
    length += snprintf(text + length, DATETIME_TEXT_SIZE - (size_t)length, "%s", shown_era(civil));
    return (size_t)length;
}

/* --- spans --- */

/* The parts that an interval is shown in; each has its sign. */
struct span_parts {
    int64_t years;
    int64_t months;
    int64_t days;
    int64_t hours;
    int64_t minutes;
    int64_t us; /* of seconds */
};

static struct span_parts parts_of(struct interval a) {
    return (struct span_parts){.years = a.months / 12,
                               .months = a.months % 12,
                               .days = a.days,
                               .hours = a.us / US_PER_HOUR,
                               .minutes = a.us % US_PER_HOUR / US_PER_MINUTE,
                               .us = a.us % US_PER_MINUTE};
}

/* "6.789" without a sign; padded: "06.789". */
static int put_seconds(char *text, int64_t us, bool padded) {
    uint64_t size = us < 0 ? (uint64_t)-us : (uint64_t)us;
    uint64_t fraction = size % (uint64_t)US_PER_SECOND;
    int length = snprintf(text, 24, padded ? "%02u" : "%u", (unsigned)(size / (uint64_t)US_PER_SECOND));
    if (fraction != 0) {
        length += snprintf(text + length, 16, ".%06u", (unsigned)fraction);
        while (text[length - 1] == '0') {
            text[--length] = 0;
        }
    }
    return length;
}

struct verbose {
    char *text;
    int length;
    bool any;
    bool ago; /* the first part is negative: all are shown turned round */
};

static void verbose_part(struct verbose *verbose, int64_t value, const char *unit) {
    if (value == 0) {
        return;
    }
    verbose->ago = verbose->any ? verbose->ago : value < 0;
    value = verbose->ago ? -value : value;
    verbose->any = true;
    verbose->length +=
        snprintf(verbose->text + verbose->length, 40, " %lld %s%s", (long long)value, unit, value == 1 ? "" : "s");
}

static int put_verbose(char *text, const struct span_parts *parts) {
    struct verbose verbose = {.text = text, .length = 1};
    text[0] = '@';
    verbose_part(&verbose, parts->years, "year");
    verbose_part(&verbose, parts->months, "mon");
    verbose_part(&verbose, parts->days, "day");
    verbose_part(&verbose, parts->hours, "hour");
    verbose_part(&verbose, parts->minutes, "min");
    if (parts->us != 0) {
        verbose.ago = verbose.any ? verbose.ago : parts->us < 0;
        bool minus = (parts->us < 0) != verbose.ago;
        verbose.length += snprintf(text + verbose.length, 4, minus ? " -" : " ");
        verbose.length += put_seconds(text + verbose.length, parts->us, false);
        bool one = parts->us == US_PER_SECOND || parts->us == -US_PER_SECOND;
        verbose.length += snprintf(text + verbose.length, 8, one ? " sec" : " secs");
        verbose.any = true;
    }
    return verbose.length +
           snprintf(text + verbose.length, 8, "%s%s", verbose.any ? "" : " 0", verbose.ago ? " ago" : "");
}

static char sign_of(bool negative) {
    return negative ? '-' : '+';
}

/* One sign before all of it where all have one and it is a year-month or a day-time span; else each part its own. */
static int put_sql_standard(char *text, struct span_parts parts) {
    bool negative =
        parts.years < 0 || parts.months < 0 || parts.days < 0 || parts.hours < 0 || parts.minutes < 0 || parts.us < 0;
    bool positive =
        parts.years > 0 || parts.months > 0 || parts.days > 0 || parts.hours > 0 || parts.minutes > 0 || parts.us > 0;
    bool year_month = parts.years != 0 || parts.months != 0;
    bool day_time = parts.days != 0 || parts.hours != 0 || parts.minutes != 0 || parts.us != 0;
    int length = 0;
    if (!negative && !positive) {
        return snprintf(text, INTERVAL_TEXT_SIZE, "0");
    }
    if ((negative && positive) || (year_month && day_time)) {
        bool clock_minus = parts.hours < 0 || parts.minutes < 0 || parts.us < 0;
        length = snprintf(text, INTERVAL_TEXT_SIZE,
                          "%c%lld-%lld %c%lld %c%lld:%02lld:", sign_of(parts.years < 0 || parts.months < 0),
                          llabs((long long)parts.years), llabs((long long)parts.months), sign_of(parts.days < 0),
                          llabs((long long)parts.days), sign_of(clock_minus), llabs((long long)parts.hours),
                          llabs((long long)parts.minutes));
        return length + put_seconds(text + length, parts.us, true);
    }
    if (negative) {
        text[length++] = '-';
    }
    if (year_month) {
        return length +
               snprintf(text + length, 64, "%lld-%lld", llabs((long long)parts.years), llabs((long long)parts.months));
    }
    if (parts.days != 0) {
        length += snprintf(text + length, 24, "%lld ", llabs((long long)parts.days));
    }
    length +=
        snprintf(text + length, 40, "%lld:%02lld:", llabs((long long)parts.hours), llabs((long long)parts.minutes));
    return length + put_seconds(text + length, parts.us, true);
}

static int put_iso_8601(char *text, const struct span_parts *parts) {
    const struct {
        int64_t value;
        char unit;
    } dates[] = {{parts->years, 'Y'}, {parts->months, 'M'}, {parts->days, 'D'}},
      times[] = {{parts->hours, 'H'}, {parts->minutes, 'M'}};
    int length = snprintf(text, 2, "P");
    for (size_t i = 0; i < 3; i++) {
        length +=
            dates[i].value == 0 ? 0 : snprintf(text + length, 24, "%lld%c", (long long)dates[i].value, dates[i].unit);
    }
    bool time = parts->hours != 0 || parts->minutes != 0 || parts->us != 0;
    if (!time && length > 1) {
        return length;
    }
    length += snprintf(text + length, 2, "T");
    for (size_t i = 0; i < 2; i++) {
        length +=
            times[i].value == 0 ? 0 : snprintf(text + length, 24, "%lld%c", (long long)times[i].value, times[i].unit);
    }
    if (parts->us != 0 || !time) {
        length += snprintf(text + length, 2, "%s", parts->us < 0 ? "-" : "");
        length += put_seconds(text + length, parts->us, false);
        length += snprintf(text + length, 2, "S");
    }
    return length;
}

size_t interval_print(struct interval a, enum interval_style style, char text[INTERVAL_TEXT_SIZE]) {
    struct span_parts parts = parts_of(a);
    switch (style) {
    case INTERVAL_STYLE_POSTGRES:
        break;
    case INTERVAL_STYLE_VERBOSE:
        return (size_t)put_verbose(text, &parts);
    case INTERVAL_STYLE_SQL_STANDARD:
        return (size_t)put_sql_standard(text, parts);
    case INTERVAL_STYLE_ISO_8601:
        return (size_t)put_iso_8601(text, &parts);
    }
    return interval_format(a, text);
}

/* Whether a sign stands before another part than the first. */
static bool more_signs(struct slice text) {
    for (size_t i = 1; i < text.length; i++) {
        bool sign = text.bytes[i] == '-' || text.bytes[i] == '+';
        if (sign && (text.bytes[i - 1] == ' ' || text.bytes[i - 1] == '\t')) {
            return true;
        }
    }
    return false;
}

enum kmb_status interval_read(struct slice text, enum interval_style style, int32_t modifier, struct interval *out,
                              struct kmb_error *error) {
    size_t at = 0;
    while (at < text.length && (text.bytes[at] == ' ' || text.bytes[at] == '\t')) {
        at++;
    }
    bool minus = style == INTERVAL_STYLE_SQL_STANDARD && at + 1 < text.length && text.bytes[at] == '-' &&
                 text.bytes[at + 1] >= '0' && text.bytes[at + 1] <= '9';
    struct slice rest = slice_make(text.bytes + at + minus, text.length - at - minus);
    struct interval turned;
    if (minus && !more_signs(rest) && interval_parse(rest, modifier, &turned, NULL) == KMB_OK) {
        return interval_negate(turned, out, error);
    }
    return interval_parse(text, modifier, out, error);
}
