/*
 * One value of one type: text in, text out, order, hash. Text and messages are those of PostgreSQL 15.
 */
#ifndef KMB_TYPES_VALUE_H
#define KMB_TYPES_VALUE_H

#include "base/arena.h"
#include "types/datetime.h"
#include "types/decimal.h"
#include "types/interval.h"
#include "types/type.h"

/*
 * Which member of `as` holds the value:
 *   boolean    BOOL
 *   integer    TINYINT, INT2, INT4, INT8; OID (unsigned); DATE (days since 1970-01-01); TIME (microseconds since
 * midnight) real       FLOAT4 (a double that is exactly a float), FLOAT8 decimal    NUMERIC bytes      TEXT, VARCHAR,
 * BPCHAR, NAME, CHAR, JSON, JSONB (normalised text), UNKNOWN: valid UTF-8; BYTEA: any bytes; ENUM, REGCLASS and its
 * kin: see value_label_place(); arrays: see array.h timestamp  TIMESTAMP, TIMESTAMPTZ (UTC) interval   INTERVAL uuid
 * UUID Bytes are borrowed. `as` is not looked at when is_null.
 */
struct value {
    enum type_id type;
    bool is_null;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct decimal decimal;
        struct slice bytes;
        struct timestamp timestamp;
        struct interval interval;
        uint8_t uuid[16];
    } as;
};

static inline struct value value_null(enum type_id type) {
    return (struct value){.type = type, .is_null = true};
}
static inline struct value value_bool(bool boolean) {
    return (struct value){.type = TYPE_BOOL, .as.boolean = boolean};
}
static inline struct value value_integer(enum type_id type, int64_t integer) { /* also DATE and TIME */
    return (struct value){.type = type, .as.integer = integer};
}
static inline struct value value_int8(int64_t integer) {
    return value_integer(TYPE_INT8, integer);
}
static inline struct value value_real(enum type_id type, double real) {
    return (struct value){.type = type, .as.real = real};
}
static inline struct value value_decimal(struct decimal decimal) {
    return (struct value){.type = TYPE_NUMERIC, .as.decimal = decimal};
}
static inline struct value value_bytes(enum type_id type, struct slice bytes) {
    return (struct value){.type = type, .as.bytes = bytes};
}
static inline struct value value_text(struct slice text) {
    return value_bytes(TYPE_TEXT, text);
}
static inline struct value value_timestamp(enum type_id type, struct timestamp timestamp) {
    return (struct value){.type = type, .as.timestamp = timestamp};
}
/*
 * A label of an enum type: its place among the others in eight bytes, the least first, then its name. Order, hash and
 * keys are of the place alone, which a label keeps under any name it is given. REGCLASS and its kin are the same, their
 * place is the object's number.
 */
#define VALUE_LABEL_PLACE 8
static inline struct slice value_label_place(struct slice label) {
    return slice_make(label.bytes, VALUE_LABEL_PLACE);
}
static inline struct slice value_label_name(struct slice label) {
    return slice_make(label.bytes + VALUE_LABEL_PLACE, label.length - VALUE_LABEL_PLACE);
}
static inline struct value value_interval(struct interval interval) {
    return (struct value){.type = TYPE_INTERVAL, .as.interval = interval};
}
struct value value_uuid(const uint8_t uuid[16]);

/* What NAME and "char" keep of a text: 63 bytes, no character cut; the first. KMB_UNSUPPORTED: beyond ASCII. */
struct slice value_name_of(struct slice text);
enum kmb_status value_char_of(struct slice text, struct slice *out, struct kmb_error *error);

/*
 * Text of a type's input function (labels of an enum type aside, which the catalogue knows), then its modifier applied
 * as for an assignment (varchar(n) refuses what is too long). Text types borrow from `text` unless padding needs new
 * memory; that, BYTEA and JSONB come from `arena`. `text` must be UTF-8 without NUL (else KMB_INVALID_ENCODING).
 * Errors: KMB_INVALID_TEXT, KMB_NUMERIC_OUT_OF_RANGE, KMB_INVALID_DATETIME, KMB_DATETIME_OVERFLOW, KMB_INVALID_JSON,
 * KMB_STRING_TOO_LONG, KMB_NO_MEMORY.
 */
enum kmb_status value_parse(struct type type, struct slice text, const struct datetime_context *context,
                            struct arena *arena, struct value *out, struct kmb_error *error);
/* Text of a type's output function; a NULL prints nothing. context may be NULL: UTC. */
void value_print(const struct value *value, const struct datetime_context *context, struct buffer *out);
/* For messages: NULL as "null", long text cut at 64 characters with "...". */
void value_print_escaped(struct slice bytes, struct buffer *out); /* of bytea: "a\\000" */
void value_print_short(const struct value *value, struct buffer *out);

/*
 * Makes a value of type.id fit the modifier. explicit_cast: text that is too long is cut instead of refused, as
 * 'x'::varchar(3) does; blanks at the end are always cut. "value too long for type character varying(3)".
 * Also checks TINYINT..INT8 ranges ("smallint out of range"). in and out may be the same.
 */
enum kmb_status value_apply_modifier(struct type type, bool explicit_cast, const struct value *in, struct arena *arena,
                                     struct value *out, struct kmb_error *error);

/*
 * Order of two non-NULL values of the same type (text types compare with each other): <0, 0, >0, a total order.
 * NaN is greatest and equal to itself, -0 = 0, text bytewise, BPCHAR without trailing blanks, JSON(B) by its text.
 */
int value_compare(const struct value *a, const struct value *b);
/* value_compare with NULL = NULL and NULL above everything: what GROUP BY, DISTINCT and ORDER BY ... ASC want. */
int value_compare_nulls_last(const struct value *a, const struct value *b);
bool value_equal(const struct value *a, const struct value *b); /* NULL equals NULL, types may differ (then false) */
uint64_t value_hash(const struct value *value, uint64_t seed);  /* equal values, equal hashes */
/* The same value with its bytes copied into the arena. False: no memory. */
bool value_copy(const struct value *value, struct arena *arena, struct value *out);
/* Integers in range, text UTF-8, dates in range: for what comes from outside. */
bool value_valid(const struct value *value);

/* --- parts that other rooms use alone --- */
enum kmb_status value_parse_bool(struct slice text, bool *out, struct kmb_error *error);
/* PostgreSQL's int2in, int4in, int8in by type id. */
enum kmb_status value_parse_integer(enum type_id type, struct slice text, int64_t *out, struct kmb_error *error);
enum kmb_status value_parse_real(enum type_id type, struct slice text, double *out, struct kmb_error *error);
enum kmb_status value_parse_bytea(struct slice text, struct arena *arena, struct slice *out, struct kmb_error *error);
#define VALUE_REAL_TEXT_SIZE 32
/* Shortest digits that read back the same, in PostgreSQL's form: "1e+20", "0.1", "Infinity", "NaN", "-0". */
size_t value_format_real(enum type_id type, double real, char text[VALUE_REAL_TEXT_SIZE]);
#define VALUE_INTEGER_TEXT_SIZE 24
size_t value_format_integer(int64_t integer, char text[VALUE_INTEGER_TEXT_SIZE]);
int value_compare_real(double a, double b);        /* NaN greatest, -0 = 0 */
struct slice value_trim_blanks(struct slice text); /* without blanks (0x20) at the end */

#endif
