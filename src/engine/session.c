/*
 * Sessions: their life, and what the SQL room asks of its host. Their transactions are in session_transaction.c, their
 * statements in session_run.c.
 */
#include "engine/session_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "sql/usage.h"
#include "engine/spill.h"

#define STATEMENT_BYTES_DEFAULT ((uint64_t)256 << 20)

enum kmb_status session_aborted(struct kmb_error *error) {
    error_set(error, KMB_TRANSACTION_ABORTED,
              "current transaction is aborted, commands ignored until end of transaction block");
    error_hint(error, "ROLLBACK ends it.");
    return KMB_TRANSACTION_ABORTED;
}

static enum kmb_status view_of_present(struct session *session, struct kernel_view **view, struct kmb_error *error);

enum kmb_status session_settle(struct session *session, struct kmb_error *error) {
    enum kmb_status status = session->pending == 0 ? KMB_OK : shard_wait(session->shard, session->pending, error);
    session->pending = status == KMB_OK ? 0 : session->pending;
    return status;
}

/* The newest durable state, and in it all that this session has committed. Held for the caller. */
enum kmb_status session_present_state(struct session *session, struct kernel_state **state, struct kmb_error *error) {
    enum kmb_status status = session_settle(session, error);
    return status != KMB_OK ? status : shard_state(session->shard, session->tenant, state, error);
}

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
        status = session_present_state(session, &state, error);
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
enum kmb_status session_in_past(struct kmb_error *error) {
    return error_set(error, KMB_HISTORY_READ_ONLY, "Cannot modify historical data");
}

enum kmb_status session_host_transaction(void *context, struct kernel_transaction **transaction,
                                         struct kmb_error *error) {
    struct session *session = context;
    if (session->reader) {
        return error_set(error, KMB_PERMISSION, "permission denied: \"%.*s\" may only read",
                         (int)session->host.session_user.length, (const char *)session->host.session_user.bytes);
    }
    if (session->settings.read_only) {
        return error_set(error, KMB_READ_ONLY_TRANSACTION, "cannot write in a read-only transaction");
    }
    if (session->host.at.kind != PLAN_AT_NONE) {
        return session_in_past(error);
    }
    if (session->transaction == NULL) {
        return error_set(error, KMB_INTERNAL, "a statement that was not known to write asks for a transaction");
    }
    *transaction = session->transaction;
    return KMB_OK;
}

static bool host_in_block(void *context) {
    const struct session *session = context;
    return session->explicit;
}

static int64_t host_now_us(void *context) {
    struct session *session = context;
    return session->explicit ? session->transaction_now_us : session->statement_now_us;
}

int64_t session_monotonic_ns(void *context) {
    struct session *session = context;
    const struct environment *environment = shard_environment(session->shard);
    return environment->monotonic_ns(environment->context);
}

/* The kernel's long walks ask as the operators do: same words. */
static enum kmb_status interrupted(void *context, struct kmb_error *error) {
    struct session *session = context;
    int64_t timeout_ms = session->settings.timeouts_ms[SQL_TIMEOUT_STATEMENT];
    if (session->statement_begun_ns == 0) {
        return KMB_OK;
    }
    if (atomic_load_explicit(&session->cancel, memory_order_relaxed)) {
        return error_set(error, KMB_CANCELLED, "canceling statement due to user request");
    }
    if (timeout_ms > 0 && session_monotonic_ns(session) - session->statement_begun_ns >= timeout_ms * 1000000) {
        return error_set(error, KMB_CANCELLED, "canceling statement due to statement timeout");
    }
    return KMB_OK;
}

enum kmb_status session_interrupted(struct session *session, struct kmb_error *error) {
    return interrupted(session, error);
}

struct neighbours *session_neighbours(struct session *session) {
    return &session->neighbours;
}

enum kmb_status session_open_transaction(struct session *session, struct kernel_state *state, struct kmb_error *error) {
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

/* --- life --------------------------------------------------------------------------------------------------------- */

static void host_log_figures(void *context, struct sql_log_figures *figures) {
    const struct session *session = context;
    shard_figures(session->shard, figures);
}

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
    status = neighbours_open(&session->neighbours, options->shard, options->tenant, options->number, error);
    if (status != KMB_OK) {
        neighbours_close(&session->neighbours);
        mem_free(session);
        return status;
    }
    session->shard = options->shard;
    session->tenant = options->tenant;
    session->number = options->number;
    session->settings = (struct sql_settings){
        .time_zone_name = "UTC",
        .begin_isolation = SQL_ISOLATION_SNAPSHOT,
        .default_isolation = SQL_ISOLATION_SNAPSHOT,
        .isolation = SQL_ISOLATION_SNAPSHOT,
        .search_path = SQL_SEARCH_PATH_DEFAULT,
        .memory_bytes_max = options->memory_bytes_max == 0 ? STATEMENT_BYTES_DEFAULT : options->memory_bytes_max,
    };
    atomic_init(&session->cancel, false);
    arena_init(&session->zones.arena, 0);
    session->host = (struct sql_host){
        .context = session,
        .view_open = host_view_open,
        .view_close = host_view_close,
        .transaction = session_host_transaction,
        .control = session_control,
        .now_us = host_now_us,
        .clock_us = host_clock_us,
        .monotonic_ns = session_monotonic_ns,
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
        .usage = shard_usage(options->shard),
        .log_figures = host_log_figures,
        .log_open = session_log_open,
        .log_next = session_log_next,
        .log_close = session_log_close,
        .cancel = &session->cancel,
        .session_user = slice_text(CATALOGUE_ROLE_DEFAULT),
        .session = options->number,
        .tenant = options->tenant.value,
        .neighbours = &neighbours_of_session,
    };
    *out = session;
    return KMB_OK;
}

void session_free(struct session *session) {
    if (session != NULL) {
        session_count_query(session, true);
        sql_cursors_free(&session->cursors);
        session_drop_savepoints(session, NULL);
        kernel_transaction_discard(session->transaction);
        session_give_claims(session);
        neighbours_close(&session->neighbours);
        sql_sequences_free(&session->sequences);
        sql_prepared_clear(&session->prepared);
        zones_free(&session->zones);
        mem_free(session);
    }
}

void session_cancel(struct session *session) {
    atomic_store(&session->cancel, true);
}

bool session_hold_cancel(struct session *session, bool hold) {
    bool held = session->holds_cancel;
    session->holds_cancel = hold;
    return held;
}

void session_forget_cancel(struct session *session) {
    if (atomic_load_explicit(&session->cancel, memory_order_relaxed)) { /* it seldom is: a store would cost more */
        atomic_store(&session->cancel, false);
    }
}

enum kmb_status session_set_user(struct session *session, struct slice user, enum sql_user kind,
                                 struct kmb_error *error) {
    if (user.length == 0 || user.length > sizeof(session->user)) {
        return error_set(error, KMB_NAME_TOO_LONG, "a user's name has 1 to %zu bytes, not %zu", sizeof(session->user),
                         user.length);
    }
    memcpy(session->user, user.bytes, user.length);
    session->host.session_user = slice_make(session->user, user.length);
    session->host.user_kind = kind;
    return KMB_OK;
}

static void host_notice(void *context, const struct kmb_error *notice) {
    const struct session *session = context;
    if (session->notice != NULL) {
        session->notice(session->notice_context, notice);
    }
}

void session_set_notice(struct session *session, void (*notice)(void *context, const struct kmb_error *notice),
                        void *context) {
    session->notice = notice;
    session->notice_context = context;
    session->host.notice = notice == NULL ? NULL : host_notice;
}

void session_set_wake(struct session *session, void (*wake)(void *context), void *context) {
    session->wake = wake;
    session->wake_context = context;
}

void session_set_reader(struct session *session) {
    session->reader = true;
}

bool session_nest(struct session *session, bool on) {
    bool before = session->nested;
    session->nested = on;
    return before;
}

bool session_parked(const struct session *session) {
    return session->parked;
}

void session_leave(struct session *session) {
    if (session->parked) {
        ASSERT(!session->explicit);
        session_give_claims(session);
        session->statement_begun_ns = 0;
        usage_add_transaction(session->host.usage, session->tenant, false);
    }
}

void session_set_isolation(struct session *session, enum sql_isolation isolation) {
    session->settings.begin_isolation = isolation;
    session->settings.default_isolation = isolation;
    session->settings.isolation = isolation;
}

void session_serve(struct session *session, const struct sql_server *server, struct slice database) {
    session->host.server = server;
    session->host.database = database;
}

void session_charge(struct session *session, struct charge *charge) {
    session->host.charge = charge;
}

uint64_t session_number(const struct session *session) {
    return session->number;
}

uint64_t session_log_bytes(const struct session *session) {
    return session->log_bytes;
}

void session_defer(struct session *session, bool deferred) {
    session->deferred = deferred;
}

uint64_t session_pending(struct session *session) {
    if (session->pending != 0 && session->pending <= shard_published_op(session->shard)) {
        session->pending = 0;
    }
    return session->pending;
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
                                     .style = session->settings.style,
                                     .zone_name = sql_zone_shown(&session->settings),
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
        return session_aborted(error);
    }
    session_fail(session);
    return status;
}

void session_count_query(struct session *session, bool succeeded) {
    if (session->uncounted) {
        usage_add_transaction(session->host.usage, session->tenant, succeeded);
        session->uncounted = false;
    }
}

void session_fail(struct session *session) {
    session_count_query(session, false);
    session->failed = session->failed || session->explicit;
    if (session->failed) { /* what was changed since the newest savepoint is undone: nobody need wait for it */
        locks_give_rows(session->neighbours.locks, session->savepoints == NULL ? 0 : session->savepoints->claims);
    }
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
    if (session->transaction != NULL && !session->failed) {
        return kernel_transaction_view(session->transaction, view, error);
    }
    if (session->transaction != NULL) { /* it may be broken; ROLLBACK needs to be understood, and no rows */
        return kernel_transaction_base_view(session->transaction, view, error);
    }
    struct kernel_state *state = NULL;
    enum kmb_status status = session_present_state(session, &state, error);
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
