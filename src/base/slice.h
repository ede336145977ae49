/* A borrowed run of bytes: whoever made it says how long it lives. */
#ifndef KMB_BASE_SLICE_H
#define KMB_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *bytes; /* may be NULL when length is 0 */
    size_t length;
};

static inline struct slice slice_make(const void *bytes, size_t length) {
    return (struct slice){.bytes = (const uint8_t *)bytes, .length = length};
}

static inline struct slice slice_text(const char *text) {
    return slice_make(text, strlen(text));
}

/* Byte order, a prefix before its extensions: <0, 0, >0. */
static inline int slice_compare(struct slice a, struct slice b) {
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.bytes, b.bytes, shorter);
    if (order != 0) {
        return order;
    }
    return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static inline bool slice_equal_text(struct slice a, const char *text) {
    return slice_equal(a, slice_text(text));
}

#endif
