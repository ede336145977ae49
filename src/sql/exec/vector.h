/*
 * Column batches. A vector holds up to VECTOR_ROWS values of one type in one of a few physical forms, with a byte of
 * null flag a row; a batch is a row of vectors with a common count. Storage is arena memory, reused batch after batch;
 * string payloads live in the batch's own arena (or borrow from something that outlives the batch).
 */
#ifndef KMB_SQL_VECTOR_H
#define KMB_SQL_VECTOR_H

#include <string.h>

#include "base/arena.h"
#include "types/value.h"

#define VECTOR_ROWS 1024 /* fits the L1 cache for a handful of 8-byte columns */

enum vector_form {
    VECTOR_BOOL,      /* uint8_t 0/1 */
    VECTOR_INT,       /* int64_t: TINYINT, INT2, INT4, INT8, DATE (days), TIME (us) */
    VECTOR_REAL,      /* double: FLOAT4 (rounded to float), FLOAT8 */
    VECTOR_DECIMAL,   /* struct decimal */
    VECTOR_BYTES,     /* struct slice: TEXT, VARCHAR, BPCHAR, BYTEA, JSON, JSONB, UNKNOWN, arrays */
    VECTOR_TIMESTAMP, /* struct timestamp: TIMESTAMP, TIMESTAMPTZ */
    VECTOR_INTERVAL,  /* struct interval */
    VECTOR_UUID,      /* uint8_t[16] */
};

struct vector {
    struct type type;
    enum vector_form form;
    bool constant;      /* every row has the value of row 0 */
    bool may_have_null; /* false: null flags are all 0 and need not be read */
    uint8_t *null;      /* VECTOR_ROWS flags, 1 = NULL */
    union {
        void *data;
        uint8_t *boolean;
        int64_t *integer;
        double *real;
        struct decimal *decimal;
        struct slice *bytes;
        struct timestamp *timestamp;
        struct interval *interval;
        uint8_t (*uuid)[16];
    };
};

struct batch {
    uint32_t column_count;
    uint32_t count;            /* rows */
    struct vector *columns;    /* column_count */
    const uint16_t *selection; /* NULL: all rows; else selection_count row numbers, ascending, that are live */
    uint32_t selection_count;
};

struct sql_context;
enum vector_form vector_form_of(enum type_id type);
size_t vector_form_size(enum vector_form form);
void vector_init(struct sql_context *context, struct vector *vector, struct type type); /* room for VECTOR_ROWS */
/* Room for fewer rows: what a point lookup wants. rows >= 1. */
void vector_init_rows(struct sql_context *context, struct vector *vector, struct type type, uint32_t rows);
/* The same in an arena whose on_fail does not return. */
void vector_init_in(struct arena *arena, struct vector *vector, struct type type, uint32_t rows);
struct value vector_get(const struct vector *vector, uint32_t row);              /* borrows bytes */
void vector_set(struct vector *vector, uint32_t row, const struct value *value); /* borrows bytes */

/* to[to_rows[i]] = from[from_rows[i]], nulls too; either list may be NULL: 0, 1, 2... Same form; bytes are borrowed. */
void vector_copy(struct vector *to, const uint16_t *to_rows, const struct vector *from, const uint16_t *from_rows,
                 uint32_t count);

/* Forgets the nulls of the first `rows` rows, all that were filled. */
static inline void vector_clear(struct vector *vector, uint32_t rows) {
    if (vector->may_have_null) {
        memset(vector->null, 0, rows);
        vector->may_have_null = false;
    }
}

static inline uint32_t vector_row(const struct vector *vector, uint32_t row) {
    return vector->constant ? 0 : row;
}

#endif
