/*
 * Scopes: what names mean over a row.
 *
 * A scope lists the columns of a row as a name and an expression over it, and the named FROM items they belong to.
 * Joining two concatenates rows and scopes, shifting the right side's ordinals. A bare name must fit one visible
 * column; a qualified one is looked for in its item alone, where also the columns that USING has hidden are found.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

static struct expr *column_expr(struct bind *bind, uint32_t ordinal, struct type type) {
    struct expr *expr = sql_alloc_zero(bind->context, 1, sizeof(*expr));
    expr->kind = EXPR_COLUMN;
    expr->type = type;
    expr->column = ordinal;
    return expr;
}

static const struct expr *column_ordinal(struct bind *bind, uint32_t ordinal, struct type type) {
    return column_expr(bind, ordinal, type);
}

/* --- scopes --- */

static void scope_add_table(struct bind *bind, struct scope *scope, const struct scope_table *table) {
    struct scope_table *grown = sql_alloc(bind->context, (scope->table_count + 1) * sizeof(*grown));
    if (scope->table_count > 0) {
        memcpy(grown, scope->tables, scope->table_count * sizeof(*grown));
    }
    grown[scope->table_count] = *table;
    scope->tables = grown;
    scope->table_count++;
}

static void scope_of_columns(struct bind *bind, const struct plan_column *columns, uint32_t count,
                             struct scope *scope) {
    scope->columns = sql_alloc_zero(bind->context, count + 1, sizeof(*scope->columns));
    scope->column_count = count;
    scope->row_width = count;
    for (uint32_t i = 0; i < count; i++) {
        scope->columns[i] = (struct scope_column){
            .name = columns[i].name, .type = columns[i].type, .expr = column_expr(bind, i, columns[i].type)};
    }
}

void bind_table_scope(struct bind *bind, const struct catalogue *catalogue, const struct table_definition *table,
                      const char *alias, uint32_t first, struct scope *scope) {
    *scope = (struct scope){0};
    uint32_t count = catalogue_column_count(catalogue, table);
    struct plan_column *columns = sql_alloc_zero(bind->context, count + 1, sizeof(*columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = catalogue_column(catalogue, table, i);
        columns[i] = (struct plan_column){.name = bind_text(bind->context, column->name), .type = column->type};
    }
    scope_of_columns(bind, columns, count, scope);
    for (uint32_t i = 0; i < count; i++) {
        scope->columns[i].expr = column_expr(bind, first + i, columns[i].type);
    }
    scope->row_width = first + count;
    scope_add_table(
        bind, scope,
        &(struct scope_table){.alias = alias, .table = table, .catalogue = catalogue, .first = first, .count = count});
}

/* The right scope's expressions move behind the left row. */
static const struct expr *shift_expr(struct sql_context *context, const struct expr *expr, uint32_t by) {
    if (by == 0) {
        return expr;
    }
    if (expr->kind == EXPR_COLUMN) {
        struct expr *copy = sql_alloc(context, sizeof(*copy));
        *copy = *expr;
        copy->column += by;
        return copy;
    }
    /* a merged column of FULL JOIN: COALESCE(left, right); the types stand in its arguments */
    struct expr *copy = sql_alloc(context, sizeof(*copy));
    *copy = *expr;
    copy->arguments = sql_alloc(context, (expr->argument_count + 1) * sizeof(*copy->arguments));
    for (uint32_t i = 0; i < expr->argument_count; i++) {
        copy->arguments[i] = shift_expr(context, expr->arguments[i], by);
    }
    return copy;
}

void bind_scope_join(struct sql_context *context, struct scope *scope, const struct scope *right) {
    uint32_t columns = scope->column_count + right->column_count;
    struct scope_column *list = sql_alloc(context, (columns + 1) * sizeof(*list));
    if (scope->column_count > 0) {
        memcpy(list, scope->columns, scope->column_count * sizeof(*list));
    }
    for (uint32_t i = 0; i < right->column_count; i++) {
        struct scope_column *column = &list[scope->column_count + i];
        *column = right->columns[i];
        column->expr = shift_expr(context, column->expr, scope->row_width);
        if (column->table != SCOPE_MERGED) {
            column->table += scope->table_count;
        }
    }
    uint32_t tables = scope->table_count + right->table_count;
    struct scope_table *named = sql_alloc(context, (tables + 1) * sizeof(*named));
    if (scope->table_count > 0) {
        memcpy(named, scope->tables, scope->table_count * sizeof(*named));
    }
    for (uint32_t i = 0; i < right->table_count; i++) {
        named[scope->table_count + i] = right->tables[i];
        named[scope->table_count + i].first += scope->row_width;
    }
    *scope = (struct scope){.columns = list,
                            .column_count = columns,
                            .tables = named,
                            .table_count = tables,
                            .row_width = scope->row_width + right->row_width};
}

void bind_scope_check_aliases(struct bind *bind, const struct scope *left, const struct scope *right) {
    for (uint32_t i = 0; i < left->table_count; i++) {
        for (uint32_t k = 0; k < right->table_count; k++) {
            const char *schema = left->tables[i].schema;
            const char *other = right->tables[k].schema;
            bool apart = schema != NULL && other != NULL && strcmp(schema, other) != 0; /* a.t and b.t */
            if (!apart && strcmp(left->tables[i].alias, right->tables[k].alias) == 0) {
                sql_raise(bind->context, KMB_DUPLICATE_ALIAS, right->tables[k].position,
                          "table name \"%s\" specified more than once", right->tables[k].alias);
            }
        }
    }
}

/* --- names --- */

const struct scope_table *bind_table_at(const struct scope *scope, uint32_t ordinal) {
    for (uint32_t i = 0; i < scope->table_count; i++) {
        const struct scope_table *table = &scope->tables[i];
        if (ordinal >= table->first && ordinal < table->first + table->count) {
            return table;
        }
    }
    return NULL;
}

static const struct scope_table *scope_find_table(const struct bind_scope *scope, const char *schema, const char *name,
                                                  uint32_t *index) {
    if (scope->scope == NULL) {
        return NULL;
    }
    const struct scope_table *found = NULL;
    for (uint32_t i = 0; i < scope->scope->table_count; i++) {
        const struct scope_table *table = &scope->scope->tables[i];
        if (strcmp(table->alias, name) == 0 &&
            (schema == NULL || (table->schema != NULL && strcmp(table->schema, schema) == 0))) {
            if (found != NULL) {
                sql_raise(scope->bind->context, KMB_AMBIGUOUS_ALIAS, 0, "table reference \"%s\" is ambiguous", name);
            }
            *index = i;
            found = table;
        }
    }
    return found;
}

/* The alias that hides the stored table of this name; NULL: there is none. */
static const char *alias_of(const struct scope *scope, const char *name) {
    for (uint32_t i = 0; scope != NULL && i < scope->table_count; i++) {
        const struct scope_table *table = &scope->tables[i];
        if (table->table != NULL && slice_equal_text(table->table->name, name)) {
            return table->alias;
        }
    }
    return NULL;
}

void bind_see(struct bind *bind, const char *alias, const struct table_definition *table, const struct scope *scope) {
    struct bind_seen *seen = sql_alloc(bind->context, sizeof(*seen));
    *seen = (struct bind_seen){.before = bind->seen,
                               .alias = alias,
                               .table = table,
                               .columns = scope->columns,
                               .column_count = scope->column_count,
                               .query = bind->query};
    bind->seen = seen;
}

/* The FROM item that has this name, or whose table has it; NULL: there is none. */
static const struct bind_seen *seen_by_name(const struct bind *bind, const char *name) {
    const struct bind_seen *seen = bind->seen;
    while (seen != NULL && strcmp(seen->alias, name) != 0 &&
           (seen->table == NULL || !slice_equal_text(seen->table->name, name))) {
        seen = seen->before;
    }
    return seen;
}

static _Noreturn void raise_no_table(const struct bind_scope *scope, const char *name, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    const struct bind_seen *seen = seen_by_name(scope->bind, name);
    const char *alias = alias_of(scope->scope, name);
    for (const struct bind_level *level = scope->bind->level; level != NULL; level = level->outer) {
        if (alias == NULL && !level->hidden) {
            alias = alias_of(level->place->scope, name);
        }
    }
    const char *hint = NULL;
    if (alias != NULL && (seen == NULL || strcmp(seen->alias, name) != 0)) {
        hint = sql_printf(context, "Perhaps you meant to reference the table alias \"%s\".", alias);
    } else if (seen != NULL) {
        hint = sql_printf(
            context, "There is an entry for table \"%s\", but it cannot be referenced from this part of the query.",
            seen->alias);
    }
    if (hint != NULL) {
        sql_raise_with(context, KMB_UNDEFINED_TABLE, position, NULL, hint,
                       "invalid reference to FROM-clause entry for table \"%s\"", name);
    }
    sql_raise(context, KMB_UNDEFINED_TABLE, position, "missing FROM-clause entry for table \"%s\"", name);
}

static const struct expr *placed(struct bind *bind, const struct expr *expr, uint32_t position) {
    struct expr *copy = sql_alloc(bind->context, sizeof(*copy));
    *copy = *expr;
    copy->position = position;
    return copy;
}

/* Where an outer join may leave the table out: that it has a value that every row of it has. */
static const struct expr *row_is_there(struct bind *bind, const struct scope_table *table,
                                       const struct bind_record *record) {
    if (!table->nullable || record->count == 0) {
        return NULL;
    }
    const struct expr *any = NULL;
    for (uint32_t i = 0; i < record->count; i++) {
        bool always = table->table != NULL && i < catalogue_column_count(table->catalogue, table->table) &&
                      catalogue_column(table->catalogue, table->table, i)->not_null;
        struct expr *test = bind_expr_new(bind, EXPR_IS_NULL, type_make(TYPE_BOOL), 1, 0);
        test->negated = true;
        test->arguments[0] = record->fields[i];
        if (always) {
            return test;
        }
        if (any == NULL) {
            any = test;
            continue;
        }
        struct expr *either = bind_expr_new(bind, EXPR_OR, type_make(TYPE_BOOL), 2, 0);
        either->arguments[0] = any;
        either->arguments[1] = test;
        any = either;
    }
    return any;
}

/* A table's row as a value. */
static struct bind_record row_of(const struct bind_scope *scope, const struct scope_table *table, uint32_t position) {
    struct bind *bind = scope->bind;
    const struct scope *columns = scope->scope;
    struct bind_record record = {0};
    record.fields = sql_alloc(bind->context, (columns->column_count + 1) * sizeof(*record.fields));
    record.names = sql_alloc(bind->context, (columns->column_count + 1) * sizeof(*record.names));
    for (uint32_t i = 0; i < columns->column_count; i++) {
        const struct scope_column *column = &columns->columns[i];
        if (column->table == table - columns->tables && !column->pseudo && !column->shadowed) {
            record.fields[record.count] = placed(bind, column->expr, position);
            record.names[record.count++] = column->name;
        }
    }
    record.plain = table->plain && record.count == 1;
    record.there = row_is_there(bind, table, &record);
    return record;
}

/* Of a stored table, the one that is named or the only one of this query: a column that all tables have. NULL: it is
 * none. */
static const struct expr *find_system(const struct bind_scope *scope, const struct scope_table *named, const char *name,
                                      uint32_t position) {
    const struct scope_table *table = bind_system_table(scope, named, name, position);
    if (table == NULL) {
        return NULL;
    }
    const struct expr *there = table->nullable ? row_of(scope, table, position).there : NULL;
    return bind_system_column(scope, table, name, there, position);
}

/* NULL: there is no such table in this query. */
static const struct expr *find_qualified(const struct bind_scope *scope, const char *schema, const char *table_name,
                                         const char *name, uint32_t position) {
    uint32_t index = 0;
    const struct scope_table *table = scope_find_table(scope, schema, table_name, &index);
    if (table == NULL) {
        return NULL;
    }
    const struct expr *found = NULL;
    for (uint32_t i = 0; i < scope->scope->column_count; i++) {
        const struct scope_column *column = &scope->scope->columns[i];
        if (column->table == index && !column->shadowed && strcmp(column->name, name) == 0) {
            if (found != NULL) {
                sql_raise(scope->bind->context, KMB_AMBIGUOUS_COLUMN, position, "column reference \"%s\" is ambiguous",
                          name);
            }
            found = column->expr;
            bind_note_column(scope->bind, scope->scope, column);
        }
    }
    found = found == NULL ? find_system(scope, table, name, position) : found;
    if (found == NULL) {
        sql_raise_with(scope->bind->context, KMB_UNDEFINED_COLUMN, position, NULL,
                       bind_column_hint(scope->bind, table_name, name), "column %s.%s does not exist", table_name,
                       name);
    }
    return placed(scope->bind, found, position);
}

/* NULL: there is no such column in this query. */
static const struct expr *find_bare(const struct bind_scope *scope, const char *name, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    const struct expr *found = NULL;
    for (uint32_t i = 0; scope->scope != NULL && i < scope->scope->column_count; i++) {
        const struct scope_column *column = &scope->scope->columns[i];
        if (!column->hidden && !column->shadowed && strcmp(column->name, name) == 0) {
            if (found != NULL) {
                sql_raise(context, KMB_AMBIGUOUS_COLUMN, position, "column reference \"%s\" is ambiguous", name);
            }
            found = column->expr;
            bind_note_column(scope->bind, scope->scope, column);
        }
    }
    found = found == NULL ? find_system(scope, NULL, name, position) : found;
    return found == NULL ? NULL : placed(scope->bind, found, position);
}

/* A name that was found to the left of a RIGHT or FULL JOIN. */
static void refuse_barred(const struct bind_scope *left, const struct expr *found, uint32_t position) {
    const struct expr *column = found;
    while (column != NULL && column->kind != EXPR_COLUMN) {
        column = column->argument_count > 0 ? column->arguments[0] : NULL;
    }
    const struct scope_table *table = column == NULL ? NULL : bind_table_at(left->scope, column->column);
    if (found != NULL) {
        sql_raise_with(left->bind->context, KMB_INVALID_COLUMN_REFERENCE, position,
                       "The combining JOIN type must be INNER or LEFT for a LATERAL reference.", NULL,
                       "invalid reference to FROM-clause entry for table \"%s\"", table == NULL ? "" : table->alias);
    }
}

/* A name by its parts, in this query or, where it is not known there, in the ones around it. */
static const struct expr *find_name(const struct bind_scope *scope, const char *schema, const char *table,
                                    const char *name, uint32_t position) {
    struct bind *bind = scope->bind;
    const struct expr *found =
        table == NULL ? find_bare(scope, name, position) : find_qualified(scope, schema, table, name, position);
    struct bind_level *level = bind->level;
    if (found != NULL || level == NULL) {
        return found;
    }
    struct bind_scope place = *level->place;
    place.scope = level->hidden ? NULL : place.scope;
    if (level->barred) {
        found =
            table == NULL ? find_bare(&place, name, position) : find_qualified(&place, schema, table, name, position);
        refuse_barred(&place, found, position);
        place.scope = NULL;
    }
    bind->level = level->outer;
    found = find_name(&place, schema, table, name, position);
    bind->level = level;
    if (level->barred) {
        return found;
    }
    if (found == NULL || !bind_is_record(found)) {
        return found == NULL ? NULL : bind_outer_value(bind, level, found, position);
    }
    struct bind_record record = bind_record_parts(bind, found);
    record.there = bind_outer_value(bind, level, record.there, position);
    for (uint32_t i = 0; i < record.count; i++) {
        record.fields[i] = bind_outer_value(bind, level, record.fields[i], position);
    }
    return bind_record(bind, &record, position);
}

static bool names_table(const struct bind_scope *scope, const char *name) {
    uint32_t index;
    bool found = scope_find_table(scope, NULL, name, &index) != NULL;
    for (const struct bind_level *level = scope->bind->level; level != NULL && !found; level = level->outer) {
        found = !level->hidden && scope_find_table(level->place, NULL, name, &index) != NULL;
    }
    return found;
}

/* The row of a table of this query or, where it is not known there, of the ones around it. */
static bool find_row(const struct bind_scope *scope, const char *schema, const char *name, uint32_t position,
                     struct bind_record *record) {
    struct bind *bind = scope->bind;
    uint32_t index = 0;
    const struct scope_table *table = scope_find_table(scope, schema, name, &index);
    struct bind_level *level = bind->level;
    if (table == NULL && level == NULL) {
        return false;
    }
    if (table == NULL) {
        struct bind_scope place = *level->place;
        place.scope = level->hidden ? NULL : place.scope;
        table = level->barred ? scope_find_table(&place, schema, name, &index) : NULL;
        refuse_barred(&place, table == NULL ? NULL : column_expr(bind, table->first, type_make(TYPE_UNKNOWN)),
                      position);
        place.scope = level->barred ? NULL : place.scope;
        bind->level = level->outer;
        bool found = find_row(&place, schema, name, position, record);
        bind->level = level;
        if (level->barred) {
            return found;
        }
        for (uint32_t i = 0; found && i < record->count; i++) {
            record->fields[i] = bind_outer_value(bind, level, record->fields[i], position);
        }
        record->there = found && record->there != NULL ? bind_outer_value(bind, level, record->there, position) : NULL;
        return found;
    }
    *record = row_of(scope, table, position);
    return true;
}

/* What a table's name is as a value. */
static const struct expr *row_value(struct bind *bind, const struct bind_record *record, uint32_t position) {
    return record->plain ? record->fields[0] : bind_record(bind, record, position);
}

static const struct expr *bind_name(const struct bind_scope *scope, const char *schema, const char *table,
                                    const char *name, uint32_t position) {
    struct sql_context *context = scope->bind->context;
    const struct expr *found = find_name(scope, schema, table, name, position);
    if (found != NULL) {
        return found;
    }
    if (table != NULL) {
        raise_no_table(scope, table, position);
    }
    if (scope->place == BIND_DEFAULT) {
        sql_raise(context, KMB_UNSUPPORTED, position, "cannot use column reference in DEFAULT expression");
    }
    struct bind_record record = {0};
    if (names_table(scope, name) && find_row(scope, NULL, name, position, &record)) {
        return row_value(scope->bind, &record, position);
    }
    sql_raise_with(context, KMB_UNDEFINED_COLUMN, position, NULL, bind_column_hint(scope->bind, NULL, name),
                   "column \"%s\" does not exist", name);
}

/* database.schema.table.column */
static const struct expr *bind_long_name(const struct bind_scope *scope, const PgQuery__ColumnRef *reference,
                                         uint32_t position) {
    struct sql_context *context = scope->bind->context;
    const char *whole = "";
    for (size_t i = 0; i < reference->n_fields; i++) {
        whole = sql_printf(context, "%s%s%s", whole, i == 0 ? "" : ".", bind_string(reference->fields[i]));
    }
    if (reference->n_fields != 4) {
        sql_raise(context, KMB_SYNTAX, position, "improper qualified name (too many dotted names): %s", whole);
    }
    bind_check_catalog(scope->bind, bind_string(reference->fields[0]), whole, position);
    return bind_name(scope, bind_string(reference->fields[1]), bind_string(reference->fields[2]),
                     bind_string(reference->fields[3]), position);
}

static const struct expr *bind_reference(const struct bind_scope *scope, const PgQuery__ColumnRef *reference) {
    uint32_t position = bind_location(reference->location);
    size_t count = reference->n_fields;
    for (size_t i = 0; i < count; i++) {
        if (reference->fields[i]->node_case == PG_QUERY__NODE__NODE_A_STAR) {
            if (count == 1) {
                sql_raise(scope->bind->context, KMB_SYNTAX, position, "SELECT * is only valid in a select list");
            }
            const char *schema = count > 2 ? bind_string(reference->fields[0]) : NULL;
            const char *name = bind_string(reference->fields[count - 2]);
            struct bind_record record = {0};
            if (!find_row(scope, schema, name, position, &record)) {
                raise_no_table(scope, name, position);
            }
            return row_value(scope->bind, &record, position);
        }
    }
    switch (count) {
    case 1:
        return bind_name(scope, NULL, NULL, bind_string(reference->fields[0]), position);
    case 2:
        return bind_name(scope, NULL, bind_string(reference->fields[0]), bind_string(reference->fields[1]), position);
    case 3:
        return bind_name(scope, bind_string(reference->fields[0]), bind_string(reference->fields[1]),
                         bind_string(reference->fields[2]), position);
    default:
        return bind_long_name(scope, reference, position);
    }
}

const struct expr *bind_column_ref(const struct bind_scope *scope, const PgQuery__ColumnRef *reference) {
    struct bind_column_watch *watch = scope->bind->column_watch;
    if (watch != NULL) {
        watch->at = reference;
    }
    const struct expr *found = bind_reference(scope, reference);
    if (watch != NULL) {
        watch->at = NULL;
    }
    return found;
}

uint32_t bind_star(struct bind *bind, const struct scope *scope, const PgQuery__ColumnRef *reference,
                   const struct expr ***expressions, const char ***names) {
    uint32_t position = bind_location(reference->location);
    struct bind_scope place = {.bind = bind, .scope = scope};
    uint32_t table = SCOPE_MERGED;
    bool all = reference->n_fields == 1;
    if (!all) {
        size_t last = reference->n_fields - 2;
        const char *schema = last > 0 ? bind_string(reference->fields[last - 1]) : NULL;
        if (last > 1) {
            bind_check_catalog(bind, bind_string(reference->fields[0]),
                               sql_printf(bind->context, "%s.%s.%s.*", bind_string(reference->fields[0]), schema,
                                          bind_string(reference->fields[last])),
                               position);
        }
        const char *name = bind_string(reference->fields[last]);
        if (scope_find_table(&place, schema, name, &table) == NULL) { /* of a query around this one */
            struct bind_record record = {0};
            if (!find_row(&place, schema, name, position, &record)) {
                raise_no_table(&place, name, position);
            }
            *expressions = record.fields;
            *names = record.names;
            return record.count;
        }
    } else if (scope == NULL || scope->table_count == 0) {
        sql_raise(bind->context, KMB_SYNTAX, position, "SELECT * with no tables specified is not valid");
    }
    *expressions = sql_alloc(bind->context, (scope->column_count + 1) * sizeof(**expressions));
    *names = sql_alloc(bind->context, (scope->column_count + 1) * sizeof(**names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < scope->column_count; i++) {
        const struct scope_column *column = &scope->columns[i];
        if (all ? scope_shows(column) : column->table == table && !column->pseudo) {
            (*expressions)[count] = placed(bind, column->expr, position);
            (*names)[count++] = column->name;
        }
    }
    return count;
}

/* Columns that are rows again; their parts are reached through them alone. */
static void scope_hide_parts(struct bind *bind, const struct plan_node *node, struct scope *scope) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->column_count; i++) {
        if (node->columns[i].record != NULL) {
            scope->columns[i].expr = bind_record_of_columns(bind, node, i, column_ordinal);
        }
        if (!node->columns[i].part) {
            scope->columns[kept++] = scope->columns[i];
        }
    }
    scope->column_count = kept;
}

void bind_item_scope(struct bind *bind, struct plan_node *node, const char *alias, const char *schema,
                     uint32_t position, struct scope *scope) {
    *scope = (struct scope){0};
    for (uint32_t i = 0; i < node->column_count; i++) {
        node->columns[i].table_name = alias;
    }
    scope_of_columns(bind, node->columns, node->column_count, scope);
    scope_hide_parts(bind, node, scope);
    bind_see(bind, alias, node->kind == PLAN_SCAN ? node->table : NULL, scope);
    scope_add_table(bind, scope,
                    &(struct scope_table){.alias = alias,
                                          .schema = schema,
                                          .table = node->kind == PLAN_SCAN ? node->table : NULL,
                                          .catalogue = node->catalogue,
                                          .count = node->column_count,
                                          .position = position});
}
