/* LIKE and ILIKE over UTF-8 bytes. */
#ifndef KMB_SQL_LIKE_H
#define KMB_SQL_LIKE_H

#include "base/slice.h"

/* A pattern looked at once: most are a plain text with % at one end or both, which need no matcher. */
enum like_shape { LIKE_EXACT, LIKE_PREFIX, LIKE_SUFFIX, LIKE_CONTAINS, LIKE_PARTS, LIKE_GENERAL };

struct like_pattern {
    enum like_shape shape;
    struct slice pattern; /* the whole, for LIKE_PARTS and LIKE_GENERAL; else the plain text alone */
    bool of_bytes;        /* _ is one byte and not one character */
};

struct like_pattern like_prepare(struct slice pattern);

/*
 * Whether text matches; % is any run, _ one character, \ takes the next byte literally. *bad_escape is set when the
 * pattern ends in a lone backslash that the match had to read (PostgreSQL: 22025). At most |pattern| x |text| steps,
 * no recursion.
 */
bool like_match(const struct like_pattern *pattern, struct slice text, bool *bad_escape);

#endif
