/*
 * The calendar and arithmetic of dates and times.
 *
 * Days are counted by the proleptic Gregorian calendar from 1970-01-01. The conversion shifts the year to begin in
 * March, so that the leap day is the last of it, and works in 400-year eras of 146,097 days: no tables, no loops, exact
 * over the whole range (the method is described by Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 *
 * A timestamp is a count of microseconds, so its parts come from floor division: the day before 1970 ends at -1 us.
 * The 0..999 ns beside it count forward and ride along untouched where only microseconds change.
 */
#include "types/datetime.h"

#include "base/assert.h"

#define DAYS_PER_ERA 146097                   /* 400 years */
#define ERA_SHIFT    719468                   /* days from 0000-03-01 to 1970-01-01 */
#define PG_EPOCH_US  INT64_C(946684800000000) /* 2000-01-01 */

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

static int64_t floor_modulo(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

/* --- calendar --- */

bool date_year_is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t date_month_length(int64_t year, int32_t month) {
    static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    ASSERT(month >= 1 && month <= 12);
    return month == 2 && date_year_is_leap(year) ? 29 : lengths[month - 1];
}

int64_t date_of_civil(int64_t year, int32_t month, int32_t day) {
    ASSERT(month >= 1 && month <= 12);
    year -= month <= 2 ? 1 : 0;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era + day - 1 - ERA_SHIFT;
}

struct civil_date date_to_civil(int64_t days) {
    int64_t shifted = days + ERA_SHIFT;
    int64_t era = floor_divide(shifted, DAYS_PER_ERA);
    uint32_t day_of_era = (uint32_t)(shifted - era * DAYS_PER_ERA); /* words of 32 bits divide faster */
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t shifted_month = (5 * day_of_year + 2) / 153;
    uint32_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (struct civil_date){.year = (int32_t)year,
                               .month = (int32_t)month,
                               .day = (int32_t)(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

bool date_valid(int64_t days) {
    return (days >= DATE_MIN && days <= DATE_MAX) || !date_is_finite(days);
}

bool time_valid(int64_t us) {
    return us >= 0 && us <= TIME_MAX_US;
}

bool timestamp_valid(struct timestamp timestamp) {
    if (!timestamp_is_finite(timestamp)) {
        return timestamp.ns == 0;
    }
    return timestamp.us >= TIMESTAMP_MIN_US && timestamp.us < TIMESTAMP_END_US && timestamp.ns <= 999;
}

enum kmb_status date_make(int64_t year, int32_t month, int32_t day, int64_t *days, struct kmb_error *error) {
    bool good = year >= -5000 && year <= 6000000 && month >= 1 && month <= 12 && day >= 1 &&
                day <= date_month_length(year, month);
    int64_t made = good ? date_of_civil(year, month, day) : 0;
    if (!good || made < DATE_MIN || made > DATE_MAX) {
        int64_t shown = year <= 0 ? year - 1 : year;
        return error_set(error, KMB_DATETIME_OVERFLOW,
                         good ? "date out of range: %lld-%02d-%02d" : "date field value out of range: %lld-%02d-%02d",
                         (long long)shown, month, day);
    }
    *days = made;
    return KMB_OK;
}

struct civil_time timestamp_to_civil(struct timestamp timestamp) {
    ASSERT(timestamp_is_finite(timestamp));
    int64_t days = floor_divide(timestamp.us, US_PER_DAY);
    int64_t us = timestamp.us - days * US_PER_DAY;
    return (struct civil_time){.date = date_to_civil(days),
                               .hour = (int32_t)(us / US_PER_HOUR),
                               .minute = (int32_t)(us / US_PER_MINUTE % 60),
                               .second = (int32_t)(us / US_PER_SECOND % 60),
                               .us = (int32_t)(us % US_PER_SECOND),
                               .ns = timestamp.ns};
}

struct timestamp timestamp_of_civil(const struct civil_time *civil) {
    int64_t days = date_of_civil(civil->date.year, civil->date.month, civil->date.day);
    int64_t us = civil->hour * US_PER_HOUR + civil->minute * US_PER_MINUTE + civil->second * US_PER_SECOND + civil->us;
    return (struct timestamp){.us = days * US_PER_DAY + us, .ns = (uint16_t)civil->ns};
}

int32_t date_day_of_week(int64_t days) {
    return (int32_t)floor_modulo(days + 4, 7); /* 1970-01-01 was a Thursday */
}

int32_t date_day_of_year(int64_t days) {
    struct civil_date civil = date_to_civil(days);
    return (int32_t)(days - date_of_civil(civil.year, 1, 1)) + 1;
}

int32_t date_iso_week(int64_t days, int32_t *iso_year) {
    /* The Thursday of a week decides which year the week belongs to. */
    int64_t thursday = days - floor_modulo(days + 3, 7) + 3;
    struct civil_date civil = date_to_civil(thursday);
    if (iso_year != NULL) {
        *iso_year = civil.year;
    }
    return (int32_t)((thursday - date_of_civil(civil.year, 1, 1)) / 7) + 1;
}

/* --- ranges --- */

static enum kmb_status timestamp_out_of_range(struct kmb_error *error) {
    return error_set(error, KMB_DATETIME_OVERFLOW, "timestamp out of range");
}

static enum kmb_status timestamp_finish(int64_t us, uint16_t ns, struct timestamp *out, struct kmb_error *error) {
    if (us < TIMESTAMP_MIN_US || us >= TIMESTAMP_END_US) {
        return timestamp_out_of_range(error);
    }
    *out = (struct timestamp){.us = us, .ns = ns};
    return KMB_OK;
}

/* --- arithmetic --- */

/* Local microseconds moved by months and days. */
static bool timestamp_move_days(int64_t *us, struct interval span) {
    int64_t days = floor_divide(*us, US_PER_DAY);
    int64_t time = *us - days * US_PER_DAY;
    if (span.months != 0) {
        struct civil_date civil = date_to_civil(days);
        int64_t month = (int64_t)civil.year * 12 + civil.month - 1 + span.months;
        int64_t year = floor_divide(month, 12);
        if (year < -5000 || year > 300000) {
            return false;
        }
        int32_t month_of_year = (int32_t)floor_modulo(month, 12) + 1;
        int32_t length = date_month_length(year, month_of_year);
        days = date_of_civil(year, month_of_year, civil.day < length ? civil.day : length);
    }
    days += span.days;
    int64_t whole;
    return !__builtin_mul_overflow(days, US_PER_DAY, &whole) && !__builtin_add_overflow(whole, time, us);
}

enum kmb_status timestamp_add_interval(struct timestamp a, struct interval span, struct time_zone zone,
                                       struct timestamp *out, struct kmb_error *error) {
    if (!timestamp_is_finite(a)) {
        *out = a;
        return KMB_OK;
    }
    int64_t us = a.us;
    if (span.months != 0 || span.days != 0) {
        us += time_zone_at(zone, us) * US_PER_SECOND; /* the range of a timestamp leaves room */
        if (!timestamp_move_days(&us, span) ||
            __builtin_sub_overflow(us, time_zone_of_local(zone, us) * US_PER_SECOND, &us)) {
            return timestamp_out_of_range(error);
        }
    }
    if (__builtin_add_overflow(us, span.us, &us)) {
        return timestamp_out_of_range(error);
    }
    return timestamp_finish(us, a.ns, out, error);
}

enum kmb_status timestamp_subtract_interval(struct timestamp a, struct interval span, struct time_zone zone,
                                            struct timestamp *out, struct kmb_error *error) {
    struct interval negative;
    if (interval_negate(span, &negative, NULL) != KMB_OK) {
        return timestamp_out_of_range(error);
    }
    return timestamp_add_interval(a, negative, zone, out, error);
}

enum kmb_status timestamp_subtract(struct timestamp a, struct timestamp b, struct interval *out,
                                   struct kmb_error *error) {
    if (!timestamp_is_finite(a) || !timestamp_is_finite(b)) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "cannot subtract infinite timestamps");
    }
    struct interval span = {0, 0, 0};
    if (__builtin_sub_overflow(a.us, b.us, &span.us)) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "interval out of range");
    }
    span.us -= a.ns < b.ns ? 1 : 0; /* whole microseconds, rounded down */
    return interval_justify_hours(span, out, error);
}

enum kmb_status timestamp_age(struct timestamp a, struct timestamp b, struct interval *out, struct kmb_error *error) {
    if (!timestamp_is_finite(a) || !timestamp_is_finite(b)) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "timestamp out of range");
    }
    /* Later minus earlier field by field, borrowing upward; days are borrowed from the month that PostgreSQL takes. */
    bool negative = timestamp_compare(a, b) < 0;
    struct civil_time late = timestamp_to_civil(negative ? b : a);
    struct civil_time early = timestamp_to_civil(negative ? a : b);
    struct civil_date lender = negative ? timestamp_to_civil(a).date : timestamp_to_civil(b).date;
    int64_t late_us = late.hour * US_PER_HOUR + late.minute * US_PER_MINUTE + late.second * US_PER_SECOND + late.us;
    int64_t early_us =
        early.hour * US_PER_HOUR + early.minute * US_PER_MINUTE + early.second * US_PER_SECOND + early.us;
    int64_t us = late_us - early_us - (late.ns < early.ns ? 1 : 0);
    int32_t days = late.date.day - early.date.day;
    int32_t months = (late.date.year - early.date.year) * 12 + late.date.month - early.date.month;
    if (us < 0) {
        us += US_PER_DAY;
        days--;
    }
    while (days < 0) {
        days += date_month_length(lender.year, lender.month);
        months--;
    }
    struct interval span = {.months = months, .days = days, .us = us};
    if (negative) {
        span = (struct interval){.months = -months, .days = -days, .us = -us};
    }
    *out = span;
    return KMB_OK;
}

enum kmb_status date_add_days(int64_t days, int64_t count, int64_t *out, struct kmb_error *error) {
    if (!date_is_finite(days)) {
        *out = days;
        return KMB_OK;
    }
    int64_t sum;
    if (__builtin_add_overflow(days, count, &sum) || sum < DATE_MIN || sum > DATE_MAX) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "date out of range");
    }
    *out = sum;
    return KMB_OK;
}

enum kmb_status date_subtract(int64_t a, int64_t b, int64_t *days, struct kmb_error *error) {
    if (!date_is_finite(a) || !date_is_finite(b)) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "cannot subtract infinite dates");
    }
    *days = a - b;
    return KMB_OK;
}

int64_t time_add_interval(int64_t us, struct interval span) {
    return floor_modulo(us + span.us % US_PER_DAY, US_PER_DAY);
}

int64_t time_subtract_interval(int64_t us, struct interval span) {
    return floor_modulo(us - span.us % US_PER_DAY, US_PER_DAY);
}

/* --- conversions --- */

enum kmb_status date_to_timestamp(int64_t days, struct timestamp *out, struct kmb_error *error) {
    if (!date_is_finite(days)) {
        *out = timestamp_of_us(days == DATE_INFINITY ? TIMESTAMP_INFINITY : TIMESTAMP_NEGATIVE_INFINITY);
        return KMB_OK;
    }
    if (days >= TIMESTAMP_END_US / US_PER_DAY) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "date out of range for timestamp");
    }
    *out = timestamp_of_us(days * US_PER_DAY);
    return KMB_OK;
}

int64_t timestamp_to_date(struct timestamp timestamp) {
    if (!timestamp_is_finite(timestamp)) {
        return timestamp.us == TIMESTAMP_INFINITY ? DATE_INFINITY : DATE_NEGATIVE_INFINITY;
    }
    return floor_divide(timestamp.us, US_PER_DAY);
}

int64_t timestamp_to_time(struct timestamp timestamp) {
    ASSERT(timestamp_is_finite(timestamp));
    return floor_modulo(timestamp.us, US_PER_DAY);
}

enum kmb_status timestamp_to_utc(struct timestamp local, struct time_zone zone, struct timestamp *out,
                                 struct kmb_error *error) {
    if (!timestamp_is_finite(local)) {
        *out = local;
        return KMB_OK;
    }
    return timestamp_finish(local.us - time_zone_of_local(zone, local.us) * US_PER_SECOND, local.ns, out, error);
}

enum kmb_status timestamp_to_local(struct timestamp utc, struct time_zone zone, struct timestamp *out,
                                   struct kmb_error *error) {
    if (!timestamp_is_finite(utc)) {
        *out = utc;
        return KMB_OK;
    }
    return timestamp_finish(utc.us + time_zone_at(zone, utc.us) * US_PER_SECOND, utc.ns, out, error);
}

/* us rounded to a multiple of unit, halves away from zero. */
static int64_t round_to_unit(int64_t us, int64_t unit) {
    int64_t rest = floor_modulo(us, unit);
    bool up = us < 0 ? rest > unit - rest : rest >= unit - rest;
    return us - rest + (up ? unit : 0);
}

static int64_t unit_of_precision(int32_t precision) {
    int64_t unit = 1;
    for (; precision < 6; precision++) {
        unit *= 10;
    }
    return unit;
}

enum kmb_status timestamp_apply_modifier(struct timestamp a, int32_t modifier, struct timestamp *out,
                                         struct kmb_error *error) {
    if (modifier < 0 || !timestamp_is_finite(a)) {
        *out = a;
        return KMB_OK;
    }
    int64_t unit = unit_of_precision(modifier);
    /* PostgreSQL counts from 2000, so that is where "away from zero" points away from. */
    int64_t base = PG_EPOCH_US;
    int64_t us = unit == 1 ? a.us + (a.ns >= 500 ? 1 : 0) : round_to_unit(a.us - base, unit) + base;
    return timestamp_finish(us, 0, out, error);
}

int64_t time_apply_modifier(int64_t us, int32_t modifier) {
    return modifier < 0 ? us : round_to_unit(us, unit_of_precision(modifier));
}
