/*
 * A session: one tenant's conversation with a shard. It is the SQL room's host: it pins views, begins, commits and
 * rolls back transactions, gives time and randomness, and carries each write through the shard.
 *
 * One thread at a time; session_cancel() from any.
 */
#ifndef KMB_ENGINE_SESSION_H
#define KMB_ENGINE_SESSION_H

#include "engine/shard.h"
#include "sql/sql.h"

struct session;

struct session_options {
    struct shard *shard;
    struct tenant_id tenant;
    uint64_t number;           /* for entry headers; unique in this process */
    uint64_t memory_bytes_max; /* of one statement; 0: 256 MiB */
};

enum kmb_status session_new(const struct session_options *options, struct session **session, struct kmb_error *error);
void session_free(struct session *session); /* rolls back; NULL is fine */
void session_cancel(struct session *session);
/*
 * What a client sent may wait for a thread, or for its parsing, when somebody cancels it. While a session holds
 * cancellations a session_cancel() therefore counts until session_forget_cancel(), which whoever holds them calls where
 * nothing is being asked for; otherwise a cancellation before a statement's begin counts for nothing. What was before.
 */
bool session_hold_cancel(struct session *session, bool hold);
void session_forget_cancel(struct session *session);
/* Of a session that a server runs: what it knows of the others, and the database's name. Both outlive the session. */
void session_serve(struct session *session, const struct sql_server *server, struct slice database);
/* The level of transactions that name none, which is SQL_ISOLATION_SNAPSHOT at first. Before its first statement. */
void session_set_isolation(struct session *session, enum sql_isolation isolation);
/* Who is told notices; context: the caller's. */
void session_set_notice(struct session *session, void (*notice)(void *context, const struct kmb_error *notice),
                        void *context);
/* Memory of its statements is counted to this from now on: before its first statement. Outlives the session. */
void session_charge(struct session *session, struct charge *charge);
/* pg_backend_pid(): unique in this process. */
uint64_t session_number(const struct session *session);

/*
 * Deferred: a commit answers when its entries stand in the open block, and whoever runs the session tells nobody of it
 * before shard_wait(session_pending()). So one thread serves many sessions and they share a sync. What the session does
 * next still sees its own commits: reads wait for them.
 */
void session_defer(struct session *session, bool deferred);
/* The op that all answers so far rest on; 0: it is durable. */
uint64_t session_pending(struct session *session);
/* Of the entries that the session has committed so far. */
uint64_t session_log_bytes(const struct session *session);
/* Whether running the statement now would first wait for that op: better to come again when it is durable. */
bool session_waits(struct session *session, const struct sql_statement *statement);

/*
 * Whoever comes again need not wait within session_run() for a row that another session has claimed: with a `wake`,
 * such a statement answers KMB_SERIALIZATION, session_parked() is true, and it is to be run again, with the same
 * parameters and before anything else, when wake(context) is called (by any thread, under a lock of the engine), or to
 * see whether it is cancelled or its time is over.
 */
void session_set_wake(struct session *session, void (*wake)(void *context), void *context);
bool session_parked(const struct session *session);
void session_leave(struct session *session); /* a statement that is parked alone is not run again */

/* The open transaction reads from now on what is newest, unless it has read or written already. */
enum kmb_status session_renew(struct session *session, struct kmb_error *error);
/* The open transaction relies on all of the table: kernel_rely_on(). */
enum kmb_status session_rely_on(struct session *session, struct table_id table, struct kmb_error *error);

struct shard *session_shard(const struct session *session);
struct tenant_id session_tenant(const struct session *session);
const struct sql_host *session_host(struct session *session);
const struct sql_settings *session_settings(const struct session *session);
struct datetime_context session_datetime(const struct session *session);
/* Who it is that asks (copied): current_user. Before this it is "kimberlite", trusted. KMB_NAME_TOO_LONG. */
enum kmb_status session_set_user(struct session *session, struct slice user, enum sql_user kind,
                                 struct kmb_error *error);
/* What reads see from now on. */
void session_set_at(struct session *session, const struct sql_point *point);

/* What COPY reads and writes; NULL: nothing. Must last until it is set anew. */
void session_set_copy(struct session *session, const struct sql_copy *copy);

/* Rows of an open run are about to be fetched, or were: what waits within is cancelled as the statement is. */
void session_fetching(struct session *session, bool fetching);
/* A statement is about to be prepared: what it says of the present is meant from now. */
void session_tick(struct session *session);

bool session_in_transaction(const struct session *session);
bool session_failed(const struct session *session);
/* A statement has failed, and with it an explicit transaction. */
void session_fail(struct session *session);
/* A statement did not even prepare, for this reason, which fails an explicit transaction likewise. The status to
 * answer: of a transaction that was failed before, that it is, unless the text is no SQL. */
enum kmb_status session_fail_prepare(struct session *session, enum kmb_status status, struct kmb_error *error);
uint64_t session_position(struct session *session);

/* Under READ COMMITTED the open transaction goes over to what has been published since; else nothing. session_run()
 * does so itself. */
enum kmb_status session_refresh(struct session *session, struct kmb_error *error);
/* The same where definitions have changed: before a text is prepared, for its names. */
enum kmb_status session_refresh_names(struct session *session, struct kmb_error *error);

/* How a transaction is to be. */
struct session_modes {
    bool read_only;
    enum sql_isolation isolation;
    bool deferrable;
};
/* modes NULL: the session's defaults. */
enum kmb_status session_begin(struct session *session, const struct session_modes *modes, struct kmb_error *error);
/*
 * A block around several statements that nobody has asked for in words (PostgreSQL's implicit one: of a message with
 * many statements). Where a block is open already, that one goes on. BEGIN makes it one like others; COMMIT and
 * ROLLBACK end it; savepoints are refused in it.
 */
enum kmb_status session_begin_implicit(struct session *session, struct kmb_error *error);
bool session_is_implicit(const struct session *session);
/* A failed transaction is rolled back: *rolled_back (may be NULL) says so. ticket (may be NULL): what it came to. */
enum kmb_status session_commit(struct session *session, bool *rolled_back, struct shard_ticket *ticket,
                               struct kmb_error *error);
enum kmb_status session_rollback(struct session *session, struct kmb_error *error);

enum session_savepoint_kind { SESSION_SAVEPOINT_SET, SESSION_SAVEPOINT_RELEASE, SESSION_SAVEPOINT_ROLLBACK };
/*
 * Within the open transaction: sets a place of this name to come back to; forgets it and all set since; or goes back to
 * it, also out of a failed transaction. KMB_NO_TRANSACTION, KMB_INVALID_SAVEPOINT where there is none of the name.
 */
enum kmb_status session_savepoint(struct session *session, enum session_savepoint_kind kind, const char *name,
                                  struct kmb_error *error);
/* The same for the code of DO, whose blocks are such places, also within an implicit block. */
enum kmb_status session_place(struct session *session, enum session_savepoint_kind kind, const char *name,
                              struct kmb_error *error);
/* Its user may not write, whatever SET says: 42501. */
void session_set_reader(struct session *session);
/* While it is on, statements wait within the call, as session_set_wake() has it for others. What it was before. */
bool session_nest(struct session *session, bool on);

/* --- running statements ----------------------------------------------------------------------------------------- */

/* What a run came to, for the caller of the statement. */
struct session_outcome {
    uint64_t position; /* after a committed write; read at, for a query */
    bool rolled_back;  /* COMMIT of a failed transaction */
};

/*
 * Opens a run of a statement in this session: a write outside a transaction is committed and durable when this
 * returns KMB_OK. On failure nothing of the statement remains; inside a transaction that transaction has failed.
 */
enum kmb_status session_run(struct session *session, struct sql_statement *statement, const struct value *parameters,
                            uint32_t parameter_count, struct sql_run **run, struct session_outcome *outcome,
                            struct kmb_error *error);

/*
 * Runs work(context, transaction) as one write: in the open transaction, undone alone when it fails, or in one of its
 * own, committed and durable on return.
 */
enum kmb_status session_write(struct session *session,
                              enum kmb_status (*work)(void *context, struct kernel_transaction *transaction,
                                                      struct kmb_error *error),
                              void *context, struct shard_ticket *ticket, struct kmb_error *error);

/* A view of the session's present (its transaction's own state, or the newest published one) to read by: a query of its
 * transaction. kernel_view_close(). */
enum kmb_status session_view(struct session *session, struct kernel_view **view, struct kmb_error *error);

#endif
