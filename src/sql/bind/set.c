/*
 * UNION, INTERSECT, EXCEPT.
 *
 * Both branches are bound, their columns are brought to common types pair by pair (a literal without a type takes that
 * of its partner), and the names are those of the left branch. Precedence is the grammar's: what comes here is a binary
 * tree.
 */
#include "sql/bind/bind.h"

static const char *operation_name(const PgQuery__SelectStmt *select) {
    switch ((int)select->op) {
    case PG_QUERY__SET_OPERATION__SETOP_UNION:
        return "UNION";
    case PG_QUERY__SET_OPERATION__SETOP_INTERSECT:
        return "INTERSECT";
    default:
        return "EXCEPT";
    }
}

/* A column of a branch: the untyped literal it is, or the column itself. */
static const struct expr *branch_column(struct bind *bind, const struct plan_node *branch, uint32_t ordinal) {
    const struct expr *made = branch->kind == PLAN_PROJECT ? branch->expressions[ordinal] : NULL;
    if (made != NULL && made->type.id == TYPE_UNKNOWN) {
        return made;
    }
    struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
    column->kind = EXPR_COLUMN;
    column->column = ordinal;
    column->type = branch->columns[ordinal].type;
    column->position = made == NULL ? 0 : made->position;
    return column;
}

/* The branch with columns of these types. */
static struct plan_node *branch_as(struct bind *bind, struct plan_node *branch, const struct expr **columns,
                                   const struct type *types, const char *operation) {
    uint32_t count = branch->column_count;
    const char **names = sql_alloc(bind->context, (count + 1) * sizeof(*names));
    bool changed = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *column = bind_to_common(bind, columns[i], types[i], operation);
        changed = changed || column != columns[i] || column->kind != EXPR_COLUMN;
        columns[i] = column;
        names[i] = branch->columns[i].name;
    }
    return changed ? bind_project(bind, branch, columns, names, count) : branch;
}

static uint32_t first_position(const PgQuery__SelectStmt *select) {
    while (select->larg != NULL) {
        select = select->larg;
    }
    return select->n_target_list > 0    ? bind_node_position(select->target_list[0])
           : select->n_values_lists > 0 ? bind_node_position(select->values_lists[0])
                                        : 0;
}

struct plan_node *bind_set_operation(struct bind *bind, const PgQuery__SelectStmt *select) {
    struct sql_context *context = bind->context;
    const char *operation = operation_name(select);
    const PgQuery__IntoClause *into = bind_into(select->rarg);
    if (into != NULL) {
        sql_raise(context, KMB_SYNTAX, bind_location(into->rel->location),
                  "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT");
    }
    const char *no_recursion = bind->no_recursion;
    bool except = select->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT;
    bool intersect_all = select->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT && select->all;
    const char *within = except ? "within EXCEPT" : intersect_all ? "within INTERSECT" : no_recursion;
    bind->no_recursion = except && !select->all ? no_recursion : within;
    struct plan_node *left = bind_select_branch(bind, select->larg);
    bind->no_recursion = within;
    struct plan_node *right = bind_select_branch(bind, select->rarg);
    bind->no_recursion = no_recursion;
    bind_refuse_records(bind, left, operation);
    bind_refuse_records(bind, right, operation);
    uint32_t count = left->column_count;
    if (right->column_count != count) {
        sql_raise(context, KMB_SYNTAX, first_position(select->rarg),
                  "each %s query must have the same number of columns", operation);
    }
    const struct expr **left_columns = sql_alloc(context, (count + 1) * sizeof(*left_columns));
    const struct expr **right_columns = sql_alloc(context, (count + 1) * sizeof(*right_columns));
    struct type *types = sql_alloc(context, (count + 1) * sizeof(*types));
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *pair[2] = {branch_column(bind, left, i), branch_column(bind, right, i)};
        types[i] = bind_common_type(bind, pair, 2, operation);
        left_columns[i] = pair[0];
        right_columns[i] = pair[1];
    }
    struct plan_node *node = bind_plan(bind, PLAN_SET, branch_as(bind, left, left_columns, types, operation),
                                       branch_as(bind, right, right_columns, types, operation));
    node->column_count = count;
    node->columns = sql_alloc_zero(context, count + 1, sizeof(*node->columns));
    for (uint32_t i = 0; i < count; i++) {
        node->columns[i] = (struct plan_column){.name = left->columns[i].name, .type = types[i]};
        if (!select->all || select->op != PG_QUERY__SET_OPERATION__SETOP_UNION) {
            struct expr column = {.type = types[i], .position = left_columns[i]->position};
            bind_check_equality(bind, &column);
        }
    }
    if (select->op == PG_QUERY__SET_OPERATION__SETOP_UNION) {
        return select->all ? node : bind_plan(bind, PLAN_DISTINCT, node, NULL);
    }
    node->set_operation = select->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? PLAN_SET_INTERSECT : PLAN_SET_EXCEPT;
    node->set_all = select->all;
    return node;
}
