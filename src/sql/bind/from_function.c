/*
 * FROM: functions.
 *
 * A set-returning function gives its rows (several of them side by side in ROWS FROM), any other its one value.
 * kimberlite_history(table) and kimberlite_diff(table, a, b) are relations of their own (history.c). An argument may
 * name what stands to the left, without LATERAL.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* --- the calls --- */

/* The n-th call of the item, as the grammar wraps it. */
static const PgQuery__Node *item_call(const PgQuery__RangeFunction *item, size_t n) {
    const PgQuery__Node *entry = item->functions[n];
    ASSERT(entry->node_case == PG_QUERY__NODE__NODE_LIST && entry->list->n_items > 0);
    return entry->list->items[0];
}

bool bind_function_arguments(const PgQuery__RangeFunction *item, bool (*such)(const PgQuery__Node *argument)) {
    for (size_t n = 0; n < item->n_functions; n++) {
        const PgQuery__Node *call = item_call(item, n);
        if (call->node_case != PG_QUERY__NODE__NODE_FUNC_CALL) {
            return such(call);
        }
        for (size_t i = 0; i < call->func_call->n_args; i++) {
            if (such(call->func_call->args[i])) {
                return true;
            }
        }
    }
    return false;
}

static const char *call_name(const PgQuery__Node *node) {
    return bind_string(node->func_call->funcname[node->func_call->n_funcname - 1]);
}

/* One of our own relations that look like functions. */
static bool is_ours(const PgQuery__RangeFunction *item, const char *name) {
    const PgQuery__Node *node = item_call(item, 0);
    return node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && node->func_call->n_funcname == 1 &&
           strcmp(call_name(node), name) == 0;
}

/* One function of one value: a row of it. */
static struct plan_node *bind_one_value(const struct bind_scope *place, const PgQuery__RangeFunction *item,
                                        const PgQuery__Node *node) {
    struct bind *bind = place->bind;
    uint32_t position = bind_node_position(node);
    if (item->n_functions > 1) {
        sql_raise_unsupported(bind->context, position, "a function of one value in ROWS FROM");
    }
    const struct expr **expressions = sql_alloc_zero(bind->context, 2, sizeof(*expressions));
    const char **names = sql_alloc(bind->context, 2 * sizeof(*names));
    expressions[0] = bind_resolve_unknown(bind, bind_expression(place, node));
    names[0] = bind_column_name(bind->context, node);
    if (item->ordinality) {
        struct expr *one = sql_alloc_zero(bind->context, 1, sizeof(*one));
        one->kind = EXPR_CONSTANT;
        one->type = type_make(TYPE_INT8);
        one->value = value_int8(1);
        expressions[1] = one;
        names[1] = "ordinality";
    }
    return bind_project(bind, bind_plan(bind, PLAN_ONE_ROW, NULL, NULL), expressions, names, item->ordinality ? 2 : 1);
}

/* The columns that a call gives: those the function has names for, or one named as it is. */
static void add_columns(struct plan_node *node, const struct plan_aggregate *call, const char *name) {
    const struct sql_set *set = call->function->set;
    for (uint32_t i = 0; i < sql_set_columns(set); i++) {
        bool named = set->columns != NULL;
        node->columns[node->column_count++] = (struct plan_column){
            .name = named ? set->columns[i].name : name, .type = named ? type_make(set->columns[i].type) : call->type};
    }
}

/* Whether the item's one column has no name of its own, and takes the alias. */
static bool column_unnamed(const struct plan_node *node) {
    return node->kind != PLAN_FUNCTION ||
           (node->aggregate_count == 1 && node->aggregates[0].function->set->columns == NULL);
}

/* unnest(a, b, ...) is unnest(a), unnest(b), ... side by side: how many calls one stands for. */
static uint32_t unnest_calls(const PgQuery__Node *call) {
    bool several = call->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && call->func_call->n_args > 1 &&
                   strcmp(call_name(call), "unnest") == 0;
    return several ? (uint32_t)call->func_call->n_args : 1;
}

/* The calls of the item, each with one set of rows. */
static const PgQuery__Node **spread_calls(struct bind *bind, const PgQuery__RangeFunction *item, uint32_t *count) {
    *count = 0;
    for (size_t n = 0; n < item->n_functions; n++) {
        *count += unnest_calls(item_call(item, n));
    }
    const PgQuery__Node **calls = sql_alloc(bind->context, (*count + 1) * sizeof(*calls));
    uint32_t at = 0;
    for (size_t n = 0; n < item->n_functions; n++) {
        const PgQuery__Node *node = item_call(item, n);
        uint32_t several = unnest_calls(node);
        for (uint32_t i = 0; i < several; i++, at++) {
            calls[at] = node;
            if (several > 1) {
                PgQuery__FuncCall *call = sql_alloc(bind->context, sizeof(*call));
                *call = *node->func_call;
                call->n_args = 1;
                call->args = node->func_call->args + i;
                PgQuery__Node *one = sql_alloc(bind->context, sizeof(*one));
                *one = *node;
                one->func_call = call;
                calls[at] = one;
            }
        }
    }
    return calls;
}

static struct plan_node *bind_sets(const struct bind_scope *place, const PgQuery__RangeFunction *item) {
    struct bind *bind = place->bind;
    struct plan_node *node = bind_plan(bind, PLAN_FUNCTION, NULL, NULL);
    uint32_t count = 0;
    const PgQuery__Node **calls = spread_calls(bind, item, &count);
    node->aggregates = sql_alloc_zero(bind->context, count, sizeof(*node->aggregates));
    node->aggregate_count = count;
    node->ordinality = item->ordinality;
    node->columns = sql_alloc_zero(bind->context, count * SQL_SET_COLUMNS_MAX + 1, sizeof(*node->columns));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t candidate_count = 0;
        const PgQuery__Node *call = calls[i];
        const struct sql_function *const *candidates =
            call->node_case == PG_QUERY__NODE__NODE_FUNC_CALL
                ? bind_set_candidates(bind, call->func_call, &candidate_count)
                : NULL;
        if (candidate_count == 0) {
            return bind_one_value(place, item, call);
        }
        node->aggregates[i] = bind_set_call(place, call->func_call, candidates, candidate_count);
        add_columns(node, &node->aggregates[i], call_name(call));
    }
    node->columns[node->column_count] = (struct plan_column){.name = "ordinality", .type = type_make(TYPE_INT8)};
    node->column_count += item->ordinality ? 1 : 0;
    return node;
}

struct plan_node *bind_functions(struct bind *bind, const PgQuery__RangeFunction *item,
                                 const struct tokens_clause *clause, struct scope *scope) {
    const PgQuery__Node *first = item_call(item, 0);
    uint32_t position = bind_node_position(first);
    bool records = bind_is_record_source(first);
    if (item->n_coldeflist > 0 && !records) {
        sql_raise(bind->context, KMB_SYNTAX, bind_location(item->coldeflist[0]->column_def->location),
                  "a column definition list is only allowed for functions returning \"record\"");
    }
    bind_refuse_range(bind, position);
    const struct tokens_clause *behind = is_ours(item, "kimberlite_log") ? bind_clause_behind(bind, position) : NULL;
    if (behind != NULL) {
        sql_raise_with(bind->context, KMB_SYNTAX, behind->position, NULL,
                       "Say which entries: kimberlite_log(first, last), or WHERE position_after <= n.",
                       "kimberlite_log gives the log as it is now");
    }
    bool history = is_ours(item, "kimberlite_history");
    if (history || is_ours(item, "kimberlite_diff")) {
        const PgQuery__FuncCall *call = first->func_call;
        if (item->n_functions > 1 || item->ordinality || call->agg_star || call->agg_distinct ||
            call->agg_filter != NULL || call->over != NULL || call->n_agg_order > 0 || call->func_variadic) {
            sql_raise_unsupported(bind->context, position, "this form of %s", call_name(first));
        }
        return history ? bind_history(bind, call, item->alias, clause, scope)
                       : bind_diff(bind, call, item->alias, scope);
    }
    struct bind_scope place = {.bind = bind, .place = BIND_FUNCTION};
    bind_levels_hide(bind, false);
    struct plan_node *node = records ? bind_record_source(&place, item, first) : bind_sets(&place, item);
    bind_levels_hide(bind, true);
    const char *alias = item->alias != NULL           ? item->alias->aliasname
                        : records                     ? call_name(first)
                        : node->kind == PLAN_FUNCTION ? call_name(first)
                                                      : node->columns[0].name;
    if (item->alias != NULL && item->n_functions == 1 && !records && column_unnamed(node)) {
        node->columns[0].name = alias; /* f(...) AS a: a is the column as well */
    }
    bind_apply_alias(bind, item->alias, node, position);
    bind_item_scope(bind, node, alias, NULL, position, scope);
    scope->tables[0].plain = !records && node->column_count == 1;
    return node;
}
