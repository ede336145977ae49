/*
 * The relations of information_schema and pg_catalog: their names and columns. What is in them comes from the
 * catalogue of the moment they are read at (exec/catalogue.c).
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

static const struct plan_column information_tables[] = {
    {.name = "table_catalog", .type = {TYPE_TEXT, -1}},      {.name = "table_schema", .type = {TYPE_TEXT, -1}},
    {.name = "table_name", .type = {TYPE_TEXT, -1}},         {.name = "table_type", .type = {TYPE_TEXT, -1}},
    {.name = "is_insertable_into", .type = {TYPE_TEXT, -1}}, {.name = "column_count", .type = {TYPE_INT4, -1}},
    {.name = "primary_key_count", .type = {TYPE_INT4, -1}},
};
static const struct plan_column information_sequences[] = {
    {.name = "sequence_catalog", .type = {TYPE_TEXT, -1}},
    {.name = "sequence_schema", .type = {TYPE_TEXT, -1}},
    {.name = "sequence_name", .type = {TYPE_TEXT, -1}},
    {.name = "data_type", .type = {TYPE_TEXT, -1}},
    {.name = "numeric_precision", .type = {TYPE_INT4, -1}},
    {.name = "numeric_precision_radix", .type = {TYPE_INT4, -1}},
    {.name = "numeric_scale", .type = {TYPE_INT4, -1}},
    {.name = "start_value", .type = {TYPE_TEXT, -1}},
    {.name = "minimum_value", .type = {TYPE_TEXT, -1}},
    {.name = "maximum_value", .type = {TYPE_TEXT, -1}},
    {.name = "increment", .type = {TYPE_TEXT, -1}},
    {.name = "cycle_option", .type = {TYPE_TEXT, -1}},
};
static const struct plan_column information_comments[] = {
    {.name = "table_schema", .type = {TYPE_TEXT, -1}}, {.name = "table_name", .type = {TYPE_TEXT, -1}},
    {.name = "object_type", .type = {TYPE_TEXT, -1}},  {.name = "object_name", .type = {TYPE_TEXT, -1}},
    {.name = "comment", .type = {TYPE_TEXT, -1}},
};
static const struct plan_column information_columns[] = {
    {.name = "table_catalog", .type = {TYPE_TEXT, -1}},
    {.name = "table_schema", .type = {TYPE_TEXT, -1}},
    {.name = "table_name", .type = {TYPE_TEXT, -1}},
    {.name = "column_name", .type = {TYPE_TEXT, -1}},
    {.name = "ordinal_position", .type = {TYPE_INT4, -1}},
    {.name = "column_default", .type = {TYPE_TEXT, -1}},
    {.name = "is_nullable", .type = {TYPE_TEXT, -1}},
    {.name = "data_type", .type = {TYPE_TEXT, -1}},
    {.name = "character_maximum_length", .type = {TYPE_INT4, -1}},
    {.name = "numeric_precision", .type = {TYPE_INT4, -1}},
    {.name = "numeric_scale", .type = {TYPE_INT4, -1}},
    {.name = "udt_name", .type = {TYPE_TEXT, -1}},
    {.name = "is_identity", .type = {TYPE_TEXT, -1}},
    {.name = "identity_generation", .type = {TYPE_TEXT, -1}},
    {.name = "identity_start", .type = {TYPE_TEXT, -1}},
    {.name = "identity_increment", .type = {TYPE_TEXT, -1}},
    {.name = "identity_maximum", .type = {TYPE_TEXT, -1}},
    {.name = "identity_minimum", .type = {TYPE_TEXT, -1}},
    {.name = "identity_cycle", .type = {TYPE_TEXT, -1}},
    {.name = "is_generated", .type = {TYPE_TEXT, -1}},
    {.name = "generation_expression", .type = {TYPE_TEXT, -1}},
};

static const struct {
    const char *schema;
    const char *name;
    const char *relation;
    const struct plan_column *columns;
    uint32_t count;
} relations[] = {
    {SQL_SCHEMA_INFORMATION, "tables", "tables", information_tables, ARRAY_LENGTH(information_tables)},
    {SQL_SCHEMA_INFORMATION, "columns", "columns", information_columns, ARRAY_LENGTH(information_columns)},
    {SQL_SCHEMA_INFORMATION, "sequences", "sequences", information_sequences, ARRAY_LENGTH(information_sequences)},
    {SQL_SCHEMA_INFORMATION, "kimberlite_comments", "comments", information_comments,
     ARRAY_LENGTH(information_comments)},
};

struct plan_node *bind_system_relation(struct bind *bind, const char *schema, const char *name) {
    for (size_t i = 0; i < ARRAY_LENGTH(relations); i++) {
        if (strcmp(relations[i].name, name) == 0 && strcmp(relations[i].schema, schema) == 0) {
            return bind_catalogue_node(bind, relations[i].relation, (struct table_id){0}, relations[i].columns,
                                       relations[i].count);
        }
    }
    return NULL;
}
