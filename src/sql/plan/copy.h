/* COPY: what a PLAN_COPY node reads, and how COPY TO writes. */
#ifndef KMB_SQL_COPY_H
#define KMB_SQL_COPY_H

#include "types/record.h"

struct sql_context;
struct sql_host;
struct exec;
struct plan_statement;

enum plan_copy_header { PLAN_COPY_NO_HEADER, PLAN_COPY_HEADER, PLAN_COPY_HEADER_MATCH };

struct plan_copy {
    bool binary;                 /* else records of text: */
    struct record_format format; /* forced_value: FORCE_NOT_NULL, or FORCE_QUOTE */
    enum plan_copy_header header;
    const char *relation; /* NULL: a query */
    const char **names;   /* of the columns, in the order of the fields */
    uint32_t column_count;
};

/* COPY ... TO STDOUT: writes all rows of an opened query; answers how many. Raises. */
uint64_t copy_write(struct sql_context *context, const struct sql_host *host, const struct plan_copy *copy,
                    struct exec *exec);

#endif
