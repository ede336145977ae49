/* Base64 with padding (RFC 4648 section 4). Decoding takes only the one canonical form: no white space, no spare bits.
 */
#ifndef KMB_CRYPTO_BASE64_H
#define KMB_CRYPTO_BASE64_H

#include "base/slice.h"

/* Characters that size bytes take, without a terminating zero. */
#define BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

/* Writes BASE64_LENGTH(size) characters and a zero. */
void base64_encode(char *text, const void *bytes, size_t size);

/* At most size_max bytes to out; false: not canonical base64, or more than size_max. */
bool base64_decode(struct slice text, void *out, size_t size_max, size_t *size);

/* As base64_decode, and the result must have exactly `size` bytes. */
bool base64_decode_exact(struct slice text, void *out, size_t size);

#endif
