/*
 * Foreign keys made and dropped: names become ids of what is there when the constraint is made.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/define_internal.h"
#include "sql/type_text.h"

static _Noreturn void raise_foreign(struct define *define, const struct plan_foreign *foreign, const char *message) {
    sql_raise(define->context, KMB_INVALID_FOREIGN_KEY, foreign->position, "%s", message);
}

static const struct column_definition *foreign_column(struct define *define, const struct plan_foreign *foreign,
                                                      const struct table_definition *table, const char *name) {
    const struct column_definition *column = definition_column_of_name(table, slice_text(name));
    if (column == NULL) {
        sql_raise(define->context, KMB_UNDEFINED_COLUMN, foreign->position,
                  "column \"%s\" referenced in foreign key constraint does not exist", name);
    }
    return column;
}

_Noreturn void define_raise_types(struct define *define, uint32_t position, const char *name,
                                  const struct column_definition *column, const struct column_definition *other) {
    struct sql_context *context = define->context;
    sql_raise_with(context, KMB_DATATYPE_MISMATCH, position,
                   sql_printf(context, "Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.",
                              define_text(define, column->name), define_text(define, other->name),
                              sql_type_format(context, column->type), sql_type_format(context, other->type)),
                   NULL, "foreign key constraint \"%s\" cannot be implemented", name);
}

/* Whether a unique key of the table has exactly the parts' parent columns. */
static bool foreign_key_unique(const struct table_definition *parent, const struct reference_part *parts,
                               uint32_t count, const struct key_part *key, uint32_t key_count) {
    bool same = key_count == count;
    for (uint32_t i = 0; same && i < key_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < count; k++) {
            found = found || column_id_equal(parts[k].parent, key[i].column);
        }
        same = found;
    }
    (void)parent;
    return same;
}

static void foreign_parts(struct define *define, const struct plan_foreign *foreign,
                          const struct table_definition *child, const struct table_definition *parent, const char *name,
                          struct reference_part *parts) {
    struct sql_context *context = define->context;
    const char *parent_name = foreign->parent;
    uint32_t count = foreign->parent_count == 0 ? parent->primary_key_count : foreign->parent_count;
    if (foreign->parent_count == 0 && parent->primary_key_count == 0) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, foreign->position,
                  "there is no primary key for referenced table \"%s\"", parent_name);
    }
    for (uint32_t i = 0; i < foreign->column_count; i++) {
        parts[i].column = foreign_column(define, foreign, child, foreign->columns[i])->id;
    }
    if (count != foreign->column_count) {
        raise_foreign(define, foreign, "number of referencing and referenced columns for foreign key disagree");
    }
    for (uint32_t i = 0; i < count; i++) {
        parts[i].parent = foreign->parent_count == 0
                              ? parent->primary_key[i].column
                              : foreign_column(define, foreign, parent, foreign->parent_columns[i])->id;
        for (uint32_t k = 0; k < i; k++) {
            if (column_id_equal(parts[k].parent, parts[i].parent)) {
                raise_foreign(define, foreign, "foreign key referenced-columns list must not contain duplicates");
            }
        }
    }
    bool unique = foreign_key_unique(parent, parts, count, parent->primary_key, parent->primary_key_count);
    for (uint32_t i = 0; i < parent->index_count && !unique; i++) {
        const struct index_definition *index = &parent->indexes[i];
        unique = index->unique && index->filter.value == 0 &&
                 foreign_key_unique(parent, parts, count, index->parts, index->part_count);
    }
    if (!unique) {
        sql_raise(context, KMB_INVALID_FOREIGN_KEY, foreign->position,
                  "there is no unique constraint matching given keys for referenced table \"%s\"", parent_name);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(child, parts[i].column);
        const struct column_definition *other = definition_column_of_id(parent, parts[i].parent);
        if (!kernel_reference_types(column->type, other->type)) {
            define_raise_types(define, foreign->position, name, column, other);
        }
        bool sets = foreign->on_update > REFERENCE_RESTRICT;
        if (column->default_kind == DEFAULT_GENERATED && (sets || foreign->on_delete > REFERENCE_CASCADE)) {
            sql_raise(context, KMB_SYNTAX, foreign->position,
                      "invalid ON %s action for foreign key constraint containing generated column",
                      sets ? "UPDATE" : "DELETE");
        }
    }
}

bool define_constraint_named(const struct table_definition *table, const char *name) {
    bool found = table->primary_key_count > 0 && slice_equal_text(table->primary_key_name, name);
    for (uint32_t i = 0; i < table->check_count && !found; i++) {
        found = slice_equal_text(table->checks[i].name, name);
    }
    for (uint32_t i = 0; i < table->index_count && !found; i++) {
        found = table->indexes[i].constraint && slice_equal_text(table->indexes[i].name, name);
    }
    for (uint32_t i = 0; i < table->foreign_key_count && !found; i++) {
        found = slice_equal_text(table->foreign_keys[i].name, name);
    }
    return found;
}

static const char *foreign_name(struct define *define, const struct plan_foreign *foreign,
                                const struct table_definition *child) {
    struct sql_context *context = define->context;
    if (foreign->name != NULL) {
        if (define_constraint_named(child, foreign->name)) {
            sql_raise(context, KMB_DUPLICATE_OBJECT, 0, "constraint \"%s\" for relation \"%s\" already exists",
                      foreign->name, define_text(define, child->name));
        }
        return foreign->name;
    }
    const char *columns = "";
    for (uint32_t i = 0; i < foreign->column_count; i++) {
        columns = sql_printf(context, "%s%s%s", columns, i == 0 ? "" : "_", foreign->columns[i]);
    }
    char *name = sql_alloc(context, DEFINITION_NAME_BYTES_MAX + 1);
    unsigned number = 0;
    do {
        kernel_name_make(child->name, slice_text(columns), "fkey", number++, name);
    } while (define_constraint_named(child, name));
    return name;
}

void define_foreign(struct define *define, const struct plan_foreign *foreign) {
    struct sql_context *context = define->context;
    const struct table_definition *child = define_table(define);
    struct sql_relation found;
    if (!sql_path_find(sql_path_of(context), define_catalogue(define), foreign->parent_schema, foreign->parent,
                       &found)) {
        bool named = foreign->parent_schema != NULL && foreign->parent_schema[0] != 0;
        sql_raise(context, KMB_UNDEFINED_TABLE, 0, "relation \"%s%s%s\" does not exist",
                  named ? foreign->parent_schema : "", named ? "." : "", foreign->parent);
    }
    const struct table_definition *parent = found.table;
    if (sql_relation_is_index(&found) || !definition_is_table(parent)) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0, "referenced relation \"%s\" is not a table", foreign->parent);
    }
    if (foreign->column_count > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, foreign->position, "cannot have more than %d keys in a foreign key",
                  DEFINITION_KEY_COLUMNS_MAX);
    }
    const char *name = foreign_name(define, foreign, child);
    struct reference_part *parts = sql_alloc_zero(context, foreign->column_count + 1, sizeof(*parts));
    struct column_id *set = sql_alloc_zero(context, foreign->set_count + 1, sizeof(*set));
    foreign_parts(define, foreign, child, parent, name, parts);
    for (uint32_t i = 0; i < foreign->set_count; i++) {
        set[i] = foreign_column(define, foreign, child, foreign->set_columns[i])->id;
        bool member = false;
        for (uint32_t k = 0; k < foreign->column_count; k++) {
            member = member || column_id_equal(parts[k].column, set[i]);
        }
        if (!member) {
            sql_raise(context, KMB_INVALID_COLUMN_REFERENCE, 0,
                      "column \"%s\" referenced in ON DELETE SET action must be part of foreign key",
                      foreign->set_columns[i]);
        }
    }
    struct foreign_key_definition key = {
        .name = slice_text(name),
        .parent = parent->id,
        .parts = parts,
        .part_count = foreign->column_count,
        .match_full = foreign->match_full,
        .on_update = foreign->on_update,
        .on_delete = foreign->on_delete,
        .set_columns = set,
        .set_count = foreign->set_count,
        .deferrable = foreign->deferrable,
        .deferred = foreign->deferred,
        .not_valid = foreign->not_valid,
    };
    define_try(define, kernel_add_foreign_key(define->transaction, define->table_id, &key, context->error));
}

static void tell_dropped(struct define *define, const struct foreign_key_definition *key,
                         const struct table_definition *child) {
    sql_cascades_add(define->context, &define->cascades,
                     sql_printf(define->context, "constraint %s on table %s", define_text(define, key->name),
                                define_text(define, child->name)));
}

void define_drop_references(struct define *define, const struct key_part *parts, uint32_t part_count, const char *what,
                            const char *index, bool cascade) {
    struct sql_context *context = define->context;
    const struct table_definition *child = NULL;
    const struct foreign_key_definition *key = NULL;
    struct key_part own[DEFINITION_KEY_COLUMNS_MAX]; /* the table may be another one after a drop */
    ASSERT(part_count <= DEFINITION_KEY_COLUMNS_MAX);
    memcpy(own, parts, part_count * sizeof(*own));
    while ((key = bind_key_needed(define_catalogue(define), define_table(define), own, part_count, &child)) != NULL) {
        if (!cascade) {
            sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0,
                           sql_printf(context, "constraint %s on table %s depends on %s",
                                      define_text(define, key->name), define_text(define, child->name), index),
                           "Use DROP ... CASCADE to drop the dependent objects too.",
                           "cannot drop %s on table %s because other objects depend on it", what,
                           define_text(define, define_table(define)->name));
        }
        tell_dropped(define, key, child);
        define_try(define, kernel_drop_foreign_key(define->transaction, child->id, key->id, context->error));
    }
}

void define_drop_foreign(struct define *define, const char *name, struct column_id column, bool cascade) {
    struct sql_context *context = define->context;
    for (bool again = true; again;) {
        again = false;
        const struct catalogue *catalogue = define_catalogue(define);
        for (uint32_t t = 0; t < catalogue_table_count(catalogue) && !again; t++) {
            const struct table_definition *child = catalogue_table_at(catalogue, t);
            for (uint32_t i = 0; i < child->foreign_key_count && !again; i++) {
                const struct foreign_key_definition *key = &child->foreign_keys[i];
                bool own = false;
                bool other = false;
                for (uint32_t k = 0; k < key->part_count; k++) {
                    own = own || (table_id_equal(child->id, define->table_id) &&
                                  column_id_equal(key->parts[k].column, column));
                    other = other || (table_id_equal(key->parent, define->table_id) &&
                                      column_id_equal(key->parts[k].parent, column));
                }
                if (other && !own && !cascade) {
                    const char *table = define_text(define, define_table(define)->name);
                    sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0,
                                   sql_printf(context, "constraint %s on table %s depends on column %s of table %s",
                                              define_text(define, key->name), define_text(define, child->name), name,
                                              table),
                                   "Use DROP ... CASCADE to drop the dependent objects too.",
                                   "cannot drop column %s of table %s because other objects depend on it", name, table);
                }
                if (other && !own) {
                    tell_dropped(define, key, child);
                }
                if (own || other) {
                    define_try(define,
                               kernel_drop_foreign_key(define->transaction, child->id, key->id, context->error));
                    again = true;
                }
            }
        }
    }
}
