/*
 * Rows as values: SELECT t FROM t, ROW(1, 'a'), row_to_json(t), (t).a, t = u.
 *
 * No type holds a row. A row is a call of record_value() over its parts: whether the row is there at all (an outer join
 * makes rows that are not), then a name and a value for each field. What asks for the text of the row just evaluates
 * the call; what asks for more takes the parts out again here, while it is bound: comparisons compare fields, ORDER BY
 * orders by them, JSON functions get an object made of them. Where a query gives a row to the query around it, the
 * parts go along as columns of their own that no name reaches.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/func/record.h"

bool bind_is_record(const struct expr *expr) {
    return expr != NULL && expr->kind == EXPR_CALL && expr->function == record_value();
}

const struct expr *bind_sequence_key(const struct expr *expr) {
    bool sequence = expr->kind == EXPR_CALL && expr->function == record_sequence();
    return sequence ? expr->arguments[1] : NULL;
}

static const struct expr *constant_text(struct bind *bind, const char *text) {
    struct expr *constant = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_TEXT), 0, 0);
    constant->value = value_text(slice_text(text));
    return constant;
}

static const struct expr *constant_true(struct bind *bind) {
    struct expr *constant = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_BOOL), 0, 0);
    constant->value = value_bool(true);
    return constant;
}

const struct expr *bind_record(struct bind *bind, const struct bind_record *record, uint32_t position) {
    uint32_t count = 1 + 2 * record->count;
    const struct expr **arguments = sql_alloc(bind->context, count * sizeof(*arguments));
    arguments[0] = record->there != NULL ? record->there : constant_true(bind);
    for (uint32_t i = 0; i < record->count; i++) {
        arguments[1 + 2 * i] = constant_text(bind, record->names[i]);
        arguments[2 + 2 * i] = bind_resolve_unknown(bind, record->fields[i]);
    }
    return bind_unnamed_call(bind, record_value(), type_make(TYPE_TEXT), arguments, count, position);
}

struct bind_record bind_record_parts(struct bind *bind, const struct expr *expr) {
    ASSERT(bind_is_record(expr));
    struct bind_record record = {.there = expr->arguments[0], .count = (expr->argument_count - 1) / 2};
    record.fields = sql_alloc(bind->context, (record.count + 1) * sizeof(*record.fields));
    record.names = sql_alloc(bind->context, (record.count + 1) * sizeof(*record.names));
    for (uint32_t i = 0; i < record.count; i++) {
        record.names[i] = bind_text(bind->context, expr->arguments[1 + 2 * i]->value.as.bytes);
        record.fields[i] = expr->arguments[2 + 2 * i];
    }
    if (record.there->kind == EXPR_SUBQUERY) { /* its columns are asked for together, or not at all */
        sql_raise_unsupported(bind->context, expr->position, "a part of a row that a subquery gives");
    }
    return record;
}

const struct expr *bind_row_value(const struct bind_scope *scope, const PgQuery__RowExpr *node) {
    struct bind *bind = scope->bind;
    struct bind_record record = {0};
    record.count = bind_row_fields(scope, node, &record.fields);
    record.names = sql_alloc(bind->context, (record.count + 1) * sizeof(*record.names));
    for (uint32_t i = 0; i < record.count; i++) {
        record.names[i] = sql_printf(bind->context, "f%u", i + 1);
    }
    return bind_record(bind, &record, bind_location(node->location));
}

const struct expr *bind_record_field(struct bind *bind, const struct expr *row, const char *name) {
    struct bind_record record = bind_record_parts(bind, row);
    for (uint32_t i = 0; i < record.count; i++) {
        if (strcmp(record.names[i], name) == 0) {
            return record.fields[i];
        }
    }
    sql_raise(bind->context, KMB_UNDEFINED_COLUMN, row->position,
              "could not identify column \"%s\" in record data type", name);
}

const struct expr *bind_record_as_text(struct bind *bind, const struct expr *row) {
    return bind_unnamed_call(bind, record_text(), row->type, row->arguments, row->argument_count, row->position);
}

/* --- comparisons --- */

static const struct expr *combined(struct bind *bind, enum expr_kind kind, const struct expr *a, const struct expr *b) {
    struct expr *both = bind_expr_new(bind, kind, type_make(TYPE_BOOL), 2, 0);
    both->arguments[0] = a;
    both->arguments[1] = b;
    return both;
}

static const struct expr *null_test(struct bind *bind, const struct expr *value, bool negated) {
    struct expr *test = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, 0);
    test->negated = negated;
    test->arguments[0] = value;
    return test;
}

/* a stands before b, NULL behind everything: never NULL itself. */
static const struct expr *before(struct bind *bind, const struct expr *a, const struct expr *b, uint32_t position) {
    struct expr *less = bind_expr_new(bind, EXPR_IS_TRUTH, type_make(TYPE_BOOL), 1, 0);
    less->truth = EXPR_TRUTH_TRUE;
    less->arguments[0] = bind_operator(bind, "<", a, b, position);
    return combined(bind, EXPR_OR, less, combined(bind, EXPR_AND, null_test(bind, a, true), null_test(bind, b, false)));
}

static void check_alike(struct bind *bind, const struct bind_record *a, const struct bind_record *b,
                        uint32_t position) {
    if (a->count != b->count) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position,
                  "cannot compare record types with different numbers of columns");
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->fields[i]->type.id != b->fields[i]->type.id) {
            sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position,
                      "cannot compare dissimilar column types %s and %s at record column %u",
                      bind_type_text(bind, a->fields[i]->type), bind_type_text(bind, b->fields[i]->type), i + 1);
        }
    }
}

/* Equal rows have equal fields, and NULL is equal to NULL. */
static const struct expr *all_same(struct bind *bind, const struct bind_record *a, const struct bind_record *b,
                                   uint32_t position) {
    const struct expr *all = NULL;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct expr *one = bind_distinct(bind, a->fields[i], b->fields[i], true, position);
        all = all == NULL ? one : combined(bind, EXPR_AND, all, one);
    }
    return all == NULL ? constant_true(bind) : all;
}

static const struct expr *negation(struct bind *bind, const struct expr *condition) {
    struct expr *no = bind_expr_new(bind, EXPR_NOT, type_make(TYPE_BOOL), 1, 0);
    no->arguments[0] = condition;
    return no;
}

/* The first fields that differ decide. */
static const struct expr *row_before(struct bind *bind, const struct bind_record *a, const struct bind_record *b,
                                     uint32_t position) {
    const struct expr *rest = negation(bind, constant_true(bind));
    for (uint32_t i = a->count; i-- > 0;) {
        const struct expr *same = bind_distinct(bind, a->fields[i], b->fields[i], true, position);
        rest = combined(bind, EXPR_OR, before(bind, a->fields[i], b->fields[i], position),
                        combined(bind, EXPR_AND, same, rest));
    }
    return rest;
}

static bool constant_holds(const struct expr *expr) {
    return expr->kind == EXPR_CONSTANT;
}

/* NULL where one of the rows is not there. */
static const struct expr *where_there(struct bind *bind, const struct bind_record *a, const struct bind_record *b,
                                      const struct expr *value) {
    if (constant_holds(a->there) && constant_holds(b->there)) {
        return value;
    }
    struct expr *null = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_BOOL), 0, 0);
    null->value = value_null(TYPE_BOOL);
    struct expr *choice = bind_expr_new(bind, EXPR_CASE, type_make(TYPE_BOOL), 3, 0);
    choice->arguments[0] = combined(bind, EXPR_AND, a->there, b->there);
    choice->arguments[1] = value;
    choice->arguments[2] = null;
    return choice;
}

const struct expr *bind_record_comparison(struct bind *bind, const char *name, const struct expr *left,
                                          const struct expr *right, uint32_t position) {
    struct bind_record a = bind_record_parts(bind, left);
    struct bind_record b = bind_record_parts(bind, right);
    check_alike(bind, &a, &b, position);
    const struct expr *value = NULL;
    if (strcmp(name, "=") == 0) {
        value = all_same(bind, &a, &b, position);
    } else if (strcmp(name, "<>") == 0) {
        value = negation(bind, all_same(bind, &a, &b, position));
    } else if (strcmp(name, "<") == 0 || strcmp(name, ">=") == 0) {
        value = row_before(bind, &a, &b, position);
        value = name[0] == '<' ? value : negation(bind, value);
    } else {
        ASSERT(strcmp(name, ">") == 0 || strcmp(name, "<=") == 0);
        value = row_before(bind, &b, &a, position);
        value = name[0] == '>' ? value : negation(bind, value);
    }
    return where_there(bind, &a, &b, value);
}

const struct expr *bind_record_distinct(struct bind *bind, const struct expr *left, const struct expr *right,
                                        bool negated, uint32_t position) {
    struct bind_record a = bind_record_parts(bind, left);
    struct bind_record b = bind_record_parts(bind, right);
    check_alike(bind, &a, &b, position);
    const struct expr *same = all_same(bind, &a, &b, position);
    if (!constant_holds(a.there) || !constant_holds(b.there)) {
        same = combined(bind, EXPR_AND, same, bind_distinct(bind, a.there, b.there, true, position));
    }
    return negated ? same : negation(bind, same);
}

const struct expr *bind_record_null_test(struct bind *bind, const struct expr *row, bool negated) {
    struct bind_record record = bind_record_parts(bind, row);
    const struct expr *all = NULL;
    for (uint32_t i = 0; i < record.count; i++) {
        const struct expr *one = null_test(bind, record.fields[i], negated);
        all = all == NULL ? one : combined(bind, EXPR_AND, all, one);
    }
    return all == NULL ? constant_true(bind) : all;
}

/* --- functions --- */

static bool listed(const char *name, const char *const *names, size_t count) {
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0) {
        i++;
    }
    return i < count;
}

/* Rows within a row become objects as well. */
static const struct expr *as_json(struct bind *bind, const struct expr *row, bool binary, bool lines) {
    const struct expr **arguments = sql_alloc(bind->context, row->argument_count * sizeof(*arguments));
    for (uint32_t i = 0; i < row->argument_count; i++) {
        const struct expr *argument = row->arguments[i];
        arguments[i] = bind_is_record(argument) ? as_json(bind, argument, binary, false) : argument;
    }
    const struct sql_function *function = record_json(binary, lines);
    return bind_unnamed_call(bind, function, type_make(function->result), arguments, row->argument_count,
                             row->position);
}

/* What a function makes of rows. */
static enum bind_rows rows_of(const char *name) {
    static const char *const json[] = {"row_to_json",       "to_json",  "json_build_array",
                                       "json_build_object", "json_agg", "json_object_agg"};
    static const char *const jsonb[] = {"to_jsonb", "jsonb_build_array", "jsonb_build_object", "jsonb_agg",
                                        "jsonb_object_agg"};
    return listed(name, json, ARRAY_LENGTH(json))     ? BIND_ROWS_JSON
           : listed(name, jsonb, ARRAY_LENGTH(jsonb)) ? BIND_ROWS_JSONB
                                                      : BIND_ROWS_TEXT;
}

enum bind_rows bind_rows_within(const char *name, const PgQuery__Node *argument) {
    bool gathered =
        argument->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && argument->func_call->n_funcname > 0 &&
        strcmp(bind_string(argument->func_call->funcname[argument->func_call->n_funcname - 1]), "array_agg") == 0;
    bool array = gathered || argument->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR;
    return !array ? BIND_ROWS_TEXT : strcmp(name, "array_to_json") == 0 ? BIND_ROWS_JSON : rows_of(name);
}

const struct expr *bind_row_element(struct bind *bind, const struct expr *element, enum bind_rows rows) {
    return rows == BIND_ROWS_TEXT || !bind_is_record(element) ? element
                                                              : as_json(bind, element, rows == BIND_ROWS_JSONB, false);
}

void bind_record_arguments(struct bind *bind, const char *name, const struct expr **arguments, uint32_t count,
                           uint32_t position) {
    static const char *const any[] = {"count",     "concat",    "concat_ws",   "format",
                                      "array_agg", "num_nulls", "num_nonnulls"};
    for (uint32_t i = 0; i < count; i++) {
        if (!bind_is_record(arguments[i])) {
            continue;
        }
        enum bind_rows rows = strcmp(name, "array_agg") == 0 ? bind->rows : rows_of(name);
        if (rows != BIND_ROWS_TEXT) {
            arguments[i] = bind_row_element(bind, arguments[i], rows);
        } else if (strcmp(name, "pg_typeof") == 0) {
            sql_raise_unsupported(bind->context, position, "pg_typeof of a row");
        } else if (!listed(name, any, ARRAY_LENGTH(any))) {
            sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, position, NULL,
                           "No function matches the given name and argument types. You might need to add explicit type "
                           "casts.",
                           "function %s(record) does not exist", name);
        }
    }
}

const struct sql_function *bind_record_aggregate(const struct sql_function *function, const struct expr *argument) {
    bool row = argument->kind == EXPR_CALL &&
               (argument->function == record_json(false, false) || argument->function == record_json(true, false));
    return row && strcmp(function->name, "json_agg") == 0    ? record_json_aggregate(false)
           : row && strcmp(function->name, "jsonb_agg") == 0 ? record_json_aggregate(true)
                                                             : function;
}

const struct expr *bind_row_to_json(struct bind *bind, const struct expr *const *arguments, uint32_t count) {
    if (count == 0 || count > 2 || !bind_is_record(arguments[0])) {
        return NULL;
    }
    const struct expr *plain = as_json(bind, arguments[0], false, false);
    if (count == 1) {
        return plain;
    }
    struct expr *choice = bind_expr_new(bind, EXPR_CASE, plain->type, 3, plain->position);
    choice->arguments[0] = bind_coerce(bind, arguments[1], type_make(TYPE_BOOL), SQL_CAST_IMPLICIT, 0);
    choice->arguments[1] = as_json(bind, arguments[0], false, true);
    choice->arguments[2] = plain;
    return choice->arguments[0] == NULL ? NULL : choice;
}

/* --- rows that leave a query --- */

static bool has_folded(const struct plan_node *node) {
    bool any = false;
    for (uint32_t i = 0; i < node->column_count; i++) {
        any = any || (node->columns[i].record != NULL && node->columns[i].record->count == 0);
    }
    return any;
}

/* The parts of a row that a PROJECT makes, or passes on from below. */
static uint32_t parts_of(struct bind *bind, const struct plan_node *project, uint32_t column, const struct expr **parts,
                         const char **names) {
    const struct expr *row = project->expressions[column];
    if (bind_sequence_key(row) != NULL) {
        for (uint32_t k = 0; parts != NULL && k < row->argument_count; k++) {
            parts[k] = row->arguments[k];
            names[k] = "";
        }
        return row->argument_count;
    }
    if (bind_is_record(row)) {
        uint32_t count = 1 + (row->argument_count - 1) / 2;
        for (uint32_t k = 0; parts != NULL && k < count; k++) {
            parts[k] = row->arguments[2 * k];
            names[k] = k == 0 ? "" : bind_text(bind->context, row->arguments[2 * k - 1]->value.as.bytes);
        }
        return count;
    }
    ASSERT(row->kind == EXPR_COLUMN);
    const struct plan_record *below = project->left->columns[row->column].record;
    for (uint32_t k = 0; parts != NULL && k < below->count; k++) {
        struct expr *part =
            bind_expr_new(bind, EXPR_COLUMN, project->left->columns[below->first + k].type, 0, row->position);
        part->column = below->first + k;
        parts[k] = part;
        names[k] = below->names[k];
    }
    return below->count;
}

static void unfold_project(struct bind *bind, struct plan_node *node) {
    struct sql_context *context = bind->context;
    uint32_t count = node->column_count;
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < count; i++) {
        wanted += node->columns[i].record == NULL ? 0 : parts_of(bind, node, i, NULL, NULL);
    }
    const struct expr **expressions = sql_alloc(context, (count + wanted) * sizeof(*expressions));
    struct plan_column *columns = sql_alloc_zero(context, count + wanted, sizeof(*columns));
    memcpy(expressions, node->expressions, count * sizeof(*expressions));
    memcpy(columns, node->columns, count * sizeof(*columns));
    uint32_t next = count;
    for (uint32_t i = 0; i < count; i++) {
        if (node->columns[i].record == NULL) {
            continue;
        }
        struct plan_record *record = sql_alloc_zero(context, 1, sizeof(*record));
        *record = (struct plan_record){.first = next, .position = node->columns[i].record->position};
        record->names = sql_alloc(context, wanted * sizeof(*record->names));
        record->count = parts_of(bind, node, i, expressions + next, record->names);
        record->sequence = node->columns[i].record->sequence;
        for (uint32_t k = 0; k < record->count; k++) {
            columns[next + k] = (struct plan_column){.name = "", .type = expressions[next + k]->type, .part = true};
        }
        next += record->count;
        columns[i].record = record;
    }
    node->expressions = expressions;
    node->columns = columns;
    node->expression_count = next;
    node->column_count = next;
}

/* The columns that are rows get their parts behind the others, from the PROJECT that makes them up. */
void bind_record_unfold(struct bind *bind, struct plan_node *node) {
    if (!has_folded(node)) {
        return;
    }
    if (node->kind == PLAN_PROJECT) {
        bind_record_unfold(bind, node->left);
        unfold_project(bind, node);
        return;
    }
    if (node->kind != PLAN_SORT && node->kind != PLAN_LIMIT) {
        uint32_t i = 0;
        while (node->columns[i].record == NULL) {
            i++;
        }
        sql_raise_unsupported(bind->context, node->columns[i].record->position,
                              "a row from a query that combines rows");
    }
    bind_record_unfold(bind, node->left);
    node->columns = node->left->columns;
    node->column_count = node->left->column_count;
}

const struct expr *bind_record_of_columns(struct bind *bind, const struct plan_node *node, uint32_t column,
                                          const struct expr *(*part)(struct bind *bind, uint32_t ordinal,
                                                                     struct type type)) {
    const struct plan_record *record = node->columns[column].record;
    if (record->sequence) {
        const struct expr **parts = sql_alloc(bind->context, 2 * sizeof(*parts));
        parts[0] = part(bind, record->first, node->columns[record->first].type);
        parts[1] = part(bind, record->first + 1, node->columns[record->first + 1].type);
        return bind_unnamed_call(bind, record_sequence(), parts[0]->type, parts, 2, 0);
    }
    struct bind_record made = {.count = record->count - 1};
    made.there = part(bind, record->first, node->columns[record->first].type);
    made.fields = sql_alloc(bind->context, (made.count + 1) * sizeof(*made.fields));
    made.names = sql_alloc(bind->context, (made.count + 1) * sizeof(*made.names));
    for (uint32_t i = 0; i < made.count; i++) {
        uint32_t ordinal = record->first + 1 + i;
        made.fields[i] = part(bind, ordinal, node->columns[ordinal].type);
        made.names[i] = record->names[i + 1];
    }
    return bind_record(bind, &made, 0);
}

void bind_refuse_records(struct bind *bind, const struct plan_node *node, const char *where) {
    for (uint32_t i = 0; i < node->column_count; i++) {
        if (node->columns[i].record != NULL) {
            sql_raise_unsupported(bind->context, node->columns[i].record->position, "a row as a column of %s", where);
        }
    }
}
