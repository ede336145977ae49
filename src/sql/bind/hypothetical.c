/*
 * Hypothetical-set aggregates: what rank, dense_rank, percent_rank and cume_dist would be of a row that is not there.
 *
 *   rank(x) WITHIN GROUP (ORDER BY k)   is   1 + count(*) FILTER (WHERE k comes before x)
 *
 * and the others are sums of such counts; so the call is written out as these and bound in their place. The direct
 * arguments are asked for outside the counts as well, for they may name grouped columns alone.
 */
#include "sql/bind/bind.h"

struct hypothetical {
    struct bind *bind;
    const char **values; /* direct arguments, as SQL */
    const char **keys;
    const PgQuery__SortBy **sorts;
    uint32_t count;
    const char *filter; /* NULL: none */
};

/* Whether key i of a row comes before the argument's; NULLs stand where the order has them. */
static const char *key_before(const struct hypothetical *call, uint32_t i) {
    struct sql_context *context = call->bind->context;
    const PgQuery__SortBy *sort = call->sorts[i];
    bool descending = sort->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    bool nulls_first = sort->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                       (sort->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST && descending);
    const char *null = nulls_first ? call->keys[i] : call->values[i];
    const char *other = nulls_first ? call->values[i] : call->keys[i];
    return sql_printf(context, "((%s) %s (%s) OR ((%s) IS NULL AND (%s) IS NOT NULL))", call->keys[i],
                      descending ? ">" : "<", call->values[i], null, other);
}

/* Whether a row comes before; or_equal: or is a peer. */
static const char *row_before(const struct hypothetical *call, bool or_equal) {
    struct sql_context *context = call->bind->context;
    const char *text = or_equal ? "true" : "false";
    for (uint32_t i = call->count; i > 0; i--) {
        const char *equal =
            sql_printf(context, "((%s) IS NOT DISTINCT FROM (%s))", call->keys[i - 1], call->values[i - 1]);
        text = sql_printf(context, "(%s OR (%s AND %s))", key_before(call, i - 1), equal, text);
    }
    return text;
}

/* A count of the rows that the condition (NULL: none) and the call's own FILTER let in. */
static const char *count_of(const struct hypothetical *call, const char *what, const char *condition) {
    struct sql_context *context = call->bind->context;
    const char *filter = call->filter != NULL ? call->filter : "true";
    return sql_printf(context, "count(%s) FILTER (WHERE (%s) AND (%s))", what, filter,
                      condition != NULL ? condition : "true");
}

static const char *dense_rank_text(const struct hypothetical *call, uint32_t position) {
    struct sql_context *context = call->bind->context;
    if (call->count > 1) {
        sql_raise_unsupported(context, position, "dense_rank of several ordering columns");
    }
    const char *before = row_before(call, false);
    const char *distinct = sql_printf(context, "DISTINCT (%s)", call->keys[0]);
    const char *null = sql_printf(context, "%s AND (%s) IS NULL", before, call->keys[0]);
    return sql_printf(context, "1 + %s + CASE WHEN %s > 0 THEN 1 ELSE 0 END", count_of(call, distinct, before),
                      count_of(call, "*", null));
}

static const char *call_text(const struct hypothetical *call, const char *name, uint32_t position) {
    struct sql_context *context = call->bind->context;
    if (strcmp(name, "dense_rank") == 0) {
        return dense_rank_text(call, position);
    }
    const char *before = count_of(call, "*", row_before(call, false));
    const char *all = count_of(call, "*", NULL);
    if (strcmp(name, "rank") == 0) {
        return sql_printf(context, "1 + %s", before);
    }
    if (strcmp(name, "percent_rank") == 0) {
        return sql_printf(context, "CASE WHEN %s = 0 THEN 0 ELSE (%s)::float8 / %s END", all, before, all);
    }
    return sql_printf(context, "(1 + %s)::float8 / (1 + %s)", count_of(call, "*", row_before(call, true)), all);
}

static bool visit_place(const struct expr *node, void *context) {
    ((struct expr *)(uintptr_t)node)->position = *(const uint32_t *)context; /* just built, nobody else's */
    return true;
}

bool bind_is_hypothetical(const char *name) {
    return strcmp(name, "rank") == 0 || strcmp(name, "dense_rank") == 0 || strcmp(name, "percent_rank") == 0 ||
           strcmp(name, "cume_dist") == 0;
}

/* A value is compared row by row: it must not be one that differs between a row and the groups that the row is in. */
static void check_values(const struct bind_scope *scope, const PgQuery__FuncCall *node, const char *name) {
    struct bind_scope inner = *scope;
    inner.place = BIND_AGGREGATE;
    inner.aggregates = NULL;
    inner.windows = NULL;
    inner.sets = NULL;
    for (size_t i = 0; i < node->n_args; i++) {
        bool column = expr_has_column(bind_expression(&inner, node->args[i]));
        if (column && scope->aggregates != NULL) {
            scope->aggregates->ranked = name;
        }
    }
}

const struct expr *bind_hypothetical(const struct bind_scope *scope, const PgQuery__FuncCall *node, const char *name) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(node->location);
    struct hypothetical call = {.bind = bind, .count = (uint32_t)node->n_agg_order};
    if (node->n_args != node->n_agg_order) {
        sql_raise_with(context, KMB_UNDEFINED_FUNCTION, position, NULL,
                       sql_printf(context,
                                  "To use the hypothetical-set aggregate %s, the number of hypothetical direct "
                                  "arguments (here %zu) must match the number of ordering columns (here %zu).",
                                  name, node->n_args, node->n_agg_order),
                       "function %s does not exist", name);
    }
    call.values = sql_alloc(context, (call.count + 1) * sizeof(*call.values));
    call.keys = sql_alloc(context, (call.count + 1) * sizeof(*call.keys));
    call.sorts = sql_alloc(context, (call.count + 1) * sizeof(*call.sorts));
    const char *asked = "true";
    for (uint32_t i = 0; i < call.count; i++) {
        call.sorts[i] = node->agg_order[i]->sort_by;
        call.values[i] = parse_deparse(context, node->args[i]);
        call.keys[i] = parse_deparse(context, call.sorts[i]->node);
        asked = sql_printf(context, "%s AND (%s) IS NULL", asked, call.values[i]);
    }
    check_values(scope, node, name);
    call.filter = node->agg_filter == NULL ? NULL : parse_deparse(context, node->agg_filter);
    const char *text = call_text(&call, name, position);
    const char *own = context->text;
    context->text = NULL; /* positions in what is written out mean nothing in the statement */
    const struct expr *expr = bind_expression(
        scope, parse_expression(context, sql_printf(context, "CASE WHEN %s THEN %s ELSE %s END", asked, text, text)));
    context->text = own;
    (void)expr_walk(expr, visit_place, &position);
    return expr;
}
