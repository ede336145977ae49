/*
 * Parse tree of an expression -> bound expression: constants, operators of special grammar, CASE and its kin.
 *
 * One function per kind of parse node; calls of functions and operators are in call.c, names in from.c. What the
 * grammar knows and we do not build ends in bind_expression()'s default: refused by name, at its place.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* --- building blocks --- */

struct expr *bind_expr_new(struct bind *bind, enum expr_kind kind, struct type type, uint32_t argument_count,
                           uint32_t position) {
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = kind;
    expr->type = type;
    expr->position = position;
    expr->argument_count = argument_count;
    if (argument_count > 0) {
        expr->arguments = sql_alloc_zero(bind->context, argument_count, sizeof(*expr->arguments));
    }
    return expr;
}

static const struct expr *bind_boolean(const struct bind_scope *scope, const struct expr *expr, const char *clause) {
    struct bind *bind = scope->bind;
    const struct expr *boolean = bind_can_coerce(expr->type.id, TYPE_BOOL, SQL_CAST_ASSIGNMENT)
                                     ? bind_coerce(bind, expr, type_make(TYPE_BOOL), SQL_CAST_ASSIGNMENT, 0)
                                     : NULL;
    if (boolean == NULL) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, expr->position,
                  "argument of %s must be type boolean, not type %s", clause, bind_type_text(bind, expr->type));
    }
    return boolean;
}

const struct expr *bind_condition(const struct bind_scope *scope, const PgQuery__Node *node, const char *clause) {
    return bind_boolean(scope, bind_expression(scope, node), clause);
}

/*
 * A number that is more than an INT4, as PostgreSQL's make_const() reads it: an integer of the least type that holds it
 * (the grammar has put a sign before it, so that -2147483648 is an INT4), else NUMERIC. What NUMERIC cannot hold is its
 * text, cast: a coercion to another type takes the text, and nothing else has a value of it.
 */
static const struct expr *bind_long_number(struct bind *bind, const char *written, uint32_t position) {
    struct slice text = slice_text(written);
    struct expr *expr = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_UNKNOWN), 0, position);
    int64_t integer;
    struct decimal decimal;
    if (strpbrk(written, ".eE") == NULL && value_parse_integer(TYPE_INT8, text, &integer, NULL) == KMB_OK) {
        bool small = integer >= INT32_MIN && integer <= INT32_MAX;
        expr->value = value_integer(small ? TYPE_INT4 : TYPE_INT8, integer);
    } else if (decimal_parse(text, &decimal, NULL) == KMB_OK) {
        expr->value = value_decimal(decimal);
    } else {
        expr->value = value_bytes(TYPE_TEXT, text);
        expr->type = type_make(TYPE_TEXT);
        return bind_unheld(bind, expr);
    }
    expr->type = type_make(expr->value.type);
    return expr;
}

static const struct expr *bind_constant(const struct bind_scope *scope, const PgQuery__AConst *constant) {
    struct bind *bind = scope->bind;
    struct sql_context *context = bind->context;
    struct expr *expr =
        bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_UNKNOWN), 0, bind_location(constant->location));
    if (constant->isnull) {
        expr->value = value_null(TYPE_UNKNOWN);
        return expr;
    }
    switch ((int)constant->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        expr->value = value_integer(TYPE_INT4, constant->ival->ival);
        break;
    case PG_QUERY__A__CONST__VAL_FVAL:
        return bind_long_number(bind, constant->fval->fval, expr->position);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        expr->value = value_bool(constant->boolval->boolval);
        break;
    case PG_QUERY__A__CONST__VAL_SVAL:
        expr->value = value_bytes(TYPE_UNKNOWN, slice_text(constant->sval->sval));
        break;
    case PG_QUERY__A__CONST__VAL_BSVAL:
        sql_raise_unsupported(context, expr->position, "a bit string literal");
    default:
        UNREACHABLE("a constant of no kind");
    }
    expr->type = type_make(expr->value.type);
    return expr;
}

static const struct expr *bind_parameter(const struct bind_scope *scope, const PgQuery__ParamRef *reference) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(reference->location);
    if (scope->place >= BIND_CHECK && scope->place <= BIND_PREDICATE) { /* kept as a text */
        sql_raise(bind->context, KMB_UNDEFINED_PARAMETER, position, "there is no parameter $%d", reference->number);
    }
    if (reference->number < 1 || reference->number > BIND_PARAMETERS_MAX) {
        sql_raise(bind->context, KMB_UNDEFINED_PARAMETER, position, "there is no parameter $%d", reference->number);
    }
    uint32_t number = (uint32_t)reference->number;
    if (bind->parameter_capacity < number) {
        uint32_t capacity = 2 * number + 6; /* twice each time: the arena keeps all that were outgrown */
        struct type *grown = sql_alloc_zero(bind->context, capacity, sizeof(*grown));
        for (uint32_t i = 0; i < capacity; i++) {
            grown[i] = i < bind->parameter_count ? bind->parameter_types[i] : type_make(TYPE_UNKNOWN);
        }
        bind->parameter_types = grown;
        bind->parameter_capacity = capacity;
    }
    if (bind->parameter_count < number) {
        bind->parameter_count = number;
    }
    struct expr *expr = bind_expr_new(bind, EXPR_PARAMETER, bind->parameter_types[number - 1], 0, position);
    expr->column = number - 1;
    return expr;
}

/* --- Boolean tests --- */

static const struct expr *bind_bool_expr(const struct bind_scope *scope, const PgQuery__BoolExpr *node) {
    struct bind *bind = scope->bind;
    enum expr_kind kind = EXPR_NOT;
    const char *clause = "NOT";
    if (node->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) {
        kind = EXPR_AND;
        clause = "AND";
    } else if (node->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR) {
        kind = EXPR_OR;
        clause = "OR";
    }
    struct expr *expr =
        bind_expr_new(bind, kind, type_make(TYPE_BOOL), (uint32_t)node->n_args, bind_location(node->location));
    for (size_t i = 0; i < node->n_args; i++) {
        expr->arguments[i] = bind_condition(scope, node->args[i], clause);
    }
    return expr;
}

static const struct expr *bind_null_test(const struct bind_scope *scope, const PgQuery__NullTest *node) {
    struct bind *bind = scope->bind;
    if (bind_is_row(node->arg)) {
        return bind_row_null_test(scope, node->arg->row_expr,
                                  node->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL,
                                  bind_location(node->location));
    }
    const struct expr *value = bind_resolve_unknown(bind, bind_expression(scope, node->arg));
    if (bind_is_record(value)) {
        return bind_record_null_test(bind, value, node->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL);
    }
    struct expr *expr = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, bind_location(node->location));
    expr->negated = node->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
    expr->arguments[0] = value;
    return expr;
}

static const struct expr *bind_boolean_test(const struct bind_scope *scope, const PgQuery__BooleanTest *node) {
    static const char *const names[] = {"",           "IS TRUE",       "IS NOT TRUE", "IS FALSE", "IS NOT FALSE",
                                        "IS UNKNOWN", "IS NOT UNKNOWN"};
    struct bind *bind = scope->bind;
    struct expr *expr = bind_expr_new(bind, EXPR_IS_TRUTH, type_make(TYPE_BOOL), 1, bind_location(node->location));
    size_t test = (size_t)node->booltesttype;
    ASSERT(test >= 1 && test < ARRAY_LENGTH(names));
    expr->arguments[0] = bind_condition(scope, node->arg, names[test]);
    expr->truth = (enum expr_truth)((test - 1) / 2);
    expr->negated = test % 2 == 0;
    return expr;
}

/* --- CASE, COALESCE, GREATEST --- */

/* Brings arguments[first], first + step, ... to one type. */
static struct type bind_unify(struct bind *bind, struct expr *expr, uint32_t first, uint32_t step,
                              const char *construct) {
    uint32_t count = 0;
    const struct expr **list = sql_alloc(bind->context, (expr->argument_count + 1) * sizeof(*list));
    for (uint32_t i = first; i < expr->argument_count; i += step) {
        list[count++] = expr->arguments[i];
    }
    struct type type = bind_common_type(bind, list, count, construct);
    for (uint32_t i = first; i < expr->argument_count; i += step) {
        expr->arguments[i] = bind_to_common(bind, expr->arguments[i], type, construct);
    }
    return type;
}

static const struct expr *bind_case(const struct bind_scope *around, const PgQuery__CaseExpr *node) {
    const struct bind_scope inner = bind_without_sets(around, "CASE");
    const struct bind_scope *scope = &inner;
    struct bind *bind = scope->bind;
    uint32_t pairs = (uint32_t)node->n_args;
    uint32_t position = bind_location(node->location);
    struct expr *expr = bind_expr_new(bind, EXPR_CASE, type_make(TYPE_UNKNOWN), pairs * 2 + 1, position);
    const struct expr *operand =
        node->arg == NULL ? NULL : bind_resolve_unknown(bind, bind_expression(scope, node->arg));
    for (uint32_t i = 0; i < pairs; i++) {
        ASSERT(node->args[i]->node_case == PG_QUERY__NODE__NODE_CASE_WHEN);
        const PgQuery__CaseWhen *when = node->args[i]->case_when;
        if (operand != NULL) {
            const struct expr *value = bind_expression(scope, when->expr);
            expr->arguments[i * 2] = bind_operator(bind, "=", operand, value, bind_location(when->location));
        } else {
            expr->arguments[i * 2] = bind_condition(scope, when->expr, "CASE/WHEN");
        }
        expr->arguments[i * 2 + 1] = bind_expression(scope, when->result);
    }
    if (node->defresult != NULL) {
        expr->arguments[pairs * 2] = bind_expression(scope, node->defresult);
    } else {
        struct expr *null = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_UNKNOWN), 0, position);
        null->value = value_null(TYPE_UNKNOWN);
        expr->arguments[pairs * 2] = null;
    }
    /* PostgreSQL looks at ELSE first: it decides the type in case of doubt. */
    const struct expr **list = sql_alloc(bind->context, (pairs + 1) * sizeof(*list));
    list[0] = expr->arguments[pairs * 2];
    for (uint32_t i = 0; i < pairs; i++) {
        list[i + 1] = expr->arguments[i * 2 + 1];
    }
    expr->type = bind_common_type(bind, list, pairs + 1, "CASE");
    for (uint32_t i = 0; i <= pairs; i++) {
        uint32_t at = i == pairs ? pairs * 2 : i * 2 + 1;
        expr->arguments[at] =
            bind_to_common(bind, expr->arguments[at], expr->type, i == pairs ? "CASE/ELSE" : "CASE/WHEN");
    }
    return expr;
}

static const struct expr *bind_choice(const struct bind_scope *around, enum expr_kind kind, PgQuery__Node *const *nodes,
                                      size_t count, bool negated, const char *construct, uint32_t position) {
    const struct bind_scope inner = bind_without_sets(around, construct);
    const struct bind_scope *scope = &inner;
    struct bind *bind = scope->bind;
    struct expr *expr = bind_expr_new(bind, kind, type_make(TYPE_UNKNOWN), (uint32_t)count, position);
    expr->negated = negated;
    for (size_t i = 0; i < count; i++) {
        expr->arguments[i] = bind_expression(scope, nodes[i]);
    }
    expr->type = bind_unify(bind, expr, 0, 1, construct);
    for (size_t i = 0; i < count && kind == EXPR_EXTREME; i++) {
        if (bind_is_record(expr->arguments[i])) {
            sql_raise_unsupported(bind->context, position, "%s of rows", construct);
        }
    }
    if (kind == EXPR_EXTREME && sql_comparison_find("<", expr->type.id) == NULL) {
        sql_raise(bind->context, KMB_UNDEFINED_FUNCTION, position,
                  "could not identify a comparison function for type %s", bind_type_text(bind, expr->type));
    }
    return expr;
}

/* --- A_Expr: operators and their special forms --- */

/* Where PostgreSQL compares two types by an operator of both, NULLIF keeps the first operand as it is; ours was cast.
 */
static bool nullif_keeps_type(const struct expr *left, const struct expr *right) {
    enum type_id a = left->type.id;
    enum type_id b = right->type.id;
    bool integers = type_is_integer(a) && type_is_integer(b);
    bool reals = (a == TYPE_FLOAT4 || a == TYPE_FLOAT8) && (b == TYPE_FLOAT4 || b == TYPE_FLOAT8);
    bool times = (a == TYPE_DATE || a == TYPE_TIMESTAMP || a == TYPE_TIMESTAMPTZ) &&
                 (b == TYPE_DATE || b == TYPE_TIMESTAMP || b == TYPE_TIMESTAMPTZ);
    return a != b && (integers || reals || times);
}

static const struct expr *bind_nullif_case(struct bind *bind, const struct expr *equal, const struct expr *left,
                                           uint32_t position) {
    struct expr *null = bind_expr_new(bind, EXPR_CONSTANT, left->type, 0, position);
    null->value = value_null(left->type.id);
    struct expr *expr = bind_expr_new(bind, EXPR_CASE, left->type, 3, position);
    expr->arguments[0] = equal;
    expr->arguments[1] = null;
    expr->arguments[2] = left;
    return expr;
}

/* Takes over the function and the coerced operands of a call of =. */
static struct expr *bind_as_equality(struct bind *bind, enum expr_kind kind, const struct expr *equal) {
    ASSERT(equal->kind == EXPR_CALL && equal->argument_count == 2);
    struct expr *expr = bind_expr_new(bind, kind, type_make(TYPE_BOOL), 2, equal->position);
    expr->function = equal->function;
    expr->arguments[0] = equal->arguments[0];
    expr->arguments[1] = equal->arguments[1];
    return expr;
}

const struct expr *bind_distinct(struct bind *bind, const struct expr *left, const struct expr *right, bool negated,
                                 uint32_t position) {
    if (bind_is_record(left) && bind_is_record(right)) {
        return bind_record_distinct(bind, left, right, negated, position);
    }
    struct expr *expr = bind_as_equality(bind, EXPR_DISTINCT, bind_operator(bind, "=", left, right, position));
    expr->negated = negated;
    return expr;
}

static const struct expr *bind_is_distinct(const struct bind_scope *scope, const PgQuery__AExpr *node, bool negated) {
    uint32_t position = bind_location(node->location);
    if (bind_is_row(node->lexpr) || bind_is_row(node->rexpr)) {
        return bind_row_distinct(scope, node->lexpr, node->rexpr, negated, position);
    }
    const struct expr *left = bind_expression(scope, node->lexpr);
    return bind_distinct(scope->bind, left, bind_expression(scope, node->rexpr), negated, position);
}

static const struct expr *bind_nullif(const struct bind_scope *scope, const PgQuery__AExpr *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    const struct expr *left = bind_expression(scope, node->lexpr);
    const struct expr *right = bind_expression(scope, node->rexpr);
    if (bind_is_record(left) || bind_is_record(right)) {
        sql_raise_unsupported(bind->context, position, "NULLIF of rows");
    }
    const struct expr *equal = bind_operator(bind, "=", left, right, position);
    if (nullif_keeps_type(left, right)) {
        return bind_nullif_case(bind, equal, left, position);
    }
    struct expr *expr = bind_as_equality(bind, EXPR_NULLIF, equal);
    expr->type = equal->arguments[0]->type;
    return expr;
}

static const struct expr *bind_in(const struct bind_scope *scope, const PgQuery__AExpr *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    bool negated = strcmp(bind_string(node->name[0]), "<>") == 0;
    if (node->rexpr->node_case != PG_QUERY__NODE__NODE_LIST) {
        sql_raise_unsupported(bind->context, position, "IN over %s", parse_node_name(node->rexpr));
    }
    const PgQuery__List *list = node->rexpr->list;
    uint32_t count = (uint32_t)list->n_items;
    if (bind_is_row(node->lexpr)) {
        return bind_row_in(scope, node->lexpr->row_expr, list, negated, position);
    }
    const struct expr **operands = sql_alloc(bind->context, (count + 1) * sizeof(*operands));
    operands[0] = bind_expression(scope, node->lexpr);
    for (uint32_t i = 0; i < count; i++) {
        operands[i + 1] = bind_expression(scope, list->items[i]);
    }
    /* One type for all when there is one (PostgreSQL then uses an array), else one comparison each. */
    bool one_type = !bind_is_record(operands[0]);
    enum type_category category = TYPE_CATEGORY_UNKNOWN;
    for (uint32_t i = 0; i <= count; i++) {
        enum type_category own = type_category_of(operands[i]->type.id);
        if (operands[i]->type.id != TYPE_UNKNOWN) {
            one_type = one_type && (category == TYPE_CATEGORY_UNKNOWN || category == own);
            category = own;
        }
    }
    struct type type = one_type ? bind_common_type(bind, operands, count + 1, "IN") : type_make(TYPE_UNKNOWN);
    /* varchar has no operators of its own; dates and timestamps compare through their own operators */
    const struct sql_function *equal = one_type ? sql_comparison_find("=", type.id) : NULL;
    if (equal != NULL) {
        for (uint32_t i = 0; i <= count && equal != NULL; i++) {
            if (!bind_can_coerce(operands[i]->type.id, type.id, SQL_CAST_IMPLICIT)) {
                equal = NULL;
            }
        }
    }
    if (equal != NULL) {
        struct expr *expr = bind_expr_new(bind, EXPR_IN_LIST, type_make(TYPE_BOOL), count + 1, position);
        expr->function = equal;
        expr->negated = negated;
        for (uint32_t i = 0; i <= count; i++) {
            expr->arguments[i] = bind_to_common(bind, operands[i], type, "IN");
        }
        return expr;
    }
    struct expr *expr = bind_expr_new(bind, negated ? EXPR_AND : EXPR_OR, type_make(TYPE_BOOL), count, position);
    for (uint32_t i = 0; i < count; i++) {
        expr->arguments[i] = bind_operator(bind, negated ? "<>" : "=", operands[0], operands[i + 1], position);
    }
    return count == 1 ? expr->arguments[0] : expr;
}

static const struct expr *bind_pair(struct bind *bind, enum expr_kind kind, const struct expr *left,
                                    const struct expr *right, uint32_t position) {
    struct expr *expr = bind_expr_new(bind, kind, type_make(TYPE_BOOL), 2, position);
    expr->arguments[0] = left;
    expr->arguments[1] = right;
    return expr;
}

static const struct expr *bind_between(const struct bind_scope *scope, const PgQuery__AExpr *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    ASSERT(node->rexpr->node_case == PG_QUERY__NODE__NODE_LIST && node->rexpr->list->n_items == 2);
    const struct expr *value = bind_expression(scope, node->lexpr);
    bool negated = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                   node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    bool symmetric = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                     node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    const char *above = negated ? "<" : ">=";
    const char *below = negated ? ">" : "<=";
    enum expr_kind inner = negated ? EXPR_OR : EXPR_AND;
    /* One comparison after the other: the first may tell the type of a parameter that the second has too. */
    const struct expr *low = bind_expression(scope, node->rexpr->list->items[0]);
    const struct expr *first = bind_operator(bind, above, value, low, position);
    const struct expr *high = bind_expression(scope, node->rexpr->list->items[1]);
    const struct expr *second = bind_operator(bind, below, value, high, position);
    const struct expr *straight = bind_pair(bind, inner, first, second, position);
    if (!symmetric) {
        return straight;
    }
    const struct expr *crossed = bind_pair(bind, inner, bind_operator(bind, above, value, high, position),
                                           bind_operator(bind, below, value, low, position), position);
    return bind_pair(bind, negated ? EXPR_AND : EXPR_OR, straight, crossed, position);
}

/* LIKE and ILIKE come as operators ~~ and so on; ESCAPE as a call of like_escape around the pattern. */
static const struct expr *bind_a_expr(const struct bind_scope *scope, const PgQuery__AExpr *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    ASSERT(node->n_name > 0);
    const char *name = bind_string(node->name[node->n_name - 1]);
    if (node->n_name > 1 && (node->n_name > 2 || strcmp(bind_string(node->name[0]), "pg_catalog") != 0)) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, position, "schema \"%s\" does not exist",
                  bind_string(node->name[0]));
    }
    switch ((int)node->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        if (bind_is_row(node->lexpr) || bind_is_row(node->rexpr)) {
            return bind_row_comparison(scope, name, node->lexpr, node->rexpr, position);
        }
        return bind_operator(bind, name, node->lexpr == NULL ? NULL : bind_expression(scope, node->lexpr),
                             bind_expression(scope, node->rexpr), position);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
        return bind_is_distinct(scope, node, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        return bind_is_distinct(scope, node, true);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return bind_nullif(scope, node);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        return bind_in(scope, node);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        return bind_between(scope, node);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
        return bind_any_array(scope, node, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
        return bind_any_array(scope, node, true);
    default:
        UNREACHABLE("an operator expression of no kind");
    }
}

/* --- CURRENT_DATE and its kin --- */

static const struct expr *bind_value_function(const struct bind_scope *scope, const PgQuery__SQLValueFunction *node) {
    struct bind *bind = scope->bind;
    uint32_t position = bind_location(node->location);
    struct type type = type_make(TYPE_TIMESTAMPTZ);
    int32_t modifier = -1;
    switch ((int)node->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
        type = type_make(TYPE_DATE);
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
        modifier = node->typmod;
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
        modifier = node->typmod;
        type = type_make(TYPE_TIMESTAMP);
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
        type = type_make(TYPE_TIMESTAMP);
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N:
        modifier = node->typmod;
        type = type_make(TYPE_TIME);
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
        type = type_make(TYPE_TIME);
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
        return bind_named_call(bind, "current_user", NULL, 0, position); /* no constant: plans serve many users */
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA: {
        struct expr *expr = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_TEXT), 0, position);
        if (node->op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA) {
            return bind_named_call(bind, "current_schema", NULL, 0, position);
        }
        expr->value = value_text(slice_text(sql_database(bind->context)));
        return expr;
    }
    default:
        sql_raise_unsupported(bind->context, position, "CURRENT_TIME (type time with time zone)");
    }
    type.modifier = modifier > 6 ? 6 : modifier;
    const struct expr *now = bind_named_call(bind, "now", NULL, 0, position);
    return bind_cast(bind, now, type, position);
}

/* Of 's'::regclass that is kept, the relation's full name: it must mean the same under any search_path. */
static void spell_regclass(struct bind *bind, const PgQuery__TypeCast *node) {
    const PgQuery__TypeName *type = node->type_name;
    struct sql_relation found;
    bool such = bind->spell_names && type->n_names > 0 && type->n_array_bounds == 0 &&
                strcmp(bind_string(type->names[type->n_names - 1]), "regclass") == 0 &&
                node->arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                node->arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL && !node->arg->a_const->isnull;
    if (such) {
        const char *schema = NULL;
        const char *name = NULL;
        parse_relation_name(bind->context, slice_text(node->arg->a_const->sval->sval), &schema, &name);
        if (sql_path_find(bind_path(bind), bind_present(bind), schema, name, &found)) {
            node->arg->a_const->sval->sval = sql_printf(
                bind->context, "%s", sql_qualified(bind->context, found.table->schema_name, sql_relation_name(&found)));
        }
    }
}

static const struct expr *bind_type_cast(const struct bind_scope *scope, const PgQuery__TypeCast *node) {
    spell_regclass(scope->bind, node);
    struct type type = bind_type_name(scope->bind, node->type_name);
    bool array = node->arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && type_is_array(type.id);
    const struct expr *argument =
        array ? bind_array(scope, node->arg->a_array_expr, &type) : bind_expression(scope, node->arg);
    uint32_t position = bind_location(node->location);
    if (bind_is_record(argument)) {
        if (!type_is_string(type.id)) {
            sql_raise(scope->bind->context, KMB_CANNOT_COERCE, position, "cannot cast type record to %s",
                      bind_type_text(scope->bind, type));
        }
        argument = bind_record_as_text(scope->bind, argument);
    }
    return bind_cast(scope->bind, argument, type, position == 0 ? argument->position : position);
}

void bind_check_collation(struct bind *bind, const PgQuery__CollateClause *node, struct type type) {
    const char *name = bind_string(node->collname[node->n_collname - 1]);
    uint32_t position = bind_location(node->location);
    bool named =
        node->n_collname == 1 || (node->n_collname == 2 && strcmp(bind_string(node->collname[0]), "pg_catalog") == 0);
    if (!named || (strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0 && strcmp(name, "default") != 0 &&
                   strcmp(name, "ucs_basic") != 0)) {
        sql_raise_unsupported(bind->context, position, "collation \"%s%s%s\"",
                              named ? "" : bind_string(node->collname[0]), named ? "" : ".", name);
    }
    if (!type_is_string(type.id)) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position, "collations are not supported by type %s",
                  bind_type_text(bind, type));
    }
}

static const struct expr *bind_collate(const struct bind_scope *scope, const PgQuery__CollateClause *node) {
    const struct expr *argument = bind_resolve_unknown(scope->bind, bind_expression(scope, node->arg));
    bind_check_collation(scope->bind, node, argument->type);
    return argument;
}

const struct expr *bind_expression(const struct bind_scope *scope, const PgQuery__Node *node) {
    struct bind *bind = scope->bind;
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return bind_constant(scope, node->a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return bind_column_ref(scope, node->column_ref);
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return bind_parameter(scope, node->param_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return bind_a_expr(scope, node->a_expr);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return bind_bool_expr(scope, node->bool_expr);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return bind_function_call(scope, node->func_call);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return bind_type_cast(scope, node->type_cast);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return bind_case(scope, node->case_expr);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return bind_choice(scope, EXPR_COALESCE, node->coalesce_expr->args, node->coalesce_expr->n_args, false,
                           "COALESCE", bind_location(node->coalesce_expr->location));
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
        bool least = node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_LEAST;
        return bind_choice(scope, EXPR_EXTREME, node->min_max_expr->args, node->min_max_expr->n_args, least,
                           least ? "LEAST" : "GREATEST", bind_location(node->min_max_expr->location));
    }
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return bind_null_test(scope, node->null_test);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return bind_boolean_test(scope, node->boolean_test);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return bind_value_function(scope, node->sqlvalue_function);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return bind_collate(scope, node->collate_clause);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return bind_sub_link(scope, node->sub_link);
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        sql_raise(bind->context, KMB_SYNTAX, bind_node_position(node), "DEFAULT is not allowed in this context");
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return bind_row_value(scope, node->row_expr);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return bind_array(scope, node->a_array_expr, NULL);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return bind_indirection(scope, node->a_indirection);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return bind_grouping(scope, node->grouping_func);
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
        sql_raise_unsupported(bind->context, bind_node_position(node), "XML");
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
        sql_raise_unsupported(bind->context, bind->tokens->current_of, "WHERE CURRENT OF");
    default:
        sql_raise_unsupported(bind->context, bind_node_position(node), "expression %s", parse_node_name(node));
    }
}
