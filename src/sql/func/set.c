/* Set-returning functions: generate_series over numbers and times, parts of a text, elements of arrays. */
#include <string.h>

#include "sql/func/loops.h"
#include "types/array.h"
#include "types/datetime.h"

static _Noreturn void raise_zero_step(const struct sql_call *call) {
    sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "step size cannot equal zero");
}

static void check(const struct sql_call *call, enum kmb_status status) {
    if (status != KMB_OK) {
        sql_raise_status(call->context, status, call->position);
    }
}

/* --- integers --- */

struct integers {
    int64_t at;
    int64_t end;
    int64_t step;
    bool done;
};

static void integers_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct integers *series = state;
    *series = (struct integers){.at = arguments[0].as.integer,
                                .end = arguments[1].as.integer,
                                .step = call->argument_count > 2 ? arguments[2].as.integer : 1};
    if (series->step == 0) {
        raise_zero_step(call);
    }
}

/* A step past the type's range is the end. */
static bool integers_next(const struct sql_call *call, void *state, struct value *row) {
    struct integers *series = state;
    if (series->done || (series->step > 0 ? series->at > series->end : series->at < series->end)) {
        return false;
    }
    *row = (struct value){.type = call->result_type.id, .as.integer = series->at};
    series->done = __builtin_add_overflow(series->at, series->step, &series->at);
    return true;
}

/* --- exact numbers --- */

struct decimals {
    struct decimal at;
    struct decimal end;
    struct decimal step;
};

static void decimals_check(const struct sql_call *call, struct decimal value, const char *what) {
    if (!decimal_is_finite(value)) {
        sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "%s cannot be %s", what,
                  value.kind == DECIMAL_NAN ? "NaN" : "infinity");
    }
}

static void decimals_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct decimals *series = state;
    *series = (struct decimals){.at = arguments[0].as.decimal,
                                .end = arguments[1].as.decimal,
                                .step = call->argument_count > 2 ? arguments[2].as.decimal : decimal_of_int64(1)};
    decimals_check(call, series->at, "start value");
    decimals_check(call, series->end, "stop value");
    decimals_check(call, series->step, "step size");
    if (decimal_is_zero(series->step)) {
        raise_zero_step(call);
    }
}

static bool decimals_next(const struct sql_call *call, void *state, struct value *row) {
    struct decimals *series = state;
    int order = decimal_compare(series->at, series->end);
    if (decimal_is_negative(series->step) ? order < 0 : order > 0) {
        return false;
    }
    *row = (struct value){.type = TYPE_NUMERIC, .as.decimal = series->at};
    check(call, decimal_add(series->at, series->step, &series->at, call->context->error));
    return true;
}

/* --- times --- */

struct times {
    struct timestamp at;
    struct timestamp end;
    struct interval step;
    int direction;
    struct time_zone zone;
};

static void times_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct times *series = state;
    bool local = call->result_type.id == TYPE_TIMESTAMPTZ;
    *series = (struct times){.at = arguments[0].as.timestamp,
                             .end = arguments[1].as.timestamp,
                             .step = arguments[2].as.interval,
                             .direction = interval_compare(arguments[2].as.interval, (struct interval){0}),
                             .zone = local ? sql_datetime(call->context).zone : time_zone_fixed(0)};
    if (series->direction == 0) {
        raise_zero_step(call);
    }
}

static bool times_next(const struct sql_call *call, void *state, struct value *row) {
    struct times *series = state;
    int order = timestamp_compare(series->at, series->end);
    if (series->direction > 0 ? order > 0 : order < 0) {
        return false;
    }
    *row = value_timestamp(call->result_type.id, series->at);
    check(call, timestamp_add_interval(series->at, series->step, series->zone, &series->at, call->context->error));
    return true;
}

/* --- parts of a text --- */

struct parts {
    struct slice rest;
    struct slice separator;
    struct slice null;
    bool has_null;
    bool each; /* without a separator: every character */
    bool done;
};

static void parts_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct parts *parts = state;
    *parts = (struct parts){.done = arguments[0].is_null, .each = arguments[1].is_null};
    if (parts->done) {
        return;
    }
    parts->rest = arguments[0].as.bytes;
    parts->separator = parts->each ? slice_make(NULL, 0) : arguments[1].as.bytes;
    parts->has_null = call->argument_count > 2 && !arguments[2].is_null;
    parts->null = parts->has_null ? arguments[2].as.bytes : slice_make(NULL, 0);
    parts->done = parts->rest.length == 0; /* an empty text has no parts */
}

/* The first part's length, and at *skip what lies between it and the next one; false: it is the last. */
static bool part_find(const struct parts *parts, size_t *length, size_t *skip) {
    const uint8_t *bytes = parts->rest.bytes;
    *skip = parts->separator.length;
    if (parts->each) {
        for (*length = 1; *length < parts->rest.length && (bytes[*length] & 0xC0) == 0x80; (*length)++) {
        }
        return *length < parts->rest.length;
    }
    const uint8_t *found =
        *skip == 0 ? NULL : memmem(bytes, parts->rest.length, parts->separator.bytes, parts->separator.length);
    *length = found == NULL ? parts->rest.length : (size_t)(found - bytes);
    return found != NULL;
}

static bool parts_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    struct parts *parts = state;
    if (parts->done) {
        return false;
    }
    size_t length = 0;
    size_t skip = 0;
    parts->done = !part_find(parts, &length, &skip);
    struct slice part = slice_make(parts->rest.bytes, length);
    if (!parts->done) {
        parts->rest = slice_make(parts->rest.bytes + length + skip, parts->rest.length - length - skip);
    }
    bool null = parts->has_null && slice_equal(part, parts->null);
    *row = null ? value_null(TYPE_TEXT) : value_text(part);
    return true;
}

/* --- elements and subscripts of an array --- */

struct elements {
    struct array array;
    uint32_t at;
};

static void elements_open(const struct sql_call *call, void *state, const struct value *arguments) {
    (void)call;
    struct elements *elements = state;
    array_open(&arguments[0], &elements->array);
}

static bool elements_next(const struct sql_call *call, void *state, struct value *row) {
    (void)call;
    struct elements *elements = state;
    if (elements->at == elements->array.count) {
        return false;
    }
    *row = array_get(&elements->array, elements->at++);
    return true;
}

/* Of one dimension; none where the array has no such. */
static void subscripts_open(const struct sql_call *call, void *state, const struct value *arguments) {
    struct integers *series = state;
    struct array array;
    array_open(&arguments[0], &array);
    int64_t dimension = arguments[1].as.integer;
    *series = (struct integers){.step = 1, .done = dimension < 1 || dimension > array.shape.dimensions};
    if (series->done) {
        return;
    }
    int64_t lower = array.shape.lowers[dimension - 1];
    int64_t upper = lower + array.shape.lengths[dimension - 1] - 1;
    bool reverse = call->argument_count > 2 && arguments[2].as.boolean;
    *series =
        (struct integers){.at = reverse ? upper : lower, .end = reverse ? lower : upper, .step = reverse ? -1 : 1};
}

/* --- the table --- */

static const struct sql_set integers_set = {sizeof(struct integers), integers_open, integers_next, NULL, 0};
static const struct sql_set decimals_set = {sizeof(struct decimals), decimals_open, decimals_next, NULL, 0};
static const struct sql_set times_set = {sizeof(struct times), times_open, times_next, NULL, 0};
static const struct sql_set elements_set = {sizeof(struct elements), elements_open, elements_next, NULL, 0};
static const struct sql_set subscripts_set = {sizeof(struct integers), subscripts_open, integers_next, NULL, 0};
static const struct sql_set parts_set = {sizeof(struct parts), parts_open, parts_next, NULL, 0};

#define SET_ROW(name_, set_, strict_, volatility_, result_, summary_, ...)                                             \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SET, .name = (name_), .set = &(set_), .strict = (strict_), .volatility = (volatility_),  \
        .result = (result_), .summary = (summary_),                                                                    \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define SET(name_, set_, result_, summary_, ...)                                                                       \
    SET_ROW(name_, set_, true, SQL_IMMUTABLE, result_, summary_, __VA_ARGS__)

/* clang-format off */
static const struct sql_function set_rows[] = {
    SET("generate_series", integers_set, TYPE_INT4, "from, from + 1, ... up to the second", TYPE_INT4, TYPE_INT4),
    SET("generate_series", integers_set, TYPE_INT4, "from one to the other by steps", TYPE_INT4, TYPE_INT4, TYPE_INT4),
    SET("generate_series", integers_set, TYPE_INT8, "from, from + 1, ... up to the second", TYPE_INT8, TYPE_INT8),
    SET("generate_series", integers_set, TYPE_INT8, "from one to the other by steps", TYPE_INT8, TYPE_INT8, TYPE_INT8),
    SET("generate_series", decimals_set, TYPE_NUMERIC, "from, from + 1, ... up to the second", TYPE_NUMERIC, TYPE_NUMERIC),
    SET("generate_series", decimals_set, TYPE_NUMERIC, "from one to the other by steps", TYPE_NUMERIC, TYPE_NUMERIC, TYPE_NUMERIC),
    SET("generate_series", times_set, TYPE_TIMESTAMP, "from one to the other by steps", TYPE_TIMESTAMP, TYPE_TIMESTAMP, TYPE_INTERVAL),
    SET_ROW("generate_series", times_set, true, SQL_STABLE, TYPE_TIMESTAMPTZ, "from one to the other by steps", TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ, TYPE_INTERVAL),
    SET_ROW("string_to_table", parts_set, false, SQL_IMMUTABLE, TYPE_TEXT, "the parts between separators; NULL: each character", TYPE_TEXT, TYPE_TEXT),
    SET_ROW("string_to_table", parts_set, false, SQL_IMMUTABLE, TYPE_TEXT, "the same, with NULL for parts equal to the third", TYPE_TEXT, TYPE_TEXT, TYPE_TEXT),
    SET("unnest", elements_set, TYPE_ANYELEMENT, "elements of the array", TYPE_ANYARRAY),
    SET("generate_subscripts", subscripts_set, TYPE_INT4, "subscripts of a dimension", TYPE_ANYARRAY, TYPE_INT4),
    SET("generate_subscripts", subscripts_set, TYPE_INT4, "the same, backwards where the third is true", TYPE_ANYARRAY, TYPE_INT4, TYPE_BOOL),
};
/* clang-format on */

struct function_rows function_rows_set(void) {
    return FUNCTION_ROWS(set_rows);
}
