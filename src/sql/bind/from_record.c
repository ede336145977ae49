/*
 * FROM: json_to_record, json_to_recordset, json_populate_record and json_populate_recordset, and their jsonb forms.
 *
 * They give a row of columns that the query itself defines, AS x(a integer, b text), or that are a table's, null::t. So
 * they are written out here: each JSON object is a row, each column the member of its name, brought to its type as text
 * is.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/func/record.h"

struct source {
    const char *name; /* of the function */
    bool binary;
    bool set;
    bool populate;
};

static bool source_of(const PgQuery__Node *node, struct source *source) {
    if (node->node_case != PG_QUERY__NODE__NODE_FUNC_CALL) {
        return false;
    }
    const PgQuery__FuncCall *call = node->func_call;
    *source = (struct source){.name = bind_string(call->funcname[call->n_funcname - 1])};
    source->binary = strncmp(source->name, "jsonb_", 6) == 0;
    const char *rest = strncmp(source->name, "json", 4) != 0 ? "" : source->name + (source->binary ? 6 : 5);
    source->set = strcmp(rest, "to_recordset") == 0 || strcmp(rest, "populate_recordset") == 0;
    source->populate = strcmp(rest, "populate_record") == 0 || strcmp(rest, "populate_recordset") == 0;
    return source->set || source->populate || strcmp(rest, "to_record") == 0;
}

bool bind_is_record_source(const PgQuery__Node *node) {
    struct source source;
    return source_of(node, &source);
}

/* --- the columns --- */

static struct plan_column *defined_columns(struct bind *bind, const PgQuery__RangeFunction *item, uint32_t *count) {
    struct sql_context *context = bind->context;
    struct plan_column *columns = sql_alloc_zero(context, item->n_coldeflist + 1, sizeof(*columns));
    *count = (uint32_t)item->n_coldeflist;
    for (uint32_t i = 0; i < *count; i++) {
        const PgQuery__ColumnDef *definition = item->coldeflist[i]->column_def;
        columns[i] =
            (struct plan_column){.name = definition->colname, .type = bind_type_name(bind, definition->type_name)};
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(columns[k].name, columns[i].name) == 0) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, bind_location(definition->location),
                          "column name \"%s\" specified more than once", definition->colname);
            }
        }
    }
    return columns;
}

/* null::t: the columns of t. */
static struct plan_column *table_columns(struct bind *bind, const PgQuery__Node *node, const struct source *source,
                                         uint32_t *count) {
    struct sql_context *context = bind->context;
    const PgQuery__TypeCast *cast = node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? node->type_cast : NULL;
    bool null = cast != NULL && cast->arg->node_case == PG_QUERY__NODE__NODE_A_CONST && cast->arg->a_const->isnull;
    if (!null || cast->type_name->n_names == 0 || cast->type_name->n_array_bounds > 0) {
        sql_raise_unsupported(context, bind_node_position(node), "%s of anything but NULL::table", source->name);
    }
    size_t last = cast->type_name->n_names - 1;
    const char *name = bind_string(cast->type_name->names[last]);
    PgQuery__RangeVar relation = PG_QUERY__RANGE_VAR__INIT;
    relation.relname = (char *)(uintptr_t)name;
    relation.schemaname = last > 0 ? (char *)(uintptr_t)bind_string(cast->type_name->names[last - 1]) : NULL;
    const struct catalogue *catalogue = bind_present(bind);
    const struct table_definition *table = bind_find_table(bind, catalogue, &relation);
    if (table == NULL || definition_is_sequence(table)) {
        sql_raise(context, KMB_UNDEFINED_OBJECT, bind_location(cast->type_name->location), "type \"%s\" does not exist",
                  name);
    }
    *count = catalogue_column_count(catalogue, table);
    struct plan_column *columns = sql_alloc_zero(context, *count + 1, sizeof(*columns));
    for (uint32_t i = 0; i < *count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        columns[i] = (struct plan_column){.name = bind_text(context, column->name), .type = column->type};
    }
    return columns;
}

/* --- their values --- */

static const struct expr *text_constant(struct bind *bind, const char *text) {
    struct expr *constant = bind_expr_new(bind, EXPR_CONSTANT, type_make(TYPE_TEXT), 0, 0);
    constant->value = value_text(slice_text(text));
    return constant;
}

static const struct expr *member(struct bind *bind, const char *function, const struct expr *object, const char *name) {
    const struct expr **arguments = sql_alloc(bind->context, 2 * sizeof(*arguments));
    arguments[0] = object;
    arguments[1] = text_constant(bind, name);
    return bind_named_call(bind, function, arguments, 2, 0);
}

/* The member of its name as text, read as the type's text is; for JSON the value itself. null is NULL. */
static const struct expr *column_value(struct bind *bind, const struct source *source, const struct expr *object,
                                       const struct plan_column *column, uint32_t position) {
    const struct expr *text =
        member(bind, source->binary ? "jsonb_extract_path_text" : "json_extract_path_text", object, column->name);
    bool json = column->type.id == TYPE_JSON || column->type.id == TYPE_JSONB;
    if (type_is_array(column->type.id)) {
        sql_raise_unsupported(bind->context, position, "%s with a column of an array", source->name);
    }
    if (!json) {
        const struct expr *value = type_is_string(column->type.id)
                                       ? bind_coerce(bind, text, column->type, SQL_CAST_ASSIGNMENT, position)
                                       : bind_coerce(bind, text, column->type, SQL_CAST_EXPLICIT, position);
        ASSERT(value != NULL); /* every type is read from text */
        return value;
    }
    const struct expr *value =
        member(bind, source->binary ? "jsonb_extract_path" : "json_extract_path", object, column->name);
    struct expr *null = bind_expr_new(bind, EXPR_CONSTANT, column->type, 0, 0);
    null->value = value_null(column->type.id);
    struct expr *missing = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, 0);
    missing->arguments[0] = text;
    struct expr *choice = bind_expr_new(bind, EXPR_CASE, column->type, 3, 0);
    choice->arguments[0] = missing;
    choice->arguments[1] = null;
    choice->arguments[2] = bind_cast(bind, value, column->type, position);
    return choice;
}

/* The objects: a set's elements, or the one value. */
static struct plan_node *objects_of(const struct bind_scope *place, const struct source *source,
                                    const PgQuery__FuncCall *call, uint32_t position) {
    struct bind *bind = place->bind;
    uint32_t wanted = source->populate ? 2 : 1;
    struct type type = type_make(source->binary ? TYPE_JSONB : TYPE_JSON);
    const struct expr *given = call->n_args == wanted ? bind_expression(place, call->args[wanted - 1]) : NULL;
    given = given == NULL ? NULL : bind_coerce(bind, given, type, SQL_CAST_IMPLICIT, position);
    if (given == NULL) {
        sql_raise_with(bind->context, KMB_UNDEFINED_FUNCTION, position, NULL,
                       "No function matches the given name and argument types. You might need to add explicit type "
                       "casts.",
                       "function %s with these arguments does not exist", source->name);
    }
    const struct expr **value = sql_alloc(bind->context, 2 * sizeof(*value));
    const char **names = sql_alloc(bind->context, 2 * sizeof(*names));
    names[0] = source->name;
    const struct expr **checked = sql_alloc(bind->context, 2 * sizeof(*checked));
    checked[1] = text_constant(bind, source->name);
    if (!source->set) {
        checked[0] = given;
        value[0] = bind_unnamed_call(bind, record_object(source->binary), type, checked, 2, position);
        return bind_project(bind, bind_plan(bind, PLAN_ONE_ROW, NULL, NULL), value, names, 1);
    }
    checked[0] = given;
    const struct expr **list = sql_alloc(bind->context, sizeof(*list));
    list[0] = bind_unnamed_call(bind, record_list(source->binary), type, checked, 2, position);
    uint32_t candidate_count = 0;
    const struct sql_function *const *candidates =
        sql_function_candidates(bind->context, SQL_FUNCTION_SET,
                                source->binary ? "jsonb_array_elements" : "json_array_elements", &candidate_count);
    ASSERT(candidate_count == 1);
    struct plan_node *elements = bind_plan(bind, PLAN_FUNCTION, NULL, NULL);
    elements->aggregates = sql_alloc_zero(bind->context, 1, sizeof(*elements->aggregates));
    elements->aggregates[0] = (struct plan_aggregate){
        .function = candidates[0], .arguments = list, .argument_count = 1, .type = type, .position = position};
    elements->aggregate_count = 1;
    elements->columns = sql_alloc_zero(bind->context, 1, sizeof(*elements->columns));
    elements->columns[0] = (struct plan_column){.name = source->name, .type = type};
    elements->column_count = 1;
    return elements;
}

struct plan_node *bind_record_source(const struct bind_scope *place, const PgQuery__RangeFunction *item,
                                     const PgQuery__Node *node) {
    struct bind *bind = place->bind;
    struct sql_context *context = bind->context;
    uint32_t position = bind_node_position(node);
    struct source source;
    bool known = source_of(node, &source);
    ASSERT(known);
    if (item->n_functions > 1 || item->ordinality) {
        sql_raise_unsupported(context, position, "%s in ROWS FROM or WITH ORDINALITY", source.name);
    }
    uint32_t count = 0;
    struct plan_column *columns = NULL;
    if (item->n_coldeflist > 0) {
        columns = defined_columns(bind, item, &count);
    } else if (source.populate && node->func_call->n_args == 2) {
        columns = table_columns(bind, node->func_call->args[0], &source, &count);
    } else {
        sql_raise(context, KMB_SYNTAX, position,
                  "a column definition list is required for functions returning \"record\"");
    }
    struct plan_node *objects = objects_of(place, &source, node->func_call, position);
    const struct expr **values = sql_alloc(context, (count + 1) * sizeof(*values));
    const char **names = sql_alloc(context, (count + 1) * sizeof(*names));
    struct expr *object = bind_expr_new(bind, EXPR_COLUMN, objects->columns[0].type, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = column_value(bind, &source, object, &columns[i], position);
        names[i] = columns[i].name;
    }
    return bind_project(bind, objects, values, names, count);
}
