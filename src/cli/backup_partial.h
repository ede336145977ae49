/* Backups that are not whole yet, or no longer: directories under names that no reader takes for a backup. */
#ifndef KMB_CLI_BACKUP_PARTIAL_H
#define KMB_CLI_BACKUP_PARTIAL_H

#include "cli/cli.h"

#define BACKUP_PARTIAL ".partial-" /* being filled */
#define BACKUP_REMOVED ".removed-" /* being emptied */

/* Makes a directory to fill, and keeps others from taking it for a left one until *lock is closed. 0, or an exit code
 * after telling. */
int backup_partial_make(const char *path, int *lock);
/* Removes from a directory of backups what an interrupted create or prune left there. */
void backup_partial_sweep(const struct cli_options *options, const char *directory);

#endif
