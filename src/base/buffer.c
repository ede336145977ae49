/*
 * A growable byte buffer with a sticky failure.
 *
 * Encoders append dozens of small fields; testing each append would bury the format under error handling. So a failed
 * append is remembered, everything after it is a no-op, and one test at the end decides. Growth doubles, so n appends
 * copy O(n) bytes in all; integers are written by shifts, so the bytes are little-endian on every machine.
 */
#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/memory.h"

#define BUFFER_CAPACITY_MIN 64

void buffer_free(struct buffer *buffer) {
    mem_free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer) {
    buffer->length = 0;
    buffer->failed = false;
}

bool buffer_grow(struct buffer *buffer, size_t extra) {
    if (buffer->failed) {
        return false;
    }
    size_t needed;
    if (__builtin_add_overflow(buffer->length, extra, &needed)) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer->capacity <= SIZE_MAX / 2 ? buffer->capacity * 2 : SIZE_MAX;
    if (capacity < BUFFER_CAPACITY_MIN) {
        capacity = BUFFER_CAPACITY_MIN;
    }
    if (capacity < needed) {
        capacity = needed;
    }
    uint8_t *bytes = mem_realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_extend(struct buffer *buffer, size_t count) {
    /* An extension by nothing still answers a pointer, so that NULL always means failure. */
    if (!buffer_reserve(buffer, count == 0 ? 1 : count)) {
        return NULL;
    }
    uint8_t *place = buffer->bytes + buffer->length;
    buffer->length += count;
    return place;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t count) {
    if (count > 0 && buffer_reserve(buffer, count)) {
        memcpy(buffer->bytes + buffer->length, bytes, count);
        buffer->length += count;
    }
}

void buffer_append_slice(struct buffer *buffer, struct slice slice) {
    buffer_append(buffer, slice.bytes, slice.length);
}

void buffer_append_text(struct buffer *buffer, const char *text) {
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte) {
    buffer_append(buffer, &byte, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
    } else if (buffer_reserve(buffer, (size_t)length + 1)) {
        vsnprintf((char *)buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void buffer_u8(struct buffer *buffer, uint8_t value) {
    buffer_append(buffer, &value, 1);
}

void buffer_u16(struct buffer *buffer, uint16_t value) {
    uint8_t *place = buffer_extend(buffer, 2);
    if (place != NULL) {
        codec_put_u16(place, value);
    }
}

void buffer_u32(struct buffer *buffer, uint32_t value) {
    uint8_t *place = buffer_extend(buffer, 4);
    if (place != NULL) {
        codec_put_u32(place, value);
    }
}

void buffer_u64(struct buffer *buffer, uint64_t value) {
    uint8_t *place = buffer_extend(buffer, 8);
    if (place != NULL) {
        codec_put_u64(place, value);
    }
}

void buffer_i64(struct buffer *buffer, int64_t value) {
    buffer_u64(buffer, (uint64_t)value);
}

void buffer_bytes(struct buffer *buffer, struct slice value) {
    if (value.length > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    buffer_u32(buffer, (uint32_t)value.length);
    buffer_append_slice(buffer, value);
}

const char *buffer_text(struct buffer *buffer) {
    if (!buffer_reserve(buffer, 1)) {
        return NULL;
    }
    buffer->bytes[buffer->length] = 0;
    return (const char *)buffer->bytes;
}
