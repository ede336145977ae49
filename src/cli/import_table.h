/* What imports of CSV and of NDJSON share. */
#ifndef KMB_CLI_IMPORT_TABLE_H
#define KMB_CLI_IMPORT_TABLE_H

#include <stdio.h>

#include "base/buffer.h"
#include "cli/cli.h"

#define IMPORT_AHEAD_BYTES ((size_t)64 << 20) /* of a stream: read to infer types, before its rows go in */

struct import_column {
    struct slice name;
    const char *type; /* as CREATE TABLE takes it */
};

/* A table's name as SQL text: schema and name quoted, where they are not. */
void import_quote_table(struct buffer *sql, const char *table);
/* CREATE TABLE of --table with --primary-key; a note tells it. Answers 0 or an exit code. */
int import_create(const struct cli_options *options, kmb_session *session, const struct import_column *columns,
                  uint32_t count);
/* Opens the file for refused rows, which must not be the one that is read, nor, without --force, hold anything: rows
 * of an earlier import may be nowhere else. Answers 0 or an exit code. */
int import_open_reject(const struct cli_options *options, int source, FILE **reject);
/* What came of an import: a note, or with --output facts on standard output. */
void import_tell(const struct cli_options *options, uint64_t rows, uint64_t rejected, int64_t begun_ns,
                 uint64_t position);

#endif
