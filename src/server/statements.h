/*
 * What statements come to: how often each was run, how long it took, what it gave and wrote. Statements that differ in
 * their literals alone are one (sql/parse/normalise.h); each tenant's and user's are counted apart.
 *
 * A bounded number is kept; when there are more, those used least give way. Any thread.
 */
#ifndef KMB_SERVER_STATEMENTS_H
#define KMB_SERVER_STATEMENTS_H

#include "base/environment.h"
#include "base/slice.h"
#include "sql/server.h"

struct statements;

/* entries_max 0: nothing is kept. NULL: no memory. */
struct statements *statements_new(const struct environment *environment, size_t entries_max);
void statements_free(struct statements *statements); /* NULL is fine */

/* One run of a statement. */
struct statements_run {
    uint32_t tenant;
    const char *user;
    struct slice text; /* as it was written */
    int64_t duration_ns;
    uint64_t rows;
    uint64_t log_bytes;
    bool succeeded;
};

/* Where a run was counted; version 0: nowhere. */
struct statements_place {
    uint32_t entry;
    uint32_t version;
};
struct statements_place statements_add(struct statements *statements, const struct statements_run *run);
/* What a run has written is durable, for which it waited so long. */
void statements_synced(struct statements *statements, struct statements_place place, int64_t wait_ns);

/* Forgets a tenant's. */
void statements_reset(struct statements *statements, uint32_t tenant);
/* Those of a tenant, 0: of all, in memory that is the caller's; NULL: there is none. */
struct sql_statement_figures *statements_list(struct statements *statements, uint32_t tenant, size_t *count);
/* Kept now, and how many had to give way so far. */
void statements_counts(struct statements *statements, size_t *kept, uint64_t *evicted);

#endif
