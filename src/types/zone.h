/*
 * Time zones: how far local time is from UTC, at each instant.
 *
 * A zone is made of the bytes of a TZif file (RFC 8536) or of a POSIX rule ("CET-1CEST,M3.5.0,M10.5.0/3"); where the
 * bytes come from is for others. Seconds since 1970 throughout; offsets count east.
 */
#ifndef KMB_TYPES_ZONE_H
#define KMB_TYPES_ZONE_H

#include "base/arena.h"
#include "base/error.h"

#define ZONE_NAME_MAX         63
#define ZONE_FILE_BYTES_MAX   65536 /* the largest of tzdata has 4 KiB */
#define ZONE_TRANSITIONS_MAX  4096
#define ZONE_TYPES_MAX        256
#define ZONE_ABBREVIATION_MAX 15

/* A stretch of time with one offset. */
struct zone_type {
    int32_t offset_s;
    bool daylight;
    char abbreviation[ZONE_ABBREVIATION_MAX + 1];
};

/* A day of a year, and a time of that day. */
struct zone_day {
    enum { ZONE_DAY_MONTH_WEEK, ZONE_DAY_JULIAN, ZONE_DAY_ORDINAL } form;
    int32_t month, week, day; /* M3.2.0; day alone of the others */
    int32_t time_s;           /* local, may be negative or beyond a day */
};

/* What holds after the last transition. */
struct zone_rule {
    bool there;
    bool changes; /* standard and daylight; else standard alone */
    struct zone_type standard;
    struct zone_type daylight;
    struct zone_day begin; /* of daylight, in standard time */
    struct zone_day end;   /* in daylight time */
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    uint32_t transition_count;
    uint32_t type_count;
    const int64_t *transitions;
    const uint8_t *transition_types;
    const struct zone_type *types; /* the first: before all transitions */
    struct zone_rule rule;
};

/* A zone or a fixed offset; as a value. */
struct time_zone {
    const struct zone *zone; /* NULL: offset_s always */
    int32_t offset_s;
};
static inline struct time_zone time_zone_fixed(int32_t offset_s) {
    return (struct time_zone){.offset_s = offset_s};
}
static inline struct time_zone time_zone_of(const struct zone *zone) {
    return (struct time_zone){.zone = zone};
}
static inline bool time_zone_equal(struct time_zone a, struct time_zone b) {
    return a.zone == b.zone && (a.zone != NULL || a.offset_s == b.offset_s);
}

/* Of hostile bytes; memory of the arena. KMB_CORRUPT, KMB_NO_MEMORY. */
enum kmb_status zone_read(struct slice name, struct slice bytes, struct arena *arena, struct zone **out,
                          struct kmb_error *error);
/* Of a POSIX rule, which is its name, too. False: it is none, or there is no memory. */
bool zone_read_rule(struct slice text, struct arena *arena, struct zone **out);

/* What holds at an instant. Never NULL. */
const struct zone_type *zone_at(const struct zone *zone, int64_t utc_s);

/* The offset at an instant, and the one that a local time has: of a time that a change of offset skips that of before,
 * of one that comes twice that of after, as in PostgreSQL. Microseconds since 1970. */
int32_t time_zone_at(struct time_zone zone, int64_t utc_us);
int32_t time_zone_of_local(struct time_zone zone, int64_t local_us);

#endif
