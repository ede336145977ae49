/*
 * Statements that read nothing but single rows, each by its whole primary key: whoever knows that these rows are the
 * same in two states knows that the statement does the same on both. A transaction under READ COMMITTED may then run
 * it where it stands, in place of going over to the newest state first (engine/session_claims.c).
 *
 * Foreign keys read other rows, expressions may call functions that do: both are excluded, the latter by a list of what
 * is known to read nothing.
 */
#include <string.h>

#include "sql/plan/plan.h"

bool plan_reads_one_row(const struct plan_node *scan, const struct table_definition *table) {
    uint32_t whole = table->primary_key_count;
    bool one = scan->index.value == 0 && whole > 0 && scan->low.count == whole && scan->high.count == whole &&
               scan->low.inclusive && scan->high.inclusive;
    for (uint32_t i = 0; one && i < whole; i++) {
        one = scan->low.values[i] == scan->high.values[i];
    }
    return one;
}

/* Its text is looked up among the definitions. */
static bool is_name_of_object(struct type type) {
    return type_is_object(type_element(type.id));
}

/* Of those that are not immutable: what reads the clock, randomness, or the counter of a sequence, which stands beside
 * all states. */
static bool reads_no_row(const struct sql_function *function) {
    static const char *const names[] = {
        "now",     "statement_timestamp", "transaction_timestamp", "clock_timestamp", "random", "gen_random_uuid",
        "nextval",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(function->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool visit(const struct expr *expr, void *context) {
    bool *pure = context;
    bool constant = expr->kind == EXPR_CONSTANT;
    bool asks = expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_OUTER || expr->kind == EXPR_DOMAIN ||
                (!constant && is_name_of_object(expr->type));
    if (expr->kind == EXPR_CALL) {
        const struct sql_function *function = expr->function;
        bool cast = function->class == SQL_FUNCTION_CAST && function->volatility != SQL_VOLATILE;
        bool named = false; /* as text: that looks it up */
        for (uint32_t i = 0; i < expr->argument_count; i++) {
            named = named || is_name_of_object(expr->arguments[i]->type);
        }
        bool counter = strcmp(function->name, "nextval") == 0;
        asks =
            asks || (named && !counter) || !(function->volatility == SQL_IMMUTABLE || cast || reads_no_row(function));
    }
    *pure = *pure && !asks;
    return *pure;
}

static void visit_place(void *context, const struct expr **place) {
    (void)expr_walk(*place, visit, context);
}

/* Rows of nowhere, or one row of a table by its key. */
static bool is_point(struct plan_node *node) {
    bool pure = true;
    for (struct plan_node *at = node; at != NULL; at = at->left) {
        plan_expressions(at, visit_place, &pure);
        bool passes = at->kind == PLAN_FILTER || at->kind == PLAN_PROJECT || at->kind == PLAN_LIMIT;
        bool source = at->kind == PLAN_VALUES || at->kind == PLAN_ONE_ROW ||
                      (at->kind == PLAN_SCAN && at->left == NULL && at->at.kind == PLAN_AT_NONE &&
                       at->current_of == NULL && at->sample_percent == NULL && plan_reads_one_row(at, at->table));
        if (!pure || !(passes || source) || at->right != NULL || at->write_count > 0) {
            return false;
        }
    }
    return true;
}

bool plan_is_pointwise(const struct plan_statement *statement) {
    struct plan_node *root = statement->root;
    bool plain = root != NULL && statement->copy == NULL && statement->arguments == NULL && root->write_count == 0 &&
                 !statement->reads_past && !statement->locks && !statement->waits && root->right == NULL;
    if (!plain || (statement->kind != STATEMENT_QUERY && statement->kind != STATEMENT_WRITE)) {
        return false;
    }
    if (!plan_writes(root)) {
        return is_point(root);
    }
    bool pure = true;
    plan_expressions(root, visit_place, &pure);
    bool known = root->kind == PLAN_INSERT || root->kind == PLAN_UPDATE || root->kind == PLAN_DELETE;
    bool refers =
        root->catalogue == NULL || root->table == NULL || catalogue_table_refers(root->catalogue, root->table);
    return pure && known && !refers && root->creates == NULL && !root->conflict.present && root->left != NULL &&
           is_point(root->left);
}
