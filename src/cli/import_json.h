/* Rows as JSON objects, one a line. */
#ifndef KMB_CLI_IMPORT_JSON_H
#define KMB_CLI_IMPORT_JSON_H

#include "cli/cli.h"

/* true: the file is said to be such, by --format or its name. */
bool import_json_wanted(const struct cli_options *options);
int import_json(const struct cli_options *options);

/* What came of an import: a note, or with --output facts on standard output. */
void import_tell(const struct cli_options *options, uint64_t rows, uint64_t rejected, int64_t begun_ns,
                 uint64_t position);

#endif
