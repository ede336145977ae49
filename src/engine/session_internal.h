/*
 * The insides of a session, shared by its life and its host (session.c), its transactions (session_transaction.c) and
 * its statements (session_run.c).
 */
#ifndef KMB_ENGINE_SESSION_INTERNAL_H
#define KMB_ENGINE_SESSION_INTERNAL_H

#include <stdatomic.h>

#include "engine/neighbours.h"
#include "engine/session.h"
#include "engine/zones.h"
#include "sql/cursor.h"

struct savepoint {
    struct savepoint *older;
    struct kernel_mark *mark;
    struct sql_settings settings;
    struct sql_settings kept;
    uint64_t cursors; /* made until then */
    struct neighbours_mark neighbours;
    size_t claims;
    char name[]; /* zero-terminated */
};

struct session {
    struct shard *shard;
    struct tenant_id tenant;
    uint64_t number;
    uint64_t request;
    struct sql_settings settings; /* in effect */
    struct sql_settings kept;     /* of the open transaction: what COMMIT leaves */
    struct sql_settings begun;    /* and what ROLLBACK does */
    struct sql_sequences sequences;
    struct sql_prepared_list prepared;
    struct sql_cursor_list cursors;
    struct sql_host host;
    struct zones zones;
    struct neighbours neighbours;
    atomic_bool cancel;
    bool holds_cancel; /* what was called before a statement counts for it */

    struct savepoint *savepoints;           /* of the open transaction, newest first */
    struct kernel_transaction *transaction; /* the open one, or the statement's own */
    bool explicit;                          /* opened by BEGIN */
    bool reader;                            /* whoever it is for may not write */
    bool nested;                            /* in the code of DO: nothing parks, and a cancellation is of the whole */
    bool implicit;                          /* explicit, but by session_begin_implicit() and no BEGIN since */
    bool failed;
    bool queried;   /* the transaction has read or written */
    bool uncounted; /* a query alone has begun to give rows: how it ends is counted later */
    int64_t transaction_now_us;
    int64_t statement_now_us;
    int64_t statement_begun_ns; /* 0: none is being run */
    int64_t run_begun_ns;       /* of the run opened last */
    void (*notice)(void *context, const struct kmb_error *notice);
    void *notice_context;
    bool deferred;             /* commits answer before they are durable */
    uint64_t pending;          /* what was answered so far rests on this op; 0: on nothing that is not durable */
    uint64_t log_bytes;        /* of all that it has committed */
    bool committed_in_control; /* the running statement was COMMIT: outcome below */
    bool read;                 /* the running statement has opened a view */
    struct session_outcome outcome;
    bool claims;  /* the open transaction claims rows: READ COMMITTED */
    bool moved;   /* the running statement met a row that has changed since its transaction's state */
    bool onward;  /* the running statement can go over to the head in its middle */
    bool blocked; /* the running statement met a row that another has claimed: blocking */
    struct sql_lock blocking;
    void (*wake)(void *context); /* session_set_wake() */
    void *wake_context;
    bool parkable;              /* the running statement may be run again later */
    bool parked;                /* it waits for a row and is to be run again */
    int64_t parked_ns;          /* since when */
    bool cut;                   /* what a parked statement has done is still in the open transaction, behind `rest` */
    struct kernel_rest rest;    /* as it was before the statement */
    struct kernel_state *fresh; /* what was published when the running pointwise statement began, else NULL */
    bool stale;                 /* it met a row that is another there */
    struct kernel_state *head;  /* the newest one when the statement asked last, else NULL */
    uint64_t head_commits;
    uint64_t head_op;
    uint64_t base_op; /* what the open transaction's state rests on; 0: on nothing that is not durable */
    char user[255];   /* what host.session_user is, once it was set */
};

enum kmb_status session_aborted(struct kmb_error *error);
/* A write, while every read is at a point given beside the text. */
enum kmb_status session_in_past(struct kmb_error *error);
int64_t session_monotonic_ns(void *context);
/* The newest durable state, and in it all that this session has committed. Held for the caller. */
enum kmb_status session_present_state(struct session *session, struct kernel_state **state, struct kmb_error *error);
/* session->transaction, with the session's interrupt. */
enum kmb_status session_open_transaction(struct session *session, struct kernel_state *state, struct kmb_error *error);
/* Of struct sql_host. */
enum kmb_status session_host_transaction(void *context, struct kernel_transaction **transaction,
                                         struct kmb_error *error);
enum kmb_status session_control(void *context, const struct sql_control *control, struct kmb_error *error);

/* session_claims.c: rows of the open transaction are claimed from now on, or are not. */
void session_guard(struct session *session, bool on);
/* The same of a statement that is a transaction by itself, where anybody claims rows: whether that is so. waits: it
 * does not have the turn, and can not run again. */
bool session_guard_alone(struct session *session, bool waits);
/* Before a statement of the open transaction: as session_refresh(), unless it is pointwise. Then session->fresh, of
 * which its run tells whether a row that it reads is another there. */
enum kmb_status session_refresh_for(struct session *session, const struct sql_statement *statement,
                                    struct kmb_error *error);
void session_forget_fresh(struct session *session);
/* A statement has met a row that has changed: the transaction, as it was before it, goes over to what was published, or
 * to the head. */
enum kmb_status session_catch_up(struct session *session, const struct kernel_rest *rest, struct kmb_error *error);
/* What is told of the open transaction's state rests on it: rows, and refusals. That so many rows were changed does
 * not; its COMMIT waits for more. */
enum kmb_status session_rest_on_base(struct session *session, struct kmb_error *error);
/* A statement alone has met a row that another has claimed: claims it, when that one has ended. Or it is parked,
 * if it may be. */
enum kmb_status session_await_row(struct session *session, bool parks, struct kmb_error *error);
/* COMMIT of a transaction that claims rows, before it takes the turn: what its deferred foreign keys refer to is
 * claimed, too. */
enum kmb_status session_check_deferred(struct session *session, struct kmb_error *error);
/* The transaction is over: its claims, too. */
void session_give_claims(struct session *session);

/* Forgets the savepoints newer than `last`. */
void session_drop_savepoints(struct session *session, const struct savepoint *last);
/*
 * A refusal may rest on changes that are not durable yet. Told before they are, it could name a row that a crash takes
 * away, and a transaction run again at once would begin before the change it lost to and lose to it again.
 */
void session_settle_refusal(struct session *session, uint64_t op);
/* Hands the session's transaction to the shard, gives the turn back and waits until it is durable, if that is not for
 * the caller to do. It is gone whatever the answer. */
enum kmb_status session_commit_turn(struct session *session, struct shard_turn *turn, struct shard_ticket *ticket,
                                    struct kmb_error *error);

/* Counts the query alone that was begun last. */
void session_count_query(struct session *session, bool succeeded);

/* --- session_log.c: struct sql_host's functions of these names ---------------------------------------------------- */

enum kmb_status session_log_open(void *context, uint64_t first, uint64_t last, struct sql_log **log,
                                 struct kmb_error *error);
enum kmb_status session_log_next(struct sql_log *log, struct sql_log_entry *entry, struct kmb_error *error);
void session_log_close(struct sql_log *log);

#endif
