/*
 * The text of what the nodes of a plan compute, as EXPLAIN shows it: expressions are printed over the names of the
 * columns below, a plain column by its name (behind its table's alias when the query has several tables), a computed
 * one by the text of what computes it.
 */
#include "base/assert.h"
#include "base/map.h"
#include "sql/plan/explain_tree.h"

const char *explain_slice(struct explain *explain, struct slice slice) {
    return sql_printf(explain->context, "%.*s", (int)slice.length, (const char *)slice.bytes);
}

const char *explain_expression(struct explain *explain, const struct expr *expr, const struct plan_node *over) {
    return over == NULL ? expr_text(explain->context, expr, NULL, 0)
                        : expr_text(explain->context, expr, explain_names(explain, over), plan_scan_width(over));
}

/* --- names of a node's output columns --- */

static const char *aggregate_text(struct explain *explain, const struct plan_aggregate *aggregate,
                                  const char *const *names, uint32_t count) {
    bool star = aggregate->argument_count == 0 && aggregate->function->class == SQL_FUNCTION_AGGREGATE;
    const char *arguments = star ? "*" : "";
    for (uint32_t i = 0; i < aggregate->argument_count; i++) {
        arguments = sql_printf(explain->context, "%s%s%s", arguments, i > 0 ? ", " : "",
                               expr_text(explain->context, aggregate->arguments[i], names, count));
    }
    const char *order = "";
    for (uint32_t i = 0; i < aggregate->order_count; i++) {
        order = sql_printf(explain->context, "%s%s%s%s", order, i > 0 ? ", " : " ORDER BY ",
                           expr_text(explain->context, aggregate->order[i].expr, names, count),
                           aggregate->order[i].descending ? " DESC" : "");
    }
    const char *filter = "";
    if (aggregate->filter != NULL) {
        filter = sql_printf(explain->context, " FILTER (WHERE %s)",
                            expr_text(explain->context, aggregate->filter, names, count));
    }
    if (aggregate->function->ordered_set != SQL_ORDERED_SET_NONE) {
        const char *direct =
            aggregate->direct_count == 0 ? "" : expr_text(explain->context, aggregate->direct[0], NULL, 0);
        return sql_printf(explain->context, "%s(%s) WITHIN GROUP (%s)%s", aggregate->function->name, direct, order + 1,
                          filter);
    }
    return sql_printf(explain->context, "%s(%s%s%s)%s", aggregate->function->name,
                      aggregate->distinct ? "DISTINCT " : "", arguments, order, filter);
}

static const char *const *names_of_columns(struct explain *explain, const struct plan_node *node) {
    const char **names = sql_alloc(explain->context, (plan_scan_width(node) + 1) * sizeof(*names));
    for (uint32_t i = 0; i < plan_scan_width(node); i++) {
        const struct plan_column *column = &node->columns[i];
        names[i] = explain->qualified && column->table_name != NULL
                       ? sql_printf(explain->context, "%s.%s", column->table_name, column->name)
                       : column->name;
    }
    return names;
}

static const char *const *names_of_computed(struct explain *explain, const struct plan_node *node) {
    const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
    const char *const *below = explain_names(explain, node->left);
    for (uint32_t i = 0; i < node->expression_count; i++) {
        names[i] = expr_text(explain->context, node->expressions[i], below, node->left->column_count);
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        names[node->expression_count + i] =
            aggregate_text(explain, &node->aggregates[i], below, node->left->column_count);
    }
    return names;
}

static const char *const *names_of_window(struct explain *explain, const struct plan_node *node) {
    const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
    const char *const *below = explain_names(explain, node->left);
    uint32_t width = node->left->column_count;
    if (width > 0) {
        memcpy(names, below, width * sizeof(*names));
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        names[width + i] =
            sql_printf(explain->context, "%s OVER (?)", aggregate_text(explain, &node->aggregates[i], below, width));
    }
    return names;
}

const char *const *explain_names(struct explain *explain, const struct plan_node *node) {
    switch (node->kind) {
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
        return names_of_computed(explain, node);
    case PLAN_WINDOW:
        return names_of_window(explain, node);
    case PLAN_JOIN: {
        const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
        const char *const *left = explain_names(explain, node->left);
        const char *const *right = explain_names(explain, node->right);
        uint32_t split = node->left->column_count;
        for (uint32_t i = 0; i < node->column_count; i++) {
            names[i] = i < split ? left[i] : right[i - split];
        }
        return names;
    }
    case PLAN_FILTER:
    case PLAN_SORT:
    case PLAN_LIMIT:
    case PLAN_DISTINCT:
    case PLAN_SET:
        return explain_names(explain, node->left);
    default:
        return names_of_columns(explain, node);
    }
}

/* --- scans --- */

static const struct key_part *order_parts(const struct plan_node *scan, struct slice *name) {
    *name = scan->table->primary_key_name;
    for (uint32_t i = 0; scan->index.value != 0 && i < scan->table->index_count; i++) {
        if (index_id_equal(scan->table->indexes[i].id, scan->index)) {
            *name = scan->table->indexes[i].name;
            return scan->table->indexes[i].parts;
        }
    }
    return scan->table->primary_key;
}

struct slice explain_order_name(const struct plan_node *scan) {
    struct slice name;
    (void)order_parts(scan, &name);
    return name;
}

static const char *part_name(struct explain *explain, const struct plan_node *scan, const struct key_part *part,
                             const char *alias) {
    uint16_t ordinal = catalogue_column_ordinal(scan->catalogue, scan->table, part->column);
    const struct column_definition *column = catalogue_column(scan->catalogue, scan->table, ordinal);
    const char *name = explain_slice(explain, column->hidden ? column->default_text : column->name);
    if (column->hidden) {
        return definition_text_is_call(column->default_text) ? name : sql_printf(explain->context, "(%s)", name);
    }
    return explain->qualified && alias != NULL ? sql_printf(explain->context, "%s.%s", alias, name) : name;
}

const char *explain_alias(struct explain *explain, const struct plan_node *scan) {
    return plan_scan_width(scan) > 0 && scan->columns[0].table_name != NULL ? scan->columns[0].table_name
                                                                            : explain_slice(explain, scan->table->name);
}

static const char *condition_and(struct explain *explain, const char *all, const char *name, const char *operator_name,
                                 const struct expr *value) {
    const char *one =
        sql_printf(explain->context, "(%s %s %s)", name, operator_name, expr_text(explain->context, value, NULL, 0));
    return all == NULL ? one : sql_printf(explain->context, "%s AND %s", all, one);
}

/* The range of a scan as conditions on the columns of its order. */
const char *explain_range(struct explain *explain, const struct plan_node *scan) {
    struct slice index_name;
    const struct key_part *parts = order_parts(scan, &index_name);
    const char *alias =
        plan_names_rows(scan) ? NULL : explain_alias(explain, scan); /* PostgreSQL: an index's own names */
    const char *all = NULL;
    if (scan->kind == PLAN_BITMAP_INDEX && scan->predicate != NULL) {
        const char *name = part_name(explain, scan, &parts[0], alias);
        return expr_text(explain->context, scan->predicate, &name, 1);
    }
    uint32_t equal = 0;
    while (equal < scan->low.count && equal < scan->high.count && scan->low.values[equal] == scan->high.values[equal]) {
        all = condition_and(explain, all, part_name(explain, scan, &parts[equal], alias), "=", scan->low.values[equal]);
        equal++;
    }
    if (scan->low.count > equal) {
        bool down = parts[equal].descending;
        const char *op = scan->low.inclusive ? (down ? "<=" : ">=") : (down ? "<" : ">");
        all = condition_and(explain, all, part_name(explain, scan, &parts[equal], alias), op, scan->low.values[equal]);
    }
    if (scan->high.count > equal) {
        bool down = parts[equal].descending;
        const char *op = scan->high.inclusive ? (down ? ">=" : "<=") : (down ? ">" : "<");
        all = condition_and(explain, all, part_name(explain, scan, &parts[equal], alias), op, scan->high.values[equal]);
    }
    bool several = all != NULL && scan->low.count + scan->high.count > 2 * equal
                       ? equal > 0 || (scan->low.count > equal && scan->high.count > equal)
                       : equal > 1;
    return several ? sql_printf(explain->context, "(%s)", all) : all;
}

const char *explain_keys(struct explain *explain, const struct plan_node *join, bool right_first) {
    const char *const *left = explain_names(explain, join->left);
    const char *const *right = explain_names(explain, join->right);
    const char *all = NULL;
    for (uint32_t i = 0; i < join->key_count; i++) {
        const char *a = expr_text(explain->context, join->left_keys[i], left, join->left->column_count);
        const char *b = expr_text(explain->context, join->right_keys[i], right, join->right->column_count);
        const char *one = sql_printf(explain->context, "(%s = %s)", right_first ? b : a, right_first ? a : b);
        all = all == NULL ? one : sql_printf(explain->context, "%s AND %s", all, one);
    }
    return join->key_count > 1 ? sql_printf(explain->context, "(%s)", all) : all;
}

/* RETURNING reads the new (DELETE: old) row, then what the child has behind its rows of the table. */
const char *const *explain_returning(struct explain *explain, const struct plan_node *write) {
    if (write->returning == NULL) {
        return NULL;
    }
    uint32_t own = catalogue_column_count(write->catalogue, write->table);
    const char *const *below = explain_names(explain, write->left);
    uint32_t skipped = write->kind == PLAN_UPDATE ? 2 * own : own;
    uint32_t behind = write->left->column_count > skipped ? write->left->column_count - skipped : 0;
    const char **names = sql_alloc(explain->context, (own + behind + 1) * sizeof(*names));
    for (uint32_t i = 0; i < own; i++) {
        names[i] = explain_slice(explain, catalogue_column(write->catalogue, write->table, i)->name);
        names[i] = explain->qualified ? sql_printf(explain->context, "%s.%s", explain_alias(explain, write), names[i])
                                      : names[i];
    }
    for (uint32_t i = 0; i < behind; i++) {
        names[own + i] = below[skipped + i];
    }
    const char **texts = sql_alloc(explain->context, (write->returning_count + 1) * sizeof(*texts));
    for (uint32_t i = 0; i < write->returning_count; i++) {
        texts[i] = expr_text(explain->context, write->returning[i], names, own + behind);
    }
    return texts;
}
