/*
 * Functions about the session, its settings, and the others of its tenant: current_setting, set_config, advisory locks,
 * notifications, backends.
 *
 * What only a server knows comes through struct sql_server; without one a session has its own number, and no address.
 * A function that returns void in PostgreSQL returns an empty text.
 */
#include <time.h>

#include "base/memory.h"
#include "sql/define_internal.h"
#include "sql/func/loops.h"
#include "sql/path.h"
#include "sql/setting.h"
#include "sql/sql.h"
#include "types/array.h"

#define CHANNEL_BYTES_MAX 63
#define PAYLOAD_BYTES_MAX 7999
#define SLEEP_STEP_NS     50000000 /* between two looks whether the statement is cancelled */

static void give_empty(struct vector *result, uint32_t row) {
    result->bytes[row] = slice_text("");
}

/* --- settings --- */

static char *text_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t n, uint32_t row) {
    struct slice text = ARGUMENT_BYTES(n, row);
    return sql_printf(call->context, "%.*s", (int)text.length, (const char *)text.bytes);
}

static void fn_current_setting(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        const char *name = text_argument(call, arguments, 0, row);
        const char *text = sql_setting_text_of(call->context, name);
        if (text != NULL) {
            size_t length = strlen(text);
            uint8_t *bytes = result_bytes(call, length);
            memcpy(bytes, text, length);
            result->bytes[row] = slice_make(bytes, length);
        } else if (call->argument_count == 2 && arguments[1]->boolean[vector_row(arguments[1], row)]) {
            result_null(result, row);
        } else {
            setting_raise_unknown(call->context, call->position, name);
        }
    }
}

/* set_config(name, value, only for the transaction): what SET does, and the value as SHOW then gives it. */
static void fn_set_config(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    const struct sql_host *host = context->host;
    if (host == NULL || host->settings == NULL) {
        sql_raise_unsupported(context, call->position, "set_config() here");
    }
    EACH_ROW(row) {
        if (argument_null(arguments, 0, row)) {
            sql_raise(context, KMB_NULL_NOT_ALLOWED, call->position, "SET requires parameter name");
        }
        const char *name = text_argument(call, arguments, 0, row);
        const char *value = argument_null(arguments, 1, row) ? NULL : text_argument(call, arguments, 1, row);
        bool local = !argument_null(arguments, 2, row) && arguments[2]->boolean[vector_row(arguments[2], row)] != 0;
        struct plan_ddl change = {.kind = DDL_SET, .local = local};
        sql_setting_change(context, name, value, call->position, &change);
        bool alone = local && (host->in_block == NULL || !host->in_block(host->context)); /* for this statement */
        if (change.kind == DDL_CONTROL) {
            define_run(context, host, &change);
        } else if (alone) {
            define_set_statement(context, host, &change);
        } else {
            define_set(context, host, &change);
        }
        const char *text = sql_setting_text_of(context, name);
        size_t length = text == NULL ? 0 : strlen(text);
        uint8_t *bytes = result_bytes(call, length);
        if (length > 0) {
            memcpy(bytes, text, length);
        }
        result->bytes[row] = slice_make(bytes, length);
    }
}

/* --- advisory locks --- */

static const struct sql_neighbours *neighbours_of(const struct sql_call *call, const char *function) {
    const struct sql_host *host = call->context->host;
    if (host == NULL || host->neighbours == NULL) {
        sql_raise_unsupported(call->context, call->position, "%s() here", function);
    }
    return host->neighbours;
}

static struct sql_lock lock_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    return (struct sql_lock){.kind = call->argument_count == 2 ? SQL_LOCK_PAIR : SQL_LOCK_NUMBER,
                             .first = ARGUMENT_INT(0, row),
                             .second = call->argument_count == 2 ? ARGUMENT_INT(1, row) : 0};
}

/* Locks of a transaction that is one statement are given back when it ends. */
struct lock_place {
    const struct sql_host *host;
    uint64_t mark;
};

static void lock_place_end(void *object) {
    const struct lock_place *place = object;
    place->host->neighbours->unlock_to(place->host->context, place->mark);
}

static void lock_rows(SCALAR_PARAMETERS, bool shared, bool transaction, bool attempt) {
    struct sql_context *context = call->context;
    const struct sql_neighbours *neighbours = neighbours_of(call, "pg_advisory_lock");
    const struct sql_host *host = context->host;
    if (transaction && (host->in_block == NULL || !host->in_block(host->context))) {
        struct lock_place *place = sql_alloc_zero(context, 1, sizeof(*place));
        *place = (struct lock_place){.host = host, .mark = neighbours->lock_mark(host->context)};
        sql_defer(context, lock_place_end, place);
    }
    EACH_ROW(row) {
        bool taken = false;
        struct sql_lock lock = lock_argument(call, arguments, row);
        lock.mode = shared ? SQL_LOCK_SHARE : SQL_LOCK_EXCLUSIVE;
        lock.transaction = transaction;
        sql_try(context, neighbours->lock(host->context, &lock, attempt, &taken, context->error));
        if (attempt) {
            result->boolean[row] = taken;
        } else {
            give_empty(result, row);
        }
    }
}

static void unlock_rows(SCALAR_PARAMETERS, bool shared) {
    struct sql_context *context = call->context;
    const struct sql_neighbours *neighbours = neighbours_of(call, "pg_advisory_unlock");
    EACH_ROW(row) {
        bool given = false;
        struct sql_lock lock = lock_argument(call, arguments, row);
        lock.mode = shared ? SQL_LOCK_SHARE : SQL_LOCK_EXCLUSIVE;
        sql_try(context, neighbours->unlock(context->host->context, &lock, &given, context->error));
        if (!given) {
            sql_notice(context, KMB_WARNING, NULL, "you don't own a lock of type %s",
                       shared ? "ShareLock" : "ExclusiveLock");
        }
        result->boolean[row] = given;
    }
}

#define LOCK_FUNCTION(name, shared, transaction, attempt)                                                              \
    static void name(SCALAR_PARAMETERS) {                                                                              \
        lock_rows(call, arguments, result, selection, count, shared, transaction, attempt);                            \
    }
LOCK_FUNCTION(fn_lock, false, false, false)
LOCK_FUNCTION(fn_lock_shared, true, false, false)
LOCK_FUNCTION(fn_lock_xact, false, true, false)
LOCK_FUNCTION(fn_lock_xact_shared, true, true, false)
LOCK_FUNCTION(fn_try_lock, false, false, true)
LOCK_FUNCTION(fn_try_lock_shared, true, false, true)
LOCK_FUNCTION(fn_try_lock_xact, false, true, true)
LOCK_FUNCTION(fn_try_lock_xact_shared, true, true, true)

static void fn_unlock(SCALAR_PARAMETERS) {
    unlock_rows(call, arguments, result, selection, count, false);
}

static void fn_unlock_shared(SCALAR_PARAMETERS) {
    unlock_rows(call, arguments, result, selection, count, true);
}

static void fn_unlock_all(SCALAR_PARAMETERS) {
    const struct sql_neighbours *neighbours = neighbours_of(call, "pg_advisory_unlock_all");
    EACH_ROW(row) {
        sql_try(call->context, neighbours->unlock_all(call->context->host->context, call->context->error));
        give_empty(result, row);
    }
}

/* --- notifications --- */

void sql_notify(struct sql_context *context, struct slice channel, struct slice payload) {
    const struct sql_host *host = context->host;
    if (channel.length == 0) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "channel name cannot be empty");
    }
    if (channel.length > CHANNEL_BYTES_MAX) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "channel name too long");
    }
    if (payload.length > PAYLOAD_BYTES_MAX) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "payload string too long");
    }
    if (host == NULL || host->neighbours == NULL) {
        sql_raise_unsupported(context, 0, "NOTIFY here");
    }
    sql_try(context, host->neighbours->notify(host->context, channel, payload, context->error));
}

static void fn_notify(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice none = {.length = 0};
        sql_notify(call->context, argument_null(arguments, 0, row) ? none : ARGUMENT_BYTES(0, row),
                   argument_null(arguments, 1, row) ? none : ARGUMENT_BYTES(1, row));
        give_empty(result, row);
    }
}

static void fn_notify_usage(SCALAR_PARAMETERS) {
    const struct sql_neighbours *neighbours = neighbours_of(call, "pg_notification_queue_usage");
    EACH_ROW(row) {
        result->real[row] = neighbours->notify_usage(call->context->host->context);
    }
}

struct channels {
    size_t at;
};

static void channels_open(const struct sql_call *call, void *state, const struct value *arguments) {
    (void)arguments;
    (void)state;
    (void)neighbours_of(call, "pg_listening_channels");
}

static bool channels_next(const struct sql_call *call, void *state, struct value *row) {
    struct channels *channels = state;
    const struct sql_host *host = call->context->host;
    const char *name = host->neighbours->channel(host->context, channels->at++);
    if (name != NULL) {
        *row = value_text(slice_text(name));
    }
    return name != NULL;
}

static const struct sql_set channels_set = {sizeof(struct channels), channels_open, channels_next, NULL, 0};

/* --- backends --- */

static const struct sql_server *server_of(const struct sql_call *call) {
    return call->context->host == NULL ? NULL : call->context->host->server;
}

static uint32_t own_tenant(const struct sql_call *call) {
    return call->context->host == NULL ? 0 : call->context->host->tenant;
}

static uint64_t own_number(const struct sql_call *call) {
    return call->context->host == NULL ? 0 : call->context->host->session;
}

static void fn_backend_pid(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->integer[row] = (int64_t)(own_number(call) & INT32_MAX);
    }
}

#define BLOCKERS_MAX 256 /* that pg_blocking_pids() tells */

struct blocker_list {
    struct value numbers[BLOCKERS_MAX];
    uint32_t count;
};

static void note_blocker(void *context, uint64_t blocker) {
    struct blocker_list *list = context;
    int64_t number = (int64_t)(blocker & INT32_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->numbers[i].as.integer == number) {
            return;
        }
    }
    if (list->count < BLOCKERS_MAX) {
        list->numbers[list->count] = value_int8(number);
        list->numbers[list->count++].type = TYPE_INT4;
    }
}

static void fn_blocking(SCALAR_PARAMETERS) {
    const struct sql_host *host = call->context->host;
    EACH_ROW(row) {
        struct blocker_list list = {.count = 0};
        int64_t number = ARGUMENT_INT(0, row);
        if (host != NULL && host->neighbours != NULL && number > 0) {
            host->neighbours->blockers(host->context, (uint64_t)number, note_blocker, &list);
        }
        struct array_shape shape = array_shape_of(list.count);
        struct value made;
        sql_try(call->context, array_make(TYPE_INT4, &shape, list.numbers, call->arena, &made, call->context->error));
        result->bytes[row] = made.as.bytes;
    }
}

static void signal_rows(SCALAR_PARAMETERS, bool terminate) {
    const struct sql_server *server = server_of(call);
    EACH_ROW(row) {
        int64_t number = ARGUMENT_INT(0, row);
        bool there = server != NULL && number > 0;
        result->boolean[row] = there && (terminate ? server->terminate : server->cancel)(
                                            server->context, own_tenant(call), (uint64_t)number);
    }
}

static void fn_cancel_backend(SCALAR_PARAMETERS) {
    signal_rows(call, arguments, result, selection, count, false);
}

static void fn_terminate_backend(SCALAR_PARAMETERS) {
    signal_rows(call, arguments, result, selection, count, true);
}

static struct sql_address address_of(const struct sql_call *call) {
    struct sql_address address = {.client = NULL};
    const struct sql_server *server = server_of(call);
    if (server != NULL) {
        server->address(server->context, own_tenant(call), own_number(call), &address);
    }
    return address;
}

static void give_text(const struct sql_call *call, struct vector *result, uint32_t row, struct slice text) {
    uint8_t *bytes = result_bytes(call, text.length);
    memcpy(bytes, text.bytes, text.length);
    result->bytes[row] = slice_make(bytes, text.length);
}

static void give_address(const struct sql_call *call, struct vector *result, uint32_t row, const char *text) {
    if (text == NULL) {
        result_null(result, row);
        return;
    }
    give_text(call, result, row, slice_text(text));
}

static void fn_client_address(SCALAR_PARAMETERS) {
    struct sql_address address = address_of(call);
    EACH_ROW(row) {
        give_address(call, result, row, address.client);
    }
}

static void fn_server_address(SCALAR_PARAMETERS) {
    struct sql_address address = address_of(call);
    EACH_ROW(row) {
        give_address(call, result, row, address.server);
    }
}

static void give_port(struct vector *result, uint32_t row, const char *of, int32_t port) {
    result->integer[row] = port;
    if (of == NULL) {
        result_null(result, row);
    }
}

static void fn_client_port(SCALAR_PARAMETERS) {
    struct sql_address address = address_of(call);
    EACH_ROW(row) {
        give_port(result, row, address.client, address.client_port);
    }
}

static void fn_server_port(SCALAR_PARAMETERS) {
    struct sql_address address = address_of(call);
    EACH_ROW(row) {
        give_port(result, row, address.server, address.server_port);
    }
}

/* NULL where no server was started. */
static void fn_started(SCALAR_PARAMETERS) {
    const struct sql_server *server = server_of(call);
    EACH_ROW(row) {
        if (server == NULL) {
            result_null(result, row);
        } else {
            result->timestamp[row] = timestamp_of_us(server->started_us);
        }
    }
}

/* Statistics of statements begin anew, those of the tenant. */
static void fn_reset_statements(SCALAR_PARAMETERS) {
    const struct sql_server *server = server_of(call);
    if (!sql_user_is_superuser(call->context)) {
        sql_raise(call->context, KMB_PERMISSION, 0, "permission denied for function kimberlite_stat_statements_reset");
    }
    EACH_ROW(row) {
        if (server != NULL) {
            server->statements_reset(server->context, own_tenant(call));
        }
        give_empty(result, row);
    }
}

/* Numbers of the server, of all tenants: for an operator. */
static void fn_metrics(SCALAR_PARAMETERS) {
    const struct sql_server *server = server_of(call);
    if (!sql_user_is_superuser(call->context) || (server != NULL && own_tenant(call) != TENANT_OPERATOR)) {
        sql_raise(call->context, KMB_PERMISSION, 0, "permission denied for function kimberlite_metrics");
    }
    EACH_ROW(row) {
        if (server == NULL) {
            result_null(result, row);
            continue;
        }
        struct buffer text = {0};
        server->metrics(server->context, &text);
        sql_defer(call->context, mem_free, text.bytes);
        if (!buffer_ok(&text)) {
            sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
        }
        give_text(call, result, row, buffer_slice(&text));
    }
}

static void fn_loaded(SCALAR_PARAMETERS) {
    const struct sql_server *server = server_of(call);
    EACH_ROW(row) {
        if (server == NULL) {
            result_null(result, row);
        } else {
            result->timestamp[row] = timestamp_of_us(server->loaded_us(server->context));
        }
    }
}

static void fn_reload(SCALAR_PARAMETERS) {
    const struct sql_server *server = server_of(call);
    if (!sql_user_is_superuser(call->context) || (server != NULL && own_tenant(call) != TENANT_DEFAULT.value)) {
        sql_raise(call->context, KMB_PERMISSION, 0, "permission denied for function pg_reload_conf");
    }
    EACH_ROW(row) {
        result->boolean[row] = server != NULL;
        if (server != NULL) {
            server->reload(server->context);
        }
    }
}

static void fn_no(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->boolean[row] = false;
    }
}

/* Waits as others do that wait within a statement: a server has another thread meanwhile. */
static void sleep_for(struct sql_context *context, double seconds) {
    const struct sql_host *host = context->host;
    const struct sql_server *server = host->server;
    int64_t left = (int64_t)((seconds > 1e8 ? 1e8 : seconds) * 1e9);
    int64_t end = host->monotonic_ns(host->context) + left;
    if (server != NULL && !server->wait(server->context)) {
        sql_raise(context, KMB_TOO_MANY_CONNECTIONS, 0, "too many sessions wait at a time");
    }
    while (left > 0 && !sql_is_cancelled(context)) {
        struct timespec step = {.tv_nsec = left < SLEEP_STEP_NS ? (long)left : SLEEP_STEP_NS};
        (void)nanosleep(&step, NULL);
        left = end - host->monotonic_ns(host->context);
    }
    if (server != NULL) {
        server->waited(server->context);
    }
}

static void fn_sleep(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    const struct sql_host *host = context->host;
    EACH_ROW(row) {
        double seconds = arguments[0]->real[vector_row(arguments[0], row)];
        if (host != NULL && host->monotonic_ns != NULL && seconds > 0) {
            sleep_for(context, seconds);
        }
        sql_check_cancel(context);
        give_empty(result, row);
    }
}

#define ASK(name_, scalar_, result_, volatility_, summary_, ...)                                                       \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = true, .volatility = (volatility_),                                            \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }
#define ASK_NONE(name_, scalar_, result_, volatility_, summary_)                                                       \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = (summary_), .strict = true, .volatility = (volatility_)                                             \
    }
#define LOCK(name_, scalar_, result_, summary_)                                                                        \
    {.class = SQL_FUNCTION_SCALAR,                                                                                     \
     .name = (name_),                                                                                                  \
     .scalar = (scalar_),                                                                                              \
     .result = (result_),                                                                                              \
     .summary = summary_,                                                                                              \
     .strict = true,                                                                                                   \
     .volatility = SQL_VOLATILE,                                                                                       \
     .waits = true,                                                                                                    \
     .argument_count = 1,                                                                                              \
     .arguments = {TYPE_INT8}},                                                                                        \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = (result_),                       \
        .summary = summary_ " of two numbers", .strict = true, .volatility = SQL_VOLATILE, .waits = true,              \
        .argument_count = 2, .arguments = {                                                                            \
            TYPE_INT4,                                                                                                 \
            TYPE_INT4                                                                                                  \
        }                                                                                                              \
    }

/* clang-format off */
static const struct sql_function session_rows[] = {
    ASK("current_setting", fn_current_setting, TYPE_TEXT, SQL_STABLE, "value of a setting", TYPE_TEXT),
    ASK("current_setting", fn_current_setting, TYPE_TEXT, SQL_STABLE, "value of a setting; NULL for an unknown one when the second is true", TYPE_TEXT, TYPE_BOOL),
    {.class = SQL_FUNCTION_SCALAR, .name = "set_config", .scalar = fn_set_config, .result = TYPE_TEXT, .volatility = SQL_VOLATILE,
     .summary = "sets a setting, till the transaction ends when the third is true; its new value", .argument_count = 3,
     .arguments = {TYPE_TEXT, TYPE_TEXT, TYPE_BOOL}},
    LOCK("pg_advisory_lock", fn_lock, TYPE_TEXT, "waits for an advisory lock, for the session"),
    LOCK("pg_advisory_lock_shared", fn_lock_shared, TYPE_TEXT, "waits for a shared advisory lock, for the session"),
    LOCK("pg_advisory_xact_lock", fn_lock_xact, TYPE_TEXT, "waits for an advisory lock, for the transaction"),
    LOCK("pg_advisory_xact_lock_shared", fn_lock_xact_shared, TYPE_TEXT, "waits for a shared advisory lock, for the transaction"),
    LOCK("pg_try_advisory_lock", fn_try_lock, TYPE_BOOL, "takes an advisory lock for the session if it is free"),
    LOCK("pg_try_advisory_lock_shared", fn_try_lock_shared, TYPE_BOOL, "takes a shared advisory lock for the session if it is free"),
    LOCK("pg_try_advisory_xact_lock", fn_try_lock_xact, TYPE_BOOL, "takes an advisory lock for the transaction if it is free"),
    LOCK("pg_try_advisory_xact_lock_shared", fn_try_lock_xact_shared, TYPE_BOOL, "takes a shared advisory lock for the transaction if it is free"),
    LOCK("pg_advisory_unlock", fn_unlock, TYPE_BOOL, "gives an advisory lock of the session back; false: it had none"),
    LOCK("pg_advisory_unlock_shared", fn_unlock_shared, TYPE_BOOL, "gives a shared advisory lock of the session back; false: it had none"),
    ASK_NONE("pg_advisory_unlock_all", fn_unlock_all, TYPE_TEXT, SQL_VOLATILE, "gives all advisory locks of the session back"),
    {.class = SQL_FUNCTION_SCALAR, .name = "pg_notify", .scalar = fn_notify, .result = TYPE_TEXT, .volatility = SQL_VOLATILE, .writes = true,
     .summary = "sends a notification: channel, payload", .argument_count = 2, .arguments = {TYPE_TEXT, TYPE_TEXT}},
    ASK_NONE("pg_notification_queue_usage", fn_notify_usage, TYPE_FLOAT8, SQL_VOLATILE, "how full the queue of notifications is, 0 to 1"),
    {.class = SQL_FUNCTION_SET, .name = "pg_listening_channels", .set = &channels_set, .strict = true, .volatility = SQL_STABLE,
     .result = TYPE_TEXT, .summary = "channels that the session listens on"},
    ASK_NONE("pg_backend_pid", fn_backend_pid, TYPE_INT4, SQL_STABLE, "number of the session"),
    ASK("pg_blocking_pids", fn_blocking, (enum type_id)(TYPE_ARRAY | TYPE_INT4), SQL_VOLATILE, "numbers of the sessions that a session waits for", TYPE_INT4),
    ASK("pg_cancel_backend", fn_cancel_backend, TYPE_BOOL, SQL_VOLATILE, "cancels what a session runs", TYPE_INT4),
    ASK("pg_terminate_backend", fn_terminate_backend, TYPE_BOOL, SQL_VOLATILE, "ends a session", TYPE_INT4),
    ASK_NONE("kimberlite_stat_statements_reset", fn_reset_statements, TYPE_TEXT, SQL_VOLATILE, "forgets what statements of the tenant came to; for superusers"),
    ASK_NONE("kimberlite_metrics", fn_metrics, TYPE_TEXT, SQL_VOLATILE, "numbers of the server as Prometheus reads them; for superusers of the first tenant; NULL in an embedded database"),
    ASK_NONE("inet_client_addr", fn_client_address, TYPE_TEXT, SQL_STABLE, "address of the client; NULL through a Unix socket"),
    ASK_NONE("inet_client_port", fn_client_port, TYPE_INT4, SQL_STABLE, "port of the client; NULL through a Unix socket"),
    ASK_NONE("inet_server_addr", fn_server_address, TYPE_TEXT, SQL_STABLE, "address that the client came to; NULL through a Unix socket"),
    ASK_NONE("inet_server_port", fn_server_port, TYPE_INT4, SQL_STABLE, "port that the client came to; NULL through a Unix socket"),
    ASK_NONE("pg_postmaster_start_time", fn_started, TYPE_TIMESTAMPTZ, SQL_STABLE, "when the server was started; NULL in an embedded database"),
    ASK_NONE("pg_conf_load_time", fn_loaded, TYPE_TIMESTAMPTZ, SQL_STABLE, "when the server has read its settings; NULL in an embedded database"),
    ASK_NONE("pg_reload_conf", fn_reload, TYPE_BOOL, SQL_VOLATILE, "makes the server read its settings again; for superusers of the first tenant"),
    ASK_NONE("pg_is_in_recovery", fn_no, TYPE_BOOL, SQL_VOLATILE, "false: a database that answers takes writes"),
    ASK("pg_is_other_temp_schema", fn_no, TYPE_BOOL, SQL_STABLE, "false: there are no temporary schemas", TYPE_OID),
    ASK_NONE("pg_jit_available", fn_no, TYPE_BOOL, SQL_VOLATILE, "false: plans are not compiled"),
    {.class = SQL_FUNCTION_SCALAR,
     .name = "pg_sleep",
     .scalar = fn_sleep,
     .result = TYPE_TEXT,
     .summary = "waits so many seconds",
     .strict = true,
     .volatility = SQL_VOLATILE,
     .waits = true,
     .argument_count = 1,
     .arguments = {TYPE_FLOAT8}},
};
/* clang-format on */

struct function_rows function_rows_session(void) {
    return FUNCTION_ROWS(session_rows);
}
