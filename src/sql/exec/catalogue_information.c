/*
 * information_schema: the views of SQL's standard as PostgreSQL 15 has them, column by column, and our own comments.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"

#define EACH_TABLE(table, rows)                                                                                        \
    for (uint32_t at_##table = 0; at_##table < catalogue_table_count((rows)->catalogue); at_##table++)                 \
        for (const struct table_definition *table = catalogue_table_at((rows)->catalogue, at_##table); table != NULL;  \
             table = NULL)

static void database(struct catalogue_rows *rows) {
    catalogue_word(rows, sql_database(rows->context));
}

/* Database, schema, name. */
static void whole_name(struct catalogue_rows *rows, struct slice schema, struct slice name) {
    database(rows);
    catalogue_text(rows, schema);
    catalogue_text(rows, name);
}

static void name_of(struct catalogue_rows *rows, const struct table_definition *table) {
    whole_name(rows, table->schema_name, table->name);
}

/* --- schemata --- */

static const struct plan_column name_columns[] = {TEXT("catalog_name")};

static void catalog_name(struct catalogue_rows *rows) {
    database(rows);
}

static const struct plan_column schemata_columns[] = {TEXT("catalog_name"),
                                                      TEXT("schema_name"),
                                                      TEXT("schema_owner"),
                                                      TEXT("default_character_set_catalog"),
                                                      TEXT("default_character_set_schema"),
                                                      TEXT("default_character_set_name"),
                                                      TEXT("sql_path")};

static void schema_row(struct catalogue_rows *rows, struct slice name) {
    database(rows);
    catalogue_text(rows, name);
    catalogue_text(rows, catalogue_owner(rows->context, rows->catalogue));
    catalogue_nulls(rows, 4);
}

static void schemata(struct catalogue_rows *rows) {
    schema_row(rows, slice_text(SQL_SCHEMA_SYSTEM));
    schema_row(rows, slice_text(SQL_SCHEMA_INFORMATION));
    for (uint32_t i = 0; i < catalogue_schema_count(rows->catalogue); i++) {
        schema_row(rows, catalogue_schema_at(rows->catalogue, i)->name);
    }
}

/* --- tables and views --- */

static const struct plan_column tables_columns[] = {
    TEXT("table_catalog"),
    TEXT("table_schema"),
    TEXT("table_name"),
    TEXT("table_type"),
    TEXT("self_referencing_column_name"),
    TEXT("reference_generation"),
    TEXT("user_defined_type_catalog"),
    TEXT("user_defined_type_schema"),
    TEXT("user_defined_type_name"),
    TEXT("is_insertable_into"),
    TEXT("is_typed"),
    TEXT("commit_action"),
    INT4("column_count"), /* our own */
    INT4("primary_key_count"),
};

static void tables(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        bool view = definition_is_view(table);
        if (definition_is_sequence(table)) {
            continue;
        }
        name_of(rows, table);
        catalogue_word(rows, view ? "VIEW" : "BASE TABLE");
        catalogue_nulls(rows, 5);
        catalogue_word(rows, catalogue_yes(!view || bind_view_writable(rows->context, rows->catalogue, table)));
        catalogue_word(rows, "NO");
        catalogue_nulls(rows, 1);
        catalogue_number(rows, catalogue_column_count(rows->catalogue, table));
        catalogue_number(rows, table->primary_key_count);
    }
}

static const struct plan_column views_columns[] = {TEXT("table_catalog"),        TEXT("table_schema"),
                                                   TEXT("table_name"),           TEXT("view_definition"),
                                                   TEXT("check_option"),         TEXT("is_updatable"),
                                                   TEXT("is_insertable_into"),   TEXT("is_trigger_updatable"),
                                                   TEXT("is_trigger_deletable"), TEXT("is_trigger_insertable_into")};

static void views(struct catalogue_rows *rows) {
    EACH_TABLE(view, rows) {
        if (!definition_is_view(view)) {
            continue;
        }
        const char *writable = catalogue_yes(bind_view_writable(rows->context, rows->catalogue, view));
        name_of(rows, view);
        catalogue_word(rows, catalogue_view_query(rows->context, rows->catalogue, view));
        catalogue_word(rows, view->view_check == VIEW_CHECK_NONE    ? "NONE"
                             : view->view_check == VIEW_CHECK_LOCAL ? "LOCAL"
                                                                    : "CASCADED");
        catalogue_word(rows, writable);
        catalogue_word(rows, writable);
        for (int i = 0; i < 3; i++) {
            catalogue_word(rows, "NO");
        }
    }
}

/* --- columns --- */

static const struct plan_column columns_columns[] = {
    TEXT("table_catalog"),
    TEXT("table_schema"),
    TEXT("table_name"),
    TEXT("column_name"),
    INT4("ordinal_position"),
    TEXT("column_default"),
    TEXT("is_nullable"),
    TEXT("data_type"),
    INT4("character_maximum_length"),
    INT4("character_octet_length"),
    INT4("numeric_precision"),
    INT4("numeric_precision_radix"),
    INT4("numeric_scale"),
    INT4("datetime_precision"),
    TEXT("interval_type"),
    INT4("interval_precision"),
    TEXT("character_set_catalog"),
    TEXT("character_set_schema"),
    TEXT("character_set_name"),
    TEXT("collation_catalog"),
    TEXT("collation_schema"),
    TEXT("collation_name"),
    TEXT("domain_catalog"),
    TEXT("domain_schema"),
    TEXT("domain_name"),
    TEXT("udt_catalog"),
    TEXT("udt_schema"),
    TEXT("udt_name"),
    TEXT("scope_catalog"),
    TEXT("scope_schema"),
    TEXT("scope_name"),
    INT4("maximum_cardinality"),
    TEXT("dtd_identifier"),
    TEXT("is_self_referencing"),
    TEXT("is_identity"),
    TEXT("identity_generation"),
    TEXT("identity_start"),
    TEXT("identity_increment"),
    TEXT("identity_maximum"),
    TEXT("identity_minimum"),
    TEXT("identity_cycle"),
    TEXT("is_generated"),
    TEXT("generation_expression"),
    TEXT("is_updatable"),
};

/* A number, or NULL below 0. */
static void number_or_null(struct catalogue_rows *rows, int64_t number) {
    if (number < 0) {
        catalogue_nulls(rows, 1);
    } else {
        catalogue_number(rows, number);
    }
}

static int64_t numeric_precision(struct type type) {
    switch (type.id) {
    case TYPE_TINYINT:
        return 8;
    case TYPE_INT2:
        return 16;
    case TYPE_INT4:
        return 32;
    case TYPE_INT8:
        return 64;
    case TYPE_FLOAT4:
        return 24;
    case TYPE_FLOAT8:
        return 53;
    case TYPE_NUMERIC:
        return type.modifier < 0 ? -1 : type_numeric_precision(type.modifier);
    default:
        return -1;
    }
}

#define OCTETS_WITHOUT_LENGTH 1073741824 /* as PostgreSQL tells of text */
#define OCTETS_OF_CHARACTER   4

/* character_maximum_length and character_octet_length */
static void type_lengths(struct catalogue_rows *rows, struct type type) {
    bool sized = (type.id == TYPE_VARCHAR || type.id == TYPE_BPCHAR) && type.modifier >= 0;
    number_or_null(rows, sized ? type.modifier : -1);
    number_or_null(rows, sized                     ? (int64_t)type.modifier * OCTETS_OF_CHARACTER
                         : type_is_string(type.id) ? OCTETS_WITHOUT_LENGTH
                                                   : -1);
}

/* From numeric_precision to interval_precision. */
static void type_measures(struct catalogue_rows *rows, struct type type) {
    bool number = type_category_of(type.id) == TYPE_CATEGORY_NUMERIC && type.id != TYPE_OID;
    bool moment = type.id == TYPE_TIME || type.id == TYPE_TIMESTAMP || type.id == TYPE_TIMESTAMPTZ;
    bool interval = type.id == TYPE_INTERVAL;
    int64_t digits = interval ? type_interval_digits(type.modifier) : type.modifier;
    number_or_null(rows, numeric_precision(type));
    number_or_null(rows, !number ? -1 : type.id == TYPE_NUMERIC ? 10 : 2);
    if (type.id == TYPE_NUMERIC && type.modifier >= 0) {
        catalogue_number(rows, type_numeric_scale(type.modifier));
    } else {
        number_or_null(rows, type_is_integer(type.id) ? 0 : -1);
    }
    number_or_null(rows, moment || interval ? (digits < 0 ? 6 : digits) : type.id == TYPE_DATE ? 0 : -1);
    const char *fields = NULL;
    if (interval && type_interval_fields(type.modifier) != 0) {
        char *name = sql_alloc(rows->context, TYPE_NAME_SIZE);
        (void)type_format(type_with(TYPE_INTERVAL, type_modifier_interval(type_interval_fields(type.modifier), -1)),
                          name);
        for (char *c = name; *c != 0; c++) {
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        }
        fields = name + strlen("interval ");
    }
    catalogue_word(rows, fields);
    catalogue_nulls(rows, 1);
}

static const char *number_text(struct catalogue_rows *rows, int64_t number) {
    return sql_printf(rows->context, "%lld", (long long)number);
}

/* From is_identity to identity_cycle. */
static void column_identity(struct catalogue_rows *rows, const struct table_definition *table,
                            const struct column_definition *column) {
    const struct table_definition *owned = default_is_identity(column->default_kind)
                                               ? catalogue_owned_sequence(rows->catalogue, table->id, column->id)
                                               : NULL;
    catalogue_word(rows, catalogue_yes(owned != NULL));
    if (owned == NULL) {
        catalogue_nulls(rows, 5);
        catalogue_word(rows, "NO");
        return;
    }
    const struct sequence_definition *rule = &owned->sequence;
    catalogue_word(rows, column->default_kind == DEFAULT_IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT");
    catalogue_word(rows, number_text(rows, rule->start));
    catalogue_word(rows, number_text(rows, rule->increment));
    catalogue_word(rows, number_text(rows, rule->maximum));
    catalogue_word(rows, number_text(rows, rule->minimum));
    catalogue_word(rows, catalogue_yes(rule->cycle));
}

static const char *data_type(struct catalogue_rows *rows, struct type type) {
    return type_is_array(type.id)                             ? "ARRAY"
           : catalogue_enum(rows->catalogue, type.id) != NULL ? "USER-DEFINED"
                                                              : type_name(type.id);
}

/* udt_catalog, udt_schema, udt_name: the type without its domain */
static void type_udt(struct catalogue_rows *rows, struct type type) {
    const struct table_definition *user = catalogue_enum(rows->catalogue, type.id);
    if (user == NULL) {
        whole_name(rows, slice_text(SQL_SCHEMA_SYSTEM), slice_text(type_internal_name(type.id)));
        return;
    }
    const char *array = type_is_array(type.id) ? "_" : "";
    const char *name = sql_printf(rows->context, "%s%s", array, catalogue_copy(rows, user->name));
    whole_name(rows, user->schema_name, slice_text(name));
}

static void column_row(struct catalogue_rows *rows, const struct table_definition *table, uint32_t ordinal,
                       bool writable) {
    const struct column_definition *column = catalogue_column(rows->catalogue, table, ordinal);
    bool generated = column->default_kind == DEFAULT_GENERATED;
    name_of(rows, table);
    catalogue_text(rows, column->name);
    catalogue_number(rows, ordinal + 1);
    catalogue_word(rows, column->default_kind == DEFAULT_EXPRESSION
                             ? bind_kept_text(rows->context, rows->catalogue, column->default_text)
                             : NULL);
    catalogue_word(rows, catalogue_yes(!catalogue_not_null(table, column)));
    const struct table_definition *domain =
        column->type.domain == 0 ? NULL
                                 : catalogue_table_of_id(rows->catalogue, (struct table_id){column->type.domain});
    catalogue_word(rows, data_type(rows, column->type));
    type_lengths(rows, column->type);
    type_measures(rows, column->type);
    catalogue_nulls(rows, 6);
    if (domain != NULL) {
        name_of(rows, domain);
    } else {
        catalogue_nulls(rows, 3);
    }
    type_udt(rows, column->type);
    catalogue_nulls(rows, 4);
    catalogue_word(rows, number_text(rows, ordinal + 1));
    catalogue_word(rows, "NO");
    column_identity(rows, table, column);
    catalogue_word(rows, generated ? "ALWAYS" : "NEVER");
    catalogue_word(rows, generated ? bind_kept_text(rows->context, rows->catalogue, column->default_text) : NULL);
    catalogue_word(rows, catalogue_yes(writable));
}

static void columns(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        bool writable = !definition_is_view(table) || bind_view_writable(rows->context, rows->catalogue, table);
        for (uint32_t i = 0; !definition_is_sequence(table) && i < catalogue_column_count(rows->catalogue, table);
             i++) {
            bool own = writable && (!definition_is_view(table) ||
                                    bind_view_column_writable(rows->context, rows->catalogue, table, i));
            column_row(rows, table, i, own);
        }
    }
}

/* --- constraints --- */

static const struct plan_column table_constraints_columns[] = {
    TEXT("constraint_catalog"), TEXT("constraint_schema"), TEXT("constraint_name"), TEXT("table_catalog"),
    TEXT("table_schema"),       TEXT("table_name"),        TEXT("constraint_type"), TEXT("is_deferrable"),
    TEXT("initially_deferred"), TEXT("enforced"),          TEXT("nulls_distinct")};

static void table_constraints(struct catalogue_rows *rows) {
    static const char *const kinds[] = {[CATALOGUE_PRIMARY] = "PRIMARY KEY",
                                        [CATALOGUE_UNIQUE] = "UNIQUE",
                                        [CATALOGUE_CHECK] = "CHECK",
                                        [CATALOGUE_FOREIGN] = "FOREIGN KEY",
                                        [CATALOGUE_NOT_NULL] = "CHECK"};
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            whole_name(rows, table->schema_name, one.name);
            name_of(rows, table);
            catalogue_word(rows, kinds[one.kind]);
            catalogue_word(rows, catalogue_yes(one.key != NULL && one.key->deferrable));
            catalogue_word(rows, catalogue_yes(one.key != NULL && one.key->deferred));
            catalogue_word(rows, "YES");
            catalogue_word(rows, one.kind == CATALOGUE_UNIQUE ? catalogue_yes(!one.index->nulls_same) : NULL);
        }
    }
}

static const struct plan_column key_columns[] = {
    TEXT("constraint_catalog"), TEXT("constraint_schema"), TEXT("constraint_name"),
    TEXT("table_catalog"),      TEXT("table_schema"),      TEXT("table_name"),
    TEXT("column_name"),        INT4("ordinal_position"),  INT4("position_in_unique_constraint")};

static struct slice column_name(const struct table_definition *table, struct column_id id) {
    return definition_column_of_id(table, id)->name;
}

static void key_column_usage(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            struct catalogue_constraint needed = {.part_count = 0};
            const struct table_definition *parent = NULL;
            uint32_t count = one.key != NULL ? one.key->part_count : one.part_count;
            bool known = one.key != NULL && catalogue_constraint_needed(rows, one.key, &parent, &needed);
            for (uint32_t i = 0; i < count; i++) {
                struct column_id id = one.key != NULL ? one.key->parts[i].column : one.parts[i].column;
                int64_t position = -1;
                for (uint32_t k = 0; known && k < needed.part_count; k++) {
                    position = column_id_equal(needed.parts[k].column, one.key->parts[i].parent) ? k + 1 : position;
                }
                whole_name(rows, table->schema_name, one.name);
                name_of(rows, table);
                catalogue_text(rows, column_name(table, id));
                catalogue_number(rows, i + 1);
                number_or_null(rows, position);
            }
        }
    }
}

static const struct plan_column referential_columns[] = {TEXT("constraint_catalog"),
                                                         TEXT("constraint_schema"),
                                                         TEXT("constraint_name"),
                                                         TEXT("unique_constraint_catalog"),
                                                         TEXT("unique_constraint_schema"),
                                                         TEXT("unique_constraint_name"),
                                                         TEXT("match_option"),
                                                         TEXT("update_rule"),
                                                         TEXT("delete_rule")};

static void referential_constraints(struct catalogue_rows *rows) {
    static const char *const actions[] = {[REFERENCE_NO_ACTION] = "NO ACTION",
                                          [REFERENCE_RESTRICT] = "RESTRICT",
                                          [REFERENCE_CASCADE] = "CASCADE",
                                          [REFERENCE_SET_NULL] = "SET NULL",
                                          [REFERENCE_SET_DEFAULT] = "SET DEFAULT"};
    EACH_TABLE(table, rows) {
        for (uint32_t i = 0; i < table->foreign_key_count; i++) {
            const struct foreign_key_definition *key = &table->foreign_keys[i];
            const struct table_definition *parent = NULL;
            struct catalogue_constraint needed;
            whole_name(rows, table->schema_name, key->name);
            if (catalogue_constraint_needed(rows, key, &parent, &needed)) {
                whole_name(rows, parent->schema_name, needed.name);
            } else {
                catalogue_nulls(rows, 3);
            }
            catalogue_word(rows, key->match_full ? "FULL" : "NONE");
            catalogue_word(rows, actions[key->on_update]);
            catalogue_word(rows, actions[key->on_delete]);
        }
    }
}

static const struct plan_column check_columns[] = {TEXT("constraint_catalog"), TEXT("constraint_schema"),
                                                   TEXT("constraint_name"), TEXT("check_clause")};

static void check_constraints(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            if (one.kind == CATALOGUE_CHECK || one.kind == CATALOGUE_NOT_NULL) {
                struct slice text = one.kind == CATALOGUE_CHECK ? one.check->text : one.column->name;
                whole_name(rows, table->schema_name, one.name);
                catalogue_word(rows,
                               sql_printf(rows->context, one.kind == CATALOGUE_CHECK ? "((%s))" : "%s IS NOT NULL",
                                          catalogue_copy(rows, text)));
            }
        }
    }
}

static const struct plan_column column_usage_columns[] = {
    TEXT("table_catalog"),      TEXT("table_schema"),      TEXT("table_name"),     TEXT("column_name"),
    TEXT("constraint_catalog"), TEXT("constraint_schema"), TEXT("constraint_name")};

static void column_usage_row(struct catalogue_rows *rows, const struct table_definition *of, struct slice column,
                             const struct table_definition *table, struct slice name) {
    name_of(rows, of);
    catalogue_text(rows, column);
    whole_name(rows, table->schema_name, name);
}

/* The columns that a constraint reads: of a foreign key, those it refers to. */
static void constraint_column_usage(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            for (uint32_t i = 0; i < one.part_count; i++) {
                column_usage_row(rows, table, column_name(table, one.parts[i].column), table, one.name);
            }
            for (uint32_t i = 0; one.key != NULL && i < one.key->part_count; i++) {
                const struct table_definition *parent = catalogue_table_of_id(rows->catalogue, one.key->parent);
                column_usage_row(rows, parent, column_name(parent, one.key->parts[i].parent), table, one.name);
            }
            if (one.kind == CATALOGUE_NOT_NULL) {
                continue;
            }
            PgQuery__Node *tree =
                one.check == NULL ? NULL : parse_expression(rows->context, catalogue_copy(rows, one.check->text));
            for (uint32_t i = 0; tree != NULL && i < catalogue_column_count(rows->catalogue, table); i++) {
                struct slice column = catalogue_column(rows->catalogue, table, i)->name;
                if (parse_names_column(tree, catalogue_copy(rows, column))) {
                    column_usage_row(rows, table, column, table, one.name);
                }
            }
        }
    }
}

static const struct plan_column table_usage_columns[] = {TEXT("table_catalog"),     TEXT("table_schema"),
                                                         TEXT("table_name"),        TEXT("constraint_catalog"),
                                                         TEXT("constraint_schema"), TEXT("constraint_name")};

static void constraint_table_usage(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            if (one.kind == CATALOGUE_CHECK || one.kind == CATALOGUE_NOT_NULL) {
                continue;
            }
            name_of(rows, one.key != NULL ? catalogue_table_of_id(rows->catalogue, one.key->parent) : table);
            whole_name(rows, table->schema_name, one.name);
        }
    }
}

/* --- sequences --- */

static const struct plan_column sequences_columns[] = {
    TEXT("sequence_catalog"),  TEXT("sequence_schema"),         TEXT("sequence_name"), TEXT("data_type"),
    INT4("numeric_precision"), INT4("numeric_precision_radix"), INT4("numeric_scale"), TEXT("start_value"),
    TEXT("minimum_value"),     TEXT("maximum_value"),           TEXT("increment"),     TEXT("cycle_option")};

/* Those of identity columns are part of their columns. */
static void sequences(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        const struct sequence_definition *rule = &table->sequence;
        const struct table_definition *owner = catalogue_table_of_id(rows->catalogue, rule->owner);
        const struct column_definition *column =
            owner == NULL ? NULL : definition_column_of_id(owner, rule->owner_column);
        if (!definition_is_sequence(table) || (column != NULL && default_is_identity(column->default_kind))) {
            continue;
        }
        name_of(rows, table);
        catalogue_word(rows, type_name(rule->type));
        catalogue_number(rows, numeric_precision(type_make(rule->type)));
        catalogue_number(rows, 2);
        catalogue_number(rows, 0);
        catalogue_word(rows, number_text(rows, rule->start));
        catalogue_word(rows, number_text(rows, rule->minimum));
        catalogue_word(rows, number_text(rows, rule->maximum));
        catalogue_word(rows, number_text(rows, rule->increment));
        catalogue_word(rows, catalogue_yes(rule->cycle));
    }
}

/* --- domains --- */

static const struct plan_column domains_columns[] = {
    TEXT("domain_catalog"),
    TEXT("domain_schema"),
    TEXT("domain_name"),
    TEXT("data_type"),
    INT4("character_maximum_length"),
    INT4("character_octet_length"),
    TEXT("character_set_catalog"),
    TEXT("character_set_schema"),
    TEXT("character_set_name"),
    TEXT("collation_catalog"),
    TEXT("collation_schema"),
    TEXT("collation_name"),
    INT4("numeric_precision"),
    INT4("numeric_precision_radix"),
    INT4("numeric_scale"),
    INT4("datetime_precision"),
    TEXT("interval_type"),
    INT4("interval_precision"),
    TEXT("domain_default"),
    TEXT("udt_catalog"),
    TEXT("udt_schema"),
    TEXT("udt_name"),
    TEXT("scope_catalog"),
    TEXT("scope_schema"),
    TEXT("scope_name"),
    INT4("maximum_cardinality"),
    TEXT("dtd_identifier"),
};

#define EACH_DOMAIN(domain, rows)                                                                                      \
    for (uint32_t at_##domain = 0; at_##domain < catalogue_type_count((rows)->catalogue); at_##domain++)               \
        for (const struct table_definition *domain = catalogue_type_at((rows)->catalogue, at_##domain);                \
             domain != NULL && domain->form == DEFINITION_DOMAIN; domain = NULL)

static void domains(struct catalogue_rows *rows) {
    EACH_DOMAIN(domain, rows) {
        const struct column_definition *rule = &domain->columns[0];
        name_of(rows, domain);
        catalogue_word(rows, data_type(rows, rule->type));
        type_lengths(rows, rule->type);
        catalogue_nulls(rows, 6);
        type_measures(rows, rule->type);
        catalogue_word(rows, rule->default_text.length == 0
                                 ? NULL
                                 : bind_kept_text(rows->context, rows->catalogue, rule->default_text));
        type_udt(rows, rule->type);
        catalogue_nulls(rows, 4);
        catalogue_word(rows, "1");
    }
}

static const struct plan_column domain_constraints_columns[] = {
    TEXT("constraint_catalog"), TEXT("constraint_schema"), TEXT("constraint_name"), TEXT("domain_catalog"),
    TEXT("domain_schema"),      TEXT("domain_name"),       TEXT("is_deferrable"),   TEXT("initially_deferred")};

static void domain_constraints(struct catalogue_rows *rows) {
    EACH_DOMAIN(domain, rows) {
        for (uint32_t i = 0; i < domain->check_count; i++) {
            whole_name(rows, domain->schema_name, domain->checks[i].name);
            name_of(rows, domain);
            catalogue_word(rows, "NO");
            catalogue_word(rows, "NO");
        }
    }
}

static const struct plan_column domain_usage_columns[] = {
    TEXT("domain_catalog"), TEXT("domain_schema"), TEXT("domain_name"), TEXT("table_catalog"),
    TEXT("table_schema"),   TEXT("table_name"),    TEXT("column_name")};

static void column_domain_usage(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        for (uint32_t i = 0; i < catalogue_column_count(rows->catalogue, table); i++) {
            const struct column_definition *column = catalogue_column(rows->catalogue, table, i);
            const struct table_definition *domain =
                column->type.domain == 0
                    ? NULL
                    : catalogue_table_of_id(rows->catalogue, (struct table_id){column->type.domain});
            if (domain != NULL) {
                name_of(rows, domain);
                name_of(rows, table);
                catalogue_text(rows, column->name);
            }
        }
    }
}

/* --- comments, our own --- */

static const struct plan_column comments_columns[] = {TEXT("table_schema"), TEXT("table_name"), TEXT("object_type"),
                                                      TEXT("object_name"), TEXT("comment")};

static struct slice comment_object(const struct table_definition *table, const struct comment_definition *comment) {
    switch (comment->part) {
    case DEFINITION_TABLE:
        break;
    case DEFINITION_COLUMN:
        return column_name(table, (struct column_id){comment->id});
    case DEFINITION_INDEX:
        return definition_index_of_id(table, (struct index_id){comment->id})->name;
    case DEFINITION_PRIMARY_KEY:
        return table->primary_key_name;
    case DEFINITION_CONSTRAINT:
        for (uint32_t i = 0; i < table->check_count; i++) {
            if (table->checks[i].id.value == comment->id) {
                return table->checks[i].name;
            }
        }
        for (uint32_t i = 0; i < table->foreign_key_count; i++) {
            if (table->foreign_keys[i].id.value == comment->id) {
                return table->foreign_keys[i].name;
            }
        }
        break;
    }
    return table->name;
}

static void comments_of(struct catalogue_rows *rows, const struct table_definition *table) {
    static const char *const kinds[] = {[DEFINITION_COLUMN] = "column",
                                        [DEFINITION_INDEX] = "index",
                                        [DEFINITION_CONSTRAINT] = "constraint",
                                        [DEFINITION_PRIMARY_KEY] = "constraint"};
    const char *whole = definition_is_view(table)          ? "view"
                        : definition_is_sequence(table)    ? "sequence"
                        : table->form == DEFINITION_DOMAIN ? "domain"
                        : definition_is_type(table)        ? "type"
                                                           : "table";
    for (uint32_t i = 0; i < table->comment_count; i++) {
        const struct comment_definition *comment = &table->comments[i];
        catalogue_text(rows, table->schema_name);
        catalogue_text(rows, table->name);
        catalogue_word(rows, kinds[comment->part] == NULL ? whole : kinds[comment->part]);
        catalogue_text(rows, comment_object(table, comment));
        catalogue_text(rows, comment->text);
    }
}

static void comments(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        comments_of(rows, table);
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        comments_of(rows, catalogue_type_at(rows->catalogue, i));
    }
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_INFORMATION, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_information[] = {
    RELATION("information_schema_catalog_name", name_columns, catalog_name),
    RELATION("schemata", schemata_columns, schemata),
    RELATION("tables", tables_columns, tables),
    RELATION("views", views_columns, views),
    RELATION("columns", columns_columns, columns),
    RELATION("table_constraints", table_constraints_columns, table_constraints),
    RELATION("key_column_usage", key_columns, key_column_usage),
    RELATION("referential_constraints", referential_columns, referential_constraints),
    RELATION("check_constraints", check_columns, check_constraints),
    RELATION("constraint_column_usage", column_usage_columns, constraint_column_usage),
    RELATION("constraint_table_usage", table_usage_columns, constraint_table_usage),
    RELATION("sequences", sequences_columns, sequences),
    RELATION("domains", domains_columns, domains),
    RELATION("domain_constraints", domain_constraints_columns, domain_constraints),
    RELATION("column_domain_usage", domain_usage_columns, column_domain_usage),
    RELATION("kimberlite_comments", comments_columns, comments),
};
const uint32_t catalogue_information_count = ARRAY_LENGTH(catalogue_information);
