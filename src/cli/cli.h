/*
 * What the verbs of the command line share: options, the project found, the database opened, and how to speak.
 *
 * Results go to stdout, everything else to stderr. Exit codes are those of kmb_status_exit_code(): 0 ok, 1 error,
 * 2 usage, 5 permission, 6 not found.
 */
#ifndef KMB_CLI_CLI_H
#define KMB_CLI_CLI_H

#include <stdio.h>

#include "kimberlite.h"

#define CLI_PATH_MAX        4096
#define CLI_PASSPHRASE_SIZE 1024
#define CLI_PARAMETERS_MAX  1600
#define CLI_SETTINGS_MAX    128
#define CLI_ARGUMENTS_MAX   256 /* events of `stream append` */

enum cli_format { CLI_TABLE, CLI_CSV, CLI_TSV, CLI_JSON, CLI_NDJSON };

struct cli_parameter {
    const char *text; /* NULL: SQL NULL */
};

/* A setting given on the command line, as written. */
struct settings_row;
struct cli_setting {
    const struct settings_row *setting;
    const char *text;
};

/* Options that every verb takes, and those of some. Texts borrow from argv. */
struct cli_options {
    const char *verb; /* "query" */
    const char *data; /* --data */
    const char *key;  /* --key */
    const char
        *server;     /* --server, or KIMBERLITE_SERVER where --data is not given; NULL: the database is a directory */
    uint32_t tenant; /* -t; 0: the one that the server's URL names */
    bool tenant_given;
    enum cli_format format;
    bool format_given;
    bool at_given; /* --at */
    int64_t at;
    const char *as_of;                                   /* --as-of, as written */
    struct cli_parameter parameters[CLI_PARAMETERS_MAX]; /* -p, --null-param */
    uint32_t parameter_count;
    const char *file; /* -f; "-" is stdin */
    bool accept_clock;
    bool no_color;
    bool quiet;
    /* of single verbs */
    const char *table;
    const char *primary_key;
    const char *reject;
    const char *checkpoint;
    const char *verifier;
    const char *name;
    const char *id;
    const char *template_name;
    uint64_t from_line;
    uint64_t from;
    bool create;
    bool atomic;
    bool no_header;
    bool log_only;
    bool no_encryption;
    bool yes;
    bool force;
    bool dry_run;
    bool to_given;
    uint64_t to;
    bool all_tenants;
    bool full;
    bool port_given;
    uint64_t port;
    bool no_migrate;
    bool verbose;
    bool expect_given;
    uint64_t expect;
    uint64_t max_bytes;
    uint64_t seed;
    uint64_t iterations;
    const char *target;
    const char *passphrase_file;
    const char *backup_key;             /* --backup-key */
    const char *backup_passphrase_file; /* --backup-passphrase-file */
    bool with_root_key;
    uint64_t clients;  /* of bench */
    uint64_t duration; /* seconds */
    uint64_t warm_up;  /* seconds */
    uint64_t rate;     /* transactions a second; 0: as they come */
    uint64_t scale;
    bool keep;
    bool once;      /* of top */
    bool validates; /* of start, and the next */
    bool shows_config;
    uint64_t interval_ms; /* between two looks */
    const char *data_class;
    const char *config_format;
    const char *directory;                         /* --directory */
    const char *roles;                             /* --role */
    uint64_t days;                                 /* --days; 0: not given */
    struct cli_setting settings[CLI_SETTINGS_MAX]; /* --set, and options of settings */
    size_t settings_rows;
    /* what is not an option */
    const char *arguments[CLI_ARGUMENTS_MAX];
    int argument_count;
};

/* Where a database and its keys are. */
struct cli_place {
    char data[CLI_PATH_MAX];
    char key_file[CLI_PATH_MAX];      /* "" : not given */
    char key_directory[CLI_PATH_MAX]; /* "" : beside the data */
    char project[CLI_PATH_MAX];       /* directory of kimberlite.toml, or "" */
    char migrations[CLI_PATH_MAX];    /* "" : no project */
    bool migrations_named;            /* by the user, and not by the default */
    uint64_t cache_bytes;             /* settings of the project; 0: the default */
    uint64_t statement_bytes;
    uint64_t segment_bytes;
    char passphrase[CLI_PASSPHRASE_SIZE]; /* "" : the root key is in a file */
    bool ask;                             /* whether verbs that make or delete tenants ask first */
    bool number_by_time;
};

/* Finds the database: --data, else the nearest kimberlite.toml upward. 0, or an exit code after saying why. */
int cli_find(const struct cli_options *options, struct cli_place *place);
/* The same for what can not be done over a connection: where KIMBERLITE_SERVER says that the database is behind one, a
 * directory must be named, or the wrong database would be taken. */
int cli_find_directory(const struct cli_options *options, struct cli_place *place);
/* The key file of the database at a place, for functions that take a file: written to path. */
void cli_key_path(const struct cli_place *place, char path[CLI_PATH_MAX]);
/* Where the database is, for people: the directory, or the server's URL without what may be secret in it. */
void cli_place_text(const struct cli_options *options, const struct cli_place *place, char text[300]);
/* Opens the database at a place, or connects to a server; with session, one of the tenant. 0, or an exit code. */
int cli_open(const struct cli_options *options, unsigned flags, struct cli_place *place, kmb_db **db,
             kmb_session **session);
/* Closes both; an error of closing is told and becomes the exit code where that was 0. */
int cli_close(kmb_db *db, kmb_session *session, int code);

/* Prints an error the long way: message, position with a caret, detail, hint. Answers its exit code. sql may be NULL.
 */
int cli_fail(const struct kmb_error *error, const char *sql, size_t sql_length, const char *where);
/* "Error: ..." for what is no kmb_error. Answers code. */
int cli_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_note(const struct cli_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "Warning: ...", also where notes are not wanted. */
void cli_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool cli_color(const struct cli_options *options, FILE *stream);

/* Progress on stderr, when it is a terminal: one line, drawn again at most ten times a second. */
struct cli_progress {
    const char *label;
    int64_t begun_ns;
    int64_t drawn_ns;
    bool terminal;
    bool drawn;
};
void cli_progress_start(struct cli_progress *progress, const char *label);
/* done of total (0: unknown) units of work; count things of a kind ("rows") so far. */
void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total, uint64_t count, const char *kind);
void cli_progress_end(struct cli_progress *progress);
int64_t cli_now_ns(void);

/* Verbs: argv without the program's and the verb's name. */
typedef int cli_verb(const struct cli_options *options);
/* start --validate, --show-config: of a project, or of none. */
int cli_check_settings(const struct cli_options *options, bool shows);
cli_verb cli_start, cli_dev, cli_init, cli_config, cli_query, cli_shell, cli_import, cli_export, cli_verify, cli_log,
    cli_rebuild, cli_proof, cli_info, cli_version, cli_tenant, cli_completion, cli_manual, cli_migration, cli_backup,
    cli_cert, cli_apikey, cli_stream, cli_doctor, cli_sim, cli_bench, cli_stop, cli_top;

#endif
