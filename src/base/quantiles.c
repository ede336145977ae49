/*
 * Classes by the seven bits below the highest one: 128 for each doubling, as wide as the values are large. A quantile
 * is the upper end of the class that it falls into, so it is never told smaller than it was.
 */
#include "base/quantiles.h"

#include "base/assert.h"

#define STEP_BITS 7
_Static_assert(QUANTILES_STEPS == 1 << STEP_BITS, "a class is told by so many bits");

static unsigned class_of(uint64_t value) {
    if (value < 2 * QUANTILES_STEPS) {
        return (unsigned)value;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return shift * QUANTILES_STEPS + (unsigned)(value >> shift);
}

/* The largest value of a class. */
static uint64_t class_end(unsigned class) {
    if (class < 2 * QUANTILES_STEPS) {
        return class;
    }
    unsigned shift = class / QUANTILES_STEPS - 1;
    uint64_t step = class % QUANTILES_STEPS + QUANTILES_STEPS;
    return ((step + 1) << shift) - 1;
}

void quantiles_add(struct quantiles *quantiles, uint64_t value) {
    const uint64_t top = (UINT64_C(1) << QUANTILES_BITS) - 1;
    value = value < top ? value : top;
    unsigned class = class_of(value);
    ASSERT(class < QUANTILES_CLASSES);
    quantiles->least = quantiles->count == 0 || value < quantiles->least ? value : quantiles->least;
    quantiles->most = value > quantiles->most ? value : quantiles->most;
    quantiles->counts[class]++;
    quantiles->count++;
    quantiles->sum += value;
}

void quantiles_merge(struct quantiles *into, const struct quantiles *from) {
    if (from->count == 0) {
        return;
    }
    for (unsigned i = 0; i < QUANTILES_CLASSES; i++) {
        into->counts[i] += from->counts[i];
    }
    into->least = into->count == 0 || from->least < into->least ? from->least : into->least;
    into->most = from->most > into->most ? from->most : into->most;
    into->count += from->count;
    into->sum += from->sum;
}

uint64_t quantiles_at(const struct quantiles *quantiles, uint64_t parts, uint64_t of) {
    ASSERT(of > 0 && of <= 1000000 && parts <= of);
    /* The rank from 1, rounded up; whole and rest apart, so that no product overflows. */
    uint64_t rank = quantiles->count / of * parts + (quantiles->count % of * parts + of - 1) / of;
    uint64_t seen = 0;
    if (quantiles->count == 0) {
        return 0;
    }
    for (unsigned i = 0; i < QUANTILES_CLASSES; i++) {
        seen += quantiles->counts[i];
        if (seen >= rank && seen > 0) {
            uint64_t end = class_end(i);
            return end < quantiles->most ? end : quantiles->most;
        }
    }
    return quantiles->most;
}
