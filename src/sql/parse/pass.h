/*
 * The pass over a statement's tokens: what tokens.c (bounds, query blocks, our own statements) and travel.c (time
 * travel) share. Nobody else looks in here.
 */
#ifndef KMB_SQL_PASS_H
#define KMB_SQL_PASS_H

#include "sql/parse/scan.h"
#include "sql/parse/tokens.h"

#define TOKEN(name) PG_QUERY__TOKEN__##name

/* Where a level is in its FROM. */
enum pass_from {
    PASS_FROM_NONE,
    PASS_FROM_EXPECTS,   /* a table reference begins with the next token */
    PASS_FROM_ITEM,      /* in or right behind a reference */
    PASS_FROM_CONDITION, /* behind the ON or USING of a join */
};

/* A table reference as tokens show it. */
enum pass_item_kind {
    PASS_ITEM_NAME,  /* a table, view, WITH query or function */
    PASS_ITEM_QUERY, /* a query in parentheses */
    PASS_ITEM_GROUP, /* joins in parentheses, VALUES */
};

struct pass_item {
    enum pass_item_kind kind;
    uint32_t position; /* of its first token, byte + 1 */
    uint32_t block;    /* PASS_ITEM_QUERY: its outermost block */
};

/* One open parenthesis (level 0: the statement). */
struct level {
    uint32_t block;   /* the block that a clause here belongs to, or TOKENS_BLOCK_NONE */
    uint32_t first;   /* first block of this level, the whole of a set operation once seen */
    uint32_t with;    /* a query that begins with WITH: its block, around the WITH queries and what follows them */
    uint32_t chain;   /* operators since the last comma */
    uint32_t set_ops; /* set operations, never reset */
    bool set_tail;    /* ORDER BY, LIMIT... after a set operation: a clause binds all branches */
    bool substring;   /* opened by SUBSTRING( or OVERLAY( */
    bool closed;      /* DML tail (ON CONFLICT, RETURNING): a clause is no longer the SELECT's */
    bool branch;      /* opened where a query may stand by itself, or a branch of a set operation */
    bool item_opened; /* opened where a table reference was to come */
    bool selected;    /* a SELECT stands here: FROM is its FROM */
    /* UPDATE, DELETE or MERGE stands here: what it reads besides its target are references as those of a SELECT are */
    PgQuery__Token write;
    enum pass_from from;
    struct pass_item item; /* PASS_FROM_ITEM */
    uint32_t brackets;     /* [ that are open: commas in them separate nothing */
};

/* A time-travel clause and where it stands, until all are known and it is decided what they bind. */
struct pass_travel {
    struct tokens_clause clause;
    uint32_t block;
    bool attached; /* right behind a table reference */
    struct pass_item item;
    bool before_alias; /* between the reference and its alias */
    bool followed;     /* by another reference of the same FROM */
    bool alone;        /* a source of a write: nothing else is meant */
};

struct pass {
    struct sql_context *context;
    struct tokens *tokens;
    PgQuery__ScanToken **list;
    size_t count;
    size_t at;
    struct level levels[TOKENS_PAREN_DEPTH_MAX + 1];
    uint32_t depth;
    uint32_t not_count;
    uint32_t block_capacity;
    struct pass_travel *travels;
    uint32_t travel_count;
    uint32_t travel_capacity;
    uint32_t range_capacity;
};

/* --- tokens.c --- */
PgQuery__Token pass_kind(const struct pass *pass, size_t index); /* NUL behind the end */
uint32_t pass_position(const struct pass *pass, size_t index);
struct slice pass_text(const struct pass *pass, size_t index);
/* An unquoted word, letter case aside; word is lower case. */
bool pass_word(const struct pass *pass, size_t index, const char *word);
/* The number of a $n. Raises for one that can be no parameter. */
uint32_t pass_parameter(struct pass *pass, size_t index);
/* The statement's first word, behind EXPLAIN and its options. */
PgQuery__Token pass_verb(const struct pass *pass);
uint32_t pass_add_block(struct pass *pass, uint32_t select, uint32_t parent);
bool token_is_operator(PgQuery__Token token);

/* --- travel.c --- */
/* Recognises a time-travel clause at the current token, blanks it and steps to its last token. */
bool travel_clause(struct pass *pass);
/* Follows FROM: called for each token that is not part of a clause, before its level changes. */
void travel_follow(struct pass *pass);
/* A set operation makes what was `block` a branch, `branch`: what stood there binds that branch. */
void travel_to_branch(struct pass *pass, uint32_t block, uint32_t branch);
/* At the end: decides what each clause binds. */
void travel_resolve(struct pass *pass);

#endif
