/*
 * Which plan a statement with parameters takes for which values.
 *
 * A plan is made for values that are not known, or for some that are. Where a run of it meets another number of rows,
 * ten times as many or a tenth, and thousands of them, its values are noted, and the next run with the same values has
 * a plan made for them: perhaps one that there is already, for plans that differ in nothing are one. A run whose values
 * were never out of line takes the first plan and costs nothing more. When that has happened to several values, the
 * statement is known to be one whose plan is up to its values: from then on values not met before are planned for at
 * once; until planning for many brings nothing new.
 *
 * What was chosen for values stays, so no two plans take turns at being wrong for them.
 */
#ifndef KMB_SQL_REPLAN_H
#define KMB_SQL_REPLAN_H

#include "sql/plan/explain.h"

#define REPLAN_PLANS_MAX 4  /* of a statement, beside its first */
#define REPLAN_VALUES    64 /* remembered; a power of two. Others that fall on the same place are noted again */
#define REPLAN_FIRST     0
#define REPLAN_WANTED    UINT8_MAX

struct replan {
    struct {
        uint64_t values; /* their hash; 0: none */
        uint8_t plan;    /* 0 the first, 1.. another, REPLAN_WANTED: one is to be made for them */
    } choices[REPLAN_VALUES];
    uint32_t parted; /* values that have a plan of their own */
    uint32_t futile; /* plans made since that were there already */
};

uint64_t replan_hash(const struct value *values, uint32_t count); /* never 0 */
/* The plan to take. */
uint8_t replan_choose(const struct replan *replan, uint64_t values, enum sql_plan_mode mode);
/* A plan was made for the values: a new one, or one that there was. */
void replan_chosen(struct replan *replan, uint64_t values, uint8_t plan, bool made);
/* A run met other numbers of rows than planned. */
void replan_want(struct replan *replan, uint64_t values);
/* No plan but the first is there any more. */
void replan_forget(struct replan *replan);

/* Whether plans of this statement are up to its parameters, and a table is large enough to mind. */
bool replan_minds(const struct plan_node *root);
/* Whether the run met other numbers of rows. ended: to its end, else only that there were more is known. */
bool replan_missed(const struct plan_node *root, const struct plan_measures *measures, bool ended);

#endif
