/*
 * TOML 1.0, read strictly into a tree, with the place of every value.
 *
 * The tree and its texts live in the arena that the caller gives (one without on_fail); keys and texts without escapes
 * borrow from the document. Values know the bytes of the document they stand in, so that a writer can put another in
 * their place and leave all else alone.
 */
#ifndef KMB_SERVER_TOML_H
#define KMB_SERVER_TOML_H

#include "base/arena.h"
#include "base/error.h"

#define TOML_BYTES_MAX  ((size_t)1 << 20) /* of a document: settings are small, and members are searched one by one */
#define TOML_VALUES_MAX 10000
#define TOML_DEPTH_MAX  64 /* of arrays and inline tables in each other */

enum toml_kind {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_TEXT,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOLEAN,
    TOML_MOMENT,       /* date, time and offset; this and the next three keep their text */
    TOML_LOCAL_MOMENT, /* date and time */
    TOML_DATE,
    TOML_TIME,
};

struct toml_value {
    enum toml_kind kind;
    uint32_t line;     /* of its key, or of itself in an array; from 1 */
    size_t begin, end; /* the bytes it takes; a table of headers: those of its last header's line, newline apart */
    struct slice key;  /* in a table; empty in an array */
    struct slice text; /* of texts, dates and times */
    int64_t integer;
    double real;
    bool boolean;
    struct toml_value *first; /* members, in the order of the document */
    struct toml_value *last;
    struct toml_value *next;
    /* the parser's: how the table came to be */
    unsigned made;
    const struct toml_value *section;
};

/* KMB_CONFIG "line N: what is wrong" or KMB_NO_MEMORY; *root is a table then NULL. */
enum kmb_status toml_parse(struct slice document, struct arena *arena, struct toml_value **root,
                           struct kmb_error *error);
/* The member of a table; NULL: none. */
const struct toml_value *toml_member(const struct toml_value *table, struct slice key);
const char *toml_kind_name(enum toml_kind kind); /* "a text", "an integer" */

#endif
