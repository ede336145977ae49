/*
 * Base64 with padding. Signed notes and key files are compared and hashed as text, so decoding accepts one spelling of
 * each value: no white space, padding exactly where it belongs, and zeros in the bits that padding leaves over.
 */
#include "crypto/base64.h"

#include "base/assert.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *text, const void *bytes, size_t size) {
    const uint8_t *source = bytes;
    char *at = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)source[i] << 16;
        group |= left > 1 ? (uint32_t)source[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)source[i + 2] : 0;
        *at++ = base64_digits[group >> 18];
        *at++ = base64_digits[group >> 12 & 63];
        *at++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *at++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *at = '\0';
    ASSERT((size_t)(at - text) == BASE64_LENGTH(size));
}

/* 0..63, or -1. */
static int base64_digit(uint8_t c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct slice text, void *out, size_t size_max, size_t *size) {
    uint8_t *target = out;
    size_t done = 0;
    if (text.length % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.length; i += 4) {
        const uint8_t *c = text.bytes + i;
        size_t padding = 0;
        if (i + 4 == text.length && c[3] == '=') {
            padding = c[2] == '=' ? 2 : 1;
        }
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            int digit = j + padding >= 4 ? 0 : base64_digit(c[j]);
            if (digit < 0) {
                return false;
            }
            group = group << 6 | (uint32_t)digit;
        }
        size_t count = 3 - padding;
        if ((group & (((uint32_t)1 << (8 * padding)) - 1)) != 0 || count > size_max - done) {
            return false;
        }
        for (size_t j = 0; j < count; j++) {
            target[done++] = (uint8_t)(group >> (16 - 8 * j));
        }
    }
    *size = done;
    return true;
}

bool base64_decode_exact(struct slice text, void *out, size_t size) {
    size_t got = 0;
    return text.length == BASE64_LENGTH(size) && base64_decode(text, out, size, &got) && got == size;
}
