/*
 * Postcard 1.x, the serialisation of the native protocol: integers as LEB128 varints (zigzag where signed), texts and
 * lists with a count before them, enum members and options as a tag.
 *
 * A reader walks over bytes it borrows. The first error stays: later reads give zero and change nothing, so a decoder
 * reads freely and asks once at the end. Nothing is allocated, and no declared length is believed before it was
 * compared with the bytes that are left.
 */
#ifndef KMB_WIRE_POSTCARD_H
#define KMB_WIRE_POSTCARD_H

#include "base/buffer.h"

enum postcard_error {
    POSTCARD_OK,
    POSTCARD_END,    /* bytes end before the value */
    POSTCARD_VARINT, /* more bytes, or a greater value, than the type has */
    POSTCARD_BOOL,   /* neither 0 nor 1 */
    POSTCARD_OPTION, /* neither 0 nor 1 */
    POSTCARD_UTF8,   /* text that is none */
    POSTCARD_INDEX,  /* an enum has no such member */
    POSTCARD_MEMORY, /* what is decoded is larger than the caller allows */
};

struct postcard_reader {
    const uint8_t *bytes;
    size_t length;
    size_t at;
    enum postcard_error error;
};

struct postcard_reader postcard_reader_make(struct slice bytes);
size_t postcard_left(const struct postcard_reader *reader);
void postcard_fail(struct postcard_reader *reader, enum postcard_error error); /* unless it failed before */

/* bits: 16, 32 or 64. Longer forms than needed are read as long as they have no more bytes than the type can. */
uint64_t postcard_read_unsigned(struct postcard_reader *reader, unsigned bits);
int64_t postcard_read_signed(struct postcard_reader *reader);
double postcard_read_real(struct postcard_reader *reader); /* eight bytes, least significant first */
uint8_t postcard_read_byte(struct postcard_reader *reader);
bool postcard_read_bool(struct postcard_reader *reader);
bool postcard_read_option(struct postcard_reader *reader);                    /* whether a value follows */
uint32_t postcard_read_index(struct postcard_reader *reader, uint32_t count); /* below count */
/* How many elements follow; each has at least one byte. */
uint32_t postcard_read_count(struct postcard_reader *reader);
struct slice postcard_read_bytes(struct postcard_reader *reader); /* borrowed */
struct slice postcard_read_text(struct postcard_reader *reader);  /* UTF-8 */

/* The shortest form, into a buffer whose failure is sticky. */
void postcard_write_unsigned(struct buffer *out, uint64_t value);
void postcard_write_signed(struct buffer *out, int64_t value);
void postcard_write_real(struct buffer *out, double value);
void postcard_write_bytes(struct buffer *out, struct slice bytes); /* texts likewise */

#endif
