/*
 * Backups as they lie in a directory: one directory each, with a MANIFEST that lists its files and their BLAKE3.
 *
 *     backups/
 *       backup-20260131T120000Z/      the first one: everything
 *         MANIFEST
 *         keys.kks                    the wrapped keys; of no use without the root key, which is in no backup
 *         log/0000000000000001.seg
 *       backup-20260131T130000Z/      what has come since: "Base: backup-20260131T120000Z"
 *         MANIFEST
 *         keys.kks
 *         log/0000000000000001.seg@81920     bytes of the segment from 81920 on
 *
 * A backup is readable with all its bases beside it. Of an encrypted one the MANIFEST alone is in clear, and authentic
 * (backup_seal.h); it may also hold root.key.
 */
#ifndef KMB_CLI_BACKUP_SET_H
#define KMB_CLI_BACKUP_SET_H

#include "cli/backup_seal.h"
#include "log/cut.h"

#define BACKUP_DIRECTORY "backups" /* where nothing else is said */
#define BACKUP_MANIFEST  "MANIFEST"
#define BACKUP_ROOT_KEY  "root.key"
#define BACKUP_NAME_SIZE 64
#define BACKUP_FILE_SIZE 48 /* "log/0000000000000001.seg@18446744073709551615" */
#define BACKUP_CHAIN_MAX 10000

struct backup_file {
    char path[BACKUP_FILE_SIZE]; /* within the backup */
    uint64_t segment;            /* first op; 0: keys.kks or root.key */
    uint64_t from;               /* offset in the segment */
    struct hash256 hash;
};

struct backup {
    char directory[CLI_PATH_MAX];
    char name[BACKUP_NAME_SIZE]; /* last part of the directory */
    char base[BACKUP_NAME_SIZE]; /* "": none, this one has everything */
    char created[32];
    char uuid[37];
    struct log_extent extent; /* the log's end when it was made */
    struct backup_file *files;
    size_t file_count;
    uint64_t bytes; /* of the files, when they were looked at */
    struct backup_seal seal;
    struct hash256 text_hash; /* of the MANIFEST up to its last line */
    struct hash256 mac;       /* which is this */
    struct backup_keys *keys; /* NULL: not encrypted, or not opened */
};

/* Reads a MANIFEST strictly: paths are of the two forms above and nothing else. backup_read(), and the others that
 * answer an int: 0, or an exit code after telling. KMB_FILE_NOT_FOUND: there is none; KMB_CORRUPT: it is none. */
enum kmb_status backup_load(const char *directory, struct backup *backup, struct kmb_error *error);
int backup_read(const char *directory, struct backup *backup);
enum kmb_status backup_write(const struct backup *backup, struct kmb_error *error);
void backup_free(struct backup *backup);
/* Bytes of its files as they lie there; of one that is not there, none. */
uint64_t backup_size(const struct backup *backup);
/* When it was begun, in seconds since 1970: it has all that the log had then. 0: its MANIFEST does not tell. */
int64_t backup_created(const struct backup *backup);
const struct backup_file *backup_find(const struct backup *backup, const char *path); /* NULL: it has none */
/* "0000000000000001.seg": the segment that a file of a log is; false: it is none. */
bool backup_segment_of(const char *name, uint64_t *segment);
bool backup_add(struct backup *backup, const char *path, uint64_t segment, uint64_t from, struct hash256 hash);

/* A backup and its bases, the oldest first. Each is read. */
struct backup_chain {
    struct backup *backups;
    size_t count;
};
enum kmb_status backup_chain_load(const char *directory, struct backup_chain *chain, struct kmb_error *error);
int backup_chain_read(const char *directory, struct backup_chain *chain);
void backup_chain_free(struct backup_chain *chain);

/* Opens an encrypted backup, and sees that its MANIFEST is what was written. A secret for one that is not encrypted is
 * an error: whoever gives it means to rely on it. KMB_CORRUPT: the MANIFEST is another. */
enum kmb_status backup_unseal(struct backup *backup, struct backup_secret *secret, struct kmb_error *error);
int backup_open(struct backup *backup, struct backup_secret *secret);

/* Names of the backups in a directory, the newest last. *names and each name are freed by backup_names_free(). */
int backup_names(const char *directory, char ***names, size_t *count);
void backup_names_free(char **names, size_t count);

#endif
