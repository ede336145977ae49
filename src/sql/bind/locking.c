/*
 * FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE: what they may stand behind, and which FROM items they mean.
 *
 * The rows of such an item carry their key, which comes along to the end of the query as what ORDER BY adds does; there
 * a PLAN_LOCK node takes it.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

const char *bind_locking_name(const PgQuery__SelectStmt *query) {
    switch ((int)query->locking_clause[0]->locking_clause->strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
        return "FOR KEY SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        return "FOR SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        return "FOR NO KEY UPDATE";
    default:
        return "FOR UPDATE";
    }
}

void bind_check_locking(struct bind *bind, const PgQuery__SelectStmt *query) {
    if (query->n_locking_clause == 0) {
        return;
    }
    const char *name = bind_locking_name(query);
    if (query->n_values_lists > 0) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "%s cannot be applied to VALUES", name);
    }
    const char *what = query->op != PG_QUERY__SET_OPERATION__SETOP_NONE ? "UNION/INTERSECT/EXCEPT"
                       : query->n_distinct_clause > 0                   ? "DISTINCT clause"
                       : query->n_group_clause > 0                      ? "GROUP BY clause"
                       : query->having_clause != NULL                   ? "HAVING clause"
                                                                        : NULL;
    if (what != NULL) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "%s is not allowed with %s", name, what);
    }
}

/* Calls each for every name behind OF; a clause without names means all. */
static bool means_all(const PgQuery__SelectStmt *query) {
    for (size_t i = 0; i < query->n_locking_clause; i++) {
        if (query->locking_clause[i]->locking_clause->n_locked_rels == 0) {
            return true;
        }
    }
    return false;
}

/* FOR KEY SHARE, too, relies on the whole row (kernel_watch). */
static enum kernel_claim_mode mode_of(const PgQuery__LockingClause *clause) {
    switch ((int)clause->strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        return KERNEL_CLAIM_SHARE;
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        return KERNEL_CLAIM_NO_KEY_UPDATE;
    default:
        return KERNEL_CLAIM_UPDATE;
    }
}

/* Of all clauses that mean an item the strongest counts, and NOWAIT before SKIP LOCKED before waiting. */
struct plan_locking bind_locking_of(const PgQuery__SelectStmt *query, const char *alias) {
    struct plan_locking locking = {.mode = KERNEL_CLAIM_SHARE, .wait = PLAN_LOCK_WAITS};
    for (size_t i = 0; i < query->n_locking_clause; i++) {
        const PgQuery__LockingClause *clause = query->locking_clause[i]->locking_clause;
        bool means = clause->n_locked_rels == 0;
        for (size_t k = 0; k < clause->n_locked_rels && !means; k++) {
            means = strcmp(clause->locked_rels[k]->range_var->relname, alias) == 0;
        }
        if (means) {
            locking.mode = mode_of(clause) < locking.mode ? mode_of(clause) : locking.mode;
            if (clause->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError) {
                locking.wait = PLAN_LOCK_FAILS;
            } else if (clause->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip &&
                       locking.wait == PLAN_LOCK_WAITS) {
                locking.wait = PLAN_LOCK_SKIPS;
            }
        }
    }
    return locking;
}

bool bind_locks_item(struct bind *bind, const char *alias) {
    const PgQuery__SelectStmt *query = bind->locks == NULL ? NULL : bind->locks->query;
    bool named = query != NULL && means_all(query);
    for (size_t i = 0; query != NULL && i < query->n_locking_clause && !named; i++) {
        const PgQuery__LockingClause *clause = query->locking_clause[i]->locking_clause;
        for (size_t k = 0; k < clause->n_locked_rels && !named; k++) {
            named = strcmp(clause->locked_rels[k]->range_var->relname, alias) == 0;
        }
    }
    return named;
}

void bind_append_key(struct bind *bind, struct plan_node *scan) {
    uint32_t count = scan->column_count;
    uint32_t *ordinals = sql_alloc(bind->context, (count + 1) * sizeof(*ordinals));
    struct plan_column *columns = sql_alloc(bind->context, (count + 1) * sizeof(*columns));
    memcpy(ordinals, scan->scan_columns, count * sizeof(*ordinals));
    memcpy(columns, scan->columns, count * sizeof(*columns));
    ordinals[count] = PLAN_SCAN_KEY;
    columns[count] = (struct plan_column){.name = "", .type = type_make(TYPE_BYTEA)};
    scan->scan_columns = ordinals;
    scan->columns = columns;
    scan->column_count = count + 1;
}

/* Whether the item at this ordinal of the row may be all NULL by an outer join. */
static bool is_nullable(const struct plan_node *node, uint32_t ordinal) {
    bool nullable = false;
    while (node->kind == PLAN_JOIN && !nullable) {
        uint32_t split = node->left->column_count;
        bool right = ordinal >= split;
        nullable = node->join_type == PLAN_JOIN_FULL || node->join_type == (right ? PLAN_JOIN_LEFT : PLAN_JOIN_RIGHT);
        ordinal -= right ? split : 0;
        node = right ? node->right : node->left;
    }
    return nullable;
}

void bind_check_locked(struct bind *bind, const struct bind_locks *locks, const struct scope *scope,
                       const struct plan_node *from) {
    struct sql_context *context = bind->context;
    const PgQuery__SelectStmt *query = locks->query;
    const char *name = bind_locking_name(query);
    for (size_t i = 0; i < query->n_locking_clause; i++) {
        const PgQuery__LockingClause *clause = query->locking_clause[i]->locking_clause;
        for (size_t k = 0; k < clause->n_locked_rels; k++) {
            const PgQuery__RangeVar *rel = clause->locked_rels[k]->range_var;
            const struct scope_table *found = NULL;
            for (uint32_t t = 0; t < scope->table_count; t++) {
                found = strcmp(scope->tables[t].alias, rel->relname) == 0 ? &scope->tables[t] : found;
            }
            if (found == NULL) {
                sql_raise(context, KMB_UNDEFINED_TABLE, bind_location(rel->location),
                          "relation \"%s\" in %s clause not found in FROM clause", rel->relname, name);
            }
            if (found->table == NULL) {
                sql_raise_unsupported(context, bind_location(rel->location), "%s of what is no table", name);
            }
        }
    }
    for (uint32_t i = 0; i < scope->table_count && means_all(query); i++) {
        if (scope->tables[i].table == NULL && scope->tables[i].count > 0) {
            sql_raise_unsupported(context, scope->tables[i].position, "%s of what is no table", name);
        }
    }
    for (uint32_t i = 0; i < scope->column_count; i++) {
        const struct scope_column *column = &scope->columns[i];
        if (column->pseudo && column->name[0] == 0 && is_nullable(from, column->expr->column)) {
            sql_raise(context, KMB_UNSUPPORTED, 0, "%s cannot be applied to the nullable side of an outer join", name);
        }
    }
}
