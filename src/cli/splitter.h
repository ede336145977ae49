/*
 * Statements out of text that arrives in pieces: finds the ';' that ends one, outside of strings, quoted names, dollar
 * quotes and comments. Linear in the text, whatever its pieces.
 */
#ifndef KMB_CLI_SPLITTER_H
#define KMB_CLI_SPLITTER_H

#include "base/buffer.h"

enum splitter_state {
    SPLITTER_PLAIN,
    SPLITTER_STRING,        /* '...' */
    SPLITTER_ESCAPE_STRING, /* E'...' */
    SPLITTER_NAME,          /* "..." */
    SPLITTER_LINE_COMMENT,
    SPLITTER_BLOCK_COMMENT,
    SPLITTER_DOLLAR,
};

struct splitter {
    struct buffer text; /* of the statement being read, and what follows it */
    size_t at;          /* looked at up to here */
    enum splitter_state state;
    unsigned depth; /* of nested block comments */
    size_t dollar;  /* where the opening dollar tag stands */
    size_t dollar_length;
    size_t given; /* bytes of the statement handed out, dropped at the next call; 0 none */
    bool any;     /* something other than blanks and comments was seen */
};

void splitter_feed(struct splitter *splitter, const char *bytes, size_t count);
/* A whole statement (without its ';'), valid until the next feed or next. false: more text is needed. */
bool splitter_next(struct splitter *splitter, struct slice *statement);
/* What is left when the input ends: a statement without ';', or false when there is only blank. */
bool splitter_rest(struct splitter *splitter, struct slice *statement);
/* How many statements a text has. */
unsigned splitter_count(const char *text);
/* Nothing of a statement has been read yet. */
bool splitter_empty(const struct splitter *splitter);
/* A statement from its first token on: without blanks and comments before it. Positions of errors count from there. */
struct slice splitter_skip(struct slice statement);
/* What each byte of a text is part of, as an enum splitter_state; quotes and marks of comments belong to what they
 * bound. */
void splitter_mark(struct slice text, uint8_t *states);
void splitter_clear(struct splitter *splitter);
void splitter_free(struct splitter *splitter);

#endif
