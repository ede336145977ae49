/*
 * Distinct keys, numbered in order of first appearance: what GROUP BY, DISTINCT and hash joins look rows up in. NULLs
 * are equal here; a join leaves them out before it asks.
 */
#ifndef KMB_SQL_HASH_TABLE_H
#define KMB_SQL_HASH_TABLE_H

#include "sql/exec/rowset.h"

struct hash_slot {
    uint32_t hash;
    uint32_t key; /* number + 1; 0: empty */
};

struct hash_table {
    struct rowset keys; /* row n is key n */
    struct hash_slot *slots;
    uint32_t mask;
    bool integer; /* one key column of the integer form */
};

/* Everything but the types comes from arena, or from the context's where it is NULL. */
void hash_table_init(struct hash_table *table, struct sql_context *context, struct arena *arena,
                     const struct type *types, uint32_t key_count);
/* Forgets all keys: the arena has been freed. */
void hash_table_reset(struct hash_table *table);

/* hashes[i] of row selection[i]; what the functions below look up by. */
void hash_table_hash(const struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                     uint32_t count, uint64_t *hashes);

/* ids[i] = number of the key in row selection[i] of the columns, which is added when new; fresh[i] says so (NULL: not
 * asked). */
void hash_table_insert(struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                       uint32_t count, uint32_t *ids, uint8_t *fresh);

/* ids[i] = the number, or ROWSET_NONE. */
void hash_table_find(const struct hash_table *table, const struct vector *const *keys, const uint16_t *selection,
                     uint32_t count, uint32_t *ids);

#endif
