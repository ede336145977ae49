/*
 * Decimal digits of numbers, two at a time: half the divisions, and no turning round. Private to the room.
 */
#ifndef KMB_TYPES_DIGITS_H
#define KMB_TYPES_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "types/wide.h"

#define DIGITS_MAX 20 /* of 64 bits */

/* 0..99 as two digits. */
static inline void digits_put_pair(char *text, uint32_t number) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    memcpy(text, pairs + (size_t)number * 2, 2);
}

/* How many digits a number has; 1 for 0. */
static inline uint32_t digits_count(uint64_t number) {
    uint32_t guess = (uint32_t)(64 - __builtin_clzll(number | 1)) * 1233 >> 12; /* log10(2): the count, or one less */
    return guess + (number >= wide_power10(guess).low ? 1 : 0) + (number == 0 ? 1 : 0);
}

/* The last `width` digits of a number, zeros before them. */
static inline void digits_put_width(char *text, uint64_t number, uint32_t width) {
    while (width >= 2) {
        width -= 2;
        digits_put_pair(text + width, (uint32_t)(number % 100));
        number /= 100;
    }
    if (width > 0) {
        text[0] = (char)('0' + number % 10);
    }
}

/* All of them, without a zero byte behind; how many. */
static inline size_t digits_put(char *text, uint64_t number) {
    uint32_t count = digits_count(number);
    digits_put_width(text, number, count);
    return count;
}

#endif
