/*
 * DROP TYPE and DROP DOMAIN.
 *
 * A type is needed by the columns that are of it, by domains on it, and by stored texts that name it: views, defaults,
 * checks. All of it goes with the type, or the first of it is in its way.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

struct type_drops {
    struct bind *bind;
    const struct catalogue *catalogue;
    bool cascade;
    struct sql_cascades cascades; /* what goes with what is named */
    struct plan_drop *list;
    uint32_t count;
    uint32_t capacity;
};

/* Not a part of it alone. */
static bool whole(const struct plan_drop *drop) {
    return drop->column.value == 0 && drop->default_of.value == 0 && drop->check.value == 0;
}

static bool drops_have(const struct type_drops *drops, const struct plan_drop *one) {
    for (uint32_t i = 0; i < drops->count; i++) {
        const struct plan_drop *other = &drops->list[i];
        if (table_id_equal(other->table, one->table) && other->column.value == one->column.value &&
            other->default_of.value == one->default_of.value && other->check.value == one->check.value) {
            return true;
        }
    }
    return false;
}

static void drops_add(struct type_drops *drops, const struct plan_drop *one) {
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

/* "type mood", as errors call it: a domain is one, too. */
static const char *type_words(struct bind *bind, const struct table_definition *type) {
    return sql_printf(bind->context, "type %s", bind_type_text(bind, definition_type(type)));
}

static void drops_depend(struct type_drops *drops, const struct table_definition *type, const struct plan_drop *one,
                         const char *what) {
    struct sql_context *context = drops->bind->context;
    const char *words = type_words(drops->bind, type);
    if (drops_have(drops, one) || drops_have(drops, &(struct plan_drop){.table = one->table})) {
        return;
    }
    if (!drops->cascade) {
        sql_raise_with(context, KMB_DEPENDENT_OBJECTS, 0, sql_printf(context, "%s depends on %s", what, words),
                       "Use DROP ... CASCADE to drop the dependent objects too.",
                       "cannot drop %s because other objects depend on it", words);
    }
    sql_cascades_add(context, &drops->cascades, what);
    drops_add(drops, one);
}

bool bind_column_of(const struct table_definition *type, const struct column_definition *column) {
    return !column->dropped && !column->hidden &&
           (type->form == DEFINITION_DOMAIN
                ? column->type.domain == type->id.value
                : type_object(column->type.id) == type->id.value && column->type.domain == 0);
}

static void drop_of_table(struct type_drops *drops, const struct table_definition *type,
                          const struct table_definition *table) {
    struct sql_context *context = drops->bind->context;
    const char *schema = bind_text(context, type->schema_name);
    const char *name = bind_text(context, type->name);
    const char *owner = bind_relation_text(drops->bind, drops->catalogue, table);
    bool domain = definition_is_type(table);
    const char *kind = domain ? "type" : "table";
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *column = &table->columns[i];
        struct plan_drop one = {.table = table->id, .column = column->id};
        if (bind_column_of(type, column) && domain) {
            one.column.value = 0;
            drops_depend(drops, type, &one, type_words(drops->bind, table));
        } else if (bind_column_of(type, column)) {
            drops_depend(drops, type, &one,
                         sql_printf(context, "column %s of table %s", bind_text(context, column->name), owner));
        }
        struct plan_drop value = {.table = table->id, .default_of = column->id};
        if (!column->dropped && column->default_text.length > 0 && !drops_have(drops, &one) &&
            parse_names_type(parse_expression(context, bind_text(context, column->default_text)), schema, name)) {
            drops_depend(drops, type, &value,
                         sql_printf(context, "default value for column %s of table %s",
                                    bind_text(context, column->name), owner));
        }
    }
    for (uint32_t i = 0; i < table->check_count; i++) {
        struct plan_drop one = {.table = table->id, .check = table->checks[i].id};
        if (parse_names_type(parse_expression(context, bind_text(context, table->checks[i].text)), schema, name)) {
            drops_depend(
                drops, type, &one,
                sql_printf(context, "constraint %s on %s %s", bind_text(context, table->checks[i].name), kind, owner));
        }
    }
}

/* What the view reads that goes: a type, a column or another view; NULL: nothing. */
static const struct plan_drop *view_needs(struct type_drops *drops, const struct table_definition *view) {
    struct sql_context *context = drops->bind->context;
    for (uint32_t i = 0; i < drops->count; i++) {
        const struct plan_drop *one = &drops->list[i];
        const struct table_definition *dropped = catalogue_table_of_id(drops->catalogue, one->table);
        bool needs = false;
        if (definition_is_type(dropped) && whole(one)) {
            needs = bind_view_names_type(drops->bind, view, dropped);
            for (uint32_t k = 0; k < view->column_count && !needs; k++) {
                needs = bind_column_of(dropped, &view->columns[k]);
            }
        } else if (one->column.value != 0) {
            const char *column = bind_text(context, definition_column_of_id(dropped, one->column)->name);
            needs = bind_view_reads_column(drops->bind, drops->catalogue, view, dropped, column);
        } else if (definition_is_view(dropped)) {
            needs = bind_view_reads(drops->bind, view, dropped);
        }
        if (needs) {
            return one;
        }
    }
    return NULL;
}

static void drop_views(struct type_drops *drops, const struct table_definition *type) {
    for (uint32_t before = UINT32_MAX; before != drops->count;) { /* a view may read one that was found behind it */
        before = drops->count;
        for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
            const struct table_definition *view = catalogue_table_at(drops->catalogue, k);
            struct plan_drop one = {.table = view->id};
            if (definition_is_view(view) && !drops_have(drops, &one) && view_needs(drops, view) != NULL) {
                drops_depend(drops, type, &one,
                             sql_printf(drops->bind->context, "view %s",
                                        bind_relation_text(drops->bind, drops->catalogue, view)));
            }
        }
    }
}

static void drop_dependents(struct type_drops *drops) {
    for (uint32_t i = 0; i < drops->count; i++) { /* it grows meanwhile */
        const struct table_definition *type = catalogue_table_of_id(drops->catalogue, drops->list[i].table);
        if (!definition_is_type(type) || !whole(&drops->list[i])) {
            continue;
        }
        for (uint32_t k = 0; k < catalogue_table_count(drops->catalogue); k++) {
            const struct table_definition *table = catalogue_table_at(drops->catalogue, k);
            if (definition_is_table(table)) {
                drop_of_table(drops, type, table);
            }
        }
        for (uint32_t k = 0; k < catalogue_type_count(drops->catalogue); k++) {
            drop_of_table(drops, type, catalogue_type_at(drops->catalogue, k));
        }
        drop_views(drops, type);
    }
}

/* What is of a type goes before it: the list is turned round. */
static void drops_turn(struct type_drops *drops) {
    for (uint32_t i = 0; i + i + 1 < drops->count; i++) {
        struct plan_drop one = drops->list[i];
        drops->list[i] = drops->list[drops->count - 1 - i];
        drops->list[drops->count - 1 - i] = one;
    }
}

static void drop_named(struct type_drops *drops, const PgQuery__TypeName *node, bool domains, bool missing_ok) {
    struct sql_context *context = drops->bind->context;
    struct type_name name = bind_own_name(drops->bind, node->names, node->n_names);
    const struct table_definition *type = bind_find_type(drops->bind, name);
    enum type_id id;
    if (type == NULL && name.schema == NULL && type_of_name(slice_text(name.name), &id)) {
        sql_raise(context, domains ? KMB_WRONG_OBJECT_TYPE : KMB_DEPENDENT_OBJECTS, 0,
                  domains ? "%s is not a domain" : "cannot drop type %s because it is required by the database system",
                  domains ? sql_printf(context, "\"%s\"", name.name) : type_name(id));
    }
    if (type == NULL && !missing_ok) {
        bind_no_type(drops->bind, name, 0);
    }
    if (type == NULL) {
        bind_notice(drops->bind, KMB_OK, "type \"%s\" does not exist, skipping", name.name);
    }
    if (type != NULL && domains && type->form != DEFINITION_DOMAIN) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0, "\"%s\" is not a domain", name.name);
    }
    struct plan_drop one = {.table = type == NULL ? (struct table_id){0} : type->id};
    if (type != NULL && !drops_have(drops, &one)) {
        drops_add(drops, &one);
    }
}

void bind_drop_type(struct bind *bind, const PgQuery__DropStmt *drop, struct plan_statement *statement) {
    bool domains = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    struct type_drops drops = {.bind = bind,
                               .catalogue = bind_present(bind),
                               .cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE};
    for (size_t i = 0; i < drop->n_objects; i++) {
        ASSERT(drop->objects[i]->node_case == PG_QUERY__NODE__NODE_TYPE_NAME);
        drop_named(&drops, drop->objects[i]->type_name, domains, drop->missing_ok);
    }
    drop_dependents(&drops);
    drops_turn(&drops);
    bind_tell_cascades(bind, &drops.cascades);
    ddl->drops = drops.list;
    ddl->drop_count = drops.count;
    ddl->kind = drops.count == 0 ? DDL_NOTHING : DDL_DROP_TABLE;
    statement->ddl = ddl;
    statement->tag = domains ? "DROP DOMAIN" : "DROP TYPE";
}
