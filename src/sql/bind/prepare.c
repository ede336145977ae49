/*
 * PREPARE, EXECUTE, DEALLOCATE.
 *
 * PREPARE binds its query to find what is wrong with it and which types its parameters have, and keeps the text alone.
 * EXECUTE binds that text anew, so it fits the catalogue of the moment, and hands its arguments over as the parameters:
 * the plan is the query's own, the statement behaves as the query would. Positions in the text of PREPARE mean nothing
 * in that of EXECUTE: they are left out.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/prepared.h"

/* The parameters that $n means. */
struct parameters {
    struct type *types;
    uint32_t count;
    uint32_t capacity;
};

/* Puts others in their place; answers those before. */
static struct parameters exchange(struct bind *bind, struct parameters with) {
    struct parameters before = {bind->parameter_types, bind->parameter_count, bind->parameter_capacity};
    bind->parameter_types = with.types;
    bind->parameter_count = with.count;
    bind->parameter_capacity = with.capacity;
    return before;
}

static struct sql_prepared_list *list_of(struct bind *bind) {
    if (bind->host->prepared == NULL) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "PREPARE outside a session");
    }
    return bind->host->prepared;
}

void bind_prepare(struct bind *bind, const PgQuery__PrepareStmt *node, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    (void)list_of(bind);
    struct parameters own = {.count = (uint32_t)node->n_argtypes, .capacity = (uint32_t)node->n_argtypes};
    own.types = sql_alloc_zero(context, node->n_argtypes + 1, sizeof(*own.types));
    for (size_t i = 0; i < node->n_argtypes; i++) {
        own.types[i] = bind_type_name(bind, node->argtypes[i]->type_name);
    }
    struct plan_statement query = {0};
    struct parameters outer = exchange(bind, own);
    bind_dispatch(bind, node->query, &query);
    bind_moments(bind, query.root);
    bind_check_parameters(bind);
    own = exchange(bind, outer);
    bind->time_dependent = false; /* the text is kept, not the plan */
    bind->at_parameter = false;
    bind->write_count = 0;
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    struct sql_prepared *prepared = sql_alloc_zero(context, 1, sizeof(*prepared));
    *prepared = (struct sql_prepared){.name = slice_text(node->name),
                                      .from_sql = true,
                                      .time_us = context->now_us,
                                      .text = (char *)(uintptr_t)context->text,
                                      .text_length = context->text_length,
                                      .types = own.types,
                                      .type_count = own.count};
    ddl->kind = DDL_PREPARE;
    ddl->prepared = prepared;
    ddl->deep = bind->tokens->chain > TOKENS_CHAIN_SHALLOW;
    statement->kind = STATEMENT_SETTING;
    statement->tag = "PREPARE";
    statement->ddl = ddl;
}

void bind_deallocate(struct bind *bind, const PgQuery__DeallocateStmt *node, struct plan_statement *statement) {
    (void)list_of(bind);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    bool all = node->name == NULL || node->name[0] == 0;
    ddl->kind = DDL_DEALLOCATE;
    ddl->value = all ? NULL : node->name;
    statement->kind = STATEMENT_SETTING;
    statement->tag = all ? "DEALLOCATE ALL" : "DEALLOCATE";
    statement->ddl = ddl;
}

/* --- EXECUTE --- */

static void execute_arguments(struct bind *bind, const PgQuery__ExecuteStmt *node, const struct sql_prepared *prepared,
                              struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    if (node->n_params != prepared->type_count) {
        sql_raise_with(context, KMB_SYNTAX, 0,
                       sql_printf(context, "Expected %u parameters but got %zu.", prepared->type_count, node->n_params),
                       NULL, "wrong number of parameters for prepared statement \"%s\"", node->name);
    }
    struct bind_scope place = {.bind = bind, .place = BIND_EXECUTE};
    statement->arguments = sql_alloc(context, (node->n_params + 1) * sizeof(*statement->arguments));
    statement->argument_count = prepared->type_count;
    for (uint32_t i = 0; i < prepared->type_count; i++) {
        const struct expr *value = bind_expression(&place, node->params[i]);
        uint32_t position = bind_node_position(node->params[i]);
        statement->arguments[i] = bind_coerce(bind, value, prepared->types[i], SQL_CAST_ASSIGNMENT, position);
        if (statement->arguments[i] == NULL) {
            sql_raise_with(context, KMB_DATATYPE_MISMATCH, position, NULL,
                           "You will need to rewrite or cast the expression.",
                           "parameter $%u of type %s cannot be coerced to the expected type %s", i + 1,
                           bind_type_text(bind, value->type), bind_type_text(bind, prepared->types[i]));
        }
    }
}

static bool visit_clear_position(const struct expr *node, void *context) {
    (void)context;
    ((struct expr *)(uintptr_t)node)->position = 0; /* just built, nobody else's */
    return true;
}

static void clear_expression(void *context, const struct expr **place) {
    (void)expr_walk(*place, visit_clear_position, context);
}

static void clear_plan(struct plan_node *node);

static void clear_subquery(void *context, struct plan_subquery *subquery) {
    (void)context;
    subquery->position = 0;
    clear_plan(subquery->root);
}

static void clear_plan(struct plan_node *node) {
    if (node == NULL) {
        return;
    }
    plan_expressions(node, clear_expression, NULL);
    plan_subqueries(node, clear_subquery, NULL);
    node->at.position = 0;
    if (node->at.value != NULL) {
        (void)expr_walk(node->at.value, visit_clear_position, NULL);
    }
    for (uint32_t i = 0; i < node->aggregate_count; i++) {
        node->aggregates[i].position = 0;
    }
    if (node->kind == PLAN_CTE && !node->cte_work) {
        clear_plan(node->cte->root);
        clear_plan(node->cte->recursive);
    }
    clear_plan(node->left);
    clear_plan(node->right);
}

/* A protocol names statements of every kind; EXECUTE is for those that PREPARE takes. */
static const PgQuery__Node *query_of(struct bind *bind, const struct sql_prepared *prepared,
                                     const PgQuery__Node *tree) {
    if (prepared->from_sql) {
        ASSERT(tree != NULL && tree->node_case == PG_QUERY__NODE__NODE_PREPARE_STMT);
        return tree->prepare_stmt->query;
    }
    switch (tree == NULL ? 0 : (int)tree->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return tree;
    default:
        sql_raise_unsupported(bind->context, 0, "EXECUTE of anything but a query or a write");
    }
}

void bind_execute(struct bind *bind, const PgQuery__ExecuteStmt *node, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    const struct sql_prepared *prepared = sql_prepared_find(list_of(bind), slice_text(node->name));
    if (prepared == NULL) {
        sql_raise(context, KMB_UNDEFINED_PREPARED, 0, "prepared statement \"%s\" does not exist", node->name);
    }
    execute_arguments(bind, node, prepared, statement);
    const struct tokens *own_tokens = bind->tokens;
    const char *own_text = context->text;
    size_t own_length = context->text_length;
    struct parameters own = {.count = prepared->type_count, .capacity = prepared->type_count};
    own.types = sql_alloc_zero(context, prepared->type_count + 1, sizeof(*own.types));
    if (prepared->type_count > 0) {
        memcpy(own.types, prepared->types, prepared->type_count * sizeof(*own.types));
    }
    /* The plan may stay longer than the name does. */
    context->text = bind_text(context, slice_make(prepared->text, prepared->text_length));
    context->text_length = prepared->text_length;
    struct tokens *tokens = sql_alloc_zero(context, 1, sizeof(*tokens));
    tokens_scan(context, tokens);
    const PgQuery__Node *tree = parse_statement(context, tokens);
    const PgQuery__Node *query = query_of(bind, prepared, tree);
    context->text = NULL;
    struct parameters outer = exchange(bind, own);
    bind->tokens = tokens;
    bind_dispatch(bind, query, statement);
    bind_moments(bind, statement->root);
    bind->tokens = own_tokens;
    (void)exchange(bind, outer);
    context->text = own_text;
    context->text_length = own_length;
    clear_plan(statement->root);
    for (uint32_t i = 0; i < bind->write_count; i++) {
        clear_plan(bind->writes[i]->root);
    }
    bind->time_dependent = true; /* the name may come to mean another statement */
}
