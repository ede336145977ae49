/*
 * Spellings of the fields of dates and times. Case counts: it decides that of a name that is written.
 */
#include "sql/func/template_datetime.h"

#include "base/assert.h"

const char *const date_month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
const char *const date_day_names[7] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* clang-format off */
#define WORD(name, id)           {name, id, false, DATE_CALENDAR_NONE}
#define NUMBER(name, id)         {name, id, true, DATE_CALENDAR_NONE}
#define OF(calendar, name, id)   {name, id, true, calendar}
#define GREGORIAN(upper, lower, id) OF(DATE_GREGORIAN, upper, id), OF(DATE_GREGORIAN, lower, id)
#define ISO(upper, lower, id)       OF(DATE_ISO, upper, id), OF(DATE_ISO, lower, id)
#define WORDS(upper, lower, id)     WORD(upper, id), WORD(lower, id)
#define NUMBERS(upper, lower, id)   NUMBER(upper, id), NUMBER(lower, id)

static const struct template_field date_fields[] = {
    WORDS("A.D.", "a.d.", DATE_AD_DOTS), WORDS("A.M.", "a.m.", DATE_AM_DOTS), WORDS("AD", "ad", DATE_AD),
    WORDS("AM", "am", DATE_AM), WORDS("B.C.", "b.c.", DATE_AD_DOTS), WORDS("BC", "bc", DATE_AD),
    NUMBERS("CC", "cc", DATE_CENTURY), WORDS("DAY", "day", DATE_DAY_NAME), WORD("Day", DATE_DAY_NAME),
    GREGORIAN("DDD", "ddd", DATE_DAY_OF_YEAR), GREGORIAN("DD", "dd", DATE_DAY),
    WORDS("DY", "dy", DATE_DAY_SHORT), WORD("Dy", DATE_DAY_SHORT), GREGORIAN("D", "d", DATE_DAY_OF_WEEK),
    NUMBERS("FF1", "ff1", DATE_FRACTION_1), NUMBERS("FF2", "ff2", DATE_FRACTION_2), NUMBERS("FF3", "ff3", DATE_FRACTION_3),
    NUMBERS("FF4", "ff4", DATE_FRACTION_4), NUMBERS("FF5", "ff5", DATE_FRACTION_5), NUMBERS("FF6", "ff6", DATE_FRACTION_6),
    WORDS("FX", "fx", DATE_EXACT), NUMBERS("HH24", "hh24", DATE_HOUR_24), NUMBERS("HH12", "hh12", DATE_HOUR_12),
    NUMBERS("HH", "hh", DATE_HOUR_12), ISO("IDDD", "iddd", DATE_ISO_DAY_OF_YEAR), ISO("ID", "id", DATE_ISO_DAY),
    ISO("IW", "iw", DATE_ISO_WEEK), ISO("IYYY", "iyyy", DATE_ISO_YEAR_4), ISO("IYY", "iyy", DATE_ISO_YEAR_3),
    ISO("IY", "iy", DATE_ISO_YEAR_2), ISO("I", "i", DATE_ISO_YEAR_1), NUMBERS("J", "j", DATE_JULIAN),
    NUMBERS("MI", "mi", DATE_MINUTE), GREGORIAN("MM", "mm", DATE_MONTH),
    {"MONTH", DATE_MONTH_NAME, false, DATE_GREGORIAN}, {"month", DATE_MONTH_NAME, false, DATE_GREGORIAN},
    {"Month", DATE_MONTH_NAME, false, DATE_GREGORIAN}, {"MON", DATE_MONTH_SHORT, false, DATE_GREGORIAN},
    {"mon", DATE_MONTH_SHORT, false, DATE_GREGORIAN}, {"Mon", DATE_MONTH_SHORT, false, DATE_GREGORIAN},
    NUMBERS("MS", "ms", DATE_MS), WORDS("OF", "of", DATE_OFFSET), WORDS("P.M.", "p.m.", DATE_AM_DOTS),
    WORDS("PM", "pm", DATE_AM), NUMBERS("Q", "q", DATE_QUARTER),
    {"RM", DATE_MONTH_ROMAN, false, DATE_GREGORIAN}, {"rm", DATE_MONTH_ROMAN, false, DATE_GREGORIAN},
    NUMBERS("SSSSS", "sssss", DATE_SECOND_OF_DAY), NUMBERS("SSSS", "ssss", DATE_SECOND_OF_DAY),
    NUMBERS("SS", "ss", DATE_SECOND), WORDS("TZH", "tzh", DATE_ZONE_HOUR), NUMBERS("TZM", "tzm", DATE_ZONE_MINUTE),
    WORDS("TZ", "tz", DATE_ZONE), NUMBERS("US", "us", DATE_US), GREGORIAN("WW", "ww", DATE_WEEK),
    GREGORIAN("W", "w", DATE_WEEK_OF_MONTH), GREGORIAN("Y,YYY", "y,yyy", DATE_YEAR_COMMA),
    GREGORIAN("YYYY", "yyyy", DATE_YEAR_4), GREGORIAN("YYY", "yyy", DATE_YEAR_3), GREGORIAN("YY", "yy", DATE_YEAR_2),
    GREGORIAN("Y", "y", DATE_YEAR_1),
};
/* clang-format on */

struct template date_template_read(const struct sql_call *call, struct slice text) {
    return template_read(call, text, date_fields, ARRAY_LENGTH(date_fields), true);
}
