/*
 * Samples of tables, kept for all sessions of a shard.
 *
 * A plan asks how many rows a condition leaves; it is tried on a sample of the table (plan/sample.h). Taking one costs
 * a descent for every few rows, so it is kept, in memory alone, until a tenth of the table has changed. That is not
 * counted where rows are written: rows carry the position of the event that wrote them, so a few of them, looked at
 * once the log has grown by a tenth of the table, tell what part is newer than the sample. Nothing is kept of a past
 * moment, nor of what a transaction has not committed.
 *
 * All functions may be called from any thread. What is kept is not changed any more, only counted.
 */
#ifndef KMB_SQL_STATISTICS_H
#define KMB_SQL_STATISTICS_H

#include "kernel/view.h"
#include "sql/context.h"
#include "sql/exec/rowset.h"

#define STATISTICS_BYTES_MAX       ((size_t)32 << 20) /* all of a shard: the longest unused give way */
#define STATISTICS_TABLE_BYTES_MAX ((size_t)8 << 20)

/* A sample that is kept. */
struct statistics_table {
    struct statistics_table *next;
    atomic_uint references;
    struct tenant_id tenant;
    struct table_id table;
    struct schema_version version;
    uint64_t position;        /* of the state that was read */
    _Atomic uint64_t checked; /* up to here it is known to be good */
    uint64_t table_rows;      /* then */
    bool whole;               /* the rows are all that there were */
    _Atomic double *distinct; /* different values of each column in the table; 0: not asked yet */
    struct sql_settings settings;
    struct sql_context memory; /* of the rows */
    struct rowset rows;
    uint64_t used; /* the list's clock then */
};

struct sql_statistics;
struct sql_statistics *sql_statistics_new(void);             /* NULL: no memory */
void sql_statistics_free(struct sql_statistics *statistics); /* nothing may be held; NULL is fine */

/* One with room for rows, which raises as `parent` does until it is kept; NULL: no memory. */
struct statistics_table *statistics_table_new(struct sql_context *parent, const struct kernel_view *view,
                                              const struct table_definition *table);
/* Takes the place of an older one of the table. The caller's hold stays. */
void statistics_keep(struct sql_statistics *statistics, struct statistics_table *kept);
/* What is kept of a table in this version of its definition, held; NULL: nothing. Old or not is for the caller to see.
 */
struct statistics_table *statistics_find(struct sql_statistics *statistics, struct tenant_id tenant,
                                         const struct table_definition *table);
void statistics_release(struct statistics_table *kept);

#endif
