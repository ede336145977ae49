/*
 * Classes of equal columns.
 *
 * c.nation = s.nation and s.nation = n.key say that c.nation = n.key as well, and only then may c and n be joined
 * before s is. Columns that equalities connect form a class; for each class that has one column a relation, every pair
 * that nobody wrote becomes a condition. When two parts are joined, one equality of a class is enough.
 *
 * Where one column of a class is equal to a value, all are: each is asked for it in its own table, where an index may
 * find it, and the equalities between them say nothing any more.
 */
#include "base/assert.h"
#include "sql/plan/region.h"

#define CLASS_COLUMNS_MAX 8

/* a = b of two plain columns of one type. */
static bool is_pair(const struct expr *condition) {
    return region_is_equality(condition) && condition->arguments[0]->kind == EXPR_COLUMN &&
           condition->arguments[1]->kind == EXPR_COLUMN &&
           condition->arguments[0]->type.id == condition->arguments[1]->type.id;
}

struct members {
    const struct expr *columns[CLASS_COLUMNS_MAX];
    uint32_t count;
    const struct expr *like; /* one of its equalities */
    bool whole;              /* no more than fit, none twice in a relation, all compared by one function */
};

static void member_add(const struct region *region, struct members *members, const struct expr *column) {
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->columns[i]->column == column->column) {
            return;
        }
        members->whole = members->whole && region_relation_of(region, members->columns[i]->column) !=
                                               region_relation_of(region, column->column);
    }
    if (members->count == CLASS_COLUMNS_MAX) {
        members->whole = false;
        return;
    }
    members->columns[members->count++] = column;
}

static void class_number(struct region *region) {
    uint32_t count = region->conditions.count;
    uint32_t next = 1;
    for (uint32_t i = 0; i < count; i++) {
        region->classes[i] = is_pair(region->conditions.list[i]) ? next++ : 0;
    }
    for (bool changed = true; changed;) { /* the number of a pair is the least of those that share a column with it */
        changed = false;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t k = 0; k < count; k++) {
                const struct expr *a = region->conditions.list[i];
                const struct expr *b = region->conditions.list[k];
                if (region->classes[i] == 0 || region->classes[k] >= region->classes[i] || region->classes[k] == 0) {
                    continue;
                }
                for (int side = 0; side < 4; side++) {
                    if (a->arguments[side / 2]->column == b->arguments[side % 2]->column) {
                        region->classes[i] = region->classes[k];
                        changed = true;
                    }
                }
            }
        }
    }
}

static void condition_add(struct region *region, const struct expr *condition, uint32_t class) {
    struct optimiser *optimiser = region->optimiser;
    uint32_t count = region->conditions.count;
    uint64_t **touched = sql_alloc(optimiser->context, (count + 1) * sizeof(*touched));
    uint32_t *classes = sql_alloc(optimiser->context, (count + 1) * sizeof(*classes));
    if (count > 0) {
        memcpy(touched, region->touched, count * sizeof(*touched));
        memcpy(classes, region->classes, count * sizeof(*classes));
    }
    touched[count] = sql_alloc_zero(optimiser->context, region->words, sizeof(**touched));
    for (int side = 0; side < 2; side++) {
        bitset_set(touched[count], region_relation_of(region, condition->arguments[side]->column));
    }
    classes[count] = class;
    region->touched = touched;
    region->classes = classes;
    region->used = sql_alloc_zero(optimiser->context, count + 2, sizeof(*region->used));
    conditions_add(optimiser, &region->conditions, condition);
}

static bool pair_written(const struct region *region, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < region->conditions.count; i++) {
        const struct expr *condition = region->conditions.list[i];
        if (is_pair(condition)) {
            uint32_t x = condition->arguments[0]->column;
            uint32_t y = condition->arguments[1]->column;
            if ((x == a && y == b) || (x == b && y == a)) {
                return true;
            }
        }
    }
    return false;
}

static void class_close(struct region *region, const struct members *members, uint32_t class) {
    for (uint32_t i = 0; i < members->count; i++) {
        for (uint32_t k = i + 1; k < members->count; k++) {
            if (pair_written(region, members->columns[i]->column, members->columns[k]->column)) {
                continue;
            }
            struct expr *equal = sql_alloc(region->optimiser->context, sizeof(*equal));
            *equal = *members->like;
            equal->arguments = sql_alloc(region->optimiser->context, 2 * sizeof(*equal->arguments));
            equal->arguments[0] = members->columns[i];
            equal->arguments[1] = members->columns[k];
            condition_add(region, equal, class);
        }
    }
}

void region_close(struct region *region) {
    uint32_t count = region->conditions.count;
    region->classes = sql_alloc_zero(region->optimiser->context, count + 1, sizeof(*region->classes));
    class_number(region);
    uint32_t *numbers = sql_alloc(region->optimiser->context, (count + 1) * sizeof(*numbers));
    memcpy(numbers, region->classes, count * sizeof(*numbers));
    for (uint32_t i = 0; i < count; i++) {
        struct members members = {.like = region->conditions.list[i], .whole = true};
        bool first = numbers[i] != 0;
        for (uint32_t k = 0; k < count && first; k++) {
            const struct expr *condition = region->conditions.list[k];
            if (numbers[k] != numbers[i]) {
                continue;
            }
            first = k >= i;
            members.whole = members.whole && condition->function == members.like->function;
            member_add(region, &members, condition->arguments[0]);
            member_add(region, &members, condition->arguments[1]);
        }
        if (!first) {
            continue;
        }
        if (members.whole) {
            class_close(region, &members, numbers[i]);
            continue;
        }
        for (uint32_t k = 0; k < count; k++) { /* each of its conditions counts for itself */
            region->classes[k] = numbers[k] == numbers[i] ? 0 : region->classes[k];
        }
    }
}

/* --- values --- */

/* column = value of one type; *side: of the column. */
static bool is_fixed(const struct expr *condition, int *side) {
    if (!region_is_equality(condition) || condition->arguments[0]->type.id != condition->arguments[1]->type.id) {
        return false;
    }
    *side = condition->arguments[0]->kind == EXPR_COLUMN ? 0 : 1;
    const struct expr *value = condition->arguments[1 - *side];
    return condition->arguments[*side]->kind == EXPR_COLUMN &&
           (value->kind == EXPR_CONSTANT || value->kind == EXPR_PARAMETER);
}

/* The condition that fixes a column; NULL: none. */
static const struct expr *fixing(const struct conditions *conditions, const struct expr *column) {
    for (uint32_t i = 0; i < conditions->count; i++) {
        int side = 0;
        if (is_fixed(conditions->list[i], &side) && conditions->list[i]->arguments[side]->column == column->column) {
            return conditions->list[i];
        }
    }
    return NULL;
}

static const struct expr *value_of(const struct expr *fixed) {
    int side = 0;
    (void)is_fixed(fixed, &side);
    return fixed->arguments[1 - side];
}

void region_fix(struct optimiser *optimiser, struct conditions *conditions) {
    for (bool changed = true; changed;) { /* each round fixes a column more */
        changed = false;
        for (uint32_t i = 0; i < conditions->count; i++) {
            const struct expr *pair = conditions->list[i];
            for (int side = 0; side < 2 && is_pair(pair); side++) {
                const struct expr *from = fixing(conditions, pair->arguments[side]);
                const struct expr *to = pair->arguments[1 - side];
                if (from == NULL || from->function != pair->function || fixing(conditions, to) != NULL) {
                    continue;
                }
                struct expr *fixed = sql_alloc(optimiser->context, sizeof(*fixed));
                *fixed = *from;
                int column = 0;
                (void)is_fixed(from, &column);
                fixed->arguments = sql_alloc(optimiser->context, 2 * sizeof(*fixed->arguments));
                fixed->arguments[column] = to;
                fixed->arguments[1 - column] = from->arguments[1 - column];
                conditions_add(optimiser, conditions, fixed);
                changed = true;
            }
        }
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *pair = conditions->list[i];
        const struct expr *left = is_pair(pair) ? fixing(conditions, pair->arguments[0]) : NULL;
        const struct expr *right = is_pair(pair) ? fixing(conditions, pair->arguments[1]) : NULL;
        bool needless = left != NULL && right != NULL && left->function == pair->function &&
                        right->function == pair->function && expr_equal(value_of(left), value_of(right));
        if (!needless) {
            conditions->list[count++] = pair;
        }
    }
    conditions->count = count;
}
