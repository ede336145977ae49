/*
 * What can be known of joins while planning: which rows of a relation's sample its own conditions leave, which values a
 * small table that is read whole then has in a column, and what rows of another table have them.
 */
#ifndef KMB_SQL_KNOWN_H
#define KMB_SQL_KNOWN_H

#include "sql/plan/sample.h"

#define KNOWN_VALUES_MAX 64

/* Rows of a sample, as bits. */
struct known_rows {
    const struct plan_sample *sample; /* NULL: nothing is known */
    uint64_t *bits;
    uint32_t count;
};

/* The rows that a scan's own conditions leave. */
struct known_rows known_rows(struct optimiser *optimiser, const struct plan_node *scan);

/* The different values of a column among the rows of a table read whole, NULL left out; false: they are too many, or
 * not all known. values: KNOWN_VALUES_MAX places. */
bool known_values(const struct known_rows *rows, uint32_t column, struct value *values, uint32_t *count);

/* Sets the bits of the sampled rows whose column has one of the values. */
void known_match(const struct plan_sample *sample, uint32_t column, const struct value *values, uint32_t count,
                 uint64_t *bits);

/* How many rows of the table have one of the values in the column that an index (value 0: the primary key) begins
 * with; negative: not known. */
double known_entries(const struct plan_sample *sample, struct index_id index, const struct value *values,
                     uint32_t count);

#endif
