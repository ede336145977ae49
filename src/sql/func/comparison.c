/*
 * The six comparisons of every type that has them. One macro writes the loops of a type from an equality and a "less"
 * of two elements; the order is that of types/value.h: NaN greatest and equal to itself, text bytewise, char(n)
 * without trailing blanks, intervals by span.
 */
#include "sql/func/loops.h"
#include "types/json.h"
#include "types/value.h"

#define COMPARISON_LOOP(name, member, ctype, expression)                                                               \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        const ctype *a = arguments[0]->member;                                                                         \
        const ctype *b = arguments[1]->member;                                                                         \
        uint8_t *out = result->boolean;                                                                                \
        BINARY_LOOP(ctype, a, b, { out[row] = (uint8_t)(expression); });                                               \
    }

#define COMPARISONS(prefix, member, ctype, equal, less)                                                                \
    COMPARISON_LOOP(prefix##_eq, member, ctype, equal(x, y))                                                           \
    COMPARISON_LOOP(prefix##_ne, member, ctype, !equal(x, y))                                                          \
    COMPARISON_LOOP(prefix##_lt, member, ctype, less(x, y))                                                            \
    COMPARISON_LOOP(prefix##_le, member, ctype, !less(y, x))                                                           \
    COMPARISON_LOOP(prefix##_gt, member, ctype, less(y, x))                                                            \
    COMPARISON_LOOP(prefix##_ge, member, ctype, !less(x, y))

#define PLAIN_EQUAL(x, y) ((x) == (y))
#define PLAIN_LESS(x, y)  ((x) < (y))
COMPARISONS(bool, boolean, uint8_t, PLAIN_EQUAL, PLAIN_LESS)
COMPARISONS(int, integer, int64_t, PLAIN_EQUAL, PLAIN_LESS)

/* NaN equals NaN and is above all: total orders written so that each is one or two compares. */
#define REAL_EQUAL(x, y) ((x) == (y) || ((x) != (x) && (y) != (y)))
#define REAL_LESS(x, y)  ((x) < (y) || ((x) == (x) && (y) != (y)))
COMPARISONS(real, real, double, REAL_EQUAL, REAL_LESS)

static inline bool decimal_same_scale(struct decimal x, struct decimal y) {
    return ((x.kind | y.kind) == DECIMAL_FINITE) && x.scale == y.scale;
}
static inline bool decimal_equal(struct decimal x, struct decimal y) {
    return decimal_same_scale(x, y) ? x.low == y.low && x.high == y.high : decimal_compare(x, y) == 0;
}
static inline bool decimal_less(struct decimal x, struct decimal y) {
    return decimal_same_scale(x, y) ? x.high < y.high || (x.high == y.high && x.low < y.low)
                                    : decimal_compare(x, y) < 0;
}
COMPARISONS(numeric, decimal, struct decimal, decimal_equal, decimal_less)

#define BYTES_LESS(x, y) (slice_compare((x), (y)) < 0)
COMPARISONS(bytes, bytes, struct slice, slice_equal, BYTES_LESS)

#define BLANK_EQUAL(x, y) slice_equal(value_trim_blanks(x), value_trim_blanks(y))
#define BLANK_LESS(x, y)  (slice_compare(value_trim_blanks(x), value_trim_blanks(y)) < 0)
COMPARISONS(blank, bytes, struct slice, BLANK_EQUAL, BLANK_LESS)

#define JSON_EQUAL(x, y) (json_compare((x), (y)) == 0)
#define JSON_LESS(x, y)  (json_compare((x), (y)) < 0)
COMPARISONS(json, bytes, struct slice, JSON_EQUAL, JSON_LESS)

#define LABEL_ORDER(x, y) memcmp((x).bytes, (y).bytes, VALUE_LABEL_PLACE)
#define LABEL_EQUAL(x, y) (LABEL_ORDER(x, y) == 0)
#define LABEL_LESS(x, y)  (LABEL_ORDER(x, y) < 0)
COMPARISONS(label, bytes, struct slice, LABEL_EQUAL, LABEL_LESS)

#define TIMESTAMP_EQUAL(x, y) ((x).us == (y).us && (x).ns == (y).ns)
#define TIMESTAMP_LESS(x, y)  ((x).us < (y).us || ((x).us == (y).us && (x).ns < (y).ns))
COMPARISONS(timestamp, timestamp, struct timestamp, TIMESTAMP_EQUAL, TIMESTAMP_LESS)

#define INTERVAL_EQUAL(x, y) (interval_compare((x), (y)) == 0)
#define INTERVAL_LESS(x, y)  (interval_compare((x), (y)) < 0)
COMPARISONS(interval, interval, struct interval, INTERVAL_EQUAL, INTERVAL_LESS)

#define UUID_LOOP(name, relation)                                                                                      \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        EACH_ROW(row) {                                                                                                \
            result->boolean[row] =                                                                                     \
                (uint8_t)(memcmp(arguments[0]->uuid[vector_row(arguments[0], row)],                                    \
                                 arguments[1]->uuid[vector_row(arguments[1], row)], 16) relation 0);                   \
        }                                                                                                              \
    }
UUID_LOOP(uuid_eq, ==)
UUID_LOOP(uuid_ne, !=)
UUID_LOOP(uuid_lt, <)
UUID_LOOP(uuid_le, <=)
UUID_LOOP(uuid_gt, >)
UUID_LOOP(uuid_ge, >=)

#define COMPARISON_ROW(name_, commutator_, scalar_, summary_, type)                                                    \
    {                                                                                                                  \
        .class = SQL_FUNCTION_OPERATOR, .name = (name_), .argument_count = 2, .strict = true,                          \
        .arguments = {type, type}, .result = TYPE_BOOL, .scalar = (scalar_), .commutator = (commutator_),              \
        .summary = (summary_)                                                                                          \
    }

/* clang-format off */
#define COMPARISON_ROWS(type, prefix)                                       \
    COMPARISON_ROW("=", "=", prefix##_eq, "equal", type),                   \
    COMPARISON_ROW("<>", "<>", prefix##_ne, "not equal", type),             \
    COMPARISON_ROW("<", ">", prefix##_lt, "less than", type),               \
    COMPARISON_ROW("<=", ">=", prefix##_le, "less than or equal", type),    \
    COMPARISON_ROW(">", "<", prefix##_gt, "greater than", type),            \
    COMPARISON_ROW(">=", "<=", prefix##_ge, "greater than or equal", type)

static const struct sql_function comparison_rows[] = {
    COMPARISON_ROWS(TYPE_BOOL, bool),
    COMPARISON_ROWS(TYPE_TINYINT, int),
    COMPARISON_ROWS(TYPE_INT2, int),
    COMPARISON_ROWS(TYPE_INT4, int),
    COMPARISON_ROWS(TYPE_INT8, int),
    COMPARISON_ROWS(TYPE_FLOAT4, real),
    COMPARISON_ROWS(TYPE_FLOAT8, real),
    COMPARISON_ROWS(TYPE_NUMERIC, numeric),
    COMPARISON_ROWS(TYPE_TEXT, bytes),
    COMPARISON_ROWS(TYPE_BPCHAR, blank),
    COMPARISON_ROWS(TYPE_BYTEA, bytes),
    COMPARISON_ROWS(TYPE_DATE, int),
    COMPARISON_ROWS(TYPE_TIME, int),
    COMPARISON_ROWS(TYPE_TIMESTAMP, timestamp),
    COMPARISON_ROWS(TYPE_TIMESTAMPTZ, timestamp),
    COMPARISON_ROWS(TYPE_INTERVAL, interval),
    COMPARISON_ROWS(TYPE_UUID, uuid),
    COMPARISON_ROWS(TYPE_JSONB, json),
    COMPARISON_ROWS(TYPE_NAME, bytes),
    COMPARISON_ROWS(TYPE_CHAR, bytes),
    COMPARISON_ROWS(TYPE_OID, int),
    COMPARISON_ROWS(TYPE_ANYENUM, label),
};
/* clang-format on */

struct function_rows function_rows_comparison(void) {
    return FUNCTION_ROWS(comparison_rows);
}
