/*
 * Dates and times in the proleptic Gregorian calendar, over PostgreSQL's range, with no clock, locale or libc in it.
 *
 *   DATE          days since 1970-01-01, int64 in memory, 4714-11-24 BC .. 5874897-12-31
 *   TIME          microseconds since midnight, 0 .. 24:00:00
 *   TIMESTAMP(TZ) microseconds since 1970-01-01 00:00 plus 0..999 ns, 4714-11-24 BC .. 294246-12-31 (the last whole
 *                 year that 64 bits of microseconds since 1970 hold; PostgreSQL's own end is 294276)
 *
 * Both ends have infinities. Years are astronomical: 0 is 1 BC. A TIMESTAMPTZ is UTC; text goes through a zone.
 */
#ifndef KMB_TYPES_DATETIME_H
#define KMB_TYPES_DATETIME_H

#include "types/decimal.h"
#include "types/interval.h"
#include "types/zone.h"

struct timestamp {
    int64_t us;
    uint16_t ns; /* 0..999, counted forward from us; 0 for infinities */
    uint8_t reserved[6];
};

#define DATE_INFINITY               ((int64_t)INT32_MAX)
#define DATE_NEGATIVE_INFINITY      ((int64_t)INT32_MIN)
#define TIMESTAMP_INFINITY          INT64_MAX
#define TIMESTAMP_NEGATIVE_INFINITY INT64_MIN

#define DATE_MIN           INT64_C(-2440588)   /* 4714-11-24 BC, Julian day 0 */
#define DATE_MAX           INT64_C(2145042905) /* 5874897-12-31 */
#define TIMESTAMP_MIN_US   (DATE_MIN * US_PER_DAY)
#define TIMESTAMP_END_US   INT64_C(9223371244800000000) /* 294247-01-01, the first instant beyond */
#define TIME_MAX_US        US_PER_DAY                   /* 24:00:00 is a time */
#define DATETIME_TEXT_SIZE 64

/* What text needs to know of the world; NULL stands for UTC and no clock. */
enum date_style { DATE_STYLE_ISO, DATE_STYLE_SQL, DATE_STYLE_POSTGRES, DATE_STYLE_GERMAN };
/* What 01/02/03 is. */
enum date_order { DATE_ORDER_MDY, DATE_ORDER_DMY, DATE_ORDER_YMD };

/* How values are printed, and dates of three numbers are read: DateStyle, IntervalStyle, bytea_output. All 0: ISO,
 * month before day, postgres, hex. */
struct datetime_style {
    uint8_t dates;     /* enum date_style */
    uint8_t order;     /* enum date_order */
    uint8_t intervals; /* enum interval_style */
    uint8_t bytea_escape;
};
static inline bool datetime_style_equal(struct datetime_style a, struct datetime_style b) {
    return a.dates == b.dates && a.order == b.order && a.intervals == b.intervals && a.bytea_escape == b.bytea_escape;
}

struct datetime_context {
    int64_t now_us;        /* for 'now', 'today', 'yesterday', 'tomorrow' */
    struct time_zone zone; /* the session's */
    bool has_now;          /* false: those words are refused */
    /* Zones by name, where there are any besides the fixed ones; NULL: there are none. */
    const struct zone *(*zone_find)(void *zones, struct slice name);
    void *zones;
    struct datetime_style style;
    const char *zone_name; /* of a zone of one offset: as times show it where they show names; NULL or "": the offset */
};

static inline struct timestamp timestamp_of_us(int64_t us) {
    return (struct timestamp){.us = us};
}
static inline bool timestamp_is_finite(struct timestamp a) {
    return a.us != TIMESTAMP_INFINITY && a.us != TIMESTAMP_NEGATIVE_INFINITY;
}
static inline bool date_is_finite(int64_t days) {
    return days != DATE_INFINITY && days != DATE_NEGATIVE_INFINITY;
}
bool date_valid(int64_t days);                    /* in range or infinite */
bool time_valid(int64_t us);                      /* 0..TIME_MAX_US */
bool timestamp_valid(struct timestamp timestamp); /* in range or infinite, ns in range */

/* --- calendar --- */
struct civil_date {
    int32_t year; /* astronomical */
    int32_t month;
    int32_t day;
};
/* A timestamp taken apart. */
struct civil_time {
    struct civil_date date;
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t us;
    int32_t ns;
};
bool date_year_is_leap(int64_t year);
int32_t date_month_length(int64_t year, int32_t month);
int64_t date_of_civil(int64_t year, int32_t month, int32_t day); /* month 1..12; day may run past the month */
struct civil_date date_to_civil(int64_t days);                   /* finite */
/* KMB_DATETIME_OVERFLOW: date field value out of range: 2023-02-30 (make_date's text) */
enum kmb_status date_make(int64_t year, int32_t month, int32_t day, int64_t *days, struct kmb_error *error);
struct civil_time timestamp_to_civil(struct timestamp timestamp); /* finite */
struct timestamp timestamp_of_civil(const struct civil_time *civil);
int32_t date_day_of_week(int64_t days);                 /* 0 Sunday .. 6 */
int32_t date_day_of_year(int64_t days);                 /* 1..366 */
int32_t date_iso_week(int64_t days, int32_t *iso_year); /* iso_year may be NULL; astronomical */

/* --- text --- */
/* As PostgreSQL with DateStyle ISO, MDY. KMB_INVALID_DATETIME: invalid input syntax for type date: "x";
 * KMB_DATETIME_OVERFLOW: date/time field value out of range: "x", date out of range: "x", timestamp out of range: "x".
 */
enum kmb_status date_parse(struct slice text, const struct datetime_context *context, int64_t *days,
                           struct kmb_error *error);
enum kmb_status time_parse(struct slice text, const struct datetime_context *context, int64_t *us,
                           struct kmb_error *error);
enum kmb_status timestamp_parse(struct slice text, bool with_zone, const struct datetime_context *context,
                                struct timestamp *out, struct kmb_error *error);
/* ISO. The fraction has up to 6 digits without trailing zeros, 9 digits when ns is not 0. Length of the text. */
size_t date_format(int64_t days, char text[DATETIME_TEXT_SIZE]);
size_t time_format(int64_t us, char text[DATETIME_TEXT_SIZE]);
size_t timestamp_format(struct timestamp timestamp, char text[DATETIME_TEXT_SIZE]);
size_t timestamptz_format(struct timestamp timestamp, struct time_zone zone, char text[DATETIME_TEXT_SIZE]);
/* In the style of the context (NULL: ISO, UTC): style.c. */
size_t date_print(int64_t days, const struct datetime_style *style, char text[DATETIME_TEXT_SIZE]);
size_t timestamp_print(struct timestamp timestamp, const struct datetime_context *context, bool zoned,
                       char text[DATETIME_TEXT_SIZE]);
/* timestamp(p): rounds to p digits, half up as PostgreSQL; -1 changes nothing. */
enum kmb_status timestamp_apply_modifier(struct timestamp a, int32_t modifier, struct timestamp *out,
                                         struct kmb_error *error);
int64_t time_apply_modifier(int64_t us, int32_t modifier);

/*
 * A zone by name: "UTC", "GMT", "Z", "Etc/UTC", the fixed abbreviations PostgreSQL knows ("EST", "CEST", ...) and
 * offsets in ISO form "+02", "+02:00", "-03:30:15"; then those that the context finds ("Europe/Berlin", "EST5EDT").
 * whole_first: those that it finds come before the abbreviations, as SET TIME ZONE has it. KMB_INVALID_PARAMETER:
 * time zone "x" not recognized. context may be NULL.
 */
enum kmb_status datetime_zone_parse(struct slice name, bool whole_first, const struct datetime_context *context,
                                    struct time_zone *zone, struct kmb_error *error);

/* --- order --- */
static inline int timestamp_compare(struct timestamp a, struct timestamp b) {
    return a.us != b.us ? (a.us < b.us ? -1 : 1) : (int)a.ns - (int)b.ns;
}

/* --- arithmetic; infinities stay what they are --- */
/* Months first, the day clamped to the month's end, then days, then microseconds. KMB_DATETIME_OVERFLOW: timestamp out
 * of range. For TIMESTAMPTZ pass the zone, so that months and days count in local time; else one of offset 0. */
enum kmb_status timestamp_add_interval(struct timestamp a, struct interval span, struct time_zone zone,
                                       struct timestamp *out, struct kmb_error *error);
enum kmb_status timestamp_subtract_interval(struct timestamp a, struct interval span, struct time_zone zone,
                                            struct timestamp *out, struct kmb_error *error);
/* Days and microseconds, no months; KMB_DATETIME_OVERFLOW for infinities: cannot subtract infinite timestamps. */
enum kmb_status timestamp_subtract(struct timestamp a, struct timestamp b, struct interval *out,
                                   struct kmb_error *error);
/* age(a, b): symbolic years, months, days. */
enum kmb_status timestamp_age(struct timestamp a, struct timestamp b, struct interval *out, struct kmb_error *error);
/* KMB_DATETIME_OVERFLOW: date out of range */
enum kmb_status date_add_days(int64_t days, int64_t count, int64_t *out, struct kmb_error *error);
enum kmb_status date_subtract(int64_t a, int64_t b, int64_t *days, struct kmb_error *error);
/* Wraps at midnight. */
int64_t time_add_interval(int64_t us, struct interval span);
int64_t time_subtract_interval(int64_t us, struct interval span);

/* Midnight of a date; "date out of range for timestamp". */
enum kmb_status date_to_timestamp(int64_t days, struct timestamp *out, struct kmb_error *error);
int64_t timestamp_to_date(struct timestamp timestamp); /* floor; infinities map to the date's */
int64_t timestamp_to_time(struct timestamp timestamp); /* finite; ns is dropped */
/* Local time in a zone -> UTC and back, checked. */
enum kmb_status timestamp_to_utc(struct timestamp local, struct time_zone zone, struct timestamp *out,
                                 struct kmb_error *error);
enum kmb_status timestamp_to_local(struct timestamp utc, struct time_zone zone, struct timestamp *out,
                                   struct kmb_error *error);

/* --- fields --- */
enum datetime_field {
    DATETIME_MICROSECONDS,
    DATETIME_MILLISECONDS,
    DATETIME_SECOND,
    DATETIME_MINUTE,
    DATETIME_HOUR,
    DATETIME_DAY,
    DATETIME_WEEK,
    DATETIME_MONTH,
    DATETIME_QUARTER,
    DATETIME_YEAR,
    DATETIME_DECADE,
    DATETIME_CENTURY,
    DATETIME_MILLENNIUM,
    DATETIME_ISOYEAR,
    DATETIME_DOW,
    DATETIME_ISODOW,
    DATETIME_DOY,
    DATETIME_EPOCH,
    DATETIME_JULIAN,
    DATETIME_TIMEZONE,
    DATETIME_TIMEZONE_HOUR,
    DATETIME_TIMEZONE_MINUTE,
    DATETIME_FIELD_COUNT,
};
/* Any spelling PostgreSQL takes in EXTRACT and date_trunc: "year", "years", "yr", "mons", "msec". */
bool datetime_field_of_name(struct slice name, enum datetime_field *field);
const char *datetime_field_name(enum datetime_field field);

/*
 * EXTRACT(field FROM ...), NUMERIC with PostgreSQL's scale. *is_null: PostgreSQL answers NULL (a field of an infinite
 * value that does not grow). KMB_UNSUPPORTED: unit "timezone" not supported for type timestamp without time zone.
 */
enum kmb_status timestamp_extract(enum datetime_field field, struct timestamp timestamp, struct decimal *out,
                                  bool *is_null, struct kmb_error *error);
enum kmb_status timestamptz_extract(enum datetime_field field, struct timestamp timestamp, struct time_zone zone,
                                    struct decimal *out, bool *is_null, struct kmb_error *error);
enum kmb_status date_extract(enum datetime_field field, int64_t days, struct decimal *out, bool *is_null,
                             struct kmb_error *error);
enum kmb_status time_extract(enum datetime_field field, int64_t us, struct decimal *out, struct kmb_error *error);
enum kmb_status interval_extract(enum datetime_field field, struct interval span, struct decimal *out,
                                 struct kmb_error *error);

/* date_trunc(). For TIMESTAMPTZ convert to local, truncate, convert back. */
enum kmb_status timestamp_truncate(enum datetime_field field, struct timestamp timestamp, struct timestamp *out,
                                   struct kmb_error *error);
enum kmb_status interval_truncate(enum datetime_field field, struct interval span, struct interval *out,
                                  struct kmb_error *error);

#endif
