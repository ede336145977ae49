/* What the program accepts. Nothing else knows a verb or an option by name but the code that carries it out. */
#include "cli/table.h"

#include <string.h>

#include "base/assert.h"
#include "server/settings.h"

#define BIT(id) (UINT64_C(1) << (id))
static_assert(OPT_COUNT <= 64, "verbs name their options by bits");

static const struct option_row options[] = {
    {OPT_DATA, "--data", 0, "DIR", VALUE_DIRECTORY, NULL,
     "database directory (default: that of the nearest kimberlite.toml upward)"},
    {OPT_KEY, "--key", 0, "FILE", VALUE_FILE, NULL, "root key file"},
    {OPT_SERVER, "--server", 0, "URL", VALUE_TEXT, NULL,
     "a running server: kimberlite://USER@HOST:PORT/TENANT (or KIMBERLITE_SERVER)"},
    {OPT_TENANT, "--tenant", 't', "ID", VALUE_TEXT, NULL, "tenant (default 1, or KIMBERLITE_TENANT)"},
    {OPT_OUTPUT, "--output", 'o', "FORMAT", VALUE_WORDS, "table csv tsv json ndjson",
     "table, csv, tsv, json or ndjson"},
    {OPT_AT, "--at", 0, "N", VALUE_TEXT, NULL, "read the state after the first N events"},
    {OPT_AS_OF, "--as-of", 0, "TIME", VALUE_TEXT, NULL, "read the state at a time: 2026-01-31 or 2026-01-31T12:00:00Z"},
    {OPT_PARAM, "--param", 'p', "VALUE", VALUE_TEXT, NULL, "value of $1, $2, ... in order"},
    {OPT_NULL_PARAM, "--null-param", 0, NULL, VALUE_TEXT, NULL, "NULL as the next parameter"},
    {OPT_FILE, "--file", 'f', "FILE", VALUE_FILE, NULL, "read statements from FILE, - for standard input"},
    {OPT_ACCEPT_CLOCK, "--accept-clock", 0, NULL, VALUE_TEXT, NULL,
     "write although the clock jumped; recorded in the log"},
    {OPT_NO_COLOR, "--no-color", 0, NULL, VALUE_TEXT, NULL, "no colours"},
    {OPT_QUIET, "--quiet", 'q', NULL, VALUE_TEXT, NULL, "no notes and progress on standard error"},
    {OPT_TABLE, "--table", 0, "NAME", VALUE_TEXT, NULL, "table to fill or to read"},
    {OPT_PRIMARY_KEY, "--primary-key", 0, "COLUMNS", VALUE_TEXT, NULL,
     "with --create: key columns, separated by commas"},
    {OPT_REJECT, "--reject", 0, "FILE", VALUE_FILE, NULL, "put refused rows there and go on"},
    {OPT_CHECKPOINT, "--checkpoint", 0, "FILE", VALUE_FILE, NULL,
     "a checkpoint kept outside: rollbacks and rewritten logs fail against it"},
    {OPT_VERIFIER, "--verifier", 0, "KEY", VALUE_TEXT, NULL, "verifier key of the log, as printed by init and info"},
    {OPT_NAME, "--name", 0, "NAME", VALUE_TEXT, NULL, "name of the tenant"},
    {OPT_ID, "--id", 0, "ID", VALUE_TEXT, NULL, "id of the tenant"},
    {OPT_TEMPLATE, "--template", 0, "NAME", VALUE_WORDS,
     "default healthcare finance legal multi-tenant ehr claims research", "what to begin with (default)"},
    {OPT_FROM_LINE, "--from-line", 0, "N", VALUE_TEXT, NULL, "begin at this line of the file"},
    {OPT_FROM, "--from", 0, "N", VALUE_TEXT, NULL, "begin at this op, or offset of a stream"},
    {OPT_CREATE, "--create", 0, NULL, VALUE_TEXT, NULL, "make the table from the names and the values"},
    {OPT_MAKE, "--create", 0, NULL, VALUE_TEXT, NULL, "make the database where there is none"},
    {OPT_VALIDATE, "--validate", 0, NULL, VALUE_TEXT, NULL, "check the settings, as they would hold here, and end"},
    {OPT_SHOW_CONFIG, "--show-config", 0, NULL, VALUE_TEXT, NULL,
     "show the settings, as they would hold here, and end"},
    {OPT_ATOMIC, "--atomic", 0, NULL, VALUE_TEXT, NULL, "all rows in one transaction"},
    {OPT_NO_HEADER, "--no-header", 0, NULL, VALUE_TEXT, NULL, "the first line is a row"},
    {OPT_LOG_ONLY, "--log-only", 0, NULL, VALUE_TEXT, NULL, "leave the store alone"},
    {OPT_NO_ENCRYPTION, "--no-encryption", 0, NULL, VALUE_TEXT, NULL, "store in clear; cannot be changed later"},
    {OPT_YES, "--yes", 'y', NULL, VALUE_TEXT, NULL, "do not ask"},
    {OPT_FORCE, "--force", 0, NULL, VALUE_TEXT, NULL, "go on where a safeguard would stop"},
    {OPT_DRY_RUN, "--dry-run", 0, NULL, VALUE_TEXT, NULL, "run it all, say what came of it, and take it back"},
    {OPT_TO, "--to", 0, "ID", VALUE_TEXT, NULL, "no further than this migration"},
    {OPT_ALL_TENANTS, "--all-tenants", 0, NULL, VALUE_TEXT, NULL, "one tenant after the other, all of them"},
    {OPT_TARGET, "--target", 0, "DIR", VALUE_DIRECTORY, NULL, "directory to restore into"},
    {OPT_FULL, "--full", 0, NULL, VALUE_TEXT, NULL, "copy everything, not only what the last backup lacks"},
    {OPT_PASSPHRASE_FILE, "--passphrase-file", 0, "FILE", VALUE_FILE, NULL,
     "first line: the passphrase; - asks at the terminal (or KIMBERLITE_PASSPHRASE)"},
    {OPT_CLASS, "--class", 'c', "CLASS", VALUE_WORDS,
     "phi deidentified pii sensitive pci financial confidential public", "what kind of data it is (public)"},
    {OPT_EXPECT, "--expect", 0, "OFFSET", VALUE_TEXT, NULL, "the offset that the first event must get"},
    {OPT_MAX_BYTES, "--max-bytes", 'm', "N", VALUE_TEXT, NULL, "stop after so many bytes (65536)"},
    {OPT_SEED, "--seed", 's', "N", VALUE_TEXT, NULL, "first seed (0)"},
    {OPT_ITERATIONS, "--iterations", 'i', "N", VALUE_TEXT, NULL, "how many runs (100)"},
    {OPT_VERBOSE, "--verbose", 'v', NULL, VALUE_TEXT, NULL, "say more"},
    {OPT_FORMAT, "--format", 0, "FORMAT", VALUE_WORDS, "text json toml csv ndjson",
     "text, json or toml (config); csv or ndjson (import; default by the file's name)"},
    {OPT_SET, "--set", 0, "KEY=VALUE", VALUE_KEYS, NULL, "one setting, by its key"},
    {OPT_DIRECTORY, "--directory", 0, "DIR", VALUE_DIRECTORY, NULL,
     "where the files go, and those of the authority are (certs)"},
    {OPT_DAYS, "--days", 0, "N", VALUE_TEXT, NULL,
     "how long it is good (authority 3650, certificates 365, keys for ever), or backups are kept"},
    {OPT_ROLE, "--role", 0, "ROLES", VALUE_TEXT, NULL, "roles of the key, separated by commas (user)"},
    {OPT_BACKUP_KEY, "--backup-key", 0, "FILE", VALUE_FILE, NULL,
     "key file that the backup is encrypted with; \"backup key FILE\" makes one"},
    {OPT_BACKUP_PASSPHRASE_FILE, "--backup-passphrase-file", 0, "FILE", VALUE_FILE, NULL,
     "passphrase that the backup is encrypted with; - asks (or KIMBERLITE_BACKUP_PASSPHRASE)"},
    {OPT_WITH_ROOT_KEY, "--with-root-key", 0, NULL, VALUE_TEXT, NULL,
     "put the root key into the encrypted backup, so that it opens with the backup's key alone"},
    {OPT_CLIENTS, "--clients", 0, "N", VALUE_TEXT, NULL, "how many at a time (1)"},
    {OPT_DURATION, "--duration", 0, "SECONDS", VALUE_TEXT, NULL, "how long is counted (10)"},
    {OPT_WARM_UP, "--warm-up", 0, "SECONDS", VALUE_TEXT, NULL, "how long runs before and is not (2)"},
    {OPT_RATE, "--rate", 0, "N", VALUE_TEXT, NULL, "transactions a second, of all clients; without it as many as go"},
    {OPT_SCALE, "--scale", 0, "N", VALUE_TEXT, NULL, "a hundred thousand accounts each (1)"},
    {OPT_KEEP, "--keep", 0, NULL, VALUE_TEXT, NULL, "leave the tables behind"},
    {OPT_ONCE, "--once", 0, NULL, VALUE_TEXT, NULL, "look twice, say what is and what came between, and end"},
    {OPT_INTERVAL, "--interval", 0, "SECONDS", VALUE_TEXT, NULL, "time between two looks (1)"},
    {OPT_PORT, "--port", 0, "PORT", VALUE_TEXT, NULL, "listen at this port of 127.0.0.1, and at no other"},
    {OPT_NO_MIGRATE, "--no-migrate", 0, NULL, VALUE_TEXT, NULL, "leave pending migrations pending"},
};

#define COMMON (BIT(OPT_DATA) | BIT(OPT_KEY) | BIT(OPT_PASSPHRASE_FILE) | BIT(OPT_NO_COLOR) | BIT(OPT_QUIET))
#define SPEAKS (BIT(OPT_NO_COLOR) | BIT(OPT_QUIET))
#define REMOTE (COMMON | BIT(OPT_SERVER))
#define WRITES BIT(OPT_ACCEPT_CLOCK)
#define READS  (BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_AT) | BIT(OPT_AS_OF))

static const struct verb_row verbs[] = {
    {.name = "init",
     .run = cli_init,
     .options = (COMMON & ~BIT(OPT_DATA)) | BIT(OPT_TEMPLATE) | BIT(OPT_NO_ENCRYPTION) | BIT(OPT_YES) | BIT(OPT_OUTPUT),
     .arguments_max = 1,
     .kind = VALUE_DIRECTORY,
     .usage = "[DIR]",
     .help = "make a project with a database in it"},
    {.name = "config",
     .run = cli_config,
     .options = BIT(OPT_DATA) | SPEAKS | BIT(OPT_OUTPUT) | BIT(OPT_FORMAT) | BIT(OPT_SET),
     .arguments_min = 1,
     .arguments_max = 3,
     .actions = "show set validate reference",
     .kind = VALUE_KEYS,
     .usage = "show [KEY] | set KEY VALUE | validate | reference",
     .help = "show, change and check the settings"},
    {.name = "query",
     .run = cli_query,
     .options = REMOTE | WRITES | READS | BIT(OPT_PARAM) | BIT(OPT_NULL_PARAM) | BIT(OPT_FILE),
     .arguments_max = 1,
     .usage = "[SQL]",
     .help = "run statements"},
    {.name = "shell",
     .alias = "repl",
     .run = cli_shell,
     .options = REMOTE | WRITES | READS,
     .usage = "",
     .help = "type statements"},
    {.name = "start",
     .run = cli_start,
     .options =
         COMMON | WRITES | BIT(OPT_MAKE) | BIT(OPT_SET) | BIT(OPT_VALIDATE) | BIT(OPT_SHOW_CONFIG) | BIT(OPT_OUTPUT),
     .arguments_max = 1,
     .kind = VALUE_DIRECTORY,
     .settings = true,
     .usage = "[DIR]",
     .help = "serve the database to clients",
     .text = "Serves until SIGTERM or SIGINT; SIGHUP reads settings and certificates again. PostgreSQL's clients "
             "connect with the "
             "tenant as the database's name: psql -h 127.0.0.1 -d kimberlite."},
    {.name = "stop",
     .run = cli_stop,
     .options = BIT(OPT_DATA) | SPEAKS | BIT(OPT_OUTPUT) | BIT(OPT_FORCE),
     .arguments_max = 1,
     .kind = VALUE_DIRECTORY,
     .usage = "[DIR]",
     .help = "end the server of a database of this machine, and wait until it has",
     .text = "The server finishes what it is at, within timeouts.drain. Where none runs, nothing is to be done."},
    {.name = "dev",
     .run = cli_dev,
     .options = COMMON | WRITES | BIT(OPT_SET) | BIT(OPT_PORT) | BIT(OPT_NO_MIGRATE),
     .settings = true,
     .usage = "",
     .help = "apply migrations, serve the project, say how to connect"},
    {.name = "import",
     .run = cli_import,
     .options = REMOTE | WRITES | BIT(OPT_TENANT) | BIT(OPT_TABLE) | BIT(OPT_CREATE) | BIT(OPT_PRIMARY_KEY) |
                BIT(OPT_REJECT) | BIT(OPT_FROM_LINE) | BIT(OPT_ATOMIC) | BIT(OPT_NO_HEADER) | BIT(OPT_FORMAT) |
                BIT(OPT_OUTPUT) | BIT(OPT_FORCE),
     .arguments_min = 1,
     .arguments_max = 1,
     .kind = VALUE_FILE,
     .usage = "FILE",
     .help = "load a file of CSV or NDJSON, - for standard input"},
    {.name = "export",
     .run = cli_export,
     .options = REMOTE | READS | BIT(OPT_PARAM) | BIT(OPT_NULL_PARAM) | BIT(OPT_TABLE),
     .arguments_max = 1,
     .usage = "[SQL]",
     .help = "write a table or a query's answer as CSV, NDJSON, ..."},
    {.name = "migration",
     .run = cli_migration,
     .options = REMOTE | WRITES | BIT(OPT_TENANT) | BIT(OPT_ALL_TENANTS) | BIT(OPT_OUTPUT) | BIT(OPT_TO) |
                BIT(OPT_DRY_RUN) | BIT(OPT_FORCE),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "create up down status validate mark-failed",
     .usage = "create NAME | up | down [COUNT] | status | validate | mark-failed ID",
     .help = "change the schema step by step, from files",
     .text =
         "up applies what is pending, each file in one transaction with its row in public.__migrations; down takes the "
         "newest COUNT (1) back. apply and rollback are other names for them. mark-failed takes a migration out of the "
         "history and leaves what it did."},
    {.name = "backup",
     .run = cli_backup,
     .options = COMMON | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_FULL) | BIT(OPT_TARGET) | BIT(OPT_FORCE) |
                BIT(OPT_AT) | BIT(OPT_AS_OF) | BIT(OPT_BACKUP_KEY) | BIT(OPT_BACKUP_PASSPHRASE_FILE) |
                BIT(OPT_WITH_ROOT_KEY) | BIT(OPT_DAYS) | BIT(OPT_DRY_RUN),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "create restore list verify prune key",
     .kind = VALUE_DIRECTORY,
     .usage =
         "create [DIR] | restore BACKUP --target DIR | list [DIR] | verify BACKUP | prune [DIR] --days N | key FILE",
     .help = "copy the log while it is written, and make databases from copies",
     .text =
         "create copies into DIR (backups) what the newest backup there lacks, or everything with --full; a server may "
         "go on writing. restore makes a database that ends with the newest block of the backup, or at a moment "
         "(--as-of), or at a position of a tenant (--at), and proves it whole. With --backup-key or "
         "--backup-passphrase-file, or both of which each opens it, the whole backup is encrypted; the same open it "
         "again. The root key is in no backup but an encrypted one made with --with-root-key; restore then writes it "
         "to "
         "the file that --key names. key makes a key file for backups. "
         "prune removes what is older than --days, but for the newest of each log and all that those which stay stand "
         "on."},
    {.name = "cert",
     .run = cli_cert,
     .options = SPEAKS | BIT(OPT_OUTPUT) | BIT(OPT_DIRECTORY) | BIT(OPT_DAYS),
     .arguments_min = 1,
     .arguments_max = 64,
     .actions = "authority server client",
     .usage = "authority [NAME] | server [NAME...] | client USER",
     .help = "make certificates for TLS: an authority, servers, users",
     .text =
         "authority makes ca.crt and ca.key; server signs a certificate for the names and addresses by which a server "
         "is "
         "reached (localhost); client one for a user, by whose name the server knows its holder. Keys are P-256, their "
         "files for their owner alone, and nothing is ever written over."},
    {.name = "verify",
     .run = cli_verify,
     .options = COMMON | BIT(OPT_CHECKPOINT) | BIT(OPT_LOG_ONLY) | BIT(OPT_OUTPUT),
     .usage = "",
     .help = "read everything and trust nothing"},
    {.name = "log",
     .run = cli_log,
     .options = REMOTE | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_FROM),
     .arguments_min = 1,
     .arguments_max = 1,
     .actions = "show",
     .usage = "show",
     .help = "show the log's entries",
     .text =
         "Of a directory the entries of all tenants, or of one. Over a connection those of the session's tenant: what "
         "kimberlite_log() gives in SQL, to superusers."},
    {.name = "rebuild",
     .run = cli_rebuild,
     .options = COMMON | BIT(OPT_OUTPUT),
     .usage = "",
     .help = "make the store anew from the log"},
    {.name = "proof",
     .run = cli_proof,
     .options = REMOTE | BIT(OPT_TENANT) | BIT(OPT_VERIFIER) | BIT(OPT_OUTPUT),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "inclusion consistency checkpoint verify",
     .kind = VALUE_FILE,
     .usage = "inclusion ENTRY | consistency SIZE | checkpoint | verify FILE",
     .help = "make and check proofs"},
    {.name = "info",
     .run = cli_info,
     .options = REMOTE | BIT(OPT_OUTPUT),
     .usage = "",
     .help = "facts about the database"},
    {.name = "tenant",
     .run = cli_tenant,
     .options = REMOTE | WRITES | BIT(OPT_NAME) | BIT(OPT_ID) | BIT(OPT_OUTPUT) | BIT(OPT_YES) | BIT(OPT_FORCE),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "create delete info list",
     .usage = "create ID [--name NAME] | delete ID | info ID | list",
     .help = "make, delete and list tenants",
     .text =
         "A deleted tenant can not be read or written any more, not even its past, and its id is not used again; its "
         "log stays, as every log does. delete asks for the id once more; --yes and --force do without."},
    {.name = "apikey",
     .run = cli_apikey,
     .options = REMOTE | WRITES | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_DAYS) | BIT(OPT_ROLE),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "create list revoke rotate",
     .usage = "create SUBJECT | list | revoke KEY | rotate KEY",
     .help = "keys of programs: made, listed, taken away, changed for new ones",
     .text = "A key is printed once, when it is made. KEY may be -: the first line of standard input."},
    {.name = "stream",
     .run = cli_stream,
     .options = REMOTE | WRITES | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_CLASS) | BIT(OPT_EXPECT) | BIT(OPT_FROM) |
                BIT(OPT_MAX_BYTES),
     .arguments_min = 1,
     .arguments_max = CLI_ARGUMENTS_MAX,
     .actions = "create list append read",
     .usage = "create NAME | list | append STREAM EVENT... | read STREAM",
     .help = "ordered lists of byte events",
     .text =
         "STREAM is a name or an id. append writes at the end, or where --expect says the end must be. read begins at "
         "--from; what is no printable text is shown in hexadecimal behind \\x."},
    {.name = "doctor",
     .run = cli_doctor,
     .options = COMMON | BIT(OPT_OUTPUT) | BIT(OPT_SET),
     .usage = "",
     .help = "look at disk, clock, limits, keys and settings, and say what to do"},
    {.name = "top",
     .run = cli_top,
     .options = SPEAKS | BIT(OPT_SERVER) | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_ONCE) | BIT(OPT_INTERVAL),
     .arguments_max = 1,
     .usage = "[URL]",
     .help = "watch a running server: requests, durations, the log, sessions and what they run",
     .text =
         "URL is that of the server's HTTP port (http://127.0.0.1:9090). Keys: q ends it, t turns to statements and "
         "back, s takes another order and r "
         "turns it, i hides idle sessions, arrows choose a session and c cancels its statement, + and - look less and "
         "more often. KIMBERLITE_TOKEN is shown where the server asks who one is. Without a terminal, with --once or "
         "with --output it looks twice and ends."},
    {.name = "bench",
     .run = cli_bench,
     .options = REMOTE | WRITES | BIT(OPT_TENANT) | BIT(OPT_OUTPUT) | BIT(OPT_CLIENTS) | BIT(OPT_DURATION) |
                BIT(OPT_WARM_UP) | BIT(OPT_RATE) | BIT(OPT_SCALE) | BIT(OPT_SEED) | BIT(OPT_KEEP) | BIT(OPT_YES),
     .arguments_max = 1,
     .actions = "mixed insert point scan tpcb",
     .usage = "[mixed | insert | point | scan | tpcb]",
     .help = "run a load, and tell how many transactions a second, and how long they took",
     .text =
         "mixed is eight reads of a row, one update, and a range of a hundred rows or an insert; insert a row a "
         "transaction; point a row by its key; scan the whole of the largest table; tpcb pgbench's own transaction. "
         "Without --data and --server it makes a database in a directory here and removes it. In JSON "
         "times are nanoseconds; the "
         "quantiles right to one in a hundred; with --rate each is counted from the moment at which the transaction "
         "was due. Every commit is synced before it is answered, as always."},
    {.name = "sim",
     .run = cli_sim,
     .options = SPEAKS | BIT(OPT_OUTPUT) | BIT(OPT_SEED) | BIT(OPT_ITERATIONS) | BIT(OPT_VERBOSE),
     .arguments_min = 1,
     .arguments_max = 2,
     .actions = "run verify report",
     .kind = VALUE_FILE,
     .usage = "run | verify | report [FILE]",
     .help = "run the simulator: seeds in a row, one with all it says, or many with a page of what came of them",
     .text = "report writes a page in HTML (report.html); unlike run it goes on after a seed that failed."},
    {.name = "completion",
     .run = cli_completion,
     .options = SPEAKS,
     .arguments_min = 1,
     .arguments_max = 1,
     .actions = "bash zsh fish elvish powershell",
     .usage = "bash | zsh | fish | elvish | powershell",
     .help = "print what makes a shell complete this program's words",
     .text = "Where it goes: bash, ~/.local/share/bash-completion/completions/kimberlite; zsh, a file _kimberlite in a "
             "directory of fpath; fish, ~/.config/fish/completions/kimberlite.fish; elvish, the end of rc.elv; "
             "PowerShell, the end of $PROFILE."},
    {.name = "manual",
     .run = cli_manual,
     .options = SPEAKS,
     .arguments_max = 1,
     .usage = "[VERB]",
     .help = "print the manual page of this program, or of a verb, for man(1)",
     .text = "kimberlite manual | man -l - shows it; kimberlite manual query > kimberlite-query.1 keeps it."},
    {.name = "version",
     .run = cli_version,
     .options = COMMON | BIT(OPT_OUTPUT) | BIT(OPT_VERBOSE),
     .usage = "",
     .help = "version of this program"},
};
#define VERBS   (sizeof(verbs) / sizeof(verbs[0]))
#define OPTIONS (sizeof(options) / sizeof(options[0]))

size_t option_count(void) {
    return OPTIONS;
}

const struct option_row *option_at(size_t index) {
    return &options[index];
}

size_t verb_count(void) {
    return VERBS;
}

const struct verb_row *verb_at(size_t index) {
    return &verbs[index];
}

const struct verb_row *verb_find(const char *name) {
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0 || (verbs[i].alias != NULL && strcmp(verbs[i].alias, name) == 0)) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool verb_has_option(const struct verb_row *verb, const char *name) {
    for (size_t i = 0; i < OPTIONS; i++) {
        if (verb_takes(verb, &options[i]) && strcmp(options[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* --- help --------------------------------------------------------------------------------------------------------- */

void table_print_usage(FILE *out) {
    fprintf(out,
            "kimberlite %s: a tamper-evident SQL database with time travel\n\nusage: kimberlite VERB [OPTION]...\n\n",
            kmb_version());
    for (size_t i = 0; i < VERBS; i++) {
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
    }
    fprintf(out, "\n\"kimberlite help VERB\" tells more.\n");
}

static void print_option(FILE *out, char letter, const char *name, const char *value, const char *help) {
    char left[64];
    snprintf(left, sizeof(left), "%c%c%c %s%s%s", letter == 0 ? ' ' : '-', letter == 0 ? ' ' : letter,
             letter == 0 ? ' ' : ',', name, value == NULL ? "" : " ", value == NULL ? "" : value);
    fprintf(out, strlen(left) > 26 ? "  %s\n%29s%s\n" : "  %-26s%.0s %s\n", left, "", help);
}

void table_print_verb(FILE *out, const struct verb_row *verb) {
    fprintf(out, "usage: kimberlite %s %s%s[OPTION]...\n\n%s\n\n", verb->name, verb->usage,
            verb->usage[0] == 0 ? "" : " ", verb->help);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (verb_takes(verb, &options[i])) {
            print_option(out, options[i].letter, options[i].name, options[i].value, options[i].help);
        }
    }
    for (size_t i = 0; verb->settings && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        if (setting->option != NULL && !verb_has_option(verb, setting->option)) {
            print_option(out, 0, setting->option, setting->type == SETTING_BOOLEAN ? NULL : "VALUE", setting->meaning);
        }
    }
}
