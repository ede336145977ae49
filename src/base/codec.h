/*
 * Reading bytes that may be hostile. A reader can not run past its end: a read that would sets `failed`, answers zero
 * or an empty slice, and every later read does the same; the caller asks reader_ok() or reader_done() once.
 * Little-endian throughout; the big-endian pair serves order-preserving keys.
 */
#ifndef KMB_BASE_CODEC_H
#define KMB_BASE_CODEC_H

#include "base/slice.h"

struct reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset;
    bool failed;
};

static inline struct reader reader_make(struct slice slice) {
    return (struct reader){.bytes = slice.bytes, .length = slice.length};
}

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
int64_t reader_i64(struct reader *reader);
struct slice reader_take(struct reader *reader, size_t count); /* borrows from the source */
struct slice reader_bytes(struct reader *reader);              /* u32 length, then the bytes */
void reader_copy(struct reader *reader, void *target, size_t count);

static inline bool reader_ok(const struct reader *reader) {
    return !reader->failed;
}
static inline bool reader_done(const struct reader *reader) { /* all read, nothing left, no failure */
    return !reader->failed && reader->offset == reader->length;
}
static inline size_t reader_left(const struct reader *reader) {
    return reader->failed ? 0 : reader->length - reader->offset;
}

/* Fixed-place access for headers whose length the caller has checked. */
uint16_t codec_get_u16(const uint8_t *bytes);
uint32_t codec_get_u32(const uint8_t *bytes);
uint64_t codec_get_u64(const uint8_t *bytes);
void codec_put_u16(uint8_t *bytes, uint16_t value);
void codec_put_u32(uint8_t *bytes, uint32_t value);
void codec_put_u64(uint8_t *bytes, uint64_t value);
uint32_t codec_get_u32_big(const uint8_t *bytes);
uint64_t codec_get_u64_big(const uint8_t *bytes);
void codec_put_u32_big(uint8_t *bytes, uint32_t value);
void codec_put_u64_big(uint8_t *bytes, uint64_t value);

/* Hexadecimal. codec_hex writes 2*count lower-case characters and a zero; codec_unhex reads either case and is false on
 * any other character or a length that is not 2*count (bytes may then be half written). */
void codec_hex(char *text, const void *bytes, size_t count);
bool codec_unhex(void *bytes, size_t count, struct slice text);

/* CRC-32C (Castagnoli, RFC 3720), hardware where present. crc is 0 to start, or the value so far. */
uint32_t codec_crc32c(uint32_t crc, const void *bytes, size_t count);
/* CRC-32 of IEEE 802.3, as zlib has it. crc likewise. */
uint32_t codec_crc32(uint32_t crc, const void *bytes, size_t count);

#endif
