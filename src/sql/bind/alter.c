/*
 * ALTER TABLE: a list of actions. Columns are kept by name, because one action may depend on what an earlier one did;
 * they are resolved when the action runs, inside the transaction.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/bind/domain.h"
#include "sql/type_text.h"

struct alteration {
    struct bind *bind;
    const char *table_name;
    struct slice schema_name;
    uint32_t position;
    struct plan_alter *actions;
    uint32_t count;
    /* The columns as the actions so far leave them: what expressions are bound over. */
    struct column_definition *columns;
    uint32_t column_count;
};

static struct plan_alter *alter_add(struct alteration *alteration, enum plan_alter_kind kind, const char *name) {
    struct plan_alter *action = &alteration->actions[alteration->count++];
    *action = (struct plan_alter){.kind = kind, .name = name};
    return action;
}

static bool visit_not_volatile(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_CALL || node->function->volatility != SQL_VOLATILE;
}

/* The scope of columns as they are, or as they will be. */
static void alter_scope(struct alteration *alteration, const struct column_definition *columns, uint32_t count,
                        struct scope *scope) {
    struct bind *bind = alteration->bind;
    struct plan_node node = {.column_count = count};
    node.columns = sql_alloc_zero(bind->context, count + 1, sizeof(*node.columns));
    for (uint32_t i = 0; i < count; i++) {
        node.columns[i] =
            (struct plan_column){.name = bind_text(bind->context, columns[i].name), .type = columns[i].type};
    }
    bind_item_scope(bind, &node, alteration->table_name, bind_text(bind->context, alteration->schema_name), 0, scope);
}

static struct column_definition *alter_find(struct alteration *alteration, const char *name) {
    for (uint32_t i = 0; i < alteration->column_count; i++) {
        if (slice_equal_text(alteration->columns[i].name, name)) {
            return &alteration->columns[i];
        }
    }
    return NULL;
}

static void alter_forget(struct alteration *alteration, const char *name) {
    struct column_definition *column = alter_find(alteration, name);
    if (column != NULL) {
        size_t behind = alteration->column_count - (size_t)(column - alteration->columns) - 1;
        memmove(column, column + 1, behind * sizeof(*column));
        alteration->column_count--;
    }
}

static const char *constraint_name(const PgQuery__Constraint *constraint) {
    return constraint->conname != NULL && constraint->conname[0] != 0 ? constraint->conname : "";
}

static void alter_add_check(struct alteration *alteration, const PgQuery__Constraint *constraint) {
    struct bind *bind = alteration->bind;
    struct scope scope;
    if (constraint->is_no_inherit) {
        sql_raise_unsupported(bind->context, bind_location(constraint->location), "NO INHERIT");
    }
    alter_scope(alteration, alteration->columns, alteration->column_count, &scope);
    struct bind_scope place = {.bind = bind, .scope = &scope, .place = BIND_CHECK};
    const struct expr *condition = bind_condition(&place, constraint->raw_expr, "CHECK");
    struct plan_alter *action = alter_add(alteration, ALTER_ADD_CHECK, constraint_name(constraint));
    uint64_t *words = sql_alloc_zero(bind->context, alteration->column_count / 64 + 1, sizeof(*words));
    (void)expr_columns(condition, words, alteration->column_count);
    action->columns = sql_alloc(bind->context, (alteration->column_count + 1) * sizeof(*action->columns));
    for (uint32_t i = 0; i < alteration->column_count; i++) {
        if (((words[i / 64] >> (i % 64)) & 1u) != 0) {
            action->columns[action->column_count++] = bind_text(bind->context, alteration->columns[i].name);
        }
    }
    action->text = parse_deparse(bind->context, constraint->raw_expr);
    action->not_valid = constraint->skip_validation;
    bind->time_dependent = false;
}

static struct plan_alter *alter_add_key(struct alteration *alteration, enum plan_alter_kind kind, const char *name,
                                        const char *column) {
    struct plan_alter *action = alter_add(alteration, kind, name == NULL ? "" : name);
    action->columns = sql_alloc(alteration->bind->context, sizeof(*action->columns));
    action->columns[0] = column;
    action->column_count = 1;
    return action;
}

static void alter_add_column(struct alteration *alteration, const struct table_definition *table,
                             const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF);
    const PgQuery__ColumnDef *node = command->def->column_def;
    struct bind_column_extra extra;
    struct column_definition column = bind_column_definition(bind, alteration->table_name, node, &extra);
    struct plan_alter *action = alter_add(alteration, ALTER_ADD_COLUMN, node->colname);
    action->missing_ok = command->missing_ok;
    action->owned = extra.owned;
    action->fill = extra.owned != NULL || extra.generated != NULL;
    if (action->missing_ok && alter_find(alteration, node->colname) != NULL) {
        action->column = column;
        return; /* with all its constraints */
    }
    alteration->columns[alteration->column_count++] = column;
    if (extra.generated != NULL) {
        struct scope scope;
        alter_scope(alteration, alteration->columns, alteration->column_count, &scope);
        column.default_text = bind_generated_text(bind, extra.generated->raw_expr, &scope, alteration->columns,
                                                  alteration->column_count, alteration->column_count - 1);
    } else if ((column.default_kind == DEFAULT_EXPRESSION || column.type.domain != 0) && extra.owned == NULL) {
        action->missing = bind_default(bind, table, &column);
        if (!expr_walk(action->missing, visit_not_volatile, NULL)) {
            action->fill = true;
            action->missing = NULL;
        }
    }
    if (action->fill && extra.owned == NULL) {
        action->text = column.default_kind == DEFAULT_NONE ? bind_domain_default(bind, column.type)
                                                           : bind_text(bind->context, column.default_text);
    }
    action->column = column;
    for (uint32_t i = 0; i < extra.foreign_count; i++) {
        alter_add(alteration, ALTER_ADD_FOREIGN, "")->foreign = extra.foreigns[i];
    }
    for (uint32_t i = 0; i < extra.check_count; i++) {
        alter_add_check(alteration, extra.checks[i]);
    }
    if (extra.primary_key) {
        (void)alter_add_key(alteration, ALTER_ADD_PRIMARY_KEY, extra.primary_key_name, node->colname);
    }
    if (extra.unique) {
        alter_add_key(alteration, ALTER_ADD_UNIQUE, extra.unique_name, node->colname)->nulls_same = extra.nulls_same;
    }
}

static const struct column_definition *alter_column(struct alteration *alteration, const struct table_definition *table,
                                                    const char *name) {
    const struct column_definition *column = definition_column_of_name(table, slice_text(name));
    if (column == NULL) {
        sql_raise(alteration->bind->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist",
                  name, alteration->table_name);
    }
    return column;
}

static void alter_add_identity(struct alteration *alteration, const struct catalogue *catalogue,
                               const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    (void)catalogue;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT);
    const PgQuery__Constraint *constraint = command->def->constraint;
    const struct column_definition *column = alter_column(alteration, table, command->name);
    struct plan_alter *action = alter_add(alteration, ALTER_ADD_IDENTITY, command->name);
    bool always = strcmp(constraint->generated_when, "a") == 0;
    action->default_kind = always ? DEFAULT_IDENTITY_ALWAYS : DEFAULT_IDENTITY;
    action->owned = bind_owned_sequence(alteration->bind, column->type.id, constraint->options, constraint->n_options);
}

/* SET GENERATED ALWAYS | BY DEFAULT, and SET and RESTART of the sequence's options. */
static void alter_set_identity(struct alteration *alteration, const struct catalogue *catalogue,
                               const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_LIST);
    const PgQuery__List *list = command->def->list;
    const struct column_definition *column = alter_column(alteration, table, command->name);
    const struct table_definition *sequence = catalogue_owned_sequence(catalogue, table->id, column->id);
    struct plan_alter *action = alter_add(alteration, ALTER_SET_IDENTITY, command->name);
    PgQuery__Node **options = sql_alloc(bind->context, (list->n_items + 1) * sizeof(*options));
    size_t count = 0;
    for (size_t i = 0; i < list->n_items; i++) {
        const PgQuery__DefElem *option = list->items[i]->def_elem;
        if (strcmp(option->defname, "generated") != 0) {
            options[count++] = list->items[i];
            continue;
        }
        bool always = option->arg->integer->ival == 'a';
        action->default_kind = always ? DEFAULT_IDENTITY_ALWAYS : DEFAULT_IDENTITY;
    }
    if (sequence != NULL && default_is_identity(column->default_kind)) {
        action->rule = sequence->sequence;
        if (count > 0) {
            bind_change_owned(bind, sequence, options, count, &action->rule, &action->restart);
        }
    }
}

static void alter_default(struct alteration *alteration, const struct catalogue *catalogue,
                          const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    struct plan_alter *action = alter_add(alteration, ALTER_DEFAULT, command->name);
    struct column_definition *own = alter_find(alteration, command->name);
    if (own != NULL) {
        own->default_kind = command->def == NULL ? DEFAULT_NONE : DEFAULT_EXPRESSION;
    }
    if (command->def == NULL) {
        return;
    }
    for (uint32_t i = 0; i < catalogue_column_count(catalogue, table); i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        if (slice_equal_text(column->name, command->name)) {
            action->default_text = bind_default_text(bind, command->def, column->type, command->name);
            return;
        }
    }
    sql_raise(bind->context, KMB_UNDEFINED_COLUMN, 0, "column \"%s\" of relation \"%s\" does not exist", command->name,
              alteration->table_name);
}

static void alter_add_constraint(struct alteration *alteration, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT);
    const PgQuery__Constraint *constraint = command->def->constraint;
    uint32_t position = bind_location(constraint->location);
    bool primary = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN) {
        alter_add(alteration, ALTER_ADD_FOREIGN, "")->foreign = bind_foreign_key(bind, constraint, NULL);
        return;
    }
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK) {
        alter_add_check(alteration, constraint);
        return;
    }
    if ((!primary && constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE) || constraint->deferrable ||
        constraint->initdeferred || (primary && constraint->n_including > 0) || constraint->n_options > 0 ||
        (constraint->indexspace != NULL && constraint->indexspace[0] != 0)) {
        bool exclusion = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION;
        sql_raise_unsupported(bind->context, position, "%s",
                              exclusion ? "an exclusion constraint" : "this form of ADD CONSTRAINT");
    }
    if (constraint->indexname != NULL && constraint->indexname[0] != 0) {
        struct plan_alter *use = alter_add(alteration, ALTER_USE_INDEX, constraint_name(constraint));
        use->new_name = constraint->indexname;
        use->primary = primary;
        return;
    }
    struct plan_alter *action =
        alter_add(alteration, primary ? ALTER_ADD_PRIMARY_KEY : ALTER_ADD_UNIQUE, constraint_name(constraint));
    action->columns = sql_alloc(bind->context, (constraint->n_keys + 1) * sizeof(*action->columns));
    for (size_t i = 0; i < constraint->n_keys; i++) {
        action->columns[action->column_count++] = bind_string(constraint->keys[i]);
    }
    action->nulls_same = constraint->nulls_not_distinct;
    action->include = sql_alloc(bind->context, (constraint->n_including + 1) * sizeof(*action->include));
    for (size_t i = 0; i < constraint->n_including; i++) {
        action->include[action->include_count++] = bind_string(constraint->including[i]);
    }
}

/* --- ALTER COLUMN TYPE --- */

/* Views and generated columns are made for the type that their columns have. */
static void alter_type_users(struct alteration *alteration, const struct catalogue *catalogue,
                             const struct table_definition *table, const char *name) {
    struct bind *bind = alteration->bind;
    struct sql_context *context = bind->context;
    const struct table_definition *view = bind_view_reading(bind, catalogue, table, name);
    if (view != NULL) {
        sql_raise_with(context, KMB_UNSUPPORTED, 0,
                       sql_printf(context, "rule _RETURN on view %s depends on column \"%s\"",
                                  bind_text(context, view->name), name),
                       NULL, "cannot alter type of a column used by a view or rule");
    }
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column_definition *column = &table->columns[i];
        if (column->dropped || column->hidden || column->default_kind != DEFAULT_GENERATED ||
            slice_equal_text(column->name, name)) {
            continue;
        }
        if (parse_names_column(parse_expression(context, bind_text(context, column->default_text)), name)) {
            sql_raise_with(context, KMB_UNSUPPORTED, 0,
                           sql_printf(context, "Column \"%s\" is used by generated column \"%s\".", name,
                                      bind_text(context, column->name)),
                           NULL, "cannot alter type of a column used by a generated column");
        }
    }
}

/* The default must be one of the new type. A literal keeps the type it was written for. */
static struct slice alter_type_default(struct alteration *alteration, const struct column_definition *column,
                                       struct type type) {
    struct bind *bind = alteration->bind;
    struct sql_context *context = bind->context;
    const char *name = bind_text(context, column->name);
    const char *text = bind_text(context, column->default_text);
    const struct expr *value = bind_stored(bind, text, NULL, BIND_DEFAULT);
    bool literal = value->type.id == TYPE_UNKNOWN;
    if (literal && !value->value.is_null) {
        text = sql_printf(context, "CAST(%s AS %s)", text, sql_type_format(context, column->type));
        value = bind_coerce(bind, value, column->type, SQL_CAST_ASSIGNMENT, 0);
    }
    if (value == NULL || bind_coerce(bind, value, type, SQL_CAST_ASSIGNMENT, 0) == NULL) {
        sql_raise(context, KMB_DATATYPE_MISMATCH, 0,
                  "default for column \"%s\" cannot be cast automatically to type %s", name,
                  bind_type_text(bind, type));
    }
    bind->time_dependent = false;
    return slice_text(text);
}

static void alter_type(struct alteration *alteration, const struct catalogue *catalogue,
                       const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    struct sql_context *context = bind->context;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF);
    const PgQuery__ColumnDef *node = command->def->column_def;
    const struct column_definition *column = alter_column(alteration, table, command->name);
    struct type type = bind_column_type(bind, node->type_name);
    const PgQuery__Node *using = node->raw_default;
    bool generated = column->default_kind == DEFAULT_GENERATED;
    if (generated && using != NULL) {
        sql_raise_with(context, KMB_INVALID_COLUMN_DEFINITION, 0,
                       sql_printf(context, "Column \"%s\" is a generated column.", command->name), NULL,
                       "cannot specify USING when altering type of generated column");
    }
    if (node->coll_clause != NULL) {
        bind_check_collation(bind, node->coll_clause, type);
    }
    if (default_is_identity(column->default_kind) && type.id != TYPE_INT2 && type.id != TYPE_INT4 &&
        type.id != TYPE_INT8) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "identity column type must be smallint, integer, or bigint");
    }
    alter_type_users(alteration, catalogue, table, command->name);
    uint32_t count = catalogue_column_count(catalogue, table);
    struct column_definition *columns = sql_alloc(context, (count + 1) * sizeof(*columns));
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = *catalogue_column(catalogue, table, i);
    }
    struct scope scope;
    alter_scope(alteration, columns, count, &scope);
    struct bind_scope place = {.bind = bind, .scope = &scope, .place = BIND_TRANSFORM};
    const char *text = generated       ? bind_text(context, column->default_text)
                       : using != NULL ? parse_deparse(context, using)
                                       : parse_quote_name(context, command->name);
    const struct expr *value =
        using != NULL ? bind_expression(&place, using) : bind_stored(bind, text, &scope, BIND_TRANSFORM);
    if (bind_coerce(bind, value, type, SQL_CAST_ASSIGNMENT, 0) == NULL) {
        const char *name = bind_type_text(bind, type);
        sql_raise_with(
            context, KMB_DATATYPE_MISMATCH, 0, NULL,
            using != NULL ? "You might need to add an explicit cast."
                          : sql_printf(context, "You might need to specify \"USING %s::%s\".",
                                       parse_quote_name(context, command->name), sql_type_format(context, type)),
            using != NULL ? "result of USING clause for column \"%s\" cannot be cast automatically to type %s"
                          : "column \"%s\" cannot be cast automatically to type %s",
            command->name, name);
    }
    bind->time_dependent = false;
    struct plan_alter *action = alter_add(alteration, ALTER_TYPE, command->name);
    action->column.type = type;
    action->text = text;
    action->missing_ok = using == NULL;
    struct column_definition *own = alter_find(alteration, command->name);
    if (own != NULL && own->default_kind == DEFAULT_EXPRESSION) {
        action->default_text = alter_type_default(alteration, column, type);
    }
    if (own != NULL) {
        own->type = type;
    }
}

/* The column, and those that are computed of it, which go with it. */
static uint32_t alter_dropped_columns(struct sql_context *context, const struct table_definition *table,
                                      const char *name, const char **columns) {
    uint32_t count = 0;
    columns[count++] = name;
    for (uint32_t at = 0; at < count; at++) {
        for (uint32_t i = 0; i < table->column_count; i++) {
            const struct column_definition *column = &table->columns[i];
            const char *other = bind_text(context, column->name);
            bool listed = column->dropped || column->hidden || column->default_kind != DEFAULT_GENERATED;
            for (uint32_t k = 0; k < count && !listed; k++) {
                listed = strcmp(columns[k], other) == 0;
            }
            if (!listed &&
                parse_names_column(parse_expression(context, bind_text(context, column->default_text)), columns[at])) {
                columns[count++] = other;
            }
        }
    }
    return count;
}

static bool alter_has_cascade(const struct plan_cascade *cascades, uint32_t count, struct table_id view) {
    bool has = false;
    for (uint32_t i = 0; i < count; i++) {
        has = has || table_id_equal(cascades[i].view, view);
    }
    return has;
}

/* The views that read the columns, and those that read these views. */
static void alter_drop_views(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *table,
                             struct plan_alter *action) {
    struct sql_context *context = bind->context;
    const char **columns = sql_alloc(context, (table->column_count + 1) * sizeof(*columns));
    uint32_t column_count = alter_dropped_columns(context, table, action->name, columns);
    struct plan_cascade *cascades = sql_alloc_zero(context, catalogue_table_count(catalogue) + 1, sizeof(*cascades));
    uint32_t count = 0;
    for (uint32_t at = 0; at <= count; at++) { /* the columns themselves, then each view that was found */
        const struct table_definition *read = at == 0 ? table : catalogue_table_of_id(catalogue, cascades[at - 1].view);
        for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
            const struct table_definition *view = catalogue_table_at(catalogue, i);
            bool reads = false;
            if (!definition_is_view(view) || alter_has_cascade(cascades, count, view->id)) {
                continue;
            }
            for (uint32_t k = 0; at == 0 && k < column_count && !reads; k++) {
                reads = bind_view_reads_column(bind, catalogue, view, table, columns[k]);
            }
            if (reads || (at > 0 && bind_view_reads(bind, view, read))) {
                const char *what = sql_printf(context, "view %s", bind_relation_text(bind, catalogue, view));
                cascades[count++] = (struct plan_cascade){.view = view->id, .what = what};
            }
        }
    }
    action->cascades = cascades;
    action->cascade_count = count;
}

/* A column that a view reads stays, or the view goes with it. */
static void alter_drop_column(struct alteration *alteration, const struct catalogue *catalogue,
                              const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    bool cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    const struct table_definition *view = cascade ? NULL : bind_view_reading(bind, catalogue, table, command->name);
    if (view != NULL) {
        const char *name = bind_relation_text(bind, catalogue, table);
        sql_raise_with(bind->context, KMB_DEPENDENT_OBJECTS, 0,
                       sql_printf(bind->context, "view %s depends on column %s of table %s",
                                  bind_relation_text(bind, catalogue, view), command->name, name),
                       "Use DROP ... CASCADE to drop the dependent objects too.",
                       "cannot drop column %s of table %s because other objects depend on it", command->name, name);
    }
    alter_forget(alteration, command->name);
    struct plan_alter *action = alter_add(alteration, ALTER_DROP_COLUMN, command->name);
    action->missing_ok = command->missing_ok;
    action->cascade = cascade;
    if (cascade) {
        alter_drop_views(bind, catalogue, table, action);
    }
}

static void alter_command(struct alteration *alteration, const struct catalogue *catalogue,
                          const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    struct plan_alter *action = NULL;
    switch ((int)command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        alter_add_column(alteration, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
        alter_drop_column(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
        alter_default(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        action = alter_add(alteration, ALTER_NOT_NULL, command->name);
        action->not_null = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull;
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        alter_add_constraint(alteration, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        action = alter_add(alteration, ALTER_DROP_CONSTRAINT, command->name);
        action->cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
        action->missing_ok = command->missing_ok;
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity:
        alter_add_identity(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity:
        alter_set_identity(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression:
        action = alter_add(alteration,
                           command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity ? ALTER_DROP_IDENTITY
                                                                                           : ALTER_DROP_EXPRESSION,
                           command->name);
        action->missing_ok = command->missing_ok;
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
        alter_type(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
        (void)alter_add(alteration, ALTER_VALIDATE, command->name);
        return;
    default: {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pg_query__alter_table_type__descriptor, (int)command->subtype);
        sql_raise_unsupported(bind->context, alteration->position, "ALTER TABLE action %s",
                              value == NULL ? "of this kind" : value->name + 3);
    }
    }
}

/* PostgreSQL runs drops first, then new types, additions, the rest. */
#define ALTER_PASSES 4

static int alter_pass(const PgQuery__AlterTableCmd *command) {
    switch ((int)command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        return 0;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
        return command->def == NULL ? 0 : 3;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
        return 1;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        return 2;
    default:
        return 3;
    }
}

/* Of the rest: what columns are, then keys, then checks and foreign keys, which may need them. */
static int action_pass(enum plan_alter_kind kind) {
    switch (kind) {
    case ALTER_ADD_UNIQUE:
    case ALTER_ADD_PRIMARY_KEY:
    case ALTER_USE_INDEX:
        return 1;
    case ALTER_ADD_CHECK:
    case ALTER_ADD_FOREIGN:
        return 2;
    case ALTER_VALIDATE:
        return 3;
    default:
        return 0;
    }
}

static void alter_sort(struct alteration *alteration) {
    for (uint32_t i = 1; i < alteration->count; i++) {
        struct plan_alter action = alteration->actions[i];
        uint32_t at = i;
        for (; at > 0 && action_pass(alteration->actions[at - 1].kind) > action_pass(action.kind); at--) {
            alteration->actions[at] = alteration->actions[at - 1];
        }
        alteration->actions[at] = action;
    }
}

static struct plan_ddl *alter_ddl(struct bind *bind, struct plan_statement *statement,
                                  const struct table_definition *table, const struct alteration *alteration) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    ddl->kind = table == NULL ? DDL_NOTHING : DDL_ALTER_TABLE;
    if (table != NULL) {
        ddl->table_id = table->id;
        ddl->alters = alteration->actions;
        ddl->alter_count = alteration->count;
    }
    return ddl;
}

/* Actions at most: a column may bring a unique key and foreign keys with it. */
static size_t alter_room(const PgQuery__AlterTableStmt *alter) {
    size_t room = alter->n_cmds * 2 + 1;
    for (size_t i = 0; i < alter->n_cmds; i++) {
        const PgQuery__Node *def = alter->cmds[i]->alter_table_cmd->def;
        room += def != NULL && def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF ? def->column_def->n_constraints : 0;
    }
    return room;
}

/* What PostgreSQL calls an action that no view can take; NULL: another. */
static const char *action_of_tables(const PgQuery__AlterTableCmd *command) {
    switch ((int)command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        return "ADD COLUMN";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
        return "DROP COLUMN";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
        return "ALTER COLUMN ... SET NOT NULL";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        return "ALTER COLUMN ... DROP NOT NULL";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        return "ADD CONSTRAINT";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        return "DROP CONSTRAINT";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
        return "VALIDATE CONSTRAINT";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
        return "ALTER COLUMN ... SET DATA TYPE";
    default:
        return NULL;
    }
}

/* ALTER TABLE of a view. */
static void refuse_view(struct bind *bind, const PgQuery__AlterTableStmt *alter) {
    struct sql_relation found;
    bool view = bind_find_relation(bind, bind_present(bind), alter->relation, &found) &&
                !sql_relation_is_index(&found) && definition_is_view(found.table);
    for (size_t i = 0; view && i < alter->n_cmds; i++) {
        const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
        const char *action = action_of_tables(command);
        if (action != NULL) {
            sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "This operation is not supported for views.", NULL,
                           "ALTER action %s cannot be performed on relation \"%s\"", action, alter->relation->relname);
        }
        if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault) {
            sql_raise_unsupported(bind->context, bind_location(alter->relation->location),
                                  "a default of a view's column");
        }
    }
}

void bind_alter_table(struct bind *bind, const PgQuery__AlterTableStmt *alter, struct plan_statement *statement) {
    if (alter->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        sql_raise_unsupported(bind->context, bind_location(alter->relation->location), "ALTER of anything but a table");
    }
    if (!alter->missing_ok) {
        bind_check_schema(bind, alter->relation);
    }
    refuse_view(bind, alter);
    const struct catalogue *catalogue;
    const struct table_definition *table = bind_table(bind, alter->relation, &catalogue, alter->missing_ok);
    struct alteration alteration = {
        .bind = bind,
        .table_name = alter->relation->relname,
        .position = bind_location(alter->relation->location),
        .actions = sql_alloc_zero(bind->context, alter_room(alter), sizeof(*alteration.actions)),
    };
    if (table == NULL) {
        bind_notice(bind, KMB_OK, "relation \"%s\" does not exist, skipping", alter->relation->relname);
    }
    if (table != NULL) {
        alteration.schema_name = table->schema_name;
        uint32_t count = catalogue_column_count(catalogue, table);
        alteration.columns = sql_alloc_zero(bind->context, count + alter->n_cmds + 1, sizeof(*alteration.columns));
        for (uint32_t i = 0; i < count; i++) {
            alteration.columns[alteration.column_count++] = *catalogue_column(catalogue, table, i);
        }
    }
    for (int pass = 0; table != NULL && pass < ALTER_PASSES; pass++) {
        for (size_t i = 0; i < alter->n_cmds; i++) {
            ASSERT(alter->cmds[i]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD);
            const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
            if (alter_pass(command) == pass) {
                alter_command(&alteration, catalogue, table, command);
            }
        }
    }
    alter_sort(&alteration);
    (void)alter_ddl(bind, statement, table, &alteration);
}

/* --- names and schemas --- */

/* What ALTER calls the kind, of which the relation must be: ALTER TABLE takes all of them. */
static const char *kind_of(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "view"
           : type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "sequence"
           : type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "index"
                                                            : "table";
}

const char *bind_alter_tag(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "ALTER VIEW"
           : type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "ALTER SEQUENCE"
           : type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "ALTER INDEX"
                                                            : "ALTER TABLE";
}

bool bind_alter_relation(struct bind *bind, const PgQuery__RangeVar *name, PgQuery__ObjectType type, bool missing_ok,
                         struct sql_relation *found) {
    if (!missing_ok) {
        bind_check_schema(bind, name);
    }
    if (!bind_find_relation(bind, bind_present(bind), name, found)) {
        if (!missing_ok) {
            bind_no_relation(bind, name);
        }
        bind_notice(bind, KMB_OK, "relation \"%s\" does not exist, skipping", name->relname);
        return false;
    }
    bool index = sql_relation_is_index(found);
    bool such = type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? !index && definition_is_view(found->table)
                : type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? !index && definition_is_sequence(found->table)
                : type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? index
                                                                 : true;
    if (!such) {
        const char *kind = kind_of(type);
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, 0, "\"%s\" is not %s %s", name->relname,
                  kind[0] == 'i' ? "an" : "a", kind);
    }
    return true;
}

static struct plan_alter *alter_one(struct bind *bind, struct plan_statement *statement,
                                    const struct table_definition *table, enum plan_alter_kind kind, const char *name,
                                    const char *new_name) {
    struct alteration alteration = {.bind = bind,
                                    .actions = sql_alloc_zero(bind->context, 1, sizeof(*alteration.actions))};
    struct plan_alter *action = alter_add(&alteration, kind, name);
    action->new_name = new_name;
    (void)alter_ddl(bind, statement, table, &alteration);
    return action;
}

static void rename_relation(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct sql_relation found;
    statement->tag = bind_alter_tag(rename->rename_type);
    if (!bind_alter_relation(bind, rename->relation, rename->rename_type, rename->missing_ok, &found)) {
        (void)alter_one(bind, statement, NULL, ALTER_RENAME_TABLE, "", NULL);
        return;
    }
    bool index = sql_relation_is_index(&found);
    (void)alter_one(bind, statement, found.table, index ? ALTER_RENAME_INDEX : ALTER_RENAME_TABLE,
                    rename->relation->relname, rename->newname);
}

/* A column of a table or a view. */
static void rename_column(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct sql_relation found;
    statement->tag = bind_alter_tag(rename->relation_type);
    if (!bind_alter_relation(bind, rename->relation, rename->relation_type, rename->missing_ok, &found)) {
        (void)alter_one(bind, statement, NULL, ALTER_RENAME_COLUMN, "", NULL);
        return;
    }
    if (sql_relation_is_index(&found) || definition_is_sequence(found.table)) {
        sql_raise_with(bind->context, KMB_WRONG_OBJECT_TYPE, 0,
                       sql_relation_is_index(&found) ? "This operation is not supported for indexes."
                                                     : "This operation is not supported for sequences.",
                       NULL, "cannot rename columns of relation \"%s\"", rename->relation->relname);
    }
    if (definition_is_table(found.table)) {
        bind_check_column_name(bind, rename->newname, 0);
    }
    (void)alter_one(bind, statement, found.table, ALTER_RENAME_COLUMN, rename->subname, rename->newname);
    bind_renamed_column(bind, found.table, rename->subname, rename->newname,
                        (struct plan_ddl *)(uintptr_t)statement->ddl);
}

static void rename_constraint(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    const struct catalogue *catalogue;
    if (!rename->missing_ok) {
        bind_check_schema(bind, rename->relation);
    }
    const struct table_definition *table = bind_table(bind, rename->relation, &catalogue, rename->missing_ok);
    (void)alter_one(bind, statement, table, ALTER_RENAME_CONSTRAINT, rename->subname, rename->newname);
}

void bind_rename(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    uint32_t position = rename->relation == NULL ? 0 : bind_location(rename->relation->location);
    switch ((int)rename->rename_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        rename_relation(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        bind_rename_schema(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE:
        bind_rename_role(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        bind_rename_type(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT:
        bind_rename_domain_check(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        rename_constraint(bind, rename, statement);
        return;
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        if (rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
            rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW) {
            rename_column(bind, rename, statement);
            return;
        }
        break;
    default:
        break;
    }
    sql_raise_unsupported(bind->context, position,
                          "renaming anything but a schema, a table, a view, a sequence, their columns, constraints and "
                          "indexes");
}

/* ALTER TABLE, VIEW, SEQUENCE, TYPE or DOMAIN ... SET SCHEMA. */
void bind_alter_schema(struct bind *bind, const PgQuery__AlterObjectSchemaStmt *alter,
                       struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    bool such = alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
                alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
                alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    if (alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE ||
        alter->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN) {
        bind_move_type(bind, alter, statement);
        return;
    }
    if (!such) {
        sql_raise_unsupported(context, bind->tokens->first,
                              "SET SCHEMA of anything but a table, a view, a sequence or a type");
    }
    struct sql_relation found;
    statement->tag = bind_alter_tag(alter->object_type);
    if (!bind_alter_relation(bind, alter->relation, alter->object_type, alter->missing_ok, &found)) {
        (void)alter_one(bind, statement, NULL, ALTER_SET_SCHEMA, "", NULL);
        return;
    }
    if (sql_relation_is_index(&found)) {
        sql_raise_with(context, KMB_WRONG_OBJECT_TYPE, 0, NULL, "Change the schema of the table instead.",
                       "cannot change schema of index \"%s\"", alter->relation->relname);
    }
    const struct table_definition *owner = catalogue_table_of_id(bind_present(bind), found.table->sequence.owner);
    if (definition_is_sequence(found.table) && owner != NULL) {
        sql_raise_with(context, KMB_UNSUPPORTED, 0,
                       sql_printf(context, "Sequence \"%s\" is linked to table \"%s\".", alter->relation->relname,
                                  bind_text(context, owner->name)),
                       NULL, "cannot move an owned sequence into another schema");
    }
    if (sql_schema_is_system(alter->newschema)) {
        sql_raise(context, KMB_PERMISSION, 0, "permission denied for schema %s", alter->newschema);
    }
    (void)bind_find_schema(bind, alter->newschema);
    (void)alter_one(bind, statement, found.table, ALTER_SET_SCHEMA, alter->relation->relname, alter->newschema);
}
