/* LOCK TABLE: which tables, in which mode. A view stands for itself and all that its query reads. */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/sql.h"

static bool is_listed(const struct table_id *tables, uint32_t count, struct table_id table) {
    for (uint32_t i = 0; i < count; i++) {
        if (table_id_equal(tables[i], table)) {
            return true;
        }
    }
    return false;
}

/* What a view in the list reads, and the views among that, and so on: the list grows while it is gone through. */
static uint32_t add_read(struct bind *bind, const struct catalogue *catalogue, struct table_id *tables, uint32_t from,
                         uint32_t count) {
    for (uint32_t i = from; i < count; i++) {
        const struct table_definition *view = catalogue_table_of_id(catalogue, tables[i]);
        for (uint32_t t = 0; definition_is_view(view) && t < catalogue_table_count(catalogue); t++) {
            const struct table_definition *table = catalogue_table_at(catalogue, t);
            bool rows = definition_is_table(table) || definition_is_view(table);
            if (rows && !is_listed(tables, count, table->id) && bind_view_reads(bind, view, table)) {
                tables[count++] = table->id;
            }
        }
    }
    return count;
}

static const struct table_definition *lock_target(struct bind *bind, const struct catalogue *catalogue,
                                                  const PgQuery__RangeVar *name) {
    struct sql_relation found;
    bind_check_schema(bind, name);
    if (!bind_find_relation(bind, catalogue, name, &found)) {
        bind_no_relation(bind, name);
    }
    bool index = sql_relation_is_index(&found);
    if (index || (!definition_is_table(found.table) && !definition_is_view(found.table))) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0,
                       index                                 ? "This operation is not supported for indexes."
                       : definition_is_sequence(found.table) ? "This operation is not supported for sequences."
                                                             : "This operation is not supported for composite types.",
                       NULL, "cannot lock relation \"%s\"", name->relname);
    }
    return found.table;
}

void bind_lock_table(struct bind *bind, const PgQuery__LockStmt *node, struct plan_statement *statement) {
    const struct catalogue *catalogue = bind_present(bind);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    struct table_id *tables =
        sql_alloc(bind->context, (node->n_relations + catalogue_table_count(catalogue) + 1) * sizeof(*tables));
    uint32_t count = 0;
    for (size_t i = 0; i < node->n_relations; i++) {
        const struct table_definition *table = lock_target(bind, catalogue, node->relations[i]->range_var);
        if (!is_listed(tables, count, table->id)) {
            tables[count++] = table->id;
            count = add_read(bind, catalogue, tables, count - 1, count);
        }
    }
    ASSERT(node->mode >= SQL_LOCK_ACCESS_SHARE && node->mode <= SQL_LOCK_ACCESS_EXCLUSIVE);
    ddl->kind = DDL_LOCK;
    ddl->truncated = tables;
    ddl->truncated_count = count;
    ddl->lock_mode = (uint8_t)node->mode;
    ddl->nowait = node->nowait;
    statement->kind = STATEMENT_SETTING;
    statement->tag = "LOCK TABLE";
    statement->ddl = ddl;
}
