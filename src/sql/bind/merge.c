/*
 * MERGE: what is done with each row of a source, by whether the target has a row for it.
 *
 * The source is joined to the target's scan; a source row without a partner comes with NULLs for the target's row and
 * its key, by which the executor tells the two apart. Where no clause inserts anything the join is an inner one.
 * Source columns come first, so an action for rows without a partner is bound over the source alone.
 */
#include "base/assert.h"
#include "sql/bind/write.h"

struct merge {
    struct write write;
    struct scope source;
    struct scope both;   /* the source's row, then the target's */
    struct scope target; /* behind the source's row */
};

static const struct expr *target_column(struct merge *merge, uint32_t ordinal) {
    return merge->target.columns[ordinal].expr;
}

static void action_update(struct merge *merge, const PgQuery__MergeWhenClause *when, struct plan_merge_action *action) {
    struct write *write = &merge->write;
    action->kind = PLAN_MERGE_UPDATE;
    action->values = write_set_list(write, when->target_list, when->n_target_list, &merge->both, &merge->target);
    for (uint32_t i = 0; i < write->column_count; i++) {
        action->values[i] = action->values[i] == NULL ? target_column(merge, i) : action->values[i];
    }
}

static void action_insert(struct merge *merge, const PgQuery__MergeWhenClause *when, struct plan_merge_action *action) {
    struct write *write = &merge->write;
    struct bind *bind = write->bind;
    struct write_target *targets = NULL;
    write->override = when->override;
    uint32_t wanted = write_named_columns(write, when->target_list, when->n_target_list, &targets);
    uint32_t given = (uint32_t)when->n_values;
    if (given > 0) { /* else DEFAULT VALUES */
        write_check_count(write, when->target_list, when->n_target_list, given, wanted,
                          given > wanted ? bind_node_position(when->values[wanted]) : 0);
    }
    const struct expr **values = sql_alloc(bind->context, (given + 1) * sizeof(*values));
    const struct expr **defaults = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*defaults));
    struct bind_scope place = {.bind = bind, .scope = &merge->source, .place = BIND_VALUES};
    for (uint32_t i = 0; i < given; i++) {
        write_check_default(write, &targets[i], when->values[i]);
        bool is_default = when->values[i]->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
        values[i] = is_default ? NULL : bind_expression(&place, when->values[i]);
    }
    action->kind = PLAN_MERGE_INSERT;
    action->values = sql_alloc(bind->context, (write->column_count + 1) * sizeof(*action->values));
    write_new_row(write, targets, values, given, defaults, action->values);
}

static void bind_action(struct merge *merge, const PgQuery__MergeWhenClause *when, struct plan_merge_action *action) {
    struct bind *bind = merge->write.bind;
    struct bind_scope place = {
        .bind = bind, .scope = when->matched ? &merge->both : &merge->source, .place = BIND_MERGE_WHEN};
    /* The target is known to a row without a partner, but not to be named. */
    struct bind_scope hidden = {.bind = bind, .scope = &merge->target};
    struct bind_level level = {.outer = bind->level, .place = &hidden, .hidden = true};
    if (!when->matched) {
        bind->level = &level;
    }
    action->matched = when->matched;
    if (when->condition != NULL) {
        action->condition = bind_condition(&place, when->condition, "WHEN");
    }
    switch ((int)when->command_type) {
    case PG_QUERY__CMD_TYPE__CMD_UPDATE:
        action_update(merge, when, action);
        break;
    case PG_QUERY__CMD_TYPE__CMD_INSERT:
        action_insert(merge, when, action);
        break;
    case PG_QUERY__CMD_TYPE__CMD_DELETE:
        action->kind = PLAN_MERGE_DELETE;
        break;
    default:
        ASSERT(when->command_type == PG_QUERY__CMD_TYPE__CMD_NOTHING);
        action->kind = PLAN_MERGE_NOTHING;
        break;
    }
    action->value_count = action->values == NULL ? 0 : merge->write.column_count;
    bind->level = level.outer;
}

/* Whether some clause does something with rows without a partner. What follows an unconditional clause is never come
 * to. */
static bool check_clauses(struct bind *bind, const PgQuery__MergeStmt *node) {
    bool ended[2] = {false, false};
    bool without = false;
    for (size_t i = 0; i < node->n_merge_when_clauses; i++) {
        const PgQuery__MergeWhenClause *when = node->merge_when_clauses[i]->merge_when_clause;
        without = without || (!when->matched && when->command_type == PG_QUERY__CMD_TYPE__CMD_INSERT);
        if (ended[when->matched != 0]) {
            sql_raise(bind->context, KMB_SYNTAX, 0,
                      "unreachable WHEN clause specified after unconditional WHEN clause");
        }
        ended[when->matched != 0] = when->condition == NULL;
    }
    return without;
}

static void check_names(struct merge *merge) {
    for (uint32_t i = 0; i < merge->source.table_count; i++) {
        if (strcmp(merge->source.tables[i].alias, merge->write.alias) == 0) {
            sql_raise_with(merge->write.bind->context, KMB_DUPLICATE_ALIAS, 0,
                           "The name is used both as MERGE target table and data source.", NULL,
                           "name \"%s\" specified more than once", merge->write.alias);
        }
    }
}

struct plan_node *bind_merge(struct bind *bind, const PgQuery__MergeStmt *node) {
    struct merge merge = {0};
    struct write *write = &merge.write;
    if (node->with_clause != NULL && node->with_clause->recursive) {
        sql_raise(bind->context, KMB_SYNTAX, 0, "WITH RECURSIVE is not supported for MERGE statement");
    }
    bool without = check_clauses(bind, node);
    if (node->with_clause != NULL) {
        bind_with(bind, node->with_clause);
    }
    write_open(write, bind, node->relation, PLAN_MERGE);
    struct plan_node *source = bind_from(bind, &node->source_relation, 1, NULL, &merge.source);
    check_names(&merge);
    struct scope target = write->scope;
    target.row_width = write->column_count + 1;
    merge.both = merge.source;
    bind_scope_join(bind->context, &merge.both, &target);
    merge.target = (struct scope){.row_width = merge.source.row_width};
    bind_scope_join(bind->context, &merge.target, &target);
    struct plan_node *scan = write_scan(write);
    struct plan_node *join = bind_join_node(bind, without ? PLAN_JOIN_LEFT : PLAN_JOIN_INNER, source, scan);
    struct bind_scope place = {.bind = bind, .scope = &merge.both, .place = BIND_ON};
    join->predicate = bind_condition(&place, node->join_condition, "JOIN/ON");
    write->node->left = join;
    write->node->action_count = (uint32_t)node->n_merge_when_clauses;
    write->node->actions = sql_alloc_zero(bind->context, node->n_merge_when_clauses, sizeof(*write->node->actions));
    for (size_t i = 0; i < node->n_merge_when_clauses; i++) {
        bind_action(&merge, node->merge_when_clauses[i]->merge_when_clause, &write->node->actions[i]);
    }
    write_checks(write);
    return write->node;
}
