/* Migrations for other verbs than their own. */
#ifndef KMB_CLI_MIGRATION_H
#define KMB_CLI_MIGRATION_H

#include "cli/cli.h"

/* Applies the pending ones of a directory to a tenant of an open database. 0, or an exit code after telling why. */
int migration_apply(const struct cli_options *options, const char *directory, kmb_db *db);

#endif
