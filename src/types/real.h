/*
 * Text of binary floating-point numbers, exact in both directions, whatever the process's locale is.
 */
#ifndef KMB_TYPES_REAL_H
#define KMB_TYPES_REAL_H

#include "base/slice.h"

enum real_result {
    REAL_OK,
    REAL_SYNTAX,
    REAL_RANGE, /* overflow, or underflow to zero */
};

/* Blanks around, sign, decimal digits, exponent; NaN, Infinity, inf. Correctly rounded to double, or to float when
 * single. */
enum real_result real_parse(struct slice text, bool single, double *out);

#define REAL_DIGITS_SIZE 20

/* |value| = 0.d1d2d3... * 10^exponent; the count of digits, no zeros at the end. value is finite and not 0. */
/* The fewest digits that read back as the same number, the closest of these. */
size_t real_digits_shortest(double value, bool single, char digits[REAL_DIGITS_SIZE], int32_t *exponent);
/* Rounded to `count` digits (1..17), ties to even. */
size_t real_digits_rounded(double value, uint32_t count, char digits[REAL_DIGITS_SIZE], int32_t *exponent);

#endif
