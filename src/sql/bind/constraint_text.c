/*
 * Constraints as a table's definition would have them: what pg_get_constraintdef() answers.
 */
#include "sql/bind/bind.h"
#include "sql/path.h"

static const char *names_of_parts(struct sql_context *context, const struct table_definition *table,
                                  const struct key_part *parts, uint32_t count) {
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, parts[i].column);
        text = sql_printf(context, "%s%s%s", text, i == 0 ? "" : ", ",
                          parse_quote_name(context, bind_text(context, column->name)));
    }
    return text;
}

static const char *names_of_columns(struct sql_context *context, const struct table_definition *table,
                                    const struct column_id *columns, uint32_t count) {
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, columns[i]);
        text = sql_printf(context, "%s%s%s", text, i == 0 ? "" : ", ",
                          parse_quote_name(context, bind_text(context, column->name)));
    }
    return text;
}

const char *bind_key_text(struct sql_context *context, const struct table_definition *table,
                          const struct index_definition *index) {
    if (index == NULL) {
        return sql_printf(context, "PRIMARY KEY (%s)",
                          names_of_parts(context, table, table->primary_key, table->primary_key_count));
    }
    const char *text = sql_printf(context, "UNIQUE %s(%s)", index->nulls_same ? "NULLS NOT DISTINCT " : "",
                                  names_of_parts(context, table, index->parts, index->part_count));
    return index->include_count == 0
               ? text
               : sql_printf(context, "%s INCLUDE (%s)", text,
                            names_of_columns(context, table, index->include, index->include_count));
}

const char *bind_check_text(struct sql_context *context, const struct catalogue *catalogue,
                            const struct check_definition *check) {
    return sql_printf(context, "CHECK (%s)%s", sql_path_shown(context, catalogue, check->text),
                      check->not_valid ? " NOT VALID" : "");
}

/* Of what PostgreSQL puts in parentheses: operators, and functions that are spelled like them. */
static bool is_operation(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_EXPR:
        return node->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF;
    case PG_QUERY__NODE__NODE_FUNC_CALL: {
        const PgQuery__FuncCall *call = node->func_call;
        const char *name = bind_string(call->funcname[call->n_funcname - 1]);
        return call->funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX &&
               (strcmp(name, "timezone") == 0 || strcmp(name, "overlaps") == 0 || strcmp(name, "is_normalized") == 0);
    }
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
    case PG_QUERY__NODE__NODE_NULL_TEST:
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return true;
    default:
        return false;
    }
}

const char *bind_kept_text(struct sql_context *context, const struct catalogue *catalogue, struct slice text) {
    const char *shown = sql_path_shown(context, catalogue, text);
    bool operation = is_operation(parse_expression(context, bind_text(context, text)));
    return operation ? sql_printf(context, "(%s)", shown) : shown;
}

static const char *action_text(enum reference_action action) {
    return action == REFERENCE_RESTRICT      ? "RESTRICT"
           : action == REFERENCE_CASCADE     ? "CASCADE"
           : action == REFERENCE_SET_NULL    ? "SET NULL"
           : action == REFERENCE_SET_DEFAULT ? "SET DEFAULT"
                                             : NULL;
}

const char *bind_reference_text(struct sql_context *context, const struct catalogue *catalogue,
                                const struct table_definition *table, const struct foreign_key_definition *key) {
    const struct table_definition *parent = catalogue_table_of_id(catalogue, key->parent);
    struct column_id own[DEFINITION_KEY_COLUMNS_MAX];
    struct column_id theirs[DEFINITION_KEY_COLUMNS_MAX];
    for (uint32_t i = 0; i < key->part_count; i++) {
        own[i] = key->parts[i].column;
        theirs[i] = key->parts[i].parent;
    }
    const char *text = sql_printf(
        context, "FOREIGN KEY (%s) REFERENCES %s(%s)%s", names_of_columns(context, table, own, key->part_count),
        sql_path_text(context, catalogue, parent->schema_name, parent->name),
        names_of_columns(context, parent, theirs, key->part_count), key->match_full ? " MATCH FULL" : "");
    if (action_text(key->on_update) != NULL) {
        text = sql_printf(context, "%s ON UPDATE %s", text, action_text(key->on_update));
    }
    if (action_text(key->on_delete) != NULL) {
        text = sql_printf(context, "%s ON DELETE %s", text, action_text(key->on_delete));
    }
    if (key->set_count > 0) {
        text = sql_printf(context, "%s (%s)", text, names_of_columns(context, table, key->set_columns, key->set_count));
    }
    return sql_printf(context, "%s%s%s%s", text, key->deferrable ? " DEFERRABLE" : "",
                      key->deferred ? " INITIALLY DEFERRED" : "", key->not_valid ? " NOT VALID" : "");
}
