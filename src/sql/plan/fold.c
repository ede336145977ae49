/*
 * Constant folding.
 *
 * A call of an immutable function on constants is computed once, here, in a scratch context with a guard of its own: a
 * division by zero or a failing cast raises there, the call stays as it was, and the error comes only if a row reaches
 * it, as CASE WHEN false THEN 1/0 demands. What depends on the moment (now()) or is volatile is left alone, since a
 * plan may be run many times. Around constants, AND, OR, NOT, CASE and COALESCE shrink by their own rules.
 */
#include "base/assert.h"
#include "sql/exec/exec.h"
#include "sql/func/function.h"
#include "sql/plan/optimise.h"
#include "types/array.h"

#define ANY_ELEMENTS_MAX 4096 /* longer arrays stay one value */
#define OR_ARMS_MAX      64   /* longer ones are lists of values, and looking for what they share is quadratic */

static bool visit_volatile(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_CALL || node->function->volatility != SQL_VOLATILE;
}

bool optimise_visit_no_subquery(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_SUBQUERY;
}

bool optimise_is_volatile(const struct expr *expr) {
    return !expr_walk(expr, visit_volatile, NULL);
}

bool optimise_is_fixed(const struct expr *expr) {
    return !expr_has_column(expr) && !optimise_is_volatile(expr);
}

static const struct expr *fold_constant(struct optimiser *optimiser, const struct expr *like,
                                        const struct value *value) {
    struct expr *constant = sql_alloc_zero(optimiser->context, 1, sizeof(*constant));
    constant->kind = EXPR_CONSTANT;
    constant->type = like->type;
    constant->position = like->position;
    if (!value_copy(value, &optimiser->context->arena, &constant->value)) {
        sql_raise(optimiser->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return constant;
}

static const struct expr *fold_boolean(struct optimiser *optimiser, const struct expr *like, bool value) {
    struct value boolean = value_bool(value);
    return fold_constant(optimiser, like, &boolean);
}

/* Evaluates in the scratch context; NULL when it raised. */
static const struct expr *fold_evaluate(struct optimiser *optimiser, const struct expr *expr) {
    struct sql_context *scratch = optimiser->scratch;
    struct arena_mark mark = arena_mark(&scratch->arena);
    const struct expr *volatile folded = NULL;
    SQL_GUARD(scratch) {
        struct value value = exec_evaluate(scratch, expr, NULL, 0);
        folded = fold_constant(optimiser, expr, &value);
    }
    SQL_CAUGHT {
        folded = NULL;
    }
    scratch->guarded = false;
    sql_context_rewind(scratch, mark, NULL); /* a regular expression is held until then */
    sql_check_cancel(optimiser->context);    /* it may be what ended the evaluation */
    return folded;
}

static bool is_true(const struct expr *expr) {
    return expr->kind == EXPR_CONSTANT && !expr->value.is_null && expr->value.as.boolean;
}

/* false; of NULL nothing is said */
static bool is_false(const struct expr *expr) {
    return expr->kind == EXPR_CONSTANT && !expr->value.is_null && !expr->value.as.boolean;
}

static uint32_t conjunct_count(const struct expr *expr) {
    return expr->kind == EXPR_AND ? expr->argument_count : 1;
}

static const struct expr *conjunct(const struct expr *expr, uint32_t i) {
    return expr->kind == EXPR_AND ? expr->arguments[i] : expr;
}

static bool has_conjunct(const struct expr *expr, const struct expr *wanted) {
    for (uint32_t i = 0; i < conjunct_count(expr); i++) {
        if (expr_equal(conjunct(expr, i), wanted)) {
            return true;
        }
    }
    return false;
}

static struct expr *junction_new(struct optimiser *optimiser, const struct expr *like, enum expr_kind kind,
                                 uint32_t capacity) {
    struct expr *made = sql_alloc_zero(optimiser->context, 1, sizeof(*made));
    made->kind = kind;
    made->type = like->type;
    made->position = like->position;
    made->arguments = sql_alloc(optimiser->context, (capacity + 1) * sizeof(*made->arguments));
    return made;
}

/* (a AND b) OR (a AND c) is a AND (b OR c), for NULLs too: so a join condition comes out of an OR. */
static const struct expr *fold_common(struct optimiser *optimiser, const struct expr * or) {
    const struct expr *first = or->arguments[0];
    struct expr *all = junction_new(optimiser, or, EXPR_AND, conjunct_count(first) + 1);
    for (uint32_t i = 0; i < conjunct_count(first); i++) {
        const struct expr *candidate = conjunct(first, i);
        bool common = !optimise_is_volatile(candidate);
        for (uint32_t k = 1; k < or->argument_count && common; k++) {
            common = has_conjunct(or->arguments[k], candidate);
        }
        if (common) {
            all->arguments[all->argument_count++] = candidate;
        }
    }
    if (all->argument_count == 0) {
        return or ;
    }
    struct expr *rest = junction_new(optimiser, or, EXPR_OR, or->argument_count);
    for (uint32_t k = 0; k < or->argument_count; k++) {
        const struct expr *arm = or->arguments[k];
        struct expr *own = junction_new(optimiser, or, EXPR_AND, conjunct_count(arm));
        for (uint32_t i = 0; i < conjunct_count(arm); i++) {
            if (!has_conjunct(all, conjunct(arm, i))) {
                own->arguments[own->argument_count++] = conjunct(arm, i);
            }
        }
        if (own->argument_count == 0) { /* an arm with nothing else: the common part decides */
            return all->argument_count == 1 ? all->arguments[0] : all;
        }
        rest->arguments[rest->argument_count++] = own->argument_count == 1 ? own->arguments[0] : own;
    }
    all->arguments[all->argument_count++] = rest;
    return all;
}

/* AND and OR: flattened, neutral constants dropped, a deciding one wins. */
static const struct expr *fold_junction(struct optimiser *optimiser, struct expr *expr) {
    bool and = expr->kind == EXPR_AND;
    uint32_t total = 0;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        total += expr->arguments[i]->kind == expr->kind ? expr->arguments[i]->argument_count : 1;
    }
    const struct expr **kept = sql_alloc(optimiser->context, (total + 1) * sizeof(*kept));
    uint32_t count = 0;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        const struct expr *argument = expr->arguments[i];
        if (and? is_false(argument) : is_true(argument)) {
            return fold_boolean(optimiser, expr, !and);
        }
        if (and? is_true(argument) : is_false(argument)) {
            continue;
        }
        if (argument->kind == expr->kind) {
            memcpy(kept + count, argument->arguments, argument->argument_count * sizeof(*kept));
            count += argument->argument_count;
        } else {
            kept[count++] = argument;
        }
    }
    if (count == 0) {
        return fold_boolean(optimiser, expr, and);
    }
    if (count == 1) {
        return kept[0];
    }
    expr->arguments = kept;
    expr->argument_count = count;
    return and || count > OR_ARMS_MAX ? expr : fold_common(optimiser, expr);
}

/* The comparison that is true where this one is false; NULL: it is none. */
static const struct sql_function *negator_of(const struct expr *call) {
    static const char *const pairs[][2] = {{"=", "<>"}, {"<", ">="}, {">", "<="}};
    for (uint32_t i = 0; i < 6 && call->argument_count == 2; i++) {
        enum type_id type = call->arguments[0]->type.id;
        if (call->function == sql_comparison_find(pairs[i / 2][i % 2], type)) {
            return sql_comparison_find(pairs[i / 2][1 - i % 2], type);
        }
    }
    return NULL;
}

/* NOT of a folded condition goes down to what can be turned round: so its parts can be pushed and indexes serve. */
static const struct expr *fold_not(struct optimiser *optimiser, const struct expr *like, const struct expr *condition) {
    struct expr *turned = sql_alloc(optimiser->context, sizeof(*turned));
    *turned = *condition;
    switch (condition->kind) {
    case EXPR_CONSTANT:
        return condition->value.is_null ? condition : fold_boolean(optimiser, condition, !condition->value.as.boolean);
    case EXPR_AND:
    case EXPR_OR:
        turned->kind = condition->kind == EXPR_AND ? EXPR_OR : EXPR_AND;
        turned->arguments = sql_alloc(optimiser->context, (condition->argument_count + 1) * sizeof(*turned->arguments));
        for (uint32_t i = 0; i < condition->argument_count; i++) {
            turned->arguments[i] = fold_not(optimiser, like, condition->arguments[i]);
        }
        return fold_junction(optimiser, turned);
    case EXPR_NOT:
        return condition->arguments[0];
    case EXPR_IS_NULL:
    case EXPR_IS_TRUTH:
    case EXPR_DISTINCT:
    case EXPR_IN_LIST:
        turned->negated = !condition->negated;
        return turned;
    case EXPR_CALL:
        turned->function = negator_of(condition);
        if (turned->function != NULL) {
            return turned;
        }
        break;
    default:
        break;
    }
    struct expr *made = junction_new(optimiser, like, EXPR_NOT, 1);
    made->arguments[0] = condition;
    made->argument_count = 1;
    return made;
}

/* Sums, differences and products of NUMERICs are NULL where an operand is: they need not be made, nor fit, to tell. */
static bool is_numeric_arithmetic(const struct expr *expr) {
    static const char *const names[] = {"+", "-", "*"};
    if (expr->kind != EXPR_CALL || expr->function->class != SQL_FUNCTION_OPERATOR || expr->type.id != TYPE_NUMERIC) {
        return false;
    }
    bool arithmetic = false;
    for (uint32_t i = 0; i < 3; i++) {
        arithmetic = arithmetic || strcmp(expr->function->name, names[i]) == 0;
    }
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        arithmetic = arithmetic && expr->arguments[i]->type.id == TYPE_NUMERIC;
    }
    return arithmetic;
}

static const struct expr *fold_is_null(struct optimiser *optimiser, const struct expr *test) {
    const struct expr *of = test->arguments[0];
    if (!is_numeric_arithmetic(of)) {
        return test;
    }
    struct expr *parts = junction_new(optimiser, test, test->negated ? EXPR_AND : EXPR_OR, of->argument_count);
    for (uint32_t i = 0; i < of->argument_count; i++) {
        struct expr *part = junction_new(optimiser, test, EXPR_IS_NULL, 1);
        part->negated = test->negated;
        part->arguments[0] = of->arguments[i];
        part->argument_count = 1;
        parts->arguments[parts->argument_count++] = fold_is_null(optimiser, part);
    }
    return fold_junction(optimiser, parts);
}

/* A condition that rows are asked for: what is not true is as good as false, so NULL decides like it. */
static const struct expr *fold_condition(struct optimiser *optimiser, const struct expr *expr) {
    if (expr->kind == EXPR_CONSTANT && expr->value.is_null) {
        return fold_boolean(optimiser, expr, false);
    }
    if (expr->kind == EXPR_IN_LIST && expr->negated) { /* NOT IN (..., NULL) is never true */
        for (uint32_t i = 1; i < expr->argument_count; i++) {
            if (expr->arguments[i]->kind == EXPR_CONSTANT && expr->arguments[i]->value.is_null) {
                return fold_boolean(optimiser, expr, false);
            }
        }
    }
    if (expr->kind != EXPR_AND && expr->kind != EXPR_OR) {
        return expr;
    }
    struct expr *copy = junction_new(optimiser, expr, expr->kind, expr->argument_count);
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        copy->arguments[copy->argument_count++] = fold_condition(optimiser, expr->arguments[i]);
    }
    return fold_junction(optimiser, copy);
}

static const struct expr *fold_case(struct optimiser *optimiser, struct expr *expr) {
    const struct expr **kept = sql_alloc(optimiser->context, expr->argument_count * sizeof(*kept));
    uint32_t count = 0;
    for (uint32_t i = 0; i + 1 < expr->argument_count; i += 2) {
        const struct expr *condition = expr->arguments[i];
        if (is_true(condition)) { /* the rest is never reached */
            kept[count++] = expr->arguments[i + 1];
            break;
        }
        if (condition->kind == EXPR_CONSTANT) {
            continue; /* false or NULL */
        }
        kept[count++] = condition;
        kept[count++] = expr->arguments[i + 1];
    }
    if (count % 2 == 0) {
        kept[count++] = expr->arguments[expr->argument_count - 1];
    }
    if (count == 1) {
        return kept[0]; /* every branch was brought to the CASE's type */
    }
    expr->arguments = kept;
    expr->argument_count = count;
    return expr;
}

static const struct expr *fold_coalesce(struct optimiser *optimiser, struct expr *expr) {
    const struct expr **kept = sql_alloc(optimiser->context, expr->argument_count * sizeof(*kept));
    uint32_t count = 0;
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        const struct expr *argument = expr->arguments[i];
        bool constant = argument->kind == EXPR_CONSTANT;
        if (constant && argument->value.is_null) {
            continue;
        }
        kept[count++] = argument;
        if (constant) {
            break;
        }
    }
    if (count == 0) {
        return expr->arguments[0];
    }
    if (count == 1) {
        return kept[0];
    }
    expr->arguments = kept;
    expr->argument_count = count;
    return expr;
}

static bool all_constant(const struct expr *expr) {
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        if (expr->arguments[i]->kind != EXPR_CONSTANT) {
            return false;
        }
    }
    return true;
}

static const struct expr *fold_call(struct optimiser *optimiser, const struct expr *expr) {
    if (expr->function->strict && expr->function->volatility != SQL_VOLATILE) {
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            if (expr->arguments[i]->kind == EXPR_CONSTANT && expr->arguments[i]->value.is_null) {
                struct value null = value_null(expr->type.id);
                return fold_constant(optimiser, expr, &null);
            }
        }
    }
    if (expr->function->volatility != SQL_IMMUTABLE || !all_constant(expr)) {
        return optimise_narrow(optimiser, expr);
    }
    const struct expr *folded = fold_evaluate(optimiser, expr);
    return folded == NULL ? expr : folded;
}

/* x = ANY of a constant array is x IN its elements, for which an index and a hash serve; <> ALL likewise. */
static const struct expr *fold_any_array(struct optimiser *optimiser, struct expr *expr) {
    const struct expr *constant = expr->arguments[1];
    if (constant->kind != EXPR_CONSTANT || constant->value.is_null) {
        return expr;
    }
    struct array array;
    array_open(&constant->value, &array);
    const char *name = expr->negated ? "<>" : "=";
    if (array.count == 0 || array.count > ANY_ELEMENTS_MAX ||
        expr->function != sql_comparison_find(name, array.element)) {
        return expr;
    }
    struct expr *list = junction_new(optimiser, expr, EXPR_IN_LIST, array.count + 1);
    list->function = sql_comparison_find("=", array.element);
    list->negated = expr->negated;
    list->arguments[list->argument_count++] = expr->arguments[0];
    for (uint32_t i = 0; i < array.count; i++) {
        struct expr like = *constant;
        like.type = type_make(array.element);
        struct value element = array_get(&array, i);
        list->arguments[list->argument_count++] = fold_constant(optimiser, &like, &element);
    }
    return list;
}

const struct expr *optimise_fold(struct optimiser *optimiser, const struct expr *expr) {
    if (expr->argument_count == 0 && expr->kind != EXPR_CALL) {
        return expr;
    }
    struct expr *copy = sql_alloc(optimiser->context, sizeof(*copy));
    *copy = *expr;
    copy->arguments = sql_alloc(optimiser->context, (expr->argument_count + 1) * sizeof(*copy->arguments));
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        copy->arguments[i] = optimise_fold(optimiser, expr->arguments[i]);
    }
    switch (expr->kind) {
    case EXPR_AND:
    case EXPR_OR:
        return fold_junction(optimiser, copy);
    case EXPR_NOT:
        return fold_not(optimiser, expr, copy->arguments[0]);
    case EXPR_CASE:
        return fold_case(optimiser, copy);
    case EXPR_COALESCE:
        return fold_coalesce(optimiser, copy);
    case EXPR_CALL:
        return fold_call(optimiser, copy);
    case EXPR_SUBQUERY:
        return copy;
    default: {
        const struct expr *folded = all_constant(copy) ? fold_evaluate(optimiser, copy) : NULL;
        if (folded == NULL && copy->kind == EXPR_IS_NULL) {
            return fold_is_null(optimiser, copy);
        }
        if (folded == NULL && copy->kind == EXPR_ANY_ARRAY) {
            return fold_any_array(optimiser, copy);
        }
        return folded == NULL ? copy : folded;
    }
    }
}

static void fold_place(void *context, const struct expr **place) {
    *place = optimise_fold(context, *place);
}

void optimise_fold_plan(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    optimise_fold_plan(optimiser, node->left);
    optimise_fold_plan(optimiser, node->right);
    plan_expressions(node, fold_place, optimiser);
    if ((node->kind == PLAN_FILTER || node->kind == PLAN_JOIN) && node->predicate != NULL) {
        node->predicate = fold_condition(optimiser, node->predicate);
    }
}

void optimise_once(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    if (node->kind == PLAN_FILTER) {
        struct conditions all = {0};
        struct conditions once = {0};
        struct conditions rows = {0};
        conditions_split(optimiser, &all, node->predicate);
        for (uint32_t i = 0; i < all.count; i++) {
            conditions_add(optimiser, optimise_is_fixed(all.list[i]) ? &once : &rows, all.list[i]);
        }
        node->once = conditions_join(optimiser, &once);
        node->predicate = conditions_join(optimiser, &rows);
    }
    optimise_once(optimiser, node->left);
    optimise_once(optimiser, node->right);
}
