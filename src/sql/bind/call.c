/*
 * Which function or operator a call means: PostgreSQL's manual, chapter 10.2 and 10.3.
 *
 * Candidates are all rows of the function table with the name. An exact match of the argument types wins (for an
 * operator with one untyped side, that side is first taken for the type of the other). Else the candidates whose
 * arguments can be reached by implicit casts are thinned out in PostgreSQL's order: most exact matches, most preferred
 * types, categories for untyped literals, and at last the assumption that these have the type of the typed ones.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

struct call_choice {
    const struct sql_function *function; /* NULL: none */
    bool ambiguous;
};

enum type_id bind_candidate_type(const struct sql_function *function, uint32_t argument) {
    uint32_t last = function->argument_count - 1u;
    return function->arguments[argument < last || !function->variadic ? argument : last];
}

static bool candidate_takes(const struct sql_function *function, uint32_t count) {
    return function->variadic ? count >= function->argument_count : count == function->argument_count;
}

static bool candidate_exact(const struct sql_function *function, const enum type_id *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (bind_candidate_type(function, i) != types[i]) {
            return false;
        }
    }
    return true;
}

static bool candidate_reachable(const struct sql_function *function, const enum type_id *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (!bind_can_coerce(types[i], bind_candidate_type(function, i), SQL_CAST_IMPLICIT)) {
            return false;
        }
    }
    struct bind_polymorphic fit;
    return bind_polymorphic_fit(function, types, count, &fit);
}

static uint32_t candidate_score(const struct sql_function *function, const enum type_id *types, uint32_t count,
                                bool preferred) {
    uint32_t score = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum type_id wanted = bind_candidate_type(function, i);
        if (types[i] == TYPE_UNKNOWN) {
            continue;
        }
        score += wanted == types[i] ||
                 (preferred && bind_type_preferred(wanted) && type_category_of(wanted) == type_category_of(types[i]));
    }
    return score;
}

/* Keeps the candidates with the best score. */
static uint32_t choice_keep_best(const struct sql_function **list, uint32_t list_count, const enum type_id *types,
                                 uint32_t count, bool preferred) {
    uint32_t best = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list_count; i++) {
        uint32_t score = candidate_score(list[i], types, count, preferred);
        if (score > best) {
            best = score;
            kept = 0;
        }
        if (score == best) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/* For each untyped argument: the category its candidates agree on (string wins), and whether a preferred type of it is
 * among them. False: they do not agree. */
static bool choice_categories(const struct sql_function **list, uint32_t list_count, const enum type_id *types,
                              uint32_t count, enum type_category *categories, bool *preferred) {
    for (uint32_t i = 0; i < count; i++) {
        if (types[i] != TYPE_UNKNOWN) {
            continue;
        }
        bool conflict = false;
        categories[i] = TYPE_CATEGORY_UNKNOWN;
        preferred[i] = false;
        for (uint32_t k = 0; k < list_count; k++) {
            enum type_id wanted = bind_candidate_type(list[k], i);
            enum type_category category = type_category_of(wanted);
            if (k == 0) {
                categories[i] = category;
                preferred[i] = bind_type_preferred(wanted);
            } else if (category == categories[i]) {
                preferred[i] = preferred[i] || bind_type_preferred(wanted);
            } else if (category == TYPE_CATEGORY_STRING) {
                categories[i] = category;
                preferred[i] = bind_type_preferred(wanted);
                conflict = false;
            } else if (categories[i] != TYPE_CATEGORY_STRING) {
                conflict = true;
            }
        }
        if (conflict) {
            return false;
        }
    }
    return true;
}

static uint32_t choice_by_category(const struct sql_function **list, uint32_t list_count, const enum type_id *types,
                                   uint32_t count, const enum type_category *categories, const bool *preferred) {
    const struct sql_function *kept_list[64];
    uint32_t kept = 0;
    for (uint32_t k = 0; k < list_count && kept < ARRAY_LENGTH(kept_list); k++) {
        bool keep = true;
        for (uint32_t i = 0; i < count && keep; i++) {
            enum type_id wanted = bind_candidate_type(list[k], i);
            keep = types[i] != TYPE_UNKNOWN ||
                   (type_category_of(wanted) == categories[i] && (!preferred[i] || bind_type_preferred(wanted)));
        }
        if (keep) {
            kept_list[kept++] = list[k];
        }
    }
    if (kept > 0) {
        memcpy(list, kept_list, kept * sizeof(*list));
        return kept;
    }
    return list_count;
}

/* The last resort: untyped arguments have the one type of the typed ones. */
static const struct sql_function *choice_by_known(struct bind *bind, const struct sql_function **list,
                                                  uint32_t list_count, const enum type_id *types, uint32_t count) {
    enum type_id known = TYPE_UNKNOWN;
    bool any_unknown = false;
    for (uint32_t i = 0; i < count; i++) {
        if (types[i] == TYPE_UNKNOWN) {
            any_unknown = true;
        } else if (known == TYPE_UNKNOWN) {
            known = types[i];
        } else if (known != types[i]) {
            return NULL;
        }
    }
    if (known == TYPE_UNKNOWN || !any_unknown) {
        return NULL;
    }
    enum type_id *assumed = sql_alloc(bind->context, (count + 1) * sizeof(*assumed));
    for (uint32_t i = 0; i < count; i++) {
        assumed[i] = known;
    }
    const struct sql_function *found = NULL;
    for (uint32_t k = 0; k < list_count; k++) {
        bool fits = candidate_reachable(list[k], assumed, count);
        if (fits && found != NULL) {
            return NULL;
        }
        found = fits ? list[k] : found;
    }
    return found;
}

static struct call_choice choose(struct bind *bind, const struct sql_function *const *candidates,
                                 uint32_t candidate_count, const enum type_id *types, uint32_t count) {
    const struct sql_function **list = sql_alloc(bind->context, (candidate_count + 1) * sizeof(*list));
    uint32_t list_count = 0;
    for (uint32_t k = 0; k < candidate_count; k++) {
        if (!candidate_takes(candidates[k], count)) {
            continue;
        }
        if (candidate_exact(candidates[k], types, count)) {
            return (struct call_choice){.function = candidates[k]};
        }
        if (candidate_reachable(candidates[k], types, count)) {
            list[list_count++] = candidates[k];
        }
    }
    if (list_count == 0) {
        return (struct call_choice){0};
    }
    if (list_count > 1) {
        list_count = choice_keep_best(list, list_count, types, count, false);
    }
    if (list_count > 1) {
        list_count = choice_keep_best(list, list_count, types, count, true);
    }
    if (list_count > 1 && count > 0) {
        enum type_category *categories = sql_alloc_zero(bind->context, count, sizeof(*categories));
        bool *preferred = sql_alloc_zero(bind->context, count, sizeof(*preferred));
        if (choice_categories(list, list_count, types, count, categories, preferred)) {
            list_count = choice_by_category(list, list_count, types, count, categories, preferred);
        }
    }
    if (list_count == 1) {
        return (struct call_choice){.function = list[0]};
    }
    const struct sql_function *known = choice_by_known(bind, list, list_count, types, count);
    return (struct call_choice){.function = known, .ambiguous = known == NULL};
}

static void call_argument_types(const struct expr *const *arguments, uint32_t count, enum type_id *types) {
    for (uint32_t i = 0; i < count; i++) {
        types[i] = arguments[i]->type.id;
    }
}

static const struct expr *call_build(struct bind *bind, const struct sql_function *function,
                                     const struct expr **arguments, uint32_t count, uint32_t position) {
    bind->advances = bind->advances || function->writes;
    bind->waits = bind->waits || function->waits;
    struct expr *call = sql_alloc_zero(bind->context, 1, sizeof(*call));
    call->kind = EXPR_CALL;
    call->function = function;
    call->position = position;
    call->argument_count = count;
    call->arguments = sql_alloc(bind->context, (count + 2) * sizeof(*call->arguments));
    enum type_id *types = sql_alloc(bind->context, (count + 1) * sizeof(*types));
    call_argument_types(arguments, count, types);
    struct bind_polymorphic fit;
    (void)bind_polymorphic_fit(function, types, count, &fit);
    bind_polymorphic_check(bind, function, &fit, position);
    for (uint32_t i = 0; i < count; i++) {
        enum type_id wanted = bind_polymorphic_type(&fit, bind_candidate_type(function, i));
        call->arguments[i] = wanted == TYPE_ANY
                                 ? bind_resolve_unknown(bind, arguments[i])
                                 : bind_coerce(bind, arguments[i], type_make(wanted), SQL_CAST_IMPLICIT, 0);
        ASSERT(call->arguments[i] != NULL);
    }
    enum type_id result = bind_polymorphic_type(&fit, function->result);
    if (result == TYPE_ANY) {
        ASSERT(count > 0);
        result = call->arguments[0]->type.id;
    }
    call->type = type_make(result);
    if (function->labels) {
        call->arguments[call->argument_count++] = bind_labels(bind, fit.element);
    }
    return call;
}

/* "integer, text" */
static const char *call_types(struct bind *bind, const struct expr *const *arguments, uint32_t count) {
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        text = sql_printf(bind->context, "%s%s%s", text, i > 0 ? ", " : "", bind_type_text(bind, arguments[i]->type));
    }
    return text;
}

/* PostgreSQL has operators of real with double precision, which it prefers for real with any other number; the table
 * has those of one type each, so the real is taken for a double precision here. */
static void widen_real(enum type_id types[2]) {
    for (int i = 0; i < 2; i++) {
        enum type_id other = types[1 - i];
        if (types[i] == TYPE_FLOAT4 && other != TYPE_FLOAT4 && type_category_of(other) == TYPE_CATEGORY_NUMERIC) {
            types[i] = TYPE_FLOAT8;
        }
    }
}

/* Rows compare with rows, and what joins texts takes their text. NULL: there is no such operator. */
static const struct expr *record_operator(struct bind *bind, const char *name, const struct expr *left,
                                          const struct expr *right, uint32_t position) {
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    bool both = bind_is_record(left) && bind_is_record(right);
    for (size_t i = 0; both && i < ARRAY_LENGTH(comparisons); i++) {
        if (strcmp(name, comparisons[i]) == 0) {
            return bind_record_comparison(bind, name, left, right, position);
        }
    }
    if (both || strcmp(name, "||") != 0) {
        return NULL;
    }
    return bind_operator(bind, name, bind_is_record(left) ? bind_record_as_text(bind, left) : left,
                         bind_is_record(right) ? bind_record_as_text(bind, right) : right, position);
}

const struct expr *bind_operator(struct bind *bind, const char *name, const struct expr *left, const struct expr *right,
                                 uint32_t position) {
    struct sql_context *context = bind->context;
    if (strcmp(name, "!=") == 0) {
        name = "<>";
    }
    if (bind_is_record(left) || bind_is_record(right)) {
        const struct expr *made = left == NULL ? NULL : record_operator(bind, name, left, right, position);
        if (made != NULL) {
            return made;
        }
        sql_raise_with(context, KMB_UNDEFINED_FUNCTION, position, NULL,
                       "No operator matches the given name and argument types. You might need to add explicit type "
                       "casts.",
                       "operator does not exist: %s%s%s %s",
                       left == NULL           ? ""
                       : bind_is_record(left) ? "record"
                                              : bind_type_text(bind, left->type),
                       left == NULL ? "" : " ", name,
                       bind_is_record(right) ? "record" : bind_type_text(bind, right->type));
    }
    const struct expr *arguments[2] = {left == NULL ? right : left, right};
    uint32_t count = left == NULL ? 1 : 2;
    enum type_id types[2] = {arguments[0]->type.id, right->type.id};
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(context, SQL_FUNCTION_OPERATOR, name, &candidate_count);
    bool any = false; /* ~ has one operand here, and in PostgreSQL also two */
    for (uint32_t k = 0; k < candidate_count; k++) {
        any = any || candidates[k]->argument_count == count;
    }
    if (!any) {
        bind_refuse_known(bind, SQL_FUNCTION_OPERATOR, name, position);
    }
    if (count == 2) {
        widen_real(types);
    }
    struct call_choice choice = {0};
    if (count == 2 && (types[0] == TYPE_UNKNOWN) != (types[1] == TYPE_UNKNOWN)) {
        enum type_id known = types[0] == TYPE_UNKNOWN ? types[1] : types[0];
        enum type_id assumed[2] = {known, known};
        for (uint32_t k = 0; k < candidate_count && choice.function == NULL; k++) {
            if (candidates[k]->argument_count == 2 && candidate_exact(candidates[k], assumed, 2)) {
                choice.function = candidates[k];
            }
        }
    }
    if (choice.function == NULL) {
        choice = choose(bind, candidates, candidate_count, types, count);
    }
    if (choice.function != NULL) {
        return call_build(bind, choice.function, arguments, count, position);
    }
    const char *left_type = left == NULL ? "" : bind_type_text(bind, left->type);
    sql_raise_with(
        context, choice.ambiguous ? KMB_AMBIGUOUS_FUNCTION : KMB_UNDEFINED_FUNCTION, position, NULL,
        choice.ambiguous ? "Could not choose a best candidate operator. You might need to add explicit type "
                           "casts."
        : left == NULL
            ? "No operator matches the given name and argument type. You might need to add an explicit type cast."
            : "No operator matches the given name and argument types. You might need to add "
              "explicit type casts.",
        choice.ambiguous ? "operator is not unique: %s%s%s %s" : "operator does not exist: %s%s%s %s", left_type,
        left == NULL ? "" : " ", name, bind_type_text(bind, right->type));
}

static _Noreturn void call_refuse(struct bind *bind, const char *name, const struct expr *const *arguments,
                                  uint32_t count, bool ambiguous, uint32_t position) {
    const char *types = call_types(bind, arguments, count);
    if (ambiguous) {
        sql_raise_with(bind->context, KMB_AMBIGUOUS_FUNCTION, position, NULL,
                       "Could not choose a best candidate function. You might need to add explicit type casts.",
                       "function %s(%s) is not unique", name, types);
    }
    sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, position, NULL,
                   "No function matches the given name and argument types. You might need to add explicit type casts.",
                   "function %s(%s) does not exist", name, types);
}

/* A literal without a type is taken for a text where any type will do. Only pg_typeof could tell, and says "unknown".
 */
static const struct expr *unknown_type_name(struct bind *bind, uint32_t position) {
    struct expr *name = sql_alloc_zero(bind->context, 1, sizeof(*name));
    name->kind = EXPR_CONSTANT;
    name->type = type_make(TYPE_TEXT);
    name->position = position;
    name->value = value_text(slice_text("unknown"));
    return name;
}

static bool literal_text(const struct expr *expr) {
    return expr->type.id == TYPE_UNKNOWN && expr->kind == EXPR_CONSTANT && !expr->value.is_null;
}

const struct expr *bind_named_call(struct bind *bind, const char *name, const struct expr **arguments, uint32_t count,
                                   uint32_t position) {
    struct sql_context *context = bind->context;
    enum type_id *types = sql_alloc_zero(context, count + 1, sizeof(*types));
    call_argument_types(arguments, count, types);
    if (count > 2 && strcmp(name, "substring") == 0 && types[0] != TYPE_BYTEA &&
        (literal_text(arguments[1]) || type_is_string(types[1]))) { /* '2' is a pattern there, not a place */
        sql_raise_unsupported(context, position, "substring by a regular expression");
    }
    if (count == 1 && types[0] == TYPE_UNKNOWN && strcmp(name, "pg_typeof") == 0) {
        return unknown_type_name(bind, position);
    }
    if (count == 1 && types[0] == TYPE_UNKNOWN && (strcmp(name, "to_json") == 0 || strcmp(name, "to_jsonb") == 0)) {
        sql_raise(context, KMB_DATATYPE_MISMATCH, position,
                  "could not determine polymorphic type because input has type unknown");
    }
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(context, SQL_FUNCTION_SCALAR, name, &candidate_count);
    for (uint32_t k = 0; k < candidate_count; k++) {
        if (candidate_takes(candidates[k], count) && candidate_exact(candidates[k], types, count)) {
            return call_build(bind, candidates[k], arguments, count, position);
        }
    }
    enum type_id target; /* date('2024-01-01'): a type's name is its cast */
    if (count == 1 && type_of_name(slice_text(name), &target) &&
        (types[0] == TYPE_UNKNOWN || types[0] == target || sql_cast_find(types[0], target, SQL_CAST_EXPLICIT))) {
        return bind_cast(bind, arguments[0], type_make(target), position);
    }
    if (candidate_count == 0) {
        bind_refuse_known(bind, SQL_FUNCTION_SCALAR, name, position);
    }
    struct call_choice choice = choose(bind, candidates, candidate_count, types, count);
    if (choice.function == NULL) {
        call_refuse(bind, name, arguments, count, choice.ambiguous, position);
    }
    return call_build(bind, choice.function, arguments, count, position);
}

_Noreturn void bind_no_function(struct bind *bind, const char *name, const struct expr *const *arguments,
                                uint32_t count, uint32_t position) {
    call_refuse(bind, name, arguments, count, false, position);
}

const struct expr *bind_chosen_call(struct bind *bind, const struct sql_function *const *candidates,
                                    uint32_t candidate_count, const char *name, const struct expr **arguments,
                                    uint32_t count, uint32_t position) {
    enum type_id *types = sql_alloc_zero(bind->context, count + 1, sizeof(*types));
    call_argument_types(arguments, count, types);
    struct call_choice choice = choose(bind, candidates, candidate_count, types, count);
    if (choice.function == NULL) {
        call_refuse(bind, name, arguments, count, choice.ambiguous, position);
    }
    bool polymorphic = choice.function->polymorphic || choice.function->class == SQL_FUNCTION_WINDOW ||
                       choice.function->ordered_set != SQL_ORDERED_SET_NONE;
    for (uint32_t i = 0; i < count && polymorphic; i++) {
        if (types[i] == TYPE_UNKNOWN && bind_candidate_type(choice.function, i) == TYPE_ANY) {
            sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position,
                      "could not determine polymorphic type because input has type unknown");
        }
    }
    return call_build(bind, choice.function, arguments, count, position);
}

static bool visit_volatile(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_SUBQUERY && (node->kind != EXPR_CALL || node->function->volatility != SQL_VOLATILE);
}

bool bind_is_volatile(const struct expr *expr) {
    return !expr_walk(expr, visit_volatile, NULL);
}

/* --- aggregates --- */

bool bind_aggregate_equal(const struct plan_aggregate *a, const struct plan_aggregate *b) {
    if (a->function != b->function || a->argument_count != b->argument_count || a->distinct != b->distinct ||
        (a->filter == NULL) != (b->filter == NULL) || (a->filter != NULL && !expr_equal(a->filter, b->filter)) ||
        (a->filter != NULL && bind_is_volatile(a->filter))) {
        return false;
    }
    if (a->order_count != b->order_count || a->direct_count != b->direct_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->order_count; i++) {
        const struct plan_sort_key *x = &a->order[i];
        const struct plan_sort_key *y = &b->order[i];
        if (!expr_equal(x->expr, y->expr) || bind_is_volatile(x->expr) || x->descending != y->descending ||
            x->nulls_first != y->nulls_first) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->direct_count; i++) {
        if (!expr_equal(a->direct[i], b->direct[i]) || bind_is_volatile(a->direct[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->argument_count; i++) {
        if (!expr_equal(a->arguments[i], b->arguments[i]) || bind_is_volatile(a->arguments[i])) {
            return false;
        }
    }
    return true;
}

/* The place of an equal call, computed once for both; the list's count: there is none. */
static uint32_t aggregate_find(const struct bind_aggregates *list, const struct plan_aggregate *aggregate) {
    uint32_t index = 0;
    while (index < list->count && !bind_aggregate_equal(&list->list[index], aggregate)) {
        index++;
    }
    return index;
}

static const struct expr *aggregate_column(struct bind *bind, uint32_t index, const struct plan_aggregate *aggregate) {
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_COLUMN;
    expr->type = aggregate->type;
    expr->position = aggregate->position;
    expr->column = BIND_AGGREGATE_BASE + index;
    return expr;
}

static const struct expr *aggregate_place(const struct bind_scope *scope, const struct plan_aggregate *aggregate) {
    struct bind *bind = scope->bind;
    struct bind_aggregates *list = scope->aggregates;
    uint32_t index = aggregate_find(list, aggregate);
    if (index < list->count) {
        return aggregate_column(bind, index, aggregate);
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct plan_aggregate *grown = sql_alloc(bind->context, capacity * sizeof(*grown));
        if (list->count > 0) {
            memcpy(grown, list->list, list->count * sizeof(*grown));
        }
        list->list = grown;
        list->capacity = capacity;
    }
    list->list[list->count] = *aggregate;
    return aggregate_column(bind, list->count++, aggregate);
}

static void aggregate_check_place(const struct bind_scope *scope, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    if (scope->place == BIND_AGGREGATE) {
        sql_raise(context, KMB_GROUPING, position, "aggregate function calls cannot be nested");
    }
    if (scope->aggregates == NULL) {
        sql_raise(context, KMB_GROUPING, position, "aggregate functions are not allowed in %s",
                  bind_place_name(scope->place));
    }
}

struct origins {
    bool here;
    bool outside;
};

static bool visit_origin(const struct expr *expr, void *context) {
    struct origins *origins = context;
    origins->here = origins->here || expr->kind == EXPR_COLUMN;
    origins->outside = origins->outside || expr->kind == EXPR_OUTER;
    return true;
}

bool bind_outside_only(const struct expr *const *arguments, uint32_t count) {
    struct origins origins = {0};
    for (uint32_t i = 0; i < count; i++) {
        (void)expr_walk(arguments[i], visit_origin, &origins);
    }
    return origins.outside && !origins.here;
}

/* What may not be said of an aggregate, or must be. */
static void check_aggregate_form(struct bind *bind, const PgQuery__FuncCall *call, const char *name,
                                 const struct sql_function *function, const struct expr *const *arguments,
                                 uint32_t count) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(call->location);
    bool ordered_set = function->ordered_set != SQL_ORDERED_SET_NONE;
    if (count == 0 && !call->agg_star) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position,
                  "%s(*) must be used to call a parameterless aggregate function", name);
    }
    if (call->agg_within_group && !ordered_set) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position,
                  "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name);
    }
    if (!call->agg_within_group && ordered_set) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "WITHIN GROUP is required for ordered-set aggregate %s",
                  name);
    }
    if (ordered_set && call->n_agg_order > 1) { /* of those there are, each sorts by one value */
        call_refuse(bind, name, arguments, count, false, position);
    }
}

/* ORDER BY in a call, whose arguments are given as they were written, then what orders. With DISTINCT it orders what is
 * left of the arguments, by those that it does not name too. */
static void bind_call_order(struct bind *bind, const PgQuery__FuncCall *call, const struct expr **given,
                            struct plan_aggregate *aggregate) {
    uint32_t count = (uint32_t)call->n_agg_order;
    const struct expr **exprs = given + call->n_args;
    bool all = aggregate->distinct && (count > 0 || !aggregate->function->strict);
    aggregate->order = sql_alloc_zero(bind->context, count + aggregate->argument_count + 1, sizeof(*aggregate->order));
    for (uint32_t i = 0; i < count; i++) {
        const PgQuery__SortBy *sort = call->agg_order[i]->sort_by;
        const struct expr *expr = bind_resolve_unknown(bind, exprs[i]);
        bool among = false;
        for (uint32_t k = 0; k < aggregate->argument_count && k < call->n_args && !among; k++) {
            among = expr_equal(given[k]->type.id == TYPE_UNKNOWN ? aggregate->arguments[k] : given[k], expr);
            expr = among ? aggregate->arguments[k] : expr;
        }
        if (aggregate->distinct && !among) {
            sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, expr->position,
                      "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
        }
        aggregate->order[aggregate->order_count++] = bind_sort_key(bind, sort, expr);
    }
    for (uint32_t k = 0; all && k < aggregate->argument_count; k++) {
        aggregate->order[aggregate->order_count++] = (struct plan_sort_key){.expr = aggregate->arguments[k]};
    }
}

/* WITHIN GROUP: the arguments behind the direct ones are what is sorted. */
static void bind_within_group(struct bind *bind, const PgQuery__FuncCall *call, struct plan_aggregate *aggregate) {
    uint32_t direct = (uint32_t)call->n_args;
    ASSERT(aggregate->argument_count == direct + call->n_agg_order && call->n_agg_order == 1);
    aggregate->direct = aggregate->arguments;
    aggregate->direct_count = direct;
    aggregate->arguments += direct;
    aggregate->argument_count = 1;
    if (aggregate->function->result == TYPE_ANY) {
        aggregate->type = type_make(aggregate->arguments[0]->type.id);
    }
    aggregate->order = sql_alloc(bind->context, sizeof(*aggregate->order));
    aggregate->order[0] = bind_sort_key(bind, call->agg_order[0]->sort_by, aggregate->arguments[0]);
    aggregate->order_count = 1;
}

static const struct expr *bind_aggregate(const struct bind_scope *scope, const PgQuery__FuncCall *call,
                                         const char *name, const struct sql_function *const *candidates,
                                         uint32_t candidate_count) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(call->location);
    struct bind_scope inner = *scope;
    inner.place = BIND_AGGREGATE;
    inner.aggregates = NULL;
    inner.windows = NULL;
    inner.sets = NULL;
    uint32_t count = (uint32_t)call->n_args;
    uint32_t all = count + (uint32_t)call->n_agg_order;
    /* then what orders, and FILTER */
    const struct expr **arguments = sql_alloc(context, (all + 2) * sizeof(*arguments));
    const uint32_t *taken = bind_level_mark(bind);
    enum bind_rows rows = bind->rows;
    for (uint32_t i = 0; i < all; i++) {
        const PgQuery__Node *node = i < count ? call->args[i] : call->agg_order[i - count]->sort_by->node;
        bind->rows = i < count ? bind_rows_within(name, node) : BIND_ROWS_TEXT;
        arguments[i] = bind_expression(&inner, node);
    }
    bind->rows = BIND_ROWS_TEXT;
    if (call->agg_filter != NULL) {
        inner.place = BIND_FILTER;
        arguments[all] = bind_condition(&inner, call->agg_filter, "FILTER");
    }
    bind->rows = rows;
    struct bind_level *level = bind->level;
    if (level != NULL && bind_outside_only(arguments, all + (call->agg_filter != NULL))) {
        /* over columns of an enclosing query alone: by the standard, that query's aggregate */
        bind_level_forget(level, taken);
        bind->level = level->outer;
        const struct expr *value = bind_aggregate(level->place, call, name, candidates, candidate_count);
        bind->level = level;
        return bind_outer_value(bind, level, value, position);
    }
    aggregate_check_place(scope, position);
    uint32_t given = call->agg_within_group ? all : count;
    bind_record_arguments(bind, name, arguments, given, position);
    const struct expr *built = bind_chosen_call(bind, candidates, candidate_count, name, arguments, given, position);
    check_aggregate_form(bind, call, name, built->function, arguments, given);
    struct plan_aggregate aggregate = {
        .function = count == 0 ? built->function : bind_record_aggregate(built->function, built->arguments[0]),
        .arguments = built->arguments,
        .argument_count = built->argument_count,
        .distinct = call->agg_distinct,
        .type = built->type,
        .position = position,
    };
    if (aggregate.distinct) {
        bind_check_equality(bind, built->arguments[0]);
    }
    if (call->agg_within_group) {
        bind_within_group(bind, call, &aggregate);
    } else if (call->n_agg_order > 0 || aggregate.distinct) {
        bind_call_order(bind, call, arguments, &aggregate);
    }
    aggregate.filter = call->agg_filter == NULL ? NULL : arguments[all];
    return aggregate_place(scope, &aggregate);
}

static void call_refuse_aggregate_syntax(struct bind *bind, const PgQuery__FuncCall *call, const char *name) {
    const char *what = call->agg_distinct         ? "DISTINCT"
                       : call->agg_within_group   ? "WITHIN GROUP"
                       : call->n_agg_order > 0    ? "ORDER BY"
                       : call->agg_filter != NULL ? "FILTER"
                                                  : NULL;
    if (what != NULL) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(call->location),
                  "%s specified, but %s is not an aggregate function", what, name);
    }
    if (call->agg_star) {
        call_refuse(bind, name, NULL, 0, false, bind_location(call->location));
    }
}

void bind_check_set_call(struct bind *bind, const PgQuery__FuncCall *call, const char *name) {
    call_refuse_aggregate_syntax(bind, call, name);
    if (call->over != NULL) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(call->location),
                  "OVER specified, but %s is not a window function nor an aggregate function", name);
    }
}

/* pg_catalog.f, or one of the few functions of information_schema, whose names begin so. */
bool bind_call_is_system(const PgQuery__FuncCall *call) {
    const char *schema = bind_string(call->funcname[0]);
    return call->n_funcname == 2 &&
           (strcmp(schema, SQL_SCHEMA_SYSTEM) == 0 ||
            (strcmp(schema, SQL_SCHEMA_INFORMATION) == 0 && strncmp(bind_string(call->funcname[1]), "_pg_", 4) == 0));
}

const struct expr *bind_function_call(const struct bind_scope *scope, const PgQuery__FuncCall *call) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(call->location);
    const char *name = bind_string(call->funcname[call->n_funcname - 1]);
    if (call->n_funcname > 1 && !bind_call_is_system(call)) {
        sql_raise(context, KMB_UNDEFINED_SCHEMA, position, "schema \"%s\" does not exist",
                  bind_string(call->funcname[0]));
    }
    if (call->over != NULL && call->agg_within_group && bind_is_hypothetical(name)) {
        sql_raise(context, KMB_UNSUPPORTED, position, "OVER is not supported for ordered-set aggregate %s", name);
    }
    if (call->over != NULL) {
        bind_refuse_names(scope, call, name);
        return bind_window_call(scope, call, name);
    }
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(context, SQL_FUNCTION_AGGREGATE, name, &candidate_count);
    if (candidate_count > 0) {
        bind_refuse_names(scope, call, name);
        return bind_aggregate(scope, call, name, candidates, candidate_count);
    }
    (void)sql_function_candidates(context, SQL_FUNCTION_WINDOW, name, &candidate_count);
    if (candidate_count > 0 && call->agg_within_group && bind_is_hypothetical(name)) {
        return bind_hypothetical(scope, call, name);
    }
    if (candidate_count > 0) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "window function %s requires an OVER clause", name);
    }
    candidates = bind_set_candidates(bind, call, &candidate_count);
    if (candidate_count > 0) {
        return bind_set_item(scope, call, candidates, candidate_count);
    }
    (void)sql_function_candidates(context, SQL_FUNCTION_SCALAR, name, &candidate_count);
    if (candidate_count > 0) {
        call_refuse_aggregate_syntax(bind, call, name);
    }
    if (call->n_args > 100) {
        sql_raise(context, KMB_LIMIT, position, "cannot pass more than 100 arguments to a function");
    }
    const struct expr **arguments = NULL;
    uint32_t count = bind_arguments(scope, call, name, &arguments);
    const struct expr *row = strcmp(name, "row_to_json") == 0 ? bind_row_to_json(bind, arguments, count) : NULL;
    if (row != NULL) {
        return row;
    }
    bind_record_arguments(bind, name, arguments, count, position);
    return call->func_variadic ? bind_variadic_call(bind, name, arguments, count, position)
                               : bind_named_call(bind, name, arguments, count, position);
}
