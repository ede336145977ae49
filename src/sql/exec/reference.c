/*
 * Foreign keys at the end of a statement: what it did to parents is carried to their children, then all is checked.
 *
 * A cascade is a statement of its own over the child, with the old key (and the new one) as parameters, so that
 * defaults, checks, generated columns and indexes are those of any write. It may in turn change a parent of others:
 * that is the next round. Checks wait until no round has anything left to do, as PostgreSQL's queue of triggers has it,
 * so that a row which loses one parent and goes with another is no violation.
 */
#include "sql/exec/reference.h"

#include "sql/parse/parse.h"
#include "sql/path.h"

#define ROUNDS_MAX 10000 /* a cycle of foreign keys whose actions never come to rest */

/* A cascade, prepared once for all rows of the statement. */
struct cascade {
    struct cascade *next;
    const struct foreign_key_definition *key;
    const struct table_definition *child;
    bool deleted;
    struct sql_statement *statement;
};

struct references {
    struct exec *exec;
    struct sql_host host; /* of the cascades: they leave the checks to us */
    struct cascade *cascades;
};

static void release_statement(void *object) {
    sql_statement_free(object);
}

static void release_view(void *object) {
    kernel_view_close(object);
}

static const char *quoted_column(struct sql_context *context, const struct table_definition *table,
                                 struct column_id id) {
    struct slice name = definition_column_of_id(table, id)->name;
    return parse_quote_name(context, sql_printf(context, "%.*s", (int)name.length, (const char *)name.bytes));
}

/* Whether the action sets this column of the child. */
static bool sets_column(const struct kernel_reference *reference, struct column_id id) {
    const struct foreign_key_definition *key = reference->key;
    bool all = !reference->deleted || key->set_count == 0;
    for (uint32_t i = 0; !all && i < key->set_count; i++) {
        all = column_id_equal(key->set_columns[i], id);
    }
    return all;
}

static const char *cascade_text(struct sql_context *context, const struct kernel_reference *reference) {
    const struct foreign_key_definition *key = reference->key;
    const struct table_definition *child = reference->child;
    const char *name = sql_qualified(context, child->schema_name, child->name);
    const char *where = "";
    const char *set = "";
    for (uint32_t i = 0; i < key->part_count; i++) {
        const char *column = quoted_column(context, child, key->parts[i].column);
        where = sql_printf(context, "%s%s%s = $%u", where, i == 0 ? "" : " AND ", column, i + 1);
        if (!sets_column(reference, key->parts[i].column)) {
            continue;
        }
        const char *value = reference->action == REFERENCE_SET_NULL ? "NULL"
                            : reference->action == REFERENCE_SET_DEFAULT
                                ? "DEFAULT"
                                : sql_printf(context, "$%u", key->part_count + i + 1);
        set = sql_printf(context, "%s%s%s = %s", set, set[0] == 0 ? "" : ", ", column, value);
    }
    if (reference->deleted && reference->action == REFERENCE_CASCADE) {
        return sql_printf(context, "DELETE FROM %s WHERE %s", name, where);
    }
    return sql_printf(context, "UPDATE %s SET %s WHERE %s", name, set, where);
}

static struct sql_statement *cascade_statement(struct references *references,
                                               const struct kernel_reference *reference) {
    struct sql_context *context = references->exec->context;
    for (struct cascade *cascade = references->cascades; cascade != NULL; cascade = cascade->next) {
        if (cascade->key == reference->key && cascade->deleted == reference->deleted) {
            return cascade->statement;
        }
    }
    struct cascade *cascade = sql_alloc_zero(context, 1, sizeof(*cascade));
    const char *text = cascade_text(context, reference);
    sql_try(context, sql_prepare(&references->host, slice_text(text), NULL, 0, &cascade->statement, context->error));
    sql_defer(context, release_statement, cascade->statement);
    cascade->key = reference->key;
    cascade->deleted = reference->deleted;
    cascade->next = references->cascades;
    references->cascades = cascade;
    return cascade->statement;
}

static void cascade_run(struct references *references, const struct kernel_reference *reference) {
    struct sql_context *context = references->exec->context;
    struct sql_statement *statement = cascade_statement(references, reference);
    uint32_t parts = reference->key->part_count;
    bool both = !reference->deleted && reference->action == REFERENCE_CASCADE;
    struct value values[2 * DEFINITION_KEY_COLUMNS_MAX];
    struct sql_run *run = NULL;
    for (uint32_t i = 0; i < parts; i++) {
        values[i] = reference->old_values[i];
        values[parts + i] = both ? reference->new_values[i] : value_null(TYPE_UNKNOWN);
    }
    sql_try(context,
            sql_run_open(statement, &references->host, values, both ? 2 * parts : parts, &run, context->error));
    sql_run_close(run);
}

void references_run(struct exec *exec, const struct kernel_place *start, struct kernel_view *before) {
    struct sql_context *context = exec->context;
    struct references references = {.exec = exec, .host = *exec->host};
    struct kernel_place from = *start;
    struct kernel_view *view = before;
    references.host.references_held = true;
    for (uint32_t round = 0;; round++) {
        const struct kernel_reference *list = NULL;
        uint32_t count = 0;
        struct kernel_place end;
        sql_check_cancel(context);
        if (round == ROUNDS_MAX) {
            sql_raise(context, KMB_TOO_COMPLEX, 0, "foreign keys kept changing rows for %d rounds", ROUNDS_MAX);
        }
        sql_try(context, kernel_transaction_place(exec->transaction, &end, context->error));
        sql_try(context, kernel_gather_references(exec->transaction, &from, view, &context->arena, &list, &count,
                                                  context->error));
        if (count == 0) {
            break;
        }
        sql_try(context, kernel_transaction_view(exec->transaction, &view, context->error));
        sql_defer(context, release_view, view);
        from = end;
        for (uint32_t i = 0; i < count; i++) {
            sql_check_cancel(context);
            if (list[i].action == REFERENCE_RESTRICT) {
                sql_try(context, kernel_restrict_reference(exec->transaction, &list[i], context->error));
            } else {
                cascade_run(&references, &list[i]);
            }
        }
    }
    sql_try(context,
            kernel_check_references(exec->transaction, start, before, KERNEL_REFERENCES_IMMEDIATE, context->error));
}
