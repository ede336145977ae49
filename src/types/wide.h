/*
 * 128-bit integers behind a typed face: the one place in the room that knows the compiler's __int128.
 *
 * struct wide is two's complement in two words. Functions that can overflow answer false then and leave *out alone.
 * struct wide_full is an unsigned 256-bit product or dividend. Private to the decimal files.
 */
#ifndef KMB_TYPES_WIDE_H
#define KMB_TYPES_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

#define WIDE_POWER10_MAX 38 /* 10^38 < 2^127 < 10^39 */

struct wide {
    uint64_t low;
    int64_t high;
};

struct wide_full {
    uint64_t limb[4]; /* least first */
};

static inline __int128 wide_join(struct wide a) {
    return (__int128)(((unsigned __int128)(uint64_t)a.high << 64) | a.low);
}
static inline struct wide wide_split(__int128 a) {
    return (struct wide){.low = (uint64_t)a, .high = (int64_t)(a >> 64)};
}
static inline struct wide wide_of(int64_t a) {
    return (struct wide){.low = (uint64_t)a, .high = a < 0 ? -1 : 0};
}
static inline struct wide wide_of_unsigned(uint64_t a) {
    return (struct wide){.low = a, .high = 0};
}
static inline bool wide_is_zero(struct wide a) {
    return a.low == 0 && a.high == 0;
}
static inline bool wide_is_negative(struct wide a) {
    return a.high < 0;
}
static inline bool wide_fits_int64(struct wide a) {
    return a.high == ((int64_t)a.low < 0 ? -1 : 0);
}
static inline struct wide wide_negate(struct wide a) { /* -2^127 stays what it is */
    return wide_split((__int128)(-(unsigned __int128)wide_join(a)));
}
static inline struct wide wide_absolute(struct wide a) {
    return a.high < 0 ? wide_negate(a) : a;
}
static inline bool wide_add(struct wide a, struct wide b, struct wide *out) {
    __int128 sum;
    if (__builtin_add_overflow(wide_join(a), wide_join(b), &sum)) {
        return false;
    }
    *out = wide_split(sum);
    return true;
}
static inline bool wide_subtract(struct wide a, struct wide b, struct wide *out) {
    __int128 difference;
    if (__builtin_sub_overflow(wide_join(a), wide_join(b), &difference)) {
        return false;
    }
    *out = wide_split(difference);
    return true;
}
static inline bool wide_multiply(struct wide a, struct wide b, struct wide *out) {
    if (wide_fits_int64(a) && wide_fits_int64(b)) {
        *out = wide_split((__int128)(int64_t)a.low * (int64_t)b.low);
        return true;
    }
    __int128 product;
    if (__builtin_mul_overflow(wide_join(a), wide_join(b), &product)) {
        return false;
    }
    *out = wide_split(product);
    return true;
}
/* Truncated quotient; the remainder has the sign of a. b is not zero; a is not -2^127. */
static inline struct wide wide_divide(struct wide a, struct wide b, struct wide *remainder) {
    if (wide_fits_int64(a) && wide_fits_int64(b) && (int64_t)a.low != INT64_MIN) {
        int64_t x = (int64_t)a.low;
        int64_t y = (int64_t)b.low;
        *remainder = wide_of(x % y);
        return wide_of(x / y);
    }
    __int128 quotient = wide_join(a) / wide_join(b);
    *remainder = wide_split(wide_join(a) - quotient * wide_join(b));
    return wide_split(quotient);
}
static inline int wide_compare(struct wide a, struct wide b) {
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return a.low < b.low ? -1 : a.low > b.low ? 1 : 0;
}

/* 10^n for n <= 38. */
static inline struct wide wide_power10(uint32_t n) {
    static const uint64_t powers[20] = {UINT64_C(1),
                                        UINT64_C(10),
                                        UINT64_C(100),
                                        UINT64_C(1000),
                                        UINT64_C(10000),
                                        UINT64_C(100000),
                                        UINT64_C(1000000),
                                        UINT64_C(10000000),
                                        UINT64_C(100000000),
                                        UINT64_C(1000000000),
                                        UINT64_C(10000000000),
                                        UINT64_C(100000000000),
                                        UINT64_C(1000000000000),
                                        UINT64_C(10000000000000),
                                        UINT64_C(100000000000000),
                                        UINT64_C(1000000000000000),
                                        UINT64_C(10000000000000000),
                                        UINT64_C(100000000000000000),
                                        UINT64_C(1000000000000000000),
                                        UINT64_C(10000000000000000000)};
    ASSERT(n <= WIDE_POWER10_MAX);
    if (n < 20) {
        return wide_of_unsigned(powers[n]);
    }
    return wide_split((__int128)((unsigned __int128)powers[19] * powers[n - 19]));
}

/* |a| < 10^38: what a mantissa may be. */
static inline bool wide_is_mantissa(struct wide a) {
    if (wide_fits_int64(a)) {
        return true;
    }
    struct wide limit = wide_power10(WIDE_POWER10_MAX);
    return wide_compare(a, limit) < 0 && wide_compare(a, wide_negate(limit)) > 0;
}

/* Decimal digits of |a| < 10^38; 0 for zero. */
static inline uint32_t wide_digits(struct wide a) {
    struct wide magnitude = wide_absolute(a);
    if (wide_is_zero(magnitude)) {
        return 0;
    }
    uint32_t bits = magnitude.high != 0 ? 128 - (uint32_t)__builtin_clzll((uint64_t)magnitude.high)
                                        : 64 - (uint32_t)__builtin_clzll(magnitude.low);
    uint32_t guess = bits * 1233 >> 12; /* log10(2): digits or digits - 1 */
    return guess + (guess > WIDE_POWER10_MAX || wide_compare(magnitude, wide_power10(guess)) < 0 ? 0 : 1);
}

/* a * 10^n, false beyond 127 bits. */
static inline bool wide_scale_up(struct wide a, uint32_t n, struct wide *out) {
    if (n == 0 || wide_is_zero(a)) {
        *out = a;
        return true;
    }
    return n <= WIDE_POWER10_MAX && wide_multiply(a, wide_power10(n), out);
}

/* |a| * |b| in 256 bits. */
static inline struct wide_full wide_multiply_full(struct wide a, struct wide b) {
    struct wide x = wide_absolute(a);
    struct wide y = wide_absolute(b);
    const uint64_t left[2] = {x.low, (uint64_t)x.high};
    const uint64_t right[2] = {y.low, (uint64_t)y.high};
    struct wide_full product = {{0, 0, 0, 0}};
    for (size_t i = 0; i < 2; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < 2; j++) {
            unsigned __int128 part = (unsigned __int128)left[i] * right[j] + product.limb[i + j] + carry;
            product.limb[i + j] = (uint64_t)part;
            carry = (uint64_t)(part >> 64);
        }
        product.limb[i + 2] = carry;
    }
    return product;
}

/* Quotient of a 256-bit dividend and a positive divisor below 2^127, bit by bit from the top; the rare path. */
static inline struct wide_full wide_divide_full(struct wide_full a, struct wide divisor, struct wide *remainder) {
    ASSERT(divisor.high >= 0 && !wide_is_zero(divisor));
    unsigned __int128 d = (unsigned __int128)wide_join(divisor);
    unsigned __int128 rest = 0;
    struct wide_full quotient = {{0, 0, 0, 0}};
    size_t limb = 4;
    while (limb > 1 && a.limb[limb - 1] == 0) {
        limb--;
    }
    for (size_t bit = limb * 64; bit-- > 0;) {
        rest = (rest << 1) | ((a.limb[bit / 64] >> (bit % 64)) & 1); /* rest < d < 2^127: no bit is lost */
        if (rest >= d) {
            rest -= d;
            quotient.limb[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
    *remainder = wide_split((__int128)rest);
    return quotient;
}

/* False when the value does not fit 127 bits. */
static inline bool wide_of_full(struct wide_full a, struct wide *out) {
    if (a.limb[3] != 0 || a.limb[2] != 0 || a.limb[1] > (uint64_t)INT64_MAX) {
        return false;
    }
    *out = (struct wide){.low = a.limb[0], .high = (int64_t)a.limb[1]};
    return true;
}

#endif
