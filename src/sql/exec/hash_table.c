/*
 * Open addressing with linear probing, at most two thirds full. A slot is 8 bytes, {upper hash bits, key number}; keys
 * themselves are kept in columns (rowset.h). A probe compares hashes first, so nearly every key comparison succeeds.
 *
 * A batch is hashed as a whole, column by column. One integer key, the usual case, is compared without a call.
 */
#include "sql/exec/hash_table.h"

#include "base/assert.h"

#define SLOTS_MIN 1024

static struct hash_slot *slots_make(struct hash_table *table, size_t count) {
    struct hash_slot *slots = arena_alloc_zero(table->keys.arena, count, sizeof(*slots));
    ASSERT(slots != NULL); /* on_fail raises */
    return slots;
}

void hash_table_reset(struct hash_table *table) {
    rowset_reset(&table->keys);
    table->mask = SLOTS_MIN - 1;
    table->slots = slots_make(table, SLOTS_MIN);
}

void hash_table_init(struct hash_table *table, struct sql_context *context, struct arena *arena,
                     const struct type *types, uint32_t key_count) {
    rowset_init(&table->keys, context, arena, types, key_count);
    table->integer = key_count == 1 && vector_form_of(types[0].id) == VECTOR_INT;
    hash_table_reset(table);
}

static void grow(struct hash_table *table) {
    uint32_t mask = table->mask * 2 + 1;
    struct hash_slot *slots = slots_make(table, (size_t)mask + 1);
    for (uint32_t i = 0; i <= table->mask; i++) {
        if (table->slots[i].key != 0) {
            uint32_t at = table->slots[i].hash & mask;
            while (slots[at].key != 0) {
                at = (at + 1) & mask;
            }
            slots[at] = table->slots[i];
        }
    }
    table->slots = slots;
    table->mask = mask;
}

static bool key_equal(const struct hash_table *table, const struct vector *const *keys, uint32_t row, uint32_t key) {
    for (uint32_t i = 0; i < table->keys.column_count; i++) {
        uint32_t place = 0;
        const struct vector *column = rowset_at(&table->keys, i, key, &place);
        if (!vector_equal(keys[i], vector_row(keys[i], row), column, place)) {
            return false;
        }
    }
    return true;
}

static inline bool integer_equal(const struct hash_table *table, const struct vector *keys, uint32_t row,
                                 uint32_t key) {
    const struct vector *column = &table->keys.chunks[key / VECTOR_ROWS][0];
    uint32_t place = key % VECTOR_ROWS;
    if (__builtin_expect(vector_is_null(column, place) || vector_is_null(keys, row), 0)) {
        return vector_is_null(column, place) && vector_is_null(keys, row);
    }
    return column->integer[place] == keys->integer[row];
}

static inline uint32_t probe(const struct hash_table *table, const struct vector *const *keys, uint32_t row,
                             uint32_t hash, uint32_t *slot) {
    uint32_t at = hash & table->mask;
    for (;; at = (at + 1) & table->mask) {
        struct hash_slot found = table->slots[at];
        if (found.key == 0) {
            *slot = at;
            return ROWSET_NONE;
        }
        if (found.hash != hash) {
            continue;
        }
        if (table->integer ? integer_equal(table, keys[0], vector_row(keys[0], row), found.key - 1)
                           : key_equal(table, keys, row, found.key - 1)) {
            return found.key - 1;
        }
    }
}

void hash_table_hash(const struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                     uint32_t count, uint64_t *hashes) {
    memset(hashes, 0, sizeof(*hashes) * count);
    for (uint32_t i = 0; i < table->keys.column_count; i++) {
        vector_hash(keys[i], selection, count, hashes);
    }
}

void hash_table_insert(struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                       uint32_t count, uint32_t *ids, uint8_t *fresh) {
    uint64_t hashes[VECTOR_ROWS];
    hash_table_hash(table, keys, selection, count, hashes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        uint32_t slot = 0;
        uint32_t hash = (uint32_t)(hashes[i] >> 16);
        uint32_t key = probe(table, keys, row, hash, &slot);
        if (fresh != NULL) {
            fresh[i] = key == ROWSET_NONE;
        }
        if (key == ROWSET_NONE) {
            uint16_t one = (uint16_t)row;
            key = table->keys.row_count;
            rowset_append(&table->keys, keys, &one, 1);
            table->slots[slot] = (struct hash_slot){.hash = hash, .key = key + 1};
            if ((uint64_t)table->keys.row_count * 3 > (uint64_t)table->mask * 2) {
                grow(table);
            }
        }
        ids[i] = key;
    }
}

void hash_table_find(const struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                     uint32_t count, uint32_t *ids) {
    uint64_t hashes[VECTOR_ROWS];
    hash_table_hash(table, keys, selection, count, hashes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = 0;
        ids[i] = probe(table, keys, selection == NULL ? i : selection[i], (uint32_t)(hashes[i] >> 16), &slot);
    }
}
