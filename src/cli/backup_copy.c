/*
 * A file of an encrypted backup is a row of pieces, each sealed for its place; a plain one is its bytes. The hash in
 * the MANIFEST is of what is stored, so that a backup can be checked without any key.
 *
 * It also is where time passes, so it is here that a signal is noticed.
 */
#include "cli/backup_copy.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/interrupt.h"
#include "cli/project.h"

int backup_copier_start(struct backup_copier *copier, const struct cli_options *options, const char *label) {
    *copier = (struct backup_copier){.options = options, .io = io_posix()};
    copier->plain = malloc(2 * BACKUP_PIECE + BACKUP_PIECE_MORE);
    interrupt_catch();
    cli_progress_start(&copier->progress, label);
    copier->progress.terminal = copier->progress.terminal && !options->quiet;
    if (copier->plain == NULL) {
        return cli_error(1, "out of memory");
    }
    copier->stored = copier->plain + BACKUP_PIECE;
    return 0;
}

void backup_copier_end(struct backup_copier *copier) {
    cli_progress_end(&copier->progress);
    free(copier->plain);
    copier->plain = NULL;
}

/* One more piece. A signal that came meanwhile ends the work, and the caller clears away what it made. */
static enum kmb_status count_bytes(struct backup_copier *copier, size_t count, struct kmb_error *error) {
    copier->bytes += count;
    cli_progress_show(&copier->progress, 0, 0, copier->bytes >> 20, "MiB");
    return interrupt_seen() != 0 ? error_set(error, KMB_CANCELLED, "interrupted") : KMB_OK;
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

/* Reads pieces of [from, to) and writes them as they are stored. */
static enum kmb_status store_pieces(struct backup_copier *copier, const struct backup *backup, struct io_file *in,
                                    uint64_t from, uint64_t to, const char *path, struct io_file *out,
                                    struct hash_blake3_stream *stream, struct kmb_error *error) {
    uint64_t at = 0;
    enum kmb_status status = KMB_OK;
    for (uint64_t index = 0; status == KMB_OK && (from < to || index == 0); index++) {
        size_t count = to - from < BACKUP_PIECE ? (size_t)(to - from) : BACKUP_PIECE;
        const uint8_t *bytes = copier->plain;
        status = io_read_exact(&copier->io, in, from, copier->plain, count, error);
        from += count;
        if (status == KMB_OK && backup->keys != NULL) {
            if (!backup_piece_seal(backup->keys, path, index, from == to, copier->plain, count, copier->stored)) {
                return error_set(error, KMB_IO, "the system gives no random bytes for a nonce");
            }
            bytes = copier->stored;
            count += BACKUP_PIECE_MORE;
        }
        if (status == KMB_OK) {
            hash_blake3_stream_update(stream, bytes, count);
            status = io_write(&copier->io, out, at, bytes, count, error);
        }
        at += count;
        status = status == KMB_OK ? count_bytes(copier, count, error) : status;
    }
    return status;
}

enum kmb_status backup_copy_in(struct backup_copier *copier, struct backup *backup, const char *source, uint64_t from,
                               uint64_t to, const struct backup_file *file, struct kmb_error *error) {
    struct io_file *in = NULL;
    struct io_file *out = NULL;
    struct hash_blake3_stream stream;
    char target[CLI_PATH_MAX];
    if (!project_join(target, backup->directory, file->path)) {
        return error_set(error, KMB_LIMIT, "a path is too long");
    }
    hash_blake3_stream_start(&stream);
    enum kmb_status status = io_open(&copier->io, source, IO_READ, &in, error);
    if (status == KMB_OK && to == UINT64_MAX) {
        status = io_size(&copier->io, in, &to, error);
    }
    if (status == KMB_OK) {
        status = io_open(&copier->io, target, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | IO_PRIVATE, &out, error);
    }
    if (status == KMB_OK) {
        status = store_pieces(copier, backup, in, from, to, file->path, out, &stream, error);
    }
    if (status == KMB_OK) {
        status = io_sync(&copier->io, out, error);
    }
    io_close(&copier->io, in);
    io_close(&copier->io, out);
    if (status == KMB_OK &&
        !backup_add(backup, file->path, file->segment, file->from, hash_blake3_stream_final(&stream))) {
        status = error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return status;
}

/* --- out ---------------------------------------------------------------------------------------------------------- */

static enum kmb_status not_what_it_was(const struct backup *backup, const struct backup_file *file, const char *why,
                                       struct kmb_error *error) {
    return error_set(error, KMB_CORRUPT, "%s: %s is not what it was: %s", backup->name, file->path, why);
}

/* Reads a file of the backup, checks it, and writes what it held to `at` of out; out NULL: checks alone. */
static enum kmb_status read_pieces(struct backup_copier *copier, const struct backup *backup,
                                   const struct backup_file *file, struct io_file *in, struct io_file *out, uint64_t at,
                                   struct kmb_error *error) {
    const size_t most = BACKUP_PIECE + (backup->seal.sealed ? BACKUP_PIECE_MORE : 0);
    struct hash_blake3_stream stream;
    uint64_t size = 0, from = 0;
    hash_blake3_stream_start(&stream);
    enum kmb_status status = io_size(&copier->io, in, &size, error);
    bool opens = true;
    for (uint64_t index = 0; status == KMB_OK && from < size; index++) {
        size_t count = size - from < most ? (size_t)(size - from) : most;
        const uint8_t *bytes = copier->stored;
        status = io_read_exact(&copier->io, in, from, copier->stored, count, error);
        if (status != KMB_OK) {
            break;
        }
        from += count;
        hash_blake3_stream_update(&stream, copier->stored, count);
        status = count_bytes(copier, count, error);
        size_t held = count;
        if (backup->keys != NULL && opens) {
            opens =
                backup_piece_open(backup->keys, file->path, index, from == size, copier->stored, count, copier->plain);
            bytes = copier->plain;
            held = opens ? count - BACKUP_PIECE_MORE : 0;
        }
        if (out != NULL && held > 0 && opens && status == KMB_OK) {
            status = io_write(&copier->io, out, at, bytes, held, error);
        }
        at += held;
    }
    struct hash256 hash = hash_blake3_stream_final(&stream);
    if (status == KMB_OK && !hash256_equal(&hash, &file->hash)) {
        status = not_what_it_was(backup, file, "its BLAKE3 is another", error);
    }
    if (status == KMB_OK && (!opens || (backup->seal.sealed && size == 0))) {
        status = not_what_it_was(backup, file, "the backup's key does not open it", error);
    }
    return status;
}

enum kmb_status backup_copy_out(struct backup_copier *copier, const struct backup *backup,
                                const struct backup_file *file, const char *target, uint64_t at,
                                struct kmb_error *error) {
    struct io_file *in = NULL;
    struct io_file *out = NULL;
    char source[CLI_PATH_MAX];
    if (!project_join(source, backup->directory, file->path)) {
        return error_set(error, KMB_LIMIT, "a path is too long");
    }
    enum kmb_status status = io_open(&copier->io, source, IO_READ, &in, error);
    if (status == KMB_OK) {
        status = io_open(&copier->io, target, IO_WRITE | IO_CREATE | IO_PRIVATE, &out, error);
    }
    if (status == KMB_OK) {
        status = read_pieces(copier, backup, file, in, out, at, error);
    }
    if (status == KMB_OK) {
        status = io_sync(&copier->io, out, error);
    }
    io_close(&copier->io, in);
    io_close(&copier->io, out);
    return status;
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* Files of a directory that the MANIFEST does not name. */
static int check_strangers(const struct backup *backup, const char *within) {
    char path[CLI_PATH_MAX];
    if (!project_join(path, backup->directory, within[0] == 0 ? "." : within)) {
        return project_too_long(backup->directory);
    }
    DIR *listing = opendir(path);
    const struct dirent *entry;
    int code = 0;
    while (listing != NULL && code == 0 && (entry = readdir(listing)) != NULL) {
        char name[300];
        snprintf(name, sizeof(name), "%s%s", within, entry->d_name);
        bool known = entry->d_name[0] == '.' ||
                     (within[0] == 0 && (strcmp(name, BACKUP_MANIFEST) == 0 || strcmp(name, "log") == 0));
        if (!known && backup_find(backup, name) == NULL) {
            code = cli_error(1, "%s: %s is not in its " BACKUP_MANIFEST, backup->name, name);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
    return code;
}

enum kmb_status backup_check_file(struct backup_copier *copier, const struct backup *backup,
                                  const struct backup_file *file, struct kmb_error *error) {
    struct io_file *in = NULL;
    char path[CLI_PATH_MAX];
    enum kmb_status status = project_join(path, backup->directory, file->path)
                                 ? io_open(&copier->io, path, IO_READ, &in, error)
                                 : error_set(error, KMB_LIMIT, "a path is too long");
    if (status == KMB_OK) {
        status = read_pieces(copier, backup, file, in, NULL, 0, error);
    }
    io_close(&copier->io, in);
    return status;
}

int backup_check(struct backup_copier *copier, struct backup *backup) {
    uint64_t before = copier->bytes;
    int code = 0;
    for (size_t i = 0; code == 0 && i < backup->file_count; i++) {
        struct kmb_error error = {0};
        enum kmb_status status = backup_check_file(copier, backup, &backup->files[i], &error);
        code = status == KMB_OK ? 0 : cli_fail(&error, NULL, 0, NULL);
    }
    backup->bytes = copier->bytes - before;
    code = code == 0 ? check_strangers(backup, "") : code;
    return code == 0 ? check_strangers(backup, "log/") : code;
}
