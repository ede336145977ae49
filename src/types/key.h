/*
 * Order-preserving keys: memcmp order of encoded keys is value order of the columns, NULLs last ascending.
 *
 * Equal values have equal keys whatever their form: 1.0 and 1.00, -0 and 0, '1 month' and '30 days', char(n) with or
 * without blanks at the end; arrays of such. A column may be descending: its bytes are complemented (so its NULLs come
 * first). Keys are prefix-free per column, so a key of fewer columns is the prefix of all keys that extend it. Layout:
 * docs/internals/formats-events.md, "Keys".
 */
#ifndef KMB_TYPES_KEY_H
#define KMB_TYPES_KEY_H

#include "types/value.h"

/* What a key needs to know of a column. */
struct key_column {
    struct type type;
    bool descending;
};

/* 0A000-like refusal before a key is ever made: KMB_UNDEFINED_OBJECT data type json has no default operator class for
 * access method "btree". */
enum kmb_status key_type_check(struct type type, struct kmb_error *error);

/* Appends one column. value->type must be column.type.id or another text type; asserts on JSON. */
void key_append(struct buffer *key, struct key_column column, const struct value *value);
/* Appends a row id (8 bytes big-endian): the key of a table without a primary key. */
void key_append_row_id(struct buffer *key, uint64_t row_id);
bool key_read_row_id(struct slice key, uint64_t *row_id);

/*
 * Reads one column back, moving *offset. Text comes from the arena. NUMERIC has its smallest scale (or that of the
 * modifier), INTERVAL its canonical form, BPCHAR its padding. KMB_CORRUPT: bytes that no key has.
 */
enum kmb_status key_decode(struct slice key, size_t *offset, struct key_column column, struct arena *arena,
                           struct value *out, struct kmb_error *error);
/* Moves *offset past one column without decoding it. */
enum kmb_status key_skip(struct slice key, size_t *offset, struct key_column column, struct kmb_error *error);

/* True when the column at *offset is NULL. */
bool key_is_null(struct slice key, size_t offset, bool descending);

/* Turns a prefix into the first key beyond all its extensions: last byte + 1 with carry. False when there is none (all
 * bytes FF): the range is open above. */
bool key_prefix_successor(struct buffer *key);

#endif
