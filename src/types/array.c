/*
 * Arrays as bytes.
 *
 *   u8 format | u8 dimensions | u8 1: some are NULL | u8 0 | {u32 length, i32 lower} a dimension
 *   | presence bitmap, where some are NULL | elements
 *
 * Elements of a fixed width stand at multiples of it, zeros for NULL (a timestamp's nanoseconds behind its eight
 * bytes); others behind an array of u32 end offsets. What is read from disk or from a peer goes through array_valid()
 * once; after that array_open() trusts the header.
 */
#include "types/array.h"

#include "base/assert.h"
#include "base/map.h"
#include "types/row.h"
#include "types/value_bytes.h"

#define HEADER_SIZE    4
#define DIMENSION_SIZE 8
#define FLAG_NULLS     0x01

/* Bytes of an element; 0: not fixed. */
static uint32_t element_width(enum type_id element) {
    return value_bytes_width(element) + (value_bytes_nanoseconds(element) ? 2u : 0u);
}

/* --- shapes --- */

struct array_shape array_shape_of(uint32_t count) {
    ASSERT(count <= INT32_MAX);
    struct array_shape shape = {.dimensions = count == 0 ? 0 : 1};
    shape.lengths[0] = (int32_t)count;
    shape.lowers[0] = 1;
    return shape;
}

enum kmb_status array_shape_count(const struct array_shape *shape, uint32_t *count, struct kmb_error *error) {
    uint64_t total = shape->dimensions == 0 ? 0 : 1;
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        ASSERT(shape->lengths[i] >= 0);
        total *= (uint32_t)shape->lengths[i];
        if (total > ARRAY_ELEMENTS_MAX) {
            return error_set(error, KMB_LIMIT, "array size exceeds the maximum allowed (%d)", ARRAY_ELEMENTS_MAX);
        }
    }
    for (uint32_t i = 0; i < shape->dimensions; i++) {
        int32_t end;
        if (__builtin_add_overflow(shape->lowers[i], shape->lengths[i], &end)) {
            return error_set(error, KMB_LIMIT, "array lower bound is too large: %d", shape->lowers[i]);
        }
    }
    *count = (uint32_t)total;
    return KMB_OK;
}

/* --- reading --- */

static void array_take_apart(enum type_id element, struct slice bytes, struct array *array) {
    *array = (struct array){.element = element, .width = element_width(element)};
    array->shape.dimensions = bytes.bytes[1];
    const uint8_t *at = bytes.bytes + HEADER_SIZE;
    array->count = array->shape.dimensions == 0 ? 0 : 1;
    for (uint32_t i = 0; i < array->shape.dimensions; i++, at += DIMENSION_SIZE) {
        array->shape.lengths[i] = (int32_t)bytes_load_u32(at);
        array->shape.lowers[i] = (int32_t)bytes_load_u32(at + 4);
        array->count *= (uint32_t)array->shape.lengths[i];
    }
    if (bytes.bytes[2] != 0) {
        array->present = at;
        at += (array->count + 7) / 8;
    }
    array->places = at;
    array->data = array->width == 0 ? at + (size_t)4 * array->count : at;
}

void array_open(const struct value *value, struct array *array) {
    ASSERT(type_is_array(value->type) && !value->is_null);
    ASSERT(value->as.bytes.length >= HEADER_SIZE && value->as.bytes.bytes[0] == ARRAY_FORMAT);
    array_take_apart(type_element(value->type), value->as.bytes, array);
}

static bool element_present(const struct array *array, uint32_t index) {
    return array->present == NULL || ((uint32_t)array->present[index / 8] >> (index % 8) & 1u) != 0;
}

static struct slice element_bytes(const struct array *array, uint32_t index) {
    if (array->width != 0) {
        return slice_make(array->places + (size_t)array->width * index, value_bytes_width(array->element));
    }
    uint32_t start = index == 0 ? 0 : bytes_load_u32(array->places + (size_t)4 * (index - 1));
    return slice_make(array->data + start, bytes_load_u32(array->places + (size_t)4 * index) - start);
}

static uint16_t element_nanoseconds(const struct array *array, uint32_t index) {
    return value_bytes_nanoseconds(array->element)
               ? (uint16_t)bytes_load(array->places + (size_t)array->width * index + 8, 2)
               : 0;
}

struct value array_get(const struct array *array, uint32_t index) {
    ASSERT(index < array->count);
    if (!element_present(array, index)) {
        return value_null(array->element);
    }
    struct value value = {.type = array->element};
    struct slice bytes = element_bytes(array, index);
    if (array->width == 0) {
        value_bytes_load(array->element, bytes, &value);
        return value;
    }
    value_bytes_load_fixed(array->element, bytes.bytes, (uint32_t)bytes.length, &value);
    if (value_bytes_nanoseconds(array->element)) {
        value.as.timestamp.ns = element_nanoseconds(array, index);
    }
    return value;
}

bool array_has_null(const struct array *array) {
    return array->present != NULL;
}

struct value *array_elements(const struct array *array, struct arena *arena) {
    struct value *elements = arena_alloc(arena, sizeof(*elements) * ((size_t)array->count + 1));
    for (uint32_t i = 0; elements != NULL && i < array->count; i++) {
        elements[i] = array_get(array, i);
    }
    return elements;
}

/* --- making --- */

/* Bytes of the elements and whether one is NULL. */
static uint64_t elements_measure(enum type_id element, const struct value *elements, uint32_t count, bool *nulls) {
    uint32_t width = element_width(element);
    uint64_t size = (uint64_t)count * (width == 0 ? 4 : width);
    *nulls = false;
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(elements[i].is_null || elements[i].type == element);
        *nulls = *nulls || elements[i].is_null;
        size += width == 0 ? value_bytes_size(&elements[i]) : 0;
    }
    return size;
}

static void elements_store(enum type_id element, const struct value *elements, uint32_t count, uint8_t *places) {
    uint32_t width = element_width(element);
    uint32_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (width != 0) {
            uint8_t *place = places + (size_t)width * i;
            memset(place, 0, width);
            if (!elements[i].is_null) {
                value_bytes_store_fixed(&elements[i], place, value_bytes_width(element));
            }
            if (!elements[i].is_null && value_bytes_nanoseconds(element)) {
                bytes_store(place + 8, elements[i].as.timestamp.ns, 2);
            }
            continue;
        }
        if (!elements[i].is_null) {
            value_bytes_store(&elements[i], places + (size_t)4 * count + end);
            end += value_bytes_size(&elements[i]);
        }
        bytes_store(places + (size_t)4 * i, end, 4);
    }
}

enum kmb_status array_make(enum type_id element, const struct array_shape *shape, const struct value *elements,
                           struct arena *arena, struct value *out, struct kmb_error *error) {
    uint32_t count = 0;
    enum kmb_status status = array_shape_count(shape, &count, error);
    if (status != KMB_OK) {
        return status;
    }
    uint32_t dimensions = count == 0 ? 0 : shape->dimensions;
    bool nulls;
    uint64_t size = elements_measure(element, elements, count, &nulls);
    uint64_t head = HEADER_SIZE + (uint64_t)DIMENSION_SIZE * dimensions + (nulls ? (count + 7) / 8 : 0);
    if (head + size >= ROW_BYTES_MAX) {
        return error_set(error, KMB_LIMIT, "array size exceeds the maximum allowed (%d)", ARRAY_ELEMENTS_MAX);
    }
    uint8_t *bytes = arena_alloc(arena, (size_t)(head + size));
    if (bytes == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    memset(bytes, 0, (size_t)head);
    bytes[0] = ARRAY_FORMAT;
    bytes[1] = (uint8_t)dimensions;
    bytes[2] = nulls ? FLAG_NULLS : 0;
    for (uint32_t i = 0; i < dimensions; i++) {
        bytes_store(bytes + HEADER_SIZE + (size_t)DIMENSION_SIZE * i, (uint32_t)shape->lengths[i], 4);
        bytes_store(bytes + HEADER_SIZE + (size_t)DIMENSION_SIZE * i + 4, (uint32_t)shape->lowers[i], 4);
    }
    uint8_t *present = bytes + HEADER_SIZE + (size_t)DIMENSION_SIZE * dimensions;
    for (uint32_t i = 0; nulls && i < count; i++) {
        present[i / 8] |= (uint8_t)(elements[i].is_null ? 0 : 1u << (i % 8));
    }
    elements_store(element, elements, count, bytes + head);
    *out = value_bytes(type_array_of(element), slice_make(bytes, (size_t)(head + size)));
    return KMB_OK;
}

enum kmb_status array_apply_modifier(struct type type, bool explicit_cast, const struct value *in, struct arena *arena,
                                     struct value *out, struct kmb_error *error) {
    struct array array;
    array_open(in, &array);
    struct type element = type_of_elements(type);
    struct value *elements = array_elements(&array, arena);
    if (elements == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    enum kmb_status status = KMB_OK;
    for (uint32_t i = 0; status == KMB_OK && i < array.count; i++) {
        status = value_apply_modifier(element, explicit_cast, &elements[i], arena, &elements[i], error);
    }
    return status == KMB_OK ? array_make(element.id, &array.shape, elements, arena, out, error) : status;
}

/* --- hostile bytes --- */

/* The header: after it the bitmap and the places are within the bytes. */
static bool header_valid(enum type_id element, struct slice bytes) {
    if (bytes.length < HEADER_SIZE || bytes.length > ROW_BYTES_MAX || bytes.bytes[0] != ARRAY_FORMAT ||
        bytes.bytes[1] > ARRAY_DIMENSIONS_MAX || bytes.bytes[2] > FLAG_NULLS || bytes.bytes[3] != 0) {
        return false;
    }
    struct array_shape shape = {.dimensions = bytes.bytes[1]};
    uint64_t head = HEADER_SIZE + (uint64_t)DIMENSION_SIZE * shape.dimensions;
    if (bytes.length < head) {
        return false;
    }
    for (uint32_t i = 0; i < shape.dimensions; i++) {
        const uint8_t *at = bytes.bytes + HEADER_SIZE + (size_t)DIMENSION_SIZE * i;
        shape.lengths[i] = (int32_t)bytes_load_u32(at);
        shape.lowers[i] = (int32_t)bytes_load_u32(at + 4);
        if (shape.lengths[i] < 1) {
            return false;
        }
    }
    uint32_t count = 0;
    if (array_shape_count(&shape, &count, NULL) != KMB_OK || (count == 0 && bytes.bytes[2] != 0)) {
        return false;
    }
    uint32_t width = element_width(element);
    head += bytes.bytes[2] != 0 ? (count + 7) / 8 : 0;
    head += (uint64_t)count * (width == 0 ? 4 : width);
    return width == 0 && count > 0 ? bytes.length >= head : bytes.length == head;
}

static bool bitmap_valid(const struct array *array) {
    if (array->present == NULL) {
        return true;
    }
    bool some = false;
    for (uint32_t i = 0; i < array->count; i++) {
        some = some || !element_present(array, i);
    }
    return some && (array->count % 8 == 0 || array->present[array->count / 8] >> (array->count % 8) == 0);
}

static bool ends_valid(const struct array *array, struct slice bytes) {
    uint64_t room = (uint64_t)(bytes.bytes + bytes.length - array->data);
    uint32_t last = 0;
    for (uint32_t i = 0; i < array->count; i++) {
        uint32_t end = bytes_load_u32(array->places + (size_t)4 * i);
        if (end < last || end > room) {
            return false;
        }
        last = end;
    }
    return last == room;
}

bool array_valid(enum type_id element, struct slice bytes) {
    struct array array;
    if (!header_valid(element, bytes)) {
        return false;
    }
    array_take_apart(element, bytes, &array);
    if (!bitmap_valid(&array) || (array.width == 0 && !ends_valid(&array, bytes))) {
        return false;
    }
    for (uint32_t i = 0; i < array.count; i++) {
        struct slice place = element_bytes(&array, i);
        struct value value;
        bool good = element_present(&array, i)
                        ? value_bytes_read(element, place, element_nanoseconds(&array, i), &value)
                        : bytes_are_zero(place.bytes, array.width == 0 ? place.length : array.width) &&
                              (array.width != 0 || place.length == 0);
        if (!good) {
            return false;
        }
    }
    return true;
}

/* --- order and hash --- */

static int compare_int32(int32_t a, int32_t b) {
    return a < b ? -1 : a > b;
}

static int shape_compare(const struct array *a, const struct array *b) {
    int order = compare_int32((int32_t)a->count, (int32_t)b->count);
    order = order != 0 ? order : compare_int32((int32_t)a->shape.dimensions, (int32_t)b->shape.dimensions);
    for (uint32_t i = 0; order == 0 && i < a->shape.dimensions; i++) {
        order = compare_int32(a->shape.lengths[i], b->shape.lengths[i]);
    }
    for (uint32_t i = 0; order == 0 && i < a->shape.dimensions; i++) {
        order = compare_int32(a->shape.lowers[i], b->shape.lowers[i]);
    }
    return order;
}

int array_compare(enum type_id type, struct slice a, struct slice b) {
    struct array x;
    struct array y;
    struct value left = value_bytes(type, a);
    struct value right = value_bytes(type, b);
    array_open(&left, &x);
    array_open(&right, &y);
    for (uint32_t i = 0; i < x.count && i < y.count; i++) {
        struct value element = array_get(&x, i);
        struct value other = array_get(&y, i);
        int order = value_compare_nulls_last(&element, &other);
        if (order != 0) {
            return order;
        }
    }
    return shape_compare(&x, &y);
}

uint64_t array_hash(enum type_id type, struct slice bytes, uint64_t seed) {
    struct array array;
    struct value value = value_bytes(type, bytes);
    array_open(&value, &array);
    uint64_t hash = map_hash(&array.shape.dimensions, sizeof(array.shape.dimensions), seed);
    for (uint32_t i = 0; i < array.count; i++) {
        struct value element = array_get(&array, i);
        hash = value_hash(&element, hash);
    }
    return hash;
}
