/*
 * pg_catalog: what clients ask of PostgreSQL's own tables. Their columns are PostgreSQL's; one of type xid is an oid
 * here, one of type aclitem[] or pg_node_tree a text, and vectors are arrays counted from 0.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/catalogue.h"
#include "types/array.h"

#define OID_HEAP     2
#define OID_BTREE    403
#define OID_PG_CLASS 1259

#define OID_PG_TYPE       1247
#define OID_PG_NAMESPACE  2615
#define OID_PG_CONSTRAINT 2606

#define EACH_TABLE(table, rows)                                                                                        \
    for (uint32_t at_##table = 0; at_##table < catalogue_table_count((rows)->catalogue); at_##table++)                 \
        for (const struct table_definition *table = catalogue_table_at((rows)->catalogue, at_##table); table != NULL;  \
             table = NULL)

/* --- pg_namespace --- */

static const struct plan_column namespace_columns[] = {OID("oid"), NAME("nspname"), OID("nspowner"), TEXTS("nspacl")};

static void namespace_row(struct catalogue_rows *rows, struct slice name) {
    catalogue_number(rows, catalogue_oid_schema(rows->catalogue, name));
    catalogue_text(rows, name);
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_nulls(rows, 1);
}

static void pg_namespace(struct catalogue_rows *rows) {
    namespace_row(rows, slice_text(SQL_SCHEMA_SYSTEM));
    namespace_row(rows, slice_text(SQL_SCHEMA_INFORMATION));
    for (uint32_t i = 0; i < catalogue_schema_count(rows->catalogue); i++) {
        namespace_row(rows, catalogue_schema_at(rows->catalogue, i)->name);
    }
}

/* PostgreSQL's numbers of "default" and "C". */
static int64_t catalogue_collation(enum type_id type) {
    return type_is_string(type) ? 100 : type == TYPE_NAME ? 950 : 0;
}

/* --- pg_class --- */

static const struct plan_column class_columns[] = {OID("oid"),
                                                   NAME("relname"),
                                                   OID("relnamespace"),
                                                   OID("reltype"),
                                                   OID("reloftype"),
                                                   OID("relowner"),
                                                   OID("relam"),
                                                   OID("relfilenode"),
                                                   OID("reltablespace"),
                                                   INT4("relpages"),
                                                   REAL("reltuples"),
                                                   INT4("relallvisible"),
                                                   OID("reltoastrelid"),
                                                   BOOL("relhasindex"),
                                                   BOOL("relisshared"),
                                                   CHAR("relpersistence"),
                                                   CHAR("relkind"),
                                                   INT2("relnatts"),
                                                   INT2("relchecks"),
                                                   BOOL("relhasrules"),
                                                   BOOL("relhastriggers"),
                                                   BOOL("relhassubclass"),
                                                   BOOL("relrowsecurity"),
                                                   BOOL("relforcerowsecurity"),
                                                   BOOL("relispopulated"),
                                                   CHAR("relreplident"),
                                                   BOOL("relispartition"),
                                                   OID("relrewrite"),
                                                   OID("relfrozenxid"),
                                                   OID("relminmxid"),
                                                   TEXTS("relacl"),
                                                   TEXTS("reloptions"),
                                                   TEXT("relpartbound")};

#define PAGES_SPOTS 4

int64_t catalogue_table_pages(struct kernel_view *view, const struct table_definition *table, uint64_t count) {
    struct buffer key = {0};
    struct buffer memory = {0};
    struct kernel_reads *reads = view->reads;
    double bytes = 0;
    unsigned met = 0;
    view->reads = NULL; /* an estimate is no part of what the transaction has seen */
    for (unsigned spot = 0; spot < PAGES_SPOTS && count > 0; spot++) {
        struct kernel_row row;
        bool found = false;
        if (kernel_sample_key(view, table, (spot + 0.5) / PAGES_SPOTS, &key, &found, NULL) == KMB_OK && found &&
            kernel_get(view, table, buffer_slice(&key), &memory, &row, &found, NULL) == KMB_OK && found) {
            bytes += (double)(row.key.length + row.image.length);
            met++;
        }
    }
    buffer_free(&key);
    buffer_free(&memory);
    view->reads = reads;
    return met == 0 ? 0 : (int64_t)(bytes / met * (double)count / CATALOGUE_PAGE_BYTES) + 1;
}

struct class_row {
    int64_t oid;
    struct slice name;
    char kind;
    uint32_t columns;
};

static void class_row(struct catalogue_rows *rows, const struct table_definition *table, const struct class_row *row) {
    char *kind = sql_printf(rows->context, "%c", row->kind);
    bool own = row->kind == 'r';
    uint64_t count = 0;
    if (own) {
        sql_try(rows->context, kernel_table_estimate(rows->view, table, &count, rows->context->error));
    }
    catalogue_number(rows, row->oid);
    catalogue_text(rows, row->name);
    catalogue_number(rows, catalogue_oid_schema(rows->catalogue, table->schema_name));
    catalogue_number(rows, own || row->kind == 'v' ? catalogue_oid_rows(table->id) : 0);
    catalogue_number(rows, 0);
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, own ? OID_HEAP : row->kind == 'i' ? OID_BTREE : 0);
    catalogue_number(rows, row->kind == 'v' ? 0 : row->oid);
    catalogue_number(rows, 0);
    catalogue_number(rows, catalogue_table_pages(rows->view, table, count));
    catalogue_value(rows, value_real(TYPE_FLOAT4, (double)count));
    catalogue_number(rows, 0);
    catalogue_number(rows, 0);
    catalogue_bool(rows, own && (table->primary_key_count > 0 || table->index_count > 0));
    catalogue_bool(rows, false);
    catalogue_word(rows, "p");
    catalogue_word(rows, kind);
    catalogue_number(rows, row->columns);
    catalogue_number(rows, own ? table->check_count : 0);
    catalogue_bool(rows, row->kind == 'v');
    catalogue_bool(rows, own && catalogue_table_refers(rows->catalogue, table));
    for (int i = 0; i < 3; i++) {
        catalogue_bool(rows, false);
    }
    catalogue_bool(rows, true);
    catalogue_word(rows, own ? "d" : "n");
    catalogue_bool(rows, false);
    for (int i = 0; i < 3; i++) {
        catalogue_number(rows, 0);
    }
    catalogue_nulls(rows, 1);
    if (row->kind == 'v' && table->view_check != VIEW_CHECK_NONE) {
        const char *option = table->view_check == VIEW_CHECK_LOCAL ? "check_option=local" : "check_option=cascaded";
        catalogue_words(rows, &option, 1);
    } else {
        catalogue_nulls(rows, 1);
    }
    catalogue_nulls(rows, 1);
}

static void pg_class(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        char kind = definition_is_view(table) ? 'v' : definition_is_sequence(table) ? 'S' : 'r';
        class_row(rows, table,
                  &(struct class_row){catalogue_oid_table(table->id), table->name, kind,
                                      catalogue_column_count(rows->catalogue, table)});
        if (table->primary_key_count > 0) {
            class_row(rows, table,
                      &(struct class_row){catalogue_oid_index(table, NULL), table->primary_key_name, 'i',
                                          table->primary_key_count});
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            const struct index_definition *index = &table->indexes[i];
            class_row(rows, table,
                      &(struct class_row){catalogue_oid_index(table, index), index->name, 'i',
                                          index->part_count + index->include_count});
        }
    }
}

/* --- pg_attribute and pg_attrdef --- */

static const struct plan_column attribute_columns[] = {
    OID("attrelid"),       NAME("attname"),     OID("atttypid"),        INT4("attstattarget"), INT2("attlen"),
    INT2("attnum"),        INT4("attndims"),    INT4("attcacheoff"),    INT4("atttypmod"),     BOOL("attbyval"),
    CHAR("attalign"),      CHAR("attstorage"),  CHAR("attcompression"), BOOL("attnotnull"),    BOOL("atthasdef"),
    BOOL("atthasmissing"), CHAR("attidentity"), CHAR("attgenerated"),   BOOL("attisdropped"),  BOOL("attislocal"),
    INT4("attinhcount"),   OID("attcollation"), TEXTS("attacl"),        TEXTS("attoptions"),   TEXTS("attfdwoptions"),
    TEXT("attmissingval")};

/* column NULL: of a relation that has no columns of its own, an index or a sequence. */
static void attribute_row(struct catalogue_rows *rows, int64_t relation, struct slice name, struct type type,
                          int64_t number, const struct table_definition *table,
                          const struct column_definition *column) {
    enum default_kind kind = column == NULL ? DEFAULT_NONE : column->default_kind;
    catalogue_number(rows, relation);
    catalogue_text(rows, name);
    catalogue_number(rows, catalogue_oid_type(type));
    catalogue_number(rows, -1);
    catalogue_number(rows, type_oid_length(type.id));
    catalogue_number(rows, number);
    catalogue_number(rows, type_is_array(type.id) ? 1 : 0);
    catalogue_number(rows, -1);
    catalogue_number(rows, type_oid_modifier(type));
    catalogue_bool(rows, catalogue_type_by_value(type.id));
    catalogue_word(rows, catalogue_type_align(type.id));
    catalogue_word(rows, catalogue_type_storage(type.id));
    catalogue_word(rows, "");
    catalogue_bool(rows, column == NULL ? definition_is_sequence(table) : catalogue_not_null(table, column));
    catalogue_bool(rows, kind == DEFAULT_EXPRESSION || kind == DEFAULT_GENERATED);
    catalogue_bool(rows, column != NULL && column->missing_value.length > 0);
    catalogue_word(rows, kind == DEFAULT_IDENTITY_ALWAYS ? "a" : kind == DEFAULT_IDENTITY ? "d" : "");
    catalogue_word(rows, kind == DEFAULT_GENERATED ? "s" : "");
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_number(rows, 0);
    catalogue_number(rows, catalogue_collation(type_element(type.id)));
    catalogue_nulls(rows, 4);
}

/* As PostgreSQL names it: after the function, where the expression is a call of one. */
static const char *expression_name(struct catalogue_rows *rows, struct slice text, uint32_t before) {
    size_t length = 0;
    while (length < text.length &&
           ((text.bytes[length] >= 'a' && text.bytes[length] <= 'z') ||
            (text.bytes[length] >= '0' && text.bytes[length] <= '9') || text.bytes[length] == '_')) {
        length++;
    }
    bool call = length > 0 && length < text.length && text.bytes[length] == '(' && text.bytes[text.length - 1] == ')';
    return call          ? sql_printf(rows->context, "%.*s", (int)length, (const char *)text.bytes)
           : before == 0 ? "expr"
                         : sql_printf(rows->context, "expr%u", before);
}

/* The columns of an index: keys, named as the table's or "expr", and what it includes. */
static void index_attributes(struct catalogue_rows *rows, const struct table_definition *table,
                             const struct index_definition *index) {
    const struct key_part *parts = index == NULL ? table->primary_key : index->parts;
    uint32_t keys = index == NULL ? table->primary_key_count : index->part_count;
    uint32_t all = keys + (index == NULL ? 0 : index->include_count);
    uint32_t expressions = 0;
    for (uint32_t i = 0; i < all; i++) {
        const struct column_definition *column =
            definition_column_of_id(table, i < keys ? parts[i].column : index->include[i - keys]);
        const char *name = catalogue_copy(rows, column->name);
        if (column->hidden) {
            name = expression_name(rows, column->default_text, expressions++);
        }
        attribute_row(rows, catalogue_oid_index(table, index), slice_text(name), column->type, i + 1, table, NULL);
    }
}

static void sequence_attributes(struct catalogue_rows *rows, const struct table_definition *table) {
    static const struct {
        const char *name;
        enum type_id type;
    } columns[] = {{"last_value", TYPE_INT8}, {"log_cnt", TYPE_INT8}, {"is_called", TYPE_BOOL}};
    for (uint32_t i = 0; i < ARRAY_LENGTH(columns); i++) {
        attribute_row(rows, catalogue_oid_table(table->id), slice_text(columns[i].name), type_make(columns[i].type),
                      i + 1, table, NULL);
    }
}

static void pg_attribute(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        for (uint32_t i = 0; i < catalogue_column_count(rows->catalogue, table); i++) {
            const struct column_definition *column = catalogue_column(rows->catalogue, table, i);
            attribute_row(rows, catalogue_oid_table(table->id), column->name, column->type, i + 1, table, column);
        }
        if (definition_is_sequence(table)) {
            sequence_attributes(rows, table);
        }
        if (table->primary_key_count > 0) {
            index_attributes(rows, table, NULL);
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            index_attributes(rows, table, &table->indexes[i]);
        }
    }
}

static const struct plan_column attrdef_columns[] = {OID("oid"), OID("adrelid"), INT2("adnum"), TEXT("adbin")};

static void pg_attrdef(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        for (uint32_t i = 0; i < catalogue_column_count(rows->catalogue, table); i++) {
            const struct column_definition *column = catalogue_column(rows->catalogue, table, i);
            if (column->default_kind != DEFAULT_EXPRESSION && column->default_kind != DEFAULT_GENERATED) {
                continue;
            }
            catalogue_number(rows, catalogue_oid_default(table, column->id));
            catalogue_number(rows, catalogue_oid_table(table->id));
            catalogue_number(rows, i + 1);
            catalogue_word(rows, bind_kept_text(rows->context, rows->catalogue, column->default_text));
        }
    }
}

/* --- pg_type --- */

static const struct plan_column type_columns[] = {
    OID("oid"),         NAME("typname"),    OID("typnamespace"),  OID("typowner"),        INT2("typlen"),
    BOOL("typbyval"),   CHAR("typtype"),    CHAR("typcategory"),  BOOL("typispreferred"), BOOL("typisdefined"),
    CHAR("typdelim"),   OID("typrelid"),    PROC("typsubscript"), OID("typelem"),         OID("typarray"),
    PROC("typinput"),   PROC("typoutput"),  PROC("typreceive"),   PROC("typsend"),        PROC("typmodin"),
    PROC("typmodout"),  PROC("typanalyze"), CHAR("typalign"),     CHAR("typstorage"),     BOOL("typnotnull"),
    OID("typbasetype"), INT4("typtypmod"),  INT4("typndims"),     OID("typcollation"),    TEXT("typdefaultbin"),
    TEXT("typdefault"), TEXTS("typacl")};

#define OID_DOMAIN_INPUT   2597
#define OID_DOMAIN_RECEIVE 2598

/* typinput to typstorage. */
static void type_functions(struct catalogue_rows *rows, enum type_id id, bool domain, bool record) {
    static const int64_t record_functions[] = {2290, 2291, 2402, 2403};
    for (int which = 0; which < CATALOGUE_TYPE_FUNCTIONS; which++) {
        int64_t oid = catalogue_type_function(id, (enum catalogue_type_function)which);
        oid = domain && which == CATALOGUE_TYPE_INPUT     ? OID_DOMAIN_INPUT
              : domain && which == CATALOGUE_TYPE_RECEIVE ? OID_DOMAIN_RECEIVE
              : record                                    ? record_functions[which]
                                                          : oid;
        catalogue_function(rows, oid);
    }
    for (int i = 0; i < 3; i++) {
        catalogue_function(rows, 0);
    }
    catalogue_word(rows, catalogue_type_align(id));
    catalogue_word(rows, catalogue_type_storage(id));
}

static const char *category_letter(enum type_id id) {
    static const char *const categories[] = {
        [TYPE_CATEGORY_UNKNOWN] = "X", [TYPE_CATEGORY_BOOLEAN] = "B",  [TYPE_CATEGORY_NUMERIC] = "N",
        [TYPE_CATEGORY_STRING] = "S",  [TYPE_CATEGORY_DATETIME] = "D", [TYPE_CATEGORY_TIMESPAN] = "T",
        [TYPE_CATEGORY_ARRAY] = "A",   [TYPE_CATEGORY_OTHER] = "U",    [TYPE_CATEGORY_INTERNAL] = "Z"};
    return type_is_enum(id) ? "E" : categories[type_category_of(id)];
}

static void type_row(struct catalogue_rows *rows, enum type_id id) {
    bool array = type_is_array(id);
    catalogue_number(rows, type_oid(id));
    catalogue_text(rows, slice_text(type_internal_name(id)));
    catalogue_number(rows, catalogue_oid_schema(rows->catalogue, slice_text(SQL_SCHEMA_SYSTEM)));
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, type_oid_length(id));
    catalogue_bool(rows, catalogue_type_by_value(id));
    catalogue_word(rows, "b");
    catalogue_word(rows, category_letter(id));
    catalogue_bool(rows, bind_type_preferred(id));
    catalogue_bool(rows, true);
    catalogue_word(rows, ",");
    catalogue_number(rows, 0);
    catalogue_function(rows, 0);
    catalogue_number(rows, array ? type_oid(type_element(id)) : 0);
    catalogue_number(rows, array ? 0 : type_oid(type_array_of(id)));
    type_functions(rows, id, false, false);
    catalogue_bool(rows, false);
    catalogue_number(rows, 0);
    catalogue_number(rows, -1);
    catalogue_number(rows, 0);
    catalogue_number(rows, catalogue_collation(type_element(id)));
    catalogue_nulls(rows, 3);
}

struct user_type {
    const char *name;
    const char *kind;
    const char *category;
    struct type type;                     /* itself */
    struct type base;                     /* of a domain */
    struct type other;                    /* the array of it, or the element */
    const struct column_definition *rule; /* of a domain */
    int64_t length;
    int64_t relation; /* whose rows are of it, 0: none */
    int64_t oid;      /* of such a type */
};

static void user_type_row(struct catalogue_rows *rows, struct slice schema, const struct user_type *user) {
    bool domain = user->base.id != TYPE_UNKNOWN;
    bool array = type_is_array(user->type.id) && !domain;
    int64_t other = user->other.id == TYPE_UNKNOWN ? 0 : catalogue_oid_type(user->other);
    catalogue_number(rows, user->oid != 0 ? user->oid : catalogue_oid_type(user->type));
    catalogue_word(rows, user->name);
    catalogue_number(rows, catalogue_oid_schema(rows->catalogue, schema));
    catalogue_number(rows, CATALOGUE_OID_OWNER);
    catalogue_number(rows, user->length);
    catalogue_bool(rows, catalogue_type_by_value(user->type.id));
    catalogue_word(rows, user->kind);
    catalogue_word(rows, user->category);
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_word(rows, ",");
    catalogue_number(rows, user->relation);
    catalogue_function(rows, 0);
    catalogue_number(rows, array ? other : 0);
    catalogue_number(rows, array ? 0 : other);
    type_functions(rows, user->type.id, domain, user->relation != 0);
    catalogue_bool(rows, user->rule != NULL && user->rule->not_null);
    catalogue_number(rows, domain ? catalogue_oid_type(user->base) : 0);
    catalogue_number(rows, domain ? type_oid_modifier(user->base) : -1);
    catalogue_number(rows, 0);
    catalogue_number(rows, domain ? catalogue_collation(type_element(user->base.id)) : 0);
    if (user->rule != NULL && user->rule->default_text.length > 0) {
        const char *text = bind_kept_text(rows->context, rows->catalogue, user->rule->default_text);
        catalogue_word(rows, text);
        catalogue_word(rows, text);
    } else {
        catalogue_nulls(rows, 2);
    }
    catalogue_nulls(rows, 1);
}

static void user_type(struct catalogue_rows *rows, const struct table_definition *made) {
    struct type type = definition_type(made);
    struct user_type user = {.name = catalogue_copy(rows, made->name), .type = type};
    if (type.domain != 0) {
        user.kind = "d";
        user.category = category_letter(type.id);
        user.base = type;
        user.base.domain = 0;
        user.rule = &made->columns[0];
        user.length = type_oid_length(type.id);
        user_type_row(rows, made->schema_name, &user);
        return;
    }
    user.kind = "e";
    user.category = "E";
    user.other = type_make(type_array_of(type.id));
    user.length = 4;
    user_type_row(rows, made->schema_name, &user);
    struct user_type array = {.name = sql_printf(rows->context, "_%s", user.name),
                              .kind = "b",
                              .category = "A",
                              .type = user.other,
                              .other = type,
                              .length = -1};
    user_type_row(rows, made->schema_name, &array);
}

/* The types of the rows of tables and views. */
static void row_type(struct catalogue_rows *rows, const struct table_definition *table) {
    struct user_type row = {.name = catalogue_copy(rows, table->name),
                            .kind = "c",
                            .category = "C",
                            .length = -1,
                            .relation = catalogue_oid_table(table->id),
                            .oid = catalogue_oid_rows(table->id)};
    user_type_row(rows, table->schema_name, &row);
}

/* TINYINT has the number of smallint, which is there. */
static void pg_type(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        if (!definition_is_sequence(table)) {
            row_type(rows, table);
        }
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        user_type(rows, catalogue_type_at(rows->catalogue, i));
    }
    for (int id = TYPE_UNKNOWN + 1; id < TYPE_COUNT; id++) {
        if (id == TYPE_ENUM || id == TYPE_TINYINT) {
            continue;
        }
        type_row(rows, (enum type_id)id);
        type_row(rows, type_array_of((enum type_id)id));
    }
}

/* --- pg_index --- */

static const struct plan_column index_columns[] = {
    OID("indexrelid"),      OID("indrelid"),        INT2("indnatts"),
    INT2("indnkeyatts"),    BOOL("indisunique"),    BOOL("indnullsnotdistinct"),
    BOOL("indisprimary"),   BOOL("indisexclusion"), BOOL("indimmediate"),
    BOOL("indisclustered"), BOOL("indisvalid"),     BOOL("indcheckxmin"),
    BOOL("indisready"),     BOOL("indislive"),      BOOL("indisreplident"),
    INT2V("indkey"),        OIDV("indcollation"),   OIDV("indclass"),
    INT2V("indoption"),     TEXT("indexprs"),       TEXT("indpred")};

static void number_array(struct catalogue_rows *rows, const int64_t *numbers, uint32_t count) {
    struct value *elements = sql_alloc(rows->context, (count + 1) * sizeof(*elements));
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = value_integer(TYPE_INT2, numbers[i]);
    }
    struct array_shape shape = array_shape_of(count);
    struct value made;
    sql_try(rows->context, array_make(TYPE_INT2, &shape, elements, &rows->context->arena, &made, rows->context->error));
    catalogue_value(rows, made);
}

/* index NULL: that of the primary key. */
static void index_row(struct catalogue_rows *rows, const struct table_definition *table,
                      const struct index_definition *index) {
    const struct key_part *parts = index == NULL ? table->primary_key : index->parts;
    uint32_t keys = index == NULL ? table->primary_key_count : index->part_count;
    uint32_t all = keys + (index == NULL ? 0 : index->include_count);
    int64_t *numbers = sql_alloc(rows->context, (all + 1) * sizeof(*numbers));
    int64_t *options = sql_alloc(rows->context, (keys + 1) * sizeof(*options));
    int64_t *collations = sql_alloc(rows->context, (keys + 1) * sizeof(*collations));
    int64_t *classes = sql_alloc_zero(rows->context, keys + 1, sizeof(*classes)); /* there are none to choose from */
    const char *expressions = NULL;
    for (uint32_t i = 0; i < all; i++) {
        struct column_id id = i < keys ? parts[i].column : index->include[i - keys];
        const struct column_definition *column = definition_column_of_id(table, id);
        numbers[i] = catalogue_attribute(rows->catalogue, table, id);
        if (column->hidden) {
            const char *text = bind_kept_text(rows->context, rows->catalogue, column->default_text);
            expressions = expressions == NULL ? text : sql_printf(rows->context, "%s, %s", expressions, text);
        }
        if (i < keys) {
            collations[i] = catalogue_collation(column->type.id);
            options[i] = (parts[i].descending ? 1 : 0) + (parts[i].descending != parts[i].nulls_other ? 2 : 0);
        }
    }
    catalogue_number(rows, catalogue_oid_index(table, index));
    catalogue_number(rows, catalogue_oid_table(table->id));
    catalogue_number(rows, all);
    catalogue_number(rows, keys);
    catalogue_bool(rows, index == NULL || index->unique);
    catalogue_bool(rows, index != NULL && index->nulls_same);
    catalogue_bool(rows, index == NULL);
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_bool(rows, false);
    catalogue_bool(rows, index == NULL || index->state == INDEX_READY);
    catalogue_bool(rows, false);
    catalogue_bool(rows, true);
    catalogue_bool(rows, true);
    catalogue_bool(rows, false);
    catalogue_vector(rows, numbers, all);
    catalogue_vector(rows, collations, keys);
    catalogue_vector(rows, classes, keys);
    catalogue_vector(rows, options, keys);
    catalogue_word(rows, expressions);
    bool partial = index != NULL && index->filter.value != 0;
    catalogue_word(rows, !partial ? NULL
                                  : bind_kept_text(rows->context, rows->catalogue,
                                                   definition_column_of_id(table, index->filter)->default_text));
}

static void pg_index(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        if (table->primary_key_count > 0) {
            index_row(rows, table, NULL);
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            index_row(rows, table, &table->indexes[i]);
        }
    }
}

/* --- pg_constraint --- */

static const struct plan_column constraint_columns[] = {
    OID("oid"),          NAME("conname"),      OID("connamespace"),  CHAR("contype"),         BOOL("condeferrable"),
    BOOL("condeferred"), BOOL("convalidated"), OID("conrelid"),      OID("contypid"),         OID("conindid"),
    OID("conparentid"),  OID("confrelid"),     CHAR("confupdtype"),  CHAR("confdeltype"),     CHAR("confmatchtype"),
    BOOL("conislocal"),  INT4("coninhcount"),  BOOL("connoinherit"), INT2S("conkey"),         INT2S("confkey"),
    OIDS("conpfeqop"),   OIDS("conppeqop"),    OIDS("conffeqop"),    INT2S("confdelsetcols"), OIDS("conexclop"),
    TEXT("conbin")};

/* The columns of a constraint: of a check, those that it names. */
static void constraint_columns_of(struct catalogue_rows *rows, const struct table_definition *table,
                                  const struct catalogue_constraint *one, bool parent) {
    int64_t numbers[DEFINITION_KEY_COLUMNS_MAX];
    uint32_t count = 0;
    if (one->key != NULL) {
        const struct table_definition *of = parent ? catalogue_table_of_id(rows->catalogue, one->key->parent) : table;
        for (; count < one->key->part_count; count++) {
            const struct reference_part *part = &one->key->parts[count];
            numbers[count] = catalogue_attribute(rows->catalogue, of, parent ? part->parent : part->column);
        }
    }
    for (uint32_t i = 0; i < one->part_count && !parent; i++) {
        numbers[count++] = catalogue_attribute(rows->catalogue, table, one->parts[i].column);
    }
    bool named = one->check != NULL && !parent && table->form != DEFINITION_DOMAIN;
    PgQuery__Node *tree = !named ? NULL : parse_expression(rows->context, catalogue_copy(rows, one->check->text));
    for (uint32_t i = 0; tree != NULL && i < catalogue_column_count(rows->catalogue, table); i++) {
        struct slice name = catalogue_column(rows->catalogue, table, i)->name;
        if (count < DEFINITION_KEY_COLUMNS_MAX && parse_names_column(tree, catalogue_copy(rows, name))) {
            numbers[count++] = i + 1;
        }
    }
    if (count == 0) {
        catalogue_nulls(rows, 1);
    } else {
        number_array(rows, numbers, count);
    }
}

static const char *action_letter(enum reference_action action) {
    return action == REFERENCE_RESTRICT      ? "r"
           : action == REFERENCE_CASCADE     ? "c"
           : action == REFERENCE_SET_NULL    ? "n"
           : action == REFERENCE_SET_DEFAULT ? "d"
                                             : "a";
}

static void constraint_row(struct catalogue_rows *rows, const struct table_definition *table,
                           const struct catalogue_constraint *one) {
    static const char *const kinds[] = {
        [CATALOGUE_PRIMARY] = "p", [CATALOGUE_UNIQUE] = "u", [CATALOGUE_CHECK] = "c", [CATALOGUE_FOREIGN] = "f"};
    const struct foreign_key_definition *key = one->key;
    const struct table_definition *parent = NULL;
    struct catalogue_constraint needed;
    bool unique = one->kind == CATALOGUE_PRIMARY || one->kind == CATALOGUE_UNIQUE;
    bool known = key != NULL && catalogue_constraint_needed(rows, key, &parent, &needed);
    catalogue_number(rows, catalogue_oid_constraint(table, one));
    catalogue_text(rows, one->name);
    catalogue_number(rows, catalogue_oid_schema(rows->catalogue, table->schema_name));
    catalogue_word(rows, kinds[one->kind]);
    catalogue_bool(rows, key != NULL && key->deferrable);
    catalogue_bool(rows, key != NULL && key->deferred);
    catalogue_bool(rows, !(key != NULL && key->not_valid) && !(one->check != NULL && one->check->not_valid));
    bool domain = table->form == DEFINITION_DOMAIN;
    catalogue_number(rows, domain ? 0 : catalogue_oid_table(table->id));
    catalogue_number(rows, domain ? catalogue_oid_table(table->id) : 0);
    catalogue_number(rows, unique  ? catalogue_oid_index(table, one->index)
                           : known ? catalogue_oid_index(parent, needed.index)
                                   : 0);
    catalogue_number(rows, 0);
    catalogue_number(rows, key == NULL ? 0 : catalogue_oid_table(key->parent));
    catalogue_word(rows, key == NULL ? " " : action_letter(key->on_update));
    catalogue_word(rows, key == NULL ? " " : action_letter(key->on_delete));
    catalogue_word(rows, key == NULL ? " " : key->match_full ? "f" : "s");
    catalogue_bool(rows, true);
    catalogue_number(rows, 0);
    catalogue_bool(rows, one->kind != CATALOGUE_CHECK);
    constraint_columns_of(rows, table, one, false);
    constraint_columns_of(rows, table, one, true);
    catalogue_nulls(rows, 3);
    if (key == NULL || key->set_count == 0) {
        catalogue_nulls(rows, 1);
    } else {
        int64_t set[DEFINITION_KEY_COLUMNS_MAX];
        for (uint32_t i = 0; i < key->set_count; i++) {
            set[i] = catalogue_attribute(rows->catalogue, table, key->set_columns[i]);
        }
        number_array(rows, set, key->set_count);
    }
    catalogue_nulls(rows, 1);
    catalogue_word(rows, one->check == NULL ? NULL : catalogue_copy(rows, one->check->text));
}

static void pg_constraint(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            if (one.kind != CATALOGUE_NOT_NULL) {
                constraint_row(rows, table, &one);
            }
        }
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) { /* of domains */
        const struct table_definition *type = catalogue_type_at(rows->catalogue, i);
        for (uint32_t k = 0; k < type->check_count; k++) {
            struct catalogue_constraint check = {
                .kind = CATALOGUE_CHECK, .name = type->checks[k].name, .check = &type->checks[k]};
            constraint_row(rows, type, &check);
        }
    }
}

/* --- pg_description --- */

static const struct plan_column description_columns[] = {OID("objoid"), OID("classoid"), INT4("objsubid"),
                                                         TEXT("description")};

static void description_row(struct catalogue_rows *rows, int64_t oid, int64_t class, int64_t part, struct slice text) {
    if (text.length > 0) {
        catalogue_number(rows, oid);
        catalogue_number(rows, class);
        catalogue_number(rows, part);
        catalogue_text(rows, text);
    }
}

/* A comment on a key's constraint is kept as one on its index, and shown as that of both. */
static void pg_description(struct catalogue_rows *rows) {
    for (uint32_t i = 0; i < catalogue_schema_count(rows->catalogue); i++) {
        const struct schema_definition *schema = catalogue_schema_at(rows->catalogue, i);
        description_row(rows, catalogue_oid_schema(rows->catalogue, schema->name), OID_PG_NAMESPACE, 0,
                        schema->comment);
    }
    for (uint32_t i = 0; i < catalogue_type_count(rows->catalogue); i++) {
        const struct table_definition *type = catalogue_type_at(rows->catalogue, i);
        description_row(rows, catalogue_oid_table(type->id), OID_PG_TYPE, 0,
                        definition_comment(type, DEFINITION_TABLE, 0));
        for (uint32_t k = 0; k < type->check_count; k++) {
            struct catalogue_constraint check = {.kind = CATALOGUE_CHECK, .check = &type->checks[k]};
            description_row(rows, catalogue_oid_constraint(type, &check), OID_PG_CONSTRAINT, 0,
                            definition_comment(type, DEFINITION_CONSTRAINT, type->checks[k].id.value));
        }
    }
    EACH_TABLE(table, rows) {
        int64_t oid = catalogue_oid_table(table->id);
        description_row(rows, oid, OID_PG_CLASS, 0, definition_comment(table, DEFINITION_TABLE, 0));
        for (uint32_t i = 0; i < catalogue_column_count(rows->catalogue, table); i++) {
            uint32_t id = catalogue_column(rows->catalogue, table, i)->id.value;
            description_row(rows, oid, OID_PG_CLASS, i + 1, definition_comment(table, DEFINITION_COLUMN, id));
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            description_row(rows, catalogue_oid_index(table, &table->indexes[i]), OID_PG_CLASS, 0,
                            definition_comment(table, DEFINITION_INDEX, table->indexes[i].id.value));
        }
        struct catalogue_constraint one;
        for (uint32_t at = 0; catalogue_constraint_next(rows, table, &at, &one);) {
            enum definition_part part = one.kind == CATALOGUE_PRIMARY  ? DEFINITION_PRIMARY_KEY
                                        : one.kind == CATALOGUE_UNIQUE ? DEFINITION_INDEX
                                                                       : DEFINITION_CONSTRAINT;
            uint32_t id = one.index != NULL   ? one.index->id.value
                          : one.check != NULL ? one.check->id.value
                          : one.key != NULL   ? one.key->id.value
                                              : 0;
            if (one.kind != CATALOGUE_NOT_NULL) {
                description_row(rows, catalogue_oid_constraint(table, &one), OID_PG_CONSTRAINT, 0,
                                definition_comment(table, part, id));
            }
        }
    }
}

/* --- pg_tables, pg_views, pg_indexes, pg_sequences --- */

static const struct plan_column tables_columns[] = {NAME("schemaname"),  NAME("tablename"),  NAME("tableowner"),
                                                    NAME("tablespace"),  BOOL("hasindexes"), BOOL("hasrules"),
                                                    BOOL("hastriggers"), BOOL("rowsecurity")};

static void pg_tables(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        if (!definition_is_table(table)) {
            continue;
        }
        catalogue_text(rows, table->schema_name);
        catalogue_text(rows, table->name);
        catalogue_text(rows, catalogue_owner(rows->context, rows->catalogue));
        catalogue_nulls(rows, 1);
        catalogue_bool(rows, table->primary_key_count > 0 || table->index_count > 0);
        catalogue_bool(rows, false);
        catalogue_bool(rows, catalogue_table_refers(rows->catalogue, table));
        catalogue_bool(rows, false);
    }
}

const char *catalogue_view_query(struct sql_context *context, const struct catalogue *catalogue,
                                 const struct table_definition *view) {
    return sql_printf(context, "%s;", bind_view_text(context, catalogue, view));
}

static const struct plan_column views_columns[] = {NAME("schemaname"), NAME("viewname"), NAME("viewowner"),
                                                   TEXT("definition")};

static void pg_views(struct catalogue_rows *rows) {
    EACH_TABLE(view, rows) {
        if (definition_is_view(view)) {
            catalogue_text(rows, view->schema_name);
            catalogue_text(rows, view->name);
            catalogue_text(rows, catalogue_owner(rows->context, rows->catalogue));
            catalogue_word(rows, catalogue_view_query(rows->context, rows->catalogue, view));
        }
    }
}

static const struct plan_column indexes_columns[] = {NAME("schemaname"), NAME("tablename"), NAME("indexname"),
                                                     NAME("tablespace"), TEXT("indexdef")};

static void indexes_row(struct catalogue_rows *rows, const struct table_definition *table,
                        const struct index_definition *index) {
    const char *of = sql_qualified(rows->context, table->schema_name, table->name);
    catalogue_text(rows, table->schema_name);
    catalogue_text(rows, table->name);
    catalogue_text(rows, index->name);
    catalogue_nulls(rows, 1);
    catalogue_word(rows, bind_index_text(rows->context, table, index, catalogue_copy(rows, index->name), of));
}

static void pg_indexes(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        struct index_definition primary = {.name = table->primary_key_name,
                                           .parts = table->primary_key,
                                           .part_count = table->primary_key_count,
                                           .unique = true};
        if (table->primary_key_count > 0) {
            indexes_row(rows, table, &primary);
        }
        for (uint32_t i = 0; i < table->index_count; i++) {
            indexes_row(rows, table, &table->indexes[i]);
        }
    }
}

static const struct plan_column sequences_columns[] = {NAME("schemaname"), NAME("sequencename"), NAME("sequenceowner"),
                                                       TEXT("data_type"),  INT8("start_value"),  INT8("min_value"),
                                                       INT8("max_value"),  INT8("increment_by"), BOOL("cycle"),
                                                       INT8("cache_size"), INT8("last_value")};

static void pg_sequences(struct catalogue_rows *rows) {
    EACH_TABLE(table, rows) {
        const struct sequence_definition *rule = &table->sequence;
        struct kernel_sequence state;
        if (!definition_is_sequence(table)) {
            continue;
        }
        sql_try(rows->context, kernel_sequence_read(rows->view, table, &state, rows->context->error));
        catalogue_text(rows, table->schema_name);
        catalogue_text(rows, table->name);
        catalogue_text(rows, catalogue_owner(rows->context, rows->catalogue));
        catalogue_word(rows, type_name(rule->type));
        catalogue_number(rows, rule->start);
        catalogue_number(rows, rule->minimum);
        catalogue_number(rows, rule->maximum);
        catalogue_number(rows, rule->increment);
        catalogue_bool(rows, rule->cycle);
        catalogue_number(rows, 1);
        if (state.called) {
            catalogue_number(rows, state.last);
        } else {
            catalogue_nulls(rows, 1);
        }
    }
}

#define RELATION(name_, columns_, rows_)                                                                               \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), rows_ }

const struct catalogue_relation catalogue_system[] = {
    RELATION("pg_namespace", namespace_columns, pg_namespace),
    RELATION("pg_class", class_columns, pg_class),
    RELATION("pg_attribute", attribute_columns, pg_attribute),
    RELATION("pg_attrdef", attrdef_columns, pg_attrdef),
    RELATION("pg_type", type_columns, pg_type),
    RELATION("pg_index", index_columns, pg_index),
    RELATION("pg_constraint", constraint_columns, pg_constraint),
    RELATION("pg_description", description_columns, pg_description),
    RELATION("pg_tables", tables_columns, pg_tables),
    RELATION("pg_views", views_columns, pg_views),
    RELATION("pg_indexes", indexes_columns, pg_indexes),
    RELATION("pg_sequences", sequences_columns, pg_sequences),
    {SQL_SCHEMA_SYSTEM, "pg_stats", catalogue_stats_columns, CATALOGUE_STATS_COLUMNS, catalogue_stats},
};
const uint32_t catalogue_system_count = ARRAY_LENGTH(catalogue_system);
