/*
 * UUIDs (RFC 9562) from randomness and time that the caller gives.
 */
#ifndef KMB_TYPES_UUID_H
#define KMB_TYPES_UUID_H

#include "base/error.h"
#include "base/slice.h"

#define UUID_TEXT_SIZE 37

void uuid_make_v4(const uint8_t random[16], uint8_t uuid[16]);
/* unix_us: of the time; milliseconds go to the first 48 bits, the rest of the millisecond in 1/4096 to rand_a. */
void uuid_make_v7(int64_t unix_us, const uint8_t random[10], uint8_t uuid[16]);
/* Every form PostgreSQL takes: braces, hyphens after any group of four digits, either case.
 * KMB_INVALID_TEXT: invalid input syntax for type uuid: "x" */
enum kmb_status uuid_parse(struct slice text, uint8_t uuid[16], struct kmb_error *error);
void uuid_format(const uint8_t uuid[16], char text[UUID_TEXT_SIZE]);

#endif
