/*
 * Comparisons of rows: (a, b) = (x, y), (a, b) < (x, y), (a, b) IN ((1, 2), (3, 4)), ROW(a, b) IS NULL.
 *
 * There is no row value: a comparison becomes one of the columns. a = x AND b = y; and as PostgreSQL orders rows, by
 * the first pair that differs, (a, b) < (x, y) is a < x OR (a = x AND b < y). That alone would not let an index find
 * the rows, so a <= x, which follows from it, stands before it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

struct row {
    const struct expr **fields;
    uint32_t count;
};

bool bind_is_row(const PgQuery__Node *node) {
    return node != NULL && node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static const PgQuery__ColumnRef *star_of(const PgQuery__Node *node) {
    if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) {
        return NULL;
    }
    const PgQuery__ColumnRef *reference = node->column_ref;
    return reference->fields[reference->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR ? reference : NULL;
}

uint32_t bind_row_fields(const struct bind_scope *scope, const PgQuery__RowExpr *node, const struct expr ***fields) {
    struct sql_context *context = scope->bind->context;
    size_t room = node->n_args * ((scope->scope == NULL ? 0 : (size_t)scope->scope->column_count) + 1) + 1;
    uint32_t count = 0;
    *fields = sql_alloc(context, room * sizeof(**fields));
    for (size_t i = 0; i < node->n_args; i++) {
        const PgQuery__ColumnRef *star = scope->scope == NULL ? NULL : star_of(node->args[i]);
        if (star == NULL) {
            (*fields)[count++] = bind_expression(scope, node->args[i]);
            continue;
        }
        const struct expr **columns = NULL;
        const char **names = NULL;
        uint32_t stands_for = bind_star(scope->bind, scope->scope, star, &columns, &names);
        memcpy(*fields + count, columns, stands_for * sizeof(*columns));
        count += stands_for;
    }
    return count;
}

static struct row bind_row(const struct bind_scope *scope, const PgQuery__RowExpr *node) {
    struct row row = {0};
    row.count = bind_row_fields(scope, node, &row.fields);
    if (row.count == 0) {
        sql_raise(scope->bind->context, KMB_UNSUPPORTED, bind_location(node->location),
                  "cannot compare rows of zero length");
    }
    return row;
}

static const struct expr *joined(struct bind *bind, enum expr_kind kind, const struct expr **list, uint32_t count,
                                 uint32_t position) {
    if (count == 1) {
        return list[0];
    }
    struct expr *all = bind_expr_new(bind, kind, type_make(TYPE_BOOL), 0, position);
    all->arguments = list;
    all->argument_count = count;
    return all;
}

static void check_lengths(struct bind *bind, const struct row *left, const struct row *right, uint32_t position) {
    if (left->count != right->count) {
        sql_raise(bind->context, KMB_SYNTAX, position, "unequal number of entries in row expressions");
    }
}

/* All pairs, or for <> any. */
static const struct expr *compare_all(struct bind *bind, const char *name, const struct row *left,
                                      const struct row *right, uint32_t position) {
    check_lengths(bind, left, right, position);
    const struct expr **pairs = sql_alloc(bind->context, left->count * sizeof(*pairs));
    for (uint32_t i = 0; i < left->count; i++) {
        pairs[i] = bind_operator(bind, name, left->fields[i], right->fields[i], position);
    }
    return joined(bind, strcmp(name, "<>") == 0 ? EXPR_OR : EXPR_AND, pairs, left->count, position);
}

/* The order of the first pair that differs; equal rows by the last pair, whose operator may allow it. */
static const struct expr *compare_order(struct bind *bind, const char *name, const struct row *left,
                                        const struct row *right, uint32_t position) {
    check_lengths(bind, left, right, position);
    const char *strict = name[0] == '<' ? "<" : ">";
    uint32_t last = left->count - 1;
    const struct expr *rest = bind_operator(bind, name, left->fields[last], right->fields[last], position);
    for (uint32_t i = last; i-- > 0;) {
        if (bind_is_volatile(left->fields[i]) || bind_is_volatile(right->fields[i])) {
            sql_raise_unsupported(bind->context, position, "the order of rows with a volatile or queried field");
        }
        const struct expr **same = sql_alloc(bind->context, 2 * sizeof(*same));
        same[0] = bind_operator(bind, "=", left->fields[i], right->fields[i], position);
        same[1] = rest;
        const struct expr **either = sql_alloc(bind->context, 2 * sizeof(*either));
        either[0] = bind_operator(bind, strict, left->fields[i], right->fields[i], position);
        either[1] = joined(bind, EXPR_AND, same, 2, position);
        rest = joined(bind, EXPR_OR, either, 2, position);
    }
    if (last == 0) {
        return rest;
    }
    const struct expr **both = sql_alloc(bind->context, 2 * sizeof(*both));
    const char *loose = name[0] == '<' ? "<=" : ">=";
    both[0] = bind_operator(bind, loose, left->fields[0], right->fields[0], position);
    both[1] = rest;
    return joined(bind, EXPR_AND, both, 2, position);
}

static const struct expr *compare(struct bind *bind, const char *name, const struct row *left, const struct row *right,
                                  uint32_t position) {
    if (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0) {
        return compare_all(bind, name, left, right, position);
    }
    if (strcmp(name, "<") != 0 && strcmp(name, "<=") != 0 && strcmp(name, ">") != 0 && strcmp(name, ">=") != 0) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, position, NULL,
                       "Row comparison operators must be associated with btree operator families.",
                       "could not determine interpretation of row comparison operator %s", name);
    }
    return compare_order(bind, name, left, right, position);
}

const struct expr *bind_row_pairs(struct bind *bind, const char *name, const struct expr **left,
                                  const struct expr **right, uint32_t count, uint32_t position) {
    struct row a = {.fields = left, .count = count};
    struct row b = {.fields = right, .count = count};
    return compare(bind, name, &a, &b, position);
}

const struct expr *bind_row_comparison(const struct bind_scope *scope, const char *name, const PgQuery__Node *left,
                                       const PgQuery__Node *right, uint32_t position) {
    if (!bind_is_row(left) || !bind_is_row(right)) {
        bool query = bind_is_row(left) && right->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
                     right->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK;
        if (query && strcmp(name, "||") != 0) {
            return bind_sub_link_compared(scope, name, left->row_expr, right->sub_link);
        }
        return bind_operator(scope->bind, name, left == NULL ? NULL : bind_expression(scope, left),
                             bind_expression(scope, right), position);
    }
    struct row a = bind_row(scope, left->row_expr);
    struct row b = bind_row(scope, right->row_expr);
    return compare(scope->bind, name, &a, &b, position);
}

const struct expr *bind_row_in(const struct bind_scope *scope, const PgQuery__RowExpr *left, const PgQuery__List *list,
                               bool negated, uint32_t position) {
    struct bind *bind = scope->bind;
    uint32_t count = (uint32_t)list->n_items;
    struct row row = bind_row(scope, left);
    const struct expr **arms = sql_alloc(bind->context, (count + 1) * sizeof(*arms));
    for (uint32_t i = 0; i < count; i++) {
        if (!bind_is_row(list->items[i])) {
            const struct expr *value = bind_expression(scope, list->items[i]);
            arms[i] = bind_operator(bind, negated ? "<>" : "=", bind_row_value(scope, left), value, position);
            continue;
        }
        struct row other = bind_row(scope, list->items[i]->row_expr);
        arms[i] = compare_all(bind, negated ? "<>" : "=", &row, &other, position);
    }
    return joined(bind, negated ? EXPR_AND : EXPR_OR, arms, count, position);
}

const struct expr *bind_row_distinct(const struct bind_scope *scope, const PgQuery__Node *left,
                                     const PgQuery__Node *right, bool negated, uint32_t position) {
    struct bind *bind = scope->bind;
    if (!bind_is_row(left) || !bind_is_row(right)) {
        return bind_distinct(bind, bind_expression(scope, left), bind_expression(scope, right), negated, position);
    }
    struct row a = bind_row(scope, left->row_expr);
    struct row b = bind_row(scope, right->row_expr);
    check_lengths(bind, &a, &b, position);
    const struct expr **pairs = sql_alloc(bind->context, a.count * sizeof(*pairs));
    for (uint32_t i = 0; i < a.count; i++) {
        pairs[i] = bind_distinct(bind, a.fields[i], b.fields[i], negated, position);
    }
    return joined(bind, negated ? EXPR_AND : EXPR_OR, pairs, a.count, position);
}

const struct expr *bind_row_null_test(const struct bind_scope *scope, const PgQuery__RowExpr *node, bool negated,
                                      uint32_t position) {
    struct bind *bind = scope->bind;
    struct row row = bind_row(scope, node);
    const struct expr **tests = sql_alloc(bind->context, row.count * sizeof(*tests));
    for (uint32_t i = 0; i < row.count; i++) {
        struct expr *test = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, position);
        test->negated = negated;
        test->arguments[0] = bind_resolve_unknown(bind, row.fields[i]);
        tests[i] = test;
    }
    return joined(bind, EXPR_AND, tests, row.count, position);
}
