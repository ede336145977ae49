/*
 * Spans of time as PostgreSQL keeps them: months, days and microseconds apart, because a month has no fixed number of
 * days and a day, in a zone with summer time, no fixed number of hours.
 */
#ifndef KMB_TYPES_INTERVAL_H
#define KMB_TYPES_INTERVAL_H

#include "base/buffer.h"
#include "base/error.h"

struct interval {
    int64_t us;
    int32_t days;
    int32_t months;
};

#define INTERVAL_TEXT_SIZE 128

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)

/* PostgreSQL's input: "1 day 02:03:04.5", "1 year 2 mons ago", "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06", "1-2",
 * "@ 3 hours". A bare number counts the last of the modifier's fields, seconds without. The modifier is not applied.
 * KMB_INVALID_DATETIME: invalid input syntax for type interval: "x"; KMB_INTERVAL_OVERFLOW: interval field value out of
 * range: "x". */
enum kmb_status interval_parse(struct slice text, int32_t modifier, struct interval *out, struct kmb_error *error);
/* The 'postgres' style: "1 year 2 mons 3 days 04:05:06.789", "00:00:00". */
size_t interval_format(struct interval a, char text[INTERVAL_TEXT_SIZE]);
enum interval_style {
    INTERVAL_STYLE_POSTGRES,
    INTERVAL_STYLE_VERBOSE,      /* "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs ago" */
    INTERVAL_STYLE_SQL_STANDARD, /* "1-2", "3 4:05:06.789", "+1-2 -3 +4:05:06.789" */
    INTERVAL_STYLE_ISO_8601,     /* "P1Y2M3DT4H5M6.789S" */
};
/* In the style sql_standard one minus before all of a text, and no other sign in it, is of all its parts. */
enum kmb_status interval_read(struct slice text, enum interval_style style, int32_t modifier, struct interval *out,
                              struct kmb_error *error);
size_t interval_print(struct interval a, enum interval_style style, char text[INTERVAL_TEXT_SIZE]);
/* Rounds the seconds to the modifier's digits; drops what is smaller than the last of its fields. -1 changes nothing.
 */
struct interval interval_apply_modifier(struct interval a, int32_t modifier);

/* KMB_DATETIME_OVERFLOW: interval out of range. */
enum kmb_status interval_add(struct interval a, struct interval b, struct interval *out, struct kmb_error *error);
enum kmb_status interval_subtract(struct interval a, struct interval b, struct interval *out, struct kmb_error *error);
enum kmb_status interval_negate(struct interval a, struct interval *out, struct kmb_error *error);
enum kmb_status interval_multiply(struct interval a, double factor, struct interval *out, struct kmb_error *error);
enum kmb_status interval_divide(struct interval a, double divisor, struct interval *out, struct kmb_error *error);
/* 24 hours to a day, 30 days to a month: justify_hours, justify_days, justify_interval. */
enum kmb_status interval_justify_hours(struct interval a, struct interval *out, struct kmb_error *error);
enum kmb_status interval_justify_days(struct interval a, struct interval *out, struct kmb_error *error);
enum kmb_status interval_justify(struct interval a, struct interval *out, struct kmb_error *error);

/* By span, a month counting 30 days and a day 24 hours: '1 month' = '30 days'. */
int interval_compare(struct interval a, struct interval b);
uint64_t interval_hash(struct interval a);

/* The span as a 128-bit count of microseconds in two's complement, for keys. */
struct interval_span {
    int64_t high;
    uint64_t low;
};
struct interval_span interval_span_of(struct interval a);
/* A canonical interval (days and microseconds only) with this span; false when no interval has it. */
bool interval_of_span(struct interval_span span, struct interval *out);

#endif
