/*
 * The sessions of a native connection: one for each tenant it speaks for, opened at its first request and closed when
 * another needs the place and nothing holds it.
 *
 * A published client sends the text of a statement each time it runs it. Those with parameters are kept prepared, a few
 * of them a session; those without are known to the C API's own plan cache by their digest.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/neighbours.h"
#include "engine/notify.h"
#include "server/native_internal.h"

static void tenant_close(struct native *native, struct native_tenant *tenant) {
    activity_end(native->source.server, &tenant->activity);
    if (native->source.session == tenant->session) {
        native->source.session = NULL;
    }
    for (uint32_t i = 0; i < NATIVE_KEPT_MAX; i++) {
        native_kept_drop(&tenant->kept[i]);
    }
    kmb_session_close(tenant->reader);
    kmb_session_close(tenant->handle);
    charge_close(&tenant->charge);
    limits_leave(tenant->party);
    mem_free(tenant);
}

void native_tenants_close(struct native *native) {
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        tenant_close(native, native->tenants[i]);
    }
    native->tenant_count = 0;
}

uint64_t native_pending(const struct native *native) {
    uint64_t newest = 0;
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        uint64_t op = session_pending(native->tenants[i]->session);
        newest = op > newest ? op : newest;
    }
    return newest;
}

/* The place of the least recently used session that nothing would be lost with; NATIVE_TENANTS_MAX: none. settled: only
 * of those whose commits are durable. */
static uint32_t oldest_idle(const struct native *native, bool settled) {
    uint32_t oldest = NATIVE_TENANTS_MAX;
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        struct native_tenant *tenant = native->tenants[i];
        bool idle = tenant->holds == 0 && !session_in_transaction(tenant->session) &&
                    (!settled || session_pending(tenant->session) == 0);
        if (idle && (oldest == NATIVE_TENANTS_MAX || tenant->used < native->tenants[oldest]->used)) {
            oldest = i;
        }
    }
    return oldest;
}

/* A place for one more session: one of them gives way. */
static bool make_place(struct native *native) {
    if (native->tenant_count < NATIVE_TENANTS_MAX) {
        return true;
    }
    uint32_t oldest = oldest_idle(native, true);
    if (oldest == NATIVE_TENANTS_MAX) {
        oldest = oldest_idle(native, false);
    }
    if (oldest == NATIVE_TENANTS_MAX) {
        return false;
    }
    struct native_tenant *tenant = native->tenants[oldest];
    if (shard_wait(native->service->shard, session_pending(tenant->session), NULL) != KMB_OK) {
        return false; /* its answers must not go out: the session tells what they rest on */
    }
    tenant_close(native, tenant);
    native->tenants[oldest] = native->tenants[--native->tenant_count];
    return true;
}

static enum kmb_status session_open_or_make(struct native *native, uint32_t id, kmb_session **handle,
                                            struct kmb_error *error) {
    const struct native_options *options = &native->service->options;
    const struct settings *settings = native->service->settings;
    bool fixed = settings != NULL && settings->tenants.mode == SETTINGS_TENANTS_EXPLICIT;
    enum kmb_status status = kmb_session_open(options->db, id, handle, error);
    if (status != KMB_TENANT_NOT_FOUND || fixed || id == 0) {
        return status;
    }
    error_clear(error);
    status = kmb_tenant_create(options->db, id, NULL, error);
    if (status == KMB_OK || status == KMB_TENANT_EXISTS) {
        error_clear(error);
        status = kmb_session_open(options->db, id, handle, error);
    }
    return status;
}

static void wake(void *context) {
    connection_wake(context);
}

/* The deadline of statements that the settings have for everybody; a client may SET its own. */
static enum kmb_status set_timeout(const struct native *native, struct native_tenant *tenant, struct kmb_error *error) {
    const struct settings *settings = native->service->settings;
    char text[64];
    if (settings == NULL || settings->timeouts.statement_ms == 0) {
        return KMB_OK;
    }
    snprintf(text, sizeof(text), "SET statement_timeout = %llu", (unsigned long long)settings->timeouts.statement_ms);
    return kmb_exec(tenant->handle, text, error);
}

bool native_notifications_push(struct native *native, struct buffer *out) {
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        struct notify_listener *listener = session_neighbours(native->tenants[i]->session)->notices;
        struct notification notification;
        while (notify_next(listener, &notification)) {
            struct wire_notification_push push = {.tenant_id = native->tenants[i]->id,
                                                  .channel = slice_text(notification.channel),
                                                  .payload = slice_text(notification.payload),
                                                  .session = notification.session};
            if (native->extended) {
                (void)native_push(out, WIRE_PUSH_NOTIFICATION, &push);
            }
            if (out->length >= PROTOCOL_OUTPUT_SOFT) {
                return true;
            }
        }
    }
    return false;
}

static enum kmb_status name_user(const struct native *native, struct native_tenant *tenant, struct kmb_error *error) {
    return session_set_user(tenant->session, slice_text(native->identity.user), native->identity.sql, error);
}

static void cancel_session(void *context) {
    kmb_cancel(context);
}

/* As PostgreSQL's clients would name the database: by the tenant's name, where it has one, else by its number. */
static enum kmb_status name_tenant(const struct native *native, struct native_tenant *tenant, struct kmb_error *error) {
    struct kernel_state *state = NULL;
    enum kmb_status status = shard_state(native->service->shard, (struct tenant_id){tenant->id}, &state, error);
    if (status == KMB_OK && state->facts.name.length > 0) {
        snprintf(tenant->name, sizeof(tenant->name), "%.*s", (int)state->facts.name.length,
                 (const char *)state->facts.name.bytes);
    } else if (tenant->id == 1) {
        snprintf(tenant->name, sizeof(tenant->name), "kimberlite");
    } else {
        snprintf(tenant->name, sizeof(tenant->name), "%u", tenant->id);
    }
    kernel_state_release(state);
    return status;
}

/* Others may see the session from now on. */
static enum kmb_status note_session(struct native *native, struct native_tenant *tenant, struct kmb_error *error) {
    struct server *server = native->source.server;
    struct activity *activity = &tenant->activity;
    if (server == NULL) {
        return KMB_OK;
    }
    enum kmb_status status = name_tenant(native, tenant, error);
    if (status != KMB_OK) {
        return status;
    }
    session_serve(tenant->session, native->service->options.face, slice_text(tenant->name));
    activity->session = session_number(tenant->session);
    activity->tenant = tenant->id;
    activity->protocol = native_protocol.name;
    activity->connection = native->connection;
    activity->cancel = cancel_session;
    activity->context = tenant->handle;
    return activity_begin(server, activity, &native->identity, tenant->name, native->peer.address, error);
}

void native_cancel_forget(struct native *native) {
    pthread_mutex_lock(&native->running_lock);
    native->cancel_due = false;
    pthread_mutex_unlock(&native->running_lock);
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        session_forget_cancel(native->tenants[i]->session);
    }
}

void native_tenants_rest(struct native *native) {
    for (uint32_t i = 0; i < native->tenant_count && native->source.server != NULL; i++) {
        struct native_tenant *tenant = native->tenants[i];
        bool open = session_in_transaction(tenant->session);
        activity_state(native->source.server, &tenant->activity,
                       !open                             ? "idle"
                       : session_failed(tenant->session) ? "idle in transaction (aborted)"
                                                         : "idle in transaction",
                       session_settings(tenant->session)->application_name, open);
    }
}

enum kmb_status native_tenants_name(struct native *native, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; i < native->tenant_count && status == KMB_OK; i++) {
        status = name_user(native, native->tenants[i], error);
        activity_name(native->source.server, &native->tenants[i]->activity, native->identity.user);
    }
    return status;
}

enum kmb_status native_tenant_open(struct native *native, uint64_t id, struct native_tenant **out,
                                   struct kmb_error *error) {
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        if (native->tenants[i]->id == id) {
            *out = native->tenants[i];
            (*out)->used = ++native->uses;
            return KMB_OK;
        }
    }
    if (!make_place(native)) {
        error_set(error, KMB_LIMIT, "the connection is at work for %d tenants, as many as it may be at once",
                  NATIVE_TENANTS_MAX);
        error_hint(error, "End a transaction or a subscription, or use another connection.");
        return KMB_LIMIT;
    }
    struct native_tenant *tenant = mem_alloc_zero(1, sizeof(*tenant));
    if (tenant == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    struct limits *limits = native->service->options.limits;
    enum kmb_status status = session_open_or_make(native, (uint32_t)id, &tenant->handle, error);
    if (status == KMB_OK) {
        status = limits_enter(limits, LIMITS_TENANT, (struct slice){0}, (uint32_t)id, &tenant->party, error);
    }
    if (status != KMB_OK) {
        kmb_session_close(tenant->handle);
        mem_free(tenant);
        return status;
    }
    tenant->native = native;
    tenant->id = (uint32_t)id;
    tenant->used = ++native->uses;
    tenant->session = api_session(tenant->handle);
    limits_charge(limits, native->peer.party, tenant->party, &tenant->charge);
    session_charge(tenant->session, &tenant->charge);
    status = name_user(native, tenant, error);
    if (status == KMB_OK) {
        status = set_timeout(native, tenant, error);
    }
    if (status == KMB_OK) {
        status = note_session(native, tenant, error);
    }
    if (status != KMB_OK) {
        tenant_close(native, tenant);
        return status;
    }
    kmb_session_notices(tenant->handle, native_notice, tenant);
    session_defer(tenant->session, true);
    session_hold_cancel(tenant->session, true);
    notify_listener_wake(session_neighbours(tenant->session)->notices, wake, native->connection);
    native->tenants[native->tenant_count++] = tenant;
    *out = tenant;
    return KMB_OK;
}

/* --- statements of Query ------------------------------------------------------------------------------------------ */

void native_kept_drop(struct native_kept *kept) {
    kmb_finalize(kept->statement);
    mem_free(kept->text);
    *kept = (struct native_kept){0};
}

static struct native_kept *kept_find(struct native_tenant *tenant, struct slice text) {
    for (uint32_t i = 0; i < NATIVE_KEPT_MAX; i++) {
        struct native_kept *kept = &tenant->kept[i];
        if (kept->statement != NULL && slice_equal(slice_make(kept->text, kept->length), text)) {
            return kept;
        }
    }
    return NULL;
}

/* Keeps a statement that has parameters, in the place of the one that was not used for longest. */
static struct native_kept *keep(struct native_call *call, struct slice text, kmb_statement *statement) {
    struct native_tenant *tenant = call->tenant;
    if (kmb_parameter_count(statement) == 0 || text.length > NATIVE_KEPT_BYTES_MAX) {
        return NULL;
    }
    char *copy = mem_dup(text.bytes, text.length);
    if (copy == NULL) {
        return NULL;
    }
    struct native_kept *place = &tenant->kept[0];
    for (uint32_t i = 1; i < NATIVE_KEPT_MAX; i++) {
        place = tenant->kept[i].used < place->used ? &tenant->kept[i] : place;
    }
    native_kept_drop(place);
    *place =
        (struct native_kept){.text = copy, .length = text.length, .statement = statement, .used = ++call->native->uses};
    return place;
}

static bool found_one(void *context, struct slice text, size_t offset) {
    (void)text;
    (void)offset;
    *(bool *)context = true;
    return false;
}

enum kmb_status native_statement_prepare(struct native_call *call, struct slice text, const struct type *types,
                                         uint32_t type_count, kmb_statement **statement) {
    enum kmb_status status = native_statement_compile(call, text, types, type_count, statement);
    if (status == KMB_OK && kmb_statement_copy(*statement) != KMB_COPY_NONE) {
        kmb_finalize(*statement);
        *statement = NULL;
        status = native_refuse(call, KMB_UNSUPPORTED, "COPY with STDIN or STDOUT is not carried by this request");
        error_hint(&call->error, "Compile and Execute carry it.");
    }
    return status;
}

enum kmb_status native_statement_compile(struct native_call *call, struct slice text, const struct type *types,
                                         uint32_t type_count, kmb_statement **statement) {
    const char *tail = NULL;
    bool another = false;
    enum kmb_status status =
        types == NULL
            ? kmb_prepare(call->tenant->handle, (const char *)text.bytes, text.length, statement, &tail, &call->error)
            : statement_prepare(call->tenant->handle, text, types, type_count, statement, &call->error);
    if (status != KMB_OK) {
        return status;
    }
    if (*statement == NULL) {
        return native_refuse(call, KMB_SYNTAX, "the text holds no statement");
    }
    if (tail != NULL) {
        size_t used = (size_t)(tail - (const char *)text.bytes);
        status = sql_split(slice_make(tail, text.length - used), found_one, &another, &call->error);
    }
    if (status == KMB_OK && another) {
        status = native_refuse(call, KMB_SYNTAX, "cannot insert multiple commands into a prepared statement");
    }
    if (status != KMB_OK) {
        kmb_finalize(*statement);
        *statement = NULL;
    }
    return status;
}

enum kmb_status native_statement_take(struct native_call *call, struct slice text, kmb_statement **statement,
                                      struct native_kept **kept) {
    *kept = kept_find(call->tenant, text);
    if (*kept != NULL) {
        (*kept)->used = ++call->native->uses;
        *statement = (*kept)->statement;
        return KMB_OK;
    }
    enum kmb_status status = native_statement_prepare(call, text, NULL, 0, statement);
    if (status == KMB_OK) {
        *kept = keep(call, text, *statement);
    }
    return status;
}

void native_statement_give(struct native_kept *kept, kmb_statement *statement) {
    if (kept == NULL) {
        kmb_finalize(statement);
    } else {
        kmb_reset(statement);
    }
}

/* --- what need not wait ------------------------------------------------------------------------------------------- */

bool native_runs_ahead(const struct native_tenant *tenant, const struct wire_message *message) {
    const struct wire_query_request *query = message->payload;
    switch (message->variant) {
    case WIRE_REQUEST_CREATE_STREAM:
    case WIRE_REQUEST_APPEND_EVENTS:
    case WIRE_REQUEST_APPEND:
        return true;
    case WIRE_REQUEST_QUERY: {
        const struct native_kept *kept = kept_find((struct native_tenant *)(uintptr_t)tenant, query->sql);
        return kept != NULL && kmb_statement_writes(kept->statement) &&
               !session_waits(tenant->session, statement_sql(kept->statement));
    }
    default:
        return false;
    }
}
