/*
 * Decimal arithmetic on 128-bit mantissas.
 *
 * PostgreSQL's numeric is an array of base-10000 digits without end; ours is one integer and a scale, so that adding a
 * million money amounts is a million machine additions. What 38 digits cannot hold is refused, never rounded away: a
 * sum, difference, product or remainder is exact or an error. Quotients round, as they must, and take PostgreSQL's
 * result scale: enough digits for 16 significant ones and at least those of the operands. That rule counts in groups of
 * four digits because PostgreSQL's digits do (select_div_scale in its numeric.c); decimal_leading() finds the weight
 * and first group that its arrays would have.
 *
 * Every operation first deals with NaN and the infinities, then with the case that nearly all data meets: mantissas of
 * one scale, in one machine word.
 */
#include "types/decimal.h"

#include "base/assert.h"
#include "base/map.h"
#include "types/wide.h"

#define MIN_SIGNIFICANT_DIGITS 16 /* of a quotient */

static struct wide decimal_mantissa(struct decimal a) {
    return (struct wide){.low = a.low, .high = a.high};
}

static struct decimal decimal_join(struct wide mantissa, uint32_t scale) {
    ASSERT(scale <= DECIMAL_SCALE_MAX);
    return (struct decimal){.low = mantissa.low, .high = mantissa.high, .scale = (uint16_t)scale};
}

enum kmb_status decimal_overflow(struct kmb_error *error) {
    error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "value overflows numeric format");
    return error == NULL ? KMB_NUMERIC_OUT_OF_RANGE
                         : error_detail(error, "A numeric value holds at most %d digits, at most %d after the point.",
                                        DECIMAL_DIGITS_MAX, DECIMAL_SCALE_MAX);
}

bool decimal_valid(struct decimal a) {
    for (size_t i = 0; i < sizeof(a.reserved); i++) {
        if (a.reserved[i] != 0) {
            return false;
        }
    }
    if (a.kind != DECIMAL_FINITE) {
        return a.kind <= DECIMAL_NEGATIVE_INFINITY && a.low == 0 && a.high == 0 && a.scale == 0;
    }
    return a.scale <= DECIMAL_SCALE_MAX && wide_is_mantissa(decimal_mantissa(a));
}

bool decimal_make(int64_t high, uint64_t low, uint32_t scale, struct decimal *out) {
    struct wide mantissa = {.low = low, .high = high};
    if (scale > DECIMAL_SCALE_MAX || !wide_is_mantissa(mantissa)) {
        return false;
    }
    *out = decimal_join(mantissa, scale);
    return true;
}

static enum kmb_status decimal_check(struct wide mantissa, uint32_t scale, struct decimal *out,
                                     struct kmb_error *error) {
    if (!wide_is_mantissa(mantissa) || scale > DECIMAL_SCALE_MAX) {
        return decimal_overflow(error);
    }
    *out = decimal_join(mantissa, scale);
    return KMB_OK;
}

/* The digits at the end of a fraction that are zero, at most `most`, taken off. */
static struct wide decimal_strip(struct wide mantissa, uint32_t most, uint32_t *stripped) {
    *stripped = 0;
    while (*stripped < most && (mantissa.low & 1) == 0) {
        struct wide rest;
        struct wide shorter = wide_divide(mantissa, wide_of(10), &rest);
        if (!wide_is_zero(rest)) {
            break;
        }
        mantissa = shorter;
        (*stripped)++;
    }
    return mantissa;
}

struct decimal decimal_normalize(struct decimal a) {
    if (a.kind != DECIMAL_FINITE || a.scale == 0) {
        return a;
    }
    if (decimal_is_zero(a)) {
        return decimal_of_int64(0);
    }
    uint32_t stripped;
    struct wide mantissa = decimal_strip(decimal_mantissa(a), a.scale, &stripped);
    return decimal_join(mantissa, a.scale - stripped);
}

uint32_t decimal_min_scale(struct decimal a) {
    return decimal_normalize(a).scale;
}

int decimal_sign(struct decimal a) {
    if (a.kind != DECIMAL_FINITE) {
        return a.kind == DECIMAL_NEGATIVE_INFINITY ? -1 : 1;
    }
    return a.high < 0 ? -1 : a.low == 0 && a.high == 0 ? 0 : 1;
}

struct decimal decimal_negate(struct decimal a) {
    switch ((enum decimal_kind)a.kind) {
    case DECIMAL_NAN:
        return a;
    case DECIMAL_INFINITY:
        return decimal_special(DECIMAL_NEGATIVE_INFINITY);
    case DECIMAL_NEGATIVE_INFINITY:
        return decimal_special(DECIMAL_INFINITY);
    case DECIMAL_FINITE:
        break;
    }
    return decimal_join(wide_negate(decimal_mantissa(a)), a.scale);
}

struct decimal decimal_absolute(struct decimal a) {
    return decimal_is_negative(a) ? decimal_negate(a) : a;
}

/* --- order --- */

/* Where a kind stands: -Infinity 0, finite 1, Infinity 2, NaN 3. */
static int decimal_rank(struct decimal a) {
    static const int ranks[] = {
        [DECIMAL_FINITE] = 1, [DECIMAL_NAN] = 3, [DECIMAL_INFINITY] = 2, [DECIMAL_NEGATIVE_INFINITY] = 0};
    ASSERT(a.kind <= DECIMAL_NEGATIVE_INFINITY);
    return ranks[a.kind];
}

int decimal_compare(struct decimal a, struct decimal b) {
    if (__builtin_expect((a.kind | b.kind) != DECIMAL_FINITE, 0)) {
        return decimal_rank(a) - decimal_rank(b);
    }
    struct wide x = decimal_mantissa(a);
    struct wide y = decimal_mantissa(b);
    if (a.scale == b.scale) {
        return wide_compare(x, y);
    }
    if (wide_is_negative(x) != wide_is_negative(y)) {
        return wide_is_negative(x) ? -1 : 1;
    }
    /* Where the one of smaller scale outgrows 127 bits it is the greater in magnitude. */
    int magnitude = wide_is_negative(x) ? -1 : 1;
    if (a.scale < b.scale) {
        return wide_scale_up(x, (uint32_t)(b.scale - a.scale), &x) ? wide_compare(x, y) : magnitude;
    }
    return wide_scale_up(y, (uint32_t)(a.scale - b.scale), &y) ? wide_compare(x, y) : -magnitude;
}

uint64_t decimal_hash(struct decimal a) {
    struct decimal plain = decimal_normalize(a);
    uint64_t words[3] = {plain.low, (uint64_t)plain.high, (uint64_t)plain.scale << 8 | plain.kind};
    return map_hash(words, sizeof(words), 0);
}

/* --- sums --- */

static enum kmb_status decimal_add_special(struct decimal a, struct decimal b, struct decimal *out) {
    bool clash = a.kind != DECIMAL_FINITE && b.kind != DECIMAL_FINITE && a.kind != b.kind;
    if (a.kind == DECIMAL_NAN || b.kind == DECIMAL_NAN || clash) {
        *out = decimal_special(DECIMAL_NAN);
    } else {
        *out = a.kind != DECIMAL_FINITE ? a : b;
    }
    return KMB_OK;
}

enum kmb_status decimal_add(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    if (__builtin_expect((a.kind | b.kind) != DECIMAL_FINITE, 0)) {
        return decimal_add_special(a, b, out);
    }
    struct wide x = decimal_mantissa(a);
    struct wide y = decimal_mantissa(b);
    uint32_t scale = a.scale;
    if (a.scale < b.scale) {
        scale = b.scale;
        if (!wide_scale_up(x, (uint32_t)(b.scale - a.scale), &x)) {
            return decimal_overflow(error);
        }
    } else if (b.scale < a.scale && !wide_scale_up(y, (uint32_t)(a.scale - b.scale), &y)) {
        return decimal_overflow(error);
    }
    struct wide sum;
    if (!wide_add(x, y, &sum)) {
        return decimal_overflow(error);
    }
    return decimal_check(sum, scale, out, error);
}

enum kmb_status decimal_subtract(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    return decimal_add(a, decimal_negate(b), out, error);
}

/* --- products --- */

enum kmb_status decimal_multiply(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    if (__builtin_expect((a.kind | b.kind) != DECIMAL_FINITE, 0)) {
        int sign = decimal_sign(a) * decimal_sign(b);
        bool undefined = a.kind == DECIMAL_NAN || b.kind == DECIMAL_NAN || sign == 0; /* 0 * Infinity */
        *out = decimal_special(undefined ? DECIMAL_NAN : sign < 0 ? DECIMAL_NEGATIVE_INFINITY : DECIMAL_INFINITY);
        return KMB_OK;
    }
    struct wide product;
    uint32_t scale = (uint32_t)a.scale + b.scale;
    if (wide_multiply(decimal_mantissa(a), decimal_mantissa(b), &product) && wide_is_mantissa(product) &&
        scale <= DECIMAL_SCALE_MAX) {
        *out = decimal_join(product, scale);
        return KMB_OK;
    }
    /* Zeros at the end of the operands' fractions may be all that is too much. */
    struct decimal x = decimal_normalize(a);
    struct decimal y = decimal_normalize(b);
    scale = (uint32_t)x.scale + y.scale;
    if (!wide_multiply(decimal_mantissa(x), decimal_mantissa(y), &product)) {
        decimal_overflow(error);
        return error == NULL ? KMB_NUMERIC_OUT_OF_RANGE
                             : error_hint(error, "Round the operands to fewer digits, for example with round(x, 10).");
    }
    return decimal_check(product, scale, out, error);
}

/* --- quotients --- */

/* How PostgreSQL's digit array of |a| begins: the power of 10000 of its first non-zero digit, and that digit. */
struct decimal_leading {
    int32_t weight;
    int32_t digit;
    int32_t exponent; /* of ten, of the first decimal digit */
};

static struct decimal_leading decimal_leading_of(struct decimal a) {
    struct wide mantissa = wide_absolute(decimal_mantissa(a));
    uint32_t digits = wide_digits(mantissa);
    if (digits == 0) {
        return (struct decimal_leading){0, 0, 0};
    }
    int32_t exponent = (int32_t)digits - 1 - a.scale;
    int32_t weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
    uint32_t places = (uint32_t)(exponent - 4 * weight) + 1; /* 1..4 decimal digits in the first group */
    struct wide rest;
    struct wide group = places <= digits ? wide_divide(mantissa, wide_power10(digits - places), &rest)
                                         : wide_of((int64_t)(mantissa.low * wide_power10(places - digits).low));
    return (struct decimal_leading){weight, (int32_t)group.low, exponent};
}

/* PostgreSQL's scale of a / b, lowered where 38 digits would not hold the quotient. */
static int32_t decimal_quotient_scale(struct decimal a, struct decimal b) {
    struct decimal_leading x = decimal_leading_of(a);
    struct decimal_leading y = decimal_leading_of(b);
    int32_t weight = x.weight - y.weight - (x.digit <= y.digit ? 1 : 0);
    int32_t scale = MIN_SIGNIFICANT_DIGITS - weight * 4;
    scale = scale < a.scale ? a.scale : scale;
    scale = scale < b.scale ? b.scale : scale;
    scale = scale < 0 ? 0 : scale;
    int32_t most = DECIMAL_DIGITS_MAX - 1 - (x.exponent - y.exponent);
    most = most < 0 ? 0 : most; /* an integer part beyond 38 digits is found when it is divided */
    scale = scale > most && !decimal_is_zero(a) ? most : scale;
    return scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : scale;
}

/* |a| * 10^up / |b| rounded half up, or truncated. False when it does not fit. */
static bool decimal_divide_magnitude(struct wide a, uint32_t up, struct wide b, bool round, struct wide *out) {
    struct wide dividend;
    struct wide divisor = wide_absolute(b);
    struct wide rest;
    struct wide quotient;
    a = wide_absolute(a);
    if (wide_scale_up(a, up, &dividend)) {
        quotient = wide_divide(dividend, divisor, &rest);
    } else {
        /* Beyond 127 bits: a 256-bit dividend, in two steps where 10^up alone is beyond the table. */
        uint32_t first = up > WIDE_POWER10_MAX ? WIDE_POWER10_MAX : up;
        struct wide_full full = wide_divide_full(wide_multiply_full(a, wide_power10(first)), divisor, &rest);
        if (!wide_of_full(full, &quotient)) {
            return false;
        }
        if (up > first) {
            struct wide_full more =
                wide_divide_full(wide_multiply_full(rest, wide_power10(up - first)), divisor, &rest);
            struct wide tail;
            if (!wide_scale_up(quotient, up - first, &quotient) || !wide_of_full(more, &tail) ||
                !wide_add(quotient, tail, &quotient)) {
                return false;
            }
        }
    }
    /* rest >= divisor - rest means a half or more, said without doubling. */
    struct wide left;
    bool half = wide_subtract(divisor, rest, &left) && wide_compare(rest, left) >= 0;
    if (round && half && !wide_add(quotient, wide_of(1), &quotient)) {
        return false;
    }
    *out = quotient;
    return true;
}

static enum kmb_status decimal_division_by_zero(struct kmb_error *error) {
    return error_set(error, KMB_DIVISION_BY_ZERO, "division by zero");
}

/* What / and div() answer when an operand is not finite. */
static enum kmb_status decimal_divide_special(struct decimal a, struct decimal b, struct decimal *out,
                                              struct kmb_error *error) {
    if (a.kind == DECIMAL_NAN || b.kind == DECIMAL_NAN) {
        *out = decimal_special(DECIMAL_NAN);
        return KMB_OK;
    }
    if (decimal_is_zero(b)) {
        return decimal_division_by_zero(error);
    }
    if (a.kind == DECIMAL_FINITE) {
        *out = decimal_of_int64(0); /* finite / infinite */
    } else if (b.kind != DECIMAL_FINITE) {
        *out = decimal_special(DECIMAL_NAN);
    } else {
        *out = decimal_special(decimal_sign(a) * decimal_sign(b) < 0 ? DECIMAL_NEGATIVE_INFINITY : DECIMAL_INFINITY);
    }
    return KMB_OK;
}

static enum kmb_status decimal_divide_at(struct decimal a, struct decimal b, int32_t scale, struct decimal *out,
                                         struct kmb_error *error) {
    int32_t up = scale + b.scale - a.scale;
    struct wide quotient;
    ASSERT(up >= 0); /* decimal_quotient_scale: never below what the operands' digits ask for */
    if (!decimal_divide_magnitude(decimal_mantissa(a), (uint32_t)up, decimal_mantissa(b), true, &quotient)) {
        return decimal_overflow(error);
    }
    if (wide_is_negative(decimal_mantissa(a)) != wide_is_negative(decimal_mantissa(b))) {
        quotient = wide_negate(quotient);
    }
    return decimal_check(quotient, (uint32_t)scale, out, error);
}

enum kmb_status decimal_divide(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    if (__builtin_expect((a.kind | b.kind) != DECIMAL_FINITE, 0)) {
        return decimal_divide_special(a, b, out, error);
    }
    if (decimal_is_zero(b)) {
        return decimal_division_by_zero(error);
    }
    int32_t scale = decimal_quotient_scale(a, b);
    if (decimal_is_zero(a)) {
        *out = decimal_join(wide_of(0), (uint32_t)scale);
        return KMB_OK;
    }
    return decimal_divide_at(a, b, scale, out, error);
}

enum kmb_status decimal_divide_integer(struct decimal a, struct decimal b, struct decimal *out,
                                       struct kmb_error *error) {
    if ((a.kind | b.kind) != DECIMAL_FINITE) {
        return decimal_divide_special(a, b, out, error);
    }
    if (decimal_is_zero(b)) {
        return decimal_division_by_zero(error);
    }
    struct wide x = decimal_mantissa(a);
    struct wide y = decimal_mantissa(b);
    bool negative = wide_is_negative(x) != wide_is_negative(y);
    struct wide quotient = wide_of(0);
    if (a.scale > b.scale) {
        /* A divisor that outgrows 127 bits is beyond any dividend. */
        if (wide_scale_up(y, (uint32_t)(a.scale - b.scale), &y)) {
            decimal_divide_magnitude(x, 0, y, false, &quotient);
        }
    } else if (!decimal_divide_magnitude(x, (uint32_t)(b.scale - a.scale), y, false, &quotient)) {
        return decimal_overflow(error);
    }
    return decimal_check(negative ? wide_negate(quotient) : quotient, 0, out, error);
}

/* Remainder of |x| * 10^up by y, the product never formed whole. */
static struct wide decimal_remainder_scaled(struct wide x, uint32_t up, struct wide y) {
    struct wide rest = wide_absolute(x);
    struct wide divisor = wide_absolute(y);
    while (up > 0) {
        uint32_t step = up > WIDE_POWER10_MAX ? WIDE_POWER10_MAX : up;
        wide_divide_full(wide_multiply_full(rest, wide_power10(step)), divisor, &rest);
        up -= step;
    }
    return rest;
}

enum kmb_status decimal_modulo(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    if ((a.kind | b.kind) != DECIMAL_FINITE) {
        if (a.kind == DECIMAL_NAN || b.kind == DECIMAL_NAN) {
            *out = decimal_special(DECIMAL_NAN);
        } else if (decimal_is_zero(b)) {
            return decimal_division_by_zero(error);
        } else {
            *out = a.kind == DECIMAL_FINITE ? a : decimal_special(DECIMAL_NAN); /* x % Infinity is x */
        }
        return KMB_OK;
    }
    if (decimal_is_zero(b)) {
        return decimal_division_by_zero(error);
    }
    struct wide x = decimal_mantissa(a);
    struct wide y = decimal_mantissa(b);
    struct wide rest;
    uint32_t scale = a.scale > b.scale ? a.scale : b.scale;
    if (a.scale >= b.scale) {
        rest = wide_absolute(x);
        if (wide_scale_up(y, (uint32_t)(a.scale - b.scale), &y)) {
            wide_divide(rest, wide_absolute(y), &rest);
        } /* else |a| < |b|: a itself */
    } else if (wide_scale_up(x, (uint32_t)(b.scale - a.scale), &rest)) {
        wide_divide(wide_absolute(rest), wide_absolute(y), &rest);
    } else {
        rest = decimal_remainder_scaled(x, (uint32_t)(b.scale - a.scale), y);
    }
    return decimal_check(wide_is_negative(x) ? wide_negate(rest) : rest, scale, out, error);
}

/* --- rounding --- */

/* mantissa / 10^places, rounded. */
static struct wide decimal_drop(struct wide mantissa, uint32_t places, enum decimal_rounding rounding) {
    bool negative = wide_is_negative(mantissa);
    struct wide rest = mantissa;
    struct wide quotient = wide_of(0);
    bool half = false;
    if (places <= WIDE_POWER10_MAX) {
        struct wide divisor = wide_power10(places);
        quotient = wide_divide(mantissa, divisor, &rest);
        struct wide left;
        half = wide_subtract(divisor, wide_absolute(rest), &left) && wide_compare(wide_absolute(rest), left) >= 0;
    } /* else less than a tenth: no half */
    bool inexact = !wide_is_zero(rest);
    bool away = rounding == DECIMAL_HALF_AWAY ? half
                : rounding == DECIMAL_CEILING ? inexact && !negative
                : rounding == DECIMAL_FLOOR   ? inexact && negative
                                              : false;
    if (away) {
        bool fits = wide_add(quotient, wide_of(negative ? -1 : 1), &quotient);
        ASSERT(fits);
    }
    return quotient;
}

enum kmb_status decimal_round(struct decimal a, int32_t scale, enum decimal_rounding rounding, struct decimal *out,
                              struct kmb_error *error) {
    if (a.kind != DECIMAL_FINITE) {
        *out = a;
        return KMB_OK;
    }
    struct wide mantissa = decimal_mantissa(a);
    if (scale >= a.scale) {
        /* Zeros change nothing but the look: as many as there is room for. */
        uint32_t wanted = scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : (uint32_t)scale;
        struct wide padded;
        while (!wide_scale_up(mantissa, wanted - a.scale, &padded) || !wide_is_mantissa(padded)) {
            wanted--; /* ends at a.scale, where nothing is added */
        }
        *out = decimal_join(padded, wanted);
        return KMB_OK;
    }
    uint32_t places = (uint32_t)(a.scale - (scale < -DECIMAL_SCALE_MAX ? -DECIMAL_SCALE_MAX : scale));
    mantissa = decimal_drop(mantissa, places, rounding);
    if (scale < 0) {
        if (!wide_scale_up(mantissa, (uint32_t)-scale, &mantissa)) {
            return decimal_overflow(error);
        }
        scale = 0;
    }
    return decimal_check(mantissa, (uint32_t)scale, out, error);
}

enum kmb_status decimal_apply_modifier(struct decimal a, int32_t modifier, struct decimal *out,
                                       struct kmb_error *error) {
    if (modifier < 0 || a.kind == DECIMAL_NAN) {
        *out = a;
        return KMB_OK;
    }
    int32_t precision = (modifier >> 16) & 0xffff;
    int32_t scale = ((modifier & 0x7ff) ^ 0x400) - 0x400;
    if (a.kind != DECIMAL_FINITE) {
        error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "numeric field overflow");
        error_detail(error, "A field with precision %d, scale %d cannot hold an infinite value.", precision, scale);
        return KMB_NUMERIC_OUT_OF_RANGE;
    }
    /* Mantissa at the wanted scale, then its digits are counted. */
    struct wide mantissa = decimal_mantissa(a);
    bool fits = true;
    if (scale < a.scale) {
        mantissa = decimal_drop(mantissa, (uint32_t)(a.scale - scale), DECIMAL_HALF_AWAY);
    } else {
        fits = wide_scale_up(mantissa, (uint32_t)(scale - a.scale), &mantissa);
    }
    if (!fits || !wide_is_mantissa(mantissa) || wide_digits(mantissa) > (uint32_t)precision) {
        int32_t digits = precision - scale;
        error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "numeric field overflow");
        error_detail(error, "A field with precision %d, scale %d must round to an absolute value less than %s%d.",
                     precision, scale, digits != 0 ? "10^" : "", digits != 0 ? digits : 1);
        return KMB_NUMERIC_OUT_OF_RANGE;
    }
    if (scale < 0) {
        if (!wide_scale_up(mantissa, (uint32_t)-scale, &mantissa)) {
            return decimal_overflow(error);
        }
        scale = 0;
    }
    return decimal_check(mantissa, (uint32_t)scale, out, error);
}

enum kmb_status decimal_to_int64(struct decimal a, int64_t *out, struct kmb_error *error) {
    if (a.kind != DECIMAL_FINITE) {
        return error_set(error, KMB_UNSUPPORTED, "cannot convert %s to bigint",
                         a.kind == DECIMAL_NAN ? "NaN" : "infinity");
    }
    struct wide mantissa = decimal_mantissa(a);
    if (a.scale > 0) {
        mantissa = decimal_drop(mantissa, a.scale, DECIMAL_HALF_AWAY);
    }
    if (!wide_fits_int64(mantissa)) {
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "bigint out of range");
    }
    *out = (int64_t)mantissa.low;
    return KMB_OK;
}

/* --- running sums --- */

/* Brings the total to a greater scale. */
static bool decimal_sum_widen(struct decimal_sum *sum, uint32_t scale) {
    struct wide total = decimal_mantissa(sum->total);
    if (!wide_scale_up(total, scale - sum->total.scale, &total)) {
        return false;
    }
    sum->total = decimal_join(total, scale);
    return true;
}

enum kmb_status decimal_sum_add(struct decimal_sum *sum, struct decimal value, struct kmb_error *error) {
    sum->count++;
    if (__builtin_expect(value.kind != DECIMAL_FINITE, 0)) {
        sum->nan_count += value.kind == DECIMAL_NAN ? 1 : 0;
        sum->infinity_count += value.kind == DECIMAL_INFINITY ? 1 : 0;
        sum->negative_infinity_count += value.kind == DECIMAL_NEGATIVE_INFINITY ? 1 : 0;
        return KMB_OK;
    }
    struct wide mantissa = decimal_mantissa(value);
    if (__builtin_expect(value.scale != sum->total.scale, 0)) {
        if (value.scale > sum->total.scale) {
            if (!decimal_sum_widen(sum, value.scale)) {
                return decimal_overflow(error);
            }
        } else if (!wide_scale_up(mantissa, (uint32_t)(sum->total.scale - value.scale), &mantissa)) {
            return decimal_overflow(error);
        }
    }
    struct wide total;
    if (!wide_add(decimal_mantissa(sum->total), mantissa, &total)) {
        return decimal_overflow(error);
    }
    sum->total.low = total.low;
    sum->total.high = total.high;
    return KMB_OK;
}

enum kmb_status decimal_sum_add_int64(struct decimal_sum *sum, int64_t value, struct kmb_error *error) {
    return decimal_sum_add(sum, decimal_of_int64(value), error);
}

enum kmb_status decimal_sum_merge(struct decimal_sum *sum, const struct decimal_sum *other, struct kmb_error *error) {
    enum kmb_status status = decimal_sum_add(sum, other->total, error);
    sum->count += other->count - 1;
    sum->nan_count += other->nan_count;
    sum->infinity_count += other->infinity_count;
    sum->negative_infinity_count += other->negative_infinity_count;
    return status;
}

/* True when the total is not finite; *out is it. */
static bool decimal_sum_special(const struct decimal_sum *sum, struct decimal *out) {
    if (sum->nan_count > 0 || (sum->infinity_count > 0 && sum->negative_infinity_count > 0)) {
        *out = decimal_special(DECIMAL_NAN);
    } else if (sum->infinity_count > 0) {
        *out = decimal_special(DECIMAL_INFINITY);
    } else if (sum->negative_infinity_count > 0) {
        *out = decimal_special(DECIMAL_NEGATIVE_INFINITY);
    } else {
        return false;
    }
    return true;
}

enum kmb_status decimal_sum_total(const struct decimal_sum *sum, struct decimal *out, struct kmb_error *error) {
    if (decimal_sum_special(sum, out)) {
        return KMB_OK;
    }
    return decimal_check(decimal_mantissa(sum->total), sum->total.scale, out, error);
}

enum kmb_status decimal_sum_average(const struct decimal_sum *sum, struct decimal *out, struct kmb_error *error) {
    ASSERT(sum->count > 0);
    struct decimal total;
    enum kmb_status status = decimal_sum_total(sum, &total, error);
    if (status != KMB_OK) {
        return status;
    }
    ASSERT(sum->count <= (uint64_t)INT64_MAX);
    return decimal_divide(total, decimal_of_int64((int64_t)sum->count), out, error);
}
