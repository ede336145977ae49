/*
 * Calls of set-returning functions, and those that stand in a select list.
 *
 * A call in the select list makes of each row as many as it has rows; several go side by side, NULL behind the end of
 * the shorter. So the rows below are joined laterally to a PLAN_FUNCTION of all the calls, after aggregates and windows
 * and before DISTINCT and ORDER BY, and each call's place in the list is a column of it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

const struct sql_function *const *bind_set_candidates(struct bind *bind, const PgQuery__FuncCall *call,
                                                      uint32_t *count) {
    *count = 0;
    return call->n_funcname == 1 || bind_call_is_system(call)
               ? sql_function_candidates(bind->context, SQL_FUNCTION_SET,
                                         bind_string(call->funcname[call->n_funcname - 1]), count)
               : NULL;
}

struct plan_aggregate bind_set_call(const struct bind_scope *scope, const PgQuery__FuncCall *call,
                                    const struct sql_function *const *candidates, uint32_t candidate_count) {
    const char *name = bind_string(call->funcname[call->n_funcname - 1]);
    uint32_t position = bind_location(call->location);
    bind_check_set_call(scope->bind, call, name);
    const struct expr **arguments = NULL;
    uint32_t count = bind_arguments(scope, call, name, &arguments);
    const struct expr *built =
        bind_chosen_call(scope->bind, candidates, candidate_count, name, arguments, count, position);
    return (struct plan_aggregate){.function = built->function,
                                   .arguments = built->arguments,
                                   .argument_count = built->argument_count,
                                   .type = built->type,
                                   .position = position};
}

/* --- in a select list --- */

/* Where it may not stand. */
static _Noreturn void raise_place(const struct bind_scope *scope, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    const char *hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
    if (scope->place == BIND_AGGREGATE) {
        sql_raise_with(context, KMB_UNSUPPORTED, position, NULL, hint,
                       "aggregate function calls cannot contain set-returning function calls");
    }
    if (scope->place == BIND_WINDOW_ARGUMENT) {
        sql_raise_with(context, KMB_UNSUPPORTED, position, NULL, hint,
                       "window function calls cannot contain set-returning function calls");
    }
    const char *place = scope->no_sets != NULL ? scope->no_sets : bind_place_name(scope->place);
    sql_raise_with(context, KMB_UNSUPPORTED, position, NULL, scope->no_sets != NULL ? hint : NULL,
                   "set-returning functions are not allowed in %s", place);
}

struct bind_scope bind_without_sets(const struct bind_scope *scope, const char *construct) {
    struct bind_scope inner = *scope;
    inner.sets = NULL;
    inner.no_sets = construct;
    return inner;
}

/* A column of what all the calls give. */
static const struct expr *set_column(struct bind *bind, struct type type, uint32_t number, uint32_t position) {
    struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
    column->kind = EXPR_COLUMN;
    column->type = type;
    column->column = BIND_SET_BASE + number;
    column->position = position;
    return column;
}

/* A call that gives several columns is a row of them. */
const struct expr *bind_set_item(const struct bind_scope *scope, const PgQuery__FuncCall *call,
                                 const struct sql_function *const *candidates, uint32_t candidate_count) {
    struct bind *bind = scope->bind;
    struct bind_sets *sets = scope->sets;
    uint32_t position = bind_location(call->location);
    if (sets == NULL) {
        raise_place(scope, position);
    }
    struct bind_scope inner = bind_without_sets(scope, "the arguments of another here");
    struct plan_aggregate made = bind_set_call(&inner, call, candidates, candidate_count);
    uint32_t index = 0;
    uint32_t first = 0; /* of the columns of all calls */
    while (index < sets->count && !bind_aggregate_equal(&sets->calls[index], &made)) {
        first += sql_set_columns(sets->calls[index].function->set);
        index++;
    }
    if (index == sets->count) {
        struct plan_aggregate *grown = sql_alloc(bind->context, (sets->count + 1) * sizeof(*grown));
        if (sets->count > 0) {
            memcpy(grown, sets->calls, sets->count * sizeof(*grown));
        }
        grown[sets->count++] = made;
        sets->calls = grown;
    }
    const struct sql_set *set = made.function->set;
    if (sql_set_columns(set) == 1) {
        return set_column(bind, made.type, first, position);
    }
    struct bind_record record = {.count = set->column_count};
    record.fields = sql_alloc(bind->context, record.count * sizeof(*record.fields));
    record.names = sql_alloc(bind->context, record.count * sizeof(*record.names));
    for (uint32_t i = 0; i < record.count; i++) {
        record.names[i] = set->columns[i].name;
        record.fields[i] = set_column(bind, type_make(set->columns[i].type), first + i, position);
    }
    return bind_record(bind, &record, position);
}

void bind_sets_expressions(struct bind_sets *sets, void (*each)(void *context, const struct expr **place),
                           void *context) {
    for (uint32_t i = 0; i < sets->count; i++) {
        for (uint32_t k = 0; k < sets->calls[i].argument_count; k++) {
            each(context, &sets->calls[i].arguments[k]);
        }
    }
}

/* The argument as a value that the function is given from outside. */
static void argument_out(struct bind *bind, struct plan_node *join, const struct expr **place) {
    struct expr *outer = sql_alloc_zero(bind->context, 1, sizeof(*outer));
    outer->kind = EXPR_OUTER;
    outer->type = (*place)->type;
    outer->position = (*place)->position;
    outer->column = join->key_count;
    join->left_keys[join->key_count++] = *place;
    *place = outer;
}

struct plan_node *bind_sets_plan(struct bind *bind, struct bind_sets *sets, struct plan_node *plan,
                                 const struct expr **targets, uint32_t target_count) {
    if (sets->count == 0) {
        return plan;
    }
    struct plan_node *functions = bind_plan(bind, PLAN_FUNCTION, NULL, NULL);
    functions->aggregates = sets->calls;
    functions->aggregate_count = sets->count;
    uint32_t arguments = 0;
    for (uint32_t i = 0; i < sets->count; i++) {
        arguments += sets->calls[i].argument_count;
        functions->column_count += sql_set_columns(sets->calls[i].function->set);
    }
    functions->columns = sql_alloc_zero(bind->context, functions->column_count + 1, sizeof(*functions->columns));
    uint32_t *columns = sql_alloc(bind->context, (functions->column_count + 1) * sizeof(*columns));
    for (uint32_t i = 0, at = 0; i < sets->count; i++) {
        const struct sql_function *function = sets->calls[i].function;
        for (uint32_t k = 0; k < sql_set_columns(function->set); k++, at++) {
            columns[at] = plan->column_count + at;
            functions->columns[at] = function->set->columns == NULL
                                         ? (struct plan_column){.name = function->name, .type = sets->calls[i].type}
                                         : (struct plan_column){.name = function->set->columns[k].name,
                                                                .type = type_make(function->set->columns[k].type)};
        }
    }
    struct plan_node *join = bind_join_node(bind, PLAN_JOIN_CROSS, plan, functions);
    join->join_strategy = PLAN_JOIN_LATERAL;
    join->left_keys = sql_alloc(bind->context, (arguments + 1) * sizeof(*join->left_keys));
    for (uint32_t i = 0; i < sets->count; i++) {
        for (uint32_t k = 0; k < sets->calls[i].argument_count; k++) {
            argument_out(bind, join, &sets->calls[i].arguments[k]);
        }
    }
    for (uint32_t i = 0; i < target_count; i++) {
        targets[i] = bind_placeholders(bind, targets[i], BIND_SET_BASE, columns);
    }
    return join;
}
