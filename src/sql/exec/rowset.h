/*
 * Rows kept: what sorts, joins and aggregates hold in memory. Columns of chunks of VECTOR_ROWS rows, in the statement's
 * arena, bytes copied. A row is named by its number, from 0, and never moves.
 */
#ifndef KMB_SQL_ROWSET_H
#define KMB_SQL_ROWSET_H

#include "sql/context.h"
#include "sql/exec/vector.h"

#define ROWSET_NONE UINT32_MAX /* no row: gathers as NULLs */

struct rowset {
    struct sql_context *context;
    struct arena *arena; /* of chunks; raises when it is out */
    struct arena *bytes; /* of what their elements point to: the same, unless the user sets another */
    struct type *types;
    uint32_t column_count;
    uint32_t row_count;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    struct vector **chunks; /* chunk_count times column_count vectors */
};

/* Chunks and bytes come from arena, or from the context's where it is NULL. */
void rowset_init(struct rowset *rowset, struct sql_context *context, struct arena *arena, const struct type *types,
                 uint32_t column_count);
/* Appends rows of the columns (selection as ever); the first of them gets number row_count. Raises 54000 beyond 2^32 -
 * 2 rows. */
void rowset_append(struct rowset *rowset, const struct vector *const *columns, const uint16_t *selection,
                   uint32_t count);
/* Forgets the rows, keeps the chunks; bytes are given back only with the arena. */
void rowset_clear(struct rowset *rowset);
/* Forgets all: the arena has been freed. */
void rowset_reset(struct rowset *rowset);
/* A chunk's rows as a batch, its vectors borrowed. */
struct batch rowset_chunk(const struct rowset *rowset, uint32_t chunk);

/* The vector of a column that holds a row, and the row's place in it. */
static inline struct vector *rowset_at(const struct rowset *rowset, uint32_t column, uint32_t row, uint32_t *place) {
    *place = row % VECTOR_ROWS;
    return &rowset->chunks[row / VECTOR_ROWS][column];
}

/* out[i] = column of rows[i]; borrows bytes. out's null flags must be clear. */
void rowset_gather(const struct rowset *rowset, uint32_t column, const uint32_t *rows, uint32_t count,
                   struct vector *out);

/* --- comparing and hashing elements of vectors of one type --- */

struct rowset_key;
/* The order of a row of some columns and a row of others, by the keys. */
int vectors_compare(const struct rowset_key *keys, uint32_t key_count, const struct vector *const *a, uint32_t row_a,
                    const struct vector *const *b, uint32_t row_b);
/* Two elements that are not NULL: <0, 0, >0 in the order of value_compare. */
int vector_compare(const struct vector *a, uint32_t row_a, const struct vector *b, uint32_t row_b);
bool vector_equal(const struct vector *a, uint32_t row_a, const struct vector *b, uint32_t row_b);
/* Mixes the hashes of a column's rows into hashes[i], i < count; NULL has a hash of its own. */
void vector_hash(const struct vector *vector, const uint16_t *selection, uint32_t count, uint64_t *hashes);

static inline bool vector_is_null(const struct vector *vector, uint32_t row) {
    return vector->may_have_null && vector->null[row];
}

/* --- sorting --- */

struct rowset_key {
    uint32_t column;
    bool descending;
    bool nulls_first;
};

/*
 * Fills order[0..count) with row numbers of the rowset in the order of the keys; equal rows keep their order. Checks
 * for cancellation.
 */
void rowset_sort(const struct rowset *rowset, const struct rowset_key *keys, uint32_t key_count, uint32_t *order,
                 uint32_t count);
/* The order of two rows, row numbers breaking ties. */
int rowset_compare(const struct rowset *rowset, const struct rowset_key *keys, uint32_t key_count, uint32_t a,
                   uint32_t b);

#endif
