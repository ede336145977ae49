/* Postcard's rules for single values; postcard.h has the contract. */
#include "wire/postcard.h"

#include "types/utf8.h"

#define PAYLOAD_BITS 7 /* of a varint's byte; the eighth says that more follow */

struct postcard_reader postcard_reader_make(struct slice bytes) {
    return (struct postcard_reader){.bytes = bytes.bytes, .length = bytes.length};
}

size_t postcard_left(const struct postcard_reader *reader) {
    return reader->length - reader->at;
}

void postcard_fail(struct postcard_reader *reader, enum postcard_error error) {
    if (reader->error == POSTCARD_OK) {
        reader->error = error;
    }
}

uint8_t postcard_read_byte(struct postcard_reader *reader) {
    if (reader->error == POSTCARD_OK && reader->at == reader->length) {
        reader->error = POSTCARD_END;
    }
    return reader->error == POSTCARD_OK ? reader->bytes[reader->at++] : 0;
}

uint64_t postcard_read_unsigned(struct postcard_reader *reader, unsigned bits) {
    unsigned bytes_max = (bits + PAYLOAD_BITS - 1) / PAYLOAD_BITS;
    unsigned last_bits = bits - PAYLOAD_BITS * (bytes_max - 1); /* that the last byte may hold */
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max; i++) {
        uint8_t byte = postcard_read_byte(reader);
        if (i + 1 == bytes_max && (byte >> last_bits) != 0) {
            postcard_fail(reader, POSTCARD_VARINT);
        }
        if (reader->error != POSTCARD_OK) {
            return 0;
        }
        value |= (uint64_t)(byte & 0x7F) << (PAYLOAD_BITS * i);
        if (byte < 0x80) {
            break;
        }
    }
    return value;
}

int64_t postcard_read_signed(struct postcard_reader *reader) {
    uint64_t zigzag = postcard_read_unsigned(reader, 64);
    uint64_t value = (zigzag >> 1) ^ (0 - (zigzag & 1));
    return (int64_t)value;
}

double postcard_read_real(struct postcard_reader *reader) {
    uint64_t bits = 0;
    double value = 0;
    for (unsigned i = 0; i < sizeof(bits); i++) {
        bits |= (uint64_t)postcard_read_byte(reader) << (8 * i);
    }
    if (reader->error == POSTCARD_OK) {
        memcpy(&value, &bits, sizeof(value));
    }
    return value;
}

bool postcard_read_bool(struct postcard_reader *reader) {
    uint8_t byte = postcard_read_byte(reader);
    if (byte > 1) {
        postcard_fail(reader, POSTCARD_BOOL);
    }
    return byte == 1;
}

bool postcard_read_option(struct postcard_reader *reader) {
    uint8_t byte = postcard_read_byte(reader);
    if (byte > 1) {
        postcard_fail(reader, POSTCARD_OPTION);
    }
    return byte == 1;
}

uint32_t postcard_read_index(struct postcard_reader *reader, uint32_t count) {
    uint64_t index = postcard_read_unsigned(reader, 32);
    if (index >= count) {
        postcard_fail(reader, POSTCARD_INDEX);
        return 0;
    }
    return (uint32_t)index;
}

uint32_t postcard_read_count(struct postcard_reader *reader) {
    uint64_t count = postcard_read_unsigned(reader, 64);
    if (count > postcard_left(reader) || count > UINT32_MAX) {
        postcard_fail(reader, POSTCARD_END);
        return 0;
    }
    return (uint32_t)count;
}

struct slice postcard_read_bytes(struct postcard_reader *reader) {
    uint64_t length = postcard_read_unsigned(reader, 64);
    if (length > postcard_left(reader)) {
        postcard_fail(reader, POSTCARD_END);
    }
    if (reader->error != POSTCARD_OK) {
        return slice_make(NULL, 0);
    }
    struct slice bytes = slice_make(reader->bytes + reader->at, (size_t)length);
    reader->at += (size_t)length;
    return bytes;
}

struct slice postcard_read_text(struct postcard_reader *reader) {
    struct slice text = postcard_read_bytes(reader);
    if (reader->error == POSTCARD_OK && !utf8_valid(text)) {
        reader->error = POSTCARD_UTF8;
    }
    return reader->error == POSTCARD_OK ? text : slice_make(NULL, 0);
}

void postcard_write_unsigned(struct buffer *out, uint64_t value) {
    for (; value >= 0x80; value >>= PAYLOAD_BITS) {
        buffer_append_byte(out, (uint8_t)(value | 0x80));
    }
    buffer_append_byte(out, (uint8_t)value);
}

void postcard_write_signed(struct buffer *out, int64_t value) {
    uint64_t sign = value < 0 ? UINT64_MAX : 0;
    postcard_write_unsigned(out, ((uint64_t)value << 1) ^ sign);
}

void postcard_write_real(struct buffer *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    buffer_u64(out, bits);
}

void postcard_write_bytes(struct buffer *out, struct slice bytes) {
    postcard_write_unsigned(out, bytes.length);
    buffer_append_slice(out, bytes);
}
