/* Bytes in and out of backups, sealed and opened on the way where the backup is encrypted. */
#ifndef KMB_CLI_BACKUP_COPY_H
#define KMB_CLI_BACKUP_COPY_H

#include "base/io.h"
#include "cli/backup_set.h"

struct backup_copier {
    const struct cli_options *options;
    struct io io;
    struct cli_progress progress;
    uint8_t *plain;  /* a piece */
    uint8_t *stored; /* and as it is stored; both in one allocation */
    uint64_t bytes;  /* copied or checked so far */
};

/* Catches the signals that end a program: copying and checking then answer KMB_CANCELLED, and who started it ends with
 * interrupt_end(). */
int backup_copier_start(struct backup_copier *copier, const struct cli_options *options, const char *label);
void backup_copier_end(struct backup_copier *copier);

/* Bytes [from, to) of a file outside into the backup's file at path, which is added to its list; UINT64_MAX: to its
 * end. */
enum kmb_status backup_copy_in(struct backup_copier *copier, struct backup *backup, const char *source, uint64_t from,
                               uint64_t to, const struct backup_file *file, struct kmb_error *error);

/* A file of the backup to `at` of one outside (made private where it is not there). KMB_CORRUPT: it is not what the
 * MANIFEST says. */
enum kmb_status backup_copy_out(struct backup_copier *copier, const struct backup *backup,
                                const struct backup_file *file, const char *target, uint64_t at,
                                struct kmb_error *error);

/* A file of the backup has its hash and, where the backup is open, can be opened. KMB_CORRUPT: it has another. */
enum kmb_status backup_check_file(struct backup_copier *copier, const struct backup *backup,
                                  const struct backup_file *file, struct kmb_error *error);

/* Every file is there, none more, each has its hash and, where the backup is open, can be opened. Counts its bytes. */
int backup_check(struct backup_copier *copier, struct backup *backup);

#endif
