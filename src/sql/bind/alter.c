/*
 * ALTER TABLE: a list of actions. Columns are kept by name, because one action may depend on what an earlier one did;
 * they are resolved when the action runs, inside the transaction.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

struct alteration {
    struct bind *bind;
    const char *table_name;
    uint32_t position;
    struct plan_alter *actions;
    uint32_t count;
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

/* A generated column is bound over the table's columns and itself. */
static struct slice alter_generated(struct alteration *alteration, const struct catalogue *catalogue,
                                    const struct table_definition *table, const struct column_definition *column,
                                    const PgQuery__Constraint *generated) {
    struct bind *bind = alteration->bind;
    uint32_t count = catalogue_column_count(catalogue, table) + 1;
    struct column_definition *columns = sql_alloc_zero(bind->context, count, sizeof(*columns));
    struct plan_node node = {.column_count = count};
    node.columns = sql_alloc_zero(bind->context, count, sizeof(*node.columns));
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = i + 1 < count ? *catalogue_column(catalogue, table, i) : *column;
        node.columns[i] =
            (struct plan_column){.name = bind_text(bind->context, columns[i].name), .type = columns[i].type};
    }
    struct scope scope;
    bind_item_scope(bind, &node, alteration->table_name, CATALOGUE_SCHEMA_DEFAULT, 0, &scope);
    return bind_generated_text(bind, generated->raw_expr, &scope, columns, count, count - 1);
}

static void alter_add_column(struct alteration *alteration, const struct catalogue *catalogue,
                             const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    ASSERT(command->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF);
    const PgQuery__ColumnDef *node = command->def->column_def;
    uint32_t position = bind_location(node->location);
    struct bind_column_extra extra;
    struct column_definition column = bind_column_definition(bind, alteration->table_name, node, &extra);
    if (extra.primary_key) {
        sql_raise_unsupported(bind->context, position, "PRIMARY KEY in ADD COLUMN");
    }
    if (extra.check_count > 0) {
        sql_raise_unsupported(bind->context, bind_location(extra.checks[0]->location), "CHECK in ADD COLUMN");
    }
    struct plan_alter *action = alter_add(alteration, ALTER_ADD_COLUMN, node->colname);
    action->missing_ok = command->missing_ok;
    action->owned = extra.owned;
    action->fill = extra.owned != NULL || extra.generated != NULL;
    if (extra.generated != NULL) {
        column.default_text = alter_generated(alteration, catalogue, table, &column, extra.generated);
    } else if (column.default_kind == DEFAULT_EXPRESSION && extra.owned == NULL) {
        action->missing = bind_default(bind, table, &column);
        if (!expr_walk(action->missing, visit_not_volatile, NULL)) {
            action->fill = true;
            action->missing = NULL;
        }
    }
    action->column = column;
    for (uint32_t i = 0; i < extra.foreign_count; i++) {
        alter_add(alteration, ALTER_ADD_FOREIGN, "")->foreign = extra.foreigns[i];
    }
    if (extra.unique) {
        struct plan_alter *unique =
            alter_add(alteration, ALTER_ADD_UNIQUE, extra.unique_name == NULL ? "" : extra.unique_name);
        unique->columns = sql_alloc(bind->context, sizeof(*unique->columns));
        unique->columns[0] = node->colname;
        unique->column_count = 1;
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
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN) {
        alter_add(alteration, ALTER_ADD_FOREIGN, "")->foreign = bind_foreign_key(bind, constraint, NULL);
        return;
    }
    if (constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE || constraint->deferrable ||
        constraint->initdeferred || constraint->n_including > 0 || constraint->nulls_not_distinct ||
        constraint->n_options > 0 || (constraint->indexspace != NULL && constraint->indexspace[0] != 0) ||
        (constraint->indexname != NULL && constraint->indexname[0] != 0)) {
        static const char *const kinds[] = {
            [PG_QUERY__CONSTR_TYPE__CONSTR_CHECK] = "ADD CHECK to a table that exists",
            [PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY] = "ADD PRIMARY KEY to a table that exists",
            [PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION] = "an exclusion constraint",
        };
        size_t kind = (size_t)constraint->contype;
        sql_raise_unsupported(bind->context, position, "%s",
                              kind < ARRAY_LENGTH(kinds) && kinds[kind] != NULL ? kinds[kind]
                                                                                : "this form of ADD CONSTRAINT");
    }
    bool named = constraint->conname != NULL && constraint->conname[0] != 0;
    struct plan_alter *action = alter_add(alteration, ALTER_ADD_UNIQUE, named ? constraint->conname : "");
    action->columns = sql_alloc(bind->context, (constraint->n_keys + 1) * sizeof(*action->columns));
    for (size_t i = 0; i < constraint->n_keys; i++) {
        action->columns[action->column_count++] = bind_string(constraint->keys[i]);
    }
}

/* A column that a view may read stays. */
static void alter_check_views(struct bind *bind, const struct catalogue *catalogue,
                              const struct table_definition *table, const char *column) {
    const char *name = bind_text(bind->context, table->name);
    const struct table_definition *view = bind_view_reading(bind, catalogue, name, column);
    if (view != NULL) {
        sql_raise_with(bind->context, KMB_DEPENDENT_OBJECTS, 0,
                       sql_printf(bind->context, "view %s depends on column %s of table %s",
                                  bind_text(bind->context, view->name), column, name),
                       "Drop the view first.", "cannot drop column %s of table %s because other objects depend on it",
                       column, name);
    }
}

static void alter_command(struct alteration *alteration, const struct catalogue *catalogue,
                          const struct table_definition *table, const PgQuery__AlterTableCmd *command) {
    struct bind *bind = alteration->bind;
    struct plan_alter *action = NULL;
    switch ((int)command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        alter_add_column(alteration, catalogue, table, command);
        return;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
        alter_check_views(bind, catalogue, table, command->name);
        action = alter_add(alteration, ALTER_DROP_COLUMN, command->name);
        action->missing_ok = command->missing_ok;
        action->cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
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
        sql_raise_unsupported(bind->context, alteration->position, "ALTER COLUMN TYPE");
    default: {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pg_query__alter_table_type__descriptor, (int)command->subtype);
        sql_raise_unsupported(bind->context, alteration->position, "ALTER TABLE action %s",
                              value == NULL ? "of this kind" : value->name + 3);
    }
    }
}

/* PostgreSQL runs drops first, then additions, then the rest. */
static int alter_pass(const PgQuery__AlterTableCmd *command) {
    switch ((int)command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        return 0;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        return 1;
    default:
        return 2;
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

void bind_alter_table(struct bind *bind, const PgQuery__AlterTableStmt *alter, struct plan_statement *statement) {
    if (alter->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        sql_raise_unsupported(bind->context, bind_location(alter->relation->location), "ALTER of anything but a table");
    }
    bind_check_schema(bind, alter->relation);
    const struct catalogue *catalogue;
    const struct table_definition *table = bind_table(bind, alter->relation, &catalogue, alter->missing_ok);
    struct alteration alteration = {
        .bind = bind,
        .table_name = alter->relation->relname,
        .position = bind_location(alter->relation->location),
        .actions = sql_alloc_zero(bind->context, alter_room(alter), sizeof(*alteration.actions)),
    };
    for (int pass = 0; table != NULL && pass < 3; pass++) {
        for (size_t i = 0; i < alter->n_cmds; i++) {
            ASSERT(alter->cmds[i]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD);
            const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
            if (alter_pass(command) == pass) {
                alter_command(&alteration, catalogue, table, command);
            }
        }
    }
    (void)alter_ddl(bind, statement, table, &alteration);
}

void bind_rename(struct bind *bind, const PgQuery__RenameStmt *rename, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    uint32_t position = rename->relation == NULL ? 0 : bind_location(rename->relation->location);
    if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE) {
        bind_rename_sequence(bind, rename, statement);
        statement->tag = "ALTER SEQUENCE";
        return;
    }
    if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW) {
        sql_raise_unsupported(context, position, "renaming a view");
    }
    bool column = rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN &&
                  rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    if (!column && rename->rename_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        sql_raise_unsupported(context, position, "renaming anything but a table or its column");
    }
    bind_check_schema(bind, rename->relation);
    const struct catalogue *catalogue;
    const struct table_definition *table = bind_table(bind, rename->relation, &catalogue, rename->missing_ok);
    if (table != NULL &&
        bind_view_reading(bind, catalogue, rename->relation->relname, column ? rename->subname : NULL) != NULL) {
        sql_raise_unsupported(context, position, "renaming what a view reads");
    }
    struct alteration alteration = {
        .bind = bind,
        .table_name = rename->relation->relname,
        .actions = sql_alloc_zero(context, 1, sizeof(*alteration.actions)),
    };
    struct plan_alter *action = alter_add(&alteration, column ? ALTER_RENAME_COLUMN : ALTER_RENAME_TABLE,
                                          column ? rename->subname : rename->relation->relname);
    action->new_name = rename->newname;
    (void)alter_ddl(bind, statement, table, &alteration);
}
