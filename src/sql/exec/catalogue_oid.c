/*
 * Numbers of objects, of 32 bits as PostgreSQL's are.
 *
 * A tenant counts its schemas, tables, types, indexes and sequences together, and their numbers are those, above the
 * ones that PostgreSQL keeps for its own. What has no such id gets a number in a range of its own: beside its table's
 * or index's where there is one at most of it, else made of the table's and its own. Those are unique up to a million
 * objects with a thousand parts each; beyond that two may share one, as PostgreSQL's may between its catalogues.
 */
#include "base/assert.h"
#include "sql/exec/catalogue.h"
#include "sql/path.h"

#define OID_PUBLIC      2200 /* as in PostgreSQL */
#define OID_SYSTEM      11
#define OID_INFORMATION 13000
#define OID_RELATIONS   13100 /* of the relations whose numbers PostgreSQL does not fix, in our order */
#define OID_FIRST       (int64_t) TYPE_OID_FIRST

#define OID_RANGE         (INT64_C(1) << 28)
#define OID_PRIMARY       (1 * OID_RANGE) /* the index of a table's primary key */
#define OID_CONSTRAINT    (2 * OID_RANGE) /* of a key: that of its index, beside it */
#define OID_CONSTRAINT_OF (3 * OID_RANGE) /* the same of a primary key */
/* the fourth: arrays, TYPE_OID_ARRAY */
#define OID_ROWS      (5 * OID_RANGE)  /* the type of a table's rows */
#define OID_RULE      (6 * OID_RANGE)  /* what makes a view one */
#define OID_PART      (8 * OID_RANGE)  /* a constraint of a table that has no index */
#define OID_DEFAULT   (12 * OID_RANGE) /* a default of a column */
#define OID_PART_BITS 10
#define OID_PARTS     (4 * OID_RANGE)

int64_t catalogue_oid_schema(const struct catalogue *catalogue, struct slice name) {
    const struct schema_definition *schema = catalogue_schema(catalogue, name);
    if (schema == NULL) {
        return slice_equal_text(name, SQL_SCHEMA_SYSTEM) ? OID_SYSTEM : OID_INFORMATION;
    }
    return schema->id.value == 0 ? OID_PUBLIC : OID_FIRST + (int64_t)schema->id.value;
}

int64_t catalogue_oid_table(struct table_id table) {
    return OID_FIRST + (int64_t)table.value;
}

int64_t catalogue_oid_type(struct type type) {
    return type.domain != 0 ? OID_FIRST + (int64_t)type.domain : (int64_t)type_oid(type.id);
}

int64_t catalogue_oid_rows(struct table_id table) {
    return OID_ROWS + catalogue_oid_table(table);
}

int64_t catalogue_oid_rule(struct table_id view) {
    return OID_RULE + catalogue_oid_table(view);
}

int64_t catalogue_oid_index(const struct table_definition *table, const struct index_definition *index) {
    return index == NULL ? OID_PRIMARY + catalogue_oid_table(table->id) : OID_FIRST + (int64_t)index->id.value;
}

static int64_t part_of(const struct table_definition *table, uint32_t part) {
    return ((((int64_t)table->id.value) << OID_PART_BITS) + part) % OID_PARTS;
}

int64_t catalogue_oid_constraint(const struct table_definition *table, const struct catalogue_constraint *constraint) {
    switch (constraint->kind) {
    case CATALOGUE_PRIMARY:
        return OID_CONSTRAINT_OF + catalogue_oid_table(table->id);
    case CATALOGUE_UNIQUE:
        return OID_CONSTRAINT + catalogue_oid_index(table, constraint->index);
    case CATALOGUE_CHECK:
        return OID_PART + part_of(table, constraint->check->id.value);
    case CATALOGUE_FOREIGN:
        return OID_PART + part_of(table, constraint->key->id.value);
    case CATALOGUE_NOT_NULL:
        break;
    }
    return 0;
}

int64_t catalogue_oid_default(const struct table_definition *table, struct column_id column) {
    return OID_DEFAULT + part_of(table, column.value);
}

int64_t catalogue_oid_label(const struct table_definition *type, uint32_t label) {
    return OID_PART + part_of(type, label + 1);
}

const struct catalogue_list catalogue_lists[CATALOGUE_LISTS] = {
    {catalogue_system, &catalogue_system_count},       {catalogue_objects, &catalogue_objects_count},
    {catalogue_functions, &catalogue_functions_count}, {catalogue_sessions, &catalogue_sessions_count},
    {catalogue_empty, &catalogue_empty_count},         {catalogue_monitors, &catalogue_monitors_count},
    {catalogue_usages, &catalogue_usages_count},       {catalogue_information, &catalogue_information_count}};

int64_t catalogue_oid_relation(const struct catalogue_relation *relation) {
    static const struct {
        const char *name;
        int64_t oid;
    } fixed[] = {{"pg_namespace", 2615},    {"pg_class", 1259},    {"pg_attribute", 1249},  {"pg_attrdef", 2604},
                 {"pg_type", 1247},         {"pg_index", 2610},    {"pg_constraint", 2606}, {"pg_description", 2609},
                 {"pg_enum", 3501},         {"pg_am", 2601},       {"pg_collation", 3456},  {"pg_sequence", 2224},
                 {"pg_depend", 2608},       {"pg_database", 1262}, {"pg_tablespace", 1213}, {"pg_inherits", 2611},
                 {"pg_trigger", 2620},      {"pg_policy", 3256},   {"pg_extension", 3079},  {"pg_proc", 1255},
                 {"pg_auth_members", 1261}, {"pg_rewrite", 2618}};
    for (size_t i = 0; i < ARRAY_LENGTH(fixed) && relation->schema != NULL; i++) {
        if (strcmp(fixed[i].name, relation->name) == 0) {
            return fixed[i].oid;
        }
    }
    int64_t at = OID_RELATIONS;
    for (size_t i = 0; i < CATALOGUE_LISTS; i++) {
        if (relation >= catalogue_lists[i].list && relation < catalogue_lists[i].list + *catalogue_lists[i].count) {
            return at + (relation - catalogue_lists[i].list);
        }
        at += *catalogue_lists[i].count;
    }
    return 0;
}

/* --- back --- */

const struct catalogue_relation *catalogue_relation_of_oid(int64_t oid) {
    for (size_t i = 0; i < CATALOGUE_LISTS; i++) {
        for (uint32_t k = 0; k < *catalogue_lists[i].count; k++) {
            if (catalogue_oid_relation(&catalogue_lists[i].list[k]) == oid) {
                return &catalogue_lists[i].list[k];
            }
        }
    }
    return NULL;
}

bool catalogue_constraint_of_oid(struct catalogue_rows *rows, int64_t oid, const struct table_definition **table,
                                 struct catalogue_constraint *constraint) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        *table = catalogue_table_at(rows->catalogue, i);
        for (uint32_t at = 0; catalogue_constraint_next(rows, *table, &at, constraint);) {
            if (constraint->kind != CATALOGUE_NOT_NULL && catalogue_oid_constraint(*table, constraint) == oid) {
                return true;
            }
        }
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        *table = catalogue_type_at(rows->catalogue, i);
        for (uint32_t k = 0; k < (*table)->check_count; k++) {
            *constraint = (struct catalogue_constraint){
                .kind = CATALOGUE_CHECK, .name = (*table)->checks[k].name, .check = &(*table)->checks[k]};
            if (catalogue_oid_constraint(*table, constraint) == oid) {
                return true;
            }
        }
    }
    return false;
}

bool catalogue_table_of_oid(const struct catalogue *catalogue, int64_t oid, struct sql_relation *relation) {
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(catalogue, i);
        *relation = (struct sql_relation){.table = table};
        if (catalogue_oid_table(table->id) == oid) {
            return true;
        }
        if (table->primary_key_count > 0 && catalogue_oid_index(table, NULL) == oid) {
            relation->primary = true;
            return true;
        }
        for (uint32_t k = 0; k < table->index_count; k++) {
            if (catalogue_oid_index(table, &table->indexes[k]) == oid) {
                relation->index = &table->indexes[k];
                return true;
            }
        }
    }
    return false;
}

bool catalogue_type_of_oid(const struct catalogue *catalogue, int64_t oid, struct type *type) {
    *type = type_make(oid > 0 && oid <= UINT32_MAX ? type_of_oid((uint32_t)oid) : TYPE_UNKNOWN);
    if (type->id != TYPE_UNKNOWN || oid == type_oid(TYPE_UNKNOWN)) {
        return true;
    }
    for (uint32_t i = 0; i < catalogue_type_count(catalogue); i++) {
        *type = definition_type(catalogue_type_at(catalogue, i));
        if (catalogue_oid_type(*type) == oid) {
            return true;
        }
        *type = type_make(type_array_of(type->domain != 0 ? TYPE_TEXT : type->id));
        if (type_object(type->id) != 0 && catalogue_oid_type(*type) == oid) {
            return true;
        }
    }
    return false;
}

const char *catalogue_schema_of_oid(struct sql_context *context, const struct catalogue *catalogue, int64_t oid) {
    for (uint32_t i = 0; i < catalogue_schema_count(catalogue); i++) {
        struct slice name = catalogue_schema_at(catalogue, i)->name;
        if (catalogue_oid_schema(catalogue, name) == oid) {
            return sql_printf(context, "%.*s", (int)name.length, (const char *)name.bytes);
        }
    }
    return oid == OID_SYSTEM ? SQL_SCHEMA_SYSTEM : oid == OID_INFORMATION ? SQL_SCHEMA_INFORMATION : NULL;
}
