/*
 * Exact decimal numbers: a 128-bit integer mantissa, a scale, and PostgreSQL's NaN and infinities.
 *
 * value = mantissa / 10^scale. |mantissa| < 10^38, so 38 digits always fit; scale is 0..DECIMAL_SCALE_MAX and is what
 * PostgreSQL calls the display scale: 1.0 and 1.00 are equal but print differently. Sums, differences and products are
 * exact or refused; nothing here ever passes through a float except the two conversions that say so.
 *
 * An overflow is KMB_NUMERIC_OUT_OF_RANGE "value overflows numeric format", the detail naming the limit.
 */
#ifndef KMB_TYPES_DECIMAL_H
#define KMB_TYPES_DECIMAL_H

#include "base/buffer.h"
#include "base/error.h"

enum decimal_kind {
    DECIMAL_FINITE = 0,
    DECIMAL_NAN = 1,
    DECIMAL_INFINITY = 2,
    DECIMAL_NEGATIVE_INFINITY = 3,
};

#define DECIMAL_DIGITS_MAX 38
#define DECIMAL_SCALE_MAX  76  /* so that the product of any two columns of scale 38 has a place */
#define DECIMAL_TEXT_SIZE  128 /* any text of decimal_format(), zero included */

/* Not finite: low, high and scale are zero. reserved is always zero: the struct can be hashed and compared whole. */
struct decimal {
    uint64_t low; /* the mantissa in two's complement, low and high word */
    int64_t high;
    uint16_t scale;
    uint8_t kind; /* enum decimal_kind */
    uint8_t reserved[5];
};

static inline struct decimal decimal_of_int64(int64_t value) {
    return (struct decimal){.low = (uint64_t)value, .high = value < 0 ? -1 : 0};
}
static inline struct decimal decimal_special(enum decimal_kind kind) {
    return (struct decimal){.kind = (uint8_t)kind};
}
static inline bool decimal_is_finite(struct decimal a) {
    return a.kind == DECIMAL_FINITE;
}
static inline bool decimal_is_zero(struct decimal a) {
    return a.kind == DECIMAL_FINITE && a.low == 0 && a.high == 0;
}
static inline bool decimal_is_negative(struct decimal a) { /* NaN is not */
    return a.kind == DECIMAL_NEGATIVE_INFINITY || (a.kind == DECIMAL_FINITE && a.high < 0);
}

/* Mantissa in range, scale in range, padding zero: for what comes from bytes. */
bool decimal_valid(struct decimal a);

/* From mantissa * 10^-scale; false when the mantissa has more than 38 digits or the scale is too great. */
bool decimal_make(int64_t high, uint64_t low, uint32_t scale, struct decimal *out);

/* Text: PostgreSQL's numeric input: blanks around, sign, digits, point, exponent, NaN, [+-]Infinity, inf.
 * KMB_INVALID_TEXT: invalid input syntax for type numeric: "x". */
enum kmb_status decimal_parse(struct slice text, struct decimal *out, struct kmb_error *error);
size_t decimal_format(struct decimal a, char text[DECIMAL_TEXT_SIZE]); /* length; zero-terminated */
void decimal_print(struct decimal a, struct buffer *out);

/* Scale of a sum: the greater. Of a product: the sum. Of a remainder: the greater. */
enum kmb_status decimal_add(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_subtract(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_multiply(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
/* Quotient rounded half away from zero at PostgreSQL's result scale (at least 16 significant digits and the scale of
 * either operand), less only when 38 digits would not hold it. KMB_DIVISION_BY_ZERO: division by zero. */
enum kmb_status decimal_divide(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_modulo(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);
/* Truncated integer quotient, scale 0: PostgreSQL's div(). */
enum kmb_status decimal_divide_integer(struct decimal a, struct decimal b, struct decimal *out,
                                       struct kmb_error *error);
struct decimal decimal_negate(struct decimal a);
struct decimal decimal_absolute(struct decimal a);
int decimal_sign(struct decimal a); /* -1, 0, 1; NaN answers 1, as it sorts above everything */

/* <0, 0, >0. -Infinity < finite < Infinity < NaN = NaN; scale does not matter. */
int decimal_compare(struct decimal a, struct decimal b);
uint64_t decimal_hash(struct decimal a); /* equal numbers, equal hashes */
/* The same number with no trailing zeros after the point. */
struct decimal decimal_normalize(struct decimal a);
uint32_t decimal_min_scale(struct decimal a);

enum decimal_rounding { DECIMAL_HALF_AWAY, DECIMAL_TRUNCATE, DECIMAL_CEILING, DECIMAL_FLOOR };
/* To `scale` digits after the point (negative: before it); the result has scale max(scale, 0), padded with zeros as
 * PostgreSQL's round() and trunc() do. */
enum kmb_status decimal_round(struct decimal a, int32_t scale, enum decimal_rounding rounding, struct decimal *out,
                              struct kmb_error *error);
/* numeric(p, s): rounds to s, refuses what then has more than p - s digits before the point (22003 "numeric field
 * overflow" with PostgreSQL's detail). modifier as in struct type; -1 changes nothing. */
enum kmb_status decimal_apply_modifier(struct decimal a, int32_t modifier, struct decimal *out,
                                       struct kmb_error *error);

/* Rounded half away from zero. KMB_NUMERIC_OUT_OF_RANGE "bigint out of range"; NaN and infinities: KMB_UNSUPPORTED
 * "cannot convert NaN to bigint". */
enum kmb_status decimal_to_int64(struct decimal a, int64_t *out, struct kmb_error *error);
double decimal_to_double(struct decimal a); /* correctly rounded */
/* PostgreSQL's float8 -> numeric: 15 significant digits. float4: 6. */
enum kmb_status decimal_of_double(double value, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_of_float(float value, struct decimal *out, struct kmb_error *error);

/* Tells that a result has no place: KMB_NUMERIC_OUT_OF_RANGE. */
enum kmb_status decimal_overflow(struct kmb_error *error);

/* PostgreSQL's numeric sqrt: at least 16 significant digits. KMB_INVALID_POWER_ARGUMENT: cannot take square root of a
 * negative number. */
enum kmb_status decimal_sqrt(struct decimal a, struct decimal *out, struct kmb_error *error);
/* a^exponent by repeated multiplication, rounded to at least 16 significant digits as PostgreSQL's numeric power. */
enum kmb_status decimal_power_integer(struct decimal a, int64_t exponent, struct decimal *out, struct kmb_error *error);

/*
 * Natural logarithm, logarithm to a base, e^a and a^b of finite numbers, exact to the last digit at PostgreSQL's
 * scales: 16 significant digits, or the operands' scale, less where 38 digits do not hold it. Logarithms are of numbers
 * above 0, powers of numbers not below 0, 0^b for b > 0 only. KMB_DIVISION_BY_ZERO: the base is 1.
 * KMB_NUMERIC_OUT_OF_RANGE.
 */
enum kmb_status decimal_ln(struct decimal a, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_log(struct decimal base, struct decimal a, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_exp(struct decimal a, struct decimal *out, struct kmb_error *error);
enum kmb_status decimal_power(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error);

/*
 * Running sum for aggregates: adds are inline and exact while the scale stays the same and 38 digits suffice; the total
 * is checked at the end, so an intermediate total may be twice beyond the limit either way.
 */
struct decimal_sum {
    struct decimal total; /* finite part, mantissa may run up to 2^127 */
    uint64_t count;       /* of values added, specials included */
    uint64_t nan_count;
    uint64_t infinity_count;
    uint64_t negative_infinity_count;
};
enum kmb_status decimal_sum_add(struct decimal_sum *sum, struct decimal value, struct kmb_error *error);
enum kmb_status decimal_sum_add_int64(struct decimal_sum *sum, int64_t value, struct kmb_error *error);
enum kmb_status decimal_sum_merge(struct decimal_sum *sum, const struct decimal_sum *other, struct kmb_error *error);
enum kmb_status decimal_sum_total(const struct decimal_sum *sum, struct decimal *out, struct kmb_error *error);
/* PostgreSQL's avg(): total / count. count must not be 0. */
enum kmb_status decimal_sum_average(const struct decimal_sum *sum, struct decimal *out, struct kmb_error *error);

#endif
