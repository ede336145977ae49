/* PostgreSQL's own scanner, its tokens unpacked into a statement's arena. */
#ifndef KMB_SQL_SCAN_H
#define KMB_SQL_SCAN_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#pragma GCC diagnostic pop

#include "sql/context.h"

/* Tokens of a zero-terminated text, comments included, in order. Raises 42601 where the text does not scan. */
PgQuery__ScanResult *scan_tokens(struct sql_context *context, const char *text);

/* Raises 54001 where the scanner would take longer than a moment over operator characters. scan_tokens() asks it first.
 */
void scan_bound_runs(struct sql_context *context, const char *text);

/* A protobuf-c allocator on the statement's arena. */
ProtobufCAllocator scan_allocator(struct sql_context *context);

/* Raises the scanner's or parser's error with PostgreSQL's message, at its place. */
_Noreturn void scan_raise(struct sql_context *context, const char *text, const PgQueryError *error);

#endif
