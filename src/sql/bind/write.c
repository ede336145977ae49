/*
 * What all writes share, and INSERT.
 *
 * A write is a node over a query. Below INSERT the query gives whole rows of the table: what the statement names,
 * brought to the columns' types, and defaults for the rest. Below UPDATE it gives the old row and then the new one;
 * below DELETE the old one; of both the old row's key, too (change.c). CHECK constraints and RETURNING are expressions
 * over the new (DELETE: old) row. All of this is decided here, so that the executor only has to evaluate and to write.
 */
#include "base/assert.h"
#include "sql/bind/domain.h"
#include "sql/bind/write.h"

const struct column_definition *write_column(const struct write *write, uint32_t ordinal) {
    return catalogue_column(write->catalogue, write->table, ordinal);
}

/* The table that is written, perhaps through a view. */
static void write_target(struct write *write, struct bind *bind, const PgQuery__RangeVar *name, enum plan_kind kind) {
    const struct catalogue *present = bind_present(bind);
    const struct table_definition *view = bind_find_table(bind, present, name);
    if (view != NULL && definition_is_sequence(view)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "cannot change sequence \"%s\"",
                  name->relname);
    }
    if (view == NULL || !definition_is_view(view)) {
        write->table = bind_table(bind, name, &write->catalogue, false);
        write->schema_name = write->table->schema_name;
        return;
    }
    if (kind == PLAN_MERGE) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, 0, "This operation is not supported for views.", NULL,
                       "cannot execute MERGE on relation \"%s\"", name->relname);
    }
    struct bind_view_target target = {0};
    const char *verb = kind == PLAN_INSERT ? "insert into" : kind == PLAN_UPDATE ? "update" : "delete from";
    bind_view_target(bind, present, view, verb, &target);
    write->catalogue = present;
    write->table = target.table;
    write->schema_name = view->schema_name;
    write->scope = target.scope;
    write->where = target.where;
    write->view_checks = target.checks;
    write->view_check_count = target.check_count;
    write->view = true;
}

void write_open(struct write *write, struct bind *bind, const PgQuery__RangeVar *name, enum plan_kind kind) {
    *write = (struct write){.bind = bind};
    if (bind->host->at.kind != PLAN_AT_NONE) {
        sql_raise(bind->context, KMB_HISTORY_READ_ONLY, bind_location(name->location), "Cannot modify historical data");
    }
    write_target(write, bind, name, kind);
    write->name = name->relname;
    write->alias = name->alias != NULL ? name->alias->aliasname : name->relname;
    if (name->alias != NULL && name->alias->n_colnames > 0) {
        sql_raise_unsupported(bind->context, bind_location(name->location), "a column list in a target's alias");
    }
    write->column_count = catalogue_column_count(write->catalogue, write->table);
    bind_table_scope(bind, write->catalogue, write->table, write->alias, 0, &write->row);
    if (!write->view) {
        write->scope = write->row;
    }
    bind_see(bind, write->alias, write->table, &write->scope);
    write->scope.tables[0].alias = write->alias;
    write->scope.tables[0].schema = name->alias == NULL ? bind_text(bind->context, write->schema_name) : NULL;
    write->node = bind_plan(bind, kind, NULL, NULL);
    write->node->catalogue = write->catalogue;
    write->node->table = write->table;
}

/* The table's column that column `i` of the target is. */
static uint32_t write_ordinal(const struct write *write, uint32_t i, uint32_t position) {
    const struct scope_column *column = &write->scope.columns[i];
    if (column->expr->kind != EXPR_COLUMN) {
        sql_raise_with(write->bind->context, KMB_UNSUPPORTED, position,
                       "View columns that are not columns of their base relation are not updatable.", NULL,
                       "cannot %s column \"%s\" of view \"%s\"",
                       write->node->kind == PLAN_UPDATE ? "update" : "insert into", column->name, write->name);
    }
    return column->expr->column;
}

struct write_target write_find_column(const struct write *write, const PgQuery__ResTarget *target) {
    uint32_t position = bind_location(target->location);
    for (uint32_t i = 0; i < write->scope.column_count; i++) {
        if (strcmp(write->scope.columns[i].name, target->name) == 0) {
            return (struct write_target){.ordinal = write_ordinal(write, i, position),
                                         .name = target->name,
                                         .part = target->n_indirection > 0 ? target : NULL};
        }
    }
    if (write->node->kind == PLAN_UPDATE && bind_is_system_column(target->name)) {
        sql_raise(write->bind->context, KMB_UNSUPPORTED, position, "cannot assign to system column \"%s\"",
                  target->name);
    }
    sql_raise(write->bind->context, KMB_UNDEFINED_COLUMN, position, "column \"%s\" of relation \"%s\" does not exist",
              target->name, write->name);
}

void write_check_default(const struct write *write, const struct write_target *target, const PgQuery__Node *value) {
    if (target->part != NULL && value->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT) {
        bool element = target->part->indirection[0]->node_case == PG_QUERY__NODE__NODE_A_INDICES;
        sql_raise(write->bind->context, KMB_UNSUPPORTED, bind_node_position(value), "cannot set %s to DEFAULT",
                  element ? "an array element" : "a subfield");
    }
}

struct type write_target_type(const struct write *write, const struct write_target *target) {
    struct type type = write_column(write, target->ordinal)->type;
    return target->part == NULL ? type : bind_part_type(write->bind, target->part, type);
}

static bool visit_clear_position(const struct expr *node, void *context) {
    (void)context;
    ((struct expr *)node)->position = 0; /* just built from stored text, nobody else's */
    return true;
}

const struct expr *bind_stored(struct bind *bind, const char *text, const struct scope *scope, enum bind_place place) {
    struct bind_scope where = {.bind = bind, .scope = scope, .place = place};
    /* Positions in a stored text mean nothing in the statement's: they are left out. */
    const char *own = bind->context->text;
    bind->context->text = NULL;
    bind->stored++;
    const struct expr *expr = bind_expression(&where, parse_expression(bind->context, text));
    bind->stored--;
    bind->context->text = own;
    (void)expr_walk(expr, visit_clear_position, NULL);
    return expr;
}

/* nextval() of the sequence that an identity column owns. */
static const char *identity_text(struct bind *bind, const struct table_definition *table,
                                 const struct column_definition *column) {
    const struct table_definition *sequence = catalogue_owned_sequence(bind_present(bind), table->id, column->id);
    if (sequence == NULL) {
        sql_raise(bind->context, KMB_CORRUPT, 0, "no owned sequence found");
    }
    return bind_nextval_text(bind->context, sequence->schema_name, sequence->name);
}

static const struct expr *null_of(struct bind *bind, struct type type) {
    struct expr *null = sql_alloc_zero(bind->context, 1, sizeof(*null));
    null->kind = EXPR_CONSTANT;
    null->type = type;
    null->value = value_null(type.id);
    return null;
}

const struct expr *bind_default(struct bind *bind, const struct table_definition *table,
                                const struct column_definition *column) {
    const char *name = bind_text(bind->context, column->name);
    if (default_is_identity(column->default_kind)) {
        const struct expr *next = bind_stored(bind, identity_text(bind, table, column), NULL, BIND_DEFAULT);
        return bind_assign(bind, next, column->type, name);
    }
    const char *text = column->default_kind == DEFAULT_EXPRESSION ? bind_text(bind->context, column->default_text)
                       : column->default_kind == DEFAULT_NONE     ? bind_domain_default(bind, column->type)
                                                                  : NULL;
    if (text == NULL && (column->default_kind == DEFAULT_GENERATED || column->type.domain == 0)) {
        return null_of(bind, column->type); /* a generated one is computed when the row is there */
    }
    const struct expr *value =
        text == NULL ? null_of(bind, type_make(column->type.id)) : bind_stored(bind, text, NULL, BIND_DEFAULT);
    return bind_assign(bind, value, column->type, name);
}

const struct expr *write_assign(const struct write *write, uint32_t ordinal, const struct expr *value) {
    const struct column_definition *column = write_column(write, ordinal);
    return bind_assign(write->bind, value, column->type, bind_text(write->bind->context, column->name));
}

struct plan_node *write_scan(struct write *write) {
    struct bind *bind = write->bind;
    struct plan_node *scan = bind_scan(bind, write->catalogue, write->table, write->alias);
    uint32_t count = scan->column_count;
    uint32_t *ordinals = sql_alloc(bind->context, (count + 1) * sizeof(*ordinals));
    for (uint32_t i = 0; i < count; i++) {
        ordinals[i] = scan->scan_columns[i];
    }
    ordinals[count] = PLAN_SCAN_KEY;
    scan->scan_columns = ordinals;
    scan->columns[count] = (struct plan_column){.name = "key", .type = type_make(TYPE_BYTEA)};
    scan->column_count = count + 1;
    if (write->where == NULL) {
        return scan;
    }
    struct plan_node *filter = bind_plan(bind, PLAN_FILTER, scan, NULL);
    filter->predicate = write->where;
    return filter;
}

/* PostgreSQL tests the constraints of a row in the order of their names. */
static void checks_by_name(struct plan_node *node) {
    for (uint32_t i = 1; i < node->check_count; i++) {
        const struct expr *check = node->checks[i];
        const char *name = node->check_names[i];
        uint32_t at = i;
        for (; at > 0 && strcmp(node->check_names[at - 1], name) > 0; at--) {
            node->checks[at] = node->checks[at - 1];
            node->check_names[at] = node->check_names[at - 1];
        }
        node->checks[at] = check;
        node->check_names[at] = name;
    }
}

/* What generated columns are computed of: the new row. */
static void write_generated(struct write *write) {
    struct bind *bind = write->bind;
    struct plan_node *node = write->node;
    node->generated = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*node->generated));
    node->generated_columns = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < write->column_count; i++) {
        const struct column_definition *column = write_column(write, i);
        if (column->default_kind == DEFAULT_GENERATED) {
            const char *text = bind_text(bind->context, column->default_text);
            const struct expr *value = bind_stored(bind, text, &write->row, BIND_GENERATED);
            node->generated_columns[node->generated_count] = i;
            node->generated[node->generated_count++] = write_assign(write, i, value);
        }
    }
}

/* What indexes are of, computed with the row. */
static void write_hidden(struct write *write) {
    struct bind *bind = write->bind;
    struct plan_node *node = write->node;
    uint32_t stored = catalogue_stored_count(write->catalogue, write->table);
    node->hidden = sql_alloc(bind->context, (stored - write->column_count + 1) * sizeof(*node->hidden));
    for (uint32_t i = write->column_count; i < stored; i++) {
        const struct column_definition *column = write_column(write, i);
        const char *text = bind_text(bind->context, column->default_text);
        const struct expr *value = bind_stored(bind, text, &write->row, BIND_INDEX);
        node->hidden[node->hidden_count++] = write_assign(write, i, value);
    }
}

/* The CHECK OPTIONs of the views that are written through, behind the table's CHECKs. */
static void write_view_checks(struct write *write) {
    struct bind *bind = write->bind;
    struct plan_node *node = write->node;
    uint32_t own = node->check_count;
    const struct expr **checks = sql_alloc(bind->context, (own + write->view_check_count + 1) * sizeof(*checks));
    const char **names = sql_alloc(bind->context, (own + write->view_check_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < own + write->view_check_count; i++) {
        checks[i] = i < own ? node->checks[i] : write->view_checks[i - own].holds;
        names[i] = i < own ? node->check_names[i] : write->view_checks[i - own].view;
    }
    node->checks = checks;
    node->check_names = names;
    node->check_count = own + write->view_check_count;
    node->view_check_count = write->view_check_count;
}

static void write_table_checks(struct write *write) {
    struct bind *bind = write->bind;
    struct plan_node *node = write->node;
    if (write->table->check_count == 0 || bind->host->checks_held) {
        return;
    }
    node->checks = sql_alloc(bind->context, write->table->check_count * sizeof(*node->checks));
    node->check_names = sql_alloc(bind->context, write->table->check_count * sizeof(*node->check_names));
    for (uint32_t i = 0; i < write->table->check_count; i++) {
        const struct check_definition *check = &write->table->checks[i];
        const struct expr *condition =
            bind_stored(bind, bind_text(bind->context, check->text), &write->row, BIND_CHECK);
        node->checks[i] = bind_coerce(bind, condition, type_make(TYPE_BOOL), SQL_CAST_ASSIGNMENT, 0);
        if (node->checks[i] == NULL) {
            sql_raise(bind->context, KMB_CORRUPT, 0, "stored check constraint is not boolean");
        }
        node->check_names[i] = bind_text(bind->context, check->name);
    }
    node->check_count = write->table->check_count;
    checks_by_name(node);
}

/* What the executor computes and asks of a new row: generated and hidden columns, CHECKs. */
void write_checks(struct write *write) {
    write_generated(write);
    write_hidden(write);
    write_table_checks(write);
    if (write->view_check_count > 0) {
        write_view_checks(write);
    }
}

void write_returning(struct write *write, PgQuery__Node *const *returning, size_t count, const struct scope *scope) {
    struct bind *bind = write->bind;
    struct plan_node *node = write->node;
    node->columns = NULL;
    node->column_count = 0;
    if (count == 0) {
        return;
    }
    struct bind_scope where = {.bind = bind, .scope = scope, .place = BIND_RETURNING};
    const char **names = NULL;
    node->returning_count = bind_targets(&where, returning, count, &node->returning, &names);
    node->columns = sql_alloc_zero(bind->context, node->returning_count + 1, sizeof(*node->columns));
    node->column_count = node->returning_count;
    for (uint32_t i = 0; i < node->returning_count; i++) {
        node->columns[i] = (struct plan_column){.name = names[i], .type = node->returning[i]->type};
    }
}

/* --- INSERT --- */

/* A column is named once, or parts of it. */
uint32_t write_named_columns(struct write *write, PgQuery__Node *const *list, size_t list_count,
                             struct write_target **targets) {
    struct sql_context *context = write->bind->context;
    uint32_t count = list_count == 0 ? write->scope.column_count : (uint32_t)list_count;
    *targets = sql_alloc_zero(context, count + 1, sizeof(**targets));
    const struct write_target **named = sql_alloc_zero(context, write->column_count + 1, sizeof(struct write_target *));
    for (uint32_t i = 0; i < count; i++) {
        struct write_target *target = &(*targets)[i];
        if (list_count == 0) {
            target->ordinal = write_ordinal(write, i, 0);
            target->name = write->scope.columns[i].name;
        } else {
            const PgQuery__ResTarget *written = list[i]->res_target;
            *target = write_find_column(write, written);
        }
        const struct write_target *before = named[target->ordinal];
        uint32_t position = list_count == 0 ? 0 : bind_location(list[i]->res_target->location);
        if (before != NULL && strcmp(before->name, target->name) != 0) { /* a view that has it twice */
            sql_raise(context, KMB_SYNTAX, position, "multiple assignments to same column \"%s\"",
                      bind_text(context, write_column(write, target->ordinal)->name));
        }
        if (before != NULL && (before->part == NULL || target->part == NULL)) {
            sql_raise(context, KMB_DUPLICATE_COLUMN, position, "column \"%s\" specified more than once", target->name);
        }
        named[target->ordinal] = target;
    }
    return count;
}

void write_check_count(struct write *write, PgQuery__Node *const *list, size_t list_count, uint32_t given,
                       uint32_t wanted, uint32_t position_of_extra) {
    struct sql_context *context = write->bind->context;
    if (given > wanted) {
        sql_raise(context, KMB_SYNTAX, position_of_extra, "INSERT has more expressions than target columns");
    }
    if (list_count > 0 && given < wanted) {
        sql_raise(context, KMB_SYNTAX, bind_location(list[given]->res_target->location),
                  "INSERT has more target columns than expressions");
    }
}

_Noreturn void write_raise_not_default(struct write *write, uint32_t ordinal, bool insert) {
    struct sql_context *context = write->bind->context;
    const struct column_definition *column = write_column(write, ordinal);
    const char *name = bind_text(context, column->name);
    bool generated = column->default_kind == DEFAULT_GENERATED;
    sql_raise_with(context, KMB_GENERATED_ALWAYS, 0,
                   generated
                       ? sql_printf(context, "Column \"%s\" is a generated column.", name)
                       : sql_printf(context, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", name),
                   !generated && insert ? "Use OVERRIDING SYSTEM VALUE to override." : NULL,
                   insert ? "cannot insert a non-DEFAULT value into column \"%s\""
                          : "column \"%s\" can only be updated to DEFAULT",
                   name);
}

/* Parts of a column are set one after the other in a NULL. */
static const struct expr *new_part(const struct write *write, const struct write_target *target,
                                   const struct expr *before, const struct expr *value) {
    struct bind *bind = write->bind;
    struct bind_scope place = {.bind = bind, .place = BIND_VALUES};
    const struct expr *whole = before != NULL ? before : null_of(bind, write_column(write, target->ordinal)->type);
    return bind_assign_part(&place, target->part, whole, value);
}

void write_new_row(struct write *write, const struct write_target *targets, const struct expr *const *values,
                   uint32_t given, const struct expr **defaults, const struct expr **row) {
    for (uint32_t i = 0; i < write->column_count; i++) {
        row[i] = NULL;
    }
    for (uint32_t i = 0; i < given; i++) {
        uint32_t ordinal = targets[i].ordinal;
        enum default_kind kind = write_column(write, ordinal)->default_kind;
        bool user = write->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE && default_is_identity(kind);
        bool always =
            kind == DEFAULT_IDENTITY_ALWAYS && write->override != PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE;
        if (values[i] != NULL && !user && (always || kind == DEFAULT_GENERATED)) {
            write_raise_not_default(write, ordinal, true);
        }
        if (values[i] != NULL && !user) { /* NULL: the word DEFAULT */
            row[ordinal] = targets[i].part != NULL ? new_part(write, &targets[i], row[ordinal], values[i])
                                                   : write_assign(write, ordinal, values[i]);
        }
    }
    for (uint32_t i = 0; i < write->column_count; i++) {
        if (row[i] == NULL) {
            if (defaults[i] == NULL) {
                defaults[i] = bind_default(write->bind, write->table, write_column(write, i));
            }
            row[i] = defaults[i];
        }
    }
}

static struct plan_node *insert_values_node(struct write *write, uint32_t rows) {
    struct bind *bind = write->bind;
    struct plan_node *values = bind_plan(bind, PLAN_VALUES, NULL, NULL);
    values->row_count = rows;
    values->rows = sql_alloc_zero(bind->context, rows, sizeof(*values->rows));
    values->column_count = write->column_count;
    values->columns = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*values->columns));
    for (uint32_t i = 0; i < write->column_count; i++) {
        const struct column_definition *column = write_column(write, i);
        values->columns[i] = (struct plan_column){.name = bind_text(bind->context, column->name), .type = column->type};
    }
    for (uint32_t r = 0; r < rows; r++) {
        values->rows[r] = sql_alloc(bind->context, (write->column_count + 1) * sizeof(**values->rows));
    }
    return values;
}

static struct plan_node *insert_from_values(struct write *write, const PgQuery__InsertStmt *insert,
                                            const PgQuery__SelectStmt *source) {
    struct bind *bind = write->bind;
    struct write_target *targets = NULL;
    uint32_t wanted = write_named_columns(write, insert->cols, insert->n_cols, &targets);
    struct plan_node *node = insert_values_node(write, (uint32_t)source->n_values_lists);
    const struct expr **defaults = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*defaults));
    const struct expr **values = sql_alloc(bind->context, (wanted + 1) * sizeof(*values));
    struct bind_scope place = {.bind = bind, .place = BIND_VALUES};
    for (uint32_t r = 0; r < node->row_count; r++) {
        const PgQuery__List *list = source->values_lists[r]->list;
        uint32_t given = (uint32_t)list->n_items;
        if (list->n_items != source->values_lists[0]->list->n_items) {
            sql_raise(bind->context, KMB_SYNTAX, bind_node_position(source->values_lists[r]),
                      "VALUES lists must all be the same length");
        }
        write_check_count(write, insert->cols, insert->n_cols, given, wanted,
                          given > wanted ? bind_node_position(list->items[wanted]) : 0);
        for (uint32_t i = 0; i < given; i++) {
            write_check_default(write, &targets[i], list->items[i]);
            bool is_default = list->items[i]->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
            values[i] = is_default ? NULL : bind_expression(&place, list->items[i]);
        }
        write_new_row(write, targets, values, given, defaults, node->rows[r]);
    }
    return node;
}

static struct plan_node *insert_from_select(struct write *write, const PgQuery__InsertStmt *insert,
                                            const PgQuery__SelectStmt *source) {
    struct bind *bind = write->bind;
    struct write_target *targets = NULL;
    uint32_t wanted = write_named_columns(write, insert->cols, insert->n_cols, &targets);
    struct type *types = sql_alloc(bind->context, (wanted + 1) * sizeof(*types));
    for (uint32_t i = 0; i < wanted; i++) {
        types[i] = write_target_type(write, &targets[i]);
    }
    struct plan_node *child = bind_select_for(bind, source, types, wanted);
    uint32_t given = child->column_count;
    write_check_count(write, insert->cols, insert->n_cols, given, wanted, 0);
    const struct expr **values = sql_alloc(bind->context, (given + 1) * sizeof(*values));
    for (uint32_t i = 0; i < given; i++) {
        struct expr *column = sql_alloc_zero(bind->context, 1, sizeof(*column));
        column->kind = EXPR_COLUMN;
        column->column = i;
        column->type = child->columns[i].type;
        column->position = child->kind == PLAN_PROJECT ? child->expressions[i]->position : 0;
        values[i] = column;
    }
    const struct expr **row = sql_alloc(bind->context, (write->column_count + 1) * sizeof(*row));
    const char **names = sql_alloc(bind->context, (write->column_count + 1) * sizeof(*names));
    const struct expr **defaults = sql_alloc_zero(bind->context, write->column_count + 1, sizeof(*defaults));
    write_new_row(write, targets, values, given, defaults, row);
    for (uint32_t i = 0; i < write->column_count; i++) {
        names[i] = bind_text(bind->context, write_column(write, i)->name);
    }
    return bind_project(bind, child, row, names, write->column_count);
}

/* What ON CONFLICT names, over the table's columns. */
struct inference {
    const struct expr **elements;
    uint32_t count;
    const struct expr *where;    /* NULL: none */
    const struct expr **indexed; /* what hidden columns are of */
    uint32_t indexed_count;
};

static bool conflict_element(const struct write *write, const struct inference *inference, const struct key_part *part,
                             const struct expr *element) {
    uint16_t ordinal = catalogue_column_ordinal(write->catalogue, write->table, part->column);
    if (ordinal < write->column_count) {
        return element->kind == EXPR_COLUMN && element->column == ordinal;
    }
    return expr_equal(element, inference->indexed[ordinal - write->column_count]);
}

/* Whether the parts are exactly these elements, in any order. */
static bool conflict_matches(const struct write *write, const struct key_part *parts, uint32_t part_count,
                             const struct inference *inference) {
    for (uint32_t i = 0; i < part_count; i++) {
        bool named = false;
        for (uint32_t k = 0; k < inference->count; k++) {
            named = named || conflict_element(write, inference, &parts[i], inference->elements[k]);
        }
        if (!named) {
            return false;
        }
    }
    for (uint32_t k = 0; k < inference->count; k++) {
        bool used = false;
        for (uint32_t i = 0; i < part_count; i++) {
            used = used || conflict_element(write, inference, &parts[i], inference->elements[k]);
        }
        if (!used) {
            return false;
        }
    }
    return part_count > 0;
}

/* Whether each part of an AND is one of `where`'s. */
static bool conflict_implied(const struct expr *predicate, const struct expr *where) {
    if (where == NULL) {
        return false;
    }
    if (expr_equal(predicate, where)) {
        return true;
    }
    bool whole = predicate->kind == EXPR_AND;
    for (uint32_t i = 0; whole && i < predicate->argument_count; i++) {
        whole = conflict_implied(predicate->arguments[i], where);
    }
    bool part = false;
    for (uint32_t i = 0; !whole && where->kind == EXPR_AND && i < where->argument_count; i++) {
        part = part || conflict_implied(predicate, where->arguments[i]);
    }
    return whole || part;
}

static void conflict_by_name(struct write *write, const PgQuery__InferClause *infer, struct plan_conflict *conflict) {
    struct sql_context *context = write->bind->context;
    bool check = false;
    if (!write->view && write->table->primary_key_count > 0 &&
        slice_equal_text(write->table->primary_key_name, infer->conname)) {
        return;
    }
    for (uint32_t i = 0; !write->view && i < write->table->index_count; i++) {
        const struct index_definition *index = &write->table->indexes[i];
        if (index->constraint && slice_equal_text(index->name, infer->conname)) {
            conflict->index = index->id;
            return;
        }
    }
    for (uint32_t i = 0; !write->view && i < write->table->check_count; i++) {
        check = check || slice_equal_text(write->table->checks[i].name, infer->conname);
    }
    if (check) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, 0, "constraint in ON CONFLICT clause has no associated index");
    }
    sql_raise(context, KMB_UNDEFINED_OBJECT, 0, "constraint \"%s\" for table \"%s\" does not exist", infer->conname,
              write->name);
}

/* A column or an expression of the target, over the table's columns. */
static const struct expr *conflict_named(struct write *write, const PgQuery__IndexElem *element, uint32_t position) {
    struct sql_context *context = write->bind->context;
    bool ordered = element->ordering != PG_QUERY__SORT_BY_DIR__SORTBY_DEFAULT;
    if (ordered || element->nulls_ordering != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT) {
        sql_raise(context, KMB_INVALID_COLUMN_REFERENCE, position, "%s is not allowed in ON CONFLICT clause",
                  ordered ? "ASC/DESC" : "NULLS FIRST/LAST");
    }
    if (element->expr != NULL) {
        struct bind_scope place = {.bind = write->bind, .scope = &write->scope, .place = BIND_INDEX};
        const struct expr *value = bind_resolve_unknown(write->bind, bind_expression(&place, element->expr));
        bind_index_order(write->bind, element, value->type, position);
        return value;
    }
    for (uint32_t k = 0; k < write->scope.column_count; k++) {
        if (strcmp(write->scope.columns[k].name, element->name) == 0) {
            bind_index_order(write->bind, element, write->scope.columns[k].type, position);
            return write->scope.columns[k].expr;
        }
    }
    sql_raise(context, KMB_UNDEFINED_COLUMN, position, "column \"%s\" does not exist", element->name);
}

static void conflict_by_columns(struct write *write, const PgQuery__InferClause *infer, const struct expr *where,
                                struct plan_conflict *conflict) {
    struct sql_context *context = write->bind->context;
    uint32_t position = bind_location(infer->location);
    struct inference inference = {.count = (uint32_t)infer->n_index_elems, .where = where};
    inference.elements = sql_alloc(context, (infer->n_index_elems + 1) * sizeof(*inference.elements));
    inference.indexed = bind_indexed(write->bind, write->catalogue, write->table, &inference.indexed_count);
    for (size_t i = 0; i < infer->n_index_elems; i++) {
        inference.elements[i] = conflict_named(write, infer->index_elems[i]->index_elem, position);
    }
    if (conflict_matches(write, write->table->primary_key, write->table->primary_key_count, &inference)) {
        return;
    }
    for (uint32_t i = 0; i < write->table->index_count; i++) {
        const struct index_definition *index = &write->table->indexes[i];
        if (!index->unique || !conflict_matches(write, index->parts, index->part_count, &inference)) {
            continue;
        }
        uint32_t filter = catalogue_column_ordinal(write->catalogue, write->table, index->filter);
        if (index->filter.value == 0 ||
            conflict_implied(inference.indexed[filter - write->column_count], inference.where)) {
            conflict->index = index->id;
            return;
        }
    }
    sql_raise(context, KMB_INVALID_COLUMN_REFERENCE, position,
              "there is no unique or exclusion constraint matching the ON CONFLICT specification");
}

static void insert_conflict(struct write *write, const PgQuery__OnConflictClause *clause) {
    struct bind *bind = write->bind;
    struct plan_conflict *conflict = &write->node->conflict;
    uint32_t position = bind_location(clause->location);
    conflict->present = true;
    conflict->do_nothing = clause->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_NOTHING;
    const PgQuery__InferClause *infer = clause->infer;
    const struct expr *where = NULL;
    if (infer != NULL && infer->where_clause != NULL) { /* chooses partial indexes; one of all rows fits any */
        struct bind_scope place = {.bind = bind, .scope = &write->scope, .place = BIND_WHERE};
        where = bind_expression(&place, infer->where_clause);
    }
    if (infer == NULL) {
        if (!conflict->do_nothing) {
            sql_raise_with(bind->context, KMB_SYNTAX, position, NULL, "For example, ON CONFLICT (column_name).",
                           "ON CONFLICT DO UPDATE requires inference specification or constraint name");
        }
        conflict->any = true;
    } else if (infer->conname != NULL && infer->conname[0] != 0) {
        conflict_by_name(write, infer, conflict);
    } else {
        conflict_by_columns(write, infer, where, conflict);
    }
    if (conflict->do_nothing) {
        return;
    }
    struct scope both = write->scope;
    struct scope excluded = write->scope;
    excluded.tables = sql_alloc(bind->context, sizeof(*excluded.tables));
    excluded.tables[0] = write->scope.tables[0];
    excluded.tables[0].alias = "excluded";
    excluded.tables[0].schema = NULL;
    bind_scope_join(bind->context, &both, &excluded);
    conflict->assignments = write_set_list(write, clause->target_list, clause->n_target_list, &both, &write->row);
    if (clause->where_clause != NULL) {
        struct bind_scope place = {.bind = bind, .scope = &both, .place = BIND_WHERE};
        conflict->where = bind_condition(&place, clause->where_clause, "WHERE");
    }
}

struct plan_node *bind_insert(struct bind *bind, const PgQuery__InsertStmt *insert) {
    struct write write;
    write_open(&write, bind, insert->relation, PLAN_INSERT);
    struct bind_cte *in_sight = bind->ctes;
    if (insert->with_clause != NULL) {
        bind_with(bind, insert->with_clause);
    }
    write.override = insert->override;
    const PgQuery__SelectStmt *source = insert->select_stmt == NULL ? NULL : insert->select_stmt->select_stmt;
    if (source == NULL) { /* DEFAULT VALUES */
        const struct expr **defaults = sql_alloc_zero(bind->context, write.column_count + 1, sizeof(*defaults));
        write.node->left = insert_values_node(&write, 1);
        write_new_row(&write, NULL, NULL, 0, defaults, write.node->left->rows[0]);
    } else if (source->n_values_lists > 0 && source->n_sort_clause == 0 && source->limit_count == NULL &&
               source->limit_offset == NULL && source->with_clause == NULL && source->n_locking_clause == 0) {
        write.node->left = insert_from_values(&write, insert, source);
    } else {
        write.node->left = insert_from_select(&write, insert, source);
    }
    if (insert->on_conflict_clause != NULL) {
        insert_conflict(&write, insert->on_conflict_clause);
    }
    write_checks(&write);
    write_returning(&write, insert->returning_list, insert->n_returning_list, &write.scope);
    bind->ctes = in_sight;
    return write.node;
}
