/*
 * The query of a view as it is shown, and as a dump makes the view anew.
 *
 * What is kept is the query as it was written; the names of the view's columns stand beside it, given by CREATE VIEW
 * v(a, b) or by a renaming since. A text that says both gives them to the items of the select list that names the
 * query's columns: that of the first term of a UNION. ORDER BY and DISTINCT ON look among these names first, so an item
 * that has another name now is told by its place there. VALUES has no names to change, and where a name would come to
 * mean something else the query stays as it is: both become what a SELECT reads, under the names wanted.
 */
#include "sql/bind/bind.h"
#include "sql/parse/parse.h"

struct view_names {
    struct sql_context *context;
    const char **names; /* of the view's columns */
    const char **old;   /* as the query calls them */
    const bool *plain;  /* columns that the query calls as they are called below */
    uint32_t count;
};

/* SELECT of another query, with the view's names. */
static const char *names_around(const struct view_names *view, const PgQuery__SelectStmt *query, const char *alias) {
    struct sql_context *context = view->context;
    const char *list = "";
    const char *names = "";
    alias = parse_quote_name(context, alias);
    for (uint32_t i = 0; i < view->count; i++) {
        const char *name = parse_quote_name(context, view->names[i]);
        const char *comma = i == 0 ? "" : ", ";
        list = sql_printf(context, "%s%s%s.%s", list, comma, alias, name);
        names = sql_printf(context, "%s%s%s", names, comma, name);
    }
    return sql_printf(context, "SELECT %s FROM (%s) %s(%s)", list, parse_deparse_query(context, query), alias, names);
}

/* A column reference that is one name; NULL: the node is something else. */
static const char *bare_name(const ProtobufCMessage *message) {
    const PgQuery__ColumnRef *reference = (const PgQuery__ColumnRef *)message;
    return message->descriptor == &pg_query__column_ref__descriptor && reference->n_fields == 1 &&
                   reference->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING
               ? reference->fields[0]->string->sval
               : NULL;
}

/* Of ORDER BY and DISTINCT ON: false where the name would mean another column than it does. */
static bool names_item(const struct view_names *view, PgQuery__Node **item) {
    const char *name =
        (*item)->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? bare_name(&(*item)->column_ref->base) : NULL;
    bool taken = false;
    for (uint32_t i = 0; name != NULL && i < view->count; i++) {
        taken = taken || strcmp(view->names[i], name) == 0;
        if (strcmp(view->old[i], name) == 0) {
            if (strcmp(view->names[i], name) != 0) {
                *item = parse_expression(view->context, sql_printf(view->context, "%u", i + 1));
            }
            return true;
        }
    }
    return !taken;
}

/* GROUP BY takes a name for a column below, if there is one: one that only the select list has would be lost. */
static bool visit_group(ProtobufCMessage *message, void *object) {
    const struct view_names *view = object;
    const char *name = bare_name(message);
    for (uint32_t i = 0; name != NULL && i < view->count; i++) {
        if (strcmp(view->old[i], name) == 0 && strcmp(view->names[i], name) != 0 && !view->plain[i]) {
            return false;
        }
    }
    return true;
}

/* What stands beside the select list, of a query or of one around it. */
static bool names_clauses(struct view_names *view, PgQuery__SelectStmt *query) {
    bool good = true;
    for (size_t i = 0; i < query->n_sort_clause; i++) {
        good = good && names_item(view, &query->sort_clause[i]->sort_by->node);
    }
    for (size_t i = 0; i < query->n_distinct_clause; i++) {
        good = good && names_item(view, &query->distinct_clause[i]);
    }
    for (size_t i = 0; i < query->n_group_clause; i++) {
        good = good && parse_walk(&query->group_clause[i]->base, visit_group, view);
    }
    return good;
}

/* The names that the select list gives; false: it is no list of one item a column. */
static bool names_read(struct view_names *view, const PgQuery__SelectStmt *first) {
    bool *plain = sql_alloc_zero(view->context, view->count + 1, sizeof(*plain));
    bool values = first->n_values_lists > 0;
    if (!values && first->n_target_list != view->count) {
        return false;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        if (values) {
            view->old[i] = sql_printf(view->context, "column%u", i + 1);
            continue;
        }
        const PgQuery__ResTarget *target = first->target_list[i]->res_target;
        bool column = target->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
        if (column && target->val->column_ref->fields[target->val->column_ref->n_fields - 1]->node_case ==
                          PG_QUERY__NODE__NODE_A_STAR) {
            return false;
        }
        const char *own = bind_column_name(view->context, target->val);
        view->old[i] = target->name != NULL && target->name[0] != 0 ? target->name : own;
        plain[i] = column && strcmp(own, view->old[i]) == 0;
    }
    view->plain = plain;
    return true;
}

static bool names_differ(const struct view_names *view) {
    bool differ = false;
    for (uint32_t i = 0; i < view->count; i++) {
        differ = differ || strcmp(view->old[i], view->names[i]) != 0;
    }
    return differ;
}

/* The first term of all, which names the columns. */
static PgQuery__SelectStmt **first_term(PgQuery__SelectStmt **query) {
    while ((*query)->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
        query = &(*query)->larg;
    }
    return query;
}

/* Gives the names where the query names its columns; false: the query cannot take them, and is half changed. */
static bool names_give(struct view_names *view, PgQuery__SelectStmt **query) {
    PgQuery__SelectStmt **first = first_term(query);
    for (PgQuery__SelectStmt *around = *query; around != *first; around = around->larg) {
        if (!names_clauses(view, around)) {
            return false;
        }
    }
    if ((*first)->n_values_lists > 0) {
        *first = parse_query(view->context, names_around(view, *first, "*VALUES*"));
        return true;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        if (strcmp(view->old[i], view->names[i]) != 0) {
            (*first)->target_list[i]->res_target->name = sql_printf(view->context, "%s", view->names[i]);
        }
    }
    return names_clauses(view, *first);
}

const char *bind_view_text(struct sql_context *context, const struct catalogue *catalogue,
                           const struct table_definition *definition) {
    const char *text = bind_text(context, definition->view_query);
    PgQuery__SelectStmt *query = parse_query(context, text);
    struct view_names view = {.context = context, .count = catalogue_column_count(catalogue, definition)};
    view.names = sql_alloc(context, (view.count + 1) * sizeof(*view.names));
    view.old = sql_alloc(context, (view.count + 1) * sizeof(*view.old));
    for (uint32_t i = 0; i < view.count; i++) {
        view.names[i] = bind_text(context, catalogue_column(catalogue, definition, i)->name);
    }
    bool known = names_read(&view, *first_term(&query));
    if (known && !names_differ(&view)) {
        return text;
    }
    if (known && names_give(&view, &query)) {
        return parse_deparse_query(context, query);
    }
    return names_around(&view, parse_query(context, text), bind_text(context, definition->name));
}
