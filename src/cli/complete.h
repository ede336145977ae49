/* Completion in the shell: what the word before the cursor could become. */
#ifndef KMB_CLI_COMPLETE_H
#define KMB_CLI_COMPLETE_H

#include "base/buffer.h"
#include "kimberlite.h"

#define COMPLETE_MAX 512 /* words: what nobody would read through anyway */

struct completion {
    size_t start; /* of the word, in the line */
    char **words; /* in order, none twice */
    size_t count;
    struct buffer common; /* what they all begin with */
};

/*
 * before: the statement's earlier lines; line: up to the cursor. names: a session to ask for tables and columns; NULL:
 * keywords alone. The caller frees with completion_free(), whatever came of it.
 */
void completion_find(kmb_session *names, struct slice before, struct slice line, struct completion *completion);
void completion_free(struct completion *completion);
/* Whether a word, in lower case, is one that is offered before others. */
bool completion_knows(struct slice word);

#endif
