/*
 * A histogram of durations with fixed bounds. The counts of a reading need not be of one moment: each only grows, so
 * whoever compares two readings sees what came between them.
 */
#include "base/histogram.h"

const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS] = {
    100000,    500000,    1000000,   5000000,    10000000,   25000000,   50000000,
    100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};

void histogram_add(struct histogram *histogram, uint64_t duration_ns) {
    unsigned at = 0;
    while (at < HISTOGRAM_BOUNDS && duration_ns > histogram_bounds_ns[at]) {
        at++;
    }
    atomic_fetch_add_explicit(&histogram->counts[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_ns, duration_ns, memory_order_relaxed);
}
