/*
 * A session's statements. Three ways through a statement:
 *
 *   a read            pins the published state, or the open transaction's own, and takes no lock after that
 *   a write, alone    takes the shard's turn, runs on a fork of the head, commits into the open block, gives the turn
 *                     back and waits for the block
 *   in a transaction  runs on the transaction's fork; COMMIT takes the turn and validates. Under READ COMMITTED the
 *                     transaction goes over to the newest published state before each, and a statement that meets a
 *                     row which has changed since runs again (session_claims.c)
 *
 * A statement that fails inside a transaction fails the transaction, as in PostgreSQL: everything but ROLLBACK (and
 * COMMIT, which then rolls back) is refused with 25P02.
 */
#include "engine/session_internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "sql/usage.h"

/* Takes the turn and begins the statement's own transaction at the head. */
static enum kmb_status begin_alone(struct session *session, struct shard_turn *turn, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_turn_begin(session->shard, turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = shard_turn_state(turn, session->tenant, &state, error);
    if (status == KMB_OK) {
        status = session_open_transaction(session, state, error);
    }
    kernel_state_release(state);
    if (status != KMB_OK) {
        shard_turn_end(turn);
    }
    return status;
}

static void abandon_alone(struct session *session, struct shard_turn *turn) {
    uint64_t seen = shard_turn_newest(turn);
    neighbours_rollback(&session->neighbours, (struct neighbours_mark){0});
    kernel_transaction_discard(session->transaction);
    session->transaction = NULL;
    shard_turn_end(turn);
    session_settle_refusal(session, seen);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* Whether a write looks through more than single keys for its rows. Plans are as deep as the parser's limits let them.
 */
static bool searches_long(const struct plan_node *node) {
    if (node == NULL) {
        return false;
    }
    bool scans = (node->kind == PLAN_SCAN && node->low.count == 0) || node->kind == PLAN_HISTORY ||
                 node->kind == PLAN_DIFF || node->kind == PLAN_COPY; /* waits for whoever writes what it reads */
    for (uint32_t i = 0; !scans && i < node->write_count; i++) {
        scans = searches_long(node->writes[i]->root);
    }
    return scans || searches_long(node->left) || searches_long(node->right);
}

/* Whether it may run once more from its beginning: what COPY has read or given can be neither read nor given again,
 * unless it has not begun to when its rows are changed. */
static bool repeats(const struct plan_statement *plan) {
    return plan->copy == NULL || (plan->kind == STATEMENT_COPY && !plan->locks);
}

/* Whether it may be put off and run again by whoever comes again: a COPY is between two answers to its client. */
static bool parks(const struct session *session, const struct plan_statement *plan) {
    return session->wake != NULL && !session->nested && plan->copy == NULL;
}

/* COPY FROM reads no rows, so it can go on upon another state. */
static enum kmb_status open_run(struct session *session, struct sql_statement *statement,
                                const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                struct kmb_error *error) {
    const struct plan_statement *plan = sql_statement_plan(statement);
    session->onward = plan->copy != NULL && plan->kind == STATEMENT_WRITE;
    enum kmb_status status = sql_run_open(statement, &session->host, parameters, parameter_count, run, error);
    session->onward = false;
    return status;
}

static enum kmb_status open_alone(struct session *session, struct sql_statement *statement,
                                  const struct value *parameters, uint32_t parameter_count, bool guarded,
                                  struct sql_run **run, struct kmb_error *error) {
    enum kmb_status status = open_run(session, statement, parameters, parameter_count, run, error);
    if (status == KMB_OK && guarded) {
        status = kernel_check_deferred(session->transaction, error);
    }
    if (status != KMB_OK) {
        sql_run_close(*run);
        *run = NULL;
    }
    return status;
}

/*
 * A write whose search is long runs on the published state without the turn, so that it holds up nobody, and is
 * validated when it commits. KMB_SERIALIZATION: something it met has changed meanwhile, and nothing of it remains.
 */
static enum kmb_status run_ahead(struct session *session, struct sql_statement *statement,
                                 const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                 struct kmb_error *error) {
    struct shard_turn turn;
    struct shard_ticket ticket = {0};
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_turn_begin(session->shard, &turn, error); /* may it write at all? */
    if (status != KMB_OK) {
        return status;
    }
    shard_turn_end(&turn);
    status = session_present_state(session, &state, error);
    if (status == KMB_OK) {
        status = session_open_transaction(session, state, error);
    }
    kernel_state_release(state);
    if (status == KMB_OK) {
        status = kernel_transaction_serializable(session->transaction,
                                                 session->settings.isolation == SQL_ISOLATION_SERIALIZABLE, error);
    }
    bool once = !repeats(sql_statement_plan(statement));
    bool guarded = status == KMB_OK && session_guard_alone(session, once);
    if (status == KMB_OK) {
        status = open_alone(session, statement, parameters, parameter_count, guarded, run, error);
    }
    if (status == KMB_OK) {
        status = shard_turn_begin(session->shard, &turn, error);
    }
    if (status == KMB_OK && !guarded && !once && locks_have_rows(shard_locks(session->shard))) {
        shard_turn_end(&turn); /* rows that it has written may have been claimed since: it looks, at the head */
        status = error_set(error, KMB_SERIALIZATION, "could not serialize access due to concurrent update");
    }
    if (status != KMB_OK) {
        neighbours_rollback(&session->neighbours, (struct neighbours_mark){0});
        kernel_transaction_discard(session->transaction);
        session->transaction = NULL;
        session_settle_refusal(session, session->base_op);
        session->base_op = 0;
    } else {
        status = session_commit_turn(session, &turn, &ticket, error);
        session->outcome.position = ticket.position;
    }
    if (status != KMB_OK) {
        sql_run_close(*run);
        *run = NULL;
    }
    return status;
}

/* At the head, with the turn. */
static enum kmb_status run_at_head(struct session *session, struct sql_statement *statement,
                                   const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                   struct kmb_error *error) {
    struct shard_turn turn;
    struct shard_ticket ticket = {0};
    enum kmb_status status = begin_alone(session, &turn, error);
    if (status != KMB_OK) {
        return status;
    }
    bool guarded = repeats(sql_statement_plan(statement)) && session_guard_alone(session, false);
    status = open_alone(session, statement, parameters, parameter_count, guarded, run, error);
    if (status != KMB_OK) {
        abandon_alone(session, &turn);
        return status;
    }
    status = session_commit_turn(session, &turn, &ticket, error);
    session->outcome.position = ticket.position;
    if (status != KMB_OK) {
        sql_run_close(*run);
        *run = NULL;
    }
    return status;
}

static enum kmb_status run_alone(struct session *session, struct sql_statement *statement,
                                 const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                 struct kmb_error *error) {
    const struct plan_statement *plan = sql_statement_plan(statement);
    bool ahead = plan->waits || !repeats(plan) || (plan->kind == STATEMENT_WRITE && searches_long(plan->root));
    for (;;) {
        enum kmb_status status = ahead ? run_ahead(session, statement, parameters, parameter_count, run, error)
                                       : run_at_head(session, statement, parameters, parameter_count, run, error);
        bool again = status == KMB_SERIALIZATION && repeats(plan) && (ahead || session->blocked);
        if (!again) {
            session_give_claims(session);
            return status;
        }
        error_clear(error);
        if (session->blocked) {
            status = session_await_row(session, parks(session, plan), error);
        } else {
            ahead = plan->waits; /* who waits must not do so with the turn */
        }
        if (session->parked) {
            return status;
        }
        if (status != KMB_OK && status != KMB_SERIALIZATION) {
            session_give_claims(session);
            return status;
        }
    }
}

/* Runs again where it met a row that has changed since its transaction's state: what it did before that is forgotten.
 */
static enum kmb_status run_claiming(struct session *session, struct sql_statement *statement,
                                    const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                    struct kmb_error *error) {
    const struct neighbours_mark mark = neighbours_mark(&session->neighbours);
    const struct plan_statement *plan = sql_statement_plan(statement);
    bool again = repeats(plan);
    bool may_park = parks(session, plan) && !plan->waits; /* what locks or sleeps is not to do so twice for nothing */
    session->moved = false;
    enum kmb_status status = session->cut ? session_catch_up(session, &session->rest, error)
                                          : kernel_transaction_rest(session->transaction, &session->rest, error);
    session->cut = false;
    while (status == KMB_OK) {
        session->parkable = may_park;
        status = open_run(session, statement, parameters, parameter_count, run, error);
        session->parkable = false;
        if (status != KMB_SERIALIZATION || !again || !(session->moved || session->parked)) {
            break;
        }
        neighbours_rollback(&session->neighbours, mark);
        if (session->parked) {
            session->cut = true;
            break;
        }
        session->moved = false;
        error_clear(error);
        status = session_catch_up(session, &session->rest, error);
    }
    session_forget_fresh(session);
    return status;
}

/* A parked statement is run again: may it go on? Else it is parked still, or not to be run any more. */
static enum kmb_status come_again(struct session *session, struct kmb_error *error) {
    bool waits = false;
    enum kmb_status status = neighbours_waits(session, session->parked_ns, &waits, error);
    session->parked = status == KMB_OK && waits;
    if (status == KMB_OK) {
        return waits ? KMB_SERIALIZATION : KMB_OK;
    }
    session->cut = false; /* the transaction has failed: only going back is left */
    session->statement_begun_ns = 0;
    if (session->explicit) {
        session_fail(session);
    } else {
        session_give_claims(session);
        usage_add_transaction(session->host.usage, session->tenant, false);
    }
    return status;
}

static enum kmb_status run_inside(struct session *session, struct sql_statement *statement,
                                  const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                  struct kmb_error *error) {
    enum plan_statement_kind kind = sql_statement_kind(statement);
    bool control = kind == STATEMENT_TRANSACTION;
    if (session->failed && !control) {
        return session_aborted(error);
    }
    if (session->explicit && !control && !session->cut) {
        enum kmb_status refreshed = session_refresh_for(session, statement, error);
        if (refreshed != KMB_OK) {
            session_fail(session);
            return refreshed;
        }
    }
    if (session->explicit) {
        session->outcome.position = kernel_transaction_base(session->transaction)->position;
    } else if (control) {
        session->outcome.position = session_position(session);
    }
    session->read = session->explicit || control;
    session->queried = session->queried || (kind != STATEMENT_TRANSACTION && kind != STATEMENT_SETTING &&
                                            strcmp(sql_statement_tag(statement), "SHOW") != 0);
    enum kmb_status status = session->claims && !control
                                 ? run_claiming(session, statement, parameters, parameter_count, run, error)
                                 : sql_run_open(statement, &session->host, parameters, parameter_count, run, error);
    if (session->parked) {
        return status;
    }
    bool shows =
        status != KMB_OK || sql_statement_column_count(statement) > 0 || sql_statement_plan(statement)->copy != NULL;
    if (session->base_op != 0 && shows && !control) {
        enum kmb_status rested = session_rest_on_base(session, NULL);
        status = status == KMB_OK && rested != KMB_OK ? shard_health(session->shard, error) : status;
    }
    if (!session->read) {
        session->outcome.position = session_position(session);
    }
    if (status != KMB_OK && session->explicit && !control) {
        session_fail(session);
    }
    if (!session->explicit && status == KMB_OK) {
        neighbours_commit(&session->neighbours, session->pending); /* LISTEN and NOTIFY */
    }
    return status;
}

void session_fetching(struct session *session, bool fetching) {
    session->statement_begun_ns = fetching ? session->run_begun_ns : 0;
}

void session_tick(struct session *session) {
    session->statement_now_us = shard_now_us(session->shard);
    if (!session->holds_cancel && !session->nested) {
        session_forget_cancel(session);
    }
}

static bool is_change(const struct sql_statement *statement) {
    enum plan_statement_kind kind = sql_statement_kind(statement);
    return kind == STATEMENT_WRITE || kind == STATEMENT_DDL;
}

/* As PostgreSQL calls it. */
static const char *change_name(const struct sql_statement *statement) {
    static const char *const writes[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
    const struct plan_statement *plan = sql_statement_plan(statement);
    if (plan->copy != NULL) {
        return "COPY FROM";
    }
    if (plan->root != NULL && plan->root->creates != NULL) {
        return "CREATE TABLE AS";
    }
    bool query = plan->root != NULL && !plan_writes(plan->root) && plan->root->write_count > 0;
    return query ? writes[plan->root->writes[0]->root->kind - PLAN_INSERT] : plan->tag;
}

bool session_waits(struct session *session, const struct sql_statement *statement) {
    if (session->explicit || session_pending(session) == 0) {
        return false;
    }
    const struct plan_statement *plan = sql_statement_plan(statement);
    return !sql_statement_writes(statement) || plan->kind == STATEMENT_BLOCK ||
           (plan->kind == STATEMENT_WRITE && searches_long(plan->root));
}

enum kmb_status session_run(struct session *session, struct sql_statement *statement, const struct value *parameters,
                            uint32_t parameter_count, struct sql_run **run, struct session_outcome *outcome,
                            struct kmb_error *error) {
    *run = NULL;
    session->outcome = (struct session_outcome){0};
    if (session->parked) {
        enum kmb_status waited = come_again(session, error);
        if (waited != KMB_OK) {
            *outcome = session->outcome;
            return waited;
        }
    } else {
        session_tick(session);
        session->statement_begun_ns = session_monotonic_ns(session);
        session->run_begun_ns = session->statement_begun_ns;
    }
    bool locks = sql_statement_plan(statement)->locks && session->settings.isolation == SQL_ISOLATION_READ_COMMITTED;
    bool alone = (sql_statement_writes(statement) || locks) && !session->explicit;
    if (session->settings.read_only && !session->failed && is_change(statement)) {
        *outcome = session->outcome;
        session_fail(session);
        return error_set(error, KMB_READ_ONLY_TRANSACTION, "cannot execute %s in a read-only transaction",
                         change_name(statement));
    }
    if (session->host.at.kind != PLAN_AT_NONE && !session->failed && is_change(statement)) {
        *outcome = session->outcome;
        session_fail(session);
        return session_in_past(error);
    }
    bool outside = !session->explicit;
    session_count_query(session, true);
    enum kmb_status status = alone ? run_alone(session, statement, parameters, parameter_count, run, error)
                                   : run_inside(session, statement, parameters, parameter_count, run, error);
    if (session->parked) {
        *outcome = session->outcome;
        return status;
    }
    bool data = sql_statement_kind(statement) != STATEMENT_SETTING && strcmp(sql_statement_tag(statement), "SHOW") != 0;
    if (outside && !session->explicit && data) { /* a transaction of its own; those of several count when they end */
        session->uncounted = true;
        if (alone || status != KMB_OK) {
            session_count_query(session, status == KMB_OK);
        }
    }
    session->statement_begun_ns = 0;
    *outcome = session->outcome;
    return status;
}

enum kmb_status session_write(struct session *session,
                              enum kmb_status (*work)(void *context, struct kernel_transaction *transaction,
                                                      struct kmb_error *error),
                              void *context, struct shard_ticket *ticket, struct kmb_error *error) {
    struct shard_ticket local = {0};
    ticket = ticket == NULL ? &local : ticket;
    if (session->explicit) {
        struct kernel_mark *mark = NULL;
        struct kernel_transaction *transaction = NULL;
        if (session->failed) {
            return session_aborted(error);
        }
        session->queried = true;
        enum kmb_status status = session_host_transaction(session, &transaction, error);
        if (status == KMB_OK) {
            status = kernel_transaction_mark(transaction, &mark, error);
        }
        if (status == KMB_OK) {
            status = work(context, transaction, error);
            if (status != KMB_OK && kernel_transaction_rollback_to(transaction, mark, NULL) != KMB_OK) {
                session->failed = true;
            }
        }
        kernel_mark_free(mark);
        return status;
    }
    struct shard_turn turn;
    enum kmb_status status = begin_alone(session, &turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = work(context, session->transaction, error);
    if (status != KMB_OK) {
        abandon_alone(session, &turn);
        return status;
    }
    status = session_commit_turn(session, &turn, ticket, error);
    usage_add_transaction(session->host.usage, session->tenant, status == KMB_OK);
    return status;
}
