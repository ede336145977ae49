/*
 * Interval arithmetic.
 *
 * Three counters that are only brought together where PostgreSQL does: comparison takes a month as 30 days and a day as
 * 24 hours; multiplication lets fractions of months fall into days and fractions of days into time. Every sum is
 * checked; a counter that overflows is an error, never a wrong span. Spans need more than 64 bits (2^31 months are
 * 5.6 * 10^18 ms), so they are formed in 128.
 */
#include "types/interval.h"

#include <math.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/map.h"
#include "types/type.h"
#include "types/wide.h"

#define DAYS_PER_MONTH   30
#define MONTHS_PER_YEAR  12
#define SECONDS_PER_DAY  86400.0
#define INTERVAL_SCALE_P 6

static enum kmb_status interval_out_of_range(struct kmb_error *error) {
    return error_set(error, KMB_DATETIME_OVERFLOW, "interval out of range");
}

enum kmb_status interval_add(struct interval a, struct interval b, struct interval *out, struct kmb_error *error) {
    struct interval sum;
    if (__builtin_add_overflow(a.months, b.months, &sum.months) || __builtin_add_overflow(a.days, b.days, &sum.days) ||
        __builtin_add_overflow(a.us, b.us, &sum.us)) {
        return interval_out_of_range(error);
    }
    *out = sum;
    return KMB_OK;
}

enum kmb_status interval_subtract(struct interval a, struct interval b, struct interval *out, struct kmb_error *error) {
    struct interval difference;
    if (__builtin_sub_overflow(a.months, b.months, &difference.months) ||
        __builtin_sub_overflow(a.days, b.days, &difference.days) ||
        __builtin_sub_overflow(a.us, b.us, &difference.us)) {
        return interval_out_of_range(error);
    }
    *out = difference;
    return KMB_OK;
}

enum kmb_status interval_negate(struct interval a, struct interval *out, struct kmb_error *error) {
    return interval_subtract((struct interval){0, 0, 0}, a, out, error);
}

/* To whole microseconds, so that 0.1 * 30 days is three days and not a breath less. */
static double interval_settle(double value) {
    return rint(value * 1000000.0) / 1000000.0;
}

/* The interval whose counters, before their fractions cascade, are these. */
static enum kmb_status interval_of_parts(double months, double days, double us, struct interval *out,
                                         struct kmb_error *error) {
    if (!(fabs(months) < 2147483648.0) || !(fabs(days) < 2147483648.0)) { /* false for NaN */
        return interval_out_of_range(error);
    }
    int32_t whole_months = (int32_t)months;
    int32_t whole_days = (int32_t)days;
    double month_days = interval_settle((months - whole_months) * DAYS_PER_MONTH);
    double seconds = interval_settle((days - whole_days + month_days - (int32_t)month_days) * SECONDS_PER_DAY);
    if (fabs(seconds) >= SECONDS_PER_DAY) {
        int32_t more = (int32_t)(seconds / SECONDS_PER_DAY);
        if (__builtin_add_overflow(whole_days, more, &whole_days)) {
            return interval_out_of_range(error);
        }
        seconds -= more * SECONDS_PER_DAY;
    }
    double total = rint(us + seconds * 1000000.0);
    if (__builtin_add_overflow(whole_days, (int32_t)month_days, &whole_days) || !(fabs(total) < 0x1p63)) {
        return interval_out_of_range(error);
    }
    *out = (struct interval){.months = whole_months, .days = whole_days, .us = (int64_t)total};
    return KMB_OK;
}

enum kmb_status interval_multiply(struct interval a, double factor, struct interval *out, struct kmb_error *error) {
    return interval_of_parts(a.months * factor, a.days * factor, (double)a.us * factor, out, error);
}

enum kmb_status interval_divide(struct interval a, double divisor, struct interval *out, struct kmb_error *error) {
    if (divisor == 0) {
        return error_set(error, KMB_DIVISION_BY_ZERO, "division by zero");
    }
    return interval_of_parts(a.months / divisor, a.days / divisor, (double)a.us / divisor, out, error);
}

/* Moves whole units of `small` into `large`. */
static bool interval_carry(int64_t *small, int64_t unit, int32_t *large) {
    int64_t whole = *small / unit;
    *small -= whole * unit;
    int64_t sum = *large + whole;
    *large = (int32_t)sum;
    return sum >= INT32_MIN && sum <= INT32_MAX;
}

/* Makes `small` have the sign of `large`. */
static void interval_align(int64_t *small, int64_t unit, int32_t *large) {
    if (*large > 0 && *small < 0) {
        *small += unit;
        (*large)--;
    } else if (*large < 0 && *small > 0) {
        *small -= unit;
        (*large)++;
    }
}

enum kmb_status interval_justify_hours(struct interval a, struct interval *out, struct kmb_error *error) {
    if (!interval_carry(&a.us, US_PER_DAY, &a.days)) {
        return interval_out_of_range(error);
    }
    interval_align(&a.us, US_PER_DAY, &a.days);
    *out = a;
    return KMB_OK;
}

enum kmb_status interval_justify_days(struct interval a, struct interval *out, struct kmb_error *error) {
    int64_t days = a.days;
    if (!interval_carry(&days, DAYS_PER_MONTH, &a.months)) {
        return interval_out_of_range(error);
    }
    interval_align(&days, DAYS_PER_MONTH, &a.months);
    a.days = (int32_t)days;
    *out = a;
    return KMB_OK;
}

enum kmb_status interval_justify(struct interval a, struct interval *out, struct kmb_error *error) {
    int64_t days = (int64_t)a.days + a.us / US_PER_DAY;
    a.us %= US_PER_DAY;
    if (!interval_carry(&days, DAYS_PER_MONTH, &a.months)) {
        return interval_out_of_range(error);
    }
    if (a.months > 0 && (days < 0 || (days == 0 && a.us < 0))) {
        days += DAYS_PER_MONTH;
        a.months--;
    } else if (a.months < 0 && (days > 0 || (days == 0 && a.us > 0))) {
        days -= DAYS_PER_MONTH;
        a.months++;
    }
    a.days = (int32_t)days;
    interval_align(&a.us, US_PER_DAY, &a.days);
    *out = a;
    return KMB_OK;
}

/* What is smaller than the last field goes; what is greater than the first stays, as in PostgreSQL. */
static struct interval interval_restrict(struct interval a, int32_t fields) {
    if (fields == 0 || (fields & TYPE_INTERVAL_SECOND) != 0) {
        return a;
    }
    if ((fields & (TYPE_INTERVAL_MINUTE | TYPE_INTERVAL_HOUR)) != 0) {
        a.us -= a.us % ((fields & TYPE_INTERVAL_MINUTE) != 0 ? US_PER_MINUTE : US_PER_HOUR);
        return a;
    }
    a.us = 0;
    a.days = (fields & TYPE_INTERVAL_DAY) != 0 ? a.days : 0;
    a.months -= fields == TYPE_INTERVAL_YEAR ? a.months % MONTHS_PER_YEAR : 0;
    return a;
}

struct interval interval_apply_modifier(struct interval a, int32_t modifier) {
    a = interval_restrict(a, type_interval_fields(modifier));
    int32_t digits = type_interval_digits(modifier);
    if (digits < 0 || digits >= INTERVAL_SCALE_P) {
        return a;
    }
    int64_t unit = (int64_t)wide_power10((uint32_t)(INTERVAL_SCALE_P - digits)).low;
    int64_t rest = a.us % unit;
    a.us -= rest;
    if (rest >= unit / 2 && a.us <= INT64_MAX - unit) {
        a.us += unit;
    } else if (-rest >= unit / 2 && a.us >= INT64_MIN + unit) {
        a.us -= unit;
    }
    return a;
}

/* --- order --- */

struct interval_span interval_span_of(struct interval a) {
    struct wide us;
    struct wide span;
    bool fits = wide_multiply(wide_of((int64_t)a.months * DAYS_PER_MONTH + a.days), wide_of(US_PER_DAY), &us) &&
                wide_add(us, wide_of(a.us), &span);
    ASSERT(fits);
    return (struct interval_span){.high = span.high, .low = span.low};
}

int interval_compare(struct interval a, struct interval b) {
    struct interval_span x = interval_span_of(a);
    struct interval_span y = interval_span_of(b);
    return wide_compare((struct wide){.low = x.low, .high = x.high}, (struct wide){.low = y.low, .high = y.high});
}

uint64_t interval_hash(struct interval a) {
    struct interval_span span = interval_span_of(a);
    uint64_t words[2] = {span.low, (uint64_t)span.high};
    return map_hash(words, sizeof(words), 0);
}

static int64_t interval_clamp(int64_t value) {
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value;
}

bool interval_of_span(struct interval_span span, struct interval *out) {
    struct wide whole = {.low = span.low, .high = span.high};
    if (whole.high == INT64_MIN && whole.low == 0) {
        return false;
    }
    struct wide us;
    struct wide days = wide_divide(whole, wide_of(US_PER_DAY), &us);
    if (!wide_fits_int64(days)) {
        return false;
    }
    /* Days, and what their counter does not hold as months, and what that does not hold as time. */
    int64_t left = (int64_t)days.low;
    int64_t months = left == interval_clamp(left) ? 0 : interval_clamp(left / DAYS_PER_MONTH);
    left -= months * DAYS_PER_MONTH;
    int64_t whole_days = interval_clamp(left);
    int64_t rest;
    if (__builtin_mul_overflow(left - whole_days, US_PER_DAY, &rest) ||
        __builtin_add_overflow(rest, (int64_t)us.low, &rest)) {
        return false;
    }
    *out = (struct interval){.months = (int32_t)months, .days = (int32_t)whole_days, .us = rest};
    return true;
}

/* --- text --- */

struct interval_text {
    char *text;
    size_t length;
    bool empty;  /* nothing printed yet */
    bool before; /* the part before was negative: a positive one now says so */
};

static void interval_put_part(struct interval_text *out, int64_t value, const char *unit) {
    if (value == 0) {
        return;
    }
    int length =
        snprintf(out->text + out->length, INTERVAL_TEXT_SIZE - out->length, "%s%s%lld %s%s", out->empty ? "" : " ",
                 out->before && value > 0 ? "+" : "", (long long)value, unit, value == 1 ? "" : "s");
    out->length += (size_t)length;
    out->before = value < 0;
    out->empty = false;
}

size_t interval_format(struct interval a, char text[INTERVAL_TEXT_SIZE]) {
    struct interval_text out = {.text = text, .empty = true};
    text[0] = 0;
    interval_put_part(&out, a.months / MONTHS_PER_YEAR, "year");
    interval_put_part(&out, a.months % MONTHS_PER_YEAR, "mon");
    interval_put_part(&out, a.days, "day");
    if (a.us == 0 && !out.empty) {
        return out.length;
    }
    uint64_t us = a.us < 0 ? (uint64_t)0 - (uint64_t)a.us : (uint64_t)a.us;
    uint64_t fraction = us % 1000000;
    uint64_t seconds = us / 1000000;
    int length =
        snprintf(text + out.length, INTERVAL_TEXT_SIZE - out.length, "%s%s%02llu:%02llu:%02llu", out.empty ? "" : " ",
                 a.us < 0     ? "-"
                 : out.before ? "+"
                              : "",
                 (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
                 (unsigned long long)(seconds % 60));
    out.length += (size_t)length;
    if (fraction != 0) {
        length = snprintf(text + out.length, INTERVAL_TEXT_SIZE - out.length, ".%06u", (unsigned)fraction);
        out.length += (size_t)length;
        while (text[out.length - 1] == '0') {
            text[--out.length] = 0;
        }
    }
    ASSERT(out.length < INTERVAL_TEXT_SIZE);
    return out.length;
}
