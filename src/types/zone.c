/*
 * Time zones, of TZif files and POSIX rules.
 *
 * A file lists the instants at which the offset changed or will, as far as its makers wrote them down, and ends with a
 * rule for what comes after. Both are kept as they are: a search in the list, and beyond its end the rule applied to
 * the year asked for. Local times are looked up as PostgreSQL's DetermineTimeZoneOffset() does, by the first change
 * after a day before.
 */
#include "types/zone.h"

#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "types/datetime.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define TZIF_HEADER     44

/* --- rules --- */

static bool rule_name(struct slice text, size_t *at, char name[ZONE_ABBREVIATION_MAX + 1]) {
    bool quoted = *at < text.length && text.bytes[*at] == '<';
    size_t length = 0;
    *at += quoted ? 1 : 0;
    for (; *at < text.length; (*at)++) {
        uint8_t byte = text.bytes[*at];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool more = letter || (quoted && ((byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == ':'));
        if (!more) {
            break;
        }
        if (length == ZONE_ABBREVIATION_MAX) {
            return false;
        }
        name[length++] = (char)byte;
    }
    name[length] = 0;
    if (quoted && (*at == text.length || text.bytes[(*at)++] != '>')) {
        return false;
    }
    return length >= 3;
}

static bool rule_number(struct slice text, size_t *at, int32_t most, int32_t *out) {
    size_t start = *at;
    int32_t value = 0;
    for (; *at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9'; (*at)++) {
        value = value * 10 + (text.bytes[*at] - '0');
        if (value > most) {
            return false;
        }
    }
    *out = value;
    return *at > start;
}

/* [+-]h[:m[:s]], at most a week of hours, as version 3 of TZif has them. */
static bool rule_time(struct slice text, size_t *at, int32_t *seconds) {
    bool negative = *at < text.length && text.bytes[*at] == '-';
    int32_t parts[3] = {0, 0, 0};
    *at += *at < text.length && (text.bytes[*at] == '-' || text.bytes[*at] == '+') ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        if (!rule_number(text, at, i == 0 ? 167 : 59, &parts[i])) {
            return false;
        }
        if (*at == text.length || text.bytes[*at] != ':') {
            break;
        }
        *at += i < 2 ? 1 : 0;
    }
    *seconds = (parts[0] * 60 + parts[1]) * 60 + parts[2];
    *seconds = negative ? -*seconds : *seconds;
    return true;
}

/* ",M3.2.0/2", ",J60", ",59" */
static bool rule_day(struct slice text, size_t *at, struct zone_day *day) {
    if (*at == text.length || text.bytes[(*at)++] != ',' || *at == text.length) {
        return false;
    }
    *day = (struct zone_day){.time_s = 2 * 3600};
    bool good;
    if (text.bytes[*at] == 'M') {
        (*at)++;
        day->form = ZONE_DAY_MONTH_WEEK;
        good = rule_number(text, at, 12, &day->month) && day->month > 0 && *at < text.length &&
               text.bytes[(*at)++] == '.' && rule_number(text, at, 5, &day->week) && day->week > 0 &&
               *at < text.length && text.bytes[(*at)++] == '.' && rule_number(text, at, 6, &day->day);
    } else {
        bool julian = text.bytes[*at] == 'J';
        *at += julian ? 1 : 0;
        day->form = julian ? ZONE_DAY_JULIAN : ZONE_DAY_ORDINAL;
        good = rule_number(text, at, 365, &day->day) && (!julian || day->day > 0);
    }
    if (good && *at < text.length && text.bytes[*at] == '/') {
        (*at)++;
        good = rule_time(text, at, &day->time_s);
    }
    return good;
}

static bool rule_read(struct slice text, struct zone_rule *rule) {
    size_t at = 0;
    int32_t west = 0;
    *rule = (struct zone_rule){.there = true};
    if (!rule_name(text, &at, rule->standard.abbreviation) || !rule_time(text, &at, &west)) {
        return false;
    }
    rule->standard.offset_s = -west;
    if (at == text.length) {
        return true;
    }
    rule->changes = true;
    rule->daylight.daylight = true;
    if (!rule_name(text, &at, rule->daylight.abbreviation)) {
        return false;
    }
    rule->daylight.offset_s = rule->standard.offset_s + 3600;
    if (at < text.length && text.bytes[at] != ',') {
        if (!rule_time(text, &at, &west)) {
            return false;
        }
        rule->daylight.offset_s = -west;
    }
    if (at == text.length) { /* those of the United States, as PostgreSQL has it */
        rule->begin = (struct zone_day){.form = ZONE_DAY_MONTH_WEEK, .month = 3, .week = 2, .time_s = 7200};
        rule->end = (struct zone_day){.form = ZONE_DAY_MONTH_WEEK, .month = 11, .week = 1, .time_s = 7200};
        return true;
    }
    return rule_day(text, &at, &rule->begin) && rule_day(text, &at, &rule->end) && at == text.length;
}

/* Local seconds since 1970 of a rule's day in a year. */
static int64_t day_in_year(const struct zone_day *day, int64_t year) {
    int64_t days;
    if (day->form == ZONE_DAY_MONTH_WEEK) {
        int64_t first = date_of_civil(year, day->month, 1);
        int32_t ahead = (day->day - date_day_of_week(first) + 7) % 7;
        days = first + ahead + (day->week - 1) * 7;
        if (days >= first + date_month_length(year, day->month)) { /* the fifth is the last */
            days -= 7;
        }
    } else {
        bool leap = date_year_is_leap(year);
        int32_t ordinal = day->form == ZONE_DAY_ORDINAL ? day->day : day->day - 1 + (leap && day->day >= 60 ? 1 : 0);
        days = date_of_civil(year, 1, 1) + ordinal;
    }
    return days * SECONDS_PER_DAY + day->time_s;
}

static int64_t rule_begin(const struct zone_rule *rule, int64_t year) {
    return day_in_year(&rule->begin, year) - rule->standard.offset_s;
}
static int64_t rule_end(const struct zone_rule *rule, int64_t year) {
    return day_in_year(&rule->end, year) - rule->daylight.offset_s;
}

static int64_t year_of(int64_t utc_s, int32_t offset_s) {
    int64_t local = utc_s + offset_s;
    int64_t days = local / SECONDS_PER_DAY - (local % SECONDS_PER_DAY < 0 ? 1 : 0);
    return date_to_civil(days).year;
}

static const struct zone_type *rule_at(const struct zone_rule *rule, int64_t utc_s) {
    if (!rule->changes) {
        return &rule->standard;
    }
    int64_t year = year_of(utc_s, rule->standard.offset_s);
    int64_t begin = rule_begin(rule, year);
    int64_t end = rule_end(rule, year);
    bool daylight = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
    return daylight ? &rule->daylight : &rule->standard;
}

/* --- files --- */

struct tzif {
    uint32_t utc, standard, leaps, transitions, types, characters;
};

static struct tzif tzif_counts(const uint8_t *header) {
    uint32_t counts[6];
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        const uint8_t *at = header + 20 + i * 4;
        counts[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    return (struct tzif){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
}

static bool tzif_good(const struct tzif *counts) {
    return counts->utc <= ZONE_TYPES_MAX && counts->standard <= ZONE_TYPES_MAX && counts->leaps <= 1024 &&
           counts->transitions <= ZONE_TRANSITIONS_MAX && counts->types > 0 && counts->types <= ZONE_TYPES_MAX &&
           counts->characters <= 4096;
}

static size_t tzif_size(const struct tzif *counts, size_t width) {
    return counts->transitions * (width + 1) + counts->types * 6 + counts->characters + counts->leaps * (width + 4) +
           counts->standard + counts->utc;
}

static void abbreviation_read(const uint8_t *characters, uint32_t count, uint32_t at,
                              char out[ZONE_ABBREVIATION_MAX + 1]) {
    size_t length = 0;
    for (; at < count && characters[at] != 0 && length < ZONE_ABBREVIATION_MAX; at++) {
        out[length++] = (char)(characters[at] >= ' ' && characters[at] < 0x7f ? characters[at] : '?');
    }
    out[length] = 0;
}

static enum kmb_status zone_bad(struct slice name, struct kmb_error *error) {
    return error_set(error, KMB_CORRUPT, "the file of time zone \"%.*s\" is damaged", (int)name.length,
                     (const char *)name.bytes);
}

static struct zone *zone_new(struct slice name, struct arena *arena) {
    struct zone *zone = name.length > ZONE_NAME_MAX ? NULL : arena_alloc(arena, sizeof(*zone));
    if (zone != NULL) {
        *zone = (struct zone){.transition_count = 0};
        memcpy(zone->name, name.bytes, name.length);
    }
    return zone;
}

/* The block of 64-bit numbers, from its header on. */
static enum kmb_status block_read(struct zone *zone, const struct tzif *counts, const uint8_t *at, struct arena *arena,
                                  struct kmb_error *error) {
    int64_t *transitions = arena_alloc(arena, (counts->transitions + 1) * sizeof(*transitions));
    uint8_t *kinds = arena_alloc(arena, counts->transitions + 1);
    struct zone_type *types = arena_alloc(arena, counts->types * sizeof(*types));
    if (transitions == NULL || kinds == NULL || types == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    const uint8_t *indexes = at + (size_t)counts->transitions * 8;
    const uint8_t *kind = indexes + counts->transitions;
    const uint8_t *characters = kind + (size_t)counts->types * 6;
    for (uint32_t i = 0; i < counts->transitions; i++) {
        transitions[i] = (int64_t)codec_get_u64_big(at + (size_t)i * 8);
        kinds[i] = indexes[i];
        if (kinds[i] >= counts->types || (i > 0 && transitions[i] <= transitions[i - 1])) {
            return zone_bad(slice_text(zone->name), error);
        }
    }
    for (uint32_t i = 0; i < counts->types; i++, kind += 6) {
        uint32_t bits = (uint32_t)kind[0] << 24 | (uint32_t)kind[1] << 16 | (uint32_t)kind[2] << 8 | kind[3];
        types[i].offset_s = (int32_t)bits;
        types[i].daylight = kind[4] != 0;
        abbreviation_read(characters, counts->characters, kind[5], types[i].abbreviation);
        if (types[i].offset_s <= -SECONDS_PER_DAY || types[i].offset_s >= SECONDS_PER_DAY) {
            return zone_bad(slice_text(zone->name), error);
        }
    }
    zone->transition_count = counts->transitions;
    zone->type_count = counts->types;
    zone->transitions = transitions;
    zone->transition_types = kinds;
    zone->types = types;
    return KMB_OK;
}

enum kmb_status zone_read(struct slice name, struct slice bytes, struct arena *arena, struct zone **out,
                          struct kmb_error *error) {
    struct zone *zone = zone_new(name, arena);
    if (zone == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    bool good = bytes.length >= TZIF_HEADER && bytes.length <= ZONE_FILE_BYTES_MAX &&
                memcmp(bytes.bytes, "TZif", 4) == 0 && bytes.bytes[4] >= '2';
    struct tzif counts = {0};
    if (good) {
        counts = tzif_counts(bytes.bytes);
        good = tzif_good(&counts);
    }
    size_t second = good ? TZIF_HEADER + tzif_size(&counts, 4) : 0;
    good = good && bytes.length >= second + TZIF_HEADER && memcmp(bytes.bytes + second, "TZif", 4) == 0;
    if (good) {
        counts = tzif_counts(bytes.bytes + second);
        good = tzif_good(&counts);
    }
    size_t footer = good ? second + TZIF_HEADER + tzif_size(&counts, 8) : 0;
    if (!good || bytes.length < footer) {
        return zone_bad(name, error);
    }
    enum kmb_status status = block_read(zone, &counts, bytes.bytes + second + TZIF_HEADER, arena, error);
    if (status != KMB_OK) {
        return status;
    }
    if (bytes.length >= footer + 2 && bytes.bytes[footer] == '\n' && bytes.bytes[bytes.length - 1] == '\n') {
        struct slice rule = slice_make(bytes.bytes + footer + 1, bytes.length - footer - 2);
        if (rule.length > 0 && !rule_read(rule, &zone->rule)) {
            return zone_bad(name, error);
        }
    }
    *out = zone;
    return KMB_OK;
}

bool zone_read_rule(struct slice text, struct arena *arena, struct zone **out) {
    struct zone_rule rule;
    if (text.length > ZONE_NAME_MAX || !rule_read(text, &rule) || rule.standard.offset_s <= -SECONDS_PER_DAY ||
        rule.standard.offset_s >= SECONDS_PER_DAY || rule.daylight.offset_s <= -SECONDS_PER_DAY ||
        rule.daylight.offset_s >= SECONDS_PER_DAY) {
        return false;
    }
    struct zone *zone = zone_new(text, arena);
    if (zone == NULL) {
        return false;
    }
    zone->rule = rule;
    *out = zone;
    return true;
}

/* --- looking up --- */

/* How many transitions are at or before. */
static uint32_t transitions_until(const struct zone *zone, int64_t utc_s) {
    uint32_t low = 0;
    uint32_t high = zone->transition_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (zone->transitions[middle] <= utc_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct zone_type *zone_at(const struct zone *zone, int64_t utc_s) {
    uint32_t count = transitions_until(zone, utc_s);
    if (count == zone->transition_count && zone->rule.there) {
        return rule_at(&zone->rule, utc_s);
    }
    ASSERT(zone->type_count > 0);
    return &zone->types[count == 0 ? 0 : zone->transition_types[count - 1]];
}

/* The first change after an instant; false: there is none. */
static bool next_change(const struct zone *zone, int64_t utc_s, int64_t *at) {
    uint32_t count = transitions_until(zone, utc_s);
    if (count < zone->transition_count) {
        *at = zone->transitions[count];
        return true;
    }
    const struct zone_rule *rule = &zone->rule;
    if (!rule->there || !rule->changes) {
        return false;
    }
    int64_t year = year_of(utc_s, rule->standard.offset_s);
    int64_t found = INT64_MAX;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t begin = rule_begin(rule, y);
        int64_t end = rule_end(rule, y);
        found = begin > utc_s && begin < found ? begin : found;
        found = end > utc_s && end < found ? end : found;
    }
    *at = found;
    return true;
}

static int64_t whole_seconds(int64_t us) {
    return us / US_PER_SECOND - (us % US_PER_SECOND < 0 ? 1 : 0);
}

int32_t time_zone_at(struct time_zone zone, int64_t utc_us) {
    return zone.zone == NULL ? zone.offset_s : zone_at(zone.zone, whole_seconds(utc_us))->offset_s;
}

int32_t time_zone_of_local(struct time_zone zone, int64_t local_us) {
    int64_t change = 0;
    if (zone.zone == NULL) {
        return zone.offset_s;
    }
    int64_t local_s = whole_seconds(local_us);
    int64_t day_before = local_s - SECONDS_PER_DAY;
    int32_t before = zone_at(zone.zone, day_before)->offset_s;
    if (!next_change(zone.zone, day_before, &change)) {
        return before;
    }
    int32_t after = zone_at(zone.zone, change)->offset_s;
    int64_t as_before = local_s - before;
    int64_t as_after = local_s - after;
    if ((as_before < change) == (as_after < change)) {
        return as_before < change ? before : after;
    }
    return as_before > as_after ? before : after; /* skipped, or there twice */
}
