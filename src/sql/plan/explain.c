/*
 * EXPLAIN prints the plan tree: a node a line, "->" and six blanks a level, details below it.
 *
 * PROJECT has no line of its own and FILTER is a detail of the node below, as in PostgreSQL, whose nodes compute and
 * filter by themselves. Expressions are printed over the names of the child's columns: a plain column by its name
 * (behind its table's alias when the query has several), a computed one by the text of what computes it.
 */
#include "sql/plan/explain.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/map.h"

struct explain {
    struct sql_context *context;
    bool qualified;       /* several relations: names carry their alias */
    const void *told[64]; /* subqueries and WITH queries printed: several places may refer to one */
    uint32_t told_count;
    const struct plan_measures *measures;
    struct slice *lines;
    uint32_t count;
    uint32_t capacity;
    struct plan_cte *const *writes; /* in the statement's WITH */
    uint32_t write_count;
};

static void add_line(struct explain *explain, uint32_t indent, bool arrow, const char *text) {
    if (explain->count == explain->capacity) {
        uint32_t capacity = explain->capacity == 0 ? 32 : explain->capacity * 2;
        struct slice *grown = sql_alloc(explain->context, capacity * sizeof(*grown));
        if (explain->count > 0) {
            memcpy(grown, explain->lines, explain->count * sizeof(*grown));
        }
        explain->lines = grown;
        explain->capacity = capacity;
    }
    const char *line = sql_printf(explain->context, "%*s%s%s", (int)indent, "", arrow ? "->  " : "", text);
    explain->lines[explain->count++] = slice_text(line);
}

/* --- what was measured --- */

static const struct plan_measure *measure_of(const struct explain *explain, const struct plan_node *node) {
    const struct plan_measure *measure = explain->measures == NULL ? NULL : explain->measures->list;
    while (measure != NULL && measure->node != node) {
        measure = measure->next;
    }
    return measure;
}

/* " (actual time=0.010..0.025 rows=3 loops=1)": times and rows of a loop, on average. */
static const char *actual_text(struct explain *explain, const struct plan_node *node) {
    if (explain->measures == NULL) {
        return "";
    }
    const struct plan_measure *measure = measure_of(explain, node);
    if (measure == NULL || measure->loops == 0) {
        return " (never executed)";
    }
    double loops = (double)measure->loops;
    const char *time = !explain->measures->timing
                           ? ""
                           : sql_printf(explain->context, "time=%.3f..%.3f ", (double)measure->first_ns / loops / 1e6,
                                        (double)measure->total_ns / loops / 1e6);
    return sql_printf(explain->context, " (actual %srows=%.0f loops=%llu)", time, (double)measure->rows / loops,
                      (unsigned long long)measure->loops);
}

static uint32_t count_relations(const struct plan_node *node) {
    if (node == NULL) {
        return 0;
    }
    bool relation =
        plan_reads(node) || node->kind == PLAN_VALUES || node->kind == PLAN_FUNCTION || node->kind == PLAN_CTE;
    return (relation ? 1 : 0) + count_relations(node->left) + count_relations(node->right);
}

static const char *text_of(struct explain *explain, struct slice slice) {
    return sql_printf(explain->context, "%.*s", (int)slice.length, (const char *)slice.bytes);
}

/* --- names of a node's output columns --- */

static const char *const *names_of(struct explain *explain, const struct plan_node *node);

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
    const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct plan_column *column = &node->columns[i];
        names[i] = explain->qualified && column->table_name != NULL
                       ? sql_printf(explain->context, "%s.%s", column->table_name, column->name)
                       : column->name;
    }
    return names;
}

static const char *const *names_of_computed(struct explain *explain, const struct plan_node *node) {
    const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
    const char *const *below = names_of(explain, node->left);
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
    const char *const *below = names_of(explain, node->left);
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

static const char *const *names_of(struct explain *explain, const struct plan_node *node) {
    switch (node->kind) {
    case PLAN_PROJECT:
    case PLAN_AGGREGATE:
        return names_of_computed(explain, node);
    case PLAN_WINDOW:
        return names_of_window(explain, node);
    case PLAN_JOIN: {
        const char **names = sql_alloc(explain->context, (node->column_count + 1) * sizeof(*names));
        const char *const *left = names_of(explain, node->left);
        const char *const *right = names_of(explain, node->right);
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
        return names_of(explain, node->left);
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

static const char *part_name(struct explain *explain, const struct plan_node *scan, const struct key_part *part,
                             const char *alias) {
    uint16_t ordinal = catalogue_column_ordinal(scan->catalogue, scan->table, part->column);
    const struct column_definition *column = catalogue_column(scan->catalogue, scan->table, ordinal);
    const char *name = text_of(explain, column->hidden ? column->default_text : column->name);
    if (column->hidden) {
        return definition_text_is_call(column->default_text) ? name : sql_printf(explain->context, "(%s)", name);
    }
    return explain->qualified && alias != NULL ? sql_printf(explain->context, "%s.%s", alias, name) : name;
}

static const char *scan_alias(struct explain *explain, const struct plan_node *scan) {
    return scan->column_count > 0 && scan->columns[0].table_name != NULL ? scan->columns[0].table_name
                                                                         : text_of(explain, scan->table->name);
}

static const char *condition_and(struct explain *explain, const char *all, const char *name, const char *operator_name,
                                 const struct expr *value) {
    const char *one =
        sql_printf(explain->context, "(%s %s %s)", name, operator_name, expr_text(explain->context, value, NULL, 0));
    return all == NULL ? one : sql_printf(explain->context, "%s AND %s", all, one);
}

/* The range of a scan as conditions on the columns of its order. */
static const char *range_text(struct explain *explain, const struct plan_node *scan) {
    struct slice index_name;
    const struct key_part *parts = order_parts(scan, &index_name);
    const char *alias = scan_alias(explain, scan);
    const char *all = NULL;
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

/* The lookup of an index join: columns of the order against the left side's keys. */
static const char *lookup_text(struct explain *explain, const struct plan_node *join) {
    const struct plan_node *scan = join->right;
    struct slice index_name;
    const struct key_part *parts = order_parts(scan, &index_name);
    const char *const *left = names_of(explain, join->left);
    const char *const *right = names_of(explain, scan);
    (void)parts;
    const char *all = NULL;
    for (uint32_t i = 0; i < join->key_count; i++) {
        const char *one = sql_printf(explain->context, "(%s = %s)",
                                     expr_text(explain->context, join->right_keys[i], right, scan->column_count),
                                     expr_text(explain->context, join->left_keys[i], left, join->left->column_count));
        all = all == NULL ? one : sql_printf(explain->context, "%s AND %s", all, one);
    }
    return join->key_count > 1 ? sql_printf(explain->context, "(%s)", all) : all;
}

static const char *relation_text(struct explain *explain, const struct plan_node *node) {
    const char *name = text_of(explain, node->table->name);
    const char *alias = scan_alias(explain, node);
    return strcmp(name, alias) == 0 ? name : sql_printf(explain->context, "%s %s", name, alias);
}

static const char *scan_title(struct explain *explain, const struct plan_node *scan, bool looked_up) {
    const char *relation = relation_text(explain, scan);
    struct slice name;
    (void)order_parts(scan, &name);
    if (scan->sample_percent != NULL && scan->low.count == 0 && scan->high.count == 0) {
        return sql_printf(explain->context, "Sample Scan on %s", relation);
    }
    if (scan->current_of != NULL) {
        return sql_printf(explain->context, "Tid Scan on %s", relation);
    }
    if (scan->low.count > 0 || scan->high.count > 0 || scan->index.value != 0 || looked_up ||
        (scan->reverse && scan->table->primary_key_count > 0)) {
        return sql_printf(explain->context, "Index Scan %susing %s on %s", scan->reverse ? "Backward " : "",
                          text_of(explain, name), relation);
    }
    return sql_printf(explain->context, "Seq Scan on %s", relation);
}

/* --- nodes --- */

static const char *title_of(struct explain *explain, const struct plan_node *node) {
    static const char *const hash[] = {"Hash Join", "Hash Left Join", "Hash Right Join", "Hash Full Join",
                                       "Hash Join", "Hash Semi Join", "Hash Anti Join"};
    static const char *const nested[] = {"Nested Loop",           "Nested Loop Left Join", "Nested Loop Right Join",
                                         "Nested Loop Full Join", "Nested Loop",           "Nested Loop Semi Join",
                                         "Nested Loop Anti Join"};
    switch (node->kind) {
    case PLAN_SCAN:
        return scan_title(explain, node, false);
    case PLAN_HISTORY:
        return sql_printf(explain->context, "History Scan on %s", relation_text(explain, node));
    case PLAN_DIFF:
        return sql_printf(explain->context, "Diff Scan on %s", relation_text(explain, node));
    case PLAN_VALUES:
        return node->row_count == 1 ? "Result" : "Values Scan on \"*VALUES*\"";
    case PLAN_FUNCTION:
        return sql_printf(explain->context, "Function Scan on %s", node->aggregates[0].function->name);
    case PLAN_CTE:
        return sql_printf(explain->context, "%s Scan on %s", node->cte_work ? "WorkTable" : "CTE", node->cte->name);
    case PLAN_COPY:
        return "Copy";
    case PLAN_CATALOGUE:
        return sql_printf(explain->context, "Catalogue Scan on %s", node->relation);
    case PLAN_ONE_ROW:
        return "Result";
    case PLAN_AGGREGATE:
        return node->expression_count == 0 ? "Aggregate" : "HashAggregate";
    case PLAN_WINDOW:
        return "WindowAgg";
    case PLAN_SORT:
        return "Sort";
    case PLAN_LOCK:
        return "LockRows";
    case PLAN_LIMIT:
        return "Limit";
    case PLAN_DISTINCT:
        return node->expression_count > 0 ? "Unique" : "HashAggregate";
    case PLAN_JOIN:
        return node->join_strategy == PLAN_JOIN_HASH ? hash[node->join_type] : nested[node->join_type];
    case PLAN_SET:
        if (node->set_operation == PLAN_SET_UNION_ALL) {
            return "Append";
        }
        return sql_printf(explain->context, "HashSetOp %s%s",
                          node->set_operation == PLAN_SET_INTERSECT ? "Intersect" : "Except",
                          node->set_all ? " All" : "");
    case PLAN_INSERT:
        return sql_printf(explain->context, "Insert on %s", text_of(explain, node->table->name));
    case PLAN_UPDATE:
        return sql_printf(explain->context, "Update on %s", text_of(explain, node->table->name));
    case PLAN_DELETE:
        return sql_printf(explain->context, "Delete on %s", text_of(explain, node->table->name));
    case PLAN_MERGE:
        return sql_printf(explain->context, "Merge on %s", text_of(explain, node->table->name));
    case PLAN_FILTER:
    case PLAN_PROJECT:
        break;
    }
    UNREACHABLE("a node without a line");
}

static void detail(struct explain *explain, uint32_t indent, const char *label, const char *text) {
    add_line(explain, indent, false, sql_printf(explain->context, "%s: %s", label, text));
}

/* As PostgreSQL, rows of a loop; silent where there are none. */
static void detail_removed(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    const struct plan_measure *measure = measure_of(explain, node);
    if (measure != NULL && measure->removed > 0 && measure->loops > 0) {
        detail(explain, indent, "Rows Removed by Filter",
               sql_printf(explain->context, "%.0f", (double)measure->removed / (double)measure->loops));
    }
}

static void detail_spilled(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    const struct plan_measure *measure = measure_of(explain, node);
    if (measure != NULL && measure->spilled > 0) {
        detail(explain, indent, "Disk Usage",
               sql_printf(explain->context, "%llukB", (unsigned long long)((measure->spilled + 1023) / 1024)));
    }
}

/* A condition of a FILTER, or NULL. */
static void detail_condition(struct explain *explain, uint32_t indent, const char *label,
                             const struct plan_node *filter, const struct expr *condition) {
    if (condition != NULL) {
        detail(explain, indent, label,
               expr_text(explain->context, condition, names_of(explain, filter->left), filter->left->column_count));
    }
}

static void detail_list(struct explain *explain, uint32_t indent, const char *label, const char *const *texts,
                        uint32_t count) {
    const char *all = "";
    for (uint32_t i = 0; i < count; i++) {
        all = sql_printf(explain->context, "%s%s%s", all, i > 0 ? ", " : "", texts[i]);
    }
    detail(explain, indent, label, all);
}

/* A line for each grouping set, as PostgreSQL. */
static void detail_groups(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    const char *const *names = names_of(explain, node);
    if (node->grouping_set_count == 0 && node->expression_count > 0) {
        detail_list(explain, indent, "Group Key", names, node->expression_count);
    }
    for (uint32_t s = 0; s < node->grouping_set_count; s++) {
        const char **kept = sql_alloc(explain->context, node->expression_count * sizeof(*kept));
        uint32_t count = 0;
        for (uint32_t i = 0; i + 1 < node->expression_count; i++) {
            if (bitset_get(node->grouping_sets[s], i)) {
                kept[count++] = names[i];
            }
        }
        kept[count] = "()";
        detail_list(explain, indent, "Group Key", kept, count == 0 ? 1 : count);
    }
}

static void detail_sort(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    const char *const *names = names_of(explain, node->left);
    const char **texts = sql_alloc(explain->context, (node->sort_key_count + 1) * sizeof(*texts));
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        const struct plan_sort_key *key = &node->sort_keys[i];
        const char *nulls = key->nulls_first == key->descending ? ""
                            : key->nulls_first                  ? " NULLS FIRST"
                                                                : " NULLS LAST";
        texts[i] = sql_printf(explain->context, "%s%s%s",
                              expr_text(explain->context, key->expr, names, node->left->column_count),
                              key->descending ? " DESC" : "", nulls);
    }
    detail_list(explain, indent, "Sort Key", texts, node->sort_key_count);
}

static void detail_join(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    const char *const *names = names_of(explain, node);
    if (node->join_strategy == PLAN_JOIN_HASH) {
        const char *const *left = names_of(explain, node->left);
        const char *const *right = names_of(explain, node->right);
        const char *all = NULL;
        for (uint32_t i = 0; i < node->key_count; i++) {
            const char *one =
                sql_printf(explain->context, "(%s = %s)",
                           expr_text(explain->context, node->left_keys[i], left, node->left->column_count),
                           expr_text(explain->context, node->right_keys[i], right, node->right->column_count));
            all = all == NULL ? one : sql_printf(explain->context, "%s AND %s", all, one);
        }
        detail(explain, indent, "Hash Cond", node->key_count > 1 ? sql_printf(explain->context, "(%s)", all) : all);
    }
    if (node->predicate != NULL) {
        detail(explain, indent, "Join Filter", expr_text(explain->context, node->predicate, names, node->column_count));
    }
}

static void detail_conflict(struct explain *explain, uint32_t indent, const struct plan_node *node) {
    if (!node->conflict.present) {
        return;
    }
    detail(explain, indent, "Conflict Resolution", node->conflict.do_nothing ? "NOTHING" : "UPDATE");
    if (!node->conflict.any) {
        struct plan_node arbiter = {.table = node->table, .index = node->conflict.index};
        struct slice name;
        (void)order_parts(&arbiter, &name);
        detail(explain, indent, "Conflict Arbiter Indexes", text_of(explain, name));
    }
}

static void detail_at(struct explain *explain, uint32_t indent, const char *label, const struct plan_at *at) {
    if (at->kind == PLAN_AT_NONE) {
        return;
    }
    const char *value = expr_text(explain->context, at->value, NULL, 0);
    detail(explain, indent, label,
           sql_printf(explain->context, "%s %s", at->kind == PLAN_AT_POSITION ? "position" : "time", value));
}

static void details_of(struct explain *explain, uint32_t indent, const struct plan_node *node,
                       const struct plan_node *join) {
    switch (node->kind) {
    case PLAN_SCAN: {
        const char *range = join != NULL ? lookup_text(explain, join) : range_text(explain, node);
        if (range != NULL) {
            detail(explain, indent, "Index Cond", range);
        }
        if (node->sample_percent != NULL) {
            const char *percent = expr_text(explain->context, node->sample_percent, NULL, 0);
            const char *seed =
                node->sample_seed == NULL ? NULL : expr_text(explain->context, node->sample_seed, NULL, 0);
            detail(explain, indent, "Sampling",
                   seed == NULL
                       ? sql_printf(explain->context, "%s (%s)", node->sample_method, percent)
                       : sql_printf(explain->context, "%s (%s) REPEATABLE (%s)", node->sample_method, percent, seed));
        }
        if (node->current_of != NULL) {
            detail(explain, indent, "TID Cond", sql_printf(explain->context, "CURRENT OF %s", node->current_of));
        }
        if (node->predicate != NULL) {
            detail(explain, indent, "Filter",
                   expr_text(explain->context, node->predicate, names_of(explain, node), node->column_count));
        }
        detail_at(explain, indent, "As Of", &node->at);
        break;
    }
    case PLAN_HISTORY:
    case PLAN_DIFF: {
        const char *range = range_text(explain, node);
        if (range != NULL) {
            detail(explain, indent, "Index Cond", range);
        }
        detail_at(explain, indent, "Since", &node->since);
        detail_at(explain, indent, "As Of", &node->at);
        break;
    }
    case PLAN_AGGREGATE:
        detail_groups(explain, indent, node);
        break;
    case PLAN_DISTINCT:
        if (node->expression_count == 0) {
            detail_list(explain, indent, "Group Key", names_of(explain, node), node->column_count);
        }
        break;
    case PLAN_SORT:
        detail_sort(explain, indent, node);
        break;
    case PLAN_JOIN:
        detail_join(explain, indent, node);
        break;
    case PLAN_INSERT:
        detail_conflict(explain, indent, node);
        break;
    default:
        break;
    }
}

static void explain_node(struct explain *explain, const struct plan_node *node, uint32_t title, bool arrow,
                         const struct plan_node *join);

static bool told_before(struct explain *explain, const void *what) {
    for (uint32_t i = 0; i < explain->told_count; i++) {
        if (explain->told[i] == what) {
            return true;
        }
    }
    if (explain->told_count < ARRAY_LENGTH(explain->told)) {
        explain->told[explain->told_count++] = what;
    }
    return false;
}

struct below {
    struct explain *explain;
    uint32_t indent;
};

static void explain_subquery(void *context, struct plan_subquery *subquery) {
    struct below *below = context;
    struct explain *explain = below->explain;
    struct sql_context *memory = explain->context;
    if (told_before(explain, subquery)) {
        return;
    }
    const char *kind = subquery->outer_count == 0 && subquery->comparison == NULL ? "InitPlan" : "SubPlan";
    add_line(explain, below->indent, false, sql_printf(memory, "%s %u", kind, subquery->number));
    explain_node(explain, subquery->root, below->indent + 2, true, NULL);
}

/* The query of a WITH name, below the first who reads it. */
static void explain_cte(struct explain *explain, const struct plan_cte *cte, uint32_t indent) {
    if (told_before(explain, cte)) {
        return;
    }
    add_line(explain, indent, false, sql_printf(explain->context, "CTE %s", cte->name));
    if (cte->recursive == NULL) {
        explain_node(explain, cte->root, indent + 2, true, NULL);
        return;
    }
    add_line(explain, indent + 2, true, "Recursive Union");
    explain_node(explain, cte->root, indent + 8, true, NULL);
    explain_node(explain, cte->recursive, indent + 8, true, NULL);
}

/* title: where the line of the node begins. join: the index join this scan is looked up by, or NULL. */
static void explain_node(struct explain *explain, const struct plan_node *node, uint32_t title, bool arrow,
                         const struct plan_node *join) {
    const struct plan_node *top = node;
    const struct plan_node *filters[8];
    uint32_t filter_count = 0;
    while (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER) {
        if (node->kind == PLAN_FILTER && filter_count < ARRAY_LENGTH(filters)) {
            filters[filter_count++] = node;
        }
        node = node->left;
    }
    uint32_t indent = title + (arrow ? 6 : 2);
    const char *text = join != NULL ? scan_title(explain, node, true) : title_of(explain, node);
    add_line(explain, title, arrow, sql_printf(explain->context, "%s%s", text, actual_text(explain, top)));
    details_of(explain, indent, node, join);
    detail_removed(explain, indent, node);
    detail_spilled(explain, indent, node);
    for (uint32_t i = 0; i < filter_count; i++) {
        const struct plan_node *filter = filters[i];
        detail_condition(explain, indent, "One-Time Filter", filter, filter->once);
        detail_condition(explain, indent, "Filter", filter, filter->predicate);
        detail_removed(explain, indent, filter);
    }
    struct below below = {.explain = explain, .indent = indent};
    for (const struct plan_node *holder = top;; holder = holder->left) {
        plan_subqueries((struct plan_node *)(uintptr_t)holder, explain_subquery, &below);
        if (holder == node) {
            break;
        }
    }
    for (uint32_t i = 0; title == 0 && i < explain->write_count; i++) { /* of the statement */
        explain_cte(explain, explain->writes[i], indent);
    }
    if (node->kind == PLAN_CTE && !node->cte_work) {
        explain_cte(explain, node->cte, indent);
    }
    if (node->left != NULL) {
        explain_node(explain, node->left, indent, true, NULL);
    }
    if (node->right == NULL) {
        return;
    }
    if (node->kind == PLAN_JOIN && node->join_strategy == PLAN_JOIN_HASH) {
        add_line(explain, indent, true, "Hash");
        explain_node(explain, node->right, indent + 6, true, NULL);
    } else {
        bool lookup = node->join_strategy == PLAN_JOIN_INDEX;
        explain_node(explain, node->right, indent, true, lookup ? node : NULL);
    }
}

uint32_t plan_explain(struct sql_context *context, const struct plan_node *root, const struct plan_measures *measures,
                      struct slice **lines) {
    struct explain explain = {.context = context, .measures = measures, .qualified = count_relations(root) > 1};
    explain.writes = root->writes;
    explain.write_count = root->write_count;
    explain_node(&explain, root->creates == NULL ? root : root->left, 0, false, NULL);
    if (measures != NULL && measures->summary) {
        add_line(&explain, 0, false,
                 sql_printf(context, "Planning Time: %.3f ms", (double)measures->planning_ns / 1e6));
        add_line(&explain, 0, false,
                 sql_printf(context, "Execution Time: %.3f ms", (double)measures->execution_ns / 1e6));
    }
    *lines = explain.lines;
    return explain.count;
}
