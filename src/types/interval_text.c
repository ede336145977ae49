/*
 * Reading intervals.
 *
 * Two grammars share one set of counters. The words of PostgreSQL: a list of numbers with units ("1 year 2 mons"),
 * clock times ("02:03:04"), year-month pairs ("1-2"), a closing "ago"; a number before a clock time counts days, a
 * number at the end seconds. And ISO 8601: "P1Y2M3DT4H5M6S" with designators, or "P0001-02-03T04:05:06" without. A
 * fraction of a unit falls into the smaller ones as in PostgreSQL: of years into months, of months into days and time,
 * of weeks into days and time.
 */
#include <math.h>

#include "base/assert.h"
#include "types/datetime.h"
#include "types/type.h"

#define TOKENS_MAX 25 /* fields of one input, PostgreSQL's own bound */

struct interval_reader {
    struct slice text;
    size_t at;
    int64_t months;
    int64_t days;
    int64_t us;
    int64_t years_said; /* parts of months, which PostgreSQL holds to 32 bits each */
    int64_t months_said;
    uint32_t seen;  /* bit per enum datetime_field, so that no unit comes twice */
    int32_t fields; /* that the type has, 0: all */
};

enum interval_result { INTERVAL_OK, INTERVAL_SYNTAX, INTERVAL_OVERFLOW };

/* A number as written: whole part, fraction in [0, 1), sign apart because of "-0.5". */
struct interval_number {
    int64_t whole;
    double fraction;
    bool negative;
};

static bool interval_digit(struct slice text, size_t at) {
    return at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9';
}

static bool interval_blank(struct slice text, size_t at) {
    return at < text.length && (text.bytes[at] == ' ' || (text.bytes[at] >= '\t' && text.bytes[at] <= '\r'));
}

/* Marks that only separate: "1 day, 2 hours". */
static bool interval_punctuation(struct slice text, size_t at) {
    return at < text.length && text.bytes[at] != 0 && strchr(",;()[]/'\"", text.bytes[at]) != NULL;
}

static bool interval_alpha(struct slice text, size_t at) {
    return at < text.length && (text.bytes[at] | 0x20) >= 'a' && (text.bytes[at] | 0x20) <= 'z';
}

static enum interval_result interval_add_unit(int64_t *counter, int64_t value, int64_t unit) {
    int64_t product;
    return __builtin_mul_overflow(value, unit, &product) || __builtin_add_overflow(*counter, product, counter)
               ? INTERVAL_OVERFLOW
               : INTERVAL_OK;
}

static enum interval_result interval_add_field(int64_t *field, int64_t value, int64_t unit) {
    enum interval_result result = interval_add_unit(field, value, unit);
    return result == INTERVAL_OK && *field != (int32_t)*field ? INTERVAL_OVERFLOW : result;
}

static enum interval_result interval_add_months(struct interval_reader *r, int64_t months) {
    enum interval_result result = interval_add_field(&r->months_said, months, 1);
    return result != INTERVAL_OK ? result : interval_add_unit(&r->months, months, 1);
}

/* Digits from *at; false on overflow. No digits give 0. */
static bool interval_read_whole(struct slice text, size_t *at, int64_t *out) {
    int64_t value = 0;
    for (; interval_digit(text, *at); (*at)++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.bytes[*at] - '0', &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

static double interval_read_fraction(struct slice text, size_t *at) {
    double value = 0;
    double unit = 1;
    for (; interval_digit(text, *at); (*at)++) {
        if (unit < 1e15) {
            value = value * 10 + (text.bytes[*at] - '0');
            unit *= 10;
        }
    }
    return value / unit;
}

/* A fraction of a unit of `days` days, or of `us` microseconds when days is 0. */
static enum interval_result interval_add_fraction(struct interval_reader *r, double fraction, double days, double us) {
    if (days != 0) {
        double whole = trunc(fraction * days);
        if (interval_add_unit(&r->days, (int64_t)whole, 1) != INTERVAL_OK) {
            return INTERVAL_OVERFLOW;
        }
        fraction = fraction * days - whole;
        us = (double)US_PER_DAY;
    }
    double seconds = trunc(fraction * us / 1e6);
    double rest = rint((fraction * us / 1e6 - seconds) * 1e6);
    return interval_add_unit(&r->us, (int64_t)(seconds * 1e6 + rest), 1);
}

/* number of units -> counters. */
static enum interval_result interval_add_number(struct interval_reader *r, struct interval_number number,
                                                enum datetime_field unit) {
    int64_t whole = number.negative ? -number.whole : number.whole;
    double fraction = number.negative ? -number.fraction : number.fraction;
    if ((r->seen >> unit & 1) != 0) {
        return INTERVAL_SYNTAX;
    }
    r->seen |= 1u << unit;
    int64_t years = 1;
    enum interval_result result;
    switch (unit) {
    case DATETIME_MICROSECONDS:
        return interval_add_unit(&r->us, whole + (int64_t)rint(fraction), 1);
    case DATETIME_MILLISECONDS:
        result = interval_add_unit(&r->us, whole, 1000);
        return result != INTERVAL_OK ? result : interval_add_unit(&r->us, (int64_t)rint(fraction * 1000), 1);
    case DATETIME_SECOND:
        result = interval_add_unit(&r->us, whole, US_PER_SECOND);
        return result != INTERVAL_OK ? result : interval_add_unit(&r->us, (int64_t)rint(fraction * 1e6), 1);
    case DATETIME_MINUTE:
        result = interval_add_unit(&r->us, whole, US_PER_MINUTE);
        return result != INTERVAL_OK ? result : interval_add_fraction(r, fraction, 0, (double)US_PER_MINUTE);
    case DATETIME_HOUR:
        result = interval_add_unit(&r->us, whole, US_PER_HOUR);
        return result != INTERVAL_OK ? result : interval_add_fraction(r, fraction, 0, (double)US_PER_HOUR);
    case DATETIME_DAY:
        result = interval_add_unit(&r->days, whole, 1);
        return result != INTERVAL_OK ? result : interval_add_fraction(r, fraction, 0, (double)US_PER_DAY);
    case DATETIME_WEEK:
        result = interval_add_unit(&r->days, whole, 7);
        return result != INTERVAL_OK ? result : interval_add_fraction(r, fraction, 7, 0);
    case DATETIME_MONTH:
        result = interval_add_months(r, whole);
        return result != INTERVAL_OK ? result : interval_add_fraction(r, fraction, 30, 0);
    case DATETIME_MILLENNIUM:
        years *= 10; /* fall through */
    case DATETIME_CENTURY:
        years *= 10; /* fall through */
    case DATETIME_DECADE:
        years *= 10; /* fall through */
    case DATETIME_YEAR:
        result = interval_add_field(&r->years_said, whole, years);
        result = result != INTERVAL_OK ? result : interval_add_unit(&r->months, whole, 12 * years);
        return result != INTERVAL_OK ? result : interval_add_months(r, (int64_t)rint(fraction * 12 * (double)years));
    default:
        return INTERVAL_SYNTAX;
    }
}

/* The rest of a clock time whose first number has been read: ":MM[:SS[.f]]" or ":SS.f" after minutes; no digits are 0,
 * as in PostgreSQL. */
static enum interval_result interval_read_clock(struct interval_reader *r, struct interval_number first) {
    int64_t parts[3] = {first.whole, 0, 0};
    size_t count = 1;
    double fraction = 0;
    while (count < 3 && r->at < r->text.length && r->text.bytes[r->at] == ':') {
        r->at++;
        if (!interval_read_whole(r->text, &r->at, &parts[count])) {
            return INTERVAL_OVERFLOW;
        }
        count++;
    }
    bool point = r->at < r->text.length && r->text.bytes[r->at] == '.';
    if (count == 2 && (point || r->fields == (TYPE_INTERVAL_MINUTE | TYPE_INTERVAL_SECOND))) { /* MM:SS.f */
        parts[2] = parts[1];
        parts[1] = parts[0];
        parts[0] = 0;
    }
    if (point) {
        r->at++;
        fraction = interval_read_fraction(r->text, &r->at);
    }
    if (r->at < r->text.length && r->text.bytes[r->at] == ':') {
        return INTERVAL_SYNTAX;
    }
    if (parts[1] > 59 || parts[2] > 60) {
        return INTERVAL_OVERFLOW;
    }
    int64_t sign = first.negative ? -1 : 1;
    uint32_t mask = 1u << DATETIME_HOUR | 1u << DATETIME_MINUTE | 1u << DATETIME_SECOND;
    if ((r->seen & mask) != 0) {
        return INTERVAL_SYNTAX;
    }
    r->seen |= mask;
    bool good = interval_add_unit(&r->us, sign * parts[0], US_PER_HOUR) == INTERVAL_OK &&
                interval_add_unit(&r->us, sign * parts[1], US_PER_MINUTE) == INTERVAL_OK &&
                interval_add_unit(&r->us, sign * parts[2], US_PER_SECOND) == INTERVAL_OK &&
                interval_add_unit(&r->us, sign * (int64_t)rint(fraction * 1e6), 1) == INTERVAL_OK;
    return good ? INTERVAL_OK : INTERVAL_OVERFLOW;
}

/* "-M" behind the years of "Y-M". */
static enum interval_result interval_read_year_month(struct interval_reader *r, struct interval_number years) {
    int64_t months = 0;
    r->at++;
    if (!interval_read_whole(r->text, &r->at, &months) || months > 11) {
        return INTERVAL_OVERFLOW;
    }
    if (r->at < r->text.length && !interval_blank(r->text, r->at)) {
        return INTERVAL_SYNTAX; /* a date, "2024-02-29" */
    }
    struct interval_number total = {.negative = years.negative};
    if (__builtin_mul_overflow(years.whole, 12, &total.whole) ||
        __builtin_add_overflow(total.whole, months, &total.whole)) {
        return INTERVAL_OVERFLOW;
    }
    return interval_add_number(r, total, DATETIME_MONTH);
}

static void interval_skip_blanks(struct interval_reader *r) {
    while (interval_blank(r->text, r->at) || interval_punctuation(r->text, r->at)) {
        r->at++;
    }
}

/* [sign] digits [. digits]; false when there is no digit or a number too great. */
static enum interval_result interval_read_number(struct interval_reader *r, struct interval_number *out) {
    uint8_t sign = r->at < r->text.length ? r->text.bytes[r->at] : 0;
    *out = (struct interval_number){.negative = sign == '-'};
    if (sign == '-' || sign == '+') {
        r->at++;
        interval_skip_blanks(r);
    }
    bool digits = interval_digit(r->text, r->at);
    if (!digits && !(r->at < r->text.length && r->text.bytes[r->at] == '.' && interval_digit(r->text, r->at + 1))) {
        return INTERVAL_SYNTAX;
    }
    return interval_read_whole(r->text, &r->at, &out->whole) ? INTERVAL_OK : INTERVAL_OVERFLOW;
}

/* The word at the reader, "days"; empty when there is none. */
static struct slice interval_word(const struct interval_reader *r, size_t at) {
    size_t end = at;
    while (interval_alpha(r->text, end)) {
        end++;
    }
    return slice_make(r->text.bytes + at, end - at);
}

static bool interval_word_is(struct slice word, const char *known) {
    size_t i = 0;
    while (i < word.length && known[i] != 0 && (word.bytes[i] | 0x20) == known[i]) {
        i++;
    }
    return i == word.length && known[i] == 0;
}

/* The smallest of the type's fields. */
static enum datetime_field interval_unit_last(int32_t fields) {
    static const struct {
        int32_t field;
        enum datetime_field unit;
    } rows[] = {
        {TYPE_INTERVAL_SECOND, DATETIME_SECOND}, {TYPE_INTERVAL_MINUTE, DATETIME_MINUTE},
        {TYPE_INTERVAL_HOUR, DATETIME_HOUR},     {TYPE_INTERVAL_DAY, DATETIME_DAY},
        {TYPE_INTERVAL_MONTH, DATETIME_MONTH},   {TYPE_INTERVAL_YEAR, DATETIME_YEAR},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if ((fields & rows[i].field) != 0) {
            return rows[i].unit;
        }
    }
    return DATETIME_SECOND;
}

/* Whether the number that ends at `at` is one of hours: of a clock time, with that unit, or by the type's last field.
 */
static bool interval_hours_at(const struct interval_reader *r, size_t at) {
    if (at < r->text.length && r->text.bytes[at] == ':') {
        return true;
    }
    while (interval_blank(r->text, at)) {
        at++;
    }
    enum datetime_field unit;
    struct slice word = interval_word(r, at);
    return word.length > 0 ? datetime_field_of_name(word, &unit) && unit == DATETIME_HOUR
                           : at == r->text.length && interval_unit_last(r->fields) == DATETIME_HOUR;
}

/* What a number without a unit of its own counts: days before hours, the type's last field at the end. */
static bool interval_unit_implied(const struct interval_reader *r, enum datetime_field *unit) {
    size_t at = r->at;
    while (interval_blank(r->text, at)) {
        at++;
    }
    if (at == r->text.length) {
        *unit = interval_unit_last(r->fields);
        return true;
    }
    size_t after = at;
    after += r->text.bytes[after] == '+' || r->text.bytes[after] == '-' ? 1 : 0;
    while (interval_digit(r->text, after)) {
        after++;
    }
    *unit = DATETIME_DAY;
    return after > at && interval_hours_at(r, after);
}

/* One number with what belongs to it. */
static enum interval_result interval_read_item(struct interval_reader *r) {
    struct interval_number number;
    enum interval_result result = interval_read_number(r, &number);
    if (result != INTERVAL_OK) {
        return result;
    }
    uint8_t next = r->at < r->text.length ? r->text.bytes[r->at] : 0;
    if (next == ':') {
        return interval_read_clock(r, number);
    }
    if (next == '-' && interval_digit(r->text, r->at + 1)) {
        return interval_read_year_month(r, number);
    }
    if (next == '.') {
        r->at++;
        number.fraction = interval_read_fraction(r->text, &r->at);
    }
    enum datetime_field unit;
    size_t before = r->at;
    interval_skip_blanks(r);
    struct slice word = interval_word(r, r->at);
    if (word.length > 0 && !interval_word_is(word, "ago")) {
        if (!datetime_field_of_name(word, &unit)) {
            return INTERVAL_SYNTAX;
        }
        r->at += word.length;
        return interval_add_number(r, number, unit);
    }
    r->at = before;
    return interval_unit_implied(r, &unit) ? interval_add_number(r, number, unit) : INTERVAL_SYNTAX;
}

static enum interval_result interval_read_words(struct interval_reader *r) {
    bool ago = false;
    size_t items = 0;
    interval_skip_blanks(r);
    while (r->at < r->text.length) {
        struct slice word = interval_word(r, r->at);
        if (r->text.bytes[r->at] == '@') {
            r->at++;
        } else if (interval_word_is(word, "ago") && items > 0 && !ago) {
            r->at += word.length;
            ago = true;
        } else if (ago || items == TOKENS_MAX) {
            return INTERVAL_SYNTAX;
        } else {
            enum interval_result result = interval_read_item(r);
            if (result != INTERVAL_OK) {
                return result;
            }
            items++;
        }
        interval_skip_blanks(r);
    }
    if (ago && (r->months == INT64_MIN || r->days == INT64_MIN || r->us == INT64_MIN)) {
        return INTERVAL_OVERFLOW;
    }
    if (ago) {
        r->months = -r->months;
        r->days = -r->days;
        r->us = -r->us;
    }
    return items > 0 ? INTERVAL_OK : INTERVAL_SYNTAX;
}

/* --- ISO 8601 --- */

/* Unit of a designator letter. */
static bool interval_iso_unit(uint8_t letter, bool time, enum datetime_field *unit) {
    static const struct {
        uint8_t letter;
        bool time;
        enum datetime_field unit;
    } units[] = {{'Y', false, DATETIME_YEAR}, {'M', false, DATETIME_MONTH}, {'W', false, DATETIME_WEEK},
                 {'D', false, DATETIME_DAY},  {'H', true, DATETIME_HOUR},   {'M', true, DATETIME_MINUTE},
                 {'S', true, DATETIME_SECOND}};
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (units[i].letter == letter && units[i].time == time) {
            *unit = units[i].unit;
            return true;
        }
    }
    return false;
}

/* "0001-02-03" or "00010203", "04:05:06" or "040506": the form without designators. */
static enum interval_result interval_read_iso_plain(struct interval_reader *r, bool time) {
    static const enum datetime_field units[2][3] = {{DATETIME_YEAR, DATETIME_MONTH, DATETIME_DAY},
                                                    {DATETIME_HOUR, DATETIME_MINUTE, DATETIME_SECOND}};
    uint8_t delimiter = time ? ':' : '-';
    size_t start = r->at;
    struct interval_number number;
    enum interval_result result = interval_read_number(r, &number);
    size_t width = r->at - start;
    if (result == INTERVAL_OK && width == (time ? 6u : 8u)) {
        int64_t parts[3] = {number.whole / 10000, number.whole / 100 % 100, number.whole % 100};
        for (size_t i = 0; i < 3 && result == INTERVAL_OK; i++) {
            result = interval_add_number(r, (struct interval_number){.whole = parts[i]}, units[time][i]);
        }
        return result;
    }
    for (size_t i = 0; result == INTERVAL_OK; i++) {
        bool more = r->at < r->text.length && r->text.bytes[r->at] == delimiter;
        if (r->at < r->text.length && r->text.bytes[r->at] == '.') {
            r->at++;
            number.fraction = interval_read_fraction(r->text, &r->at);
        }
        result = interval_add_number(r, number, units[time][i]);
        if (result != INTERVAL_OK || !more) {
            return result;
        }
        if (i == 2) {
            return INTERVAL_SYNTAX;
        }
        r->at++;
        result = interval_read_number(r, &number);
    }
    return result;
}

static enum interval_result interval_read_iso(struct interval_reader *r) {
    bool time = false;
    bool any = false;
    r->at++; /* P */
    while (r->at < r->text.length) {
        if (r->text.bytes[r->at] == 'T') {
            if (time) {
                return INTERVAL_SYNTAX;
            }
            time = true;
            r->at++;
            continue;
        }
        size_t start = r->at;
        struct interval_number number;
        enum interval_result result = interval_read_number(r, &number);
        if (result != INTERVAL_OK) {
            return result;
        }
        if (r->at < r->text.length && r->text.bytes[r->at] == '.') {
            r->at++;
            number.fraction = interval_read_fraction(r->text, &r->at);
        }
        enum datetime_field unit;
        if (r->at < r->text.length && interval_iso_unit(r->text.bytes[r->at], time, &unit)) {
            r->at++;
            result = interval_add_number(r, number, unit);
        } else {
            r->at = start;
            result = interval_read_iso_plain(r, time);
        }
        if (result != INTERVAL_OK) {
            return result;
        }
        any = true;
    }
    return any ? INTERVAL_OK : INTERVAL_SYNTAX;
}

enum kmb_status interval_parse(struct slice text, int32_t modifier, struct interval *out, struct kmb_error *error) {
    struct slice inner = text;
    while (inner.length > 0 && interval_blank(inner, inner.length - 1)) {
        inner.length--;
    }
    struct interval_reader reader = {.text = inner, .fields = type_interval_fields(modifier)};
    interval_skip_blanks(&reader);
    bool iso = reader.at < inner.length && inner.bytes[reader.at] == 'P';
    enum interval_result result = iso ? interval_read_iso(&reader) : interval_read_words(&reader);
    int shown = (int)(text.length < 200 ? text.length : 200);
    if (result == INTERVAL_SYNTAX) {
        return error_set(error, KMB_INVALID_DATETIME, "invalid input syntax for type interval: \"%.*s\"", shown,
                         (const char *)text.bytes);
    }
    if (result == INTERVAL_OVERFLOW || reader.days > INT32_MAX || reader.days < INT32_MIN) {
        return error_set(error, KMB_INTERVAL_OVERFLOW, "interval field value out of range: \"%.*s\"", shown,
                         (const char *)text.bytes);
    }
    if (reader.months > INT32_MAX || reader.months < INT32_MIN) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "interval out of range");
    }
    *out = (struct interval){.months = (int32_t)reader.months, .days = (int32_t)reader.days, .us = reader.us};
    return KMB_OK;
}
