/*
 * Relations in texts that are kept: which ones a query or an expression reads, and how it is spelled when one of them
 * is renamed or moved.
 *
 * PostgreSQL keeps the number of what a view reads. Here the text names it with its schema, so that it means the same
 * whatever search_path is; texts made before there were schemas name it alone, and mean the default one. A table in
 * FROM whose name changes keeps the old one as its alias, so that the rest of the query need not change.
 */
#include "base/assert.h"
#include "sql/parse/parse.h"
#include "sql/path.h"

/* --- who reads what --- */

struct reading {
    struct sql_context *context;
    const char *schema;
    const char *name;
    bool with;      /* a WITH query has the name */
    bool qualified; /* some table is named with its schema */
    bool bare;      /* some table is named without, by the name looked for */
    bool found;
};

static bool is_bare(const PgQuery__RangeVar *table) {
    return table->schemaname == NULL || table->schemaname[0] == 0;
}

static bool literal_names(struct sql_context *context, const PgQuery__String *literal, const char *schema,
                          const char *name) {
    const char *own_schema = NULL;
    const char *own = NULL;
    parse_relation_name(context, slice_text(literal->sval), &own_schema, &own);
    own_schema = own_schema[0] == 0 ? CATALOGUE_SCHEMA_DEFAULT : own_schema;
    return strcmp(own_schema, schema) == 0 && (name == NULL || strcmp(own, name) == 0);
}

static bool visit_reading(ProtobufCMessage *message, void *object) {
    struct reading *reading = object;
    const PgQuery__String *literal = parse_relation_literal(message);
    if (literal != NULL) {
        reading->found = reading->found || literal_names(reading->context, literal, reading->schema, reading->name);
    } else if (message->descriptor == &pg_query__range_var__descriptor) {
        const PgQuery__RangeVar *table = (const PgQuery__RangeVar *)message;
        bool same = strcmp(table->relname, reading->name) == 0;
        reading->qualified = reading->qualified || !is_bare(table);
        reading->bare = reading->bare || (same && is_bare(table));
        reading->found = reading->found || (same && !is_bare(table) && strcmp(table->schemaname, reading->schema) == 0);
    } else if (message->descriptor == &pg_query__common_table_expr__descriptor) {
        const PgQuery__CommonTableExpr *with = (const PgQuery__CommonTableExpr *)message;
        reading->with = reading->with || strcmp(with->ctename, reading->name) == 0;
    }
    return true;
}

bool parse_names_relation(struct sql_context *context, ProtobufCMessage *tree, const char *schema, const char *name) {
    struct reading reading = {.context = context, .schema = schema, .name = name};
    (void)parse_walk(tree, visit_reading, &reading);
    bool with_alone = reading.with && reading.qualified;
    return reading.found || (reading.bare && !with_alone && strcmp(schema, CATALOGUE_SCHEMA_DEFAULT) == 0);
}

/* --- spelled anew --- */

struct moving {
    struct sql_context *context;
    const struct parse_move *move;
    ProtobufCMessage *tree;
    bool moved;
};

static bool visit_with(ProtobufCMessage *message, void *name) {
    return message->descriptor != &pg_query__common_table_expr__descriptor ||
           strcmp(((const PgQuery__CommonTableExpr *)message)->ctename, name) != 0;
}

static void move_table(struct moving *moving, PgQuery__RangeVar *table) {
    const struct parse_move *move = moving->move;
    const char *schema = is_bare(table) ? CATALOGUE_SCHEMA_DEFAULT : table->schemaname;
    bool same = strcmp(schema, move->schema) == 0 && (move->name == NULL || strcmp(table->relname, move->name) == 0);
    if (!same || (is_bare(table) && !parse_walk(moving->tree, visit_with, table->relname))) {
        return;
    }
    moving->moved = true;
    table->schemaname = sql_printf(moving->context, "%s", move->new_schema);
    if (move->new_name == NULL || strcmp(move->new_name, table->relname) == 0) {
        return;
    }
    if (table->alias == NULL) {
        table->alias = sql_alloc(moving->context, sizeof(*table->alias));
        *table->alias = (PgQuery__Alias)PG_QUERY__ALIAS__INIT;
        table->alias->aliasname = table->relname;
    }
    table->relname = sql_printf(moving->context, "%s", move->new_name);
}

/* schema.table.column: the alias of a renamed table has no schema, that of a moved one its new. */
static void move_reference(struct moving *moving, PgQuery__ColumnRef *reference) {
    const struct parse_move *move = moving->move;
    bool strings = reference->n_fields == 3 && reference->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING &&
                   reference->fields[1]->node_case == PG_QUERY__NODE__NODE_STRING;
    if (!strings || strcmp(reference->fields[0]->string->sval, move->schema) != 0 ||
        (move->name != NULL && strcmp(reference->fields[1]->string->sval, move->name) != 0)) {
        return;
    }
    if (move->new_name == NULL) {
        reference->fields[0]->string->sval = sql_printf(moving->context, "%s", move->new_schema);
    } else {
        reference->fields++;
        reference->n_fields--;
    }
}

static bool visit_moving(ProtobufCMessage *message, void *object) {
    struct moving *moving = object;
    const struct parse_move *move = moving->move;
    PgQuery__String *literal = parse_relation_literal(message);
    if (literal != NULL) {
        if (literal_names(moving->context, literal, move->schema, move->name)) {
            const char *schema = NULL;
            const char *name = NULL;
            parse_relation_name(moving->context, slice_text(literal->sval), &schema, &name);
            literal->sval = sql_printf(moving->context, "%s",
                                       sql_qualified(moving->context, slice_text(move->new_schema),
                                                     slice_text(move->new_name == NULL ? name : move->new_name)));
            moving->moved = true;
        }
    } else if (message->descriptor == &pg_query__range_var__descriptor) {
        move_table(moving, (PgQuery__RangeVar *)message);
    } else if (message->descriptor == &pg_query__column_ref__descriptor) {
        move_reference(moving, (PgQuery__ColumnRef *)message);
    }
    return true;
}

bool parse_move_relation(struct sql_context *context, ProtobufCMessage *tree, const struct parse_move *move) {
    struct moving moving = {.context = context, .move = move, .tree = tree};
    (void)parse_walk(tree, visit_moving, &moving);
    return moving.moved;
}
