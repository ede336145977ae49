/*
 * The command line: one table of verbs and one of options. An option means the same in every verb that takes it; a verb
 * refuses those it does not take, so that nothing typed is ever ignored.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

enum option_id {
    OPT_DATA,
    OPT_KEY,
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
    OPT_COUNT
};
#define BIT(id) (UINT64_C(1) << (id))

static const struct option_row {
    enum option_id id;
    const char *name;
    char letter;
    const char *value; /* NULL: a switch */
    const char *help;
} option_table[] = {
    {OPT_DATA, "--data", 0, "DIR", "database directory (default: that of the nearest kimberlite.toml upward)"},
    {OPT_KEY, "--key", 0, "FILE", "root key file"},
    {OPT_TENANT, "--tenant", 't', "ID", "tenant (default 1, or KIMBERLITE_TENANT)"},
    {OPT_OUTPUT, "--output", 'o', "FORMAT", "table, csv, tsv, json or ndjson"},
    {OPT_AT, "--at", 0, "N", "read the state after the first N events"},
    {OPT_AS_OF, "--as-of", 0, "TIME", "read the state at a time: 2026-01-31 or 2026-01-31T12:00:00Z"},
    {OPT_PARAM, "--param", 'p', "VALUE", "value of $1, $2, ... in order"},
    {OPT_NULL_PARAM, "--null-param", 0, NULL, "NULL as the next parameter"},
    {OPT_FILE, "--file", 'f', "FILE", "read statements from FILE, - for standard input"},
    {OPT_ACCEPT_CLOCK, "--accept-clock", 0, NULL, "write although the clock jumped; recorded in the log"},
    {OPT_NO_COLOR, "--no-color", 0, NULL, "no colours"},
    {OPT_QUIET, "--quiet", 'q', NULL, "no notes and progress on standard error"},
    {OPT_TABLE, "--table", 0, "NAME", "table to fill or to read"},
    {OPT_PRIMARY_KEY, "--primary-key", 0, "COLUMNS", "with --create: key columns, separated by commas"},
    {OPT_REJECT, "--reject", 0, "FILE", "put refused rows there and go on"},
    {OPT_CHECKPOINT, "--checkpoint", 0, "FILE",
     "a checkpoint kept outside: rollbacks and rewritten logs fail against it"},
    {OPT_VERIFIER, "--verifier", 0, "KEY", "verifier key of the log, as printed by init and info"},
    {OPT_NAME, "--name", 0, "NAME", "name of the tenant"},
    {OPT_ID, "--id", 0, "ID", "id of the tenant"},
    {OPT_TEMPLATE, "--template", 0, "NAME", "what to begin with (default)"},
    {OPT_FROM_LINE, "--from-line", 0, "N", "begin at this line of the file"},
    {OPT_FROM, "--from", 0, "OP", "begin at this op"},
    {OPT_CREATE, "--create", 0, NULL, "make the table from the header and the values"},
    {OPT_ATOMIC, "--atomic", 0, NULL, "all rows in one transaction"},
    {OPT_NO_HEADER, "--no-header", 0, NULL, "the first line is a row"},
    {OPT_LOG_ONLY, "--log-only", 0, NULL, "leave the store alone"},
    {OPT_NO_ENCRYPTION, "--no-encryption", 0, NULL, "store in clear; cannot be changed later"},
    {OPT_YES, "--yes", 0, NULL, "do not ask"},
};

#define COMMON (BIT(OPT_DATA) | BIT(OPT_KEY) | BIT(OPT_NO_COLOR) | BIT(OPT_QUIET))
#define WRITES BIT(OPT_ACCEPT_CLOCK)
#define READS  (BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_AT) | BIT(OPT_AS_OF))

static const struct verb_row {
    const char *name;
    const char *alias;
    cli_verb *run;
    uint64_t options;
    int arguments_min, arguments_max;
    const char *usage;
    const char *help;
} verb_table[] = {
    {"init", NULL, cli_init, (COMMON & ~BIT(OPT_DATA)) | BIT(OPT_TEMPLATE) | BIT(OPT_NO_ENCRYPTION) | BIT(OPT_YES), 0,
     1, "[DIR]", "make a project with a database in it"},
    {"query", NULL, cli_query, COMMON | WRITES | READS | BIT(OPT_PARAM) | BIT(OPT_NULL_PARAM) | BIT(OPT_FILE), 0, 1,
     "[SQL]", "run statements"},
    {"shell", "repl", cli_shell, COMMON | WRITES | READS, 0, 0, "", "type statements"},
    {"import", NULL, cli_import,
     COMMON | WRITES | BIT(OPT_TENANT) | BIT(OPT_TABLE) | BIT(OPT_CREATE) | BIT(OPT_PRIMARY_KEY) | BIT(OPT_REJECT) |
         BIT(OPT_FROM_LINE) | BIT(OPT_ATOMIC) | BIT(OPT_NO_HEADER),
     1, 1, "FILE", "load a CSV file, - for standard input"},
    {"export", NULL, cli_export, COMMON | READS | BIT(OPT_PARAM) | BIT(OPT_NULL_PARAM) | BIT(OPT_TABLE), 0, 1, "[SQL]",
     "write a table or a query's answer as CSV"},
    {"verify", NULL, cli_verify, COMMON | BIT(OPT_CHECKPOINT) | BIT(OPT_LOG_ONLY) | BIT(OPT_OUTPUT), 0, 0, "",
     "read everything and trust nothing"},
    {"log", NULL, cli_log, COMMON | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_FROM), 1, 1, "show",
     "show the log's entries"},
    {"rebuild", NULL, cli_rebuild, COMMON, 0, 0, "", "make the store anew from the log"},
    {"proof", NULL, cli_proof, COMMON | BIT(OPT_TENANT) | BIT(OPT_VERIFIER), 1, 2,
     "inclusion ENTRY | consistency SIZE | checkpoint | verify FILE", "make and check proofs"},
    {"info", NULL, cli_info, COMMON | BIT(OPT_OUTPUT), 0, 0, "", "facts about the database"},
    {"tenant", NULL, cli_tenant, COMMON | WRITES | BIT(OPT_NAME) | BIT(OPT_ID) | BIT(OPT_OUTPUT) | BIT(OPT_YES), 1, 2,
     "create ID [--name NAME] | list", "make and list tenants"},
    {"version", NULL, cli_version, COMMON | BIT(OPT_OUTPUT), 0, 0, "", "version of this program"},
};
#define VERBS   (sizeof(verb_table) / sizeof(verb_table[0]))
#define OPTIONS (sizeof(option_table) / sizeof(option_table[0]))

static void print_usage(FILE *out) {
    fprintf(out,
            "kimberlite %s: a tamper-evident SQL database with time travel\n\nusage: kimberlite VERB [OPTION]...\n\n",
            kmb_version());
    for (size_t i = 0; i < VERBS; i++) {
        fprintf(out, "  %-9s %s\n", verb_table[i].name, verb_table[i].help);
    }
    fprintf(out, "\n\"kimberlite help VERB\" tells more.\n");
}

static void print_verb_help(const struct verb_row *verb) {
    printf("usage: kimberlite %s %s%s[OPTION]...\n\n%s\n\n", verb->name, verb->usage, verb->usage[0] == 0 ? "" : " ",
           verb->help);
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option_row *option = &option_table[i];
        if ((verb->options & BIT(option->id)) != 0) {
            char left[64];
            snprintf(left, sizeof(left), "%s%c%s%s%s%s", option->letter == 0 ? "    " : "-",
                     option->letter == 0 ? ' ' : option->letter, option->letter == 0 ? "" : ", ", option->name,
                     option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
            printf("  %-26s %s\n", left + (option->letter == 0 ? 1 : 0), option->help);
        }
    }
}

static const struct verb_row *find_verb(const char *name) {
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verb_table[i].name, name) == 0 ||
            (verb_table[i].alias != NULL && strcmp(verb_table[i].alias, name) == 0)) {
            return &verb_table[i];
        }
    }
    return NULL;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *value <= most;
}

static int bad_value(const char *option, const char *value, const char *wanted) {
    return cli_error(2, "invalid value \"%s\" for %s: %s", value, option, wanted);
}

static int set_format(struct cli_options *options, const char *value) {
    static const char *const names[] = {"table", "csv", "tsv", "json", "ndjson"};
    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(names[i], value) == 0) {
            options->format = (enum cli_format)i;
            options->format_given = true;
            return 0;
        }
    }
    return bad_value("--output", value, "table, csv, tsv, json or ndjson");
}

static int add_parameter(struct cli_options *options, const char *value) {
    if (options->parameter_count == CLI_PARAMETERS_MAX) {
        return cli_error(2, "more than %d parameters", CLI_PARAMETERS_MAX);
    }
    options->parameters[options->parameter_count++].text = value;
    return 0;
}

static int set_number(const char *name, const char *value, uint64_t least, uint64_t most, uint64_t *number) {
    char wanted[96];
    if (!parse_number(value, most, number) || *number < least) {
        snprintf(wanted, sizeof(wanted), "a number from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        return bad_value(name, value, wanted);
    }
    return 0;
}

static int set_option(struct cli_options *options, const struct option_row *row, const char *value) {
    uint64_t number = 0;
    int code = 0;
    switch (row->id) {
    case OPT_DATA:
        options->data = value;
        return 0;
    case OPT_KEY:
        options->key = value;
        return 0;
    case OPT_TENANT:
        code = set_number(row->name, value, 1, UINT32_MAX, &number);
        options->tenant = (uint32_t)number;
        options->tenant_given = true;
        return code;
    case OPT_OUTPUT:
        return set_format(options, value);
    case OPT_AT:
        code = set_number(row->name, value, 0, INT64_MAX, &number);
        options->at = (int64_t)number;
        options->at_given = true;
        return code;
    case OPT_AS_OF:
        options->as_of = value;
        return 0;
    case OPT_PARAM:
        return add_parameter(options, value);
    case OPT_NULL_PARAM:
        return add_parameter(options, NULL);
    case OPT_FILE:
        options->file = value;
        return 0;
    case OPT_ACCEPT_CLOCK:
        options->accept_clock = true;
        return 0;
    case OPT_NO_COLOR:
        options->no_color = true;
        return 0;
    case OPT_QUIET:
        options->quiet = true;
        return 0;
    case OPT_TABLE:
        options->table = value;
        return 0;
    case OPT_PRIMARY_KEY:
        options->primary_key = value;
        return 0;
    case OPT_REJECT:
        options->reject = value;
        return 0;
    case OPT_CHECKPOINT:
        options->checkpoint = value;
        return 0;
    case OPT_VERIFIER:
        options->verifier = value;
        return 0;
    case OPT_NAME:
        options->name = value;
        return 0;
    case OPT_ID:
        options->id = value;
        return 0;
    case OPT_TEMPLATE:
        options->template_name = value;
        return 0;
    case OPT_FROM_LINE:
        return set_number(row->name, value, 1, INT64_MAX, &options->from_line);
    case OPT_FROM:
        return set_number(row->name, value, 0, INT64_MAX, &options->from);
    case OPT_CREATE:
        options->create = true;
        return 0;
    case OPT_ATOMIC:
        options->atomic = true;
        return 0;
    case OPT_NO_HEADER:
        options->no_header = true;
        return 0;
    case OPT_LOG_ONLY:
        options->log_only = true;
        return 0;
    case OPT_NO_ENCRYPTION:
        options->no_encryption = true;
        return 0;
    case OPT_YES:
        options->yes = true;
        return 0;
    case OPT_COUNT:
        break;
    }
    return cli_error(2, "unrecognized option %s", row->name);
}

static const struct option_row *find_option(const char *text, const char **value) {
    *value = NULL;
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option_row *row = &option_table[i];
        size_t length = strlen(row->name);
        if (strncmp(text, row->name, length) == 0 && (text[length] == 0 || text[length] == '=')) {
            *value = text[length] == '=' ? text + length + 1 : NULL;
            return row;
        }
        if (row->letter != 0 && text[0] == '-' && text[1] == row->letter) {
            *value = text[2] == 0 ? NULL : text + 2;
            return row;
        }
    }
    return NULL;
}

static int parse(const struct verb_row *verb, int argc, char **argv, struct cli_options *options) {
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
        const char *value = NULL;
        if (only_arguments || text[0] != '-' || text[1] == 0) {
            if (options->argument_count >= verb->arguments_max) {
                return cli_error(2, "unrecognized argument \"%s\" for %s; usage: kimberlite %s%s%s", text, verb->name,
                                 verb->name, verb->usage[0] == 0 ? "" : " ", verb->usage);
            }
            options->arguments[options->argument_count++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_arguments = true;
            continue;
        }
        const struct option_row *row = find_option(text, &value);
        if (row == NULL || (verb->options & BIT(row->id)) == 0) {
            return cli_error(2, "unrecognized option %s for %s; \"kimberlite help %s\" lists them", text, verb->name,
                             verb->name);
        }
        if (row->value == NULL && value != NULL) {
            return cli_error(2, "option %s takes no value", row->name);
        }
        if (row->value != NULL && value == NULL) {
            if (i + 1 >= argc) {
                return cli_error(2, "a value is required for %s: %s", row->name, row->value);
            }
            value = argv[++i];
        }
        int code = set_option(options, row, value);
        if (code != 0) {
            return code;
        }
    }
    if (options->argument_count < verb->arguments_min) {
        return cli_error(2, "an argument is required: kimberlite %s %s", verb->name, verb->usage);
    }
    return 0;
}

static bool wants_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int run_verb(const struct verb_row *verb, int argc, char **argv) {
    struct cli_options *options = calloc(1, sizeof(*options));
    if (options == NULL) {
        return cli_error(1, "out of memory");
    }
    uint64_t tenant = 1;
    const char *from_environment = getenv("KIMBERLITE_TENANT");
    int code = 0;
    if (from_environment != NULL) {
        code = set_number("KIMBERLITE_TENANT", from_environment, 1, UINT32_MAX, &tenant);
    }
    options->tenant = (uint32_t)tenant;
    options->verb = verb->name;
    if (code == 0) {
        code = parse(verb, argc, argv, options);
    }
    if (code == 0 && options->at_given && options->as_of != NULL) {
        code = cli_error(2, "invalid: --at and --as-of exclude each other");
    }
    if (code == 0) {
        code = verb->run(options);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        code = code == 0 ? cli_error(1, "cannot write to standard output: %s", strerror(errno)) : code;
    }
    free(options);
    return code;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of a write, told like others */
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("kimberlite %s\n", kmb_version());
        return 0;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        print_usage(stdout);
        return 0;
    }
    bool help = strcmp(name, "help") == 0;
    const struct verb_row *verb = find_verb(help ? argv[2] : name);
    if (verb == NULL) {
        return cli_error(2, "unrecognized verb \"%s\"; \"kimberlite help\" lists them", help ? argv[2] : name);
    }
    if (help || wants_help(argc - 2, argv + 2)) {
        print_verb_help(verb);
        return 0;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
            printf("kimberlite %s\n", kmb_version());
            return 0;
        }
    }
    return run_verb(verb, argc - 2, argv + 2);
}
