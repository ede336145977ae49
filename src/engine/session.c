/*
 * Sessions. Three ways through a statement:
 *
 *   a read            pins the published state, or the open transaction's own, and takes no lock after that
 *   a write, alone    takes the shard's turn, runs on a fork of the head, commits into the open block, gives the turn
 *                     back and waits for the block
 *   in a transaction  runs on the transaction's fork; COMMIT takes the turn and validates
 *
 * A statement that fails inside a transaction fails the transaction, as in PostgreSQL: everything but ROLLBACK (and
 * COMMIT, which then rolls back) is refused with 25P02.
 */
#include "engine/session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "sql/cursor.h"
#include "engine/spill.h"
#include "engine/zones.h"

#define STATEMENT_BYTES_DEFAULT ((uint64_t)256 << 20)

struct savepoint {
    struct savepoint *older;
    struct kernel_mark *mark;
    struct sql_settings settings;
    struct sql_settings kept;
    uint64_t cursors; /* made until then */
    char name[];      /* zero-terminated */
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
    atomic_bool cancel;

    struct savepoint *savepoints;           /* of the open transaction, newest first */
    struct kernel_transaction *transaction; /* the open one, or the statement's own */
    bool explicit;                          /* opened by BEGIN */
    bool failed;
    bool queried; /* the transaction has read or written */
    int64_t transaction_now_us;
    int64_t statement_now_us;
    int64_t statement_begun_ns; /* 0: none is being run */
    bool committed_in_control;  /* the running statement was COMMIT: outcome below */
    bool read;                  /* the running statement has opened a view */
    struct session_outcome outcome;
};

static enum kmb_status aborted(struct kmb_error *error) {
    error_set(error, KMB_TRANSACTION_ABORTED,
              "current transaction is aborted, commands ignored until end of transaction block");
    error_hint(error, "ROLLBACK ends it.");
    return KMB_TRANSACTION_ABORTED;
}

static enum kmb_status view_of_present(struct session *session, struct kernel_view **view, struct kmb_error *error);

/* A query's position is that of the state it reads; in a transaction it is known before. */
static void note_read(struct session *session, const struct kernel_state *state) {
    if (!session->explicit) {
        session->outcome.position = state->position;
        session->read = true;
    }
}

/* --- the host's side ---------------------------------------------------------------------------------------------- */

static enum kmb_status host_view_open(void *context, const struct sql_point *point, struct kernel_view **view,
                                      struct kmb_error *error) {
    struct session *session = context;
    struct kernel_state *state = NULL;
    enum kmb_status status = KMB_OK;
    if (point->kind == PLAN_AT_NONE) {
        return view_of_present(session, view, error);
    }
    if (point->kind == PLAN_AT_TIME && session->transaction == NULL) {
        status = shard_time_settle(session->shard, session->tenant, point->time_us, error);
    } else if (point->kind == PLAN_AT_TIME && point->time_us > shard_now_us(session->shard)) {
        status = error_set(error, KMB_TIME_IN_FUTURE, "cannot read as of a time in the future");
    }
    if (status == KMB_OK && session->transaction != NULL) {
        /* The past of the moment the transaction began at: its own writes have no time yet. */
        const struct kernel_state *base = kernel_transaction_base(session->transaction);
        state = kernel_state_move(base, base->root);
        status = state == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : KMB_OK;
    } else if (status == KMB_OK) {
        status = shard_state(session->shard, session->tenant, &state, error);
    }
    if (status == KMB_OK) {
        note_read(session, state);
        status = point->kind == PLAN_AT_POSITION ? kernel_view_open_at(state, point->offset, view, error)
                                                 : kernel_view_open_at_time(state, point->time_us, view, error);
    }
    /* The past is what it is; but others may have committed between the transaction's beginning and this time. */
    if (status == KMB_OK && session->transaction != NULL && point->kind == PLAN_AT_TIME &&
        point->time_us > state->time_us) {
        kernel_transaction_note(session->transaction, *view);
    }
    kernel_state_release(state);
    return status;
}

static void host_view_close(void *context, struct kernel_view *view) {
    (void)context;
    kernel_view_close(view);
}

/* A write, while every read is at a point given beside the text. */
static enum kmb_status in_past(struct kmb_error *error) {
    return error_set(error, KMB_HISTORY_READ_ONLY, "Cannot modify historical data");
}

static enum kmb_status host_transaction(void *context, struct kernel_transaction **transaction,
                                        struct kmb_error *error) {
    struct session *session = context;
    if (session->settings.read_only) {
        return error_set(error, KMB_READ_ONLY_TRANSACTION, "cannot write in a read-only transaction");
    }
    if (session->host.at.kind != PLAN_AT_NONE) {
        return in_past(error);
    }
    if (session->transaction == NULL) {
        return error_set(error, KMB_INTERNAL, "a statement that was not known to write asks for a transaction");
    }
    *transaction = session->transaction;
    return KMB_OK;
}

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

static enum kmb_status change_isolation(struct session *session, bool serializable, struct kmb_error *error) {
    if (serializable == session->settings.serializable) {
        return KMB_OK;
    }
    enum kmb_status status = change_before_query(session, "ISOLATION LEVEL", error);
    if (status == KMB_OK) {
        status = kernel_transaction_serializable(session->transaction, serializable, error);
    }
    session->settings.serializable = status == KMB_OK ? serializable : session->settings.serializable;
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
        status = change_isolation(session, control->isolation == SQL_ISOLATION_SERIALIZABLE, error);
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
        .serializable = control->isolation == SQL_ISOLATION_DEFAULT ? settings->default_serializable
                                                                    : control->isolation == SQL_ISOLATION_SERIALIZABLE,
        .deferrable = control->deferral == SQL_DEFERRAL_DEFAULT ? settings->default_deferrable
                                                                : control->deferral == SQL_DEFERRAL_ON,
    };
}

static enum kmb_status host_control(void *context, const struct sql_control *control, struct kmb_error *error) {
    struct session *session = context;
    struct shard_ticket ticket = {0};
    enum kmb_status status = KMB_OK;
    struct session_modes modes = modes_of(session, control);
    struct session_modes chained = {.read_only = session->settings.read_only,
                                    .serializable = session->settings.serializable,
                                    .deferrable = session->settings.deferrable};
    if (!session->explicit && (control->kind == SQL_CONTROL_COMMIT || control->kind == SQL_CONTROL_ROLLBACK)) {
        const char *word = control->kind == SQL_CONTROL_COMMIT ? "COMMIT" : "ROLLBACK";
        return !control->chain
                   ? KMB_OK /* where PostgreSQL warns */
                   : error_set(error, KMB_NO_TRANSACTION, "%s AND CHAIN can only be used in transaction blocks", word);
    }
    switch (control->kind) {
    case SQL_CONTROL_BEGIN:
        return session_begin(session, &modes, error);
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

static bool host_in_block(void *context) {
    const struct session *session = context;
    return session->explicit;
}

static int64_t host_now_us(void *context) {
    struct session *session = context;
    return session->explicit ? session->transaction_now_us : session->statement_now_us;
}

static int64_t host_monotonic_ns(void *context) {
    struct session *session = context;
    const struct environment *environment = shard_environment(session->shard);
    return environment->monotonic_ns(environment->context);
}

/* The kernel's long walks ask as the operators do: same words. */
static enum kmb_status interrupted(void *context, struct kmb_error *error) {
    struct session *session = context;
    int64_t timeout_ms = session->settings.statement_timeout_ms;
    if (session->statement_begun_ns == 0) {
        return KMB_OK;
    }
    if (atomic_load_explicit(&session->cancel, memory_order_relaxed)) {
        return error_set(error, KMB_CANCELLED, "canceling statement due to user request");
    }
    if (timeout_ms > 0 && host_monotonic_ns(session) - session->statement_begun_ns >= timeout_ms * 1000000) {
        return error_set(error, KMB_CANCELLED, "canceling statement due to statement timeout");
    }
    return KMB_OK;
}

static enum kmb_status begin_transaction(struct session *session, struct kernel_state *state, struct kmb_error *error) {
    enum kmb_status status =
        kernel_transaction_begin(state, shard_row_ids(session->shard), &session->transaction, error);
    if (status == KMB_OK) {
        kernel_transaction_interrupt(session->transaction,
                                     (struct kernel_interrupt){.ask = interrupted, .context = session});
    }
    return status;
}

static int64_t host_clock_us(void *context) {
    const struct session *session = context;
    return shard_now_us(session->shard);
}

static bool host_random(void *context, void *bytes, size_t count) {
    struct session *session = context;
    const struct environment *environment = shard_environment(session->shard);
    return environment->random(environment->context, bytes, count);
}

static const struct zone *host_zone_find(void *context, struct slice name) {
    struct session *session = context;
    return zones_find(&session->zones, shard_io(session->shard), name);
}

static enum kmb_status host_spill_open(void *context, uint64_t bytes_max, struct sql_spill **spill,
                                       struct kmb_error *error) {
    const struct session *session = context;
    return spill_file_open(shard_io(session->shard), shard_environment(session->shard), shard_path(session->shard),
                           bytes_max, spill, error);
}

/* Forgets the savepoints newer than `last`. */
static void savepoints_drop(struct session *session, const struct savepoint *last) {
    while (session->savepoints != last) {
        struct savepoint *savepoint = session->savepoints;
        session->savepoints = savepoint->older;
        kernel_mark_free(savepoint->mark);
        mem_free(savepoint);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

enum kmb_status session_new(const struct session_options *options, struct session **out, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    *out = NULL;
    enum kmb_status status = options->tenant.value == 0
                                 ? error_set(error, KMB_TENANT_NOT_FOUND, "tenant 0 is the system's own")
                                 : shard_state(options->shard, options->tenant, &state, error);
    if (status != KMB_OK) {
        return status;
    }
    kernel_state_release(state);
    struct session *session = mem_alloc_zero(1, sizeof(*session));
    if (session == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    session->shard = options->shard;
    session->tenant = options->tenant;
    session->number = options->number;
    session->settings = (struct sql_settings){
        .time_zone_name = "UTC",
        .search_path = SQL_SEARCH_PATH_DEFAULT,
        .memory_bytes_max = options->memory_bytes_max == 0 ? STATEMENT_BYTES_DEFAULT : options->memory_bytes_max,
    };
    atomic_init(&session->cancel, false);
    arena_init(&session->zones.arena, 0);
    session->host = (struct sql_host){
        .context = session,
        .view_open = host_view_open,
        .view_close = host_view_close,
        .transaction = host_transaction,
        .control = host_control,
        .now_us = host_now_us,
        .clock_us = host_clock_us,
        .monotonic_ns = host_monotonic_ns,
        .random = host_random,
        .zone_find = host_zone_find,
        .spill_open = host_spill_open,
        .spill_write = spill_file_write,
        .spill_read = spill_file_read,
        .spill_give_back = spill_file_give_back,
        .spill_close = spill_file_close,
        .settings = &session->settings,
        .settings_kept = &session->kept,
        .sequences = &session->sequences,
        .prepared = &session->prepared,
        .cursors = &session->cursors,
        .in_block = host_in_block,
        .statistics = shard_statistics(options->shard),
        .cancel = &session->cancel,
        .session_user = slice_text("kimberlite"),
    };
    *out = session;
    return KMB_OK;
}

void session_free(struct session *session) {
    if (session != NULL) {
        sql_cursors_free(&session->cursors);
        savepoints_drop(session, NULL);
        kernel_transaction_discard(session->transaction);
        sql_sequences_free(&session->sequences);
        (void)sql_prepared_remove(&session->prepared, NULL, NULL);
        zones_free(&session->zones);
        mem_free(session);
    }
}

void session_cancel(struct session *session) {
    atomic_store(&session->cancel, true);
}

struct shard *session_shard(const struct session *session) {
    return session->shard;
}
struct tenant_id session_tenant(const struct session *session) {
    return session->tenant;
}
const struct sql_host *session_host(struct session *session) {
    return &session->host;
}
const struct sql_settings *session_settings(const struct session *session) {
    return &session->settings;
}
struct datetime_context session_datetime(const struct session *session) {
    return (struct datetime_context){.now_us = shard_now_us(session->shard),
                                     .zone = session->settings.time_zone,
                                     .zone_find = host_zone_find,
                                     .zones = (void *)(uintptr_t)session,
                                     .has_now = true};
}
void session_set_at(struct session *session, const struct sql_point *point) {
    session->host.at = *point;
}
void session_set_copy(struct session *session, const struct sql_copy *copy) {
    session->host.copy = copy;
}
bool session_in_transaction(const struct session *session) {
    return session->explicit;
}
bool session_failed(const struct session *session) {
    return session->failed;
}
enum kmb_status session_fail_prepare(struct session *session, enum kmb_status status, struct kmb_error *error) {
    if (session->failed && status != KMB_SYNTAX) {
        return aborted(error);
    }
    session_fail(session);
    return status;
}

void session_fail(struct session *session) {
    session->failed = session->failed || session->explicit;
}

uint64_t session_position(struct session *session) {
    struct kernel_state *state = NULL;
    uint64_t position = 0;
    if (shard_state(session->shard, session->tenant, &state, NULL) == KMB_OK) {
        position = state->position;
    }
    kernel_state_release(state);
    return position;
}

static enum kmb_status view_of_present(struct session *session, struct kernel_view **view, struct kmb_error *error) {
    if (session->transaction != NULL) {
        return kernel_transaction_view(session->transaction, view, error);
    }
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(session->shard, session->tenant, &state, error);
    if (status == KMB_OK) {
        note_read(session, state);
        status = kernel_view_open(state, view, error);
    }
    kernel_state_release(state);
    return status;
}

enum kmb_status session_view(struct session *session, struct kernel_view **view, struct kmb_error *error) {
    session->queried = true;
    return view_of_present(session, view, error);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

enum kmb_status session_begin(struct session *session, const struct session_modes *modes, struct kmb_error *error) {
    const struct sql_control defaults = {.kind = SQL_CONTROL_BEGIN};
    if (session->explicit) {
        return session->failed ? aborted(error)
                               : error_set(error, KMB_TRANSACTION_ACTIVE, "there is already a transaction in progress");
    }
    ASSERT(session->transaction == NULL);
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(session->shard, session->tenant, &state, error);
    if (status == KMB_OK) {
        status = begin_transaction(session, state, error);
    }
    kernel_state_release(state);
    struct session_modes made = modes == NULL ? modes_of(session, &defaults) : *modes;
    if (status == KMB_OK && kernel_transaction_serializable(session->transaction, made.serializable, error) != KMB_OK) {
        kernel_transaction_discard(session->transaction);
        session->transaction = NULL;
        status = KMB_NO_MEMORY;
    }
    if (status == KMB_OK) {
        session->explicit = true;
        session->failed = false;
        session->queried = false;
        session->kept = session->settings;
        session->begun = session->settings;
        session->settings.read_only = made.read_only || shard_is_read_only(session->shard);
        session->settings.serializable = made.serializable;
        session->settings.deferrable = made.deferrable;
        session->transaction_now_us = shard_now_us(session->shard);
    }
    return status;
}

/* settings: what the transaction, if it is an explicit one, leaves. */
static void end_transaction(struct session *session, const struct sql_settings *settings) {
    ASSERT(session->savepoints == NULL);
    if (session->explicit) {
        session->settings = *settings;
        session->settings.read_only = settings->default_read_only;
        session->settings.serializable = settings->default_serializable;
        session->settings.deferrable = settings->default_deferrable;
    }
    session->transaction = NULL;
    session->explicit = false;
    session->failed = false;
}

static void discard_transaction(struct session *session) {
    sql_cursors_end(&session->cursors, 0);
    savepoints_drop(session, NULL);
    kernel_transaction_discard(session->transaction);
    end_transaction(session, &session->begun);
}

/*
 * A refusal may rest on changes that are not durable yet. Told before they are, it could name a row that a crash takes
 * away, and a transaction run again at once would begin before the change it lost to and lose to it again.
 */
static void settle_refusal(struct session *session, uint64_t op) {
    (void)shard_wait(session->shard, op, NULL); /* the refusal stands, whatever becomes of them */
}

/* Hands the session's transaction to the shard and waits until it is durable. It is gone whatever the answer. */
static enum kmb_status commit(struct session *session, struct shard_turn *turn, struct shard_ticket *ticket,
                              struct kmb_error *error) {
    struct shard_request request = {.session = session->number, .request = ++session->request};
    struct kernel_transaction *transaction = session->transaction;
    uint64_t seen = shard_turn_newest(turn);
    sql_cursors_end(&session->cursors, 0);
    bool explicit = session->explicit;
    savepoints_drop(session, NULL);
    end_transaction(session, &session->kept);
    enum kmb_status status = shard_turn_commit(turn, transaction, &request, ticket, error);
    shard_turn_end(turn);
    if (explicit && status != KMB_OK) {
        session->settings = session->begun;
    }
    if (status == KMB_OK) {
        return shard_wait(session->shard, ticket->op, error);
    }
    settle_refusal(session, seen);
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
    enum kmb_status held = session->failed ? KMB_OK : sql_cursors_hold(&session->cursors, &session->host, error);
    if (held != KMB_OK) {
        discard_transaction(session);
        return held;
    }
    const struct kernel_state *base = kernel_transaction_base(session->transaction);
    if (session->failed || kernel_transaction_empty(session->transaction)) {
        *ticket =
            (struct shard_ticket){.position = base->position, .sequence = base->sequence, .time_us = base->time_us};
        session->begun = session->failed ? session->begun : session->kept;
        discard_transaction(session);
        return KMB_OK;
    }
    struct shard_turn turn;
    enum kmb_status status = shard_turn_begin(session->shard, &turn, error);
    if (status != KMB_OK) {
        discard_transaction(session);
        return status;
    }
    return commit(session, &turn, ticket, error);
}

enum kmb_status session_rollback(struct session *session, struct kmb_error *error) {
    if (!session->explicit) {
        return error_set(error, KMB_NO_TRANSACTION, "there is no transaction in progress");
    }
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
    savepoint->settings = session->settings;
    savepoint->kept = session->kept;
    savepoint->older = session->savepoints;
    session->savepoints = savepoint;
    return KMB_OK;
}

enum kmb_status session_savepoint(struct session *session, enum session_savepoint_kind kind, const char *name,
                                  struct kmb_error *error) {
    static const char *const words[] = {"SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"};
    if (!session->explicit) {
        return error_set(error, KMB_NO_TRANSACTION, "%s can only be used in transaction blocks", words[kind]);
    }
    if (session->failed && kind != SESSION_SAVEPOINT_ROLLBACK) {
        return aborted(error);
    }
    if (kind == SESSION_SAVEPOINT_SET) {
        return savepoint_set(session, name, error);
    }
    struct savepoint *savepoint = savepoint_find(session, name);
    if (savepoint == NULL) {
        session->failed = true;
        return error_set(error, KMB_INVALID_SAVEPOINT, "savepoint \"%s\" does not exist", name);
    }
    if (kind == SESSION_SAVEPOINT_RELEASE) {
        session->settings.read_only = savepoint->settings.read_only; /* READ ONLY since then was for what is released */
        savepoints_drop(session, savepoint->older);
        return KMB_OK;
    }
    savepoints_drop(session, savepoint);
    sql_cursors_end(&session->cursors, savepoint->cursors);
    session->settings = savepoint->settings;
    session->kept = savepoint->kept;
    enum kmb_status status = kernel_transaction_rollback_to(session->transaction, savepoint->mark, error);
    session->failed = status != KMB_OK;
    return status;
}

/* Takes the turn and begins the statement's own transaction at the head. */
static enum kmb_status begin_alone(struct session *session, struct shard_turn *turn, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_turn_begin(session->shard, turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = shard_turn_state(turn, session->tenant, &state, error);
    if (status == KMB_OK) {
        status = begin_transaction(session, state, error);
    }
    kernel_state_release(state);
    if (status != KMB_OK) {
        shard_turn_end(turn);
    }
    return status;
}

static void abandon_alone(struct session *session, struct shard_turn *turn) {
    uint64_t seen = shard_turn_newest(turn);
    kernel_transaction_discard(session->transaction);
    session->transaction = NULL;
    shard_turn_end(turn);
    settle_refusal(session, seen);
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
    status = shard_state(session->shard, session->tenant, &state, error);
    if (status == KMB_OK) {
        status = begin_transaction(session, state, error);
    }
    kernel_state_release(state);
    if (status == KMB_OK) {
        status = kernel_transaction_serializable(session->transaction, session->settings.serializable, error);
    }
    if (status == KMB_OK) {
        status = sql_run_open(statement, &session->host, parameters, parameter_count, run, error);
    }
    if (status == KMB_OK) {
        status = shard_turn_begin(session->shard, &turn, error);
    }
    if (status != KMB_OK) {
        kernel_transaction_discard(session->transaction);
        session->transaction = NULL;
    } else {
        status = commit(session, &turn, &ticket, error);
        session->outcome.position = ticket.position;
    }
    if (status != KMB_OK) {
        sql_run_close(*run);
        *run = NULL;
    }
    return status;
}

static enum kmb_status run_alone(struct session *session, struct sql_statement *statement,
                                 const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                 struct kmb_error *error) {
    struct shard_turn turn;
    struct shard_ticket ticket = {0};
    const struct plan_statement *plan = sql_statement_plan(statement);
    if (plan->kind == STATEMENT_WRITE && searches_long(plan->root)) {
        enum kmb_status ahead = run_ahead(session, statement, parameters, parameter_count, run, error);
        if (ahead != KMB_SERIALIZATION || plan->copy != NULL) { /* what COPY has read is gone */
            return ahead;
        }
        error_clear(error);
    }
    enum kmb_status status = begin_alone(session, &turn, error);
    if (status != KMB_OK) {
        return status;
    }
    status = sql_run_open(statement, &session->host, parameters, parameter_count, run, error);
    if (status != KMB_OK) {
        abandon_alone(session, &turn);
        return status;
    }
    status = commit(session, &turn, &ticket, error);
    session->outcome.position = ticket.position;
    if (status != KMB_OK) {
        sql_run_close(*run);
        *run = NULL;
    }
    return status;
}

static enum kmb_status run_inside(struct session *session, struct sql_statement *statement,
                                  const struct value *parameters, uint32_t parameter_count, struct sql_run **run,
                                  struct kmb_error *error) {
    enum plan_statement_kind kind = sql_statement_kind(statement);
    bool control = kind == STATEMENT_TRANSACTION;
    if (session->failed && !control) {
        return aborted(error);
    }
    if (session->explicit) {
        session->outcome.position = kernel_transaction_base(session->transaction)->position;
    } else if (control) {
        session->outcome.position = session_position(session);
    }
    session->read = session->explicit || control;
    session->queried = session->queried || (kind != STATEMENT_TRANSACTION && kind != STATEMENT_SETTING &&
                                            strcmp(sql_statement_tag(statement), "SHOW") != 0);
    enum kmb_status status = sql_run_open(statement, &session->host, parameters, parameter_count, run, error);
    if (!session->read) {
        session->outcome.position = session_position(session);
    }
    if (status != KMB_OK && session->explicit && !control) {
        session->failed = true;
    }
    return status;
}

void session_tick(struct session *session) {
    session->statement_now_us = shard_now_us(session->shard);
    atomic_store(&session->cancel, false); /* what was called before means nothing now */
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

enum kmb_status session_run(struct session *session, struct sql_statement *statement, const struct value *parameters,
                            uint32_t parameter_count, struct sql_run **run, struct session_outcome *outcome,
                            struct kmb_error *error) {
    *run = NULL;
    session->outcome = (struct session_outcome){0};
    session_tick(session);
    session->statement_begun_ns = host_monotonic_ns(session);
    bool alone = sql_statement_writes(statement) && !session->explicit;
    if (session->settings.read_only && !session->failed && is_change(statement)) {
        *outcome = session->outcome;
        session_fail(session);
        return error_set(error, KMB_READ_ONLY_TRANSACTION, "cannot execute %s in a read-only transaction",
                         change_name(statement));
    }
    if (session->host.at.kind != PLAN_AT_NONE && !session->failed && is_change(statement)) {
        *outcome = session->outcome;
        session_fail(session);
        return in_past(error);
    }
    enum kmb_status status = alone ? run_alone(session, statement, parameters, parameter_count, run, error)
                                   : run_inside(session, statement, parameters, parameter_count, run, error);
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
            return aborted(error);
        }
        session->queried = true;
        enum kmb_status status = host_transaction(session, &transaction, error);
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
    return commit(session, &turn, ticket, error);
}
