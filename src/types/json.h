/*
 * JSON text: checked (RFC 8259, as PostgreSQL's json type does) or brought to the one text of a jsonb value.
 */
#ifndef KMB_TYPES_JSON_H
#define KMB_TYPES_JSON_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 1000 /* nesting; more is KMB_TOO_COMPLEX */

/* KMB_INVALID_JSON: invalid input syntax for type json, the detail naming the token. Text must be UTF-8. */
enum kmb_status json_validate(struct slice text, struct kmb_error *error);

/*
 * The text PostgreSQL prints for the jsonb value: object keys sorted by length, then bytes, the last of equal keys
 * kept; one space after ':' and ','; strings with minimal escapes; numbers as NUMERIC text without exponent.
 * \u0000 (KMB_UNTRANSLATABLE_CHARACTER) and lone surrogates are refused. Working memory comes from the arena and is
 * given back. The text is appended to out, nothing is when the answer is not KMB_OK.
 */
enum kmb_status json_normalize(struct slice text, struct arena *arena, struct buffer *out, struct kmb_error *error);

/*
 * Of two texts that json_normalize() made: PostgreSQL's order of jsonb values, and a hash that agrees with it. Where
 * two texts differ and the order is 0, they differ by zeros at the end of a number's fraction.
 */
int json_compare(struct slice a, struct slice b);
uint64_t json_hash(struct slice text, uint64_t seed);

/* --- of a text that json_validate() has passed --- */

/* What a string's token, quotes and all, means: bytes of the text, or of the arena. KMB_UNTRANSLATABLE_CHARACTER:
 * \u0000; KMB_INVALID_JSON: a lone surrogate. */
enum kmb_status json_string_read(struct slice token, struct arena *arena, struct slice *out, struct kmb_error *error);

/* The members of an object, or the elements of an array, one after the other, as they are written. */
struct json_walk {
    struct slice rest;
    bool object;
};
struct json_walk json_walk(struct slice container);
/* false: there are no more. key: a string's token; empty in arrays. */
bool json_walk_next(struct json_walk *walk, struct slice *key, struct slice *value);

#endif
