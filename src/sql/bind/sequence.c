/*
 * CREATE SEQUENCE, ALTER SEQUENCE, and the sequences of serial and identity columns: options -> a definition.
 *
 * The order in which options are looked at, and so the error that is told of several, is PostgreSQL's init_params().
 */
#include <stdio.h>

#include "base/assert.h"
#include "sql/bind/bind.h"

/* The options as they were written; NULL: not. */
struct options {
    const PgQuery__DefElem *type;
    const PgQuery__DefElem *increment;
    const PgQuery__DefElem *minimum;
    const PgQuery__DefElem *maximum;
    const PgQuery__DefElem *start;
    const PgQuery__DefElem *restart;
    const PgQuery__DefElem *cycle;
    const PgQuery__DefElem *cache;
    const PgQuery__DefElem *owner;
    const PgQuery__DefElem *name; /* of an identity column's sequence */
};

static void options_read(struct bind *bind, PgQuery__Node *const *list, size_t count, struct options *options) {
    *options = (struct options){.type = NULL};
    const struct {
        const char *name;
        const PgQuery__DefElem **place;
    } known[] = {
        {"as", &options->type},          {"increment", &options->increment},
        {"minvalue", &options->minimum}, {"maxvalue", &options->maximum},
        {"start", &options->start},      {"restart", &options->restart},
        {"cycle", &options->cycle},      {"cache", &options->cache},
        {"owned_by", &options->owner},   {"sequence_name", &options->name},
    };
    for (size_t i = 0; i < count; i++) {
        ASSERT(list[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM);
        const PgQuery__DefElem *option = list[i]->def_elem;
        uint32_t position = bind_location(option->location);
        bool found = false;
        for (size_t k = 0; k < ARRAY_LENGTH(known) && !found; k++) {
            if (strcmp(option->defname, known[k].name) == 0) {
                if (*known[k].place != NULL) {
                    sql_raise(bind->context, KMB_SYNTAX, position, "conflicting or redundant options");
                }
                *known[k].place = option;
                found = true;
            }
        }
        if (!found) {
            sql_raise_unsupported(bind->context, position, "option %s of a sequence", option->defname);
        }
    }
}

static int64_t option_number(struct bind *bind, const PgQuery__DefElem *option) {
    const PgQuery__Node *node = option->arg;
    struct value value;
    if (node != NULL && node->node_case == PG_QUERY__NODE__NODE_INTEGER) {
        return node->integer->ival;
    }
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_FLOAT) {
        sql_raise(bind->context, KMB_SYNTAX, bind_location(option->location), "%s requires a numeric value",
                  option->defname);
    }
    enum kmb_status status = value_parse(type_make(TYPE_INT8), slice_text(node->float_->fval), NULL,
                                         &bind->context->arena, &value, bind->context->error);
    sql_try(bind->context, status);
    return value.as.integer;
}

static void type_bounds(enum type_id type, int64_t *low, int64_t *high) {
    *low = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
    *high = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

static bool is_sequence_type(enum type_id type) {
    return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

/* Bounds by the options, else by what was, else by the type. fresh: the sequence is being made. */
static void bounds_apply(struct bind *bind, const struct options *options, bool fresh, enum type_id was,
                         struct sequence_definition *rule) {
    struct sql_context *context = bind->context;
    int64_t low = 0;
    int64_t high = 0;
    int64_t old_low = 0;
    int64_t old_high = 0;
    type_bounds(rule->type, &low, &high);
    type_bounds(was, &old_low, &old_high);
    bool retyped = !fresh && was != rule->type;
    bool reset_high = retyped && rule->maximum == old_high;
    bool reset_low = retyped && rule->minimum == old_low;
    if (options->maximum != NULL && options->maximum->arg != NULL) {
        rule->maximum = option_number(bind, options->maximum);
    } else if (fresh || options->maximum != NULL || reset_high) {
        rule->maximum = rule->increment > 0 || reset_high ? high : -1;
    }
    if (rule->maximum < low || rule->maximum > high) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "MAXVALUE (%lld) is out of range for sequence data type %s",
                  (long long)rule->maximum, type_name(rule->type));
    }
    if (options->minimum != NULL && options->minimum->arg != NULL) {
        rule->minimum = option_number(bind, options->minimum);
    } else if (fresh || options->minimum != NULL || reset_low) {
        rule->minimum = rule->increment < 0 || reset_low ? low : 1;
    }
    if (rule->minimum < low || rule->minimum > high) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "MINVALUE (%lld) is out of range for sequence data type %s",
                  (long long)rule->minimum, type_name(rule->type));
    }
    if (rule->minimum >= rule->maximum) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                  (long long)rule->minimum, (long long)rule->maximum);
    }
}

static void value_check(struct bind *bind, const struct sequence_definition *rule, const char *what, int64_t value) {
    if (value < rule->minimum) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "%s value (%lld) cannot be less than MINVALUE (%lld)", what,
                  (long long)value, (long long)rule->minimum);
    }
    if (value > rule->maximum) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "%s value (%lld) cannot be greater than MAXVALUE (%lld)",
                  what, (long long)value, (long long)rule->maximum);
    }
}

/* rule: as it was, or (fresh) with its type alone. *restart NULL: it goes on where it stands. */
static void options_apply(struct bind *bind, const struct options *options, bool fresh,
                          struct sequence_definition *rule, const int64_t **restart) {
    struct sql_context *context = bind->context;
    enum type_id was = rule->type;
    if (options->type != NULL) {
        ASSERT(options->type->arg != NULL && options->type->arg->node_case == PG_QUERY__NODE__NODE_TYPE_NAME);
        rule->type = bind_type_name(bind, options->type->arg->type_name).id;
        if (!is_sequence_type(rule->type)) {
            sql_raise(context, KMB_INVALID_PARAMETER, bind_location(options->type->location),
                      "sequence type must be smallint, integer, or bigint");
        }
    }
    if (options->increment != NULL) {
        rule->increment = option_number(bind, options->increment);
        if (rule->increment == 0) {
            sql_raise(context, KMB_INVALID_PARAMETER, bind_location(options->increment->location),
                      "INCREMENT must not be zero");
        }
    } else if (fresh) {
        rule->increment = 1;
    }
    if (options->cycle != NULL) {
        const PgQuery__Node *on = options->cycle->arg;
        rule->cycle = on == NULL ||
                      (on->node_case == PG_QUERY__NODE__NODE_BOOLEAN ? on->boolean->boolval : on->integer->ival != 0);
    }
    bounds_apply(bind, options, fresh, was, rule);
    if (options->start != NULL) {
        rule->start = option_number(bind, options->start);
    } else if (fresh) {
        rule->start = rule->increment > 0 ? rule->minimum : rule->maximum;
    }
    value_check(bind, rule, "START", rule->start);
    *restart = NULL;
    if (options->restart != NULL) {
        int64_t *value = sql_alloc(context, sizeof(*value));
        *value = options->restart->arg == NULL ? rule->start : option_number(bind, options->restart);
        value_check(bind, rule, "RESTART", *value);
        *restart = value;
    }
    if (options->cache != NULL && option_number(bind, options->cache) <= 0) {
        sql_raise(context, KMB_INVALID_PARAMETER, 0, "CACHE (%lld) must be greater than zero",
                  (long long)option_number(bind, options->cache));
    }
}

/* OWNED BY table.column, or NONE. */
static void owner_apply(struct bind *bind, const struct options *options, struct slice of_schema,
                        struct sequence_definition *rule) {
    if (options->owner == NULL) {
        return;
    }
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(options->owner->location);
    ASSERT(options->owner->arg != NULL && options->owner->arg->node_case == PG_QUERY__NODE__NODE_LIST);
    const PgQuery__List *names = options->owner->arg->list;
    if (names->n_items == 1) {
        if (strcmp(bind_string(names->items[0]), "none") != 0) {
            sql_raise_with(context, KMB_SYNTAX, position, NULL, "Specify OWNED BY table.column or OWNED BY NONE.",
                           "invalid OWNED BY option");
        }
        rule->owner.value = 0;
        rule->owner_column.value = 0;
        return;
    }
    const char *column_name = bind_string(names->items[names->n_items - 1]);
    const char *table_name = NULL;
    const char *schema = NULL;
    struct sql_relation found;
    bind_name_parts(bind, names->items, names->n_items - 1, &schema, &table_name);
    if (!sql_path_find(bind_path(bind), bind_present(bind), schema, table_name, &found)) {
        sql_raise(context, KMB_UNDEFINED_TABLE, position, "relation \"%s%s%s\" does not exist",
                  schema == NULL ? "" : schema, schema == NULL ? "" : ".", table_name);
    }
    const struct table_definition *table = found.table;
    if (sql_relation_is_index(&found) || !definition_is_table(table)) {
        sql_raise(context, KMB_WRONG_OBJECT_TYPE, position, "sequence cannot be owned by relation \"%s\"", table_name);
    }
    if (!slice_equal(table->schema_name, of_schema)) {
        sql_raise(context, KMB_OBJECT_NOT_IN_STATE, 0, "sequence must be in same schema as table it is linked to");
    }
    const struct column_definition *column = definition_column_of_name(table, slice_text(column_name));
    if (column == NULL) {
        sql_raise(context, KMB_UNDEFINED_COLUMN, position, "column \"%s\" of relation \"%s\" does not exist",
                  column_name, table_name);
    }
    rule->owner = table->id;
    rule->owner_column = column->id;
}

/* --- columns that own one --- */

struct plan_owned *bind_owned_sequence(struct bind *bind, enum type_id type, PgQuery__Node *const *list, size_t count) {
    struct options options;
    const int64_t *restart = NULL;
    struct plan_owned *owned = sql_alloc_zero(bind->context, 1, sizeof(*owned));
    if (!is_sequence_type(type)) {
        sql_raise(bind->context, KMB_INVALID_PARAMETER, 0, "identity column type must be smallint, integer, or bigint");
    }
    options_read(bind, list, count, &options);
    owned->rule.type = type;
    options_apply(bind, &options, true, &owned->rule, &restart);
    if (options.name != NULL) {
        ASSERT(options.name->arg->node_case == PG_QUERY__NODE__NODE_LIST && options.name->arg->list->n_items > 0);
        const PgQuery__List *names = options.name->arg->list;
        owned->name = bind_string(names->items[names->n_items - 1]);
    }
    return owned;
}

void bind_change_owned(struct bind *bind, const struct table_definition *sequence, PgQuery__Node *const *list,
                       size_t count, struct sequence_definition *rule, const int64_t **restart) {
    struct options options;
    options_read(bind, list, count, &options);
    *rule = sequence->sequence;
    options_apply(bind, &options, false, rule, restart);
}

/* --- statements --- */

static struct table_definition *sequence_table(struct sql_context *context, struct slice schema, const char *name) {
    static const struct column_definition columns[] = {
        {.name = {(const uint8_t *)"last_value", 10}, .type = {.id = TYPE_INT8, .modifier = -1}, .not_null = true},
        {.name = {(const uint8_t *)"log_cnt", 7}, .type = {.id = TYPE_INT8, .modifier = -1}, .not_null = true},
        {.name = {(const uint8_t *)"is_called", 9}, .type = {.id = TYPE_BOOL, .modifier = -1}, .not_null = true},
    };
    struct table_definition *table = sql_alloc_zero(context, 1, sizeof(*table));
    table->schema_name = schema;
    table->name = arena_dup_slice(&context->arena, slice_text(name));
    table->data_class = DATA_CLASS_PUBLIC;
    table->columns = columns;
    table->column_count = ARRAY_LENGTH(columns);
    return table;
}

struct table_definition *bind_sequence_definition(struct sql_context *context, struct slice schema, const char *name,
                                                  const struct sequence_definition *rule) {
    struct table_definition *table = sequence_table(context, schema, name);
    table->sequence = *rule;
    return table;
}

const char *bind_nextval_text(struct sql_context *context, struct slice schema, struct slice name) {
    return sql_printf(context, "nextval(%s::regclass)",
                      parse_quote_text(context, sql_qualified(context, schema, name)));
}

void bind_create_sequence(struct bind *bind, const PgQuery__CreateSeqStmt *create, struct plan_statement *statement) {
    struct sql_context *context = bind->context;
    uint32_t position = bind_location(create->sequence->location);
    struct slice schema = bind_creation_schema(bind, create->sequence);
    if (strcmp(create->sequence->relpersistence, "p") != 0) {
        sql_raise_unsupported(context, position, "a temporary or unlogged sequence");
    }
    struct options options;
    const int64_t *restart = NULL;
    struct sequence_definition rule = {.type = TYPE_INT8};
    struct plan_ddl *ddl = sql_alloc_zero(context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    const char *name = create->sequence->relname;
    bool exists = catalogue_relation_exists(bind_present(bind), schema, slice_text(name));
    if (exists && create->if_not_exists) {
        bind_notice(bind, KMB_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", name);
        return;
    }
    options_read(bind, create->options, create->n_options, &options);
    options_apply(bind, &options, true, &rule, &restart);
    owner_apply(bind, &options, schema, &rule);
    if (exists) {
        sql_raise(context, KMB_DUPLICATE_TABLE, position, "relation \"%s\" already exists", name);
    }
    ddl->kind = DDL_CREATE_TABLE;
    ddl->table = bind_sequence_definition(context, schema, name, &rule);
}

/* NULL: there is none, and that is no error. */
static const struct table_definition *find_sequence(struct bind *bind, const PgQuery__RangeVar *name, bool missing_ok) {
    if (!missing_ok) {
        bind_check_schema(bind, name);
    }
    const struct catalogue *catalogue = bind_present(bind);
    struct sql_relation found;
    if (!bind_find_relation(bind, catalogue, name, &found)) {
        if (!missing_ok) {
            bind_no_relation(bind, name);
        }
        bind_notice(bind, KMB_OK, "relation \"%s\" does not exist, skipping", name->relname);
        return NULL;
    }
    if (sql_relation_is_index(&found) || !definition_is_sequence(found.table)) {
        sql_raise(bind->context, KMB_WRONG_OBJECT_TYPE, bind_location(name->location), "\"%s\" is not a sequence",
                  name->relname);
    }
    return found.table;
}

void bind_alter_sequence(struct bind *bind, const PgQuery__AlterSeqStmt *alter, struct plan_statement *statement) {
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    statement->ddl = ddl;
    const struct table_definition *sequence = find_sequence(bind, alter->sequence, alter->missing_ok);
    if (sequence == NULL) {
        return;
    }
    struct options options;
    struct sequence_definition rule = sequence->sequence;
    options_read(bind, alter->options, alter->n_options, &options);
    options_apply(bind, &options, false, &rule, &ddl->restart);
    if (options.owner != NULL && bind_is_identity(bind, &sequence->sequence)) {
        const struct table_definition *owner = catalogue_table_of_id(bind_present(bind), sequence->sequence.owner);
        sql_raise_with(bind->context, KMB_UNSUPPORTED, 0,
                       sql_printf(bind->context, "Sequence \"%s\" is linked to table \"%s\".", alter->sequence->relname,
                                  bind_text(bind->context, owner->name)),
                       NULL, "cannot change ownership of identity sequence");
    }
    owner_apply(bind, &options, sequence->schema_name, &rule);
    ddl->kind = DDL_ALTER_SEQUENCE;
    ddl->table_id = sequence->id;
    ddl->sequence = rule;
}

bool bind_is_identity(struct bind *bind, const struct sequence_definition *rule) {
    const struct table_definition *owner = catalogue_table_of_id(bind_present(bind), rule->owner);
    const struct column_definition *column = owner == NULL ? NULL : definition_column_of_id(owner, rule->owner_column);
    return column != NULL && default_is_identity(column->default_kind);
}
