/* One SELECT while it is bound: what select.c and grouping.c share. */
#ifndef KMB_SQL_BIND_SELECT_H
#define KMB_SQL_BIND_SELECT_H

#include "sql/bind/bind.h"

struct select {
    struct bind *bind;
    const PgQuery__SelectStmt *node;
    struct plan_node *plan;
    struct scope scope;
    struct bind_aggregates aggregates;
    struct bind_windows windows;
    struct bind_sets sets_called;
    const struct expr **targets; /* visible first, then what ORDER BY adds */
    const char **names;
    uint32_t visible;
    uint32_t target_count;
    uint32_t target_capacity;
    const struct expr **groups;
    uint32_t group_count;
    uint32_t group_capacity;
    uint32_t *locks; /* targets that are keys of locked rows */
    const struct table_definition **locked;
    struct plan_locking *lockings;
    bool lock_skips; /* one of them SKIP LOCKED */
    uint32_t lock_count;
    uint64_t **sets; /* GROUPING SETS: bits of groups, each with room for BIND_COLUMNS_MAX; none: plain grouping */
    uint32_t set_count;
    const struct expr *having;
    bool regrouping_subquery;        /* the expression being rewritten is what a subquery takes from this row */
    struct plan_sort_key *sort_keys; /* expr: EXPR_COLUMN of a target */
    uint32_t sort_key_count;
    const struct expr **distinct_on; /* EXPR_COLUMN of targets */
    uint32_t distinct_on_count;
    const struct expr **late;     /* late.c: of each target; NULL: it is not late */
    const uint32_t *late_columns; /* where the columns that late targets read stand in the projection below them */
};

/* --- select.c --- */
const struct expr *select_column(struct bind *bind, uint32_t ordinal, const struct expr *like);
uint32_t select_add_target(struct select *select, const struct expr *expr, const char *name);
/* An ordinal of the select list, when the node is an integer constant; raises for other constants. */
bool select_ordinal(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target);
/* An output name; two different expressions of one name are ambiguous. */
bool select_alias(struct select *select, const PgQuery__Node *node, const char *clause, uint32_t *target);
const char *select_bare_name(const PgQuery__Node *node); /* a name without a table; NULL: something else */

/* --- late.c --- */
/* Whether there are targets that are computed behind ORDER BY and LIMIT. */
bool select_find_late(struct select *select);
bool select_sets_late(const struct select *select); /* the set-returning functions are */
/* The projection below the order, without them, and the one above it. */
struct plan_node *select_early_project(struct select *select);
struct plan_node *select_late_project(struct select *select);
const struct expr *select_rows_read(struct bind *bind, const struct expr *limit, const struct expr *offset);

/* --- grouping.c --- */
/* GROUP BY: the grouping expressions and sets. */
void select_bind_groups(struct select *select);
/* The AGGREGATE node, HAVING above it, and targets and windows over its row. */
void select_aggregate(struct select *select);

#endif
