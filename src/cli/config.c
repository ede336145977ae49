/* kimberlite config: the settings as they are after all layers, with where each came from; one changed; all checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/output.h"
#include "cli/project.h"
#include "server/server.h"
#include "server/toml.h"

/* The project's directory; "" without one, where `config show` shows what holds anywhere. */
static int find(const struct cli_options *options, struct cli_place *place, bool required) {
    char path[CLI_PATH_MAX];
    char directory[CLI_PATH_MAX];
    *place = (struct cli_place){0};
    if (options->data != NULL) {
        if (!project_join(path, options->data, PROJECT_FILE)) {
            return project_too_long(options->data);
        }
        if (access(path, F_OK) == 0) {
            snprintf(place->project, sizeof(place->project), "%s", options->data);
            return 0;
        }
        return required ? cli_error(6, "no project: there is no %s", path) : 0;
    }
    if (getcwd(directory, sizeof(directory)) == NULL) {
        return cli_error(1, "cannot tell the working directory: %s", strerror(errno));
    }
    for (;;) {
        if (project_join(path, directory, PROJECT_FILE) && access(path, F_OK) == 0) {
            snprintf(place->project, sizeof(place->project), "%s", directory);
            return 0;
        }
        char *slash = strrchr(directory, '/');
        if (slash == NULL || directory[1] == 0) {
            return required ? cli_error(6, "no project: there is no " PROJECT_FILE " here or above") : 0;
        }
        slash[slash == directory ? 1 : 0] = 0;
    }
}

static int unknown(const char *key) {
    struct kmb_error error = {0};
    settings_unknown(slice_text(key), &error);
    cli_fail(&error, NULL, 0, "invalid");
    return 2;
}

/* --- show --------------------------------------------------------------------------------------------------------- */

static void source_text(const struct settings *settings, const struct settings_row *setting, struct buffer *out) {
    const struct setting_place *place = settings_place_of(settings, setting);
    if (place->source == SETTING_DEFAULT) {
        buffer_append_text(out, "default");
    } else if (place->line != 0) {
        buffer_printf(out, "%s:%u", place->name, place->line);
    } else {
        buffer_append_text(out, place->name);
    }
}

static void show_toml(const struct settings *settings, const char *only) {
    const char *section = "";
    size_t length = 0;
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        struct buffer value = {0};
        if (only != NULL && strcmp(only, setting->key) != 0) {
            continue;
        }
        if (length == 0 || strncmp(setting->key, section, length) != 0) {
            printf("%s[%.*s]\n", length == 0 ? "" : "\n", (int)(strchr(setting->key, '.') - setting->key),
                   setting->key);
            section = setting->key;
            length = (size_t)(strchr(section, '.') - section) + 1;
        }
        settings_toml(settings, setting, &value);
        const char *text = buffer_text(&value);
        /* a secret's place holder is no value: it must not be read back */
        printf("%s%s = %s\n", (setting->flags & SETTING_SECRET) != 0 ? "# " : "", strchr(setting->key, '.') + 1,
               text == NULL ? "" : text);
        buffer_free(&value);
    }
}

static int show_table(const struct cli_options *options, const struct settings *settings, const char *only) {
    static const char *const names[] = {"key", "value", "from"};
    struct output output;
    struct buffer texts[2] = {{0}, {0}};
    size_t count = settings_rows();
    const char **cells = calloc(count * 3, sizeof(*cells));
    char *kept[2] = {NULL, NULL};
    size_t rows = 0;
    int code = cells == NULL ? cli_error(1, "out of memory") : 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const struct settings_row *setting = settings_row_at(i);
        if (only != NULL && strcmp(only, setting->key) != 0) {
            continue;
        }
        buffer_clear(&texts[0]);
        buffer_clear(&texts[1]);
        settings_text(settings, setting, &texts[0]);
        source_text(settings, setting, &texts[1]);
        for (size_t j = 0; j < 2; j++) {
            const char *text = buffer_text(&texts[j]);
            kept[j] = text == NULL ? NULL : strdup(text);
        }
        cells[rows * 3] = setting->key;
        cells[rows * 3 + 1] = kept[0];
        cells[rows * 3 + 2] = kept[1];
        rows++;
        code = kept[0] == NULL || kept[1] == NULL ? cli_error(1, "out of memory") : 0;
    }
    if (code == 0) {
        output_init(&output, options, CLI_TABLE);
        if (options->config_format != NULL) {
            output.format = strcmp(options->config_format, "json") == 0 ? CLI_JSON : CLI_TABLE;
        }
        output_table(&output, names, cells, "ttt", rows);
    }
    for (size_t i = 0; cells != NULL && i < rows; i++) {
        free((void *)(uintptr_t)cells[i * 3 + 1]);
        free((void *)(uintptr_t)cells[i * 3 + 2]);
    }
    free(cells);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
    return code;
}

static int show_settings(const struct cli_options *options, const char *project, const char *only) {
    const char *format = options->config_format;
    struct settings settings;
    int code = cli_settings(options, project, &settings);
    if (code != 0) {
        return code;
    }
    if (format != NULL && strcmp(format, "toml") == 0) {
        show_toml(&settings, only);
    } else {
        code = show_table(options, &settings, only);
    }
    settings_free(&settings);
    return code;
}

static int show(const struct cli_options *options, const char *project) {
    const char *format = options->config_format;
    const char *only = NULL;
    if (format != NULL && strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "toml") != 0) {
        return cli_error(2, "invalid value \"%s\" for --format: text, json or toml", format);
    }
    if (options->argument_count > 2) {
        return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite config show [KEY]", options->arguments[2]);
    }
    if (options->argument_count == 2) {
        const struct settings_row *setting = settings_find(slice_text(options->arguments[1]));
        if (setting == NULL) {
            return unknown(options->arguments[1]);
        }
        only = setting->key;
    }
    return show_settings(options, project, only);
}

/* --- set ---------------------------------------------------------------------------------------------------------- */

static int set(const struct cli_options *options, const char *project) {
    struct io io = io_posix();
    char path[CLI_PATH_MAX];
    struct kmb_error error = {0};
    struct buffer old = {0};
    struct buffer edited = {0};
    if (options->argument_count != 3) {
        return cli_error(2, "a key and a value are required: kimberlite config set KEY VALUE");
    }
    const struct settings_row *setting = settings_find(slice_text(options->arguments[1]));
    if (setting == NULL) {
        return unknown(options->arguments[1]);
    }
    if (!project_join(path, project, PROJECT_FILE)) {
        return project_too_long(project);
    }
    enum kmb_status status = io_read_file(&io, path, TOML_BYTES_MAX, &old, &error);
    if (status == KMB_OK) {
        status = settings_edit(buffer_slice(&old), setting, options->arguments[2], &edited, &error);
    }
    if (status == KMB_OK) {
        status = io_replace_file(&io, path, 0, buffer_slice(&edited), &error);
    }
    buffer_free(&old);
    buffer_free(&edited);
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, path);
    }
    cli_note(options,
             (setting->flags & SETTING_RELOADS) != 0
                 ? "%s is set in %s; a running server takes it on SIGHUP, or when it starts again"
                 : "%s is set in %s; a running server takes it when it starts again",
             setting->key, path);
    return 0;
}

/* --- validate ----------------------------------------------------------------------------------------------------- */

static int validate(const struct cli_options *options, const char *project) {
    struct settings settings;
    struct kmb_error error = {0};
    int code = cli_settings(options, project, &settings);
    if (code != 0) {
        return code;
    }
    if (settings_check(&settings, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
    }
    for (size_t i = 0; code == 0 && i < settings_rows(); i++) {
        /* files that a server would miss only when it starts */
        static const char *const files[] = {"tls.cert", "tls.key", "tls.ca", "jwt.keys", "storage.key"};
        const struct settings_row *setting = settings_row_at(i);
        for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
            struct buffer value = {0};
            settings_text(&settings, setting, &value);
            const char *path = buffer_text(&value);
            if (strcmp(setting->key, files[j]) == 0 && path != NULL && path[0] != 0 && access(path, R_OK) != 0) {
                code = cli_error(1, "%s: cannot read %s: %s", setting->key, path, strerror(errno));
            }
            buffer_free(&value);
        }
    }
    if (code == 0 && server_check(&settings, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, NULL);
    }
    settings_free(&settings);
    if (code == 0 && options->format_given && options->format != CLI_TABLE) {
        puts("{\"valid\":true}");
    } else if (code == 0) {
        puts("valid");
    }
    return code;
}

/* --- reference ---------------------------------------------------------------------------------------------------- */

/* A cell of a Markdown table. */
static void print_cell(const char *text) {
    for (; *text != 0; text++) {
        printf(*text == '|' ? "\\|" : "%c", *text);
    }
}

#define REFERENCE_COLUMNS 7

/* The same for programs: a row for each setting. */
static int reference_rows(const struct cli_options *options) {
    static const char *const titles[] = {"key", "default", "value", "option", "variable", "restart", "meaning"};
    const size_t rows = settings_rows();
    const char **cells = calloc(rows * REFERENCE_COLUMNS, sizeof(*cells));
    char(*variables)[SETTING_VARIABLE_SIZE] = calloc(rows, sizeof(*variables));
    struct buffer *wanted = calloc(rows, sizeof(*wanted));
    int code = cells == NULL || variables == NULL || wanted == NULL ? cli_error(1, "out of memory") : 0;
    for (size_t i = 0; code == 0 && i < rows; i++) {
        const struct settings_row *setting = settings_row_at(i);
        const char **row = &cells[i * REFERENCE_COLUMNS];
        settings_variable(setting, variables[i]);
        settings_wanted(setting, &wanted[i]);
        const char *value = buffer_text(&wanted[i]);
        row[0] = setting->key;
        row[1] = setting->initial;
        row[2] = value == NULL ? "" : value;
        row[3] = setting->option == NULL ? "" : setting->option;
        row[4] = variables[i];
        row[5] = (setting->flags & SETTING_RELOADS) != 0 ? "no" : "yes";
        row[6] = setting->meaning;
    }
    if (code == 0) {
        struct output output;
        output_init(&output, options, CLI_JSON);
        output_table(&output, titles, cells, "ttttttt", rows);
    }
    for (size_t i = 0; wanted != NULL && i < rows; i++) {
        buffer_free(&wanted[i]);
    }
    free(wanted);
    free(variables);
    free(cells);
    return code;
}

/* The table as Markdown: docs/reference/configuration.md holds it. */
static int reference(void) {
    const char *section = "";
    size_t length = 0;
    for (size_t i = 0; i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        struct buffer wanted = {0};
        char variable[SETTING_VARIABLE_SIZE];
        if (length == 0 || strncmp(setting->key, section, length) != 0) {
            section = setting->key;
            length = (size_t)(strchr(section, '.') - section) + 1;
            printf("%s## %.*s\n\n| key | default | value | option | meaning |\n|---|---|---|---|---|\n",
                   i == 0 ? "" : "\n", (int)length - 1, section);
        }
        settings_variable(setting, variable);
        settings_wanted(setting, &wanted);
        const char *text = buffer_text(&wanted);
        printf("| `%s` | %s%s%s | ", setting->key, setting->initial[0] == 0 ? "" : "`", setting->initial,
               setting->initial[0] == 0 ? "" : "`");
        print_cell(text == NULL ? "" : text);
        printf(" | %s%s%s | ", setting->option == NULL ? "" : "`", setting->option == NULL ? "" : setting->option,
               setting->option == NULL ? "" : "`");
        print_cell(setting->meaning);
        if (setting->variable != NULL) {
            printf(" Also `%s`.", setting->variable);
        }
        if (setting->alias != NULL) {
            printf(" Also written `%s`.", setting->alias);
        }
        puts((setting->flags & SETTING_RELOADS) != 0 ? " |" : " A change needs a restart. |");
        buffer_free(&wanted);
    }
    return 0;
}

int cli_check_settings(const struct cli_options *options, bool shows) {
    struct cli_place place;
    int code = find(options, &place, false);
    const char *project = place.project[0] == 0 ? NULL : place.project;
    return code != 0 ? code : shows ? show_settings(options, project, NULL) : validate(options, project);
}

int cli_config(const struct cli_options *options) {
    struct cli_place place;
    const char *action = options->arguments[0];
    bool shows = strcmp(action, "show") == 0;
    if (strcmp(action, "reference") == 0 && options->argument_count == 1) {
        bool rows = options->format_given && options->format != CLI_TABLE;
        return rows || (options->config_format != NULL && strcmp(options->config_format, "json") == 0)
                   ? reference_rows(options)
                   : reference();
    }
    if (!shows && strcmp(action, "set") != 0 && strcmp(action, "validate") != 0) {
        return cli_error(
            2,
            "unrecognized argument \"%s\"; usage: kimberlite config show [KEY] | set KEY VALUE | validate | reference",
            action);
    }
    if (strcmp(action, "validate") == 0 && options->argument_count != 1) {
        return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite config validate", options->arguments[1]);
    }
    int code = find(options, &place, !shows);
    if (code != 0) {
        return code;
    }
    const char *project = place.project[0] == 0 ? NULL : place.project;
    return shows                        ? show(options, project)
           : strcmp(action, "set") == 0 ? set(options, project)
                                        : validate(options, project);
}
