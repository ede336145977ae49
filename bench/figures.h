/* What the programs of bench/ share: time, medians, and ends that name what failed. */
#ifndef KMB_BENCH_FIGURES_H
#define KMB_BENCH_FIGURES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kimberlite.h"

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static inline void must(enum kmb_status status, const struct kmb_error *error, const char *what) {
    if (status != KMB_OK && status != KMB_ROW && status != KMB_DONE) {
        die(what, error->message);
    }
}

static inline int figures_compare(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Sorts them. */
static inline double median(double *values, unsigned count) {
    qsort(values, count, sizeof(double), figures_compare);
    return values[count / 2];
}

#endif
