/* What the tests of this room share: random values of every type, texts, golden files. */
#ifndef KMB_TEST_TYPES_SUPPORT_H
#define KMB_TEST_TYPES_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "types/array.h"
#include "types/value.h"

__attribute__((unused)) static uint64_t test_state = UINT64_C(0x9e3779b97f4a7c15);

__attribute__((unused)) static uint64_t test_random(void) {
    test_state ^= test_state << 13;
    test_state ^= test_state >> 7;
    test_state ^= test_state << 17;
    return test_state * UINT64_C(0x2545f4914f6cdd1d);
}

__attribute__((unused)) static uint64_t test_below(uint64_t bound) {
    return test_random() % bound;
}

/* A value parsed from text; the test fails when it does not parse. */
__attribute__((unused)) static struct value test_value(struct arena *arena, const char *type_text, const char *text) {
    struct kmb_error error = {0};
    struct type type;
    struct value value = {.type = TYPE_UNKNOWN};
    if (type_parse(slice_text(type_text), &type, &error) != KMB_OK ||
        value_parse(type, slice_text(text), NULL, arena, &value, &error) != KMB_OK) {
        fail_msg("%s '%s': %s", type_text, text, error.message);
    }
    return value;
}

__attribute__((unused)) static void test_print(const struct value *value, char *text, size_t size) {
    struct buffer buffer = {0};
    value_print(value, NULL, &buffer);
    assert_true(buffer_ok(&buffer) && buffer.length < size);
    memcpy(text, buffer.bytes == NULL ? (const uint8_t *)"" : buffer.bytes, buffer.length);
    text[buffer.length] = 0;
    buffer_free(&buffer);
}

__attribute__((unused)) static struct decimal test_decimal(const char *text) {
    struct decimal out;
    struct kmb_error error = {0};
    if (decimal_parse(slice_text(text), &out, &error) != KMB_OK) {
        fail_msg("numeric '%s': %s", text, error.message);
    }
    return out;
}

static const enum type_id TEST_TYPES[] = {
    TYPE_BOOL,     TYPE_TINYINT, TYPE_INT2,   TYPE_INT4,  TYPE_INT8, TYPE_FLOAT4, TYPE_FLOAT8,    TYPE_NUMERIC,
    TYPE_TEXT,     TYPE_VARCHAR, TYPE_BPCHAR, TYPE_BYTEA, TYPE_DATE, TYPE_TIME,   TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ,
    TYPE_INTERVAL, TYPE_UUID,    TYPE_ENUM,   TYPE_NAME,  TYPE_CHAR, TYPE_OID,    TYPE_REGCLASS,
};
#define TEST_TYPE_COUNT (sizeof(TEST_TYPES) / sizeof(TEST_TYPES[0]))

__attribute__((unused)) static int64_t test_int64(void) {
    switch (test_below(4)) {
    case 0:
        return (int64_t)test_random();
    case 1:
        return (int64_t)test_below(200) - 100;
    case 2:
        return test_below(2) == 0 ? INT64_MIN : INT64_MAX;
    default:
        return (int64_t)(test_random() >> test_below(64));
    }
}

__attribute__((unused)) static int64_t test_range(int64_t low, int64_t high) {
    switch (test_below(8)) {
    case 0:
        return low;
    case 1:
        return high;
    case 2:
        return low <= 0 && high >= 0 ? 0 : low;
    default:
        break;
    }
    uint64_t width = (uint64_t)high - (uint64_t)low;
    return (int64_t)((uint64_t)low + test_random() % (width == UINT64_MAX ? width : width + 1));
}

__attribute__((unused)) static struct decimal test_random_decimal(void) {
    if (test_below(20) == 0) {
        return decimal_special((enum decimal_kind)(1 + test_below(3)));
    }
    struct decimal out;
    uint64_t low = test_random() >> test_below(64);
    int64_t high = test_below(3) == 0 ? (int64_t)(test_random() >> (2 + test_below(62))) : 0;
    if (!decimal_make(high, low, (uint32_t)test_below(40), &out)) {
        out = decimal_of_int64((int64_t)test_below(1000));
    }
    if (test_below(6) == 0) {
        out = decimal_of_int64((int64_t)test_below(20));
        out.scale = (uint16_t)test_below(4);
    }
    return test_below(2) == 0 ? decimal_negate(out) : out;
}

__attribute__((unused)) static double test_random_real(enum type_id type) {
    static const double special[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 1e-40, -1e-40, 0.5};
    if (test_below(3) == 0) {
        double real = special[test_below(sizeof(special) / sizeof(special[0]))];
        return type == TYPE_FLOAT4 ? (double)(float)real : real;
    }
    if (type == TYPE_FLOAT4) {
        uint32_t bits = (uint32_t)test_random();
        float real;
        memcpy(&real, &bits, sizeof(real));
        return (double)real;
    }
    uint64_t bits = test_random();
    double real;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* Text over a small alphabet, so that prefixes and equal texts happen; bytes may hold zeros. */
__attribute__((unused)) static struct slice test_random_bytes(struct arena *arena, bool binary) {
    static const char alphabet[] = {'a', 'b', ' ', 1, 127, '~'};
    size_t length = test_below(6);
    uint8_t *bytes = arena_alloc(arena, length + 1);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = binary ? (uint8_t)(test_below(3) == 0   ? 0
                                      : test_below(3) == 0 ? 255
                                                           : test_below(256))
                          : (uint8_t)alphabet[test_below(sizeof(alphabet))];
    }
    return slice_make(bytes, length);
}

__attribute__((unused)) static struct timestamp test_random_timestamp(void) {
    if (test_below(10) == 0) {
        return timestamp_of_us(test_below(2) == 0 ? TIMESTAMP_INFINITY : TIMESTAMP_NEGATIVE_INFINITY);
    }
    struct timestamp out = timestamp_of_us(test_range(TIMESTAMP_MIN_US, TIMESTAMP_END_US - 1));
    if (test_below(2) == 0) {
        out.us %= 1000000;
    }
    out.ns = (uint16_t)(test_below(2) == 0 ? 0 : test_below(1000));
    return out;
}

__attribute__((unused)) static struct interval test_random_interval(void) {
    if (test_below(2) == 0) {
        return (struct interval){.months = (int32_t)test_below(3) - 1,
                                 .days = (int32_t)test_below(5) * 15 - 30,
                                 .us = ((int64_t)test_below(5) - 2) * US_PER_DAY};
    }
    return (struct interval){.months = (int32_t)test_random(), .days = (int32_t)test_random(), .us = test_int64()};
}

/* One of few places; a name that says which. */
__attribute__((unused)) static struct slice test_random_label(struct arena *arena) {
    static const uint8_t places[][VALUE_LABEL_PLACE] = {{0}, {0, 1}, {0, 1, 0, 0, 0, 0, 0, 1}, {0x80}, {0xff, 0xff}};
    size_t which = test_below(sizeof(places) / sizeof(places[0]));
    uint8_t *bytes = arena_alloc(arena, VALUE_LABEL_PLACE + 2);
    assert_non_null(bytes);
    memcpy(bytes, places[which], VALUE_LABEL_PLACE);
    bytes[VALUE_LABEL_PLACE] = 'l';
    bytes[VALUE_LABEL_PLACE + 1] = (uint8_t)('e' - which);
    return slice_make(bytes, VALUE_LABEL_PLACE + 2);
}

__attribute__((unused)) static struct value test_random_value(enum type_id type, struct arena *arena) {
    struct value value = {.type = type};
    switch (type) {
    case TYPE_BOOL:
        value.as.boolean = test_below(2) == 0;
        break;
    case TYPE_TINYINT:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        value.as.integer = test_range(type_integer_min(type), type_integer_max(type));
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        value.as.real = test_random_real(type);
        break;
    case TYPE_NUMERIC:
        value.as.decimal = test_random_decimal();
        break;
    case TYPE_DATE:
        value.as.integer = test_below(9) == 0   ? DATE_INFINITY
                           : test_below(9) == 0 ? DATE_NEGATIVE_INFINITY
                                                : test_range(DATE_MIN, DATE_MAX);
        break;
    case TYPE_TIME:
        value.as.integer = test_range(0, TIME_MAX_US);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        value.as.timestamp = test_random_timestamp();
        break;
    case TYPE_INTERVAL:
        value.as.interval = test_random_interval();
        break;
    case TYPE_UUID:
        for (size_t i = 0; i < 16; i++) {
            value.as.uuid[i] = (uint8_t)(test_below(2) == 0 ? 0 : test_random());
        }
        break;
    case TYPE_JSON:
    case TYPE_JSONB:
        value.as.bytes = slice_text(test_below(2) == 0 ? "{\"a\": 1}" : "[1, 2]");
        break;
    case TYPE_OID:
        value.as.integer = test_range(0, UINT32_MAX);
        break;
    case TYPE_ENUM:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGNAMESPACE:
    case TYPE_REGROLE:
    case TYPE_REGPROC:
    case TYPE_REGPROCEDURE:
    case TYPE_REGOPERATOR:
        value.as.bytes = test_random_label(arena);
        break;
    case TYPE_CHAR:
        value.as.bytes = slice_make((const uint8_t *)"aZ~", test_below(2));
        break;
    default:
        value.as.bytes = test_random_bytes(arena, type == TYPE_BYTEA);
        value.as.bytes = type == TYPE_NAME ? value_name_of(value.as.bytes) : value.as.bytes;
        break;
    }
    return value;
}

/* A random array of up to three dimensions; its elements may be NULL. */
__attribute__((unused)) static struct value test_random_array(enum type_id element, struct arena *arena) {
    struct array_shape shape = {.dimensions = (uint32_t)test_below(4)};
    uint32_t count = shape.dimensions == 0 ? 0 : 1;
    for (uint32_t i = 0; i < shape.dimensions; i++) {
        shape.lengths[i] = (int32_t)(1 + test_below(4));
        shape.lowers[i] = test_below(3) == 0 ? (int32_t)test_below(9) - 4 : 1;
        count *= (uint32_t)shape.lengths[i];
    }
    struct value elements[64] = {{.type = TYPE_UNKNOWN}};
    for (uint32_t i = 0; i < count; i++) {
        elements[i] = test_random_value(element, arena);
        elements[i].is_null = test_below(5) == 0;
    }
    struct value made = {.type = TYPE_UNKNOWN};
    struct kmb_error error = {0};
    if (array_make(element, &shape, elements, arena, &made, &error) != KMB_OK) {
        fail_msg("%s", error.message);
    }
    struct array array;
    array_open(&made, &array);
    assert_int_equal(array.count, count);
    for (uint32_t i = 0; i < count; i++) {
        struct value element_read = array_get(&array, i);
        assert_int_equal(value_compare_nulls_last(&element_read, &elements[i]), 0);
    }
    return made;
}

__attribute__((unused)) static int test_sign(int order) {
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

/* A whole file, zero-terminated; the caller frees it. */
__attribute__((unused)) static char *test_read_file(const char *folder, const char *name) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("can not read %s", path);
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = 0;
    fclose(file);
    return text;
}

/* Compares bytes with the line "name hex" of a golden file. */
__attribute__((unused)) static void test_golden(const char *folder, const char *file, const char *name,
                                                struct slice bytes) {
    char *text = test_read_file(folder, file);
    char *hex = malloc(2 * bytes.length + 1);
    assert_non_null(hex);
    for (size_t i = 0; i < bytes.length; i++) {
        snprintf(hex + 2 * i, 3, "%02x", bytes.bytes[i]);
    }
    hex[2 * bytes.length] = 0;
    bool found = false;
    size_t name_length = strlen(name);
    for (char *line = text; line != NULL && *line != 0;) {
        char *end = strchr(line, '\n');
        size_t length = end == NULL ? strlen(line) : (size_t)(end - line);
        if (length > name_length && strncmp(line, name, name_length) == 0 && line[name_length] == ' ') {
            found = length == name_length + 1 + strlen(hex) && strncmp(line + name_length + 1, hex, strlen(hex)) == 0;
            break;
        }
        line = end == NULL ? NULL : end + 1;
    }
    if (!found) {
        print_message("%s differs; these are the bytes now:\n%s %s\n", file, name, hex);
    }
    free(hex);
    free(text);
    assert_true(found);
}

#endif
