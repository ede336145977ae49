/*
 * W3C Trace Context, level 1: version, trace, parent, flags, in hexadecimal with dashes between. Versions to come may
 * have more behind that.
 */
#include <string.h>

#include "server/trace.h"

#define CONTEXT_LENGTH 55

/* Lower case alone. */
static bool read_hex(const uint8_t *text, uint8_t *out, size_t count) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        const char *high = memchr(digits, text[2 * i], 16);
        const char *low = memchr(digits, text[2 * i + 1], 16);
        if (high == NULL || low == NULL) {
            return false;
        }
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count) {
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool trace_context_parse(struct slice text, struct trace_context *context) {
    struct trace_context made = {.present = true};
    uint8_t version = 0;
    uint8_t flags = 0;
    if (text.length < CONTEXT_LENGTH || text.bytes[2] != '-' || text.bytes[35] != '-' || text.bytes[52] != '-' ||
        !read_hex(text.bytes, &version, 1) || !read_hex(text.bytes + 3, made.trace, sizeof(made.trace)) ||
        !read_hex(text.bytes + 36, made.parent, sizeof(made.parent)) || !read_hex(text.bytes + 53, &flags, 1)) {
        return false;
    }
    bool longer = text.length > CONTEXT_LENGTH;
    if (version == 0xff || (version == 0 && longer) || (longer && text.bytes[CONTEXT_LENGTH] != '-') ||
        is_zero(made.trace, sizeof(made.trace)) || is_zero(made.parent, sizeof(made.parent))) {
        return false;
    }
    made.sampled = (flags & 1) != 0;
    *context = made;
    return true;
}

bool trace_context_find(struct slice sql, struct trace_context *context) {
    static const char key[] = "traceparent='";
    size_t end = sql.length;
    while (end > 0 && memchr(" \t\r\n;", sql.bytes[end - 1], 5) != NULL) {
        end--;
    }
    if (end < 4 || memcmp(sql.bytes + end - 2, "*/", 2) != 0) {
        return false;
    }
    size_t begin = end - 3;
    while (begin > 0 && memcmp(sql.bytes + begin - 1, "/*", 2) != 0) {
        begin--;
    }
    const uint8_t *found = memmem(sql.bytes + begin, end - begin, key, sizeof(key) - 1);
    if (found == NULL) {
        return false;
    }
    const uint8_t *value = found + sizeof(key) - 1;
    size_t left = (size_t)(sql.bytes + end - value);
    const uint8_t *quote = memchr(value, '\'', left);
    return quote != NULL && trace_context_parse(slice_make(value, (size_t)(quote - value)), context);
}
