/*
 * Decimals as text and as binary floating point.
 *
 * Reading collects digits into a 128-bit integer and counts where the point stands; leading zeros cost nothing, zeros
 * at the end of a fraction that find no room are dropped (the number is the same), anything else beyond 38 digits is
 * refused. Printing peels nineteen digits at a time, so that the division by ten runs on machine words.
 *
 * The way to a double is exact: the mantissa, shifted to the top of 256 bits, is divided by the power of ten, the first
 * 64 bits of the quotient with a sticky bit for the rest round once, to even. The way from a double is PostgreSQL's: 15
 * significant digits (6 for a float), as its own cast prints and reads them.
 */
#include <math.h>

#include "base/assert.h"
#include "types/decimal.h"
#include "types/digits.h"
#include "types/real.h"
#include "types/wide.h"

#define EXPONENT_LIMIT          100000
#define DECIMAL_SHORT_TEXT_MAX  18 /* its digits fit 63 bits */
#define DECIMAL_SHORT_SCALE_MAX 19 /* 10^19 fits 64 bits */

static bool decimal_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static enum kmb_status decimal_syntax(struct slice text, struct kmb_error *error) {
    return error_set(error, KMB_INVALID_TEXT, "invalid input syntax for type numeric: \"%.*s\"",
                     (int)(text.length < 200 ? text.length : 200), (const char *)text.bytes);
}

static enum kmb_status decimal_text_overflow(struct kmb_error *error) {
    error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "value overflows numeric format");
    error_detail(error, "A numeric value holds at most %d digits, at most %d after the point.", DECIMAL_DIGITS_MAX,
                 DECIMAL_SCALE_MAX);
    return KMB_NUMERIC_OUT_OF_RANGE;
}

static bool decimal_word(struct slice text, size_t at, const char *word) {
    size_t i = 0;
    for (; at + i < text.length && word[i] != 0; i++) {
        if ((text.bytes[at + i] | 0x20) != word[i]) {
            return false;
        }
    }
    return word[i] == 0 && at + i == text.length;
}

/* What a scan of digits found. */
struct decimal_scan {
    struct wide mantissa;
    uint32_t digits; /* significant, in the mantissa */
    int64_t zeros;   /* zeros seen after the last digit that went into the mantissa */
    int64_t scale;   /* digits after the point, zeros included */
    bool overflow;   /* a 39th digit that is not a zero at the end */
};

static void decimal_scan_digit(struct decimal_scan *scan, uint32_t digit) {
    if (digit == 0) {
        scan->zeros += scan->digits > 0 ? 1 : 0;
        return;
    }
    /* The zeros before this digit count now. */
    if (scan->digits + (uint64_t)scan->zeros + 1 > DECIMAL_DIGITS_MAX) {
        scan->overflow = true;
        return;
    }
    bool fits = wide_scale_up(scan->mantissa, (uint32_t)scan->zeros + 1, &scan->mantissa) &&
                wide_add(scan->mantissa, wide_of((int64_t)digit), &scan->mantissa);
    ASSERT(fits);
    scan->digits += (uint32_t)scan->zeros + 1;
    scan->zeros = 0;
}

/* Digits, point and exponent from *at on; false when there are no digits or the exponent is broken. */
static bool decimal_scan_text(struct slice text, size_t *at, struct decimal_scan *scan) {
    size_t count = 0;
    bool point = false;
    for (; *at < text.length; (*at)++) {
        uint8_t byte = text.bytes[*at];
        if (byte == '.' && !point) {
            point = true;
        } else if (byte >= '0' && byte <= '9') {
            count++;
            scan->scale += point ? 1 : 0;
            decimal_scan_digit(scan, (uint32_t)(byte - '0'));
        } else {
            break;
        }
    }
    if (count == 0) {
        return false;
    }
    if (*at < text.length && (text.bytes[*at] | 0x20) == 'e') {
        size_t i = *at + 1;
        bool negative = i < text.length && text.bytes[i] == '-';
        i += i < text.length && (text.bytes[i] == '-' || text.bytes[i] == '+') ? 1 : 0;
        size_t first = i;
        int64_t exponent = 0;
        for (; i < text.length && text.bytes[i] >= '0' && text.bytes[i] <= '9'; i++) {
            exponent = exponent > EXPONENT_LIMIT ? exponent : exponent * 10 + (text.bytes[i] - '0');
        }
        if (i == first) {
            return false;
        }
        scan->scale -= negative ? -exponent : exponent;
        *at = i;
    }
    return true;
}

/* mantissa * 10^zeros / 10^scale as a decimal with as much of the scale as there is room for. */
static bool decimal_scan_finish(const struct decimal_scan *scan, bool negative, struct decimal *out) {
    if (scan->digits == 0) {
        int64_t scale = scan->scale < 0 ? 0 : scan->scale > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : scan->scale;
        return decimal_make(0, 0, (uint32_t)scale, out);
    }
    int64_t zeros = scan->zeros;
    int64_t scale = scan->scale;
    if (scale < 0) {
        zeros -= scale;
        scale = 0;
    }
    /* Zeros at the end of the fraction may go. */
    while (zeros > 0 && scale > 0 && (scan->digits + zeros > DECIMAL_DIGITS_MAX || scale > DECIMAL_SCALE_MAX)) {
        zeros--;
        scale--;
    }
    if (scan->overflow || scan->digits + zeros > DECIMAL_DIGITS_MAX || scale > DECIMAL_SCALE_MAX) {
        return false;
    }
    struct wide mantissa;
    bool fits = wide_scale_up(scan->mantissa, (uint32_t)zeros, &mantissa);
    ASSERT(fits);
    mantissa = negative ? wide_negate(mantissa) : mantissa;
    return decimal_make(mantissa.high, mantissa.low, (uint32_t)scale, out);
}

/* A sign, digits and a point, no more than a word holds: what most data are. False: it is something else, or wrong. */
static bool decimal_parse_short(struct slice text, struct decimal *out) {
    size_t at = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    int64_t mantissa = 0;
    size_t digits = 0;
    size_t point = text.length; /* where it stands */
    if (text.length > DECIMAL_SHORT_TEXT_MAX) {
        return false;
    }
    for (; at < text.length; at++) {
        uint32_t digit = (uint32_t)text.bytes[at] - '0';
        if (digit <= 9) {
            mantissa = mantissa * 10 + digit;
            digits++;
        } else if (text.bytes[at] == '.' && point == text.length) {
            point = at;
        } else {
            return false;
        }
    }
    if (digits == 0) {
        return false;
    }
    *out = decimal_of_int64(text.bytes[0] == '-' ? -mantissa : mantissa);
    out->scale = (uint16_t)(point == text.length ? 0 : text.length - point - 1);
    return true;
}

enum kmb_status decimal_parse(struct slice text, struct decimal *out, struct kmb_error *error) {
    if (decimal_parse_short(text, out)) {
        return KMB_OK;
    }
    struct slice inner = text;
    size_t at = 0;
    while (at < inner.length && decimal_blank(inner.bytes[at])) {
        at++;
    }
    while (inner.length > at && decimal_blank(inner.bytes[inner.length - 1])) {
        inner.length--;
    }
    bool negative = at < inner.length && inner.bytes[at] == '-';
    bool sign = negative || (at < inner.length && inner.bytes[at] == '+');
    if (!sign && decimal_word(inner, at, "nan")) {
        *out = decimal_special(DECIMAL_NAN);
        return KMB_OK;
    }
    at += sign ? 1 : 0;
    if (decimal_word(inner, at, "infinity") || decimal_word(inner, at, "inf")) {
        *out = decimal_special(negative ? DECIMAL_NEGATIVE_INFINITY : DECIMAL_INFINITY);
        return KMB_OK;
    }
    struct decimal_scan scan = {.digits = 0};
    if (!decimal_scan_text(inner, &at, &scan) || at != inner.length) {
        return decimal_syntax(text, error);
    }
    return decimal_scan_finish(&scan, negative, out) ? KMB_OK : decimal_text_overflow(error);
}

/* --- printing --- */

/* Exactly `digits` digits of a non-negative mantissa. */
static void decimal_put_mantissa(char *text, struct wide mantissa, uint32_t digits) {
    char *end = text + digits;
    while (digits > 0) {
        uint32_t chunk = digits > 18 ? 18 : digits;
        struct wide rest = mantissa;
        mantissa = wide_divide(mantissa, wide_power10(18), &rest);
        end -= chunk;
        digits_put_width(end, rest.low, chunk);
        digits -= chunk;
    }
}

size_t decimal_format(struct decimal a, char text[DECIMAL_TEXT_SIZE]) {
    static const char *const names[] = {
        [DECIMAL_NAN] = "NaN", [DECIMAL_INFINITY] = "Infinity", [DECIMAL_NEGATIVE_INFINITY] = "-Infinity"};
    if (a.kind != DECIMAL_FINITE) {
        size_t length = strlen(names[a.kind]);
        memcpy(text, names[a.kind], length + 1);
        return length;
    }
    struct wide mantissa = {.low = a.low, .high = a.high};
    size_t at = 0;
    if (wide_is_negative(mantissa)) {
        text[at++] = '-';
        mantissa = wide_negate(mantissa);
    }
    if (mantissa.high == 0 && a.scale <= DECIMAL_SHORT_SCALE_MAX) { /* what most data are */
        uint64_t power = wide_power10(a.scale).low;
        at += digits_put(text + at, mantissa.low / power);
        if (a.scale > 0) {
            text[at++] = '.';
            digits_put_width(text + at, mantissa.low % power, a.scale);
            at += a.scale;
        }
        text[at] = 0;
        return at;
    }
    uint32_t digits = wide_digits(mantissa);
    uint32_t whole = digits > a.scale ? digits - a.scale : 1;
    uint32_t width = whole + a.scale;
    ASSERT(at + width + 2 <= DECIMAL_TEXT_SIZE);
    decimal_put_mantissa(text + at, mantissa, width);
    at += whole;
    if (a.scale > 0) {
        memmove(text + at + 1, text + at, a.scale);
        text[at] = '.';
        at += 1 + (size_t)a.scale;
    }
    text[at] = 0;
    return at;
}

void decimal_print(struct decimal a, struct buffer *out) {
    char text[DECIMAL_TEXT_SIZE];
    size_t length = decimal_format(a, text);
    buffer_append(out, text, length);
}

/* --- floating point --- */

/* A 256-bit number moved so that its first bit is set; the places moved. */
static uint32_t wide_full_normalize(struct wide_full *a) {
    uint32_t moved = 0;
    while (a->limb[3] == 0 && moved < 192) {
        a->limb[3] = a->limb[2];
        a->limb[2] = a->limb[1];
        a->limb[1] = a->limb[0];
        a->limb[0] = 0;
        moved += 64;
    }
    ASSERT(a->limb[3] != 0);
    uint32_t shift = (uint32_t)__builtin_clzll(a->limb[3]);
    for (uint32_t i = 3; shift > 0 && i > 0; i--) {
        a->limb[i] = (a->limb[i] << shift) | (a->limb[i - 1] >> (64 - shift));
    }
    a->limb[0] <<= shift;
    return moved + shift;
}

double decimal_to_double(struct decimal a) {
    switch ((enum decimal_kind)a.kind) {
    case DECIMAL_NAN:
        return (double)NAN;
    case DECIMAL_INFINITY:
        return (double)INFINITY;
    case DECIMAL_NEGATIVE_INFINITY:
        return -(double)INFINITY;
    case DECIMAL_FINITE:
        break;
    }
    struct wide mantissa = {.low = a.low, .high = a.high};
    if (wide_is_zero(mantissa)) {
        return 0;
    }
    if (wide_fits_int64(mantissa) && a.scale <= 15) {
        int64_t small = (int64_t)mantissa.low;
        if (small < INT64_C(9007199254740992) && small > -INT64_C(9007199254740992)) {
            return (double)small / (double)wide_power10(a.scale).low; /* both exact: rounded once */
        }
    }
    struct wide magnitude = wide_absolute(mantissa);
    struct wide_full number = {{magnitude.low, (uint64_t)magnitude.high, 0, 0}};
    int32_t power = -(int32_t)wide_full_normalize(&number);
    bool sticky = false;
    for (uint32_t left = a.scale; left > 0;) {
        uint32_t step = left > WIDE_POWER10_MAX ? WIDE_POWER10_MAX : left;
        struct wide rest;
        number = wide_divide_full(number, wide_power10(step), &rest);
        sticky = sticky || !wide_is_zero(rest);
        power -= (int32_t)wide_full_normalize(&number);
        left -= step;
    }
    sticky = sticky || number.limb[2] != 0 || number.limb[1] != 0 || number.limb[0] != 0;
    double top = (double)(number.limb[3] | (sticky ? 1 : 0)); /* the only rounding, to even */
    double value = ldexp(top, 192 + power);
    return wide_is_negative(mantissa) ? -value : value;
}

static enum kmb_status decimal_of_real(double value, uint32_t digits_wanted, struct decimal *out,
                                       struct kmb_error *error) {
    if (!isfinite(value)) {
        *out = decimal_special(isnan(value) ? DECIMAL_NAN : value > 0 ? DECIMAL_INFINITY : DECIMAL_NEGATIVE_INFINITY);
        return KMB_OK;
    }
    if (value == 0) {
        *out = decimal_of_int64(0);
        return KMB_OK;
    }
    char digits[REAL_DIGITS_SIZE];
    int32_t exponent;
    size_t count = real_digits_rounded(value, digits_wanted, digits, &exponent);
    struct decimal_scan scan = {.scale = (int64_t)count - exponent};
    for (size_t i = 0; i < count; i++) {
        decimal_scan_digit(&scan, (uint32_t)(digits[i] - '0'));
    }
    return decimal_scan_finish(&scan, value < 0, out) ? KMB_OK : decimal_text_overflow(error);
}

enum kmb_status decimal_of_double(double value, struct decimal *out, struct kmb_error *error) {
    return decimal_of_real(value, 15, out, error);
}

enum kmb_status decimal_of_float(float value, struct decimal *out, struct kmb_error *error) {
    return decimal_of_real((double)value, 6, out, error);
}
