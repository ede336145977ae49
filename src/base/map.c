/*
 * A hash map that keeps the order of insertion.
 *
 * Two arrays: entries in the order they came, and a table of 32-bit slots, open addressing with linear probing, that
 * holds entry numbers. Iteration walks the entries, so its order depends on the program alone and never on hash values;
 * a simulation that replays a seed sees the same order everywhere. Lookups touch one run of 4-byte slots and then one
 * entry.
 *
 * A removed entry leaves a hole in the entries and a tombstone in the slots; both disappear when the map next grows,
 * which rebuilds the slots and closes the holes. The load stays under 3/4, tombstones counted.
 *
 * The hash multiplies 64-bit words with 128-bit products and folds the halves. It is fast and spreads well; it is not a
 * defence against keys chosen to collide.
 */
#include "base/map.h"

#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"

#define SLOT_EMPTY     0u
#define SLOT_TOMBSTONE UINT32_MAX
#define MAP_SLOTS_MIN  ((size_t)16)
#define MAP_ENTRY_MAX  ((size_t)UINT32_MAX - 1)

static uint64_t hash_fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t map_hash(const void *bytes, size_t count, uint64_t seed) {
    static const uint64_t odd[3] = {UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0xD6E8FEB86659FD93),
                                    UINT64_C(0xA0761D6478BD642F)};
    const uint8_t *at = bytes;
    uint64_t state = hash_fold(seed ^ odd[0], (uint64_t)count ^ odd[1]);
    size_t left = count;
    while (left >= 16) {
        state = hash_fold(codec_get_u64(at) ^ odd[1], codec_get_u64(at + 8) ^ state);
        at += 16;
        left -= 16;
    }
    uint8_t tail[16] = {0};
    if (left > 0) {
        memcpy(tail, at, left);
    }
    state = hash_fold(codec_get_u64(tail) ^ odd[2], codec_get_u64(tail + 8) ^ state);
    return hash_fold(state ^ odd[0], state >> 32 ^ odd[2]);
}

static bool entry_removed(const struct map_entry *entry) {
    return entry->key.bytes == NULL && entry->key.length == SIZE_MAX;
}

void map_free(struct map *map) {
    for (size_t i = 0; i < map->entry_count; i++) {
        mem_free((void *)(uintptr_t)map->entries[i].key.bytes);
    }
    mem_free(map->entries);
    mem_free(map->slots);
    *map = (struct map){0};
}

/* The slot that holds the key, or SIZE_MAX. */
static size_t slot_find(const struct map *map, struct slice key, uint64_t hash) {
    if (map->slot_count == 0) {
        return SIZE_MAX;
    }
    size_t mask = map->slot_count - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t slot = map->slots[at];
        if (slot == SLOT_EMPTY) {
            return SIZE_MAX;
        }
        if (slot != SLOT_TOMBSTONE) {
            const struct map_entry *entry = &map->entries[slot - 1];
            if (entry->hash == hash && slice_equal(entry->key, key)) {
                return at;
            }
        }
    }
}

static void slot_place(struct map *map, uint32_t number, uint64_t hash) {
    size_t mask = map->slot_count - 1;
    size_t at = (size_t)hash & mask;
    while (map->slots[at] != SLOT_EMPTY) {
        at = (at + 1) & mask;
    }
    map->slots[at] = number;
}

/* Makes room for one more entry: closes holes, doubles when more than half is live, and builds the slots anew. */
static bool map_grow(struct map *map) {
    size_t slot_count = MAP_SLOTS_MIN;
    while (slot_count / 2 < map->live_count + 1) {
        slot_count *= 2;
    }
    if (map->live_count >= MAP_ENTRY_MAX) {
        return false;
    }
    size_t entry_capacity = slot_count / 4 * 3;
    uint32_t *slots = mem_alloc_zero(slot_count, sizeof(*slots));
    struct map_entry *entries = slots == NULL ? NULL : mem_alloc_zero(entry_capacity, sizeof(*entries));
    if (entries == NULL) {
        mem_free(slots);
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < map->entry_count; i++) {
        if (!entry_removed(&map->entries[i])) {
            entries[count++] = map->entries[i];
        }
    }
    ASSERT(count == map->live_count && count < entry_capacity);
    mem_free(map->entries);
    mem_free(map->slots);
    map->entries = entries;
    map->slots = slots;
    map->entry_count = count;
    map->entry_capacity = entry_capacity;
    map->slot_count = slot_count;
    for (size_t i = 0; i < count; i++) {
        slot_place(map, (uint32_t)(i + 1), entries[i].hash);
    }
    return true;
}

bool map_put(struct map *map, struct slice key, void *value) {
    ASSERT(key.length != SIZE_MAX);
    uint64_t hash = map_hash(key.bytes, key.length, 0);
    size_t slot = slot_find(map, key, hash);
    if (slot != SIZE_MAX) {
        map->entries[map->slots[slot] - 1].value = value;
        return true;
    }
    void *copy = mem_dup(key.bytes, key.length);
    if (copy == NULL) {
        return false;
    }
    /* Entries are at most 3/4 of the slots and every tombstone has its hole among them: an empty slot always exists. */
    if (map->entry_count == map->entry_capacity && !map_grow(map)) {
        mem_free(copy);
        return false;
    }
    map->entries[map->entry_count] =
        (struct map_entry){.key = slice_make(copy, key.length), .hash = hash, .value = value};
    map->entry_count++;
    map->live_count++;
    slot_place(map, (uint32_t)map->entry_count, hash);
    return true;
}

void *map_get(const struct map *map, struct slice key) {
    size_t slot = slot_find(map, key, map_hash(key.bytes, key.length, 0));
    return slot == SIZE_MAX ? NULL : map->entries[map->slots[slot] - 1].value;
}

bool map_has(const struct map *map, struct slice key) {
    return slot_find(map, key, map_hash(key.bytes, key.length, 0)) != SIZE_MAX;
}

void *map_remove(struct map *map, struct slice key) {
    size_t slot = slot_find(map, key, map_hash(key.bytes, key.length, 0));
    if (slot == SIZE_MAX) {
        return NULL;
    }
    struct map_entry *entry = &map->entries[map->slots[slot] - 1];
    void *value = entry->value;
    mem_free((void *)(uintptr_t)entry->key.bytes);
    *entry = (struct map_entry){.key = {.bytes = NULL, .length = SIZE_MAX}};
    map->slots[slot] = SLOT_TOMBSTONE;
    map->live_count--;
    return value;
}

const struct map_entry *map_next(const struct map *map, size_t *at) {
    while (*at < map->entry_count) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (!entry_removed(entry)) {
            return entry;
        }
    }
    return NULL;
}
