/* kimberlite backup prune: old backups go. */
#ifndef KMB_CLI_BACKUP_PRUNE_H
#define KMB_CLI_BACKUP_PRUNE_H

#include "cli/cli.h"

cli_verb backup_prune;

#endif
