/*
 * Values: order, hash, modifiers.
 *
 * Order and hash agree by construction: both work on the same canonical view of a value (a float with one NaN and one
 * zero, a decimal without trailing zeros, an interval's span, text without padding), so rows that compare equal meet in
 * the same bucket. Text types share one view and compare with each other, CHAR(n) always without its padding.
 */
#include "types/value.h"

#include <math.h>

#include "base/assert.h"
#include "base/map.h"
#include "types/array.h"
#include "types/json.h"
#include "types/utf8.h"

struct value value_uuid(const uint8_t uuid[16]) {
    struct value value = {.type = TYPE_UUID};
    memcpy(value.as.uuid, uuid, 16);
    return value;
}

struct slice value_trim_blanks(struct slice text) {
    while (text.length > 0 && text.bytes[text.length - 1] == ' ') {
        text.length--;
    }
    return text;
}

/* --- order --- */

int value_compare_real(double a, double b) {
    bool a_nan = isnan(a);
    bool b_nan = isnan(b);
    if (a_nan || b_nan) {
        return (int)a_nan - (int)b_nan;
    }
    return a < b ? -1 : a > b ? 1 : 0;
}

static int value_compare_int64(int64_t a, int64_t b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

static bool value_is_text(enum type_id type) {
    return type_is_string(type) || type == TYPE_UNKNOWN;
}

/* What text types compare by. */
static struct slice value_text_view(const struct value *value) {
    return value->type == TYPE_BPCHAR ? value_trim_blanks(value->as.bytes) : value->as.bytes;
}

int value_compare(const struct value *a, const struct value *b) {
    ASSERT(!a->is_null && !b->is_null);
    ASSERT(a->type == b->type || (value_is_text(a->type) && value_is_text(b->type)));
    if (type_is_array(a->type)) {
        return array_compare(a->type, a->as.bytes, b->as.bytes);
    }
    switch (type_kind(a->type)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return memcmp(a->as.bytes.bytes, b->as.bytes.bytes, VALUE_LABEL_PLACE);
    case TYPE_BOOL:
        return (int)a->as.boolean - (int)b->as.boolean;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_DATE:
    case TYPE_TIME:
        return value_compare_int64(a->as.integer, b->as.integer);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return value_compare_real(a->as.real, b->as.real);
    case TYPE_NUMERIC:
        return decimal_compare(a->as.decimal, b->as.decimal);
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_UNKNOWN:
        return slice_compare(value_text_view(a), value_text_view(b));
    case TYPE_BYTEA:
    case TYPE_JSON:
    case TYPE_NAME:
    case TYPE_CHAR:
        return slice_compare(a->as.bytes, b->as.bytes);
    case TYPE_JSONB:
        return json_compare(a->as.bytes, b->as.bytes);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return timestamp_compare(a->as.timestamp, b->as.timestamp);
    case TYPE_INTERVAL:
        return interval_compare(a->as.interval, b->as.interval);
    case TYPE_UUID:
        return memcmp(a->as.uuid, b->as.uuid, 16);
    default:
        break;
    }
    UNREACHABLE("type of a value");
}

int value_compare_nulls_last(const struct value *a, const struct value *b) {
    if (a->is_null || b->is_null) {
        return (int)a->is_null - (int)b->is_null;
    }
    return value_compare(a, b);
}

bool value_equal(const struct value *a, const struct value *b) {
    if (a->type != b->type && !(value_is_text(a->type) && value_is_text(b->type))) {
        return false;
    }
    return value_compare_nulls_last(a, b) == 0;
}

/* --- hash --- */

static uint64_t value_hash_word(uint64_t word, uint64_t seed) {
    return map_hash(&word, sizeof(word), seed);
}

static uint64_t value_hash_real(double real, uint64_t seed) {
    uint64_t word = UINT64_C(0x7ff8000000000000); /* every NaN */
    if (!isnan(real)) {
        real = real == 0 ? 0 : real;
        memcpy(&word, &real, sizeof(word));
    }
    return value_hash_word(word, seed);
}

uint64_t value_hash(const struct value *value, uint64_t seed) {
    if (value->is_null) {
        return value_hash_word(UINT64_C(0x6e756c6c), seed);
    }
    if (type_is_array(value->type)) {
        return array_hash(value->type, value->as.bytes, seed);
    }
    switch (type_kind(value->type)) {
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return map_hash(value->as.bytes.bytes, VALUE_LABEL_PLACE, seed);
    case TYPE_BOOL:
        return value_hash_word(value->as.boolean ? 1 : 0, seed);
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_DATE:
    case TYPE_TIME:
        return value_hash_word((uint64_t)value->as.integer, seed);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return value_hash_real(value->as.real, seed);
    case TYPE_NUMERIC:
        return value_hash_word(decimal_hash(value->as.decimal), seed);
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_UNKNOWN: {
        struct slice text = value_text_view(value);
        return map_hash(text.bytes, text.length, seed);
    }
    case TYPE_BYTEA:
    case TYPE_JSON:
    case TYPE_NAME:
    case TYPE_CHAR:
        return map_hash(value->as.bytes.bytes, value->as.bytes.length, seed);
    case TYPE_JSONB:
        return json_hash(value->as.bytes, seed);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: {
        uint64_t words[2] = {(uint64_t)value->as.timestamp.us, value->as.timestamp.ns};
        return map_hash(words, sizeof(words), seed);
    }
    case TYPE_INTERVAL:
        return value_hash_word(interval_hash(value->as.interval), seed);
    case TYPE_UUID:
        return map_hash(value->as.uuid, 16, seed);
    default:
        break;
    }
    UNREACHABLE("type of a value");
}

/* --- copies and checks --- */

bool value_copy(const struct value *value, struct arena *arena, struct value *out) {
    *out = *value;
    if (value->is_null || !type_is_borrowed(value->type) || value->as.bytes.length == 0) {
        return true;
    }
    out->as.bytes = arena_dup_slice(arena, value->as.bytes);
    return out->as.bytes.bytes != NULL;
}

bool value_valid(const struct value *value) {
    if (value->type != TYPE_UNKNOWN && !type_is_valid(value->type)) {
        return false;
    }
    if (value->is_null) {
        return true;
    }
    if (type_is_array(value->type)) {
        return array_valid(type_element(value->type), value->as.bytes);
    }
    switch (type_kind(value->type)) {
    case TYPE_OID:
        return value->as.integer >= 0 && value->as.integer <= UINT32_MAX;
    case TYPE_NAME:
        return value->as.bytes.length <= TYPE_NAME_BYTES_MAX && utf8_check(value->as.bytes, NULL) == KMB_OK;
    case TYPE_CHAR:
        return value->as.bytes.length <= 1 && utf8_check(value->as.bytes, NULL) == KMB_OK;
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return value->as.bytes.length >= VALUE_LABEL_PLACE &&
               utf8_check(value_label_name(value->as.bytes), NULL) == KMB_OK;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        return value->as.integer >= type_integer_min(value->type) && value->as.integer <= type_integer_max(value->type);
    case TYPE_DATE:
        return date_valid(value->as.integer);
    case TYPE_TIME:
        return time_valid(value->as.integer);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return timestamp_valid(value->as.timestamp);
    case TYPE_NUMERIC:
        return decimal_valid(value->as.decimal);
    case TYPE_FLOAT4:
        return isnan(value->as.real) || (double)(float)value->as.real == value->as.real;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_UNKNOWN:
        return utf8_check(value->as.bytes, NULL) == KMB_OK;
    case TYPE_JSON:
    case TYPE_JSONB:
        return utf8_check(value->as.bytes, NULL) == KMB_OK && json_validate(value->as.bytes, NULL) == KMB_OK;
    default:
        return true;
    }
}

/* --- modifiers --- */

static enum kmb_status value_integer_range(struct type type, const struct value *in, struct kmb_error *error) {
    if (in->as.integer < type_integer_min(type.id) || in->as.integer > type_integer_max(type.id)) {
        return error_set(error, KMB_NUMERIC_OUT_OF_RANGE, "%s out of range", type_name(type.id));
    }
    return KMB_OK;
}

/* Cuts what is beyond the length, which only blanks may be unless the cast is explicit. */
static enum kmb_status value_fit_length(struct type type, bool explicit_cast, struct slice *text,
                                        struct kmb_error *error) {
    struct slice head = utf8_cut(*text, (size_t)type.modifier);
    struct slice tail = slice_make(text->bytes + head.length, text->length - head.length);
    if (!explicit_cast && value_trim_blanks(tail).length > 0) {
        char name[TYPE_NAME_SIZE];
        return error_set(error, KMB_STRING_TOO_LONG, "value too long for type %s", type_format(type, name));
    }
    *text = head;
    return KMB_OK;
}

/* Blanks up to the length of a CHAR(n). */
static enum kmb_status value_pad(struct type type, struct arena *arena, struct slice *text, struct kmb_error *error) {
    size_t length = utf8_length(*text);
    size_t missing = length < (size_t)type.modifier ? (size_t)type.modifier - length : 0;
    if (missing == 0) {
        return KMB_OK;
    }
    uint8_t *bytes = arena_alloc(arena, text->length + missing);
    if (bytes == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (text->length > 0) {
        memcpy(bytes, text->bytes, text->length);
    }
    memset(bytes + text->length, ' ', missing);
    *text = slice_make(bytes, text->length + missing);
    return KMB_OK;
}

static enum kmb_status value_fit_text(struct type type, bool explicit_cast, const struct value *in, struct arena *arena,
                                      struct value *out, struct kmb_error *error) {
    struct slice text = in->as.bytes;
    enum kmb_status status = KMB_OK;
    if (type.modifier >= 0 && type.id != TYPE_TEXT) {
        if (text.length > (size_t)type.modifier) { /* bytes; else the characters are fewer still */
            status = value_fit_length(type, explicit_cast, &text, error);
        }
        if (status == KMB_OK && type.id == TYPE_BPCHAR) {
            status = value_pad(type, arena, &text, error);
        }
    }
    *out = value_bytes(type.id, text);
    return status;
}

enum kmb_status value_apply_modifier(struct type type, bool explicit_cast, const struct value *in, struct arena *arena,
                                     struct value *out, struct kmb_error *error) {
    ASSERT(in->type == type.id || in->is_null || (value_is_text(in->type) && value_is_text(type.id)));
    if (in->is_null) {
        *out = value_null(type.id);
        return KMB_OK;
    }
    if (type_is_array(type.id)) {
        return array_apply_modifier(type, explicit_cast, in, arena, out, error);
    }
    struct value made = *in;
    enum kmb_status status = KMB_OK;
    switch (type.id) {
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        status = value_integer_range(type, in, error);
        break;
    case TYPE_NUMERIC:
        status = decimal_apply_modifier(in->as.decimal, type.modifier, &made.as.decimal, error);
        break;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        status = value_fit_text(type, explicit_cast, in, arena, &made, error);
        break;
    case TYPE_TIME:
        made.as.integer = time_apply_modifier(in->as.integer, type.modifier);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        status = timestamp_apply_modifier(in->as.timestamp, type.modifier, &made.as.timestamp, error);
        break;
    case TYPE_INTERVAL:
        made.as.interval = interval_apply_modifier(in->as.interval, type.modifier);
        break;
    default:
        break;
    }
    if (status == KMB_OK) {
        *out = made;
    }
    return status;
}
