/*
 * Definitions at work: each becomes calls of the kernel's transaction, in order.
 *
 * Actions of an ALTER TABLE see what the earlier ones did, so names are resolved here, in the transaction's own
 * catalogue. CHECK texts name columns: renaming a column rewrites them, dropping one drops them, and with it its
 * indexes, as PostgreSQL does.
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

static void release_buffer(void *object) {
    buffer_free(object);
}

/* --- sequences that belong to columns --- */

/* Makes the sequence of a column that is about to be made, or is there. Answers nextval() of it. */
static struct slice define_owned(struct define *define, const struct plan_owned *owned, struct slice schema,
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

/* --- ALTER TABLE --- */

static void alter_add_column(struct define *define, const struct plan_alter *action) {
    const char *table = define_text(define, define_table(define)->name);
    if (define_find_column(define, action->name) != NULL) {
        if (action->missing_ok) {
            return;
        }
        sql_raise(define->context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" of relation \"%s\" already exists",
                  action->name, table);
    }
    if (catalogue_column_count(define_catalogue(define), define_table(define)) >= ROW_COLUMNS_MAX) {
        sql_raise(define->context, KMB_TOO_MANY_COLUMNS, 0, "tables can have at most %d columns", ROW_COLUMNS_MAX);
    }
    struct column_definition column = action->column;
    if (action->missing != NULL) {
        struct value missing = exec_evaluate(define->context, action->missing, NULL, 0);
        if (!missing.is_null) {
            struct buffer *encoded = sql_alloc_zero(define->context, 1, sizeof(*encoded));
            sql_defer(define->context, release_buffer, encoded);
            value_encode(&missing, encoded);
            if (!buffer_ok(encoded)) {
                sql_raise(define->context, KMB_NO_MEMORY, 0, "out of memory");
            }
            column.missing_value = buffer_slice(encoded); /* until the statement ends */
        }
    }
    bool owned_default = action->owned != NULL && column.default_kind == DEFAULT_EXPRESSION;
    if (action->owned != NULL) {
        struct column_id id = {define_table(define)->column_id_next};
        struct slice next = define_owned(define, action->owned, define_table(define)->schema_name, slice_text(table),
                                         column.name, define->table_id, id);
        column.default_text = owned_default ? next : column.default_text;
    }
    bool not_null = column.not_null;
    column.not_null = not_null && !action->fill;
    define_try(define, kernel_add_column(define->transaction, define->table_id, &column, define->context->error));
    if (action->fill) {
        define_execute(define, sql_printf(define->context, "UPDATE %s SET %s = DEFAULT",
                                          sql_qualified(define->context, define_table(define)->schema_name,
                                                        define_table(define)->name),
                                          parse_quote_name(define->context, action->name)));
    }
    if (not_null && action->fill) {
        define_try(define,
                   kernel_change_not_null(define->transaction, define->table_id,
                                          define_column(define, action->name)->id, true, define->context->error));
    }
}

static void define_drop_column(struct define *define, const char *name, bool cascade);

/* Generated columns that read a column go with it, or are in its way. */
static void alter_drop_generated(struct define *define, const char *name, bool cascade) {
    struct sql_context *context = define->context;
    for (bool again = true; again;) {
        again = false;
        const struct table_definition *table = define_table(define);
        for (uint32_t i = 0; i < table->column_count && !again; i++) {
            const struct column_definition *column = &table->columns[i];
            if (column->dropped || column->hidden || column->default_kind != DEFAULT_GENERATED) {
                continue;
            }
            const char *other = define_text(define, column->name);
            PgQuery__Node *tree = parse_expression(context, define_text(define, column->default_text));
            if (strcmp(other, name) == 0 || !parse_names_column(tree, name)) {
                continue;
            }
            const char *table_name = define_text(define, table->name);
            if (!cascade) {
                sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0,
                               sql_printf(context, "column %s of table %s depends on column %s of table %s", other,
                                          table_name, name, table_name),
                               "Use DROP ... CASCADE to drop the dependent objects too.",
                               "cannot drop column %s of table %s because other objects depend on it", name,
                               table_name);
            }
            define_drop_column(define, other, true);
            again = true;
        }
    }
}

/* What stands in a dropped column's way and goes with it: its indexes, the checks that name it. */
static void alter_drop_dependents(struct define *define, const char *name, struct column_id column) {
    for (bool again = true; again;) {
        again = false; /* once true, the table is another one */
        const struct table_definition *table = define_table(define);
        for (uint32_t i = 0; !again && i < table->index_count; i++) {
            const struct column_definition *dropped = definition_column_of_id(table, column);
            if (bind_index_reads(define->context, table, &table->indexes[i], dropped)) {
                define_drop_index(define, define->table_id, table->indexes[i].id);
                again = true;
            }
        }
        for (uint32_t i = 0; !again && i < table->check_count; i++) {
            PgQuery__Node *tree = parse_expression(define->context, define_text(define, table->checks[i].text));
            if (parse_names_column(tree, name)) {
                define_try(define, kernel_drop_check(define->transaction, define->table_id, table->checks[i].id,
                                                     define->context->error));
                again = true;
            }
        }
    }
}

static void alter_drop_column(struct define *define, const struct plan_alter *action) {
    if (action->missing_ok && define_find_column(define, action->name) == NULL) {
        return;
    }
    define_drop_column(define, action->name, action->cascade);
}

static void define_drop_column(struct define *define, const char *name, bool cascade) {
    struct column_id id = define_column(define, name)->id;
    if (define_is_key(define, id)) {
        sql_raise(define->context, KMB_DEPENDENT_OBJECTS, 0,
                  "cannot drop primary-key column '%s' from table %s; drop or recreate the table instead", name,
                  define_text(define, define_table(define)->name));
    }
    alter_drop_generated(define, name, cascade);
    define_drop_foreign(define, name, id, cascade);
    alter_drop_dependents(define, name, id);
    define_try(define, kernel_drop_column(define->transaction, define->table_id, id, define->context->error));
    const struct table_definition *sequence = NULL;
    while ((sequence = catalogue_owned_sequence(define_catalogue(define), define->table_id, id)) != NULL) {
        define_try(define, kernel_drop_table(define->transaction, sequence->id, define->context->error));
    }
}

/* Generated columns name others. */
static void alter_rename_generated(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    uint32_t count = define_table(define)->column_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = &define_table(define)->columns[i];
        if (column->dropped || column->default_kind != DEFAULT_GENERATED) {
            continue;
        }
        PgQuery__Node *tree = parse_expression(context, define_text(define, column->default_text));
        if (parse_names_column(tree, action->name)) {
            parse_rename_column(context, tree, action->name, action->new_name);
            define_try(define,
                       kernel_change_default(define->transaction, define->table_id, column->id, DEFAULT_GENERATED,
                                             slice_text(parse_deparse(context, tree)), context->error));
        }
    }
}

static void alter_rename_column(struct define *define, const struct plan_alter *action) {
    if (define_find_column(define, action->name) == NULL) {
        sql_raise(define->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" does not exist", action->name);
    }
    struct column_id id = define_column(define, action->name)->id;
    if (define_find_column(define, action->new_name) != NULL) {
        sql_raise(define->context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" of relation \"%s\" already exists",
                  action->new_name, define_text(define, define_table(define)->name));
    }
    define_try(define, kernel_rename_column(define->transaction, define->table_id, id, slice_text(action->new_name),
                                            define->context->error));
    /* Each check that names the column is made again with the new name. Dropped ones leave the list, so a pass over
     * the checks as they were, by id, meets each once. */
    const struct table_definition *table = define_table(define);
    uint32_t count = table->check_count;
    struct check_definition *checks = sql_alloc_zero(define->context, count + 1, sizeof(*checks));
    for (uint32_t i = 0; i < count; i++) {
        checks[i] = table->checks[i];
        checks[i].name = slice_text(define_text(define, table->checks[i].name));
        checks[i].text = slice_text(define_text(define, table->checks[i].text));
    }
    for (uint32_t i = 0; i < count; i++) {
        PgQuery__Node *tree = parse_expression(define->context, (const char *)checks[i].text.bytes);
        if (!parse_names_column(tree, action->name)) {
            continue;
        }
        parse_rename_column(define->context, tree, action->name, action->new_name);
        struct check_definition renamed = checks[i];
        renamed.text = slice_text(parse_deparse(define->context, tree));
        define_try(define,
                   kernel_drop_check(define->transaction, define->table_id, checks[i].id, define->context->error));
        define_try(define, kernel_add_check(define->transaction, define->table_id, &renamed, define->context->error));
    }
    alter_rename_generated(define, action);
}

static void alter_default(struct define *define, const struct plan_alter *action) {
    enum default_kind kind = action->default_text.length == 0 ? DEFAULT_NONE : DEFAULT_EXPRESSION;
    enum default_kind was = define_column(define, action->name)->default_kind;
    if (was == DEFAULT_GENERATED || default_is_identity(was)) {
        bool generated = was == DEFAULT_GENERATED;
        sql_raise_with(define->context, KMB_SYNTAX, 0, NULL,
                       !generated
                           ? kind == DEFAULT_NONE ? "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead." : NULL
                       : kind == DEFAULT_NONE ? "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."
                                              : NULL,
                       "column \"%s\" of relation \"%s\" is %s column", action->name,
                       define_text(define, define_table(define)->name), generated ? "a generated" : "an identity");
    }
    define_try(define,
               kernel_change_default(define->transaction, define->table_id, define_column(define, action->name)->id,
                                     kind, action->default_text, define->context->error));
}

/* --- identity and generated columns --- */

static _Noreturn void raise_column(struct define *define, enum kmb_status status, const char *column,
                                   const char *what) {
    sql_raise(define->context, status, 0, "column \"%s\" of relation \"%s\" %s", column,
              define_text(define, define_table(define)->name), what);
}

static void alter_add_identity(struct define *define, const struct plan_alter *action) {
    const struct column_definition *column = define_column(define, action->name);
    struct column_id id = column->id;
    if (!column->not_null && !define_is_key(define, id)) {
        raise_column(define, KMB_OBJECT_NOT_IN_STATE, action->name,
                     "must be declared NOT NULL before identity can be added");
    }
    if (default_is_identity(column->default_kind)) {
        raise_column(define, KMB_OBJECT_NOT_IN_STATE, action->name, "is already an identity column");
    }
    if (column->default_kind != DEFAULT_NONE) {
        raise_column(define, KMB_OBJECT_NOT_IN_STATE, action->name, "already has a default value");
    }
    (void)define_owned(define, action->owned, define_table(define)->schema_name, define_table(define)->name,
                       column->name, define->table_id, id);
    define_try(define, kernel_change_default(define->transaction, define->table_id, id, action->default_kind,
                                             slice_make(NULL, 0), define->context->error));
}

/* The sequence of an identity column, or NULL: it is none, and that is no error. */
static const struct table_definition *define_identity(struct define *define, const struct plan_alter *action) {
    const struct column_definition *column = define_column(define, action->name);
    if (!default_is_identity(column->default_kind)) {
        if (!action->missing_ok) {
            raise_column(define, KMB_OBJECT_NOT_IN_STATE, action->name, "is not an identity column");
        }
        return NULL;
    }
    const struct table_definition *sequence =
        catalogue_owned_sequence(define_catalogue(define), define->table_id, column->id);
    ASSERT(sequence != NULL);
    return sequence;
}

static void alter_set_identity(struct define *define, const struct plan_alter *action) {
    const struct table_definition *sequence = define_identity(define, action);
    define_try(define, kernel_change_sequence(define->transaction, sequence->id, &action->rule, action->restart,
                                              define->context->error));
    if (action->default_kind != DEFAULT_NONE) {
        define_try(define,
                   kernel_change_default(define->transaction, define->table_id, define_column(define, action->name)->id,
                                         action->default_kind, slice_make(NULL, 0), define->context->error));
    }
}

static void alter_drop_identity(struct define *define, const struct plan_alter *action) {
    const struct table_definition *sequence = define_identity(define, action);
    if (sequence == NULL) {
        return;
    }
    struct column_id id = sequence->sequence.owner_column;
    define_try(define, kernel_change_default(define->transaction, define->table_id, id, DEFAULT_NONE,
                                             slice_make(NULL, 0), define->context->error));
    define_try(define, kernel_drop_table(define->transaction, sequence->id, define->context->error));
}

static void alter_drop_expression(struct define *define, const struct plan_alter *action) {
    const struct column_definition *column = define_column(define, action->name);
    if (column->default_kind != DEFAULT_GENERATED) {
        if (action->missing_ok) {
            return;
        }
        raise_column(define, KMB_OBJECT_NOT_IN_STATE, action->name, "is not a stored generated column");
    }
    define_try(define, kernel_change_default(define->transaction, define->table_id, column->id, DEFAULT_NONE,
                                             slice_make(NULL, 0), define->context->error));
}

/* --- what is spelled anew --- */

/* A view is made for the columns it has: what cannot be told of it in another spelling is refused. */
static void respell_view(struct define *define, const struct table_definition *view, const struct parse_move *move) {
    struct sql_context *context = define->context;
    struct table_id id = view->id;
    struct sql_statement *statement = NULL;
    PgQuery__SelectStmt *query = parse_query(context, define_text(define, view->view_query));
    if (!parse_move_relation(context, &query->base, move)) {
        return;
    }
    const char *text = parse_deparse_query(context, query);
    define_try(define, kernel_change_view(define->transaction, id, slice_text(text), context->error));
    view = catalogue_table_of_id(define_catalogue(define), id);
    text = sql_printf(context, "SELECT * FROM %s", sql_qualified(context, view->schema_name, view->name));
    enum kmb_status status = sql_prepare(context->host, slice_text(text), NULL, 0, &statement, context->error);
    sql_statement_free(statement);
    if (status != KMB_OK && status != KMB_NO_MEMORY) {
        sql_raise_unsupported(context, 0, "renaming or moving what view %s reads", define_text(define, view->name));
    }
    define_try(define, status);
}

static void respell_default(struct define *define, struct table_id table, uint32_t ordinal,
                            const struct parse_move *move) {
    struct sql_context *context = define->context;
    const struct column_definition *column = &catalogue_table_of_id(define_catalogue(define), table)->columns[ordinal];
    if (column->dropped || column->default_kind != DEFAULT_EXPRESSION) {
        return;
    }
    PgQuery__Node *tree = parse_expression(context, define_text(define, column->default_text));
    if (parse_move_relation(context, &tree->base, move)) {
        define_try(define, kernel_change_default(define->transaction, table, column->id, DEFAULT_EXPRESSION,
                                                 slice_text(parse_deparse(context, tree)), context->error));
    }
}

/* Views and defaults follow what they name. */
static void define_respell(struct define *define, const struct parse_move *move) {
    uint32_t count = catalogue_table_count(define_catalogue(define));
    struct table_id *ids = sql_alloc(define->context, (count + 1) * sizeof(*ids));
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = catalogue_table_at(define_catalogue(define), i)->id;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct table_definition *table = catalogue_table_of_id(define_catalogue(define), ids[i]);
        if (definition_is_view(table)) {
            respell_view(define, table, move);
            continue;
        }
        for (uint32_t k = 0; k < table->column_count; k++) {
            respell_default(define, ids[i], k, move); /* the table may be another one afterwards */
            table = catalogue_table_of_id(define_catalogue(define), ids[i]);
        }
    }
}

static void alter_rename_table(struct define *define, const struct plan_alter *action) {
    const struct table_definition *table = define_table(define);
    const char *schema = define_text(define, table->schema_name);
    struct parse_move move = {
        .schema = schema, .name = define_text(define, table->name), .new_schema = schema, .new_name = action->new_name};
    define_try(define, kernel_rename_table(define->transaction, define->table_id, slice_text(action->new_name),
                                           define->context->error));
    define_respell(define, &move);
}

static void move_one(struct define *define, const struct table_definition *table, const char *schema) {
    struct parse_move move = {.schema = define_text(define, table->schema_name),
                              .name = define_text(define, table->name),
                              .new_schema = schema};
    define_try(define, kernel_move_table(define->transaction, table->id, slice_text(schema), define->context->error));
    define_respell(define, &move);
}

/* The sequences of its columns go with a table. */
static void alter_set_schema(struct define *define, const struct plan_alter *action) {
    if (slice_equal_text(define_table(define)->schema_name, action->new_name)) {
        return;
    }
    move_one(define, define_table(define), action->new_name);
    for (uint32_t i = 0; i < define_table(define)->column_count; i++) {
        const struct table_definition *sequence =
            catalogue_owned_sequence(define_catalogue(define), define->table_id, define_table(define)->columns[i].id);
        if (sequence != NULL && !slice_equal_text(sequence->schema_name, action->new_name)) {
            move_one(define, sequence, action->new_name);
            i--; /* a column may own several */
        }
    }
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

static void alter_not_null(struct define *define, const struct plan_alter *action) {
    struct column_id id = define_column(define, action->name)->id;
    if (!action->not_null && default_is_identity(define_column(define, action->name)->default_kind)) {
        raise_column(define, KMB_SYNTAX, action->name, "is an identity column");
    }
    if (!action->not_null && define_is_key(define, id)) {
        sql_raise(define->context, KMB_INVALID_TABLE_DEFINITION, 0, "column \"%s\" is in a primary key", action->name);
    }
    define_try(define, kernel_change_not_null(define->transaction, define->table_id, id, action->not_null,
                                              define->context->error));
}

struct key_part *define_key_parts(struct define *define, const struct plan_alter *action, const char *kind) {
    struct sql_context *context = define->context;
    struct key_part *parts = sql_alloc_zero(context, action->column_count + 1, sizeof(*parts));
    if (action->column_count > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, 0, "cannot use more than %d columns in an index",
                  DEFINITION_KEY_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < action->column_count; i++) {
        const struct column_definition *column = action->kind == ALTER_ADD_PRIMARY_KEY
                                                     ? define_column(define, action->columns[i])
                                                     : define_find_column(define, action->columns[i]);
        if (column == NULL) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" named in key does not exist",
                      action->columns[i]);
        }
        sql_try(context, key_type_check(column->type, context->error));
        for (uint32_t k = 0; k < i; k++) {
            if (column_id_equal(parts[k].column, column->id)) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" appears twice in %s constraint",
                          action->columns[i], kind);
            }
        }
        parts[i].column = column->id;
    }
    return parts;
}

static void alter_add_unique(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct key_part *parts = define_key_parts(define, action, "unique");
    struct index_definition index = {.name = slice_text(action->name),
                                     .parts = parts,
                                     .part_count = action->column_count,
                                     .unique = true,
                                     .constraint = true,
                                     .nulls_same = action->nulls_same,
                                     .include_count = action->include_count,
                                     .state = INDEX_READY};
    struct column_id *include = sql_alloc(context, (action->include_count + 1) * sizeof(*include));
    for (uint32_t i = 0; i < action->include_count; i++) {
        const struct column_definition *column = define_find_column(define, action->include[i]);
        if (column == NULL) {
            sql_raise(context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" named in key does not exist",
                      action->include[i]);
        }
        include[i] = column->id;
    }
    if (action->column_count + action->include_count > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, 0, "cannot use more than %d columns in an index",
                  DEFINITION_KEY_COLUMNS_MAX);
    }
    index.include = include;
    struct index_id id;
    define_try(define, kernel_create_index(define->transaction, define->table_id, &index, &id, context->error));
}

static void alter_drop_constraint(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct table_definition *table = define_table(define);
    for (uint32_t i = 0; i < table->check_count; i++) {
        if (slice_equal_text(table->checks[i].name, action->name)) {
            define_try(define,
                       kernel_drop_check(define->transaction, define->table_id, table->checks[i].id, context->error));
            return;
        }
    }
    for (uint32_t i = 0; i < table->foreign_key_count; i++) {
        if (slice_equal_text(table->foreign_keys[i].name, action->name)) {
            define_try(define, kernel_drop_foreign_key(define->transaction, define->table_id, table->foreign_keys[i].id,
                                                       context->error));
            return;
        }
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].constraint && slice_equal_text(table->indexes[i].name, action->name)) {
            struct index_definition index = table->indexes[i];
            define_drop_references(define, index.parts, index.part_count,
                                   sql_printf(context, "constraint %s", action->name),
                                   sql_printf(context, "index %s", action->name), action->cascade);
            define_drop_index(define, define->table_id, index.id);
            return;
        }
    }
    if (table->primary_key_count > 0 && slice_equal_text(table->primary_key_name, action->name)) {
        define_drop_references(define, table->primary_key, table->primary_key_count,
                               sql_printf(context, "constraint %s", action->name),
                               sql_printf(context, "index %s", action->name), action->cascade);
        define_drop_primary_key(define);
        return;
    }
    if (!action->missing_ok) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" of relation \"%s\" does not exist", action->name,
                  define_text(define, table->name));
    }
}

static void define_alter(struct define *define, const struct plan_alter *action) {
    switch (action->kind) {
    case ALTER_ADD_COLUMN:
        alter_add_column(define, action);
        break;
    case ALTER_DROP_COLUMN:
        alter_drop_column(define, action);
        break;
    case ALTER_RENAME_COLUMN:
        alter_rename_column(define, action);
        break;
    case ALTER_RENAME_TABLE:
        alter_rename_table(define, action);
        break;
    case ALTER_SET_SCHEMA:
        alter_set_schema(define, action);
        break;
    case ALTER_DEFAULT:
        alter_default(define, action);
        break;
    case ALTER_NOT_NULL:
        alter_not_null(define, action);
        break;
    case ALTER_ADD_UNIQUE:
        alter_add_unique(define, action);
        break;
    case ALTER_DROP_CONSTRAINT:
        alter_drop_constraint(define, action);
        break;
    case ALTER_ADD_FOREIGN:
        define_foreign(define, action->foreign);
        break;
    case ALTER_ADD_IDENTITY:
        alter_add_identity(define, action);
        break;
    case ALTER_SET_IDENTITY:
        alter_set_identity(define, action);
        break;
    case ALTER_DROP_IDENTITY:
        alter_drop_identity(define, action);
        break;
    case ALTER_DROP_EXPRESSION:
        alter_drop_expression(define, action);
        break;
    case ALTER_ADD_CHECK:
        define_add_check(define, action);
        break;
    case ALTER_ADD_PRIMARY_KEY:
        define_add_primary_key(define, action);
        break;
    case ALTER_USE_INDEX:
        define_use_index(define, action);
        break;
    case ALTER_VALIDATE:
        define_validate(define, action);
        break;
    case ALTER_RENAME_CONSTRAINT:
        define_rename_constraint(define, action);
        break;
    case ALTER_RENAME_INDEX:
        define_rename_index(define, action);
        break;
    case ALTER_TYPE:
        define_change_types(define, action, 1);
        break;
    }
}

/* New types stand one behind the other, and are one change. */
static void define_alters(struct define *define, const struct plan_alter *actions, uint32_t count) {
    for (uint32_t i = 0; i < count;) {
        uint32_t types = 0;
        sql_check_cancel(define->context);
        while (i + types < count && actions[i + types].kind == ALTER_TYPE) {
            types++;
        }
        if (types > 0) {
            define_change_types(define, &actions[i], types);
        } else {
            define_alter(define, &actions[i]);
        }
        i += types > 0 ? types : 1;
    }
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

/* What becomes immediate is checked at once, from the transaction's beginning. */
static void define_set_constraints(struct define *define, const struct plan_ddl *ddl) {
    struct sql_context *context = define->context;
    struct kernel_transaction *transaction = define->transaction;
    struct kernel_place start = {.part = 0};
    struct kernel_view *view = NULL;
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
    define_try(define, kernel_check_references(transaction, &start, view, false, context->error));
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

/* --- settings --- */

static void settings_text(struct sql_context *context, char *place, size_t size, const char *text, const char *what) {
    if (strlen(text) >= size) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "%s is too long", what);
    }
    (void)snprintf(place, size, "%s", text);
}

static void settings_change(struct sql_context *context, struct sql_settings *settings, const struct plan_ddl *ddl,
                            bool in_block) {
    bool all = ddl->setting == SETTING_ALL;
    if (all || ddl->setting == SETTING_TIME_ZONE) {
        settings_text(context, settings->time_zone_name, sizeof(settings->time_zone_name), all ? "UTC" : ddl->value,
                      "time zone name");
        settings->time_zone = all ? time_zone_fixed(0) : ddl->zone;
    }
    if (all || ddl->setting == SETTING_STATEMENT_TIMEOUT) {
        settings->statement_timeout_ms = all ? 0 : ddl->number;
    }
    if (all || ddl->setting == SETTING_WORK_MEM) {
        settings->work_bytes = all ? 0 : (uint64_t)ddl->number;
    }
    if (all || ddl->setting == SETTING_TEMP_FILE_LIMIT) {
        settings->temp_file_bytes_max = all ? 0 : ddl->number;
    }
    if (all || ddl->setting == SETTING_JOIN_ROWS_MAX) {
        settings->join_rows_max = all ? 0 : (uint64_t)ddl->number;
    }
    if (ddl->setting == SETTING_WAY) {
        uint32_t bit = 1u << (ddl->number / 2);
        settings->ways_forbidden = (settings->ways_forbidden & ~bit) | (ddl->number % 2 == 0 ? bit : 0);
    }
    if (all) {
        settings->ways_forbidden = 0;
    }
    if (all || ddl->setting == SETTING_PLAN_MODE) {
        settings->plan_mode = all ? SQL_PLAN_AUTO : (enum sql_plan_mode)ddl->number;
    }
    if (all || ddl->setting == SETTING_APPLICATION_NAME) {
        settings_text(context, settings->application_name, sizeof(settings->application_name), all ? "" : ddl->value,
                      "application_name");
    }
    if (all || ddl->setting == SETTING_TRANSACTIONS) {
        if (all || ddl->access != SQL_ACCESS_DEFAULT) {
            settings->default_read_only = ddl->access == SQL_ACCESS_READ_ONLY;
        }
        if (all || ddl->isolation != SQL_ISOLATION_DEFAULT) {
            settings->default_serializable = ddl->isolation == SQL_ISOLATION_SERIALIZABLE;
        }
        if (all || ddl->deferral != SQL_DEFERRAL_DEFAULT) {
            settings->default_deferrable = ddl->deferral == SQL_DEFERRAL_ON;
        }
        if (!in_block) {
            settings->read_only = settings->default_read_only;
            settings->serializable = settings->default_serializable;
            settings->deferrable = settings->default_deferrable;
        }
    }
    if (all || ddl->setting == SETTING_SEARCH_PATH) {
        settings_text(context, settings->search_path, sizeof(settings->search_path),
                      all ? SQL_SEARCH_PATH_DEFAULT : ddl->value, "search_path");
    }
}

/* SET is undone by ROLLBACK; SET LOCAL ends with the transaction, and alone it does nothing. */
static void define_set(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    bool in_block = host->in_block != NULL && host->in_block(host->context);
    if (ddl->local && !in_block) {
        return;
    }
    settings_change(context, host->settings, ddl, in_block);
    if (in_block && !ddl->local && host->settings_kept != NULL) {
        settings_change(context, host->settings_kept, ddl, in_block);
    }
}

static void define_discard(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    bool all = ddl->value == NULL;
    if (all && host->in_block != NULL && host->in_block(host->context)) {
        sql_raise(context, KMB_TRANSACTION_ACTIVE, 0, "DISCARD ALL cannot run inside a transaction block");
    }
    if ((all || strcmp(ddl->value, "SEQUENCES") == 0) && host->sequences != NULL) {
        sql_sequences_free(host->sequences);
    }
    if (!all) {
        return;
    }
    if (host->cursors != NULL) {
        sql_cursors_free(host->cursors);
    }
    if (host->prepared != NULL) {
        sql_try(context, sql_prepared_remove(host->prepared, NULL, context->error));
    }
    settings_change(context, host->settings, &(struct plan_ddl){.setting = SETTING_ALL}, false);
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
    sql_try(context, host->control(host->context, &control, context->error));
}

void define_run(struct sql_context *context, const struct sql_host *host, const struct plan_ddl *ddl) {
    if (ddl->alone != NULL && host->in_block != NULL && host->in_block(host->context)) {
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
        sql_try(context, sql_prepared_remove(host->prepared, ddl->value, context->error));
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
