/*
 * The bytes of a chunk of versions: see chunk.h for the format.
 *
 * Positions stand in an array in front, so that finding the version of a position touches no image. Images are
 * differences by common prefix and suffix: an update mostly changes a run of bytes, and applying one difference after
 * the other in one buffer costs a copy of that run only, as long as lengths stay the same.
 */
#include "store/chunk.h"

#include "base/codec.h"

#define VARINT_MAX 5u

static void varint_put(struct buffer *out, size_t value) {
    while (value >= 0x80) {
        buffer_append_byte(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buffer_append_byte(out, (uint8_t)value);
}

static inline bool varint_get(struct slice *from, size_t *value) {
    *value = 0;
    for (unsigned i = 0; i < VARINT_MAX && i < from->length; i++) {
        *value |= (size_t)(from->bytes[i] & 0x7f) << (7 * i);
        if (__builtin_expect((from->bytes[i] & 0x80) == 0, 1)) {
            from->bytes += i + 1;
            from->length -= i + 1;
            return true;
        }
    }
    return false;
}

static inline uint64_t get_u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint32_t chunk_size(const struct chunk *chunk, unsigned index) {
    uint32_t value;
    memcpy(&value, chunk->bytes + CHUNK_HEAD + (size_t)CHUNK_VERSION * index + 16, sizeof value);
    return value;
}

bool chunk_parse(struct chunk *chunk, struct slice value) {
    if (value.length < CHUNK_HEAD) {
        return false;
    }
    chunk->bytes = value.bytes;
    chunk->length = value.length;
    chunk->count = codec_get_u16(value.bytes);
    chunk->payloads = CHUNK_HEAD + (size_t)CHUNK_VERSION * chunk->count;
    return chunk->count > 0 && chunk->payloads <= value.length;
}

struct history_stamp chunk_from(const struct chunk *chunk, unsigned index) {
    const uint8_t *at = chunk->bytes + CHUNK_HEAD + (size_t)CHUNK_VERSION * index;
    return (struct history_stamp){.position = get_u64(at), .sequence = get_u64(at + 8)};
}

/* Fills payload and flags of the place's index; a gap's stamp replaces `to`. */
static bool place_fill(const struct chunk *chunk, struct chunk_place *place) {
    uint32_t size = chunk_size(chunk, place->index);
    size_t length = size & CHUNK_SIZE;
    if (length > chunk->length - place->offset) {
        return false;
    }
    place->payload = slice_make(chunk->bytes + place->offset, length);
    place->whole = (size & CHUNK_WHOLE) != 0;
    if ((size & CHUNK_GAP) != 0) {
        if (length < HISTORY_STAMP_SIZE) {
            return false;
        }
        place->to = (struct history_stamp){.position = get_u64(place->payload.bytes),
                                           .sequence = get_u64(place->payload.bytes + 8)};
        place->payload.bytes += HISTORY_STAMP_SIZE;
        place->payload.length -= HISTORY_STAMP_SIZE;
    }
    return true;
}

bool chunk_first(const struct chunk *chunk, struct chunk_place *place) {
    place->index = 0;
    place->offset = chunk->payloads;
    place->to = (struct history_stamp){.position = get_u64(chunk->bytes + 4), .sequence = get_u64(chunk->bytes + 12)};
    return place_fill(chunk, place);
}

bool chunk_next(const struct chunk *chunk, struct chunk_place *place) {
    place->to = chunk_from(chunk, place->index);
    place->offset += chunk_size(chunk, place->index) & CHUNK_SIZE;
    place->index++;
    return place_fill(chunk, place);
}

/* A difference taken apart. */
struct difference {
    size_t prefix;
    size_t suffix;
    struct slice middle;
};

static bool difference_parse(const struct chunk_place *place, struct difference *difference) {
    difference->middle = place->payload;
    return varint_get(&difference->middle, &difference->prefix) && varint_get(&difference->middle, &difference->suffix);
}

static bool difference_apply(const struct difference *difference, struct buffer *image) {
    size_t prefix = difference->prefix;
    size_t suffix = difference->suffix;
    size_t before = image->length;
    if (prefix > before || suffix > before - prefix) {
        return false;
    }
    size_t length = prefix + difference->middle.length + suffix;
    if (length > before && buffer_extend(image, length - before) == NULL) {
        return true; /* the buffer says so itself */
    }
    if (length != before && suffix > 0) {
        memmove(image->bytes + length - suffix, image->bytes + before - suffix, suffix);
    }
    if (difference->middle.length > 0) {
        memcpy(image->bytes + prefix, difference->middle.bytes, difference->middle.length);
    }
    image->length = length;
    return true;
}

bool chunk_apply(const struct chunk_place *place, struct buffer *image) {
    if (place->whole) {
        buffer_clear(image);
        buffer_append_slice(image, place->payload);
        return true;
    }
    struct difference difference;
    return difference_parse(place, &difference) && difference_apply(&difference, image);
}

bool chunk_find(const struct chunk *chunk, uint64_t position, struct chunk_place *place, struct buffer *image) {
    struct difference pending = {0};
    bool waiting = false;
    bool good = chunk_first(chunk, place);
    for (;;) {
        if (!good) {
            return false;
        }
        if (place->whole) {
            good = chunk_apply(place, image);
            waiting = false;
        } else {
            struct difference next;
            good = difference_parse(place, &next);
            if (good && waiting && (next.prefix > pending.prefix || next.suffix > pending.suffix)) {
                good = difference_apply(&pending, image);
            }
            pending = next;
            waiting = true;
        }
        if (!good || chunk_from(chunk, place->index).position <= position) {
            break;
        }
        good = chunk_next(chunk, place);
    }
    return good && (!waiting || difference_apply(&pending, image));
}

static size_t common_prefix(struct slice a, struct slice b, size_t most) {
    size_t length = 0;
    while (length + 8 <= most && get_u64(a.bytes + length) == get_u64(b.bytes + length)) {
        length += 8;
    }
    while (length < most && a.bytes[length] == b.bytes[length]) {
        length++;
    }
    return length;
}

static size_t common_suffix(struct slice a, struct slice b, size_t most) {
    const uint8_t *a_end = a.bytes + a.length;
    const uint8_t *b_end = b.bytes + b.length;
    size_t length = 0;
    while (length + 8 <= most && get_u64(a_end - length - 8) == get_u64(b_end - length - 8)) {
        length += 8;
    }
    while (length < most && *(a_end - length - 1) == *(b_end - length - 1)) {
        length++;
    }
    return length;
}

uint32_t chunk_difference(struct buffer *out, struct slice older, const struct slice *newer) {
    if (newer != NULL) {
        size_t most = older.length < newer->length ? older.length : newer->length;
        size_t prefix = common_prefix(older, *newer, most);
        size_t suffix = common_suffix(older, *newer, most - prefix);
        size_t middle = older.length - prefix - suffix;
        if (middle + 2 < older.length) {
            varint_put(out, prefix);
            varint_put(out, suffix);
            buffer_append(out, older.bytes + prefix, middle);
            return 0;
        }
    }
    buffer_append_slice(out, older);
    return CHUNK_WHOLE;
}

static void stamp_put(struct buffer *out, struct history_stamp stamp) {
    buffer_u64(out, stamp.position);
    buffer_u64(out, stamp.sequence);
}

void chunk_prepend(struct buffer *out, const struct chunk *old, struct history_stamp from, struct history_stamp to,
                   uint32_t whole, struct slice payload) {
    unsigned count = old == NULL ? 0 : old->count;
    buffer_u16(out, (uint16_t)(count + 1));
    buffer_u16(out, 0);
    stamp_put(out, to);
    stamp_put(out, from);
    buffer_u32(out, (uint32_t)payload.length | whole);
    if (old == NULL) {
        buffer_append_slice(out, payload);
        return;
    }
    /* The version that was newest now takes its `to` from the one in front of it, unless the row was gone between. */
    const uint8_t *old_to = old->bytes + 4;
    uint32_t size = chunk_size(old, 0);
    bool gap = (size & CHUNK_GAP) == 0 && (get_u64(old_to) != from.position || get_u64(old_to + 8) != from.sequence);
    buffer_append(out, old->bytes + CHUNK_HEAD, 16);
    buffer_u32(out, gap ? ((size & CHUNK_SIZE) + HISTORY_STAMP_SIZE) | (size & CHUNK_WHOLE) | CHUNK_GAP : size);
    buffer_append(out, old->bytes + CHUNK_HEAD + CHUNK_VERSION, (size_t)CHUNK_VERSION * (count - 1));
    buffer_append_slice(out, payload);
    if (gap) {
        buffer_append(out, old_to, HISTORY_STAMP_SIZE);
    }
    buffer_append(out, old->bytes + old->payloads, old->length - old->payloads);
}

void chunk_close(struct buffer *out, const struct chunk *old, struct slice newest) {
    struct chunk_place place;
    bool good = chunk_first(old, &place);
    size_t rest = old->payloads + (chunk_size(old, 0) & CHUNK_SIZE);
    buffer_append(out, old->bytes, CHUNK_HEAD + 16);
    buffer_u32(out, (uint32_t)newest.length | CHUNK_WHOLE);
    buffer_append(out, old->bytes + CHUNK_HEAD + CHUNK_VERSION, (size_t)CHUNK_VERSION * (old->count - 1));
    buffer_append_slice(out, newest);
    if (good) {
        buffer_append(out, old->bytes + rest, old->length - rest);
    }
}
