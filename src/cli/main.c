/*
 * The command line: finds the verb, reads its options, runs it. What there is stands in table.c; a verb refuses options
 * that it does not take, so that nothing typed is ever ignored.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "server/settings.h"

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

/* "2", "0.5": to milliseconds, from 0.1 to 60 seconds. */
static int set_seconds(const char *name, const char *value, uint64_t *milliseconds) {
    char *end = NULL;
    double seconds = strtod(value, &end);
    if (*value < '0' || *value > '9' || *end != 0 || !(seconds >= 0.1 && seconds <= 60)) {
        return bad_value(name, value, "seconds, from 0.1 to 60");
    }
    *milliseconds = (uint64_t)(seconds * 1000 + 0.5);
    return 0;
}

static int add_setting(struct cli_options *options, const struct settings_row *setting, const char *text) {
    if (options->settings_rows == CLI_SETTINGS_MAX) {
        return cli_error(2, "more than %d settings", CLI_SETTINGS_MAX);
    }
    options->settings[options->settings_rows++] = (struct cli_setting){.setting = setting, .text = text};
    return 0;
}

/* "limits.connections=5" */
static int set_pair(struct cli_options *options, const char *pair) {
    const char *equals = strchr(pair, '=');
    const struct settings_row *setting =
        equals == NULL ? NULL : settings_find(slice_make(pair, (size_t)(equals - pair)));
    if (setting == NULL) {
        return bad_value("--set", pair, "KEY=VALUE; \"kimberlite config show\" lists the keys");
    }
    return add_setting(options, setting, equals + 1);
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
    case OPT_SERVER:
        options->server = value;
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
    case OPT_VALIDATE:
        options->validates = true;
        return 0;
    case OPT_SHOW_CONFIG:
        options->shows_config = true;
        return 0;
    case OPT_MAKE:
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
    case OPT_FORCE:
        options->force = true;
        return 0;
    case OPT_DRY_RUN:
        options->dry_run = true;
        return 0;
    case OPT_TO:
        options->to_given = true;
        return set_number(row->name, value, 0, INT64_MAX, &options->to);
    case OPT_ALL_TENANTS:
        options->all_tenants = true;
        return 0;
    case OPT_TARGET:
        options->target = value;
        return 0;
    case OPT_FULL:
        options->full = true;
        return 0;
    case OPT_PASSPHRASE_FILE:
        options->passphrase_file = value;
        return 0;
    case OPT_CLASS:
        options->data_class = value;
        return 0;
    case OPT_EXPECT:
        options->expect_given = true;
        return set_number(row->name, value, 0, INT64_MAX, &options->expect);
    case OPT_MAX_BYTES:
        return set_number(row->name, value, 1, INT64_MAX, &options->max_bytes);
    case OPT_SEED:
        return set_number(row->name, value, 0, INT64_MAX, &options->seed);
    case OPT_ITERATIONS:
        return set_number(row->name, value, 1, 1000000000, &options->iterations);
    case OPT_VERBOSE:
        options->verbose = true;
        return 0;
    case OPT_FORMAT:
        options->config_format = value;
        return 0;
    case OPT_DIRECTORY:
        options->directory = value;
        return 0;
    case OPT_DAYS:
        return set_number(row->name, value, 1, 36500, &options->days);
    case OPT_ROLE:
        options->roles = value;
        return 0;
    case OPT_BACKUP_KEY:
        options->backup_key = value;
        return 0;
    case OPT_BACKUP_PASSPHRASE_FILE:
        options->backup_passphrase_file = value;
        return 0;
    case OPT_WITH_ROOT_KEY:
        options->with_root_key = true;
        return 0;
    case OPT_CLIENTS:
        return set_number(row->name, value, 1, 1000, &options->clients);
    case OPT_DURATION:
        return set_number(row->name, value, 1, 86400, &options->duration);
    case OPT_WARM_UP:
        return set_number(row->name, value, 0, 86400, &options->warm_up);
    case OPT_RATE:
        return set_number(row->name, value, 1, 10000000, &options->rate);
    case OPT_SCALE:
        return set_number(row->name, value, 1, 10000, &options->scale);
    case OPT_KEEP:
        options->keep = true;
        return 0;
    case OPT_ONCE:
        options->once = true;
        return 0;
    case OPT_INTERVAL:
        return set_seconds(row->name, value, &options->interval_ms);
    case OPT_SET:
        return set_pair(options, value);
    case OPT_PORT:
        options->port_given = true;
        return set_number(row->name, value, 1, 65535, &options->port);
    case OPT_NO_MIGRATE:
        options->no_migrate = true;
        return 0;
    case OPT_COUNT:
        break;
    }
    return cli_error(2, "unrecognized option %s", row->name);
}

/* The verb's option that a text begins with; a letter stands for different options in different verbs. */
static const struct option_row *find_option(const struct verb_row *verb, const char *text, const char **value) {
    *value = NULL;
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        size_t length = strlen(row->name);
        if (!verb_takes(verb, row)) {
            continue;
        }
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

/* An option that a setting has, of verbs that take them: its row, or NULL. */
static const struct settings_row *find_setting(const struct verb_row *verb, const char *text, const char **value) {
    const char *equals = strchr(text, '=');
    *value = equals == NULL ? NULL : equals + 1;
    return verb->settings
               ? settings_of_option(slice_make(text, equals == NULL ? strlen(text) : (size_t)(equals - text)))
               : NULL;
}

/* What an option does not say with "=" is the next argument. */
static int take_value(const char *name, const char *wanted, int argc, char **argv, int *at, const char **value) {
    if (*value == NULL) {
        if (*at + 1 >= argc) {
            return cli_error(2, "a value is required for %s: %s", name, wanted);
        }
        *value = argv[++*at];
    }
    return 0;
}

static int take_option(const struct verb_row *verb, int argc, char **argv, int *at, struct cli_options *options) {
    const char *text = argv[*at];
    const char *value = NULL;
    const struct option_row *row = find_option(verb, text, &value);
    const struct settings_row *setting = row == NULL ? find_setting(verb, text, &value) : NULL;
    int code = 0;
    if (row == NULL && setting == NULL && strncmp(text, "--server", 8) == 0 && (text[8] == 0 || text[8] == '=')) {
        return cli_error(2, "%s is not done over a connection: it works on the directory of a database", verb->name);
    }
    code = row == NULL && setting == NULL ? cli_later(text) : 0;
    if (code != 0) {
        return code;
    }
    if (row == NULL && setting == NULL) {
        return cli_error(2, "unrecognized option %s for %s; \"kimberlite help %s\" lists them", text, verb->name,
                         verb->name);
    }
    if (setting != NULL) {
        if (setting->type == SETTING_BOOLEAN && value == NULL) {
            value = "true";
        }
        code = take_value(setting->option, "VALUE", argc, argv, at, &value);
        return code == 0 ? add_setting(options, setting, value) : code;
    }
    if (row->value == NULL && value != NULL) {
        return cli_error(2, "option %s takes no value", row->name);
    }
    if (row->value != NULL) {
        code = take_value(row->name, row->value, argc, argv, at, &value);
    }
    return code == 0 ? set_option(options, row, value) : code;
}

static int parse(const struct verb_row *verb, int argc, char **argv, struct cli_options *options) {
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
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
        int code = take_option(verb, argc, argv, &i, options);
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

/* Whether the database is a directory or behind a server. */
static int choose_server(const struct verb_row *verb, struct cli_options *options) {
    const char *from_environment = getenv("KIMBERLITE_SERVER");
    bool can = (verb->options & (UINT64_C(1) << OPT_SERVER)) != 0;
    const char *other = options->data != NULL              ? "--data"
                        : options->key != NULL             ? "--key"
                        : options->passphrase_file != NULL ? "--passphrase-file"
                                                           : NULL;
    if (options->server != NULL && other != NULL) {
        return cli_error(2, "invalid: --server and %s exclude each other", other);
    }
    if (can && options->server == NULL && options->data == NULL && from_environment != NULL &&
        from_environment[0] != 0) {
        options->server = from_environment;
    }
    if (options->server != NULL && !options->tenant_given && getenv("KIMBERLITE_TENANT") == NULL) {
        options->tenant = 0;
    }
    return 0;
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
    options->max_bytes = 65536;
    options->iterations = 100;
    options->clients = 1;
    options->duration = 10;
    options->warm_up = 2;
    options->scale = 1;
    options->interval_ms = 1000;
    options->verb = verb->name;
    if (code == 0) {
        code = parse(verb, argc, argv, options);
    }
    if (code == 0 && options->at_given && options->as_of != NULL) {
        code = cli_error(2, "invalid: --at and --as-of exclude each other");
    }
    if (code == 0) {
        code = choose_server(verb, options);
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
        table_print_usage(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("kimberlite %s\n", kmb_version());
        return 0;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        table_print_usage(stdout);
        return 0;
    }
    bool help = strcmp(name, "help") == 0;
    const struct verb_row *verb = verb_find(help ? argv[2] : name);
    int code = verb == NULL ? cli_later(help ? argv[2] : name) : 0;
    if (code != 0) {
        return code;
    }
    if (verb == NULL) {
        return cli_error(2, "unrecognized verb \"%s\"; \"kimberlite help\" lists them", help ? argv[2] : name);
    }
    if (help || wants_help(argc - 2, argv + 2)) {
        table_print_verb(stdout, verb);
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
