/*
 * Bound expressions: names resolved, types fixed, casts explicit. Trees live in the statement's arena and are
 * immutable once bound, except by the optimiser, which builds new nodes.
 */
#ifndef KMB_SQL_EXPR_H
#define KMB_SQL_EXPR_H

#include "types/type.h"
#include "types/value.h"

struct sql_function;  /* func/function.h */
struct plan_subquery; /* plan/plan.h */

enum expr_kind {
    EXPR_CONSTANT,  /* value */
    EXPR_COLUMN,    /* column: ordinal in the operator's input row */
    EXPR_PARAMETER, /* column: 0-based number of $n */
    EXPR_CALL,      /* function(arguments): functions, operators and casts alike */
    EXPR_AND,       /* arguments, two or more, Kleene */
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS_NULL,   /* arguments[0]; negated */
    EXPR_IS_TRUTH,  /* arguments[0] IS [NOT] truth (true/false/unknown); negated */
    EXPR_DISTINCT,  /* arguments[0] IS [NOT] DISTINCT FROM arguments[1]; function is the type's = */
    EXPR_CASE,      /* arguments: condition, result, condition, result, ..., else (always present) */
    EXPR_COALESCE,  /* arguments of one type */
    EXPR_NULLIF,    /* arguments[0], arguments[1]; function is = */
    EXPR_EXTREME,   /* GREATEST (negated false), LEAST (negated true) */
    EXPR_IN_LIST,   /* arguments[0] [NOT] IN arguments[1..]; function is =; constants may be hashed */
    EXPR_ANY_ARRAY, /* arguments[0] function ANY (arguments[1], an array); ALL (negated true) */
    EXPR_SUBQUERY,  /* subquery, column of its row; arguments: what EXPR_OUTER 0, 1, ... of its plan stand for */
    EXPR_DOMAIN,    /* arguments[0], which passes the constraints of `domain` */
    EXPR_OUTER,     /* column: number of a value of the enclosing query's row; fixed while the subquery runs */
};

/* What a domain asks of its values: checks are over a row of one column, the value. */
struct expr_domain {
    const char *name; /* as errors call it */
    struct slice schema_name;
    struct slice own_name;
    bool not_null;
    const struct expr **checks; /* in the order of their names */
    const char **check_names;
    uint32_t check_count;
};

enum expr_truth { EXPR_TRUTH_TRUE, EXPR_TRUTH_FALSE, EXPR_TRUTH_UNKNOWN };

struct expr {
    enum expr_kind kind;
    struct type type;
    uint32_t position; /* byte offset + 1 in the statement, 0 none: for run-time errors */
    uint32_t column;
    bool negated;
    bool spread;        /* CALL: VARIADIC, the elements of the last argument are the arguments from there on */
    bool unheld;        /* CALL of a cast: of a number as it is written, which NUMERIC cannot hold and others may */
    bool explicit_cast; /* CALL of a cast: written by the user, not an assignment's (sql_call.explicit_cast) */
    enum expr_truth truth;
    struct value value;
    const struct sql_function *function;
    struct plan_subquery *subquery;
    const struct expr_domain *domain;
    const struct expr **arguments;
    uint32_t argument_count;
};

/* Calls visit on every node, parents first; a false answer ends the walk. Depth is bounded by the parser's limits. */
bool expr_walk(const struct expr *expr, bool (*visit)(const struct expr *node, void *context), void *context);
bool expr_equal(const struct expr *a, const struct expr *b); /* structural, positions aside */
bool expr_has_column(const struct expr *expr);               /* reads a column of the row */
bool expr_is_constant(const struct expr *expr);              /* no column, no parameter, no volatile function */
bool expr_columns(const struct expr *expr, uint64_t *words, uint32_t column_count); /* sets the bits it reads */

struct sql_context;
/*
 * The tree with what change answers in place of a node, parents first; NULL: the node stays, and its arguments are
 * rewritten. Shares what has not changed.
 */
const struct expr *expr_rewrite(struct sql_context *context, const struct expr *expr,
                                const struct expr *(*change)(const struct expr *node, void *object), void *object);
/* The same tree with every EXPR_COLUMN c replaced by mapping[c] (an expression; NULL is an error of ours). */
const struct expr *expr_substitute(struct sql_context *context, const struct expr *expr,
                                   const struct expr *const *mapping, uint32_t mapping_count);
/* The same with parameters replaced by values, where there are any (NULL: none). */
const struct expr *expr_fill(struct sql_context *context, const struct expr *expr, const struct expr *const *values,
                             uint32_t value_count);
/* SQL text of an expression, for EXPLAIN and generated names; column c is printed as names[c]. */
char *expr_text(struct sql_context *context, const struct expr *expr, const char *const *names, uint32_t name_count);

#endif
