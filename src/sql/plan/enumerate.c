/*
 * The order of joins by dynamic programming; of more than ten relations by going on, from each of them, with the join
 * that costs least.
 *
 * For every set of relations the cheapest linear order is kept (Selinger et al., 1979): a set's is that of the set
 * without its last relation, and one join more. A relation that no condition connects is taken only when none that is
 * connected is left. The cost of a join is that of reading its right side whole and hashing it, or of looking it up
 * once for each row so far, whichever is less; in rows read in order.
 *
 * How many rows a set gives does not depend on the order: the product of its relations' rows and, for each class of
 * equal columns and each other condition, a share. Of an equality that is one over the greater number of different
 * values; where it is a unique key, a row meets one at most, however many columns the key has. Where the values on one
 * side are known (known.c) it is the share of the rows of the other side that have them.
 */
#include "base/assert.h"
#include "sql/plan/known.h"
#include "sql/plan/region.h"

#define SHARE_OTHER 0.33

/* What is known of a relation. */
struct side {
    double rows;                  /* behind its own conditions */
    double table_rows;            /* of the table; else rows */
    double cost;                  /* of reading it */
    const struct plan_node *scan; /* NULL: something else than a scan */
    struct known_rows known;      /* of its sample */
    uint32_t partners;            /* relations whose values are known, and that meet this one */
    double *together;             /* by set of partners: the share of rows that meets them; 0: not asked yet */
};

/* A relation whose values are known on one side of a condition, and what they leave of the other. */
struct pair {
    uint32_t small; /* relation; UINT32_MAX: the condition is no such */
    uint32_t large;
    double share;   /* of the large one's rows */
    uint64_t *bits; /* of its sample */
};

struct enumeration {
    struct region *region;
    struct side sides[REGION_ORDERED_MAX];
    uint32_t *masks;        /* per condition: the relations it reads */
    double (*different)[2]; /* per condition that is an equality: values on its sides; 0: not known */
    struct pair *pairs;     /* per condition */
    uint64_t *told;         /* scratch: bits of conditions */
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
        side->cost = node->left != NULL       ? node->read_estimate * PLAN_COST_FETCH
                     : !ranged                ? side->table_rows
                     : node->index.value == 0 ? side->rows
                                              : side->rows * PLAN_COST_FETCH;
        side->known = known_rows(optimiser, node);
        if (side->known.sample != NULL && side->known.sample->whole) {
            side->rows = side->known.count < 1 ? 1 : side->known.count;
        }
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

/* Of the rows of a table, those that meet a small one whose values are known. */
static bool pair_try(struct enumeration *enumeration, uint32_t small, const struct expr *small_column, uint32_t large,
                     const struct expr *large_column, struct pair *pair) {
    const struct region *region = enumeration->region;
    struct side *side = &enumeration->sides[large];
    struct value values[KNOWN_VALUES_MAX];
    uint32_t count = 0;
    uint32_t ordinal = side->scan->scan_columns[large_column->column - region->relations[large].first];
    uint32_t key = enumeration->sides[small].scan->scan_columns[small_column->column - region->relations[small].first];
    if (side->known.sample == NULL || ordinal >= side->known.sample->rows.column_count ||
        !known_values(&enumeration->sides[small].known, key, values, &count)) {
        return false;
    }
    const struct plan_sample *sample = side->known.sample;
    *pair = (struct pair){.small = small, .large = large};
    pair->bits = sql_alloc_zero(region->optimiser->context, sample_words(sample), sizeof(*pair->bits));
    known_match(sample, ordinal, values, count, pair->bits);
    struct expr own = *large_column;
    const struct expr *keys = &own;
    struct index_id index;
    own.column -= region->relations[large].first;
    double rows = strategy_index(side->scan, &keys, 1, &index) ? known_entries(sample, index, values, count) : -1;
    if (rows < 0) {
        uint32_t matches = 0;
        for (uint32_t i = 0; i < sample->rows.row_count; i++) {
            matches += bitset_get(pair->bits, i);
        }
        rows = (matches == 0 ? 0.5 : matches) / sample->rows.row_count * side->table_rows;
    }
    pair->share = (rows < 1 ? 1 : rows) / side->table_rows;
    pair->share = pair->share > 1 ? 1 : pair->share;
    side->partners |= 1u << small;
    if (side->together == NULL && region->relation_count <= REGION_ENUMERATED_MAX) {
        side->together =
            sql_alloc_zero(region->optimiser->context, (size_t)1 << region->relation_count, sizeof(*side->together));
    }
    return true;
}

/* Looks which side of an equality of two columns is small and known. */
static void pair_fill(struct enumeration *enumeration, const struct expr *condition, struct pair *pair) {
    pair->small = UINT32_MAX;
    const struct expr *const *arguments = condition->arguments;
    if (arguments[0]->kind != EXPR_COLUMN || arguments[1]->kind != EXPR_COLUMN ||
        arguments[0]->type.id != arguments[1]->type.id) {
        return;
    }
    uint32_t relations[2] = {region_relation_of(enumeration->region, arguments[0]->column),
                             region_relation_of(enumeration->region, arguments[1]->column)};
    const struct side *sides[2] = {&enumeration->sides[relations[0]], &enumeration->sides[relations[1]]};
    if (sides[0]->scan == NULL || sides[1]->scan == NULL) {
        return;
    }
    uint32_t small = sides[0]->table_rows <= sides[1]->table_rows ? 0 : 1;
    if (!pair_try(enumeration, relations[small], arguments[small], relations[1 - small], arguments[1 - small], pair)) {
        pair->small = UINT32_MAX;
    }
}

static void conditions_fill(struct enumeration *enumeration) {
    struct region *region = enumeration->region;
    uint32_t count = region->conditions.count;
    enumeration->masks = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*enumeration->masks));
    enumeration->different = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*enumeration->different));
    enumeration->told = sql_alloc_zero(region->optimiser->context, count / 64 + 1, sizeof(*enumeration->told));
    enumeration->pairs = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*enumeration->pairs));
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *condition = region->conditions.list[i];
        enumeration->masks[i] = (uint32_t)region->touched[i][0];
        enumeration->pairs[i].small = UINT32_MAX;
        if (region_is_equality(condition)) {
            pair_fill(enumeration, condition, &enumeration->pairs[i]);
        }
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

#define TOGETHER_ROWS_MIN 8 /* fewer sampled rows say little of what conditions leave together */

/* The share of a relation's rows that meet all of a set of known relations. */
static double together_count(const struct enumeration *enumeration, uint32_t large, uint32_t set) {
    const struct side *side = &enumeration->sides[large];
    size_t words = sample_words(side->known.sample);
    uint64_t *bits = sql_alloc(enumeration->region->optimiser->context, words * sizeof(*bits));
    double product = 1;
    uint32_t met = 0;
    memcpy(bits, side->known.bits, words * sizeof(*bits));
    for (uint32_t i = 0; i < enumeration->region->conditions.count; i++) {
        const struct pair *pair = &enumeration->pairs[i];
        bool counts = pair->small != UINT32_MAX && pair->large == large && (set & ~met & (1u << pair->small)) != 0;
        for (size_t word = 0; word < words && counts; word++) {
            bits[word] &= pair->bits[word];
        }
        met |= counts ? 1u << pair->small : 0;
        product *= counts ? pair->share : 1;
    }
    double matches = 0;
    for (size_t word = 0; word < words; word++) {
        matches += __builtin_popcountll(bits[word]);
    }
    if (side->known.count < TOGETHER_ROWS_MIN) {
        return product;
    }
    double most = (matches + 1) / side->known.count;
    return matches >= TOGETHER_ROWS_MIN || side->known.sample->whole
               ? (matches < 0.5 ? 0.5 : matches) / side->known.count
           : product < most ? product
                            : most;
}

static double share_together(const struct enumeration *enumeration, uint32_t large, uint32_t set) {
    const struct side *side = &enumeration->sides[large];
    double once = 0;
    double *kept = side->together == NULL ? &once : &side->together[set & side->partners];
    if (*kept == 0) {
        *kept = (set & side->partners) == 0 ? 1 : together_count(enumeration, large, set & side->partners);
    }
    return *kept;
}

/* Whether a condition, or another of its class, is among those told. */
static bool told_get(const struct enumeration *enumeration, const uint64_t *told, uint32_t condition) {
    const uint32_t *classes = enumeration->region->classes;
    for (uint32_t i = 0; i < enumeration->region->conditions.count; i++) {
        if (bitset_get(told, i) && (i == condition || (classes[i] != 0 && classes[i] == classes[condition]))) {
            return true;
        }
    }
    return false;
}

/* The share of all pairs that known values leave, as a relation comes to a set; the classes of their conditions are
 * told by that. */
static double share_known(const struct enumeration *enumeration, uint32_t set, uint32_t relation, uint64_t *told) {
    const struct side *side = &enumeration->sides[relation];
    double share = 1;
    bool asked = false;
    for (uint32_t i = 0; i < enumeration->region->conditions.count; i++) {
        const struct pair *pair = &enumeration->pairs[i];
        bool comes_small = pair->small == relation && (set & (1u << pair->large)) != 0;
        bool comes_large = pair->small != UINT32_MAX && pair->large == relation && (set & (1u << pair->small)) != 0;
        if (comes_small && !told_get(enumeration, told, i)) {
            share *= share_together(enumeration, pair->large, set | (1u << relation)) /
                     share_together(enumeration, pair->large, set & ~(1u << relation)) / side->rows;
        } else if (comes_large && !asked) {
            share *= share_together(enumeration, relation, set);
            for (uint32_t n = 0; n < enumeration->region->relation_count; n++) {
                share /= (set & side->partners & (1u << n)) != 0 ? enumeration->sides[n].rows : 1;
            }
            asked = true;
        }
        if (comes_small || comes_large) {
            bitset_set(told, i);
        }
    }
    return share;
}

/* What connects a relation with a set. */
struct meeting {
    bool connected;
    double share;  /* of all pairs */
    double lookup; /* rows of the table that a row of the set meets by an index; 0: none serves */
    double fetch;  /* what each of them costs */
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
    uint64_t *told = enumeration->told;
    memset(told, 0, (region->conditions.count / 64 + 1) * sizeof(*told));
    double equal = share_known(enumeration, set, relation, told);
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
        if (told_get(enumeration, told, i) || class_met(region, enumeration->masks, set | last, last, i)) {
            continue;
        }
        *(equality ? &equal : &other) *= condition_share(enumeration, i);
    }
    struct index_id index;
    if (side->scan != NULL && optimise_unique_key(side->scan, keys, key_count, &index)) {
        equal = equal > 1 / side->table_rows ? equal : 1 / side->table_rows;
        meeting->lookup = 1;
        meeting->fetch = index.value == 0 ? 1 : PLAN_COST_FETCH;
    } else if (side->scan != NULL && key_count > 0 && strategy_index(side->scan, keys, key_count, &index)) {
        meeting->lookup = equal * side->table_rows < 1 ? 1 : equal * side->table_rows;
        meeting->fetch = index.value == 0 ? 1 : PLAN_COST_FETCH;
    }
    meeting->share = equal * other;
}

static double join_cost(const struct side *side, const struct meeting *meeting, double rows) {
    double hashed = side->cost + side->rows + rows;
    bool bounded =
        side->scan != NULL && (side->scan->low.count > 0 || side->scan->high.count > 0) && side->scan->asked == NULL;
    double looked_up = rows * (PLAN_COST_LOOKUP + meeting->lookup * meeting->fetch);
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

/* The cheapest linear order of all. */
static void order_best(const struct enumeration *enumeration, struct region_order *order) {
    uint32_t count = enumeration->region->relation_count;
    uint32_t full = (1u << count) - 1;
    struct best *bests = sql_alloc_zero(enumeration->region->optimiser->context, (size_t)full + 1, sizeof(*bests));
    for (uint32_t i = 0; i < count; i++) {
        bests[1u << i] = (struct best){
            .cost = enumeration->sides[i].cost, .rows = enumeration->sides[i].rows, .last = (uint8_t)i, .set = true};
    }
    for (uint32_t set = 1; set < full; set++) {
        if (bests[set].set && !extend(enumeration, bests, set, false)) {
            (void)extend(enumeration, bests, set, true);
        }
    }
    for (uint32_t set = full, i = count; i > 0; i--) {
        ASSERT(bests[set].set);
        order->relations[i - 1] = bests[set].last;
        order->rows[i - 1] = bests[set].rows;
        set &= ~(1u << bests[set].last);
        struct meeting meeting = {0};
        if (set != 0) {
            meet(enumeration, set, order->relations[i - 1], &meeting);
        }
        order->lookups[i - 1] = meeting.lookup;
    }
}

/* Goes on from a first relation with the one whose join costs least, each time; the cost of all. */
static double order_from(const struct enumeration *enumeration, uint32_t first, struct region_order *order) {
    uint32_t count = enumeration->region->relation_count;
    uint32_t set = 1u << first;
    double rows = enumeration->sides[first].rows;
    double cost = enumeration->sides[first].cost;
    order->relations[0] = first;
    order->rows[0] = rows;
    order->lookups[0] = 0;
    for (uint32_t i = 1; i < count; i++) {
        double least = 0;
        bool connected = false;
        order->relations[i] = UINT32_MAX;
        for (uint32_t r = 0; r < count; r++) {
            struct meeting meeting;
            if ((set & (1u << r)) != 0) {
                continue;
            }
            meet(enumeration, set, r, &meeting);
            const struct side *side = &enumeration->sides[r];
            double given = rows * side->rows * meeting.share;
            given = given < 1 ? 1 : given;
            double step = join_cost(side, &meeting, rows) + given;
            bool better = order->relations[i] == UINT32_MAX || (meeting.connected && !connected) ||
                          (meeting.connected == connected && step < least);
            if (better) {
                least = step;
                connected = meeting.connected;
                order->relations[i] = r;
                order->rows[i] = given;
                order->lookups[i] = meeting.lookup;
            }
        }
        set |= 1u << order->relations[i];
        rows = order->rows[i];
        cost += least;
    }
    return cost;
}

/* Of more relations than all orders can be tried of: the cheapest of those that each relation begins. */
static void order_greedy(const struct enumeration *enumeration, struct region_order *order) {
    double least = order_from(enumeration, 0, order);
    for (uint32_t first = 1; first < enumeration->region->relation_count; first++) {
        struct region_order other;
        double cost = order_from(enumeration, first, &other);
        if (cost < least) {
            least = cost;
            *order = other;
        }
    }
}

bool region_enumerate(struct region *region, struct region_order *order) {
    uint32_t count = region->relation_count;
    struct enumeration enumeration = {.region = region};
    bool large = false;
    if (count < 2 || count > REGION_ORDERED_MAX) {
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
    if (count <= REGION_ENUMERATED_MAX) {
        order_best(&enumeration, order);
    } else {
        order_greedy(&enumeration, order);
    }
    return true;
}
