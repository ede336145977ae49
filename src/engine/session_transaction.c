/*
 * A session's transactions: their modes, beginning and end, and savepoints.
 */
#include "engine/session_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "sql/usage.h"

/* SET TRANSACTION of a level or a deferral that is another one than there is: in PostgreSQL's words. */
static enum kmb_status change_before_query(const struct session *session, const char *what, struct kmb_error *error) {
    if (session->queried) {
        return error_set(error, KMB_TRANSACTION_ACTIVE, "SET TRANSACTION %s must be called before any query", what);
    }
    if (session->savepoints != NULL) {
        bool level = strcmp(what, "ISOLATION LEVEL") == 0;
        return error_set(error, KMB_TRANSACTION_ACTIVE, "SET TRANSACTION %s must not be called %s a subtransaction",
                         what, level ? "in" : "within");
    }
    return KMB_OK;
}

/* What the level asks of the open transaction. */
static enum kmb_status apply_isolation(struct session *session, enum sql_isolation isolation, struct kmb_error *error) {
    session_guard(session, isolation == SQL_ISOLATION_READ_COMMITTED);
    return kernel_transaction_serializable(session->transaction, isolation == SQL_ISOLATION_SERIALIZABLE, error);
}

static enum kmb_status change_isolation(struct session *session, enum sql_isolation isolation,
                                        struct kmb_error *error) {
    if (isolation == session->settings.isolation) {
        return KMB_OK;
    }
    enum kmb_status status = change_before_query(session, "ISOLATION LEVEL", error);
    if (status == KMB_OK) {
        status = apply_isolation(session, isolation, error);
    }
    session->settings.isolation = status == KMB_OK ? isolation : session->settings.isolation;
    return status;
}

static enum kmb_status change_deferral(struct session *session, bool deferrable, struct kmb_error *error) {
    if (deferrable == session->settings.deferrable) {
        return KMB_OK;
    }
    enum kmb_status status = change_before_query(session, "[NOT] DEFERRABLE", error);
    session->settings.deferrable = status == KMB_OK ? deferrable : session->settings.deferrable;
    return status;
}

/* SET TRANSACTION: READ ONLY at any time, the others before the first query. */
static enum kmb_status change_transaction(struct session *session, const struct sql_control *control,
                                          struct kmb_error *error) {
    if (!session->explicit) {
        return KMB_OK; /* it would be for this statement alone */
    }
    bool write = control->access == SQL_ACCESS_READ_WRITE && session->settings.read_only;
    if (write && session->savepoints != NULL && session->savepoints->settings.read_only) {
        return error_set(error, KMB_TRANSACTION_ACTIVE,
                         "cannot set transaction read-write mode inside a read-only transaction");
    }
    if (write && (session->queried || shard_is_read_only(session->shard))) {
        return error_set(error, KMB_TRANSACTION_ACTIVE, "transaction read-write mode must be set before any query");
    }
    enum kmb_status status = KMB_OK;
    if (control->isolation != SQL_ISOLATION_DEFAULT) {
        status = change_isolation(session, control->isolation, error);
    }
    if (status == KMB_OK && control->deferral != SQL_DEFERRAL_DEFAULT) {
        status = change_deferral(session, control->deferral == SQL_DEFERRAL_ON, error);
    }
    if (status == KMB_OK && control->access != SQL_ACCESS_DEFAULT) {
        session->settings.read_only = control->access == SQL_ACCESS_READ_ONLY;
    }
    return status;
}

static struct session_modes modes_of(const struct session *session, const struct sql_control *control) {
    const struct sql_settings *settings = &session->settings;
    return (struct session_modes){
        .read_only = control->access == SQL_ACCESS_DEFAULT ? settings->default_read_only
                                                           : control->access == SQL_ACCESS_READ_ONLY,
        .isolation = control->isolation == SQL_ISOLATION_DEFAULT ? settings->default_isolation : control->isolation,
        .deferrable = control->deferral == SQL_DEFERRAL_DEFAULT ? settings->default_deferrable
                                                                : control->deferral == SQL_DEFERRAL_ON,
    };
}

/* BEGIN within a block that nobody has begun in words: from now on it is one that somebody has. */
static enum kmb_status begin_in_words(struct session *session, const struct session_modes *modes,
                                      struct kmb_error *error) {
    enum kmb_status status = change_isolation(session, modes->isolation, error);
    if (status == KMB_OK) {
        status = change_deferral(session, modes->deferrable, error);
    }
    if (status == KMB_OK) {
        session->settings.read_only = modes->read_only || shard_is_read_only(session->shard);
        session->implicit = false;
    }
    return status;
}

enum kmb_status session_control(void *context, const struct sql_control *control, struct kmb_error *error) {
    struct session *session = context;
    struct shard_ticket ticket = {0};
    enum kmb_status status = KMB_OK;
    struct session_modes modes = modes_of(session, control);
    struct session_modes chained = {.read_only = session->settings.read_only,
                                    .isolation = session->settings.isolation,
                                    .deferrable = session->settings.deferrable};
    if ((!session->explicit || session->implicit) &&
        (control->kind == SQL_CONTROL_COMMIT || control->kind == SQL_CONTROL_ROLLBACK)) {
        const char *word = control->kind == SQL_CONTROL_COMMIT ? "COMMIT" : "ROLLBACK";
        if (control->chain) {
            return error_set(error, KMB_NO_TRANSACTION, "%s AND CHAIN can only be used in transaction blocks", word);
        }
        if (!session->explicit) {
            return KMB_OK; /* where PostgreSQL warns */
        }
    }
    switch (control->kind) {
    case SQL_CONTROL_BEGIN:
        return session->implicit && !session->failed ? begin_in_words(session, &modes, error)
                                                     : session_begin(session, &modes, error);
    case SQL_CONTROL_CHANGE:
        return change_transaction(session, control, error);
    case SQL_CONTROL_COMMIT:
        status = session_commit(session, &session->outcome.rolled_back, &ticket, error);
        session->committed_in_control = status == KMB_OK;
        session->outcome.position = ticket.position;
        break;
    case SQL_CONTROL_ROLLBACK:
        status = session_rollback(session, error);
        break;
    case SQL_CONTROL_SAVEPOINT:
        return session_savepoint(session, SESSION_SAVEPOINT_SET, control->savepoint, error);
    case SQL_CONTROL_RELEASE:
        return session_savepoint(session, SESSION_SAVEPOINT_RELEASE, control->savepoint, error);
    case SQL_CONTROL_ROLLBACK_TO:
        return session_savepoint(session, SESSION_SAVEPOINT_ROLLBACK, control->savepoint, error);
    }
    if (status == KMB_OK && control->chain) {
        status = session_begin(session, &chained, error);
    }
    return status;
}

/* Forgets the savepoints newer than `last`. */
void session_drop_savepoints(struct session *session, const struct savepoint *last) {
    while (session->savepoints != last) {
        struct savepoint *savepoint = session->savepoints;
        session->savepoints = savepoint->older;
        kernel_mark_free(savepoint->mark);
        mem_free(savepoint);
    }
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

enum kmb_status session_begin(struct session *session, const struct session_modes *modes, struct kmb_error *error) {
    const struct sql_control defaults = {.kind = SQL_CONTROL_BEGIN};
    if (session->explicit) {
        return session->failed ? session_aborted(error)
                               : error_set(error, KMB_TRANSACTION_ACTIVE, "there is already a transaction in progress");
    }
    ASSERT(session->transaction == NULL);
    struct kernel_state *state = NULL;
    enum kmb_status status = session_present_state(session, &state, error);
    if (status == KMB_OK) {
        status = session_open_transaction(session, state, error);
    }
    kernel_state_release(state);
    struct session_modes made = modes == NULL ? modes_of(session, &defaults) : *modes;
    if (status == KMB_OK && apply_isolation(session, made.isolation, error) != KMB_OK) {
        kernel_transaction_discard(session->transaction);
        session->transaction = NULL;
        status = KMB_NO_MEMORY;
    }
    if (status == KMB_OK) {
        session->explicit = true;
        session->failed = false;
        session->queried = false;
        session->neighbours.number = 0;
        session->kept = session->settings;
        session->begun = session->settings;
        session->settings.read_only = made.read_only || shard_is_read_only(session->shard);
        session->settings.isolation = made.isolation;
        session->settings.deferrable = made.deferrable;
        session->transaction_now_us = shard_now_us(session->shard);
    }
    return status;
}

enum kmb_status session_begin_implicit(struct session *session, struct kmb_error *error) {
    if (session->explicit) {
        return KMB_OK;
    }
    enum kmb_status status = session_begin(session, NULL, error);
    session->implicit = status == KMB_OK;
    return status;
}

enum kmb_status session_renew(struct session *session, struct kmb_error *error) {
    struct kernel_transaction *old = session->transaction;
    struct kernel_state *state = NULL;
    if (!session->explicit || session->queried || session->savepoints != NULL) {
        return KMB_OK;
    }
    enum kmb_status status = session_present_state(session, &state, error);
    session->transaction = NULL;
    if (status == KMB_OK) {
        status = session_open_transaction(session, state, error);
    }
    kernel_state_release(state);
    if (status == KMB_OK) {
        status = apply_isolation(session, session->settings.isolation, error);
    }
    if (status == KMB_OK) {
        kernel_transaction_rely_as(session->transaction, old);
    }
    kernel_transaction_discard(status == KMB_OK ? old : session->transaction);
    session->transaction = status == KMB_OK ? session->transaction : old;
    return status;
}

enum kmb_status session_rely_on(struct session *session, struct table_id table, struct kmb_error *error) {
    return session->transaction == NULL ? KMB_OK : kernel_rely_on(session->transaction, table, error);
}

bool session_is_implicit(const struct session *session) {
    return session->implicit;
}

/* settings: what the transaction, if it is an explicit one, leaves. */
static void end_transaction(struct session *session, const struct sql_settings *settings) {
    ASSERT(session->savepoints == NULL);
    if (session->explicit) {
        session->settings = *settings;
        session->settings.read_only = settings->default_read_only;
        session->settings.isolation = settings->default_isolation;
        session->settings.deferrable = settings->default_deferrable;
    }
    session->base_op = 0;
    session->transaction = NULL;
    session->explicit = false;
    session->implicit = false;
    session->failed = false;
}

static void discard_transaction(struct session *session) {
    sql_cursors_end(&session->cursors, 0);
    neighbours_rollback(&session->neighbours, (struct neighbours_mark){0});
    session_drop_savepoints(session, NULL);
    kernel_transaction_discard(session->transaction);
    session_give_claims(session);
    end_transaction(session, &session->begun);
}

/*
 * A refusal may rest on changes that are not durable yet. Told before they are, it could name a row that a crash takes
 * away, and a transaction run again at once would begin before the change it lost to and lose to it again.
 */
void session_settle_refusal(struct session *session, uint64_t op) {
    if (session->deferred) {
        session->pending = op > session->pending ? op : session->pending;
    } else {
        (void)shard_wait(session->shard, op, NULL); /* the refusal stands, whatever becomes of them */
    }
}

/* Hands the session's transaction to the shard and waits until it is durable, if that is not for the caller to do. It
 * is gone whatever the answer. */
enum kmb_status session_commit_turn(struct session *session, struct shard_turn *turn, struct shard_ticket *ticket,
                                    struct kmb_error *error) {
    struct shard_request request = {.session = session->number, .request = ++session->request};
    struct kernel_transaction *transaction = session->transaction;
    uint64_t seen = shard_turn_newest(turn);
    sql_cursors_end(&session->cursors, 0);
    bool explicit = session->explicit;
    session_drop_savepoints(session, NULL);
    end_transaction(session, &session->kept);
    enum kmb_status status = shard_turn_commit(turn, transaction, &request, ticket, error);
    if (status == KMB_OK) {
        neighbours_commit(&session->neighbours, ticket->op);
        session->log_bytes += ticket->bytes;
    }
    shard_turn_end(turn);
    session_give_claims(session); /* whoever waits finds the rows on the head */
    if (explicit && status != KMB_OK) {
        session->settings = session->begun;
    }
    bool locks = neighbours_mark(&session->neighbours).locks != 0; /* whoever gets them next is to see this commit */
    if (status == KMB_OK && session->deferred && !locks) {
        session->pending = ticket->op;
    } else if (status == KMB_OK) {
        status = shard_wait(session->shard, ticket->op, error);
    } else {
        session_settle_refusal(session, seen);
    }
    neighbours_rollback(&session->neighbours, (struct neighbours_mark){0}); /* what is left of a commit: its locks */
    return status;
}

enum kmb_status session_commit(struct session *session, bool *rolled_back, struct shard_ticket *ticket,
                               struct kmb_error *error) {
    struct shard_ticket local = {0};
    ticket = ticket == NULL ? &local : ticket;
    if (rolled_back != NULL) {
        *rolled_back = session->failed;
    }
    if (!session->explicit) {
        return error_set(error, KMB_NO_TRANSACTION, "there is no transaction in progress");
    }
    enum kmb_status held = session->failed ? KMB_OK : session_check_deferred(session, error);
    if (held == KMB_OK && !session->failed) {
        held = sql_cursors_hold(&session->cursors, &session->host, error);
    }
    if (held != KMB_OK) {
        uint64_t op = session->base_op;
        discard_transaction(session);
        session_settle_refusal(session, op);
        return held;
    }
    const struct kernel_state *base = kernel_transaction_base(session->transaction);
    if (session->failed || kernel_transaction_empty(session->transaction)) {
        *ticket =
            (struct shard_ticket){.position = base->position, .sequence = base->sequence, .time_us = base->time_us};
        session->begun = session->failed ? session->begun : session->kept;
        if (!session->failed) {
            (void)session_rest_on_base(session, NULL); /* cursors that are held show it */
            neighbours_commit(&session->neighbours, session->pending);
        }
        usage_add_transaction(session->host.usage, session->tenant, !session->failed);
        discard_transaction(session);
        return KMB_OK;
    }
    struct shard_turn turn;
    enum kmb_status status = shard_turn_begin(session->shard, &turn, error);
    if (status != KMB_OK) {
        discard_transaction(session);
    } else {
        status = session_commit_turn(session, &turn, ticket, error);
    }
    usage_add_transaction(session->host.usage, session->tenant, status == KMB_OK);
    return status;
}

enum kmb_status session_rollback(struct session *session, struct kmb_error *error) {
    if (!session->explicit) {
        return error_set(error, KMB_NO_TRANSACTION, "there is no transaction in progress");
    }
    usage_add_transaction(session->host.usage, session->tenant, false);
    discard_transaction(session);
    return KMB_OK;
}

/* --- savepoints --- */

static struct savepoint *savepoint_find(const struct session *session, const char *name) {
    struct savepoint *savepoint = session->savepoints;
    while (savepoint != NULL && strcmp(savepoint->name, name) != 0) {
        savepoint = savepoint->older;
    }
    return savepoint;
}

static enum kmb_status savepoint_set(struct session *session, const char *name, struct kmb_error *error) {
    size_t size = strlen(name) + 1;
    struct savepoint *savepoint = mem_alloc(sizeof(*savepoint) + size);
    if (savepoint == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    memcpy(savepoint->name, name, size);
    enum kmb_status status = kernel_transaction_mark(session->transaction, &savepoint->mark, error);
    if (status != KMB_OK) {
        mem_free(savepoint);
        return status;
    }
    savepoint->cursors = session->cursors.made;
    savepoint->neighbours = neighbours_mark(&session->neighbours);
    savepoint->claims = locks_of_rows(session->neighbours.locks);
    savepoint->settings = session->settings;
    savepoint->kept = session->kept;
    savepoint->older = session->savepoints;
    session->savepoints = savepoint;
    return KMB_OK;
}

enum kmb_status session_savepoint(struct session *session, enum session_savepoint_kind kind, const char *name,
                                  struct kmb_error *error) {
    static const char *const words[] = {"SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"};
    if (!session->explicit || session->implicit) {
        return error_set(error, KMB_NO_TRANSACTION, "%s can only be used in transaction blocks", words[kind]);
    }
    return session_place(session, kind, name, error);
}

enum kmb_status session_place(struct session *session, enum session_savepoint_kind kind, const char *name,
                              struct kmb_error *error) {
    ASSERT(session->explicit);
    if (session->failed && kind != SESSION_SAVEPOINT_ROLLBACK) {
        return session_aborted(error);
    }
    if (kind == SESSION_SAVEPOINT_SET) {
        return savepoint_set(session, name, error);
    }
    struct savepoint *savepoint = savepoint_find(session, name);
    if (savepoint == NULL) {
        session_fail(session);
        return error_set(error, KMB_INVALID_SAVEPOINT, "savepoint \"%s\" does not exist", name);
    }
    if (kind == SESSION_SAVEPOINT_RELEASE) {
        session->settings.read_only = savepoint->settings.read_only; /* READ ONLY since then was for what is released */
        session_drop_savepoints(session, savepoint->older);
        return KMB_OK;
    }
    session_drop_savepoints(session, savepoint);
    sql_cursors_back(&session->cursors, savepoint->cursors);
    neighbours_rollback(&session->neighbours, savepoint->neighbours);
    locks_give_rows(session->neighbours.locks, savepoint->claims);
    session->settings = savepoint->settings;
    session->kept = savepoint->kept;
    enum kmb_status status = kernel_transaction_rollback_to(session->transaction, savepoint->mark, error);
    session->failed = status != KMB_OK;
    return status;
}
