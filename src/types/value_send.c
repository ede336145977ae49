/*
 * Values in PostgreSQL's binary format.
 *
 * Most types are a few bytes turned round. NUMERIC is the odd one: PostgreSQL keeps it as digits to the base 10,000,
 * aligned to the decimal point, with the weight of the first and the scale that is shown; ours is an integer and a
 * scale. Going out the mantissa is cut into groups of four digits from the point; coming in the groups are put together
 * again, what stands beyond the scale is cut off as PostgreSQL does, and what 38 digits do not hold is refused.
 *
 * What comes in may be hostile: every count is compared with the bytes that are there before memory is asked for.
 */
#include "types/value_send.h"

#include "base/assert.h"
#include "types/array.h"
#include "types/json.h"
#include "types/utf8.h"
#include "types/wide.h"

#define EPOCH_DAYS    VALUE_SEND_EPOCH_DAYS
#define EPOCH_US      (EPOCH_DAYS * US_PER_DAY)
#define JSONB_VERSION 1

/* Sign words of a NUMERIC. */
enum numeric_sign {
    NUMERIC_POSITIVE = 0x0000,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_NAN = 0xc000,
    NUMERIC_INFINITY = 0xd000,
    NUMERIC_NEGATIVE_INFINITY = 0xf000,
};
#define NUMERIC_BASE           10000
#define NUMERIC_DIGITS         4 /* of ours in one of its */
#define NUMERIC_SCALE_MAX      0x3fff
#define NUMERIC_SCALE_INFINITY 32 /* what PostgreSQL happens to write, and nobody reads */
#define NUMERIC_GROUPS         12 /* that 38 digits can touch, and one */

/* --- out --- */

static void store_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put_u16(struct buffer *out, uint16_t value) {
    uint8_t *place = buffer_extend(out, 2);
    if (place != NULL) {
        store_u16(place, value);
    }
}

static void put_u32(struct buffer *out, uint32_t value) {
    uint8_t *place = buffer_extend(out, 4);
    if (place != NULL) {
        codec_put_u32_big(place, value);
    }
}

static void put_u64(struct buffer *out, uint64_t value) {
    uint8_t *place = buffer_extend(out, 8);
    if (place != NULL) {
        codec_put_u64_big(place, value);
    }
}

static void send_real(const struct value *value, struct buffer *out) {
    if (value->type == TYPE_FLOAT4) {
        float single = (float)value->as.real;
        uint32_t bits;
        memcpy(&bits, &single, sizeof(bits));
        put_u32(out, bits);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value->as.real, sizeof(bits));
    put_u64(out, bits);
}

/* A magnitude's groups of four digits, least first; how many. None is 0 at the top. */
static uint32_t numeric_groups(struct wide magnitude, uint32_t scale, uint16_t groups[NUMERIC_GROUPS]) {
    uint32_t count = 0;
    struct wide rest;
    uint32_t odd = scale % NUMERIC_DIGITS;
    if (odd != 0) { /* the last digits of the fraction are less than a group */
        magnitude = wide_divide(magnitude, wide_power10(odd), &rest);
        groups[count++] = (uint16_t)(rest.low * wide_power10(NUMERIC_DIGITS - odd).low);
    }
    while (!wide_is_zero(magnitude)) {
        magnitude = wide_divide(magnitude, wide_power10(4 * NUMERIC_DIGITS), &rest);
        for (uint32_t i = 0; i < 4 && (rest.low != 0 || !wide_is_zero(magnitude)); i++) {
            ASSERT(count < NUMERIC_GROUPS);
            groups[count++] = (uint16_t)(rest.low % NUMERIC_BASE);
            rest.low /= NUMERIC_BASE;
        }
    }
    while (count > 0 && groups[count - 1] == 0) {
        count--;
    }
    return count;
}

static void send_numeric(struct decimal a, struct buffer *out) {
    static const uint16_t signs[] = {[DECIMAL_NAN] = NUMERIC_NAN,
                                     [DECIMAL_INFINITY] = NUMERIC_INFINITY,
                                     [DECIMAL_NEGATIVE_INFINITY] = NUMERIC_NEGATIVE_INFINITY};
    uint16_t groups[NUMERIC_GROUPS];
    uint32_t count = 0;
    uint32_t skipped = 0; /* zeros at the end */
    uint16_t sign = signs[a.kind];
    uint16_t scale = a.kind == DECIMAL_FINITE || a.kind == DECIMAL_NAN ? a.scale : NUMERIC_SCALE_INFINITY;
    if (a.kind == DECIMAL_FINITE) {
        struct wide mantissa = {.low = a.low, .high = a.high};
        sign = wide_is_negative(mantissa) ? NUMERIC_NEGATIVE : NUMERIC_POSITIVE;
        count = numeric_groups(wide_absolute(mantissa), a.scale, groups);
        while (skipped < count && groups[skipped] == 0) {
            skipped++;
        }
    }
    uint32_t behind = (a.scale + NUMERIC_DIGITS - 1u) / NUMERIC_DIGITS; /* groups behind the point */
    uint8_t *place = buffer_extend(out, 8 + (size_t)(count - skipped) * 2);
    if (place == NULL) {
        return;
    }
    store_u16(place, (uint16_t)(count - skipped));
    store_u16(place + 2, count == 0 ? 0 : (uint16_t)(count - 1 - behind));
    store_u16(place + 4, sign);
    store_u16(place + 6, scale);
    place += 8;
    for (uint32_t i = count; i > skipped; i--, place += 2) {
        store_u16(place, groups[i - 1]);
    }
}

static void send_array(const struct value *value, struct buffer *out) {
    struct array array;
    array_open(value, &array);
    put_u32(out, array.shape.dimensions);
    put_u32(out, array_has_null(&array) ? 1 : 0);
    put_u32(out, type_oid(array.element));
    for (uint32_t i = 0; i < array.shape.dimensions; i++) {
        put_u32(out, (uint32_t)array.shape.lengths[i]);
        put_u32(out, (uint32_t)array.shape.lowers[i]);
    }
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        put_u32(out, UINT32_MAX);
        if (element.is_null) {
            continue;
        }
        size_t start = out->length;
        value_send(&element, out);
        if (buffer_ok(out)) {
            codec_put_u32_big(out->bytes + start - 4, (uint32_t)(out->length - start));
        }
    }
}

void value_send(const struct value *value, struct buffer *out) {
    ASSERT(!value->is_null);
    if (type_is_array(value->type)) {
        send_array(value, out);
        return;
    }
    switch (type_kind(value->type)) {
    case TYPE_BOOL:
        buffer_append_byte(out, value->as.boolean ? 1 : 0);
        return;
    case TYPE_TINYINT:
    case TYPE_INT2:
        put_u16(out, (uint16_t)value->as.integer);
        return;
    case TYPE_INT4:
    case TYPE_OID:
        put_u32(out, (uint32_t)value->as.integer);
        return;
    case TYPE_INT8:
    case TYPE_TIME:
        put_u64(out, (uint64_t)value->as.integer);
        return;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        send_real(value, out);
        return;
    case TYPE_NUMERIC:
        send_numeric(value->as.decimal, out);
        return;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_BYTEA:
    case TYPE_JSON:
    case TYPE_NAME:
    case TYPE_UNKNOWN:
        buffer_append_slice(out, value->as.bytes);
        return;
    case TYPE_CHAR:
        buffer_append_byte(out, value->as.bytes.length == 0 ? 0 : value->as.bytes.bytes[0]);
        return;
    case TYPE_JSONB:
        buffer_append_byte(out, JSONB_VERSION);
        buffer_append_slice(out, value->as.bytes);
        return;
    case TYPE_DATE:
        put_u32(out,
                (uint32_t)(date_is_finite(value->as.integer) ? value->as.integer - EPOCH_DAYS : value->as.integer));
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        put_u64(out, (uint64_t)value_send_timestamp(value->as.timestamp));
        return;
    case TYPE_INTERVAL:
        put_u64(out, (uint64_t)value->as.interval.us);
        put_u32(out, (uint32_t)value->as.interval.days);
        put_u32(out, (uint32_t)value->as.interval.months);
        return;
    case TYPE_UUID:
        buffer_append(out, value->as.uuid, 16);
        return;
    case TYPE_ENUM:
        buffer_append_slice(out, value_label_name(value->as.bytes));
        return;
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        put_u32(out, (uint32_t)codec_get_u64_big(value_label_place(value->as.bytes).bytes));
        return;
    default:
        break;
    }
    UNREACHABLE("type of a value");
}

/* --- in --- */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* A big-endian integer; after one that was not there the reader has failed and everything is 0. */
static uint64_t take(struct reader *bytes, size_t width) {
    struct slice taken = reader_take(bytes, width);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.length; i++) {
        value = value << 8 | taken.bytes[i];
    }
    return value;
}

static struct slice take_rest(struct reader *bytes) {
    return reader_take(bytes, reader_left(bytes));
}

static int64_t take_signed(struct reader *bytes, size_t width) {
    uint64_t value = take(bytes, width);
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    return (int64_t)((value ^ sign) - sign);
}

static double take_real(enum type_id type, struct reader *bytes) {
    if (type == TYPE_FLOAT4) {
        uint32_t bits = (uint32_t)take(bytes, 4);
        float single;
        memcpy(&single, &bits, sizeof(single));
        return (double)single;
    }
    uint64_t bits = take(bytes, 8);
    double real;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

/*
 * The number that groups make, the first of which counts 10,000^weight, as far as `scale` digits behind the point show
 * it: mantissa / 10^*behind, without zeros at its end (*behind may be below 0). False: more than 38 digits.
 */
static bool numeric_sum(struct slice groups, int32_t weight, int32_t scale, struct wide *mantissa, int32_t *behind) {
    *mantissa = wide_of(0);
    *behind = 0;
    for (size_t i = 0; i < groups.length / 2; i++) {
        uint32_t group = (uint32_t)groups.bytes[2 * i] << 8 | groups.bytes[2 * i + 1];
        int32_t place = NUMERIC_DIGITS * ((int32_t)i - weight); /* of its last digit, behind the point */
        if (place >= scale + NUMERIC_DIGITS) {
            break; /* hidden, and so is all that follows */
        }
        for (; place > scale; place--) {
            group /= 10;
        }
        for (; group != 0 && group % 10 == 0; place--) {
            group /= 10;
        }
        if (group == 0) {
            continue;
        }
        uint32_t step = wide_is_zero(*mantissa) ? 0 : (uint32_t)(place - *behind);
        if (!wide_scale_up(*mantissa, step, mantissa) || !wide_add(*mantissa, wide_of((int64_t)group), mantissa) ||
            !wide_is_mantissa(*mantissa)) {
            return false;
        }
        *behind = place;
    }
    return true;
}

/* With as many zeros at the end, up to `scale` digits behind the point, as there is room for. */
static bool numeric_fit(struct wide mantissa, int32_t behind, int32_t scale, struct decimal *out) {
    if (wide_is_zero(mantissa)) {
        behind = scale < DECIMAL_SCALE_MAX ? scale : DECIMAL_SCALE_MAX;
    } else if (behind < 0) {
        if (!wide_scale_up(mantissa, (uint32_t)-behind, &mantissa) || !wide_is_mantissa(mantissa)) {
            return false;
        }
        behind = 0;
    }
    if (behind > DECIMAL_SCALE_MAX) {
        return false;
    }
    struct wide longer;
    while (behind < scale && behind < DECIMAL_SCALE_MAX && wide_scale_up(mantissa, 1, &longer) &&
           wide_is_mantissa(longer)) {
        mantissa = longer;
        behind++;
    }
    return decimal_make(mantissa.high, mantissa.low, (uint32_t)behind, out);
}

static enum kmb_status bad_numeric(const char *part, struct kmb_error *error) {
    return error_set(error, KMB_INVALID_BINARY, "invalid %s in external \"numeric\" value", part);
}

static enum kmb_status receive_numeric(struct reader *bytes, struct decimal *out, struct kmb_error *error) {
    size_t count = (size_t)take(bytes, 2);
    int32_t weight = (int32_t)take_signed(bytes, 2);
    uint16_t sign = (uint16_t)take(bytes, 2);
    bool finite = sign == NUMERIC_POSITIVE || sign == NUMERIC_NEGATIVE;
    if (!finite && sign != NUMERIC_NAN && sign != NUMERIC_INFINITY && sign != NUMERIC_NEGATIVE_INFINITY) {
        return bad_numeric("sign", error);
    }
    int32_t scale = (int32_t)take(bytes, 2);
    if (scale > NUMERIC_SCALE_MAX) {
        return bad_numeric("scale", error);
    }
    struct slice groups = reader_take(bytes, 2 * count);
    for (size_t i = 0; i < groups.length / 2; i++) {
        if (((uint32_t)groups.bytes[2 * i] << 8 | groups.bytes[2 * i + 1]) >= NUMERIC_BASE) {
            return bad_numeric("digit", error);
        }
    }
    if (!finite) {
        *out = decimal_special(sign == NUMERIC_NAN        ? DECIMAL_NAN
                               : sign == NUMERIC_INFINITY ? DECIMAL_INFINITY
                                                          : DECIMAL_NEGATIVE_INFINITY);
        return KMB_OK;
    }
    struct wide mantissa;
    int32_t behind;
    if (!numeric_sum(groups, weight, scale, &mantissa, &behind) ||
        !numeric_fit(sign == NUMERIC_NEGATIVE ? wide_negate(mantissa) : mantissa, behind, scale, out)) {
        return decimal_overflow(error);
    }
    return KMB_OK;
}

static enum kmb_status receive_text(struct reader *bytes, struct slice *out, struct kmb_error *error) {
    *out = take_rest(bytes);
    return utf8_check(*out, error);
}

static enum kmb_status receive_name(struct reader *bytes, struct slice *out, struct kmb_error *error) {
    enum kmb_status status = receive_text(bytes, out, error);
    if (status == KMB_OK && out->length > TYPE_NAME_BYTES_MAX) {
        status = error_set(error, KMB_NAME_TOO_LONG, "identifier too long");
        (void)error_detail(error, "Identifier must be less than %d characters.", TYPE_NAME_BYTES_MAX + 1);
    }
    return status;
}

static enum kmb_status receive_char(struct reader *bytes, struct slice *out, struct kmb_error *error) {
    struct slice byte = reader_take(bytes, 1);
    return value_char_of(byte.length == 1 && byte.bytes[0] == 0 ? slice_make(NULL, 0) : byte, out, error);
}

static enum kmb_status receive_date(struct reader *bytes, int64_t *out, struct kmb_error *error) {
    int64_t days = take_signed(bytes, 4);
    *out = date_is_finite(days) ? days + EPOCH_DAYS : days;
    return date_valid(*out) ? KMB_OK : error_set(error, KMB_DATETIME_OVERFLOW, "date out of range");
}

static enum kmb_status receive_time(struct reader *bytes, int64_t *out, struct kmb_error *error) {
    *out = take_signed(bytes, 8);
    return time_valid(*out) ? KMB_OK : error_set(error, KMB_DATETIME_OVERFLOW, "time out of range");
}

static enum kmb_status receive_timestamp(struct reader *bytes, struct timestamp *out, struct kmb_error *error) {
    *out = timestamp_of_us(take_signed(bytes, 8));
    bool fits = !timestamp_is_finite(*out) || !__builtin_add_overflow(out->us, EPOCH_US, &out->us);
    return fits && timestamp_valid(*out) ? KMB_OK : error_set(error, KMB_DATETIME_OVERFLOW, "timestamp out of range");
}

static enum kmb_status receive_json(enum type_id type, struct reader *bytes, struct arena *arena, struct slice *out,
                                    struct kmb_error *error) {
    if (type == TYPE_JSONB) {
        uint64_t version = take(bytes, 1);
        if (reader_ok(bytes) && version != JSONB_VERSION) {
            return error_set(error, KMB_INVALID_BINARY, "unsupported jsonb version number %d", (int)version);
        }
    }
    enum kmb_status status = reader_ok(bytes) ? receive_text(bytes, out, error) : KMB_OK;
    if (status != KMB_OK || !reader_ok(bytes)) {
        return status;
    }
    if (type == TYPE_JSON) {
        return json_validate(*out, error);
    }
    struct buffer text = {0};
    status = json_normalize(*out, arena, &text, error);
    if (status == KMB_OK) {
        *out = arena_dup_slice(arena, buffer_slice(&text));
        status = out->bytes == NULL ? no_memory(error) : KMB_OK;
    }
    buffer_free(&text);
    return status;
}

/* The number of an object as the text that its type reads. */
static enum kmb_status receive_object(struct reader *bytes, struct arena *arena, struct slice *out,
                                      struct kmb_error *error) {
    char text[VALUE_INTEGER_TEXT_SIZE];
    size_t length = value_format_integer((int64_t)take(bytes, 4), text);
    *out = arena_dup_slice(arena, slice_make(text, length));
    return out->bytes == NULL ? no_memory(error) : KMB_OK;
}

/* Of no array; the modifier is not applied. */
static enum kmb_status receive_plain(enum type_id type, struct reader *bytes, struct arena *arena, struct value *out,
                                     struct kmb_error *error) {
    *out = (struct value){.type = type_is_label(type) ? TYPE_UNKNOWN : type};
    switch (type_kind(type)) {
    case TYPE_BOOL:
        out->as.boolean = take(bytes, 1) != 0;
        return KMB_OK;
    case TYPE_TINYINT:
    case TYPE_INT2:
        out->as.integer = take_signed(bytes, 2);
        return KMB_OK;
    case TYPE_INT4:
        out->as.integer = take_signed(bytes, 4);
        return KMB_OK;
    case TYPE_INT8:
        out->as.integer = take_signed(bytes, 8);
        return KMB_OK;
    case TYPE_OID:
        out->as.integer = (int64_t)take(bytes, 4);
        return KMB_OK;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        out->as.real = take_real(type, bytes);
        return KMB_OK;
    case TYPE_NUMERIC:
        return receive_numeric(bytes, &out->as.decimal, error);
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_UNKNOWN:
    case TYPE_ENUM:
        return receive_text(bytes, &out->as.bytes, error);
    case TYPE_NAME:
        return receive_name(bytes, &out->as.bytes, error);
    case TYPE_CHAR:
        return receive_char(bytes, &out->as.bytes, error);
    case TYPE_BYTEA:
        out->as.bytes = take_rest(bytes);
        return KMB_OK;
    case TYPE_DATE:
        return receive_date(bytes, &out->as.integer, error);
    case TYPE_TIME:
        return receive_time(bytes, &out->as.integer, error);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return receive_timestamp(bytes, &out->as.timestamp, error);
    case TYPE_INTERVAL:
        out->as.interval.us = take_signed(bytes, 8);
        out->as.interval.days = (int32_t)take_signed(bytes, 4);
        out->as.interval.months = (int32_t)take_signed(bytes, 4);
        return KMB_OK;
    case TYPE_UUID:
        reader_copy(bytes, out->as.uuid, 16);
        return KMB_OK;
    case TYPE_JSON:
    case TYPE_JSONB:
        return receive_json(type, bytes, arena, &out->as.bytes, error);
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        return receive_object(bytes, arena, &out->as.bytes, error);
    default:
        break;
    }
    UNREACHABLE("type of an input");
}

static enum kmb_status cut_short(struct kmb_error *error) {
    return error_set(error, KMB_PROTOCOL, "insufficient data left in message");
}

/* A value of no array, whole or an error. */
static enum kmb_status receive_value(struct type type, struct reader *bytes, struct arena *arena, struct value *out,
                                     struct kmb_error *error) {
    if ((type.id == TYPE_BOOL || type.id == TYPE_CHAR) && reader_left(bytes) == 0) {
        return error_set(error, KMB_PROTOCOL, "no data left in message");
    }
    enum kmb_status status = receive_plain(type.id, bytes, arena, out, error);
    if (!reader_ok(bytes)) {
        return cut_short(error);
    }
    bool fitted = !type_is_label(type.id) && (type.modifier >= 0 || type.id == TYPE_TINYINT);
    return status == KMB_OK && fitted ? value_apply_modifier(type, false, out, arena, out, error) : status;
}

/* --- arrays --- */

static enum kmb_status receive_shape(enum type_id element, struct reader *bytes, struct array_shape *shape,
                                     struct kmb_error *error) {
    int64_t dimensions = take_signed(bytes, 4);
    if (reader_ok(bytes) && dimensions < 0) {
        return error_set(error, KMB_INVALID_BINARY, "invalid number of dimensions: %d", (int)dimensions);
    }
    if (dimensions > ARRAY_DIMENSIONS_MAX) {
        return error_set(error, KMB_LIMIT, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                         (int)dimensions, ARRAY_DIMENSIONS_MAX);
    }
    uint64_t flags = take(bytes, 4);
    if (flags > 1) {
        return error_set(error, KMB_INVALID_BINARY, "invalid array flags");
    }
    uint32_t oid = (uint32_t)take(bytes, 4);
    if (reader_ok(bytes) && oid != type_oid(element)) {
        enum type_id found = type_of_oid(oid);
        return error_set(error, KMB_DATATYPE_MISMATCH,
                         "binary data has array element type %u (%s) instead of expected %u (%s)", oid,
                         found == TYPE_UNKNOWN ? "???" : type_name(found), type_oid(element), type_name(element));
    }
    shape->dimensions = (uint32_t)dimensions;
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        shape->lengths[i] = (int32_t)take_signed(bytes, 4);
        shape->lowers[i] = (int32_t)take_signed(bytes, 4);
    }
    for (uint32_t i = 0; i < shape->dimensions && reader_ok(bytes); i++) {
        if (shape->lengths[i] < 0) {
            return error_set(error, KMB_LIMIT, "array size exceeds the maximum allowed (%d)", ARRAY_ELEMENTS_MAX);
        }
    }
    return reader_ok(bytes) ? KMB_OK : cut_short(error);
}

static enum kmb_status receive_element(struct type type, uint32_t number, struct reader *bytes, struct arena *arena,
                                       struct value *out, struct kmb_error *error) {
    int64_t length = take_signed(bytes, 4);
    if (!reader_ok(bytes)) {
        return cut_short(error);
    }
    if (length < -1 || length > (int64_t)reader_left(bytes)) {
        return error_set(error, KMB_INVALID_BINARY, "insufficient data left in message");
    }
    if (length == -1) {
        *out = value_null(type_is_label(type.id) ? TYPE_TEXT : type.id);
        return KMB_OK;
    }
    struct reader part = reader_make(reader_take(bytes, (size_t)length));
    enum kmb_status status = receive_value(type, &part, arena, out, error);
    if (status == KMB_OK && !reader_done(&part)) {
        status = error_set(error, KMB_INVALID_BINARY, "improper binary format in array element %u", number);
    }
    out->type = type_is_label(type.id) ? TYPE_TEXT : out->type;
    return status;
}

/* The text of an array of texts, for elements that only the catalogue can read. */
static enum kmb_status array_as_text(struct value *value, struct arena *arena, struct kmb_error *error) {
    struct buffer text = {0};
    array_print(value, NULL, &text);
    *value =
        value_bytes(TYPE_UNKNOWN, buffer_ok(&text) ? arena_dup_slice(arena, buffer_slice(&text)) : slice_make(NULL, 0));
    buffer_free(&text);
    return value->as.bytes.bytes == NULL ? no_memory(error) : KMB_OK;
}

static enum kmb_status receive_array(struct type type, struct reader *bytes, struct arena *arena, struct value *out,
                                     struct kmb_error *error) {
    struct type element = type_of_elements(type);
    struct array_shape shape = {0};
    uint32_t count = 0;
    enum kmb_status status = receive_shape(element.id, bytes, &shape, error);
    if (status == KMB_OK) {
        status = array_shape_count(&shape, &count, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (count > reader_left(bytes) / 4) { /* each has a length at least */
        return cut_short(error);
    }
    struct value *elements = arena_alloc(arena, (count + (size_t)1) * sizeof(*elements));
    if (elements == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        status = receive_element(element, i + 1, bytes, arena, &elements[i], error);
        if (status != KMB_OK) {
            return status;
        }
    }
    bool labels = type_is_label(element.id);
    status = array_make(labels ? TYPE_TEXT : element.id, &shape, elements, arena, out, error);
    return status == KMB_OK && labels ? array_as_text(out, arena, error) : status;
}

enum kmb_status value_receive(struct type type, struct reader *bytes, struct arena *arena, struct value *out,
                              struct kmb_error *error) {
    return type_is_array(type.id) ? receive_array(type, bytes, arena, out, error)
                                  : receive_value(type, bytes, arena, out, error);
}
