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

#define CLI_PATH_MAX       4096
#define CLI_PARAMETERS_MAX 1600

enum cli_format { CLI_TABLE, CLI_CSV, CLI_TSV, CLI_JSON, CLI_NDJSON };

struct cli_parameter {
    const char *text; /* NULL: SQL NULL */
};

/* Options that every verb takes, and those of some. Texts borrow from argv. */
struct cli_options {
    const char *verb; /* "query" */
    const char *data; /* --data */
    const char *key;  /* --key */
    uint32_t tenant;  /* -t */
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
    /* what is not an option */
    const char *arguments[16];
    int argument_count;
};

/* Where a database and its keys are. */
struct cli_place {
    char data[CLI_PATH_MAX];
    char key_file[CLI_PATH_MAX];      /* "" : not given */
    char key_directory[CLI_PATH_MAX]; /* "" : beside the data */
    char project[CLI_PATH_MAX];       /* directory of kimberlite.toml, or "" */
};

/* Finds the database: --data, else the nearest kimberlite.toml upward. 0, or an exit code after saying why. */
int cli_find(const struct cli_options *options, struct cli_place *place);
/* The key file of the database at a place, for functions that take a file: written to path. */
void cli_key_path(const struct cli_place *place, char path[CLI_PATH_MAX]);
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
cli_verb cli_init, cli_query, cli_shell, cli_import, cli_export, cli_verify, cli_log, cli_rebuild, cli_proof, cli_info,
    cli_version, cli_tenant;

#endif
