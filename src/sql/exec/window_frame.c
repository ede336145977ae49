/*
 * The frame of a row.
 *
 * ROWS counts positions, GROUPS counts peer groups, RANGE without an offset ends at the row's own group. RANGE with an
 * offset asks for the rows whose key is at most so far from the row's own; a partition is sorted by that key, so each
 * end is found by bisection. A NULL is as far from a value as can be and no distance from another NULL. EXCLUDE then
 * takes rows out of the middle.
 */
#include "sql/exec/window.h"

#include <math.h>

#include "base/assert.h"
#include "types/datetime.h"

/* --- offsets --- */

static struct value offset_value(struct exec *exec, const struct plan_frame *plan, const struct expr *expr,
                                 const char *which) {
    struct value value = {0};
    if (expr == NULL) {
        return value;
    }
    value = exec_value(exec, expr);
    if (value.is_null) {
        sql_raise(exec->context, KMB_NULL_NOT_ALLOWED, expr->position, "frame %s offset must not be null", which);
    }
    if (plan->mode != PLAN_FRAME_RANGE && value.as.integer < 0) {
        sql_raise(exec->context, KMB_INVALID_FRAME_OFFSET, expr->position, "frame %s offset must not be negative",
                  which);
    }
    return value;
}

static bool distance_negative(enum type_id key, const struct value *distance) {
    switch ((int)distance->type) {
    case TYPE_INTERVAL:
        return key == TYPE_TIME ? distance->as.interval.us < 0
                                : interval_compare(distance->as.interval, (struct interval){0}) < 0;
    case TYPE_FLOAT8:
        return isnan(distance->as.real) || distance->as.real < 0;
    case TYPE_NUMERIC:
        return distance->as.decimal.kind == DECIMAL_NAN || decimal_sign(distance->as.decimal) < 0;
    default:
        return distance->as.integer < 0;
    }
}

void window_frames_open(struct window_frames *frames, struct exec *exec) {
    const struct plan_frame *plan = frames->plan;
    frames->start = offset_value(exec, plan, plan->start_offset, "starting");
    frames->end = offset_value(exec, plan, plan->end_offset, "ending");
    if (plan->mode != PLAN_FRAME_RANGE) {
        return;
    }
    enum type_id key = frames->rowset->types[frames->key.column].id;
    if ((plan->start_offset != NULL && distance_negative(key, &frames->start)) ||
        (plan->end_offset != NULL && distance_negative(key, &frames->end))) {
        sql_raise(exec->context, KMB_INVALID_FRAME_OFFSET, 0, "invalid preceding or following size in window function");
    }
}

/* --- RANGE with an offset --- */

/* A key moved by a distance. */
struct target {
    bool everything; /* infinity less infinity: nothing tells rows apart */
    __int128 integer;
    double real;
    struct decimal decimal;
    struct timestamp timestamp;
    struct interval interval;
};

static void check(const struct window_frames *frames, enum kmb_status status) {
    if (status != KMB_OK) {
        sql_raise_status(frames->context, status, 0);
    }
}

static const struct vector *key_at(const struct window_frames *frames, uint32_t position, uint32_t *place) {
    return rowset_at(frames->rowset, frames->key.column, frames->order[position], place);
}

static struct timestamp date_midnight(const struct window_frames *frames, int64_t days) {
    struct timestamp midnight;
    check(frames, date_to_timestamp(days, &midnight, frames->context->error));
    return midnight;
}

static struct timestamp moved(const struct window_frames *frames, struct timestamp at, struct interval span, bool down,
                              bool local) {
    struct time_zone zone = local ? sql_datetime(frames->context).zone : time_zone_fixed(0);
    struct timestamp result;
    struct kmb_error *error = frames->context->error;
    check(frames, down ? timestamp_subtract_interval(at, span, zone, &result, error)
                       : timestamp_add_interval(at, span, zone, &result, error));
    return result;
}

static struct target target_of(const struct window_frames *frames, uint32_t position, const struct value *distance,
                               bool down) {
    uint32_t place = 0;
    const struct vector *key = key_at(frames, position, &place);
    struct kmb_error *error = frames->context->error;
    struct target target = {0};
    switch ((int)key->type.id) {
    case TYPE_FLOAT4:
    case TYPE_FLOAT8: {
        double base = key->real[place];
        double by = distance->as.real;
        target.everything = isinf(by) && isinf(base) && (down ? base > 0 : base < 0);
        target.real = down ? base - by : base + by;
        break;
    }
    case TYPE_NUMERIC: {
        struct decimal base = key->decimal[place];
        struct decimal by = distance->as.decimal;
        target.everything =
            !decimal_is_finite(by) && base.kind == (down ? DECIMAL_INFINITY : DECIMAL_NEGATIVE_INFINITY);
        if (!target.everything) {
            check(frames, down ? decimal_subtract(base, by, &target.decimal, error)
                               : decimal_add(base, by, &target.decimal, error));
        }
        break;
    }
    case TYPE_DATE:
        target.timestamp =
            moved(frames, date_midnight(frames, key->integer[place]), distance->as.interval, down, false);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        target.timestamp =
            moved(frames, key->timestamp[place], distance->as.interval, down, key->type.id == TYPE_TIMESTAMPTZ);
        break;
    case TYPE_INTERVAL:
        check(frames, down ? interval_subtract(key->interval[place], distance->as.interval, &target.interval, error)
                           : interval_add(key->interval[place], distance->as.interval, &target.interval, error));
        break;
    default: { /* whole numbers, and times by their microseconds */
        __int128 by = key->type.id == TYPE_TIME ? distance->as.interval.us : distance->as.integer;
        target.integer = (__int128)key->integer[place] + (down ? -by : by);
        break;
    }
    }
    return target;
}

static int compare_target(const struct window_frames *frames, uint32_t position, const struct target *target) {
    uint32_t place = 0;
    const struct vector *key = key_at(frames, position, &place);
    switch ((int)key->type.id) {
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return value_compare_real(key->real[place], target->real);
    case TYPE_NUMERIC:
        return decimal_compare(key->decimal[place], target->decimal);
    case TYPE_DATE:
        return timestamp_compare(date_midnight(frames, key->integer[place]), target->timestamp);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return timestamp_compare(key->timestamp[place], target->timestamp);
    case TYPE_INTERVAL:
        return interval_compare(key->interval[place], target->interval);
    default:
        return (key->integer[place] > target->integer) - (key->integer[place] < target->integer);
    }
}

static bool null_key(const struct window_frames *frames, uint32_t position) {
    uint32_t place = 0;
    const struct vector *key = key_at(frames, position, &place);
    return vector_is_null(key, place);
}

/* The partition's rows whose key is NULL stand in one group at its start or its end. */
static struct window_range null_rows(const struct window_frames *frames) {
    uint32_t from = frames->from;
    uint32_t to = frames->to;
    if (frames->key.nulls_first) {
        return null_key(frames, from) ? (struct window_range){from, frames->groups[1]}
                                      : (struct window_range){from, from};
    }
    return null_key(frames, to - 1) ? (struct window_range){frames->groups[frames->group_count - 1], to}
                                    : (struct window_range){to, to};
}

/* The first position at or behind the target; `past`: the first behind it. */
static uint32_t range_bound(const struct window_frames *frames, uint32_t position, const struct value *distance,
                            bool preceding, bool past) {
    struct window_range nulls = null_rows(frames);
    if (position >= nulls.from && position < nulls.to) {
        return past ? nulls.to : nulls.from;
    }
    uint32_t low = frames->key.nulls_first ? nulls.to : frames->from;
    uint32_t high = frames->key.nulls_first ? frames->to : nulls.from;
    struct target target = target_of(frames, position, distance, preceding != frames->key.descending);
    if (target.everything) { /* but NaN, which is behind infinity */
        if (past == frames->key.descending) {
            return past ? high : low;
        }
        target.real = (double)INFINITY;
        target.decimal = (struct decimal){.kind = DECIMAL_INFINITY};
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_target(frames, middle, &target);
        order = frames->key.descending ? -order : order;
        if (past ? order <= 0 : order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- bounds --- */

/* base + by, kept within [least, most] */
static int64_t clamped(int64_t base, int64_t by, bool down, int64_t least, int64_t most) {
    int64_t result;
    if (__builtin_add_overflow(base, down ? -by : by, &result)) {
        return down ? least : most;
    }
    return result < least ? least : result > most ? most : result;
}

static uint32_t start_of(const struct window_frames *frames, uint32_t position) {
    const struct plan_frame *plan = frames->plan;
    uint32_t group = frames->group_of[position];
    bool down = plan->start == PLAN_PRECEDING;
    if (plan->start == PLAN_UNBOUNDED_PRECEDING) {
        return frames->from;
    }
    if (plan->start == PLAN_CURRENT_ROW) {
        return plan->mode == PLAN_FRAME_ROWS ? position : frames->groups[group];
    }
    switch (plan->mode) {
    case PLAN_FRAME_ROWS:
        return (uint32_t)clamped(position, frames->start.as.integer, down, frames->from, frames->to);
    case PLAN_FRAME_GROUPS:
        return frames->groups[clamped(group, frames->start.as.integer, down, 0, frames->group_count)];
    case PLAN_FRAME_RANGE:
        return range_bound(frames, position, &frames->start, down, false);
    }
    UNREACHABLE("frame mode");
}

static uint32_t end_of(const struct window_frames *frames, uint32_t position) {
    const struct plan_frame *plan = frames->plan;
    uint32_t group = frames->group_of[position];
    bool down = plan->end == PLAN_PRECEDING;
    if (plan->end == PLAN_UNBOUNDED_FOLLOWING) {
        return frames->to;
    }
    if (plan->end == PLAN_CURRENT_ROW) {
        return plan->mode == PLAN_FRAME_ROWS ? position + 1 : frames->groups[group + 1];
    }
    switch (plan->mode) {
    case PLAN_FRAME_ROWS:
        return (uint32_t)clamped((int64_t)position + 1, frames->end.as.integer, down, frames->from, frames->to);
    case PLAN_FRAME_GROUPS:
        return frames->groups[clamped((int64_t)group + 1, frames->end.as.integer, down, 0, frames->group_count)];
    case PLAN_FRAME_RANGE:
        return range_bound(frames, position, &frames->end, down, true);
    }
    UNREACHABLE("frame mode");
}

static void add_part(struct window_range ranges[WINDOW_RANGES_MAX], uint32_t *count, struct window_range frame,
                     uint32_t from, uint32_t to) {
    from = from < frame.from ? frame.from : from;
    to = to > frame.to ? frame.to : to;
    if (from < to) {
        ASSERT(*count < WINDOW_RANGES_MAX);
        ranges[(*count)++] = (struct window_range){from, to};
    }
}

uint32_t window_frame_of(const struct window_frames *frames, uint32_t position,
                         struct window_range ranges[WINDOW_RANGES_MAX]) {
    ASSERT(position >= frames->from && position < frames->to);
    struct window_range frame = {start_of(frames, position), end_of(frames, position)};
    uint32_t count = 0;
    uint32_t group = frames->group_of[position];
    switch (frames->plan->exclusion) {
    case PLAN_EXCLUDE_NONE:
        add_part(ranges, &count, frame, frame.from, frame.to);
        break;
    case PLAN_EXCLUDE_CURRENT:
        add_part(ranges, &count, frame, frame.from, position);
        add_part(ranges, &count, frame, position + 1, frame.to);
        break;
    case PLAN_EXCLUDE_TIES:
    case PLAN_EXCLUDE_GROUP:
        add_part(ranges, &count, frame, frame.from, frames->groups[group]);
        if (frames->plan->exclusion == PLAN_EXCLUDE_TIES) {
            add_part(ranges, &count, frame, position, position + 1);
        }
        add_part(ranges, &count, frame, frames->groups[group + 1], frame.to);
        break;
    }
    return count;
}
