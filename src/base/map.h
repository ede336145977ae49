/*
 * A hash map from bytes to a pointer, open addressing, for tables that are built at run time.
 * Iteration order is insertion order, so that nothing depends on hash values. The map owns copies of its keys, never
 * the values. One thread at a time. Returns false where memory is out.
 */
#ifndef KMB_BASE_MAP_H
#define KMB_BASE_MAP_H

#include "base/slice.h"

struct map_entry {
    struct slice key; /* NULL bytes and length SIZE_MAX: removed */
    uint64_t hash;
    void *value;
};

struct map {
    struct map_entry *entries;
    uint32_t *slots;
    size_t entry_count; /* removed ones included */
    size_t entry_capacity;
    size_t slot_count;
    size_t live_count;
};

void map_free(struct map *map);
bool map_put(struct map *map, struct slice key, void *value); /* replaces */
void *map_get(const struct map *map, struct slice key);       /* NULL: absent */
bool map_has(const struct map *map, struct slice key);
void *map_remove(struct map *map, struct slice key); /* the value, or NULL */
/* for (size_t at = 0; (entry = map_next(map, &at)) != NULL;) */
const struct map_entry *map_next(const struct map *map, size_t *at);

/* 64-bit hash of bytes (wyhash-like mix); same result on every run and machine. Not for secrets or hostile keys across
 * tenants. */
uint64_t map_hash(const void *bytes, size_t count, uint64_t seed);

/* Fixed-size bit set over caller's words. */
static inline bool bitset_get(const uint64_t *words, size_t bit) {
    return (words[bit / 64] >> (bit % 64)) & 1u;
}
static inline void bitset_set(uint64_t *words, size_t bit) {
    words[bit / 64] |= UINT64_C(1) << (bit % 64);
}
static inline void bitset_clear(uint64_t *words, size_t bit) {
    words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

#endif
