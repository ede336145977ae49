/* SEARCH and CYCLE of a recursive WITH query: what with.c and search.c share. */
#ifndef KMB_SQL_BIND_SEARCH_H
#define KMB_SQL_BIND_SEARCH_H

#include "sql/bind/bind.h"

#define SEARCH_CARRIED_MAX 4

/* Ordinals are of the WITH query's columns. */
struct bind_search {
    uint32_t own; /* columns of the query itself */
    uint32_t *by; /* SEARCH */
    uint32_t by_count;
    bool breadth;
    uint32_t sequence;
    uint32_t key;   /* depth first: what it is ordered by */
    uint32_t depth; /* breadth first */
    uint32_t *over; /* CYCLE */
    uint32_t over_count;
    uint32_t mark;
    uint32_t path;
    uint32_t keys; /* of the path's rows */
    const struct expr *mark_value;
    const struct expr *mark_default;
};

/* Refuses them where the query is not of the form they need. */
void bind_search_check(struct bind *bind, const PgQuery__CommonTableExpr *node, bool recursive);
/* Once the non-recursive term has said what the columns are: adds those of the clauses. */
void bind_search_columns(struct bind *bind, struct bind_search *search, struct bind_cte *entry,
                         const PgQuery__CommonTableExpr *node);
/* The non-recursive term with all columns. */
struct plan_node *bind_search_anchor(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                                     struct plan_node *root);
/* The recursive term with what it must carry on; its rows, bound, with all columns. */
const PgQuery__SelectStmt *bind_search_term(struct bind *bind, const struct bind_search *search,
                                            const struct bind_cte *entry, const PgQuery__SelectStmt *select);
struct plan_node *bind_search_rows(struct bind *bind, const struct bind_search *search, const struct bind_cte *entry,
                                   struct plan_node *term);

#endif
