/*
 * Comments as functions: obj_description and col_description, of the session's present.
 *
 * A relation is named by its text, as 'name'::regclass gives it: a table, view or sequence, or an index.
 */
#include "kernel/view.h"
#include "sql/func/loops.h"
#include "sql/path.h"

/* The definition that keeps the comment of a relation, and which part of it that is; NULL: no such relation. */
static const struct table_definition *comment_owner(struct sql_context *context, const struct catalogue *catalogue,
                                                    struct slice text, enum definition_part *part, uint32_t *id) {
    struct sql_relation found;
    *part = DEFINITION_TABLE;
    *id = 0;
    if (!sql_path_find_text(context, catalogue, text, &found)) {
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

static void fn_obj_description(SCALAR_PARAMETERS) {
    struct sql_context *context = call->context;
    struct kernel_view *view = function_present_view(call);
    EACH_ROW(row) {
        enum definition_part part;
        uint32_t id;
        bool relations = call->argument_count < 2 || slice_equal_text(ARGUMENT_BYTES(1, row), "pg_class");
        const struct table_definition *owner =
            relations ? comment_owner(context, view->catalogue, ARGUMENT_BYTES(0, row), &part, &id) : NULL;
        comment_give(call, result, row, owner == NULL ? slice_make(NULL, 0) : definition_comment(owner, part, id));
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
        const struct table_definition *owner =
            comment_owner(context, view->catalogue, ARGUMENT_BYTES(0, row), &part, &id);
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
    COMMENT_FN("col_description", fn_col_description, "comment on a column, by its number", TYPE_TEXT, TYPE_INT4),
};

struct function_rows function_rows_comment(void) {
    return FUNCTION_ROWS(comment_rows);
}
