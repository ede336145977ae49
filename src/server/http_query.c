/*
 * POST /query: {"sql": ..., "params": [...], "tenant": ...}, one statement in a session of its own.
 *
 * The answer is made row by row while it is sent, so its size has no bound and its memory has:
 *
 *     {"columns":[{"name":"id","type":"integer"}],"rows":[[1],[2]],"tag":"SELECT 2"}
 *
 * What fails before the first row is an HTTP error. What fails later can no longer be one: the object then ends in
 * "error" where "tag" would stand. An answer without a tag is none.
 *
 * Without authentication a page in a browser on this machine must not get at the data: requests that name an origin are
 * refused, and the body must say that it is JSON, which no page may send elsewhere without asking.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/status.h"
#include "engine/session.h"
#include "server/hangup.h"
#include "server/http_internal.h"
#include "server/request.h"

#define PART_BYTES ((size_t)32 << 10)

/* A statement that is being answered. One thread at a time, but for http.lock's part. */
struct http_query {
    struct http *http;
    struct http_query *next; /* under http.lock, like the next one */
    kmb_session *session;
    kmb_statement *statement;
    uint32_t tenant;
    struct identity identity;
    struct activity activity;
    struct request_source source;
    struct request request;
    uint64_t rows;         /* given, or changed */
    struct buffer sent;    /* the request's body */
    struct http_body body; /* what it says, in its bytes and the arena's */
    struct arena arena;
    struct limits_party *source_party;
    struct limits_party *tenant_party;
    struct charge charge;
    uint64_t body_bytes;     /* of that, the request's own */
    enum kmb_status refusal; /* of the body: why the rest of it is not kept */
    bool let_in;             /* counts among http.query_count */
    bool newest;             /* of HTTP/1.1 */
    bool unanswered;         /* runs, and no byte of its answer is on its way; under http.lock */
    bool hastened;           /* the next two are of http_queries_watch() */
    int64_t probed_ns;
    int fd;
    bool row_ready; /* stepped, and not yet written */
    bool any_row;
    bool over;
    bool failed;
    struct buffer text; /* not yet sent, from text_at on */
    size_t text_at;
};

/* --- life --------------------------------------------------------------------------------------------------------- */

static void link_query(struct http_query *query) {
    struct http *http = query->http;
    pthread_mutex_lock(&http->lock);
    query->unanswered = true;
    query->next = http->queries;
    http->queries = query;
    pthread_mutex_unlock(&http->lock);
}

/* From now on bytes are the library's to send. */
static void answer_begins(struct http_query *query) {
    pthread_mutex_lock(&query->http->lock);
    query->unanswered = false;
    pthread_mutex_unlock(&query->http->lock);
}

/* What is left is to send it. */
static void answered(struct http_query *query) {
    activity_end(query->http->server, &query->activity);
    request_done(&query->source, &query->request, query->rows, query->over && !query->failed);
    requests_synced(&query->source);
}

static void free_query(void *context) {
    struct http_query *query = context;
    struct http *http = query->http;
    pthread_mutex_lock(&http->lock);
    for (struct http_query **at = &http->queries; *at != NULL; at = &(*at)->next) {
        if (*at == query) {
            *at = query->next;
            break;
        }
    }
    http->query_count -= query->let_in;
    pthread_mutex_unlock(&http->lock);
    answered(query);
    kmb_finalize(query->statement);
    kmb_session_close(query->session);
    arena_free(&query->arena);
    buffer_free(&query->sent);
    charge_give(&query->charge, query->body_bytes);
    charge_close(&query->charge);
    limits_leave(query->tenant_party);
    limits_leave(query->source_party);
    buffer_free(&query->text);
    mem_free(query);
}

bool http_queries_cancel(struct http *http) {
    pthread_mutex_lock(&http->lock);
    for (struct http_query *at = http->queries; at != NULL; at = at->next) {
        kmb_cancel(at->session);
    }
    bool any = http->queries != NULL;
    pthread_mutex_unlock(&http->lock);
    return any;
}

bool http_queries_any(struct http *http) {
    pthread_mutex_lock(&http->lock);
    bool any = http->queries != NULL;
    pthread_mutex_unlock(&http->lock);
    return any;
}

/* --- clients that are gone ---------------------------------------------------------------------------------------- */

/* So often one that sends no more is asked whether it reads. */
#define PROBE_NS ((int64_t)5000000000)

/* Before the answer begins HTTP/1.1 has something to say that means nothing. Under http.lock. */
static void probe(struct http_query *query, int64_t now) {
    static const char nothing[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (query->unanswered && query->newest && (query->probed_ns == 0 || now - query->probed_ns > PROBE_NS)) {
        query->probed_ns = now;
        (void)send(query->fd, nothing, sizeof(nothing) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (!query->hastened) {
        query->hastened = true;
        hangup_hasten(query->fd);
    }
}

void http_queries_watch(struct http *http) {
    int64_t now = server_now_ns(http->server);
    pthread_mutex_lock(&http->lock);
    for (struct http_query *at = http->queries; at != NULL; at = at->next) {
        enum hangup hangup = hangup_of(at->fd);
        if (hangup == HANGUP_HALF && !http->tls) {
            probe(at, now);
        } else if (hangup != HANGUP_NONE) { /* no client of TLS closes one side alone */
            kmb_cancel(at->session);
        }
    }
    pthread_mutex_unlock(&http->lock);
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static bool is_number(enum kmb_type type) {
    return (type >= KMB_TYPE_SMALLINT && type <= KMB_TYPE_NUMERIC) || type == KMB_TYPE_TINYINT || type == KMB_TYPE_OID;
}

static void write_value(struct http_query *query, uint32_t column) {
    struct buffer *out = &query->text;
    size_t length = 0;
    const char *text = kmb_column_text(query->statement, column, &length);
    enum kmb_type type = kmb_column_type(query->statement, column);
    if (text == NULL) {
        buffer_append_text(out, "null");
        return;
    }
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (type == KMB_TYPE_BOOLEAN) {
        buffer_append_text(out, text[0] == 't' ? "true" : "false");
    } else if ((is_number(type) && digits[0] >= '0' && digits[0] <= '9') || type == KMB_TYPE_JSON ||
               type == KMB_TYPE_JSONB) {
        buffer_append(out, text, length);
    } else {
        http_write_string(slice_make(text, length), out); /* NaN and Infinity, too, are no numbers of JSON's */
    }
}

static void write_row(struct http_query *query) {
    uint32_t count = kmb_column_count(query->statement);
    buffer_append_text(&query->text, query->any_row ? ",[" : "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            buffer_append_byte(&query->text, ',');
        }
        write_value(query, i);
    }
    buffer_append_byte(&query->text, ']');
    query->any_row = true;
    query->rows++;
    query->row_ready = false;
}

static void write_head(struct http_query *query) {
    struct buffer *out = &query->text;
    buffer_append_text(out, "{\"columns\":[");
    for (uint32_t i = 0; i < kmb_column_count(query->statement); i++) {
        buffer_append_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        http_write_string(slice_text(kmb_column_name(query->statement, i)), out);
        buffer_append_text(out, ",\"type\":");
        http_write_string(slice_text(kmb_column_type_name(query->statement, i)), out);
        buffer_append_byte(out, '}');
    }
    buffer_append_text(out, "],\"rows\":[");
}

static void write_end(struct http_query *query, enum kmb_status status, const struct kmb_error *error) {
    query->over = true;
    query->failed = status != KMB_DONE;
    query->request.status = status;
    if (status == KMB_DONE) {
        query->rows = query->any_row ? query->rows : kmb_statement_rows(query->statement);
        buffer_append_text(&query->text, "],\"tag\":");
        http_write_string(slice_text(kmb_statement_tag(query->statement)), &query->text);
    } else {
        request_error(&query->source, false, error);
        buffer_append_text(&query->text, "],\"error\":");
        http_write_error(&query->text, error);
    }
    answered(query);
    buffer_append_text(&query->text, "}\n");
}

/* Makes more of the answer: up to a part's size. */
static void make_part(struct http_query *query) {
    buffer_clear(&query->text);
    query->text_at = 0;
    while (!query->over && query->text.length < PART_BYTES) {
        struct kmb_error error = {0};
        if (query->row_ready) {
            write_row(query);
            continue;
        }
        enum kmb_status status = atomic_load(&query->http->stopping)
                                     ? error_set(&error, KMB_SHUTDOWN, "the server is stopping")
                                     : kmb_step(query->statement, &error);
        if (status == KMB_ROW) {
            query->row_ready = true;
        } else {
            write_end(query, status, &error);
        }
    }
}

static ssize_t on_part(void *context, uint64_t position, char *bytes, size_t size) {
    struct http_query *query = context;
    (void)position;
    if (query->text_at == query->text.length) {
        if (query->over) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        make_part(query);
    }
    if (!buffer_ok(&query->text)) {
        query->failed = true;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t rest = query->text.length - query->text_at;
    size_t count = rest < size ? rest : size;
    memcpy(bytes, query->text.bytes + query->text_at, count);
    query->text_at += count;
    return (ssize_t)count;
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static enum kmb_status find_tenant(struct http_query *query, struct kmb_error *error) {
    const struct slice tenant = query->body.tenant;
    query->tenant = 1;
    if (tenant.bytes == NULL) {
        return KMB_OK;
    }
    const char *name = arena_text(&query->arena, tenant);
    if (name == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    query->tenant = server_find_tenant(query->http->server->shard, name);
    return KMB_OK;
}

/* Where the request comes from; scratch keeps the texts. */
static struct authenticate_peer peer_of(const struct http_request *request, struct connection *scratch) {
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    if (address != NULL && address->client_addr != NULL) {
        size_t size =
            address->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        memcpy(&storage, address->client_addr, size);
    }
    listener_describe(&storage, scratch);
    return (struct authenticate_peer){
        .source = slice_text(scratch->source), .local = scratch->peer.local, .tls = request->http->tls};
}

/* The token that the head shows, before anything of the body is kept. Where nobody is asked for one, the tenant has to
 * be known first. */
static enum kmb_status check_token(struct http_request *request, struct http_query *query, struct kmb_error *error) {
    const char *shown =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    struct authenticator *authenticator = request->http->server->authenticator;
    struct connection scratch = {0};
    const struct authenticate_peer peer = peer_of(request, &scratch);
    struct slice token = {0};
    if (request->http->server->settings->auth.mode == SETTINGS_AUTH_NONE) {
        return KMB_OK;
    }
    if (shown != NULL && strncasecmp(shown, "Bearer ", 7) == 0) {
        token = slice_text(shown + 7);
    }
    enum kmb_status status = authenticate_source(authenticator, &peer, error);
    if (status == KMB_OK) {
        status = authenticate_token(authenticator, &peer, (struct tenant_id){1}, token, &query->identity, error);
    }
    if (status == KMB_OK && query->identity.method == IDENTITY_NOBODY) {
        error_set(error, KMB_AUTHENTICATION, "the request shows no token");
        error_hint(error, "Send \"Authorization: Bearer TOKEN\" with an API key or a JSON Web Token.");
        return KMB_AUTHENTICATION;
    }
    return status;
}

/* For which tenant the request speaks, and whether it may. */
static enum kmb_status find_rights(struct http_request *request, struct http_query *query, struct kmb_error *error) {
    struct connection scratch = {0};
    const struct authenticate_peer peer = peer_of(request, &scratch);
    struct identity *identity = &query->identity;
    enum kmb_status status = find_tenant(query, error);
    if (status == KMB_OK && identity->method == IDENTITY_NOBODY) {
        status = authenticate_token(request->http->server->authenticator, &peer, (struct tenant_id){query->tenant},
                                    (struct slice){0}, identity, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (query->body.tenant.bytes == NULL && !identity->any_tenant) {
        query->tenant = (uint32_t)identity->tenant.value;
    }
    if (!identity_may_use(identity, (struct tenant_id){query->tenant})) {
        return error_set(error, KMB_PERMISSION, "\"%s\" may not speak for this tenant", identity->user);
    }
    return KMB_OK;
}

static void cancel_session(void *context) {
    kmb_cancel(context);
}

/* Others may see the session from now on. */
static enum kmb_status note_session(struct http_request *request, struct http_query *query, struct slice sql,
                                    struct kmb_error *error) {
    struct server *server = query->http->server;
    struct activity *activity = &query->activity;
    struct connection scratch = {0};
    char name[16];
    (void)peer_of(request, &scratch);
    activity->session = session_number(api_session(query->session));
    activity->tenant = query->tenant;
    activity->protocol = "http";
    activity->cancel = cancel_session;
    activity->context = query->session;
    snprintf(name, sizeof(name), "%u", query->tenant);
    query->source.user = query->identity.user;
    query->source.peer = query->activity.address;
    request_aim(&query->source, &query->request, api_session(query->session), query->tenant, sql);
    enum kmb_status status = activity_begin(server, activity, &query->identity, name, scratch.address, error);
    if (status == KMB_OK) {
        activity_query(server, activity, sql);
    }
    return status;
}

static enum kmb_status open_session(struct http_query *query, const struct identity *identity,
                                    struct kmb_error *error) {
    struct server *server = query->http->server;
    char text[64];
    if (query->tenant == 0) {
        return error_set(error, KMB_TENANT_NOT_FOUND, "there is no tenant of that name or number");
    }
    enum kmb_status status =
        limits_enter(server->limits, LIMITS_TENANT, (struct slice){0}, query->tenant, &query->tenant_party, error);
    limits_charge_tenant(query->tenant_party, &query->charge);
    status = status == KMB_OK ? limits_take(query->tenant_party, 1, query->body_bytes, error) : status;
    status = status == KMB_OK ? kmb_session_open(server->db, query->tenant, &query->session, error) : status;
    if (status == KMB_OK) {
        session_charge(api_session(query->session), &query->charge);
        session_hold_cancel(api_session(query->session), true); /* it is made for one statement */
    }
    if (status == KMB_OK) {
        session_serve(api_session(query->session), &server->face, slice_make(NULL, 0));
        status = session_set_user(api_session(query->session), slice_text(identity->user), identity->sql, error);
    }
    if (status == KMB_OK && !identity_may_write(identity)) {
        session_set_reader(api_session(query->session));
    }
    if (status == KMB_OK && server->settings->timeouts.statement_ms > 0) {
        snprintf(text, sizeof(text), "SET statement_timeout = %llu",
                 (unsigned long long)server->settings->timeouts.statement_ms);
        status = kmb_exec(query->session, text, error);
    }
    return status;
}

/* Statements that leave the rows as they are and change what their session is do nothing for a session that ends with
 * them. */
static enum kmb_status check_statement(const kmb_statement *statement, struct kmb_error *error) {
    static const char *const words[] = {"SET",     "RESET",      "DISCARD", "LISTEN", "UNLISTEN",
                                        "PREPARE", "DEALLOCATE", "DECLARE", "CLOSE",  "LOCK"};
    const struct plan_statement *plan = sql_statement_plan(statement_sql(statement));
    bool refused = plan->kind == STATEMENT_TRANSACTION || plan->kind == STATEMENT_FETCH;
    for (size_t i = 0; !refused && plan->kind == STATEMENT_SETTING && i < ARRAY_LENGTH(words); i++) {
        size_t length = strlen(words[i]);
        refused = strncmp(plan->tag, words[i], length) == 0 && (plan->tag[length] == 0 || plan->tag[length] == ' ');
    }
    if (!refused) {
        return KMB_OK;
    }
    error_set(error, KMB_UNSUPPORTED, "%s would do nothing: over HTTP each statement has a session of its own",
              plan->tag);
    return error_hint(error, "Use a connection of PostgreSQL's or the native protocol.");
}

/* Runs the statement up to its first row. */
static enum kmb_status begin(struct http_request *request, struct http_query *query, struct kmb_error *error) {
    struct slice text = query->body.sql;
    enum kmb_status status = find_rights(request, query, error);
    status = status == KMB_OK ? open_session(query, &query->identity, error) : status;
    status = status == KMB_OK ? note_session(request, query, text, error) : status;
    if (status != KMB_OK) {
        return status;
    }
    link_query(query);
    status = statement_prepare(query->session, text, NULL, 0, &query->statement, error);
    request_prepared(&query->source, &query->request);
    if (status == KMB_OK && query->statement == NULL) {
        return error_set(error, KMB_USAGE, "\"sql\" has no statement");
    }
    if (status == KMB_OK && kmb_statement_copy(query->statement) != KMB_COPY_NONE) {
        return error_set(error, KMB_UNSUPPORTED, "COPY needs a connection of PostgreSQL's protocol");
    }
    status = status == KMB_OK ? check_statement(query->statement, error) : status;
    status = status == KMB_OK ? http_body_bind(&query->body, query->statement, &query->arena, error) : status;
    if (status != KMB_OK) {
        return status;
    }
    status = kmb_step(query->statement, error);
    if (status != KMB_ROW && status != KMB_DONE) {
        return status;
    }
    write_head(query);
    query->row_ready = status == KMB_ROW;
    if (status == KMB_DONE) {
        write_end(query, status, error);
    }
    return KMB_OK;
}

static enum kmb_status check_running(const struct server *server, struct kmb_error *error) {
    return atomic_load(&server->draining) ? error_set(error, KMB_SHUTDOWN, "the server is stopping") : KMB_OK;
}

/* What the head of the request has to say. */
static enum kmb_status check_head(struct http_request *request, struct kmb_error *error) {
    struct MHD_Connection *connection = request->connection;
    const struct server *server = request->http->server;
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (type == NULL || strncasecmp(type, "application/json", 16) != 0) {
        return error_set(error, KMB_USAGE, "the body must be of type application/json");
    }
    if (server->settings->auth.mode == SETTINGS_AUTH_NONE &&
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN) != NULL) {
        return error_set(error, KMB_PERMISSION, "pages of browsers are answered only where authentication is on");
    }
    if (request->length > server->settings->limits.message_bytes) {
        return error_set(error, KMB_LIMIT, "the body is longer than limits.message");
    }
    return check_running(server, error);
}

/* Counts as a request and a connection of its source, before anything is looked at. */
static enum kmb_status enter_source(struct http_request *request, struct http_query *query, struct kmb_error *error) {
    struct connection scratch = {0};
    struct limits *limits = request->http->server->limits;
    const struct authenticate_peer peer = peer_of(request, &scratch);
    enum kmb_status status = limits_enter(limits, LIMITS_SOURCE, peer.source, 0, &query->source_party, error);
    limits_charge(limits, query->source_party, NULL, &query->charge);
    return status == KMB_OK ? limits_take(query->source_party, 1, 0, error) : status;
}

/* Takes one of the places for queries. */
static enum kmb_status let_in(struct http_query *query, struct kmb_error *error) {
    struct http *http = query->http;
    pthread_mutex_lock(&http->lock);
    query->let_in = http->query_count < HTTP_QUERIES_MAX;
    http->query_count += query->let_in;
    pthread_mutex_unlock(&http->lock);
    return query->let_in ? KMB_OK
                         : error_set(error, KMB_TOO_MANY_CONNECTIONS,
                                     "%d queries run over HTTP already, which is the most", HTTP_QUERIES_MAX);
}

/* What has become of the body. */
static enum kmb_status check_body(struct http_request *request, struct http_query *query, struct kmb_error *error) {
    if (query->refusal == KMB_LIMIT) {
        return error_set(error, KMB_LIMIT, "the body is longer than limits.message");
    }
    if (query->refusal != KMB_OK) {
        return charge_error(&query->charge, error);
    }
    if (!buffer_ok(&query->sent)) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = check_running(request->http->server, error);
    return status == KMB_OK ? limits_take(query->source_party, 0, query->sent.length, error) : status;
}

/* When a client that was turned away may come again. */
static int64_t retry_of(const struct http_query *query, enum kmb_status status) {
    const struct settings *settings = query->http->server->settings;
    int64_t source = limits_wait_ms(query->source_party);
    int64_t tenant = limits_wait_ms(query->tenant_party);
    switch (status) {
    case KMB_RATE_LIMITED:
        return source > tenant ? source : tenant;
    case KMB_TOO_MANY_ATTEMPTS: /* until one failure is forgotten */
        return settings->limits.auth_failures == 0
                   ? 0
                   : (int64_t)(settings->timeouts.auth_failures_ms / settings->limits.auth_failures);
    case KMB_TOO_MANY_CONNECTIONS:
    case KMB_NO_MEMORY:
        return 1000;
    default:
        return 0;
    }
}

static unsigned http_status_of(enum kmb_status status) {
    return status == KMB_LIMIT ? MHD_HTTP_CONTENT_TOO_LARGE : status_row_of(status)->http;
}

static void begin_request(struct http_request *request, struct http_query *query) {
    const char *parent = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "traceparent");
    (void)(parent != NULL && trace_context_parse(slice_text(parent), &query->source.trace));
    request_begin(&query->source, &query->request, "http_query", (struct slice){0});
}

/* Ends a query whose request has begun; it stands until its answer is sent. http_status: of that. */
static enum MHD_Result refuse_query(struct http_request *request, unsigned http_status, struct kmb_error *error) {
    struct http_query *query = request->query;
    query->request.status = error->status;
    request->retry_ms = retry_of(query, error->status);
    request_error(&query->source, false, error);
    answer_begins(query);
    answered(query);
    return http_tell_error(request, http_status, error);
}

enum MHD_Result http_query_begin(struct http_request *request) {
    struct kmb_error error = {0};
    enum kmb_status status = check_head(request, &error);
    if (status != KMB_OK) {
        return http_refuse(request, http_status_of(status), &error);
    }
    struct http_query *query = mem_alloc_zero(1, sizeof(*query));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (query == NULL || info == NULL) {
        mem_free(query);
        return MHD_NO;
    }
    request->query = query;
    query->http = request->http;
    query->fd = info->connect_fd;
    query->newest = strcmp(request->version, MHD_HTTP_VERSION_1_1) == 0;
    arena_init(&query->arena, 0);
    query->arena.charge = &query->charge;
    query->source = (struct request_source){.server = request->http->server, .user = "", .peer = ""};
    status = enter_source(request, query, &error);
    status = status == KMB_OK ? check_token(request, query, &error) : status;
    status = status == KMB_OK ? let_in(query, &error) : status;
    if (status != KMB_OK) {
        begin_request(request, query);
        return refuse_query(request, http_status_of(status), &error);
    }
    return MHD_YES;
}

void http_query_part(struct http_request *request, const char *part, size_t size) {
    struct http_query *query = request->query;
    if (query->refusal == KMB_OK && query->sent.length + size > request->http->server->settings->limits.message_bytes) {
        query->refusal = KMB_LIMIT;
    } else if (query->refusal == KMB_OK && !charge_take(&query->charge, size)) {
        query->refusal = KMB_NO_MEMORY;
    }
    if (query->refusal == KMB_OK) {
        query->body_bytes += size;
        buffer_append(&query->sent, part, size);
    }
}

void http_query_drop(struct http_request *request) {
    if (request->query != NULL) {
        free_query(request->query);
        request->query = NULL;
    }
}

enum MHD_Result http_query(struct http_request *request) {
    struct kmb_error error = {0};
    struct http_query *query = request->query;
    begin_request(request, query);
    enum kmb_status status = check_body(request, query, &error);
    unsigned http_status = http_status_of(status); /* KMB_LIMIT of a statement is another thing */
    if (status == KMB_OK) {
        status = http_body_read(buffer_slice(&query->sent), &query->arena, &query->body, &error);
        status = status == KMB_OK ? begin(request, query, &error) : status;
        http_status = status_row_of(status)->http;
    }
    if (status != KMB_OK) {
        return refuse_query(request, http_status, &error);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PART_BYTES, on_part, query, free_query);
    if (response == NULL) {
        return MHD_NO; /* the request's end drops the query */
    }
    request->query = NULL; /* it is the response's */
    answer_begins(query);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}
