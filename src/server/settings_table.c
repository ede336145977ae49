/*
 * The table of settings. Everything that is said about a key stands in its row; the code that reads, checks, prints and
 * documents settings knows no key by name, but for the checks across keys in settings.c.
 *
 * `alias` is the name that projects of the published releases have for the same thing, so that their files go on
 * working.
 */
#include "base/assert.h"
#include "server/settings.h"

#define KiB ((uint64_t)1 << 10)
#define MiB ((uint64_t)1 << 20)
#define GiB ((uint64_t)1 << 30)
#define TiB ((uint64_t)1 << 40)

#define SECOND ((uint64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define MANY UINT64_C(1000000000000)

static const char *const auth_modes[] = {"none", "any", "password", "jwt", "apikey", "both", "certificate", NULL};
static const char *const tls_clients[] = {"none", "optional", "required", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const log_levels[] = {"debug", "info", "warning", "error", "off", NULL}; /* enum log_level */
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const tenants_modes[] = {"explicit", "auto-create", NULL};

#define AT(field) .offset = offsetof(struct settings, field)

static const struct settings_row table[] = {
    {"project.name", SETTING_TEXT, SETTING_RELOADS, AT(project.name), .initial = "kimberlite-project", .unit = "",
     .meaning = "Name of the project, for people."},

    {"storage.data", SETTING_PATH, 0, AT(storage.data), .initial = ".kimberlite/data", .unit = "",
     .alias = "database.data_dir", .variable = "KMB_DATA_DIR", .meaning = "Directory of the database."},
    {"storage.keys", SETTING_PATH, 0, AT(storage.keys), .initial = ".kimberlite/keys", .unit = "",
     .meaning = "Directory of root keys, one file for each log. Never within the data."},
    {"storage.key", SETTING_PATH, 0, AT(storage.key), .initial = "", .unit = "",
     .meaning = "Root key file; empty: the one in storage.keys."},
    {"storage.cache", SETTING_SIZE, 0, AT(storage.cache_bytes), .initial = "256MB", .least = 256 * KiB,
     .most = 16 * TiB, .unit = "bytes", .alias = "projections.cache_size", .option = "--cache",
     .meaning = "Memory for pages of the store."},
    {"storage.statement_memory", SETTING_SIZE, 0, AT(storage.statement_bytes), .initial = "256MB", .least = 64 * KiB,
     .most = TiB, .unit = "bytes",
     .meaning = "Memory of one statement; what needs more goes to disk or fails with 53200."},
    {"storage.segment", SETTING_SIZE, SETTING_RELOADS, AT(storage.segment_bytes), .initial = "64MB", .least = 64 * KiB,
     .most = GiB, .unit = "bytes", .alias = "storage.segment_size",
     .meaning = "Size of a segment of the log of a database that is made."},

    {"server.listen", SETTING_LIST, 0, AT(server.listen), .initial = "127.0.0.1:5432", .unit = "",
     .option = "--address", .alias = "database.bind_address", .variable = "KMB_BIND_ADDR",
     .meaning = "Addresses that clients connect to: HOST:PORT, [IPV6]:PORT, *:PORT; a port alone is 127.0.0.1's."},
    {"server.unix_socket", SETTING_PATH, 0, AT(server.unix_socket), .initial = "", .unit = "",
     .option = "--unix-socket", .meaning = "Directory of the Unix socket .s.PGSQL.PORT; empty: none."},
    {"server.threads", SETTING_INTEGER, 0, AT(server.threads), .initial = "0", .least = 1, .most = 1024, .zero = true,
     .unit = "threads", .option = "--threads",
     .meaning =
         "Threads that run statements, made as they are needed, without those that wait for something; 0: up to 128."},
    {"server.backlog", SETTING_INTEGER, 0, AT(server.backlog), .initial = "1024", .least = 1, .most = 65535, .unit = "",
     .meaning = "Connections that may wait to be accepted."},

    {"http.listen", SETTING_TEXT, 0, AT(http.listen), .initial = "127.0.0.1:9090", .unit = "", .option = "--http",
     .alias = "telemetry.metrics_address",
     .meaning = "Address of the HTTP port: health, metrics, queries; empty: none."},
    {"http.disk_free_percent", SETTING_INTEGER, SETTING_RELOADS, AT(http.disk_free_percent), .initial = "10",
     .least = 1, .most = 99, .zero = true, .unit = "percent",
     .meaning = "/ready says no when less of the data's disk is free; 0: never."},

    {"limits.connections", SETTING_INTEGER, SETTING_RELOADS, AT(limits.connections), .initial = "1024", .least = 1,
     .most = 1000000, .unit = "", .option = "--max-connections", .alias = "database.max_connections",
     .variable = "KMB_MAX_CONNECTIONS", .meaning = "Connections at a time."},
    {"limits.connections_per_source", SETTING_INTEGER, SETTING_RELOADS, AT(limits.connections_per_source),
     .initial = "0", .least = 1, .most = 1000000, .zero = true, .unit = "",
     .meaning = "Connections at a time from one address; 0: as many as there may be."},
    {"limits.connections_per_tenant", SETTING_INTEGER, SETTING_RELOADS, AT(limits.connections_per_tenant),
     .initial = "0", .least = 1, .most = 1000000, .zero = true, .unit = "",
     .meaning = "Connections at a time to one tenant; 0: as many as there may be."},
    {"limits.requests_per_source", SETTING_INTEGER, SETTING_RELOADS, AT(limits.requests_per_source), .initial = "0",
     .least = 1, .most = MANY, .zero = true, .unit = "per second", .variable = "KMB_RATE_LIMIT_RPS",
     .meaning = "Requests of one address; 0: no limit."},
    {"limits.requests_per_tenant", SETTING_INTEGER, SETTING_RELOADS, AT(limits.requests_per_tenant), .initial = "0",
     .least = 1, .most = MANY, .zero = true, .unit = "per second", .alias = "rate_limiting.default_rps",
     .meaning = "Requests of one tenant; 0: no limit."},
    {"limits.bytes_per_source", SETTING_SIZE, SETTING_RELOADS, AT(limits.bytes_per_source), .initial = "0",
     .least = KiB, .most = TiB, .zero = true, .unit = "bytes per second",
     .meaning = "Bytes received from one address; 0: no limit."},
    {"limits.bytes_per_tenant", SETTING_SIZE, SETTING_RELOADS, AT(limits.bytes_per_tenant), .initial = "0",
     .least = KiB, .most = TiB, .zero = true, .unit = "bytes per second",
     .meaning = "Bytes received for one tenant; 0: no limit."},
    {"limits.memory", SETTING_SIZE, SETTING_RELOADS, AT(limits.memory_bytes), .initial = "0", .least = MiB,
     .most = 16 * TiB, .zero = true, .unit = "bytes",
     .meaning = "Memory of all connections and statements together; 0: no limit."},
    {"limits.memory_per_source", SETTING_SIZE, SETTING_RELOADS, AT(limits.memory_per_source_bytes), .initial = "0",
     .least = MiB, .most = 16 * TiB, .zero = true, .unit = "bytes",
     .meaning = "Memory of one address's connections and statements; 0: no limit."},
    {"limits.memory_per_tenant", SETTING_SIZE, SETTING_RELOADS, AT(limits.memory_per_tenant_bytes), .initial = "0",
     .least = MiB, .most = 16 * TiB, .zero = true, .unit = "bytes",
     .meaning = "Memory of one tenant's connections and statements; 0: no limit."},
    {"limits.message", SETTING_SIZE, SETTING_RELOADS, AT(limits.message_bytes), .initial = "64MB", .least = 64 * KiB,
     .most = GiB, .unit = "bytes",
     .meaning = "One message of a client; a longer one closes its connection. Of the native protocol 16MB at most."},
    {"limits.output", SETTING_SIZE, SETTING_RELOADS, AT(limits.output_bytes), .initial = "1MB", .least = 64 * KiB,
     .most = GiB, .unit = "bytes", .meaning = "What may wait for one client to be sent; beyond it, its requests wait."},
    {"limits.auth_failures", SETTING_INTEGER, SETTING_RELOADS, AT(limits.auth_failures), .initial = "10", .least = 1,
     .most = 1000000, .zero = true, .unit = "",
     .meaning = "Failed logins of one address or user within timeouts.auth_failures; 0: no limit."},

    {"timeouts.connection", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.connection_ms), .initial = "10s",
     .least = 100, .most = DAY, .zero = true, .unit = "time",
     .meaning = "From connecting to being logged in; 0: no limit."},
    {"timeouts.statement", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.statement_ms), .initial = "0", .least = 1,
     .most = 365 * DAY, .zero = true, .unit = "time",
     .meaning = "A statement that runs longer is cancelled (57014); 0: none is."},
    {"timeouts.idle", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.idle_ms), .initial = "0", .least = 100,
     .most = 365 * DAY, .zero = true, .unit = "time",
     .meaning = "A connection that asks nothing for so long is closed; 0: none is."},
    {"timeouts.idle_in_transaction", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.idle_in_transaction_ms),
     .initial = "0", .least = 100, .most = 365 * DAY, .zero = true, .unit = "time",
     .meaning = "A connection that asks nothing for so long with a transaction open is closed; 0: none is."},
    {"timeouts.write", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.write_ms), .initial = "1m", .least = 100,
     .most = DAY, .zero = true, .unit = "time",
     .meaning = "A client that takes nothing of its answer for so long is cut off; 0: none is."},
    {"timeouts.keepalive", SETTING_DURATION, 0, AT(timeouts.keepalive_ms), .initial = "1m", .least = SECOND,
     .most = DAY, .zero = true, .unit = "time",
     .meaning = "Silence after which TCP asks whether the client is there; 0: never."},
    {"timeouts.drain", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.drain_ms), .initial = "30s", .least = 100,
     .most = HOUR, .zero = true, .unit = "time",
     .meaning = "What runs when the server is told to stop may go on for so long."},
    {"timeouts.auth_failures", SETTING_DURATION, SETTING_RELOADS, AT(timeouts.auth_failures_ms), .initial = "1m",
     .least = SECOND, .most = DAY, .unit = "time", .meaning = "Time over which limits.auth_failures counts."},

    {"tls.cert", SETTING_PATH, SETTING_RELOADS, AT(tls.cert), .initial = "", .unit = "", .option = "--tls-cert",
     .alias = "security.tls_cert", .meaning = "Certificate chain, PEM; empty: no TLS."},
    {"tls.key", SETTING_PATH, SETTING_RELOADS, AT(tls.key), .initial = "", .unit = "", .option = "--tls-key",
     .alias = "security.tls_key", .meaning = "Private key of tls.cert, PEM."},
    {"tls.ca", SETTING_PATH, SETTING_RELOADS, AT(tls.ca), .initial = "", .unit = "", .option = "--tls-ca",
     .alias = "security.tls_ca", .meaning = "Certificates that clients' certificates are verified against, PEM."},
    {"tls.client", SETTING_CHOICE, SETTING_RELOADS, AT(tls.client), .initial = "none", .choices = tls_clients,
     .unit = "", .option = "--tls-client", .meaning = "Whether clients show a certificate."},
    {"tls.min_version", SETTING_CHOICE, SETTING_RELOADS, AT(tls.min_version), .initial = "1.3", .choices = tls_versions,
     .unit = "", .meaning = "Oldest version of TLS that is spoken."},
    {"tls.required", SETTING_BOOLEAN, SETTING_RELOADS, AT(tls.required), .initial = "false", .unit = "",
     .option = "--tls-required", .meaning = "Whether clients over the network must use TLS."},

    {"auth.mode", SETTING_CHOICE, 0, AT(auth.mode), .initial = "none", .choices = auth_modes, .unit = "",
     .option = "--auth", .meaning = "How clients say who they are; none: nobody is asked."},
    {"auth.allow_unauthenticated", SETTING_BOOLEAN, 0, AT(auth.allow_unauthenticated), .initial = "false", .unit = "",
     .option = "--allow-unauthenticated",
     .meaning = "Whether addresses that others reach may be served with auth.mode none."},
    {"jwt.secret", SETTING_TEXT, SETTING_SECRET | SETTING_RELOADS, AT(jwt.secret), .initial = "", .unit = "",
     .meaning = "Secret of HS256 tokens, 32 bytes at least. Better in the environment than in a file."},
    {"jwt.keys", SETTING_PATH, SETTING_RELOADS, AT(jwt.keys), .initial = "", .unit = "",
     .meaning = "Key set (RFC 7517) of RS256 and EdDSA tokens."},
    {"jwt.issuer", SETTING_TEXT, SETTING_RELOADS, AT(jwt.issuer), .initial = "kimberlite", .unit = "",
     .meaning = "iss that tokens must have."},
    {"jwt.audience", SETTING_TEXT, SETTING_RELOADS, AT(jwt.audience), .initial = "kimberlite", .unit = "",
     .meaning = "aud that tokens must have."},
    {"jwt.leeway", SETTING_DURATION, SETTING_RELOADS, AT(jwt.leeway_ms), .initial = "1m", .least = SECOND, .most = HOUR,
     .zero = true, .unit = "time", .meaning = "How far a token's clock may be off."},
    {"jwt.expiration", SETTING_DURATION, SETTING_RELOADS, AT(jwt.expiration_ms), .initial = "1h", .least = SECOND,
     .most = 365 * DAY, .unit = "time", .meaning = "Life of tokens that are made here."},

    {"log.level", SETTING_CHOICE, SETTING_RELOADS, AT(log.level), .initial = "info", .choices = log_levels, .unit = "",
     .option = "--log-level", .alias = "logging.level", .meaning = "Least weight of lines in the log."},
    {"log.format", SETTING_CHOICE, SETTING_RELOADS, AT(log.format), .initial = "text", .choices = log_formats,
     .unit = "", .option = "--log-format", .meaning = "Form of lines in the log."},
    {"log.file", SETTING_PATH, SETTING_RELOADS, AT(log.file), .initial = "", .unit = "",
     .meaning = "File of the log; empty: standard error."},
    {"log.slow_query", SETTING_DURATION, SETTING_RELOADS, AT(log.slow_query_ms), .initial = "1s", .least = 1,
     .most = DAY, .zero = true, .unit = "time", .meaning = "Statements that take longer are logged; 0: none is."},
    {"log.values", SETTING_BOOLEAN, SETTING_RELOADS, AT(log.values), .initial = "false", .unit = "",
     .meaning = "Whether statements are logged with their values. They may be personal data."},

    {"statistics.statements", SETTING_INTEGER, 0, AT(statistics.statements), .initial = "1000", .least = 100,
     .most = 10000, .zero = true, .unit = "",
     .meaning = "Statements that kimberlite_stat_statements counts apart, the most used; 0: none."},

    {"telemetry.otlp", SETTING_TEXT, 0, AT(telemetry.otlp), .initial = "", .unit = "",
     .alias = "telemetry.tracing_endpoint", .variable = "OTEL_EXPORTER_OTLP_ENDPOINT",
     .meaning = "Where traces go, OTLP over HTTP: http://localhost:4318; empty: nowhere."},
    {"telemetry.service", SETTING_TEXT, 0, AT(telemetry.service), .initial = "kimberlite", .unit = "",
     .variable = "OTEL_SERVICE_NAME", .meaning = "Name of this server in traces."},
    {"telemetry.headers", SETTING_TEXT, SETTING_SECRET, AT(telemetry.headers), .initial = "", .unit = "",
     .variable = "OTEL_EXPORTER_OTLP_HEADERS",
     .meaning = "Headers that traces are sent with, name=value,name=value: who is allowed to send them."},
    {"telemetry.values", SETTING_BOOLEAN, SETTING_RELOADS, AT(telemetry.values), .initial = "false", .unit = "",
     .meaning = "Whether traces have statements with their values. They may be personal data."},
    {"telemetry.sample_percent", SETTING_INTEGER, SETTING_RELOADS, AT(telemetry.sample_percent), .initial = "100",
     .least = 1, .most = 100, .zero = true, .unit = "percent", .meaning = "How many requests are traced."},

    {"development.auto_migrate", SETTING_BOOLEAN, SETTING_RELOADS, AT(development.auto_migrate), .initial = "true",
     .unit = "", .meaning = "Whether `dev` applies pending migrations when it starts."},
    {"development.watch", SETTING_BOOLEAN, 0, AT(development.watch), .initial = "false", .unit = "",
     .meaning = "Whether `dev` applies migrations as their files come."},
    {"migrations.directory", SETTING_PATH, SETTING_RELOADS, AT(migrations.directory), .initial = "migrations",
     .unit = "", .meaning = "Directory of migrations."},
    {"migrations.auto_timestamp", SETTING_BOOLEAN, SETTING_RELOADS, AT(migrations.auto_timestamp), .initial = "false",
     .unit = "",
     .meaning = "Whether a new migration is numbered by time (20260131120000) rather than by count (0001)."},
    {"tenants.mode", SETTING_CHOICE, SETTING_RELOADS, AT(tenants.mode), .initial = "explicit", .choices = tenants_modes,
     .unit = "", .meaning = "Whether a tenant that a client names, and that is none, is made."},
    {"tenants.require_confirmation", SETTING_BOOLEAN, SETTING_RELOADS, AT(tenants.require_confirmation),
     .initial = "true", .unit = "", .meaning = "Whether verbs that make or delete tenants ask first."},
};

size_t settings_rows(void) {
    return ARRAY_LENGTH(table);
}

const struct settings_row *settings_row_at(size_t index) {
    ASSERT(index < ARRAY_LENGTH(table));
    return &table[index];
}

const struct settings_row *settings_find(struct slice key) {
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        if (slice_equal_text(key, table[i].key) || (table[i].alias != NULL && slice_equal_text(key, table[i].alias))) {
            return &table[i];
        }
    }
    return NULL;
}

const struct settings_row *settings_of_option(struct slice option) {
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        if (table[i].option != NULL && slice_equal_text(option, table[i].option)) {
            return &table[i];
        }
    }
    return NULL;
}

void settings_variable(const struct settings_row *setting, char name[SETTING_VARIABLE_SIZE]) {
    size_t at = 4;
    memcpy(name, "KMB_", 4);
    for (const char *key = setting->key; *key != 0; key++) {
        ASSERT(at + 1 < SETTING_VARIABLE_SIZE);
        name[at++] = *key == '.' ? '_' : (char)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key);
    }
    name[at] = 0;
}
