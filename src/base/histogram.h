/*
 * How long things take, counted in classes: written by any thread without a lock, read at any time. A zeroed struct is
 * an empty one.
 */
#ifndef KMB_BASE_HISTOGRAM_H
#define KMB_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 14

/* Upper bounds of the classes, from 0.1 ms to 10 s; what takes longer is in one more. */
extern const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS];

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BOUNDS + 1];
    _Atomic uint64_t sum_ns;
};

void histogram_add(struct histogram *histogram, uint64_t duration_ns);

#endif
