/*
 * Square roots and integer powers of decimals.
 *
 * A root is the integer root of mantissa * 10^n in 256 bits: Newton's iteration from the double's root, then made exact
 * by comparison, then rounded. A power is squared and multiplied with 38 digits kept and a power of ten beside them;
 * products of up to 38 digits stay exact, longer ones round half up, so the result is good to at least 16 significant
 * digits, which is what PostgreSQL promises. Result scales are PostgreSQL's, less where 38 digits would not hold it.
 */
#include <math.h>

#include "base/assert.h"
#include "types/decimal.h"
#include "types/wide.h"

#define MIN_SIGNIFICANT_DIGITS 16

static struct wide math_mantissa(struct decimal a) {
    return (struct wide){.low = a.low, .high = a.high};
}

/* --- roots --- */

static int full_compare(struct wide_full a, struct wide_full b) {
    for (size_t i = 4; i-- > 0;) {
        if (a.limb[i] != b.limb[i]) {
            return a.limb[i] < b.limb[i] ? -1 : 1;
        }
    }
    return 0;
}

static double full_to_double(struct wide_full a) {
    double value = 0;
    for (size_t i = 4; i-- > 0;) {
        value = value * 0x1p64 + (double)a.limb[i];
    }
    return value;
}

static struct wide wide_of_double(double value) { /* 0 <= value < 2^127 */
    double high = floor(value / 0x1p64);
    return (struct wide){.low = (uint64_t)(value - high * 0x1p64), .high = (int64_t)high};
}

/* The integer root of n < 10^76, rounded half up. */
static struct wide full_root(struct wide_full n) {
    struct wide x = wide_of_double(sqrt(full_to_double(n)));
    if (wide_is_zero(x)) {
        return x;
    }
    for (int round = 0; round < 4; round++) { /* 53 bits double each time: two would do */
        struct wide rest;
        struct wide quotient;
        bool fits = wide_of_full(wide_divide_full(n, x, &rest), &quotient) && wide_add(x, quotient, &x);
        ASSERT(fits);
        x = wide_divide(x, wide_of(2), &rest);
    }
    while (full_compare(wide_multiply_full(x, x), n) > 0) {
        wide_subtract(x, wide_of(1), &x);
    }
    struct wide next = x;
    while (wide_add(x, wide_of(1), &next) && full_compare(wide_multiply_full(next, next), n) <= 0) {
        x = next;
    }
    /* Above x + 1/2 when n > x^2 + x, for whole n. */
    return full_compare(n, wide_multiply_full(x, next)) > 0 ? next : x;
}

static int32_t floor_div(int32_t a, int32_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

enum kmb_status decimal_sqrt(struct decimal a, struct decimal *out, struct kmb_error *error) {
    if (decimal_sign(a) < 0) {
        return error_set(error, KMB_INVALID_POWER_ARGUMENT, "cannot take square root of a negative number");
    }
    if (a.kind != DECIMAL_FINITE) {
        *out = a;
        return KMB_OK;
    }
    int32_t digits = (int32_t)wide_digits(math_mantissa(a));
    int32_t weight = digits == 0 ? 0 : floor_div(digits - 1 - a.scale, 4); /* of base-10000 digits */
    int32_t root_weight = (weight + 1) * 4 / 2 - 1;
    int32_t scale = MIN_SIGNIFICANT_DIGITS - root_weight;
    scale = scale < a.scale ? a.scale : scale;
    scale = scale < 0 ? 0 : scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : scale;
    /* digits + 2 * scale - a.scale places under the root, 75 at most */
    while (scale > 0 && digits + 2 * scale - a.scale > 75) {
        scale--;
    }
    int32_t up = 2 * scale - a.scale;
    struct wide mantissa = math_mantissa(a);
    if (up < 0) { /* a fraction so long that its end does not show */
        struct wide rest;
        mantissa = wide_divide(mantissa, wide_power10((uint32_t)-up), &rest);
        up = 0;
    }
    uint32_t first = up > WIDE_POWER10_MAX ? (uint32_t)up - WIDE_POWER10_MAX : 0;
    bool fits = wide_scale_up(mantissa, first, &mantissa);
    ASSERT(fits);
    struct wide root = full_root(wide_multiply_full(mantissa, wide_power10((uint32_t)up - first)));
    return decimal_make(root.high, root.low, (uint32_t)scale, out) ? KMB_OK : decimal_overflow(error);
}

/* --- powers --- */

/* mantissa * 10^exponent, 0 <= mantissa < 10^38 */
struct math_float {
    struct wide mantissa;
    int64_t exponent;
};

static struct math_float float_multiply(struct math_float a, struct math_float b) {
    struct wide_full product = wide_multiply_full(a.mantissa, b.mantissa);
    struct math_float out = {.exponent = a.exponent + b.exponent};
    uint32_t digits = wide_digits(a.mantissa) + wide_digits(b.mantissa); /* or one less */
    if (digits <= DECIMAL_DIGITS_MAX) {
        bool fits = wide_of_full(product, &out.mantissa);
        ASSERT(fits);
        return out;
    }
    uint32_t drop = digits - DECIMAL_DIGITS_MAX;
    struct wide divisor = wide_power10(drop);
    struct wide rest;
    struct wide left;
    bool fits = wide_of_full(wide_divide_full(product, divisor, &rest), &out.mantissa);
    ASSERT(fits);
    if (wide_subtract(divisor, rest, &left) && wide_compare(rest, left) >= 0) {
        wide_add(out.mantissa, wide_of(1), &out.mantissa);
    }
    out.exponent += drop;
    if (!wide_is_mantissa(out.mantissa)) { /* rounded up to 10^38 */
        out.mantissa = wide_power10(WIDE_POWER10_MAX - 1);
        out.exponent++;
    }
    return out;
}

static struct math_float float_invert(struct math_float a) {
    uint32_t up = DECIMAL_DIGITS_MAX - wide_digits(a.mantissa);
    struct wide full;
    bool fits = wide_scale_up(a.mantissa, up, &full); /* 38 digits */
    ASSERT(fits);
    struct wide_full one = wide_multiply_full(wide_power10(38), wide_power10(37));
    struct wide rest;
    struct math_float out = {.exponent = -75 - (a.exponent - up)};
    fits = wide_of_full(wide_divide_full(one, full, &rest), &out.mantissa);
    ASSERT(fits);
    if (!wide_is_mantissa(out.mantissa)) { /* the inverse of 10^37 */
        out.mantissa = wide_power10(WIDE_POWER10_MAX - 1);
        out.exponent++;
    }
    return out;
}

/* At `scale` digits after the point, fewer where there is no room. */
static enum kmb_status float_to_decimal(struct math_float a, bool negative, int32_t scale, struct decimal *out,
                                        struct kmb_error *error) {
    struct wide mantissa = a.mantissa;
    int64_t digits = wide_digits(mantissa);
    if (digits + a.exponent > DECIMAL_DIGITS_MAX) {
        return decimal_overflow(error);
    }
    int64_t most = DECIMAL_DIGITS_MAX - (digits + a.exponent > 0 ? digits + a.exponent : 0);
    scale = scale > most ? (int32_t)most : scale;
    int64_t up = a.exponent + scale;
    if (up >= 0) {
        bool fits = wide_scale_up(mantissa, (uint32_t)up, &mantissa);
        ASSERT(fits);
    } else if (-up > DECIMAL_DIGITS_MAX) {
        mantissa = wide_of(0);
    } else {
        struct decimal exact;
        bool fits = decimal_make(mantissa.high, mantissa.low, (uint32_t)-up, &exact);
        ASSERT(fits);
        enum kmb_status status = decimal_round(exact, 0, DECIMAL_HALF_AWAY, &exact, error);
        if (status != KMB_OK) {
            return status;
        }
        mantissa = math_mantissa(exact);
    }
    mantissa = negative ? wide_negate(mantissa) : mantissa;
    return decimal_make(mantissa.high, mantissa.low, (uint32_t)scale, out) ? KMB_OK : decimal_overflow(error);
}

static enum kmb_status power_special(struct decimal a, int64_t exponent, struct decimal *out) {
    bool odd = exponent % 2 != 0;
    if (exponent == 0) {
        *out = decimal_of_int64(1);
    } else if (a.kind == DECIMAL_NAN) {
        *out = a;
    } else if (exponent < 0) {
        *out = decimal_of_int64(0);
    } else {
        *out =
            decimal_special(a.kind == DECIMAL_NEGATIVE_INFINITY && odd ? DECIMAL_NEGATIVE_INFINITY : DECIMAL_INFINITY);
    }
    return KMB_OK;
}

enum kmb_status decimal_power_integer(struct decimal a, int64_t exponent, struct decimal *out,
                                      struct kmb_error *error) {
    if (a.kind != DECIMAL_FINITE) {
        return power_special(a, exponent, out);
    }
    int32_t scale = a.scale > MIN_SIGNIFICANT_DIGITS ? a.scale : MIN_SIGNIFICANT_DIGITS;
    if (decimal_is_zero(a)) {
        if (exponent < 0) {
            return error_set(error, KMB_INVALID_POWER_ARGUMENT, "zero raised to a negative power is undefined");
        }
        return decimal_round(decimal_of_int64(exponent == 0 ? 1 : 0), scale, DECIMAL_TRUNCATE, out, error);
    }
    struct decimal base = decimal_normalize(a);
    struct math_float square = {.mantissa = wide_absolute(math_mantissa(base)), .exponent = -(int64_t)base.scale};
    struct math_float result = {.mantissa = wide_of(1)};
    uint64_t left = exponent < 0 ? (uint64_t)0 - (uint64_t)exponent : (uint64_t)exponent;
    /* Beyond these exponents of ten no further factor can bring the result back into range. */
    const int64_t limit = 100000;
    while (left > 0) {
        if (left % 2 == 1) {
            result = float_multiply(result, square);
        }
        left /= 2;
        if (left > 0) {
            square = float_multiply(square, square);
        }
        int64_t size = square.exponent + wide_digits(square.mantissa);
        if (left > 0 && (size > limit || size < -limit)) {
            result = square;
            break;
        }
    }
    if (exponent < 0) {
        result = float_invert(result);
    }
    bool negative = decimal_is_negative(a) && exponent % 2 != 0;
    return float_to_decimal(result, negative, scale, out, error);
}
