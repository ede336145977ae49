/*
 * The pass over a statement's tokens before PostgreSQL's grammar sees it.
 *
 * It bounds what the recursive parser may be given, finds the time-travel clauses that the grammar does not know (and
 * blanks them in a copy, so that every position stays true), and recognises statements that are ours alone.
 */
#ifndef KMB_SQL_TOKENS_H
#define KMB_SQL_TOKENS_H

#include "sql/context.h"

#define TOKENS_PAREN_DEPTH_MAX 50
#define TOKENS_NOT_MAX         100
#define TOKENS_CHAIN_MAX       5000 /* operators, casts, joins, set operations, NOT, parentheses nested in each other */
#define TOKENS_CHAIN_SHALLOW   100  /* beyond: parse on the thread with the large stack */
#define TOKENS_BYTES_MAX       (64u << 20)
#define TOKENS_NAME_BYTES_MAX  63

enum tokens_point_kind { TOKENS_POSITION, TOKENS_TIME };

/* A moment as it is written. */
struct tokens_point {
    enum tokens_point_kind kind;
    uint32_t parameter;   /* n of $n; 0: literal */
    uint64_t offset;      /* TOKENS_POSITION literal */
    struct slice literal; /* TOKENS_TIME literal: content of the string, quotes removed */
    uint32_t position;    /* byte + 1 */
};

/* One time-travel clause. */
struct tokens_clause {
    struct tokens_point point;
    uint32_t position;  /* of the clause's first token, byte + 1 */
    uint32_t behind;    /* the table reference it stands right behind, byte + 1; 0: none that has a name */
    uint32_t reference; /* the one it binds alone; 0: it binds a block */
};

/* FOR SYSTEM_TIME FROM a TO b, BETWEEN a AND b, ALL: the versions of a table. */
enum tokens_range_kind { TOKENS_RANGE_ALL, TOKENS_RANGE_FROM, TOKENS_RANGE_BETWEEN };
struct tokens_range {
    enum tokens_range_kind kind;
    struct tokens_point low;
    struct tokens_point high;
    uint32_t position;  /* of its first token, byte + 1 */
    uint32_t reference; /* of the table it stands behind, byte + 1 */
};

/* A query block: one SELECT keyword, or the TABLE of TABLE t. */
struct tokens_block {
    uint32_t select; /* byte + 1 of the SELECT token; 0: around others: a set operation's, those of a WITH clause */
    uint32_t parent; /* index of the enclosing block, or TOKENS_BLOCK_NONE */
    uint32_t clause; /* index into clauses, its own first, or TOKENS_CLAUSE_NONE */
};

#define TOKENS_BLOCK_NONE  UINT32_MAX
#define TOKENS_CLAUSE_NONE UINT32_MAX

enum tokens_custom { TOKENS_CUSTOM_NONE, TOKENS_CUSTOM_SHOW_TABLES, TOKENS_CUSTOM_SHOW_COLUMNS };

struct tokens {
    char *text; /* zero-terminated, clauses blanked; same length as the original */
    size_t length;
    uint32_t count; /* tokens, comments left out */
    uint32_t chain; /* deepest possible nesting */
    struct tokens_clause *clauses;
    uint32_t clause_count;
    struct tokens_range *ranges;
    uint32_t range_count;
    struct tokens_block *blocks;
    uint32_t block_count;
    enum tokens_custom custom;
    uint32_t first;         /* of the first token, byte + 1 */
    uint32_t locking;       /* of FOR UPDATE, FOR SHARE and their kin; 0: none */
    uint32_t current_of;    /* of CURRENT OF; 0: none */
    uint32_t set_operation; /* of the first UNION, INTERSECT or EXCEPT, byte + 1; 0: none */
    char *custom_name;      /* SHOW COLUMNS FROM name, folded */
    char *custom_schema;    /* NULL: none named */
    uint32_t custom_position;
};

/* Scans context->text. Raises on lexical errors and exceeded bounds. */
void tokens_scan(struct sql_context *context, struct tokens *tokens);

static inline uint32_t tokens_set_operation_position(const struct tokens *tokens) {
    return tokens == NULL ? 0 : tokens->set_operation;
}

/* The clause that binds the query block whose first select-list item begins at `position` (byte + 1): its own, else
 * that of the nearest enclosing block; NULL: none. */
const struct tokens_clause *tokens_clause_of(const struct tokens *tokens, uint32_t position);
/* The clause of the table reference alone that begins at `reference` (byte + 1); NULL: it has none of its own. */
const struct tokens_clause *tokens_clause_at(const struct tokens *tokens, uint32_t reference);
bool tokens_point_same(const struct tokens_point *a, const struct tokens_point *b); /* as they are written */
/* The range of versions that is read of it; NULL: its rows. */
const struct tokens_range *tokens_range_at(const struct tokens *tokens, uint32_t reference);

#endif
