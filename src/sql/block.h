/*
 * The code of DO: what of PL/pgSQL needs no variables. SQL statements, PERFORM, EXECUTE, IF, RAISE, RETURN, NULL,
 * blocks within blocks, and handlers of exceptions, as migrations of schemas use them.
 *
 * Steps lie in the arena of the statement that has them. Their texts are parts of the code, to be prepared when they
 * are run, in the transaction as it is then.
 */
#ifndef KMB_SQL_BLOCK_H
#define KMB_SQL_BLOCK_H

#include "base/error.h"
#include "base/slice.h"

#define BLOCK_DEPTH_MAX 64 /* of blocks and IFs within each other */

enum block_kind {
    BLOCK_SQL,     /* text: a statement; its rows are not looked at */
    BLOCK_EXECUTE, /* text: an expression that gives statements */
    BLOCK_IF,      /* text: a condition; inner, else otherwise */
    BLOCK_RAISE,   /* raise */
    BLOCK_NESTED,  /* inner, with handlers */
    BLOCK_RETURN,  /* ends the code */
};

enum block_level { BLOCK_EXCEPTION, BLOCK_WARNING, BLOCK_NOTICE, BLOCK_INFO, BLOCK_LOG, BLOCK_DEBUG };

/* SQL of the code. What it says of the exception that is handled is put in when it is run: SQLERRM, or SQLSTATE. */
struct block_mark {
    uint32_t offset; /* in the text, bytes */
    uint32_t length;
    bool state;
};

struct block_text {
    struct slice text; /* empty: none */
    const struct block_mark *marks;
    uint32_t mark_count;
};

/* Of USING; each an expression. */
enum block_option {
    BLOCK_OPTION_MESSAGE,
    BLOCK_OPTION_DETAIL,
    BLOCK_OPTION_HINT,
    BLOCK_OPTION_SCHEMA,
    BLOCK_OPTION_TABLE,
    BLOCK_OPTION_COLUMN,
    BLOCK_OPTION_CONSTRAINT,
    BLOCK_OPTION_DATATYPE,
    BLOCK_OPTION_COUNT,
};

struct block_raise {
    enum block_level level;
    bool again;                      /* RAISE alone: the exception that is being handled */
    struct slice format;             /* as it is meant, without its quotes; with % for each argument */
    enum kmb_status status;          /* of an exception */
    const char *state;               /* as it was written; a status is not of every one */
    const struct block_text *values; /* expressions */
    uint32_t value_count;
    struct block_text options[BLOCK_OPTION_COUNT];
};

struct block_handler {
    const struct block_handler *next;
    const char *const *states; /* SQLSTATEs, "23000" for its class, "" for all but a cancelled statement */
    uint32_t state_count;
    const struct block_step *steps;
};

struct block_step {
    const struct block_step *next;
    enum block_kind kind;
    struct block_text text;
    bool performs;     /* BLOCK_SQL: SELECT is to stand before the text */
    uint32_t position; /* of the text in the statement that holds the code, characters from 1; 0: not known */
    const struct block_step *inner;
    const struct block_step *otherwise;
    const struct block_handler *handlers;
    const struct block_raise *raise;
};

struct sql_context;

/* Raises 42601 where it does not parse, and 0A000 where it is more than is done here. position: of the code's first
 * byte in the statement, byte + 1; 0: not known. */
const struct block_step *block_parse(struct sql_context *context, const char *code, uint32_t position);

/* Whether a handler is for an error of this SQLSTATE. */
bool block_handles(const struct block_handler *handler, const char *state);

#endif
