/* Which type fits all values of a CSV column: never a float, never a guess that changes a value. */
#ifndef KMB_CLI_INFER_H
#define KMB_CLI_INFER_H

#include "base/slice.h"

struct infer {
    bool seen; /* any value that is not NULL */
    bool not_bigint, not_numeric, not_boolean, not_date, not_timestamp, not_timestamptz;
};

void infer_value(struct infer *infer, struct slice text);
/* A text in quotes: no number and no boolean, whatever it looks like. */
void infer_text(struct infer *infer, struct slice text);
/* A number of JSON: with an exponent, too. */
void infer_number(struct infer *infer, struct slice text);
const char *infer_type(const struct infer *infer); /* "BIGINT", "NUMERIC", ..., "TEXT" */

#endif
