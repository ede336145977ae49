/*
 * EXPLAIN: from a plan to a tree of properties (explain_tree.h), which explain_print.c writes in any format.
 *
 * PROJECT has no node of its own and FILTER is a property of the node below, as in PostgreSQL, whose nodes compute and
 * filter by themselves. What is built otherwise here keeps PostgreSQL's name where it does the same.
 */
#include "sql/plan/explain.h"
#include "sql/exec/catalogue.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/map.h"
#include "sql/plan/explain_tree.h"

/* --- what was measured --- */

static const struct plan_measure *measure_of(const struct explain *explain, const struct plan_node *node) {
    const struct plan_measure *measure = explain->measures == NULL ? NULL : explain->measures->list;
    while (measure != NULL && measure->node != node) {
        measure = measure->next;
    }
    return measure != NULL && measure->loops > 0 ? measure : NULL;
}

static void add_number(struct explain *explain, struct explain_group *group, const char *label, double value,
                       int decimals) {
    explain_add(explain, group, label, EXPLAIN_BARE, EXPLAIN_IN_OTHERS)->text =
        sql_printf(explain->context, "%.*f", decimals, value);
}

static void add_kilobytes(struct explain *explain, struct explain_group *group, const char *label, uint64_t bytes) {
    struct explain_property *property = explain_add(explain, group, label, EXPLAIN_BARE, EXPLAIN_IN_ALL);
    property->text = sql_printf(explain->context, "%llu", (unsigned long long)((bytes + 1023) / 1024));
    property->unit = "kB";
}

static void add_other(struct explain *explain, struct explain_group *group, const char *label, const char *text) {
    explain_add(explain, group, label, EXPLAIN_TEXT, EXPLAIN_IN_OTHERS)->text = text;
}

static void add_prose(struct explain *explain, struct explain_group *group, const char *label, const char *text) {
    explain_add(explain, group, label, EXPLAIN_TEXT, EXPLAIN_IN_TEXT)->text = text;
}

/* "  (cost=0.00..1.25 rows=3 width=8)", and the same as properties. */
static const char *add_cost(struct explain *explain, struct explain_group *group, const struct explain_cost *cost) {
    if (!explain->options->costs) {
        return "";
    }
    add_number(explain, group, "Startup Cost", cost->startup, 2);
    add_number(explain, group, "Total Cost", cost->total, 2);
    add_number(explain, group, "Plan Rows", cost->rows, 0);
    add_number(explain, group, "Plan Width", cost->width, 0);
    return sql_printf(explain->context, "  (cost=%.2f..%.2f rows=%.0f width=%u)", cost->startup, cost->total,
                      cost->rows, cost->width);
}

/* " (actual time=0.010..0.025 rows=3 loops=1)": times and rows of a loop, on average. */
static const char *add_actual(struct explain *explain, struct explain_group *group,
                              const struct plan_measure *measure) {
    if (explain->measures == NULL) {
        return "";
    }
    double loops = measure == NULL ? 1 : (double)measure->loops;
    double first = measure == NULL ? 0 : (double)measure->first_ns / loops / 1e6;
    double total = measure == NULL ? 0 : (double)measure->total_ns / loops / 1e6;
    double rows = measure == NULL ? 0 : (double)measure->rows / loops;
    const char *time = "";
    if (explain->measures->timing) {
        add_number(explain, group, "Actual Startup Time", first, 3);
        add_number(explain, group, "Actual Total Time", total, 3);
        time = sql_printf(explain->context, "time=%.3f..%.3f ", first, total);
    }
    add_number(explain, group, "Actual Rows", rows, 0);
    add_number(explain, group, "Actual Loops", measure == NULL ? 0 : loops, 0);
    return measure == NULL ? " (never executed)"
                           : sql_printf(explain->context, " (actual %srows=%.0f loops=%.0f)", time, rows, loops);
}

/* "shared hit=3 read=1, temp written=7": what is not 0; else NULL. Temporary space in blocks of 8 kB, as PostgreSQL's.
 */
static const char *buffers_text(struct explain *explain, const struct store_touched *pages, uint64_t temp_read,
                                uint64_t temp_written) {
    const uint64_t counts[] = {pages->hits, pages->reads, pages->dirtied, temp_read, temp_written};
    static const char *const words[] = {" hit=", " read=", " dirtied=", " read=", " written="};
    const char *text = "";
    for (uint32_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        if (i == 3 && counts[3] + counts[4] > 0) {
            text = sql_printf(explain->context, "%s%stemp", text, *text == 0 ? "" : ", ");
        } else if (i == 0 && counts[0] + counts[1] + counts[2] > 0) {
            text = "shared";
        }
        if (counts[i] > 0) {
            text = sql_printf(explain->context, "%s%s%llu", text, words[i], (unsigned long long)counts[i]);
        }
    }
    return *text == 0 ? NULL : text;
}

static void add_buffers(struct explain *explain, struct explain_group *group, const struct store_touched *pages,
                        uint64_t temp_read, uint64_t temp_written, bool prose) {
    const char *text = buffers_text(explain, pages, temp_read, temp_written);
    if (text != NULL && prose) {
        add_prose(explain, group, "Buffers", text);
    }
    add_number(explain, group, "Shared Hit Blocks", (double)pages->hits, 0);
    add_number(explain, group, "Shared Read Blocks", (double)pages->reads, 0);
    add_number(explain, group, "Shared Dirtied Blocks", (double)pages->dirtied, 0);
    add_number(explain, group, "Temp Read Blocks", (double)temp_read, 0);
    add_number(explain, group, "Temp Written Blocks", (double)temp_written, 0);
}

static void add_node_buffers(struct explain *explain, struct explain_group *group, const struct plan_measure *measure) {
    static const struct plan_measure none;
    if (explain->options->buffers && explain->measures != NULL) {
        const struct plan_measure *of = measure == NULL ? &none : measure;
        add_buffers(explain, group, &of->pages, (of->spilled_read + 8191) / 8192, (of->spilled + 8191) / 8192, true);
    }
}

static void add_memory(struct explain *explain, struct explain_group *group, uint64_t bytes) {
    double kilobytes = (double)((bytes + 1023) / 1024);
    add_number(explain, group, "Peak Memory Usage", kilobytes, 0);
    add_prose(explain, group, "Memory Usage", sql_printf(explain->context, "%.0fkB", kilobytes));
}

/* What a node kept in memory and on disk. */
static void add_space(struct explain *explain, struct explain_group *group, const struct plan_node *node,
                      const struct plan_measure *measure) {
    bool joins = node->kind == PLAN_JOIN; /* its hash table is told at the Hash */
    if (measure == NULL || (measure->memory == 0 && measure->spilled == 0)) {
        return;
    }
    if (node->kind == PLAN_SORT) {
        bool disk = measure->spilled > 0;
        const char *method = disk ? "external merge" : node->limit_hint > 0 ? "top-N heapsort" : "quicksort";
        uint64_t bytes = disk ? measure->spilled : measure->memory;
        add_other(explain, group, "Sort Method", method);
        add_number(explain, group, "Sort Space Used", (double)((bytes + 1023) / 1024), 0);
        add_other(explain, group, "Sort Space Type", disk ? "Disk" : "Memory");
        add_prose(explain, group, "Sort Method",
                  sql_printf(explain->context, "%s  %s: %llukB", method, disk ? "Disk" : "Memory",
                             (unsigned long long)((bytes + 1023) / 1024)));
        return;
    }
    if (measure->memory > 0 && !joins) {
        add_memory(explain, group, measure->memory);
    }
    if (measure->spilled > 0) {
        add_kilobytes(explain, group, "Disk Usage", measure->spilled);
    }
}

/* As PostgreSQL, rows of a loop; silent in text where there are none. */
static void add_removed(struct explain *explain, struct explain_group *group, const char *label,
                        const struct plan_node *node) {
    const struct plan_measure *measure = measure_of(explain, node);
    if (explain->measures == NULL) {
        return;
    }
    struct explain_property *property =
        explain_add(explain, group, label, EXPLAIN_BARE,
                    measure != NULL && measure->removed > 0 ? EXPLAIN_IN_ALL : EXPLAIN_IN_OTHERS);
    property->text =
        sql_printf(explain->context, "%.0f", measure == NULL ? 0 : (double)measure->removed / (double)measure->loops);
}

/* The same of rows that a join above had no use for; told where there are any. */
static void add_dropped(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    const struct plan_measure *measure = measure_of(explain, node);
    if (measure != NULL && measure->dropped > 0) {
        struct explain_property *property =
            explain_add(explain, group, "Rows Removed by Runtime Filter", EXPLAIN_BARE, EXPLAIN_IN_ALL);
        property->text = sql_printf(explain->context, "%.0f", (double)measure->dropped / (double)measure->loops);
    }
}

/* --- what a node is called --- */

static uint32_t count_relations(const struct plan_node *node) {
    if (node == NULL) {
        return 0;
    }
    if (node->kind == PLAN_CTE && node->cte->readers != NULL) {
        return count_relations(node->cte->root);
    }
    bool relation =
        plan_reads(node) || node->kind == PLAN_VALUES || node->kind == PLAN_FUNCTION || node->kind == PLAN_CTE;
    return (relation ? 1 : 0) + count_relations(node->left) + count_relations(node->right);
}

/* Adds the relation's properties; "public.task t" for the line. */
static const char *add_relation(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    const char *name = explain_slice(explain, node->table->name);
    const char *alias = plan_writes(node) ? name : explain_alias(explain, node);
    const char *text = name;
    add_other(explain, group, "Relation Name", name);
    if (explain->options->verbose) {
        const char *schema = explain_slice(explain, node->table->schema_name);
        add_other(explain, group, "Schema", schema);
        text = sql_printf(explain->context, "%s.%s", schema, name);
    }
    add_other(explain, group, "Alias", alias);
    return strcmp(name, alias) == 0 ? text : sql_printf(explain->context, "%s %s", text, alias);
}

static const char *name_scan(struct explain *explain, struct explain_group *group, const struct plan_node *scan,
                             bool looked_up) {
    bool ranged = scan->low.count > 0 || scan->high.count > 0;
    if (scan->sample_percent != NULL && !ranged) {
        return "Sample Scan";
    }
    if (scan->current_of != NULL) {
        return "Tid Scan";
    }
    if (scan->left != NULL) {
        return "Bitmap Heap Scan";
    }
    if (!ranged && scan->index.value == 0 && !looked_up && !(scan->reverse && scan->table->primary_key_count > 0)) {
        return "Seq Scan";
    }
    const char *name = explain_slice(explain, explain_order_name(scan));
    add_other(explain, group, "Scan Direction", scan->reverse ? "Backward" : "Forward");
    add_other(explain, group, "Index Name", name);
    const char *kind = scan->index_only ? "Index Only Scan" : "Index Scan";
    group->title = sql_printf(explain->context, "%s %susing %s on ", kind, scan->reverse ? "Backward " : "", name);
    return kind;
}

static const char *name_join(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    static const char *const types[] = {"Inner", "Left", "Right", "Full", "Inner", "Semi", "Anti"};
    bool hash = node->join_strategy == PLAN_JOIN_HASH;
    bool merge = node->join_strategy == PLAN_JOIN_MERGE;
    const char *type = types[node->join_type];
    bool inner = strcmp(type, "Inner") == 0;
    const char *way = hash ? "Hash" : merge ? "Merge" : "Nested Loop";
    add_other(explain, group, "Join Type", type);
    group->title = inner ? NULL : sql_printf(explain->context, "%s %s Join", way, type);
    return hash ? "Hash Join" : merge ? "Merge Join" : "Nested Loop";
}

static const char *name_write(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    static const char *const operations[] = {"Insert", "Update", "Delete", "Merge"};
    const char *operation = operations[node->kind - PLAN_INSERT];
    add_other(explain, group, "Operation", operation);
    group->title = sql_printf(explain->context, "%s on ", operation);
    return "ModifyTable";
}

/* The node's type, and what belongs to its name: properties, and in group->title its line where that is not the type
 * alone (ending in a blank where the relation follows). */
static const char *name_node(struct explain *explain, struct explain_group *group, const struct plan_node *node,
                             bool looked_up) {
    switch (node->kind) {
    case PLAN_SCAN:
        return name_scan(explain, group, node, looked_up);
    case PLAN_HISTORY:
        return "History Scan";
    case PLAN_DIFF:
        return "Diff Scan";
    case PLAN_VALUES:
        group->title = node->row_count == 1 ? NULL : "Values Scan on \"*VALUES*\"";
        add_other(explain, group, "Alias", "*VALUES*");
        return node->row_count == 1 ? "Result" : "Values Scan";
    case PLAN_FUNCTION:
        add_other(explain, group, "Function Name", node->aggregates[0].function->name);
        group->title = sql_printf(explain->context, "Function Scan on %s", node->aggregates[0].function->name);
        return "Function Scan";
    case PLAN_CTE:
        add_other(explain, group, "CTE Name", node->cte->name);
        group->title =
            sql_printf(explain->context, "%s Scan on %s", node->cte_work ? "WorkTable" : "CTE", node->cte->name);
        return node->cte_work ? "WorkTable Scan" : "CTE Scan";
    case PLAN_COPY:
        return "Copy";
    case PLAN_CATALOGUE:
        add_other(explain, group, "Relation Name", node->relation->name);
        group->title = sql_printf(explain->context, "Catalogue Scan on %s", node->relation->name);
        return "Catalogue Scan";
    case PLAN_ONE_ROW:
        return "Result";
    case PLAN_BITMAP_INDEX: {
        const char *name = explain_slice(explain, explain_order_name(node));
        add_other(explain, group, "Index Name", name);
        group->title = sql_printf(explain->context, "Bitmap Index Scan on %s", name);
        return "Bitmap Index Scan";
    }
    case PLAN_BITMAP_AND:
        return "BitmapAnd";
    case PLAN_BITMAP_OR:
        return "BitmapOr";
    case PLAN_AGGREGATE:
        add_other(explain, group, "Strategy", node->expression_count == 0 ? "Plain" : "Hashed");
        group->title = node->expression_count == 0 ? NULL : "HashAggregate";
        return "Aggregate";
    case PLAN_WINDOW:
        return "WindowAgg";
    case PLAN_SORT:
        return "Sort";
    case PLAN_LOCK:
        return "LockRows";
    case PLAN_LIMIT:
        return "Limit";
    case PLAN_DISTINCT:
        if (node->expression_count > 0) {
            return "Unique";
        }
        add_other(explain, group, "Strategy", "Hashed");
        group->title = "HashAggregate";
        return "Aggregate";
    case PLAN_JOIN:
        return name_join(explain, group, node);
    case PLAN_SET: {
        if (node->set_operation == PLAN_SET_UNION_ALL) {
            return "Append";
        }
        const char *command = node->set_operation == PLAN_SET_INTERSECT ? "Intersect" : "Except";
        command = node->set_all ? sql_printf(explain->context, "%s All", command) : command;
        add_other(explain, group, "Strategy", "Hashed");
        add_other(explain, group, "Command", command);
        group->title = sql_printf(explain->context, "HashSetOp %s", command);
        return "SetOp";
    }
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
    case PLAN_MERGE:
        return name_write(explain, group, node);
    case PLAN_FILTER:
    case PLAN_PROJECT:
        break;
    }
    UNREACHABLE("a node without a name");
}

/* --- what it does --- */

/* A line for each grouping set in text, as PostgreSQL. */
static void add_groups(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    const char *const *names = explain_names(explain, node);
    if (node->grouping_set_count == 0) {
        if (node->expression_count > 0) {
            explain_add_list(explain, group, "Group Key", names, node->expression_count);
        }
        return;
    }
    struct explain_property *sets = explain_add(explain, group, "Grouping Sets", EXPLAIN_GROUPS, EXPLAIN_IN_OTHERS);
    sets->groups = explain_group_new(explain);
    struct explain_property *lists = explain_add(explain, sets->groups, "Group Keys", EXPLAIN_LISTS, EXPLAIN_IN_OTHERS);
    struct explain_list **end = &lists->lists;
    for (uint32_t s = 0; s < node->grouping_set_count; s++) {
        const char **kept = sql_alloc(explain->context, (node->expression_count + 1) * sizeof(*kept));
        uint32_t count = 0;
        const char *text = "";
        for (uint32_t i = 0; i + 1 < node->expression_count; i++) {
            if (bitset_get(node->grouping_sets[s], i)) {
                text = sql_printf(explain->context, "%s%s%s", text, count > 0 ? ", " : "", names[i]);
                kept[count++] = names[i];
            }
        }
        *end = sql_alloc_zero(explain->context, 1, sizeof(**end));
        **end = (struct explain_list){.texts = kept, .count = count};
        end = &(*end)->next;
        add_prose(explain, group, "Group Key", count == 0 ? "()" : text);
    }
}

static void add_sort_keys(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    const char **texts = sql_alloc(explain->context, (node->sort_key_count + 1) * sizeof(*texts));
    for (uint32_t i = 0; i < node->sort_key_count; i++) {
        const struct plan_sort_key *key = &node->sort_keys[i];
        const char *nulls = key->nulls_first == key->descending ? ""
                            : key->nulls_first                  ? " NULLS FIRST"
                                                                : " NULLS LAST";
        texts[i] = sql_printf(explain->context, "%s%s%s", explain_expression(explain, key->expr, node->left),
                              key->descending ? " DESC" : "", nulls);
    }
    explain_add_list(explain, group, "Sort Key", texts, node->sort_key_count);
}

static void add_conflict(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    if (!node->conflict.present) {
        return;
    }
    explain_add_text(explain, group, "Conflict Resolution", node->conflict.do_nothing ? "NOTHING" : "UPDATE");
    if (!node->conflict.any) {
        struct plan_node arbiter = {.table = node->table, .index = node->conflict.index};
        const char **name = sql_alloc(explain->context, sizeof(*name));
        *name = explain_slice(explain, explain_order_name(&arbiter));
        explain_add_list(explain, group, "Conflict Arbiter Indexes", name, 1);
    }
}

static void add_moment(struct explain *explain, struct explain_group *group, const char *label,
                       const struct plan_at *at) {
    if (at->kind != PLAN_AT_NONE) {
        explain_add_text(explain, group, label,
                         sql_printf(explain->context, "%s %s", at->kind == PLAN_AT_POSITION ? "position" : "time",
                                    explain_expression(explain, at->value, NULL)));
    }
}

static void add_scan(struct explain *explain, struct explain_group *group, const struct plan_node *node,
                     const struct plan_node *join) {
    const char *range = join != NULL ? explain_keys(explain, join, true) : explain_range(explain, node);
    if (range != NULL) {
        explain_add_text(explain, group, "Index Cond", range);
    }
    if (node->recheck != NULL) {
        explain_add_text(explain, group, "Recheck Cond", explain_expression(explain, node->recheck, node));
    }
    if (node->sample_percent != NULL) {
        const char *text = sql_printf(explain->context, "%s (%s)", node->sample_method,
                                      explain_expression(explain, node->sample_percent, NULL));
        explain_add_text(explain, group, "Sampling",
                         node->sample_seed == NULL ? text
                                                   : sql_printf(explain->context, "%s REPEATABLE (%s)", text,
                                                                explain_expression(explain, node->sample_seed, NULL)));
    }
    if (node->current_of != NULL) {
        explain_add_text(explain, group, "TID Cond", sql_printf(explain->context, "CURRENT OF %s", node->current_of));
    }
    if (node->predicate != NULL) {
        explain_add_text(explain, group, "Filter", explain_expression(explain, node->predicate, node));
        add_removed(explain, group, "Rows Removed by Filter", node);
    }
    add_dropped(explain, group, node);
    add_moment(explain, group, "As Of", &node->at);
}

static void add_details(struct explain *explain, struct explain_group *group, const struct plan_node *node,
                        const struct plan_node *join) {
    switch (node->kind) {
    case PLAN_SCAN:
        add_scan(explain, group, node, join);
        break;
    case PLAN_BITMAP_INDEX:
        explain_add_text(explain, group, "Index Cond", explain_range(explain, node));
        break;
    case PLAN_HISTORY:
    case PLAN_DIFF: {
        const char *range = explain_range(explain, node);
        if (range != NULL) {
            explain_add_text(explain, group, "Index Cond", range);
        }
        add_moment(explain, group, "Since", &node->since);
        add_moment(explain, group, "As Of", &node->at);
        break;
    }
    case PLAN_AGGREGATE:
        add_groups(explain, group, node);
        break;
    case PLAN_DISTINCT:
        if (node->expression_count == 0) {
            explain_add_list(explain, group, "Group Key", explain_names(explain, node), node->column_count);
        }
        break;
    case PLAN_SORT:
        add_sort_keys(explain, group, node);
        break;
    case PLAN_JOIN:
        if (node->join_strategy == PLAN_JOIN_HASH) {
            explain_add_text(explain, group, "Hash Cond", explain_keys(explain, node, false));
        }
        if (node->join_strategy == PLAN_JOIN_MERGE) {
            explain_add_text(explain, group, "Merge Cond", explain_keys(explain, node, false));
        }
        if (node->predicate != NULL) {
            explain_add_text(explain, group, "Join Filter", explain_expression(explain, node->predicate, node));
        }
        break;
    case PLAN_INSERT:
        add_conflict(explain, group, node);
        break;
    default:
        break;
    }
}

/* VERBOSE: what the node gives. */
static void add_output(struct explain *explain, struct explain_group *group, const struct plan_node *top) {
    if (!explain->options->verbose) {
        return;
    }
    explain->qualified = explain->several;
    uint32_t count = plan_writes(top) ? top->returning_count : top->column_count;
    const char *const *names = plan_writes(top) ? explain_returning(explain, top) : explain_names(explain, top);
    if (names != NULL && count > 0) {
        explain_add_list(explain, group, "Output", names, count);
    }
    explain->qualified = true;
}

/* --- the tree --- */

/* Where a node stands: below what, as what, under which heading. */
struct place {
    struct explain_group *parent;
    const char *relationship; /* "Outer"; NULL: the topmost */
    const char *heading;
    const struct plan_node *join; /* the index join this scan is looked up by, or NULL */
};

static struct explain_group *tell_node(struct explain *explain, const struct plan_node *top, struct place place);

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

/* A new node in its place, its type said. */
static struct explain_group *open_node(struct explain *explain, struct place place, const char *type,
                                       struct explain_group *named) {
    struct explain_group *group = explain_group_new(explain);
    add_other(explain, group, "Node Type", type);
    if (place.relationship != NULL) {
        add_other(explain, group, "Parent Relationship", place.relationship);
    }
    if (place.heading != NULL) {
        add_other(explain, group, "Subplan Name", place.heading);
    }
    static const char *const never[] = {"Parallel Aware", "Async Capable"};
    for (uint32_t i = 0; i < ARRAY_LENGTH(never); i++) {
        explain_add(explain, group, never[i], EXPLAIN_BARE, EXPLAIN_IN_OTHERS)->text = "false";
    }
    if (named != NULL && named->properties != NULL) {
        *group->end = named->properties;
        group->end = named->end;
    }
    group->heading = place.heading;
    *place.parent->plans_end = group;
    place.parent->plans_end = &group->next;
    return group;
}

struct below {
    struct explain *explain;
    struct explain_group *group;
};

static void tell_subquery(void *context, struct plan_subquery *subquery) {
    struct below *below = context;
    struct explain *explain = below->explain;
    if (told_before(explain, subquery)) {
        return;
    }
    const char *kind = subquery->outer_count == 0 && subquery->comparison == NULL ? "InitPlan" : "SubPlan";
    const char *heading = sql_printf(explain->context, "%s %u", kind, subquery->number);
    (void)tell_node(explain, subquery->root,
                    (struct place){.parent = below->group, .relationship = kind, .heading = heading});
}

/* The query of a WITH name, below the first who reads it. */
static void tell_cte(struct explain *explain, struct explain_group *group, const struct plan_cte *cte) {
    if (told_before(explain, cte)) {
        return;
    }
    struct place place = {
        .parent = group, .relationship = "InitPlan", .heading = sql_printf(explain->context, "CTE %s", cte->name)};
    if (cte->recursive == NULL) {
        (void)tell_node(explain, cte->root, place);
        return;
    }
    struct explain_group *both = open_node(explain, place, "Recursive Union", NULL);
    struct explain_cost cost = explain_cost_of(cte->root);
    struct explain_cost round = explain_cost_of(cte->recursive);
    cost.total += 10 * round.total; /* PostgreSQL's guess of the rounds */
    cost.rows += 10 * round.rows;
    both->title = sql_printf(explain->context, "Recursive Union%s", add_cost(explain, both, &cost));
    (void)tell_node(explain, cte->root, (struct place){.parent = both, .relationship = "Outer"});
    (void)tell_node(explain, cte->recursive, (struct place){.parent = both, .relationship = "Inner"});
}

/* The table of a hash join: a node of its own in PostgreSQL. */
static void tell_hash(struct explain *explain, struct explain_group *group, const struct plan_node *join) {
    const struct plan_node *right = join->right;
    struct explain_group *hash =
        open_node(explain, (struct place){.parent = group, .relationship = "Inner"}, "Hash", NULL);
    struct explain_cost cost = explain_cost_of(right);
    cost.startup = cost.total;
    const char *costs = add_cost(explain, hash, &cost);
    hash->title =
        sql_printf(explain->context, "Hash%s%s", costs, add_actual(explain, hash, measure_of(explain, right)));
    add_output(explain, hash, right);
    const struct plan_measure *measure = measure_of(explain, join);
    if (measure != NULL && measure->memory > 0) {
        add_memory(explain, hash, measure->memory);
    }
    add_node_buffers(explain, hash, measure_of(explain, right));
    (void)tell_node(explain, right, (struct place){.parent = hash, .relationship = "Outer"});
}

/* All parts of a chain of one kind, side by side. */
static void tell_bitmap(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    const struct plan_node *parts[] = {node->left, node->right};
    for (uint32_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        if (parts[i]->kind == node->kind) {
            tell_bitmap(explain, group, parts[i]);
        } else {
            (void)tell_node(explain, parts[i], (struct place){.parent = group, .relationship = "Member"});
        }
    }
}

static void tell_children(struct explain *explain, struct explain_group *group, const struct plan_node *node) {
    bool append = node->kind == PLAN_SET && node->set_operation == PLAN_SET_UNION_ALL;
    if (node->kind == PLAN_BITMAP_AND || node->kind == PLAN_BITMAP_OR) {
        tell_bitmap(explain, group, node);
        return;
    }
    if (node->left != NULL) {
        (void)tell_node(explain, node->left,
                        (struct place){.parent = group, .relationship = append ? "Member" : "Outer"});
    }
    if (node->right == NULL) {
        return;
    }
    if (node->kind == PLAN_JOIN && node->join_strategy == PLAN_JOIN_HASH) {
        tell_hash(explain, group, node);
        return;
    }
    bool lookup = node->kind == PLAN_JOIN && node->join_strategy == PLAN_JOIN_INDEX;
    (void)tell_node(
        explain, node->right,
        (struct place){.parent = group, .relationship = append ? "Member" : "Inner", .join = lookup ? node : NULL});
}

/* The conditions of the FILTERs above a node. */
static void add_filters(struct explain *explain, struct explain_group *group, const struct plan_node *top,
                        const struct plan_node *node) {
    for (const struct plan_node *filter = top; filter != node; filter = filter->left) {
        if (filter->kind == PLAN_FILTER && filter->once != NULL) {
            explain_add_text(explain, group, "One-Time Filter",
                             explain_expression(explain, filter->once, filter->left));
        }
        if (filter->kind == PLAN_FILTER && filter->predicate != NULL) {
            explain_add_text(explain, group, "Filter", explain_expression(explain, filter->predicate, filter->left));
            add_removed(explain, group, "Rows Removed by Filter", filter);
        }
    }
}

static struct explain_group *tell_node(struct explain *explain, const struct plan_node *top, struct place place) {
    const struct plan_node *node = top;
    while (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER) {
        node = node->left;
    }
    struct explain_group *named = explain_group_new(explain);
    const char *type = name_node(explain, named, node, place.join != NULL);
    const char *title = named->title == NULL ? type : named->title;
    if (node->table != NULL && plan_reads(node) && named->title == NULL) {
        title = sql_printf(explain->context, "%s on ", type);
    }
    if (node->table != NULL && node->kind != PLAN_CATALOGUE && !plan_names_rows(node)) {
        title = sql_printf(explain->context, "%s%s", title, add_relation(explain, named, node));
    }
    struct explain_group *group = open_node(explain, place, type, named);
    struct explain_cost cost = explain_cost_of(top);
    const char *costs = add_cost(explain, group, &cost);
    const struct plan_measure *measure = measure_of(explain, node);
    group->title =
        sql_printf(explain->context, "%s%s%s", title, costs, add_actual(explain, group, measure_of(explain, top)));
    add_output(explain, group, top);
    add_details(explain, group, node, place.join);
    add_filters(explain, group, top, node);
    add_space(explain, group, node, measure);
    add_node_buffers(explain, group, measure_of(explain, top));
    struct below below = {.explain = explain, .group = group};
    for (const struct plan_node *holder = top;; holder = holder->left) {
        plan_subqueries((struct plan_node *)(uintptr_t)holder, tell_subquery, &below);
        if (holder == node) {
            break;
        }
    }
    for (uint32_t i = 0; place.relationship == NULL && i < explain->write_count; i++) { /* of the statement */
        tell_cte(explain, group, explain->writes[i]);
    }
    if (node->kind == PLAN_CTE && !node->cte_work) {
        tell_cte(explain, group, node->cte);
    }
    tell_children(explain, group, node);
    return group;
}

/* A time in milliseconds below the plan. */
static void add_time(struct explain *explain, struct explain_group *group, const char *label, int64_t ns) {
    struct explain_property *property = explain_add(explain, group, label, EXPLAIN_BARE, EXPLAIN_IN_ALL);
    property->text = sql_printf(explain->context, "%.3f", (double)ns / 1e6);
    property->unit = " ms";
}

/* Below the plan: the pages that planning touched, and times. */
static void add_summary(struct explain *explain, struct explain_group *root, int64_t planning_ns) {
    const struct plan_measures *measures = explain->measures;
    if (explain->options->buffers && measures != NULL) {
        struct explain_property *pages = explain_add(explain, root, "Planning", EXPLAIN_GROUP, EXPLAIN_IN_OTHERS);
        pages->groups = explain_group_new(explain);
        add_buffers(explain, pages->groups, &measures->planning_pages, 0, 0, false);
        const char *text = buffers_text(explain, &measures->planning_pages, 0, 0);
        if (text != NULL) {
            add_prose(explain, root, "Planning", "");
            add_prose(explain, root, "  Buffers", text);
        }
    }
    if (planning_ns >= 0) {
        add_time(explain, root, "Planning Time", planning_ns);
    }
    if (measures != NULL) {
        (void)explain_add(explain, root, "Triggers", EXPLAIN_GROUPS, EXPLAIN_IN_OTHERS);
    }
    if (measures != NULL && planning_ns >= 0) {
        add_time(explain, root, "Execution Time", measures->execution_ns);
    }
}

/* What the session has set that plans follow. */
static void add_settings(struct explain *explain, struct explain_group *document, struct explain_group *group) {
    const char *text = NULL;
    for (enum sql_way way = 0; way < SQL_WAY_COUNT; way++) {
        if (!sql_way_open(explain->context->settings, way)) {
            const char *one = sql_printf(explain->context, "%s = 'off'", sql_way_name(way));
            text = text == NULL ? one : sql_printf(explain->context, "%s, %s", text, one);
            add_other(explain, group, sql_way_name(way), "off");
        }
    }
    if (text != NULL) {
        add_prose(explain, document, "Settings", text);
    }
}

uint32_t plan_explain(struct sql_context *context, const struct plan_statement *statement,
                      const struct plan_measures *measures, int64_t planning_ns, struct slice **lines) {
    const struct plan_node *root = statement->root;
    const struct plan_explain_options *options = &statement->explain;
    struct explain explain = {.context = context, .options = options, .measures = measures};
    if (root == NULL) { /* CREATE TABLE IF NOT EXISTS AS: there is nothing to do */
        return explain_print_nothing(&explain, "CREATE TABLE AS", lines);
    }
    explain.several = count_relations(root) > 1;
    explain.qualified = explain.several || options->verbose;
    explain.writes = root->writes;
    explain.write_count = root->write_count;
    struct explain_group *document = explain_group_new(&explain);
    (void)tell_node(&explain, root->creates == NULL ? root : root->left, (struct place){.parent = document});
    if (options->settings) {
        struct explain_property *settings =
            explain_add(&explain, document, "Settings", EXPLAIN_GROUP, EXPLAIN_IN_OTHERS);
        settings->groups = explain_group_new(&explain);
        add_settings(&explain, document, settings->groups);
    }
    add_summary(&explain, document, planning_ns);
    return explain_print(&explain, document, lines);
}
