/*
 * Views that read a column that is renamed: their texts follow. And whether a view reads a column at all.
 *
 * A view's query is a text, and a name in it is the column's only where the name is looked up in an item of that table.
 * So the text is bound once more while the binder notes which names it finds there; those are spelled anew. What a
 * query called an item of its select list after the column keeps that name, said by AS.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

void bind_note_column(struct bind *bind, const struct scope *scope, const struct scope_column *column) {
    struct bind_column_watch *watch = bind->column_watch;
    if (watch == NULL || watch->view_depth != bind->view_depth || column->table == SCOPE_MERGED ||
        column->expr->kind != EXPR_COLUMN) {
        return;
    }
    const struct scope_table *table = &scope->tables[column->table];
    if (table->relation == NULL || table->relation->id.value != watch->table.value) {
        return;
    }
    if (column->expr->column - table->first < table->renamed) {
        bool same = column->expr->column - table->first == watch->ordinal;
        watch->renamed = watch->renamed || same;
        watch->beside = watch->beside || (!same && watch->ordinal < table->renamed);
        return;
    }
    if (strcmp(column->name, watch->name) != 0) {
        return;
    }
    if (watch->at == NULL || watch->count == BIND_COLUMNS_WATCHED) {
        watch->elsewhere = true;
        return;
    }
    watch->references[watch->count++] = watch->at;
}

/* Binds the query of a view once more, and notes what in it means the column. */
static struct bind_column_watch *watch_column(struct bind *bind, const struct catalogue *catalogue,
                                              const struct table_definition *view, const PgQuery__SelectStmt *query,
                                              const struct table_definition *table, const char *name) {
    struct bind_column_watch *watch = sql_alloc_zero(bind->context, 1, sizeof(*watch));
    watch->table = table->id;
    watch->name = name;
    watch->view_depth = bind->view_depth + 1;
    while (watch->ordinal < catalogue_column_count(catalogue, table) &&
           !slice_equal_text(catalogue_column(catalogue, table, watch->ordinal)->name, name)) {
        watch->ordinal++;
    }
    bind->column_watch = watch;
    (void)bind_view_rows_of(bind, catalogue, view, query, NULL);
    bind->column_watch = NULL;
    return watch;
}

struct renaming {
    struct bind *bind;
    const struct bind_column_watch *watch;
};

/* Items that are called after the column say so. */
static bool visit_item(ProtobufCMessage *message, void *object) {
    const struct renaming *renaming = object;
    PgQuery__ResTarget *target = (PgQuery__ResTarget *)message;
    if (message->descriptor == &pg_query__res_target__descriptor && target->val != NULL &&
        (target->name == NULL || target->name[0] == 0) &&
        strcmp(bind_column_name(renaming->bind->context, target->val), renaming->watch->name) == 0) {
        target->name = sql_printf(renaming->bind->context, "%s", renaming->watch->name);
    }
    return true;
}

/* The view's query with the new name; NULL: it does not read the column. */
static const char *renamed_query(struct bind *bind, const struct catalogue *catalogue,
                                 const struct table_definition *view, const struct table_definition *table,
                                 const char *name, const char *new_name) {
    PgQuery__SelectStmt *query = bind_view_query(bind, view);
    const struct bind_column_watch *watch = watch_column(bind, catalogue, view, query, table, name);
    if (watch->elsewhere) {
        sql_raise_unsupported(bind->context, 0, "renaming a column that view %s joins by name",
                              bind_relation_text(bind, catalogue, view));
    }
    if (watch->count == 0) {
        return NULL;
    }
    struct renaming renaming = {.bind = bind, .watch = watch};
    (void)parse_walk(&query->base, visit_item, &renaming);
    for (uint32_t i = 0; i < watch->count; i++) {
        const PgQuery__ColumnRef *reference = watch->references[i];
        reference->fields[reference->n_fields - 1]->string->sval = sql_printf(bind->context, "%s", new_name);
    }
    return parse_deparse_query(bind->context, query);
}

void bind_renamed_column(struct bind *bind, const struct table_definition *table, const char *name,
                         const char *new_name, struct plan_ddl *ddl) {
    const struct catalogue *catalogue = bind_present(bind);
    uint32_t count = catalogue_table_count(catalogue);
    struct plan_respell *list = sql_alloc_zero(bind->context, count + 1, sizeof(*list));
    for (uint32_t i = 0; i < count; i++) {
        const struct table_definition *view = catalogue_table_at(catalogue, i);
        if (!definition_is_view(view) || !bind_view_reads(bind, view, table)) {
            continue;
        }
        const char *text = renamed_query(bind, catalogue, view, table, name, new_name);
        if (text != NULL) {
            list[ddl->respell_count++] = (struct plan_respell){.table = view->id, .text = text};
        }
    }
    ddl->respells = list;
}

bool bind_view_reads_column(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *view,
                            const struct table_definition *table, const char *name) {
    if (!bind_view_reads(bind, view, table)) {
        return false;
    }
    const struct bind_column_watch *watch =
        watch_column(bind, catalogue, view, bind_view_query(bind, view), table, name);
    bool reads = watch->count > 0 || watch->elsewhere || watch->renamed;
    if (!reads && watch->beside) {
        sql_raise_unsupported(bind->context, 0, "changing column %s, which view %s gives another name in FROM", name,
                              bind_relation_text(bind, catalogue, view));
    }
    return reads;
}

const struct table_definition *bind_view_reading(struct bind *bind, const struct catalogue *catalogue,
                                                 const struct table_definition *table, const char *column) {
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *view = catalogue_table_at(catalogue, i);
        if (definition_is_view(view) && bind_view_reads_column(bind, catalogue, view, table, column)) {
            return view;
        }
    }
    return NULL;
}
