/*
 * LIKE.
 *
 * The usual matcher recurses at each %, and a hostile pattern of many % makes it exponential. But % is greedy-safe:
 * once a later % has been reached, no earlier one need ever be revisited, since whatever it could swallow the later
 * one can too. So two pointers and one remembered place (the last % and where its run began) are enough: a mismatch
 * moves the remembered start one character on. That is |pattern| x |text| at worst.
 *
 * Most patterns are 'abc%', '%abc', '%abc%' or have no wildcard; they are recognised once a batch and matched with
 * memcmp and memmem. So are others of % alone, part by part: the first place of a part leaves the most for the next.
 */
#include "sql/func/like.h"

static bool has_byte(struct slice text, int byte) {
    return text.length > 0 && memchr(text.bytes, byte, text.length) != NULL;
}

struct like_pattern like_prepare(struct slice pattern) {
    bool front = pattern.length > 0 && pattern.bytes[0] == '%';
    struct slice body = front ? slice_make(pattern.bytes + 1, pattern.length - 1) : pattern;
    bool back = body.length > 0 && body.bytes[body.length - 1] == '%';
    if (back) {
        body.length--;
    }
    if (has_byte(body, '_') || has_byte(body, '\\')) {
        return (struct like_pattern){.shape = LIKE_GENERAL, .pattern = pattern};
    }
    if (has_byte(body, '%')) {
        return (struct like_pattern){.shape = LIKE_PARTS, .pattern = pattern};
    }
    enum like_shape shape = front && back ? LIKE_CONTAINS : front ? LIKE_SUFFIX : back ? LIKE_PREFIX : LIKE_EXACT;
    return (struct like_pattern){.shape = shape, .pattern = body};
}

/* Bytes of the UTF-8 character at the start of bytes[0..left); where bytes are matched, one. */
static size_t character_length(const uint8_t *bytes, size_t left, bool of_bytes) {
    size_t length = 1;
    while (!of_bytes && length < left && (bytes[length] & 0xC0) == 0x80) {
        length++;
    }
    return length;
}

static bool match_general(struct slice pattern, struct slice text, bool of_bytes, bool *bad_escape) {
    size_t p = 0;
    size_t t = 0;
    size_t star_pattern = SIZE_MAX; /* just after the last % */
    size_t star_text = 0;           /* where the text resumes when its run grows */
    while (t < text.length) {
        if (p < pattern.length) {
            uint8_t symbol = pattern.bytes[p];
            if (symbol == '%') {
                star_pattern = ++p;
                star_text = t;
                continue;
            }
            if (symbol == '_') {
                p++;
                t += character_length(text.bytes + t, text.length - t, of_bytes);
                continue;
            }
            size_t literal = p;
            if (symbol == '\\') {
                literal = p + 1;
                if (literal == pattern.length) {
                    *bad_escape = true;
                    return false;
                }
                symbol = pattern.bytes[literal];
            }
            if (symbol == text.bytes[t]) {
                p = literal + 1;
                t++;
                continue;
            }
        }
        if (star_pattern == SIZE_MAX) {
            return false;
        }
        star_text += character_length(text.bytes + star_text, text.length - star_text, of_bytes);
        t = star_text;
        p = star_pattern;
    }
    while (p < pattern.length && pattern.bytes[p] == '%') {
        p++;
    }
    return p == pattern.length;
}

/* The pattern has a %, and nothing else that stands for something. */
static bool match_parts(struct slice pattern, struct slice text) {
    const uint8_t *percent = memchr(pattern.bytes, '%', pattern.length);
    size_t length = (size_t)(percent - pattern.bytes);
    if (text.length < length || (length > 0 && memcmp(text.bytes, pattern.bytes, length) != 0)) {
        return false;
    }
    text = slice_make(text.bytes + length, text.length - length);
    for (;;) {
        const uint8_t *part = percent + 1;
        size_t left = (size_t)(pattern.bytes + pattern.length - part);
        percent = left == 0 ? NULL : memchr(part, '%', left);
        length = percent == NULL ? left : (size_t)(percent - part);
        if (length == 0) {
            if (percent == NULL) {
                return true;
            }
            continue;
        }
        if (text.length < length) {
            return false;
        }
        if (percent == NULL) {
            return memcmp(text.bytes + (text.length - length), part, length) == 0;
        }
        const uint8_t *found = memmem(text.bytes, text.length, part, length);
        if (found == NULL) {
            return false;
        }
        found += length;
        text = slice_make(found, (size_t)(text.bytes + text.length - found));
    }
}

bool like_match(const struct like_pattern *pattern, struct slice text, bool *bad_escape) {
    struct slice body = pattern->pattern;
    if (pattern->shape == LIKE_PARTS) {
        return match_parts(body, text);
    }
    if (pattern->shape != LIKE_GENERAL && text.length < body.length) {
        return false;
    }
    switch (pattern->shape) {
    case LIKE_EXACT:
        return slice_equal(text, body);
    case LIKE_PREFIX:
        return body.length == 0 || memcmp(text.bytes, body.bytes, body.length) == 0;
    case LIKE_SUFFIX:
        return body.length == 0 || memcmp(text.bytes + (text.length - body.length), body.bytes, body.length) == 0;
    case LIKE_CONTAINS:
        return body.length == 0 || memmem(text.bytes, text.length, body.bytes, body.length) != NULL;
    case LIKE_PARTS:
    case LIKE_GENERAL:
        break;
    }
    return match_general(body, text, pattern->of_bytes, bad_escape);
}
