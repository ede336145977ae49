/*
 * Projects: a directory with kimberlite.toml, migrations/ and .kimberlite/. Finding one, reading its settings, opening
 * its database.
 */
#include "cli/project.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/io.h"
#include "log/keystore.h"

int project_too_long(const char *path) {
    return cli_error(2, "path is longer than %d bytes: %.80s...", CLI_PATH_MAX - 1, path);
}

bool project_join(char out[CLI_PATH_MAX], const char *directory, const char *name) {
    int length = name[0] == '/' ? snprintf(out, CLI_PATH_MAX, "%s", name)
                                : snprintf(out, CLI_PATH_MAX, "%s%s%s", directory,
                                           directory[strlen(directory) - 1] == '/' ? "" : "/", name);
    return length > 0 && length < CLI_PATH_MAX;
}

static enum kmb_status remove_entry(void *context, const char *name, bool directory) {
    const char *within = context;
    struct io io = io_posix();
    char path[CLI_PATH_MAX];
    if (project_join(path, within, name)) {
        if (directory) {
            project_remove_tree(&io, path);
        } else {
            (void)io_unlink(&io, path, NULL);
        }
    }
    return KMB_OK;
}

void project_remove_tree(const struct io *io, const char *directory) {
    (void)io_list(io, directory, remove_entry, (void *)(uintptr_t)directory, NULL);
    (void)io_unlink(io, directory, NULL);
}

/* --- passphrases -------------------------------------------------------------------------------------------------- */

/* A line typed at the terminal, unseen. */
static bool ask_passphrase(const char *prompt, char *out, size_t size) {
    struct termios before, quiet;
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL) {
        return false;
    }
    bool can = tcgetattr(fileno(terminal), &before) == 0;
    if (can) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        can = tcsetattr(fileno(terminal), TCSAFLUSH, &quiet) == 0;
    }
    fputs(prompt, terminal);
    fflush(terminal);
    bool typed = fgets(out, (int)size, terminal) != NULL;
    if (can) {
        tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    }
    fputc('\n', terminal);
    fclose(terminal);
    return typed;
}

int project_read_passphrase(const char *file, const char *text, const char *prompt, const char *again,
                            char out[CLI_PASSPHRASE_SIZE]) {
    char second[CLI_PASSPHRASE_SIZE] = "";
    bool read = true;
    bool same = true;
    if (file == NULL) {
        read = snprintf(out, CLI_PASSPHRASE_SIZE, "%s", text) < CLI_PASSPHRASE_SIZE;
    } else if (strcmp(file, "-") == 0) {
        read = ask_passphrase(prompt, out, CLI_PASSPHRASE_SIZE);
        if (read && again != NULL) {
            same = ask_passphrase(again, second, sizeof(second)) && strcmp(second, out) == 0;
            explicit_bzero(second, sizeof(second));
        }
    } else {
        FILE *stream = fopen(file, "re");
        if (stream == NULL) {
            return cli_error(errno == ENOENT ? 6 : 1, "cannot read %s: %s", file, strerror(errno));
        }
        read = fgets(out, CLI_PASSPHRASE_SIZE, stream) != NULL;
        fclose(stream);
    }
    out[strcspn(out, "\r\n")] = 0;
    if (!same) {
        return cli_error(1, "the two passphrases are not the same");
    }
    return read && out[0] != 0 ? 0 : cli_error(1, "the passphrase is empty, too long or can not be read");
}

int project_passphrase(const struct cli_options *options, struct cli_place *place) {
    const char *variable = getenv("KIMBERLITE_PASSPHRASE");
    if (options->passphrase_file == NULL && (variable == NULL || options->key != NULL)) {
        return 0;
    }
    if (options->key != NULL) {
        return cli_error(2, "invalid: --key and --passphrase-file exclude each other");
    }
    return project_read_passphrase(options->passphrase_file, variable, "Passphrase: ", NULL, place->passphrase);
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

enum kmb_status cli_read_settings(const struct cli_options *options, const char *project, struct settings *settings,
                                  struct kmb_error *error) {
    enum kmb_status status = settings_init(settings, error);
    if (status != KMB_OK) {
        return status;
    }
    status = settings_load(settings, project, environ, error);
    for (size_t i = 0; status == KMB_OK && i < options->settings_rows; i++) {
        const struct cli_setting *given = &options->settings[i];
        const char *name = given->setting->option == NULL ? "--set" : given->setting->option;
        status = settings_set(settings, given->setting, given->text, SETTING_OPTION, name, error);
    }
    if (status != KMB_OK) {
        settings_free(settings);
    }
    return status;
}

int cli_settings(const struct cli_options *options, const char *project, struct settings *settings) {
    struct kmb_error error = {0};
    return cli_read_settings(options, project, settings, &error) == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
}

int project_use(const struct cli_options *options, const char *directory, struct cli_place *place) {
    struct settings settings;
    int code = cli_settings(options, directory, &settings);
    if (code != 0) {
        return code;
    }
    bool fits = snprintf(place->data, CLI_PATH_MAX, "%s", settings.storage.data) < CLI_PATH_MAX &&
                snprintf(place->key_directory, CLI_PATH_MAX, "%s", settings.storage.keys) < CLI_PATH_MAX &&
                (place->key_file[0] != 0 ||
                 snprintf(place->key_file, CLI_PATH_MAX, "%s", settings.storage.key) < CLI_PATH_MAX) &&
                snprintf(place->migrations, CLI_PATH_MAX, "%s", settings.migrations.directory) < CLI_PATH_MAX;
    place->cache_bytes = settings.storage.cache_bytes;
    place->statement_bytes = settings.storage.statement_bytes;
    place->segment_bytes = settings.storage.segment_bytes;
    place->ask = settings.tenants.require_confirmation;
    place->number_by_time = settings.migrations.auto_timestamp;
    place->migrations_named =
        settings_place_of(&settings, settings_find(slice_text("migrations.directory")))->source != SETTING_DEFAULT;
    settings_free(&settings);
    snprintf(place->project, sizeof(place->project), "%s", directory);
    return fits ? 0 : project_too_long(directory);
}

/* Of a directory that no project names: what the environment and the options say of memory and segments. */
static int place_sizes(const struct cli_options *options, struct cli_place *place) {
    struct settings settings;
    int code = cli_settings(options, NULL, &settings);
    if (code == 0) {
        place->cache_bytes = settings.storage.cache_bytes;
        place->statement_bytes = settings.storage.statement_bytes;
        place->segment_bytes = settings.storage.segment_bytes;
        settings_free(&settings);
    }
    return code;
}

int project_find(const struct cli_options *options, struct cli_place *place) {
    char directory[CLI_PATH_MAX];
    char path[CLI_PATH_MAX];
    *place = (struct cli_place){.ask = true};
    int code = project_passphrase(options, place);
    if (code != 0) {
        return code;
    }
    if (options->key != NULL &&
        snprintf(place->key_file, sizeof(place->key_file), "%s", options->key) >= CLI_PATH_MAX) {
        return project_too_long(options->key);
    }
    if (options->data != NULL) {
        if (snprintf(directory, sizeof(directory), "%s", options->data) >= CLI_PATH_MAX || directory[0] == 0) {
            return cli_error(2, "invalid value for --data: empty or too long");
        }
        if (project_join(path, directory, PROJECT_FILE) &&
            access(path, F_OK) == 0) { /* the project's directory will do as well */
            snprintf(place->project, sizeof(place->project), "%s", directory);
        } else {
            snprintf(place->data, sizeof(place->data), "%s", directory);
        }
        return 0;
    }
    if (getcwd(directory, sizeof(directory)) == NULL) {
        return cli_error(1, "cannot tell the working directory: %s", strerror(errno));
    }
    for (;;) {
        if (!project_join(path, directory, PROJECT_FILE)) {
            return project_too_long(directory);
        }
        if (access(path, F_OK) == 0) {
            snprintf(place->project, sizeof(place->project), "%s", directory);
            return 0;
        }
        char *slash = strrchr(directory, '/');
        if (slash == NULL || directory[1] == 0) {
            break;
        }
        slash[slash == directory ? 1 : 0] = 0;
    }
    cli_error(6, "no database: there is no %s here or above", PROJECT_FILE);
    fprintf(stderr, "Hint: \"kimberlite init DIR\" makes a project; --data DIR names a database.\n");
    return 6;
}

int cli_find(const struct cli_options *options, struct cli_place *place) {
    char project[CLI_PATH_MAX];
    int code = project_find(options, place);
    if (code != 0) {
        return code;
    }
    snprintf(project, sizeof(project), "%s", place->project);
    return project[0] != 0 ? project_use(options, project, place) : place_sizes(options, place);
}

int project_check_directory(const struct cli_options *options) {
    const char *server = getenv("KIMBERLITE_SERVER");
    if (options->data == NULL && server != NULL && server[0] != 0) {
        cli_error(2, "%s is not done over a connection: it works on the directory of a database", options->verb);
        fprintf(stderr, "Hint: KIMBERLITE_SERVER names a server; --data DIR names a directory.\n");
        return 2;
    }
    return 0;
}

int cli_find_directory(const struct cli_options *options, struct cli_place *place) {
    int code = project_check_directory(options);
    return code == 0 ? cli_find(options, place) : code;
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

void cli_place_text(const struct cli_options *options, const struct cli_place *place, char text[300]) {
    if (options->server == NULL) {
        snprintf(text, 300, "%.299s", place->data);
        return;
    }
    const char *start = strstr(options->server, "://");
    const char *user = strrchr(options->server, '@');
    start = user != NULL ? user + 1 : start != NULL ? start + 3 : options->server;
    snprintf(text, 300, "%.*s", (int)strcspn(start, "?"), start);
}

static enum kmb_status connect_server(const struct cli_options *options, kmb_db **db, struct kmb_error *error) {
    enum kmb_status status = options->accept_clock
                                 ? error_set(error, KMB_UNSUPPORTED, "--accept-clock is of the server, where it starts")
                                 : KMB_OK;
    return status == KMB_OK ? kmb_connect(options->server, NULL, db, error) : status;
}

static enum kmb_status open_place(const struct cli_options *options, unsigned flags, const struct cli_place *place,
                                  kmb_db **db, struct kmb_error *error) {
    char command[32];
    snprintf(command, sizeof(command), "kimberlite %s", options->verb);
    struct kmb_options open = {
        .size = sizeof(open),
        .flags = flags | (options->accept_clock ? (unsigned)KMB_OPEN_ACCEPT_CLOCK : 0),
        .key_file = place->key_file[0] == 0 ? NULL : place->key_file,
        .key_directory = place->key_directory[0] == 0 ? NULL : place->key_directory,
        .cache_bytes = place->cache_bytes,
        .statement_bytes = place->statement_bytes,
        .segment_bytes = (flags & KMB_OPEN_CREATE) != 0 ? place->segment_bytes : 0,
        .command = command,
        .passphrase = place->passphrase[0] == 0 ? NULL : place->passphrase,
    };
    return kmb_open(place->data, &open, db, error);
}

/* As psql does. */
static void tell_notice(void *context, const struct kmb_error *notice) {
    (void)context;
    fflush(stdout);
    fprintf(stderr, "%s:  %s\n", notice_severity(notice->status), notice->message);
    if (notice->detail[0] != 0) {
        fprintf(stderr, "DETAIL:  %s\n", notice->detail);
    }
    if (notice->hint[0] != 0) {
        fprintf(stderr, "HINT:  %s\n", notice->hint);
    }
}

int cli_open(const struct cli_options *options, unsigned flags, struct cli_place *place, kmb_db **db,
             kmb_session **session) {
    struct kmb_error error = {0};
    *db = NULL;
    if (session != NULL) {
        *session = NULL;
    }
    if (options->server == NULL && place->data[0] == 0) {
        int code = cli_find(options, place);
        if (code != 0) {
            return code;
        }
    }
    enum kmb_status status =
        options->server != NULL ? connect_server(options, db, &error) : open_place(options, flags, place, db, &error);
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    if (session != NULL && kmb_session_open(*db, options->tenant, session, &error) != KMB_OK) {
        int code = cli_fail(&error, NULL, 0, NULL);
        kmb_close(*db, NULL);
        *db = NULL;
        return code;
    }
    if (session != NULL && !options->quiet) {
        kmb_session_notices(*session, tell_notice, NULL);
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
