/*
 * How tables and indexes are used: counted since the shard was opened, for all its sessions.
 *
 * Counting is a look-up and a few additions once a scan or a statement, never once a row. Any thread. What is counted
 * is kept until the shard is closed, in a bounded number of places: of what comes later nothing is counted.
 */
#ifndef KMB_SQL_USAGE_H
#define KMB_SQL_USAGE_H

#include <stdatomic.h>

#include "types/ids.h"

#define USAGE_PLACES_MAX 65536

struct sql_usage;

/* Of a table: read as a whole, by its keys and indexes, and written. */
struct usage_table {
    uint64_t scans;
    uint64_t scan_rows;
    uint64_t fetched; /* rows that were found by a key or an index */
    uint64_t inserted;
    uint64_t updated;
    uint64_t deleted;
};
/* Of an index; 0 is the primary key. */
struct usage_index {
    uint64_t scans;
    uint64_t rows;
};

struct sql_usage *sql_usage_new(int64_t now_us); /* NULL: no memory */
void sql_usage_free(struct sql_usage *usage);    /* NULL is fine */
int64_t sql_usage_since(const struct sql_usage *usage);

/* Adds; nothing happens where usage is NULL or there is no place. */
void usage_add_table(struct sql_usage *usage, struct tenant_id tenant, struct table_id table,
                     const struct usage_table *more);
void usage_add_index(struct sql_usage *usage, struct tenant_id tenant, struct table_id table, struct index_id index,
                     const struct usage_index *more);

/* Transactions of a tenant, statements alone among them. */
struct usage_transactions {
    uint64_t committed;
    uint64_t rolled_back;
};
void usage_add_transaction(struct sql_usage *usage, struct tenant_id tenant, bool committed);
struct usage_transactions usage_of_transactions(struct sql_usage *usage, struct tenant_id tenant);

/* What one reader of a table comes to, told when it ends. */
struct usage_tally {
    struct sql_usage *usage;
    struct tenant_id tenant;
    struct table_id table;
    struct index_id index;
    bool whole; /* it reads the table as such, not by keys */
    uint64_t scans;
    uint64_t rows;    /* of the index, or of the table as a whole */
    uint64_t fetched; /* of the table, by keys or an index */
};
void usage_tally_end(struct usage_tally *tally);

struct usage_table usage_of_table(struct sql_usage *usage, struct tenant_id tenant, struct table_id table);
struct usage_index usage_of_index(struct sql_usage *usage, struct tenant_id tenant, struct table_id table,
                                  struct index_id index);

#endif
