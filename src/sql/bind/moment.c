/*
 * The moments that a statement reads: values of time-travel clauses, and a view pinned once per point in time.
 *
 * All tables of one point are read through one snapshot, and their names are resolved in the catalogue of that moment.
 * What a clause binds is decided by the token pass: a table reference alone, or a query block.
 */
#include "base/assert.h"
#include "kernel/view.h"
#include "sql/bind/bind.h"
#include "sql/exec/exec.h"

/* --- views --- */

static void view_close(void *object) {
    struct bind_view *view = object;
    view->host->view_close(view->host->context, view->view);
}

static void view_release_catalogue(void *object) {
    catalogue_release(object);
}

static bool point_equal(const struct sql_point *a, const struct sql_point *b) {
    return a->kind == b->kind && (a->kind != PLAN_AT_POSITION || a->offset == b->offset) &&
           (a->kind != PLAN_AT_TIME || a->time_us == b->time_us);
}

const struct bind_view *bind_view_at(struct bind *bind, const struct sql_point *point) {
    for (uint32_t i = 0; i < bind->view_count; i++) {
        if (point_equal(&bind->views[i]->point, point)) {
            return bind->views[i];
        }
    }
    if (bind->view_count == ARRAY_LENGTH(bind->views)) {
        sql_raise(bind->context, KMB_TOO_COMPLEX, point->position, "statement reads more than %d points in time",
                  BIND_POINTS_MAX);
    }
    struct bind_view *view = sql_alloc_zero(bind->context, 1, sizeof(*view));
    *view = (struct bind_view){.point = *point, .host = bind->host};
    enum kmb_status status = bind->host->view_open(bind->host->context, point, &view->view, bind->context->error);
    if (status != KMB_OK) {
        sql_raise_status(bind->context, status, point->position);
    }
    sql_defer(bind->context, view_close, view);
    bind->views[bind->view_count++] = view;
    view->catalogue = view->view->catalogue;
    catalogue_retain(view->catalogue); /* the plan points into it, longer than the view is held */
    sql_defer(bind->context, view_release_catalogue, (void *)view->catalogue);
    return view;
}

void bind_close_views(struct bind *bind) {
    for (uint32_t i = 0; i < bind->view_count; i++) {
        sql_release(bind->context, bind->views[i]);
    }
    bind->view_count = 0;
}

static struct kernel_view *view_to_estimate(void *object, const struct plan_node *scan) {
    struct bind *bind = object;
    for (uint32_t i = 0; i < bind->view_count; i++) {
        if (bind->views[i]->catalogue == scan->catalogue) {
            return bind->views[i]->view;
        }
    }
    return NULL;
}

struct plan_estimator bind_estimator(struct bind *bind) {
    return (struct plan_estimator){.view = view_to_estimate, .context = bind, .statistics = bind->host->statistics};
}

/* --- points --- */

static struct expr *point_literal(struct bind *bind, const struct tokens_point *point) {
    struct expr *value = sql_alloc_zero(bind->context, 1, sizeof(*value));
    value->position = point->position;
    value->type = type_make(point->kind == TOKENS_POSITION ? TYPE_INT8 : TYPE_TIMESTAMPTZ);
    value->kind = EXPR_CONSTANT;
    if (point->kind == TOKENS_POSITION) {
        value->value = value_int8((int64_t)point->offset);
        return value;
    }
    struct timestamp time;
    struct datetime_context when = {.now_us = bind->context->now_us, .has_now = true};
    enum kmb_status status = timestamp_parse(point->literal, true, &when, &time, bind->context->error);
    if (status != KMB_OK) {
        sql_raise_status(bind->context, status, point->position);
    }
    bind->time_dependent = bind->time_dependent || bind_literal_moves(point->literal);
    value->value = value_timestamp(TYPE_TIMESTAMPTZ, time);
    return value;
}

/* $n in a clause: typed like any other parameter. */
static const struct expr *point_parameter(struct bind *bind, const struct tokens_point *point) {
    PgQuery__ParamRef reference = PG_QUERY__PARAM_REF__INIT;
    reference.number = (int32_t)point->parameter;
    reference.location = (int32_t)point->position - 1;
    PgQuery__Node node = PG_QUERY__NODE__INIT;
    node.node_case = PG_QUERY__NODE__NODE_PARAM_REF;
    node.param_ref = &reference;
    struct bind_scope scope = {.bind = bind, .place = BIND_SELECT};
    const struct expr *parameter = bind_expression(&scope, &node);
    struct type type = type_make(point->kind == TOKENS_POSITION ? TYPE_INT8 : TYPE_TIMESTAMPTZ);
    bool text = type_is_string(parameter->type.id); /* what drivers call a parameter of which they know no better */
    const struct expr *value =
        bind_coerce(bind, parameter, type, text ? SQL_CAST_EXPLICIT : SQL_CAST_ASSIGNMENT, point->position);
    if (value == NULL) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, point->position,
                  "parameter $%u must be of type %s to read the past, not %s", point->parameter, type_name(type.id),
                  bind_type_text(bind, parameter->type));
    }
    return value;
}

struct sql_point bind_point(struct sql_context *context, const struct plan_at *at, const struct value *value) {
    struct sql_point point = {.kind = at->kind, .position = at->position};
    if (value->is_null) {
        sql_raise(context, KMB_INVALID_PARAMETER, at->position, "the point to read at must not be null");
    }
    if (at->kind == PLAN_AT_POSITION) {
        if (value->as.integer < 0) {
            sql_raise(context, KMB_INVALID_PARAMETER, at->position,
                      "a position must be a non-negative integer, got %lld", (long long)value->as.integer);
        }
        point.offset = (uint64_t)value->as.integer;
    } else {
        if (!timestamp_is_finite(value->as.timestamp)) {
            sql_raise(context, KMB_DATETIME_OVERFLOW, at->position, "the time to read at must be finite");
        }
        point.time_us = value->as.timestamp.us;
    }
    return point;
}

const struct expr *bind_point_value(struct bind *bind, const struct tokens_point *point) {
    return point->parameter == 0 ? point_literal(bind, point) : point_parameter(bind, point);
}

const struct bind_view *bind_moment_of(struct bind *bind, const struct tokens_clause *clause, struct plan_at *at) {
    *at = (struct plan_at){.kind = PLAN_AT_NONE};
    if (clause == NULL) {
        return bind_view_at(bind, &bind->host->at);
    }
    if (bind->host->at.kind != PLAN_AT_NONE) {
        sql_raise(bind->context, KMB_USAGE, clause->position,
                  "the statement has a time-travel clause although a point to read at was given beside it");
    }
    bind->reads_past = true;
    at->kind = clause->point.kind == TOKENS_POSITION ? PLAN_AT_POSITION : PLAN_AT_TIME;
    at->position = clause->point.position;
    at->value = bind_point_value(bind, &clause->point);
    return bind_moment(bind, at);
}

static bool visit_no_parameter(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_PARAMETER;
}

const struct bind_view *bind_moment(struct bind *bind, const struct plan_at *at) {
    if (expr_walk(at->value, visit_no_parameter, NULL)) {
        struct value value = exec_evaluate(bind->context, at->value, NULL, 0);
        struct sql_point point = bind_point(bind->context, at, &value);
        return bind_view_at(bind, &point);
    }
    bind->at_parameter = true;
    if (bind->parameters == NULL) { /* preparing: the present stands in until a run gives the point */
        return bind_view_at(bind, &(struct sql_point){.kind = PLAN_AT_NONE});
    }
    struct value value = exec_evaluate(bind->context, at->value, bind->parameters, bind->parameter_value_count);
    struct sql_point point = bind_point(bind->context, at, &value);
    return bind_view_at(bind, &point);
}

const struct tokens_clause *bind_clause_at(struct bind *bind, uint32_t reference, const struct tokens_clause *around) {
    if (bind->view_depth > 0 || bind->tokens == NULL || reference == 0) {
        return around; /* positions inside a view are those of the view's own text */
    }
    const struct tokens_clause *own = tokens_clause_at(bind->tokens, reference);
    return own != NULL ? own : around;
}

const struct tokens_clause *bind_clause_behind(struct bind *bind, uint32_t reference) {
    for (uint32_t i = 0; bind->view_depth == 0 && i < bind->tokens->clause_count; i++) {
        if (bind->tokens->clauses[i].behind == reference) {
            return &bind->tokens->clauses[i];
        }
    }
    return NULL;
}

const struct tokens_range *bind_range_at(struct bind *bind, uint32_t reference) {
    return bind->view_depth > 0 || bind->tokens == NULL ? NULL : tokens_range_at(bind->tokens, reference);
}

/* --- one snapshot for each moment --- */

struct moment {
    struct moment *next;
    const struct plan_at *at;
    uint32_t block;
};

struct moments {
    struct bind *bind;
    struct moment *first;
};

static void moments_number(struct moments *moments, struct plan_node *node);

static void moments_number_subquery(void *context, struct plan_subquery *subquery) {
    moments_number(context, subquery->root);
}

static uint32_t moment_block(struct moments *moments, const struct plan_at *at) {
    for (struct moment *moment = moments->first; moment != NULL; moment = moment->next) {
        if (moment->at->kind == at->kind && (at->kind == PLAN_AT_NONE || expr_equal(moment->at->value, at->value))) {
            return moment->block;
        }
    }
    struct moment *moment = sql_alloc(moments->bind->context, sizeof(*moment));
    *moment = (struct moment){
        .next = moments->first, .at = at, .block = moments->first == NULL ? 0 : moments->first->block + 1};
    moments->first = moment;
    return moment->block;
}

/* Nodes that read at one moment get one number. */
static void moments_number(struct moments *moments, struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    if (plan_reads(node)) {
        node->at_block = moment_block(moments, &node->at);
    }
    if (node->kind == PLAN_CTE && !node->cte_work) {
        moments_number(moments, node->cte->root);
        moments_number(moments, node->cte->recursive);
    }
    plan_subqueries(node, moments_number_subquery, moments);
    moments_number(moments, node->left);
    moments_number(moments, node->right);
}

void bind_moments(struct bind *bind, struct plan_node *root) {
    if (root != NULL) {
        (void)bind_view_at(bind, &bind->host->at); /* a point beside the statement must be there too */
    }
    for (uint32_t i = 0; i < bind->tokens->clause_count; i++) { /* a query without a table has a moment too */
        struct plan_at at;
        (void)bind_moment_of(bind, &bind->tokens->clauses[i], &at);
    }
    struct moments moments = {.bind = bind};
    moments_number(&moments, root);
    for (uint32_t i = 0; i < bind->write_count; i++) {
        moments_number(&moments, bind->writes[i]->root);
    }
}
