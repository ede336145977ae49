/*
 * READ COMMITTED: rows are claimed before they are written, and the transaction goes along with what others commit.
 * kernel/move.c says why that is right; here is who waits for whom.
 *
 * A claim is a lock of the row's key (locks.c), kept until the transaction has committed into the open block: whoever
 * waits for it goes on at once, sees the row on the head, and answers its client when that block is durable. Whoever
 * serves many sessions does not wait within the call (session_set_wake()): the statement is cut off, and run again when
 * the row is its own. Its changes so far stay in the transaction until then: most waits end with going over to the
 * head, which forgets them.
 *
 * COPY FROM can not be run again, but it reads no rows: it goes over to the head where it stands, with what it has
 * inserted so far, and goes on.
 *
 * Going along makes all that the transaction has done again, so a statement that reads single rows alone
 * (plan/pointwise.c) runs where the transaction stands, while each row that it reads is the same in what is published.
 *
 * A statement that is a transaction by itself claims nothing that it need not: it runs on the head, with the turn. But
 * it must not change what another has claimed, so it gives the turn back, waits for that row, and runs again. Who
 * claims nothing at all are transactions of stricter levels: for them the first to commit wins.
 */
#include "engine/session_internal.h"

#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"

#define SAVEPOINTS_MANY 64 /* marks on the stack, else from the heap */

/* In the modes that PostgreSQL has for the same. */
static struct sql_lock lock_of(const struct kernel_claim *claim) {
    static const enum sql_lock_mode modes[] = {
        [KERNEL_CLAIM_UPDATE] = SQL_LOCK_ACCESS_EXCLUSIVE,
        [KERNEL_CLAIM_NO_KEY_UPDATE] = SQL_LOCK_EXCLUSIVE,
        [KERNEL_CLAIM_SHARE] = SQL_LOCK_ROW_SHARE,
        [KERNEL_CLAIM_KEY_SHARE] = SQL_LOCK_ACCESS_SHARE,
    };
    bool of_row = claim->row.length > 0;
    struct slice key = of_row ? claim->row : claim->key;
    return (struct sql_lock){.kind = SQL_LOCK_ROW,
                             .first = (int64_t)map_hash(key.bytes, key.length, of_row ? 0 : claim->index.value),
                             .second = claim->table.value,
                             .mode = modes[claim->mode],
                             .transaction = true};
}

static enum kmb_status changed(struct kmb_error *error) {
    return error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
}

/* --- the head ----------------------------------------------------------------------------------------------------- */

static void forget_head(struct session *session) {
    kernel_state_release(session->head);
    session->head = NULL;
}

/* session->head, as new as this call. */
static enum kmb_status look_at_head(struct session *session, struct kmb_error *error) {
    uint64_t commits = shard_commits(session->shard);
    if (session->head != NULL && session->head_commits == commits) {
        return KMB_OK;
    }
    forget_head(session);
    session->head_commits = commits;
    return shard_head_state(session->shard, session->tenant, &session->head, &session->head_op, error);
}

static enum kmb_status go_over(struct session *session, const struct kernel_rest *rest, struct kernel_state *state,
                               struct kmb_error *error) {
    struct kernel_mark *few[SAVEPOINTS_MANY];
    size_t count = 0;
    for (const struct savepoint *at = session->savepoints; at != NULL; at = at->older) {
        count++;
    }
    struct kernel_mark **marks = count <= SAVEPOINTS_MANY ? few : mem_alloc(count * sizeof(struct kernel_mark *));
    if (marks == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    size_t place = count;
    for (const struct savepoint *at = session->savepoints; at != NULL; at = at->older) {
        marks[--place] = at->mark; /* the newest is the first of them */
    }
    enum kmb_status status = kernel_transaction_move(session->transaction, rest, state, marks, count, error);
    if (marks != few) {
        mem_free(marks);
    }
    return status;
}

/* What is published and newer than the open transaction's state, if that may go along; else NULL. Held for the caller.
 */
static enum kmb_status newer_state(struct session *session, struct kernel_state **state, struct kmb_error *error) {
    *state = NULL;
    if (!session->claims || session->failed || !kernel_transaction_movable(session->transaction)) {
        return KMB_OK;
    }
    enum kmb_status status = shard_state(session->shard, session->tenant, state, error);
    if (status == KMB_OK && (*state)->sequence <= kernel_transaction_base(session->transaction)->sequence) {
        kernel_state_release(*state);
        *state = NULL;
    }
    return status;
}

/* Gives the state back. */
static enum kmb_status refresh_to(struct session *session, struct kernel_state *state, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    if (state != NULL) {
        status = go_over(session, NULL, state, error);
        session->base_op = 0; /* also where it fails: what is published is newer */
    }
    if (status == KMB_SERIALIZATION && kernel_transaction_relies(session->transaction)) {
        error_clear(error); /* what it has locked was changed all the same: it keeps the state that it had then */
        status = KMB_OK;
    }
    kernel_state_release(state);
    return status;
}

enum kmb_status session_refresh(struct session *session, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = newer_state(session, &state, error);
    return status == KMB_OK ? refresh_to(session, state, error) : status;
}

static bool same_names(const struct session *session, const struct kernel_state *state) {
    return state->catalogue == kernel_transaction_base(session->transaction)->catalogue;
}

enum kmb_status session_refresh_names(struct session *session, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = newer_state(session, &state, error);
    if (state != NULL && same_names(session, state)) {
        kernel_state_release(state);
        return KMB_OK;
    }
    return status == KMB_OK ? refresh_to(session, state, error) : status;
}

/* A pointwise statement is about to read this row. */
static enum kmb_status point(void *context, struct table_id table, struct slice key, struct kmb_error *error) {
    struct session *session = context;
    const struct kernel_claim read = {.table = table, .key = key};
    enum kmb_status status = kernel_claim_changed(session->transaction, session->fresh, &read, &session->stale, error);
    if (status == KMB_OK && session->stale) {
        session->moved = true;
        status = changed(error);
    }
    return status;
}

enum kmb_status session_refresh_for(struct session *session, const struct sql_statement *statement,
                                    struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = newer_state(session, &state, error);
    bool stays = state != NULL && sql_statement_plan(statement)->pointwise && same_names(session, state) &&
                 sql_statement_catalogue(statement) == state->catalogue &&
                 !kernel_transaction_relies(session->transaction);
    if (stays) {
        session->fresh = state;
        session->host.point = point;
        return KMB_OK;
    }
    return status == KMB_OK ? refresh_to(session, state, error) : status;
}

void session_forget_fresh(struct session *session) {
    kernel_state_release(session->fresh);
    session->fresh = NULL;
    session->stale = false;
    session->host.point = NULL;
}

enum kmb_status session_catch_up(struct session *session, const struct kernel_rest *rest, struct kmb_error *error) {
    if (session->stale) {
        enum kmb_status over = go_over(session, rest, session->fresh, error);
        session->base_op = 0;
        session_forget_fresh(session);
        return over;
    }
    session_forget_fresh(session);
    enum kmb_status status = look_at_head(session, error);
    if (status == KMB_OK) {
        status = go_over(session, rest, session->head, error);
    }
    if (status == KMB_OK && session->head_op > shard_published_op(session->shard)) {
        session->base_op = session->head_op;
    }
    return status;
}

enum kmb_status session_rest_on_base(struct session *session, struct kmb_error *error) {
    session->pending = session->base_op > session->pending ? session->base_op : session->pending;
    return session->deferred ? KMB_OK : session_settle(session, error);
}

/* --- claims ------------------------------------------------------------------------------------------------------- */

/* Waits without a thread; *taken: it need not. */
static enum kmb_status queue_for(struct session *session, const struct sql_lock *lock, bool *taken,
                                 struct kmb_error *error) {
    enum kmb_status status = neighbours_queue(session, lock, session->wake, session->wake_context, taken, error);
    session->parked = status == KMB_OK && !*taken;
    session->parked_ns = session->parked ? session_monotonic_ns(session) : 0;
    return session->parked ? changed(error) : status;
}

/* What a parked statement has done is forgotten by going over: it must be able to, and not be refused for what others
 * have changed of a table that it has locked. */
static bool forgets_by_moving(const struct kernel_transaction *transaction) {
    return kernel_transaction_movable(transaction) && !kernel_transaction_relies(transaction);
}

static enum kmb_status claim_in_block(void *context, const struct kernel_claim *claim, struct kmb_error *error) {
    struct session *session = context;
    const struct sql_lock lock = lock_of(claim);
    bool taken = false;
    bool differs = false;
    enum kmb_status status = session->parkable && !claim->attempt && forgets_by_moving(session->transaction)
                                 ? queue_for(session, &lock, &taken, error)
                                 : neighbours_lock(session, &lock, claim->attempt, &taken, error);
    if (status == KMB_OK && !taken) {
        return error_set(error, KMB_LOCK_NOT_AVAILABLE, "could not obtain lock on row");
    }
    if (status == KMB_OK) {
        status = look_at_head(session, error);
    }
    if (status == KMB_OK) {
        status = kernel_claim_changed(session->transaction, session->head, claim, &differs, error);
    }
    if (status == KMB_OK && differs) {
        bool movable = kernel_transaction_movable(session->transaction);
        bool onward = session->onward && movable && same_names(session, session->head);
        session->moved = movable && !onward;
        status = onward ? session_catch_up(session, NULL, error) : changed(error);
    }
    return status;
}

static enum kmb_status claim_alone(void *context, const struct kernel_claim *claim, struct kmb_error *error) {
    struct session *session = context;
    const struct sql_lock lock = lock_of(claim);
    bool taken = false;
    enum kmb_status status = neighbours_lock(session, &lock, true, &taken, error);
    if (status != KMB_OK || taken) {
        return status;
    }
    if (claim->attempt) {
        return error_set(error, KMB_LOCK_NOT_AVAILABLE, "could not obtain lock on row");
    }
    session->blocked = true;
    session->blocking = lock;
    return changed(error);
}

void session_guard(struct session *session, bool on) {
    session->claims = on;
    kernel_transaction_guard(session->transaction,
                             (struct kernel_guard){.claim = on ? claim_in_block : NULL, .context = session});
}

bool session_guard_alone(struct session *session, bool waits) {
    bool on = locks_have_rows(shard_locks(session->shard));
    if (on) {
        kernel_transaction_guard(
            session->transaction,
            (struct kernel_guard){.claim = waits ? claim_in_block : claim_alone, .context = session});
    }
    return on;
}

enum kmb_status session_await_row(struct session *session, bool parks, struct kmb_error *error) {
    bool taken = false;
    ASSERT(session->blocked);
    session->blocked = false;
    return parks ? queue_for(session, &session->blocking, &taken, error)
                 : neighbours_lock(session, &session->blocking, false, &taken, error);
}

enum kmb_status session_check_deferred(struct session *session, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    bool again = session->claims && kernel_transaction_movable(session->transaction);
    while (status == KMB_OK && again) {
        session->moved = false;
        status = kernel_check_deferred(session->transaction, error);
        again = status == KMB_SERIALIZATION && session->moved;
        if (again) {
            error_clear(error);
            status = session_catch_up(session, NULL, error);
        }
    }
    return status;
}

void session_give_claims(struct session *session) {
    forget_head(session);
    if (session->parked) {
        locks_leave(session->neighbours.locks);
    }
    session->parked = false;
    session->cut = false;
    session->moved = false;
    session->blocked = false;
    session->claims = false;
    locks_give_rows(session->neighbours.locks, 0);
}
