/*
 * What a hash join tells the scans below its left side: which keys can have a partner at all. A set of bits, one for
 * the hash of each key of the right side; a left row whose bit is not set is dropped where it is read, before its other
 * columns are decoded and before it goes through what lies between. Some rows without a partner pass; the join asks
 * again.
 */
#ifndef KMB_SQL_JOIN_FILTER_H
#define KMB_SQL_JOIN_FILTER_H

#include "sql/exec/hash_table.h"

struct exec_operator;
struct expr;

struct join_filter {
    struct join_filter *next; /* of the same scan */
    uint32_t key_count;
    uint32_t *columns; /* of the scan's output, by key */
    const struct vector **keys;
    uint64_t *bits; /* NULL: the right side is not read yet, or says nothing */
    uint64_t mask;
    uint64_t asked; /* rows */
    uint64_t passed;
};

/* For a join's maker: a filter at the scan that all these columns of op's row come from, which asks it from now on.
 * NULL: they do not come from one scan as they are, or rows in between must not be lost. */
struct join_filter *join_filter_place(struct exec_operator *op, const struct expr *const *columns, uint32_t count);
/* The right side's keys are all there. Bits come from the arena. */
void join_filter_fill(struct join_filter *filter, const struct hash_table *table, struct arena *arena);
/* Whether it is worth asking. */
bool join_filter_open(const struct join_filter *filter);
/* Rows that may have a partner, in rows_out (which may be the selection); filter->keys are their columns. */
uint32_t join_filter_select(struct join_filter *filter, const uint16_t *selection, uint32_t count, uint16_t *rows_out);

#endif
