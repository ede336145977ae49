/*
 * SQL values as the protocol carries them, and back.
 *
 * The published cells know five kinds; whatever is none of them goes as text in the form that the published clients
 * read: exact decimals, base64 for bytes, Date(days) and Time(nanoseconds) as they are used to, JSON without blanks. A
 * timestamp beyond 64 bits of nanoseconds, which cell and client cannot hold, goes as text, too. The typed cells
 * (wire/typed.h) carry every value as it is.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "crypto/base64.h"
#include "server/native_internal.h"
#include "types/utf8.h"
#include "wire/typed.h"

#define NS_PER_US 1000

/* --- parameters --------------------------------------------------------------------------------------------------- */

/* Text of no type: the statement's own type reads it. */
static enum kmb_status untyped(struct native_call *call, struct slice text, struct value *value) {
    *value = value_bytes(TYPE_UNKNOWN, text);
    return utf8_check(text, &call->error);
}

static struct timestamp timestamp_of_ns(int64_t ns) {
    int64_t us = ns / NS_PER_US;
    int64_t rest = ns % NS_PER_US;
    if (rest < 0) {
        us--;
        rest += NS_PER_US;
    }
    return (struct timestamp){.us = us, .ns = (uint16_t)rest};
}

enum kmb_status native_value_of(struct native_call *call, const struct wire_value *wire, struct value *value) {
    switch (wire->tag) {
    case WIRE_VALUE_BIG_INT:
        *value = value_int8(wire->as.big_int);
        return KMB_OK;
    case WIRE_VALUE_TEXT:
        return untyped(call, wire->as.text, value);
    case WIRE_VALUE_BOOLEAN:
        *value = value_bool(wire->as.boolean);
        return KMB_OK;
    case WIRE_VALUE_TIMESTAMP:
        *value = value_timestamp(TYPE_TIMESTAMPTZ, timestamp_of_ns(wire->as.timestamp));
        return KMB_OK;
    default:
        *value = value_null(TYPE_UNKNOWN);
        return KMB_OK;
    }
}

/* --- cells of the published protocol ------------------------------------------------------------------------------ */

static void write_text(struct buffer *out, struct slice text) {
    postcard_write_unsigned(out, WIRE_VALUE_TEXT);
    postcard_write_bytes(out, text);
}

#define REAL_PLAIN_SIZE 352 /* 1.7976931348623157e308, and 324 places behind the point, with all their zeros */

/* The shortest digits that read back the same, without an exponent. */
static size_t real_plain(enum type_id type, double real, char text[REAL_PLAIN_SIZE]) {
    char shortest[VALUE_REAL_TEXT_SIZE];
    if (isnan(real) || isinf(real)) {
        return (size_t)snprintf(text, REAL_PLAIN_SIZE, "%s", isnan(real) ? "NaN" : real < 0 ? "-inf" : "inf");
    }
    size_t length = value_format_real(type, real, shortest);
    const char *exponent = memchr(shortest, 'e', length);
    if (exponent == NULL) {
        memcpy(text, shortest, length);
        return length;
    }
    char digits[VALUE_REAL_TEXT_SIZE];
    size_t count = 0;
    int point = 0; /* how many digits stand before it */
    bool fraction = false;
    size_t at = 0;
    for (const char *next = shortest; next < exponent; next++) {
        if (*next >= '0' && *next <= '9') {
            digits[count++] = *next;
            point += !fraction;
        } else {
            fraction = fraction || *next == '.';
        }
    }
    for (int power = 0, sign = 1, i = 1; exponent + i < shortest + length; i++) {
        sign = exponent[i] == '-' ? -1 : sign;
        power = exponent[i] >= '0' && exponent[i] <= '9' ? power * 10 + (exponent[i] - '0') : power;
        point += exponent + i + 1 == shortest + length ? sign * power : 0;
    }
    if (shortest[0] == '-') {
        text[at++] = '-';
    }
    if (point <= 0) {
        text[at++] = '0';
        text[at++] = '.';
    }
    for (int zero = point; zero < 0; zero++) {
        text[at++] = '0';
    }
    for (size_t i = 0; i < count; i++) {
        if (point > 0 && i == (size_t)point) {
            text[at++] = '.';
        }
        text[at++] = digits[i];
    }
    for (int zero = (int)count; zero < point; zero++) {
        text[at++] = '0';
    }
    return at;
}

static void write_base64(struct buffer *out, struct slice bytes) {
    size_t length = BASE64_LENGTH(bytes.length);
    postcard_write_unsigned(out, WIRE_VALUE_TEXT);
    postcard_write_unsigned(out, length);
    uint8_t *place = buffer_extend(out, length + 1); /* and a zero, which goes again */
    if (place != NULL) {
        base64_encode((char *)place, bytes.bytes, bytes.length);
        out->length--;
    }
}

/* JSON is valid text: blanks outside of strings mean nothing. */
static void write_json(struct buffer *out, struct slice json) {
    size_t blanks = 0;
    for (int pass = 0; pass < 2; pass++) {
        bool inside = false;
        if (pass == 1) {
            postcard_write_unsigned(out, WIRE_VALUE_TEXT);
            postcard_write_unsigned(out, json.length - blanks);
        }
        for (size_t i = 0; i < json.length; i++) {
            uint8_t byte = json.bytes[i];
            bool blank = !inside && (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
            blanks += pass == 0 && blank;
            if (pass == 1 && !blank) {
                buffer_append_byte(out, byte);
            }
            if (inside && byte == '\\' && i + 1 < json.length) {
                i++;
                if (pass == 1) {
                    buffer_append_byte(out, json.bytes[i]);
                }
            } else if (byte == '"') {
                inside = !inside;
            }
        }
    }
}

static void write_timestamp(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    struct timestamp timestamp = value->as.timestamp;
    int64_t ns;
    if (timestamp_is_finite(timestamp) && !__builtin_mul_overflow(timestamp.us, (int64_t)NS_PER_US, &ns) &&
        !__builtin_add_overflow(ns, (int64_t)timestamp.ns, &ns)) {
        postcard_write_unsigned(out, WIRE_VALUE_TIMESTAMP);
        postcard_write_signed(out, ns);
        return;
    }
    postcard_write_unsigned(out, WIRE_VALUE_TEXT);
    wire_printed_write(value, context, out);
}

void native_value_write(const struct value *value, const struct datetime_context *context, struct buffer *out) {
    char text[REAL_PLAIN_SIZE];
    if (value->is_null) {
        postcard_write_unsigned(out, WIRE_VALUE_NULL);
        return;
    }
    switch (value->type) {
    case TYPE_BOOL:
        postcard_write_unsigned(out, WIRE_VALUE_BOOLEAN);
        buffer_append_byte(out, value->as.boolean);
        break;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        postcard_write_unsigned(out, WIRE_VALUE_BIG_INT);
        postcard_write_signed(out, value->as.integer);
        break;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NAME:
    case TYPE_UNKNOWN:
        write_text(out, value->as.bytes);
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        write_text(out, slice_make(text, real_plain(value->type, value->as.real, text)));
        break;
    case TYPE_BYTEA:
        write_base64(out, value->as.bytes);
        break;
    case TYPE_DATE:
        write_text(out,
                   slice_make(text, (size_t)snprintf(text, sizeof(text), "Date(%lld)", (long long)value->as.integer)));
        break;
    case TYPE_TIME:
        write_text(out, slice_make(text, (size_t)snprintf(text, sizeof(text), "Time(%lld)",
                                                          (long long)value->as.integer * NS_PER_US)));
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        write_timestamp(value, context, out);
        break;
    case TYPE_JSON:
    case TYPE_JSONB:
        write_json(out, value->as.bytes);
        break;
    default:
        postcard_write_unsigned(out, WIRE_VALUE_TEXT);
        wire_printed_write(value, context, out);
        break;
    }
}
