/*
 * Binary floating point to decimal text and back.
 *
 * printf and strtod follow the host program's locale and give no shortest form, so both directions are here, on exact
 * integer arithmetic. Printing is Steele and White's free-format algorithm in the version of Burger and Dybvig
 * ("Printing Floating-Point Numbers Quickly and Accurately", 1996): the number and the half-gaps to its neighbours as
 * fractions with one denominator, digits generated until the rest lies inside a gap. As PostgreSQL does, the exact
 * middle between two neighbours is not used as a short form. Reading divides big integers to 64 bits and a sticky
 * bit, then rounds once.
 *
 * Before the exact way stands a quick one that most data takes: numbers of at most 15 digits and a small exponent, for
 * which one correctly rounded multiplication or division by a power of ten is proof enough (Clinger, 1990).
 */
#include "types/real.h"

#include <math.h>

#include "base/assert.h"

/* 10^1170 * 2^96 at most: see real_parse_exact(). */
#define BIG_LIMBS 132
#define PARSE_DIGITS_MAX                                                                                               \
    770 /* no double needs more to be told from its neighbours; the rest only counts as non-zero                       \
         */
#define PARSE_EXPONENT_MAX 400

struct big {
    uint32_t limb[BIG_LIMBS]; /* least first */
    uint32_t count;           /* no leading zeros */
};

static void big_set(struct big *a, uint64_t value) {
    a->limb[0] = (uint32_t)value;
    a->limb[1] = (uint32_t)(value >> 32);
    a->count = value == 0 ? 0 : value >> 32 == 0 ? 1 : 2;
}

/* a = a * factor + addend */
static void big_multiply_add(struct big *a, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (uint32_t i = 0; i < a->count; i++) {
        carry += (uint64_t)a->limb[i] * factor;
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        ASSERT(a->count < BIG_LIMBS);
        a->limb[a->count++] = (uint32_t)carry;
    }
}

static void big_multiply_power10(struct big *a, uint32_t power) {
    for (; power >= 9; power -= 9) {
        big_multiply_add(a, 1000000000u, 0);
    }
    uint32_t factor = 1;
    for (; power > 0; power--) {
        factor *= 10;
    }
    big_multiply_add(a, factor, 0);
}

static void big_shift_left(struct big *a, uint32_t bits) {
    if (a->count == 0 || bits == 0) {
        return;
    }
    uint32_t limbs = bits / 32;
    uint32_t shift = bits % 32;
    ASSERT(a->count + limbs + 1 <= BIG_LIMBS);
    a->limb[a->count] = 0;
    for (uint32_t i = a->count + 1; i-- > 0;) {
        uint32_t below = i > 0 ? a->limb[i - 1] : 0;
        a->limb[i + limbs] = shift == 0 ? a->limb[i] : (a->limb[i] << shift) | (below >> (32 - shift));
    }
    for (uint32_t i = 0; i < limbs; i++) {
        a->limb[i] = 0;
    }
    a->count += limbs + 1;
    while (a->count > 0 && a->limb[a->count - 1] == 0) {
        a->count--;
    }
}

static int big_compare(const struct big *a, const struct big *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (uint32_t i = a->count; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a + b compared with c. */
static int big_compare_sum(const struct big *a, const struct big *b, const struct big *c) {
    struct big sum = *a;
    uint64_t carry = 0;
    uint32_t count = a->count > b->count ? a->count : b->count;
    ASSERT(count < BIG_LIMBS);
    for (uint32_t i = 0; i < count; i++) {
        carry += (i < a->count ? a->limb[i] : 0);
        carry += (i < b->count ? b->limb[i] : 0);
        sum.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum.limb[count] = (uint32_t)carry;
    sum.count = count + (carry != 0 ? 1 : 0);
    return big_compare(&sum, c);
}

/* a -= b, a >= b */
static void big_subtract(struct big *a, const struct big *b) {
    int64_t borrow = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        int64_t part = (int64_t)a->limb[i] - (i < b->count ? b->limb[i] : 0) + borrow;
        a->limb[i] = (uint32_t)part;
        borrow = part < 0 ? -1 : 0;
    }
    ASSERT(borrow == 0);
    while (a->count > 0 && a->limb[a->count - 1] == 0) {
        a->count--;
    }
}

static uint32_t big_bits(const struct big *a) {
    return a->count == 0 ? 0 : a->count * 32 - (uint32_t)__builtin_clz(a->limb[a->count - 1]);
}

/* a / b for a quotient below 10; a becomes the remainder. */
static uint32_t big_digit(struct big *a, const struct big *b) {
    uint32_t digit = 0;
    while (big_compare(a, b) >= 0) {
        big_subtract(a, b);
        digit++;
    }
    ASSERT(digit < 10);
    return digit;
}

/* --- printing --- */

/* The number as r/s, its half-gaps as low/s (below) and high/s (above), all scaled so that r/s < 1 is 0.d1d2... */
struct real_fraction {
    struct big r;
    struct big s;
    struct big low;
    struct big high;
    int32_t exponent;
};

static uint64_t real_take_apart(double value, bool single, int32_t *exponent, bool *boundary) {
    int binary = 0;
    double mantissa = frexp(fabs(value), &binary); /* [0.5, 1) */
    int32_t bits = single ? 24 : 53;
    int32_t least = single ? -149 : -1074;
    int32_t power = binary - bits;
    power = power < least ? least : power;
    uint64_t whole = (uint64_t)ldexp(mantissa, binary - power);
    *exponent = power;
    *boundary = whole == UINT64_C(1) << (bits - 1) && power > least; /* the gap below is half as wide */
    return whole;
}

static void real_fraction_make(struct real_fraction *f, double value, bool single) {
    int32_t power;
    bool boundary;
    uint64_t mantissa = real_take_apart(value, single, &power, &boundary);
    uint32_t extra = boundary ? 2 : 1;
    big_set(&f->r, mantissa);
    big_set(&f->s, 1);
    big_set(&f->low, 1);
    big_set(&f->high, boundary ? 2 : 1);
    big_shift_left(&f->r, extra + (power > 0 ? (uint32_t)power : 0));
    big_shift_left(&f->s, extra + (power < 0 ? (uint32_t)-power : 0));
    if (power > 0) {
        big_shift_left(&f->low, (uint32_t)power);
        big_shift_left(&f->high, (uint32_t)power);
    }
    /* At most one too small. */
    f->exponent = (int32_t)ceil(log10(fabs(value)) - 1e-10);
    if (f->exponent >= 0) {
        big_multiply_power10(&f->s, (uint32_t)f->exponent);
    } else {
        big_multiply_power10(&f->r, (uint32_t)-f->exponent);
        big_multiply_power10(&f->low, (uint32_t)-f->exponent);
        big_multiply_power10(&f->high, (uint32_t)-f->exponent);
    }
}

/* Carries a rounding up through the digits; true when a digit had to be put before all. */
static size_t real_round_up(char *digits, size_t count, int32_t *exponent) {
    while (count > 0 && digits[count - 1] == '9') {
        count--;
    }
    if (count == 0) {
        digits[count++] = '1';
        (*exponent)++;
        return count;
    }
    digits[count - 1]++;
    return count;
}

static size_t real_trim(const char *digits, size_t count) {
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

/* Digits of an integer below 10^15 that is value * 10^k: the quick way. 0: not such a number. */
static size_t real_digits_quick(double value, char digits[REAL_DIGITS_SIZE], int32_t *exponent) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    double magnitude = fabs(value);
    if (magnitude >= 1e15 || magnitude < 1e-5) {
        return 0;
    }
    for (size_t k = 0; k < ARRAY_LENGTH(powers); k++) {
        double scaled = magnitude * powers[k];
        if (scaled >= 1e15) {
            return 0;
        }
        double whole = nearbyint(scaled);
        if (whole == 0 || whole / powers[k] != magnitude) {
            continue;
        }
        /* Two decimals of 15 digits are never the same double, so this is the shortest. */
        uint64_t number = (uint64_t)whole;
        char reversed[REAL_DIGITS_SIZE];
        size_t count = 0;
        for (; number > 0; number /= 10) {
            reversed[count++] = (char)('0' + number % 10);
        }
        for (size_t i = 0; i < count; i++) {
            digits[i] = reversed[count - 1 - i];
        }
        *exponent = (int32_t)count - (int32_t)k;
        return real_trim(digits, count);
    }
    return 0;
}

size_t real_digits_shortest(double value, bool single, char digits[REAL_DIGITS_SIZE], int32_t *exponent) {
    ASSERT(isfinite(value) && value != 0);
    size_t count = single ? 0 : real_digits_quick(value, digits, exponent);
    if (count > 0) {
        return count;
    }
    struct real_fraction f;
    real_fraction_make(&f, value, single);
    if (big_compare_sum(&f.r, &f.high, &f.s) > 0) {
        f.exponent++;
    } else {
        big_multiply_add(&f.r, 10, 0);
        big_multiply_add(&f.low, 10, 0);
        big_multiply_add(&f.high, 10, 0);
    }
    for (;;) {
        uint32_t digit = big_digit(&f.r, &f.s);
        bool low = big_compare(&f.r, &f.low) < 0;
        bool high = big_compare_sum(&f.r, &f.high, &f.s) > 0;
        ASSERT(count < REAL_DIGITS_SIZE);
        digits[count++] = (char)('0' + digit);
        if (low || high) {
            int middle = big_compare_sum(&f.r, &f.r, &f.s);
            bool up = low && high ? middle > 0 || (middle == 0 && digit % 2 == 1) : high;
            *exponent = f.exponent;
            return up ? real_round_up(digits, count, exponent) : real_trim(digits, count);
        }
        big_multiply_add(&f.r, 10, 0);
        big_multiply_add(&f.low, 10, 0);
        big_multiply_add(&f.high, 10, 0);
    }
}

size_t real_digits_rounded(double value, uint32_t wanted, char digits[REAL_DIGITS_SIZE], int32_t *exponent) {
    ASSERT(isfinite(value) && value != 0 && wanted >= 1 && wanted <= 17);
    struct real_fraction f;
    real_fraction_make(&f, value, false);
    if (big_compare(&f.r, &f.s) >= 0) {
        f.exponent++;
    } else {
        big_multiply_add(&f.r, 10, 0);
    }
    size_t count = 0;
    for (;;) {
        digits[count++] = (char)('0' + big_digit(&f.r, &f.s));
        if (count == wanted) {
            break;
        }
        big_multiply_add(&f.r, 10, 0);
    }
    int middle = big_compare_sum(&f.r, &f.r, &f.s);
    *exponent = f.exponent;
    if (middle > 0 || (middle == 0 && (digits[count - 1] - '0') % 2 == 1)) {
        return real_round_up(digits, count, exponent);
    }
    return real_trim(digits, count);
}

/* --- reading --- */

/* A decimal taken apart: value = digits * 10^exponent. */
struct real_text {
    struct slice digits; /* with at most one point inside */
    int64_t exponent;    /* as written after e */
    bool negative;
};

static bool real_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool real_word(struct slice text, size_t at, const char *word) {
    size_t i = 0;
    for (; at + i < text.length && word[i] != 0; i++) {
        if ((text.bytes[at + i] | 0x20) != word[i]) {
            return false;
        }
    }
    return word[i] == 0 && at + i == text.length;
}

/* Digits, point, exponent from `at` to the end. */
static bool real_scan(struct slice text, size_t at, struct real_text *out) {
    size_t start = at;
    size_t count = 0;
    bool point = false;
    for (; at < text.length; at++) {
        uint8_t byte = text.bytes[at];
        if (byte >= '0' && byte <= '9') {
            count++;
        } else if (byte == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    out->digits = slice_make(text.bytes + start, at - start);
    out->exponent = 0;
    if (count == 0) {
        return false;
    }
    if (at == text.length) {
        return true;
    }
    if ((text.bytes[at] | 0x20) != 'e') {
        return false;
    }
    at++;
    bool negative = at < text.length && text.bytes[at] == '-';
    at += at < text.length && (text.bytes[at] == '-' || text.bytes[at] == '+') ? 1 : 0;
    size_t first = at;
    int64_t exponent = 0;
    for (; at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9'; at++) {
        exponent = exponent > 100000000 ? exponent : exponent * 10 + (text.bytes[at] - '0');
    }
    out->exponent = negative ? -exponent : exponent;
    return at > first && at == text.length;
}

/* quotient * 2^power rounded to the format's precision, ties to even, sticky telling of bits below. */
static enum real_result real_round(uint64_t quotient, bool sticky, int32_t power, bool single, double *out) {
    int32_t width = 64 - __builtin_clzll(quotient);
    int32_t top = width - 1 + power; /* exponent of the first bit */
    int32_t precision = single ? 24 : 53;
    int32_t least = single ? -126 : -1022;
    precision -= top < least ? least - top : 0;
    if (precision < 0) {
        return REAL_RANGE;
    }
    int32_t drop = width - precision; /* <= 64 */
    if (drop > 0) {
        uint64_t rest = drop == 64 ? quotient : quotient & ((UINT64_C(1) << drop) - 1);
        uint64_t half = UINT64_C(1) << (drop - 1);
        quotient = drop == 64 ? 0 : quotient >> drop;
        power += drop;
        quotient += rest > half || (rest == half && (sticky || quotient % 2 == 1)) ? 1 : 0;
    }
    *out = ldexp((double)quotient, power);
    double most = single ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    return *out == 0 || *out > most ? REAL_RANGE : REAL_OK;
}

/* digits * 10^exponent, digits a big integer: |exponent| + its digits within PARSE_EXPONENT_MAX + PARSE_DIGITS_MAX. */
static enum real_result real_parse_exact(struct big *number, bool lost, int32_t exponent, bool single, double *out) {
    struct big divisor;
    big_set(&divisor, 1);
    if (exponent > 0) {
        big_multiply_power10(number, (uint32_t)exponent);
    } else {
        big_multiply_power10(&divisor, (uint32_t)-exponent);
    }
    /* Shift so that the quotient has 63 or 64 bits. */
    int32_t shift = 63 - ((int32_t)big_bits(number) - (int32_t)big_bits(&divisor));
    if (shift > 0) {
        big_shift_left(number, (uint32_t)shift);
    } else {
        big_shift_left(&divisor, (uint32_t)-shift);
    }
    big_shift_left(&divisor, 64);
    uint64_t quotient = 0;
    for (uint32_t i = 0; i < 64; i++) {
        big_shift_left(number, 1);
        quotient <<= 1;
        if (big_compare(number, &divisor) >= 0) {
            big_subtract(number, &divisor);
            quotient |= 1;
        }
    }
    return real_round(quotient, lost || number->count > 0, -shift, single, out);
}

static enum real_result real_parse_digits(const struct real_text *text, bool single, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct big number;
    uint64_t small = 0; /* the same while it has at most 15 digits */
    size_t count = 0;
    bool point = false;
    bool lost = false;
    int64_t exponent = text->exponent;
    big_set(&number, 0);
    for (size_t i = 0; i < text->digits.length; i++) {
        uint8_t byte = text->digits.bytes[i];
        if (byte == '.') {
            point = true;
            continue;
        }
        uint32_t digit = (uint32_t)(byte - '0');
        exponent -= point ? 1 : 0;
        if (count >= PARSE_DIGITS_MAX) {
            lost = lost || digit != 0;
            exponent++;
            continue;
        }
        count += count > 0 || digit != 0 ? 1 : 0;
        if (count <= 15) {
            small = small * 10 + digit;
        } else {
            if (count == 16) {
                big_set(&number, small);
            }
            big_multiply_add(&number, 10, digit);
        }
    }
    *out = 0;
    if (count == 0) {
        return REAL_OK;
    }
    if (count <= 15) {
        if (!single && exponent >= -22 && exponent <= 22) {
            *out = exponent < 0 ? (double)small / powers[-exponent] : (double)small * powers[exponent];
            return REAL_OK;
        }
        big_set(&number, small);
    }
    int64_t leading = exponent + (int64_t)count;
    if (leading > PARSE_EXPONENT_MAX || leading < -PARSE_EXPONENT_MAX) {
        return REAL_RANGE;
    }
    return real_parse_exact(&number, lost, (int32_t)exponent, single, out);
}

enum real_result real_parse(struct slice text, bool single, double *out) {
    size_t at = 0;
    while (at < text.length && real_blank(text.bytes[at])) {
        at++;
    }
    while (text.length > at && real_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    struct real_text parts = {.negative = at < text.length && text.bytes[at] == '-'};
    bool sign = parts.negative || (at < text.length && text.bytes[at] == '+');
    at += sign ? 1 : 0;
    if (real_word(text, at, "nan")) {
        *out = (double)NAN;
        return REAL_OK;
    }
    enum real_result result = REAL_OK;
    if (real_word(text, at, "infinity") || real_word(text, at, "inf")) {
        *out = (double)INFINITY;
    } else if (!real_scan(text, at, &parts)) {
        return REAL_SYNTAX;
    } else {
        result = real_parse_digits(&parts, single, out);
    }
    *out = parts.negative ? -*out : *out;
    return result;
}
