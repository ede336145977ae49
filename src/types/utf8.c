/*
 * UTF-8 checked at the edge, so that everything inside may trust it.
 *
 * Nearly all text is ASCII, so eight bytes at a time are tested for a high bit before the exact check of a character
 * runs. That check is the table of well-formed sequences of the Unicode standard (table 3-7) written as ranges: the
 * first byte fixes the length and the range of the second byte, which excludes overlong forms, surrogates and what lies
 * beyond U+10FFFF; later bytes are 80..BF.
 */
#include "types/utf8.h"

#include <stdio.h>

#include "base/assert.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS  UINT64_C(0x0101010101010101)

/* Bytes in the character that begins with this byte, by its first byte alone; 0 for none. */
static size_t utf8_width(uint8_t first) {
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* Length of the well-formed character at `bytes`, 0 when there is none. */
static size_t utf8_character(const uint8_t *bytes, size_t left) {
    uint8_t first = bytes[0];
    size_t width = utf8_width(first);
    if (width <= 1 || width > left) {
        return width > left ? 0 : width;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < width; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return width;
}

size_t utf8_invalid_at(struct slice text) {
    size_t at = 0;
    while (at < text.length) {
        if (text.length - at >= 8) {
            uint64_t word;
            memcpy(&word, text.bytes + at, 8);
            if ((word & HIGH_BITS) == 0) {
                at += 8;
                continue;
            }
        }
        size_t width = utf8_character(text.bytes + at, text.length - at);
        if (width == 0) {
            return at;
        }
        at += width;
    }
    ASSERT(at == text.length);
    return at;
}

bool utf8_valid(struct slice text) {
    return utf8_invalid_at(text) == text.length;
}

/* Eight bytes of ASCII, none of them a NUL. */
static bool is_plain(uint64_t word) {
    return ((word | (word - LOW_BITS)) & HIGH_BITS) == 0;
}

static bool is_ascii(struct slice text) {
    uint64_t word = LOW_BITS;
    if (text.length < 8) {
        if (text.length > 0) {
            memcpy(&word, text.bytes, text.length);
        }
        return is_plain(word);
    }
    for (size_t at = 0; at + 8 < text.length; at += 8) {
        memcpy(&word, text.bytes + at, 8);
        if (!is_plain(word)) {
            return false;
        }
    }
    memcpy(&word, text.bytes + text.length - 8, 8);
    return is_plain(word);
}

enum kmb_status utf8_check(struct slice text, struct kmb_error *error) {
    if (is_ascii(text)) {
        return KMB_OK;
    }
    size_t at = utf8_invalid_at(text);
    const uint8_t *zero = at == 0 ? NULL : memchr(text.bytes, 0, at);
    if (zero != NULL) {
        return error_set(error, KMB_INVALID_ENCODING, "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
    if (at == text.length) {
        return KMB_OK;
    }
    /* PostgreSQL names as many bytes as the first one promises. */
    size_t width = utf8_width(text.bytes[at]);
    width = width == 0 ? 1 : width;
    char list[4 * 5 + 1];
    size_t length = 0;
    for (size_t i = at; i < text.length && i < at + width; i++) {
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s0x%02x", i == at ? "" : " ", text.bytes[i]);
    }
    return error_set(error, KMB_INVALID_ENCODING, "invalid byte sequence for encoding \"UTF8\": %s", list);
}

static size_t utf8_count(const uint8_t *bytes, size_t length) {
    size_t count = 0;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        if ((word & HIGH_BITS) == 0) {
            count += 8;
            continue;
        }
        /* A continuation byte has bit 7 set and bit 6 clear. */
        uint64_t inside = (word & HIGH_BITS) & ((~word & (HIGH_BITS >> 1)) << 1);
        count += 8 - (size_t)__builtin_popcountll(inside);
    }
    for (; i < length; i++) {
        count += (bytes[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

size_t utf8_length(struct slice text) {
    return utf8_count(text.bytes, text.length);
}

size_t utf8_character_of(struct slice text, size_t offset) {
    return utf8_count(text.bytes, offset < text.length ? offset : text.length);
}

size_t utf8_offset_of(struct slice text, size_t character) {
    size_t at = 0;
    while (character > 0 && at < text.length) {
        if (character >= 8 && text.length - at >= 8) {
            uint64_t word;
            memcpy(&word, text.bytes + at, 8);
            if ((word & HIGH_BITS) == 0) {
                at += 8;
                character -= 8;
                continue;
            }
        }
        size_t width = utf8_width(text.bytes[at]);
        at += width == 0 ? 1 : width;
        character--;
    }
    return at < text.length ? at : text.length;
}

struct slice utf8_cut(struct slice text, size_t characters) {
    return slice_make(text.bytes, utf8_offset_of(text, characters));
}

uint32_t utf8_decode(struct slice text, size_t *offset) {
    ASSERT(*offset < text.length);
    const uint8_t *bytes = text.bytes + *offset;
    size_t width = utf8_character(bytes, text.length - *offset);
    ASSERT(width > 0);
    *offset += width;
    if (width == 1) {
        return bytes[0];
    }
    uint32_t code = bytes[0] & (0x7fu >> width);
    for (size_t i = 1; i < width; i++) {
        code = (code << 6) | (bytes[i] & 0x3fu);
    }
    return code;
}

size_t utf8_encode(uint32_t code_point, uint8_t bytes[4]) {
    if (code_point < 0x80) {
        bytes[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
        return 0;
    }
    size_t width = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    bytes[0] = (uint8_t)((0xf00u >> width) | code_point);
    return width;
}
