/* Migrations that are applied as their files come, while `kimberlite dev` serves: development.watch. */
#ifndef KMB_CLI_WATCH_H
#define KMB_CLI_WATCH_H

#include "cli/cli.h"

struct watch;

/* Applies what is pending whenever a file of the directory has changed, in a thread, until watch_stop(). The options
 * must outlive it. 0, or an exit code after telling why; *watch is NULL then. */
int watch_start(const struct cli_options *options, const char *directory, kmb_db *db, struct watch **watch);
void watch_stop(struct watch *watch); /* NULL is fine */

#endif
