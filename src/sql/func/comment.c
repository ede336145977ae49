/*
 * Comments as functions: obj_description and col_description, of the session's present.
 *
 * A relation is named by its number, as 'name'::regclass gives it, or by its text: a table, view or sequence, or an
 * index.
 */
#include "kernel/view.h"
#include "sql/exec/catalogue.h"
#include "sql/func/loops.h"
#include "sql/path.h"

/* The definition that keeps the comment of a relation, by its text or, where oid is not 0, that, and which part of it
 * that is; NULL: no such relation. */
static const struct table_definition *comment_owner(struct sql_context *context, const struct catalogue *catalogue,
                                                    struct slice text, int64_t oid, enum definition_part *part,
                                                    uint32_t *id) {
    struct sql_relation found;
    *part = DEFINITION_TABLE;
    *id = 0;
    bool known = oid != 0 ? catalogue_table_of_oid(catalogue, oid, &found)
                          : sql_path_find_text(context, catalogue, text, &found);
    if (!known) {
        return NULL;
    }
    if (found.primary) {
        *part = DEFINITION_PRIMARY_KEY;
    } else if (found.index != NULL) {
        *part = DEFINITION_INDEX;
        *id = found.index->id.value;
    }
    return found.table;
}

static void comment_give(const struct sql_call *call, struct vector *result, uint32_t row, struct slice comment) {
    if (comment.length == 0) {
        result_null(result, row);
        return;
    }
    const char *copy = arena_text(&call->context->arena, comment); /* the catalogue goes with the view */
    if (copy == NULL) {
        sql_raise(call->context, KMB_NO_MEMORY, 0, "out of memory");
    }
    result->bytes[row] = slice_text(copy);
}

static struct slice schema_comment(const struct catalogue *catalogue, int64_t oid) {
    for (uint32_t i = 0; i < catalogue_schema_count(catalogue); i++) {
        const struct schema_definition *schema = catalogue_schema_at(catalogue, i);
        if (catalogue_oid_schema(catalogue, schema->name) == oid) {
            return schema->comment;
        }
    }
    return slice_make(NULL, 0);
}

static struct slice type_comment(const struct catalogue *catalogue, int64_t oid) {
    for (uint32_t i = 0; i < catalogue_type_count(catalogue); i++) {
        const struct table_definition *type = catalogue_type_at(catalogue, i);
        if (catalogue_oid_type(definition_type(type)) == oid) {
            return definition_comment(type, DEFINITION_TABLE, 0);
        }
    }
    return slice_make(NULL, 0);
}

/* Of a check or a foreign key, or of a key, which is kept as one on its index. */
static struct slice constraint_comment(const struct sql_call *call, struct kernel_view *view, int64_t oid) {
    struct catalogue_rows rows = {.context = call->context, .view = view, .catalogue = view->catalogue};
    const struct table_definition *table = NULL;
    struct catalogue_constraint one;
    if (!catalogue_constraint_of_oid(&rows, oid, &table, &one)) {
        return slice_make(NULL, 0);
    }
    return one.check != NULL   ? definition_comment(table, DEFINITION_CONSTRAINT, one.check->id.value)
           : one.key != NULL   ? definition_comment(table, DEFINITION_CONSTRAINT, one.key->id.value)
           : one.index != NULL ? definition_comment(table, DEFINITION_INDEX, one.index->id.value)
                               : definition_comment(table, DEFINITION_PRIMARY_KEY, 0);
}

static void fn_obj_description(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        enum definition_part part;
        uint32_t id;
        struct slice class = call->argument_count < 2 ? slice_text("pg_class") : ARGUMENT_BYTES(1, row);
        bool by_oid = call->argument_types[0].id == TYPE_OID;
        int64_t oid = by_oid ? ARGUMENT_INT(0, row) : 0;
        struct slice text = by_oid ? slice_make(NULL, 0) : ARGUMENT_BYTES(0, row);
        struct slice comment = slice_make(NULL, 0);
        const struct table_definition *owner = NULL;
        if (slice_equal_text(class, "pg_class") && !(by_oid && oid == 0)) {
            owner = comment_owner(context, view->catalogue, text, oid, &part, &id);
        } else if (slice_equal_text(class, "pg_namespace") && by_oid) {
            comment = schema_comment(view->catalogue, oid);
        } else if (slice_equal_text(class, "pg_type") && by_oid) {
            comment = type_comment(view->catalogue, oid);
        } else if (slice_equal_text(class, "pg_constraint") && by_oid) {
            comment = constraint_comment(call, view, oid);
        }
        comment_give(call, result, row, owner == NULL ? comment : definition_comment(owner, part, id));
    }
    sql_release(context, view);
}

static void fn_col_description(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        enum definition_part part;
        uint32_t id;
        int64_t ordinal = ARGUMENT_INT(1, row);
        bool by_oid = call->argument_types[0].id == TYPE_OID;
        int64_t oid = by_oid ? ARGUMENT_INT(0, row) : 0;
        struct slice text = by_oid ? slice_make(NULL, 0) : ARGUMENT_BYTES(0, row);
        const struct table_definition *owner =
            by_oid && oid == 0 ? NULL : comment_owner(context, view->catalogue, text, oid, &part, &id);
        bool there = owner != NULL && part == DEFINITION_TABLE && ordinal > 0 &&
                     ordinal <= catalogue_column_count(view->catalogue, owner);
        struct slice comment = slice_make(NULL, 0);
        if (there) {
            uint32_t column = catalogue_column(view->catalogue, owner, (uint32_t)ordinal - 1)->id.value;
            comment = definition_comment(owner, DEFINITION_COLUMN, column);
        }
        comment_give(call, result, row, comment);
    }
    sql_release(context, view);
}

#define COMMENT_FN(name_, scalar_, summary_, ...)                                                                      \
    {                                                                                                                  \
        .class = SQL_FUNCTION_SCALAR, .name = (name_), .scalar = (scalar_), .result = TYPE_TEXT,                       \
        .summary = (summary_), .strict = true, .volatility = SQL_VOLATILE,                                             \
        .argument_count = sizeof((enum type_id[]){__VA_ARGS__}) / sizeof(enum type_id), .arguments = {__VA_ARGS__},    \
    }

static const struct sql_function comment_rows[] = {
    COMMENT_FN("obj_description", fn_obj_description, "comment on a relation; the second is 'pg_class'", TYPE_TEXT,
               TYPE_TEXT),
    COMMENT_FN("obj_description", fn_obj_description, "comment on a relation", TYPE_TEXT),
    COMMENT_FN("obj_description", fn_obj_description, "comment on an object of the catalogue that the second names",
               TYPE_OID, TYPE_TEXT),
    COMMENT_FN("obj_description", fn_obj_description, "comment on a relation", TYPE_OID),
    COMMENT_FN("col_description", fn_col_description, "comment on a column, by its number", TYPE_TEXT, TYPE_INT4),
    COMMENT_FN("col_description", fn_col_description, "comment on a column, by its number", TYPE_OID, TYPE_INT4),
};

struct function_rows function_rows_comment(void) {
    return FUNCTION_ROWS(comment_rows);
}
