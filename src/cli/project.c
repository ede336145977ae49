/*
 * Projects: a directory with kimberlite.toml, migrations/ and .kimberlite/. Finding one, making one, opening its
 * database.
 *
 * kimberlite.toml is read as the subset we write: sections, `key = "text"` lines, comments. What is not understood is
 * an error that names the line.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/io.h"
#include "cli/cli.h"
#include "log/keystore.h"

#define TOML "kimberlite.toml"

static int too_long(const char *path) {
    return cli_error(2, "path is longer than %d bytes: %.80s...", CLI_PATH_MAX - 1, path);
}

static bool join(char out[CLI_PATH_MAX], const char *directory, const char *name) {
    int length = name[0] == '/' ? snprintf(out, CLI_PATH_MAX, "%s", name)
                                : snprintf(out, CLI_PATH_MAX, "%s%s%s", directory,
                                           directory[strlen(directory) - 1] == '/' ? "" : "/", name);
    return length > 0 && length < CLI_PATH_MAX;
}

/* --- kimberlite.toml ---------------------------------------------------------------------------------------------- */

struct toml {
    char data[CLI_PATH_MAX];
    char keys[CLI_PATH_MAX];
};

static char *trim(char *text) {
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        text[--length] = 0;
    }
    return text;
}

/* The text between quotes at the start of value; what follows must be blank or a comment. */
static bool quoted(char *value, char out[CLI_PATH_MAX]) {
    char *end = value[0] == '"' ? strchr(value + 1, '"') : NULL;
    if (end == NULL || strchr(value + 1, '\\') != NULL) {
        return false;
    }
    *end = 0;
    char *rest = trim(end + 1);
    if (rest[0] != 0 && rest[0] != '#') {
        return false;
    }
    return snprintf(out, CLI_PATH_MAX, "%s", value + 1) < CLI_PATH_MAX;
}

static int read_toml(const char *path, struct toml *toml) {
    char line[CLI_PATH_MAX * 2];
    char section[64] = "";
    unsigned number = 0;
    int code = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return cli_error(1, "cannot read %s: %s", path, strerror(errno));
    }
    while (code == 0 && fgets(line, sizeof(line), file) != NULL) {
        number++;
        char *text = trim(line);
        char *equals = strchr(text, '=');
        char value[CLI_PATH_MAX];
        if (text[0] == 0 || text[0] == '#') {
            continue;
        }
        if (text[0] == '[' && strchr(text, ']') != NULL) {
            *strchr(text, ']') = 0;
            snprintf(section, sizeof(section), "%.63s", text + 1);
            continue;
        }
        if (equals == NULL) {
            code = cli_error(1, "%s:%u: expected key = \"value\", got \"%.60s\"", path, number, text);
            continue;
        }
        *equals = 0;
        char *key = trim(text);
        if (!quoted(trim(equals + 1), value)) {
            code = cli_error(1, "%s:%u: the value of %s must be a text in double quotes, without escapes", path, number,
                             key);
        } else if (strcmp(section, "storage") == 0 && strcmp(key, "data") == 0) {
            snprintf(toml->data, sizeof(toml->data), "%s", value);
        } else if (strcmp(section, "storage") == 0 && strcmp(key, "keys") == 0) {
            snprintf(toml->keys, sizeof(toml->keys), "%s", value);
        } else if (strcmp(section, "project") != 0 || strcmp(key, "name") != 0) {
            code = cli_error(1, "%s:%u: unknown setting %s in [%s]", path, number, key, section);
        }
    }
    fclose(file);
    return code;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static int use_project(const char *directory, struct cli_place *place) {
    char path[CLI_PATH_MAX];
    struct toml toml = {.data = ".kimberlite/data", .keys = ".kimberlite/keys"};
    if (!join(path, directory, TOML)) {
        return too_long(directory);
    }
    int code = read_toml(path, &toml);
    if (code != 0) {
        return code;
    }
    if (!join(place->data, directory, toml.data) || !join(place->key_directory, directory, toml.keys)) {
        return too_long(directory);
    }
    snprintf(place->project, sizeof(place->project), "%s", directory);
    return 0;
}

int cli_find(const struct cli_options *options, struct cli_place *place) {
    char directory[CLI_PATH_MAX];
    char path[CLI_PATH_MAX];
    *place = (struct cli_place){0};
    if (options->key != NULL &&
        snprintf(place->key_file, sizeof(place->key_file), "%s", options->key) >= CLI_PATH_MAX) {
        return too_long(options->key);
    }
    if (options->data != NULL) {
        if (snprintf(directory, sizeof(directory), "%s", options->data) >= CLI_PATH_MAX || directory[0] == 0) {
            return cli_error(2, "invalid value for --data: empty or too long");
        }
        if (join(path, directory, TOML) && access(path, F_OK) == 0) { /* the project's directory will do as well */
            return use_project(directory, place);
        }
        snprintf(place->data, sizeof(place->data), "%s", directory);
        return 0;
    }
    if (getcwd(directory, sizeof(directory)) == NULL) {
        return cli_error(1, "cannot tell the working directory: %s", strerror(errno));
    }
    for (;;) {
        if (!join(path, directory, TOML)) {
            return too_long(directory);
        }
        if (access(path, F_OK) == 0) {
            return use_project(directory, place);
        }
        char *slash = strrchr(directory, '/');
        if (slash == NULL || directory[1] == 0) {
            break;
        }
        slash[slash == directory ? 1 : 0] = 0;
    }
    cli_error(6, "no database: there is no %s here or above", TOML);
    fprintf(stderr, "Hint: \"kimberlite init DIR\" makes a project; --data DIR names a database.\n");
    return 6;
}

void cli_key_path(const struct cli_place *place, char path[CLI_PATH_MAX]) {
    struct io io = io_posix();
    struct keystore_public facts;
    char hex[33];
    path[0] = 0;
    if (place->key_file[0] != 0) {
        snprintf(path, CLI_PATH_MAX, "%s", place->key_file);
    } else if (place->key_directory[0] == 0) {
        snprintf(path, CLI_PATH_MAX, "%.*s.key", CLI_PATH_MAX - 8, place->data);
    } else if (keystore_public_read(&io, place->data, &facts, NULL) == KMB_OK) {
        codec_hex(hex, facts.log_uuid, sizeof(facts.log_uuid));
        snprintf(path, CLI_PATH_MAX, "%.*s/%.8s-%.4s-%.4s-%.4s-%.12s.key", CLI_PATH_MAX - 64, place->key_directory, hex,
                 hex + 8, hex + 12, hex + 16, hex + 20);
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

int cli_open(const struct cli_options *options, unsigned flags, struct cli_place *place, kmb_db **db,
             kmb_session **session) {
    struct kmb_error error = {0};
    *db = NULL;
    if (session != NULL) {
        *session = NULL;
    }
    if (place->data[0] == 0) {
        int code = cli_find(options, place);
        if (code != 0) {
            return code;
        }
    }
    char command[32];
    snprintf(command, sizeof(command), "kimberlite %s", options->verb);
    struct kmb_options open = {
        .size = sizeof(open),
        .flags = flags | (options->accept_clock ? (unsigned)KMB_OPEN_ACCEPT_CLOCK : 0),
        .key_file = place->key_file[0] == 0 ? NULL : place->key_file,
        .key_directory = place->key_directory[0] == 0 ? NULL : place->key_directory,
        .command = command,
    };
    if (kmb_open(place->data, &open, db, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    if (session != NULL && kmb_session_open(*db, options->tenant, session, &error) != KMB_OK) {
        int code = cli_fail(&error, NULL, 0, NULL);
        kmb_close(*db, NULL);
        *db = NULL;
        return code;
    }
    return 0;
}

int cli_close(kmb_db *db, kmb_session *session, int code) {
    struct kmb_error error = {0};
    kmb_session_close(session);
    if (kmb_close(db, &error) != KMB_OK && code == 0) {
        return cli_fail(&error, NULL, 0, "closing");
    }
    return code;
}

/* --- init --------------------------------------------------------------------------------------------------------- */

static int make_directory(const char *path, mode_t mode) {
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return cli_error(1, "cannot make directory %s: %s", path, strerror(errno));
    }
    return 0;
}

static int write_new(const char *directory, const char *name, const char *text) {
    char path[CLI_PATH_MAX];
    if (!join(path, directory, name)) {
        return too_long(directory);
    }
    FILE *file = fopen(path, "wx");
    if (file == NULL) {
        return errno == EEXIST ? 0 : cli_error(1, "cannot write %s: %s", path, strerror(errno));
    }
    bool failed = fputs(text, file) < 0;
    if (fclose(file) != 0 || failed) {
        return cli_error(1, "cannot write %s: %s", path, strerror(errno));
    }
    return 0;
}

static int make_skeleton(const char *directory) {
    char path[CLI_PATH_MAX];
    char name[256];
    char real[CLI_PATH_MAX];
    char toml[1024];
    static const char *const folders[] = {"", "migrations", ".kimberlite", ".kimberlite/keys"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (!join(path, directory, folders[i][0] == 0 ? "." : folders[i])) {
            return too_long(directory);
        }
        /* what holds data and keys is its owner's alone */
        mode_t mode = folders[i][0] == '.' ? 0700 : 0777;
        int code = i == 0 ? make_directory(directory, mode) : make_directory(path, mode);
        if (code != 0) {
            return code;
        }
    }
    const char *last = realpath(directory, real) == NULL ? directory : real;
    last = strrchr(last, '/') == NULL ? last : strrchr(last, '/') + 1;
    size_t out = 0;
    for (; *last != 0 && out + 1 < sizeof(name); last++) { /* no quotes and backslashes in the file */
        name[out++] = *last == '"' || *last == '\\' || (unsigned char)*last < ' ' ? '_' : *last;
    }
    name[out] = 0;
    snprintf(toml, sizeof(toml),
             "# A Kimberlite project. Paths are relative to this file.\n\n[project]\nname = \"%s\"\n\n[storage]\n"
             "data = \".kimberlite/data\"\nkeys = \".kimberlite/keys\"\n",
             name);
    int code = write_new(directory, ".gitignore", "# Data and keys never belong into version control.\n.kimberlite/\n");
    return code == 0 ? write_new(directory, TOML, toml) : code;
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
static int may_fill(const struct cli_options *options, const char *directory, bool *go) {
    char answer[16];
    *go = options->yes || is_empty(directory);
    if (*go) {
        return 0;
    }
    if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "%s is not empty. Make a project in it? [y/N] ", directory);
        *go = fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
        if (!*go) {
            fputs("Cancelled\n", stderr);
        }
        return 0;
    }
    *go = options->argument_count != 0;
    return *go ? 0
               : cli_error(1, "this directory is not empty; \"kimberlite init .\" makes a project in it all the same");
}

int cli_init(const struct cli_options *options) {
    const char *directory = options->argument_count == 0 ? "." : options->arguments[0];
    struct cli_place place = {0};
    char path[CLI_PATH_MAX];
    char verifier[512];
    struct kmb_info info = {.size = sizeof(info)};
    struct kmb_error error = {0};
    kmb_db *db = NULL;
    if (options->template_name != NULL && strcmp(options->template_name, "default") != 0) {
        return cli_error(2, "invalid value \"%s\" for --template: only \"default\" is there", options->template_name);
    }
    if (directory[0] == 0 || !join(path, directory, TOML)) {
        return cli_error(2, "invalid directory: empty or too long");
    }
    if (access(path, F_OK) == 0) {
        return cli_error(1, "%s is already a project: it has a " TOML, directory);
    }
    bool go = false;
    int code = may_fill(options, directory, &go);
    if (!go) {
        return code;
    }
    code = make_skeleton(directory);
    if (code == 0) {
        code = use_project(directory, &place);
    }
    if (code == 0 && options->key != NULL) {
        snprintf(place.key_file, sizeof(place.key_file), "%.*s", CLI_PATH_MAX - 1, options->key);
    }
    if (code == 0) {
        code = cli_open(options, KMB_OPEN_CREATE | (options->no_encryption ? (unsigned)KMB_OPEN_NO_ENCRYPTION : 0),
                        &place, &db, NULL);
    }
    if (code != 0) {
        unlink(path); /* the file that says "project": the next try shall not be told that it is one already */
        return code;
    }
    if (kmb_info(db, &info, &error) != KMB_OK ||
        kmb_tenant_verifier(db, 1, verifier, sizeof(verifier), &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
        kmb_close(db, NULL);
        return code;
    }
    cli_key_path(&place, path);
    printf("project   %s\nlog       %s\ntenant    1\nencrypted %s\nroot key  %s\nverifier  %s\n", directory, info.uuid,
           info.encrypted ? "yes" : "NO", info.encrypted ? path : "none", verifier);
    if (!info.encrypted) {
        cli_note(options, "Warning: without encryption everything stands in clear on the disk, for ever.");
    } else if (info.key_on_same_filesystem) {
        cli_note(
            options,
            "Warning: the root key lies on the disk that holds the data. Keep a copy elsewhere, and for production\n"
            "         keep the key elsewhere altogether (--key FILE). Without it the data cannot be read.");
    }
    cli_note(options,
             "Keep the verifier key apart from the data: with it anybody can check this log's checkpoints and proofs.");
    return cli_close(db, NULL, 0);
}
