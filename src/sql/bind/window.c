/*
 * Window functions: definitions (OVER, WINDOW), frames, calls.
 *
 * A call is bound over the row that the select list is bound over and stands in expressions as a placeholder, as
 * aggregates do. When the query groups, definitions and arguments are rewritten over the grouped row with everything
 * else; then each window that is called becomes a PLAN_WINDOW node, which adds a column for each of its calls, and the
 * placeholders become these columns.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* The grammar's frame options. */
enum {
    FRAME_NON_DEFAULT = 0x1,
    FRAME_ROWS = 0x4,
    FRAME_GROUPS = 0x8,
    FRAME_START_UNBOUNDED_PRECEDING = 0x20,
    FRAME_END_UNBOUNDED_FOLLOWING = 0x100,
    FRAME_START_PRECEDING = 0x800,
    FRAME_END_PRECEDING = 0x1000,
    FRAME_START_FOLLOWING = 0x2000,
    FRAME_END_FOLLOWING = 0x4000,
    FRAME_EXCLUDE_CURRENT = 0x8000,
    FRAME_EXCLUDE_GROUP = 0x10000,
    FRAME_EXCLUDE_TIES = 0x20000,
};

/* --- frames --- */

static struct plan_frame frame_of(int32_t options) {
    return (struct plan_frame){
        .mode = (options & FRAME_ROWS)     ? PLAN_FRAME_ROWS
                : (options & FRAME_GROUPS) ? PLAN_FRAME_GROUPS
                                           : PLAN_FRAME_RANGE,
        .start = (options & FRAME_START_UNBOUNDED_PRECEDING) ? PLAN_UNBOUNDED_PRECEDING
                 : (options & FRAME_START_PRECEDING)         ? PLAN_PRECEDING
                 : (options & FRAME_START_FOLLOWING)         ? PLAN_FOLLOWING
                                                             : PLAN_CURRENT_ROW,
        .end = (options & FRAME_END_UNBOUNDED_FOLLOWING) ? PLAN_UNBOUNDED_FOLLOWING
               : (options & FRAME_END_PRECEDING)         ? PLAN_PRECEDING
               : (options & FRAME_END_FOLLOWING)         ? PLAN_FOLLOWING
                                                         : PLAN_CURRENT_ROW,
        .exclusion = (options & FRAME_EXCLUDE_CURRENT) ? PLAN_EXCLUDE_CURRENT
                     : (options & FRAME_EXCLUDE_GROUP) ? PLAN_EXCLUDE_GROUP
                     : (options & FRAME_EXCLUDE_TIES)  ? PLAN_EXCLUDE_TIES
                                                       : PLAN_EXCLUDE_NONE,
    };
}

static bool visit_no_variable(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_COLUMN;
}

/* The type that RANGE takes as a distance of such a column; TYPE_UNKNOWN: none. */
static enum type_id distance_type(enum type_id column, enum type_id offset) {
    bool whole = offset == TYPE_INT2 || offset == TYPE_INT4 || offset == TYPE_INT8;
    switch ((int)column) {
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
        return whole ? offset : column;
    case TYPE_INT8:
    case TYPE_NUMERIC:
    case TYPE_FLOAT8:
        return column;
    case TYPE_FLOAT4:
        return TYPE_FLOAT8;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_INTERVAL:
        return TYPE_INTERVAL;
    default:
        return TYPE_UNKNOWN;
    }
}

static const struct expr *bind_distance(struct bind *bind, const struct bind_window *window, const struct expr *offset,
                                        uint32_t position) {
    enum type_id column = window->order[0].expr->type.id;
    enum type_id wanted = distance_type(column, offset->type.id);
    if (wanted == TYPE_UNKNOWN) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position,
                  "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s",
                  bind_type_text(bind, window->order[0].expr->type));
    }
    const struct expr *distance = bind_can_coerce(offset->type.id, wanted, SQL_CAST_IMPLICIT)
                                      ? bind_coerce(bind, offset, type_make(wanted), SQL_CAST_IMPLICIT, 0)
                                      : NULL;
    if (distance == NULL) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, position, NULL, "Cast the offset value to an appropriate type.",
                       "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s",
                       bind_type_text(bind, window->order[0].expr->type), bind_type_text(bind, offset->type));
    }
    return distance;
}

static const struct expr *bind_frame_offset(const struct bind_scope *scope, const struct bind_window *window,
                                            const PgQuery__Node *node) {
    static const enum bind_place places[] = {[PLAN_FRAME_RANGE] = BIND_FRAME_RANGE,
                                             [PLAN_FRAME_ROWS] = BIND_FRAME_ROWS,
                                             [PLAN_FRAME_GROUPS] = BIND_FRAME_GROUPS};
    static const char *const modes[] = {"RANGE", "ROWS", "GROUPS"};
    struct bind *bind = scope->bind;
    const char *mode = modes[window->frame.mode];
    struct bind_scope place = *scope;
    place.place = places[window->frame.mode];
    place.aggregates = NULL;
    place.windows = NULL;
    place.sets = NULL;
    const struct expr *expr = bind_expression(&place, node);
    const struct expr *offset;
    if (window->frame.mode == PLAN_FRAME_RANGE) {
        offset = bind_distance(bind, window, expr, bind_node_position(node));
    } else {
        offset = bind_can_coerce(expr->type.id, TYPE_INT8, SQL_CAST_ASSIGNMENT)
                     ? bind_coerce(bind, expr, type_make(TYPE_INT8), SQL_CAST_ASSIGNMENT, 0)
                     : NULL;
        if (offset == NULL) {
            sql_raise(bind->context, KMB_DATATYPE_MISMATCH, expr->position,
                      "argument of %s must be type bigint, not type %s", mode, bind_type_text(bind, expr->type));
        }
    }
    if (!expr_walk(expr, visit_no_variable, NULL)) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, expr->position,
                  "argument of %s must not contain variables", mode);
    }
    return offset;
}

static void bind_frame(const struct bind_scope *scope, const PgQuery__WindowDef *node, struct bind_window *window) {
    struct sql_context *context = scope->bind->context;
    uint32_t position = bind_location(node->location);
    window->framed = (node->frame_options & FRAME_NON_DEFAULT) != 0;
    window->frame = frame_of(node->frame_options);
    bool offsets = node->start_offset != NULL || node->end_offset != NULL;
    if (window->frame.mode == PLAN_FRAME_RANGE && offsets && window->order_count != 1) {
        sql_raise(context, KMB_WINDOWING, position,
                  "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
    }
    if (window->frame.mode == PLAN_FRAME_GROUPS && window->order_count == 0) {
        sql_raise(context, KMB_WINDOWING, position, "GROUPS mode requires an ORDER BY clause");
    }
    if (node->start_offset != NULL) {
        window->frame.start_offset = bind_frame_offset(scope, window, node->start_offset);
    }
    if (node->end_offset != NULL) {
        window->frame.end_offset = bind_frame_offset(scope, window, node->end_offset);
    }
}

/* --- definitions --- */

static const struct bind_window *window_named(const struct bind_scope *scope, const char *name, uint32_t position) {
    for (uint32_t i = 0; i < scope->windows->count; i++) {
        const struct bind_window *window = &scope->windows->list[i];
        if (window->name != NULL && strcmp(window->name, name) == 0) {
            return window;
        }
    }
    sql_raise(scope->bind->context, KMB_UNDEFINED_OBJECT, position, "window \"%s\" does not exist", name);
}

static void bind_partition(const struct bind_scope *scope, const PgQuery__WindowDef *node, struct bind_window *window) {
    struct bind *bind = scope->bind;
    window->partition = sql_alloc(bind->context, (node->n_partition_clause + 1) * sizeof(*window->partition));
    for (size_t i = 0; i < node->n_partition_clause; i++) {
        const struct expr *expr = bind_resolve_unknown(bind, bind_expression(scope, node->partition_clause[i]));
        bind_check_equality(bind, expr);
        window->partition[window->partition_count++] = expr;
    }
}

static void bind_order(const struct bind_scope *scope, const PgQuery__WindowDef *node, struct bind_window *window) {
    struct bind *bind = scope->bind;
    window->order = sql_alloc_zero(bind->context, node->n_order_clause + 1, sizeof(*window->order));
    for (size_t i = 0; i < node->n_order_clause; i++) {
        const PgQuery__SortBy *sort = node->order_clause[i]->sort_by;
        const struct expr *expr = bind_resolve_unknown(bind, bind_expression(scope, sort->node));
        window->order[window->order_count++] = bind_sort_key(bind, sort, expr);
    }
}

/* Arrays of its own: definitions are rewritten in place, each by itself. */
static void window_inherit(const struct bind_scope *scope, const PgQuery__WindowDef *node,
                           const struct bind_window *from, struct bind_window *window) {
    struct sql_context *context = scope->bind->context;
    uint32_t position = bind_location(node->location);
    if (node->n_partition_clause > 0) {
        sql_raise(context, KMB_WINDOWING, position, "cannot override PARTITION BY clause of window \"%s\"", from->name);
    }
    if (from->order_count > 0 && node->n_order_clause > 0) {
        sql_raise(context, KMB_WINDOWING, position, "cannot override ORDER BY clause of window \"%s\"", from->name);
    }
    if (from->framed) {
        bool bare = node->n_order_clause == 0 && (node->frame_options & FRAME_NON_DEFAULT) == 0 && node->name == NULL;
        sql_raise_with(context, KMB_WINDOWING, position, NULL,
                       bare ? "Omit the parentheses in this OVER clause." : NULL,
                       "cannot copy window \"%s\" because it has a frame clause", from->name);
    }
    window->partition_count = from->partition_count;
    window->partition = sql_alloc(context, (from->partition_count + 1) * sizeof(*window->partition));
    memcpy(window->partition, from->partition, from->partition_count * sizeof(*window->partition));
    if (from->order_count > 0) {
        window->order_count = from->order_count;
        window->order = sql_alloc(context, from->order_count * sizeof(*window->order));
        memcpy(window->order, from->order, from->order_count * sizeof(*window->order));
    }
}

static bool given(const char *name) {
    return name != NULL && name[0] != 0;
}

static struct bind_window bind_definition(const struct bind_scope *scope, const PgQuery__WindowDef *node) {
    struct bind_scope place = *scope;
    place.place = BIND_WINDOW;
    place.windows = NULL;
    place.sets = NULL;
    struct bind_window window = {0};
    if (given(node->refname)) {
        const struct bind_window *from = window_named(scope, node->refname, bind_location(node->location));
        window_inherit(scope, node, from, &window);
        if (window.order_count == 0) {
            bind_order(&place, node, &window);
        }
    } else {
        bind_partition(&place, node, &window);
        bind_order(&place, node, &window);
    }
    bind_frame(&place, node, &window);
    return window;
}

static uint32_t window_add(struct bind *bind, struct bind_windows *windows, const struct bind_window *window) {
    if (windows->count == windows->capacity) {
        uint32_t capacity = windows->capacity == 0 ? 4 : windows->capacity * 2;
        struct bind_window *grown = sql_alloc(bind->context, capacity * sizeof(*grown));
        if (windows->count > 0) {
            memcpy(grown, windows->list, windows->count * sizeof(*grown));
        }
        windows->list = grown;
        windows->capacity = capacity;
    }
    windows->list[windows->count] = *window;
    return windows->count++;
}

void bind_window_clause(const struct bind_scope *scope, PgQuery__Node *const *clause, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const PgQuery__WindowDef *node = clause[i]->window_def;
        for (uint32_t k = 0; k < scope->windows->count; k++) {
            if (strcmp(scope->windows->list[k].name, node->name) == 0) {
                sql_raise(scope->bind->context, KMB_WINDOWING, bind_location(node->location),
                          "window \"%s\" is already defined", node->name);
            }
        }
        struct bind_window window = bind_definition(scope, node);
        window.name = node->name;
        (void)window_add(scope->bind, scope->windows, &window);
    }
}

static bool offset_equal(const struct expr *a, const struct expr *b) {
    return a == b || (a != NULL && b != NULL && expr_equal(a, b) && !bind_is_volatile(a));
}

static bool window_equal(const struct bind_window *a, const struct bind_window *b) {
    if (a->partition_count != b->partition_count || a->order_count != b->order_count ||
        a->frame.mode != b->frame.mode || a->frame.start != b->frame.start || a->frame.end != b->frame.end ||
        a->frame.exclusion != b->frame.exclusion || !offset_equal(a->frame.start_offset, b->frame.start_offset) ||
        !offset_equal(a->frame.end_offset, b->frame.end_offset)) {
        return false;
    }
    for (uint32_t i = 0; i < a->partition_count; i++) {
        if (!expr_equal(a->partition[i], b->partition[i]) || bind_is_volatile(a->partition[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->order_count; i++) {
        if (!expr_equal(a->order[i].expr, b->order[i].expr) || bind_is_volatile(a->order[i].expr) ||
            a->order[i].descending != b->order[i].descending || a->order[i].nulls_first != b->order[i].nulls_first) {
            return false;
        }
    }
    return true;
}

/* The window of an OVER. */
static uint32_t bind_over(const struct bind_scope *scope, const PgQuery__WindowDef *over) {
    struct bind_windows *windows = scope->windows;
    if (given(over->name)) {
        return (uint32_t)(window_named(scope, over->name, bind_location(over->location)) - windows->list);
    }
    struct bind_window window = bind_definition(scope, over);
    for (uint32_t i = 0; i < windows->count; i++) {
        if (window_equal(&windows->list[i], &window)) {
            return i;
        }
    }
    return window_add(scope->bind, windows, &window);
}

/* --- calls --- */

static void check_place(const struct bind_scope *scope, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    switch ((int)scope->place) {
    case BIND_WINDOW_ARGUMENT:
        sql_raise(context, KMB_WINDOWING, position, "window function calls cannot be nested");
    case BIND_AGGREGATE:
        sql_raise(context, KMB_GROUPING, position, "aggregate function calls cannot contain window function calls");
    case BIND_FRAME_RANGE:
    case BIND_FRAME_ROWS:
    case BIND_FRAME_GROUPS:
        sql_raise(context, KMB_WINDOWING, position, "window functions are not allowed in window definitions");
    default:
        break;
    }
    if (scope->windows == NULL) {
        sql_raise(context, KMB_WINDOWING, position, "window functions are not allowed in %s",
                  bind_place_name(scope->place));
    }
}

/* What PostgreSQL does not build either. */
static void check_form(struct bind *bind, const PgQuery__FuncCall *call, const char *name, bool aggregate,
                       bool ordered_set) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(call->location);
    if (call->n_args == 0 && !call->agg_star && aggregate && !ordered_set) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position,
                  "%s(*) must be used to call a parameterless aggregate function", name);
    }
    if (call->agg_star && !aggregate) {
        bind_no_function(bind, name, NULL, 0, position);
    }
    if (ordered_set) {
        sql_raise(context, KMB_UNSUPPORTED, position, "OVER is not supported for ordered-set aggregate %s", name);
    }
    if (call->agg_within_group) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position,
                  aggregate ? "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP"
                            : "window function %s cannot have WITHIN GROUP",
                  name);
    }
    if (call->agg_distinct) {
        sql_raise(context, KMB_UNSUPPORTED, position, "DISTINCT is not implemented for window functions");
    }
    if (call->n_agg_order > 0) {
        sql_raise(context, KMB_UNSUPPORTED, position, "aggregate ORDER BY is not implemented for window functions");
    }
    if (call->agg_filter != NULL && !aggregate) {
        sql_raise(context, KMB_UNSUPPORTED, position, "FILTER is not implemented for non-aggregate window functions");
    }
}

/* lag(value, offset, default): value and default have one type, as the branches of a CASE do. */
static void unify_default(struct bind *bind, const char *name, const struct expr **arguments, uint32_t position) {
    enum type_id value = arguments[0]->type.id;
    enum type_id otherwise = arguments[2]->type.id;
    if (value != TYPE_UNKNOWN && otherwise != TYPE_UNKNOWN && value != otherwise &&
        type_category_of(value) != type_category_of(otherwise)) {
        bind_no_function(bind, name, arguments, 3, position);
    }
    const struct expr *pair[2] = {arguments[0], arguments[2]};
    struct type type = bind_common_type(bind, pair, 2, name);
    arguments[0] = bind_to_common(bind, arguments[0], type, name);
    arguments[2] = bind_to_common(bind, arguments[2], type, name);
}

static const struct expr *call_place(struct bind *bind, struct bind_windows *windows, uint32_t window,
                                     const struct plan_aggregate *call) {
    uint32_t index = 0;
    while (index < windows->call_count &&
           (windows->call_windows[index] != window || !bind_aggregate_equal(&windows->calls[index], call))) {
        index++;
    }
    if (index == windows->call_count && windows->call_count == windows->call_capacity) {
        uint32_t capacity = windows->call_capacity == 0 ? 8 : windows->call_capacity * 2;
        struct plan_aggregate *calls = sql_alloc(bind->context, capacity * sizeof(*calls));
        uint32_t *call_windows = sql_alloc(bind->context, capacity * sizeof(*call_windows));
        if (windows->call_count > 0) {
            memcpy(calls, windows->calls, windows->call_count * sizeof(*calls));
            memcpy(call_windows, windows->call_windows, windows->call_count * sizeof(*call_windows));
        }
        windows->calls = calls;
        windows->call_windows = call_windows;
        windows->call_capacity = capacity;
    }
    if (index == windows->call_count) {
        windows->calls[index] = *call;
        windows->call_windows[index] = window;
        windows->call_count++;
    }
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_COLUMN;
    expr->type = call->type;
    expr->position = call->position;
    expr->column = BIND_WINDOW_BASE + index;
    return expr;
}

const struct expr *bind_window_call(const struct bind_scope *scope, const PgQuery__FuncCall *call, const char *name) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(call->location);
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(context, SQL_FUNCTION_AGGREGATE, name, &candidate_count);
    bool aggregate = candidate_count > 0;
    if (!aggregate) {
        candidates = sql_function_candidates(context, SQL_FUNCTION_WINDOW, name, &candidate_count);
    }
    if (candidate_count == 0) {
        uint32_t sets = 0;
        (void)sql_function_candidates(context, SQL_FUNCTION_SET, name, &sets);
        (void)sql_function_candidates(context, SQL_FUNCTION_SCALAR, name, &candidate_count);
        if (candidate_count + sets > 0) {
            sql_raise(context, KMB_WRONG_OBJECT_TYPE, position,
                      "OVER specified, but %s is not a window function nor an aggregate function", name);
        }
        bind_refuse_known(bind, SQL_FUNCTION_SCALAR, name, position);
    }
    struct bind_scope inner = *scope;
    inner.place = scope->place == BIND_AGGREGATE ? BIND_AGGREGATE : BIND_WINDOW_ARGUMENT;
    inner.windows = NULL;
    inner.sets = NULL;
    uint32_t count = (uint32_t)call->n_args;
    const struct expr **arguments = sql_alloc(context, (count + 1) * sizeof(*arguments));
    for (uint32_t i = 0; i < count; i++) {
        arguments[i] = bind_expression(&inner, call->args[i]);
    }
    check_form(bind, call, name, aggregate, candidates[0]->ordered_set != SQL_ORDERED_SET_NONE);
    if (!aggregate && count == 3 && (strcmp(name, "lag") == 0 || strcmp(name, "lead") == 0)) {
        unify_default(bind, name, arguments, position);
    }
    const struct expr *built = bind_chosen_call(bind, candidates, candidate_count, name, arguments, count, position);
    check_place(scope, position);
    struct plan_aggregate window_call = {.function = built->function,
                                         .arguments = built->arguments,
                                         .argument_count = count,
                                         .type = built->type,
                                         .position = position};
    if (call->agg_filter != NULL) {
        inner.place = BIND_FILTER;
        inner.aggregates = NULL;
        window_call.filter = bind_condition(&inner, call->agg_filter, "FILTER");
    }
    uint32_t window = bind_over(scope, call->over);
    return call_place(bind, scope->windows, window, &window_call);
}

/* --- into the plan --- */

void bind_windows_expressions(struct bind_windows *windows, void (*each)(void *context, const struct expr **place),
                              void *context) {
    for (uint32_t i = 0; i < windows->count; i++) {
        for (uint32_t k = 0; k < windows->list[i].partition_count; k++) {
            each(context, &windows->list[i].partition[k]);
        }
        for (uint32_t k = 0; k < windows->list[i].order_count; k++) {
            each(context, &windows->list[i].order[k].expr);
        }
    }
    for (uint32_t i = 0; i < windows->call_count; i++) {
        for (uint32_t k = 0; k < windows->calls[i].argument_count; k++) {
            each(context, &windows->calls[i].arguments[k]);
        }
        if (windows->calls[i].filter != NULL) {
            each(context, &windows->calls[i].filter);
        }
    }
}

struct placeholders {
    struct bind *bind;
    uint32_t base;
    const uint32_t *columns;
};

static const struct expr *replace_placeholder(const struct expr *expr, void *object) {
    const struct placeholders *placeholders = object;
    if (expr->kind != EXPR_COLUMN || expr->column < placeholders->base ||
        expr->column - placeholders->base >= BIND_PLACEHOLDERS) {
        return NULL;
    }
    struct expr *column = sql_alloc(placeholders->bind->context, sizeof(*column));
    *column = *expr;
    column->column = placeholders->columns[expr->column - placeholders->base];
    return column;
}

const struct expr *bind_placeholders(struct bind *bind, const struct expr *expr, uint32_t base,
                                     const uint32_t *columns) {
    return expr_rewrite(bind->context, expr, replace_placeholder, &(struct placeholders){bind, base, columns});
}

/* The node of one window; columns[call] becomes the ordinal of each of its calls. */
static struct plan_node *window_plan(struct bind *bind, const struct bind_windows *windows, uint32_t number,
                                     struct plan_node *child, uint32_t *columns) {
    const struct bind_window *window = &windows->list[number];
    struct plan_node *node = bind_plan(bind, PLAN_WINDOW, child, NULL);
    node->expressions = window->partition;
    node->expression_count = window->partition_count;
    node->sort_keys = window->order;
    node->sort_key_count = window->order_count;
    node->frame = window->frame;
    node->aggregates = sql_alloc(bind->context, windows->call_count * sizeof(*node->aggregates));
    node->columns = sql_alloc_zero(bind->context, child->column_count + windows->call_count, sizeof(*node->columns));
    if (child->column_count > 0) {
        memcpy(node->columns, child->columns, child->column_count * sizeof(*node->columns));
    }
    for (uint32_t i = 0; i < windows->call_count; i++) {
        if (windows->call_windows[i] == number) {
            node->aggregates[node->aggregate_count++] = windows->calls[i];
            columns[i] = node->column_count;
            node->columns[node->column_count++] =
                (struct plan_column){.name = windows->calls[i].function->name, .type = windows->calls[i].type};
        }
    }
    return node;
}

struct plan_node *bind_windows_plan(struct bind *bind, struct bind_windows *windows, struct plan_node *plan,
                                    const struct expr **targets, uint32_t target_count) {
    if (windows->call_count == 0) {
        return plan;
    }
    uint32_t *columns = sql_alloc_zero(bind->context, windows->call_count, sizeof(*columns));
    for (uint32_t i = 0; i < windows->count; i++) {
        bool called = false;
        for (uint32_t k = 0; k < windows->call_count; k++) {
            called = called || windows->call_windows[k] == i;
        }
        plan = called ? window_plan(bind, windows, i, plan, columns) : plan;
    }
    for (uint32_t i = 0; i < target_count; i++) {
        targets[i] = bind_placeholders(bind, targets[i], BIND_WINDOW_BASE, columns);
    }
    return plan;
}
