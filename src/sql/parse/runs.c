/*
 * Runs of operator characters, bounded before PostgreSQL's scanner sees them. Where an operator or a comment begins,
 * that scanner takes all operator characters that follow, keeps the first one or two and puts the rest back: on a run
 * of n of them it takes n * n steps, two minutes for 200 kB of nested comment openings, and nothing can cancel it.
 *
 * The walk knows what hides such characters: strings, quoted names, dollar quotes, line comments.
 */
#include <string.h>

#include "sql/parse/scan.h"

/* What the scanner may spend on putting back: a fraction of a second. Usual text spends less than its length. */
#define STEPS_MAX UINT64_C(100000000)

static bool operator_byte(char byte) {
    return byte != 0 && strchr("~!@#^&|`?+-*/%<>=", byte) != NULL;
}

static bool name_byte(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_' || (unsigned char)byte >= 0x80;
}

/* Behind the quote that closes what opened at `at`. A doubled quote closes and opens again. */
static size_t skip_quoted(const char *text, size_t at, bool escapes) {
    char quote = text[at++];
    while (text[at] != 0 && text[at] != quote) {
        at += escapes && text[at] == '\\' && text[at + 1] != 0 ? 2 : 1;
    }
    return text[at] == 0 ? at : at + 1;
}

/* Behind a dollar quote that opens at `at`; at + 1 where none does. */
static size_t skip_dollar(const char *text, size_t at) {
    size_t end = at + 1;
    while (name_byte(text[end])) {
        end++;
    }
    if (text[end] != '$' || (text[at + 1] >= '0' && text[at + 1] <= '9') || (at > 0 && name_byte(text[at - 1]))) {
        return at + 1;
    }
    size_t length = end + 1 - at;
    for (const char *found = text + end + 1; (found = strchr(found, '$')) != NULL; found++) {
        if (strncmp(found, text + at, length) == 0) {
            return (size_t)(found - text) + length;
        }
    }
    return end + 1 + strlen(text + end + 1);
}

void scan_bound_runs(struct sql_context *context, const char *text) {
    uint32_t depth = 0; /* of comments */
    size_t run_end = 0; /* of the operator characters around */
    uint64_t steps = 0;
    for (size_t at = 0; text[at] != 0;) {
        bool opens = text[at] == '/' && text[at + 1] == '*';
        if (opens || (depth == 0 && operator_byte(text[at]) && (text[at] != '-' || text[at + 1] != '-'))) {
            for (run_end = run_end > at ? run_end : at; operator_byte(text[run_end]);) {
                run_end++;
            }
            steps += run_end - at;
            if (steps > STEPS_MAX) {
                sql_raise(context, KMB_TOO_COMPLEX, (uint32_t)at + 1,
                          "sql too complex: too many operator characters in a row");
            }
            depth += opens;
            at += opens ? 2 : 1;
        } else if (depth > 0) {
            bool closes = text[at] == '*' && text[at + 1] == '/';
            depth -= closes;
            at += closes ? 2 : 1;
        } else if (text[at] == '-') {
            at += strcspn(text + at, "\n\r");
        } else if (text[at] == '\'') {
            bool escapes =
                at > 0 && (text[at - 1] == 'e' || text[at - 1] == 'E') && (at < 2 || !name_byte(text[at - 2]));
            at = skip_quoted(text, at, escapes);
        } else if (text[at] == '"') {
            at = skip_quoted(text, at, false);
        } else {
            at = text[at] == '$' ? skip_dollar(text, at) : at + 1;
        }
    }
}
