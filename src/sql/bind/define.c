/*
 * CREATE TABLE: parse tree -> definitions that the kernel takes.
 *
 * Defaults and checks are bound here once, for their errors, and kept as text (PostgreSQL's deparser makes it, so it
 * parses again). Names that are not given are made as PostgreSQL makes them. What is not enforced is refused.
 */
#include <stdio.h>

#include "base/assert.h"
#include "sql/bind/bind.h"

void bind_check_schema(struct bind *bind, const PgQuery__RangeVar *name) {
    bind_refuse_name(bind, name);
    if (name->schemaname != NULL && name->schemaname[0] != 0 &&
        !sql_schema_exists(bind_present(bind), name->schemaname)) {
        sql_raise(bind->context, KMB_UNDEFINED_SCHEMA, bind_location(name->location), "schema \"%s\" does not exist",
                  name->schemaname);
    }
}

struct slice bind_creation_schema(struct bind *bind, const PgQuery__RangeVar *name) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(name->location);
    bind_check_schema(bind, name);
    bool named = name->schemaname != NULL && name->schemaname[0] != 0;
    const char *schema = named ? name->schemaname : sql_path_first(bind_path(bind), bind_present(bind));
    if (schema == NULL) {
        sql_raise(context, KMB_UNDEFINED_SCHEMA, position, "no schema has been selected to create in");
    }
    if (sql_schema_is_system(schema)) {
        sql_raise_with(context, KMB_PERMISSION, position, "System catalog modifications are currently disallowed.",
                       NULL, "permission denied to create \"%s.%s\"", schema, name->relname);
    }
    return arena_dup_slice(&context->arena, slice_text(schema));
}

/* --- columns --- */

static struct slice arena_slice(struct bind *bind, const char *text) {
    return arena_dup_slice(&bind->context->arena, slice_text(text));
}

static bool visit_no_query(ProtobufCMessage *message, void *context) {
    (void)context;
    return message->descriptor != &pg_query__sub_link__descriptor;
}

static bool visit_no_column(ProtobufCMessage *message, void *context) {
    if (message->descriptor == &pg_query__column_ref__descriptor) {
        sql_raise(context, KMB_UNSUPPORTED, bind_location(((const PgQuery__ColumnRef *)message)->location),
                  "cannot use column reference in DEFAULT expression");
    }
    return true;
}

struct slice bind_default_text(struct bind *bind, const PgQuery__Node *node, struct type type, const char *column) {
    struct bind_scope place = {.bind = bind, .place = BIND_DEFAULT};
    bool spell_names = bind->spell_names;
    ProtobufCMessage *message = (ProtobufCMessage *)(uintptr_t)&node->base;
    if (parse_walk(message, visit_no_query, NULL)) { /* a subquery is refused as such */
        (void)parse_walk(message, visit_no_column, bind->context);
    }
    parse_spell_sequences(bind->context, (ProtobufCMessage *)(uintptr_t)&node->base);
    bind->spell_names = true;
    const struct expr *value = bind_expression(&place, node);
    bind->spell_names = spell_names;
    if (bind_coerce(bind, value, type, SQL_CAST_ASSIGNMENT, 0) == NULL) {
        sql_raise_with(bind->context, KMB_DATATYPE_MISMATCH, value->position, NULL,
                       "You will need to rewrite or cast the expression.",
                       "column \"%s\" is of type %s but default expression is of type %s", column,
                       bind_type_text(bind, type), bind_type_text(bind, value->type));
    }
    bind->time_dependent = false; /* the text is kept, not the value */
    return arena_slice(bind, parse_deparse(bind->context, node));
}

static bool visit_immutable(const struct expr *node, void *context) {
    (void)context;
    return node->kind != EXPR_CALL || node->function->volatility == SQL_IMMUTABLE;
}

struct slice bind_generated_text(struct bind *bind, const PgQuery__Node *node, const struct scope *scope,
                                 const struct column_definition *columns, uint32_t count, uint32_t ordinal) {
    struct sql_context *context = bind->context;
    struct bind_scope place = {.bind = bind, .scope = scope, .place = BIND_GENERATED};
    const char *name = bind_text(context, columns[ordinal].name);
    const struct expr *value = bind_expression(&place, node);
    uint64_t *words = sql_alloc_zero(context, count / 64 + 1, sizeof(*words));
    (void)expr_columns(value, words, count);
    for (uint32_t i = 0; i < count; i++) {
        bool read = ((words[i / 64] >> (i % 64)) & 1u) != 0;
        if (read && (i == ordinal || columns[i].default_kind == DEFAULT_GENERATED)) {
            sql_raise_with(context, KMB_INVALID_OBJECT_DEFINITION, value->position,
                           i == ordinal ? "This would cause the generated column to depend on its own value."
                                        : "A generated column cannot reference another generated column.",
                           NULL, "cannot use generated column \"%s\" in column generation expression",
                           bind_text(context, columns[i].name));
        }
    }
    value = bind_coerce(bind, value, columns[ordinal].type, SQL_CAST_ASSIGNMENT, 0);
    if (value == NULL) {
        value = bind_expression(&place, node);
        sql_raise_with(context, KMB_DATATYPE_MISMATCH, value->position, NULL,
                       "You will need to rewrite or cast the expression.",
                       "column \"%s\" is of type %s but default expression is of type %s", name,
                       bind_type_text(bind, columns[ordinal].type), bind_type_text(bind, value->type));
    }
    if (!expr_walk(value, visit_immutable, NULL)) {
        sql_raise(context, KMB_INVALID_OBJECT_DEFINITION, 0, "generation expression is not immutable");
    }
    bind->time_dependent = false;
    return arena_slice(bind, parse_deparse(context, node));
}

static void column_refuse(struct bind *bind, const PgQuery__ColumnDef *column) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(column->location);
    if (column->compression != NULL && column->compression[0] != 0) {
        sql_raise_unsupported(context, position, "COMPRESSION");
    }
    if (column->n_fdwoptions > 0) {
        sql_raise_unsupported(context, position, "OPTIONS of a column");
    }
    if (column->type_name == NULL) {
        sql_raise_unsupported(context, position, "a column without a type");
    }
}

static void constraint_refuse(struct bind *bind, const PgQuery__Constraint *constraint) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(constraint->location);
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN) {
        return; /* bind_foreign_key() looks at it all */
    }
    if (constraint->deferrable || constraint->initdeferred) {
        sql_raise_unsupported(context, position, "a deferrable constraint");
    }
    if (constraint->n_including > 0 && constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE) {
        sql_raise_unsupported(context, position, "INCLUDE");
    }
    bool indexed = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY ||
                   constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE;
    if ((indexed && constraint->n_options > 0) || (constraint->indexspace != NULL && constraint->indexspace[0] != 0) ||
        (constraint->indexname != NULL && constraint->indexname[0] != 0)) {
        sql_raise_unsupported(context, position, "an option of a constraint's index");
    }
    if (constraint->is_no_inherit) {
        sql_raise_unsupported(context, position, "NO INHERIT");
    }
    switch ((int)constraint->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
        sql_raise_unsupported(context, position, "an exclusion constraint");
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
        sql_raise_unsupported(context, position, "DEFERRABLE");
    default:
        break;
    }
}

static const char *constraint_name(const PgQuery__Constraint *constraint) {
    return constraint->conname != NULL && constraint->conname[0] != 0 ? constraint->conname : NULL;
}

/* DEFAULT, IDENTITY and GENERATED exclude each other. */
static void default_alone(struct bind *bind, const char *table, const struct column_definition *column,
                          enum default_kind kind, uint32_t position) {
    enum default_kind was = column->default_kind;
    bool identity = default_is_identity(kind);
    bool was_identity = default_is_identity(was);
    if (was == DEFAULT_NONE) {
        return;
    }
    const char *what = kind == DEFAULT_EXPRESSION && was == DEFAULT_EXPRESSION ? "multiple default values specified"
                       : identity && was_identity                              ? "multiple identity specifications"
                       : kind == DEFAULT_GENERATED && was == DEFAULT_GENERATED ? "multiple generation clauses specified"
                       : kind != DEFAULT_GENERATED && was != DEFAULT_GENERATED ? "both default and identity specified"
                       : identity || was_identity ? "both identity and generation expression specified"
                                                  : "both default and generation expression specified";
    sql_raise(bind->context, KMB_SYNTAX, position, "%s for column \"%s\" of table \"%s\"", what,
              bind_text(bind->context, column->name), table);
}

static void column_constraint(struct bind *bind, const char *table, const PgQuery__Constraint *constraint,
                              struct column_definition *column, struct bind_column_extra *extra) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(constraint->location);
    const char *name = bind_text(context, column->name);
    if (bind_is_attribute(constraint) && extra->foreign_last) {
        bind_foreign_attribute(bind, constraint, extra->foreigns[extra->foreign_count - 1]);
        return;
    }
    constraint_refuse(bind, constraint);
    extra->foreign_last = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;
    switch ((int)constraint->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        extra->foreigns[extra->foreign_count++] = bind_foreign_key(bind, constraint, name);
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        extra->null_said = true;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        extra->not_null_said = true;
        column->not_null = true;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        default_alone(bind, table, column, DEFAULT_EXPRESSION, position);
        column->default_kind = DEFAULT_EXPRESSION;
        column->default_text = bind_default_text(bind, constraint->raw_expr, column->type, name);
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: {
        bool always = strcmp(constraint->generated_when, "a") == 0;
        enum default_kind kind = always ? DEFAULT_IDENTITY_ALWAYS : DEFAULT_IDENTITY;
        default_alone(bind, table, column, kind, position);
        column->default_kind = kind;
        column->not_null = true;
        extra->not_null_said = true;
        extra->owned = bind_owned_sequence(bind, column->type.id, constraint->options, constraint->n_options);
        break;
    }
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        default_alone(bind, table, column, DEFAULT_GENERATED, position);
        column->default_kind = DEFAULT_GENERATED;
        extra->generated = constraint;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        extra->checks[extra->check_count++] = constraint;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        if (extra->primary_key) {
            sql_raise(context, KMB_INVALID_TABLE_DEFINITION, position,
                      "multiple primary keys for table \"%s\" are not allowed", table);
        }
        extra->primary_key = true;
        extra->primary_key_name = constraint_name(constraint);
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
        extra->unique = true;
        extra->unique_name = constraint_name(constraint);
        extra->nulls_same = constraint->nulls_not_distinct;
        break;
    default:
        sql_raise_unsupported(context, position, "this constraint");
    }
    if (extra->null_said && extra->not_null_said) {
        sql_raise(context, KMB_SYNTAX, position,
                  "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"", name, table);
    }
}

/* The type of the values of serial and its kin; UNKNOWN for any other type. */
static enum type_id serial_type(const PgQuery__TypeName *name) {
    static const struct {
        const char *name;
        enum type_id type;
    } serials[] = {{"serial", TYPE_INT4},  {"serial4", TYPE_INT4},     {"bigserial", TYPE_INT8},
                   {"serial8", TYPE_INT8}, {"smallserial", TYPE_INT2}, {"serial2", TYPE_INT2}};
    for (size_t i = 0; i < ARRAY_LENGTH(serials); i++) {
        if (name->n_names == 1 && name->n_array_bounds == 0 && !name->setof && name->n_typmods == 0 &&
            strcmp(bind_string(name->names[0]), serials[i].name) == 0) {
            return serials[i].type;
        }
    }
    return TYPE_UNKNOWN;
}

void bind_check_column_name(struct bind *bind, const char *name, uint32_t position) {
    if (bind_is_system_column(name)) {
        sql_raise(bind->context, KMB_DUPLICATE_COLUMN, position,
                  "column name \"%s\" conflicts with a system column name", name);
    }
}

struct column_definition bind_column_definition(struct bind *bind, const char *table, const PgQuery__ColumnDef *column,
                                                struct bind_column_extra *extra) {
    *extra = (struct bind_column_extra){0};
    column_refuse(bind, column);
    bind_check_column_name(bind, column->colname, bind_location(column->location));
    extra->checks = sql_alloc(bind->context, (column->n_constraints + 1) * sizeof(*extra->checks));
    extra->foreigns = sql_alloc(bind->context, (column->n_constraints + 1) * sizeof(*extra->foreigns));
    struct column_definition definition = {.name = arena_slice(bind, column->colname)};
    enum type_id serial = serial_type(column->type_name);
    if (serial != TYPE_UNKNOWN) { /* its default's text waits for the sequence's name */
        definition.type = type_make(serial);
        definition.not_null = true;
        definition.default_kind = DEFAULT_EXPRESSION;
        extra->not_null_said = true;
        extra->owned = bind_owned_sequence(bind, serial, NULL, 0);
    } else {
        definition.type = bind_column_type(bind, column->type_name);
    }
    if (definition.type.id == TYPE_UNKNOWN) {
        sql_raise(bind->context, KMB_INVALID_TABLE_DEFINITION, bind_location(column->location),
                  "column \"%s\" has pseudo-type unknown", column->colname);
    }
    if (column->coll_clause != NULL) {
        bind_check_collation(bind, column->coll_clause, definition.type);
    }
    for (size_t i = 0; i < column->n_constraints; i++) {
        ASSERT(column->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT);
        column_constraint(bind, table, column->constraints[i]->constraint, &definition, extra);
    }
    return definition;
}

/* --- CREATE TABLE --- */

struct creation {
    struct bind *bind;
    const char *name;
    struct table_definition *table;
    struct column_definition *columns;
    uint32_t column_count;
    struct index_definition *indexes;
    uint32_t index_count;
    struct check_definition *checks;
    uint32_t check_count;
    const PgQuery__Constraint **check_nodes;
    const char **check_columns;            /* the column a check was written behind, or NULL */
    const PgQuery__Constraint **generated; /* by column, or NULL */
    const struct plan_owned **owned;
    uint32_t owned_count;
    const struct plan_foreign **foreigns;
    uint32_t foreign_count;
    bool primary_key_said;
    const char **after; /* statements to run when the table is there */
    uint32_t after_count;
};

/*
 * WITH (fillfactor = n): how full pages are left for rows that change in place. None do here, so any value that
 * PostgreSQL takes is met; other parameters ask for something.
 */
void bind_storage_parameters(struct bind *bind, PgQuery__Node **options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        uint32_t position = bind_location(option->location);
        if (option->defnamespace != NULL && option->defnamespace[0] != 0) {
            sql_raise_unsupported(bind->context, position, "storage parameter \"%s.%s\"", option->defnamespace,
                                  option->defname);
        }
        if (strcmp(option->defname, "fillfactor") != 0) {
            sql_raise_unsupported(bind->context, position, "storage parameter \"%s\"", option->defname);
        }
        bool number = option->arg != NULL && option->arg->node_case == PG_QUERY__NODE__NODE_INTEGER;
        if (!number) {
            sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "invalid value for integer option \"fillfactor\"");
        }
        int32_t value = option->arg->integer->ival;
        if (value < 10 || value > 100) {
            sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "value %d out of bounds for option \"fillfactor\"",
                      value);
        }
    }
}

static void create_refuse(struct bind *bind, const PgQuery__CreateStmt *create) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(create->relation->location);
    if (strcmp(create->relation->relpersistence, "p") != 0) {
        sql_raise_unsupported(context, position, "a temporary or unlogged table");
    }
    if (create->n_inh_relations > 0 || create->partbound != NULL) {
        sql_raise_unsupported(context, position, create->partbound != NULL ? "PARTITION OF" : "INHERITS");
    }
    if (create->partspec != NULL) {
        sql_raise_unsupported(context, position, "PARTITION BY");
    }
    if (create->of_typename != NULL) {
        sql_raise_unsupported(context, position, "a table of a composite type");
    }
    bind_storage_parameters(bind, create->options, create->n_options);
    if (create->oncommit != PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP) {
        sql_raise_unsupported(context, position, "ON COMMIT");
    }
    if (create->tablespacename != NULL && create->tablespacename[0] != 0) {
        sql_raise_unsupported(context, position, "TABLESPACE");
    }
    if (create->access_method != NULL && create->access_method[0] != 0) {
        sql_raise_unsupported(context, position, "USING (table access method)");
    }
}

static uint32_t create_find_column(struct creation *creation, const char *name, uint32_t position) {
    for (uint32_t i = 0; i < creation->column_count; i++) {
        if (slice_equal_text(creation->columns[i].name, name)) {
            return i;
        }
    }
    sql_raise(creation->bind->context, KMB_UNDEFINED_COLUMN, position, "column \"%s\" named in key does not exist",
              name);
}

static void create_check_key_type(struct creation *creation, uint32_t ordinal, uint32_t position) {
    struct sql_context *context = creation->bind->context;
    enum kmb_status status = key_type_check(creation->columns[ordinal].type, context->error);
    if (status != KMB_OK) {
        sql_raise_status(context, status, position);
    }
}

/* Key parts by ordinal + 1, as kernel_create_table() wants them. */
static const struct key_part *create_key(struct creation *creation, const PgQuery__Constraint *constraint,
                                         const char *kind, uint32_t *count) {
    struct sql_context *context = creation->bind->context;
    uint32_t position = bind_location(constraint->location);
    if (constraint->n_keys > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, position, "cannot use more than %d columns in an index",
                  DEFINITION_KEY_COLUMNS_MAX);
    }
    struct key_part *parts = sql_alloc_zero(context, constraint->n_keys + 1, sizeof(*parts));
    for (size_t i = 0; i < constraint->n_keys; i++) {
        const char *name = bind_string(constraint->keys[i]);
        uint32_t ordinal = create_find_column(creation, name, position);
        create_check_key_type(creation, ordinal, position);
        for (size_t k = 0; k < i; k++) {
            if (parts[k].column.value == ordinal + 1) {
                sql_raise(context, KMB_DUPLICATE_COLUMN, position, "column \"%s\" appears twice in %s constraint", name,
                          kind);
            }
        }
        parts[i].column.value = ordinal + 1;
    }
    *count = (uint32_t)constraint->n_keys;
    return parts;
}

static const struct key_part *create_key_of_one(struct creation *creation, uint32_t ordinal, uint32_t position) {
    struct key_part *part = sql_alloc_zero(creation->bind->context, 1, sizeof(*part));
    create_check_key_type(creation, ordinal, position);
    part->column.value = ordinal + 1;
    return part;
}

static void create_primary_key(struct creation *creation, const struct key_part *parts, uint32_t count,
                               const char *name, uint32_t position) {
    if (creation->primary_key_said) {
        sql_raise(creation->bind->context, KMB_INVALID_TABLE_DEFINITION, position,
                  "multiple primary keys for table \"%s\" are not allowed", creation->name);
    }
    creation->primary_key_said = true;
    creation->table->primary_key = parts;
    creation->table->primary_key_count = count;
    creation->table->primary_key_name = name == NULL ? slice_make(NULL, 0) : arena_slice(creation->bind, name);
    for (uint32_t i = 0; i < count; i++) {
        creation->columns[parts[i].column.value - 1].not_null = true;
    }
}

static void create_unique(struct creation *creation, const struct key_part *parts, uint32_t count, const char *name) {
    creation->indexes[creation->index_count++] = (struct index_definition){
        .name = name == NULL ? slice_make(NULL, 0) : arena_slice(creation->bind, name),
        .parts = parts,
        .part_count = count,
        .unique = true,
        .constraint = true,
        .state = INDEX_READY,
    };
}

/* What a table's UNIQUE says beside its columns. */
static void create_include(struct creation *creation, const PgQuery__Constraint *constraint,
                           struct index_definition *index) {
    uint32_t position = bind_location(constraint->location);
    struct column_id *include = sql_alloc(creation->bind->context, (constraint->n_including + 1) * sizeof(*include));
    for (size_t i = 0; i < constraint->n_including; i++) {
        include[i].value = create_find_column(creation, bind_string(constraint->including[i]), position) + 1;
    }
    if (constraint->n_keys + constraint->n_including > DEFINITION_KEY_COLUMNS_MAX) {
        sql_raise(creation->bind->context, KMB_TOO_MANY_COLUMNS, position,
                  "cannot use more than %d columns in an index", DEFINITION_KEY_COLUMNS_MAX);
    }
    index->nulls_same = constraint->nulls_not_distinct;
    index->include = include;
    index->include_count = (uint32_t)constraint->n_including;
}

static void create_column(struct creation *creation, const PgQuery__ColumnDef *node) {
    struct bind *bind = creation->bind;
    uint32_t position = bind_location(node->location);
    for (uint32_t i = 0; i < creation->column_count; i++) {
        if (slice_equal_text(creation->columns[i].name, node->colname)) {
            sql_raise(bind->context, KMB_DUPLICATE_COLUMN, position, "column \"%s\" specified more than once",
                      node->colname);
        }
    }
    struct bind_column_extra extra;
    uint32_t ordinal = creation->column_count;
    creation->columns[ordinal] = bind_column_definition(bind, creation->name, node, &extra);
    creation->column_count++;
    creation->generated[ordinal] = extra.generated;
    for (uint32_t i = 0; i < extra.foreign_count; i++) {
        creation->foreigns[creation->foreign_count++] = extra.foreigns[i];
    }
    if (extra.owned != NULL) {
        extra.owned->column = ordinal;
        creation->owned[creation->owned_count++] = extra.owned;
    }
    if (extra.primary_key) {
        if (extra.null_said) {
            sql_raise(bind->context, KMB_SYNTAX, position,
                      "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"", node->colname,
                      creation->name);
        }
        create_primary_key(creation, create_key_of_one(creation, ordinal, position), 1, extra.primary_key_name,
                           position);
    }
    if (extra.unique) {
        create_unique(creation, create_key_of_one(creation, ordinal, position), 1, extra.unique_name);
        creation->indexes[creation->index_count - 1].nulls_same = extra.nulls_same;
    }
    for (uint32_t i = 0; i < extra.check_count; i++) {
        creation->check_nodes[creation->check_count] = extra.checks[i];
        creation->check_columns[creation->check_count++] = node->colname;
    }
}

/* NOT VALID says nothing of a table without rows. */
static const struct plan_foreign *create_foreign(struct bind *bind, const PgQuery__Constraint *constraint) {
    struct plan_foreign *foreign = bind_foreign_key(bind, constraint, NULL);
    foreign->not_valid = false;
    return foreign;
}

static void create_table_constraint(struct creation *creation, const PgQuery__Constraint *constraint) {
    struct bind *bind = creation->bind;
    uint32_t position = bind_location(constraint->location);
    uint32_t count = 0;
    constraint_refuse(bind, constraint);
    switch ((int)constraint->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY: {
        const struct key_part *parts = create_key(creation, constraint, "primary key", &count);
        create_primary_key(creation, parts, count, constraint_name(constraint), position);
        break;
    }
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: {
        const struct key_part *parts = create_key(creation, constraint, "unique", &count);
        create_unique(creation, parts, count, constraint_name(constraint));
        create_include(creation, constraint, &creation->indexes[creation->index_count - 1]);
        break;
    }
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        creation->check_nodes[creation->check_count] = constraint;
        creation->check_columns[creation->check_count++] = NULL;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        creation->foreigns[creation->foreign_count++] = create_foreign(bind, constraint);
        break;
    default:
        sql_raise_unsupported(bind->context, position, "this table constraint");
    }
}

/* The scope of the columns being created. */
static void create_scope(struct creation *creation, struct scope *scope) {
    struct bind *bind = creation->bind;
    struct plan_node node = {.column_count = creation->column_count};
    node.columns = sql_alloc_zero(bind->context, creation->column_count + 1, sizeof(*node.columns));
    for (uint32_t i = 0; i < creation->column_count; i++) {
        node.columns[i] = (struct plan_column){.name = bind_text(bind->context, creation->columns[i].name),
                                               .type = creation->columns[i].type};
    }
    bind_item_scope(bind, &node, creation->name, bind_text(bind->context, creation->table->schema_name), 0, scope);
}

/* t_a_check when the expression reads one column, else t_check; a number behind it while the name is taken. */
static const char *create_check_name(struct creation *creation, const struct expr *condition, uint32_t done) {
    struct sql_context *context = creation->bind->context;
    uint64_t *words = sql_alloc_zero(context, creation->column_count / 64 + 1, sizeof(*words));
    (void)expr_columns(condition, words, creation->column_count);
    const char *only = NULL;
    uint32_t columns = 0;
    for (uint32_t i = 0; i < creation->column_count; i++) {
        if ((words[i / 64] >> (i % 64)) & 1u) {
            only = bind_text(context, creation->columns[i].name);
            columns++;
        }
    }
    struct slice column = columns == 1 ? slice_text(only) : slice_make(NULL, 0);
    char *name = sql_alloc(context, DEFINITION_NAME_BYTES_MAX + 1);
    for (uint32_t number = 0;; number++) {
        bool taken = false;
        kernel_name_make(slice_text(creation->name), column, "check", number, name);
        for (uint32_t i = 0; i < creation->check_count; i++) {
            const char *other =
                i < done ? bind_text(context, creation->checks[i].name) : constraint_name(creation->check_nodes[i]);
            taken = taken || (other != NULL && i != done && strcmp(other, name) == 0);
        }
        if (!taken) {
            return name;
        }
    }
}

static void create_checks(struct creation *creation) {
    struct bind *bind = creation->bind;
    if (creation->check_count == 0) {
        return;
    }
    if (creation->check_count > DEFINITION_CHECKS_MAX) {
        sql_raise(bind->context, KMB_LIMIT, 0, "a table can have at most %d check constraints", DEFINITION_CHECKS_MAX);
    }
    struct scope scope;
    create_scope(creation, &scope);
    struct bind_scope place = {.bind = bind, .scope = &scope, .place = BIND_CHECK};
    creation->checks = sql_alloc_zero(bind->context, creation->check_count, sizeof(*creation->checks));
    for (uint32_t i = 0; i < creation->check_count; i++) {
        const PgQuery__Constraint *node = creation->check_nodes[i];
        const struct expr *condition = bind_condition(&place, node->raw_expr, "CHECK");
        const char *name = constraint_name(node);
        for (uint32_t k = 0; name != NULL && k < i; k++) {
            if (slice_equal_text(creation->checks[k].name, name)) {
                sql_raise(bind->context, KMB_DUPLICATE_OBJECT, bind_location(node->location),
                          "check constraint \"%s\" already exists", name);
            }
        }
        creation->checks[i] = (struct check_definition){
            .name = arena_slice(bind, name != NULL ? name : create_check_name(creation, condition, i)),
            .text = arena_slice(bind, parse_deparse(bind->context, node->raw_expr)),
        };
    }
}

/* Keys that are named as a check is. */
static void create_key_names(const struct creation *creation) {
    struct sql_context *context = creation->bind->context;
    for (uint32_t i = 0; i <= creation->index_count; i++) {
        bool primary = i == creation->index_count;
        struct slice name = primary ? creation->table->primary_key_name : creation->indexes[i].name;
        bool named = name.length > 0 && (primary || creation->indexes[i].constraint);
        for (uint32_t k = 0; named && k < creation->check_count; k++) {
            if (slice_equal(creation->checks[k].name, name)) {
                sql_raise(context, KMB_DUPLICATE_OBJECT, 0, "constraint \"%s\" for relation \"%s\" already exists",
                          bind_text(context, name), creation->name);
            }
        }
    }
}

static void create_generated(struct creation *creation) {
    struct scope scope = {0};
    for (uint32_t i = 0; i < creation->column_count; i++) {
        if (creation->generated[i] == NULL) {
            continue;
        }
        if (scope.column_count == 0) {
            create_scope(creation, &scope);
        }
        creation->columns[i].default_text = bind_generated_text(creation->bind, creation->generated[i]->raw_expr,
                                                                &scope, creation->columns, creation->column_count, i);
    }
}

/* --- LIKE --- */

enum like_option { /* bits of the parse tree */
                   LIKE_COMMENTS = 1,
                   LIKE_CONSTRAINTS = 4,
                   LIKE_DEFAULTS = 8,
                   LIKE_GENERATED = 16,
                   LIKE_IDENTITY = 32,
                   LIKE_INDEXES = 64,
};

static const struct table_definition *like_source(struct bind *bind, const PgQuery__TableLikeClause *like) {
    const char *name = like->relation->relname;
    bind_check_schema(bind, like->relation);
    const struct table_definition *source = bind_find_table(bind, bind_present(bind), like->relation);
    if (source == NULL) {
        bind_no_relation(bind, like->relation);
    }
    if (definition_is_sequence(source)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(like->relation->location),
                  "relation \"%s\" is invalid in LIKE clause", name);
    }
    return source;
}

/* A constraint as it would have been written. */
static const PgQuery__Constraint *like_constraint(struct creation *creation, const char *name, struct slice text) {
    struct sql_context *context = creation->bind->context;
    PgQuery__Constraint *constraint = sql_alloc(context, sizeof(*constraint));
    *constraint = (PgQuery__Constraint)PG_QUERY__CONSTRAINT__INIT;
    constraint->conname = sql_printf(context, "%s", name);
    constraint->raw_expr = parse_expression(context, bind_text(context, text));
    return constraint;
}

static void like_column(struct creation *creation, const struct table_definition *source,
                        const struct column_definition *from, uint32_t options, uint32_t position) {
    struct sql_context *context = creation->bind->context;
    uint32_t ordinal = creation->column_count;
    if (ordinal == ROW_COLUMNS_MAX) {
        sql_raise(context, KMB_TOO_MANY_COLUMNS, position, "tables can have at most %d columns", ROW_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < ordinal; i++) {
        if (slice_equal(creation->columns[i].name, from->name)) {
            sql_raise(context, KMB_DUPLICATE_COLUMN, 0, "column \"%s\" specified more than once",
                      bind_text(context, from->name));
        }
    }
    struct column_definition *column = &creation->columns[creation->column_count++];
    *column = (struct column_definition){.name = from->name, .type = from->type, .not_null = from->not_null};
    for (uint32_t i = 0; i < source->primary_key_count; i++) {
        column->not_null = column->not_null || column_id_equal(source->primary_key[i].column, from->id);
    }
    if (from->default_kind == DEFAULT_EXPRESSION && (options & LIKE_DEFAULTS) != 0) {
        column->default_kind = DEFAULT_EXPRESSION;
        column->default_text = from->default_text;
    } else if (from->default_kind == DEFAULT_GENERATED && (options & LIKE_GENERATED) != 0) {
        column->default_kind = DEFAULT_GENERATED;
        creation->generated[ordinal] = like_constraint(creation, "", from->default_text);
    } else if (default_is_identity(from->default_kind) && (options & LIKE_IDENTITY) != 0) {
        const struct table_definition *sequence =
            catalogue_owned_sequence(bind_present(creation->bind), source->id, from->id);
        struct plan_owned *owned = sql_alloc_zero(context, 1, sizeof(*owned));
        column->default_kind = from->default_kind;
        owned->column = ordinal;
        owned->rule = sequence->sequence;
        creation->owned[creation->owned_count++] = owned;
    }
}

/* The table's name as SQL text. */
static const char *creation_text(const struct creation *creation) {
    return sql_qualified(creation->bind->context, creation->table->schema_name, slice_text(creation->name));
}

/* The parts of a key over the columns that are being made. */
static struct key_part *like_parts(struct creation *creation, const struct table_definition *source,
                                   const struct key_part *from, uint32_t count) {
    struct key_part *parts = sql_alloc_zero(creation->bind->context, count + 1, sizeof(*parts));
    for (uint32_t i = 0; i < count; i++) {
        const char *name = bind_text(creation->bind->context, definition_column_of_id(source, from[i].column)->name);
        parts[i] = from[i];
        parts[i].column.value = create_find_column(creation, name, 0) + 1;
    }
    return parts;
}

static void like_keys(struct creation *creation, const struct table_definition *source) {
    if (source->primary_key_count > 0) {
        create_primary_key(creation, like_parts(creation, source, source->primary_key, source->primary_key_count),
                           source->primary_key_count, NULL, 0);
    }
    for (uint32_t i = 0; i < source->index_count; i++) {
        struct index_definition index = source->indexes[i];
        if (!index.constraint) {
            creation->after[creation->after_count++] =
                bind_index_text(creation->bind->context, source, &index, NULL, creation_text(creation));
            continue;
        }
        create_unique(creation, like_parts(creation, source, index.parts, index.part_count), index.part_count, NULL);
        struct index_definition *made = &creation->indexes[creation->index_count - 1];
        struct column_id *include = sql_alloc(creation->bind->context, (index.include_count + 1) * sizeof(*include));
        for (uint32_t k = 0; k < index.include_count; k++) {
            struct key_part part = {.column = index.include[k]};
            include[k] = like_parts(creation, source, &part, 1)->column;
        }
        made->nulls_same = index.nulls_same;
        made->include = include;
        made->include_count = index.include_count;
    }
}

static void like_comments(struct creation *creation, const struct table_definition *source, uint32_t options) {
    struct sql_context *context = creation->bind->context;
    const char *table = creation_text(creation);
    for (uint32_t i = 0; i < source->comment_count; i++) {
        const struct comment_definition *comment = &source->comments[i];
        const char *text = parse_quote_text(context, bind_text(context, comment->text));
        const struct column_definition *column = comment->part == DEFINITION_COLUMN
                                                     ? definition_column_of_id(source, (struct column_id){comment->id})
                                                     : NULL;
        if (column != NULL && !column->hidden) {
            creation->after[creation->after_count++] =
                sql_printf(context, "COMMENT ON COLUMN %s.%s IS %s", table,
                           parse_quote_name(context, bind_text(context, column->name)), text);
        }
        for (uint32_t k = 0;
             comment->part == DEFINITION_CONSTRAINT && (options & LIKE_CONSTRAINTS) != 0 && k < source->check_count;
             k++) {
            if (source->checks[k].id.value == comment->id) {
                creation->after[creation->after_count++] =
                    sql_printf(context, "COMMENT ON CONSTRAINT %s ON %s IS %s",
                               parse_quote_name(context, bind_text(context, source->checks[k].name)), table, text);
            }
        }
    }
}

static void create_like(struct creation *creation, const PgQuery__TableLikeClause *like) {
    struct bind *bind = creation->bind;
    const struct table_definition *source = like_source(bind, like);
    uint32_t options = like->options;
    uint32_t position = bind_location(like->relation->location);
    uint32_t count = catalogue_column_count(bind_present(bind), source);
    for (uint32_t i = 0; i < count; i++) {
        like_column(creation, source, catalogue_column(bind_present(bind), source, i), options, position);
    }
    for (uint32_t i = 0; (options & LIKE_CONSTRAINTS) != 0 && i < source->check_count; i++) {
        const struct check_definition *check = &source->checks[i];
        creation->check_nodes[creation->check_count] =
            like_constraint(creation, bind_text(bind->context, check->name), check->text);
        creation->check_columns[creation->check_count++] = NULL;
    }
    if ((options & LIKE_INDEXES) != 0) {
        like_keys(creation, source);
    }
    if ((options & LIKE_COMMENTS) != 0) {
        like_comments(creation, source, options);
    }
}

static void create_elements(struct creation *creation, const PgQuery__CreateStmt *create) {
    struct bind *bind = creation->bind;
    for (size_t i = 0; i < create->n_table_elts; i++) { /* columns first: constraints may name later ones */
        const PgQuery__Node *element = create->table_elts[i];
        if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
            if (creation->column_count == ROW_COLUMNS_MAX) {
                sql_raise(bind->context, KMB_TOO_MANY_COLUMNS, bind_node_position(element),
                          "tables can have at most %d columns", ROW_COLUMNS_MAX);
            }
            create_column(creation, element->column_def);
        } else if (element->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) {
            create_like(creation, element->table_like_clause);
        }
    }
    for (size_t i = 0; i < create->n_table_elts; i++) {
        if (create->table_elts[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
            create_table_constraint(creation, create->table_elts[i]->constraint);
        }
    }
    for (size_t i = 0; i < create->n_constraints; i++) {
        create_table_constraint(creation, create->constraints[i]->constraint);
    }
}

void bind_create_table(struct bind *bind, const PgQuery__CreateStmt *create, struct plan_statement *statement) {
    create_refuse(bind, create);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    struct table_definition *table = sql_alloc_zero(bind->context, 1, sizeof(*table));
    table->schema_name = bind_creation_schema(bind, create->relation);
    struct creation creation = {.bind = bind, .name = create->relation->relname, .table = table};
    size_t room = create->n_table_elts + create->n_constraints + 1;
    for (size_t i = 0; i < create->n_table_elts; i++) {
        if (create->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
            room += create->table_elts[i]->column_def->n_constraints;
        } else if (create->table_elts[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) {
            const struct table_definition *source = like_source(bind, create->table_elts[i]->table_like_clause);
            room += source->column_count + source->index_count + source->check_count + source->comment_count;
        }
    }
    creation.columns = sql_alloc_zero(bind->context, room, sizeof(*creation.columns));
    creation.indexes = sql_alloc_zero(bind->context, room, sizeof(*creation.indexes));
    creation.check_nodes = sql_alloc_zero(bind->context, room, sizeof(*creation.check_nodes));
    creation.check_columns = sql_alloc_zero(bind->context, room, sizeof(*creation.check_columns));
    creation.generated = sql_alloc_zero(bind->context, room, sizeof(*creation.generated));
    creation.foreigns = sql_alloc_zero(bind->context, room, sizeof(*creation.foreigns));
    creation.owned = sql_alloc_zero(bind->context, room, sizeof(*creation.owned));
    creation.after = sql_alloc_zero(bind->context, room, sizeof(*creation.after));
    create_elements(&creation, create);
    create_generated(&creation);
    create_checks(&creation);
    create_key_names(&creation);
    if (creation.column_count == 0) {
        sql_raise(bind->context, KMB_INVALID_TABLE_DEFINITION, bind_location(create->relation->location),
                  "CREATE TABLE %s requires at least one column", creation.name);
    }
    table->name = arena_slice(bind, creation.name);
    table->data_class = DATA_CLASS_PHI;
    table->columns = creation.columns;
    table->column_count = creation.column_count;
    table->indexes = creation.indexes;
    table->index_count = creation.index_count;
    table->checks = creation.checks;
    table->check_count = creation.check_count;
    ddl->table = table;
    ddl->foreigns = creation.foreigns;
    ddl->foreign_count = creation.foreign_count;
    ddl->owned = creation.owned;
    ddl->owned_count = creation.owned_count;
    ddl->after = creation.after;
    ddl->after_count = creation.after_count;
    bool exists = catalogue_relation_exists(bind_present(bind), table->schema_name, table->name);
    ddl->kind = exists && create->if_not_exists ? DDL_NOTHING : DDL_CREATE_TABLE;
    if (exists && create->if_not_exists) {
        bind_notice(bind, KMB_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", creation.name);
    } else if (exists) {
        sql_raise(bind->context, KMB_DUPLICATE_TABLE, bind_location(create->relation->location),
                  "relation \"%s\" already exists", creation.name);
    }
}
