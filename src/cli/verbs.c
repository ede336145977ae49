/* The small verbs: verify, rebuild, proof, info, tenant, version. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/output.h"
#include "types/datetime.h"

#define PROOF_FILE_MAX ((size_t)4 << 20)

/* --- verify ------------------------------------------------------------------------------------------------------- */

static enum kmb_status show_progress(void *context, uint64_t done, uint64_t total) {
    cli_progress_show(context, done, total, done >> 20, "MiB");
    return KMB_OK;
}

static void print_report_json(const struct kmb_verify_report *report, const struct kmb_error *error, bool whole) {
    printf("{\"whole\":%s,\"segments\":%" PRIu64 ",\"blocks\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"tenants\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"bodies_opened\":%s,\"store_matches_log\":%s",
           whole ? "true" : "false", report->segments, report->blocks, report->entries, report->bytes, report->tenants,
           report->pages, report->bodies_opened ? "true" : "false", report->store_matches_log ? "true" : "false");
    if (!whole) {
        printf(",\"status\":\"%s\",\"message\":", kmb_status_name(error->status));
        output_json_string(stdout, error->message, strlen(error->message));
        printf(",\"segment\":\"%s\",\"op\":%" PRIu64 ",\"entry\":%" PRIu64 ",\"tenant\":%u,\"position\":%" PRIu64,
               report->failure_segment, report->failure_op, report->failure_entry, report->failure_tenant,
               report->failure_position);
    }
    puts("}");
}

int cli_verify(const struct cli_options *options) {
    struct cli_place place = {0};
    struct cli_progress progress;
    struct kmb_verify_report report = {.size = sizeof(report)};
    struct kmb_error error = {0};
    char key[CLI_PATH_MAX];
    int code = cli_find_directory(options, &place);
    if (code != 0) {
        return code;
    }
    if (options->format_given && (options->format == CLI_CSV || options->format == CLI_TSV)) {
        return cli_error(2, "invalid value for --output: verify knows table, json and ndjson");
    }
    cli_key_path(&place, key);
    cli_progress_start(&progress, "verify");
    progress.terminal = progress.terminal && !options->quiet;
    struct kmb_verify_options verify = {
        .size = sizeof(verify),
        .key_file = key[0] == 0 ? NULL : key,
        .passphrase = place.passphrase[0] == 0 ? NULL : place.passphrase,
        .checkpoint_file = options->checkpoint,
        .log_only = options->log_only,
        .progress = show_progress,
        .context = &progress,
    };
    enum kmb_status status = kmb_verify(place.data, &verify, &report, &error);
    cli_progress_end(&progress);
    if (options->format_given && options->format != CLI_TABLE) {
        print_report_json(&report, &error, status == KMB_OK);
        return status == KMB_OK ? 0 : kmb_status_exit_code(status);
    }
    if (status != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "verify");
        if (report.failure_segment[0] != 0 || report.failure_entry != 0) {
            fprintf(stderr,
                    "  segment   %s\n  op        %" PRIu64 "\n  tenant    %u\n  entry     %" PRIu64
                    "\n  position  %" PRIu64 "\n",
                    report.failure_segment[0] == 0 ? "-" : report.failure_segment, report.failure_op,
                    report.failure_tenant, report.failure_entry, report.failure_position);
        }
        return code;
    }
    double seconds = (double)(cli_now_ns() - progress.begun_ns) / 1e9;
    printf("whole: %" PRIu64 " entries in %" PRIu64 " blocks, %" PRIu64 " segment%s, %" PRIu64 " tenant%s\n",
           report.entries, report.blocks, report.segments, report.segments == 1 ? "" : "s", report.tenants,
           report.tenants == 1 ? "" : "s");
    printf("%s\n", report.bodies_opened ? "bodies opened"
                   : options->log_only  ? "bodies not opened: log only"
                                        : "bodies not opened: no key");
    if (report.store_matches_log) {
        printf("store says what the log says (%" PRIu64 " pages)\n", report.pages);
    } else {
        printf("store not compared with the log%s\n", options->log_only      ? ""
                                                      : report.bodies_opened ? ": no checkpoint, or in use"
                                                                             : ": no key");
    }
    cli_note(options, "%.1f MiB in %.2f s", (double)report.bytes / 1048576.0, seconds);
    return 0;
}

/* --- rebuild ------------------------------------------------------------------------------------------------------ */

int cli_rebuild(const struct cli_options *options) {
    struct cli_place place = {0};
    struct kmb_error error = {0};
    char hash[65];
    int code = cli_find_directory(options, &place);
    if (code != 0) {
        return code;
    }
    struct kmb_options open = {
        .size = sizeof(open),
        .key_file = place.key_file[0] == 0 ? NULL : place.key_file,
        .key_directory = place.key_directory[0] == 0 ? NULL : place.key_directory,
        .command = "kimberlite rebuild",
        .passphrase = place.passphrase[0] == 0 ? NULL : place.passphrase,
    };
    int64_t begun = cli_now_ns();
    if (kmb_rebuild(place.data, &open, hash, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, "rebuild");
    }
    if (options->format_given) {
        static const char *const names[] = {"state"};
        const char *facts[] = {hash};
        struct output output;
        output_init(&output, options, CLI_TABLE);
        output_facts(&output, names, facts, "t");
    } else {
        printf("state %s\n", hash);
    }
    cli_note(options, "rebuilt from the log in %.2f s", (double)(cli_now_ns() - begun) / 1e9);
    return 0;
}

/* --- proof -------------------------------------------------------------------------------------------------------- */

static int verify_proof(const struct cli_options *options, const char *path) {
    struct kmb_error error = {0};
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL) {
        return cli_error(errno == ENOENT ? 6 : 1, "cannot read %s: %s", path, strerror(errno));
    }
    char *text = malloc(PROOF_FILE_MAX + 1);
    size_t length = text == NULL ? 0 : fread(text, 1, PROOF_FILE_MAX + 1, file);
    bool failed = text == NULL || ferror(file) != 0;
    if (file != stdin) {
        fclose(file);
    }
    int code = 0;
    if (failed) {
        code = cli_error(1, "cannot read %s", path);
    } else if (length > PROOF_FILE_MAX) {
        code = cli_error(1, "%s is no proof: larger than %zu bytes", path, PROOF_FILE_MAX);
    } else if (kmb_proof_verify(text, length, options->verifier, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, path);
    } else if (options->format_given && options->format != CLI_TABLE) {
        printf("{\"valid\":true,\"verifier_given\":%s}\n", options->verifier != NULL ? "true" : "false");
    } else {
        puts(options->verifier != NULL
                 ? "valid"
                 : "valid under the key in the file; give --verifier to tie it to a log you know");
    }
    free(text);
    return code;
}

int cli_proof(const struct cli_options *options) {
    if (options->format_given && (options->format == CLI_CSV || options->format == CLI_TSV)) {
        return cli_error(2, "invalid value for --output: proof knows table, json and ndjson");
    }
    struct cli_place place = {0};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    char *text = NULL;
    const char *what = options->arguments[0];
    const char *argument = options->argument_count > 1 ? options->arguments[1] : NULL;
    bool inclusion = strcmp(what, "inclusion") == 0;
    bool consistency = strcmp(what, "consistency") == 0;
    bool checkpoint = strcmp(what, "checkpoint") == 0;
    if (strcmp(what, "verify") == 0) {
        return argument == NULL ? cli_error(2, "a file is required: kimberlite proof verify FILE")
                                : verify_proof(options, argument);
    }
    if (options->verifier != NULL) {
        return cli_error(2, "invalid: --verifier goes with proof verify");
    }
    if (!inclusion && !consistency && !checkpoint) {
        return cli_error(
            2, "unrecognized argument \"%s\"; usage: kimberlite proof inclusion|consistency|checkpoint|verify", what);
    }
    uint64_t number = 0;
    if (inclusion || consistency) {
        char *end = NULL;
        errno = 0;
        number = argument == NULL ? 0 : strtoull(argument, &end, 10);
        if (argument == NULL) {
            return cli_error(2, "a number is required: kimberlite proof %s %s", what, inclusion ? "ENTRY" : "SIZE");
        }
        if (*argument < '0' || *argument > '9' || *end != 0 || errno != 0) {
            return cli_error(2, "invalid number \"%s\"", argument);
        }
    } else if (argument != NULL) {
        return cli_error(2, "unrecognized argument \"%s\"", argument);
    }
    int code = cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, &session);
    if (code != 0) {
        return code;
    }
    enum kmb_status status = inclusion     ? kmb_proof_inclusion(session, number, &text, &error)
                             : consistency ? kmb_proof_consistency(session, number, &text, &error)
                                           : kmb_proof_checkpoint(session, &text, &error);
    if (status != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "proof");
    } else if (options->format_given && options->format != CLI_TABLE) {
        printf("{\"kind\":\"%s\",\"text\":", what);
        output_json_string(stdout, text, strlen(text));
        puts("}");
    } else {
        fputs(text, stdout);
    }
    kmb_free(text);
    return cli_close(db, session, code);
}

/* --- info, tenant, version ---------------------------------------------------------------------------------------- */

int cli_info(const struct cli_options *options) {
    struct cli_place place = {0};
    struct output output;
    struct kmb_info info = {.size = sizeof(info)};
    struct kmb_error error = {0};
    char key[CLI_PATH_MAX];
    char verifier[512] = "";
    char state[65] = "";
    kmb_db *db = NULL;
    int code = cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    if (kmb_info(db, &info, &error) != KMB_OK || kmb_state_hash(db, state, &error) != KMB_OK ||
        kmb_tenant_verifier(db, 1, verifier, sizeof(verifier), &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "info");
        kmb_close(db, NULL);
        return code;
    }
    if (options->server != NULL) {
        snprintf(place.data, sizeof(place.data), "behind a server");
        snprintf(key, sizeof(key), "the server's");
    } else {
        cli_key_path(&place, key);
    }
    if (place.passphrase[0] != 0) {
        snprintf(key, sizeof(key), "made of the passphrase");
    }
    char numbers[6][32];
    const uint64_t values[6] = {info.op,      info.log_bytes,         info.store_bytes,
                                info.tenants, info.recovered_entries, info.cut_bytes};
    for (size_t i = 0; i < 6; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, values[i]);
    }
    static const char *const names[] = {"data",      "log",         "encrypted", "root_key",         "newest_op",
                                        "log_bytes", "store_bytes", "tenants",   "replayed_entries", "torn_bytes",
                                        "writes",    "state",       "verifier"};
    const char *facts[] = {place.data,
                           info.uuid,
                           info.encrypted ? "yes" : "NO",
                           info.encrypted ? key : "none",
                           numbers[0],
                           numbers[1],
                           numbers[2],
                           numbers[3],
                           numbers[4],
                           numbers[5],
                           info.clock_refused ? "refused: the clock stands behind the log" : "accepted",
                           state,
                           verifier};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "ttttnnnnnnttt");
    if (info.key_on_same_filesystem) {
        cli_note(options, "Warning: the root key lies on the filesystem that holds the data.");
    }
    return cli_close(db, NULL, 0);
}

struct tenants {
    char (*texts)[4][280];
    size_t count;
    size_t capacity;
    bool memory;
};

static enum kmb_status note_tenant(void *context, const struct kmb_tenant *tenant) {
    struct tenants *tenants = context;
    if (tenants->count == tenants->capacity) {
        size_t capacity = tenants->capacity == 0 ? 16 : tenants->capacity * 2;
        void *texts = realloc(tenants->texts, capacity * sizeof(tenants->texts[0]));
        if (texts == NULL) {
            return KMB_NO_MEMORY;
        }
        tenants->texts = texts;
        tenants->capacity = capacity;
    }
    char(*row)[280] = tenants->texts[tenants->count++];
    snprintf(row[0], sizeof(row[0]), "%u", tenant->id);
    snprintf(row[1], sizeof(row[1]), "%.255s", tenant->name);
    snprintf(row[2], sizeof(row[2]), "%" PRIu64, tenant->position);
    snprintf(row[3], sizeof(row[3]), "%" PRIu64, tenant->entries);
    return KMB_OK;
}

static int list_tenants(const struct cli_options *options) {
    struct cli_place place = {0};
    struct tenants tenants = {0};
    struct output output;
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    int code = cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    if (kmb_tenant_list(db, note_tenant, &tenants, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "tenant list");
    } else {
        const char *names[] = {"id", "name", "position", "entries"};
        const char **texts = calloc(tenants.count * 4 + 1, sizeof(char *));
        for (size_t i = 0; texts != NULL && i < tenants.count * 4; i++) {
            texts[i] = tenants.texts[i / 4][i % 4];
        }
        output_init(&output, options, CLI_TABLE);
        if (texts != NULL) {
            output_table(&output, names, texts, "ntnn", tenants.count);
        }
        free(texts);
    }
    free(tenants.texts);
    return cli_close(db, NULL, code);
}

struct tenant_wanted {
    uint32_t id;
    bool found;
    char texts[2][280]; /* name, position */
    char entries[24];
};

static enum kmb_status note_wanted(void *context, const struct kmb_tenant *tenant) {
    struct tenant_wanted *wanted = context;
    if (tenant->id == wanted->id) {
        wanted->found = true;
        snprintf(wanted->texts[0], sizeof(wanted->texts[0]), "%.255s", tenant->name);
        snprintf(wanted->texts[1], sizeof(wanted->texts[1]), "%" PRIu64, tenant->position);
        snprintf(wanted->entries, sizeof(wanted->entries), "%" PRIu64, tenant->entries);
    }
    return KMB_OK;
}

/* How many tables the tenant has, as text; "" where it can not be told. */
static void count_tables(kmb_db *db, uint32_t tenant, char *text, size_t size) {
    static const char sql[] = "SELECT count(*) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', "
                              "'information_schema') AND table_type = 'BASE TABLE'";
    kmb_session *session = NULL;
    kmb_statement *statement = NULL;
    text[0] = 0;
    if (kmb_session_open(db, tenant, &session, NULL) == KMB_OK &&
        kmb_prepare(session, sql, strlen(sql), &statement, NULL, NULL) == KMB_OK &&
        kmb_step(statement, NULL) == KMB_ROW) {
        snprintf(text, size, "%" PRId64, kmb_column_int64(statement, 0));
    }
    kmb_finalize(statement);
    kmb_session_close(session);
}

static int tenant_info(const struct cli_options *options, uint32_t id) {
    static const char *const names[] = {"id", "name", "tables", "position", "entries", "verifier"};
    struct cli_place place = {0};
    struct tenant_wanted wanted = {.id = id};
    struct kmb_error error = {0};
    struct output output;
    char verifier[512] = "";
    char number[16];
    char tables[24];
    kmb_db *db = NULL;
    int code = cli_open(options, KMB_OPEN_READ_ONLY, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    enum kmb_status status = kmb_tenant_list(db, note_wanted, &wanted, &error);
    if (status == KMB_OK && !wanted.found) {
        status = error_set(&error, KMB_TENANT_NOT_FOUND, "tenant not found: %u", id);
    }
    if (status == KMB_OK) {
        status = kmb_tenant_verifier(db, id, verifier, sizeof(verifier), &error);
    }
    if (status != KMB_OK) {
        return cli_close(db, NULL, cli_fail(&error, NULL, 0, "tenant info"));
    }
    count_tables(db, id, tables, sizeof(tables));
    snprintf(number, sizeof(number), "%u", id);
    const char *facts[] = {number, wanted.texts[0], tables, wanted.texts[1], wanted.entries, verifier};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "ntnnnt");
    return cli_close(db, NULL, 0);
}

/* Whether whoever sits there means it. */
static bool means_it(const struct cli_options *options, const char *id) {
    char line[64];
    if (options->force || options->yes) {
        return true;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        fprintf(stderr, "Error: tenant delete asks at a terminal; --yes does without\n");
        return false;
    }
    fprintf(stderr, "Everything that tenant %s has will be out of reach. Its id, to go on: ", id);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, id) != 0) {
        fprintf(stderr, "Error: nothing was deleted\n");
        return false;
    }
    return true;
}

static int delete_tenant(const struct cli_options *options, uint32_t id) {
    static const char *const names[] = {"tenant", "tables"};
    struct cli_place place = {0};
    struct kmb_error error = {0};
    struct output output;
    uint32_t tables = 0;
    char number[16];
    char count[16];
    kmb_db *db = NULL;
    snprintf(number, sizeof(number), "%u", id);
    if (!means_it(options, number)) {
        return 1;
    }
    int code = cli_open(options, 0, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    if (kmb_tenant_delete(db, id, &tables, &error) != KMB_OK) {
        return cli_close(db, NULL, cli_fail(&error, NULL, 0, "tenant delete"));
    }
    snprintf(count, sizeof(count), "%u", tables);
    const char *facts[] = {number, count};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "nn");
    return cli_close(db, NULL, 0);
}

int cli_tenant(const struct cli_options *options) {
    struct cli_place place = {0};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    const char *id = options->argument_count > 1 ? options->arguments[1] : options->id;
    char *end = NULL;
    if (strcmp(options->arguments[0], "list") == 0) {
        return options->argument_count > 1 || options->id != NULL || options->name != NULL
                   ? cli_error(2, "unrecognized argument for tenant list")
                   : list_tenants(options);
    }
    bool info = strcmp(options->arguments[0], "info") == 0;
    bool deletes = strcmp(options->arguments[0], "delete") == 0;
    if (!info && !deletes && strcmp(options->arguments[0], "create") != 0) {
        return cli_error(2,
                         "unrecognized argument \"%s\"; usage: kimberlite tenant create ID [--name NAME] | delete ID | "
                         "info ID | list",
                         options->arguments[0]);
    }
    if (id == NULL) {
        return cli_error(2, "an id is required: kimberlite tenant %s ID", options->arguments[0]);
    }
    errno = 0;
    unsigned long long number = strtoull(id, &end, 10);
    if (*id < '0' || *id > '9' || *end != 0 || errno != 0 || number == 0 || number > UINT32_MAX) {
        return cli_error(2, "invalid tenant id \"%s\": a number from 1 to 4294967295", id);
    }
    if (info) {
        return tenant_info(options, (uint32_t)number);
    }
    if (deletes) {
        return delete_tenant(options, (uint32_t)number);
    }
    int code = cli_open(options, 0, &place, &db, NULL);
    if (code != 0) {
        return code;
    }
    char verifier[512];
    if (kmb_tenant_create(db, (uint32_t)number, options->name, &error) != KMB_OK ||
        kmb_tenant_verifier(db, (uint32_t)number, verifier, sizeof(verifier), &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "tenant create");
    } else if (options->format_given) {
        const char *names[] = {"tenant", "verifier"};
        char digits[24];
        snprintf(digits, sizeof(digits), "%llu", number);
        const char *facts[] = {digits, verifier};
        struct output output;
        output_init(&output, options, CLI_TABLE);
        output_facts(&output, names, facts, "nt");
    } else {
        printf("tenant    %llu\nverifier  %s\n", number, verifier);
    }
    return cli_close(db, NULL, code);
}

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* With --verbose also what it was made with and for, and what it runs on. */
int cli_version(const struct cli_options *options) {
    static const char *const names[] = {"version", "compiler", "machine", "system"};
    struct utsname system = {0};
    struct output output;
    char kernel[sizeof(system.sysname) + sizeof(system.release)];
    if (!options->verbose && options->format_given && (options->format == CLI_CSV || options->format == CLI_TSV)) {
        return cli_error(2, "invalid value for --output: version knows table, json and ndjson");
    }
    if (options->verbose) {
        (void)uname(&system);
        snprintf(kernel, sizeof(kernel), "%s %s", system.sysname, system.release);
        const char *facts[] = {kmb_version(), COMPILER, system.machine, kernel};
        output_init(&output, options, CLI_TABLE);
        output_facts(&output, names, facts, "tttt");
    } else if (options->format_given && options->format != CLI_TABLE) {
        printf("{\"version\":\"%s\"}\n", kmb_version());
    } else {
        printf("kimberlite %s\n", kmb_version());
    }
    return 0;
}
