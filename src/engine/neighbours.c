/*
 * A session and the others of its tenant. Locks and messages follow the transaction: what was said is forgotten and
 * what was locked is given back with a savepoint that is rolled back; at a commit messages go into the shard's queue
 * within the turn, so that they stand in the order of commits, and locks are given back when others can read what was
 * written under them.
 */
#include "engine/neighbours.h"

#include "base/error.h"
#include "engine/session.h"

enum kmb_status neighbours_open(struct neighbours *neighbours, struct shard *shard, struct tenant_id tenant,
                                uint64_t number, struct kmb_error *error) {
    struct locks *locks = shard_locks(shard);
    struct notify *notify = shard_notify(shard);
    *neighbours = (struct neighbours){.shard = shard};
    neighbours->locks = locks == NULL ? NULL : locks_owner_new(locks, tenant, number);
    neighbours->notices = notify == NULL ? NULL : notify_listener_new(notify, tenant, number);
    return neighbours->locks != NULL && neighbours->notices != NULL ? KMB_OK
                                                                    : error_set(error, KMB_NO_MEMORY, "out of memory");
}

void neighbours_close(struct neighbours *neighbours) {
    locks_owner_free(neighbours->locks);
    notify_listener_free(neighbours->notices);
    *neighbours = (struct neighbours){.shard = NULL};
}

struct neighbours_mark neighbours_mark(const struct neighbours *neighbours) {
    return (struct neighbours_mark){.locks = locks_of_transaction(neighbours->locks),
                                    .notices = notify_mark(neighbours->notices)};
}

void neighbours_rollback(struct neighbours *neighbours, struct neighbours_mark mark) {
    locks_give_transaction(neighbours->locks, mark.locks);
    notify_forget(neighbours->notices, mark.notices);
}

void neighbours_commit(struct neighbours *neighbours, uint64_t op) {
    if (notify_mark(neighbours->notices) > 0) {
        notify_commit(neighbours->notices, op);
        notify_publish(shard_notify(neighbours->shard), shard_published_op(neighbours->shard));
    }
}

/* --- the host's side --- */

struct lock_wait {
    struct session *session;
    int64_t begun_ns; /* 0: not asked yet */
    int64_t timeout_ms;
};

static enum kmb_status lock_interrupted(void *context, struct kmb_error *error) {
    struct lock_wait *wait = context;
    const struct environment *environment = shard_environment(session_shard(wait->session));
    enum kmb_status status = session_interrupted(wait->session, error);
    int64_t now_ns = wait->timeout_ms == 0 ? 0 : environment->monotonic_ns(environment->context);
    wait->begun_ns = wait->begun_ns == 0 ? now_ns : wait->begun_ns;
    if (status == KMB_OK && now_ns - wait->begun_ns > wait->timeout_ms * 1000000) {
        status = error_set(error, KMB_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
    }
    return status;
}

static enum kmb_status take(void *context, const struct sql_lock *lock, bool attempt, bool *taken,
                            struct kmb_error *error) {
    struct lock_wait wait = {.session = context,
                             .timeout_ms = session_settings(context)->timeouts_ms[SQL_TIMEOUT_LOCK]};
    const struct sql_server *server = session_host(context)->server;
    const struct kernel_interrupt interrupt = {.ask = lock_interrupted, .context = &wait};
    enum kmb_status status = locks_take(session_neighbours(context)->locks, lock, true, interrupt, taken, error);
    if (status != KMB_OK || *taken || attempt) {
        return status;
    }
    if (server != NULL && !server->wait(server->context)) {
        error_set(error, KMB_TOO_MANY_CONNECTIONS, "too many sessions wait at a time");
        error_hint(error, "Try again when others are done.");
        return KMB_TOO_MANY_CONNECTIONS;
    }
    status = locks_take(session_neighbours(context)->locks, lock, false, interrupt, taken, error);
    if (server != NULL) {
        server->waited(server->context);
    }
    return status;
}

enum kmb_status neighbours_lock(struct session *session, const struct sql_lock *lock, bool attempt, bool *taken,
                                struct kmb_error *error) {
    return take(session, lock, attempt, taken, error);
}

enum kmb_status neighbours_queue(struct session *session, const struct sql_lock *lock, void (*wake)(void *context),
                                 void *context, bool *taken, struct kmb_error *error) {
    return locks_queue(session_neighbours(session)->locks, lock, wake, context, taken, error);
}

enum kmb_status neighbours_waits(struct session *session, int64_t begun_ns, bool *waits, struct kmb_error *error) {
    struct lock_owner *owner = session_neighbours(session)->locks;
    struct lock_wait wait = {.session = session,
                             .begun_ns = begun_ns,
                             .timeout_ms = session_settings(session)->timeouts_ms[SQL_TIMEOUT_LOCK]};
    *waits = locks_queued(owner);
    enum kmb_status status = *waits ? lock_interrupted(&wait, error) : KMB_OK;
    if (status != KMB_OK) {
        locks_leave(owner);
    }
    return status;
}

static enum kmb_status take_table(void *context, struct table_id table, enum sql_lock_mode mode, bool attempt,
                                  bool *taken, struct kmb_error *error) {
    const struct sql_lock lock = {.kind = SQL_LOCK_TABLE, .first = table.value, .mode = mode, .transaction = true};
    enum kmb_status status = take(context, &lock, attempt, taken, error);
    if (status == KMB_OK && *taken) {
        status = session_renew(context, error);
    }
    if (status == KMB_OK && *taken) {
        status = session_refresh(context, error); /* who had it may have changed the table */
    }
    if (status == KMB_OK && *taken && mode >= SQL_LOCK_SHARE) {
        status = session_rely_on(context, table, error);
    }
    return status;
}

static enum kmb_status give(void *context, const struct sql_lock *lock, bool *given, struct kmb_error *error) {
    enum kmb_status status = session_settle(context, error);
    *given = status == KMB_OK && locks_give(session_neighbours(context)->locks, lock);
    return status;
}

static enum kmb_status give_all(void *context, struct kmb_error *error) {
    enum kmb_status status = session_settle(context, error);
    if (status == KMB_OK) {
        locks_give_session(session_neighbours(context)->locks);
    }
    return status;
}

static uint64_t mark_locks(void *context) {
    return locks_of_transaction(session_neighbours(context)->locks);
}

static void give_to(void *context, uint64_t mark) {
    locks_give_transaction(session_neighbours(context)->locks, mark);
}

static void each_lock(void *context, sql_lock_fn *each, void *each_context) {
    locks_each(shard_locks(session_shard(context)), session_tenant(context), each, each_context);
}

static void blockers(void *context, uint64_t session, void (*each)(void *context, uint64_t blocker),
                     void *each_context) {
    locks_blockers(shard_locks(session_shard(context)), session_tenant(context), session, each, each_context);
}

static uint64_t transaction_number(void *context) {
    struct neighbours *neighbours = session_neighbours(context);
    uint64_t number = neighbours->number != 0 ? neighbours->number : shard_transaction_number(neighbours->shard);
    neighbours->number = session_in_transaction(context) ? number : 0;
    return number;
}

static enum kmb_status tell(void *context, struct slice channel, struct slice payload, struct kmb_error *error) {
    return notify_tell(session_neighbours(context)->notices, channel, payload, error);
}

static enum kmb_status listen(void *context, enum sql_listen how, struct slice channel, struct kmb_error *error) {
    return notify_listen(session_neighbours(context)->notices, how, channel, error);
}

static const char *channel_at(void *context, size_t at) {
    const struct notify_listener *notices = session_neighbours(context)->notices;
    return at < notify_channel_count(notices) ? notify_channel(notices, at) : NULL;
}

static double usage(void *context) {
    return notify_usage(shard_notify(session_shard(context)));
}

const struct sql_neighbours neighbours_of_session = {
    .lock = take,
    .lock_table = take_table,
    .unlock = give,
    .unlock_all = give_all,
    .lock_mark = mark_locks,
    .unlock_to = give_to,
    .locks = each_lock,
    .blockers = blockers,
    .transaction_number = transaction_number,
    .notify = tell,
    .listen = listen,
    .channel = channel_at,
    .notify_usage = usage,
};
