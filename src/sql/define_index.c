/*
 * Indexes made and dropped, with the hidden columns that they are of (bind/index.c).
 */
#include <string.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/define_internal.h"
#include "sql/parse/parse.h"

struct column_id define_hidden_add(struct define *define, struct type type, const char *text) {
    const struct table_definition *table = define_table(define);
    struct column_definition column = {
        .type = type, .hidden = true, .default_kind = DEFAULT_GENERATED, .default_text = slice_text(text)};
    struct column_id id = {table->column_id_next};
    column.name = slice_text(sql_printf(define->context, "..hidden %u", id.value)); /* ids are given once */
    define_try(define, kernel_add_column(define->transaction, define->table_id, &column, define->context->error));
    return id;
}

void define_hidden_fill(struct define *define) {
    struct sql_context *context = define->context;
    const struct table_definition *table = define_table(define);
    const struct catalogue *catalogue = define_catalogue(define);
    if (catalogue_column_count(catalogue, table) == 0) {
        sql_raise_unsupported(context, 0, "writing every row again of a table that has no columns");
    }
    const struct column_definition *settable = catalogue_column(catalogue, table, 0);
    const char *name = parse_quote_name(context, define_text(define, settable->name));
    define_execute(define, sql_printf(context, "UPDATE %s SET %s = %s",
                                      sql_qualified(context, table->schema_name, table->name), name, name));
}

void define_create_index(struct define *define, const struct plan_index *plan) {
    struct sql_context *context = define->context;
    struct key_part *parts = sql_alloc_zero(context, plan->part_count + 1, sizeof(*parts));
    struct column_id *include = sql_alloc_zero(context, plan->include_count + 1, sizeof(*include));
    struct index_definition index = {.parts = parts,
                                     .part_count = plan->part_count,
                                     .include = include,
                                     .include_count = plan->include_count,
                                     .unique = plan->unique,
                                     .nulls_same = plan->nulls_same,
                                     .state = INDEX_READY};
    bool hidden = plan->predicate != NULL;
    for (uint32_t i = 0; i < plan->part_count; i++) {
        const struct plan_index_part *part = &plan->parts[i];
        parts[i].column = part->column != NULL ? define_column(define, part->column)->id
                                               : define_hidden_add(define, part->type, part->text);
        parts[i].descending = part->descending;
        parts[i].nulls_other = part->nulls_other;
        hidden = hidden || part->column == NULL;
    }
    for (uint32_t i = 0; i < plan->include_count; i++) {
        include[i] = define_column(define, plan->include[i])->id;
    }
    if (plan->predicate != NULL) {
        index.filter = define_hidden_add(define, type_make(TYPE_BOOL), plan->predicate);
    }
    if (hidden) {
        define_hidden_fill(define);
    }
    if (plan->name != NULL) {
        index.name = slice_text(plan->name);
    } else {
        const struct table_definition *table = define_table(define);
        define_try(define,
                   kernel_name_choose(define->transaction, table->schema_name, table->name, slice_text(plan->label),
                                      "idx", &context->arena, &index.name, context->error));
    }
    struct index_id id;
    define_try(define, kernel_create_index(define->transaction, define->table_id, &index, &id, context->error));
}

void define_drop_index(struct define *define, struct table_id table_id, struct index_id id) {
    struct sql_context *context = define->context;
    const struct table_definition *table = catalogue_table_of_id(define_catalogue(define), table_id);
    const struct index_definition *index = table == NULL ? NULL : definition_index_of_id(table, id);
    struct column_id hidden[DEFINITION_KEY_COLUMNS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; index != NULL && i < index->part_count; i++) {
        if (definition_column_of_id(table, index->parts[i].column)->hidden) {
            hidden[count++] = index->parts[i].column;
        }
    }
    if (index != NULL && index->filter.value != 0) {
        hidden[count++] = index->filter;
    }
    define_try(define, kernel_drop_index(define->transaction, table_id, id, context->error));
    for (uint32_t i = 0; i < count; i++) {
        define_try(define, kernel_drop_column(define->transaction, table_id, hidden[i], context->error));
    }
}
