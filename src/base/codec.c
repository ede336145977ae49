/*
 * Reading bytes that may be hostile, and the checksum that finds accidents among them.
 *
 * Everything that comes from a disk or a peer is read through a cursor that knows its end. The one arithmetic that
 * matters is in reader_take(): it compares the count with what is left, by subtraction that cannot wrap, before it
 * moves. All other reads are made of it, so none can run past the end; a failed one answers zeros for ever after.
 *
 * Integers are put together by shifts: no pointer casts, no alignment, the same bytes on every machine; compilers turn
 * each into one load. CRC-32C is isa-l's crc32_iscsi (SSE4.2 and PCLMUL picked at run time), which leaves the initial
 * and final inversion of RFC 3720 to its caller.
 */
#include "base/codec.h"

#include <isa-l/crc.h>
#include <limits.h>

#include "base/assert.h"

struct slice reader_take(struct reader *reader, size_t count) {
    if (reader->failed || count > reader->length - reader->offset) {
        reader->failed = true;
        return slice_make(NULL, 0);
    }
    struct slice taken = slice_make(reader->bytes == NULL ? NULL : reader->bytes + reader->offset, count);
    reader->offset += count;
    ASSERT(reader->offset <= reader->length);
    return taken;
}

uint8_t reader_u8(struct reader *reader) {
    struct slice bytes = reader_take(reader, 1);
    return bytes.length == 1 ? bytes.bytes[0] : 0;
}

uint16_t reader_u16(struct reader *reader) {
    struct slice bytes = reader_take(reader, 2);
    return bytes.length == 2 ? codec_get_u16(bytes.bytes) : 0;
}

uint32_t reader_u32(struct reader *reader) {
    struct slice bytes = reader_take(reader, 4);
    return bytes.length == 4 ? codec_get_u32(bytes.bytes) : 0;
}

uint64_t reader_u64(struct reader *reader) {
    struct slice bytes = reader_take(reader, 8);
    return bytes.length == 8 ? codec_get_u64(bytes.bytes) : 0;
}

int64_t reader_i64(struct reader *reader) {
    return (int64_t)reader_u64(reader);
}

struct slice reader_bytes(struct reader *reader) {
    uint32_t count = reader_u32(reader);
    return reader_take(reader, count);
}

void reader_copy(struct reader *reader, void *target, size_t count) {
    struct slice bytes = reader_take(reader, count);
    if (count == 0) {
        return;
    }
    if (bytes.length == count) {
        memcpy(target, bytes.bytes, count);
    } else {
        memset(target, 0, count);
    }
}

uint16_t codec_get_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t codec_get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint64_t codec_get_u64(const uint8_t *bytes) {
    return (uint64_t)codec_get_u32(bytes) | (uint64_t)codec_get_u32(bytes + 4) << 32;
}

void codec_put_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

void codec_put_u32(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)(value >> 16);
    bytes[3] = (uint8_t)(value >> 24);
}

void codec_put_u64(uint8_t *bytes, uint64_t value) {
    codec_put_u32(bytes, (uint32_t)value);
    codec_put_u32(bytes + 4, (uint32_t)(value >> 32));
}

uint32_t codec_get_u32_big(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

uint64_t codec_get_u64_big(const uint8_t *bytes) {
    return (uint64_t)codec_get_u32_big(bytes) << 32 | (uint64_t)codec_get_u32_big(bytes + 4);
}

void codec_put_u32_big(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

void codec_put_u64_big(uint8_t *bytes, uint64_t value) {
    codec_put_u32_big(bytes, (uint32_t)(value >> 32));
    codec_put_u32_big(bytes + 4, (uint32_t)value);
}

void codec_hex(char *text, const void *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *source = bytes;
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[source[i] >> 4];
        text[2 * i + 1] = digits[source[i] & 15];
    }
    text[2 * count] = 0;
}

/* The value of one hexadecimal digit of either case, or -1. */
static int hex_digit(uint8_t character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    return -1;
}

bool codec_unhex(void *bytes, size_t count, struct slice text) {
    if (text.length % 2 != 0 || text.length / 2 != count) {
        return false;
    }
    uint8_t *target = bytes;
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text.bytes[2 * i]);
        int low = hex_digit(text.bytes[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        target[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/*
 * isa-l's AVX-512 code returns with the upper halves of the vector registers in use, and the processor then runs all
 * SSE code of the thread slower until somebody clears them: SHA-256 loses a quarter of its speed, for good.
 */
#if defined(__x86_64__)
__attribute__((target("avx"))) static void codec_clear_upper(void) {
    __builtin_ia32_vzeroupper();
}
#endif

/* isa-l's vector code may leave the upper halves of registers in use, which slows what comes next. */
static void codec_leave_vectors(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx")) {
        codec_clear_upper();
    }
#endif
}

uint32_t codec_crc32c(uint32_t crc, const void *bytes, size_t count) {
    /* isa-l takes a pointer to non-const that it only reads, and an int length: long input goes in pieces. */
    const size_t piece_max = (size_t)1 << 30;
    static_assert((1 << 30) <= INT_MAX, "a piece's length is an int");
    const uint8_t *source = bytes;
    uint32_t state = ~crc;
    while (count > 0) {
        size_t piece = count < piece_max ? count : piece_max;
        state = crc32_iscsi((unsigned char *)(uintptr_t)source, (int)piece, state);
        source += piece;
        count -= piece;
    }
    codec_leave_vectors();
    return ~state;
}

uint32_t codec_crc32(uint32_t crc, const void *bytes, size_t count) {
    uint32_t state = count == 0 ? crc : crc32_gzip_refl(crc, bytes, count);
    codec_leave_vectors();
    return state;
}
