/*
 * The catalogue: what tables, indexes and streams a tenant has, decoded once and shared by everybody who reads.
 *
 * A catalogue is an immutable, reference-counted snapshot: of the newest state, or of a moment of the past (view.h).
 * The durable form is in the META tree, one record a version of an object, each with the (position, tenant sequence)
 * from which and to which it held, so that AT OFFSET n sees the schema of n. Old row images are read under the schema
 * version they were written in: catalogue_layout() has every version that a table ever had.
 *
 * Pointers handed out live as long as the catalogue is retained. Any thread.
 */
#ifndef KMB_KERNEL_CATALOGUE_H
#define KMB_KERNEL_CATALOGUE_H

#include "base/error.h"
#include "types/definition.h"
#include "types/ids.h"
#include "types/key.h"
#include "types/principal.h"
#include "types/row.h"

/* The schema every tenant has from the start; it can be renamed and dropped as any. */
#define CATALOGUE_SCHEMA_DEFAULT "public"
#define CATALOGUE_SCHEMA_COMMENT "standard public schema"

/* The role every tenant has from the start: a superuser, without a password until it is given one. */
#define CATALOGUE_ROLE_DEFAULT "kimberlite"
#define CATALOGUE_ROLE_DEFAULT_FLAGS                                                                                   \
    (ROLE_SUPERUSER | ROLE_LOGIN | ROLE_CREATE_ROLE | ROLE_CREATE_DATABASE | ROLE_INHERIT | ROLE_REPLICATION |         \
     ROLE_BYPASS_POLICIES)

struct catalogue;

struct stream_definition {
    struct stream_id id;
    struct slice name;
    enum data_class data_class;
};

struct schema_definition {
    struct schema_id id; /* 0: CATALOGUE_SCHEMA_DEFAULT as it was from the start */
    struct slice name;
    struct slice comment; /* empty: none */
};

void catalogue_retain(const struct catalogue *catalogue);
void catalogue_release(const struct catalogue *catalogue); /* NULL is fine */

/* A number that changes with each change of the catalogue: equal numbers of one tenant, equal catalogues, as long as
 * both are of the present (of a catalogue of the past: that of the state it was made from). A transaction's own DDL
 * gives numbers that no committed catalogue has (CATALOGUE_VERSION_OWN is set). */
#define CATALOGUE_VERSION_OWN (UINT64_C(1) << 63)
uint64_t catalogue_version(const struct catalogue *catalogue);

/* NULL when there is none. schema: length 0 means CATALOGUE_SCHEMA_DEFAULT. Names are exact (already folded). */
const struct table_definition *catalogue_table(const struct catalogue *catalogue, struct slice schema,
                                               struct slice name);
const struct table_definition *catalogue_table_of_id(const struct catalogue *catalogue, struct table_id id);
/* An index and its table; primary keys are no indexes (index_id 0 means primary key order). */
const struct index_definition *catalogue_index(const struct catalogue *catalogue, struct slice schema,
                                               struct slice name, const struct table_definition **table);
const struct index_definition *catalogue_index_of_id(const struct catalogue *catalogue, struct index_id id,
                                                     const struct table_definition **table);
/* Whether any table has a foreign key, and whether this one has one or is referred to by one. */
bool catalogue_has_foreign_keys(const struct catalogue *catalogue);
bool catalogue_table_refers(const struct catalogue *catalogue, const struct table_definition *table);
/* The sequence that a column owns, NULL: none. */
const struct table_definition *catalogue_owned_sequence(const struct catalogue *catalogue, struct table_id table,
                                                        struct column_id column);
/* Is the name taken by a table, an index or a primary key (they share one name space in PostgreSQL)? */
bool catalogue_relation_exists(const struct catalogue *catalogue, struct slice schema, struct slice name);
const struct stream_definition *catalogue_stream(const struct catalogue *catalogue, struct slice name);
const struct stream_definition *catalogue_stream_of_id(const struct catalogue *catalogue, struct stream_id id);

/* An enum type or a domain; NULL when there is none. By id they are found as tables are. */
const struct table_definition *catalogue_type(const struct catalogue *catalogue, struct slice schema,
                                              struct slice name);
/* What the number of an enum type, or of an array of one, stands for; NULL: none of this catalogue. */
const struct table_definition *catalogue_enum(const struct catalogue *catalogue, enum type_id type);
uint32_t catalogue_type_count(const struct catalogue *catalogue);
const struct table_definition *catalogue_type_at(const struct catalogue *catalogue, uint32_t ordinal); /* by name */

/* value_parse(), for enum types and arrays of them, too: 22P02 invalid input value for enum mood: "x". catalogue may be
 * NULL: then there are none. */
enum kmb_status catalogue_value_parse(const struct catalogue *catalogue, struct type type, struct slice text,
                                      const struct datetime_context *context, struct arena *arena, struct value *out,
                                      struct kmb_error *error);

/* A type's name as users know it, with its modifier: "numeric(10,2)", "mood[]"; of a domain its own. Appended. */
void catalogue_type_text(const struct catalogue *catalogue, struct type type, struct buffer *out);

/* All of them, tables by (schema, name), streams by name. */
uint32_t catalogue_table_count(const struct catalogue *catalogue);
const struct table_definition *catalogue_table_at(const struct catalogue *catalogue, uint32_t ordinal);
uint32_t catalogue_stream_count(const struct catalogue *catalogue);
const struct stream_definition *catalogue_stream_at(const struct catalogue *catalogue, uint32_t ordinal);

/* Schemas by name. */
const struct schema_definition *catalogue_schema(const struct catalogue *catalogue, struct slice name);
const struct schema_definition *catalogue_schema_of_id(const struct catalogue *catalogue, struct schema_id id);
uint32_t catalogue_schema_count(const struct catalogue *catalogue);
const struct schema_definition *catalogue_schema_at(const struct catalogue *catalogue, uint32_t ordinal);

/* Roles by name: CATALOGUE_ROLE_DEFAULT is there from the start. Keys by the SHA-256 of their text, in its order. */
const struct role_definition *catalogue_role(const struct catalogue *catalogue, struct slice name);
const struct role_definition *catalogue_role_of_id(const struct catalogue *catalogue, struct role_id id);
uint32_t catalogue_role_count(const struct catalogue *catalogue);
const struct role_definition *catalogue_role_at(const struct catalogue *catalogue, uint32_t ordinal);
const struct api_key_definition *catalogue_api_key(const struct catalogue *catalogue,
                                                   const uint8_t hash[API_KEY_HASH_SIZE]);
uint32_t catalogue_api_key_count(const struct catalogue *catalogue);
const struct api_key_definition *catalogue_api_key_at(const struct catalogue *catalogue, uint32_t ordinal);

/* The ids the next table, index, stream and schema get (one counter for the tenant). */
uint32_t catalogue_object_id_next(const struct catalogue *catalogue);

/*
 * How images of a schema version are laid out; NULL for a version the table never had. Ordinals of a layout are those
 * of the columns living then; catalogue_column_map() says where they stand in the newest definition.
 */
const struct row_layout *catalogue_layout(const struct catalogue *catalogue, struct table_id table,
                                          struct schema_version version);

/*
 * For each living column of `table` (this catalogue's definition, dropped columns skipped), its ordinal in images of
 * `version`, or CATALOGUE_COLUMN_MISSING where the image is older than the column: it then reads as the column's
 * missing_value. *count is the number of living columns. NULL for an unknown version. For the table's own version the
 * map is 0, 1, 2, ..., unless a column has taken the place of another.
 */
#define CATALOGUE_COLUMN_MISSING UINT16_MAX
const uint16_t *catalogue_column_map(const struct catalogue *catalogue, struct table_id table,
                                     struct schema_version version, uint32_t *count);
/* missing_value of living column `ordinal`, decoded (NULL where it has none). */
const struct value *catalogue_missing_value(const struct catalogue *catalogue, struct table_id table, uint32_t ordinal);

/* All living columns of an image, whatever its version, in order of the definition; bytes borrow from image and
 * catalogue. values has room for the living columns. KMB_CORRUPT where the version is unknown. */
enum kmb_status catalogue_row_read(const struct catalogue *catalogue, const struct table_definition *table,
                                   struct slice image, struct value *values, struct kmb_error *error);

/*
 * What an image of any version has in living column `ordinal`, as its history tells: a column that took the place of
 * another goes on from it. The value is in the type it had then; bytes borrow from image and catalogue.
 */
enum catalogue_origin {
    CATALOGUE_OWN,      /* written with the row */
    CATALOGUE_REPLACED, /* written with the row, into a column that the column has replaced */
    CATALOGUE_GIVEN,    /* the row is older: the missing_value of the column, or of the first that it has replaced */
};
enum catalogue_origin catalogue_past_value(const struct table_definition *table, struct slice image, uint32_t ordinal,
                                           struct value *value);

/* Number of living columns without the hidden ones, and the i-th of them: the ordinals of rows and of SQL. Hidden
 * columns have the ordinals from there on to catalogue_stored_count(). */
uint32_t catalogue_column_count(const struct catalogue *catalogue, const struct table_definition *table);
uint32_t catalogue_stored_count(const struct catalogue *catalogue, const struct table_definition *table);
const struct column_definition *catalogue_column(const struct catalogue *catalogue,
                                                 const struct table_definition *table, uint32_t ordinal);
/* Ordinal of a living column by its id, or CATALOGUE_COLUMN_MISSING. */
uint16_t catalogue_column_ordinal(const struct catalogue *catalogue, const struct table_definition *table,
                                  struct column_id id);

#endif
