/*
 * Locks: numbers that the sessions of a tenant agree on, shared or exclusive, held until they are given back, until a
 * transaction ends, or with the session; tables, in the modes of LOCK TABLE; and rows, by a hash of their keys.
 *
 * Who can not have a lock waits in its queue, first come first served, and polls for whoever wants to interrupt it, or
 * leaves word how to be called. A wait that would close a circle of sessions waiting for each other is refused with
 * KMB_DEADLOCK before it begins. Any thread; an owner belongs to its session, one thread at a time.
 */
#ifndef KMB_ENGINE_LOCKS_H
#define KMB_ENGINE_LOCKS_H

#include "kernel/evolve.h"
#include "sql/sql.h"
#include "types/ids.h"

#define LOCKS_MAX            65536  /* of a shard, held or waited for, without those of rows */
#define LOCKS_ROWS_MAX       262144 /* of a shard */
#define LOCKS_ROWS_OWNER_MAX 16384  /* of one session */

struct locks;
struct lock_owner;

struct locks *locks_new(void); /* NULL: no memory */
void locks_free(struct locks *locks);

/* number: by which others name the session. NULL: no memory. */
struct lock_owner *locks_owner_new(struct locks *locks, struct tenant_id tenant, uint64_t number);
void locks_owner_free(struct lock_owner *owner); /* gives all back; NULL is fine */

/*
 * Takes a lock, and waits for it unless `attempt` (then *taken says whether it was to be had). interrupt is asked
 * meanwhile. KMB_DEADLOCK, KMB_NO_MEMORY, or what the interrupt says.
 */
enum kmb_status locks_take(struct lock_owner *owner, const struct sql_lock *lock, bool attempt,
                           struct kernel_interrupt interrupt, bool *taken, struct kmb_error *error);
/*
 * Instead of a wait within the call: a place in the queue, unless the lock is to be had at once (*taken). wake(context)
 * is called when the owner is let in: by any thread, under the locks' own mutex. It has one such place at a time.
 */
enum kmb_status locks_queue(struct lock_owner *owner, const struct sql_lock *lock, void (*wake)(void *context),
                            void *context, bool *taken, struct kmb_error *error);
bool locks_queued(struct lock_owner *owner); /* it stands there still */
void locks_leave(struct lock_owner *owner);  /* gives the place up; a lock that it was let into it keeps */
/* One of the session's own, not of its transaction. false: it has none such. */
bool locks_give(struct lock_owner *owner, const struct sql_lock *lock);
void locks_give_session(struct lock_owner *owner);
/* Those that the transaction took, down to the first `kept` of them. */
void locks_give_transaction(struct lock_owner *owner, size_t kept);
size_t locks_of_transaction(const struct lock_owner *owner);
/* The same of those of rows. */
void locks_give_rows(struct lock_owner *owner, size_t kept);
size_t locks_of_rows(const struct lock_owner *owner);
bool locks_have_rows(struct locks *locks); /* anybody has one, or waits for one */

/* Each lock of the tenant, held or waited for (`granted` says which). */
void locks_each(struct locks *locks, struct tenant_id tenant, sql_lock_fn *each, void *context);
/* The sessions of the tenant that the session of this number waits for, perhaps several times; under a lock. */
void locks_blockers(struct locks *locks, struct tenant_id tenant, uint64_t session,
                    void (*each)(void *context, uint64_t blocker), void *context);

#endif
