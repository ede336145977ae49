/*
 * What must be true: every change that was acknowledged, tenant by tenant, in order. The database is compared with
 * this and with nothing else.
 *
 * A tenant is a list of transactions, each a list of operations in the order of their events. The state after any of
 * them is found by applying operations to an empty state, so the past costs nothing to keep and a transaction can be
 * taken back. Plain data, no database behind it.
 */
#ifndef KMB_VOPR_MODEL_H
#define KMB_VOPR_MODEL_H

#include "base/buffer.h"

#define MODEL_TENANTS 3 /* ids 1..3 */
#define MODEL_TABLES  3
#define MODEL_STREAMS 2
#define MODEL_KEYS    48 /* primary keys of a table: 0..47, so that statements meet */

enum model_kind {
    MODEL_INSERT,
    MODEL_UPDATE, /* the whole row as it is afterwards */
    MODEL_DELETE,
    MODEL_APPEND,       /* one event of a stream */
    MODEL_CREATE_TABLE, /* a: 1 when column a is UNIQUE */
    MODEL_DROP_TABLE,
    MODEL_ADD_COLUMN,   /* column c with default row.c */
    MODEL_DROP_COLUMN,  /* column c */
    MODEL_CREATE_INDEX, /* on a */
    MODEL_DROP_INDEX,
    MODEL_CREATE_STREAM,
    MODEL_FACT, /* an entry that changes nothing that is compared: the tenant's own facts */
};

/* A row; text is made from (text_seed, text_length), so that long ones cost nothing to keep. */
struct model_row {
    int32_t key;
    int32_t a;
    int32_t c;
    bool a_null;
    uint32_t text_seed;
    uint32_t text_length;
};

struct model_operation {
    enum model_kind kind;
    uint32_t object; /* table or stream */
    struct model_row row;
};

struct model_transaction {
    size_t first; /* of its operations */
    size_t count;
    uint64_t position; /* after it */
    uint64_t sequence; /* of its (only) entry */
    int64_t time_us;   /* its commit time; 0: not known */
    bool in_order;     /* the order of its operations is that of its events */
};

struct model_table {
    bool exists;
    bool unique;
    bool indexed;
    bool wide; /* has column c */
    bool present[MODEL_KEYS];
    struct model_row rows[MODEL_KEYS];
};

/* The state of a tenant after some transaction. */
struct model_state {
    struct model_table tables[MODEL_TABLES];
    bool streams[MODEL_STREAMS];
    uint64_t lengths[MODEL_STREAMS];
};

struct model_tenant {
    bool exists;
    struct model_operation *operations;
    size_t operation_count;
    size_t operation_capacity;
    struct model_transaction *transactions;
    size_t transaction_count;
    size_t transaction_capacity;
    struct model_state state; /* after the last transaction */
};

struct model {
    struct model_tenant tenants[MODEL_TENANTS];
};

void model_free(struct model *model);
/* Takes the last transactions back until `count` are left. */
void model_truncate(struct model_tenant *tenant, size_t count);
/* Adds a transaction and applies it. position and sequence are those of the last one, moved on. */
void model_commit(struct model_tenant *tenant, const struct model_operation *operations, size_t count, bool in_order,
                  int64_t time_us);
uint64_t model_position(const struct model_tenant *tenant);
uint64_t model_sequence(const struct model_tenant *tenant);
/* Data events of an operation: 1 for rows and stream events, 0 for definitions. */
uint64_t model_events(enum model_kind kind);

void model_apply(struct model_state *state, const struct model_operation *operation);
/* The state after the first `transactions` whole ones and `operations` of the next. */
void model_state_at(const struct model_tenant *tenant, size_t transactions, size_t operations,
                    struct model_state *state);

/* The text of a row, zero-terminated, for the row or for SQL; valid until the buffer changes. */
const char *model_text(struct buffer *buffer, uint32_t seed, uint32_t length);
/* One line a row, in order of key: what the database prints for SELECT * ... ORDER BY k. Appends. */
void model_dump_table(const struct model_table *table, struct buffer *out);
void model_dump_row(const struct model_table *table, const struct model_row *row, struct buffer *out);

#endif
