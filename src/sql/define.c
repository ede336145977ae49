/*
 * Definitions at work: each becomes calls of the kernel's transaction, in order.
 *
 * What several kinds of them need is here, and what is too short for a file of its own.
 */
#include "sql/define_internal.h"

#include <stdio.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/cursor.h"
#include "sql/exec/exec.h"
#include "sql/parse/parse.h"
#include "sql/plan/sample.h"

void define_try(struct define *define, enum kmb_status status) {
    if (status != KMB_OK) {
        sql_raise_status(define->context, status, 0);
    }
}

const struct catalogue *define_catalogue(const struct define *define) {
    return kernel_transaction_catalogue(define->transaction);
}

const struct table_definition *define_table(const struct define *define) {
    const struct table_definition *table = catalogue_table_of_id(define_catalogue(define), define->table_id);
    if (table == NULL) {
        sql_raise(define->context, KMB_SERIALIZATION, 0, "the table was dropped concurrently");
    }
    return table;
}

const char *define_text(const struct define *define, struct slice slice) {
    const char *text = arena_text(&define->context->arena, slice);
    ASSERT(text != NULL);
    return text;
}

const struct column_definition *define_find_column(const struct define *define, const char *name) {
    const struct catalogue *catalogue = define_catalogue(define);
    const struct table_definition *table = define_table(define);
    for (uint32_t i = 0; i < catalogue_column_count(catalogue, table); i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        if (slice_equal_text(column->name, name)) {
            return column;
        }
    }
    return NULL;
}

const struct column_definition *define_column(const struct define *define, const char *name) {
    const struct column_definition *column = define_find_column(define, name);
    if (column == NULL) {
        sql_raise(define->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", name,
                  define_text(define, define_table(define)->name));
    }
    return column;
}

bool define_is_key(const struct define *define, struct column_id column) {
    const struct table_definition *table = define_table(define);
    for (uint32_t i = 0; i < table->primary_key_count; i++) {
        if (column_id_equal(table->primary_key[i].column, column)) {
            return true;
        }
    }
    return false;
}

/* --- sequences that belong to columns --- */

/* Makes the sequence of a column that is about to be made, or is there. Answers nextval() of it. */
struct slice define_owned(struct define *define, const struct plan_owned *owned, struct slice schema,
                          struct slice table_name, struct slice column_name, struct table_id table,
                          struct column_id column) {
    struct sql_context *context = define->context;
    struct slice name = owned->name == NULL ? slice_make(NULL, 0) : slice_text(owned->name);
    struct table_id id;
    if (owned->name == NULL) {
        define_try(define, kernel_name_choose(define->transaction, schema, table_name, column_name, "seq",
                                              &context->arena, &name, context->error));
    }
    struct table_definition *sequence =
        bind_sequence_definition(context, schema, define_text(define, name), &owned->rule);
    sequence->sequence.owner = table;
    sequence->sequence.owner_column = column;
    define_try(define, kernel_create_table(define->transaction, sequence, &id, context->error));
    return slice_text(bind_nextval_text(context, schema, name));
}

/* The sequences of a new table's columns come first, for its defaults name them; the table's id is then known, for each
 * takes one. */
static void define_create_owned(struct define *define, const struct plan_ddl *ddl, struct table_definition *table) {
    struct sql_context *context = define->context;
    struct column_definition *columns = sql_alloc(context, (table->column_count + 1) * sizeof(*columns));
    struct table_id id = {catalogue_object_id_next(define_catalogue(define)) + ddl->owned_count};
    memcpy(columns, table->columns, table->column_count * sizeof(*columns));
    table->columns = columns;
    for (uint32_t i = 0; i < ddl->owned_count; i++) {
        const struct plan_owned *owned = ddl->owned[i];
        struct column_definition *column = &columns[owned->column];
        struct slice next = define_owned(define, owned, table->schema_name, table->name, column->name, id,
                                         (struct column_id){owned->column + 1});
        if (column->default_kind == DEFAULT_EXPRESSION) {
            column->default_text = next;
        }
    }
}

static void define_execute_as(struct define *define, const struct sql_host *host, const char *text) {
    struct kmb_error *error = define->context->error;
    struct sql_statement *statement = NULL;
    struct sql_run *run = NULL;
    enum kmb_status status = sql_prepare(host, slice_text(text), NULL, 0, &statement, error);
    if (status == KMB_OK) {
        status = sql_run_open(statement, host, NULL, 0, &run, error);
    }
    sql_run_close(run);
    sql_statement_free(statement);
    define_try(define, status);
}

void define_execute(struct define *define, const char *text) {
    struct sql_host host = *define->context->host;
    host.checks_held = true;
    define_execute_as(define, &host, text);
}

/* --- schemas --- */

static void define_create_schema(struct define *define, const struct plan_ddl *ddl) {
    struct sql_context *context = define->context;
    define_try(define, kernel_create_schema(define->transaction, slice_text(ddl->value), NULL, context->error));
    if (ddl->after_count == 0) {
        return;
    }
    struct sql_settings inside = *context->settings;
    const char *path = sql_printf(context, "%s, %s", parse_quote_name(context, ddl->value), inside.search_path);
    if (strlen(path) >= sizeof(inside.search_path)) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "search_path is too long");
    }
    memcpy(inside.search_path, path, strlen(path) + 1);
    struct sql_host host = *context->host;
    host.settings = &inside;
    for (uint32_t i = 0; i < ddl->after_count; i++) {
        define_execute_as(define, &host, ddl->after[i]);
    }
}

static void define_rename_schema(struct define *define, const struct plan_ddl *ddl) {
    const struct schema_definition *schema = catalogue_schema_of_id(define_catalogue(define), ddl->schema);
    if (schema == NULL) {
        sql_raise(define->context, KMB_SERIALIZATION, 0, "the schema was dropped concurrently");
    }
    struct parse_move move = {.schema = define_text(define, schema->name), .new_schema = ddl->value};
    define_try(define,
               kernel_rename_schema(define->transaction, ddl->schema, slice_text(ddl->value), define->context->error));
    define_respell(define, &move);
}

/* --- TRUNCATE --- */

#define TRUNCATE_ROWS 256

static void release_view(void *object) {
    kernel_view_close(object);
}

static void release_scan(void *object) {
    kernel_scan_close(object);
}

/* Deletes every row: the log keeps what was there, as of any deletion. The view stays as it was meanwhile. */
static void define_truncate(struct define *define, struct table_id id) {
    struct sql_context *context = define->context;
    struct kernel_view *view = NULL;
    struct kernel_scan *scan = NULL;
    struct kernel_row *rows = sql_alloc(context, TRUNCATE_ROWS * sizeof(*rows));
    size_t count = 0;
    define_try(define, kernel_transaction_view(define->transaction, &view, context->error));
    sql_defer(context, release_view, view);
    const struct table_definition *table = catalogue_table_of_id(view->catalogue, id);
    if (table == NULL) {
        sql_raise(context, KMB_SERIALIZATION, 0, "the table was dropped concurrently");
    }
    define_try(define, kernel_scan_open(view, table, NULL, &scan, context->error));
    sql_defer(context, release_scan, scan);
    define->table_id = id;
    do {
        sql_check_cancel(context);
        define_try(define, kernel_scan_next(scan, rows, TRUNCATE_ROWS, &count, context->error));
        for (size_t i = 0; i < count; i++) {
            define_try(define,
                       kernel_delete(define->transaction, define_table(define), rows[i].key, NULL, context->error));
        }
    } while (count > 0);
    sql_release(context, scan);
    sql_release(context, view);
}

static void define_restart_identity(struct define *define, struct table_id id) {
    for (uint32_t i = 0; i < catalogue_table_count(define_catalogue(define)); i++) {
        const struct table_definition *sequence = catalogue_table_at(define_catalogue(define), i);
        if (definition_is_sequence(sequence) && table_id_equal(sequence->sequence.owner, id)) {
            struct sequence_definition rule = sequence->sequence;
            define_try(define, kernel_change_sequence(define->transaction, sequence->id, &rule, &rule.start,
                                                      define->context->error));
        }
    }
}

static bool host_in_block(const struct sql_host *host) {
    return host->in_block != NULL && host->in_block(host->context);
}

/* What becomes immediate is checked at once, from the transaction's beginning. */
static void define_set_constraints(struct define *define, const struct plan_ddl *ddl) {
    struct sql_context *context = define->context;
    struct kernel_transaction *transaction = define->transaction;
    struct kernel_place start = {.part = 0};
    struct kernel_view *view = NULL;
    if (!host_in_block(context->host)) {
        sql_notice(context, KMB_NO_TRANSACTION, NULL, "SET CONSTRAINTS can only be used in transaction blocks");
    }
    if (ddl->drop_count == 0) {
        define_try(define, kernel_defer_references(transaction, (struct table_id){0}, (struct constraint_id){0},
                                                   ddl->deferred, context->error));
    }
    for (uint32_t i = 0; i < ddl->drop_count; i++) {
        define_try(define, kernel_defer_references(transaction, ddl->drops[i].table, ddl->drops[i].foreign_key,
                                                   ddl->deferred, context->error));
    }
    if (ddl->deferred) {
        return;
    }
    struct kernel_place end;
    define_try(define, kernel_transaction_place(transaction, &end, context->error)); /* the body is whole */
    define_try(define, kernel_transaction_base_view(transaction, &view, context->error));
    sql_defer(context, release_view, view);
    define_try(define, kernel_check_references(transaction, &start, view, KERNEL_REFERENCES_TURNED, context->error));
    sql_release(context, view);
}

static void define_drop(struct define *define, const struct plan_drop *drop) {
    struct kmb_error *error = define->context->error;
    if (drop->of_schema) {
        define_try(define, kernel_drop_schema(define->transaction, drop->schema, error));
    } else if (drop->foreign_key.value != 0) {
        define_try(define, kernel_drop_foreign_key(define->transaction, drop->table, drop->foreign_key, error));
    } else if (drop->default_of.value != 0) {
        define_try(define, kernel_change_default(define->transaction, drop->table, drop->default_of, DEFAULT_NONE,
                                                 slice_make(NULL, 0), error));
    } else if (drop->column.value != 0) {
        define->table_id = drop->table;
        const struct column_definition *column = definition_column_of_id(define_table(define), drop->column);
        define_drop_column(define, define_text(define, column->name), true);
    } else if (drop->check.value != 0) {
        define_try(define, kernel_drop_check(define->transaction, drop->table, drop->check, error));
    } else {
        define_try(define, kernel_drop_table(define->transaction, drop->table, error));
    }
}

struct analyzed {
    const struct sql_host *host;
    struct kernel_view *view;
};

static void analyzed_close(void *object) {
    struct analyzed *analyzed = object;
    analyzed->host->view_close(analyzed->host->context, analyzed->view);
}

/* Takes samples anew of what is committed; a transaction's own rows are sampled by its own plans. */
static void define_analyze(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    struct sql_point present = {.kind = PLAN_AT_NONE};
    struct analyzed *analyzed = sql_alloc_zero(context, 1, sizeof(*analyzed));
    analyzed->host = host;
    sql_try(context, host->view_open(host->context, &present, &analyzed->view, context->error));
    sql_defer(context, analyzed_close, analyzed);
    bool own = analyzed->view->state->own != NULL;
    struct sql_context *scratch = optimise_scratch(context);
    for (uint32_t i = 0; i < ddl->truncated_count && !own && host->statistics != NULL; i++) {
        const struct table_definition *table = catalogue_table_of_id(analyzed->view->catalogue, ddl->truncated[i]);
        if (table != NULL) {
            statistics_release(sample_take(scratch, host->statistics, analyzed->view, table, SAMPLE_SPOTS_ANALYZED));
        }
        sql_check_cancel(context);
    }
    sql_release(context, scratch);
    sql_release(context, analyzed);
}

static void define_control(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    struct sql_control control = {.kind = (enum sql_control_kind)ddl->control,
                                  .access = (enum sql_access)ddl->access,
                                  .isolation = (enum sql_isolation)ddl->isolation,
                                  .deferral = (enum sql_deferral)ddl->deferral,
                                  .chain = ddl->chain,
                                  .savepoint = ddl->savepoint};
    if (control.kind == SQL_CONTROL_CHANGE && !host_in_block(host)) {
        sql_notice(context, KMB_NO_TRANSACTION, NULL, "SET TRANSACTION can only be used in transaction blocks");
    }
    sql_try(context, host->control(host->context, &control, context->error));
}

void define_run(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    if (ddl->alone != NULL && host_in_block(host)) {
        sql_raise(context, KMB_TRANSACTION_ACTIVE, 0, "%s cannot run inside a transaction block", ddl->alone);
    }
    if (ddl->kind == DDL_CONTROL) {
        define_control(context, host, ddl);
        return;
    }
    if (ddl->kind == DDL_PREPARE) {
        sql_try(context, sql_prepared_add(host->prepared, ddl->prepared, ddl->deep, context->error));
        return;
    }
    if (ddl->kind == DDL_DEALLOCATE) {
        if (ddl->value == NULL) {
            sql_prepared_clear(host->prepared);
        } else {
            sql_try(context, sql_prepared_remove(host->prepared, slice_text(ddl->value), context->error));
        }
        return;
    }
    if (ddl->kind == DDL_CLOSE) {
        sql_cursor_close(context, host, ddl->value);
        return;
    }
    if (ddl->kind == DDL_DISCARD) {
        define_discard(context, host, ddl);
        return;
    }
    if (ddl->kind == DDL_LISTEN || ddl->kind == DDL_UNLISTEN || ddl->kind == DDL_NOTIFY) {
        define_listen(context, host, ddl);
        return;
    }
    if (ddl->kind == DDL_LOCK) {
        define_lock(context, host, ddl);
        return;
    }
    if (ddl->kind == DDL_ANALYZE) {
        define_analyze(context, host, ddl);
        return;
    }
    if (ddl->kind == DDL_SET) {
        define_set(context, host, ddl);
        return;
    }
    struct define define = {.context = context, .table_id = ddl->table_id};
    sql_try(context, host->transaction(host->context, &define.transaction, context->error));
    struct table_definition made;
    struct table_id table;
    switch (ddl->kind) {
    case DDL_CREATE_TABLE:
        for (uint32_t i = 0; i < ddl->drop_count; i++) {
            define_try(&define, kernel_drop_table(define.transaction, ddl->drops[i].table, context->error));
        }
        made = *ddl->table;
        if (ddl->owned_count > 0) {
            define_create_owned(&define, ddl, &made);
        }
        define_try(&define, kernel_create_table(define.transaction, &made, &table, context->error));
        define.table_id = table;
        for (uint32_t i = 0; i < ddl->foreign_count; i++) {
            define_foreign(&define, ddl->foreigns[i]);
        }
        for (uint32_t i = 0; i < ddl->after_count; i++) {
            define_execute(&define, ddl->after[i]);
        }
        break;
    case DDL_COMMENT:
        define_try(&define, kernel_comment(define.transaction, ddl->table_id, ddl->part, ddl->part_id,
                                           slice_text(ddl->value), context->error));
        break;
    case DDL_CREATE_SCHEMA:
        define_create_schema(&define, ddl);
        break;
    case DDL_RENAME_SCHEMA:
        define_rename_schema(&define, ddl);
        break;
    case DDL_COMMENT_SCHEMA:
        define_try(&define,
                   kernel_comment_schema(define.transaction, ddl->schema, slice_text(ddl->value), context->error));
        break;
    case DDL_ROLE:
        define_roles(&define, ddl);
        break;
    case DDL_SET_CONSTRAINTS:
        define_set_constraints(&define, ddl);
        break;
    case DDL_ALTER_DOMAIN:
        define_alter_type(&define, ddl->alters);
        break;
    case DDL_ADD_LABEL:
        define_try(&define, kernel_add_label(define.transaction, ddl->table_id, ddl->label, context->error));
        break;
    case DDL_RENAME_LABEL:
        define_try(&define, kernel_rename_label(define.transaction, ddl->table_id, ddl->label, context->error));
        for (uint32_t i = 0; i < ddl->respell_count; i++) {
            define_retext(&define, &ddl->respells[i]);
        }
        break;
    case DDL_ALTER_SEQUENCE:
        define_try(&define, kernel_change_sequence(define.transaction, ddl->table_id, &ddl->sequence, ddl->restart,
                                                   context->error));
        break;
    case DDL_CREATE_INDEX:
        define_create_index(&define, ddl->index);
        break;
    case DDL_DROP_TABLE:
        for (uint32_t i = 0; i < ddl->drop_count; i++) {
            define_drop(&define, &ddl->drops[i]);
        }
        break;
    case DDL_DROP_INDEX:
        for (uint32_t i = 0; i < ddl->drop_count; i++) {
            define_drop_index(&define, ddl->drops[i].table, ddl->drops[i].index);
        }
        break;
    case DDL_TRUNCATE:
        for (uint32_t i = 0; i < ddl->truncated_count; i++) {
            define_truncate(&define, ddl->truncated[i]);
            if (ddl->restart_identity) {
                define_restart_identity(&define, ddl->truncated[i]);
            }
        }
        break;
    case DDL_ALTER_TABLE:
        define_alters(&define, ddl->alters, ddl->alter_count);
        for (uint32_t i = 0; i < ddl->respell_count; i++) {
            define_retext(&define, &ddl->respells[i]);
        }
        break;
    default:
        break;
    }
}
