/*
 * From a parse tree to a bound statement: the kinds of statements, and the small ones among them.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "kernel/view.h"
#include "sql/bind/bind.h"
#include "sql/setting.h"

/* --- queries and writes --- */

void bind_statement_query(struct plan_statement *statement, struct plan_node *root) {
    statement->kind = STATEMENT_QUERY;
    statement->tag = "SELECT";
    statement->root = root;
    statement->columns = root->columns;
    statement->column_count = root->column_count;
}

static void statement_write(struct plan_statement *statement, struct plan_node *root, const char *tag) {
    bind_statement_query(statement, root);
    statement->kind = STATEMENT_WRITE;
    statement->tag = tag;
}

static void bind_custom(struct bind *bind, struct plan_statement *statement) {
    const struct bind_view *view = bind_view_at(bind, &bind->host->at);
    struct plan_node *node;
    if (bind->tokens->custom == TOKENS_CUSTOM_SHOW_TABLES) {
        node = bind_catalogue_node(bind, NULL, "show_tables", (struct table_id){0});
    } else {
        PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
        name.relname = bind->tokens->custom_name;
        name.schemaname = bind->tokens->custom_schema;
        name.location = (int32_t)bind->tokens->custom_position - 1;
        const struct table_definition *table = bind_find_table(bind, view->catalogue, &name);
        if (table == NULL) {
            bind_no_relation(bind, &name);
        }
        node = bind_catalogue_node(bind, NULL, "show_columns", table->id);
    }
    node->catalogue = view->catalogue;
    bind_statement_query(statement, node);
    statement->tag = "SHOW";
}

/* --- EXPLAIN --- */

static bool option_boolean(struct bind *bind, const PgQuery__DefElem *option) {
    const PgQuery__Node *node = option->arg;
    if (node == NULL) {
        return true;
    }
    if (node->node_case == PG_QUERY__NODE__NODE_INTEGER && (node->integer->ival == 0 || node->integer->ival == 1)) {
        return node->integer->ival != 0;
    }
    if (node->node_case == PG_QUERY__NODE__NODE_BOOLEAN) {
        return node->boolean->boolval;
    }
    const char *text = node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "";
    bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0;
    if (!yes && strcasecmp(text, "false") != 0 && strcasecmp(text, "off") != 0) {
        sql_raise(bind->context, KMB_SYNTAX, 0, "%s requires a Boolean value", option->defname);
    }
    return yes;
}

static enum plan_explain_format explain_format(struct bind *bind, const PgQuery__DefElem *option) {
    static const char *const names[] = {"text", "json", "xml", "yaml"};
    if (option->arg == NULL) {
        sql_raise(bind->context, KMB_SYNTAX, 0, "format requires a parameter");
    }
    const char *name = option->arg->node_case == PG_QUERY__NODE__NODE_STRING ? option->arg->string->sval : "";
    for (uint32_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return (enum plan_explain_format)i;
        }
    }
    sql_raise(bind->context, KMB_INVALID_PARAMETER, bind_location(option->location),
              "unrecognized value for EXPLAIN option \"format\": \"%s\"", name);
}

/* The options as they are meant together. */
static struct plan_explain_options explain_options(struct bind *bind, const PgQuery__ExplainStmt *explain) {
    struct plan_explain_options options = {.costs = true};
    bool timing_said = false;
    bool summary_said = false;
    bool wal = false;
    for (size_t i = 0; i < explain->n_options; i++) {
        const PgQuery__DefElem *option = explain->options[i]->def_elem;
        const struct {
            const char *name;
            bool *value;
            bool *said;
        } known[] = {{"analyze", &options.analyze, NULL},       {"verbose", &options.verbose, NULL},
                     {"costs", &options.costs, NULL},           {"buffers", &options.buffers, NULL},
                     {"settings", &options.settings, NULL},     {"wal", &wal, NULL},
                     {"timing", &options.timing, &timing_said}, {"summary", &options.summary, &summary_said}};
        uint32_t k = 0;
        while (k < ARRAY_LENGTH(known) && strcmp(option->defname, known[k].name) != 0) {
            k++;
        }
        if (k < ARRAY_LENGTH(known)) {
            *known[k].value = option_boolean(bind, option);
            if (known[k].said != NULL) {
                *known[k].said = true;
            }
        } else if (strcmp(option->defname, "format") == 0) {
            options.format = explain_format(bind, option);
        } else {
            sql_raise(bind->context, KMB_SYNTAX, bind_location(option->location), "unrecognized EXPLAIN option \"%s\"",
                      option->defname);
        }
    }
    if (wal && !options.analyze) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "EXPLAIN option WAL requires ANALYZE");
    }
    if (wal) {
        sql_raise_unsupported(bind->context, 0, "EXPLAIN WAL");
    }
    options.timing = timing_said ? options.timing : options.analyze;
    if (options.timing && !options.analyze) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "EXPLAIN option TIMING requires ANALYZE");
    }
    options.summary = summary_said ? options.summary : options.analyze;
    return options;
}

/* CREATE TABLE IF NOT EXISTS ... AS of a table that is there has no plan, and is no error. */
static bool creates_as(const PgQuery__Node *node) {
    return node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT;
}

static void bind_explain(struct bind *bind, const PgQuery__ExplainStmt *explain, struct plan_statement *statement) {
    static struct plan_column text = {.name = "QUERY PLAN", .type = {.id = TYPE_TEXT, .modifier = -1}};
    static struct plan_column json = {.name = "QUERY PLAN", .type = {.id = TYPE_JSON, .modifier = -1}};
    struct plan_explain_options options = explain_options(bind, explain);
    bool declares = explain->query->node_case == PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT;
    bind_statement(bind, declares ? explain->query->declare_cursor_stmt->query : explain->query, statement);
    bool nothing = statement->ddl != NULL && statement->root == NULL && creates_as(explain->query);
    if (statement->kind != STATEMENT_QUERY && statement->kind != STATEMENT_WRITE && !nothing) {
        sql_raise_unsupported(bind->context, bind->tokens->first, "EXPLAIN of this statement");
    }
    statement->explain = options;
    statement->writes = options.analyze && statement->kind == STATEMENT_WRITE;
    statement->kind = STATEMENT_EXPLAIN;
    statement->tag = "EXPLAIN";
    statement->columns = options.format == PLAN_EXPLAIN_JSON ? &json : &text;
    statement->column_count = 1;
}

/* --- transactions --- */

void bind_control_option(struct bind *bind, const PgQuery__DefElem *option, struct plan_ddl *ddl) {
    uint32_t position = bind_location(option->location);
    const PgQuery__AConst *value =
        option->arg != NULL && option->arg->node_case == PG_QUERY__NODE__NODE_A_CONST ? option->arg->a_const : NULL;
    if (strcmp(option->defname, "transaction_isolation") == 0 && value != NULL &&
        value->val_case == PG_QUERY__A__CONST__VAL_SVAL) {
        ddl->isolation = (int)sql_setting_isolation(bind->context, option->defname, value->sval->sval);
        return;
    }
    bool on = value != NULL && value->val_case == PG_QUERY__A__CONST__VAL_IVAL && value->ival->ival != 0;
    if (strcmp(option->defname, "transaction_read_only") == 0) {
        ddl->access = on ? SQL_ACCESS_READ_ONLY : SQL_ACCESS_READ_WRITE;
        return;
    }
    if (strcmp(option->defname, "transaction_deferrable") == 0) {
        ddl->deferral = on ? SQL_DEFERRAL_ON : SQL_DEFERRAL_OFF;
        return;
    }
    sql_raise_unsupported(bind->context, position, "transaction option %s", option->defname);
}

static void bind_transaction(struct bind *bind, const PgQuery__TransactionStmt *node,
                             struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    ddl->kind = DDL_CONTROL;
    statement->kind = STATEMENT_TRANSACTION;
    statement->ddl = ddl;
    switch ((int)node->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        statement->tag = "BEGIN";
        ddl->control = SQL_CONTROL_BEGIN;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        statement->tag = "START TRANSACTION";
        ddl->control = SQL_CONTROL_BEGIN;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
        statement->tag = "COMMIT";
        ddl->control = SQL_CONTROL_COMMIT;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
        statement->tag = "ROLLBACK";
        ddl->control = SQL_CONTROL_ROLLBACK;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
        statement->tag = "SAVEPOINT";
        ddl->control = SQL_CONTROL_SAVEPOINT;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
        statement->tag = "RELEASE";
        ddl->control = SQL_CONTROL_RELEASE;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
        statement->tag = "ROLLBACK";
        ddl->control = SQL_CONTROL_ROLLBACK_TO;
        break;
    default:
        sql_raise_unsupported(bind->context, bind->tokens->first, "two-phase commit");
    }
    ddl->chain = node->chain;
    ddl->savepoint = node->savepoint_name;
    for (size_t i = 0; i < node->n_options; i++) {
        bind_control_option(bind, node->options[i]->def_elem, ddl);
    }
}

static bool truncates(const struct plan_ddl *ddl, struct table_id table) {
    for (uint32_t i = 0; i < ddl->truncated_count; i++) {
        if (table_id_equal(ddl->truncated[i], table)) {
            return true;
        }
    }
    return false;
}

/* Tables that refer to a truncated one are truncated too, or in the way. */
static void truncate_children(struct bind *bind, bool cascade, struct plan_ddl *ddl, struct table_id *tables) {
    const struct catalogue *catalogue = bind_present(bind);
    for (uint32_t i = 0; i < ddl->truncated_count; i++) { /* it grows meanwhile */
        const struct table_definition *parent = catalogue_table_of_id(catalogue, tables[i]);
        for (uint32_t t = 0; t < catalogue_table_count(catalogue); t++) {
            const struct table_definition *child = catalogue_table_at(catalogue, t);
            bool refers = false;
            for (uint32_t k = 0; k < child->foreign_key_count; k++) {
                refers = refers || table_id_equal(child->foreign_keys[k].parent, parent->id);
            }
            if (!refers || truncates(ddl, child->id)) {
                continue;
            }
            if (!cascade) {
                const char *name = bind_text(bind->context, child->name);
                sql_raise_with(bind->context, KMB_UNSUPPORTED, 0,
                               sql_printf(bind->context, "Table \"%s\" references \"%s\".", name,
                                          bind_text(bind->context, parent->name)),
                               sql_printf(bind->context,
                                          "Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", name),
                               "cannot truncate a table referenced in a foreign key constraint");
            }
            bind_notice(bind, KMB_OK, "truncate cascades to table \"%s\"", bind_text(bind->context, child->name));
            tables[ddl->truncated_count++] = child->id;
        }
    }
}

static void bind_truncate(struct bind *bind, const PgQuery__TruncateStmt *node, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    size_t room = node->n_relations + catalogue_table_count(bind_present(bind)) + 1;
    struct table_id *tables = sql_alloc(bind->context, room * sizeof(*tables));
    ddl->truncated = tables;
    for (size_t i = 0; i < node->n_relations; i++) {
        const struct catalogue *catalogue;
        bind_check_schema(bind, node->relations[i]->range_var);
        struct table_id table = bind_table(bind, node->relations[i]->range_var, &catalogue, false)->id;
        if (!truncates(ddl, table)) {
            tables[ddl->truncated_count++] = table;
        }
    }
    truncate_children(bind, node->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE, ddl, tables);
    ddl->kind = DDL_TRUNCATE;
    ddl->restart_identity = node->restart_seqs;
    statement->ddl = ddl;
}

/* --- ANALYZE --- */

static void analyze_columns(struct bind *bind, const PgQuery__VacuumRelation *named, const struct catalogue *catalogue,
                            const struct table_definition *table) {
    for (size_t i = 0; i < named->n_va_cols; i++) {
        const char *name = named->va_cols[i]->string->sval;
        bool found = false;
        for (uint32_t k = 0; k < catalogue_column_count(catalogue, table); k++) {
            found = found || slice_equal(catalogue_column(catalogue, table, k)->name, slice_text(name));
        }
        if (!found) {
            sql_raise(bind->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", name,
                      named->relation->relname);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(named->va_cols[k]->string->sval, name) == 0) {
                sql_raise(bind->context, KMB_DUPLICATE_COLUMN, 0,
                          "column \"%s\" of relation \"%s\" appears more than once", name, named->relation->relname);
            }
        }
    }
}

/* Options of VACUUM that say how it is to be done: there is nothing to be done here, however. */
static bool is_vacuum_option(const char *name) {
    static const char *const names[] = {
        "analyze",  "buffer_usage_limit", "disable_page_skipping", "freeze",   "full",   "index_cleanup",
        "parallel", "process_toast",      "skip_locked",           "truncate", "verbose"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Checks the options; whether samples are to be taken. */
static bool analyze_options(struct bind *bind, const PgQuery__VacuumStmt *node) {
    bool analyze = !node->is_vacuumcmd;
    const char *words = node->is_vacuumcmd ? "VACUUM" : "ANALYZE";
    for (size_t i = 0; i < node->n_options; i++) {
        const PgQuery__DefElem *option = node->options[i]->def_elem;
        bool known = node->is_vacuumcmd
                         ? is_vacuum_option(option->defname)
                         : strcmp(option->defname, "verbose") == 0 || strcmp(option->defname, "skip_locked") == 0;
        if (!known) {
            sql_raise(bind->context, KMB_SYNTAX, bind_location(option->location), "unrecognized %s option \"%s\"",
                      words, option->defname);
        }
        if (!node->is_vacuumcmd || strcmp(option->defname, "analyze") == 0) {
            analyze = option_boolean(bind, option) || analyze;
        }
    }
    return analyze;
}

/*
 * ANALYZE, and VACUUM, which finds nothing to clear away: rows that are superseded are history, and space that the
 * store does not need any more is used again. Names no table: all that there are. Columns are checked, and a sample has
 * them all.
 */
static void bind_analyze(struct bind *bind, const PgQuery__VacuumStmt *node, struct plan_statement *statement) {
    const struct catalogue *catalogue = bind_present(bind);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    bool analyze = analyze_options(bind, node);
    uint32_t all = node->n_rels == 0 ? catalogue_table_count(catalogue) : 0;
    struct table_id *tables = sql_alloc(bind->context, (all + node->n_rels + 1) * sizeof(*tables));
    for (size_t i = 0; i < node->n_rels; i++) {
        const PgQuery__VacuumRelation *named = node->rels[i]->vacuum_relation;
        bind_check_schema(bind, named->relation);
        const struct table_definition *table = bind_find_table(bind, catalogue, named->relation);
        if (table == NULL) {
            bind_no_relation(bind, named->relation);
        }
        analyze_columns(bind, named, catalogue, table);
        tables[ddl->truncated_count] = table->id;
        ddl->truncated_count += definition_is_table(table);
    }
    for (uint32_t i = 0; i < all; i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        tables[ddl->truncated_count] = table->id;
        ddl->truncated_count += definition_is_table(table);
    }
    ddl->truncated = tables;
    ddl->truncated_count = analyze ? ddl->truncated_count : 0;
    ddl->kind = DDL_ANALYZE;
    ddl->alone = node->is_vacuumcmd ? "VACUUM" : NULL;
    statement->kind = STATEMENT_SETTING;
    statement->tag = node->is_vacuumcmd ? "VACUUM" : "ANALYZE";
    statement->ddl = ddl;
}

/* --- all of them --- */

static void statement_ddl(struct plan_statement *statement, const char *tag) {
    statement->kind = STATEMENT_DDL;
    if (statement->tag == NULL) {
        statement->tag = tag;
    }
}

/* The WITH clause of the statement itself. */
static const PgQuery__WithClause *with_of(const PgQuery__Node *node) {
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return node->select_stmt->with_clause;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
        return node->insert_stmt->with_clause;
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        return node->update_stmt->with_clause;
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        return node->delete_stmt->with_clause;
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return node->merge_stmt->with_clause;
    default:
        return NULL;
    }
}

void bind_dispatch(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement) {
    bind->top_with = with_of(node);
    switch ((int)node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        if (bind_into(node->select_stmt) != NULL) {
            bind_select_into(bind, node->select_stmt, statement);
        } else {
            bind_statement_query(statement, bind_select(bind, node->select_stmt));
        }
        break;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
        statement_write(statement, bind_insert(bind, node->insert_stmt), "INSERT");
        break;
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        statement_write(statement, bind_update(bind, node->update_stmt), "UPDATE");
        break;
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        statement_write(statement, bind_delete(bind, node->delete_stmt), "DELETE");
        break;
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        statement_write(statement, bind_merge(bind, node->merge_stmt), "MERGE");
        break;
    case PG_QUERY__NODE__NODE_COPY_STMT:
        bind_copy(bind, node->copy_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
        bind_declare(bind, node->declare_cursor_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_FETCH_STMT:
        bind_fetch(bind, node->fetch_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
        bind_close(bind, node->close_portal_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
        bind_prepare(bind, node->prepare_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        bind_execute(bind, node->execute_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
        bind_deallocate(bind, node->deallocate_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        bind_explain(bind, node->explain_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        bind_create_table(bind, node->create_stmt, statement);
        statement_ddl(statement, "CREATE TABLE");
        break;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        bind_create_as(bind, node, statement);
        break;
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
        bind_set_constraints(bind, node->constraints_set_stmt, statement);
        statement_ddl(statement, "SET CONSTRAINTS");
        break;
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
        bind_comment(bind, node->comment_stmt, statement);
        statement_ddl(statement, "COMMENT");
        break;
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        bind_create_sequence(bind, node->create_seq_stmt, statement);
        statement_ddl(statement, "CREATE SEQUENCE");
        break;
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
        bind_alter_sequence(bind, node->alter_seq_stmt, statement);
        statement_ddl(statement, "ALTER SEQUENCE");
        break;
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
        bind_create_enum(bind, node->create_enum_stmt, statement);
        statement_ddl(statement, "CREATE TYPE");
        break;
    case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT:
        bind_create_domain(bind, node->create_domain_stmt, statement);
        statement_ddl(statement, "CREATE DOMAIN");
        break;
    case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT:
        bind_alter_domain(bind, node->alter_domain_stmt, statement);
        statement_ddl(statement, "ALTER DOMAIN");
        break;
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
        bind_alter_enum(bind, node->alter_enum_stmt, statement);
        statement_ddl(statement, "ALTER TYPE");
        break;
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        bind_create_view(bind, node->view_stmt, statement);
        statement_ddl(statement, "CREATE VIEW");
        break;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        bind_create_index(bind, node->index_stmt, statement);
        statement_ddl(statement, "CREATE INDEX");
        break;
    case PG_QUERY__NODE__NODE_DROP_STMT:
        bind_drop(bind, node->drop_stmt, statement);
        statement_ddl(statement, "DROP");
        break;
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        if (!bind_relation_owner(bind, node->alter_table_stmt, statement)) {
            bind_alter_table(bind, node->alter_table_stmt, statement);
        }
        statement_ddl(statement, "ALTER TABLE");
        break;
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
        bind_owner(bind, node->alter_owner_stmt, statement);
        statement_ddl(statement, "ALTER SCHEMA");
        break;
    case PG_QUERY__NODE__NODE_RENAME_STMT:
        bind_rename(bind, node->rename_stmt, statement);
        statement_ddl(statement, "ALTER TABLE");
        break;
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
        bind_create_schema(bind, node->create_schema_stmt, statement);
        statement_ddl(statement, "CREATE SCHEMA");
        break;
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
        bind_create_role(bind, node->create_role_stmt, statement);
        statement_ddl(statement, "CREATE ROLE");
        break;
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
        bind_alter_role(bind, node->alter_role_stmt, statement);
        statement_ddl(statement, "ALTER ROLE");
        break;
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
        bind_drop_role(bind, node->drop_role_stmt, statement);
        statement_ddl(statement, "DROP ROLE");
        break;
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
        bind_alter_schema(bind, node->alter_object_schema_stmt, statement);
        statement_ddl(statement, "ALTER TABLE");
        break;
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        bind_truncate(bind, node->truncate_stmt, statement);
        statement_ddl(statement, "TRUNCATE TABLE");
        break;
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        bind_transaction(bind, node->transaction_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        bind_show(bind, node->variable_show_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        bind_analyze(bind, node->vacuum_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
        bind_discard(bind, node->discard_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        bind_lock_table(bind, node->lock_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
        bind_listen(bind, "LISTEN", node->listen_stmt->conditionname, NULL, statement);
        break;
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
        bind_listen(bind, "NOTIFY", node->notify_stmt->conditionname, node->notify_stmt->payload, statement);
        break;
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
        bind_listen(bind, "UNLISTEN",
                    node->unlisten_stmt->conditionname[0] == 0 ? NULL : node->unlisten_stmt->conditionname, NULL,
                    statement);
        break;
    case PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT:
        bind_create_extension(bind, node->create_extension_stmt, statement);
        statement_ddl(statement, "CREATE EXTENSION");
        break;
    case PG_QUERY__NODE__NODE_DO_STMT:
        bind_do(bind, node->do_stmt, statement);
        break;
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
        bind_set(bind, node->variable_set_stmt, statement);
        break;
    default:
        sql_raise_unsupported(bind->context, bind->tokens->first, "%s", bind_statement_name(node));
    }
}

void bind_check_parameters(struct bind *bind) {
    for (uint32_t i = 0; i < bind->parameter_count; i++) {
        if (bind->parameter_types[i].id == TYPE_UNKNOWN) {
            sql_raise(bind->context, KMB_INDETERMINATE_TYPE, 0, "could not determine data type of parameter $%u",
                      i + 1);
        }
    }
}

static void add_notice(struct bind *bind, enum kmb_status status, const char *detail, const char *message) {
    struct plan_notice *notice = sql_alloc_zero(bind->context, 1, sizeof(*notice));
    *notice = (struct plan_notice){.next = bind->notices, .status = status, .message = message, .detail = detail};
    bind->notices = notice;
}

void bind_notice(struct bind *bind, enum kmb_status status, const char *format, ...) {
    char said[KMB_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof(said), format, arguments);
    va_end(arguments);
    add_notice(bind, status, NULL, sql_printf(bind->context, "%s", said));
}

void bind_tell_cascades(struct bind *bind, const struct sql_cascades *cascades) {
    if (cascades->count == 1) {
        add_notice(bind, KMB_OK, NULL, cascades->lines);
    } else if (cascades->count > 1) {
        add_notice(bind, KMB_OK, cascades->lines,
                   sql_printf(bind->context, "drop cascades to %u other objects", cascades->count));
    }
}

/* In the order that they came in. */
static const struct plan_notice *notices_in_order(struct bind *bind) {
    const struct plan_notice *first = NULL;
    for (const struct plan_notice *at = bind->notices; at != NULL; at = at->next) {
        struct plan_notice *copy = sql_alloc_zero(bind->context, 1, sizeof(*copy));
        *copy = *at;
        copy->next = first;
        first = copy;
    }
    return first;
}

void bind_statement(struct bind *bind, const PgQuery__Node *node, struct plan_statement *statement) {
    bind->context->catalogue = node == NULL ? NULL : bind_present(bind);
    if (bind->tokens->custom != TOKENS_CUSTOM_NONE) {
        bind_custom(bind, statement);
    } else if (node == NULL) {
        *statement = (struct plan_statement){.kind = STATEMENT_EMPTY, .tag = ""};
        return;
    } else if (bind->cursor) {
        bind_cursor_query(bind, node->declare_cursor_stmt, statement);
    } else {
        bind_dispatch(bind, node, statement);
    }
    statement->notices = notices_in_order(bind);
    bool named = node != NULL && node->node_case == PG_QUERY__NODE__NODE_PREPARE_STMT; /* its clauses are the query's */
    if (!named) {
        bind_moments(bind, statement->root);
    }
    if (statement->root != NULL) {
        statement->root->writes = bind->writes;
        statement->root->write_count = bind->write_count;
        if (bind->write_count > 0 && statement->kind == STATEMENT_QUERY) {
            statement->kind = STATEMENT_WRITE;
        }
    }
    bind_check_parameters(bind);
    statement->parameter_types = bind->parameter_types;
    statement->parameter_count = bind->parameter_count;
    statement->reads_past = bind->reads_past;
    statement->waits = bind->waits;
    statement->locks = bind->locked_rows && (statement->kind == STATEMENT_QUERY || statement->kind == STATEMENT_COPY ||
                                             statement->explain.analyze);
    statement->advances = bind->advances && (statement->kind == STATEMENT_QUERY || statement->explain.analyze);
    statement->catalogue_version = catalogue_version(bind_present(bind));
}
