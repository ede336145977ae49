/*
 * pg_catalog, continued: labels, sequences, roles, the database and where it is.
 */
#include "base/assert.h"
#include "sql/exec/catalogue.h"
#include "sql/extension.h"

#define OID_HEAP       2
#define OID_BTREE      403
#define OID_DATABASE   1
#define OID_TABLESPACE 1663
#define OID_COLLATION  100
#define ENCODING_UTF8  6

/* --- pg_am, pg_collation --- */

static const struct plan_column am_columns[] = {OID("oid"), NAME("amname"), PROC("amhandler"), CHAR("amtype")};

static void pg_am(struct catalogue_rows *rows) {
    static const struct {
        int64_t oid;
        const char *name;
        const char *type;
    } methods[] = {{OID_HEAP, "heap", "t"}, {OID_BTREE, "btree", "i"}};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        catalogue_number(rows, methods[i].oid);
        catalogue_word(rows, methods[i].name);
        catalogue_function(rows, 0);
        catalogue_word(rows, methods[i].type);
    }
}

static const struct plan_column collation_columns[] = {OID("oid"),           NAME("collname"),
                                                       OID("collnamespace"), OID("collowner"),
                                                       CHAR("collprovider"), BOOL("collisdeterministic"),
                                                       INT4("collencoding"), TEXT("collcollate"),
                                                       TEXT("collctype"),    TEXT("colliculocale"),
                                                       TEXT("collversion")};

static void pg_collation(struct catalogue_rows *rows) {
    static const char *const names[] = {"default", NULL, "C", "POSIX"};
    for (int i = 0; i < (int)ARRAY_LENGTH(names); i++) {
        if (names[i] == NULL) {
            continue;
        }
        bool set = i > 0;
        catalogue_number(rows, set ? 948 + i : OID_COLLATION);
        catalogue_word(rows, names[i]);
        catalogue_number(rows, catalogue_oid_schema(rows->catalogue, slice_text(SQL_SCHEMA_SYSTEM)));
        catalogue_number(rows, CATALOGUE_OID_OWNER);
        catalogue_word(rows, set ? "c" : "d");
        catalogue_bool(rows, true);
        catalogue_number(rows, -1);
        catalogue_word(rows, set ? names[i] : NULL);
        catalogue_word(rows, set ? names[i] : NULL);
        catalogue_nulls(rows, 2);
    }
}

/* --- pg_enum --- */

static const struct plan_column enum_columns[] = {OID("oid"), OID("enumtypid"), REAL("enumsortorder"),
                                                  NAME("enumlabel")};

static void pg_enum(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        const struct table_definition *type = catalogue_type_at(rows->catalogue, i);
        for (uint32_t k = 0; k < type->label_count; k++) {
            catalogue_number(rows, catalogue_oid_label(type, k));
            catalogue_number(rows, catalogue_oid_type(definition_type(type)));
            catalogue_value(rows, value_real(TYPE_FLOAT4, (double)(k + 1)));
            catalogue_text(rows, value_label_name(type->labels[k]));
        }
    }
}

/* --- pg_sequence --- */

static const struct plan_column sequence_columns[] = {OID("seqrelid"),      OID("seqtypid"), INT8("seqstart"),
                                                      INT8("seqincrement"), INT8("seqmax"),  INT8("seqmin"),
                                                      INT8("seqcache"),     BOOL("seqcycle")};

static void pg_sequence(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *table = catalogue_table_at(rows->catalogue, i);
        if (definition_is_sequence(table)) {
            const struct sequence_definition *rule = &table->sequence;
            catalogue_number(rows, catalogue_oid_table(table->id));
            catalogue_number(rows, type_oid(rule->type));
            catalogue_number(rows, rule->start);
            catalogue_number(rows, rule->increment);
            catalogue_number(rows, rule->maximum);
            catalogue_number(rows, rule->minimum);
            catalogue_number(rows, 1);
            catalogue_bool(rows, rule->cycle);
        }
    }
}

/* --- pg_database, pg_tablespace: one of each --- */

static const struct plan_column database_columns[] = {
    OID("oid"),           NAME("datname"),        OID("datdba"),
    INT4("encoding"),     CHAR("datlocprovider"), BOOL("datistemplate"),
    BOOL("datallowconn"), INT4("datconnlimit"),   OID("datfrozenxid"),
    OID("datminmxid"),    OID("dattablespace"),   TEXT("datcollate"),
    TEXT("datctype"),     TEXT("daticulocale"),   TEXT("datcollversion"),
    TEXTS("datacl")};

static void pg_database(struct catalogue_rows *rows) {
    catalogue_number(rows, OID_DATABASE);
    catalogue_word(rows, sql_database(rows->context));
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, ENCODING_UTF8);
    catalogue_word(rows, "c");
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_number(rows, -1);
    catalogue_number(rows, 0);
    catalogue_number(rows, 0);
    catalogue_number(rows, OID_TABLESPACE);
    catalogue_word(rows, "C");
    catalogue_word(rows, "C");
    catalogue_nulls(rows, 3);
}

static const struct plan_column tablespace_columns[] = {OID("oid"), NAME("spcname"), OID("spcowner"), TEXTS("spcacl"),
                                                        TEXTS("spcoptions")};

static void pg_tablespace(struct catalogue_rows *rows) {
    catalogue_number(rows, OID_TABLESPACE);
    catalogue_word(rows, "pg_default");
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_nulls(rows, 2);
}

/* --- extensions: those that are built in -------------------------------------------------------------------------- */

#define OID_EXTENSION_FIRST 13000 /* of ours; PostgreSQL gives them out below 16384 as they come */

static const struct plan_column extension_columns[] = {OID("oid"),          NAME("extname"),        OID("extowner"),
                                                       OID("extnamespace"), BOOL("extrelocatable"), TEXT("extversion"),
                                                       OIDS("extconfig"),   TEXTS("extcondition")};
static const struct plan_column available_columns[] = {NAME("name"), TEXT("default_version"), TEXT("installed_version"),
                                                       TEXT("comment")};
static const struct plan_column available_version_columns[] = {
    NAME("name"),        TEXT("version"), BOOL("installed"), BOOL("superuser"), BOOL("trusted"),
    BOOL("relocatable"), NAME("schema"),  NAMES("requires"), TEXT("comment")};

static void pg_extension(struct catalogue_rows *rows) {
    for (size_t i = 0; i < EXTENSION_COUNT; i++) {
        catalogue_number(rows, OID_EXTENSION_FIRST + (int64_t)i);
        catalogue_word(rows, extensions[i].name);
        catalogue_number(rows, CATALOGUE_OID_OWNER);
        catalogue_number(rows, catalogue_oid_schema(rows->catalogue, slice_text(SQL_SCHEMA_SYSTEM)));
        catalogue_bool(rows, false);
        catalogue_word(rows, extensions[i].version);
        catalogue_nulls(rows, 2);
    }
}

static void pg_available_extensions(struct catalogue_rows *rows) {
    for (size_t i = 0; i < EXTENSION_COUNT; i++) {
        catalogue_word(rows, extensions[i].name);
        catalogue_word(rows, extensions[i].version);
        catalogue_word(rows, extensions[i].version);
        catalogue_word(rows, extensions[i].comment);
    }
}

static void pg_available_extension_versions(struct catalogue_rows *rows) {
    for (size_t i = 0; i < EXTENSION_COUNT; i++) {
        catalogue_word(rows, extensions[i].name);
        catalogue_word(rows, extensions[i].version);
        catalogue_bool(rows, true);
        catalogue_bool(rows, false);
        catalogue_bool(rows, true);
        catalogue_bool(rows, false);
        catalogue_word(rows, SQL_SCHEMA_SYSTEM);
        catalogue_nulls(rows, 1);
        catalogue_word(rows, extensions[i].comment);
    }
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_objects[] = {
    RELATION("pg_am", am_columns, pg_am),
    RELATION("pg_collation", collation_columns, pg_collation),
    RELATION("pg_enum", enum_columns, pg_enum),
    RELATION("pg_sequence", sequence_columns, pg_sequence),
    RELATION("pg_depend", catalogue_depend_columns, catalogue_depend),
    RELATION("pg_rewrite", catalogue_rewrite_columns, catalogue_rewrite),
    RELATION("pg_roles", catalogue_roles_columns, catalogue_roles),
    RELATION("pg_authid", catalogue_authid_columns, catalogue_authid),
    RELATION("pg_shadow", catalogue_shadow_columns, catalogue_shadow),
    RELATION("pg_user", catalogue_shadow_columns, catalogue_shadow),
    RELATION("pg_database", database_columns, pg_database),
    RELATION("pg_tablespace", tablespace_columns, pg_tablespace),
    RELATION("pg_extension", extension_columns, pg_extension),
    RELATION("pg_available_extensions", available_columns, pg_available_extensions),
    RELATION("pg_available_extension_versions", available_version_columns, pg_available_extension_versions),
};
const uint32_t catalogue_objects_count = ARRAY_LENGTH(catalogue_objects);
