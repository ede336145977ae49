/*
 * Logarithms and exponentials of decimals, exact to the digit that is shown.
 *
 * They are computed in fixed point with 384 binary places, 115 decimal ones, of which no argument of 38 digits asks
 * more than 80. ln(m) of a mantissa m = f * 2^k, f in [3/4, 3/2), is k ln(2) + 2 atanh((f - 1) / (f + 1)); exp(x) is
 * 2^k * exp(x - k ln(2)); either by its power series. Limbs have 32 bits, so that products fit 64.
 */
#include <math.h>

#include "base/assert.h"
#include "types/decimal.h"
#include "types/wide.h"

#define LIMBS    16 /* four before the point */
#define FRACTION 12
#define BITS     (32 * LIMBS)

/* Sign and magnitude; least limb first. */
struct fixed {
    uint32_t limb[LIMBS];
    bool negative;
};

static const struct fixed ln_of_2 = {{0x4afa1b10, 0x559552fb, 0x6debac98, 0xe7b87620, 0x8baafa2b, 0x8a0d175b,
                                      0x7298b62d, 0x40f34326, 0x03f2f6af, 0xc9e3b398, 0xd1cf79ab, 0xb17217f7},
                                     false};
static const struct fixed ln_of_10 = {{0xb17c35a0, 0x31c32f00, 0xc6a04173, 0x58bc0b5e, 0x07c0b5ca, 0x0f187a08,
                                       0x6977e43a, 0x8a3fb3e7, 0x0b4c28a3, 0xa95b58ae, 0xaaa2b05b, 0x4d763776,
                                       0x00000002},
                                      false};

/* --- arithmetic --- */

static struct fixed fixed_of_wide(struct wide mantissa) {
    struct wide magnitude = wide_absolute(mantissa);
    struct fixed a = {.negative = wide_is_negative(mantissa)};
    a.limb[FRACTION] = (uint32_t)magnitude.low;
    a.limb[FRACTION + 1] = (uint32_t)(magnitude.low >> 32);
    a.limb[FRACTION + 2] = (uint32_t)magnitude.high;
    a.limb[FRACTION + 3] = (uint32_t)((uint64_t)magnitude.high >> 32);
    return a;
}

/* The whole part; it is below 2^127. */
static struct wide fixed_to_wide(const struct fixed *a) {
    return (struct wide){.low = a->limb[FRACTION] | (uint64_t)a->limb[FRACTION + 1] << 32,
                         .high = (int64_t)(a->limb[FRACTION + 2] | (uint64_t)a->limb[FRACTION + 3] << 32)};
}

static double fixed_to_double(const struct fixed *a) {
    double value = 0;
    for (int i = 0; i < LIMBS; i++) {
        value += ldexp((double)a->limb[i], 32 * (i - FRACTION));
    }
    return a->negative ? -value : value;
}

static bool fixed_is_zero(const struct fixed *a) {
    uint32_t any = 0;
    for (int i = 0; i < LIMBS; i++) {
        any |= a->limb[i];
    }
    return any == 0;
}

static int magnitude_compare(const uint32_t *a, const uint32_t *b) {
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a -= b <= a */
static void magnitude_subtract(uint32_t *a, const uint32_t *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
        a[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
}

static struct fixed fixed_add(struct fixed a, const struct fixed *b) {
    if (a.negative == b->negative) {
        uint64_t carry = 0;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)a.limb[i] + b->limb[i];
            a.limb[i] = (uint32_t)carry;
            carry >>= 32;
        }
        return a;
    }
    if (magnitude_compare(a.limb, b->limb) >= 0) {
        magnitude_subtract(a.limb, b->limb);
        return a;
    }
    struct fixed difference = *b;
    magnitude_subtract(difference.limb, a.limb);
    return difference;
}

/* Rounded toward zero; the product is below 2^128. */
static struct fixed fixed_multiply(const struct fixed *a, const struct fixed *b) {
    uint32_t product[2 * LIMBS] = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; a->limb[i] != 0 && j < LIMBS; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + product[i + j];
            product[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        product[i + LIMBS] = (uint32_t)carry;
    }
    struct fixed out = {.negative = a->negative != b->negative};
    for (int i = 0; i < LIMBS; i++) {
        out.limb[i] = product[i + FRACTION];
    }
    return out;
}

static void fixed_multiply_small(struct fixed *a, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)a->limb[i] * factor;
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void fixed_divide_small(struct fixed *a, uint32_t divisor) {
    uint64_t rest = 0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 32 | a->limb[i];
        a->limb[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
}

/* By a bit; answers the one that fell out. */
static uint32_t magnitude_shift_left(uint32_t *a, uint32_t bit) {
    for (int i = 0; i < LIMBS; i++) {
        uint32_t out = a[i] >> 31;
        a[i] = a[i] << 1 | bit;
        bit = out;
    }
    return bit;
}

static void magnitude_shift_right(uint32_t *a) {
    for (int i = 0; i < LIMBS; i++) {
        a[i] = a[i] >> 1 | (i + 1 < LIMBS ? a[i + 1] << 31 : 0);
    }
}

/* Rounded toward zero; the quotient is below 2^128, the divisor below 2^127 and not 0. */
static struct fixed fixed_divide(const struct fixed *a, const struct fixed *b) {
    struct fixed numerator = *a;
    struct fixed out = {.negative = a->negative != b->negative};
    uint32_t rest[LIMBS] = {0};
    for (int step = 0; step < BITS + 32 * FRACTION; step++) {
        (void)magnitude_shift_left(rest, magnitude_shift_left(numerator.limb, 0));
        bool fits = magnitude_compare(rest, b->limb) >= 0;
        if (fits) {
            magnitude_subtract(rest, b->limb);
        }
        (void)magnitude_shift_left(out.limb, fits);
    }
    return out;
}

static struct fixed fixed_of_decimal(struct decimal a) {
    struct fixed value = fixed_of_wide((struct wide){a.low, a.high});
    for (uint32_t i = 0; i < a.scale; i++) {
        fixed_divide_small(&value, 10);
    }
    return value;
}

/* --- series --- */

static uint32_t wide_bits(struct wide a) { /* a >= 0 */
    uint32_t bits = 0;
    for (uint64_t rest = a.high != 0 ? (uint64_t)a.high : a.low; rest != 0; rest /= 2) {
        bits++;
    }
    return a.high != 0 ? 64 + bits : bits;
}

/* ln of a finite a > 0 */
static struct fixed ln_of(struct decimal a) {
    const struct fixed one = {.limb[FRACTION] = 1};
    const struct fixed minus_one = {.limb[FRACTION] = 1, .negative = true};
    struct fixed f = fixed_of_wide((struct wide){a.low, a.high});
    uint32_t halvings = wide_bits((struct wide){a.low, a.high});
    for (uint32_t i = 0; i < halvings; i++) {
        magnitude_shift_right(f.limb);
    }
    if ((f.limb[FRACTION - 1] >> 30) == 2) { /* [1/2, 3/4) */
        (void)magnitude_shift_left(f.limb, 0);
        halvings--;
    }
    struct fixed below = fixed_add(f, &minus_one);
    struct fixed above = fixed_add(f, &one);
    struct fixed z = fixed_divide(&below, &above);
    struct fixed square = fixed_multiply(&z, &z);
    struct fixed sum = {.negative = false};
    for (uint32_t n = 1; n < BITS && !fixed_is_zero(&z); n += 2) { /* |z| <= 1/5 */
        struct fixed term = z;
        fixed_divide_small(&term, n);
        sum = fixed_add(sum, &term);
        z = fixed_multiply(&z, &square);
    }
    fixed_multiply_small(&sum, 2);
    struct fixed twos = ln_of_2;
    fixed_multiply_small(&twos, halvings);
    struct fixed tens = ln_of_10;
    fixed_multiply_small(&tens, a.scale);
    tens.negative = true;
    sum = fixed_add(sum, &twos);
    return fixed_add(sum, &tens);
}

/* exp(x) = *out * 2^*shift, *out in (1/2, 2); |x| < 2^20 */
static void exp_of(const struct fixed *x, struct fixed *out, int32_t *shift) {
    int32_t twos = (int32_t)lround(fixed_to_double(x) / 0.693147180559945309);
    struct fixed taken = ln_of_2;
    fixed_multiply_small(&taken, (uint32_t)(twos < 0 ? -twos : twos));
    taken.negative = twos >= 0;
    struct fixed rest = fixed_add(*x, &taken);
    struct fixed term = {.limb[FRACTION] = 1};
    struct fixed sum = term;
    for (uint32_t n = 1; n < BITS; n++) { /* |rest| < 1/2 */
        term = fixed_multiply(&term, &rest);
        fixed_divide_small(&term, n);
        if (fixed_is_zero(&term)) {
            break;
        }
        sum = fixed_add(sum, &term);
    }
    *out = sum;
    *shift = twos;
}

/* value * 2^shift rounded half away from zero to `scale` places, or as many as there is room for. */
static enum kmb_status fixed_to_decimal(struct fixed value, int32_t shift, int32_t scale, struct decimal *out,
                                        struct kmb_error *error) {
    const struct wide most = wide_power10(DECIMAL_DIGITS_MAX - 1);
    for (; shift > 0; shift--) {
        if (!wide_is_mantissa(fixed_to_wide(&value))) {
            return decimal_overflow(error);
        }
        (void)magnitude_shift_left(value.limb, 0);
    }
    scale = scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : scale < 0 ? 0 : scale;
    int32_t places = 0;
    for (; places < scale; places++) {
        for (; shift < 0 && wide_compare(fixed_to_wide(&value), wide_of(8)) >= 0; shift++) {
            magnitude_shift_right(value.limb);
        }
        if (shift == 0 && wide_compare(fixed_to_wide(&value), most) >= 0) {
            break;
        }
        fixed_multiply_small(&value, 10);
    }
    for (int32_t i = 0; i < BITS && shift + i < 0; i++) {
        magnitude_shift_right(value.limb);
    }
    struct wide mantissa = fixed_to_wide(&value);
    if (value.limb[FRACTION - 1] >> 31 != 0 && !wide_add(mantissa, wide_of(1), &mantissa)) {
        return decimal_overflow(error);
    }
    if (!wide_is_mantissa(mantissa) && places > 0) { /* rounded up to 10^38 */
        mantissa = most;
        places--;
    }
    mantissa = value.negative ? wide_negate(mantissa) : mantissa;
    return decimal_make(mantissa.high, mantissa.low, (uint32_t)places, out) ? KMB_OK : decimal_overflow(error);
}

/* --- results at PostgreSQL's scales --- */

#define MIN_SIGNIFICANT_DIGITS 16
#define LOG10_OF_E             0.434294481903252

static int32_t most_of(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* The decimal exponent PostgreSQL expects of ln(a). */
static int32_t ln_exponent(struct decimal a, const struct fixed *ln) {
    struct decimal above;
    double value = decimal_to_double(a);
    if (value < 0.9 || value > 1.1 || decimal_subtract(a, decimal_of_int64(1), &above, NULL) != KMB_OK) {
        return (int32_t)log10(fabs(fixed_to_double(ln)));
    }
    struct wide mantissa = wide_absolute((struct wide){above.low, above.high});
    return wide_is_zero(mantissa) ? 0 : (int32_t)wide_digits(mantissa) - 1 - above.scale; /* ln(1 + d) is about d */
}

enum kmb_status decimal_ln(struct decimal a, struct decimal *out, struct kmb_error *error) {
    struct fixed ln = ln_of(a);
    int32_t scale = most_of(MIN_SIGNIFICANT_DIGITS - ln_exponent(a, &ln), a.scale);
    return fixed_to_decimal(ln, 0, scale, out, error);
}

enum kmb_status decimal_log(struct decimal base, struct decimal a, struct decimal *out, struct kmb_error *error) {
    struct fixed of_base = ln_of(base);
    struct fixed of_a = ln_of(a);
    if (fixed_is_zero(&of_base)) {
        return error_set(error, KMB_DIVISION_BY_ZERO, "division by zero");
    }
    int32_t exponent = ln_exponent(a, &of_a) - ln_exponent(base, &of_base);
    int32_t scale = most_of(MIN_SIGNIFICANT_DIGITS - exponent, most_of(a.scale, base.scale));
    return fixed_to_decimal(fixed_divide(&of_a, &of_base), 0, scale, out, error);
}

/* exp(x) with 16 significant digits by this estimate of its decimal exponent, at least at scale_min. */
static enum kmb_status exp_at_scale(const struct fixed *x, double exponent, int32_t scale_min, struct decimal *out,
                                    struct kmb_error *error) {
    double estimate = fixed_to_double(x);
    if (estimate > 100) { /* above 10^43 */
        return decimal_overflow(error);
    }
    int32_t scale = most_of(MIN_SIGNIFICANT_DIGITS - (int32_t)(exponent < -434 ? -434 : exponent), scale_min);
    if (estimate < -1000) {
        return fixed_to_decimal((struct fixed){.negative = false}, 0, scale, out, error);
    }
    struct fixed value;
    int32_t shift;
    exp_of(x, &value, &shift);
    return fixed_to_decimal(value, shift, scale, out, error);
}

enum kmb_status decimal_exp(struct decimal a, struct decimal *out, struct kmb_error *error) {
    struct fixed x = fixed_of_decimal(a);
    return exp_at_scale(&x, fixed_to_double(&x) * LOG10_OF_E, a.scale, out, error);
}

/* The decimal exponent PostgreSQL expects of a^b: of a logarithm with eight digits. */
static double power_exponent(struct decimal a, struct decimal b, const struct fixed *ln) {
    struct decimal rounded;
    struct decimal product;
    int32_t scale = most_of(8 - ln_exponent(a, ln), 0);
    bool fits = fixed_to_decimal(*ln, 0, scale, &rounded, NULL) == KMB_OK &&
                decimal_multiply(rounded, b, &product, NULL) == KMB_OK &&
                decimal_round(product, scale, DECIMAL_HALF_AWAY, &product, NULL) == KMB_OK;
    return (fits ? decimal_to_double(product) : fixed_to_double(ln) * decimal_to_double(b)) * LOG10_OF_E;
}

enum kmb_status decimal_power(struct decimal a, struct decimal b, struct decimal *out, struct kmb_error *error) {
    int32_t scale = most_of(a.scale, b.scale);
    if (decimal_is_zero(a)) {
        return fixed_to_decimal((struct fixed){.negative = false}, 0, most_of(MIN_SIGNIFICANT_DIGITS, scale), out,
                                error);
    }
    struct fixed ln = ln_of(a);
    struct fixed exponent = fixed_of_decimal(b);
    double estimate = fixed_to_double(&ln) * fixed_to_double(&exponent);
    if (fabs(estimate) > 0x1p60) { /* the product might not fit */
        exponent = (struct fixed){.limb[FRACTION + 1] = 1, .negative = estimate < 0};
        return exp_at_scale(&exponent, estimate, scale, out, error);
    }
    struct fixed x = fixed_multiply(&ln, &exponent);
    return exp_at_scale(&x, power_exponent(a, b, &ln), scale, out, error);
}
