/*
 * Printing dates and times, in ISO form as PostgreSQL does: the year with at least four digits, " BC" at the very end,
 * a fraction without zeros at its end. A timestamp that carries nanoseconds shows all nine digits.
 */
#include "base/assert.h"
#include "types/datetime.h"
#include "types/digits.h"

/* At least `width` digits. */
static size_t put_number(char *text, uint32_t number, uint32_t width) {
    uint32_t count = digits_count(number);
    count = count < width ? width : count;
    digits_put_width(text, number, count);
    return count;
}

static size_t put_pair(char *text, uint32_t number) {
    digits_put_pair(text, number);
    return 2;
}

static size_t put_date(char *text, struct civil_date civil) {
    uint32_t year = (uint32_t)(civil.year > 0 ? civil.year : 1 - civil.year);
    size_t at = 4;
    if (year < 10000) {
        digits_put_pair(text, year / 100);
        digits_put_pair(text + 2, year % 100);
    } else {
        at = put_number(text, year, 4);
    }
    text[at++] = '-';
    at += put_pair(text + at, (uint32_t)civil.month);
    text[at++] = '-';
    return at + put_pair(text + at, (uint32_t)civil.day);
}

static size_t put_era(char *text, struct civil_date civil) {
    if (civil.year <= 0) {
        memcpy(text, " BC", 3);
        return 3;
    }
    return 0;
}

static size_t put_time(char *text, int64_t us, uint32_t ns) {
    uint32_t seconds = (uint32_t)((uint64_t)us / US_PER_SECOND);
    uint32_t fraction = (uint32_t)(us - (int64_t)seconds * US_PER_SECOND);
    size_t at = put_pair(text, seconds / 3600);
    text[at++] = ':';
    at += put_pair(text + at, seconds / 60 % 60);
    text[at++] = ':';
    at += put_pair(text + at, seconds % 60);
    if (fraction == 0 && ns == 0) {
        return at;
    }
    text[at++] = '.';
    digits_put_width(text + at, fraction, 6);
    at += 6;
    if (ns != 0) {
        return at + put_number(text + at, ns, 3);
    }
    while (text[at - 1] == '0') {
        at--;
    }
    return at;
}

static size_t put_infinity(char *text, bool negative) {
    size_t length = negative ? 9 : 8;
    memcpy(text, negative ? "-infinity" : "infinity", length + 1);
    return length;
}

size_t date_format(int64_t days, char text[DATETIME_TEXT_SIZE]) {
    if (!date_is_finite(days)) {
        return put_infinity(text, days == DATE_NEGATIVE_INFINITY);
    }
    struct civil_date civil = date_to_civil(days);
    size_t at = put_date(text, civil);
    at += put_era(text + at, civil);
    text[at] = 0;
    return at;
}

size_t time_format(int64_t us, char text[DATETIME_TEXT_SIZE]) {
    ASSERT(time_valid(us));
    size_t at = put_time(text, us, 0);
    text[at] = 0;
    return at;
}

static size_t put_zone(char *text, int32_t offset_s) {
    uint32_t seconds = (uint32_t)(offset_s < 0 ? -offset_s : offset_s);
    size_t at = 0;
    text[at++] = offset_s < 0 ? '-' : '+';
    at += put_number(text + at, seconds / 3600, 2);
    if (seconds % 3600 != 0) {
        text[at++] = ':';
        at += put_pair(text + at, seconds / 60 % 60);
    }
    if (seconds % 60 != 0) {
        text[at++] = ':';
        at += put_pair(text + at, seconds % 60);
    }
    return at;
}

static size_t put_timestamp(char *text, struct timestamp timestamp, const int32_t *zone_offset_s) {
    if (!timestamp_is_finite(timestamp)) {
        return put_infinity(text, timestamp.us == TIMESTAMP_NEGATIVE_INFINITY);
    }
    struct timestamp local = timestamp;
    if (zone_offset_s != NULL) {
        local.us += *zone_offset_s * US_PER_SECOND;
    }
    struct civil_date civil = date_to_civil(timestamp_to_date(local));
    size_t at = put_date(text, civil);
    text[at++] = ' ';
    at += put_time(text + at, timestamp_to_time(local), local.ns);
    if (zone_offset_s != NULL) {
        at += put_zone(text + at, *zone_offset_s);
    }
    at += put_era(text + at, civil);
    text[at] = 0;
    ASSERT(at < DATETIME_TEXT_SIZE);
    return at;
}

size_t timestamp_format(struct timestamp timestamp, char text[DATETIME_TEXT_SIZE]) {
    return put_timestamp(text, timestamp, NULL);
}

size_t timestamptz_format(struct timestamp timestamp, struct time_zone zone, char text[DATETIME_TEXT_SIZE]) {
    int32_t offset_s = timestamp_is_finite(timestamp) ? time_zone_at(zone, timestamp.us) : 0;
    return put_timestamp(text, timestamp, &offset_s);
}
