/*
 * UUIDs of RFC 9562: version 4 is randomness with six bits fixed, version 7 begins with the time so that new keys lie
 * at the end of an index. Neither reads a clock or a random source; the caller gives both, so a simulator can repeat a
 * run. Text is read as PostgreSQL reads it: 32 hexadecimal digits, a hyphen allowed after each group of four, braces
 * allowed around the whole.
 */
#include "types/uuid.h"

#include <stdio.h>

static void uuid_stamp(uint8_t uuid[16], uint8_t version) {
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | (version << 4));
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

void uuid_make_v4(const uint8_t random[16], uint8_t uuid[16]) {
    memcpy(uuid, random, 16);
    uuid_stamp(uuid, 4);
}

void uuid_make_v7(int64_t unix_us, const uint8_t random[10], uint8_t uuid[16]) {
    uint64_t us = unix_us < 0 ? 0 : (uint64_t)unix_us;
    uint64_t ms = us / 1000;
    uint32_t fraction = (uint32_t)((us % 1000) * 4096 / 1000); /* 12 bits of sub-millisecond order */
    for (size_t i = 0; i < 6; i++) {
        uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    uuid[6] = (uint8_t)(fraction >> 8);
    uuid[7] = (uint8_t)fraction;
    memcpy(uuid + 8, random, 8);
    uuid_stamp(uuid, 7);
}

static int uuid_digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool uuid_read(struct slice text, uint8_t uuid[16]) {
    size_t at = 0;
    bool braces = text.length > 0 && text.bytes[0] == '{';
    at += braces ? 1 : 0;
    for (size_t i = 0; i < 16; i++) {
        if (at + 2 > text.length) {
            return false;
        }
        int high = uuid_digit(text.bytes[at]);
        int low = uuid_digit(text.bytes[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid[i] = (uint8_t)(high * 16 + low);
        at += 2;
        if (i % 2 == 1 && i < 15 && at < text.length && text.bytes[at] == '-') {
            at++;
        }
    }
    if (braces) {
        if (at >= text.length || text.bytes[at] != '}') {
            return false;
        }
        at++;
    }
    return at == text.length;
}

enum kmb_status uuid_parse(struct slice text, uint8_t uuid[16], struct kmb_error *error) {
    if (uuid_read(text, uuid)) {
        return KMB_OK;
    }
    return error_set(error, KMB_INVALID_TEXT, "invalid input syntax for type uuid: \"%.*s\"",
                     (int)(text.length < 200 ? text.length : 200), (const char *)text.bytes);
}

void uuid_format(const uint8_t uuid[16], char text[UUID_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[uuid[i] >> 4];
        text[at++] = digits[uuid[i] & 15];
    }
    text[at] = 0;
}
