/*
 * Definitions that look at the rows of a table, or write them anew: checks and primary keys added to a table that
 * exists, NOT VALID constraints that become valid, columns that change their type.
 *
 * Rows stand under their keys. Where these change (another primary key, another type of a column in it) all rows are
 * deleted, the definition is changed while there is none, and all are inserted again from a view of before. Everything
 * is events as ever: old positions read the old rows under the old definition.
 *
 * A column of another type is another column. It is added as a hidden one, computed of what USING says for each row,
 * and then takes the name, the place and the part in the primary key of the old one, which is dropped. Indexes and
 * foreign keys of the old column are dropped before and made again after; checks are evaluated again.
 */
#include <string.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/define_internal.h"
#include "sql/exec/exec.h"
#include "sql/exec/operator.h"
#include "sql/parse/parse.h"

#define ROWS_AT_ONCE 256

static const char *table_name(const struct define *define) {
    return define_text(define, define_table(define)->name);
}

static const char *quoted_table(const struct define *define) {
    const struct table_definition *table = define_table(define);
    return sql_qualified(define->context, table->schema_name, table->name);
}

bool define_any(struct define *define, const char *text) {
    struct sql_context *context = define->context;
    struct sql_statement *statement = NULL;
    struct sql_run *run = NULL;
    bool any = false;
    enum kmb_status status = sql_prepare(context->host, slice_text(text), NULL, 0, &statement, context->error);
    if (status == KMB_OK) {
        status = sql_run_open(statement, context->host, NULL, 0, &run, context->error);
    }
    const struct batch *batch = NULL;
    while (status == KMB_OK && !any) {
        status = sql_run_next(run, &batch, context->error);
        any = status == KMB_ROW && batch_live(batch) > 0;
        status = status == KMB_ROW ? KMB_OK : status;
    }
    sql_run_close(run);
    sql_statement_free(statement);
    define_try(define, status == KMB_DONE ? KMB_OK : status);
    return any;
}

/* What the next error is about: the table, and its column or constraint (or NULL). */
static void define_about(struct define *define, const char *column, const char *constraint) {
    const struct table_definition *table = define_table(define);
    define->context->about = (struct error_about){.schema = slice_text(define_text(define, table->schema_name)),
                                                  .table = slice_text(define_text(define, table->name)),
                                                  .column = slice_text(column == NULL ? "" : column),
                                                  .constraint = slice_text(constraint == NULL ? "" : constraint)};
}

static _Noreturn void raise_no_constraint(struct define *define, const char *name) {
    sql_raise(define->context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" of relation \"%s\" does not exist", name,
              table_name(define));
}

static void check_name_free(struct define *define, const char *name) {
    if (define_constraint_named(define_table(define), name)) {
        sql_raise(define->context, KMB_DUPLICATE_OBJECT, 0, "constraint \"%s\" for relation \"%s\" already exists",
                  name, table_name(define));
    }
}

/* --- checks --- */

static void check_rows(struct define *define, const char *name, const char *text) {
    if (define_any(define, sql_printf(define->context, "SELECT 1 FROM %s WHERE NOT (%s) LIMIT 1", quoted_table(define),
                                      text))) {
        define_about(define, NULL, name);
        sql_raise(define->context, KMB_CHECK_VIOLATION, 0,
                  "check constraint \"%s\" of relation \"%s\" is violated by some row", name, table_name(define));
    }
}

void define_add_check(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    char *name = sql_alloc(context, DEFINITION_NAME_BYTES_MAX + 1);
    const char *given = action->name;
    if (given[0] != 0) {
        check_name_free(define, given);
    } else {
        struct slice column = action->column_count == 1 ? slice_text(action->columns[0]) : slice_make(NULL, 0);
        unsigned number = 0;
        do {
            kernel_name_make(define_table(define)->name, column, "check", number++, name);
        } while (define_constraint_named(define_table(define), name));
        given = name;
    }
    if (!action->not_valid) {
        check_rows(define, given, action->text);
    }
    struct check_definition check = {.name = slice_text(given), .text = slice_text(action->text)};
    define_try(define, kernel_add_check(define->transaction, define->table_id, &check, context->error));
    if (action->not_valid) {
        const struct table_definition *table = define_table(define);
        struct constraint_id id = table->checks[table->check_count - 1].id;
        define_try(define, kernel_change_valid(define->transaction, define->table_id, id, false, context->error));
    }
}

void define_validate(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct table_definition *table = define_table(define);
    for (uint32_t i = 0; i < table->check_count; i++) {
        const struct check_definition *check = &table->checks[i];
        if (!slice_equal_text(check->name, action->name)) {
            continue;
        }
        if (check->not_valid) {
            struct constraint_id id = check->id;
            check_rows(define, action->name, define_text(define, check->text));
            define_try(define, kernel_change_valid(define->transaction, define->table_id, id, true, context->error));
        }
        return;
    }
    for (uint32_t i = 0; i < table->foreign_key_count; i++) {
        const struct foreign_key_definition *key = &table->foreign_keys[i];
        if (!slice_equal_text(key->name, action->name)) {
            continue;
        }
        if (key->not_valid) {
            define_try(define,
                       kernel_change_valid(define->transaction, define->table_id, key->id, true, context->error));
        }
        return;
    }
    if (define_constraint_named(table, action->name)) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0,
                  "constraint \"%s\" of relation \"%s\" is not a foreign key or check constraint", action->name,
                  table_name(define));
    }
    raise_no_constraint(define, action->name);
}

/* --- names --- */

void define_rename_constraint(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct table_definition *table = define_table(define);
    enum definition_part part = DEFINITION_TABLE;
    uint32_t id = 0;
    for (uint32_t i = 0; i < table->check_count; i++) {
        if (slice_equal_text(table->checks[i].name, action->name)) {
            part = DEFINITION_CONSTRAINT;
            id = table->checks[i].id.value;
        }
    }
    for (uint32_t i = 0; i < table->foreign_key_count; i++) {
        if (slice_equal_text(table->foreign_keys[i].name, action->name)) {
            part = DEFINITION_CONSTRAINT;
            id = table->foreign_keys[i].id.value;
        }
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].constraint && slice_equal_text(table->indexes[i].name, action->name)) {
            part = DEFINITION_INDEX;
            id = table->indexes[i].id.value;
        }
    }
    if (table->primary_key_count > 0 && slice_equal_text(table->primary_key_name, action->name)) {
        part = DEFINITION_PRIMARY_KEY;
    }
    if (part == DEFINITION_TABLE) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" for table \"%s\" does not exist", action->name,
                  table_name(define));
    }
    if (part == DEFINITION_CONSTRAINT) {
        check_name_free(define, action->new_name);
    }
    define_try(define, kernel_rename_constraint(define->transaction, define->table_id, part, id,
                                                slice_text(action->new_name), context->error));
}

void define_rename_index(struct define *define, const struct plan_alter *action) {
    const struct table_definition *table = define_table(define);
    const struct index_definition *index = definition_index_of_name(table, slice_text(action->name));
    enum definition_part part = index == NULL ? DEFINITION_PRIMARY_KEY : DEFINITION_INDEX;
    define_try(define, kernel_rename_constraint(define->transaction, define->table_id, part,
                                                index == NULL ? 0 : index->id.value, slice_text(action->new_name),
                                                define->context->error));
}

/* --- keys of rows --- */

static void release_view(void *object) {
    kernel_view_close(object);
}

static void release_scan(void *object) {
    kernel_scan_close(object);
}

/* A change of the definition that is made while the table has no rows. */
struct rekey {
    struct slice name;
    const struct key_part *parts;
    uint32_t part_count;
    const struct column_id *old; /* columns that are replaced by others; NULL: the primary key changes */
    const struct column_id *column;
    uint32_t replaced_count;
};

static void rekey_change(struct define *define, const struct rekey *rekey) {
    struct kmb_error *error = define->context->error;
    for (uint32_t i = 0; i < rekey->replaced_count; i++) {
        define_try(define, kernel_replace_column(define->transaction, define->table_id, rekey->old[i], rekey->column[i],
                                                 error));
    }
    if (rekey->old == NULL) {
        define_try(define, kernel_change_primary_key(define->transaction, define->table_id, rekey->name, rekey->parts,
                                                     rekey->part_count, error));
    }
}

/* "could not create unique index", with the key that the kernel describes. */
static _Noreturn void raise_duplicate(struct define *define) {
    static const char ending[] = "already exists.";
    struct sql_context *context = define->context;
    const char *name = define_text(define, define_table(define)->primary_key_name);
    const char *detail = context->error == NULL ? "" : context->error->detail;
    size_t length = strlen(detail);
    bool known = length > sizeof(ending) && strcmp(detail + length - strlen(ending), ending) == 0;
    const char *made = known ? sql_printf(context, "%.*sis duplicated.", (int)(length - strlen(ending)), detail) : NULL;
    define_about(define, NULL, name);
    sql_raise_with(context, KMB_UNIQUE_VIOLATION, 0, made, NULL, "could not create unique index \"%s\"", name);
}

static void rekey_insert(struct define *define, const struct rekey *rekey, const struct kernel_row *row,
                         struct value *values) {
    struct sql_context *context = define->context;
    const struct table_definition *table = define_table(define);
    sql_try(context, catalogue_row_read(define_catalogue(define), table, row->image, values, context->error));
    enum kmb_status status = kernel_insert(define->transaction, table, values, NULL, NULL, context->error);
    for (uint32_t i = 0; status == KMB_NOT_NULL_VIOLATION && i < rekey->replaced_count; i++) {
        if (values[catalogue_column_ordinal(define_catalogue(define), table, rekey->column[i])].is_null) {
            const char *name = define_text(define, definition_column_of_id(table, rekey->column[i])->name);
            define_about(define, name, NULL);
            sql_raise(context, status, 0, "column \"%s\" of relation \"%s\" contains null values", name,
                      table_name(define));
        }
    }
    if (status == KMB_UNIQUE_VIOLATION) {
        raise_duplicate(define);
    }
    define_try(define, status);
}

/* All rows as the view has them: deleted, or inserted under the definition as it is now. */
static void rekey_pass(struct define *define, const struct rekey *rekey, struct kernel_view *view, bool insert) {
    struct sql_context *context = define->context;
    const struct table_definition *table = catalogue_table_of_id(view->catalogue, define->table_id);
    struct kernel_row *rows = sql_alloc(context, ROWS_AT_ONCE * sizeof(*rows));
    struct value *values = sql_alloc(
        context, (catalogue_stored_count(define_catalogue(define), define_table(define)) + 1) * sizeof(*values));
    struct kernel_scan *scan = NULL;
    size_t count = 0;
    define_try(define, kernel_scan_open(view, table, NULL, &scan, context->error));
    sql_defer(context, release_scan, scan);
    do {
        sql_check_cancel(context);
        define_try(define, kernel_scan_next(scan, rows, ROWS_AT_ONCE, &count, context->error));
        for (size_t i = 0; i < count; i++) {
            if (insert) {
                rekey_insert(define, rekey, &rows[i], values);
            } else {
                define_try(define,
                           kernel_delete(define->transaction, define_table(define), rows[i].key, NULL, context->error));
            }
        }
    } while (count > 0);
    sql_release(context, scan);
}

static void define_rekey(struct define *define, const struct rekey *rekey) {
    struct sql_context *context = define->context;
    struct kernel_view *view = NULL;
    define_try(define, kernel_transaction_view(define->transaction, &view, context->error));
    sql_defer(context, release_view, view);
    rekey_pass(define, rekey, view, false);
    rekey_change(define, rekey);
    rekey_pass(define, rekey, view, true);
    sql_release(context, view);
}

static void add_primary_key(struct define *define, struct slice name, const struct key_part *parts, uint32_t count) {
    struct sql_context *context = define->context;
    if (define_table(define)->primary_key_count > 0) {
        sql_raise(context, KMB_INVALID_TABLE_DEFINITION, 0, "multiple primary keys for table \"%s\" are not allowed",
                  table_name(define));
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(define_table(define), parts[i].column);
        if (!column->not_null) {
            define_try(define,
                       kernel_change_not_null(define->transaction, define->table_id, column->id, true, context->error));
        }
    }
    define_rekey(define, &(struct rekey){.name = name, .parts = parts, .part_count = count});
}

void define_add_primary_key(struct define *define, const struct plan_alter *action) {
    if (action->name[0] != 0) {
        check_name_free(define, action->name);
    }
    const struct key_part *parts = define_key_parts(define, action, "primary key");
    add_primary_key(define, slice_text(action->name), parts, action->column_count);
}

void define_drop_primary_key(struct define *define) {
    define_rekey(define, &(struct rekey){.part_count = 0});
}

/* --- an index that becomes a constraint --- */

static const struct index_definition *use_index_find(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct table_definition *owner = NULL;
    const char *name = action->new_name;
    const struct index_definition *index =
        catalogue_index(define_catalogue(define), define_table(define)->schema_name, slice_text(name), &owner);
    const char *why = NULL;
    if (index == NULL) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "index \"%s\" does not exist", name);
    }
    if (index->constraint) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "index \"%s\" is already associated with a constraint", name);
    }
    if (!table_id_equal(owner->id, define->table_id)) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "index \"%s\" does not belong to table \"%s\"", name,
                  table_name(define));
    }
    if (!index->unique) {
        why = sql_printf(context, "\"%s\" is not a unique index", name);
    } else if (index->filter.value != 0) {
        why = sql_printf(context, "\"%s\" is a partial index", name);
    }
    for (uint32_t i = 0; why == NULL && i < index->part_count; i++) {
        if (definition_column_of_id(owner, index->parts[i].column)->hidden) {
            why = sql_printf(context, "index \"%s\" contains expressions", name);
        } else if (index->parts[i].descending || index->parts[i].nulls_other) {
            why = sql_printf(context, "index \"%s\" column number %u does not have default sorting behavior", name,
                             i + 1);
        }
    }
    if (why != NULL) {
        sql_raise_with(context, KMB_WRONG_OBJECT_TYPE, 0,
                       "Cannot create a primary key or unique constraint using such an index.", NULL, "%s", why);
    }
    return index;
}

void define_use_index(struct define *define, const struct plan_alter *action) {
    struct sql_context *context = define->context;
    const struct index_definition *found = use_index_find(define, action);
    struct index_definition index = *found;
    struct index_id id;
    struct key_part *parts = sql_alloc(context, (index.part_count + 1) * sizeof(*parts));
    memcpy(parts, index.parts, index.part_count * sizeof(*parts));
    index.name = slice_text(action->name[0] != 0 ? action->name : action->new_name);
    index.parts = parts;
    index.constraint = true;
    if (action->name[0] != 0) {
        check_name_free(define, action->name);
    }
    if (action->name[0] != 0 && strcmp(action->name, action->new_name) != 0) {
        sql_notice(context, KMB_OK, NULL, "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"",
                   action->new_name, action->name);
    }
    if (index.include_count > 0) {
        struct column_id *include = sql_alloc(context, index.include_count * sizeof(*include));
        memcpy(include, index.include, index.include_count * sizeof(*include));
        index.include = include;
    }
    define_drop_index(define, define->table_id, index.id);
    if (action->primary) {
        add_primary_key(define, index.name, parts, index.part_count);
    } else {
        define_try(define, kernel_create_index(define->transaction, define->table_id, &index, &id, context->error));
    }
}

/* --- another type of a column --- */

/* What uses the old column, to be made again with the new one. */
struct retyping {
    struct define *define;
    const struct plan_alter **actions; /* one a column */
    struct column_definition *old;     /* as they were */
    struct column_id *columns;         /* those that take their places */
    uint32_t count;
    struct index_definition *indexes;
    const char **index_texts; /* NULL: a constraint, made of its definition */
    const char **index_comments;
    uint32_t index_count;
    struct foreign_key_definition *keys;
    struct table_id *children;
    const char **key_comments;
    uint32_t key_count;
};

/* The column as it is after. */
static struct column_id retype_id(const struct retyping *retyping, struct column_id id) {
    for (uint32_t i = 0; i < retyping->count; i++) {
        if (column_id_equal(retyping->old[i].id, id)) {
            return retyping->columns[i];
        }
    }
    return id;
}

static bool retype_has(const struct retyping *retyping, struct column_id id) {
    bool has = false;
    for (uint32_t i = 0; i < retyping->count; i++) {
        has = has || column_id_equal(retyping->old[i].id, id);
    }
    return has;
}

static void retype_take_indexes(struct retyping *retyping) {
    struct define *define = retyping->define;
    struct sql_context *context = define->context;
    uint32_t count = define_table(define)->index_count;
    retyping->indexes = sql_alloc_zero(context, count + 1, sizeof(*retyping->indexes));
    retyping->index_texts = sql_alloc_zero(context, count + 1, sizeof(*retyping->index_texts));
    retyping->index_comments = sql_alloc_zero(context, count + 1, sizeof(*retyping->index_comments));
    for (uint32_t i = 0; i < define_table(define)->index_count;) {
        const struct table_definition *table = define_table(define);
        struct index_definition index = table->indexes[i];
        bool reads = false;
        for (uint32_t k = 0; k < retyping->count; k++) {
            reads = reads || bind_index_reads(context, table, &index, &retyping->old[k]);
        }
        if (!reads) {
            i++;
            continue;
        }
        struct key_part *parts = sql_alloc(context, (index.part_count + 1) * sizeof(*parts));
        struct column_id *include = sql_alloc(context, (index.include_count + 1) * sizeof(*include));
        for (uint32_t k = 0; k < index.part_count; k++) {
            parts[k] = index.parts[k];
        }
        for (uint32_t k = 0; k < index.include_count; k++) {
            include[k] = index.include[k];
        }
        if (!index.constraint) {
            retyping->index_texts[retyping->index_count] =
                bind_index_text(context, table, &index, define_text(define, index.name), quoted_table(define));
        }
        struct slice comment = definition_comment(table, DEFINITION_INDEX, index.id.value);
        retyping->index_comments[retyping->index_count] = define_text(define, comment);
        index.name = slice_text(define_text(define, index.name));
        index.parts = parts;
        index.include = include;
        retyping->indexes[retyping->index_count++] = index;
        define_drop_index(define, define->table_id, index.id);
    }
}

static bool key_uses(const struct retyping *retyping, const struct table_definition *child,
                     const struct foreign_key_definition *key) {
    struct table_id table = retyping->define->table_id;
    bool uses = false;
    for (uint32_t i = 0; i < key->part_count; i++) {
        uses = uses || (table_id_equal(child->id, table) && retype_has(retyping, key->parts[i].column)) ||
               (table_id_equal(key->parent, table) && retype_has(retyping, key->parts[i].parent));
    }
    return uses;
}

static void retype_take_key(struct retyping *retyping, const struct table_definition *child, uint32_t ordinal) {
    struct define *define = retyping->define;
    struct sql_context *context = define->context;
    uint32_t at = retyping->key_count++;
    struct foreign_key_definition *keys = sql_alloc(context, (at + 1) * sizeof(*keys));
    struct table_id *children = sql_alloc(context, (at + 1) * sizeof(*children));
    const char **comments = sql_alloc(context, (at + 1) * sizeof(*comments));
    for (uint32_t i = 0; i < at; i++) {
        keys[i] = retyping->keys[i];
        children[i] = retyping->children[i];
        comments[i] = retyping->key_comments[i];
    }
    struct foreign_key_definition key = child->foreign_keys[ordinal];
    struct reference_part *parts = sql_alloc(context, (key.part_count + 1) * sizeof(*parts));
    struct column_id *set = sql_alloc(context, (key.set_count + 1) * sizeof(*set));
    for (uint32_t i = 0; i < key.part_count; i++) {
        parts[i] = key.parts[i];
    }
    for (uint32_t i = 0; i < key.set_count; i++) {
        set[i] = key.set_columns[i];
    }
    comments[at] = define_text(define, definition_comment(child, DEFINITION_CONSTRAINT, key.id.value));
    key.name = slice_text(define_text(define, key.name));
    key.parts = parts;
    key.set_columns = set;
    keys[at] = key;
    children[at] = child->id;
    retyping->keys = keys;
    retyping->children = children;
    retyping->key_comments = comments;
    define_try(define, kernel_drop_foreign_key(define->transaction, child->id, key.id, context->error));
}

static void retype_take_keys(struct retyping *retyping) {
    for (bool again = true; again;) {
        again = false;
        const struct catalogue *catalogue = define_catalogue(retyping->define);
        for (uint32_t t = 0; t < catalogue_table_count(catalogue) && !again; t++) {
            const struct table_definition *child = catalogue_table_at(catalogue, t);
            for (uint32_t i = 0; i < child->foreign_key_count && !again; i++) {
                if (key_uses(retyping, child, &child->foreign_keys[i])) {
                    retype_take_key(retyping, child, i);
                    again = true;
                }
            }
        }
    }
}

static void retype_give_indexes(struct retyping *retyping) {
    struct define *define = retyping->define;
    struct kmb_error *error = define->context->error;
    for (uint32_t i = 0; i < retyping->index_count; i++) {
        struct index_definition *index = &retyping->indexes[i];
        struct index_id id;
        for (uint32_t k = 0; k < index->part_count; k++) {
            struct key_part *part = (struct key_part *)(uintptr_t)&index->parts[k];
            part->column = retype_id(retyping, part->column);
        }
        for (uint32_t k = 0; k < index->include_count; k++) {
            struct column_id *column = (struct column_id *)(uintptr_t)&index->include[k];
            *column = retype_id(retyping, *column);
        }
        if (retyping->index_texts[i] != NULL) {
            define_execute(define, retyping->index_texts[i]);
            id = definition_index_of_name(define_table(define), index->name)->id;
        } else {
            define_try(define, kernel_create_index(define->transaction, define->table_id, index, &id, error));
        }
        if (retyping->index_comments[i][0] != 0) {
            define_try(define, kernel_comment(define->transaction, define->table_id, DEFINITION_INDEX, id.value,
                                              slice_text(retyping->index_comments[i]), error));
        }
    }
}

static void retype_check_key(struct define *define, const struct table_definition *child,
                             const struct foreign_key_definition *key) {
    const struct table_definition *parent = catalogue_table_of_id(define_catalogue(define), key->parent);
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct column_definition *column = definition_column_of_id(child, key->parts[i].column);
        const struct column_definition *other = definition_column_of_id(parent, key->parts[i].parent);
        if (!kernel_reference_types(column->type, other->type)) {
            define_raise_types(define, 0, define_text(define, key->name), column, other);
        }
    }
}

static void retype_give_keys(struct retyping *retyping) {
    struct define *define = retyping->define;
    struct kmb_error *error = define->context->error;
    for (uint32_t i = 0; i < retyping->key_count; i++) {
        struct foreign_key_definition *key = &retyping->keys[i];
        bool own = table_id_equal(retyping->children[i], define->table_id);
        bool parent = table_id_equal(key->parent, define->table_id);
        for (uint32_t k = 0; k < key->part_count; k++) {
            struct reference_part *part = (struct reference_part *)(uintptr_t)&key->parts[k];
            part->column = own ? retype_id(retyping, part->column) : part->column;
            part->parent = parent ? retype_id(retyping, part->parent) : part->parent;
        }
        for (uint32_t k = 0; k < key->set_count; k++) {
            struct column_id *column = (struct column_id *)(uintptr_t)&key->set_columns[k];
            *column = own ? retype_id(retyping, *column) : *column;
        }
        const struct table_definition *child = catalogue_table_of_id(define_catalogue(define), retyping->children[i]);
        retype_check_key(define, child, key);
        define_try(define, kernel_add_foreign_key(define->transaction, child->id, key, error));
        if (retyping->key_comments[i][0] != 0) {
            child = catalogue_table_of_id(define_catalogue(define), retyping->children[i]);
            uint32_t id = child->foreign_keys[child->foreign_key_count - 1].id.value;
            define_try(define, kernel_comment(define->transaction, child->id, DEFINITION_CONSTRAINT, id,
                                              slice_text(retyping->key_comments[i]), error));
        }
    }
}

/* The bounds of a sequence that had all values of its type. */
static void retype_sequence_rule(struct sequence_definition *rule, enum type_id type) {
    static const struct {
        enum type_id type;
        int64_t low;
        int64_t high;
    } kinds[] = {
        {TYPE_INT2, INT16_MIN, INT16_MAX}, {TYPE_INT4, INT32_MIN, INT32_MAX}, {TYPE_INT8, INT64_MIN, INT64_MAX}};
    size_t was = 0;
    size_t is = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        was = kinds[i].type == rule->type ? i : was;
        is = kinds[i].type == type ? i : is;
    }
    rule->type = kinds[is].type;
    rule->maximum = rule->maximum == kinds[was].high ? kinds[is].high : rule->maximum;
    rule->minimum = rule->minimum == kinds[was].low ? kinds[is].low : rule->minimum;
}

/* Sequences that the old column owns, and its default, become the new one's. */
static void retype_default(struct retyping *retyping, uint32_t number) {
    struct define *define = retyping->define;
    struct kmb_error *error = define->context->error;
    const struct column_definition *old = &retyping->old[number];
    const struct plan_alter *action = retyping->actions[number];
    struct column_id column = retyping->columns[number];
    const struct table_definition *sequence = NULL;
    while ((sequence = catalogue_owned_sequence(define_catalogue(define), define->table_id, old->id)) != NULL) {
        struct sequence_definition rule = sequence->sequence;
        rule.owner_column = column;
        if (default_is_identity(old->default_kind)) {
            retype_sequence_rule(&rule, action->column.type.id);
        }
        define_try(define, kernel_change_sequence(define->transaction, sequence->id, &rule, NULL, error));
    }
    if (old->default_kind != DEFAULT_NONE) {
        struct slice text = action->default_text.length > 0 ? action->default_text : old->default_text;
        define_try(define, kernel_change_default(define->transaction, define->table_id, column, old->default_kind, text,
                                                 error));
    }
    if (old->not_null) {
        define_try(define, kernel_change_not_null(define->transaction, define->table_id, column, true, error));
    }
}

/* Checks may mean something else of the new type, or nothing at all. */
static void retype_checks(struct retyping *retyping) {
    struct define *define = retyping->define;
    const struct table_definition *table = define_table(define);
    for (uint32_t i = 0; i < table->check_count; i++) {
        const char *text = define_text(define, table->checks[i].text);
        bool names = false;
        for (uint32_t k = 0; k < retyping->count; k++) {
            names = names || parse_names_column(parse_expression(define->context, text), retyping->actions[k]->name);
        }
        if (names && !table->checks[i].not_valid) {
            check_rows(define, define_text(define, table->checks[i].name), text);
        }
    }
}

/* The new columns, hidden beside the old ones, and their values, all computed of the old row; then each takes its
 * place: those of the primary key together, while there are no rows. */
static void retype_columns(struct retyping *retyping) {
    struct define *define = retyping->define;
    struct sql_context *context = define->context;
    struct column_id *old = sql_alloc(context, (retyping->count + 1) * sizeof(*old));
    struct column_id *keys = sql_alloc(context, (retyping->count + 1) * sizeof(*keys));
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < retyping->count; i++) {
        const struct plan_alter *action = retyping->actions[i];
        retyping->columns[i] = define_hidden_add(define, action->column.type, action->text);
        if (define_is_key(define, retyping->old[i].id)) {
            sql_try(context, key_type_check(action->column.type, context->error));
            old[key_count] = retyping->old[i].id;
            keys[key_count++] = retyping->columns[i];
        }
    }
    define_hidden_fill(define);
    for (uint32_t i = 0; i < retyping->count; i++) {
        if (!define_is_key(define, retyping->old[i].id)) {
            define_try(define, kernel_replace_column(define->transaction, define->table_id, retyping->old[i].id,
                                                     retyping->columns[i], context->error));
        }
    }
    if (key_count > 0) {
        define_rekey(define, &(struct rekey){.old = old, .column = keys, .replaced_count = key_count});
    }
}

void define_change_types(struct define *define, const struct plan_alter *actions, uint32_t count) {
    struct sql_context *context = define->context;
    struct retyping retyping = {.define = define};
    retyping.actions = sql_alloc(context, (count + 1) * sizeof(*retyping.actions));
    retyping.old = sql_alloc(context, (count + 1) * sizeof(*retyping.old));
    retyping.columns = sql_alloc(context, (count + 1) * sizeof(*retyping.columns));
    for (uint32_t i = 0; i < count; i++) {
        struct column_definition old = *define_column(define, actions[i].name);
        struct type type = actions[i].column.type;
        if (retype_has(&retyping, old.id)) {
            sql_raise(context, KMB_UNSUPPORTED, 0, "cannot alter type of column \"%s\" twice", actions[i].name);
        }
        if (old.type.id == type.id && old.type.modifier == type.modifier && old.type.domain == type.domain &&
            actions[i].missing_ok) {
            continue; /* the type it has, without USING */
        }
        old.name = slice_text(define_text(define, old.name));
        old.default_text = slice_text(define_text(define, old.default_text));
        retyping.actions[retyping.count] = &actions[i];
        retyping.old[retyping.count++] = old;
    }
    if (retyping.count == 0) {
        return;
    }
    retype_take_keys(&retyping);
    retype_take_indexes(&retyping);
    retype_columns(&retyping);
    for (uint32_t i = 0; i < retyping.count; i++) {
        retype_default(&retyping, i);
    }
    retype_checks(&retyping);
    retype_give_indexes(&retyping);
    retype_give_keys(&retyping);
}
