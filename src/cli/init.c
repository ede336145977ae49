/*
 * kimberlite init: a directory becomes a project with a database in it. kimberlite.toml is written from the table of
 * settings, every key with its meaning and default, so that the file is its own manual.
 *
 * On a terminal what was not said is asked for; an end of input or an empty answer to "where" is no.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/output.h"
#include "cli/project.h"
#include "cli/templates.h"

#define DIRECTORY_DEFAULT "./my-app"
#define MADE_MAX          12 /* directories and files of a skeleton */

struct init {
    const struct cli_options *options;
    const struct template_row *project_template;
    char directory[CLI_PATH_MAX];
    char *made[MADE_MAX]; /* what was not there before, in order; for a try that fails */
    size_t made_count;
};

/* --- questions ---------------------------------------------------------------------------------------------------- */

static bool asks(const struct cli_options *options) {
    return !options->yes && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/* A line typed, without its end. false: the input ended. */
static bool read_answer(char *answer, size_t size) {
    if (fgets(answer, (int)size, stdin) == NULL) {
        return false;
    }
    answer[strcspn(answer, "\r\n")] = 0;
    return answer[0] != '\033';
}

static bool is_empty(const char *directory) {
    DIR *listing = opendir(directory);
    bool empty = true;
    const struct dirent *entry;
    while (listing != NULL && empty && (entry = readdir(listing)) != NULL) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    if (listing != NULL) {
        closedir(listing);
    }
    return empty;
}

/* A directory with things in it is asked about at a terminal; elsewhere it has to be named. *go: make it there. */
static int may_fill(const struct init *init, bool *go) {
    char answer[16];
    *go = init->options->yes || is_empty(init->directory);
    if (*go) {
        return 0;
    }
    if (asks(init->options)) {
        fprintf(stderr, "%s is not empty. Make a project in it? [y/N] ", init->directory);
        *go = read_answer(answer, sizeof(answer)) && (answer[0] == 'y' || answer[0] == 'Y');
        return 0;
    }
    *go = init->options->argument_count != 0;
    return *go ? 0
               : cli_error(1, "this directory is not empty; \"kimberlite init .\" makes a project in it all the same");
}

/* What the command line left open. false: cancelled. */
static bool ask_rest(struct init *init, bool where) {
    char answer[CLI_PATH_MAX];
    if (where) {
        fprintf(stderr, "Where? [" DIRECTORY_DEFAULT "] ");
        if (!read_answer(answer, sizeof(answer))) {
            return false;
        }
        snprintf(init->directory, sizeof(init->directory), "%s", answer[0] == 0 ? DIRECTORY_DEFAULT : answer);
    }
    while (init->project_template == NULL) {
        fputs("Begin with what?\n", stderr);
        for (const struct template_row *row = template_rows; row->name != NULL; row++) {
            fprintf(stderr, "  %-13s %s%s%s%s\n", row->name, row->about, row->laws[0] == 0 ? "" : " (", row->laws,
                    row->laws[0] == 0 ? "" : ")");
        }
        fputs("[default] ", stderr);
        if (!read_answer(answer, sizeof(answer))) {
            return false;
        }
        init->project_template = template_find(answer[0] == 0 ? "default" : answer);
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void note_made(struct init *init, const char *path) {
    char *copy = init->made_count < MADE_MAX ? strdup(path) : NULL;
    if (copy != NULL) {
        init->made[init->made_count++] = copy;
    }
}

/* A try that failed leaves what was there before, and nothing of its own: not even half a database. */
static void take_back(struct init *init) {
    struct io io = io_posix();
    char path[CLI_PATH_MAX];
    bool ours = project_join(path, init->directory, ".kimberlite");
    for (size_t i = init->made_count; i > 0; i--) {
        const char *made = init->made[i - 1];
        if (ours && strcmp(made, path) == 0) {
            project_remove_tree(&io, made);
        } else {
            (void)io_unlink(&io, made, NULL); /* a directory with something else in it stays */
        }
    }
}

static void forget_made(struct init *init) {
    while (init->made_count > 0) {
        free(init->made[--init->made_count]);
    }
}

static int make_directory(struct init *init, const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0) {
        note_made(init, path);
    } else if (errno != EEXIST) {
        return cli_error(1, "cannot make directory %s: %s", path, strerror(errno));
    }
    return 0;
}

/* A file that is there already stays as it is. */
static int write_new(struct init *init, const char *directory, const char *name, struct buffer *text) {
    char path[CLI_PATH_MAX];
    if (!project_join(path, directory, name)) {
        return project_too_long(directory);
    }
    FILE *file = fopen(path, "wx");
    if (file == NULL) {
        return errno == EEXIST ? 0 : cli_error(1, "cannot write %s: %s", path, strerror(errno));
    }
    note_made(init, path);
    const char *whole = buffer_text(text);
    bool failed = whole == NULL || fputs(whole, file) < 0;
    if (fclose(file) != 0 || failed) {
        return cli_error(1, "cannot write %s: %s", path, whole == NULL ? "out of memory" : strerror(errno));
    }
    return 0;
}

static void add_setting(struct buffer *out, const struct settings *settings, const struct settings_row *setting,
                        bool live) {
    buffer_printf(out, "\n# %s\n%s%s = ", setting->meaning, live ? "" : "# ", strchr(setting->key, '.') + 1);
    settings_toml(settings, setting, out);
    buffer_append_byte(out, '\n');
}

/* A file that was named from here, as it is named from anywhere. false: too long. */
static bool from_anywhere(const char *file, char path[CLI_PATH_MAX]) {
    char here[CLI_PATH_MAX];
    return getcwd(here, sizeof(here)) != NULL && project_join(path, here, file);
}

static enum kmb_status set(struct settings *settings, const char *setting, const char *value, struct kmb_error *error) {
    return settings_set(settings, settings_find(slice_text(setting)), value, SETTING_OPTION, setting, error);
}

/* kimberlite.toml: what a project must say stands there, the rest behind a "#" with its default. key: the root key's
 * file; "": the one in storage.keys. */
static int toml_of(const char *name, const char *key, struct buffer *out) {
    static const char *const live[] = {"project.name", "storage.data", "storage.keys"};
    struct settings settings;
    struct kmb_error error = {0};
    const char *section = "";
    size_t length = 0;
    enum kmb_status status = settings_init(&settings, &error);
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    status = set(&settings, "project.name", name, &error);
    if (status == KMB_OK && key[0] != 0) {
        status = set(&settings, "storage.key", key, &error);
    }
    if (status != KMB_OK) {
        settings_free(&settings);
        return cli_fail(&error, NULL, 0, NULL);
    }
    buffer_append_text(out,
                       "# A Kimberlite project. Paths are relative to this file; kimberlite.local.toml beside it, the\n"
                       "# environment (KMB_LOG_LEVEL for log.level) and options win over it.\n");
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        bool is_live = key[0] != 0 && strcmp(setting->key, "storage.key") == 0;
        if (length == 0 || strncmp(setting->key, section, length) != 0) {
            section = setting->key;
            length = (size_t)(strchr(section, '.') - section) + 1;
            buffer_printf(out, "\n[%.*s]\n", (int)length - 1, section);
        }
        for (size_t j = 0; j < sizeof(live) / sizeof(live[0]); j++) {
            is_live = is_live || strcmp(setting->key, live[j]) == 0;
        }
        add_setting(out, &settings, setting, is_live);
    }
    settings_free(&settings);
    return 0;
}

static void readme_of(const struct init *init, const char *name, struct buffer *out) {
    const struct template_row *row = init->project_template;
    buffer_printf(out, "# %s\n\nA Kimberlite project.\n\n", name);
    if (row->file != NULL) {
        buffer_printf(out,
                      "Begun from the template `%s`: %s. Made for %s.\nIts tables are those of `migrations/%s`; change "
                      "them there before they are applied, or with migrations\nthat follow.\n\n",
                      row->name, row->about, row->laws, row->file);
    }
    buffer_append_text(out,
                       "    kimberlite migration up        apply the migrations\n"
                       "    kimberlite shell               type statements\n"
                       "    kimberlite dev                 a server for development\n"
                       "    kimberlite migration create NAME    another migration\n"
                       "    kimberlite verify              read everything and trust nothing\n\n"
                       "| where | what |\n|---|---|\n"
                       "| `kimberlite.toml` | settings, each with its meaning |\n"
                       "| `migrations/` | the schema, step by step |\n"
                       "| `.kimberlite/data` | the database |\n"
                       "| `.kimberlite/keys` | its root key, where no other place is named: keep a copy elsewhere |\n");
}

static void name_of(const char *directory, char *name, size_t size) {
    char real[CLI_PATH_MAX];
    const char *last = realpath(directory, real) == NULL ? directory : real;
    size_t out = 0;
    last = strrchr(last, '/') == NULL ? last : strrchr(last, '/') + 1;
    for (; *last != 0 && out + 1 < size; last++) {
        name[out++] = (unsigned char)*last < ' ' ? '_' : *last;
    }
    name[out] = 0;
}

static int make_skeleton(struct init *init) {
    static const char *const folders[] = {"migrations", ".kimberlite", ".kimberlite/keys", ".kimberlite/logs",
                                          ".kimberlite/tmp"};
    const struct template_row *row = init->project_template;
    const char *directory = init->directory;
    char path[CLI_PATH_MAX];
    const char *file = init->options->key;
    char name[256];
    char key[CLI_PATH_MAX] = "";
    struct buffer text = {0};
    int code = make_directory(init, directory, 0777);
    if (code == 0 && file != NULL && !init->options->no_encryption && !from_anywhere(file, key)) {
        code = project_too_long(file);
    }
    for (size_t i = 0; code == 0 && i < sizeof(folders) / sizeof(folders[0]); i++) {
        /* what holds data and keys is its owner's alone */
        code = project_join(path, directory, folders[i])
                   ? make_directory(init, path, folders[i][0] == '.' ? 0700 : 0777)
                   : project_too_long(directory);
    }
    name_of(directory, name, sizeof(name));
    if (code == 0 && row->file != NULL && project_join(path, directory, "migrations")) {
        buffer_append_text(&text, template_text(row));
        code = write_new(init, path, row->file, &text);
    }
    if (code == 0) {
        buffer_clear(&text);
        buffer_append_text(
            &text, "# Data and keys never belong into version control.\n.kimberlite/\nbackups/\n" PROJECT_LOCAL_FILE
                   "\nbuild/\n*.db\n*.db-shm\n*.db-wal\n");
        code = write_new(init, directory, ".gitignore", &text);
    }
    if (code == 0) {
        buffer_clear(&text);
        readme_of(init, name, &text);
        code = write_new(init, directory, "README.md", &text);
    }
    if (code == 0) { /* last: it is what makes the directory a project */
        buffer_clear(&text);
        code = toml_of(name, key, &text);
        code = code == 0 ? write_new(init, directory, PROJECT_FILE, &text) : code;
    }
    buffer_free(&text);
    return code;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static int choose(struct init *init) {
    const struct cli_options *options = init->options;
    char path[CLI_PATH_MAX];
    const char *directory = options->argument_count == 0 ? "." : options->arguments[0];
    if (options->template_name != NULL) {
        init->project_template = template_find(options->template_name);
        if (init->project_template == NULL) {
            return cli_error(
                2,
                "invalid value \"%s\" for --template: default, healthcare, finance, legal, multi-tenant, ehr, "
                "claims or research",
                options->template_name);
        }
    }
    snprintf(init->directory, sizeof(init->directory), "%s", directory);
    if (asks(options) && isatty(STDOUT_FILENO) == 1 && !ask_rest(init, options->argument_count == 0)) {
        init->directory[0] = 0;
        return 0;
    }
    if (init->project_template == NULL) {
        init->project_template = template_find("default");
    }
    if (directory[0] == 0 || !project_join(path, init->directory, PROJECT_FILE)) {
        return cli_error(2, "invalid directory: empty or too long");
    }
    if (access(path, F_OK) == 0) {
        return cli_error(1, "%s is already a project: it has a " PROJECT_FILE, init->directory);
    }
    return 0;
}

static void tell(const struct init *init, const char *key, const struct kmb_info *info, const char *verifier) {
    const struct template_row *row = init->project_template;
    if (init->options->format_given) {
        const char *names[] = {"project", "template", "log", "tenant", "encrypted", "root_key", "verifier"};
        const char *facts[] = {
            init->directory, row->name, info->uuid, "1", info->encrypted ? "yes" : "NO", info->encrypted ? key : "none",
            verifier};
        struct output output;
        output_init(&output, init->options, CLI_TABLE);
        output_facts(&output, names, facts, "tttnttt");
    } else {
        printf("project   %s\nlog       %s\ntenant    1\nencrypted %s\nroot key  %s\nverifier  %s\n", init->directory,
               info->uuid, info->encrypted ? "yes" : "NO", info->encrypted ? key : "none", verifier);
    }
    if (!info->encrypted) {
        cli_note(init->options, "Warning: without encryption everything stands in clear on the disk, for ever.");
    } else if (info->key_on_same_filesystem) {
        cli_note(
            init->options,
            "Warning: the root key lies on the disk that holds the data. Keep a copy elsewhere, and for production\n"
            "         keep the key elsewhere altogether (--key FILE). Without it the data cannot be read.");
    }
    cli_note(init->options,
             "Keep the verifier key apart from the data: with it anybody can check this log's checkpoints and proofs.");
    if (row->file != NULL) {
        cli_note(init->options,
                 "The tables of the template %s are in migrations/%s; \"kimberlite migration up\" makes them.",
                 row->name, row->file);
    }
}

/* The directory, and in it the database; or neither. */
static int make(struct init *init, struct cli_place *place, kmb_db **db) {
    const struct cli_options *options = init->options;
    int code = make_skeleton(init);
    if (code == 0) {
        snprintf(place->key_file, sizeof(place->key_file), "%.*s", CLI_PATH_MAX - 1,
                 options->key == NULL ? "" : options->key);
        code = project_passphrase(options, place);
    }
    code = code == 0 ? project_use(options, init->directory, place) : code;
    if (code == 0) {
        code = cli_open(options, KMB_OPEN_CREATE | (options->no_encryption ? (unsigned)KMB_OPEN_NO_ENCRYPTION : 0),
                        place, db, NULL);
    }
    if (code != 0) {
        take_back(init);
    }
    forget_made(init);
    return code;
}

int cli_init(const struct cli_options *options) {
    struct init init = {.options = options};
    struct cli_place place = {0};
    char path[CLI_PATH_MAX];
    char verifier[512];
    struct kmb_info info = {.size = sizeof(info)};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    bool go = false;
    int code = choose(&init);
    if (code == 0 && init.directory[0] != 0) {
        code = may_fill(&init, &go);
    }
    if (!go) {
        if (code == 0) {
            fputs("Cancelled\n", stderr);
        }
        return code;
    }
    code = make(&init, &place, &db);
    if (code != 0) {
        return code;
    }
    if (kmb_info(db, &info, &error) != KMB_OK ||
        kmb_tenant_verifier(db, 1, verifier, sizeof(verifier), &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
        kmb_close(db, NULL);
        return code;
    }
    cli_key_path(&place, path);
    tell(&init, place.passphrase[0] != 0 ? "made of the passphrase" : path, &info, verifier);
    return cli_close(db, NULL, 0);
}
