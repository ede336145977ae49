/*
 * The one table of verbs and the one of options: what the program accepts, what `help` says, what the manual pages and
 * the shells' completions are made from.
 *
 * An option means the same in every verb that takes it. Verbs that run a server also take the options of settings
 * (server/settings.h) and --set KEY=VALUE.
 */
#ifndef KMB_CLI_TABLE_H
#define KMB_CLI_TABLE_H

#include "cli/cli.h"

enum option_id {
    OPT_DATA,
    OPT_KEY,
    OPT_SERVER,
    OPT_TENANT,
    OPT_OUTPUT,
    OPT_AT,
    OPT_AS_OF,
    OPT_PARAM,
    OPT_NULL_PARAM,
    OPT_FILE,
    OPT_ACCEPT_CLOCK,
    OPT_NO_COLOR,
    OPT_QUIET,
    OPT_TABLE,
    OPT_PRIMARY_KEY,
    OPT_REJECT,
    OPT_CHECKPOINT,
    OPT_VERIFIER,
    OPT_NAME,
    OPT_ID,
    OPT_TEMPLATE,
    OPT_FROM_LINE,
    OPT_FROM,
    OPT_CREATE,
    OPT_ATOMIC,
    OPT_NO_HEADER,
    OPT_LOG_ONLY,
    OPT_NO_ENCRYPTION,
    OPT_YES,
    OPT_FORCE,
    OPT_DRY_RUN,
    OPT_TO,
    OPT_ALL_TENANTS,
    OPT_TARGET,
    OPT_FULL,
    OPT_PASSPHRASE_FILE,
    OPT_CLASS,
    OPT_EXPECT,
    OPT_MAX_BYTES,
    OPT_SEED,
    OPT_ITERATIONS,
    OPT_VERBOSE,
    OPT_FORMAT,
    OPT_SET,
    OPT_PORT,
    OPT_NO_MIGRATE,
    OPT_DIRECTORY,
    OPT_DAYS,
    OPT_ROLE,
    OPT_BACKUP_KEY,
    OPT_BACKUP_PASSPHRASE_FILE,
    OPT_WITH_ROOT_KEY,
    OPT_CLIENTS,
    OPT_DURATION,
    OPT_WARM_UP,
    OPT_RATE,
    OPT_SCALE,
    OPT_KEEP,
    OPT_ONCE,
    OPT_INTERVAL,
    OPT_MAKE, /* --create of start */
    OPT_VALIDATE,
    OPT_SHOW_CONFIG,
    OPT_COUNT
};

/* What an option's value or an argument can be, for completion. */
enum value_kind { VALUE_TEXT, VALUE_FILE, VALUE_DIRECTORY, VALUE_WORDS, VALUE_KEYS /* of settings */ };

struct option_row {
    enum option_id id;
    const char *name;  /* "--data" */
    char letter;       /* 0: none */
    const char *value; /* "DIR"; NULL: a switch */
    enum value_kind kind;
    const char *words; /* VALUE_WORDS: separated by blanks */
    const char *help;
};

struct verb_row {
    const char *name;
    const char *alias;
    cli_verb *run;
    uint64_t options; /* bits of option_id */
    int arguments_min, arguments_max;
    const char *actions;  /* first arguments that are words: "create list"; NULL: none */
    enum value_kind kind; /* of other arguments */
    const char *words;
    bool settings; /* takes the options of settings */
    const char *usage;
    const char *help;
    const char *text; /* paragraphs of the manual page; NULL: none */
};

size_t option_count(void);
const struct option_row *option_at(size_t index);
size_t verb_count(void);
const struct verb_row *verb_at(size_t index);
const struct verb_row *verb_find(const char *name); /* by name or alias; NULL: none */
/* A verb or an option ("--cluster=3") of a part that has no code is refused by name: the exit code. 0: it is none. */
int cli_later(const char *word);
static inline bool verb_takes(const struct verb_row *verb, const struct option_row *option) {
    return (verb->options & (UINT64_C(1) << option->id)) != 0;
}
/* Of a verb that takes options of settings, whether the verb's own table has the name already. */
bool verb_has_option(const struct verb_row *verb, const char *name);

/* The pages of `help`. */
void table_print_usage(FILE *out);
void table_print_verb(FILE *out, const struct verb_row *verb);

#endif
