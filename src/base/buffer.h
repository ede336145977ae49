/*
 * A growable byte buffer. Owner frees with buffer_free(); a zeroed struct is an empty buffer.
 *
 * Failure is sticky: an append that finds no memory sets `failed` and later appends do nothing, so a writer appends
 * freely and asks buffer_ok() once at the end.
 */
#ifndef KMB_BASE_BUFFER_H
#define KMB_BASE_BUFFER_H

#include <stdarg.h>

#include "base/slice.h"

struct buffer {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    bool failed;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);              /* length 0, keeps the memory, forgets a failure */
bool buffer_grow(struct buffer *buffer, size_t extra); /* of buffer_reserve(): what finds no room */
static inline bool buffer_reserve(struct buffer *buffer, size_t extra) {
    return (!buffer->failed && extra <= buffer->capacity - buffer->length) || buffer_grow(buffer, extra);
}
uint8_t *buffer_extend(struct buffer *buffer, size_t count); /* uninitialised room at the end, NULL when failed */
void buffer_append(struct buffer *buffer, const void *bytes, size_t count);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Little-endian fixed-width integers, the only byte order of our formats. */
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u16(struct buffer *buffer, uint16_t value);
void buffer_u32(struct buffer *buffer, uint32_t value);
void buffer_u64(struct buffer *buffer, uint64_t value);
void buffer_i64(struct buffer *buffer, int64_t value);
void buffer_bytes(struct buffer *buffer, struct slice value); /* u32 length, then the bytes */

/* The text with a terminating zero that is not counted in length; NULL when failed. */
const char *buffer_text(struct buffer *buffer);

static inline bool buffer_ok(const struct buffer *buffer) {
    return !buffer->failed;
}

static inline struct slice buffer_slice(const struct buffer *buffer) {
    return slice_make(buffer->bytes, buffer->length);
}

#endif
