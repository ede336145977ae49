/*
 * Settings: what can be configured, in one table.
 *
 * A row of the table has the key, its type, range, default, unit, environment variable, option of the command line and
 * one line of meaning. Defaults, range checks, `config show|set|validate` and docs/reference/configuration.md come from
 * it and from nothing else.
 *
 * Layers, later ones win key by key: the table's defaults, the user's file, kimberlite.toml, kimberlite.local.toml
 * beside it, the environment, options. A key that the table does not have is an error that names the nearest one.
 *
 * One thread fills a struct settings; afterwards any thread may read it. A server that is told to read its files again
 * fills a second one and takes over what settings_reload_faults() leaves.
 */
#ifndef KMB_SERVER_SETTINGS_H
#define KMB_SERVER_SETTINGS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/logging.h"

/* Texts of a list, in order. */
struct setting_list {
    const char *const *texts;
    size_t count;
};

enum settings_auth {
    SETTINGS_AUTH_NONE,     /* nobody is asked who he is */
    SETTINGS_AUTH_ANY,      /* whatever the user has: password, API key, token, certificate */
    SETTINGS_AUTH_PASSWORD, /* SCRAM-SHA-256 */
    SETTINGS_AUTH_JWT,
    SETTINGS_AUTH_APIKEY,
    SETTINGS_AUTH_BOTH,        /* a token or an API key */
    SETTINGS_AUTH_CERTIFICATE, /* of the client, verified against tls.ca */
};
enum settings_tls_client { SETTINGS_TLS_CLIENT_NONE, SETTINGS_TLS_CLIENT_OPTIONAL, SETTINGS_TLS_CLIENT_REQUIRED };
enum settings_tls_version { SETTINGS_TLS_1_2, SETTINGS_TLS_1_3 };
enum settings_log_format { SETTINGS_LOG_TEXT, SETTINGS_LOG_JSON };
enum settings_tenants { SETTINGS_TENANTS_EXPLICIT, SETTINGS_TENANTS_AUTO_CREATE };

/*
 * The values. Texts are "" where nothing is set; relative paths of a file are made whole against the file's directory.
 * Sizes are bytes, times milliseconds; 0 means none wherever the table says so.
 */
struct settings {
    struct {
        const char *name;
    } project;
    struct {
        const char *data;
        const char *keys; /* directory of root keys */
        const char *key;  /* root key file; "": in `keys` */
        uint64_t cache_bytes;
        uint64_t statement_bytes;
        uint64_t segment_bytes; /* of a new database */
    } storage;
    struct {
        struct setting_list listen; /* "127.0.0.1:5432", "[::1]:5432", "*:5432", "localhost:5432" */
        const char *unix_socket;    /* directory of .s.PGSQL.<port>; "": none */
        uint64_t threads;           /* 0: as many as processors, 2 at least */
        uint64_t backlog;
    } server;
    struct {
        const char *listen;         /* "": no HTTP port */
        uint64_t disk_free_percent; /* not ready below this */
    } http;
    struct {
        uint64_t connections;
        uint64_t connections_per_source;
        uint64_t connections_per_tenant;
        uint64_t requests_per_source; /* a second */
        uint64_t requests_per_tenant;
        uint64_t bytes_per_source; /* received, a second */
        uint64_t bytes_per_tenant;
        uint64_t memory_bytes; /* of connections and statements, all together */
        uint64_t memory_per_source_bytes;
        uint64_t memory_per_tenant_bytes;
        uint64_t message_bytes;
        uint64_t output_bytes;  /* waiting for one client */
        uint64_t auth_failures; /* of one source or user within timeouts.auth_failures */
    } limits;
    struct {
        uint64_t connection_ms; /* from accept to a session */
        uint64_t statement_ms;
        uint64_t idle_ms;
        uint64_t idle_in_transaction_ms;
        uint64_t write_ms; /* a client that takes nothing */
        uint64_t keepalive_ms;
        uint64_t drain_ms;
        uint64_t auth_failures_ms;
    } timeouts;
    struct {
        const char *cert;
        const char *key;
        const char *ca;
        unsigned client;      /* enum settings_tls_client */
        unsigned min_version; /* enum settings_tls_version */
        bool required;
    } tls;
    struct {
        unsigned mode; /* enum settings_auth */
        bool allow_unauthenticated;
    } auth;
    struct {
        const char *secret; /* HS256 */
        const char *keys;   /* key set file */
        const char *issuer;
        const char *audience;
        uint64_t leeway_ms;
        uint64_t expiration_ms; /* of tokens made here */
    } jwt;
    struct {
        unsigned level;   /* enum log_level, of base/logging.h */
        unsigned format;  /* enum settings_log_format */
        const char *file; /* "": standard error */
        uint64_t slow_query_ms;
        bool values; /* statement texts and parameters in the log */
    } log;
    struct {
        uint64_t statements; /* that are counted apart */
    } statistics;
    struct {
        const char *otlp; /* "http://localhost:4318"; "": none */
        const char *service;
        const char *headers; /* of requests to otlp: "name=value,name=value" */
        bool values;         /* statement texts as they are written */
        uint64_t sample_percent;
    } telemetry;
    struct {
        bool auto_migrate;
        bool watch;
    } development;
    struct {
        const char *directory;
        bool auto_timestamp;
    } migrations;
    struct {
        unsigned mode; /* enum settings_tenants */
        bool require_confirmation;
    } tenants;

    struct arena arena;
    struct setting_place *places; /* one for each row of the table */
};

/* Where a value came from. */
enum setting_source {
    SETTING_DEFAULT,
    SETTING_USER_FILE,
    SETTING_FILE,
    SETTING_LOCAL_FILE,
    SETTING_ENVIRONMENT,
    SETTING_OPTION,
};
struct setting_place {
    enum setting_source source;
    const char *name; /* path of the file, name of the variable or option; NULL: default */
    uint32_t line;    /* of the file, else 0 */
};

enum setting_type {
    SETTING_BOOLEAN,  /* bool */
    SETTING_INTEGER,  /* uint64_t */
    SETTING_SIZE,     /* uint64_t bytes: 4096, "64MB" (powers of 1024) */
    SETTING_DURATION, /* uint64_t ms: "100ms", "30s", "5m", "1h", "7d", 0 */
    SETTING_TEXT,     /* const char * */
    SETTING_PATH,     /* const char *, relative to the file it stands in */
    SETTING_CHOICE,   /* unsigned, place in choices */
    SETTING_LIST,     /* struct setting_list */
};

enum setting_flags {
    SETTING_SECRET = 1,  /* never shown */
    SETTING_RELOADS = 2, /* a running server takes a new value over, or has no use for it */
};

/* A row of the table. */
struct settings_row {
    const char *key; /* "limits.connections" */
    enum setting_type type;
    unsigned flags;
    size_t offset;              /* in struct settings */
    const char *initial;        /* default, as text */
    uint64_t least, most;       /* of numbers, sizes, durations */
    bool zero;                  /* 0 is allowed beside least..most and means none */
    const char *const *choices; /* NULL-terminated */
    const char *unit;           /* "bytes", "ms", "per second", "percent", "" */
    const char *option;         /* of start and dev: "--listen"; NULL: none */
    const char *alias;          /* key that published releases have for it; NULL: none */
    const char *variable;       /* second environment variable, beside KMB_<KEY>; NULL: none */
    const char *meaning;        /* one line */
};

size_t settings_rows(void);
const struct settings_row *settings_row_at(size_t index);
/* The row of a key or alias, of an option ("--listen"); NULL: none. */
const struct settings_row *settings_find(struct slice key);
/* Levenshtein's distance of two names; SIZE_MAX: they are too long to be meant for each other. */
size_t settings_distance(struct slice a, struct slice b);
/* KMB_CONFIG: the key is none; the hint names the nearest. */
enum kmb_status settings_unknown(struct slice key, struct kmb_error *error);
const struct settings_row *settings_of_option(struct slice option);
/* "KMB_LIMITS_CONNECTIONS", 64 bytes at most with the zero. */
#define SETTING_VARIABLE_SIZE 64
void settings_variable(const struct settings_row *setting, char name[SETTING_VARIABLE_SIZE]);

/* Defaults. KMB_NO_MEMORY, or KMB_OK; then settings_free(). */
enum kmb_status settings_init(struct settings *settings, struct kmb_error *error);
void settings_free(struct settings *settings);

/* Reads a file over what is there. KMB_FILE_NOT_FOUND when there is none, KMB_CONFIG "path:line: what and why". */
enum kmb_status settings_read_file(struct settings *settings, const char *path, enum setting_source source,
                                   struct kmb_error *error);
/* The user's file, kimberlite.toml and kimberlite.local.toml of a project directory (NULL: the user's file alone), then
 * the environment (NULL-terminated "NAME=value"s). Files may be absent, but for the project's. */
enum kmb_status settings_load(struct settings *settings, const char *project, char *const *environment,
                              struct kmb_error *error);
enum kmb_status settings_read_environment(struct settings *settings, char *const *environment, struct kmb_error *error);
/* One value as text: an option's, or of `config set`. name: shown in errors, kept as the place. */
enum kmb_status settings_set(struct settings *settings, const struct settings_row *setting, const char *text,
                             enum setting_source source, const char *name, struct kmb_error *error);

/* What no single row can tell: a certificate without its key, authentication by token without a secret, an address that
 * is none. KMB_CONFIG names the keys. */
enum kmb_status settings_check(const struct settings *settings, struct kmb_error *error);

/* The value as config show prints it (secrets as "(set)" or ""), without quotes. */
void settings_text(const struct settings *settings, const struct settings_row *setting, struct buffer *out);
/* What a value must be: "a number from 1 to 65535". */
void settings_wanted(const struct settings_row *setting, struct buffer *out);
/* The value as TOML: "\"30s\"", "[\"127.0.0.1:5432\"]", "true". */
void settings_toml(const struct settings *settings, const struct settings_row *setting, struct buffer *out);
const struct setting_place *settings_place_of(const struct settings *settings, const struct settings_row *setting);
bool settings_equal(const struct settings *a, const struct settings *b, const struct settings_row *setting);

/* Appends the keys that differ between a running server's settings and new ones and need a restart, separated by ", ".
 * How many. */
size_t settings_reload_faults(const struct settings *running, const struct settings *fresh, struct buffer *keys);

/* Puts key = value into the text of a file, in the place of the old value, else at the end of its section, else in a
 * new section at the end; everything else stays as it is. The new text is appended to out. */
enum kmb_status settings_edit(struct slice text, const struct settings_row *setting, const char *value,
                              struct buffer *out, struct kmb_error *error);

/* An address: host and port, apart. "5432" is 127.0.0.1:5432, "*:5432" and ":5432" every address, "[::1]:5432" IPv6. */
struct setting_address {
    char host[256]; /* "" every address */
    uint16_t port;
};
bool settings_address_parse(const char *text, struct setting_address *address);
/* An address that only this machine reaches: 127.0.0.0/8, ::1, "localhost". */
bool settings_address_local(const struct setting_address *address);

#endif
