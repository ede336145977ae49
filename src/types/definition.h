/*
 * The definition of a table: what CREATE TABLE and ALTER TABLE come to, as events carry it and the catalogue keeps it.
 * A view is defined the same way: columns without keys, and the query that gives its rows; and a sequence: columns
 * without keys, and how its values follow each other; and types of the user's: labels, or one column with checks.
 *
 * Expressions are SQL text, parsed again by whoever evaluates them. All arrays and texts are borrowed: from the event's
 * bytes and the arena it was decoded with, or from whoever built the struct.
 */
#ifndef KMB_TYPES_DEFINITION_H
#define KMB_TYPES_DEFINITION_H

#include "base/arena.h"
#include "base/codec.h"
#include "types/data_class.h"
#include "types/ids.h"
#include "types/row.h"
#include "types/value.h"

#define DEFINITION_NAME_BYTES_MAX  63 /* of an identifier, as PostgreSQL */
#define DEFINITION_KEY_COLUMNS_MAX 32 /* of a key or index, as PostgreSQL */
#define DEFINITION_INDEXES_MAX     1024
#define DEFINITION_CHECKS_MAX      1600
#define DEFINITION_FOREIGN_MAX     1600
#define DEFINITION_COMMENTS_MAX    8192
#define DEFINITION_LABELS_MAX      65535 /* of an enum type */

enum default_kind {
    DEFAULT_NONE = 0,
    DEFAULT_EXPRESSION = 1, /* default_text, evaluated for each row */
    DEFAULT_GENERATED = 2,  /* default_text over the row's other columns; never given */
    /* The next value of the sequence that the column owns, without a text. */
    DEFAULT_IDENTITY_ALWAYS = 3, /* given only when overriding */
    DEFAULT_IDENTITY = 4,
};

static inline bool default_is_identity(enum default_kind kind) {
    return kind == DEFAULT_IDENTITY_ALWAYS || kind == DEFAULT_IDENTITY;
}

struct column_definition {
    struct column_id id;
    struct slice name;
    struct type type;
    bool not_null;
    bool dropped;           /* kept so that its id and old rows stay readable; has no place in new rows */
    bool sealed;            /* personal data under its subject's key; reserved, always false */
    bool hidden;            /* what an index is of: computed and stored as a generated column, named by nobody */
    struct column_id place; /* of the column whose place it has among the columns; 0: its own */
    enum default_kind default_kind;
    struct slice default_text;
    /* What rows written before ADD COLUMN read: value_encode() bytes, empty for NULL. */
    struct slice missing_value;
    struct schema_version added_in;   /* first schema version with the column */
    struct schema_version dropped_in; /* first without it; 0 while it lives */
};

struct key_part {
    struct column_id column;
    bool descending;
    bool nulls_other; /* NULLS FIRST of an ascending, LAST of a descending one: kept, keys are as without it */
};

enum index_state {
    INDEX_DECLARED = 0, /* being filled; kept up by writes, not read by queries */
    INDEX_READY = 1,
};

struct index_definition {
    struct index_id id;
    struct slice name;
    const struct key_part *parts;
    uint32_t part_count;
    bool unique;
    bool constraint; /* made by UNIQUE in a table definition: dropped with its constraint only */
    bool nulls_same; /* NULLS NOT DISTINCT: of a unique one */
    enum index_state state;
    struct column_id filter; /* a hidden boolean column: only rows in which it is true have entries; 0: all have */
    const struct column_id *include; /* kept, not part of the keys */
    uint32_t include_count;
};

struct check_definition {
    struct constraint_id id;
    struct slice name;
    struct slice text; /* expression */
    bool not_valid;    /* rows older than it were not looked at */
};

/* What becomes of the rows that refer to a row which goes or changes its key. */
enum reference_action {
    REFERENCE_NO_ACTION = 0, /* none may be left when the statement, or the transaction, ends */
    REFERENCE_RESTRICT = 1,  /* there may be none at all */
    REFERENCE_CASCADE = 2,
    REFERENCE_SET_NULL = 3,
    REFERENCE_SET_DEFAULT = 4,
};

struct reference_part {
    struct column_id column; /* of the table that has the foreign key */
    struct column_id parent; /* of the table it refers to */
};

struct foreign_key_definition {
    struct constraint_id id;
    struct slice name;
    struct table_id parent;
    const struct reference_part *parts;
    uint32_t part_count;
    bool match_full; /* all columns NULL or none; else one NULL is enough to refer to nothing */
    enum reference_action on_update;
    enum reference_action on_delete;
    const struct column_id *set_columns; /* of ON DELETE SET NULL and SET DEFAULT; none: all */
    uint32_t set_count;
    bool deferrable;
    bool deferred;  /* initially */
    bool not_valid; /* rows older than it were not looked at */
};

/* What of a table a comment is of, or a constraint's name. */
enum definition_part {
    DEFINITION_TABLE = 0,
    DEFINITION_COLUMN = 1,
    DEFINITION_INDEX = 2,
    DEFINITION_CONSTRAINT = 3, /* a check or a foreign key */
    DEFINITION_PRIMARY_KEY = 4,
};

struct comment_definition {
    enum definition_part part;
    uint32_t id; /* of the column, index or constraint; 0 of the table and the primary key */
    struct slice text;
};

/* How the values of a sequence follow each other. Where it stands is no part of its definition. */
struct sequence_definition {
    enum type_id type; /* INT2, INT4 or INT8; UNKNOWN: no sequence */
    int64_t start;
    int64_t increment; /* not 0 */
    int64_t minimum;
    int64_t maximum;
    bool cycle;
    struct table_id owner; /* 0: none; dropped with this column */
    struct column_id owner_column;
};

/* Of a view that is written through: whether new rows must be among those that it shows. */
enum view_check {
    VIEW_CHECK_NONE = 0,
    VIEW_CHECK_LOCAL = 1,    /* by its own condition */
    VIEW_CHECK_CASCADED = 2, /* and by those of the views below it */
};

/* What CREATE TYPE and CREATE DOMAIN made. */
enum definition_form {
    DEFINITION_RELATION = 0, /* a table, a view or a sequence */
    DEFINITION_ENUM = 1,     /* its labels */
    DEFINITION_DOMAIN = 2,   /* one column, "value": its type, NOT NULL, default; and the checks */
};

struct table_definition {
    struct table_id id;
    struct schema_version version;
    struct slice schema_name; /* "public" */
    struct slice name;
    enum data_class data_class;
    const struct column_definition *columns; /* in order of creation, dropped ones included */
    uint32_t column_count;
    const struct key_part *primary_key; /* none: the rows have hidden row ids */
    uint32_t primary_key_count;
    struct slice primary_key_name; /* "t_pkey"; empty without one */
    const struct index_definition *indexes;
    uint32_t index_count;
    const struct check_definition *checks;
    uint32_t check_count;
    uint32_t column_id_next; /* counters: no id is reused */
    uint32_t constraint_id_next;
    struct slice view_query; /* SQL of a view; empty: a table, which has rows of its own */
    enum view_check view_check;
    struct sequence_definition sequence;
    const struct foreign_key_definition *foreign_keys; /* in the order of their making */
    uint32_t foreign_key_count;
    const struct comment_definition *comments;
    uint32_t comment_count;
    struct schema_version keys_since; /* rows of before had other keys; 0: they never had */
    enum definition_form form;
    const struct slice *labels; /* of an enum type, in order: values as value.h has them */
    uint32_t label_count;
    bool labels_renamed; /* one was: values of before have another name than it */
};

static inline bool definition_is_view(const struct table_definition *table) {
    return table->view_query.length > 0;
}

static inline bool definition_is_sequence(const struct table_definition *table) {
    return table->sequence.type != TYPE_UNKNOWN;
}

/* An enum type or a domain: no relation, found by catalogue_type() alone. */
static inline bool definition_is_type(const struct table_definition *table) {
    return table->form != DEFINITION_RELATION;
}

/* Neither a view, a sequence nor a type: it has rows. */
static inline bool definition_is_table(const struct table_definition *table) {
    return !definition_is_view(table) && !definition_is_sequence(table) && !definition_is_type(table);
}

/* The type that columns of it are of: an enum type's number, or the domain's own type with it. */
struct type definition_type(const struct table_definition *table);
/* A place and a name of an identifier's length. */
bool definition_label_valid(struct slice label);
/* The label of that name, or of that place; NULL: none. */
const struct slice *definition_label_of_name(const struct table_definition *table, struct slice name);
const struct slice *definition_label_of_place(const struct table_definition *table, struct slice label);

/* Whether an expression's text is one call, f(...): PostgreSQL writes others in parentheses where it shows an index. */
bool definition_text_is_call(struct slice text);

static inline bool definition_has_row_id(const struct table_definition *table) {
    return table->primary_key_count == 0;
}

/* The comment on a part, or an empty slice. */
struct slice definition_comment(const struct table_definition *table, enum definition_part part, uint32_t id);

void definition_encode_column(const struct column_definition *column, struct buffer *buffer);
void definition_encode_index(const struct index_definition *index, struct buffer *buffer);
void definition_encode_parts(const struct key_part *parts, uint32_t count, struct buffer *buffer);
void definition_encode_check(const struct check_definition *check, struct buffer *buffer);
void definition_encode_foreign_key(const struct foreign_key_definition *key, struct buffer *buffer);
void definition_encode_sequence(const struct sequence_definition *sequence, struct buffer *buffer);
void definition_encode_table(const struct table_definition *table, struct buffer *buffer);

/* Arrays come from the arena, texts borrow from the reader's bytes. Everything is checked: types, counts, UTF-8, that
 * key parts name living columns. KMB_CORRUPT, KMB_FORMAT_VERSION, KMB_NO_MEMORY. */
enum kmb_status definition_decode_column(struct reader *reader, struct column_definition *column,
                                         struct kmb_error *error);
enum kmb_status definition_decode_index(struct reader *reader, struct arena *arena, struct index_definition *index,
                                        struct kmb_error *error);
enum kmb_status definition_decode_parts(struct reader *reader, struct arena *arena, const struct key_part **parts,
                                        uint32_t *count, struct kmb_error *error);
enum kmb_status definition_decode_check(struct reader *reader, struct check_definition *check, struct kmb_error *error);
enum kmb_status definition_decode_foreign_key(struct reader *reader, struct arena *arena,
                                              struct foreign_key_definition *key, struct kmb_error *error);
enum kmb_status definition_decode_sequence(struct reader *reader, struct sequence_definition *sequence,
                                           struct kmb_error *error);
enum kmb_status definition_decode_table(struct slice bytes, struct arena *arena, struct table_definition *table,
                                        struct kmb_error *error);
/* A deep copy. False: no memory. */
bool definition_copy_table(const struct table_definition *table, struct arena *arena, struct table_definition *out);

/* NULL when there is none; dropped columns are not found by name. */
const struct column_definition *definition_column_of_name(const struct table_definition *table, struct slice name);
const struct column_definition *definition_column_of_id(const struct table_definition *table, struct column_id id);
const struct index_definition *definition_index_of_id(const struct table_definition *table, struct index_id id);
const struct index_definition *definition_index_of_name(const struct table_definition *table, struct slice name);

/*
 * The row layout of one schema version of the table, old ones included: the columns added by then and not yet dropped.
 * Memory from the arena. KMB_NO_MEMORY, KMB_TOO_MANY_COLUMNS.
 */
enum kmb_status definition_row_layout(const struct table_definition *table, struct schema_version version,
                                      struct arena *arena, struct row_layout *layout, struct kmb_error *error);

#endif
