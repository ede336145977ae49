/*
 * A session of PostgreSQL's protocol 3: startup, then messages one after the other until the client leaves.
 *
 * Within a step the machine reads message after message; what a message begins that takes longer than a step may (rows
 * that fill the output, a commit to be waited for) is left as a task and gone on with at the next step. Output rests on
 * the newest commit of the session: as long as that is not durable, the step ends in PROTOCOL_COMMIT.
 */
#include "server/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"
#include "engine/neighbours.h"
#include "server/internal.h"
#include "server/pg_internal.h"

/* --- life ----------------------------------------------------------------------------------------------------------
 */

void *pg_new(struct server *server, struct connection *connection, const struct protocol_peer *peer) {
    struct pg_session *session = mem_alloc_zero(1, sizeof(*session));
    if (session != NULL) {
        session->server = server;
        session->connection = connection;
        session->peer = peer;
        session->source = (struct request_source){
            .server = server, .connection = connection, .user = session->identity.user, .peer = peer->address};
    }
    return session;
}

static void drop_authentication(struct pg_session *session) {
    if (session->authentication != NULL) {
        authentication_wipe(session->authentication);
        mem_free(session->authentication);
        session->authentication = NULL;
    }
}

static void pg_free(void *machine) {
    struct pg_session *session = machine;
    activity_end(session->server, &session->connection->activity);
    requests_synced(&session->source);
    pg_request_end(session, false);
    pg_drop_script(session);
    pg_drop_portals(session);
    pg_drop_statements(session);
    buffer_free(&session->script_memory);
    buffer_free(&session->script_parts);
    buffer_free(&session->startup);
    drop_authentication(session);
    kmb_session_close(session->session);
    mem_free(session);
}

static void pg_synced(void *machine) {
    struct pg_session *session = machine;
    requests_synced(&session->source);
}

static void pg_cancel(void *machine) {
    struct pg_session *session = machine;
    kmb_cancel(session->session);
}

static bool pg_busy(const void *machine) {
    const struct pg_session *session = machine;
    return session->session != NULL && (session->task != PG_TASK_NONE || session_in_transaction(session->inner));
}

static bool pg_welcome(const void *machine) {
    const struct pg_session *session = machine;
    return session->session != NULL;
}

static int64_t pg_patience_ms(const void *machine) {
    const struct pg_session *session = machine;
    return (int64_t)(session_in_transaction(session->inner) ? session->server->settings->timeouts.idle_in_transaction_ms
                                                            : session->server->settings->timeouts.idle_ms);
}

static void fail(struct pg_session *session, struct buffer *out, enum pg_severity severity,
                 const struct kmb_error *error) {
    pg_tell_error(session, out, severity, error);
    session->terminated = session->terminated || severity >= PG_SEVERITY_FATAL;
}

/* --- startup -------------------------------------------------------------------------------------------------------
 */

static void quote(struct buffer *out, struct slice text) {
    buffer_append(out, "'", 1);
    for (size_t i = 0; i < text.length; i++) {
        buffer_append(out, text.bytes + i, 1);
        if (text.bytes[i] == '\'') {
            buffer_append(out, "'", 1);
        }
    }
    buffer_append(out, "'", 1);
}

/* Sets what the startup message asks for. */
static enum kmb_status set(struct pg_session *session, struct slice name, struct slice value, struct kmb_error *error) {
    struct buffer text = {0};
    buffer_append_text(&text, "SELECT pg_catalog.set_config(");
    quote(&text, name);
    buffer_append_text(&text, ", ");
    quote(&text, value);
    buffer_append_text(&text, ", false)");
    const char *sql = buffer_text(&text);
    enum kmb_status status =
        sql == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory") : kmb_exec(session->session, sql, error);
    buffer_free(&text);
    if (status != KMB_OK && error != NULL) {
        error->position = 0;
    }
    return status;
}

/* The options setting: "-c name=value --name=value", with backslashes before blanks. */
static enum kmb_status set_options(struct pg_session *session, struct slice options, struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    struct buffer word = {0};
    bool wants_pair = false;
    size_t at = 0;
    while (status == KMB_OK && at < options.length) {
        buffer_clear(&word);
        while (at < options.length && options.bytes[at] == ' ') {
            at++;
        }
        while (at < options.length && options.bytes[at] != ' ') {
            at += options.bytes[at] == '\\' && at + 1 < options.length;
            buffer_append(&word, options.bytes + at++, 1);
        }
        struct slice text = buffer_slice(&word);
        if (text.length == 0) {
            continue;
        }
        if (!wants_pair && slice_equal_text(text, "-c")) {
            wants_pair = true;
            continue;
        }
        size_t skip = wants_pair ? 0 : 2;
        const uint8_t *sign = memchr(text.bytes, '=', text.length);
        if ((!wants_pair &&
             (text.length < 3 || (memcmp(text.bytes, "--", 2) != 0 && memcmp(text.bytes, "-c", 2) != 0))) ||
            sign == NULL) {
            status = error_set(error, KMB_SYNTAX, "invalid command-line argument for server process: %.*s",
                               (int)text.length, (const char *)text.bytes);
            break;
        }
        wants_pair = false;
        struct slice name = slice_make(text.bytes + skip, (size_t)(sign - text.bytes) - skip);
        struct slice value = slice_make(sign + 1, text.length - (size_t)(sign - text.bytes) - 1);
        status = set(session, name, value, error);
    }
    buffer_free(&word);
    return status;
}

static void copy_name(char *to, size_t size, struct slice name) {
    size_t length = name.length < size - 1 ? name.length : size - 1;
    memcpy(to, name.bytes, length);
    to[length] = 0;
}

static bool is_startup_word(struct slice name) {
    static const char *const words[] = {"user", "database", "options", "replication"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal_text(name, words[i])) {
            return true;
        }
    }
    return pg_startup_is_option(name);
}

static enum pg_severity severity_of(enum kmb_status status) {
    if (status_warns(status)) {
        return PG_SEVERITY_WARNING;
    }
    switch ((int)status) {
    case KMB_INFO:
        return PG_SEVERITY_INFO;
    case KMB_LOG:
        return PG_SEVERITY_LOG;
    case KMB_DEBUG:
        return PG_SEVERITY_DEBUG;
    default:
        return PG_SEVERITY_NOTICE;
    }
}

static void tell_notice(void *context, const struct kmb_error *notice) {
    const struct pg_session *session = context;
    if (session->output != NULL) {
        pg_write_error(session->output, severity_of(notice->status), notice);
    }
}

static void wake(void *connection) {
    connection_wake(connection);
}

static void cancel_inner(void *context) {
    kmb_cancel(context);
}

/* Others may see it from now on. */
static enum kmb_status note_session(struct pg_session *session, struct kmb_error *error) {
    struct activity *activity = &session->connection->activity;
    activity->session = session_number(session->inner);
    activity->tenant = session->tenant;
    activity->protocol = pg_protocol.name;
    activity->connection = session->connection;
    activity->cancel = cancel_inner;
    activity->context = session->session;
    return activity_begin(session->server, activity, &session->identity, session->database, session->peer->address,
                          error);
}

/* Counts as a connection of its tenant from now on. */
static enum kmb_status enter_tenant(struct pg_session *session, struct kmb_error *error) {
    struct connection *connection = session->connection;
    ASSERT(connection->tenant_party == NULL);
    enum kmb_status status = limits_enter(session->server->limits, LIMITS_TENANT, (struct slice){0}, session->tenant,
                                          &connection->tenant_party, error);
    if (status == KMB_TOO_MANY_CONNECTIONS) {
        error_set(error, status, "too many connections for database \"%s\"", session->database);
        error_hint(error, "limits.connections_per_tenant says how many there may be.");
    }
    limits_charge_tenant(connection->tenant_party, &connection->charge);
    return status;
}

static enum kmb_status open_session(struct pg_session *session, const struct pg_startup *startup,
                                    struct kmb_error *error) {
    struct slice rest = startup->settings;
    struct slice name;
    struct slice value;
    if (startup->replication.length > 0 && !slice_equal_text(startup->replication, "false") &&
        !slice_equal_text(startup->replication, "off") && !slice_equal_text(startup->replication, "0")) {
        return error_set(error, KMB_UNSUPPORTED, "replication connections are not supported");
    }
    enum kmb_status status = session->tenant == 0 ? KMB_TENANT_NOT_FOUND : enter_tenant(session, error);
    if (status == KMB_OK) {
        status = kmb_session_open(session->server->db, session->tenant, &session->session, error);
    }
    if (status == KMB_TENANT_NOT_FOUND) {
        error_set(error, status, "database \"%s\" does not exist", session->database);
        error_hint(error, "The database is a tenant, by its name or number; the first one is \"kimberlite\".");
        return status;
    }
    if (status != KMB_OK) {
        return status;
    }
    session->inner = api_session(session->session);
    session->source.session = session->inner;
    session->source.tenant = session->tenant;
    session_charge(session->inner, session->peer->charge);
    session_defer(session->inner, true);
    session_hold_cancel(session->inner, true);
    session_set_isolation(session->inner, SQL_ISOLATION_READ_COMMITTED); /* as its clients expect */
    notify_listener_wake(session_neighbours(session->inner)->notices, wake, session->connection);
    session_set_wake(session->inner, wake, session->connection);
    session_set_notice(session->inner, tell_notice, session);
    session_serve(session->inner, &session->server->face, slice_text(session->database));
    status = note_session(session, error);
    if (status == KMB_OK) {
        status = session_set_user(session->inner, slice_text(session->identity.user), session->identity.sql, error);
    }
    if (status == KMB_OK && !identity_may_write(&session->identity)) {
        session_set_reader(session->inner);
    }
    uint64_t timeout_ms = session->server->settings->timeouts.statement_ms;
    if (status == KMB_OK && timeout_ms > 0) {
        char text[24];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)timeout_ms);
        status = set(session, slice_text("statement_timeout"), slice_text(text), error);
    }
    while (status == KMB_OK && pg_startup_next(&rest, &name, &value)) {
        if (!is_startup_word(name)) {
            status = set(session, name, value, error);
        }
    }
    return status == KMB_OK ? set_options(session, startup->options, error) : status;
}

static void greet(struct pg_session *session, struct buffer *out, const struct pg_startup *startup) {
    static const char *const shown[] = {"server_version", "server_encoding",   "client_encoding",
                                        "in_hot_standby", "integer_datetimes", "standard_conforming_strings"};
    session->protocol_version = startup->version;
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        char text[96];
        kmb_statement *statement = NULL;
        snprintf(text, sizeof(text), "SHOW %s", shown[i]);
        if (kmb_prepare(session->session, text, strlen(text), &statement, NULL, NULL) == KMB_OK &&
            kmb_step(statement, NULL) == KMB_ROW) {
            pg_write_parameter_status(out, shown[i], kmb_column_text(statement, 0, NULL));
        }
        kmb_finalize(statement);
    }
    pg_write_parameter_status(out, "is_superuser", session->identity.superuser ? "on" : "off");
    pg_write_parameter_status(out, "session_authorization", session->identity.user);
    pg_tell_settings(session, out, true);
    connection_make_key(session->connection, startup->version > PG_PROTOCOL_VERSION(3, 0) ? 32 : 4);
    pg_write_backend_key(out, (uint32_t)session_number(session->inner),
                         slice_make(session->connection->cancel_key, session->connection->cancel_key_length));
    pg_write_ready_now(session, out);
}

/* Who it is stands: opens the session. */
static enum protocol_next admit(struct pg_session *session, struct buffer *out, const struct pg_startup *startup) {
    struct kmb_error error = {0};
    if (open_session(session, startup, &error) != KMB_OK) {
        fail(session, out, PG_SEVERITY_FATAL, &error);
        return PROTOCOL_CLOSE;
    }
    greet(session, out, startup);
    return PROTOCOL_FLUSH;
}

/* Asks the client who it is, if that is asked at all. packet: its first message. */
static enum protocol_next ask(struct pg_session *session, struct protocol_io *io, const struct pg_startup *startup,
                              struct slice packet) {
    const struct protocol_peer *peer = session->peer;
    const struct authenticate_peer facts = {
        .source = peer->source,
        .local = peer->local,
        .tls = peer->tls,
        .certificate_name = peer->certificate_name == NULL ? (struct slice){0} : slice_text(peer->certificate_name),
        .channel_binding = peer->channel_binding,
    };
    struct kmb_error error = {0};
    struct authentication *authentication = mem_alloc_zero(1, sizeof(*authentication));
    if (startup->negotiate) {
        pg_write_negotiation(io->output, startup);
    }
    copy_name(session->database, sizeof(session->database), startup->database);
    enum kmb_status status = authentication == NULL
                                 ? error_set(&error, KMB_NO_MEMORY, "out of memory")
                                 : authenticate_source(session->server->authenticator, &facts, &error);
    if (status == KMB_OK) {
        session->tenant = server_find_tenant(session->server->shard, session->database);
        status = authenticate_begin(session->server->authenticator, &facts, (struct tenant_id){session->tenant},
                                    startup->user, authentication, &error);
    }
    session->authentication = authentication;
    if (status == KMB_OK && authentication->ask != AUTHENTICATE_NOTHING) {
        buffer_append_slice(&session->startup, packet);
        status = buffer_ok(&session->startup) ? KMB_OK : error_set(&error, KMB_NO_MEMORY, "out of memory");
    }
    if (status != KMB_OK) {
        fail(session, io->output, PG_SEVERITY_FATAL, &error);
        return PROTOCOL_CLOSE;
    }
    switch (authentication->ask) {
    case AUTHENTICATE_SASL: {
        const char *const both[] = {SCRAM_MECHANISM_PLUS, SCRAM_MECHANISM, NULL};
        pg_write_authentication_sasl(io->output, authentication->plus ? both : both + 1);
        return PROTOCOL_READ;
    }
    case AUTHENTICATE_CLEARTEXT:
        pg_write_authentication_password(io->output);
        return PROTOCOL_READ;
    case AUTHENTICATE_NOTHING:
        break;
    }
    session->identity = authentication->identity;
    drop_authentication(session);
    pg_write_authentication_ok(io->output);
    return admit(session, io->output, startup);
}

/* Takes a message of a login. *done: the client has shown who it is. */
static enum kmb_status take_password(struct pg_session *session, struct buffer *out, struct slice body, bool *done,
                                     struct kmb_error *error) {
    struct authentication *authentication = session->authentication;
    struct pg_sasl_initial initial = {0};
    struct buffer reply = {0};
    struct slice text = body;
    enum kmb_status status = KMB_OK;
    *done = false;
    if (authentication->ask == AUTHENTICATE_CLEARTEXT) {
        status = pg_password_read(body, &text, error);
        status = status == KMB_OK ? authenticate_password(authentication, text, error) : status;
        *done = status == KMB_OK;
        return status;
    }
    if (!authentication->begun) {
        status = pg_sasl_initial_read(body, &initial, error);
        text = initial.response;
    }
    if (status == KMB_OK) {
        status = authenticate_sasl(authentication, initial.mechanism, text, &reply, error);
    }
    if (status == KMB_ROW) {
        pg_write_authentication_sasl_continue(out, buffer_slice(&reply));
    } else if (status == KMB_DONE) {
        pg_write_authentication_sasl_final(out, buffer_slice(&reply));
        *done = true;
    }
    buffer_free(&reply);
    return status == KMB_ROW || status == KMB_DONE ? KMB_OK : status;
}

/* The client is being asked who it is. */
static enum protocol_next log_in(struct pg_session *session, struct protocol_io *io) {
    struct pg_frame frame;
    struct pg_startup startup;
    struct kmb_error error = {0};
    bool done = false;
    struct slice input = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
    enum pg_read read = pg_frame_read(input, PG_TOKEN_MAX, &frame, &error);
    if (read == PG_READ_INCOMPLETE) {
        return PROTOCOL_READ;
    }
    if (read == PG_READ_WHOLE && frame.type == PG_TERMINATE) {
        return PROTOCOL_CLOSE;
    }
    enum kmb_status status = KMB_PROTOCOL; /* with the reader's words */
    if (read == PG_READ_WHOLE && frame.type != PG_PASSWORD) {
        error_set(&error, KMB_PROTOCOL, "expected password response, got message type %u", (unsigned)frame.type);
    } else if (read == PG_READ_WHOLE) {
        io->consumed += frame.size;
        status = take_password(session, io->output, frame.body, &done, &error);
    }
    if (status != KMB_OK) {
        fail(session, io->output, PG_SEVERITY_FATAL, &error);
        return PROTOCOL_CLOSE;
    }
    if (!done) {
        return PROTOCOL_FLUSH;
    }
    read = pg_startup_read(buffer_slice(&session->startup), &startup, &error);
    ASSERT(read == PG_READ_WHOLE); /* as it was before */
    session->identity = session->authentication->identity;
    drop_authentication(session);
    pg_write_authentication_ok(io->output);
    enum protocol_next next = admit(session, io->output, &startup);
    buffer_free(&session->startup);
    return next;
}

/* Reads the first messages. Answers what is next; PROTOCOL_FLUSH: the session is there, go on. */
static enum protocol_next start(struct pg_session *session, struct protocol_io *io) {
    struct pg_startup startup;
    struct kmb_error error = {0};
    if (session->authentication != NULL) {
        return log_in(session, io);
    }
    struct slice input = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
    enum pg_read read = pg_startup_read(input, &startup, &error);
    if (read == PG_READ_INCOMPLETE) {
        return PROTOCOL_READ;
    }
    if (read != PG_READ_WHOLE) {
        if (read == PG_READ_REFUSED) {
            fail(session, io->output, PG_SEVERITY_FATAL, &error);
        }
        return PROTOCOL_CLOSE;
    }
    io->consumed += startup.size;
    switch (startup.kind) {
    case PG_STARTUP_TLS:
        if (session->server->tls != NULL && !session->peer->tls) {
            buffer_append_byte(io->output, 'S');
            return PROTOCOL_TLS;
        }
        buffer_append_byte(io->output, 'N');
        return PROTOCOL_FLUSH;
    case PG_STARTUP_GSS:
        buffer_append_byte(io->output, 'N');
        return PROTOCOL_FLUSH;
    case PG_STARTUP_CANCEL:
        server_cancel(session->server, startup.process, startup.key);
        return PROTOCOL_CLOSE;
    case PG_STARTUP_SESSION:
        break;
    }
    if (session->peer->refusal != NULL) {
        fail(session, io->output, PG_SEVERITY_FATAL, session->peer->refusal);
        return PROTOCOL_CLOSE;
    }
    return ask(session, io, &startup, slice_make(input.bytes, startup.size));
}

/* --- messages ------------------------------------------------------------------------------------------------------
 */

static void end_batch(struct pg_session *session, struct buffer *out) {
    struct kmb_error error;
    error_clear(&error);
    if (pg_end_implicit(session, session_failed(session->inner), &error) != KMB_OK) {
        pg_tell_error(session, out, PG_SEVERITY_ERROR, &error);
    }
    session->skipping = false;
    if (!session_in_transaction(session->inner)) {
        pg_drop_portals(session);
    }
    pg_tell_settings(session, out, false);
    pg_tell_notifications(session, out);
    pg_write_ready_now(session, out);
}

/* An error of the extended protocol: what follows up to Sync counts for nothing. */
static void fail_extended(struct pg_session *session, struct buffer *out, const struct kmb_error *error) {
    pg_tell_error(session, out, PG_SEVERITY_ERROR, error);
    session->skipping = true;
    session_fail(session->inner);
    (void)pg_leave_astray(session, out);
}

static bool sync_follows(struct slice rest) {
    struct pg_frame frame;
    return rest.length >= 5 && pg_frame_read(rest, PG_MESSAGE_MAX, &frame, NULL) == PG_READ_WHOLE &&
           frame.type == PG_SYNC;
}

static void dispatch_extended(struct pg_session *session, struct protocol_io *io, const struct pg_message *message) {
    struct kmb_error error;
    error_clear(&error);
    enum kmb_status status = KMB_OK;
    int64_t begun_ns = 0;
    switch (message->type) {
    case PG_PARSE:
        begun_ns = request_parse_begin(&session->source);
        status = pg_parse(session, io->output, &message->as.parse, &error);
        request_parse_end(&session->source, message->as.parse.query, begun_ns, status);
        break;
    case PG_BIND:
        status = pg_bind(session, io->output, &message->as.bind, &error);
        break;
    case PG_DESCRIBE:
        status = pg_describe(session, io->output, &message->as.target, &error);
        break;
    case PG_EXECUTE:
        status = pg_execute(session, &message->as.execute,
                            sync_follows(slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed)),
                            &error);
        break;
    case PG_CLOSE:
        pg_close(session, io->output, &message->as.target);
        break;
    default:
        status = error_set(&error, KMB_PROTOCOL, "invalid frontend message type %u", (unsigned)message->type);
        break;
    }
    if (status != KMB_OK) {
        fail_extended(session, io->output, &error);
    }
}

/* A function call is a message of its own: ReadyForQuery follows its error at once. */
static void refuse_call(struct pg_session *session, struct buffer *out) {
    struct kmb_error error = {0};
    error_set(&error, KMB_UNSUPPORTED, "function calls by the protocol's own message are not supported");
    error_hint(&error, "Call the function in a query.");
    pg_tell_error(session, out, PG_SEVERITY_ERROR, &error);
    session_fail(session->inner);
    end_batch(session, out);
}

/* Handles one message, which io->consumed is already behind. */
static void dispatch(struct pg_session *session, struct protocol_io *io, const struct pg_frame *frame) {
    struct pg_message message;
    struct kmb_error error;
    error_clear(&error);
    switch (frame->type) {
    case PG_TERMINATE:
        session->terminated = true;
        return;
    case PG_SYNC:
        end_batch(session, io->output);
        return;
    case PG_FUNCTION_CALL:
        if (!session->skipping) {
            refuse_call(session, io->output);
        }
        return;
    case PG_FLUSH:
    case PG_COPY_DATA: /* of a COPY that has failed: the client did not know yet */
    case PG_COPY_DONE:
    case PG_COPY_FAIL:
        return;
    default:
        break;
    }
    if (session->skipping) {
        return;
    }
    if (pg_message_read(frame, &message, &error) != KMB_OK) {
        if (frame->type == PG_QUERY) {
            pg_tell_error(session, io->output, PG_SEVERITY_ERROR, &error);
            session_fail(session->inner);
            pg_write_ready_now(session, io->output);
        } else {
            fail_extended(session, io->output, &error);
        }
        return;
    }
    if (frame->type == PG_QUERY) {
        session->skipping = false;
        pg_query(session, io, message.as.text);
    } else {
        dispatch_extended(session, io, &message);
    }
}

/* Goes on with the task. false: it has paused. */
static bool go_on(struct pg_session *session, struct protocol_io *io) {
    struct kmb_error error;
    error_clear(&error);
    if (session->task == PG_TASK_SCRIPT) {
        return pg_continue_script(session, io);
    }
    enum pg_outcome outcome = pg_continue_execute(session, io, &error);
    if (outcome == PG_PAUSED) {
        return false;
    }
    session->request.status = outcome == PG_FAILED ? error.status : KMB_OK;
    pg_request_end(session, outcome == PG_FINISHED || outcome == PG_SUSPENDED);
    switch (outcome) {
    case PG_PAUSED:
    case PG_SUSPENDED:
        pg_write_plain(io->output, PG_PORTAL_SUSPENDED);
        break;
    case PG_FAILED:
        if (!atomic_load(&session->connection->terminated)) { /* else that is all that is told */
            fail_extended(session, io->output, &error);
        }
        break;
    case PG_LOST:
        session->terminated = true;
        break;
    case PG_FINISHED:
        break;
    }
    session->task = PG_TASK_NONE;
    session->portal = NULL;
    pg_drop_fetch(session);
    if (session->portals_ended) {
        session->portals_ended = false;
        pg_drop_portals(session);
    }
    pg_drop_portals_gone(session);
    return true;
}

/* The server is stopping, or the client's time is over: what is said before leaving. */
static enum protocol_next leave(struct pg_session *session, struct protocol_io *io) {
    struct kmb_error error = {0};
    if (io->expired && !io->draining && session_in_transaction(session->inner)) {
        error_set(&error, KMB_IDLE_TRANSACTION_TIMEOUT, "terminating connection due to idle-in-transaction timeout");
    } else if (io->expired && !io->draining) {
        error_set(&error, KMB_IDLE_TIMEOUT, "terminating connection due to idle-session timeout");
    } else {
        error_set(&error, KMB_SHUTDOWN, "terminating connection due to administrator command");
    }
    if (session->session != NULL) {
        fail(session, io->output, PG_SEVERITY_FATAL, &error);
    }
    return PROTOCOL_CLOSE;
}

/* A message is not carried out. */
static void refuse_message(struct pg_session *session, struct buffer *out, unsigned type,
                           const struct kmb_error *error) {
    if (type == PG_QUERY) {
        pg_tell_error(session, out, PG_SEVERITY_ERROR, error);
        session_fail(session->inner);
        pg_write_ready_now(session, out);
    } else if (!session->skipping) {
        fail_extended(session, out, error);
    }
}

static enum protocol_next serve(struct pg_session *session, struct protocol_io *io) {
    while (!session->terminated) {
        struct kmb_error error;
        error_clear(&error);
        struct pg_frame frame;
        if (session->task != PG_TASK_NONE) {
            if (!go_on(session, io)) {
                return session_parked(session->inner) ? PROTOCOL_WAIT : PROTOCOL_FLUSH;
            }
            continue;
        }
        if (atomic_load(&session->connection->terminated) ||
            (io->draining && !session_in_transaction(session->inner))) {
            return leave(session, io);
        }
        struct slice input = slice_make(io->input.bytes + io->consumed, io->input.length - io->consumed);
        if (session->skip > 0 && input.length > 0) {
            size_t dropped = input.length < session->skip ? input.length : (size_t)session->skip;
            io->consumed += dropped;
            session->skip -= dropped;
            continue;
        }
        enum pg_read read = pg_frame_read(input, session->server->settings->limits.message_bytes, &frame, &error);
        if (read == PG_READ_INCOMPLETE && pg_limit_memory(session, input, &error) != KMB_OK) {
            refuse_message(session, io->output, input.bytes[0], &error);
            continue;
        }
        if (read == PG_READ_WHOLE && (frame.type == PG_PARSE || frame.type == PG_QUERY) &&
            session_pending(session->inner) != 0) {
            return PROTOCOL_FLUSH; /* names are looked up in what is durable: rather than wait for it here */
        }
        if (read == PG_READ_INCOMPLETE) {
            pg_tell_notifications(session, io->output);
            return io->expired ? leave(session, io) : io->ended ? PROTOCOL_CLOSE : PROTOCOL_READ;
        }
        if (read != PG_READ_WHOLE) {
            fail(session, io->output, PG_SEVERITY_FATAL, &error);
            break;
        }
        if (io->cancelled == NULL || !io->cancelled(io)) {
            session_forget_cancel(session->inner); /* it came while the client was waited for */
        }
        io->consumed += frame.size;
        if (!session->skipping && pg_limit_message(session, &frame, &error) != KMB_OK) {
            refuse_message(session, io->output, frame.type, &error);
        } else {
            dispatch(session, io, &frame);
        }
        if (io->output->length >= PROTOCOL_OUTPUT_SOFT) {
            return PROTOCOL_FLUSH;
        }
    }
    return PROTOCOL_CLOSE;
}

/* What pg_stat_activity shows while the client is waited for. */
static void tell_state(struct pg_session *session) {
    bool open = session_in_transaction(session->inner);
    activity_state(session->server, &session->connection->activity,
                   !open                            ? "idle"
                   : session_failed(session->inner) ? "idle in transaction (aborted)"
                                                    : "idle in transaction",
                   session_settings(session->inner)->application_name, open);
}

static enum protocol_next pg_step(void *machine, struct protocol_io *io) {
    struct pg_session *session = machine;
    enum protocol_next next = PROTOCOL_FLUSH;
    requests_synced(&session->source);
    while (session->session == NULL && next == PROTOCOL_FLUSH) {
        next = io->draining || io->expired ? PROTOCOL_CLOSE : start(session, io);
        if (session->session == NULL && next == PROTOCOL_READ && io->ended) {
            next = PROTOCOL_CLOSE;
        }
    }
    if (session->session == NULL) {
        return next;
    }
    session->output = io->output;
    next = serve(session, io);
    session->output = NULL;
    if (next == PROTOCOL_READ) {
        tell_state(session);
    }
    uint64_t pending = session_pending(session->inner);
    if (pending != 0) {
        io->durable_op = pending;
        io->then = next;
        return PROTOCOL_COMMIT;
    }
    return next;
}

const struct protocol pg_protocol = {
    .name = "postgresql",
    .step = pg_step,
    .synced = pg_synced,
    .cancel = pg_cancel,
    .busy = pg_busy,
    .welcome = pg_welcome,
    .patience_ms = pg_patience_ms,
    .free = pg_free,
    .input_max = PG_MESSAGE_MAX,
};
