/*
 * Moments of SQL/JSON paths: what .datetime() makes of a text, printed and compared as PostgreSQL does. A time with an
 * offset is known here alone: it is no type of a column.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sql/func/loops.h"
#include "sql/func/template_datetime.h"

const char *moment_type_name(enum moment_kind kind) {
    static const char *const names[] = {"date", "time without time zone", "time with time zone",
                                        "timestamp without time zone", "timestamp with time zone"};
    ASSERT(kind < ARRAY_LENGTH(names));
    return names[kind];
}

/* --- text --- */

/* "2024-02-29 10:00:00 BC" with a T in it, and before the era "+03:00". */
struct slice moment_text(const struct sql_call *call, const struct moment *moment) {
    char text[DATETIME_TEXT_SIZE];
    char offset[DATETIME_TEXT_SIZE] = "";
    size_t length = 0;
    bool zoned = moment->kind == MOMENT_TIME_ZONED || moment->kind == MOMENT_STAMP_ZONED;
    if (moment->kind == MOMENT_DATE) {
        length = date_format(moment->number, text);
    } else if (moment->kind == MOMENT_TIME || moment->kind == MOMENT_TIME_ZONED) {
        length = time_format(moment->number, text);
    } else {
        struct timestamp local = moment->at;
        sql_try(call->context,
                timestamp_to_local(moment->at, time_zone_fixed(moment->offset_s), &local, call->context->error));
        length = timestamp_format(local, text);
        char *gap = memchr(text, ' ', length);
        ASSERT(gap != NULL);
        *gap = 'T';
    }
    if (zoned) {
        int32_t minutes = abs(moment->offset_s) / 60;
        snprintf(offset, sizeof(offset), "%c%02d:%02d", moment->offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    }
    const char *era = length > 3 && memcmp(text + length - 3, " BC", 3) == 0 ? " BC" : "";
    int body = (int)(length - strlen(era));
    return slice_text(sql_printf(call->context, "%.*s%s%s", body, text, offset, era));
}

/* --- order --- */

static int order_of(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static _Noreturn void raise_zones(const struct sql_call *call, const char *from, const char *to) {
    sql_raise_with(call->context, KMB_UNSUPPORTED, call->position, NULL, "Use *_tz() function for time zone support.",
                   "cannot convert value from %s to %s without time zone usage", from, to);
}

/* By the instant, then those further east first: equal are only equal times with equal offsets. */
static int compare_times(const struct sql_call *call, const struct moment *a, const struct moment *b, bool zones) {
    if (a->kind == b->kind && a->kind == MOMENT_TIME) {
        return order_of(a->number, b->number);
    }
    if (a->kind != b->kind && !zones) {
        raise_zones(call, "time", "timetz");
    }
    int32_t session = time_zone_at(sql_datetime(call->context).zone, call->context->now_us);
    int32_t offset_a = a->kind == MOMENT_TIME ? session : a->offset_s;
    int32_t offset_b = b->kind == MOMENT_TIME ? session : b->offset_s;
    int order = order_of(a->number - offset_a * US_PER_SECOND, b->number - offset_b * US_PER_SECOND);
    return order != 0 ? order : order_of(offset_b, offset_a);
}

/* A day or a stamp as a stamp, in UTC where the other has an offset; beyond the range of stamps: its end. */
static struct timestamp stamp_of(const struct moment *moment, const struct time_zone *zone) {
    struct timestamp at = moment->at;
    if (moment->kind == MOMENT_DATE && date_to_timestamp(moment->number, &at, NULL) != KMB_OK) {
        return timestamp_of_us(moment->number < 0 ? TIMESTAMP_NEGATIVE_INFINITY : TIMESTAMP_INFINITY);
    }
    if (zone != NULL && moment->kind != MOMENT_STAMP_ZONED && timestamp_to_utc(at, *zone, &at, NULL) != KMB_OK) {
        return timestamp_of_us(at.us < 0 ? TIMESTAMP_NEGATIVE_INFINITY : TIMESTAMP_INFINITY);
    }
    return at;
}

static int compare_stamps(const struct sql_call *call, const struct moment *a, const struct moment *b, bool zones) {
    if (a->kind == MOMENT_DATE && b->kind == MOMENT_DATE) {
        return order_of(a->number, b->number);
    }
    bool zoned = a->kind == MOMENT_STAMP_ZONED || b->kind == MOMENT_STAMP_ZONED;
    if (zoned && a->kind != b->kind && !zones) {
        bool date = a->kind == MOMENT_DATE || b->kind == MOMENT_DATE;
        raise_zones(call, date ? "date" : "timestamp", "timestamptz");
    }
    struct time_zone zone = sql_datetime(call->context).zone;
    return timestamp_compare(stamp_of(a, zoned ? &zone : NULL), stamp_of(b, zoned ? &zone : NULL));
}

bool moment_compare(const struct sql_call *call, const struct moment *a, const struct moment *b, bool zones,
                    int *order) {
    bool time_a = a->kind == MOMENT_TIME || a->kind == MOMENT_TIME_ZONED;
    bool time_b = b->kind == MOMENT_TIME || b->kind == MOMENT_TIME_ZONED;
    if (time_a != time_b) {
        return false;
    }
    *order = time_a ? compare_times(call, a, b, zones) : compare_stamps(call, a, b, zones);
    return true;
}
