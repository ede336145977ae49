/*
 * Between EXPLAIN's files: explain.c makes a tree of labelled properties of a plan, explain_print.c writes it in any
 * format, explain_name.c has the text of expressions and explain_cost.c the estimates.
 *
 * Text differs from the other formats in more than syntax: a node is a line of prose there ("Index Scan using t_pkey on
 * t") and a set of properties elsewhere. So a group carries its line, and a property says whether it is for text only,
 * for the others only, or for all.
 */
#ifndef KMB_SQL_EXPLAIN_TREE_H
#define KMB_SQL_EXPLAIN_TREE_H

#include "sql/plan/explain.h"

enum explain_kind {
    EXPLAIN_TEXT,
    EXPLAIN_BARE,   /* a number, true or false */
    EXPLAIN_LIST,   /* of texts */
    EXPLAIN_LISTS,  /* of lists */
    EXPLAIN_GROUP,  /* properties in a group of their own */
    EXPLAIN_GROUPS, /* a list of such */
};

enum explain_shown { EXPLAIN_IN_ALL, EXPLAIN_IN_TEXT, EXPLAIN_IN_OTHERS };

struct explain_list {
    struct explain_list *next;
    const char *const *texts;
    uint32_t count;
};

struct explain_property {
    struct explain_property *next;
    const char *label; /* "Node Type" */
    enum explain_kind kind;
    enum explain_shown shown;
    const char *text;
    const char *unit;           /* of a number, in text only: "kB" */
    struct explain_list *lists; /* LIST: one */
    struct explain_group *groups;
};

struct explain_group {
    struct explain_group *next; /* in a list */
    struct explain_property *properties;
    struct explain_property **end;
    const char *title;           /* of a node, in text */
    const char *heading;         /* on a line above it: "CTE x"; NULL: none */
    struct explain_group *plans; /* nodes below */
    struct explain_group **plans_end;
};

struct explain {
    struct sql_context *context;
    const struct plan_explain_options *options;
    bool qualified;       /* names carry their table's alias */
    bool several;         /* relations: names do so in Output, too */
    const void *told[64]; /* subqueries and WITH queries told: several places may refer to one */
    uint32_t told_count;
    const struct plan_measures *measures;
    struct plan_cte *const *writes; /* in the statement's WITH */
    uint32_t write_count;
};

/* --- explain_print.c --- */
struct explain_group *explain_group_new(struct explain *explain);
struct explain_property *explain_add(struct explain *explain, struct explain_group *group, const char *label,
                                     enum explain_kind kind, enum explain_shown shown);
void explain_add_text(struct explain *explain, struct explain_group *group, const char *label, const char *text);
void explain_add_list(struct explain *explain, struct explain_group *group, const char *label, const char *const *texts,
                      uint32_t count);
/* The tree's rows; the root is a group whose properties stand at the top, with one plan or none. */
uint32_t explain_print(struct explain *explain, const struct explain_group *root, struct slice **lines);
/* The same of a statement without a plan. */
uint32_t explain_print_nothing(struct explain *explain, const char *tag, struct slice **lines);

/* --- explain_name.c: the text of what nodes compute, over names of columns --- */
const char *const *explain_names(struct explain *explain, const struct plan_node *node); /* of its output */
const char *explain_expression(struct explain *explain, const struct expr *expr, const struct plan_node *over);
/* The columns that a write returns; NULL: it has no RETURNING. */
const char *const *explain_returning(struct explain *explain, const struct plan_node *write);
/* The index (or primary key) that a scan goes through. */
struct slice explain_order_name(const struct plan_node *scan);
const char *explain_alias(struct explain *explain, const struct plan_node *scan);
/* The range of a scan as conditions on the columns of its order; NULL: none. */
const char *explain_range(struct explain *explain, const struct plan_node *scan);
/* Keys of a join as conditions. */
const char *explain_keys(struct explain *explain, const struct plan_node *join, bool right_first);
const char *explain_slice(struct explain *explain, struct slice slice);

/* --- explain_cost.c --- */
struct explain_cost {
    double startup; /* until the first row */
    double total;
    double rows;
    uint32_t width; /* bytes of a row */
};
/* right_lookup: the node is looked up by this join. */
struct explain_cost explain_cost_of(const struct plan_node *node);

#endif
