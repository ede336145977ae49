/*
 * Where a parse node stands and what PostgreSQL calls it: positions for errors, names for output columns.
 *
 * A position is that of the construct's first token, as PostgreSQL's exprLocation() gives it. The name of an output
 * column without an alias follows FigureColname(): a column's or function's own name, else that of a cast's type or of
 * CASE, else "?column?".
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

uint32_t bind_location(int32_t location) {
    return location < 0 ? 0 : (uint32_t)location + 1;
}

const char *bind_string(const PgQuery__Node *node) {
    ASSERT(node->node_case == PG_QUERY__NODE__NODE_STRING);
    return node->string->sval;
}

const char *bind_place_name(enum bind_place place) {
    static const char *const names[] = {
        [BIND_SELECT] = "SELECT",
        [BIND_FROM] = "FROM clause of their own query level",
        [BIND_WHERE] = "WHERE",
        [BIND_ON] = "JOIN conditions",
        [BIND_GROUP] = "GROUP BY",
        [BIND_HAVING] = "HAVING",
        [BIND_ORDER] = "ORDER BY",
        [BIND_LIMIT] = "LIMIT",
        [BIND_OFFSET] = "OFFSET",
        [BIND_VALUES] = "VALUES",
        [BIND_SET] = "UPDATE",
        [BIND_MERGE_WHEN] = "MERGE WHEN conditions",
        [BIND_COPY_WHERE] = "COPY FROM WHERE conditions",
        [BIND_EXECUTE] = "EXECUTE parameters",
        [BIND_RETURNING] = "RETURNING",
        [BIND_CHECK] = "check constraints",
        [BIND_DEFAULT] = "DEFAULT expressions",
        [BIND_GENERATED] = "column generation expressions",
        [BIND_TRANSFORM] = "transform expressions",
        [BIND_INDEX] = "index expressions",
        [BIND_PREDICATE] = "index predicates",
        [BIND_AGGREGATE] = "aggregate arguments",
        [BIND_FILTER] = "FILTER",
        [BIND_FUNCTION] = "functions in FROM",
        [BIND_WINDOW_ARGUMENT] = "window function arguments",
        [BIND_WINDOW] = "window definitions",
        [BIND_FRAME_RANGE] = "window RANGE",
        [BIND_FRAME_ROWS] = "window ROWS",
        [BIND_FRAME_GROUPS] = "window GROUPS",
    };
    return names[place];
}

uint32_t bind_node_position(const PgQuery__Node *node) {
    if (node == NULL) {
        return 0;
    }
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return bind_location(node->a_const->location);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return bind_location(node->column_ref->location);
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return bind_location(node->param_ref->location);
    case PG_QUERY__NODE__NODE_A_EXPR: /* of its first token: PostgreSQL's exprLocation() */
        if (node->a_expr->lexpr != NULL) {
            uint32_t left = bind_node_position(node->a_expr->lexpr);
            uint32_t own = bind_location(node->a_expr->location);
            return left != 0 && left < own ? left : own;
        }
        return bind_location(node->a_expr->location);
    case PG_QUERY__NODE__NODE_BOOL_EXPR: {
        uint32_t own = bind_location(node->bool_expr->location);
        uint32_t first = node->bool_expr->n_args > 0 ? bind_node_position(node->bool_expr->args[0]) : 0;
        return first != 0 && first < own ? first : own;
    }
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return bind_location(node->func_call->location);
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
        uint32_t own = bind_location(node->type_cast->location);
        uint32_t argument = bind_node_position(node->type_cast->arg);
        return argument != 0 && (own == 0 || argument < own) ? argument : own;
    }
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return bind_location(node->case_expr->location);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return bind_location(node->coalesce_expr->location);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return bind_location(node->min_max_expr->location);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return bind_location(node->sub_link->location);
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return bind_location(node->null_test->location);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return bind_location(node->boolean_test->location);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return bind_location(node->sqlvalue_function->location);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return bind_location(node->collate_clause->location);
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        return bind_location(node->set_to_default->location);
    case PG_QUERY__NODE__NODE_RES_TARGET:
        return bind_location(node->res_target->location);
    case PG_QUERY__NODE__NODE_SORT_BY:
        return bind_node_position(node->sort_by->node);
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        return bind_location(node->range_var->location);
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return bind_location(node->row_expr->location);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return bind_location(node->a_array_expr->location);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return bind_node_position(node->a_indirection->arg);
    case PG_QUERY__NODE__NODE_WINDOW_DEF:
        return bind_location(node->window_def->location);
    case PG_QUERY__NODE__NODE_GROUPING_SET:
        return bind_location(node->grouping_set->location);
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return bind_location(node->type_name->location);
    case PG_QUERY__NODE__NODE_DEF_ELEM:
        return bind_location(node->def_elem->location);
    case PG_QUERY__NODE__NODE_CONSTRAINT:
        return bind_location(node->constraint->location);
    case PG_QUERY__NODE__NODE_COLUMN_DEF:
        return bind_location(node->column_def->location);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
        return bind_location(node->range_table_func->location);
    case PG_QUERY__NODE__NODE_XML_EXPR:
        return bind_location(node->xml_expr->location);
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
        return bind_location(node->xml_serialize->location);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return bind_location(node->grouping_func->location);
    case PG_QUERY__NODE__NODE_LIST:
        return node->list->n_items > 0 ? bind_node_position(node->list->items[0]) : 0;
    default:
        return 0;
    }
}

/* --- output names: FigureColname() of PostgreSQL; strength 0 none, 1 a type's or CASE's, 2 a real one --- */

static int name_strength(struct sql_context *context, const PgQuery__Node *node, const char **name);

static int sub_link_strength(const PgQuery__SubLink *node, const char **name) {
    switch ((int)node->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        *name = "exists";
        return 2;
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        *name = "array";
        return 2;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: { /* named as its one column is */
        const PgQuery__SelectStmt *select = node->subselect->select_stmt;
        while (select->larg != NULL) {
            select = select->larg;
        }
        if (select->n_target_list == 0) {
            *name = "column1";
            return select->n_values_lists > 0 ? 2 : 0;
        }
        const PgQuery__ResTarget *target = select->target_list[0]->res_target;
        if (target->name != NULL && target->name[0] != 0) {
            *name = target->name;
            return 2;
        }
        return name_strength(NULL, target->val, name);
    }
    default:
        return 0;
    }
}

static int name_strength(struct sql_context *context, const PgQuery__Node *node, const char **name) {
    if (node == NULL) {
        return 0;
    }
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        for (size_t i = node->column_ref->n_fields; i > 0; i--) {
            if (node->column_ref->fields[i - 1]->node_case == PG_QUERY__NODE__NODE_STRING) {
                *name = bind_string(node->column_ref->fields[i - 1]);
                return 2;
            }
        }
        return 0;
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        *name = "grouping";
        return 2;
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        *name = bind_string(node->func_call->funcname[node->func_call->n_funcname - 1]);
        return 2;
    case PG_QUERY__NODE__NODE_A_EXPR:
        if (node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF) {
            *name = "nullif";
            return 2;
        }
        return 0;
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
        int strength = name_strength(context, node->type_cast->arg, name);
        if (strength <= 1 && node->type_cast->type_name != NULL) {
            const PgQuery__TypeName *type = node->type_cast->type_name;
            *name = bind_string(type->names[type->n_names - 1]);
            return 1;
        }
        return strength;
    }
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return name_strength(context, node->collate_clause->arg, name);
    case PG_QUERY__NODE__NODE_CASE_EXPR: {
        int strength = name_strength(context, node->case_expr->defresult, name);
        if (strength <= 1) {
            *name = "case";
            return 1;
        }
        return strength;
    }
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        *name = "coalesce";
        return 2;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        *name = "array";
        return 2;
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        *name = "row";
        return 2;
    case PG_QUERY__NODE__NODE_A_INDIRECTION: /* a[1] is called a, r.f is called f */
        for (size_t i = node->a_indirection->n_indirection; i > 0; i--) {
            if (node->a_indirection->indirection[i - 1]->node_case == PG_QUERY__NODE__NODE_STRING) {
                *name = bind_string(node->a_indirection->indirection[i - 1]);
                return 2;
            }
        }
        return name_strength(context, node->a_indirection->arg, name);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return sub_link_strength(node->sub_link, name);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        *name = node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
        return 2;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: {
        static const char *const names[] = {
            "?column?",  "current_date", "current_time",    "current_time",   "current_timestamp", "current_timestamp",
            "localtime", "localtime",    "localtimestamp",  "localtimestamp", "current_role",      "current_user",
            "user",      "session_user", "current_catalog", "current_schema"};
        size_t op = (size_t)node->sqlvalue_function->op;
        *name = op < ARRAY_LENGTH(names) ? names[op] : "?column?";
        return 2;
    }
    default:
        return 0;
    }
}

const char *bind_column_name(struct sql_context *context, const PgQuery__Node *node) {
    const char *name = "?column?";
    (void)name_strength(context, node, &name);
    return name;
}
