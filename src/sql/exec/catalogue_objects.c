/*
 * pg_catalog, continued: labels, sequences, roles, and what clients look for beside a table and a database here does
 * not have: those relations are there, with the columns that are asked for, and empty.
 */
#include "base/assert.h"
#include "sql/exec/catalogue.h"

#define OID_PG_CLASS       1259
#define OID_HEAP           2
#define OID_BTREE          403
#define OID_DATABASE       1
#define OID_TABLESPACE     1663
#define OID_COLLATION      100
#define ENCODING_UTF8      6
#define ROLE_LIMIT_NONE    (-1)
#define CHARS(name_)       CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_CHAR)
#define OIDS(name_)        CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_OID)
#define TIMESTAMPTZ(name_) CATALOGUE_COLUMN(name_, TYPE_TIMESTAMPTZ)

static void nothing(struct catalogue_rows *rows) {
    (void)rows;
}

/* --- pg_am, pg_collation --- */

static const struct plan_column am_columns[] = {OID("oid"), NAME("amname"), CHAR("amtype")};

static void pg_am(struct catalogue_rows *rows) {
    static const struct {
        int64_t oid;
        const char *name;
        const char *type;
    } methods[] = {{OID_HEAP, "heap", "t"}, {OID_BTREE, "btree", "i"}};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        catalogue_number(rows, methods[i].oid);
        catalogue_word(rows, methods[i].name);
        catalogue_word(rows, methods[i].type);
    }
}

static const struct plan_column collation_columns[] = {
    OID("oid"),           NAME("collname"),     OID("collnamespace"),
    OID("collowner"),     CHAR("collprovider"), BOOL("collisdeterministic"),
    INT4("collencoding"), TEXT("collcollate"),  TEXT("collctype")};

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

/* --- pg_sequence, pg_depend --- */

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

static const struct plan_column depend_columns[] = {OID("classid"),    OID("objid"),    INT4("objsubid"),
                                                    OID("refclassid"), OID("refobjid"), INT4("refobjsubid"),
                                                    CHAR("deptype")};

/* Sequences on the columns that own them. */
static void pg_depend(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_table_count(rows->catalogue); i++) {
        const struct table_definition *sequence = catalogue_table_at(rows->catalogue, i);
        const struct table_definition *owner = definition_is_sequence(sequence) && sequence->sequence.owner.value != 0
                                                   ? catalogue_table_of_id(rows->catalogue, sequence->sequence.owner)
                                                   : NULL;
        if (owner == NULL) {
            continue;
        }
        const struct column_definition *column = definition_column_of_id(owner, sequence->sequence.owner_column);
        bool identity = column != NULL &&
                        (column->default_kind == DEFAULT_IDENTITY || column->default_kind == DEFAULT_IDENTITY_ALWAYS);
        catalogue_number(rows, OID_PG_CLASS);
        catalogue_number(rows, catalogue_oid_table(sequence->id));
        catalogue_number(rows, 0);
        catalogue_number(rows, OID_PG_CLASS);
        catalogue_number(rows, catalogue_oid_table(owner->id));
        catalogue_number(rows, catalogue_attribute(rows->catalogue, owner, sequence->sequence.owner_column));
        catalogue_word(rows, identity ? "i" : "a");
    }
}

/* --- pg_roles, pg_database, pg_tablespace: one of each --- */

static const struct plan_column roles_columns[] = {NAME("rolname"),
                                                   BOOL("rolsuper"),
                                                   BOOL("rolinherit"),
                                                   BOOL("rolcreaterole"),
                                                   BOOL("rolcreatedb"),
                                                   BOOL("rolcanlogin"),
                                                   BOOL("rolreplication"),
                                                   INT4("rolconnlimit"),
                                                   TEXT("rolpassword"),
                                                   TIMESTAMPTZ("rolvaliduntil"),
                                                   BOOL("rolbypassrls"),
                                                   TEXTS("rolconfig"),
                                                   OID("oid")};

static void pg_roles(struct catalogue_rows *rows) {
    catalogue_text(rows, rows->context->session_user);
    for (int i = 0; i < 6; i++) {
        catalogue_bool(rows, i < 5); /* no replication */
    }
    catalogue_number(rows, ROLE_LIMIT_NONE);
    catalogue_nulls(rows, 2);
    catalogue_bool(rows, true);
    catalogue_nulls(rows, 1);
    catalogue_number(rows, CATALOGUE_OID_OWNER);
}

static const struct plan_column database_columns[] = {
    OID("oid"),           NAME("datname"),        OID("datdba"),
    INT4("encoding"),     CHAR("datlocprovider"), BOOL("datistemplate"),
    BOOL("datallowconn"), INT4("datconnlimit"),   OID("dattablespace"),
    TEXT("datcollate"),   TEXT("datctype"),       TEXT("daticulocale"),
    TEXTS("datacl")};

static void pg_database(struct catalogue_rows *rows) {
    catalogue_number(rows, OID_DATABASE);
    catalogue_word(rows, SQL_DATABASE);
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, ENCODING_UTF8);
    catalogue_word(rows, "c");
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_number(rows, -1);
    catalogue_number(rows, OID_TABLESPACE);
    catalogue_word(rows, "C");
    catalogue_word(rows, "C");
    catalogue_nulls(rows, 2);
}

static const struct plan_column tablespace_columns[] = {OID("oid"), NAME("spcname"), OID("spcowner"), TEXTS("spcacl"),
                                                        TEXTS("spcoptions")};

static void pg_tablespace(struct catalogue_rows *rows) {
    catalogue_number(rows, OID_TABLESPACE);
    catalogue_word(rows, "pg_default");
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_nulls(rows, 2);
}

/* --- those without rows --- */

static const struct plan_column inherits_columns[] = {OID("inhrelid"), OID("inhparent"), INT4("inhseqno"),
                                                      BOOL("inhdetachpending")};
static const struct plan_column trigger_columns[] = {
    OID("oid"),          OID("tgrelid"),       OID("tgparentid"),     NAME("tgname"),       OID("tgfoid"),
    INT2("tgtype"),      CHAR("tgenabled"),    BOOL("tgisinternal"),  OID("tgconstrrelid"), OID("tgconstrindid"),
    OID("tgconstraint"), BOOL("tgdeferrable"), BOOL("tginitdeferred")};
static const struct plan_column statistic_columns[] = {OID("oid"),          OID("stxrelid"), NAME("stxname"),
                                                       OID("stxnamespace"), OID("stxowner"), INT4("stxstattarget"),
                                                       INT2S("stxkeys"),    CHARS("stxkind")};
static const struct plan_column policy_columns[] = {OID("oid"),      NAME("polname"),       OID("polrelid"),
                                                    CHAR("polcmd"),  BOOL("polpermissive"), OIDS("polroles"),
                                                    TEXT("polqual"), TEXT("polwithcheck")};
static const struct plan_column publication_columns[] = {OID("oid"),           NAME("pubname"),     OID("pubowner"),
                                                         BOOL("puballtables"), BOOL("pubinsert"),   BOOL("pubupdate"),
                                                         BOOL("pubdelete"),    BOOL("pubtruncate"), BOOL("pubviaroot")};
static const struct plan_column publication_rel_columns[] = {OID("oid"), OID("prpubid"), OID("prrelid"), TEXT("prqual"),
                                                             INT2S("prattrs")};
static const struct plan_column publication_namespace_columns[] = {OID("oid"), OID("pnpubid"), OID("pnnspid")};
static const struct plan_column members_columns[] = {OID("roleid"), OID("member"), OID("grantor"),
                                                     BOOL("admin_option")};
static const struct plan_column extension_columns[] = {OID("oid"),          NAME("extname"),        OID("extowner"),
                                                       OID("extnamespace"), BOOL("extrelocatable"), TEXT("extversion")};
static const struct plan_column proc_columns[] = {
    OID("oid"),           NAME("proname"),     OID("pronamespace"),  OID("proowner"),     OID("prolang"),
    CHAR("prokind"),      BOOL("prosecdef"),   BOOL("proleakproof"), BOOL("proisstrict"), BOOL("proretset"),
    CHAR("provolatile"),  CHAR("proparallel"), INT2("pronargs"),     OID("prorettype"),   OIDS("proargtypes"),
    TEXTS("proargnames"), TEXT("prosrc"),      TEXTS("proacl")};

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_objects[] = {
    RELATION("pg_am", am_columns, pg_am),
    RELATION("pg_collation", collation_columns, pg_collation),
    RELATION("pg_enum", enum_columns, pg_enum),
    RELATION("pg_sequence", sequence_columns, pg_sequence),
    RELATION("pg_depend", depend_columns, pg_depend),
    RELATION("pg_roles", roles_columns, pg_roles),
    RELATION("pg_database", database_columns, pg_database),
    RELATION("pg_tablespace", tablespace_columns, pg_tablespace),
    RELATION("pg_inherits", inherits_columns, nothing),
    RELATION("pg_trigger", trigger_columns, nothing),
    RELATION("pg_statistic_ext", statistic_columns, nothing),
    RELATION("pg_policy", policy_columns, nothing),
    RELATION("pg_publication", publication_columns, nothing),
    RELATION("pg_publication_rel", publication_rel_columns, nothing),
    RELATION("pg_publication_namespace", publication_namespace_columns, nothing),
    RELATION("pg_auth_members", members_columns, nothing),
    RELATION("pg_extension", extension_columns, nothing),
    RELATION("pg_proc", proc_columns, nothing),
};
const uint32_t catalogue_objects_count = ARRAY_LENGTH(catalogue_objects);
