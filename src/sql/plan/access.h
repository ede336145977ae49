/* What conditions say of a table's orders: between the files that choose how a scan reads it. */
#ifndef KMB_SQL_ACCESS_H
#define KMB_SQL_ACCESS_H

#include "sql/plan/optimise.h"

enum sarg_kind { SARG_EQUAL, SARG_LESS, SARG_LESS_EQUAL, SARG_GREATER, SARG_GREATER_EQUAL };

/* A condition that can bound a column. */
struct sarg {
    enum sarg_kind kind;
    struct column_id column; /* of the table, or a hidden one whose expression the condition has */
    bool not_null;
    const struct expr *value;
    uint32_t condition; /* index of the condition it came from */
    bool exact;         /* says all that the condition says */
};

struct sargs {
    struct sarg *list;
    uint32_t count;
    uint32_t capacity;
};

/* An order with the bounds that conditions give it: the primary key (index 0) or an index. */
struct candidate {
    struct index_id index;
    const struct key_part *parts;
    uint32_t part_count;
    bool unique;
    const struct sarg *equal[DEFINITION_KEY_COLUMNS_MAX];
    uint32_t equal_count;
    const struct sarg *above; /* on the column behind the equalities: > or >= */
    const struct sarg *below;
    uint32_t score; /* 0: no bounds */
};

/* What the conditions bound. */
void access_sargs(struct optimiser *optimiser, const struct plan_node *scan, struct sargs *sargs,
                  const struct conditions *conditions);
/* The orders of the scan's table that may be read under these conditions, measured: the primary key is the first. */
struct candidate *access_candidates(struct optimiser *optimiser, const struct plan_node *scan,
                                    const struct sargs *sargs, const struct conditions *conditions, uint32_t *count);
void access_bounds(struct optimiser *optimiser, const struct candidate *candidate, struct plan_bound *low,
                   struct plan_bound *high);
/* How many of the table's rows the candidate's range holds. */
double access_rows(struct optimiser *optimiser, const struct plan_node *scan, const struct candidate *candidate,
                   double table_rows);
/* The value in a column's own type; NULL when it is not one. */
const struct expr *access_value(struct optimiser *optimiser, const struct expr *value, enum type_id column);
/* The table's column that the expression is, or that is indexed for it, with its type; false: neither. */
bool access_column(struct optimiser *optimiser, const struct plan_node *scan, const struct expr *expr,
                   struct column_id *column, struct type *type);

/* Whether the node's rows come in the order of these of its columns: all ascending with NULLs last or, *descending, all
 * the other way. */
bool access_in_order(struct optimiser *optimiser, struct plan_node *node, const uint32_t *columns, uint32_t count,
                     bool *descending);

/* bitmap.c: rows that several ranges of indexes hold, in all of them or in any. */
struct bitmap_choice {
    struct plan_node *bitmap; /* NULL: there is none */
    double cost;              /* in rows read in order, with the rows' fetching */
    double rows;              /* fetched */
    bool *covered;            /* the conditions that it answers */
};
struct bitmap_choice bitmap_choose(struct optimiser *optimiser, const struct plan_node *scan,
                                   const struct conditions *conditions, double table_rows);

#endif
