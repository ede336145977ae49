/*
 * Values in PostgreSQL's binary format: what its send functions write and its receive functions read, in network order.
 * COPY in binary format and the wire use it; nothing is kept in it.
 *
 *   BOOL 1 byte · integers, OID 2, 4, 8 · floats IEEE 754 · NUMERIC digits to the base 10,000 · text, BYTEA, JSON the
 *   bytes · JSONB a 1, then its text · DATE days, TIMESTAMP(TZ) microseconds since 2000-01-01 · TIME microseconds ·
 *   INTERVAL microseconds, days, months · UUID 16 bytes · ENUM its label · REGCLASS and its kin a number · arrays their
 *   shape, then the elements
 */
#ifndef KMB_TYPES_VALUE_SEND_H
#define KMB_TYPES_VALUE_SEND_H

#include "base/codec.h"
#include "types/value.h"

/* What stands for a timestamp: microseconds since 2000, or an infinity. */
#define VALUE_SEND_EPOCH_DAYS INT64_C(10957) /* 2000-01-01 */
static inline int64_t value_send_timestamp(struct timestamp a) {
    return timestamp_is_finite(a) ? a.us - VALUE_SEND_EPOCH_DAYS * US_PER_DAY : a.us;
}

/* Appends a value that is not NULL, without its length. Nanoseconds, which PostgreSQL does not have, are left out. */
void value_send(const struct value *value, struct buffer *out);

/*
 * Reads a value, then applies the type's modifier. What is behind it is left in the reader: whether that is an error,
 * and in which words, is the caller's to say. Text, BYTEA and JSON take all there is and borrow it; other memory is the
 * arena's.
 *
 * Labels of enum types and names of objects are known to the catalogue alone: where the type or its elements are such,
 * the value is of type UNKNOWN, the text that the type's input function reads.
 *
 * Errors: KMB_PROTOCOL (08P01) "insufficient data left in message", "no data left in message"; KMB_INVALID_BINARY
 * (22P03) and others in the words of PostgreSQL's receive functions.
 */
enum kmb_status value_receive(struct type type, struct reader *bytes, struct arena *arena, struct value *out,
                              struct kmb_error *error);

#endif
