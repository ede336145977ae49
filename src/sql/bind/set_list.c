/*
 * SET lists: column = value, (column, ...) = (value, ...), (column, ...) = (SELECT ...).
 *
 * A query that gives several columns their values is bound once; each column's value is an expression that takes one
 * column of its row, and the executor runs it once a row for all of them.
 */
#include "base/assert.h"
#include "sql/bind/write.h"

struct set_list {
    struct write *write;
    struct bind_scope place;
    const struct expr *subquery; /* that gives the columns now set together their values */
};

/* Whether a row has t.* among its items. */
static bool row_has_star(const PgQuery__RowExpr *row) {
    bool star = false;
    for (size_t i = 0; i < row->n_args; i++) {
        const PgQuery__Node *item = row->args[i];
        bool named = item->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
        star = star || (named && item->column_ref->fields[item->column_ref->n_fields - 1]->node_case ==
                                     PG_QUERY__NODE__NODE_A_STAR);
    }
    return star;
}

/* The value of column `number` (from 1) of a row of columns set together; NULL: DEFAULT. */
static const struct expr *value_of_many(struct set_list *set, const struct write_target *target,
                                        const PgQuery__MultiAssignRef *many) {
    struct bind *bind = set->write->bind;
    const PgQuery__Node *source = many->source;
    if (source->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        const PgQuery__RowExpr *row = source->row_expr;
        bool star = row_has_star(row);
        const struct expr **fields = NULL;
        uint32_t count = star ? bind_row_fields(&set->place, row, &fields) : (uint32_t)row->n_args;
        if (count != (uint32_t)many->ncolumns) {
            sql_raise(bind->context, KMB_SYNTAX, bind_location(row->location),
                      "number of columns does not match number of values");
        }
        if (star) {
            return fields[many->colno - 1];
        }
        const PgQuery__Node *value = row->args[many->colno - 1];
        write_check_default(set->write, target, value);
        return value->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT ? NULL : bind_expression(&set->place, value);
    }
    if (source->node_case != PG_QUERY__NODE__NODE_SUB_LINK ||
        source->sub_link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
        sql_raise(bind->context, KMB_UNSUPPORTED, bind_node_position(source),
                  "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression");
    }
    if (many->colno == 1) { /* the others follow at once, and have copies of the same source */
        set->subquery = bind_sub_link_row(&set->place, source->sub_link, (uint32_t)many->ncolumns);
    }
    struct expr *value = sql_alloc(bind->context, sizeof(*value));
    *value = *set->subquery;
    value->column = (uint32_t)many->colno - 1;
    value->type = value->subquery->root->columns[value->column].type;
    return value;
}

static const struct expr *value_of(struct set_list *set, const struct write_target *target,
                                   const PgQuery__Node *value) {
    if (value->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) {
        return value_of_many(set, target, value->multi_assign_ref);
    }
    write_check_default(set->write, target, value);
    return value->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT ? NULL : bind_expression(&set->place, value);
}

/* A part of a column is set in what the column has, or in what parts set before have made of it. */
static const struct expr *set_part(struct set_list *set, const struct write_target *target, const struct scope *old,
                                   const struct expr *before, const struct expr *value) {
    struct expr *whole = sql_alloc(set->write->bind->context, sizeof(*whole));
    *whole = before != NULL ? *before : *old->columns[target->ordinal].expr;
    whole->position = bind_location(target->part->location);
    return bind_assign_part(&set->place, target->part, whole, value);
}

const struct expr **write_set_list(struct write *write, PgQuery__Node *const *list, size_t count,
                                   const struct scope *scope, const struct scope *old) {
    struct bind *bind = write->bind;
    struct set_list set = {.write = write, .place = {.bind = bind, .scope = scope, .place = BIND_SET}};
    const struct expr **values = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*values));
    bool *parts = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*parts));
    struct write_target *targets = sql_alloc_zero(bind->context, count + 1, sizeof(*targets));
    const struct expr **given = sql_alloc_zero(bind->context, count + 1, sizeof(*given));
    for (size_t i = 0; i < count;
         i++) { /* all of them before any looks for its column: what is wrong in one comes first */
        const PgQuery__ResTarget *written = list[i]->res_target;
        struct write_target part = {.part = written->n_indirection > 0 ? written : NULL};
        given[i] = value_of(&set, &part, written->val);
    }
    for (size_t i = 0; i < count; i++) {
        targets[i] = write_find_column(write, list[i]->res_target);
    }
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *written = list[i]->res_target;
        struct write_target target = targets[i];
        uint32_t ordinal = target.ordinal;
        if (values[ordinal] != NULL && (!parts[ordinal] || target.part == NULL)) {
            sql_raise(bind->context, KMB_SYNTAX, bind_location(written->location),
                      "multiple assignments to same column \"%s\"",
                      bind_text(bind->context, write_column(write, ordinal)->name));
        }
        const struct expr *value = given[i];
        parts[ordinal] = target.part != NULL;
        if (target.part != NULL && value != NULL) {
            values[ordinal] = set_part(&set, &target, old, values[ordinal], value);
        } else {
            values[ordinal] = value == NULL ? bind_default(bind, write->table, write_column(write, ordinal))
                                            : write_assign(write, ordinal, value);
        }
        enum default_kind kind = write_column(write, ordinal)->default_kind;
        bool always = kind == DEFAULT_GENERATED || kind == DEFAULT_IDENTITY_ALWAYS;
        if (value != NULL && always && !bind->host->checks_held) {
            write_raise_not_default(write, ordinal, false);
        }
    }
    return values;
}
