/*
 * Items of a select list that are computed behind ORDER BY and LIMIT.
 *
 * What has an effect, such as nextval(), is asked for the rows that go on, in their order: SELECT nextval('s') FROM t
 * ORDER BY x LIMIT 3 takes three values. So, unless the rows are sorted by it, such an item is left NULL in the
 * projection below the sort, which has the columns that it reads behind its own; a second projection above makes it.
 * The set-returning functions of a SELECT DISTINCT ON are put off in the same way: they spread the rows that are kept.
 */
#include "sql/bind/select.h"

struct reading {
    uint32_t *place; /* of each column, behind the items: 0 not read, else from 1 */
    uint32_t width;
    uint32_t count;
};

static bool visit_read(const struct expr *expr, void *context) {
    struct reading *reading = context;
    if (expr->kind == EXPR_COLUMN && expr->column < reading->width && reading->place[expr->column] == 0) {
        reading->place[expr->column] = ++reading->count;
    }
    return true;
}

static void read_argument(void *context, const struct expr **place) {
    (void)expr_walk(*place, visit_read, context);
}

static bool visit_no_set(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_COLUMN || expr->column < BIND_SET_BASE;
}

static bool has_set(const struct expr *expr) {
    return !expr_walk(expr, visit_no_set, NULL);
}

/* Whether the rows are ordered, or told apart, by an item. */
static bool is_key(const struct select *select, uint32_t target) {
    bool key = target >= select->visible;
    for (uint32_t i = 0; i < select->sort_key_count; i++) {
        key = key || select->sort_keys[i].expr->column == target;
    }
    return key;
}

bool select_sets_late(const struct select *select) {
    bool keyed = select->distinct_on_count == 0;
    for (uint32_t i = 0; i < select->target_count; i++) {
        keyed = keyed || (is_key(select, i) && has_set(select->targets[i])) || bind_is_record(select->targets[i]);
    }
    return select->sets_called.count > 0 && !keyed;
}

bool select_find_late(struct select *select) {
    struct sql_context *context = select->bind->context;
    bool plain_distinct = select->node->n_distinct_clause > 0 && select->distinct_on_count == 0;
    bool ordered = select->sort_key_count > 0 || select->node->limit_count != NULL;
    bool found = false;
    select->late = sql_alloc_zero(context, select->target_count + 1, sizeof(*select->late));
    for (uint32_t i = 0; ordered && !plain_distinct && i < select->visible; i++) {
        bool late = has_set(select->targets[i]) || optimise_is_volatile(select->targets[i]);
        if (late && !is_key(select, i) && !bind_is_record(select->targets[i])) {
            select->late[i] = select->targets[i];
            found = true;
        }
    }
    return found;
}

struct plan_node *select_early_project(struct select *select) {
    struct bind *bind = select->bind;
    uint32_t count = select->target_count;
    struct reading reading = {.width = select->plan->column_count};
    reading.place = sql_alloc_zero(bind->context, reading.width + 1, sizeof(*reading.place));
    for (uint32_t i = 0; i < count; i++) {
        if (select->late[i] != NULL) {
            (void)expr_walk(select->late[i], visit_read, &reading);
        }
    }
    if (select_sets_late(select)) {
        bind_sets_expressions(&select->sets_called, read_argument, &reading);
    }
    const struct expr **list = sql_alloc(bind->context, (count + reading.count + 1) * sizeof(*list));
    const char **names = sql_alloc(bind->context, (count + reading.count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < count; i++) {
        list[i] = select->targets[i];
        names[i] = select->names[i];
        if (select->late[i] != NULL) {
            struct expr *none = bind_expr_new(bind, EXPR_CONSTANT, select->late[i]->type, 0, 0);
            none->value = value_null(none->type.id);
            list[i] = none;
        }
    }
    for (uint32_t i = 0; i < reading.width; i++) {
        if (reading.place[i] > 0) {
            uint32_t place = count + reading.place[i] - 1;
            list[place] = bind_expr_new(bind, EXPR_COLUMN, select->plan->columns[i].type, 0, 0);
            ((struct expr *)(uintptr_t)list[place])->column = i;
            names[place] = select->plan->columns[i].name;
            reading.place[i] = place;
        }
    }
    select->late_columns = reading.place;
    return bind_project(bind, select->plan, list, names, count + reading.count);
}

static void place_argument(void *context, const struct expr **place) {
    const struct select *select = context;
    *place = bind_placeholders(select->bind, *place, 0, select->late_columns);
}

struct plan_node *select_late_project(struct select *select) {
    struct bind *bind = select->bind;
    uint32_t count = select->target_count;
    const struct expr **list = sql_alloc(bind->context, (count + 1) * sizeof(*list));
    for (uint32_t i = 0; i < count; i++) {
        list[i] = select->late[i] == NULL ? select_column(bind, i, select->targets[i])
                                          : bind_placeholders(bind, select->late[i], 0, select->late_columns);
    }
    struct plan_node *plan = select->plan;
    if (select_sets_late(select)) {
        bind_sets_expressions(&select->sets_called, place_argument, select);
        plan = bind_sets_plan(bind, &select->sets_called, plan, list, count);
    }
    return bind_project(bind, plan, list, select->names, count);
}

/* Rows that a LIMIT and OFFSET read, where that can be told; NULL: it can not. */
const struct expr *select_rows_read(struct bind *bind, const struct expr *limit, const struct expr *offset) {
    if (offset == NULL || limit == NULL) {
        return limit;
    }
    int64_t rows;
    if (limit->kind != EXPR_CONSTANT || offset->kind != EXPR_CONSTANT || limit->value.is_null ||
        offset->value.is_null || limit->value.as.integer < 0 || offset->value.as.integer < 0 ||
        __builtin_add_overflow(limit->value.as.integer, offset->value.as.integer, &rows)) {
        return NULL;
    }
    struct expr *read = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_INT8), 0, limit->position);
    read->value = value_integer(TYPE_INT8, rows);
    return read;
}
