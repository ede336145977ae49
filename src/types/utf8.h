/*
 * UTF-8, strictly as Unicode defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
 */
#ifndef KMB_TYPES_UTF8_H
#define KMB_TYPES_UTF8_H

#include "base/error.h"
#include "base/slice.h"

bool utf8_valid(struct slice text);
/* Offset of the first byte that does not belong to a well-formed character; text.length when all is well. */
size_t utf8_invalid_at(struct slice text);
/* KMB_INVALID_ENCODING: invalid byte sequence for encoding "UTF8": 0xc3 0x28. A NUL byte is refused too: text has
 * none, as in PostgreSQL. */
enum kmb_status utf8_check(struct slice text, struct kmb_error *error);

/* The rest expects valid text. */
size_t utf8_length(struct slice text);                       /* in characters */
size_t utf8_offset_of(struct slice text, size_t character);  /* byte offset of a character, capped at the end */
size_t utf8_character_of(struct slice text, size_t offset);  /* characters before a byte offset */
struct slice utf8_cut(struct slice text, size_t characters); /* the first so many */
uint32_t utf8_decode(struct slice text, size_t *offset);     /* the code point at offset; moves past it */
size_t utf8_encode(uint32_t code_point, uint8_t bytes[4]);   /* 1..4; 0 when it is no scalar value */

#endif
