/*
 * Where names without a schema are looked for: search_path, and relations by it.
 *
 * The setting is kept as PostgreSQL shows it. pg_catalog is searched first where it is not named.
 */
#ifndef KMB_SQL_PATH_H
#define KMB_SQL_PATH_H

#include "kernel/catalogue.h"
#include "sql/context.h"

#define SQL_SCHEMA_SYSTEM      "pg_catalog"
#define SQL_SCHEMA_INFORMATION "information_schema"
#define SQL_DATABASE           "kimberlite" /* the name of a database that was given none */

struct sql_path {
    const char **names;
    uint32_t count;
    bool implicit; /* the first is pg_catalog, and search_path does not name it */
};

/* The database's own name. */
const char *sql_database(struct sql_context *context);

/* Of the session; made once a statement. */
const struct sql_path *sql_path_of(struct sql_context *context);
/* Of texts that are kept: what they name without a schema is in the default one. */
const struct sql_path *sql_path_stored(void);

/* The two whose relations are made from the catalogue. */
bool sql_schema_is_system(const char *name);
/* Whether there is a schema of the name. */
bool sql_schema_exists(const struct catalogue *catalogue, const char *name);
/* The first of the path that is there: where what is made goes; NULL: none. */
const char *sql_path_first(const struct sql_path *path, const struct catalogue *catalogue);

/* A table, view or sequence; or an index, and then its table. */
struct sql_relation {
    const struct table_definition *table;
    const struct index_definition *index; /* NULL: none, or that of the primary key */
    bool primary;                         /* the index of the table's primary key */
};

static inline bool sql_relation_is_index(const struct sql_relation *relation) {
    return relation->primary || relation->index != NULL;
}

/* schema NULL or "": the first of the path that has one of the name. */
bool sql_path_find(const struct sql_path *path, const struct catalogue *catalogue, const char *schema, const char *name,
                   struct sql_relation *relation);
/* What a text names, as nextval('s') and 's'::regclass have it, in the session's path. */
bool sql_path_find_text(struct sql_context *context, const struct catalogue *catalogue, struct slice text,
                        struct sql_relation *relation);
/* The same in any path; raises 3F000 and 42P01 where there is none. */
void sql_path_need_text(struct sql_context *context, const struct sql_path *path, const struct catalogue *catalogue,
                        struct slice text, uint32_t position, struct sql_relation *relation);
static inline struct slice sql_relation_name(const struct sql_relation *relation) {
    return relation->index != NULL ? relation->index->name
           : relation->primary     ? relation->table->primary_key_name
                                   : relation->table->name;
}
/* s.t, in quotes where they are needed. */
const char *sql_qualified(struct sql_context *context, struct slice schema, struct slice name);
/* A kept expression as it is shown: relations that it names stand there as sql_path_text() has them. */
const char *sql_path_shown(struct sql_context *context, const struct catalogue *catalogue, struct slice text);
/* The same, or t alone where the path leads to it. */
const char *sql_path_text(struct sql_context *context, const struct catalogue *catalogue, struct slice schema,
                          struct slice name);

#endif
