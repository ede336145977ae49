/*
 * kimberlite backup: copies of a log while it is written, and databases made from them.
 *
 * create reads how far the log is durable, then copies the bytes of each segment up to there: they never change again,
 * so the copy is what the log was at that moment, whatever is written meanwhile. With an earlier backup of the same log
 * in the directory only what has come since is copied, where that one can be stood on (backup_base.h). The wrapped keys
 * are copied last: a key is durable before the entry that uses it.
 *
 * restore puts the pieces together beside the target, ends the log at the moment or position asked for, proves it
 * whole, and only then gives it its name.
 *
 * A directory has either encrypted backups of a log or plain ones: a plain one never stands on, or silently follows, an
 * encrypted one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "cli/backup_base.h"
#include "cli/backup_copy.h"
#include "cli/backup_partial.h"
#include "cli/backup_prune.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/project.h"
#include "log/keystore.h"
#include "types/datetime.h"

static int tell(const struct kmb_error *error, const char *where) {
    return cli_fail(error, NULL, 0, where);
}

#define NAMES_A_SECOND 1000

/* --- create ------------------------------------------------------------------------------------------------------- */

/* Where the log ends now, durably; works beside its writer. */
static enum kmb_status find_end(const struct io *io, const char *log_dir, struct log_identity *identity,
                                struct log_extent *extent, struct kmb_error *error) {
    struct log_options options = {.read_only = true, .live = true};
    struct log *log = NULL;
    enum kmb_status status = log_open(io, log_dir, &options, NULL, &log, error);
    if (status != KMB_OK) {
        return status;
    }
    uint64_t op = log_head(log).op;
    *identity = *log_identity_of(log);
    log_abandon(log);
    return log_cut_find(io, log_dir, identity, op, NULL, extent, error);
}

struct segment_walk {
    struct backup_copier *copier;
    struct backup *backup;
    const char *log_dir;
    uint64_t from_segment; /* of the base's end */
    uint64_t from_offset;
    struct kmb_error *error;
};

/* One name of the log's directory: a segment with anything new in it is copied. */
static enum kmb_status copy_segment(void *context, const char *name, bool directory) {
    struct segment_walk *walk = context;
    struct backup *backup = walk->backup;
    uint64_t segment = 0;
    char source[CLI_PATH_MAX];
    if (directory || !backup_segment_of(name, &segment)) {
        return KMB_OK;
    }
    uint64_t from = segment == walk->from_segment ? walk->from_offset : 0;
    uint64_t to = segment == backup->extent.place.segment ? backup->extent.end : UINT64_MAX;
    if (segment < walk->from_segment || segment > backup->extent.place.segment || from == to) {
        return KMB_OK;
    }
    struct backup_file file = {.segment = segment, .from = from};
    if (from == 0) {
        snprintf(file.path, sizeof(file.path), "log/%016" PRIx64 ".seg", segment);
    } else {
        snprintf(file.path, sizeof(file.path), "log/%016" PRIx64 ".seg@%" PRIu64, segment, from);
    }
    return project_join(source, walk->log_dir, name)
               ? backup_copy_in(walk->copier, backup, source, from, to, &file, walk->error)
               : error_set(walk->error, KMB_LIMIT, "a path is too long");
}

/* Everything into backup->directory, which is there and empty. */
static enum kmb_status fill(struct backup_copier *copier, const struct cli_place *place, const char *log_dir,
                            const struct backup *base, struct backup *backup, struct kmb_error *error) {
    static const struct backup_file keys = {.path = KEYSTORE_FILE};
    static const struct backup_file root_key = {.path = BACKUP_ROOT_KEY};
    char path[CLI_PATH_MAX];
    char source[CLI_PATH_MAX];
    struct segment_walk walk = {.copier = copier, .backup = backup, .log_dir = log_dir, .error = error};
    if (base != NULL) {
        walk.from_segment = base->extent.place.segment;
        walk.from_offset = base->extent.end;
    }
    enum kmb_status status =
        !project_join(path, backup->directory, "log") || !project_join(source, place->data, KEYSTORE_FILE)
            ? error_set(error, KMB_LIMIT, "a path is too long")
            : io_make_directory(&copier->io, path, error);
    if (status == KMB_OK) {
        status = io_list(&copier->io, log_dir, copy_segment, &walk, error);
    }
    if (status == KMB_OK) {
        status = io_sync_directory(&copier->io, path, error);
    }
    if (status == KMB_OK) {
        status = backup_copy_in(copier, backup, source, 0, UINT64_MAX, &keys, error);
    }
    if (status == KMB_OK && copier->options->with_root_key) {
        cli_key_path(place, source);
        status = backup_copy_in(copier, backup, source, 0, UINT64_MAX, &root_key, error);
    }
    return status == KMB_OK ? backup_write(backup, error) : status;
}

static void uuid_text(const uint8_t uuid[16], char text[37]) {
    char hex[33];
    codec_hex(hex, uuid, 16);
    snprintf(text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void print_name(struct backup *backup, const char *stamp, unsigned number) {
    snprintf(backup->name, sizeof(backup->name), number == 0 ? "%s" : "%s-%03u", stamp, number);
}

/* When it begins: before the log's end is looked for, so that it has all that the log had then. */
static int begin(struct backup *backup) {
    struct tm moment;
    time_t now = time(NULL);
    if (gmtime_r(&now, &moment) == NULL) {
        return cli_error(1, "cannot tell the time");
    }
    strftime(backup->created, sizeof(backup->created), "%Y-%m-%dT%H:%M:%SZ", &moment);
    return 0;
}

/* A name by that moment that is not taken. */
static int name_it(const char *directory, struct backup *backup) {
    struct tm moment;
    time_t now = (time_t)backup_created(backup);
    char path[CLI_PATH_MAX];
    char stamp[32] = "backup";
    if (gmtime_r(&now, &moment) != NULL) {
        strftime(stamp, sizeof(stamp), "backup-%Y%m%dT%H%M%SZ", &moment);
    }
    unsigned next = 0; /* behind all that are there: names in order are backups in order, also when older ones went */
    for (unsigned i = 0; i < NAMES_A_SECOND; i++) {
        print_name(backup, stamp, i);
        if (!project_join(path, directory, backup->name)) {
            return project_too_long(directory);
        }
        next = access(path, F_OK) == 0 ? i + 1 : next;
    }
    print_name(backup, stamp, next);
    if (next < NAMES_A_SECOND) {
        return 0;
    }
    return cli_error(1, "a thousand backups in one second");
}

/* A backup within what it copies would copy itself. */
static int check_place(const char *directory, const char *data) {
    char inner[CLI_PATH_MAX];
    char outer[CLI_PATH_MAX];
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return cli_error(1, "cannot make directory %s: %s", directory, strerror(errno));
    }
    if (realpath(directory, inner) == NULL || realpath(data, outer) == NULL) {
        return cli_error(6, "cannot read %s: %s", data, strerror(errno));
    }
    size_t length = strlen(outer);
    return strncmp(inner, outer, length) == 0 && (inner[length] == '/' || inner[length] == 0)
               ? cli_error(2, "invalid directory %s: it is within the data directory", directory)
               : 0;
}

static int tell_backup(const struct cli_options *options, const struct backup *backup) {
    static const char *const names[] = {"backup", "base", "encrypted", "op", "files", "bytes"};
    char numbers[3][24];
    struct output output;
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, backup->extent.place.op);
    snprintf(numbers[1], sizeof(numbers[1]), "%zu", backup->file_count);
    snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, backup->bytes);
    const char *facts[] = {backup->directory,
                           backup->base[0] == 0 ? "none" : backup->base,
                           backup->seal.sealed ? "yes" : "no",
                           numbers[0],
                           numbers[1],
                           numbers[2]};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "tttnnn");
    return 0;
}

/* Copies under a name that no reader takes for a backup, checks the copy, gives it its name. */
static int make(struct backup_copier *copier, const char *directory, const struct cli_place *place, const char *log_dir,
                const struct backup *base, struct backup *backup) {
    struct kmb_error error = {0};
    char final[CLI_PATH_MAX];
    char hidden[BACKUP_NAME_SIZE + 16];
    int lock = -1;
    int code = name_it(directory, backup);
    snprintf(hidden, sizeof(hidden), BACKUP_PARTIAL "%s", backup->name);
    if (code != 0 || !project_join(final, directory, backup->name) ||
        !project_join(backup->directory, directory, hidden)) {
        return code != 0 ? code : project_too_long(directory);
    }
    code = backup_partial_make(backup->directory, &lock);
    if (code != 0) {
        return code;
    }
    enum kmb_status status = fill(copier, place, log_dir, base, backup, &error);
    if (status == KMB_OK) {
        code = backup_check(copier, backup);
        status = code == 0 ? io_rename(&copier->io, backup->directory, final, &error) : KMB_OK;
    }
    if (status != KMB_OK || code != 0) {
        project_remove_tree(&copier->io, backup->directory);
    }
    close(lock);
    if (status != KMB_OK || code != 0) {
        return code != 0 ? code : tell(&error, "backup");
    }
    snprintf(backup->directory, sizeof(backup->directory), "%s", final);
    status = io_sync_directory(&copier->io, directory, &error);
    return status == KMB_OK ? 0 : tell(&error, "backup");
}

/* Options that stand against each other. */
static int check_options(const struct cli_options *options, const struct cli_place *place,
                         const struct backup_secret *secret) {
    if (options->with_root_key && secret == NULL) {
        return cli_error(2,
                         "invalid: --with-root-key needs --backup-key or --backup-passphrase-file: a root key is in no "
                         "backup in clear");
    }
    if (options->with_root_key && place->passphrase[0] != 0) {
        return cli_error(2, "invalid: --with-root-key and a passphrase as root key: there is no file to put in");
    }
    return 0;
}

/* Finds what it stands on, makes its key, copies. */
static int create_in(struct backup_copier *copier, const struct cli_place *place, struct backup_secret *secret,
                     const char *directory) {
    struct backup base = {0};
    struct backup backup = {0};
    struct log_identity identity;
    struct kmb_error error = {0};
    char log_dir[CLI_PATH_MAX];
    bool found = false;
    if (!project_join(log_dir, place->data, "log")) {
        return project_too_long(place->data);
    }
    int code = begin(&backup);
    if (code != 0) {
        return code;
    }
    if (find_end(&copier->io, log_dir, &identity, &backup.extent, &error) != KMB_OK) {
        return tell(&error, "backup");
    }
    uuid_text(identity.uuid, backup.uuid);
    const struct backup_base_search search = {.copier = copier,
                                              .secret = secret,
                                              .directory = directory,
                                              .log_dir = log_dir,
                                              .uuid = backup.uuid,
                                              .identity = &identity,
                                              .now = &backup.extent};
    code = check_place(directory, place->data);
    if (code == 0) {
        backup_partial_sweep(copier->options, directory);
    }
    code = code == 0 ? backup_base_find(&search, &base, &found) : code;
    if (code == 0 && found && base.extent.place.op == backup.extent.place.op) {
        cli_progress_end(&copier->progress);
        cli_note(copier->options, "nothing has come since %s", base.name);
        base.bytes = backup_size(&base);
        code = tell_backup(copier->options, &base);
    } else if (code == 0) {
        snprintf(backup.base, sizeof(backup.base), "%s", found ? base.name : "");
        if (secret != NULL &&
            backup_seal_make(secret, found ? &base.seal : NULL, &backup.seal, &backup.keys, &error) != KMB_OK) {
            code = tell(&error, "backup");
        }
        code = code == 0 ? make(copier, directory, place, log_dir, found ? &base : NULL, &backup) : code;
        cli_progress_end(&copier->progress);
        code = code == 0 ? tell_backup(copier->options, &backup) : code;
    }
    backup_free(&base);
    backup_free(&backup);
    return code;
}

static int create(const struct cli_options *options) {
    const char *directory = options->argument_count > 1 ? options->arguments[1] : BACKUP_DIRECTORY;
    struct cli_place place;
    struct backup_copier copier;
    struct backup_secret *secret = NULL;
    int code = cli_find_directory(options, &place);
    code = code == 0 ? backup_secret_read(options, true, &secret) : code;
    code = code == 0 ? check_options(options, &place, secret) : code;
    if (code == 0) {
        code = backup_copier_start(&copier, options, "backup");
        code = code == 0 ? create_in(&copier, &place, secret, directory) : code;
        backup_copier_end(&copier);
    }
    backup_secret_free(secret);
    interrupt_end();
    return code;
}

/* --- restore ------------------------------------------------------------------------------------------------------ */

/* The pieces of all backups into their segments; the newest backup's keys, twice. */
static enum kmb_status assemble(struct backup_copier *copier, const struct backup_chain *chain, const char *target,
                                struct kmb_error *error) {
    enum kmb_status status = KMB_OK;
    for (size_t i = 0; status == KMB_OK && i < chain->count; i++) {
        const struct backup *backup = &chain->backups[i];
        for (size_t j = 0; status == KMB_OK && j < backup->file_count; j++) {
            const struct backup_file *file = &backup->files[j];
            char path[CLI_PATH_MAX];
            char name[BACKUP_FILE_SIZE];
            if (file->segment == 0 && (i + 1 < chain->count || strcmp(file->path, KEYSTORE_FILE) != 0)) {
                continue; /* older keys, or the root key */
            }
            snprintf(name, sizeof(name), file->segment == 0 ? KEYSTORE_FILE : "log/%016" PRIx64 ".seg", file->segment);
            if (!project_join(path, target, name)) {
                return error_set(error, KMB_LIMIT, "a path is too long");
            }
            status = backup_copy_out(copier, backup, file, path, file->from, error);
            if (status == KMB_OK && file->segment == 0 && project_join(path, target, KEYSTORE_COPY)) {
                status = backup_copy_out(copier, backup, file, path, 0, error);
            }
        }
    }
    return status;
}

/* The root key of the newest backup that has one to --key FILE, where that is not there yet. *made: it was written. */
static enum kmb_status put_root_key(struct backup_copier *copier, const struct backup_chain *chain, bool *has,
                                    bool *made, struct kmb_error *error) {
    const struct backup_file *file = NULL;
    const char *path = copier->options->key;
    size_t i = chain->count;
    while (i > 0 && file == NULL) {
        file = backup_find(&chain->backups[--i], BACKUP_ROOT_KEY);
    }
    *has = file != NULL;
    *made = false;
    if (file == NULL || path == NULL || access(path, F_OK) == 0) {
        return KMB_OK;
    }
    *made = true;
    return backup_copy_out(copier, &chain->backups[i], file, path, 0, error);
}

/* A moment, or a position, that a backup ends before is nothing that it can show: it would be taken for what was. */
static enum kmb_status check_time(const struct backup *newest, int64_t time_us, struct kmb_error *error) {
    char reach[DATETIME_TEXT_SIZE];
    int64_t created_us = backup_created(newest) * 1000000;
    int64_t reach_us = created_us > newest->extent.time_us ? created_us : newest->extent.time_us;
    if (time_us <= reach_us) {
        return KMB_OK;
    }
    timestamptz_format(timestamp_of_us(reach_us), time_zone_fixed(0), reach);
    error_set(error, KMB_TIME_IN_FUTURE, "%s reaches %s, and does not know what came later", newest->name, reach);
    error_hint(error, "Restore a later backup, or leave --as-of out for all that this one has.");
    return KMB_TIME_IN_FUTURE;
}

static enum kmb_status check_position(const struct backup *newest, const struct log_bounds *bounds,
                                      const struct log_extent *extent, struct kmb_error *error) {
    if (bounds->tenant == 0 || extent->place.op != newest->extent.place.op ||
        (extent->position != 0 && extent->position >= bounds->position_max)) {
        return KMB_OK;
    }
    if (extent->position == 0) {
        return error_set(error, KMB_TENANT_NOT_FOUND, "%s has nothing of tenant %" PRIu32, newest->name,
                         bounds->tenant);
    }
    error_set(error, KMB_POSITION_AHEAD,
              "position %" PRIu64 " is ahead of %s, which reaches position %" PRIu64 " of tenant %" PRIu32,
              bounds->position_max, newest->name, extent->position, bounds->tenant);
    error_hint(error, "Restore a later backup, or leave --at out for all that this one has.");
    return KMB_POSITION_AHEAD;
}

static int bounds_of(const struct cli_options *options, const struct backup *newest, struct log_bounds *bounds) {
    struct kmb_error error = {0};
    struct timestamp timestamp;
    *bounds = (struct log_bounds){.time_us_max = INT64_MAX, .position_max = UINT64_MAX};
    if (options->at_given) {
        bounds->tenant = options->tenant;
        bounds->position_max = (uint64_t)options->at;
    }
    if (options->as_of != NULL) {
        if (timestamp_parse(slice_text(options->as_of), true, NULL, &timestamp, &error) != KMB_OK) {
            tell(&error, "--as-of");
            return 2;
        }
        bounds->time_us_max = timestamp.us;
        if (check_time(newest, timestamp.us, &error) != KMB_OK) {
            return tell(&error, "--as-of");
        }
    }
    return 0;
}

/* Ends the log in `target` where it was asked to end, and proves it whole. */
static int finish(struct backup_copier *copier, const struct backup *newest, const struct log_bounds *bounds,
                  const char *target, struct log_extent *extent) {
    const struct cli_options *options = copier->options;
    struct log_identity identity;
    struct kmb_error error = {0};
    char log_dir[CLI_PATH_MAX];
    uint64_t segment_bytes = 0;
    bool bounded = options->at_given || options->as_of != NULL;
    if (!project_join(log_dir, target, "log")) {
        return project_too_long(target);
    }
    enum kmb_status status = log_cut_identity(&copier->io, log_dir, &identity, &segment_bytes, &error);
    if (status == KMB_OK) {
        status = log_cut_find(&copier->io, log_dir, &identity, newest->extent.place.op, bounded ? bounds : NULL, extent,
                              &error);
    }
    if (status == KMB_OK && extent->place.op == 0) {
        return cli_error(1, "nothing lies at or before that moment: the backup begins later");
    }
    if (status == KMB_OK && check_position(newest, bounds, extent, &error) != KMB_OK) {
        return tell(&error, "--at");
    }
    if (status == KMB_OK && !bounded && !hash256_equal(&extent->place.hash, &newest->extent.place.hash)) {
        status = error_set(&error, KMB_CORRUPT, "the restored log does not end with the block that the backup names");
    }
    if (status == KMB_OK) {
        status = log_cut_at(&copier->io, log_dir, &identity, segment_bytes, extent, &error);
    }
    struct kmb_verify_options verify = {.size = sizeof(verify), .key_file = options->key, .log_only = true};
    struct kmb_verify_report report = {.size = sizeof(report)};
    if (status == KMB_OK) {
        status = kmb_verify(target, &verify, &report, &error);
    }
    return status == KMB_OK ? 0 : tell(&error, "restore");
}

/* Gives the finished directory its name; with --force what stood there goes away after it. */
static int put_in_place(struct backup_copier *copier, const char *partial, const char *target) {
    struct kmb_error error = {0};
    char old[CLI_PATH_MAX];
    if (snprintf(old, sizeof(old), "%s.replaced-%ld", target, (long)getpid()) >= (int)sizeof(old)) {
        return project_too_long(target);
    }
    bool replaces = access(target, F_OK) == 0;
    enum kmb_status status = replaces ? io_rename(&copier->io, target, old, &error) : KMB_OK;
    if (status == KMB_OK) {
        status = io_rename(&copier->io, partial, target, &error);
        if (status != KMB_OK && replaces) {
            (void)io_rename(&copier->io, old, target, NULL);
        }
    }
    if (status == KMB_OK && replaces) {
        project_remove_tree(&copier->io, old);
    }
    return status == KMB_OK ? 0 : tell(&error, "restore");
}

static enum kmb_status count_entry(void *context, const char *name, bool directory) {
    (void)name;
    (void)directory;
    ++*(size_t *)context;
    return KMB_OK;
}

/* An empty directory may be filled; another needs --force, and must be nobody's at the moment. */
static int check_target(const struct io *io, const struct cli_options *options, const char *target) {
    size_t entries = 0;
    char lock[CLI_PATH_MAX];
    struct io_file *file = NULL;
    struct kmb_error error = {0};
    if (access(target, F_OK) != 0) {
        return 0;
    }
    if (io_list(io, target, count_entry, &entries, &error) != KMB_OK) {
        return tell(&error, target);
    }
    if (entries > 0 && !options->force) {
        return cli_error(1, "%s is not empty; --force replaces it", target);
    }
    if (project_join(lock, target, "LOCK") && access(lock, F_OK) == 0 &&
        io_open(io, lock, IO_WRITE, &file, NULL) == KMB_OK) {
        enum kmb_status status = io_lock(io, file, "restore", &error);
        io_close(io, file);
        if (status == KMB_LOCKED) {
            return tell(&error, target);
        }
    }
    return 0;
}

static int restore_into(struct backup_copier *copier, struct backup_chain *chain, const char *target) {
    struct kmb_error error = {0};
    struct log_extent extent;
    char partial[CLI_PATH_MAX];
    char log_dir[CLI_PATH_MAX];
    const struct backup *newest = &chain->backups[chain->count - 1];
    struct log_bounds bounds;
    bool has_root_key = false, made_root_key = false;
    int code = bounds_of(copier->options, newest, &bounds);
    for (size_t i = 0; code == 0 && i < chain->count; i++) {
        code = backup_check(copier, &chain->backups[i]);
    }
    if (code != 0) {
        return code;
    }
    if (snprintf(partial, sizeof(partial), "%s.partial-%ld", target, (long)getpid()) >= (int)sizeof(partial) - 8 ||
        !project_join(log_dir, partial, "log")) {
        return project_too_long(target);
    }
    if (mkdir(partial, 0700) != 0 || mkdir(log_dir, 0700) != 0) {
        return cli_error(1, "cannot make directory %s: %s", partial, strerror(errno));
    }
    if (assemble(copier, chain, partial, &error) != KMB_OK ||
        put_root_key(copier, chain, &has_root_key, &made_root_key, &error) != KMB_OK) {
        code = tell(&error, "restore");
    }
    code = code == 0 ? finish(copier, newest, &bounds, partial, &extent) : code;
    code = code == 0 ? put_in_place(copier, partial, target) : code;
    if (code != 0) {
        project_remove_tree(&copier->io, partial);
        if (made_root_key) {
            (void)io_unlink(&copier->io, copier->options->key, NULL);
        }
        return code;
    }
    cli_progress_end(&copier->progress);
    static const char *const names[] = {"restored", "log", "op", "time", "position"};
    char moment[DATETIME_TEXT_SIZE];
    char numbers[2][24];
    struct output output;
    timestamptz_format(timestamp_of_us(extent.time_us), time_zone_fixed(0), moment);
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, extent.place.op);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, extent.position);
    const char *facts[] = {target, newest->uuid, numbers[0], moment, numbers[1]};
    output_init(&output, copier->options, CLI_TABLE);
    if (copier->options->at_given) {
        output_facts(&output, names, facts, "ttntn");
    } else {
        output_facts(&output, names, facts, "ttnt");
    }
    if (made_root_key) {
        cli_note(copier->options, "The root key is in %s.", copier->options->key);
    } else if (!has_root_key) {
        cli_note(copier->options, "The root key is not in the backup: open it with --key FILE.");
    } else if (copier->options->key == NULL) {
        cli_note(copier->options, "The root key is in the backup: restore with --key FILE writes it there.");
    } else {
        cli_note(copier->options, "%s is there already, and left as it is.", copier->options->key);
    }
    return 0;
}

/* Reads a backup with its bases, and opens them where they are encrypted; without a secret they stay closed. */
static int read_chain(const char *directory, struct backup_secret *secret, bool open, struct backup_chain *chain) {
    int code = backup_chain_read(directory, chain);
    for (size_t i = 0; code == 0 && open && i < chain->count; i++) {
        code = backup_open(&chain->backups[i], secret);
    }
    return code;
}

static int restore(const struct cli_options *options) {
    struct backup_chain chain = {0};
    struct backup_copier copier;
    struct backup_secret *secret = NULL;
    if (options->argument_count < 2 || options->target == NULL) {
        return cli_error(2, "a backup and --target are required: kimberlite backup restore BACKUP --target DIR");
    }
    int code = backup_secret_read(options, false, &secret);
    if (code != 0) {
        return code;
    }
    code = backup_copier_start(&copier, options, "restore");
    code = code == 0 ? check_target(&copier.io, options, options->target) : code;
    code = code == 0 ? read_chain(options->arguments[1], secret, true, &chain) : code;
    code = code == 0 ? restore_into(&copier, &chain, options->target) : code;
    backup_chain_free(&chain);
    backup_copier_end(&copier);
    backup_secret_free(secret);
    interrupt_end();
    return code;
}

/* --- list and verify ---------------------------------------------------------------------------------------------- */

#define LIST_COLUMNS 7

static int list(const struct cli_options *options) {
    static const char *const titles[] = {"name", "created", "base", "encrypted", "op", "files", "bytes"};
    const char *directory = options->argument_count > 1 ? options->arguments[1] : BACKUP_DIRECTORY;
    struct output output;
    char **names = NULL;
    size_t count = 0, rows = 0;
    int code = backup_names(directory, &names, &count);
    char(*texts)[LIST_COLUMNS][BACKUP_NAME_SIZE] = calloc(count + 1, sizeof(*texts));
    const char **cells = calloc(count * LIST_COLUMNS + 1, sizeof(*cells));
    code = code == 0 && (texts == NULL || cells == NULL) ? cli_error(1, "out of memory") : code;
    for (size_t i = count; code == 0 && i > 0; i--) {
        char path[CLI_PATH_MAX];
        struct backup backup;
        struct kmb_error error = {0};
        if (!project_join(path, directory, names[i - 1])) {
            code = project_too_long(directory);
        } else if (backup_load(path, &backup, &error) != KMB_OK) {
            cli_warning("%s is not listed: %s", names[i - 1], error.message);
        } else {
            char(*row)[BACKUP_NAME_SIZE] = texts[rows++];
            snprintf(row[0], BACKUP_NAME_SIZE, "%s", backup.name);
            snprintf(row[1], BACKUP_NAME_SIZE, "%s", backup.created);
            snprintf(row[2], BACKUP_NAME_SIZE, "%s", backup.base);
            snprintf(row[3], BACKUP_NAME_SIZE, "%s", backup.seal.sealed ? "yes" : "no");
            snprintf(row[4], BACKUP_NAME_SIZE, "%" PRIu64, backup.extent.place.op);
            snprintf(row[5], BACKUP_NAME_SIZE, "%zu", backup.file_count);
            snprintf(row[6], BACKUP_NAME_SIZE, "%" PRIu64, backup_size(&backup));
            backup_free(&backup);
        }
    }
    if (code == 0) {
        for (size_t i = 0; i < rows * LIST_COLUMNS; i++) {
            cells[i] = texts[i / LIST_COLUMNS][i % LIST_COLUMNS];
        }
        output_init(&output, options, CLI_TABLE);
        output_table(&output, titles, cells, "ttttnnn", rows);
    }
    free(cells);
    free(texts);
    backup_names_free(names, count);
    return code;
}

/* Without a secret what is stored is checked against the MANIFEST; with one also that, and that all of it opens. */
static int verify(const struct cli_options *options) {
    struct backup_chain chain = {0};
    struct backup_copier copier;
    struct backup_secret *secret = NULL;
    uint64_t bytes = 0;
    size_t files = 0;
    if (options->argument_count < 2) {
        return cli_error(2, "a backup is required: kimberlite backup verify BACKUP");
    }
    int code = backup_secret_read(options, false, &secret);
    if (code != 0) {
        return code;
    }
    code = backup_copier_start(&copier, options, "verify");
    code = code == 0 ? read_chain(options->arguments[1], secret, secret != NULL, &chain) : code;
    bool sealed = code == 0 && chain.backups[chain.count - 1].seal.sealed;
    for (size_t i = 0; code == 0 && i < chain.count; i++) {
        code = backup_check(&copier, &chain.backups[i]);
        bytes += chain.backups[i].bytes;
        files += chain.backups[i].file_count;
    }
    backup_copier_end(&copier);
    if (code == 0 && options->format_given && options->format != CLI_TABLE) {
        printf("{\"whole\":true,\"backups\":%zu,\"files\":%zu,\"bytes\":%" PRIu64 ",\"encrypted\":%s,\"opened\":%s}\n",
               chain.count, files, bytes, sealed ? "true" : "false", secret != NULL ? "true" : "false");
    } else if (code == 0) {
        printf("whole: %zu files, %" PRIu64 " bytes in %zu backup%s%s\n", files, bytes, chain.count,
               chain.count == 1 ? "" : "s",
               !sealed          ? ""
               : secret != NULL ? ", opened"
                                : ", not opened: no key was given");
    }
    backup_chain_free(&chain);
    backup_secret_free(secret);
    interrupt_end();
    return code;
}

static int make_key(const struct cli_options *options) {
    static const char *const names[] = {"key", "id"};
    char id[BACKUP_KEY_ID + 1];
    struct output output;
    if (options->argument_count < 2) {
        return cli_error(2, "a file is required: kimberlite backup key FILE");
    }
    int code = backup_key_make(options->arguments[1], id);
    if (code == 0) {
        const char *facts[] = {options->arguments[1], id};
        output_init(&output, options, CLI_TABLE);
        output_facts(&output, names, facts, "tt");
        cli_note(options, "Keep a copy of it in a safe place, apart from the backups.");
    }
    return code;
}

int cli_backup(const struct cli_options *options) {
    static const struct {
        const char *name;
        cli_verb *run;
    } actions[] = {{"create", create}, {"restore", restore}, {"list", list},
                   {"verify", verify}, {"key", make_key},    {"prune", backup_prune}};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(options->arguments[0], actions[i].name) == 0) {
            return actions[i].run(options);
        }
    }
    return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite backup create|restore|list|verify|prune|key",
                     options->arguments[0]);
}
