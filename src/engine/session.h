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

struct shard *session_shard(const struct session *session);
struct tenant_id session_tenant(const struct session *session);
const struct sql_host *session_host(struct session *session);
const struct sql_settings *session_settings(const struct session *session);
struct datetime_context session_datetime(const struct session *session);
/* What reads see from now on. */
void session_set_at(struct session *session, const struct sql_point *point);

/* What COPY reads and writes; NULL: nothing. Must last until it is set anew. */
void session_set_copy(struct session *session, const struct sql_copy *copy);

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

/* How a transaction is to be. */
struct session_modes {
    bool read_only;
    bool serializable; /* else a snapshot, first committer wins */
    bool deferrable;
};
/* modes NULL: the session's defaults. */
enum kmb_status session_begin(struct session *session, const struct session_modes *modes, struct kmb_error *error);
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
