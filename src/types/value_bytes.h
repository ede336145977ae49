/*
 * The bytes of one value, as row images (row.h), arrays (array.h) and single values have them. Private to the room.
 * Little-endian; to the byte: docs/internals/formats-events.md, "Values and row images".
 */
#ifndef KMB_TYPES_VALUE_BYTES_H
#define KMB_TYPES_VALUE_BYTES_H

#include "types/value.h"

static inline uint64_t bytes_load(const uint8_t *bytes, uint32_t width) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < width; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline void bytes_store(uint8_t *bytes, uint64_t value, uint32_t width) {
    for (uint32_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static inline uint32_t bytes_load_u32(const uint8_t *bytes) {
    return (uint32_t)bytes_load(bytes, 4);
}

static inline bool bytes_are_zero(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

uint8_t value_bytes_width(enum type_id type);    /* 0: no fixed width */
bool value_bytes_nanoseconds(enum type_id type); /* 16 bits of them belong to it, beside its width */

/* Of a fixed width, without nanoseconds. */
void value_bytes_store_fixed(const struct value *value, uint8_t *bytes, uint32_t width);
void value_bytes_load_fixed(enum type_id type, const uint8_t *bytes, uint32_t width, struct value *out);

/* Of no fixed width. Size of a NULL: 0; of what no image holds: more than ROW_BYTES_MAX - 1. */
uint32_t value_bytes_size(const struct value *value);
void value_bytes_store(const struct value *value, uint8_t *bytes);
void value_bytes_load(enum type_id type, struct slice bytes, struct value *out);

/*
 * Whether these bytes (of the type's width, or of none) are the one encoding of a value in range. `out` is the value,
 * to which nanoseconds are added here; bytes are borrowed.
 */
bool value_bytes_read(enum type_id type, struct slice bytes, uint16_t nanoseconds, struct value *out);

#endif
