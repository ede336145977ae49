/*
 * Types as one table.
 *
 * Everything that is known of a type without looking at a value stands in one row: its category, its names as SQL and
 * as pg_type spell them, its OID and length on PostgreSQL's wire. The functions only look rows up. Names that mean a
 * type (aliases of SQL, of PostgreSQL, and of other databases that users bring along: STRING, BLOB, DATETIME) are a
 * second table from spelling to id; a spelling of several words is matched after its blanks are brought to one each.
 *
 * Modifiers are our own small integers (see type.h); PostgreSQL's atttypmod, which adds the size of a varlena header to
 * lengths and precisions, is made only where the wire asks for it.
 */
#include "types/type.h"

#include <stdio.h>

#include "base/assert.h"

#define VARLENA_HEADER 4 /* what PostgreSQL adds to the modifiers of varlena types */

struct type_row {
    enum type_category category;
    const char *name;
    const char *internal_name;
    uint32_t oid;
    int32_t length;
    const char *array_name; /* of the type whose elements are of this one */
    const char *array_internal_name;
    uint32_t array_oid;
};

/* One row: category, SQL name, pg_type name, OID, length, OID of its array type. */
#define ROW(category, name, internal, oid, length, array_oid)                                                          \
    { TYPE_CATEGORY_##category, name, internal, oid, length, name "[]", "_" internal, array_oid }
static const struct type_row TYPE_ROWS[TYPE_COUNT] = {
    [TYPE_UNKNOWN] = {TYPE_CATEGORY_UNKNOWN, "unknown", "unknown", 705, -2, NULL, NULL, 0},
    [TYPE_BOOL] = ROW(BOOLEAN, "boolean", "bool", 16, 1, 1000),
    [TYPE_INT2] = ROW(NUMERIC, "smallint", "int2", 21, 2, 1005),
    [TYPE_INT4] = ROW(NUMERIC, "integer", "int4", 23, 4, 1007),
    [TYPE_INT8] = ROW(NUMERIC, "bigint", "int8", 20, 8, 1016),
    [TYPE_FLOAT4] = ROW(NUMERIC, "real", "float4", 700, 4, 1021),
    [TYPE_FLOAT8] = ROW(NUMERIC, "double precision", "float8", 701, 8, 1022),
    [TYPE_NUMERIC] = ROW(NUMERIC, "numeric", "numeric", 1700, -1, 1231),
    [TYPE_TEXT] = ROW(STRING, "text", "text", 25, -1, 1009),
    [TYPE_VARCHAR] = ROW(STRING, "character varying", "varchar", 1043, -1, 1015),
    [TYPE_BPCHAR] = ROW(STRING, "character", "bpchar", 1042, -1, 1014),
    [TYPE_BYTEA] = ROW(OTHER, "bytea", "bytea", 17, -1, 1001),
    [TYPE_DATE] = ROW(DATETIME, "date", "date", 1082, 4, 1182),
    [TYPE_TIME] = ROW(DATETIME, "time without time zone", "time", 1083, 8, 1183),
    [TYPE_TIMESTAMP] = ROW(DATETIME, "timestamp without time zone", "timestamp", 1114, 8, 1115),
    [TYPE_TIMESTAMPTZ] = ROW(DATETIME, "timestamp with time zone", "timestamptz", 1184, 8, 1185),
    [TYPE_INTERVAL] = ROW(TIMESPAN, "interval", "interval", 1186, 16, 1187),
    [TYPE_UUID] = ROW(OTHER, "uuid", "uuid", 2950, 16, 2951),
    [TYPE_JSON] = ROW(OTHER, "json", "json", 114, -1, 199),
    [TYPE_JSONB] = ROW(OTHER, "jsonb", "jsonb", 3802, -1, 3807),
    [TYPE_TINYINT] = ROW(NUMERIC, "tinyint", "tinyint", 21, 2, 1005),
    [TYPE_ENUM] = ROW(OTHER, "enum", "enum", 3500, 4, 2277), /* each has a name and an OID of its own */
    [TYPE_NAME] = ROW(STRING, "name", "name", 19, 64, 1003),
    [TYPE_CHAR] = {TYPE_CATEGORY_INTERNAL, "\"char\"", "char", 18, 1, "\"char\"[]", "_char", 1002},
    [TYPE_OID] = ROW(NUMERIC, "oid", "oid", 26, 4, 1028),
    [TYPE_REGCLASS] = ROW(NUMERIC, "regclass", "regclass", 2205, 4, 2210),
    [TYPE_REGTYPE] = ROW(NUMERIC, "regtype", "regtype", 2206, 4, 2211),
    [TYPE_REGNAMESPACE] = ROW(NUMERIC, "regnamespace", "regnamespace", 4089, 4, 4090),
    [TYPE_REGROLE] = ROW(NUMERIC, "regrole", "regrole", 4096, 4, 4097),
    [TYPE_REGPROC] = ROW(NUMERIC, "regproc", "regproc", 24, 4, 1008),
    [TYPE_REGPROCEDURE] = ROW(NUMERIC, "regprocedure", "regprocedure", 2202, 4, 2207),
    [TYPE_REGOPERATOR] = ROW(NUMERIC, "regoperator", "regoperator", 2204, 4, 2209),
};

struct type_alias {
    const char *name;
    enum type_id id;
};

static const struct type_alias TYPE_ALIASES[] = {
    {"bool", TYPE_BOOL},
    {"boolean", TYPE_BOOL},
    {"tinyint", TYPE_TINYINT},
    {"int1", TYPE_TINYINT},
    {"smallint", TYPE_INT2},
    {"int2", TYPE_INT2},
    {"int", TYPE_INT4},
    {"integer", TYPE_INT4},
    {"int4", TYPE_INT4},
    {"bigint", TYPE_INT8},
    {"int8", TYPE_INT8},
    {"real", TYPE_FLOAT4},
    {"float4", TYPE_FLOAT4},
    {"float", TYPE_FLOAT8},
    {"float8", TYPE_FLOAT8},
    {"double", TYPE_FLOAT8},
    {"double precision", TYPE_FLOAT8},
    {"numeric", TYPE_NUMERIC},
    {"decimal", TYPE_NUMERIC},
    {"dec", TYPE_NUMERIC},
    {"text", TYPE_TEXT},
    {"string", TYPE_TEXT},
    {"varchar", TYPE_VARCHAR},
    {"character varying", TYPE_VARCHAR},
    {"char varying", TYPE_VARCHAR},
    {"bpchar", TYPE_BPCHAR},
    {"char", TYPE_BPCHAR},
    {"character", TYPE_BPCHAR},
    {"bytea", TYPE_BYTEA},
    {"bytes", TYPE_BYTEA},
    {"blob", TYPE_BYTEA},
    {"binary", TYPE_BYTEA},
    {"varbinary", TYPE_BYTEA},
    {"date", TYPE_DATE},
    {"time", TYPE_TIME},
    {"time without time zone", TYPE_TIME},
    {"timestamp", TYPE_TIMESTAMP},
    {"datetime", TYPE_TIMESTAMP},
    {"timestamp without time zone", TYPE_TIMESTAMP},
    {"timestamptz", TYPE_TIMESTAMPTZ},
    {"timestamp with time zone", TYPE_TIMESTAMPTZ},
    {"interval", TYPE_INTERVAL},
    {"uuid", TYPE_UUID},
    {"json", TYPE_JSON},
    {"jsonb", TYPE_JSONB},
    {"name", TYPE_NAME},
    {"\"char\"", TYPE_CHAR},
    {"oid", TYPE_OID},
    {"regclass", TYPE_REGCLASS},
    {"regtype", TYPE_REGTYPE},
    {"regnamespace", TYPE_REGNAMESPACE},
    {"regrole", TYPE_REGROLE},
    {"regproc", TYPE_REGPROC},
    {"regprocedure", TYPE_REGPROCEDURE},
    {"regoperator", TYPE_REGOPERATOR},
    {"unknown", TYPE_UNKNOWN},
};

/* The pseudo-types of function signatures, from TYPE_ANYELEMENT on. */
static const struct type_row TYPE_PSEUDO_ROWS[TYPE_ANY - TYPE_ANYELEMENT + 1] = {
    [TYPE_ANYELEMENT - TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anyelement", "anyelement", 2283, 4, NULL, NULL, 0},
    [TYPE_ANYARRAY - TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anyarray", "anyarray", 2277, -1, NULL, NULL, 0},
    [TYPE_ANYCOMPATIBLE -
        TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anycompatible", "anycompatible", 5077, 4, NULL, NULL, 0},
    [TYPE_ANYCOMPATIBLEARRAY -
        TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anycompatiblearray", "anycompatiblearray", 5078, -1, NULL, NULL, 0},
    [TYPE_ANYNONARRAY - TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anynonarray", "anynonarray", 2776, 4, NULL, NULL, 0},
    [TYPE_ANYENUM - TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "anyenum", "anyenum", 3500, 4, NULL, NULL, 0},
    [TYPE_ANY - TYPE_ANYELEMENT] = {TYPE_CATEGORY_OTHER, "any", "any", 2276, 4, NULL, NULL, 0},
};

/* The row of a type, or of an array's elements. */
static const struct type_row *type_row(enum type_id id) {
    unsigned pseudo = (unsigned)id - TYPE_ANYELEMENT;
    unsigned plain = (unsigned)type_kind(type_element(id));
    if (plain < TYPE_COUNT) {
        return &TYPE_ROWS[plain];
    }
    bool named = pseudo < ARRAY_LENGTH(TYPE_PSEUDO_ROWS) && TYPE_PSEUDO_ROWS[pseudo].name != NULL;
    return &TYPE_PSEUDO_ROWS[named ? pseudo : TYPE_ANY - TYPE_ANYELEMENT];
}

enum type_category type_category_of(enum type_id id) {
    return type_is_array(id) ? TYPE_CATEGORY_ARRAY : type_row(id)->category;
}

bool type_is_integer(enum type_id id) {
    return id == TYPE_INT2 || id == TYPE_INT4 || id == TYPE_INT8 || id == TYPE_TINYINT;
}

bool type_is_string(enum type_id id) {
    return id == TYPE_TEXT || id == TYPE_VARCHAR || id == TYPE_BPCHAR;
}

bool type_is_valid(enum type_id id) {
    enum type_id kind = type_kind(type_element(id));
    return kind > TYPE_UNKNOWN && (unsigned)kind < TYPE_COUNT && (kind == TYPE_ENUM || type_object(id) == 0);
}

bool type_is_borrowed(enum type_id id) {
    return type_is_array(id) || type_is_string(id) || id == TYPE_BYTEA || id == TYPE_JSON || id == TYPE_JSONB ||
           id == TYPE_UNKNOWN || id == TYPE_NAME || id == TYPE_CHAR || type_is_label(id);
}

/* " day to second"; NULL for fields that no type has together. */
static const char *type_interval_words(int32_t modifier) {
    static const struct {
        int32_t fields;
        const char *words;
    } rows[] = {
        {0, ""},
        {TYPE_INTERVAL_YEAR, " year"},
        {TYPE_INTERVAL_MONTH, " month"},
        {TYPE_INTERVAL_DAY, " day"},
        {TYPE_INTERVAL_HOUR, " hour"},
        {TYPE_INTERVAL_MINUTE, " minute"},
        {TYPE_INTERVAL_SECOND, " second"},
        {TYPE_INTERVAL_YEAR | TYPE_INTERVAL_MONTH, " year to month"},
        {TYPE_INTERVAL_DAY | TYPE_INTERVAL_HOUR, " day to hour"},
        {TYPE_INTERVAL_DAY | TYPE_INTERVAL_HOUR | TYPE_INTERVAL_MINUTE, " day to minute"},
        {TYPE_INTERVAL_DAY | TYPE_INTERVAL_HOUR | TYPE_INTERVAL_MINUTE | TYPE_INTERVAL_SECOND, " day to second"},
        {TYPE_INTERVAL_HOUR | TYPE_INTERVAL_MINUTE, " hour to minute"},
        {TYPE_INTERVAL_HOUR | TYPE_INTERVAL_MINUTE | TYPE_INTERVAL_SECOND, " hour to second"},
        {TYPE_INTERVAL_MINUTE | TYPE_INTERVAL_SECOND, " minute to second"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].fields == type_interval_fields(modifier)) {
            return rows[i].words;
        }
    }
    return NULL;
}

bool type_column_valid(struct type type) {
    if (!type_is_valid(type.id)) {
        return false;
    }
    if (type_kind(type_element(type.id)) == TYPE_ENUM && type_object(type.id) == 0) {
        return false;
    }
    if (type.modifier == -1) {
        return true;
    }
    switch (type_element(type.id)) {
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        return type.modifier >= 1 && type.modifier <= TYPE_LENGTH_MAX;
    case TYPE_NUMERIC: {
        int32_t precision = type_numeric_precision(type.modifier);
        int32_t scale = type_numeric_scale(type.modifier);
        return precision >= 1 && precision <= TYPE_NUMERIC_PRECISION_MAX && scale >= -TYPE_NUMERIC_SCALE_MAX &&
               scale <= TYPE_NUMERIC_SCALE_MAX && type_modifier_numeric(precision, scale) == type.modifier;
    }
    case TYPE_INTERVAL:
        return type.modifier >= 0 && type_interval_digits(type.modifier) <= 6 &&
               (type_interval_fields(type.modifier) == 0 ? type.modifier <= 6
                                                         : type_interval_words(type.modifier) != NULL);
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return type.modifier >= 0 && type.modifier <= 6;
    default:
        return false;
    }
}

int64_t type_integer_min(enum type_id id) {
    ASSERT(type_is_integer(id));
    return id == TYPE_TINYINT ? INT8_MIN : id == TYPE_INT2 ? INT16_MIN : id == TYPE_INT4 ? INT32_MIN : INT64_MIN;
}

int64_t type_integer_max(enum type_id id) {
    ASSERT(type_is_integer(id));
    return id == TYPE_TINYINT ? INT8_MAX : id == TYPE_INT2 ? INT16_MAX : id == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

const char *type_name(enum type_id id) {
    return type_is_array(id) ? type_row(id)->array_name : type_row(id)->name;
}

const char *type_internal_name(enum type_id id) {
    return type_is_array(id) ? type_row(id)->array_internal_name : type_row(id)->internal_name;
}

const char *type_format(struct type type, char name[TYPE_NAME_SIZE]) {
    if (type_is_array(type.id)) {
        type_format(type_of_elements(type), name);
        size_t length = strlen(name);
        ASSERT(length + 3 <= TYPE_NAME_SIZE);
        memcpy(name + length, "[]", 3);
        return name;
    }
    const char *base = type_name(type.id);
    bool bare = type.modifier < 0;
    if (type.id == TYPE_BPCHAR && bare) {
        base = "bpchar"; /* format_type: "character" alone would mean character(1) */
    }
    if (bare) {
        snprintf(name, TYPE_NAME_SIZE, "%s", base);
    } else if (type.id == TYPE_NUMERIC) {
        snprintf(name, TYPE_NAME_SIZE, "%s(%d,%d)", base, type_numeric_precision(type.modifier),
                 type_numeric_scale(type.modifier));
    } else if (type.id == TYPE_TIME || type.id == TYPE_TIMESTAMP || type.id == TYPE_TIMESTAMPTZ) {
        int word = type.id == TYPE_TIME ? 4 : 9; /* "time" or "timestamp", the precision behind it */
        snprintf(name, TYPE_NAME_SIZE, "%.*s(%d)%s", word, base, type.modifier, base + word);
    } else if (type.id == TYPE_INTERVAL) {
        const char *words = type_interval_words(type.modifier);
        int32_t digits = type_interval_digits(type.modifier);
        char precision[16] = "";
        if (digits >= 0) {
            snprintf(precision, sizeof precision, "(%d)", digits);
        }
        snprintf(name, TYPE_NAME_SIZE, "%s%s%s", base, words == NULL ? "" : words, precision);
    } else {
        snprintf(name, TYPE_NAME_SIZE, "%s(%d)", base, type.modifier);
    }
    return name;
}

uint32_t type_oid(enum type_id id) {
    if (type_object(id) != 0) {
        return TYPE_OID_FIRST + type_object(id) + (type_is_array(id) ? TYPE_OID_ARRAY : 0);
    }
    return type_is_array(id) ? type_row(id)->array_oid : type_row(id)->oid;
}

int32_t type_oid_length(enum type_id id) {
    return type_is_array(id) ? -1 : type_row(id)->length;
}

enum type_id type_of_oid(uint32_t oid) {
    for (unsigned id = TYPE_BOOL; id < TYPE_COUNT; id++) {
        if (id == TYPE_ENUM) {
            continue;
        }
        if (TYPE_ROWS[id].oid == oid) {
            return (enum type_id)id; /* INT2 stands before TINYINT */
        }
        if (TYPE_ROWS[id].array_oid == oid) {
            return type_array_of((enum type_id)id);
        }
    }
    return TYPE_UNKNOWN;
}

int32_t type_oid_modifier(struct type type) {
    if (type.modifier < 0) {
        return -1;
    }
    switch (type_element(type.id)) {
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NUMERIC:
        return type.modifier + VARLENA_HEADER;
    case TYPE_INTERVAL:
        return type_interval_fields(type.modifier) != 0
                   ? type.modifier
                   : type_modifier_interval(TYPE_INTERVAL_ALL, type.modifier); /* all fields, this precision */
    default:
        return type.modifier;
    }
}

int32_t type_modifier_of_oid(enum type_id id, int32_t oid_modifier) {
    if (oid_modifier < 0) {
        return -1;
    }
    switch (type_element(id)) {
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NUMERIC:
        return oid_modifier < VARLENA_HEADER ? -1 : oid_modifier - VARLENA_HEADER;
    case TYPE_INTERVAL:
        return type_interval_fields(oid_modifier) == TYPE_INTERVAL_ALL ? type_interval_digits(oid_modifier)
                                                                       : oid_modifier;
    default:
        return oid_modifier;
    }
}

static bool type_byte_is_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Lower case, blanks at the ends dropped, runs of blanks inside as one. False: longer than any name. */
static bool type_name_fold(struct slice name, char folded[TYPE_NAME_SIZE]) {
    size_t length = 0;
    bool blank = false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t byte = name.bytes[i];
        if (type_byte_is_blank(byte)) {
            blank = length > 0;
            continue;
        }
        if (length + 2 >= TYPE_NAME_SIZE) {
            return false;
        }
        if (blank) {
            folded[length++] = ' ';
            blank = false;
        }
        folded[length++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    }
    folded[length] = 0;
    return length > 0;
}

bool type_of_name(struct slice name, enum type_id *id) {
    char folded[TYPE_NAME_SIZE];
    if (!type_name_fold(name, folded)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(TYPE_ALIASES); i++) {
        if (strcmp(TYPE_ALIASES[i].name, folded) == 0) {
            *id = TYPE_ALIASES[i].id;
            return true;
        }
    }
    for (unsigned element = TYPE_BOOL; element < TYPE_COUNT; element++) { /* pg_type's name of an array: "_int4" */
        if (element != TYPE_ENUM && strcmp(TYPE_ROWS[element].array_internal_name, folded) == 0) {
            *id = type_array_of((enum type_id)element);
            return true;
        }
    }
    return false;
}

static enum kmb_status type_build_numeric(const int32_t *modifiers, uint32_t count, struct type *type,
                                          struct kmb_error *error) {
    if (count > 2) {
        return error_set(error, KMB_INVALID_PARAMETER, "invalid NUMERIC type modifier");
    }
    int32_t precision = modifiers[0];
    int32_t scale = count == 2 ? modifiers[1] : 0;
    if (precision < 1 || precision > TYPE_NUMERIC_PRECISION_MAX) {
        return error_set(error, KMB_INVALID_PARAMETER, "NUMERIC precision %d must be between 1 and %d", precision,
                         TYPE_NUMERIC_PRECISION_MAX);
    }
    if (scale < -TYPE_NUMERIC_SCALE_MAX || scale > TYPE_NUMERIC_SCALE_MAX) {
        return error_set(error, KMB_INVALID_PARAMETER, "NUMERIC scale %d must be between %d and %d", scale,
                         -TYPE_NUMERIC_SCALE_MAX, TYPE_NUMERIC_SCALE_MAX);
    }
    *type = type_with(TYPE_NUMERIC, type_modifier_numeric(precision, scale));
    return KMB_OK;
}

static enum kmb_status type_build_length(enum type_id id, int32_t length, struct type *type, struct kmb_error *error) {
    const char *name = id == TYPE_VARCHAR ? "varchar" : "char";
    if (length < 1) {
        return error_set(error, KMB_INVALID_PARAMETER, "length for type %s must be at least 1", name);
    }
    if (length > TYPE_LENGTH_MAX) {
        return error_set(error, KMB_INVALID_PARAMETER, "length for type %s cannot exceed %d", name, TYPE_LENGTH_MAX);
    }
    *type = type_with(id, length);
    return KMB_OK;
}

enum kmb_status type_build(enum type_id id, const int32_t *modifiers, uint32_t modifier_count, struct type *type,
                           struct kmb_error *error) {
    if (modifier_count == 0) {
        *type = type_make(id);
        return KMB_OK;
    }
    switch (id) {
    case TYPE_NUMERIC:
        return type_build_numeric(modifiers, modifier_count, type, error);
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        if (modifier_count != 1) {
            return error_set(error, KMB_INVALID_PARAMETER, "invalid type modifier");
        }
        return type_build_length(id, modifiers[0], type, error);
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_INTERVAL:
        if (modifier_count != 1) {
            return error_set(error, KMB_INVALID_PARAMETER, "invalid type modifier");
        }
        if (modifiers[0] < 0) {
            return error_set(error, KMB_INVALID_PARAMETER, "%s(%d) precision must not be negative",
                             id == TYPE_TIME       ? "TIME"
                             : id == TYPE_INTERVAL ? "INTERVAL"
                                                   : "TIMESTAMP",
                             modifiers[0]);
        }
        *type = type_with(id, modifiers[0] > 6 ? 6 : modifiers[0]); /* PostgreSQL reduces it with a warning */
        return KMB_OK;
    default:
        return error_set(error, KMB_SYNTAX, "type modifier is not allowed for type \"%s\"", type_name(id));
    }
}

/* Reads "(n[, n])" at *at; count stays 0 when there is no parenthesis. */
static bool type_modifiers_read(struct slice text, size_t *at, int32_t modifiers[2], uint32_t *count) {
    size_t i = *at + 1;
    *count = 0;
    for (;;) {
        while (i < text.length && type_byte_is_blank(text.bytes[i])) {
            i++;
        }
        bool negative = i < text.length && text.bytes[i] == '-';
        i += negative ? 1 : 0;
        int64_t number = 0;
        size_t digits = 0;
        for (; i < text.length && text.bytes[i] >= '0' && text.bytes[i] <= '9' && digits < 9; i++, digits++) {
            number = number * 10 + (text.bytes[i] - '0');
        }
        while (i < text.length && type_byte_is_blank(text.bytes[i])) {
            i++;
        }
        if (digits == 0 || *count == 2 || i >= text.length) {
            return false;
        }
        modifiers[(*count)++] = (int32_t)(negative ? -number : number);
        uint8_t stop = text.bytes[i++];
        if (stop == ')') {
            *at = i;
            return true;
        }
        if (stop != ',') {
            return false;
        }
    }
}

/* Without blanks and pairs of brackets at the end: however many dimensions are written, the type is the same. */
static struct slice type_without_brackets(struct slice text, bool *array) {
    *array = false;
    for (;;) {
        while (text.length > 0 && type_byte_is_blank(text.bytes[text.length - 1])) {
            text.length--;
        }
        if (text.length < 2 || text.bytes[text.length - 1] != ']' || text.bytes[text.length - 2] != '[') {
            return text;
        }
        text.length -= 2;
        *array = true;
    }
}

enum kmb_status type_parse(struct slice whole, struct type *type, struct kmb_error *error) {
    bool array;
    struct slice text = type_without_brackets(whole, &array);
    /* The parenthesis may stand inside the name: "timestamp(3) with time zone". */
    uint8_t name[TYPE_NAME_SIZE];
    size_t length = 0;
    int32_t modifiers[2];
    uint32_t count = 0;
    enum type_id id = TYPE_UNKNOWN;
    bool good = true;
    for (size_t i = 0; good && i < text.length;) {
        if (text.bytes[i] == '(') {
            good = count == 0 && type_modifiers_read(text, &i, modifiers, &count);
        } else if (length < sizeof(name)) {
            name[length++] = text.bytes[i++];
        } else {
            good = false;
        }
    }
    if (!good || !type_of_name(slice_make(name, length), &id) || id == TYPE_UNKNOWN) {
        return error_set(error, KMB_UNDEFINED_OBJECT, "type \"%.*s\" does not exist",
                         (int)(whole.length < 100 ? whole.length : 100), (const char *)whole.bytes);
    }
    bool plain_char = id == TYPE_BPCHAR && count == 0 && !slice_equal_text(slice_make(name, length), "bpchar");
    if (plain_char) {
        modifiers[0] = 1; /* CHAR alone is CHAR(1) */
        count = 1;
    }
    enum kmb_status status = type_build(id, modifiers, count, type, error);
    if (status == KMB_OK && array) {
        type->id = type_array_of(type->id);
    }
    return status;
}
