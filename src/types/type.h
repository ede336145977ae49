/*
 * The types a column or an expression can have: their stable numbers, modifiers, PostgreSQL names and OIDs.
 */
#ifndef KMB_TYPES_TYPE_H
#define KMB_TYPES_TYPE_H

#include "base/buffer.h"
#include "base/error.h"

/* Numbers go into the log and never change. */
enum type_id {
    TYPE_UNKNOWN = 0, /* an untyped literal or NULL; never a column's type */
    TYPE_BOOL = 1,
    TYPE_INT2 = 2,
    TYPE_INT4 = 3,
    TYPE_INT8 = 4,
    TYPE_FLOAT4 = 5,
    TYPE_FLOAT8 = 6,
    TYPE_NUMERIC = 7,
    TYPE_TEXT = 8,
    TYPE_VARCHAR = 9,
    TYPE_BPCHAR = 10, /* CHAR(n), kept padded with blanks to n */
    TYPE_BYTEA = 11,
    TYPE_DATE = 12,
    TYPE_TIME = 13,
    TYPE_TIMESTAMP = 14,
    TYPE_TIMESTAMPTZ = 15,
    TYPE_INTERVAL = 16,
    TYPE_UUID = 17,
    TYPE_JSON = 18,
    TYPE_JSONB = 19,
    TYPE_TINYINT = 20, /* a SMALLINT checked to 8 bits, signed */
    TYPE_ENUM = 21,    /* with the object id of the type above its lowest byte: type_of_object() */
    TYPE_NAME = 22,    /* PostgreSQL's own, of 63 bytes at most, as the next */
    TYPE_CHAR = 23,    /* "char", in quotes: one character of ASCII, or none */
    TYPE_OID = 24,     /* a number of 32 bits, unsigned */
    /* An object of the catalogue: its number, and how it is called. Never the type of what is stored. */
    TYPE_REGCLASS = 25,
    TYPE_REGTYPE = 26,
    TYPE_REGNAMESPACE = 27,
    TYPE_REGROLE = 28,
    TYPE_REGPROC = 29,
    TYPE_REGPROCEDURE = 30,
    TYPE_REGOPERATOR = 31,
    TYPE_COUNT = 32,
    /* In function signatures only; never stored. Those of elements and arrays in one signature agree. */
    TYPE_ANYELEMENT = 248,         /* PostgreSQL's anyelement: exactly the element type of the ANYARRAYs */
    TYPE_ANYARRAY = 249,           /* anyarray */
    TYPE_ANYCOMPATIBLE = 250,      /* anycompatible: what all of these can be cast to */
    TYPE_ANYCOMPATIBLEARRAY = 251, /* anycompatiblearray */
    TYPE_ANYNONARRAY = 252,        /* anynonarray */
    TYPE_ANYENUM = 253,            /* anyenum: anyelement of enum types */
    TYPE_ANY = 255,                /* any */
};

/* An array has the number of its elements' type with this bit: 0x43 is integer[]. It keeps their modifier. */
#define TYPE_ARRAY          0x40
#define TYPE_ARRAY_INT4     ((enum type_id)(TYPE_ARRAY | TYPE_INT4))
#define TYPE_ARRAY_TEXT     ((enum type_id)(TYPE_ARRAY | TYPE_TEXT))
#define TYPE_ARRAY_FLOAT8   ((enum type_id)(TYPE_ARRAY | TYPE_FLOAT8))
#define TYPE_ARRAY_INTERVAL ((enum type_id)(TYPE_ARRAY | TYPE_INTERVAL))

/*
 * Types that CREATE TYPE made: the number of their kind, with the id of the object above it. Two enum types are two
 * numbers, so whatever compares types tells them apart; whoever looks at the bytes of a value asks for the kind.
 */
#define TYPE_OBJECT_MAX 0xffffff
static inline enum type_id type_kind(enum type_id id) {
    return (enum type_id)((unsigned)id & 0xff);
}
static inline uint32_t type_object(enum type_id id) { /* 0: a type of PostgreSQL's own */
    return (uint32_t)id >> 8;
}
static inline enum type_id type_of_object(enum type_id kind, uint32_t object) {
    return (enum type_id)((unsigned)type_kind(kind) | object << 8);
}

static inline bool type_is_array(enum type_id id) {
    return (unsigned)type_kind(id) > TYPE_ARRAY && (unsigned)type_kind(id) < TYPE_ARRAY + TYPE_COUNT;
}
static inline bool type_is_enum(enum type_id id) { /* of one, not an array of it */
    return type_kind(id) == TYPE_ENUM;
}
static inline bool type_is_object(enum type_id id) { /* REGCLASS and its kin; of one, not an array of it */
    return id >= TYPE_REGCLASS && id <= TYPE_REGOPERATOR;
}
static inline bool type_is_label(enum type_id id) { /* a value is a place and a name: value_label_place() */
    return type_is_enum(id) || type_is_object(id);
}
static inline enum type_id type_array_of(enum type_id element) { /* a type other than an array's, and not UNKNOWN */
    return (enum type_id)((unsigned)element | TYPE_ARRAY);
}
static inline enum type_id type_element(enum type_id id) { /* of an array; of any other type: itself */
    return type_is_array(id) ? (enum type_id)((unsigned)id & ~(unsigned)TYPE_ARRAY) : id;
}

/*
 * modifier, -1 for none:
 *   VARCHAR, BPCHAR                       length in characters, 1..TYPE_LENGTH_MAX
 *   NUMERIC                               type_modifier_numeric(precision, scale)
 *   TIME, TIMESTAMP, TIMESTAMPTZ          digits of fractional seconds, 0..6
 *   INTERVAL                              the same; with fields, type_modifier_interval(fields, digits)
 */
struct type {
    enum type_id id;
    int32_t modifier;
    uint32_t domain; /* object id of the domain that restricts id; 0: none. Values know nothing of it */
};

#define TYPE_LENGTH_MAX            10485760 /* PostgreSQL's bound of varchar(n) */
#define TYPE_NUMERIC_PRECISION_MAX 38       /* digits a 128-bit decimal always holds */
#define TYPE_NUMERIC_SCALE_MAX     76       /* numeric(p, s): s may exceed p, as in PostgreSQL 15 */
#define TYPE_NAME_SIZE             64       /* room for any type_format() text */
#define TYPE_NAME_BYTES_MAX        63       /* of a value of type name */

static inline struct type type_make(enum type_id id) {
    return (struct type){.id = id, .modifier = -1};
}
static inline struct type type_with(enum type_id id, int32_t modifier) {
    return (struct type){.id = id, .modifier = modifier};
}
static inline struct type type_of_elements(struct type type) {
    return type_with(type_element(type.id), type.modifier);
}
static inline bool type_equal(struct type a, struct type b) {
    return a.id == b.id && a.modifier == b.modifier;
}

/* precision 1..38, scale -TYPE_NUMERIC_SCALE_MAX..TYPE_NUMERIC_SCALE_MAX */
static inline int32_t type_modifier_numeric(int32_t precision, int32_t scale) {
    return (int32_t)(((uint32_t)precision << 16) | ((uint32_t)scale & 0x7ffu));
}
static inline int32_t type_numeric_precision(int32_t modifier) {
    return (modifier >> 16) & 0xffff;
}
static inline int32_t type_numeric_scale(int32_t modifier) { /* 11 bits, signed */
    return ((modifier & 0x7ff) ^ 0x400) - 0x400;
}

/*
 * The fields an INTERVAL is restricted to, bits of PostgreSQL's own numbering: INTERVAL DAY TO SECOND has the bits of
 * day, hour, minute and second. Digits 0..6, or -1 for none. Fields 0: no restriction.
 */
#define TYPE_INTERVAL_MONTH  (1 << 1)
#define TYPE_INTERVAL_YEAR   (1 << 2)
#define TYPE_INTERVAL_DAY    (1 << 3)
#define TYPE_INTERVAL_HOUR   (1 << 10)
#define TYPE_INTERVAL_MINUTE (1 << 11)
#define TYPE_INTERVAL_SECOND (1 << 12)
#define TYPE_INTERVAL_ALL    0x7fff
static inline int32_t type_modifier_interval(int32_t fields, int32_t digits) {
    return fields == 0 ? digits : fields << 16 | (digits & 0xffff);
}
static inline int32_t type_interval_fields(int32_t modifier) {
    return modifier < 0 ? 0 : modifier >> 16;
}
static inline int32_t type_interval_digits(int32_t modifier) {
    int32_t digits = modifier & 0xffff;
    return modifier < 0 || digits == 0xffff ? -1 : digits;
}

/* Broad families: what implicit casts and the choice of an overload ask for. */
enum type_category {
    TYPE_CATEGORY_UNKNOWN,
    TYPE_CATEGORY_BOOLEAN,
    TYPE_CATEGORY_NUMERIC, /* integers, floats, NUMERIC */
    TYPE_CATEGORY_STRING,  /* TEXT, VARCHAR, BPCHAR */
    TYPE_CATEGORY_DATETIME,
    TYPE_CATEGORY_TIMESPAN,
    TYPE_CATEGORY_ARRAY,
    TYPE_CATEGORY_OTHER,    /* BYTEA, UUID, JSON, JSONB */
    TYPE_CATEGORY_INTERNAL, /* "char" */
};
enum type_category type_category_of(enum type_id id);
bool type_is_integer(enum type_id id); /* TINYINT, INT2, INT4, INT8 */
bool type_is_string(enum type_id id);  /* TEXT, VARCHAR, BPCHAR; not NAME, which has no modifier */
bool type_is_valid(enum type_id id);   /* a number of the list above that a column may have */
/* A type and modifier that a column may have; used on what comes from bytes. */
bool type_column_valid(struct type type);
/* Values live in memory that something else owns: text, bytea, json(b), arrays, unknown. */
bool type_is_borrowed(enum type_id id);

/* Range of an integer type. */
int64_t type_integer_min(enum type_id id);
int64_t type_integer_max(enum type_id id);

/* PostgreSQL's name without modifier: "character varying", "timestamp with time zone". Static, never NULL. */
const char *type_name(enum type_id id);
/* format_type(): "character varying(10)", "numeric(10,2)", "timestamp(3) without time zone". Returns name. */
const char *type_format(struct type type, char name[TYPE_NAME_SIZE]);
/* pg_type.typname: "int4", "varchar", "bpchar", "timestamptz"; what pg_typeof's column headings use. */
const char *type_internal_name(enum type_id id);

/*
 * The OID of the type in PostgreSQL; TINYINT answers int2's. A type that CREATE TYPE made has one of our own, made of
 * its object id, an array of it another. type_of_oid() knows PostgreSQL's: TYPE_UNKNOWN for others.
 */
#define TYPE_OID_FIRST UINT32_C(16384)     /* of what is a tenant's */
#define TYPE_OID_ARRAY (UINT32_C(1) << 30) /* added to it by an array */
uint32_t type_oid(enum type_id id);
enum type_id type_of_oid(uint32_t oid);
int32_t type_oid_length(enum type_id id);    /* pg_type.typlen: 4, 8, -1 ... */
int32_t type_oid_modifier(struct type type); /* atttypmod as PostgreSQL counts it */
/* The other way; -1 for what no type_oid_modifier() answers. */
int32_t type_modifier_of_oid(enum type_id id, int32_t oid_modifier);

/*
 * A name as it stands in SQL or in pg_type, lower case or not, without modifier: "int", "integer", "int4", "STRING",
 * "BLOB", "datetime", "double precision", "timestamp with time zone". False when there is no such type.
 */
bool type_of_name(struct slice name, enum type_id *id);

/*
 * Builds a type from a name's id and the numbers in parentheses behind it, checking them as PostgreSQL does.
 * Errors: KMB_INVALID_PARAMETER ("NUMERIC precision 99 must be between 1 and 38", "length for type varchar must be at
 * least 1"), KMB_SYNTAX ("type modifier is not allowed for type "integer"").
 */
enum kmb_status type_build(enum type_id id, const int32_t *modifiers, uint32_t modifier_count, struct type *type,
                           struct kmb_error *error);

/* The whole of it from text, "numeric(10, 2)", "varchar(20)" or "text[]". KMB_UNDEFINED_OBJECT: type "x" does not
 * exist. */
enum kmb_status type_parse(struct slice text, struct type *type, struct kmb_error *error);

#endif
