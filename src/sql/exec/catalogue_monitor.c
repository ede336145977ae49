/*
 * pg_catalog, continued: what happens. Views of PostgreSQL's names have its columns; those named kimberlite_stat_...
 * say what PostgreSQL's have no place for, in PostgreSQL's words where the meaning is the same.
 *
 * Whoever asks sees what is of its own tenant, and of other users, without being a superuser, little more than that
 * they are there, as in PostgreSQL. A superuser of the first tenant is an operator: the kimberlite_... views show it
 * all tenants, but for the text that a session of another tenant runs, which may hold that tenant's data.
 */
#include "base/assert.h"
#include "base/memory.h"
#include "sql/exec/catalogue.h"
#include "sql/setting.h"
#include "sql/sql.h"

#define OID_DATABASE 1
#define NOT_FOR_YOU  "<insufficient privilege>" /* as PostgreSQL's */

static void real(struct catalogue_rows *rows, double number) {
    catalogue_value(rows, value_real(TYPE_FLOAT8, number));
}

static void moment(struct catalogue_rows *rows, int64_t time_us) {
    if (time_us == 0) {
        catalogue_nulls(rows, 1);
    } else {
        catalogue_value(rows, value_integer(TYPE_TIMESTAMPTZ, time_us));
    }
}

/* NULL where it is empty. */
static void text_or_null(struct catalogue_rows *rows, struct slice text) {
    catalogue_word(rows, text.length == 0 ? NULL : catalogue_copy(rows, text));
}

static const struct sql_host *host_of(const struct catalogue_rows *rows) {
    return rows->context->host;
}

bool catalogue_operator(const struct catalogue_rows *rows) {
    return rows->view->state->tenant.value == TENANT_OPERATOR && sql_user_is_superuser(rows->context);
}

/* Whether whoever asks may know what this user does. */
static bool sees(const struct catalogue_rows *rows, uint32_t tenant, struct slice user) {
    bool own = tenant == rows->view->state->tenant.value && slice_equal(user, rows->context->session_user);
    return own || sql_user_is_superuser(rows->context);
}

/* What a server has told, given back with the statement. */
static void keep(struct catalogue_rows *rows, void *list) {
    if (list == NULL) {
        sql_raise(rows->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    sql_defer(rows->context, mem_free, list);
}

/* The role of a name; NULL: it is of another tenant, or gone. */
static void role_number(struct catalogue_rows *rows, uint32_t tenant, struct slice user) {
    int64_t oid = 0;
    if (tenant == rows->view->state->tenant.value && catalogue_role_find(rows->context, rows->catalogue, user, &oid)) {
        catalogue_number(rows, oid);
    } else {
        catalogue_nulls(rows, 1);
    }
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static const struct plan_column activity_columns[] = {OID("datid"),
                                                      NAME("datname"),
                                                      INT4("pid"),
                                                      INT4("leader_pid"),
                                                      OID("usesysid"),
                                                      NAME("usename"),
                                                      TEXT("application_name"),
                                                      TEXT("client_addr"),
                                                      TEXT("client_hostname"),
                                                      INT4("client_port"),
                                                      TIME("backend_start"),
                                                      TIME("xact_start"),
                                                      TIME("query_start"),
                                                      TIME("state_change"),
                                                      TEXT("wait_event_type"),
                                                      TEXT("wait_event"),
                                                      TEXT("state"),
                                                      OID("backend_xid"),
                                                      OID("backend_xmin"),
                                                      INT8("query_id"),
                                                      TEXT("query"),
                                                      TEXT("backend_type")};
static const struct plan_column sessions_columns[] = {
    INT4("pid"),         INT4("tenant"),       NAME("datname"),         NAME("usename"),       TEXT("application_name"),
    TEXT("protocol"),    TEXT("client_addr"),  INT4("client_port"),     TIME("backend_start"), TIME("xact_start"),
    TIME("query_start"), TIME("state_change"), TEXT("wait_event_type"), TEXT("wait_event"),    TEXT("state"),
    TEXT("query")};

/* Who waits for a lock, noted once for all rows: whoever tells holds a mutex that every session needs. */
struct lock_wait {
    uint64_t session;
    const char *event;
};

struct lock_waits {
    struct lock_wait *list;
    uint32_t count;
    uint32_t capacity;
};

static void note_wait(void *context, const struct sql_lock *lock, uint64_t session, bool granted) {
    struct lock_waits *waits = context;
    if (!granted && waits->count < waits->capacity) {
        const char *event = lock->kind == SQL_LOCK_ROW     ? "tuple"
                            : lock->kind == SQL_LOCK_TABLE ? "relation"
                                                           : "advisory";
        waits->list[waits->count] = (struct lock_wait){session, event};
    }
    waits->count += !granted;
}

static struct lock_waits waits_of(struct catalogue_rows *rows) {
    const struct sql_host *host = host_of(rows);
    struct lock_waits waits = {.capacity = 64};
    while (host != NULL && host->neighbours != NULL) {
        waits.list = sql_alloc(rows->context, waits.capacity * sizeof(*waits.list));
        waits.count = 0;
        host->neighbours->locks(host->context, note_wait, &waits);
        if (waits.count <= waits.capacity) {
            break;
        }
        waits.capacity = waits.count * 2;
    }
    return waits;
}

static void wait_of(struct catalogue_rows *rows, const struct sql_activity *one, const struct lock_waits *waits) {
    const char *event = NULL;
    for (uint32_t i = 0; i < waits->count && event == NULL; i++) {
        event = waits->list[i].session == one->session ? waits->list[i].event : NULL;
    }
    catalogue_word(rows, event != NULL ? "Lock" : one->committing ? "IO" : NULL);
    catalogue_word(rows, event != NULL ? event : one->committing ? "WALSync" : NULL);
}

static void query_of(struct catalogue_rows *rows, const struct sql_activity *one) {
    catalogue_word(rows, one->query_hidden ? NULL : catalogue_copy(rows, one->query));
}

static void activity_row(struct catalogue_rows *rows, const struct sql_activity *one, const struct lock_waits *waits) {
    bool seen = sees(rows, one->tenant, one->user);
    catalogue_number(rows, OID_DATABASE);
    catalogue_word(rows, sql_database(rows->context));
    catalogue_number(rows, (int64_t)(one->session & INT32_MAX));
    catalogue_nulls(rows, 1);
    role_number(rows, one->tenant, one->user);
    catalogue_word(rows, catalogue_copy(rows, one->user));
    catalogue_word(rows, catalogue_copy(rows, one->application));
    if (!seen) {
        catalogue_nulls(rows, 13);
        catalogue_word(rows, NOT_FOR_YOU);
        catalogue_nulls(rows, 1);
        return;
    }
    text_or_null(rows, one->client);
    catalogue_nulls(rows, 1);
    catalogue_number(rows, one->client.length == 0 ? -1 : one->client_port);
    moment(rows, one->begun_us);
    moment(rows, one->transaction_us);
    moment(rows, one->query_us);
    moment(rows, one->state_us);
    wait_of(rows, one, waits);
    catalogue_word(rows, one->state);
    catalogue_nulls(rows, 3);
    query_of(rows, one);
    catalogue_word(rows, "client backend");
}

static void session_row(struct catalogue_rows *rows, const struct sql_activity *one, const struct lock_waits *waits) {
    catalogue_number(rows, (int64_t)(one->session & INT32_MAX));
    catalogue_number(rows, one->tenant);
    catalogue_word(rows, catalogue_copy(rows, one->database));
    catalogue_word(rows, catalogue_copy(rows, one->user));
    catalogue_word(rows, catalogue_copy(rows, one->application));
    catalogue_word(rows, one->protocol);
    if (!sees(rows, one->tenant, one->user)) {
        catalogue_nulls(rows, 9);
        catalogue_word(rows, NOT_FOR_YOU);
        return;
    }
    text_or_null(rows, one->client);
    catalogue_number(rows, one->client.length == 0 ? -1 : one->client_port);
    moment(rows, one->begun_us);
    moment(rows, one->transaction_us);
    moment(rows, one->query_us);
    moment(rows, one->state_us);
    wait_of(rows, one, waits);
    catalogue_word(rows, one->state);
    query_of(rows, one);
}

/* Without a server: this session, which is running. */
static struct sql_activity own_activity(struct catalogue_rows *rows) {
    const struct sql_context *context = rows->context;
    return (struct sql_activity){
        .session = context->host == NULL ? 0 : context->host->session,
        .tenant = (uint32_t)rows->view->state->tenant.value,
        .protocol = "embedded",
        .user = context->session_user,
        .database = slice_text(sql_database(rows->context)),
        .application = slice_text(context->settings->application_name),
        .query_us = context->now_us,
        .state_us = context->now_us,
        .state = "active",
        .query = slice_make(context->text, context->text_length),
    };
}

static void each_session(struct catalogue_rows *rows, bool all,
                         void (*row)(struct catalogue_rows *rows, const struct sql_activity *one,
                                     const struct lock_waits *waits)) {
    const struct sql_host *host = host_of(rows);
    const struct lock_waits waits = waits_of(rows);
    size_t count = 0;
    if (host == NULL || host->server == NULL) {
        struct sql_activity own = own_activity(rows);
        row(rows, &own, &waits);
        return;
    }
    struct sql_activity *list = host->server->activity(host->server->context, host->tenant, all, &count);
    keep(rows, list);
    for (size_t i = 0; i < count; i++) {
        row(rows, &list[i], &waits);
    }
}

static void pg_stat_activity(struct catalogue_rows *rows) {
    each_session(rows, false, activity_row);
}

static void stat_activity(struct catalogue_rows *rows) {
    each_session(rows, catalogue_operator(rows), session_row);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static const struct plan_column connections_columns[] = {
    INT4("connection"),  INT4("pid"),         INT4("tenant"),       NAME("usename"),
    TEXT("protocol"),    TEXT("client_addr"), INT4("client_port"),  TEXT("state"),
    TEXT("tls_version"), TEXT("tls_cipher"),  TIME("connected_at"), INT8("bytes_received"),
    INT8("bytes_sent"),  INT8("requests"),    INT8("errors")};
static const struct plan_column ssl_columns[] = {INT4("pid"),
                                                 BOOL("ssl"),
                                                 TEXT("version"),
                                                 TEXT("cipher"),
                                                 INT4("bits"),
                                                 TEXT("client_dn"),
                                                 CATALOGUE_COLUMN("client_serial", TYPE_NUMERIC),
                                                 TEXT("issuer_dn")};

static void connection_row(struct catalogue_rows *rows, const struct sql_connection *one) {
    bool stands = one->session != 0;
    catalogue_number(rows, one->number);
    if (stands) {
        catalogue_number(rows, (int64_t)(one->session & INT32_MAX));
        catalogue_number(rows, one->tenant);
        catalogue_word(rows, catalogue_copy(rows, one->user));
    } else {
        catalogue_nulls(rows, 3);
    }
    catalogue_word(rows, one->protocol);
    if (stands && !sees(rows, one->tenant, one->user)) {
        catalogue_nulls(rows, 10);
        return;
    }
    text_or_null(rows, one->client);
    catalogue_number(rows, one->client.length == 0 ? -1 : one->client_port);
    catalogue_word(rows, one->state);
    catalogue_word(rows, one->tls_version);
    catalogue_word(rows, one->tls_cipher);
    moment(rows, one->begun_us);
    catalogue_number(rows, (int64_t)one->received);
    catalogue_number(rows, (int64_t)one->sent);
    catalogue_number(rows, (int64_t)one->requests);
    catalogue_number(rows, (int64_t)one->errors);
}

static void ssl_row(struct catalogue_rows *rows, const struct sql_connection *one) {
    bool seen = sees(rows, one->tenant, one->user);
    catalogue_number(rows, (int64_t)(one->session & INT32_MAX));
    if (!seen) {
        catalogue_nulls(rows, 7);
        return;
    }
    catalogue_bool(rows, one->tls_version != NULL);
    catalogue_word(rows, one->tls_version);
    catalogue_word(rows, one->tls_cipher);
    catalogue_nulls(rows, 4);
}

static void each_connection(struct catalogue_rows *rows, bool all,
                            void (*row)(struct catalogue_rows *rows, const struct sql_connection *one)) {
    const struct sql_host *host = host_of(rows);
    size_t count = 0;
    if (host == NULL || host->server == NULL) {
        return;
    }
    struct sql_connection *list = host->server->connections(host->server->context, host->tenant, all, &count);
    keep(rows, list);
    for (size_t i = 0; i < count; i++) {
        row(rows, &list[i]);
    }
}

static void stat_connections(struct catalogue_rows *rows) {
    each_connection(rows, catalogue_operator(rows), connection_row);
}

static void pg_stat_ssl(struct catalogue_rows *rows) {
    each_connection(rows, false, ssl_row);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static const struct plan_column statements_columns[] = {INT4("tenant"),
                                                        OID("userid"),
                                                        NAME("usename"),
                                                        INT8("queryid"),
                                                        TEXT("query"),
                                                        INT8("calls"),
                                                        INT8("errors"),
                                                        INT8("rows"),
                                                        DOUBLE("total_exec_time"),
                                                        DOUBLE("min_exec_time"),
                                                        DOUBLE("max_exec_time"),
                                                        DOUBLE("mean_exec_time"),
                                                        DOUBLE("stddev_exec_time"),
                                                        DOUBLE("p50_exec_time"),
                                                        DOUBLE("p95_exec_time"),
                                                        DOUBLE("p99_exec_time"),
                                                        INT8("wal_bytes"),
                                                        INT8("syncs"),
                                                        DOUBLE("total_sync_time"),
                                                        TIME("stats_since"),
                                                        TIME("last_call")};

static void statement_row(struct catalogue_rows *rows, const struct sql_statement_figures *one) {
    catalogue_number(rows, one->tenant);
    role_number(rows, one->tenant, one->user);
    catalogue_word(rows, catalogue_copy(rows, one->user));
    if (sees(rows, one->tenant, one->user)) {
        catalogue_number(rows, one->id);
        catalogue_word(rows, catalogue_copy(rows, one->text));
    } else {
        catalogue_nulls(rows, 1);
        catalogue_word(rows, NOT_FOR_YOU);
    }
    catalogue_number(rows, (int64_t)one->calls);
    catalogue_number(rows, (int64_t)one->errors);
    catalogue_number(rows, (int64_t)one->rows);
    real(rows, one->total);
    real(rows, one->least);
    real(rows, one->most);
    real(rows, one->mean);
    real(rows, one->deviation);
    real(rows, one->median);
    real(rows, one->p95);
    real(rows, one->p99);
    catalogue_number(rows, (int64_t)one->log_bytes);
    catalogue_number(rows, (int64_t)one->syncs);
    real(rows, one->sync_total);
    moment(rows, one->first_us);
    moment(rows, one->last_us);
}

/* A server counts them; an embedded database does not. */
static void stat_statements(struct catalogue_rows *rows) {
    const struct sql_host *host = host_of(rows);
    size_t count = 0;
    if (host == NULL || host->server == NULL) {
        return;
    }
    struct sql_statement_figures *list =
        host->server->statements(host->server->context, host->tenant, catalogue_operator(rows), &count);
    keep(rows, list);
    for (size_t i = 0; i < count; i++) {
        statement_row(rows, &list[i]);
    }
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_monitors[] = {
    RELATION("pg_stat_activity", activity_columns, pg_stat_activity),
    RELATION("kimberlite_stat_activity", sessions_columns, stat_activity),
    RELATION("pg_stat_ssl", ssl_columns, pg_stat_ssl),
    RELATION("kimberlite_stat_connections", connections_columns, stat_connections),
    RELATION("kimberlite_stat_statements", statements_columns, stat_statements),
};
const uint32_t catalogue_monitors_count = ARRAY_LENGTH(catalogue_monitors);
