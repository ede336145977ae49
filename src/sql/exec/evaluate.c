/*
 * Vectorised evaluation.
 *
 * An evaluator mirrors an expression node. It has a result vector of its own, indexed by the batch's row numbers, so
 * that no row ever moves: narrowing (AND, CASE, COALESCE) is a shorter list of row numbers, not a copy. Columns are
 * answered as they stand in the batch, constants as vectors marked constant, and a subtree without columns is computed
 * once, when its first row is asked for.
 *
 * Null flags of a result are all 0 while may_have_null is false; each run restores that before it sets any. A strict
 * function gets only rows whose arguments are all there; where no argument has a NULL, the common case, it gets the
 * selection unchanged, and with it the dense loop.
 */
#include "sql/exec/evaluate.h"

#include "base/assert.h"
#include "sql/exec/evaluate_array.h"
#include "sql/exec/evaluate_domain.h"
#include "sql/exec/evaluate_list.h"
#include "sql/exec/evaluate_spread.h"
#include "sql/exec/operator.h"
#include "sql/func/function.h"

struct evaluator {
    const struct expr *expr;
    enum expr_kind kind;
    bool fixed;    /* no column, nothing volatile: computed once */
    bool computed; /* fixed and done */
    bool negated;
    uint32_t argument_count;
    uint32_t rows_max;
    struct evaluator **arguments;
    struct vector **vectors; /* arguments' results of this run */
    struct vector result;
    struct sql_call call; /* CALL, and the = of DISTINCT, NULLIF, IN */
    sql_scalar_fn *scalar;
    bool strict;
    struct evaluate_list *list;     /* IN over constants */
    struct evaluate_array *array;   /* ANY and ALL of an array */
    struct evaluate_spread *spread; /* a call with VARIADIC */
    uint16_t *rows[2];              /* scratch selections, made when first needed */
    struct vector *scratch;         /* of the = of DISTINCT, NULLIF, IN */
    struct evaluate_domain *domain;
    struct subquery_run *subquery;
    struct value *outers; /* of a subquery: its arguments' values of one row */
    struct sql_context *context;
};

/* --- compiling --- */

static bool is_fixed(const struct expr *expr, struct evaluator *const *arguments) {
    if (expr->kind == EXPR_COLUMN) {
        return false;
    }
    if (expr->kind == EXPR_CALL && expr->function->volatility == SQL_VOLATILE) {
        return false;
    }
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        if (!arguments[i]->fixed) {
            return false;
        }
    }
    return true;
}

/* The value of a constant, a parameter or an outer value, of the type the expression has; false for others. */
static bool constant_value(const struct evaluator_scope *scope, const struct expr *expr, struct value *value) {
    if (expr->kind == EXPR_CONSTANT) {
        *value = expr->value;
    } else if (expr->kind == EXPR_PARAMETER) {
        if (expr->column >= scope->parameter_count) {
            sql_raise(scope->context, KMB_UNDEFINED_PARAMETER, expr->position, "there is no parameter $%u",
                      expr->column + 1);
        }
        *value = scope->parameters[expr->column];
    } else if (expr->kind == EXPR_OUTER) {
        ASSERT(scope->exec != NULL && expr->column < scope->exec->outer_count);
        *value = scope->exec->outers[expr->column];
    } else {
        return false;
    }
    if (expr->type.id != TYPE_UNKNOWN && value->type != expr->type.id) {
        ASSERT(value->is_null || vector_form_of(value->type) == vector_form_of(expr->type.id));
        value->type = expr->type.id;
    }
    return true;
}

static void make_constant(struct evaluator *evaluator, const struct value *value, struct type type) {
    vector_init_rows(evaluator->context, &evaluator->result, type, 1);
    vector_set(&evaluator->result, 0, value);
    evaluator->result.constant = true;
    evaluator->computed = true;
}

static void make_call(struct evaluator *evaluator, const struct evaluator_scope *scope,
                      const struct sql_function *function, const struct expr *expr) {
    uint32_t count = expr->kind == EXPR_CALL ? expr->argument_count : 2;
    struct type *types = sql_alloc(scope->context, sizeof(*types) * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        types[i] = expr->arguments[i]->type;
    }
    evaluator->scalar = function->scalar;
    evaluator->strict = function->strict;
    if (function->class == SQL_FUNCTION_CAST && function->scalar == NULL && expr->type.modifier >= 0) {
        /* A relabelling to a type with a modifier: the type's own length coercion does it. */
        const struct sql_function *length = sql_cast_find(expr->type.id, expr->type.id, SQL_CAST_IMPLICIT);
        evaluator->scalar = length == NULL ? NULL : length->scalar;
        types[0].id = expr->type.id;
    }
    evaluator->call = (struct sql_call){
        .context = scope->context,
        .arena = evaluator->fixed ? &scope->context->arena : scope->arena, /* what is computed once must stay */
        .result_type = expr->kind == EXPR_CALL ? expr->type : type_make(TYPE_BOOL),
        .argument_types = types,
        .argument_count = count,
        .position = expr->position,
        .explicit_cast = expr->explicit_cast,
    };
}

struct evaluator *evaluator_make(const struct evaluator_scope *scope, const struct expr *expr) {
    struct evaluator *evaluator = sql_alloc_zero(scope->context, 1, sizeof(*evaluator));
    evaluator->expr = expr;
    evaluator->kind = expr->kind;
    evaluator->negated = expr->negated;
    evaluator->context = scope->context;
    evaluator->rows_max = scope->rows_max;
    evaluator->argument_count = expr->argument_count;
    struct value value;
    if (constant_value(scope, expr, &value)) {
        make_constant(evaluator, &value, expr->type);
        evaluator->fixed = true;
        return evaluator;
    }
    if (expr->kind == EXPR_COLUMN) {
        return evaluator;
    }
    if (expr->kind == EXPR_SUBQUERY) {
        ASSERT(scope->exec != NULL);
        evaluator->subquery = subquery_make(scope->exec, expr->subquery);
        evaluator->outers = sql_alloc(scope->context, sizeof(struct value) * (expr->argument_count + 1));
        evaluator->call.arena = scope->arena;
    }
    if (expr->argument_count > 0) {
        evaluator->arguments = sql_alloc(scope->context, sizeof(struct evaluator *) * expr->argument_count);
        evaluator->vectors = sql_alloc(scope->context, sizeof(struct vector *) * expr->argument_count);
    }
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        evaluator->arguments[i] = evaluator_make(scope, expr->arguments[i]);
    }
    evaluator->fixed = is_fixed(expr, evaluator->arguments);
    if (expr->kind == EXPR_DOMAIN) { /* the argument's data, once it has passed */
        evaluator->domain = evaluate_domain_make(scope, expr->domain);
        evaluator->result.type = expr->type;
        return evaluator;
    }
    if (expr->kind == EXPR_CALL) {
        make_call(evaluator, scope, expr->function, expr);
        evaluator->spread = expr->spread ? evaluate_spread_make(&evaluator->call, expr->function) : NULL;
        if (evaluator->scalar == NULL) { /* relabelled argument: shares its data */
            evaluator->result.type = expr->type;
            return evaluator;
        }
    } else if (expr->kind == EXPR_DISTINCT || expr->kind == EXPR_NULLIF || expr->kind == EXPR_IN_LIST) {
        make_call(evaluator, scope, expr->function, expr);
        evaluator->scratch = sql_alloc(scope->context, sizeof(*evaluator->scratch));
        vector_init_rows(scope->context, evaluator->scratch, type_make(TYPE_BOOL), scope->rows_max);
    }
    if (expr->kind == EXPR_ANY_ARRAY) {
        make_call(evaluator, scope, expr->function, expr);
        evaluator->array = evaluate_array_make(&evaluator->call, expr->function, expr->negated);
    }
    if (expr->kind == EXPR_IN_LIST) {
        bool all = true;
        for (uint32_t i = 1; i < expr->argument_count; i++) {
            all = all && (expr->arguments[i]->kind == EXPR_CONSTANT || expr->arguments[i]->kind == EXPR_PARAMETER);
        }
        if (all && expr->argument_count > EVALUATE_LIST_MIN) {
            evaluator->list = evaluate_list_make(scope->context, expr->argument_count - 1);
            for (uint32_t i = 1; i < expr->argument_count; i++) {
                struct value element = vector_get(&evaluator->arguments[i]->result, 0);
                evaluate_list_add(evaluator->list, &element);
            }
        }
    }
    vector_init_rows(scope->context, &evaluator->result, expr->type, evaluator->fixed ? 1 : scope->rows_max);
    return evaluator;
}

/* --- helpers of a run --- */

static const struct vector *run(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                uint32_t count);

static uint16_t *scratch_rows(struct evaluator *evaluator, unsigned n) {
    if (evaluator->rows[n] == NULL) {
        evaluator->rows[n] = sql_alloc(evaluator->context, sizeof(uint16_t) * evaluator->rows_max);
    }
    return evaluator->rows[n];
}

static struct vector *fresh_result(struct evaluator *evaluator) {
    struct vector *result = &evaluator->result;
    if (result->may_have_null) {
        memset(result->null, 0, evaluator->fixed ? 1 : evaluator->rows_max);
        result->may_have_null = false;
    }
    return result;
}

static inline bool is_null(const struct vector *vector, uint32_t row) {
    return vector->may_have_null && vector->null[vector_row(vector, row)];
}

static inline void set_null(struct vector *vector, uint32_t row) {
    vector->null[row] = 1;
    vector->may_have_null = true;
}

/* Rows of the selection on which neither vector is NULL. Where none is, answers the selection itself. */
static const uint16_t *both_present(const struct vector *a, const struct vector *b, const uint16_t *selection,
                                    uint32_t count, uint16_t *out, uint32_t *out_count) {
    if (!a->may_have_null && !b->may_have_null) {
        *out_count = count;
        return selection;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        out[n] = (uint16_t)row;
        n += !is_null(a, row) && !is_null(b, row);
    }
    *out_count = n;
    return out;
}

/* --- kinds --- */

/* Sets result's null flags from the arguments' and answers the rows to compute. */
static const uint16_t *strict_rows(struct evaluator *evaluator, struct vector *result, const uint16_t *selection,
                                   uint32_t *count) {
    bool any = false;
    for (uint32_t n = 0; n < evaluator->argument_count; n++) {
        any |= evaluator->vectors[n]->may_have_null;
    }
    if (!any) {
        return selection;
    }
    uint16_t *rows = scratch_rows(evaluator, 0);
    uint32_t present = 0;
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        bool null = false;
        for (uint32_t n = 0; n < evaluator->argument_count; n++) {
            null |= is_null(evaluator->vectors[n], row);
        }
        result->null[row] = null;
        rows[present] = (uint16_t)row;
        present += !null;
    }
    if (present == *count) {
        return selection;
    }
    result->may_have_null = true;
    *count = present;
    return rows;
}

static const struct vector *run_call(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                     uint32_t count) {
    for (uint32_t i = 0; i < evaluator->argument_count; i++) {
        evaluator->vectors[i] = (struct vector *)(uintptr_t)run(evaluator->arguments[i], batch, selection, count);
    }
    if (evaluator->scalar == NULL) {
        struct type type = evaluator->result.type;
        evaluator->result = *evaluator->vectors[0];
        evaluator->result.type = type;
        return &evaluator->result;
    }
    struct vector *result = fresh_result(evaluator);
    if (evaluator->strict) {
        selection = strict_rows(evaluator, result, selection, &count);
    }
    if (count > 0 && evaluator->spread != NULL) {
        evaluate_spread_run(evaluator->spread, evaluator->vectors, result, selection, count);
    } else if (count > 0) {
        evaluator->scalar(&evaluator->call, evaluator->vectors, result, selection, count);
    }
    return result;
}

static const struct vector *run_domain(struct evaluator *evaluator, const struct batch *batch,
                                       const uint16_t *selection, uint32_t count) {
    struct type type = evaluator->result.type;
    evaluator->result = *run(evaluator->arguments[0], batch, selection, count);
    evaluator->result.type = type;
    evaluate_domain_run(evaluator->domain, &evaluator->result, selection, count);
    return &evaluator->result;
}

/*
 * AND and OR. A row leaves as soon as one argument decides it (false for AND, true for OR); a NULL is remembered, and
 * holds if nothing later decides.
 */
static const struct vector *run_logic(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                      uint32_t count) {
    bool deciding = evaluator->kind == EXPR_OR;
    struct vector *result = fresh_result(evaluator);
    uint16_t *open = scratch_rows(evaluator, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        open[i] = (uint16_t)row;
        result->boolean[row] = !deciding;
    }
    uint32_t left = count;
    for (uint32_t n = 0; n < evaluator->argument_count && left > 0; n++) {
        bool whole = selection == NULL && left == count;
        const struct vector *value = run(evaluator->arguments[n], batch, whole ? NULL : open, left);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < left; i++) {
            uint32_t row = open[i];
            if (is_null(value, row)) {
                set_null(result, row);
                open[kept++] = (uint16_t)row;
            } else if ((value->boolean[vector_row(value, row)] != 0) == deciding) {
                result->boolean[row] = deciding;
                result->null[row] = 0;
            } else {
                open[kept++] = (uint16_t)row;
            }
        }
        left = kept;
    }
    return result;
}

static const struct vector *run_not(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                    uint32_t count) {
    const struct vector *value = run(evaluator->arguments[0], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    result->may_have_null = value->may_have_null;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        uint32_t from = vector_row(value, row);
        result->boolean[row] = !value->boolean[from];
        result->null[row] = value->may_have_null ? value->null[from] : 0;
    }
    return result;
}

static const struct vector *run_is(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                   uint32_t count) {
    const struct vector *value = run(evaluator->arguments[0], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    bool unknown = evaluator->kind == EXPR_IS_NULL || evaluator->expr->truth == EXPR_TRUTH_UNKNOWN;
    bool wanted = evaluator->expr->truth == EXPR_TRUTH_TRUE;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        bool null = is_null(value, row);
        bool holds = unknown ? null : !null && (value->boolean[vector_row(value, row)] != 0) == wanted;
        result->boolean[row] = holds != evaluator->negated;
    }
    return result;
}

/* The = of two arguments on the rows where both are present, in evaluator->scratch. */
static void run_equal(struct evaluator *evaluator, const struct vector *a, const struct vector *b,
                      const uint16_t *selection, uint32_t count) {
    struct vector *pair[2] = {(struct vector *)(uintptr_t)a, (struct vector *)(uintptr_t)b};
    if (count > 0) {
        evaluator->scalar(&evaluator->call, pair, evaluator->scratch, selection, count);
    }
}

static const struct vector *run_distinct(struct evaluator *evaluator, const struct batch *batch,
                                         const uint16_t *selection, uint32_t count) {
    const struct vector *a = run(evaluator->arguments[0], batch, selection, count);
    const struct vector *b = run(evaluator->arguments[1], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    uint32_t present = 0;
    const uint16_t *rows = both_present(a, b, selection, count, scratch_rows(evaluator, 0), &present);
    run_equal(evaluator, a, b, rows, present);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        bool null_a = is_null(a, row);
        bool null_b = is_null(b, row);
        bool differ = null_a || null_b ? null_a != null_b : !evaluator->scratch->boolean[row];
        result->boolean[row] = differ != evaluator->negated;
    }
    return result;
}

static const struct vector *run_subquery(struct evaluator *evaluator, const struct batch *batch,
                                         const uint16_t *selection, uint32_t count) {
    for (uint32_t i = 0; i < evaluator->argument_count; i++) {
        evaluator->vectors[i] = (struct vector *)(uintptr_t)run(evaluator->arguments[i], batch, selection, count);
    }
    struct vector *result = fresh_result(evaluator);
    struct arena *arena = evaluator->fixed ? &evaluator->context->arena : evaluator->call.arena;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        for (uint32_t n = 0; n < evaluator->argument_count; n++) {
            const struct vector *argument = evaluator->vectors[n];
            evaluator->outers[n] = vector_get(argument, vector_row(argument, row));
        }
        struct value value = subquery_value(evaluator->subquery, evaluator->outers, evaluator->argument_count,
                                            evaluator->expr->column, arena);
        vector_set(result, row, &value);
    }
    return result;
}

static const struct vector *run_nullif(struct evaluator *evaluator, const struct batch *batch,
                                       const uint16_t *selection, uint32_t count) {
    const struct vector *a = run(evaluator->arguments[0], batch, selection, count);
    const struct vector *b = run(evaluator->arguments[1], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    uint32_t present = 0;
    const uint16_t *rows = both_present(a, b, selection, count, scratch_rows(evaluator, 0), &present);
    run_equal(evaluator, a, b, rows, present);
    vector_copy(result, selection, a, selection, count);
    for (uint32_t i = 0; i < present; i++) {
        uint32_t row = rows == NULL ? i : rows[i];
        if (evaluator->scratch->boolean[row]) {
            set_null(result, row);
        }
    }
    return result;
}

static const struct vector *run_case(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                     uint32_t count) {
    struct vector *result = fresh_result(evaluator);
    uint16_t *open = scratch_rows(evaluator, 0);
    uint16_t *hit = scratch_rows(evaluator, 1);
    for (uint32_t i = 0; i < count; i++) {
        open[i] = selection == NULL ? (uint16_t)i : selection[i];
    }
    uint32_t left = count;
    for (uint32_t n = 0; n + 1 < evaluator->argument_count && left > 0; n += 2) {
        const struct vector *condition = run(evaluator->arguments[n], batch, open, left);
        uint32_t kept = 0;
        uint32_t hits = 0;
        for (uint32_t i = 0; i < left; i++) {
            uint16_t row = open[i];
            if (!is_null(condition, row) && condition->boolean[vector_row(condition, row)]) {
                hit[hits++] = row;
            } else {
                open[kept++] = row;
            }
        }
        left = kept;
        if (hits > 0) {
            vector_copy(result, hit, run(evaluator->arguments[n + 1], batch, hit, hits), hit, hits);
        }
    }
    if (left > 0) {
        const struct vector *otherwise = run(evaluator->arguments[evaluator->argument_count - 1], batch, open, left);
        vector_copy(result, open, otherwise, open, left);
    }
    return result;
}

static const struct vector *run_coalesce(struct evaluator *evaluator, const struct batch *batch,
                                         const uint16_t *selection, uint32_t count) {
    const struct vector *first = run(evaluator->arguments[0], batch, selection, count);
    if (!first->may_have_null) {
        return first;
    }
    struct vector *result = fresh_result(evaluator);
    vector_copy(result, selection, first, selection, count);
    uint16_t *open = scratch_rows(evaluator, 0);
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        open[left] = (uint16_t)row;
        left += result->null[row];
    }
    for (uint32_t n = 1; n < evaluator->argument_count && left > 0; n++) {
        vector_copy(result, open, run(evaluator->arguments[n], batch, open, left), open, left);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < left; i++) {
            uint16_t row = open[i];
            open[kept] = row;
            kept += result->null[row];
        }
        left = kept;
    }
    return result;
}

static const struct vector *run_extreme(struct evaluator *evaluator, const struct batch *batch,
                                        const uint16_t *selection, uint32_t count) {
    struct vector *result = fresh_result(evaluator);
    vector_copy(result, selection, run(evaluator->arguments[0], batch, selection, count), selection, count);
    for (uint32_t n = 1; n < evaluator->argument_count; n++) {
        const struct vector *other = run(evaluator->arguments[n], batch, selection, count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = selection == NULL ? i : selection[i];
            if (is_null(other, row)) {
                continue;
            }
            struct value candidate = vector_get(other, vector_row(other, row));
            struct value best = vector_get(result, row);
            int order = best.is_null ? 0 : value_compare(&candidate, &best);
            if (best.is_null || (evaluator->negated ? order < 0 : order > 0)) {
                candidate.type = result->type.id;
                vector_set(result, row, &candidate);
            }
        }
    }
    return result;
}

/* x IN (a, b, ...): true when one is equal; else NULL when x or any of the list is; else false. */
static const struct vector *run_in(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                   uint32_t count) {
    const struct vector *value = run(evaluator->arguments[0], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    uint16_t *open = scratch_rows(evaluator, 0);
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        result->boolean[row] = evaluator->negated;
        if (is_null(value, row)) {
            set_null(result, row);
        } else {
            open[left++] = (uint16_t)row;
        }
    }
    if (evaluator->list != NULL) {
        evaluate_list_find(evaluator->list, value, result, open, left, evaluator->negated);
        return result;
    }
    for (uint32_t n = 1; n < evaluator->argument_count && left > 0; n++) {
        const struct vector *item = run(evaluator->arguments[n], batch, open, left);
        uint32_t present = 0;
        const uint16_t *rows = both_present(item, item, open, left, scratch_rows(evaluator, 1), &present);
        run_equal(evaluator, value, item, rows, present);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < left; i++) {
            uint16_t row = open[i];
            if (is_null(item, row)) {
                set_null(result, row);
                open[kept++] = row;
            } else if (evaluator->scratch->boolean[row]) {
                result->boolean[row] = !evaluator->negated;
                result->null[row] = 0;
            } else {
                open[kept++] = row;
            }
        }
        left = kept;
    }
    return result;
}

static const struct vector *run_any_array(struct evaluator *evaluator, const struct batch *batch,
                                          const uint16_t *selection, uint32_t count) {
    const struct vector *value = run(evaluator->arguments[0], batch, selection, count);
    const struct vector *arrays = run(evaluator->arguments[1], batch, selection, count);
    struct vector *result = fresh_result(evaluator);
    evaluate_array_run(evaluator->array, value, arrays, result, selection, count);
    return result;
}

static const struct vector *dispatch(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                     uint32_t count) {
    switch (evaluator->kind) {
    case EXPR_CALL:
        return run_call(evaluator, batch, selection, count);
    case EXPR_AND:
    case EXPR_OR:
        return run_logic(evaluator, batch, selection, count);
    case EXPR_NOT:
        return run_not(evaluator, batch, selection, count);
    case EXPR_IS_NULL:
    case EXPR_IS_TRUTH:
        return run_is(evaluator, batch, selection, count);
    case EXPR_DISTINCT:
        return run_distinct(evaluator, batch, selection, count);
    case EXPR_CASE:
        return run_case(evaluator, batch, selection, count);
    case EXPR_COALESCE:
        return run_coalesce(evaluator, batch, selection, count);
    case EXPR_NULLIF:
        return run_nullif(evaluator, batch, selection, count);
    case EXPR_EXTREME:
        return run_extreme(evaluator, batch, selection, count);
    case EXPR_SUBQUERY:
        return run_subquery(evaluator, batch, selection, count);
    case EXPR_DOMAIN:
        return run_domain(evaluator, batch, selection, count);
    case EXPR_IN_LIST:
        return run_in(evaluator, batch, selection, count);
    case EXPR_ANY_ARRAY:
        return run_any_array(evaluator, batch, selection, count);
    default:
        UNREACHABLE("expression kind");
    }
}

static const struct vector *run(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                uint32_t count) {
    if (evaluator->kind == EXPR_COLUMN) {
        ASSERT(batch != NULL && evaluator->expr->column < batch->column_count);
        return &batch->columns[evaluator->expr->column];
    }
    if (evaluator->computed || count == 0) {
        return &evaluator->result;
    }
    if (!evaluator->fixed) {
        return dispatch(evaluator, batch, selection, count);
    }
    const struct vector *once = dispatch(evaluator, NULL, NULL, 1);
    if (once != &evaluator->result) {
        evaluator->result = *once;
    }
    evaluator->result.constant = true;
    evaluator->computed = true;
    return &evaluator->result;
}

const struct vector *evaluator_run(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                                   uint32_t count) {
    ASSERT(count <= VECTOR_ROWS);
    return run(evaluator, batch, selection, count);
}

uint32_t evaluator_select(struct evaluator *evaluator, const struct batch *batch, const uint16_t *selection,
                          uint32_t count, uint16_t *rows_out) {
    if (evaluator->kind == EXPR_AND && !evaluator->fixed) {
        for (uint32_t n = 0; n < evaluator->argument_count && count > 0; n++) {
            count = evaluator_select(evaluator->arguments[n], batch, selection, count, rows_out);
            selection = rows_out;
        }
        return count;
    }
    const struct vector *value = run(evaluator, batch, selection, count);
    ASSERT(count == 0 || value->form == VECTOR_BOOL || (value->constant && value->may_have_null));
    if (count == 0 || (value->constant && (is_null(value, 0) || !value->boolean[0]))) {
        return 0;
    }
    uint32_t kept = 0;
    if (selection == NULL && !value->constant && !value->may_have_null) { /* the usual first filter of a scan */
        for (uint32_t row = 0; row < count; row++) {
            rows_out[kept] = (uint16_t)row;
            kept += value->boolean[row];
        }
        return kept;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection == NULL ? i : selection[i];
        uint32_t at = vector_row(value, row);
        rows_out[kept] = (uint16_t)row;
        kept += value->boolean[at] != 0 && !(value->may_have_null && value->null[at]);
    }
    return kept;
}

struct value evaluator_value(const struct evaluator_scope *scope, const struct expr *expr) {
    struct value value;
    if (constant_value(scope, expr, &value)) {
        return value;
    }
    return vector_get(evaluator_run(evaluator_make(scope, expr), NULL, NULL, 1), 0);
}

struct value exec_evaluate(struct sql_context *context, const struct expr *expr, const struct value *parameters,
                           uint32_t parameter_count) {
    struct evaluator_scope scope = {.context = context,
                                    .arena = &context->arena,
                                    .parameters = parameters,
                                    .parameter_count = parameter_count,
                                    .rows_max = 1};
    return evaluator_value(&scope, expr);
}
