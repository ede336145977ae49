/*
 * The order of joins by dynamic programming.
 *
 * For every set of relations the cheapest linear order is kept (Selinger et al., 1979): a set's is that of the set
 * without its last relation, and one join more. A relation that no condition connects is taken only when none that is
 * connected is left. The cost of a join is that of reading its right side whole and hashing it, or of looking it up
 * once for each row so far, whichever is less; in rows read in order.
 *
 * How many rows a set gives does not depend on the order: the product of its relations' rows and, for each class of
 * equal columns and each other condition, a share. Of an equality that is one over the greater number of different
 * values; where it is a unique key, a row meets one at most, however many columns the key has.
 */
#include "base/assert.h"
#include "sql/plan/region.h"

#define SHARE_OTHER 0.33

/* What is known of a relation. */
struct side {
    double rows;                  /* behind its own conditions */
    double table_rows;            /* of the table; else rows */
    double cost;                  /* of reading it */
    const struct plan_node *scan; /* NULL: something else than a scan */
};

struct enumeration {
    struct region *region;
    struct side sides[REGION_ENUMERATED_MAX];
    uint32_t *masks;        /* per condition: the relations it reads */
    double (*different)[2]; /* per condition that is an equality: values on its sides; 0: not known */
};

struct best {
    double cost;
    double rows;
    uint8_t last;
    bool set;
};

static void side_fill(struct optimiser *optimiser, const struct relation *relation, struct side *side) {
    const struct plan_node *node = relation->node;
    *side = (struct side){.rows = node->rows_estimate < 1 ? 1 : node->rows_estimate};
    side->table_rows = side->rows;
    side->cost = side->rows;
    if (node->kind == PLAN_SCAN) {
        double table_rows = estimate_table(optimiser, node);
        side->scan = node;
        side->table_rows = table_rows < 1 ? 1 : table_rows;
        bool ranged = node->low.count > 0 || node->high.count > 0;
        side->cost = !ranged ? side->table_rows : node->index.value == 0 ? side->rows : side->rows * PLAN_COST_FETCH;
    }
}

/* The different values of a column among its table's rows. */
static double different_values(struct enumeration *enumeration, const struct expr *column, uint32_t relation) {
    const struct side *side = &enumeration->sides[relation];
    struct optimiser *optimiser = enumeration->region->optimiser;
    if (side->scan == NULL) {
        return side->table_rows;
    }
    struct expr own = *column;
    const struct expr *key = &own;
    struct index_id index;
    own.column -= enumeration->region->relations[relation].first;
    double fanout = -1;
    if (strategy_index(side->scan, &key, 1, &index)) { /* what is equal lies together there: a sample would miss it */
        fanout = estimate_index_fanout(optimiser, side->scan, index, 1);
    }
    if (fanout < 0) {
        fanout = estimate_column_fanout(optimiser, side->scan, side->scan->scan_columns[own.column], side->table_rows);
    }
    return fanout < 1 ? side->table_rows : side->table_rows / fanout;
}

static void conditions_fill(struct enumeration *enumeration) {
    struct region *region = enumeration->region;
    uint32_t count = region->conditions.count;
    enumeration->masks = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*enumeration->masks));
    enumeration->different = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*enumeration->different));
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *condition = region->conditions.list[i];
        enumeration->masks[i] = (uint32_t)region->touched[i][0];
        for (uint32_t side = 0; side < 2 && region_is_equality(condition); side++) {
            const struct expr *argument = condition->arguments[side];
            enumeration->different[i][side] =
                argument->kind == EXPR_COLUMN
                    ? different_values(enumeration, argument, region_relation_of(region, argument->column))
                    : 0;
        }
    }
}

static double condition_share(const struct enumeration *enumeration, uint32_t i) {
    if (!region_is_equality(enumeration->region->conditions.list[i])) {
        return SHARE_OTHER;
    }
    const double *different = enumeration->different[i];
    double most = different[0] > different[1] ? different[0] : different[1];
    return most < 1 ? 0.1 : 1 / most;
}

/* What connects a relation with a set. */
struct meeting {
    bool connected;
    double share;  /* of all pairs */
    double lookup; /* rows of the table that a row of the set meets by an index; 0: none serves */
};

static bool class_met(const struct region *region, const uint32_t *mask, uint32_t with, uint32_t last, uint32_t i) {
    for (uint32_t k = 0; k < i; k++) {
        if (region->classes[k] != 0 && region->classes[k] == region->classes[i] && (mask[k] & ~with) == 0 &&
            (mask[k] & last) != 0) {
            return true;
        }
    }
    return false;
}

static void meet(const struct enumeration *enumeration, uint32_t set, uint32_t relation, struct meeting *meeting) {
    const struct region *region = enumeration->region;
    const struct side *side = &enumeration->sides[relation];
    uint32_t last = 1u << relation;
    struct expr columns[16] = {0}; /* of the relation, that equalities fix */
    const struct expr *keys[16];
    uint32_t key_count = 0;
    double equal = 1;
    double other = 1;
    *meeting = (struct meeting){0};
    for (uint32_t i = 0; i < region->conditions.count; i++) {
        const struct expr *condition = region->conditions.list[i];
        bool complete = (enumeration->masks[i] & ~(set | last)) == 0 && (enumeration->masks[i] & last) != 0;
        if (!complete) {
            continue;
        }
        bool equality = region_is_equality(condition);
        meeting->connected = meeting->connected || equality;
        for (uint32_t n = 0; n < 2 && equality && key_count < ARRAY_LENGTH(keys); n++) {
            const struct expr *argument = condition->arguments[n];
            if (argument->kind == EXPR_COLUMN && region_relation_of(region, argument->column) == relation) {
                columns[key_count] = *argument;
                columns[key_count].column -= region->relations[relation].first;
                keys[key_count] = &columns[key_count];
                key_count++;
            }
        }
        if (class_met(region, enumeration->masks, set | last, last, i)) {
            continue;
        }
        *(equality ? &equal : &other) *= condition_share(enumeration, i);
    }
    struct index_id index;
    if (side->scan != NULL && optimise_unique_key(side->scan, keys, key_count, &index)) {
        equal = equal > 1 / side->table_rows ? equal : 1 / side->table_rows;
        meeting->lookup = 1;
    } else if (side->scan != NULL && key_count > 0 && strategy_index(side->scan, keys, key_count, &index)) {
        meeting->lookup = equal * side->table_rows < 1 ? 1 : equal * side->table_rows;
    }
    meeting->share = equal * other;
}

static double join_cost(const struct side *side, const struct meeting *meeting, double rows) {
    double hashed = side->cost + side->rows + rows;
    bool bounded = side->scan != NULL && (side->scan->low.count > 0 || side->scan->high.count > 0);
    double looked_up = rows * PLAN_COST_LOOKUP * (1 + meeting->lookup);
    return meeting->lookup > 0 && !bounded && side->table_rows >= ESTIMATE_ROWS_MIN && looked_up < hashed ? looked_up
                                                                                                          : hashed;
}

/* Takes one relation more to the set; false: none is connected with it, and unconnected ones were not wanted. */
static bool extend(const struct enumeration *enumeration, struct best *bests, uint32_t set, bool unconnected) {
    bool any = false;
    for (uint32_t r = 0; r < enumeration->region->relation_count; r++) {
        struct meeting meeting;
        if ((set & (1u << r)) != 0) {
            continue;
        }
        meet(enumeration, set, r, &meeting);
        if (!meeting.connected && !unconnected) {
            continue;
        }
        any = true;
        const struct side *side = &enumeration->sides[r];
        double rows = bests[set].rows * side->rows * meeting.share;
        rows = rows < 1 ? 1 : rows;
        double cost = bests[set].cost + join_cost(side, &meeting, bests[set].rows) + rows;
        struct best *next = &bests[set | (1u << r)];
        if (!next->set || cost < next->cost) {
            *next = (struct best){.cost = cost, .rows = rows, .last = (uint8_t)r, .set = true};
        }
    }
    return any;
}

bool region_enumerate(struct region *region, uint32_t order[REGION_ENUMERATED_MAX],
                      double rows[REGION_ENUMERATED_MAX]) {
    uint32_t count = region->relation_count;
    struct enumeration enumeration = {.region = region};
    bool large = false;
    if (count < 3 || count > REGION_ENUMERATED_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        side_fill(region->optimiser, &region->relations[i], &enumeration.sides[i]);
        large = large || enumeration.sides[i].table_rows >= ESTIMATE_ROWS_MIN;
    }
    if (!large) {
        return false;
    }
    conditions_fill(&enumeration);
    uint32_t full = (1u << count) - 1;
    struct best *bests = sql_alloc_zero(region->optimiser->context, (size_t)full + 1, sizeof(*bests));
    for (uint32_t i = 0; i < count; i++) {
        bests[1u << i] = (struct best){
            .cost = enumeration.sides[i].cost, .rows = enumeration.sides[i].rows, .last = (uint8_t)i, .set = true};
    }
    for (uint32_t set = 1; set < full; set++) {
        if (bests[set].set && !extend(&enumeration, bests, set, false)) {
            (void)extend(&enumeration, bests, set, true);
        }
    }
    for (uint32_t set = full, i = count; i > 0; i--) {
        ASSERT(bests[set].set);
        order[i - 1] = bests[set].last;
        rows[i - 1] = bests[set].rows;
        set &= ~(1u << bests[set].last);
    }
    return true;
}
