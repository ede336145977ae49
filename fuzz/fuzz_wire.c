/*
 * libFuzzer target: the native protocol's frames and messages.
 *
 * The input is read as frames, and its first bytes once more as a payload, so that no checksum stands before the
 * messages. What decodes is encoded, and that must be a fixed point: it decodes to what encodes to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"
#include "wire/message.h"

#define MEMORY_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good) {
    if (!good) {
        abort();
    }
}

static void encode(const struct wire_message *message, struct buffer *out) {
    size_t start = frame_begin(out);
    wire_message_encode(out, message);
    must(frame_end(out, start) && buffer_ok(out));
}

static void payload(struct slice bytes) {
    struct arena arena;
    struct wire_message message;
    arena_init(&arena, MEMORY_MAX);
    if (wire_message_decode(bytes, &arena, &message) == POSTCARD_OK) {
        struct buffer first = {0};
        struct buffer second = {0};
        struct slice again;
        size_t used;
        encode(&message, &first);
        must(frame_read(buffer_slice(&first), &again, &used) == FRAME_WHOLE && used == first.length);
        must(again.length <= bytes.length); /* the shortest form */
        must(wire_message_decode(again, &arena, &message) == POSTCARD_OK);
        encode(&message, &second);
        must(slice_equal(buffer_slice(&first), buffer_slice(&second)));
        buffer_free(&first);
        buffer_free(&second);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_make(data, size);
    struct slice inside;
    size_t used;
    enum frame_result result;
    while ((result = frame_read(rest, &inside, &used)) == FRAME_WHOLE) {
        payload(inside);
        rest = slice_make(rest.bytes + used, rest.length - used);
    }
    must(result == FRAME_BAD_CHECKSUM || used == 0);
    payload(slice_make(data, size));
    return 0;
}
