/*
 * A column begins as everything and loses what a value contradicts. Numbers with a leading zero (codes, telephone
 * numbers) and with more than 38 digits stay text; a float type is never chosen, since it would change the digits.
 */
#include "cli/infer.h"

#include <ctype.h>
#include <string.h>

#include "types/datetime.h"
#include "types/decimal.h"

#define DIGITS_MAX 38

/* sign, digits, point, digits: counts digits; false when it is something else. */
static bool number(struct slice text, unsigned *digits, bool *point, bool *leading_zero) {
    size_t at = text.length > 0 && (text.bytes[0] == '-' || text.bytes[0] == '+') ? 1 : 0;
    size_t first = at;
    *digits = 0;
    *point = false;
    for (; at < text.length; at++) {
        if (text.bytes[at] == '.' && !*point && *digits > 0) {
            *point = true;
        } else if (isdigit(text.bytes[at])) {
            (*digits)++;
        } else {
            return false;
        }
    }
    *leading_zero = first + 1 < text.length && text.bytes[first] == '0' && text.bytes[first + 1] != '.';
    return *digits > 0 && text.bytes[text.length - 1] != '.';
}

static bool fits_bigint(struct slice text) {
    bool negative = text.bytes[0] == '-';
    uint64_t value = 0;
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    for (size_t i = negative || text.bytes[0] == '+' ? 1 : 0; i < text.length; i++) {
        uint64_t digit = text.bytes[i] - (uint64_t)'0';
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    return true;
}

static bool is_boolean(struct slice text) {
    static const char *const words[] = {"true", "false", "t", "f"};
    for (size_t i = 0; i < 4; i++) {
        if (text.length == strlen(words[i]) && strncasecmp((const char *)text.bytes, words[i], text.length) == 0) {
            return true;
        }
    }
    return false;
}

/* Begins as YYYY-MM-DD. */
static bool iso_date(struct slice text) {
    static const char form[] = "dddd-dd-dd";
    if (text.length < sizeof(form) - 1) {
        return false;
    }
    for (size_t i = 0; form[i] != 0; i++) {
        if (form[i] == 'd' ? !isdigit(text.bytes[i]) : text.bytes[i] != (uint8_t)form[i]) {
            return false;
        }
    }
    return true;
}

static bool has_zone(struct slice text) {
    if (text.bytes[text.length - 1] == 'Z' || text.bytes[text.length - 1] == 'z') {
        return true;
    }
    for (size_t i = 11; i < text.length; i++) {
        if (text.bytes[i] == '+' || text.bytes[i] == '-') {
            return true;
        }
    }
    return false;
}

void infer_value(struct infer *infer, struct slice text) {
    unsigned digits = 0;
    bool point = false, leading_zero = false;
    int64_t days = 0;
    struct timestamp timestamp;
    infer->seen = true;
    bool numeric =
        !infer->not_numeric && number(text, &digits, &point, &leading_zero) && !leading_zero && digits <= DIGITS_MAX;
    infer->not_numeric = !numeric;
    infer->not_bigint = infer->not_bigint || !numeric || point || !fits_bigint(text);
    infer->not_boolean = infer->not_boolean || !is_boolean(text);
    bool date = iso_date(text);
    infer->not_date = infer->not_date || !date || text.length != 10 || date_parse(text, NULL, &days, NULL) != KMB_OK;
    bool time = date && text.length > 11 && (text.bytes[10] == ' ' || text.bytes[10] == 'T') &&
                !(infer->not_timestamp && infer->not_timestamptz);
    bool zone = time && has_zone(text);
    infer->not_timestamp =
        infer->not_timestamp || !time || zone || timestamp_parse(text, false, NULL, &timestamp, NULL) != KMB_OK;
    infer->not_timestamptz =
        infer->not_timestamptz || !time || !zone || timestamp_parse(text, true, NULL, &timestamp, NULL) != KMB_OK;
}

void infer_text(struct infer *infer, struct slice text) {
    infer_value(infer, text);
    infer->not_bigint = true;
    infer->not_numeric = true;
    infer->not_boolean = true;
}

void infer_number(struct infer *infer, struct slice text) {
    bool before = infer->not_numeric;
    struct decimal value;
    infer_value(infer, text);
    infer->not_numeric = before || decimal_parse(text, &value, NULL) != KMB_OK;
}

const char *infer_type(const struct infer *infer) {
    if (!infer->seen) {
        return "TEXT";
    }
    return !infer->not_bigint        ? "BIGINT"
           : !infer->not_numeric     ? "NUMERIC"
           : !infer->not_boolean     ? "BOOLEAN"
           : !infer->not_date        ? "DATE"
           : !infer->not_timestamp   ? "TIMESTAMP"
           : !infer->not_timestamptz ? "TIMESTAMPTZ"
                                     : "TEXT";
}
