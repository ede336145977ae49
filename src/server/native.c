/*
 * The native protocol's machine: one table says what each request needs and who serves it.
 *
 * The way of a request: a frame, a message in the arena, the request limit, the identity, the tenant, the role, then
 * its handler, which writes one response. Requests are carried out and answered in the order they came in. A write does
 * not wait for the disk: the next request is taken at once, and the answers of all are held until what they rest on is
 * durable, so that a pipeline of writes shares a sync. A request that reads what its session has just written is the
 * exception: it is left in the input until that is durable.
 *
 * What is no frame, no message or no request ends the connection, after the answers to what came before it. Everything
 * else is an answer: no request ends the connection or the process.
 */
#include "server/native_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/memory.h"

/* What a request needs. */
enum needs {
    NEEDS_NOTHING,
    NEEDS_TENANT = 1, /* a session of the request's tenant */
    NEEDS_WRITER = 2, /* a role that writes */
    NEEDS_ADMIN = 4,
    NEEDS_NO_TENANT = 8, /* whichever tenant it names */
    NEEDS_NO_LOGIN = 16, /* whoever asks */
    NEEDS_ONCE = 32,     /* what it does is done once for each idempotency key */
    NEEDS_NO_DATA = 64,  /* of any tenant: the system's own, 0, will do as well */
};

struct served {
    native_handler *handler;
    unsigned needs;
    const char *name; /* in metrics */
};

#define LATER_TENANT(name)                                                                                             \
    { native_later, NEEDS_NOTHING, name }
#define LATER_WRITER(name)                                                                                             \
    { native_later, NEEDS_WRITER, name }
#define LATER_ADMIN(name)                                                                                              \
    { native_later, NEEDS_ADMIN, name }

static const struct served requests[] = {
    [WIRE_REQUEST_CREATE_STREAM] = {native_create_stream, NEEDS_TENANT | NEEDS_WRITER | NEEDS_ONCE, "create_stream"},
    [WIRE_REQUEST_APPEND_EVENTS] = {native_append_events, NEEDS_TENANT | NEEDS_WRITER | NEEDS_ONCE, "append_events"},
    [WIRE_REQUEST_QUERY] = {native_query, NEEDS_TENANT | NEEDS_ONCE, "query"},
    [WIRE_REQUEST_QUERY_AT] = {native_query_at, NEEDS_TENANT, "query_at"},
    [WIRE_REQUEST_READ_EVENTS] = {native_read_events, NEEDS_TENANT, "read_events"},
    [WIRE_REQUEST_STREAM_INFO] = {native_stream_info, NEEDS_TENANT, "stream_info"},
    [WIRE_REQUEST_SUBSCRIBE] = {native_subscribe, NEEDS_TENANT, "subscribe"},
    [WIRE_REQUEST_SYNC] = {native_sync, NEEDS_TENANT, "sync"},
    [WIRE_REQUEST_SUBSCRIBE_CREDIT] = {native_subscribe_credit, NEEDS_NOTHING, "subscribe_credit"},
    [WIRE_REQUEST_UNSUBSCRIBE] = {native_unsubscribe, NEEDS_NOTHING, "unsubscribe"},
    [WIRE_REQUEST_LIST_TABLES] = {native_list_tables, NEEDS_TENANT, "list_tables"},
    [WIRE_REQUEST_DESCRIBE_TABLE] = {native_describe_table, NEEDS_TENANT, "describe_table"},
    [WIRE_REQUEST_LIST_INDEXES] = {native_list_indexes, NEEDS_TENANT, "list_indexes"},
    [WIRE_REQUEST_TENANT_CREATE] = {native_tenant_create, NEEDS_ADMIN, "tenant_create"},
    [WIRE_REQUEST_TENANT_LIST] = {native_tenant_list, NEEDS_ADMIN, "tenant_list"},
    [WIRE_REQUEST_TENANT_DELETE] = {native_tenant_delete, NEEDS_ADMIN, "tenant_delete"},
    [WIRE_REQUEST_TENANT_GET] = {native_tenant_get, NEEDS_ADMIN, "tenant_get"},
    [WIRE_REQUEST_API_KEY_REGISTER] = {native_api_key_register, NEEDS_ADMIN, "api_key_register"},
    [WIRE_REQUEST_API_KEY_REVOKE] = {native_api_key_revoke, NEEDS_ADMIN, "api_key_revoke"},
    [WIRE_REQUEST_API_KEY_LIST] = {native_api_key_list, NEEDS_ADMIN, "api_key_list"},
    [WIRE_REQUEST_API_KEY_ROTATE] = {native_api_key_rotate, NEEDS_ADMIN, "api_key_rotate"},
    [WIRE_REQUEST_GET_SERVER_INFO] = {native_server_info, NEEDS_NO_DATA, "get_server_info"},
    [WIRE_REQUEST_CONSENT_GRANT] = LATER_WRITER("consent_grant"),
    [WIRE_REQUEST_CONSENT_WITHDRAW] = LATER_WRITER("consent_withdraw"),
    [WIRE_REQUEST_CONSENT_CHECK] = LATER_TENANT("consent_check"),
    [WIRE_REQUEST_CONSENT_LIST] = LATER_TENANT("consent_list"),
    [WIRE_REQUEST_ERASURE_REQUEST] = LATER_WRITER("erasure_request"),
    [WIRE_REQUEST_ERASURE_MARK_PROGRESS] = LATER_WRITER("erasure_mark_progress"),
    [WIRE_REQUEST_ERASURE_MARK_STREAM_ERASED] = LATER_WRITER("erasure_mark_stream_erased"),
    [WIRE_REQUEST_ERASURE_COMPLETE] = LATER_WRITER("erasure_complete"),
    [WIRE_REQUEST_ERASURE_EXEMPT] = LATER_WRITER("erasure_exempt"),
    [WIRE_REQUEST_ERASURE_STATUS] = LATER_TENANT("erasure_status"),
    [WIRE_REQUEST_ERASURE_LIST] = LATER_TENANT("erasure_list"),
    [WIRE_REQUEST_AUDIT_QUERY] = LATER_TENANT("audit_query"),
    [WIRE_REQUEST_VERIFY_AUDIT_CHAIN] = LATER_TENANT("verify_audit_chain"),
    [WIRE_REQUEST_EXPORT_SUBJECT] = LATER_TENANT("export_subject"),
    [WIRE_REQUEST_VERIFY_EXPORT] = LATER_TENANT("verify_export"),
    [WIRE_REQUEST_BREACH_REPORT_INDICATOR] = LATER_WRITER("breach_report_indicator"),
    [WIRE_REQUEST_BREACH_QUERY_STATUS] = LATER_TENANT("breach_query_status"),
    [WIRE_REQUEST_BREACH_CONFIRM] = LATER_WRITER("breach_confirm"),
    [WIRE_REQUEST_BREACH_RESOLVE] = LATER_WRITER("breach_resolve"),
    [WIRE_REQUEST_MASKING_POLICY_LIST] = LATER_TENANT("masking_policy_list"),
    [WIRE_REQUEST_RUN] = {native_run, NEEDS_TENANT | NEEDS_ONCE, "run"},
    [WIRE_REQUEST_PREPARE] = {native_prepare, NEEDS_TENANT, "prepare"},
    [WIRE_REQUEST_EXECUTE] = {native_execute, NEEDS_TENANT | NEEDS_ONCE, "execute"},
    [WIRE_REQUEST_CLOSE_STATEMENT] = {native_close_statement, NEEDS_NOTHING, "close_statement"},
    [WIRE_REQUEST_FETCH] = {native_fetch, NEEDS_NOTHING, "fetch"},
    [WIRE_REQUEST_CLOSE_CURSOR] = {native_close_cursor, NEEDS_NOTHING, "close_cursor"},
    [WIRE_REQUEST_BEGIN] = {native_begin, NEEDS_TENANT, "begin"},
    [WIRE_REQUEST_COMMIT] = {native_commit, NEEDS_TENANT, "commit"},
    [WIRE_REQUEST_ROLLBACK] = {native_rollback, NEEDS_TENANT, "rollback"},
    [WIRE_REQUEST_POSITION] = {native_position, NEEDS_TENANT, "position"},
    [WIRE_REQUEST_PROVE] = {native_prove, NEEDS_TENANT, "prove"},
    [WIRE_REQUEST_SESSION_KEY] = {native_session_key, NEEDS_NOTHING, "session_key"},
    [WIRE_REQUEST_CANCEL] = {native_cancel, NEEDS_NOTHING, "cancel"},
    [WIRE_REQUEST_APPEND] = {native_append, NEEDS_TENANT | NEEDS_WRITER | NEEDS_ONCE, "append"},
    [WIRE_REQUEST_LIST_STREAMS] = {native_list_streams, NEEDS_TENANT, "list_streams"},
    [WIRE_REQUEST_OPTIONS] = {native_options, NEEDS_NOTHING, "options"},
    [WIRE_REQUEST_STATE] = {native_state, NEEDS_TENANT, "state"},
    [WIRE_REQUEST_COMPILE] = {native_compile, NEEDS_TENANT, "compile"},
    [WIRE_REQUEST_AUTHENTICATE] = {native_authenticate, NEEDS_NO_LOGIN, "authenticate"},
    [WIRE_REQUEST_AUTHENTICATE_NEXT] = {native_authenticate_next, NEEDS_NO_LOGIN, "authenticate"},
    [WIRE_REQUEST_FIND_TENANT] = {native_find_tenant, NEEDS_NO_TENANT, "find_tenant"},
    [WIRE_REQUEST_LIST_TENANTS] = {native_list_tenants, NEEDS_ADMIN, "list_tenants"},
    [WIRE_REQUEST_VERIFIER] = {native_verifier, NEEDS_NOTHING, "verifier"},
    [WIRE_REQUEST_DATABASE_INFO] = {native_database_info, NEEDS_ADMIN, "database_info"},
    [WIRE_REQUEST_STATE_HASH] = {native_state_hash, NEEDS_ADMIN, "state_hash"},
    [WIRE_REQUEST_CHECKPOINT] = {native_checkpoint, NEEDS_ADMIN, "checkpoint"},
    [WIRE_REQUEST_OPEN_APPENDER] = {native_open_appender, NEEDS_TENANT | NEEDS_WRITER, "open_appender"},
    [WIRE_REQUEST_APPEND_ROWS] = {native_append_rows, NEEDS_TENANT | NEEDS_WRITER, "append_rows"},
    [WIRE_REQUEST_CLOSE_APPENDER] = {native_close_appender, NEEDS_NOTHING, "close_appender"},
};

uint32_t native_capabilities(const char *const *published, uint32_t count,
                             struct slice capabilities[static NATIVE_CAPABILITIES_MAX]) {
    static const char *const appended[] = {
        "typed.v1",   "prepared.v1", "paging.v1", "transactions.v1", "proof.v1",       "position.v1", "cancel.v1",
        "errors.v1",  "streams.v1",  "notify.v1", "notices.v1",      "options.v1",     "compile.v1",  "sasl.v1",
        "tenants.v1", "database.v1", "copy.v1",   "appender.v1",     "idempotency.v1",
    };
    ASSERT(count + ARRAY_LENGTH(appended) <= NATIVE_CAPABILITIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        capabilities[i] = slice_text(published[i]);
    }
    for (uint32_t i = 0; i < ARRAY_LENGTH(appended); i++) {
        capabilities[count + i] = slice_text(appended[i]);
    }
    return count + (uint32_t)ARRAY_LENGTH(appended);
}

/* --- responses ---------------------------------------------------------------------------------------------------- */

size_t native_respond_begin(struct native_call *call, uint32_t variant) {
    size_t start = frame_begin(call->out);
    call->response_at = start;
    postcard_write_unsigned(call->out, WIRE_RESPONSE);
    postcard_write_unsigned(call->out, call->message->request_id);
    postcard_write_unsigned(call->out, variant);
    return start;
}

enum kmb_status native_respond_end(struct native_call *call, size_t start) {
    if (!frame_end(call->out, start)) {
        return native_refuse(call, KMB_LIMIT, "the response takes more than the 16777216 bytes of a frame");
    }
    return KMB_OK;
}

enum kmb_status native_respond(struct native_call *call, uint32_t variant, const void *payload) {
    struct wire_message message = {.direction = WIRE_RESPONSE,
                                   .request_id = call->message->request_id,
                                   .variant = variant,
                                   .payload = (void *)(uintptr_t)payload};
    size_t start = frame_begin(call->out);
    call->response_at = start;
    wire_message_encode(call->out, &message);
    return native_respond_end(call, start);
}

bool native_push(struct buffer *out, uint32_t variant, const void *payload) {
    struct wire_message message = {.direction = WIRE_PUSH, .variant = variant, .payload = (void *)(uintptr_t)payload};
    size_t start = frame_begin(out);
    wire_message_encode(out, &message);
    return frame_end(out, start);
}

enum kmb_status native_refuse(struct native_call *call, enum kmb_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_set_v(&call->error, status, format, arguments);
    va_end(arguments);
    return status;
}

enum kmb_status native_no_memory(struct native_call *call) {
    return error_set(&call->error, KMB_NO_MEMORY, "out of memory");
}

void *native_alloc(struct native_call *call, size_t count, size_t size) {
    return arena_alloc_zero(&call->native->arena, count == 0 ? 1 : count, size);
}

static struct slice *text_or_none(const char *text, struct slice *room) {
    *room = slice_text(text);
    return room->length == 0 ? NULL : room;
}

/* An appended request is answered in full, a published one in the words it knows, unless the client asked for more. */
static void respond_error(struct native_call *call, enum kmb_status status) {
    const struct status_row *row = status_row_of(status);
    struct kmb_error *error = &call->error;
    struct slice message = slice_text(error->message[0] == 0 ? row->name : error->message);
    bool plain = call->message->variant < WIRE_EXTENSION_FIRST;
    if (plain && !call->native->wants_errors) {
        struct wire_error_response response = {.code = row->wire, .message = message};
        (void)native_respond(call, WIRE_RESPONSE_ERROR, &response);
        return;
    }
    struct slice detail = slice_text(error->detail);
    struct slice hint = slice_text(error->hint);
    struct wire_error_detail_response response = {
        .code = row->wire,
        .sqlstate = slice_text(row->sqlstate),
        .name = slice_text(row->name),
        .message = message,
        .detail = detail.length == 0 ? NULL : &detail,
        .hint = hint.length == 0 ? NULL : &hint,
        .position = error->position == 0 ? NULL : &error->position,
    };
    if (!call->native->wants_full) {
        (void)native_respond(call, WIRE_RESPONSE_ERROR_DETAIL, &response);
        return;
    }
    struct slice names[5];
    struct wire_error_full_response full = {
        .detail = response,
        .schema = text_or_none(error->schema, &names[0]),
        .table = text_or_none(error->table, &names[1]),
        .column = text_or_none(error->column, &names[2]),
        .constraint = text_or_none(error->constraint, &names[3]),
        .context = text_or_none(error->context, &names[4]),
    };
    (void)native_respond(call, WIRE_RESPONSE_ERROR_FULL, &full);
}

enum kmb_status native_options(struct native_call *call) {
    const struct wire_options_request *request = call->message->payload;
    for (uint32_t i = 0; i < request->names.count; i++) {
        struct slice name = request->names.items[i];
        if (slice_equal_text(name, WIRE_OPTION_ERRORS)) {
            call->native->wants_errors = true;
        } else if (slice_equal_text(name, WIRE_OPTION_FULL)) {
            call->native->wants_errors = true;
            call->native->wants_full = true;
        } else if (slice_equal_text(name, WIRE_OPTION_CURSORS)) {
            call->native->keeps_cursors = true;
        } else if (slice_equal_text(name, WIRE_OPTION_SETTINGS)) {
            call->native->wants_settings = true;
        } else if (slice_equal_text(name, WIRE_OPTION_NOTICES)) {
            call->native->wants_notices = true;
        } else {
            return native_refuse(call, KMB_USAGE, "unknown option \"%.*s\"", (int)(name.length < 64 ? name.length : 64),
                                 (const char *)name.bytes);
        }
    }
    return native_respond(call, WIRE_RESPONSE_DONE, NULL);
}

/* Frames that the client is to see before the response to the request in hand. */
static void put_before_response(struct native_call *call, const struct buffer *frames) {
    uint8_t *room = buffer_ok(frames) ? buffer_extend(call->out, frames->length) : NULL;
    if (room == NULL) {
        call->out->failed = true;
        return;
    }
    uint8_t *place = call->out->bytes + call->response_at;
    memmove(place + frames->length, place, (size_t)(room - place));
    memcpy(place, frames->bytes, frames->length);
}

static void drop_notices(struct native *native) {
    buffer_free(&native->notices);
    native->notices_beyond = 0;
}

static void put_setting(struct native_call *call, struct buffer *frames, const char *name, const char *value) {
    struct wire_setting_push push = {
        .tenant_id = call->tenant->id, .name = slice_text(name), .value = slice_text(value)};
    (void)native_push(frames, WIRE_PUSH_SETTING, &push);
}

static void put_style(struct native_call *call, struct buffer *frames, const char *name) {
    const struct native_tenant *tenant = call->tenant;
    char now[32];
    char before[32];
    sql_style_text(session_settings(tenant->session)->style, name, now, sizeof(now));
    sql_style_text(tenant->told_style, name, before, sizeof(before));
    if (!tenant->told || strcmp(now, before) != 0) {
        put_setting(call, frames, name, now);
    }
}

/* Tells of settings that the client does not know yet, before the response whose values may be read by them. */
static void tell_settings(struct native_call *call) {
    struct native_tenant *tenant = call->tenant;
    if (tenant == NULL || !call->native->wants_settings) {
        return;
    }
    const struct sql_settings *settings = session_settings(tenant->session);
    bool zone = !tenant->told || strcmp(tenant->told_zone, settings->time_zone_name) != 0;
    if (!zone && datetime_style_equal(tenant->told_style, settings->style)) {
        return;
    }
    struct buffer frames = {0};
    if (zone) {
        put_setting(call, &frames, "TimeZone", settings->time_zone_name);
    }
    put_style(call, &frames, "DateStyle");
    put_style(call, &frames, "IntervalStyle");
    put_style(call, &frames, "bytea_output");
    snprintf(tenant->told_zone, sizeof(tenant->told_zone), "%s", settings->time_zone_name);
    tenant->told_style = settings->style;
    tenant->told = true;
    put_before_response(call, &frames);
    buffer_free(&frames);
}

/* --- notices --- */

static void put_notice(struct native_tenant *tenant, const struct kmb_error *notice) {
    struct slice detail = slice_text(notice->detail);
    struct slice hint = slice_text(notice->hint);
    struct wire_notice_push push = {.tenant_id = tenant->id,
                                    .severity = slice_text(notice_severity(notice->status)),
                                    .sqlstate = slice_text(kmb_status_sqlstate(notice->status)),
                                    .message = slice_text(notice->message),
                                    .detail = detail.length == 0 ? NULL : &detail,
                                    .hint = hint.length == 0 ? NULL : &hint};
    (void)native_push(&tenant->native->notices, WIRE_PUSH_NOTICE, &push);
}

void native_notice(void *context, const struct kmb_error *notice) {
    struct native_tenant *tenant = context;
    struct native *native = tenant->native;
    if (!native->wants_notices) {
        return;
    }
    if (native->notices.length > NATIVE_NOTICES_MAX) {
        native->notices_beyond++;
        return;
    }
    put_notice(tenant, notice);
}

static void tell_notices(struct native_call *call) {
    struct native *native = call->native;
    if (native->notices.length == 0) {
        return;
    }
    if (native->notices_beyond > 0 && call->tenant != NULL) {
        struct kmb_error rest = {.status = KMB_WARNING};
        snprintf(rest.message, sizeof(rest.message), "%" PRIu64 " more notices are not told", native->notices_beyond);
        put_notice(call->tenant, &rest);
    }
    put_before_response(call, &native->notices);
    drop_notices(native);
}

/* --- who may ------------------------------------------------------------------------------------------------------ */

struct authenticate_peer native_shown(const struct native *native) {
    const struct protocol_peer *peer = &native->peer;
    return (struct authenticate_peer){
        .source = peer->source,
        .local = peer->local,
        .tls = peer->tls,
        .certificate_name = slice_text(peer->certificate_name == NULL ? "" : peer->certificate_name),
        .channel_binding = peer->channel_binding,
    };
}

/* Whoever was known before stays so where the token is wrong, or there is none. */
static enum kmb_status log_in(struct native_call *call, struct slice token) {
    struct native *native = call->native;
    struct authenticate_peer shown = native_shown(native);
    struct identity identity;
    enum kmb_status status =
        authenticate_token(native->service->options.authenticator, &shown,
                           (struct tenant_id){(uint32_t)call->message->tenant_id}, token, &identity, &call->error);
    if (status != KMB_OK || identity.method == IDENTITY_NOBODY) {
        return status;
    }
    native->identity = identity;
    return native_tenants_name(native, &call->error);
}

static enum kmb_status handshake(struct native_call *call) {
    struct native *native = call->native;
    const struct native_options *options = &native->service->options;
    const struct wire_handshake_request *request = call->message->payload;
    if (request->client_version != WIRE_VERSION) {
        return native_refuse(call, KMB_PROTOCOL, "client version %u is not the server's, which is %u",
                             request->client_version, WIRE_VERSION);
    }
    if (options->authenticator != NULL) {
        struct slice token = request->auth_token == NULL ? slice_make(NULL, 0) : *request->auth_token;
        enum kmb_status status = log_in(call, token);
        if (status != KMB_OK) {
            return status;
        }
    }
    static const char *const published[] = {"query", "append", "subscribe", "query_at", "sync"};
    struct slice names[NATIVE_CAPABILITIES_MAX];
    uint32_t count = native_capabilities(published, ARRAY_LENGTH(published), names);
    struct wire_handshake_response response = {
        .server_version = WIRE_VERSION,
        .authenticated = native->identity.method != IDENTITY_NOBODY,
        .capabilities = {count, names},
    };
    return native_respond(call, WIRE_RESPONSE_HANDSHAKE, &response);
}

enum kmb_status native_may_use(struct native_call *call, uint64_t tenant) {
    const struct identity *identity = &call->native->identity;
    if (!identity_may_use(identity, (struct tenant_id){(uint32_t)tenant})) {
        return native_refuse(call, KMB_PERMISSION, "\"%s\" may not speak for tenant %llu", identity->user,
                             (unsigned long long)tenant);
    }
    return KMB_OK;
}

enum kmb_status native_may_use_all(struct native_call *call) {
    const struct identity *identity = &call->native->identity;
    return identity->any_tenant ? KMB_OK
                                : native_refuse(call, KMB_PERMISSION, "\"%s\" may speak for tenant %u alone",
                                                identity->user, (unsigned)identity->tenant.value);
}

static enum kmb_status may(struct native_call *call, unsigned needs) {
    const struct identity *identity = &call->native->identity;
    if ((needs & NEEDS_NO_LOGIN) != 0) {
        return KMB_OK;
    }
    if (identity->method == IDENTITY_NOBODY) {
        return native_refuse(call, KMB_AUTHENTICATION, "the connection has not authenticated");
    }
    uint64_t tenant = call->message->tenant_id;
    bool whichever = (needs & NEEDS_NO_TENANT) != 0 || ((needs & NEEDS_NO_DATA) != 0 && tenant == 0);
    enum kmb_status status = whichever ? KMB_OK : native_may_use(call, tenant);
    if (status != KMB_OK) {
        return status;
    }
    if ((needs & NEEDS_ADMIN) != 0 && !identity_may_administer(identity)) {
        return native_refuse(call, KMB_PERMISSION, "the request needs the role admin");
    }
    return (needs & NEEDS_WRITER) != 0 ? native_may_write(call) : KMB_OK;
}

enum kmb_status native_may_write(struct native_call *call) {
    if (!identity_may_write(&call->native->identity)) {
        return native_refuse(call, KMB_PERMISSION, "the request needs a role that writes: user or admin");
    }
    return KMB_OK;
}

enum kmb_status native_tenant_check(struct native_call *call, uint64_t tenant) {
    if (tenant > NATIVE_TENANT_MAX) {
        return native_refuse(call, KMB_USAGE, "tenant id %llu is above the greatest, 4294967295",
                             (unsigned long long)tenant);
    }
    return KMB_OK;
}

/* --- a request ---------------------------------------------------------------------------------------------------- */

enum outcome {
    OUTCOME_ANSWERED,
    OUTCOME_WAIT,  /* nothing was done: come again when the session's commits are durable */
    OUTCOME_FATAL, /* the connection is to end */
};

static bool must_wait(const struct native_call *call) {
    const struct native_tenant *tenant = call->tenant;
    return tenant != NULL && session_pending(tenant->session) != 0 && !session_in_transaction(tenant->session) &&
           (call->key.length > 0 || !native_runs_ahead(tenant, call->message));
}

static const char *name_of(const struct wire_message *message) {
    return message->variant == WIRE_REQUEST_HANDSHAKE ? "handshake" : requests[message->variant].name;
}

static void begin_request(struct native_call *call) {
    struct request_source *source = &call->native->source;
    if (source->server != NULL) {
        source->session = NULL;
        source->tenant = 0;
        request_begin(source, &call->request, name_of(call->message), (struct slice){0});
    }
}

/* The tenant has let it in. */
static void aim_request(struct native_call *call) {
    struct request_source *source = &call->native->source;
    struct native_tenant *tenant = call->tenant;
    if (source->server != NULL && tenant != NULL) {
        struct slice text = native_text_of(call->native, call->message);
        request_aim(source, &call->request, tenant->session, tenant->id, text);
        activity_query(source->server, &tenant->activity, text.length > 0 ? text : slice_text(name_of(call->message)));
    }
}

void native_prepared(struct native_call *call) {
    if (call->native->source.server != NULL) {
        request_prepared(&call->native->source, &call->request);
    }
}

static void end_request(struct native_call *call, enum kmb_status status) {
    struct request_source *source = &call->native->source;
    if (source->server == NULL) {
        return;
    }
    call->request.status = status;
    request_done(source, &call->request, call->rows, status == KMB_OK);
    if (status != KMB_OK) {
        call->error.status = status;
        request_error(source, false, &call->error);
    }
}

static void drop_request(struct native_call *call) {
    if (call->native->source.server != NULL) {
        request_drop(&call->native->source, &call->request);
    }
}

/* *wait: as OUTCOME_WAIT. */
static enum kmb_status serve(struct native_call *call, bool *wait) {
    const struct wire_message *message = call->message;
    enum kmb_status status = native_tenant_check(call, message->tenant_id);
    if (status != KMB_OK) {
        return status;
    }
    if (message->variant == WIRE_REQUEST_HANDSHAKE) {
        return handshake(call);
    }
    ASSERT(message->variant < ARRAY_LENGTH(requests) && requests[message->variant].handler != NULL);
    const struct served *request = &requests[message->variant];
    status = may(call, request->needs);
    if (status == KMB_OK && (request->needs & NEEDS_TENANT) != 0) {
        status = native_tenant_open(call->native, message->tenant_id, &call->tenant, &call->error);
    }
    if (status == KMB_OK && (request->needs & NEEDS_ONCE) != 0) {
        status = native_key_check(call);
    }
    if (status != KMB_OK) {
        return status;
    }
    call->key = (request->needs & NEEDS_ONCE) == 0 ? slice_make(NULL, 0) : native_key_of(call);
    *wait = must_wait(call) || (native_pending(call->native) != 0 && native_executes_copy(call));
    if (*wait) {
        return KMB_OK;
    }
    aim_request(call);
    if (call->tenant != NULL) {
        status = limits_take(call->tenant->party, 1, call->bytes, &call->error);
    }
    bool found = false;
    if (status == KMB_OK && call->key.length > 0) {
        status = native_once_find(call, &found);
    }
    if (status != KMB_OK || found) {
        return status;
    }
    status = request->handler(call);
    status = call->once ? native_once_end(call, status, wait) : status;
    if (*wait) {
        limits_return(call->tenant->party, 1, call->bytes);
    }
    return status;
}

static enum kmb_status refuse_large(struct native_call *call) {
    const struct charge *charge = call->native->arena.charge;
    return charge != NULL && charge->refusal != NULL
               ? charge_error(charge, &call->error)
               : native_refuse(call, KMB_LIMIT, "the request takes more than %zu bytes of memory", NATIVE_DECODED_MAX);
}

static enum outcome answer(struct native *native, struct slice payload, struct buffer *out) {
    struct wire_message message;
    struct native_call call;
    call.native = native;
    call.message = &message;
    call.out = out;
    call.tenant = NULL;
    call.key = slice_make(NULL, 0);
    call.once = false;
    call.form = ANSWER_PLAIN;
    call.request.method = NULL;
    call.rows = 0;
    call.response_at = out->length;
    call.bytes = WIRE_HEADER_SIZE + payload.length;
    error_clear(&call.error);
    if (native->arena.charge != NULL) {
        native->arena.charge->refusal = NULL;
    }
    enum postcard_error decoded = wire_message_decode(payload, &native->arena, &message);
    bool large = decoded == POSTCARD_MEMORY && message.direction == WIRE_REQUEST;
    if (message.direction != WIRE_REQUEST || (decoded != POSTCARD_OK && !large)) {
        return OUTCOME_FATAL;
    }
    if (message.variant == WIRE_REQUEST_COPY_DATA || message.variant == WIRE_REQUEST_COPY_END) {
        return OUTCOME_ANSWERED; /* of a COPY that failed before it had read them all */
    }
    begin_request(&call);
    bool wait = false;
    native->extended = native->extended || message.variant >= WIRE_EXTENSION_FIRST;
    enum kmb_status status = limits_take(native->peer.party, 1, call.bytes, &call.error);
    if (status == KMB_OK) {
        status = large ? refuse_large(&call) : serve(&call, &wait);
    }
    if (wait) {
        limits_return(native->peer.party, 1, call.bytes); /* it comes again */
        drop_request(&call);
        drop_notices(native);
        return OUTCOME_WAIT;
    }
    if (status != KMB_OK) {
        respond_error(&call, status);
    }
    tell_settings(&call);
    tell_notices(&call);
    end_request(&call, status);
    return OUTCOME_ANSWERED;
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static bool in_transaction(const struct native *native) {
    for (uint32_t i = 0; i < native->tenant_count; i++) {
        if (session_in_transaction(native->tenants[i]->session)) {
            return true;
        }
    }
    return false;
}

/* The bytes of a payload that say what is answered: its direction and its id. */
#define FRAME_HEAD_SIZE 11

/* Bytes of a frame of a client that has not shown who it is: a token is one of a few kilobytes, as in an HTTP header.
 */
#define NATIVE_STRANGER_MAX 32768

/*
 * A frame of which not all is there: whether it is refused before the rest is kept. One that is longer than
 * limits.message, or than anything that somebody has to say who has not logged in, ends the connection; one that there
 * is no memory for is skipped.
 */
static bool refuse_frame(struct native *native, struct slice rest, struct buffer *out) {
    const struct settings *settings = native->service->settings;
    struct charge *charge = native->arena.charge;
    if (rest.length < WIRE_HEADER_SIZE + FRAME_HEAD_SIZE) {
        return false;
    }
    size_t size = WIRE_HEADER_SIZE + (size_t)codec_get_u32_big(rest.bytes + 6);
    struct postcard_reader reader = postcard_reader_make(slice_make(rest.bytes + WIRE_HEADER_SIZE, FRAME_HEAD_SIZE));
    uint32_t direction = postcard_read_index(&reader, WIRE_PUSH + 1);
    struct wire_message message = {.direction = WIRE_REQUEST,
                                   .request_id = postcard_read_unsigned(&reader, 64),
                                   .variant = native->extended ? WIRE_EXTENSION_FIRST : 0};
    struct native_call call = {.native = native, .message = &message, .out = out};
    enum kmb_status status = KMB_OK;
    if (native->identity.method == IDENTITY_NOBODY && size - WIRE_HEADER_SIZE > NATIVE_STRANGER_MAX) {
        status = native_refuse(&call, KMB_AUTHENTICATION,
                               "the request has %zu bytes, more than the %d of one before the login",
                               size - WIRE_HEADER_SIZE, NATIVE_STRANGER_MAX);
        native->closing = true;
    } else if (settings != NULL && size - WIRE_HEADER_SIZE > settings->limits.message_bytes) {
        status = native_refuse(&call, KMB_LIMIT, "the request has %zu bytes, more than limits.message",
                               size - WIRE_HEADER_SIZE);
        native->closing = true;
    } else if (size > PROTOCOL_OUTPUT_SOFT && charge != NULL && !charge_take(charge, size - rest.length)) {
        status = charge_error(charge, &call.error);
    } else if (size > PROTOCOL_OUTPUT_SOFT && charge != NULL) {
        charge_give(charge, size - rest.length); /* counted when it is there */
    }
    if (status == KMB_OK) {
        return false;
    }
    native->skip = size;
    native->closing = native->closing || reader.error != POSTCARD_OK || direction != WIRE_REQUEST;
    respond_error(&call, status);
    if (native->source.server != NULL) {
        call.error.status = status;
        request_error(&native->source, false, &call.error);
    }
    return true;
}

/* Drops what is still to come of a refused frame. */
static void skip_input(struct native *native, struct protocol_io *io) {
    size_t left = io->input.length - io->consumed;
    size_t dropped = left < native->skip ? left : (size_t)native->skip;
    io->consumed += dropped;
    native->skip -= dropped;
}

/* Answers the frames of the input. True: the next one waits for what is not durable yet. */
static bool take_frames(struct native *native, struct protocol_io *io) {
    (void)arena_alloc(&native->arena, 1); /* the chunk that all requests of the step use */
    struct arena_mark mark = arena_mark(&native->arena);
    bool wait = false;
    while (!native->closing && !wait && io->output->length < PROTOCOL_OUTPUT_SOFT) {
        skip_input(native, io);
        struct slice rest = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
        struct slice payload;
        size_t used;
        enum frame_result frame = frame_read(rest, &payload, &used);
        if (frame == FRAME_INCOMPLETE && refuse_frame(native, rest, io->output)) {
            continue;
        }
        if (frame == FRAME_INCOMPLETE) {
            native->closing = io->ended;
            break;
        }
        native->frame_left = used;
        if (io->cancelled == NULL || !io->cancelled(io)) {
            native_cancel_forget(native);
        }
        enum outcome outcome = frame == FRAME_WHOLE ? answer(native, payload, io->output) : OUTCOME_FATAL;
        arena_rewind(&native->arena, mark);
        wait = outcome == OUTCOME_WAIT;
        native->closing = native->closing || outcome == OUTCOME_FATAL || !buffer_ok(io->output);
        io->consumed += outcome == OUTCOME_ANSWERED ? native->frame_left : 0;
    }
    arena_free(&native->arena);
    return wait;
}

static void native_synced(void *machine) {
    struct native *native = machine;
    if (native_pending(native) == 0) {
        requests_synced(&native->source);
    }
}

static enum protocol_next native_step(void *machine, struct protocol_io *io) {
    struct native *native = machine;
    io->consumed = 0;
    native_synced(native);
    native->io = io;
    native_subscriptions_sent(native);
    bool wait = take_frames(native, io);
    native->closing = native->closing || io->expired;
    if (io->terminated && !native->closing) {
        native_subscriptions_close(native, io->output, WIRE_CLOSE_REASON_SERVER_SHUTDOWN);
        native->closing = true;
    }
    if (io->draining && !wait && !native->closing && !in_transaction(native)) {
        native_subscriptions_close(native, io->output, WIRE_CLOSE_REASON_SERVER_SHUTDOWN);
        native->closing = true;
    }
    bool more = io->output->length >= PROTOCOL_OUTPUT_SOFT;
    if (!native->closing && !wait && !more) {
        more = native_notifications_push(native, io->output) || native_subscriptions_push(native, io->output);
    }
    if (native->scratch.capacity > PROTOCOL_OUTPUT_SOFT) {
        buffer_free(&native->scratch);
    }
    atomic_store(&native->busy, io->consumed < io->input.length || in_transaction(native));
    if (!buffer_ok(io->output)) {
        return PROTOCOL_CLOSE;
    }
    native_tenants_rest(native);
    enum protocol_next next = native->closing ? PROTOCOL_CLOSE : more || wait ? PROTOCOL_FLUSH : PROTOCOL_READ;
    io->durable_op = native_pending(native);
    if (io->durable_op != 0 && (io->output->length != 0 || wait || native->closing)) {
        io->then = next;
        return PROTOCOL_COMMIT;
    }
    return next;
}

void native_run_begin(struct native *native, kmb_session *session) {
    pthread_mutex_lock(&native->running_lock);
    native->running = session;
    if (native->cancel_due) {
        native->cancel_due = false;
        kmb_cancel(session);
    }
    pthread_mutex_unlock(&native->running_lock);
}

void native_run_end(struct native *native) {
    pthread_mutex_lock(&native->running_lock);
    session_forget_cancel(api_session(native->running));
    native->running = NULL;
    pthread_mutex_unlock(&native->running_lock);
}

static void native_cancel_running(void *machine) {
    struct native *native = machine;
    pthread_mutex_lock(&native->running_lock);
    native->cancel_due = native->running == NULL;
    kmb_cancel(native->running); /* NULL is fine */
    pthread_mutex_unlock(&native->running_lock);
}

static bool native_busy(const void *machine) {
    const struct native *native = machine;
    return atomic_load(&native->busy);
}

static bool native_welcome(const void *machine) {
    const struct native *native = machine;
    return native->identity.method != IDENTITY_NOBODY;
}

/* A subscriber may be silent for ever, and so may a client that has just nothing to ask, where no setting says else. */
static int64_t native_patience_ms(const void *machine) {
    const struct native *native = machine;
    const struct settings *settings = native->service->settings;
    if (settings == NULL || native->subscriptions != NULL) {
        return 0;
    }
    return (int64_t)(in_transaction(native) ? settings->timeouts.idle_in_transaction_ms : settings->timeouts.idle_ms);
}

static void native_free(void *machine) {
    struct native *native = machine;
    if (native == NULL) {
        return;
    }
    requests_synced(&native->source);
    native_subscriptions_close(native, NULL, 0);
    native_service_remove(native);
    native_cursors_close(native, NULL);
    native_statements_close(native);
    native_appenders_close(native);
    native_tenants_close(native);
    native_authentication_drop(native);
    arena_free(&native->arena);
    buffer_free(&native->scratch);
    drop_notices(native);
    pthread_mutex_destroy(&native->running_lock);
    mem_wipe(native->secret, sizeof(native->secret));
    mem_free(native);
}

void *native_new(struct native_service *service, const struct protocol_peer *peer, struct connection *connection) {
    struct native *native = mem_alloc_zero(1, sizeof(*native));
    if (native == NULL) {
        return NULL;
    }
    const struct environment *environment = shard_environment(service->shard);
    if (!environment->random(environment->context, native->secret, sizeof(native->secret))) {
        mem_free(native);
        return NULL;
    }
    native->service = service;
    native->connection = connection;
    native->peer = *peer;
    native->source = (struct request_source){.server = service->options.server,
                                             .connection = connection,
                                             .user = native->identity.user,
                                             .peer = native->peer.address};
    native->cursor_next = 1;
    if (service->options.authenticator == NULL) {
        native->identity = (struct identity){.method = IDENTITY_TRUSTED,
                                             .rank = IDENTITY_ADMIN,
                                             .any_tenant = true,
                                             .sql = SQL_USER_TRUSTED,
                                             .superuser = true,
                                             .connection_limit = ROLE_CONNECTIONS_ANY,
                                             .user = CATALOGUE_ROLE_DEFAULT};
    }
    arena_init(&native->arena, NATIVE_DECODED_MAX);
    native->arena.charge = peer->charge;
    pthread_mutex_init(&native->running_lock, NULL);
    atomic_init(&native->busy, false);
    native_service_add(native);
    return native;
}

const struct protocol native_protocol = {
    .name = "native",
    .step = native_step,
    .synced = native_synced,
    .cancel = native_cancel_running,
    .busy = native_busy,
    .welcome = native_welcome,
    .patience_ms = native_patience_ms,
    .free = native_free,
    .input_max = WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX,
};
