/*
 * kimberlite migration: a schema step by step, from files, with its history in the database it changes.
 *
 * A migration and the row of the history that says so are one transaction: it is applied whole and known, or not at
 * all. That is also the lock: of two runners that apply the same migration one commits; the other's row is in its way
 * and all it did is taken back. (Beside it, a directory has one writing process.)
 *
 * The history, public.__migrations, keeps each file's checksum: a file that was changed after it was applied is found,
 * and nothing is applied on top of it unless --force says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/migration.h"
#include "cli/migration_file.h"
#include "cli/output.h"
#include "cli/splitter.h"

#define HISTORY_TABLE                                                                                                  \
    "CREATE TABLE IF NOT EXISTS public.__migrations (id BIGINT PRIMARY KEY, version TEXT NOT NULL, name TEXT NOT "     \
    "NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now(), checksum TEXT NOT NULL)"
#define GAPS_LOOKED_FOR 100000000 /* greater numbers are times, which have gaps */

struct applied {
    uint64_t id;
    char version[24];
    char name[256];
    char checksum[MIGRATION_SUM_SIZE];
    char at[64];
};

struct runner_state {
    const struct cli_options *options;
    struct migrations files;
    struct applied *history; /* in order of id */
    size_t history_count;
    kmb_db *db;
    kmb_session *session;
    uint32_t tenant;
};

static const struct applied *find_applied(const struct runner_state *run, uint64_t id) {
    for (size_t i = 0; i < run->history_count; i++) {
        if (run->history[i].id == id) {
            return &run->history[i];
        }
    }
    return NULL;
}

/* --- the history -------------------------------------------------------------------------------------------------- */

static void keep_text(kmb_statement *statement, uint32_t column, char *out, size_t size) {
    const char *text = kmb_column_text(statement, column, NULL);
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

/* Without a history table nothing was applied. */
static int read_history(struct runner_state *run) {
    static const char sql[] = "SELECT id, version, name, checksum, applied_at FROM public.__migrations ORDER BY id";
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    size_t room = 0;
    free(run->history);
    run->history = NULL;
    run->history_count = 0;
    enum kmb_status status = kmb_prepare(run->session, sql, strlen(sql), &statement, NULL, &error);
    if (status == KMB_UNDEFINED_TABLE) {
        return 0;
    }
    while (status == KMB_OK && (status = kmb_step(statement, &error)) == KMB_ROW) {
        if (run->history_count == room) {
            room = room == 0 ? 32 : room * 2;
            void *more = realloc(run->history, room * sizeof(run->history[0]));
            if (more == NULL) {
                status = error_set(&error, KMB_NO_MEMORY, "out of memory");
                break;
            }
            run->history = more;
        }
        struct applied *row = &run->history[run->history_count++];
        row->id = (uint64_t)kmb_column_int64(statement, 0);
        keep_text(statement, 1, row->version, sizeof(row->version));
        keep_text(statement, 2, row->name, sizeof(row->name));
        keep_text(statement, 3, row->checksum, sizeof(row->checksum));
        keep_text(statement, 4, row->at, sizeof(row->at));
        status = KMB_OK;
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? 0 : cli_fail(&error, NULL, 0, "the history of migrations");
}

/* Runs one statement of our own with texts for its parameters. */
static enum kmb_status run_own(struct runner_state *run, const char *sql, const char *const *texts, uint32_t count,
                               struct kmb_error *error) {
    kmb_statement *statement = NULL;
    enum kmb_status status = kmb_prepare(run->session, sql, strlen(sql), &statement, NULL, error);
    for (uint32_t i = 0; status == KMB_OK && i < count; i++) {
        status = kmb_bind_text(statement, i + 1, texts[i], strlen(texts[i]), error);
    }
    while (status == KMB_OK || status == KMB_ROW) {
        status = kmb_step(statement, error);
    }
    kmb_finalize(statement);
    return status == KMB_DONE ? KMB_OK : status;
}

static enum kmb_status note_applied(struct runner_state *run, const struct migration *migration,
                                    struct kmb_error *error) {
    char id[24];
    snprintf(id, sizeof(id), "%" PRIu64, migration->id);
    const char *texts[] = {id, migration->version, migration->name, migration->checksum};
    enum kmb_status status = run_own(run, HISTORY_TABLE, NULL, 0, error);
    return status == KMB_OK
               ? run_own(
                     run,
                     "INSERT INTO public.__migrations (id, version, name, checksum) VALUES ($1::bigint, $2, $3, $4)",
                     texts, 4, error)
               : status;
}

static enum kmb_status forget_applied(struct runner_state *run, uint64_t id, struct kmb_error *error) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, id);
    const char *texts[] = {text};
    return run_own(run, "DELETE FROM public.__migrations WHERE id = $1::bigint", texts, 1, error);
}

/* --- one migration ------------------------------------------------------------------------------------------------ */

/* The first word of a statement. */
static struct slice first_word(struct slice text) {
    size_t end = 0;
    text = splitter_skip(text);
    while (end < text.length && (text.bytes[end] | 0x20) >= 'a' && (text.bytes[end] | 0x20) <= 'z') {
        end++;
    }
    return slice_make(text.bytes, end);
}

/* The migration is a transaction already; one that ends it would be applied in part. */
static bool ends_transaction(struct slice statement) {
    static const char *const words[] = {"begin", "start", "commit", "end", "rollback", "abort"};
    struct slice word = first_word(statement);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (word.length == strlen(words[i]) && strncasecmp((const char *)word.bytes, words[i], word.length) == 0) {
            return true;
        }
    }
    return false;
}

static int run_statement(struct runner_state *run, struct slice sql, const char *where) {
    struct kmb_error error = {0};
    kmb_statement *statement = NULL;
    sql = splitter_skip(sql); /* what the error's position counts from */
    if (ends_transaction(sql)) {
        struct slice word = first_word(sql);
        return cli_error(1, "%s: a migration is one transaction and can not hold %.*s", where, (int)word.length,
                         (const char *)word.bytes);
    }
    enum kmb_status status = kmb_prepare(run->session, (const char *)sql.bytes, sql.length, &statement, NULL, &error);
    if (status == KMB_OK && statement != NULL) {
        do {
            status = kmb_step(statement, &error);
        } while (status == KMB_ROW);
    }
    kmb_finalize(statement);
    return status == KMB_DONE || status == KMB_OK ? 0 : cli_fail(&error, (const char *)sql.bytes, sql.length, where);
}

static int run_part(struct runner_state *run, const char *file, const struct buffer *part) {
    struct splitter splitter = {0};
    struct slice statement;
    unsigned number = 0;
    int code = 0;
    splitter_feed(&splitter, (const char *)part->bytes, part->length);
    bool more = splitter_next(&splitter, &statement);
    bool rest = !more && splitter_rest(&splitter, &statement);
    while (code == 0 && (more || rest)) {
        char where[320];
        snprintf(where, sizeof(where), "%s: statement %u", file, ++number);
        code = run_statement(run, statement, where);
        more = !rest && code == 0 && splitter_next(&splitter, &statement);
        rest = !rest && !more && code == 0 && splitter_rest(&splitter, &statement);
    }
    splitter_free(&splitter);
    return code;
}

static int begin(struct runner_state *run) {
    struct kmb_error error = {0};
    return kmb_begin(run->session, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

/* Ends the transaction: committed when code is 0 and this is no dry run. */
static int end(struct runner_state *run, int code) {
    struct kmb_error error = {0};
    if (code != 0 || run->options->dry_run) {
        kmb_rollback(run->session, NULL);
        return code;
    }
    return kmb_commit(run->session, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

/* Up, and noted. The caller has begun the transaction. */
static int apply_one(struct runner_state *run, const struct migration *migration) {
    struct kmb_error error = {0};
    int code = run_part(run, migration->file, &migration->up);
    if (code == 0 && note_applied(run, migration, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, migration->file);
    }
    return code;
}

/* --- up ----------------------------------------------------------------------------------------------------------- */

/* What was applied must be what is in the files, and pending ones must follow. */
static int check_history(const struct runner_state *run) {
    uint64_t newest = run->history_count == 0 ? 0 : run->history[run->history_count - 1].id;
    for (size_t i = 0; i < run->history_count; i++) {
        const struct applied *row = &run->history[i];
        const struct migration *file = migrations_find(&run->files, row->id);
        if (file == NULL || strcmp(file->checksum, row->checksum) != 0) {
            cli_error(1, "migration %s (%s) was applied and its file is %s", row->version, row->name,
                      file == NULL ? "gone" : "another now");
            fprintf(
                stderr,
                "Hint: Bring the file back as it was; put what is new into a migration of its own. --force goes on.\n");
            return 1;
        }
    }
    for (size_t i = 0; i < run->files.count; i++) {
        const struct migration *file = &run->files.rows[i];
        if (file->id < newest && file->has_up && find_applied(run, file->id) == NULL) {
            cli_error(1, "migration %s is pending, but %" PRIu64 ", which comes after it, is applied", file->file,
                      newest);
            fprintf(stderr, "Hint: Give it a number behind the others. --force applies it all the same.\n");
            return 1;
        }
    }
    return 0;
}

static int up(struct runner_state *run) {
    const struct cli_options *options = run->options;
    size_t done = 0;
    int code = options->force ? 0 : check_history(run);
    bool one_transaction = options->dry_run; /* later ones stand on earlier ones */
    if (code == 0 && one_transaction) {
        code = begin(run);
    }
    for (size_t i = 0; code == 0 && i < run->files.count; i++) {
        const struct migration *migration = &run->files.rows[i];
        if (find_applied(run, migration->id) != NULL || (options->to_given && migration->id > options->to)) {
            continue;
        }
        if (!migration->has_up) {
            cli_note(options, "%s has no statement and stays pending", migration->file);
            continue;
        }
        code = one_transaction ? 0 : begin(run);
        if (code == 0) {
            code = apply_one(run, migration);
            code = one_transaction ? code : end(run, code);
        }
        if (code == 0) {
            done++;
            cli_note(options, "%s %s", options->dry_run ? "would apply" : "applied", migration->file);
        }
    }
    if (one_transaction) {
        code = end(run, code);
    }
    if (code == 0 && options->format_given && options->format != CLI_TABLE) {
        printf("{\"tenant\":%u,\"applied\":%zu,\"dry_run\":%s}\n", run->tenant, done,
               options->dry_run ? "true" : "false");
    } else if (code == 0) {
        printf("%zu %s%s\n", done, options->dry_run ? "would be applied" : "applied",
               done == 0 ? ": nothing is pending" : "");
    }
    return code;
}

/* --- down --------------------------------------------------------------------------------------------------------- */

static int down_one(struct runner_state *run, const struct applied *row) {
    const struct cli_options *options = run->options;
    const struct migration *file = migrations_find(&run->files, row->id);
    struct kmb_error error = {0};
    if (file == NULL) {
        return cli_error(1, "migration %s (%s) can not be taken back: its file is gone", row->version, row->name);
    }
    if (!options->force && strcmp(file->checksum, row->checksum) != 0) {
        return cli_error(1, "migration %s was changed after it was applied; --force takes back what the file says now",
                         file->file);
    }
    int code = 0;
    if (file->has_down) {
        code = run_part(run, file->file, &file->down);
    } else {
        cli_note(options, "Warning: %s has no down part; only the history forgets it.", file->file);
    }
    if (code == 0 && forget_applied(run, row->id, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, file->file);
    }
    if (code == 0) {
        cli_note(options, "%s %s", options->dry_run ? "would take back" : "took back", file->file);
    }
    return code;
}

static int down(struct runner_state *run, uint64_t count) {
    const struct cli_options *options = run->options;
    size_t done = 0;
    int code = options->dry_run ? begin(run) : 0;
    for (size_t i = run->history_count; code == 0 && i > 0 && done < count; i--) {
        code = options->dry_run ? 0 : begin(run);
        if (code == 0) {
            code = down_one(run, &run->history[i - 1]);
            code = options->dry_run ? code : end(run, code);
        }
        done += code == 0;
    }
    if (options->dry_run) {
        code = end(run, code);
    }
    if (code == 0 && options->format_given && options->format != CLI_TABLE) {
        printf("{\"tenant\":%u,\"taken_back\":%zu,\"dry_run\":%s}\n", run->tenant, done,
               options->dry_run ? "true" : "false");
    } else if (code == 0) {
        printf("%zu %s\n", done, options->dry_run ? "would be taken back" : "taken back");
    }
    return code;
}

/* --- status and validate ------------------------------------------------------------------------------------------ */

static const char *state_of(const struct applied *row, const struct migration *file) {
    return row == NULL                                  ? "pending"
           : file == NULL                               ? "missing"
           : strcmp(row->checksum, file->checksum) != 0 ? "changed"
                                                        : "applied";
}

static int status(struct runner_state *run) {
    static const char *const names[] = {"id", "name", "status", "checksum", "applied_at"};
    const struct cli_options *options = run->options;
    size_t most = run->files.count + run->history_count;
    const char **cells = calloc(most * 5 + 1, sizeof(*cells));
    char(*sums)[9] = calloc(most + 1, sizeof(*sums));
    size_t rows = 0, applied = 0, pending = 0;
    struct output output;
    size_t i = 0, j = 0;
    if (cells == NULL || sums == NULL) {
        free(cells);
        free(sums);
        return cli_error(1, "out of memory");
    }
    while (i < run->files.count || j < run->history_count) { /* both in order of id */
        const struct migration *file = i < run->files.count ? &run->files.rows[i] : NULL;
        const struct applied *row = j < run->history_count ? &run->history[j] : NULL;
        if (file != NULL && row != NULL && file->id != row->id) {
            file = file->id < row->id ? file : NULL;
            row = file == NULL ? row : NULL;
        }
        i += file != NULL;
        j += row != NULL;
        applied += row != NULL;
        pending += row == NULL;
        snprintf(sums[rows], sizeof(sums[rows]), "%.8s", file != NULL ? file->checksum : row->checksum);
        cells[rows * 5] = file != NULL ? file->version : row->version;
        cells[rows * 5 + 1] = file != NULL ? file->name : row->name;
        cells[rows * 5 + 2] = state_of(row, file);
        cells[rows * 5 + 3] = sums[rows];
        cells[rows * 5 + 4] = row == NULL ? "" : row->at;
        rows++;
    }
    output_init(&output, options, CLI_TABLE);
    output_table(&output, names, cells, "ttttt", rows);
    cli_note(options, "Applied: %zu / Pending: %zu", applied, pending);
    free(cells);
    free(sums);
    return 0;
}

/* Tells everything that is wrong, not only the first. */
static int validate(struct runner_state *run) {
    size_t faults = 0;
    uint64_t expected = 1;
    for (size_t i = 0; i < run->files.count; i++) {
        const struct migration *file = &run->files.rows[i];
        if (file->id != expected && file->id < GAPS_LOOKED_FOR) {
            faults++;
            cli_error(1, "%s: the number %" PRIu64 " is expected", file->file, expected);
        }
        expected = file->id + 1;
        if (!file->has_up) {
            faults++;
            cli_error(1, "%s has no up part", file->file);
        }
        if (!file->has_down) {
            cli_note(run->options, "Warning: %s has no down part", file->file);
        }
    }
    for (size_t i = 0; i < run->history_count; i++) {
        const struct applied *row = &run->history[i];
        const char *state = state_of(row, migrations_find(&run->files, row->id));
        if (strcmp(state, "applied") != 0) {
            faults++;
            cli_error(1, "migration %s (%s) was applied and its file is %s", row->version, row->name, state);
        }
    }
    if (run->options->format_given && run->options->format != CLI_TABLE) {
        printf("{\"valid\":%s,\"migrations\":%zu,\"faults\":%zu}\n", faults == 0 ? "true" : "false", run->files.count,
               faults);
    } else if (faults == 0) {
        printf("valid: %zu migration%s\n", run->files.count, run->files.count == 1 ? "" : "s");
    }
    return faults == 0 ? 0 : 1;
}

/* Takes a migration out of the history without running its down part. */
static int mark_failed(struct runner_state *run, uint64_t id) {
    struct kmb_error error = {0};
    if (find_applied(run, id) == NULL) {
        return cli_error(6, "migration %" PRIu64 " is not applied", id);
    }
    if (forget_applied(run, id, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    cli_note(run->options, "migration %" PRIu64 " is pending again; nothing of it was taken back", id);
    return 0;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

enum action { ACTION_CREATE, ACTION_UP, ACTION_DOWN, ACTION_STATUS, ACTION_VALIDATE, ACTION_MARK_FAILED };

static const struct {
    const char *name;
    enum action action;
    int arguments_min, arguments_max; /* behind the action */
    bool writes;
} actions[] = {
    {"create", ACTION_CREATE, 1, 1, false},     {"up", ACTION_UP, 0, 0, true},
    {"apply", ACTION_UP, 0, 0, true},           {"down", ACTION_DOWN, 0, 1, true},
    {"rollback", ACTION_DOWN, 0, 1, true},      {"status", ACTION_STATUS, 0, 0, false},
    {"validate", ACTION_VALIDATE, 0, 0, false}, {"mark-failed", ACTION_MARK_FAILED, 1, 1, true},
};

static int act(struct runner_state *run, enum action action, uint64_t number) {
    int code = read_history(run);
    if (code != 0) {
        return code;
    }
    switch (action) {
    case ACTION_UP:
        return up(run);
    case ACTION_DOWN:
        return down(run, number);
    case ACTION_STATUS:
        return status(run);
    case ACTION_VALIDATE:
        return validate(run);
    case ACTION_MARK_FAILED:
        return mark_failed(run, number);
    case ACTION_CREATE:
        break;
    }
    return 0;
}

struct tenant_ids {
    uint32_t *ids;
    size_t count, room;
};

static enum kmb_status note_tenant(void *context, const struct kmb_tenant *tenant) {
    struct tenant_ids *tenants = context;
    if (tenants->count == tenants->room) {
        size_t room = tenants->room == 0 ? 16 : tenants->room * 2;
        void *ids = realloc(tenants->ids, room * sizeof(tenants->ids[0]));
        if (ids == NULL) {
            return KMB_NO_MEMORY;
        }
        tenants->ids = ids;
        tenants->room = room;
    }
    tenants->ids[tenants->count++] = tenant->id;
    return KMB_OK;
}

/* One tenant, or all of them in order; the first that fails ends the run. */
static int each_tenant(struct runner_state *run, enum action action, uint64_t number) {
    struct tenant_ids tenants = {0};
    struct kmb_error error = {0};
    int code = 0;
    enum kmb_status status = run->options->all_tenants
                                 ? kmb_tenant_list(run->db, note_tenant, &tenants, &error)
                                 : note_tenant(&tenants, &(struct kmb_tenant){.id = run->options->tenant});
    if (status != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
    }
    for (size_t i = 0; code == 0 && i < tenants.count; i++) {
        run->tenant = tenants.ids[i];
        if (run->options->all_tenants) {
            cli_note(run->options, "tenant %u", run->tenant);
        }
        if (kmb_session_open(run->db, run->tenant, &run->session, &error) != KMB_OK) {
            code = cli_fail(&error, NULL, 0, NULL);
        } else {
            code = act(run, action, number);
        }
        kmb_session_close(run->session);
        run->session = NULL;
    }
    free(tenants.ids);
    return code;
}

static int create(const struct cli_options *options, const struct cli_place *place, struct runner_state *run) {
    char path[CLI_PATH_MAX];
    int code = migration_make(place->migrations, &run->files, options->arguments[1], place->number_by_time, path);
    if (code == 0 && options->format_given && options->format != CLI_TABLE) {
        fputs("{\"path\":", stdout);
        output_json_string(stdout, path, strlen(path));
        puts("}");
    } else if (code == 0) {
        puts(path);
    }
    return code;
}

/* A directory that somebody named and that is not there is a mistake, not a project without migrations. */
static int check_directory(const struct cli_options *options, const struct cli_place *place) {
    if (access(place->migrations, F_OK) == 0 || errno != ENOENT) {
        return 0;
    }
    if (place->migrations_named) {
        return cli_error(6, "migrations.directory is not there: %s", place->migrations);
    }
    cli_note(options, "There are no migrations: %s is not there.", place->migrations);
    return 0;
}

int migration_apply(const struct cli_options *options, const char *directory, kmb_db *db) {
    struct runner_state run = {.options = options, .db = db};
    int code = migrations_read(directory, &run.files);
    code = code == 0 ? each_tenant(&run, ACTION_UP, 0) : code;
    free(run.history);
    migrations_free(&run.files);
    return code;
}

int cli_migration(const struct cli_options *options) {
    struct cli_place place = {0};
    struct runner_state run = {.options = options};
    const char *name = options->arguments[0];
    size_t which = 0;
    while (which < sizeof(actions) / sizeof(actions[0]) && strcmp(actions[which].name, name) != 0) {
        which++;
    }
    if (which == sizeof(actions) / sizeof(actions[0])) {
        return cli_error(
            2, "unrecognized argument \"%s\"; usage: kimberlite migration create|up|down|status|validate|mark-failed",
            name);
    }
    int given = options->argument_count - 1;
    uint64_t number = 1;
    if (given < actions[which].arguments_min || given > actions[which].arguments_max) {
        return given < actions[which].arguments_min
                   ? cli_error(2, "%s is required: kimberlite migration %s %s",
                               actions[which].action == ACTION_CREATE ? "a name" : "a number", name,
                               actions[which].action == ACTION_CREATE ? "NAME" : "ID")
                   : cli_error(2, "unrecognized argument \"%s\"", options->arguments[actions[which].arguments_max + 1]);
    }
    if (given == 1 && actions[which].action != ACTION_CREATE) {
        char *end_of = NULL;
        number = strtoull(options->arguments[1], &end_of, 10);
        if (*options->arguments[1] < '0' || *options->arguments[1] > '9' || *end_of != 0) {
            return cli_error(2, "invalid number \"%s\"", options->arguments[1]);
        }
    }
    int code = cli_find(options, &place);
    if (code == 0 && place.migrations[0] == 0) {
        code = cli_error(6, "no project: migrations are files beside a kimberlite.toml");
    }
    if (code == 0 && actions[which].action != ACTION_CREATE) {
        code = check_directory(options, &place);
    }
    if (code == 0) {
        code = migrations_read(place.migrations, &run.files);
    }
    if (code == 0 && actions[which].action == ACTION_CREATE) {
        code = create(options, &place, &run);
    } else if (code == 0) {
        code = cli_open(options, actions[which].writes ? 0 : KMB_OPEN_READ_ONLY, &place, &run.db, NULL);
        if (code == 0) {
            code = cli_close(run.db, NULL, each_tenant(&run, actions[which].action, number));
        }
    }
    free(run.history);
    migrations_free(&run.files);
    return code;
}
