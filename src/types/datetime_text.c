/*
 * Reading dates and times.
 *
 * The work is in two steps, as in PostgreSQL. Text is cut into tokens by shape alone: numbers, dates (numbers or words
 * joined by '-', '/' or '.'), clock times, words, zone offsets. Then each token fills a part of struct moment, and what
 * a bare number means follows from what is already known and from its length. Dates given as three numbers are year,
 * month, day when the first has three digits or more, else as the context orders them: month, day, year by itself.
 *
 * Offsets and the fixed abbreviations are known, other zones are asked of the context by name. The
 * words that need a clock ('now', 'today') take it from the context and are refused without one.
 */
#include <stdio.h>

#include "base/assert.h"
#include "types/datetime.h"
#include "types/datetime_token.h"

#define YEAR_MAX      5874897
#define ZONE_HOUR_MAX 15

enum moment_result {
    MOMENT_OK,
    MOMENT_SYNTAX,
    MOMENT_FIELD,     /* a field out of range */
    MOMENT_MONTH_DAY, /* the same, and another DateStyle might help */
    MOMENT_ZONE,      /* displacement out of range */
    MOMENT_ZONE_NAME, /* no such zone; named in `name` */
    MOMENT_NO_CLOCK,
};

struct moment {
    /* Numbers of the date in the order met; a word month apart. */
    int64_t number[3];
    uint32_t width[3]; /* digits each was written with */
    uint32_t number_count;
    int32_t word_month; /* 0: none */
    bool day_of_year;   /* number[1] is one: "1999-008" */
    enum date_order order;
    bool has_date; /* `days` is decided */
    int64_t days;
    bool has_time;
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t ns;       /* of the second, 0 .. 10^9 when rounded up */
    int32_t meridian; /* 0 none, 1 AM, 2 PM */
    bool bc;
    bool era; /* BC or AD was said */
    bool has_zone;
    struct time_zone zone;
    enum moment_special special;
    bool time_only; /* reading a TIME: numbers are clock times */
    char name[TOKEN_BYTES + 1];
};

/* How far the session's wall clock is ahead of UTC now. */
static int64_t moment_session_us(const struct datetime_context *context) {
    return context == NULL ? 0 : time_zone_at(context->zone, context->now_us) * US_PER_SECOND;
}

/* --- parts --- */

/* Digits from *at; false when there are none or more than fit. */
static bool digits_read(struct slice text, size_t *at, int64_t *out, uint32_t *width) {
    size_t start = *at;
    int64_t value = 0;
    for (; text_digit(text, *at); (*at)++) {
        if (*at - start >= 18) {
            return false;
        }
        value = value * 10 + (text.bytes[*at] - '0');
    }
    *out = value;
    *width = (uint32_t)(*at - start);
    return *at > start;
}

/* ".ffffff" from the point on, to nanoseconds, rounded at the tenth digit. */
static int32_t fraction_read(struct slice text, size_t *at) {
    int32_t ns = 0;
    int32_t unit = 100000000;
    bool up = false;
    size_t digits = 0;
    for ((*at)++; text_digit(text, *at); (*at)++, digits++) {
        int32_t digit = text.bytes[*at] - '0';
        if (digits < 9) {
            ns += digit * unit;
            unit /= 10;
        } else if (digits == 9) {
            up = digit >= 5;
        }
    }
    return ns + (up ? 1 : 0);
}

static enum moment_result moment_set_time(struct moment *m, int64_t hour, int64_t minute, int64_t second, int32_t ns) {
    if (m->has_time) {
        return MOMENT_SYNTAX;
    }
    bool beyond = hour == 24 && (minute > 0 || second > 0 || ns > 0);
    if (hour > 24 || minute > 59 || second > 60 || beyond) {
        return MOMENT_FIELD;
    }
    m->has_time = true;
    m->hour = (int32_t)hour;
    m->minute = (int32_t)minute;
    m->second = (int32_t)second;
    m->ns = ns;
    return MOMENT_OK;
}

/* "HH:MM", "HH:MM:SS", "HH:MM:SS.f", "MM:SS.f"; after a ':' no digits are 0, as in PostgreSQL. */
static enum moment_result moment_clock(struct moment *m, struct slice text) {
    int64_t parts[3] = {0, 0, 0};
    uint32_t width;
    size_t at = 0;
    size_t count = 0;
    int32_t ns = 0;
    bool more = true;
    while (more && count < 3) {
        if ((count == 0 || text_digit(text, at)) && !digits_read(text, &at, &parts[count], &width)) {
            return MOMENT_SYNTAX;
        }
        count++;
        more = text_is(text, at, ":");
        at += more ? 1 : 0;
    }
    if (more) {
        return MOMENT_SYNTAX;
    }
    if (text_is(text, at, ".")) {
        ns = fraction_read(text, &at);
        if (count == 2) {
            parts[2] = parts[1];
            parts[1] = parts[0];
            parts[0] = 0;
        }
    }
    if (at != text.length || count < 2) {
        return MOMENT_SYNTAX;
    }
    return moment_set_time(m, parts[0], parts[1], parts[2], ns);
}

/* "HHMMSS[.f]" or "HHMM". */
static enum moment_result moment_packed_time(struct moment *m, struct slice text) {
    size_t at = 0;
    int64_t value;
    uint32_t width;
    if (!digits_read(text, &at, &value, &width) || (width != 6 && width != 4)) {
        return MOMENT_SYNTAX;
    }
    int32_t ns = 0;
    if (text_is(text, at, ".")) {
        ns = fraction_read(text, &at);
    }
    if (at != text.length) {
        return MOMENT_SYNTAX;
    }
    value *= width == 4 ? 100 : 1;
    return moment_set_time(m, value / 10000, value / 100 % 100, value % 100, ns);
}

/* "YYYYMMDD" or "YYMMDD". */
static enum moment_result moment_packed_date(struct moment *m, int64_t value, uint32_t width) {
    if (m->number_count > 0 || m->word_month != 0 || width < 6) {
        return MOMENT_SYNTAX;
    }
    m->number[0] = value / 10000;
    m->width[0] = width - 4 < 3 ? 2 : width - 4;
    m->number[1] = value / 100 % 100;
    m->number[2] = value % 100;
    m->width[1] = m->width[2] = 2;
    m->number_count = 3;
    if (m->width[0] == 2) { /* said as year, month, day all the same */
        m->number[0] += m->number[0] < 70 ? 2000 : 1900;
        m->width[0] = 4;
    }
    return MOMENT_OK;
}

/* Whether the first number is the year. */
static bool moment_year_first(const struct moment *m) {
    return m->number_count > 0 && (m->width[0] >= 3 || m->order == DATE_ORDER_YMD);
}

/* Three digits behind a year are its day, 366 that of any year. */
static enum moment_result moment_date_number(struct moment *m, int64_t value, uint32_t width) {
    uint32_t room = m->word_month != 0 ? 2 : 3;
    if (m->has_date || m->day_of_year || m->number_count >= room) {
        return MOMENT_SYNTAX;
    }
    m->day_of_year =
        width == 3 && value >= 1 && value <= 366 && m->number_count == 1 && m->word_month == 0 && moment_year_first(m);
    m->number[m->number_count] = value;
    m->width[m->number_count] = width;
    m->number_count++;
    return MOMENT_OK;
}

static enum moment_result moment_month_word(struct moment *m, int32_t month) {
    if (m->has_date || m->day_of_year || m->word_month != 0 || m->number_count > 2) {
        return MOMENT_SYNTAX;
    }
    m->word_month = month;
    return MOMENT_OK;
}

static bool moment_date_full(const struct moment *m) {
    return m->has_date || m->number_count + (m->word_month != 0 ? 1u : 0u) >= 3 || m->day_of_year;
}

static enum moment_result moment_zone(struct moment *m, struct time_zone zone) {
    if (m->has_zone) {
        return MOMENT_SYNTAX;
    }
    m->has_zone = true;
    m->zone = zone;
    return MOMENT_OK;
}

/* A zone of the context's, or none. */
static enum moment_result moment_zone_name(struct moment *m, struct slice name,
                                           const struct datetime_context *context) {
    const struct zone *zone =
        context == NULL || context->zone_find == NULL ? NULL : context->zone_find(context->zones, name);
    if (zone != NULL) {
        return moment_zone(m, time_zone_of(zone));
    }
    snprintf(m->name, sizeof(m->name), "%.*s", (int)(name.length < TOKEN_BYTES ? name.length : TOKEN_BYTES),
             (const char *)name.bytes);
    return MOMENT_ZONE_NAME;
}

/* PostgreSQL shows the name as its reader of dates has it, in lower case. */
static enum moment_result moment_zone_lower(struct moment *m, struct slice name,
                                            const struct datetime_context *context) {
    enum moment_result result = moment_zone_name(m, name, context);
    for (char *c = m->name; result == MOMENT_ZONE_NAME && *c != 0; c++) {
        *c = (char)text_lower((uint8_t)*c);
    }
    return result;
}

/* A token with separators: "1999-01-08", "08-Jan-1999", "1/8/1999", or a zone's name. */
static enum moment_result moment_date_token(struct moment *m, struct slice text,
                                            const struct datetime_context *context) {
    if (text_alpha(text, 0)) {
        size_t end = token_while(text, 0, false, true, "");
        const struct word_row *word = word_find(slice_make(text.bytes, end));
        if (word == NULL || word->kind != WORD_MONTH) { /* a zone has its place behind a date */
            return m->time_only || moment_date_full(m) || m->has_time ? moment_zone_lower(m, text, context)
                                                                      : MOMENT_SYNTAX;
        }
    }
    size_t at = 0;
    while (at < text.length) {
        enum moment_result result = MOMENT_SYNTAX;
        if (text_digit(text, at)) {
            int64_t value;
            uint32_t width;
            if (digits_read(text, &at, &value, &width)) {
                result = moment_date_number(m, value, width);
            }
        } else if (text_alpha(text, at)) {
            size_t end = token_while(text, at, false, true, "");
            const struct word_row *word = word_find(slice_make(text.bytes + at, end - at));
            if (word != NULL && word->kind == WORD_MONTH) {
                result = moment_month_word(m, word->value);
            }
            at = end;
        }
        if (result != MOMENT_OK) {
            return result;
        }
        at += at < text.length && !text_alpha(text, at) ? 1 : 0; /* the separator */
    }
    return moment_date_full(m) ? MOMENT_OK : MOMENT_SYNTAX;
}

static enum moment_result moment_number_token(struct moment *m, struct slice text) {
    size_t at = 0;
    int64_t value = 0;
    uint32_t width = 0;
    bool point = text_is(text, 0, ".");
    if (point || !digits_read(text, &at, &value, &width)) {
        return MOMENT_SYNTAX;
    }
    bool whole = at == text.length;
    if (moment_date_full(m) || m->time_only) {
        return moment_packed_time(m, text);
    }
    if (whole) {
        return width >= 6 ? moment_packed_date(m, value, width) : moment_date_number(m, value, width);
    }
    /* "1999.008": a year and its day. */
    int64_t day;
    uint32_t day_width;
    at++;
    if (m->number_count > 0 || m->word_month != 0 || !digits_read(text, &at, &day, &day_width) || at != text.length) {
        return MOMENT_SYNTAX;
    }
    enum moment_result result = moment_date_number(m, value, width);
    result = result == MOMENT_OK ? moment_date_number(m, day, day_width) : result;
    return result == MOMENT_OK && !m->day_of_year ? MOMENT_SYNTAX : result;
}

/* "+02", "+0200", "+02:00", "-03:30:15" */
static enum moment_result zone_offset_read(struct slice text, int32_t *offset_s) {
    size_t at = token_while(text, 1, false, false, " \t\n\v\f\r");
    int64_t parts[3] = {0, 0, 0};
    uint32_t width;
    if (!digits_read(text, &at, &parts[0], &width)) {
        return MOMENT_SYNTAX;
    }
    if (at == text.length && width > 2) {
        if (width > 4) {
            parts[2] = parts[0] % 100;
            parts[0] /= 100;
        }
        parts[1] = parts[0] % 100;
        parts[0] /= 100;
    }
    for (size_t i = 1; i < 3 && text_is(text, at, ":"); i++) {
        at++;
        if (!digits_read(text, &at, &parts[i], &width)) {
            return MOMENT_SYNTAX;
        }
    }
    if (at != text.length) {
        return MOMENT_SYNTAX;
    }
    if (parts[0] > ZONE_HOUR_MAX || parts[1] > 59 || parts[2] > 59) {
        return MOMENT_ZONE;
    }
    int32_t seconds = (int32_t)(parts[0] * 3600 + parts[1] * 60 + parts[2]);
    *offset_s = text.bytes[0] == '-' ? -seconds : seconds;
    return MOMENT_OK;
}

static enum moment_result moment_relative(struct moment *m, const struct datetime_context *context, int32_t days) {
    if (context == NULL || !context->has_now) {
        return MOMENT_NO_CLOCK;
    }
    if (moment_date_full(m) || m->number_count > 0) {
        return MOMENT_SYNTAX;
    }
    struct timestamp local = timestamp_of_us(context->now_us + moment_session_us(context));
    m->days = timestamp_to_date(local) + days;
    m->has_date = true;
    return MOMENT_OK;
}

/* A word; *step is how many tokens it used. */
static enum moment_result moment_word(struct moment *m, const struct token *tokens, size_t left, size_t *step,
                                      const struct datetime_context *context) {
    const struct word_row *word = word_find(tokens[0].text);
    if (word == NULL) {
        return MOMENT_SYNTAX;
    }
    switch (word->kind) {
    case WORD_MONTH:
        return moment_month_word(m, word->value);
    case WORD_DAY:
    case WORD_IGNORED:
        return MOMENT_OK;
    case WORD_ZONE:
        return moment_zone(m, time_zone_fixed(word->value));
    case WORD_MERIDIAN:
        if (m->meridian != 0 || !m->has_time) {
            return MOMENT_SYNTAX;
        }
        m->meridian = word->value;
        return MOMENT_OK;
    case WORD_ERA:
        if (m->era) {
            return MOMENT_SYNTAX;
        }
        m->era = true;
        m->bc = word->value == 1;
        return MOMENT_OK;
    case WORD_T:
        if (left < 2 || (tokens[1].kind != TOKEN_NUMBER && tokens[1].kind != TOKEN_TIME) ||
            (!moment_date_full(m) && !m->time_only)) {
            return MOMENT_SYNTAX;
        }
        if (tokens[1].kind == TOKEN_NUMBER) {
            *step = 2;
            return moment_packed_time(m, tokens[1].text);
        }
        return MOMENT_OK;
    case WORD_J: {
        size_t at = 0;
        int64_t day;
        uint32_t width;
        if (left < 2 || tokens[1].kind != TOKEN_NUMBER || moment_date_full(m) ||
            !digits_read(tokens[1].text, &at, &day, &width) || at != tokens[1].text.length) {
            return MOMENT_SYNTAX;
        }
        *step = 2;
        m->has_date = true;
        m->days = day + DATE_MIN;
        return day > INT32_MAX ? MOMENT_FIELD : MOMENT_OK;
    }
    case WORD_SPECIAL:
        if (m->special != SPECIAL_NONE || moment_date_full(m) || m->has_time) {
            return MOMENT_SYNTAX;
        }
        m->special = (enum moment_special)word->value;
        return m->special == SPECIAL_NOW && (context == NULL || !context->has_now) ? MOMENT_NO_CLOCK : MOMENT_OK;
    case WORD_RELATIVE:
        return moment_relative(m, context, word->value);
    case WORD_MIDNIGHT: {
        if (m->time_only && moment_date_full(m)) { /* a TIME has a date only before digits */
            return MOMENT_SYNTAX;
        }
        enum moment_result result = moment_set_time(m, 0, 0, 0, 0);
        return result != MOMENT_OK ? result : moment_zone(m, time_zone_fixed(0));
    }
    }
    UNREACHABLE("word kind");
}

static enum moment_result moment_token(struct moment *m, const struct token *tokens, size_t left, size_t *step,
                                       const struct datetime_context *context) {
    struct slice text = tokens[0].text;
    *step = 1;
    switch (tokens[0].kind) {
    case TOKEN_NUMBER:
        return moment_number_token(m, text);
    case TOKEN_DATE:
        return moment_date_token(m, text, context);
    case TOKEN_TIME:
        return moment_clock(m, text);
    case TOKEN_WORD:
        return moment_word(m, tokens, left, step, context);
    case TOKEN_ZONE: {
        int32_t offset_s = 0;
        enum moment_result result = zone_offset_read(text, &offset_s);
        return result != MOMENT_OK ? result : moment_zone(m, time_zone_fixed(offset_s));
    }
    case TOKEN_SPECIAL: {
        size_t at = token_while(text, 1, false, false, " \t\n\v\f\r");
        struct slice word = slice_make(text.bytes + at, text.length - at);
        const struct word_row *row = word_find(word);
        if (row == NULL || row->kind != WORD_SPECIAL || row->value != SPECIAL_INFINITY || left != 1 ||
            m->special != SPECIAL_NONE || moment_date_full(m)) {
            return MOMENT_SYNTAX;
        }
        m->special = text.bytes[0] == '-' ? SPECIAL_NEGATIVE_INFINITY : SPECIAL_INFINITY;
        return MOMENT_OK;
    }
    }
    UNREACHABLE("token kind");
}

/* A date that is not whole. PostgreSQL looks at the month and day it has before it misses another part. */
static enum moment_result moment_partial_date(const struct moment *m, bool year_first, bool day_first) {
    uint32_t month = year_first || day_first ? 1 : 0;
    bool bad_month = m->number_count > month && (m->number[month] < 1 || m->number[month] > 12);
    uint32_t day = day_first ? 0 : month + 1;
    bool bad_day = m->number_count > day && (m->number[day] < 1 || m->number[day] > 31);
    return bad_month || bad_day ? MOMENT_MONTH_DAY : MOMENT_SYNTAX;
}

/* Which of the numbers is what; then the calendar's checks. */
static enum moment_result moment_finish_date(struct moment *m) {
    int64_t year;
    int64_t month;
    int64_t day;
    uint32_t year_width;
    if (m->has_date) {
        return m->number_count > 0 || m->word_month != 0 ? MOMENT_SYNTAX : MOMENT_OK;
    }
    bool year_first = moment_year_first(m);
    bool day_first = !year_first && m->order == DATE_ORDER_DMY;
    if (m->day_of_year) {
        year = m->number[0];
        year_width = m->width[0];
        month = 1;
        day = 1;
    } else if (m->word_month != 0) {
        if (m->number_count != 2) {
            return MOMENT_SYNTAX;
        }
        year = m->number[year_first ? 0 : 1];
        year_width = m->width[year_first ? 0 : 1];
        day = m->number[year_first ? 1 : 0];
        month = m->word_month;
    } else {
        if (m->number_count != 3) {
            return moment_partial_date(m, year_first, day_first);
        }
        year = m->number[year_first ? 0 : 2];
        year_width = m->width[year_first ? 0 : 2];
        month = m->number[year_first || day_first ? 1 : 0];
        day = m->number[year_first ? 2 : day_first ? 0 : 1];
    }
    if (m->bc) {
        if (year <= 0) {
            return MOMENT_FIELD;
        }
        year = 1 - year;
    } else if (year_width <= 2) {
        year += year < 70 ? 2000 : 1900;
    } else if (year <= 0) {
        return MOMENT_FIELD;
    }
    if (m->day_of_year) { /* which may be the first of the next year */
        m->has_date = true;
        m->days = year > YEAR_MAX + 1 ? DATE_MAX + 1 : date_of_civil(year, 1, (int32_t)m->number[1]);
        return MOMENT_OK;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return MOMENT_MONTH_DAY;
    }
    if (day > date_month_length(year, (int32_t)month)) {
        return MOMENT_FIELD;
    }
    /* Beyond the calendar's end any year will do: the range check that follows refuses it. */
    year = year > YEAR_MAX + 1 ? YEAR_MAX + 1 : year < -YEAR_MAX ? -YEAR_MAX : year;
    m->days = date_of_civil(year, (int32_t)month, (int32_t)day);
    m->has_date = true;
    return MOMENT_OK;
}

static enum moment_result moment_read(struct moment *m, struct slice text, const struct datetime_context *context) {
    struct token tokens[TOKENS_MAX];
    size_t count;
    m->order = context == NULL ? DATE_ORDER_MDY : (enum date_order)context->style.order;
    if (!tokens_cut(text, tokens, &count)) {
        return MOMENT_SYNTAX;
    }
    for (size_t i = 0; i < count;) {
        size_t step = 1;
        enum moment_result result = moment_token(m, tokens + i, count - i, &step, context);
        if (result != MOMENT_OK) {
            return result;
        }
        i += step;
    }
    if (m->meridian != 0) {
        if (m->hour > 12) {
            return MOMENT_FIELD;
        }
        m->hour = m->hour % 12 + (m->meridian == 2 ? 12 : 0);
    }
    if (m->special != SPECIAL_NONE) {
        bool more = m->number_count > 0 || m->word_month != 0 || m->has_time;
        return more ? MOMENT_SYNTAX : MOMENT_OK;
    }
    if (m->time_only && !m->has_time) {
        return MOMENT_SYNTAX; /* whatever else there is */
    }
    bool no_date = m->number_count == 0 && m->word_month == 0 && !m->has_date;
    return m->time_only && no_date ? MOMENT_OK : moment_finish_date(m);
}

/* --- errors --- */

static enum kmb_status moment_error(enum moment_result result, const struct moment *m, struct slice text,
                                    const char *type, struct kmb_error *error) {
    int shown = (int)(text.length < 200 ? text.length : 200);
    const char *bytes = (const char *)text.bytes;
    switch (result) {
    case MOMENT_OK:
        return KMB_OK;
    case MOMENT_SYNTAX:
        break;
    case MOMENT_FIELD:
    case MOMENT_MONTH_DAY:
        error_set(error, KMB_DATETIME_OVERFLOW, "date/time field value out of range: \"%.*s\"", shown, bytes);
        if (result == MOMENT_MONTH_DAY) {
            error_hint(error, "Perhaps you need a different \"datestyle\" setting.");
        }
        return KMB_DATETIME_OVERFLOW;
    case MOMENT_ZONE:
        return error_set(error, KMB_INVALID_ZONE_OFFSET, "time zone displacement out of range: \"%.*s\"", shown, bytes);
    case MOMENT_ZONE_NAME:
        return error_set(error, KMB_INVALID_PARAMETER, "time zone \"%s\" not recognized", m->name);
    case MOMENT_NO_CLOCK:
        return error_set(error, KMB_UNSUPPORTED, "\"%.*s\" depends on the clock and has no fixed value here", shown,
                         bytes);
    }
    return error_set(error, KMB_INVALID_DATETIME, "invalid input syntax for type %s: \"%.*s\"", type, shown, bytes);
}

static enum kmb_status moment_out_of_range(const char *type, struct slice text, struct kmb_error *error) {
    return error_set(error, KMB_DATETIME_OVERFLOW, "%s out of range: \"%.*s\"", type,
                     (int)(text.length < 200 ? text.length : 200), (const char *)text.bytes);
}

/* Nanoseconds of the clock time; 24:00:00 and 23:59:60 are the next midnight. */
static int64_t moment_time_ns(const struct moment *m) {
    return (m->hour * INT64_C(3600) + m->minute * INT64_C(60) + m->second) * INT64_C(1000000000) + m->ns;
}

/* --- the three types --- */

/* --- the form that nearly all data have --- */

/* "2024-02-29", " 12:34:56", ".123456", "+02" or "+02:30": what there is of it. */
struct iso_moment {
    int64_t days;
    int64_t us; /* of the day */
    bool has_zone;
    int32_t zone_s;
};

static bool iso_number(const uint8_t *bytes, uint32_t width, uint32_t *number) {
    *number = 0;
    for (uint32_t i = 0; i < width; i++) {
        uint32_t digit = (uint32_t)bytes[i] - '0';
        if (digit > 9) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return true;
}

static bool iso_date(const uint8_t *at, int64_t *days) {
    uint32_t year;
    uint32_t month;
    uint32_t day;
    if (at[4] != '-' || at[7] != '-' || !iso_number(at, 4, &year) || !iso_number(at + 5, 2, &month) ||
        !iso_number(at + 8, 2, &day)) {
        return false;
    }
    if (year == 0 || month == 0 || month > 12 || day == 0 || (int32_t)day > date_month_length(year, (int32_t)month)) {
        return false;
    }
    *days = date_of_civil(year, (int32_t)month, (int32_t)day);
    return true;
}

static bool iso_time(const uint8_t *at, int64_t *us) {
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    if (at[2] != ':' || at[5] != ':' || !iso_number(at, 2, &hour) || !iso_number(at + 3, 2, &minute) ||
        !iso_number(at + 6, 2, &second) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *us = (int64_t)(hour * 3600 + minute * 60 + second) * US_PER_SECOND;
    return true;
}

/* Reads a moment of that form and nothing else; false: it is of another, or wrong, which the tokens will tell. */
static bool iso_read(struct slice text, struct iso_moment *out) {
    const uint8_t *at = text.bytes;
    const uint8_t *end = text.bytes + text.length;
    *out = (struct iso_moment){.days = 0};
    if (text.length < 10 || !iso_date(at, &out->days)) {
        return false;
    }
    at += 10;
    if (at == end) {
        return true;
    }
    if (end - at < 9 || at[0] != ' ' || !iso_time(at + 1, &out->us)) {
        return false;
    }
    at += 9;
    if (at < end && *at == '.') {
        int64_t unit = US_PER_SECOND / 10;
        const uint8_t *first = ++at;
        for (; at < end && *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10) {
            out->us += (*at - '0') * unit;
        }
        if (at == first) {
            return false;
        }
    }
    if (at == end) {
        return true;
    }
    uint32_t hour;
    uint32_t minute = 0;
    bool negative = *at == '-';
    bool whole = end - at == 3;
    if ((!negative && *at != '+') || !(whole || (end - at == 6 && at[3] == ':')) || !iso_number(at + 1, 2, &hour) ||
        !(whole || iso_number(at + 4, 2, &minute)) || hour > 14 || minute > 59) {
        return false;
    }
    int32_t offset = (int32_t)(hour * 3600 + minute * 60);
    out->has_zone = true;
    out->zone_s = negative ? -offset : offset;
    return true;
}

enum kmb_status date_parse(struct slice text, const struct datetime_context *context, int64_t *days,
                           struct kmb_error *error) {
    struct iso_moment iso;
    if (text.length == 10 && iso_read(text, &iso)) {
        *days = iso.days;
        return KMB_OK;
    }
    struct moment m = {.special = SPECIAL_NONE};
    enum moment_result result = moment_read(&m, text, context);
    if (result != MOMENT_OK) {
        return moment_error(result, &m, text, "date", error);
    }
    switch (m.special) {
    case SPECIAL_INFINITY:
        *days = DATE_INFINITY;
        return KMB_OK;
    case SPECIAL_NEGATIVE_INFINITY:
        *days = DATE_NEGATIVE_INFINITY;
        return KMB_OK;
    case SPECIAL_EPOCH:
        *days = 0;
        return KMB_OK;
    case SPECIAL_NOW:
        *days = timestamp_to_date(timestamp_of_us(context->now_us + moment_session_us(context)));
        return KMB_OK;
    case SPECIAL_NONE:
        break;
    }
    if (m.days < DATE_MIN || m.days > DATE_MAX) {
        return moment_out_of_range("date", text, error);
    }
    *days = m.days;
    return KMB_OK;
}

enum kmb_status time_parse(struct slice text, const struct datetime_context *context, int64_t *us,
                           struct kmb_error *error) {
    struct moment m = {.special = SPECIAL_NONE, .time_only = true};
    enum moment_result result = moment_read(&m, text, context);
    if (result == MOMENT_OK && m.special == SPECIAL_NOW) {
        *us = timestamp_to_time(timestamp_of_us(context->now_us + moment_session_us(context)));
        return KMB_OK;
    }
    bool dateless = m.has_zone && m.zone.zone != NULL && !moment_date_full(&m); /* which offset, nobody knows */
    if (result != MOMENT_OK || m.special != SPECIAL_NONE || dateless) {
        return moment_error(result == MOMENT_OK ? MOMENT_SYNTAX : result, &m, text, "time", error);
    }
    int64_t ns = moment_time_ns(&m) + 500;
    if (ns / 1000 > TIME_MAX_US) {
        return moment_error(MOMENT_FIELD, &m, text, "time", error);
    }
    *us = ns / 1000;
    return KMB_OK;
}

enum kmb_status timestamp_parse(struct slice text, bool with_zone, const struct datetime_context *context,
                                struct timestamp *out, struct kmb_error *error) {
    struct iso_moment iso;
    if (iso_read(text, &iso) && (with_zone || !iso.has_zone)) {
        int64_t local = iso.days * US_PER_DAY + iso.us;
        int64_t offset_s = 0;
        if (with_zone) {
            struct time_zone session = context == NULL ? time_zone_fixed(0) : context->zone;
            offset_s = iso.has_zone ? iso.zone_s : time_zone_of_local(session, local);
        }
        *out = timestamp_of_us(local - offset_s * US_PER_SECOND);
        return KMB_OK;
    }
    struct moment m = {.special = SPECIAL_NONE};
    enum moment_result result = moment_read(&m, text, context);
    if (result != MOMENT_OK) {
        return moment_error(result, &m, text, with_zone ? "timestamp with time zone" : "timestamp", error);
    }
    switch (m.special) {
    case SPECIAL_INFINITY:
        *out = timestamp_of_us(TIMESTAMP_INFINITY);
        return KMB_OK;
    case SPECIAL_NEGATIVE_INFINITY:
        *out = timestamp_of_us(TIMESTAMP_NEGATIVE_INFINITY);
        return KMB_OK;
    case SPECIAL_EPOCH:
        *out = timestamp_of_us(0);
        return KMB_OK;
    case SPECIAL_NOW:
        *out = timestamp_of_us(context->now_us + (with_zone ? 0 : moment_session_us(context)));
        return KMB_OK;
    case SPECIAL_NONE:
        break;
    }
    int64_t last_day = TIMESTAMP_END_US / US_PER_DAY;
    if (m.days < DATE_MIN - 1 || m.days > last_day) {
        return moment_out_of_range("timestamp", text, error);
    }
    int64_t ns = moment_time_ns(&m);
    int64_t us = m.days * US_PER_DAY + ns / 1000; /* the ends leave room for a day and an offset */
    if (with_zone) {
        struct time_zone session = context == NULL ? time_zone_fixed(0) : context->zone;
        us -= time_zone_of_local(m.has_zone ? m.zone : session, us) * US_PER_SECOND;
    }
    if (us < TIMESTAMP_MIN_US || us >= TIMESTAMP_END_US) {
        return moment_out_of_range("timestamp", text, error);
    }
    *out = (struct timestamp){.us = us, .ns = (uint16_t)(ns % 1000)};
    return KMB_OK;
}

enum kmb_status datetime_zone_parse(struct slice name, bool whole_first, const struct datetime_context *context,
                                    struct time_zone *zone, struct kmb_error *error) {
    struct slice text = name;
    while (text.length > 0 && text.bytes[text.length - 1] == ' ') {
        text.length--;
    }
    while (text.length > 0 && text.bytes[0] == ' ') {
        text.length--;
        text.bytes++;
    }
    struct moment m = {.special = SPECIAL_NONE};
    struct slice whole = text;
    if (text.length > 3 && text_lower(text.bytes[0]) == 'e' && text_lower(text.bytes[1]) == 't' &&
        text_lower(text.bytes[2]) == 'c' && text.bytes[3] == '/') {
        text = slice_make(text.bytes + 4, text.length - 4);
    }
    const struct word_row *word = word_find(text);
    bool greenwich = word != NULL && word->kind == WORD_ZONE && word->value == 0;
    enum moment_result result = MOMENT_SYNTAX;
    if (whole_first && !greenwich && !text_is(text, 0, "+-") && moment_zone_name(&m, whole, context) == MOMENT_OK) {
        *zone = m.zone;
        return KMB_OK;
    }
    if (word != NULL && word->kind == WORD_ZONE) {
        *zone = time_zone_fixed(word->value);
        return KMB_OK;
    }
    if (text_is(text, 0, "+-")) {
        int32_t offset_s = 0;
        result = zone_offset_read(text, &offset_s);
        *zone = time_zone_fixed(offset_s);
    }
    if (result == MOMENT_SYNTAX) {
        result = moment_zone_name(&m, whole, context);
        *zone = m.zone;
    }
    return moment_error(result, &m, name, "time zone", error);
}
