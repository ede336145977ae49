/*
 * What a statement is without its literals: the key under which a session keeps its plan.
 *
 * `WHERE id = 42` and `WHERE id = 43` are one statement, `WHERE id = $1`, run with two values. The digest is made in
 * one pass over the bytes, without the grammar, and is careful: it takes plain statements that begin with SELECT,
 * INSERT, UPDATE, DELETE, VALUES or WITH, and of their literals those alone that mean the same as a parameter in their
 * place: after `=`, and the items of VALUES and IN lists, before anything is ordered, grouped or limited by number. All
 * others stay as they are written. What is out of the ordinary (a comment, a parameter, an escape string, a name in
 * quotes with an escape) has no digest.
 */
#ifndef KMB_SQL_DIGEST_H
#define KMB_SQL_DIGEST_H

#include "base/arena.h"
#include "types/value.h"

#define SQL_DIGEST_LITERALS_MAX 64
#define SQL_DIGEST_BYTES_MAX    8192

struct sql_literal {
    enum type_id type;      /* INT4, INT8, NUMERIC; UNKNOWN: a string */
    uint32_t first, end;    /* its bytes in the text, quotes included */
    uint32_t in_key;        /* where its parameter begins in the key */
    uint32_t in_key_length; /* bytes of the parameter */
};

struct sql_digest {
    uint64_t hash;
    uint32_t first, end; /* the statement's bytes in the text, without blanks and ';' around it */
    uint32_t key_length;
    uint32_t literal_count;
    struct sql_literal literals[SQL_DIGEST_LITERALS_MAX];
    char key[SQL_DIGEST_BYTES_MAX]; /* a statement with $1, $2 ... for the literals */
};

/* False: the text has no digest, or is not one statement. */
bool sql_digest(struct slice text, struct sql_digest *digest);

/* The literals' values, strings in arena memory; false: no memory. */
bool sql_digest_values(struct slice text, const struct sql_digest *digest, struct arena *arena, struct value *values);

/* Where a place in the key is in the statement; characters from 1, 0 none, as errors have it. */
uint32_t sql_digest_position(struct slice text, const struct sql_digest *digest, uint32_t position);

#endif
