/*
 * VARIADIC in a call: f(a, VARIADIC array).
 *
 * A candidate with arguments that repeat takes an array of them instead, and its call is marked (expr.spread). To any
 * other function the word says nothing.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* The function as it is called with an array in place of what repeats. */
static struct sql_function with_array(const struct sql_function *function) {
    struct sql_function taken = *function;
    enum type_id *last = &taken.arguments[taken.argument_count - 1];
    ASSERT(function->variadic && function->argument_count > 0);
    taken.variadic = false;
    *last = *last == TYPE_ANY ? TYPE_ANY : type_array_of(*last);
    return taken;
}

const struct expr *bind_variadic_call(struct bind *bind, const char *name, const struct expr **arguments,
                                      uint32_t count, uint32_t position) {
    struct sql_context *context = bind->context;
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(context, SQL_FUNCTION_SCALAR, name, &candidate_count);
    struct sql_function *taken = sql_alloc(context, (candidate_count + 1) * sizeof(*taken));
    const struct sql_function **list = sql_alloc(context, (candidate_count + 1) * sizeof(*list));
    bool any = false;
    for (uint32_t k = 0; k < candidate_count; k++) {
        any = any || candidates[k]->variadic;
        taken[k] = candidates[k]->variadic ? with_array(candidates[k]) : *candidates[k];
        list[k] = &taken[k];
    }
    if (!any) {
        return bind_named_call(bind, name, arguments, count, position);
    }
    bool array = count > 0 && type_is_array(arguments[count - 1]->type.id);
    uint32_t place = count > 0 ? arguments[count - 1]->position : 0;
    struct expr *call = sql_alloc(context, sizeof(*call));
    *call = *bind_chosen_call(bind, list, candidate_count, name, arguments, count, position);
    uint32_t chosen = (uint32_t)(call->function - taken);
    ASSERT(chosen < candidate_count);
    call->function = candidates[chosen];
    call->spread = call->function->variadic;
    if (call->spread && !array && call->function->arguments[count - 1] == TYPE_ANY) {
        sql_raise(context, KMB_DATATYPE_MISMATCH, place, "VARIADIC argument must be an array");
    }
    return call;
}
