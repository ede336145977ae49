/*
 * A backup that stands on a broken one restores nothing, and nobody would know before the day that it is needed. So a
 * base is taken only with its whole chain: every MANIFEST is read (and authentic, where it is encrypted), its pieces
 * make up the log without a gap, each file has the size that the log says, and those of keys have their hash. The bytes
 * of the log are not read again, or each backup would cost as much as all before it: `backup verify` does that.
 *
 * A broken chain is told and left: the new backup has everything.
 */
#include "cli/backup_base.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "cli/project.h"
#include "log/keystore.h"

/* --- whole? ------------------------------------------------------------------------------------------------------- */

struct chain_check {
    const struct backup_base_search *search;
    const struct backup *newest;
    uint64_t log_bytes;    /* of the log, up to the newest backup's end */
    uint64_t backup_bytes; /* of it in the chain */
};

static enum kmb_status broken(const struct backup *backup, const char *path, const char *why, struct kmb_error *error) {
    return error_set(error, KMB_CORRUPT, "%s: %s is not what it was: %s", backup->name, path, why);
}

/* Where a backup that ended with `extent` ended in a segment: a segment before its last one never grows again. */
static enum kmb_status segment_end(const struct backup_base_search *search, uint64_t segment,
                                   const struct log_extent *extent, uint64_t *end, struct kmb_error *error) {
    char name[BACKUP_FILE_SIZE];
    char path[CLI_PATH_MAX];
    struct stat found;
    *end = extent->end;
    if (segment == extent->place.segment) {
        return KMB_OK;
    }
    snprintf(name, sizeof(name), "%016" PRIx64 ".seg", segment);
    if (segment > extent->place.segment || !project_join(path, search->log_dir, name) || stat(path, &found) != 0) {
        return error_set(error, KMB_CORRUPT, "the log has no %s", name);
    }
    *end = (uint64_t)found.st_size;
    return KMB_OK;
}

/* Bytes of a file that holds so many, as they are stored. */
static uint64_t stored_size(const struct backup *backup, uint64_t bytes) {
    uint64_t pieces = bytes == 0 ? 1 : (bytes + BACKUP_PIECE - 1) / BACKUP_PIECE;
    return backup->seal.sealed ? bytes + pieces * BACKUP_PIECE_MORE : bytes;
}

static enum kmb_status check_segment(struct chain_check *check, const struct backup *backup,
                                     const struct backup_file *file, struct kmb_error *error) {
    uint64_t end = 0;
    char path[CLI_PATH_MAX];
    struct stat found;
    enum kmb_status status = segment_end(check->search, file->segment, &backup->extent, &end, error);
    if (status != KMB_OK || end <= file->from) {
        return broken(backup, file->path, "the log does not have these bytes", error);
    }
    if (!project_join(path, backup->directory, file->path) || stat(path, &found) != 0) {
        return broken(backup, file->path, "it can not be read", error);
    }
    if ((uint64_t)found.st_size != stored_size(backup, end - file->from)) {
        return broken(backup, file->path, "its size is another", error);
    }
    check->backup_bytes += end - file->from;
    return KMB_OK;
}

static enum kmb_status check_backup(struct chain_check *check, const struct backup *backup, struct kmb_error *error) {
    enum kmb_status status = backup_find(backup, KEYSTORE_FILE) == NULL
                                 ? broken(backup, BACKUP_MANIFEST, "it names no " KEYSTORE_FILE, error)
                                 : KMB_OK;
    for (size_t i = 0; status == KMB_OK && i < backup->file_count; i++) {
        const struct backup_file *file = &backup->files[i];
        status = file->segment != 0 ? check_segment(check, backup, file, error)
                                    : backup_check_file(check->search->copier, backup, file, error);
    }
    return status;
}

/* One name of the log's directory: a segment counts up to where the newest backup ended. */
static enum kmb_status count_segment(void *context, const char *name, bool directory) {
    struct chain_check *check = context;
    const struct log_extent *extent = &check->newest->extent;
    uint64_t segment = 0, end = 0;
    if (directory || !backup_segment_of(name, &segment) || segment > extent->place.segment) {
        return KMB_OK;
    }
    enum kmb_status status = segment_end(check->search, segment, extent, &end, NULL);
    check->log_bytes += end;
    return status;
}

/* Opens what the secret opens of it; below the newest another key may be needed for a restore, and is not an error. */
static enum kmb_status unseal(const struct backup_base_search *search, struct backup_chain *chain,
                              struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (size_t i = chain->count; status == KMB_OK && i > 0; i--) {
        struct backup *backup = &chain->backups[i - 1];
        status = backup_unseal(backup, search->secret, error);
        if (status == KMB_CORRUPT) {
            status = broken(backup, BACKUP_MANIFEST, "its authentication is another", error);
        } else if (status == KMB_WRONG_KEY && !backup->seal.sealed) {
            status = broken(backup, BACKUP_MANIFEST, "it is not encrypted", error);
        } else if (status == KMB_WRONG_KEY && i < chain->count) {
            status = KMB_OK;
        }
    }
    return status;
}

static enum kmb_status check_chain(const struct backup_base_search *search, const char *path, struct kmb_error *error) {
    struct backup_chain chain = {0};
    enum kmb_status status = backup_chain_load(path, &chain, error);
    if (status != KMB_OK) {
        return status;
    }
    struct chain_check check = {.search = search, .newest = &chain.backups[chain.count - 1]};
    status = unseal(search, &chain, error);
    for (size_t i = 0; status == KMB_OK && i < chain.count; i++) {
        status = check_backup(&check, &chain.backups[i], error);
    }
    if (status == KMB_OK) {
        status = io_list(&search->copier->io, search->log_dir, count_segment, &check, error);
    }
    if (status == KMB_OK && check.log_bytes != check.backup_bytes) {
        status = broken(check.newest, BACKUP_MANIFEST, "with what it stands on it is not the whole log", error);
    }
    backup_chain_free(&chain);
    return status;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* Whether what has come since a backup can be put on top of it: the log still has the block that it ended with. */
static bool is_base(const struct backup_base_search *search, const struct backup *base) {
    struct log_extent there;
    return base->seal.sealed == (search->secret != NULL) && base->extent.place.op <= search->now->place.op &&
           log_cut_find(&search->copier->io, search->log_dir, search->identity, base->extent.place.op, NULL, &there,
                        NULL) == KMB_OK &&
           hash256_equal(&there.place.hash, &base->extent.place.hash) &&
           there.place.segment == base->extent.place.segment && there.end == base->extent.end;
}

/* No encryption is forgotten: an encrypted backup of this log makes every later one need a key. */
static int check_sealed(const struct backup_base_search *search, const struct backup *backup) {
    struct kmb_error error = {0};
    if (!backup->seal.sealed || search->secret != NULL) {
        return 0;
    }
    error_set(&error, KMB_NO_KEY, "the backups of this log in %s are encrypted, and no key was given",
              search->directory);
    error_hint(&error, "Give --backup-key FILE or --backup-passphrase-file FILE, or another directory.");
    return cli_fail(&error, NULL, 0, "backup");
}

/* What one backup of the directory is to the new one. *full: it must stand on none, since a newer one is broken. */
static int try_base(const struct backup_base_search *search, const char *path, struct backup *base, bool *full,
                    bool *found) {
    const struct cli_options *options = search->copier->options;
    const char *name = strrchr(path, '/') + 1;
    struct kmb_error error = {0};
    enum kmb_status status = backup_load(path, base, &error);
    if (status == KMB_OK) {
        int code = strcmp(base->uuid, search->uuid) != 0 ? 0 : check_sealed(search, base);
        if (code != 0 || *full || strcmp(base->uuid, search->uuid) != 0 || !is_base(search, base)) {
            return code;
        }
        status = check_chain(search, path, &error);
    }
    if (status == KMB_OK) {
        status = backup_unseal(base, search->secret, &error);
    }
    if (status == KMB_WRONG_KEY || status == KMB_NO_MEMORY) {
        int code = cli_fail(&error, NULL, 0, name);
        cli_note(options, "With --full the new backup does not stand on that one.");
        return code;
    }
    if (status != KMB_OK) {
        cli_warning(*full ? "%s can not be restored: %s" : "%s can not be built upon: %s", name, error.message);
        *full = true;
        return 0;
    }
    *found = !options->with_root_key || backup_find(base, BACKUP_ROOT_KEY) != NULL ||
             base->extent.place.op != search->now->place.op;
    return 0;
}

int backup_base_find(const struct backup_base_search *search, struct backup *base, bool *found) {
    bool asked = search->copier->options->full;
    bool full = asked;
    char **names = NULL;
    size_t count = 0;
    int code = backup_names(search->directory, &names, &count);
    *found = false;
    for (size_t i = count; code == 0 && i > 0 && !*found; i--) {
        char path[CLI_PATH_MAX];
        if (!project_join(path, search->directory, names[i - 1])) {
            code = project_too_long(search->directory);
            break;
        }
        code = try_base(search, path, base, &full, found);
        if (!*found) {
            backup_free(base);
        }
    }
    backup_names_free(names, count);
    if (code == 0 && full && !asked) {
        cli_note(search->copier->options, "The new backup stands on none: it has everything.");
    }
    return code;
}
