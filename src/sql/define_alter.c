/*
 * ALTER TABLE: each action as calls of the kernel's transaction, in order.
 *
 * Actions see what the earlier ones did, so names are resolved here, in the transaction's own catalogue. CHECK texts
 * name columns: renaming a column rewrites them, dropping one drops them, and with it its indexes, as PostgreSQL does.
 */
#include "sql/define_internal.h"

#include <stdio.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/exec.h"
#include "sql/parse/parse.h"

static void release_buffer(void *object) {
    buffer_free(object);
}

/* The sequence of the column that is added next: the text that gives its values. */
static struct slice alter_owned(struct define *define, const struct plan_alter *action) {
    if (action->owned == NULL) {
        return slice_make(NULL, 0);
    }
    const struct table_definition *table = define_table(define);
    struct column_id id = {table->column_id_next};
    return define_owned(define, action->owned, table->schema_name, slice_text(define_text(define, table->name)),
                        action->column.name, define->table_id, id);
}

static void alter_added_not_null(struct define *define, const struct plan_alter *action) {
    if (action->column.not_null) {
        define_try(define,
                   kernel_change_not_null(define->transaction, define->table_id,
                                          define_column(define, action->name)->id, true, define->context->error));
    }
}

/*
 * A column that has another value in each row is hidden until all rows are written with it: a reader of the position
 * before sees the table without it, not with NULLs that nobody has put there.
 */
static void alter_add_filled(struct define *define, const struct plan_alter *action,
                             const struct column_definition *column) {
    struct kmb_error *error = define->context->error;
    struct slice next = alter_owned(define, action);
    const char *text = next.length > 0 ? define_text(define, next) : action->text;
    enum default_kind kind = column->default_kind;
    struct slice kept = kind == DEFAULT_EXPRESSION && next.length > 0 ? next : column->default_text;
    struct column_id id = define_hidden_add(define, column->type, text);
    define_hidden_fill(define);
    define_try(define, kernel_show_column(define->transaction, define->table_id, id, column->name, error));
    if (kind != DEFAULT_NONE) {
        define_try(define, kernel_change_default(define->transaction, define->table_id, id, kind, kept, error));
    }
    alter_added_not_null(define, action);
}

static void alter_add_column(struct define *define, const struct plan_alter *action) {
    const char *table = define_text(define, define_table(define)->name);
    if (define_find_column(define, action->name) != NULL) {
        if (action->missing_ok) {
            sql_notice(define->context, KMB_DUPLICATE_COLUMN, NULL,
                       "column \"%s\" of relation \"%s\" already exists, skipping", action->name, table);
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
    if (action->fill && catalogue_column_count(define_catalogue(define), define_table(define)) > 0) {
        alter_add_filled(define, action, &column);
        return;
    }
    struct slice next = alter_owned(define, action);
    bool owned_default = action->owned != NULL && column.default_kind == DEFAULT_EXPRESSION;
    column.default_text = owned_default ? next : column.default_text;
    bool not_null = column.not_null;
    column.not_null = not_null && !action->fill;
    define_try(define, kernel_add_column(define->transaction, define->table_id, &column, define->context->error));
    if (action->fill) { /* rows without columns, in which no other can be written again */
        define_execute(define, sql_printf(define->context, "UPDATE %s SET %s = DEFAULT",
                                          sql_qualified(define->context, define_table(define)->schema_name,
                                                        define_table(define)->name),
                                          parse_quote_name(define->context, action->name)));
        alter_added_not_null(define, action);
    }
}

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
            sql_cascades_add(context, &define->cascades,
                             sql_printf(context, "column %s of table %s", other, table_name));
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
        sql_notice(define->context, KMB_OK, NULL, "column \"%s\" of relation \"%s\" does not exist, skipping",
                   action->name, define_text(define, define_table(define)->name));
        return;
    }
    for (uint32_t i = 0; i < action->cascade_count; i++) {
        const struct plan_cascade *cascade = &action->cascades[i];
        if (catalogue_table_of_id(define_catalogue(define), cascade->view) != NULL) { /* of no action before it */
            sql_cascades_add(define->context, &define->cascades, cascade->what);
            define_try(define, kernel_drop_table(define->transaction, cascade->view, define->context->error));
        }
    }
    define_drop_column(define, action->name, action->cascade);
}

void define_drop_column(struct define *define, const char *name, bool cascade) {
    struct column_id id = define_column(define, name)->id;
    alter_drop_generated(define, name, cascade);
    define_drop_foreign(define, name, id, cascade);
    if (define_is_key(define, id)) {
        define_drop_primary_key(define); /* rows stand under another key then */
    }
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

static void tell_column(struct define *define, const char *column, const char *what) {
    sql_notice(define->context, KMB_OK, NULL, "column \"%s\" of relation \"%s\" %s, skipping", column,
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
        tell_column(define, action->name, "is not an identity column");
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
            tell_column(define, action->name, "is not a stored generated column");
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
void define_respell(struct define *define, const struct parse_move *move) {
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

/* --- constraints --- */

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
    sql_notice(context, KMB_OK, NULL, "constraint \"%s\" of relation \"%s\" does not exist, skipping", action->name,
               define_text(define, table->name));
}

static void tell_cascades(struct define *define) {
    const struct sql_cascades *cascades = &define->cascades;
    if (cascades->count == 1) {
        sql_notice(define->context, KMB_OK, NULL, "%s", cascades->lines);
    } else if (cascades->count > 1) {
        sql_notice(define->context, KMB_OK, cascades->lines, "drop cascades to %u other objects", cascades->count);
    }
    define->cascades.count = 0;
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
void define_alters(struct define *define, const struct plan_alter *actions, uint32_t count) {
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
            tell_cascades(define);
        }
        i += types > 0 ? types : 1;
    }
}
