/*
 * Subqueries that become joins.
 *
 * A subquery that takes values from the row around it would be run once for each such row. Three forms are the same as
 * a join, and a hash join does with one pass over each side:
 *
 *   WHERE [NOT] EXISTS (SELECT ... FROM x WHERE x.k = t.k AND ...)     t SEMI (ANTI) JOIN x
 *   WHERE e IN (SELECT f FROM x WHERE ...)                             t SEMI JOIN x ON e = f AND ... (INNER, if f is a
 * key) (SELECT agg(...) FROM x WHERE x.k = t.k AND ...), anywhere         t LEFT JOIN (SELECT k, agg(...) ... GROUP BY
 * k)
 *
 * A condition that mentions the outer row must be a conjunct of the subquery's own WHERE, and one at least an equality
 * of a value of each side: else the join would compare everything with everything. An empty group has no row to join;
 * what the aggregate answers there (count is 0, the others NULL) is computed beforehand. NOT IN stays as it is: the
 * NULLs that make it so hard for a join cost its hash table nothing (exec/subquery.c). So does a query for one row of a
 * table.
 */
#include "base/assert.h"
#include "sql/plan/optimise.h"

/* --- what a subquery takes from outside --- */

static bool visit_no_outer(const struct expr *expr, void *context) {
    (void)context;
    return expr->kind != EXPR_OUTER;
}

static bool has_outer(const struct expr *expr) {
    return !expr_walk(expr, visit_no_outer, NULL);
}

static void note_outer(void *context, const struct expr **place) {
    bool *found = context;
    *found = *found || has_outer(*place);
}

static bool plan_has_outer(struct plan_node *node) {
    if (node == NULL) {
        return false;
    }
    bool found = node->kind == PLAN_CTE && node->cte->takes_outer;
    plan_expressions(node, note_outer, &found);
    return found || plan_has_outer(node->left) || plan_has_outer(node->right);
}

/* An equality of an outer value and one of the subquery's row. */
static bool is_link(const struct expr *condition) {
    if (condition->kind != EXPR_CALL || condition->function->class != SQL_FUNCTION_OPERATOR ||
        condition->argument_count != 2 || strcmp(condition->function->name, "=") != 0 ||
        condition->arguments[0]->type.id != condition->arguments[1]->type.id) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        const struct expr *outer = condition->arguments[side];
        const struct expr *own = condition->arguments[1 - side];
        if (has_outer(outer) && !expr_has_column(outer) && !has_outer(own) && expr_has_column(own)) {
            return true;
        }
    }
    return false;
}

/* The query taken apart: FROM and the conjuncts of WHERE that stay with it, and those that link it to the outer row. */
struct source {
    struct plan_node *from; /* its own conditions are back in a FILTER */
    struct conditions links;
    bool linked; /* one of them is an equality */
};

static bool source_take(struct optimiser *optimiser, struct plan_node *node, struct source *source) {
    struct conditions all = {0};
    struct conditions own = {0};
    *source = (struct source){0};
    while (node->kind == PLAN_FILTER) {
        conditions_split(optimiser, &all, node->predicate);
        node = node->left;
    }
    if (plan_has_outer(node)) {
        return false;
    }
    for (uint32_t i = 0; i < all.count; i++) {
        const struct expr *condition = all.list[i];
        bool link = has_outer(condition);
        if (link && optimise_is_volatile(condition)) {
            return false;
        }
        source->linked = source->linked || is_link(condition);
        conditions_add(optimiser, link ? &source->links : &own, condition);
    }
    source->from = optimise_filter(optimiser, node, &own);
    return true;
}

/* --- building --- */

struct joined_row {
    struct optimiser *optimiser;
    uint32_t split;                   /* columns of the outer row */
    const struct expr *const *values; /* what the outer references stand for */
};

static const struct expr *join_leaf(const struct expr *expr, void *object) {
    const struct joined_row *row = object;
    if (expr->kind == EXPR_OUTER) {
        return row->values[expr->column];
    }
    return expr->kind == EXPR_COLUMN ? optimise_column(row->optimiser, row->split + expr->column, expr->type) : NULL;
}

/* The expression over the joined row: the subquery's columns stand behind the outer ones. */
static const struct expr *to_joined(struct optimiser *optimiser, const struct expr *expr, uint32_t split,
                                    const struct expr *const *values) {
    return expr_rewrite(optimiser->context, expr, join_leaf, &(struct joined_row){optimiser, split, values});
}

static struct plan_node *join_new(struct optimiser *optimiser, enum plan_join_type type, struct plan_node *left,
                                  struct plan_node *right, const struct conditions *on) {
    struct plan_node *join = sql_alloc_zero(optimiser->context, 1, sizeof(*join));
    join->kind = PLAN_JOIN;
    join->join_type = type;
    join->left = left;
    join->right = right;
    join->predicate = conditions_join(optimiser, on);
    join->column_count = left->column_count + right->column_count;
    join->columns = sql_alloc(optimiser->context, (join->column_count + 1) * sizeof(*join->columns));
    if (left->column_count > 0) {
        memcpy(join->columns, left->columns, left->column_count * sizeof(*join->columns));
    }
    if (right->column_count > 0) {
        memcpy(join->columns + left->column_count, right->columns, right->column_count * sizeof(*join->columns));
    }
    return join;
}

static struct plan_node *project_new(struct optimiser *optimiser, struct plan_node *child, uint32_t count) {
    struct plan_node *project = sql_alloc_zero(optimiser->context, 1, sizeof(*project));
    project->kind = PLAN_PROJECT;
    project->left = child;
    project->column_count = count;
    project->expression_count = count;
    project->columns = sql_alloc_zero(optimiser->context, count + 1, sizeof(*project->columns));
    project->expressions = sql_alloc_zero(optimiser->context, count + 1, sizeof(*project->expressions));
    return project;
}

/* The first columns of a row. */
static struct plan_node *first_columns(struct optimiser *optimiser, struct plan_node *node, uint32_t count) {
    struct plan_node *project = project_new(optimiser, node, count);
    for (uint32_t i = 0; i < count; i++) {
        project->columns[i] = node->columns[i];
        project->expressions[i] = optimise_column(optimiser, i, node->columns[i].type);
    }
    return project;
}

/* The query that is going to be a side of a join; its own subqueries may be joins in their turn. */
static struct plan_node *side_new(struct optimiser *optimiser, struct plan_node *root) {
    optimise_inline(optimiser, root);
    optimise_fold_plan(optimiser, root);
    return optimise_decorrelate(optimiser, root);
}

/* --- EXISTS and IN --- */

/* Whether rows come from one table by its whole primary key: then a subquery is run once at most. */
static bool is_one_row(struct optimiser *optimiser, const struct plan_node *child,
                       const struct conditions *conditions) {
    if (child->kind != PLAN_SCAN) {
        return false;
    }
    const struct expr **keys = sql_alloc(optimiser->context, (conditions->count + 1) * sizeof(*keys));
    uint32_t count = 0;
    for (uint32_t i = 0; i < conditions->count; i++) {
        const struct expr *condition = conditions->list[i];
        bool equality = condition->kind == EXPR_CALL && condition->function->class == SQL_FUNCTION_OPERATOR &&
                        condition->argument_count == 2 && strcmp(condition->function->name, "=") == 0;
        for (int side = 0; equality && side < 2; side++) {
            if (condition->arguments[side]->kind == EXPR_COLUMN && !expr_has_column(condition->arguments[1 - side])) {
                keys[count++] = condition->arguments[side];
                break;
            }
        }
    }
    struct index_id index;
    return optimise_unique_key(child, keys, count, &index);
}

/* What EXISTS asks: whether there is a row; which columns, how ordered, does not matter. */
static struct plan_node *without_shape(struct plan_node *node) {
    while (node->kind == PLAN_PROJECT || node->kind == PLAN_SORT || node->kind == PLAN_DISTINCT) {
        node = node->left;
    }
    return node;
}

/* Whether at most one row of the query meets these links: they name a whole unique key of the one table it reads. */
static bool meets_one(struct optimiser *optimiser, const struct plan_node *node, const struct conditions *links) {
    const struct expr **keys = sql_alloc(optimiser->context, (links->count + 1) * sizeof(*keys));
    uint32_t count = 0;
    for (uint32_t i = 0; i < links->count; i++) {
        const struct expr *link = links->list[i];
        for (uint32_t side = 0; is_link(link) && side < 2; side++) {
            if (link->arguments[side]->kind == EXPR_COLUMN) {
                keys[count++] = link->arguments[side];
                break;
            }
        }
    }
    for (; node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER; node = node->left) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct expr *below = node->kind == PLAN_PROJECT ? node->expressions[keys[i]->column] : keys[i];
            if (below->kind == EXPR_COLUMN) {
                keys[kept++] = below;
            }
        }
        count = kept;
    }
    struct index_id index;
    return node->kind == PLAN_SCAN && optimise_unique_key(node, keys, count, &index);
}

static struct plan_node *half_join(struct optimiser *optimiser, struct plan_node *left, const struct expr *subquery,
                                   enum plan_join_type type, struct plan_node *right, const struct conditions *links) {
    struct conditions on = {0};
    for (uint32_t i = 0; i < links->count; i++) {
        conditions_add(optimiser, &on, to_joined(optimiser, links->list[i], left->column_count, subquery->arguments));
    }
    if (type == PLAN_JOIN_SEMI && meets_one(optimiser, right, links)) {
        type = PLAN_JOIN_INNER; /* which may be put in order with others */
    }
    struct plan_node *join = join_new(optimiser, type, left, side_new(optimiser, right), &on);
    return first_columns(optimiser, join, left->column_count);
}

static struct plan_node *exists_to_join(struct optimiser *optimiser, struct plan_node *left,
                                        const struct expr *subquery, bool negated) {
    struct source source;
    if (!source_take(optimiser, without_shape(subquery->subquery->root), &source) || !source.linked) {
        return NULL;
    }
    return half_join(optimiser, left, subquery, negated ? PLAN_JOIN_ANTI : PLAN_JOIN_SEMI, source.from, &source.links);
}

/* Every pair of the comparison must be a link: an equality of an operand and a column. */
static bool comparison_links(struct optimiser *optimiser, const struct expr *comparison, struct conditions *pairs) {
    conditions_split(optimiser, pairs, comparison);
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (!is_link(pairs->list[i])) {
            return false;
        }
    }
    return pairs->count > 0;
}

static struct plan_node *in_to_join(struct optimiser *optimiser, struct plan_node *left, const struct expr *subquery) {
    struct plan_node *root = subquery->subquery->root;
    struct conditions pairs = {0};
    struct source source;
    if (!comparison_links(optimiser, subquery->subquery->comparison, &pairs)) {
        return NULL;
    }
    if (!plan_has_outer(root)) {
        return half_join(optimiser, left, subquery, PLAN_JOIN_SEMI, root, &pairs);
    }
    while (root->kind == PLAN_SORT || (root->kind == PLAN_DISTINCT && root->expression_count == 0)) {
        root = root->left;
    }
    if (root->kind != PLAN_PROJECT || !source_take(optimiser, root->left, &source)) {
        return NULL;
    }
    for (uint32_t i = 0; i < root->expression_count; i++) {
        if (has_outer(root->expressions[i]) || optimise_is_volatile(root->expressions[i])) {
            return NULL;
        }
    }
    for (uint32_t i = 0; i < pairs.count; i++) {
        conditions_add(optimiser, &source.links,
                       expr_substitute(optimiser->context, pairs.list[i], root->expressions, root->expression_count));
    }
    return half_join(optimiser, left, subquery, PLAN_JOIN_SEMI, source.from, &source.links);
}

/* The condition as a join of the rows it is asked of; NULL: it stays a condition. */
static struct plan_node *condition_to_join(struct optimiser *optimiser, struct plan_node *left,
                                           const struct expr *condition) {
    bool negated = condition->kind == EXPR_NOT;
    const struct expr *subquery = negated ? condition->arguments[0] : condition;
    if (subquery->kind != EXPR_SUBQUERY || subquery->argument_count == 0) {
        return NULL;
    }
    if (subquery->subquery->kind == PLAN_SUBQUERY_EXISTS) {
        return exists_to_join(optimiser, left, subquery, negated);
    }
    return subquery->subquery->kind == PLAN_SUBQUERY_ANY && !negated ? in_to_join(optimiser, left, subquery) : NULL;
}

/* --- aggregates --- */

static const struct expr *constant_new(struct optimiser *optimiser, struct type type, struct value value) {
    struct expr *constant = sql_alloc_zero(optimiser->context, 1, sizeof(*constant));
    constant->kind = EXPR_CONSTANT;
    constant->type = type;
    constant->value = value;
    return constant;
}

/* The subquery's value where no row is: its expression over what each aggregate answers for none. */
static const struct expr *value_of_none(struct optimiser *optimiser, const struct plan_node *aggregate,
                                        const struct expr *expr) {
    const struct expr **none = sql_alloc(optimiser->context, (aggregate->aggregate_count + 1) * sizeof(*none));
    for (uint32_t i = 0; i < aggregate->aggregate_count; i++) {
        struct type type = aggregate->aggregates[i].type;
        const char *name = aggregate->aggregates[i].function->name;
        bool count = strcmp(name, "count") == 0 || strcmp(name, "regr_count") == 0;
        none[i] = constant_new(optimiser, type, count ? value_int8(0) : value_null(type.id));
    }
    return optimise_fold(optimiser, expr_substitute(optimiser->context, expr, none, aggregate->aggregate_count));
}

/* CASE WHEN marker IS NULL THEN none ELSE value END */
static const struct expr *value_or_none(struct optimiser *optimiser, const struct expr *marker, const struct expr *none,
                                        const struct expr *value) {
    struct expr *absent = sql_alloc_zero(optimiser->context, 1, sizeof(*absent));
    absent->kind = EXPR_IS_NULL;
    absent->type = type_make(TYPE_BOOL);
    absent->argument_count = 1;
    absent->arguments = sql_alloc(optimiser->context, sizeof(*absent->arguments));
    absent->arguments[0] = marker;
    struct expr *choice = sql_alloc_zero(optimiser->context, 1, sizeof(*choice));
    choice->kind = EXPR_CASE;
    choice->type = value->type;
    choice->argument_count = 3;
    choice->arguments = sql_alloc(optimiser->context, 3 * sizeof(*choice->arguments));
    choice->arguments[0] = absent;
    choice->arguments[1] = none;
    choice->arguments[2] = value;
    return choice;
}

/* SELECT key, ..., value, true FROM the source GROUP BY key, ... */
static struct plan_node *grouped(struct optimiser *optimiser, const struct plan_node *project,
                                 const struct plan_node *aggregate, struct plan_node *from, const struct expr **keys,
                                 uint32_t key_count) {
    struct plan_node *group = sql_alloc_zero(optimiser->context, 1, sizeof(*group));
    *group = *aggregate;
    group->left = from;
    group->expressions = keys;
    group->expression_count = key_count;
    group->column_count = key_count + aggregate->aggregate_count;
    group->columns = sql_alloc_zero(optimiser->context, group->column_count + 1, sizeof(*group->columns));
    for (uint32_t i = 0; i < key_count; i++) {
        group->columns[i] = keys[i]->kind == EXPR_COLUMN
                                ? from->columns[keys[i]->column]
                                : (struct plan_column){.name = "?column?", .type = keys[i]->type};
        group->columns[i].type = keys[i]->type;
    }
    memcpy(group->columns + key_count, aggregate->columns, aggregate->aggregate_count * sizeof(*group->columns));
    struct plan_node *made = project_new(optimiser, group, key_count + 2);
    for (uint32_t i = 0; i < key_count; i++) {
        made->columns[i] = group->columns[i];
        made->expressions[i] = optimise_column(optimiser, i, keys[i]->type);
    }
    made->columns[key_count] = project->columns[0];
    made->expressions[key_count] = to_joined(optimiser, project->expressions[0], key_count, NULL);
    made->columns[key_count + 1] = (struct plan_column){.name = "there", .type = type_make(TYPE_BOOL)};
    made->expressions[key_count + 1] = constant_new(optimiser, type_make(TYPE_BOOL), value_bool(true));
    return made;
}

/* What stands for a subquery that is joined already: BETWEEN and rows in lists name an operand more than once. */
static const struct expr *already_joined(const struct expr *expr, void *object) {
    (void)object;
    return expr->kind == EXPR_SUBQUERY ? expr->subquery->joined : NULL;
}

/* Joins the aggregate's rows to *rows and answers what stands for the subquery; NULL: it stays. */
static const struct expr *aggregate_to_join(struct optimiser *optimiser, const struct expr *subquery,
                                            struct plan_node **rows) {
    if (subquery->subquery->joined != NULL) {
        return subquery->subquery->joined;
    }
    struct plan_node *project = subquery->subquery->root;
    if (subquery->subquery->kind != PLAN_SUBQUERY_SCALAR || subquery->subquery->shares > 0 ||
        subquery->argument_count == 0 || project->kind != PLAN_PROJECT || project->left->kind != PLAN_AGGREGATE ||
        project->left->expression_count > 0 || has_outer(project->expressions[0]) ||
        optimise_is_volatile(project->expressions[0])) {
        return NULL;
    }
    struct plan_node *aggregate = project->left;
    bool outside = false;
    plan_expressions(aggregate, note_outer, &outside);
    struct source source;
    if (outside || !source_take(optimiser, aggregate->left, &source) || source.links.count == 0) {
        return NULL;
    }
    struct conditions on = {0};
    uint32_t split = (*rows)->column_count;
    const struct expr **keys = sql_alloc(optimiser->context, source.links.count * sizeof(*keys));
    for (uint32_t i = 0; i < source.links.count; i++) {
        const struct expr *link = source.links.list[i];
        if (!is_link(link)) {
            return NULL;
        }
        int own = has_outer(link->arguments[0]) ? 1 : 0;
        keys[i] = link->arguments[own];
        struct expr *equal = sql_alloc(optimiser->context, sizeof(*equal));
        *equal = *link;
        equal->arguments = sql_alloc(optimiser->context, 2 * sizeof(*equal->arguments));
        equal->arguments[1 - own] = to_joined(optimiser, link->arguments[1 - own], 0, subquery->arguments);
        equal->arguments[own] = optimise_column(optimiser, split + i, keys[i]->type);
        conditions_add(optimiser, &on, equal);
    }
    uint32_t key_count = source.links.count;
    const struct expr *none = value_of_none(optimiser, aggregate, project->expressions[0]);
    struct plan_node *from = side_new(optimiser, source.from);
    struct plan_node *right = grouped(optimiser, project, aggregate, from, keys, key_count);
    *rows = join_new(optimiser, PLAN_JOIN_LEFT, *rows, right, &on);
    const struct expr *value = optimise_column(optimiser, split + key_count, subquery->type);
    if (none->kind != EXPR_CONSTANT || !none->value.is_null) {
        const struct expr *marker = optimise_column(optimiser, split + key_count + 1, type_make(TYPE_BOOL));
        value = value_or_none(optimiser, marker, none, value);
    }
    subquery->subquery->joined = value;
    return value;
}

struct aggregates {
    struct optimiser *optimiser;
    struct plan_node **rows;
};

static const struct expr *without_aggregate(const struct expr *expr, void *object) {
    const struct aggregates *aggregates = object;
    if (expr->kind == EXPR_SUBQUERY) {
        const struct expr *value = aggregate_to_join(aggregates->optimiser, expr, aggregates->rows);
        return value == NULL ? expr : value;
    }
    bool all_asked =
        expr->kind == EXPR_CALL || expr->kind == EXPR_NOT || expr->kind == EXPR_IS_NULL || expr->kind == EXPR_DISTINCT;
    return all_asked ? NULL : expr;
}

/*
 * The expressions with joined columns in place of the aggregates in them. Not below CASE, COALESCE and the like: there
 * a subquery may never be asked, and what it would raise must not be raised. But what another place has joined is so
 * everywhere: its plan is the join's now.
 */
static void without_aggregates(struct optimiser *optimiser, const struct expr **list, uint32_t count,
                               struct plan_node **rows) {
    struct aggregates aggregates = {optimiser, rows};
    for (uint32_t i = 0; i < count; i++) {
        list[i] = expr_rewrite(optimiser->context, list[i], without_aggregate, &aggregates);
    }
    for (uint32_t i = 0; i < count; i++) {
        list[i] = expr_rewrite(optimiser->context, list[i], already_joined, NULL);
    }
}

/* --- the nodes --- */

static struct plan_node *decorrelate_filter(struct optimiser *optimiser, struct plan_node *filter) {
    struct conditions all = {0};
    struct conditions plain = {0};
    struct conditions rest = {0};
    conditions_split(optimiser, &all, filter->predicate);
    if (is_one_row(optimiser, filter->left, &all)) {
        return filter;
    }
    uint32_t width = filter->column_count;
    for (uint32_t i = 0; i < all.count; i++) { /* cheap conditions below the joins */
        struct conditions *list = expr_walk(all.list[i], optimise_visit_no_subquery, NULL) ? &plain : &rest;
        conditions_add(optimiser, list, all.list[i]);
    }
    struct plan_node *rows = optimise_filter(optimiser, filter->left, &plain);
    struct conditions kept = {0};
    for (uint32_t i = 0; i < rest.count; i++) {
        struct plan_node *joined = condition_to_join(optimiser, rows, rest.list[i]);
        if (joined != NULL) {
            rows = joined;
        } else {
            conditions_add(optimiser, &kept, rest.list[i]);
        }
    }
    without_aggregates(optimiser, kept.list, kept.count, &rows);
    rows = optimise_filter(optimiser, rows, &kept);
    return rows->column_count == width ? rows : first_columns(optimiser, rows, width);
}

static void decorrelate_project(struct optimiser *optimiser, struct plan_node *project) {
    struct conditions all = {0};
    const struct plan_node *below = project->left;
    conditions_split(optimiser, &all, below->kind == PLAN_FILTER ? below->predicate : NULL);
    if (is_one_row(optimiser, below->kind == PLAN_FILTER ? below->left : below, &all)) {
        return; /* asked once */
    }
    without_aggregates(optimiser, project->expressions, project->expression_count, &project->left);
}

struct plan_node *optimise_decorrelate(struct optimiser *optimiser, struct plan_node *node) {
    if (node == NULL) {
        return NULL;
    }
    node->left = optimise_decorrelate(optimiser, node->left);
    node->right = optimise_decorrelate(optimiser, node->right);
    if (node->kind == PLAN_FILTER) {
        return decorrelate_filter(optimiser, node);
    }
    if (node->kind == PLAN_PROJECT && node->left->kind != PLAN_ONE_ROW) {
        decorrelate_project(optimiser, node);
    }
    return node;
}
