/*
 * WITH: queries that a query names and reads like tables.
 *
 * Each is bound once, where it stands; who reads it gets a PLAN_CTE node. A query that is read once and computes the
 * same wherever it is put is later put in place of its reference (plan/inline.c). A recursive one is two plans: the
 * non-recursive term, and the recursive term over a working table, the rows of the round before.
 *
 * A write may stand in the WITH of the statement itself. It is run whether it is read or not, so the statement has a
 * list of them; who reads it gets the rows that it returns.
 *
 * What PostgreSQL refuses of recursion is refused in its words, except where nothing here depends on it.
 */
#include "base/assert.h"
#include "sql/bind/search.h"
#include "sql/type_text.h"

/* --- binding --- */

static bool is_write(const PgQuery__CommonTableExpr *node) {
    return node->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT;
}

/* A clause that binds the whole statement would have a write among its WITH queries read and change the past. */
static void refuse_past_write(struct bind *bind) {
    const struct tokens *tokens = bind->tokens;
    for (uint32_t i = 0; i < tokens->block_count; i++) {
        const struct tokens_block *block = &tokens->blocks[i];
        if (block->select == 0 && block->parent == TOKENS_BLOCK_NONE && block->clause != TOKENS_CLAUSE_NONE) {
            sql_raise_with(bind->context, KMB_HISTORY_READ_ONLY, tokens->clauses[block->clause].position, NULL,
                           "Put the clause before the alias of the table that it is for: FROM t AT OFFSET 5 AS t.",
                           "Cannot modify historical data");
        }
    }
}

static void cte_refuse(struct bind *bind, const PgQuery__WithClause *with, const PgQuery__CommonTableExpr *node) {
    bind_search_check(bind, node, with->recursive);
    uint32_t position = bind_location(node->location);
    if (is_write(node) && with != bind->top_with) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position,
                  "WITH clause containing a data-modifying statement must be at the top level");
    }
    if (node->ctequery->node_case == PG_QUERY__NODE__NODE_MERGE_STMT) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position, "MERGE not supported in WITH query");
    }
    if (is_write(node)) {
        refuse_past_write(bind);
    }
}

/* A place in its first SELECT; 0: VALUES, or a write. */
static uint32_t cte_place(const PgQuery__CommonTableExpr *node) {
    if (is_write(node)) {
        return 0;
    }
    const PgQuery__SelectStmt *select = node->ctequery->select_stmt;
    while (select->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        select = select->larg;
    }
    uint32_t place = select->n_target_list > 0 ? bind_location(select->target_list[0]->res_target->location) : 0;
    return place == 0 && select->n_from_clause > 0 ? bind_node_position(select->from_clause[0]) : place;
}

static void cte_columns(struct bind *bind, struct bind_cte *entry, const PgQuery__CommonTableExpr *node,
                        const struct plan_node *root) {
    if (node->n_aliascolnames > root->column_count) {
        sql_raise(bind->context, KMB_INVALID_COLUMN_REFERENCE, bind_location(node->location),
                  "WITH query \"%s\" has %u columns available but %zu columns specified", node->ctename,
                  root->column_count, node->n_aliascolnames);
    }
    entry->column_count = root->column_count;
    entry->columns = sql_alloc_zero(bind->context, root->column_count + 1, sizeof(*entry->columns));
    for (uint32_t i = 0; i < root->column_count; i++) {
        entry->columns[i] = root->columns[i];
        entry->columns[i].table_name = NULL;
        if (i < node->n_aliascolnames) {
            entry->columns[i].name = bind_string(node->aliascolnames[i]);
        }
    }
}

static _Noreturn void raise_recursion(struct bind *bind, const char *name, uint32_t position, const char *format) {
    const char *text =
        sql_printf(bind->context, "recursive reference to query \"%s\" must not appear %s", name, format);
    sql_raise(bind->context, KMB_INVALID_RECURSION, position, "%s", text);
}

static const struct expr *column_at(struct bind *bind, uint32_t ordinal, struct type type) {
    struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
    column->kind = EXPR_COLUMN;
    column->column = ordinal;
    column->type = type;
    return column;
}

/* The recursive term with the types of the non-recursive one; what it carries on behind its own columns as it is. */
static struct plan_node *term_as(struct bind *bind, struct bind_cte *entry, struct plan_node *term, uint32_t own,
                                 uint32_t carried, uint32_t position) {
    uint32_t count = own + carried;
    if (term->column_count != count) {
        sql_raise(bind->context, KMB_SYNTAX, position, "each UNION query must have the same number of columns");
    }
    const struct expr **columns = sql_alloc(bind->context, (count + 1) * sizeof(*columns));
    const char **names = sql_alloc(bind->context, (count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < count; i++) {
        if (i >= own) {
            columns[i] = column_at(bind, i, term->columns[i].type);
            names[i] = term->columns[i].name;
            continue;
        }
        const struct expr *made = term->kind == PLAN_PROJECT ? term->expressions[i] : NULL;
        const struct expr *value =
            made != NULL && made->type.id == TYPE_UNKNOWN ? made : column_at(bind, i, term->columns[i].type);
        const struct expr *pair[2] = {column_at(bind, i, entry->columns[i].type), value};
        struct type type = bind_common_type(bind, pair, 2, "UNION");
        if (type.id != entry->columns[i].type.id || type.modifier != entry->columns[i].type.modifier) {
            sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, position, NULL,
                           "Cast the output of the non-recursive term to the correct type.",
                           "recursive query \"%s\" column %u has type %s in non-recursive term but type %s overall",
                           entry->cte->name, i + 1, sql_type_format(bind->context, entry->columns[i].type),
                           sql_type_format(bind->context, type));
        }
        columns[i] = bind_to_common(bind, value, type, "UNION");
        names[i] = entry->columns[i].name;
    }
    return bind_project(bind, term, columns, names, count);
}

static void bind_recursive(struct bind *bind, struct bind_cte *entry, const PgQuery__CommonTableExpr *node,
                           const PgQuery__SelectStmt *select) {
    uint32_t position = bind_location(node->location);
    if (select->op != PG_QUERY__SET_OPERATION__SETOP_UNION) {
        sql_raise(bind->context, KMB_INVALID_RECURSION, position,
                  "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                  node->ctename);
    }
    const char *clause = select->n_sort_clause > 0      ? "ORDER BY"
                         : select->limit_offset != NULL ? "OFFSET"
                         : select->limit_count != NULL  ? "LIMIT"
                         : select->n_locking_clause > 0 ? "FOR UPDATE/SHARE"
                                                        : NULL;
    if (clause != NULL) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position, "%s in a recursive query is not implemented", clause);
    }
    struct bind_cte *in_sight = bind->ctes;
    const char *no_recursion = bind->no_recursion;
    entry->anchor = true;
    if (select->with_clause != NULL) {
        entry->in_with = true;
        bind_with(bind, select->with_clause);
        entry->in_with = false;
    }
    entry->cte->root = bind_select(bind, select->larg);
    entry->anchor = false;
    bind_refuse_records(bind, entry->cte->root, "a recursive query");
    cte_columns(bind, entry, node, entry->cte->root);
    entry->cte->distinct = !select->all;
    uint32_t own = entry->column_count;
    bool searches = node->search_clause != NULL || node->cycle_clause != NULL;
    const PgQuery__SelectStmt *right = select->rarg;
    struct bind_search search;
    if (searches) {
        bind_search_columns(bind, &search, entry, node);
        entry->cte->root = bind_search_anchor(bind, &search, entry, entry->cte->root);
        right = bind_search_term(bind, &search, entry, right);
    }
    size_t added = right->n_target_list - select->rarg->n_target_list;
    entry->working = true;
    bind->no_recursion = NULL;
    bind->rounds++;
    struct plan_node *term = bind_select_branch(bind, right);
    bind->rounds--;
    bind->no_recursion = no_recursion;
    entry->working = false;
    bind->ctes = in_sight;
    if (bind->spell_stars && right != select->rarg) { /* what is kept of the term has its stars spelled out, too */
        select->rarg->target_list = right->target_list;
        select->rarg->n_target_list = right->n_target_list - added;
    }
    term = term_as(bind, entry, term, own, (uint32_t)added, position);
    entry->cte->recursive = searches ? bind_search_rows(bind, &search, entry, term) : term;
    for (uint32_t i = 0; entry->cte->distinct && i < entry->column_count; i++) {
        bind_check_equality(bind, column_at(bind, i, entry->columns[i].type));
    }
}

/* Whether a WITH RECURSIVE query reads itself, and not another of its name that its own WITH has. */
static bool reads_itself(const PgQuery__SelectStmt *select, const char *name) {
    const PgQuery__WithClause *with = select->with_clause;
    for (size_t i = 0; with != NULL && i < with->n_ctes; i++) {
        if (strcmp(with->ctes[i]->common_table_expr->ctename, name) != 0) {
            continue;
        }
        bool read = false;
        for (size_t k = 0; !with->recursive && k <= i; k++) {
            read = read || parse_message_names_table(&with->ctes[k]->common_table_expr->ctequery->base, name);
        }
        return read;
    }
    return parse_names_table(select, name);
}

static void bind_cte_query(struct bind *bind, struct bind_cte *entry, const PgQuery__CommonTableExpr *node,
                           bool recursive) {
    const PgQuery__SelectStmt *select = node->ctequery->select_stmt;
    struct plan_cte *cte = entry->cte;
    uint32_t taken = bind->taken;
    entry->later = false;
    if (recursive && reads_itself(select, node->ctename)) {
        bind_recursive(bind, entry, node, select);
    } else {
        cte->root = bind_select(bind, select);
        bind_record_unfold(bind, cte->root);
        cte_columns(bind, entry, node, cte->root);
    }
    cte->takes_outer = bind->taken != taken;
}

/* A write: its node is the query, the rows are RETURNING's. */
static void bind_cte_write(struct bind *bind, struct bind_cte *entry, const PgQuery__CommonTableExpr *node) {
    const PgQuery__Node *query = node->ctequery;
    struct plan_cte *cte = entry->cte;
    entry->later = false;
    entry->writing = true;
    entry->position = bind_location(node->location);
    cte->root = query->node_case == PG_QUERY__NODE__NODE_INSERT_STMT   ? bind_insert(bind, query->insert_stmt)
                : query->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ? bind_update(bind, query->update_stmt)
                                                                       : bind_delete(bind, query->delete_stmt);
    entry->writing = false;
    entry->silent = cte->root->returning == NULL;
    cte->keep = true;
    cte_columns(bind, entry, node, cte->root);
    struct plan_cte **writes = sql_alloc(bind->context, (bind->write_count + 1) * sizeof(struct plan_cte *));
    if (bind->write_count > 0) {
        memcpy(writes, bind->writes, bind->write_count * sizeof(struct plan_cte *));
    }
    writes[bind->write_count++] = cte;
    bind->writes = writes;
}

/* Whether query `i` of the list reads the name of query k, and k has not been bound yet. */
static bool waits_for(const PgQuery__WithClause *with, struct bind_cte *const *entries, size_t i, size_t k) {
    const PgQuery__CommonTableExpr *node = with->ctes[i]->common_table_expr;
    return i != k && entries[k]->later &&
           parse_message_names_table(&node->ctequery->base, with->ctes[k]->common_table_expr->ctename);
}

/* The queries of a WITH RECURSIVE in an order in which each reads only those before it, and itself. */
static size_t next_in_order(struct bind *bind, const PgQuery__WithClause *with, struct bind_cte *const *entries) {
    size_t first = with->n_ctes;
    for (size_t i = 0; i < with->n_ctes; i++) {
        if (!entries[i]->later) {
            continue;
        }
        first = first == with->n_ctes ? i : first;
        bool free = true;
        for (size_t k = 0; free && k < with->n_ctes; k++) {
            free = !waits_for(with, entries, i, k);
        }
        if (free) {
            return i;
        }
    }
    sql_raise(bind->context, KMB_UNSUPPORTED, bind_location(with->ctes[first]->common_table_expr->location),
              "mutual recursion between WITH items is not implemented");
}

void bind_with(struct bind *bind, const PgQuery__WithClause *with) {
    struct bind_cte *outside = bind->ctes;
    struct bind_cte **entries = sql_alloc(bind->context, (with->n_ctes + 1) * sizeof(*entries));
    for (size_t i = 0; i < with->n_ctes; i++) {
        const PgQuery__CommonTableExpr *node = with->ctes[i]->common_table_expr;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(entries[k]->cte->name, node->ctename) == 0) {
                sql_raise(bind->context, KMB_DUPLICATE_ALIAS, bind_location(node->location),
                          "WITH query name \"%s\" specified more than once", node->ctename);
            }
        }
        cte_refuse(bind, with, node);
        entries[i] = sql_alloc_zero(bind->context, 1, sizeof(*entries[i]));
        entries[i]->cte = sql_alloc_zero(bind->context, 1, sizeof(*entries[i]->cte));
        entries[i]->cte->name = node->ctename;
        entries[i]->query = cte_place(node);
        entries[i]->cte->depth = bind->depth;
        entries[i]->cte->rounds = bind->rounds;
        entries[i]->cte->keep = node->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways;
        entries[i]->later = true;
        if (with->recursive) {
            entries[i]->next = bind->ctes;
            bind->ctes = entries[i];
        }
    }
    for (size_t done = 0; done < with->n_ctes; done++) {
        size_t i = with->recursive ? next_in_order(bind, with, entries) : done;
        const PgQuery__CommonTableExpr *node = with->ctes[i]->common_table_expr;
        if (is_write(node)) {
            bind_cte_write(bind, entries[i], node);
        } else {
            bind_cte_query(bind, entries[i], node, with->recursive);
        }
        if (!with->recursive) {
            entries[i]->next = i == 0 ? outside : entries[i - 1];
            bind->ctes = entries[i];
        }
    }
}

/* --- reading --- */

/* A WITH query is read once, at the moments that its own text has: a reference can not ask for another. */
static void cte_check_moment(struct bind *bind, const struct bind_cte *entry, uint32_t reference) {
    for (uint32_t i = 0; bind->view_depth == 0 && entry->query != 0 && i < bind->tokens->clause_count; i++) {
        const struct tokens_clause *clause = &bind->tokens->clauses[i];
        if (clause->behind != reference) {
            continue;
        }
        const struct tokens_clause *own = tokens_clause_of(bind->tokens, entry->query);
        if (own == NULL || !tokens_point_same(&own->point, &clause->point)) {
            sql_raise_with(bind->context, KMB_UNSUPPORTED, clause->position, NULL,
                           "Put the clause into the WITH query, or behind a table.",
                           "a time-travel clause for one reference to a WITH query is not supported");
        }
    }
}

bool bind_reads_round(const struct plan_node *from) {
    if (from->kind == PLAN_JOIN) {
        return bind_reads_round(from->left) || bind_reads_round(from->right);
    }
    return from->kind == PLAN_FILTER ? bind_reads_round(from->left) : from->kind == PLAN_CTE && from->cte_work;
}

struct plan_node *bind_cte_scan(struct bind *bind, const PgQuery__RangeVar *name) {
    struct bind_cte *entry = bind->ctes;
    while (entry != NULL && strcmp(entry->cte->name, name->relname) != 0) {
        entry = entry->next;
    }
    if (entry == NULL) {
        return NULL;
    }
    uint32_t position = bind_location(name->location);
    if (entry->later) {
        sql_raise_unsupported(bind->context, position, "a reference to a WITH query that comes later");
    }
    if (entry->writing) {
        sql_raise(bind->context, KMB_INVALID_RECURSION, entry->position,
                  "recursive query \"%s\" must not contain data-modifying statements", name->relname);
    }
    if (entry->silent) {
        sql_raise(bind->context, KMB_UNSUPPORTED, position, "WITH query \"%s\" does not have a RETURNING clause",
                  name->relname);
    }
    if (entry->anchor) {
        raise_recursion(bind, name->relname, position,
                        entry->in_with ? "within a subquery" : "within its non-recursive term");
    }
    if (entry->working && bind->depth > entry->cte->depth) {
        raise_recursion(bind, name->relname, position, "within a subquery");
    }
    if (entry->working && bind->no_recursion != NULL) {
        raise_recursion(bind, name->relname, position, bind->no_recursion);
    }
    if (entry->working && entry->worked++ > 0) {
        raise_recursion(bind, name->relname, position, "more than once");
    }
    cte_check_moment(bind, entry, position);
    struct plan_node *node = bind_plan(bind, PLAN_CTE, NULL, NULL);
    node->cte = entry->cte;
    node->cte_work = entry->working;
    node->cte_depth = bind->depth;
    entry->cte->references += entry->working ? 0 : 1;
    node->column_count = entry->column_count;
    node->columns = sql_alloc(bind->context, (entry->column_count + 1) * sizeof(*node->columns));
    memcpy(node->columns, entry->columns, entry->column_count * sizeof(*node->columns));
    for (uint32_t i = 0; entry->working && i < entry->column_count; i++) {
        node->columns[i].record = NULL; /* parts are reached by their own names there */
        node->columns[i].part = false;
    }
    if (entry->working && entry->halt_value != NULL) {
        const struct expr *mark = column_at(bind, entry->halt_column, entry->halt_value->type);
        node = bind_plan(bind, PLAN_FILTER, node, NULL);
        node->predicate = bind_operator(bind, "<>", mark, entry->halt_value, 0);
    }
    return node;
}
