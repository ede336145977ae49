/*
 * Fields of templates of dates and times, as to_char, to_date and to_timestamp share them.
 */
#ifndef KMB_SQL_TEMPLATE_DATETIME_H
#define KMB_SQL_TEMPLATE_DATETIME_H

#include "sql/func/template.h"
#include "types/datetime.h"

enum date_field {
    DATE_AD_DOTS,
    DATE_AD,
    DATE_AM_DOTS,
    DATE_AM,
    DATE_CENTURY,
    DATE_DAY_NAME,
    DATE_DAY_SHORT,
    DATE_DAY_OF_YEAR,
    DATE_DAY,
    DATE_DAY_OF_WEEK,
    DATE_FRACTION_1,
    DATE_FRACTION_2,
    DATE_FRACTION_3,
    DATE_FRACTION_4,
    DATE_FRACTION_5,
    DATE_FRACTION_6,
    DATE_EXACT, /* FX */
    DATE_HOUR_24,
    DATE_HOUR_12,
    DATE_ISO_DAY_OF_YEAR,
    DATE_ISO_DAY,
    DATE_ISO_WEEK,
    DATE_ISO_YEAR_4,
    DATE_ISO_YEAR_3,
    DATE_ISO_YEAR_2,
    DATE_ISO_YEAR_1,
    DATE_JULIAN,
    DATE_MINUTE,
    DATE_MONTH,
    DATE_MONTH_NAME,
    DATE_MONTH_SHORT,
    DATE_MS,
    DATE_OFFSET,
    DATE_QUARTER,
    DATE_MONTH_ROMAN,
    DATE_SECOND_OF_DAY,
    DATE_SECOND,
    DATE_ZONE_HOUR,
    DATE_ZONE_MINUTE,
    DATE_ZONE,
    DATE_US,
    DATE_WEEK,
    DATE_WEEK_OF_MONTH,
    DATE_YEAR_COMMA,
    DATE_YEAR_4,
    DATE_YEAR_3,
    DATE_YEAR_2,
    DATE_YEAR_1,
};

enum date_calendar { DATE_CALENDAR_NONE, DATE_GREGORIAN, DATE_ISO };

struct template date_template_read(const struct sql_call *call, struct slice text);

/* What a template makes of a text, by the fields that it has: a day, a time, both, and with an offset or without. */
enum moment_kind { MOMENT_DATE, MOMENT_TIME, MOMENT_TIME_ZONED, MOMENT_STAMP, MOMENT_STAMP_ZONED };
struct moment {
    enum moment_kind kind;
    int32_t offset_s;    /* of those with one: east of UTC */
    int64_t number;      /* days, or microseconds of a time */
    struct timestamp at; /* of stamps; UTC where there is an offset */
};

/*
 * As SQL/JSON's .datetime() has it: nothing is skipped, separators are those of the template, and all of both is used.
 * Templates with others than "-./,':; " between their fields are refused (22007).
 */
struct template moment_template_read(const struct sql_call *call, struct slice text);
struct moment moment_read(const struct sql_call *call, const struct template *template, struct slice input);
const char *moment_type_name(enum moment_kind kind); /* "time with time zone" */
/* ISO 8601; bytes in the call's arena. */
struct slice moment_text(const struct sql_call *call, const struct moment *moment);
/*
 * -1, 0 or 1; false: a time and a day do not compare. Where one has an offset and the other has none the session's zone
 * is asked if zones, else it is an error (0A000).
 */
bool moment_compare(const struct sql_call *call, const struct moment *a, const struct moment *b, bool zones,
                    int *order);

extern const char *const date_month_names[12];
extern const char *const date_day_names[7]; /* from Sunday */
#define DATE_SHORT_NAME 3                   /* letters of a name that its short form has */

/* The clock now, and not when the statement began. */
static inline int64_t datetime_clock_us(const struct sql_call *call) {
    const struct sql_context *context = call->context;
    return context->clock_us == NULL ? context->now_us : context->clock_us(context->clock_context);
}

#endif
