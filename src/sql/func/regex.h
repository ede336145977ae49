/*
 * Regular expressions of PostgreSQL (its "advanced" flavour), matched by PCRE2 with a limit of steps.
 *
 * A pattern is compiled once for as long as a statement runs. What PCRE2 writes otherwise is translated; what it cannot
 * do, or would do otherwise, is refused. 2201B: invalid regular expression, with PostgreSQL's words.
 */
#ifndef KMB_SQL_REGEX_H
#define KMB_SQL_REGEX_H

#include "sql/func/function.h"

struct regex;

/* A part of the text, in bytes. */
struct regex_span {
    size_t from;
    size_t to;
};

#define REGEX_GROUPS_MAX 100 /* of one pattern, the whole counted in */

/* The pattern with flags as regexp_replace() takes them ("i", "n", "x" ...); *global: a 'g' was among them. */
struct regex *regex_compile(const struct sql_call *call, struct slice pattern, struct slice flags, bool *global);

/* Whether the pattern matches anywhere. */
bool regex_test(const struct sql_call *call, struct regex *regex, struct slice text);

/* The first match at or behind `from`: leftmost, then the longest, or the shortest where the pattern is not greedy. */
bool regex_find(const struct sql_call *call, struct regex *regex, struct slice text, size_t from,
                struct regex_span *span);

/* Where to look on behind a match: an empty one steps over a character. SIZE_MAX: the text is at its end. */
size_t regex_behind(struct slice text, struct regex_span span);

uint32_t regex_groups(const struct regex *regex); /* in parentheses that capture */

/* The groups of a match that regex_find() gave; from = SIZE_MAX where one took no part. */
void regex_capture(const struct sql_call *call, struct regex *regex, struct slice text, struct regex_span span,
                   struct regex_span *groups);

struct slice regex_part(struct slice text, struct regex_span span);

#endif
