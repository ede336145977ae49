/*
 * Which backups of a directory are needed: those younger than so many days, the newest of each log, and all that these
 * stand on. The others go, the newest first, so that whatever stops it leaves whole chains behind; and each under a
 * name that no reader takes for a backup before its first file does.
 */
#include "cli/backup_prune.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/backup_partial.h"
#include "cli/backup_set.h"
#include "cli/output.h"
#include "cli/project.h"

struct prune {
    const struct cli_options *options;
    const char *directory;
    struct backup *backups; /* in order of their names */
    bool *needed;
    size_t count;
};

static int read_all(struct prune *prune) {
    char **names = NULL;
    size_t count = 0;
    int code = backup_names(prune->directory, &names, &count);
    prune->backups = calloc(count + 1, sizeof(*prune->backups));
    prune->needed = calloc(count + 1, sizeof(*prune->needed));
    code = code == 0 && (prune->backups == NULL || prune->needed == NULL) ? cli_error(1, "out of memory") : code;
    for (size_t i = 0; code == 0 && i < count; i++) {
        char path[CLI_PATH_MAX];
        struct kmb_error error = {0};
        if (!project_join(path, prune->directory, names[i])) {
            code = project_too_long(prune->directory);
        } else if (backup_load(path, &prune->backups[prune->count], &error) == KMB_OK) {
            prune->count++;
        } else { /* nobody can tell what it is, so it is nothing to remove; the others are no worse for it */
            cli_warning("%s is left as it is: %s", names[i], error.message);
        }
    }
    backup_names_free(names, count);
    return code;
}

static bool is_newest(const struct prune *prune, size_t at) {
    const struct backup *backup = &prune->backups[at];
    for (size_t i = 0; i < prune->count; i++) {
        const struct backup *other = &prune->backups[i];
        bool later = other->extent.place.op > backup->extent.place.op ||
                     (other->extent.place.op == backup->extent.place.op && i > at);
        if (strcmp(other->uuid, backup->uuid) == 0 && later) {
            return false;
        }
    }
    return true;
}

static void mark_needed(struct prune *prune) {
    int64_t bound = (int64_t)time(NULL) - (int64_t)prune->options->days * 86400;
    bool more = true;
    for (size_t i = 0; i < prune->count; i++) {
        int64_t created = backup_created(&prune->backups[i]);
        prune->needed[i] = created == 0 || created >= bound || is_newest(prune, i);
    }
    while (more) { /* a round for each backup on top of another, at most */
        more = false;
        for (size_t i = 0; i < prune->count; i++) {
            for (size_t j = 0; prune->needed[i] && j < prune->count; j++) {
                if (!prune->needed[j] && strcmp(prune->backups[i].base, prune->backups[j].name) == 0) {
                    prune->needed[j] = true;
                    more = true;
                }
            }
        }
    }
}

static int remove_backup(const struct prune *prune, const struct backup *backup) {
    struct io io = io_posix();
    struct kmb_error error = {0};
    char hidden[BACKUP_NAME_SIZE + 16];
    char path[CLI_PATH_MAX];
    snprintf(hidden, sizeof(hidden), BACKUP_REMOVED "%s", backup->name);
    if (!project_join(path, prune->directory, hidden)) {
        return project_too_long(prune->directory);
    }
    enum kmb_status status = io_rename(&io, backup->directory, path, &error);
    if (status == KMB_OK) {
        status = io_sync_directory(&io, prune->directory, &error);
    }
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, "backup");
    }
    project_remove_tree(&io, path);
    return 0;
}

/* Removes what nobody needs, and lists it. */
static int remove_others(const struct prune *prune) {
    static const char *const titles[] = {"removed", "created"};
    const char **cells = calloc(2 * prune->count + 1, sizeof(*cells));
    struct output output;
    size_t rows = 0;
    int code = cells == NULL ? cli_error(1, "out of memory") : 0;
    for (size_t i = prune->count; code == 0 && i > 0; i--) {
        if (prune->needed[i - 1]) {
            continue;
        }
        const struct backup *backup = &prune->backups[i - 1];
        code = prune->options->dry_run ? 0 : remove_backup(prune, backup);
        if (code == 0) {
            cells[2 * rows] = backup->name;
            cells[2 * rows + 1] = backup->created;
            rows++;
        }
    }
    if (cells != NULL) {
        output_init(&output, prune->options, CLI_TABLE);
        output_table(&output, titles, cells, "tt", rows);
        cli_note(prune->options, prune->options->dry_run ? "%zu would go, %zu stay" : "%zu removed, %zu stay", rows,
                 prune->count - rows);
    }
    free(cells);
    return code;
}

int backup_prune(const struct cli_options *options) {
    struct prune prune = {.options = options,
                          .directory = options->argument_count > 1 ? options->arguments[1] : BACKUP_DIRECTORY};
    if (options->days == 0) {
        return cli_error(2,
                         "--days is required: kimberlite backup prune [DIR] --days N keeps those of the last N days");
    }
    int code = read_all(&prune);
    if (code == 0 && !options->dry_run) {
        backup_partial_sweep(options, prune.directory);
    }
    if (code == 0) {
        mark_needed(&prune);
        code = remove_others(&prune);
    }
    for (size_t i = 0; prune.backups != NULL && i < prune.count; i++) {
        backup_free(&prune.backups[i]);
    }
    free(prune.backups);
    free(prune.needed);
    return code;
}
