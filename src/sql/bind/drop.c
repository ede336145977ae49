/*
 * DROP: what is named, and what goes with it or is in its way.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

/* What is named; *schema NULL: in the path. False: there is nothing of the name, and that is no error. */
static bool drop_find(struct bind *bind, const struct catalogue *catalogue, const PgQuery__Node *object,
                      const char *kind, bool missing_ok, const char **name, struct sql_relation *found) {
    struct sql_context *context = bind->context;
    const char *schema = NULL;
    if (object->node_case != PG_QUERY__NODE__NODE_LIST || object->list->n_items == 0) {
        sql_raise_unsupported(context, bind->tokens->first, "this DROP");
    }
    bind_name_parts(bind, object->list->items, object->list->n_items, &schema, name);
    if (sql_path_find(bind_path(bind), catalogue, schema, *name, found)) {
        return true;
    }
    if (!missing_ok && schema != NULL && !sql_schema_exists(catalogue, schema)) {
        sql_raise(context, KMB_UNDEFINED_SCHEMA, 0, "schema \"%s\" does not exist", schema);
    }
    if (schema != NULL && !sql_schema_exists(catalogue, schema)) {
        bind_notice(bind, KMB_OK, "schema \"%s\" does not exist, skipping", schema);
        return false;
    }
    if (missing_ok) {
        bind_notice(bind, KMB_OK, "%s \"%s\" does not exist, skipping", kind, *name);
    } else {
        sql_raise(context, kind[0] == 'i' ? KMB_UNDEFINED_OBJECT : KMB_UNDEFINED_TABLE, 0, "%s \"%s\" does not exist",
                  kind, *name);
    }
    return false;
}

/* "table", "view", "sequence": as errors call it. */
static const char *relation_kind(const struct table_definition *relation) {
    return definition_is_view(relation) ? "view" : definition_is_sequence(relation) ? "sequence" : "table";
}

/* A table, a view or a sequence: what kind says. */
static void drop_relation(struct bind *bind, const char *name, const struct sql_relation *relation, const char *kind,
                          struct plan_drop *drop) {
    struct sql_context *context = bind->context;
    const char *found = sql_relation_is_index(relation) ? "index" : relation_kind(relation->table);
    const char *upper = found[0] == 't' ? "TABLE" : found[0] == 'v' ? "VIEW" : found[0] == 's' ? "SEQUENCE" : "INDEX";
    if (strcmp(found, kind) != 0) {
        const char *article = found[0] == 'i' ? "an" : "a";
        sql_raise_with(context, KMB_WRONG_OBJECT_TYPE, 0, NULL,
                       sql_printf(context, "Use DROP %s to remove %s %s.", upper, article, found), "\"%s\" is not a %s",
                       name, kind);
    }
    drop->table = relation->table->id;
}

static void drop_index(struct bind *bind, const struct catalogue *catalogue, const char *name,
                       const struct sql_relation *relation, struct plan_drop *drop) {
    const struct table_definition *owner = relation->table;
    const struct index_definition *index = relation->index;
    if (!sql_relation_is_index(relation)) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0, NULL, "Use DROP TABLE to remove a table.",
                       "\"%s\" is not an index", name);
    }
    if (relation->primary || index->constraint) {
        const char *table_name = bind_relation_text(bind, catalogue, owner);
        sql_raise_with(bind->context, KMB_DEPENDENT_OBJECTS, 0, NULL,
                       sql_printf(bind->context, "You can drop constraint %s on table %s instead.", name, table_name),
                       "cannot drop index %s because constraint %s on table %s requires it", name, name, table_name);
    }
    const struct table_definition *child = NULL;
    const struct foreign_key_definition *key =
        index->unique ? bind_key_needed(catalogue, owner, index->parts, index->part_count, &child) : NULL;
    if (key != NULL) {
        struct sql_context *context = bind->context;
        sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0,
                       sql_printf(context, "constraint %s on table %s depends on index %s",
                                  bind_text(context, key->name), bind_relation_text(bind, catalogue, child), name),
                       "Use DROP ... CASCADE to drop the dependent objects too.",
                       "cannot drop index %s because other objects depend on it", name);
    }
    drop->table = owner->id;
    drop->index = index->id;
}

struct drops {
    struct bind *bind;
    const struct catalogue *catalogue;
    bool cascade;
    struct sql_cascades cascades; /* what goes with what is named */
    struct plan_drop *list;
    uint32_t count;
    uint32_t capacity;
};

static bool drops_have(const struct drops *drops, const struct plan_drop *one) {
    for (uint32_t i = 0; i < drops->count; i++) {
        const struct plan_drop *other = &drops->list[i];
        if (other->of_schema == one->of_schema && other->schema.value == one->schema.value &&
            other->table.value == one->table.value && other->index.value == one->index.value &&
            other->default_of.value == one->default_of.value && other->foreign_key.value == one->foreign_key.value) {
            return true;
        }
    }
    return false;
}

static bool drops_have_table(const struct drops *drops, struct table_id table) {
    struct plan_drop one = {.table = table};
    return drops_have(drops, &one);
}

static void drops_add(struct drops *drops, const struct plan_drop *one) {
    if (drops_have(drops, one)) {
        return;
    }
    if (drops->count == drops->capacity) {
        struct plan_drop *grown = sql_alloc_zero(drops->bind->context, (size_t)drops->capacity * 2 + 8, sizeof(*grown));
        if (drops->count > 0) {
            memcpy(grown, drops->list, drops->count * sizeof(*grown));
        }
        drops->list = grown;
        drops->capacity = drops->capacity * 2 + 8;
    }
    drops->list[drops->count++] = *one;
}

/* What depends on `dropped` goes with it, or is in its way. */
static void drops_depend(struct drops *drops, const struct table_definition *dropped, const struct plan_drop *one,
                         const char *what) {
    struct sql_context *context = drops->bind->context;
    if (drops_have(drops, one)) {
        return;
    }
    if (!drops->cascade) {
        const char *kind = relation_kind(dropped);
        const char *name = bind_relation_text(drops->bind, drops->catalogue, dropped);
        sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0, sql_printf(context, "%s depends on %s %s", what, kind, name),
                       "Use DROP ... CASCADE to drop the dependent objects too.",
                       "cannot drop %s %s because other objects depend on it", kind, name);
    }
    sql_cascades_add(context, &drops->cascades, what);
    drops_add(drops, one);
}

static void drop_views(struct drops *drops, const struct table_definition *dropped) {
    struct sql_context *context = drops->bind->context;
    for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
        const struct table_definition *view = catalogue_table_at(drops->catalogue, k);
        struct plan_drop one = {.table = view->id};
        if (definition_is_view(view) && bind_view_reads(drops->bind, view, dropped)) {
            drops_depend(drops, dropped, &one,
                         sql_printf(context, "view %s", bind_relation_text(drops->bind, drops->catalogue, view)));
        }
    }
}

/* The sequences that a table's columns own. */
static void drop_owned(struct drops *drops, const struct table_definition *dropped) {
    for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
        const struct table_definition *sequence = catalogue_table_at(drops->catalogue, k);
        if (definition_is_sequence(sequence) && table_id_equal(sequence->sequence.owner, dropped->id)) {
            drops_add(drops, &(struct plan_drop){.table = sequence->id});
        }
    }
}

/* The defaults that take a sequence's values. */
static void drop_defaults(struct drops *drops, const struct table_definition *dropped) {
    struct sql_context *context = drops->bind->context;
    const char *name = bind_relation_text(drops->bind, drops->catalogue, dropped);
    const struct sequence_definition *rule = &dropped->sequence;
    if (bind_is_identity(drops->bind, rule) && !drops_have_table(drops, rule->owner)) {
        const struct table_definition *owner = catalogue_table_of_id(drops->catalogue, rule->owner);
        const char *column = bind_text(context, definition_column_of_id(owner, rule->owner_column)->name);
        const char *table = bind_relation_text(drops->bind, drops->catalogue, owner);
        sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0, NULL,
                       sql_printf(context, "You can drop column %s of table %s instead.", column, table),
                       "cannot drop sequence %s because column %s of table %s requires it", name, column, table);
    }
    for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
        const struct table_definition *table = catalogue_table_at(drops->catalogue, k);
        for (uint32_t i = 0; i < table->column_count && !drops_have_table(drops, table->id); i++) {
            const struct column_definition *column = &table->columns[i];
            if (column->dropped || column->default_kind != DEFAULT_EXPRESSION) {
                continue;
            }
            PgQuery__Node *tree = parse_expression(context, bind_text(context, column->default_text));
            struct plan_drop one = {.table = table->id, .default_of = column->id};
            if (parse_names_relation(context, &tree->base, bind_text(context, dropped->schema_name),
                                     bind_text(context, dropped->name))) {
                drops_depend(drops, dropped, &one,
                             sql_printf(context, "default value for column %s of table %s",
                                        bind_text(context, column->name),
                                        bind_relation_text(drops->bind, drops->catalogue, table)));
            }
        }
    }
}

/* The foreign keys of other tables that refer to a table. */
static void drop_foreign_keys(struct drops *drops, const struct table_definition *dropped) {
    struct sql_context *context = drops->bind->context;
    for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
        const struct table_definition *child = catalogue_table_at(drops->catalogue, k);
        for (uint32_t i = 0; i < child->foreign_key_count && !drops_have_table(drops, child->id); i++) {
            const struct foreign_key_definition *key = &child->foreign_keys[i];
            struct plan_drop one = {.table = child->id, .foreign_key = key->id};
            if (table_id_equal(key->parent, dropped->id)) {
                drops_depend(drops, dropped, &one,
                             sql_printf(context, "constraint %s on table %s", bind_text(context, key->name),
                                        bind_relation_text(drops->bind, drops->catalogue, child)));
            }
        }
    }
}

/* What goes with a table stands before it: a foreign key is dropped while its parent is there. */
static void drops_order(struct drops *drops) {
    uint32_t done = 0;
    for (uint32_t i = 0; i < drops->count; i++) {
        if (drops->list[i].default_of.value != 0 || drops->list[i].foreign_key.value != 0) {
            struct plan_drop one = drops->list[i];
            memmove(&drops->list[done + 1], &drops->list[done], (i - done) * sizeof(one));
            drops->list[done++] = one;
        }
    }
}

static void drop_dependents(struct drops *drops) {
    for (uint32_t i = 0; i < drops->count; i++) { /* it grows meanwhile */
        const struct table_definition *dropped = catalogue_table_of_id(drops->catalogue, drops->list[i].table);
        if (drops->list[i].of_schema || drops->list[i].default_of.value != 0 || drops->list[i].foreign_key.value != 0) {
            continue;
        }
        drop_views(drops, dropped);
        drop_foreign_keys(drops, dropped);
        if (definition_is_sequence(dropped)) {
            drop_defaults(drops, dropped);
        } else {
            drop_owned(drops, dropped);
        }
    }
}

/* --- schemas --- */

#define DROP_DETAIL_LINES 100 /* as PostgreSQL */

/* What is in a schema goes with it, or is in its way. */
static void drop_contents(struct drops *drops, const struct schema_definition *schema) {
    struct sql_context *context = drops->bind->context;
    const char *name = parse_quote_name(context, bind_text(context, schema->name));
    const char *detail = "";
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalogue_table_count(drops->catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(drops->catalogue, i);
        if (!slice_equal(table->schema_name, schema->name)) {
            continue;
        }
        if (drops->cascade) {
            if (table->sequence.owner.value == 0) {
                sql_cascades_add(context, &drops->cascades,
                                 sql_printf(context, "%s %s", relation_kind(table),
                                            bind_relation_text(drops->bind, drops->catalogue, table)));
            }
            drops_add(drops, &(struct plan_drop){.table = table->id});
        } else if (table->sequence.owner.value != 0) {
            continue; /* it goes with its owner */
        } else if (count++ < DROP_DETAIL_LINES) {
            detail = sql_printf(context, "%s%s%s %s depends on schema %s", detail, count == 1 ? "" : "\n",
                                relation_kind(table), bind_relation_text(drops->bind, drops->catalogue, table), name);
        }
    }
    for (uint32_t i = 0; i < catalogue_type_count(drops->catalogue) && !drops->cascade; i++) {
        const struct table_definition *type = catalogue_type_at(drops->catalogue, i);
        if (slice_equal(type->schema_name, schema->name) && count++ < DROP_DETAIL_LINES) {
            detail = sql_printf(context, "%s%stype %s depends on schema %s", detail, count == 1 ? "" : "\n",
                                bind_type_text(drops->bind, definition_type(type)), name);
        }
    }
    if (count > 0) {
        sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0, detail,
                       "Use DROP ... CASCADE to drop the dependent objects too.",
                       "cannot drop schema %s because other objects depend on it", name);
    }
}

/* The types of a schema go behind its tables; what is of one elsewhere is in its way. */
static void drop_types(struct drops *drops, struct schema_id id) {
    struct bind *bind = drops->bind;
    const struct schema_definition *schema = catalogue_schema_of_id(drops->catalogue, id);
    for (uint32_t k = catalogue_type_count(drops->catalogue); k > 0; k--) {
        const struct table_definition *type = catalogue_type_at(drops->catalogue, k - 1);
        if (!slice_equal(type->schema_name, schema->name)) {
            continue;
        }
        for (uint32_t i = 0; i < catalogue_table_count(drops->catalogue); i++) {
            const struct table_definition *table = catalogue_table_at(drops->catalogue, i);
            for (uint32_t c = 0; c < table->column_count && !drops_have_table(drops, table->id); c++) {
                if (bind_column_of(type, &table->columns[c])) {
                    sql_raise_unsupported(bind->context, 0,
                                          "DROP SCHEMA CASCADE with a type that table %s outside of it has",
                                          bind_relation_text(bind, drops->catalogue, table));
                }
            }
        }
        sql_cascades_add(bind->context, &drops->cascades,
                         sql_printf(bind->context, "type %s", bind_type_text(bind, definition_type(type))));
        drops_add(drops, &(struct plan_drop){.table = type->id});
    }
}

/* Schemas go last, when there is nothing in them. */
static void bind_drop_schemas(struct drops *drops, const PgQuery__DropStmt *drop) {
    struct bind *bind = drops->bind;
    struct plan_drop *schemas = sql_alloc_zero(bind->context, drop->n_objects + 1, sizeof(*schemas));
    uint32_t count = 0;
    for (size_t i = 0; i < drop->n_objects; i++) {
        const char *name = bind_string(drop->objects[i]);
        if (sql_schema_is_system(name)) {
            sql_raise(bind->context, KMB_DEPENDENT_OBJECTS, 0,
                      "cannot drop schema %s because it is required by the database system", name);
        }
        if (drop->missing_ok && !sql_schema_exists(drops->catalogue, name)) {
            bind_notice(bind, KMB_OK, "schema \"%s\" does not exist, skipping", name);
            continue;
        }
        const struct schema_definition *schema = bind_find_schema(bind, name);
        drop_contents(drops, schema);
        schemas[count++] = (struct plan_drop){.of_schema = true, .schema = schema->id};
    }
    drop_dependents(drops);
    drops_order(drops);
    for (uint32_t i = 0; i < count; i++) {
        drop_types(drops, schemas[i].schema);
    }
    for (uint32_t i = 0; i < count; i++) {
        drops_add(drops, &schemas[i]);
    }
}

void bind_drop(struct bind *bind, const PgQuery__DropStmt *drop, struct plan_statement *statement) {
    bool tables = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    bool views = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW;
    bool sequences = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    bool relations = tables || views || sequences;
    if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE ||
        drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN) {
        bind_drop_type(bind, drop, statement);
        return;
    }
    bool schemas = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA;
    const char *what = tables ? "table" : views ? "view" : sequences ? "sequence" : "index";
    if (!relations && !schemas && drop->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_INDEX) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pg_query__object_type__descriptor, (int)drop->remove_type);
        const char *kind = value == NULL ? "object" : value->name;
        sql_raise_unsupported(bind->context, bind->tokens->first, "DROP %s",
                              strncmp(kind, "OBJECT_", 7) == 0 ? kind + 7 : kind);
    }
    if (drop->concurrent && (drop->n_objects > 1 || drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)) {
        sql_raise(bind->context, KMB_UNSUPPORTED, 0, "DROP INDEX CONCURRENTLY does not support %s",
                  drop->n_objects > 1 ? "dropping multiple objects" : "CASCADE");
    }
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    ddl->alone = drop->concurrent ? "DROP INDEX CONCURRENTLY" : NULL;
    statement->tag = tables      ? "DROP TABLE"
                     : views     ? "DROP VIEW"
                     : sequences ? "DROP SEQUENCE"
                     : schemas   ? "DROP SCHEMA"
                                 : "DROP INDEX";
    struct drops drops = {.bind = bind,
                          .catalogue = bind_present(bind),
                          .cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE};
    if (schemas) {
        bind_drop_schemas(&drops, drop);
    }
    for (size_t i = 0; i < drop->n_objects && !schemas; i++) {
        const char *name = NULL;
        struct plan_drop one = {.of_schema = false};
        struct sql_relation found;
        if (!drop_find(bind, drops.catalogue, drop->objects[i], what, drop->missing_ok, &name, &found)) {
            continue;
        }
        if (relations) {
            drop_relation(bind, name, &found, what, &one);
        } else {
            drop_index(bind, drops.catalogue, name, &found, &one);
        }
        drops_add(&drops, &one);
    }
    if (relations) {
        drop_dependents(&drops);
        drops_order(&drops);
    }
    bind_tell_cascades(bind, &drops.cascades);
    ddl->drops = drops.list;
    ddl->drop_count = drops.count;
    ddl->kind = ddl->drop_count == 0 ? DDL_NOTHING : relations || schemas ? DDL_DROP_TABLE : DDL_DROP_INDEX;
}
