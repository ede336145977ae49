/*
 * Names of things as one-field structs, so that mixing two kinds up does not compile.
 *
 * Object ids are counters of a tenant, column ids counters of a table; all start at 1 and none is ever reused. Zero is
 * "none" wherever an id is optional.
 */
#ifndef KMB_TYPES_IDS_H
#define KMB_TYPES_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct tenant_id {
    uint32_t value; /* 0: the shard's own facts */
};
struct table_id {
    uint32_t value;
};
struct index_id {
    uint32_t value;
};
struct stream_id {
    uint32_t value;
};
struct column_id {
    uint32_t value;
};
struct constraint_id {
    uint32_t value;
};
struct schema_id {
    uint32_t value; /* 0: the one every tenant has from the start */
};
struct role_id {
    uint32_t value; /* an object id; 0: the one every tenant has from the start */
};
struct api_key_id {
    uint32_t value; /* an object id */
};
struct schema_version {
    uint32_t value; /* of one table: 1 when created, +1 for each change of its definition */
};
struct row_id {
    uint64_t value; /* hidden key of a row in a table without a primary key */
};
struct position {
    uint64_t value; /* committed data events of a tenant so far (S-107); event n is counted from 1 */
};
struct stream_offset {
    uint64_t value; /* in one stream, from 0, gapless (S-116) */
};
struct tenant_sequence {
    uint64_t value; /* number of an entry within its tenant, from 1 */
};
struct op_number {
    uint64_t value; /* number of a block within its shard, from 1 */
};
struct view_number {
    uint64_t value;
};
struct shard_id {
    uint32_t value;
};
struct key_id {
    uint64_t value; /* of a key in the key store */
};
struct key_version {
    uint32_t value; /* of a key, from 1, +1 for each rotation */
};
struct session_id {
    uint64_t value;
};
struct request_number {
    uint64_t value; /* within a session, from 1 */
};
struct log_uuid {
    uint8_t bytes[16];
};

#define TENANT_SHARD   ((struct tenant_id){0}) /* holds shard and system facts */
#define TENANT_DEFAULT ((struct tenant_id){1})

static inline bool tenant_id_equal(struct tenant_id a, struct tenant_id b) {
    return a.value == b.value;
}
static inline bool table_id_equal(struct table_id a, struct table_id b) {
    return a.value == b.value;
}
static inline bool index_id_equal(struct index_id a, struct index_id b) {
    return a.value == b.value;
}
static inline bool stream_id_equal(struct stream_id a, struct stream_id b) {
    return a.value == b.value;
}
static inline bool column_id_equal(struct column_id a, struct column_id b) {
    return a.value == b.value;
}

#endif
