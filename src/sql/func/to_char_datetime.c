/*
 * to_char of timestamps and intervals.
 *
 * Both are taken apart into one set of fields; an interval has no calendar, so fields that ask for one are refused, and
 * its numbers may be negative: a width then counts the sign, too.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "sql/func/json_path.h"
#include "sql/func/loops.h"
#include "sql/func/template_datetime.h"
#include "types/datetime.h"

#define NAME_WIDTH       9 /* of the longest month and day */
#define ROMAN_WIDTH      4
#define SECONDS_PER_HOUR 3600

struct parts {
    bool interval;
    int64_t year; /* astronomical; of an interval, its own */
    int32_t month;
    int32_t day;
    int64_t hour;
    int32_t minute;
    int32_t second;
    int32_t us;
    int64_t julian; /* day; of an interval, that of its numbers taken for a date */
    int64_t day_of_year;
    const char *zone; /* NULL: none */
    int32_t offset_s;
};

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

/* The name that a zone has in times: its abbreviation, or the offset. */
static const char *zone_name(const struct sql_call *call, struct timestamp at, int32_t offset_s) {
    const struct sql_settings *settings = call->context->settings;
    const struct zone *zone = settings == NULL ? NULL : settings->time_zone.zone;
    if (zone != NULL) {
        int64_t second = at.us / US_PER_SECOND - (at.us % US_PER_SECOND < 0 ? 1 : 0);
        return zone_at(zone, second)->abbreviation;
    }
    const char *name = settings == NULL ? "UTC" : settings->time_zone_name;
    if ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z' && strchr(name, '/') == NULL) {
        return name;
    }
    int32_t size = abs(offset_s);
    int32_t minutes = size / 60 % 60;
    return offset_s == 0 ? "UTC"
           : minutes == 0
               ? sql_printf(call->context, "%c%02d", offset_s < 0 ? '-' : '+', size / SECONDS_PER_HOUR)
               : sql_printf(call->context, "%c%02d%02d", offset_s < 0 ? '-' : '+', size / SECONDS_PER_HOUR, minutes);
}

/* The Julian day of numbers that need not be a date: those of an interval are none. */
static int64_t julian_of(int64_t year, int64_t month, int64_t day) {
    bool late = month > 2;
    month += late ? 1 : 13;
    year += late ? 4800 : 4799;
    int64_t century = year / 100;
    return year * 365 - 32167 + year / 4 - century + century / 4 + 7834 * month / 256 + day;
}

/* The Monday of an ISO year's first week: that of January 4. */
static int64_t iso_start(int64_t year) {
    int64_t fourth = julian_of(year, 1, 4);
    return fourth - ((fourth % 7) + 7) % 7;
}

/* The ISO year and week that a day is in, when it is about in that year. */
static int64_t iso_week(const struct parts *parts, int64_t *year) {
    *year = parts->julian < iso_start(parts->year) ? parts->year - 1 : parts->year;
    int64_t week = (parts->julian - iso_start(*year)) / 7 + 1;
    if (week >= 52 && parts->julian >= iso_start(parts->year + 1)) {
        *year = parts->year + 1;
        week = (parts->julian - iso_start(*year)) / 7 + 1;
    }
    return week;
}

static struct parts parts_of_timestamp(const struct sql_call *call, struct timestamp at, bool zoned) {
    struct parts parts = {0};
    if (zoned) {
        parts.offset_s = time_zone_at(sql_datetime(call->context).zone, at.us);
        parts.zone = zone_name(call, at, parts.offset_s);
        check(call, timestamp_to_local(at, time_zone_fixed(parts.offset_s), &at, call->context->error));
    }
    struct civil_time civil = timestamp_to_civil(at);
    parts.year = civil.date.year;
    parts.month = civil.date.month;
    parts.day = civil.date.day;
    parts.hour = civil.hour;
    parts.minute = civil.minute;
    parts.second = civil.second;
    parts.us = civil.us;
    parts.julian = timestamp_to_date(at) - DATE_MIN;
    parts.day_of_year = date_day_of_year(timestamp_to_date(at));
    return parts;
}

static struct parts parts_of_interval(struct interval span) {
    int32_t year = span.months / 12;
    int32_t month = span.months % 12;
    return (struct parts){
        .interval = true,
        .year = year,
        .month = month,
        .day = span.days,
        .hour = span.us / US_PER_HOUR,
        .minute = (int32_t)(span.us / US_PER_MINUTE % 60),
        .second = (int32_t)(span.us / US_PER_SECOND % 60),
        .us = (int32_t)(span.us % US_PER_SECOND),
        .julian = julian_of(year, month, span.days),
        .day_of_year = (int64_t)span.months * 30 + span.days, /* about: what there is */
    };
}

/* --- one field --- */

struct field_writer {
    const struct sql_call *call;
    const struct parts *parts;
    const struct template_item *item;
    struct buffer *out;
};

static bool is_filled(const struct field_writer *writer) {
    return (writer->item->modifiers & TEMPLATE_FILL) != 0;
}

static void write_ordinal(const struct field_writer *writer, size_t start) {
    if ((writer->item->modifiers & TEMPLATE_ORDINAL) != 0) {
        struct slice digits = slice_make(writer->out->bytes + start, writer->out->length - start);
        bool upper = (writer->item->modifiers & TEMPLATE_ORDINAL_UPPER) != 0;
        buffer_append_text(writer->out, template_ordinal(writer->call, digits, upper));
    }
}

/* A number of at least `width` characters, zeros before it; with FM as short as it is. */
static void write_number(const struct field_writer *writer, int64_t value, int width) {
    size_t start = writer->out->length;
    buffer_printf(writer->out, "%0*lld", is_filled(writer) ? 0 : width, (long long)value);
    if (buffer_ok(writer->out)) {
        write_ordinal(writer, start);
    }
}

/* The same where `signed_by` decides whether there is a sign to make room for. */
static void write_signed(const struct field_writer *writer, int64_t value, int width, int64_t signed_by) {
    write_number(writer, value, signed_by >= 0 ? width : width + 1);
}

/* A name in the case of the field's spelling, `letters` of it, with blanks up to the width. */
static void write_name(const struct field_writer *writer, const char *name, size_t letters, int width) {
    const char *spelling = writer->item->field->name;
    bool lower = spelling[0] >= 'a';
    bool upper = !lower && !(spelling[1] >= 'a');
    char text[16] = "";
    for (size_t i = 0; i < letters && i < sizeof text - 1 && name[i] != 0; i++) {
        char letter = name[i];
        bool small = letter >= 'a' && letter <= 'z';
        text[i] = upper && small ? (char)(letter - 32) : lower && !small ? (char)(letter | 0x20) : letter;
    }
    uint8_t bare = writer->item->field->id == DATE_MONTH_ROMAN ? TEMPLATE_FILL : TEMPLATE_FILL | TEMPLATE_TRANSLATED;
    buffer_printf(writer->out, "%-*s", (writer->item->modifiers & bare) != 0 ? 0 : width, text);
}

/* "A.M." or "am": as the field is spelled. */
static void write_word(const struct field_writer *writer, bool second, const char *first_word,
                       const char *second_word) {
    const char *spelling = writer->item->field->name;
    bool dots = spelling[1] == '.';
    const char *word = second ? second_word : first_word;
    for (size_t i = 0; word[i] != 0; i++) {
        buffer_append_byte(writer->out, (uint8_t)(spelling[0] >= 'a' ? word[i] | 0x20 : word[i]));
        if (dots) {
            buffer_append_byte(writer->out, '.');
        }
    }
}

static void write_fraction(const struct field_writer *writer, int digits) {
    int32_t value = writer->parts->us;
    size_t start = writer->out->length;
    for (int i = 6; i > digits; i--) {
        value /= 10;
    }
    buffer_printf(writer->out, "%0*d", digits, value);
    if (buffer_ok(writer->out)) {
        write_ordinal(writer, start);
    }
}

/* The year as people count it: 1 BC is year 1 again. */
static int64_t shown_year(const struct parts *parts, int64_t year) {
    return parts->interval || year > 0 ? year : 1 - year;
}

static void write_year(const struct field_writer *writer, int64_t year, int digits) {
    static const int64_t powers[] = {1, 10, 100, 1000};
    int64_t shown = shown_year(writer->parts, year);
    int64_t part = digits == 4 ? shown : shown % powers[digits];
    if (digits == 1) {
        size_t start = writer->out->length;
        buffer_printf(writer->out, "%1lld", (long long)part);
        if (buffer_ok(writer->out)) {
            write_ordinal(writer, start);
        }
    } else {
        write_signed(writer, part, digits, shown_year(writer->parts, writer->parts->year));
    }
}

static void write_century(const struct field_writer *writer) {
    const struct parts *parts = writer->parts;
    int64_t century = parts->interval   ? parts->year / 100
                      : parts->year > 0 ? (parts->year - 1) / 100 + 1
                                        : parts->year / 100 - 1;
    bool narrow = century <= 99 && century >= -99;
    write_signed(writer, century, narrow ? 2 : 0, narrow ? century : 0);
}

static void write_year_comma(const struct field_writer *writer) {
    int64_t year = shown_year(writer->parts, writer->parts->year);
    size_t start = writer->out->length;
    buffer_printf(writer->out, "%lld,%03lld", (long long)(year / 1000), (long long)(year % 1000));
    if (buffer_ok(writer->out)) {
        write_ordinal(writer, start);
    }
}

static void write_month_roman(const struct field_writer *writer) {
    static const char *const upper[] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};
    const struct parts *parts = writer->parts;
    if (parts->month == 0 && parts->year == 0) {
        return;
    }
    /* whole years of an interval: December after, January before; a negative month counts from December */
    int32_t month = parts->month == 0  ? (parts->year >= 0 ? 12 : 1)
                    : parts->month < 0 ? 13 + parts->month
                                       : parts->month;
    write_name(writer, upper[month - 1], ROMAN_WIDTH, ROMAN_WIDTH);
}

static void write_offset(const struct field_writer *writer) {
    int32_t size = abs(writer->parts->offset_s);
    buffer_printf(writer->out, "%c%0*d", writer->parts->offset_s < 0 ? '-' : '+', is_filled(writer) ? 0 : 2,
                  size / SECONDS_PER_HOUR);
    if (size % SECONDS_PER_HOUR != 0) {
        buffer_printf(writer->out, ":%02d", size % SECONDS_PER_HOUR / 60);
    }
}

static void write_zone(const struct field_writer *writer) {
    const char *zone = writer->parts->zone;
    bool lower = writer->item->field->name[0] == 't';
    for (size_t i = 0; zone != NULL && zone[i] != 0; i++) {
        bool big = zone[i] >= 'A' && zone[i] <= 'Z';
        buffer_append_byte(writer->out, (uint8_t)(lower && big ? zone[i] + 32 : zone[i]));
    }
}

/* Fields of the clock, which intervals have too. False: it is another. */
static bool write_clock(const struct field_writer *writer, enum date_field field) {
    const struct parts *parts = writer->parts;
    switch (field) {
    case DATE_AM:
    case DATE_AM_DOTS:
        write_word(writer, parts->hour % 24 >= 12, "AM", "PM");
        return true;
    case DATE_HOUR_12:
        write_signed(writer, parts->hour % 12 == 0 ? 12 : parts->hour % 12, 2, parts->hour);
        return true;
    case DATE_HOUR_24:
        write_signed(writer, parts->hour, 2, parts->hour);
        return true;
    case DATE_MINUTE:
        write_signed(writer, parts->minute, 2, parts->minute);
        return true;
    case DATE_SECOND:
        write_signed(writer, parts->second, 2, parts->second);
        return true;
    case DATE_SECOND_OF_DAY:
        write_number(writer, parts->hour * SECONDS_PER_HOUR + parts->minute * 60 + parts->second, 0);
        return true;
    case DATE_FRACTION_1:
    case DATE_FRACTION_2:
    case DATE_FRACTION_3:
    case DATE_FRACTION_4:
    case DATE_FRACTION_5:
    case DATE_FRACTION_6:
        write_fraction(writer, (int)field - DATE_FRACTION_1 + 1);
        return true;
    case DATE_MS:
        write_fraction(writer, 3);
        return true;
    case DATE_US:
        write_fraction(writer, 6);
        return true;
    default:
        return false;
    }
}

/* Fields of the calendar that an interval has too. */
static bool write_span(const struct field_writer *writer, enum date_field field) {
    const struct parts *parts = writer->parts;
    int64_t iso_year = 0;
    int64_t week = iso_week(parts, &iso_year);
    switch (field) {
    case DATE_MONTH:
        write_signed(writer, parts->month, 2, parts->month);
        return true;
    case DATE_DAY_OF_YEAR:
        write_number(writer, parts->day_of_year, 3);
        return true;
    case DATE_DAY:
        write_number(writer, parts->day, 2);
        return true;
    case DATE_WEEK:
        write_number(writer, (parts->day_of_year - 1) / 7 + 1, 2);
        return true;
    case DATE_QUARTER:
        if (parts->month != 0) {
            write_number(writer, (parts->month - 1) / 3 + 1, 0);
        }
        return true;
    case DATE_CENTURY:
        write_century(writer);
        return true;
    case DATE_YEAR_COMMA:
        write_year_comma(writer);
        return true;
    case DATE_YEAR_4:
    case DATE_YEAR_3:
    case DATE_YEAR_2:
    case DATE_YEAR_1:
        write_year(writer, parts->year, 4 - ((int)field - DATE_YEAR_4));
        return true;
    case DATE_MONTH_ROMAN:
        write_month_roman(writer);
        return true;
    case DATE_ISO_DAY_OF_YEAR:
        write_number(writer, parts->julian - iso_start(iso_year) + 1, 3);
        return true;
    case DATE_ISO_WEEK:
        write_number(writer, week, 2);
        return true;
    case DATE_ISO_YEAR_4:
    case DATE_ISO_YEAR_3:
    case DATE_ISO_YEAR_2:
    case DATE_ISO_YEAR_1:
        write_year(writer, iso_year, 4 - ((int)field - DATE_ISO_YEAR_4));
        return true;
    case DATE_JULIAN:
        write_number(writer, parts->julian, 0);
        return true;
    case DATE_WEEK_OF_MONTH:
        write_number(writer, (parts->day - 1) / 7 + 1, 0);
        return true;
    case DATE_EXACT:
        return true;
    default:
        return false;
    }
}

/* Fields that only a day of the calendar has. */
static void write_calendar(const struct field_writer *writer, enum date_field field) {
    const struct parts *parts = writer->parts;
    int32_t weekday = date_day_of_week(parts->julian + DATE_MIN);
    switch (field) {
    case DATE_AD:
    case DATE_AD_DOTS:
        write_word(writer, parts->year <= 0, "AD", "BC");
        break;
    case DATE_MONTH_NAME:
        write_name(writer, date_month_names[parts->month - 1], SIZE_MAX, NAME_WIDTH);
        break;
    case DATE_MONTH_SHORT:
        write_name(writer, date_month_names[parts->month - 1], DATE_SHORT_NAME, 0);
        break;
    case DATE_DAY_NAME:
        write_name(writer, date_day_names[weekday], SIZE_MAX, NAME_WIDTH);
        break;
    case DATE_DAY_SHORT:
        write_name(writer, date_day_names[weekday], DATE_SHORT_NAME, 0);
        break;
    case DATE_DAY_OF_WEEK:
        write_number(writer, weekday + 1, 0);
        break;
    case DATE_ISO_DAY:
        write_number(writer, weekday == 0 ? 7 : weekday, 0);
        break;
    case DATE_ZONE:
        write_zone(writer);
        break;
    case DATE_ZONE_HOUR:
        buffer_printf(writer->out, "%c%02d", parts->offset_s < 0 ? '-' : '+', abs(parts->offset_s) / SECONDS_PER_HOUR);
        break;
    case DATE_ZONE_MINUTE:
        buffer_printf(writer->out, "%02d", abs(parts->offset_s) % SECONDS_PER_HOUR / 60);
        break;
    case DATE_OFFSET:
        write_offset(writer);
        break;
    default:
        ASSERT(false);
    }
}

static struct slice written(const struct sql_call *call, const struct template *template, const struct parts *parts,
                            struct buffer *out) {
    for (uint32_t i = 0; i < template->count; i++) {
        const struct template_item *item = &template->items[i];
        struct field_writer writer = {.call = call, .parts = parts, .item = item, .out = out};
        if (item->kind != TEMPLATE_FIELD) {
            buffer_append_slice(out, item->text);
            continue;
        }
        enum date_field field = (enum date_field)item->field->id;
        if (write_clock(&writer, field) || write_span(&writer, field)) {
            continue;
        }
        if (parts->interval) {
            sql_raise_with(call->context, KMB_INVALID_DATETIME, call->position, NULL,
                           "Intervals are not tied to specific calendar dates.",
                           "invalid format specification for an interval value");
        }
        write_calendar(&writer, field);
    }
    return json_buffer_keep(call, out);
}

static void fn_to_char(SCALAR_PARAMETERS) {
    struct buffer *out = json_buffer(call);
    struct template template = {0};
    bool interval = call->argument_types[0].id == TYPE_INTERVAL;
    bool zoned = call->argument_types[0].id == TYPE_TIMESTAMPTZ;
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(1, row);
        if (row_n == 0 || !arguments[1]->constant) {
            template = date_template_read(call, text);
        }
        uint32_t at = vector_row(arguments[0], row);
        if (text.length == 0 || (!interval && !timestamp_is_finite(arguments[0]->timestamp[at]))) {
            result_null(result, row);
            continue;
        }
        struct parts parts = interval ? parts_of_interval(arguments[0]->interval[at])
                                      : parts_of_timestamp(call, arguments[0]->timestamp[at], zoned);
        result->bytes[row] = written(call, &template, &parts, out);
    }
    json_buffer_free(call, out);
}

/* timeofday(): the clock as text. */
static void fn_timeofday(SCALAR_PARAMETERS) {
    struct template template = date_template_read(call, slice_text("Dy Mon DD HH24:MI:SS.US YYYY TZ"));
    struct buffer *out = json_buffer(call);
    EACH_ROW(row) {
        struct parts parts = parts_of_timestamp(call, timestamp_of_us(datetime_clock_us(call)), true);
        result->bytes[row] = written(call, &template, &parts, out);
    }
    json_buffer_free(call, out);
}

/* clang-format off */
#define TO_CHAR(type)                                                                                                  \
    {.class = SQL_FUNCTION_SCALAR, .name = "to_char", .scalar = fn_to_char, .result = TYPE_TEXT,                       \
     .summary = "time as a template writes it", .strict = true, .volatility = SQL_STABLE, .argument_count = 2,         \
     .arguments = {type, TYPE_TEXT}}

static const struct sql_function to_char_datetime_rows[] = {
    TO_CHAR(TYPE_TIMESTAMP), TO_CHAR(TYPE_TIMESTAMPTZ), TO_CHAR(TYPE_INTERVAL),
    {.class = SQL_FUNCTION_SCALAR, .name = "timeofday", .scalar = fn_timeofday, .result = TYPE_TEXT, .strict = true,
     .volatility = SQL_VOLATILE, .summary = "the clock as text, while the statement runs"},
};
/* clang-format on */

struct function_rows function_rows_to_char_datetime(void) {
    return FUNCTION_ROWS(to_char_datetime_rows);
}
