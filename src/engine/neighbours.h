/*
 * A session and the others of its tenant: its advisory locks, what it says to them and hears of them. The face that SQL
 * has of it is struct sql_neighbours.
 */
#ifndef KMB_ENGINE_NEIGHBOURS_H
#define KMB_ENGINE_NEIGHBOURS_H

#include "engine/locks.h"
#include "engine/notify.h"
#include "engine/shard.h"

struct session;

struct neighbours {
    struct shard *shard;
    struct lock_owner *locks;
    struct notify_listener *notices;
    uint64_t number; /* of the transaction; 0: nobody has asked */
};

/* A place in a transaction, to go back to. */
struct neighbours_mark {
    size_t locks;
    size_t notices;
};

extern const struct sql_neighbours neighbours_of_session; /* context: the session */

enum kmb_status neighbours_open(struct neighbours *neighbours, struct shard *shard, struct tenant_id tenant,
                                uint64_t number, struct kmb_error *error);
void neighbours_close(struct neighbours *neighbours); /* also of one that did not open */

struct neighbours_mark neighbours_mark(const struct neighbours *neighbours);
/* What the transaction did since the mark is undone; a zeroed mark: all of it. */
void neighbours_rollback(struct neighbours *neighbours, struct neighbours_mark mark);
/* The transaction is committed, and durable before its locks are given back by neighbours_rollback(): what it said is
 * told when op is durable, in the order of these calls. Within the turn, where there is one. */
void neighbours_commit(struct neighbours *neighbours, uint64_t op);

/* A lock, waited for unless `attempt`, then *taken says: as struct sql_neighbours has it. session: of these. */
enum kmb_status neighbours_lock(struct session *session, const struct sql_lock *lock, bool attempt, bool *taken,
                                struct kmb_error *error);
/* The same without waiting within the call: locks_queue(). */
enum kmb_status neighbours_queue(struct session *session, const struct sql_lock *lock, void (*wake)(void *context),
                                 void *context, bool *taken, struct kmb_error *error);
/* Whether it still waits, since `begun_ns`; what ends the wait for other reasons gives up the place. */
enum kmb_status neighbours_waits(struct session *session, int64_t begun_ns, bool *waits, struct kmb_error *error);

/* --- of the session (session.c), for the functions of neighbours_of_session --- */
struct neighbours *session_neighbours(struct session *session);
/* Waits until all that the session has committed is durable. */
enum kmb_status session_settle(struct session *session, struct kmb_error *error);
/* Whether what the session runs is to end: 57014. */
enum kmb_status session_interrupted(struct session *session, struct kmb_error *error);

#endif
