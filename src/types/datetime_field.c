/*
 * Fields of dates, times and intervals: EXTRACT and date_trunc.
 *
 * EXTRACT answers NUMERIC with the scale PostgreSQL gives: seconds and epoch have six digits after the point,
 * milliseconds three. A timestamp that carries nanoseconds has three digits more. Years have no zero: 1 BC is -1.
 * Fields of an infinite value are NULL where they go round (hours, months), and infinite where they grow (years,
 * epoch).
 */
#include "base/assert.h"
#include "types/datetime.h"

#define TYPE_TIMESTAMP_NAME   "timestamp without time zone"
#define TYPE_TIMESTAMPTZ_NAME "timestamp with time zone"

static const char *const FIELD_NAMES[DATETIME_FIELD_COUNT] = {
    [DATETIME_MICROSECONDS] = "microseconds",
    [DATETIME_MILLISECONDS] = "milliseconds",
    [DATETIME_SECOND] = "second",
    [DATETIME_MINUTE] = "minute",
    [DATETIME_HOUR] = "hour",
    [DATETIME_DAY] = "day",
    [DATETIME_WEEK] = "week",
    [DATETIME_MONTH] = "month",
    [DATETIME_QUARTER] = "quarter",
    [DATETIME_YEAR] = "year",
    [DATETIME_DECADE] = "decade",
    [DATETIME_CENTURY] = "century",
    [DATETIME_MILLENNIUM] = "millennium",
    [DATETIME_ISOYEAR] = "isoyear",
    [DATETIME_DOW] = "dow",
    [DATETIME_ISODOW] = "isodow",
    [DATETIME_DOY] = "doy",
    [DATETIME_EPOCH] = "epoch",
    [DATETIME_JULIAN] = "julian",
    [DATETIME_TIMEZONE] = "timezone",
    [DATETIME_TIMEZONE_HOUR] = "timezone_hour",
    [DATETIME_TIMEZONE_MINUTE] = "timezone_minute",
};

struct field_spelling {
    const char *name;
    enum datetime_field field;
};

/* PostgreSQL looks at the first ten characters only; so do we, hence "microsecon". */
#define SPELLING_MAX 10

static const struct field_spelling SPELLINGS[] = {
    {"microsecon", DATETIME_MICROSECONDS},
    {"us", DATETIME_MICROSECONDS},
    {"usec", DATETIME_MICROSECONDS},
    {"usecs", DATETIME_MICROSECONDS},
    {"usecond", DATETIME_MICROSECONDS},
    {"useconds", DATETIME_MICROSECONDS},
    {"millisecon", DATETIME_MILLISECONDS},
    {"ms", DATETIME_MILLISECONDS},
    {"msec", DATETIME_MILLISECONDS},
    {"msecs", DATETIME_MILLISECONDS},
    {"msecond", DATETIME_MILLISECONDS},
    {"mseconds", DATETIME_MILLISECONDS},
    {"s", DATETIME_SECOND},
    {"sec", DATETIME_SECOND},
    {"secs", DATETIME_SECOND},
    {"second", DATETIME_SECOND},
    {"seconds", DATETIME_SECOND},
    {"m", DATETIME_MINUTE},
    {"min", DATETIME_MINUTE},
    {"mins", DATETIME_MINUTE},
    {"minute", DATETIME_MINUTE},
    {"minutes", DATETIME_MINUTE},
    {"h", DATETIME_HOUR},
    {"hr", DATETIME_HOUR},
    {"hrs", DATETIME_HOUR},
    {"hour", DATETIME_HOUR},
    {"hours", DATETIME_HOUR},
    {"d", DATETIME_DAY},
    {"day", DATETIME_DAY},
    {"days", DATETIME_DAY},
    {"w", DATETIME_WEEK},
    {"week", DATETIME_WEEK},
    {"weeks", DATETIME_WEEK},
    {"mon", DATETIME_MONTH},
    {"mons", DATETIME_MONTH},
    {"month", DATETIME_MONTH},
    {"months", DATETIME_MONTH},
    {"qtr", DATETIME_QUARTER},
    {"quarter", DATETIME_QUARTER},
    {"y", DATETIME_YEAR},
    {"yr", DATETIME_YEAR},
    {"yrs", DATETIME_YEAR},
    {"year", DATETIME_YEAR},
    {"years", DATETIME_YEAR},
    {"dec", DATETIME_DECADE},
    {"decs", DATETIME_DECADE},
    {"decade", DATETIME_DECADE},
    {"decades", DATETIME_DECADE},
    {"c", DATETIME_CENTURY},
    {"cent", DATETIME_CENTURY},
    {"century", DATETIME_CENTURY},
    {"centuries", DATETIME_CENTURY},
    {"mil", DATETIME_MILLENNIUM},
    {"mils", DATETIME_MILLENNIUM},
    {"millennium", DATETIME_MILLENNIUM},
    {"millennia", DATETIME_MILLENNIUM},
    {"isoyear", DATETIME_ISOYEAR},
    {"dow", DATETIME_DOW},
    {"isodow", DATETIME_ISODOW},
    {"doy", DATETIME_DOY},
    {"epoch", DATETIME_EPOCH},
    {"julian", DATETIME_JULIAN},
    {"timezone", DATETIME_TIMEZONE},
    {"timezone_h", DATETIME_TIMEZONE_HOUR},
    {"timezone_m", DATETIME_TIMEZONE_MINUTE},
};

bool datetime_field_of_name(struct slice name, enum datetime_field *field) {
    char folded[SPELLING_MAX + 1];
    size_t length = name.length < SPELLING_MAX ? name.length : SPELLING_MAX;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = name.bytes[i];
        folded[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    }
    folded[length] = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(SPELLINGS); i++) {
        if (strcmp(SPELLINGS[i].name, folded) == 0) {
            *field = SPELLINGS[i].field;
            return true;
        }
    }
    return false;
}

const char *datetime_field_name(enum datetime_field field) {
    ASSERT((unsigned)field < DATETIME_FIELD_COUNT);
    return FIELD_NAMES[field];
}

static enum kmb_status field_unsupported(enum datetime_field field, const char *type, struct kmb_error *error) {
    return error_set(error, KMB_UNSUPPORTED, "unit \"%s\" not supported for type %s", datetime_field_name(field), type);
}

/* date_trunc knows fewer words than EXTRACT, and says so. */
static enum kmb_status truncate_unsupported(enum datetime_field field, const char *type, struct kmb_error *error) {
    bool word = field == DATETIME_WEEK || field == DATETIME_TIMEZONE || field == DATETIME_TIMEZONE_HOUR ||
                field == DATETIME_TIMEZONE_MINUTE;
    if (word) {
        return field_unsupported(field, type, error);
    }
    return error_set(error, KMB_INVALID_PARAMETER, "unit \"%s\" not recognized for type %s", datetime_field_name(field),
                     type);
}

/* --- years --- */

/* Astronomical to the calendar's: no year 0. */
static int64_t year_shown(int64_t year) {
    return year > 0 ? year : year - 1;
}

static int64_t decade_of(int64_t year) {
    return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

/* Centuries and millennia: length years to one, the first beginning with year 1. */
static int64_t age_of(int64_t year, int64_t length) {
    return year > 0 ? (year + length - 1) / length : -((length - 1 - (year - 1)) / length);
}

/* The first astronomical year of the century or millennium. */
static int64_t age_start(int64_t year, int64_t length) {
    return year > 0 ? (year + length - 1) / length * length - length + 1
                    : -((length - 1 - (year - 1)) / length) * length + 1;
}

static int64_t decade_start(int64_t year) {
    return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
}

/* --- EXTRACT --- */

static struct decimal field_scaled(int64_t value, uint32_t scale) {
    struct decimal out;
    bool fits = decimal_make(value < 0 ? -1 : 0, (uint64_t)value, scale, &out);
    ASSERT(fits);
    return out;
}

/* Fields that a date alone decides; false for the others. */
static bool date_field(enum datetime_field field, int64_t days, int64_t *out) {
    struct civil_date civil = date_to_civil(days);
    int32_t iso_year;
    switch (field) {
    case DATETIME_DAY:
        *out = civil.day;
        return true;
    case DATETIME_WEEK:
        *out = date_iso_week(days, NULL);
        return true;
    case DATETIME_MONTH:
        *out = civil.month;
        return true;
    case DATETIME_QUARTER:
        *out = (civil.month - 1) / 3 + 1;
        return true;
    case DATETIME_YEAR:
        *out = year_shown(civil.year);
        return true;
    case DATETIME_DECADE:
        *out = decade_of(civil.year);
        return true;
    case DATETIME_CENTURY:
        *out = age_of(civil.year, 100);
        return true;
    case DATETIME_MILLENNIUM:
        *out = age_of(civil.year, 1000);
        return true;
    case DATETIME_ISOYEAR:
        date_iso_week(days, &iso_year);
        *out = year_shown(iso_year);
        return true;
    case DATETIME_DOW:
        *out = date_day_of_week(days);
        return true;
    case DATETIME_ISODOW:
        *out = date_day_of_week(days) == 0 ? 7 : date_day_of_week(days);
        return true;
    case DATETIME_DOY:
        *out = date_day_of_year(days);
        return true;
    default:
        return false;
    }
}

/* Fields of a time of day in microseconds with ns beside; false for the others. */
static bool time_field(enum datetime_field field, int64_t us, uint32_t ns, struct decimal *out) {
    int64_t second_us = us % US_PER_MINUTE;
    int64_t fine = ns == 0 ? second_us : second_us * 1000 + ns;
    uint32_t more = ns == 0 ? 0 : 3;
    switch (field) {
    case DATETIME_MICROSECONDS:
        *out = field_scaled(fine, more);
        return true;
    case DATETIME_MILLISECONDS:
        *out = field_scaled(fine, 3 + more);
        return true;
    case DATETIME_SECOND:
        *out = field_scaled(fine, 6 + more);
        return true;
    case DATETIME_MINUTE:
        *out = decimal_of_int64(us / US_PER_MINUTE % 60);
        return true;
    case DATETIME_HOUR:
        *out = decimal_of_int64(us / US_PER_HOUR);
        return true;
    default:
        return false;
    }
}

static bool field_grows(enum datetime_field field) {
    return field == DATETIME_YEAR || field == DATETIME_DECADE || field == DATETIME_CENTURY ||
           field == DATETIME_MILLENNIUM || field == DATETIME_ISOYEAR || field == DATETIME_EPOCH ||
           field == DATETIME_JULIAN;
}

static void field_of_infinity(enum datetime_field field, bool negative, struct decimal *out, bool *is_null) {
    *is_null = !field_grows(field);
    *out = decimal_special(negative ? DECIMAL_NEGATIVE_INFINITY : DECIMAL_INFINITY);
}

/* Julian day with the fraction that has passed since midnight, as PostgreSQL divides it. */
static enum kmb_status field_julian(int64_t days, int64_t us, struct decimal *out, struct kmb_error *error) {
    struct decimal fraction;
    enum kmb_status status = decimal_divide(decimal_of_int64(us), decimal_of_int64(US_PER_DAY), &fraction, error);
    return status != KMB_OK ? status : decimal_add(decimal_of_int64(days - DATE_MIN), fraction, out, error);
}

/* local: what the fields are read from; utc: what epoch counts. */
static enum kmb_status instant_extract(enum datetime_field field, struct timestamp local, struct timestamp utc,
                                       const char *type, struct decimal *out, struct kmb_error *error) {
    int64_t days = timestamp_to_date(local);
    int64_t us = timestamp_to_time(local);
    int64_t value;
    if (date_field(field, days, &value)) {
        *out = decimal_of_int64(value);
        return KMB_OK;
    }
    if (time_field(field, us, local.ns, out)) {
        return KMB_OK;
    }
    if (field == DATETIME_JULIAN) {
        return field_julian(days, us, out, error);
    }
    if (field == DATETIME_EPOCH) {
        *out = field_scaled(utc.us, 6);
        return utc.ns == 0 ? KMB_OK : decimal_add(*out, field_scaled(utc.ns, 9), out, error);
    }
    return field_unsupported(field, type, error);
}

enum kmb_status timestamp_extract(enum datetime_field field, struct timestamp timestamp, struct decimal *out,
                                  bool *is_null, struct kmb_error *error) {
    *is_null = false;
    bool zone = field == DATETIME_TIMEZONE || field == DATETIME_TIMEZONE_HOUR || field == DATETIME_TIMEZONE_MINUTE;
    if (zone) {
        return field_unsupported(field, TYPE_TIMESTAMP_NAME, error);
    }
    if (!timestamp_is_finite(timestamp)) {
        field_of_infinity(field, timestamp.us == TIMESTAMP_NEGATIVE_INFINITY, out, is_null);
        return KMB_OK;
    }
    return instant_extract(field, timestamp, timestamp, TYPE_TIMESTAMP_NAME, out, error);
}

enum kmb_status timestamptz_extract(enum datetime_field field, struct timestamp timestamp, struct time_zone zone,
                                    struct decimal *out, bool *is_null, struct kmb_error *error) {
    *is_null = false;
    if (!timestamp_is_finite(timestamp)) {
        field_of_infinity(field, timestamp.us == TIMESTAMP_NEGATIVE_INFINITY, out, is_null);
        return KMB_OK;
    }
    int32_t zone_offset_s = time_zone_at(zone, timestamp.us);
    switch (field) {
    case DATETIME_TIMEZONE:
        *out = decimal_of_int64(zone_offset_s);
        return KMB_OK;
    case DATETIME_TIMEZONE_HOUR:
        *out = decimal_of_int64(zone_offset_s / 3600);
        return KMB_OK;
    case DATETIME_TIMEZONE_MINUTE:
        *out = decimal_of_int64(zone_offset_s / 60 % 60);
        return KMB_OK;
    default:
        break;
    }
    struct timestamp local = {.us = timestamp.us + zone_offset_s * US_PER_SECOND, .ns = timestamp.ns};
    return instant_extract(field, local, timestamp, TYPE_TIMESTAMPTZ_NAME, out, error);
}

enum kmb_status date_extract(enum datetime_field field, int64_t days, struct decimal *out, bool *is_null,
                             struct kmb_error *error) {
    *is_null = false;
    int64_t value;
    bool known = date_field(field, 0, &value) || field == DATETIME_EPOCH || field == DATETIME_JULIAN;
    if (!known) {
        return field_unsupported(field, "date", error);
    }
    if (!date_is_finite(days)) {
        field_of_infinity(field, days == DATE_NEGATIVE_INFINITY, out, is_null);
        return KMB_OK;
    }
    if (!date_field(field, days, &value)) {
        value = field == DATETIME_EPOCH ? days * 86400 : days - DATE_MIN;
    }
    *out = decimal_of_int64(value);
    return KMB_OK;
}

enum kmb_status time_extract(enum datetime_field field, int64_t us, struct decimal *out, struct kmb_error *error) {
    if (field == DATETIME_EPOCH) {
        *out = field_scaled(us, 6);
        return KMB_OK;
    }
    return time_field(field, us, 0, out) ? KMB_OK : field_unsupported(field, "time without time zone", error);
}

enum kmb_status interval_extract(enum datetime_field field, struct interval span, struct decimal *out,
                                 struct kmb_error *error) {
    int64_t years = span.months / 12;
    int64_t months = span.months % 12;
    switch (field) {
    case DATETIME_DAY:
        *out = decimal_of_int64(span.days);
        return KMB_OK;
    case DATETIME_MONTH:
        *out = decimal_of_int64(months);
        return KMB_OK;
    case DATETIME_QUARTER:
        *out = decimal_of_int64(months / 3 + 1);
        return KMB_OK;
    case DATETIME_YEAR:
        *out = decimal_of_int64(years);
        return KMB_OK;
    case DATETIME_DECADE:
        *out = decimal_of_int64(years / 10);
        return KMB_OK;
    case DATETIME_CENTURY:
        *out = decimal_of_int64(years / 100);
        return KMB_OK;
    case DATETIME_MILLENNIUM:
        *out = decimal_of_int64(years / 1000);
        return KMB_OK;
    case DATETIME_EPOCH: {
        /* A year counts 365.25 days here, a month 30: in quarter days, to stay whole. */
        int64_t quarters = 1461 * years + 120 * months + 4 * (int64_t)span.days;
        struct decimal seconds = field_scaled(quarters * (86400 / 4), 0);
        return decimal_add(seconds, field_scaled(span.us, 6), out, error);
    }
    default:
        return time_field(field, span.us, 0, out) ? KMB_OK : field_unsupported(field, "interval", error);
    }
}

/* --- date_trunc --- */

static int64_t time_unit(enum datetime_field field) {
    switch (field) {
    case DATETIME_MICROSECONDS:
        return 1;
    case DATETIME_MILLISECONDS:
        return 1000;
    case DATETIME_SECOND:
        return US_PER_SECOND;
    case DATETIME_MINUTE:
        return US_PER_MINUTE;
    case DATETIME_HOUR:
        return US_PER_HOUR;
    case DATETIME_DAY:
        return US_PER_DAY;
    default:
        return 0;
    }
}

enum kmb_status timestamp_truncate(enum datetime_field field, struct timestamp timestamp, struct timestamp *out,
                                   struct kmb_error *error) {
    bool infinite = !timestamp_is_finite(timestamp);
    int64_t days = infinite ? 0 : timestamp_to_date(timestamp);
    struct civil_date civil = date_to_civil(days);
    int64_t year = civil.year;
    int32_t month = 1;
    int64_t unit = time_unit(field);
    if (infinite && (unit != 0 || (field >= DATETIME_WEEK && field <= DATETIME_MILLENNIUM))) {
        *out = timestamp;
        return KMB_OK;
    }
    switch (field) {
    case DATETIME_MILLENNIUM:
        year = age_start(year, 1000);
        break;
    case DATETIME_CENTURY:
        year = age_start(year, 100);
        break;
    case DATETIME_DECADE:
        year = decade_start(year);
        break;
    case DATETIME_YEAR:
        break;
    case DATETIME_QUARTER:
        month = (civil.month - 1) / 3 * 3 + 1;
        break;
    case DATETIME_MONTH:
        month = civil.month;
        break;
    case DATETIME_WEEK:
        return date_to_timestamp(days - (date_day_of_week(days) + 6) % 7, out, error);
    default: {
        if (unit == 0) {
            return truncate_unsupported(field, TYPE_TIMESTAMP_NAME, error);
        }
        int64_t time = timestamp_to_time(timestamp);
        *out = timestamp_of_us(timestamp.us - time % unit);
        return KMB_OK;
    }
    }
    int64_t first = date_of_civil(year, month, 1);
    if (first < DATE_MIN) {
        return error_set(error, KMB_DATETIME_OVERFLOW, "timestamp out of range");
    }
    return date_to_timestamp(first, out, error);
}

enum kmb_status interval_truncate(enum datetime_field field, struct interval span, struct interval *out,
                                  struct kmb_error *error) {
    struct interval result = {0, 0, 0};
    int32_t months_to_unit = field == DATETIME_MILLENNIUM ? 12000
                             : field == DATETIME_CENTURY  ? 1200
                             : field == DATETIME_DECADE   ? 120
                             : field == DATETIME_YEAR     ? 12
                             : field == DATETIME_QUARTER  ? 3
                             : field == DATETIME_MONTH    ? 1
                                                          : 0;
    int64_t unit = time_unit(field);
    if (months_to_unit > 0) {
        result.months = span.months - span.months % months_to_unit;
    } else if (field == DATETIME_DAY) {
        result = (struct interval){.months = span.months, .days = span.days};
    } else if (unit > 0) {
        result = span;
        result.us -= span.us % unit;
    } else {
        enum kmb_status status = truncate_unsupported(field, "interval", error);
        if (field == DATETIME_WEEK) {
            error_detail(error, "Months usually have fractional weeks.");
        }
        return status;
    }
    *out = result;
    return KMB_OK;
}
