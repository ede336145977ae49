/*
 * The choice of plans by values, and whether a run went as planned. Rows are counted a batch at a time, as EXPLAIN
 * ANALYZE counts them, and only for statements that mind.
 */
#include "sql/replan.h"

#include "base/assert.h"
#include "sql/plan/optimise.h"

#define TIMES_OFF  10   /* an estimate is missed by so many times */
#define ROWS_OFF   2000 /* and so many rows */
#define PARTED_MIN 3    /* values with plans of their own, before all values are planned for */
#define FUTILE_MAX 32   /* plans that were there already, after which no more are made unasked */

uint64_t replan_hash(const struct value *values, uint32_t count) {
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = values[i].is_null ? hash * 31 + 7 : value_hash(&values[i], hash);
    }
    return hash == 0 ? 1 : hash;
}

uint8_t replan_choose(const struct replan *replan, uint64_t values, enum sql_plan_mode mode) {
    if (mode == SQL_PLAN_GENERIC) {
        return REPLAN_FIRST;
    }
    bool known = replan->choices[values & (REPLAN_VALUES - 1)].values == values;
    bool ahead = mode == SQL_PLAN_CUSTOM || (replan->parted >= PARTED_MIN && replan->futile < FUTILE_MAX);
    return known ? replan->choices[values & (REPLAN_VALUES - 1)].plan : ahead ? REPLAN_WANTED : REPLAN_FIRST;
}

void replan_chosen(struct replan *replan, uint64_t values, uint8_t plan, bool made) {
    replan->choices[values & (REPLAN_VALUES - 1)].values = values;
    replan->choices[values & (REPLAN_VALUES - 1)].plan = plan;
    replan->parted += plan != REPLAN_FIRST;
    replan->futile = made ? 0 : replan->futile + 1;
}

void replan_want(struct replan *replan, uint64_t values) {
    bool known = replan->choices[values & (REPLAN_VALUES - 1)].values == values;
    if (!known) { /* a plan that was made for them and errs all the same stays */
        replan->choices[values & (REPLAN_VALUES - 1)].values = values;
        replan->choices[values & (REPLAN_VALUES - 1)].plan = REPLAN_WANTED;
    }
}

void replan_forget(struct replan *replan) {
    *replan = (struct replan){.parted = 0};
}

struct minding {
    bool by_value;
    bool large;
};

static void mind(const struct plan_node *node, struct minding *minding) {
    if (node == NULL) {
        return;
    }
    if (node->kind == PLAN_SCAN) {
        minding->by_value = minding->by_value || node->by_value;
        minding->large = minding->large || node->large;
    }
    mind(node->left, minding);
    mind(node->right, minding);
}

bool replan_minds(const struct plan_node *root) {
    struct minding minding = {.large = false};
    mind(root, &minding);
    return minding.by_value && minding.large;
}

static bool node_missed(const struct plan_node *node, const struct plan_measure *measure, bool whole) {
    double planned = node->rows_estimate;
    double met = (double)measure->rows;
    bool more = met > planned * TIMES_OFF && met - planned > ROWS_OFF;
    bool fewer = planned > met * TIMES_OFF && (planned - met > ROWS_OFF || measure->removed > ROWS_OFF);
    /* a join above may have taken rows away before they were counted */
    return measure->loops == 1 && (more || (fewer && whole && node->kind == PLAN_SCAN && measure->dropped == 0));
}

bool replan_missed(const struct plan_node *root, const struct plan_measures *measures, bool ended) {
    if (root == NULL) {
        return false;
    }
    const struct plan_measure *measure = measures->list;
    while (measure != NULL && measure->node != root) {
        measure = measure->next;
    }
    bool counted = root->kind == PLAN_SCAN || root->kind == PLAN_JOIN;
    if (counted && measure != NULL && node_missed(root, measure, ended)) {
        return true;
    }
    /* The right side of a lookup runs once a row, for a part of what was planned; below LIMIT nothing need end. */
    bool once =
        root->kind != PLAN_JOIN || root->join_strategy == PLAN_JOIN_HASH || root->join_strategy == PLAN_JOIN_NESTED;
    bool merged = root->kind == PLAN_JOIN && root->join_strategy == PLAN_JOIN_MERGE; /* ends with the shorter side */
    bool below = ended && root->kind != PLAN_LIMIT && !merged;
    return replan_missed(root->left, measures, below) || (once && replan_missed(root->right, measures, below));
}
