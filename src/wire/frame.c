/* The frame's header; frame.h has the contract. */
#include "wire/frame.h"

#include "base/codec.h"

static uint32_t get_u32(const uint8_t *bytes) {
    return codec_get_u32_big(bytes);
}

static uint32_t get_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

enum frame_result frame_read(struct slice bytes, struct slice *payload, size_t *used) {
    *used = 0;
    *payload = slice_make(NULL, 0);
    if (bytes.length < WIRE_HEADER_SIZE) {
        return FRAME_INCOMPLETE;
    }
    if (get_u32(bytes.bytes) != WIRE_MAGIC) {
        return FRAME_BAD_MAGIC;
    }
    if (get_u16(bytes.bytes + 4) != WIRE_VERSION) {
        return FRAME_BAD_VERSION;
    }
    uint32_t length = get_u32(bytes.bytes + 6);
    if (length > WIRE_PAYLOAD_MAX) {
        return FRAME_TOO_LONG;
    }
    if (bytes.length - WIRE_HEADER_SIZE < length) {
        return FRAME_INCOMPLETE;
    }
    *used = WIRE_HEADER_SIZE + (size_t)length;
    struct slice body = slice_make(bytes.bytes + WIRE_HEADER_SIZE, length);
    if (codec_crc32(0, body.bytes, length) != get_u32(bytes.bytes + 10)) {
        return FRAME_BAD_CHECKSUM;
    }
    *payload = body;
    return FRAME_WHOLE;
}

size_t frame_begin(struct buffer *out) {
    size_t start = out->length;
    (void)buffer_extend(out, WIRE_HEADER_SIZE);
    return start;
}

bool frame_end(struct buffer *out, size_t start) {
    if (!buffer_ok(out)) {
        return true; /* the buffer says so itself */
    }
    size_t length = out->length - start - WIRE_HEADER_SIZE;
    if (length > WIRE_PAYLOAD_MAX) {
        out->length = start;
        return false;
    }
    uint8_t *header = out->bytes + start;
    codec_put_u32_big(header, WIRE_MAGIC);
    header[4] = 0;
    header[5] = WIRE_VERSION;
    codec_put_u32_big(header + 6, (uint32_t)length);
    codec_put_u32_big(header + 10, codec_crc32(0, header + WIRE_HEADER_SIZE, length));
    return true;
}
