/*
 * The plans of a session's last statements, kept by digest (sql/parse/digest.h): a statement that comes again, with the
 * same or other literals, is neither parsed nor planned.
 *
 * A key that comes for the second time gets a plan of its own with parameters for the literals, if that plan is of the
 * same shape as the one its literals lead to; else it is remembered as one to plan each time. A plan is dropped when
 * the catalogue or the session changes, and when the log has doubled since it was made: what was counted then is not
 * true any more. One thread at a time, as its session.
 */
#ifndef KMB_ENGINE_PLAN_CACHE_H
#define KMB_ENGINE_PLAN_CACHE_H

#include "sql/parse/digest.h"
#include "sql/sql.h"

#define PLAN_CACHE_PLANS 64

struct plan_cache;
struct plan_kept; /* a plan lent to a statement */

struct plan_cache *plan_cache_new(void);        /* NULL: no memory */
void plan_cache_free(struct plan_cache *cache); /* nothing may be lent; NULL is fine */

/* The kept plan of a digest, lent until it is given back; NULL: there is none, or it is lent already. */
struct plan_kept *plan_cache_take(struct plan_cache *cache, const struct sql_host *host,
                                  const struct sql_digest *digest);
struct sql_statement *plan_kept_statement(const struct plan_kept *kept);
void plan_cache_give(struct plan_kept *kept); /* its runs are closed */

/* A statement of this digest was prepared in the usual way: notes it, and keeps a plan when it is not the first. */
void plan_cache_note(struct plan_cache *cache, const struct sql_host *host, const struct sql_digest *digest,
                     const struct sql_statement *statement);

#endif
