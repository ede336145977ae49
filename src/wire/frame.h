/*
 * Frames of the native protocol: a header of 14 bytes in network order {magic, version, length, CRC-32}, then a payload
 * of that length. Nothing is judged before a whole header is there, and nothing of the payload before all of it is.
 */
#ifndef KMB_WIRE_FRAME_H
#define KMB_WIRE_FRAME_H

#include "base/buffer.h"

#define WIRE_MAGIC       UINT32_C(0x56444220) /* "VDB " */
#define WIRE_VERSION     5
#define WIRE_HEADER_SIZE 14
#define WIRE_PAYLOAD_MAX (UINT32_C(16) << 20)

enum frame_result {
    FRAME_WHOLE,
    FRAME_INCOMPLETE, /* more bytes are wanted */
    FRAME_BAD_MAGIC,
    FRAME_BAD_VERSION,
    FRAME_TOO_LONG,
    FRAME_BAD_CHECKSUM, /* of a frame that is there: *used says how long it is */
};

/* The frame at the start of the bytes. FRAME_WHOLE: *payload borrows, *used bytes are the frame's; else *used is 0,
 * except as said. */
enum frame_result frame_read(struct slice bytes, struct slice *payload, size_t *used);

/* Begins a frame at the buffer's end and answers where; the payload is appended behind it. */
size_t frame_begin(struct buffer *out);
/* Fills in the header. False: the payload is larger than a frame holds; the buffer is cut back to `start`. */
bool frame_end(struct buffer *out, size_t start);

#endif
