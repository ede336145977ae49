/* What a new backup can stand on. */
#ifndef KMB_CLI_BACKUP_BASE_H
#define KMB_CLI_BACKUP_BASE_H

#include "cli/backup_copy.h"

struct backup_base_search {
    struct backup_copier *copier;
    struct backup_secret *secret; /* NULL: the new backup is not encrypted */
    const char *directory;
    const char *log_dir;
    const char *uuid;
    const struct log_identity *identity;
    const struct log_extent *now; /* the log's end */
};

/* The newest backup of this log in the directory, where the log still holds the block that it ended with and all that
 * it stands on is there and whole. *found false: none, so all is to be copied; what is broken was told. 0, or an exit
 * code after telling. */
int backup_base_find(const struct backup_base_search *search, struct backup *base, bool *found);

#endif
