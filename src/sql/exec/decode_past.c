/*
 * A version of a row that has been replaced is as it was written, maybe long before the columns it is shown in were
 * made. Three things can lie between: the column had another type, and so was another column, whose value is cast; the
 * column came later, and older rows read as the value given then; or that column has the name of one that was dropped,
 * and the row had gone before it came: what was given then is not what stood under the name.
 *
 * Casts are those of the function table, one evaluator for each type that a column once had. What they refuse is no
 * error here: the value is of the past and can not be corrected.
 */
#include "sql/exec/decode_past.h"

#include <string.h>

#include "base/assert.h"
#include "base/status.h"
#include "sql/exec/decode.h"
#include "sql/func/function.h"

struct past_cast {
    struct past_cast *next;
    enum type_id from;
    struct evaluator *evaluator; /* NULL: there is no cast, the text is read */
    struct vector input;
};

struct decode_past {
    struct exec_operator *operator;
    const struct catalogue *catalogue;
    const struct table_definition *table;
    uint64_t *since;
    bool lacks;
    struct past_cast **casts; /* of each column */
};

struct decode_past *decode_past_make(struct exec_operator *self, struct kernel_view *view,
                                     const struct table_definition *table) {
    struct sql_context *context = self->exec->context;
    struct decode_past *past = sql_alloc_zero(context, 1, sizeof(*past));
    uint32_t stored = catalogue_stored_count(view->catalogue, table);
    past->operator= self;
    past->catalogue = view->catalogue;
    past->table = table;
    past->since = sql_alloc_zero(context, stored + 1, sizeof(*past->since));
    past->casts = sql_alloc_zero(context, stored + 1, sizeof(struct past_cast *));
    sql_try(context, kernel_columns_since(view, table, past->since, context->error));
    for (uint32_t i = 0; i < stored; i++) {
        past->lacks = past->lacks || past->since[i] > 0;
    }
    return past;
}

bool decode_past_lacks(const struct decode_past *past) {
    return past->lacks;
}

static struct past_cast *cast_of(struct decode_past *past, uint32_t ordinal, enum type_id from, struct type type) {
    struct sql_context *context = past->operator->exec->context;
    struct past_cast *cast = past->casts[ordinal];
    while (cast != NULL && cast->from != from) {
        cast = cast->next;
    }
    if (cast != NULL) {
        return cast;
    }
    cast = sql_alloc_zero(context, 1, sizeof(*cast));
    *cast = (struct past_cast){.next = past->casts[ordinal], .from = from};
    past->casts[ordinal] = cast;
    const struct sql_function *function = sql_cast_find(from, type.id, SQL_CAST_EXPLICIT);
    if (function == NULL || function->labels) {
        return cast;
    }
    struct expr *column = sql_alloc_zero(context, 1, sizeof(*column));
    struct expr *call = sql_alloc_zero(context, 1, sizeof(*call));
    *column = (struct expr){.kind = EXPR_COLUMN, .type = type_make(from)};
    *call = (struct expr){.kind = EXPR_CALL, .type = type, .function = function, .argument_count = 1};
    call->type.domain = 0; /* what it asks for now was not asked for then */
    call->arguments = sql_alloc(context, sizeof(struct expr *));
    call->arguments[0] = column;
    vector_init_rows(context, &cast->input, column->type, 1);
    cast->evaluator = operator_evaluator(past->operator, call, 1);
    return cast;
}

/* --- one value ---------------------------------------------------------------------------------------------------- */

struct casting {
    struct decode_past *past;
    struct past_cast *cast;
    const struct value *old;
    struct type type;
    struct value *made;
};

static struct value cast_text(const struct casting *casting) {
    struct sql_context *context = casting->past->operator->exec->context;
    struct arena *arena = &casting->past->operator->scratch;
    struct datetime_context when = sql_datetime(context);
    struct buffer text = {.bytes = NULL};
    struct value made;
    value_print(casting->old, &when, &text);
    struct slice copy = arena_dup_slice(arena, buffer_slice(&text));
    bool whole = buffer_ok(&text);
    buffer_free(&text);
    if (!whole) {
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    sql_try(context,
            catalogue_value_parse(casting->past->catalogue, casting->type, copy, &when, arena, &made, context->error));
    return made;
}

static void cast_value(void *argument) {
    struct casting *casting = argument;
    struct past_cast *cast = casting->cast;
    struct sql_context *context = casting->past->operator->exec->context;
    if (cast == NULL) { /* of the same type, maybe not of its length */
        sql_try(context, value_apply_modifier(casting->type, false, casting->old, &casting->past->operator->scratch,
                                              casting->made, context->error));
    } else if (cast->evaluator == NULL) {
        *casting->made = cast_text(casting);
    } else {
        struct batch batch = {.column_count = 1, .count = 1, .columns = &cast->input};
        vector_clear(&cast->input, 1);
        vector_set(&cast->input, 0, casting->old);
        *casting->made = vector_get(evaluator_run(cast->evaluator, &batch, NULL, 1), 0);
    }
}

static struct value past_as(struct decode_past *past, uint32_t ordinal, const struct value *old) {
    struct sql_context *context = past->operator->exec->context;
    struct type type = catalogue_column(past->catalogue, past->table, ordinal)->type;
    struct value made = value_null(type.id);
    if (old->is_null) {
        return made;
    }
    bool same = old->type == type.id;
    struct casting casting = {.past = past,
                              .cast = same ? NULL : cast_of(past, ordinal, old->type, type),
                              .old = old,
                              .type = type,
                              .made = &made};
    enum kmb_status status = same && type.modifier < 0 ? KMB_OK : sql_catch(context, cast_value, &casting);
    if (same && type.modifier < 0) {
        return *old;
    }
    if (status != KMB_OK) {
        bool data = memcmp(status_row_of(status)->sqlstate, "22", 2) == 0;
        if (!data) {
            sql_raise_status(context, status, 0);
        }
        error_clear(context->error);
        return value_null(type.id);
    }
    return made;
}

void decode_past_row(struct decode_past *past, struct slice image, uint64_t position, struct value *values) {
    struct exec_operator *self = past->operator;
    struct sql_context *context = self->exec->context;
    sql_try(context, catalogue_row_read(past->catalogue, past->table, image, values, context->error));
    for (uint32_t i = 0; i < catalogue_column_count(past->catalogue, past->table); i++) {
        struct value old;
        enum catalogue_origin origin = catalogue_past_value(past->table, image, i, &old);
        if (origin == CATALOGUE_GIVEN && past->since[i] > position) {
            values[i] = value_null(values[i].type);
        } else if (origin != CATALOGUE_OWN) {
            values[i] = past_as(past, i, &old);
        }
        decode_labels(context, past->catalogue, &values[i], &self->scratch);
    }
}
