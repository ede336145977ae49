/*
 * The order in which a scan asks its conditions.
 *
 * A row that one condition refuses is not asked the next, nor are the next one's columns decoded. So what is cheap and
 * refuses much comes first: by cost over the share refused, as is best for independent conditions (Hellerstein and
 * Stonebraker, 1993). The share is seen on the table's sample, of comparisons of columns with values that are known,
 * which cannot fail. All others follow in PostgreSQL's order: by the number of operators, those of as many as they were
 * written, so that `b <> 0 AND a / b > 1` stays what it says, either way round.
 */
#include "base/assert.h"
#include "sql/exec/vector.h"
#include "sql/plan/optimise.h"

#define RANKED_MAX 16

/* A column or a value, or one of these under another name. */
static bool is_operand(const struct expr *expr) {
    while (expr->kind == EXPR_CALL && expr->function->class == SQL_FUNCTION_CAST && expr->function->scalar == NULL &&
           expr->type.modifier < 0) {
        expr = expr->arguments[0];
    }
    return expr->kind == EXPR_COLUMN || expr->kind == EXPR_CONSTANT;
}

static double operand_cost(const struct expr *expr) {
    switch (vector_form_of(expr->type.id)) {
    case VECTOR_BYTES:
        return 4;
    case VECTOR_DECIMAL:
    case VECTOR_INTERVAL:
    case VECTOR_UUID:
        return 3;
    default:
        return 1;
    }
}

/* What it costs to ask a row; negative: it may fail, or is not known to us. */
static double condition_cost(const struct expr *expr) {
    double cost = 0;
    switch (expr->kind) {
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            double part = condition_cost(expr->arguments[i]);
            if (part < 0) {
                return -1;
            }
            cost += part;
        }
        return cost;
    case EXPR_IS_NULL:
        return is_operand(expr->arguments[0]) ? 1 : -1;
    case EXPR_CALL:
        if (expr->function->class != SQL_FUNCTION_OPERATOR || expr->argument_count != 2 ||
            sql_comparison_find(expr->function->name, expr->arguments[0]->type.id) != expr->function) {
            return -1;
        }
        break;
    case EXPR_IN_LIST:
        cost = 2;
        break;
    default:
        return -1;
    }
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        if (!is_operand(expr->arguments[i])) {
            return -1;
        }
    }
    return cost + 2 * operand_cost(expr->arguments[0]);
}

static bool count_operators(const struct expr *node, void *context) {
    uint64_t *count = context;
    switch (node->kind) {
    case EXPR_CALL:
        *count += node->function->scalar == NULL && node->function->class == SQL_FUNCTION_CAST ? 0 : 2;
        break;
    case EXPR_IN_LIST:
        *count += node->argument_count - 1; /* one is found half-way, PostgreSQL thinks */
        break;
    case EXPR_ANY_ARRAY:
        *count += 10;
        break;
    case EXPR_SUBQUERY:
        *count += UINT32_MAX;
        break;
    case EXPR_DISTINCT:
    case EXPR_NULLIF:
    case EXPR_EXTREME:
    case EXPR_DOMAIN:
        *count += 2;
        break;
    default: /* AND, OR, NOT, tests, CASE, COALESCE: what they are made of */
        break;
    }
    return true;
}

/* Adds a condition behind those of no more operators. */
static void add_by_operators(struct optimiser *optimiser, struct conditions *list, uint64_t *counts,
                             const struct expr *condition) {
    uint64_t count = 0;
    (void)expr_walk(condition, count_operators, &count);
    conditions_add(optimiser, list, condition);
    uint32_t place = list->count - 1;
    for (; place > 0 && counts[place - 1] > count; place--) {
        list->list[place] = list->list[place - 1];
        counts[place] = counts[place - 1];
    }
    list->list[place] = condition;
    counts[place] = count;
}

void optimise_rank(struct optimiser *optimiser, const struct plan_node *scan, bool sampled,
                   struct conditions *conditions) {
    const struct expr *ranked[RANKED_MAX];
    double ranks[RANKED_MAX];
    uint32_t count = 0;
    struct conditions rest = {0};
    uint64_t *counts = sql_alloc(optimiser->context, sizeof(*counts) * ((size_t)conditions->count + 1));
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        double cost = sampled && count < RANKED_MAX ? condition_cost(condition) : -1;
        double share = cost < 0 || conditions->count == 1 ? -1 : estimate_share(optimiser, scan, condition);
        if (share < 0) {
            add_by_operators(optimiser, &rest, counts, condition);
            continue;
        }
        double rank = cost / (1.001 - share);
        uint32_t place = count++;
        for (; place > 0 && ranks[place - 1] > rank; place--) {
            ranked[place] = ranked[place - 1];
            ranks[place] = ranks[place - 1];
        }
        ranked[place] = condition;
        ranks[place] = rank;
    }
    for (uint32_t i = 0; i < count; i++) {
        conditions->list[i] = ranked[i];
    }
    for (uint32_t i = 0; i < rest.count; i++) {
        conditions->list[count + i] = rest.list[i];
    }
    ASSERT(count + rest.count == conditions->count);
}
