/* Rows as JSON objects, one a line. */
#ifndef KMB_CLI_IMPORT_JSON_H
#define KMB_CLI_IMPORT_JSON_H

#include <stdio.h>

#include "cli/cli.h"

/* true: the file is said to be such, by --format or its name. */
bool import_json_wanted(const struct cli_options *options);
int import_json(const struct cli_options *options);
/* Makes the table that the file's lines want; whole: the last line is, also without a line's end. Answers 0 or an exit
 * code. */
int import_json_create(const struct cli_options *options, kmb_session *session, FILE *file, bool whole);

#endif
