/*
 * A JSON text that was checked, walked without a tree: where a value ends is told by brackets and quotes alone.
 */
#include "types/json.h"

#include <string.h>

#include "base/assert.h"

static size_t skip_blanks(struct slice text, size_t at) {
    while (at < text.length && text.bytes[at] != 0 && strchr(" \t\n\r", text.bytes[at]) != NULL) {
        at++;
    }
    return at;
}

/* Behind the closing quote of the string at `at`. */
static size_t string_end(struct slice text, size_t at) {
    ASSERT(text.bytes[at] == '"');
    for (at++; text.bytes[at] != '"'; at++) {
        at += text.bytes[at] == '\\';
        ASSERT(at + 1 < text.length); /* the text was checked */
    }
    return at + 1;
}

static size_t value_end(struct slice text, size_t at) {
    uint32_t depth = 0;
    do {
        uint8_t byte = text.bytes[at];
        if (byte == '"') {
            at = string_end(text, at);
            continue;
        }
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        at++;
        if (depth == 0 && byte != '}' && byte != ']') { /* a number or a word */
            while (at < text.length && text.bytes[at] != 0 && strchr(",]} \t\n\r", text.bytes[at]) == NULL) {
                at++;
            }
        }
    } while (depth > 0);
    return at;
}

struct json_walk json_walk(struct slice container) {
    size_t at = skip_blanks(container, 0);
    ASSERT(at < container.length && (container.bytes[at] == '{' || container.bytes[at] == '['));
    return (struct json_walk){.rest = slice_make(container.bytes + at + 1, container.length - at - 1),
                              .object = container.bytes[at] == '{'};
}

bool json_walk_next(struct json_walk *walk, struct slice *key, struct slice *value) {
    struct slice text = walk->rest;
    size_t at = skip_blanks(text, 0);
    ASSERT(at < text.length);
    *key = (struct slice){0};
    if (text.bytes[at] == '}' || text.bytes[at] == ']') {
        return false;
    }
    if (walk->object) {
        size_t end = string_end(text, at);
        *key = slice_make(text.bytes + at, end - at);
        at = skip_blanks(text, skip_blanks(text, end) + 1); /* and the colon */
    }
    size_t end = value_end(text, at);
    *value = slice_make(text.bytes + at, end - at);
    at = skip_blanks(text, end);
    at += text.bytes[at] == ',';
    walk->rest = slice_make(text.bytes + at, text.length - at);
    return true;
}
