/* A tree of inner joins taken apart: relations and conditions, between the files that put it together again. */
#ifndef KMB_SQL_REGION_H
#define KMB_SQL_REGION_H

#include "base/map.h"
#include "sql/plan/optimise.h"

struct relation {
    struct plan_node *node;
    struct plan_node *spare; /* lateral.c; NULL: none */
    uint32_t first;          /* of its columns in the region's row */
    uint32_t count;
    struct conditions own;
    bool joined;
};

struct region {
    struct optimiser *optimiser;
    struct relation *relations;
    uint32_t relation_count;
    uint32_t relation_capacity;
    uint32_t width;
    struct conditions conditions; /* over the region's row */
    struct conditions constant;   /* read no column, or volatile: on top */
    uint64_t **touched;           /* per condition: the relations it reads */
    uint32_t *classes;            /* per condition: the class of columns it makes equal, from 1; 0: none */
    bool *used;
    uint32_t words; /* of a set of relations */
};

/* An operator = of two arguments. */
bool region_is_equality(const struct expr *condition);
uint32_t region_relation_of(const struct region *region, uint32_t column);

/* strategy.c: an index of the scan's table, or its primary key, that begins with one of these columns of the scan. */
bool strategy_index(const struct plan_node *scan, const struct expr *const *keys, uint32_t key_count,
                    struct index_id *index);

/* classes.c: adds the equalities that follow from others: a = b and b = c make a = c. */
void region_close(struct region *region);
/* a = b and b = 3 make a = 3 of all columns of the region, and a = b is gone. */
void region_fix(struct optimiser *optimiser, struct conditions *conditions);

#define REGION_ENUMERATED_MAX 10 /* relations of which all orders are tried */
#define REGION_ORDERED_MAX    24 /* and of which an order is chosen by cost */
struct region_order {
    uint32_t relations[REGION_ORDERED_MAX];
    double rows[REGION_ORDERED_MAX];    /* that the first i + 1 of them give */
    double lookups[REGION_ORDERED_MAX]; /* of the table of the one at i, that a row of those before it meets by an
                                         * index; 0: none serves */
};
/* enumerate.c: the cheapest order by which to join; false: too many relations, or small ones. */
bool region_enumerate(struct region *region, struct region_order *order);

/* lateral.c: a copy of groups made of a scan, to be taken before conditions are pushed into them; NULL: it is something
 * else. */
struct plan_node *lateral_spare(struct optimiser *optimiser, struct plan_node *node);
/* A hash join with groups, of whose nodes there is a spare, becomes a lateral one if few rows ask; own: the conditions
 * that were pushed into the groups. The spare can be used once. */
bool lateral_try(struct optimiser *optimiser, struct plan_node *join, struct plan_node *spare,
                 const struct conditions *own);

#endif
