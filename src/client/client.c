/* Databases and sessions over connections: kmb_connect(), and the table of what handles ask of the other end. */
#include "client/client.h"

#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "sql/context.h"
#include "types/datetime.h"

#define ANSWER_BYTES_MAX  ((size_t)256 << 20) /* decoded, of one response */
#define STATE_HASH_LENGTH 64

enum kmb_status client_ask(struct client_session *session, uint32_t variant, const void *request, uint32_t wanted,
                           struct arena *arena, const void **response, struct kmb_error *error) {
    arena_init(arena, ANSWER_BYTES_MAX);
    return exchange_ask(session->exchange, session->tenant, variant, request, wanted, arena, response, error);
}

/* --- databases ---------------------------------------------------------------------------------------------------- */

static void client_close(void *db) {
    struct client *client = db;
    exchange_close(client->idle);
    pthread_mutex_destroy(&client->lock);
    arena_free(&client->arena);
    mem_free(client);
}

/* A connection that is nobody's: the idle one, or another. */
static enum kmb_status take_exchange(struct client *client, uint32_t tenant, struct exchange **exchange,
                                     struct kmb_error *error) {
    *exchange = NULL;
    pthread_mutex_lock(&client->lock);
    if (tenant == client->tenant) {
        *exchange = client->idle;
        client->idle = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    if (*exchange != NULL && exchange_is_stale(*exchange)) { /* the server was started anew, or has patience no more */
        exchange_close(*exchange);
        *exchange = NULL;
    }
    return *exchange != NULL ? KMB_OK : exchange_open(&client->address, tenant, exchange, error);
}

/* Gives it back; where there is an idle one already, it ends. */
static void give_exchange(struct client *client, uint32_t tenant, struct exchange *exchange) {
    pthread_mutex_lock(&client->lock);
    if (tenant == client->tenant && client->idle == NULL) {
        client->idle = exchange;
        exchange = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    exchange_close(exchange);
}

/* What is asked without a session, and its answer: the connection is one's own until question_end(). */
struct question {
    struct client *client;
    struct exchange *exchange;
    struct arena arena;
};

static enum kmb_status question_ask(struct question *question, struct client *client, uint32_t variant,
                                    const void *request, uint32_t wanted, const void **response,
                                    struct kmb_error *error) {
    *question = (struct question){.client = client};
    arena_init(&question->arena, ANSWER_BYTES_MAX);
    enum kmb_status status = take_exchange(client, client->tenant, &question->exchange, error);
    return status == KMB_OK ? exchange_ask(question->exchange, client->tenant, variant, request, wanted,
                                           &question->arena, response, error)
                            : status;
}

static void question_end(struct question *question) {
    if (question->exchange != NULL && !exchange_is_broken(question->exchange)) {
        give_exchange(question->client, question->client->tenant, question->exchange);
    } else {
        exchange_close(question->exchange);
    }
    arena_free(&question->arena);
}

static enum kmb_status client_tenant_create(void *db, uint32_t id, struct slice name, struct kmb_error *error) {
    struct wire_tenant_create_request request = {.tenant_id = id, .name = name.length == 0 ? NULL : &name};
    struct question question;
    enum kmb_status status =
        question_ask(&question, db, WIRE_REQUEST_TENANT_CREATE, &request, WIRE_RESPONSE_TENANT_CREATE, NULL, error);
    question_end(&question);
    return status;
}

static enum kmb_status client_tenant_delete(void *db, uint32_t id, uint32_t *tables, struct kmb_error *error) {
    struct wire_tenant_delete_request request = {.tenant_id = id};
    const struct wire_tenant_delete_response *response = NULL;
    struct question question;
    enum kmb_status status = question_ask(&question, db, WIRE_REQUEST_TENANT_DELETE, &request,
                                          WIRE_RESPONSE_TENANT_DELETE, (const void **)&response, error);
    if (status == KMB_OK && !response->deleted) {
        status = error_set(error, KMB_TENANT_NOT_FOUND, "tenant not found: %u", id);
        error_hint(error, "\"kimberlite tenant list\" shows the tenants there are.");
    }
    *tables = status == KMB_OK ? response->tables_dropped : 0;
    question_end(&question);
    return status;
}

static enum kmb_status client_info(void *db, struct kmb_info *info, struct kmb_error *error) {
    struct question question;
    const void *response = NULL;
    enum kmb_status status =
        question_ask(&question, db, WIRE_REQUEST_DATABASE_INFO, NULL, WIRE_RESPONSE_DATABASE_INFO, &response, error);
    if (status == KMB_OK) {
        const struct wire_database_info_response *told = response;
        size_t length = told->uuid.length < sizeof(info->uuid) ? told->uuid.length : sizeof(info->uuid) - 1;
        memcpy(info->uuid, told->uuid.bytes, length);
        info->uuid[length] = 0;
        info->encrypted = told->encrypted;
        info->key_on_same_filesystem = told->key_on_same_filesystem;
        info->clock_refused = told->clock_refused;
        info->op = told->op;
        info->log_bytes = told->log_bytes;
        info->store_bytes = told->store_bytes;
        info->cache_bytes = told->cache_bytes;
        info->pinned_roots = told->pinned_roots;
        info->pinned_oldest_op = told->pinned_oldest_op;
        info->pinned_bytes = told->pinned_bytes;
        info->recovered_entries = told->recovered_entries;
        info->cut_bytes = told->cut_bytes;
        info->tenants = told->tenants;
    }
    question_end(&question);
    return status;
}

/* Asks for a text. */
static enum kmb_status ask_text(struct client *client, uint32_t variant, const void *request, struct buffer *text,
                                struct kmb_error *error) {
    struct question question;
    const void *response = NULL;
    enum kmb_status status = question_ask(&question, client, variant, request, WIRE_RESPONSE_TEXT, &response, error);
    if (status == KMB_OK) {
        buffer_append_slice(text, ((const struct wire_text_response *)response)->text);
        status = buffer_ok(text) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    question_end(&question);
    return status;
}

static enum kmb_status client_state_hash(void *db, char *hash, struct kmb_error *error) {
    struct buffer text = {0};
    enum kmb_status status = ask_text(db, WIRE_REQUEST_STATE_HASH, NULL, &text, error);
    if (status == KMB_OK && text.length != STATE_HASH_LENGTH) {
        status = error_set(error, KMB_PROTOCOL, "the server sends a state hash of %zu characters", text.length);
    }
    if (status == KMB_OK) {
        memcpy(hash, text.bytes, STATE_HASH_LENGTH);
        hash[STATE_HASH_LENGTH] = 0;
    }
    buffer_free(&text);
    return status;
}

static enum kmb_status client_checkpoint(void *db, struct kmb_error *error) {
    struct question question;
    enum kmb_status status =
        question_ask(&question, db, WIRE_REQUEST_CHECKPOINT, NULL, WIRE_RESPONSE_DONE, NULL, error);
    question_end(&question);
    return status;
}

static enum kmb_status client_tenant_list(void *db,
                                          enum kmb_status (*each)(void *context, const struct kmb_tenant *tenant),
                                          void *context, struct kmb_error *error) {
    struct question question;
    const void *response = NULL;
    enum kmb_status status =
        question_ask(&question, db, WIRE_REQUEST_LIST_TENANTS, NULL, WIRE_RESPONSE_TENANTS, &response, error);
    const struct wire_tenants_response *told = response;
    for (uint32_t i = 0; status == KMB_OK && i < told->tenants.count; i++) {
        const struct wire_tenant_facts *facts = &told->tenants.items[i];
        struct kmb_tenant tenant = {.id = (uint32_t)facts->tenant_id,
                                    .name = arena_text(&question.arena, facts->name),
                                    .position = facts->position,
                                    .entries = facts->entries};
        status = tenant.name == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : each(context, &tenant);
    }
    question_end(&question);
    return status;
}

static enum kmb_status client_tenant_verifier(void *db, uint32_t tenant, struct buffer *text, struct kmb_error *error) {
    struct wire_verifier_request request = {.tenant_id = tenant};
    return ask_text(db, WIRE_REQUEST_VERIFIER, &request, text, error);
}

/* --- API keys --- */

static enum kmb_status tell_key(struct arena *arena, const struct wire_api_key_info *info, struct slice text,
                                kmb_api_key_fn *each, void *context, struct kmb_error *error) {
    struct buffer roles = {0};
    for (uint32_t i = 0; i < info->roles.count; i++) {
        buffer_append_text(&roles, i == 0 ? "" : ",");
        buffer_append_slice(&roles, info->roles.items[i]);
    }
    struct kmb_api_key key = {.id = arena_text(arena, info->key_id),
                              .tenant = (uint32_t)info->tenant_id,
                              .subject = arena_text(arena, info->subject),
                              .roles = buffer_ok(&roles) ? arena_text(arena, buffer_slice(&roles)) : NULL,
                              .expires_us =
                                  info->expires_at_nanos == NULL ? 0 : (int64_t)(*info->expires_at_nanos / 1000),
                              .text = text.length == 0 ? NULL : arena_text(arena, text)};
    bool made = key.id != NULL && key.subject != NULL && key.roles != NULL && (text.length == 0) == (key.text == NULL);
    buffer_free(&roles);
    return made ? each(context, &key) : error_set(error, KMB_NO_MEMORY, "out of memory");
}

static enum kmb_status client_api_key_create(void *db, const struct kmb_api_key *key, kmb_api_key_fn *each,
                                             void *context, struct kmb_error *error) {
    const struct client *client = db;
    struct slice roles[API_KEY_ROLES_MAX];
    uint64_t expires_ns = (uint64_t)key->expires_us * 1000;
    struct wire_api_key_register_request request = {
        .subject = slice_text(key->subject),
        .tenant_id = key->tenant == 0 ? client->tenant : key->tenant,
        .roles = {0, roles},
        .expires_at_nanos = key->expires_us == 0 ? NULL : &expires_ns,
    };
    const char *at = key->roles == NULL ? "user" : key->roles;
    while (request.roles.count < API_KEY_ROLES_MAX) { /* as many as there can be: they were looked at before */
        size_t length = strcspn(at, ",");
        roles[request.roles.count++] = slice_make(at, length);
        if (at[length] == '\0') {
            break;
        }
        at += length + 1;
    }
    struct question question;
    const struct wire_api_key_register_response *response = NULL;
    enum kmb_status status = question_ask(&question, db, WIRE_REQUEST_API_KEY_REGISTER, &request,
                                          WIRE_RESPONSE_API_KEY_REGISTER, (const void **)&response, error);
    if (status == KMB_OK) {
        status = tell_key(&question.arena, &response->info, response->key, each, context, error);
    }
    question_end(&question);
    return status;
}

static enum kmb_status client_api_key_rotate(void *db, struct slice old, kmb_api_key_fn *each, void *context,
                                             struct kmb_error *error) {
    struct wire_api_key_rotate_request request = {.old_key = old};
    struct question question;
    const struct wire_api_key_rotate_response *response = NULL;
    enum kmb_status status = question_ask(&question, db, WIRE_REQUEST_API_KEY_ROTATE, &request,
                                          WIRE_RESPONSE_API_KEY_ROTATE, (const void **)&response, error);
    if (status == KMB_OK) {
        status = tell_key(&question.arena, &response->info, response->new_key, each, context, error);
    }
    question_end(&question);
    return status;
}

static enum kmb_status client_api_key_revoke(void *db, struct slice key, struct kmb_error *error) {
    struct wire_api_key_revoke_request request = {.key = key};
    struct question question;
    enum kmb_status status =
        question_ask(&question, db, WIRE_REQUEST_API_KEY_REVOKE, &request, WIRE_RESPONSE_API_KEY_REVOKE, NULL, error);
    question_end(&question);
    return status;
}

static enum kmb_status client_api_key_list(void *db, uint32_t tenant, kmb_api_key_fn *each, void *context,
                                           struct kmb_error *error) {
    uint64_t number = tenant;
    struct wire_api_key_list_request request = {.tenant_id = tenant == 0 ? NULL : &number};
    struct question question;
    const struct wire_api_key_list_response *response = NULL;
    enum kmb_status status = question_ask(&question, db, WIRE_REQUEST_API_KEY_LIST, &request,
                                          WIRE_RESPONSE_API_KEY_LIST, (const void **)&response, error);
    for (uint32_t i = 0; status == KMB_OK && i < response->keys.count; i++) {
        status = tell_key(&question.arena, &response->keys.items[i], (struct slice){0}, each, context, error);
    }
    question_end(&question);
    return status;
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static const struct zone *find_zone(void *session, struct slice name) {
    struct client_session *self = session;
    return zones_find(&self->zones, &self->client->io, name);
}

struct datetime_context client_datetime(void *session) {
    struct client_session *self = session;
    struct environment environment = environment_system();
    return (struct datetime_context){.now_us = environment.time_us(environment.context),
                                     .zone = self->zone,
                                     .has_now = true,
                                     .zone_find = find_zone,
                                     .zones = self,
                                     .style = self->style,
                                     .zone_name = sql_zone_name_shown(self->zone_name)};
}

/* A zone that this machine does not know is told as UTC: the moment is the same. */
static void take_setting(void *context, const struct wire_setting_push *push) {
    static const char *const styles[] = {"DateStyle", "IntervalStyle", "bytea_output"};
    struct client_session *session = context;
    if (push->tenant_id != session->tenant) {
        return;
    }
    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        if (slice_equal_text(push->name, styles[i])) {
            (void)sql_style_read(styles[i], push->value, &session->style);
        }
    }
    if (slice_equal_text(push->name, "TimeZone")) {
        struct datetime_context datetime = client_datetime(session);
        snprintf(session->zone_name, sizeof(session->zone_name), "%.*s", (int)push->value.length,
                 (const char *)push->value.bytes);
        if (!sql_zone_read(session->zone_name, &datetime, &session->zone)) {
            session->zone = time_zone_fixed(0);
            session->zone_name[0] = 0;
        }
    }
}

static void take_notice(void *context, const struct wire_notice_push *push) {
    struct client_session *session = context;
    struct kmb_error told = {.status = notice_status(push->severity)};
    if (push->tenant_id != session->tenant || session->notice == NULL) {
        return;
    }
    exchange_text(told.message, sizeof(told.message), &push->message);
    exchange_text(told.detail, sizeof(told.detail), push->detail);
    exchange_text(told.hint, sizeof(told.hint), push->hint);
    session->notice(session->notice_context, &told);
}

static void client_notices(void *session, void (*notice)(void *context, const struct kmb_error *notice),
                           void *context) {
    struct client_session *self = session;
    self->notice = notice;
    self->notice_context = context;
}

static void client_session_close(void *session) {
    struct client_session *self = session;
    exchange_close(self->exchange);
    zones_free(&self->zones);
    mem_free(self);
}

static enum kmb_status ask_position(struct client_session *session, uint64_t *position, struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    enum kmb_status status =
        client_ask(session, WIRE_REQUEST_POSITION, NULL, WIRE_RESPONSE_POSITION, &arena, &response, error);
    if (status == KMB_OK) {
        *position = ((const struct wire_position_response *)response)->position;
    }
    arena_free(&arena);
    return status;
}

static enum kmb_status client_session_open(void *db, uint32_t tenant, void **out, struct kmb_error *error) {
    struct client *client = db;
    struct client_session *session = mem_alloc_zero(1, sizeof(*session));
    uint64_t position = 0;
    if (session == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    session->client = client;
    session->tenant = tenant == 0 ? client->tenant : tenant;
    session->zone = time_zone_fixed(0);
    memcpy(session->zone_name, "UTC", sizeof("UTC"));
    enum kmb_status status = take_exchange(client, session->tenant, &session->exchange, error);
    if (status == KMB_OK) {
        struct exchange_listener listener = {.setting = take_setting, .notice = take_notice, .context = session};
        exchange_listen(session->exchange, &listener);
        status = ask_position(session, &position, error); /* the tenant is there, and may be spoken for */
    }
    if (status != KMB_OK) {
        client_session_close(session);
        return status;
    }
    *out = session;
    return KMB_OK;
}

static void client_cancel(void *session) {
    exchange_cancel(((struct client_session *)session)->exchange);
}

static enum kmb_status client_position(void *session, uint64_t *position, struct kmb_error *error) {
    return ask_position(session, position, error);
}

/* Asks for the state of the transaction by any of the requests that answer it. */
static enum kmb_status transaction(struct client_session *session, uint32_t variant, const void *request,
                                   uint32_t *state, struct kmb_error *error) {
    struct arena arena;
    const void *response = NULL;
    enum kmb_status status = client_ask(session, variant, request, WIRE_RESPONSE_TRANSACTION, &arena, &response, error);
    if (status == KMB_OK && state != NULL) {
        *state = ((const struct wire_transaction_response *)response)->state;
    }
    arena_free(&arena);
    return status;
}

static bool client_in_transaction(void *session, bool *failed) {
    uint32_t state = WIRE_TRANSACTION_NONE;
    (void)transaction(session, WIRE_REQUEST_STATE, NULL, &state, NULL);
    if (failed != NULL) {
        *failed = state == WIRE_TRANSACTION_FAILED;
    }
    return state != WIRE_TRANSACTION_NONE;
}

static enum kmb_status client_begin(void *session, struct kmb_error *error) {
    struct wire_begin_request request = {.isolation = WIRE_ISOLATION_DEFAULT, .access = WIRE_ACCESS_DEFAULT};
    return transaction(session, WIRE_REQUEST_BEGIN, &request, NULL, error);
}

static enum kmb_status client_commit(void *session, struct kmb_error *error) {
    return transaction(session, WIRE_REQUEST_COMMIT, NULL, NULL, error);
}

static enum kmb_status client_rollback(void *session, struct kmb_error *error) {
    return transaction(session, WIRE_REQUEST_ROLLBACK, NULL, NULL, error);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static const struct remote_operations operations = {
    .close = client_close,
    .info = client_info,
    .state_hash = client_state_hash,
    .checkpoint = client_checkpoint,
    .tenant_create = client_tenant_create,
    .tenant_delete = client_tenant_delete,
    .tenant_list = client_tenant_list,
    .tenant_verifier = client_tenant_verifier,
    .api_key_create = client_api_key_create,
    .api_key_rotate = client_api_key_rotate,
    .api_key_revoke = client_api_key_revoke,
    .api_key_list = client_api_key_list,
    .session_open = client_session_open,
    .session_close = client_session_close,
    .cancel = client_cancel,
    .notices = client_notices,
    .position = client_position,
    .in_transaction = client_in_transaction,
    .begin = client_begin,
    .commit = client_commit,
    .rollback = client_rollback,
    .datetime = client_datetime,
    .prepare = client_prepare,
    .finalize = client_finalize,
    .run = client_run,
    .next = client_next,
    .reset = client_reset,
    .exec = client_exec,
    .stream_create = client_stream_create,
    .stream_list = client_stream_list,
    .stream_append = client_stream_append,
    .stream_read = client_stream_read,
    .stream_length = client_stream_length,
    .prove = client_prove,
    .appender_open = client_appender_open,
    .appender_close = client_appender_close,
    .append = client_append,
};

enum kmb_status kmb_connect(const char *url, const struct kmb_connect_options *options, kmb_db **db,
                            struct kmb_error *error) {
    struct kmb_connect_options copy;
    if (db != NULL) {
        *db = NULL;
    }
    if (url == NULL || db == NULL) {
        return error_set(error, KMB_USAGE, "no URL, or no place for the database, was given: NULL");
    }
    enum kmb_status status = api_copy_sized(&copy, sizeof(copy), options, "kmb_connect_options", error);
    if (status != KMB_OK) {
        return status;
    }
    struct client *client = mem_alloc_zero(1, sizeof(*client));
    if (client == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    arena_init(&client->arena, 0);
    pthread_mutex_init(&client->lock, NULL);
    client->io = io_posix();
    status = address_read(url, &copy, &client->arena, &client->address, error);
    if (status == KMB_OK) {
        status = exchange_open(&client->address, 0, &client->idle, error);
    }
    if (status != KMB_OK) {
        client_close(client);
        return status;
    }
    client->tenant = exchange_tenant(client->idle);
    return remote_database(&operations, client, db, error);
}
