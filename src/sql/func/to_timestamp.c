/*
 * to_date, to_timestamp and .datetime() of SQL/JSON paths: text read by a template.
 *
 * In two steps: the template's fields are read from the text into `struct fields`, where a number that was not given is
 * 0; then they are put together, the more exact ones winning. Between fields blanks and separators are matched
 * loosely, unless FX stands in the template. Rules, limits and messages are PostgreSQL's.
 */
#include <limits.h>

#include "base/assert.h"
#include "sql/func/loops.h"
#include "sql/func/template_datetime.h"
#include "types/datetime.h"

#define ZONE_HOUR_MAX 15

struct fields {
    enum date_calendar calendar;
    int32_t hour, minute, second, second_of_day, ms, us;
    int32_t day, day_of_week, day_of_year, month, year, century, week, week_of_month, julian;
    int32_t before_christ; /* 1: BC */
    int32_t afternoon;     /* 1: PM */
    int32_t year_digits;
    int32_t fraction; /* digits that FF asked for */
    int32_t zone_sign, zone_hour, zone_minute;
    bool twelve; /* a clock of 12 hours */
};

struct reader {
    const struct sql_call *call;
    const struct template *template;
    const struct template_item *item; /* in hand */
    struct slice input;
    size_t at;
    int64_t skipped; /* characters skipped more than the template has */
    bool exact;      /* FX */
    bool standard;   /* FX, and nothing of template or text is left over */
    struct fields fields;
};

static const char *const no_fill_hint = "If your source string is not fixed-width, try using the \"FM\" modifier.";

static void check(const struct sql_call *call, enum kmb_status status) {
    if (__builtin_expect(status != KMB_OK, 0)) {
        sql_raise_status(call->context, status, call->position);
    }
}

static uint8_t byte_at(const struct reader *reader, size_t at) {
    return at < reader->input.length ? reader->input.bytes[at] : 0;
}

static bool at_end(const struct reader *reader) {
    return reader->at >= reader->input.length;
}

static const char *field_name(const struct reader *reader) {
    return reader->item->field->name;
}

static void skip_character(struct reader *reader) {
    if (!at_end(reader)) {
        reader->at += template_character(reader->input, reader->at);
    }
}

static void skip_blanks(struct reader *reader) {
    while (!at_end(reader) && template_blank(byte_at(reader, reader->at))) {
        reader->at++;
        reader->skipped++;
    }
}

/* --- numbers and names --- */

static void set_field(const struct reader *reader, int32_t *field, int32_t value) {
    if (*field != 0 && *field != value) {
        sql_raise_with(reader->call->context, KMB_INVALID_DATETIME, reader->call->position,
                       "This value contradicts a previous setting for the same field type.", NULL,
                       "conflicting values for \"%s\" field in formatting string", field_name(reader));
    }
    *field = value;
}

/* Whether what follows the field in hand ends a number, so that all its digits may be taken. */
static bool ends_number(const struct reader *reader) {
    const struct template_item *next = reader->item + 1;
    if ((reader->item->modifiers & TEMPLATE_ORDINAL) != 0 ||
        next == reader->template->items + reader->template->count) {
        return true;
    }
    if (next->kind == TEMPLATE_FIELD) {
        return !next->field->digits;
    }
    return next->text.length != 1 || next->text.bytes[0] < '0' || next->text.bytes[0] > '9';
}

/* A number with blanks and a sign before it, of bytes before `end`; *stop is behind it, or at `from` for none. */
static int64_t number_at(const struct reader *reader, size_t from, size_t end, size_t *stop) {
    size_t at = from;
    while (at < end && template_blank(byte_at(reader, at))) {
        at++;
    }
    bool negative = at < end && byte_at(reader, at) == '-';
    at += at < end && (negative || byte_at(reader, at) == '+');
    int64_t value = 0;
    size_t first = at;
    for (; at < end && byte_at(reader, at) >= '0' && byte_at(reader, at) <= '9'; at++) {
        value = value > INT_MAX ? value : value * 10 + (byte_at(reader, at) - '0');
    }
    *stop = at == first ? from : at;
    return negative ? -value : value;
}

static struct slice cut(const struct reader *reader, size_t length) {
    size_t left = reader->input.length - reader->at;
    return slice_make(reader->input.bytes + reader->at, left < length ? left : length);
}

static _Noreturn void raise_short(const struct reader *reader, size_t length, size_t found) {
    struct sql_context *context = reader->call->context;
    sql_raise_with(context, KMB_INVALID_DATETIME, reader->call->position,
                   sql_printf(context, "Field requires %zu characters, but only %zu remain.", length, found),
                   no_fill_hint, "source string too short for \"%s\" formatting field", field_name(reader));
}

static _Noreturn void raise_value(const struct reader *reader, struct slice value, const char *detail,
                                  const char *hint) {
    sql_raise_with(reader->call->context, KMB_INVALID_DATETIME, reader->call->position, detail, hint,
                   "invalid value \"%.*s\" for \"%s\"", (int)(value.length > 1024 ? 1024 : value.length),
                   (const char *)value.bytes, field_name(reader));
}

/* Reads a number into the field (NULL: nowhere): `length` characters, or all there are. Gives how many it took. */
static size_t read_number_of(struct reader *reader, int32_t *field, size_t length) {
    struct sql_context *context = reader->call->context;
    size_t start = reader->at;
    while (template_blank(byte_at(reader, reader->at))) {
        reader->at++;
    }
    struct slice copy = cut(reader, length);
    size_t left = reader->input.length - reader->at;
    size_t stop = 0;
    int64_t value = 0;
    if ((reader->item->modifiers & TEMPLATE_FILL) != 0 || ends_number(reader)) {
        value = number_at(reader, start, reader->input.length, &stop);
    } else {
        if (left < length) {
            raise_short(reader, length, left);
        }
        value = number_at(reader, reader->at, reader->at + length, &stop);
        size_t used = stop - reader->at;
        if (used > 0 && used < length) {
            raise_value(
                reader, copy,
                sql_printf(context, "Field requires %zu characters, but only %zu could be parsed.", length, used),
                no_fill_hint);
        }
    }
    if (stop == start) {
        raise_value(reader, copy, "Value must be an integer.", NULL);
    }
    reader->at = stop;
    if (value < INT_MIN || value > INT_MAX) {
        sql_raise_with(context, KMB_DATETIME_OVERFLOW, reader->call->position,
                       "Value must be in the range -2147483648 to 2147483647.", NULL,
                       "value for \"%s\" in source string is out of range", field_name(reader));
    }
    if (field != NULL) {
        set_field(reader, field, (int32_t)value);
    }
    return reader->at - start;
}

/* As many characters as the field's spelling has. */
static size_t read_number(struct reader *reader, int32_t *field) {
    return read_number_of(reader, field, strlen(field_name(reader)));
}

/* Behind a number: TH takes two characters, whatever they are. */
static void skip_ordinal(struct reader *reader) {
    if ((reader->item->modifiers & TEMPLATE_ORDINAL) != 0) {
        skip_character(reader);
        skip_character(reader);
    }
}

static bool word_at(const struct reader *reader, const char *word, size_t letters) {
    for (size_t i = 0; i < letters; i++) {
        uint8_t a = byte_at(reader, reader->at + i);
        uint8_t b = (uint8_t)word[i];
        a = a >= 'A' && a <= 'Z' ? a | 0x20 : a;
        b = b >= 'A' && b <= 'Z' ? b | 0x20 : b;
        if (a != b) {
            return false;
        }
    }
    return true;
}

/* The first of the words that stands in the text; letters of each: at most so many. */
static int32_t read_word(struct reader *reader, const char *const *words, size_t count, size_t letters) {
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        length = length < letters ? length : letters;
        if (word_at(reader, words[i], length)) {
            reader->at += length;
            return (int32_t)i;
        }
    }
    size_t length = 0;
    struct slice rest = cut(reader, SIZE_MAX);
    while (length < rest.length && !template_blank(rest.bytes[length])) {
        length++;
    }
    raise_value(reader, slice_make(rest.bytes, length),
                "The given value did not match any of the allowed values for this field.", NULL);
}

/* --- fields --- */

/* A year of fewer digits is the one nearest to 2020. */
static int32_t full_year(int32_t year) {
    return year < 70     ? year + 2000
           : year < 100  ? year + 1900
           : year < 520  ? year + 2000
           : year < 1000 ? year + 1000
                         : year;
}

static void read_year(struct reader *reader, int32_t digits) {
    size_t taken = read_number(reader, &reader->fields.year);
    if (digits < 4 && taken < 4) {
        reader->fields.year = full_year(reader->fields.year);
    }
    reader->fields.year_digits = digits;
    skip_ordinal(reader);
}

static void read_year_comma(struct reader *reader) {
    size_t stop = 0;
    size_t end = 0;
    int64_t thousands = number_at(reader, reader->at, reader->input.length, &stop);
    bool good = stop > reader->at && byte_at(reader, stop) == ',';
    size_t blank = stop + 1;
    while (good && template_blank(byte_at(reader, blank))) {
        blank++;
    }
    size_t limit = blank + 3 < reader->input.length ? blank + 3 : reader->input.length;
    int64_t years = good ? number_at(reader, blank, limit, &end) : 0;
    if (!good || end == blank) {
        sql_raise(reader->call->context, KMB_INVALID_DATETIME, reader->call->position,
                  "invalid input string for \"Y,YYY\"");
    }
    set_field(reader, &reader->fields.year, (int32_t)(uint32_t)(years + thousands * 1000));
    reader->fields.year_digits = 4;
    reader->at = end;
    skip_ordinal(reader);
}

/* A fraction of a second of at most six digits, as microseconds. */
static void read_fraction(struct reader *reader, size_t digits) {
    static const int32_t factors[] = {1, 100000, 10000, 1000, 100, 10, 1};
    size_t taken = read_number_of(reader, &reader->fields.us, digits);
    int64_t us = (int64_t)reader->fields.us * factors[taken < ARRAY_LENGTH(factors) ? taken : 0];
    reader->fields.us = (int32_t)us;
    skip_ordinal(reader);
}

static void read_ms(struct reader *reader) {
    size_t taken = read_number_of(reader, &reader->fields.ms, 3);
    reader->fields.ms = (int32_t)((int64_t)reader->fields.ms * (taken == 1 ? 100 : taken == 2 ? 10 : 1));
    skip_ordinal(reader);
}

/* Its sign may have been skipped as a separator before it. */
static void read_zone_hour(struct reader *reader) {
    uint8_t byte = byte_at(reader, reader->at);
    if (byte == '+' || byte == '-' || byte == ' ') {
        reader->fields.zone_sign = byte == '-' ? -1 : 1;
        reader->at++;
    } else {
        bool minus = reader->skipped > 0 && reader->at > 0 && byte_at(reader, reader->at - 1) == '-';
        reader->fields.zone_sign = minus ? -1 : 1;
    }
    (void)read_number_of(reader, &reader->fields.zone_hour, 2);
}

static void read_half(struct reader *reader, enum date_field field) {
    static const char *const noon[] = {"am", "pm"};
    static const char *const noon_dots[] = {"a.m.", "p.m."};
    static const char *const era[] = {"ad", "bc"};
    static const char *const era_dots[] = {"a.d.", "b.c."};
    bool clock = field == DATE_AM || field == DATE_AM_DOTS;
    const char *const *words = field == DATE_AM        ? noon
                               : field == DATE_AM_DOTS ? noon_dots
                               : field == DATE_AD      ? era
                                                       : era_dots;
    int32_t value = read_word(reader, words, 2, SIZE_MAX);
    set_field(reader, clock ? &reader->fields.afternoon : &reader->fields.before_christ, value);
    reader->fields.twelve = reader->fields.twelve || clock;
}

static void read_month_name(struct reader *reader, enum date_field field) {
    static const char *const roman[] = {"xii", "xi", "x", "ix", "viii", "vii", "vi", "v", "iv", "iii", "ii", "i"};
    if (field == DATE_MONTH_ROMAN) {
        set_field(reader, &reader->fields.month, 12 - read_word(reader, roman, 12, SIZE_MAX));
        return;
    }
    size_t letters = field == DATE_MONTH_NAME ? SIZE_MAX : DATE_SHORT_NAME;
    set_field(reader, &reader->fields.month, read_word(reader, date_month_names, 12, letters) + 1);
}

static void read_day_name(struct reader *reader, size_t letters) {
    set_field(reader, &reader->fields.day_of_week, read_word(reader, date_day_names, 7, letters));
    reader->fields.day_of_week++;
}

static void read_iso_day(struct reader *reader) {
    (void)read_number_of(reader, &reader->fields.day_of_week, 1);
    int64_t day = (int64_t)reader->fields.day_of_week + 1;
    reader->fields.day_of_week = day > 7 ? 1 : (int32_t)day;
    skip_ordinal(reader);
}

/* The fields that are one number, and where it goes; NULL: another field. */
static int32_t *plain_number(struct fields *fields, enum date_field field) {
    switch (field) {
    case DATE_MINUTE:
        return &fields->minute;
    case DATE_SECOND:
        return &fields->second;
    case DATE_SECOND_OF_DAY:
        return &fields->second_of_day;
    case DATE_MONTH:
        return &fields->month;
    case DATE_DAY:
        return &fields->day;
    case DATE_DAY_OF_YEAR:
        return &fields->day_of_year;
    case DATE_DAY_OF_WEEK:
        return &fields->day_of_week;
    case DATE_WEEK:
    case DATE_ISO_WEEK:
        return &fields->week;
    case DATE_CENTURY:
        return &fields->century;
    case DATE_WEEK_OF_MONTH:
        return &fields->week_of_month;
    case DATE_JULIAN:
        return &fields->julian;
    default:
        return NULL;
    }
}

/* Numbers of the clock whose length is not that of their spelling. */
static bool read_clock(struct reader *reader, enum date_field field) {
    struct fields *fields = &reader->fields;
    switch (field) {
    case DATE_HOUR_12:
        (void)read_number_of(reader, &fields->hour, 2);
        fields->twelve = true;
        skip_ordinal(reader);
        return true;
    case DATE_HOUR_24:
        (void)read_number_of(reader, &fields->hour, 2);
        skip_ordinal(reader);
        return true;
    case DATE_MS:
        read_ms(reader);
        return true;
    case DATE_FRACTION_1:
    case DATE_FRACTION_2:
    case DATE_FRACTION_3:
    case DATE_FRACTION_4:
    case DATE_FRACTION_5:
    case DATE_FRACTION_6:
        fields->fraction = (int32_t)field - DATE_FRACTION_1 + 1;
        read_fraction(reader, (size_t)fields->fraction);
        return true;
    case DATE_US:
        read_fraction(reader, 6);
        return true;
    case DATE_ZONE_HOUR:
        read_zone_hour(reader);
        return true;
    case DATE_ZONE_MINUTE:
        fields->zone_sign = fields->zone_sign == 0 ? 1 : fields->zone_sign;
        (void)read_number_of(reader, &fields->zone_minute, 2);
        return true;
    case DATE_ZONE:
    case DATE_OFFSET:
        sql_raise(reader->call->context, KMB_UNSUPPORTED, reader->call->position,
                  "formatting field \"%s\" is only supported in to_char", field_name(reader));
    default:
        return false;
    }
}

static void read_calendar(struct reader *reader, enum date_field field) {
    switch (field) {
    case DATE_AM:
    case DATE_AM_DOTS:
    case DATE_AD:
    case DATE_AD_DOTS:
        read_half(reader, field);
        break;
    case DATE_MONTH_NAME:
    case DATE_MONTH_SHORT:
    case DATE_MONTH_ROMAN:
        read_month_name(reader, field);
        break;
    case DATE_DAY_NAME:
    case DATE_DAY_SHORT:
        read_day_name(reader, field == DATE_DAY_NAME ? SIZE_MAX : DATE_SHORT_NAME);
        break;
    case DATE_ISO_DAY_OF_YEAR:
        (void)read_number_of(reader, &reader->fields.day_of_year, 3);
        skip_ordinal(reader);
        break;
    case DATE_ISO_DAY:
        read_iso_day(reader);
        break;
    case DATE_QUARTER: /* read, and not used: it may stand beside a month */
        (void)read_number(reader, NULL);
        skip_ordinal(reader);
        break;
    case DATE_YEAR_COMMA:
        read_year_comma(reader);
        break;
    case DATE_YEAR_4:
    case DATE_YEAR_3:
    case DATE_YEAR_2:
    case DATE_YEAR_1:
        read_year(reader, 4 - ((int32_t)field - DATE_YEAR_4));
        break;
    case DATE_ISO_YEAR_4:
    case DATE_ISO_YEAR_3:
    case DATE_ISO_YEAR_2:
    case DATE_ISO_YEAR_1:
        read_year(reader, 4 - ((int32_t)field - DATE_ISO_YEAR_4));
        break;
    case DATE_EXACT:
        reader->exact = true;
        break;
    default:
        ASSERT(false);
    }
}

static void read_field(struct reader *reader) {
    enum date_field field = (enum date_field)reader->item->field->id;
    enum date_calendar calendar = (enum date_calendar)reader->item->field->calendar;
    int32_t *number = plain_number(&reader->fields, field);
    if (calendar != DATE_CALENDAR_NONE) {
        if (reader->fields.calendar != DATE_CALENDAR_NONE && reader->fields.calendar != calendar) {
            sql_raise_with(reader->call->context, KMB_INVALID_DATETIME, reader->call->position, NULL,
                           "Do not mix Gregorian and ISO week date conventions in a formatting template.",
                           "invalid combination of date conventions");
        }
        reader->fields.calendar = calendar;
    }
    if (number != NULL) {
        (void)read_number(reader, number);
        skip_ordinal(reader);
    } else if (!read_clock(reader, field)) {
        read_calendar(reader, field);
    }
}

/* What stands between fields. */
static void read_between(struct reader *reader) {
    bool separator = reader->item->kind != TEMPLATE_TEXT;
    uint8_t byte = byte_at(reader, reader->at);
    struct slice text = reader->item->text;
    if (reader->standard && !slice_equal(cut(reader, text.length), text)) {
        sql_raise(reader->call->context, KMB_INVALID_DATETIME, reader->call->position, "unmatched format %s \"%.*s\"",
                  separator ? "separator" : "character", (int)text.length, (const char *)text.bytes);
    }
    if (reader->exact) {
        skip_character(reader);
    } else if (separator) {
        reader->skipped--;
        if (template_blank(byte) || template_separator(byte)) {
            reader->at++;
            reader->skipped++;
        }
    } else if (reader->skipped > 0) {
        reader->skipped--;
    } else {
        skip_character(reader);
    }
}

static void want_end(struct reader *reader, bool template_ended) {
    if (!template_ended) {
        sql_raise(reader->call->context, KMB_INVALID_DATETIME, reader->call->position,
                  "input string is too short for datetime format");
    }
    skip_blanks(reader);
    if (!at_end(reader)) {
        sql_raise(reader->call->context, KMB_INVALID_DATETIME, reader->call->position,
                  "trailing characters remain in input string after datetime format");
    }
}

static struct fields read_fields(const struct sql_call *call, const struct template *template, struct slice input,
                                 bool standard) {
    struct reader reader = {
        .call = call, .template = template, .input = input, .exact = standard, .standard = standard};
    uint32_t i = 0;
    for (; i < template->count && !at_end(&reader); i++) {
        reader.item = &template->items[i];
        bool field = reader.item->kind == TEMPLATE_FIELD;
        bool exact = field && reader.item->field->id == DATE_EXACT;
        if (!reader.exact && !exact && (field || i == 0)) {
            skip_blanks(&reader);
        }
        if (!field) {
            read_between(&reader);
            continue;
        }
        read_field(&reader);
        if (!reader.exact) {
            reader.skipped = 0;
            skip_blanks(&reader);
        }
    }
    if (standard) {
        want_end(&reader, i == template->count);
    }
    return reader.fields;
}

/* --- putting together --- */

/* Of a moment, not checked yet. */
struct parts {
    int64_t year;
    int64_t month;
    int64_t day;
    int32_t hour, minute, second;
    int64_t us;
    bool has_year, has_month, has_day;
};

static void set_date(struct parts *parts, int64_t julian) {
    struct civil_date date = date_to_civil(julian + DATE_MIN);
    parts->year = date.year;
    parts->month = date.month;
    parts->day = date.day;
    parts->has_year = true;
    parts->has_month = true;
    parts->has_day = true;
}

static void set_clock(const struct sql_call *call, const struct fields *fields, struct parts *parts) {
    parts->hour = fields->hour != 0 ? fields->hour : fields->second_of_day / 3600;
    parts->minute = fields->minute != 0 ? fields->minute : fields->second_of_day % 3600 / 60;
    parts->second = fields->second != 0 ? fields->second : fields->second_of_day % 60;
    parts->us = (int64_t)fields->ms * 1000 + fields->us;
    if (!fields->twelve) {
        return;
    }
    if (parts->hour < 1 || parts->hour > 12) {
        sql_raise_with(call->context, KMB_INVALID_DATETIME, call->position, NULL,
                       "Use the 24-hour clock, or give an hour between 1 and 12.",
                       "hour \"%d\" is invalid for the 12-hour clock", parts->hour);
    }
    if (fields->afternoon != 0 && parts->hour < 12) {
        parts->hour += 12;
    } else if (fields->afternoon == 0 && parts->hour == 12) {
        parts->hour = 0;
    }
}

/* The year, astronomical, of year, century and era: two digits are a year of the century where that is given. */
static void set_year(const struct fields *fields, struct parts *parts) {
    int64_t century = fields->before_christ != 0 ? -(int64_t)fields->century : fields->century;
    if (fields->year == 0 && fields->century == 0) {
        return;
    }
    parts->has_year = true;
    if (fields->year == 0) {
        parts->year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
    } else if (fields->century != 0 && fields->year_digits <= 2) {
        int64_t year = fields->year % 100;
        parts->year = year == 0      ? century * 100 + (century >= 0 ? 0 : 1)
                      : century >= 0 ? year + (century - 1) * 100
                                     : (century + 1) * 100 - year + 1;
    } else {
        parts->year = fields->before_christ != 0 ? -(int64_t)fields->year : fields->year;
        parts->year += parts->year < 0;
    }
}

/* Julian day of the Monday that begins an ISO week. */
static int64_t iso_week_start(int64_t year, int64_t week) {
    int64_t fourth = date_of_civil(year, 1, 4) - DATE_MIN;
    return fourth - ((fourth % 7) + 7) % 7 + (week - 1) * 7;
}

static void set_day_of_year(const struct sql_call *call, const struct fields *fields, int64_t day,
                            struct parts *parts) {
    if (parts->year == 0 && fields->before_christ == 0) {
        sql_raise(call->context, KMB_INVALID_DATETIME, call->position,
                  "cannot calculate day of year without year information");
    }
    if (fields->calendar == DATE_ISO) {
        set_date(parts, iso_week_start(parts->year, 1) - 1 + day);
        return;
    }
    int64_t month = 1;
    int64_t before = 0;
    int64_t rest = day;
    while (month <= 12 && day > before + date_month_length(parts->year, (int32_t)month)) {
        before += date_month_length(parts->year, (int32_t)month);
        rest = day - before;
        month++;
    }
    parts->month = parts->month <= 1 ? month : parts->month;
    parts->day = parts->day <= 1 ? rest : parts->day;
    parts->has_month = true;
    parts->has_day = true;
}

static void set_day(const struct sql_call *call, const struct fields *fields, struct parts *parts) {
    int64_t day_of_year = fields->day_of_year;
    int64_t day = fields->day;
    if (fields->julian != 0) {
        set_date(parts, (int64_t)(uint32_t)((int64_t)fields->julian + 32044) - 32044);
    }
    if (fields->week != 0 && fields->calendar == DATE_ISO) {
        int64_t monday = iso_week_start(parts->year, fields->week);
        int64_t weekday = fields->day_of_week; /* from Sunday, 1; 0: Monday is meant */
        set_date(parts, weekday == 0 ? monday : weekday > 1 ? monday + weekday - 2 : monday + 6);
    } else if (fields->week != 0) {
        day_of_year = ((int64_t)fields->week - 1) * 7 + 1;
    }
    if (fields->week_of_month != 0) {
        day = ((int64_t)fields->week_of_month - 1) * 7 + 1;
    }
    if (day != 0) {
        parts->day = day;
        parts->has_day = true;
    }
    if (fields->month != 0) {
        parts->month = fields->month;
        parts->has_month = true;
    }
    if (day_of_year != 0 && (parts->month <= 1 || parts->day <= 1)) {
        set_day_of_year(call, fields, day_of_year, parts);
    }
}

static bool parts_valid(const struct parts *parts) {
    bool whole = parts->has_year && parts->has_month && parts->has_day;
    if ((parts->has_month && (parts->month < 1 || parts->month > 12)) ||
        (parts->has_day && (parts->day < 1 || parts->day > 31)) ||
        (whole && parts->day > date_month_length(parts->year, (int32_t)parts->month))) {
        return false;
    }
    return parts->hour >= 0 && parts->hour < 24 && parts->minute >= 0 && parts->minute < 60 && parts->second >= 0 &&
           parts->second < 60 && parts->us >= 0 && parts->us < US_PER_SECOND;
}

static struct parts parts_of(const struct sql_call *call, const struct fields *fields, struct slice input) {
    struct parts parts = {.month = 1, .day = 1};
    set_clock(call, fields, &parts);
    set_year(fields, &parts);
    set_day(call, fields, &parts);
    if (!parts_valid(&parts)) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "date/time field value out of range: \"%.*s\"",
                  (int)input.length, (const char *)input.bytes);
    }
    if (fields->zone_sign != 0 && (fields->zone_hour < 0 || fields->zone_hour > ZONE_HOUR_MAX ||
                                   fields->zone_minute < 0 || fields->zone_minute >= 60)) {
        sql_raise(call->context, KMB_INVALID_ZONE_OFFSET, call->position,
                  "time zone displacement out of range: \"%.*s\"", (int)input.length, (const char *)input.bytes);
    }
    return parts;
}

static bool parts_days(const struct parts *parts, int64_t *days) {
    if (parts->year < -4714 || parts->year > 5874898) {
        return false;
    }
    *days = date_of_civil(parts->year, (int32_t)parts->month, (int32_t)parts->day);
    return *days >= DATE_MIN && *days <= DATE_MAX;
}

static int64_t days_of(const struct sql_call *call, const struct parts *parts, struct slice input) {
    int64_t days = 0;
    if (!parts_days(parts, &days)) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "date out of range: \"%.*s\"",
                  (int)input.length, (const char *)input.bytes);
    }
    return days;
}

static int64_t clock_of(const struct parts *parts) {
    return ((int64_t)parts->hour * 3600 + parts->minute * 60 + parts->second) * US_PER_SECOND + parts->us;
}

static int32_t precision_of(const struct fields *fields) {
    return fields->fraction != 0 ? fields->fraction : -1;
}

static int32_t offset_of(const struct fields *fields) {
    return fields->zone_sign * (fields->zone_hour * 3600 + fields->zone_minute * 60);
}

static struct timestamp timestamp_of(const struct sql_call *call, const struct fields *fields,
                                     const struct parts *parts, struct time_zone zone) {
    struct kmb_error *error = call->context->error;
    int64_t days = 0;
    struct timestamp at = {0};
    if (!parts_days(parts, &days) || __builtin_mul_overflow(days, US_PER_DAY, &at.us) ||
        __builtin_add_overflow(at.us, clock_of(parts), &at.us) || !timestamp_valid(at)) {
        sql_raise(call->context, KMB_DATETIME_OVERFLOW, call->position, "timestamp out of range");
    }
    check(call, timestamp_to_utc(at, zone, &at, error));
    check(call, timestamp_apply_modifier(at, precision_of(fields), &at, error));
    return at;
}

static void read_rows(SCALAR_PARAMETERS, bool date) {
    struct template template = {0};
    EACH_ROW(row) {
        if (row_n == 0 || !arguments[1]->constant) {
            template = date_template_read(call, ARGUMENT_BYTES(1, row));
        }
        struct slice input = ARGUMENT_BYTES(0, row);
        struct fields fields = read_fields(call, &template, input, false);
        struct parts parts = parts_of(call, &fields, input);
        if (date) {
            result->integer[row] = days_of(call, &parts, input);
        } else {
            struct time_zone session = sql_datetime(call->context).zone;
            struct time_zone zone = fields.zone_sign != 0 ? time_zone_fixed(offset_of(&fields)) : session;
            result->timestamp[row] = timestamp_of(call, &fields, &parts, zone);
        }
    }
}

static void fn_to_date(SCALAR_PARAMETERS) {
    read_rows(call, arguments, result, selection, count, true);
}

static void fn_to_timestamp(SCALAR_PARAMETERS) {
    read_rows(call, arguments, result, selection, count, false);
}

/* --- .datetime() of SQL/JSON paths --- */

/* What a field's presence says of the template: it has a day, a time, an offset. */
enum { HAS_DAY = 1, HAS_TIME = 2, HAS_OFFSET = 4 };

static unsigned field_has(enum date_field field) {
    switch (field) {
    case DATE_EXACT:
        return 0;
    case DATE_AM:
    case DATE_AM_DOTS:
    case DATE_HOUR_12:
    case DATE_HOUR_24:
    case DATE_MINUTE:
    case DATE_SECOND:
    case DATE_SECOND_OF_DAY:
    case DATE_MS:
    case DATE_US:
    case DATE_FRACTION_1:
    case DATE_FRACTION_2:
    case DATE_FRACTION_3:
    case DATE_FRACTION_4:
    case DATE_FRACTION_5:
    case DATE_FRACTION_6:
        return HAS_TIME;
    case DATE_ZONE:
    case DATE_OFFSET:
    case DATE_ZONE_HOUR:
    case DATE_ZONE_MINUTE:
        return HAS_OFFSET;
    default:
        return HAS_DAY;
    }
}

struct template moment_template_read(const struct sql_call *call, struct slice text) {
    struct template template = date_template_read(call, text);
    for (uint32_t i = 0; i < template.count; i++) {
        const struct template_item *item = &template.items[i];
        if (item->kind == TEMPLATE_FIELD || item->quoted) {
            continue;
        }
        if (item->text.length != 1 || strchr("-./,':; ", item->text.bytes[0]) == NULL) {
            sql_raise(call->context, KMB_INVALID_DATETIME, call->position,
                      "invalid datetime format separator: \"%.*s\"", (int)item->text.length,
                      (const char *)item->text.bytes);
        }
    }
    return template;
}

struct moment moment_read(const struct sql_call *call, const struct template *template, struct slice input) {
    struct fields fields = read_fields(call, template, input, true);
    struct parts parts = parts_of(call, &fields, input);
    struct moment moment = {.kind = MOMENT_DATE};
    unsigned has = 0;
    for (uint32_t i = 0; i < template->count; i++) {
        has |=
            template->items[i].kind == TEMPLATE_FIELD ? field_has((enum date_field) template->items[i].field->id) : 0;
    }
    bool zoned = (has & HAS_OFFSET) != 0;
    moment.offset_s = zoned ? offset_of(&fields) : 0;
    if ((has & HAS_TIME) == 0) {
        if ((has & HAS_DAY) == 0 || zoned) {
            sql_raise(call->context, KMB_INVALID_DATETIME, call->position, "datetime format is %s",
                      (has & HAS_DAY) != 0 ? "zoned but not timed" : "not dated and not timed");
        }
        moment.number = days_of(call, &parts, input);
    } else if ((has & HAS_DAY) == 0) {
        moment.kind = zoned ? MOMENT_TIME_ZONED : MOMENT_TIME;
        moment.number = time_apply_modifier(clock_of(&parts), precision_of(&fields));
    } else {
        moment.kind = zoned ? MOMENT_STAMP_ZONED : MOMENT_STAMP;
        moment.at = timestamp_of(call, &fields, &parts, time_zone_fixed(moment.offset_s));
    }
    return moment;
}

/* clang-format off */
static const struct sql_function to_timestamp_rows[] = {
    {.class = SQL_FUNCTION_SCALAR, .name = "to_date", .scalar = fn_to_date, .result = TYPE_DATE,
     .summary = "date of a text, read by a template", .strict = true, .volatility = SQL_STABLE, .argument_count = 2,
     .arguments = {TYPE_TEXT, TYPE_TEXT}},
    {.class = SQL_FUNCTION_SCALAR, .name = "to_timestamp", .scalar = fn_to_timestamp, .result = TYPE_TIMESTAMPTZ,
     .summary = "instant of a text, read by a template", .strict = true, .volatility = SQL_STABLE,
     .argument_count = 2, .arguments = {TYPE_TEXT, TYPE_TEXT}},
};
/* clang-format on */

struct function_rows function_rows_to_timestamp(void) {
    return FUNCTION_ROWS(to_timestamp_rows);
}
