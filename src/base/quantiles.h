/*
 * Where the parts of many values lie: how long nine tenths of them took, and ninety-nine hundredths. Values are counted
 * in classes, each at most 1/128 of its values wide, so a quantile is right to less than one in a hundred; below 256 it
 * is exact. One thread at a time; those of several threads are added up. A zeroed struct is an empty one.
 */
#ifndef KMB_BASE_QUANTILES_H
#define KMB_BASE_QUANTILES_H

#include <stdint.h>

#define QUANTILES_STEPS   128 /* classes for each doubling */
#define QUANTILES_BITS    48  /* larger values count as this many ones: nanoseconds of three days */
#define QUANTILES_CLASSES ((QUANTILES_BITS - 6) * QUANTILES_STEPS)

struct quantiles {
    uint64_t counts[QUANTILES_CLASSES];
    uint64_t count;
    uint64_t sum;
    uint64_t least; /* of no value: 0 */
    uint64_t most;
};

void quantiles_add(struct quantiles *quantiles, uint64_t value);
void quantiles_merge(struct quantiles *into, const struct quantiles *from);

/* The value that parts of `of` values do not exceed: quantiles_at(q, 99, 100). 0 where there is none. */
uint64_t quantiles_at(const struct quantiles *quantiles, uint64_t parts, uint64_t of);

#endif
