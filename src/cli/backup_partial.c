/*
 * What a crash leaves of a backup is of no use to anybody. Whether somebody still fills it, only a lock tells: it is on
 * the directory itself, so that it needs no file in the backup, goes through the rename to its final name, and ends
 * with the process. Where a file system has no such locks nothing is removed.
 */
#include "cli/backup_partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/project.h"

#define TRIES_MAX 10 /* a sweep may take the directory before it is locked; rarely once */

int backup_partial_make(const char *path, int *lock) {
    struct stat found;
    *lock = -1;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (mkdir(path, 0700) != 0) {
            return cli_error(1, "cannot make directory %s: %s", path, strerror(errno));
        }
        *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*lock >= 0) {
            (void)flock(*lock, LOCK_EX); /* held by a sweep alone, and shortly */
            if (fstat(*lock, &found) == 0 && found.st_nlink > 0) {
                return 0;
            }
            close(*lock);
            *lock = -1;
        } else if (errno != ENOENT) {
            return cli_error(1, "cannot open directory %s: %s", path, strerror(errno));
        }
    }
    return cli_error(1, "cannot make directory %s: another process removes it", path);
}

static bool is_left(const char *name) {
    return strncmp(name, BACKUP_PARTIAL "backup-", sizeof(BACKUP_PARTIAL "backup-") - 1) == 0 ||
           strncmp(name, BACKUP_REMOVED "backup-", sizeof(BACKUP_REMOVED "backup-") - 1) == 0;
}

void backup_partial_sweep(const struct cli_options *options, const char *directory) {
    struct io io = io_posix();
    char path[CLI_PATH_MAX];
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (!is_left(entry->d_name) || !project_join(path, directory, entry->d_name)) {
            continue;
        }
        int lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) {
            project_remove_tree(&io, path);
            cli_note(options, "removed %s, which was left behind", entry->d_name);
        }
        if (lock >= 0) {
            close(lock);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
}
