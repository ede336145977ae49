/*
 * Relations made from the catalogue: what information_schema and pg_catalog show, SHOW TABLES, SHOW COLUMNS, and a
 * sequence read as a table.
 *
 * A relation is a list of columns and a function that gives all its rows, value by value in their order. Numbers that
 * PostgreSQL has for its own objects are PostgreSQL's; those of a tenant's are made of its ids (catalogue_oid_*).
 */
#ifndef KMB_SQL_EXEC_CATALOGUE_H
#define KMB_SQL_EXEC_CATALOGUE_H

#include "kernel/view.h"
#include "sql/exec/operator.h"
#include "sql/path.h"

struct catalogue_rows;

struct catalogue_relation {
    const char *schema; /* NULL: no name leads to it */
    const char *name;
    const struct plan_column *columns;
    uint32_t column_count;
    void (*rows)(struct catalogue_rows *rows);
};

/* NULL: none. */
const struct catalogue_relation *catalogue_relation_find(const char *schema, const char *name);

/* --- for those who give rows --- */

struct catalogue_rows {
    struct sql_context *context;
    struct kernel_view *view;
    const struct catalogue *catalogue;
    const struct catalogue_relation *relation;
    struct table_id only; /* 0: of all */
    struct value *values; /* rows one behind the other */
    size_t at;            /* values so far */
    size_t capacity;
};

void catalogue_text(struct catalogue_rows *rows, struct slice text);
void catalogue_word(struct catalogue_rows *rows, const char *text); /* NULL: NULL */
void catalogue_number(struct catalogue_rows *rows, int64_t number);
void catalogue_bool(struct catalogue_rows *rows, bool is);
void catalogue_value(struct catalogue_rows *rows, struct value value);
/* An array of numbers of the next column's kind, counted from 0 as PostgreSQL's vectors are. */
void catalogue_vector(struct catalogue_rows *rows, const int64_t *numbers, uint32_t count);
void catalogue_words(struct catalogue_rows *rows, const char *const *texts, uint32_t count); /* a text[] */
void catalogue_function(struct catalogue_rows *rows, int64_t oid);                           /* a regproc */
void catalogue_nulls(struct catalogue_rows *rows, uint32_t count);
static inline const char *catalogue_yes(bool is) {
    return is ? "YES" : "NO";
}
const char *catalogue_copy(struct catalogue_rows *rows, struct slice text); /* arena memory */
/* The type's name as users know it. */
const char *catalogue_type_name(struct catalogue_rows *rows, struct type type);
enum catalogue_constraint_kind {
    CATALOGUE_PRIMARY,
    CATALOGUE_UNIQUE,
    CATALOGUE_CHECK,
    CATALOGUE_FOREIGN,
    CATALOGUE_NOT_NULL, /* PostgreSQL shows these as checks in information_schema */
};
struct catalogue_constraint {
    enum catalogue_constraint_kind kind;
    struct slice name;
    const struct key_part *parts; /* PRIMARY, UNIQUE */
    uint32_t part_count;
    const struct index_definition *index;     /* UNIQUE */
    const struct check_definition *check;     /* CHECK */
    const struct foreign_key_definition *key; /* FOREIGN */
    const struct column_definition *column;   /* NOT_NULL */
};
/* The constraints of a table, *at counting from 0. */
bool catalogue_constraint_next(struct catalogue_rows *rows, const struct table_definition *table, uint32_t *at,
                               struct catalogue_constraint *constraint);
/* The unique key that a foreign key needs: of the parent, as a constraint; false: an index that is none, or none. */
bool catalogue_constraint_needed(struct catalogue_rows *rows, const struct foreign_key_definition *key,
                                 const struct table_definition **parent, struct catalogue_constraint *constraint);
bool catalogue_not_null(const struct table_definition *table, const struct column_definition *column);
/* The number of a column in its table, from 1. */
int64_t catalogue_attribute(const struct catalogue *catalogue, const struct table_definition *table,
                            struct column_id column);

/* How many of PostgreSQL's pages so many rows would fill: by the bytes of some of them. */
#define CATALOGUE_PAGE_BYTES 8192
int64_t catalogue_table_pages(struct kernel_view *view, const struct table_definition *table, uint64_t count);

/* --- numbers: catalogue_oid.c --- */
#define CATALOGUE_OID_OWNER 10 /* of the role that is there from the start: PostgreSQL's first */
int64_t catalogue_oid_schema(const struct catalogue *catalogue, struct slice name);
int64_t catalogue_oid_table(struct table_id table);
/* PostgreSQL's number, or that of a type of the user's, an array of one, or a domain. */
int64_t catalogue_oid_type(struct type type);
int64_t catalogue_oid_index(const struct table_definition *table, const struct index_definition *index);
int64_t catalogue_oid_constraint(const struct table_definition *table, const struct catalogue_constraint *constraint);
int64_t catalogue_oid_rows(struct table_id table); /* of the type of its rows */
int64_t catalogue_oid_rule(struct table_id view);
int64_t catalogue_oid_default(const struct table_definition *table, struct column_id column);
int64_t catalogue_oid_label(const struct table_definition *type, uint32_t label); /* by its place among them */
int64_t catalogue_oid_relation(const struct catalogue_relation *relation);
int64_t catalogue_oid_function(const struct sql_function *function);
/* A function by its number: of the table, or one that PostgreSQL's types have and nobody calls here; NULL: none. */
const char *catalogue_function_of_oid(int64_t oid);
const struct sql_function *catalogue_function_of(int64_t oid); /* of the table; NULL: not that */
enum catalogue_type_function {
    CATALOGUE_TYPE_INPUT,
    CATALOGUE_TYPE_OUTPUT,
    CATALOGUE_TYPE_RECEIVE,
    CATALOGUE_TYPE_SEND,
    CATALOGUE_TYPE_FUNCTIONS,
};
/* What PostgreSQL reads and writes a type with, and how its values lie in memory. */
int64_t catalogue_type_function(enum type_id id, enum catalogue_type_function which);
const char *catalogue_type_align(enum type_id id);
const char *catalogue_type_storage(enum type_id id);
bool catalogue_type_by_value(enum type_id id);
/* The number of the function that is called with just these types, by their numbers; false: there is none. */
bool catalogue_function_exact(const char *name, const int64_t *types, uint32_t type_count, int64_t *oid);
/* How many functions have the name, and the number of the first. */
uint32_t catalogue_function_named(const char *name, int64_t *oid);
/* And what a number is that of. */
const struct catalogue_relation *catalogue_relation_of_oid(int64_t oid); /* NULL: none */
bool catalogue_table_of_oid(const struct catalogue *catalogue, int64_t oid, struct sql_relation *relation);
/* A constraint of a table or, by its check alone, of a domain. */
bool catalogue_constraint_of_oid(struct catalogue_rows *rows, int64_t oid, const struct table_definition **table,
                                 struct catalogue_constraint *constraint);
bool catalogue_type_of_oid(const struct catalogue *catalogue, int64_t oid, struct type *type);
const char *catalogue_schema_of_oid(struct sql_context *context, const struct catalogue *catalogue, int64_t oid);

/* --- roles: catalogue_role.c --- */
/* As it is called here: the first one by the session's user, if that is no role. */
struct slice catalogue_role_name(const struct sql_context *context, const struct catalogue *catalogue,
                                 const struct role_definition *role);
struct slice catalogue_owner(const struct sql_context *context, const struct catalogue *catalogue);
bool catalogue_role_of_oid(const struct sql_context *context, const struct catalogue *catalogue, int64_t oid,
                           struct slice *name);
bool catalogue_role_find(const struct sql_context *context, const struct catalogue *catalogue, struct slice name,
                         int64_t *oid);
#define CATALOGUE_ROLES_COLUMNS  13
#define CATALOGUE_AUTHID_COLUMNS 12
#define CATALOGUE_SHADOW_COLUMNS 9 /* of pg_user, too */
extern const struct plan_column catalogue_roles_columns[CATALOGUE_ROLES_COLUMNS];
extern const struct plan_column catalogue_authid_columns[CATALOGUE_AUTHID_COLUMNS];
extern const struct plan_column catalogue_shadow_columns[CATALOGUE_SHADOW_COLUMNS];
void catalogue_roles(struct catalogue_rows *rows);
void catalogue_authid(struct catalogue_rows *rows);
void catalogue_shadow(struct catalogue_rows *rows);

/* --- what needs what: catalogue_depend.c --- */
#define CATALOGUE_DEPEND_COLUMNS  7
#define CATALOGUE_REWRITE_COLUMNS 8
extern const struct plan_column catalogue_depend_columns[CATALOGUE_DEPEND_COLUMNS];
extern const struct plan_column catalogue_rewrite_columns[CATALOGUE_REWRITE_COLUMNS];
void catalogue_depend(struct catalogue_rows *rows);
void catalogue_rewrite(struct catalogue_rows *rows);

/* The query of a view as PostgreSQL shows it: with a semicolon. */
const char *catalogue_view_query(struct sql_context *context, const struct catalogue *catalogue,
                                 const struct table_definition *view);

/* --- the two schemas --- */
extern const struct catalogue_relation catalogue_information[];
extern const uint32_t catalogue_information_count;
extern const struct catalogue_relation catalogue_system[];
extern const uint32_t catalogue_system_count;
extern const struct catalogue_relation catalogue_objects[]; /* of pg_catalog, too, as the next three */
extern const uint32_t catalogue_objects_count;
extern const struct catalogue_relation catalogue_functions[];
extern const uint32_t catalogue_functions_count;
extern const struct catalogue_relation catalogue_sessions[];
extern const uint32_t catalogue_sessions_count;
extern const struct catalogue_relation catalogue_empty[];
extern const uint32_t catalogue_empty_count;
extern const struct catalogue_relation catalogue_monitors[]; /* of pg_catalog as well */
extern const uint32_t catalogue_monitors_count;
extern const struct catalogue_relation catalogue_usages[];
extern const uint32_t catalogue_usages_count;
/* Whether whoever asks may see what is of all tenants: a superuser of the first. */
bool catalogue_operator(const struct catalogue_rows *rows);
#define CATALOGUE_LISTS 8
struct catalogue_list {
    const struct catalogue_relation *list;
    const uint32_t *count;
};
extern const struct catalogue_list catalogue_lists[CATALOGUE_LISTS];
/* pg_stats: catalogue_statistics.c */
#define CATALOGUE_STATS_COLUMNS 14
extern const struct plan_column catalogue_stats_columns[CATALOGUE_STATS_COLUMNS];
void catalogue_stats(struct catalogue_rows *rows);

/* A column of a relation of the catalogue, in a list of them. */
#define CATALOGUE_COLUMN(name_, type_)                                                                                 \
    {                                                                                                                  \
        .name = (name_), .type = {.id = (type_), .modifier = -1 }                                                      \
    }
#define TEXT(name_)  CATALOGUE_COLUMN(name_, TYPE_TEXT)
#define INT2(name_)  CATALOGUE_COLUMN(name_, TYPE_INT2)
#define INT4(name_)  CATALOGUE_COLUMN(name_, TYPE_INT4)
#define INT8(name_)  CATALOGUE_COLUMN(name_, TYPE_INT8)
#define BOOL(name_)  CATALOGUE_COLUMN(name_, TYPE_BOOL)
#define NAME(name_)  CATALOGUE_COLUMN(name_, TYPE_NAME)
#define CHAR(name_)  CATALOGUE_COLUMN(name_, TYPE_CHAR)
#define OID(name_)   CATALOGUE_COLUMN(name_, TYPE_OID)
#define REAL(name_)  CATALOGUE_COLUMN(name_, TYPE_FLOAT4)
#define TEXTS(name_) CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_TEXT)
/* An array of int2 or oid with this modifier is what PostgreSQL calls int2vector or oidvector: another number and text
 * on the wire. */
#define CATALOGUE_VECTOR (-2)
static inline struct type catalogue_plain(struct type type) { /* as it may be stored */
    return type.modifier == CATALOGUE_VECTOR ? type_make(type.id) : type;
}
#define INT2V(name_)                                                                                                   \
    {                                                                                                                  \
        .name = (name_), .type = {.id = TYPE_ARRAY | TYPE_INT2, .modifier = CATALOGUE_VECTOR }                         \
    }
#define OIDV(name_)                                                                                                    \
    {                                                                                                                  \
        .name = (name_), .type = {.id = TYPE_ARRAY | TYPE_OID, .modifier = CATALOGUE_VECTOR }                          \
    }
#define INT2S(name_)  CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_INT2)
#define OIDS(name_)   CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_OID)
#define NAMES(name_)  CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_NAME)
#define CHARS(name_)  CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_CHAR)
#define PROC(name_)   CATALOGUE_COLUMN(name_, TYPE_REGPROC)
#define TIME(name_)   CATALOGUE_COLUMN(name_, TYPE_TIMESTAMPTZ)
#define BYTES(name_)  CATALOGUE_COLUMN(name_, TYPE_BYTEA)
#define REALS(name_)  CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_FLOAT4)
#define DOUBLE(name_) CATALOGUE_COLUMN(name_, TYPE_FLOAT8)
#define BOOLS(name_)  CATALOGUE_COLUMN(name_, TYPE_ARRAY | TYPE_BOOL)

#endif
